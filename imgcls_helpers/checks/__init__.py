"""Instant verdicts on the book's exercises.

A reader calls one function::

    from imgcls_helpers.checks import check

    check("1.1", my_answer)

and gets a `Verdict`: right, not right yet (with what went wrong and a hint), or not
done yet. A wrong or crashing answer never raises.

Exercises live in one module a chapter or project (``checks/background.py`` and so
on), loaded on demand by the number's first part. An author writes either a function
that yields random and edge inputs, beside a reference and known wrong solutions
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

import contextlib
import importlib
import inspect
import re
import warnings
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imgcls_helpers.checks._compare import (
    assert_array,
    assert_close,
    call,
    compare,
    hard,
    require,
)
from imgcls_helpers.checks._edits import mistakes_of
from imgcls_helpers.checks._guard import (
    Interrupted,
    Printed,
    TimeUp,
    error_text,
    from_exception,
    interruptible,
    kind_of,
    no_exit,
    own_line,
    own_random_state,
    time_limit,
)
from imgcls_helpers.checks._verdict import Mistake, NotYet, Verdict, Wrong

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
    "hard",
    "require",
]

# The number of the chapter or the project, and the module with its exercises.
_MODULES = {
    "1": "background",
    "2": "images_and_data",
    "3": "convolution",
    "4": "pooling",
    "5": "layers",
    "6": "loss",
    "7": "optimizers",
    "8": "augmentation",
    "9": "regularization",
    "10": "training_recipes",
    "11": "evaluation",
    "P1": "project_by_hand",
    "P2": "project_honest",
}

_SECONDS = 10.0  # for one whole check


@dataclass(frozen=True)
class Exercise:
    """An exercise as it is registered; `exercises` returns them all.

    Attributes
    ----------
    number, title : str
        Such as "3.2", and a few words.
    run : callable
        ``run(answer, rng)`` raises `Wrong` or `NotYet`, or returns what to say of a
        right answer, or None.
    seconds : float
        The time limit of the whole check.
    reference : object
        A right answer.
    mistakes : tuple of Mistake
        Known wrong answers.

    Examples
    --------
    >>> from imgcls_helpers.checks import check, exercises
    >>> found = exercises()["1.1"]
    >>> found.title, check(found.number, found.reference).ok
    ('Accuracy', True)
    """

    number: str
    title: str
    run: Callable[[Any, np.random.Generator], str | None]
    seconds: float = _SECONDS
    reference: Any = None
    mistakes: tuple[Mistake, ...] = ()


# --- Registering exercises ----------------------------------------------------------

_exercises: dict[str, Exercise] = {}


def _key(number: str) -> tuple[bool, int, int]:
    chapter, exercise = number.split(".")
    return chapter[0] == "P", int(chapter.lstrip("P")), int(exercise)


def _register(new: Exercise) -> None:
    if not re.fullmatch(r"P?[1-9]\d*\.[1-9]\d*", new.number):
        message = f"An exercise's number is like '3.2' or 'P1.2', not {new.number!r}."
        raise ValueError(message)
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
    mistakes: str | Sequence[Mistake] = (),
) -> Callable[[Callable], Callable]:
    """Register the decorated ``f(answer, rng)`` as an exercise's check.

    It returns if the answer is right and raises `Wrong` if not, by itself or through
    `call`, `compare`, `assert_close`, `assert_array` or `require`. `rng` is a seeded
    ``numpy.random.Generator``.

    Parameters
    ----------
    number : str
        Chapter and number, such as "3.2"; "P1.2" for step 2 of project 1.
    title : str
        A few words, without a full stop.
    seconds : float
        The time limit for the whole check.
    reference : object, optional
        A right answer. The check does not use it; tests do.
    mistakes : str or sequence of Mistake
        Also for tests only: whole wrong answers, as edits of the reference or as
        functions, for which the check raises `Wrong` with ``mistake=name``.

    Returns
    -------
    callable
        The decorator.

    Raises
    ------
    ValueError
        If the number has another form, or is taken.

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
        known = _known(mistakes, reference, number)
        _register(Exercise(number, title, run, seconds, reference, known))
        return run

    return register


