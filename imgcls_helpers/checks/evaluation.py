"""The checks of chapter 11, Evaluation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from imgcls_helpers.checks import Mistake, function_exercise

# 11.1 -----------------------------------------------------------------------


def _confusion(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    cells = labels * classes + predictions
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def _confusion_once(
    labels: np.ndarray, predictions: np.ndarray, classes: int
) -> np.ndarray:
    counts = np.zeros((classes, classes), int)
    counts[labels, predictions] += 1
    return counts


def _confusion_one_row(
    labels: np.ndarray, predictions: np.ndarray, classes: int
) -> np.ndarray:
    row = np.bincount(predictions, minlength=classes)
    return np.tile(row, (classes, 1))


def _confusion_errors(
    labels: np.ndarray, predictions: np.ndarray, classes: int
) -> np.ndarray:
    counts = _confusion(labels, predictions, classes)
    np.fill_diagonal(counts, 0)
    return counts


def _confusion_right(
    labels: np.ndarray, predictions: np.ndarray, classes: int
) -> np.ndarray:
    return np.diag(_confusion(labels, predictions, classes).diagonal())


def _confusion_shares(axis: int | None) -> Callable:
    def shares(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
        counts = _confusion(labels, predictions, classes)
        total = counts.sum(axis=axis, keepdims=True)
        return counts / np.maximum(total, 1)

    return shares


def _confusion_of_what_occurs(
    labels: np.ndarray, predictions: np.ndarray, classes: int
) -> np.ndarray:
    found = np.union1d(labels, predictions)
    return _confusion(labels, predictions, classes)[np.ix_(found, found)]


@function_exercise(
    "11.1",
    "The confusion matrix",
    reference=_confusion,
    mistakes=[
        Mistake(
            "transposed",
            lambda labels, predictions, classes: _confusion(
                predictions, labels, classes
            ),
            "Rows and columns are swapped.",
            "The true class chooses the row, the answer the column.",
        ),
        Mistake(
            "counted once",
            _confusion_once,
            "No cell holds more than 1. `counts[labels, predictions] += 1` adds once "
            "to a cell, however often it is named.",
            "Add in a loop, with `np.add.at`, or with `np.bincount`.",
        ),
        Mistake(
            "one row for all",
            _confusion_one_row,
            "All rows are the same. `[[0] * classes] * classes` holds *one* list, "
            "several times over: a change of one row shows in all.",
            "Start from `np.zeros((classes, classes), int)`.",
        ),
        Mistake(
            "errors only",
            _confusion_errors,
            "The diagonal is zero: what is right has to be counted too.",
        ),
        Mistake(
            "right ones only",
            _confusion_right,
            "Only the diagonal is filled: the errors are missing.",
            "Count every pair of true class and answer.",
        ),
        Mistake(
            "shares of rows",
            _confusion_shares(1),
            "Those are the shares of each row, not the numbers of images.",
            "Leave the counts as they are.",
        ),
        Mistake(
            "shares of columns",
            _confusion_shares(0),
            "Those are the shares of each column, not the numbers of images.",
            "Leave the counts as they are.",
        ),
        Mistake(
            "shares of all",
            _confusion_shares(None),
            "Those are the shares of all images, not their numbers.",
            "Leave the counts as they are.",
        ),
        Mistake(
            "classes that occur",
            _confusion_of_what_occurs,
            "A class that does not occur has no row and no column.",
            "The shape is (classes, classes), whatever occurs.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.array([0, 1]), np.array([1, 1]), 2
    yield np.array([0, 0, 0, 1, 2]), np.array([0, 0, 1, 1, 0]), 3
    yield np.array([2, 2]), np.array([0, 2]), 4
    # One cell holds more than a byte can.
    yield np.repeat([0, 1], [300, 20]), np.repeat([0, 1], [290, 30]), 2
    for n, classes in [(30, 3), (200, 5), (7, 10)]:
        labels, predictions = rng.integers(0, classes, (2, n))
        yield labels, predictions, classes


# 11.2 -----------------------------------------------------------------------


def _parts(confusion: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return precision, recall, F1 and support of the classes with images."""
    support, said = confusion.sum(axis=1), confusion.sum(axis=0)
    hits = confusion.diagonal()
    seen = support > 0
    precision = hits / np.maximum(said, 1)
    recall = hits / np.maximum(support, 1)
    f1 = 2 * hits / np.maximum(support + said, 1)
    return precision[seen], recall[seen], f1[seen], support[seen]


