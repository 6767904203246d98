"""Random splits in which every class keeps its share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imgcls_helpers import _arguments
from imgcls_helpers._arguments import refuse
from imgcls_helpers.data._part import Part


def split_indices(
    labels: np.ndarray, fractions: Sequence[float], seed: int = 0
) -> list[np.ndarray]:
    """Split positions at random into parts with the same class proportions.

    Parameters
    ----------
    labels : array of int
        Class of each example, shape (N,).
    fractions : sequence of float
        Size of each part as a share of the whole; they add up to 1.
    seed : int
        The same seed gives the same split, on every machine.

    Returns
    -------
    list of numpy.ndarray
        One array of positions a part, int64, in random order. Together they
        hold every position once. Each class has its share in each part to
        within one example, and one example at least.

    Raises
    ------
    ValueError
        If a class has fewer examples than there are parts.

    Examples
    --------
    >>> import numpy as np
    >>> from imgcls_helpers.data import split_indices
    >>> labels = np.repeat([0, 1], [80, 20])
    >>> train, test = split_indices(labels, [0.75, 0.25], seed=0)
    >>> np.bincount(labels[train]).tolist(), np.bincount(labels[test]).tolist()
    ([60, 15], [20, 5])
    """
    labels = _arguments.labels(labels)
    shares = _arguments.numbers_of(fractions, "fractions", "shares of the whole", (1,))
    for share in shares:
        _arguments.share(share, "each of fractions")
    if abs(shares.sum() - 1) > 1e-6:
        came = f"{shares.tolist()}, which add up to {shares.sum():.6g}"
        refuse("fractions", "shares that add up to 1", came=came)
    rng = np.random.RandomState(_arguments.seed(seed))
    parts: list[list[np.ndarray]] = [[] for _ in shares]
    owed = np.zeros(len(shares))  # what each part is short of its exact size
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        n = len(members)
        if n < len(shares):
            refuse(
                "labels",
                f"{len(shares)} of each class or more, one for each part",
                came=f"{n} of class {label}",
                cure="Add examples, or ask for fewer parts.",
            )
        # One example at least in each part; those left over by rounding down go
        # to the parts that are furthest behind.
        exact = n * shares
        owed += exact
        sizes = np.maximum(np.floor(exact + 1e-9), 1)
        while sizes.sum() < n:
            sizes[np.argmax(np.where(sizes < exact - 1e-9, owed - sizes, -np.inf))] += 1
        while sizes.sum() > n:
            sizes[np.argmax(sizes)] -= 1
        owed -= sizes
        cuts = np.cumsum(sizes)[:-1].astype(int)
        for part, chunk in zip(parts, np.split(members, cuts), strict=True):
            part.append(chunk)
    return [rng.permutation(np.concatenate(part)).astype(np.int64) for part in parts]


def cut(part: Part, fraction: float, seed: int) -> tuple[Part, Part | None]:
    """Split off a validation part of this fraction; None where it is 0."""
    if fraction == 0:
        return part, None
    rest, held = split_indices(part.labels, (1 - fraction, fraction), seed)
    return part.take(rest), part.take(held)
