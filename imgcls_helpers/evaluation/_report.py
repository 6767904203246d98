"""One call from labels and probabilities to a report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from imgcls_helpers import _arguments
from imgcls_helpers._arguments import blocks, likeliest, number, refuse
from imgcls_helpers._table import Shown, Table
from imgcls_helpers.evaluation._calibration import Calibration, checked_calibration
from imgcls_helpers.evaluation._intervals import (
    percentiles,
    resampled_share,
    wilson_interval,
)
from imgcls_helpers.evaluation._scores import (
    checked_brier_score,
    checked_cross_entropy,
    checked_top_k,
)

__all__ = ["Average", "Confused", "Curve", "Report", "evaluate"]

_MOST_CLASSES = 20  # with more, the table shows the weakest ones only
_WEAKEST = 10


class Average(NamedTuple):
    """Precision, recall and F1 averaged over classes.

    Attributes
    ----------
    precision, recall, f1 : float

    Examples
    --------
    >>> from imgcls_helpers import evaluation
    >>> p = [[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]]
    >>> report = evaluation.evaluate([0, 0, 1, 1], p, ["cat", "dog"])
    >>> report.macro.recall
    0.75
    """

    precision: float
    recall: float
    f1: float


class Confused(NamedTuple):
    """How often images of one class were taken for another.

    Attributes
    ----------
    true : int
        The class that they are of.
    predicted : int
        The class that they were taken for.
    count : int
        How many.
    share : float
        Of the images of the true class.

    Examples
    --------
    >>> from imgcls_helpers import evaluation
    >>> p = [[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]]
    >>> report = evaluation.evaluate([0, 0, 1, 1], p, ["cat", "dog"])
    >>> report.most_confused()[0]
    Confused(true=1, predicted=0, count=1, share=0.5)
    """

    true: int
    predicted: int
    count: int  # type: ignore[assignment]  # what tuple.count does, nobody needs
    share: float


class Curve(NamedTuple):
    """A curve over thresholds.

    Attributes
    ----------
    x : ndarray, shape (P,)
        False positive rate (ROC), or recall.
    y : ndarray, shape (P,)
        True positive rate (ROC), or precision.
    thresholds : ndarray
        A point counts the images whose probability is this or more.

    Examples
    --------
    >>> from imgcls_helpers import evaluation
    >>> p = [[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]]
    >>> report = evaluation.evaluate([0, 0, 1, 1], p, ["cat", "dog"])
    >>> curve = report.roc_curve(1)
    >>> len(curve.x) == len(curve.y) == len(curve.thresholds)
    True
    """

    x: np.ndarray
    y: np.ndarray
    thresholds: np.ndarray


class Report(Shown):
    """What labels and probabilities say about a model; made by `evaluate`.

    Parameters are those of `evaluate`, which fills in what is left out.

    Shows itself as tables. What takes long is computed when it is first asked for. The
    arrays that were given are kept, not copied: do not change them.

    Attributes
    ----------
    n, classes : int
        Images, classes.
    class_names : tuple of str
    labels, predictions : int ndarray, shape (N,)
    probabilities : ndarray, shape (N, K)
    accuracy : float
    accuracy_interval, accuracy_bootstrap : (float, float)
        Wilson's interval, and the percentile bootstrap's.
    top_k, top_k_accuracy : int, float
    cross_entropy, brier_score : float
    confusion : int ndarray, shape (K, K)
        Rows are true classes, columns predicted ones.
    support : int ndarray, shape (K,)
        Images of each class.
    precision, recall, f1 : ndarray, shape (K,)
        For each class. Recall and F1 are NaN for a class that no label names. As in
        scikit-learn, the precision of a class that was never predicted is 0; but NaN
        if no label names it either.
    recall_interval : ndarray, shape (K, 2)
        Wilson's interval for each class; NaN where recall is.
    macro, weighted, micro : Average
        Over the classes that some label names: each counts the same; each counts by
        its images; all images counted together (then all three are the accuracy).
    macro_f1_bootstrap : (float, float)
    roc_area, average_precision : ndarray, shape (K,)
        Area under the ROC curve, and under the precision-recall curve (as steps), of
        each class against the rest; NaN for a class of no images, or of all.
    calibration : Calibration
        With the expected calibration error ``.calibration.ece``.
    missing : tuple of str
        Names of the classes that no label names.
    notes : tuple of str
        What a reader has to know about these numbers.
    confidence : float
        Of all intervals.

    Examples
    --------
    >>> from imgcls_helpers import evaluation
    >>> p = [[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]]
    >>> report = evaluation.evaluate([0, 0, 1, 1], p, ["cat", "dog"])
    >>> report.support.tolist(), report.precision.round(2).tolist()
    ([2, 2], [0.67, 1.0])
    >>> report.most_confident_errors()  # positions, surest first
    array([2])
    >>> report.notes
    ("Fewer than 30 images: 'cat', 'dog'. Their rows are hardly more than chance.",)
    """

    def __init__(
        self,
        labels: np.ndarray,
        probabilities: np.ndarray,
        class_names: tuple[str, ...],
        *,
        top_k: int,
        confidence: float,
        bins: int,
        resamples: int,
        seed: int,
    ) -> None:
        self.labels, self.probabilities = labels, probabilities
        self.class_names = class_names
        self.n, self.classes = probabilities.shape
        self.confidence = confidence
        self.top_k = top_k
        self._bins, self._resamples, self._seed = bins, resamples, seed
        self.predictions = likeliest(probabilities)
        self.confusion = _confusion(labels, self.predictions, self.classes)

    # --- Counts -----------------------------------------------------------------

    @cached_property
    def support(self) -> np.ndarray:
        return self.confusion.sum(axis=1)

    @property
    def _right(self) -> int:
        return int(self.confusion.trace())

    @property
    def accuracy(self) -> float:
        return self._right / self.n

    @property
    def accuracy_interval(self) -> tuple[float, float]:
        return wilson_interval(self._right, self.n, confidence=self.confidence)

    @cached_property
    def accuracy_bootstrap(self) -> tuple[float, float]:
        rng = np.random.default_rng(self._seed)
        drawn = resampled_share(self._right, self.n, self._resamples, rng)
        return percentiles(drawn, self.confidence)

    @property
    def precision(self) -> np.ndarray:
        return self._per_class[0]

    @property
    def recall(self) -> np.ndarray:
        return self._per_class[1]

    @property
    def f1(self) -> np.ndarray:
        return self._per_class[2]

    @cached_property
    def _per_class(self) -> np.ndarray:
        return _precision_recall_f1(
            self.confusion.diagonal(), self.support, self.confusion.sum(axis=0)
        )

    @cached_property
    def recall_interval(self) -> np.ndarray:
        seen = self.support > 0
        found = np.full((self.classes, 2), np.nan)
        found[seen] = np.stack(
            wilson_interval(
                self.confusion.diagonal()[seen],
                self.support[seen],
                confidence=self.confidence,
            ),
            axis=1,
        )
        return found

    @cached_property
    def macro(self) -> Average:
        return Average(*self._per_class[:, self.support > 0].mean(axis=1).tolist())

    @cached_property
    def weighted(self) -> Average:
        seen = self.support > 0
        shares = self.support[seen] / self.n
        return Average(*(self._per_class[:, seen] @ shares).tolist())

    @property
    def micro(self) -> Average:
        # Every wrong answer is missing in one class and too much in another.
        return Average(self.accuracy, self.accuracy, self.accuracy)

    @cached_property
    def macro_f1_bootstrap(self) -> tuple[float, float]:
        # To draw images is to draw cells of the confusion matrix: the time it takes
        # does not depend on the number of images.
        rows, columns = np.nonzero(self.confusion)
        shares = self.confusion[rows, columns] / self.n
        rng = np.random.default_rng(self._seed)
        found = np.empty(self._resamples)
        for i in range(self._resamples):
            counts = rng.multinomial(self.n, shares)
            support = np.bincount(rows, counts, self.classes)
            right = np.bincount(rows, counts * (rows == columns), self.classes)
            predicted = np.bincount(columns, counts, self.classes)
            f1 = _precision_recall_f1(right, support, predicted)[2]
            found[i] = f1[support > 0].mean()
        return percentiles(found, self.confidence)

    def most_confused(self, n: int = 5) -> list[Confused]:
        """Return the pairs (true class, predicted class) with the most errors.

        Pairs without an error are left out, so there may be fewer than `n`.

        Parameters
        ----------
        n : int
            At most so many.

        Returns
        -------
        list of Confused
            Most errors first.

        Examples
        --------
        >>> from imgcls_helpers import evaluation
        >>> p = [[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]]
        >>> report = evaluation.evaluate([0, 0, 1, 1], p, ["cat", "dog"])
        >>> report.most_confused(1)
        [Confused(true=1, predicted=0, count=1, share=0.5)]
        """
        wrong = self.confusion.copy()
        np.fill_diagonal(wrong, 0)
        n = number(n, "n", 1, whole=True)
        order = np.argsort(-wrong, axis=None, kind="stable")[:n]
        pairs = zip(*np.unravel_index(order, wrong.shape), strict=True)
        return [
            Confused(int(t), int(p), int(wrong[t, p]), float(wrong[t, p] / total))
            for t, p in pairs
            if wrong[t, p] and (total := self.support[t])
        ]

    # --- Probabilities ----------------------------------------------------------

    @cached_property
    def top_k_accuracy(self) -> float:
        return checked_top_k(self.labels, self.probabilities, self.top_k)

    @cached_property
    def cross_entropy(self) -> float:
        return checked_cross_entropy(self.labels, self.probabilities)

    @cached_property
    def brier_score(self) -> float:
        return checked_brier_score(self.labels, self.probabilities)

    @cached_property
    def calibration(self) -> Calibration:
        return checked_calibration(self.labels, self.probabilities, self._bins)

    def most_confident_errors(self, n: int = 10) -> np.ndarray:
        """Return positions of the wrong predictions with the largest probabilities.

        Parameters
        ----------
        n : int
            At most so many.

        Returns
        -------
        int ndarray, shape (at most n,)
            Surest first; for ``plots.image_grid(images[found], labels[found],
            predictions=report.predictions[found])``.

        Examples
        --------
        >>> from imgcls_helpers import evaluation
        >>> p = [[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]]
        >>> report = evaluation.evaluate([0, 0, 1, 1], p, ["cat", "dog"])
        >>> report.most_confident_errors(1)
        array([2])
        """
        n = number(n, "n", 1, whole=True)
        wrong = np.flatnonzero(self.predictions != self.labels)
        sure = self.probabilities[wrong, self.predictions[wrong]]
        return wrong[np.argsort(-sure, kind="stable")[:n]]

    def roc_curve(self, k: int) -> Curve:
        """Return the ROC curve of class k against the rest, by scikit-learn.

        Parameters
        ----------
        k : int
            The number of the class.

        Returns
        -------
        Curve
            `x` is the false positive rate, `y` the true positive rate.

        Raises
        ------
        ValueError
            If there are no images of the class, or no others.

        Examples
        --------
        >>> from imgcls_helpers import evaluation
        >>> p = [[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]]
        >>> report = evaluation.evaluate([0, 0, 1, 1], p, ["cat", "dog"])
        >>> curve = report.roc_curve(1)
        >>> curve.y.tolist()[0], curve.y.tolist()[-1]
        (0.0, 1.0)
        """
        from sklearn import metrics

        return Curve(*metrics.roc_curve(*self._one_against_rest(k)))

    def precision_recall_curve(self, k: int) -> Curve:
        """Return the precision-recall curve of class k against the rest.

        By scikit-learn. It ends in a point of recall 0 and precision 1, which has no
        threshold.

        Parameters
        ----------
        k : int
            The number of the class.

        Returns
        -------
        Curve
            `x` is recall, `y` is precision.

        Raises
        ------
        ValueError
            If there are no images of the class, or no others.

        Examples
        --------
        >>> from imgcls_helpers import evaluation
        >>> p = [[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]]
        >>> report = evaluation.evaluate([0, 0, 1, 1], p, ["cat", "dog"])
        >>> curve = report.precision_recall_curve(1)
        >>> curve.x.tolist()[0], curve.x.tolist()[-1]
        (1.0, 0.0)
        """
        from sklearn import metrics

        precision, recall, thresholds = metrics.precision_recall_curve(
            *self._one_against_rest(k)
        )
        return Curve(recall, precision, thresholds)

    def _one_against_rest(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        k = number(k, "k", 0, self.classes - 1, whole=True)
        if self.support[k] in (0, self.n):
            refuse(
                "k",
                "a class of which there are images, and others beside",
                came=f"class {self.class_names[k]!r}, with {self.support[k]} of "
                f"{self.n} images",
            )
        return self.labels == k, self.probabilities[:, k]

    @property
    def roc_area(self) -> np.ndarray:
        return self._areas[0]

    @property
    def average_precision(self) -> np.ndarray:
        return self._areas[1]

    @cached_property
    def _areas(self) -> np.ndarray:
        found = np.full((2, self.classes), np.nan)
        for k in np.flatnonzero((self.support > 0) & (self.support < self.n)):
            found[:, k] = _areas(*self._one_against_rest(int(k)))
        return found

    # --- In words ---------------------------------------------------------------

    @cached_property
    def missing(self) -> tuple[str, ...]:
        absent = np.flatnonzero(self.support == 0)
        return tuple(self.class_names[k] for k in absent)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        found = []
        if self.missing:
            found.append(
                f"No label names {_list(self.missing)}: recall and F1 are not defined, "
                "and the averages leave this out."
            )
        never = (self.confusion.sum(axis=0) == 0) & (self.support > 0)
        if never.any():
            names = [self.class_names[k] for k in np.flatnonzero(never)]
            found.append(f"Never predicted: {_list(names)}. Precision counts as 0.")
        few = (self.support > 0) & (self.support < 30)
        if few.any():
            names = [self.class_names[k] for k in np.flatnonzero(few)]
            found.append(
                f"Fewer than 30 images: {_list(names)}. Their rows are hardly more "
                "than chance."
            )
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain Python objects, for JSON; None for NaN.

        Examples
        --------
        >>> from imgcls_helpers import evaluation
        >>> p = [[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]]
        >>> report = evaluation.evaluate([0, 0, 1, 1], p, ["cat", "dog"])
        >>> report.to_dict()["per_class"]["recall"]
        {'cat': 1.0, 'dog': 0.5}
        """

        def plain(values: Any) -> Any:
            if isinstance(values, np.ndarray):
                return [plain(value) for value in values.tolist()]
            if isinstance(values, float) and math.isnan(values):
                return None
            return values

        per_class = {
            name: dict(zip(self.class_names, plain(values), strict=True))
            for name, values in {
                "support": self.support,
                "precision": self.precision,
                "recall": self.recall,
                "f1": self.f1,
                "roc_area": self.roc_area,
                "average_precision": self.average_precision,
            }.items()
        }
        return {
            "images": self.n,
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.accuracy_interval),
            "accuracy_bootstrap": list(self.accuracy_bootstrap),
            "confidence": self.confidence,
            f"top_{self.top_k}_accuracy": self.top_k_accuracy,
            "cross_entropy": self.cross_entropy,
            "brier_score": self.brier_score,
            "expected_calibration_error": self.calibration.ece,
            "macro": self.macro._asdict(),
            "weighted": self.weighted._asdict(),
            "micro": self.micro._asdict(),
            "per_class": per_class,
            "confusion": self.confusion.tolist(),
            "notes": list(self.notes),
        }

    @property
    def decimals(self) -> int:
        """Decimals worth writing in a percentage, as many as the interval allows.

        Examples
        --------
        >>> from imgcls_helpers import evaluation
        >>> p = [[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]]
        >>> report = evaluation.evaluate([0, 0, 1, 1], p, ["cat", "dog"])
        >>> report.decimals
        0
        """
        low, high = self.accuracy_interval
        return min(3, max(0, 1 + round(-math.log10(100 * (high - low) / 2))))

    def _percent(self, share: float) -> str:
        return "-" if math.isnan(share) else f"{share:.{self.decimals}%}"

    def _range(self, interval: tuple[float, float]) -> str:
        return f"[{self._percent(interval[0])}, {self._percent(interval[1])}]"

    def _tables(self) -> list[Table]:
        level = f"{self.confidence:.10g}".removeprefix("0.").ljust(2, "0")
        level = f"{level[:2]}{'.' * (len(level) > 2)}{level[2:]}%"
        summary = [
            ("accuracy", self._percent(self.accuracy)),
            (f"  {level} interval, Wilson", self._range(self.accuracy_interval)),
            (f"  {level} interval, bootstrap", self._range(self.accuracy_bootstrap)),
        ]
        if self.top_k > 1:
            summary.append(
                (f"top-{self.top_k} accuracy", self._percent(self.top_k_accuracy))
            )
        summary += [
            ("macro F1", self._percent(self.macro.f1)),
            (f"  {level} interval, bootstrap", self._range(self.macro_f1_bootstrap)),
            ("cross-entropy", f"{self.cross_entropy:.3f}"),
            ("Brier score (0 to 2)", f"{self.brier_score:.3f}"),
            ("calibration error (ECE)", f"{self.calibration.ece:.3f}"),
        ]
        title = f"{self.n:,} image{'s' * (self.n != 1)}, {self.classes} classes"
        tables = [Table(title, (), summary), self._class_table()]
        pairs = [
            (
                self.class_names[c.true],
                self.class_names[c.predicted],
                f"{c.count:,}",
                self._percent(c.share),
            )
            for c in self.most_confused()
        ]
        if pairs:
            head = ("true class", "taken for", "images", "of the class")
            tables.append(Table("Most confused", head, pairs))
        return tables

    def _class_table(self) -> Table:
        shown, title = np.arange(self.classes), "Classes"
        if self.classes > _MOST_CLASSES:
            shown = np.argsort(self.f1, kind="stable")[:_WEAKEST]  # NaN last
            title = f"The {_WEAKEST} classes with the lowest F1"

        def number(value: float) -> str:
            return "-" if math.isnan(value) else f"{value:.3f}"

        rows = [
            (
                self.class_names[k],
                f"{self.support[k]:,}",
                *(self._percent(row[k]) for row in self._per_class),
                number(self.roc_area[k]),
                number(self.average_precision[k]),
            )
            for k in shown
        ]
        for name in ("macro", "weighted", "micro"):
            average = getattr(self, name)
            rows.append(
                (f"{name} average", "", *(self._percent(v) for v in average), "", "")
            )
        head = ("class", "images", "precision", "recall", "F1", "ROC area", "PR area")
        return Table(title, head, rows)


