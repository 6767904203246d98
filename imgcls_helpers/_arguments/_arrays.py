"""Arrays of floats, and rows of probabilities."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any

import numpy as np

from imgcls_helpers._arguments._labels import as_integers, labels
from imgcls_helpers._arguments._refusal import refuse

_ROWS = 65_536  # rows looked at together: small enough to stay in the cache


def blocks(n: int) -> Iterator[slice]:
    """Cut `n` rows into pieces that stay in the processor's cache."""
    for start in range(0, n, _ROWS):
        yield slice(start, min(start + _ROWS, n))


def floats(x: Any, name: str, *, ndim: int | None = None) -> np.ndarray:
    """Return `x` if it is a float32 or float64 array, else say what to do."""
    form = {2: " of shape (N, units)", 4: " of shape (N, H, W, C)"}.get(ndim or 0, "")
    expected = f"a NumPy array of float32 or float64{form}"
    if type(x) is not np.ndarray:
        cure = f"Use `np.asarray({name}, dtype='float32')`."
        if isinstance(x, np.ma.MaskedArray) and np.ma.getmaskarray(x).any():
            cure = f"Fill in what is masked: `{name}.filled(0)`."
        refuse(name, expected, x, cure=cure)
    if x.dtype not in (np.float32, np.float64):
        cure = f"Use `{name}.astype('float32')`." if x.dtype.kind in "biuf" else ""
        if x.dtype == np.uint8:
            cure += f" Pixels are scaled too: `{name}.astype('float32') / 255`."
        refuse(name, expected, x, cure=cure)
    if ndim is not None and x.ndim != ndim:
        refuse(name, expected, x, cure=_missing_axes(x, name, ndim))
    return x


def _missing_axes(x: np.ndarray, name: str, ndim: int) -> str:
    if ndim == 4 and x.ndim == 2:
        return f"One grey image is `{name}[None, ..., None]`."
    if ndim == 4 and x.ndim == 3:
        return (
            f"One image of shape (H, W, C) is `{name}[None]`; grey images of shape "
            f"(N, H, W) are `{name}[..., None]`."
        )
    if ndim == 2 and x.ndim == 1:
        return f"One example is `{name}[None]`."
    if ndim == 2 and x.ndim > 2:
        return f"Flatten each example: `{name}.reshape(len({name}), -1)`."
    return ""


def same_shape(a: np.ndarray, b: np.ndarray, a_name: str, b_name: str) -> None:
    """Refuse two arrays that NumPy would silently stretch to fit each other."""
    if a.shape != b.shape:
        refuse(
            f"{a_name} and {b_name}", "of one shape", came=f"{a.shape} and {b.shape}"
        )


def any_array(
    value: Any, name: str, expected: str, cure: Callable[[], str] = str
) -> np.ndarray:
    """Return whatever NumPy makes an array of; refuse what is masked or ragged."""
    if is_masked(value):
        said = cure() or "Leave out the examples with masked values, or fill them in."
        refuse(name, expected, value, cure=said)
    found = _array(value)
    if found is None:
        came = "something of which NumPy makes no array"
        refuse(name, expected, came=came, cure=cure())
    return found


def of_shape(x: Any, name: str, shape: tuple[int, ...], what: str) -> np.ndarray:
    """Return a float array of exactly this shape, which is `what`."""
    if floats(x, name).shape != shape:
        refuse(name, f"of shape {shape}, {what}", x)
    return x


