"""MyST Markdown as the tools see it: blocks, directives, roles, links, their places.

Text is parsed with MyST's own parser, set as the site's build sets it. What a chapter
may use is little (`DIRECTIVES`, `ROLES` and plain Markdown), because all of it has to
read well in Colab too, which knows no MyST.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser

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
