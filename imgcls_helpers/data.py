"""Where images come from: the data sets of the book and your own folders.

Every function here returns the same two types. A `Dataset` has three parts,
``train``, ``validation`` and ``test``; a `Part` holds images (uint8, one
picture a row, channels last) and their labels. Random choices are made by
`numpy.random.RandomState`, whose streams never change, so that a seed gives
the same split on every machine and with every version of NumPy.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import html
import importlib
import io
import math
import os
import socket
import tempfile
import textwrap
import threading
import urllib.error
import urllib.request
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

# Imported for its effect: it picks the Keras backend before Keras is imported.
from imgcls_helpers import (
    _arguments,
    backend,  # noqa: F401
)
from imgcls_helpers._arguments import number, one_of, refuse
from imgcls_helpers._turns import one_at_a_time
from imgcls_helpers.shapes import CLASS_NAMES, make_shapes

__all__ = [
    "DataUnavailableError",
    "Dataset",
    "Part",
    "load_dataset",
    "load_image_folder",
    "split_indices",
]

_PROBE_SECONDS = 5.0  # how long to wait for the first answer of a server
_SOCKET_SECONDS = 30.0  # how long a download may stand still
_MD5 = 32  # digits
# The disk is full, the folder cannot be written, or a file stands in its place.
_NO_ROOM = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.EISDIR,
)


class DataUnavailableError(RuntimeError):
    """A data set is not on this machine and cannot be downloaded now.

    Examples
    --------
    >>> try:
    ...     images = load_dataset("mnist").train.images
    ... except DataUnavailableError:
    ...     images = load_dataset("digits").train.images
    >>> images.shape[1:] in ((28, 28, 1), (8, 8, 1))
    True
    """


# --------------------------------------------------------------------------
# Part and Dataset
# --------------------------------------------------------------------------


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


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A data set in three parts, with what is known about it.

    Attributes
    ----------
    name : str
        Name as `load_dataset` knows it, or the folder's name.
    train, validation, test : Part
        ``validation`` is None where none was asked for, and so is ``test``.
    class_names : tuple of str
        Name of each class, by class number.
    source : str
        Where the images came from.
    licence : str
        Under which terms, as far as known.
    notice : str
        What a reader must know: that this is a fallback, that the files were
        not checked against the original. Empty if there is nothing to say.
    skipped : tuple of (str, str)
        Path and reason of each file that `load_image_folder` left out.

    Examples
    --------
    >>> dataset = load_dataset("digits")
    >>> dataset.name, dataset.class_names[:3], len(dataset.test)
    ('digits', ('0', '1', '2'), 359)
    """

    name: str
    train: Part
    # None where there is none. With Any, whoever knows that there is one need not say so.
    validation: Part | Any
    test: Part | Any
    class_names: tuple[str, ...]
    source: str = ""
    licence: str = ""
    notice: str = ""
    skipped: tuple[tuple[str, str], ...] = ()

    def _rows(self) -> list[tuple[str, str]]:
        parts = [
            f"{len(part):,} {what}"
            for what, part in (
                ("train", self.train),
                ("validation", self.validation),
                ("test", self.test),
            )
            if part is not None
        ]
        h, w, c = self.train.images.shape[1:]
        colour = "grey" if c == 1 else "colour"
        names = ", ".join(self.class_names[:10])
        if len(self.class_names) > 10:
            names += ", ..."
        rows = [
            ("Images", ", ".join(parts)),
            ("Size", f"{h} x {w} pixels, {colour}"),
            ("Classes", f"{len(self.class_names)}: {names}"),
            ("Source", self.source),
            ("Licence", self.licence),
        ]
        if self.skipped:
            some = "; ".join(f"{path}: {reason}" for path, reason in self.skipped[:5])
            more = "; ..." if len(self.skipped) > 5 else ""
            rows.append(("Left out", f"{len(self.skipped)} files: {some}{more}"))
        if self.notice:
            rows.insert(0, ("Notice", self.notice))
        return [(key, value) for key, value in rows if value]

    def __repr__(self) -> str:
        lines = [
            textwrap.fill(
                value, 72, initial_indent=f"  {key:<8} ", subsequent_indent=" " * 11
            )
            for key, value in self._rows()
        ]
        return "\n".join([f"Dataset {self.name!r}", *lines])

    def _repr_html_(self) -> str:
        cells = "".join(
            f'<tr><th scope="row" style="text-align:left;vertical-align:top">{key}</th>'
            f'<td style="text-align:left;white-space:normal;overflow-wrap:anywhere">'
            f"{'<strong>' if key == 'Notice' else ''}{html.escape(value)}"
            f"{'</strong>' if key == 'Notice' else ''}</td></tr>"
            for key, value in self._rows()
        )
        return (
            '<table class="imgcls-dataset"><caption style="text-align:left">'
            f"Data set <strong>{html.escape(self.name)}</strong></caption>"
            f"<tbody>{cells}</tbody></table>"
        )


