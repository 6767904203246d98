"""What the functions of this package accept, and the words in which they refuse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from imgcls_helpers._arguments import label_hint

_ROWS = 65_536  # rows looked at together: small enough to stay in the cache


def blocks(n: int) -> Iterator[slice]:
    for start in range(0, n, _ROWS):
        yield slice(start, min(start + _ROWS, n))


def as_labels(labels: Any, name: str = "labels") -> np.ndarray:
    """Return class numbers of shape (N,) without copying an integer array."""
    array = np.asarray(labels)
    if array.ndim == 2 and array.shape[1] > 1:
        raise ValueError(
            f"{name} must be class numbers of shape (N,), but have shape {array.shape}."
            f" One-hot labels become class numbers with {name}.argmax(axis=1)."
        )
    if array.ndim == 2 and array.shape[1] == 1:
        raise ValueError(
            f"{name} must have shape (N,), but have shape {array.shape}. Flatten them "
            f"with {name}[:, 0]."
        )
    if array.ndim != 1:
        raise ValueError(
            f"{name} must be class numbers of shape (N,), but have shape {array.shape}."
        )
    if array.size == 0:
        raise ValueError(f"{name} must not be empty.")
    if array.dtype.kind not in "iu":
        raise TypeError(
            f"{name} must be integers, one class number an image, but their dtype is "
            f"{array.dtype}.{label_hint(array, name)}"
        )
    if array.min() < 0:
        raise ValueError(
            f"{name} must be 0 or more, but position {array.argmin()} has "
            f"{array.min()}."
        )
    return array


def as_probabilities(probabilities: Any, name: str = "probabilities") -> np.ndarray:
    """Return rows of probabilities, shape (N, K), without copying a float array."""
    array = np.asarray(probabilities)
    if array.ndim != 2 or array.shape[1] < 2:
        more = ""
        if array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1):
            more = (
                " With two classes, put both columns there: "
                "np.column_stack([1 - p, p])."
            )
        raise ValueError(
            f"{name} must have shape (N, K), a row an image and a column a class, at "
            f"least two; but have shape {array.shape}.{more}"
        )
    if len(array) == 0:
        raise ValueError(f"{name} must not be empty.")
    if array.dtype.kind not in "f":
        if array.dtype.kind not in "biu":
            raise TypeError(f"{name} must be numbers; their dtype is {array.dtype}.")
        array = array.astype(np.float32)
    # Rows of float16 sum to 1 less exactly than those of float32.
    slack = 1e-2 if array.dtype.itemsize < 4 else 1e-3
    for rows in blocks(len(array)):
        block = array[rows]
        sums = block.sum(axis=1, dtype=np.float64)
        lows = block.min(axis=1)
        wrong = ~(np.abs(sums - 1) <= slack) | ~(lows >= 0)  # NaN counts as wrong
        if not wrong.any():
            continue
        i = int(wrong.argmax())
        row = f"row {rows.start + i}"
        if not np.isfinite(block[i]).all():
            raise ValueError(
                f"{name} must be finite, but {row} has a value that is NaN or "
                "infinite. Has the training diverged?"
            )
        logits = (
            " These look like logits: turn them into probabilities with a softmax, as "
            "evaluation.predict does."
        )
        if lows[i] < 0:
            raise ValueError(
                f"{name} must be 0 or more, but {row} has {lows[i]:.4g}."
                f"{logits if abs(sums[i] - 1) > slack else ''}"
            )
        raise ValueError(
            f"{name} must sum to 1 in each row, but {row} sums to {sums[i]:.4g}."
            f"{logits if block[i].max() > 1 else ''}"
        )
    return array


def same_length(labels: np.ndarray, other: np.ndarray, name: str) -> None:
    if len(labels) != len(other):
        raise ValueError(
            f"There must be one label a row: there are {len(labels)} labels, but "
            f"{len(other)} rows of {name}."
        )


def pair(labels: Any, probabilities: Any) -> tuple[np.ndarray, np.ndarray]:
    labels = as_labels(labels)
    probabilities = as_probabilities(probabilities)
    same_length(labels, probabilities, "probabilities")
    classes = probabilities.shape[1]
    if labels.max() >= classes:
        raise ValueError(
            f"labels must be below {classes}, the number of columns of probabilities, "
            f"but position {labels.argmax()} has {labels.max()}. Do they count from 1?"
        )
    return labels, probabilities


def predictions_of(probabilities: np.ndarray) -> np.ndarray:
    """Return the class of the largest probability, the first where several tie."""
    found = np.empty(len(probabilities), np.intp)
    for rows in blocks(len(probabilities)):
        probabilities[rows].argmax(axis=1, out=found[rows])
    return found


def as_predictions(predictions: Any, name: str = "predictions") -> np.ndarray:
    """Return predicted classes, shape (N,), given them or rows of probabilities."""
    array = np.asarray(predictions)
    if array.ndim == 2 and array.dtype.kind == "f" and array.shape[1] > 1:
        return predictions_of(as_probabilities(array, name))
    return as_labels(array, name)


def as_confidence(confidence: Any) -> float:
    """Return the share of cases in which an interval is to hold."""
    number = isinstance(confidence, (int, float, np.number))
    if not number or not 0 < confidence < 1:
        raise ValueError(
            "confidence must be a number between 0 and 1, such as 0.95; got "
            f"{confidence!r}."
        )
    return float(confidence)


def as_count(value: Any, name: str, least: int = 1) -> int:
    """Return a whole number that is large enough."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be a whole number; got {value!r}.")
    if value < least:
        raise ValueError(f"{name} must be {least} or more; got {value}.")
    return int(value)


def as_names(class_names: Sequence[str] | None, classes: int) -> tuple[str, ...]:
    """Return one name a class; numbers where there are no names."""
    if class_names is None:
        return tuple(map(str, range(classes)))
    names = tuple(map(str, class_names))
    if len(names) != classes:
        raise ValueError(
            f"class_names must name the {classes} classes, one a column of "
            f"probabilities, but there are {len(names)} names."
        )
    return names
