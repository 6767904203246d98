"""The same again with other seeds: mean and spread."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from imgcls_helpers._arguments import number


class Spread:
    """Numbers from repeated runs: their mean and how far they spread.

    Parameters
    ----------
    values : sequence of float
        One number a run.

    Attributes
    ----------
    values : ndarray of float64, shape (n,)
    mean : float
    sd : float
        Standard deviation with n - 1 in the denominator; NaN for a single run.
    n : int

    Raises
    ------
    ValueError
        If there is no value, or one is NaN or infinite.

    Examples
    --------
    >>> accuracies = Spread([0.71, 0.72, 0.70])
    >>> f"{accuracies:.1%}"
    '71.0 ± 1.0%'
    >>> print(accuracies)
    0.710 ± 0.010
    """

    def __init__(self, values: Sequence[float]) -> None:
        self.values = np.array(values, dtype=np.float64)
        if self.values.ndim != 1 or not self.values.size:
            raise ValueError(
                f"values must be one number a run, at least one; got {values!r}."
            )
        if not np.isfinite(self.values).all():
            raise ValueError(f"values must be finite, but are {self.values.tolist()}.")
        self.n = self.values.size
        self.mean = float(self.values.mean())
        self.sd = float(self.values.std(ddof=1)) if self.n > 1 else math.nan

    def __format__(self, spec: str) -> str:
        spec = spec or ".3f"
        if self.n == 1:
            return format(self.mean, spec)
        factor, unit = (100, "%") if spec.endswith("%") else (1, "")
        number = spec[:-1] + "f" if unit else spec
        # A sign asked for belongs to the mean; a spread has none.
        sd = format(factor * self.sd, number.replace("+", ""))
        return f"{factor * self.mean:{number}} ± {sd}{unit}"

    def band(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return where one more run should land: Student's prediction interval.

        The run of a reader differs by its seed, as these runs differ among themselves.
        So the interval is ``mean ± t sd sqrt(1 + 1/n)``, with t from Student's
        distribution with n - 1 degrees of freedom. It does not know about other data,
        versions or devices.

        Parameters
        ----------
        confidence : float, 0 to 1
            The share of further runs that should land in it.

        Returns
        -------
        (float, float)
            NaN and NaN for a single run, which says nothing about its spread.

        Raises
        ------
        ValueError
            If `confidence` is not between 0 and 1.

        Examples
        --------
        >>> low, high = Spread([0.71, 0.72, 0.70]).band()
        >>> f"{low:.2f} to {high:.2f}"
        '0.66 to 0.76'
        """
        number(confidence, "confidence", 0, 1, above=True, below=True)
        if self.n == 1:
            return math.nan, math.nan
        t = float(stats.t.ppf((1 + confidence) / 2, self.n - 1))
        reach = t * self.sd * math.sqrt(1 + 1 / self.n)
        return self.mean - reach, self.mean + reach

    def __str__(self) -> str:
        return format(self)

    def __repr__(self) -> str:
        return f"Spread({self.values.tolist()})"


def repeat(run: Callable[[int], Any], seeds: int | Sequence[int] = 3) -> Any:
    """Call ``run(seed)`` for each seed; return the spread of what comes back.

    Parameters
    ----------
    run : callable
        Takes a seed and returns a number, or a dictionary of numbers.
    seeds : int or sequence of int
        How many (then 0, 1, 2 ...), or which.

    Returns
    -------
    Spread, or dict of Spread
        As `run` returns a number or a dictionary.

    Raises
    ------
    TypeError
        If `run` returns anything else.
    ValueError
        If there is no seed, or the runs return different keys.

    Examples
    --------
    >>> print(repeat(lambda seed: 0.5 + seed / 10, seeds=3))
    0.600 ± 0.100
    """
    if isinstance(seeds, numbers.Integral):
        number(seeds, "seeds", 1, whole=True)
        seeds = range(seeds)
    results = [run(seed) for seed in seeds]
    if not results:
        raise ValueError("seeds must name at least one seed.")
    named = [isinstance(result, Mapping) for result in results]
    for result in results:
        values = result.values() if isinstance(result, Mapping) else [result]
        # Arrays of one number count as numbers.
        if any(np.ndim(v) or not isinstance(_item(v), numbers.Real) for v in values):
            raise TypeError(
                "run must return a number, or a dictionary of numbers, but it returned "
                f"{result!r}."
            )
    if not any(named):
        return Spread(results)
    if not all(named):
        raise ValueError("One run returned a dictionary and another a number.")
    names = list(results[0])
    for result in results:
        if set(result) != set(names):
            raise ValueError(
                f"Every run must return the same names, but one returned {names} and "
                f"another {list(result)}."
            )
    return {name: Spread([result[name] for result in results]) for name in names}


def _item(value: Any) -> Any:
    return value.item() if isinstance(value, np.ndarray | np.generic) else value
