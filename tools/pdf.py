"""Print the built site as one PDF: ``python -m tools.build --pdf``.

The pages are put into one, in the order of the table of contents, and a headless
Chromium prints it. Links between pages lead to places in the PDF. It is printed twice:
the first time shows on which page each heading lands, the second has the numbers in
its contents.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import yaml
from bs4 import BeautifulSoup, Tag

from tools.browser import UNREADY, BrowserMissingError, open_browser
from tools.places import PDF, ROOT, read_addresses
from tools.site import Site, resolve

if TYPE_CHECKING:
    from pikepdf import Pdf
    from playwright.sync_api import Browser

MATHEMATICS_S = 600  # seconds that the formulas of the whole book may take
REFERRING = ("for", "aria-labelledby", "aria-describedby")  # other than href
ROUTINE = ("Exercises", "Summary", "Further reading")  # too many for the contents
# What is pressed, opened or pointed at on a screen.
SCREEN_ONLY = "button, script, .headerlink, .copybtn, details.hide > summary"
STYLE = """
@page { size: A4; }
body { padding: 0; }
article.bd-article { padding: 0; break-before: page; max-width: none; }
article.bd-article figure { margin-inline: 0; }
article.bd-article img { max-height: 220mm; width: auto; }
.cover { padding-top: 60mm; break-after: page; }
.printed-contents h1 { margin-top: 0; }
.printed-contents p { margin: 0.15rem 0; display: flex; gap: 0.5rem; }
.printed-contents p span { margin-left: auto; font-variant-numeric: tabular-nums; }
.printed-contents .part { margin-top: 1rem; font-weight: 600; }
.printed-contents .section { padding-left: 1.5rem; font-size: 0.9em; }
.printed-contents a { text-decoration: none; }
"""
FOOTER = (
    '<div style="width:100%;padding:0 18mm;font-size:8pt;font-family:sans-serif;'
    'display:flex;justify-content:space-between"><span>{title}</span>'
    '<span class="pageNumber"></span></div>'
)


@dataclass(frozen=True)
class Entry:
    """A line of the contents."""

    text: str
    anchor: str  # an id of the assembled page; empty for the name of a part
    kind: str  # "part", "page" or "section"


def pages_in_order(site: Site) -> Iterator[tuple[str, str]]:
    """Yield the pages of the table of contents, each with its part's name."""
    toc = yaml.safe_load((site.root / "_toc.yml").read_text(encoding="utf-8"))
    yield f"{toc['root']}.html", ""
    for part in toc["parts"]:
        waiting = list(part["chapters"])
        while waiting:
            entry = waiting.pop(0)
            yield f"{entry['file']}.html", part["caption"]
            waiting = [*entry.get("sections", []), *waiting]


def anchor(page: str, fragment: str = "") -> str:
    """Return the id that a place of a page has in the assembled one.

    Examples
    --------
    >>> anchor("book/04-pooling.html", "exercises"), anchor("index.html")
    ('book-04-pooling--exercises', 'index')
    """
    name = page.removesuffix(".html").replace("/", "-")
    return f"{name}--{fragment}" if fragment else name


def article(site: Site, page: str) -> Tag:
    """Return a page's text, ready to stand beside those of the other pages."""
    # A copy: the site's pages are read again by others.
    text = BeautifulSoup(str(site.pages[page].select_one("article")), "html.parser")
    found = text.article
    for tag in found.select(SCREEN_ONLY):
        tag.decompose()
    for tag in found.select("details"):
        tag["open"] = ""
    for tag in found.select("[id]"):
        tag["id"] = anchor(page, tag["id"])
    found["id"] = anchor(page)
    for name in REFERRING:
        for tag in found.select(f"[{name}]"):
            tag[name] = " ".join(anchor(page, word) for word in tag[name].split())
    for link in found.select("a[href]"):
        link["href"] = _new_address(site, page, str(link["href"]))
    for image in found.select("img[src]"):
        if place := resolve(site, page, str(image["src"])):
            image["src"] = quote(place[0])
        image.attrs.pop("loading", None)  # what is out of sight is printed too
    return found


def _new_address(site: Site, page: str, address: str) -> str:
    place = resolve(site, page, address)
    if place is None:
        return address
    file, fragment = place
    if file in site.anchors and fragment in {"", *site.anchors[file]}:
        return "#" + anchor(file, fragment)
    # A notebook, for example: on paper it is where the book is published.
    return site.addresses.site + quote(file) + (f"#{fragment}" if fragment else "")


def contents_of(site: Site, articles: dict[str, Tag]) -> list[Entry]:
    """Return the lines of the contents."""
    entries, last = [], ""
    for page, part in pages_in_order(site):
        if part != last:
            entries.append(Entry(part, "", "part"))
            last = part
        title = articles[page].select_one("h1")
        entries.append(Entry(title.get_text().strip(), anchor(page), "page"))
        if part and re.match(r"\d", title.get_text()):  # of chapters, not of lists
            for heading in articles[page].select("section > h2"):
                text = heading.get_text().strip()
                if text not in ROUTINE:
                    entries.append(Entry(text, heading.parent["id"], "section"))
    return entries


