"""evaluation: every number against scikit-learn, SciPy or the formula itself."""

from __future__ import annotations

import inspect
import json
import math
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from imgcls_helpers import evaluation
from imgcls_helpers.data import Part, load_dataset

quick = settings(max_examples=40, deadline=None)


def random_case(seed: int, n: int, k: int, dtype=np.float32, ties: bool = False):
    """Labels, and probabilities that are better than chance."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, k, n)
    z = rng.normal(size=(n, k)) * 2
    z[np.arange(n), labels] += rng.uniform(0, 3)
    if ties:
        z = np.round(z)
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return labels, (p / p.sum(axis=1, keepdims=True)).astype(dtype)


cases = st.builds(
    random_case,
    seed=st.integers(0, 10**6),
    n=st.integers(1, 200),
    k=st.integers(2, 12),
    dtype=st.sampled_from([np.float32, np.float64]),
)
tied_cases = st.builds(
    random_case,
    seed=st.integers(0, 10**6),
    n=st.integers(1, 200),
    k=st.integers(2, 6),
    ties=st.just(True),
)


# --- Single numbers -----------------------------------------------------------------


@quick
@given(cases)
def test_accuracy_and_cross_entropy_are_those_of_scikit_learn(case):
    labels, p = case
    predictions = p.argmax(axis=1)
    expected = metrics.accuracy_score(labels, predictions)
    assert evaluation.accuracy(labels, p) == pytest.approx(expected)
    assert evaluation.accuracy(labels, predictions) == pytest.approx(expected)
    assert type(evaluation.accuracy(labels, p)) is float
    all_classes = range(p.shape[1])
    expected = metrics.log_loss(labels, p.astype(np.float64), labels=all_classes)
    assert evaluation.cross_entropy(labels, p) == pytest.approx(expected, rel=1e-5)


def test_cross_entropy_of_a_certain_mistake_is_finite():
    p = np.array([[1, 0]], np.float32)
    expected = -np.log(np.finfo(np.float32).eps)
    assert evaluation.cross_entropy([1], p) == pytest.approx(expected)
    assert evaluation.cross_entropy([0], p) == pytest.approx(0, abs=1e-6)


@quick
@given(cases)
def test_brier_score_is_that_of_the_definition_and_of_scikit_learn(case):
    labels, p = case
    found = evaluation.brier_score(labels, p)
    y = np.eye(p.shape[1])[labels]
    p = p.astype(np.float64)
    by_hand = np.mean([sum((a - b) ** 2) for a, b in zip(p, y, strict=True)])
    assert found == pytest.approx(by_hand, abs=1e-9)
    assert 0 <= found <= 2
    if p.shape[1] == 2 and 0 < labels.sum() < len(labels):
        half = metrics.brier_score_loss(labels, p[:, 1])
        assert found == pytest.approx(2 * half, abs=1e-5)
    # scikit-learn takes several classes from version 1.7 on.
    p /= p.sum(axis=1, keepdims=True)
    if "labels" in inspect.signature(metrics.brier_score_loss).parameters:
        expected = metrics.brier_score_loss(
            labels, p, labels=list(range(p.shape[1])), scale_by_half=False
        )
        assert found == pytest.approx(expected, abs=1e-5)


def test_brier_score_of_the_ends():
    for dtype in (np.float16, np.float32, np.float64, int):
        assert evaluation.brier_score([0, 1], np.eye(2, dtype=dtype)) == 0
        assert evaluation.brier_score([1, 0], np.eye(2, dtype=dtype)) == 2
    uniform = np.full((7, 10), 0.1)
    assert evaluation.brier_score(range(7), uniform) == pytest.approx(1 - 1 / 10)
    with pytest.raises(ValueError, match="sum to 1"):
        evaluation.brier_score([0], [[2.0, 1.0]])


@quick
@given(cases, st.data())
def test_top_k_is_that_of_scikit_learn(case, data):
    labels, p = case
    k = data.draw(st.integers(1, p.shape[1]))
    if p.shape[1] == 2 or k == p.shape[1]:
        expected = 1.0 if k == p.shape[1] else np.mean(p.argmax(1) == labels)
    else:
        expected = metrics.top_k_accuracy_score(
            labels, p, k=k, labels=range(p.shape[1])
        )
    assert evaluation.top_k_accuracy(labels, p, k) == pytest.approx(expected)


@quick
@given(tied_cases, st.data())
def test_ties_go_to_the_lower_class_in_every_top_k(case, data):
    labels, p = case
    k = data.draw(st.integers(1, p.shape[1]))
    order = np.argsort(-p, axis=1, kind="stable")[:, :k]
    expected = np.mean((order == labels[:, None]).any(axis=1))
    assert evaluation.top_k_accuracy(labels, p, k) == pytest.approx(expected)
    assert evaluation.top_k_accuracy(labels, p, 1) == evaluation.accuracy(labels, p)


def test_blocks_leave_nothing_out(monkeypatch):
    """The same numbers in blocks of 7 rows as in one."""
    labels, p = random_case(0, 100, 5, np.float64)
    whole = evaluation.evaluate(labels, p).to_dict()
    temperature = evaluation.temperature_scaling(labels, p).temperature
    monkeypatch.setattr("imgcls_helpers._arguments._arrays._ROWS", 7)
    parts = evaluation.evaluate(labels, p).to_dict()
    assert parts.keys() == whole.keys()
    for key, value in whole.items():
        if isinstance(value, float):
            assert parts[key] == pytest.approx(value), key
        else:
            assert parts[key] == value, key
    again = evaluation.temperature_scaling(labels, p).temperature
    assert again == pytest.approx(temperature)


# --- Intervals ----------------------------------------------------------------------


@quick
@given(
    st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.floats(0.5, 0.999),
)
def test_wilson_is_that_of_scipy(case, confidence):
    right, n = case
    expected = stats.binomtest(right, n).proportion_ci(confidence, method="wilson")
    found = evaluation.wilson_interval(right, n, confidence=confidence)
    assert found == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert 0 <= found[0] <= right / n <= found[1] <= 1


def test_wilson_takes_arrays():
    low, high = evaluation.wilson_interval(np.array([3, 0]), np.array([10, 4]))
    for i, (right, n) in enumerate([(3, 10), (0, 4)]):
        assert (low[i], high[i]) == evaluation.wilson_interval(right, n)


@pytest.mark.parametrize(
    ("right", "n", "error"),
    [
        (5, 4, "from 0 to n"),
        (-1, 4, "successes must be whole numbers of 0 or more; got -1"),
        (0, 0, "n must be whole numbers of 1 or more; got 0"),
        (0.5, 4, "successes must be whole numbers of 0 or more"),
        (True, 4, "successes must be whole"),
        ("1", 4, "successes must be whole"),
        (np.uint64(2**64 - 1), 4, "successes must be whole"),
        (np.ma.MaskedArray([1, 2], [0, 1]), np.array([4, 4]), "masked"),
        ([1, 2, 3], [4, 4], "of one shape"),
        ([[1], [2, 3]], 4, "successes must be whole"),
    ],
)
def test_wilson_refuses(right, n, error):
    with pytest.raises((TypeError, ValueError), match=error):
        evaluation.wilson_interval(right, n)


@pytest.mark.parametrize("confidence", [0, 1, 95, -0.5, "0.95", float("nan")])
def test_confidence_is_a_share(confidence):
    with pytest.raises(
        ValueError, match="confidence must be a number above 0, below 1"
    ):
        evaluation.wilson_interval(1, 2, confidence=confidence)


def test_bootstrap_is_that_of_scipy():
    rng = np.random.default_rng(0)
    values = rng.gamma(2, size=200)
    expected = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=9999, random_state=1
    ).confidence_interval
    found = evaluation.bootstrap_interval(values, resamples=9999)
    # Two runs of the bootstrap differ by chance.
    assert found == pytest.approx(tuple(expected), abs=0.1 * np.ptp(expected))
    again = evaluation.bootstrap_interval(values, resamples=9999)
    assert found == again
    other = evaluation.bootstrap_interval(values, resamples=9999, seed=1)
    assert found != other


def test_bootstrap_of_right_answers_takes_the_short_way_to_the_same():
    right = np.random.default_rng(0).random(300) < 0.7
    short = evaluation.bootstrap_interval(right, resamples=20_000)
    long = evaluation.bootstrap_interval(right.astype(float), resamples=20_000)
    assert short == pytest.approx(long, abs=0.004)  # the accuracy moves in 1/300


def test_bootstrap_draws_rows_together():
    labels, p = random_case(3, 150, 3)
    predictions = p.argmax(axis=1)

    def gap(y, a):
        assert y.shape == a.shape == (150,)
        return np.mean(y == a) - np.mean(a == a)

    low, high = evaluation.bootstrap_interval(labels, predictions, statistic=gap)
    assert low <= np.mean(labels == predictions) - 1 <= high


def test_bootstrap_refuses():
    with pytest.raises(TypeError, match="arrays must be one or more; got none"):
        evaluation.bootstrap_interval()
    for wrong in (np.array([]), 3, [[1], [2, 3]], np.ma.MaskedArray([1, 2], [0, 1])):
        with pytest.raises(ValueError, match="an array with one row or more; got"):
            evaluation.bootstrap_interval(wrong)
    with pytest.raises(ValueError, match="equally many; got 2 and 3"):
        evaluation.bootstrap_interval([1, 2], [1, 2, 3], statistic=lambda a, b: 0)
    with pytest.raises(ValueError, match="returns one number"):
        evaluation.bootstrap_interval([1, 2], statistic=lambda a: a)
    with pytest.raises(ValueError, match="seed must be"):
        evaluation.bootstrap_interval([1, 2], seed=-1)
    with pytest.raises(ValueError, match="number for every resample; got NaN for"):
        evaluation.bootstrap_interval([1.0, float("nan")])
    with pytest.raises(ValueError, match="resamples"):
        evaluation.bootstrap_interval([1.0, 2.0], resamples=5)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    held = {"wilson": 0, "bootstrap": 0}
    for seed in range(400):
        right = rng.random(200) < 0.8
        low, high = evaluation.wilson_interval(int(right.sum()), 200)
        held["wilson"] += low <= 0.8 <= high
        low, high = evaluation.bootstrap_interval(right, seed=seed, resamples=500)
        held["bootstrap"] += low <= 0.8 <= high
    for name, count in held.items():
        assert 0.91 <= count / 400 <= 0.98, name


# --- McNemar ------------------------------------------------------------------------


@quick
@given(*[st.integers(0, 60)] * 4)
def test_mcnemar(both, only_a, only_b, neither):
    n = both + only_a + only_b + neither
    if n == 0:
        return
    labels = np.zeros(n, int)
    a = np.repeat([0, 0, 1, 1], [both, only_a, only_b, neither])
    b = np.repeat([0, 1, 0, 1], [both, only_a, only_b, neither])
    found = evaluation.mcnemar(labels, a, b)
    counts = (found.both, found.only_a, found.only_b, found.neither)
    assert counts == (both, only_a, only_b, neither)
    assert found.difference == pytest.approx(np.mean(a == 0) - np.mean(b == 0))
    unlike = only_a + only_b
    if unlike == 0:
        assert found.p_value == 1
    elif unlike < 25:
        assert found.method == "exact binomial"
        expected = stats.binomtest(only_a, unlike).pvalue
        assert found.p_value == pytest.approx(expected)
    else:
        assert found.method == "chi-square with continuity correction"
        statistic = max(abs(only_a - only_b) - 1, 0) ** 2 / unlike
        assert found.statistic == pytest.approx(statistic)
        assert found.p_value == pytest.approx(stats.chi2.sf(statistic, 1))
    assert found.method in repr(found)
    swapped = evaluation.mcnemar(labels, b, a)
    assert swapped.p_value == found.p_value
    assert swapped.difference == -found.difference


def test_mcnemar_is_the_formula_of_its_docstring():
    formula = re.search(r"``(max\(.*)``", evaluation.mcnemar.__doc__).group(1)
    formula = formula.replace("²", "**2").replace("|b - c|", "abs(b - c)")
    for b, c in ((15, 15), (15, 16), (20, 10), (40, 2)):
        labels = np.zeros(b + c, int)
        a_wrong = np.arange(b + c) >= b
        found = evaluation.mcnemar(labels, a_wrong * 1, 1 - a_wrong)
        assert (found.only_a, found.only_b) == (b, c)
        assert found.statistic == pytest.approx(eval(formula, {"b": b, "c": c}))
        assert found.p_value == pytest.approx(stats.chi2.sf(found.statistic, 1))


def test_mcnemar_takes_probabilities():
    labels, p = random_case(0, 80, 4)
    _, q = random_case(1, 80, 4)
    assert evaluation.mcnemar(labels, p, q) == evaluation.mcnemar(
        labels, p.argmax(1), q.argmax(1)
    )


def test_mcnemar_never_says_that_p_is_zero():
    labels = np.zeros(1000, int)
    assert "below 0.0001" in repr(evaluation.mcnemar(labels, labels, labels + 1))


def test_mcnemar_refuses_other_images():
    with pytest.raises(
        ValueError, match="labels and predictions_b must be equally many; got 3 and 2"
    ):
        evaluation.mcnemar([0, 1, 1], [0, 1, 1], [0, 1])
    p = np.full((3, 2), 0.5)
    with pytest.raises(ValueError, match="labels must be below 2"):
        evaluation.mcnemar([0, 1, 2], p, p)


# --- Calibration --------------------------------------------------------------------


def ece_by_loop(labels, p, bins):
    sure = p.astype(float).max(axis=1)
    right = p.argmax(axis=1) == labels
    total = 0.0
    for m in range(bins):
        inside = (sure > m / bins + 1e-7) & (sure <= (m + 1) / bins + 1e-7)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - sure[inside].mean())
    return total


@quick
@given(cases, st.integers(1, 30))
def test_calibration_error_is_that_of_the_loop(case, bins):
    labels, p = case
    found = evaluation.calibration(labels, p, bins=bins)
    assert found.ece == pytest.approx(ece_by_loop(labels, p, bins), abs=1e-6)
    assert found.counts.sum() == len(labels)
    assert found.mce >= found.ece - 1e-12
    empty = found.counts == 0
    assert np.isnan(found.accuracy[empty]).all()
    assert not np.isnan(found.accuracy[~empty]).any()


def test_bins_include_their_upper_edge():
    p = np.array([[0.8, 0.2], [0.6, 0.4]], np.float32)  # 0.8 and 0.6 in float32
    counts = evaluation.calibration([0, 0], p, bins=5).counts
    assert counts.tolist() == [0, 0, 1, 1, 0]


def test_calibration_by_hand_and_as_a_table():
    p = [[0.9, 0.1]] * 8 + [[0.9, 0.1]] * 2
    found = evaluation.calibration([0] * 8 + [1] * 2, p, bins=10)
    assert found.ece == pytest.approx(0.1)
    assert "0.8 to 0.9      10  90.0%  80.0%" in repr(found)
    assert "<table" in found._repr_html_()
    assert "nan" not in repr(found).lower() + found._repr_html_().lower()


@quick
@given(st.integers(0, 10**6), st.floats(0.3, 4))
def test_temperature_is_the_best_of_a_fine_grid(seed, true_t):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(300, 4)) * 2
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    labels = (p.cumsum(axis=1) > rng.random((300, 1))).argmax(axis=1)
    logits = z * true_t
    fitted = evaluation.temperature_scaling(labels, logits)
    grid = np.geomspace(0.05, 20, 2000)

    def loss(t):
        scaled = logits / t
        logs = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
        return -logs[np.arange(300), labels].mean()

    losses = [loss(t) for t in grid]
    assert fitted.after <= min(losses) + 1e-9
    assert fitted.after == pytest.approx(loss(fitted.temperature))
    assert fitted.before == pytest.approx(loss(1))
    assert fitted.temperature == pytest.approx(grid[np.argmin(losses)], rel=0.01)


def test_temperature_is_that_of_scikit_learn():
    calibration = pytest.importorskip("sklearn.calibration")
    if not hasattr(calibration, "_TemperatureScaling"):
        pytest.skip("this scikit-learn has no temperature scaling")
    labels, p = random_case(5, 500, 6, np.float64)
    logits = 3 * np.log(p)
    theirs = calibration._TemperatureScaling().fit(logits, labels)
    ours = evaluation.temperature_scaling(labels, logits)
    assert 1 / ours.temperature == pytest.approx(theirs.beta_, rel=1e-3)


@quick
@given(cases)
def test_temperature_from_probabilities_is_that_from_logits(case):
    labels, p = case
    logits = np.log(p) + 7
    one = evaluation.temperature_scaling(labels, p)
    two = evaluation.temperature_scaling(labels, logits)
    assert one.temperature == pytest.approx(two.temperature, rel=1e-2)
    scaled = one(p)
    assert np.allclose(scaled, one(logits), atol=1e-3)
    assert np.allclose(scaled.sum(axis=1), 1, atol=1e-5)
    # The largest stays the largest, up to ties by rounding.
    best = p.argmax(axis=1)
    chosen = np.take_along_axis(scaled, best[:, None], axis=1)[:, 0]
    assert (chosen >= scaled.max(axis=1) - 1e-6).all()
    assert one.after <= one.before + 1e-9


def test_temperature_of_a_model_that_is_always_right_is_the_least():
    fitted = evaluation.temperature_scaling([0, 1], [[3.0, 0], [0, 2.0]])
    assert fitted.temperature == pytest.approx(0.01)


def test_temperature_of_logits_without_sense_is_the_largest():
    fitted = evaluation.temperature_scaling([1, 0], [[3.0, 0], [0, 2.0]])
    assert fitted.temperature == pytest.approx(100)


def test_temperature_refuses():
    with pytest.raises(ValueError, match="finite"):
        evaluation.temperature_scaling([0], [[np.inf, 0]])
    with pytest.raises(ValueError, match="below 2"):
        evaluation.temperature_scaling([2], [[1.0, 0]])
    with pytest.raises(ValueError, match="shape"):
        evaluation.temperature_scaling([0], [1.0])
    with pytest.raises(ValueError, match="equally many; got 2 and 1"):
        evaluation.temperature_scaling([0, 1], [[1.0, 0]])
    with pytest.raises(ValueError, match=r"scores must be.*masked"):
        evaluation.temperature_scaling(
            [0], np.ma.MaskedArray([[1.0, 0]], [[True, False]])
        )
    with pytest.raises(ValueError, match="finite"):
        evaluation.Temperature(2.0, 1.0, 1.0)([[np.nan, 0]])


# --- The report ---------------------------------------------------------------------


@quick
@given(cases)
def test_report_is_that_of_scikit_learn(case):
    labels, p = case
    k = p.shape[1]
    report = evaluation.evaluate(labels, p)
    predictions = p.argmax(axis=1)
    assert (report.predictions == predictions).all()
    expected = metrics.confusion_matrix(labels, predictions, labels=range(k))
    assert (report.confusion == expected).all()

    seen = np.unique(labels)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, predictions, labels=seen, zero_division=0
    )
    assert np.allclose(report.precision[seen], precision)
    assert np.allclose(report.recall[seen], recall)
    assert np.allclose(report.f1[seen], f1)
    assert (report.support[seen] == support).all()
    unseen = np.setdiff1d(np.arange(k), seen)
    assert np.isnan(report.recall[unseen]).all()
    assert np.isnan(report.f1[unseen]).all()
    assert (report.support[unseen] == 0).all()
    assert report.missing == tuple(map(str, unseen))

    for name in ("macro", "weighted"):
        expected = metrics.precision_recall_fscore_support(
            labels, predictions, labels=seen, average=name, zero_division=0
        )[:3]
        assert getattr(report, name) == pytest.approx(expected)
    expected = metrics.precision_recall_fscore_support(
        labels, predictions, average="micro", zero_division=0
    )[:3]
    assert report.micro == pytest.approx(expected)

    for c in range(k):
        is_class = labels == c
        if is_class.all() or not is_class.any():
            assert np.isnan(report.roc_area[c])
            with pytest.raises(
                ValueError, match=f"others beside; got class '{c}', with"
            ):
                report.roc_curve(c)
            continue
        area = metrics.roc_auc_score(is_class, p[:, c])
        assert report.roc_area[c] == pytest.approx(area, abs=1e-9)
        area = metrics.average_precision_score(is_class, p[:, c])
        assert report.average_precision[c] == pytest.approx(area, abs=1e-9)
        curve = report.roc_curve(c)
        area = metrics.auc(curve.x, curve.y)
        assert report.roc_area[c] == pytest.approx(area, abs=1e-9)
        curve = report.precision_recall_curve(c)
        steps = -np.sum(np.diff(curve.x) * curve.y[:-1])
        assert report.average_precision[c] == pytest.approx(steps, abs=1e-9)


@quick
@given(tied_cases)
def test_areas_with_ties_are_those_of_scikit_learn(case):
    labels, p = case
    report = evaluation.evaluate(labels, p)
    for c in range(p.shape[1]):
        if 0 < report.support[c] < len(labels):
            area = metrics.roc_auc_score(labels == c, p[:, c])
            assert report.roc_area[c] == pytest.approx(area, abs=1e-9)
            area = metrics.average_precision_score(labels == c, p[:, c])
            assert report.average_precision[c] == pytest.approx(area, abs=1e-9)


@quick
@given(cases)
def test_report_agrees_with_the_single_functions(case):
    labels, p = case
    report = evaluation.evaluate(labels, p, confidence=0.9, bins=7)
    right = labels == p.argmax(axis=1)
    assert report.accuracy == evaluation.accuracy(labels, p)
    assert report.cross_entropy == evaluation.cross_entropy(labels, p)
    assert report.brier_score == evaluation.brier_score(labels, p)
    assert report.calibration.ece == evaluation.calibration(labels, p, bins=7).ece
    assert report.top_k == min(5, p.shape[1] - 1)
    assert report.top_k_accuracy == evaluation.top_k_accuracy(labels, p, report.top_k)
    assert report.accuracy_interval == evaluation.wilson_interval(
        int(right.sum()), len(right), confidence=0.9
    )
    assert report.accuracy_bootstrap == evaluation.bootstrap_interval(
        right, confidence=0.9
    )
    for c in np.flatnonzero(report.support):
        assert tuple(report.recall_interval[c]) == evaluation.wilson_interval(
            int(report.confusion[c, c]), int(report.support[c]), confidence=0.9
        )


def test_bootstrap_of_macro_f1_is_that_over_images():
    labels, p = random_case(1, 300, 4)
    report = evaluation.evaluate(labels, p)

    def macro_f1(y, a):
        return metrics.f1_score(y, a, average="macro")

    slow = evaluation.bootstrap_interval(
        labels, report.predictions, statistic=macro_f1, resamples=1000
    )
    assert report.macro_f1_bootstrap == pytest.approx(slow, abs=0.01)


@quick
@given(cases)
def test_most_confused(case):
    labels, p = case
    report = evaluation.evaluate(labels, p)
    pairs = report.most_confused(1000)
    assert sum(c.count for c in pairs) == np.sum(labels != report.predictions)
    counts = [c.count for c in pairs]
    assert counts == sorted(counts, reverse=True)
    for c in pairs:
        taken = (labels == c.true) & (report.predictions == c.predicted)
        assert c.count == taken.sum()
        assert c.share == pytest.approx(taken.sum() / (labels == c.true).sum())
        assert c.true != c.predicted
    assert report.most_confused(2) == pairs[:2]


@quick
@given(cases)
def test_most_confident_errors(case):
    labels, p = case
    report = evaluation.evaluate(labels, p)
    found = report.most_confident_errors(5)
    wrong = np.flatnonzero(report.predictions != labels)
    assert len(found) == min(5, len(wrong))
    assert np.isin(found, wrong).all()
    sure = p.max(axis=1)
    assert (np.diff(sure[found]) <= 0).all()
    rest = np.setdiff1d(wrong, found)
    if rest.size:
        assert sure[rest].max() <= sure[found].min()


def test_nothing_that_is_given_changes_or_is_copied():
    labels, p = random_case(0, 1000, 5)
    before = labels.copy(), p.copy()
    labels.setflags(write=False)
    p.setflags(write=False)
    report = evaluation.evaluate(labels, p)
    repr(report)
    report.most_confident_errors()
    evaluation.temperature_scaling(labels, p)
    assert (labels == before[0]).all()
    assert (p == before[1]).all()
    assert np.shares_memory(report.probabilities, p)
    assert np.shares_memory(report.labels, labels)


def test_small_integer_labels_do_not_overflow():
    labels, p = random_case(0, 3000, 40)
    small = evaluation.evaluate(labels.astype(np.uint8), p)
    assert (small.confusion == evaluation.evaluate(labels, p).confusion).all()


def test_memory_beside_the_input(monkeypatch):
    import tracemalloc

    # As with ten million rows in blocks of 65,536.
    monkeypatch.setattr("imgcls_helpers._arguments._arrays._ROWS", 1024)
    labels, p = random_case(0, 150_000, 10)
    tracemalloc.start()
    repr(evaluation.evaluate(labels, p))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.6 * p.nbytes


def test_a_class_that_no_label_names_is_reported():
    p = np.array([[0.6, 0.3, 0.1], [0.3, 0.6, 0.1], [0.2, 0.1, 0.7]])
    report = evaluation.evaluate([0, 1, 1], p, ["cat", "dog", "owl"])
    assert report.missing == ("owl",)
    assert math.isnan(report.recall[2])
    assert report.precision[2] == 0
    assert report.macro.recall == pytest.approx((1 + 0.5) / 2)
    assert any("No label names 'owl'" in note for note in report.notes)
    row = next(line for line in repr(report).splitlines() if line.startswith("owl"))
    assert row.split() == ["owl", "0", "0%", "-", "-", "-", "-"]
    assert report.to_dict()["per_class"]["recall"]["owl"] is None
    json.dumps(report.to_dict(), allow_nan=False)


def test_a_class_that_was_never_predicted_is_reported():
    p = np.array([[0.6, 0.4], [0.6, 0.4]])
    report = evaluation.evaluate([0, 1], p, ["cat", "dog"])
    assert report.precision.tolist() == [0.5, 0]
    assert any("Never predicted: 'dog'" in note for note in report.notes)


def test_a_class_of_few_images_is_reported():
    labels = np.repeat([0, 1], [100, 29])
    report = evaluation.evaluate(labels, np.tile([0.6, 0.4], (129, 1)))
    assert any("Fewer than 30 images: '1'" in note for note in report.notes)


@pytest.mark.parametrize(
    ("n", "decimals"), [(20, 0), (300, 0), (2000, 1), (10_000, 1), (1_000_000, 2)]
)
def test_digits_are_as_many_as_the_interval_allows(n, decimals):
    labels = np.arange(n) % 10 < 3
    report = evaluation.evaluate(labels.astype(int), np.tile([0.6, 0.4], (n, 1)))
    assert report.decimals == decimals


def test_report_as_text_and_html():
    labels, p = random_case(0, 500, 4)
    report = evaluation.evaluate(labels, p, ["a<b", "cat", "dog", "owl"], top_k=2)
    text, page = repr(report), report._repr_html_()
    for word in ("accuracy", "Wilson", "bootstrap", "top-2", "macro F1", "ROC area"):
        assert word in text
        assert word in page
    for word in ("macro average", "weighted average", "micro average", "(ECE)"):
        assert word in text
    assert "a<b" in text
    assert "a&lt;b" in page
    assert "a<b" not in page
    assert "color" not in page
    assert "95% interval" in text
    assert "99.5% interval" in repr(evaluation.evaluate(labels, p, confidence=0.995))
    assert "90% interval" in repr(evaluation.evaluate(labels, p, confidence=0.9))


def test_many_classes_show_the_weakest():
    labels, p = random_case(0, 2000, 50)
    report = evaluation.evaluate(labels, p)
    text = repr(report)
    assert "10 classes with the lowest F1" in text
    worst = int(np.argmin(report.f1))
    best = int(np.argmax(report.f1))
    starts = [line.split()[0] for line in text.split("lowest F1")[1].splitlines()[1:12]]
    assert str(worst) in starts
    assert str(best) not in starts


# --- What is refused ----------------------------------------------------------------

GOOD = np.array([[0.7, 0.2, 0.1], [0.2, 0.2, 0.6]])


@pytest.mark.parametrize(
    ("labels", "p", "error"),
    [
        ([0, 3], GOOD, "below 3, the number of classes; got 3 at position 1"),
        ([1, 3], GOOD, "got 3 at position 1.*count from 1"),
        ([-1, 0], GOOD, "got -1 at position 0"),
        ([0.0, 1.0], GOOD, "whole numbers.*astype"),
        ([0.5, 1.0], GOOD, "fractions"),
        (np.ma.MaskedArray([0, 1], [0, 1]), GOOD, "masked"),
        (np.array([0, 2**64 - 1], np.uint64), GOOD, "below 3.*-1"),
        ([[0, 1, 1], [1, 0, 0]], GOOD, "several ones"),
        ([b"0", b"1"], GOOD, "whole numbers.*astype"),
        ([[0], [1, 2]], GOOD, "no array"),
        (np.eye(3)[[0, 1]], GOOD, r"labels.argmax\(axis=1\)"),
        (np.array([[0], [1]]), GOOD, r"labels\[:, 0\]"),
        ([0, 1, 2], GOOD, "equally many; got 3 and 2"),
        ([0], GOOD, "equally many; got 1 and 2"),
        ([], GOOD, "labels must be whole numbers.*There are none"),
        ([0, 1], GOOD[:0], r"must be of shape \(N, K\).*got a"),
        ([0, 1], GOOD * 2, "row 0, which sums to 2"),
        ([0, 1], GOOD * 100, "row 0, which sums to 100.*/ 100"),
        ([0, 1], np.array([[3.0, 1, 1], [5, 1, 2]]), "which sums to 5.*logits"),
        ([0, 1], np.array([[3.0, -1, 1], [5, 1, 2]]), "got -1 in row 0.*logits"),
        ([0, 1], np.array([[1.2, -0.2, 0], [1, 0, 0]]), "got -0.2 in row 0"),
        ([0, 1], np.array([[0.5, 0.5, 0], [np.nan, 0, 1]]), "got NaN or.* in row 1"),
        ([0, 1], np.array([[0.5, 0.5, 0], [np.inf, 0, 1]]), "infinity in row 1"),
        ([0, 1], np.ma.MaskedArray(GOOD, GOOD > 0.6), "rows that are masked"),
        ([0, 1], [[0.5, 0.5], [1]], r"must be (of shape \(N, K\)|whole numbers)"),
        ([0, 1], np.array([[0.5], [0.5]]), "column_stack"),
        ([0, 1], np.zeros((2, 2, 2)), r"\(N, K\)"),
        ([0, 1], np.array([["a", "b"], ["c", "d"]]), "numbers"),
        ([0, 1], np.array([[0.5, None], [1, 0]]), "numbers"),
        ([True, False], GOOD, "whole numbers.*astype"),
    ],
)
def test_bad_input_is_refused_by_name(labels, p, error):
    functions = [evaluation.accuracy, evaluation.cross_entropy, evaluation.evaluate]
    functions += [evaluation.calibration, evaluation.top_k_accuracy]
    for function in functions:
        with pytest.raises((TypeError, ValueError), match=error):
            function(labels, p)


def advice(function, *arguments):
    with pytest.raises(ValueError) as caught:
        function(*arguments)
    (code,) = re.findall(r"`([^`]+)`", str(caught.value))
    return code


def test_advice_on_class_numbers_and_percentages_leads_to_the_truth():
    labels, p = random_case(0, 50, 3)
    truth = evaluation.accuracy(labels, p)
    for classes in (p.argmax(axis=1), p.argmax(axis=1).tolist()):
        code = advice(evaluation.evaluate, labels, classes)
        names = {"evaluation": evaluation, "labels": labels, "probabilities": classes}
        assert eval(code, names) == truth
    code = advice(evaluation.evaluate, labels, 100 * p)
    found = eval(code, {"probabilities": 100 * p})
    assert evaluation.evaluate(labels, found).accuracy == truth
    with pytest.raises(ValueError, match="the labels come first"):
        evaluation.evaluate(p, labels)


@pytest.mark.parametrize(
    "kind", ["list", "object", "uint8", "uint64", "tuple", "series", "one_hot"]
)
def test_labels_and_probabilities_in_other_dress_are_the_same(kind):
    labels, p = random_case(0, 50, 3)
    truth = evaluation.evaluate(labels, p).to_dict()
    if kind == "series":
        pandas = pytest.importorskip("pandas")
        given, q = pandas.Series(labels, dtype="Int64"), pandas.DataFrame(p)
    elif kind == "one_hot":
        labels = p.argmax(axis=1)
        q = np.eye(3, dtype=int)[labels]
        assert evaluation.accuracy(labels, q) == 1
        assert evaluation.mcnemar(labels, q, p).both == 50
        return
    elif kind in ("list", "tuple"):
        given, q = labels.tolist(), p.tolist()
        given, q = (given, q) if kind == "list" else (tuple(given), tuple(q))
    else:
        given, q = labels.astype(kind), p.astype(object if kind == "object" else "f8")
    found = evaluation.evaluate(given, q).to_dict()
    assert found["confusion"] == truth["confusion"]
    assert found["cross_entropy"] == pytest.approx(truth["cross_entropy"], rel=1e-5)
    assert evaluation.accuracy(given, q) == truth["accuracy"]
    assert evaluation.temperature_scaling(given, q).before == pytest.approx(
        truth["cross_entropy"], rel=1e-5
    )


def test_a_bad_row_far_down_is_found():
    labels, p = random_case(0, 70_000, 3)
    p[69_999] = [0.5, 0.6, 0.2]
    with pytest.raises(ValueError, match=r"row 69999, which sums to 1\.3"):
        evaluation.evaluate(labels, p)


def test_options_are_refused_by_name():
    with pytest.raises(ValueError, match=r"class_names must be 3 names.*got 2"):
        evaluation.evaluate([0, 1], GOOD, ["cat", "dog"])
    with pytest.raises(ValueError, match="top_k must be a whole number from 1 to 3"):
        evaluation.evaluate([0, 1], GOOD, top_k=4)
    with pytest.raises(
        ValueError, match="top_k must be a whole number from 1 to 3; got 0"
    ):
        evaluation.evaluate([0, 1], GOOD, top_k=0)
    with pytest.raises(TypeError, match="bins must be a whole"):
        evaluation.evaluate([0, 1], GOOD, bins=1.5)
    with pytest.raises(ValueError, match="k must be a whole number from 1 to 3"):
        evaluation.top_k_accuracy([0, 1], GOOD)
    with pytest.raises(ValueError, match="k must be a whole number from 0 to 2"):
        evaluation.evaluate([0, 1], GOOD).roc_curve(3)


# --- With Keras ---------------------------------------------------------------------


class Model:
    """As much of a Keras model as predict needs."""

    def __init__(self, outputs):
        self.outputs, self.calls = outputs, []

    def predict(self, images, batch_size, verbose):
        self.calls.append((images.copy(), batch_size, verbose))
        return self.outputs(images) if callable(self.outputs) else self.outputs


IMAGES = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 1), np.uint8)


def test_predict_is_a_softmax_of_the_logits():
    logits = np.array([[1.0, 2, 3], [1000, 0, -1000], [0, 0, 0]], np.float32)
    model = Model(logits.copy())
    p = evaluation.predict(model, IMAGES, batch_size=7)
    assert p.dtype == np.float32
    expected = np.exp(logits[0]) / np.exp(logits[0]).sum()
    assert np.allclose(p, [expected, [1, 0, 0], [1 / 3] * 3], atol=1e-6)
    assert model.calls[0][1:] == (7, 0)
    assert (model.outputs == logits).all()


def test_predict_keeps_what_is_a_probability_already():
    given = np.array([[0.2, 0.8], [1, 0], [0.5, 0.5]], np.float32)
    assert (evaluation.predict(Model(given), IMAGES) == given).all()
    # Not negative and sum 1 in some rows only: logits.
    mixed = np.array([[0.2, 0.8], [1, 0], [0.5, 0.6]], np.float32)
    assert not np.allclose(evaluation.predict(Model(mixed), IMAGES), mixed)


def test_predict_averages_over_left_and_right():
    def outputs(images):
        left = images[:, 0, 0, 0].astype(np.float32) / 50
        return np.stack([left, 0 * left], axis=1)

    model = Model(outputs)
    p = evaluation.predict(model, IMAGES, average_flips=True)
    assert (model.calls[1][0] == IMAGES[:, :, ::-1]).all()
    one = evaluation.predict(Model(outputs), IMAGES)
    two = evaluation.predict(Model(outputs), IMAGES[:, :, ::-1])
    assert np.allclose(p, (one + two) / 2)
    assert not np.allclose(one, two)


@pytest.mark.parametrize(
    ("outputs", "images", "error"),
    [
        (np.zeros((3, 1)), IMAGES, r"at least 2; got .*Dense\(2\)"),
        (np.zeros((3, 2, 2)), IMAGES, "at least 2"),
        (np.array([[0, 0], [np.nan, 0], [0, 0]]), IMAGES, "NaN or infinity for 1 of 3"),
        (np.zeros((3, 2)), IMAGES[0], r"\(N, H, W, C\)"),
        (np.zeros((3, 2)), IMAGES[:0], r"\(N, H, W, C\)"),
        (np.zeros((3, 2)), Part(IMAGES, np.arange(3)), "`images.images`"),
        (np.zeros((3, 2)), load_dataset("digits"), "`images.train.images`"),
        (np.zeros((3, 2)), "a.png", "load_image_folder"),
    ],
)
def test_predict_refuses(outputs, images, error):
    with pytest.raises((TypeError, ValueError), match=error):
        evaluation.predict(Model(outputs), images)


@pytest.mark.parametrize(
    ("model", "options", "error"),
    [
        ("net", {}, "model must be a Keras model; got 'net'"),
        (Model, {}, "model must be a Keras model"),
        (Model(np.zeros((3, 2))), {"average_flips": "no"}, "True or False; got 'no'"),
        (Model(np.zeros((3, 2))), {"batch_size": 0}, "batch_size must be"),
    ],
)
def test_what_predict_refuses_beside_images(model, options, error):
    with pytest.raises(ValueError, match=error):
        evaluation.predict(model, IMAGES, **options)


SHAPE = (6, 6, 3)


@pytest.fixture(scope="module")
def learned():
    """Colour images, their labels, and the weights that tell them apart."""
    import keras

    from imgcls_helpers import runtime, training

    part = easy_part(shape=SHAPE)
    runtime.set_seed(0)
    model = bytes_in("uint8", scaled=True)
    recipe = training.Recipe(learning_rate=0.05, batch_size=10, epochs=12)
    training.fit(model, part, recipe, progress=False)
    p = keras.ops.convert_to_numpy(keras.ops.softmax(model(part.images)))
    assert evaluation.accuracy(part.labels, p) > 0.9
    return part, model.get_weights(), p


def bytes_in(dtype, scaled, first=(), last=()):
    import keras

    layers = [*first, keras.layers.Rescaling(1 / 255)] if scaled else list(first)
    return keras.Sequential(
        [
            keras.Input(SHAPE, dtype=dtype),
            *layers,
            keras.layers.Flatten(),
            keras.layers.Dense(3),
            *last,
        ]
    )


def own_class():
    """A model that does not say what it takes."""
    import keras

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.scale = keras.layers.Rescaling(1 / 255)
            self.flatten, self.dense = keras.layers.Flatten(), keras.layers.Dense(3)

        def call(self, x):
            return self.dense(self.flatten(self.scale(x)))

    model = Own()
    model(np.zeros((1, *SHAPE), np.uint8))
    return model


@pytest.fixture(scope="module")
def takers(learned):
    """Models that scale, each with the weights that were learned."""
    models = {kind: bytes_in(kind, scaled=True) for kind in ("uint8", "float32")}
    models["own class"] = own_class()
    for model in models.values():
        model.set_weights(learned[1])
    return models


class TfData:
    """Stands in for tf.data.Dataset, which is not there with every backend."""

    def __init__(self, *rows, batched=True):
        self.rows = rows
        shape = (None, *SHAPE) if batched else SHAPE
        self.element_spec = np.broadcast_to(0, [n or 1 for n in shape])
        if len(rows) == 2:
            self.element_spec = (self.element_spec, None)

    def as_numpy_iterator(self):
        return zip(*self.rows, strict=True) if len(self.rows) > 1 else iter(*self.rows)


WRONG = {
    "scaled": lambda x: x / 255,
    "scaled float32": lambda x: (x / 255).astype("float32"),
    "from -1 to 1": lambda x: x / 127.5 - 1,
    "float 0..255": lambda x: x.astype("float32"),
    "int64": lambda x: x.astype(int),
    "a list": list,
    "lists": lambda x: x.tolist(),
    "channels first": lambda x: x.transpose(0, 3, 1, 2).copy(),
    "channels first, scaled": lambda x: x.transpose(0, 3, 1, 2) / 255,
    "RGBA": lambda x: np.concatenate([x, np.full_like(x[..., :1], 255)], axis=3),
    "16 bits": lambda x: x.astype(np.uint16) * 257,
    "masked": np.ma.MaskedArray,
    "objects": lambda x: np.array([*x, None], object)[:-1],
    "tf.data": lambda x: TfData(np.split(x, 4)),
    "tf.data with labels": lambda x: TfData(np.split(x, 4), range(4)),
    "tf.data, no batches": lambda x: TfData(x, range(len(x)), batched=False),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("kind", ["uint8", "float32", "own class"])
def test_a_model_that_scales_takes_bytes_and_advice_leads_to_the_truth(
    learned, takers, kind, wrong
):
    part, _, p = learned
    model = takers[kind]
    images = WRONG[wrong](part.images)
    code = advice(evaluation.predict, model, images)
    found = eval(code, {"np": np, "images": images})
    assert np.allclose(evaluation.predict(model, found), p, atol=1e-5)
    if "tf" in wrong or (kind == "own class" and "first" in wrong):
        return  # which of these may be three grey images
    one = WRONG[wrong](part.images[:4])[0]
    code = advice(evaluation.predict, model, one)
    found = evaluation.predict(model, eval(code, {"np": np, "images": one}))
    assert np.allclose(found, p[:1], atol=1e-5)


@pytest.mark.parametrize(
    ("images", "error"),
    [
        (np.zeros((2, 5, 6, 3), np.uint8), "of 6 x 6 pixels, as the model takes them"),
        (np.zeros((2, 6, 6, 2), np.uint8), "2 channels"),
        (np.zeros((2, 6, 6, 1), np.uint8), "repeat"),
        (np.zeros((2, 6, 6), np.uint8), "one channel"),
        (np.full((2, 6, 6, 3), np.nan), "NaN"),
    ],
)
def test_images_that_the_model_does_not_take(takers, images, error):
    with pytest.raises(ValueError, match=f"images must be .*{error}"):
        evaluation.predict(takers["uint8"], images)


def test_a_model_that_does_not_scale_takes_floats_and_bytes_are_suspicious(
    learned, recwarn
):
    part, weights, p = learned
    model = bytes_in("float32", scaled=False)
    model.set_weights(weights)
    for images in (part.images / 255, (part.images / 255).astype("float16")):
        found = evaluation.predict(model, images)
        assert np.allclose(found, p, atol=1e-2)
    assert not [w for w in recwarn if w.category is UserWarning]
    for images in (part.images, part.images.astype("float32")):
        with pytest.warns(UserWarning, match="nothing in the model scales") as caught:
            wrong = evaluation.predict(model, images)
        assert caught[0].filename == __file__
        assert np.abs(wrong - p).max() > 0.1
        code = re.findall(r"`([^`]+)`", str(caught[0].message))[0]
        assert code == "images / 255"
        assert np.allclose(evaluation.predict(model, images / 255), p, atol=1e-5)
    # The advice keeps floats as floats.
    one = (part.images / 255)[0]
    assert advice(evaluation.predict, model, one) == "images[None]"
    first = (part.images / 255).transpose(0, 3, 1, 2)
    code = advice(evaluation.predict, model, first)
    assert np.allclose(evaluation.predict(model, eval(code, {"images": first})), p)


def test_scaling_in_any_form_is_no_cause_for_a_warning(learned, recwarn):
    import keras

    part, weights, p = learned
    scale = 1 / 255
    inside = keras.Sequential(
        [keras.Input(SHAPE), keras.layers.Rescaling(scale), keras.layers.Flatten()]
    )
    inputs = keras.Input(SHAPE)
    flat = keras.layers.Flatten()
    forms = {
        "operation": lambda: keras.layers.Dense(3)(flat(inputs * scale)),
        "lambda": lambda: keras.layers.Dense(3)(
            flat(keras.layers.Lambda(lambda x: x * scale)(inputs))
        ),
        "nested": lambda: keras.layers.Dense(3)(inside(inputs)),
    }
    for form, outputs in forms.items():
        model = keras.Model(inputs, outputs())
        model.set_weights(weights)
        found = evaluation.predict(model, part.images)
        assert np.allclose(found, p, atol=1e-5), form
    layers = [keras.layers.BatchNormalization()]
    evaluation.predict(bytes_in("float32", scaled=False, first=layers), part.images)
    centred = part.images / 127.5 - 1
    evaluation.predict(bytes_in("float32", scaled=False), centred)
    assert not [w for w in recwarn if w.category is UserWarning]


def test_a_model_that_fit_has_trained_takes_bytes(recwarn):
    from imgcls_helpers import training

    part, model = easy_part(), dense(scaled=False)
    training.fit(model, part, training.Recipe(epochs=1), progress=False)
    evaluation.predict(model, part.images)
    assert not [w for w in recwarn if w.category is UserWarning]
    with pytest.raises(ValueError, match="were scaled"):
        evaluation.predict(model, part.images / 255)


def test_what_a_model_ends_in_is_found_by_its_outputs(learned):
    import keras

    part, weights, p = learned
    ends = {
        "softmax": keras.layers.Softmax(),
        "bfloat16": keras.layers.Softmax(dtype="bfloat16"),
        "operation": keras.layers.Lambda(lambda x: keras.ops.softmax(x)),
        "logits": keras.layers.Identity(),
    }
    for name, end in ends.items():
        model = bytes_in("uint8", scaled=True, last=[end])
        model.set_weights(weights)
        near = 1e-5 if name != "bfloat16" else 0.02
        found = evaluation.predict(model, part.images)
        assert np.allclose(found, p, atol=near)
        one = evaluation.predict(model, part.images[:1])
        assert np.allclose(one, found[:1], atol=near)


def test_logits_of_one_image_that_happen_to_look_like_probabilities(learned):
    part, (kernel, bias), _ = learned
    model, one = bytes_in("uint8", scaled=True), part.images[:1]
    model.set_weights([kernel, bias])
    z = np.array([0.2, 0.3, 0.5], np.float32)
    model.set_weights([kernel, bias + z - model.predict(one, verbose=0)[0]])
    assert np.allclose(model.predict(one, verbose=0), z, atol=1e-5)
    expected = np.exp(z) / np.exp(z).sum()
    before = model.get_weights()
    assert np.allclose(evaluation.predict(model, one), expected, atol=1e-5)
    for a, b in zip(model.get_weights(), before, strict=True):
        assert np.array_equal(a, b)


def test_a_sigmoid_at_the_end_gives_a_warning(learned):
    import keras

    part, weights, _ = learned
    model = bytes_in("uint8", scaled=True, last=[keras.layers.Activation("sigmoid")])
    model.set_weights(weights)
    with pytest.warns(UserWarning, match="ends in a sigmoid") as caught:
        found = evaluation.predict(model, part.images, average_flips=True)
    assert len(caught) == 1 and caught[0].filename == __file__
    assert np.allclose(found.sum(axis=1), 1, atol=1e-5)


def test_programs_as_printed_take_what_they_were_made_for(recwarn):
    from imgcls_helpers import models

    model = models.PROGRAMS["mnist_two_convolutions"].as_written()
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1), np.uint8)
    p = evaluation.predict(model, images / 255)
    assert np.allclose(p, model.predict(images / 255, verbose=0))
    assert not [w for w in recwarn if w.category is UserWarning]
    with pytest.warns(UserWarning, match="nothing in the model scales"):
        evaluation.predict(model, images)


def test_predict_with_keras():
    import keras

    model = keras.Sequential(
        [keras.Input((4, 5, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    logits = keras.ops.convert_to_numpy(model(IMAGES.astype("float32")))
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    with pytest.warns(UserWarning, match="nothing in the model scales them"):
        found = evaluation.predict(model, IMAGES)
    assert np.allclose(found, expected, atol=1e-5)


# --- Cross-validation ---------------------------------------------------------------


def dense(classes=3, scaled=True):
    import keras

    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            *[keras.layers.Rescaling(1 / 255)] * scaled,
            keras.layers.Flatten(),
            keras.layers.Dense(classes),
        ]
    )


def easy_part(n=60, shape=(4, 4, 1)):
    """Three classes that one pixel tells apart, and noise."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 3
    images = rng.integers(0, 60, (n, *shape), np.uint8)
    images[np.arange(n), 0, labels, 0] = 255
    return Part(images, labels)


