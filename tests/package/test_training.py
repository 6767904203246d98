"""Training: recipes, early stopping, checkpoints, NaN, and what `fit` leaves behind."""

import contextlib
import dataclasses
import functools
import json
import math
import os
import random
import re
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcls_helpers import augment, backend, models, runtime, scratch, training
from imgcls_helpers.data import Part
from imgcls_helpers.training import (
    CheckpointError,
    DivergenceError,
    OneCycle,
    Recipe,
    Spread,
    _fit,
    _identity,
    _recipe,
    _store,
    _watch,
)

import keras  # isort: skip  # after the package, which picks the backend

CLASSES = 4


def numbers_of(tensor):
    return keras.ops.convert_to_numpy(tensor)


def pictures(n, seed=0):
    """Return 8x8 images with one bright quarter, and which one it is."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, n)
    images = rng.integers(0, 150, (n, 8, 8, 1), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        y, x = divmod(int(label), 2)
        image[4 * y : 4 * y + 4, 4 * x : 4 * x + 4] += 60
    return images, labels


TRAIN, VALIDATION = pictures(96), pictures(48, seed=1)


def net(seed=0, *, full=False, head=()):
    """Return a tiny model; `full` has state beside weights: normalization, dropout."""
    runtime.set_seed(seed)
    layers = [
        keras.Input((8, 8, 1), dtype="uint8"),
        keras.layers.Rescaling(1 / 255),
    ]
    if full:
        layers += [
            keras.layers.Conv2D(3, 3, strides=2),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.Activation("relu"),
        ]
    layers += [keras.layers.Flatten()]
    layers += [keras.layers.Dropout(0.3)] if full else []
    return keras.Sequential([*layers, keras.layers.Dense(CLASSES), *head])


def state_of(model):
    """Return all that a model holds: weights, averages, states of random numbers."""
    own = [v for layer in model.layers for v in layer.variables]
    return [numbers_of(v).copy() for v in (*own, *model.optimizer.variables)]


def same(a, b):
    return len(a) == len(b) and all(
        np.array_equal(x, y) for x, y in zip(a, b, strict=True)
    )


def fit(model, train=TRAIN, recipe=None, **options):
    if recipe is None:
        recipe = Recipe(epochs=1, batch_size=32, learning_rate=0.1)
    return training.fit(model, train, recipe, **{"progress": False, **options})


# --- The learning rate during a training --------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    peak=st.floats(1e-6, 100),
    steps=st.integers(1, 400),
    share=st.floats(0, 0.99),
)
def test_one_cycle_is_that_of_scratch(peak, steps, share):
    ours = OneCycle(peak, steps, share)
    theirs = scratch.OneCycle(peak, steps, share)
    t = np.arange(steps + 3)
    expected = [theirs(step) for step in t]
    assert np.allclose(numbers_of(ours(t)), expected, rtol=1e-4, atol=1e-5 * peak)


def test_one_cycle_survives_saving():
    schedule = OneCycle(0.5, 20, 0.25)
    config = keras.optimizers.schedules.serialize(schedule)
    again = keras.optimizers.schedules.deserialize(json.loads(json.dumps(config)))
    assert isinstance(again, OneCycle)
    assert [float(again(t)) for t in range(20)] == [
        float(schedule(t)) for t in range(20)
    ]
    optimizer = keras.optimizers.SGD(OneCycle.from_config(schedule.get_config()))
    assert float(optimizer.learning_rate) == pytest.approx(0.5 / 6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 10), "peak must be a number above 0; got 0"),
        ((1, 0), "total_steps must be a whole number of 1 or more"),
        ((1, 2.5), "total_steps must be"),
        ((1, 10, 1), "warmup_share must be a number from 0 to below 1"),
        ((1, 10, -0.1), "warmup_share must be a number from 0"),
    ],
)
def test_what_one_cycle_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        OneCycle(*arguments)


@pytest.mark.parametrize("steps", [1, 7, 50])
@pytest.mark.parametrize("warmup", [0, 0.3, 0.9])
def test_cosine_rises_like_one_cycle_and_falls_along_a_cosine(steps, warmup):
    rate = Recipe(schedule="cosine", learning_rate=0.2, warmup=warmup).rate(steps)
    up = int(warmup * steps)
    rates = np.array([float(rate(t)) for t in range(steps + 1)])
    rise = 0.2 * np.arange(1, up + 1) / (up + 1)
    assert np.allclose(rates[:up], rise, atol=1e-6)
    if up:
        cycle = scratch.OneCycle(0.2, steps, up / steps)
        assert np.allclose(rates[:up], [cycle(t) for t in range(up)], atol=1e-6)
    time_left = np.arange(steps - up + 1) / (steps - up)
    fall = 0.2 * (1 + np.cos(np.pi * time_left)) / 2
    assert np.allclose(rates[up:], fall, atol=1e-6)
    assert rates[:-1].min() > 0 and rates[-1] < 1e-6


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "constant"])
def test_fit_follows_the_schedule(monkeypatch, schedule):
    recipe = Recipe(schedule=schedule, epochs=2, batch_size=40, learning_rate=0.05)
    made, make = [], Recipe.make_optimizer
    monkeypatch.setattr(
        Recipe, "make_optimizer", lambda *a: made.append(make(*a)) or made[-1]
    )
    model = net()
    fit(model, recipe=recipe)
    assert int(made[0].iterations) == 2 * 3
    last = float(numbers_of(made[0].learning_rate))
    assert last == pytest.approx(0.05 if schedule == "constant" else 0, abs=1e-7)
    rate = made[0]._learning_rate
    # What is left behind goes on at a constant rate, with the momentum that it had.
    assert float(numbers_of(model.optimizer.learning_rate)) == pytest.approx(0.05)
    left = [v for v in model.optimizer.variables if "learning_rate" not in v.path]
    used = [v for v in made[0].variables if "learning_rate" not in v.path]
    assert same([numbers_of(v) for v in left], [numbers_of(v) for v in used])
    assert int(model.optimizer.iterations) == 2 * 3
    if schedule == "one_cycle":
        cycle = scratch.OneCycle(0.05, 6, 0.3)
        got = [float(rate(t)) for t in range(6)]
        assert got == pytest.approx([cycle(t) for t in range(6)])


# --- Recipe -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"optimizer": "Adam"}, ValueError, "one of 'sgd', 'adam', .*; got 'Adam'"),
        ({"schedule": "linear"}, ValueError, "schedule must be one of 'one_cycle'"),
        ({"learning_rate": 0}, ValueError, "learning_rate must be a number above 0"),
        ({"learning_rate": math.nan}, ValueError, "learning_rate must be"),
        ({"learning_rate": math.inf}, ValueError, "learning_rate must be"),
        ({"learning_rate": "0.1"}, ValueError, "learning_rate must be"),
        ({"learning_rate": True}, ValueError, "learning_rate must be"),
        ({"warmup": 1}, ValueError, "warmup must be a number from 0 to below 1"),
        ({"momentum": 1.0}, ValueError, "momentum must be a number from 0 to below 1"),
        ({"momentum": -0.1}, ValueError, "momentum must be a number from 0"),
        (
            {"label_smoothing": 1},
            ValueError,
            "label_smoothing must be a number from 0 to below 1",
        ),
        ({"weight_decay": -1}, ValueError, "weight_decay must be"),
        ({"weight_decay": None}, ValueError, "weight_decay must be"),
        ({"batch_size": 0}, ValueError, "batch_size must be a whole number of 1"),
        ({"batch_size": 1.5}, ValueError, "batch_size must be"),
        ({"epochs": 0}, ValueError, "epochs must be"),
        ({"epochs": True}, ValueError, "epochs must be"),
        ({"global_clipnorm": 0}, ValueError, "global_clipnorm must be"),
        ({"augment": "flip"}, TypeError, "augment must be an operation.*got 'flip'"),
        (
            {"augment": augment.RandomFlip},
            TypeError,
            r"such as augment.RandomFlip\(\);",
        ),
    ],
)
def test_what_a_recipe_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        Recipe(**arguments)


def test_a_recipe_does_not_change_but_can_be_replaced():
    recipe = Recipe()
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.epochs = 3
    assert dataclasses.replace(recipe, epochs=3).epochs == 3
    with pytest.raises(ValueError, match="epochs"):
        dataclasses.replace(recipe, epochs=0)


# One matrix, one kernel of a convolution, and what must not decay: vectors.
SHAPES = [(3, 4), (2, 2, 1, 3), (4,), (3,)]


def weights_and_optimizer(recipe):
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=shape).astype(np.float32) for shape in SHAPES]
    variables = [keras.Variable(w) for w in weights]

    class Model:
        trainable_variables = variables

    optimizer = recipe.make_optimizer(Model, recipe.learning_rate)
    return weights, variables, optimizer


def steps_of(recipe, scale, count=3):
    """Take steps along known gradients; return weights before, after, gradients."""
    weights, variables, optimizer = weights_and_optimizer(recipe)
    rng = np.random.default_rng(1)
    gradients = [
        [scale * rng.normal(size=s).astype(np.float32) for s in SHAPES]
        for _ in range(count)
    ]
    for step in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in step], variables)
    return weights, [numbers_of(v) for v in variables], gradients


OPTIMIZERS = ["sgd", "adam", "adamw", "rmsprop", "adagrad", "lion", "muon"]
HAS_MUON = tuple(map(int, keras.__version__.split(".")[:2])) >= (3, 13)
AT_HAND = OPTIMIZERS if HAS_MUON else OPTIMIZERS[:-1]
SCRATCH = {
    "sgd": lambda **k: scratch.SGD(0.1, momentum=0.9, nesterov=True, **k),
    "adam": lambda **k: scratch.Adam(0.1, **k),
    "adamw": lambda **k: scratch.AdamW(0.1, **{"weight_decay": 0.0, **k}),
    "rmsprop": lambda **k: scratch.RMSprop(0.1, **k),
    "adagrad": lambda **k: scratch.Adagrad(0.1, **k),
}


def test_the_recipe_names_what_is_tested_here():
    assert list(_recipe.OPTIMIZERS) == OPTIMIZERS


def test_an_older_keras_has_no_muon(monkeypatch):
    monkeypatch.setattr(keras, "__version__", "3.12.1")
    with pytest.raises(ValueError, match=r"needs Keras 3\.13 .* here is 3\.12\.1"):
        Recipe(optimizer="muon").make_optimizer(net(), 0.1)


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("name", AT_HAND)
def test_weight_decay_shrinks_kernels_alone(name, decay):
    recipe = Recipe(optimizer=name, learning_rate=0.1, weight_decay=decay)
    before, after, _ = steps_of(recipe, scale=0, count=2)
    for old, new in zip(before, after, strict=True):
        factor = (1 - 0.1 * decay) ** 2 if old.ndim > 1 else 1
        assert np.allclose(new, factor * old, rtol=1e-5), old.shape


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("name", SCRATCH)
def test_optimizers_are_those_of_scratch(name, decay):
    recipe = Recipe(optimizer=name, learning_rate=0.1, weight_decay=decay)
    before, after, gradients = steps_of(recipe, scale=1)
    kernels = slice(0, 2)  # with decay; vectors have none
    for part, options in ((kernels, {"weight_decay": decay}), (slice(2, 4), {})):
        weights = [w.copy() for w in before[part]]
        rule = SCRATCH[name](**options)
        for step in gradients:
            rule.apply(step[part], weights)
        for ours, theirs in zip(after[part], weights, strict=True):
            assert np.allclose(ours, theirs, atol=1e-5)


def test_sgd_without_momentum_and_with_a_longest_gradient():
    recipe = Recipe(momentum=0, weight_decay=0, learning_rate=0.5, global_clipnorm=2.0)
    before, after, gradients = steps_of(recipe, scale=100, count=1)
    moved = np.concatenate(
        [(a - b).ravel() for a, b in zip(after, before, strict=True)]
    )
    assert np.linalg.norm(moved) == pytest.approx(0.5 * 2.0, rel=1e-4)
    along = np.concatenate([g.ravel() for g in gradients[0]])
    cosine = moved @ along / np.linalg.norm(moved) / np.linalg.norm(along)
    assert cosine == pytest.approx(-1, abs=1e-5)


@pytest.mark.parametrize("name", AT_HAND)
def test_every_optimizer_trains(name):
    model = net()
    before = model.get_weights()
    recipe = Recipe(optimizer=name, learning_rate=0.01, epochs=1, batch_size=96)
    history = fit(model, recipe=recipe)
    assert math.isfinite(history["loss"][0])
    moved = [
        np.abs(a - b).max() for a, b in zip(model.get_weights(), before, strict=True)
    ]
    assert min(moved) > 0


def test_label_smoothing_and_the_mean_over_images():
    # Rates so small that the weights stay: the loss of the epoch is that of the start.
    recipe = Recipe(
        learning_rate=1e-12, label_smoothing=0.2, epochs=1, batch_size=40, momentum=0
    )
    model = net()
    logits = numbers_of(model(TRAIN[0])).astype(np.float64)
    history = fit(model, recipe=recipe)
    log_softmax = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    target = np.eye(CLASSES)[TRAIN[1]] * 0.8 + 0.2 / CLASSES
    per_image = -(target * log_softmax).sum(axis=1)
    # Batches of 40, 40 and 16 images: the mean is over images.
    assert history["loss"][0] == pytest.approx(per_image.mean(), rel=1e-4)
    right = (logits.argmax(axis=1) == TRAIN[1]).mean()
    assert history["accuracy"][0] == pytest.approx(right)


LOADER = """
import os, sys
sys.modules["imgcls_helpers"] = None  # as where it is not installed
import keras, numpy as np
folder = sys.argv[1]
data = np.load(folder + "/data.npz")
one_hot = np.eye(4)[data["labels"]]
for name in sorted(os.listdir(folder)):
    if not name.endswith(".keras"):
        continue
    model = keras.models.load_model(folder + "/" + name)
    outputs = model.predict(data["images"], verbose=0)
    assert np.allclose(outputs, data[name], atol=1e-4), name
    print(name)
    if name.startswith("searched"):  # it stands at the end of the search
        continue
    before = model.evaluate(data["images"], one_hot, verbose=0)[0]
    model.fit(data["images"], one_hot, epochs=2, verbose=0)
    after = model.evaluate(data["images"], one_hot, verbose=0)[0]
    assert after < before, (name, before, after)
