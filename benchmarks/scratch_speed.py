"""How fast the NumPy layers are, beside Keras on the same CPU.

Run it for each backend, and in two ways:

    KERAS_BACKEND=tensorflow python benchmarks/scratch_speed.py
    KERAS_BACKEND=tensorflow python benchmarks/scratch_speed.py --one-core

The first uses all cores and reads the clock on the wall: run it on a machine that does
nothing else. (On Linux, a function is timed again when other programs were busy at the
same time, for some minutes at most; rounds that stayed disturbed are counted.) The
second keeps to one core and counts the time that this program had the core, which
hardly depends on what else the machine is doing.

Each run takes about a minute and writes what it measured to ``scratch_speed.json``
beside it, where the results of other runs stay. Measured are, in milliseconds, the
median and the minimum over many calls, all in float32:

- convolution forward, 64 images of 32x32x3 to 32 filters of 3x3, without padding:
  every stage of chapter 3 and Keras. The seven loops do a small piece, and their
  time is multiplied by how many times more multiply-adds the whole takes;
- its backward pass: the gradients of images, kernel and bias from that of the result;
- max pooling 2x2 on 64 images of 32x32x32.

A time of Keras called "arrays" begins with NumPy arrays and ends with a contiguous
NumPy array in the order (N, H, W, C), like those of the NumPy layers. One called
"tensors" begins and ends with tensors that are in place already, in whatever order the
backend likes. Keras runs as it is ("eager") and compiled ("compiled", where the
backend can: jax.jit, tf.function without and with XLA). The backward pass of PyTorch is
timed without the forward pass; the others drop it when they compile.

The goals: the NumPy layers take at most 1.5 times (forward), 3 times (backward) and 2
times (pooling) as long as the fastest "arrays" of any backend. The medians of one run
are compared with each other, so that both sides ran under the same load.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ONE_CORE = sys.argv[1:] == ["--one-core"]
if ONE_CORE:  # before the libraries count the cores
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ[f"{library}_NUM_THREADS"] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import ops  # noqa: E402

from imgcls_helpers import backend, scratch  # noqa: E402

OUT = Path(__file__).with_suffix(".json")
WAY = "one core" if ONE_CORE else "all cores"
now = time.process_time if ONE_CORE else time.perf_counter  # seconds
ROUNDS = 5  # the functions take turns
SECONDS = 0.25  # for each function in each round
QUIET = 0.15  # of a core, that other programs may take
PATIENCE = 480  # seconds to wait for quiet, all in all
GOALS = {"convolution forward": 1.5, "convolution backward": 3.0, "max pooling": 2.0}
OURS = {
    "convolution forward": "conv2d",
    "convolution backward": "conv2d_backward",
    "max pooling": "max_pool",
}

_rng = np.random.default_rng(0)
X = _rng.random((64, 32, 32, 3), dtype=np.float32)
KERNEL = _rng.normal(size=(3, 3, 3, 32)).astype(np.float32)
DY = _rng.normal(size=(64, 30, 30, 32)).astype(np.float32)
MAPS = _rng.normal(size=(64, 32, 32, 32)).astype(np.float32)
PIECE = (1, 10, 10)  # images, rows and columns for the seven loops


# What is timed ----------------------------------------------------------------


def numpy_functions() -> dict[str, dict[str, Callable]]:
    """Return what is timed without Keras, by task and name."""
    n, rows, columns = PIECE
    piece = X[:n, :rows, :columns]
    return {
        "convolution forward": {
            "conv2d_loops": lambda: scratch.conv2d_loops(piece, KERNEL),
            "conv2d_positions": lambda: scratch.conv2d_positions(X, KERNEL),
            "conv2d_windows": lambda: scratch.conv2d_windows(X, KERNEL),
            "conv2d_im2col": lambda: scratch.conv2d_im2col(X, KERNEL),
            "conv2d_fft": lambda: scratch.conv2d_fft(X, KERNEL),
            "conv2d": lambda: scratch.conv2d(X, KERNEL),
        },
        "convolution backward": {
            "conv2d_backward": lambda: scratch.conv2d_backward(DY, X, KERNEL),
        },
        "max pooling": {"max_pool": lambda: scratch.max_pool(MAPS, 2)},
    }


def forward(x, kernel):
    """Convolve with Keras."""
    return ops.conv(x, kernel, 1, "valid", data_format="channels_last")


def pool(x):
    """Pool with Keras."""
    return ops.max_pool(x, 2, 2, data_format="channels_last")


def backward_jax(dy, x, kernel):
    """Return the three gradients; compiled, without the forward pass."""
    import jax

    _, pull = jax.vjp(forward, x, kernel)
    return (*pull(dy), dy.sum((0, 1, 2)))


def backward_tensorflow(dy, x, kernel):
    """Return the three gradients; compiled, without the forward pass."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch([x, kernel])
        y = forward(x, kernel)
    dx, dkernel = tape.gradient(y, [x, kernel], output_gradients=dy)
    return dx, dkernel, tf.reduce_sum(dy, (0, 1, 2))


