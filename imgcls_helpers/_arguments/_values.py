"""Single values: numbers, words, names, paths, switches."""

from __future__ import annotations

import math
import numbers
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imgcls_helpers._arguments._refusal import refuse


def number(
    value: object,
    name: str,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    whole: bool = False,
    above: bool = False,
    below: bool = False,
    such_as: object = None,
) -> Any:
    """Return `value` as int or float; refuse what is no finite number in the range.

    `above` and `below` leave `low` and `high` themselves out. An array without axes
    counts as its number.
    """
    found: Any = value
    if isinstance(found, np.ndarray) and found.ndim == 0:
        found = found[()]
    kind: Any = numbers.Integral if whole else numbers.Real
    if (
        not isinstance(found, kind)
        or isinstance(found, bool | np.bool_)
        or not math.isfinite(found)  # nor NaN
        or not low <= found <= high
        or (above and found == low)
        or (below and found == high)
    ):
        what = "a whole number" if whole else "a number"
        if low == -math.inf:
            reach = "" if high == math.inf else f" of {high} or less"
        elif high == math.inf:
            reach = f" above {low}" if above else f" of {low} or more"
        elif above:
            reach = f" above {low}, {'below' if below else 'at most'} {high}"
        else:
            reach = f" from {low} to {'below ' if below else ''}{high}"
        example = "" if such_as is None else f", such as {such_as}"
        refuse(name, f"{what}{reach}{example}", value)
    return int(found) if whole else float(found)


def positive(value: object, name: str) -> float:
    """Return a number above 0, such as a learning rate."""
    return number(value, name, 0, above=True)


def rate(value: object, name: str) -> float:
    """Return a number from 0 to below 1, such as a dropout rate or a momentum."""
    return number(value, name, 0, 1, below=True)


def share(value: object, name: str) -> float:
    """Return a share, above 0 and up to 1."""
    return number(value, name, 0, 1, above=True)


def confidence(value: object) -> float:
    """Return the share of cases in which an interval is to hold."""
    return number(value, "confidence", 0, 1, above=True, below=True, such_as=0.95)


def seed(value: object, name: str = "seed") -> int:
    """Return a seed, as NumPy takes it."""
    return number(value, name, 0, 2**32 - 1, whole=True)


def pair(
    value: Any, name: str, *, least: int = 1, most: float = math.inf
) -> tuple[int, int]:
    """Return one whole number for the rows and one for the columns."""
    several = isinstance(value, tuple | list) or getattr(value, "ndim", 0) > 0
    both = tuple(value) if several else (value, value)
    if len(both) != 2:
        refuse(name, "one whole number, or two: (for the rows, for the columns)", value)
    rows, columns = (number(n, name, least, most, whole=True) for n in both)
    return rows, columns


def true_or_false(value: object, name: str) -> bool:
    """Return a bool; refuse what only behaves like one."""
    if not isinstance(value, bool | np.bool_):
        refuse(name, "True or False", value)
    return bool(value)


def one_of(value: object, name: str, allowed: Iterable[str]) -> str:
    """Return `value`; refuse what is not among the allowed words."""
    words = tuple(allowed)
    if not isinstance(value, str) or value not in words:
        refuse(name, f"one of {', '.join(map(repr, words))}", value)
    return value


def class_names(names: Sequence[str] | None, classes: int) -> tuple[str, ...]:
    """Return one name a class; numbers where there are no names."""
    if names is None:
        return tuple(map(str, range(classes)))
    if isinstance(names, str):
        refuse("class_names", "a list of names, one a class", names)
    found = tuple(map(str, names))
    if len(found) != classes:
        refuse("class_names", f"{classes} names, one a class", came=f"{len(found)}")
    return found


def path(value: object, name: str) -> Path:
    """Return a path, with ``~`` as the home folder; refuse an empty one."""
    if not isinstance(value, str | os.PathLike):
        refuse(name, "a path, as text or as a pathlib.Path", value)
    text = os.fspath(value)
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        refuse(name, "a path", value, cure="The present folder is '.'.")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        refuse(name, "a path; the home folder that ~ stands for is not known", value)


def path_in(variable: str) -> Path | None:
    """Return the path in an environment variable, None where it is unset or empty."""
    text = os.environ.get(variable, "")
    return path(text, f"the environment variable {variable}") if text.strip() else None


_ON = ("1", "true", "yes", "on")
_OFF = ("", "0", "false", "no", "off")


def switch(variable: str) -> bool:
    """Say whether an environment variable is switched on."""
    text = os.environ.get(variable, "")
    word = text.strip().lower()
    if word not in (*_ON, *_OFF):
        refuse(
            f"the environment variable {variable}",
            "1 (or true, yes, on) or 0 (or false, no, off)",
            text,
        )
    return word in _ON
