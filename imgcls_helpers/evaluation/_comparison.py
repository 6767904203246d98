"""Whether one way of training is better than another, or its seeds were lucky."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imgcls_helpers import _arguments as arguments
from imgcls_helpers._printable import printable
from imgcls_helpers._table import Shown, Table

if TYPE_CHECKING:
    from imgcls_helpers.training import Spread

__all__ = ["Comparison", "Comparisons", "compare", "compare_all"]

LEAST = 3  # runs: from two, the spread itself is known too badly
_NO_SPREAD = 1e-6  # of the values' size: no more than the rounding of float32


@dataclass(frozen=True, repr=False)
class Comparison(Shown):
    """What `compare` found. ``print`` gives it as one sentence.

    Attributes
    ----------
    a, b : str
        The names of the two.
    means : (float, float)
        The mean of the runs of each; NaN where there is no run.
    difference : float
        Mean of a minus mean of b.
    interval : (float, float)
        Where the true difference lies, in a share `confidence` of all such tables;
        infinite where there are too few runs to say.
    runs : (int, int)
        How many runs of each.
    paired : bool
    comparisons : int
        How many the table makes, this one included.
    confidence : float
    images : int or None
    reason : str
        Why the runs cannot decide it, whatever the difference; empty if they can.

    Examples
    --------
    >>> from imgcls_helpers import evaluation
    >>> found = evaluation.compare([0.71, 0.72, 0.70], [0.62, 0.64, 0.61], images=2000)
    >>> found.shown, found.higher, round(found.difference, 3)
    (True, True, 0.087)
    """

    a: str
    b: str
    means: tuple[float, float]
    difference: float
    interval: tuple[float, float]
    runs: tuple[int, int]
    paired: bool
    comparisons: int
    confidence: float
    images: int | None
    reason: str = ""

    @property
    def shown(self) -> bool:
        """Whether the interval leaves out 0.

        Examples
        --------
        >>> from imgcls_helpers import evaluation
        >>> evaluation.compare([0.71, 0.72], [0.62, 0.64], images=2000).shown
        False
        """
        return self.higher or self.lower

    @property
    def higher(self) -> bool:
        """Whether a is shown to have the higher numbers.

        Examples
        --------
        >>> from imgcls_helpers import evaluation
        >>> evaluation.compare([0.7, 0.8, 0.7], [0.4, 0.5, 0.3], images=500).higher
        True
        """
        return self.interval[0] > 0

    @property
    def lower(self) -> bool:
        """Whether a is shown to have the lower numbers.

        Examples
        --------
        >>> from imgcls_helpers import evaluation
        >>> evaluation.compare([0.7, 0.8, 0.7], [0.4, 0.5, 0.3], images=500).lower
        False
        """
        return self.interval[1] < 0

    def __str__(self) -> str:
        if self.shown:
            side = "higher" if self.higher else "lower"
            claim = f"Shown that {self.a} is {side} than {self.b}"
        else:
            claim = f"Not shown that {self.a} differs from {self.b}"
        if self.reason:
            return printable(f"{claim}: {self.reason}.")
        low, high = self._interval_text
        return printable(
            f"{claim}: {self._number(self.difference)}{self._unit}, "
            f"{100 * self.confidence:g}% interval {low} to {high} ({self._runs_text})."
        )

    @property
    def _unit(self) -> str:
        return "" if self.images is None else " points"

    @property
    def _decimals(self) -> int:
        """Two digits of the interval's width, and more until no end reads as 0."""
        scale = 1 if self.images is None else 100
        low, high = (scale * end for end in self.interval)
        decimals = max(1, 1 - math.floor(math.log10((high - low) / 2)))
        near = min(abs(low), abs(high))
        while near and not round(near, decimals):
            decimals += 1
        return decimals

    def _number(self, value: float) -> str:
        scale = 1 if self.images is None else 100
        return f"{scale * value:+z.{self._decimals}f}"  # z: no -0.0

    @property
    def _interval_text(self) -> tuple[str, str]:
        low, high = self.interval
        return self._number(low), self._number(high)

    @property
    def _runs_text(self) -> str:
        a, b = self.runs
        runs = f"{a} runs each" if a == b else f"{a} and {b} runs"
        pairs = ", in pairs" if self.paired else ""
        many = ""
        if self.comparisons > 1:
            many = f"; one of {self.comparisons} comparisons"
        return f"{runs}{pairs}{many}"

    def _tables(self) -> list[Table]:
        return [_table(str(self), [self])]