# --------------------------------------------------------------------------
# Splits
# --------------------------------------------------------------------------


def split_indices(
    labels: np.ndarray, fractions: Sequence[float], seed: int = 0
) -> list[np.ndarray]:
    """Split positions at random into parts with the same class proportions.

    Parameters
    ----------
    labels : array of int
        Class of each example, shape (N,).
    fractions : sequence of float
        Size of each part as a share of the whole; they add up to 1.
    seed : int
        The same seed gives the same split, on every machine.

    Returns
    -------
    list of numpy.ndarray
        One array of positions a part, int64, in random order. Together they
        hold every position once. Each class has its share in each part to
        within one example, and one example at least.

    Raises
    ------
    ValueError
        If a class has fewer examples than there are parts.

    Examples
    --------
    >>> labels = np.repeat([0, 1], [80, 20])
    >>> train, test = split_indices(labels, [0.75, 0.25], seed=0)
    >>> np.bincount(labels[train]).tolist(), np.bincount(labels[test]).tolist()
    ([60, 15], [20, 5])
    """
    labels = _arguments.labels(labels)
    shares = _arguments.numbers_of(fractions, "fractions", "shares of the whole", (1,))
    for share in shares:
        _arguments.share(share, "each of fractions")
    if abs(shares.sum() - 1) > 1e-6:
        came = f"{shares.tolist()}, which add up to {shares.sum():.6g}"
        refuse("fractions", "shares that add up to 1", came=came)
    rng = np.random.RandomState(_arguments.seed(seed))
    parts: list[list[np.ndarray]] = [[] for _ in shares]
    owed = np.zeros(len(shares))  # what each part is short of its exact size
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        n = len(members)
        if n < len(shares):
            refuse(
                "labels",
                f"{len(shares)} of each class or more, one for each part",
                came=f"{n} of class {label}",
                cure="Add examples, or ask for fewer parts.",
            )
        # One example at least in each part; those left over by rounding down go
        # to the parts that are furthest behind.
        exact = n * shares
        owed += exact
        sizes = np.maximum(np.floor(exact + 1e-9), 1)
        while sizes.sum() < n:
            sizes[np.argmax(np.where(sizes < exact - 1e-9, owed - sizes, -np.inf))] += 1
        while sizes.sum() > n:
            sizes[np.argmax(sizes)] -= 1
        owed -= sizes
        cuts = np.cumsum(sizes)[:-1].astype(int)
        for part, chunk in zip(parts, np.split(members, cuts), strict=True):
            part.append(chunk)
    return [rng.permutation(np.concatenate(part)).astype(np.int64) for part in parts]


def _cut(part: Part, fraction: float, seed: int) -> tuple[Part, Part | None]:
    """Split off a validation part of this fraction; None where it is 0."""
    if fraction == 0:
        return part, None
    rest, held = split_indices(part.labels, (1 - fraction, fraction), seed)
    return part.take(rest), part.take(held)


# --------------------------------------------------------------------------
# The data sets of the book
# --------------------------------------------------------------------------

_STORAGE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_CIFAR = "https://www.cs.toronto.edu/~kriz/"


@dataclass(frozen=True)
class _Known:
    """What is known beforehand about a data set that is downloaded."""

    title: str
    shape: tuple[int, int, int]
    classes: str  # their names in order, with commas between them
    licence: str
    url: str  # a file that the download begins with
    megabytes: int
    # Files that Keras leaves in its cache, each with the sha256 of the original,
    # which Keras checks, or the md5, where it checks nothing.
    cached: Mapping[str, str]

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(self.classes.split(", "))


