"""What is shown while chapters run: bars in a terminal, lines in a log."""

import io
import re

import pytest
from rich.console import Console

from tools import progress


@pytest.fixture
def clock(monkeypatch):
    """Return the time, which stands still unless a test moves it."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_log_says_now_and_then_how_far_chapters_are(clock, capsys):
    with progress.progress(Console(force_terminal=False)) as shown:
        shown.started("01-a", 3, 60.2)
        shown.started("02-b", 2, None)
        shown.tick()
        assert capsys.readouterr().out == ""
        shown.cell_done("01-a")
        clock[0] += progress.EVERY_S
        shown.tick()
        shown.tick()  # once is enough
        assert capsys.readouterr().out.splitlines() == [
            f"  {'01-a':<32}1 of 3 cells, 30 s of about 60 s",
            f"  {'02-b':<32}0 of 2 cells, 30 s",
        ]
        shown.ended("02-b", "done", 31.0)
        shown.ended("03-c", "unchanged")
        clock[0] += progress.EVERY_S
        shown.tick()
    assert capsys.readouterr().out.splitlines() == [
        f"  {'02-b':<32}   31.0 s  done",
        f"  {'03-c':<32}           unchanged",
        f"  {'01-a':<32}1 of 3 cells, 60 s of about 60 s",
    ]


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_has_a_bar_for_each_running_chapter(width):
    printed = io.StringIO()
    console = Console(file=printed, force_terminal=True, width=width, _environ={})
    with progress.progress(console) as shown:
        name = "05-layers-and-backpropagation"
        shown.started(name, 3, 60.2)
        shown.started("02-b", 2, None)
        for _ in "ab":
            shown.cell_done(name)
        shown.tick()
        shown.progress.refresh()
        lines = [line for line in text_of(printed).splitlines() if "cells" in line]
        assert re.search(
            rf"{name} [━╸╺]{{5,}} 2/3 cells, \d+ s of about 60 s", lines[-2]
        )
        assert re.search(r"02-b +━{5,} 0/2 cells, \d+ s", lines[-1])
        shown.ended(name, "FAILED", 12.3)
        shown.ended("03-c", "unchanged")
        printed.truncate(0)
        shown.progress.refresh()
        assert name not in text_of(printed) and "02-b" in text_of(printed)
        shown.ended("02-b", "done", 1.0)


def test_lines_of_ended_chapters_stay_above_the_bars():
    printed = io.StringIO()
    console = Console(file=printed, force_terminal=True, width=120, _environ={})
    with progress.progress(console) as shown:
        shown.started("01-a", 3, 60.2)
        shown.ended("01-a", "FAILED", 12.3)
        shown.ended("02-[b]", "unchanged")
    lines = [line.strip() for line in text_of(printed).splitlines()]
    assert progress.ending("01-a", "FAILED", 12.3).strip() in lines
    assert progress.ending("02-[b]", "unchanged", None).strip() in lines


def text_of(printed: io.StringIO) -> str:
    """Return what a terminal was sent, without what moves its cursor or colours."""
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", printed.getvalue())


@pytest.mark.parametrize("where", [{}, {"TERM": "dumb"}])
def test_what_is_no_real_terminal_gets_lines(where):
    console = Console(file=io.StringIO(), force_terminal=bool(where), _environ=where)
    with progress.progress(console) as shown:
        assert isinstance(shown, progress.Lines)
