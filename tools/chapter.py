"""The pages of the book as the notebook generator and the checks see them.

A page is parsed with MyST's own parser, set as the site's build sets it. What a
chapter may use is little (`DIRECTIVES`, `ROLES` and plain Markdown), because all of it
has to read well in Colab too, which knows no MyST.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser

from tools.sphinx_site import Addresses, read_addresses

ROOT = Path(__file__).resolve().parent.parent
ADMONITIONS = ("note", "warning", "tip", "important")
DIRECTIVES = (*ADMONITIONS, "dropdown", "math", "figure", "code-cell")
ROLES = ("term", "cite:t", "cite:p", "numref", "eq", "ref")
TAGS = ("solution", "hide-cell", "hide-input", "hide-output", "remove-stderr")
# Parts of the reference pages that hold Markdown of their own.
CONTAINERS = (
    *(*ADMONITIONS, "dropdown", "figure", "glossary"),
    *("admonition", "grid", "grid-item-card", "tab-set", "tab-item"),
)
# As in _config.yml, where they are named for the site.
EXTENSIONS = ("amsmath", "colon_fence", "deflist", "dollarmath")

_PARSER = create_md_parser(
    MdParserConfig(enable_extensions=set(EXTENSIONS)), RendererHTML
)


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
class Directive:
    """A directive: ``{name} argument``, its options and what stands in it."""

    name: str
    argument: str
    options: dict[str, Any]
    body: str
    line: int  # of the opening fence
    body_line: int
    content: Fragment | None = None  # the Markdown in it, if it holds Markdown
    error: str = ""

    @property
    def tags(self) -> list[str]:
        """The tags of a code cell."""
        tags = self.options.get("tags", [])
        return [tags] if isinstance(tags, str) else list(tags or [])

    def mystnb(self, kind: str) -> dict[str, str]:
        """Return the ``mystnb`` metadata of a code cell: ``figure`` or ``image``."""
        found = (self.options.get("mystnb") or {}).get(kind)
        return found if isinstance(found, dict) else {}

    @property
    def label(self) -> str:
        """The name that cross references use."""
        if self.name == "code-cell":
            return str(self.mystnb("figure").get("name", ""))
        return str(self.options.get("label" if self.name == "math" else "name", ""))


@dataclass(frozen=True)
class Mark:
    """A role or a link inside running text, and where it stands in the text."""

    kind: str  # "role" or "link"
    start: int
    end: int
    name: str  # of the role; empty for a link
    content: str  # of the role; the address of a link


@dataclass
class Fragment:
    """A piece of Markdown: a page, or what a directive holds."""

    text: str
    line: int = 1  # of its first line, counted in the file
    tokens: list[Token] = field(init=False)
    directives: dict[int, Directive] = field(init=False)  # by the token's position

    def __post_init__(self) -> None:
        self.env: dict[str, Any] = {}
        self.tokens = _PARSER.parse(self.text + "\n", self.env)
        self.directives = {}
        for position, token in enumerate(self.tokens):
            info = re.match(r"\{([\w:.-]+)\}\s*(.*)", token.info or "")
            if token.type in ("fence", "colon_fence") and info:
                self.directives[position] = self._directive(token, *info.groups())

    def _directive(self, token: Token, name: str, argument: str) -> Directive:
        line = self.line + token.map[0]
        options, body, skipped, error = read_options(token.content)
        body_line = line + 1 + skipped
        found = Directive(name, argument.strip(), options, body, line, body_line)
        found.error = error
        if name in CONTAINERS and (body or name != "figure"):
            found.content = Fragment(body, found.body_line)
        elif name == "code-cell" and (caption := found.mystnb("figure").get("caption")):
            found.content = Fragment(str(caption), line)
        return found

    @cached_property
    def starts(self) -> list[int]:
        """Where each line starts in the text; one more for the end."""
        starts = [0]
        for line in self.text.split("\n"):
            starts.append(starts[-1] + len(line) + 1)
        return starts

    def span(self, token: Token) -> tuple[int, int]:
        """Return the part of the text that a block takes, its last newline included."""
        first, last = token.map
        return self.starts[first], min(self.starts[last], len(self.text))

    def line_of(self, offset: int) -> int:
        """Return the line in the file of a place in the text."""
        return self.line + self.text.count("\n", 0, offset)

    @cached_property
    def marks(self) -> list[Mark]:
        """The roles and the relative links, in order.

        The parser says what they are, not where: so their text is looked for, from
        the end of the one before. Code and formulas are stepped over in the same way.
        """
        found: list[Mark] = []
        cursor = 0
        for token in self.tokens:
            if token.type != "inline" or token.map is None:
                continue
            cursor = max(cursor, self.starts[token.map[0]])
            links: list[str] = []
            for child in token.children or []:
                if child.type == "link_open":
                    links.append(str(child.attrs.get("href", "")))
                    continue
                pattern = _source_pattern(child)
                name, content = str(child.meta.get("name", "")), child.content
                if child.type == "link_close":
                    content = links.pop()
                    if child.markup == "autolink" or ":" in content.split("/")[0]:
                        continue
                    pattern = r"\]\(\s*<?(?P<content>[^\s)>]*)>?[^)]*\)"
                if not pattern:
                    continue
                match = re.compile(pattern).search(self.text, cursor)
                if match is None:
                    continue  # only possible for text that the parser rewrote
                cursor = match.end()
                if child.type == "myst_role":
                    found.append(Mark("role", *match.span(), name, content))
                elif child.type == "link_close":
                    found.append(Mark("link", *match.span("content"), "", content))
        return found

    def walk(self) -> Iterator[tuple[Fragment, int, Token]]:
        """Yield every block of the text in order, and those inside directives."""
        for position, token in enumerate(self.tokens):
            yield self, position, token
            directive = self.directives.get(position)
            if directive and directive.content:
                yield from directive.content.walk()

    def all_directives(self) -> Iterator[Directive]:
        """Yield the directives in order, nested ones after the one that holds them."""
        for fragment, position, _ in self.walk():
            if position in fragment.directives:
                yield fragment.directives[position]


def _source_pattern(child: Token) -> str:
    """Return what an inline element looks like in the source, as a pattern."""
    # A line may end inside; in a quotation a mark stands in front of the next.
    words = (re.escape(word) for word in child.content.split())
    content = r"\s*" + r"[\s>]+".join(words).replace(r"\|", r"\\?\|") + r"\s*"
    if child.type == "code_inline":
        return f"(?<!`){child.markup}{content}{child.markup}(?!`)"
    if child.type.startswith("math_inline"):
        return re.escape(child.markup) + content + re.escape(child.markup)
    if child.type == "myst_role":
        return rf"\{{{re.escape(child.meta['name'])}\}}(?P<ticks>`+){content}(?P=ticks)"
    return ""


def read_options(content: str) -> tuple[dict[str, Any], str, int, str]:
    r"""Split what stands in a directive into options and body.

    Returns
    -------
    tuple
        The options, the body, the number of lines before the body, and what was
        wrong with the options, if anything was.

    Examples
    --------
    >>> read_options(":tags: [solution]\nx = 1")
    ({'tags': ['solution']}, 'x = 1', 1, '')
    """
    lines = content.splitlines()
    options: Any = {}
    error = ""
    skipped = 0
    try:
        if lines and lines[0].rstrip() == "---":
            skipped = 1
            while skipped < len(lines) and lines[skipped].rstrip() != "---":
                skipped += 1
            options = yaml.safe_load("\n".join(lines[1:skipped])) or {}
            skipped += 1
        else:
            while skipped < len(lines) and re.match(r":[\w-]+:", lines[skipped]):
                key, value = lines[skipped][1:].split(":", 1)
                value = value.strip()
                quoted = value[:1] in ("[", "{", "'", '"')
                options[key] = yaml.safe_load(value) if quoted else value
                skipped += 1
    except yaml.YAMLError as failure:
        error = f"the options are not YAML: {' '.join(str(failure).split())}"
    if not isinstance(options, dict):
        options, error = {}, "the options are not of the form `name: value`"
    if skipped < len(lines) and skipped and not lines[skipped].strip():
        skipped += 1
    return options, "\n".join(lines[skipped:]), skipped, error


def read_role(content: str) -> tuple[str, str]:
    """Split the content of a role into its text and its target.

    Examples
    --------
    >>> read_role("maps <feature map>")
    ('maps', 'feature map')
    >>> read_role("feature map")
    ('feature map', 'feature map')
    """
    content = " ".join(content.split())
    match = re.fullmatch(r"(.+?)\s*<([^<>]+)>", content)
    return (match[1], match[2]) if match else (content, content)


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
