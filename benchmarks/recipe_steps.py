"""What each step from the common tutorial program to the fast net brings, on CIFAR-10.

Run it with ``IMGCLS_DATA`` pointing to a folder with ``cifar10.npz`` (or let Keras
download CIFAR-10)::

    python benchmarks/recipe_steps.py

It climbs the ladder of chapter 10 with more time: each row keeps the changes above it,
and each training gets the same CPU time, all cores together, so that a dearer network
sees fewer images. The cost of an image is measured first. Accuracy is that on 5,000
validation images; the test set is not used. It writes ``recipe_steps.json`` beside it.
24 trainings of 18 CPU-seconds each, and their compilation: some nine minutes of CPU.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from imgcls_helpers import augment, backend, data, evaluation, models, runtime, training

# isort: split
import keras
from keras import layers

OUT = Path(__file__).with_suffix(".json")
WIDTH = 16
SHAPE = (32, 32, 3)

_ADAM = training.Recipe(
    optimizer="adam", learning_rate=1e-3, schedule="constant", weight_decay=0.0
)
_CYCLE = training.Recipe(learning_rate=0.1)
_SMALL = replace(_CYCLE, batch_size=64, learning_rate=0.05)
_SMOOTH = replace(_SMALL, label_smoothing=0.1)
_FLIPS = replace(_SMOOTH, augment=augment.RandomFlip())
_STEM = {"stem": True}
_NORM = {"stem": True, "norm": True}
_HEAD = {"stem": True, "norm": True, "head": True}

# name: (changes in the network, how to train)
LADDER: dict[str, tuple[dict[str, bool], training.Recipe]] = {
    "tutorial": ({}, _ADAM),
    "stem": (_STEM, _ADAM),
    "norm": (_NORM, _ADAM),
    "one-cycle": (_NORM, _CYCLE),
    "head": (_HEAD, _CYCLE),
    "batch 64": (_HEAD, _SMALL),
    "smoothing": (_HEAD, _SMOOTH),
    "flips": (_HEAD, _FLIPS),
}


def build(*, stem: bool = False, norm: bool = False, head: bool = False) -> Any:
    """Return the tutorial's network, with parts of it exchanged, as in chapter 10."""

    def convolution(filters: int) -> list:
        made = [
            layers.Conv2D(
                filters, 3, padding="same" if stem else "valid", use_bias=not norm
            ),
            layers.MaxPooling2D(2),
        ]
        if norm:
            made.append(layers.BatchNormalization(momentum=0.9, scale=False))
        return [*made, layers.Activation("relu")]

    first = convolution(32)
    if stem:
        first = [
            layers.Conv2D(
                2 * WIDTH,
                4,
                strides=2,
                padding="same",
                activation="relu",
                trainable=False,
                name="stem",
            )
        ]
    sizes = (2 * WIDTH, 4 * WIDTH, 4 * WIDTH) if head else (64,)
    end = [layers.Flatten(), layers.Dense(64, activation="relu")]
    if head:
        end = [layers.GlobalMaxPooling2D()]
    return keras.Sequential(
        [
            keras.Input(SHAPE, dtype="uint8"),
            layers.Rescaling(1 / 255),
            *first,
            *(layer for size in sizes for layer in convolution(size)),
            *end,
            layers.Dense(10),
        ]
    )


def made(seed: int, filters: tuple, pieces: dict[str, bool]) -> Any:
    """Return a fresh network with the weights of this seed."""
    runtime.set_seed(seed)
    model = build(**pieces)
    if pieces.get("stem"):
        model.get_layer("stem").set_weights(filters)
    return model


def cost(model: Any, part: data.Part, size: int) -> float:
    """Return the CPU-seconds that an image costs in training, the least of five."""
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = part.images[:size], part.labels[:size]
    took = []
    for _ in range(6):  # the first one also compiles
        start = time.process_time()
        for _ in range(10):
            model.train_on_batch(x, y)
        took.append(time.process_time() - start)
    return min(took) / (10 * size)


def main() -> None:
    """Climb the ladder and write what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=18.0, help="for a training")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    cifar = data.load_dataset("cifar10", validation=0.1)
    train, judged = cifar.train, cifar.validation
    filters = models.whitening_filters(train.images, 2 * WIDTH)
    results: dict[str, Any] = {}
    began = time.process_time()
    for name, (pieces, recipe) in LADDER.items():
        one = cost(made(0, filters, pieces), train, recipe.batch_size)
        n = max(500, int(options.seconds / one))
        epochs = -(-n // len(train))
        recipe = replace(recipe, epochs=epochs)
        runs: dict[str, list[float]] = {"accuracy": [], "both views": []}
        for seed in range(options.seeds):
            model = made(seed, filters, pieces)
            history = training.fit(
                model,
                train.subset(n // epochs, seed),
                recipe,
                seed=seed,
                progress=False,
            )
            runs.setdefault("cpu_seconds", []).append(round(history.cpu_seconds, 1))
            for key, flips in (("accuracy", False), ("both views", True)):
                p = evaluation.predict(model, judged.images, average_flips=flips)
                runs[key].append(round(evaluation.accuracy(judged.labels, p), 4))
        results[name] = {
            "images": n,
            "epochs": epochs,
            "parameters": model.count_params(),
            "milliseconds an image": round(1e3 * one, 4),
            **{
                key: {
                    "mean": round(float(np.mean(values)), 4),
                    "sd": round(float(np.std(values, ddof=1)), 4)
                    if len(values) > 1
                    else None,
                    "runs": values,
                }
                for key, values in runs.items()
            },
            "recipe": {k: repr(v) for k, v in asdict(recipe).items()},
        }
        print(name, results[name]["accuracy"], flush=True)
    report = {
        "machine": f"{platform.machine()}, {runtime.device()}",
        "backend": f"{backend.name()} {backend.version()}",
        "versions": {"keras": keras.__version__, "numpy": np.__version__},
        "data": f"{cifar.name}: {cifar.source}. {cifar.notice}",
        "judged on": f"{len(judged)} validation images",
        "seconds of training": options.seconds,
        "CPU-seconds together": round(time.process_time() - began),
        "ladder": results,
    }
    OUT.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
