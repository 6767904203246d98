"""What differs on Windows, as far as it can be looked at elsewhere."""

import errno
import importlib
import ntpath
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import SimpleNamespace

import pytest

from imgcls_helpers import _turns
from tests.tools.tiny_book import tracked_files
from tools import processes, publish, setup_env
from tools.places import ROOT

RESERVED = {"con", "prn", "aux", "nul"}
RESERVED |= {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}


def test_every_file_has_a_name_that_windows_can_write():
    names = [path.relative_to(ROOT).as_posix() for path in tracked_files()]
    assert len(names) > 100
    for name in names:
        parts = name.split("/")
        assert not re.search(r'[<>:"|?*\\]', name) and name.isprintable(), name
        assert not any(part.endswith((".", " ")) for part in parts), name
        assert not RESERVED & {part.partition(".")[0].lower() for part in parts}, name
        assert len(name) < 100, name  # of 260, from the drive on
    assert len({name.lower() for name in names}) == len(names)


@pytest.mark.parametrize("root", [r"C:\Users\Zoë\né 中", r"\\server\share\book"])
def test_the_package_is_found_by_a_relative_path(root, tmp_path, monkeypatch):
    packages = ntpath.join(root, r".venv\Lib\site-packages")
    written = tmp_path / "_checkout.pth"
    with monkeypatch.context() as patch:
        patch.setattr(sysconfig, "get_path", lambda kind: packages)
        patch.setattr(sys, "argv", ["-c", root])
        patch.setattr(os, "path", ntpath)
        exec(
            setup_env.LINK,
            {
                "open": lambda path, *a, **k: os.fdopen(
                    os.open(written, os.O_CREAT | os.O_WRONLY), "w", encoding="ascii"
                )
            },
        )
    line = written.read_text()
    assert line == r"..\..\.."
    # As Python reads it when it starts.
    assert ntpath.normpath(ntpath.join(packages, line)) == root


def test_the_environment_is_made_of_copies(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(setup_env, "os", SimpleNamespace(name="nt"))
    monkeypatch.setattr(
        setup_env.venv, "create", lambda folder, **options: made.append(options)
    )
    setup_env.create(tmp_path)
    assert made == [{"symlinks": False}]  # links need rights that few users have
    assert setup_env.python_of(tmp_path) == tmp_path / "Scripts" / "python.exe"


@pytest.mark.skipif(not shutil.which("make"), reason="no make")
def test_make_starts_the_python_of_the_environment():
    command = ["make", "-n", "book", "OS=Windows_NT"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ".venv/Scripts/python -m tools.build" in said.stdout


def test_the_signals_of_windows(monkeypatch):
    with monkeypatch.context() as patch:
        patch.delattr(signal, "SIGHUP", raising=False)
        patch.setattr(signal, "SIGBREAK", 21, raising=False)
        signals = list(importlib.reload(processes).SIGNALS)
    importlib.reload(processes)
    assert signals == [signal.SIGINT, signal.SIGTERM, 21]


class FakeLocks:
    """What Windows does: it refuses at once, or after ten seconds."""

    LK_LOCK, LK_NBLCK = 1, 2

    def __init__(self, refusals: int, number: int | None = None) -> None:
        self.refusals, self.number, self.asked = refusals, number, 0

    def locking(self, file: int, kind: int, count: int) -> None:
        self.asked += 1
        if self.asked <= self.refusals:
            usual = errno.EACCES if kind == self.LK_NBLCK else errno.EDEADLK
            raise OSError(self.number or usual, "refused")


@pytest.fixture
def windows_turns(monkeypatch):
    """Give the module that takes turns as it is on Windows."""

    def load(locks: FakeLocks):
        monkeypatch.setattr(sys, "platform", "win32")
        monkeypatch.setitem(sys.modules, "msvcrt", locks)
        return importlib.reload(_turns)

    yield load
    monkeypatch.undo()
    importlib.reload(_turns)


def test_a_turn_is_waited_for_as_long_as_it_takes(windows_turns, tmp_path):
    locks = FakeLocks(refusals=500)  # an hour and more
    waited = []
    turns = windows_turns(locks)
    with turns.one_at_a_time(tmp_path / "x.lock", lambda: waited.append(True)):
        assert locks.asked == 501 and waited == [True]


def test_a_file_system_without_locks_stops_nobody(windows_turns, tmp_path):
    locks = FakeLocks(refusals=500, number=errno.EINVAL)
    with windows_turns(locks).one_at_a_time(tmp_path / "x.lock"):
        assert locks.asked == 1


def test_a_site_that_is_in_use_is_named(tmp_path, monkeypatch):
    site, new = tmp_path / "html", tmp_path / "html.new"
    site.mkdir()
    new.mkdir()

    def refuse(self: Path, to: Path) -> None:
        raise PermissionError(errno.EACCES, "The process cannot access the file")

    monkeypatch.setattr(publish, "SITE", site)
    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(SystemExit, match=r"in use.*Close"):
        publish.put_in_place(new)
    assert site.exists() and new.exists()
