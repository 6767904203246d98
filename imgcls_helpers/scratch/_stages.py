"""The stages between the formula of a convolution and its fast form.

Stride 1, no padding.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from imgcls_helpers._arguments import floats, pair
from imgcls_helpers.scratch._windows import Geometry, positions


def conv2d_positions(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Loop over the positions alone; NumPy sums each window over all images.

    Stride 1, no padding. Shapes of `x`, `kernel` and the result are those of `conv2d`.

    Examples
    --------
    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> float(conv2d_positions(x, np.ones((2, 2, 1, 1)))[0, 1, 1, 0])
    24.0
    """
    geometry = Geometry(x, kernel, None, 1, "valid", 1, 1)
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
    Geometry(x, kernel, None, 1, "valid", 1, 1)
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
        positions(size, window, 1, 0, 1, "kernel_size")
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
    geometry = Geometry(x, kernel, None, 1, "valid", 1, 1)
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
    geometry = Geometry(x, kernel, None, 1, "valid", 1, 1)
    size = x.shape[1:3]
    images = np.fft.rfft2(x, axes=(1, 2))
    weights = np.fft.rfft2(kernel, s=size, axes=(0, 1))
    product = np.einsum("nhwc,hwcf->nhwf", images, weights.conj(), optimize=True)
    y = np.fft.irfft2(product, s=size, axes=(1, 2))
    # Further down and right the kernel has wrapped around to the other side.
    y = y[:, : geometry.out[0], : geometry.out[1]]
    return y.astype(np.result_type(x, kernel), copy=False)
