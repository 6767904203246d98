"""How much more the fast net gives than the common tutorial program, on CIFAR-10.

Run it with ``IMGCLS_DATA`` pointing to a folder with ``cifar10.npz`` (or let Keras
download CIFAR-10)::

    python benchmarks/recipe_goal.py --validate    # choose settings; test set unused
    python benchmarks/recipe_goal.py               # both programs, on the test set
    python benchmarks/recipe_goal.py --limit AVX2  # as a processor without AVX-512
    python benchmarks/recipe_goal.py --dtype mixed_bfloat16

It writes ``recipe_goal.json`` beside it, a record for each kind of processor and
precision. Each training runs in a process of its own, one after the other. What counts
is the CPU time of that process, all cores together, from building the model to the
predictions for the test images: compilation, whitening and all views are in it. The
tutorial program runs as printed, in float32, so its look at the test set after each
epoch is in it too. The fast net computes in float32 as well, unless ``--dtype`` says
otherwise: what it gains then is the processor's, not the recipe's.

``--limit`` keeps oneDNN, which does TensorFlow's convolutions, to older instructions.
The rest of TensorFlow never uses newer ones.

The goals: the short recipe reaches the tutorial program's accuracy after ten epochs in
at most one eighth of its CPU time, and the long recipe, in no more than its CPU time,
ends at least 15 points higher. A run takes some 15 minutes of CPU.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import numpy as np

SEEDS = (0, 1, 2)
OUT = Path(__file__).with_suffix(".json")
TUTORIAL = "tutorial program"

_NEW = {"learning_rate": 0.2, "weight_decay": 2e-3, "label_smoothing": 0.2}
_LARGER = {
    "learning_rate": 0.25,
    "weight_decay": 5e-3,
    "label_smoothing": 0.2,
    "batch_size": 192,
}
# name: (which goal, width of the net, settings of the recipe, pixels of random crops)
CANDIDATES: dict[str, tuple[str, int, dict, int]] = {
    "width 16, 1 epoch": ("short", 16, {"epochs": 1, **_NEW}, 0),
    "width 18, 1 epoch": ("short", 18, {"epochs": 1, **_NEW}, 0),
    "width 20, 1 epoch": ("short", 20, {"epochs": 1, **_NEW}, 0),
    "width 24, 1 epoch": ("short", 24, {"epochs": 1, **_NEW}, 0),
    "width 16, 14 epochs": ("long", 16, {"epochs": 14, **_NEW}, 2),
    "width 20, 10 epochs": ("long", 20, {"epochs": 10, **_NEW}, 2),
    "width 24, 7 epochs": ("long", 24, {"epochs": 7, **_NEW}, 2),
    "width 24, 7 epochs, batch 192": ("long", 24, {"epochs": 7, **_LARGER}, 2),
    "width 24, 8 epochs, batch 192": ("long", 24, {"epochs": 8, **_LARGER}, 2),
    # More than the tutorial program's time in float32, and what bfloat16 allows.
    "width 32, 9 epochs, batch 192": ("bfloat16", 32, {"epochs": 9, **_LARGER}, 2),
}
# In float32, and in bfloat16 where the processor has instructions for it.
CHOSEN = {
    "float32": {"short": "width 18, 1 epoch", "long": "width 24, 8 epochs, batch 192"},
    "mixed_bfloat16": {
        "short": "width 24, 1 epoch",
        "long": "width 32, 9 epochs, batch 192",
    },
}


def train(name: str, seed: int, dtype: str, *, test: bool) -> dict[str, float]:
    """Train once, on all training images for a test, else without 5,000 of them."""
    from imgcls_helpers import augment, data, evaluation, models, runtime, training

    cifar = data.load_dataset("cifar10", validation=0 if test else 0.1, seed=0)
    judged = cifar.test if test else cifar.validation
    if name == TUTORIAL:
        program = models.PROGRAMS["cifar10_two_convolutions"]
        x = cifar.train.images.astype("float32") / 255
        x_judged = judged.images.astype("float32") / 255
    clock, cpu = time.perf_counter(), time.process_time()
    runtime.set_seed(seed)
    if name == TUTORIAL:
        model = program.as_written()
        model.fit(
            x,
            cifar.train.labels,
            epochs=program.epochs,
            batch_size=program.batch_size,
            validation_data=(x_judged, judged.labels),
            verbose=0,
        )
        probabilities = model.predict(x_judged, batch_size=500, verbose=0)
        epochs = program.epochs
    else:
        _, width, settings, crop = CANDIDATES[name]
        views = [augment.RandomFlip()]
        if crop:
            views.append(augment.RandomCrop(crop))
        model = models.fast_net(width=width, images=cifar.train.images, dtype=dtype)
        recipe = training.Recipe(augment=augment.Pipeline(views), **settings)
        training.fit(model, cifar.train, recipe, seed=seed, progress=False)
        probabilities = answers(model, judged.images, crop)
        epochs = recipe.epochs
    return {
        "accuracy": round(evaluation.accuracy(judged.labels, probabilities), 4),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "seconds": round(time.perf_counter() - clock, 1),
        "parameters": model.count_params(),
        "epochs": epochs,
        "images": len(cifar.train),
    }


def answers(model, images: np.ndarray, crop: int) -> np.ndarray:
    """Return probabilities, averaged over the flips and, after crops, over shifts."""
    from imgcls_helpers import evaluation

    n = len(images)
    views = [images]
    if crop:  # by one pixel, along both diagonals; the border is repeated
        edge = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
        views += [edge[:, :-2, :-2], edge[:, 2:, 2:]]
    found = evaluation.predict(model, np.concatenate(views), average_flips=True)
    return found.reshape(len(views), n, -1).mean(axis=0)


def in_own_process(
    name: str, seed: int, args: argparse.Namespace, *, test: bool
) -> dict[str, float]:
    """Run `train` in a new process, so that each begins alike."""
    command = [sys.executable, __file__, "--one", name, "--seed", str(seed)]
    command += ["--dtype", args.dtype, *["--test"] * test]
    limit = {"ONEDNN_MAX_CPU_ISA": args.limit} if args.limit else {}
    done = subprocess.run(
        command,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **limit},
    )
    result = json.loads(done.stdout.splitlines()[-1])
    print(name, "seed", seed, result, flush=True)
    return result


def summary(runs: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Mean and standard deviation over seeds."""
    return {
        key: {
            "mean": round(float(np.mean([run[key] for run in runs])), 4),
            "sd": round(float(np.std([run[key] for run in runs], ddof=1)), 4),
        }
        for key in ("accuracy", "cpu_seconds", "seconds")
    }


