"""Shifts, turns and magnifications, each image by an amount of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgcls_helpers._arguments import numbers_of, one_of, refuse
from imgcls_helpers.augment._inputs import checked, given_back

FILLS = ("reflect", "edge", "constant")
_LANES = np.dtype("<u8")  # the byte order is fixed, so that lanes lie where expected
_PIXELS_AT_ONCE = 16 * 32 * 32  # keeps a warp's working set inside a core's cache


def _per_image(
    values: object, n: int, name: str, width: int | None = None
) -> np.ndarray:
    """Return one number, or one row of `width` numbers, for each image."""
    shape = (n,) if width is None else (n, width)
    expected = f"numbers of shape {shape}, or the same for all images"
    array = numbers_of(values, name, expected, (0, 1, 2))
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        refuse(name, expected, values)


def moved(array: np.ndarray, offsets: np.ndarray, fill: Any) -> np.ndarray:
    """Move each (H, W, ...) picture by its (down, right) whole pixels."""
    n, h, w = array.shape[:3]
    reach = int(np.abs(offsets).max())
    width = [(0, 0), (reach, reach), (reach, reach)] + [(0, 0)] * (array.ndim - 3)
    padded = np.pad(array, width, mode=fill)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (h, w), axis=(1, 2))
    # The window axes stand last; the copy below is made in the order of memory.
    windows = np.moveaxis(windows, (-2, -1), (3, 4))
    return windows[np.arange(n), reach - offsets[:, 0], reach - offsets[:, 1]]


def _lines(size: int, reach: int, fill: Any) -> np.ndarray:
    """Where to read line i for i from -reach to size + reach; `size` means: outside."""
    if fill == "constant":
        return np.pad(np.arange(size), reach, constant_values=size)
    if size == 1:
        return np.zeros(1 + 2 * reach, dtype=np.intp)
    return np.pad(np.arange(size), reach, mode=fill)


def warped(
    images: np.ndarray, masks: np.ndarray | None, matrices: np.ndarray, fill: str
) -> tuple[np.ndarray, np.ndarray | None]:
    """Read each pixel p of each image at ``centre + matrix @ (p - centre)``.

    `matrices` has shape (N, 2, 2), for (row, column). Images are interpolated
    between the four pixels around that place, masks take the nearest one.
    """
    n, h, w, _ = images.shape
    centre = np.array([(h - 1) / 2, (w - 1) / 2])
    y = np.arange(h, dtype=np.float32)[:, None] - np.float32(centre[0])
    x = np.arange(w, dtype=np.float32)[None, :] - np.float32(centre[1])
    matrices = matrices.astype(np.float32)
    farthest = np.abs(matrices).sum(axis=2).max() * max(centre) + 2
    reach = int(np.ceil(farthest))
    rows, columns = _lines(h, reach, fill), _lines(w, reach, fill)
    # One line of zeros at the end stands for all that lies outside.
    border = int(fill == "constant")
    out = np.empty_like(images)
    placed = None if masks is None else np.zeros_like(masks)
    at_once = max(1, _PIXELS_AT_ONCE // (h * w))
    for start in range(0, n, at_once):
        part = slice(start, start + at_once)
        m = matrices[part, :, :, None, None]
        at_y = m[:, 0, 0] * y + m[:, 0, 1] * x + np.float32(centre[0])
        at_x = m[:, 1, 0] * y + m[:, 1, 1] * x + np.float32(centre[1])
        source = images[part]
        if border:
            source = np.pad(source, [(0, 0), (0, 1), (0, 1), (0, 0)])
        out[part] = _interpolated(source, at_y, at_x, rows, columns, reach)
        if masks is not None and placed is not None:
            near_y, near_x = np.rint(at_y).astype(int), np.rint(at_x).astype(int)
            inside = (near_y >= 0) & (near_y < h) & (near_x >= 0) & (near_x < w)
            k, i, j = np.nonzero(inside)
            placed[part][k, i, j] = masks[part][k, near_y[inside], near_x[inside]]
    return out, placed


def _interpolated(source, at_y, at_x, rows, columns, reach):
    """Return pixels at fractional places, uint8 (n, H, W, C).

    The four channels of a pixel lie in one 64-bit number, 16 bits each. The weights
    of the four neighbours are whole numbers that add up to 256, so a weighted sum fits
    into its 16 bits, and one multiplication serves four channels.
    """
    n, height, width, channels = source.shape
    low_y, low_x = np.floor(at_y), np.floor(at_x)
    wy = np.rint((at_y - low_y) * 256).astype(np.int32)
    wx = np.rint((at_x - low_x) * 256).astype(np.int32)
    both = (wy * wx + 128) >> 8
    weights = [256 - wy - wx + both, wx - both, wy - both, both]
    weights = [weight.astype(_LANES) for weight in weights]
    i, j = low_y.astype(np.intp) + reach, low_x.astype(np.intp) + reach
    first = np.arange(n)[:, None, None] * (height * width)
    rows = rows * width
    above, below = first + rows.take(i), first + rows.take(i + 1)
    left, right = columns.take(j), columns.take(j + 1)
    places = [above + left, above + right, below + left, below + right]

    out = np.empty((*at_y.shape, channels), np.uint8)
    for start in range(0, channels, 4):
        part = slice(start, min(start + 4, channels))
        packed = np.zeros((n, height, width, 4), "<u2")
        packed[..., : part.stop - start] = source[..., part]
        packed = packed.view(_LANES).ravel()
        total = np.full(at_y.shape, 0x0080_0080_0080_0080, _LANES)  # rounds
        for place, weight in zip(places, weights, strict=True):
            total += packed.take(place) * weight
        high_bytes = total.view(np.uint8).reshape(*at_y.shape, 8)[..., 1::2]
        out[..., part] = high_bytes[..., : part.stop - start]
    return out


def shift(
    images: np.ndarray,
    offsets: Any,
    *,
    masks: np.ndarray | None = None,
    fill: str = "reflect",
) -> Any:
    """Move each image by a given number of pixels.

    Parameters
    ----------
    images : numpy.ndarray
        uint8, shape (N, H, W, C).
    offsets : int array, shape (N, 2), or (2,) for all
        How far down and how far to the right; negative: up and to the left.
    masks : numpy.ndarray, optional
        Shape (N, H, W); what comes in from outside is 0.
    fill : {"reflect", "edge", "constant"}
        What comes in at the border: the mirror image, the outermost pixel, or 0.

    Returns
    -------
    numpy.ndarray or (images, masks)

    Raises
    ------
    ValueError
        If an argument is not as described, or an offset is as large as the image.

    Examples
    --------
    >>> image = np.array([[1, 2, 3]], np.uint8)[None, ..., None]
    >>> shift(image, (0, 1), fill="constant")[0, ..., 0]
    array([[0, 1, 2]], dtype=uint8)
    """
    images, masks = checked(images, masks)
    one_of(fill, "fill", FILLS)
    found = _per_image(offsets, len(images), "offsets", 2)
    if (found % 1 != 0).any():
        refuse("offsets", "whole numbers of pixels", offsets)
    found = found.astype(np.intp)
    check_reach(np.abs(found).max(axis=0), images, "offsets")
    if masks is None:
        return moved(images, found, fill)
    return moved(images, found, fill), moved(masks, found, "constant")


def check_reach(reach: Any, images: np.ndarray, name: str) -> None:
    """Refuse to move an image by its own size or more."""
    h, w = images.shape[1:3]
    down, right = np.broadcast_to(reach, 2)
    if down >= h or right >= w:
        farthest = f"{max(down, right)} pixels"
        refuse(name, f"smaller than the image, {h} x {w} pixels", came=farthest)


def rotate(
    images: np.ndarray,
    degrees: Any,
    *,
    masks: np.ndarray | None = None,
    fill: str = "reflect",
) -> Any:
    """Turn each image about its centre by a given angle, counter-clockwise.

    Pixels are interpolated between their four neighbours; masks take the nearest
    pixel. A quarter turn is exact and equals ``np.rot90``.

    Parameters
    ----------
    images : numpy.ndarray
        uint8, shape (N, H, W, C).
    degrees : float array, shape (N,), or one number for all
    masks : numpy.ndarray, optional
        Shape (N, H, W); what comes in from outside is 0.
    fill : {"reflect", "edge", "constant"}

    Returns
    -------
    numpy.ndarray or (images, masks)

    Raises
    ------
    ValueError
        If an argument is not as described.

    Examples
    --------
    >>> image = np.array([[1, 2], [3, 4]], np.uint8)[None, ..., None]
    >>> rotate(image, 90)[0, ..., 0]
    array([[2, 4],
           [1, 3]], dtype=uint8)
    """
    images, masks = checked(images, masks)
    one_of(fill, "fill", FILLS)
    degrees = _per_image(degrees, len(images), "degrees")
    return given_back(*warped(images, masks, rotations(degrees), fill))


def rotations(degrees: np.ndarray) -> np.ndarray:
    """Return the matrices, shape (N, 2, 2), with which `warped` turns images."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    # Rows grow downwards; to turn the picture to the left, read to the right of it.
    return np.stack([np.stack([c, s], -1), np.stack([-s, c], -1)], axis=1)


