"""`make book` as a whole: what is done, and when nothing is."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools import tiny_book
from tools import build, execute, fingerprints, notebooks, publish
from tools.places import ROOT


@pytest.fixture
def book(tmp_path, monkeypatch) -> Path:
    """Write the tiny book, for which nothing is run and a site is one page."""
    tiny_book.write_book(tmp_path)
    site = tmp_path / "_build" / "html"
    for module in (build, fingerprints):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(build, "SITE", site)
    monkeypatch.setattr(build, "STAMP", site.with_name("html.json"))
    monkeypatch.setattr(notebooks, "main", lambda _: 0)
    monkeypatch.setattr(execute, "execute", lambda pages, jobs: dict.fromkeys(pages))
    return tmp_path


@pytest.fixture
def made(book, monkeypatch) -> list[bool]:
    """Return a list that grows by each site that is made: with the PDF, or not."""
    made = []

    def make(runs: dict, printed: bool) -> int:
        build.SITE.mkdir(parents=True, exist_ok=True)
        (build.SITE / "index.html").write_text("A book.")
        made.append(printed)
        return 0

    monkeypatch.setattr(publish, "publish", make)
    return made


def test_where_nothing_has_changed_nothing_is_done(book, made, capsys):
    assert build.build() == 0
    assert len(made) == 1
    assert build.build() == 0
    assert len(made) == 1
    assert "Nothing has changed" in capsys.readouterr().out


def touch(book: Path) -> None:
    for path in book.rglob("*"):
        path.touch()


CHANGES = {
    "a page": lambda book: (book / "book/01-first.md").write_text("# Other"),
    "a setting": lambda book: (book / "_config.yml").write_text("title: Other"),
    "the package": lambda book: (
        (book / "imgcls_helpers").mkdir() or (book / "imgcls_helpers/new.py").touch()
    ),
    "a picture": lambda book: (book / "book/images/drawn.png").write_bytes(b"x"),
    "a notebook": lambda book: (book / "book/01-first.ipynb").write_text("{}"),
    "the site": lambda book: (book / "_build/html/index.html").unlink(),
    "the stamp": lambda book: (book / "_build/html.json").write_text("{"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_any_change_is_seen(book, made, what):
    build.build()
    CHANGES[what](book)
    build.build()
    build.build()
    assert len(made) == 2


def test_new_times_of_files_are_no_change(book, made):
    build.build()
    touch(book)
    build.build()
    assert len(made) == 1


def test_surroundings_are_seen(book, made, monkeypatch):
    build.build()
    build.build(printed=True)
    build.build(printed=True)
    assert made == [False, True]
    monkeypatch.setenv("IMGCLS_BUDGET", "gpu")
    build.build(printed=True)
    monkeypatch.setattr(build, "versions", lambda: ["keras-99"])
    build.build(printed=True)
    assert len(made) == 4


def test_data_that_come_within_reach_are_seen(book, made, monkeypatch):
    page = book / "book/01-first.md"
    page.write_text(
        page.read_text() + '\n```{code-cell} ipython3\nload_dataset("mnist")\n```\n'
    )
    build.build()
    (book / "mnist.npz").write_bytes(b"data")
    monkeypatch.setattr(build, "files_of", lambda name: [book / f"{name}.npz"])
    build.build()
    build.build()
    assert len(made) == 2


def test_what_changes_while_it_is_built_is_seen_next_time(book, made, monkeypatch):
    def change(pages, jobs):
        (book / "index.md").write_text(f"# Version {len(made)}\n")
        return dict.fromkeys(pages)

    with monkeypatch.context() as patch:
        patch.setattr(execute, "execute", change)
        build.build()
    build.build()
    build.build()
    assert len(made) == 2


@pytest.mark.parametrize("stage", ["notebooks", "chapters", "site"])
def test_a_build_that_failed_is_not_taken_for_made(book, made, monkeypatch, stage):
    with monkeypatch.context() as patch:
        if stage == "notebooks":
            patch.setattr(notebooks, "main", lambda _: 1)
        if stage == "chapters":
            patch.setattr(execute, "execute", lambda pages, jobs: {})
        if stage == "site":
            patch.setattr(publish, "publish", lambda *_: 1)
        assert build.build() == 1
    assert made == []
    assert build.build() == 0
    assert made == [False]


def test_to_look_takes_no_backend_and_no_sphinx():
    code = (
        "import sys; from tools import build; build.state(False); "
        "heavy = {'keras', 'tensorflow', 'jax', 'torch', 'sphinx', 'myst_nb'}; "
        "sys.exit(', '.join(heavy & set(sys.modules)) or None)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)
    assert run.returncode == 0, run.stderr.decode()