"""


def test_a_saved_model_is_loaded_by_a_program_that_has_only_keras(tmp_path):
    outputs = {}
    images, labels = TRAIN
    for schedule in ("one_cycle", "cosine", "constant"):
        recipe = Recipe(schedule=schedule, epochs=1, learning_rate=0.02)
        model = models.fast_net((8, 8, 1), CLASSES, width=4, images=images)
        fit(model, recipe=recipe)
        outputs[f"{schedule}.keras"] = model
    model = net()
    training.find_learning_rate(model, TRAIN, Recipe(batch_size=48), steps=10)
    outputs["searched.keras"] = model
    for name, model in outputs.items():
        model.save(tmp_path / name)
        outputs[name] = model.predict(images, verbose=0)
    np.savez(tmp_path / "data.npz", images=images, labels=labels, **outputs)
    done = subprocess.run(
        [sys.executable, "-I", "-c", LOADER, str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "KERAS_BACKEND": backend.name()},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == sorted(outputs)


# --- History ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained():
    """Return a model trained for four epochs, and its history."""
    model = net(full=True)
    started = time.perf_counter()
    history = fit(
        model,
        recipe=Recipe(epochs=4, batch_size=24, learning_rate=0.1),
        validation=VALIDATION,
    )
    return model, history, time.perf_counter() - started


def test_history(trained):
    model, history, seconds = trained
    assert list(history.metrics) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert history.epochs == 4
    assert all(len(values) == 4 for values in history.metrics.values())
    assert all(isinstance(v, float) for v in history["loss"])
    assert history["loss"] is history.metrics["loss"]
    assert history["loss"][-1] < history["loss"][0]
    assert history["val_accuracy"][-1] > 0.6
    assert history.best_epoch == 1 + int(np.argmin(history["val_loss"]))
    assert history.stopped is None
    assert 0.95 * seconds - 0.1 < history.seconds <= seconds
    assert history.cpu_seconds > 0
    loss, accuracy = model.evaluate(
        VALIDATION[0], np.eye(CLASSES)[VALIDATION[1]], verbose=0
    )
    assert history["val_loss"][-1] == pytest.approx(loss, rel=1e-4)
    assert history["val_accuracy"][-1] == pytest.approx(accuracy, rel=1e-4)
    text = f"{history['val_accuracy'][-1]:.1%})"
    assert repr(history).startswith("History(4 epochs, ")
    assert repr(history).endswith(text)


def test_history_says_what_is_missing():
    history = training.History({"loss": [1.0], "accuracy": [0.5]})
    with pytest.raises(KeyError, match=r"There is: loss, accuracy.*Give validation"):
        history["val_loss"]
    with pytest.raises(KeyError) as caught:
        history["f1"]
    assert "validation" not in str(caught.value)
    with pytest.raises(KeyError, match="There is: nothing"):
        training.History()["loss"]
    assert repr(history) == "History(1 epoch, 0.0 s: loss 1.000, accuracy 50.0%)"
    assert history.best_epoch is None


# --- Seeds --------------------------------------------------------------------------


def next_draws():
    """Return what Python, NumPy and Keras draw next."""
    return (
        random.random(),
        np.random.rand(),  # noqa: NPY002
        numbers_of(keras.random.uniform((3,))).tolist(),
    )


def test_same_seed_same_weights_whatever_was_drawn_before():
    recipe = Recipe(
        epochs=2, batch_size=16, augment=augment.RandomCrop(1), learning_rate=0.1
    )
    ends = []
    for drawn, seed in ((1, 0), (2, 0), (1, 1)):
        model = net(full=True)
        runtime.set_seed(drawn)
        expected = next_draws()
        runtime.set_seed(drawn)
        history = fit(model, recipe=recipe, seed=seed)
        assert next_draws() == expected
        ends.append((state_of(model), history.metrics))
    assert same(ends[0][0], ends[1][0]) and ends[0][1] == ends[1][1]
    assert not same(ends[0][0], ends[2][0])


def test_fit_sees_the_batches_of_each_epoch_in_their_order(monkeypatch):
    seen = []
    take = training.Batches.__getitem__

    def noted(self, index):
        seen.append((self.epoch, index))
        return take(self, index)

    monkeypatch.setattr(training.Batches, "__getitem__", noted)
    fit(net(), recipe=Recipe(epochs=3, batch_size=24), seed=1)
    # Before, Keras may look at some to see their shapes.
    assert seen[-12:] == [(epoch, index) for epoch in range(3) for index in range(4)]


@pytest.mark.skipif(backend.name() == "torch", reason="PyTorch takes only 1")
def test_steps_per_execution_changes_nothing_but_time():
    ends = []
    recipe = Recipe(epochs=2, batch_size=16, learning_rate=0.1)
    for given_steps, used in ((None, 6), (1, 1), (4, 4)):
        model = net()
        history = fit(model, recipe=recipe, steps_per_execution=given_steps)
        assert model.steps_per_execution == used
        assert int(model.optimizer.iterations) == 12
        ends.append((model.get_weights(), history["loss"]))
    for weights, losses in ends[1:]:
        assert losses == pytest.approx(ends[0][1], rel=1e-4)
        for a, b in zip(weights, ends[0][0], strict=True):
            assert np.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("name", ["tensorflow", "jax", "torch"])
def test_steps_per_execution_of_each_backend(monkeypatch, name):
    monkeypatch.setattr(backend, "name", lambda: name)
    choose = _fit._steps_per_execution
    assert choose(1, 100) == 1
    if name == "torch":
        assert choose(None, 100) == 1
        with pytest.raises(
            ValueError, match="steps_per_execution must be 1 with PyTorch"
        ):
            choose(2, 100)
    else:
        assert choose(None, 100) == 16
        assert choose(None, 5) == 5
        assert choose(50, 100) == 50
        with pytest.raises(ValueError, match="steps_per_execution must be"):
            choose(0, 100)


# --- Early stopping -----------------------------------------------------------------


class Stub:
    """Stands in for a model: its weights are the number of the epoch."""

    layers = ()
    stop_training = False
    optimizer = types.SimpleNamespace(learning_rate=np.float32(0.1))

    def __init__(self):
        self.epoch = 0

    def get_weights(self):
        return self.epoch


def watched(values, patience, monitor, epochs):
    history = training.History()
    watch = _watch.Watch(
        history,
        Recipe(epochs=epochs),
        monitor,
        patience,
        None,
        None,
        (time.perf_counter(), time.process_time()),
    )
    watch.set_model(Stub())
    for value in values[:epochs]:
        watch._model.epoch += 1
        watch.on_epoch_end(watch._model.epoch - 1, {"loss": 1.0, monitor: value})
        if watch._model.stop_training:
            break
    return watch, history


@settings(max_examples=150, deadline=None)
@given(
    values=st.lists(st.integers(0, 3), min_size=1, max_size=12),
    patience=st.integers(1, 4),
    monitor=st.sampled_from(["val_loss", "val_accuracy"]),
)
def test_early_stopping_counts_epochs_without_a_better_value(values, patience, monitor):
    sign = 1 if monitor == "val_accuracy" else -1
    best, best_epoch, waited, last = -math.inf, 0, 0, 0
    for last, value in enumerate(values, 1):
        if sign * value > best:  # an equal value is not better
            best, best_epoch, waited = sign * value, last, 0
        else:
            waited += 1
        if waited == patience:
            break
    watch, history = watched(values, patience, monitor, len(values))
    assert history.epochs == last
    assert history.best_epoch == best_epoch == watch.best_weights
    if last < len(values):
        assert f"{monitor} did not improve for {patience} epoch" in history.stopped
        assert history.stopped.endswith(f"after epoch {best_epoch}")
    else:
        assert history.stopped is None  # it ended with its last epoch anyway


def test_without_patience_nothing_stops_and_nothing_is_kept():
    watch, history = watched([3, 1, 2, 2, 2, 2], None, "val_loss", 6)
    assert history.epochs == 6 and history.best_epoch == 2
    assert watch.best_weights is None and history.stopped is None


def overfitting():
    """Return data of which nothing can be learned, but the training part."""
    rng = np.random.default_rng(0)
    return [
        (
            rng.integers(0, 256, (32, 8, 8, 1), dtype=np.uint8),
            rng.integers(0, CLASSES, 32),
        )
        for _ in range(2)
    ]


@pytest.mark.parametrize("patience", [2, 100])
def test_the_best_weights_come_back(patience):
    train, validation = overfitting()
    recipe = Recipe(
        optimizer="adam",
        learning_rate=0.01,
        schedule="constant",
        epochs=8,
        batch_size=32,
        weight_decay=0,
    )
    model = net()
    history = fit(model, train, recipe, validation=validation, patience=patience)
    losses = history["val_loss"]
    best = int(np.argmin(losses)) + 1
    assert history.best_epoch == best
    if patience == 2:
        assert history.epochs == best + 2 < 8
        assert "val_loss did not improve for 2 epochs" in history.stopped
    else:
        assert history.epochs == 8 > best and history.stopped is None
    loss, _ = model.evaluate(validation[0], np.eye(CLASSES)[validation[1]], verbose=0)
    assert loss == pytest.approx(min(losses), rel=1e-5)
    assert loss < losses[-1] * 0.999


# --- Checkpoints --------------------------------------------------------------------


LONG = Recipe(
    epochs=6,
    batch_size=24,
    learning_rate=0.3,
    label_smoothing=0.1,
    augment=augment.Pipeline([augment.RandomCrop(1), augment.MixUp(0.3)]),
)
# Judged by wrong labels, it only gets worse: the best epoch is an early one, and it
# stops before its end.
WRONG = (VALIDATION[0], (VALIDATION[1] + 1) % CLASSES)
OPTIONS = {"validation": WRONG, "patience": 3}


@pytest.fixture(scope="module")
def undisturbed():
    """Return the state and the history that a training has which nobody kills."""
    model = net(full=True)
    history = fit(model, recipe=LONG, **OPTIONS)
    # Otherwise the tests below would not show that the best weights survive too.
    assert history.best_epoch < history.epochs < LONG.epochs
    assert history.stopped
    return state_of(model), history


class Killed(BaseException):
    """Passes through every except clause, like a kill."""


@contextlib.contextmanager
def killed_at(monkeypatch, moment):
    """Kill at the given call of what puts files in place, or of cleaning up."""
    calls = []
    with monkeypatch.context() as patch:
        for owner, name in ((os, "replace"), (_store.Store, "_remove")):
            original = getattr(owner, name)

            def call(*arguments, original=original):
                calls.append(arguments)
                if len(calls) == moment:
                    raise Killed
                return original(*arguments)

            patch.setattr(owner, name, staticmethod(call) if owner is not os else call)
        with pytest.raises(Killed):
            yield


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_killed_at_every_kind_of_moment(undisturbed, monkeypatch, tmp_path):
    state, history = undisturbed
    folder = tmp_path / "deep" / "run"
    # Of each epoch: weights in place, state in place, cleaning up (twice).
    for moment, epochs in ((1, None), (2, None), (3, 1), (1, 1), (2, 1), (7, 3)):
        with killed_at(monkeypatch, moment):
            fit(net(full=True), recipe=LONG, checkpoint=folder, **OPTIONS)
        if epochs is None:
            assert not (folder / "state.json").exists()
        else:
            saved = json.loads((folder / "state.json").read_text())
            assert len(saved["history"]["metrics"]["loss"]) == epochs
    model = net(seed=99, full=True)  # other first weights: they must not matter
    resumed = fit(model, recipe=LONG, checkpoint=folder, **OPTIONS)
    assert resumed.metrics == history.metrics
    assert (resumed.best_epoch, resumed.stopped) == (
        history.best_epoch,
        history.stopped,
    )
    assert same(state_of(model), state)
    assert not list(folder.glob("part-*"))
    assert len(list(folder.iterdir())) == 3  # state, the last weights, the best

    # What is finished is loaded and not trained.
    before = files_of(folder)
    monkeypatch.setattr(keras.Model, "fit", None)
    model = net(full=True)
    again = fit(model, recipe=LONG, checkpoint=folder, **OPTIONS)
    assert again.metrics == history.metrics
    weights = len(model.get_weights())
    assert weights and same(model.get_weights(), net_weights(state, model))
    assert files_of(folder) == before


def net_weights(state, model):
    """Return of a state what `get_weights` gives: no states of random numbers."""
    own = [v for layer in model.layers for v in layer.variables]
    known = {id(v) for v in model.weights}
    return [s for v, s in zip(own, state, strict=False) if id(v) in known]


VICTIM = """
import sys, time
from tests.package import test_training as t
take, taken = t.training.Batches.__getitem__, []
def slowly(self, index):
    taken.append(index)
    time.sleep(0.15 if len(taken) < {batches} else 3600)
    return take(self, index)