@dataclass(frozen=True, repr=False)
class Comparisons(Shown):
    """What `compare_all` found: a `Comparison` for each name but the baseline's.

    Attributes
    ----------
    baseline : str
    found : tuple of Comparison
        In the order of the table; ``comparisons[name]`` gives one by its name.
    notes : tuple of str
        What a reader has to know about the intervals.

    Examples
    --------
    >>> from imgcls_helpers import evaluation
    >>> runs = {"none": [0.60, 0.62, 0.61], "flips": [0.70, 0.73, 0.71],
    ...         "noise": [0.60, 0.63, 0.60]}
    >>> found = evaluation.compare_all(runs, baseline="none", images=2000)
    >>> found.higher, found.undecided, found["flips"].shown
    (('flips',), ('noise',), True)
    """

    baseline: str
    found: tuple[Comparison, ...]

    @property
    def higher(self) -> tuple[str, ...]:
        """The names whose numbers are shown to be higher than the baseline's."""
        return tuple(one.a for one in self.found if one.higher)

    @property
    def lower(self) -> tuple[str, ...]:
        """The names whose numbers are shown to be lower than the baseline's."""
        return tuple(one.a for one in self.found if one.lower)

    @property
    def undecided(self) -> tuple[str, ...]:
        """The names of which neither is shown."""
        return tuple(one.a for one in self.found if not one.shown)

    def __iter__(self) -> Iterator[Comparison]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, name: str) -> Comparison:
        for one in self.found:
            if one.a == name:
                return one
        raise KeyError(
            f"{name!r} is not compared with {self.baseline!r}; the names are "
            f"{[one.a for one in self.found]}."
        )

    @property
    def summary(self) -> str:
        """The verdicts in one sentence.

        Examples
        --------
        >>> from imgcls_helpers import evaluation
        >>> runs = {"none": [0.60, 0.62, 0.61], "flips": [0.70, 0.73, 0.71]}
        >>> evaluation.compare_all(runs, baseline="none", images=2000).summary
        'Against none: flips shown to be higher.'
        """
        parts = [
            f"{', '.join(names)} {word}"
            for names, word in (
                (self.higher, "shown to be higher"),
                (self.lower, "shown to be lower"),
                (self.undecided, "not shown to differ"),
            )
            if names
        ]
        return printable(f"Against {self.baseline}: {'; '.join(parts)}.")

    def _tables(self) -> list[Table]:
        return [_table(f"Each against {self.baseline}", self.found)]

    @property
    def notes(self) -> tuple[str, ...]:
        one = self.found[0]
        together = pairs = ""
        if len(self) > 1:
            together = f" that hold together for all {len(self)} comparisons"
        if one.paired:
            pairs = ", runs in pairs"
        reasons = dict.fromkeys(one.reason for one in self.found if one.reason)
        return (
            f"{100 * one.confidence:g}% intervals{together}{pairs}.",
            *(f"Where there is none, {reason}." for reason in reasons),
        )


def _table(title: str, found: Sequence[Comparison]) -> Table:
    rows = []
    for one in found:
        verdict = "higher" if one.higher else "lower" if one.lower else "not shown"
        a, b = one.runs
        runs = f"{a}" if a == b else f"{a} and {b}"
        if one.reason:
            ends = ("-", "-")
        else:
            ends = (
                f"{one._number(one.difference)}{one._unit}",
                "[{}, {}]".format(*one._interval_text),
            )
        rows.append((f"{one.a} - {one.b}", runs, *ends, verdict))
    return Table(title, ("", "runs", "difference", "interval", "verdict"), rows)


