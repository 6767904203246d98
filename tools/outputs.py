"""What is kept of the chapters' runs, and whether it still fits.

A run is one file under ``_build/executed/CHAPTER``. It fits while nothing has changed
that it depends on: the chapter's code, the `surroundings`, the data that the code
loads (together they name the file), and those modules of the package that the run had
loaded at its end (which stand in it). Prose, other modules and other data may change.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nbformat
from myst_nb.core.read import read_myst_markdown_notebook

from tools.fingerprints import digest, sha256
from tools.places import ROOT, write_whole
from tools.surroundings import data_of, surroundings

KEPT = ROOT / "_build" / "executed"
KEEP = 10  # runs of a chapter; who takes a change back finds the outputs from before it
PACKAGE = ROOT / "imgcls_helpers"


@dataclass
class Run:
    """One run of a chapter, and what came of it."""

    name: str  # of all that it depends on, except for modules: see `name_of`
    outputs: list[list[dict[str, Any]]]  # of each code cell
    seconds: float
    memory_mb: float | None  # the most that its kernel took
    date: str  # when it ended, UTC
    records: list[dict[str, Any]]  # what `imgcls_helpers.results` wrote
    modules: dict[str, str]  # of the package, each with the hash of its file
    budget: str
    backend: str
    error: str = ""  # a run with one is not kept

    def fill(self, notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
        """Put the outputs into the chapter as it is read now."""
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        for cell, outputs in zip(code, self.outputs, strict=True):
            cell.outputs = [nbformat.from_dict(output) for output in outputs]
        return notebook


def read_chapter(path: Path) -> nbformat.NotebookNode:
    """Read a chapter the way the site's build reads it."""
    text = path.read_text(encoding="utf-8")
    return read_myst_markdown_notebook(text, add_source_map=True, path=path)


def package_state() -> dict[str, str]:
    """Return the hash of the file of each module of the package."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = sha256(path)
    return found


def loaded(modules: Iterable[str], before: dict[str, str]) -> dict[str, str]:
    """Return the state of the modules that a run has loaded, which began at another.

    What was changed in the meantime fits no state: who knows which text was run.
    """
    now = package_state()
    return {
        name: state if now.get(name) == state else "changed while it ran"
        for name, state in before.items()
        if name in modules
    }


def name_of(path: Path, notebook: nbformat.NotebookNode) -> str:
    """Return what the files of a chapter's runs begin with, as things are now."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return digest([code, surroundings(), data_of(path)])


def _files(path: Path, name: str = "") -> list[Path]:
    """Return the files of a chapter's runs, the newest first."""
    found = (KEPT / path.stem).glob(f"{name}*.json")
    return sorted(found, key=lambda file: file.stat().st_mtime_ns, reverse=True)


def _read(file: Path) -> Run | None:
    """Read a run; None if its file was cut short or is no run."""
    try:
        return Run(**json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError, OSError):
        return None


def find(path: Path, notebook: nbformat.NotebookNode | None = None) -> Run | None:
    """Return a chapter's run that fits, if one is kept; `notebook` is what it reads."""
    now = package_state()
    for file in _files(path, name_of(path, notebook or read_chapter(path))):
        run = _read(file)
        if run and all(now.get(m) == state for m, state in run.modules.items()):
            return run
    return None


def latest(path: Path) -> Run | None:
    """Return a chapter's latest run here with this budget and backend."""
    here = surroundings()
    for file in _files(path):
        run = _read(file)
        if run and (run.budget, run.backend) == (here["budget"], here["backend"]):
            return run
    return None


# What the site shows: the runs that this process has made or found before.
_shown: dict[Path, Run] = {}


def show(runs: dict[Path, Run]) -> None:
    """Let the site show these runs, whatever else changes in the meantime."""
    _shown.update(runs)


def shown(path: Path) -> Run | None:
    """Return the run of a chapter that the site shows; None if it shows none."""
    return _shown.get(path)


def keep(path: Path, run: Run) -> None:
    """Keep a chapter's run, and drop the oldest."""
    folder = KEPT / path.stem
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{run.name}-{digest(run.modules)}.json"
    write_whole(file, json.dumps(asdict(run)))
    for file in _files(path)[KEEP:]:
        file.unlink(missing_ok=True)