def evaluate(
    labels: Any,
    probabilities: Any,
    class_names: Sequence[str] | None = None,
    *,
    top_k: int | None = None,
    confidence: float = 0.95,
    bins: int = 15,
    resamples: int = 2000,
    seed: int = 0,
) -> Report:
    """Make a report from labels and probabilities.

    Parameters
    ----------
    labels : int array, shape (N,)
    probabilities : float array, shape (N, K)
    class_names : sequence of K str, optional
    top_k : int, optional
        1 to K. Default: 5, or K - 1 with fewer than six classes.
    confidence : float
        Of all intervals.
    bins : int
        Of the calibration error.
    resamples, seed : int
        Of the bootstrap.

    Returns
    -------
    Report
        Shows itself as tables.

    Raises
    ------
    ValueError
        If labels are not class numbers below K, rows do not sum to 1, a value is NaN
        or negative, lengths differ, nothing is given, or an option is out of range.

    Examples
    --------
    >>> from imgcls_helpers import evaluation
    >>> p = [[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]]
    >>> report = evaluation.evaluate([0, 0, 1, 1], p, ["cat", "dog"])
    >>> report.accuracy, report.confusion.tolist()
    (0.75, [[2, 0], [1, 1]])
    >>> report.recall.tolist(), report.most_confused()
    ([1.0, 0.5], [Confused(true=1, predicted=0, count=1, share=0.5)])
    """
    labels, probabilities = _arguments.labels_and_probabilities(labels, probabilities)
    classes = probabilities.shape[1]
    if top_k is None:
        top_k = min(5, classes - 1)
    return Report(
        labels,
        probabilities,
        _arguments.class_names(class_names, classes),
        top_k=number(top_k, "top_k", 1, classes, whole=True),
        confidence=_arguments.confidence(confidence),
        bins=number(bins, "bins", 1, whole=True),
        resamples=number(resamples, "resamples", 100, whole=True),
        seed=_arguments.seed(seed),
    )


