"""What operations take, and how they give it back."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgcls_helpers import _arguments as arguments


def checked(images: Any, masks: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Return images of any number of channels, and masks that fit them."""
    images = arguments.images(images, channels=None)
    if masks is None:
        return images, None
    expected = f"bool, uint8 or float of shape {images.shape[:3]}, one number a pixel"
    if (
        type(masks) is not np.ndarray
        or masks.shape != images.shape[:3]
        or (masks.dtype.kind not in "bf" and masks.dtype != np.uint8)
    ):
        arguments.refuse("masks", expected, masks)
    if masks.dtype.kind == "f" and not np.isfinite(masks).all():
        arguments.refuse("masks", "finite", came="NaN or infinite values")
    return images, masks


def checked_labels(labels: Any, n: int) -> np.ndarray:
    """Return class numbers (N,), or rows of finite numbers (N, K), as they are."""
    if np.ndim(labels) != 2 or np.shape(labels)[1] == 1:
        return arguments.labels(labels, n=n)
    expected = f"class numbers of shape ({n},), or one-hot of shape ({n}, K)"
    arguments.numbers_of(labels, "labels", expected, (2,))
    if len(labels) != n:
        arguments.refuse("labels", expected, labels)
    return np.asarray(labels)


def check_mixable(labels: np.ndarray | None) -> None:
    """Refuse labels that cannot be shared between two classes."""
    expected = "one-hot, of shape (N, K), since they are mixed too"
    if labels is None:
        arguments.refuse("labels", expected, came="none", cure="Pass labels=....")
    if labels.ndim != 2:
        cure = "Use data.one_hot(labels, K), or classes=K in training.Batches."
        arguments.refuse("labels", expected, labels, cure=cure)
    sums = labels.sum(axis=1)
    if labels.min() < 0 or np.abs(sums - 1).max() > 1e-3:
        arguments.refuse(
            "labels",
            "rows of 0 or more that sum to 1",
            came=f"values from {labels.min():g} to {labels.max():g} and sums from "
            f"{sums.min():g} to {sums.max():g}",
        )


def given_back(*values: Any) -> Any:
    """Give back what was given: images alone, or a tuple."""
    given = tuple(value for value in values if value is not None)
    return given if len(given) > 1 else values[0]
