"""Batches for a Keras model, shuffled and augmented."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# Imported before Keras: it picks the Keras backend.
from imgcls_helpers import _arguments as arguments
from imgcls_helpers import backend  # noqa: F401
from imgcls_helpers.augment._inputs import checked, checked_labels
from imgcls_helpers.augment._operation import check_operation
from imgcls_helpers.data import one_hot

# isort: split
import keras


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
        An operation of `augment`, such as a ``Pipeline``.
    classes : int, optional
        Turn class numbers into one-hot rows of this many classes, as ``MixUp`` and
        ``CutMix`` need them; the loss is then ``CategoricalCrossentropy``.
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
    >>> from imgcls_helpers.augment import RandomFlip
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
        self.images, _ = checked(images, None)
        self.labels = checked_labels(labels, len(images))
        if classes is not None:
            self.labels = one_hot(self.labels, classes)
        self.batch_size = arguments.number(batch_size, "batch_size", 1, whole=True)
        self.shuffle = arguments.true_or_false(shuffle, "shuffle")
        self.seed = arguments.seed(seed)
        self.epoch = arguments.seed(epoch, "epoch")
        if augment is not None:
            check_operation(augment, "augment")
        self.augment = augment
        self._order: tuple[int | None, Any] = (None, None)
        if augment is not None:
            # What is wrong shows here, and not from deep inside of `fit`.
            few = {"labels": self.labels[:2]}
            augment(images[:2], np.random.default_rng(0), **few)

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
