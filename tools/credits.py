"""Check that pictures which somebody made name their makers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from tools.chapter import Book, Directive, Page, Problem

# The photographs of scikit-learn, as its README and their pages on Flickr name them.
PHOTOGRAPHS = {"china.jpg": "danielbuechele", "flower.jpg": "vultilion"}
LICENCE = "CC BY 2.0"
SHOW = re.compile(r"\b(image_grid|imshow)\(")  # curves made of a picture do not show it


class Photographs:
    """Which names of a page hold which photographs, as its cells run one by one.

    It follows assignments, loops and functions. What a program does with a name in
    other ways, such as ``append``, it does not see.

    Examples
    --------
    >>> page = Photographs()
    >>> page.run(ast.parse('a = load_sample_image("china.jpg")').body)
    {'china.jpg'}
    >>> page.run(ast.parse('b = a[::2]; a = 1').body), page.held
    ({'china.jpg'}, {'b': {'china.jpg'}})
    """

    def __init__(self) -> None:
        self.held: dict[str, set[str]] = {}

    def run(self, statements: Iterable[ast.stmt]) -> set[str]:
        """Note what statements put into names; return the photographs they read."""
        return set().union(*map(self._one, statements))

    def _one(self, statement: ast.stmt) -> set[str]:
        if isinstance(statement, ast.FunctionDef):
            self._put(statement.name, self._read(statement))
            return set()  # it reads when it is called
        heads: list[ast.AST] = [statement]
        targets: list[ast.AST] = []
        if isinstance(statement, ast.For):
            heads, targets = [statement.iter], [statement.target]
        elif isinstance(statement, ast.While | ast.If):
            heads = [statement.test]
        elif isinstance(statement, ast.With):
            heads = list(statement.items)
            targets = [i.optional_vars for i in statement.items if i.optional_vars]
        elif isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AugAssign | ast.AnnAssign):
            targets = [statement.target]
        found = set().union(*map(self._read, heads))
        for target in targets:
            self._write(target, found)
        for part in ("body", "orelse"):
            found |= self.run(getattr(statement, part, []))
        return found

    def _read(self, tree: ast.AST) -> set[str]:
        """Return the photographs that are named, or held by names that are read."""
        nodes = list(ast.walk(tree))
        own = {node.arg for node in nodes if isinstance(node, ast.arg)}
        for node in nodes:
            if isinstance(node, ast.comprehension):
                own |= {n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)}
        found = {
            node.value
            for node in nodes
            if isinstance(node, ast.Constant) and node.value in PHOTOGRAPHS
        }
        for node in nodes:
            loads = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
            if loads and node.id not in own:
                found |= self.held.get(node.id, set())
        return found

    def _write(self, target: ast.AST, found: set[str]) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            for part in target.elts:
                self._write(part, found)
        elif isinstance(target, ast.Name):
            self._put(target.id, found)
        elif isinstance(target, ast.Subscript | ast.Attribute | ast.Starred):
            held = set(found)
            while not isinstance(target, ast.Name | ast.Call):
                target = target.value
            if isinstance(target, ast.Name):  # a part of it is changed
                self._put(target.id, held | self.held.get(target.id, set()))

    def _put(self, name: str, found: set[str]) -> None:
        self.held.pop(name, None)
        if found:
            self.held[name] = set(found)


def check_credits(book: Book, page: Page) -> Iterator[Problem]:
    """Check that whoever took a photograph or made a picture stands in its caption."""
    photographs = Photographs()
    for directive in page.body.all_directives():
        if directive.name == "figure":
            yield from _check_file(page, directive)
        elif directive.name == "code-cell":
            try:
                read = photographs.run(ast.parse(directive.body).body)
            except SyntaxError:
                continue  # told by another check
            caption = str(directive.mystnb("figure").get("caption") or "")
            for name in sorted(read) if SHOW.search(directive.body) else ():
                credit = f"{PHOTOGRAPHS[name]}, {LICENCE}"
                if credit not in caption:
                    message = f"the figure shows {name}; its caption must say {credit}"
                    yield page.problem(directive.line, message)


def _check_file(page: Page, directive: Directive) -> Iterator[Problem]:
    if not re.search(r"\b(Photograph|Picture|Drawing)s?: \w", directive.body):
        message = "the caption must name the maker, as in 'Photograph: Name, licence'"
        yield page.problem(directive.line, message)