def compare(
    a: Sequence[float] | np.ndarray | Spread,
    b: Sequence[float] | np.ndarray | Spread,
    names: tuple[str, str] = ("a", "b"),
    *,
    paired: bool = False,
    images: int | None = None,
    comparisons: int = 1,
    confidence: float = 0.95,
) -> Comparison:
    """Say whether repeated runs of two methods show a difference.

    A mean over a few seeds moves with the seeds. The t interval of the difference says
    how far: the difference is **shown** if the interval leaves out 0. It is Welch's
    interval, which lets each method have a spread of its own; or, for runs in pairs,
    with differences d of standard deviation s over n seeds::

        mean(d) ± t s / sqrt(n),   t of n - 1 degrees of freedom

    A table with several comparisons has several chances to be lucky, so each interval
    is widened (Bonferroni): t is taken at 1 - (1 - confidence) / comparisons. Then all
    the intervals of a table hold together in a share `confidence` of tables; where
    nothing differs, at most 5% of tables call anything shown.

    Accuracies on N images are multiples of 1 / N. Runs may then agree by luck, which
    would make the interval as narrow as nothing. So with `images` given it reaches at
    least ``log2(2 / (1 - confidence) * comparisons) / N`` to each side: if models
    disagree about fewer images than that, McNemar's exact test would not tell them
    apart even if one were right about them all. For one comparison these are 6 images.

    Never shown: anything with under three runs of each (from two, the spread is a
    guess); runs that all gave the same number (then they are one run, repeated); equal
    differences without `images`.

    Parameters
    ----------
    a, b : sequence of float, or training.Spread
        One number a run: an accuracy, a loss, seconds.
    names : (str, str)
        What the sentence calls them.
    paired : bool
        Whether run i of a and run i of b belong together: one trained network, asked in
        two ways, or networks of one seed that draws their training images. Pairs cancel
        what is common to both. Where that is little, as for two networks with the same
        first weights, pairs need more runs.
    images : int, optional
        If the numbers are accuracies (or differences of accuracies), as shares from 0
        to 1: of how many images. Differences are then given in points.
    comparisons : int
        How many such comparisons are made side by side, this one included.
    confidence : float
        Share of tables in which all intervals are to hold.

    Returns
    -------
    Comparison
        ``str`` gives one sentence.

    Raises
    ------
    TypeError, ValueError
        If a run is NaN or infinite, values are no numbers, paired runs differ in
        number, accuracies are not from 0 to 1, or an option is out of range.

    See Also
    --------
    mcnemar : For one trained model against one other, on the same images: it asks
        whether other *images* could have turned the order. `compare` asks whether other
        *seeds* could have, with these images. To say that a method is better, ask both.

    Notes
    -----
    The t interval supposes that runs scatter around one value. Skewed noise and rare
    far values only make it say "shown" less often. It is wrong more often than promised
    where some runs collapse: three runs may all have collapsed, or none, by luck. Say
    how many seeds there will be before the first one runs: going on until something is
    shown finds luck.

    References
    ----------
    Student, "The probable error of a mean", Biometrika 6, 1908. B. L. Welch, "The
    generalization of 'Student's' problem when several different population variances
    are involved", Biometrika 34, 1947. O. J. Dunn, "Multiple comparisons among means",
    Journal of the American Statistical Association 56, 1961.

    Examples
    --------
    >>> from imgcls_helpers import evaluation
    >>> print(evaluation.compare([0.71, 0.72, 0.70], [0.62, 0.64, 0.61],
    ...                          ("with flips", "without"), images=2000))
    Shown that with flips is higher than without: +8.7 points, 95% interval +5.5 to \
+11.8 (3 runs each).
    >>> print(evaluation.compare([2.31, 2.10, 2.20], [2.16, 2.15, 2.09]))
    Not shown that a differs from b: +0.07, 95% interval -0.16 to +0.30 (3 runs each).
    >>> print(evaluation.compare([0.71], [0.62], images=2000))
    Not shown that a differs from b: it needs 3 runs of each, and there is 1.
    """
    values = [_as_runs(runs, name) for runs, name in ((a, "a"), (b, "b"))]
    first, second = values
    if isinstance(names, str) or len(names) != 2:
        arguments.refuse("names", 'two, such as ("with", "without")', names)
    confidence = arguments.confidence(confidence)
    comparisons = arguments.number(comparisons, "comparisons", 1, whole=True)
    paired = arguments.true_or_false(paired, "paired")
    if paired and len(first) != len(second):
        arguments.refuse(
            "a and b",
            "paired, one run of each for every seed",
            came=f"{len(first)} runs and {len(second)}",
            cure="Leave out the seeds that only one has, or pass paired=False.",
        )
    if images is not None:
        images = arguments.number(images, "images", 1, whole=True)
        for runs, name in zip(values, "ab", strict=True):
            if runs.size and np.abs(runs).max() > 1:
                arguments.refuse(
                    name,
                    "accuracies from 0 to 1, or differences of them, where images= is "
                    "given",
                    came=f"{runs[np.abs(runs).argmax()]:g}",
                    cure="Divide percentages by 100; leave out images= for other "
                    "numbers.",
                )
    mean_a, mean_b = (float(x.mean()) if x.size else math.nan for x in values)
    difference = mean_a - mean_b
    reason = _undecidable(first, second, paired, images)
    interval = (-math.inf, math.inf)
    if not reason:
        outside = (1 - confidence) / comparisons
        reach = float(half_width(first, second, paired, images, outside))
        interval = (difference - reach, difference + reach)
    return Comparison(
        a=str(names[0]),
        b=str(names[1]),
        means=(mean_a, mean_b),
        difference=difference,
        interval=interval,
        runs=(len(first), len(second)),
        paired=paired,
        comparisons=comparisons,
        confidence=confidence,
        images=images,
        reason=reason,
    )


