"""Build the site from the executed chapters: ``python -m tools.build``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"


def main() -> int:
    """Run Jupyter Book with every warning fatal; return its exit status."""
    # Jupyter Book leaves the pages of chapters that are gone.
    shutil.rmtree(SITE, ignore_errors=True)
    # --all, because pages that are not read again do not repeat their warnings.
    options = ["--all", "-W", "-n", "--keep-going", "--quiet"]
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    command = [jupyter_book, "build", str(ROOT), *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    status = subprocess.run(command, env=environment, cwd=ROOT).returncode
    if status == 0:
        print(f"The book is in {SITE / 'index.html'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