def _macro_f1(confusion: np.ndarray) -> float:
    return float(_parts(confusion)[2].mean())


def _f1_of_means(confusion: np.ndarray) -> float:
    precision, recall, _, _ = _parts(confusion)
    p, r = precision.mean(), recall.mean()
    return float(2 * p * r / (p + r)) if p + r else 0.0


def _weighted_f1(confusion: np.ndarray) -> float:
    _, _, f1, support = _parts(confusion)
    return float(f1 @ support / support.sum())


def _micro_f1(confusion: np.ndarray) -> float:
    return float(confusion.trace() / confusion.sum())


def _f1_over_all(confusion: np.ndarray) -> float:
    return float(_parts(confusion)[2].sum() / len(confusion))


def _f1_of_found(confusion: np.ndarray) -> float:
    f1 = _parts(confusion)[2]
    return float(f1[f1 > 0].mean()) if f1.any() else 0.0


def _f1_where(seen: str) -> Callable:
    def mean(confusion: np.ndarray) -> float:
        support, said = confusion.sum(axis=1), confusion.sum(axis=0)
        used = said > 0 if seen == "column" else (said > 0) & (support > 0)
        f1 = 2 * confusion.diagonal()[used] / (support + said)[used]
        return float(f1.mean())

    return mean


def _f1_sum(confusion: np.ndarray) -> float:
    return float(_parts(confusion)[2].sum())


def _mean_for_harmonic(confusion: np.ndarray) -> float:
    precision, recall, _, _ = _parts(confusion)
    return float(np.mean((precision + recall) / 2))


def _without_two(confusion: np.ndarray) -> float:
    return _macro_f1(confusion) / 2


