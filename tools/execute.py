"""Run the chapters in parallel and keep their outputs: ``python -m tools.execute``.

The outputs go into a jupyter-cache, from which the site is built. The cache of one
state of the package, the environment, the data, the budget and the backend lives in
a folder of its own (`cache_folder`); inside it, jupyter-cache tells chapters apart by
their code. So a change of prose runs nothing, and a change of the package runs all.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from myst_nb.core.read import read_myst_markdown_notebook
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError

from imgcls_helpers import backend, data, runtime
from imgcls_helpers._arguments import switch
from imgcls_helpers._turns import one_at_a_time
from tools import times
from tools.book import chapters
from tools.pictures import images_without_alt
from tools.places import ROOT
from tools.processes import ended_together, follow_parent

CACHE = ROOT / "_build" / "executed"
CELL_TIMEOUT_S = 1800
LOADS = re.compile(r"load_dataset\(\s*[\"'](\w+)[\"']")


def read_chapter(path: Path) -> nbformat.NotebookNode:
    """Read a chapter the way the site's build reads it."""
    text = path.read_text(encoding="utf-8")
    return read_myst_markdown_notebook(text, add_source_map=True, path=path)


def datasets_of(notebook: nbformat.NotebookNode) -> set[str]:
    """Return the names of the data sets that a chapter's code loads."""
    code = "\n".join(c.source for c in notebook.cells if c.cell_type == "code")
    return set(LOADS.findall(code))


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def fetch(name: str) -> bool:
    """Say whether a data set is at hand, after trying once to download it.

    This happens before the chapters start, so that two of them never download the
    same file, and so that what they will find can be part of the cache's name.
    """
    if data.dataset_file(name) is not None:
        return True
    if switch("IMGCLS_OFFLINE"):
        return False
    print(f"  fetching the data set {name} ...", flush=True)
    try:
        data.load_dataset(name)
    except data.DataUnavailableError as error:
        reason = str(error).partition(" There are three ways")[0]
        print(f"  {name} is out of reach; chapters show their fallback. {reason}")
    return data.dataset_file(name) is not None


def data_state(names: Iterable[str]) -> dict[str, str]:
    """Return, for each data set that is read from a file, what is in that file."""
    state = {}
    for name in sorted(set(names) & set(data.DOWNLOADS)):
        if not fetch(name):
            state[name] = "out of reach"
            continue
        state[name] = sha256(data.dataset_file(name))
    return state


def package_state(package: Path = Path(data.__file__).parent) -> dict[str, str]:
    """Return the content of every source file of the package, as hashes."""
    files = sorted(package.rglob("*.py"))
    return {path.relative_to(package).as_posix(): sha256(path) for path in files}


@functools.cache
def book_data() -> dict[str, str]:
    """Return the `data_state` of every data set that a chapter loads."""
    names = {n for page in chapters() for n in datasets_of(read_chapter(page))}
    return data_state(names)


def out_of_reach() -> bool:
    """Say whether a chapter has to show a fallback."""
    return "out of reach" in book_data().values()


@functools.cache
def cache_folder() -> Path:
    """Return the folder of outputs that fit the present state of everything.

    ``IMGCLS_OUTPUTS`` names it where a build has worked it out already: what it shows
    is what it ran, whatever was changed in the meantime.
    """
    if named := os.environ.get("IMGCLS_OUTPUTS"):
        return Path(named)
    state = {
        "package": package_state(),
        "environment": sorted(
            {f"{d.metadata['Name']} {d.version}" for d in metadata.distributions()}
        ),
        "python": sys.version,
        "data": book_data(),
        "budget": runtime.budget(),
        "backend": backend.name(),
        "device": runtime.device(),
    }
    text = json.dumps(state, sort_keys=True)
    return CACHE / hashlib.sha256(text.encode()).hexdigest()[:16]


def cached(notebook: nbformat.NotebookNode) -> bool:
    """Say whether the outputs of a chapter are in the cache, whole.

    A build that was killed while it wrote can leave a record without its file.
    """
    cache = get_cache(cache_folder())
    try:
        cache.merge_match_into_notebook(notebook)
    except Exception:  # not there, or unreadable: run the chapter
        return False
    return True


@dataclass
class Run:
    """A chapter that was run, with what is kept beside its outputs."""

    notebook: nbformat.NotebookNode
    seconds: float
    memory_mb: float | None  # the most that its kernel took
    date: str  # when it ended, UTC
    records: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""


def run_chapter(path: Path, environment: dict[str, str]) -> Run:
    """Run one chapter in an empty folder, with these environment variables added."""
    notebook = read_chapter(path)
    error = ""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as own:
        records = Path(own) / "records.jsonl"
        client = NotebookClient(
            notebook,
            resources={"metadata": {"path": folder}},
            timeout=CELL_TIMEOUT_S,
            record_timing=False,  # the cache knows a chapter by its cells
            extra_arguments=["--log-level=ERROR"],  # of the kernel's own remarks
        )
        # The kernel of this Python, whatever a user has installed under its name.
        client.km = client.create_kernel_manager()
        client.km.kernel_spec_manager.kernel_dirs = []
        # The kernel's own, and not this process's: others run in it later.
        own_records = {"IMGCLS_RECORDS": str(records)}  # for imgcls_helpers.results
        try:
            client.execute(env={**os.environ, **environment, **own_records})
        except (CellExecutionError, CellTimeoutError):
            error = traceback.format_exc()
        lines = records.read_text("utf-8").splitlines() if records.exists() else []
    if not error and (missing := images_without_alt(notebook)):
        error = f"Figures without alt text: {missing}"
    return Run(
        notebook,
        round(time.perf_counter() - start, 2),
        _memory_mb(),
        datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        [json.loads(line) for line in lines],
        error,
    )


