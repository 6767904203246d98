"""Images and their labels: one part of a data set."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imgcls_helpers import _arguments
from imgcls_helpers._arguments import number, one_of, refuse


@dataclass(frozen=True, eq=False, repr=False)
class Part:
    """Images and their labels: one part of a data set.

    A part unpacks as ``images, labels = part``. Its methods return a new part
    with copies of the rows they keep; nothing is changed in place.

    Parameters
    ----------
    images : numpy.ndarray
        uint8, shape (N, H, W, C) with C = 1 (grey) or 3 (red, green, blue).
    labels : numpy.ndarray
        Class numbers, whole numbers of shape (N,).
    true_labels : numpy.ndarray, optional
        The labels before noise was added, shape (N,). Default: ``labels``.
    masks : numpy.ndarray, optional
        bool, shape (N, H, W): the pixels of the object, where they are known.
    indices : numpy.ndarray, optional
        Position of each image in the split it was taken from, shape (N,).
        Default: 0 to N-1.
    n_classes : int, optional
        Number of classes. Default: one more than the largest label.

    Examples
    --------
    >>> from imgcls_helpers.data import Part, load_dataset
    >>> part = load_dataset("digits").train
    >>> images, labels = part
    >>> images.shape, images.dtype
    ((1294, 8, 8, 1), dtype('uint8'))
    >>> part.subset(100)
    Part(100 images, 8x8x1, 10 classes)
    """

    images: np.ndarray
    labels: np.ndarray
    # None only while it is made: what is left out is filled in below.
    true_labels: np.ndarray = None  # type: ignore[assignment]
    masks: np.ndarray | None = None
    indices: np.ndarray = None  # type: ignore[assignment]
    n_classes: int = None  # type: ignore[assignment]

    def __post_init__(self):
        images = _arguments.images(self.images)
        n = len(images)
        labels = _arguments.labels(self.labels, n=n)
        true = labels
        if self.true_labels is not None:
            true = _arguments.labels(self.true_labels, "true_labels", n=n)
        indices = np.arange(n)
        if self.indices is not None:
            indices = _arguments.positions(self.indices, n=n)
        if self.masks is not None:
            _arguments.masks(self.masks, images.shape[:3])
        n_classes = int(max(labels.max(), true.max())) + 1
        if self.n_classes is not None:
            n_classes = number(self.n_classes, "n_classes", 1, whole=True)
            _arguments.labels(labels, classes=n_classes)
            _arguments.labels(true, "true_labels", classes=n_classes)
        # The dataclass is frozen for its users, not for its own constructor.
        put = object.__setattr__
        put(self, "labels", labels)
        put(self, "true_labels", true)
        put(self, "indices", indices.astype(np.int64, copy=False))
        put(self, "n_classes", n_classes)

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[np.ndarray]:
        yield self.images
        yield self.labels

    def __repr__(self) -> str:
        _, h, w, c = self.images.shape
        wrong = int((self.labels != self.true_labels).sum())
        noise = f", {wrong} labels changed" if wrong else ""
        return (
            f"Part({len(self):,} images, {h}x{w}x{c}, {self.n_classes} classes{noise})"
        )

    def take(self, indices: np.ndarray) -> Part:
        """Return the images at these positions, in this order.

        Parameters
        ----------
        indices : array of int or of bool
            Positions, shape (M,), each from 0 to N-1; or a bool for each
            image, shape (N,).

        Returns
        -------
        Part
            ``.indices`` still refers to the original split.

        Raises
        ------
        ValueError
            If nothing is chosen, or a position is out of range.

        Examples
        --------
        >>> from imgcls_helpers.data import load_dataset
        >>> part = load_dataset("digits").train
        >>> zeros = part.take(part.labels == 0)
        >>> set(zeros.labels.tolist())
        {0}
        """
        chosen = _arguments.positions(indices, rows=len(self))
        return Part(
            self.images[chosen],
            self.labels[chosen],
            self.true_labels[chosen],
            None if self.masks is None else self.masks[chosen],
            self.indices[chosen],
            self.n_classes,
        )

    def subset(self, n: int, seed: int = 0) -> Part:
        """Return ``n`` images with the classes in the same proportions.

        With the same seed a smaller subset lies inside a larger one, so that
        a learning curve over subsets only ever adds images. A class has its
        exact share to within one image; with ``n`` below the number of
        classes some classes are left out.

        Parameters
        ----------
        n : int
            Number of images, 1 to ``len(part)``.
        seed : int
            Which images; the same seed gives the same ones.

        Raises
        ------
        ValueError
            If ``n`` is larger than the part.

        Examples
        --------
        >>> import numpy as np
        >>> from imgcls_helpers.data import Part
        >>> labels = np.repeat([0, 1], [80, 20])
        >>> part = Part(np.zeros((100, 8, 8, 1), np.uint8), labels)
        >>> np.bincount(part.subset(20).labels).tolist()
        [16, 4]
        """
        n = number(n, "n", 1, len(self), whole=True)
        rng = np.random.RandomState(_arguments.seed(seed))
        # Image number r of the m images of its class stands at (r + 1/2) / m.
        # In the order of these places every beginning has all classes in
        # proportion; ties are broken by chance.
        place = np.empty(len(self))
        for label in np.unique(self.labels):
            members = np.flatnonzero(self.labels == label)
            place[rng.permutation(members)] = (np.arange(len(members)) + 0.5) / len(
                members
            )
        order = np.lexsort((rng.permutation(len(self)), place))
        return self.take(rng.permutation(order[:n]))

    def imbalanced(
        self, shares: Mapping[int, float] | Sequence[float], seed: int = 0
    ) -> Part:
        """Return a part in which some classes keep only a share of their images.

        Parameters
        ----------
        shares : mapping or sequence
            Share of its images that each class keeps, above 0 and at most 1:
            one number a class, or a mapping from class number to share in
            which classes that are not named keep all.
        seed : int
            Which images are kept.

        Raises
        ------
        ValueError
            If a share is out of range, a class does not exist, or a class
            would keep nothing.

        Examples
        --------
        >>> import numpy as np
        >>> from imgcls_helpers.data import Part
        >>> labels = np.repeat([0, 1, 2], 50)
        >>> part = Part(np.zeros((150, 8, 8, 1), np.uint8), labels)
        >>> np.bincount(part.imbalanced({0: 0.1, 2: 0.5}).labels).tolist()
        [5, 50, 25]
        """
        k = self.n_classes
        if not isinstance(shares, Mapping):
            expected = (
                f"one number for each of the {k} classes, or a mapping from class "
                "number to share"
            )
            values = _arguments.numbers_of(shares, "shares", expected, (1,))
            if len(values) != k:
                refuse("shares", expected, shares)
            shares = dict(enumerate(values.tolist()))
        rng = np.random.RandomState(_arguments.seed(seed))
        chosen = []
        for label in shares:
            number(label, "a class number in shares", 0, k - 1, whole=True)
        for label in range(k):
            what = f"the share of class {label}"
            share = _arguments.share(shares.get(label, 1.0), what)
            members = rng.permutation(np.flatnonzero(self.labels == label))
            keep = math.floor(share * len(members) + 0.5)
            if len(members) and not keep:
                least = f"enough for one of its {len(members)} images"
                refuse(what, least, came=f"{share}", cure="Give a larger share.")
            chosen.append(members[:keep])
        return self.take(rng.permutation(np.concatenate(chosen)))

    def noisy(self, fraction: float, kind: str = "uniform", seed: int = 0) -> Part:
        """Return a part in which a fraction of the labels is wrong.

        Parameters
        ----------
        fraction : float
            Share of the labels to change, 0 to 1. Exactly
            ``round(fraction * N)`` labels change.
        kind : {"uniform", "next"}
            "uniform": to any other class, each as likely; "next": to the
            class with the next number, as when two classes are confused.
        seed : int
            Which labels change, and to what.

        Returns
        -------
        Part
            ``labels`` with the noise, ``true_labels`` as they were.

        Raises
        ------
        ValueError
            If the part has labels that were changed already, or one class.

        Examples
        --------
        >>> import numpy as np
        >>> from imgcls_helpers.data import Part
        >>> labels = np.repeat([0, 1, 2], 50)
        >>> part = Part(np.zeros((150, 8, 8, 1), np.uint8), labels).noisy(0.2)
        >>> int((part.labels != part.true_labels).sum())
        30
        """
        fraction = number(fraction, "fraction", 0, 1)
        one_of(kind, "kind", ("uniform", "next"))
        k = self.n_classes
        if k < 2:
            refuse("the part", "of two classes or more", came="one class")
        if changed := int((self.labels != self.true_labels).sum()):
            refuse(
                "the part",
                "without label noise",
                came=f"one with {changed} labels changed",
                cure="Start from the clean part.",
            )
        rng = np.random.RandomState(_arguments.seed(seed))
        order = rng.permutation(len(self))
        jumps = rng.randint(1, k, size=len(self), dtype=np.int64)
        if kind == "next":
            jumps[:] = 1
        chosen = order[: math.floor(fraction * len(self) + 0.5)]
        labels = self.labels.copy()
        labels[chosen] = (labels[chosen] + jumps[chosen]) % k
        return Part(self.images, labels, self.labels, self.masks, self.indices, k)
