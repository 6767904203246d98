"""Instant verdicts on the book's exercises.

A reader calls one function::

    from imgcls_helpers.checks import check

    check("1.1", my_answer)

and gets a `Verdict`: right, not right yet (with what went wrong and a hint), or not
done yet. A wrong or crashing answer never raises.

Exercises live in one module a chapter (``checks/background.py`` and so on), loaded
on demand by the number's first part. An author writes either a function that yields
random and edge inputs, beside a reference and known wrong solutions
(`function_exercise`), or a function that looks at the answer itself (`exercise`)::

    def drop_border(image):
        return image[1:-1]

    @function_exercise(
        "2.9",
        "Cut the border",
        reference=lambda image: image[1:-1, 1:-1],
        mistakes=[Mistake("rows only", drop_border, "The columns are still there.")],
    )
    def _(rng):
        for height, width in [(3, 3), (4, 6), (7, 5)]:
            yield (rng.random((height, width)),)

    @exercise("2.10", "Bytes of an image")
    def _(answer, rng):
        assert_close(answer, 3072, hint="Count the channels too.")

Answers run in the reader's own session. The guards here (a time limit, a limit on
printing, inputs that are copies) protect from accidents, not from malice.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import ctypes
import dis
import html
import importlib
import inspect
import io
import linecache
import numbers
import os
import random
import re
import signal
import site
import sys
import sysconfig
import textwrap
import threading
import time
import traceback
import types
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = [
    "Exercise",
    "Mistake",
    "NotYet",
    "Verdict",
    "Wrong",
    "assert_array",
    "assert_close",
    "call",
    "check",
    "compare",
    "exercise",
    "exercises",
    "function_exercise",
    "require",
]

# The chapter's number and the module with its exercises.
_MODULES = {1: "background", 2: "images_and_data"}

_SECONDS = 10.0  # for one whole check
_AGAIN = 0.2  # seconds from one attempt to stop it to the next
_PRINTED = 2000  # characters of the answer's own output that are kept


class Wrong(Exception):
    """Raised by an exercise: the answer is wrong, and this is why.

    Parameters
    ----------
    message : str
        What is wrong, in a sentence to the reader.
    hint : str, optional
        Where to look next.
    mistake : str, optional
        The short name of the mistake, for programs: "rows and columns swapped".
    line : str, optional
        The reader's own line where it happened.
    """

    def __init__(
        self, message: str, hint: str = "", *, mistake: str = "", line: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.mistake = mistake
        self.line = line


class NotYet(Exception):
    """Raised where the answer is still the unsolved stub."""


class _TimeUp(BaseException):
    """The time limit, as a BaseException: `except Exception` must not catch it."""


@dataclass(frozen=True)
class Mistake:
    """A known wrong answer and what to say about it.

    Attributes
    ----------
    name : str
        Short and unique in its exercise: "kernel flipped".
    wrong : object
        The wrong answer: a function for `compare` and `function_exercise`, a value
        for `assert_close`.
    message : str
        What is wrong, in a sentence to the reader.
    hint : str
        Where to look next; may be empty.
    """

    name: str
    wrong: Any
    message: str
    hint: str = ""

    def as_wrong(self, line: str = "") -> Wrong:
        """Return the `Wrong` that says this."""
        return Wrong(self.message, self.hint, mistake=self.name, line=line)


@dataclass(frozen=True)
class Exercise:
    """An exercise as it is registered; `exercises` returns them all."""

    number: str
    title: str
    run: Callable[[Any, np.random.Generator], None]
    seconds: float = _SECONDS
    reference: Any = None
    mistakes: tuple[Mistake, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What `check` says about an answer.

    Attributes
    ----------
    number, title : str
        The exercise.
    ok : bool or None
        True: right. False: wrong. None: the stub is not filled in yet.
    message, hint : str
        What to tell the reader.
    mistake : str
        The name of the mistake where it is a known one, else "".
    line : str
        The reader's own line where it went wrong, if one is known.
    printed : str
        What the answer printed while it was checked (its beginning).
    """

    number: str
    title: str
    ok: bool | None
    message: str
    hint: str = ""
    mistake: str = ""
    line: str = ""
    printed: str = ""

    @property
    def status(self) -> str:
        """The verdict in a word: "right", "wrong" or "not yet"."""
        return {True: "right", False: "wrong", None: "not yet"}[self.ok]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values that JSON can hold, for graders."""
        return {
            "exercise": self.number,
            "title": self.title,
            "status": self.status,
            "ok": self.ok,
            "message": self.message,
            "hint": self.hint,
            "mistake": self.mistake,
            "line": self.line,
            "printed": self.printed,
        }

    def __bool__(self) -> bool:
        return self.ok is True

    def _head(self) -> str:
        mark = {True: "✔", False: "✘", None: "…"}[self.ok]
        word = {True: "right", False: "not right yet", None: "not done yet"}[self.ok]
        return f"{mark} Exercise {self.number}, {self.title}: {word}"

    def __repr__(self) -> str:
        parts = [self._head(), self.message]
        if self.line:
            parts.append(f"In your code, {self.line}")
        if self.hint:
            parts.append(f"Hint: {self.hint}")
        if self.printed:
            parts.append("Your code printed:\n" + textwrap.indent(self.printed, "  "))
        return "\n".join(part for part in parts if part)

    def _repr_html_(self) -> str:
        # Text takes the page's own colour, so that it reads on light and on dark.
        border = {True: "#009e73", False: "#d55e00", None: "#808080"}[self.ok]
        escape = html.escape
        body = [f"<strong>{escape(self._head())}</strong>"]
        if self.message:
            body.append(f"<div>{_html_text(self.message)}</div>")
        if self.line:
            body.append(f"<div>In your code, {_html_text(self.line)}</div>")
        if self.hint:
            body.append(f"<div><em>Hint:</em> {_html_text(self.hint)}</div>")
        if self.printed:
            body.append(
                "<details><summary>Your code printed</summary>"
                '<pre style="white-space:pre-wrap;color:inherit;background:none">'
                f"{escape(self.printed)}</pre></details>"
            )
        return (
            f'<div class="imgcls-check" style="border-left:.35em solid {border};'
            'padding:.4em .8em;margin:.4em 0;overflow-wrap:anywhere">'
            f"{''.join(body)}</div>"
        )


def _html_text(text: str) -> str:
    """Escape `text`; what stands between backquotes becomes code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # an unpaired backquote
        return html.escape(text)
    return "".join(
        f'<code style="color:inherit;white-space:pre-wrap">{html.escape(part)}</code>'
        if i % 2
        else html.escape(part).replace("\n", "<br>")
        for i, part in enumerate(parts)
    )


