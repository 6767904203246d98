"""Whoever took a photograph or made a picture stands in its caption."""

import ast
from pathlib import Path

import pytest
import tiny_book

from tools.chapter import Book
from tools.credits import PHOTOGRAPHS, Photographs, check_credits

LOAD = 'photo = load_sample_image("china.jpg")\n'
SHOW = "plots.image_grid(x)"


def told(root: Path, *pieces: str) -> list[str]:
    here = "(sec-line)=\n"
    assert tiny_book.FIRST.count(here) == 1
    text = tiny_book.FIRST.replace(here, "\n\n".join([*pieces, here]))
    book = Book(tiny_book.write_book(root, text))
    found = [check_credits(book, page) for page in book.chapters]
    return [problem.message for problems in found for problem in problems]


def plain(code: str) -> str:
    return f"```{{code-cell}} ipython3\n{code}```"


def cell(code: str, caption: str = "A temple.") -> str:
    return (
        "```{code-cell} ipython3\n---\nmystnb:\n  image: {alt: A temple.}\n"
        f"  figure: {{caption: '{caption}', name: fig-x}}\n---\n{code}\n```"
    )


@pytest.mark.parametrize(
    "code",
    [
        LOAD + SHOW.replace("x", "photo"),
        LOAD + "x = photo[::2]\n" + SHOW,
        LOAD + "x, y = photo[::2], 1\n" + SHOW,
        LOAD + "x = {}\nx['right'] = photo / 2\n" + SHOW,
        LOAD + "for a in (1, 2):\n    x = photo * a\n" + SHOW,
        LOAD + "for x in photo:\n    plots.image_grid(x)",
        LOAD + "def cut(n):\n    return photo[:n]\n\n\nx = cut(3)\n" + SHOW,
        LOAD + "x = [p for p in photo]\n" + SHOW,
        LOAD + "x = []\nx += [photo]\n" + SHOW,
        LOAD + "with open(photo) as x:\n    plots.image_grid(x)",
        LOAD + "plt.imshow(photo)",
    ],
)
def test_a_photograph_without_its_maker(tmp_path, code):
    (message,) = told(tmp_path, cell(code))
    assert "china.jpg" in message and "danielbuechele, CC BY 2.0" in message
    credited = cell(code, "Photograph: danielbuechele, CC BY 2.0.")
    assert told(tmp_path / "credited", credited) == []


@pytest.mark.parametrize(
    ("before", "code"),
    [
        ("", "x = np.ones(3)\n" + SHOW),
        ("x = photo\n", "x = np.ones(3)\n" + SHOW),
        ("x = photo\n", "for x in range(3):\n    plots.image_grid(x)"),
        ("", "x = [photo for photo in digits]\n" + SHOW),
        ("def f(photo):\n    return photo + 1\n", "x = f(1)\n" + SHOW),
        ("", "plots.curves(photo.mean(axis=0))"),
    ],
)
def test_what_shows_no_photograph_needs_no_credit(tmp_path, before, code):
    assert told(tmp_path, plain(LOAD + before), cell(code)) == []


def test_a_photograph_is_followed_from_cell_to_cell(tmp_path):
    assert told(tmp_path, plain(LOAD), cell("x = photo\n" + SHOW))


def test_a_picture_from_a_file_names_its_maker(tmp_path):
    picture = "```{figure} images/drawn.png\n:alt: A.\n:name: fig-x\n\nA cat.%s\n```"
    (message,) = told(tmp_path, picture % "")
    assert "must name the maker" in message
    assert told(tmp_path / "named", picture % " Photograph: Ada, CC BY 4.0.") == []


def test_the_books_chapters_show_both_photographs():
    """So the check has something to find; that it is silent, others test."""
    read = set()
    for page in Book().chapters:
        photographs = Photographs()
        for cell in page.cells:
            read |= photographs.run(ast.parse(cell.body).body)
    assert read == set(PHOTOGRAPHS)
