"""Losses that compare number by number: squares, and questions of yes or no."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgcls_helpers._arguments import rate, refuse, true_or_false
from imgcls_helpers.scratch.activations import sigmoid
from imgcls_helpers.scratch.losses._base import EPSILON, Loss


class MeanSquaredError(Loss):
    """Mean of the squared differences.

    ``l[n] = 1/D sum_d (y_pred[n,d] - y_true[n,d])^2``

    over all D numbers of an example; ``dl[n]/dy_pred[n,d] = 2/D (y_pred - y_true)``.
    Arrays of any shape (N, ...) will do, both of the same shape.

    Raises
    ------
    ValueError
        If the shapes differ. Keras would let (N,) and (N, 1) pass in places where
        they stretch to (N, N).

    References
    ----------
    Goodfellow, Bengio and Courville, Deep Learning, section 5.1.4; why it does not
    suit a softmax: section 6.2.1.

    Examples
    --------
    >>> MeanSquaredError()(np.array([[0.0, 1.0]]), np.array([[0.0, 3.0]]))
    2.0
    """

    def _check(self, y_true, y_pred):
        _need_same_shape(y_true, y_pred)
        return y_true.astype(y_pred.dtype)

    def _values(self, y_true, y_pred):
        return _example_mean((y_pred - y_true) ** 2)

    def _slope(self, y_true, y_pred):
        return 2 * (y_pred - y_true) / y_pred[0].size


class BinaryCrossentropy(Loss):
    """Cross-entropy of questions with the answers yes (1) and no (0).

    With probabilities p (N, D) of "yes" and labels t (N, D),

    ``l[n] = -1/D sum_d (t log p + (1 - t) log(1 - p))``

    From logits z, p = sigmoid(z), and without ever computing p,

    ``l[n] = 1/D sum_d (t log(1 + exp(-z)) + (1 - t) log(1 + exp(z)))``

    with ``dl[n]/dz = (sigmoid(z) - t) / D``. Probabilities are first clipped to
    [1e-7, 1 - 1e-7], as in Keras; where that happened the gradient is 0.

    The D questions of an example are separate: their probabilities need not sum to 1.
    One answer out of K classes is a matter for `CategoricalCrossentropy`.

    Parameters
    ----------
    from_logits : bool
        Whether `y_pred` holds logits, not probabilities.
    label_smoothing : float
        e from 0 to below 1: labels become ``t (1 - e) + e / 2``.

    Raises
    ------
    ValueError
        If the shapes differ, a label lies outside [0, 1], or, unless `from_logits`,
        a prediction does. Keras computes something in the last two cases.

    References
    ----------
    Goodfellow, Bengio and Courville, Deep Learning, section 6.2.2.2; label smoothing:
    Szegedy et al., arXiv:1512.00567, section 7.

    Examples
    --------
    >>> t, p = np.array([[1.0], [0.0]]), np.array([[0.5], [0.5]])
    >>> round(BinaryCrossentropy()(t, p), 4)
    0.6931
    >>> BinaryCrossentropy(from_logits=True).gradient(t, np.zeros((2, 1)))
    array([[-0.25],
           [ 0.25]])
    """

    def __init__(
        self, from_logits: bool = False, label_smoothing: float = 0.0, **options: Any
    ):
        super().__init__(**options)
        self.from_logits = true_or_false(from_logits, "from_logits")
        self.label_smoothing = rate(label_smoothing, "label_smoothing")

    def _check(self, y_true, y_pred):
        _need_same_shape(y_true, y_pred)
        if y_true.min() < 0 or y_true.max() > 1:
            cure = "For more than two classes take SparseCategoricalCrossentropy."
            if np.isin(y_true, (-1, 1)).all():
                cure = "Use `(y_true + 1) / 2`, or the loss Hinge."
            refuse(
                "y_true",
                "0 (no) and 1 (yes), or between",
                came=f"values from {y_true.min()} to {y_true.max()}",
                cure=cure,
            )
        if not self.from_logits:
            low, high = y_pred.min(), y_pred.max()
            if low < 0 or high > 1:
                refuse(
                    "y_pred",
                    "probabilities from 0 to 1",
                    came=f"values from {low:.4g} to {high:.4g}",
                    cure="Are these logits? Then the loss is "
                    "`scratch.BinaryCrossentropy(from_logits=True)`.",
                )
        e = self.label_smoothing
        return y_true.astype(y_pred.dtype) * (1 - e) + e / 2

    def _values(self, y_true, y_pred):
        if self.from_logits:
            # Both terms are at least 0 and neither overflows.
            yes, no = np.logaddexp(0, -y_pred), np.logaddexp(0, y_pred)
            return _example_mean(y_true * yes + (1 - y_true) * no)
        p = np.clip(y_pred, EPSILON, 1 - EPSILON)
        return -_example_mean(y_true * np.log(p) + (1 - y_true) * np.log(1 - p))

    def _slope(self, y_true, y_pred):
        if self.from_logits:
            # sigmoid(z) - t, without losing digits where it is near 0.
            slope = (1 - y_true) * sigmoid(y_pred) - y_true * sigmoid(-y_pred)
            return slope / y_pred[0].size
        p = np.clip(y_pred, EPSILON, 1 - EPSILON)
        slope = (1 - y_true) / (1 - p) - y_true / p
        return np.where(p == y_pred, slope, 0) / y_pred[0].size


class Hinge(Loss):
    """Hinge loss of questions with the answers yes (1) and no (-1).

    With scores s (N, D) of any size and labels t (N, D) that are -1 or 1,

    ``l[n] = 1/D sum_d max(0, 1 - t[n,d] s[n,d])``

    Labels 0 and 1 are turned into -1 and 1, as in Keras. At the kink, t s = 1, the
    gradient is 0.

    Raises
    ------
    ValueError
        If the shapes differ, or a label is something else. Keras lets that pass.

    References
    ----------
    Cortes and Vapnik, Support-vector networks, Machine Learning 20, 1995.

    Examples
    --------
    >>> Hinge()(np.array([[1], [-1]]), np.array([[0.5], [-2.0]]))
    0.25
    """

    def _check(self, y_true, y_pred):
        _need_same_shape(y_true, y_pred)
        bits = np.isin(y_true, (0, 1)).all()
        if not bits and not np.isin(y_true, (-1, 1)).all():
            refuse(
                "y_true",
                "-1 and 1, or 0 and 1",
                came=f"values from {y_true.min()} to {y_true.max()}",
                cure="For more classes take CategoricalHinge.",
            )
        y_true = y_true.astype(y_pred.dtype)
        return 2 * y_true - 1 if bits else y_true

    def _values(self, y_true, y_pred):
        return _example_mean(np.maximum(0, 1 - y_true * y_pred))

    def _slope(self, y_true, y_pred):
        return np.where(y_true * y_pred < 1, -y_true, 0) / y_pred[0].size


def _example_mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over all axes but the first."""
    return values.reshape(len(values), -1).mean(axis=1)


def _need_same_shape(y_true: np.ndarray, y_pred: np.ndarray) -> None:
    if y_true.shape == y_pred.shape:
        return
    cure, n, last = "", len(y_pred), y_pred.shape[-1]
    if y_true.size == y_pred.size:
        form = ", ".join(map(str, (-1, *y_pred.shape[1:])))
        cure = f"If they belong together one by one, use `y_true.reshape({form})`."
    elif y_true.shape == (n,) and y_true.dtype.kind in "iu" and last > y_true.max():
        cure = f"Class numbers become one-hot rows with `np.eye({last})[y_true]`."
    refuse("y_true", f"of shape {y_pred.shape}, as y_pred is", y_true, cure=cure)
