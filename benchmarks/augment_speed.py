r"""How fast flip and crop are: this package, Keras's layers, and a well-known library.

    python benchmarks/augment_speed.py
    python benchmarks/augment_speed.py --python jax=/path/to/python \
        --python torch=/path/to/python --peer /path/to/python

Every backend of Keras is measured in a process of its own: the one of this Python, and
those named by ``--python BACKEND=PATH``. ``--peer`` names a Python that has
albumentations. Two runs for each: on one core, and on all of them.

The task is a batch of 256 images of 32x32x3 bytes: mirror each with probability 1/2,
pad by 4 pixels, and cut a window of 32x32 out at random. Ways to do it:

- "package": `augment.Pipeline([RandomFlip(), RandomCrop(4)])`, NumPy to NumPy, a draw
  for each image; also with the batch cut into one piece a core, in threads;
- "Keras layers": RandomFlip, ZeroPadding2D and RandomCrop, from a NumPy batch to a
  tensor that is ready; one offset for the whole batch. As it is ("eager"), compiled
  (jax.jit, tf.function), and through tf.data with parallel calls;
- "Keras layers, a draw an image": RandomFlip and RandomTranslation, which interpolates;
- "albumentations": HorizontalFlip, PadIfNeeded and RandomCrop, image by image; also in
  threads.

Reported are images a second, by the clock and by the processor time of the whole
process, as the median over repeats. The processor time hardly depends on what else the
machine does. The goal: the package is at least as fast as Keras's own layers on the
fastest backend, on one core and on all.

Writes ``augment_speed.json`` beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

RESULTS = Path(__file__).with_suffix(".json")
ROOT = Path(__file__).resolve().parents[1]
BATCH, SIDE, CHANNELS, PADDING = 256, 32, 3, 4
REPEATS = 25
_SECONDS = 0.1  # how long one repeat lasts at least


def _batch():
    import numpy as np

    shape = (BATCH, SIDE, SIDE, CHANNELS)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def _measure(call: Callable) -> dict[str, float]:
    """Return images a second, by the clock and by processor time."""
    for _ in range(3):
        call()
    started = time.perf_counter()
    call()
    count = max(1, round(_SECONDS / (time.perf_counter() - started)))
    clock, processor = [], []
    for _ in range(REPEATS):
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(count):
            call()
        clock.append(BATCH * count / (time.perf_counter() - wall))
        processor.append(BATCH * count / max(time.process_time() - cpu, 1e-9))
    return {
        "images_per_second": round(statistics.median(clock)),
        "best_images_per_second": round(max(clock)),
        "images_per_processor_second": round(statistics.median(processor)),
    }


def _in_threads(change: Callable, images, cores: int) -> Callable:
    """Return a call that changes one piece of the batch in each thread."""
    pool = ThreadPoolExecutor(cores)
    step = -(-len(images) // cores)
    pieces = [images[i : i + step] for i in range(0, len(images), step)]

    def call():
        import numpy as np

        return np.concatenate(list(pool.map(change, pieces)))

    return call


def measure_package(cores: int) -> dict[str, dict]:
    """Measure this package."""
    import numpy as np

    from imgcls_helpers import augment

    images, found = _batch(), {}
    for fill in ("reflect", "constant"):
        pipeline = augment.Pipeline(
            [augment.RandomFlip(), augment.RandomCrop(PADDING, fill)]
        )
        rng = np.random.default_rng(0)
        found[f"package, {fill}"] = _measure(lambda: pipeline(images, rng))  # noqa: B023
        if cores > 1:
            threads = _in_threads(
                lambda part: pipeline(part, np.random.default_rng()),  # noqa: B023
                images,
                cores,
            )
            found[f"package, {fill}, in threads"] = _measure(threads)
    return found


def _ready(value):
    """Wait for a tensor."""
    if hasattr(value, "block_until_ready"):
        value.block_until_ready()
    elif hasattr(value, "numpy") and not hasattr(value, "detach"):
        value.numpy()
    return value


def measure_keras(cores: int) -> dict[str, dict]:
    """Measure Keras's layers on the backend that KERAS_BACKEND names."""
    import keras

    layers, images, found = keras.layers, _batch(), {}
    share = PADDING / SIDE
    models = {
        "Keras layers": [
            layers.RandomFlip("horizontal"),
            layers.ZeroPadding2D(PADDING),
            layers.RandomCrop(SIDE, SIDE),
        ],
        "Keras layers, a draw an image": [
            layers.RandomFlip("horizontal"),
            layers.RandomTranslation(share, share, fill_mode="reflect"),
        ],
    }
    name = keras.backend.backend()
    for title, stack in models.items():
        model = keras.Sequential(
            [keras.Input((SIDE, SIDE, CHANNELS), dtype="uint8"), *stack]
        )
        ways = {"eager": lambda: _ready(model(images, training=True))}  # noqa: B023
        if name == "tensorflow":
            import tensorflow as tf

            graph = tf.function(lambda x: model(x, training=True))  # noqa: B023
            ways["compiled"] = lambda: _ready(graph(images))  # noqa: B023
            stream = iter(
                tf.data.Dataset.from_tensors(images)
                .repeat()
                .map(graph, num_parallel_calls=tf.data.AUTOTUNE)
                .prefetch(tf.data.AUTOTUNE)
            )
            ways["tf.data"] = lambda: _ready(next(stream))  # noqa: B023
        elif name == "jax":
            import jax

            compiled = jax.jit(
                lambda state, x: model.stateless_call(  # noqa: B023
                    [], state, x, training=True
                )
            )
            state = [[v.value for v in model.non_trainable_variables]]

            def step(compiled=compiled, state=state):
                out, state[0] = compiled(state[0], images)
                return _ready(out)

            ways["compiled"] = step
        for way, call in ways.items():
            try:
                found[f"{title}, {way}"] = _measure(call)
            except Exception as error:
                text = str(error).strip().splitlines()[0][:120]
                found[f"{title}, {way}"] = {"failed": f"{type(error).__name__}: {text}"}
    return found


