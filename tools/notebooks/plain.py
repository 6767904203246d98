"""What stands for MyST's constructs where there is no MyST: formulas, folds, works."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tools.myst import Fragment

if TYPE_CHECKING:
    from pybtex.database import BibliographyData, Entry
    from pybtex.style.formatting.plain import Style


def pieces(text: str) -> Iterator[str]:
    r"""Cut Markdown before each heading.

    Examples
    --------
    >>> list(pieces("a\n\n# b\n\nc"))
    ['a\n\n', '# b\n\nc']
    """
    fragment = Fragment(text)
    cuts = [
        fragment.span(token)[0]
        for token in fragment.tokens
        if token.type == "heading_open" and token.level == 0
    ]
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        yield text[start:end]


def display(formula: str, number: str = "") -> str:
    r"""Return a displayed formula as Jupyter and Colab read it.

    Examples
    --------
    >>> print(display("a = b", "1.2"))
    $$
    a = b \tag{1.2}
    $$
    """
    formula = formula.strip()
    if r"\\" in formula:  # what Sphinx does by itself
        formula = f"\\begin{{aligned}}\n{formula}\n\\end{{aligned}}"
    tag = f" \\tag{{{number}}}" if number else ""
    return f"$$\n{formula}{tag}\n$$"


def fold(title: str, body: str) -> str:
    """Return a block that opens with a click; the title is HTML.

    Examples
    --------
    >>> print(fold("More", "text"))
    <details>
    <summary>More</summary>
    <BLANKLINE>
    text
    <BLANKLINE>
    </details>
    <BLANKLINE>
    """
    return f"<details>\n<summary>{title}</summary>\n\n{body.strip()}\n\n</details>\n"


@functools.cache
def term_id(term: str) -> str:
    """Return the anchor that Sphinx gives to a term of the glossary."""
    from sphinx.util.nodes import _make_id

    return _make_id(f"term-{term}")


def cited_as(entry: Entry, *, textual: bool) -> str:
    """Return a work of the bibliography as author and year, linked to the work."""
    people = entry.persons.get("author") or entry.persons.get("editor") or []
    names = ["".join(_plain(n) for n in p.rich_last_names) for p in people]
    names = names or [_plain(entry.rich_fields.get("organization", entry.key))]
    who = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
    year = entry.fields.get("year", "n.d.")
    text = f"{who} ({year})" if textual else f"{who}, {year}"
    address = _work_address(entry)
    return f"[{text}]({address})" if address else text


def list_of_works(bibliography: BibliographyData, keys: Sequence[str]) -> str:
    """Return a list of works in full, in the order of their authors."""
    from pybtex.backends.markdown import Backend

    backend = Backend()
    formatted = _style().format_bibliography(bibliography, keys)
    works = (" ".join(entry.text.render(backend).split()) for entry in formatted)
    # The backend escapes marks that mean nothing inside a line.
    works = (re.sub(r"\\([-.()!+])", r"\1", work) for work in works)
    return "\n".join(f"- {work}" for work in works)


@functools.cache
def _style() -> Style:
    from pybtex.style.formatting.plain import Style  # which looks for plug-ins

    return Style()


def _work_address(entry: Entry) -> str:
    """Return where a work of the bibliography can be read: DOI, arXiv or address."""
    fields = entry.fields
    address = fields.get("url", "")
    if "eprint" in fields:
        address = f"https://arxiv.org/abs/{fields['eprint']}"
    if "doi" in fields:
        address = f"https://doi.org/{fields['doi']}"
    return address.replace("(", "%28").replace(")", "%29")


def _plain(rich: object) -> str:
    from pybtex.richtext import Text

    return str(Text(rich)) if not isinstance(rich, Text) else str(rich)
