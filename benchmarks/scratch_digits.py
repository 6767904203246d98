"""How well, and how fast, the NumPy network reads digits on one core.

Run it with ``taskset -c 0 python benchmarks/scratch_digits.py``. It writes what it
measured to ``scratch_digits.json`` beside it: for each of five seeds the accuracy on
the test digits, seconds on the clock and CPU seconds of the whole training. It keeps
NumPy to one thread; ``taskset`` keeps it to one core. All of it takes about two
minutes.

The promise is a test accuracy of 98% or more in under 15 seconds on one core, with
about as many parameters as LeNet-5 (some 60,000). The settings were chosen among the
candidates below by their accuracy on validation parts; the test digits were used for
the chosen one alone.
"""

from __future__ import annotations

import json
import math
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

# Before NumPy is imported.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

from imgcls_helpers import data, scratch

SEEDS = (0, 1, 2, 3, 4)
SPLITS = (0, 1, 2)
OUT = Path(__file__).with_suffix(".json")


def lenet() -> list[scratch.Layer]:
    """Two convolutions and three dense layers, as LeNet-5 has them, with ReLU."""

    def relu():
        return scratch.Activation("relu")

    return [
        scratch.Rescaling(1 / 255),
        scratch.Conv2D(8, 5, padding="same"),
        relu(),
        scratch.MaxPooling2D(2),
        scratch.Conv2D(24, 5, padding="same"),
        relu(),
        scratch.Flatten(),
        scratch.Dense(120),
        relu(),
        scratch.Dense(84),
        relu(),
        scratch.Dense(10),
    ]


def normalized(dropout: float = 0.3) -> list[scratch.Layer]:
    """Three convolutions of 3x3, batch normalization and dropout."""

    def bend():
        return [
            scratch.BatchNormalization(momentum=0.9),
            scratch.Activation("relu"),
        ]

    def conv(filters):
        return [
            scratch.Conv2D(filters, 3, padding="same", use_bias=False),
            *bend(),
        ]

    return [
        scratch.Rescaling(1 / 255),
        *conv(16),
        *conv(32),
        scratch.MaxPooling2D(2),
        *conv(56),
        scratch.MaxPooling2D(2),
        scratch.Flatten(),
        scratch.Dropout(dropout),
        scratch.Dense(120),
        *bend(),
        scratch.Dense(84),
        *bend(),
        scratch.Dense(10),
    ]


# What was tried on the validation parts: layers, epochs, first learning rate.
CANDIDATES: dict[str, tuple[Callable, int, float]] = {
    "LeNet with ReLU, 8 epochs": (lenet, 8, 0.002),
    "LeNet with ReLU, 20 epochs": (lenet, 20, 0.002),
    "normalized, 8 epochs": (normalized, 8, 0.005),
    "normalized, no dropout, 8 epochs": (lambda: normalized(0.0), 8, 0.005),
    "normalized, 8 epochs, slower": (normalized, 8, 0.001),
}
CHOSEN = "normalized, 8 epochs"


def train(
    name: str, train_part: data.Part, judge_part: data.Part, seed: int
) -> dict[str, float]:
    """Train one candidate with Adam and a falling rate; return what came of it."""
    layers, epochs, rate = CANDIDATES[name]
    loss = scratch.SparseCategoricalCrossentropy(from_logits=True)
    clock, cpu = time.perf_counter(), time.process_time()
    network = scratch.Network(layers(), (8, 8, 1), seed=seed)
    steps = epochs * math.ceil(len(train_part) / 32)
    network.fit(
        train_part.images,
        train_part.labels,
        loss=loss,
        optimizer=scratch.Adam(scratch.CosineDecay(rate, steps)),
        epochs=epochs,
        batch_size=32,
        seed=seed,
    )
    seconds = time.perf_counter() - clock
    cpu_seconds = time.process_time() - cpu
    judged = network.evaluate(judge_part.images, judge_part.labels, loss)
    return {
        "parameters": network.count_params(),
        "accuracy": round(judged["accuracy"], 4),
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu_seconds, 2),
        "epochs": epochs,
        "images": len(train_part),
    }


def summary(runs: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Mean and standard deviation over runs."""
    return {
        key: {
            "mean": round(float(np.mean([run[key] for run in runs])), 4),
            "sd": round(float(np.std([run[key] for run in runs], ddof=1)), 4),
        }
        for key in ("accuracy", "seconds", "cpu_seconds")
    }


def main() -> None:
    """Choose on validation parts, then train the chosen one for each seed."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    result: dict = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "cores_used": cores,
        "threads": 1,
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "validation": {},
    }
    splits = [data.load_dataset("digits", validation=0.2, seed=s) for s in SPLITS]
    for name in CANDIDATES:
        runs = [
            train(name, digits.train, digits.validation, seed)
            for seed, digits in zip(SPLITS, splits, strict=True)
        ]
        result["validation"][name] = {"summary": summary(runs), "runs": runs}
        print(name, json.dumps(summary(runs)["accuracy"]), flush=True)
    digits = data.load_dataset("digits", validation=0)
    runs = [train(CHOSEN, digits.train, digits.test, seed) for seed in SEEDS]
    result["test"] = {
        "settings": CHOSEN,
        "images": {"train": len(digits.train), "test": len(digits.test)},
        "seeds": list(SEEDS),
        "summary": summary(runs),
        "runs": runs,
    }
    print("test:", json.dumps(result["test"]["summary"]), flush=True)
    OUT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