t.training.Batches.__getitem__ = slowly
t.fit(t.net(full=True), recipe=t.LONG, checkpoint={folder!r}, **t.OPTIONS)
"""


def test_a_real_kill(undisturbed, tmp_path):
    state, history = undisturbed
    folder = tmp_path / "run"
    # However late the kill comes: the last batch of all is never reached.
    batches = history.epochs * -(-len(TRAIN[1]) // LONG.batch_size)
    code = VICTIM.format(folder=str(folder), batches=batches)
    victim = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 1200
    while not (folder / "state.json").exists():
        assert victim.poll() is None, victim.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(random.uniform(0, 0.4))
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert victim.returncode == -signal.SIGKILL
    victim.stderr.close()
    saved = json.loads((folder / "state.json").read_text())
    assert 1 <= len(saved["history"]["metrics"]["loss"]) < history.epochs
    model = net(full=True)
    resumed = fit(model, recipe=LONG, checkpoint=folder, **OPTIONS)
    assert resumed.metrics == history.metrics
    assert resumed.seconds > saved["history"]["seconds"]
    assert same(state_of(model), state)


SHORT = Recipe(epochs=1, batch_size=48)


@pytest.fixture
def saved(tmp_path_factory, _saved):
    """Return a fresh copy of a folder with a finished training of one epoch."""
    folder = tmp_path_factory.mktemp("copy")
    for name, content in _saved.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def _saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    fit(net(), recipe=SHORT, checkpoint=folder)
    return files_of(folder)


def test_the_saved_training_is_sound(saved):
    assert fit(net(), recipe=SHORT, checkpoint=saved).epochs == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"recipe": dataclasses.replace(SHORT, epochs=2)},
            "its recipe: epochs was 1, this one has 2",
        ),
        (
            {"recipe": dataclasses.replace(SHORT, augment=augment.RandomFlip())},
            "its recipe: augment was None, this one has RandomFlip",
        ),
        ({"seed": 7}, "its seed was 0, this one has 7"),
        ({"train": pictures(96, seed=5)}, "its training data had other contents"),
        (
            {"train": (TRAIN[0], np.roll(TRAIN[1], 1))},
            "its training data had other contents",
        ),
        ({"validation": VALIDATION}, "its validation data had other contents"),
        ({"monitor": "val_accuracy"}, "its monitor was 'val_loss', this one has"),
        (
            {"model": lambda: net(full=True)},
            "its model had 3 layers, this one has 7",
        ),
        (
            {"loss": keras.losses.CategoricalFocalCrossentropy(from_logits=True)},
            "its loss was CategoricalCrossentropy, this one has CategoricalFocal",
        ),
        (
            {
                "loss": keras.losses.CategoricalCrossentropy(
                    from_logits=True, label_smoothing=0.1
                )
            },
            "its loss: label_smoothing was 0.0, this one has 0.1",
        ),
    ],
)
def test_the_folder_of_another_training(saved, change, message):
    before = files_of(saved)
    make = change.get("model", net)
    arguments = {"recipe": SHORT, "checkpoint": saved, **change}
    arguments.pop("model", None)
    with pytest.raises(CheckpointError, match=f"another training: {message}") as caught:
        fit(make(), **arguments)
    assert "Name another folder, or delete this one" in str(caught.value)
    assert files_of(saved) == before


def test_the_checkpoint_of_another_backend(saved, monkeypatch):
    other = "jax" if backend.name() != "jax" else "torch"
    monkeypatch.setattr(backend, "name", lambda: other)
    with pytest.raises(CheckpointError, match=f"this one has '{other}'"):
        fit(net(), recipe=SHORT, checkpoint=saved)


class Twice(keras.layers.Layer):
    def __init__(self, times=2, **options):
        super().__init__(**options)
        self.times = times

    def call(self, x):
        return self.times * x


class TwiceAndABit(Twice):
    def call(self, x):
        return self.times * x + 0.001


def swish(x):
    return x * keras.ops.sigmoid(x)


def square(x):
    return x * x


def tall(
    activation="relu",
    rate=0.3,
    trainable=True,
    layer=None,
    function=swish,
    frozen=0,
    dtype="float32",
    strides=1,
):
    """Return a model of many settings; none of them changes the weights' shapes."""
    runtime.set_seed(0)
    layers = keras.layers
    inputs = keras.Input((8, 8, 1), dtype="uint8", name="pictures")
    x = layers.Rescaling(1 / 255)(inputs)
    stem = layers.Conv2D(2, 1, dilation_rate=strides, trainable=False)
    x = stem(x)
    x = layers.Conv2D(4, 3, activation=activation, dtype=dtype)(x)
    inner = keras.Sequential([keras.Input((6, 6, 4)), layers.Dropout(rate)])
    x = inner(x)
    x = layers.Activation(function)(x) * 0.5
    x = layers.GlobalAveragePooling2D()(x)
    x = (layer or Twice())(x)
    x = layers.Lambda(lambda x: x + 1)(x)
    head = layers.Dense(CLASSES)
    model = keras.Model(inputs, head(x))
    stem.set_weights([w + frozen for w in stem.get_weights()])
    head.trainable = trainable
    return model


