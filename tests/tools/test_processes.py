"""Nothing stays behind when a command is stopped, whatever it has started."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.tools.fresh import checkout
from tests.tools.test_execute import chapter
from tests.tools.test_setup_env import set_up
from tools.browser import find_browser
from tools.places import ROOT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")

# Threads, of which each starts a process in a session of its own, as Jupyter starts
# kernels, that will not end when asked; and a command.
TREE = """
import subprocess, sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tools.processes import ended_together

STUBBORN = '''
import signal, sys, time
from pathlib import Path
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
Path(sys.argv[1]).touch()
time.sleep(600)
'''

def work(name):
    subprocess.run([sys.executable, "-c", STUBBORN, name], start_new_session=True)

if __name__ == "__main__":
    with ended_together(), ThreadPoolExecutor(2) as pool:
        for name in ("started-1", "started-2"):
            pool.submit(work, name)
        try:
            subprocess.run([sys.executable, "-c", STUBBORN, "started-3"])
        finally:
            Path("cleared-up").touch()
"""
CHAPTERS = """
from pathlib import Path
from tools import execute, outputs
from tools.processes import ended_together

outputs.KEPT = Path("cache").resolve()
if __name__ == "__main__":
    with ended_together():
        execute.execute(sorted(Path().glob("*.md")), jobs=2)
"""
BROWSER = """
import time
from pathlib import Path
from tools.browser import open_browser
from tools.processes import ended_together

if __name__ == "__main__":
    with ended_together(), open_browser() as browser:
        page = browser.new_page()
        page.set_content("Words.")
        Path("started-1").touch()
        page.wait_for_selector("#never", timeout=600_000)
"""


def until(condition: Callable[[], object], seconds: float = 120) -> None:
    """Wait for a condition; fail where it does not come about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


class Family:
    """A command, and everything that it has started."""

    def __init__(self, command: list, folder: Path) -> None:
        self.folder = folder
        self.mark = uuid.uuid4().hex  # found in the environment of orphans too
        self.stderr = folder / "stderr.txt"
        # The tests may run under nohup or in the background of a shell, their children
        # do not.
        numbers = signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGTERM)
        kept = {n: signal.signal(n, signal.SIG_DFL) for n in numbers}
        with self.stderr.open("w") as stderr:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(ROOT), "IMGCLS_MARK": self.mark},
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
            )
        for number, handler in kept.items():
            signal.signal(number, handler)
        self.seen: set[psutil.Process] = set()

    def started(self, count: int) -> None:
        """Wait until the command has started so many others."""
        names = [f"started-{number}" for number in range(1, count + 1)]
        until(lambda: all((self.folder / name).exists() for name in names))
        self.left()

    def left(self) -> list[psutil.Process]:
        """Return the processes of the family that run."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("IMGCLS_MARK") == self.mark:
                    self.seen.add(process)
        with contextlib.suppress(psutil.Error):
            self.seen |= set(psutil.Process(self.process.pid).children(recursive=True))
        return [p for p in self.seen if p.is_running() and not is_zombie(p)]

    def end(self) -> None:
        for process in self.left():
            with contextlib.suppress(psutil.Error):
                process.kill()
        self.process.communicate()


def is_zombie(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def family(tmp_path):
    """Give a function that starts a family of a program."""
    families = []

    def start(program: str, *command: str) -> Family:
        path = tmp_path / "program.py"
        path.write_text(program)
        families.append(Family([*(command or (sys.executable,)), path], tmp_path))
        return families[-1]

    yield start
    for one in families:
        one.end()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_to_the_first_ends_all(family, name):
    tree = family(TREE)
    tree.started(3)
    assert len(tree.left()) == 4
    number = getattr(signal, name)
    tree.process.send_signal(number)
    assert tree.process.wait(60) == 128 + number
    until(lambda: not tree.left(), 30)
    assert (tree.folder / "cleared-up").exists()
    assert "Traceback" not in tree.stderr.read_text()


def test_ctrl_c_reaches_all_at_once_and_is_no_error(family):
    tree = family(TREE)
    tree.started(3)
    os.killpg(tree.process.pid, signal.SIGINT)
    assert tree.process.wait(60) == 128 + signal.SIGINT
    until(lambda: not tree.left(), 30)
    assert "Traceback" not in tree.stderr.read_text()


def slow(folder: Path, number: int = 1) -> str:
    """Return code that says that it has started, and takes long."""
    touch = f"pathlib.Path({str(folder / f'started-{number}')!r}).touch()"
    return f"import pathlib, time\n{touch}\ntime.sleep(600)"


def kernels(family: Family) -> list[psutil.Process]:
    return [p for p in family.left() if "ipykernel_launcher" in p.cmdline()]


def test_no_kernel_outlives_a_build_that_was_killed(family, tmp_path):
    chapter(tmp_path, "01-slow", slow(tmp_path))
    build = family(CHAPTERS)
    build.started(1)
    assert len(kernels(build)) == 1
    build.process.kill()
    until(lambda: not build.left(), 60)
    assert "Traceback" not in build.stderr.read_text()


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> Path:
    """Set up a checkout of a book of two slow chapters."""
    root = tmp_path_factory.mktemp("book")
    checkout(root, 2)
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(ROOT / name, root / name)
    for number, path in enumerate(sorted(root.glob("book/0*.md")), 1):
        text = path.read_text("utf-8").replace(
            "from imgcls", f"{slow(root, number)}\nfrom imgcls"
        )
        path.write_text(text, "utf-8")
    set_up(root)
    return root


def test_make_book_stopped_by_another_program(book):
    making = Family(["make", "book"], book)
    try:
        making.started(2)
        assert len(kernels(making)) == 2
        making.process.terminate()
        assert making.process.wait(60) in (2, -signal.SIGTERM)
        until(lambda: not making.left(), 30)
        assert "Traceback" not in making.stderr.read_text()
    finally:
        making.end()


def test_no_browser_stays_behind(family):
    if find_browser() is None:
        pytest.skip("no browser on the PATH")
    browser = family(BROWSER)
    browser.started(1)
    assert len(browser.left()) > 3
    browser.process.send_signal(signal.SIGTERM)
    assert browser.process.wait(60) == 128 + signal.SIGTERM
    until(lambda: not browser.left(), 30)


def test_what_was_ignored_stays_ignored(family):
    tree = family(TREE, "nohup", sys.executable)
    tree.started(3)
    tree.process.send_signal(signal.SIGHUP)
    tree.process.send_signal(signal.SIGTERM)
    assert tree.process.wait(60) == 128 + signal.SIGTERM
    until(lambda: not tree.left(), 30)


def test_a_command_keeps_its_exit_status_and_ends_with_all(family):
    command = (sys.executable, "-m", "tools.processes")
    assert family("raise SystemExit(3)", *command).process.wait(60) == 3
    tree = family(TREE, *command)
    tree.started(3)
    tree.process.send_signal(signal.SIGTERM)
    assert tree.process.wait(60) == 128 + signal.SIGTERM
    until(lambda: not tree.left(), 30)
