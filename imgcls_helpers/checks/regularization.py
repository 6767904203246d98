"""The checks of chapter 9, Regularization."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from imgcls_helpers.checks import (
    Mistake,
    Wrong,
    assert_array,
    call,
    exercise,
    function_exercise,
)

# 9.1 ------------------------------------------------------------------------

Epochs = tuple[int, int]


def _better(loss: float, best: float) -> bool:
    return loss < best


def _stopping(
    better: Callable[[float, float], bool] = _better,
    worst: float = np.inf,
    extra: int = 0,
    reset: bool = True,
    neighbours: bool = False,
) -> Callable:
    """Make a rule for stopping, right or wrong in the places that are named."""

    def early_stopping(losses, patience) -> Epochs:
        best, best_epoch, waited, before = worst, 0, 0, worst
        for epoch, loss in enumerate(losses, start=1):
            improved = better(loss, before if neighbours else best)
            if better(loss, best):
                best, best_epoch = loss, epoch
            if improved:
                waited = 0 if reset else waited
            else:
                waited += 1
            before = loss
            if waited >= patience + extra:
                return epoch, best_epoch
        return len(losses), best_epoch

    return early_stopping


_early_stopping = _stopping()


def _lowest_of_all(losses, patience) -> Epochs:
    best = int(np.argmin(losses)) + 1
    return min(best + patience, len(losses)), best


def _last_of_equal(losses, patience) -> Epochs:
    trained, best = _early_stopping(losses, patience)
    seen = losses[:trained]
    return trained, trained - seen[::-1].index(losses[best - 1])


@function_exercise(
    "9.1",
    "When to stop",
    reference=_early_stopping,
    mistakes=[
        Mistake(
            "counted from 0",
            lambda losses, patience: tuple(
                n - 1 for n in _early_stopping(losses, patience)
            ),
            "Both epochs are one too low.",
            "Count epochs from 1: `enumerate(losses, start=1)`.",
        ),
        Mistake(
            "best epoch counted from 0",
            lambda losses, patience: (
                _early_stopping(losses, patience)[0],
                _early_stopping(losses, patience)[1] - 1,
            ),
            "The number of epochs is right, but the best epoch is one too low.",
            "`np.argmin` counts from 0, epochs here from 1.",
        ),
        Mistake(
            "one epoch too many",
            _stopping(extra=1),
            "It stops one epoch too late.",
            "Stop as soon as `patience` epochs in a row have brought nothing: `>=`, "
            "not `>`.",
        ),
        Mistake(
            "one epoch too few",
            _stopping(extra=-1),
            "It stops one epoch too early.",
            "An epoch that improves has waited for 0 epochs, not 1.",
        ),
        Mistake(
            "not in a row",
            _stopping(reset=False),
            "All epochs without improvement are added up, with others in between.",
            "Set the counter back to 0 whenever the loss improves.",
        ),
        Mistake(
            "compared with the epoch before",
            _stopping(neighbours=True),
            "Each loss is compared with that of the epoch before.",
            "An improvement is a loss below the lowest so far.",
        ),
        Mistake(
            "a tie is an improvement",
            _stopping(better=lambda loss, best: loss <= best),
            "A loss that equals the lowest so far counts as an improvement.",
            "Only a lower loss does: `<`, not `<=`.",
        ),
        Mistake(
            "looks ahead",
            _lowest_of_all,
            "It finds the lowest loss of the whole curve, part of which comes after "
            "the stop.",
            "Go through the epochs one by one, and stop as soon as the rule says so.",
        ),
        Mistake(
            "never stops",
            lambda losses, patience: (len(losses), int(np.argmin(losses)) + 1),
            "It trains to the end.",
            "Return as soon as `patience` epochs in a row have brought nothing.",
        ),
        Mistake(
            "last epoch for the best",
            lambda losses, patience: (_early_stopping(losses, patience)[0],) * 2,
            "The best epoch is not the one at which the training stopped.",
            "Remember the epoch whenever the loss improves.",
        ),
        Mistake(
            "best epoch for both",
            lambda losses, patience: (_early_stopping(losses, patience)[1],) * 2,
            "The epochs after the best one were trained too.",
            "Return how many epochs were trained, with those that brought nothing.",
        ),
        Mistake(
            "epochs trained counted from 0",
            lambda losses, patience: (
                n := _early_stopping(losses, patience),
                (n[0] - (n[0] < len(losses)), n[1]),
            )[1],
            "The best epoch is right, but the stop is counted from 0.",
            "When the loop stands at the index i, i + 1 epochs have been trained.",
        ),
        Mistake(
            "the last of equal ones",
            _last_of_equal,
            "Of several equally low losses the last one is taken.",
            "An equal loss is no improvement: the first one is the best epoch.",
        ),
        Mistake(
            "higher is better",
            _stopping(better=lambda loss, best: loss > best, worst=-np.inf),
            "It waits for the loss to rise, as if it were an accuracy.",
            "A lower loss is better.",
        ),
        Mistake(
            "the other order",
            lambda losses, patience: _early_stopping(losses, patience)[::-1],
            "The two numbers are in the other order.",
            "Return the epochs trained first, then the best epoch.",
        ),
    ],
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


def _not_scaled(x, rate, rng) -> np.ndarray:
    return x * (rng.random(x.shape) >= rate)


def _rate_kept(x, rate, rng) -> np.ndarray:
    return x * (rng.random(x.shape) < rate) / rate if rate else 0 * x


def _rate_kept_scaled_by_the_rest(x, rate, rng) -> np.ndarray:
    return x * (rng.random(x.shape) < rate) / (1 - rate)


def _divided_by_rate(x, rate, rng) -> np.ndarray:
    return x * (rng.random(x.shape) >= rate) / (rate or 1)


def _scaled_down(x, rate, rng) -> np.ndarray:
    return x * (rng.random(x.shape) >= rate) * (1 - rate)


def _one_mask(x, rate, rng) -> np.ndarray:
    return x * (rng.random(x.shape[1:]) >= rate) / (1 - rate)


def _whole_rows(x, rate, rng) -> np.ndarray:
    return x * (rng.random((len(x), *[1] * (x.ndim - 1))) >= rate) / (1 - rate)


def _own_generator(x, rate, rng) -> np.ndarray:
    return _dropout(x, rate, np.random.default_rng(0))


def _new_generator(x, rate, rng) -> np.ndarray:
    return _dropout(x, rate, np.random.default_rng())


def _as_when_testing(x, rate, rng) -> np.ndarray:
    return x * (1 - rate)


def _unchanged(x, rate, rng) -> np.ndarray:
    return x.copy()


def _small_dropped(x, rate, rng) -> np.ndarray:
    return x * (np.abs(x) >= np.quantile(np.abs(x), rate)) / (1 - rate)


def _fixed_number(x, rate, rng) -> np.ndarray:
    mask = np.arange(x.size) >= round(rate * x.size)
    return x * rng.permutation(mask).reshape(x.shape) / (1 - rate)


def _mask_alone(x, rate, rng) -> np.ndarray:
    return (rng.random(x.shape) >= rate) / (1 - rate)


def _normal_draws(x, rate, rng) -> np.ndarray:
    return x * (rng.normal(size=x.shape) >= rate) / (1 - rate)


@exercise(
    "9.2",
    "Dropout",
    reference=_dropout,
    mistakes=[
        Mistake("not scaled up", _not_scaled, ""),
        Mistake("rate is the share kept", _rate_kept, ""),
        Mistake(
            "rate is the share kept, scaled otherwise",
            _rate_kept_scaled_by_the_rest,
            "",
        ),
        Mistake("divided by the rate", _divided_by_rate, ""),
        Mistake("scaled down", _scaled_down, ""),
        Mistake("one mask for all rows", _one_mask, ""),
        Mistake("whole rows", _whole_rows, ""),
        Mistake("the same mask every time", _own_generator, ""),
        Mistake("another generator", _new_generator, ""),
        Mistake("as when testing", _as_when_testing, ""),
        Mistake("nothing dropped", _unchanged, ""),
        Mistake("small values dropped", _small_dropped, ""),
        Mistake("a fixed number", _fixed_number, ""),
        Mistake("another share", _normal_draws, ""),
        Mistake("the mask alone", _mask_alone, ""),
    ],
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


def _soft(v: np.ndarray, amount: float) -> np.ndarray:
    return np.sign(v) * np.maximum(np.abs(v) - amount, 0)


def _hard(v: np.ndarray, amount: float) -> np.ndarray:
    return np.where(np.abs(v) > amount, v, 0.0)


def _l1_step(w, g, rate, strength) -> np.ndarray:
    return _soft(w - rate * g, rate * strength)


def _after(threshold: Callable[[np.ndarray, float], np.ndarray]) -> Callable:
    """Make a step that ends in another threshold than the right one."""

    def l1_step(w, g, rate, strength) -> np.ndarray:
        return threshold(w - rate * g, rate * strength)

    return l1_step


def _old_sign(w, g, rate, strength) -> np.ndarray:
    return np.sign(w) * np.maximum(np.abs(w - rate * g) - rate * strength, 0)


@function_exercise(
    "9.3",
    "A step with an L1 penalty",
    reference=_l1_step,
    names=("w", "g", "rate", "strength"),
    mistakes=[
        Mistake(
            "penalty in the gradient",
            lambda w, g, rate, strength: w - rate * (g + strength * np.sign(w)),
            "That is a step along the slope of the penalty. It leaves no zeros.",
            "Take the step of the loss alone, then the soft threshold.",
        ),
        Mistake(
            "rate missing in the threshold",
            lambda w, g, rate, strength: _soft(w - rate * g, strength),
            "The threshold is `strength`, whatever the rate.",
            "The penalty takes a step of the same rate: the threshold is "
            "`rate * strength`.",
        ),
        Mistake(
            "threshold first",
            lambda w, g, rate, strength: _soft(w, rate * strength) - rate * g,
            "The threshold comes before the step, which then moves the zeros away.",
            "Step first: `v = w - rate * g`. Then the threshold on `v`.",
        ),
        Mistake(
            "gradient forgotten",
            lambda w, g, rate, strength: _soft(w, rate * strength),
            "The weights are shrunk, but the gradient is not used.",
            "Begin with `v = w - rate * g`.",
        ),
        Mistake(
            "rate missing in the step",
            lambda w, g, rate, strength: _soft(w - g, rate * strength),
            "The step of the loss is `g`, whatever the rate.",
            "Begin with `v = w - rate * g`.",
        ),
        Mistake(
            "zero at every change of sign",
            lambda w, g, rate, strength: np.where(
                np.sign(w) == np.sign(w - rate * g),
                _soft(w - rate * g, rate * strength),
                0.0,
            ),
            "A weight whose sign changes in the step of the loss becomes 0.",
            "That step may change the sign. Only the threshold must not: take the "
            "sign of `w - rate * g`.",
        ),
        Mistake(
            "uphill",
            lambda w, g, rate, strength: _soft(w + rate * g, rate * strength),
            "The step goes uphill.",
            "Subtract `rate * g`.",
        ),
        Mistake(
            "no penalty",
            lambda w, g, rate, strength: w - rate * g,
            "That is a plain step. The penalty is missing.",
            "Take `rate * strength` off the size of each weight, down to 0.",
        ),
        Mistake(
            "large ones not shrunk",
            _after(_hard),
            "Small weights become 0, but the large ones are not shrunk.",
            "All weights come closer to 0 by `rate * strength`.",
        ),
        Mistake(
            "past zero",
            _after(lambda v, amount: v - amount * np.sign(v)),
            "Small weights are pushed past 0 to the other side.",
            "They stop at 0: `np.maximum(np.abs(v) - amount, 0)`.",
        ),
        Mistake(
            "small ones left alone",
            _after(
                lambda v, amount: np.where(
                    np.abs(v) > amount, v - amount * np.sign(v), v
                )
            ),
            "Weights smaller than the threshold stay as they are.",
            "They become exactly 0.",
        ),
        Mistake(
            "sign lost",
            _after(lambda v, amount: np.maximum(np.abs(v) - amount, 0)),
            "The sizes are right, but the signs are lost.",
            "Multiply by `np.sign(v)`.",
        ),
        Mistake(
            "sign of the old weight",
            _old_sign,
            "The sign is that of the weight before the step.",
            "A step may change the sign: take that of `w - rate * g`.",
        ),
        Mistake(
            "negative weights lost",
            _after(lambda v, amount: np.maximum(v - amount, 0)),
            "All negative weights become 0.",
            "Shrink the size, `np.abs(v)`, and put the sign back.",
        ),
        Mistake(
            "pushed down",
            _after(lambda v, amount: v - amount),
            "All weights move down, the negative ones away from 0.",
            "Every weight moves towards 0.",
        ),
        Mistake(
            "L2",
            _after(lambda v, amount: v / (1 + amount)),
            "That is what an L2 penalty leaves: all weights shrink by one factor.",
            "L1 takes the same amount off every weight.",
        ),
        Mistake(
            "weight decay",
            lambda w, g, rate, strength: (1 - rate * strength) * w - rate * g,
            "That is a step with weight decay: all weights shrink by one factor.",
            "L1 takes the same amount off every weight, after the step.",
        ),
        Mistake(
            "clipped",
            _after(lambda v, amount: np.clip(v, -amount, amount)),
            "Large weights are cut. That is the part that L1 takes away.",
            "What is left is `v - np.clip(v, -amount, amount)`.",
        ),
    ],
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


def _choosing(
    slack: Callable[[np.ndarray, int], float] = lambda scores, best: (
        scores[:, best].std(ddof=1) / np.sqrt(len(scores))
    ),
    pick: Callable[[np.ndarray], Any] = np.max,
) -> Callable:
    """Make a rule for choosing, right or wrong in the places that are given."""

    def choose_penalty(penalties, scores) -> float:
        mean = scores.mean(axis=0)
        best = int(mean.argmax())
        return pick(penalties[mean >= mean[best] - slack(scores, best)])

    return choose_penalty


def _as_errors(penalties, scores) -> float:
    return _choose(penalties, -scores)


def _own_error(penalties, scores) -> float:
    mean = scores.mean(axis=0)
    error = scores.std(axis=0, ddof=1) / np.sqrt(len(scores))
    return penalties[mean >= mean.max() - error].max()


def _next_to_the_best(penalties, scores) -> float:
    order = np.argsort(penalties)
    mean = scores[:, order].mean(axis=0)
    place = int(mean.argmax())
    error = scores[:, order[place]].std(ddof=1) / np.sqrt(len(scores))
    low = mean[place] - error
    while place + 1 < len(mean) and mean[place + 1] >= low:
        place += 1
    return penalties[order[place]]


def _place(penalties, scores) -> int:
    return int(np.flatnonzero(penalties == _choose(penalties, scores))[0])


@function_exercise(
    "9.4",
    "Which penalty?",
    reference=_choose,
    names=("penalties", "scores"),
    mistakes=[
        Mistake(
            "the best mean",
            lambda penalties, scores: penalties[scores.mean(axis=0).argmax()],
            "That is the penalty with the highest mean.",
            "Several are as good, up to the uncertainty. Take the strongest of them.",
        ),
        Mistake(
            "the weakest",
            _choosing(pick=np.min),
            "That is the weakest of the penalties that are good enough.",
            "Take the strongest: the largest number.",
        ),
        Mistake(
            "the first",
            _choosing(pick=lambda found: found[0]),
            "That is the first in the list of those that are good enough.",
            "The penalties need not be sorted: take the largest number.",
        ),
        Mistake(
            "the last",
            _choosing(pick=lambda found: found[-1]),
            "That is the last in the list of those that are good enough.",
            "The penalties need not be sorted: take the largest number.",
        ),
        Mistake(
            "standard deviation",
            _choosing(slack=lambda scores, best: scores[:, best].std(ddof=1)),
            "The slack is the standard deviation of single runs.",
            "The standard error of a mean of S runs is smaller: divide by the root "
            "of S.",
        ),
        Mistake(
            "divided by S",
            _choosing(
                slack=lambda scores, best: scores[:, best].std(ddof=1) / len(scores)
            ),
            "The standard deviation is divided by the number of runs.",
            "Divide it by the root of that number.",
        ),
        Mistake(
            "divided by the root of P",
            _choosing(
                slack=lambda scores, best: (
                    scores[:, best].std(ddof=1) / np.sqrt(scores.shape[1])
                )
            ),
            "The standard deviation is divided by the root of the number of penalties.",
            "Divide it by the root of the number of runs: `len(scores)`.",
        ),
        Mistake(
            "divided by the root of S - 1",
            _choosing(
                slack=lambda scores, best: (
                    scores[:, best].std(ddof=1) / np.sqrt(len(scores) - 1)
                )
            ),
            "The standard error is too large: the - 1 is counted twice.",
            "It belongs to the standard deviation alone. Divide that by the root of S.",
        ),
        Mistake(
            "medians",
            lambda penalties, scores: penalties[
                np.median(scores, axis=0)
                >= np.median(scores, axis=0).max()
                - scores[:, np.median(scores, axis=0).argmax()].std(ddof=1)
                / np.sqrt(len(scores))
            ].max(),
            "The medians of the runs are compared.",
            "The rule asks for means: `scores.mean(axis=0)`.",
        ),
        Mistake(
            "stops at a gap",
            _next_to_the_best,
            "It looks for stronger penalties only up to the first that is not good "
            "enough.",
            "Go through all penalties: a stronger one behind may be good enough.",
        ),
        Mistake(
            "deviation without - 1",
            _choosing(
                slack=lambda scores, best: scores[:, best].std() / np.sqrt(len(scores))
            ),
            "The standard deviation is too small: it divides by S, not by S - 1.",
            "`scores[:, best].std(ddof=1)`.",
        ),
        Mistake(
            "spread over all scores",
            _choosing(
                slack=lambda scores, best: scores.std(ddof=1) / np.sqrt(len(scores))
            ),
            "The slack comes from the scores of all penalties together.",
            "Take the runs of the best penalty alone: `scores[:, best]`.",
        ),
        Mistake(
            "each its own error",
            _own_error,
            "Each penalty gets the slack of its own runs, so one that varies wildly "
            "is easily good enough.",
            "The slack is the standard error of the best one.",
        ),
        Mistake(
            "two standard errors",
            _choosing(
                slack=lambda scores, best: (
                    2 * scores[:, best].std(ddof=1) / np.sqrt(len(scores))
                )
            ),
            "The slack is two standard errors.",
            "The rule allows one.",
        ),
        Mistake(
            "any",
            lambda penalties, scores: penalties.max(),
            "That is the strongest penalty of all, however bad.",
            "It must be within one standard error of the best mean.",
        ),
        Mistake(
            "scores as errors",
            _as_errors,
            "The scores are taken for errors: low ones win.",
            "They are accuracies: high is good.",
        ),
        Mistake(
            "place instead of penalty",
            _place,
            "It returns a place in the list.",
            "Return the penalty itself: `penalties[i]`.",
        ),
    ],
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
