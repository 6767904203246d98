"""Losses of one answer out of K classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from imgcls_helpers._arguments import (
    labels,
    number,
    numbers_of,
    rate,
    refuse,
    true_or_false,
)
from imgcls_helpers.scratch.activations import log_softmax
from imgcls_helpers.scratch.losses._base import EPSILON, Loss

# How far a row of probabilities may be from the sum 1.
_TOLERANCE = 1e-3


class CategoricalCrossentropy(Loss):
    """Cross-entropy of one answer out of K classes, with one-hot or soft labels.

    With probabilities p (N, K) and labels t (N, K) whose rows sum to 1,

    ``l[n] = -sum_k t[n,k] log p[n,k]``

    From logits z (N, K), ``log p = z - log(sum_j exp(z_j))`` with the largest logit
    taken away first, so that nothing overflows, and

    ``dl[n]/dz[n,k] = softmax(z)[n,k] - t[n,k]``

    Probabilities are first divided by their sum and clipped to [1e-7, 1 - 1e-7], as in
    Keras; where they were clipped no gradient flows.

    Parameters
    ----------
    from_logits : bool
        Whether `y_pred` holds logits, not probabilities.
    label_smoothing : float
        e from 0 to below 1: labels become ``t (1 - e) + e / K``.

    Raises
    ------
    ValueError
        If `y_true` holds class numbers (make them one-hot, or take
        `SparseCategoricalCrossentropy`); if the rows of `y_true`, or, unless
        `from_logits`, of `y_pred` are no probabilities that sum to 1 within 1e-3.
        Keras checks the shapes alone.

    References
    ----------
    Goodfellow, Bengio and Courville, Deep Learning, sections 5.5, 6.2.1 and 6.2.2.3;
    label smoothing: Szegedy et al., arXiv:1512.00567, section 7.

    Examples
    --------
    >>> t, p = np.array([[0, 1, 0]]), np.array([[0.25, 0.5, 0.25]])
    >>> round(CategoricalCrossentropy()(t, p), 4)
    0.6931
    >>> CategoricalCrossentropy(from_logits=True).gradient(t, np.log(p))
    array([[ 0.25, -0.5 ,  0.25]])
    """

    def __init__(
        self, from_logits: bool = False, label_smoothing: float = 0.0, **options: Any
    ):
        super().__init__(**options)
        self.from_logits = true_or_false(from_logits, "from_logits")
        self.label_smoothing = rate(label_smoothing, "label_smoothing")

    def _check(self, y_true, y_pred):
        _need_classes(y_pred, self, self.from_logits)
        _need_one_hot(y_true, y_pred)
        e = self.label_smoothing
        return y_true.astype(y_pred.dtype) * (1 - e) + e / y_pred.shape[1]

    def _values(self, y_true, y_pred):
        return -np.sum(y_true * _log_probabilities(y_pred, self.from_logits), axis=1)

    def _slope(self, y_true, y_pred):
        # dl/dlog(p) = -t, whatever the way from y_pred to log(p).
        return _through_log(-y_true, y_pred, self.from_logits)


class SparseCategoricalCrossentropy(Loss):
    """Cross-entropy of one answer out of K classes, with class numbers as labels.

    With probabilities p (N, K) and class numbers y (N,) from 0 to K - 1,

    ``l[n] = -log p[n, y[n]]``

    The numbers are those of `CategoricalCrossentropy` with one-hot labels; the labels
    take K times less room. Keras offers no label smoothing here, and neither does this.

    Parameters
    ----------
    from_logits : bool
        Whether `y_pred` holds logits, not probabilities.

    Raises
    ------
    ValueError
        If `y_true` does not hold whole numbers (Keras cuts off the fraction) or is not
        (N,) or (N, 1), if a label is not in 0 .. K - 1 (Keras's answer to that depends
        on the backend: an error, or a silent 0), or, unless `from_logits`, if the rows
        of `y_pred` are no probabilities that sum to 1 within 1e-3.

    References
    ----------
    Goodfellow, Bengio and Courville, Deep Learning, section 6.2.2.3.

    Examples
    --------
    >>> y, p = np.array([1]), np.array([[0.25, 0.5, 0.25]])
    >>> round(SparseCategoricalCrossentropy()(y, p), 4)
    0.6931
    >>> SparseCategoricalCrossentropy(from_logits=True).gradient(y, np.log(p))
    array([[ 0.25, -0.5 ,  0.25]])
    """

    def __init__(self, from_logits: bool = False, **options: Any):
        super().__init__(**options)
        self.from_logits = true_or_false(from_logits, "from_logits")

    def _check(self, y_true, y_pred):
        _need_classes(y_pred, self, self.from_logits)
        n, k = y_pred.shape
        if y_true.shape == (n, k):
            refuse(
                "y_true",
                f"class numbers of shape ({n},)",
                y_true,
                cure="One-hot labels belong to CategoricalCrossentropy. Their class "
                "numbers are `y_true.argmax(axis=1)`.",
            )
        return labels(_column(y_true), "y_true", n=n, classes=k)

    def _values(self, y_true, y_pred):
        logs = _log_probabilities(y_pred, self.from_logits)
        return -np.take_along_axis(logs, y_true[:, None], axis=1)[:, 0]

    def _slope(self, y_true, y_pred):
        slope = np.zeros_like(y_pred)
        np.put_along_axis(slope, y_true[:, None], -1, axis=1)
        return _through_log(slope, y_pred, self.from_logits)


class CategoricalFocalCrossentropy(Loss):
    """Cross-entropy that counts examples less the surer the model is of them.

    With probabilities p (N, K), one-hot labels t (N, K) and a (K,) or one number,

    ``l[n] = -sum_k a[k] t[n,k] (1 - p[n,k])^gamma log p[n,k]``

    gamma = 0 and a = 1 give `CategoricalCrossentropy`. Probabilities are divided by
    their sum and clipped to [1e-7, 1 - 1e-7] first, as in Keras. Keras does so even
    from logits; here log p comes straight from the logits, so that the gradient lives
    on where p is below 1e-7.

    Parameters
    ----------
    alpha : float or K floats
        Weight of the loss, or of each class.
    gamma : float
        How strongly sure examples are discounted; at least 0.
    from_logits : bool
        Whether `y_pred` holds logits, not probabilities.
    label_smoothing : float
        e from 0 to below 1: labels become ``t (1 - e) + e / K``.

    Raises
    ------
    ValueError
        As `CategoricalCrossentropy`; and if `gamma` or `alpha` is below 0 or `alpha`
        has neither one number nor K.

    References
    ----------
    Lin et al., Focal Loss for Dense Object Detection, 2017, arXiv:1708.02002,
    equation 5 for two classes; for K classes as Keras has it.

    Examples
    --------
    >>> t, p = np.array([[0, 1, 0]]), np.array([[0.25, 0.5, 0.25]])
    >>> loss = CategoricalFocalCrossentropy(alpha=1.0, gamma=2.0)
    >>> round(loss(t, p), 4)  # a quarter of log 2
    0.1733
    """

    def __init__(
        self,
        alpha: float | Sequence[float] = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        **options: Any,
    ):
        super().__init__(**options)
        expected = "a number of 0 or more, or one for each class"
        self.alpha = numbers_of(alpha, "alpha", expected, (0, 1))
        if self.alpha.min() < 0:
            refuse("alpha", expected, alpha)
        self.gamma = number(gamma, "gamma", 0)
        self.from_logits = true_or_false(from_logits, "from_logits")
        self.label_smoothing = rate(label_smoothing, "label_smoothing")

    def _check(self, y_true, y_pred):
        _need_classes(y_pred, self, self.from_logits)
        _need_one_hot(y_true, y_pred)
        k = y_pred.shape[1]
        if self.alpha.ndim == 1 and len(self.alpha) != k:
            refuse(
                "alpha",
                f"one number in all, or {k}, one for each class",
                came=f"{len(self.alpha)}",
            )
        e = self.label_smoothing
        smooth = y_true.astype(y_pred.dtype) * (1 - e) + e / k
        return smooth * self.alpha.astype(y_pred.dtype)

    def _values(self, y_true, y_pred):
        logs = _log_probabilities(y_pred, self.from_logits)
        doubt = -np.expm1(logs)  # 1 - p, without losing digits where p is near 1
        return -np.sum(y_true * doubt**self.gamma * logs, axis=1)

    def _slope(self, y_true, y_pred):
        logs = _log_probabilities(y_pred, self.from_logits)
        doubt = -np.expm1(logs)
        # log(p) / (1 - p) tends to -1 as p goes to 1.
        ratio = np.divide(logs, doubt, where=doubt > 0, out=-np.ones_like(logs))
        change = self.gamma * np.exp(logs) * ratio - 1
        slope = y_true * doubt**self.gamma * change
        return _through_log(slope, y_pred, self.from_logits)


class CategoricalHinge(Loss):
    """Hinge loss of one answer out of K classes.

    With scores s (N, K) and one-hot labels t (N, K),

    ``l[n] = max(0, 1 + max_k (1 - t[n,k]) s[n,k] - sum_k t[n,k] s[n,k])``

    The score of the true class must beat every other by 1, and, because its own place
    in the maximum holds a 0, must itself reach 1. That is Keras's form. At the kink
    the gradient is 0; of equal largest scores the first gets it.

    Raises
    ------
    ValueError
        If `y_true` is not one-hot. Keras checks the shapes alone.

    References
    ----------
    Crammer and Singer, On the algorithmic implementation of multiclass kernel-based
    vector machines, JMLR 2, 2001 (without the 0 in the maximum).

    Examples
    --------
    >>> CategoricalHinge()(np.array([[0, 1, 0]]), np.array([[2.0, 2.5, 1.0]]))
    0.5
    """

    def _check(self, y_true, y_pred):
        _need_classes(y_pred, self, from_logits=True)
        _need_one_hot(y_true, y_pred)
        if not np.isin(y_true, (0, 1)).all():
            refuse(
                "y_true",
                "one-hot, a single 1 and otherwise 0 in each row",
                came="soft labels",
            )
        return y_true.astype(y_pred.dtype)

    def _margins(self, y_true, y_pred):
        others = (1 - y_true) * y_pred
        rival = others.argmax(axis=1)[:, None]
        best = np.take_along_axis(others, rival, axis=1)[:, 0]
        return 1 + best - np.sum(y_true * y_pred, axis=1), rival

    def _values(self, y_true, y_pred):
        return np.maximum(0, self._margins(y_true, y_pred)[0])

    def _slope(self, y_true, y_pred):
        missing, rival = self._margins(y_true, y_pred)
        up = np.zeros_like(y_pred)
        np.put_along_axis(up, rival, 1, axis=1)
        return np.where(missing[:, None] > 0, up * (1 - y_true) - y_true, 0)


# Shared steps ---------------------------------------------------------------


def _normalized(y_pred: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the sums, the probabilities divided by them, and those clipped."""
    total = y_pred.sum(axis=1, keepdims=True)
    q = y_pred / total
    return total, q, np.clip(q, EPSILON, 1 - EPSILON)