# --- Registering exercises ----------------------------------------------------------

_exercises: dict[str, Exercise] = {}


def _key(number: str) -> tuple[int, ...]:
    return tuple(int(part) for part in number.split("."))


def _register(new: Exercise) -> None:
    if not re.fullmatch(r"[1-9]\d*\.[1-9]\d*", new.number):
        raise ValueError(f"An exercise's number is like '3.2', not {new.number!r}.")
    old = _exercises.get(new.number)
    # The same module may be loaded again; another exercise may not take the number.
    if old and old.title != new.title:
        raise ValueError(f"Exercise {new.number} is registered already: {old.title}.")
    names = [mistake.name for mistake in new.mistakes]
    if len(set(names)) != len(names):
        raise ValueError(f"Exercise {new.number}: two mistakes have one name: {names}.")
    _exercises[new.number] = new


def exercise(
    number: str,
    title: str,
    *,
    seconds: float = _SECONDS,
    reference: Any = None,
    mistakes: Sequence[Mistake] = (),
) -> Callable[[Callable], Callable]:
    """Register the decorated ``f(answer, rng)`` as an exercise's check.

    It returns if the answer is right and raises `Wrong` if not, by itself or through
    `call`, `compare`, `assert_close`, `assert_array` or `require`. `rng` is a seeded
    ``numpy.random.Generator``.

    Parameters
    ----------
    number : str
        Chapter and number, such as "3.2".
    title : str
        A few words, without a full stop.
    seconds : float
        The time limit for the whole check.
    reference : object, optional
        A right answer. The check does not use it; tests do.
    mistakes : sequence of Mistake
        Also for tests only: ``wrong`` is a whole wrong answer, for which the check
        raises `Wrong` with ``mistake=name``.

    Examples
    --------
    >>> from imgcls_helpers.checks import Wrong, check, exercise
    >>> @exercise("99.1", "Pixels of an image")
    ... def pixels(answer, rng):
    ...     if answer == 32:
    ...         raise Wrong("That is one side only.", hint="Height times width.")
    ...     assert_close(answer, 1024)
    >>> check("99.1", 32)
    ✘ Exercise 99.1, Pixels of an image: not right yet
    That is one side only.
    Hint: Height times width.
    """

    def register(run: Callable) -> Callable:
        _register(Exercise(number, title, run, seconds, reference, tuple(mistakes)))
        return run

    return register


def function_exercise(
    number: str,
    title: str,
    *,
    reference: Callable,
    mistakes: Sequence[Mistake] = (),
    seconds: float = _SECONDS,
    **options: Any,
) -> Callable[[Callable], Callable]:
    """Register an exercise whose answer is a function with one right result.

    The decorated ``cases(rng)`` yields tuples of arguments: random ones and edge
    cases, the small ones first, since the first that fails is shown to the reader.
    The rest is `compare`, to which `reference`, `mistakes` and `options` (``rtol``,
    ``atol``, ``dtype``, ``names``) go.

    Examples
    --------
    >>> from imgcls_helpers.checks import Mistake, check, function_exercise
    >>> @function_exercise(
    ...     "99.2",
    ...     "Mean of a row",
    ...     reference=lambda row: row.mean(),
    ...     mistakes=[Mistake("sum", lambda row: row.sum(), "That is the sum.")],
    ... )
    ... def cases(rng):
    ...     for n in (1, 2, 5):
    ...         yield (rng.integers(0, 10, n),)
    >>> check("99.2", lambda row: sum(row) / len(row))
    ✔ Exercise 99.2, Mean of a row: right
    >>> check("99.2", sum)
    ✘ Exercise 99.2, Mean of a row: not right yet
    That is the sum.
    """

    def register(cases: Callable) -> Callable:
        def run(answer: Any, rng: np.random.Generator) -> None:
            compare(answer, reference, cases(rng), mistakes=mistakes, **options)

        _register(Exercise(number, title, run, seconds, reference, tuple(mistakes)))
        return cases

    return register


