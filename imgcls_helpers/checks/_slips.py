"""The usual slips, made from a reference: what is often written in its place.

Each slip changes one place of the reference's source, and says in words what its result
is like, "as if a factor were left out", without saying which line would be right.
"""

from __future__ import annotations

import ast
import copy
import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from imgcls_helpers.checks._edits import rebuilt, sources_of

# What is taken for what, and how it is called.
_FUNCTIONS = {
    "mean": ("sum", "max"),
    "sum": ("mean", "max"),
    "max": ("min", "mean", "sum"),
    "min": ("max",),
    "argmax": ("argmin",),
    "argmin": ("argmax",),
    "maximum": ("minimum",),
    "minimum": ("maximum",),
    "log": ("log2", "log10", "log1p"),
    "var": ("std",),
    "std": ("var",),
    "any": ("all",),
    "all": ("any",),
    "floor": ("ceil", "rint"),
    "ceil": ("floor", "rint"),
    "median": ("mean",),
}
_WORDS = {
    "mean": "a mean",
    "sum": "a sum",
    "max": "a maximum",
    "min": "a minimum",
    "argmax": "the place of the maximum",
    "argmin": "the place of the minimum",
    "maximum": "the larger of two",
    "minimum": "the smaller of two",
    "var": "a variance",
    "std": "a standard deviation",
    "any": "a question whether any is",
    "all": "a question whether all are",
    "floor": "rounding down",
    "ceil": "rounding up",
    "rint": "rounding to the nearest",
    "median": "a median",
    "log2": "base 2",
    "log10": "base 10",
}
# Of these, the argument alone is often all that is written.
_FORGOTTEN = {
    "abs": "an absolute value",
    "sqrt": "a square root",
    "exp": "an exponential",
    "square": "a square",
    "log": "a logarithm",
    "round": "a rounding",
    "int": "a rounding",
    "sorted": "a sorting",
    "transpose": "a transposition",
    "unique": "taking each value once",
    "copy": "a copy",
    "cumsum": "a running sum",
}
_BOUNDARY = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
_OTHER_WAY = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
_OTHER_WAY |= {ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}


@dataclass(frozen=True)
class Slip:
    """One slip.

    Attributes
    ----------
    name : str
        The kind: "factor left out".
    place : str
        The source before and after, as text, unique in its exercise.
    message : str
        What to say of a result that is the same.
    wrong : callable
        The reference with the slip.
    """

    name: str
    place: str
    message: str
    wrong: Callable


@functools.cache  # a notebook asks for them at every wrong answer
def slips_of(reference: Callable) -> tuple[Slip, ...]:
    """Return the slips of a reference, the likelier ones first."""
    sources = sources_of(reference)
    found: list[tuple[int, Slip]] = []
    seen = set()
    for function, source in sources.items():
        tree = ast.parse(source)
        for rank, name, message, old, new, changed in _changes(tree):
            text = ast.unparse(changed)
            if (function, text) in seen:
                continue
            seen.add((function, text))
            wrong = rebuilt(reference, {**sources, function: text})
            number = sum(slip.place.startswith(f"{old} => {new}") for _, slip in found)
            place = f"{old} => {new}" + (f" ({number + 1})" if number else "")
            found.append((rank, Slip(name, place, message, wrong)))
    for name, message, place, before in _of_arguments(reference):
        wrong = rebuilt(reference, sources, [before])
        found.append((1, Slip(name, place, message, wrong)))
    return tuple(slip for _, slip in sorted(found, key=lambda pair: pair[0]))


def _of_arguments(reference: Callable) -> Iterator[tuple[str, str, str, str]]:
    names = list(inspect.signature(reference).parameters)
    for name in names:
        for value, words in ((0, "0"), (1, "1")):
            yield (
                "argument without influence",
                f"`{name}` seems to have no influence: the result is as if it were "
                f"{words}.",
                f"{name} := {words}",
                f"{name} = type({name})({value}) if isinstance({name}, "
                f"(bool, int, float)) else {name} * 0 + {value}",
            )
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            yield (
                "arguments swapped",
                f"The result is as if `{one}` and `{other}` had changed places.",
                f"{one}, {other} := {other}, {one}",
                f"{one}, {other} = {other}, {one}",
            )