def _log_probabilities(y_pred: np.ndarray, from_logits: bool) -> np.ndarray:
    return log_softmax(y_pred) if from_logits else np.log(_normalized(y_pred)[2])


def _through_log(
    slope: np.ndarray, y_pred: np.ndarray, from_logits: bool
) -> np.ndarray:
    """Turn a derivative with respect to log(p) into one with respect to `y_pred`."""
    if from_logits:
        p = np.exp(log_softmax(y_pred))
        return slope - p * slope.sum(axis=1, keepdims=True)
    total, q, clipped = _normalized(y_pred)
    slope = np.where(q == clipped, slope / clipped, 0)
    return (slope - np.sum(slope * q, axis=1, keepdims=True)) / total


def _column(y_true: np.ndarray) -> np.ndarray:
    """Return labels of shape (N, 1), as Keras's data sets have them, as (N,)."""
    return y_true[:, 0] if y_true.ndim == 2 and y_true.shape[1] == 1 else y_true


def _need_classes(y_pred: np.ndarray, loss: Loss, from_logits: bool) -> None:
    if y_pred.ndim != 2 or y_pred.shape[1] < 2:
        refuse(
            "y_pred",
            "of shape (N, K), K at least 2",
            y_pred,
            cure="One score for each example belongs to BinaryCrossentropy or Hinge.",
        )
    if from_logits:
        return
    sums = y_pred.sum(axis=1)
    if y_pred.min() < 0 or np.abs(sums - 1).max() > _TOLERANCE:
        worst = sums[np.abs(sums - 1).argmax()]
        cure = (
            "Are these logits? Then the loss is "
            f"`scratch.{type(loss).__name__}(from_logits=True)`."
        )
        if y_pred.min() >= 0 and y_pred.max() <= 1:
            cure += " If a sigmoid made them, take a softmax in its place."
        refuse(
            "y_pred",
            "probabilities of 0 or more, in rows that sum to 1",
            came=f"values from {y_pred.min():.4g}, and a row that sums to {worst:.4g}",
            cure=cure,
        )


def _need_one_hot(y_true: np.ndarray, y_pred: np.ndarray) -> None:
    n, k = y_pred.shape
    expected = f"one-hot labels of shape ({n}, {k})"
    if y_true.shape in ((n,), (n, 1)):
        labels(_column(y_true), "y_true", classes=k)  # else another cure
        code = "y_true" if y_true.ndim == 1 else "y_true[:, 0]"
        refuse(
            "y_true",
            expected,
            y_true,
            cure="These are class numbers: take SparseCategoricalCrossentropy, or make "
            f"them one-hot with `np.eye({k})[{code}]`.",
        )
    if y_true.shape != (n, k):
        refuse("y_true", expected, y_true)
    sums = y_true.sum(axis=1)
    if y_true.min() < 0 or np.abs(sums - 1).max() > _TOLERANCE:
        refuse(
            "y_true",
            "one-hot, or shares of 0 or more in rows that sum to 1",
            came=f"values from {y_true.min()}, and rows that sum to {sums.min()} to "
            f"{sums.max()}",
        )
