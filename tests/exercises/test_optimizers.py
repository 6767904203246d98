"""The checks of chapter 7: right answers, wrong ones as students write them, stubs."""

import math

import numpy as np
import pytest

from imgcls_helpers import scratch
from imgcls_helpers.checks import check, exercises

NUMBERS = ["7.1", "7.2", "7.3", "7.4", "7.5"]


# --- Right answers --------------------------------------------------------------------


def momentum_plain(w, v, g, rate, momentum):
    v = momentum * v - rate * g
    w = w + v
    return w, v


def momentum_by_scratch(w, v, g, rate, momentum):
    w, kept = w.copy(), v.copy()
    if not momentum:
        scratch.SGD(rate).apply([g], [w])
        return w, -rate * g
    sgd = scratch.SGD(rate, momentum=momentum)
    # Two steps: the first, without a gradient, only makes the slot.
    sgd.apply([np.zeros_like(g)], [w])
    sgd.slots[0]["v"][...] = kept
    sgd.apply([g], [w])
    return w, sgd.slots[0]["v"]


def adam_plain(w, m, v, g, t, rate, beta_1, beta_2, epsilon):
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g * g
    m_hat = m / (1 - beta_1**t)
    v_hat = v / (1 - beta_2**t)
    w = w - rate * m_hat / (v_hat**0.5 + epsilon)
    return w, m, v


def adam_as_a_list(w, m, v, g, t, rate, beta_1, beta_2, epsilon):
    m = m + (1 - beta_1) * (g - m)
    v = v + (1 - beta_2) * (g**2 - v)
    corrected = np.sqrt(1 - beta_2**t)
    step = m / (1 - beta_1**t) * corrected / (np.sqrt(v) + epsilon * corrected)
    return [w - rate * step, m, v]


def batches_by_slices(n, batch_size, rng):
    order = rng.permutation(n)
    batches = []
    for start in range(0, n, batch_size):
        batches.append(order[start : start + batch_size])
    return batches


def batches_by_split(n, batch_size, rng):
    order = np.arange(n)
    rng.shuffle(order)
    return np.split(order, range(batch_size, n, batch_size))


def batches_by_keys(n, batch_size, rng):
    order = np.argsort(rng.random(n)).tolist()
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]


def schedule_plain(step, peak, warmup_steps, total_steps):
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    if step >= total_steps:
        return 0.0
    q = (step - warmup_steps) / (total_steps - warmup_steps)
    return peak * 0.5 * (1 + math.cos(math.pi * q))


def schedule_by_scratch(step, peak, warmup_steps, total_steps):
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    return scratch.CosineDecay(peak, total_steps - warmup_steps)(step - warmup_steps)


def clip_plain(gradients, limit):
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    if norm <= limit:
        return [g.copy() for g in gradients]
    return [g * limit / norm for g in gradients]


def clip_at_once(gradients, limit):
    everything = np.concatenate([g.ravel() for g in gradients])
    return [g / max(1, np.linalg.norm(everything) / limit) for g in gradients]


RIGHT = [
    ("7.1", momentum_plain),
    ("7.1", momentum_by_scratch),
    ("7.2", adam_plain),
    ("7.2", adam_as_a_list),
    ("7.3", batches_by_slices),
    ("7.3", batches_by_split),
    ("7.3", batches_by_keys),
    ("7.4", schedule_plain),
    ("7.4", schedule_by_scratch),
    ("7.5", clip_plain),
    ("7.5", clip_at_once),
]


@pytest.mark.parametrize("seed", [None, 1, 2])
@pytest.mark.parametrize(("number", "answer"), RIGHT)
def test_right_answers_pass(number, answer, seed):
    assert check(number, answer, seed=seed).ok is True


# --- Wrong answers as students write them ---------------------------------------------


def plus_gradient(w, v, g, rate, momentum):
    v = momentum * v + rate * g
    return w + v, v


def pytorch_form(w, v, g, rate, momentum):
    v = momentum * v + g
    w = w - rate * v
    return w, v


