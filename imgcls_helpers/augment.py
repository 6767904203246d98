"""New views of old images: random changes that leave the class as it is.

Every operation is a small object that is called in the same way::

    flip = RandomFlip()
    images = flip(images, rng)
    images, labels = flip(images, rng, labels=labels)
    images, labels, masks = flip(images, rng, labels=labels, masks=masks)

Images are uint8 of shape (N, H, W, C) and come back as a new array of the same shape
and dtype. Each image gets a draw of its own from `rng`, a `numpy.random.Generator`;
all images of a batch are computed at once. Masks, of shape (N, H, W), move exactly as
the images do, so that geometry can be tested. `Pipeline` joins operations, and
`Batches` feeds them to ``fit`` of a Keras model on any backend.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# Imported before Keras: it picks the Keras backend.
from imgcls_helpers import backend  # noqa: F401
from imgcls_helpers._arguments import describe, label_hint, number, one_of

# isort: split
import keras

__all__ = [
    "Batches",
    "CutMix",
    "Cutout",
    "MixUp",
    "Operation",
    "Pipeline",
    "RandomColour",
    "RandomCrop",
    "RandomFlip",
    "RandomRotation",
    "RandomScale",
    "RandomShift",
    "one_hot",
    "rotate",
    "scale",
    "shift",
]

FILLS = ("reflect", "edge", "constant")
# ITU-R BT.601, the weights of red, green and blue that Pillow uses too.
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_LANES = np.dtype("<u8")  # the byte order is fixed, so that lanes lie where expected
_PIXELS_AT_ONCE = 16 * 32 * 32  # keeps a warp's working set inside a core's cache


# --------------------------------------------------------------------------
# Checks of arguments
# --------------------------------------------------------------------------


def _check_images(images: object) -> None:
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        hint = ""
        if isinstance(images, np.ndarray) and images.dtype.kind == "f":
            hint = "; augment before scaling, or convert with images.astype('uint8')"
        raise ValueError(
            "images must be a uint8 array of shape (N, H, W, C); "
            f"got {describe(images)}{hint}"
        )
    if images.ndim != 4 or 0 in images.shape:
        hint = ""
        if images.ndim == 3:
            hint = (
                "; a single image needs an axis in front, image[None], and grey "
                "images one at the end, images[..., None]"
            )
        raise ValueError(
            "images must have shape (N, H, W, C), none of them 0; "
            f"got shape {images.shape}{hint}"
        )


def _check_masks(masks: object, images: np.ndarray) -> None:
    if not isinstance(masks, np.ndarray) or masks.shape != images.shape[:3]:
        raise ValueError(
            f"masks must be an array of shape {images.shape[:3]}, one number a pixel; "
            f"got {describe(masks)}"
        )
    if masks.dtype.kind not in "bf" and masks.dtype != np.uint8:
        raise ValueError(f"masks must be bool, uint8 or float; got {masks.dtype}")
    if masks.dtype.kind == "f" and not np.isfinite(masks).all():
        raise ValueError("masks must be finite; got NaN or infinite values")


def _check_labels(labels: object, images: np.ndarray) -> None:
    if not isinstance(labels, np.ndarray) or labels.ndim not in (1, 2):
        raise ValueError(
            "labels must be an array of shape (N,), or one-hot (N, K); "
            f"got {describe(labels)}"
        )
    if len(labels) != len(images):
        raise ValueError(
            f"labels must have one entry an image, {len(images)}; got {len(labels)}"
        )


def _check_mixable(labels: np.ndarray | None, name: str) -> None:
    """Refuse labels that cannot be shared between two classes."""
    if labels is None:
        raise ValueError(
            f"{name} changes the labels, so it needs them: call it with labels=..., "
            "one-hot, of shape (N, K)"
        )
    if labels.ndim != 2:
        raise ValueError(
            f"{name} needs one-hot labels of shape (N, K); got class numbers of shape "
            f"{labels.shape}. Use one_hot(labels, K), or Batches(..., classes=K)"
        )
    if not np.isfinite(labels).all():
        raise ValueError(f"{name} needs finite labels; got NaN or infinite values")
    sums = labels.sum(axis=1)
    if labels.min() < 0 or np.abs(sums - 1).max() > 1e-3:
        raise ValueError(
            f"{name} needs labels of which each row is 0 or more and adds up to 1; "
            f"got values from {labels.min():g} to {labels.max():g} and row sums from "
            f"{sums.min():g} to {sums.max():g}"
        )


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return class numbers as rows with a single 1.

    Parameters
    ----------
    labels : int array, shape (N,)
        From 0 to ``classes - 1``.
    classes : int
        K, the number of classes.

    Returns
    -------
    numpy.ndarray
        float32, shape (N, K).

    Raises
    ------
    ValueError
        If a label is no class number, or `classes` no number of classes.

    Examples
    --------
    >>> one_hot(np.array([2, 0]), 3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    number(classes, "classes", 1, whole=True)
    labels = np.asarray(labels)
    if labels.ndim != 1 or not labels.size or labels.dtype.kind not in "iu":
        hint = label_hint(labels)
        raise ValueError(
            f"labels must be whole numbers of shape (N,); got {describe(labels)}"
            f"{'.' if hint else ''}{hint}"
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"labels must lie from 0 to {classes - 1}; got values from "
            f"{labels.min()} to {labels.max()}"
        )
    return np.eye(classes, dtype=np.float32)[labels]


# --------------------------------------------------------------------------
# Geometry
# --------------------------------------------------------------------------


def _per_image(
    values: object, n: int, name: str, width: int | None = None
) -> np.ndarray:
    """Return one number, or one row of `width` numbers, for each image."""
    array = np.asarray(values)
    shape = (n,) if width is None else (n, width)
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite numbers; got {describe(values)}")
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise ValueError(
            f"{name} must have shape {shape}, or be the same for all images; "
            f"got shape {array.shape}"
        ) from None


def _moved(array: np.ndarray, offsets: np.ndarray, fill: Any) -> np.ndarray:
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


def _warped(
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
    moved = None if masks is None else np.zeros_like(masks)
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
        if masks is not None and moved is not None:
            near_y, near_x = np.rint(at_y).astype(int), np.rint(at_x).astype(int)
            inside = (near_y >= 0) & (near_y < h) & (near_x >= 0) & (near_x < w)
            k, i, j = np.nonzero(inside)
            moved[part][k, i, j] = masks[part][k, near_y[inside], near_x[inside]]
    return out, moved


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


def _result(images, labels, masks):
    """Give back what was given: images alone, or a tuple."""
    given = tuple(value for value in (images, labels, masks) if value is not None)
    return given if len(given) > 1 else images


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
    _check_images(images)
    one_of(fill, "fill", FILLS)
    offsets = _per_image(offsets, len(images), "offsets", 2)
    if offsets.dtype.kind not in "iu":
        raise ValueError(f"offsets must be whole numbers; got {offsets.dtype}")
    offsets = offsets.astype(np.intp)
    _check_reach(np.abs(offsets).max(axis=0), images, "an offset")
    if masks is None:
        return _moved(images, offsets, fill)
    _check_masks(masks, images)
    return _moved(images, offsets, fill), _moved(masks, offsets, "constant")


def _check_reach(reach: Any, images: np.ndarray, what: str) -> None:
    h, w = images.shape[1:3]
    down, right = np.broadcast_to(reach, 2)
    if down >= h or right >= w:
        raise ValueError(
            f"{what} must be smaller than the image, {h} x {w} pixels; "
            f"got {max(down, right)}"
        )


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
    _check_images(images)
    one_of(fill, "fill", FILLS)
    if masks is not None:
        _check_masks(masks, images)
    degrees = _per_image(degrees, len(images), "degrees").astype(float)
    turned, moved = _warped(images, masks, _rotations(degrees), fill)
    return _result(turned, None, moved)


def _rotations(degrees: np.ndarray) -> np.ndarray:
    """Return the matrices, shape (N, 2, 2), with which `_warped` turns images."""
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
    _check_images(images)
    one_of(fill, "fill", FILLS)
    if masks is not None:
        _check_masks(masks, images)
    factors = _per_image(factors, len(images), "factors").astype(float)
    if factors.min() < 0.05 or factors.max() > 20:
        raise ValueError(
            "factors must lie from 0.05 to 20; got values from "
            f"{factors.min():g} to {factors.max():g}"
        )
    scaled, moved = _warped(images, masks, _magnifications(factors), fill)
    return _result(scaled, None, moved)


def _magnifications(factors: np.ndarray) -> np.ndarray:
    """Return the matrices, shape (N, 2, 2), with which `_warped` magnifies images."""
    return np.eye(2) / factors[:, None, None]


# --------------------------------------------------------------------------
# Operations
# --------------------------------------------------------------------------


@dataclass(frozen=True)
class Operation:
    """What all operations have in common: how they are called.

    Examples
    --------
    >>> images = np.zeros((2, 8, 8, 3), np.uint8)
    >>> RandomFlip()(images, np.random.default_rng(0)).shape
    (2, 8, 8, 3)
    """

    def __call__(
        self,
        images: np.ndarray,
        rng: np.random.Generator,
        *,
        labels: np.ndarray | None = None,
        masks: np.ndarray | None = None,
    ) -> Any:
        """Return changed images, and with them the labels and masks that came.

        Parameters
        ----------
        images : numpy.ndarray
            uint8, shape (N, H, W, C). Not changed.
        rng : numpy.random.Generator
        labels : numpy.ndarray, optional
            Shape (N,), or one-hot (N, K).
        masks : numpy.ndarray, optional
            bool, uint8 or float, shape (N, H, W).

        Returns
        -------
        numpy.ndarray, or a tuple
            The images; with labels or masks a tuple of what was given, in the order
            images, labels, masks.

        Raises
        ------
        ValueError
            If an array has a wrong shape, dtype or value; the message says which.
        """
        _check_images(images)
        if not isinstance(rng, np.random.Generator):
            raise ValueError(
                "rng must be a NumPy Generator, np.random.default_rng(seed); "
                f"got {describe(rng)}"
            )
        if labels is not None:
            _check_labels(labels, images)
        if masks is not None:
            _check_masks(masks, images)
        return _result(*self._apply(images, rng, labels, masks))

    def _apply(self, images, rng, labels, masks):
        raise NotImplementedError


@dataclass(frozen=True)
class RandomFlip(Operation):
    """Mirror each image with probability one half.

    Parameters
    ----------
    horizontal : bool
        Left becomes right.
    vertical : bool
        Up becomes down; drawn by itself.

    Examples
    --------
    >>> image = np.array([[1, 2, 3]], np.uint8)[None, ..., None]
    >>> views = RandomFlip()(np.repeat(image, 4, axis=0), np.random.default_rng(0))
    >>> views[:, 0, :, 0].tolist()
    [[1, 2, 3], [3, 2, 1], [3, 2, 1], [3, 2, 1]]
    """

    horizontal: bool = True
    vertical: bool = False

    def __post_init__(self):
        for name in ("horizontal", "vertical"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                raise ValueError(
                    f"{name} must be True or False; got {describe(getattr(self, name))}"
                )

    def _apply(self, images, rng, labels, masks):
        channels = images.shape[3]
        # A pixel as one item: reversing a row then moves pixels, not single bytes.
        pixels = np.array(images, order="C").view(np.dtype((np.void, channels)))[..., 0]
        masks = None if masks is None else masks.copy()
        for axis, wanted in ((2, self.horizontal), (1, self.vertical)):
            if not wanted:
                continue
            chosen = np.flatnonzero(rng.random(len(images)) < 0.5)
            for array in (pixels, masks):
                if array is not None:
                    array[chosen] = np.flip(array, axis)[chosen]
        return pixels.view(np.uint8).reshape(images.shape), labels, masks


@dataclass(frozen=True)
class RandomShift(Operation):
    """Move each image by up to `pixels` up or down, and left or right.

    Parameters
    ----------
    pixels : int
        The largest move; each whole number up to it is as likely.
    fill : {"reflect", "edge", "constant"}
        What comes in at the border: the mirror image, the outermost pixel, or 0.

    Examples
    --------
    >>> image = np.array([[1, 2, 3]] * 3, np.uint8)[None, ..., None]
    >>> RandomShift(1, "constant")(image, np.random.default_rng(0))[0, ..., 0]
    array([[0, 0, 0],
           [1, 2, 3],
           [1, 2, 3]], dtype=uint8)
    """

    pixels: int
    fill: str = "reflect"

    def __post_init__(self):
        number(self.pixels, "pixels", 0, whole=True)
        one_of(self.fill, "fill", FILLS)

    def _apply(self, images, rng, labels, masks):
        return _randomly_moved(
            self.pixels, "pixels", self.fill, images, rng, masks, labels
        )


def _randomly_moved(reach, name, fill, images, rng, masks, labels):
    _check_reach(reach, images, name)
    offsets = rng.integers(-reach, reach + 1, (len(images), 2))
    if masks is not None:
        masks = _moved(masks, offsets, "constant")
    return _moved(images, offsets, fill), labels, masks


@dataclass(frozen=True)
class RandomCrop(Operation):
    """Pad each image on all sides, then cut a window of the old size out at random.

    Shows the same as `RandomShift` by up to `padding` pixels; this is the name under
    which papers have it.

    Parameters
    ----------
    padding : int
    fill : {"reflect", "edge", "constant"}
        What the padding holds: the mirror image, the outermost pixel, or 0.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition",
    CVPR 2016, section 4.2.

    Examples
    --------
    >>> images = np.zeros((2, 32, 32, 3), np.uint8)
    >>> RandomCrop(4)(images, np.random.default_rng(0)).shape
    (2, 32, 32, 3)
    """

    padding: int = 4
    fill: str = "reflect"

    def __post_init__(self):
        number(self.padding, "padding", 0, whole=True)
        one_of(self.fill, "fill", FILLS)

    def _apply(self, images, rng, labels, masks):
        return _randomly_moved(
            self.padding, "padding", self.fill, images, rng, masks, labels
        )


@dataclass(frozen=True)
class RandomRotation(Operation):
    """Turn each image about its centre by up to `degrees` either way.

    Parameters
    ----------
    degrees : float
        0 to 180; every angle between ``-degrees`` and ``degrees`` is as likely.
    fill : {"reflect", "edge", "constant"}

    Examples
    --------
    >>> images = np.zeros((2, 32, 32, 3), np.uint8)
    >>> RandomRotation(30)(images, np.random.default_rng(0)).shape
    (2, 32, 32, 3)
    """

    degrees: float = 15
    fill: str = "reflect"

    def __post_init__(self):
        number(self.degrees, "degrees", 0, 180)
        one_of(self.fill, "fill", FILLS)

    def _apply(self, images, rng, labels, masks):
        angles = rng.uniform(-self.degrees, self.degrees, len(images))
        images, masks = _warped(images, masks, _rotations(angles), self.fill)
        return images, labels, masks


@dataclass(frozen=True)
class RandomScale(Operation):
    """Magnify each image about its centre by a factor from `low` to `high`.

    Parameters
    ----------
    low, high : float
        0.05 to 20. The logarithm is drawn evenly: half the size is as likely as
        twice the size.
    fill : {"reflect", "edge", "constant"}

    Examples
    --------
    >>> images = np.zeros((2, 32, 32, 3), np.uint8)
    >>> RandomScale(0.5, 2)(images, np.random.default_rng(0)).shape
    (2, 32, 32, 3)
    """

    low: float = 0.8
    high: float = 1.25
    fill: str = "reflect"

    def __post_init__(self):
        number(self.low, "low", 0.05, 20)
        number(self.high, "high", 0.05, 20)
        if self.low > self.high:
            raise ValueError(
                f"low must be at most high; got low = {self.low} and high = {self.high}"
            )
        one_of(self.fill, "fill", FILLS)

    def _apply(self, images, rng, labels, masks):
        drawn = rng.uniform(np.log(self.low), np.log(self.high), len(images))
        # The logarithm and back may end a hair beyond the limits.
        factors = np.clip(np.exp(drawn), self.low, self.high)
        images, masks = _warped(images, masks, _magnifications(factors), self.fill)
        return images, labels, masks


@dataclass(frozen=True)
class RandomColour(Operation):
    """Change brightness, contrast and saturation of each image.

    Three factors are drawn for each image, evenly from 1 minus to 1 plus the strength.
    Brightness multiplies all values; contrast multiplies the distance from the image's
    mean luminance; saturation multiplies the distance of each pixel from its own grey.

    Parameters
    ----------
    brightness, contrast, saturation : float
        Strengths, 0 (no change) to 1.

    Examples
    --------
    >>> image = np.full((1, 2, 2, 3), 100, np.uint8)
    >>> RandomColour(0.5, 0, 0)(image, np.random.default_rng(0))[0, 0, 0]
    array([114, 114, 114], dtype=uint8)
    """

    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2

    def __post_init__(self):
        for name in ("brightness", "contrast", "saturation"):
            number(getattr(self, name), name, 0, 1)

    def _apply(self, images, rng, labels, masks):
        n, channels = len(images), images.shape[3]
        if channels not in (1, 3):
            raise ValueError(
                "RandomColour needs grey (1) or colour (3) channels; "
                f"got {channels} channels"
            )
        strength = [self.brightness, self.contrast, self.saturation]
        drawn = 1 + rng.uniform(-1, 1, (n, 3)) * strength
        b, c, s = drawn.astype(np.float32).T[:, :, None, None, None]
        # In the order of memory, so that sums round alike whatever came in.
        x = np.ascontiguousarray(images) * b
        grey = x
        if channels == 3:
            red, green, blue = (x[..., k : k + 1] * _LUMA[k] for k in range(3))
            grey = red + green + blue
        mean = grey.mean(axis=(1, 2, 3), keepdims=True)
        # s (mean + c (x - mean)) + (1 - s) (mean + c (grey - mean)), collected
        x *= s * c
        x += ((1 - s) * c) * grey + (1 - c) * mean
        np.clip(np.rint(x, out=x), 0, 255, out=x)
        masks = None if masks is None else masks.copy()
        return x.astype(np.uint8), labels, masks


def _boxes(rng, n, h, w, heights, widths):
    """Return which pixels lie in each image's box, bool (n, h, w).

    The centre of a box may be any pixel; what reaches over the border is cut off.
    """
    top = rng.integers(0, h, n) - heights // 2
    left = rng.integers(0, w, n) - widths // 2
    y, x = np.arange(h), np.arange(w)
    in_rows = (y >= top[:, None]) & (y < (top + heights)[:, None])
    in_columns = (x >= left[:, None]) & (x < (left + widths)[:, None])
    return in_rows[:, :, None] & in_columns[:, None, :]


@dataclass(frozen=True)
class Cutout(Operation):
    """Cover a square of each image with grey.

    The centre of the square may be any pixel, so part of it may lie outside. Masks
    become 0 where they are covered.

    Parameters
    ----------
    size : int
        Side of the square in pixels, at most the image's.
    value : int
        What the square is filled with, 0 to 255.

    References
    ----------
    T. DeVries, G. W. Taylor, "Improved Regularization of Convolutional Neural Networks
    with Cutout", arXiv 1708.04552, 2017.

    Examples
    --------
    >>> image = np.zeros((1, 4, 4, 1), np.uint8)
    >>> Cutout(2, 9)(image, np.random.default_rng(0))[0, ..., 0]
    array([[0, 0, 0, 0],
           [0, 0, 0, 0],
           [0, 9, 9, 0],
           [0, 9, 9, 0]], dtype=uint8)
    """

    size: int = 8
    value: int = 127

    def __post_init__(self):
        number(self.size, "size", 1, whole=True)
        number(self.value, "value", 0, 255, whole=True)

    def _apply(self, images, rng, labels, masks):
        n, h, w, _ = images.shape
        if self.size > min(h, w):
            raise ValueError(
                f"size must be at most the image's, {h} x {w} pixels; got {self.size}"
            )
        side = np.full(n, self.size)
        covered = _boxes(rng, n, h, w, side, side)
        images = np.where(covered[..., None], np.uint8(self.value), images)
        if masks is not None:
            masks = np.where(covered, masks.dtype.type(0), masks)
        return images, labels, masks


def _mixed_labels(labels, partner, share):
    """Return ``share`` of the own label plus the rest of the partner's, float32."""
    labels = labels.astype(np.float32)
    share = share.astype(np.float32)[:, None]
    return share * labels + (1 - share) * labels[partner]


