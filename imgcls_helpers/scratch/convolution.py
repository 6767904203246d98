"""Two-dimensional convolution, forward and backward, and the road to a fast one.

The deep-learning name is convolution; what is computed is cross-correlation: the
kernel is not flipped. See Goodfellow, Bengio and Courville, Deep Learning, section
9.1.

Shapes used throughout: images `x` (N, H, W, C), kernel (R, S, C / groups, F), bias
(F,), result (N, P, Q, F).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imgcls_helpers._arguments import of_result
from imgcls_helpers.scratch._stages import (
    conv2d_fft,
    conv2d_im2col,
    conv2d_positions,
    conv2d_windows,
    im2col,
)
from imgcls_helpers.scratch._windows import (
    Geometry,
    Padding,
    output_size,
    pad_amounts,
)

__all__ = [
    "conv2d",
    "conv2d_backward",
    "conv2d_backward_loops",
    "conv2d_fft",
    "conv2d_im2col",
    "conv2d_loops",
    "conv2d_positions",
    "conv2d_windows",
    "im2col",
    "output_size",
    "pad_amounts",
]

# The layer ------------------------------------------------------------------


def conv2d(
    x: np.ndarray,
    kernel: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    strides: int | Sequence[int] = 1,
    padding: Padding = "valid",
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> np.ndarray:
    """Slide a kernel over images: what a convolution layer computes.

    With stride s, dilation d and the zeros of the padding already around x,

    ``y[n,p,q,f] = bias[f] + sum_ijc x[n, s p + d i, s q + d j, c] kernel[i,j,c,f]``

    This is cross-correlation; the kernel is not flipped. `conv2d_loops` is this
    formula word for word. Here the windows of a few images at a time are copied
    into the columns of a matrix, and one matrix product does all the sums.

    Parameters
    ----------
    x : array of float, shape (N, H, W, C)
    kernel : array of float, shape (R, S, C / groups, F)
    bias : array of float, shape (F,), optional
    strides : int or (int, int)
        Step from one position to the next, along rows and columns.
    padding : "valid", "same", int, or ((top, bottom), (left, right))
        "same" gives ``ceil(H / stride)`` rows, as in Keras.
    dilation : int or (int, int)
        Distance of neighbouring kernel cells in the image.
    groups : int
        The channels and the filters are cut into so many groups; a filter sees
        only the channels of its own group. With as many groups as channels this is
        a depthwise convolution.

    Returns
    -------
    array of float, shape (N, P, Q, F)

    Raises
    ------
    ValueError
        If an array is not float32 or float64, or shapes or options do not fit.

    References
    ----------
    Goodfellow, Bengio and Courville, Deep Learning, equation 9.6 and section 9.5.

    Examples
    --------
    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> conv2d(x, np.ones((2, 2, 1, 1)))[0, :, :, 0]
    array([[ 8., 12.],
           [20., 24.]])
    """
    geometry = Geometry(x, kernel, bias, strides, padding, dilation, groups)
    windows = geometry.windows(geometry.pad(x))
    y = np.empty((len(x), *geometry.out, kernel.shape[3]), np.result_type(x, kernel))
    buffer = np.empty_like(windows[:, :, :, : geometry.block], order="C")
    for start in range(0, len(x), geometry.block):
        part = y[start : start + geometry.block]
        columns = buffer[:, :, :, : len(part)]
        np.copyto(columns, windows[:, :, :, start : start + len(part)])
        for c, f in geometry.groups:
            weights = kernel[..., f].reshape(-1, f.stop - f.start)
            rows = columns[:, :, c].reshape(len(weights), -1).T
            np.matmul(rows, weights, out=part.reshape(-1, part.shape[-1])[:, f])
    if bias is not None:
        y += bias
    return y


def conv2d_backward(
    dy: np.ndarray,
    x: np.ndarray,
    kernel: np.ndarray,
    *,
    strides: int | Sequence[int] = 1,
    padding: Padding = "valid",
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the gradients of the loss behind `conv2d`.

    From ``dy[n,p,q,f]``, the gradient with respect to the result,

    ``dkernel[i,j,c,f] = sum_npq x[n, s p + d i, s q + d j, c] dy[n,p,q,f]``

    ``dx[n, s p + d i, s q + d j, c] += sum_f kernel[i,j,c,f] dy[n,p,q,f]``

    ``dbias[f] = sum_npq dy[n,p,q,f]``

    `conv2d_backward_loops` says the same in loops.

    Parameters
    ----------
    dy : array of float, shape (N, P, Q, F)
    x, kernel, strides, padding, dilation, groups
        As they were given to `conv2d`.

    Returns
    -------
    dx : array of float, shape (N, H, W, C)
    dkernel : array of float, shape (R, S, C / groups, F)
    dbias : array of float, shape (F,)

    Raises
    ------
    ValueError
        As `conv2d`; also if `dy` has not the shape of its result.

    References
    ----------
    Goodfellow, Bengio and Courville, Deep Learning, equations 9.11 and 9.13.

    Examples
    --------
    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> dx, dkernel, dbias = conv2d_backward(
    ...     np.ones((1, 2, 2, 1)), x, np.ones((2, 2, 1, 1))
    ... )
    >>> dkernel[:, :, 0, 0]
    array([[ 8., 12.],
           [20., 24.]])
    >>> dx[0, :, :, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    geometry = Geometry(x, kernel, None, strides, padding, dilation, groups)
    of_result(dy, (len(x), *geometry.out, kernel.shape[3]))
    padded = geometry.pad(x)
    windows = geometry.windows(padded)
    dkernel = np.zeros_like(kernel)
    # Channels first, as the windows are; turned back at the end.
    dx = np.zeros((x.shape[3], *padded.shape[:3]), x.dtype)
    for start in range(0, len(x), geometry.block):
        images = slice(start, start + geometry.block)
        columns = np.ascontiguousarray(windows[:, :, :, images])
        dcolumns = np.empty_like(columns)
        for c, f in geometry.groups:
            weights = kernel[..., f].reshape(-1, f.stop - f.start)
            rows = dy[images, ..., f].reshape(-1, f.stop - f.start)
            dweights = columns[:, :, c].reshape(len(weights), -1) @ rows
            dkernel[..., f] += dweights.reshape(dkernel[..., f].shape)
            part = dcolumns[:, :, c]
            part[...] = (weights @ rows.T).reshape(part.shape)
        for i in range(kernel.shape[0]):
            for j in range(kernel.shape[1]):
                across, down = geometry.seen_from(j, 1), geometry.seen_from(i, 0)
                dx[:, images, down, across] += dcolumns[i, j]
    dx = geometry.unpad(dx.transpose(1, 2, 3, 0), x)
    return np.ascontiguousarray(dx), dkernel, dy.sum((0, 1, 2))


# The formula, word for word ---------------------------------------------------


def conv2d_loops(
    x: np.ndarray,
    kernel: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    strides: int | Sequence[int] = 1,
    padding: Padding = "valid",
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> np.ndarray:
    """Do as `conv2d` does, in seven loops: slow, and as plain as the formula.

    Parameters and result are those of `conv2d`.

    Examples
    --------
    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> conv2d_loops(x, np.ones((2, 2, 1, 1)))[0, :, :, 0]
    array([[ 8., 12.],
           [20., 24.]])
    """
    geometry = Geometry(x, kernel, bias, strides, padding, dilation, groups)
    padded = geometry.pad(x)
    (s, t), (d, e) = geometry.strides, geometry.dilation
    rows, columns, depth, filters = kernel.shape
    y = np.zeros((len(x), *geometry.out, filters), np.result_type(x, kernel))
    for n in range(len(x)):
        for p in range(geometry.out[0]):
            for q in range(geometry.out[1]):
                for f in range(filters):
                    first = f // (filters // groups) * depth
                    for i in range(rows):
                        for j in range(columns):
                            for c in range(depth):
                                pixel = padded[
                                    n, s * p + d * i, t * q + e * j, first + c
                                ]
                                y[n, p, q, f] += pixel * kernel[i, j, c, f]
    if bias is not None:
        y += bias
    return y


def conv2d_backward_loops(
    dy: np.ndarray,
    x: np.ndarray,
    kernel: np.ndarray,
    *,
    strides: int | Sequence[int] = 1,
    padding: Padding = "valid",
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Do as `conv2d_backward` does, one product of the forward pass at a time.

    Each product ``x * kernel`` of the forward pass sends ``dy * kernel`` back to its
    pixel and ``dy * x`` to its weight. Parameters and results are those of
    `conv2d_backward`.

    Examples
    --------
    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> dy, kernel = np.ones((1, 2, 2, 1)), np.ones((2, 2, 1, 1))
    >>> conv2d_backward_loops(dy, x, kernel)[1][:, :, 0, 0]
    array([[ 8., 12.],
           [20., 24.]])
    """
    geometry = Geometry(x, kernel, None, strides, padding, dilation, groups)
    of_result(dy, (len(x), *geometry.out, kernel.shape[3]))
    padded = geometry.pad(x)
    (s, t), (d, e) = geometry.strides, geometry.dilation
    rows, columns, depth, filters = kernel.shape
    dpadded, dkernel = np.zeros_like(padded), np.zeros_like(kernel)
    for n, p, q, f in np.ndindex(dy.shape):
        first = f // (filters // groups) * depth
        for i, j, c in np.ndindex(rows, columns, depth):
            pixel = n, s * p + d * i, t * q + e * j, first + c
            dpadded[pixel] += dy[n, p, q, f] * kernel[i, j, c, f]
            dkernel[i, j, c, f] += dy[n, p, q, f] * padded[pixel]
    return geometry.unpad(dpadded, x), dkernel, dy.sum((0, 1, 2))
