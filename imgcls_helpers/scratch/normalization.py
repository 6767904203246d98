"""Batch normalization and dropout."""

from __future__ import annotations

import numpy as np

from imgcls_helpers._arguments import floats, number, of_shape, refuse, same_shape
from imgcls_helpers._arguments import rate as checked_rate

__all__ = ["batch_norm", "batch_norm_backward", "dropout"]


def batch_norm(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, epsilon: float = 1e-3
) -> np.ndarray:
    """Give every channel mean 0 and variance 1 over the batch, then scale and shift.

    ``y = gamma xhat + beta`` with ``xhat = (x - mean) / sqrt(variance + epsilon)``.
    Mean and variance, of shape (C,), are taken over all axes but the last; the variance
    divides by the number of values, not by one less.

    Parameters
    ----------
    x : array of float, shape (N, ..., C)
    gamma, beta : array of float, shape (C,)
        Scale and shift, both learned.
    epsilon : float
        Keeps the root away from 0.

    Returns
    -------
    array of float, the shape of `x`

    Raises
    ------
    ValueError
        If an array is not float32 or float64, or `gamma` or `beta` has not the shape
        (C,).

    References
    ----------
    Ioffe and Szegedy, Batch normalization, ICML 2015, algorithm 1.

    Examples
    --------
    >>> x = np.array([[1.0], [3.0]])
    >>> batch_norm(x, np.array([2.0]), np.array([10.0]), epsilon=0.0)
    array([[ 8.],
           [12.]])
    """
    normalized, _ = _normalize(x, epsilon)
    for array, name in ((gamma, "gamma"), (beta, "beta")):
        of_shape(array, name, x.shape[-1:], "one number for each channel")
    return gamma * normalized + beta


def _normalize(x: np.ndarray, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    floats(x, "x")
    if x.ndim < 2 or x.shape[0] == 0:
        refuse("x", "of shape (N, ..., C) with at least one example", x)
    number(epsilon, "epsilon", 0)
    axes = tuple(range(x.ndim - 1))
    scale = np.sqrt(x.var(axis=axes) + x.dtype.type(epsilon))
    return (x - x.mean(axis=axes)) / scale, scale


def batch_norm_backward(
    dy: np.ndarray, x: np.ndarray, gamma: np.ndarray, epsilon: float = 1e-3
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the gradients of the loss behind `batch_norm`.

    With all sums and means over all axes but the last,

    ``dgamma = sum(dy xhat)``, ``dbeta = sum(dy)``,

    ``dx = gamma / sqrt(variance + epsilon) (dy - mean(dy) - xhat mean(dy xhat))``.

    The two means are there because every x also moves the mean and the variance.

    Parameters
    ----------
    dy, x : array of float, shape (N, ..., C)
    gamma : array of float, shape (C,)
    epsilon : float

    Returns
    -------
    dx : array of float, shape (N, ..., C)
    dgamma, dbeta : array of float, shape (C,)

    Raises
    ------
    ValueError
        As `batch_norm`; also if the shapes of `dy` and `x` differ.

    References
    ----------
    Ioffe and Szegedy, Batch normalization, ICML 2015, section 3.

    Examples
    --------
    >>> dx, dgamma, dbeta = batch_norm_backward(
    ...     np.array([[1.0], [2.0]]), np.array([[1.0], [3.0]]), np.array([1.0]), 0.0
    ... )
    >>> dgamma, dbeta
    (array([1.]), array([3.]))
    >>> dx
    array([[0.],
           [0.]])
    """
    same_shape(floats(dy, "dy"), floats(x, "x"), "dy", "x")
    normalized, scale = _normalize(x, epsilon)
    of_shape(gamma, "gamma", scale.shape, "one number for each channel")
    axes = tuple(range(x.ndim - 1))
    dgamma, dbeta = (dy * normalized).sum(axis=axes), dy.sum(axis=axes)
    n = x.size // x.shape[-1]
    dx = gamma / scale * (dy - dbeta / n - normalized * (dgamma / n))
    return dx, dgamma, dbeta


def dropout(
    x: np.ndarray, rate: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Set a random share of the values to 0 and scale the others up.

    ``y = x mask``, where each element of the mask is 0 with the probability of `rate`
    and ``1 / (1 - rate)`` otherwise, so that the expected value stays. The way back is
    ``dx = dy mask``.

    Parameters
    ----------
    x : array of float, any shape
    rate : float, from 0 to below 1
    rng : numpy.random.Generator

    Returns
    -------
    y, mask : array of float, the shape of `x`

    Raises
    ------
    ValueError
        If `x` is not float32 or float64, or the rate is out of range.

    References
    ----------
    Srivastava et al., Dropout, JMLR 15, 2014.

    Examples
    --------
    >>> y, mask = dropout(np.ones(8), 0.5, np.random.default_rng(0))
    >>> sorted(set(mask.tolist()))
    [0.0, 2.0]
    """
    floats(x, "x")
    kept = 1 - checked_rate(rate, "rate")
    mask = (rng.random(x.shape) < kept).astype(x.dtype) / x.dtype.type(kept)
    return x * mask, mask
