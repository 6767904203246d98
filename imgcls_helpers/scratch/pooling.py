"""Max, average and global pooling, forward and backward.

Shapes used throughout: images `x` (N, H, W, C), windows of R rows and S columns, result
(N, P, Q, C). Every channel is pooled alone. See Goodfellow, Bengio and Courville, Deep
Learning, section 9.3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from imgcls_helpers._arguments import floats, of_result, pair, refuse
from imgcls_helpers.scratch._windows import Padding, Windows

__all__ = [
    "average_pool",
    "average_pool_backward",
    "average_pool_loops",
    "global_average_pool",
    "global_average_pool_backward",
    "global_max_pool",
    "global_max_pool_backward",
    "max_pool",
    "max_pool_backward",
    "max_pool_loops",
]

# The intermediate result of one block should stay in the processor's cache.
_BLOCK_BYTES = 500_000


class _Windows(Windows):
    """The checked arguments of a pooling, and the sizes that follow from them."""

    def __init__(self, x, pool_size, strides, padding):
        floats(x, "x", ndim=4)
        size = pair(pool_size, "pool_size")
        strides = size if strides is None else pair(strides, "strides")
        super().__init__(x, size, strides, padding, name="pool_size")
        if any(max(p) >= k for p, k in zip(self.pads, size, strict=True)):
            refuse(
                "padding",
                f"less than the windows of {size}, or some hold no pixel at all",
                padding,
            )

    def cells(self):
        """Yield (rows, columns) for each cell of the window, in row-major order."""
        for i in range(self.size[0]):
            for j in range(self.size[1]):
                yield self.seen_from(i, 0), self.seen_from(j, 1)

    def pixels(self, x: np.ndarray) -> np.ndarray:
        """Return how many real pixels each window holds: shape (P, Q, 1)."""
        real = self.pad(np.ones((1, *x.shape[1:3], 1), x.dtype), 0)
        return sum(real[0, rows, columns] for rows, columns in self.cells())


# Max ------------------------------------------------------------------------


def max_pool(
    x: np.ndarray,
    pool_size: int | Sequence[int] = 2,
    strides: int | Sequence[int] | None = None,
    padding: Padding = "valid",
) -> np.ndarray:
    """Keep the largest value of each window.

    With stride s, ``y[n,p,q,c] = max_ij x[n, s p + i, s q + j, c]``, where i runs over
    the R rows of the window and j over its S columns. What padding adds never wins.
    `max_pool_loops` is this formula word for word. Here the maximum is taken over the
    rows of the window first and then over its columns, for all windows at once.

    Parameters
    ----------
    x : array of float, shape (N, H, W, C)
    pool_size : int or (int, int)
    strides : int or (int, int), optional
        The size of the window, if not given.
    padding : "valid", "same", int, or ((top, bottom), (left, right))

    Returns
    -------
    array of float, shape (N, P, Q, C)

    Raises
    ------
    ValueError
        If `x` is not float32 or float64, or shapes or options do not fit.

    References
    ----------
    Goodfellow, Bengio and Courville, Deep Learning, section 9.3.

    Examples
    --------
    >>> x = np.arange(16.0).reshape(1, 4, 4, 1)
    >>> max_pool(x, 2)[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    windows = _Windows(x, pool_size, strides, padding)
    padded = windows.pad(x, -np.inf)
    y = np.empty((len(x), *windows.out, x.shape[3]), x.dtype)
    block = max(1, _BLOCK_BYTES // max(1, x[:1].nbytes))
    for start in range(0, len(x), block):
        images = slice(start, start + block)
        tops = padded[images, windows.seen_from(0, 0)]
        for i in range(1, windows.size[0]):
            tops = np.maximum(tops, padded[images, windows.seen_from(i, 0)])
        part = y[images]
        part[...] = tops[:, :, windows.seen_from(0, 1)]
        for j in range(1, windows.size[1]):
            np.maximum(part, tops[:, :, windows.seen_from(j, 1)], out=part)
    return y


def max_pool_backward(
    dy: np.ndarray,
    x: np.ndarray,
    pool_size: int | Sequence[int] = 2,
    strides: int | Sequence[int] | None = None,
    padding: Padding = "valid",
) -> np.ndarray:
    """Send each gradient back to the pixel that won its window.

    ``dx[n, s p + i*, s q + j*, c] += dy[n,p,q,c]``, where (i*, j*) is the place of the
    maximum. Where several pixels are equally large, the first one in reading order
    gets it all.

    Parameters
    ----------
    dy : array of float, shape (N, P, Q, C)
    x, pool_size, strides, padding
        As they were given to `max_pool`.

    Returns
    -------
    dx : array of float, shape (N, H, W, C)

    Raises
    ------
    ValueError
        As `max_pool`; also if `dy` has not the shape of its result.

    Examples
    --------
    >>> x = np.array([[1.0, 2.0], [4.0, 3.0]]).reshape(1, 2, 2, 1)
    >>> max_pool_backward(np.full((1, 1, 1, 1), 5.0), x)[0, :, :, 0]
    array([[0., 0.],
           [5., 0.]])
    """
    windows = _Windows(x, pool_size, strides, padding)
    of_result(dy, (len(x), *windows.out, x.shape[3]))
    padded = windows.pad(x, -np.inf)
    y = max_pool(x, pool_size, strides, padding)
    dx = np.zeros_like(padded, dtype=x.dtype)
    waiting = np.ones(y.shape, bool)
    for rows, columns in windows.cells():
        wins = waiting & (padded[:, rows, columns] == y)
        dx[:, rows, columns] += dy * wins
        waiting &= ~wins
    return np.ascontiguousarray(windows.unpad(dx, x))


# Average --------------------------------------------------------------------


def average_pool(
    x: np.ndarray,
    pool_size: int | Sequence[int] = 2,
    strides: int | Sequence[int] | None = None,
    padding: Padding = "valid",
) -> np.ndarray:
    """Take the mean of each window.

    With stride s, ``y[n,p,q,c] = 1/m[p,q] sum_ij x[n, s p + i, s q + j, c]``, where
    m[p,q] is the number of pixels in the window. What padding adds is not counted, as
    in Keras. `average_pool_loops` is this formula word for word.

    Parameters, errors and result are those of `max_pool`.

    References
    ----------
    Goodfellow, Bengio and Courville, Deep Learning, section 9.3.

    Examples
    --------
    >>> x = np.arange(16.0).reshape(1, 4, 4, 1)
    >>> average_pool(x, 2)[0, :, :, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    windows = _Windows(x, pool_size, strides, padding)
    padded = windows.pad(x, 0)
    total = sum(padded[:, rows, columns] for rows, columns in windows.cells())
    return total / windows.pixels(x)


def average_pool_backward(
    dy: np.ndarray,
    x: np.ndarray,
    pool_size: int | Sequence[int] = 2,
    strides: int | Sequence[int] | None = None,
    padding: Padding = "valid",
) -> np.ndarray:
    """Share each gradient equally among the pixels of its window.

    ``dx[n, s p + i, s q + j, c] += dy[n,p,q,c] / m[p,q]`` for every i and j.
    Parameters, errors and result are those of `max_pool_backward`; of `x` only the
    shape and the dtype matter.

    Examples
    --------
    >>> average_pool_backward(np.full((1, 1, 1, 1), 8.0), np.zeros((1, 2, 2, 1)))[
    ...     0, :, :, 0
    ... ]
    array([[2., 2.],
           [2., 2.]])
    """
    windows = _Windows(x, pool_size, strides, padding)
    of_result(dy, (len(x), *windows.out, x.shape[3]))
    dx = np.zeros_like(windows.pad(x, 0))
    share = dy / windows.pixels(x)
    for rows, columns in windows.cells():
        dx[:, rows, columns] += share
    return np.ascontiguousarray(windows.unpad(dx, x))


# Global ---------------------------------------------------------------------


def global_max_pool(x: np.ndarray) -> np.ndarray:
    """Keep the largest value of each channel: ``y[n,c] = max_hw x[n,h,w,c]``.

    Parameters
    ----------
    x : array of float, shape (N, H, W, C)

    Returns
    -------
    array of float, shape (N, C)

    Raises
    ------
    ValueError
        If `x` is not float32 or float64, or has not four axes.

    Examples
    --------
    >>> global_max_pool(np.arange(8.0).reshape(1, 2, 2, 2))
    array([[6., 7.]])
    """
    return floats(x, "x", ndim=4).max(axis=(1, 2))


def global_max_pool_backward(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Send each gradient to the largest pixel of its channel.

    Where several pixels are equally large, they share it equally. This is what Keras
    does here on every backend, other than in `max_pool_backward`.

    Parameters
    ----------
    dy : array of float, shape (N, C)
    x : array of float, shape (N, H, W, C)

    Returns
    -------
    dx : array of float, shape (N, H, W, C)

    Raises
    ------
    ValueError
        As `global_max_pool`; also if `dy` has not the shape of its result.

    Examples
    --------
    >>> x = np.array([[1.0, 2.0], [4.0, 3.0]]).reshape(1, 2, 2, 1)
    >>> global_max_pool_backward(np.array([[5.0]]), x)[0, :, :, 0]
    array([[0., 0.],
           [5., 0.]])
    """
    floats(x, "x", ndim=4)
    of_result(dy, (len(x), x.shape[3]))
    wins = x == global_max_pool(x)[:, None, None]
    share = dy.astype(x.dtype) / wins.sum(axis=(1, 2), dtype=x.dtype)
    return share[:, None, None] * wins


def global_average_pool(x: np.ndarray) -> np.ndarray:
    """Take the mean of each channel: ``y[n,c] = 1/(H W) sum_hw x[n,h,w,c]``.

    Parameters, errors and result are those of `global_max_pool`.

    References
    ----------
    Lin, Chen and Yan, Network in network, ICLR 2014.

    Examples
    --------
    >>> global_average_pool(np.arange(8.0).reshape(1, 2, 2, 2))
    array([[3., 4.]])
    """
    return floats(x, "x", ndim=4).mean(axis=(1, 2))


def global_average_pool_backward(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Share each gradient among all pixels: ``dx[n,h,w,c] = dy[n,c] / (H W)``.

    Parameters, errors and result are those of `global_max_pool_backward`; of `x` only
    the shape and the dtype matter.

    Examples
    --------
    >>> global_average_pool_backward(np.array([[8.0]]), np.zeros((1, 2, 2, 1)))[
    ...     0, :, :, 0
    ... ]
    array([[2., 2.],
           [2., 2.]])
    """
    floats(x, "x", ndim=4)
    of_result(dy, (len(x), x.shape[3]))
    share = (dy / (x.shape[1] * x.shape[2])).astype(x.dtype)
    return np.broadcast_to(share[:, None, None], x.shape).copy()


# The formulas, word for word ----------------------------------------------------


def max_pool_loops(
    x: np.ndarray,
    pool_size: int | Sequence[int] = 2,
    strides: int | Sequence[int] | None = None,
    padding: Padding = "valid",
) -> np.ndarray:
    """Do as `max_pool` does, one window after the other.

    Parameters and result are those of `max_pool`.

    Examples
    --------
    >>> max_pool_loops(np.arange(4.0).reshape(1, 2, 2, 1)).item()
    3.0
    """
    return _pool_loops(np.max, x, pool_size, strides, padding)


def average_pool_loops(
    x: np.ndarray,
    pool_size: int | Sequence[int] = 2,
    strides: int | Sequence[int] | None = None,
    padding: Padding = "valid",
) -> np.ndarray:
    """Do as `average_pool` does, one window after the other.

    Parameters and result are those of `average_pool`.

    Examples
    --------
    >>> average_pool_loops(np.arange(4.0).reshape(1, 2, 2, 1)).item()
    1.5
    """
    return _pool_loops(np.mean, x, pool_size, strides, padding)


def _pool_loops(
    summary: Callable, x: np.ndarray, pool_size: Any, strides: Any, padding: Any
) -> np.ndarray:
    windows = _Windows(x, pool_size, strides, padding)
    y = np.empty((len(x), *windows.out, x.shape[3]), x.dtype)
    (top, _), (left, _) = windows.pads
    for n, p, q, c in np.ndindex(y.shape):
        row, column = windows.strides[0] * p - top, windows.strides[1] * q - left
        rows = slice(max(row, 0), row + windows.size[0])
        columns = slice(max(column, 0), column + windows.size[1])
        y[n, p, q, c] = summary(x[n, rows, columns, c])
    return y