@pytest.fixture(scope="module")
def crossed():
    from imgcls_helpers import training

    recipe = training.Recipe(
        optimizer="adam",
        learning_rate=0.05,
        schedule="constant",
        weight_decay=0.0,
        batch_size=8,
        epochs=12,
    )
    given = []

    def build(train):
        given.append(train)
        return dense()

    found = evaluation.cross_validate(
        build, easy_part(), folds=4, recipe=recipe, seed=3
    )
    return found, given, recipe


def test_cross_validation_tests_each_image_once(crossed):
    found, given, _ = crossed
    part = easy_part()
    assert np.bincount(found.folds).tolist() == [15, 15, 15, 15]
    for k in range(4):
        held_out = found.folds == k
        assert np.bincount(part.labels[held_out]).tolist() == [5, 5, 5]
        right = found.probabilities[held_out].argmax(axis=1) == part.labels[held_out]
        assert found.accuracies[k] == pytest.approx(right.mean())
        # The builder saw the other folds only.
        assert set(given[k].indices) == set(np.flatnonzero(~held_out))
    assert np.allclose(found.probabilities.sum(axis=1), 1, atol=1e-5)


def test_cross_validation_learns(crossed):
    found, _, _ = crossed
    assert found.spread.mean == pytest.approx(np.mean(found.accuracies))
    assert found.spread.mean > 0.8
    assert "fold" in repr(found)
    assert "<table" in found._repr_html_()


