"""The package says its types, and a type checker finds nothing in them."""

from __future__ import annotations

import doctest
import inspect
import os
import subprocess
import sys
import textwrap
from collections import defaultdict
from pathlib import Path

from tests.book.test_reference_pages import callables, public_members
from tools.places import ROOT

PARTS = doctest.DocTestParser()


def public() -> list[tuple[str, object]]:
    """Return every public function, class and method, with its full name."""
    found = []
    for name, value in callables():
        found.append((name, value))
        if inspect.isclass(value):
            found += [(f"{name}.{m}", v) for m, v in public_members(value).items()]
    return found


def mypy(*more: str | Path) -> str:
    """Return what mypy has to say about the package and `more`."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "imgcls_helpers", *map(str, more)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"MYPYPATH": str(ROOT)},
    )
    return done.stdout + done.stderr


def test_a_type_checker_finds_nothing_in_the_package_and_its_examples(tmp_path):
    """Whoever checks a program of their own is told of their own mistakes alone."""
    functions = defaultdict(list)
    for name, value in public():
        if examples := PARTS.get_examples(inspect.getdoc(value) or ""):
            body = "".join(example.source for example in examples)
            functions[name.partition(".")[0]].append(
                f"def _{len(functions)}_{name.replace('.', '_')}() -> None:\n"
                + textwrap.indent(body, "    ")
            )
    for module, examples in functions.items():
        start = (
            "# mypy: allow-redefinition\n"
            f"import numpy as np\nfrom imgcls_helpers.{module} import *\n\n"
        )
        path = tmp_path / f"examples_of_{module}.py"
        path.write_text(start + "\n".join(examples), encoding="utf-8")
    assert sum(map(len, functions.values())) > 200
    said = mypy(*tmp_path.glob("*.py"))
    assert said.startswith("Success"), said
    assert (ROOT / "imgcls_helpers" / "py.typed").is_file()


def test_public_signatures_have_all_their_types():
    missing = []
    for name, value in public():
        if isinstance(value, property):
            value = value.fget
        value = getattr(value, "func", value)  # of a cached property
        if inspect.isclass(value):
            value = value.__init__
            if not inspect.isfunction(value) or value.__module__[:7] != "imgcls_":
                continue  # a dataclass says the types of its fields; others inherit
        if not inspect.isfunction(value):
            continue
        wanted = [p for p in inspect.signature(value).parameters if p != "self"]
        if value.__name__ != "__init__":
            wanted.append("return")
        missing += [f"{name}: {p}" for p in wanted if p not in value.__annotations__]
    assert not missing