def function_exercise(
    number: str,
    title: str,
    *,
    reference: Callable,
    mistakes: str | Sequence[Mistake] = (),
    seconds: float = _SECONDS,
    **options: Any,
) -> Callable[[Callable], Callable]:
    """Register an exercise whose answer is a function with one right result.

    The decorated ``cases(rng)`` yields tuples of arguments: random ones and edge
    cases, the small ones first, since the first that fails is shown to the reader.
    The rest is `compare`.

    Parameters
    ----------
    number, title : str
        As in `exercise`.
    reference : callable
        A right answer.
    mistakes : str or sequence of Mistake
        Known wrong answers: edits of the reference, as `checks._edits` reads them, or
        functions.
    seconds : float
        The time limit for the whole check.
    **options
        For `compare`: ``rtol``, ``atol``, ``dtype``, ``names``, ``inplace_ok``, and
        ``slips``, by default true where the reference is written with ``def``.

    Returns
    -------
    callable
        The decorator.

    Raises
    ------
    ValueError
        As `exercise`.

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
    It agrees with the book's on 3 inputs.
    >>> check("99.2", sum)
    ✘ Exercise 99.2, Mean of a row: not right yet
    That is the sum.
    """
    known = _known(mistakes, reference, number)
    with_def = inspect.isfunction(reference) and reference.__name__ != "<lambda>"
    options.setdefault("slips", with_def)

    def register(cases: Callable) -> Callable:
        def run(answer: Any, rng: np.random.Generator) -> str:
            return compare(answer, reference, cases(rng), mistakes=known, **options)

        _register(Exercise(number, title, run, seconds, reference, known))
        return cases

    return register


def _known(
    mistakes: str | Sequence[Mistake], reference: Any, number: str
) -> tuple[Mistake, ...]:
    """Return mistakes that are written as edits, or as a list."""
    if isinstance(mistakes, str):
        return mistakes_of(mistakes, reference, number)
    return tuple(mistakes)


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


def _load(chapter: str) -> None:
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
    printed = Printed()
    outcome: Wrong | NotYet | None = None
    praise = None
    with own_random_state(seed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with (
                contextlib.redirect_stdout(printed),
                contextlib.redirect_stderr(printed),
                interruptible(),
                no_exit(),
            ):
                _check_stub(answer)
                with time_limit(found.seconds):
                    praise = found.run(answer, np.random.default_rng(seed))
        except (Wrong, NotYet) as raised:
            outcome = raised
        except TimeUp as raised:
            outcome = Wrong(
                f"It was stopped after {found.seconds:g} seconds.",
                "Is there a loop that never ends, or far more work than needed?",
                mistake="too slow",
                line=own_line(raised, answer),
            )
        except Interrupted as raised:
            raise KeyboardInterrupt from raised
        except BaseException as raised:
            outcome = from_exception(raised, answer)
            if isinstance(outcome, Wrong) and not outcome.line:
                # Not the reader's code, but what the check did with the answer.
                outcome = Wrong(
                    f"The check cannot use this answer: {kind_of(raised)}: "
                    f"{error_text(raised)}",
                    "Is it of the type that the exercise asks for?",
                    mistake="unusable",
                )
    if outcome is None:
        said = {"message": praise or "", "printed": printed.text()}
        return Verdict(found.number, found.title, True, **said)
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
    if number not in _exercises:
        _load(chapter)
    if number in _exercises:
        return _exercises[number]
    known = [f"  {e.number}  {e.title}" for e in exercises().values()]
    raise ValueError(
        f"There is no exercise {number!r}. These there are:\n" + "\n".join(known)
    )


_FILL_IN = "Replace the `...` with your answer, then run this cell again."


def _check_stub(answer: Any) -> None:
    """Raise NotYet where the answer is the stub's own value, or holds it."""
    if answer is None or answer is Ellipsis or answer is NotImplemented:
        raise NotYet(_FILL_IN)
    values = answer.values() if isinstance(answer, dict) else answer
    if isinstance(answer, (tuple, list, dict)) and any(v is Ellipsis for v in values):
        raise NotYet(_FILL_IN)
