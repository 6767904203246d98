"""Random changes of each image by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imgcls_helpers._arguments import number, one_of, refuse, true_or_false
from imgcls_helpers.augment._geometry import (
    FILLS,
    check_reach,
    magnifications,
    moved,
    rotations,
    warped,
)
from imgcls_helpers.augment._operation import Operation

# ITU-R BT.601, the weights of red, green and blue that Pillow uses too.
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


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
            true_or_false(getattr(self, name), name)

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
class RandomCrop(Operation):
    """Pad each image on all sides, then cut a window of the old size out at random.

    That moves it by up to `padding` pixels up or down, and left or right: each whole
    number is as likely.

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
    >>> image = np.array([[1, 2, 3]] * 3, np.uint8)[None, ..., None]
    >>> RandomCrop(1, "constant")(image, np.random.default_rng(0))[0, ..., 0]
    array([[0, 0, 0],
           [1, 2, 3],
           [1, 2, 3]], dtype=uint8)
    """

    padding: int = 4
    fill: str = "reflect"

    def __post_init__(self):
        number(self.padding, "padding", 0, whole=True)
        one_of(self.fill, "fill", FILLS)

    def _apply(self, images, rng, labels, masks):
        check_reach(self.padding, images, "padding")
        offsets = rng.integers(-self.padding, self.padding + 1, (len(images), 2))
        if masks is not None:
            masks = moved(masks, offsets, "constant")
        return moved(images, offsets, self.fill), labels, masks


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
        images, masks = warped(images, masks, rotations(angles), self.fill)
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
            refuse("low", f"at most high, {self.high}", self.low)
        one_of(self.fill, "fill", FILLS)

    def _apply(self, images, rng, labels, masks):
        drawn = rng.uniform(np.log(self.low), np.log(self.high), len(images))
        # The logarithm and back may end a hair beyond the limits.
        factors = np.clip(np.exp(drawn), self.low, self.high)
        images, masks = warped(images, masks, magnifications(factors), self.fill)
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
            expected = "grey (1 channel) or in colour (3)"
            refuse("images", expected, came=f"{channels} channels")
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
