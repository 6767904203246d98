"""Which learning rate to begin with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

# Imported before Keras: it picks the Keras backend.
from imgcls_helpers import _arguments, backend  # noqa: F401
from imgcls_helpers._arguments import number, refuse
from imgcls_helpers.data import Part
from imgcls_helpers.training._batches import Batches
from imgcls_helpers.training._outputs import loss_of
from imgcls_helpers.training._recipe import Recipe
from imgcls_helpers.training._setup import (
    as_part,
    check_model,
    classes_of,
    first_look,
    recipe_or_default,
)
from imgcls_helpers.training._watch import begin_epoch, own_random_numbers

# isort: split
import keras


@dataclass(frozen=True)
class LearningRateSearch:
    """Losses at learning rates that rise from step to step.

    Attributes
    ----------
    rates : ndarray of float64, shape (S,)
    losses : ndarray of float64, shape (S,)
        Of each batch, before its step.
    smoothed : ndarray of float64, shape (S,)
        The losses averaged over the steps before, recent ones most.
    suggestion : float
        A tenth of the rate at which `smoothed` is lowest.

    Examples
    --------
    >>> rates, losses = np.array([0.01, 0.1, 1.0]), np.array([2.3, 1.9, 4.0])
    >>> LearningRateSearch(rates, losses, smoothed=losses, suggestion=0.01)
    LearningRateSearch(3 rates from 0.01 to 1, suggestion 0.01)
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float

    def __repr__(self) -> str:
        return (
            f"LearningRateSearch({len(self.rates)} rates from {self.rates[0]:.2g} to "
            f"{self.rates[-1]:.2g}, suggestion {self.suggestion:.2g})"
        )


class _Losses(keras.callbacks.Callback):
    """The loss of each batch, from Keras's mean over the epoch so far."""

    def __init__(self, steps: int, batches: Batches) -> None:
        super().__init__()
        self.steps, self.batches = steps, batches
        self.losses: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.total = 0.0
        begin_epoch(self.batches, epoch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        total = float(logs["loss"]) * (batch + 1)
        self.losses.append(total - self.total)
        self.total = total
        finite = math.isfinite(total)
        # Far above where it began, it only grows.
        away = not finite or self.losses[-1] > 10 * self.losses[0]
        if away or len(self.losses) == self.steps:
            self.model.stop_training = True


def find_learning_rate(
    model: keras.Model,
    train: Part | tuple[np.ndarray, np.ndarray],
    recipe: Recipe | None = None,
    *,
    low: float = 1e-4,
    high: float = 10.0,
    steps: int = 100,
    seed: int = 0,
    loss: Any = None,
) -> LearningRateSearch:
    """Train with a rate that rises by the same factor each step, and suggest one.

    The model's weights are put back afterwards; it stays compiled for the search.

    Parameters
    ----------
    model : keras.Model
        As for `fit`.
    train : Part, or (images, labels)
    recipe : Recipe, optional
        Its optimizer, batch size, weight decay, smoothing and augmentation are used.
    low, high : float
        First and last learning rate.
    steps : int
        How many steps, at least 10. Fewer are taken if the loss runs away.
    seed : int
        For the order of the images and for augmentation.
    loss : Keras loss, optional
        As for `fit`.

    Returns
    -------
    LearningRateSearch

    Raises
    ------
    ValueError
        If an argument is not as described, or the loss is never finite.

    Notes
    -----
    A network without normalization may learn next to nothing in so few steps: the
    curve of losses is then nearly flat, and the rate where it is lowest is a matter of
    chance, so look at `smoothed` before you trust `suggestion`.

    References
    ----------
    Smith, Cyclical learning rates for training neural networks, WACV 2017, section
    3.3.

    Examples
    --------
    >>> from imgcls_helpers import data, models
    >>> digits = data.load_dataset("digits")
    >>> model = models.fast_net((8, 8, 1), width=8)
    >>> found = find_learning_rate(model, digits.train, steps=20)
    >>> bool(0 < found.suggestion < 10)
    True
    """
    recipe = recipe_or_default(recipe)
    number(low, "low", 0, above=True)
    number(high, "high", low, above=True)
    number(steps, "steps", 10, whole=True)
    seed = _arguments.seed(seed)
    check_model(model)
    loss = loss_of(loss, recipe.label_smoothing)
    part = as_part(train, "train", model)
    classes = classes_of(model, part.images)
    first_look(model, part, loss, classes=classes)
    # Only whole batches, so that a mean over batches is a mean over images.
    size = min(recipe.batch_size, len(part))
    whole = len(part) // size * size
    order = np.random.default_rng(seed).permutation(len(part))[:whole]
    batches = Batches(
        part.images[order],
        part.labels[order],
        batch_size=size,
        augment=recipe.augment,
        classes=classes,
        seed=seed,
    )
    factor = (high / low) ** (1 / (steps - 1))
    # The state of dropout's random numbers too.
    before = [keras.ops.convert_to_numpy(v) for v in model.variables]
    variables = list(model.variables)
    rise = keras.optimizers.schedules.ExponentialDecay(low, 1, factor)
    model.compile(optimizer=recipe.make_optimizer(model, rise), loss=loss)
    found = _Losses(steps, batches)
    try:
        with own_random_numbers():
            model.fit(
                batches,
                epochs=math.ceil(steps / len(batches)),
                callbacks=[found],
                shuffle=False,
                verbose=0,
            )
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
    losses = np.array(found.losses)
    finite = np.isfinite(losses)
    if not finite.all():
        losses = losses[: finite.argmin()]
    if len(losses) < 2:
        refuse(
            "low",
            "a rate at which the loss stays finite",
            came=f"a loss that was not finite after the first step, at {low:.3g}",
            cure="Begin lower, or check that the model scales its images.",
        )
    rates = low * factor ** np.arange(len(losses))
    smoothed, mean = np.empty(len(losses)), 0.0
    for i, value in enumerate(losses):
        mean = 0.9 * mean + 0.1 * value
        smoothed[i] = mean / (1 - 0.9 ** (i + 1))
    suggestion = float(rates[smoothed.argmin()] / 10)
    return LearningRateSearch(rates, losses, smoothed, suggestion)
