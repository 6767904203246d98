"""The one error for arguments, and the one form of its message.

``CALL: NAME must be EXPECTED; got CAME. CURE``, where CURE holds code to copy
between backticks. Following it must lead to the right data, so it is chosen after a
look at the values; the tests follow every piece of it.
"""

from __future__ import annotations

import reprlib
import sys
from types import FrameType
from typing import Any, NoReturn

import numpy as np


class ArgumentError(ValueError, TypeError):
    """An argument is not what the function takes; the message says what to do.

    It is a ValueError and a TypeError, so that nobody has to guess which one a
    function chooses for ``[0.5, 1.0]`` as labels.
    """


_SHORT = reprlib.Repr()
_SHORT.maxother = _SHORT.maxstring = 60


def describe(value: object) -> str:
    """Say in a few words what came."""
    if isinstance(value, np.ndarray):
        masked = " masked" if isinstance(value, np.ma.MaskedArray) else "n"
        return f"a{masked} array of shape {value.shape} and dtype {value.dtype}"
    kind = type(value).__name__
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape:  # a tensor, a column of a table
        return f"a {kind} of shape {tuple(shape)}"
    text = " ".join(_SHORT.repr(value).split())
    return f"{text if len(text) <= 80 else text[:77] + '...'} ({kind})"


def refuse(
    name: str,
    expected: str,
    value: Any = None,
    *,
    came: str | None = None,
    cure: str = "",
) -> NoReturn:
    """Raise the error of an argument.

    Parameters
    ----------
    name : str
        The argument, as the caller knows it.
    expected : str
        Completes "NAME must be ...".
    value : object
        What came.
    came : str, optional
        Completes "got ...". Default: a description of `value`.
    cure : str
        What to do: whole sentences, code between backticks.
    """
    came = describe(value) if came is None else came
    text = f"{_call()}{name} must be {expected}; got {came}."
    raise ArgumentError(f"{text} {cure}".rstrip())


def _call() -> str:
    """Name the call by which the caller came into the package, as "fit: "."""
    frame: FrameType | None = sys._getframe(2)
    found = ""
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] != "imgcls_helpers":
            break
        if frame.f_code.co_name == "<module>":  # an example in a docstring
            break
        found = _shown(frame) or found
        frame = frame.f_back
    return f"{found}: " if found else ""


def _shown(frame: FrameType) -> str:
    """Return how a reader writes this call; empty for what is no reader's."""
    code = frame.f_code
    name = code.co_qualname
    if code.co_varnames[:1] == ("self",) and "self" in frame.f_locals:
        kind = type(frame.f_locals["self"]).__name__
        if code.co_name in ("__init__", "__post_init__", "__call__"):
            return kind
        name = f"{kind}.{code.co_name}"
    hidden = any(part.startswith(("_", "<")) for part in name.split("."))
    return "" if hidden else name
