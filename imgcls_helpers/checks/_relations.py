"""How all results of an answer hang together with what is expected, if they do.

One small case agrees with many relations by luck. So one is named only where it holds
on every case, in several that differ from what is expected, and over more than a
handful of different values.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from imgcls_helpers.checks._numbers import as_array, close, one_number
from imgcls_helpers.checks._verdict import Wrong

_CASES, _VALUES = 2, 6


def relation(pairs: Sequence[tuple[Any, Any]], rtol: Any, atol: Any) -> str:
    """Return a sentence on all pairs of (got, expected), or "" where none holds."""
    try:
        arrays = [
            (as_array(got, ""), as_array(expected, "")) for got, expected in pairs
        ]
    except Wrong:
        return ""
    arrays = [(one_number(g, e.ndim), e) for g, e in arrays]
    if any(g.shape != e.shape for g, e in arrays):
        return ""
    # What is right says nothing: there all relations may hold.
    told = [e for g, e in arrays if not close(g, e, rtol, atol).all()]
    values = {x for e in told for x in np.unique(e.astype(float)).tolist()}
    if len(told) < _CASES or len(values) < _VALUES:
        return ""
    with np.errstate(all="ignore"):
        found = (text for text, held in _relations(arrays, rtol, atol) if held)
        return next(found, "")


def _relations(
    arrays: Sequence[tuple[np.ndarray, np.ndarray]], rtol: Any, atol: Any
) -> Iterator[tuple[str, bool]]:
    def all_are(change: Callable[[np.ndarray], np.ndarray]) -> bool:
        for g, e in arrays:
            changed = change(g.astype(np.float64))
            if changed.shape != e.shape or not close(changed, e, rtol, atol).all():
                return False
        return True

    yield "The sign of every value is the wrong way round.", all_are(lambda g: -g)
    wrapped = all(
        g.dtype.kind == "u"
        and np.array_equal(
            g.astype(np.int64), e.astype(np.int64) % (np.iinfo(g.dtype).max + 1)
        )
        for g, e in arrays
    )
    types = " and ".join(sorted({str(g.dtype) for g, _ in arrays}))
    yield f"The values wrapped round in {types}: convert before computing.", wrapped
    g = np.concatenate([g.astype(np.float64).ravel() for g, _ in arrays])
    e = np.concatenate([e.astype(np.float64).ravel() for _, e in arrays])
    if not g.size or not np.isfinite(g).all() or not np.isfinite(e).all():
        return
    offset = float((e - g).flat[np.argmax(np.abs(g))])
    if offset:
        words = f"Every value is too {'small' if offset > 0 else 'large'} by "
        yield f"{words}{abs(offset):.6g}.", all_are(lambda g: g + offset)
    at = np.argmax(np.abs(g))
    factor = e[at] / g[at] if g[at] else 0.0
    if factor:
        words = f"Every value is {1 / factor:.6g} times what is expected."
        yield words, all_are(lambda g: g * factor)
    matrices = all(e.ndim > 1 for _, e in arrays)
    yield "Rows and columns are swapped.", matrices and all_are(np.transpose)
    for axis in range(min(e.ndim for _, e in arrays)):
        words = f"It is in reverse order along axis {axis}."
        yield words, all_are(functools.partial(np.flip, axis=axis))
    in_order = all(
        e.size > 2
        and close(np.sort(g, axis=None), np.sort(e, axis=None), rtol, atol).all()
        for g, e in arrays
    )
    yield "The values are right, but in another order.", in_order