@function_exercise(
    "11.2",
    "Macro F1",
    reference=_macro_f1,
    mistakes=[
        Mistake(
            "absent classes counted",
            _f1_over_all,
            "A class without images counts as 0 in your mean.",
            "Divide by the number of classes whose row has images.",
        ),
        Mistake(
            "unfound classes left out",
            _f1_of_found,
            "A class that has images but is never found is missing in your mean, and "
            "that flatters the model.",
            "Leave out classes by their row sum, not by their F1. `np.nanmean` leaves "
            "out too many if you divide by the number of answers.",
        ),
        Mistake(
            "unsaid classes left out",
            _f1_where("both"),
            "A class that has images but is never given as an answer is missing in "
            "your mean, and that flatters the model.",
            "Leave out classes by their row sum alone. Such a class has an F1 of 0.",
        ),
        Mistake(
            "left out by column",
            _f1_where("column"),
            "You leave out the classes that are never given as an answer. Leave out "
            "those without images.",
            "The images of a class are the sum of its *row*: `confusion.sum(axis=1)`.",
        ),
        Mistake(
            "sum",
            _f1_sum,
            "That is the sum of the F1 over classes.",
            "Divide by the number of classes that have images.",
        ),
        Mistake(
            "F1 of the means",
            _f1_of_means,
            "That is the F1 of mean precision and mean recall: another definition.",
            "Compute F1 for each class first, then take the mean.",
        ),
        Mistake(
            "weighted",
            _weighted_f1,
            "Each class counts by its number of images: that is the weighted F1.",
            "Take the plain mean over classes.",
        ),
        Mistake(
            "micro",
            _micro_f1,
            "That is the micro F1, which is the accuracy.",
            "Compute F1 for each class, then take the mean.",
        ),
        Mistake(
            "precision only",
            lambda confusion: float(_parts(confusion)[0].mean()),
            "That is the macro precision.",
            "F1 counts the row of a class and its column.",
        ),
        Mistake(
            "recall only",
            lambda confusion: float(_parts(confusion)[1].mean()),
            "That is the macro recall.",
            "F1 counts the row of a class and its column.",
        ),
        Mistake(
            "arithmetic mean",
            _mean_for_harmonic,
            "It takes the plain mean of precision and recall; F1 is the harmonic one.",
            "`2 * hits / (row sum + column sum)`.",
        ),
        Mistake(
            "factor 2",
            _without_two,
            "The factor 2 is missing: a class without any error must have an F1 of 1.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield (np.array([[3, 1], [2, 4]]),)
    yield (np.array([[5, 0], [3, 0]]),)  # the second class is never said
    yield (np.array([[4, 1, 0], [0, 0, 0], [1, 0, 2]]),)  # ... has no images
    yield (np.array([[4, 1, 2], [0, 0, 0], [2, 3, 0]]),)  # said, never rightly
    for k in (3, 5, 8):
        confusion = rng.integers(0, 9, (k, k)) + 10 * np.eye(k, dtype=int)
        yield (confusion * rng.integers(1, 20, (k, 1)),)


# 11.3 -----------------------------------------------------------------------


def _differences(is_class: np.ndarray, score: np.ndarray) -> np.ndarray:
    return score[is_class][:, None] - score[~is_class]


def _roc_area(is_class: np.ndarray, score: np.ndarray) -> float:
    gap = _differences(is_class, score)
    return float(np.mean((gap > 0) + 0.5 * (gap == 0)))


def _average_precision(is_class: np.ndarray, score: np.ndarray) -> float:
    found = 0.0
    for threshold in score[is_class]:
        found += is_class[score >= threshold].mean()
    return float(found / is_class.sum())


def _all_pairs(is_class: np.ndarray, score: np.ndarray) -> float:
    gap = _differences(is_class, score)
    return float(((gap > 0) + 0.5 * (gap == 0)).sum() / len(score) ** 2)


def _best_f1(is_class: np.ndarray, score: np.ndarray) -> float:
    said = score >= 0.5
    return float(np.mean(said == is_class))


def _pairs_in_step(is_class: np.ndarray, score: np.ndarray) -> float:
    inside, outside = score[is_class], score[~is_class]
    n = min(len(inside), len(outside))
    gap = inside[:n] - outside[:n]
    return float(np.mean((gap > 0) + 0.5 * (gap == 0)))


def _unsorted_curve(is_class: np.ndarray, score: np.ndarray) -> float:
    found = np.cumsum(is_class) / is_class.sum()
    alarms = np.cumsum(~is_class) / (~is_class).sum()
    return float(np.diff(alarms) @ (found[1:] + found[:-1]) / 2)


def _pairs_won(is_class: np.ndarray, score: np.ndarray) -> float:
    gap = _differences(is_class, score)
    return float((gap > 0).sum() + 0.5 * (gap == 0).sum())


@function_exercise(
    "11.3",
    "The area under the ROC curve",
    reference=_roc_area,
    mistakes=[
        Mistake(
            "ties lost",
            lambda is_class, score: float(np.mean(_differences(is_class, score) > 0)),
            "Ties count nothing in yours.",
            "Add one half for each pair with equal scores.",
        ),
        Mistake(
            "ties won",
            lambda is_class, score: float(np.mean(_differences(is_class, score) >= 0)),
            "Ties count in full in yours.",
            "Count them one half: use `>` for the rest.",
        ),
        Mistake(
            "upside down",
            lambda is_class, score: 1 - _roc_area(is_class, score),
            "Yours counts the pairs in the wrong order: 1 minus the area.",
            "The image of the class should have the *higher* score.",
        ),
        Mistake(
            "accuracy",
            _best_f1,
            "That is the accuracy at the threshold 0.5. The area belongs to no single "
            "threshold.",
            "Compare each score of the class with each of the others.",
        ),
        Mistake(
            "average precision",
            _average_precision,
            "That is the average precision: the area under the other curve.",
            "Count pairs in the right order.",
        ),
        Mistake(
            "divided by all pairs",
            _all_pairs,
            "You divide by the number of all pairs of images.",
            "There are (images of the class) times (others) pairs to compare.",
        ),
        Mistake(
            "number of pairs",
            _pairs_won,
            "That is the number of pairs in the right order, not their share.",
            "Divide by the number of pairs.",
        ),
        Mistake(
            "pairs side by side",
            _pairs_in_step,
            "The first image of the class is compared with the first other one only, "
            "the second with the second, and so on.",
            "Compare *every* image of the class with every other one: "
            "`inside[:, None] > outside`.",
        ),
        Mistake(
            "curve without sorting",
            _unsorted_curve,
            "Your curve takes the images in the order in which they come, so the "
            "scores make no difference.",
            "Sort by score first, highest first; or compare pairs.",
        ),
        Mistake(
            "difference of means",
            lambda is_class, score: float(
                score[is_class].mean() - score[~is_class].mean()
            ),
            "That is the difference of the mean scores.",
            "Only the order of two scores counts, not their distance.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.array([True, False]), np.array([0.75, 0.25])
    yield np.array([True, False, False]), np.array([0.625, 0.625, 0.25])
    yield np.array([False, True, True, False]), np.array([0.9, 0.2, 0.95, 0.1])
    for n in (5, 12, 60):
        is_class = rng.random(n) < 0.3
        is_class[:2] = True, False
        # Sixteenths: exact, with many ties, and none at a threshold of 0.5.
        yield is_class, rng.integers(0, 8, n) / 8 + 1 / 16
        yield is_class, rng.random(n) * 0.5 + 0.3 * is_class


# 11.4 -----------------------------------------------------------------------


def _bins(
    labels: np.ndarray,
    probabilities: np.ndarray,
    bins: int,
    *,
    lower: bool = False,
    of_truth: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the signed gap of each bin with images, and the bin's share of them."""
    rows = np.arange(len(labels))
    sure = probabilities[rows, labels] if of_truth else probabilities.max(axis=1)
    hit = probabilities.argmax(axis=1) == labels
    where = np.floor(sure * bins) if lower else np.ceil(sure * bins) - 1
    where = np.clip(where, 0, bins - 1)
    used = np.unique(where)
    gaps = [hit[where == m].mean() - sure[where == m].mean() for m in used]
    shares = [np.mean(where == m) for m in used]
    return np.array(gaps), np.array(shares)


def _ece(labels: np.ndarray, probabilities: np.ndarray, bins: int) -> float:
    gaps, shares = _bins(labels, probabilities, bins)
    return float(np.abs(gaps) @ shares)


def _ece_lower(labels: np.ndarray, probabilities: np.ndarray, bins: int) -> float:
    gaps, shares = _bins(labels, probabilities, bins, lower=True)
    return float(np.abs(gaps) @ shares)


def _ece_of_truth(labels: np.ndarray, probabilities: np.ndarray, bins: int) -> float:
    gaps, shares = _bins(labels, probabilities, bins, of_truth=True)
    return float(np.abs(gaps) @ shares)


def _ece_unweighted(labels: np.ndarray, probabilities: np.ndarray, bins: int) -> float:
    return float(np.abs(_bins(labels, probabilities, bins)[0]).mean())


def _ece_over_bins(labels: np.ndarray, probabilities: np.ndarray, bins: int) -> float:
    return float(np.abs(_bins(labels, probabilities, bins)[0]).sum() / bins)


def _mce(labels: np.ndarray, probabilities: np.ndarray, bins: int) -> float:
    return float(np.abs(_bins(labels, probabilities, bins)[0]).max())


def _ece_signed(labels: np.ndarray, probabilities: np.ndarray, bins: int) -> float:
    gaps, shares = _bins(labels, probabilities, bins)
    return float(gaps @ shares)


def _one_bin(labels: np.ndarray, probabilities: np.ndarray, bins: int) -> float:
    return float(abs(_ece_signed(labels, probabilities, bins)))


def _ece_squared(labels: np.ndarray, probabilities: np.ndarray, bins: int) -> float:
    gaps, shares = _bins(labels, probabilities, bins)
    return float(gaps**2 @ shares)


def _ece_edges_lost(labels: np.ndarray, probabilities: np.ndarray, bins: int) -> float:
    sure = probabilities.max(axis=1)
    gaps = (probabilities.argmax(axis=1) == labels) - sure
    # An image on an edge is in no bin, but counts in N.
    inside = np.floor(sure * bins) != sure * bins
    where = np.ceil(sure * bins)
    parts = [abs(gaps[inside & (where == m)].sum()) for m in np.unique(where)]
    return float(sum(parts) / len(labels))


def _ece_interval(upper: bool) -> Callable:
    # With `<` above, a confidence of 1 is in no bin; with `<=` on both sides, one on
    # an edge is in two.
    def error(labels: np.ndarray, probabilities: np.ndarray, bins: int) -> float:
        sure = probabilities.max(axis=1)
        gaps = (probabilities.argmax(axis=1) == labels) - sure
        total = 0.0
        for m in range(bins):
            low, high = m / bins, (m + 1) / bins
            inside = (low <= sure) & ((sure <= high) if upper else (sure < high))
            total += abs(gaps[inside].sum())
        return float(total / len(labels))

    return error


def _ece_equal_counts(
    labels: np.ndarray, probabilities: np.ndarray, bins: int
) -> float:
    sure = probabilities.max(axis=1)
    gaps = (probabilities.argmax(axis=1) == labels) - sure
    order = np.array_split(np.argsort(sure, kind="stable"), bins)
    return float(sum(abs(gaps[rows].sum()) for rows in order) / len(labels))


def _ece_middle(labels: np.ndarray, probabilities: np.ndarray, bins: int) -> float:
    where = np.ceil(probabilities.max(axis=1) * bins)
    gaps = (probabilities.argmax(axis=1) == labels) - (where - 0.5) / bins
    parts = [abs(gaps[where == m].sum()) for m in np.unique(where)]
    return float(sum(parts) / len(labels))


def _no_bins(labels: np.ndarray, probabilities: np.ndarray, bins: int) -> float:
    right = probabilities.argmax(axis=1) == labels
    return float(np.abs(right - probabilities.max(axis=1)).mean())


def _ece_added(labels: np.ndarray, probabilities: np.ndarray, bins: int) -> float:
    return _ece(labels, probabilities, bins) * len(labels)


@function_exercise(
    "11.4",
    "The calibration error",
    reference=_ece,
    mistakes=[
        Mistake(
            "edges to the upper bin",
            _ece_lower,
            "A confidence on the edge between two bins goes to the upper bin.",
            "It belongs to the lower one: above the lower edge, up to the upper one "
            "included. `np.ceil(confidence * bins)` numbers the bins so.",
        ),
        Mistake(
            "probability of the truth",
            _ece_of_truth,
            "Your confidence is the probability of the true class.",
            "It is the largest probability: what the model says, right or wrong.",
        ),
        Mistake(
            "bins count the same",
            _ece_unweighted,
            "Each bin with images counts the same in yours.",
            "Weigh a bin by its share of the images, n / N.",
        ),
        Mistake(
            "divided by the bins",
            _ece_over_bins,
            "You divide the sum of the gaps by the number of bins.",
            "Weigh a bin by its share of the images, n / N.",
        ),
        Mistake(
            "largest gap",
            _mce,
            "That is the largest gap of any bin, the maximum calibration error.",
            "Take the mean of the gaps, each bin counted by its images.",
        ),
        Mistake(
            "signed",
            _ece_signed,
            "Gaps of different signs cancel.",
            "Take the absolute value of each bin's gap before you add.",
        ),
        Mistake(
            "one gap for all",
            _one_bin,
            "That is the distance of the overall accuracy and the mean confidence: "
            "gaps of different signs have cancelled.",
            "Take the absolute value in each bin, not of the sum.",
        ),
        Mistake(
            "squared",
            _ece_squared,
            "The gaps are squared.",
            "Take their absolute values.",
        ),
        Mistake(
            "one lost",
            _ece_interval(upper=False),
            "A confidence on the edge between two bins goes to the upper bin, and a "
            "confidence of exactly 1 into none.",
            "It belongs to the lower one: `(low < c) & (c <= high)`.",
        ),
        Mistake(
            "edges twice",
            _ece_interval(upper=True),
            "A confidence on the edge between two bins is counted in both.",
            "Leave out the lower edge: `(low < c) & (c <= high)`.",
        ),
        Mistake(
            "bins of equal counts",
            _ece_equal_counts,
            "Your bins hold equally many images.",
            "They have equal *width*: bin m of M goes from (m - 1) / M to m / M.",
        ),
        Mistake(
            "edges lost",
            _ece_edges_lost,
            "A confidence on the edge between two bins is in no bin.",
            "Include the upper edge: `(low < c) & (c <= high)`.",
        ),
        Mistake(
            "middle of the bin",
            _ece_middle,
            "You take the middle of a bin for its confidence.",
            "Take the mean confidence of the images in it.",
        ),
        Mistake(
            "no bins",
            _no_bins,
            "You take the distance of each single image: right (1) or wrong (0) "
            "against its confidence.",
            "First the means of a bin, then their distance.",
        ),
        Mistake(
            "sum over images",
            _ece_added,
            "It grows with the number of images.",
            "The weight of a bin is n / N, a share.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.array([0, 1]), np.array([[0.875, 0.125], [0.625, 0.375]]), 4
    # Confidences of 3/4 lie on an edge.
    edge = np.array([[0.75, 0.25], [0.875, 0.125], [0.25, 0.75], [0.625, 0.375]])
    yield np.array([1, 0, 1, 1]), edge, 4
    yield np.array([0, 0, 1]), np.array([[1.0, 0], [1, 0], [1, 0]]), 5
    for n, classes, bins in [(10, 2, 5), (60, 3, 10), (200, 5, 7)]:
        z = 2 * rng.normal(size=(n, classes))
        p = np.exp(z)
        p /= p.sum(axis=1, keepdims=True)
        # Right less often than it says in one half, more often in the other.
        labels = np.where(rng.random(n) < 0.6, p.argmax(1), rng.integers(0, classes, n))
        yield labels, p, bins


# 11.5 -----------------------------------------------------------------------


def _won(labels: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[int, int]:
    right_a, right_b = a == labels, b == labels
    return int(np.sum(right_a & ~right_b)), int(np.sum(right_b & ~right_a))


def _at_most(k: int, n: int) -> float:
    return sum(math.comb(n, i) for i in range(k + 1)) / 2**n


def _mcnemar(labels: np.ndarray, answers_a: np.ndarray, answers_b: np.ndarray) -> float:
    one, other = _won(labels, answers_a, answers_b)
    return min(1.0, 2 * _at_most(min(one, other), one + other))


def _one_sided(labels: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    one, other = _won(labels, a, b)
    return _at_most(min(one, other), one + other)


def _uncapped(labels: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    one, other = _won(labels, a, b)
    return 2 * _at_most(min(one, other), one + other)


def _exactly_k(labels: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    one, other = _won(labels, a, b)
    n = one + other
    return min(1.0, 2 * math.comb(n, min(one, other)) / 2**n)


def _below_k(labels: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    one, other = _won(labels, a, b)
    return min(1.0, 2 * _at_most(min(one, other) - 1, one + other))


def _larger_k(labels: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    one, other = _won(labels, a, b)
    return min(1.0, 2 * _at_most(max(one, other), one + other))


def _chi_square(correction: int) -> Callable:
    def p_value(labels: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
        one, other = _won(labels, a, b)
        if one == other:
            return 1.0
        statistic = max(abs(one - other) - correction, 0) ** 2 / (one + other)
        return math.erfc(math.sqrt(statistic / 2))

    return p_value


def _all_images(labels: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    one, other = _won(labels, a, b)
    return min(1.0, 2 * _at_most(min(one, other), len(labels)))


def _where_answers_differ(labels: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    one, other = _won(labels, a, b)
    n = int(np.sum(a != b))
    return min(1.0, 2 * _at_most(min(one, other), n))


def _one_named_model(labels: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    one, other = _won(labels, a, b)
    return min(1.0, 2 * _at_most(one, one + other))


def _other_named_model(labels: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    return _one_named_model(labels, b, a)


def _zero_for_none(labels: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    return _mcnemar(labels, a, b) if sum(_won(labels, a, b)) else 0.0


def _errors_in_all(labels: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    one, other = int(np.sum(a != labels)), int(np.sum(b != labels))
    return min(1.0, 2 * _at_most(min(one, other), one + other))


def _two_shares(labels: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    n = len(labels)
    one, other = np.mean(a == labels), np.mean(b == labels)
    middle = (one + other) / 2
    if one == other:
        return 1.0
    z = abs(one - other) / math.sqrt(2 * middle * (1 - middle) / n)
    return math.erfc(z / math.sqrt(2))


def _errors_of_each(labels: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    one, other = int(np.sum(a == labels)), int(np.sum(b == labels))
    return min(1.0, 2 * _at_most(min(one, other), one + other))


@function_exercise(
    "11.5",
    "McNemar's test, exactly",
    reference=_mcnemar,
    mistakes=[
        Mistake(
            "one-sided",
            _one_sided,
            "That is the probability on one side only.",
            "Either model might have won: twice that, and never more than 1.",
        ),
        Mistake(
            "above 1",
            _uncapped,
            "Where both models win equally many, your p-value is above 1.",
            "Take the smaller of it and 1.",
        ),
        Mistake(
            "exactly k",
            _exactly_k,
            "That is the probability of exactly k wins.",
            "Count k wins *or fewer*: `binom.cdf`, not `binom.pmf`.",
        ),
        Mistake(
            "fewer than k",
            _below_k,
            "That is the probability of fewer than k wins.",
            "k itself counts too.",
        ),
        Mistake(
            "the larger number",
            _larger_k,
            "k is the number of the model that wins *more* in yours.",
            "Take the smaller of the two.",
        ),
        Mistake(
            "chi-square",
            _chi_square(0),
            "That is the chi-square approximation, without continuity correction.",
            "With few images it is too small. Use the binomial distribution.",
        ),
        Mistake(
            "chi-square, corrected",
            _chi_square(1),
            "That is the chi-square approximation with the continuity correction.",
            "It is close, but not exact. Use the binomial distribution.",
        ),
        Mistake(
            "all images",
            _all_images,
            "n is the number of all images in yours.",
            "Images that both models get right, or both wrong, are no toss: n is the "
            "number of those that exactly one gets right.",
        ),
        Mistake(
            "where answers differ",
            _where_answers_differ,
            "n is the number of images with two different answers in yours. Two "
            "different answers may both be wrong.",
            "n is the number of images that exactly one model gets right.",
        ),
        Mistake(
            "always model a",
            _one_named_model,
            "k is the number of wins of the first model in yours, even where it wins "
            "more.",
            "Take the smaller of the two numbers.",
        ),
        Mistake(
            "always model b",
            _other_named_model,
            "k is the number of wins of the second model in yours, even where it wins "
            "more.",
            "Take the smaller of the two numbers.",
        ),
        Mistake(
            "0 without a toss",
            _zero_for_none,
            "Where no image tells the models apart, your p-value is 0: the surest "
            "difference of all.",
            "Nothing speaks against two equal models then: the p-value is 1.",
        ),
        Mistake(
            "errors in all",
            _errors_in_all,
            "You compare how many images each model gets wrong in all. The images that "
            "both get wrong are in both numbers.",
            "Count the images that *only* one of them gets right.",
        ),
        Mistake(
            "test of two shares",
            _two_shares,
            "That is a test of two shares from *different* images.",
            "The images are the same. Only those count that exactly one model gets "
            "right.",
        ),
        Mistake(
            "unpaired",
            _errors_of_each,
            "You compare how many images each model gets right in all. The images that "
            "both get right are in both numbers.",
            "Count the images that *only* one of them gets right.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    zeros = np.zeros(6, int)
    yield zeros, np.array([0, 0, 0, 0, 0, 1]), np.array([1, 1, 1, 1, 0, 0])
    yield zeros, np.array([0, 0, 1, 1, 0, 1]), np.array([1, 1, 0, 0, 0, 2])
    yield zeros, np.array([0, 0, 1, 1, 0, 1]), np.array([0, 0, 1, 1, 0, 1])
    yield zeros, np.array([0, 0, 0, 0, 0, 1]), np.array([1, 1, 1, 1, 1, 2])
    for n, classes in [(20, 3), (40, 4), (80, 10)]:
        labels = rng.integers(0, classes, n)
        answers = [
            np.where(rng.random(n) < share, labels, rng.integers(0, classes, n))
            for share in (0.8, 0.5)
        ]
        yield labels, *answers
        yield labels, *answers[::-1]
