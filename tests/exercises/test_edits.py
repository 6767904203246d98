"""Mistakes as edits of the reference, and the slips that are made from it."""

from __future__ import annotations

import numpy as np
import pytest

from imgcls_helpers.checks import check, exercises, function_exercise
from imgcls_helpers.checks._edits import edited, mistakes_of
from imgcls_helpers.checks._slips import slips_of


def smallest(values, limit):
    """Return the sum of what is under a limit, which is not in it."""
    total = 0.0
    for value in values:
        if value < limit:
            total += half(
                value,
                2,
            )
    return total


def half(value, by):
    return value / by


VALUES = [1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize(
    ("edits", "result"),
    [
        ("limit := 100", 7.5),
        ("values := values[:1] & limit := 2", 0.5),
        ("result := result + 1", 2.5),
        ("result := result + 1 & result := -result", -2.5),
        ("value < limit => value <= limit", 3.5),
        ("half(value, 2) => value", 3.0),  # however its lines are broken
        ("value / by => value // by", 1.0),  # in what the reference calls
        ("value / by => value / by ** 2 & limit := 100", 3.75),
        ("total += => total =", 1.0),
        ("if value < limit: => if (value < limit) & (value > 1):", 1.0),
    ],
)
def test_an_edit_changes_what_it_says(edits, result):
    assert smallest(VALUES, 4.0) == 1.5
    assert edited(smallest, edits)(VALUES, 4.0) == result
    assert smallest(VALUES, 4.0) == 1.5


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        ("median(x) => mean(x)", "`median.x.` is not in the reference"),
        ("val => number", "`val` is not in the reference"),  # part of a name
        ("total => total", "is what it was"),
        ("number := 3", "'number' is none of the arguments"),
        ("something else", "neither `old => new` nor `name := value`"),
        ("total += => total + +=", "invalid syntax"),
    ],
)
def test_an_edit_that_finds_nothing_is_refused_with_its_line(edits, words):
    text = f"all of them: limit := 9\n    Fine.\nbroken: {edits}\n    Not fine."
    with pytest.raises(ValueError, match=words) as caught:
        mistakes_of(text, smallest, "99.1")
    assert "Exercise 99.1, mistake 'broken: " in str(caught.value)


def test_parameters_are_not_edited():
    with pytest.raises(NameError, match="numbers"):  # which the body alone knows of
        edited(smallest, "values => numbers")(VALUES, 4.0)


def test_a_text_of_mistakes_is_read():
    one, other = mistakes_of(
        """
        all of them: limit := float("inf")
            & result := result * 1
            The limit has no influence.

            Compare with it.
            Hint: Which values are
            under it?
        too many: value < limit => value <= limit
        """,
        smallest,
        "99.1",
    )
    assert one.name == "all of them" and one.hint == "Which values are under it?"
    assert one.message == "The limit has no influence. Compare with it."
    assert one.wrong(VALUES, 0) == 7.5
    assert (other.name, other.message, other.hint) == ("too many", "", "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no edits", "expected is `name: edits`"),
        ("one: limit := 1\none: limit := 2", "two mistakes are called"),
    ],
)
def test_a_text_that_is_none_is_refused(text, words):
    with pytest.raises(ValueError, match=words):
        mistakes_of(text, smallest, "99.1")


@pytest.mark.parametrize("reference", [sum, lambda x: x, np.mean])
def test_only_a_function_with_def_can_be_edited(reference):
    with pytest.raises(ValueError, match="must be"):
        edited(reference, "x := 1")


@function_exercise(
    "99.60",
    "Sum under a limit",
    reference=smallest,
    mistakes="""
    limit included: value < limit => value <= limit
        A value that equals the limit is not under it.
        Hint: What does "under" say of 3 and 3?
    """,
)
def _(rng):
    for n in (3, 5, 8, 13):
        values = rng.integers(1, 9, n).astype(float)
        yield values, float(values[0])


def early(values, limit):
    for value in values:
        if value < limit:
            return value / 2
        return 0.0
    return 0.0


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda values, limit: values[values <= limit].sum() / 2, "limit included"),
        (lambda values, limit: values[values < limit].sum(), "not divided"),
        (lambda values, limit: values.sum() / 2, "cases not told apart"),
        (
            lambda values, limit: values[values > limit].sum() / 2,
            "comparison the wrong",
        ),
        (lambda values, limit: values[values < limit].sum() / 3, "one too large"),
        (early, "return in the loop"),
        (lambda values, limit: values[1], "wrong value"),
    ],
)
def test_written_mistakes_and_slips_are_called_by_name(answer, name):
    for seed in (None, 0, 1):
        found = check("99.60", answer, seed=seed)
        assert not found.ok and found.mistake.startswith(name), found


def test_a_slip_does_not_give_the_solution_away():
    for slip in slips_of(smallest):
        assert slip.message.endswith((".", "?")) and "smallest" not in slip.message
        assert " / " not in slip.message and " < " not in slip.message


@pytest.mark.parametrize("number", ["3.2", "5.4", "7.2", "11.1"])
def test_slips_of_the_book_are_refused(number):
    """Most of them by a name; what stays equal to the reference is no mistake."""
    slips = slips_of(exercises()[number].reference)
    assert len({slip.place for slip in slips}) == len(slips) >= 15
    verdicts = [check(number, slip.wrong) for slip in slips]
    wrong = [verdict for verdict in verdicts if not verdict.ok]
    assert len(wrong) >= len(slips) - 1
    named = [v for v in wrong if v.mistake not in ("wrong value", "wrong shape")]
    assert len(named) >= 0.85 * len(wrong)
