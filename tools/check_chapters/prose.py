"""What is read as text in a page: paragraphs, headings, tables, captions, alt texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from markdown_it.token import Token

from tools.book import Page
from tools.myst import Directive, read_role

CODE, CITATION = "\ufffc", "\ue000"  # stand for code and formulas, and for citations


@dataclass
class Prose:
    """A paragraph, heading, table cell, caption or alt text, without its code."""

    kind: str
    line: int
    text: str
    # Parts of the text that are links, and the glossary term each links to, if any.
    links: list[tuple[int, int, str]] = field(default_factory=list)
    remarks: tuple[str, ...] = ()
    block: int = 0  # the same for everything in one list or table

    def line_of(self, offset: int) -> int:
        """Return the line in the file of a place in the text."""
        return self.line + self.text.count("\n", 0, offset)

    def allows(self, what: str) -> str:
        """Return what the remark ``what`` in front says; empty without one."""
        for remark in self.remarks:
            name, _, reason = remark.partition(":")
            if name.strip() == what:
                return reason.strip()
        return ""


def prose_of(page: Page) -> list[Prose]:
    """Return everything in a page that is read as text, in order."""
    found: list[Prose] = []
    captions: set[int] = set()
    remarks: list[str] = []
    after_remark = False
    block = 0
    kind = "paragraph"
    for fragment, position, token in page.body.walk():
        if fragment is page.body and token.level == 0 and token.nesting >= 0:
            if token.type == "myst_line_comment":
                remarks = remarks if after_remark else []
                remarks += [line.strip() for line in token.content.splitlines()]
                after_remark = True
                continue
            if not after_remark:
                remarks = []
            after_remark = False
            block += 1
        if token.type in ("heading_open", "paragraph_open", "th_open", "td_open"):
            kind = token.type.removesuffix("_open")
            kind = "table" if kind in ("th", "td") else kind
        if directive := fragment.directives.get(position):
            if directive.name in ("figure", "code-cell"):
                captions.add(id(directive.content))
            for name, text in _other_text(directive):
                line = directive.line
                found.append(Prose(name, line, text, [], tuple(remarks), block))
        elif token.type == "inline" and token.map:
            prose = _inline_prose(token, fragment.line + token.map[0])
            prose.kind = "caption" if id(fragment) in captions else kind
            prose.remarks, prose.block = tuple(remarks), block
            found.append(prose)
    return found


def _other_text(directive: Directive) -> Iterator[tuple[str, str]]:
    if alt := directive.options.get("alt") or directive.mystnb("image").get("alt"):
        yield "alt", str(alt)
    if directive.name == "dropdown":
        yield "heading", directive.argument


def _inline_prose(token: Token, line: int) -> Prose:
    prose = Prose("", line, "")
    starts: list[int] = []
    for child in token.children or []:
        if child.type == "myst_role":
            name = child.meta["name"]
            text, target = read_role(child.content)
            if name.startswith("cite"):
                prose.text += CITATION
                continue
            if name in ("term", "ref"):
                start = len(prose.text)
                prose.text += text
                target = target if name == "term" else ""
                prose.links.append((start, len(prose.text), target))
            else:
                prose.text += CODE
        elif child.type == "link_open":
            starts.append(len(prose.text))
        elif child.type == "link_close":
            prose.links.append((starts.pop(), len(prose.text), ""))
        elif child.type in ("softbreak", "hardbreak"):
            prose.text += "\n"
        elif child.type == "text":
            prose.text += child.content
        elif child.type not in ("em_open", "em_close", "strong_open", "strong_close"):
            prose.text += CODE
    return prose


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """Yield the sentences of a text, each with the place where it starts.

    Examples
    --------
    >>> list(sentences("It is 0.5 wide. So be it."))
    [(0, 'It is 0.5 wide.'), (16, 'So be it.')]
    """
    start = 0
    for match in re.finditer(
        r"(?<=[.!?:])[*)\"]*\s+(?=[*\"(]*[A-Z\ufffc\ue000])", text
    ):
        yield start, text[start : match.start()]
        start = match.end()
    yield start, text[start:]