@pytest.fixture(scope="module")
def tall_state():
    state = _identity.identity_of(tall(), SHORT, Part(*TRAIN), None)
    return json.loads(json.dumps(state))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"activation": "gelu"}, r"layer 3 of its model \(Conv2D\): activation was "),
        ({"activation": swish}, "activation was 'relu', this one has swish"),
        ({"rate": 0.4}, r"layer 4 of its model \(Dropout\): rate was 0.3, this .* 0.4"),
        ({"trainable": False}, r"\(Dense\): trainable was True, this one has False"),
        ({"layer": Twice(3)}, r"\(Twice\): times was 2, this one has 3"),
        ({"layer": TwiceAndABit()}, "was Twice, this one has TwiceAndABit"),
        ({"function": square}, "activation was swish, this one has square"),
        ({"frozen": 0.5}, "the frozen layers of its model had other weights"),
        ({"dtype": "bfloat16"}, r"\(Conv2D\): dtype: name was 'float32', this"),
        ({"strides": 2}, "dilation_rate was"),
    ],
    ids=lambda value: "".join(value) if isinstance(value, dict) else "",
)
def test_every_setting_of_a_model_belongs_to_its_checkpoint(tall_state, change, words):
    now = _identity.identity_of(tall(**change), SHORT, Part(*TRAIN), None)
    found = _identity.difference(tall_state, now)
    assert re.search(words, found or "the same"), found


def test_the_same_model_built_again_is_the_same(tall_state):
    for _ in range(2):
        now = _identity.identity_of(tall(), SHORT, Part(*TRAIN), None)
        assert _identity.difference(tall_state, now) is None
    # Also one that has been compiled and used in between.
    model = tall()
    before = _identity.identity_of(model, SHORT, Part(*TRAIN), None)
    fit(model, recipe=SHORT)
    after = _identity.identity_of(model, SHORT, Part(*TRAIN), None)
    assert before["model"]["layers"] == after["model"]["layers"]
    model = Own()
    fit(model, recipe=SHORT)
    before = _identity.identity_of(model, SHORT, Part(*TRAIN), None)
    again = Own()
    again(TRAIN[0][:1])
    now = _identity.identity_of(again, SHORT, Part(*TRAIN), None)
    assert _identity.difference(before, now) is None


def test_the_order_of_layers_and_their_inputs_belong_to_a_checkpoint():
    def joined(swapped):
        inputs = keras.Input((8, 8, 1))
        a = keras.layers.Conv2D(2, 3, padding="same")(inputs)
        b = keras.layers.Conv2D(2, 3, padding="same")(a)
        pair = keras.ops.subtract(b, a) if swapped else keras.ops.subtract(a, b)
        flat = keras.layers.GlobalMaxPooling2D()(pair)
        return keras.Model(inputs, keras.layers.Dense(CLASSES)(flat))

    states = [
        _identity.identity_of(joined(swapped), SHORT, Part(*TRAIN), None)
        for swapped in (False, False, True)
    ]
    assert _identity.difference(states[0], states[1]) is None
    words = _identity.difference(states[0], states[2])
    assert words == "layer 3 of its model (Subtract) had other inputs"


STRENGTH = 1
_calls = 0


def shifted(images, rng, *, labels=None, masks=None):
    global _calls
    _calls += 1
    return np.roll(images, STRENGTH, axis=1), labels


def enclosing(by, more=""):
    def moved(images, rng, *, labels=None, masks=None):
        return np.roll(images, by, axis=1), labels

    def moved_more(images, rng, *, labels=None, masks=None):
        return np.roll(images, by, axis=2), labels

    moved_more.__name__ = "moved"
    return moved_more if more else moved


class Moved:
    def __init__(self, by):
        self.by = by

    def __call__(self, images, rng, *, labels=None, masks=None):
        return np.roll(images, self.by, axis=1), labels


