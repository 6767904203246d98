"""Point the book at another repository: ``python -m tools.address ADDRESS``.

The address stands in ``pyproject.toml`` ([project.urls] Repository), from which the
tools take it. A few files have to carry it as text (`CARRIERS`), and so do the
generated notebooks; all of them are changed together.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.book import Book, BookError
from tools.notebooks import differing
from tools.places import ROOT, Addresses, read_addresses, write_whole

# pyproject.toml is the last: while it has the old address, the command can be repeated.
CARRIERS = ("README.md", "CITATION.cff", "CONTRIBUTING.md", "pyproject.toml")
_OWNER = r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}"
_NAME = r"[A-Za-z0-9._-]{1,100}"


def parse_address(text: str) -> Addresses:
    """Read the address of a repository on GitHub.

    Parameters
    ----------
    text
        ``github.com/OWNER/NAME``, with or without ``https://`` and ``.git``.

    Raises
    ------
    ValueError
        If it is not such an address.

    Examples
    --------
    >>> parse_address("github.com/you/fork").repository
    'https://github.com/you/fork'
    """
    match = re.fullmatch(
        rf"(?:https://)?(?:www\.)?github\.com/({_OWNER})/({_NAME}?)(?:\.git)?/?",
        text.strip(),
    )
    if match is None or set(match[2]) <= {"."}:
        raise ValueError(
            f"{text!r} is not the address of a repository on GitHub; expected "
            "github.com/OWNER/NAME"
        )
    return Addresses(f"https://github.com/{match[1]}/{match[2]}")


def replace_address(text: str, old: Addresses, new: Addresses) -> str:
    """Return a text with the old addresses of repository and site replaced.

    Examples
    --------
    >>> old = Addresses("https://github.com/a/b")
    >>> new = Addresses("https://github.com/c/d")
    >>> replace_address("github.com/a/b/issues, https://a.github.io/b/", old, new)
    'github.com/c/d/issues, https://c.github.io/d/'
    """
    site = re.escape(old.site.removesuffix("/"))
    text = re.sub(rf"{site}(?![\w.-]*\w)", new.site.removesuffix("/"), text)
    # In the address of the repository, and of what is made of it (Colab, raw files).
    slug = re.escape(old.slug)
    return re.sub(rf"(?<![\w.-]){slug}(?=\.git\b|(?![\w-]|\.\w))", new.slug, text)


def change(address: str, root: Path = ROOT) -> list[str]:
    """Change the address everywhere; return the files that changed.

    Raises
    ------
    ValueError
        If the address is not that of a repository on GitHub, or a chapter cannot be
        converted (`BookError`; the notebooks are then unchanged).
    """
    new, old = parse_address(address), read_addresses(root)
    changed = []
    for name in CARRIERS:
        path = root / name
        before = path.read_text(encoding="utf-8") if path.is_file() else ""
        after = replace_address(before, old, new)
        if after != before:
            write_whole(path, after)
            changed.append(name)
    for path, text in differing(Book(root)).items():
        if text:
            write_whole(path, text)
            changed.append(path.relative_to(root).as_posix())
    return changed


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Change the address and say which files changed; return 1 if it is not one."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.address", description="Point the book at a repository."
    )
    parser.add_argument("address", nargs="?", help="github.com/OWNER/NAME")
    options = parser.parse_args(arguments)
    if options.address is None:
        print(f"The address is {read_addresses(root).repository}")
        print("To change it: make address TO=github.com/OWNER/NAME")
        return 1
    try:
        changed = change(options.address, root)
    except BookError as error:
        print(f"The notebooks were not written:\n{error}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"The address is {read_addresses(root).repository}")
    for name in changed:
        print(f"  changed: {name}")
    if not changed:
        print("  it was so already: nothing changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