_KNOWN = {
    "mnist": _Known(
        "MNIST",
        (28, 28, 1),
        "0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
        "CC BY-SA 3.0 (LeCun, Cortes and Burges)",
        _STORAGE + "mnist.npz",
        11,
        {
            "mnist.npz": (
                "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
            )
        },
    ),
    "fashion_mnist": _Known(
        "Fashion-MNIST",
        (28, 28, 1),
        (
            "T-shirt/top, trouser, pullover, dress, coat, sandal, shirt, "
            "sneaker, bag, ankle boot"
        ),
        "MIT (Zalando SE)",
        _STORAGE + "train-labels-idx1-ubyte.gz",
        30,
        # As its authors give it: github.com/zalandoresearch/fashion-mnist.
        {
            f"fashion-mnist/{name}-ubyte.gz": md5
            for name, md5 in (
                ("train-labels-idx1", "25c81989df183df01b3e8a0aad5dffbe"),
                ("train-images-idx3", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
                ("t10k-labels-idx1", "bb300cfdad3c16e7a12a480ee83cd310"),
                ("t10k-images-idx3", "bef4ecab320f06d8554ea6380940ec79"),
            )
        },
    ),
    "cifar10": _Known(
        "CIFAR-10",
        (32, 32, 3),
        "airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck",
        "none stated; cite Krizhevsky (2009)",
        _CIFAR + "cifar-10-python.tar.gz",
        170,
        {
            "cifar-10-batches-py-target_archive": (
                "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
            )
        },
    ),
    "cifar100": _Known(
        "CIFAR-100",
        (32, 32, 3),
        (
            "apple, aquarium fish, baby, bear, beaver, bed, bee, beetle, "
            "bicycle, bottle, bowl, boy, bridge, bus, butterfly, camel, can, "
            "castle, caterpillar, cattle, chair, chimpanzee, clock, cloud, "
            "cockroach, couch, crab, crocodile, cup, dinosaur, dolphin, "
            "elephant, flatfish, forest, fox, girl, hamster, house, kangaroo, "
            "keyboard, lamp, lawn mower, leopard, lion, lizard, lobster, man, "
            "maple tree, motorcycle, mountain, mouse, mushroom, oak tree, "
            "orange, orchid, otter, palm tree, pear, pickup truck, pine tree, "
            "plain, plate, poppy, porcupine, possum, rabbit, raccoon, ray, "
            "road, rocket, rose, sea, seal, shark, shrew, skunk, skyscraper, "
            "snail, snake, spider, squirrel, streetcar, sunflower, sweet "
            "pepper, table, tank, telephone, television, tiger, tractor, train, "
            "trout, tulip, turtle, wardrobe, whale, willow tree, wolf, woman, "
            "worm"
        ),
        "none stated; cite Krizhevsky (2009)",
        _CIFAR + "cifar-100-python.tar.gz",
        169,
        {
            "cifar-100-python-target_archive": (
                "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"
            )
        },
    ),
}
DOWNLOADS = tuple(_KNOWN)
_ALWAYS = ("digits", "shapes")  # need no network
_KEYS = ("x_train", "y_train", "x_test", "y_test")
_Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def load_dataset(
    name: str,
    *,
    validation: float = 0.1,
    seed: int = 0,
    fallback: str | None = None,
) -> Dataset:
    """Load a data set of the book.

    The images are looked for in the folder that the environment variable
    IMGCLS_DATA names, as ``NAME.npz``; then in Keras's cache; then they are
    downloaded through ``keras.datasets``. With IMGCLS_OFFLINE=1 nothing is
    downloaded. In paths ``~`` is the home folder.

    Parameters
    ----------
    name : str
        "mnist", "fashion_mnist", "cifar10", "cifar100", or one of those that
        need no network: "digits" (scikit-learn's) and "shapes" (generated).
    validation : float
        Share of the training images to set aside for validation, at least 0
        and below 1. With 0 the validation part is None.
    seed : int
        Seed of the stratified split into training and validation.
    fallback : {"digits", "shapes"}, optional
        What to load instead when the images are out of reach. The data set's
        ``notice`` then says so.

    Returns
    -------
    Dataset
        Its test part is the data set's own.

    Raises
    ------
    DataUnavailableError
        If the images are out of reach and no fallback is named.
    ValueError
        If an argument or a file is not as it should be.

    Examples
    --------
    >>> dataset = load_dataset("shapes", validation=0.2)
    >>> len(dataset.train), len(dataset.validation), len(dataset.test)
    (8000, 2000, 2000)
    """
    one_of(name, "name", (*_KNOWN, *_ALWAYS))
    validation = number(validation, "validation", 0, 1, below=True)
    seed = _arguments.seed(seed)
    if fallback is not None:
        one_of(fallback, "fallback", _ALWAYS)
    if name == "shapes":
        return _load_shapes(validation, seed)
    if name == "digits":
        return _load_digits(validation, seed)
    known = _KNOWN[name]
    try:
        arrays, source, notice = _find(name, known)
    except DataUnavailableError:
        if fallback is None:
            raise
        found = load_dataset(fallback, validation=validation, seed=seed)
        notice = (
            f"{known.title} is out of reach here, so this is the data set "
            f"{fallback!r} instead. All results below are for {fallback!r}."
        )
        return dataclasses.replace(found, notice=notice)
    x_train, y_train, x_test, y_test = arrays
    k = len(known.class_names)
    train, held = _cut(Part(x_train, y_train, n_classes=k), validation, seed)
    return Dataset(
        name=name,
        train=train,
        validation=held,
        test=Part(x_test, y_test, n_classes=k),
        class_names=known.class_names,
        source=source,
        licence=known.licence,
        notice=notice,
    )


def _load_shapes(validation: float, seed: int) -> Dataset:
    k = len(CLASS_NAMES)
    made = []
    # The images themselves do not depend on `seed`, which is the split's.
    for n, made_with in ((10_000, 0), (2_000, 1)):
        images, labels, masks = make_shapes(n, made_with)
        made.append(Part(images, labels, masks=masks, n_classes=k))
    train, held = _cut(made[0], validation, seed)
    return Dataset(
        name="shapes",
        train=train,
        validation=held,
        test=made[1],
        class_names=CLASS_NAMES,
        source="generated by imgcls_helpers.shapes",
        licence="none needed: made by this program",
    )


def _load_digits(validation: float, seed: int) -> Dataset:
    from sklearn.datasets import load_digits

    found = load_digits()
    # Their pixels count 0 to 16.
    images = np.rint(found.images * (255 / 16)).astype(np.uint8)[..., None]
    whole = Part(images, found.target.astype(np.int64), n_classes=10)
    rest, test = split_indices(whole.labels, (0.8, 0.2), 0)
    train, held = _cut(whole.take(rest), validation, seed)
    return Dataset(
        name="digits",
        train=train,
        validation=held,
        test=whole.take(test),
        class_names=tuple("0123456789"),
        source="scikit-learn's copy of the UCI Optical Recognition of "
        "Handwritten Digits (Alpaydin and Kaynak), 8 x 8 pixels",
        licence="CC BY 4.0",
    )


def dataset_file(name: str) -> Path | None:
    """Return the file that `load_dataset` would read, if it is on this machine.

    Parameters
    ----------
    name : str
        A data set that is downloaded: "mnist", "fashion_mnist", "cifar10" or
        "cifar100".

    Returns
    -------
    Path or None
        None if `load_dataset` would first ask Keras for the data set.

    Raises
    ------
    ValueError
        If there is no such data set, or IMGCLS_DATA names no folder.

    Examples
    --------
    >>> found = dataset_file("mnist")
    >>> found is None or found.name == "mnist.npz"
    True
    """
    one_of(name, "name", DOWNLOADS)
    path = _folder_file(name)
    if path is None and _own_file(name).is_file():
        path = _own_file(name)
    return path


def _folder_file(name: str) -> Path | None:
    folder = _arguments.path_in("IMGCLS_DATA")
    if folder is None:
        return None
    if folder.stem in DOWNLOADS and folder.is_file():  # one of the files themselves
        folder = folder.parent
    if not folder.is_dir():
        refuse(
            "the environment variable IMGCLS_DATA",
            "a folder",
            came=f"{str(folder)!r}{', a file' if folder.is_file() else ''}",
            cure=f"Set it to the folder that holds {name}.npz, or unset it.",
        )
    path = folder / f"{name}.npz"
    return path if path.is_file() else None


def _own_file(name: str) -> Path:
    """Return where the copy of what Keras downloaded is kept."""
    return _keras_cache() / "imgcls" / f"{name}.npz"


def _find(name: str, known: _Known) -> tuple[_Arrays, str, str]:
    """Return the arrays of a data set, where they came from, and a notice."""
    path = _folder_file(name)
    if path is not None:
        # Not the path: it would stand on every page that shows the card.
        where = f"{path.name} in the folder that IMGCLS_DATA names"
        fix = f"Replace it by one with the arrays {', '.join(_KEYS)}."
        arrays = _read_npz(path, known, fix)
        return arrays, where, _folder_notice(path, known)
    cache = _keras_cache()
    own = _own_file(name)
    source = "downloaded by keras.datasets"
    if own.is_file():
        return _read_npz(own, known, "Delete it: it is made again."), source, ""
    cached, damage = _look_in_cache(cache, known)
    problem = "" if cached else _why_no_download(known)
    if not problem:
        try:
            arrays, notice = _keep(own, name, known, download=not cached)
            return arrays, source, notice
        except _KerasError as error:
            problem = f"{error}."
            if cached and error.damaged:
                files = ", ".join(str(cache / file) for file in known.cached)
                damage = f"What Keras has in its cache is damaged, delete it: {files}. "
    raise DataUnavailableError(
        f"{known.title} is not on this machine. {damage}{problem} There are three "
        f"ways out: connect to the network and try again ({known.megabytes} MB, "
        f"once); or put {name}.npz with the arrays {', '.join(_KEYS)} into a folder "
        "and set the environment variable IMGCLS_DATA to that folder; or take a data "
        f"set that needs no network: load_dataset({name!r}, fallback='shapes') or "
        "fallback='digits'."
    )


def _folder_notice(path: Path, known: _Known) -> str:
    """Say what is not certain about a file from the reader's own folder."""
    note = path.with_suffix(".txt")
    if note.is_file():
        text = note.read_text("utf-8", "replace").strip()
        if text:
            return text.splitlines()[0].strip()
    original = known.cached.get(path.name)
    if original and _digest(path) == original:
        return ""
    return (
        f"{path.name} was not checked against the original {known.title}: "
        "figures may differ from published ones."
    )


def _digest(path: Path, kind: str = "sha256") -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def _read_npz(path: Path, known: _Known, fix: str) -> _Arrays:
    """Read the four arrays; refuse a file that is broken or holds objects."""
    arrays, keys = [], ["one array without a name"]
    try:
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.lib.npyio.NpzFile):
            with file:
                keys = sorted(file.files)
                arrays = [file[key] for key in _KEYS if key in keys]
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        came = f"one that is broken or was cut short ({error})"
        refuse(str(path), "an npz archive", came=came, cure=fix)
    except ValueError as error:
        came = (
            "something else, or pickled objects, which are not read because they "
            f"could run code ({error})"
        )
        refuse(str(path), "an npz archive of numbers", came=came, cure=fix)
    if len(arrays) < len(_KEYS):
        expected = f"an npz archive with the arrays {', '.join(_KEYS)}"
        refuse(str(path), expected, came=", ".join(keys) or "nothing", cure=fix)
    return _as_arrays(arrays, known, str(path), fix)


