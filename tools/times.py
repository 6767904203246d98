"""How long each chapter takes, and whether it passes: benchmarks/chapter_times.json.

Written by ``python -m tools.execute --record``, and shown by the page Status.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tools.outputs import Run
from tools.places import ROOT, write_whole
from tools.surroundings import surroundings

TIMES = ROOT / "benchmarks" / "chapter_times.json"
KEY = ("chapter", "backend", "budget")  # one entry for each of these


def read_times(path: Path = TIMES) -> list[dict[str, Any]]:
    """Return the recorded times of the chapters; an empty list where there are none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def entry(chapter: str, run: Run | None) -> dict[str, Any]:
    """Return what is recorded of a chapter's run here; None means that it failed."""
    here = surroundings()
    return {
        "chapter": chapter,
        "backend": here["backend"],
        "backend_version": here["backend_version"],
        "budget": here["budget"],
        "seconds": run.seconds if run else None,
        "memory_mb": run.memory_mb if run else None,
        "outcome": "passed" if run else "failed",
        "date": run.date[:10] if run else f"{datetime.now(UTC):%Y-%m-%d}",
        "device": here["device"],
        "python": platform.python_version(),
    }


def record(entries: Iterable[dict[str, Any]], path: Path = TIMES) -> None:
    """Write entries into the file, each in the place of an older one of its kind."""
    found = {tuple(e[name] for name in KEY): e for e in (*read_times(path), *entries)}
    lines = ",\n".join(f" {json.dumps(found[key])}" for key in sorted(found))
    write_whole(path, f"[\n{lines}\n]\n")
