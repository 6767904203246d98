"""What a model gives, and what a loss expects: logits or probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

# Imported before Keras: it picks the Keras backend.
from imgcls_helpers import backend  # noqa: F401
from imgcls_helpers._arguments import refuse

# isort: split
import keras

LOGITS, SOFTMAX, SIGMOID = "logits", "a softmax", "a sigmoid"


def numbers_of(tensor: Any) -> np.ndarray:
    # NumPy cannot compute with bfloat16.
    return keras.ops.convert_to_numpy(tensor).astype("float32")


def outputs_of(model: keras.Model, images: np.ndarray) -> Any:
    """Return what a model gives, as a tensor."""
    try:
        return model(images, training=False)
    except Exception as error:
        if model.built:
            raise
        refuse(
            "model",
            f"one that takes uint8 images of shape {images.shape[1:]}",
            came=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}",
            cure="Let it call keras.layers.Rescaling(1 / 255) first.",
        )


def kind_of_outputs(model: keras.Model, images: np.ndarray, first: np.ndarray) -> str:
    """Say what a model ends in, which gave `first` for these images.

    Logits may happen to look like probabilities. So where they do, the weights of a
    layer are changed by far for a moment: what a softmax or a sigmoid gives stays
    between 0 and 1 even then.
    """
    kind = _kind_of(first)
    if kind == LOGITS:
        return LOGITS
    rng = np.random.default_rng(0)
    layers = [layer for layer in model._flatten_layers() if hasattr(layer, "kernel")]
    for layer in reversed(layers):
        before = layer.get_weights()
        try:
            layer.set_weights([_far(rng, weight) for weight in before])
            then = numbers_of(outputs_of(model, images))
        finally:
            layer.set_weights(before)
        if np.isfinite(then).all() and not np.array_equal(first, then):
            return kind if _kind_of(then) == kind else LOGITS
    return kind if kind == SOFTMAX else LOGITS  # there is nothing to try it with


def _kind_of(rows: np.ndarray) -> str:
    if not (rows.min() >= 0 and rows.max() <= 1 + 1e-2):  # NaN is neither
        return LOGITS
    # Rows of bfloat16 sum to 1 less exactly.
    return SOFTMAX if np.abs(rows.sum(axis=1) - 1).max() < 1e-2 else SIGMOID


def _far(rng: np.random.Generator, weight: np.ndarray) -> np.ndarray:
    size = max(1.0, float(np.abs(weight.astype("float32")).max(initial=0)))
    return (10 * size * rng.standard_normal(weight.shape)).astype(weight.dtype)


# By the names of the functions; those of the classes are the same without the _.
_SPARSE = "sparsecategoricalcrossentropy"
_OF_PROBABILITIES = {
    "categoricalcrossentropy",
    "categoricalfocalcrossentropy",
    "binarycrossentropy",
    "binaryfocalcrossentropy",
    "kldivergence",
}


def loss_of(loss: Any, label_smoothing: float) -> Any:
    """Return a loss that takes one-hot labels; refuse everything else by name."""
    if loss is None:
        return keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=label_smoothing
        )
    try:
        found = keras.losses.get(loss)
    except (ValueError, TypeError):
        refuse("loss", "a Keras loss, its name, or a function of (true, given)", loss)
    if _name_of(found) == _SPARSE:
        refuse(
            "loss",
            "one that takes one-hot labels",
            came="one that takes class numbers",
            cure="fit makes them one-hot itself: leave loss out, or use "
            "`keras.losses.CategoricalCrossentropy(from_logits=True)`.",
        )
    return found


def _name_of(loss: Any) -> str:
    """Return the name of one of Keras's own losses in small letters, else nothing."""
    named = loss if hasattr(loss, "__name__") else type(loss)
    if not str(named.__module__).startswith("keras."):
        return ""
    return named.__name__.replace("_", "").lower()


def _expects(loss: Any) -> str | None:
    """Say what a loss expects; None if that is not known."""
    if _name_of(loss) not in _OF_PROBABILITIES:
        return None
    return LOGITS if getattr(loss, "from_logits", False) else "probabilities"


def check_outputs(kind: str, loss: Any) -> None:
    """Refuse outputs that the loss does not expect."""
    expects = _expects(loss)
    if kind == LOGITS and expects == "probabilities":
        refuse(
            "loss",
            "one that takes logits, as the model gives them",
            came="one that takes probabilities",
            cure=_of_logits(loss),
        )
    if kind != LOGITS and expects == LOGITS:
        plain = "Categorical" if kind == SOFTMAX else "Binary"
        own = "sigmoid" if "binary" in _name_of(loss) else "softmax"
        where = "a second time" if own in kind else "to what it gives"
        refuse(
            "model",
            "one that gives logits",
            came=f"one that ends in {kind}",
            cure=f"The loss would apply {own} {where}. Leave {kind[2:]} out of the "
            "model, or pass a loss that expects probabilities: "
            f"`keras.losses.{plain}Crossentropy()`.",
        )


def _of_logits(loss: Any) -> str:
    """Say which loss is to be used in place of one that expects probabilities."""
    if "kl" in _name_of(loss):
        return "Leave loss out, or end the model in a softmax."
    name = getattr(loss, "__name__", type(loss).__name__)
    if "_" in name:
        name = "".join(word.capitalize() for word in name.split("_"))
    return f"Leave loss out, or use `keras.losses.{name}(from_logits=True)`."
