"""Models that train alike share what is compiled for the first of them.

Most of a short training goes into tracing and compiling the step. With several seeds
that happens again and again, for the same step. So a twin of the model is compiled and
kept: the state of each such model goes there, is trained, and comes back. The numbers
are the same.
"""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

# Imported before Keras: it picks the Keras backend.
from imgcls_helpers import backend
from imgcls_helpers.training._identity import of_model
from imgcls_helpers.training._plain import plain

# isort: split
import keras

_last: tuple[str, keras.Model] | None = None


@contextlib.contextmanager
def compiled_once(
    model: keras.Model, compile_it: Callable[[keras.Model], None], **options: Any
) -> Iterator[keras.Model]:
    """Give a compiled twin of `model` to train; bring back what it has learned.

    `compile_it` has compiled `model` and built its optimizer. `options` are what the
    step depends on besides model, optimizer and loss.
    """
    global _last
    if backend.name() == "torch":  # which compiles nothing
        yield model
        return
    key = json.dumps(plain([of_model(model), model.optimizer, model.loss, options]))
    if _last is None or _last[0] != key:
        _last = None  # not two at a time in memory
        twin = _twin_of(model, compile_it)
        if twin is None:
            yield model
            return
        _last = key, twin
    twin = _last[1]
    _copy(model, twin)
    try:
        yield twin
    finally:
        _copy(twin, model)


def _twin_of(
    model: keras.Model, compile_it: Callable[[keras.Model], None]
) -> keras.Model | None:
    """Return a model of the same layers, if Keras can make one."""
    numbers = random.getstate()  # Keras draws the seeds of first weights from there
    try:
        twin = keras.models.clone_model(model)
        compile_it(twin)
        _copy(model, twin)
    except Exception:  # own layers that do not say how they are made
        return None
    finally:
        random.setstate(numbers)
    return twin


def _copy(source: keras.Model, target: keras.Model) -> None:
    """Copy weights, states of random numbers, and what the optimizer keeps."""
    for one, other in zip(_state(source), _state(target), strict=True):
        other.assign(one)


def _state(model: keras.Model) -> list[keras.Variable]:
    return [*model.variables, *model.optimizer.variables]