def _as_arrays(
    arrays: Sequence[np.ndarray], known: _Known, where: str, fix: str = ""
) -> _Arrays:
    """Bring the four arrays to uint8 NHWC and int64 (N,), or refuse them."""
    h, w, c = known.shape
    wanted = f"(N, {h}, {w})" if c == 1 else f"(N, {h}, {w}, {c})"
    done = []
    for part in ("train", "test"):
        x, y = arrays[:2] if part == "train" else arrays[2:]
        came: Any = x
        name = f"x_{part} in {where}"
        if c == 1 and x.ndim == 3:
            x = x[..., None]
        if x.shape[1:] == (c, h, w):  # Keras set to channels first
            x = x.transpose(0, 2, 3, 1)
        if x.dtype != np.uint8 or x.shape[1:] != known.shape or not len(x):
            expected = f"uint8 of shape {wanted}, as in {known.title}"
            refuse(name, expected, came, cure=fix)
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        k = len(known.class_names)
        name = f"y_{part} in {where}"
        if y.dtype.kind not in "iu" or y.shape != (len(x),):
            refuse(name, f"whole numbers of shape ({len(x)},)", y, cure=fix)
        if y.min() < 0 or y.max() >= k:
            came = f"values from {y.min()} to {y.max()}"
            refuse(name, f"from 0 to {k - 1}", came=came, cure=fix)
        done += [np.ascontiguousarray(x), y.astype(np.int64)]
    x_train, y_train, x_test, y_test = done
    return x_train, y_train, x_test, y_test