def test_cross_validation_starts_afresh_and_can_be_repeated(crossed):
    found, _, recipe = crossed
    again = evaluation.cross_validate(
        dense, easy_part(), folds=4, recipe=recipe, seed=3
    )
    assert again.accuracies == found.accuracies
    other = evaluation.cross_validate(
        dense, easy_part(), folds=4, recipe=recipe, seed=4
    )
    assert (other.folds != found.folds).any()


def test_cross_validation_refuses():
    part = easy_part(9)
    with pytest.raises(ValueError, match="4 folds, and 3 images of class 0"):
        evaluation.cross_validate(dense, part, folds=4)
    with pytest.raises(ValueError, match="folds must be a whole number of 2"):
        evaluation.cross_validate(dense, part, folds=1)
    with pytest.raises(TypeError, match=r"data\.Part"):
        evaluation.cross_validate(dense, part.images)
    with pytest.raises(TypeError, match=r"Use `part\.train`"):
        evaluation.cross_validate(dense, load_dataset("digits"))


def test_cross_validation_refuses_a_used_model():
    from imgcls_helpers import training

    model = dense()
    with pytest.raises(
        ValueError, match="build must be a function that returns a new model"
    ):
        evaluation.cross_validate(
            lambda: model, easy_part(), folds=2, recipe=training.Recipe(epochs=1)
        )


# --- Import -------------------------------------------------------------------------


def test_import_brings_neither_keras_nor_scikit_learn():
    code = (
        "import sys; import imgcls_helpers.evaluation; "
        "print([m for m in ('keras', 'sklearn', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
