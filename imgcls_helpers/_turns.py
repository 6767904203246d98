"""Processes that would disturb each other take turns."""

from __future__ import annotations

import contextlib
import errno
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

if sys.platform == "win32":
    import msvcrt

    _TAKEN = {errno.EACCES, errno.EDEADLK}  # at once, and after ten seconds
else:
    import fcntl

    _TAKEN = {errno.EAGAIN}


@contextlib.contextmanager
def one_at_a_time(
    path: Path, waiting: Callable[[], object] | None = None
) -> Iterator[None]:
    """Let one process in at a time; the system frees what a dead one held.

    `path` is a file, made if need be, that stays; `waiting` is called once if another
    process is inside.
    """
    with path.open("ab") as file:
        # A file system without locks: go on without.
        with contextlib.suppress(OSError):
            if not _lock(file, wait=False):
                if waiting is not None:
                    waiting()
                while not _lock(file, wait=True):
                    pass
        yield


def _lock(file: IO[bytes], *, wait: bool) -> bool:
    """Say whether the file is now locked for this process."""
    try:
        if sys.platform == "win32":  # which waits ten seconds at most
            kind = msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK
            msvcrt.locking(file.fileno(), kind, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise
    return True