def _keras_cache() -> Path:
    """Return the folder into which keras.datasets downloads."""
    base = _arguments.path_in("KERAS_HOME") or Path("~", ".keras").expanduser()
    with contextlib.suppress(OSError):  # as Keras does when it is imported
        base.mkdir(parents=True, exist_ok=True)
    if not os.access(base, os.W_OK):
        # Keras does the same where the home folder cannot be written.
        tmp = "/tmp" if Path("/tmp").is_dir() else tempfile.gettempdir()
        base = Path(tmp, ".keras")
    return base / "datasets"


def _look_in_cache(cache: Path, known: _Known) -> tuple[bool, str]:
    """Return whether Keras has its files already, and what is wrong with them.

    Keras's files of CIFAR are pickles. Keras unpacks them anew at each load,
    from an archive whose hash it checks; with another hash it would download.
    """
    if not all((cache / file).is_file() for file in known.cached):
        return False, ""
    for file, sha256 in known.cached.items():
        if len(sha256) != _MD5 and _digest(cache / file) != sha256:
            return False, f"{cache / file} is damaged (its sha256 differs). "
    return True, ""


def _why_no_download(known: _Known) -> str:
    if _arguments.switch("IMGCLS_OFFLINE"):
        return "IMGCLS_OFFLINE is set, so nothing was downloaded."
    problem = _probe(known.url)
    return "" if problem is None else f"{known.url} cannot be reached: {problem}."