@dataclass(frozen=True)
class MixUp(Operation):
    """Lay each image over another one of the batch, and mix the labels alike.

    Each image keeps a share of its own, drawn for it from Beta(`alpha`, `alpha`), and
    takes the rest from another image (at times itself); so does its label.

    Parameters
    ----------
    alpha : float
        Above 0. Small: mostly one image; 1: every share is as likely.

    Notes
    -----
    Labels are one-hot, (N, K), and come back as float32. A float mask is mixed with
    the same shares; other masks cannot hold two objects and are refused.

    References
    ----------
    H. Zhang, M. Cisse, Y. N. Dauphin, D. Lopez-Paz, "mixup: Beyond Empirical Risk
    Minimization", ICLR 2018.

    Examples
    --------
    >>> images = np.array([0, 200], np.uint8)[:, None, None, None]
    >>> labels = one_hot(np.array([0, 1]), 2)
    >>> images, labels = MixUp(1.0)(images, np.random.default_rng(3), labels=labels)
    >>> images.ravel()
    array([147,  36], dtype=uint8)
    >>> labels.round(2)
    array([[0.27, 0.73],
           [0.82, 0.18]], dtype=float32)
    """

    alpha: float = 0.2

    def __post_init__(self):
        number(self.alpha, "alpha", 0, above=True)

    def _apply(self, images, rng, labels, masks):
        _check_mixable(labels, "MixUp")
        if masks is not None and masks.dtype.kind != "f":
            raise ValueError(
                "MixUp shows two objects in a pixel, which masks of "
                f"{masks.dtype} cannot hold: pass masks.astype('float32')"
            )
        n = len(images)
        share = rng.beta(self.alpha, self.alpha, n).astype(np.float32)
        partner = rng.permutation(n)
        kept = share[:, None, None, None]
        mixed = kept * images + (1 - kept) * images[partner]
        if masks is not None:
            kept = share[:, None, None].astype(masks.dtype)
            masks = kept * masks + (1 - kept) * masks[partner]
        labels = _mixed_labels(labels, partner, share)
        return np.rint(mixed).astype(np.uint8), labels, masks


