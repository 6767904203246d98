"""What is said about an answer: verdicts, and how an exercise says "wrong"."""

from __future__ import annotations

import html
import textwrap
from dataclasses import dataclass
from typing import Any

from imgcls_helpers._printable import printable


class Wrong(Exception):
    """Raised by an exercise: the answer is wrong, and this is why.

    Parameters
    ----------
    message : str
        What is wrong, in a sentence to the reader.
    hint : str, optional
        Where to look next.
    mistake : str, optional
        The short name of the mistake, for programs: "rows and columns swapped".
    line : str, optional
        The reader's own line where it happened.

    Examples
    --------
    >>> from imgcls_helpers.checks import Wrong
    >>> wrong = Wrong("Rows are missing.", "Look at the shape.", mistake="rows")
    >>> wrong.hint, wrong.mistake
    ('Look at the shape.', 'rows')
    """

    def __init__(
        self, message: str, hint: str = "", *, mistake: str = "", line: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.mistake = mistake
        self.line = line


class NotYet(Exception):
    """Raised where the answer is still the unsolved stub.

    Examples
    --------
    >>> from imgcls_helpers.checks import NotYet, check, exercise
    >>> @exercise("99.5", "A list of weights")
    ... def weights(answer, rng):
    ...     if not answer:
    ...         raise NotYet("Fill the list, then run this cell again.")
    >>> check("99.5", [])
    … Exercise 99.5, A list of weights: not done yet
    Fill the list, then run this cell again.
    """


@dataclass(frozen=True)
class Mistake:
    """A known wrong answer and what to say about it.

    Attributes
    ----------
    name : str
        Short and unique in its exercise: "kernel flipped".
    wrong : object
        The wrong answer: a function for `compare` and `function_exercise`, a value
        for `assert_close`.
    message : str
        What is wrong, in a sentence to the reader.
    hint : str
        Where to look next; may be empty.

    Examples
    --------
    >>> from imgcls_helpers.checks import Mistake
    >>> swapped = Mistake("axes swapped", lambda x: x.T, "Rows became columns.")
    >>> swapped.as_wrong().message
    'Rows became columns.'
    """

    name: str
    wrong: Any
    message: str
    hint: str = ""

    def as_wrong(self, line: str = "") -> Wrong:
        """Return the `Wrong` that says this.

        Parameters
        ----------
        line : str
            The reader's own line where it happened, if it is known.
        """
        return Wrong(self.message, self.hint, mistake=self.name, line=line)


@dataclass(frozen=True)
class Verdict:
    """What `check` says about an answer.

    Attributes
    ----------
    number, title : str
        The exercise.
    ok : bool or None
        True: right. False: wrong. None: the stub is not filled in yet.
    message, hint : str
        What to tell the reader.
    mistake : str
        The name of the mistake where it is a known one, else "".
    line : str
        The reader's own line where it went wrong, if one is known.
    printed : str
        What the answer printed while it was checked (its beginning).

    Examples
    --------
    >>> from imgcls_helpers.checks import check, exercise, require
    >>> @exercise("99.6", "An odd number")
    ... def odd(answer, rng):
    ...     require(answer % 2 == 1, "It is even.")
    >>> verdict = check("99.6", 4)
    >>> verdict.ok, verdict.status, verdict.to_dict()["message"]
    (False, 'wrong', 'It is even.')
    """

    number: str
    title: str
    ok: bool | None
    message: str
    hint: str = ""
    mistake: str = ""
    line: str = ""
    printed: str = ""

    @property
    def status(self) -> str:
        """The verdict in a word, one of "right", "wrong" and "not yet"."""
        return {True: "right", False: "wrong", None: "not yet"}[self.ok]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values that JSON can hold, for graders."""
        return {
            "exercise": self.number,
            "title": self.title,
            "status": self.status,
            "ok": self.ok,
            "message": self.message,
            "hint": self.hint,
            "mistake": self.mistake,
            "line": self.line,
            "printed": self.printed,
        }

    def __bool__(self) -> bool:
        return self.ok is True

    def _head(self) -> str:
        mark = {True: "✔", False: "✘", None: "…"}[self.ok]
        word = {True: "right", False: "not right yet", None: "not done yet"}[self.ok]
        return f"{mark} Exercise {self.number}, {self.title}: {word}"

    def __repr__(self) -> str:
        parts = [self._head(), self.message]
        if self.line:
            parts.append(f"In your code, {self.line}")
        if self.hint:
            parts.append(f"Hint: {self.hint}")
        if self.printed:
            parts.append("Your code printed:\n" + textwrap.indent(self.printed, "  "))
        return printable("\n".join(part for part in parts if part))

    def _repr_html_(self) -> str:
        # Text takes the page's own colour, so that it reads on light and on dark.
        border = {True: "#009e73", False: "#d55e00", None: "#808080"}[self.ok]
        escape = html.escape
        body = [f"<strong>{escape(self._head())}</strong>"]
        if self.message:
            body.append(f"<div>{_html_text(self.message)}</div>")
        if self.line:
            body.append(f"<div>In your code, {_html_text(self.line)}</div>")
        if self.hint:
            body.append(f"<div><em>Hint:</em> {_html_text(self.hint)}</div>")
        if self.printed:
            body.append(
                "<details><summary>Your code printed</summary>"
                '<pre style="white-space:pre-wrap;color:inherit;background:none">'
                f"{escape(self.printed)}</pre></details>"
            )
        return (
            f'<div class="imgcls-check" style="border-left:.35em solid {border};'
            'padding:.4em .8em;margin:.4em 0;overflow-wrap:anywhere">'
            f"{''.join(body)}</div>"
        )


def _html_text(text: str) -> str:
    """Escape `text`; what stands between backquotes becomes code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # an unpaired backquote
        return html.escape(text)
    return "".join(
        f'<code style="color:inherit;white-space:pre-wrap">{html.escape(part)}</code>'
        if i % 2
        else html.escape(part).replace("\n", "<br>")
        for i, part in enumerate(parts)
    )
