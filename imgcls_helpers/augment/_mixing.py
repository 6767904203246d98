"""Operations that cover a part of an image, or mix two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imgcls_helpers._arguments import number, refuse
from imgcls_helpers.augment._inputs import check_mixable
from imgcls_helpers.augment._operation import Operation


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
            refuse("size", f"at most the image's, {h} x {w} pixels", self.size)
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
    >>> from imgcls_helpers.data import one_hot
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
        check_mixable(labels)
        if masks is not None and masks.dtype.kind != "f":
            expected = "float, since a pixel of two images shows two objects"
            cure = "Use `masks.astype('float32')`."
            refuse("masks", expected, masks, cure=cure)
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
    >>> from imgcls_helpers.data import one_hot
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
        check_mixable(labels)
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