_Change = tuple[int, str, str, str, str, ast.AST]


def _changes(tree: ast.Module) -> Iterator[_Change]:
    """Yield rank, name, message, old and new text, and the changed tree."""
    for function in [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]:
        for change in _of_statements(function):
            rank, name, message, old, new, body = change
            changed = copy.copy(function)
            changed.body = body
            yield rank, name, message, old, new, _with(tree, function, changed)
    kept = set()  # what is no code: annotations, defaults, docstrings
    for node in ast.walk(tree):
        if isinstance(node, ast.arguments):
            kept |= {id(inner) for inner in ast.walk(node)}
        elif isinstance(node, ast.FunctionDef) and node.returns:
            kept |= {id(inner) for inner in ast.walk(node.returns)}
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            kept.add(id(node.value))
        elif isinstance(node, ast.While):  # it might never end
            kept |= {id(inner) for inner in ast.walk(node.test)}
        elif isinstance(node, (ast.Raise, ast.Assert)):
            kept |= {id(inner) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in kept:
            continue
        for rank, name, message, new in _of_node(node):
            text = ast.unparse(ast.fix_missing_locations(new))
            whole = _with(tree, node, new)
            yield rank, name, message, ast.unparse(node), text, whole


def _with(tree: ast.AST, old: ast.AST, new: ast.AST) -> ast.AST:
    """Return a copy of a tree with another node in the place of one."""
    new = copy.deepcopy(new)
    return ast.fix_missing_locations(copy.deepcopy(tree, {id(old): new}))


def _of_statements(function: ast.FunctionDef) -> Iterator[tuple]:
    """Yield what goes wrong between loops and what follows them."""
    for i, statement in enumerate(function.body):
        last = function.body[-1]
        if isinstance(statement, ast.For) and isinstance(last, ast.Return):
            loop = copy.deepcopy(statement)
            loop.body = [*loop.body, copy.deepcopy(last)]
            yield (
                0,
                "return in the loop",
                "The result is as if the loop ended after its first round. How far is "
                "`return` indented?",
                f"{ast.unparse(statement.target)} loop",
                "return in it",
                [*function.body[:i], loop, *function.body[i + 1 :]],
            )
        if not isinstance(statement, ast.For):
            continue
        for inner in [n for n in ast.walk(statement) if isinstance(n, ast.For)][1:]:
            loop = copy.deepcopy(inner)
            loop.body = [*loop.body, ast.Break()]
            yield (
                0,
                "inner loop cut short",
                "The result is as if the inner loop ended after its first round.",
                f"{ast.unparse(inner.target)} loop",
                "one round",
                _with(function, inner, loop).body,  # type: ignore[attr-defined]
            )


def _of_node(node: ast.AST) -> Iterator[tuple[int, str, str, ast.AST]]:
    """Yield rank, name, message and the node in its place."""
    if isinstance(node, ast.AugAssign):
        yield (
            0,
            "= for +=",
            "The result is as if each round of a loop threw away what the rounds "
            "before it had added.",
            ast.Assign([node.target], node.value),
        )
        if isinstance(node.op, (ast.Add, ast.Sub)):
            other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
            yield (
                3,
                "wrong sign",
                "The result is as if something were subtracted that has to be added, "
                "or the reverse.",
                ast.AugAssign(node.target, other, node.value),
            )
    elif isinstance(node, ast.BinOp):
        yield from _of_operator(node)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield from _of_comparison(node)
    elif isinstance(node, ast.Call):
        yield from _of_call(node)
    elif isinstance(node, ast.keyword) and node.arg in ("axis", "axes"):
        yield from _of_axis(node)
    elif isinstance(node, ast.keyword) and node.arg in ("keepdims", "ddof"):
        value = getattr(node.value, "value", None)
        if isinstance(value, (bool, int)):
            yield (
                4,
                f"another {node.arg}",
                f"The result is as if `{node.arg}` were left out.",
                ast.keyword(node.arg, ast.Constant(type(value)(0))),
            )
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        if not isinstance(node.operand, ast.Constant):
            yield (
                1,
                "wrong sign",
                "The result is as if a minus sign were left out.",
                node.operand,
            )
    elif isinstance(node, (ast.If, ast.IfExp)):
        for value in (True, False):
            changed = copy.copy(node)
            changed.test = ast.Constant(value)
            yield (
                3,
                "cases not told apart",
                "The result is as if two cases were treated alike that have to be told "
                "apart.",
                changed,
            )
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield (2, "not transposed", "As if a transposition were left out.", node.value)
    elif isinstance(node, ast.Subscript) and ast.unparse(node.slice) == "::-1":
        yield (2, "not reversed", "As if nothing were put in reverse.", node.value)
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        for step, words in ((1, "large"), (-1, "small")):
            yield (
                5,
                f"one too {words}",
                f"The result is as if a number in it were one too {words}: a size, a "
                "place, a count or a power.",
                ast.Constant(node.value + step),
            )


def _of_operator(node: ast.BinOp) -> Iterator[tuple[int, str, str, ast.AST]]:
    left, right = node.left, node.right
    if isinstance(node.op, (ast.Add, ast.Sub)):
        words = "The result is as if one term of a sum or difference were left out."
        minus = (
            right if isinstance(node.op, ast.Add) else ast.UnaryOp(ast.USub(), right)
        )
        yield 2, "term left out", words, left
        yield 2, "term left out", words, minus
        other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        yield (
            3,
            "wrong sign",
            "The result is as if something were subtracted that has to be added, or "
            "the reverse.",
            ast.BinOp(left, other, right),
        )
        if isinstance(node.op, ast.Sub):
            yield (
                3,
                "wrong sign",
                "The result is as if a difference were taken the other way round.",
                ast.BinOp(right, node.op, left),
            )
    elif isinstance(node.op, ast.Mult):
        words = "The result is as if one factor of a product were left out."
        yield 2, "factor left out", words, left
        yield 2, "factor left out", words, right
        yield (
            4,
            "@ for *",
            "The result is as if `@`, the product of matrices, stood for `*`, or the "
            "reverse.",
            ast.BinOp(left, ast.MatMult(), right),
        )
    elif isinstance(node.op, ast.MatMult):
        yield (
            4,
            "* for @",
            "The result is as if `*`, value by value, stood for `@`, or the reverse.",
            ast.BinOp(left, ast.Mult(), right),
        )
    elif isinstance(node.op, ast.Div):
        words = "The result is as if a division were left out."
        yield 2, "not divided", words, left
        yield (
            3,
            "divided the other way",
            "The result is as if a fraction were upside down.",
            ast.BinOp(right, node.op, left),
        )
        yield (
            4,
            "multiplied",
            "The result is as if something were multiplied that has to be divided.",
            ast.BinOp(left, ast.Mult(), right),
        )
    elif isinstance(node.op, ast.FloorDiv):
        quotient = ast.BinOp(left, ast.Div(), right)
        upward = ast.UnaryOp(
            ast.USub(),
            ast.BinOp(ast.UnaryOp(ast.USub(), left), ast.FloorDiv(), right),
        )
        rounded = ast.Call(ast.Name("round", ast.Load()), [quotient], [])
        words = "The result is as if a division were {}."
        yield 2, "not rounded", words.format("not rounded"), quotient
        yield 2, "rounded up", words.format("rounded up, not down"), upward
        yield 2, "rounded", words.format("rounded to the nearest whole number"), rounded
        yield 3, "not divided", words.format("left out"), left
    elif isinstance(node.op, ast.Pow):
        yield 2, "power left out", "The result is as if a power were left out.", left
    elif isinstance(node.op, ast.Mod):
        yield (
            3,
            "remainder left out",
            "The result is as if a remainder (`%`) were not taken.",
            left,
        )
    elif isinstance(node.op, (ast.BitAnd, ast.BitOr)):
        words = "The result is as if one of two conditions were left out."
        yield 2, "condition left out", words, left
        yield 2, "condition left out", words, right


def _of_comparison(node: ast.Compare) -> Iterator[tuple[int, str, str, ast.AST]]:
    kind = type(node.ops[0])
    if kind in _BOUNDARY:
        yield (
            1,
            "boundary",
            "All is right but for values that are exactly equal to a limit: to which "
            "side do they belong?",
            ast.Compare(node.left, [_BOUNDARY[kind]()], node.comparators),
        )
    if kind in _OTHER_WAY:
        yield (
            3,
            "comparison the wrong way",
            "The result is as if a comparison went the other way.",
            ast.Compare(node.left, [_OTHER_WAY[kind]()], node.comparators),
        )


def _of_call(node: ast.Call) -> Iterator[tuple[int, str, str, ast.AST]]:
    function = node.func
    if isinstance(function, ast.Attribute):
        name, method = function.attr, True
    elif isinstance(function, ast.Name):
        name, method = function.id, False
    else:
        return
    for other in _FUNCTIONS.get(name, ()) if method else ():
        if name == "log":
            words = f"As if the logarithm were that to {_WORDS.get(other, 'of 1 + x')}."
            if other == "log1p":
                words = "As if 1 were added before the logarithm."
        else:
            words = f"The result is as if {_WORDS[other]} stood for {_WORDS[name]}."
        changed = copy.copy(node)
        changed.func = ast.Attribute(function.value, other, ast.Load())  # type: ignore
        yield 1, f"{other} for {name}", words, changed
    if name in _FORGOTTEN:
        inner = node.args[0] if node.args else getattr(function, "value", None)
        if inner is not None and ast.unparse(inner) not in ("np", "math"):
            words = f"The result is as if {_FORGOTTEN[name]} were left out."
            yield 2, f"no {name}", words, inner
    axis = [k for k in node.keywords if k.arg == "axis"]
    if axis:
        changed = copy.copy(node)
        changed.keywords = [k for k in node.keywords if k.arg != "axis"]
        words = f"The result is as if `{name}` ran over all values, not along an axis."
        yield 1, "no axis", words, changed
    if name in ("max", "min") and not method and len(node.args) == 2:
        for argument in node.args:
            words = "The result is as if a limit (a `max` or `min`) were left out."
            yield 2, "no limit", words, argument
    if name in ("maximum", "minimum") and method:
        for argument in node.args[:2]:
            words = "The result is as if a limit were left out."
            yield 2, "no limit", words, argument
    if name == "range" and len(node.args) == 1:
        size = node.args[0]
        fewer: ast.expr = ast.BinOp(size, ast.Sub(), ast.Constant(1))
        for arguments, words in (
            ([fewer], "the last round of a loop were missing"),
            ([ast.Constant(1), size], "the first round of a loop were missing"),
        ):
            changed = copy.copy(node)
            changed.args = arguments
            yield 1, "a round missing", f"The result is as if {words}.", changed


def _of_axis(node: ast.keyword) -> Iterator[tuple[int, str, str, ast.AST]]:
    text = ast.unparse(node.value)
    words = "The result is as if something ran along another axis."
    if text.lstrip("-").isdigit():
        others = [ast.Constant(n) for n in (0, 1, 2) if n != int(text)]
        if int(text) > 0:
            others.append(ast.Constant(-1))
    elif isinstance(node.value, ast.Tuple) and len(node.value.elts) > 1:
        others = list(node.value.elts)  # type: ignore[arg-type]
    else:
        return
    for other in others:
        yield 1, "another axis", words, ast.keyword(node.arg, other)
