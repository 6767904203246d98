"""How sure a number is: intervals, and a test that compares two models."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from imgcls_helpers import _arguments
from imgcls_helpers._arguments import labels_and_predictions, number, refuse

__all__ = ["McNemar", "bootstrap_interval", "mcnemar", "wilson_interval"]

_FEW = 25  # below this many disagreements the chi-square approximation is poor


def wilson_interval(
    successes: Any, n: Any, *, confidence: float = 0.95
) -> tuple[Any, Any]:
    """Return Wilson's confidence interval for a share.

    With p = successes / n and z the (1 + confidence) / 2 quantile of the normal
    distribution::

        (p + z²/2n ± z sqrt(p (1 - p) / n + z²/4n²)) / (1 + z²/n)

    Parameters
    ----------
    successes : int, or int array of any shape
        How many of `n` were right.
    n : int, or int array of the same shape
        1 or more.
    confidence : float
        Share of cases in which the interval is to hold the true share.

    Returns
    -------
    low, high : float, or float arrays
        Between 0 and 1.

    Raises
    ------
    ValueError
        If a number is not whole, `successes` is not from 0 to `n`, `n` is 0, or
        `confidence` is not between 0 and 1.

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical
    inference", Journal of the American Statistical Association 22, 1927.

    Examples
    --------
    >>> from imgcls_helpers import evaluation
    >>> low, high = evaluation.wilson_interval(80, 100)
    >>> round(low, 3), round(high, 3)
    (0.711, 0.867)
    """
    right = _arguments.wholes(successes, "successes", 0)
    of = _arguments.wholes(n, "n", 1)
    if right.ndim and of.ndim:
        _arguments.same_shape(right, of, "successes", "n")
    if (right > of).any():
        refuse("successes", "from 0 to n", came=f"{right.max()} of n = {of.min()}")
    z = NormalDist().inv_cdf((1 + _arguments.confidence(confidence)) / 2)
    p = right / of
    centre = p + z * z / (2 * of)
    reach = z * np.sqrt(p * (1 - p) / of + z * z / (4.0 * of * of))
    scale = 1 + z * z / of
    # Rounding may carry the ends out of [0, 1], or off the p that they must hold.
    low = np.minimum(p, np.maximum(0, (centre - reach) / scale))
    high = np.maximum(p, np.minimum(1, (centre + reach) / scale))
    low, high = np.where(right == 0, 0.0, low), np.where(right == of, 1.0, high)
    return (float(low), float(high)) if low.ndim == 0 else (low, high)


def bootstrap_interval(
    *arrays: Any,
    statistic: Callable[..., float] = np.mean,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of any number computed from rows.

    Draws as many rows as there are, with replacement, computes the number from them,
    and repeats this. The interval leaves out equally many of the results on each side.

    Parameters
    ----------
    *arrays : array, shape (N, ...)
        One or more arrays; their rows are drawn together.
    statistic : callable
        Takes the arrays and returns one number. Default: the mean.
    confidence : float
    resamples : int
        How often to draw. The mean of a bool array needs no drawing of rows, and
        takes no time however long it is.
    seed : int
        The same seed gives the same interval.

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        If there is no array, one is empty, lengths differ, or the statistic of a
        resample is NaN (such as the recall of a class that was not drawn).

    References
    ----------
    B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, section
    13.3.

    Examples
    --------
    >>> import numpy as np
    >>> from imgcls_helpers import evaluation
    >>> right = np.repeat([True, False], [80, 20])
    >>> low, high = evaluation.bootstrap_interval(right)
    >>> bool(low < 0.8 < high)
    True
    """
    rows = _arguments.rows(arrays, "arrays")
    n = len(rows[0])
    resamples = number(resamples, "resamples", 100, whole=True)
    rng = np.random.default_rng(_arguments.seed(seed))
    if statistic is np.mean and len(rows) == 1 and rows[0].dtype == bool:
        right = int(np.count_nonzero(rows[0]))
        found = resampled_share(right, rows[0].size, resamples, rng)
    else:
        found = np.empty(resamples)
        for i in range(resamples):
            drawn = rng.integers(0, n, n)
            value = statistic(*(array[drawn] for array in rows))
            if np.ndim(value):
                refuse("statistic", "a function that returns one number", value)
            found[i] = value
    return percentiles(found, confidence)


