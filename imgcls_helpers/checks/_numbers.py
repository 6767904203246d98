"""Answers as numbers: read from whatever holds them, compared, and shown."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from imgcls_helpers.checks._verdict import Wrong


def as_array(value: Any, name: str) -> np.ndarray:
    """Return a value as an array of numbers or booleans; Wrong if it is none."""
    if isinstance(value, np.ma.MaskedArray):
        raise Wrong(
            f"Your {name} is a masked array, which hides some of its values.",
            "Return a plain array.",
            mistake="masked array",
        )
    if value is None:
        raise Wrong(
            f"Your {name} is None." if name != "result" else "It returns None.",
            "Is a `return` missing?" if name == "result" else "",
            mistake="None",
        )
    try:
        if hasattr(value, "detach"):  # PyTorch refuses tensors that carry gradients
            value = value.detach().cpu()
        array = np.asarray(value)
    except Exception:
        if isinstance(value, (list, tuple)):
            raise Wrong(
                f"Your {name} has rows of different lengths; expected is an array.",
                mistake="ragged",
            ) from None
        array = np.empty((), object)
    if array.dtype.kind not in "biuf":
        what = "complex numbers" if array.dtype.kind == "c" else describe(value)
        raise Wrong(
            f"Your {name} is {what}; expected are numbers.", mistake="wrong type"
        )
    return array


def one_number(array: np.ndarray, ndim: int) -> np.ndarray:
    """Take one number in a list for one number, where `ndim` is 0."""
    return array[0] if ndim == 0 and array.shape == (1,) else array


def close(got: np.ndarray, expected: np.ndarray, rtol: Any, atol: Any) -> np.ndarray:
    """Return which values are as expected, within the tolerance of `assert_close`."""
    exact = expected.dtype.kind in "biu" and rtol is None and atol is None
    if exact and got.dtype.kind in "biu":
        return got == expected
    with np.errstate(all="ignore"):
        expected = expected.astype(np.float64)
        got = got.astype(np.float64)
        if exact:  # a float may stand for an integer, but not be near it by luck
            return np.isclose(got, expected, rtol=0, atol=1e-6)
        if rtol is None:
            rtol = 1e-5
        if atol is None:
            finite = np.abs(expected[np.isfinite(expected)])
            scale = finite.max() if finite.size else 0.0
            atol = 1e-6 * scale if scale else 1e-9
        return np.isclose(got, expected, rtol=rtol, atol=atol, equal_nan=True)


def show(value: Any) -> str | None:
    """Return a value as Python would write it, or None if that is too long."""
    if isinstance(value, np.ndarray) and value.size > 16:
        return None
    if isinstance(value, (np.ndarray, np.generic)):
        text = np.array2string(
            np.asarray(value), precision=4, separator=", ", max_line_width=1000
        )
    else:
        text = repr(value)
    text = re.sub(r"\s*\n\s*", " ", text)
    return text if len(text) <= 90 else None


def describe(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    text = show(value) if not callable(value) else None
    kind = type(value).__name__
    article = "an" if kind[:1].lower() in "aeiou" else "a"
    return f"{article} {kind} (`{text}`)" if text is not None else f"{article} {kind}"
