"""The book as its source gives it: pages, chapters, labels, glossary, bibliography."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from tools.myst import Directive, Fragment
from tools.places import ROOT, Addresses, read_addresses


@dataclass(frozen=True, order=True)
class Problem:
    """Something to mend in a source file, with the place where it stands."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class BookError(ValueError):
    """The book's source cannot be read or converted; carries the `Problem` list."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = sorted(set(problems))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass
class Page:
    """A page of the book."""

    path: Path  # relative to the root of the repository
    text: str
    number: int | None = None  # of the chapter, as the site prints it

    def __post_init__(self) -> None:
        match = re.match(r"---\n.*?\n---\n", self.text, re.DOTALL)
        head = match.group() if match else ""
        self.front_matter = head
        self.body = Fragment(self.text[len(head) :], 1 + head.count("\n"))

    @property
    def docname(self) -> str:
        """The page's name in the table of contents: ``book/01-background``."""
        return self.path.with_suffix("").as_posix()

    @cached_property
    def cells(self) -> list[Directive]:
        """The code cells in order."""
        found = self.body.all_directives()
        return [directive for directive in found if directive.name == "code-cell"]

    def problem(self, line: int, message: str) -> Problem:
        """Return a `Problem` of this page."""
        return Problem(self.path.as_posix(), line, message)


@dataclass(frozen=True)
class Label:
    """What a cross reference may point at."""

    kind: str  # "figure", "equation" or "place"
    page: Page
    line: int
    number: str = ""


class Book:
    """All pages of the book, with what they refer to.

    Parameters
    ----------
    root
        The folder with ``_toc.yml``, ``_config.yml`` and ``pyproject.toml``.

    Raises
    ------
    BookError
        If a page of the table of contents is missing, or a chapter's file number is
        not its place in the table.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.addresses: Addresses = read_addresses(root)
        config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
        self.title = str(config["title"])
        self.pages: dict[str, Page] = {}
        self.chapters: list[Page] = []
        problems: list[Problem] = []
        for docname in toc_files(root):
            path = Path(f"{docname}.md")
            try:
                text = (root / path).read_text(encoding="utf-8")
            except FileNotFoundError:
                message = f"the page {path.as_posix()} is not there"
                problems.append(Problem("_toc.yml", 1, message))
                continue
            page = Page(path, text)
            self.pages[docname] = page
            if match := re.match(r"(\d\d)-", path.name):
                self.chapters.append(page)
                page.number = len(self.chapters)
                if page.number != int(match[1]):
                    message = (
                        f"the site calls this chapter {page.number}: the number in "
                        "the file's name must be the chapter's place in _toc.yml"
                    )
                    problems.append(page.problem(1, message))
        if problems:
            raise BookError(problems)
        # Found while labels were collected; the generator and the checks report them.
        self.problems: list[Problem] = []
        self.labels = self._labels()

    def _labels(self) -> dict[str, Label]:
        labels: dict[str, Label] = {}
        pictures: dict[str, Path] = {}
        for page in self.pages.values():
            counts = {"figure": 0, "equation": 0}
            for fragment, position, token in page.body.walk():
                directive = fragment.directives.get(position)
                name, kind, line = "", "place", 0
                if token.type == "myst_target":
                    name, line = token.content, fragment.line + token.map[0]
                elif directive and directive.name in ("figure", "math", "code-cell"):
                    name, line = directive.label, directive.line
                    kind = "equation" if directive.name == "math" else "figure"
                    # Sphinx counts figures with a caption, and equations with a label.
                    counts[kind] += bool(
                        name if kind == "equation" else directive.content
                    )
                    picture = page.path.parent / directive.argument
                    taken = picture
                    if directive.name == "figure":
                        taken = pictures.setdefault(picture.name, picture)
                    if taken != picture:
                        message = (
                            f"{taken.as_posix()} is another picture of that name: name "
                            "one otherwise, since the site has one folder for all"
                        )
                        self.problems.append(page.problem(line, message))
                if not name:
                    continue
                if name in labels:
                    first = labels[name]
                    message = (
                        f"the name {name} is taken by "
                        f"{first.page.path.as_posix()}:{first.line}"
                    )
                    self.problems.append(page.problem(line, message))
                    continue
                numbered = page.number is not None and kind in counts
                number = f"{page.number}.{counts[kind]}" if numbered else ""
                labels[name] = Label(kind, page, line, number)
        return labels

    @cached_property
    def glossary(self) -> list[list[str]]:
        """The terms of the glossary: a list for each definition, as written."""
        groups: list[list[str]] = []
        for page in self.pages.values():
            for directive in page.body.all_directives():
                if directive.name != "glossary":
                    continue
                open_group = False
                for line in directive.body.splitlines():
                    if not line.strip() or line[0] in " \t.":  # a definition
                        open_group = False
                    elif open_group:
                        groups[-1].append(line.strip())
                    else:
                        groups.append([line.strip()])
                        open_group = True
        return groups

    @cached_property
    def glossary_page(self) -> str:
        """The name of the page with the glossary."""
        for docname, page in self.pages.items():
            if any(d.name == "glossary" for d in page.body.all_directives()):
                return docname
        return ""

    @cached_property
    def bibliography(self) -> Any:
        """The entries of ``book/references.bib``, as pybtex reads them."""
        from pybtex.database import BibliographyData, parse_file

        path = self.root / "book" / "references.bib"
        return parse_file(str(path)) if path.is_file() else BibliographyData()

    def address(self, docname: str, label: str = "") -> str:
        """Return where the published site has a page, or a place in it."""
        from docutils.nodes import make_id

        anchor = f"#{make_id(label)}" if label else ""
        return f"{self.addresses.site}{docname}.html{anchor}"

    def find(self, page: Page, target: str) -> Page | None:
        """Return the page that a relative link leads to; None if there is none."""
        path = (self.root / page.path.parent / target).resolve()
        for candidate in self.pages.values():
            if (self.root / candidate.path).resolve() == path:
                return candidate
        return None

    @staticmethod
    def no_page(target: str) -> str:
        """Say why a relative link leads to no page."""
        if "#" in target:  # which the site's MyST finds for some places only
            return "link to a place with {ref}`text <label>`"
        return "no page of _toc.yml is there"


def toc_files(root: Path) -> Iterator[str]:
    """Yield the pages of ``_toc.yml`` in order, as it names them: without ``.md``."""

    def walk(node: Any) -> Iterator[str]:
        if isinstance(node, list):
            for item in node:
                yield from walk(item)
        elif isinstance(node, dict):
            if "file" in node:
                yield str(node["file"])
            for key in ("parts", "chapters", "sections", "subtrees", "entries"):
                yield from walk(node.get(key))

    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    yield str(toc["root"])
    yield from walk(toc)


def chapters(root: Path = ROOT) -> list[Path]:
    """Return the chapters of the book in order: the numbered pages of _toc.yml."""
    pages = [root / f"{name}.md" for name in toc_files(root)]
    return [page for page in pages if re.match(r"\d\d-", page.name)]
