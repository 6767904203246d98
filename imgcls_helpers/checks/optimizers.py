"""The checks of chapter 7, Optimizers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from imgcls_helpers.checks import (
    Mistake,
    Wrong,
    call,
    exercise,
    function_exercise,
)

# 7.1 ------------------------------------------------------------------------

Arrays = tuple[np.ndarray, ...]


def _momentum_step(w, v, g, rate, momentum) -> Arrays:
    v = momentum * v - rate * g
    return w + v, v


@function_exercise(
    "7.1",
    "A momentum step",
    reference=_momentum_step,
    mistakes="""
    velocity sign: v - rate => v + rate
        The gradient enters the velocity with the wrong sign: the step goes uphill.
        Hint: `v = momentum * v - rate * g`.
    velocity uphill: v - rate => v + rate & w + v => w - v
        The new `w` is right, but your velocity points uphill and is subtracted.
        Hint: In Keras's convention the velocity is the step itself: `w + v`.
    classical form: v - rate * g => v + g & w + v => w - rate * v
        That is the classical form: the velocity holds gradients, not steps.
        Hint: Put the rate into the velocity, `momentum * v - rate * g`, and add it.
    averaged form: v - rate * g => v + (1 - momentum) * g & w + v => w - rate * v
        That is the averaged form: the gradient is multiplied by 1 - momentum.
        Hint: `v = momentum * v - rate * g`, then `w + v`.
    averaged, rate inside: rate * g => (1 - momentum) * rate * g
        The gradient is multiplied by 1 - momentum, as in the averaged form.
        Hint: Here the new gradient counts in full: `- rate * g`.
    old velocity: result := w + v, result[1]
        The weights move by the velocity from before this step.
        Hint: Compute the new `v` first, then `w + v`.
    no friction: momentum * v => v
        The old velocity is kept whole; `momentum` is not used.
        Hint: A share of it survives: `momentum * v`.
    Nesterov: w + v => w + momentum * v - rate * g
        That is the step of Nesterov momentum.
        Hint: Plain momentum moves by the new velocity: `w + v`.
    velocity not used: w + v, v => w - rate * g, v
        The weights move by the gradient alone; the velocity is not used.
        Hint: Move by the new velocity: `w + v`.
    velocity subtracted: w + v => w - v
        The new `v` is right, but it is subtracted: the step goes uphill.
        Hint: The velocity has its sign already: `w + v`.
    rate outside the velocity: rate * g => g & w + v => w + rate * v
        The rate multiplies the whole velocity, not the gradient alone.
        Hint: `v = momentum * v - rate * g`, then `w + v`.
    share that is lost: momentum * v => (1 - momentum) * v
        The old velocity is multiplied by 1 - momentum.
        Hint: `momentum` is the share that survives: `momentum * v`.
    gradient damped too: momentum * v - rate * g => momentum * (v - rate * g)
        The new gradient is multiplied by `momentum` too.
        Hint: Only the old velocity loses a share: `momentum * v - rate * g`.
    returned in the other order: result := result[::-1]
        The two results are in the other order.
        Hint: Return `w` first, then `v`.
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.array([1.0]), np.array([0.5]), np.array([2.0]), 0.1, 0.5
    yield np.array([1.0, -2.0]), np.zeros(2), np.array([1.0, 1.0]), 0.25, 0.9
    for shape in [(3,), (2, 4), (1, 2, 3)]:
        w, v, g = rng.normal(size=(3, *shape))
        yield w, v, g, float(rng.uniform(0.05, 0.5)), float(rng.uniform(0.2, 0.9))
    yield rng.normal(size=2), rng.normal(size=2), rng.normal(size=2), 0.1, 0.0


# 7.2 ------------------------------------------------------------------------


def _adam(
    correct_m: bool = True,
    correct_v: bool = True,
    share: Callable = lambda beta, t: 1 - beta**t,
    square: Callable = np.square,
    root: Callable = lambda v, epsilon: np.sqrt(v) + epsilon,
) -> Callable:
    """Make an Adam step, right or wrong in the places that are named."""

    def step(w, m, v, g, t, rate, beta_1, beta_2, epsilon) -> Arrays:
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * square(g)
        m_hat = m / share(beta_1, t) if correct_m else m
        v_hat = v / share(beta_2, t) if correct_v else v
        return w - rate * m_hat / root(v_hat, epsilon), m, v

    return step