def exercises() -> dict[str, Exercise]:
    """Return all exercises of the book by number, in order.

    Examples
    --------
    >>> from imgcls_helpers.checks import exercises
    >>> all(number == found.number for number, found in exercises().items())
    True
    """
    for chapter in _MODULES:
        _load(chapter)
    return {number: _exercises[number] for number in sorted(_exercises, key=_key)}


def _load(chapter: int) -> None:
    if chapter in _MODULES:
        importlib.import_module(f"{__name__}.{_MODULES[chapter]}")


# --- Checking -----------------------------------------------------------------------


def check(number: str, answer: Any, *, seed: int | None = None) -> Verdict:
    """Say whether `answer` is a right answer to an exercise.

    Parameters
    ----------
    number : str
        The exercise, such as "1.2".
    answer : object
        What the exercise asks for: mostly a function, handed over without calling
        it, else a value.
    seed : int, optional
        Seed of the random inputs. By default every check of an exercise uses the
        same ones, so that a verdict does not change by itself; a grader may pass
        another.

    Returns
    -------
    Verdict
        Shows itself in a notebook and in a terminal; ``verdict.to_dict()`` is for
        programs.

    Raises
    ------
    ValueError
        If there is no such exercise. A wrong or crashing answer does not raise.

    Examples
    --------
    >>> from imgcls_helpers.checks import check, exercise, require
    >>> @exercise("99.3", "An even number")
    ... def even(answer, rng):
    ...     require(answer % 2 == 0, "It is odd.")
    >>> check("99.3", 4).ok
    True
    >>> check("99.3", 5)
    ✘ Exercise 99.3, An even number: not right yet
    It is odd.
    >>> check("99.3", ...)
    … Exercise 99.3, An even number: not done yet
    Replace the `...` with your answer, then run this cell again.
    """
    found = _find(number)
    seed = zlib.crc32(found.number.encode()) if seed is None else seed
    printed = _Printed()
    outcome: Wrong | NotYet | None = None
    with _own_random_state(seed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with (
                contextlib.redirect_stdout(printed),
                contextlib.redirect_stderr(printed),
                _interruptible(),
            ):
                _check_stub(answer)
                with _time_limit(found.seconds):
                    found.run(answer, np.random.default_rng(seed))
        except (Wrong, NotYet) as raised:
            outcome = raised
        except _TimeUp as raised:
            outcome = Wrong(
                f"It was stopped after {found.seconds:g} seconds.",
                "Is there a loop that never ends, or far more work than needed?",
                mistake="too slow",
                line=_own_line(raised, answer),
            )
        except _Interrupted as raised:
            raise KeyboardInterrupt from raised
        except BaseException as raised:
            outcome = _from_exception(raised, answer)
            if isinstance(outcome, Wrong) and not outcome.line:
                # Not the reader's code, but what the check did with the answer.
                outcome = Wrong(
                    f"The check cannot use this answer: {_kind(raised)}: "
                    f"{_text(raised)}",
                    "Is it of the type that the exercise asks for?",
                    mistake="unusable",
                )
    if outcome is None:
        return Verdict(found.number, found.title, True, "", printed=printed.text())
    if isinstance(outcome, NotYet):
        return Verdict(found.number, found.title, None, str(outcome))
    return Verdict(
        found.number,
        found.title,
        False,
        outcome.message,
        outcome.hint,
        outcome.mistake,
        outcome.line,
        printed.text(),
    )


def _find(number: str) -> Exercise:
    number = str(number).strip()
    chapter = number.partition(".")[0]
    if number not in _exercises and chapter.isdecimal():
        _load(int(chapter))
    if number in _exercises:
        return _exercises[number]
    known = [f"  {e.number}  {e.title}" for e in exercises().values()]
    raise ValueError(
        f"There is no exercise {number!r}. These there are:\n" + "\n".join(known)
    )


_FILL_IN = "Replace the `...` with your answer, then run this cell again."
_WRITE = "Write the function's body, then run this cell again."


def _check_stub(answer: Any) -> None:
    """Raise NotYet where the answer is the stub's own value, or holds it."""
    if answer is None or answer is Ellipsis or answer is NotImplemented:
        raise NotYet(_FILL_IN)
    values = answer.values() if isinstance(answer, dict) else answer
    if isinstance(answer, (tuple, list, dict)) and any(v is Ellipsis for v in values):
        raise NotYet(_FILL_IN)


def _is_stub(function: Any) -> bool:
    """Whether a function that returned None has nothing of its own in it yet."""
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    if not isinstance(code, types.CodeType):
        return False
    trivial = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}
    if {i.opname for i in dis.get_instructions(code)} <= trivial:
        return True
    # Some stubs give the first lines; then a bare `...` is what is left to do.
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return False
    return any(
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and node.value.value is Ellipsis
        for node in ast.walk(tree)
    )


# --- Helpers for authors ------------------------------------------------------------


def require(condition: Any, message: str, hint: str = "", *, mistake: str = "") -> None:
    """Raise `Wrong` unless `condition` holds.

    Examples
    --------
    >>> from imgcls_helpers.checks import require
    >>> require(1 < 2, "One is not less than two.")
    """
    if not condition:
        raise Wrong(message, hint, mistake=mistake)


