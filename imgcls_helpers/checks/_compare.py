"""Call an answer, compare what it gives, and find the words for the difference."""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from imgcls_helpers.checks._guard import (
    WRITE_THE_BODY,
    Interrupted,
    TimeUp,
    copied,
    from_exception,
    is_stub,
    kind_of,
    unchanged,
)
from imgcls_helpers.checks._numbers import (
    as_array,
    close,
    describe,
    one_number,
    show,
)
from imgcls_helpers.checks._relations import relation
from imgcls_helpers.checks._slips import slips_of
from imgcls_helpers.checks._verdict import Mistake, NotYet, Wrong


class Case(tuple):
    """The arguments of a hard case, and what is hard about it: ``why``."""

    why: str


def hard(why: str, *arguments: Any) -> Case:
    """Return a case of which a right answer is told that it was among them.

    Parameters
    ----------
    why : str
        What is hard about it, such as "logits of 1000".
    *arguments
        Of the call.

    Returns
    -------
    tuple
        The arguments.

    Examples
    --------
    >>> from imgcls_helpers.checks import hard
    >>> hard("an empty list", [])
    ([],)
    """
    case = Case(arguments)
    case.why = why
    return case


def require(condition: Any, message: str, hint: str = "", *, mistake: str = "") -> None:
    """Raise `Wrong` unless `condition` holds.

    Parameters
    ----------
    condition : object
        What must be true.
    message, hint, mistake : str
        As in `Wrong`.

    Raises
    ------
    Wrong
        If `condition` is false.

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

    Parameters
    ----------
    answer : callable
    *args, **kwargs
        What to call it with.
    inplace_ok : bool
        Whether it may change its arguments.

    Returns
    -------
    object
        What the function returned.

    Raises
    ------
    Wrong, NotYet
        With the diagnosis.

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
    shared: bool = False  # what it returned shares memory with an argument


def _outcome(answer: Any, args: tuple, kwargs: dict[str, Any]) -> _Outcome:
    if not callable(answer):
        raise Wrong(
            f"The answer must be a function, but it is {describe(answer)}.",
            "Hand over the function itself, without calling it: its name alone.",
            mistake="not a function",
        )
    names = _bind(answer, args, kwargs)
    given = copied(args), copied(kwargs)
    try:
        value = answer(*given[0], **given[1])
    except (Wrong, NotYet, TimeUp, Interrupted):
        raise
    except NotImplementedError:
        raise NotYet(WRITE_THE_BODY) from None
    except BaseException as raised:
        error = from_exception(raised, answer)
        if isinstance(error, NotYet):
            raise error from None
        return _Outcome(error=error, kind=kind_of(raised))
    if value is Ellipsis or (value is None and is_stub(answer)):
        raise NotYet(WRITE_THE_BODY)
    before = [*args, *kwargs.values()]
    after = [*given[0], *given[1].values()]
    changed = [
        name
        for name, one, other in zip(names, before, after, strict=True)
        if not unchanged(one, other)
    ]
    own = [a for a in _arrays(given) for b in _arrays(value) if np.shares_memory(a, b)]
    return _Outcome(value=value, changed=changed, shared=bool(own))


def _arrays(value: Any) -> Iterator[np.ndarray]:
    """Yield the arrays in a value."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from _arrays(part)
    elif isinstance(value, dict):
        yield from _arrays(list(value.values()))


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
    new: bool = False,
    slips: bool = False,
) -> str:
    """Compare the reader's function with a reference on many inputs.

    If they differ, the first of `mistakes`, and then of the usual slips, whose function
    does the same as the reader's on every case gives the diagnosis; without one, the
    first case that differs is shown.

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
    new : bool
        Whether the arrays that it returns must share no memory with its arguments.
    slips : bool
        Whether the usual slips are made from the reference; it must be a function
        written with ``def``.

    Returns
    -------
    str
        On how many cases the answer is right, and on which hard ones.

    Raises
    ------
    Wrong, NotYet
        With the diagnosis.
    ValueError
        If there are fewer than two cases: one example is no check.

    Examples
    --------
    >>> from imgcls_helpers.checks import Mistake, Wrong, compare
    >>> total = Mistake("total", sum, "That is the sum, not the mean.")
    >>> try:
    ...     compare(
    ...         answer=lambda numbers: sum(numbers),
    ...         reference=lambda numbers: sum(numbers) / len(numbers),
    ...         cases=[([1.0],), ([1.0, 2.0],)],
    ...         mistakes=[total],
    ...     )
    ... except Wrong as wrong:
    ...     print(wrong.message)
    That is the sum, not the mean.
    """
    cases = [case if isinstance(case, tuple) else (case,) for case in cases]
    if len(cases) < 2:
        raise ValueError(f"compare needs two or more cases, not {len(cases)}.")
    if names is None:
        names = list(inspect.signature(reference).parameters)
    options = {"rtol": rtol, "atol": atol, "dtype": dtype}
    first: Wrong | None = None
    outcomes, pairs, compared = [], [], False
    for case in cases:
        expected = reference(*copied(case))
        outcome = _outcome(answer, case, {})
        outcomes.append(outcome)
        problem = outcome.error
        if problem is None and outcome.changed and not inplace_ok:
            problem = _in_place(outcome.changed[0])
        if problem is None and new and outcome.shared:
            problem = Wrong(
                "It returns one of its arguments, or a view of it: who changes the "
                "result changes the caller's array too.",
                "Return a new array, such as `x.copy()`, in this case too.",
                mistake="shared memory",
            )
        sound = problem is None
        if sound:
            pairs.append((outcome.value, expected))
            problem = _difference(outcome.value, expected, "result", **options)
        if problem is not None and first is None:
            first, compared = _with_input(problem, case, names), sound
    if first is None:
        return _praise(cases)
    for mistake in mistakes:
        if _agrees(mistake.wrong, cases, outcomes, options):
            raise mistake.as_wrong(line=first.line)
    if slips and compared:  # an error says more than a slip
        for slip in slips_of(reference):
            if _agrees(slip.wrong, cases, outcomes, options):
                raise Wrong(slip.message, mistake=slip.name, line=first.line)
    if len(pairs) == len(cases):
        first.hint = first.hint or relation(pairs, rtol, atol)
    raise first


