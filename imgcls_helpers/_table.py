"""The table of a report. It needs no other package, so that it says what is missing."""

from __future__ import annotations

import html
from dataclasses import dataclass

from imgcls_helpers._printable import printable


@dataclass(frozen=True)
class Report:
    """What something ran on: rows of (what, value), shown as a small table.

    Attributes
    ----------
    rows : tuple of (str, str)

    Examples
    --------
    >>> ran_on = Report((("Backend", "jax"), ("Budget", "cpu")))
    >>> ran_on
    Backend  jax
    Budget   cpu
    >>> ran_on.to_dict()
    {'Backend': 'jax', 'Budget': 'cpu'}
    """

    rows: tuple[tuple[str, str], ...]

    def to_dict(self) -> dict[str, str]:
        """Return the rows as a dictionary, for programs."""
        return dict(self.rows)

    def __repr__(self) -> str:
        width = max(len(what) for what, _ in self.rows)
        lines = (f"{what:<{width}}  {value}" for what, value in self.rows)
        return printable("\n".join(lines))

    def _repr_html_(self) -> str:
        # No colours: the table must read well on a light and on a dark page.
        rows = "".join(
            '<tr><th scope="row" style="text-align:left;vertical-align:top;'
            f'padding:.2em 1em .2em 0">{html.escape(what)}</th>'
            '<td style="text-align:left;padding:.2em 0;overflow-wrap:anywhere">'
            f"{html.escape(value)}</td></tr>"
            for what, value in self.rows
        )
        return (
            '<table class="imgcls-report" style="font-variant-numeric:tabular-nums">'
            f"<tbody>{rows}</tbody></table>"
        )
