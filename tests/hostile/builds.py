"""Hostile conditions: trainings and builds that are killed, hindered, or run twice."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from imgcls_helpers._arguments import ArgumentError
from imgcls_helpers._turns import one_at_a_time
from imgcls_helpers.training import CheckpointError, DivergenceError, Recipe, _store
from tests.hostile import ROOT, case, files_in, full_disk, refused, without_rights
from tests.package import test_training
from tests.tools import test_execute
from tests.tools.fresh import checkout
from tools import execute, outputs, places, setup_env

# --- Training -------------------------------------------------------------------------

trainings = partial(case, "Training")
fit, net = test_training.fit, partial(test_training.net, full=True)
LONG, OPTIONS = test_training.LONG, test_training.OPTIONS


@functools.cache
def undisturbed() -> tuple:
    """Return the state and the history of a training that nothing happens to."""
    model = net()
    history = fit(model, recipe=LONG, **OPTIONS)
    return test_training.state_of(model), history.metrics


def resumed(folder: Path) -> str:
    """Go on with a training; its end must be that of the undisturbed one."""
    state, metrics = undisturbed()
    model = net(seed=99)  # other first weights: they must not matter
    history = fit(model, recipe=LONG, checkpoint=folder, **OPTIONS)
    assert history.metrics == metrics
    assert test_training.same(test_training.state_of(model), state)
    assert not list(folder.glob("part-*"))
    return f"{history.epochs} epochs, the same weights, bit by bit"


@trainings(
    "A training is killed while it writes its state",
    "the same call goes on from the state before, to the same weights",
)
def _(place):
    for moment in (1, 2, 3):  # weights in place, state in place, cleaning up
        with test_training.killed_at(place.patch, moment):
            fit(net(), recipe=LONG, checkpoint=place.folder, **OPTIONS)
    return resumed(place.folder)


@trainings(
    "The disk is full when a state is written",
    "keeps the state before; after you made room, it goes on to the same weights",
    not_ours=r"(?<=you: ).*?(?=\. The one)",
)
def _(place):
    write = _store.Store.write

    def write_on_a_full_disk(self, model, so_far, better):
        with full_disk(2000) if so_far.epochs == 2 else contextlib.nullcontext():
            write(self, model, so_far, better)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_store.Store, "write", write_on_a_full_disk)
        message = refused(
            CheckpointError,
            "epoch 2 cannot be written .* The one before it stays. Make room",
            partial(fit, net(), recipe=LONG, checkpoint=place.folder, **OPTIONS),
        )
    assert not list(place.folder.glob("part-*"))  # that would fill the disk for good
    resumed(place.folder)
    return message


@trainings(
    "The folder for checkpoints cannot be made: a file has its name",
    "says so before the first epoch",
    not_ours=r"(?<=made: ).*?(?=\. Name)",
)
def _(place):
    (place.folder / "run").write_text("a file", encoding="utf-8")
    call = partial(fit, net(), recipe=LONG, checkpoint=place.folder / "run")
    return refused(CheckpointError, "cannot be made", call)


@trainings(
    "The folder for checkpoints belongs to somebody else",
    "says so before the first epoch",
    not_ours=r"(?<=checkpoints: ).*?(?=\. Name)",
)
def _(place):
    folder = place.folder / "run"
    folder.mkdir()
    model = net()
    with without_rights(folder):
        call = partial(fit, model, recipe=LONG, checkpoint=folder)
        return refused(CheckpointError, "Nothing can be written", call)


@trainings(
    "A checkpoint was cut short",
    "refuses it; says what to delete",
    not_ours=r"(?<=loaded \().*(?=\)\.)",
)
def _(place):
    short = partial(fit, recipe=test_training.SHORT, checkpoint=place.folder)
    short(test_training.net())
    os.truncate(next(place.folder.glob("*.npz")), 3000)
    return refused(CheckpointError, "Delete the folder", short, test_training.net())


@trainings(
    "The learning rate is far too high",
    "stops with the likely cause and what to change",
    not_ours=r"(?<=became ).*?(?= in epoch)|(?<=in epoch 1)(, by step \d+)?(?=\.)"
    r"|(?<=Weights of )'.*?'| The loss of the epochs before: [^.]*\.[^ ]*",
)
def _(place):
    recipe = Recipe(
        learning_rate=1e30, epochs=3, batch_size=16, schedule="constant", momentum=0
    )
    call = partial(fit, test_training.net(), recipe=recipe)
    return refused(DivergenceError, "Lower learning_rate", call)


@trainings(
    "A weight is NaN before the training",
    "refuses to begin",
    not_ours="(?<=infinity in )'.*?'",
)
def _(place):
    call = partial(fit, test_training.broken("kernel"))
    return refused(ArgumentError, "before the training", call)


# --- Building the book, in parts ------------------------------------------------------

building = partial(case, "Building the book")


def executed(place, *pages: Path) -> tuple[list[Path], str]:
    """Run chapters into a cache of their own; return the failed and what is printed."""
    place.patch.setattr(outputs, "KEPT", place.folder / "cache")
    with (
        contextlib.redirect_stdout(io.StringIO()) as printed,
        contextlib.redirect_stderr(printed),
    ):
        runs = execute.execute(pages, jobs=2)
    return [page for page in pages if page not in runs], printed.getvalue()


def lines_of(printed: str) -> str:
    """Return the lines of progress, without times."""
    lines = [line for line in printed.splitlines() if re.match(r"  \d\d-", line)]
    return "; ".join(re.sub(r" +[\d.]+ s +| {2,}", " ", line).strip() for line in lines)


@building(
    "A chapter ends its Python, another is fine",
    "names the chapter, keeps the other's outputs, and fails",
)
def _(place):
    bad = test_execute.chapter(place.folder, "01-bad", "import os\nos._exit(9)")
    good = test_execute.chapter(place.folder, "02-good", "print('fine')")
    failed, printed = executed(place, bad, good)
    assert failed == [bad] and "DeadKernelError" in printed
    assert test_execute.output_of(good) == "fine\n"
    return "; ".join(sorted(lines_of(printed).split("; ")))


@building(
    "The kept outputs of a chapter were cut short, or deleted",
    "runs the chapter again; half outputs never reach a page",
)
def _(place):
    page = test_execute.chapter(place.folder, "01-a", "print(6 * 7)")
    executed(place, page)
    (stored,) = (place.folder / "cache").rglob("*.json")
    whole = stored.read_bytes()
    stored.unlink()
    assert outputs.find(page) is None
    stored.write_bytes(whole)
    assert outputs.find(page)
    stored.write_bytes(whole[:20])
    failed, printed = executed(place, page)
    assert failed == [] and test_execute.output_of(page) == "42\n"
    return lines_of(printed)


@building(
    "The disk is full when a chapter's outputs are kept",
    "names the chapter and the folder; with room again, runs it",
    not_ours=r"(?<=cache: ).*?(?=\n?Make room)",
)
def _(place):
    page = test_execute.chapter(place.folder, "01-a", "print(6 * 7)")
    keep = outputs.keep

    def keep_on_a_full_disk(*arguments):
        with full_disk():
            keep(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outputs, "keep", keep_on_a_full_disk)
        failed, printed = executed(place, page)
    assert failed == [page] and "01-a" in printed
    assert outputs.find(page) is None
    again, printed_again = executed(place, page)
    assert again == [] and lines_of(printed_again) == "01-a done"
    assert test_execute.output_of(page) == "42\n"
    return " ".join([lines_of(printed), *printed.splitlines()[2:]])


@building(
    "The disk is full when a notebook is written beside its chapter",
    "keeps the old one, whole",
    not_ours=r"(?<=\] ).*",
)
def _(place):
    path = place.folder / "01-a.ipynb"
    places.write_whole(path, "old")
    with full_disk(room=10):
        message = refused(OSError, "", places.write_whole, path, "new" * 100)
    assert files_in(place.folder) == [path.name] and path.read_text() == "old"
    return re.sub(r"\[Errno \d+\]", "[Errno]", message)


SET_UP = """
import builtins, sys, time
from pathlib import Path
sys.path.insert(0, {tools!r})
import setup_env
log = Path({log!r})
def note(line):
    with log.open("a") as file:
        file.write(line + "\\n")
