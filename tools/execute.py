"""Run the chapters and keep their outputs: ``python -m tools.execute [CHAPTER ...]``.

Chapters run side by side, each in a kernel and an empty folder of its own. Those whose
kept outputs still fit (see `tools.outputs`) are not run.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbformat import NotebookNode, v4

from imgcls_helpers._turns import one_at_a_time
from tools import outputs, times
from tools.book import chapters
from tools.outputs import Run, read_chapter
from tools.pictures import images_without_alt
from tools.processes import ended_together
from tools.progress import Shown, progress
from tools.surroundings import OUT_OF_REACH, data_of, surroundings

CELL_TIMEOUT_S = 1800

# The last that a kernel does: it says what the outputs came from, and what they took.
REPORT = """
import json, sys
from pathlib import Path

memory = None
try:
    status = Path("/proc/self/status").read_text()
    memory = int(status.split("VmHWM:")[1].split()[0]) / 2**10
except OSError:  # not Linux
    try:
        import resource

        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        memory /= 2**20 if sys.platform == "darwin" else 2**10
    except ImportError:  # Windows
        pass
said = {{
    "modules": [name for name in sys.modules if name.startswith("imgcls_helpers")],
    "memory_mb": memory and round(memory, 1),
}}
Path({path!r}).write_text(json.dumps(said), encoding="utf-8")
"""


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the code cells of a chapter."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def run_chapter(
    path: Path,
    environment: dict[str, str],
    cell_done: Callable[[], object] = lambda: None,
) -> Run:
    """Run one chapter in an empty folder, with these environment variables added."""
    notebook = read_chapter(path)
    name, before = outputs.name_of(path, notebook), outputs.package_state()
    error = ""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as own:
        records, report = Path(own) / "records.jsonl", Path(own) / "report.json"
        asking = v4.new_code_cell(REPORT.format(path=str(report)))
        client = NotebookClient(
            v4.new_notebook(cells=[*notebook.cells, asking]),
            resources={"metadata": {"path": folder}},
            kernel_name="python3",
            timeout=CELL_TIMEOUT_S,
            record_timing=False,
            extra_arguments=["--log-level=ERROR"],  # of the kernel's own remarks
            on_cell_executed=lambda cell, **_: None if cell is asking else cell_done(),
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
        said = json.loads(report.read_text("utf-8")) if report.exists() else {}
    if not error and (missing := images_without_alt(notebook)):
        error = f"Figures without alt text: {missing}"
    here = surroundings()
    return Run(
        name=name,
        outputs=[cell.outputs for cell in code_cells(notebook)],
        seconds=round(time.perf_counter() - start, 2),
        memory_mb=said.get("memory_mb"),
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        records=[json.loads(line) for line in lines],
        modules=outputs.loaded(said.get("modules", []), before),
        budget=here["budget"],
        backend=here["backend"],
        error=error,
    )


def keep(path: Path, run: Run) -> str:
    """Keep a run; return what is in the way, if anything.

    What was written of it is not taken for whole later.
    """
    try:
        outputs.keep(path, run)
    except OSError as problem:
        return (
            f"Its outputs cannot be kept in {outputs.KEPT}: {problem}\nMake room, if "
            "the disk is full, and build again: what is done already stays."
        )
    return ""


def expected_seconds(path: Path) -> float | None:
    """Return how long a chapter is likely to take; None if nothing is known."""
    if run := outputs.latest(path):
        return run.seconds
    here = surroundings()
    wanted = (path.stem, here["backend"], here["budget"])
    recorded = {tuple(e[key] for key in times.KEY): e for e in times.read_times()}
    return recorded.get(wanted, {}).get("seconds")


def say_waiting() -> None:
    """Say that another process has to finish first."""
    print("Another build of this book is running; waiting for it ...", flush=True)


def execute(pages: Sequence[Path], jobs: int) -> dict[Path, Run]:
    """Run the chapters that have no fitting outputs yet.

    Returns
    -------
    dict
        The run of each chapter, in order; those that failed are missing.
    """
    # Two at once would run the same; the second finds all done.
    outputs.KEPT.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(outputs.KEPT / "turn.lock", say_waiting):
        return _execute(pages, jobs)


def _execute(pages: Sequence[Path], jobs: int) -> dict[Path, Run]:
    here = surroundings()
    print(f"Chapters ({here['budget']} budget, {here['backend']}):", flush=True)
    notebooks = {page: read_chapter(page) for page in pages}
    runs = {page: outputs.find(page, notebook) for page, notebook in notebooks.items()}
    missing = [page for page, run in runs.items() if run is None]
    expected = {page: expected_seconds(page) for page in missing}
    with progress() as shown:
        for page, run in runs.items():
            if run is not None:
                faults = images_without_alt(run.fill(notebooks[page]))
                shown.ended(page.stem, "FAILED" if faults else "unchanged")
                if faults:
                    runs[page].error = f"Figures without alt text: {faults}"
                    print(runs[page].error, file=sys.stderr, flush=True)
        # The longest first, so that none is left alone at the end.
        missing.sort(key=lambda page: -(expected[page] or 0))
        environment = environment_of(missing, jobs)
        running: dict[Future[Run], Path] = {}
        with ThreadPoolExecutor(jobs) as pool:
            while missing or running:
                while missing and len(running) < jobs:
                    page = missing.pop(0)
                    cells = len(code_cells(notebooks[page]))
                    shown.started(page.stem, cells, expected[page])
                    tell = lambda name=page.stem: shown.cell_done(name)  # noqa: E731
                    future = pool.submit(run_chapter, page, environment, tell)
                    running[future] = page
                done, _ = wait(running, timeout=1, return_when=FIRST_COMPLETED)
                shown.tick()
                for future in done:
                    page = running.pop(future)
                    runs[page] = ended(future, page, shown)
    return {page: run for page, run in runs.items() if run and not run.error}


def ended(future: Future[Run], page: Path, shown: Shown) -> Run | None:
    """Keep a chapter's run, and say how it went."""
    run = None
    try:
        run = future.result()
        error = run.error or keep(page, run)
    except Exception as problem:  # a dead kernel, no memory, ...
        error = "".join(traceback.format_exception(problem))
    shown.ended(page.stem, "FAILED" if error else "done", run and run.seconds)
    if error:
        print(error, file=sys.stderr, flush=True)
        return None
    return run


def environment_of(pages: Sequence[Path], jobs: int) -> dict[str, str]:
    """Return the environment variables that chapters run with, on top of ours."""
    environment = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    if OUT_OF_REACH in data_of(*pages).values():
        environment["IMGCLS_OFFLINE"] = "1"  # asked once, for all chapters
    # Chapters at a time share the cores: threads of NumPy that outnumber them wait on
    # each other, and take many times as long.
    share = max(1, (os.cpu_count() or 1) // max(1, min(jobs, len(pages))))
    environment["OPENBLAS_NUM_THREADS"] = str(share)
    return environment


def jobs_here() -> int:
    """Return how many chapters run at a time: one on a GPU, whose memory they share."""
    return 1 if surroundings()["budget"] == "gpu" else os.cpu_count() or 1


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
    runs = execute(pages, options.jobs or jobs_here())
    if options.record:
        times.record(times.entry(page.stem, runs.get(page)) for page in pages)
    return report_failed(pages, runs)


def report_failed(pages: Sequence[Path], runs: dict[Path, Run]) -> int:
    """Name the chapters that failed; return 1 if there are any."""
    failed = [page.stem for page in pages if page not in runs]
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    with ended_together():
        sys.exit(main())
