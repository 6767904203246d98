"""Make the book's environment in .venv: ``python tools/setup_env.py [BACKEND]``.

Needs the standard library alone. Uses uv when it is there or can be installed,
since that takes seconds, and pip when not. Does nothing when the lock and the
package's metadata are the ones the environment was made from. TensorFlow is in the
lock; BACKEND (jax or torch) adds another backend, in its newest version that fits
the rest.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.txt"
BUILD = ROOT / "_build"


def python_of(folder: Path) -> Path:
    """Return the interpreter of the environment in `folder`."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def fingerprint() -> str:
    """Name what the environment is made from: Python, the lock, the metadata."""
    made_from = LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes()
    return f"{sys.version}\n{hashlib.sha256(made_from).hexdigest()}"


def find_uv(python: Path) -> list[str] | None:
    """Return a command that runs uv, installing it into the environment if need be."""
    if path := shutil.which("uv"):
        return [path]
    pinned = next(
        line.split()[0] for line in LOCK.read_text().splitlines() if line[:4] == "uv=="
    )
    quiet = ["--quiet", "--disable-pip-version-check"]
    result = subprocess.run([python, "-m", "pip", "install", *quiet, pinned])
    return [str(python), "-m", "uv"] if result.returncode == 0 else None


def install(python: Path, *steps: list[str]) -> None:
    """Run each step of arguments through uv if it works here, else through pip."""
    if uv := find_uv(python):
        command = [*uv, "pip", "install", "--quiet", "--python", str(python)]
        if all(subprocess.run([*command, *step]).returncode == 0 for step in steps):
            return
        print("uv could not install the environment; trying pip.", flush=True)
    for step in steps:
        command = [str(python), "-m", "pip", "install", "--quiet", *step]
        if subprocess.run(command).returncode != 0:
            sys.exit(
                "The environment could not be installed. The lines above say why. "
                "It needs a package registry that holds the versions in "
                "requirements.txt, and about 2 GB of disk."
            )


def add_backend(python: Path, name: str) -> None:
    """Install another Keras backend beside the locked packages, if it is not there."""
    import tomllib  # here, so that an old Python gets as far as its message

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = extras["project"]["optional-dependencies"]
    if name not in ("tensorflow", "jax", "torch"):
        sys.exit(f"BACKEND is {name!r}; there are tensorflow, jax and torch.")
    look = f"import importlib.util as u, sys; sys.exit(u.find_spec({name!r}) is None)"
    if subprocess.run([python, "-c", look]).returncode != 0:
        print(f"Adding the backend {name} ...", flush=True)
        install(python, ["-c", str(LOCK), *extras[name]])


def make(folder: Path, found: str, wanted: str) -> None:
    """Make or renew an environment, and note what it was made from."""
    print(f"Making the environment in {folder.name} (once; a minute) ...", flush=True)
    # A new lock is installed over the old one, which keeps a reader's own JAX or
    # PyTorch; another Python, or a set-up that was interrupted, starts afresh.
    if not found.startswith(sys.version):
        venv.create(folder, clear=True, with_pip=True)
    install(python_of(folder), ["-r", str(LOCK)], ["--no-deps", "-e", str(ROOT)])
    (folder / "made-from.txt").write_text(wanted)


def ready(folder: Path, *backends: str) -> Path:
    """Make the environment in `folder` unless it is up to date; return its Python."""
    stamp = folder / "made-from.txt"
    wanted = fingerprint()
    found = stamp.read_text() if stamp.is_file() else ""
    if found != wanted:
        make(folder, found, wanted)
    for name in backends:
        add_backend(python_of(folder), name)
    return python_of(folder)


def main() -> None:
    """Make the environment unless it is up to date."""
    if sys.version_info < (3, 11):
        found = ".".join(map(str, sys.version_info[:3]))
        sys.exit(
            f"Python 3.11 or newer is needed; {sys.executable} is {found}. "
            "Name another: make PYTHON=/path/to/python3.12 ..."
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