def _confusion(labels: np.ndarray, predictions: np.ndarray, k: int) -> np.ndarray:
    # As scikit-learn's confusion_matrix, several times as fast.
    counts = np.zeros(k * k, np.int64)
    for rows in blocks(len(labels)):
        cells = labels[rows] * k + predictions[rows]
        counts += np.bincount(cells, minlength=k * k)
    return counts.reshape(k, k)


def _precision_recall_f1(
    right: np.ndarray, support: np.ndarray, predicted: np.ndarray
) -> np.ndarray:
    """Return precision, recall and F1 of each class, shape (3, K)."""
    with np.errstate(invalid="ignore"):
        precision, recall = right / predicted, right / support
        f1 = 2 * right / (support + predicted)
    precision[(predicted == 0) & (support > 0)] = 0
    f1[support == 0] = np.nan
    return np.stack([precision, recall, f1])


def _areas(is_class: np.ndarray, p: np.ndarray) -> tuple[float, float]:
    """Return the areas under the ROC curve and the precision-recall curve.

    The same numbers as scikit-learn's ``roc_auc_score`` and
    ``average_precision_score``, several times as fast: two plain sorts and a search in
    place of an indirect sort of all rows.
    """
    inside, outside = np.sort(p[is_class]), np.sort(p[~is_class])
    below = np.searchsorted(outside, inside, "left")
    not_above = np.searchsorted(outside, inside, "right")
    pairs = len(inside) * len(outside)
    # The share of pairs (one of the class, one other) in the right order; ties half.
    roc = (below.sum(dtype=np.int64) + not_above.sum(dtype=np.int64)) / 2 / pairs
    # Precision at the threshold of each image of the class; tied ones share theirs.
    true = len(inside) - np.searchsorted(inside, inside, "left")
    false = len(outside) - below
    return float(roc), float(np.mean(true / (true + false)))


def _list(names: Sequence[str]) -> str:
    shown = [repr(name) for name in names[:_WEAKEST]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
