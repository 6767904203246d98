"""Whole numbers, one a row: the classes of images, and the positions of rows."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from imgcls_helpers._arguments._refusal import refuse

_LARGEST = np.iinfo(np.int64).max


def labels(
    value: Any,
    name: str = "labels",
    *,
    n: int | None = None,
    classes: int | None = None,
) -> np.ndarray:
    """Return class numbers as int64, shape (N,); refuse everything else by name.

    Parameters
    ----------
    value : array_like of int
        An integer array, a list, a tensor, a column of a table.
    name : str
        The argument's name.
    n : int, optional
        How many there must be.
    classes : int, optional
        The labels must lie below.
    """
    expected = "whole numbers of shape (N,), N at least 1, one class number each"
    if isinstance(value, np.ma.MaskedArray):
        refuse(name, expected, value, cure=_unmasked(value, name))
    array = _array(value, name, expected)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iu":
        code = name if type(value) is np.ndarray else f"np.asarray({name})"
        refuse(name, expected, value, cure=_cure(array, code))
    _check_range(array, name, classes)
    if n is not None and len(array) != n:
        refuse(name, f"{n} class numbers, one an image", came=f"{len(array)}")
    return array.astype(np.int64, copy=False)


def as_integers(array: np.ndarray) -> np.ndarray:
    """Make int64 of whole numbers of dtype object, as tables give them."""
    whole = all(map(_is_whole, array.flat))
    # Python's whole numbers have no end.
    fit = whole and max(map(abs, array.flat), default=0) <= _LARGEST
    return array.astype(np.int64) if fit else array


def positions(
    value: Any, name: str = "indices", *, rows: int | None = None, n: int | None = None
) -> np.ndarray:
    """Return positions of rows as int64, shape (M,).

    With `rows`, the number of rows, they must lie below, and one True or False a row
    counts as the positions of what is True. `n` is how many there must be.
    """
    expected = "positions, whole numbers of shape (M,), M at least 1"
    if rows is not None:
        expected += f"; or one True or False for each of {rows}"
    if isinstance(value, np.ma.MaskedArray):
        way = f"{name}.compressed()"
        if value.dtype == bool:
            way = f"{name}.filled(False)"
        cure = f"Leave out what is masked: `{way}`."
        if not np.ma.getmaskarray(value).any():
            cure = f"Nothing in it is masked: use `np.asarray({name})`."
        refuse(name, expected, value, cure=cure)
    array = _array(value, name, expected)
    if rows is not None and array.dtype == bool and array.shape == (rows,):
        array = np.flatnonzero(array)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iu":
        refuse(name, expected, value, cure=_cure_of_positions(array, name))
    bad = (array < 0) | (array > (_LARGEST if rows is None else rows - 1))
    if bad.any():
        came = f"{array[bad][0]} at position {bad.argmax()}"
        reach = "0 or more" if rows is None else f"from 0 to {rows - 1}"
        refuse(name, reach, came=came)
    if n is not None and len(array) != n:
        refuse(name, f"{n} positions, one an image", came=f"{len(array)}")
    return array.astype(np.int64)


def _cure_of_positions(array: np.ndarray, name: str) -> str:
    if array.size == 0:
        return "Nothing is chosen."
    if array.dtype.kind == "f" and array.ndim == 1 and (array % 1 == 0).all():
        return f"Use `np.asarray({name}).astype(int)`."
    if array.dtype.kind in "iu" and array.size == max(array.shape, default=1):
        return f"Use `np.ravel({name})`."
    return ""


def _array(value: Any, name: str, expected: str) -> np.ndarray:
    """Make an array, of whole numbers if that is what Python's objects are."""
    if isinstance(value, dict | set | str | bytes) or hasattr(value, "element_spec"):
        refuse(name, expected, value)
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError):  # lists of unequal length
        refuse(name, expected, came="something of which NumPy makes no array")
    if array.dtype == object and array.size:
        if all(map(_is_whole, array.flat)) and as_integers(array).dtype == object:
            refuse(name, "small enough for int64", value)
        array = as_integers(array)
    return array


def _is_whole(value: object) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(
        value, bool | np.bool_
    )


