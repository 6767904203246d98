"""The dense (fully connected) layer, forward and backward."""

from __future__ import annotations

import numpy as np

from imgcls_helpers._arguments import floats, of_result, of_shape, refuse

__all__ = ["dense", "dense_backward"]


def dense(
    x: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None = None
) -> np.ndarray:
    """Let every input reach every unit.

    ``y[n,u] = bias[u] + sum_d x[n,d] kernel[d,u]``

    Parameters
    ----------
    x : array of float, shape (N, D)
    kernel : array of float, shape (D, U)
    bias : array of float, shape (U,), optional

    Returns
    -------
    array of float, shape (N, U)

    Raises
    ------
    ValueError
        If an array is not float32 or float64, or the shapes do not fit.

    References
    ----------
    Goodfellow, Bengio and Courville, Deep Learning, equation 6.36.

    Examples
    --------
    >>> dense(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), np.array([0.5]))
    array([[11.5]])
    """
    _check(x, kernel)
    if bias is None:
        return x @ kernel
    of_shape(bias, "bias", kernel.shape[1:], "one number for each unit")
    return x @ kernel + bias


def dense_backward(
    dy: np.ndarray, x: np.ndarray, kernel: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the gradients of the loss behind `dense`.

    ``dx[n,d] = sum_u dy[n,u] kernel[d,u]``, ``dkernel[d,u] = sum_n x[n,d] dy[n,u]``,
    ``dbias[u] = sum_n dy[n,u]``. As matrices: ``dy K^T``, ``x^T dy``, and the sum of
    the rows.

    Parameters
    ----------
    dy : array of float, shape (N, U)
    x : array of float, shape (N, D)
    kernel : array of float, shape (D, U)

    Returns
    -------
    dx : array of float, shape (N, D)
    dkernel : array of float, shape (D, U)
    dbias : array of float, shape (U,)

    Raises
    ------
    ValueError
        As `dense`; also if `dy` has not the shape of its result.

    References
    ----------
    Goodfellow, Bengio and Courville, Deep Learning, algorithm 6.4.

    Examples
    --------
    >>> dx, dkernel, dbias = dense_backward(
    ...     np.array([[1.0]]), np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])
    ... )
    >>> dx
    array([[3., 4.]])
    >>> dkernel
    array([[1.],
           [2.]])
    """
    _check(x, kernel)
    of_result(dy, (len(x), kernel.shape[1]))
    return dy @ kernel.T, x.T @ dy, dy.sum(axis=0)


def _check(x: np.ndarray, kernel: np.ndarray) -> None:
    floats(x, "x", ndim=2)
    if floats(kernel, "kernel").ndim != 2 or x.shape[1] != kernel.shape[0]:
        refuse(
            "kernel", f"of shape ({x.shape[1]}, units), a row for each input", kernel
        )
