"""Where the windows of a convolution or a pooling lie on the images."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from imgcls_helpers._arguments import floats, number, of_shape, one_of, pair, refuse

Padding = str | int | Sequence[Sequence[int]]

# The columns of one block should stay in the processor's cache.
_BLOCK_BYTES = 800_000


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
    return positions(size, kernel_size, stride, padding, dilation, "kernel_size")


def positions(size, window, stride, padding, dilation, name):
    """Do as `output_size` does, with a name for what has to fit."""
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
    """The windows, from checked arguments.

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
            positions(n, k, s, sum(p), d, name)
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


class Geometry(Windows):
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
