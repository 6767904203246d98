"""The data sets of the book."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

# Imported for its effect: it picks the Keras backend before Keras is imported.
from imgcls_helpers import (
    _arguments,
    backend,  # noqa: F401
)
from imgcls_helpers._arguments import number, one_of
from imgcls_helpers.data import _download
from imgcls_helpers.data._dataset import Dataset
from imgcls_helpers.data._files import folder_file, folder_notice, read_npz
from imgcls_helpers.data._known import DOWNLOADS, KEYS, KNOWN, Arrays, Known
from imgcls_helpers.data._part import Part
from imgcls_helpers.data._splits import cut, split_indices
from imgcls_helpers.shapes import CLASS_NAMES, make_shapes

_ALWAYS = ("digits", "shapes")  # need no network


class DataUnavailableError(RuntimeError):
    """A data set is not on this machine and cannot be downloaded now.

    Examples
    --------
    >>> from imgcls_helpers.data import DataUnavailableError, load_dataset
    >>> try:
    ...     images = load_dataset("mnist").train.images
    ... except DataUnavailableError:
    ...     images = load_dataset("digits").train.images
    >>> images.shape[1:] in ((28, 28, 1), (8, 8, 1))
    True
    """


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
    >>> from imgcls_helpers.data import load_dataset
    >>> dataset = load_dataset("shapes", validation=0.2)
    >>> len(dataset.train), len(dataset.validation), len(dataset.test)
    (8000, 2000, 2000)
    """
    one_of(name, "name", (*KNOWN, *_ALWAYS))
    validation = number(validation, "validation", 0, 1, below=True)
    seed = _arguments.seed(seed)
    if fallback is not None:
        one_of(fallback, "fallback", _ALWAYS)
    if name == "shapes":
        return _load_shapes(validation, seed)
    if name == "digits":
        return _load_digits(validation, seed)
    known = KNOWN[name]
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
    train, held = cut(Part(x_train, y_train, classes=k), validation, seed)
    return Dataset(
        name=name,
        train=train,
        validation=held,
        test=Part(x_test, y_test, classes=k),
        class_names=known.class_names,
        source=source,
        licence=known.licence,
        notice=notice,
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
    >>> from imgcls_helpers.data import dataset_file
    >>> found = dataset_file("mnist")
    >>> found is None or found.name == "mnist.npz"
    True
    """
    one_of(name, "name", DOWNLOADS)
    path = folder_file(name)
    if path is None and _download.own_file(name).is_file():
        path = _download.own_file(name)
    return path


def place_of(name: str) -> Path | None:
    """Return the folder from which a data set is read, None where it is not here."""
    if file := dataset_file(name):
        return file.parent
    cache = _download.keras_cache()
    return cache if _download.look_in_cache(cache, KNOWN[name])[0] else None


def _load_shapes(validation: float, seed: int) -> Dataset:
    k = len(CLASS_NAMES)
    made = []
    # The images themselves do not depend on `seed`, which is the split's.
    for n, made_with in ((10_000, 0), (2_000, 1)):
        images, labels, masks = make_shapes(n, made_with)
        made.append(Part(images, labels, masks=masks, classes=k))
    train, held = cut(made[0], validation, seed)
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
    whole = Part(images, found.target.astype(np.int64), classes=10)
    rest, test = split_indices(whole.labels, (0.8, 0.2), 0)
    train, held = cut(whole.take(rest), validation, seed)
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


def _find(name: str, known: Known) -> tuple[Arrays, str, str]:
    """Return the arrays of a data set, where they came from, and a notice."""
    path = folder_file(name)
    if path is not None:
        # Not the path: it would stand on every page that shows the card.
        where = f"{path.name} in the folder that IMGCLS_DATA names"
        fix = f"Replace it by one with the arrays {', '.join(KEYS)}."
        arrays = read_npz(path, known, fix)
        return arrays, where, folder_notice(path, known)
    cache = _download.keras_cache()
    own = _download.own_file(name)
    source = "downloaded by keras.datasets"
    if own.is_file():
        return read_npz(own, known, "Delete it: it is made again."), source, ""
    cached, damage = _download.look_in_cache(cache, known)
    problem = "" if cached else _download.why_no_download(known)
    if not problem:
        try:
            arrays, notice = _download.keep(own, name, known, download=not cached)
            return arrays, source, notice
        except _download.KerasError as error:
            problem = f"{error}."
            if cached and error.damaged:
                files = ", ".join(str(cache / file) for file in known.cached)
                damage = f"What Keras has in its cache is damaged, delete it: {files}. "
    raise DataUnavailableError(
        f"{known.title} is not on this machine. {damage}{problem} There are three "
        f"ways out: connect to the network and try again ({known.megabytes} MB, "
        f"once); or put {name}.npz with the arrays {', '.join(KEYS)} into a folder "
        "and set the environment variable IMGCLS_DATA to that folder; or take a data "
        f"set that needs no network: load_dataset({name!r}, fallback='shapes') or "
        "fallback='digits'."
    )
