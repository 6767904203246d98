"""Cross-validation of a Keras model."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imgcls_helpers._arguments import number, refuse
from imgcls_helpers._arguments import seed as seed_of
from imgcls_helpers._table import Shown, Table
from imgcls_helpers.data import Dataset, Part
from imgcls_helpers.evaluation._scores import accuracy, predict

if TYPE_CHECKING:
    from imgcls_helpers.training import Recipe, Spread

__all__ = ["CrossValidation", "cross_validate"]


@dataclass(frozen=True, eq=False, repr=False)
class CrossValidation(Shown):
    """What cross-validation found.

    Attributes
    ----------
    accuracies : tuple of float
        One a fold.
    spread : training.Spread
        Their mean and standard deviation. The folds share most of their training
        images, so the deviation is no measure of how sure the mean is.
    probabilities : float32 ndarray, shape (N, K)
        For each image, from the model that was trained without it.
    folds : int ndarray, shape (N,)
        The fold in which each image was held out.

    Examples
    --------
    >>> from imgcls_helpers import evaluation, training
    >>> accuracies = (0.75, 0.5)
    >>> p = np.full((8, 2), 0.5, np.float32)
    >>> folds = np.arange(8) % 2
    >>> spread = training.Spread(accuracies)
    >>> evaluation.CrossValidation(accuracies, spread, p, folds)
    Accuracy 62.5 ± 17.7%
    fold  images held out  accuracy
    0                   4     75.0%
    1                   4     50.0%
    """

    accuracies: tuple[float, ...]
    spread: Spread
    probabilities: np.ndarray
    folds: np.ndarray

    def _tables(self) -> list[Table]:
        sizes = np.bincount(self.folds)
        rows = [
            (str(k), f"{size:,}", f"{value:.1%}")
            for k, (size, value) in enumerate(zip(sizes, self.accuracies, strict=True))
        ]
        head = ("fold", "images held out", "accuracy")
        return [Table(f"Accuracy {self.spread:.1%}", head, rows)]


def cross_validate(
    build: Callable[..., Any],
    part: Part,
    *,
    folds: int = 5,
    recipe: Recipe | None = None,
    seed: int = 0,
) -> CrossValidation:
    """Train and test a Keras model on each of several stratified folds.

    The images are dealt into folds with the classes in the same proportions. For each
    fold a fresh model is built, trained by `training.fit` on the other folds, and
    tested on this one.

    Parameters
    ----------
    build : callable
        Returns a new model, uint8 in and logits out. If it takes an argument, that is
        the training part of the fold: what is computed from images (the filters of a
        stem, a mean) must come from there alone.
    part : data.Part
    folds : int
        2 or more, and no more than the images of the rarest class.
    recipe : training.Recipe, optional
        Default: ``training.Recipe()``.
    seed : int
        Of the folds; fold number k is trained with seed + k.

    Returns
    -------
    CrossValidation
        Shows itself as a table.

    Raises
    ------
    ValueError
        If `part` is not a part of a data set, a class has fewer images than there are
        folds, or `build` returns a model that was trained in another fold.

    Examples
    --------
    >>> import keras
    >>> from imgcls_helpers import data, evaluation, training
    >>> part = data.load_dataset("digits").train.subset(100)
    >>> def build():
    ...     return keras.Sequential([
    ...         keras.Input((8, 8, 1)), keras.layers.Rescaling(1 / 16),
    ...         keras.layers.Flatten(), keras.layers.Dense(10)])
    >>> found = evaluation.cross_validate(
    ...     build, part, folds=2, recipe=training.Recipe(epochs=1))
    >>> len(found.accuracies), found.probabilities.shape
    (2, (100, 10))
    """
    from sklearn.model_selection import StratifiedKFold

    from imgcls_helpers import runtime, training

    if not isinstance(part, Part):
        cure = "Put images and labels together: data.Part(images, labels)."
        if isinstance(part, Dataset):
            cure = "Use `part.train`: the test images are for the end."
        refuse("part", "a data.Part, images with labels", part, cure=cure)
    folds, seed = number(folds, "folds", 2, whole=True), seed_of(seed)
    counts = np.bincount(part.labels)
    few = np.flatnonzero((counts > 0) & (counts < folds))
    if few.size:
        refuse(
            "folds",
            "at most the images of the rarest class",
            came=f"{folds} folds, and {counts[few[0]]} images of class {few[0]}",
        )
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    fold_of = np.empty(len(part), np.intp)
    probabilities: np.ndarray | None = None
    accuracies: list[float] = []
    seen: list[Any] = []
    rows = np.arange(len(part))
    for k, (others, held_out) in enumerate(splitter.split(rows, part.labels)):
        learn, judge = part.take(others), part.take(held_out)
        runtime.set_seed(seed + k)
        model = build(learn) if _takes_argument(build) else build()
        if any(model is earlier for earlier in seen):
            refuse(
                "build",
                "a function that returns a new model each time",
                came="one that has been trained on the images that are to test it",
            )
        seen.append(model)
        training.fit(model, learn, recipe, seed=seed + k, progress=False)
        found = predict(model, judge.images)
        if probabilities is None:
            probabilities = np.empty((len(part), found.shape[1]), np.float32)
        probabilities[held_out], fold_of[held_out] = found, k
        accuracies.append(accuracy(judge.labels, found))
    assert probabilities is not None  # there are two folds at least
    spread = training.Spread(accuracies)
    return CrossValidation(tuple(accuracies), spread, probabilities, fold_of)


def _takes_argument(build: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(build).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(
        p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        for p in parameters
    )
