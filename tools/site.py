"""A built site: its pages, and what an address in one of them means."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

from tools.places import Addresses

# Pages that are part of no chapter: nothing leads to them in order.
EXTRA_PAGES = ("404.html", "search.html")
CHAPTER = re.compile(r"book/\d\d-[\w-]+\.html")


@dataclass(frozen=True)
class Site:
    """A built site and the repository it was built from."""

    folder: Path
    root: Path
    addresses: Addresses

    @cached_property
    def pages(self) -> dict[str, BeautifulSoup]:
        """The pages by their path in the site, parsed."""
        files = sorted(self.folder.rglob("*.html"))
        names = [file.relative_to(self.folder).as_posix() for file in files]
        return {
            name: BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")
            for name, file in zip(names, files, strict=True)
            if not name.startswith("_static/")  # templates that the theme leaves there
        }

    @cached_property
    def content(self) -> list[str]:
        """The pages that readers read, without search and the like."""
        return [name for name in self.pages if name not in EXTRA_PAGES]

    @cached_property
    def anchors(self) -> dict[str, set[str]]:
        """The ids in each page."""
        return {
            name: {tag["id"] for tag in page.select("[id]")}
            for name, page in self.pages.items()
        }


def resolve(site: Site, page: str, address: str) -> tuple[str, str] | None:
    """Find the file of the site that an address in a page means.

    Returns
    -------
    tuple or None
        The file's path in the site, and the fragment; None for an address elsewhere.
        A path that leads out of the site begins with ``..``.
    """
    if address.startswith(site.addresses.site):
        address = site.addresses.path + address.removeprefix(site.addresses.site)
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return None
    path = unquote(parts.path)
    if not path:
        target = page
    elif path.startswith(site.addresses.path):
        target = path.removeprefix(site.addresses.path)
    elif path.startswith("/"):
        target = ".." + path
    else:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
    if target in ("", ".") or target.endswith("/") or (site.folder / target).is_dir():
        target = posixpath.normpath(f"{target}/index.html").lstrip("/")
    return target, unquote(parts.fragment)