def assemble(site: Site, title: str, numbers: dict[str, int] | None = None) -> str:
    """Return the whole book as one page of HTML.

    Parameters
    ----------
    site
        The built site.
    title
        The book's.
    numbers
        On which page of the PDF each anchor is; without it, the contents have room
        for the numbers.
    """
    articles = {page: article(site, page) for page, _ in pages_in_order(site)}
    index = site.pages["index.html"]
    styles = "".join(str(tag) for tag in index.select('head link[rel="stylesheet"]'))
    script = next(
        (tag for page in site.pages.values() for tag in page.select("head script[src]")
         if "mathjax" in str(tag["src"])),
        None,
    )  # fmt: skip
    mathematics = ""
    if script is not None:
        source = "_static/" + str(script["src"]).partition("_static/")[2]
        options = "mathjax_process|math|output_area"
        mathematics = (
            f'<script>MathJax={{options:{{processHtmlClass:"{options}"}}}}</script>'
            f'<script defer src="{escape(source)}"></script>'
        )
    lines = []
    for entry in contents_of(site, articles):
        number = (numbers or {}).get(entry.anchor, 999)
        text = escape(entry.text)
        if entry.anchor:
            text = f'<a href="#{entry.anchor}">{text}</a><span>{number}</span>'
        lines.append(f'<p class="{entry.kind}">{text}</p>')
    address = site.addresses.site
    today = f"{date.today():%d %B %Y}"
    return (
        '<!DOCTYPE html><html lang="en" data-theme="light" data-mode="light"><head>'
        f'<meta charset="utf-8"><title>{escape(title)}</title>{styles}'
        f"<style>{STYLE}</style>{mathematics}</head><body>"
        f'<div class="cover"><h1>{escape(title)}</h1>'
        f'<p>Printed on {today} from <a href="{address}">{address}</a>, where every '
        "chapter can be run.</p></div>"
        f'<nav class="printed-contents"><h1>Contents</h1>{"".join(lines)}</nav>'
        f"{''.join(str(text) for text in articles.values())}</body></html>"
    )


def places_of(pdf: Pdf) -> dict[str, int]:
    """Return on which page, counted from 1, each place is that a link leads to."""
    numbers = {page.objgen: number for number, page in enumerate(pdf.pages, start=1)}
    places = pdf.Root.get("/Dests", {})
    return {name[1:]: numbers[where[0].objgen] for name, where in places.items()}


def faults(pdf: Pdf) -> list[str]:
    """Return the links of a PDF that lead nowhere."""
    known = places_of(pdf)
    found = []
    for number, page in enumerate(pdf.pages, start=1):
        for link in page.get("/Annots", []):
            place = str(link.get("/Dest", "")).removeprefix("/")
            address = str(link.get("/A", {}).get("/URI", ""))
            if place and place not in known:
                found.append(f"page {number}: no place is called {place}")
            if address and not address.startswith("https://"):
                found.append(f"page {number}: {address} leads out of the book")
    return found


def print_site(site: Site, path: Path) -> int:
    """Print a built site to a PDF, which is whole or not there; return its pages.

    Raises
    ------
    BrowserMissingError
        If there is no Chromium to print with.
    ValueError
        If a link in it leads nowhere.
    """
    from pikepdf import ObjectStreamMode, Pdf

    config = yaml.safe_load((site.root / "_config.yml").read_text(encoding="utf-8"))
    title = str(config["title"])
    numbers: dict[str, int] = {}
    # In the site's folder, so that its pictures and styles are found.
    source, printed, part = (
        site.folder / name for name in ("_print.html", "_print.pdf", "_part.pdf")
    )
    try:
        with open_browser() as browser:
            for _ in range(2):
                html = assemble(site, title, numbers)
                source.write_text(html, encoding="utf-8")
                _print_page(browser, source, printed, title)
                before = numbers
                with Pdf.open(printed) as pdf:
                    numbers = places_of(pdf)
        with Pdf.open(printed) as pdf:
            if wrong := faults(pdf):
                raise ValueError("The PDF has faults:\n" + "\n".join(wrong))
            if before != numbers:
                raise ValueError("The page numbers in the PDF's contents are off.")
            # Half the size: Chromium leaves the tags for screen readers uncompressed.
            pdf.save(part, object_stream_mode=ObjectStreamMode.generate)
            count = len(pdf.pages)
        os.replace(part, path)
    finally:
        for file in (source, printed, part):
            file.unlink(missing_ok=True)
    return count


def _print_page(browser: Browser, source: Path, path: Path, title: str) -> None:
    page = browser.new_page()
    page.goto(source.as_uri(), wait_until="load")
    page.wait_for_function(f"!({UNREADY})()", timeout=MATHEMATICS_S * 1000, polling=500)
    page.pdf(
        path=path,
        format="A4",
        scale=0.85,
        margin=dict.fromkeys(("top", "bottom", "left", "right"), "18mm"),
        display_header_footer=True,
        header_template="<span></span>",
        footer_template=FOOTER.format(title=escape(title)),
        print_background=True,
        outline=True,
        tagged=True,
    )
    page.close()


def main(folder: Path) -> int:
    """Print the site in a folder; return 1 where that is not possible."""
    path = folder / PDF
    print("Printing the PDF ...", flush=True)
    try:
        pages = print_site(Site(folder.resolve(), ROOT, read_addresses()), path)
    except (BrowserMissingError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{pages} pages, {path.stat().st_size / 1e6:.1f} MB: {path}")
    return 0