class PartOfRecipe(augment.Operation):
    def _apply(self, images, rng, labels, masks):
        return images, labels, masks


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        (enclosing(1), enclosing(2), "augment: around it: by was 1, this one has 2"),
        (enclosing(1), enclosing(1, "more"), "augment moved had other code"),
        (enclosing(1), shifted, "augment was moved, this one has shifted"),
        (Moved(1), Moved(2), "augment: by was 1, this one has 2"),
        (
            augment.Pipeline([augment.RandomCrop(1), enclosing(1)]),
            augment.Pipeline([augment.RandomCrop(2), enclosing(1)]),
            "augment: operations: .* was 1, this one has 2",
        ),
        (
            augment.Pipeline([PartOfRecipe(), enclosing(1)]),
            augment.Pipeline([PartOfRecipe(), enclosing(1, "more")]),
            "operations moved had other code",
        ),
        (
            functools.partial(Moved(1), masks=None),
            functools.partial(Moved(1), masks=3),
            "augment: with: masks was None, this one has 3",
        ),
        (Moved(1).__call__, Moved(2).__call__, "augment: of: by was 1, this one has 2"),
        (enclosing(np.arange(3)), enclosing(np.ones(3, int)), "by .* had other values"),
    ],
)
def test_own_functions_belong_to_a_checkpoint(was, now, words):
    states = [
        _identity.identity_of(
            net(), dataclasses.replace(SHORT, augment=a), Part(*TRAIN), None
        )
        for a in (was, was, now)
    ]
    assert _identity.difference(states[0], states[1]) is None
    found = _identity.difference(states[0], states[2])
    assert re.search(words, found or "the same"), found


def test_a_global_in_capitals_belongs_to_a_function_and_a_counter_does_not(monkeypatch):
    def state():
        recipe = dataclasses.replace(SHORT, augment=shifted)
        return _identity.identity_of(net(), recipe, Part(*TRAIN), None)

    before = state()
    monkeypatch.setitem(globals(), "_calls", 7)
    assert _identity.difference(before, state()) is None
    monkeypatch.setitem(globals(), "STRENGTH", 2)
    words = "its recipe: augment: around it: STRENGTH was 1, this one has 2"
    assert _identity.difference(before, state()) == words


IDENTITY = """
import json
from tests.package import test_training as t
print(json.dumps(t.identity_of_all()))
"""


def identity_of_all():
    """Return the identity of a training with own functions everywhere."""

    def chosen(images, rng, *, labels=None, masks=None):
        # A set has another order in each process.
        return (images, labels) if "a" in {"a", "b", "c", "d", "e"} else None

    functions = [shifted, Moved(2), enclosing({"a", "b", "c", "d"}), chosen]
    recipe = dataclasses.replace(
        LONG, augment=augment.Pipeline([augment.RandomCrop(1), *functions])
    )
    parts = Part(*TRAIN), Part(*VALIDATION)
    return _identity.identity_of(tall(), recipe, *parts, loss=swish)


def test_the_identity_is_the_same_in_another_process():
    net(full=True)  # the other process has counted no layers on
    done = subprocess.run(
        [sys.executable, "-c", IDENTITY],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == identity_of_all()


def test_a_checkpoint_in_the_home_folder_and_none_without_a_name(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    fit(net(), recipe=SHORT, checkpoint="~/deep/run")
    assert (tmp_path / "deep" / "run" / "state.json").is_file()
    assert not (tmp_path / "~").exists()
    for wrong in ("", " ", 3):
        with pytest.raises(ValueError, match="fit: checkpoint must be a path"):
            fit(net(), recipe=SHORT, checkpoint=wrong)
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]


def test_a_function_as_augmentation_has_no_address(tmp_path):
    def make():
        def turn(images, rng, *, labels=None, masks=None):
            return images, labels

        return dataclasses.replace(SHORT, augment=turn)

    fit(net(), recipe=make(), checkpoint=tmp_path)
    assert fit(net(), recipe=make(), checkpoint=tmp_path).epochs == 1
    other = dataclasses.replace(SHORT, augment=shifted)
    with pytest.raises(CheckpointError, match="augment was turn, this one has shifted"):
        fit(net(), recipe=other, checkpoint=tmp_path)


def edit_state(folder, **changes):
    path = folder / "state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda f: (f / "state.json").write_text("{"), "state.json cannot be read"),
        (lambda f: (f / "state.json").write_bytes(b"\xff\xfe"), "state.json cannot"),
        (lambda f: (f / "state.json").write_text("[1, 2]"), "state.json cannot"),
        (lambda f: (f / "state.json").write_text("{}"), "state.json cannot be read"),
        (lambda f: edit_state(f, history={"epochs": 3}), "state.json cannot be read"),
        (lambda f: edit_state(f, history=None), "state.json cannot be read"),
        (lambda f: edit_state(f, history={"metrics": {}}), "state.json cannot be"),
        (
            lambda f: edit_state(f, history={"metrics": {"loss": [1], "a": []}}),
            "uneven lists",
        ),
        (lambda f: edit_state(f, identity=3), "state.json cannot be read"),
        (
            lambda f: next(f.glob("*.npz")).unlink(),
            "epoch-0001.npz is missing",
        ),
        (lambda f: edit_state(f, best="b.npz"), "b.npz is missing"),
        (
            lambda f: next(f.glob("*.npz")).write_bytes(b""),
            "epoch-0001.npz cannot be loaded",
        ),
        (
            lambda f: next(f.glob("*.npz")).write_bytes(b"x" * 5000),
            "epoch-0001.npz cannot be loaded",
        ),
    ],
)
def test_a_damaged_checkpoint(saved, harm, message):
    harm(saved)
    with pytest.raises(CheckpointError, match=message) as caught:
        fit(net(), recipe=SHORT, checkpoint=saved)
    assert "Delete the folder to start anew" in str(caught.value)


# --- NaN and other trouble ----------------------------------------------------------


def test_a_rate_too_high_is_named():
    recipe = Recipe(
        learning_rate=1e30, epochs=5, batch_size=16, schedule="constant", momentum=0
    )
    model = net()
    with pytest.raises(DivergenceError) as caught:
        fit(model, recipe=recipe, validation=VALIDATION)
    message, history = str(caught.value), caught.value.history
    assert "in epoch" in message and "learning rate was near 1e+30" in message
    assert "Lower learning_rate" in message and "not finite" in message
    assert isinstance(caught.value, FloatingPointError)
    assert history.stopped == message
    assert history.epochs < 5
    assert all(math.isfinite(v) for values in history.metrics.values() for v in values)
    # The cause names the layer.
    assert repr(model.layers[-1].name) in message


def test_stop_keeps_the_cause_and_the_best_weights():
    calm = Recipe(epochs=6, batch_size=48, learning_rate=0.1, schedule="constant")
    model = net()
    original = Recipe.rate
    with pytest.MonkeyPatch.context() as patch:
        # Calm for two epochs, then far too fast.
        patch.setattr(
            Recipe,
            "rate",
            lambda self, steps: keras.optimizers.schedules.PiecewiseConstantDecay(
                [3], [0.1, 1e30]
            ),
        )
        history = fit(
            model,
            recipe=calm,
            validation=VALIDATION,
            patience=6,
            on_divergence="stop",
        )
    assert Recipe.rate is original
    assert history.epochs in (2, 3)
    assert "not finite" in history.stopped or "NaN" in history.stopped
    assert "The loss of the epochs before" in history.stopped
    loss, _ = model.evaluate(VALIDATION[0], np.eye(CLASSES)[VALIDATION[1]], verbose=0)
    assert loss == pytest.approx(min(history["val_loss"]), rel=1e-5)


def test_weights_that_break_in_the_last_step_are_seen(tmp_path):
    # One step an epoch: the loss was taken before it, and is finite.
    recipe = Recipe(
        learning_rate=1e38, epochs=1, batch_size=96, schedule="constant", momentum=0
    )
    images = np.zeros_like(TRAIN[0])
    images[:, 0] = 255

    def huge(y_true, y_pred):
        return 100.0 * keras.losses.categorical_crossentropy(
            y_true, y_pred, from_logits=True
        )

    with pytest.raises(DivergenceError, match="at the end of epoch 1") as caught:
        fit(
            net(),
            (images, TRAIN[1]),
            recipe,
            loss=huge,
            checkpoint=tmp_path,
        )
    assert caught.value.history.epochs == 0
    assert not (tmp_path / "state.json").exists()


def test_a_validation_loss_that_is_not_finite():
    _, history = watched([2.0, math.nan, 1.0], None, "val_loss", 3)
    assert history.epochs == 1 and history.best_epoch == 1
    assert history.stopped.startswith("The validation loss became nan in epoch 2.")


def test_a_loss_that_gives_infinity_with_finite_weights():
    def odd(y_true, y_pred):
        bad = keras.ops.mean(y_true[:, 0]) * 0 - math.inf
        return keras.ops.sum(y_pred * 0, axis=-1) + keras.ops.where(
            keras.ops.shape(y_true)[0] > 32, bad, 1.0
        )

    with pytest.raises(DivergenceError, match="All weights are finite") as caught:
        fit(net(), recipe=Recipe(epochs=1, batch_size=48), loss=odd)
    assert "expect probabilities where the model gives logits" in str(caught.value)


def broken(where):
    model = net(full=True)
    layer = model.layers[{"kernel": -1, "average": 2}[where]]
    weights = layer.get_weights()
    weights[-1 if where == "average" else 0].flat[0] = math.nan
    layer.set_weights(weights)
    return model


