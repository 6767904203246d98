"""The table of hostile conditions: what a case is, how it is run, and its page.

The cases stand in the modules beside this one. `test_hostile` runs each of them and
compares what came out with ``book/robustness.md``; ``make robustness`` writes that page
anew.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import resource
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "book" / "robustness.md"
HOME = "/home/you"  # what stands on the page for the folder of a case

GROUPS = {
    "Network and files": (
        "A download stops half way. A disk is full. A file is not what its name says."
    ),
    "Pictures and folders": (
        "You load your own pictures with `data.load_image_folder`. Some are odd, some "
        "are broken, and so are some names."
    ),
    "Labels and numbers": (
        "Labels come as names, as floats or one-hot. NaN turns up where numbers should "
        "be. Each of these can give a number that looks like a result."
    ),
    "Training": "A training takes long, so much can happen to it.",
    "Building the book": (
        "`make book` runs every chapter. It can be killed, fail, or be started twice."
    ),
    "Code of students": (
        "`check` runs code that is not finished yet. It must neither hang, nor end the "
        "notebook, nor change what comes after it. One thing it cannot stop: a loop "
        "inside of a single call to a library, such as `sum(itertools.count())`. "
        "Python looks at no clock in there; restart the kernel."
    ),
}


@dataclass(frozen=True)
class Case:
    """One hostile condition.

    `run` brings it about in the folder of its `Place`, asserts what must come out, and
    returns what the reader reads: a message, or the right result.
    """

    group: str
    condition: str
    outcome: str  # what the package does, as the asserts of `run` prove
    run: Callable[[Place], str]
    # Words of a library or of the system, which change with its version.
    not_ours: str = ""

    def seen(self) -> str:
        """Run the case; return what came out, without paths and what else may vary."""
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as m:
            text = self.run(Place(Path(folder).resolve(), m))
            text = text.replace(str(Path(folder).resolve()), HOME)
        text = re.sub(r"http://127\.0\.0\.1:\d+", "http://server", text)
        if self.not_ours:
            text, found = re.subn(self.not_ours, "…", text)
            assert found, f"{self.not_ours!r} is not in {text!r}"
        return " ".join(text.split())


@dataclass(frozen=True)
class Place:
    """Where a case runs: an empty folder, and patches that are taken back."""

    folder: Path
    patch: pytest.MonkeyPatch


CASES: list[Case] = []


def case(
    group: str, condition: str, outcome: str, not_ours: str = ""
) -> Callable[[Callable[[Place], str]], Callable[[Place], str]]:
    """Enter the decorated function into the table."""
    assert group in GROUPS, group
    assert condition not in [c.condition for c in CASES], condition

    def enter(run: Callable[[Place], str]) -> Callable[[Place], str]:
        CASES.append(Case(group, condition, outcome, run, not_ours))
        return run

    return enter


# --- What cases need ------------------------------------------------------------------


def refused(
    kind: type[BaseException], words: str, call: Callable, *args: Any, **options: Any
) -> str:
    """Return the error's type and message, after looking for words in the message."""
    with pytest.raises(kind, match=words) as caught:
        call(*args, **options)
    assert caught.type is kind, caught.type
    return f"{kind.__name__}: {caught.value}"


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail if the block takes more of the processor's time, or ten minutes."""
    started, worked = time.monotonic(), time.process_time()
    yield
    assert time.process_time() - worked < seconds
    assert time.monotonic() - started < 600


@contextlib.contextmanager
def full_disk(room: int = 0) -> Iterator[None]:
    """Let the system refuse every file that grows beyond `room` bytes.

    A disk that is really full needs rights that not everybody has; to a program both
    are the same: the system refuses to write.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # What is printed may go into a file too, which is not what is meant.
    with contextlib.redirect_stdout(io.StringIO()):
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def without_rights(folder: Path) -> Iterator[None]:
    """Be a user who may read everything here but write nothing in `folder`."""
    for parent in (folder, *folder.parents):
        if os.access(parent, os.X_OK) and parent.stat().st_uid == os.getuid():
            parent.chmod(parent.stat().st_mode | 0o055)
    mode = folder.stat().st_mode
    folder.chmod(0o555)
    root = os.geteuid() == 0  # to whom nothing is forbidden
    if root:
        os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        if root:
            os.setresuid(0, 0, 0)
        folder.chmod(mode)


def files_in(folder: Path) -> list[str]:
    """Return the names of all files below a folder."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in found)


# --- The page -------------------------------------------------------------------------

HEAD = """\
# When things go wrong

What happens when your download stops, when one of your pictures is broken, when a
label is missing? A program can do three things: crash, help you, or go on with a wrong
number. The last is the worst, since nobody notices it.

So every row below is a test. It brings the trouble about, for real, and looks at what
comes out. Nothing may end in a wrong answer without a word: either the result is
right, or a message says what was expected, what came, and what to do. The message
stands there as the package gave it. `{home}` is a folder of yours, and … stands for
words of the system or of a library. When an answer changes, the tests fail until this
page is made anew.

There are {count} rows.
"""


def page(seen: dict[str, str]) -> str:
    """Return the page, given what came out of each case."""
    parts = [HEAD.format(home=HOME, count=len(CASES))]
    for group, words in GROUPS.items():
        lines = ["| what happens | what the package does, and says |", "| --- | --- |"]
        lines += [
            f"{_start(row)}{_code(seen.get(row.condition, ''))} |"
            for row in CASES
            if row.group == group
        ]
        table = "\n".join(lines)
        intro = textwrap.fill(words, 88)
        parts.append(f"## {group}\n\n{intro}\n\n:::{{div}} messages\n{table}\n:::\n")
    return "\n".join(parts)


def _start(row: Case) -> str:
    return f"| {row.condition} | {row.outcome}: "


def _code(text: str) -> str:
    marks = ("`` ", " ``") if "`" in text else ("`", "`")
    return f"{marks[0]}{text}{marks[1]}".replace("|", "\\|")


def on_page() -> dict[str, str]:
    """Return what the page says came out of each case."""
    lines = PAGE.read_text(encoding="utf-8").splitlines() if PAGE.is_file() else []
    seen = {}
    for row in CASES:
        for line in lines:
            if line.startswith(_start(row)):
                text = line[len(_start(row)) :].removesuffix(" |").strip("`").strip()
                seen[row.condition] = text.replace("\\|", "|")
    return seen
