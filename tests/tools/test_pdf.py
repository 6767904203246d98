"""The printed book: one page of HTML in which every link holds, and its PDF."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from tools import pdf
from tools.browser import BrowserMissingError, open_browser
from tools.places import PDF, Addresses
from tools.site import Site

HERE = Addresses("https://github.com/someone/book")
ONE, TWO = "book/01-one.html", "book/02-two.html"
PAGE = """<!DOCTYPE html><html lang="en"><head><title>x</title>
<link rel="stylesheet" href="{up}_static/book.css"></head><body><article
class="bd-article">{body}</article></body></html>"""
TOC = """\
root: index
parts:
  - caption: "Part I: Seeing"
    chapters:
      - file: book/01-one
        sections:
          - file: book/02-two
"""
BODIES = {
    "index.html": f'<h1>A book</h1><p><a href="{ONE}">one</a>, '
    f'<a href="{TWO}#more">two</a></p>',
    ONE: """<section id="one"><h1>1. One <a class="headerlink" href="#one">#</a></h1>
    <p><a href="02-two.html#more">There</a>, <a href="#more">here</a>, <a
    href="https://example.org/">elsewhere</a>, <a href="01-one.ipynb">notebook</a>.</p>
    <section id="more"><h2>More &amp; more</h2>
    <details class="hide"><summary>Show</summary><p>A solution.</p></details>
    <img src="../_images/a.svg" alt="A." loading="lazy"><button>Copy</button></section>
    <section id="summary"><h2>Summary</h2></section></section>""",
    TWO: """<section id="two"><h1>2. Two</h1>
    <section id="more"><h2>More</h2><p style="height:2000px" aria-labelledby="two">
    <a href="01-one.html#summary">Back</a></p></section></section>""",
}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    folder, root = tmp_path / "site", tmp_path / "repository"
    for name, body in BODIES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PAGE.format(up="../" * name.count("/"), body=body), "utf-8")
    for name, text in {
        "_static/book.css": "p { margin: 0 }",
        "_images/a.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>',
        "book/01-one.ipynb": "{}",
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    root.mkdir()
    (root / "_toc.yml").write_text(TOC, "utf-8")
    (root / "_config.yml").write_text("title: A book & more\n", "utf-8")
    return Site(folder, root, HERE)


def assembled(site: Site) -> BeautifulSoup:
    return BeautifulSoup(pdf.assemble(site, "A book & more"), "html.parser")


def test_every_place_has_one_name_and_every_link_a_place(site: Site) -> None:
    page = assembled(site)
    names = [tag["id"] for tag in page.select("[id]")]
    assert len(set(names)) == len(names)
    links = [str(a["href"]) for a in page.select("article a")]
    assert links == [
        "#book-01-one",
        "#book-02-two--more",
        "#book-02-two--more",
        "#book-01-one--more",
        "https://example.org/",
        f"{HERE.site}book/01-one.ipynb",
        "#book-01-one--summary",
    ]
    assert {a[1:] for a in links if a[0] == "#"} <= set(names)
    assert page.select_one("[aria-labelledby]")["aria-labelledby"] == "book-02-two--two"


def test_what_needs_a_screen_is_gone_and_folded_text_is_open(site: Site) -> None:
    page = assembled(site)
    assert not page.select("button, .headerlink, summary")
    assert page.select_one("details").has_attr("open")
    image = page.select_one("img")
    assert image["src"] == "_images/a.svg" and not image.has_attr("loading")
    assert page.select_one("link")["href"] == "_static/book.css"


def test_the_site_itself_is_left_as_it_is(site: Site) -> None:
    before = str(site.pages[ONE])
    assembled(site)
    assert str(site.pages[ONE]) == before


def test_the_contents(site: Site) -> None:
    lines = [
        (line["class"][0], line.a.get_text() if line.a else line.get_text())
        for line in assembled(site).select("nav p")
    ]
    assert lines == [
        ("page", "A book"),
        ("part", "Part I: Seeing"),
        ("page", "1. One"),
        ("section", "More & more"),
        ("page", "2. Two"),
        ("section", "More"),
    ]


@pytest.fixture(scope="module")
def browser():
    try:
        with open_browser():
            pass
    except BrowserMissingError as error:
        pytest.skip(str(error))


def test_the_pdf_has_working_links_and_true_page_numbers(browser, site: Site) -> None:
    from pikepdf import Pdf

    path = site.folder / PDF
    count = pdf.print_site(site, path)
    with Pdf.open(path) as printed:
        assert len(printed.pages) == count
        assert str(printed.Root.Lang) == "en" and "/StructTreeRoot" in printed.Root
        places = pdf.places_of(printed)
        # A cover, the contents, and three pages of the site, the last on two sheets.
        assert count >= 6
        assert places["index"] == 3 and places["book-01-one"] == 4
        assert places["book-02-two--more"] == places["book-02-two"] == 5
        with printed.open_outline() as outline:
            assert "A book" in str([item.title for item in outline.root])
        assert not pdf.faults(printed)
    html = pdf.assemble(site, "t", places)
    numbers = BeautifulSoup(html, "html.parser").select("nav span")
    assert [tag.get_text() for tag in numbers] == ["3", "4", "4", "5", "5"]
    # Nothing else is left in the site.
    assert not list(site.folder.glob("_p*"))


def test_a_link_that_leads_nowhere_is_a_fault(browser, site: Site, capsys) -> None:
    page = site.folder / ONE
    page.write_text(
        page.read_text("utf-8").replace("https://example.org/", "file:///etc/hosts"),
        "utf-8",
    )
    with pytest.raises(ValueError, match=r"file:///etc/hosts leads out of the book"):
        pdf.print_site(site, site.folder / PDF)
    assert sorted(path.name for path in site.folder.glob("*")) == [
        *("_images", "_static", "book", "index.html")
    ]


def test_without_a_browser_it_says_what_to_do(site: Site, monkeypatch, capsys) -> None:
    monkeypatch.setenv("CHROMIUM", "no-such-program")
    assert pdf.main(site.folder) == 1
    assert "there is no such program" in capsys.readouterr().err
    assert not list(site.folder.glob("*.pdf"))
