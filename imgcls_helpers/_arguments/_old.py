"""Kept until its last caller is gone."""

from __future__ import annotations

import numpy as np


def label_hint(labels: np.ndarray, name: str = "labels") -> str:
    """Say how labels of another kind become class numbers, after a space, if known."""
    if labels.ndim == 2 and labels.shape[1] == 1 and labels.dtype.kind in "iu":
        return f" Flatten them with {name}[:, 0]."
    if labels.ndim == 2:
        return f" One-hot labels become class numbers with {name}.argmax(axis=1)."
    if labels.dtype.kind in "UO":
        return (
            " Names become class numbers with "
            f"class_names, {name} = np.unique({name}, return_inverse=True)."
        )
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        return " NaN and infinity are no classes: look for missing labels."
    if labels.dtype.kind == "f" and labels.size and (labels % 1 == 0).all():
        return f" They are whole numbers, kept as floats: {name}.astype(int)."
    return ""