def blended(w, v, g, rate, momentum):
    v = momentum * v + (1 - momentum) * g
    w = w - rate * v
    return w, v


def weights_first(w, v, g, rate, momentum):
    w = w + v
    v = momentum * v - rate * g
    return w, v


def velocity_in_place(w, v, g, rate, momentum):
    v *= momentum
    v -= rate * g
    return w + v, v


def minus_velocity(w, v, g, rate, momentum):
    v = momentum * v - rate * g
    w = w - v
    return w, v


def wrong_share(w, v, g, rate, momentum):
    v = (1 - momentum) * v - rate * g
    return w + v, v


def rate_at_the_end(w, v, g, rate, momentum):
    v = momentum * v - g
    return w + rate * v, v


def only_weights(w, v, g, rate, momentum):
    v = momentum * v - rate * g
    return w + v


def without_correction(w, m, v, g, t, rate, beta_1, beta_2, epsilon):
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g**2
    return w - rate * m / (np.sqrt(v) + epsilon), m, v


def inside(w, m, v, g, t, rate, beta_1, beta_2, epsilon):
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g**2
    m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)
    return w - rate * m_hat / np.sqrt(v_hat + epsilon), m, v


def sums(w, m, v, g, t, rate, beta_1, beta_2, epsilon):
    m = m + beta_1 * g
    v = v + beta_2 * g**2
    return w - rate * m / (np.sqrt(v) + epsilon), m, v


def magnitudes(w, m, v, g, t, rate, beta_1, beta_2, epsilon):
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * abs(g)
    m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)
    return w - rate * m_hat / (np.sqrt(v_hat) + epsilon), m, v


def corrected_in_place_of_kept(w, m, v, g, t, rate, beta_1, beta_2, epsilon):
    m = (beta_1 * m + (1 - beta_1) * g) / (1 - beta_1**t)
    v = (beta_2 * v + (1 - beta_2) * g**2) / (1 - beta_2**t)
    return w - rate * m / (np.sqrt(v) + epsilon), m, v


def moments_last(w, m, v, g, t, rate, beta_1, beta_2, epsilon):
    m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)
    w = w - rate * m_hat / (np.sqrt(v_hat) + epsilon)
    return w, beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g**2


def no_power(w, m, v, g, t, rate, beta_1, beta_2, epsilon):
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g**2
    m_hat, v_hat = m / (1 - beta_1), v / (1 - beta_2)
    return w - rate * m_hat / (np.sqrt(v_hat) + epsilon), m, v


def no_parentheses(w, m, v, g, t, rate, beta_1, beta_2, epsilon):
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g**2
    m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)
    return w - rate * m_hat / np.sqrt(v_hat) + epsilon, m, v


def step_counted_from_zero(w, m, v, g, t, rate, beta_1, beta_2, epsilon):
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g**2
    m_hat, v_hat = m / (1 - beta_1 ** (t - 1)), v / (1 - beta_2 ** (t - 1))
    return w - rate * m_hat / (np.sqrt(v_hat) + epsilon), m, v


def drawn_again(n, batch_size, rng):
    return [
        rng.integers(0, n, min(batch_size, n - start))
        for start in range(0, n, batch_size)
    ]


def whole_batches(n, batch_size, rng):
    order = rng.permutation(n)
    count = n // batch_size
    return [order[k * batch_size : (k + 1) * batch_size] for k in range(count)]


def in_order(n, batch_size, rng):
    return np.split(np.arange(n), range(batch_size, n, batch_size))


def seeded(n, batch_size, rng):
    order = np.random.default_rng(42).permutation(n)
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]


def global_generator(n, batch_size, rng):
    order = np.random.permutation(n)  # noqa: NPY002
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]


def rolled(n, batch_size, rng):
    order = np.roll(np.arange(n), -int(rng.integers(3)))
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]


def small_first(n, batch_size, rng):
    order = rng.permutation(n)
    return np.split(order, range(n % batch_size or batch_size, n, batch_size))


def so_many_batches(n, batch_size, rng):
    return np.array_split(rng.permutation(n), batch_size)


