"""What makes one training and no other, as JSON has it, and what differs in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

# Imported before Keras: it picks the Keras backend.
from imgcls_helpers import backend
from imgcls_helpers.data import Part
from imgcls_helpers.training._outputs import numbers_of
from imgcls_helpers.training._plain import code_of_class, plain, settings_of, sum_of
from imgcls_helpers.training._recipe import Recipe

# isort: split
import keras


def identity_of(
    model: keras.Model,
    recipe: Recipe,
    part: Part,
    validation: Part | None,
    **options: Any,
) -> dict[str, Any]:
    """Return what must be the same for a training to go on."""
    found = {
        "backend": backend.name(),
        "recipe": plain(recipe),
        **{name: plain(value) for name, value in options.items()},
        "model": of_model(model),
        "training data": sum_of(part.images, part.labels),
        "validation data": None
        if validation is None
        else sum_of(validation.images, validation.labels),
    }
    return json.loads(json.dumps(found))


# --- The model ------------------------------------------------------------------------


def of_model(model: keras.Model) -> dict[str, Any]:
    """Return what makes a model this one and no other, but for its learned weights."""
    layers = list(_layers(model))
    numbers = {id(layer): number for number, layer in enumerate(layers, 1)}
    frozen = [layer for layer in layers if not getattr(layer, "trainable", True)]
    return {
        "kind": type(model).__name__,
        **code_of_class(type(model)),
        "input": [
            [list(tensor.shape), str(tensor.dtype)]
            for tensor in getattr(model, "inputs", None) or ()
        ],
        "layers": [_of_layer(layer, numbers) for layer in layers],
        "weights": [[list(v.shape), str(v.dtype)] for v in model.weights],
        # No checksum: a stem that is computed from images has other last digits, and
        # other signs, on another machine.
        "frozen weights": [
            float(np.linalg.norm(numbers_of(weight).astype(float)))
            for layer in frozen
            for weight in getattr(layer, "weights", ())
        ],
    }


def _layers(model: Any) -> Iterator[Any]:
    """Give layers and the operations between them in order, also of models inside."""
    for part in getattr(model, "operations", None) or model.layers:
        if isinstance(part, keras.Model):
            yield from _layers(part)
        elif not isinstance(part, keras.layers.InputLayer):
            yield part


def _of_layer(layer: Any, numbers: dict[int, int]) -> dict[str, Any]:
    found = settings_of(layer)
    if isinstance(layer, keras.layers.Layer):
        found["trainable"] = bool(layer.trainable)

    def source(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [source(v) for v in value]
        if not isinstance(value, keras.KerasTensor):
            return plain(value)
        history = getattr(value, "_keras_history", None)
        return f"layer {numbers.get(id(history.operation), 0)}" if history else "input"

    calls = [
        source([*node.arguments.args, *node.arguments.kwargs.values()])
        for node in getattr(layer, "_inbound_nodes", ())
        if not node.is_input
    ]
    # Later ones may belong to models that use the layer too.
    return {**found, "inputs": calls[:1]}


# --- In words -------------------------------------------------------------------------


def difference(was: dict[str, Any], now: dict[str, Any]) -> str | None:
    """Say in words where two identities differ first; None if they do not."""
    for key, value in now.items():
        if key not in was:
            return f"its {key} is not recorded"
        if key == "model":
            words = _of_models(was[key], value)
        elif key.endswith(" data") and was[key] != value:
            words = f"its {key} had other contents"
        else:
            words = _first(was[key], value, f"its {key}")
        if words:
            return words
    return None


def _of_models(was: dict[str, Any], now: dict[str, Any]) -> str | None:
    before, after = was["layers"], now["layers"]
    same_length = len(before) == len(after)
    for number, (old, new) in enumerate(zip(before, after, strict=False), 1):
        if old["kind"] != new["kind"] and not same_length:
            break  # one was put in, or left out: the others have moved
        words = _first(old, new, f"layer {number} of its model ({old['kind']})")
        if words:
            return words
    if not same_length:
        return f"its model had {len(before)} layers, this one has {len(after)}"
    norms = was["frozen weights"], now["frozen weights"]
    if len(norms[0]) != len(norms[1]) or not np.allclose(*norms, rtol=1e-3):
        return "the frozen layers of its model had other weights"
    rest = {k: v for k, v in now.items() if k not in ("layers", "frozen weights")}
    return _first({k: was.get(k) for k in rest}, rest, "its model")


def _first(was: Any, now: Any, where: str) -> str | None:
    """Say in words where two values differ first."""
    if was == now:
        return None
    if isinstance(was, dict) and isinstance(now, dict):
        if was.get("kind") != now.get("kind"):
            return f"{where} was {_shown(was)}, this one has {_shown(now)}"
        of = f" {_shown(now)}" if "kind" in now and "layer" not in where else ""
        for key in {**now, **was}:
            pair = was.get(key), now.get(key)
            if pair[0] == pair[1]:
                continue
            if key in ("code", "values", "inputs"):
                return f"{where}{of} had other {key}"
            return _first(*pair, where if key == "config" else f"{where}: {key}")
    if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        pairs = zip(was, now, strict=True)
        return next(filter(None, (_first(*pair, where) for pair in pairs)))
    return f"{where} was {_shown(was)}, this one has {_shown(now)}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("kind") or value.get("class_name") or "of another kind")
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return repr(value)