@dataclass(frozen=True)
class CutMix(Operation):
    """Paste a box of another image into each one, and mix the labels by area.

    The share of the box is drawn from Beta(`alpha`, `alpha`) and its centre is any
    pixel; the label counts the pixels that were really pasted.

    Parameters
    ----------
    alpha : float
        Above 0. 1: every size is as likely.

    Notes
    -----
    Labels are one-hot, (N, K), and come back as float32. Masks are pasted too.

    References
    ----------
    S. Yun, D. Han, S. J. Oh, S. Chun, J. Choe, Y. Yoo, "CutMix: Regularization Strategy
    to Train Strong Classifiers with Localizable Features", ICCV 2019.

    Examples
    --------
    >>> images = np.zeros((2, 4, 4, 1), np.uint8)
    >>> images[1] = 9
    >>> labels = one_hot(np.array([0, 1]), 2)
    >>> images, labels = CutMix()(images, np.random.default_rng(3), labels=labels)
    >>> bool(np.isclose((images[0] == 9).mean(), labels[0, 1]))
    True
    """

    alpha: float = 1.0

    def __post_init__(self):
        number(self.alpha, "alpha", 0, above=True)

    def _apply(self, images, rng, labels, masks):
        _check_mixable(labels, "CutMix")
        n, h, w, _ = images.shape
        side = np.sqrt(rng.beta(self.alpha, self.alpha, n))
        heights = np.rint(side * h).astype(int)
        widths = np.rint(side * w).astype(int)
        pasted = _boxes(rng, n, h, w, heights, widths)
        partner = rng.permutation(n)
        images = np.where(pasted[..., None], images[partner], images)
        if masks is not None:
            masks = np.where(pasted, masks[partner], masks)
        share = 1 - pasted.mean(axis=(1, 2))
        return images, _mixed_labels(labels, partner, share), masks


