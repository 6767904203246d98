"""Sphinx extension of the pages that are made from runs.

- ``{finding}`NAME` `` stands for the sentence that a chapter's run printed with
  `imgcls_helpers.results.finding`.
- ``{models}`` lists the models that the chapters trained in this build, and
  ``{recorded-models}`` those of ``benchmarks/*.json``.
- ``{status}`` says how the chapters ran in this build, ``{environment}`` on what, and
  ``{recorded-times}`` how long they took with each backend, from
  ``benchmarks/chapter_times.json``.

Chapters may not use them: their notebooks must read well without the site.
"""

from __future__ import annotations

import functools
import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx import addnodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

from imgcls_helpers import backend, runtime
from tools import execute
from tools.chapter import ROOT

if TYPE_CHECKING:
    from sphinx.application import Sphinx

    from imgcls_helpers.training import Spread

logger = logging.getLogger(__name__)

NOTHING = "–"
BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
Cell = str | nodes.Node


@dataclass(frozen=True)
class Chapter:
    """A chapter and what is kept of its run.

    Parameters
    ----------
    docname
        Its name in the site: ``book/01-background``.
    title
        Its heading.
    kept
        What `tools.execute.kept` returns; None if no run fits.
    """

    docname: str
    title: str
    kept: dict[str, Any] | None

    def records(self, kind: str) -> list[dict[str, Any]]:
        """Return its run's records of one kind: "finding" or "model"."""
        return [r for r in (self.kept or {}).get("records", ()) if r["kind"] == kind]


@functools.cache
def read_chapters(root: Path) -> list[Chapter]:
    """Return the chapters of a book in order, read once a build."""
    found = []
    for path in execute.chapters(root):
        lines = path.read_text(encoding="utf-8").splitlines()
        title = next(line[2:].strip() for line in lines if line.startswith("# "))
        docname = path.relative_to(root).with_suffix("").as_posix()
        found.append(Chapter(docname, title, execute.kept(path)))
    return found


# Text --------------------------------------------------------------------------------


def percent(share: float) -> str:
    """Return a share as a percentage.

    Examples
    --------
    >>> percent(0.7125)
    '71.2%'
    """
    return f"{share:.1%}"


def band(spread: Spread) -> str:
    """Return where a reader's own run should land, or why that is not known.

    Examples
    --------
    >>> from imgcls_helpers.training import Spread
    >>> band(Spread([0.71, 0.72, 0.70])), band(Spread([0.99, 1.0]))
    ('66.0–76.0%', '88.5–100.0%')
    >>> band(Spread([0.97, 0.97])), band(Spread([0.7]))
    ('97.0%', 'none: one run')
    """
    if spread.n == 1:
        return "none: one run"
    low, high = (percent(min(max(edge, 0), 1)) for edge in spread.band())
    return low if low == high else f"{low.rstrip('%')}–{high}"


def seconds(value: float | None) -> str:
    """Return a time in as many digits as it deserves.

    Examples
    --------
    >>> seconds(0.234), seconds(12.34), seconds(123.4), seconds(None)
    ('0.2', '12.3', '123', '–')
    """
    if value is None:
        return NOTHING
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def count(value: int | None) -> str:
    """Return a whole number with its thousands apart.

    Examples
    --------
    >>> count(167562), count(None)
    ('167,562', '–')
    """
    return NOTHING if value is None else f"{value:,}"


# Nodes -------------------------------------------------------------------------------


def _paragraph(*parts: Cell) -> nodes.paragraph:
    paragraph = nodes.paragraph()
    paragraph += [nodes.Text(p) if isinstance(p, str) else p for p in parts]
    return paragraph


