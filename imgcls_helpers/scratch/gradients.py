"""Gradients by trying: slow, approximate, and right without any derivation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from imgcls_helpers._arguments import floats, positive, refuse

__all__ = ["numerical_gradient"]


def numerical_gradient(
    f: Callable[[np.ndarray], float], x: np.ndarray, step: float = 1e-5
) -> np.ndarray:
    """Estimate the gradient of a number with respect to every element of an array.

    ``df/dx[i] = (f(x + h e_i) - f(x - h e_i)) / (2 h)``, where e_i is 1 at element i
    and 0 elsewhere. The error shrinks with h^2 until rounding takes over, which is why
    only float64 will do.

    Parameters
    ----------
    f : function of an array like `x`, returning a number
    x : array of float64, any shape
        It is left as it was.
    step : float
        The h of the formula.

    Returns
    -------
    array of float64, the shape of `x`

    Raises
    ------
    ValueError
        If `x` is not float64, or `f` does not return one finite number.

    References
    ----------
    Goodfellow, Bengio and Courville, Deep Learning, section 11.5.

    Examples
    --------
    >>> numerical_gradient(lambda x: (x**2).sum(), np.array([1.0, -3.0])).round(6)
    array([ 2., -6.])
    """
    if floats(x, "x").dtype != np.float64:
        refuse(
            "x",
            "of float64; float32 has too few digits for small differences",
            x,
            cure="Use `x.astype('float64')`, and the same for what f uses.",
        )
    positive(step, "step")
    gradient = np.empty_like(x)
    x = x.copy()
    for index in np.ndindex(x.shape):
        value = x[index]
        x[index] = value + step
        above = _number(f(x))
        x[index] = value - step
        below = _number(f(x))
        x[index] = value
        gradient[index] = (above - below) / (2 * step)
    return gradient


def _number(value: Any) -> float:
    if np.size(value) != 1 or not np.isfinite(value).all():
        refuse(
            "f(x)",
            "one finite number: the loss, for example the sum of all results",
            value,
        )
    return float(np.reshape(value, ()))
