"""Training in one call."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

# Imported before Keras: it picks the Keras backend.
from imgcls_helpers import _arguments, backend
from imgcls_helpers._arguments import number, one_of, refuse
from imgcls_helpers.data import Part
from imgcls_helpers.training._batches import Batches
from imgcls_helpers.training._history import DivergenceError, History
from imgcls_helpers.training._identity import identity_of
from imgcls_helpers.training._outputs import loss_of
from imgcls_helpers.training._recipe import Recipe
from imgcls_helpers.training._setup import (
    as_part,
    check_model,
    classes_of,
    first_look,
    recipe_or_default,
)
from imgcls_helpers.training._shared import compiled_once
from imgcls_helpers.training._store import Store
from imgcls_helpers.training._watch import MONITORS, Line, Watch, own_random_numbers

# isort: split
import keras


def fit(
    model: keras.Model,
    train: Part | tuple[np.ndarray, np.ndarray],
    recipe: Recipe | None = None,
    *,
    validation: Part | tuple[np.ndarray, np.ndarray] | None = None,
    patience: int | None = None,
    monitor: str = "val_loss",
    checkpoint: str | os.PathLike | None = None,
    seed: int = 0,
    progress: bool = True,
    steps_per_execution: int | None = None,
    loss: Any = None,
    on_divergence: str = "raise",
) -> History:
    """Compile and train a model; return what the training recorded.

    Afterwards the model is compiled with the recipe's optimizer at a constant rate,
    `recipe.learning_rate`, and with nothing that is not Keras's own: what
    ``model.save`` writes, ``keras.models.load_model`` reads without this package.

    Parameters
    ----------
    model : keras.Model
        Raw uint8 images (N, H, W, C) in, logits (N, K) out. Changed in place.
    train : Part, or (images, labels)
        uint8 images (N, H, W, C), class numbers (N,).
    recipe : Recipe, optional
        Default: ``Recipe()``.
    validation : Part, or (images, labels), optional
        Judged after each epoch. Never the test set: what is chosen by looking at it
        is no longer tested by it.
    patience : int, optional
        Stop after this many epochs in a row without a better `monitor`, and go back to
        the weights of the best epoch (also when the epochs run out). Needs
        `validation`.
    monitor : str
        "val_loss" or "val_accuracy".
    checkpoint : path, optional
        Folder for the state after each epoch. The same call with the same folder goes
        on where a training was killed, and ends with the same weights as one that
        was not. Same are the layers with all their settings and what is frozen, the
        recipe, the loss, the data, the seed and Keras's backend; the first weights come
        from the folder. Own functions count by their code, by the values that they
        enclose, and by the global functions and names in capitals that they use; own
        objects by the code of their class and their attributes.
    seed : int
        For the order of the images and for augmentation. The first weights come from
        the model; seed them with `runtime.set_seed` before building it.
    progress : bool
        Show one line that is updated.
    steps_per_execution : int, optional
        Steps between two looks of Keras at its callbacks. Default: 16, with PyTorch,
        which takes no other, 1.
    loss : Keras loss, optional
        Takes one-hot labels (N, K) and the model's output. Default: categorical
        cross-entropy of logits with the recipe's label smoothing. With a loss that
        takes probabilities, the model is to end in a softmax.
    on_divergence : str
        When the loss becomes NaN or infinite: "raise", or "stop" and keep the cause in
        ``history.stopped``.

    Returns
    -------
    History

    Raises
    ------
    DivergenceError
        If the loss becomes NaN or infinite.
    CheckpointError
        If `checkpoint` belongs to another training, or cannot be read or written.
    ValueError
        If an argument is not as described, the model gives probabilities where the loss
        takes logits or the other way round, or there is NaN before the first step.

    Examples
    --------
    >>> from imgcls_helpers import data, models
    >>> digits = data.load_dataset("digits")
    >>> model = models.fast_net((8, 8, 1), width=8)
    >>> recipe = Recipe(epochs=2, batch_size=64)
    >>> history = fit(model, digits.train, recipe, progress=False)
    >>> history.epochs, len(history["loss"])
    (2, 2)
    """
    started = (time.perf_counter(), time.process_time())
    recipe = recipe_or_default(recipe)
    one_of(monitor, "monitor", tuple(MONITORS))
    one_of(on_divergence, "on_divergence", ("raise", "stop"))
    if patience is not None:
        number(patience, "patience", 1, whole=True)
        if validation is None:
            refuse(
                "patience",
                "left out where there is no validation data",
                patience,
                cure="Pass validation=.",
            )
    if checkpoint is not None:
        checkpoint = _arguments.path(checkpoint, "checkpoint")
    seed = _arguments.seed(seed)
    check_model(model)
    loss = loss_of(loss, recipe.label_smoothing)
    train = as_part(train, "train", model)
    if validation is not None:
        validation = as_part(validation, "validation", model)
    history, line = History(), Line() if progress else None
    classes = classes_of(model, train.images)
    first_look(model, train, loss, classes=classes)
    _arguments.TRAINED_ON_BYTES.add(model)

    batches = Batches(
        train.images,
        train.labels,
        batch_size=recipe.batch_size,
        augment=recipe.augment,
        classes=classes,
        seed=seed,
    )
    store, state = None, None
    if checkpoint is not None:
        identity = identity_of(
            model,
            recipe,
            train,
            validation,
            seed=batches.seed,
            loss=loss,
            monitor=monitor,
            patience=None if patience is None else int(patience),
        )
        store = Store(checkpoint, identity)
        state = store.read()
    if state is not None:
        history = state["history"]
    watch = Watch(history, recipe, monitor, patience, store, line, started)
    watch.batches = batches

    steps = len(batches)
    rate = recipe.rate(steps * recipe.epochs)
    options = {
        "loss": loss,
        "metrics": ["accuracy"],
        "steps_per_execution": _steps_per_execution(steps_per_execution, steps),
    }

    def compile_it(model: keras.Model) -> None:
        model.compile(optimizer=recipe.make_optimizer(model, rate), **options)
        model.optimizer.build(model.trainable_variables)

    compile_it(model)
    if store is not None and state is not None:
        if store.best is not None:
            store.load(model, store.best)
            watch.best_weights = model.get_weights()
        store.load(model, state["weights"])
    if history.epochs < recipe.epochs and history.stopped is None:
        judged = None
        if validation is not None:
            judged = Batches(
                validation.images,
                validation.labels,
                batch_size=max(recipe.batch_size, 500),
                classes=classes,
                shuffle=False,
            )
        try:
            per_execution = options["steps_per_execution"]
            with (
                own_random_numbers(),
                compiled_once(model, compile_it, steps=per_execution) as trained,
            ):
                trained.fit(
                    batches,
                    epochs=recipe.epochs,
                    initial_epoch=history.epochs,
                    validation_data=judged,
                    callbacks=[watch],
                    # Keras would shuffle the batches with Python's random numbers.
                    shuffle=False,
                    verbose=0,
                )
        finally:
            watch.clock()
            watch.close()
            _end_schedule(model, recipe, rate, options)
    else:
        watch.close()
        _end_schedule(model, recipe, rate, options)
    if watch.diverged and on_divergence == "raise":
        raise DivergenceError(watch.diverged, history)
    if watch.best_weights is not None:
        model.set_weights(watch.best_weights)
    return history


def _end_schedule(
    model: keras.Model, recipe: Recipe, rate: Any, options: dict[str, Any]
) -> None:
    """Leave the optimizer with a rate that stays, and all else as it is.

    The schedule has come to its end, so whoever trains on would do so at a rate of 0.
    And `OneCycle` is not Keras's own: a model saved with it could not be loaded by a
    program that has only Keras.
    """
    if not isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        return
    before = [v for v in model.optimizer.variables if "learning_rate" not in v.path]
    optimizer = recipe.make_optimizer(model, recipe.learning_rate)
    model.compile(optimizer=optimizer, **options)
    model.optimizer.build(model.trainable_variables)
    after = [v for v in model.optimizer.variables if "learning_rate" not in v.path]
    for variable, value in zip(after, before, strict=True):
        variable.assign(value)


def _steps_per_execution(wanted: int | None, steps: int) -> int:
    if backend.name() == "torch":
        if wanted not in (None, 1):
            refuse(
                "steps_per_execution",
                "1 with PyTorch, which takes no other",
                wanted,
                cure="Leave it out.",
            )
        return 1
    if wanted is None:
        return min(16, steps)
    number(wanted, "steps_per_execution", 1, whole=True)
    return min(wanted, steps)
