"""Whether a model that says 80% is right in 80% of cases, and what to do if not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from imgcls_helpers import _arguments
from imgcls_helpers._arguments import blocks, labels_and_probabilities, number
from imgcls_helpers._table import Shown, Table
from imgcls_helpers.scratch import softmax

__all__ = ["Calibration", "Temperature", "calibration", "temperature_scaling"]


@dataclass(frozen=True, eq=False, repr=False)
class Calibration(Shown):
    """Confidence and accuracy, bin by bin.

    The confidence of a prediction is its probability. Bin m of M holds the confidences
    above m/M up to (m + 1)/M.

    Attributes
    ----------
    edges : ndarray, shape (M + 1,)
    counts : int ndarray, shape (M,)
        Images in each bin.
    confidence, accuracy : ndarray, shape (M,)
        Means over the images of each bin; NaN where there are none.
    ece : float
        Expected calibration error: the mean over images of the distance between
        accuracy and confidence of their bin.
    mce : float
        The largest distance of any bin.

    Examples
    --------
    >>> from imgcls_helpers import evaluation
    >>> p = [[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.3, 0.7]]
    >>> found = evaluation.calibration([0, 0, 1, 0], p, bins=10)
    >>> found.counts.tolist(), round(found.ece, 2), round(found.mce, 2)
    ([0, 0, 0, 0, 0, 0, 2, 0, 2, 0], 0.15, 0.2)
    """

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def ece(self) -> float:
        filled = self.counts > 0
        weights = self.counts[filled] / self.counts.sum()
        return float(weights @ np.abs(self.accuracy - self.confidence)[filled])

    @property
    def mce(self) -> float:
        return float(np.nanmax(np.abs(self.accuracy - self.confidence)))

    def _tables(self) -> list[Table]:
        rows = [
            [
                f"{low:.3g} to {high:.3g}",
                f"{count:,}",
                f"{said:.1%}" if count else "-",
                f"{was:.1%}" if count else "-",
            ]
            for low, high, count, said, was in zip(
                self.edges[:-1],
                self.edges[1:],
                self.counts,
                self.confidence,
                self.accuracy,
                strict=True,
            )
        ]
        title = f"Expected calibration error {self.ece:.3f} ({len(rows)} bins)"
        return [Table(title, ["confidence", "images", "mean", "right"], rows)]


def calibration(labels: Any, probabilities: Any, *, bins: int = 15) -> Calibration:
    """Compare how sure a model is with how often it is right.

    Parameters
    ----------
    labels : int array, shape (N,)
    probabilities : float array, shape (N, K)
    bins : int
        Number of bins of equal width between 0 and 1. The error grows with it when
        bins hold few images: compare errors of equal `bins` and N only.

    Returns
    -------
    Calibration
        Shows itself as a table.

    Raises
    ------
    ValueError
        As `accuracy`, or if `bins` is not a whole number of 1 or more.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural
    networks", ICML 2017.

    Examples
    --------
    >>> from imgcls_helpers import evaluation
    >>> p = [[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.3, 0.7]]
    >>> round(evaluation.calibration([0, 0, 1, 0], p).ece, 3)
    0.15
    """
    return checked_calibration(*labels_and_probabilities(labels, probabilities), bins)


def checked_calibration(
    labels: np.ndarray, probabilities: np.ndarray, bins: int
) -> Calibration:
    """`calibration` of arrays that have been checked already."""
    bins = number(bins, "bins", 1, whole=True)
    counts = np.zeros(bins, np.int64)
    said, right = np.zeros(bins), np.zeros(bins)
    for rows in blocks(len(labels)):
        p = probabilities[rows]
        best = p.argmax(axis=1)
        # In float64, so that 0.2 of float32 does not land above an edge at 0.2.
        sure = p[np.arange(len(p)), best].astype(np.float64)
        where = np.ceil(np.round(sure * bins, 6)).astype(np.intp) - 1
        where = np.clip(where, 0, bins - 1)
        counts += np.bincount(where, minlength=bins)
        said += np.bincount(where, sure, bins)
        right += np.bincount(where, best == labels[rows], bins)
    empty = np.where(counts, counts, np.nan)
    return Calibration(
        edges=np.arange(bins + 1) / bins,
        counts=counts,
        confidence=said / empty,
        accuracy=right / empty,
    )


@dataclass(frozen=True)
class Temperature:
    """A temperature that was fitted: call it to get better probabilities.

    Attributes
    ----------
    temperature : float
        Above 1: the model was too sure. Below 1: not sure enough.
    before, after : float
        Cross-entropy of the images it was fitted on.

    Examples
    --------
    >>> import numpy as np
    >>> from imgcls_helpers import evaluation
    >>> softer = evaluation.Temperature(2.0, before=1.0, after=0.5)
    >>> softer(np.array([[2.0, 0.0]])).round(3)  # softmax of [1, 0]
    array([[0.731, 0.269]])
    """

    temperature: float
    before: float
    after: float

    def __call__(self, scores: Any) -> np.ndarray:
        """Return softmax(logits / T), shape (N, K), from logits or probabilities."""
        return softmax(_logits(scores) / self.temperature)


def _logits(scores: Any) -> np.ndarray:
    """Return logits, (N, K), given logits or probabilities; float32 or wider."""
    scores = _arguments.scores(scores)
    if scores.dtype.itemsize < 4:
        scores = scores.astype(np.float32)
    sums = scores.sum(axis=1, dtype=np.float64)
    if scores.min() >= 0 and np.abs(sums - 1).max() < 1e-2:
        # Up to a constant a row, which no softmax sees, these are the logits.
        return np.log(np.maximum(scores, np.finfo(scores.dtype).tiny))
    return scores


def temperature_scaling(labels: Any, scores: Any) -> Temperature:
    """Find the temperature that makes the probabilities of held-out images fit best.

    Divides all logits by one number T > 0 and chooses the T with the smallest
    cross-entropy. No answer changes, because the largest logit stays the largest.

    Parameters
    ----------
    labels : int array, shape (N,)
        Of validation images: neither those of the training nor those of the test.
    scores : float array, shape (N, K)
        Logits, or probabilities, from which the logits are found by a logarithm.

    Returns
    -------
    Temperature
        Call it with the logits or probabilities of other images. T is searched from
        0.01 to 100; the end of this range comes back if the best lies beyond, as for
        a model that gets all the images right.

    Raises
    ------
    ValueError
        If shapes, lengths or labels do not fit, or a value is not finite.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural
    networks", ICML 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from imgcls_helpers import evaluation
    >>> logits = np.array([[4.0, 0.0]] * 10)
    >>> fitted = evaluation.temperature_scaling([0] * 8 + [1] * 2, logits)
    >>> fitted(logits)[0].round(3)
    array([0.8, 0.2])
    """
    from scipy.optimize import brentq

    z = _logits(scores)
    labels = _arguments.labels(labels, classes=z.shape[1])
    _arguments.equally_many("labels and rows of scores", labels, z)

    def slope(log_t: float) -> float:
        # The cross-entropy is convex in 1/T. Its slope: mean logit under the model's
        # probabilities minus logit of the truth.
        return _sweep(labels, z, math.exp(log_t))[1]

    low, high = math.log(0.01), math.log(100)
    if slope(low) <= 0:
        best = low
    elif slope(high) >= 0:
        best = high
    else:
        best = brentq(slope, low, high, xtol=1e-6)
    t = math.exp(best)
    return Temperature(t, _sweep(labels, z, 1.0)[0], _sweep(labels, z, t)[0])


def _sweep(labels: np.ndarray, z: np.ndarray, t: float) -> tuple[float, float]:
    """Return cross-entropy at temperature t, and its slope along 1/t."""
    loss = slope = 0.0
    for rows in blocks(len(labels)):
        y = labels[rows]
        block = z[rows].astype(np.float64)
        block -= block.max(axis=1, keepdims=True)
        of_true = block[np.arange(len(y)), y]
        p = np.exp(block / t)
        total = p.sum(axis=1)
        loss += (np.log(total) - of_true / t).sum()
        slope += ((p * block).sum(axis=1) / total - of_true).sum()
    return float(loss / len(labels)), float(slope / len(labels))