@dataclass(frozen=True)
class Pipeline(Operation):
    """Several operations, one after the other.

    Parameters
    ----------
    operations : sequence
        Operations of this module, or functions that are called in the same way.

    Examples
    --------
    >>> views = Pipeline([RandomFlip(), RandomCrop(4)])
    >>> views
    Pipeline(operations=(RandomFlip(horizontal=True, vertical=False), \
RandomCrop(padding=4, fill='reflect')))
    >>> views(np.zeros((2, 32, 32, 3), np.uint8), np.random.default_rng(0)).shape
    (2, 32, 32, 3)
    """

    operations: Sequence[Callable]

    def __post_init__(self):
        if callable(self.operations):
            raise ValueError(
                "operations must be a list of operations; got a single one, "
                f"{describe(self.operations)}: put it in brackets"
            )
        operations = tuple(self.operations)
        for operation in operations:
            if isinstance(operation, type) or not callable(operation):
                hint = "; call it: add ()" if isinstance(operation, type) else ""
                raise ValueError(
                    "operations must be a list of operations, such as RandomFlip(); "
                    f"got {describe(operation)}{hint}"
                )
        object.__setattr__(self, "operations", operations)

    def _apply(self, images, rng, labels, masks):
        images = images if self.operations else images.copy()
        for operation in self.operations:
            given = {"labels": labels, "masks": masks}
            given = {name: v for name, v in given.items() if v is not None}
            out = operation(images, rng, **given)
            out = out if given else (out,)
            images, *rest = out
            after = dict(zip(given, rest, strict=True))
            labels, masks = after.get("labels"), after.get("masks")
        return images, labels, masks


