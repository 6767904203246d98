"""What happens while a training runs: one line, early stopping, a look for NaN."""

from __future__ import annotations

import contextlib
import math
import shutil
import sys
import time
from typing import Any

import numpy as np

# Imported before Keras: it picks the Keras backend.
from imgcls_helpers import backend
from imgcls_helpers.training._batches import Batches
from imgcls_helpers.training._history import History, status_line
from imgcls_helpers.training._recipe import Recipe
from imgcls_helpers.training._setup import is_finite
from imgcls_helpers.training._store import Store

# isort: split
import keras

_RECORDED = ("loss", "accuracy", "val_loss", "val_accuracy")
MONITORS = {"val_loss": -1, "val_accuracy": 1}  # the sign of what is better


class Line:
    """One line that is written over: in a notebook, in a terminal, or only once."""

    def __init__(self) -> None:
        self._handle = None
        self._width = 0
        ipython = sys.modules.get("IPython")
        shell = ipython.get_ipython() if ipython else None
        self._notebook = shell is not None and hasattr(shell, "kernel")
        self._terminal = not self._notebook and sys.stdout.isatty()

    def update(self, text: str) -> None:
        if self._notebook:
            from IPython.display import display

            bundle = {"text/plain": text}
            if self._handle is None:
                self._handle = display(bundle, raw=True, display_id=True)
            else:
                self._handle.update(bundle, raw=True)
        elif self._terminal:
            # A line that wraps could not be written over.
            text = text[: max(20, shutil.get_terminal_size().columns - 1)]
            print(f"\r{text:<{self._width}}", end="", flush=True)
            self._width = len(text)

    def close(self, text: str) -> None:
        if self._terminal:
            self.update("")
            print(f"\r{text}")
        elif self._notebook:
            self.update(text)
        else:
            print(text)


def begin_epoch(batches: Batches, epoch: int) -> None:
    batches.epoch = epoch
    if backend.name() == "torch":
        import torch

        # Keras's dropout draws from PyTorch's own numbers, not from its layer's.
        source = np.random.SeedSequence([batches.seed, epoch])
        torch.manual_seed(int(source.generate_state(1)[0]))


def own_random_numbers() -> contextlib.AbstractContextManager:
    """Return a context that leaves PyTorch's random numbers as they were."""
    if backend.name() == "torch":
        import torch

        return torch.random.fork_rng()
    return contextlib.nullcontext()


class Watch(keras.callbacks.Callback):
    """Keeps the history, watches for NaN, stops early, writes checkpoints."""

    def __init__(
        self,
        history: History,
        recipe: Recipe,
        monitor: str,
        patience: int | None,
        store: Store | None,
        line: Line | None,
        started: tuple[float, float],
    ) -> None:
        super().__init__()
        self.history, self.recipe, self.store, self.line = history, recipe, store, line
        self.monitor, self.patience = monitor, patience
        self.batches: Batches | None = None
        self.best_weights: list[np.ndarray] | None = None
        self.diverged: str | None = None
        self.before = (history.seconds, history.cpu_seconds)
        self.started = started
        self.looked = time.perf_counter()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        # Keras goes through the batches to build metrics too, which counts them on.
        if self.batches is not None:
            begin_epoch(self.batches, epoch)

    def clock(self) -> None:
        now = (time.perf_counter(), time.process_time())
        self.history.seconds, self.history.cpu_seconds = (
            before + t - start
            for before, t, start in zip(self.before, now, self.started, strict=True)
        )

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        # Looking at the loss makes a GPU wait, so not at every step.
        if time.perf_counter() - self.looked < 1:
            return
        self.looked = time.perf_counter()
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            self.stop_for(loss, batch)
            return
        self.show(f", epoch {self.history.epochs + 1}, step {batch + 1}")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.diverged:
            return
        values = {name: float(logs[name]) for name in _RECORDED if name in logs}
        # The last steps can break weights after the last look at the loss.
        for name in ("loss", "val_loss"):
            value = values.get(name, 0.0)
            if not math.isfinite(value) or (name == "loss" and _broken(self.model)):
                self.stop_for(value, None, name)
                return
        for name, value in values.items():
            self.history.metrics.setdefault(name, []).append(value)
        self.clock()
        better = self.judge()
        if self.store is not None:
            self.store.write(self.model, self.history, better)
        self.show("")

    def judge(self) -> bool:
        """Say whether this epoch is the best so far; stop after too many others."""
        series = self.history.metrics.get(self.monitor)
        if not series:
            return False
        scores = MONITORS[self.monitor] * np.array(series)
        best = int(scores.argmax())  # the first of equals
        self.history.best_epoch = best + 1
        if self.patience is None:
            return False
        waited = len(series) - 1 - best
        if waited == 0:
            self.best_weights = self.model.get_weights()
        elif waited >= self.patience:
            self.model.stop_training = True
            if len(series) < self.recipe.epochs:
                self.history.stopped = (
                    f"{self.monitor} did not improve for {waited} epoch"
                    f"{'s' * (waited > 1)} after epoch {best + 1}"
                )
        return waited == 0

    def stop_for(self, loss: float, batch: int | None, name: str = "loss") -> None:
        self.model.stop_training = True
        self.clock()
        self.diverged = self.history.stopped = _cause(
            loss, name, self.history, self.recipe, self.model, batch
        )

    def status(self) -> str:
        h = self.history
        return status_line(h.epochs, self.recipe.epochs, h.seconds, h.metrics)

    def show(self, more: str) -> None:
        if self.line is not None:
            self.clock()
            self.line.update(self.status() + more)

    def close(self) -> None:
        if self.line is not None:
            stopped = self.history.stopped
            self.line.close(
                self.status() + (f". Stopped: {stopped}" if stopped else "")
            )


def _broken(model: keras.Model) -> list[str]:
    """Return the names of layers with weights that are NaN or infinite."""
    return [
        layer.name for layer in model.layers if not all(map(is_finite, layer.weights))
    ]


def _cause(
    loss: float,
    name: str,
    history: History,
    recipe: Recipe,
    model: keras.Model,
    batch: int | None,
) -> str:
    """Say in words why the loss is not finite any more."""
    epoch = history.epochs + 1
    where = f"in epoch {epoch}"
    if batch is not None:
        where += f", by step {batch + 1}"
    try:
        rate = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
    except (TypeError, ValueError):
        rate = recipe.learning_rate
    broken = _broken(model)
    if not math.isfinite(loss):
        what = "loss" if name == "loss" else "validation loss"
        text = f"The {what} became {loss} {where}. "
    else:
        text = f"Weights became NaN or infinite at the end of epoch {epoch}. "
    if not broken:
        return text + (
            "All weights are finite, so the loss itself gave it: the logarithm of "
            "zero, or numbers too large for this dtype. Does a loss that you passed "
            "expect probabilities where the model gives logits?"
        )
    first = history.metrics.get("loss", [])
    course = ""
    if first:
        last = ", ".join(f"{value:.3g}" for value in first[-3:])
        course = f" The loss of the epochs before: {last}."
    return text + (
        f"Weights of {broken[0]!r} are not finite: the steps were too long.{course} "
        f"The learning rate was near {rate:.3g}. Lower learning_rate "
        "(find_learning_rate suggests one), or set global_clipnorm=1.0. Check too that "
        "the model scales its images, with keras.layers.Rescaling(1/255) as first "
        "layer."
    )
