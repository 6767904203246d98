"""How operations are called, and several of them one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imgcls_helpers._arguments import refuse
from imgcls_helpers.augment._inputs import checked, checked_labels, given_back


def check_operation(operation: Any, name: str) -> None:
    """Refuse what cannot be called as an operation is."""
    if isinstance(operation, type) or not callable(operation):
        cure = "Call it: add ()." if isinstance(operation, type) else ""
        refuse(name, "an operation, such as RandomFlip()", operation, cure=cure)


@dataclass(frozen=True)
class Operation:
    """What all operations have in common: how they are called.

    Examples
    --------
    >>> from imgcls_helpers.augment import RandomFlip
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
        images, masks = checked(images, masks)
        if not isinstance(rng, np.random.Generator):
            refuse("rng", "a NumPy Generator, np.random.default_rng(seed)", rng)
        if labels is not None:
            labels = checked_labels(labels, len(images))
        return given_back(*self._apply(images, rng, labels, masks))

    def _apply(self, images, rng, labels, masks):
        raise NotImplementedError


@dataclass(frozen=True)
class Pipeline(Operation):
    """Several operations, one after the other.

    Parameters
    ----------
    operations : sequence
        Operations of this module, or functions that are called in the same way.

    Examples
    --------
    >>> from imgcls_helpers.augment import RandomCrop, RandomFlip
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
            cure = "Put the single one in brackets."
            refuse("operations", "a list of operations", self.operations, cure=cure)
        operations = tuple(self.operations)
        for operation in operations:
            check_operation(operation, "each of operations")
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
