"""How far the chapters are: bars in a terminal, lines now and then in a log."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task
from rich.text import Text

EVERY_S = 30.0  # between two lines of a log


class Shown(Protocol):
    """What shows the chapters that run."""

    def started(self, name: str, cells: int, expected: float | None) -> None:
        """Show a chapter, its number of cells, and its seconds if they are known."""

    def cell_done(self, name: str) -> None:
        """Count one cell more."""

    def ended(self, name: str, outcome: str, seconds: float | None = None) -> None:
        """Say how a chapter ended."""

    def tick(self) -> None:
        """Say where things stand; called every second or so."""


def ending(name: str, outcome: str, seconds: float | None) -> str:
    """Return the line that says how a chapter ended.

    Examples
    --------
    >>> ending("01-background", "done", 61.2)
    '  01-background                      61.2 s  done'
    """
    took = "" if seconds is None else f"{seconds:.1f} s"
    return f"  {name:<32}{took:>9}  {outcome}"


def spent(seconds: float, expected: float | None) -> str:
    """Return how long something has taken, and how long it is expected to take.

    Examples
    --------
    >>> spent(12.3, 60.7), spent(70, 60.7), spent(12.3, None)
    ('12 s of about 61 s', '70 s, expected 61 s', '12 s')
    """
    if expected is None:
        return f"{seconds:.0f} s"
    if seconds > expected:
        return f"{seconds:.0f} s, expected {expected:.0f} s"
    return f"{seconds:.0f} s of about {expected:.0f} s"


class Lines:
    """Lines for a log: one a chapter when it ends, and one every half minute before."""

    def __init__(self, every: float = EVERY_S) -> None:
        self.every = every
        self.running: dict[str, list] = {}  # cells done, cells, start, expected
        self.next = time.monotonic() + every

    def started(self, name: str, cells: int, expected: float | None) -> None:
        """Note the chapter; its first line comes when there is something to say."""
        self.running[name] = [0, cells, time.monotonic(), expected]

    def cell_done(self, name: str) -> None:
        """Count one cell more."""
        self.running[name][0] += 1

    def ended(self, name: str, outcome: str, seconds: float | None = None) -> None:
        """Print how a chapter ended."""
        self.running.pop(name, None)
        print(ending(name, outcome, seconds), flush=True)

    def tick(self) -> None:
        """Print where the chapters stand, where it is time to."""
        now = time.monotonic()
        if now < self.next:
            return
        self.next = now + self.every
        for name, (done, cells, start, expected) in self.running.items():
            cells_done = f"{done} of {cells} cells"
            print(
                f"  {name:<32}{cells_done}, {spent(now - start, expected)}", flush=True
            )


class _Spent(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(spent(task.elapsed or 0, task.fields["expected"]))


class Bars:
    """A bar for each running chapter; those that have ended stand as lines above."""

    def __init__(self, console: Console) -> None:
        self.console = console
        bar = BarColumn(bar_width=None)  # as wide as there is room
        columns = (
            "  {task.description}",
            bar,
            MofNCompleteColumn(),
            "cells,",
            _Spent(),
        )
        self.progress = Progress(*columns, console=console, expand=True)
        self.tasks: dict[str, int] = {}

    def started(self, name: str, cells: int, expected: float | None) -> None:
        """Add a bar."""
        task = self.progress.add_task(name, total=cells, expected=expected)
        self.tasks[name] = task

    def cell_done(self, name: str) -> None:
        """Move a bar."""
        self.progress.advance(self.tasks[name])

    def ended(self, name: str, outcome: str, seconds: float | None = None) -> None:
        """Put a line in the place of the bar."""
        if name in self.tasks:
            self.progress.remove_task(self.tasks.pop(name))
        line = ending(name, outcome, seconds)
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def tick(self) -> None:
        """Do nothing: bars move by themselves."""


@contextlib.contextmanager
def progress(console: Console | None = None) -> Iterator[Shown]:
    """Show progress as it fits where the output goes: a terminal, or a log."""
    console = console or Console()
    if console.is_terminal and not console.is_dumb_terminal:
        bars = Bars(console)
        with bars.progress:
            yield bars
    else:
        yield Lines()
