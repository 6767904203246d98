"""Make the book: notebooks, executed chapters, site. ``python -m tools.build [--pdf]``.

With ``--pdf`` the site also offers the whole book as a PDF, which needs a Chromium.
Where nothing has changed since the last build, nothing is done.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imgcls_helpers import backend
from imgcls_helpers._turns import one_at_a_time
from tools.fingerprints import sha256, sources, versions
from tools.places import ROOT, SITE, write_whole
from tools.processes import ended_together
from tools.surroundings import datasets_of, files_of

STAMP = SITE.with_name("html.json")
SOURCES = (
    *("_config.yml", "_toc.yml", "index.md", "pyproject.toml"),
    *("book", "imgcls_helpers", "tools", "benchmarks"),
)
SETTINGS = ("IMGCLS_BUDGET", "CUDA_VISIBLE_DEVICES", "JAX_PLATFORMS")


def state(printed: bool) -> dict[str, Any]:
    """Return all that the site depends on, at little cost: no backend is imported."""
    names = {name for page in ROOT.glob("book/*.md") for name in datasets_of(page)}
    gpus = Path("/proc/driver/nvidia/gpus").glob("*/information")
    return {
        "sources": sources(*SOURCES),
        "data": {name: [*map(_look, files_of(name))] for name in sorted(names)},
        "python": [sys.version, *versions()],
        "backend": backend.name(),
        "settings": {name: os.environ.get(name, "") for name in SETTINGS},
        "machine": [platform.machine(), str(os.cpu_count()), *map(_read, sorted(gpus))],
        "printed": printed,
    }


def _look(path: Path) -> list[Any]:
    found = path.stat()
    return [str(path), found.st_size, found.st_mtime_ns]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def notebooks_here() -> dict[str, str]:
    """Return the state of the notebooks, which a build writes beside the chapters."""
    return {path.name: sha256(path) for path in sorted(ROOT.glob("book/*.ipynb"))}


def unchanged(now: dict[str, Any]) -> bool:
    """Say whether the site that is there was built from the present state."""
    try:
        before = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    there = (SITE / "index.html").is_file()
    return there and before == {**now, "notebooks": notebooks_here()}


def say_waiting() -> None:
    """Say that another process has to finish first."""
    print("Another build of this book is running; waiting for it ...", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the book, after any other build in this checkout."""
    parser = argparse.ArgumentParser("python -m tools.build")
    parser.add_argument(
        "--pdf", action="store_true", help="print the site as a PDF too"
    )
    printed = parser.parse_args(arguments).pdf
    SITE.parent.mkdir(exist_ok=True)
    with one_at_a_time(SITE.parent / "build.lock", say_waiting):
        return build(printed)


def build(printed: bool = False) -> int:
    """Write, run and build what has changed; return 1 when something is wrong."""
    now = state(printed)
    if unchanged(now):
        print(f"Nothing has changed: the book is in {SITE / 'index.html'}")
        return 0
    print("Looking at the chapters ...", flush=True)
    from tools import execute, notebooks, publish  # take seconds to import
    from tools.book import chapters

    if notebooks.main([]) != 0:
        return 1
    pages = chapters()
    runs = execute.execute(pages, execute.jobs_here())
    if execute.report_failed(pages, runs) != 0:
        return 1
    print("Building the site ...", flush=True)
    if publish.publish(runs, printed) != 0:
        return 1
    if state(printed) == now:  # nothing was changed while it was built
        write_whole(STAMP, json.dumps({**now, "notebooks": notebooks_here()}))
    return 0


if __name__ == "__main__":
    with ended_together():
        sys.exit(main())
