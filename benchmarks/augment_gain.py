"""How much each augmentation gives on CIFAR-10, by the number of training images.

    IMGCLS_DATA=FOLDER python benchmarks/augment_gain.py
    IMGCLS_DATA=FOLDER python benchmarks/augment_gain.py --sizes 1000 --epochs 100

The long form of what chapter 8 measures in a minute: the fast net at width 16, trained
with each operation from the same first weights, on the same images, for the same
number of epochs. Validation images judge, 5,000 that no training sees; test images are
not used. Written to ``augment_gain.json`` beside it, size by size, with the accuracy of
each seed: once as it is, once with the predictions for the image and its mirror image
averaged.

By default 1,000 images for 30 epochs, 5,000 for 8 and all 45,000 for 2, each with
three seeds: about ten minutes of two CPU cores. Sizes that are not run again keep
their results.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from imgcls_helpers import augment, backend, data, evaluation, models, runtime, training

RESULTS = Path(__file__).with_suffix(".json")
EPOCHS = {1_000: 30, 5_000: 8, 45_000: 2}
OPERATIONS = {
    "nothing": None,
    "flip": augment.RandomFlip(),
    "crop": augment.RandomCrop(4),
    "flip + crop": augment.Pipeline([augment.RandomFlip(), augment.RandomCrop(4)]),
    "rotation": augment.RandomRotation(15),
    "colour": augment.RandomColour(),
    "cutout": augment.Cutout(8),
    "mixup": augment.MixUp(0.2),
    "CutMix": augment.CutMix(1.0),
}
# All images take long: the operations that are most in use.
ROWS = {
    1_000: tuple(OPERATIONS),
    5_000: ("nothing", "flip", "crop", "flip + crop"),
    45_000: ("nothing", "flip", "flip + crop"),
}


def one_run(dataset, size: int, name: str, epochs: int, width: int, seed: int) -> dict:
    """Train once and return what came out."""
    part = dataset.train.subset(size)
    runtime.set_seed(seed)
    model = models.fast_net(width=width, images=part.images)
    recipe = training.Recipe(
        epochs=epochs, batch_size=64, augment=OPERATIONS[name], learning_rate=0.1
    )
    history = training.fit(model, part, recipe=recipe, seed=seed, progress=False)
    judge = dataset.validation
    accuracy = [
        evaluation.accuracy(
            judge.labels,
            evaluation.predict(model, judge.images, average_flips=average),
        )
        for average in (False, True)
    ]
    return {
        "accuracy": round(accuracy[0], 5),
        "accuracy_both_flips": round(accuracy[1], 5),
        "training_accuracy": round(history["accuracy"][-1], 5),
        "cpu_seconds": round(history.cpu_seconds, 1),
        "parameters": model.count_params(),
    }


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=list(EPOCHS))
    parser.add_argument("--epochs", type=int, help="default: fewer with more images")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--width", type=int, default=16)
    options = parser.parse_args()
    dataset = data.load_dataset("cifar10")
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"sizes": {}}
    known["about"] = (
        "Validation accuracy (5,000 images) of the fast net after training with each "
        "operation; written by augment_gain.py."
    )
    for size in options.sizes:
        epochs = options.epochs or EPOCHS.get(size, 10)
        result = {
            "epochs": epochs,
            "width": options.width,
            "seeds": options.seeds,
            "data": f"{dataset.name}: {dataset.source}. {dataset.notice}".strip(),
            "backend": f"{backend.name()} {backend.version()}",
            "device": runtime.device(),
            "python": platform.python_version(),
            "date": time.strftime("%Y-%m-%d"),
            "operations": {},
        }
        rows = ROWS.get(size, tuple(OPERATIONS))
        for seed in range(options.seeds):
            for name in rows:
                run = one_run(dataset, size, name, epochs, options.width, seed)
                kept = result["operations"].setdefault(name, {})
                for what, value in run.items():
                    kept.setdefault(what, []).append(value)
                print(f"{size} images, seed {seed}, {name}: {run}", flush=True)
            # After each seed, so that a run that is stopped has not been in vain.
            for kept in result["operations"].values():
                spread = training.Spread(kept["accuracy"])
                kept["mean"] = round(float(spread.mean), 5)
                kept["sd"] = round(float(spread.sd), 5) if spread.n > 1 else None
            result["seeds"] = seed + 1
            known["sizes"][str(size)] = result
            RESULTS.write_text(json.dumps(known, indent=1) + "\n")


if __name__ == "__main__":
    main()
