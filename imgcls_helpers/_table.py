"""Tables that read well in a notebook, on light and dark pages, and in a terminal.

No other package is imported: a report shows what is missing.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from imgcls_helpers._printable import printable


@dataclass(frozen=True)
class Table:
    """A title, a head, and rows of text; the first column is the name of the row.

    Without a head, a table has two columns of text. Its lines are broken at `width`
    characters if one is given, and `strong` names the row that must not be missed.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    width: int | None = None
    strong: str | None = None


def text_of(tables: Sequence[Table], notes: Sequence[str] = ()) -> str:
    """Return the tables and the notes under them as plain text."""
    parts = []
    for table in tables:
        lines = [list(table.head), *map(list, table.rows)] if table.head else table.rows
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        # Numbers to the right; a table without a head has text in all its columns.
        sides = ["<"] + [">" if table.head else "<"] * (len(widths) - 1)
        shown = [
            "  ".join(
                f"{cell:{side}{width}}"
                for cell, side, width in zip(line, sides, widths, strict=True)
            ).rstrip()
            for line in lines
        ]
        if table.width:
            indent = " " * (widths[0] + 2)
            shown = [
                textwrap.fill(line, table.width, subsequent_indent=indent)
                for line in shown
            ]
        parts.append("\n".join([table.title, *shown] if table.title else shown))
    if notes:
        parts.append("\n".join(f"- {note}" for note in notes))
    return "\n\n".join(parts)


def html_of(tables: Sequence[Table], notes: Sequence[str] = ()) -> str:
    """Return the tables and the notes under them as HTML without any colours."""
    parts = []
    for table in tables:
        if table.head:
            name = "text-align:left;padding:.15em 0;font-weight:normal"
            cell = "text-align:right;padding:.15em 0 .15em 1em"
        else:  # text, which is long and breaks
            name = "text-align:left;vertical-align:top;padding:.15em 0"
            cell = (
                "text-align:left;vertical-align:top;padding:.15em 0 .15em 1em;"
                "white-space:normal;overflow-wrap:anywhere"
            )
        head = "".join(
            f'<th scope="col" style="{cell if i else name};font-weight:bold">'
            f"{html.escape(text)}</th>"
            if text
            else "<td></td>"  # a corner that says nothing is no heading
            for i, text in enumerate(table.head)
        )
        rows = "".join(
            f'<tr><th scope="row" style="{name}">{html.escape(first)}</th>'
            + "".join(
                f'<td style="{cell}">{_cell(text, first == table.strong)}</td>'
                for text in others
            )
            + "</tr>"
            for first, *others in table.rows
        )
        title = ""
        if table.title:
            title = (
                '<caption style="caption-side:top;text-align:left;font-weight:bold;'
                f'padding:.4em 0">{html.escape(table.title)}</caption>'
            )
        whole = (
            '<table class="imgcls-report" style="'
            f'font-variant-numeric:tabular-nums">{title}'
            + (f"<thead><tr>{head}</tr></thead>" if table.head else "")
            + f"<tbody>{rows}</tbody></table>"
        )
        if table.head:
            # Who has no mouse scrolls with the keys, for which it must be focusable.
            whole = (
                f'<div style="overflow-x:auto" tabindex="0" role="region" '
                f'aria-label="{html.escape(table.title or "Report")}">{whole}</div>'
            )
        parts.append(whole)
    if notes:
        items = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
        parts.append(f"<ul>{items}</ul>")
    return "".join(parts)


def _cell(text: str, strong: bool) -> str:
    text = html.escape(text)
    return f"<strong>{text}</strong>" if strong else text


class Shown:
    """Shows itself as tables and notes: text in a terminal, HTML in a notebook."""

    @property
    def notes(self) -> Sequence[str]:
        """Remarks under the tables."""
        return ()

    def _tables(self) -> list[Table]:
        raise NotImplementedError

    def __repr__(self) -> str:
        return printable(text_of(self._tables(), self.notes))

    def _repr_html_(self) -> str:
        return html_of(self._tables(), self.notes)


@dataclass(frozen=True, repr=False)
class Report(Shown):
    """What something ran on: rows of (what, value), shown as a small table.

    Attributes
    ----------
    rows : tuple of (str, str)

    Examples
    --------
    >>> from imgcls_helpers.runtime import Report
    >>> ran_on = Report((("Backend", "jax"), ("Budget", "cpu")))
    >>> ran_on
    Backend  jax
    Budget   cpu
    """

    rows: tuple[tuple[str, str], ...]

    def _tables(self) -> list[Table]:
        return [Table("", (), self.rows)]
