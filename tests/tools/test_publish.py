"""The builds of the site: what did not change stays, what is wrong does not get in."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tools import tiny_book
from tools import fingerprints, outputs, publish
from tools.places import ROOT

CODE = "1 + 1"
CHAPTER = """\
(sec-{name})=
# Chapter {name}

Words of {name}, and a {{term}}`pixel`.

```{{code-cell}} ipython3
1 + 1
```

See {{ref}}`the other <sec-{other}>`.
"""
GLOSSARY = "# Glossary\n\nWords.\n\n```{glossary}\npixel\n  A point.\n```\n"
QUOTES = "# Quotes\n\nIt says: {finding}`sum`\n\n```{status}\n```\n"
HEAD = tiny_book.FIRST.partition("# The first chapter")[0]


def a_run(sentence: str) -> outputs.Run:
    """Return a run in which a chapter printed a finding."""
    return outputs.Run(
        name="a-name",
        outputs=[[{"output_type": "stream", "name": "stdout", "text": sentence}]],
        seconds=1.0,
        memory_mb=None,
        date="2026-11-28 10:00",
        records=[{"kind": "finding", "name": "sum", "sentence": sentence}],
        modules={},
        budget="smoke",
        backend="tensorflow",
    )


class Checkout:
    """A book of four pages with the real settings, and its builds."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.site = root / "_build" / "html"
        for name in ("book/_static", "book/_templates"):
            shutil.copytree(ROOT / name, root / name)
        for name in ("pyproject.toml", "_config.yml", "book/references.bib"):
            shutil.copy(ROOT / name, root / name)
        toc = "format: jb-book\nroot: index\nparts:\n- caption: One\n  numbered: 1\n"
        toc += "  chapters:\n  - file: book/01-one\n  - file: book/02-two\n"
        toc += "- caption: Two\n  chapters:\n"
        toc += "  - file: book/glossary\n  - file: book/quotes\n"
        (root / "_toc.yml").write_text(toc)
        (root / "index.md").write_text("# A tiny book\n\nWords.\n")
        self.write("01-one", HEAD + CHAPTER.format(name="one", other="two"))
        self.write("02-two", HEAD + CHAPTER.format(name="two", other="one"))
        self.write("glossary", GLOSSARY)
        self.write("quotes", QUOTES)
        self.runs = {self.page("01-one"): a_run("Two.")}

    def page(self, name: str) -> Path:
        return self.root / "book" / f"{name}.md"

    def write(self, name: str, text: str) -> None:
        self.page(name).write_text(text)

    def change(self, name: str, old: str, new: str) -> None:
        text = self.page(name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def build(self) -> set[str]:
        """Build; return the pages that were written."""
        before = self.times()
        assert publish.publish(self.runs) == 0
        return {name for name, time in self.times().items() if time != before.get(name)}

    def times(self) -> dict[str, int]:
        pages = [*self.site.glob("index.html"), *self.site.glob("book/*.html")]
        return {page.stem: page.stat().st_mtime_ns for page in pages}

    def files(self) -> dict[str, bytes]:
        found = [path for path in self.site.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.site)): path.read_bytes() for path in found}

    def is_as_if_made_anew(self) -> bool:
        """Say whether the site is what a first build makes of the same book."""
        found = self.files()
        shutil.rmtree(publish.GOOD)
        self.build()
        made = self.files()
        names = found.keys() | made.keys()
        differing = [n for n in sorted(names) if found.get(n) != made.get(n)]
        assert not differing
        return not differing


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Checkout:
    """Return the book, built once."""
    tiny = Checkout(tmp_path.resolve())
    # A process with the threads of a numeric library must not fork.
    monkeypatch.setattr(publish, "JOBS", 1)
    monkeypatch.setattr(publish, "ROOT", tiny.root)
    monkeypatch.setattr(fingerprints, "ROOT", tiny.root)
    monkeypatch.setattr(publish, "SITE", tiny.site)
    monkeypatch.setattr(publish, "WORK", tiny.root / "_build" / "site")
    monkeypatch.setattr(publish, "GOOD", tiny.root / "_build" / "site.good")
    monkeypatch.setattr(outputs, "_shown", {})
    tiny.build()
    return tiny


def prose(book: Checkout) -> None:
    book.change("01-one", "Words of one", "Other words")


def title(book: Checkout) -> None:
    book.change("01-one", "# Chapter one", "# Chapter 1")


def label(book: Checkout) -> None:
    book.change("glossary", "pixel\n  A", "pixel\ndot\n  A")


def run(book: Checkout) -> None:
    book.runs = {book.page("01-one"): a_run("2.")}


def cell(book: Checkout) -> None:
    book.change("02-two", "1 + 1", "1 + 2")


def style(book: Checkout) -> None:
    (book.root / "book/_static/book.css").write_text("p { color: red }\n")


# The first page has the lists of contents, which Sphinx looks at with each page.
ALL = {"index", "01-one", "02-two", "glossary", "quotes"}
CHANGES: dict[Callable[[Checkout], None], set[str]] = {
    prose: {"index", "01-one"},
    title: ALL,
    label: ALL,
    run: {"index", "01-one", "quotes"},
    cell: {"index", "02-two"},
    style: ALL,
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_change_touches_is_written_and_nothing_else(checkout, change):
    assert "Two." in (checkout.site / "book/01-one.html").read_text()
    assert "It says: Two." in (checkout.site / "book/quotes.html").read_text()
    change(checkout)
    assert checkout.build() == CHANGES[change]
    assert checkout.build() == set()
    assert checkout.is_as_if_made_anew()


def test_a_link_that_leads_nowhere_any_more_fails_until_it_is_mended(checkout, capfd):
    before = checkout.files()
    checkout.change("02-two", "(sec-two)=\n", "")
    for _ in "ab":
        assert publish.publish(checkout.runs) == 1
        assert "01-one.md" in capfd.readouterr().err  # which did not change
        assert checkout.files() == before
    checkout.change("01-one", "{ref}`the other <sec-two>`", "the other")
    assert checkout.build() == ALL
    assert checkout.is_as_if_made_anew()


def test_a_page_that_warns_when_it_is_read_fails_until_it_is_mended(checkout, capfd):
    before = checkout.files()
    checkout.change("glossary", "Words.", "Words.\n\n:::{no-such}\n:::")
    for _ in "ab":
        assert publish.publish(checkout.runs) == 1
        assert "no-such" in capfd.readouterr().err
        assert checkout.files() == before
    checkout.change("glossary", "\n\n:::{no-such}\n:::", "")
    # Its file is newer, and index lists it; what they say is the same.
    assert checkout.build() == {"glossary", "index"}
    assert checkout.files() == before


def test_a_site_that_was_being_replaced_comes_back(checkout):
    before = checkout.times()
    old = checkout.site.rename(checkout.site.with_name("html.old"))
    checkout.build()
    assert checkout.times() == before, "the pages are the old ones"
    assert not old.exists() and "index.html" in checkout.files()


def test_pictures_of_runs_that_are_gone_go_too(checkout):
    def picture(colour: str) -> outputs.Run:
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" fill="{colour}"/>'
        shown = {"output_type": "display_data", "metadata": {}}
        shown["data"] = {"image/svg+xml": svg, "text/plain": "a picture"}
        return replace(a_run("Two."), outputs=[[shown]])

    for colour in ("red", "blue"):
        checkout.runs = {checkout.page("01-one"): picture(colour)}
        assert checkout.build() == {"index", "01-one", "quotes"}
        assert len(list((checkout.site / "_images").iterdir())) == 1
    assert checkout.is_as_if_made_anew()