def _keep(
    own: Path, name: str, known: _Known, *, download: bool
) -> tuple[_Arrays, str]:
    """Load through Keras, one process at a time, and keep a copy as npz.

    Chapters run side by side, and Keras downloads and unpacks into fixed
    places: two at once would read each other's half-written files. The copy
    is also some ten times faster to read than Keras's archive of CIFAR.
    """
    try:
        own.parent.mkdir(parents=True, exist_ok=True)
        own.with_suffix(".lock").touch()
    except OSError as error:
        raise _KerasError(_no_room(own.parent, error)) from error
    with one_at_a_time(own.with_suffix(".lock")):
        if own.is_file():  # another process was faster
            return _read_npz(own, known, "Delete it: it is made again."), ""
        if download:
            print(f"Downloading {known.title} ({known.megabytes} MB, once)", flush=True)
        arrays = _ask_keras(name, known)
        notice = _download_notice(own.parent.parent, known)
        if notice:  # not copied: beside the copy, nothing would tell any more
            return arrays, notice
        # Under its name the copy is whole or not there, whatever happens. It
        # only saves time, so a full disk is no reason to fail.
        half = own.with_suffix(".half.npz")
        try:
            named: dict[str, Any] = dict(zip(_KEYS, arrays, strict=True))
            np.savez(half, **named)
            half.replace(own)
        except OSError:
            half.unlink(missing_ok=True)
    return arrays, notice


def _no_room(folder: Path, error: OSError) -> str:
    """Say that Keras's cache takes no file, and what to do."""
    what = "make it a folder that you may write to"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        what = "make room on that disk"
    return (
        f"Nothing can be written to {folder}, where Keras keeps data sets "
        f"({error.strerror}): {what}, or set the environment variable KERAS_HOME to "
        "another folder"
    )


def _download_notice(cache: Path, known: _Known) -> str:
    """Say where files that Keras does not check differ from the original."""
    other = [
        Path(file).name
        for file, md5 in known.cached.items()
        if len(md5) == _MD5 and _digest(cache / file, "md5") != md5
    ]
    if not other:
        return ""
    return (
        f"The downloaded {', '.join(other)} differ from the original {known.title}: "
        "figures may differ from published ones."
    )


class _KerasError(Exception):
    """keras.datasets could not read or download; the message says why."""

    damaged = False  # whether files in its cache are the cause


def _ask_keras(name: str, known: _Known) -> _Arrays:
    """Let keras.datasets read its cache or download, with bounded waiting."""
    module = importlib.import_module(f"keras.datasets.{name}")
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SOCKET_SECONDS)
    try:
        # Keras's progress bar would leave hundreds of lines in a notebook.
        with contextlib.redirect_stdout(io.StringIO()):
            train, test = module.load_data()
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise _KerasError(_no_room(_keras_cache(), error)) from error
        raise _failed(name, error) from error
    except Exception as error:
        raise _failed(name, error) from error
    finally:
        socket.setdefaulttimeout(before)
    return _as_arrays((*train, *test), known, f"keras.datasets.{name}")


def _failed(name: str, error: Exception) -> _KerasError:
    text = str(error).strip() or type(error).__name__
    failed = _KerasError(f"keras.datasets.{name} failed: {text.rstrip('.')}")
    failed.damaged = True
    return failed


def _probe(url: str, seconds: float = _PROBE_SECONDS) -> str | None:
    """Return None if a server answers for ``url``, else what went wrong.

    Looking up a name can hang for minutes and takes no time limit, so the
    request runs in a thread that is left behind when time is up.
    """
    problem: list[str | None] = [f"no answer within {seconds:g} seconds"]

    def ask() -> None:
        request = urllib.request.Request(url, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=seconds):
                problem[0] = None
        except Exception as error:
            problem[0] = str(error) or type(error).__name__

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return problem[0]


