"""Whether pictures that somebody made name their makers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.book import Book, Page, Problem

# The photographs of scikit-learn, as its README and their pages on Flickr name them.
PHOTOGRAPHS = {"china.jpg": "danielbuechele", "flower.jpg": "vultilion"}
LICENCE = "CC BY 2.0"


def check_credits(book: Book, page: Page) -> Iterator[Problem]:
    """Check that whoever took a photograph or made a picture stands in a caption.

    Which cell shows what a cell before it has read is not followed: one caption of
    the page has to name the photographer.
    """
    directives = list(page.body.all_directives())
    cells = [d for d in directives if d.name == "code-cell"]
    captions = " ".join(str(d.mystnb("figure").get("caption")) for d in cells)
    for name, maker in PHOTOGRAPHS.items():
        reading = [cell for cell in cells if name in cell.body]
        credit = f"{maker}, {LICENCE}"
        if reading and credit not in captions:
            message = f"{name} is shown, and no caption says {credit}"
            yield page.problem(reading[0].line, message)
    for directive in directives:
        makers = r"\b(Photograph|Picture|Drawing)s?: \w"
        if directive.name == "figure" and not re.search(makers, directive.body):
            message = "the caption must name the maker, as 'Photograph: Name, licence'"
            yield page.problem(directive.line, message)
