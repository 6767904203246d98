"""Check the source of every chapter: ``python -m tools.check_chapters``.

Each check looks for one kind of fault and yields a `Problem` for each one found. Two
of them go by patterns and can be wrong; a remark on the line before a paragraph, list,
table or cell then says why the text stays:

- ``% figure-ok: reason``: the numbers in it are not results of a run.
- ``% glossary-ok: word, word``: these words are not meant as the glossary's terms.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.book import Book, BookError, Page, Problem
from tools.check_chapters.cells import check_cells, check_figures
from tools.check_chapters.credits import check_credits
from tools.check_chapters.numbers import check_formulas, check_numbers
from tools.check_chapters.questions import check_findings, check_questions
from tools.check_chapters.references import (
    check_citations,
    check_glossary,
    check_links,
    check_terms,
    uncited,
)
from tools.check_chapters.spelling import check_spelling
from tools.check_chapters.structure import check_structure
from tools.notebooks import convert
from tools.places import ROOT


def check_language(book: Book, page: Page) -> Iterator[Problem]:
    """Check that a chapter uses only what the notebook generator knows."""
    try:
        convert(book, page)
    except BookError as error:
        yield from error.problems


CHAPTER_CHECKS = (
    check_language,
    check_structure,
    check_questions,
    check_cells,
    check_figures,
    check_credits,
    check_numbers,
    check_terms,
)
# Of every page, not of chapters alone.
PAGE_CHECKS = (check_links, check_citations, check_formulas)
# Of the pages together.
BOOK_CHECKS = (check_findings, check_glossary)


def check_book(book: Book) -> list[Problem]:
    """Return everything that is wrong in the book's pages."""
    problems = list(book.problems)
    for check in BOOK_CHECKS:
        problems += check(book)
    for page in book.pages.values():
        for check in PAGE_CHECKS:
            problems += check(book, page)
    for page in book.chapters:
        for check in CHAPTER_CHECKS:
            problems += check(book, page)
    in_toc = {book.root / page.path for page in book.chapters}
    for path in set(book.root.glob("book/[0-9][0-9]-*.md")) - in_toc:
        name = path.relative_to(book.root).as_posix()
        problems.append(Problem(name, 1, "the chapter is not in _toc.yml"))
    problems += check_spelling(book.pages.values())
    return sorted(set(problems))


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Print what is wrong; return 1 if anything is."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.check_chapters", description="Check the chapters' source."
    )
    parser.parse_args(arguments)
    try:
        book = Book(root)
    except BookError as error:
        print(error)
        return 1
    problems = check_book(book)
    for problem in problems:
        print(problem)
    for key in uncited(book):
        print(f"warning: no page cites {key} of book/references.bib")
    return int(bool(problems))