# --------------------------------------------------------------------------
# A folder of your own pictures
# --------------------------------------------------------------------------

# Formats that Pillow decodes itself: EPS, for one, would start another program.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
_WHITE = (255, 255, 255)


def load_image_folder(
    folder: str | os.PathLike[str],
    size: int | tuple[int, int],
    *,
    resize: str = "crop",
    validation: float = 0.1,
    test: float = 0.2,
    seed: int = 0,
    mode: str = "rgb",
    max_pixels: int = 50_000_000,
) -> Dataset:
    """Load your own pictures from a folder that holds one folder a class.

    Pictures may differ in size and kind. Rotation noted by a camera is
    applied, transparent pixels become white, of an animation the first
    picture is taken. Files that cannot be read are left out and listed in
    ``skipped``. Names that begin with a dot are ignored.

    Parameters
    ----------
    folder : path
        Folder with the class folders; their sorted names are the class names.
    size : int or (int, int)
        Height and width of the images, in pixels; one number for a square.
    resize : {"crop", "pad", "stretch"}
        "crop": scale until the frame is full, cut off what sticks out;
        "pad": scale until the picture fits in, fill up with white;
        "stretch": scale both sides separately.
    validation, test : float
        Share of the pictures for each part. With 0 the part is None.
    seed : int
        Seed of the stratified split.
    mode : {"rgb", "grey"}
        Three channels or one.
    max_pixels : int
        Pictures with more pixels are left out before they are decoded: a
        small file can hold a picture that fills the memory.

    Returns
    -------
    Dataset
        ``indices`` of the parts count the pictures that were read, class by
        class, sorted by name.

    Raises
    ------
    ValueError
        If there are fewer than two class folders, if a class has no picture
        that can be read, or too few for the split.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("black", "white"):
    ...         Path(folder, name).mkdir()
    ...         for k in range(10):
    ...             picture = Image.new("RGB", (40 + k, 30), name)
    ...             picture.save(Path(folder, name, f"{k}.png"))
    ...     dataset = load_image_folder(folder, 16)
    >>> dataset.class_names, len(dataset.train), dataset.test.images.shape
    (('black', 'white'), 14, (4, 16, 16, 3))
    """
    root = _arguments.path(folder, "folder")
    if not root.is_dir():
        came, cure = repr(_readable(str(root))), ""
        if root.is_file():
            came, cure = f"{came}, a file", "If it is an archive, unpack it."
        refuse("folder", "an existing folder", came=came, cure=cure)
    height, width = _arguments.pair(size, "size", most=4096)
    one_of(resize, "resize", ("crop", "pad", "stretch"))
    one_of(mode, "mode", ("rgb", "grey"))
    max_pixels = number(max_pixels, "max_pixels", 1, whole=True)
    seed = _arguments.seed(seed)
    shares = [number(validation, "validation", 0, 1), number(test, "test", 0, 1)]
    if sum(shares) >= 1:
        refuse(
            "validation and test",
            "below 1 together, so that pictures are left to train on",
            came=f"{validation} and {test}",
        )
    skipped = []
    classes = []
    for path in sorted(root.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            classes.append(path)
        else:
            skipped.append((_readable(path.name), "lies outside the class folders"))
    names = [_readable(path.name) for path in classes]
    if len(classes) < 2:
        found = ", ".join(map(repr, names)) or "none"
        refuse(
            "folder",
            "one that holds a folder for each class, two at least",
            came=f"{_readable(str(root))!r}, with the folders: {found}",
        )
    images, labels = [], []
    for label, path in enumerate(classes):
        before = len(skipped)
        for file in sorted(path.iterdir()):
            if file.name.startswith("."):
                continue
            try:
                pixels = _read_picture(file, (height, width), resize, mode, max_pixels)
            except _UnreadableError as error:
                where = _readable(f"{path.name}/{file.name}")
                skipped.append((where, _readable(str(error))))
            else:
                images.append(pixels)
                labels.append(label)
        parts = 1 + sum(share > 0 for share in shares)
        count = labels.count(label)
        if count < parts:
            some = "; ".join(
                f"{name}: {reason}" for name, reason in skipped[before:][:3]
            )
            refuse(
                f"the class folder {names[label]!r}",
                f"one of {parts} pictures that can be read or more, one for each part",
                came=f"{count}",
                cure="Add pictures"
                + (", or set validation=0 or test=0." if parts > 1 and count else ".")
                + (f" Left out: {some}." if some else ""),
            )
    stack = np.stack(images)
    if mode == "grey":
        stack = stack[..., None]
    whole = Part(stack, np.array(labels, dtype=np.int64), n_classes=len(classes))
    fractions = [1 - sum(shares), *(share for share in shares if share)]
    pieces = iter(split_indices(whole.labels, fractions, seed))
    train = whole.take(next(pieces))
    held, tested = (whole.take(next(pieces)) if share else None for share in shares)
    title = _readable(root.resolve().name)
    return Dataset(
        name=title,
        train=train,
        validation=held,
        test=tested,
        class_names=tuple(names),
        source=f"pictures in the folder {title!r}",
        licence="not known: these are your own files",
        skipped=tuple(skipped),
    )


def _readable(name: str) -> str:
    """Replace the parts of a file's name that are no text, and so cannot be shown.

    On Linux a name may be any bytes; those that are not UTF-8 reach Python as
    halves of characters, which neither a terminal nor a page takes.
    """
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


class _UnreadableError(Exception):
    """A file is no picture that can be used; the message says why."""


def _read_picture(
    path: Path, size: tuple[int, int], resize: str, mode: str, max_pixels: int
) -> np.ndarray:
    """Read one picture as uint8, shape (H, W, 3) or, in grey, (H, W)."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    if path.is_dir():
        raise _UnreadableError("a folder inside a class folder is not read")
    if not path.is_file():  # a pipe would wait for ever, a link may lead nowhere
        raise _UnreadableError("not a file, or a link that leads nowhere")
    if path.stat().st_size == 0:
        raise _UnreadableError("the file is empty")
    try:
        with warnings.catch_warnings():
            # Pillow warns of large pictures; `max_pixels` decides here.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_FORMATS) as picture:
                pixels = picture.width * picture.height
                if pixels > max_pixels:
                    raise _UnreadableError(
                        f"{picture.width} x {picture.height} pixels are more than "
                        f"max_pixels = {max_pixels:,}"
                    )
                # Lets JPEG decode at a smaller scale, much faster, yet at twice
                # the size that is asked for.
                picture.draft("RGB", (2 * max(size), 2 * max(size)))
                return _to_array(ImageOps.exif_transpose(picture), size, resize, mode)
    except _UnreadableError:
        raise
    except UnidentifiedImageError:
        kinds = ", ".join(_FORMATS)
        raise _UnreadableError(f"not a picture of a known kind ({kinds})") from None
    except Image.DecompressionBombError:
        raise _UnreadableError(
            "so many pixels that it may have been made to fill the memory"
        ) from None
    except PermissionError:
        raise _UnreadableError("you may not read this file") from None
    except Exception as error:  # damaged files raise nearly anything
        text = str(error) or type(error).__name__
        raise _UnreadableError(f"damaged: {text}") from None


def _to_array(
    picture: Any, size: tuple[int, int], resize: str, mode: str
) -> np.ndarray:
    """Bring a Pillow picture of any mode to ``size`` and to uint8."""
    from PIL import Image, ImageOps

    if picture.mode == "F":
        raise _UnreadableError("floating point pixels have no known range")
    if picture.mode.startswith("I"):  # 16 bits a pixel
        values = np.asarray(picture).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise _UnreadableError("pixel values are more than 16 bits long")
        picture = Image.fromarray((values // 257).astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, (*_WHITE, 255))
        picture = Image.alpha_composite(ground, picture)
    picture = picture.convert("RGB")
    frame = (size[1], size[0])  # Pillow gives width first
    smooth = Image.Resampling.BICUBIC
    if resize == "crop":
        picture = ImageOps.fit(picture, frame, smooth)
    elif resize == "pad":
        scale = min(frame[0] / picture.width, frame[1] / picture.height)
        # ImageOps.pad would make a very long picture nought pixels high.
        sides = [max(1, round(scale * side)) for side in picture.size]
        whole = Image.new("RGB", frame, _WHITE)
        corner = (frame[0] - sides[0]) // 2, (frame[1] - sides[1]) // 2
        whole.paste(picture.resize(sides, smooth), corner)
        picture = whole
    else:
        picture = picture.resize(frame, smooth)
    if mode == "grey":
        picture = picture.convert("L")
    return np.asarray(picture)
