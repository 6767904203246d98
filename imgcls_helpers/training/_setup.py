"""What `fit` and `find_learning_rate` ask of model, data and loss beforehand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

# Imported before Keras: it picks the Keras backend.
from imgcls_helpers import _arguments, backend
from imgcls_helpers._arguments import refuse
from imgcls_helpers.data import Dataset, Part, one_hot
from imgcls_helpers.training._outputs import (
    check_outputs,
    kind_of_outputs,
    numbers_of,
    outputs_of,
)
from imgcls_helpers.training._recipe import Recipe

# isort: split
import keras

_LOOK = 32  # images that are looked at before the training


def recipe_or_default(recipe: Recipe | None) -> Recipe:
    recipe = Recipe() if recipe is None else recipe
    if not isinstance(recipe, Recipe):
        cure = ""
        if hasattr(recipe, "shape") or isinstance(recipe, list):
            cure = "Images and labels go together: fit(model, (images, labels))."
        refuse("recipe", "a training.Recipe", recipe, cure=cure)
    return recipe


def as_part(pair: Any, name: str, model: keras.Model) -> Part:
    """Return images and labels that fit the model and each other."""
    if isinstance(pair, Part):
        images, labels = pair.images, pair.labels
        names = f"{name}.images", f"{name}.labels"
    elif isinstance(pair, tuple | list) and len(pair) == 2:
        (images, labels), names = pair, (f"{name}[0]", f"{name}[1]")
    else:
        refuse(
            name,
            "a Part, as load_dataset gives it, or (images, labels)",
            pair,
            cure=_cure_of(pair, name),
        )
    images = _arguments.images_for(model, images, names[0], bytes_only=True)
    classes = classes_of(model, images)
    labels = _arguments.labels(labels, names[1], n=len(images), classes=classes)
    return pair if isinstance(pair, Part) else Part(images, labels)


def _cure_of(value: Any, name: str) -> str:
    if isinstance(value, Dataset):
        part = name if getattr(value, name, None) is not None else "train"
        return f"Use a part of the data set: `{name}.{part}`."
    if hasattr(value, "element_spec"):
        return _arguments.of_tf_data(value, name, labels=True)
    if isinstance(value, np.ndarray):
        return f"Images and labels go together: `({name}, labels)`."
    return ""


def check_model(model: keras.Model) -> None:
    if not isinstance(model, keras.Model):
        refuse("model", "a Keras model", model)
    if isinstance(model, keras.Sequential) and not model.built:
        refuse(
            "model",
            "one that has its weights",
            model,
            cure="Begin it with the shape of an image: keras.Input((32, 32, 3)).",
        )


def classes_of(model: keras.Model, images: np.ndarray) -> int:
    """Return how many classes a model tells apart."""
    try:
        shape = model.output_shape
    except (AttributeError, ValueError):  # a class of one's own: see what it gives
        shape = getattr(outputs_of(model, images[:1]), "shape", None)
    # TensorFlow's own kind of shape is no tuple.
    shape = shape if shape is None or isinstance(shape, list) else tuple(shape)
    if not isinstance(shape, tuple) or len(shape) != 2 or (shape[1] or 0) < 2:
        refuse(
            "model",
            "one that gives a row of K logits an image, K at least 2",
            came=f"outputs of shape {shape}",
            cure=_arguments.one_output(shape),
        )
    return shape[1]


def is_finite(tensor: Any) -> bool:
    return bool(np.isfinite(numbers_of(tensor)).all())


def first_look(model: keras.Model, part: Part, loss: Any, *, classes: int) -> None:
    """Refuse a model or a loss that cannot train, before any step is taken."""
    backend.warn_of_imitation(layer.compute_dtype for layer in model._flatten_layers())
    for layer in model.layers:
        for variable in layer.weights:
            if not is_finite(variable):
                refuse(
                    "model",
                    "one of finite weights",
                    came=f"NaN or infinity in {variable.path!r} before the training",
                    cure="Build the model again.",
                )
    few = slice(None, None, max(1, len(part) // _LOOK))
    images, labels = part.images[few][:_LOOK], part.labels[few][:_LOOK]
    outputs = outputs_of(model, images)
    if not is_finite(outputs):
        refuse(
            "model",
            "one of finite outputs",
            came="NaN or infinity before the training",
            cure="Does a layer divide by zero, or take the logarithm of zero?",
        )
    check_outputs(kind_of_outputs(model, images, numbers_of(outputs)), loss)
    value = loss(one_hot(labels, classes), outputs)
    value = float(keras.ops.convert_to_numpy(keras.ops.mean(value)))
    if not math.isfinite(value):
        refuse(
            "loss",
            "finite before the training, as the model's outputs are",
            came=str(value),
            cure="Does it take the logarithm of zero?",
        )