_adam_step = _adam()


def _adam_printed(w, m, v, g, t, rate, beta_1, beta_2, epsilon) -> Arrays:
    m, v = m + beta_1 * g, v + beta_2 * g**2
    return w - rate * m / (np.sqrt(v) + epsilon), m, v


def _adam_undecayed(w, m, v, g, t, rate, beta_1, beta_2, epsilon) -> Arrays:
    m, v = m + beta_1 * g, v + beta_2 * g**2
    m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)
    return w - rate * m_hat / (np.sqrt(v_hat) + epsilon), m, v


def _adam_shares_swapped(w, m, v, g, t, rate, beta_1, beta_2, epsilon) -> Arrays:
    m = (1 - beta_1) * m + beta_1 * g
    v = (1 - beta_2) * v + beta_2 * g**2
    m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)
    return w - rate * m_hat / (np.sqrt(v_hat) + epsilon), m, v


def _adam_betas_swapped(w, m, v, g, t, rate, beta_1, beta_2, epsilon) -> Arrays:
    return _adam_step(w, m, v, g, t, rate, beta_2, beta_1, epsilon)


def _adam_as_keras(w, m, v, g, t, rate, beta_1, beta_2, epsilon) -> Arrays:
    _, m, v = _adam_step(w, m, v, g, t, rate, beta_1, beta_2, epsilon)
    rate = rate * math.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return w - rate * m / (np.sqrt(v) + epsilon), m, v


def _adam_returns_corrected(w, m, v, g, t, rate, beta_1, beta_2, epsilon) -> Arrays:
    w, m, v = _adam_step(w, m, v, g, t, rate, beta_1, beta_2, epsilon)
    return w, m / (1 - beta_1**t), v / (1 - beta_2**t)


def _adam_by_gradient(w, m, v, g, t, rate, beta_1, beta_2, epsilon) -> Arrays:
    _, m, v = _adam_step(w, m, v, g, t, rate, beta_1, beta_2, epsilon)
    return w - rate * g / (np.sqrt(v / (1 - beta_2**t)) + epsilon), m, v


def _adam_old_moments(w, m, v, g, t, rate, beta_1, beta_2, epsilon) -> Arrays:
    m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)
    _, m, v = _adam_step(w, m, v, g, t, rate, beta_1, beta_2, epsilon)
    return w - rate * m_hat / (np.sqrt(v_hat) + epsilon), m, v


def _adam_epsilon_added(w, m, v, g, t, rate, beta_1, beta_2, epsilon) -> Arrays:
    new, m, v = _adam_step(w, m, v, g, t, rate, beta_1, beta_2, 0.0)
    return new + epsilon, m, v


def _adam_uphill(w, m, v, g, t, rate, beta_1, beta_2, epsilon) -> Arrays:
    new, m, v = _adam_step(w, m, v, g, t, rate, beta_1, beta_2, epsilon)
    return 2 * w - new, m, v


