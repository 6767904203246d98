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

from imgcls_helpers import backend, runtime
from tools.places import ROOT, write_whole

TIMES = ROOT / "benchmarks" / "chapter_times.json"
KEY = ("chapter", "backend", "budget")  # one entry for each of these


def read_times(path: Path = TIMES) -> list[dict[str, Any]]:
    """Return the recorded times of the chapters; an empty list where there are none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def entry(chapter: str, kept: dict[str, Any] | None) -> dict[str, Any]:
    """Return what is recorded of a chapter in the present state of everything.

    `kept` is what `tools.execute.kept` returned; None means that the chapter failed.
    """
    found = kept or {"date": f"{datetime.now(UTC):%Y-%m-%d}"}
    return {
        "chapter": chapter,
        "backend": backend.name(),
        "backend_version": backend.version(),
        "budget": runtime.budget(),
        "seconds": found.get("execution_seconds"),
        "memory_mb": found.get("memory_mb"),
        "outcome": "passed" if kept else "failed",
        "date": found["date"][:10],
        "device": runtime.device(),
        "python": platform.python_version(),
    }


def record(entries: Iterable[dict[str, Any]], path: Path = TIMES) -> None:
    """Write entries into the file, each in the place of an older one of its kind."""
    found = {tuple(e[name] for name in KEY): e for e in (*read_times(path), *entries)}
    lines = ",\n".join(f" {json.dumps(found[key])}" for key in sorted(found))
    write_whole(path, f"[\n{lines}\n]\n")
