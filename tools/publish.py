"""Build the site from the chapters' runs, and put it whole in the place of the old one.

Sphinx works in ``_build/site``, which begins as a copy of what the last good build left
in ``_build/site.good``: so what did not change is neither read nor written again, and a
build that failed, or warned, is never what the next one goes on from. Where anything
changed but the text of pages, the runs and the package, all pages are made anew.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from tools import outputs
from tools.fingerprints import digest, sources, versions
from tools.outputs import Run
from tools.places import PDF, ROOT, SITE

JOBS = os.cpu_count() or 1  # processes that read and write pages
WORK = ROOT / "_build" / "site"
GOOD = ROOT / "_build" / "site.good"
# What every page is made with.
MADE_WITH = (
    *("_config.yml", "_toc.yml", "pyproject.toml", "book/references.bib"),
    *("tools", "book/_static", "book/_templates"),
)


def made_with() -> str:
    """Return a short name for everything that every page is made with."""
    # The titles of pages stand on others, and among the words that the search knows.
    pages = [
        path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("book/*.md"))
    ]
    titles = [line for page in pages for line in page.splitlines() if line[:2] == "# "]
    return digest([str(ROOT), sys.version, versions(), titles, sources(*MADE_WITH)])


def publish(runs: dict[Path, Run], printed: bool = False) -> int:
    """Build the site, with the PDF if it is asked for; return 1 where that fails."""
    outputs.show(runs)
    take_back()
    note = GOOD / "made-with.txt"
    now = made_with()
    shutil.rmtree(WORK, ignore_errors=True)
    if note.is_file() and note.read_text(encoding="utf-8") == now:
        shutil.copytree(GOOD, WORK)
        # Written at the end; pages name its checksum where it was there before.
        for style in (WORK / "html" / "_static").glob("mystnb.*.css"):
            style.unlink()
    if run_sphinx(WORK, PDF if printed else "") != 0:
        return 1
    # Beside the old site until it is whole.
    new = SITE.with_name("html.new")
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(WORK / "html", new)
    (WORK / note.name).write_text(now, encoding="utf-8")
    shutil.rmtree(GOOD, ignore_errors=True)
    WORK.rename(GOOD)
    if printed:
        from tools import pdf  # needs a browser, as the checks of the site do

        if pdf.main(new) != 0:
            return 1
    put_in_place(new)
    print(f"The book is in {SITE / 'index.html'}")
    return 0


def run_sphinx(folder: Path, pdf_file: str) -> int:
    """Let Jupyter Book build into a folder, every warning fatal; return 1 for one."""
    from jupyter_book.sphinx import build_sphinx  # imports much

    (folder / "html").mkdir(parents=True, exist_ok=True)
    settings = {
        "external_toc_path": "_toc.yml",
        "latex_individualpages": False,
        "nitpicky": True,
        "pdf_file": pdf_file,
    }
    status = build_sphinx(
        ROOT,
        folder / "html",
        doctreedir=folder / "doctrees",
        path_config=ROOT / "_config.yml",
        noconfig=True,
        confoverrides=settings,
        warningiserror=True,
        keep_going=True,
        quiet=True,
        jobs=JOBS,
    )
    return 0 if status == 0 else 1


def put_in_place(new: Path) -> None:
    """Put a whole site in the place of the old one."""
    old = SITE.with_name("html.old")
    shutil.rmtree(old, ignore_errors=True)
    if SITE.exists():
        try:
            SITE.rename(old)
        except PermissionError as error:  # Windows, where somebody reads a file of it
            sys.exit(
                f"The new site is whole, but {SITE} is in use: {error}. Close what has "
                "its pages open, such as `make serve`, and build again."
            )
    new.rename(SITE)
    shutil.rmtree(old, ignore_errors=True)


def take_back() -> None:
    """Put the old site back, where a build was killed between the two renames."""
    old = SITE.with_name("html.old")
    if old.exists() and not SITE.exists():
        old.rename(SITE)
