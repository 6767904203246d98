"""The site's extension, alone and in a build of a small book."""

import json
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml
from bs4 import BeautifulSoup

from tools.browser import BrowserMissingError, open_browser
from tools.check_site.page import SHIFT, check_page
from tools.extensions.site import shorten
from tools.places import ROOT, Addresses, read_addresses

CHAPTER = """\
---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# Background

A camera gives *numbers*, and we want a name "as such".

:::{warning} Not yet
The test set is used {term}`once <softmax>`, see $x$ and {cite:t}`someone2020thing`.
:::

:::{note}
Without a title.
:::

```{math}
:label: eq-one
a = b
```

```{figure} picture.png
:alt: A grey square.
:name: fig-one
A caption.
```

By {eq}`eq-one` and {numref}`fig-one`.

```{code-cell} ipython3
:tags: [solution, hide-cell]
answer = 1
```
"""
SECOND = "# Second\n\nA page of its own.\n\n```{math}\n:label: eq-two\nc = d\n```\n"
# Both move while a page loads, if nothing is done about it: code gets its borders once
# the theme has chosen light or dark, and formulas are set when the page stands.
CODES = f"# Codes\n\n{'Some `code` and `more` in a line. ' * 60}\n"
ROW = r"| $\hat{y}_{i,j}$ | $\partial L / \partial y$, $\nabla_\theta L$ | a loss $L$ |"
FORMULAS = "# Formulas\n\n| a | b | c |\n| --- | --- | --- |\n" + f"{ROW}\n" * 40
OTHERS = ("glossary", "codes", "formulas")
BIB = (
    "@book{someone2020thing, title={A Thing}, author={Someone, A.}, year={2020}, "
    "publisher={P}, url={https://example.org}}\n"
)


def test_addresses_follow_from_the_repository():
    here = Addresses("https://github.com/Some-One/a.book")
    assert here.site == "https://some-one.github.io/a.book/"
    assert here.path == "/a.book/"
    assert here.colab("book/01-x.ipynb") == (
        "https://colab.research.google.com/github/Some-One/a.book/blob/main/"
        "book/01-x.ipynb"
    )


def test_a_repository_named_after_the_host_is_published_at_its_root():
    here = Addresses("https://github.com/someone/someone.github.io")
    assert here.site == "https://someone.github.io/"
    assert here.path == "/"


@pytest.mark.parametrize(
    "address",
    ["", "github.com/a/b", "https://github.com/a", "https://example.org/a/b"],
)
def test_other_addresses_are_refused(address):
    with pytest.raises(ValueError, match="expected https://github"):
        Addresses(address)