# --------------------------------------------------------------------------
# Feeding a model
# --------------------------------------------------------------------------


class Batches(keras.utils.PyDataset):
    """Shuffled and augmented batches for ``fit``, on any backend.

    Batch number `index` of an epoch depends on `seed`, `epoch` and `index` alone, so
    it is the same on every backend, in any order, and after a training is resumed.
    When an epoch ends, ``fit`` moves on to the next one: other order, other views.
    Pass ``shuffle=False`` to ``fit``, or it shuffles the batches once more. Keras moves
    on once before the first epoch too; to know which epoch is which, set
    ``batches.epoch`` in a callback's ``on_epoch_begin``.

    Parameters
    ----------
    images : numpy.ndarray
        uint8, shape (N, H, W, C).
    labels : numpy.ndarray
        Class numbers, shape (N,); or one-hot, shape (N, K).
    batch_size : int
        The last batch of an epoch holds what is left.
    augment : callable, optional
        An operation of this module, such as a `Pipeline`.
    classes : int, optional
        Turn class numbers into one-hot rows of this many classes, as `MixUp` and
        `CutMix` need them; the loss is then ``CategoricalCrossentropy``.
    shuffle : bool
        Whether each epoch has another order.
    seed : int
        0 to 2**32 - 1.
    epoch : int
        The epoch to begin with; 0 is the first.

    Raises
    ------
    ValueError
        If an argument is not as described, or `augment` fails on the first images.

    Examples
    --------
    >>> images, labels = np.zeros((5, 8, 8, 1), np.uint8), np.arange(5)
    >>> batches = Batches(images, labels, batch_size=2, augment=RandomFlip())
    >>> [len(x) for x, y in (batches[i] for i in range(len(batches)))]
    [2, 2, 1]
    >>> batches.on_epoch_end()
    >>> batches.epoch
    1
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        *,
        batch_size: int = 128,
        augment: Callable | None = None,
        classes: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        epoch: int = 0,
    ) -> None:
        super().__init__()
        _check_images(images)
        labels = np.asarray(labels)
        _check_labels(labels, images)
        if labels.ndim == 1 and labels.dtype.kind not in "iu":
            raise ValueError(
                f"labels of shape (N,) must be whole numbers; got {labels.dtype}"
            )
        if not np.isfinite(labels).all():
            raise ValueError("labels must be finite; got NaN or infinite values")
        if classes is not None:
            labels = one_hot(labels, classes)
        number(batch_size, "batch_size", 1, whole=True)
        number(seed, "seed", 0, 2**32 - 1, whole=True)
        number(epoch, "epoch", 0, 2**32 - 1, whole=True)
        if augment is not None and (isinstance(augment, type) or not callable(augment)):
            raise ValueError(
                "augment must be an operation, such as RandomFlip(); "
                f"got {describe(augment)}"
            )
        self.images, self.labels = images, labels
        self.batch_size, self.augment = int(batch_size), augment
        self.shuffle, self.seed, self.epoch = bool(shuffle), int(seed), int(epoch)
        self._order: tuple[int | None, Any] = (None, None)
        if augment is not None:
            # What is wrong shows here, and not from deep inside of `fit`.
            augment(images[:2], np.random.default_rng(0), labels=labels[:2])

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return -(-len(self.images) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (images, labels) of one batch; negative numbers count from the end."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"there are {len(self)} batches; got index {index}")
        index %= len(self)
        epoch = self.epoch  # read once: Keras may ask from another thread
        start = index * self.batch_size
        chosen = self._rows(epoch)[start : start + self.batch_size]
        images, labels = self.images[chosen], self.labels[chosen]
        if self.augment is None:
            return images, labels
        return self.augment(images, self._rng(epoch, 1, index), labels=labels)

    def on_epoch_end(self) -> None:
        """Move on to the next epoch; ``fit`` calls this."""
        self.epoch += 1

    def _rng(self, *stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, *stream])

    def _rows(self, epoch: int) -> np.ndarray:
        """Return the order of the images in an epoch."""
        known, rows = self._order
        if known != epoch:
            rows = np.arange(len(self.images))
            if self.shuffle:
                rows = self._rng(epoch, 0, 0).permutation(rows)
            self._order = epoch, rows
        return rows
