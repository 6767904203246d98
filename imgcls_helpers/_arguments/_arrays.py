"""Arrays of floats, and rows of probabilities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from imgcls_helpers._arguments._labels import labels
from imgcls_helpers._arguments._refusal import refuse

_ROWS = 65_536  # rows looked at together: small enough to stay in the cache


def blocks(n: int) -> Iterator[slice]:
    """Cut `n` rows into pieces that stay in the processor's cache."""
    for start in range(0, n, _ROWS):
        yield slice(start, min(start + _ROWS, n))


def floats(x: Any, name: str, *, ndim: int | None = None) -> np.ndarray:
    """Return `x` if it is a float32 or float64 array, else say what to do."""
    form = {2: " of shape (N, units)", 4: " of shape (N, H, W, C)"}.get(ndim or 0, "")
    expected = f"a NumPy array of float32 or float64{form}"
    if type(x) is not np.ndarray:
        cure = f"Use `np.asarray({name}, dtype='float32')`."
        if isinstance(x, np.ma.MaskedArray) and np.ma.getmaskarray(x).any():
            cure = f"Fill in what is masked: `{name}.filled(0)`."
        refuse(name, expected, x, cure=cure)
    if x.dtype not in (np.float32, np.float64):
        cure = f"Use `{name}.astype('float32')`." if x.dtype.kind in "biuf" else ""
        if x.dtype == np.uint8:
            cure += f" Pixels are scaled too: `{name}.astype('float32') / 255`."
        refuse(name, expected, x, cure=cure)
    if ndim is not None and x.ndim != ndim:
        refuse(name, expected, x, cure=_missing_axes(x, name, ndim))
    return x


def _missing_axes(x: np.ndarray, name: str, ndim: int) -> str:
    if ndim == 4 and x.ndim == 2:
        return f"One grey image is `{name}[None, ..., None]`."
    if ndim == 4 and x.ndim == 3:
        return (
            f"One image of shape (H, W, C) is `{name}[None]`; grey images of shape "
            f"(N, H, W) are `{name}[..., None]`."
        )
    if ndim == 2 and x.ndim == 1:
        return f"One example is `{name}[None]`."
    if ndim == 2 and x.ndim > 2:
        return f"Flatten each example: `{name}.reshape(len({name}), -1)`."
    return ""


def same_shape(a: np.ndarray, b: np.ndarray, a_name: str, b_name: str) -> None:
    """Refuse two arrays that NumPy would silently stretch to fit each other."""
    if a.shape != b.shape:
        refuse(
            f"{a_name} and {b_name}", "of one shape", came=f"{a.shape} and {b.shape}"
        )


def of_shape(x: Any, name: str, shape: tuple[int, ...], what: str) -> np.ndarray:
    """Return a float array of exactly this shape, which is `what`."""
    if floats(x, name).shape != shape:
        refuse(name, f"of shape {shape}, {what}", x)
    return x


def of_result(dy: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return the gradient that a way back starts from."""
    return of_shape(dy, "dy", shape, "the shape of the result of the forward pass")


def numbers_of(
    value: Any, name: str, expected: str, dims: tuple[int, ...]
) -> np.ndarray:
    """Return finite numbers as float64 with one of these numbers of axes."""
    masked = isinstance(value, np.ma.MaskedArray) and np.ma.getmaskarray(value).any()
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError):
        refuse(name, expected, value)
    if array.ndim not in dims or array.size == 0 or array.dtype.kind not in "biuf":
        refuse(name, expected, value)
    bad = int((~np.isfinite(array)).sum())
    if bad or masked:
        what = "are masked" if masked else "are NaN or infinite"
        count = int(np.ma.getmaskarray(value).sum()) if masked else bad
        refuse(name, "finite", came=f"{count} of {array.size} values that {what}")
    return array.astype(np.float64)


def probabilities(value: Any, name: str = "probabilities") -> np.ndarray:
    """Return rows of probabilities, shape (N, K), without copying a float array."""
    expected = "of shape (N, K), K at least 2, a row an image and a column a class"
    if isinstance(value, np.ma.MaskedArray):
        refuse(name, expected, value, cure="Leave out the rows that are masked.")
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError):
        refuse(name, expected, value)
    if array.ndim != 2 or array.shape[1] < 2 or len(array) == 0:
        cure = ""
        if array.size and array.dtype.kind == "f" and (array.size == len(array)):
            one = f"np.ravel({name})"
            cure = f"With two classes: `np.column_stack([1 - {one}, {one}])`."
        refuse(name, expected, value, cure=cure)
    if array.dtype.kind not in "biuf":
        refuse(name, "numbers", value)
    if array.dtype.kind != "f":
        array = array.astype(np.float32)
    # Rows of float16 sum to 1 less exactly than those of float32.
    slack = 1e-2 if array.dtype.itemsize < 4 else 1e-3
    for rows in blocks(len(array)):
        block = array[rows]
        sums = block.sum(axis=1, dtype=np.float64)
        lows = block.min(axis=1)
        wrong = ~(np.abs(sums - 1) <= slack) | ~(lows >= 0)  # NaN counts as wrong
        if wrong.any():
            row = rows.start + int(wrong.argmax())
            _refuse_row(array[row], f"row {row}", slack, name)
    return array


def _refuse_row(values: np.ndarray, row: str, slack: float, name: str) -> None:
    total, low = values.sum(dtype=np.float64), values.min()
    if not np.isfinite(values).all():
        refuse(
            name,
            "finite",
            came=f"NaN or infinity in {row}",
            cure="Has the training diverged?",
        )
    logits = (
        "These look like logits: turn them into probabilities with a softmax, as "
        "evaluation.predict does."
    )
    if low < 0:
        cure = logits if abs(total - 1) > slack else ""
        refuse(name, "0 or more", came=f"{low:.4g} in {row}", cure=cure)
    cure = logits if values.max() > 1 else ""
    if np.isclose(total, 100, rtol=slack):
        cure = f"These are percentages: use `{name} / 100`."
    refuse(
        name, "rows that sum to 1", came=f"{row}, which sums to {total:.4g}", cure=cure
    )


def predictions(value: Any, name: str = "predictions") -> np.ndarray:
    """Return predicted classes, int (N,), of class numbers or rows of probabilities."""
    if np.ndim(value) == 2 and np.shape(value)[1] > 1:
        return likeliest(probabilities(value, name))
    return labels(value, name)


def likeliest(rows_of: np.ndarray) -> np.ndarray:
    """Return the class of the largest probability, the first where several tie."""
    found = np.empty(len(rows_of), np.intp)
    for rows in blocks(len(rows_of)):
        rows_of[rows].argmax(axis=1, out=found[rows])
    return found


def labels_and_probabilities(true: Any, rows: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and probabilities that fit each other."""
    if np.ndim(rows) == 1 and np.asarray(rows).dtype.kind in "iu":
        refuse(
            "probabilities",
            "of shape (N, K), a row an image and a column a class",
            rows,
            cure="These are class numbers; `np.mean(labels == probabilities)` is their "
            "accuracy.",
        )
    rows = probabilities(rows)
    true = labels(true, n=len(rows), classes=rows.shape[1])
    return true, rows
