"""Class numbers as rows with a single 1."""

from __future__ import annotations

import numpy as np

from imgcls_helpers import _arguments


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return class numbers as rows with a single 1.

    Parameters
    ----------
    labels : int array, shape (N,)
        From 0 to ``classes - 1``.
    classes : int
        K, the number of classes.

    Returns
    -------
    numpy.ndarray
        float32, shape (N, K).

    Raises
    ------
    ValueError
        If a label is no class number, or `classes` no number of classes.

    Examples
    --------
    >>> import numpy as np
    >>> from imgcls_helpers.data import one_hot
    >>> one_hot(np.array([2, 0]), 3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    classes = _arguments.number(classes, "classes", 1, whole=True)
    labels = _arguments.labels(labels, classes=classes)
    return np.eye(classes, dtype=np.float32)[labels]
