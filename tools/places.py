"""Where the book lies here, and where it is published.

The address of the repository stands in ``pyproject.toml`` ([project.urls] Repository)
alone; those of the site and of Colab follow from it.
"""

from __future__ import annotations

import os
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
BRANCH = "main"
COLAB = "https://colab.research.google.com"
PDF = "image-classification-measured.pdf"  # of the whole book, in the site's root
SITE = ROOT / "_build" / "html"


@dataclass(frozen=True)
class Addresses:
    """Where the book lives, worked out from the address of its repository.

    Parameters
    ----------
    repository
        ``https://github.com/OWNER/NAME``.

    Raises
    ------
    ValueError
        If it is not such an address.

    Examples
    --------
    >>> here = Addresses("https://github.com/someone/some-book")
    >>> here.site
    'https://someone.github.io/some-book/'
    >>> here.path
    '/some-book/'
    >>> here.colab("book/01-first.ipynb").partition("/github/")[2]
    'someone/some-book/blob/main/book/01-first.ipynb'
    """

    repository: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.repository)
        names = parts.path.strip("/").split("/")
        if parts.scheme != "https" or parts.netloc != "github.com" or len(names) != 2:
            raise ValueError(
                "[project.urls] Repository in pyproject.toml is "
                f"{self.repository!r}; expected https://github.com/OWNER/NAME, from "
                "which the addresses of the site and of Colab follow."
            )

    @property
    def slug(self) -> str:
        """``OWNER/NAME``."""
        return urlsplit(self.repository).path.strip("/")

    @property
    def site(self) -> str:
        """Where GitHub Pages publishes the repository, with a slash at the end."""
        owner, name = self.slug.split("/")
        host = f"{owner.lower()}.github.io"
        # A repository named after the host is published at the host's root.
        return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"

    @property
    def path(self) -> str:
        """The path part of `site`: ``/NAME/`` or ``/``."""
        return urlsplit(self.site).path

    def colab(self, notebook: str) -> str:
        """Return the address that opens a notebook of the repository in Colab."""
        return f"{COLAB}/github/{self.slug}/blob/{BRANCH}/{quote(notebook)}"


def read_addresses(root: Path = ROOT) -> Addresses:
    """Read the repository's address from ``pyproject.toml``.

    Raises
    ------
    ValueError
        If there is none, or it is not a repository on GitHub.
    """
    with open(root / "pyproject.toml", "rb") as file:
        project = tomllib.load(file).get("project", {})
    return Addresses(str(project.get("urls", {}).get("Repository", "")).rstrip("/"))


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