def _praise(cases: Sequence[tuple]) -> str:
    """Return on what a right answer was right."""
    whys = dict.fromkeys(case.why for case in cases if isinstance(case, Case))
    among = f", among them {_listed(list(whys))}" if whys else ""
    return f"It agrees with the book's on {len(cases)} inputs{among}."


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + (" and " if len(words) > 1 else "") + words[-1]


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
        text = show(value)
        if text is None:
            text = describe(value)
            shown.append(f"{name}: {text}")
        else:
            shown.append(f"{name} = `{text}`")
    where = "; ".join(shown)
    if where:
        wrong.message = f"{wrong.message}\nThis was with {where}."
    return wrong


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

    Raises
    ------
    Wrong
        With the diagnosis.

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

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    Wrong
        If it is not as described.

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
    array = as_array(got, name)
    if shape is not None:
        array = one_number(array, len(shape))
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


def _difference(
    got: Any, expected: Any, name: str, *, rtol: Any, atol: Any, dtype: Any
) -> Wrong | None:
    """Return what is wrong with `got`, or None if it is as expected."""
    options = {"rtol": rtol, "atol": atol, "dtype": dtype}
    if isinstance(expected, str) or expected is None:
        if got is expected or (isinstance(got, str) and got == expected):
            return None
        return Wrong(
            f"Your {name} is {describe(got)}; expected is {expected!r}.",
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
        if isinstance(got, np.ndarray) and got.ndim:
            got = list(got)
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
            return _array_difference(as_array(got, name), expected, name, **options)
        except Wrong as wrong:
            return wrong
    for one, other, part in parts:
        if found := _difference(one, other, part, **options):
            return found
    return None


def _flat_numbers(values: Sequence) -> bool:
    number = (numbers.Number, np.generic)
    return isinstance(values, list) and all(isinstance(v, number) for v in values)


def _wrong_type(got: Any, wanted: str, name: str) -> Wrong:
    return Wrong(
        f"Your {name} is {describe(got)}; expected is {wanted}.", mistake="wrong type"
    )


def _array_difference(
    got: np.ndarray, expected: Any, name: str, *, rtol: Any, atol: Any, dtype: Any
) -> Wrong | None:
    expected = np.asarray(expected)
    got = one_number(got, expected.ndim)
    if got.shape != expected.shape:
        return _wrong_shape(got, expected, name)
    if dtype is not None:
        wanted = expected.dtype if dtype == "same" else np.dtype(dtype)
        if got.dtype != wanted:
            return _wrong_dtype(got, wanted, name)
    near = close(got, expected, rtol, atol)
    if near.all():
        return None
    with np.errstate(all="ignore"):
        if got.dtype.kind == "f" and (~np.isfinite(got) & np.isfinite(expected)).any():
            return _not_finite(got, name)
        where = np.unravel_index(np.argmin(near), near.shape)
        want, have = expected[where], got[where]
    if expected.ndim == 0:
        place = "is wrong"
    else:
        index = ", ".join(map(str, where))
        index = f"({index})" if expected.ndim > 1 else index
        place = f"is wrong at position {index}"
        wrong = np.count_nonzero(~near)
        if near.size > 2:
            place = f"is wrong in {wrong} of {near.size} values, first at {index}"
    return Wrong(
        f"Your {name} {place}: expected {_number(want)}, yours is {_number(have)}.",
        mistake="wrong value",
    )


def _number(value: np.generic) -> str:
    return f"{value:.6g}" if value.dtype.kind == "f" else str(value)


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
