"""evaluation.compare: what it says, and how often it is wrong where nothing differs."""

from __future__ import annotations

import math
import re
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from imgcls_helpers import evaluation
from imgcls_helpers.evaluation._comparison import half_width
from imgcls_helpers.training import Spread

quick = settings(max_examples=60, deadline=None)

# --- How often it is wrong ------------------------------------------------------------

TABLES = 6000
IMAGES = {"accuracy on 50": 50, "accuracy on 500": 500}


def noise(kind: str, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Results of runs between which nothing differs but the seed."""
    if kind in IMAGES:
        return rng.binomial(IMAGES[kind], 0.9, shape) / IMAGES[kind]
    return {
        "normal": rng.standard_normal,
        "skewed": rng.standard_exponential,
        "more skewed": lambda size: -rng.lognormal(size=size),
        "heavy tails": lambda size: rng.standard_t(2, size),
        "heavier tails": rng.standard_cauchy,
    }[kind](shape)


KINDS = ["normal", "skewed", "more skewed", "heavy tails", "heavier tails", *IMAGES]


def share_shown(kind, n, comparisons, paired, gap=0.0, naive=False, common=False):
    """The share of tables with a false "shown", or with a gap, of true ones."""
    name = f"{kind} {n} {comparisons} {paired} {common}"
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    runs = noise(kind, rng, (TABLES, comparisons + 1, n))
    if common:  # what a seed does to all of them: its images, its first weights
        shift = 3 * noise(kind, rng, (TABLES, 1, n))
        if kind in IMAGES:  # the grid stays a grid
            shift = np.round(shift * IMAGES[kind]) / IMAGES[kind]
        runs = runs + shift
    a, b = runs[:, 1:] + gap, np.broadcast_to(runs[:, :1], runs[:, 1:].shape)
    difference = a.mean(axis=-1) - b.mean(axis=-1)
    if naive:
        reach = (a - b).std(axis=-1, ddof=1)
    else:
        reach = half_width(a, b, paired, IMAGES.get(kind), 0.05 / comparisons)
    return np.mean((np.abs(difference) > reach + 1e-12).any(axis=-1))


# If the true share is 5%, chance makes it more than this once in 10,000 times.
AT_MOST = stats.binom.ppf(1 - 1e-4, TABLES, 0.05) / TABLES


@pytest.mark.parametrize("paired", [True, False], ids=["paired", "not paired"])
@pytest.mark.parametrize("kind", KINDS)
def test_at_most_one_table_in_twenty_shows_what_is_not_there(kind, paired):
    for n in (3, 5, 10):
        for comparisons in (1, 3, 9):
            for common in (False, True):
                share = share_shown(kind, n, comparisons, paired, common=common)
                assert share <= AT_MOST, (n, comparisons, common)


def test_the_bound_on_false_ones_is_tight_enough_to_see_a_wrong_rule():
    assert AT_MOST < 0.062
    # The rule that is often used: the mean difference is above its deviation.
    one = share_shown("normal", 3, 1, True, naive=True)
    assert one == pytest.approx(2 * stats.t.sf(math.sqrt(3), 2), abs=0.02)
    assert one > 2 * AT_MOST
    assert share_shown("normal", 3, 9, True, naive=True) > 0.6


def test_where_the_noise_is_normal_the_share_is_the_promised_one():
    for n in (3, 5, 10):
        share = share_shown("normal", n, 1, True)
        assert share == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / TABLES))


def test_unequal_numbers_and_spreads_are_no_trap():
    rng = np.random.default_rng(0)
    few, many = 3 * rng.normal(size=(TABLES, 3)), rng.normal(size=(TABLES, 10))
    for a, b in ((few, many), (few / 9, many)):
        reach = half_width(a, b, False, None, 0.05)
        share = np.mean(np.abs(a.mean(axis=-1) - b.mean(axis=-1)) > reach)
        assert share <= AT_MOST + 0.01  # Welch's interval is an approximation


def test_two_runs_are_not_enough_for_accuracies():
    """Why two runs never show anything: equal differences by luck."""
    rng = np.random.default_rng(0)
    runs = rng.binomial(2000, 0.9, (TABLES, 10, 2)) / 2000
    reach = half_width(runs[:, 1:], runs[:, :1], True, 2000, 0.05 / 9)
    gap = runs[:, 1:].mean(axis=-1) - runs[:, :1].mean(axis=-1)
    assert np.mean((np.abs(gap) > reach).any(axis=-1)) > AT_MOST
    for a, b in zip(runs[:50, 0], runs[:50, 1] - 0.3, strict=True):
        assert not evaluation.compare(a, b, images=2000, paired=True).shown


def test_runs_of_which_some_collapse_are_its_limit():
    """As the docstring says: with three runs, all may lie on one hill by luck."""
    rng = np.random.default_rng(0)
    runs = 0.1 + 0.5 * (rng.random((TABLES, 10, 3)) < 0.5)
    runs += 0.01 * rng.normal(size=runs.shape)
    reach = half_width(runs[:, 1:], runs[:, :1], False, None, 0.05 / 9)
    gap = runs[:, 1:].mean(axis=-1) - runs[:, :1].mean(axis=-1)
    assert np.mean((np.abs(gap) > reach).any(axis=-1)) > AT_MOST
    assert "collapse" in evaluation.compare.__doc__


def test_a_large_difference_is_shown_in_most_tables():
    # In deviations of one run: at five seeds, four are seen almost always, and among
    # nine comparisons in most tables; where nothing is paired, with fewer.
    assert share_shown("normal", 5, 1, True, gap=4) > 0.97
    assert share_shown("normal", 5, 1, False, gap=3) > 0.97
    assert share_shown("normal", 3, 1, False, gap=4) > 0.75
    assert share_shown("normal", 5, 9, True, gap=5) > 0.9
    assert share_shown("skewed", 5, 1, True, gap=4) > 0.9
    assert share_shown("accuracy on 500", 5, 1, True, gap=0.08) > 0.97
    # What is common to a seed costs pairs nothing.
    assert share_shown("normal", 5, 1, True, gap=4, common=True) > 0.97
    assert share_shown("normal", 5, 1, False, gap=4, common=True) < 0.6


# --- The interval ---------------------------------------------------------------------

runs_of = st.integers(3, 8).flatmap(
    lambda n: st.tuples(
        *[st.lists(st.integers(0, 2000), min_size=n, max_size=n, unique=True)] * 2
    )
)


@quick
@given(runs_of, st.sampled_from([0.9, 0.95, 0.99]), st.sampled_from([1, 4]))
def test_the_interval_is_that_of_scipy(runs, confidence, comparisons):
    a, b = (np.array(x) / 100 for x in runs)
    level = 1 - (1 - confidence) / comparisons
    options = {"confidence": confidence, "comparisons": comparisons}
    if np.ptp(a - b) > 1e-9:
        found = evaluation.compare(a, b, paired=True, **options)
        expected = stats.ttest_rel(a, b).confidence_interval(level)
        assert found.interval == pytest.approx(tuple(expected))
        p = stats.ttest_rel(a, b).pvalue
        assert found.shown == (p * comparisons < 1 - confidence)
    found = evaluation.compare(a, b, **options)
    welch = stats.ttest_ind(a, b, equal_var=False)
    assert found.interval == pytest.approx(tuple(welch.confidence_interval(level)))
    assert found.shown == (welch.pvalue * comparisons < 1 - confidence)
    assert found.difference == pytest.approx(a.mean() - b.mean())


@quick
@given(runs_of)
def test_swapped_shifted_and_mapped_it_says_the_same(runs):
    a, b = (np.array(x) / 2000 for x in runs)
    for paired in (True, False):
        one = evaluation.compare(a, b, paired=paired, images=2000)
        other = evaluation.compare(b, a, paired=paired, images=2000)
        assert one.interval == pytest.approx(tuple(-x for x in other.interval[::-1]))
        assert (one.higher, one.lower) == (other.lower, other.higher)
        lists = evaluation.compare(Spread(a), b.tolist(), paired=paired, images=2000)
        assert lists == one


def test_equal_differences_are_no_certainty():
    a, b = np.array([0.80, 0.84, 0.82]), np.array([0.75, 0.79, 0.77])
    assert not evaluation.compare(a, b, paired=True).shown
    assert "images=" in str(evaluation.compare(a, b, paired=True))
    # 5 of 100 images: McNemar could not tell them apart. 50 of 1000: it could.
    few = evaluation.compare(a, b, paired=True, images=100)
    assert not few.shown
    assert few.interval[1] - few.difference == pytest.approx(math.log2(40) / 100)
    assert evaluation.compare(a, b, paired=True, images=1000).higher
    few = evaluation.compare(a, b, paired=True, images=120, comparisons=9)
    assert not few.shown


@pytest.mark.parametrize("images", range(20, 400, 20))
@pytest.mark.parametrize("comparisons", [1, 9])
def test_no_difference_is_shown_that_mcnemar_could_not_show(images, comparisons):
    labels = np.zeros(images, int)
    for k in range(1, 20):
        a, b = np.zeros(images, int), np.zeros(images, int)
        b[:k] = 1  # so many more mistakes than a
        p = evaluation.mcnemar(labels, a, b).p_value
        runs = np.array([0.5, 0.55, 0.6])
        found = evaluation.compare(
            runs,
            runs - k / images,
            paired=True,
            images=images,
            comparisons=comparisons,
        )
        assert found.shown == (p * comparisons < 0.05)


def test_runs_that_all_gave_the_same_are_one_run():
    for paired in (True, False):
        found = evaluation.compare([0.9] * 5, [0.7] * 5, paired=paired, images=10_000)
        assert not found.shown
        assert "mcnemar" in str(found)
        # Rounding is no spread.
        a = np.float32([0.9, np.nextafter(np.float32(0.9), np.float32(1)), 0.9])
        assert not evaluation.compare(a, [0.7] * 3, paired=paired).shown
    # One that is always the same, such as nearest neighbours, may meet one that varies.
    found = evaluation.compare([0.9] * 5, [0.7, 0.71, 0.7, 0.72, 0.7])
    assert found.higher


@pytest.mark.parametrize("n", [0, 1, 2])
@pytest.mark.parametrize("paired", [True, False])
def test_too_few_runs_show_nothing_and_say_how_many_are_needed(n, paired):
    found = evaluation.compare([0.9, 0.8][:n], [0.1, 0.2][:n], paired=paired)
    assert not (found.shown or found.higher or found.lower)
    assert found.interval == (-math.inf, math.inf)
    assert "needs 3 runs of each" in str(found)
    assert str(n or "none") in str(found)
    assert "not shown" in repr(found)
    found = evaluation.compare([0.9, 0.8, 0.7], [0.1, 0.2][:n])
    assert "needs 3 runs of each" in str(found)


# --- What it says ---------------------------------------------------------------------


def test_sentences():
    a, b = [0.71, 0.72, 0.70], [0.62, 0.64, 0.61]
    found = evaluation.compare(a, b, ("with", "without"), paired=True, images=2000)
    assert str(found) == (
        "Shown that with is higher than without: +8.7 points, 95% interval +7.2 to "
        "+10.1 (3 runs each, in pairs)."
    )
    found = evaluation.compare(b, a, ("without", "with"), paired=True, images=2000)
    assert str(found).startswith("Shown that without is lower than with: -8.7 points")
    found = evaluation.compare([1.5, 1.1, 1.3], [1.2, 1.4, 1.1, 1.3], comparisons=3)
    assert str(found).startswith("Not shown that a differs from b: +0.05, 95% interval")
    assert str(found).endswith("(3 and 4 runs; one of 3 comparisons).")


def test_an_end_that_is_shown_is_never_written_as_zero():
    a = np.array([10.0, 20.0, 30.0])
    d = np.array([-1.0, 0.0, 1.0])
    reach = stats.t.ppf(0.975, 2) / math.sqrt(3)
    found = evaluation.compare(a + d + reach + 0.0004, a, paired=True)
    assert found.higher
    assert "interval +0.0004 to" in str(found)
    found = evaluation.compare(a + d + reach - 0.0004, a, paired=True)
    assert not found.shown
    assert "interval -0.0004 to" in str(found)
    found = evaluation.compare([0.5, 0.6, 0.7], [0.50001, 0.6, 0.7], images=10_000)
    assert ": +0.0 points" in str(found)  # not -0.0


def test_many_at_once():
    rng = np.random.default_rng(0)
    base = rng.normal(0.6, 0.01, 5)
    runs = {
        "none": base,
        "flips": base + 0.1 + rng.normal(0, 0.01, 5),
        "<noise>": base - 0.1 + rng.normal(0, 0.01, 5),
        "crops": base + rng.normal(0, 0.01, 5),
    }
    found = evaluation.compare_all(runs, "none", paired=True, images=2000)
    assert (found.higher, found.lower) == (("flips",), ("<noise>",))
    assert found.undecided == ("crops",)
    assert found.summary == (
        "Against none: flips shown to be higher; <noise> shown to be lower; crops not "
        "shown to differ."
    )
    for one in found:
        alone = evaluation.compare(
            runs[one.a],
            base,
            (one.a, "none"),
            paired=True,
            images=2000,
            comparisons=3,
        )
        assert one == alone == found[one.a]
    assert len(found) == 3
    html = found._repr_html_()
    assert "&lt;noise&gt; - none" in html and "not shown" in html
    assert "hold together for all 3" in repr(found)
    few = evaluation.compare_all({k: v[:2] for k, v in runs.items()}, "none")
    assert few.undecided == ("flips", "<noise>", "crops")
    assert repr(few).count("it needs 3 runs of each, and there are 2") == 1
    with pytest.raises(KeyError, match="flips"):
        found["flip"]


# --- What it refuses ------------------------------------------------------------------

GOOD = [0.7, 0.72, 0.71]


@pytest.mark.parametrize(
    ("a", "b", "options", "error"),
    [
        ([0.7, np.nan, 0.7], GOOD, {}, "a must be finite; got 1 of 3 values"),
        (GOOD, [0.7, 0.7, np.inf], {}, "b must be finite; got 1 of 3 values"),
        (GOOD, [0.7, 0.8], {"paired": True}, "3 runs and 2.*paired=False"),
        ([GOOD, GOOD], GOOD, {}, "one number a run"),
        ([[1], [1, 2]], GOOD, {}, "one number a run"),
        (0.7, GOOD, {}, "one number a run"),
        ("abc", GOOD, {}, "one number a run"),
        ({"x": 1}, GOOD, {}, "one number a run"),
        ([None] * 3, GOOD, {}, "one number a run"),
        ([70.0, 72.0, 71.0], GOOD, {"images": 100}, "accuracies from 0 to 1.*72"),
        (GOOD, GOOD, {"images": 0}, "images"),
        (GOOD, GOOD, {"images": 10.5}, "images"),
        (GOOD, GOOD, {"comparisons": 0}, "comparisons"),
        (GOOD, GOOD, {"confidence": 95}, "confidence"),
        (GOOD, GOOD, {"paired": "yes"}, "paired"),
        (GOOD, GOOD, {"names": "ab"}, "names"),
        (GOOD, GOOD, {"names": ("a",)}, "names"),
    ],
)
def test_refused_by_name(a, b, options, error):
    with pytest.raises((TypeError, ValueError), match=error):
        evaluation.compare(a, b, **options)


def test_a_table_needs_its_baseline():
    for runs, baseline in (({"a": GOOD}, "a"), ({"a": GOOD, "b": GOOD}, "c")):
        with pytest.raises(ValueError, match="baseline"):
            evaluation.compare_all(runs, baseline)
    with pytest.raises(TypeError, match="mapping from names to runs"):
        evaluation.compare_all([GOOD, GOOD], "a")
    with pytest.raises(ValueError, match="paired=False"):
        evaluation.compare_all({"a": GOOD, "b": GOOD[:2]}, "a", paired=True)


def test_no_heading_of_its_page_is_empty():
    runs = {"a": [1.0, 2, 4], "b": [5.0, 7, 6], "c": [2.0, 2, 3]}
    one = evaluation.compare(runs["a"], runs["b"])
    for page in (one._repr_html_(), evaluation.compare_all(runs, "a")._repr_html_()):
        assert "<th" in page and not re.search(r"<th[^>]*></th>", page)
