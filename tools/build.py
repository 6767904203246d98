"""Make the book: notebooks, executed chapters, site. ``python -m tools.build [--pdf]``.

With ``--pdf`` the site also offers the whole book as a PDF, which needs a Chromium.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

from imgcls_helpers._turns import one_at_a_time
from tools import execute, notebooks
from tools.places import ROOT
from tools.processes import ended_together

SITE = ROOT / "_build" / "html"


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the book, after any other build in this checkout."""
    parser = argparse.ArgumentParser("python -m tools.build")
    parser.add_argument(
        "--pdf", action="store_true", help="print the site as a PDF too"
    )
    printed = parser.parse_args(arguments).pdf
    SITE.parent.mkdir(exist_ok=True)
    with one_at_a_time(SITE.parent / "build.lock", execute.say_waiting):
        return build(printed)


def build(printed: bool = False) -> int:
    """Write and run what changed, then run Jupyter Book with every warning fatal."""
    if notebooks.main([]) != 0 or execute.main([]) != 0:
        return 1
    print("Building the site ...", flush=True)
    # Jupyter Book leaves the pages of chapters that are gone.
    shutil.rmtree(SITE, ignore_errors=True)
    # --all, because pages that are not read again do not repeat their warnings.
    options = ["--all", "-W", "-n", "--keep-going", "--quiet"]
    # Not the script, which names an interpreter by its absolute path.
    jupyter_book = "from jupyter_book.cli.main import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment["IMGCLS_OUTPUTS"] = str(execute.cache_folder())
    if execute.out_of_reach():
        environment["IMGCLS_OFFLINE"] = "1"  # not to be asked a second time
    if printed:
        environment["IMGCLS_PDF"] = "1"  # the site links to it
    # What Jupyter Book says on success is a page of paths; warnings go to stderr.
    run = subprocess.run(
        [sys.executable, "-c", jupyter_book, "build", str(ROOT), *options],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    if run.returncode != 0:
        print(run.stdout)
        return run.returncode
    print(f"The book is in {SITE / 'index.html'}")
    if printed:
        from tools import pdf  # needs a browser, as the checks of the site do

        return pdf.main(SITE)
    return 0


if __name__ == "__main__":
    with ended_together():
        sys.exit(main())
