"""How hard the generated shapes are: accuracy of simple and better models.

Run it with ``python benchmarks/shapes_difficulty.py``, followed by the names
of experiments if not all are to be run. It writes what it measured to
``shapes_difficulty.json`` beside it: accuracies on 4,000 fresh images, for each
of three seeds (of the images and of the training), and CPU seconds, which,
unlike seconds on the clock, hardly depend on what else the machine is doing.
All of it takes about a quarter of an hour on two idle cores.

The default difficulty was chosen with it, so that
- a linear classifier does poorly and a small convolutional network well;
- a better network trained for longer still gains;
- on 2,000 images the small network learns its training images by heart.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
import warnings
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import sklearn
from keras import layers
from sklearn.linear_model import LogisticRegression

from imgcls_helpers.shapes import make_shapes

SEEDS = (0, 1, 2)
TRAIN, TEST, SMALL = 10_000, 4_000, 2_000
OUT = Path(__file__).with_suffix(".json")


def pictures(n: int, seed: int, **options) -> tuple[np.ndarray, np.ndarray]:
    """Return ``n`` images and labels."""
    images, labels, _ = make_shapes(n, seed, **options)
    return images, labels


def small_network() -> keras.Model:
    """Two convolutions with pooling, then Dense 64: a usual first network."""
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def better_network() -> keras.Model:
    """Four convolutions with batch normalization, the first one strided."""

    def block(filters, size, stride=1):
        return [
            layers.Conv2D(filters, size, stride, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
        ]

    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Rescaling(1 / 255),
            *block(32, 4, 2),
            *block(64, 3),
            layers.MaxPooling2D(2),
            *block(64, 3),
            layers.MaxPooling2D(2),
            *block(128, 3),
            layers.GlobalMaxPooling2D(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def flips(images: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """Mirror each image, left to right and top to bottom, by chance."""
    images = images.copy()
    for axis in (1, 2):
        chosen = rng.rand(len(images)) < 0.5
        images[chosen] = np.flip(images[chosen], axis)
    return images


class Flipped(keras.utils.PyDataset):
    """Batches of images, mirrored by chance, in a new order each epoch."""

    def __init__(self, images, labels, seed):
        super().__init__()
        self.images, self.labels = images, labels
        self.rng = np.random.RandomState(seed)
        self.on_epoch_end()

    def __len__(self):
        return len(self.labels) // 128

    def __getitem__(self, k):
        rows = self.order[128 * k : 128 * (k + 1)]
        return flips(self.images[rows], self.rng), self.labels[rows]

    def on_epoch_end(self):
        """Draw a new order."""
        self.order = self.rng.permutation(len(self.labels))


def fit(model, train, tests, epochs, *, rate=None):
    """Train ``model``; return accuracies by epoch and CPU seconds."""
    optimizer = keras.optimizers.Adam(rate or 0.001)
    loss = "sparse_categorical_crossentropy"
    model.compile(optimizer, loss, metrics=["accuracy"])
    started = time.process_time()
    if isinstance(train, keras.utils.PyDataset):
        data, labels = {"x": train}, train.labels
    else:
        data, labels = {"x": train[0], "y": train[1], "batch_size": 128}, train[1]
    history = model.fit(
        **data, epochs=epochs, verbose=0, validation_data=tests[0]
    ).history
    result = {
        "train_by_epoch": [round(a, 4) for a in history["accuracy"]],
        "test_by_epoch": [round(a, 4) for a in history["val_accuracy"]],
        "cpu_seconds": round(time.process_time() - started, 1),
        "parameters": model.count_params(),
        "epochs": epochs,
        "images": len(labels),
    }
    if len(tests) > 1:
        result["other_tests"] = [
            round(model.evaluate(*test, verbose=0, return_dict=True)["accuracy"], 4)
            for test in tests[1:]
        ]
    return result


def linear(train, test):
    """Fit logistic regression on the pixels."""
    started = time.process_time()
    rows = [x.reshape(len(x), -1) / np.float32(255) for x, _ in (train, test)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it stops before it converges: best so
        model = LogisticRegression(C=0.01, max_iter=60).fit(rows[0], train[1])
    return {
        "train": round(model.score(rows[0], train[1]), 4),
        "test": round(model.score(rows[1], test[1]), 4),
        "cpu_seconds": round(time.process_time() - started, 1),
        "parameters": model.coef_.size + model.intercept_.size,
        "images": len(train[1]),
    }


def measure(name: str, seed: int) -> dict:
    """Run one experiment with one seed."""
    fresh = 1_000 + seed  # images for testing: another seed, so other images
    keras.utils.set_random_seed(seed)
    train, test = pictures(TRAIN, seed), pictures(TEST, fresh)
    if name == "logistic regression":
        return linear(train, test)
    if name == "small network":
        return fit(small_network(), train, [test], 10)
    if name == "small network, 2,000 images":
        few = tuple(array[:SMALL] for array in train)
        return fit(small_network(), few, [test], 30)
    if name == "better network":
        epochs = 15
        schedule = keras.optimizers.schedules.CosineDecay(
            0.0, epochs * 76, warmup_target=0.004, warmup_steps=2 * 78
        )
        mirrored = Flipped(*train, seed)
        return fit(better_network(), mirrored, [test], epochs, rate=schedule)
    if name == "small network, background betrays the class":
        train = pictures(TRAIN, seed, background_leak=0.9)
        leaky = pictures(TEST, fresh, background_leak=0.9)
        return fit(small_network(), train, [leaky, test], 5)
    if name.startswith("small network at difficulty "):
        d = float(name.rsplit(" ", 1)[1])
        train = pictures(TRAIN, seed, difficulty=d)
        return fit(small_network(), train, [pictures(TEST, fresh, difficulty=d)], 10)
    if name.startswith("logistic regression at difficulty "):
        d = float(name.rsplit(" ", 1)[1])
        return linear(
            pictures(TRAIN, seed, difficulty=d), pictures(TEST, fresh, difficulty=d)
        )
    raise ValueError(name)


EXPERIMENTS = {
    "logistic regression": SEEDS,
    "small network": SEEDS,
    "small network, 2,000 images": SEEDS,
    "small network, background betrays the class": SEEDS,
    "better network": SEEDS,
    **{f"small network at difficulty {d}": (0,) for d in (0, 0.25, 0.75, 1)},
    **{f"logistic regression at difficulty {d}": (0,) for d in (0, 1)},
}


def summary(runs: list[dict]) -> dict:
    """Mean and standard deviation over seeds of the last accuracies."""
    rows = {
        "train": [run.get("train", run.get("train_by_epoch", [0])[-1]) for run in runs],
        "test": [run.get("test", run.get("test_by_epoch", [0])[-1]) for run in runs],
        "cpu_seconds": [run["cpu_seconds"] for run in runs],
    }
    if "other_tests" in runs[0]:
        rows["test_without_leak"] = [run["other_tests"][0] for run in runs]
    out = {}
    for key, values in rows.items():
        out[key] = {"mean": round(float(np.mean(values)), 4)}
        if len(values) > 1:
            out[key]["sd"] = round(float(np.std(values, ddof=1)), 4)
    return out


def main(names: list[str]) -> None:
    """Run the experiments named, or all, and record each when it is done."""
    unknown = [name for name in names if name not in EXPERIMENTS]
    if unknown:
        sys.exit(f"no such experiment: {unknown}; there are {list(EXPERIMENTS)}")
    started = time.process_time()
    make_shapes(10_000, 0)
    result = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
            "scikit-learn": sklearn.__version__,
        },
        "images": {"train": TRAIN, "test": TEST},
        "cpu_seconds_for_10000_images": round(time.process_time() - started, 2),
        "experiments": {},
    }
    if OUT.exists():  # those not named keep what was recorded for them
        result["experiments"] = json.loads(OUT.read_text("utf-8"))["experiments"]
    for name in names or EXPERIMENTS:
        seeds = EXPERIMENTS[name]
        runs = [measure(name, seed) for seed in seeds]
        entry = {"summary": summary(runs), "seeds": list(seeds), "runs": runs}
        result["experiments"][name] = entry
        print(name, json.dumps(entry["summary"]), flush=True)
        OUT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