def test_the_repository_is_read_from_pyproject(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        '[project.urls]\nRepository = "https://github.com/a/b/"\n', encoding="utf-8"
    )
    assert read_addresses(tmp_path).repository == "https://github.com/a/b"
    (tmp_path / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    with pytest.raises(ValueError, match="Repository"):
        read_addresses(tmp_path)


def test_the_address_stands_in_no_setting():
    repository = read_addresses().repository
    for name in ("_config.yml", "_toc.yml", "tools/places.py"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert repository.removeprefix("https://") not in text
        assert "github.io/imgcls" not in text


def test_shorten_ends_at_a_word():
    text = "word " * 100
    assert len(shorten(text)) <= 201
    assert shorten(text).endswith("word…")
    assert shorten("short\n text") == "short text"


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> SimpleNamespace:
    """Build a book of one chapter with the real settings, without running it."""
    root = tmp_path_factory.mktemp("book")
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    (root / "_config.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    toc = {
        "format": "jb-book",
        "root": "index",
        "parts": [
            {"caption": "I", "numbered": 1, "chapters": [{"file": "book/01-one"}]},
            {"caption": "II", "numbered": 1, "chapters": [{"file": "book/02-two"}]},
            {"caption": "R", "chapters": [{"file": f"book/{name}"} for name in OTHERS]},
        ],
    }
    (root / "_toc.yml").write_text(yaml.safe_dump(toc), encoding="utf-8")
    shutil.copytree(ROOT / "book" / "_static", root / "book" / "_static")
    shutil.copytree(ROOT / "book" / "_templates", root / "book" / "_templates")
    shutil.copyfile(root / "book/_static/social-card.png", root / "book/picture.png")
    pages = {
        "index.md": "# Image classification, measured\n\nHow good is it?\n",
        "book/01-one.md": CHAPTER,
        "book/02-two.md": SECOND,
        "book/glossary.md": "# Glossary\n\nWords.\n\n```{glossary}\nsoftmax\n  A "
        "function.\n```\n\n```{bibliography}\n```\n",
        "book/codes.md": CODES,
        "book/formulas.md": FORMULAS,
        "book/references.bib": BIB,
        "book/01-one.ipynb": json.dumps({"cells": [], "nbformat": 4}),
    }
    for name, text in pages.items():
        (root / name).write_text(text, encoding="utf-8")
    build = subprocess.run(
        [
            *(sys.executable, "-c", "from jupyter_book.cli.main import main; main()"),
            *("build", ".", "--all", "-W", "-n", "--keep-going"),
        ],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    # A warning fails the build.
    assert build.returncode == 0, build.stdout + build.stderr
    return SimpleNamespace(root=root, site=root / "_build" / "html")


def page(book: SimpleNamespace, name: str) -> BeautifulSoup:
    return BeautifulSoup((book.site / name).read_text("utf-8"), "html.parser")


def test_a_chapter_offers_its_notebook(book):
    one = page(book, "book/01-one.html")
    links = [a["href"] for a in one.select(".chapter-buttons a")]
    assert links == [read_addresses().colab("book/01-one.ipynb"), "01-one.ipynb"]
    assert one.select_one(".chapter-buttons a[download]")
    built = (book.site / "book/01-one.ipynb").read_bytes()
    assert built == (book.root / "book/01-one.ipynb").read_bytes()


def test_a_page_without_notebook_offers_none(book):
    assert not page(book, "book/glossary.html").select(".chapter-buttons")
    assert not (book.site / "book/glossary.ipynb").exists()


def test_addresses_in_the_pages(book):
    here = read_addresses()
    one = page(book, "book/01-one.html")
    url = one.select_one('meta[property="og:url"]')["content"]
    assert url == f"{here.site}book/01-one.html"
    assert one.select_one("link[rel=canonical]")["href"] == url
    sources = {
        a["href"].split("?")[0] for a in one.select(".dropdown-source-buttons a")
    }
    assert sources == {
        here.repository,
        f"{here.repository}/edit/main/book/01-one.md",
        f"{here.repository}/issues/new",
    }
    lost = page(book, "404.html")
    assert lost.select_one("article a")["href"] == f"{here.path}index.html"
    styles = [tag["href"] for tag in lost.select("link[rel=stylesheet]")]
    assert all(address.startswith(f"{here.path}_static/") for address in styles)


def test_a_page_is_described_once_by_its_opening(book):
    one = page(book, "book/01-one.html")
    said = "A camera gives numbers, and we want a name “as such”."
    for css in ("meta[name=description]", 'meta[property="og:description"]'):
        assert [tag["content"] for tag in one.select(css)] == [said]


def test_titles(book):
    assert page(book, "index.html").title.get_text() == "Image classification, measured"
    assert "Background — Image class" in page(book, "book/01-one.html").title.get_text()


def test_numbers_go_on_from_part_to_part(book):
    one, two = page(book, "book/01-one.html"), page(book, "book/02-two.html")
    assert one.select_one("article h1").get_text().startswith("1. Background")
    assert two.select_one("article h1").get_text().startswith("2. Second")
    assert "(1.1)" in one.select_one(".eqno").get_text()
    assert "(2.1)" in two.select_one(".eqno").get_text()
    assert one.select_one("figure .caption-number").get_text().strip() == "Figure 1.1"
    assert (
        page(book, "book/glossary.html").select_one("article h1").get_text()
        == "Glossary#"
    )


def test_notes_take_a_title(book):
    one = page(book, "book/01-one.html")
    warning = one.select_one(".admonition.warning")
    assert warning.select_one(".admonition-title").get_text() == "Not yet"
    assert warning.select("p")[1].get_text().startswith("The test set is used once")
    note = one.select_one(".admonition.note")
    assert [p.get_text() for p in note.select("p")] == ["Note", "Without a title."]


def test_solutions_are_folded_under_their_name(book):
    summary = page(book, "book/01-one.html").select_one("details.hide summary")
    words = [p.get_text() for p in summary.select("p")]
    assert words == ["Show the solution", "Hide the solution"]
    assert "aria-label" not in summary.attrs


def test_citations_are_written_as_in_the_notebooks(book):
    article = page(book, "book/01-one.html").select_one(".admonition.warning")
    assert "Someone (2020)" in article.get_text()


def test_nothing_of_thebe_and_nothing_from_elsewhere_is_loaded(book):
    one = page(book, "book/01-one.html")
    loads = [tag["src"] for tag in one.select("script[src], img[src]")]
    loads += [tag["href"] for tag in one.select("link[rel=stylesheet], link[rel=icon]")]
    assert any("mathjax/tex-svg-full.js" in address for address in loads)
    assert not [address for address in loads if ":" in address]
    assert "thebe" not in str(one).lower()


def test_the_marker_for_pages_is_there(book):
    assert (book.site / ".nojekyll").is_file()


@pytest.fixture(scope="module")
def browser():
    try:
        with open_browser() as found:
            yield found
    except BrowserMissingError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", ["codes", "formulas"])
def test_nothing_moves_while_a_page_loads(book, browser, name):
    address = (book.site / "book" / f"{name}.html").as_uri()
    _, seen = check_page(browser, address)
    assert {kind: found["layout_shift"] <= SHIFT for kind, found in seen.items()} == {
        "desktop": True,
        "phone": True,
    }, seen
