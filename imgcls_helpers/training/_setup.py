"""What `fit` and `find_learning_rate` ask of model, data and loss beforehand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

# Imported before Keras: it picks the Keras backend.
from imgcls_helpers import augment
from imgcls_helpers.data import Part
from imgcls_helpers.training._recipe import Recipe

# isort: split
import keras


def recipe_or_default(recipe: Recipe | None) -> Recipe:
    recipe = Recipe() if recipe is None else recipe
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe must be a Recipe, not {type(recipe).__name__}.")
    return recipe


def loss_of(recipe: Recipe) -> keras.Loss:
    return keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=recipe.label_smoothing
    )


def as_part(pair: Any, name: str, classes: int, model: keras.Model) -> Part:
    if not isinstance(pair, Part):
        try:
            images, labels = pair
        except (TypeError, ValueError):
            raise TypeError(
                f"{name} must be a Part, as load_dataset gives it, or a pair (images, "
                f"labels), not {type(pair).__name__}."
            ) from None
        try:
            pair = Part(images, labels)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    if pair.labels.max() >= classes:
        raise ValueError(
            f"{name} has the label {pair.labels.max()}, but the model has {classes} "
            f"outputs, for the labels 0 to {classes - 1}."
        )
    wanted, found = model.input_shape[1:], pair.images.shape[1:]
    # None stands for any size.
    if len(wanted) != 3 or any(
        a not in (None, b) for a, b in zip(wanted, found, strict=True)
    ):
        raise ValueError(
            f"The model takes images of shape {wanted}, but those of {name} have shape "
            f"{found}."
        )
    return pair


def classes_of(model: keras.Model, loss: Any) -> int:
    if not isinstance(model, keras.Model):
        raise TypeError(f"model must be a Keras model, not {type(model).__name__}.")
    if not model.built:
        raise ValueError(
            "The model has no weights yet: begin it with keras.Input((32, 32, 3))."
        )
    shape = model.output_shape
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise ValueError(
            f"The model must give one row of logits an image, shape (N, K), but its "
            f"output has shape {shape}."
        )
    last = model.layers[-1]
    while isinstance(last, keras.Model) and last.layers:
        last = last.layers[-1]
    softmax = getattr(last, "activation", None) is keras.activations.softmax
    if loss is None and (softmax or isinstance(last, keras.layers.Softmax)):
        raise ValueError(
            "The model ends in a softmax, but fit expects logits and would apply "
            "softmax a second time. Leave the softmax out of the model, or pass a loss "
            "that expects probabilities."
        )
    return shape[1]


def is_finite(tensor: Any) -> bool:
    # NumPy cannot look for NaN in bfloat16.
    values = keras.ops.convert_to_numpy(tensor).astype("float32")
    return bool(np.isfinite(values).all())


def first_look(model: keras.Model, part: Part, loss: Any, classes: int) -> None:
    """Refuse a model or a loss that gives NaN before any step is taken."""
    for layer in model.layers:
        for variable in layer.weights:
            if not is_finite(variable):
                raise ValueError(
                    f"The weight {variable.path!r} has NaN or infinite values before "
                    "the training. Build the model again."
                )
    few = slice(0, 8)
    logits = model(part.images[few], training=False)
    value = loss(augment.one_hot(part.labels[few], classes), logits)
    value = float(keras.ops.convert_to_numpy(keras.ops.mean(value)))
    if not is_finite(logits):
        raise ValueError(
            "The model gives NaN or infinite outputs before the training. Does a layer "
            "divide by zero, or take the logarithm of zero?"
        )
    if not math.isfinite(value):
        raise ValueError(
            f"The loss is {value} before the training, though the model's outputs are "
            "finite. Does the loss take the logarithm of zero?"
        )