def _memory_mb() -> float | None:
    """Return the most memory that this process's kernel took, where that is known."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return round(most / (2**20 if sys.platform == "darwin" else 2**10), 1)


def keep(path: Path, run: Run) -> None:
    """Put an executed chapter into the cache."""
    cache = get_cache(cache_folder())
    # jupyter-cache trips over what a build that was killed left behind.
    _, key = cache.create_hashed_notebook(run.notebook)
    shutil.rmtree(cache_folder() / "executed" / key, ignore_errors=True)
    beside = {
        "execution_seconds": run.seconds,
        "memory_mb": run.memory_mb,
        "date": run.date,
        "records": run.records,
    }
    bundle = CacheBundleIn(run.notebook, str(path), data=beside)
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def keep_or_say_why(path: Path, run: Run) -> str:
    """Put an executed chapter into the cache; return what is in the way, if anything.

    What was written of it is not taken for whole later: see `cached`.
    """
    try:
        keep(path, run)
    except Exception as problem:  # of the system, or of the cache's data base
        return (
            f"Its outputs cannot be kept in {cache_folder()}: {problem}\nMake room, if "
            "the disk is full, and build again: what is done already stays."
        )
    return ""


def kept(path: Path) -> dict[str, Any] | None:
    """Return what is kept beside a chapter's outputs; None if it has none that fit.

    Keys: ``execution_seconds``, ``memory_mb``, ``date`` and ``records``, the findings
    and models that `imgcls_helpers.results` wrote.
    """
    try:
        cache = get_cache(cache_folder())
        found = cache.match_cache_notebook(read_chapter(path)).data
    except KeyError:
        return None
    # Jupyter Book runs what it misses, and keeps the seconds alone.
    return found if "records" in found else None


def say(path: Path, outcome: str, seconds: float | None = None) -> None:
    """Print the line of progress of one chapter."""
    time_taken = "" if seconds is None else f"{seconds:.1f} s"
    print(f"  {path.stem:<32}{time_taken:>9}  {outcome}", flush=True)


def execute(pages: Sequence[Path], jobs: int) -> list[Path]:
    """Run the chapters that have no fitting outputs yet; return those that failed."""
    # Two at once would trip over each other's files; the second finds all done.
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(folder / "turn.lock", say_waiting):
        return _execute(pages, jobs)


def say_waiting() -> None:
    """Say that another process has to finish first."""
    print("Another build of this book is running; waiting for it ...", flush=True)


def _execute(pages: Sequence[Path], jobs: int) -> list[Path]:
    notebooks = {page: read_chapter(page) for page in pages}
    environment = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    if out_of_reach():
        environment["IMGCLS_OFFLINE"] = "1"  # asked once, for all chapters
    print(f"Chapters ({runtime.budget()} budget, {backend.name()}):", flush=True)
    missing = []
    for page, notebook in notebooks.items():
        if cached(notebook):
            say(page, "unchanged")
        else:
            missing.append(page)
    # Chapters at a time share the cores: threads of NumPy that outnumber them wait on
    # each other, and take many times as long.
    share = max(1, (os.cpu_count() or 1) // max(1, min(jobs, len(missing))))
    environment["OPENBLAS_NUM_THREADS"] = str(share)
    failed = []
    # Fresh processes, because threads share one event loop and one signal handler. Each
    # runs one chapter, so that the memory of its children is that chapter's.
    with ProcessPoolExecutor(
        jobs,
        mp_context=get_context("spawn"),
        initializer=follow_parent,
        max_tasks_per_child=1,
    ) as pool:
        running: dict[Future[Run], Path] = {
            pool.submit(run_chapter, page, environment): page for page in missing
        }
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                page = running.pop(future)
                try:
                    run = future.result()
                    seconds, error = run.seconds, run.error
                    error = error or keep_or_say_why(page, run)
                except Exception as problem:  # a dead kernel, no memory, ...
                    seconds, error = None, "".join(traceback.format_exception(problem))
                if error:
                    failed.append(page)
                    say(page, "FAILED", seconds)
                    print(error, file=sys.stderr, flush=True)
                else:
                    say(page, "done", seconds)
    return failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all chapters, or those named; return 1 when one failed."""
    parser = argparse.ArgumentParser("python -m tools.execute", description=__doc__)
    parser.add_argument("chapter", nargs="*", help="a part of a chapter's file name")
    parser.add_argument("--jobs", type=int, help="chapters at a time (default: cores)")
    parser.add_argument(
        "--record", action="store_true", help=f"note the times in {times.TIMES.name}"
    )
    options = parser.parse_args(arguments)
    pages = chapters()
    if options.chapter:
        pages = [p for p in pages if any(word in p.name for word in options.chapter)]
        if not pages:
            known = ", ".join(page.stem for page in chapters())
            parser.error(f"no chapter fits {options.chapter}; there are: {known}")
    # One chapter at a time on a GPU: they would fight for its memory.
    jobs = options.jobs or (1 if runtime.budget() == "gpu" else os.cpu_count() or 1)
    failed = execute(pages, jobs)
    if options.record:
        times.record(times.entry(page.stem, kept(page)) for page in pages)
    if failed:
        print(f"Failed: {', '.join(page.stem for page in failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    with ended_together():
        sys.exit(main())
