"""Checkpoints: the state of a training in a folder, whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import zipfile
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

# Imported before Keras: it picks the Keras backend.
from imgcls_helpers.training._history import History
from imgcls_helpers.training._identity import difference

# isort: split
import keras


class CheckpointError(RuntimeError):
    """A folder of checkpoints cannot be used; the message says why.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from imgcls_helpers import data, models, training
    >>> train = data.load_dataset("digits").train
    >>> model = models.fast_net((8, 8, 1), width=8)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "not-a-folder")
    ...     file.touch()
    ...     try:
    ...         training.fit(model, train, checkpoint=file)
    ...     except training.CheckpointError:
    ...         print("Name another folder.")
    Name another folder.
    """


def _variables(model: keras.Model) -> list[keras.Variable]:
    """Return all state of a training: weights, random numbers, the optimizer's."""
    return [*model.variables, *model.optimizer.variables]


class Store:
    """A folder with the state of one training, written whole or not at all.

    ``state.json`` names the files of weights that belong to it and is put in place
    last, so a kill at any moment leaves the state before or the state after.
    """

    def __init__(self, folder: Path, identity: dict[str, Any]) -> None:
        self.folder = folder
        self.identity = identity
        self.best: str | None = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(
                f"The folder {self.folder} for checkpoints cannot be made: "
                f"{error.strerror}. Name another with checkpoint=."
            ) from error
        try:
            # Better now than after the first epoch.
            self._part(".json").touch()
            self._part(".json").unlink()
        except OSError as error:
            raise CheckpointError(
                f"Nothing can be written to the folder {self.folder} for checkpoints: "
                f"{error.strerror}. Name another with checkpoint=."
            ) from error

    def _part(self, suffix: str) -> Path:
        """Return the name of a file that is not complete yet."""
        return self.folder / f"part-{os.getpid()}{suffix}"

    def read(self) -> dict[str, Any] | None:
        path = self.folder / "state.json"
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
            identity = dict(state["identity"])
            names = [state["weights"], *filter(None, [state["best"]])]
            state["history"] = History(**state["history"])
            lengths = {len(series) for series in state["history"].metrics.values()}
            if len(lengths) != 1:
                raise ValueError("its history has no or uneven lists")
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._unusable(f"{path.name} cannot be read ({error!r})") from None
        try:
            other = difference(identity, self.identity)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise self._unusable(f"{path.name} cannot be read ({error!r})") from None
        if other:
            raise CheckpointError(
                f"The checkpoint in {self.folder} belongs to another training: {other}."
                " Name another folder, or delete this one to start anew."
            )
        for name in names:
            if not (self.folder / name).is_file():
                raise self._unusable(f"{name} is missing")
        self.best = state["best"]
        return state

    def _unusable(self, why: str) -> CheckpointError:
        return CheckpointError(
            f"The checkpoint in {self.folder} cannot be used: {why}. Delete the folder "
            "to start anew."
        )

    def load(self, model: keras.Model, name: str) -> None:
        variables = _variables(model)
        try:
            with np.load(self.folder / name, allow_pickle=False) as file:
                values = [file[key] for key in file.files]
            for variable, value in zip(variables, values, strict=True):
                if value.dtype.kind == "V":  # NumPy forgets what bfloat16 is
                    value = value.view(keras.ops.convert_to_numpy(variable).dtype)
                variable.assign(value)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            reason = str(error).strip().splitlines()
            raise self._unusable(
                f"{name} cannot be loaded ({reason[0] if reason else error!r})"
            ) from None

    def write(self, model: keras.Model, history: History, better: bool) -> None:
        name = f"epoch-{history.epochs:04d}.npz"
        old_best, part = self.best, self._part(".npz")
        try:
            # Not HDF5: its library crashes the process when the disk is full.
            with part.open("wb") as file:
                np.savez(file, *map(keras.ops.convert_to_numpy, _variables(model)))
            os.replace(part, self.folder / name)
            if better:
                self.best = name
            state = {
                "identity": self.identity,
                "weights": name,
                "best": self.best,
                "history": asdict(history),
            }
            part = self._part(".json")
            part.write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")
            os.replace(part, self.folder / "state.json")
        except OSError as error:
            self.best = old_best
            self._remove(part)
            why = error.strerror or error
            raise CheckpointError(
                f"The checkpoint of epoch {history.epochs} cannot be written to "
                f"{self.folder}: {why}. The one before it stays. "
                "Make room or name another folder; then run the same call again."
            ) from error
        kept = (name, self.best, "state.json")
        for pattern in ("epoch-*.npz", "part-*"):
            self._remove(*(f for f in self.folder.glob(pattern) if f.name not in kept))

    @staticmethod
    def _remove(*files: Path) -> None:
        for file in files:
            # What cannot be removed does no harm.
            with contextlib.suppress(OSError):
                file.unlink()
