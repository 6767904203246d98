"""Settings, objects and functions as JSON has them, so that they can be compared.

Two trainings with the same text here are the same. Own functions count by their code,
by the values that they enclose, and by those global names that they use and that are
functions or written in capitals.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import platform
import sys
import sysconfig
import types
import zlib
from pathlib import Path
from typing import Any

import numpy as np

# Imported before Keras: it picks the Keras backend.
from imgcls_helpers import backend  # noqa: F401

# isort: split
import keras

_LIBRARIES = [
    Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")
]
_DEEPEST = 20


def plain(value: Any, inside: tuple[int, ...] = ()) -> Any:
    """Return a value as JSON has it; arrays and code as checksums.

    `inside` are the ids of the objects that this one is part of.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if id(value) in inside or len(inside) > _DEEPEST:
        return "itself"
    inside = (*inside, id(value))
    if isinstance(value, list | tuple):
        return [plain(v, inside) for v in value]
    if isinstance(value, set | frozenset):
        return [plain(v, inside) for v in sorted(value, key=repr)]
    if isinstance(value, dict):
        # Keras counts on in the names that it gives to layers.
        left_out = ("name",) if "trainable" in value else ()
        return {str(k): plain(v, inside) for k, v in value.items() if k not in left_out}
    if keras.ops.is_tensor(value) or isinstance(value, keras.Variable):
        value = keras.ops.convert_to_numpy(value)
    if isinstance(value, np.ndarray):
        if value.dtype == object:
            return plain(value.tolist(), inside)
        return {"kind": f"{value.dtype} {value.shape}", "values": sum_of(value)}
    if isinstance(value, types.MethodType):
        of = plain(value.__self__, inside)
        return {"kind": value.__name__, "of": of, **_code_of(value.__func__, inside)}
    if isinstance(value, functools.partial):
        given = plain([value.args, value.keywords], inside)
        return {"kind": "partial", "of": plain(value.func, inside), "with": given}
    if isinstance(value, types.FunctionType):
        return {"kind": value.__name__, **_code_of(value, inside)}
    if isinstance(value, type):
        return {"kind": value.__name__, **code_of_class(value)}
    return settings_of(value, inside)


def sum_of(*arrays: np.ndarray) -> int:
    """Return a checksum of the bytes of arrays."""
    found = 0
    for array in arrays:
        found = zlib.crc32(np.ascontiguousarray(array).data, found)
    return found


def settings_of(value: Any, inside: tuple[int, ...] = ()) -> dict[str, Any]:
    """Return the kind of an object, its own code, and its settings."""
    found = {"kind": getattr(value, "__name__", type(value).__name__)}
    found |= code_of_class(type(value))
    own = {
        k: v
        for k, v in getattr(value, "__dict__", {}).items()
        if k not in dir(type(value))
    }
    settings = own
    if dataclasses.is_dataclass(value):
        fields = [field.name for field in dataclasses.fields(value)]
        settings = {name: getattr(value, name) for name in fields} | own
    elif hasattr(value, "get_config"):
        try:
            settings = value.get_config()
        except Exception:  # an own layer that says no more than what it holds
            kinds = bool | int | float | str | list | tuple
            settings = {
                k: v for k, v in own.items() if k[0] != "_" and isinstance(v, kinds)
            }
        # Keras names a function, or tells where it stands in its file.
        settings |= {k: v for k, v in own.items() if _is_own(v)}
    settings = {k: v for k, v in settings.items() if k != "name"}
    return found | plain(settings, inside)


def _is_own(value: Any) -> bool:
    """Say whether this is code of the reader's, and of no library."""
    if not isinstance(value, types.FunctionType | type):
        return False
    name = value.__module__ or ""
    if name == "__main__":
        return True
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None or name.partition(".")[0] == "imgcls_helpers":
        return False
    return not any(Path(file).is_relative_to(path) for path in _LIBRARIES)


def _code_of(function: Any, inside: tuple[int, ...]) -> dict[str, Any]:
    """Return what an own function does: its code, what it encloses and refers to."""
    if not _is_own(function):
        return {}
    code, cells = function.__code__, function.__closure__ or ()
    around = {}
    for name in code.co_names:
        value = function.__globals__.get(name)
        # Numbers under other names may change while the training runs.
        if _is_own(value) or (name.isupper() and name in function.__globals__):
            around[name] = plain(value, inside)
    for name, cell in zip(code.co_freevars, cells, strict=True):
        try:
            around[name] = plain(cell.cell_contents, inside)
        except ValueError:  # nothing is in it yet
            continue
    return {
        # The same text becomes other code in another Python.
        "Python": ".".join(platform.python_version_tuple()[:2]),
        "code": _sum_of_code(code),
        "defaults": plain([function.__defaults__, function.__kwdefaults__], inside),
        "around it": around,
    }


def code_of_class(kind: type) -> dict[str, Any]:
    """Return the code of the methods of an own class."""
    codes = [
        _sum_of_code(method.__code__)
        for base in kind.__mro__
        if _is_own(base)
        for _, method in sorted(vars(base).items())
        if isinstance(method, types.FunctionType)
    ]
    return {"code": codes} if codes else {}


def _sum_of_code(code: types.CodeType) -> int:
    found = zlib.crc32(code.co_code)
    for constant in (*code.co_consts, code.co_names):
        if isinstance(constant, types.CodeType):
            constant = _sum_of_code(constant)
        elif isinstance(constant, frozenset):  # its order differs between processes
            constant = sorted(constant, key=repr)
        found = zlib.crc32(repr(constant).encode(), found)
    return found
