"""Two-dimensional convolution, forward and backward, and the road to a fast one.

The deep-learning name is convolution; what is computed is cross-correlation: the
kernel is not flipped. See Goodfellow, Bengio and Courville, Deep Learning, section
9.1.

Shapes used throughout: images `x` (N, H, W, C), kernel (R, S, C / groups, F), bias
(F,), result (N, P, Q, F).
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from imgcls_helpers._arguments import (
    floats,
    number,
    of_result,
    of_shape,
    one_of,
    pair,
    refuse,
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

Padding = str | int | Sequence[Sequence[int]]

# The columns of one block should stay in the processor's cache.
_BLOCK_BYTES = 800_000


# Sizes ----------------------------------------------------------------------


def output_size(
    size: int, kernel_size: int, *, stride: int = 1, padding: int = 0, dilation: int = 1
) -> int:
    """Return how many positions a kernel takes along one axis.

    ``floor((size + padding - dilation (kernel_size - 1) - 1) / stride) + 1``, where
    `padding` counts both sides together.

    Parameters
    ----------
    size, kernel_size, stride, padding, dilation : int
        Along this axis, in pixels.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If the kernel does not fit once.

    References
    ----------
    Dumoulin and Visin, A guide to convolution arithmetic for deep learning,
    arXiv:1603.07285, relationship 15.

    Examples
    --------
    >>> output_size(32, 3)
    30
    >>> output_size(32, 3, stride=2, padding=2)
    16
    """
    number(size, "size", 1, whole=True)
    number(kernel_size, "kernel_size", 1, whole=True)
    number(stride, "stride", 1, whole=True)
    number(padding, "padding", 0, whole=True)
    number(dilation, "dilation", 1, whole=True)
    return _positions(size, kernel_size, stride, padding, dilation, "kernel_size")


def _positions(size, window, stride, padding, dilation, name):
    span = dilation * (window - 1) + 1
    if size + padding < span:
        refuse(
            name,
            f"small enough to fit into {size} + {padding} pixels (image and padding)",
            came=f"one that spans {span}",
            cure="Make it or the dilation smaller, or pad more.",
        )
    return (size + padding - span) // stride + 1


def pad_amounts(
    size: int, kernel_size: int, padding: str, *, stride: int = 1, dilation: int = 1
) -> tuple[int, int]:
    """Return how many zeros go before and after one axis.

    "valid" adds none. "same" adds as many as give ``ceil(size / stride)`` positions;
    where their number is odd, the extra one goes after.

    Parameters
    ----------
    size, kernel_size, stride, dilation : int
        Along this axis, in pixels.
    padding : "valid" or "same"

    Returns
    -------
    before, after : int

    Raises
    ------
    ValueError
        If `padding` is neither "valid" nor "same".

    Examples
    --------
    >>> pad_amounts(32, 3, "same")
    (1, 1)
    >>> pad_amounts(32, 3, "same", stride=2)
    (0, 1)
    """
    if isinstance(padding, str):
        padding = padding.lower()  # as in Keras
    if one_of(padding, "padding", ("valid", "same")) == "valid":
        return 0, 0
    positions = -(-size // stride)
    needed = (positions - 1) * stride + dilation * (kernel_size - 1) + 1
    total = max(needed - size, 0)
    return total // 2, total - total // 2


def _is_pair(value: object) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2


def padding_pairs(
    padding: Padding,
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int] = (1, 1),
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return ((top, bottom), (left, right)) for any of the forms of `padding`."""
    if isinstance(padding, str):
        rows, columns = (
            pad_amounts(n, k, padding, stride=s, dilation=d)
            for n, k, s, d in zip(sizes, kernel, strides, dilation, strict=True)
        )
        return rows, columns
    given: Any = padding.tolist() if isinstance(padding, np.ndarray) else padding
    if isinstance(given, numbers.Real):
        both = pair(given, "padding", least=0)
        return both, both
    if not _is_pair(given) or not all(map(_is_pair, given)):
        refuse(
            "padding",
            "'valid', 'same', a whole number, or ((top, bottom), (left, right))",
            padding,
        )
    rows, columns = (pair(sides, "padding", least=0) for sides in given)
    return rows, columns


