"""Make the book's environment in .venv: ``python tools/setup_env.py [BACKEND]``.

Needs the standard library alone. Uses uv when it is there or can be installed,
since that takes seconds, and pip when not. Does nothing when the environment was
made from this lock, starts, and runs the package beside it. TensorFlow is in the
lock; BACKEND (jax or torch) adds another backend, in its newest version that fits
the rest.

A checkout may be copied and moved with its environment, under any name. So the
package is not installed: an editable install would name the checkout by its absolute
path, a copy would run the original's code, and Python, which reads that path in the
encoding of the locale, would not start where the locale lacks a letter of it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.txt"
BUILD = ROOT / "_build"

# Run by the environment's own Python, which knows its folders. The name comes first
# in the alphabet, so that this checkout comes before any other that is named there.
LINK = """
import os, sys, sysconfig
packages = sysconfig.get_path("purelib")
path = os.path.join(packages, "_checkout.pth")
with open(path, "w", encoding="ascii") as file:
    file.write(os.path.relpath(sys.argv[1], packages))
"""
LOOK = """
import os, sys, imgcls_helpers
found = os.path.dirname(imgcls_helpers.__path__[0])
sys.exit(not os.path.samefile(found, sys.argv[1]))
"""

# How a command starts: a line for the shell that is a string for Python.
BESIDE = b"""#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")"/python "$0" "$@"
' '''
"""


def python_of(folder: Path) -> Path:
    """Return the interpreter of the environment in `folder`."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def fingerprint() -> str:
    """Name what the environment is made from: Python and the lock."""
    return f"{_this_python()}\n{hashlib.sha256(LOCK.read_bytes()).hexdigest()}"


def _this_python() -> str:
    return f"Python {sys.version}"


def link(python: Path) -> None:
    """Let an environment in the checkout find the package by a relative path."""
    subprocess.run([python, "-I", "-c", LINK, ROOT], check=True)


def works(python: Path) -> bool:
    """Say whether an environment starts and finds the package of this checkout."""
    try:
        look = subprocess.run(
            [python, "-I", "-c", LOOK, ROOT], stderr=subprocess.DEVNULL
        )
    except OSError:  # copied without its links, or from another machine
        return False
    return look.returncode == 0


def find_uv(python: Path) -> list[str] | None:
    """Return a command that runs uv, installing it into the environment if need be."""
    if path := shutil.which("uv"):
        return [path]
    pinned = next(
        line.split()[0]
        for line in LOCK.read_text("utf-8").splitlines()
        if line[:4] == "uv=="
    )
    quiet = ["--quiet", "--disable-pip-version-check"]
    result = subprocess.run([python, "-m", "pip", "install", *quiet, pinned])
    return [str(python), "-m", "uv"] if result.returncode == 0 else None


def install(python: Path, *what: str) -> None:
    """Install packages with uv if it works here, else with pip."""
    if uv := find_uv(python):
        command = [*uv, "pip", "install", "--quiet", "--python", str(python)]
        if subprocess.run([*command, *what]).returncode == 0:
            unbind(python.parent)
            return
        print("uv could not install the environment; trying pip.", flush=True)
    command = [str(python), "-m", "pip", "install", "--quiet"]
    if subprocess.run([*command, *what]).returncode != 0:
        sys.exit(
            "The environment could not be installed. The lines above say why. "
            "It needs a package registry that holds the versions in "
            "requirements.txt, and about 2 GB of disk."
        )
    unbind(python.parent)


def unbind(scripts: Path) -> None:
    """Let commands start the Python beside them: installers write its absolute path.

    On Windows commands are programs, which are left as they are.
    """
    here = re.escape(os.fsencode(scripts / "python"))
    start = rb"(?:#!|#!/bin/sh\n'''exec' )[\"']?%s[\d.]*[\"']?" % here
    end = rb"(?: \"\$0\" \"\$@\"\n' ''')?\n"
    for path in scripts.iterdir():
        if path.is_symlink() or not path.is_file():
            continue
        text = path.read_bytes()
        if found := re.match(start + end, text):
            new = path.with_name("new-command")  # the file may be a link to a cache
            new.write_bytes(BESIDE + text[found.end() :])
            shutil.copymode(path, new)
            new.replace(path)


def add_backend(python: Path, name: str) -> None:
    """Install another Keras backend beside the locked packages, if it is not there."""
    import tomllib  # here, so that an old Python gets as far as its message

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = extras["project"]["optional-dependencies"]
    if name not in ("tensorflow", "jax", "torch"):
        sys.exit(f"BACKEND is {name!r}; there are tensorflow, jax and torch.")
    look = f"import importlib.util as u, sys; sys.exit(u.find_spec({name!r}) is None)"
    if subprocess.run([python, "-c", look]).returncode != 0:
        print(f"Adding the backend {name} ...", flush=True)
        install(python, "-c", str(LOCK), *extras[name])


def create(folder: Path, **options: bool) -> None:
    """Write what Python itself puts into an environment."""
    venv.create(folder, symlinks=os.name != "nt", **options)


def make(folder: Path, found: str, wanted: str) -> None:
    """Make or renew an environment, and note what it was made from."""
    print(f"Making the environment in {folder.name} (once; a minute) ...", flush=True)
    # A new lock is installed over the old one, which keeps a reader's own JAX or
    # PyTorch; another Python, or a set-up that was interrupted, starts afresh.
    if not found.startswith(_this_python()):
        create(folder, clear=True, with_pip=True)
    install(python_of(folder), "-r", str(LOCK))
    link(python_of(folder))
    (folder / "made-from.txt").write_text(wanted, "utf-8")


def ready(folder: Path, *backends: str) -> Path:
    """Make the environment in `folder` unless it is up to date; return its Python."""
    stamp, python = folder / "made-from.txt", python_of(folder)
    wanted = fingerprint()
    found = stamp.read_text("utf-8") if stamp.is_file() else ""
    if found and not works(python):
        print(f"The environment in {folder.name} does not work here.", flush=True)
        found = ""
    if found != wanted:
        make(folder, found, wanted)
    elif f" {folder}" not in (folder / "pyvenv.cfg").read_text("utf-8"):
        create(folder)  # it was moved: what shells activate names the place
    for name in backends:
        add_backend(python, name)
    return python


def main() -> None:
    """Make the environment unless it is up to date."""
    if sys.version_info < (3, 11):
        found = ".".join(map(str, sys.version_info[:3]))
        sys.exit(
            f"Python 3.11 or newer is needed; {sys.executable} is {found}. "
            "Name another: make PYTHON=/path/to/python3.12 ..."
        )
    if os.pathsep in str(ROOT):
        sys.exit(
            f"Move the checkout: Python takes no environment in {ROOT}, "
            f"because of the {os.pathsep!r} in this name."
        )
    sys.path.insert(0, str(ROOT))
    from imgcls_helpers._turns import one_at_a_time  # not read by an old Python

    def waiting() -> None:
        print("Another set-up is running here; waiting for it ...", flush=True)

    BUILD.mkdir(exist_ok=True)
    with one_at_a_time(BUILD / "setup.lock", waiting):
        ready(VENV, *sys.argv[1:])


if __name__ == "__main__":
    main()