def one_too_many(n, batch_size, rng):
    order = rng.permutation(n + 1)
    return [order[i : min(i + batch_size, n)] for i in range(0, n, batch_size)]


def one_array(n, batch_size, rng):
    return rng.permutation(n)


def a_generator(n, batch_size, rng):
    order = rng.permutation(n)
    return (order[i : i + batch_size] for i in range(0, n, batch_size))


def from_zero(step, peak, warmup_steps, total_steps):
    if step < warmup_steps:
        return peak * step / warmup_steps
    return schedule_plain(step, peak, warmup_steps, total_steps)


def from_the_start(step, peak, warmup_steps, total_steps):
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    return peak * (1 + np.cos(np.pi * min(step / total_steps, 1))) / 2


def comes_back(step, peak, warmup_steps, total_steps):
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    q = (step - warmup_steps) / (total_steps - warmup_steps)
    return peak * (1 + np.cos(np.pi * q)) / 2


def not_halved(step, peak, warmup_steps, total_steps):
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    q = min((step - warmup_steps) / (total_steps - warmup_steps), 1)
    return peak * (1 + np.cos(np.pi * q))


def floored(step, peak, warmup_steps, total_steps):
    if step < warmup_steps:
        return peak * (step + 1) // warmup_steps
    return schedule_plain(step, peak, warmup_steps, total_steps)


def up_to_one(step, peak, warmup_steps, total_steps):
    return schedule_plain(step, 1.0, warmup_steps, total_steps)


def minus_cosine(step, peak, warmup_steps, total_steps):
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    q = min((step - warmup_steps) / (total_steps - warmup_steps), 1)
    return peak * 0.5 * (1 - np.cos(np.pi * q))


def divides_by_zero(step, peak, warmup_steps, total_steps):
    warm = peak * (step + 1) / warmup_steps
    rest = schedule_plain(step, peak, warmup_steps, total_steps)
    return warm if step < warmup_steps else rest


def one_by_one(gradients, limit):
    clipped = []
    for g in gradients:
        norm = np.linalg.norm(g)
        clipped.append(g * limit / norm if norm > limit else g)
    return clipped


def without_asking(gradients, limit):
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    return [g * limit / (norm + 1e-12) for g in gradients]


def without_asking_or_guarding(gradients, limit):
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    return [g * limit / norm for g in gradients]


def upside_down(gradients, limit):
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    return [g * norm / limit if norm > limit else g for g in gradients]


def no_root(gradients, limit):
    norm = sum((g**2).sum() for g in gradients)
    return [g * limit / max(norm, limit) for g in gradients]


def entries(gradients, limit):
    return [np.clip(g, -limit, limit) for g in gradients]


def norms_added(gradients, limit):
    norm = sum(np.linalg.norm(g) for g in gradients)
    return [g * limit / max(norm, limit) for g in gradients]


def first_only(gradients, limit):
    return clip_plain(gradients, limit)[0]


