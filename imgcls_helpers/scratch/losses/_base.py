"""What all losses have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgcls_helpers._arguments import floats, labels, numbers_of, refuse
from imgcls_helpers.scratch._names import LOSS, Elsewhere, leave_out

# Keras's epsilon: probabilities are kept this far from 0 and 1.
EPSILON = 1e-7


class Loss(Elsewhere):
    """What all losses have in common.

    With the losses l (N,) of the examples and weights w (N,), 1 where none are given,

    ``loss = sum_n w[n] l[n] / N``

    A loss defines `_check`, which refuses labels and predictions that do not fit and
    returns the labels as numbers to compute with; `_values`, l (N,); and `_slope`, the
    derivative of l[n] with respect to y_pred[n], of y_pred's shape.

    Examples
    --------
    >>> from imgcls_helpers.scratch import MeanSquaredError
    >>> loss = MeanSquaredError()
    >>> y_true, y_pred = np.array([[0.0], [0.0]]), np.array([[1.0], [3.0]])
    >>> loss(y_true, y_pred)
    5.0
    >>> loss(y_true, y_pred, sample_weight=np.array([1.0, 0.0]))
    0.5
    >>> loss.gradient(y_true, y_pred)
    array([[1.],
           [3.]])
    """

    _elsewhere = LOSS

    def __init__(self, **options: Any):
        leave_out(options)

    def __call__(
        self,
        y_true: np.ndarray,
        y_pred: np.ndarray,
        sample_weight: np.ndarray | None = None,
    ) -> float:
        """Return the loss of a batch, one number.

        Parameters
        ----------
        y_true : array, shape (N, K), or (N,) for class numbers
        y_pred : array of float, shape (N, K)
        sample_weight : array, shape (N,), optional

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If labels, predictions or weights cannot be meant: the message says why.
        """
        values = self.per_example(y_true, y_pred)
        if sample_weight is not None:
            values = values * _weights(sample_weight, len(values))
        return float(np.sum(values, dtype=np.float64) / len(values))

    def per_example(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        """Return the loss of each example.

        Parameters and errors are those of calling the loss.

        Returns
        -------
        array of float, shape (N,)

        Examples
        --------
        >>> from imgcls_helpers.scratch import MeanSquaredError
        >>> loss = MeanSquaredError()
        >>> loss.per_example(np.array([[0.0], [0.0]]), np.array([[1.0], [3.0]]))
        array([1., 9.])
        """
        labels = self._checked(y_true, y_pred)
        return self._values(labels, y_pred)

    def gradient(
        self,
        y_true: np.ndarray,
        y_pred: np.ndarray,
        sample_weight: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the derivative of the loss of the batch, of y_pred's shape and dtype.

        Parameters and errors are those of calling the loss.
        """
        labels = self._checked(y_true, y_pred)
        slope = self._slope(labels, y_pred) / len(y_pred)
        if sample_weight is not None:
            weights = _weights(sample_weight, len(y_pred))
            slope *= weights.reshape(-1, *[1] * (y_pred.ndim - 1))
        return slope.astype(y_pred.dtype, copy=False)

    def _checked(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        floats(y_pred, "y_pred")
        if y_pred.ndim == 0 or y_pred.size == 0:
            refuse("y_pred", "of shape (N, K) with at least one example", y_pred)
        if not np.isfinite(y_pred).all():
            refuse(
                "y_pred",
                "finite",
                came="NaN or infinity in it",
                cure="Has the training diverged? Try a smaller learning rate, and look "
                "for NaN in x.",
            )
        if type(y_true) is not np.ndarray:
            cure = "Use `np.asarray(y_true)`."
            if np.ma.is_masked(y_true):
                cure = "Leave out the examples whose label is masked."
            refuse("y_true", "a NumPy array", y_true, cure=cure)
        if y_true.dtype.kind not in "biuf":
            labels(y_true, "y_true")  # says what makes numbers of them
        if not np.isfinite(y_true).all():
            refuse(
                "y_true",
                "finite",
                came="NaN or infinity in it",
                cure="Look for missing labels.",
            )
        return self._check(y_true, y_pred)

    def _check_end(self, activation: str | None) -> None:
        """Refuse a network whose last activation does what the loss does too."""
        if getattr(self, "from_logits", False) and activation in ("softmax", "sigmoid"):
            refuse(
                "loss",
                f"one of probabilities, as the network ends in {activation}",
                came="from_logits=True",
                cure=f"Leave out that {activation}, or from_logits=True.",
            )

    def _check(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _slope(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        raise NotImplementedError


def _weights(sample_weight: np.ndarray, n: int) -> np.ndarray:
    expected = f"of shape ({n},), a finite number of 0 or more for each example"
    weights = numbers_of(sample_weight, "sample_weight", expected, (1,))
    if len(weights) != n:
        refuse("sample_weight", expected, sample_weight)
    if weights.min() < 0:
        refuse(
            "sample_weight",
            expected,
            came=f"{weights.min():.4g}, which would reward mistakes",
        )
    return weights
