"""The npz files from which a data set is read."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imgcls_helpers import _arguments
from imgcls_helpers._arguments import refuse
from imgcls_helpers.data._known import DOWNLOADS, KEYS, Arrays, Known


def folder_file(name: str) -> Path | None:
    folder = _arguments.path_in("IMGCLS_DATA")
    if folder is None:
        return None
    if folder.stem in DOWNLOADS and folder.is_file():  # one of the files themselves
        folder = folder.parent
    if not folder.is_dir():
        refuse(
            "the environment variable IMGCLS_DATA",
            "a folder",
            came=f"{str(folder)!r}{', a file' if folder.is_file() else ''}",
            cure=f"Set it to the folder that holds {name}.npz, or unset it.",
        )
    path = folder / f"{name}.npz"
    return path if path.is_file() else None


def folder_notice(path: Path, known: Known) -> str:
    """Say what is not certain about a file from the reader's own folder."""
    note = path.with_suffix(".txt")
    if note.is_file():
        text = note.read_text("utf-8", "replace").strip()
        if text:
            return text.splitlines()[0].strip()
    original = known.cached.get(path.name)
    if original and digest(path) == original:
        return ""
    return (
        f"{path.name} was not checked against the original {known.title}: "
        "figures may differ from published ones."
    )


def read_npz(path: Path, known: Known, fix: str) -> Arrays:
    """Read the four arrays; refuse a file that is broken or holds objects."""
    arrays, keys = [], ["one array without a name"]
    try:
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.lib.npyio.NpzFile):
            with file:
                keys = sorted(file.files)
                arrays = [file[key] for key in KEYS if key in keys]
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        came = f"one that is broken or was cut short ({error})"
        refuse(str(path), "an npz archive", came=came, cure=fix)
    except ValueError as error:
        came = (
            "something else, or pickled objects, which are not read because they "
            f"could run code ({error})"
        )
        refuse(str(path), "an npz archive of numbers", came=came, cure=fix)
    if len(arrays) < len(KEYS):
        expected = f"an npz archive with the arrays {', '.join(KEYS)}"
        refuse(str(path), expected, came=", ".join(keys) or "nothing", cure=fix)
    return as_arrays(arrays, known, str(path), fix)


def as_arrays(
    arrays: Sequence[np.ndarray], known: Known, where: str, fix: str = ""
) -> Arrays:
    """Bring the four arrays to uint8 NHWC and int64 (N,), or refuse them."""
    h, w, c = known.shape
    wanted = f"(N, {h}, {w})" if c == 1 else f"(N, {h}, {w}, {c})"
    done: list[np.ndarray] = []
    for part in ("train", "test"):
        x, y = arrays[:2] if part == "train" else arrays[2:]
        came: Any = x
        name = f"x_{part} in {where}"
        if c == 1 and x.ndim == 3:
            x = x[..., None]
        if x.shape[1:] == (c, h, w):  # Keras set to channels first
            x = x.transpose(0, 2, 3, 1)
        if x.dtype != np.uint8 or x.shape[1:] != known.shape or not len(x):
            expected = f"uint8 of shape {wanted}, as in {known.title}"
            refuse(name, expected, came, cure=fix)
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        k = len(known.class_names)
        name = f"y_{part} in {where}"
        if y.dtype.kind not in "iu" or y.shape != (len(x),):
            refuse(name, f"whole numbers of shape ({len(x)},)", y, cure=fix)
        if y.min() < 0 or y.max() >= k:
            came = f"values from {y.min()} to {y.max()}"
            refuse(name, f"from 0 to {k - 1}", came=came, cure=fix)
        done += [np.ascontiguousarray(x), y.astype(np.int64)]
    x_train, y_train, x_test, y_test = done
    return x_train, y_train, x_test, y_test


def digest(path: Path, kind: str = "sha256") -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()
