"""Code cells: length, width, what they draw, and how their figures are described."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tools.book import Book, Page, Problem
from tools.myst import Directive
from tools.pictures import alt_fault

MAX_LINES = 20
MAX_WIDTH = 79


def parsed(cell: Directive) -> ast.Module | None:
    """Return a cell as Python reads it; None if it is no Python."""
    try:
        return ast.parse(cell.body)
    except SyntaxError:
        return None


def last_call(cell: Directive) -> ast.Call | None:
    """Return the call that a cell ends in, if it ends in one."""
    tree = parsed(cell)
    last = tree.body[-1] if tree and tree.body else None
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        return last.value
    return None


def check_cells(book: Book, page: Page) -> Iterator[Problem]:
    """Check the length and the width of the code cells, and that they are Python."""
    for cell in page.cells:
        lines = cell.body.splitlines()
        if len(lines) > MAX_LINES:
            message = f"a cell of {len(lines)} lines; at most {MAX_LINES}"
            yield page.problem(cell.line, message)
        for offset, line in enumerate(lines):
            if len(line) > MAX_WIDTH:
                message = f"code of {len(line)} columns; at most {MAX_WIDTH}"
                yield page.problem(cell.body_line + offset, message)
        if parsed(cell) is None:
            message = "the cell is not plain Python (magic commands are not used)"
            yield page.problem(cell.line, message)


def _draws(tree: ast.AST, drawing: set[str]) -> bool:
    """Say whether code draws when it runs; functions that draw join ``drawing``."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef):
            if any(_draws(statement, drawing) for statement in node.body):
                drawing.add(node.name)
            continue
        if isinstance(node, ast.Call):
            function = ast.unparse(node.func)
            if function in drawing or re.match(r"(plots|plt|pyplot)\.", function):
                return True
        todo += ast.iter_child_nodes(node)
    return False


def check_figures(book: Book, page: Page) -> Iterator[Problem]:
    """Check that each figure has an alt text, a caption and a name."""
    drawing: set[str] = set()
    for directive in page.body.all_directives():
        if directive.name == "figure":
            if fault := alt_fault(directive.options.get("alt")):
                yield page.problem(directive.line, fault)
        elif directive.name == "code-cell":
            tree = parsed(directive)
            figure, image = directive.mystnb("figure"), directive.mystnb("image")
            if not (figure or image or (tree and _draws(tree, drawing))):
                continue
            if fault := alt_fault(image.get("alt")):
                yield page.problem(directive.line, fault)
            if not str(figure.get("caption") or "").strip():
                message = "a figure needs a caption (mystnb: figure: caption)"
                yield page.problem(directive.line, message)
        else:
            continue
        if not re.fullmatch(r"fig-[a-z0-9]+(-[a-z0-9]+)*", directive.label):
            message = f"a figure needs a name like fig-digits, not {directive.label!r}"
            yield page.problem(directive.line, message)