def compare_all(
    runs: Mapping[str, Sequence[float] | np.ndarray | Spread],
    baseline: str,
    *,
    paired: bool = False,
    images: int | None = None,
    confidence: float = 0.95,
) -> Comparisons:
    """Compare each of several methods with one of them, in one table.

    Each is compared as by `compare`, with intervals wide enough for all of them to hold
    together. The more methods stand in a table, the more runs it needs.

    Parameters
    ----------
    runs : mapping from name to sequence of float or training.Spread
        One number a run, the baseline's among them.
    baseline : str
        With which the others are compared. It is chosen before the runs are seen: with
        the best of the table as the baseline, the intervals do not hold.
    paired, images, confidence
        As in `compare`.

    Returns
    -------
    Comparisons
        Shows itself as a table.

    Raises
    ------
    TypeError, ValueError
        As `compare`, or if the baseline is not among the names, or stands alone.

    Examples
    --------
    >>> from imgcls_helpers import evaluation
    >>> runs = {"none": [0.60, 0.62, 0.61], "flips": [0.70, 0.73, 0.71],
    ...         "noise": [0.60, 0.63, 0.60]}
    >>> evaluation.compare_all(runs, baseline="none", images=2000)
    Each against none
                  runs    difference       interval    verdict
    flips - none     3  +10.3 points  [+6.3, +14.3]     higher
    noise - none     3   +0.0 points   [-4.6, +4.6]  not shown
    <BLANKLINE>
    - 95% intervals that hold together for all 2 comparisons.
    """
    if not isinstance(runs, Mapping):
        expected = 'a mapping from names to runs, as {"none": [0.6, 0.7, 0.6], ...}'
        arguments.refuse("runs", expected, runs)
    if baseline not in runs or len(runs) < 2:
        expected = f"the runs of the baseline {baseline!r} and of at least one more"
        arguments.refuse("runs", expected, came=f"{list(runs)}")
    others = [name for name in runs if name != baseline]
    found = [
        compare(
            runs[name],
            runs[baseline],
            (name, baseline),
            paired=paired,
            images=images,
            comparisons=len(others),
            confidence=confidence,
        )
        for name in others
    ]
    return Comparisons(baseline, tuple(found))


def half_width(
    a: np.ndarray, b: np.ndarray, paired: bool, images: int | None, outside: float
) -> np.ndarray:
    """Return how far the interval reaches to each side; runs along the last axis.

    `outside` is the share of cases in which the interval may miss. Leading axes hold
    other comparisons, as tests that simulate many of them need.
    """
    from scipy import stats

    if paired:
        n = a.shape[-1]
        variance = (a - b).var(axis=-1, ddof=1) / n
        freedom = np.asarray(n - 1.0)
    else:
        of_a, of_b = (x.var(axis=-1, ddof=1) / x.shape[-1] for x in (a, b))
        variance = of_a + of_b
        parts = of_a**2 / (a.shape[-1] - 1) + of_b**2 / (b.shape[-1] - 1)
        # Without any spread there is nothing to divide; the interval has no width.
        freedom = np.where(parts > 0, variance**2 / np.where(parts > 0, parts, 1), 1)
    reach = stats.t.ppf(1 - outside / 2, freedom) * np.sqrt(variance)
    return reach if images is None else np.maximum(reach, resolution(images, outside))


def resolution(images: int, outside: float) -> float:
    """Return the share of images that a difference must exceed, whatever the spread.

    If two equally good models disagree about k images, one of them is right about all
    k with probability 2 / 2**k: McNemar's exact test calls that less than `outside`
    only for k above this.
    """
    return math.log2(2 / outside) / images


def _as_runs(runs: Any, name: str) -> np.ndarray:
    """Return one float a run, given a sequence or a Spread."""
    given = getattr(runs, "values", runs)
    if isinstance(given, Sequence | np.ndarray) and len(given) == 0:
        return np.empty(0)
    expected = "one number a run, such as [0.71, 0.72, 0.70]"
    return arguments.numbers_of(given, name, expected, (1,))


def _undecidable(a: np.ndarray, b: np.ndarray, paired: bool, images: int | None) -> str:
    """Say why no difference between these runs could be shown; nothing if one could."""
    fewest = min(len(a), len(b))
    if fewest < LEAST:
        there = f"there {'is' if fewest == 1 else 'are'} {fewest or 'none'}"
        if len(a) != len(b):
            there = f"one has {fewest or 'none'}"
        return f"it needs {LEAST} runs of each, and {there}"
    least = _NO_SPREAD * max(np.abs(a).max(), np.abs(b).max())
    if np.ptp(a) <= least and np.ptp(b) <= least:
        return (
            "every run gave the same number, so these count as one run of each "
            "(evaluation.mcnemar compares two models on the same images)"
        )
    if paired and images is None and np.ptp(a - b) <= least:
        return (
            "all differences are equal, so their spread is unknown (for accuracies, "
            "give images=)"
        )
    return ""
