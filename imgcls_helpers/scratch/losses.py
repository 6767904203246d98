"""Losses and their gradients, with the names and the numbers of Keras.

A loss is an object. Called, it gives one number for a batch: the losses of the
examples, each times its weight, added up and divided by the number of examples N
(what Keras calls ``sum_over_batch_size``; the sum of the weights plays no part).
`per_example` gives the N losses, and `gradient` the derivative of the one number with
respect to the predictions.

Keras lets much pass that cannot be meant: shapes that stretch to fit each other,
scores given as probabilities, labels without a class. Here every such input is
refused, with what to do instead.

Shapes used throughout: N examples, K classes, logits or probabilities `y_pred` (N, K),
one-hot or soft labels `y_true` (N, K), class numbers `y_true` (N,).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imgcls_helpers.scratch._arrays import floats
from imgcls_helpers.scratch.activations import log_softmax, sigmoid

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalHinge",
    "Hinge",
    "Loss",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
]

# Keras's epsilon: probabilities are kept this far from 0 and 1.
_EPSILON = 1e-7
# How far a row of probabilities may be from the sum 1.
_TOLERANCE = 1e-3


class Loss:
    """What all losses have in common.

    With the losses l (N,) of the examples and weights w (N,), 1 where none are given,

    ``loss = sum_n w[n] l[n] / N``

    A loss defines `_check`, which refuses labels and predictions that do not fit and
    returns the labels as numbers to compute with; `_values`, l (N,); and `_slope`, the
    derivative of l[n] with respect to y_pred[n], of y_pred's shape.

    Examples
    --------
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
        TypeError, ValueError
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
            raise ValueError(
                f"y_pred has shape {y_pred.shape}: there is no example in it. Expected "
                "(N, K) with at least one example."
            )
        if not np.isfinite(y_pred).all():
            raise ValueError(
                "y_pred holds NaN or infinity. Expected finite numbers: the training "
                "has diverged (try a smaller learning rate), or an input held NaN."
            )
        if not isinstance(y_true, np.ndarray):
            raise TypeError(
                f"y_true is a {type(y_true).__name__}. Expected a NumPy array: call "
                "np.asarray(...)."
            )
        if y_true.dtype.kind not in "biuf":
            raise TypeError(
                f"y_true has dtype {y_true.dtype}. Expected numbers: turn class names "
                "into class numbers with np.unique(y_true, return_inverse=True)."
            )
        if not np.isfinite(y_true).all():
            raise ValueError(
                "y_true holds NaN or infinity. Expected finite numbers: look for "
                "missing labels."
            )
        return self._check(y_true, y_pred)

    def _check(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _values(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _slope(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        raise NotImplementedError


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

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0):
        self.from_logits = bool(from_logits)
        self.label_smoothing = _smoothing(label_smoothing)

    def _check(self, y_true, y_pred):
        _need_same_shape(y_true, y_pred)
        if y_true.min() < 0 or y_true.max() > 1:
            raise ValueError(
                f"y_true holds values from {y_true.min()} to {y_true.max()}. Expected "
                "0 (no) and 1 (yes), or between; for more than two classes take "
                "SparseCategoricalCrossentropy."
            )
        if not self.from_logits:
            low, high = y_pred.min(), y_pred.max()
            if low < 0 or high > 1:
                raise ValueError(
                    f"y_pred holds values from {low:.4g} to {high:.4g}. Expected "
                    "probabilities from 0 to 1. Are these logits? Then say "
                    "from_logits=True."
                )
        e = self.label_smoothing
        return y_true.astype(y_pred.dtype) * (1 - e) + e / 2

    def _values(self, y_true, y_pred):
        if self.from_logits:
            # Both terms are at least 0 and neither overflows.
            yes, no = np.logaddexp(0, -y_pred), np.logaddexp(0, y_pred)
            return _example_mean(y_true * yes + (1 - y_true) * no)
        p = np.clip(y_pred, _EPSILON, 1 - _EPSILON)
        return -_example_mean(y_true * np.log(p) + (1 - y_true) * np.log(1 - p))

    def _slope(self, y_true, y_pred):
        if self.from_logits:
            # sigmoid(z) - t, without losing digits where it is near 0.
            slope = (1 - y_true) * sigmoid(y_pred) - y_true * sigmoid(-y_pred)
            return slope / y_pred[0].size
        p = np.clip(y_pred, _EPSILON, 1 - _EPSILON)
        slope = (1 - y_true) / (1 - p) - y_true / p
        return np.where(p == y_pred, slope, 0) / y_pred[0].size


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

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0):
        self.from_logits = bool(from_logits)
        self.label_smoothing = _smoothing(label_smoothing)

    def _check(self, y_true, y_pred):
        _need_classes(y_pred, self.from_logits)
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
    TypeError
        If `y_true` does not hold whole numbers. Keras cuts off the fraction.
    ValueError
        If `y_true` is not (N,) or (N, 1), if a label is not in 0 .. K - 1 (Keras's
        answer to that depends on the backend: an error, or a silent 0), or, unless
        `from_logits`, if the rows of `y_pred` are no probabilities that sum to 1
        within 1e-3.

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

    def __init__(self, from_logits: bool = False):
        self.from_logits = bool(from_logits)

    def _check(self, y_true, y_pred):
        _need_classes(y_pred, self.from_logits)
        n, k = y_pred.shape
        if y_true.shape == (n, k):
            raise ValueError(
                f"y_true has shape {y_true.shape}, like y_pred. Expected class numbers "
                f"({n},): one-hot labels belong to CategoricalCrossentropy, or call "
                "y_true.argmax(axis=1)."
            )
        if y_true.shape not in ((n,), (n, 1)):
            raise ValueError(
                f"y_true has shape {y_true.shape} and y_pred {y_pred.shape}. Expected "
                f"one class number for each example: ({n},)."
            )
        if y_true.dtype.kind not in "iu":
            raise TypeError(
                f"y_true has dtype {y_true.dtype}. Expected class numbers as whole "
                "numbers: call .astype(int) if that is what they are."
            )
        if y_true.min() < 0 or y_true.max() >= k:
            raise ValueError(
                f"y_true holds labels from {y_true.min()} to {y_true.max()}. Expected "
                f"0 to {k - 1}, because y_pred has {k} classes: count classes from 0, "
                "or give the last layer more units."
            )
        return y_true.reshape(n)

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
    ):
        self.alpha = np.asarray(alpha, dtype=np.float64)
        if self.alpha.ndim > 1 or not (self.alpha >= 0).all():
            raise ValueError(
                f"alpha is {alpha!r}. Expected a number from 0, or one for each class."
            )
        if not 0 <= gamma < np.inf:
            raise ValueError(f"gamma is {gamma!r}. Expected a finite number from 0.")
        self.gamma = float(gamma)
        self.from_logits = bool(from_logits)
        self.label_smoothing = _smoothing(label_smoothing)

    def _check(self, y_true, y_pred):
        _need_classes(y_pred, self.from_logits)
        _need_one_hot(y_true, y_pred)
        k = y_pred.shape[1]
        if self.alpha.ndim == 1 and len(self.alpha) != k:
            raise ValueError(
                f"alpha has {len(self.alpha)} numbers and y_pred {k} classes. Expected "
                "one number in all, or one for each class."
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
        if np.isin(y_true, (0, 1)).all():
            return 2 * y_true.astype(y_pred.dtype) - 1
        if np.isin(y_true, (-1, 1)).all():
            return y_true.astype(y_pred.dtype)
        raise ValueError(
            f"y_true holds values from {y_true.min()} to {y_true.max()}. Expected -1 "
            "and 1, or 0 and 1; for more classes take CategoricalHinge."
        )

    def _values(self, y_true, y_pred):
        return _example_mean(np.maximum(0, 1 - y_true * y_pred))

    def _slope(self, y_true, y_pred):
        return np.where(y_true * y_pred < 1, -y_true, 0) / y_pred[0].size


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
        _need_classes(y_pred, from_logits=True)
        _need_one_hot(y_true, y_pred)
        if not np.isin(y_true, (0, 1)).all():
            raise ValueError(
                "y_true holds soft labels. Expected one-hot labels, a single 1 and "
                "otherwise 0 in each row."
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


def _example_mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over all axes but the first."""
    return values.reshape(len(values), -1).mean(axis=1)


def _normalized(y_pred: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the sums, the probabilities divided by them, and those clipped."""
    total = y_pred.sum(axis=1, keepdims=True)
    q = y_pred / total
    return total, q, np.clip(q, _EPSILON, 1 - _EPSILON)


def _log_probabilities(y_pred: np.ndarray, from_logits: bool) -> np.ndarray:
    return log_softmax(y_pred) if from_logits else np.log(_normalized(y_pred)[2])


def _through_log(slope: np.ndarray, y_pred: np.ndarray, from_logits: bool):
    """Turn a derivative with respect to log(p) into one with respect to `y_pred`."""
    if from_logits:
        p = np.exp(log_softmax(y_pred))
        return slope - p * slope.sum(axis=1, keepdims=True)
    total, q, clipped = _normalized(y_pred)
    slope = np.where(q == clipped, slope / clipped, 0)
    return (slope - np.sum(slope * q, axis=1, keepdims=True)) / total


def _smoothing(e: float) -> float:
    if not 0 <= e < 1:
        raise ValueError(
            f"label_smoothing is {e!r}. Expected a number from 0 to below 1; 0.1 is "
            "usual."
        )
    return float(e)


def _weights(sample_weight: np.ndarray, n: int) -> np.ndarray:
    weights = np.asarray(sample_weight)
    if weights.shape != (n,):
        raise ValueError(
            f"sample_weight has shape {weights.shape}. Expected one number for each "
            f"example: ({n},)."
        )
    if weights.dtype.kind not in "biuf":
        raise TypeError(
            f"sample_weight has dtype {weights.dtype}. Expected numbers from 0."
        )
    if not np.isfinite(weights).all() or weights.min() < 0:
        raise ValueError(
            "sample_weight holds a negative number, NaN or infinity. Expected finite "
            "numbers from 0: a negative weight would reward mistakes."
        )
    return weights


def _need_same_shape(y_true: np.ndarray, y_pred: np.ndarray) -> None:
    if y_true.shape != y_pred.shape:
        raise ValueError(
            f"y_true has shape {y_true.shape} and y_pred {y_pred.shape}. Expected the "
            "same shape: call y_true.reshape(y_pred.shape) if the numbers belong "
            "together one by one, and make class numbers one-hot."
        )


def _need_classes(y_pred: np.ndarray, from_logits: bool) -> None:
    if y_pred.ndim != 2 or y_pred.shape[1] < 2:
        raise ValueError(
            f"y_pred has shape {y_pred.shape}. Expected (N, K) with at least two "
            "classes; a single score for each example belongs to BinaryCrossentropy "
            "or Hinge."
        )
    if from_logits:
        return
    sums = y_pred.sum(axis=1)
    if y_pred.min() < 0 or np.abs(sums - 1).max() > _TOLERANCE:
        worst = sums[np.abs(sums - 1).argmax()]
        raise ValueError(
            f"y_pred holds values from {y_pred.min():.4g}, and a row that sums to "
            f"{worst:.4g}. Expected probabilities from 0 whose rows sum to 1. Are "
            "these logits? Then say from_logits=True."
        )


def _need_one_hot(y_true: np.ndarray, y_pred: np.ndarray) -> None:
    n, k = y_pred.shape
    if y_true.shape in ((n,), (n, 1)):
        raise ValueError(
            f"y_true has shape {y_true.shape}: these look like class numbers. Expected "
            f"one-hot labels ({n}, {k}): make them one-hot with np.eye({k})[y_true], "
            "or take SparseCategoricalCrossentropy."
        )
    if y_true.shape != (n, k):
        raise ValueError(
            f"y_true has shape {y_true.shape} and y_pred {y_pred.shape}. Expected the "
            "same shape: one row of labels for each row of predictions."
        )
    sums = y_true.sum(axis=1)
    if y_true.min() < 0 or np.abs(sums - 1).max() > _TOLERANCE:
        raise ValueError(
            f"y_true holds values from {y_true.min()}, and rows that sum to "
            f"{sums.min()} to {sums.max()}. Expected one-hot labels, or shares from 0 "
            "whose rows sum to 1."
        )