@function_exercise(
    "7.2",
    "An Adam step",
    reference=_adam_step,
    mistakes=[
        Mistake(
            "no bias correction",
            _adam(correct_m=False, correct_v=False),
            "The bias correction is missing: early steps have the wrong length.",
            "Divide `m` by `1 - beta_1**t` and `v` by `1 - beta_2**t` for the step.",
        ),
        Mistake(
            "first moment not corrected",
            _adam(correct_m=False),
            "`v` is corrected, but `m` is not.",
            "Divide `m` by `1 - beta_1**t` for the step.",
        ),
        Mistake(
            "second moment not corrected",
            _adam(correct_v=False),
            "`m` is corrected, but `v` is not.",
            "Divide `v` by `1 - beta_2**t` for the step.",
        ),
        Mistake(
            "corrected for the next step",
            _adam(share=lambda beta, t: 1 - beta ** (t + 1)),
            "The correction is that of step `t + 1`.",
            "`t` counts from 1 already: `1 - beta_1**t`.",
        ),
        Mistake(
            "corrected for the step before",
            _adam(share=lambda beta, t: 1 - beta ** (t - 1)),
            "The correction is that of step `t - 1`, and at the first step it divides "
            "by 0.",
            "`t` counts from 1 already: `1 - beta_1**t`.",
        ),
        Mistake(
            "product in place of the power",
            _adam(share=lambda beta, t: 1 - beta * t),
            "The correction has `beta * t` in place of the power.",
            "`1 - beta_1**t`, with two asterisks.",
        ),
        Mistake(
            "power missing in the correction",
            _adam(share=lambda beta, t: 1 - beta),
            "The correction is the same at every step: the power `t` is missing.",
            "`1 - beta_1**t` and `1 - beta_2**t`.",
        ),
        Mistake(
            "power of the wrong number",
            _adam(share=lambda beta, t: (1 - beta) ** t),
            "The power is taken of `1 - beta`, not of `beta`.",
            "Without parentheses: `1 - beta_1**t`.",
        ),
        Mistake(
            "multiplied by the correction",
            _adam(share=lambda beta, t: 1 / (1 - beta**t)),
            "The moments are multiplied by `1 - beta**t`.",
            "They are too small at first: divide.",
        ),
        Mistake(
            "old moments used",
            _adam_old_moments,
            "`m` and `v` are right, but the step is taken with the old ones.",
            "Update `m` and `v` first, then correct them and step.",
        ),
        Mistake(
            "epsilon missing",
            _adam(root=lambda v, epsilon: np.sqrt(v)),
            "`epsilon` is not used.",
            "Add it to the divisor: `np.sqrt(v_hat) + epsilon`.",
        ),
        Mistake(
            "epsilon outside the divisor",
            _adam_epsilon_added,
            "`epsilon` is added to the weights, not to the divisor.",
            "Division comes before addition: put `np.sqrt(v_hat) + epsilon` in "
            "parentheses.",
        ),
        Mistake(
            "epsilon inside the root",
            _adam(root=lambda v, epsilon: np.sqrt(v + epsilon)),
            "`epsilon` stands inside the root, as in RMSprop.",
            "Add it after the root: `np.sqrt(v_hat) + epsilon`.",
        ),
        Mistake(
            "root missing",
            _adam(root=lambda v, epsilon: v + epsilon),
            "It divides by the mean of the squares, not by its root.",
            "`np.sqrt(v_hat) + epsilon`.",
        ),
        Mistake(
            "gradient not squared",
            _adam(square=np.abs),
            "`v` is a mean of magnitudes: the gradient is not squared.",
            "`v = beta_2 * v + (1 - beta_2) * g**2`.",
        ),
        Mistake(
            "moments never decay",
            _adam_printed,
            "That is Adam as misprinted: nothing is forgotten, and nothing corrected.",
            "`m = beta_1 * m + (1 - beta_1) * g`, and `v` likewise with `g**2`.",
        ),
        Mistake(
            "moments never decay, but are corrected",
            _adam_undecayed,
            "The old moments are kept whole: sums, not means.",
            "`m = beta_1 * m + (1 - beta_1) * g`, and `v` likewise with `g**2`.",
        ),
        Mistake(
            "shares swapped",
            _adam_shares_swapped,
            "The old mean gets the share `1 - beta`, and the new gradient `beta`.",
            "The old mean keeps the large share: `beta_1 * m + (1 - beta_1) * g`.",
        ),
        Mistake(
            "betas swapped",
            _adam_betas_swapped,
            "`beta_1` and `beta_2` are swapped.",
            "`beta_1` belongs to `m`, `beta_2` to `v`.",
        ),
        Mistake(
            "epsilon not corrected",
            _adam_as_keras,
            "That is Keras's variant: `epsilon` is added to the root of the "
            "uncorrected `v`.",
            "Correct `v` first, then take the root, then add `epsilon`.",
        ),
        Mistake(
            "corrected moments returned",
            _adam_returns_corrected,
            "The new `w` is right, but the corrected moments are returned: the next "
            "step would correct them again.",
            "Keep the correction in variables of its own, such as `m_hat`.",
        ),
        Mistake(
            "momentum not used",
            _adam_by_gradient,
            "The step is taken along the gradient, not along its mean `m_hat`.",
            "`rate * m_hat / (np.sqrt(v_hat) + epsilon)`.",
        ),
        Mistake(
            "uphill",
            _adam_uphill,
            "The moments are right, but the step goes uphill.",
            "Subtract it from `w`.",
        ),
        Mistake(
            "returned in another order",
            lambda *args: (lambda w, m, v: (w, v, m))(*_adam_step(*args)),
            "`m` and `v` are returned in the other order.",
            "Return `w`, `m`, `v`.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    zero, one = np.zeros(1), np.ones(1)
    yield one, zero, zero, 2 * one, 1, 0.1, 0.5, 0.75, 0.5
    for t, shape in [(1, (2,)), (2, (3, 2)), (7, (4,)), (40, (1, 2, 3))]:
        w, m, g = rng.normal(size=(3, *shape))
        v = rng.uniform(0.1, 2, size=shape)
        beta_1, beta_2 = rng.uniform(0.6, 0.9), rng.uniform(0.9, 0.98)
        # A large epsilon shows where it stands.
        yield w, m, v, g, t, 0.1, float(beta_1), float(beta_2), 0.3
    # Both signs, a gradient of zero, and the usual numbers.
    w, g = np.array([1.0, -1.0, 0.5]), np.array([-3.0, 0.0, 1e-3])
    yield w, np.zeros(3), np.zeros(3), g, 1, 0.001, 0.9, 0.999, 1e-7


# 7.3 ------------------------------------------------------------------------


def _mini_batches(n: int, batch_size: int, rng: np.random.Generator) -> list:
    order = rng.permutation(n)
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]


def _with_replacement(n, batch_size, rng) -> list:
    order = rng.integers(n, size=n)
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]


def _last_dropped(n, batch_size, rng) -> list:
    order = rng.permutation(n)
    return [order[i : i + batch_size] for i in range(0, n - batch_size + 1, batch_size)]


def _not_shuffled(n, batch_size, rng) -> list:
    order = np.arange(n)
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]


