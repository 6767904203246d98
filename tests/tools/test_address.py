"""The one address: the command that changes it, and that no other stands anywhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.tools import tiny_book
from tests.tools.tiny_book import tracked_files
from tools import address, notebooks
from tools.places import ROOT, Addresses, read_addresses

OLD = "https://github.com/someone/some-book"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny_book.write_book(tmp_path)
    (tmp_path / "README.md").write_text(
        f"Read https://someone.github.io/some-book/, or {OLD}/issues.\n"
        "colab.research.google.com/github/someone/some-book/blob/main/x.ipynb\n"
        f"pip install git+{OLD}.git; see {OLD}.\n"
        "Not these: github.com/someone/some-book-2, github.com/someone/some-book.old, "
        "github.com/awesomeone/some-book, https://awesomeone.github.io/some-book/.\n"
    )
    (tmp_path / "CITATION.cff").write_text(f'url: "{OLD}"\n')
    notebooks.main([], tmp_path)
    return tmp_path


def test_it_changes_everywhere(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert address.main(["github.com/You/a-fork"], root) == 0
    out = capsys.readouterr().out
    for name in ("README.md", "CITATION.cff", "pyproject.toml", "book/01-first.ipynb"):
        assert f"changed: {name}\n" in out
    assert read_addresses(root).repository == "https://github.com/You/a-fork"
    readme = (root / "README.md").read_text().splitlines()
    assert readme[:3] == [
        "Read https://you.github.io/a-fork/, or https://github.com/You/a-fork/issues.",
        "colab.research.google.com/github/You/a-fork/blob/main/x.ipynb",
        "pip install git+https://github.com/You/a-fork.git; "
        "see https://github.com/You/a-fork.",
    ]
    assert "a-fork" not in readme[3]
    text = (root / "book/01-first.ipynb").read_text()
    assert "some-book" not in text and "git+https://github.com/You/a-fork" in text
    assert notebooks.main(["--check"], root) == 0
    # And back: nothing else was touched.
    assert address.main([OLD], root) == 0
    assert f"git+{OLD}.git; see {OLD}." in (root / "README.md").read_text()


def test_the_same_address_changes_nothing(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert address.main([OLD + "/"], root) == 0
    assert "nothing changed" in capsys.readouterr().out


def test_without_an_address_it_says_how(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert address.main([], root) == 1
    out = capsys.readouterr().out
    assert OLD in out and "make address TO=" in out


@pytest.mark.parametrize(
    "text",
    [
        "",
        "you/fork",
        "github.com/you",
        "github.com/you/fork/tree/main",
        "gitlab.com/you/fork",
        "http://github.com/you/fork",
        "github.com/-you/fork",
        "github.com/you/..",
        "github.com/you/fo rk",
        'github.com/you/fork"',
        "github.com/you/fork\nx",
    ],
)
def test_what_is_no_address_is_refused(
    root: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {p: p.read_bytes() for p in root.rglob("*") if p.is_file()}
    assert address.main([text], root) == 1
    assert "expected github.com/OWNER/NAME" in capsys.readouterr().err
    assert {p: p.read_bytes() for p in root.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    "text",
    ["github.com/you/fork", "https://github.com/you/fork.git", "github.com/you/fork/"],
)
def test_forms_of_an_address(text: str) -> None:
    assert address.parse_address(text).repository == "https://github.com/you/fork"


def test_a_refused_chapter_is_reported(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chapter = root / "book/01-first.md"
    chapter.write_text(chapter.read_text() + "\n{doc}`x`\n")
    assert address.main(["github.com/you/fork"], root) == 1
    assert "book/01-first.md:" in capsys.readouterr().err


# The repository itself


# Addresses that only this book's own repository or site has.
OWN = (
    r"colab\.research\.google\.com/github/([\w.-]+/[\w.-]+)",
    r"git\+https://github\.com/([\w.-]+/[\w.-]+)",
    r"raw\.githubusercontent\.com/([\w.-]+/[\w.-]+)",
)


def foreign_addresses(text: str, here: Addresses) -> list[str]:
    """Return the addresses in a text that look like this book's and are not."""
    owner, name = here.slug.lower().split("/")
    found = []
    for pattern in OWN:
        for match in re.finditer(pattern, text):
            slug = match[1].removesuffix(".git").rstrip(".").lower()
            if slug != f"{owner}/{name}":
                found.append(match.group())
    for match in re.finditer(r"github\.com/([\w.-]+)/([\w.-]+)", text):
        pair = [
            part.removesuffix(".git").rstrip(".").lower() for part in match.groups()
        ]
        if pair != [owner, name] and (pair[0] == owner or pair[1] == name):
            found.append(match.group())
    for match in re.finditer(r"([\w-]+)\.github\.io/([\w.-]*)", text):
        pair = [match[1].lower(), match[2].rstrip(".").lower()]
        if pair != [owner, name] and (pair[0] == owner or pair[1] == name):
            found.append(match.group())
    return found


def test_foreign_addresses_are_seen() -> None:
    here = Addresses("https://github.com/Someone/some-book")
    good = (
        "https://github.com/someone/some-book.git, git+https://github.com/Someone/some-book"
        " https://someone.github.io/some-book/x.html https://github.com/other/thing"
        " https://other.github.io/thing/"
    )
    assert foreign_addresses(good, here) == []
    for bad in (
        "git+https://github.com/other/thing",
        "https://colab.research.google.com/github/other/thing/blob/main/x.ipynb",
        "https://github.com/other/some-book",
        "https://github.com/someone/other-book",
        "https://other.github.io/some-book/",
    ):
        assert foreign_addresses(bad, here), bad


def test_no_other_address_stands_anywhere() -> None:
    here = read_addresses()
    found = {}
    for path in tracked_files():
        name = path.relative_to(ROOT).as_posix()
        if name.startswith("tests/"):  # samples of other addresses
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if foreign := foreign_addresses(text, here):
            found[name] = foreign
    assert found == {}


def test_only_files_that_the_command_changes_carry_the_address() -> None:
    here = read_addresses()
    carriers = []
    for path in tracked_files():
        name = path.relative_to(ROOT).as_posix()
        if re.fullmatch(r"book/\d\d-.*\.ipynb", name):
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if here.slug in text or here.site.rstrip("/") in text:
            carriers.append(name)
    assert "pyproject.toml" in carriers
    assert set(carriers) <= set(address.CARRIERS)
