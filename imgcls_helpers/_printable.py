"""Text for terminals and files that do not take every character."""

from __future__ import annotations

import sys
import unicodedata
from typing import TextIO

_PLAIN = {
    "±": "+/-",
    "×": "x",
    "·": "*",
    "−": "-",
    "–": "-",
    "—": "-",
    "…": "...",
    "→": "->",
    "←": "<-",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "≈": "~",
    "°": " degrees",
    "²": "^2",
    "³": "^3",
    "√": "sqrt",
    "µ": "u",
    "μ": "u",
    "λ": "lambda",
    "✓": "+",
    "✔": "+",
    "✗": "x",
    "✘": "x",
    "“": '"',
    "”": '"',
    "„": '"',
    "‘": "'",
    "’": "'",
}


def printable(text: str, stream: TextIO | None = None) -> str:
    """Return a text that a stream can take, with plain words where it cannot.

    Parameters
    ----------
    text : str
    stream : file, optional
        Where it is to be printed; by default standard output.

    Examples
    --------
    >>> import io
    >>> from imgcls_helpers._printable import printable
    >>> printable("71.0 ± 1.0%")
    '71.0 ± 1.0%'
    >>> printable("71.0 ± 1.0%", io.TextIOWrapper(io.BytesIO(), "ascii"))
    '71.0 +/- 1.0%'
    """
    # Some stand-ins for standard output have no encoding, and take everything.
    encoding = getattr(stream or sys.stdout, "encoding", None) or "utf-8"
    if _takes(encoding, text):
        return text
    return "".join(c if _takes(encoding, c) else _plain(c) for c in text)


def _takes(encoding: str, text: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _plain(character: str) -> str:
    if character in _PLAIN:
        return _PLAIN[character]
    parts = unicodedata.normalize("NFKD", character)
    letters = "".join(c for c in parts if c.isascii())
    if letters and all(c.isascii() or unicodedata.combining(c) for c in parts):
        return letters  # é is e with an accent
    name = unicodedata.name(character, "")
    if name.startswith("GREEK"):
        return name.split()[-1].lower()
    return character.encode("ascii", "backslashreplace").decode()