def log_of_zero():
    layer = keras.layers.Lambda(lambda x: keras.ops.log(x * 0.0))
    return net(head=[layer])


def two_outputs():
    inputs = keras.Input((8, 8, 1))
    flat = keras.layers.Flatten()(inputs)
    return keras.Model(inputs, [keras.layers.Dense(3)(flat), flat])


def nested():
    head = keras.Sequential([keras.Input((CLASSES,)), keras.layers.Softmax()])
    return net(head=[head])


@pytest.mark.parametrize(
    ("model", "options", "error", "message"),
    [
        (lambda: broken("kernel"), {}, ValueError, "NaN .*kernel' before the"),
        (lambda: broken("average"), {}, ValueError, "NaN or infinity in .*variance'"),
        (log_of_zero, {}, ValueError, "finite outputs; got NaN or infinity before"),
        (
            net,
            {"loss": lambda y, p: keras.ops.sum(p, axis=-1) * 0 + math.inf},
            ValueError,
            "loss must be finite before the training.*; got inf",
        ),
        (
            lambda: net(head=[keras.layers.Softmax()]),
            {},
            ValueError,
            "ends in a softmax",
        ),
        (
            lambda: net(head=[keras.layers.Activation("softmax")]),
            {},
            ValueError,
            "ends in a softmax",
        ),
        (
            lambda: net(head=[keras.layers.Dense(CLASSES, activation="softmax")]),
            {},
            ValueError,
            "softmax a second time",
        ),
        (nested, {}, ValueError, "ends in a softmax"),
        (two_outputs, {}, ValueError, "a row of K logits an image"),
        (lambda: "net", {}, TypeError, "model must be a Keras model; got 'net'"),
        (lambda: net(head=[keras.layers.Dense(1)]), {}, ValueError, r"Dense\(2\)"),
        (
            lambda: keras.Sequential([keras.layers.Flatten()]),
            {},
            ValueError,
            "one that has its weights.*Begin it with",
        ),
        (net, {"recipe": "fast"}, TypeError, "recipe must be a training.Recipe; got"),
        (net, {"recipe": TRAIN[1]}, TypeError, r"fit\(model, \(images, labels\)\)"),
        (net, {"monitor": "loss"}, ValueError, "monitor must be one of 'val_loss'"),
        (net, {"on_divergence": "go"}, ValueError, "on_divergence must be one of"),
        (
            net,
            {"patience": 2},
            ValueError,
            "patience must be left out .* no validation",
        ),
        (
            net,
            {"patience": 0, "validation": VALIDATION},
            ValueError,
            "patience must be a whole number of 1",
        ),
        (net, {"train": 3}, TypeError, r"train must be a Part.*got 3 \(int\)"),
        (net, {"train": TRAIN[0]}, TypeError, "train must be a Part.*got an array"),
        (
            net,
            {"train": (TRAIN[0] / 255, TRAIN[1])},
            ValueError,
            r"train\[0\] must be a uint8 array",
        ),
        (
            net,
            {"train": (TRAIN[0], TRAIN[1][:5])},
            ValueError,
            r"train\[1\] must be 96 class numbers, one an image; got 5",
        ),
        (
            net,
            {"train": (TRAIN[0][:, :7], TRAIN[1])},
            ValueError,
            r"train\[0\] must be of 8 x 8 pixels, .*shape \(96, 7, 8, 1\)",
        ),
        (
            net,
            {"validation": (VALIDATION[0][:, :, :5], VALIDATION[1])},
            ValueError,
            r"validation\[0\] must be of 8 x 8 pixels, .*shape \(48, 8, 5, 1\)",
        ),
        (
            net,
            {"train": (TRAIN[0], TRAIN[1] + 1)},
            ValueError,
            r"train\[1\] must be below 4, the number of classes; got 4 at",
        ),
        (
            net,
            {"validation": (VALIDATION[0], VALIDATION[1] + 6)},
            ValueError,
            r"validation\[1\] must be below 4, .*got 9",
        ),
        (net, {"seed": -1}, ValueError, "seed"),
        (net, {"seed": "a"}, ValueError, "seed"),
    ],
)
def test_what_fit_refuses_before_it_begins(monkeypatch, model, options, error, message):
    monkeypatch.setattr(keras.Model, "fit", None)
    model = model()
    with pytest.raises(error, match=message):
        fit(model, **options)


def advice(function, *arguments, **options):
    with pytest.raises(ValueError) as caught:
        function(*arguments, **options)
    (code,) = re.findall(r"`([^`]+)`", str(caught.value))
    return code


class OwnSoftmax(keras.layers.Layer):
    def call(self, x):
        e = keras.ops.exp(x - keras.ops.max(x, axis=-1, keepdims=True))
        return e / keras.ops.sum(e, axis=-1, keepdims=True)


def by_operation():
    made = net()
    return keras.Model(made.inputs, keras.ops.softmax(made.outputs[0]))


ENDS = {
    "operation": ("softmax", by_operation),
    "Lambda": ("softmax", [keras.layers.Lambda, keras.ops.softmax]),
    "own layer": ("softmax", [OwnSoftmax]),
    "dropout": ("softmax", [keras.layers.Activation, "softmax"]),
    "sigmoid": ("sigmoid", [keras.layers.Activation, "sigmoid"]),
    "sigmoid Lambda": ("sigmoid", [keras.layers.Lambda, keras.ops.sigmoid]),
}


