"""Downloads through Keras, with bounded waiting, kept for the next time."""

from __future__ import annotations

import contextlib
import errno
import importlib
import io
import os
import socket
import tempfile
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np

from imgcls_helpers import _arguments
from imgcls_helpers._turns import one_at_a_time
from imgcls_helpers.data._files import as_arrays, digest, read_npz
from imgcls_helpers.data._known import KEYS, MD5, Arrays, Known

_PROBE_SECONDS = 5.0  # how long to wait for the first answer of a server
_SOCKET_SECONDS = 30.0  # how long a download may stand still
# The disk is full, the folder cannot be written, or a file stands in its place.
_NO_ROOM = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.EISDIR,
)


class KerasError(Exception):
    """keras.datasets could not read or download; the message says why."""

    damaged = False  # whether files in its cache are the cause


def keras_cache() -> Path:
    """Return the folder into which keras.datasets downloads."""
    base = _arguments.path_in("KERAS_HOME") or Path("~", ".keras").expanduser()
    with contextlib.suppress(OSError):  # as Keras does when it is imported
        base.mkdir(parents=True, exist_ok=True)
    if not os.access(base, os.W_OK):
        # Keras does the same where the home folder cannot be written.
        tmp = "/tmp" if Path("/tmp").is_dir() else tempfile.gettempdir()
        base = Path(tmp, ".keras")
    return base / "datasets"


def own_file(name: str) -> Path:
    """Return where the copy of what Keras downloaded is kept."""
    return keras_cache() / "imgcls" / f"{name}.npz"


def look_in_cache(cache: Path, known: Known) -> tuple[bool, str]:
    """Return whether Keras has its files already, and what is wrong with them.

    Keras's files of CIFAR are pickles. Keras unpacks them anew at each load,
    from an archive whose hash it checks; with another hash it would download.
    """
    if not all((cache / file).is_file() for file in known.cached):
        return False, ""
    for file, sha256 in known.cached.items():
        if len(sha256) != MD5 and digest(cache / file) != sha256:
            return False, f"{cache / file} is damaged (its sha256 differs). "
    return True, ""


def why_no_download(known: Known) -> str:
    if _arguments.switch("IMGCLS_OFFLINE"):
        return "IMGCLS_OFFLINE is set, so nothing was downloaded."
    problem = probe(known.url)
    return "" if problem is None else f"{known.url} cannot be reached: {problem}."


def keep(own: Path, name: str, known: Known, *, download: bool) -> tuple[Arrays, str]:
    """Load through Keras, one process at a time, and keep a copy as npz.

    Chapters run side by side, and Keras downloads and unpacks into fixed
    places: two at once would read each other's half-written files. The copy
    is also some ten times faster to read than Keras's archive of CIFAR.
    """
    try:
        own.parent.mkdir(parents=True, exist_ok=True)
        own.with_suffix(".lock").touch()
    except OSError as error:
        raise KerasError(_no_room(own.parent, error)) from error
    with one_at_a_time(own.with_suffix(".lock")):
        if own.is_file():  # another process was faster
            return read_npz(own, known, "Delete it: it is made again."), ""
        if download:
            print(f"Downloading {known.title} ({known.megabytes} MB, once)", flush=True)
        arrays = _ask_keras(name, known)
        notice = _download_notice(own.parent.parent, known)
        if notice:  # not copied: beside the copy, nothing would tell any more
            return arrays, notice
        # Under its name the copy is whole or not there, whatever happens. It
        # only saves time, so a full disk is no reason to fail.
        half = own.with_suffix(".half.npz")
        try:
            named: dict[str, Any] = dict(zip(KEYS, arrays, strict=True))
            np.savez(half, **named)
            half.replace(own)
        except OSError:
            half.unlink(missing_ok=True)
    return arrays, notice


def _no_room(folder: Path, error: OSError) -> str:
    """Say that Keras's cache takes no file, and what to do."""
    what = "make it a folder that you may write to"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        what = "make room on that disk"
    return (
        f"Nothing can be written to {folder}, where Keras keeps data sets "
        f"({error.strerror}): {what}, or set the environment variable KERAS_HOME to "
        "another folder"
    )


def _download_notice(cache: Path, known: Known) -> str:
    """Say where files that Keras does not check differ from the original."""
    other = [
        Path(file).name
        for file, md5 in known.cached.items()
        if len(md5) == MD5 and digest(cache / file, "md5") != md5
    ]
    if not other:
        return ""
    return (
        f"The downloaded {', '.join(other)} differ from the original {known.title}: "
        "figures may differ from published ones."
    )


def _ask_keras(name: str, known: Known) -> Arrays:
    """Let keras.datasets read its cache or download, with bounded waiting."""
    module = importlib.import_module(f"keras.datasets.{name}")
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SOCKET_SECONDS)
    try:
        # Keras's progress bar would leave hundreds of lines in a notebook.
        with contextlib.redirect_stdout(io.StringIO()):
            train, test = module.load_data()
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise KerasError(_no_room(keras_cache(), error)) from error
        raise _failed(name, error) from error
    except Exception as error:
        raise _failed(name, error) from error
    finally:
        socket.setdefaulttimeout(before)
    return as_arrays((*train, *test), known, f"keras.datasets.{name}")


def _failed(name: str, error: Exception) -> KerasError:
    text = str(error).strip() or type(error).__name__
    failed = KerasError(f"keras.datasets.{name} failed: {text.rstrip('.')}")
    failed.damaged = True
    return failed


def probe(url: str, seconds: float = _PROBE_SECONDS) -> str | None:
    """Return None if a server answers for ``url``, else what went wrong.

    Looking up a name can hang for minutes and takes no time limit, so the
    request runs in a thread that is left behind when time is up.
    """
    problem: list[str | None] = [f"no answer within {seconds:g} seconds"]

    def ask() -> None:
        request = urllib.request.Request(url, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=seconds):
                problem[0] = None
        except Exception as error:
            problem[0] = str(error) or type(error).__name__

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return problem[0]
