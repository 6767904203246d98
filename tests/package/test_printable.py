"""What prints itself can be printed where the output takes few characters."""

import importlib
import inspect
import io
import os
import pkgutil
import re
import subprocess
import sys

import pytest

import imgcls_helpers
from imgcls_helpers import _printable
from imgcls_helpers._printable import printable

# Prints one of everything, with the names that people and their folders have.
PRINT_ALL = """
import dataclasses
import numpy as np
from imgcls_helpers import checks, data, evaluation, results, runtime, scratch, training
from imgcls_helpers._table import Report

HARD = "Zoë, 中, 3 ± 1"

def show(thing, as_text=False):
    print("=", *(c.__name__ for c in type(thing).__mro__))
    print(thing if as_text else repr(thing))

for ok in (True, False, None):
    show(checks.Verdict("1.1", HARD, ok, "By 180°.", HARD, line=HARD, printed=HARD))
show(Report(((HARD, HARD),)))
show(runtime.report())

spread = training.Spread([0.70, 0.72])
show(spread)
show(spread, as_text=True)
print(f"{spread:.1%}")
results.finding("some-name", f"{HARD}: {spread:.1%}")

digits = data.load_dataset("digits")
digits = dataclasses.replace(digits, notice=HARD, class_names=[HARD, *"123456789"])
show(digits)
show(digits.test)

labels = np.arange(40) % 4
guesses = np.roll(np.eye(4)[labels], 1, axis=1) * 0.4 + 0.6 * np.eye(4)[labels]
names = [HARD, "b", "c", "d"]
show(evaluation.evaluate(labels, guesses, class_names=names))
show(evaluation.mcnemar(labels, guesses, guesses[::-1]))
found = evaluation.compare_all({HARD: [0.71, 0.72, 0.7], "b": [0.6, 0.6, 0.6]}, HARD)
for comparison in (found, found["b"]):
    show(comparison)
    show(comparison, as_text=True)
show(training.History({"loss": [1.0], "é": [2.0]}))
rates = np.geomspace(1e-4, 1, 30)
show(training.LearningRateSearch(rates, rates, rates, 0.1))
scratch.Network([scratch.Flatten()], (4, 4, 1)).summary()
"""


def own_printing() -> set[str]:
    """Return the classes of the package that say themselves how they are printed."""
    found = set()
    for module in pkgutil.walk_packages(imgcls_helpers.__path__, "imgcls_helpers."):
        if module.name.endswith("__main__"):
            continue
        for cls in vars(importlib.import_module(module.name)).values():
            if not inspect.isclass(cls) or cls.__module__ != module.name:
                continue
            for name in {"__repr__", "__str__", "__format__"} & vars(cls).keys():
                code = inspect.unwrap(vars(cls)[name]).__code__
                if "imgcls_helpers" in code.co_filename:  # others are made by Python
                    found.add(cls.__name__)
    return found


@pytest.fixture(scope="module")
def printed() -> dict[str, str]:
    """Print everything to outputs of three encodings, in a process of its own."""
    encodings = ("ascii", "cp1252", "utf-8")
    program = f"""
import sys
for encoding in {encodings}:  # of the environment, at first
    if sys.stdout.encoding != encoding:
        sys.stdout.reconfigure(encoding=encoding)
    exec({PRINT_ALL!r}, {{}})
    print("\\f", end="")
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    parts = done.stdout.split(b"\f")
    return {
        name: part.decode(name) for name, part in zip(encodings, parts[:3], strict=True)
    }


def test_all_that_prints_itself_is_printed(printed):
    shown = re.findall(r"^= (.*)", printed["ascii"], re.M)
    assert own_printing() <= set(" ".join(shown).split())
    assert printed["ascii"].count(r"Zoe, \u4e2d, 3 +/- 1") > 15
    assert printed["cp1252"].count(r"Zoë, \u4e2d, 3 ± 1") > 15
    assert printed["utf-8"].count("Zoë, 中, 3 ± 1") > 15


@pytest.mark.parametrize(
    ("encoding", "texts"),
    [
        ("ascii", ["+ Exercise 1.1, Zoe", "x Exercise", "... Exercise", "180 degrees"]),
        ("cp1252", ["+ Exercise 1.1, Zoë", "x Exercise", "… Exercise", "180°"]),
        ("utf-8", ["✔ Exercise 1.1, Zoë", "✘ Exercise", "… Exercise", "180°"]),
    ],
)
def test_only_what_cannot_be_printed_is_said_in_other_words(printed, encoding, texts):
    for text in [*texts, "71.0 +/- 1.4%" if encoding == "ascii" else "71.0 ± 1.4%"]:
        assert text in printed[encoding]


def test_columns_stay_columns(printed):
    for text in printed.values():
        table = text.partition("= Report Shown")[2].partition("\n= ")[0]
        ends = {
            len(line) for line in table.splitlines() if re.match(r"(Zo|[bcd] )", line)
        }
        assert len(ends) == 1


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("x ≥ 1 → µ = 2 × λ²", "x >= 1 -> u = 2 x lambda^2"),
        ("η and ß", r"eta and \xdf"),
        ("ﬁné", "fine"),
        ("\udcff.npz", r"\udcff.npz"),  # of a folder, in bytes that are no text
        ("🐍", r"\U0001f40d"),
    ],
)
def test_plain_words(text, plain):
    assert printable(text, io.TextIOWrapper(io.BytesIO(), "ascii")) == plain


def test_what_can_be_printed_stays(capsys):
    text = "x ≥ 1 → µ = 2 × λ² 🐍"
    assert printable(text) == text
    assert printable(text, io.StringIO()) == text
    plain = "".join(_printable._PLAIN.values())
    assert plain.isascii()