@pytest.mark.parametrize("name", ENDS)
def test_what_a_model_ends_in_is_found_by_its_outputs(name):
    end, make = ENDS[name]

    def model():
        if callable(make):
            return make()
        layer, *arguments = make
        dropout = [keras.layers.Dropout(0.2)] if name == "dropout" else []
        return net(head=[layer(*arguments), *dropout])

    with pytest.raises(ValueError, match=f"ends in a {end}"):
        fit(model(), loss=keras.losses.CategoricalCrossentropy(from_logits=True))
    if end == "sigmoid":
        with pytest.raises(ValueError, match=r"ends in a sigmoid.*sigmoid a second"):
            fit(model(), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    loss = eval(advice(fit, model()), {"keras": keras})
    made = model()
    before, p = made.get_weights(), numbers_of(made(TRAIN[0]))
    still = Recipe(epochs=1, batch_size=96, learning_rate=1e-12)
    history = fit(made, recipe=still, loss=loss)
    for a, b in zip(made.get_weights(), before, strict=True):
        assert np.allclose(a, b, atol=1e-9)
    if name == "dropout":
        return  # the loss of the training has other numbers
    true = np.eye(CLASSES)[TRAIN[1]]
    truth = -(true * np.log(p)).sum(axis=1).mean()
    if end == "sigmoid":
        truth = -(true * np.log(p) + (1 - true) * np.log(1 - p)).mean()
    assert history["loss"][0] == pytest.approx(truth, rel=1e-4)


@pytest.mark.parametrize("bias", [0.0, 0.25, 0.3, [0.1, 0.2, 0.3, 0.4]])
def test_logits_that_happen_to_look_like_probabilities_are_logits(bias):
    model = net()
    kernel, _ = model.get_weights()
    given_weights = [0 * kernel, np.zeros(CLASSES) + bias]
    model.set_weights(given_weights)
    runtime.set_seed(3)
    expected = next_draws()
    runtime.set_seed(3)
    history = fit(model, recipe=Recipe(epochs=1, learning_rate=1e-12, batch_size=96))
    assert next_draws() == expected
    assert history["loss"][0] == pytest.approx(math.log(CLASSES), abs=0.1)
    for a, b in zip(model.get_weights(), given_weights, strict=True):
        assert np.allclose(a, b)


@pytest.mark.parametrize(
    "loss",
    [
        "categorical_crossentropy",
        "CategoricalCrossentropy",
        keras.losses.categorical_crossentropy,
        keras.losses.CategoricalCrossentropy,
        keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        "categorical_focal_crossentropy",
        "binary_crossentropy",
        keras.losses.BinaryFocalCrossentropy(),
        "sparse_categorical_crossentropy",
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    ],
    ids=lambda loss: re.sub(" at 0x.*", "", str(loss)),
)
def test_a_loss_that_does_not_fit_logits_or_one_hot_labels(loss):
    sparse = "sparse" in str(loss).lower()
    right = eval(advice(fit, net(), loss=loss), {"keras": keras})
    with pytest.raises(ValueError, match="class numbers" if sparse else "takes prob"):
        fit(net(), loss=loss)
    still = Recipe(epochs=1, batch_size=96, learning_rate=1e-12)
    found = fit(net(), recipe=still, loss=right)["loss"][0]
    model = net()
    logits = keras.ops.convert_to_tensor(numbers_of(model(TRAIN[0])))
    truth = numbers_of(right(np.eye(CLASSES, dtype="float32")[TRAIN[1]], logits))
    assert found == pytest.approx(float(truth), rel=1e-4)


def test_other_losses_are_refused_or_taken_as_they_are():
    for loss, words in (
        ("crossentropy", "a Keras loss, its name"),
        (3, r"got 3 \(int\)"),
        ("kl_divergence", "or end the model in a softmax"),
    ):
        with pytest.raises(ValueError, match=f"loss must be .*{words}"):
            fit(net(), loss=loss)
    # What is not known to expect either is not refused.
    for loss in ("mse", keras.losses.Huber(), lambda true, given: (true - given) ** 2):
        assert fit(net(), loss=loss)["loss"][0] > 0
    fit(net(head=[keras.layers.Softmax()]), loss="kl_divergence")


def test_a_loss_on_probabilities_may_be_passed():
    model = net(head=[keras.layers.Softmax()])
    history = fit(model, loss="categorical_crossentropy")
    assert 0.5 < history["loss"][0] < 2.5


class Own(keras.Model):
    """A model that says neither what it takes nor what it gives."""

    def __init__(self, scaled=True, outputs=CLASSES):
        super().__init__()
        self.scale = keras.layers.Rescaling(1 / 255) if scaled else None
        self.flatten = keras.layers.Flatten()
        self.dense = keras.layers.Dense(outputs)

    def call(self, x):
        return self.dense(self.flatten(self.scale(x) if self.scale else x))


def test_a_model_of_an_own_class_trains_like_the_same_of_layers():
    runtime.set_seed(0)
    model, same_of_layers = Own(), net()
    recipe = Recipe(epochs=2, batch_size=32, learning_rate=0.1)
    found = fit(model, recipe=recipe, validation=VALIDATION)
    assert found.epochs == 2 and len(found["val_loss"]) == 2
    model, weights = Own(), same_of_layers.get_weights()
    model(TRAIN[0][:1])
    model.set_weights(weights)
    again = fit(model, recipe=recipe)
    assert again["loss"] == pytest.approx(fit(same_of_layers, recipe=recipe)["loss"])
    with pytest.raises(ValueError, match=r"K at least 2; got outputs of shape \(1, 1"):
        fit(Own(outputs=1))
    with pytest.raises(ValueError, match="below 4"):
        fit(Own(), (TRAIN[0], TRAIN[1] + 1))


def test_a_model_of_an_own_class_that_cannot_take_bytes():
    class Asks(Own):
        def call(self, x):
            raise NotImplementedError("floats, please")

    with pytest.raises(ValueError, match=r"got .*Rescaling\(1 / 255\) first") as caught:
        fit(Asks())
    assert "floats, please" in str(caught.value)


def test_a_whole_data_set_and_tf_data_lead_to_a_part():
    from imgcls_helpers import data

    digits = data.load_dataset("digits", validation=0.1)
    model = models.fast_net((8, 8, 1), width=4)
    code = advice(fit, model, digits)
    assert eval(code, {"train": digits}) is digits.train
    code = advice(fit, model, digits.train, validation=digits)
    assert eval(code, {"validation": digits}) is digits.validation
    pair = eval(advice(fit, net(), TRAIN[0]), {"train": TRAIN[0], "labels": TRAIN[1]})
    assert fit(net(), pair).epochs == 1
    for batched in (True, False):
        rows = [np.split(a, 4) for a in TRAIN] if batched else TRAIN
        shape = np.empty((1, 8, 8, 1) if batched else (8, 8, 1))
        stream = types.SimpleNamespace(
            element_spec=(shape, None),
            as_numpy_iterator=lambda rows=rows: zip(*rows, strict=True),
        )
        pair = eval(advice(fit, net(), stream), {"train": stream, "np": np})
        assert same(pair, TRAIN)


@pytest.mark.parametrize("name", ["train", "validation"])
def test_advice_on_what_is_given_leads_to_the_same_training(name):
    images, labels = TRAIN
    model = net()
    for wrong in (
        images / 255,
        images.astype(int),
        images[..., 0],
        images.transpose(0, 3, 1, 2).copy(),
        list(images),
        np.ma.MaskedArray(images),
    ):
        given = {"train": TRAIN, "validation": TRAIN, name: (wrong, labels)}
        right = eval(advice(fit, model, **given), {"np": np, name: given[name]})
        assert right.dtype == np.uint8 and np.array_equal(right, images)
    for wrong in (labels * 1.0, labels.astype(str), np.eye(CLASSES)[labels]):
        given = {"train": TRAIN, "validation": TRAIN, name: (images, wrong)}
        right = eval(advice(fit, model, **given), {"np": np, name: given[name]})
        assert np.array_equal(right, labels)


def test_a_part_of_any_size_of_image():
    runtime.set_seed(0)
    model = keras.Sequential(
        [
            keras.Input((None, None, 1), dtype="uint8"),
            keras.layers.Rescaling(1 / 255),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(CLASSES),
        ]
    )
    recipe = Recipe(epochs=1, batch_size=1000)  # more than there are
    assert fit(model, Part(*TRAIN), recipe).epochs == 1
    assert int(model.optimizer.iterations) == 1


# --- The line that shows how it goes ------------------------------------------------


@pytest.fixture
def eager(monkeypatch):
    """Look at every step, as if each took more than a second."""
    ticks = iter(np.arange(0.0, 1e6, 1.5))
    clock = types.SimpleNamespace(
        perf_counter=lambda: next(ticks), process_time=time.process_time
    )
    monkeypatch.setattr(_watch, "time", clock)
    monkeypatch.setattr(_fit, "time", clock)


FINAL = r"2 epochs, [\d.]+ s: loss [\d.]+, accuracy [\d.]+%, validation accuracy .*%"


def show(**options):
    fit(
        net(),
        recipe=Recipe(epochs=2, batch_size=24),
        validation=VALIDATION,
        progress=True,
        steps_per_execution=1,
        **options,
    )


def test_a_pipe_gets_one_line(eager, capsys):
    show()
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("\n") == 1 and "\r" not in out
    assert re.fullmatch(FINAL, out.strip())


def screen_of(text, width):
    """Return what stands on a terminal of this width after `text`."""
    lines, column = [[]], 0
    for character in text:
        if character == "\r":
            column = 0
        elif character == "\n":
            lines.append([])
            column = 0
        else:
            if column == width:
                lines.append([])
                column = 0
            line = lines[-1]
            line += [" "] * (column + 1 - len(line))
            line[column] = character
            column += 1
    return ["".join(line).rstrip() for line in lines]


def test_a_terminal_gets_one_line_that_changes(eager, monkeypatch):
    main, tail = os.openpty()
    monkeypatch.setenv("COLUMNS", "60")
    with os.fdopen(tail, "w") as terminal, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", terminal)
        show()
        terminal.flush()
        text = ""
        while not text.endswith("\n"):
            text += os.read(main, 100_000).decode().replace("\r\n", "\n")
    os.close(main)
    updates = text.split("\r")
    assert len(updates) > 6
    assert any("0 of 2 epochs" in u and "epoch 1, step" in u for u in updates)
    assert any(u.startswith("1 of 2 epochs") for u in updates)
    assert all(len(u) < 60 for u in updates[:-1])
    screen = screen_of(text, 60)
    # The last line may wrap: it is complete, and nothing of the others is left.
    assert "".join(screen).startswith("2 epochs, ")
    assert "".join(screen).count("epochs") == 1
    assert "step" not in "".join(screen)


def test_the_line_ends_when_the_training_breaks(monkeypatch, capsys):
    def fail(self, *arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(_watch.Watch, "judge", fail)
    with pytest.raises(KeyboardInterrupt):
        show()
    assert capsys.readouterr().out.count("\n") == 1


def test_no_progress_is_silent(capsys):
    fit(net())
    assert capsys.readouterr() == ("", "")


NOTEBOOK = """
import numpy as np
from imgcls_helpers import training
import keras
class time:
    process_time = lambda: 0.0
    perf_counter = iter(np.arange(0.0, 1e6, 1.5)).__next__
training.time = time
images = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 1), dtype=np.uint8)
model = keras.Sequential(
    [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(4)]
)
recipe = training.Recipe(epochs=2, batch_size=32, learning_rate=1e-6)
history = training.fit(model, (images, np.arange(64) % 4), recipe)
"""


def test_an_executed_notebook_keeps_one_final_line():
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(NOTEBOOK)])
    nbclient.NotebookClient(notebook, timeout=1200, kernel_name="python3").execute()
    (output,) = notebook.cells[0].outputs
    assert output.output_type == "display_data"
    assert list(output.data) == ["text/plain"]
    text = output.data["text/plain"]
    assert text.startswith("2 epochs, ") and "accuracy" in text
    assert "\n" not in text and "step" not in text


# --- Finding a learning rate --------------------------------------------------------


SEARCH = Recipe(batch_size=32, weight_decay=0.1, label_smoothing=0.1)


@pytest.fixture(scope="module")
def found():
    model = net(full=True)
    runtime.set_seed(5)
    expected = next_draws()
    runtime.set_seed(5)
    before = [numbers_of(v).copy() for layer in model.layers for v in layer.variables]
    result = training.find_learning_rate(
        model, TRAIN, SEARCH, low=1e-3, high=1.0, steps=14, seed=3
    )
    assert next_draws() == expected
    after = [numbers_of(v) for layer in model.layers for v in layer.variables]
    return result, same(before, after), int(model.optimizer.iterations)