def validate(result: dict, names: list[str], args: argparse.Namespace) -> None:
    """Train candidates with one seed and record their accuracy on validation data."""
    recorded = result.setdefault("validation", {}).setdefault(kind(args), {})
    for name in names or CANDIDATES:
        goal, width, settings, crop = CANDIDATES[name]
        recorded[name] = {
            "goal": goal,
            "width": width,
            "recipe": settings,
            "crop": crop,
            "views": 6 if crop else 2,  # that `answers` averages over
            **in_own_process(name, 0, args, test=False),
        }
        write(result)


def compare(result: dict, args: argparse.Namespace) -> None:
    """Run both programs on the test set and record whether the goals are met."""
    chosen = CHOSEN[args.dtype]
    runs: dict[str, list] = {"tutorial": [], "short": [], "long": []}
    for seed in SEEDS:  # seed by seed, so that a busy minute hits all three alike
        for key, name in (("tutorial", TUTORIAL), *chosen.items()):
            runs[key].append(in_own_process(name, seed, args, test=True))
    means = {key: summary(found) for key, found in runs.items()}
    cpu = {key: found["cpu_seconds"]["mean"] for key, found in means.items()}
    accuracy = {key: found["accuracy"]["mean"] for key, found in means.items()}
    points = {
        key: round(100 * (accuracy[key] - accuracy["tutorial"]), 2) for key in chosen
    }
    found = {
        **facts(),
        "precision": args.dtype,
        "instructions": instructions(args),
        "seeds": list(SEEDS),
        "chosen": chosen,
        "summary": means,
        "short": {
            "points_above_tutorial": points["short"],
            "share_of_its_cpu_time": round(cpu["short"] / cpu["tutorial"], 4),
            "goal": "at least as accurate in at most 0.125 of the CPU time",
            "met": points["short"] >= 0 and cpu["short"] <= cpu["tutorial"] / 8,
        },
        "long": {
            "points_above_tutorial": points["long"],
            "share_of_its_cpu_time": round(cpu["long"] / cpu["tutorial"], 4),
            "goal": "at least 15 points more in at most its CPU time",
            "met": points["long"] >= 15 and cpu["long"] <= cpu["tutorial"],
        },
        "runs": runs,
    }
    result.setdefault("test", {})[kind(args)] = found
    write(result)
    print(json.dumps({k: found[k] for k in chosen}, indent=1))


def instructions(args: argparse.Namespace) -> str:
    """Return what the processor has, and what of it was used."""
    from imgcls_helpers import backend

    known = backend.instructions()
    return f"{args.limit} (of {known})" if args.limit else known


def kind(args: argparse.Namespace) -> str:
    """Return the name of a record: the precision, and the width of the vectors."""
    return f"{args.dtype}, {instructions(args).split()[0].strip(',')}"


def facts() -> dict:
    """Return when and where it runs."""
    from imgcls_helpers import backend, runtime

    return {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "device": runtime.device(),
        "backend": f"{backend.name()} {backend.version()}",
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in ("keras", "numpy")},
        },
    }


def write(result: dict) -> None:
    """Write the results so far, whole or not at all."""
    new = OUT.with_suffix(".new")
    new.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    new.replace(OUT)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--validate", nargs="*", metavar="CANDIDATE")
    parser.add_argument("--dtype", default="float32", choices=CHOSEN)
    parser.add_argument("--limit", help="the newest instructions of oneDNN: AVX2")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--test", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(train(args.one, args.seed, args.dtype, test=args.test)))
        return
    from imgcls_helpers import data

    result = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
    cifar = data.load_dataset("cifar10", validation=0)
    about = filter(None, [f"{cifar.name}: {cifar.source}.", cifar.notice])
    result |= {"data": " ".join(about), **facts()}
    if args.validate is not None:
        validate(result, args.validate, args)
    else:
        compare(result, args)


if __name__ == "__main__":
    main()