def _own_generator(n, batch_size, rng) -> list:
    return _mini_batches(n, batch_size, np.random.default_rng(0))


def _blocks_shuffled(n, batch_size, rng) -> list:
    batches = _not_shuffled(n, batch_size, rng)
    return [batches[i] for i in rng.permutation(len(batches))]


def _shuffled_within(n, batch_size, rng) -> list:
    return [rng.permutation(batch) for batch in _not_shuffled(n, batch_size, rng)]


def _last_filled(n, batch_size, rng) -> list:
    order = rng.permutation(n)
    order = np.resize(order, -(-n // batch_size) * batch_size)
    return list(order.reshape(-1, batch_size))


def _each_drawn_anew(n, batch_size, rng) -> list:
    sizes = [min(batch_size, n - i) for i in range(0, n, batch_size)]
    return [rng.choice(n, size, replace=False) for size in sizes]


def _empty_at_the_end(n, batch_size, rng) -> list:
    order = rng.permutation(n)
    return [order[i : i + batch_size] for i in range(0, n + 1, batch_size)]


def _counted_from_one(n, batch_size, rng) -> list:
    return [batch + 1 for batch in _mini_batches(n, batch_size, rng)]


def _evenly_split(n, batch_size, rng) -> list:
    return np.array_split(rng.permutation(n), -(-n // batch_size))


def _as_index_arrays(batches: Any) -> list[np.ndarray]:
    form = "Return a list of arrays of whole numbers, one array a batch."
    if not isinstance(batches, (list, tuple, np.ndarray)):
        raise Wrong(
            f"It returned a {type(batches).__name__}, not a list.",
            f"{form} A generator becomes a list by `list(...)`.",
            mistake="not a list",
        )
    arrays = []
    for batch in batches:
        try:
            array = np.asarray(batch)
        except ValueError:
            array = np.array("ragged")
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
            raise Wrong(
                "A batch is not a one-dimensional array of whole numbers.",
                form,
                mistake="not index arrays",
            )
        arrays.append(array.astype(np.int64))
    return arrays


_NEIGHBOURS = Wrong(
    "Neighbouring numbers always share a batch: only the order of the batches is "
    "random.",
    "Shuffle all numbers first, then cut.",
    mistake="neighbours stay together",
)


@exercise(
    "7.3",
    "The mini-batches of an epoch",
    reference=_mini_batches,
    mistakes=[
        Mistake("with replacement", _with_replacement, ""),
        Mistake("last batch dropped", _last_dropped, ""),
        Mistake("not shuffled", _not_shuffled, ""),
        Mistake("the same order every time", _own_generator, ""),
        Mistake("neighbours stay together", _blocks_shuffled, ""),
        Mistake("shuffled within the batches", _shuffled_within, ""),
        Mistake("last batch filled up", _last_filled, ""),
        Mistake("each batch drawn anew", _each_drawn_anew, ""),
        Mistake("empty batch", _empty_at_the_end, ""),
        Mistake("counted from 1", _counted_from_one, ""),
        Mistake("sizes evened out", _evenly_split, ""),
    ],
)
def _(answer: Any, rng: np.random.Generator) -> None:
    for n, batch_size in [(6, 2), (7, 3), (5, 5), (4, 10), (1, 1), (103, 10)]:
        generator = np.random.default_rng(rng.integers(2**32))
        batches = _as_index_arrays(call(answer, n, batch_size, generator))
        _check_epoch(answer, batches, n, batch_size)
    _check_randomness(answer, rng)


def _check_epoch(answer: Any, batches: list, n: int, batch_size: int) -> None:
    """Check what holds for every epoch: each number once, batches of the right size."""
    where = f" With n = {n} and batch_size = {batch_size}"
    sizes = [len(batch) for batch in batches]
    wanted = [min(batch_size, n - i) for i in range(0, n, batch_size)]
    numbers = np.concatenate([*batches, np.array([], np.int64)])
    if 0 in sizes:
        raise Wrong(
            f"There is an empty batch.{where} the sizes are {sizes}.",
            "The last batch begins before `n`: `range(0, n, batch_size)`.",
            mistake="empty batch",
        )
    if np.array_equal(np.sort(numbers), np.arange(1, n + 1)) and _never_zero(answer):
        raise Wrong(
            f"The numbers go from 1 to n.{where} there is no 0.",
            "Positions in an array count from 0.",
            mistake="counted from 1",
        )
    if numbers.min(initial=0) < 0 or numbers.max(initial=0) >= n:
        raise Wrong(
            f"A number is out of range.{where} they must go from 0 to {n - 1}.",
            "Shuffle the numbers from 0 to `n - 1`: `rng.permutation(n)`.",
            mistake="out of range",
        )
    missing = n - len(np.unique(numbers))
    if sizes == wanted and missing:
        raise _repeated(answer, missing, where)
    if sizes == [size for size in wanted if size == batch_size] and sizes != wanted:
        raise Wrong(
            f"The last, smaller batch is missing.{where} the sizes are {sizes}.",
            "Let the start run up to `n`: a slice may end beyond the array.",
            mistake="last batch dropped",
        )
    if sizes != wanted and sizes == [batch_size] * len(wanted) and not missing:
        raise Wrong(
            f"The last batch is filled up.{where} the sizes are {sizes}.",
            "Where they do not come out even, the last batch is smaller.",
            mistake="last batch filled up",
        )
    if sizes != wanted and sorted(sizes) == sorted(wanted):
        if all(np.all(np.diff(batch) == 1) for batch in batches):
            raise _NEIGHBOURS
        raise Wrong(
            f"The smaller batch is not the last.{where} the sizes are {sizes}.",
            "Cut from the start; what is left over comes last.",
            mistake="smaller batch not last",
        )
    pieces = [len(piece) for piece in np.array_split(np.arange(n), batch_size)]
    if sizes == pieces and len(pieces) != len(wanted):
        raise Wrong(
            f"`batch_size` is taken for the number of batches.{where} the sizes are "
            f"{sizes}.",
            "It is the number of examples in each batch.",
            mistake="number of batches",
        )
    if sizes != wanted:
        even = not missing and len(sizes) == len(wanted) and len(numbers) == n
        raise Wrong(
            f"The batches have the wrong sizes.{where} they are {sizes}, and "
            f"expected {wanted}.",
            "All have `batch_size` numbers, except perhaps the last.",
            mistake="sizes evened out" if even else "wrong sizes",
        )


def _never_zero(answer: Any) -> bool:
    """Tell counting from 1 from drawing out of too many numbers, which can miss 0."""
    batches = _as_index_arrays(call(answer, 300, 1, np.random.default_rng(0)))
    return all(0 not in batch for batch in batches)


def _repeated(answer: Any, missing: int, where: str) -> Wrong:
    """Tell drawing with replacement from drawing each batch anew, in large batches."""
    batches = call(answer, 300, 100, np.random.default_rng(0))
    within = any(len(np.unique(batch)) < len(batch) for batch in batches)
    text = f"Some numbers come twice and others never.{where} {missing} are missing."
    if within:
        return Wrong(
            f"{text} They are drawn with replacement.",
            "Shuffle once, then cut: `rng.permutation(n)`.",
            mistake="with replacement",
        )
    return Wrong(
        f"{text} Each batch is drawn anew from all numbers.",
        "Shuffle once for the whole epoch, then cut the order into batches.",
        mistake="each batch drawn anew",
    )


def _check_randomness(answer: Any, rng: np.random.Generator) -> None:
    """Check that the order is random, drawn from `rng`, and mixes all numbers."""
    n, batch_size = 60, 6
    seeds = rng.integers(2**32, size=8)
    epochs = [
        _as_index_arrays(call(answer, n, batch_size, np.random.default_rng(seed)))
        for seed in seeds
    ]
    for batches in epochs:
        _check_epoch(answer, batches, n, batch_size)
    orders = [np.concatenate(batches) for batches in epochs]
    if all(np.array_equal(order, np.arange(n)) for order in orders):
        raise Wrong(
            "The numbers are not shuffled.",
            "Cut a random order: `rng.permutation(n)`.",
            mistake="not shuffled",
        )
    if all(np.array_equal(order, orders[0]) for order in orders):
        raise Wrong(
            "Every generator gives the same order: `rng` is not used.",
            "Every epoch needs a new order; call `rng.permutation`.",
            mistake="the same order every time",
        )
    blocks = [
        {frozenset((batch // batch_size).tolist()) for batch in e} for e in epochs
    ]
    if all(len(block) == 1 for found in blocks for block in found):
        in_order = all(
            [int(batch[0]) // batch_size for batch in e] == list(range(len(e)))
            for e in epochs
        )
        if in_order:
            raise Wrong(
                "Every batch holds the same numbers in every epoch; they are shuffled "
                "within the batches only.",
                "Shuffle all numbers first, then cut.",
                mistake="shuffled within the batches",
            )
        raise _NEIGHBOURS
    if all((np.diff(order) % n == 1).all() for order in orders):
        raise Wrong(
            "The numbers stay in their order; only where they begin is drawn.",
            "`rng.permutation(n)` makes every order equally likely.",
            mistake="hardly shuffled",
        )
    same = [i for i in range(n) if len({int(order[i]) for order in orders}) == 1]
    if same:
        raise Wrong(
            f"Place {same[0]} always holds number {orders[0][same[0]]}.",
            "Shuffle all numbers, the first and the last too.",
            mistake="not random enough",
        )
    # In a random order, a number's place says nothing about the number: over 480 of
    # them a correlation of 0.3 comes about by chance less than once in 10**9.
    places = np.tile(np.arange(n), len(orders))
    if abs(np.corrcoef(places, np.concatenate(orders))[0, 1]) > 0.3:
        raise Wrong(
            "The order is not random enough: small numbers still come early, or late.",
            "`rng.permutation(n)` makes every order equally likely.",
            mistake="hardly shuffled",
        )
    again = _as_index_arrays(
        call(answer, n, batch_size, np.random.default_rng(seeds[0]))
    )
    if not np.array_equal(np.concatenate(again), orders[0]):
        raise Wrong(
            "The same generator gave two different orders: another source of random "
            "numbers is in use.",
            "Draw from `rng` alone, so that a run can be repeated.",
            mistake="another generator",
        )


# 7.4 ------------------------------------------------------------------------


def _warmup_cosine(step, peak, warmup_steps, total_steps) -> float:
    if step < warmup_steps:
        return peak * ((step + 1) / warmup_steps)
    q = (step - warmup_steps) / (total_steps - warmup_steps)
    return peak * ((1 + math.cos(math.pi * min(q, 1))) / 2)


@function_exercise(
    "7.4",
    "Warm-up and a cosine",
    reference=_warmup_cosine,
    mistakes="""
    starts at zero: (step + 1) => step
        The warm-up starts at 0: the first step changes nothing.
        Hint: At step `t` the share is `(t + 1) / warmup_steps`.
    from zero to the peak: (step + 1) / warmup_steps => step / (warmup_steps - 1)
        The warm-up goes from 0 to the peak: the first step changes nothing.
        Hint: At step `t` the share is `(t + 1) / warmup_steps`.
    integer division: ((step + 1) / warmup_steps) => (step + 1) // warmup_steps
        During the warm-up the rate is a whole number: `//` drops the fraction.
        Hint: Divide by `/`.
    warm-up missing: warmup_steps := 0
        The rate starts at its peak: there is no warm-up.
        Hint: While `step < warmup_steps`, return a share of the peak that grows.
    warm-up one step too long: step < warmup_steps => step <= warmup_steps
        & (step + 1) / warmup_steps => (step + 1) / max(warmup_steps, 1)
        At step `warmup_steps` itself the warm-up still goes on, above the peak.
        Hint: The warm-up takes the steps with `step < warmup_steps`.
    not counted from the warm-up: (step - warmup_steps) => step
        & (total_steps - warmup_steps) => total_steps
        The cosine counts from step 0, so the rate jumps when the warm-up ends.
        Hint: Subtract `warmup_steps` from the step and from the total.
    total without the warm-up: (total_steps - warmup_steps) => total_steps
        The fall takes `total_steps` steps, and so ends too late.
        Hint: The warm-up is part of the total: divide by `total_steps - warmup_steps`.
    rises again: min(q, 1) => q
        After `total_steps` the rate rises again.
        Hint: Keep `q` at 1 at most: `min(q, 1)`.
    peak not used: peak := 1.0
        The rate goes up to 1, whatever the peak.
        Hint: Multiply both parts by `peak`.
    wave upside down: 1 + math => 1 - math
        After the warm-up the rate rises from 0 to the peak.
        Hint: The cosine enters with a plus: `(1 + cos(pi * q)) / 2`.
    one step early: (step - warmup_steps) => (step + 1 - warmup_steps)
        The fall begins one step early.
        Hint: At step `warmup_steps` itself `q` is 0 and the rate is the peak.
    whole wave: math.pi => 2 * math.pi
        That is a whole wave: the rate falls and comes back.
        Hint: Half a wave: the cosine of `pi * q`.
    half missing: / 2 => / 1
        After the warm-up the rate is twice too high.
        Hint: `(1 + cos)` goes from 2 to 0: halve it.
    quarter wave: 1 + math => 2 * math & min(q, 1) => min(q, 1) / 2
        That is a quarter of a wave, without the flat start and end of a half.
        Hint: `(1 + cos(pi * q)) / 2`.
    below zero: 1 + math => 2 * math
        The rate falls to minus the peak: the cosine goes from 1 to -1.
        Hint: Add 1 and halve.
    straight line: (1 + math.cos(math.pi * min(q, 1))) / 2 => 1 - min(q, 1)
        The rate falls along a straight line.
        Hint: Along a cosine: `(1 + cos(pi * q)) / 2`.
    degrees: math.pi * min(q, 1) => math.radians(math.pi * min(q, 1))
        The rate hardly falls: the angle is taken for degrees.
        Hint: `np.cos` takes radians; half a wave is `np.pi`.
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    for step in (0, 1, 3, 4, 7, 9, 10, 11, 25):
        yield step, 1.0, 4, 10
    for step in (0, 5, 10):
        yield step, 0.5, 0, 10
    for _ in range(6):
        total = int(rng.integers(20, 200))
        up = int(rng.integers(1, total // 2))
        for step in (0, up - 1, up, up + 1, int(rng.integers(up, total)), 2 * total):
            yield step, float(rng.uniform(0.01, 2)), up, total


# 7.5 ------------------------------------------------------------------------


def _norm(g: np.ndarray) -> float:
    return float(np.sqrt(np.sum(np.square(g))))


def _global_norm(gradients: list) -> float:
    return math.hypot(*map(_norm, gradients))


def _clip(gradients: list, limit: float) -> list:
    factor = limit / max(_global_norm(gradients), limit)
    return [factor * g for g in gradients]


def _clip_with(norm: Callable) -> Callable:
    def clip(gradients, limit) -> list:
        size = norm(gradients)
        return [g * (limit / size) if size > limit else g * 1.0 for g in gradients]

    return clip


def _clip_each(gradients, limit) -> list:
    return [_clip([g], limit)[0] for g in gradients]


def _clip_always(gradients, limit) -> list:
    # Where all is zero there is nothing to scale.
    factor = limit / (_global_norm(gradients) or 1.0)
    return [factor * g for g in gradients]


def _clip_always_zeros_too(gradients, limit) -> list:
    return [g * np.float64(limit) / _global_norm(gradients) for g in gradients]


def _clip_never(gradients, limit) -> list:
    return [g * 1.0 for g in gradients]


def _clip_inverted(gradients, limit) -> list:
    size = _global_norm(gradients)
    return [g * (size / limit) if size > limit else g * 1.0 for g in gradients]


def _normalize(gradients, limit) -> list:
    return [g / np.float64(_global_norm(gradients)) for g in gradients]


def _clip_small(gradients, limit) -> list:
    size = _global_norm(gradients)
    return [g * (limit / size) if 0 < size < limit else g * 1.0 for g in gradients]


def _clip_to_one(gradients, limit) -> list:
    size = _global_norm(gradients)
    return [g / size if size > limit else g * 1.0 for g in gradients]


def _clip_by_limit(gradients, limit) -> list:
    too_long = _global_norm(gradients) > limit
    return [g / limit if too_long else g * 1.0 for g in gradients]


@function_exercise(
    "7.5",
    "Clip by the global norm",
    new=True,
    reference=_clip,
    names=("gradients", "limit"),
    mistakes=[
        Mistake(
            "each array by itself",
            _clip_each,
            "Every array is clipped by its own norm, so the direction changes.",
            "Compute one norm over all arrays, and one factor.",
        ),
        Mistake(
            "always scaled",
            _clip_always,
            "Short gradients are made longer.",
            "Where the norm is below the limit, leave them as they are.",
        ),
        Mistake(
            "always scaled, zeros too",
            _clip_always_zeros_too,
            "Short gradients are made longer, and where all are 0 it divides by 0.",
            "Where the norm is below the limit, leave them as they are.",
        ),
        Mistake(
            "always scaled to 1",
            _normalize,
            "All gradients are scaled to the norm 1; the limit is not used.",
            "Scale by `limit / norm`, and only where the norm is above the limit.",
        ),
        Mistake(
            "factor inverted",
            _clip_inverted,
            "Long gradients are made even longer.",
            "The factor is `limit / norm`, not `norm / limit`.",
        ),
        Mistake(
            "not clipped",
            _clip_never,
            "Long gradients are left as they are.",
            "Where the norm is larger than the limit, multiply by `limit / norm`.",
        ),
        Mistake(
            "the wrong way round",
            _clip_small,
            "Short gradients are made longer, and long ones are left.",
            "Scale where the norm is larger than the limit.",
        ),
        Mistake(
            "by value",
            lambda gradients, limit: [np.clip(g, -limit, limit) for g in gradients],
            "Every entry is clipped by itself, so the direction changes.",
            "Scale all entries by one factor.",
        ),
        Mistake(
            "root missing",
            _clip_with(lambda gradients: _global_norm(gradients) ** 2),
            "That is the sum of the squares; the norm is its root.",
            "Take the root of the sum.",
        ),
        Mistake(
            "sum of the norms",
            _clip_with(lambda gradients: sum(map(_norm, gradients))),
            "The norms of the arrays are added.",
            "Add the squares of all entries first, then take one root.",
        ),
        Mistake(
            "largest norm",
            _clip_with(lambda gradients: max(map(_norm, gradients))),
            "That is the largest of the arrays' norms.",
            "Add the squares of all entries of all arrays.",
        ),
        Mistake(
            "sum of magnitudes",
            _clip_with(lambda gradients: sum(np.sum(np.abs(g)) for g in gradients)),
            "That is the sum of the magnitudes, not the root of the sum of squares.",
            "Square, add, take the root.",
        ),
        Mistake(
            "mean of the squares",
            _clip_with(
                lambda gradients: math.sqrt(
                    np.mean(np.concatenate([np.ravel(g) for g in gradients]) ** 2)
                )
            ),
            "That is the root of the mean of the squares; the norm needs their sum.",
            "Do not divide by the number of entries.",
        ),
        Mistake(
            "scaled to 1",
            _clip_to_one,
            "Long gradients are scaled to the norm 1, not to the limit.",
            "The factor is `limit / norm`.",
        ),
        Mistake(
            "divided by the limit",
            _clip_by_limit,
            "Long gradients are divided by the limit, whatever their norm.",
            "The factor is `limit / norm`.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield [np.array([3.0]), np.array([4.0])], 2.0
    yield [np.array([0.3, -0.4]), np.array([[0.0]])], 2.5
    yield [np.zeros(2), np.zeros((1, 3))], 0.5
    yield [np.array([3.0, 4.0])], 5.0
    for limit in (0.5, 3.0, 20.0):
        shapes = [(3, 3, 2), (4,), (2, 5)]
        yield [rng.normal(size=shape) for shape in shapes], limit
    # One array under the limit, all together above it.
    yield [np.array([1.8, 0.0]), np.array([[0.0, -1.5]])], 2.0
