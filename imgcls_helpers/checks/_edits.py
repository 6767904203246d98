r"""Known mistakes as edits of the reference: their text, and the functions they give.

A mistake is a line with its name and its edits, and below it, indented, what to say::

    kernel flipped: kernel := kernel[::-1, ::-1]
        The kernel is turned by half a turn.
        Hint: The first cell of the kernel meets the first pixel of the window.
    columns without stride: q * stride => q & stride + columns => 1 + columns
        The stride is used for the rows and not for the columns.

``name := value`` sets an argument before the call, ``result := value`` changes what
comes out, ``old => new`` replaces source (spaces and line breaks do not matter, and
``\n`` breaks a line), ``&`` joins edits; a line may go on below with ``&``.
"""

from __future__ import annotations
import __future__

import functools
import inspect
import itertools
import re
import textwrap
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from imgcls_helpers.checks._verdict import Mistake

_ANNOTATIONS = __future__.annotations.compiler_flag


def mistakes_of(text: str, reference: Callable, exercise: str) -> tuple[Mistake, ...]:
    """Return the mistakes of a text; ValueError with its line where an edit fails."""
    found: list[Mistake] = []
    for head, body in _entries(text):
        name, separator, edits = head.partition(": ")
        where = f"Exercise {exercise}, mistake {head!r}"
        if not separator or not edits.strip():
            raise ValueError(f"{where}: expected is `name: edits`.")
        said, _, hint = "\n".join(body).partition("Hint:")
        try:
            wrong = edited(reference, edits)
        except (ValueError, SyntaxError) as error:
            raise ValueError(f"{where}: {error}") from None
        found.append(Mistake(name, wrong, _paragraph(said), _paragraph(hint)))
    names = [mistake.name for mistake in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"Exercise {exercise}: two mistakes are called {twice}.")
    return tuple(found)


def _paragraph(text: str) -> str:
    return " ".join(text.split())


def _entries(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each head, continued, with the lines below it."""
    head = ""
    body: list[str] = []
    for line in textwrap.dedent(text.lstrip("\n")).splitlines():
        if not line.strip():
            continue
        if not line[0].isspace():
            if head:
                yield head, body
            head, body = line.strip(), []
        elif line.lstrip().startswith("& ") and not body:
            head += " " + line.strip()
        else:
            body.append(line.strip())
    if head:
        yield head, body


_ASSIGN = re.compile(r"(\w+) := (.+)", re.DOTALL)


def edited(reference: Callable, edits: str) -> Callable:
    """Return the reference as a function of its own, after the edits of one mistake."""
    sources = sources_of(reference)
    arguments = list(inspect.signature(reference).parameters)
    before, after = [], []
    for edit in re.split(r"\s+&\s+(?=(?:(?!\s&\s).)*? (?::=|=>) )", edits.strip()):
        old, arrow, new = edit.partition(" => ")
        if arrow:
            sources = _replaced(sources, old, new)
        elif (match := _ASSIGN.fullmatch(edit)) is None:
            raise ValueError(f"{edit!r} is neither `old => new` nor `name := value`.")
        elif match[1] == "result":
            after.append(f"result = {match[2]}")
        elif match[1] in arguments:
            before.append(f"{match[1]} = {match[2]}")
        else:
            raise ValueError(f"{match[1]!r} is none of the arguments {arguments}.")
    return rebuilt(reference, sources, before, after)


@functools.cache
def sources_of(reference: Callable) -> Mapping[str, str]:
    """Return the source of a function, and of those of its module that it calls."""
    if not isinstance(reference, types.FunctionType):
        raise ValueError("a reference whose mistakes are edits must be a function")
    found: dict[str, str] = {}
    waiting = [reference]
    while waiting:
        function = waiting.pop()
        if function.__name__ in found:
            continue
        source = textwrap.dedent(inspect.getsource(function))
        if not source.startswith("def "):
            raise ValueError(f"{function.__name__} must be written with `def`")
        found[function.__name__] = source
        for name in _names(function.__code__):
            called = reference.__globals__.get(name)
            if (
                isinstance(called, types.FunctionType)
                and called.__module__ == reference.__module__
            ):
                waiting.append(called)
    return found


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _names(inner)


def _replaced(sources: Mapping[str, str], old: str, new: str) -> dict[str, str]:
    """Replace a piece of source wherever it stands, however its lines are broken."""
    pieces = re.findall(r"\w+|[^\w\s]", old.replace("\\n", "\n"))
    if not pieces:
        raise ValueError("it replaces nothing")
    pattern = re.escape(pieces[0])
    for one, other in itertools.pairwise(pieces):
        gap = r"\s+" if one[-1].isalnum() and other[0].isalnum() else r"\s*"
        comma = r",?\s*" if other in ")]" else ""
        pattern += gap + comma + re.escape(other)
    if pieces[0][0].isalnum() or pieces[0][0] == "_":
        pattern = r"\b" + pattern
    if pieces[-1][-1].isalnum() or pieces[-1][-1] == "_":
        pattern += r"\b"
    new = new.replace("\\n", "\n")
    after = {}
    for name, source in sources.items():
        head = _end_of_head(source)
        after[name] = source[:head] + re.sub(pattern, lambda _: new, source[head:])
    if after == sources:
        raise ValueError(f"`{old}` is not in the reference, or is what it was")
    return after


def _end_of_head(source: str) -> int:
    """Return where the body begins: the parameters are not edited."""
    match = re.search(r"\)(?: -> [^\n]+)?:\n", source)
    return match.end() if match else 0


def rebuilt(
    reference: Callable,
    sources: Mapping[str, str],
    before: Sequence[str] = (),
    after: Sequence[str] = (),
) -> Callable:
    """Return a function made of sources, with lines before its call and after it."""
    name = reference.__name__
    space: dict[str, Any] = dict(reference.__globals__)
    file = reference.__code__.co_filename

    def run(source: str) -> None:
        code = compile(source, file, "exec", _ANNOTATIONS, dont_inherit=True)
        exec(code, space)

    for source in sources.values():
        run(source)
    if before or after:
        given = ", ".join(inspect.signature(reference).parameters)
        lines = [*before, f"result = _whole({given})", *after, "return result"]
        space["_whole"] = space[name]
        run(f"def _edited({given}):\n" + textwrap.indent("\n".join(lines), "    "))
        name = "_edited"
    made = space[name]
    made.__defaults__ = reference.__defaults__
    made.__kwdefaults__ = reference.__kwdefaults__
    return made