class Windows:
    """Where the windows of a convolution or a pooling lie on the images.

    Attributes
    ----------
    size, strides, dilation : (int, int)
    pads : ((top, bottom), (left, right))
    out : (P, Q)
    """

    def __init__(self, x, size, strides, padding, dilation=(1, 1), name="kernel_size"):
        self.size, self.strides, self.dilation = size, strides, dilation
        self.pads = padding_pairs(padding, x.shape[1:3], size, strides, dilation)
        self.out = tuple(
            _positions(n, k, s, sum(p), d, name)
            for n, k, s, p, d in zip(
                x.shape[1:3], size, strides, self.pads, dilation, strict=True
            )
        )

    def pad(self, x: np.ndarray, value: float = 0) -> np.ndarray:
        """Put `value` around the images."""
        if self.pads == ((0, 0), (0, 0)):
            return x
        return np.pad(x, ((0, 0), *self.pads, (0, 0)), constant_values=value)

    def unpad(self, padded: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Cut off what `pad` added to `x`."""
        (top, _), (left, _) = self.pads
        return padded[:, top : top + x.shape[1], left : left + x.shape[2]]

    def seen_from(self, cell: int, axis: int) -> slice:
        """Return the rows (or columns) that a cell of the window meets."""
        first, step = cell * self.dilation[axis], self.strides[axis]
        return slice(first, first + step * (self.out[axis] - 1) + 1, step)


def _check_kernel(kernel: np.ndarray, shape: tuple[int, ...], groups: int) -> None:
    """Refuse a kernel that does not go with images of this shape."""
    _, rows, _, channels = shape
    if floats(kernel, "kernel").ndim != 4:
        cure = ""
        if kernel.ndim == 2:
            cure = "One filter for grey images is `kernel[..., None, None]`."
        elif kernel.ndim == 3 and kernel.shape[2] == channels:
            cure = "One filter is `kernel[..., None]`."
        refuse(
            "kernel", "of shape (rows, columns, channels, filters)", kernel, cure=cure
        )
    filters, wanted = kernel.shape[3], kernel.shape[2] * groups
    if channels % groups or filters % groups:
        refuse(
            "groups",
            f"a divisor of the channels ({channels}) and of the filters ({filters})",
            groups,
        )
    if wanted == channels:
        return
    cure = "Is it (rows, columns, channels / groups, filters)?"
    if rows == wanted:
        cure = "If these channels come first, use `x.transpose(0, 2, 3, 1)`."
    elif kernel.shape[1] * groups == channels:
        cure = "If its filters come first, use `kernel.transpose(2, 3, 1, 0)`."
    refuse(
        "x",
        f"of {wanted} channels, as a kernel of shape {kernel.shape} has it"
        + f" in {groups} groups" * (groups > 1),
        came=f"an array of shape {shape}, which has {channels}",
        cure=cure,
    )


class _Geometry(Windows):
    """The checked arguments of a convolution, and the sizes that follow from them."""

    def __init__(self, x, kernel, bias, strides, padding, dilation, groups):
        floats(x, "x", ndim=4)
        groups = number(groups, "groups", 1, whole=True)
        _check_kernel(kernel, x.shape, groups)
        channels, filters = x.shape[3], kernel.shape[3]
        if bias is not None:
            of_shape(bias, "bias", (filters,), "one number for each filter")
        super().__init__(
            x,
            kernel.shape[:2],
            pair(strides, "strides"),
            padding,
            pair(dilation, "dilation"),
        )
        # Group g reads a slice of the channels and makes a slice of the filters.
        c, f = channels // groups, filters // groups
        self.groups = [
            (slice(g * c, (g + 1) * c), slice(g * f, (g + 1) * f))
            for g in range(groups)
        ]
        # As many images at a time as keep their columns in the cache.
        columns = kernel.shape[0] * kernel.shape[1] * channels * np.prod(self.out)
        self.block = max(1, int(_BLOCK_BYTES // (columns * x.itemsize)))

    def windows(self, padded: np.ndarray) -> np.ndarray:
        """Return the windows as a view of shape (R, S, C, N, P, Q)."""
        span = [d * (k - 1) + 1 for d, k in zip(self.dilation, self.size, strict=True)]
        channels_first = np.ascontiguousarray(padded.transpose(3, 0, 1, 2))
        view = sliding_window_view(channels_first, span, axis=(2, 3))
        (s, t), (d, e) = self.strides, self.dilation
        return view[:, :, ::s, ::t, ::d, ::e].transpose(4, 5, 0, 1, 2, 3)


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
    geometry = _Geometry(x, kernel, bias, strides, padding, dilation, groups)
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
    geometry = _Geometry(x, kernel, None, strides, padding, dilation, groups)
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
    geometry = _Geometry(x, kernel, bias, strides, padding, dilation, groups)
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
    geometry = _Geometry(x, kernel, None, strides, padding, dilation, groups)
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


# The stages between: stride 1, no padding -------------------------------------


def conv2d_positions(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Loop over the positions alone; NumPy sums each window over all images.

    Stride 1, no padding. Shapes of `x`, `kernel` and the result are those of `conv2d`.

    Examples
    --------
    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> float(conv2d_positions(x, np.ones((2, 2, 1, 1)))[0, 1, 1, 0])
    24.0
    """
    geometry = _Geometry(x, kernel, None, 1, "valid", 1, 1)
    rows, columns, _, filters = kernel.shape
    y = np.empty((len(x), *geometry.out, filters), np.result_type(x, kernel))
    for p in range(geometry.out[0]):
        for q in range(geometry.out[1]):
            window = x[:, p : p + rows, q : q + columns]
            y[:, p, q] = np.einsum("nijc,ijcf->nf", window, kernel)
    return y


def conv2d_windows(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Let NumPy see all windows at once, as a view, and sum over them.

    Stride 1, no padding. Shapes of `x`, `kernel` and the result are those of `conv2d`.

    Examples
    --------
    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> float(conv2d_windows(x, np.ones((2, 2, 1, 1)))[0, 1, 1, 0])
    24.0
    """
    _Geometry(x, kernel, None, 1, "valid", 1, 1)
    windows = sliding_window_view(x, kernel.shape[:2], axis=(1, 2))
    return np.einsum("npqcij,ijcf->npqf", windows, kernel)


def im2col(x: np.ndarray, kernel_size: int | Sequence[int]) -> np.ndarray:
    """Copy each window of the images into a row of a matrix.

    Stride 1, no padding.

    Parameters
    ----------
    x : array of float, shape (N, H, W, C)
    kernel_size : int or (int, int)
        Rows R and columns S of the window.

    Returns
    -------
    array of float, shape (N P Q, R S C)

    Examples
    --------
    >>> im2col(np.arange(9.0).reshape(1, 3, 3, 1), 2)
    array([[0., 1., 3., 4.],
           [1., 2., 4., 5.],
           [3., 4., 6., 7.],
           [4., 5., 7., 8.]])
    """
    floats(x, "x", ndim=4)
    rows, columns = pair(kernel_size, "kernel_size")
    for size, window in zip(x.shape[1:3], (rows, columns), strict=True):
        _positions(size, window, 1, 0, 1, "kernel_size")
    windows = sliding_window_view(x, (rows, columns), axis=(1, 2))
    in_order = windows.transpose(0, 1, 2, 4, 5, 3)
    return in_order.reshape(-1, rows * columns * x.shape[3])


def conv2d_im2col(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Write the convolution as one matrix product.

    ``y = im2col(x) @ kernel.reshape(R S C, F)``. Stride 1, no padding. Shapes of `x`,
    `kernel` and the result are those of `conv2d`.

    Examples
    --------
    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> float(conv2d_im2col(x, np.ones((2, 2, 1, 1)))[0, 1, 1, 0])
    24.0
    """
    geometry = _Geometry(x, kernel, None, 1, "valid", 1, 1)
    filters = kernel.shape[3]
    y = im2col(x, kernel.shape[:2]) @ kernel.reshape(-1, filters)
    return y.reshape(len(x), *geometry.out, filters)


def conv2d_fft(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Multiply spectra: a correlation is a product with the conjugate spectrum.

    Worth it for large kernels only. Stride 1, no padding. Shapes of `x`, `kernel` and
    the result are those of `conv2d`.

    Examples
    --------
    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> round(float(conv2d_fft(x, np.ones((2, 2, 1, 1)))[0, 1, 1, 0]), 6)
    24.0
    """
    geometry = _Geometry(x, kernel, None, 1, "valid", 1, 1)
    size = x.shape[1:3]
    images = np.fft.rfft2(x, axes=(1, 2))
    weights = np.fft.rfft2(kernel, s=size, axes=(0, 1))
    product = np.einsum("nhwc,hwcf->nhwf", images, weights.conj(), optimize=True)
    y = np.fft.irfft2(product, s=size, axes=(1, 2))
    # Further down and right the kernel has wrapped around to the other side.
    y = y[:, : geometry.out[0], : geometry.out[1]]
    return y.astype(np.result_type(x, kernel), copy=False)