def measure_peer(cores: int) -> dict[str, dict]:
    """Measure albumentations."""
    import albumentations
    import cv2
    import numpy as np

    cv2.setNumThreads(cores if cores > 1 else 0)
    padded = SIDE + 2 * PADDING
    change = albumentations.Compose(
        [
            albumentations.HorizontalFlip(p=0.5),
            albumentations.PadIfNeeded(
                padded, padded, border_mode=cv2.BORDER_REFLECT_101, p=1
            ),
            albumentations.RandomCrop(SIDE, SIDE, p=1),
        ]
    )

    def each(part):
        return np.stack([change(image=image)["image"] for image in part])

    images = _batch()
    found = {"albumentations, image by image": _measure(lambda: each(images))}
    if cores > 1:
        found["albumentations, in threads"] = _measure(_in_threads(each, images, cores))
    return found


WORKERS = {
    "package": measure_package,
    "keras": measure_keras,
    "peer": measure_peer,
}


def _versions(worker: str) -> dict[str, str]:
    import importlib.metadata

    names = {
        "package": ["numpy"],
        "keras": ["keras", os.environ.get("KERAS_BACKEND", "")],
        "peer": ["albumentations", "opencv-python-headless", "numpy"],
    }[worker]
    found = {"python": platform.python_version()}
    for name in names:
        for package in (name, f"{name}-cpu"):
            try:
                found[name] = importlib.metadata.version(package)
                break
            except importlib.metadata.PackageNotFoundError:
                continue
    return found


def _work(worker: str, one_core: bool) -> None:
    """Measure in this process, and print what came out."""
    cores = 1
    if one_core and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    elif not one_core:
        cores = (
            len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or 1
        )
    measured = WORKERS[worker](cores)
    print("\n" + json.dumps({"measured": measured, "versions": _versions(worker)}))


def _run(worker: str, python: str, threads: str, backend: str = "") -> dict:
    """Run a worker in a process of its own."""
    environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", PYTHONPATH=str(ROOT))
    if backend:
        environment["KERAS_BACKEND"] = backend
    if threads == "one":
        for library in ("OMP", "OPENBLAS", "MKL"):
            environment[f"{library}_NUM_THREADS"] = "1"
    done = subprocess.run(
        [python, __file__, "--worker", worker, "--threads", threads],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{worker} with {python} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def _fastest(measured: dict[str, dict], start: str, what: str) -> float:
    return max(
        (v[what] for k, v in measured.items() if k.startswith(start) and what in v),
        default=0,
    )


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", action="append", default=[], metavar="BACKEND=PATH")
    parser.add_argument("--peer", help="a Python that has albumentations")
    parser.add_argument("--worker", choices=WORKERS, help=argparse.SUPPRESS)
    parser.add_argument("--threads", choices=("one", "all"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        _work(options.worker, options.threads == "one")
        return
    from imgcls_helpers import backend, runtime

    pythons = {backend.name(): sys.executable}
    pythons.update(pair.split("=", 1) for pair in options.python)
    result = {
        "about": "Images a second for flip and crop (padding 4), a batch of 256 images "
        "of 32x32x3; written by augment_speed.py.",
        "device": runtime.device(),
        "date": time.strftime("%Y-%m-%d"),
        # How many programs wanted a core: the clock is fair on a quiet machine only.
        "load_at_start": (
            [round(x, 1) for x in os.getloadavg()]
            if hasattr(os, "getloadavg")
            else None
        ),
        "versions": {},
        "threads": {},
    }
    for threads in ("one", "all"):
        measured = {}
        out = _run("package", sys.executable, threads)
        measured |= out["measured"]
        result["versions"]["package"] = out["versions"]
        for name, python in pythons.items():
            out = _run("keras", python, threads, name)
            measured |= {
                f"{title}, {name}": value for title, value in out["measured"].items()
            }
            result["versions"][f"Keras, {name}"] = out["versions"]
        if options.peer:
            out = _run("peer", options.peer, threads)
            measured |= out["measured"]
            result["versions"]["albumentations"] = out["versions"]
        goal = {}
        for what in ("images_per_second", "images_per_processor_second"):
            ours = _fastest(measured, "package, reflect", what)
            keras = _fastest(measured, "Keras layers", what)
            goal[what] = {
                "package": ours,
                "Keras": keras,
                "ratio": round(ours / keras, 2),
            }
        result["threads"][threads] = {
            "measured": measured,
            "package against Keras": goal,
        }
        width = max(map(len, measured))
        print(f"--- {threads}")
        for title, value in measured.items():
            text = value.get("failed") or (
                f"{value['images_per_second']:>10,} images/s, "
                f"{value['images_per_processor_second']:>10,} by processor time"
            )
            print(f"{title:<{width}}  {text}", flush=True)
        print(json.dumps(goal))
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
