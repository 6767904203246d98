"""The report for a request for help: true, harmless, and there when all is broken."""

import json
import os
import re
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest

from imgcls_helpers import __main__ as main
from imgcls_helpers import __version__, backend

# Hides modules from every process that starts here, as if they were not installed.
HIDE = """
import importlib.metadata, os, sys
HIDDEN = os.environ["HIDDEN"].split()
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in HIDDEN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Finder())
version = importlib.metadata.version
def hide(name):
    if name.split("-")[0] in HIDDEN:
        raise importlib.metadata.PackageNotFoundError(name)
    return version(name)
importlib.metadata.version = hide
"""
# Stands for Keras where the rows before it are looked at.
WRONG = """
    __version__ = "3.99"
    class ops:
        ones, matmul, sum = (lambda *x: 1.0,) * 3
    """


def rows(folder, first=None, **environment):
    """Return what the report says in a process of its own, as a dictionary.

    `first` maps names of modules to code that is found before the installed ones.
    """
    for name, code in (first or {}).items():
        (folder / f"{name}.py").write_text(textwrap.dedent(code))
    (folder / "here").mkdir()
    kept = {k: v for k, v in os.environ.items() if not k.startswith("IMGCLS_")}
    run = subprocess.run(
        [sys.executable, "-m", "imgcls_helpers"],
        env={**kept, "PYTHONPATH": str(folder), **environment},
        cwd=folder / "here",
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stderr == ""
    lines = run.stdout.splitlines()
    width = lines[0].index("imgcls_helpers")
    assert all(line[width - 2 : width] == "  " for line in lines), run.stdout
    return {line[:width].strip(): line[width:] for line in lines}


def test_where_all_is_well(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "cifar10.npz").touch()
    cache = tmp_path / "keras" / "datasets" / "fashion-mnist"
    cache.mkdir(parents=True)
    for name in ("train-labels-idx1", "train-images-idx3"):
        (cache / f"{name}-ubyte.gz").touch()
        (cache / f"{name.replace('train', 't10k')}-ubyte.gz").touch()
    found = rows(
        tmp_path,
        HOME=str(tmp_path),
        USERPROFILE=str(tmp_path),
        KERAS_HOME=str(tmp_path / "keras"),
        KERAS_BACKEND=backend.name(),
        IMGCLS_DATA=str(tmp_path / "own"),
        IMGCLS_BUDGET="smoke",
        KERAS_TOKEN="abc123",
    )
    assert list(found) == [
        *("Package", "Python", "Platform", "Packages", "Backends", "Variables"),
        *("Backend", "Data", "Device", "Budget", "Keras"),
    ]
    assert found["Package"].startswith(f"imgcls_helpers {__version__} in ")
    assert f"numpy {np.__version__}" in found["Packages"]
    name = f"{backend.name()} {backend.version()}"
    assert found["Backend"] == f"{name}, named by KERAS_BACKEND"
    assert backend.version().partition("+")[0] in found["Backends"]
    data = os.path.join("~", "keras", "datasets")
    assert f"cifar10 in {os.path.join('~', 'own')}" in found["Data"]
    assert f"fashion_mnist in {data}" in found["Data"]
    assert "mnist, cifar100 not on this machine" in found["Data"]
    assert found["Budget"] == "smoke"
    assert found["Keras"] == f"{keras.__version__} computes"
    assert "KERAS_TOKEN (value not shown)" in found["Variables"]
    assert f"IMGCLS_DATA={os.path.join('~', 'own')}, " in found["Variables"]
    assert "abc123" not in str(found) and str(tmp_path) not in str(found)


@pytest.mark.parametrize(
    ("hidden", "expected"),
    [
        (
            "keras",
            {
                "Missing": "pip install keras",
                "Backend": r".*, the first installed of tensorflow, jax, torch",
                "Keras": "DOES NOT WORK: ModuleNotFoundError: No module named 'keras'",
            },
        ),
        ("numpy", {"Backend": "DOES NOT WORK: ModuleNotFoundError: .*numpy"}),
        (
            "tensorflow jax torch",
            {
                "Backends": "none",
                "Backend": "DOES NOT WORK: BackendError: Keras needs TensorFlow, JAX",
            },
        ),
    ],
)
def test_what_is_missing_has_a_row(tmp_path, hidden, expected):
    found = rows(tmp_path, {"sitecustomize": HIDE}, HIDDEN=hidden, KERAS_BACKEND="")
    for row, words in expected.items():
        assert re.match(words, found[row]), found
    assert "Python" in found and "Platform" in found


@pytest.mark.parametrize(
    ("code", "row", "words"),
    [
        ("raise ImportError('a long\\n story')", "Keras", "ImportError: a long story"),
        ("raise ImportError('x' * 10000)", "Keras", "xxxx"),
        ("import os; os._exit(3)", "Broken", "ended with exit status 3"),
        pytest.param(
            "import os; os.abort()",
            "Broken",
            "killed by SIGABRT after the row above",
            marks=pytest.mark.skipif(os.name == "nt", reason="there are no signals"),
        ),
    ],
)
def test_a_broken_keras_has_a_row_and_takes_nothing_with_it(tmp_path, code, row, words):
    found = rows(tmp_path, {"keras": code})
    assert words in found[row]
    assert len(found[row]) < 600
    assert "core" in found["Device"] or "GPU" in found["Device"]


def test_a_keras_that_computes_wrongly(tmp_path):
    found = rows(tmp_path, {"keras": WRONG})
    assert found["Keras"] == (
        "DOES NOT WORK: ArithmeticError: a sum of 54 came out as 1.0"
    )


@pytest.mark.parametrize(
    ("variables", "row", "words"),
    [
        ({"KERAS_BACKEND": "numpy"}, "Backend", "KERAS_BACKEND is 'numpy'. Expected"),
        ({"IMGCLS_BUDGET": "huge"}, "Budget", "IMGCLS_BUDGET must be one of 'smoke'"),
        ({"IMGCLS_DATA": "/no/such"}, "Data", "IMGCLS_DATA must be a folder; got"),
    ],
)
def test_a_wrong_variable_has_a_row(tmp_path, variables, row, words):
    assert words in rows(tmp_path, {"keras": WRONG}, **variables)[row]


def test_a_keras_that_hangs(monkeypatch):
    def hang(command, timeout, **options):
        line = json.dumps(["Backend", "torch"])
        raise subprocess.TimeoutExpired(command, timeout, f"{line}\nchatter\n".encode())

    monkeypatch.setattr(main.subprocess, "run", hang)
    assert main._ask_probe() == [
        ("Backend", "torch"),
        ("Broken", "no answer in 180 s after the row above"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/srv/anna/env/bin/python", "~/env/bin/python"),
        ("in /srv/anna: no", "in ~: no"),
        ("'/srv/anna'", "'~'"),
        ("/srv/annabel/x", "/srv/annabel/x"),
        ("/mnt/anna/x, /mnt/anna", "/mnt/.../x, /mnt/..."),
        ("/home/bert/x and /Users/carl", "/home/.../x and /Users/..."),
        (r"C:\Users\bert\x", r"C:\Users\...\x"),
        ("/opt/daan/y", "/opt/.../y"),
        ("anna is a name", "anna is a name"),
    ],
)
def test_no_name_is_left_in_a_path(monkeypatch, text, expected):
    monkeypatch.setattr(main.os.path, "expanduser", lambda path: "/srv/anna")
    monkeypatch.setattr(main.os.path, "realpath", lambda path: path)
    monkeypatch.setenv("USER", "daan")
    assert main._without_names(text) == expected


def test_a_home_at_the_root_shortens_nothing(monkeypatch):
    monkeypatch.setattr(main.os.path, "expanduser", lambda path: "/")
    for name in ("USER", "LOGNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    assert main._without_names("/usr/bin/python") == "/usr/bin/python"
