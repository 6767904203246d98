"""Whoever took a photograph or made a picture stands in its caption."""

from pathlib import Path

import pytest

from tests.tools import tiny_book
from tools.book import Book
from tools.check_chapters.credits import PHOTOGRAPHS, check_credits

READ = 'photo = load_sample_image("china.jpg")'


def told(root: Path, piece: str) -> list[str]:
    here = "(sec-line)=\n"
    assert tiny_book.FIRST.count(here) == 1
    text = tiny_book.FIRST.replace(here, f"{piece}\n\n{here}")
    book = Book(tiny_book.write_book(root, text))
    found = [check_credits(book, page) for page in book.chapters]
    return [problem.message for problems in found for problem in problems]


def cell(code: str, caption: str) -> str:
    return (
        "```{code-cell} ipython3\n---\nmystnb:\n  image: {alt: A temple.}\n"
        f"  figure: {{caption: '{caption}', name: fig-x}}\n---\n{code}\n```"
    )


def test_a_photograph_without_its_maker(tmp_path):
    (message,) = told(tmp_path, cell(READ, "A temple."))
    assert "china.jpg" in message and "danielbuechele, CC BY 2.0" in message
    credited = cell(READ, "Photograph: danielbuechele, CC BY 2.0.")
    assert told(tmp_path / "credited", credited) == []


def test_another_picture_needs_none(tmp_path):
    assert told(tmp_path, cell("photo = digits[0]", "A digit.")) == []


@pytest.mark.parametrize(
    ("caption", "good"), [("A logo.", False), ("A logo. Drawing: Ann, CC0.", True)]
)
def test_a_picture_from_a_file(tmp_path, caption, good):
    figure = f":::{{figure}} x.png\n:alt: A logo.\n:name: fig-x\n\n{caption}\n:::"
    assert (told(tmp_path, figure) == []) is good


def test_the_photographs_are_those_of_scikit_learn():
    from sklearn.datasets import load_sample_images

    names = {Path(name).name for name in load_sample_images().filenames}
    assert names == set(PHOTOGRAPHS)
