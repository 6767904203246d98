"""Activation functions and softmax, each with the way back.

An `f_backward(dy, x)` takes the gradient with respect to the result, and the input of
the forward pass. It returns the gradient with respect to that input, of its shape.
"""

from __future__ import annotations

import math

import numpy as np

from imgcls_helpers._arguments import floats, same_shape

__all__ = [
    "gelu",
    "gelu_backward",
    "log_softmax",
    "log_softmax_backward",
    "relu",
    "relu_backward",
    "sigmoid",
    "sigmoid_backward",
    "softmax",
    "softmax_backward",
    "tanh",
    "tanh_backward",
]


def _checked(dy: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    same_shape(floats(dy, "dy"), floats(x, "x"), "dy", "x")
    return dy, x


def relu(x: np.ndarray) -> np.ndarray:
    """Rectified linear unit: ``y = max(x, 0)``, element by element.

    Parameters
    ----------
    x : array of float, any shape

    Returns
    -------
    array of float, the shape of `x`

    Raises
    ------
    ValueError
        If `x` is not float32 or float64.

    References
    ----------
    Goodfellow, Bengio and Courville, Deep Learning, section 6.3.1.

    Examples
    --------
    >>> relu(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 2.])
    """
    return np.maximum(floats(x, "x"), 0)


def relu_backward(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Let the gradient through where x is positive: ``dx = dy [x > 0]``.

    At exactly 0 the slope is not defined; 0 is taken, as in Keras.

    Parameters
    ----------
    dy, x : array of float, the same shape

    Returns
    -------
    dx : array of float, the same shape

    Raises
    ------
    ValueError
        If an array is not float32 or float64, or the shapes differ.

    Examples
    --------
    >>> relu_backward(np.array([5.0, 5.0, 5.0]), np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 5.])
    """
    dy, x = _checked(dy, x)
    return np.where(x > 0, dy, 0).astype(x.dtype, copy=False)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Logistic function: ``y = 1 / (1 + exp(-x))``, element by element.

    Computed as ``exp(-log(1 + exp(-x)))``, which overflows nowhere. Parameters, errors
    and result are those of `relu`.

    References
    ----------
    Goodfellow, Bengio and Courville, Deep Learning, equation 3.30.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    x = floats(x, "x")
    return np.exp(-np.logaddexp(0, -x, dtype=x.dtype))


def sigmoid_backward(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return ``dx = dy y (1 - y)`` with ``y = sigmoid(x)``.

    Parameters, errors and result are those of `relu_backward`.

    Examples
    --------
    >>> sigmoid_backward(np.array([1.0]), np.array([0.0]))
    array([0.25])
    """
    dy, x = _checked(dy, x)
    # 1 - y is written as sigmoid(-x), which keeps its digits where y is nearly 1.
    return dy * sigmoid(x) * sigmoid(-x)


def tanh(x: np.ndarray) -> np.ndarray:
    """Hyperbolic tangent, element by element: from -1 to 1.

    ``y = (exp(x) - exp(-x)) / (exp(x) + exp(-x)) = 2 sigmoid(2 x) - 1``. Parameters,
    errors and result are those of `relu`.

    References
    ----------
    Goodfellow, Bengio and Courville, Deep Learning, section 6.3.2.

    Examples
    --------
    >>> tanh(np.array([-1000.0, 0.0, 1000.0]))
    array([-1.,  0.,  1.])
    """
    return np.tanh(floats(x, "x"))


def tanh_backward(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return ``dx = dy (1 - y^2)`` with ``y = tanh(x)``.

    Parameters, errors and result are those of `relu_backward`.

    Examples
    --------
    >>> tanh_backward(np.array([3.0]), np.array([0.0]))
    array([3.])
    """
    dy, x = _checked(dy, x)
    return dy * (1 - np.tanh(x) ** 2)


_GELU_SCALE = math.sqrt(2 / math.pi)
_GELU_CUBE = 0.044715
# NumPy has no error function; this calls the one of Python on each element.
_erf = np.frompyfunc(math.erf, 1, 1)


def gelu(x: np.ndarray, approximate: bool = False) -> np.ndarray:
    """Gaussian error linear unit: ``y = x Phi(x)``, element by element.

    Phi is the cumulative distribution function of the standard normal distribution,
    ``Phi(x) = (1 + erf(x / sqrt(2))) / 2``. The approximation is ``y = x / 2 (1 +
    tanh(sqrt(2 / pi) (x + 0.044715 x^3)))``, and much faster here. Parameters, errors
    and result are those of `relu`; `approximate` asks for the approximation.

    References
    ----------
    Hendrycks and Gimpel, Gaussian error linear units, arXiv:1606.08415.

    Examples
    --------
    >>> gelu(np.array([-1.0, 0.0, 1.0])).round(4)
    array([-0.1587,  0.    ,  0.8413])
    """
    return floats(x, "x") * _phi(x, approximate)


def _phi(x: np.ndarray, approximate: bool) -> np.ndarray:
    if approximate:
        return (1 + np.tanh(_GELU_SCALE * (x + _GELU_CUBE * x**3))) / 2
    return (1 + np.asarray(_erf(x / math.sqrt(2)), x.dtype)) / 2


def gelu_backward(
    dy: np.ndarray, x: np.ndarray, approximate: bool = False
) -> np.ndarray:
    """Return ``dx = dy (Phi(x) + x Phi'(x))``.

    Phi' is the normal density, ``exp(-x^2 / 2) / sqrt(2 pi)``, or the derivative of the
    approximation if `approximate`. Parameters, errors and result are those of
    `relu_backward`.

    Examples
    --------
    >>> gelu_backward(np.array([1.0]), np.array([0.0]))
    array([0.5])
    """
    dy, x = _checked(dy, x)
    phi = _phi(x, approximate)
    if approximate:
        inner_slope = _GELU_SCALE * (1 + 3 * _GELU_CUBE * x**2)
        density = 2 * phi * (1 - phi) * inner_slope
    else:
        density = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    return dy * (phi + x * density)


def softmax(x: np.ndarray) -> np.ndarray:
    """Turn scores into probabilities along the last axis.

    ``p[n,k] = exp(z[n,k]) / sum_l exp(z[n,l])``. The largest score is subtracted first,
    which changes nothing in the result and lets nothing overflow.

    Parameters
    ----------
    x : array of float, shape (..., K)
        The logits z.

    Returns
    -------
    array of float, shape (..., K)
        Not negative; each row sums to 1.

    Raises
    ------
    ValueError
        If `x` is not float32 or float64.

    References
    ----------
    Goodfellow, Bengio and Courville, Deep Learning, equation 6.29 and section 6.2.2.3.

    Examples
    --------
    >>> softmax(np.array([1000.0, 1000.0])).tolist()
    [0.5, 0.5]
    """
    x = floats(x, "x")
    exps = np.exp(x - x.max(axis=-1, keepdims=True))
    return exps / exps.sum(axis=-1, keepdims=True)


def softmax_backward(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return ``dz[n,k] = p[n,k] (dp[n,k] - sum_l dp[n,l] p[n,l])``.

    Every logit moves every probability, so all of the row is in the sum.

    Parameters
    ----------
    dy, x : array of float, shape (..., K)
        The gradient with respect to the probabilities, dp, and the logits.

    Returns
    -------
    dx : array of float, shape (..., K)

    Raises
    ------
    ValueError
        If an array is not float32 or float64, or the shapes differ.

    Examples
    --------
    >>> softmax_backward(np.array([[1.0, 0.0]]), np.array([[0.0, 0.0]]))
    array([[ 0.25, -0.25]])
    """
    dy, x = _checked(dy, x)
    p = softmax(x)
    return p * (dy - (dy * p).sum(axis=-1, keepdims=True))


def log_softmax(x: np.ndarray) -> np.ndarray:
    """Return the logarithm of `softmax`, without ever taking that of 0.

    ``log p[n,k] = z[n,k] - m[n] - log sum_l exp(z[n,l] - m[n])`` with the largest score
    m[n]: the "log-sum-exp trick". Parameters and errors are those of `softmax`.

    References
    ----------
    Goodfellow, Bengio and Courville, Deep Learning, section 4.1.

    Examples
    --------
    >>> log_softmax(np.array([0.0, -1000.0])).tolist()
    [0.0, -1000.0]
    """
    x = floats(x, "x")
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def log_softmax_backward(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return ``dz[n,k] = dy[n,k] - p[n,k] sum_l dy[n,l]``.

    Parameters, errors and result are those of `softmax_backward`.

    Examples
    --------
    >>> log_softmax_backward(np.array([[-1.0, 0.0]]), np.array([[0.0, 0.0]]))
    array([[-0.5,  0.5]])
    """
    dy, x = _checked(dy, x)
    return dy - softmax(x) * dy.sum(axis=-1, keepdims=True)
