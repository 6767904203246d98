"""Print what is installed and what works: ``python -m imgcls_helpers``.

The text is meant to be pasted into a request for help. It holds no value of an
unknown variable, no user name and no host name.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import platform
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

from imgcls_helpers import __version__
from imgcls_helpers._table import Report

_NEEDED = ("keras", "numpy", "scipy", "scikit-learn", "matplotlib", "pillow")
_BACKENDS = (
    *("tensorflow", "tensorflow-cpu", "tensorflow-intel", "tensorflow-macos"),
    *("jax", "torch"),
)
# Of other variables that begin with IMGCLS_ or KERAS_, the name alone is shown.
_SHOWN = (
    *("IMGCLS_BUDGET", "IMGCLS_DATA", "IMGCLS_OFFLINE", "KERAS_BACKEND", "KERAS_HOME"),
    *("COLAB_RELEASE_TAG", "CUDA_VISIBLE_DEVICES", "JAX_PLATFORMS"),
)
_PROBE_SECONDS = 180  # a first import of a backend on a slow disk takes a minute
_ERROR_LENGTH = 500  # of TensorFlow's own messages the beginning tells enough


def report() -> Report:
    """Return the report; whatever is missing or broken becomes a row of it."""
    packages, backends = _versions(_NEEDED), _versions(_BACKENDS)
    rows = [
        ("Package", f"imgcls_helpers {__version__} in {os.path.dirname(__file__)}"),
        ("Python", f"{platform.python_version()}, {sys.executable}"),
        ("Platform", f"{platform.platform()}, {os.cpu_count()} cores"),
        ("Packages", ", ".join(f"{name} {v}" for name, v in packages.items())),
        (
            "Backends",
            ", ".join(f"{name} {v}" for name, v in backends.items()) or "none",
        ),
        ("Variables", ", ".join(_variables()) or "none set"),
    ]
    if missing := [name for name in _NEEDED if name not in packages]:
        rows.append(("Missing", f"pip install {' '.join(missing)}"))
    rows += _ask_probe()
    return Report(tuple((what, _without_names(value)) for what, value in rows))


def _versions(packages: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for name in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _variables() -> Iterator[str]:
    for name, value in sorted(os.environ.items()):
        if name in _SHOWN:
            yield f"{name}={value}"
        elif name.startswith(("IMGCLS_", "KERAS_")):
            yield f"{name} (value not shown)"


def _without_names(text: str) -> str:
    """Shorten the home folder to ~, and user names in other paths to dots."""
    home = os.path.expanduser("~").rstrip("/\\")
    names = {os.path.basename(home)}
    names |= {os.environ.get(name, "") for name in ("USER", "LOGNAME", "USERNAME")}
    end = r"(?=[/\\\s:;,'\")]|$)"
    for path in {home, os.path.realpath(home)} - {"", "/"}:
        text = re.sub(re.escape(path) + end, "~", text, flags=re.IGNORECASE)
    for name in names - {""}:
        text = re.sub(rf"(?<=[/\\]){re.escape(name)}{end}", "...", text)
    # Whose home it is does not matter.
    return re.sub(r"([/\\](?:home|Users)[/\\])[^/\\\s:;,'\")]+", r"\1...", text)


def _ask_probe() -> list[tuple[str, str]]:
    """Let another process try what may fail, hang or kill the interpreter."""
    command = [sys.executable, "-m", "imgcls_helpers", "--probe"]
    ended = ""
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PROBE_SECONDS,
        )
        out = done.stdout
        if done.returncode < 0:
            name = signal.Signals(-done.returncode).name
            ended = f"the interpreter was killed by {name}"
        elif done.returncode > 0:
            ended = f"the interpreter ended with exit status {done.returncode}"
    except subprocess.TimeoutExpired as error:
        out = error.stdout or b""
        ended = f"no answer in {_PROBE_SECONDS} s"
    rows = []
    for line in out.decode("utf-8", "replace").splitlines():
        if line.startswith("["):
            what, value = json.loads(line)
            rows.append((what, value))
    if ended:
        rows.append(("Broken", f"{ended} after the row above"))
    return rows


def _probe() -> None:
    """Print row after row, so that those before a crash are seen."""

    def row(what: str, get: Callable[[], str]) -> bool:
        try:
            value, fine = get(), True
        except Exception as error:
            text = " ".join(f"{type(error).__name__}: {error}".split())
            value, fine = f"DOES NOT WORK: {text[:_ERROR_LENGTH]}", False
        print(json.dumps([what, value]), flush=True)
        return fine

    if row("Backend", _backend):  # without it no module that asks for one works
        row("Data", _data)
        row("Device", _device)
        row("Budget", _budget)
        row("Keras", _keras)


def _backend() -> str:
    from imgcls_helpers import backend

    return f"{backend.name()} {backend.version()}, {backend._REASON}"


def _data() -> str:
    from imgcls_helpers.data import DOWNLOADS
    from imgcls_helpers.data._load import place_of

    places: dict[str, list[str]] = {}
    for name in DOWNLOADS:
        folder = place_of(name)
        place = "not on this machine" if folder is None else f"in {folder}"
        places.setdefault(place, []).append(name)
    return "; ".join(f"{', '.join(names)} {place}" for place, names in places.items())


def _device() -> str:
    from imgcls_helpers import runtime

    return runtime.device()


def _budget() -> str:
    from imgcls_helpers import runtime

    return runtime.budget()


def _keras() -> str:
    import keras

    total = float(keras.ops.sum(keras.ops.matmul(*[keras.ops.ones((2, 3, 3))] * 2)))
    if total != 54:
        raise ArithmeticError(f"a sum of 54 came out as {total}")
    return f"{keras.__version__} computes"


if __name__ == "__main__":
    if "--probe" in sys.argv[1:]:
        _probe()
    else:
        print(report())
