"""No result of a run is typed into prose, and no formula is cut in two."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.book import Book, Page, Problem
from tools.check_chapters.prose import CITATION, CODE, prose_of, sentences

_NUMBER = r"(?<![\w.])\d+(?:[.,]\d+)*"
_RESULTS = (
    (re.compile(rf"{_NUMBER}\s?(%|per\s?cent\b|percentage\s+points?\b)"), "a share"),
    (re.compile(r"(?<![\w.])\d+\.\d{3,}(?![\w.]*\d)"), "a long decimal"),
    (
        re.compile(
            r"\b(accurac(y|ies)|error( rate)?|loss(es)?|precision|recall|F1|AUC|score)"
            r"\b[^.;]{0,30}?\s\d*\.\d+",
            re.IGNORECASE,
        ),
        "a measured score",
    ),
    (
        re.compile(
            rf"{_NUMBER}\s(milli|micro)?(s|ms|seconds?|minutes?|hours?|s/epoch|"
            r"(images|pictures|steps)\s(a|per)\ssecond)(?!\w)"
        ),
        "a measured time",
    ),
    (
        re.compile(rf"{_NUMBER}\s(times|x)\s(as|more|less|\w+er)\b", re.IGNORECASE),
        "a measured ratio",
    ),
)
# What a share or a score may be without any run.
_NOT_RESULTS = re.compile(
    r"(?<![\d.])(0|100)\s?(%|per\s?cent)|"
    r"(?<![\d.])(90|95|99)\s?(%|per\s?cent)[\s-]+(confidence|interval|level|of\s+cases)",
    re.IGNORECASE,
)


def check_numbers(book: Book, page: Page) -> Iterator[Problem]:
    """Check that no result of a run is typed into prose.

    Code, formulas, and sentences with a citation are left alone; so are tables that
    have a citation in them or in the paragraph before, and the alt text of a figure
    whose caption has one.
    """
    prose = prose_of(page)
    cited_blocks = {piece.block for piece in prose if CITATION in piece.text}
    for piece in prose:
        if piece.allows("figure-ok"):
            continue
        # An alt text says what its figure shows, and the caption carries the source.
        around = {"table": {piece.block, piece.block - 1}, "alt": {piece.block}}
        if around.get(piece.kind, set()) & cited_blocks:
            continue
        for start, sentence in sentences(piece.text):
            if CITATION in sentence or sentence.startswith("Time:"):
                continue
            harmless = [match.span() for match in _NOT_RESULTS.finditer(sentence)]
            for pattern, what in _RESULTS:
                for match in pattern.finditer(sentence):
                    if any(a < match.end() and match.start() < b for a, b in harmless):
                        continue
                    shown = " ".join(match.group().replace(CODE, "...").split())
                    message = (
                        f"{what} typed into prose ({shown!r}): print it in the cell "
                        "that computes it, cite it, or put `% figure-ok: reason` first"
                    )
                    yield page.problem(piece.line_of(start + match.start()), message)


def check_formulas(book: Book, page: Page) -> Iterator[Problem]:
    """Check that no formula was left as text.

    A formula that runs on to a line that begins with "- " or "+ " is cut in two there:
    Markdown takes that line for an item of a list.
    """
    for piece in prose_of(page):
        # The title of a folded block is not parsed yet; its formulas are whole.
        if "$" in re.sub(r"\$[^$\n]*\$", "", piece.text):
            yield page.problem(
                piece.line_of(piece.text.index("$")),
                "a formula without its end or its beginning: does a line of it begin "
                "with - or +, or is a $ missing?",
            )
