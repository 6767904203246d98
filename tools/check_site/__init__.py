"""Check the built site in a headless browser: ``python -m tools.check_site [SITE]``.

Every page is opened from its file, without a network, at the width of a desktop and of
a phone, on light and on dark. What can be seen without a browser (links, texts of
pictures, metadata, buttons) is read from the files.

How heavy, how fast and how steady each page is goes to ``site_figures.json`` beside the
site. Weight and steadiness are checked; times depend on the machine and are not.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.browser import BrowserMissingError, open_browser
from tools.check_site.files import check_without_browser
from tools.check_site.page import check_page
from tools.check_site.reader import check_not_found, check_search
from tools.places import ROOT, read_addresses, write_whole
from tools.site import Site, resolve

WEIGHT_KB = 1500  # of a page with its pictures


def size_kb(site: Site, name: str) -> tuple[float, float]:
    """Return the kilobytes of a page, and of the pictures in it."""
    pictures = set()
    for image in site.pages[name].select("img[src]"):
        found = resolve(site, name, str(image["src"]))
        if found and (site.folder / found[0]).is_file():
            pictures.add(site.folder / found[0])
    return (
        (site.folder / name).stat().st_size / 1000,
        sum(picture.stat().st_size for picture in pictures) / 1000,
    )


def check_in_browser(site: Site, screenshots: Path | None = None) -> list[str]:
    """Do all checks that need a browser, with a line of progress a page."""
    problems = []
    figures = {}
    head = (
        f"{'kB':>7}{'kB pictures':>13}{'s to paint':>12}{'s to load':>11}{'shift':>8}"
    )
    print(f"{'page':<36}{head}", flush=True)
    with open_browser() as browser:
        for name in site.pages:
            if name == "404.html":  # its links fit the published site alone
                continue
            label = name.removesuffix(".html").replace("/", "-")
            found, seen = check_page(
                browser, (site.folder / name).as_uri(), screenshots, label
            )
            text, pictures = size_kb(site, name)
            if text + pictures > WEIGHT_KB:
                found.append(
                    f"{text + pictures:.0f} kB with its pictures; at most {WEIGHT_KB}"
                )
            problems += [f"{name}: {problem}" for problem in found]
            figures[name] = {"kB": round(text), "kB_pictures": round(pictures), **seen}
            wide = seen["desktop"]
            print(
                f"{name:<36}{text:>7.0f}{pictures:>13.0f}{wide['largest_paint_s']:>12.1f}"
                f"{wide['load_s']:>11.1f}{wide['layout_shift']:>8.3f}",
                flush=True,
            )
        if "search.html" in site.pages:
            problems += check_search(browser, site)
        else:
            problems.append("search.html is missing")
        if "404.html" in site.pages:
            problems += check_not_found(browser, site)
    write_whole(
        site.folder.parent / "site_figures.json", json.dumps(figures, indent=1) + "\n"
    )
    return problems


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a site; return 1 when something is wrong with it, 2 when it cannot be."""
    parser = argparse.ArgumentParser(
        "python -m tools.check_site",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "site",
        nargs="?",
        type=Path,
        default=ROOT / "_build" / "html",
        help="its folder",
    )
    parser.add_argument(
        "--screenshots",
        type=Path,
        metavar="DIR",
        help="write page_width_theme.png there",
    )
    options = parser.parse_args(arguments)
    site = Site(options.site.resolve(), ROOT, read_addresses())
    if "index.html" not in site.pages:
        print(f"There is no site in {site.folder}; `make book` builds it.")
        return 2
    problems = check_without_browser(site)
    try:
        problems += check_in_browser(site, options.screenshots)
    except BrowserMissingError as error:
        print(error, file=sys.stderr)
        return 2
    if problems:
        print(f"\n{len(problems)} problems:")
        print("\n".join(f"- {problem}" for problem in problems))
        return 1
    print(f"{len(site.pages)} pages, no problem.")
    return 0