@functools.cache
def _kept():
    """Return PyTorch's result, with what it needs to go back, and its inputs."""
    import torch

    inputs = [torch.from_numpy(a).clone().requires_grad_() for a in (X, KERNEL)]
    return forward(*inputs), inputs


def backward_torch(dy, x, kernel):
    """Return the three gradients from a forward pass that was kept."""
    import torch

    y, inputs = _kept()
    gradients = torch.autograd.grad(y, inputs, dy, retain_graph=True)
    return (*gradients, dy.sum((0, 1, 2)))


def compiled(function: Callable) -> dict[str, Callable]:
    """Return the ways in which the backend can run a function."""
    if backend.name() == "jax":
        import jax

        return {"eager": function, "compiled": jax.jit(function)}
    if backend.name() == "tensorflow":
        import tensorflow as tf

        return {
            "eager": function,
            "compiled": tf.function(function),
            "compiled with XLA": tf.function(function, jit_compile=True),
        }
    return {"eager": function}


def to_array(tensor) -> np.ndarray:
    """Return a tensor as a contiguous NumPy array."""
    return np.ascontiguousarray(ops.convert_to_numpy(tensor))


def wait(results):
    """Wait until tensors are there; only JAX returns before they are."""
    for tensor in results if isinstance(results, tuple) else (results,):
        if hasattr(tensor, "block_until_ready"):
            tensor.block_until_ready()
    return results


def keras_functions() -> dict[str, dict[str, Callable]]:
    """Return what is timed with Keras, by task and name."""
    backward = {
        "jax": backward_jax,
        "tensorflow": backward_tensorflow,
        "torch": backward_torch,
    }[backend.name()]
    tasks = {
        "convolution forward": (forward, (X, KERNEL)),
        "convolution backward": (backward, (DY, X, KERNEL)),
        "max pooling": (pool, (MAPS,)),
    }
    found: dict[str, dict[str, Callable]] = {}
    for task, (function, arrays) in tasks.items():
        tensors = [ops.convert_to_tensor(array) for array in arrays]
        found[task] = {}
        for how, run in compiled(function).items():

            def from_arrays(run=run, arrays=arrays):
                results = run(*(ops.convert_to_tensor(a) for a in arrays))
                if isinstance(results, tuple):
                    return tuple(to_array(tensor) for tensor in results)
                return to_array(results)

            def from_tensors(run=run, tensors=tensors):
                return wait(run(*tensors))

            found[task][f"Keras, {how}, arrays"] = from_arrays
            found[task][f"Keras, {how}, tensors"] = from_tensors
    return found


# Measuring --------------------------------------------------------------------


def check_agreement(functions: dict[str, dict[str, Callable]]) -> None:
    """Make sure that all functions of a task compute the same."""
    for task, by_name in functions.items():
        right = by_name[OURS[task]]()
        right = right if isinstance(right, tuple) else (right,)
        for name, function in by_name.items():
            results = function()
            results = results if isinstance(results, tuple) else (results,)
            for expected, got in zip(right, map(to_array, results), strict=True):
                if name == "conv2d_loops":
                    n, rows, columns = PIECE
                    expected = expected[:n, : rows - 2, : columns - 2]
                scale = np.abs(expected).max()
                if not np.allclose(got, expected, atol=1e-4 * scale):
                    raise SystemExit(f"{task}: {name} computes something else")


def _busy() -> float | None:
    """Return the seconds that all cores have worked since the start, if known."""
    try:
        line = Path("/proc/stat").read_text("ascii").splitlines()[0]
    except OSError:
        return None
    user, nice, system, _, _, *interrupts = map(int, line.split()[1:9])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


class Others:
    """What other programs took of the processor while a `with` block ran."""

    def __enter__(self) -> Others:
        self._start = time.perf_counter(), time.process_time(), _busy()
        return self

    def __exit__(self, *_: object) -> None:
        clock, own, busy = self._start
        self.share = 0.0  # of one core
        if busy is not None:
            others = _busy() - busy - (time.process_time() - own)
            self.share = others / (time.perf_counter() - clock)


