"""Processes that end together: when one is stopped, nothing that it started stays.

::

    python -m tools.processes ARGUMENT ...

runs Python with these arguments, and ends all of it when it is stopped.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import resource_tracker
from types import FrameType

import psutil

GRACE_S = 5.0  # for what is asked to end, before it is killed
NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # each system has some of them
SIGNALS = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]


@contextlib.contextmanager
def ended_together(patience_s: float = 0) -> Iterator[None]:
    """End what this process has started, and then itself, where a signal stops it.

    After Ctrl-C the others have `patience_s` seconds to end by themselves first. What
    this process would do on its way out it does: `SystemExit` is raised.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # no other may handle signals
        return

    def stop(number: int, frame: FrameType | None) -> None:
        for one in before:
            signal.signal(one, signal.SIG_IGN)
        end_children(patience_s if number == signal.SIGINT else 0)
        # What waits for a process that is gone must not wait for ever.
        last = threading.Timer(GRACE_S, os._exit, [128 + number])
        last.daemon = True
        last.start()
        raise SystemExit(128 + number)

    before = {one: signal.getsignal(one) for one in SIGNALS}
    # Who has a signal ignored, as nohup does, means it.
    before = {one: how for one, how in before.items() if how is not signal.SIG_IGN}
    for one in before:
        signal.signal(one, stop)
    try:
        yield
    finally:
        for one, how in before.items():
            signal.signal(one, how)


def end_children(patience_s: float = 0) -> None:
    """End all processes below this one: by themselves, when asked, or by force."""
    seen: set[psutil.Process] = set()
    _until_none_is_left(seen, patience_s, lambda process: None)
    # Each is asked once: a second time could stop it while it clears up.
    asked: set[psutil.Process] = set()

    def ask(process: psutil.Process) -> None:
        if process not in asked:
            asked.add(process)
            process.terminate()

    _until_none_is_left(seen, GRACE_S, ask)
    _until_none_is_left(seen, GRACE_S, psutil.Process.kill)


def _until_none_is_left(
    seen: set[psutil.Process],
    seconds: float,
    act: Callable[[psutil.Process], object],
) -> None:
    """Do something to each process below, those that start meanwhile too."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        seen |= set(psutil.Process().children(recursive=True))
        seen -= {process for process in seen if not _runs(process)}
        for process in seen:
            with contextlib.suppress(psutil.Error):
                act(process)
        if not seen:
            return
        time.sleep(0.02)


def _runs(process: psutil.Process) -> bool:
    # The helper of multiprocessing ends by itself, after this process; without it,
    # Python starts another.
    if process.pid == getattr(resource_tracker._resource_tracker, "_pid", None):
        return False
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def main(arguments: Sequence[str] | None = None) -> int:
    """Run Python with these arguments; return its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    with ended_together(patience_s=30):  # pytest says what it has found so far
        return subprocess.run([sys.executable, *arguments]).returncode


if __name__ == "__main__":
    sys.exit(main())