def resampled_share(
    right: int, n: int, resamples: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the share of right ones in each resample of n."""
    # Drawing n rows and counting the right ones is drawing a binomial number.
    return rng.binomial(n, right / n, resamples) / n


def percentiles(found: np.ndarray, confidence: float) -> tuple[float, float]:
    """Return what lies in the middle of the bootstrap's results."""
    outside = (1 - _arguments.confidence(confidence)) / 2
    if np.isnan(found).any():
        refuse(
            "statistic",
            "a number for every resample",
            came=f"NaN for {np.isnan(found).sum()} of {len(found)}",
            cure="Some drew no row of what it divides by, or an array has NaN.",
        )
    low, high = np.quantile(found, [outside, 1 - outside])
    return float(low), float(high)


@dataclass(frozen=True)
class McNemar:
    """What McNemar's test found out about two models on the same images.

    Attributes
    ----------
    both, only_a, only_b, neither : int
        Images that both models, only one, or none got right.
    difference : float
        Accuracy of a minus accuracy of b.
    statistic : float
        The chi-square statistic, or the smaller of `only_a` and `only_b`.
    p_value : float
        Probability of so uneven a split of the disagreements, or a more uneven one,
        if the models were equally good.
    method : str
        "exact binomial" or "chi-square with continuity correction".

    Examples
    --------
    >>> from imgcls_helpers import evaluation
    >>> found = evaluation.mcnemar([0, 0, 1, 1], [0, 0, 1, 0], [0, 1, 0, 1])
    >>> found.only_a, found.only_b, found.method
    (2, 1, 'exact binomial')
    """

    both: int
    only_a: int
    only_b: int
    neither: int
    difference: float
    statistic: float
    p_value: float
    method: str

    def __repr__(self) -> str:
        # A p-value that rounds to 0 is no 0.
        p = f"{self.p_value:.4f}" if self.p_value >= 1e-4 else "below 0.0001"
        return (
            f"McNemar: only a right {self.only_a}, only b right {self.only_b}, "
            f"a - b = {100 * self.difference:+.2f} points, p {'= ' * (p[0] != 'b')}{p} "
            f"({self.method})"
        )


def mcnemar(labels: Any, predictions_a: Any, predictions_b: Any) -> McNemar:
    """Compare two models on the same images.

    Only the images count that one model gets right and the other wrong. If the models
    were equally good, each would win such an image with probability 1/2. With fewer
    than 25 of them the binomial distribution is used, exactly; otherwise chi-square
    with one degree of freedom and the continuity correction,
    ``max(|b - c| - 1, 0)² / (b + c)``.

    Parameters
    ----------
    labels : int array, shape (N,)
    predictions_a, predictions_b : int array, shape (N,); or float array, (N, K)
        Predicted classes, or probabilities, of which the largest counts.

    Returns
    -------
    McNemar
        Names the method that was used.

    Raises
    ------
    ValueError
        As `accuracy`.

    References
    ----------
    Q. McNemar, "Note on the sampling error of the difference between correlated
    proportions or percentages", Psychometrika 12, 1947. A. L. Edwards, the same
    journal, 13, 1948 (continuity correction).

    Examples
    --------
    >>> from imgcls_helpers import evaluation
    >>> evaluation.mcnemar([0, 0, 1, 1], [0, 0, 1, 0], [0, 1, 0, 1])
    McNemar: only a right 2, only b right 1, a - b = +25.00 points, p = 1.0000 \
(exact binomial)
    """
    right = []
    for name, given in (
        ("predictions_a", predictions_a),
        ("predictions_b", predictions_b),
    ):
        labels, predictions = labels_and_predictions(labels, given, name)
        right.append(predictions == labels)
    a, b = right
    both = int(np.count_nonzero(a & b))
    only_a = int(np.count_nonzero(a)) - both
    only_b = int(np.count_nonzero(b)) - both
    n, unlike = len(labels), only_a + only_b
    if unlike < _FEW:
        method = "exact binomial"
        fewer = min(only_a, only_b)
        statistic = float(fewer)
        tail = sum(math.comb(unlike, k) for k in range(fewer + 1)) / 2**unlike
        p_value = min(1.0, 2 * tail)
    else:
        method = "chi-square with continuity correction"
        statistic = max(abs(only_a - only_b) - 1, 0) ** 2 / unlike
        p_value = math.erfc(math.sqrt(statistic / 2))  # 1 degree of freedom
    return McNemar(
        both=both,
        only_a=only_a,
        only_b=only_b,
        neither=n - both - unlike,
        difference=(only_a - only_b) / n,
        statistic=statistic,
        p_value=p_value,
        method=method,
    )
