"""The same again with other seeds: mean and spread."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from imgcls_helpers import _arguments
from imgcls_helpers._arguments import number, refuse
from imgcls_helpers._printable import printable


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
        self.values = _arguments.numbers_of(
            values, "values", "one number a run, at least one", (1,)
        )
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
        return printable(f"{factor * self.mean:{number}} ± {sd}{unit}")

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
        confidence = _arguments.confidence(confidence)
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
    ValueError
        If there is no seed, or `run` returns anything else, or different keys.

    Examples
    --------
    >>> print(repeat(lambda seed: 0.5 + seed / 10, seeds=3))
    0.600 ± 0.100
    """
    if isinstance(seeds, numbers.Integral):
        seeds = range(number(seeds, "seeds", 1, whole=True))
    elif isinstance(seeds, str | bytes | dict) or not isinstance(seeds, Iterable):
        refuse("seeds", "how many seeds, or a list of seeds", seeds)
    seeds = [_arguments.seed(seed, "each of seeds") for seed in seeds]
    if not seeds:
        refuse("seeds", "at least one seed", came="none")
    results = [run(seed) for seed in seeds]
    named = [isinstance(result, Mapping) for result in results]
    for result in results:
        values = result.values() if isinstance(result, Mapping) else [result]
        if not all(isinstance(_item(v), numbers.Real) for v in values):
            refuse("run", "a function that returns a number or a dict of them", result)
    if not any(named):
        return Spread(results)
    if not all(named):
        refuse(
            "run",
            "a function that returns the same with each seed",
            came="a dictionary from one and a number from another",
        )
    names = list(results[0])
    for result in results:
        if set(result) != set(names):
            refuse(
                "run",
                "a function that returns the same names with each seed",
                came=f"{names} from one and {list(result)} from another",
            )
    return {name: Spread([result[name] for result in results]) for name in names}


def _item(value: Any) -> Any:
    # Arrays of one number count as numbers.
    single = isinstance(value, np.ndarray | np.generic) and np.ndim(value) == 0
    return value.item() if single else value
