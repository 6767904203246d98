"""The book's own chapters: their source, and the notebooks beside them."""

from __future__ import annotations

import doctest
import importlib

import pytest

from tools import check_chapters
from tools.book import Book
from tools.myst import Fragment
from tools.notebooks import convert, differing
from tools.places import ROOT


@pytest.fixture(scope="module")
def book() -> Book:
    return Book()


def test_there_are_chapters(book: Book) -> None:
    assert len(book.chapters) >= 2


def test_the_chapters_pass_the_checks(book: Book) -> None:
    problems = check_chapters.check_book(book)
    assert not problems, "\n" + "\n".join(map(str, problems))


def test_the_notebooks_are_what_the_chapters_give(book: Book) -> None:
    names = [path.relative_to(ROOT).as_posix() for path in differing(book)]
    assert not names, f"run make notebooks; these differ: {', '.join(names)}"


def test_no_myst_is_left_in_a_notebook(book: Book) -> None:
    for page in book.chapters:
        for cell in convert(book, page):
            if cell.kind == "markdown":
                fragment = Fragment(cell.source)
                assert not fragment.directives and ":::" not in cell.source
                roles = [mark for mark in fragment.marks if mark.kind == "role"]
                assert not roles, f"{page.path}: {roles}"


WITH_EXAMPLES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "tools").rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_in_the_tools(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0 and result.failed == 0