def _table(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> nodes.table:
    """Return a table whose first column names its rows."""
    group = nodes.tgroup(cols=len(head))
    for place in range(len(head)):
        group += nodes.colspec(colwidth=1, stub=int(place == 0))
    for part, lines in ((nodes.thead(), [head]), (nodes.tbody(), rows)):
        for line in lines:
            row = nodes.row()
            for cell in line:
                entry = nodes.entry()
                entry += _paragraph(cell)
                row += entry
            part += row
        group += part
    table = nodes.table("", classes=["from-runs", "colwidths-auto"])
    table += group
    return table


def _models(models: Iterable[dict[str, Any]], time: str = "seconds") -> nodes.table:
    """Return the table of some models, each as `results.model` keeps it."""
    from imgcls_helpers.training import Spread  # imports Keras: only where needed

    head = (
        *("model", "accuracy", "your run", "runs", "training images"),
        *("parameters", "epochs", time),
    )
    rows = []
    for model in models:
        spread = Spread(model["scores"])
        rows.append(
            [
                *(model["name"], f"{spread:.1%}", band(spread), count(spread.n)),
                *(count(model["images"]), count(model["parameters"])),
                *(count(model["epochs"]), seconds(model["seconds"])),
            ]
        )
    return _table(head, rows)


def _grouped(items: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    """Return the items by their keys, both in the order of their first appearance."""
    groups: dict[Any, list[Any]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


# What is recorded in the repository --------------------------------------------------


def _model(name: str, judged: str, runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return runs that a benchmark recorded as `results.model` keeps them."""
    first = runs[0]
    scores = [run.get("accuracy", run.get("test")) for run in runs]
    if "test_by_epoch" in first:
        scores = [run["test_by_epoch"][-1] for run in runs]
    return {
        "name": name,
        "judged": judged,
        "scores": scores,
        "seconds": statistics.mean(run["cpu_seconds"] for run in runs),
        "epochs": first.get("epochs"),
        **{key: first[key] for key in ("parameters", "images")},
    }


def _recipe_goal(found: dict[str, Any]) -> Iterable[dict[str, Any]]:
    test = found["test"]
    names = {goal: f"fast net, {chosen}" for goal, chosen in test["chosen"].items()}
    for goal, runs in test["runs"].items():
        yield _model(names.get(goal, "tutorial program, 10 epochs"), "test", runs)


def _augment_gain(found: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for size, group in found["sizes"].items():
        for operation, lists in group["operations"].items():
            lists = {key: v for key, v in lists.items() if isinstance(v, list)}
            same = {"epochs": group["epochs"], "images": int(size)}
            runs = [
                {**dict(zip(lists, run, strict=True)), **same}
                for run in zip(*lists.values(), strict=True)
            ]
            name = f"fast net, width {group['width']}, {operation}"
            yield _model(name, "validation", runs)


def _scratch_digits(found: dict[str, Any]) -> Iterable[dict[str, Any]]:
    test = found["test"]
    yield _model(f"NumPy network, {test['settings']}", "test", test["runs"])


def _shapes_difficulty(found: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for name, experiment in found["experiments"].items():
        yield _model(name, "test", experiment["runs"])


# file in benchmarks/: (what it is about, its data, how its models are read)
RECORDED = {
    "recipe_goal": (
        *("The training recipe against the tutorial program", "cifar10"),
        _recipe_goal,
    ),
    "augment_gain": ("What each augmentation gives", "cifar10", _augment_gain),
    "scratch_digits": ("A network in NumPy alone", "digits", _scratch_digits),
    "shapes_difficulty": (
        *("How hard the generated shapes are", "shapes"),
        _shapes_difficulty,
    ),
}


def read_recorded(name: str, root: Path = ROOT) -> dict[str, Any]:
    """Return what a benchmark recorded.

    Returns
    -------
    dict
        ``data``, ``date``, ``machine`` and ``models``: each model as
        `imgcls_helpers.results.model` keeps it, but with CPU seconds.
    """
    path = root / "benchmarks" / f"{name}.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    _, data, models = RECORDED[name]
    # The sizes of augment_gain may be measured one by one.
    facts = {**next(iter(found.get("sizes", {}).values()), {}), **found}
    return {
        "data": " ".join(filter(None, [facts.get("data", data), facts.get("note")])),
        "date": facts["date"],
        "machine": facts.get("machine", facts.get("device")),
        "models": list(models(found)),
    }


def read_times(root: Path = ROOT) -> list[dict[str, Any]]:
    """Return the recorded times of the chapters; an empty list where there are none."""
    path = root / "benchmarks" / "chapter_times.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


# Roles and directives ----------------------------------------------------------------


class Finding(SphinxRole):
    """``{finding}`NAME` ``: the sentence that a chapter's run printed."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the sentence as a node."""
        self.env.note_reread()  # the runs may change where the page does not
        for chapter in read_chapters(Path(self.env.srcdir)):
            for found in chapter.records("finding"):
                if found["name"] == self.text:
                    sentence = found["sentence"]
                    return [nodes.inline("", sentence, classes=["finding"])], []
        logger.warning(
            "no chapter's run recorded the finding %r; a cell of a chapter has to call "
            "results.finding(%r, ...)",
            self.text,
            self.text,
            location=self.get_location(),
        )
        return [nodes.inline("", self.text)], []


class FromRuns(SphinxDirective):
    """A directive without content that is made anew in every build."""

    @property
    def chapters(self) -> list[Chapter]:
        """The chapters of the book that is built."""
        return read_chapters(Path(self.env.srcdir))

    def run(self) -> list[nodes.Node]:
        """Return the nodes that stand in its place."""
        self.env.note_reread()
        return list(self.build())

    def build(self) -> Iterable[nodes.Node]:
        """Yield the nodes that stand in its place."""
        raise NotImplementedError

    def link(self, chapter: Chapter) -> nodes.Node:
        """Return a link to a chapter."""
        link = addnodes.pending_xref(
            refdomain="std",
            reftype="doc",
            reftarget=f"/{chapter.docname}",
            refdoc=self.env.docname,
            refexplicit=True,
            refwarn=True,
        )
        link += nodes.inline("", chapter.title)
        return link

    def section(self, name: str, *title: Cell) -> nodes.section:
        """Return a section that the page's contents list."""
        section = nodes.section(names=[name])
        section += nodes.title("", "", *_paragraph(*title).children)
        self.state.document.note_implicit_target(section, section)
        return section


class Models(FromRuns):
    """``{models}``: the models that the chapters trained in this build."""

    def build(self) -> Iterable[nodes.Node]:
        """Yield a section for each chapter with models."""
        yield _paragraph(
            f"The chapters ran with {BACKENDS[backend.name()]} {backend.version()} on "
            f"{runtime.device()}, at the {runtime.budget()} budget."
            + " At this budget every training is cut to seconds: the accuracies show "
            "that the code runs, not what the models can do."
            * (runtime.budget() == "smoke")
        )
        for chapter in self.chapters:
            models = chapter.records("model")
            if not models:
                continue
            name = Path(chapter.docname).name
            title = f"{int(name[:2])}. ", self.link(chapter)
            section = self.section(f"models-of-{name}", *title)
            groups = _grouped(models, lambda m: (m["data"], m["judged"], m["notice"]))
            told = {""}
            for (data, judged, notice), group in groups.items():
                said = f", judged on {judged} images."
                if notice not in told:  # once a chapter is enough
                    said += f" {notice}"
                    told.add(notice)
                section += _paragraph(nodes.strong("", data), said)
                section += _models(group)
            yield section


class RecordedModels(FromRuns):
    """``{recorded-models}``: the models of ``benchmarks/*.json``."""

    def build(self) -> Iterable[nodes.Node]:
        """Yield a section for each file."""
        for name, (title, *_) in RECORDED.items():
            found = read_recorded(name)
            section = self.section(f"models-of-{name}", title)
            section += _paragraph(
                f"Recorded on {found['date']} on {found['machine']} by ",
                nodes.literal("", f"benchmarks/{name}.py"),
                f". Data: {found['data'].rstrip('.')}.",
            )
            groups = _grouped(found["models"], lambda m: (m["judged"], m["images"]))
            for (judged, images), models in groups.items():
                section += _paragraph(
                    nodes.strong("", f"{images:,} training images"),
                    f", judged on {judged} images.",
                )
                section += _models(models, "CPU seconds")
            yield section


class Status(FromRuns):
    """``{status}``: how each chapter ran in this build."""

    def build(self) -> Iterable[nodes.Node]:
        """Yield the table."""
        rows = []
        for chapter in self.chapters:
            kept = chapter.kept or {}
            rows.append(
                [
                    self.link(chapter),
                    "passed" if kept else "not run",
                    seconds(kept.get("execution_seconds")),
                    _megabytes(kept.get("memory_mb")),
                    f"{kept['date']} UTC" if kept else NOTHING,
                ]
            )
        head = ("chapter", "outcome", "seconds", "peak memory, MB", "ran")
        yield _table(head, rows)


class Environment(FromRuns):
    """``{environment}``: on what the chapters ran in this build."""

    def build(self) -> Iterable[nodes.Node]:
        """Yield the table."""
        rows = [row for row in runtime.report().rows if row[0] != "Time"]
        for name, state in execute.book_data().items():
            if state == "out of reach":
                value = f"{name}: out of reach; chapters show data that always work"
            else:
                value = f"{name}: a file with the SHA-256 {state[:16]}…"
            rows.append(("Data", value))
        table = _table(("what", "value"), rows)
        table["classes"].append("in-words")
        yield table


class RecordedTimes(FromRuns):
    """``{recorded-times}``: how long the chapters took with each backend."""

    def build(self) -> Iterable[nodes.Node]:
        """Yield a table for each budget, device and Python."""
        times = read_times()
        if not times:
            yield _paragraph("No times are recorded yet.")
            return
        titles = {Path(c.docname).name: self.link(c) for c in self.chapters}
        groups = _grouped(times, lambda t: (t["budget"], t["device"], t["python"]))
        for (budget, device, python), group in groups.items():
            columns = _grouped(group, lambda t: (t["backend"], t["backend_version"]))
            latest = {
                (t["chapter"], t["backend"], t["backend_version"]): t
                for t in sorted(group, key=lambda t: t["date"])
            }
            chapters = sorted({t["chapter"] for t in group})
            rows: list[list[Cell]] = []
            for chapter in chapters:
                title = titles.get(chapter)
                row: list[Cell] = [title.deepcopy() if title else chapter]
                row += [_run(latest.get((chapter, *column))) for column in columns]
                rows.append(row)
            dates = sorted(t["date"] for t in latest.values())
            when = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
            yield _paragraph(
                nodes.strong("", f"At the {budget} budget"),
                f", on {device}, with Python {python}, {when}.",
            )
            names = [f"{BACKENDS.get(name, name)} {v}" for name, v in columns]
            yield _table(["chapter", *names], rows)


def _megabytes(value: float | None) -> str:
    return count(None if value is None else round(value))


def _run(found: dict[str, Any] | None) -> str:
    """Return how one recorded run of a chapter went."""
    if found is None:
        return NOTHING
    if found["outcome"] != "passed":
        return found["outcome"]
    text = f"{seconds(found['seconds'])} s"
    if found.get("memory_mb") is not None:
        text += f", {_megabytes(found['memory_mb'])} MB"
    return text


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the extension (called by Sphinx)."""
    app.add_role("finding", Finding())
    for name, directive in {
        "models": Models,
        "recorded-models": RecordedModels,
        "status": Status,
        "environment": Environment,
        "recorded-times": RecordedTimes,
    }.items():
        app.add_directive(name, directive)
    app.connect("builder-inited", lambda app: read_chapters.cache_clear())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
