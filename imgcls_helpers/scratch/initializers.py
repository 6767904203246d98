"""How the weights start: random, and of a size that keeps signals alive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Real

import numpy as np

from imgcls_helpers._arguments import refuse

__all__ = ["fans", "glorot_uniform", "he_normal", "initializer"]


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """Return how many values flow into and out of one unit of a kernel.

    Parameters
    ----------
    shape : (D, U) or (R, S, C, F)
        The shape of the kernel of a dense or a convolution layer.

    Returns
    -------
    fan_in, fan_out : int
        (D, U), or (R S C, R S F).

    Examples
    --------
    >>> fans((3, 3, 16, 32))
    (144, 288)
    """
    receptive = int(np.prod(shape[:-2]))
    return receptive * shape[-2], receptive * shape[-1]


def glorot_uniform(shape: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Draw from ``U(-a, a)`` with ``a = sqrt(6 / (fan_in + fan_out))``.

    This is Keras's default for dense and convolution layers.

    Parameters
    ----------
    shape : sequence of int
    rng : numpy.random.Generator

    Returns
    -------
    array of float64

    References
    ----------
    Glorot and Bengio, Understanding the difficulty of training deep feedforward neural
    networks, AISTATS 2010, equation 16.

    Examples
    --------
    >>> glorot_uniform((3, 3, 1, 8), np.random.default_rng(0)).shape
    (3, 3, 1, 8)
    """
    limit = np.sqrt(6 / sum(fans(shape)))
    return rng.uniform(-limit, limit, shape)


def he_normal(shape: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Draw from ``N(0, 2 / fan_in)``, which suits ReLU.

    Keras's initializer of this name cuts the normal distribution off at two standard
    deviations and widens it to the same variance; this one does not cut.

    Parameters and result are those of `glorot_uniform`.

    References
    ----------
    He, Zhang, Ren and Sun, Delving deep into rectifiers, ICCV 2015, equation 10.

    Examples
    --------
    >>> bool(abs(he_normal((50, 400), np.random.default_rng(0)).std() - 0.2) < 0.01)
    True
    """
    return rng.normal(0, np.sqrt(2 / fans(shape)[0]), shape)


Initializer = str | float | Callable[[Sequence[int], np.random.Generator], np.ndarray]


def initializer(
    wanted: Initializer,
) -> Callable[[Sequence[int], np.random.Generator], np.ndarray]:
    """Return the function behind a name, a standard deviation, or a function.

    Parameters
    ----------
    wanted : "glorot_uniform", "he_normal", float, or function of (shape, rng)
        A number stands for a normal distribution with that standard deviation.

    Raises
    ------
    ValueError
        If it is none of these.

    Examples
    --------
    >>> initializer(0.0)((2,), np.random.default_rng(0))
    array([0., 0.])
    """
    if callable(wanted):
        return wanted
    if isinstance(wanted, Real) and wanted >= 0:
        return lambda shape, rng: rng.normal(0, wanted, shape)
    known = {"glorot_uniform": glorot_uniform, "he_normal": he_normal}
    if not isinstance(wanted, str) or wanted not in known:
        refuse(
            "kernel_initializer",
            f"one of {', '.join(map(repr, known))}, a standard deviation, or a "
            "function of (shape, rng)",
            wanted,
        )
    return known[wanted]
