"""What a `Network` is given: its shape, examples, labels and weights, checked."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from imgcls_helpers._arguments import (
    any_array,
    images_cure,
    labels,
    number,
    numbers_of,
    refuse,
)
from imgcls_helpers.scratch.layers import (
    BatchNormalization,
    Dropout,
    Flatten,
    Layer,
    Rescaling,
)


def shape_of_examples(shape: Any) -> tuple[int, ...]:
    """Return the shape of one example."""
    expected, cure = "the shape of one example, such as (28, 28, 1)", ""
    if isinstance(shape, numbers.Integral):
        cure = f"Use `({shape},)`."
    elif isinstance(shape, tuple | list) and len(shape) > 1 and shape[0] is None:
        cure = f"Leave out the number of examples: `{(*shape[1:],)}`."
    sizes = isinstance(shape, tuple | list) and len(shape) > 0
    if cure or not sizes:
        refuse("input_shape", expected, shape, cure=cure)
    found = tuple(number(n, "input_shape", 1, whole=True) for n in shape)
    if len(found) == 3 and found[0] in (1, 3) and found[1] == found[2] > 3:
        last = (*found[1:], found[0])
        refuse("input_shape", expected, shape, cure=f"Channels go last: `{last}`.")
    return found


def layer_cure(value: Any) -> str:
    """Say what stands for something that is no layer of this package."""
    if isinstance(value, type) and issubclass(value, Layer):
        return f"Call it: {value.__name__}(...)."
    if type(value).__module__.startswith("keras."):
        return f"Keras's own {type(value).__name__} is of another kind."
    if isinstance(value, str) or callable(value):
        name = value if isinstance(value, str) else getattr(value, "__name__", "relu")
        return f"Functions are wrapped: `scratch.Activation({name!r})`."
    return ""


def examples(value: Any, wanted: tuple[int, ...]) -> np.ndarray:
    """Return examples of the wanted shape as an array."""
    expected = f"numbers of shape ({', '.join(map(str, ('N', *wanted)))})"
    x = any_array(value, "x", expected, lambda: images_cure(value, "x", None))
    if x.dtype.kind not in "biuf":
        refuse("x", expected, value, cure=images_cure(value, "x", None))
    if x.ndim != len(wanted) + 1 or x.shape[1:] != wanted:
        code = "x" if type(value) is np.ndarray else "np.asarray(x)"
        refuse("x", expected, value, cure=_shape_cure(x, code, wanted))
    return x


def pixels(value: Any, wanted: tuple[int, ...], layers: Sequence[Layer]) -> np.ndarray:
    """Return examples; refuse pixels that are scaled twice, or not at all."""
    x = examples(value, wanted)
    scales = any(
        isinstance(layer, Rescaling | BatchNormalization)
        or not type(layer).__module__.startswith("imgcls_helpers.")  # who knows?
        for layer in layers
    )
    if x.dtype == np.uint8 and not scales and x.size and x.max() > 1:
        refuse(
            "x",
            "scaled to [0, 1], as no layer scales",
            value,
            cure="Let Rescaling(1 / 255) be the first layer, or use "
            "`np.asarray(x, dtype='float32') / 255`.",
        )
    first = layers[0]
    wants_bytes = isinstance(first, Rescaling) and 0 < first.scale <= 1 / 100
    if wants_bytes and _is_scaled(x):
        refuse(
            "x",
            "pixels from 0 to 255, which the layer Rescaling scales",
            came="values from 0 to 1",
            cure="Use `np.rint(np.asarray(x) * 255).astype('uint8')`, or leave the "
            "layer out.",
        )
    return x


def _is_scaled(x: np.ndarray) -> bool:
    """Say whether these are fractions from 0 to 1."""
    if x.dtype.kind != "f" or x.size == 0:
        return False
    return bool(x.min() >= 0 and x.max() <= 1 and (x % 1).any())  # not where NaN is


def ending(layers: Sequence[Layer]) -> str | None:
    """Return the activation in which a network ends."""
    for layer in reversed(layers):
        if not isinstance(layer, Dropout | Flatten):
            return getattr(layer, "activation", None)
    return None


def targets(y: Any) -> np.ndarray:
    """Return labels as an array; the loss decides which ones it takes."""
    if y is None:
        refuse("y", "an array, the labels of x", y)
    return any_array(y, "y", "an array without masked values, the labels of x")


def two(pair: Any) -> tuple[Any, Any]:
    """Return the pair that validation_data is."""
    try:
        x, y = pair
    except (TypeError, ValueError):
        refuse("validation_data", "a pair (x, y)", pair)
    return x, y


def weights_of(y: np.ndarray, of_classes: Any, of_examples: Any) -> np.ndarray | None:
    """Return the weight of each example, or None if all have the weight 1."""
    weights = None
    if of_examples is not None:
        each = f"{len(y)} numbers of 0 or more, one for each example"
        weights = numbers_of(of_examples, "sample_weight", each, (1,))
        if len(weights) != len(y) or weights.min() < 0:
            refuse("sample_weight", each, of_examples)
    if of_classes is None:
        return weights
    classes = labels(y[:, 0] if y.shape == (len(y), 1) else y, "y")
    each = "a number of 0 or more for each class"
    if isinstance(of_classes, Mapping):
        of_classes = _listed(of_classes, classes.max())
    found = numbers_of(of_classes, "class_weight", each, (1,))
    if found.min() < 0 or classes.max() >= len(found):
        last = f"{found}, and class numbers up to {classes.max()}"
        refuse("class_weight", each, came=last)
    return found[classes] if weights is None else found[classes] * weights


def _listed(weights: Mapping[int, float], last: int) -> list[float]:
    """Return the weights of a dict as a list; 1, as in Keras, where there is none."""
    for key in weights:
        if not isinstance(key, numbers.Integral) or not 0 <= key <= last:
            refuse(
                "class_weight",
                f"a dict from class numbers, 0 to {last}, to weights",
                came=f"the key {key!r}",
            )
    return [weights.get(k, 1.0) for k in range(last + 1)]


def _shape_cure(x: np.ndarray, code: str, wanted: tuple[int, ...]) -> str:
    """Say what makes a batch of examples of the wanted shape, where that is clear."""
    ways = {f"{code}[None]": x[None], f"{code}[..., None]": x[..., None]}
    ways[f"{code}[None, ..., None]"] = x[None, ..., None]
    if x.ndim == 4:
        ways[f"{code}.transpose(0, 2, 3, 1)"] = x.transpose(0, 2, 3, 1)
    if x.ndim == 3:
        ways[f"{code}.transpose(1, 2, 0)[None]"] = x.transpose(1, 2, 0)[None]
    size = math.prod(wanted)
    if x.shape[-1:] == (size,) or math.prod(x.shape[1:]) == size != 1 == len(wanted):
        ways[f"{code}.reshape({', '.join(map(str, (-1, *wanted)))})"] = x.reshape(
            -1, *wanted
        )
    fit = [way for way, found in ways.items() if found.shape[1:] == wanted]
    return f"Use `{fit[0]}`." if fit else ""
