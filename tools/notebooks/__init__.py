"""Write the notebook beside each chapter: ``python -m tools.notebooks``.

A chapter is MyST Markdown. Colab, Jupyter and GitHub know no MyST, so its notebook
holds plain Markdown: references become text or links, admonitions quotations, and
solutions folded blocks. What the generator does not know, it refuses, with file and
line. ``--check`` writes nothing and fails where a notebook is not what it would be.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.book import Book, BookError, Page
from tools.notebooks.cells import notebook_text
from tools.notebooks.writer import Cell, Writer
from tools.places import ROOT, write_whole


def convert(book: Book, page: Page) -> list[Cell]:
    """Return the cells of a chapter's notebook.

    Raises
    ------
    BookError
        If there is anything in the chapter that the generator does not know.
    """
    return Writer(book, page).write()


def convert_all(book: Book) -> dict[Path, str]:
    """Return what each notebook of the book must hold.

    Raises
    ------
    BookError
        With the problems of all chapters.
    """
    problems = list(book.problems)
    texts = {}
    for page in book.chapters:
        path = book.root / page.path.with_suffix(".ipynb")
        old = path.read_text(encoding="utf-8") if path.is_file() else ""
        try:
            texts[path] = notebook_text(convert(book, page), old)
        except BookError as error:
            problems += error.problems
    if problems:
        raise BookError(problems)
    return texts


def differing(book: Book) -> dict[Path, str]:
    """Return the notebooks that are not what they must be, with what they must hold.

    A notebook that no chapter stands for must hold nothing: an empty text.
    """
    texts = convert_all(book)
    changed = {
        path: text
        for path, text in texts.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    }
    left_over = sorted(set(book.root.glob("book/[0-9][0-9]-*.ipynb")) - set(texts))
    return changed | dict.fromkeys(left_over, "")


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Write the notebooks, or check them; return 1 when something is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.notebooks", description="Write the chapters' notebooks."
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail where one differs"
    )
    options = parser.parse_args(arguments)
    try:
        changed = differing(Book(root))
    except BookError as error:
        print(error, file=sys.stderr)
        return 1
    for path, text in changed.items():
        name = path.relative_to(root).as_posix()
        if not text:
            print(f"{name}: no chapter of _toc.yml stands for it; remove it")
        elif options.check:
            print(f"{name}: not what its chapter gives; run make notebooks")
        else:
            write_whole(path, text)
            print(f"{name}: written")
    return int(options.check and bool(changed))