def test_rates_are_geometric_and_the_model_stays(found):
    result, unchanged, iterations = found
    assert unchanged
    assert iterations == 14  # and not a whole epoch more
    assert np.allclose(result.rates, np.geomspace(1e-3, 1.0, 14))
    assert len(result.losses) == len(result.smoothed) == 14
    best = result.rates[result.smoothed.argmin()]
    assert result.suggestion == pytest.approx(best / 10)
    assert result.smoothed[0] == pytest.approx(result.losses[0])
    weights = 0.9 ** np.arange(13, -1, -1)
    assert result.smoothed[-1] == pytest.approx(
        weights @ result.losses / weights.sum(), rel=1e-6
    )
    assert "14 rates from 0.001 to 1, suggestion" in repr(result)


def test_losses_are_those_of_steps_by_hand():
    # Without dropout, whose draws a loop by hand would not share.
    result = training.find_learning_rate(
        net(), TRAIN, SEARCH, low=1e-2, high=1.0, steps=10, seed=3
    )
    model = net()
    optimizer = keras.optimizers.SGD(
        0.01, momentum=0.9, nesterov=True, weight_decay=0.1
    )
    optimizer.exclude_from_weight_decay(var_list=[model.layers[-1].bias])
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    model.compile(optimizer=optimizer, loss=loss)
    order = np.random.default_rng(3).permutation(96)
    batches = training.Batches(
        TRAIN[0][order], TRAIN[1][order], batch_size=32, classes=CLASSES, seed=3
    )
    losses = []
    for step in range(10):
        optimizer.learning_rate = 0.01 * 100 ** (step / 9)
        model.reset_metrics()  # or it returns a running mean
        losses.append(float(model.train_on_batch(*batches[step % 3])))
        if step % 3 == 2:
            batches.on_epoch_end()
    assert result.losses == pytest.approx(losses, rel=1e-3)


def test_the_search_ends_when_the_loss_runs_away():
    model = net()
    before = model.get_weights()
    result = training.find_learning_rate(
        model, TRAIN, Recipe(batch_size=32), low=1e-3, high=1e8, steps=30
    )
    assert 2 <= len(result.losses) < 30
    assert len(result.rates) == len(result.losses)
    assert np.isfinite(result.losses).all()
    assert (result.losses[:-1] <= 10 * result.losses[0]).all()
    assert same(model.get_weights(), before)
    assert result.suggestion < 10


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"low": 0}, ValueError, "low must be a number above 0"),
        ({"low": 2, "high": 2}, ValueError, "high must be a number above 2"),
        ({"steps": 9}, ValueError, "steps must be a whole number of 10 or more"),
        ({"recipe": {}}, TypeError, "recipe must be a training.Recipe"),
        ({"train": (TRAIN[0], TRAIN[1] + 1)}, ValueError, "below 4, .*got 4 at"),
        ({"seed": 1.5}, ValueError, "seed must be a whole number"),
        ({"loss": "sparse_categorical_crossentropy"}, ValueError, "one-hot labels"),
        ({"model": net(head=[keras.layers.Softmax()])}, ValueError, "in a softmax"),
        ({"model": 3}, TypeError, "model must be a Keras model"),
        (
            {"low": 1e37, "high": 1e38, "steps": 10},
            ValueError,
            r"not finite after the first step, at 1e\+37",
        ),
    ],
)
def test_what_the_search_refuses(options, error, message):
    arguments = {"model": net(), "train": TRAIN, "recipe": Recipe(batch_size=48)}
    with pytest.raises(error, match=message):
        training.find_learning_rate(**{**arguments, **options})


# --- Several seeds ------------------------------------------------------------------


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=9))
def test_spread_is_mean_and_standard_deviation(values):
    spread = Spread(values)
    assert spread.n == len(values)
    assert spread.values.tolist() == values
    mean = sum(values) / len(values)
    sd = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))
    assert spread.mean == pytest.approx(mean, abs=1e-6)
    assert spread.sd == pytest.approx(sd, abs=1e-5)


def test_how_a_spread_is_written():
    spread = Spread([0.71, 0.72, 0.70])
    assert f"{spread:.1%}" == "71.0 ± 1.0%"
    assert f"{spread:.0%}" == "71 ± 1%"
    assert f"{spread:.3f}" == "0.710 ± 0.010"
    assert f"{spread:.2g}" == "0.71 ± 0.01"
    assert str(spread) == f"{spread}" == "0.710 ± 0.010"
    assert repr(spread) == "Spread([0.71, 0.72, 0.7])"
    alone = Spread([0.71])
    assert f"{alone:.1%}" == "71.0%" and str(alone) == "0.710"
    assert math.isnan(alone.sd) and alone.n == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "at least one"),
        (0.5, "one number a run"),
        ([[1.0, 2.0]], "one number a run"),
        ([1.0, math.nan], "must be finite"),
        (np.ma.MaskedArray([1.0, 2.0], [0, 1]), "must be finite.*masked"),
        (["0.5"], "one number a run"),
        ([[1.0], [2.0, 3.0]], "one number a run"),
        ([math.inf], "must be finite"),
    ],
)
def test_what_a_spread_refuses(values, message):
    with pytest.raises(ValueError, match=message):
        Spread(values)


def test_repeat():
    seen = []

    def run(seed):
        seen.append(seed)
        return seed / 10

    assert training.repeat(run).values.tolist() == [0, 0.1, 0.2]
    assert training.repeat(run, seeds=[7, 5]).values.tolist() == [0.7, 0.5]
    assert training.repeat(run, seeds=np.int64(1)).n == 1
    assert seen == [0, 1, 2, 7, 5, 0]
    # NumPy's and Keras's numbers count.
    assert training.repeat(lambda s: np.float32(s)).mean == 1
    assert training.repeat(lambda s: np.array(s)).mean == 1
    spreads = training.repeat(
        lambda s: {"a": s, "b": -s} if s else {"b": 0, "a": 0}, seeds=3
    )
    assert list(spreads) == ["b", "a"]
    assert spreads["b"].values.tolist() == [0, -1, -2]


@pytest.mark.parametrize(
    ("run", "seeds", "error", "message"),
    [
        (float, 0, ValueError, "seeds must be a whole number of 1 or more"),
        (float, True, ValueError, "seeds must be"),
        (float, [], ValueError, "at least one seed"),
        (float, [0, 1.5], ValueError, "each of seeds must be a whole number"),
        (float, "012", ValueError, "how many seeds, or a list"),
        (float, 1.5, ValueError, "how many seeds, or a list"),
        (lambda s: {"a" * (s + 1): 1}, 2, ValueError, "the same names"),
        (lambda s: {"a": 1} if s else 1, 2, ValueError, "a dictionary from one and"),
        (lambda s: 1 if s else {"a": 1}, 2, ValueError, "a dictionary from one and"),
        (lambda s: "0.5", 2, TypeError, "returns a number.*got '0.5'"),
        (lambda s: None, 2, TypeError, "returns a number.*got None"),
        (lambda s: [0.1, 0.2], 2, TypeError, "returns a number"),
        (lambda s: [[1], [1, 2]], 2, TypeError, "returns a number"),
        (lambda s: {"a": [1]}, 2, TypeError, "a number or a dict of them"),
        (lambda s: math.nan, 2, ValueError, "must be finite"),
    ],
)
def test_what_repeat_refuses(run, seeds, error, message):
    with pytest.raises(error, match=message):
        training.repeat(run, seeds)


def test_a_precision_that_is_only_imitated_is_said_in_training(monkeypatch):
    monkeypatch.setattr(backend, "_told", set())
    monkeypatch.setattr(backend, "_processor", lambda: frozenset({"avx2"}))
    monkeypatch.setattr(backend, "accelerator", lambda: None)
    head = [keras.layers.Dense(CLASSES, dtype="mixed_bfloat16")]
    model = net(head=[keras.Sequential([keras.Input((CLASSES,)), *head])])
    with pytest.warns(UserWarning, match="bfloat16.*imitates") as caught:
        fit(model, recipe=SHORT)
        fit(model, recipe=SHORT)
    assert len([w for w in caught if "imitates" in str(w.message)]) == 1


def test_the_modules_work_together():
    model = models.fast_net((8, 8, 1), CLASSES, width=4, images=TRAIN[0])
    stem = model.get_layer("stem").get_weights()
    history = fit(model, recipe=Recipe(epochs=1, batch_size=32, learning_rate=0.05))
    assert history["loss"][0] < 3
    assert same(model.get_layer("stem").get_weights(), stem)


def test_a_sign_belongs_to_the_mean_alone():
    assert f"{training.Spread([0.1, 0.2]):+.1%}" == "+15.0 ± 7.1%"


def test_the_band_is_where_one_more_run_lands():
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(2000):
        *seen, next_one = rng.normal(0.7, 0.02, 4)
        low, high = Spread(seen).band(0.9)
        inside.append(low <= next_one <= high)
    assert abs(np.mean(inside) - 0.9) < 0.02
    assert all(np.isnan(Spread([0.5]).band()))
    with pytest.raises(ValueError, match="confidence must be a number above 0"):
        Spread([0.5, 0.6]).band(1)