def make(folder, found, wanted):
    note("begin")
    until = time.monotonic() + 600
    while "waiting" not in log.read_text() and time.monotonic() < until:
        time.sleep(0.02)
    (folder / "pyvenv.cfg").write_text(f"command = python -m venv {{folder}}")
    (folder / "made-from.txt").write_text(wanted)
    note("end")
def show(text, **options):
    say(text, **options)
    note(text)
say, builtins.print = print, show
setup_env.make, setup_env.VENV = make, Path({venv!r})
setup_env.works = lambda python: True
setup_env.LOCK = setup_env.ROOT / "requirements.txt"
setup_env.BUILD = Path({build!r})
setup_env.main()
"""


@building(
    "Two set-ups of the environment at once in one folder",
    "one makes it, the other says that it waits, and finds it made",
)
def _(place):
    assert setup_env.BUILD == ROOT / "_build"
    log = place.folder / "log.txt"
    program = SET_UP.format(
        tools=str(ROOT / "tools"),
        log=str(log),
        venv=str(place.folder),
        build=str(place.folder / "_build"),
    )
    command = [sys.executable, "-c", program]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in "ab"]
    printed = [process.communicate(timeout=1200)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    # One may say that it waits when the other has the lock, and not begun yet.
    *before, end = log.read_text().splitlines()
    (waiting,) = set(before) - {"begin"}
    assert len(before) == 2 and waiting in printed[0] + printed[1] and end == "end"
    return "".join(printed)


# --- Building the book, as a whole ----------------------------------------------------

CHAPTERS = 2
KILLS = 10

# One process imports what a build imports, once. Each build is a fork of it: the ten
# kills would otherwise cost a minute of importing alone.
BUILDER = """
import os, random, shutil, signal, sys, time
from pathlib import Path
import psutil
import jupyter_book.sphinx
from tools import build, execute, notebooks, publish

