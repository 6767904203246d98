"""From a model to probabilities, and from those to single numbers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from imgcls_helpers._arguments import (
    blocks,
    images_for,
    labels_and_predictions,
    labels_and_probabilities,
    number,
    one_output,
    refuse,
    true_or_false,
)
from imgcls_helpers.scratch import softmax

__all__ = ["accuracy", "brier_score", "cross_entropy", "predict", "top_k_accuracy"]


def predict(
    model: Any,
    images: np.ndarray,
    *,
    average_flips: bool = False,
    batch_size: int = 512,
) -> np.ndarray:
    """Return the probabilities that a model gives to each class of each image.

    Logits pass through a softmax. A model that ends in a softmax already is noticed by
    its outputs (none negative, every row sums to 1), which are then kept as they are:
    a second softmax would flatten them. A sigmoid at its end is noticed too, and gives
    a warning.

    Parameters
    ----------
    model : keras.Model
        From images to logits (or probabilities) of shape (N, K).
    images : array, shape (N, H, W, C)
        uint8 for a model that scales its images, as those of this book do, or that
        `training.fit` has trained; else what the model was trained on, uint8 or floats.
        Images from 0 to 255 give a warning where nothing in the model scales them.
    average_flips : bool
        Whether to give the mean of the probabilities of each image and of its mirror
        image (left to right). Costs twice the time.
    batch_size : int
        Images computed at a time.

    Returns
    -------
    ndarray of float32, shape (N, K)
        Rows sum to 1.

    Raises
    ------
    ValueError
        If `images` is not an array of that shape, or the outputs are not (N, K) or
        have a NaN or infinity.

    Examples
    --------
    >>> import numpy as np
    >>> import keras
    >>> from imgcls_helpers import evaluation
    >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(),
    ...                           keras.layers.Dense(3, kernel_initializer="zeros")])
    >>> evaluation.predict(model, np.zeros((2, 8, 8, 1), "uint8")).round(3)
    array([[0.333, 0.333, 0.333],
           [0.333, 0.333, 0.333]], dtype=float32)
    """
    if not callable(getattr(model, "predict", None)) or isinstance(model, type):
        refuse("model", "a Keras model", model)
    images = images_for(model, images)
    average_flips = true_or_false(average_flips, "average_flips")
    batch_size = number(batch_size, "batch_size", 1, whole=True)
    outputs = _outputs(model, images, batch_size)
    end = _ends_in(model, images, outputs)
    if end == "a sigmoid":
        warnings.warn(
            "The model ends in a sigmoid, whose outputs are not shares of one whole: "
            "the classes with the largest ones are right, their probabilities are too "
            "small. Leave the sigmoid out, and train it again.",
            UserWarning,
            stacklevel=2,
        )
    result = _probabilities(outputs, end)
    if average_flips:
        # PyTorch takes no arrays that run backwards.
        flipped = np.ascontiguousarray(images[:, :, ::-1])
        result += _probabilities(_outputs(model, flipped, batch_size), end)
        result /= 2
    return result


def _probabilities(outputs: np.ndarray, end: str) -> np.ndarray:
    if end != "a softmax":
        return softmax(outputs)
    sums = outputs.sum(axis=1, keepdims=True)
    # Shares of bfloat16 sum to 1 less exactly than is asked of probabilities.
    return outputs if np.abs(sums - 1).max() < 1e-3 else outputs / sums


def _outputs(model: Any, images: np.ndarray, batch_size: int) -> np.ndarray:
    outputs = model.predict(images, batch_size=batch_size, verbose=0)
    outputs = np.asarray(outputs, dtype=np.float32)
    if outputs.ndim != 2 or outputs.shape[1] < 2:
        refuse(
            "model",
            "one that gives a row of K logits an image, K at least 2",
            came=f"outputs of shape {outputs.shape}",
            cure=one_output(outputs.shape),
        )
    # One logit of minus infinity rules a class out; softmax takes no other ones.
    bad = int((~np.isfinite(outputs.max(axis=1))).sum())
    if bad:
        refuse(
            "model",
            "one that gives finite outputs",
            came=f"NaN or infinity for {bad} of {len(outputs)} images",
            cure="Has its training diverged, or do the images hold NaN?",
        )
    return outputs


def _ends_in(model: Any, images: np.ndarray, outputs: np.ndarray) -> str:
    """Say what a model ends in: logits, a softmax, or a sigmoid."""
    off = np.abs(outputs.sum(axis=1, dtype=np.float64) - 1).max()
    if outputs.min() < 0 or outputs.max() > 1.01:
        return "logits"
    # Logits of so many images do not happen to sum to 1; those of a few may.
    if not hasattr(model, "layers") or (len(outputs) > 16 and off < 1e-3):
        return "a softmax" if off < 1e-3 else "logits"
    from imgcls_helpers.training._outputs import kind_of_outputs

    return kind_of_outputs(model, images[:32], outputs[:32])


def accuracy(labels: Any, probabilities: Any) -> float:
    """Return the share of images whose most probable class is the true one.

    Parameters
    ----------
    labels : int array, shape (N,)
    probabilities : float array, shape (N, K); or int array, shape (N,)
        Probabilities, or the predicted classes themselves.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If labels are not class numbers below K, rows do not sum to 1, a value is NaN
        or negative, lengths differ, or nothing is given.

    Examples
    --------
    >>> from imgcls_helpers import evaluation
    >>> evaluation.accuracy([0, 1, 1], [[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]])
    0.6666666666666666
    """
    labels, predictions = labels_and_predictions(labels, probabilities, "probabilities")
    return int(np.count_nonzero(labels == predictions)) / len(labels)


def cross_entropy(labels: Any, probabilities: Any) -> float:
    """Return the mean of -log(probability of the true class), in nats.

    A probability of 0 would cost infinitely much. As in scikit-learn's ``log_loss``,
    probabilities are taken as at least the machine epsilon of their dtype, so that one
    image costs at most 15.9 (float32).

    Parameters
    ----------
    labels : int array, shape (N,)
    probabilities : float array, shape (N, K)

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As `accuracy`.

    Examples
    --------
    >>> from imgcls_helpers import evaluation
    >>> evaluation.cross_entropy([0, 1], [[0.5, 0.5], [0.5, 0.5]])
    0.6931471805599453
    """
    return checked_cross_entropy(*labels_and_probabilities(labels, probabilities))


def checked_cross_entropy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """`cross_entropy` of arrays that have been checked already."""
    least = np.finfo(probabilities.dtype).eps
    total = 0.0
    for rows in blocks(len(labels)):
        true = labels[rows]
        p = probabilities[rows][np.arange(len(true)), true]
        total -= np.log(np.clip(p, least, 1), dtype=np.float64).sum()
    return float(total / len(labels))


def brier_score(labels: Any, probabilities: Any) -> float:
    """Return the mean squared distance between probabilities and the true class.

    The mean over images of ``sum((p - y)**2)`` over all K classes, with y 1 for the
    true class and 0 for the others: 0 for a model that is sure and right, 2 for one
    that is sure and wrong, 1 - 1/K for one that gives all classes the same. This is
    Brier's own definition. With two classes others count one class alone, which gives
    half of this: so does scikit-learn's ``brier_score_loss`` in that case.

    Parameters
    ----------
    labels : int array, shape (N,)
    probabilities : float array, shape (N, K)

    Returns
    -------
    float
        0 to 2; lower is better.

    Raises
    ------
    TypeError, ValueError
        As `accuracy`.

    References
    ----------
    G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly
    Weather Review 78, 1950.

    Examples
    --------
    >>> from imgcls_helpers import evaluation
    >>> evaluation.brier_score([0, 1], [[1.0, 0.0], [0.5, 0.5]])
    0.25
    """
    return checked_brier_score(*labels_and_probabilities(labels, probabilities))


def checked_brier_score(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """`brier_score` of arrays that have been checked already."""
    total = 0.0
    for rows in blocks(len(labels)):
        p, true = probabilities[rows], labels[rows]
        of_true = p[np.arange(len(true)), true].astype(np.float64)
        # (p - 1)² = p² - 2p + 1 for the true class, and p² for all others.
        total += np.einsum("ij,ij->", p, p, dtype=np.float64)
        total += (1 - 2 * of_true).sum()
    return max(0.0, float(total / len(labels)))


def top_k_accuracy(labels: Any, probabilities: Any, k: int = 5) -> float:
    """Return the share of images whose true class is among the k most probable.

    Where probabilities tie, the class with the lower number comes first, as in
    `accuracy`.

    Parameters
    ----------
    labels : int array, shape (N,)
    probabilities : float array, shape (N, K)
    k : int
        1 to K.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As `accuracy`, or if `k` is out of range.

    Examples
    --------
    >>> from imgcls_helpers import evaluation
    >>> evaluation.top_k_accuracy([2, 2], [[0.5, 0.2, 0.3], [0.5, 0.3, 0.2]], k=2)
    0.5
    """
    labels, probabilities = labels_and_probabilities(labels, probabilities)
    return checked_top_k(labels, probabilities, k)


def checked_top_k(labels: np.ndarray, probabilities: np.ndarray, k: int) -> float:
    """`top_k_accuracy` of arrays that have been checked already."""
    classes = probabilities.shape[1]
    k = number(k, "k", 1, classes, whole=True)
    inside = 0
    for rows in blocks(len(labels)):
        p, true = probabilities[rows], labels[rows, None]
        of_true = np.take_along_axis(p, true, axis=1)
        before = np.count_nonzero(p > of_true, axis=1)
        unsure = before < k  # only these can be inside, and only these may tie
        tied = (p[unsure] == of_true[unsure]) & (np.arange(classes) < true[unsure])
        inside += int((before[unsure] + tied.sum(axis=1) < k).sum())
    return inside / len(labels)