def call(answer: Any, *args: Any, inplace_ok: bool = False, **kwargs: Any) -> Any:
    """Call the reader's function safely and return what it returns.

    The function gets copies of the arrays, lists and dictionaries in the arguments.
    An exception becomes a `Wrong` that shows the reader's own line; a stub becomes
    "not done yet"; a change of an argument in place becomes a `Wrong`, unless
    `inplace_ok`.

    Examples
    --------
    >>> from imgcls_helpers.checks import Wrong, call
    >>> call(max, 1, 2)
    2
    >>> try:
    ...     call(max, 1)
    ... except Wrong as wrong:
    ...     print(wrong.message)
    It raised TypeError: 'int' object is not iterable
    """
    outcome = _outcome(answer, args, kwargs)
    if outcome.error is not None:
        raise outcome.error
    if outcome.changed and not inplace_ok:
        raise _in_place(outcome.changed[0])
    return outcome.value


@dataclass
class _Outcome:
    """What came of one call of a function: a value or an error."""

    value: Any = None
    error: Wrong | None = None
    kind: str = ""  # the type of the exception
    changed: list[str] = field(default_factory=list)


def _outcome(answer: Any, args: tuple, kwargs: dict[str, Any]) -> _Outcome:
    if not callable(answer):
        raise Wrong(
            f"The answer must be a function, but it is {_describe(answer)}.",
            "Hand over the function itself, without calling it: its name alone.",
            mistake="not a function",
        )
    names = _bind(answer, args, kwargs)
    given = _copy(args), _copy(kwargs)
    try:
        value = answer(*given[0], **given[1])
    except (Wrong, NotYet, _TimeUp, _Interrupted):
        raise
    except NotImplementedError:
        raise NotYet(_WRITE) from None
    except BaseException as raised:
        error = _from_exception(raised, answer)
        if isinstance(error, NotYet):
            raise error from None
        return _Outcome(error=error, kind=_kind(raised))
    if value is Ellipsis or (value is None and _is_stub(answer)):
        raise NotYet(_WRITE)
    before = [*args, *kwargs.values()]
    after = [*given[0], *given[1].values()]
    changed = [
        name
        for name, one, other in zip(names, before, after, strict=True)
        if not _same(one, other)
    ]
    return _Outcome(value=value, changed=changed)


def _kind(raised: BaseException) -> str:
    return type(raised).__name__


