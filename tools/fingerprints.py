"""Short names for the state of files and environments, to see whether they changed."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.places import ROOT


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(what: Any) -> str:
    """Return a short name for something that JSON can hold.

    Examples
    --------
    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    True
    """
    text = json.dumps(what, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def sources(*names: str) -> dict[str, str]:
    """Return the SHA-256 of each file that is named, or stands below a folder that is.

    Paths are those in the checkout. What is made from sources is left out.
    """
    return {
        file.relative_to(ROOT).as_posix(): sha256(file)
        for name in names
        for file in _files(ROOT / name)
        if file.suffix not in (".pyc", ".ipynb")
    }


def _files(path: Path) -> Iterator[Path]:
    found = [path] if path.is_file() else sorted(path.rglob("*"))
    return (file for file in found if file.is_file())


def versions() -> list[str]:
    """Return the packages of this environment with their versions.

    Their folders are called so; to read their metadata would take a hundred times as
    long.
    """
    found = (path.stem for place in sys.path for path in Path(place).glob("*-info"))
    return sorted(set(found))
