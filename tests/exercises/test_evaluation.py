"""The checks of chapter 11: right answers in two styles, and every named mistake."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from imgcls_helpers import evaluation
from imgcls_helpers.checks import check, exercises

NUMBERS = ["11.1", "11.2", "11.3", "11.4", "11.5"]


# --- Right answers, in two styles each ----------------------------------------------


def confusion_with_a_loop(labels, predictions, classes):
    counts = [[0] * classes for _ in range(classes)]
    for true, answer in zip(labels, predictions, strict=True):
        counts[true][answer] += 1
    return np.array(counts)


def confusion_with_add_at(labels, predictions, classes):
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (labels, predictions), 1)
    return counts


def confusion_with_sklearn(labels, predictions, classes):
    return metrics.confusion_matrix(labels, predictions, labels=range(classes))


def confusion_with_one_hot(labels, predictions, classes):
    eye = np.eye(classes, dtype=int)
    return eye[labels].T @ eye[predictions]


def macro_f1_at_once(confusion):
    support, said = confusion.sum(axis=1), confusion.sum(axis=0)
    seen = support > 0
    return np.mean(2 * confusion.diagonal()[seen] / (support + said)[seen])


def macro_f1_by_class(confusion):
    found = []
    for k in range(len(confusion)):
        if confusion[k].sum() == 0:
            continue
        hits = confusion[k, k]
        if hits == 0:
            found.append(0.0)
            continue
        recall = hits / confusion[k].sum()
        precision = hits / confusion[:, k].sum()
        found.append(2 / (1 / precision + 1 / recall))
    return sum(found) / len(found)


def macro_f1_with_sklearn(confusion):
    k = len(confusion)
    y = np.repeat(np.arange(k), confusion.sum(axis=1))
    a = np.concatenate([np.repeat(np.arange(k), row) for row in confusion])
    return metrics.f1_score(y, a, labels=np.unique(y), average="macro", zero_division=0)


def roc_with_loops(is_class, score):
    total = pairs = 0
    for a, inside in zip(score, is_class, strict=True):
        for b, other in zip(score, is_class, strict=True):
            if inside and not other:
                pairs += 1
                total += 1 if a > b else 0.5 if a == b else 0
    return total / pairs


def roc_with_ranks(is_class, score):
    ranks = stats.rankdata(score)
    m = is_class.sum()
    n = len(score) - m
    return (ranks[is_class].sum() - m * (m + 1) / 2) / (m * n)


def roc_with_sklearn(is_class, score):
    return metrics.roc_auc_score(is_class, score)


def ece_with_a_loop(labels, probabilities, bins):
    total = 0
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    for m in range(bins):
        inside = (sure > m / bins) & (sure <= (m + 1) / bins)
        if inside.any():
            gap = abs(right[inside].mean() - sure[inside].mean())
            total += inside.sum() / len(labels) * gap
    return total


def ece_with_bincount(labels, probabilities, bins):
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    where = np.digitize(sure, np.linspace(0, 1, bins + 1), right=True)
    return np.abs(np.bincount(where, right - sure)).sum() / len(labels)


def ece_of_the_package(labels, probabilities, bins):
    return evaluation.calibration(labels, probabilities, bins=bins).ece


def mcnemar_with_binomtest(labels, answers_a, answers_b):
    a, b = answers_a == labels, answers_b == labels
    n = np.sum(a != b)
    return stats.binomtest(int(np.sum(a & ~b)), int(n)).pvalue if n else 1.0


def mcnemar_with_cdf(labels, answers_a, answers_b):
    only_a = sum(
        a == y != b for y, a, b in zip(labels, answers_a, answers_b, strict=True)
    )
    only_b = sum(
        b == y != a for y, a, b in zip(labels, answers_a, answers_b, strict=True)
    )
    tail = stats.binom.cdf(min(only_a, only_b), only_a + only_b, 0.5)
    return min(1, 2 * tail)


RIGHT = [
    ("11.1", confusion_with_a_loop),
    ("11.1", confusion_with_add_at),
    ("11.1", confusion_with_sklearn),
    ("11.1", confusion_with_one_hot),
    ("11.2", macro_f1_at_once),
    ("11.2", macro_f1_by_class),
    ("11.2", macro_f1_with_sklearn),
    ("11.3", roc_with_loops),
    ("11.3", roc_with_ranks),
    ("11.3", roc_with_sklearn),
    ("11.4", ece_with_a_loop),
    ("11.4", ece_with_bincount),
    ("11.4", ece_of_the_package),
    ("11.5", mcnemar_with_binomtest),
    ("11.5", mcnemar_with_cdf),
]


@pytest.mark.parametrize(("number", "answer"), RIGHT)
@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_a_right_answer_is_right(number, answer, seed):
    verdict = check(number, answer, seed=seed)
    assert verdict.ok, verdict


# --- Wrong answers, as a student might write them -----------------------------------


def confusion_swapped(labels, predictions, classes):
    counts = np.zeros((classes, classes), int)
    for true, answer in zip(labels, predictions, strict=True):
        counts[answer, true] += 1
    return counts


def confusion_fancy(labels, predictions, classes):
    counts = np.zeros((classes, classes), int)
    counts[labels, predictions] += 1
    return counts


def confusion_shared_rows(labels, predictions, classes):
    counts = [[0] * classes] * classes
    for true, answer in zip(labels, predictions, strict=True):
        counts[true][answer] += 1
    return np.array(counts)


def confusion_misses(labels, predictions, classes):
    counts = np.zeros((classes, classes), int)
    for true, answer in zip(labels, predictions, strict=True):
        if true != answer:
            counts[true, answer] += 1
    return counts


def confusion_hits(labels, predictions, classes):
    return np.diag([np.sum((labels == k) & (predictions == k)) for k in range(classes)])


def confusion_normalized(labels, predictions, classes):
    counts = confusion_with_add_at(labels, predictions, classes)
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(counts / counts.sum(axis=1)[:, None])


def confusion_by_columns(labels, predictions, classes):
    counts = confusion_with_add_at(labels, predictions, classes)
    return counts / np.maximum(counts.sum(axis=0), 1)


def confusion_mean(labels, predictions, classes):
    return confusion_with_add_at(labels, predictions, classes) / len(labels)


def confusion_sklearn_alone(labels, predictions, classes):
    return metrics.confusion_matrix(labels, predictions)


def macro_all(confusion):
    total = confusion.sum(axis=1) + confusion.sum(axis=0)
    return np.mean(2 * confusion.diagonal() / np.maximum(total, 1))


def macro_nanmean(confusion):
    hits = confusion.diagonal()
    with np.errstate(all="ignore"):
        precision = hits / confusion.sum(axis=0)
        recall = hits / confusion.sum(axis=1)
        return np.nanmean(2 * precision * recall / (precision + recall))


def macro_of_answered(confusion):
    f1 = []
    for k in range(len(confusion)):
        said, support = confusion[:, k].sum(), confusion[k].sum()
        if said and support:
            f1.append(2 * confusion[k, k] / (said + support))
    return np.mean(f1)


def macro_by_columns(confusion):
    support, said = confusion.sum(axis=0), confusion.sum(axis=1)  # taken for rows
    seen = support > 0
    return np.mean(2 * confusion.diagonal()[seen] / (support + said)[seen])


def macro_added(confusion):
    return np.sum(macro_at_each(confusion))


def macro_at_each(confusion):
    support, said = confusion.sum(axis=1), confusion.sum(axis=0)
    seen = support > 0
    return 2 * confusion.diagonal()[seen] / (support + said)[seen]


def macro_of_means(confusion):
    seen = confusion.sum(axis=1) > 0
    hits = confusion.diagonal()[seen]
    p = np.mean(hits / np.maximum(confusion.sum(axis=0)[seen], 1))
    r = np.mean(hits / confusion.sum(axis=1)[seen])
    return 2 * p * r / (p + r)


def macro_weighted(confusion):
    support = confusion.sum(axis=1)
    total = np.maximum(support + confusion.sum(axis=0), 1)
    f1 = 2 * confusion.diagonal() / total
    return np.average(f1, weights=support)


def macro_accuracy(confusion):
    return np.trace(confusion) / np.sum(confusion)


def macro_precision(confusion):
    seen = confusion.sum(axis=1) > 0
    said = np.maximum(confusion.sum(axis=0), 1)
    return np.mean((confusion.diagonal() / said)[seen])


def macro_recall(confusion):
    support = confusion.sum(axis=1)
    return np.mean(confusion.diagonal()[support > 0] / support[support > 0])


def macro_plain_mean(confusion):
    return (macro_precision(confusion) + macro_recall(confusion)) / 2


def macro_half(confusion):
    support, said = confusion.sum(axis=1), confusion.sum(axis=0)
    seen = support > 0
    return np.mean(confusion.diagonal()[seen] / (support + said)[seen])


def roc_greater(is_class, score):
    return np.mean(score[is_class][:, None] > score[~is_class][None])


def roc_greater_equal(is_class, score):
    return np.mean(score[is_class][:, None] >= score[~is_class][None])


def roc_reversed(is_class, score):
    return roc_with_sklearn(~is_class, score)


def roc_accuracy(is_class, score):
    return np.mean((score >= 0.5) == is_class)


def roc_precision(is_class, score):
    return metrics.average_precision_score(is_class, score)


def roc_by_all(is_class, score):
    wins = score[is_class][:, None] > score[~is_class]
    ties = score[is_class][:, None] == score[~is_class]
    return (wins.sum() + ties.sum() / 2) / len(score) ** 2


def roc_count(is_class, score):
    pairs = [(a, b) for a in score[is_class] for b in score[~is_class]]
    return sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs)


def roc_zip(is_class, score):
    total, n = 0.0, 0
    for a, b in zip(score[is_class], score[~is_class], strict=False):
        total += 1 if a > b else 0.5 if a == b else 0
        n += 1
    return total / n


def roc_as_they_come(is_class, score):
    found = np.cumsum(is_class) / np.sum(is_class)
    return metrics.auc(np.cumsum(~is_class) / np.sum(~is_class), found)


def roc_means(is_class, score):
    return np.mean(score[is_class]) - np.mean(score[~is_class])


def ece_floor(labels, probabilities, bins):
    sure = probabilities.max(axis=1)
    where = np.minimum((sure * bins).astype(int), bins - 1)
    gap = (probabilities.argmax(axis=1) == labels) - sure
    return sum(abs(gap[where == m].sum()) for m in range(bins)) / len(labels)


def ece_half_open(labels, probabilities, bins):
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    total = 0
    for m in range(bins):
        inside = (sure >= m / bins) & (sure < (m + 1) / bins)
        if inside.any():
            gap = abs(right[inside].mean() - sure[inside].mean())
            total += inside.mean() * gap
    return total


def ece_closed(labels, probabilities, bins):
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    total = 0
    for m in range(bins):
        inside = (sure >= m / bins) & (sure <= (m + 1) / bins)
        if inside.any():
            gap = abs(right[inside].mean() - sure[inside].mean())
            total += inside.mean() * gap
    return total


def ece_quantiles(labels, probabilities, bins):
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    total = 0
    for rows in np.array_split(np.argsort(sure, kind="stable"), bins):
        if len(rows):
            gap = abs(right[rows].mean() - sure[rows].mean())
            total += len(rows) / len(labels) * gap
    return total


def ece_of_labels(labels, probabilities, bins):
    sure = probabilities[np.arange(len(labels)), labels]
    gap = (probabilities.argmax(axis=1) == labels) - sure
    where = np.maximum(np.ceil(sure * bins), 1)
    return sum(abs(gap[where == m].sum()) for m in np.unique(where)) / len(labels)


def ece_plain(labels, probabilities, bins):
    sure = probabilities.max(axis=1)
    gap = (probabilities.argmax(axis=1) == labels) - sure
    where = np.ceil(sure * bins)
    return np.mean([abs(gap[where == m].mean()) for m in np.unique(where)])


def ece_by_bins(labels, probabilities, bins):
    sure = probabilities.max(axis=1)
    gap = (probabilities.argmax(axis=1) == labels) - sure
    where = np.ceil(sure * bins)
    return sum(abs(gap[where == m].mean()) for m in np.unique(where)) / bins


def ece_max(labels, probabilities, bins):
    sure = probabilities.max(axis=1)
    gap = (probabilities.argmax(axis=1) == labels) - sure
    where = np.ceil(sure * bins)
    return max(abs(gap[where == m].mean()) for m in np.unique(where))


def ece_no_abs(labels, probabilities, bins):
    sure = probabilities.max(axis=1)
    return np.mean((probabilities.argmax(axis=1) == labels) - sure)


def ece_overall(labels, probabilities, bins):
    right = probabilities.argmax(axis=1) == labels
    return abs(right.mean() - probabilities.max(axis=1).mean())


def ece_squares(labels, probabilities, bins):
    sure = probabilities.max(axis=1)
    gap = (probabilities.argmax(axis=1) == labels) - sure
    where = np.ceil(sure * bins)
    return sum(
        np.mean(where == m) * gap[where == m].mean() ** 2 for m in np.unique(where)
    )


def ece_strict(labels, probabilities, bins):
    total = 0
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    for m in range(bins):
        inside = (sure > m / bins) & (sure < (m + 1) / bins)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - sure[inside].mean())
    return total


def ece_centres(labels, probabilities, bins):
    total = 0
    sure = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    for m in range(bins):
        inside = (sure > m / bins) & (sure <= (m + 1) / bins)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - (m + 0.5) / bins)
    return total


def ece_each(labels, probabilities, bins):
    right = (probabilities.argmax(axis=1) == labels).astype(float)
    return np.mean(np.abs(right - probabilities.max(axis=1)))


def ece_sum(labels, probabilities, bins):
    return ece_with_a_loop(labels, probabilities, bins) * len(labels)


def _wins(labels, a, b):
    return np.sum((a == labels) & (b != labels)), np.sum((a != labels) & (b == labels))


def p_one_side(labels, answers_a, answers_b):
    a, b = _wins(labels, answers_a, answers_b)
    return stats.binom.cdf(min(a, b), a + b, 0.5)


def p_twice(labels, answers_a, answers_b):
    a, b = _wins(labels, answers_a, answers_b)
    return 2 * stats.binom.cdf(min(a, b), a + b, 0.5)


def p_pmf(labels, answers_a, answers_b):
    a, b = _wins(labels, answers_a, answers_b)
    return min(1, 2 * stats.binom.pmf(min(a, b), a + b, 0.5))


def p_below(labels, answers_a, answers_b):
    a, b = _wins(labels, answers_a, answers_b)
    return min(1, 2 * stats.binom.cdf(min(a, b) - 1, a + b, 0.5))


def p_max(labels, answers_a, answers_b):
    a, b = _wins(labels, answers_a, answers_b)
    return min(1, 2 * stats.binom.cdf(max(a, b), a + b, 0.5))


def p_chi(labels, answers_a, answers_b):
    a, b = _wins(labels, answers_a, answers_b)
    return stats.chi2.sf((a - b) ** 2 / (a + b), 1) if a + b else 1.0


def p_chi_corrected(labels, answers_a, answers_b):
    a, b = _wins(labels, answers_a, answers_b)
    if a == b:
        return 1.0
    return stats.chi2.sf((abs(a - b) - 1) ** 2 / (a + b), 1)


def p_all(labels, answers_a, answers_b):
    a, b = _wins(labels, answers_a, answers_b)
    return min(1, 2 * stats.binom.cdf(min(a, b), len(labels), 0.5))


def p_differ(labels, answers_a, answers_b):
    a, b = _wins(labels, answers_a, answers_b)
    return min(1, 2 * stats.binom.cdf(min(a, b), np.sum(answers_a != answers_b), 0.5))


def p_first(labels, answers_a, answers_b):
    a, b = _wins(labels, answers_a, answers_b)
    return min(1, 2 * stats.binom.cdf(a, a + b, 0.5))


def p_second(labels, answers_a, answers_b):
    a, b = _wins(labels, answers_a, answers_b)
    return min(1, 2 * stats.binom.cdf(b, a + b, 0.5))


def p_zero(labels, answers_a, answers_b):
    a, b = _wins(labels, answers_a, answers_b)
    if a + b == 0:
        return 0.0
    return min(1, 2 * stats.binom.cdf(min(a, b), a + b, 0.5))


def p_errors(labels, answers_a, answers_b):
    a, b = np.sum(answers_a != labels), np.sum(answers_b != labels)
    return min(1, 2 * stats.binom.cdf(min(a, b), a + b, 0.5))


def p_z(labels, answers_a, answers_b):
    a, b = np.mean(answers_a == labels), np.mean(answers_b == labels)
    if a == b:
        return 1.0
    deviation = np.sqrt((a + b) / 2 * (1 - (a + b) / 2) * 2 / len(labels))
    return 2 * stats.norm.sf(abs(a - b) / deviation)


def p_unpaired(labels, answers_a, answers_b):
    a, b = np.sum(answers_a == labels), np.sum(answers_b == labels)
    return min(1, 2 * stats.binom.cdf(min(a, b), a + b, 0.5))


WRONG = [
    ("11.1", confusion_swapped, "transposed"),
    ("11.1", confusion_fancy, "counted once"),
    ("11.1", confusion_shared_rows, "one row for all"),
    ("11.1", confusion_misses, "errors only"),
    ("11.1", confusion_hits, "right ones only"),
    ("11.1", confusion_normalized, "shares of rows"),
    ("11.1", confusion_by_columns, "shares of columns"),
    ("11.1", confusion_mean, "shares of all"),
    ("11.1", confusion_sklearn_alone, "classes that occur"),
    ("11.2", macro_all, "absent classes counted"),
    ("11.2", macro_nanmean, "unfound classes left out"),
    ("11.2", macro_of_answered, "unsaid classes left out"),
    ("11.2", macro_by_columns, "left out by column"),
    ("11.2", macro_added, "sum"),
    ("11.2", macro_of_means, "F1 of the means"),
    ("11.2", macro_weighted, "weighted"),
    ("11.2", macro_accuracy, "micro"),
    ("11.2", macro_precision, "precision only"),
    ("11.2", macro_recall, "recall only"),
    ("11.2", macro_plain_mean, "arithmetic mean"),
    ("11.2", macro_half, "factor 2"),
    ("11.3", roc_greater, "ties lost"),
    ("11.3", roc_greater_equal, "ties won"),
    ("11.3", roc_reversed, "upside down"),
    ("11.3", roc_accuracy, "accuracy"),
    ("11.3", roc_precision, "average precision"),
    ("11.3", roc_by_all, "divided by all pairs"),
    ("11.3", roc_count, "number of pairs"),
    ("11.3", roc_zip, "pairs side by side"),
    ("11.3", roc_as_they_come, "curve without sorting"),
    ("11.3", roc_means, "difference of means"),
    ("11.4", ece_floor, "edges to the upper bin"),
    ("11.4", ece_half_open, "one lost"),
    ("11.4", ece_closed, "edges twice"),
    ("11.4", ece_quantiles, "bins of equal counts"),
    ("11.4", ece_of_labels, "probability of the truth"),
    ("11.4", ece_plain, "bins count the same"),
    ("11.4", ece_by_bins, "divided by the bins"),
    ("11.4", ece_max, "largest gap"),
    ("11.4", ece_no_abs, "signed"),
    ("11.4", ece_overall, "one gap for all"),
    ("11.4", ece_squares, "squared"),
    ("11.4", ece_strict, "edges lost"),
    ("11.4", ece_centres, "middle of the bin"),
    ("11.4", ece_each, "no bins"),
    ("11.4", ece_sum, "sum over images"),
    ("11.5", p_one_side, "one-sided"),
    ("11.5", p_twice, "above 1"),
    ("11.5", p_pmf, "exactly k"),
    ("11.5", p_below, "fewer than k"),
    ("11.5", p_max, "the larger number"),
    ("11.5", p_chi, "chi-square"),
    ("11.5", p_chi_corrected, "chi-square, corrected"),
    ("11.5", p_all, "all images"),
    ("11.5", p_differ, "where answers differ"),
    ("11.5", p_first, "always model a"),
    ("11.5", p_second, "always model b"),
    ("11.5", p_zero, "0 without a toss"),
    ("11.5", p_errors, "errors in all"),
    ("11.5", p_z, "test of two shares"),
    ("11.5", p_unpaired, "unpaired"),
]


@pytest.mark.parametrize(("number", "answer", "mistake"), WRONG)
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_a_named_mistake_gets_its_name(number, answer, mistake, seed):
    verdict = check(number, answer, seed=seed)
    assert verdict.ok is False
    assert verdict.mistake == mistake, verdict


def test_every_named_mistake_is_written_out_here():
    for number in NUMBERS:
        named = {m.name for m in exercises()[number].mistakes}
        written = {m for n, _, m in WRONG if n == number}
        assert named == written
        assert len(named) >= 8


# --- What must never pass -----------------------------------------------------------


@pytest.mark.parametrize("number", NUMBERS)
def test_an_untouched_stub_is_not_done_yet(number):
    def stub(*args): ...

    assert check(number, stub).ok is None


@settings(max_examples=25, deadline=None)
@given(number=st.sampled_from(NUMBERS), value=st.floats(0, 1), seed=st.integers(0, 99))
def test_a_random_answer_never_passes(number, value, seed):
    rng = np.random.default_rng(seed)

    def constant(*args):
        return value

    def drawn(*args):
        if number == "11.1":
            return rng.integers(0, 3, (args[2], args[2]))
        return rng.random()

    assert check(number, constant, seed=seed).ok is False
    assert check(number, drawn, seed=seed).ok is False


@pytest.mark.parametrize(("number", "answer"), RIGHT)
def test_nearly_right_is_wrong(number, answer):
    def nearly(*args):
        return answer(*args) + (1 if number == "11.1" else 1e-3)

    assert check(number, nearly).ok is False


def test_a_case_that_is_left_out_is_found():
    """Right everywhere but where a class is absent, a tie occurs, nothing differs."""

    def macro(confusion):
        with np.errstate(all="ignore"):
            f1 = macro_f1_at_once(confusion)
        return 0.5 if (confusion.sum(axis=1) == 0).any() else f1

    def roc(is_class, score):
        tied = len(np.unique(score)) < len(score)
        return roc_greater(is_class, score) if tied else roc_with_loops(is_class, score)

    def mcnemar(labels, answers_a, answers_b):
        if (answers_a == answers_b).all():
            return 0.0
        return mcnemar_with_cdf(labels, answers_a, answers_b)

    for number, answer in (("11.2", macro), ("11.3", roc), ("11.5", mcnemar)):
        assert check(number, answer).ok is False