def _check_range(array: np.ndarray, name: str, classes: int | None) -> None:
    low, high = array.min(), array.max()
    if low < 0:
        refuse(
            name,
            "0 or more",
            came=f"{low} at position {array.argmin()}",
            cure="Numbers below 0 often stand for missing labels: leave those out.",
        )
    if high <= _LARGEST and (classes is None or high < classes):
        return
    cure = ""
    if array.dtype.kind == "u" and high == np.iinfo(array.dtype).max:
        cure = (
            f"As {array.dtype} that is what -1 becomes, which often stands for a "
            "missing label: leave those out."
        )
    elif high == classes and low == 1:
        cure = f"They count from 1: use `np.asarray({name}) - 1`."
    bound = "small enough for int64"
    if classes is not None:
        bound = f"below {classes}, the number of classes"
    refuse(name, bound, came=f"{high} at position {array.argmax()}", cure=cure)


def _unmasked(value: np.ma.MaskedArray, name: str) -> str:
    if not np.ma.getmaskarray(value).any():
        return f"Nothing in it is masked: use `np.asarray({name})`."
    return (
        f"Leave out what is masked: `{name}.compressed()`, and of the images those "
        f"at ~np.ma.getmaskarray({name})."
    )


def _cure(array: np.ndarray, code: str) -> str:
    """Say what makes class numbers of an array that holds something else.

    `code` is how the array is written in the caller's program.
    """
    if array.size == 0:
        return "There are none."
    if array.ndim == 2 and 1 in array.shape and not _is_one_hot(array):
        axis = ":, 0" if array.shape[1] == 1 else "0"
        inner, code = array.ravel(), f"{code}[{axis}]"
        return f"Use `{code}`." if inner.dtype.kind in "iu" else _cure(inner, code)
    if array.ndim == 2 and array.dtype.kind in "biuf":
        return _of_rows(array, code)
    return _of_values(array, code) if array.ndim == 1 else ""


def _is_one_hot(array: np.ndarray) -> bool:
    if array.ndim != 2 or array.shape[1] < 2 or array.dtype.kind not in "biuf":
        return False
    return bool(np.isin(array, (0, 1)).all() and (array.sum(axis=1) == 1).all())


def _of_rows(array: np.ndarray, code: str) -> str:
    if _is_one_hot(array):
        return f"They are one-hot: use `{code}.argmax(axis=1)`."
    sums = array.sum(axis=1, dtype=float)
    if np.isin(array, (0, 1)).all():
        return (
            f"Of the rows of zeros and ones, {(sums > 1).sum()} have several ones and "
            f"{(sums == 0).sum()} none: an image of several classes, or of none, has "
            "no class number."
        )
    if array.min() >= 0 and np.allclose(sums, 1, atol=1e-3):
        return (
            "They are shares of the classes, as softmax or mixing gives them. The "
            f"likeliest class of each is `{code}.argmax(axis=1)`."
        )
    return "They are neither class numbers nor one-hot rows."


def _of_values(array: np.ndarray, code: str) -> str:
    kinds = {type(v) for v in array.tolist()}
    if array.dtype.kind == "O" and kinds == {bytes}:
        array, code = array.astype("S"), f"{code}.astype('S')"
    elif array.dtype.kind == "O" and kinds == {str}:
        array, code = array.astype(str), f"{code}.astype(str)"
    elif array.dtype.kind == "O" and kinds <= {int, float}:
        array, code = array.astype(float), f"{code}.astype(float)"
    if array.dtype.kind == "S":
        try:
            array, code = np.char.decode(array), f"np.char.decode({code})"
        except UnicodeDecodeError:
            return "They are bytes that are no text."
    kind = array.dtype.kind
    if kind == "b":
        return f"`{code}.astype(int)` makes False class 0 and True class 1."
    if kind == "f" and not np.isfinite(array).all():
        return "NaN and infinity are no classes: leave missing labels out."
    if kind == "f" and (array % 1 == 0).all():
        return f"They are whole numbers, kept as floats: use `{code}.astype(int)`."
    if kind == "f":
        return "They have fractions, so they are no class numbers."
    if kind == "U" and all(text.strip().isdecimal() for text in array):
        return f"They are numbers, kept as text: use `{code}.astype(int)`."
    if kind == "U":
        return (
            f"They are names. Their numbers are `np.unique({code}, "
            f"return_inverse=True)[1]`, and the class names np.unique({code})."
        )
    if kind == "O":
        found = ", ".join(sorted(kind.__name__ for kind in kinds)[:4])
        return f"They are of the kinds {found}: look for missing labels."
    return ""
