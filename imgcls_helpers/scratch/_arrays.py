"""What the functions of this package ask of the arrays that they are given."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def floats(x: object, name: str, *, ndim: int | None = None) -> np.ndarray:
    """Return `x` if it is a float32 or float64 array, else say what to do."""
    if not isinstance(x, np.ndarray):
        raise TypeError(
            f"{name} is a {type(x).__name__}. Expected a NumPy array: call "
            "np.asarray(..., dtype='float32')."
        )
    if x.dtype not in (np.float32, np.float64):
        raise TypeError(
            f"{name} has dtype {x.dtype}. Expected float32 or float64: call "
            ".astype('float32') first, and divide pixels by 255."
        )
    if ndim is not None and x.ndim != ndim:
        form = {2: " (N, units)", 4: " (N, H, W, C)"}.get(ndim, "")
        raise ValueError(
            f"{name} has shape {x.shape}. Expected {ndim} dimensions{form}; "
            "a single example needs an axis in front: x[None]."
        )
    return x


def same_shape(a: np.ndarray, b: np.ndarray, a_name: str, b_name: str) -> None:
    """Refuse two arrays that NumPy would silently stretch to fit each other."""
    if a.shape != b.shape:
        raise ValueError(
            f"{a_name} has shape {a.shape} and {b_name} has shape {b.shape}. "
            "Expected the same shape."
        )


def pair(value: int | Sequence[int], name: str, *, least: int = 1) -> tuple[int, int]:
    """Return one number for the rows and one for the columns."""
    numbers = (value, value) if np.ndim(value) == 0 else tuple(value)
    whole = all(
        isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in numbers
    )
    if len(numbers) != 2 or not whole or min(numbers) < least:
        raise ValueError(
            f"{name} is {value!r}. Expected a whole number from {least}, or two of "
            "them: (for the rows, for the columns)."
        )
    return int(numbers[0]), int(numbers[1])


def rate(value: float, name: str) -> float:
    """Return a number from 0 to below 1, such as a dropout rate or a momentum."""
    if not 0 <= value < 1:
        raise ValueError(f"{name} is {value!r}. Expected a number from 0 to below 1.")
    return float(value)


def positive(value: float, name: str) -> float:
    """Return a positive, finite number, such as a learning rate."""
    number = isinstance(value, (int, float, np.integer, np.floating))
    if not number or isinstance(value, bool) or not 0 < value < math.inf:
        raise ValueError(f"{name} is {value!r}. Expected a positive number.")
    return float(value)


def of_result(dy: np.ndarray, shape: tuple[int, ...]) -> None:
    """Refuse a gradient that has not the shape of the forward pass's result."""
    if floats(dy, "dy").shape != shape:
        raise ValueError(
            f"dy has shape {dy.shape}. Expected {shape}: the shape of the result of "
            "the forward pass."
        )
