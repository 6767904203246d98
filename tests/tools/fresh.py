"""Environments and copies of the repository in which nothing is left from here."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.tools.tiny_book import FIRST, tracked_files
from tools.places import ROOT
from tools.setup_env import python_of


def run(command: list[object], folder: Path, **environment: str) -> str:
    """Run a command apart from this environment; return what it printed."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "VIRTUAL_ENV", "KERAS_BACKEND", "MPLBACKEND")
        and not name.startswith(("JUPYTER", "GIT_", "MAKE", "PYTEST", "IMGCLS"))
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=kept | {"PYTHONNOUSERSITE": "1"} | environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def make_environment(folder: Path, *packages: object) -> Path:
    """Make an environment with these packages and what they need; give its Python.

    They come in the versions that are installed here, so that the installer's cache
    has them already.
    """
    folder.mkdir(parents=True)
    versions = folder / "versions.txt"
    versions.write_text(
        "".join(
            f"{found.metadata['Name']}=={found.version}\n"
            for found in importlib.metadata.distributions()
            if found.metadata["Name"] != "imgcls-helpers"
        )
    )
    python = python_of(folder / "env")
    uv = [sys.executable, "-m", "uv"]
    what = ["-c", versions, *packages]
    try:
        run([*uv, "venv", "--quiet", "--python", sys.executable, "env"], folder)
        run([*uv, "pip", "install", "--quiet", "--python", python, *what], folder)
    except AssertionError:  # no uv for this machine, or it does not know the registry
        shutil.rmtree(folder / "env", ignore_errors=True)
        run([sys.executable, "-m", "venv", "env"], folder)
        run([python, "-m", "pip", "install", "-q", *what], folder)
    return python


def copy_of_repository(folder: Path) -> Path:
    """Copy the working tree as it is now, without what git ignores."""
    for path in tracked_files():
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    return folder


def checkout(root: Path, chapters: int) -> None:
    """Write a checkout with the real tools, the real package and a tiny book."""
    without = shutil.ignore_patterns("__pycache__")
    for name in ("tools", "imgcls_helpers", "book/_static", "book/_templates"):
        shutil.copytree(ROOT / name, root / name, ignore=without)
    for name in ("pyproject.toml", "_config.yml", "book/references.bib"):
        shutil.copy(ROOT / name, root / name)
    head = FIRST.partition("# The first chapter")[0]
    pages = ["format: jb-book", "root: index", "chapters:"]
    for number in range(1, chapters + 1):
        cell = (
            "from imgcls_helpers import results, shapes\n"
            f"images, labels, _ = shapes.make_shapes(20, {number})\n"
            f"results.finding('sum-{number}', f'The sum is {{images.sum()}}.')"
        )
        (root / "book" / f"0{number}-chapter.md").write_text(
            f"{head}# Chapter {number}\n\nWords.\n\n"
            f"```{{code-cell}} ipython3\n{cell}\n```\n",
            encoding="utf-8",
        )
        pages.append(f"  - file: book/0{number}-chapter")
    (root / "_toc.yml").write_text("\n".join(pages) + "\n", encoding="utf-8")
    (root / "index.md").write_text("# A tiny book\n\nWords.\n", encoding="utf-8")