def _bind(answer: Any, args: tuple, kwargs: dict[str, Any]) -> list[str]:
    """Return the parameters' names; Wrong if the answer cannot be called so."""
    names = [f"argument {i + 1}" for i in range(len(args))] + list(kwargs)
    try:
        signature = inspect.signature(answer)
    except (TypeError, ValueError):  # built-in functions and ufuncs
        return names
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        n = len(args) + len(kwargs)
        raise Wrong(
            f"The function is called with {n} argument{'s' * (n != 1)}, but it takes "
            f"`{signature}`: {error}.",
            "Keep the parameters as the exercise gives them.",
            mistake="wrong parameters",
        ) from None
    positional = [
        p.name
        for p in signature.parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    for i, name in enumerate(positional[: len(args)]):
        names[i] = name
    return names


def _in_place(name: str) -> Wrong:
    return Wrong(
        f"It changes its argument `{name}` in place, so the caller's array is "
        "changed too.",
        "Work on a copy (`x = x.copy()`), or write `x = x - 1` in place of `x -= 1`.",
        mistake="in-place change",
    )


def compare(
    answer: Any,
    reference: Callable,
    cases: Iterable[tuple],
    *,
    mistakes: Sequence[Mistake] = (),
    rtol: float | None = None,
    atol: float | None = None,
    dtype: Any = None,
    names: Sequence[str] | None = None,
    inplace_ok: bool = False,
) -> None:
    """Compare the reader's function with a reference on many inputs.

    If they differ, the first of `mistakes` whose function does the same as the
    reader's on every case gives the diagnosis; without one, the first case that
    differs is shown.

    Parameters
    ----------
    answer, reference : callable
    cases : iterable of tuples
        The arguments of each call, the small ones first.
    mistakes : sequence of Mistake
        Known wrong functions; a wrong function may raise, or change its input.
    rtol, atol, dtype
        As in `assert_close`.
    names : sequence of str, optional
        What to call the arguments; by default the reference's parameters.
    inplace_ok : bool
        Whether the function may change its arguments.

    Raises
    ------
    Wrong, NotYet
        With the diagnosis.
    ValueError
        If there are fewer than two cases: one example is no check.
    """
    cases = [case if isinstance(case, tuple) else (case,) for case in cases]
    if len(cases) < 2:
        raise ValueError(f"compare needs two or more cases, not {len(cases)}.")
    if names is None:
        names = list(inspect.signature(reference).parameters)
    options = {"rtol": rtol, "atol": atol, "dtype": dtype}
    first: Wrong | None = None
    outcomes = []
    for case in cases:
        expected = reference(*_copy(case))
        outcome = _outcome(answer, case, {})
        outcomes.append(outcome)
        problem = outcome.error
        if problem is None and outcome.changed and not inplace_ok:
            problem = _in_place(outcome.changed[0])
        if problem is None:
            problem = _difference(outcome.value, expected, "result", **options)
        if problem is not None and first is None:
            first = _with_input(problem, case, names)
    if first is None:
        return
    for mistake in mistakes:
        if _agrees(mistake.wrong, cases, outcomes, options):
            raise mistake.as_wrong(line=first.line)
    raise first


def _agrees(
    wrong: Callable, cases: list[tuple], outcomes: list[_Outcome], options: dict
) -> bool:
    """Whether a known wrong function does what the reader's did, in every case."""
    for case, theirs in zip(cases, outcomes, strict=True):
        ours = _outcome(wrong, case, {})
        if ours.kind != theirs.kind or bool(ours.changed) != bool(theirs.changed):
            return False
        if not ours.kind and _difference(theirs.value, ours.value, "", **options):
            return False
    return True


def _with_input(wrong: Wrong, case: tuple, names: Sequence[str]) -> Wrong:
    """Add the arguments to the message, where they are small enough to read."""
    shown = []
    for i, value in enumerate(case):
        name = names[i] if i < len(names) else f"argument {i + 1}"
        text = _show(value)
        if text is None:
            text = _describe(value)
            shown.append(f"{name}: {text}")
        else:
            shown.append(f"{name} = `{text}`")
    where = "; ".join(shown)
    if where:
        wrong.message = f"{wrong.message}\nThis was with {where}."
    return wrong


def _show(value: Any) -> str | None:
    """Return a value as Python would write it, or None if that is too long."""
    if isinstance(value, np.ndarray) and value.size > 16:
        return None
    if isinstance(value, (np.ndarray, np.generic)):
        text = np.array2string(value, precision=4, separator=", ", max_line_width=1000)
    else:
        text = repr(value)
    text = re.sub(r"\s*\n\s*", " ", text)
    return text if len(text) <= 90 else None


def _describe(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    text = _show(value) if not callable(value) else None
    kind = type(value).__name__
    article = "an" if kind[:1].lower() in "aeiou" else "a"
    return f"{article} {kind} (`{text}`)" if text is not None else f"{article} {kind}"


def assert_close(
    got: Any,
    expected: Any,
    name: str = "answer",
    *,
    rtol: float | None = None,
    atol: float | None = None,
    dtype: Any = None,
    mistakes: Sequence[Mistake] = (),
    hint: str = "",
) -> None:
    """Raise `Wrong` unless a value is as expected, saying how it differs.

    Parameters
    ----------
    got, expected : number, bool, str, array, or tuple, list or dict of these
        Tensors of a backend and lists of numbers count as arrays.
    name : str
        What the value is, for the message: "answer", "mean".
    rtol, atol : float, optional
        Allowed are differences up to ``atol + rtol * abs(expected)``. By default,
        1e-5 relative and 1e-6 of the largest expected magnitude; nothing where
        integers, booleans or strings are expected.
    dtype : dtype or "same", optional
        If given, the dtype must be this one (or that of `expected`).
    mistakes : sequence of Mistake
        Known wrong values and what to say about them.
    hint : str
        Shown where no better one is known.

    Examples
    --------
    >>> from imgcls_helpers.checks import Wrong, assert_close
    >>> assert_close(0.1 + 0.2, 0.3)
    >>> try:
    ...     assert_close([1.0, 4.0], [1.0, 2.0], "mean")
    ... except Wrong as wrong:
    ...     print(wrong.message)
    Your mean is wrong at position 1: expected 2, yours is 4.
    """
    options = {"rtol": rtol, "atol": atol, "dtype": dtype}
    wrong = _difference(got, expected, name, **options)
    if wrong is None:
        return
    for mistake in mistakes:
        if _difference(got, mistake.wrong, name, **options) is None:
            raise mistake.as_wrong()
    wrong.hint = wrong.hint or hint
    raise wrong


def assert_array(
    got: Any,
    *,
    shape: tuple[int | None, ...] | None = None,
    dtype: Any = None,
    low: float | None = None,
    high: float | None = None,
    name: str = "result",
) -> np.ndarray:
    """Return `got` as an array, or raise `Wrong` if it is not as described.

    For answers of which only the form is known. NaN and infinite values are refused.

    Parameters
    ----------
    got : array-like
    shape : tuple of int or None, optional
        None in the tuple stands for any length.
    dtype : dtype or abstract NumPy type, optional
        ``np.uint8``, or a kind such as ``np.floating``.
    low, high : float, optional
        The range of the values, ends included.
    name : str
        What the value is, for the message.

    Examples
    --------
    >>> import numpy as np
    >>> from imgcls_helpers.checks import Wrong, assert_array
    >>> assert_array(np.zeros((2, 3)), shape=(None, 3), high=1).shape
    (2, 3)
    >>> try:
    ...     assert_array(np.zeros((2, 3)), shape=(None, 4))
    ... except Wrong as wrong:
    ...     print(wrong.message)
    Your result has shape (2, 3); expected is (any, 4).
    """
    array = _as_array(got, name)
    if shape is not None:
        fits = len(shape) == array.ndim and all(
            want in (None, have) for want, have in zip(shape, array.shape, strict=True)
        )
        if not fits:
            want = ", ".join("any" if n is None else str(n) for n in shape)
            comma = "," * (len(shape) == 1)
            raise Wrong(
                f"Your {name} has shape {array.shape}; expected is ({want}{comma}).",
                mistake="wrong shape",
            )
    if dtype is not None and not np.issubdtype(array.dtype, dtype):
        raise _wrong_dtype(array, np.dtype(dtype) if not _abstract(dtype) else dtype)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise _not_finite(array, name)
    for bound, beyond, word in ((low, np.less, "under"), (high, np.greater, "over")):
        if bound is not None and array.size and beyond(array, bound).any():
            worst = array.min() if word == "under" else array.max()
            raise Wrong(
                f"Your {name} has values {word} {bound:g}, such as {worst:g}.",
                mistake="out of range",
            )
    return array


def _abstract(dtype: Any) -> bool:
    return isinstance(dtype, type) and dtype in (
        np.number,
        np.integer,
        np.signedinteger,
        np.unsignedinteger,
        np.floating,
    )


def _wrong_dtype(got: np.ndarray, expected: Any, name: str = "result") -> Wrong:
    want = expected.__name__ if isinstance(expected, type) else expected
    return Wrong(
        f"Your {name} has dtype {got.dtype}; expected is {want}.",
        "Convert it with `.astype(...)`, or look where the other dtype comes in.",
        mistake="wrong dtype",
    )


def _not_finite(array: np.ndarray, name: str) -> Wrong:
    nan = np.count_nonzero(np.isnan(array))
    what = "NaN (not a number)" if nan else "infinite"
    count = nan or np.count_nonzero(np.isinf(array))
    some = f"{count} of its {array.size} values are" if array.ndim else "it is"
    return Wrong(
        f"Your {name} is not finite: {some} {what}.",
        "Look for a division by zero, a logarithm of zero or a number too large.",
        mistake="NaN" if nan else "infinite",
    )


def _as_array(value: Any, name: str) -> np.ndarray:
    """Return a value as an array of numbers or booleans; Wrong if it is none."""
    if value is None:
        raise Wrong(
            f"Your {name} is None." if name != "result" else "It returns None.",
            "Is a `return` missing?" if name == "result" else "",
            mistake="None",
        )
    try:
        if hasattr(value, "detach"):  # PyTorch refuses tensors that carry gradients
            value = value.detach().cpu()
        array = np.asarray(value)
    except Exception:
        if isinstance(value, (list, tuple)):
            raise Wrong(
                f"Your {name} has rows of different lengths; expected is an array.",
                mistake="ragged",
            ) from None
        array = np.empty((), object)
    if array.dtype.kind not in "biuf":
        what = "complex numbers" if array.dtype.kind == "c" else _describe(value)
        raise Wrong(
            f"Your {name} is {what}; expected are numbers.", mistake="wrong type"
        )
    return array


def _difference(
    got: Any, expected: Any, name: str, *, rtol: Any, atol: Any, dtype: Any
) -> Wrong | None:
    """Return what is wrong with `got`, or None if it is as expected."""
    options = {"rtol": rtol, "atol": atol, "dtype": dtype}
    if isinstance(expected, str) or expected is None:
        if got is expected or (isinstance(got, str) and got == expected):
            return None
        return Wrong(
            f"Your {name} is {_describe(got)}; expected is {expected!r}.",
            mistake="wrong value" if isinstance(got, str) else "wrong type",
        )
    if isinstance(expected, dict):
        if not isinstance(got, dict):
            return _wrong_type(got, "a dictionary", name)
        if set(got) != set(expected):
            return Wrong(
                f"Your {name} has the keys {sorted(map(str, got))}; expected are "
                f"{sorted(map(str, expected))}.",
                mistake="wrong keys",
            )
        parts = [(got[k], expected[k], f"{name}[{k!r}]") for k in expected]
    elif isinstance(expected, (tuple, list)) and not _flat_numbers(expected):
        if not isinstance(got, (tuple, list)):
            kind = "tuple" if isinstance(expected, tuple) else "list"
            return _wrong_type(got, f"a {kind} of {len(expected)}", name)
        if len(got) != len(expected):
            return Wrong(
                f"Your {name} has {len(got)} parts; expected are {len(expected)}.",
                mistake="wrong length",
            )
        parts = [
            (one, other, f"{name}, part {i + 1},")
            for i, (one, other) in enumerate(zip(got, expected, strict=True))
        ]
    else:
        try:
            return _array_difference(_as_array(got, name), expected, name, **options)
        except Wrong as wrong:
            return wrong
    for one, other, part in parts:
        if wrong := _difference(one, other, part, **options):
            return wrong
    return None


def _flat_numbers(values: Sequence) -> bool:
    number = (numbers.Number, np.generic)
    return isinstance(values, list) and all(isinstance(v, number) for v in values)


def _wrong_type(got: Any, wanted: str, name: str) -> Wrong:
    return Wrong(
        f"Your {name} is {_describe(got)}; expected is {wanted}.", mistake="wrong type"
    )


def _array_difference(
    got: np.ndarray, expected: Any, name: str, *, rtol: Any, atol: Any, dtype: Any
) -> Wrong | None:
    expected = np.asarray(expected)
    if got.shape != expected.shape:
        return _wrong_shape(got, expected, name)
    if dtype is not None:
        wanted = expected.dtype if dtype == "same" else np.dtype(dtype)
        if got.dtype != wanted:
            return _wrong_dtype(got, wanted, name)
    close = _close(got, expected, rtol, atol)
    if close.all():
        return None
    with np.errstate(all="ignore"):
        if got.dtype.kind == "f" and (~np.isfinite(got) & np.isfinite(expected)).any():
            return _not_finite(got, name)
        where = np.unravel_index(np.argmin(close), close.shape)
        want, have = expected[where], got[where]
        hint = _relation(got, expected, rtol, atol)
    if expected.ndim == 0:
        place = "is wrong"
    else:
        index = ", ".join(map(str, where))
        index = f"({index})" if expected.ndim > 1 else index
        place = f"is wrong at position {index}"
        wrong = np.count_nonzero(~close)
        if close.size > 2:
            place = f"is wrong in {wrong} of {close.size} values, first at {index}"
    return Wrong(
        f"Your {name} {place}: expected {_number(want)}, yours is {_number(have)}.",
        hint,
        mistake="wrong value",
    )


def _number(value: np.generic) -> str:
    return f"{value:.6g}" if value.dtype.kind == "f" else str(value)


def _close(got: np.ndarray, expected: np.ndarray, rtol: Any, atol: Any) -> np.ndarray:
    exact = expected.dtype.kind in "biu" and rtol is None and atol is None
    if exact and got.dtype.kind in "biu":
        return got == expected
    with np.errstate(all="ignore"):
        expected = expected.astype(np.float64)
        got = got.astype(np.float64)
        if exact:  # a float may stand for an integer, but not be near it by luck
            return np.isclose(got, expected, rtol=0, atol=1e-6)
        if rtol is None:
            rtol = 1e-5
        if atol is None:
            finite = np.abs(expected[np.isfinite(expected)])
            scale = finite.max() if finite.size else 0.0
            atol = 1e-6 * scale if scale else 1e-9
        return np.isclose(got, expected, rtol=rtol, atol=atol, equal_nan=True)


def _wrong_shape(got: np.ndarray, expected: np.ndarray, name: str) -> Wrong:
    hint = ""
    if got.shape == expected.shape[::-1]:
        hint = "The axes are in the opposite order."
    elif sorted(got.shape) == sorted(expected.shape):
        hint = "The axes are in another order."
    elif got.ndim != expected.ndim and got.size == expected.size:
        more = "more" if got.ndim > expected.ndim else "fewer"
        hint = f"The number of values is right, but there are {more} axes."
    elif expected.ndim == 0:
        hint = "One number is expected: did you reduce over all axes?"
    want = f"shape {expected.shape}" if expected.ndim else "a single number"
    have = f"has shape {got.shape}" if got.ndim else "is a single number"
    return Wrong(
        f"Your {name} {have}; expected is {want}.", hint, mistake="wrong shape"
    )


def _relation(got: np.ndarray, expected: np.ndarray, rtol: Any, atol: Any) -> str:
    """Return how the values hang together with the expected ones, if they do."""
    if got.dtype.kind == "b" or expected.dtype.kind == "b":
        if np.array_equal(got, ~expected.astype(bool)):
            return "It is exactly the opposite of what is expected."
        return ""
    g, e = got.astype(np.float64), expected.astype(np.float64)

    def same(value: np.ndarray) -> bool:
        return value.shape == e.shape and bool(_close(value, e, rtol, atol).all())

    if same(-g):
        return "The sign is the wrong way round."
    if got.dtype.kind == "u" and np.array_equal(
        got.astype(np.int64), expected.astype(np.int64) % (np.iinfo(got.dtype).max + 1)
    ):
        return f"The values wrapped round in {got.dtype}: convert before computing."
    if np.count_nonzero(g) > 1:
        if g.ndim > 1 and same(g.T):
            return "Rows and columns are swapped."
        for axis in range(g.ndim):
            if same(np.flip(g, axis)):
                return f"It is in reverse order along axis {axis}."
        offset = e.flat[0] - g.flat[0]
        if offset and same(g + offset):
            return f"Every value is off by the same amount, {-offset:.6g}."
        at = np.argmax(np.abs(g))
        factor = e.flat[at] / g.flat[at] if g.flat[at] else 0.0
        if factor and same(g * factor):
            return f"Every value is {1 / factor:.6g} times what is expected."
        in_order = np.sort(g, axis=None), np.sort(e, axis=None)
        if _close(*in_order, rtol, atol).all():
            return "The values are right, but in another order."
    return ""


# --- Running the reader's code ------------------------------------------------------


def _copy(value: Any) -> Any:
    """Copy what a function could change; other objects are passed as they are."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, (np.random.Generator, set, bytearray)):
        return copy.deepcopy(value)
    if type(value) in (list, tuple):
        return type(value)(_copy(v) for v in value)
    if type(value) is dict:
        return {k: _copy(v) for k, v in value.items()}
    return value


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        return np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")
    if type(one) in (list, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if type(one) is dict:
        return list(one) == list(other) and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, (set, bytearray)):
        return one == other
    return True


def _folders() -> tuple[str, ...]:
    """Return where code lives that is not the reader's."""
    found = [sysconfig.get_path(k) for k in ("stdlib", "platstdlib", "purelib")]
    found += [sysconfig.get_path("platlib"), *site.getsitepackages()]
    found.append(site.getusersitepackages())
    found.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return tuple({os.path.join(folder, "") for folder in found if folder})


_NOT_THEIRS = _folders()


def _own_line(raised: BaseException, answer: Any) -> str:
    """Return the reader's last line in a traceback, as "line 3: `x = y`"."""
    own = getattr(getattr(answer, "__code__", None), "co_filename", None)
    found = None
    for frame, number in traceback.walk_tb(raised.__traceback__):
        file = frame.f_code.co_filename
        if file == own or not (
            file.startswith(_NOT_THEIRS) or file.startswith("<frozen")
        ):
            found = file, number
    if found is None:
        return ""
    text = linecache.getline(*found).strip()
    return f"line {found[1]}: `{text}`" if text else f"line {found[1]}"


_HINTS = {
    "RecursionError": "The function calls itself without end.",
    "MemoryError": "It asks for more memory than there is.",
    "ZeroDivisionError": "What should happen where the divisor is zero?",
}


def _text(raised: BaseException) -> str:
    try:
        text = " ".join(str(raised).split())
    except Exception:
        return "(its message cannot be shown)"
    return text if len(text) <= 300 else text[:300] + "…"


def _from_exception(raised: BaseException, answer: Any) -> Wrong | NotYet:
    line = _own_line(raised, answer)
    if isinstance(raised, SystemExit):
        return Wrong(
            "It tried to stop Python.",
            "Use `return` to leave a function, not `exit()` or `sys.exit()`.",
            mistake="exit",
            line=line,
        )
    text = _text(raised)
    if isinstance(raised, TypeError) and "ellipsis" in text:
        return NotYet("Replace every `...` with code, then run this cell again.")
    return Wrong(
        f"It raised {_kind(raised)}: {text}" if text else f"It raised {_kind(raised)}.",
        _HINTS.get(_kind(raised), ""),
        mistake=_kind(raised),
        line=line,
    )


class _Printed(io.TextIOBase):
    """Takes what is printed and keeps only its beginning."""

    def __init__(self) -> None:
        self._kept = ""
        self._length = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        room = _PRINTED - len(self._kept)
        if room > 0:
            self._kept += text[:room]
        self._length += len(text)
        return len(text)

    def text(self) -> str:
        more = self._length - len(self._kept)
        return self._kept.rstrip() + (f"\n[{more} characters more]" if more else "")


@contextlib.contextmanager
def _own_random_state(seed: int) -> Iterator[None]:
    """Seed the global random numbers for the answer, and put them back after it."""
    # The old global state of NumPy, since answers may use it.
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    try:
        with np.errstate():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002


class _Interrupted(BaseException):
    """The reader pressed stop. A KeyboardInterrupt may also come from the answer."""


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Tell a real interrupt from a KeyboardInterrupt that the answer raises."""
    if not _in_main_thread():
        yield
        return

    def stop(number: int, frame: types.FrameType | None) -> None:
        raise _Interrupted

    old = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(
            signal.SIGINT, old if old is not None else signal.default_int_handler
        )


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise _TimeUp inside the block once the time is over, again and again.

    Where there are signals, they do it, since they also end a sleep. Elsewhere
    (Windows, other threads) a watching thread asks Python to raise in this one.
    """
    signals = _in_main_thread() and hasattr(signal, "setitimer")
    traced = sys.gettrace()
    try:
        with (_alarm if signals else _watch)(seconds, _insistent()):
            yield
    finally:
        if sys.gettrace() is not traced:
            sys.settrace(traced)


def _insistent() -> type[_TimeUp]:
    """Return a _TimeUp that gets out of a loop with a bare `except:` too.

    Such a loop swallows the exception wherever it is raised inside of the `try`, and
    that is where the time goes. So from the second time on, being raised turns on
    tracing, which raises again some lines later, each time one line more: sooner or
    later on a line outside of the `try`.
    """
    raised = left = 0

    def trace(frame: types.FrameType, event: str, arg: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename.startswith(_NOT_THEIRS):
            return None
        left -= event == "line"
        if left <= 0:
            raise _TimeUp
        return trace

    class Insistent(_TimeUp):
        # Python calls this in the thread, and in the frame, where it raises.
        def __init__(self) -> None:
            nonlocal raised, left
            raised += 1
            if raised == 1:
                return
            left = raised
            frame = sys._getframe(1)
            while frame and frame.f_code.co_filename == __file__:
                frame = frame.f_back
            while frame and frame.f_code.co_filename != __file__:
                if not frame.f_code.co_filename.startswith(_NOT_THEIRS):
                    frame.f_trace = trace
                frame = frame.f_back
            sys.settrace(trace)

    return Insistent


@contextlib.contextmanager
def _alarm(seconds: float, time_up: type[_TimeUp]) -> Iterator[None]:
    over = False

    def ring(number: int, frame: types.FrameType | None) -> None:
        if not over:
            raise time_up

    began = time.monotonic()
    old = signal.signal(signal.SIGALRM, ring)
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield
    finally:
        over = True  # One that is still on its way must not disturb what follows.
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old if old is not None else signal.SIG_DFL)
        if left:  # somebody else's timer, such as that of a test runner
            left = max(left - (time.monotonic() - began), 0.001)
            signal.setitimer(signal.ITIMER_REAL, left, interval)


@contextlib.contextmanager
def _watch(seconds: float, time_up: type[_TimeUp]) -> Iterator[None]:
    target = ctypes.c_ulong(threading.get_ident())
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    over = threading.Event()
    lock = threading.Lock()

    def watch() -> None:
        wait = seconds
        while not over.wait(wait):
            with lock:
                if not over.is_set():
                    raise_in(target, ctypes.py_object(time_up))
            wait = _AGAIN

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        while thread is not None:
            with contextlib.suppress(_TimeUp), lock:
                over.set()
                raise_in(target, None)  # forget one that is still on its way
                thread = None