WRONG = [
    ("7.1", plus_gradient, "velocity sign"),
    ("7.1", pytorch_form, "classical form"),
    ("7.1", blended, "averaged form"),
    ("7.1", weights_first, "old velocity"),
    ("7.1", velocity_in_place, "in-place change"),
    ("7.1", minus_velocity, "velocity subtracted"),
    ("7.1", wrong_share, "share that is lost"),
    ("7.1", rate_at_the_end, "rate outside the velocity"),
    ("7.2", without_correction, "no bias correction"),
    ("7.2", inside, "epsilon inside the root"),
    ("7.2", sums, "moments never decay"),
    ("7.2", magnitudes, "gradient not squared"),
    ("7.2", corrected_in_place_of_kept, "corrected moments returned"),
    ("7.2", moments_last, "old moments used"),
    ("7.2", no_power, "power missing in the correction"),
    ("7.2", no_parentheses, "epsilon outside the divisor"),
    ("7.2", step_counted_from_zero, "corrected for the step before"),
    ("7.3", drawn_again, "with replacement"),
    ("7.3", whole_batches, "last batch dropped"),
    ("7.3", in_order, "not shuffled"),
    ("7.3", seeded, "the same order every time"),
    ("7.3", global_generator, "another generator"),
    ("7.3", rolled, "hardly shuffled"),
    ("7.3", small_first, "smaller batch not last"),
    ("7.3", so_many_batches, "number of batches"),
    ("7.3", one_too_many, "out of range"),
    ("7.3", one_array, "not index arrays"),
    ("7.3", a_generator, "not a list"),
    ("7.4", from_zero, "starts at zero"),
    ("7.4", from_the_start, "not counted from the warm-up"),
    ("7.4", comes_back, "rises again"),
    ("7.4", not_halved, "half missing"),
    ("7.4", floored, "integer division"),
    ("7.4", up_to_one, "peak not used"),
    ("7.4", minus_cosine, "wave upside down"),
    ("7.4", divides_by_zero, "ZeroDivisionError"),
    ("7.5", one_by_one, "each array by itself"),
    ("7.5", without_asking, "always scaled"),
    ("7.5", without_asking_or_guarding, "always scaled, zeros too"),
    ("7.5", upside_down, "factor inverted"),
    ("7.5", no_root, "root missing"),
    ("7.5", entries, "by value"),
    ("7.5", norms_added, "sum of the norms"),
]


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize(("number", "answer", "mistake"), WRONG)
def test_a_wrong_answer_gets_its_diagnosis(number, answer, mistake, seed):
    verdict = check(number, answer, seed=seed)
    assert verdict.ok is False
    assert verdict.mistake == mistake, verdict
    assert len(verdict.message) > 10


@pytest.mark.parametrize(
    ("number", "answer"), [("7.1", only_weights), ("7.5", first_only)]
)
def test_a_part_of_the_answer_is_refused(number, answer):
    assert check(number, answer).ok is False


@pytest.mark.parametrize("number", NUMBERS)
def test_every_named_mistake_has_a_message_of_its_own(number):
    messages = []
    for mistake in exercises()[number].mistakes:
        for seed in (None, 4, 5):
            verdict = check(number, mistake.wrong, seed=seed)
            assert verdict.mistake == mistake.name, verdict
        messages.append(verdict.message)
    assert len(set(messages)) == len(messages) >= 6


def test_a_random_order_is_not_refused_by_chance():
    for seed in range(150):
        assert check("7.3", batches_by_slices, seed=seed).ok, seed


@pytest.mark.parametrize("seed", range(5))
def test_random_answers_never_pass(seed):
    rng = np.random.default_rng(seed)
    a, b, c, d = rng.normal(size=4)

    def step(w, v, g, rate, momentum):
        new = a * momentum * v + b * rate * g
        return c * w + d * new, new

    def moments(w, m, v, g, t, rate, beta_1, beta_2, epsilon):
        return w - rate * (a * m + b * g), a * m + b * g, c * v + d * g**2

    def numbers(n, batch_size, generator):
        order = generator.integers(n, size=n)
        return [order[i : i + batch_size] for i in range(0, n, batch_size)]

    def line(step, peak, warmup_steps, total_steps):
        return a * peak + b * step + c * warmup_steps + d * total_steps

    def scaled(gradients, limit):
        return [abs(a) * g for g in gradients]

    answers = [step, moments, numbers, line, scaled]
    for number, answer in zip(NUMBERS, answers, strict=True):
        assert check(number, answer).ok is False
        assert check(number, answer, seed=seed).ok is False


# --- Stubs ----------------------------------------------------------------------------


def one(w, v, g, rate, momentum): ...


def two(w, m, v, g, t, rate, beta_1, beta_2, epsilon):
    raise NotImplementedError


def three(n, batch_size, rng):
    return ...


def four(step, peak, warmup_steps, total_steps):
    pass


def five(gradients, limit):
    norm = ...
    return [g / norm for g in gradients]


@pytest.mark.parametrize(
    ("number", "stub"), [*zip(NUMBERS, [one, two, three, four, five], strict=True)]
)
def test_a_stub_is_not_done_yet(number, stub):
    assert check(number, stub).ok is None
