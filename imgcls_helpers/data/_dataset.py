"""A data set in three parts, and its card."""

from __future__ import annotations

import html
import textwrap
from dataclasses import dataclass
from typing import Any

from imgcls_helpers.data._part import Part


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A data set in three parts, with what is known about it.

    Attributes
    ----------
    name : str
        Name as `load_dataset` knows it, or the folder's name.
    train, validation, test : Part
        ``validation`` is None where none was asked for, and so is ``test``.
    class_names : tuple of str
        Name of each class, by class number.
    source : str
        Where the images came from.
    licence : str
        Under which terms, as far as known.
    notice : str
        What a reader must know: that this is a fallback, that the files were
        not checked against the original. Empty if there is nothing to say.
    skipped : tuple of (str, str)
        Path and reason of each file that `load_image_folder` left out.

    Examples
    --------
    >>> from imgcls_helpers.data import load_dataset
    >>> dataset = load_dataset("digits")
    >>> dataset.name, dataset.class_names[:3], len(dataset.test)
    ('digits', ('0', '1', '2'), 359)
    """

    name: str
    train: Part
    # None where there is none; with Any, who knows better need not prove it.
    validation: Part | Any
    test: Part | Any
    class_names: tuple[str, ...]
    source: str = ""
    licence: str = ""
    notice: str = ""
    skipped: tuple[tuple[str, str], ...] = ()

    def _rows(self) -> list[tuple[str, str]]:
        parts = [
            f"{len(part):,} {what}"
            for what, part in (
                ("train", self.train),
                ("validation", self.validation),
                ("test", self.test),
            )
            if part is not None
        ]
        h, w, c = self.train.images.shape[1:]
        colour = "grey" if c == 1 else "colour"
        names = ", ".join(self.class_names[:10])
        if len(self.class_names) > 10:
            names += ", ..."
        rows = [
            ("Images", ", ".join(parts)),
            ("Size", f"{h} x {w} pixels, {colour}"),
            ("Classes", f"{len(self.class_names)}: {names}"),
            ("Source", self.source),
            ("Licence", self.licence),
        ]
        if self.skipped:
            some = "; ".join(f"{path}: {reason}" for path, reason in self.skipped[:5])
            more = "; ..." if len(self.skipped) > 5 else ""
            rows.append(("Left out", f"{len(self.skipped)} files: {some}{more}"))
        if self.notice:
            rows.insert(0, ("Notice", self.notice))
        return [(key, value) for key, value in rows if value]

    def __repr__(self) -> str:
        lines = [
            textwrap.fill(
                value, 72, initial_indent=f"  {key:<8} ", subsequent_indent=" " * 11
            )
            for key, value in self._rows()
        ]
        return "\n".join([f"Dataset {self.name!r}", *lines])

    def _repr_html_(self) -> str:
        cells = "".join(
            f'<tr><th scope="row" style="text-align:left;vertical-align:top">{key}</th>'
            f'<td style="text-align:left;white-space:normal;overflow-wrap:anywhere">'
            f"{'<strong>' if key == 'Notice' else ''}{html.escape(value)}"
            f"{'</strong>' if key == 'Notice' else ''}</td></tr>"
            for key, value in self._rows()
        )
        return (
            '<table class="imgcls-dataset"><caption style="text-align:left">'
            f"Data set <strong>{html.escape(self.name)}</strong></caption>"
            f"<tbody>{cells}</tbody></table>"
        )