def scale(
    images: np.ndarray,
    factors: Any,
    *,
    masks: np.ndarray | None = None,
    fill: str = "reflect",
) -> Any:
    """Magnify each image about its centre by a given factor; the size stays.

    Parameters
    ----------
    images : numpy.ndarray
        uint8, shape (N, H, W, C).
    factors : float array, shape (N,), or one number for all
        Above 1: larger; below 1: smaller. From 0.05 to 20.
    masks : numpy.ndarray, optional
        Shape (N, H, W); what comes in from outside is 0.
    fill : {"reflect", "edge", "constant"}

    Returns
    -------
    numpy.ndarray or (images, masks)

    Raises
    ------
    ValueError
        If an argument is not as described.

    Examples
    --------
    >>> image = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1)
    >>> bool((scale(image, 1.0) == image).all())
    True
    """
    images, masks = checked(images, masks)
    one_of(fill, "fill", FILLS)
    factors = _per_image(factors, len(images), "factors")
    if factors.min() < 0.05 or factors.max() > 20:
        found = f"values from {factors.min():g} to {factors.max():g}"
        refuse("factors", "from 0.05 to 20", came=found)
    return given_back(*warped(images, masks, magnifications(factors), fill))


def magnifications(factors: np.ndarray) -> np.ndarray:
    """Return the matrices, shape (N, 2, 2), with which `warped` magnifies images."""
    return np.eye(2) / factors[:, None, None]
