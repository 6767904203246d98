"""The checks of chapter 9, Regularization."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from imgcls_helpers.checks import Wrong, assert_array, call, exercise, function_exercise

# 9.1 ------------------------------------------------------------------------


def _early_stopping(losses, patience) -> tuple[int, int]:
    best, best_epoch, waited = np.inf, 0, 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < best:
            best, best_epoch, waited = loss, epoch, 0
        else:
            waited += 1
        if waited >= patience:
            return epoch, best_epoch
    return len(losses), best_epoch


@function_exercise(
    "9.1",
    "When to stop",
    reference=_early_stopping,
    mistakes="""
    counted from 0: result := tuple(n - 1 for n in result)
        Both epochs are one too low.
        Hint: Count epochs from 1: `enumerate(losses, start=1)`.
    best epoch counted from 0: result := (result[0], result[1] - 1)
        The number of epochs is right, but the best epoch is one too low.
        Hint: `np.argmin` counts from 0, epochs here from 1.
    one epoch too many: waited >= patience => waited > patience
        It stops one epoch too late.
        Hint: Stop as soon as `patience` epochs in a row have brought nothing: `>=`, not
        `>`.
    one epoch too few: patience := patience - 1
        It stops one epoch too early.
        Hint: An epoch that improves has waited for 0 epochs, not 1.
    not in a row: loss, epoch, 0 => loss, epoch, waited
        All epochs without improvement are added up, with others in between.
        Hint: Set the counter back to 0 whenever the loss improves.
    compared with the epoch before: loss < best => epoch < 2 or loss < losses[epoch - 2]
        & result := (result[0], int(np.argmin(losses[: result[0]])) + 1)
        Each loss is compared with that of the epoch before.
        Hint: An improvement is a loss below the lowest so far.
    a tie is an improvement: loss < best => loss <= best
        A loss that equals the lowest so far counts as an improvement.
        Hint: Only a lower loss does: `<`, not `<=`.
    looks ahead: result := losses.index(min(losses)) + 1
        & result := (min(result + patience, len(losses)), result)
        It finds the lowest loss of the whole curve, part of which comes after the stop.
        Hint: Go through the epochs one by one, and stop as soon as the rule says so.
    never stops: patience := np.inf
        It trains to the end.
        Hint: Return as soon as `patience` epochs in a row have brought nothing.
    last epoch for the best: result := (result[0], result[0])
        The best epoch is not the one at which the training stopped.
        Hint: Remember the epoch whenever the loss improves.
    best epoch for both: result := (result[1], result[1])
        The epochs after the best one were trained too.
        Hint: Return how many epochs were trained, with those that brought nothing.
    epochs trained counted from 0: return epoch => return epoch - (epoch < len(losses))
        The best epoch is right, but the stop is counted from 0.
        Hint: When the loop stands at the index i, i + 1 epochs have been trained.
    the last of equal ones: waited += 1 => waited += 1; best_epoch = latest
        & latest => epoch if loss == best else best_epoch
        Of several equally low losses the last one is taken.
        Hint: An equal loss is no improvement: the first one is the best epoch.
    higher is better: np.inf => -np.inf & loss < best => loss > best
        It waits for the loss to rise, as if it were an accuracy.
        Hint: A lower loss is better.
    the other order: result := result[::-1]
        The two numbers are in the other order.
        Hint: Return the epochs trained first, then the best epoch.
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield [3.0, 2.0, 2.5, 2.6, 1.0], 2
    yield [3.0, 2.0, 2.5, 1.5, 1.6], 2
    yield [1.0], 1
    yield [2.0, 1.0, 1.0, 1.0, 0.5], 2  # a tie is no improvement
    yield [2.0, 2.5, 1.9, 2.4, 1.8, 2.3, 1.7], 2  # up and down
    yield [1.0, 3.0, 2.0, 2.5, 1.5, 0.5], 3  # falls, but stays above the lowest
    yield [3.0, 2.0, 1.0], 5
    for n in (8, 20, 20):
        losses = 1 + rng.random(n).round(2) + np.abs(np.arange(n) - n // 2) / n
        yield losses.tolist(), int(rng.integers(1, 4))


# 9.2 ------------------------------------------------------------------------


def _dropout(x, rate, rng) -> np.ndarray:
    return x * (rng.random(x.shape) >= rate) / (1 - rate)


@exercise(
    "9.2",
    "Dropout",
    reference=_dropout,
    mistakes="""
    not scaled up: (1 - rate) => 1
    rate is the share kept: >= => < & (1 - rate) => (rate or 1)
    rate is the share kept, scaled otherwise: >= => <
    divided by the rate: (1 - rate) => (rate or 1)
    scaled down: / (1 - rate) => * (1 - rate)
    one mask for all rows: x.shape => x.shape[1:]
    whole rows: x.shape => (len(x), *[1] * (x.ndim - 1))
    the same mask every time: rng := np.random.default_rng(0)
    another generator: rng := np.random.default_rng()
    as when testing: result := x * (1 - rate)
    nothing dropped: result := x.copy()
    small values dropped: rng.random(x.shape) => np.abs(x)
        & >= rate => >= np.quantile(np.abs(x), rate)
    a fixed number: rng.random(x.shape) => rng.permutation(x.size).reshape(x.shape)
        & >= rate => >= round(rate * x.size)
    another share: rng.random(x.shape) => rng.normal(size=x.shape)
    the mask alone: x * (rng => (rng
    """,
)
def _(answer: Any, rng: np.random.Generator) -> None:
    def run(x: np.ndarray, rate: float, seed: int) -> np.ndarray:
        out = call(answer, x, rate, np.random.default_rng(seed))
        return assert_array(out, shape=x.shape, name="result")

    small = rng.uniform(0.5, 1.5, (2, 3))
    run(small, 0.5, 0)  # shows a wrong shape on a small input
    seeds = [int(s) for s in rng.integers(2**32, size=6)]
    for rate, shape in [(0.25, (40, 60)), (0.8, (60, 40)), (0.25, (30, 4, 20))]:
        x = rng.uniform(0.5, 1.5, shape) * rng.choice([-1, 1], shape)
        outs = [run(x, rate, seed) for seed in seeds]
        kept = [out != 0 for out in outs]
        _check_kept(answer, x, rate, outs, kept)
        if not np.array_equal(run(x, rate, seeds[0]), outs[0]):
            raise Wrong(
                "The same generator gave two different masks: another source of "
                "random numbers is in use.",
                "Draw from `rng` alone, so that a run can be repeated.",
                mistake="another generator",
            )
    if not np.allclose(run(small, 0.0, seeds[0]), small):
        raise Wrong(
            "With the rate 0 the values must stay as they are.",
            "Nothing is dropped then, and 1 / (1 - rate) is 1.",
            mistake="rate 0",
        )


def _check_kept(
    answer: Any, x: np.ndarray, rate: float, outs: list, kept: list
) -> None:
    """Check which values are kept, by what they are multiplied, and at random."""
    share = np.mean(kept)
    # Of at least 14,400 values: 0.03 is more than seven standard deviations.
    right_share = abs(share - (1 - rate)) < 0.03
    factors = np.concatenate(
        [(out / x)[k] for out, k in zip(outs, kept, strict=True)] or [np.ones(1)]
    )
    factor = float(np.median(factors)) if len(factors) else 0.0
    one_factor = len(factors) and np.allclose(factors, factor, rtol=1e-4)
    found = f"With rate = {rate}, {share:.0%} of the values are kept"
    if share == 1 and one_factor and np.isclose(factor, 1 - rate, rtol=1e-4):
        raise Wrong(
            "All values are multiplied by 1 - rate. The first form of dropout did "
            "that after training.",
            "While training, set a random share to 0 and multiply the others by "
            "`1 / (1 - rate)`.",
            mistake="as when testing",
        )
    if share == 1:
        raise Wrong(
            "No value is set to 0.",
            "`rng.random(x.shape) >= rate` is False for a random share of `rate`.",
            mistake="nothing dropped",
        )
    values = np.concatenate([out[k] for out, k in zip(outs, kept, strict=True)])
    if len(values) and np.allclose(values, values[0]):
        raise Wrong(
            "All values that are kept come out equal, whatever `x` is. That is the "
            "mask alone.",
            "Multiply `x` by the mask.",
            mistake="the mask alone",
        )
    if not one_factor:
        raise Wrong(
            "The values that are kept are not all multiplied by the same number.",
            "Multiply each of them by `1 / (1 - rate)`.",
            mistake="several factors",
        )
    _check_batch(kept)
    if not right_share and abs(share - rate) < 0.03:
        other = np.isclose(factor, 1 / (1 - rate), rtol=1e-4)
        raise Wrong(
            f"{found}: `rate` is taken for the share that is kept.",
            "`rate` is the share that is dropped: keep where "
            "`rng.random(x.shape) >= rate`.",
            mistake="rate is the share kept" + (", scaled otherwise" if other else ""),
        )
    if not right_share:
        raise Wrong(
            f"{found}; expected are {1 - rate:.0%}.",
            "Compare uniform numbers from 0 to 1 with `rate`: `rng.random(x.shape)`.",
            mistake="another share",
        )
    _check_factor(factor, rate)
    _check_random(x, rate, kept)


def _check_batch(kept: list) -> None:
    """Check that the mask differs along the batch and within an example."""
    if all((k == k[:1]).all() for k in kept):
        raise Wrong(
            "All examples of the batch lose the same values.",
            "Draw a number for every value of the batch: `rng.random(x.shape)`.",
            mistake="one mask for all rows",
        )
    flat = [k.reshape(len(k), -1) for k in kept]
    if all((k == k[:, :1]).all() for k in flat):
        raise Wrong(
            "Whole examples are set to 0.",
            "Draw a number for every value: `rng.random(x.shape)`.",
            mistake="whole rows",
        )


def _check_factor(factor: float, rate: float) -> None:
    names = {
        1.0: ("not scaled up", "The values that are kept are not scaled up."),
        1 / rate: ("divided by the rate", "The values are divided by `rate`."),
        1 - rate: ("scaled down", "The values are multiplied by 1 - rate."),
    }
    if np.isclose(factor, 1 / (1 - rate), rtol=1e-4):
        return
    text = f"The values that are kept are multiplied by {factor:.4g}."
    name, text = next(
        (found for value, found in names.items() if np.isclose(factor, value, 1e-4)),
        ("another factor", text),
    )
    raise Wrong(
        f"{text} Their mean does not stay as it was.",
        f"Divide by the share that is kept: with rate = {rate}, by {1 - rate:.4g}.",
        mistake=name,
    )


def _check_random(x: np.ndarray, rate: float, kept: list) -> None:
    if all(np.array_equal(k, kept[0]) for k in kept):
        threshold = np.abs(x[kept[0]]).min() >= np.abs(x[~kept[0]]).max()
        if threshold:
            raise Wrong(
                "The smallest values are dropped, not random ones.",
                "Draw a mask that does not depend on `x`: `rng.random(x.shape)`.",
                mistake="small values dropped",
            )
        raise Wrong(
            "Every generator gives the same mask: `rng` is not used.",
            "Draw the mask with `rng.random(x.shape)`.",
            mistake="the same mask every time",
        )
    if len({int(k.sum()) for k in kept}) == 1:
        raise Wrong(
            "Exactly the same number of values is dropped every time.",
            "Each value is dropped by itself, with the probability `rate`; how many "
            "go is left to chance.",
            mistake="a fixed number",
        )
    # Each example and each place loses its share, up to eight standard deviations.
    together = np.concatenate([k.reshape(len(k), -1) for k in kept])
    spread = np.sqrt(rate * (1 - rate))
    for axis in (0, 1):
        shares = together.mean(axis=axis)
        slack = 8 * spread / np.sqrt(together.shape[axis])
        if np.abs(shares - (1 - rate)).max() > slack:
            raise Wrong(
                "Some places are dropped more often than others.",
                "Every value has the same chance: `rng.random(x.shape) >= rate`.",
                mistake="not equally likely",
            )


# 9.3 ------------------------------------------------------------------------


def _l1_step(w, g, rate, strength) -> np.ndarray:
    v = w - rate * g
    return np.sign(v) * np.maximum(np.abs(v) - rate * strength, 0)


@function_exercise(
    "9.3",
    "A step with an L1 penalty",
    reference=_l1_step,
    names=("w", "g", "rate", "strength"),
    mistakes="""
    penalty in the gradient: result := w - rate * (g + strength * np.sign(w))
        That is a step along the slope of the penalty. It leaves no zeros.
        Hint: Take the step of the loss alone, then the soft threshold.
    rate missing in the threshold: rate * strength => strength
        The threshold is `strength`, whatever the rate.
        Hint: The penalty takes a step of the same rate: the threshold is `rate *
        strength`.
    threshold first: w - rate * g => w & strength, 0) => strength, 0) - rate * g
        The threshold comes before the step, which then moves the zeros away.
        Hint: Step first: `v = w - rate * g`. Then the threshold on `v`.
    gradient forgotten: g := 0
        The weights are shrunk, but the gradient is not used.
        Hint: Begin with `v = w - rate * g`.
    rate missing in the step: rate * g => g
        The step of the loss is `g`, whatever the rate.
        Hint: Begin with `v = w - rate * g`.
    zero at every change of sign: return => return (np.sign(w) == np.sign(v)) *
        A weight whose sign changes in the step of the loss becomes 0.
        Hint: That step may change the sign. Only the threshold must not: take the sign
        of `w - rate * g`.
    uphill: w - rate * g => w + rate * g
        The step goes uphill.
        Hint: Subtract `rate * g`.
    no penalty: strength := 0
        That is a plain step. The penalty is missing.
        Hint: Take `rate * strength` off the size of each weight, down to 0.
    large ones not shrunk: result := np.where(result, w - rate * g, 0)
        Small weights become 0, but the large ones are not shrunk.
        Hint: All weights come closer to 0 by `rate * strength`.
    past zero: strength, 0) => strength, -np.inf)
        Small weights are pushed past 0 to the other side.
        Hint: They stop at 0: `np.maximum(np.abs(v) - amount, 0)`.
    small ones left alone: result := np.where(result, result, w - rate * g)
        Weights smaller than the threshold stay as they are.
        Hint: They become exactly 0.
    sign lost: np.sign(v) => 1
        The sizes are right, but the signs are lost.
        Hint: Multiply by `np.sign(v)`.
    sign of the old weight: np.sign(v) => np.sign(w)
        The sign is that of the weight before the step.
        Hint: A step may change the sign: take that of `w - rate * g`.
    negative weights lost: np.sign(v) => 1 & np.abs(v) => v
        All negative weights become 0.
        Hint: Shrink the size, `np.abs(v)`, and put the sign back.
    pushed down: result := w - rate * g - rate * strength
        All weights move down, the negative ones away from 0.
        Hint: Every weight moves towards 0.
    L2: result := (w - rate * g) / (1 + rate * strength)
        That is what an L2 penalty leaves: all weights shrink by one factor.
        Hint: L1 takes the same amount off every weight.
    weight decay: result := (1 - rate * strength) * w - rate * g
        That is a step with weight decay: all weights shrink by one factor.
        Hint: L1 takes the same amount off every weight, after the step.
    clipped: result := np.clip(w - rate * g, -rate * strength, rate * strength)
        Large weights are cut. That is the part that L1 takes away.
        Hint: What is left is `v - np.clip(v, -amount, amount)`.
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.array([3.0, -3.0, 0.25, -0.25, 0.0]), np.zeros(5), 0.5, 1.0
    yield np.array([1.0, -1.0, 0.1]), np.array([2.0, -4.0, 4.0]), 0.5, 0.5
    yield np.array([[0.2, -0.4], [0.1, -2.0]]), np.ones((2, 2)), 0.1, 0.0
    for shape in [(6,), (4, 5), (2, 3, 4)]:
        w, g = rng.normal(size=(2, *shape))
        yield w, g, float(rng.uniform(0.3, 0.8)), float(rng.uniform(0.5, 1.5))


# 9.4 ------------------------------------------------------------------------


def _choose(penalties, scores) -> float:
    mean = scores.mean(axis=0)
    best = mean.argmax()
    error = scores[:, best].std(ddof=1) / np.sqrt(len(scores))
    return penalties[mean >= mean[best] - error].max()


@function_exercise(
    "9.4",
    "Which penalty?",
    reference=_choose,
    names=("penalties", "scores"),
    mistakes="""
    the best mean: result := penalties[scores.mean(axis=0).argmax()]
        That is the penalty with the highest mean.
        Hint: Several are as good, up to the uncertainty. Take the strongest of them.
    the weakest: ].max() => ].min()
        That is the weakest of the penalties that are good enough.
        Hint: Take the strongest: the largest number.
    the first: ].max() => ][0]
        That is the first in the list of those that are good enough.
        Hint: The penalties need not be sorted: take the largest number.
    the last: ].max() => ][-1]
        That is the last in the list of those that are good enough.
        Hint: The penalties need not be sorted: take the largest number.
    standard deviation: np.sqrt(len(scores)) => 1
        The slack is the standard deviation of single runs.
        Hint: The standard error of a mean of S runs is smaller: divide by the root of
        S.
    divided by S: np.sqrt(len(scores)) => len(scores)
        The standard deviation is divided by the number of runs.
        Hint: Divide it by the root of that number.
    divided by the root of P: len(scores) => scores.shape[1]
        The standard deviation is divided by the root of the number of penalties.
        Hint: Divide it by the root of the number of runs: `len(scores)`.
    divided by the root of S - 1: len(scores) => (len(scores) - 1)
        The standard error is too large: the - 1 is counted twice.
        Hint: It belongs to the standard deviation alone. Divide that by the root of S.
    medians: scores.mean(axis=0) => np.median(scores, axis=0)
        The medians of the runs are compared.
        Hint: The rule asks for means: `scores.mean(axis=0)`.
    stops at a gap: scores := scores[:, np.argsort(penalties)]
        & penalties := np.sort(penalties)
        & penalties[mean >= => penalties[best:][np.logical_and.accumulate(mean[best:] >=
        & error] => error)]
        It looks for stronger penalties only up to the first that is not good enough.
        Hint: Go through all penalties: a stronger one behind may be good enough.
    deviation without - 1: ddof=1 => ddof=0
        The standard deviation is too small: it divides by S, not by S - 1.
        Hint: `scores[:, best].std(ddof=1)`.
    spread over all scores: scores[:, best] => scores
        The slack comes from the scores of all penalties together.
        Hint: Take the runs of the best penalty alone: `scores[:, best]`.
    each its own error: scores[:, best].std(ddof=1) => scores.std(axis=0, ddof=1)
        Each penalty gets the slack of its own runs, so one that varies wildly is easily
        good enough.
        Hint: The slack is the standard error of the best one.
    two standard errors: - error => - 2 * error
        The slack is two standard errors.
        Hint: The rule allows one.
    any: result := penalties.max()
        That is the strongest penalty of all, however bad.
        Hint: It must be within one standard error of the best mean.
    scores as errors: scores := -scores
        The scores are taken for errors: low ones win.
        Hint: They are accuracies: high is good.
    place instead of penalty: result := int(np.flatnonzero(penalties == result)[0])
        It returns a place in the list.
        Hint: Return the penalty itself: `penalties[i]`.
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    # The second is best, 0.80 with the standard error 0.0115; only the third is as
    # good. With S - 1 under the root so is the fourth, with P not even the third.
    tail = np.array([-0.02, 0.0, 0.02])
    means = np.array([0.70, 0.80, 0.791, 0.787, 0.60])
    yield np.array([0.01, 0.1, 1.0, 10.0, 100.0]), means + tail[:, None]
    order = np.array([3, 0, 2, 4, 1])
    yield (
        np.array([0.01, 0.1, 1.0, 10.0, 100.0])[order],
        (means + tail[:, None])[:, order],
    )
    yield np.array([0.5, 2.0]), np.array([[0.7, 0.7], [0.9, 0.9]])  # a tie
    # Good enough only with S - 1 in the deviation.
    close = np.array([0.80, 0.79, 0.5]) + tail[:, None]
    yield np.array([1.0, 5.0, 25.0]), close
    # The strongest varies wildly; its mean is far from the best.
    wild = np.array([[0.80, 0.79, 0.4], [0.81, 0.8, 0.9], [0.79, 0.78, 0.75]])
    yield np.array([1.0, 3.0, 9.0]), wild
    # One bad run lowers the mean of the strongest, not its median.
    yield np.array([1.0, 3.0]), np.array([[0.80, 0.80], [0.81, 0.80], [0.79, 0.5]])
    # A gap between two that are good enough.
    gap = np.array([0.80, 0.70, 0.795, 0.60])
    yield np.array([1.0, 2.0, 4.0, 8.0]), gap + tail[:, None]
    # No scatter at all: the slack is 0, and equal means are good enough.
    yield np.array([2.0, 8.0, 4.0]), np.tile([0.75, 0.5, 0.75], (3, 1))
    for runs, count in [(3, 6), (4, 8), (10, 7), (5, 12), (3, 9), (4, 10)]:
        centre = 0.8 - 0.004 * np.abs(np.arange(count) - count / 2)
        scores = centre + rng.normal(scale=0.01, size=(runs, count))
        places = rng.permutation(count)
        yield 10.0 ** np.arange(-3, count - 3)[places], scores[:, places]
