"""What a training step costs on each Keras backend, for two networks.

Run it once for each backend that is installed::

    KERAS_BACKEND=tensorflow python benchmarks/backend_steps.py
    KERAS_BACKEND=jax python benchmarks/backend_steps.py
    KERAS_BACKEND=torch python benchmarks/backend_steps.py

Each run adds its backend to ``backend_steps.json`` beside it: milliseconds of CPU time
(all cores together) for one image of a training step at batch 128, the least of
several measurements, and seconds until the first step was done. Under a minute each.
"""

from __future__ import annotations

import json
import platform
import time
from pathlib import Path

import numpy as np

from imgcls_helpers import backend, models, runtime

# isort: split
import keras

OUT = Path(__file__).with_suffix(".json")
SIZE = 128


def measure(model: keras.Model) -> dict[str, float]:
    """Return the cost of the first step, and of an image in those that follow."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (SIZE, 32, 32, 3), dtype=np.uint8)
    y = rng.integers(0, 10, SIZE)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    clocks = time.process_time, time.perf_counter
    took = []
    for steps in (1, 5, 5, 5, 5):
        start = [clock() for clock in clocks]
        for _ in range(steps):
            model.train_on_batch(x, y)
        took.append([(c() - s) / steps for c, s in zip(clocks, start, strict=True)])
    cpu, wall = np.min(took[1:], axis=0) * 1e3 / SIZE
    return {
        "CPU milliseconds an image": round(float(cpu), 4),
        "milliseconds an image": round(float(wall), 4),
        "CPU-seconds of the first step": round(took[0][0], 2),
    }


def main() -> None:
    """Measure both networks on this backend and add them to the file."""
    report = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
    report[backend.name()] = {
        "version": backend.version(),
        "keras": keras.__version__,
        "device": runtime.device(),
        "machine": platform.machine(),
        "tutorial": measure(models.tutorial_cnn()),
        "fast net, width 16": measure(models.fast_net(width=16)),
    }
    OUT.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report[backend.name()], indent=1))


if __name__ == "__main__":
    main()
