"""The order of imports in the package and in the tools: down the house, never up."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tools.places import ROOT

# What stands in one line may import what stands in the lines below it, and its
# neighbours where that makes no circle.
PACKAGE = """
__main__
checks
explore
plots
monitoring serving compress explain
evaluation training models
augment
data shapes
results runtime backend
scratch
_arguments _printable _table _turns __init__
"""
TOOLS = """
build
publish
extensions execute
check_chapters check_site pdf address coursework matrix
notebooks progress
times
outputs
surroundings
pictures book fingerprints
myst site browser
places processes setup_env __init__
"""


def modules(package: str) -> dict[str, Path]:
    """Return the files of a package by the names of their modules."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


def imported(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """Yield the modules that a file imports, wherever in it and however."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written out"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner in known or node.module in known:
                    yield inner if inner in known else node.module


def unit(module: str) -> str:
    """Return the part of the house that a module is in."""
    return [*module.split("."), "__init__"][1]


def edges(package: str) -> dict[str, set[str]]:
    """Return what each module of a package imports of it."""
    known = modules(package)
    return {name: set(imported(path, known)) for name, path in known.items()}


@pytest.mark.parametrize(
    ("package", "order"), [("imgcls_helpers", PACKAGE), ("tools", TOOLS)]
)
def test_imports_lead_down(package: str, order: str) -> None:
    lines = [line.split() for line in order.strip().splitlines()]
    height = {name: -at for at, line in enumerate(lines) for name in line}
    missing = {unit(name) for name in modules(package)} - height.keys()
    assert not missing, f"say in which line of the house they stand: {missing}"
    up = [
        f"{name} imports {other}"
        for name, others in edges(package).items()
        for other in others
        if height[unit(other)] > height[unit(name)]
    ]
    assert not up, "\n".join(up)


@pytest.mark.parametrize("package", ["imgcls_helpers", "tools"])
def test_no_imports_go_in_a_circle(package: str) -> None:
    parts: dict[str, set[str]] = {}
    for name, others in edges(package).items():
        parts.setdefault(unit(name), set()).update(map(unit, others))
    for name, others in parts.items():
        others.discard(name)
    circle: list[str] = []
    try:
        TopologicalSorter(parts).prepare()
    except CycleError as error:
        circle = error.args[1]
    assert not circle, " -> ".join(circle)


def test_modules_of_the_tools_go_in_no_circle_either() -> None:
    graph = edges("tools")
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))