def start(log):
    child = os.fork()
    if child:
        return child
    os.setsid()
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    code = 1
    try:
        code = build.main()
    finally:
        sys.stdout.flush()
        os._exit(code)

def work_of(child):
    # In seconds of all its processes: those on the clock depend on who else is busy.
    process = psutil.Process(child)
    if process.status() == psutil.STATUS_ZOMBIE:
        return None
    seconds = 0.001
    for one in [process, *process.children(recursive=True)]:
        try:
            seconds += sum(one.cpu_times()[:4])
        except psutil.NoSuchProcess:
            pass
    return seconds

def end(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def kill(child):
    # Kernels are leaders of groups of their own.
    family = psutil.Process(child).children(recursive=True)
    for process in [psutil.Process(child), *family]:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            pass
    return end(child)

def put_away(name):
    shutil.move("_build", name)
    for path in Path("book").glob("*.ipynb"):
        path.unlink()

def log_of(name):
    path = Path(name + ".log")
    return path.read_text("utf-8") if path.exists() else ""

def kept():
    return len(list(Path("_build").glob("executed/*/*.json")))

if __name__ == "__main__":
    child = start("undisturbed.log")
    chapters = whole = 0
    while seconds := work_of(child):
        whole = seconds
        if "Building the site" not in log_of("undisturbed"):
            chapters = seconds
        time.sleep(0.05)
    assert end(child) == 0
    put_away("undisturbed")

    both = [start("first.log"), start("second.log")]
    print("codes", *map(end, both))
    put_away("two")

    draw = random.Random(20)
    kills, finished = 0, 0
    while kills < {kills} and finished < 20:
        before = len(log_of("killed"))
        # One moment in each tenth of a build, and once its chapters are done, anywhere
        # in what is left of it.
        moment = (kills + draw.random()) / {kills} * whole
        if kept() == {chapters}:
            moment = draw.random() * (whole - chapters)
        child = start("killed.log")
        while (seconds := work_of(child)) is not None and seconds < moment:
            time.sleep(0.05)
        if seconds is None:
            assert end(child) == 0
            whole *= 0.9
            finished += 1
            continue
        assert kill(child) == -signal.SIGKILL
        kills += 1
        reached = "Building the site" in log_of("killed")[before:]
        stage = "site" if reached else "chapters"
        print("kill", kept(), stage, flush=True)
    print("completed", end(start("killed.log")))
"""


def result_of(build: Path) -> dict[str, bytes]:
    """Return what readers get from a build, and what is kept of the chapters."""
    site = {f: (build / "html" / f).read_bytes() for f in files_in(build / "html")}
    for path in (build / "executed").rglob("*.json"):
        run = json.loads(path.read_text(encoding="utf-8"))
        site[f"outputs/{path.parent.name}"] = json.dumps(run["outputs"]).encode()
    return site


def together(name: str, run: Callable[[], list]) -> list:
    """Run something once for all processes that the tests run in; return its result."""
    run_of_all = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    folder = Path(tempfile.gettempdir(), f"imgcls-{run_of_all}")
    folder.mkdir(exist_ok=True)
    result = folder / f"{name}.json"
    with one_at_a_time(folder / f"{name}.lock"):
        if not result.is_file():
            result.write_text(json.dumps(run()), encoding="utf-8")
        return json.loads(result.read_text(encoding="utf-8"))


def build_them_all() -> list:
    """Build undisturbed, twice at once, and killed; return what was seen."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        checkout(root, CHAPTERS)
        (root / "builder.py").write_text(
            BUILDER.replace("{kills}", str(KILLS)).replace("{chapters}", str(CHAPTERS)),
            encoding="utf-8",
        )
        environment = {**os.environ, "PYTHONPATH": str(root)}
        run = subprocess.run(
            [sys.executable, "builder.py"],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
        )
        logs = {log.stem: log.read_text("utf-8") for log in root.glob("*.log")}
        assert run.returncode == 0, (run.stdout, run.stderr, logs)
        undisturbed = result_of(root / "undisturbed")
        assert "html/index.html" not in undisturbed and "index.html" in undisturbed
        assert sum(name.startswith("outputs/") for name in undisturbed) == CHAPTERS
        differing = {}
        for name in ("two", "_build"):
            other = result_of(root / name)
            names = undisturbed.keys() | other.keys()
            differing[name] = [
                n for n in sorted(names) if undisturbed.get(n) != other.get(n)
            ]
        return [run.stdout.splitlines(), logs, differing]


@building(
    "Two builds at once in one folder",
    "one builds, the other says that it waits; both succeed, and the site is the same",
)
def _(place):
    lines, logs, differing = together("builds", build_them_all)
    assert lines[0] == "codes 0 0", logs
    assert differing["two"] == []
    waiting = "Another build of this book is running; waiting for it ..."
    one, other = sorted((logs["first"], logs["second"]), key=len)
    assert (waiting in one) != (waiting in other)
    return waiting


@building(
    f"A build is killed {KILLS} times, at random moments",
    "the next one completes it, and the result is that of an undisturbed build, "
    "byte by byte",
    not_ours=r"(?<=in )\S*(?=_build)",
)
def _(place):
    lines, logs, differing = together("builds", build_them_all)
    kills = [line.split() for line in lines if line.startswith("kill")]
    assert len(kills) == KILLS
    # Before, between and after the chapters, and inside of the site.
    assert {int(kept) for _, kept, _ in kills} >= {0, CHAPTERS}
    assert {stage for *_, stage in kills} == {"chapters", "site"}
    assert lines[-1] == "completed 0", logs["killed"]
    assert differing["_build"] == []
    # The last kill may come after the site stands, before the program has ended.
    return logs["killed"].splitlines()[-1].replace("Nothing has changed: the", "The")
