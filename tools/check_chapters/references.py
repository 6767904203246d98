"""What a page refers to: links, terms of the glossary, works of the bibliography."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.book import Book, Page, Problem
from tools.check_chapters.prose import prose_of


def check_links(book: Book, page: Page) -> Iterator[Problem]:
    """Check that relative links lead to pages and that others are https."""
    for fragment, _, token in page.body.walk():
        if token.type != "inline" or not token.map:
            continue
        line = fragment.line + token.map[0]
        for child in token.children or []:
            line += child.type in ("softbreak", "hardbreak")
            if child.type != "link_open":
                continue
            address = str(child.attrs.get("href", ""))
            if address.startswith("https://"):
                continue
            if re.match(r"[\w+.-]+:", address):
                yield page.problem(line, f"{address}: links are https:// or pages")
                continue
            if book.find(page, address) is None:
                yield page.problem(line, f"{address}: {book.no_page(address)}")


def _term_pattern(term: str) -> re.Pattern[str]:
    """Return a pattern for a term: plurals, any spaces or hyphens between its words.

    A term with a capital letter is a name and is looked for as it is written.
    """
    words = [re.escape(word) for word in re.split(r"[\s-]+", term)]
    last = words[-1]
    if last.endswith("y") and last[-2:-1] not in tuple("aeiou"):
        words[-1] = f"{last[:-1]}(?:y|ies)"
    elif not last.endswith("s"):
        words[-1] = f"{last}(?:s|es)?"
    else:
        words[-1] = f"{last}(?:es)?"
    flags = re.NOFLAG if term != term.lower() else re.IGNORECASE
    joined = r"[\s-]+".join(words)
    return re.compile(rf"(?<![\w-]){joined}(?!\w|-\w)", flags)


def check_terms(book: Book, page: Page) -> Iterator[Problem]:
    """Check that the first use of each glossary term in prose links to the glossary.

    Headings, tables, code, captions, the text of other links and the opening (up to
    the first cell) are left out, and so is a term inside a longer one ("loss" in "loss
    function").
    """
    opening = min((cell.line for cell in page.cells), default=0)
    groups = {term: number for number, g in enumerate(book.glossary) for term in g}
    lower = {term.lower(): number for term, number in groups.items()}
    patterns = [
        (_term_pattern(term), term) for term in sorted(groups, key=len, reverse=True)
    ]
    linked: set[int] = set()
    told: set[int] = set()
    for piece in prose_of(page):
        if piece.kind != "paragraph":
            continue
        skipped = {
            word.strip().lower() for word in piece.allows("glossary-ok").split(",")
        }
        uses: list[tuple[int, int, int, bool]] = []
        taken = [(start, end) for start, end, _ in piece.links]
        for start, end, target in piece.links:
            if target.lower() in lower:
                uses.append((start, end, lower[target.lower()], True))
        for pattern, term in patterns:
            for match in pattern.finditer(piece.text):
                start, end = match.span()
                if any(a < end and start < b for a, b in taken):
                    continue
                taken.append((start, end))
                if term.lower() not in skipped and match.group().lower() not in skipped:
                    uses.append((start, end, groups[term], False))
        for start, end, group, is_link in sorted(uses):
            if is_link:
                linked.add(group)
            elif piece.line >= opening and group not in linked | told:
                told.add(group)
                text = " ".join(piece.text[start:end].split())
                term = book.glossary[group][0]
                message = (
                    f"the first use of {text!r} is no link to the glossary: "
                    f"{{term}}`{text} <{term}>`"
                )
                yield page.problem(piece.line_of(start), message)


def check_glossary(book: Book) -> Iterator[Problem]:
    """Check that each entry of the glossary is used in another page."""
    home = book.pages.get(book.glossary_page)
    others = [page for page in book.pages.values() if page is not home]
    prose = [piece for page in others for piece in prose_of(page)]
    linked = {target.lower() for piece in prose for *_, target in piece.links}
    text = "\n\n".join(piece.text for piece in prose)
    for group in book.glossary:
        if not any(
            term.lower() in linked or _term_pattern(term).search(text) for term in group
        ):
            line = home.text.splitlines().index(group[0]) + 1
            message = (
                f"no other page uses the term {group[0]!r}: use it, or take it out"
            )
            yield home.problem(line, message)


def citations_of(page: Page) -> Iterator[tuple[int, str]]:
    """Yield the keys of the works that a page cites, with their lines."""
    for fragment, _, token in page.body.walk():
        line = fragment.line + (token.map[0] if token.map else 0)
        for child in token.children or []:
            line += child.type in ("softbreak", "hardbreak")
            if child.type == "myst_role" and child.meta["name"].startswith("cite"):
                for key in child.content.split(","):
                    yield line, key.strip()


def check_citations(book: Book, page: Page) -> Iterator[Problem]:
    """Check that what a page cites is in the bibliography."""
    for line, key in citations_of(page):
        if key not in book.bibliography.entries:
            message = f"book/references.bib has no entry {key!r}"
            yield page.problem(line, message)


def uncited(book: Book) -> list[str]:
    """Return the keys of the bibliography that no page cites."""
    cited = {key for page in book.pages.values() for _, key in citations_of(page)}
    return [key for key in book.bibliography.entries if key not in cited]
