"""Tables of what was found, as nodes of a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from docutils import nodes

if TYPE_CHECKING:
    from imgcls_helpers.training import Spread

NOTHING = "–"
Cell = str | nodes.Node


def percent(share: float) -> str:
    """Return a share as a percentage.

    Examples
    --------
    >>> percent(0.7125)
    '71.2%'
    """
    return f"{share:.1%}"


def band(spread: Spread) -> str:
    """Return where a reader's own run should land, or why that is not known.

    Examples
    --------
    >>> from imgcls_helpers.training import Spread
    >>> band(Spread([0.71, 0.72, 0.70])), band(Spread([0.99, 1.0]))
    ('66.0–76.0%', '88.5–100.0%')
    >>> band(Spread([0.97, 0.97])), band(Spread([0.7]))
    ('97.0%', 'none: one run')
    """
    if spread.n == 1:
        return "none: one run"
    low, high = (percent(min(max(edge, 0), 1)) for edge in spread.band())
    return low if low == high else f"{low.rstrip('%')}–{high}"


def seconds(value: float | None) -> str:
    """Return a time in as many digits as it deserves.

    Examples
    --------
    >>> seconds(0.234), seconds(12.34), seconds(123.4), seconds(None)
    ('0.2', '12.3', '123', '–')
    """
    if value is None:
        return NOTHING
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def count(value: int | None) -> str:
    """Return a whole number with its thousands apart.

    Examples
    --------
    >>> count(167562), count(None)
    ('167,562', '–')
    """
    return NOTHING if value is None else f"{value:,}"


def megabytes(value: float | None) -> str:
    """Return an amount of memory in whole megabytes."""
    return count(None if value is None else round(value))


def run_in_words(found: dict[str, Any] | None) -> str:
    """Return how one recorded run of a chapter went."""
    if found is None:
        return NOTHING
    if found["outcome"] != "passed":
        return found["outcome"]
    text = f"{seconds(found['seconds'])} s"
    if found.get("memory_mb") is not None:
        text += f", {megabytes(found['memory_mb'])} MB"
    return text


def paragraph(*parts: Cell) -> nodes.paragraph:
    """Return a paragraph of text and nodes."""
    found = nodes.paragraph()
    found += [nodes.Text(p) if isinstance(p, str) else p for p in parts]
    return found


def make_table(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> nodes.table:
    """Return a table whose first column names its rows."""
    group = nodes.tgroup(cols=len(head))
    for place in range(len(head)):
        group += nodes.colspec(colwidth=1, stub=int(place == 0))
    for part, lines in ((nodes.thead(), [head]), (nodes.tbody(), rows)):
        for line in lines:
            row = nodes.row()
            for cell in line:
                entry = nodes.entry()
                entry += paragraph(cell)
                row += entry
            part += row
        group += part
    table = nodes.table("", classes=["from-runs", "colwidths-auto"])
    table += group
    return table


def table_of_models(
    models: Iterable[dict[str, Any]], time: str = "seconds"
) -> nodes.table:
    """Return the table of some models, each as `results.model` keeps it."""
    from imgcls_helpers.training import Spread  # imports Keras: only where needed

    head = (
        *("model", "accuracy", "your run", "runs", "training images"),
        *("parameters", "epochs", time),
    )
    rows = []
    for model in models:
        spread = Spread(model["scores"])
        rows.append(
            [
                *(model["name"], f"{spread:.1%}", band(spread), count(spread.n)),
                *(count(model["images"]), count(model["parameters"])),
                *(count(model["epochs"]), seconds(model["seconds"])),
            ]
        )
    return make_table(head, rows)