def of_result(dy: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return the gradient that a way back starts from."""
    return of_shape(dy, "dy", shape, "the shape of the result of the forward pass")


def numbers_of(
    value: Any, name: str, expected: str, dims: Container[int]
) -> np.ndarray:
    """Return finite numbers as float64 with one of these numbers of axes."""
    masked = isinstance(value, np.ma.MaskedArray) and np.ma.getmaskarray(value).any()
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError):
        refuse(name, expected, value)
    if array.ndim not in dims or array.size == 0 or array.dtype.kind not in "biuf":
        refuse(name, expected, value)
    bad = int((~np.isfinite(array)).sum())
    if bad or masked:
        what = "are masked" if masked else "are NaN or infinite"
        count = int(np.ma.getmaskarray(value).sum()) if masked else bad
        refuse(name, "finite", came=f"{count} of {array.size} values that {what}")
    return array.astype(np.float64)


def wholes(value: Any, name: str, low: int) -> np.ndarray:
    """Return whole numbers of any shape as int64."""
    expected = f"whole numbers of {low} or more"
    array = None if isinstance(value, np.ma.MaskedArray) else _array(value)
    if array is not None and array.dtype == object:
        array = as_integers(array)
    if array is None or array.dtype.kind not in "iu" or array.size == 0:
        refuse(name, expected, value)
    if array.min() < low or array.max() > np.iinfo(np.int64).max:
        worst = array.min() if array.min() < low else array.max()
        refuse(name, expected, came=str(worst))
    return array.astype(np.int64, copy=False)


def rows(values: Sequence[Any], name: str) -> list[np.ndarray]:
    """Return arrays with equally many rows, at least one of each."""
    if not values:
        refuse(name, "one or more", came="none")
    found = []
    for value in values:
        array = _array(value)
        if array is None or array.ndim == 0 or len(array) == 0 or is_masked(value):
            refuse(f"each of {name}", "an array with one row or more", value)
        found.append(array)
    equally_many(name, *found)
    return found


def is_masked(value: Any) -> bool:
    """Say whether something in it is masked, which `np.asarray` forgets."""
    masked = isinstance(value, np.ma.MaskedArray)
    return masked and bool(np.ma.getmaskarray(value).any())


def equally_many(names: str, *arrays: np.ndarray) -> None:
    """Refuse arrays of which not every row of one belongs to a row of the others."""
    if len({len(array) for array in arrays}) > 1:
        came = " and ".join(f"{len(array):,}" for array in arrays)
        refuse(names, "equally many", came=came)


def _array(value: Any) -> np.ndarray | None:
    try:
        return np.asarray(value)
    except (ValueError, TypeError, RuntimeError):  # such as rows of unequal length
        return None


def scores(value: Any, name: str = "scores") -> np.ndarray:
    """Return rows of finite numbers, shape (N, K): logits, or probabilities."""
    array = _matrix(value, name)
    bad = array.size - sum(
        np.count_nonzero(np.isfinite(array[rows])) for rows in blocks(len(array))
    )
    if bad:
        refuse(name, "finite", came=f"{bad} of {array.size} that are NaN or infinite")
    return array


def _matrix(value: Any, name: str) -> np.ndarray:
    """Return rows of floats, shape (N, K), without copying a float array."""
    expected = "of shape (N, K), K at least 2, a row an image and a column a class"
    if isinstance(value, np.ma.MaskedArray):
        cure = "Leave out the rows that are masked."
        if not np.ma.getmaskarray(value).any():
            cure = f"Nothing in it is masked: use `np.asarray({name})`."
        refuse(name, expected, value, cure=cure)
    array = _array(value)
    if array is None:
        refuse(name, expected, value)
    if array.ndim != 2 or array.shape[1] < 2 or len(array) == 0:
        cure = ""
        if array.size and array.dtype.kind == "f" and (array.size == len(array)):
            one = f"np.ravel({name})"
            cure = f"With two classes: `np.column_stack([1 - {one}, {one}])`."
        refuse(name, expected, value, cure=cure)
    if array.dtype == object and all(isinstance(v, numbers.Real) for v in array.flat):
        array = array.astype(np.float64)
    if array.dtype.kind not in "biuf":
        refuse(name, "numbers", value)
    return array if array.dtype.kind == "f" else array.astype(np.float32)


def probabilities(value: Any, name: str = "probabilities") -> np.ndarray:
    """Return rows of probabilities, shape (N, K), without copying a float array."""
    array = _matrix(value, name)
    # Rows of float16 sum to 1 less exactly than those of float32.
    slack = 1e-2 if array.dtype.itemsize < 4 else 1e-3
    for rows in blocks(len(array)):
        block = array[rows]
        sums = block.sum(axis=1, dtype=np.float64)
        lows = block.min(axis=1)
        wrong = ~(np.abs(sums - 1) <= slack) | ~(lows >= 0)  # NaN counts as wrong
        if wrong.any():
            row = rows.start + int(wrong.argmax())
            _refuse_row(array[row], f"row {row}", slack, name)
    return array


def _refuse_row(values: np.ndarray, row: str, slack: float, name: str) -> None:
    total, low = values.sum(dtype=np.float64), values.min()
    if not np.isfinite(values).all():
        refuse(
            name,
            "finite",
            came=f"NaN or infinity in {row}",
            cure="Has the training diverged?",
        )
    logits = (
        "These look like logits: turn them into probabilities with a softmax, as "
        "evaluation.predict does."
    )
    if low < 0:
        cure = logits if abs(total - 1) > slack else ""
        refuse(name, "0 or more", came=f"{low:.4g} in {row}", cure=cure)
    cure = logits if values.max() > 1 else ""
    if np.isclose(total, 100, rtol=slack):
        cure = f"These are percentages: use `{name} / 100`."
    refuse(
        name, "rows that sum to 1", came=f"{row}, which sums to {total:.4g}", cure=cure
    )


def predictions(value: Any, name: str = "predictions") -> np.ndarray:
    """Return predicted classes, int (N,), of class numbers or rows of probabilities."""
    rows = _are_rows(value)
    return likeliest(probabilities(value, name)) if rows else labels(value, name)


def _are_rows(value: Any) -> bool:
    """Say whether these are probabilities, or meant as such, and no class numbers."""
    array = _array(value)
    if array is None or (array.dtype.kind == "i" and array.shape[1:] == (1,)):
        return False
    with np.errstate(invalid="ignore"):
        return array.ndim != 1 or bool(array.dtype.kind == "f" and (array % 1).any())


def labels_and_predictions(
    true: Any, value: Any, name: str = "predictions"
) -> tuple[np.ndarray, np.ndarray]:
    """Return labels, and the classes that class numbers or probabilities predict."""
    found = predictions(value, name)
    true = labels(true, classes=np.shape(value)[1] if _are_rows(value) else None)
    equally_many(f"labels and {name}", true, found)
    return true, found


def likeliest(rows_of: np.ndarray) -> np.ndarray:
    """Return the class of the largest probability, the first where several tie."""
    found = np.empty(len(rows_of), np.intp)
    for rows in blocks(len(rows_of)):
        rows_of[rows].argmax(axis=1, out=found[rows])
    return found


def labels_and_probabilities(true: Any, rows: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and probabilities that fit each other."""
    array = _array(rows)
    if array is not None and array.ndim == 1 and array.dtype.kind in "iu":
        given = _array(true)
        cure = "These are class numbers: `evaluation.accuracy(labels, probabilities)`."
        if given is not None and given.ndim == 2 and given.dtype.kind == "f":
            cure = "These are class numbers: the labels come first."
        refuse(
            "probabilities",
            "of shape (N, K), a row an image and a column a class",
            rows,
            cure=cure,
        )
    rows = probabilities(rows)
    true = labels(true, classes=rows.shape[1])
    equally_many("labels and rows of probabilities", true, rows)
    return true, rows
