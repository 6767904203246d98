"""The pages that are made from runs.

- ``{finding}`NAME` `` stands for the sentence that a chapter's run printed with
  `imgcls_helpers.results.finding`, and ``{recorded}`NAME` `` for a sentence or an
  accuracy from ``benchmarks/*.json``.
- ``{models}`` lists the models that the chapters trained in this build, and
  ``{recorded-models}`` those of ``benchmarks/*.json``.
- ``{status}`` says how the chapters ran in this build, ``{environment}`` on what, and
  ``{recorded-times}`` how long they took with each backend, from
  ``benchmarks/chapter_times.json``.

Chapters may not use them: their notebooks must read well without the site.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx import addnodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

from imgcls_helpers import runtime
from tools import outputs, times
from tools.book import chapters
from tools.extensions.recorded import RECORDED, read_recorded, say
from tools.extensions.tables import (
    NOTHING,
    Cell,
    make_table,
    megabytes,
    paragraph,
    run_in_words,
    seconds,
    table_of_models,
)
from tools.outputs import Run
from tools.surroundings import OUT_OF_REACH, data_of, surroundings

if TYPE_CHECKING:
    from sphinx.application import Sphinx

logger = logging.getLogger(__name__)

BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}


@dataclass(frozen=True)
class Chapter:
    """A chapter and what is kept of its run.

    Parameters
    ----------
    docname
        Its name in the site: ``book/01-background``.
    title
        Its heading.
    run
        The run that the site shows; None if there is none.
    """

    docname: str
    title: str
    run: Run | None

    def records(self, kind: str) -> list[dict[str, Any]]:
        """Return its run's records of one kind: "finding" or "model"."""
        records = self.run.records if self.run else []
        return [record for record in records if record["kind"] == kind]


@functools.cache
def read_chapters(root: Path) -> list[Chapter]:
    """Return the chapters of a book in order, read once a build."""
    found = []
    for path in chapters(root):
        lines = path.read_text(encoding="utf-8").splitlines()
        title = next(line[2:].strip() for line in lines if line.startswith("# "))
        docname = path.relative_to(root).with_suffix("").as_posix()
        found.append(Chapter(docname, title, outputs.shown(path)))
    return found


def _grouped(items: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    """Return the items by their keys, both in the order of their first appearance."""
    groups: dict[Any, list[Any]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


class Finding(SphinxRole):
    """``{finding}`NAME` ``: the sentence that a chapter's run printed."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the sentence as a node."""
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


class Recorded(SphinxRole):
    """``{recorded}`NAME` ``: a sentence or an accuracy that a benchmark recorded."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return it as a node."""
        try:
            return [nodes.inline("", say(self.text), classes=["finding"])], []
        except LookupError as error:
            logger.warning("%s", error.args[0], location=self.get_location())
            return [nodes.inline("", self.text)], []


class FromRuns(SphinxDirective):
    """A directive without content, made from the runs: see `tools.extensions.again`."""

    @property
    def chapters(self) -> list[Chapter]:
        """The chapters of the book that is built."""
        return read_chapters(Path(self.env.srcdir))

    def run(self) -> list[nodes.Node]:
        """Return the nodes that stand in its place."""
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
        section += nodes.title("", "", *paragraph(*title).children)
        self.state.document.note_implicit_target(section, section)
        return section


class Models(FromRuns):
    """``{models}``: the models that the chapters trained in this build."""

    def build(self) -> Iterable[nodes.Node]:
        """Yield a section for each chapter with models."""
        here = surroundings()
        yield paragraph(
            f"The chapters ran with {BACKENDS[here['backend']]} "
            f"{here['backend_version']} on {here['device']}, at the "
            f"{here['budget']} budget."
            + " At this budget every training is cut to seconds: the accuracies show "
            "that the code runs, not what the models can do."
            * (here["budget"] == "smoke")
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
                section += paragraph(nodes.strong("", data), said)
                section += table_of_models(group)
            yield section


class RecordedModels(FromRuns):
    """``{recorded-models}``: the models of ``benchmarks/*.json``."""

    def build(self) -> Iterable[nodes.Node]:
        """Yield a section for each file."""
        for name, (title, *_) in RECORDED.items():
            found = read_recorded(name)
            section = self.section(f"models-of-{name}", title)
            section += paragraph(
                f"Recorded on {found['date']} on {found['machine']} by ",
                nodes.literal("", f"benchmarks/{name}.py"),
                f". Data: {found['data'].rstrip('.')}.",
            )
            groups = _grouped(found["models"], lambda m: (m["judged"], m["images"]))
            for (judged, images), models in groups.items():
                section += paragraph(
                    nodes.strong("", f"{images:,} training images"),
                    f", judged on {judged} images.",
                )
                section += table_of_models(models, "CPU seconds")
            yield section


class Status(FromRuns):
    """``{status}``: how each chapter ran in this build."""

    def build(self) -> Iterable[nodes.Node]:
        """Yield the table."""
        rows = []
        for chapter in self.chapters:
            run = chapter.run
            rows.append(
                [
                    self.link(chapter),
                    "passed" if run else "not run",
                    seconds(run.seconds if run else None),
                    megabytes(run.memory_mb if run else None),
                    f"{run.date} UTC" if run else NOTHING,
                ]
            )
        head = ("chapter", "outcome", "seconds", "peak memory, MB", "ran")
        yield make_table(head, rows)


class Environment(FromRuns):
    """``{environment}``: on what the chapters ran in this build."""

    def build(self) -> Iterable[nodes.Node]:
        """Yield the table."""
        rows = [row for row in runtime.report().rows if row[0] != "Time"]
        for name, state in data_of(*chapters(Path(self.env.srcdir))).items():
            if state == OUT_OF_REACH:
                value = f"{name}: out of reach; chapters show data that always work"
            else:
                value = f"{name}: a file with the SHA-256 {state[:16]}…"
            rows.append(("Data", value))
        table = make_table(("what", "value"), rows)
        table["classes"].append("in-words")
        yield table


class RecordedTimes(FromRuns):
    """``{recorded-times}``: how long the chapters took with each backend."""

    def build(self) -> Iterable[nodes.Node]:
        """Yield a table for each budget, device and Python."""
        recorded = times.read_times()
        if not recorded:
            yield paragraph("No times are recorded yet.")
            return
        titles = {Path(c.docname).name: self.link(c) for c in self.chapters}
        groups = _grouped(recorded, lambda t: (t["budget"], t["device"], t["python"]))
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
                row += [
                    run_in_words(latest.get((chapter, *column))) for column in columns
                ]
                rows.append(row)
            dates = sorted(t["date"] for t in latest.values())
            when = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
            yield paragraph(
                nodes.strong("", f"At the {budget} budget"),
                f", on {device}, with Python {python}, {when}.",
            )
            names = [f"{BACKENDS.get(name, name)} {v}" for name, v in columns]
            yield make_table(["chapter", *names], rows)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the extension (called by Sphinx)."""
    app.add_role("finding", Finding())
    app.add_role("recorded", Recorded())
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
