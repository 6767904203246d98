"""Run the package's tests with other backends and other versions.

::

    python -m tools.matrix backends [CHAPTER ...]
    python -m tools.matrix oldest
    python -m tools.matrix newest

`backends` takes TensorFlow, JAX and PyTorch in turn, each in an environment of its
own; it runs the chapters too, without a network and with the smoke budget unless
``IMGCLS_BUDGET`` says otherwise, and notes their times in
``benchmarks/chapter_times.json``. Of chapters that are named, it runs those alone.
`oldest` takes the lowest versions that pyproject.toml allows, with Python 3.11, and
`newest` the highest that there are, with the Python that runs this.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tools import setup_env
from tools.processes import ended_together
from tools.setup_env import ROOT

BACKENDS = ("tensorflow", "jax", "torch")
WHEEL = ROOT / "tests/tools/test_wheel.py"  # how a reader of another backend installs
OLDEST_PYTHON = "3.11"


# The tests that concern the package alone: they need none of the tools.
PACKAGE_TESTS = ROOT / "tests/package", ROOT / "tests/exercises"


def run(command: Sequence[str | Path], **environment: str) -> bool:
    """Run a command in the checkout; say whether it succeeded."""
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment})
    return done.returncode == 0


def run_tests(python: Path, *more: Path, backend: str) -> str:
    """Run the package's tests, its examples and `more`; return the outcome in words."""
    start = time.perf_counter()
    files = [*PACKAGE_TESTS, ROOT / "imgcls_helpers", *more]
    passed = run([python, "-m", "pytest", "-n", "auto", *files], KERAS_BACKEND=backend)
    return f"tests {'passed' if passed else 'FAILED'} ({_seconds(start)})"


def run_chapters(python: Path, chapters: Sequence[str], *, backend: str) -> str:
    """Run the chapters and note their times; return the outcome in words."""
    start = time.perf_counter()
    budget = os.environ.get("IMGCLS_BUDGET") or "smoke"
    passed = run(
        [python, "-m", "tools.execute", "--record", *chapters],
        KERAS_BACKEND=backend,
        IMGCLS_BUDGET=budget,
        IMGCLS_OFFLINE="1",
    )
    return f"chapters {'passed' if passed else 'FAILED'} ({budget}, {_seconds(start)})"


def _seconds(start: float) -> str:
    return f"{time.perf_counter() - start:.0f} s"


def with_backend(name: str, chapters: Sequence[str]) -> str:
    """Make the environment of a backend, run everything in it; return the outcome."""
    folder = ROOT / (".venv" if name == "tensorflow" else f".venv-{name}")
    try:
        python = setup_env.ready(folder, name)
    except SystemExit as error:  # what could not be installed must not stop the others
        return f"environment FAILED: {error}"
    outcomes = [] if chapters else [run_tests(python, WHEEL, backend=name)]
    return ", ".join([*outcomes, run_chapters(python, chapters, backend=name)])


def with_versions(which: str) -> str:
    """Make an environment of the oldest or newest versions; return the outcome."""
    python = setup_env.python_of(folder := ROOT / f".venv-{which}")
    uv = [sys.executable, "-m", "uv"]  # pip knows no lowest versions
    version = OLDEST_PYTHON if which == "oldest" else sys.executable
    into = [*uv, "pip", "install", "--quiet", "--python", python]
    resolution = "lowest-direct" if which == "oldest" else "highest"
    metadata = ["-r", "pyproject.toml", "--extra", "tensorflow"]
    steps = [
        [*uv, "venv", "--quiet", "--clear", "--python", version, folder],
        [*into, "--resolution", resolution, *metadata],
        # What runs the tests may be newer than what is tested.
        [*into, "-r", "pyproject.toml", "--extra", "tests"],
    ]
    if not all(run(step) for step in steps):
        return "environment FAILED: the lines above say why"
    setup_env.link(python)
    run([*uv, "pip", "list", "--quiet", "--python", python])
    return run_tests(python, backend="tensorflow")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; return 1 when any of it failed."""
    parser = argparse.ArgumentParser("python -m tools.matrix", description=__doc__)
    parser.add_argument("what", choices=["backends", "oldest", "newest"])
    parser.add_argument("chapter", nargs="*", help="a part of a chapter's file name")
    options = parser.parse_args(arguments)
    outcomes = {}
    names = BACKENDS if options.what == "backends" else [options.what]
    for name in names:
        print(f"== {name}", flush=True)
        if options.what == "backends":
            outcomes[name] = with_backend(name, options.chapter)
        else:
            outcomes[name] = with_versions(name)
    for name, outcome in outcomes.items():
        print(f"{name:<12}{outcome}", flush=True)
    return 1 if "FAILED" in " ".join(outcomes.values()) else 0


if __name__ == "__main__":
    with ended_together():
        sys.exit(main())