def times(function: Callable, until: float) -> tuple[list[float], bool]:
    """Call a function for a while; return milliseconds a call, and if all was quiet.

    What other programs disturb is measured again, as long as the clock is not at
    `until`.
    """
    while True:
        time.sleep(0.15)  # threads of the function before it may still be spinning
        with Others() as others:
            time.sleep(0.1)
        if ONE_CORE or others.share < QUIET or time.perf_counter() > until:
            found = []
            function()
            with Others() as others:
                end = now() + SECONDS
                while len(found) < 3 or now() < end:
                    start = now()
                    function()
                    found.append(1000 * (now() - start))
            quiet = ONE_CORE or others.share < QUIET
            if quiet or time.perf_counter() > until:
                return found, quiet


def measure(functions: dict[str, dict[str, Callable]]) -> dict:
    """Time all functions in turn; return median, minimum and number of calls."""
    found: dict[tuple[str, str], list[float]] = {}
    disturbed: dict[tuple[str, str], int] = {}
    until = time.perf_counter() + PATIENCE
    for _ in range(ROUNDS):
        for task, by_name in functions.items():
            for name, function in by_name.items():
                milliseconds, quiet = times(function, until)
                found.setdefault((task, name), []).extend(milliseconds)
                disturbed[task, name] = disturbed.get((task, name), 0) + (not quiet)
    table: dict[str, dict] = {task: {} for task in functions}
    n, rows, columns = PIECE
    whole = len(X) * 30 * 30 / (n * (rows - 2) * (columns - 2))
    for (task, name), milliseconds in found.items():
        factor = whole if name == "conv2d_loops" else 1
        table[task][name] = {
            "median_ms": round(factor * float(np.median(milliseconds)), 3),
            "min_ms": round(factor * min(milliseconds), 3),
            "calls": len(milliseconds),
        }
        if disturbed[task, name]:
            table[task][name]["disturbed_rounds"] = disturbed[task, name]
        if factor != 1:
            table[task][name]["scaled_by"] = factor
    return table


def compare(runs: dict[str, dict]) -> dict:
    """Compare with the fastest of any backend, within that backend's run."""

    def against(task: str, ending: str) -> tuple[str, float, float]:
        _, run, name = min(
            (row["median_ms"], run, name)
            for run, recorded in runs.items()
            for name, row in recorded["table"][task].items()
            if name.endswith(ending)
        )
        table = runs[run]["table"][task]
        ours, theirs = table[OURS[task]], table[name]
        ratios = [ours[key] / theirs[key] for key in ("median_ms", "min_ms")]
        return f"{name}, on {run}", *(round(ratio, 2) for ratio in ratios)

    found = {}
    for task, goal in GOALS.items():
        name, medians, minima = against(task, ", arrays")
        found[task] = {
            "fastest": name,
            "times_as_long": medians,
            "times_as_long_by_minima": minima,
            "goal": goal,
            "reached": medians <= goal,
        }
        name, medians, _ = against(task, ", tensors")
        found[task] |= {"fastest_tensors": name, "times_as_long_as_tensors": medians}
    return found


def _load() -> float | None:
    """Return how many programs wanted a core, on average over the last minute."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def main() -> None:
    """Measure with the backend that KERAS_BACKEND names, and record."""
    if backend.accelerator():
        sys.exit("This compares on a CPU, and the backend would use an accelerator.")
    functions = numpy_functions()
    for task, by_name in keras_functions().items():
        functions[task].update(by_name)
    check_agreement(functions)
    load = _load()
    run = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "keras": keras.__version__,
            backend.name(): backend.version(),
        },
        "table": measure(functions),
        "load_before_and_after": [load, _load()],
    }
    result = json.loads(OUT.read_text("utf-8")) if OUT.exists() else {}
    runs = result.setdefault(WAY, {"comparison": {}, "runs": {}})["runs"]
    runs[backend.name()] = run
    result[WAY]["comparison"] = compare(runs)
    OUT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for task, by_name in run["table"].items():
        print(f"{task}, {WAY}: median and minimum")
        for name, row in by_name.items():
            print(f"  {name:<36} {row['median_ms']:>10.3f} {row['min_ms']:>10.3f} ms")
    print(json.dumps(result[WAY]["comparison"], indent=1))


if __name__ == "__main__":
    main()
