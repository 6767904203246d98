"""Tables that read well in a notebook, on light and dark pages, and in a terminal."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from imgcls_helpers._printable import printable


@dataclass(frozen=True)
class Table:
    """A title, a head, and rows of text; the first column is the name of the row."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def text_of(tables: Sequence[Table], notes: Sequence[str] = ()) -> str:
    """Return the tables and the notes under them as plain text."""
    parts = []
    for table in tables:
        lines = [table.head, *table.rows] if table.head else table.rows
        lines = [[printable(cell) for cell in line] for line in lines]
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
        parts.append("\n".join([table.title, *shown] if table.title else shown))
    if notes:
        parts.append("\n".join(f"- {note}" for note in notes))
    return printable("\n\n".join(parts))


def html_of(tables: Sequence[Table], notes: Sequence[str] = ()) -> str:
    """Return the tables and the notes under them as HTML without any colours."""
    parts = []
    for table in tables:
        side = "right" if table.head else "left"
        cell = f"text-align:{side};padding:.15em 0 .15em 1em"
        name = "text-align:left;padding:.15em 0;font-weight:normal"
        head = "".join(
            f'<th scope="col" style="{cell if i else name};font-weight:bold">'
            f"{html.escape(text)}</th>"
            for i, text in enumerate(table.head)
        )
        rows = "".join(
            f'<tr><th scope="row" style="{name}">{html.escape(first)}</th>'
            + "".join(f'<td style="{cell}">{html.escape(text)}</td>' for text in others)
            + "</tr>"
            for first, *others in table.rows
        )
        title = ""
        if table.title:
            title = (
                '<caption style="caption-side:top;text-align:left;font-weight:bold;'
                f'padding:.4em 0">{html.escape(table.title)}</caption>'
            )
        parts.append(
            # Who has no mouse scrolls with the keys, for which it must be focusable.
            f'<div style="overflow-x:auto" tabindex="0" role="region" '
            f'aria-label="{html.escape(table.title or "Report")}">'
            '<table class="imgcls-report" style="'
            f'font-variant-numeric:tabular-nums">{title}'
            + (f"<thead><tr>{head}</tr></thead>" if table.head else "")
            + f"<tbody>{rows}</tbody></table></div>"
        )
    if notes:
        items = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
        parts.append(f"<ul>{items}</ul>")
    return "".join(parts)


class Shown:
    """Shows itself as tables and notes: text in a terminal, HTML in a notebook."""

    @property
    def notes(self) -> Sequence[str]:
        return ()

    def _tables(self) -> list[Table]:
        raise NotImplementedError

    def __repr__(self) -> str:
        return text_of(self._tables(), self.notes)

    def _repr_html_(self) -> str:
        return html_of(self._tables(), self.notes)
