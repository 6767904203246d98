"""Checks of arguments that several modules need, each with the same message."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np


def describe(value: object) -> str:
    """Say in a few words what came."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"


def number(
    value: object,
    name: str,
    low: float,
    high: float = math.inf,
    *,
    whole: bool = False,
    above: bool = False,
    below: bool = False,
) -> Any:
    """Return `value` as int or float; refuse what is no finite number in the range.

    `above` and `below` leave `low` and `high` themselves out.
    """
    kind = numbers.Integral if whole else numbers.Real
    good = isinstance(value, kind) and not isinstance(value, bool | np.bool_)
    if (
        not good
        or not math.isfinite(value)  # nor NaN
        or not low <= value <= high
        or (above and value == low)
        or (below and value == high)
    ):
        what = "a whole number" if whole else "a number"
        if high == math.inf:
            reach = f"above {low}" if above else f"of {low} or more"
        elif above:
            reach = f"above {low}, {'below' if below else 'at most'} {high}"
        else:
            reach = f"from {low} to {'below ' if below else ''}{high}"
        raise ValueError(f"{name} must be {what} {reach}; got {describe(value)}")
    return int(value) if whole else float(value)


def one_of(value: object, name: str, allowed: Iterable[str]) -> str:
    """Return `value`; refuse what is not among the allowed words."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(
            f"{name} must be one of {', '.join(map(repr, allowed))}; "
            f"got {describe(value)}"
        )
    return value


def label_hint(labels: np.ndarray, name: str = "labels") -> str:
    """Say how labels of another kind become class numbers, after a space, if known."""
    if labels.ndim == 2 and labels.shape[1] == 1 and labels.dtype.kind in "iu":
        return f" Flatten them with {name}[:, 0]."
    if labels.ndim == 2:
        return f" One-hot labels become class numbers with {name}.argmax(axis=1)."
    if labels.dtype.kind in "UO":
        return (
            " Names become class numbers with "
            f"class_names, {name} = np.unique({name}, return_inverse=True)."
        )
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        return " NaN and infinity are no classes: look for missing labels."
    if labels.dtype.kind == "f" and labels.size and (labels % 1 == 0).all():
        return f" They are whole numbers, kept as floats: {name}.astype(int)."
    return ""
