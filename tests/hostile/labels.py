"""Hostile conditions: labels of the wrong kind, NaN and infinity."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from imgcls_helpers import augment, data, evaluation, models, plots, results, scratch
from imgcls_helpers import training as t
from imgcls_helpers._arguments import ArgumentError
from imgcls_helpers.checks import check
from imgcls_helpers.data import Part, split_indices
from tests.hostile import Place, case, refused

import keras  # isort: skip  # after the package, which picks the backend

numbers = partial(case, "Labels and numbers")

IMAGES = np.arange(6 * 4 * 4, dtype=np.uint8).reshape(6, 4, 4, 1)
FLOATS = (IMAGES / 255).astype(np.float32)
LABELS = np.array([0, 1, 2, 0, 1, 2])
NAMES = np.array(["cat", "dog", "owl"] * 2)
ONE_HOT = np.eye(3)[LABELS]
GOOD = np.full((6, 3), 1 / 3)
LOSS = scratch.SparseCategoricalCrossentropy(from_logits=True)


def with_one(array: np.ndarray, value: float) -> np.ndarray:
    """Return a copy in which the last value is another."""
    array = np.array(array, dtype=np.result_type(array, np.float32))
    array.flat[-1] = value
    return array


def model(kernel: float | None = None, bias: float | None = None) -> keras.Model:
    made = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    weights, biases = made.layers[-1].get_weights()
    if kernel is not None:
        weights[0, 0] = kernel
    if bias is not None:
        biases[0] = bias
    made.layers[-1].set_weights([weights, biases])
    return made


def fit(train, labels, **options):
    """Train a Keras model; nothing may be trained before the refusal."""
    made = model()
    before = [w.copy() for w in made.get_weights()]
    try:
        return t.fit(made, (train, labels), progress=False, **options)
    finally:
        after = made.get_weights()
        assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def own_fit(x, y, **options):
    """Train a network of `scratch`."""
    network = scratch.Network([scratch.Flatten(), scratch.Dense(3)], (4, 4, 1))
    given = {"loss": LOSS, "optimizer": scratch.SGD(0.1), **options}
    return network.fit(x, y, **given)


def rows(*entries: tuple) -> None:
    """Enter cases that are one call which must be refused."""
    for condition, outcome, kind, words, *call in entries:

        def run(place: Place, kind=kind, words=words, call=call) -> str:
            return refused(kind, words, *call)

        numbers(condition, outcome)(run)


NAMED = "gives the line that turns names into numbers"
WHOLE = "gives the line that makes them whole numbers"
HOT = "gives the line that turns rows into class numbers"
RANGE = "says which labels there may be"
NOT_FINITE = "refuses it, and asks for the cause"

rows(
    # --- labels ---
    (
        "Labels are names, in a data set of your own (`data.Part`)",
        NAMED,
        ArgumentError,
        "np.unique",
        Part,
        IMAGES,
        NAMES,
    ),
    (
        "Labels are floats (`data.Part`)",
        WHOLE,
        ArgumentError,
        "astype",
        Part,
        IMAGES,
        LABELS * 1.0,
    ),
    (
        "A label is missing: NaN (`data.Part`)",
        "says that NaN is no class",
        ArgumentError,
        "missing labels",
        Part,
        IMAGES,
        with_one(LABELS, math.nan),
    ),
    (
        "Labels are one-hot (`data.Part`)",
        HOT,
        ArgumentError,
        "argmax",
        Part,
        IMAGES,
        ONE_HOT,
    ),
    (
        "Labels stand in a column (`data.Part`)",
        "gives the line that flattens it",
        ArgumentError,
        r"labels\[:, 0\]",
        Part,
        IMAGES,
        LABELS[:, None],
    ),
    (
        "A label is -1 (`data.Part`)",
        "names its position",
        ArgumentError,
        "position 0",
        Part,
        IMAGES,
        LABELS - 1,
    ),
    (
        "More classes in the labels than there are (`data.Part`)",
        RANGE,
        ArgumentError,
        "the number of classes",
        partial(Part, classes=2),
        IMAGES,
        LABELS,
    ),
    (
        "One label too few (`data.Part`)",
        "says how many of each there are",
        ArgumentError,
        "6 class numbers, one an image",
        Part,
        IMAGES,
        LABELS[:5],
    ),
    (
        "Labels are names, where data are split (`data.split_indices`)",
        NAMED,
        ArgumentError,
        "np.unique",
        split_indices,
        NAMES,
        [0.5, 0.5],
    ),
    (
        "Labels are names (`training.fit`)",
        NAMED,
        ArgumentError,
        "np.unique",
        fit,
        IMAGES,
        NAMES,
    ),
    (
        "Labels are one-hot (`training.fit`)",
        HOT,
        ArgumentError,
        "argmax",
        fit,
        IMAGES,
        ONE_HOT,
    ),
    (
        "Labels count from 1 (`training.fit`)",
        RANGE,
        ArgumentError,
        "below 3, the number of classes; got 3",
        fit,
        IMAGES,
        LABELS + 1,
    ),
    (
        "Labels of the validation data count from 1 (`training.fit`)",
        RANGE,
        ArgumentError,
        r"validation\[1\] must be below 3",
        partial(fit, validation=(IMAGES, LABELS + 1)),
        IMAGES,
        LABELS,
    ),
    (
        "Labels are names (`evaluation.evaluate`)",
        NAMED,
        ArgumentError,
        "np.unique",
        evaluation.evaluate,
        NAMES,
        GOOD,
    ),
    (
        "Labels are floats (`evaluation.evaluate`)",
        WHOLE,
        ArgumentError,
        "astype",
        evaluation.evaluate,
        LABELS * 1.0,
        GOOD,
    ),
    (
        "Labels are one-hot (`evaluation.evaluate`)",
        HOT,
        ArgumentError,
        "argmax",
        evaluation.evaluate,
        ONE_HOT,
        GOOD,
    ),
    (
        "Labels count from 1 (`evaluation.evaluate`)",
        RANGE,
        ArgumentError,
        "They count from 1",
        evaluation.evaluate,
        LABELS + 1,
        GOOD,
    ),
    (
        "Predictions of another part of the data (`evaluation.evaluate`)",
        "says how many of each there are",
        ArgumentError,
        "equally many; got 4 and 6",
        evaluation.evaluate,
        LABELS[:4],
        GOOD,
    ),
    (
        "Logits in place of probabilities (`evaluation.evaluate`)",
        "names the function that turns one into the other",
        ArgumentError,
        "look like logits",
        evaluation.evaluate,
        LABELS,
        GOOD * 9,
    ),
    (
        "Labels are names (`scratch.Network`)",
        "says what it expects",
        ArgumentError,
        "They are names",
        own_fit,
        FLOATS,
        NAMES,
    ),
    (
        "Labels are one-hot, and the loss wants numbers (`scratch.Network`)",
        "names the other loss, and the line that turns them",
        ArgumentError,
        "belong to CategoricalCrossentropy",
        own_fit,
        FLOATS,
        ONE_HOT,
    ),
    (
        "Labels count from 1 (`scratch.Network`)",
        RANGE,
        ArgumentError,
        "They count from 1",
        own_fit,
        FLOATS,
        LABELS + 1,
    ),
    (
        "A label out of range is made one-hot (`data.one_hot`)",
        RANGE,
        ArgumentError,
        "below 3",
        data.one_hot,
        LABELS + 1,
        3,
    ),
    (
        "Labels are names (`plots.image_grid`)",
        NAMED,
        ArgumentError,
        "np.unique",
        plots.image_grid,
        IMAGES,
        NAMES,
    ),
    # --- NaN and infinity ---
    (
        "A pixel is NaN (`training.fit`)",
        "takes whole numbers alone, where there is no NaN",
        ArgumentError,
        "uint8",
        fit,
        with_one(FLOATS, math.nan),
        LABELS,
    ),
    (
        "A pixel is NaN (`augment`)",
        "takes whole numbers alone, where there is no NaN",
        ArgumentError,
        "uint8",
        augment.RandomFlip(),
        with_one(FLOATS, math.nan),
        np.random.default_rng(0),
    ),
    (
        "A pixel is NaN (`models.whitening_filters`)",
        "takes whole numbers alone, where there is no NaN",
        ArgumentError,
        "uint8",
        models.whitening_filters,
        with_one(FLOATS, math.nan),
        2,
    ),
    (
        "A pixel is NaN (`scratch.Network.fit`)",
        "stops at the first batch and names it",
        FloatingPointError,
        "epoch 1, batch 1",
        own_fit,
        with_one(FLOATS, math.nan),
        LABELS,
    ),
    (
        "A pixel is infinite (`scratch.Network.fit`)",
        "stops at the first batch and names it",
        FloatingPointError,
        "epoch 1, batch 1",
        own_fit,
        with_one(FLOATS, math.inf),
        LABELS,
    ),
    (
        "A gradient is NaN (`scratch.Adam`)",
        "refuses the step; no weight is changed",
        FloatingPointError,
        "are NaN or infinite at step 0",
        lambda: no_step(scratch.Adam(0.1)),
    ),
    (
        "A prediction is NaN (`scratch` losses)",
        NOT_FINITE,
        ArgumentError,
        "Has the training diverged",
        LOSS,
        LABELS,
        with_one(GOOD, math.nan).astype(np.float32),
    ),
    (
        "A one-hot label is NaN (`scratch` losses)",
        NOT_FINITE,
        ArgumentError,
        "missing labels",
        scratch.CategoricalCrossentropy(),
        with_one(ONE_HOT, math.nan),
        GOOD.astype(np.float32),
    ),
    (
        "A weight of an example is infinite (`scratch` losses)",
        "refuses it",
        ArgumentError,
        "sample_weight must be",
        LOSS,
        LABELS,
        GOOD.astype(np.float32),
        np.full(6, np.inf, np.float32),
    ),
    (
        "A probability is NaN (`evaluation.evaluate`)",
        NOT_FINITE,
        ArgumentError,
        "got NaN or infinity in row 5",
        evaluation.evaluate,
        LABELS,
        with_one(GOOD, math.nan),
    ),
    (
        "A probability is infinite (`evaluation.evaluate`)",
        NOT_FINITE,
        ArgumentError,
        "got NaN or infinity in row 5",
        evaluation.evaluate,
        LABELS,
        with_one(GOOD, math.inf),
    ),
    (
        "A pixel is NaN (`evaluation.predict`)",
        "says for how many images; no class is made up",
        ArgumentError,
        "NaN or infinity for 1 of 6",
        lambda: evaluation.predict(model(), with_one(FLOATS, math.nan)),
    ),
    (
        "A weight is NaN (`evaluation.predict`)",
        "says for how many images; no class is made up",
        ArgumentError,
        "NaN or infinity for 6 of 6",
        lambda: evaluation.predict(model(kernel=math.nan), FLOATS),
    ),
    (
        "A bias is infinite (`evaluation.predict`)",
        "says for how many images; no class is made up",
        ArgumentError,
        "NaN or infinity for 6 of 6",
        lambda: evaluation.predict(model(bias=math.inf), FLOATS),
    ),
    (
        "A score is NaN (`training.Spread`)",
        "refuses it; a mean would hide it",
        ArgumentError,
        "must be finite",
        t.Spread,
        [0.9, math.nan],
    ),
    (
        "A score is NaN (`results.model`)",
        "refuses it; nothing enters the table of results",
        ArgumentError,
        "scores must be finite",
        lambda: results.model(
            "m", [math.nan], data="digits", images=1, parameters=1, judged="test"
        ),
    ),
    (
        "A pixel is NaN (`plots.image_grid`)",
        "says how many; a colour would hide it",
        ArgumentError,
        "1 of 96 values",
        plots.image_grid,
        with_one(FLOATS, math.nan),
    ),
    (
        "A loss is NaN (`plots.curves`)",
        "says in which curve; a gap would hide it",
        ArgumentError,
        r"series\['Adam'\] must be finite",
        plots.curves,
        {"Adam": [1.0, math.nan]},
    ),
    (
        "The learning rate is NaN (`training.Recipe`)",
        "refuses it",
        ArgumentError,
        "learning_rate",
        partial(t.Recipe, learning_rate=math.nan),
    ),
    (
        "The learning rate is infinite (`scratch.SGD`)",
        "refuses it",
        ArgumentError,
        "a number above 0",
        scratch.SGD,
        math.inf,
    ),
    (
        "A share is NaN (`Part.noisy`)",
        "refuses it",
        ArgumentError,
        "fraction must be",
        Part(IMAGES, LABELS).noisy,
        math.nan,
    ),
)


def no_step(optimizer) -> None:
    weight = np.ones(3, np.float32)
    try:
        optimizer.apply([np.array([1, math.nan, 1], np.float32)], [weight])
    finally:
        assert (weight == 1).all()


@numbers(
    "A pixel is NaN (`scratch.Network.predict`)",
    "hands the NaN on to that image alone, where it is seen",
)
def _(place):
    network = scratch.Network([scratch.Flatten(), scratch.Dense(3)], (4, 4, 1))
    plain = network.predict(FLOATS)
    found = network.predict(with_one(FLOATS, math.nan))
    assert np.array_equal(found[:5], plain[:5]) and np.isnan(found[5]).all()
    return f"row 5: {found[5].tolist()}"


@numbers(
    "A pixel is NaN (`scratch`: convolution, pooling, activations)",
    "hands the NaN on; a maximum or a rectifier would be the places to lose it",
)
def _(place):
    x = with_one(FLOATS, math.nan)
    kernel = np.ones((3, 3, 1, 1), np.float32)
    steps = {
        "conv2d": lambda: scratch.conv2d(x, kernel),
        "max_pool": lambda: scratch.max_pool(x),
        "average_pool": lambda: scratch.average_pool(x),
        "global_max_pool": lambda: scratch.global_max_pool(x),
        "relu": lambda: scratch.relu(x),
        "softmax": lambda: scratch.softmax(x.reshape(6, -1)),
    }
    for name, step in steps.items():
        result = step().reshape(6, -1)
        assert np.isnan(result[5]).any() and np.isfinite(result[:5]).all(), name
    return f"NaN after {', '.join(steps)}"


@numbers(
    "An answer to an exercise holds NaN (`checks.check`)",
    "never takes it for right, and says where it is",
)
def _(place):
    verdict = check("5.3", lambda z: np.full(z.shape, math.nan))
    assert verdict.ok is False and verdict.mistake == "NaN"
    return repr(verdict)
