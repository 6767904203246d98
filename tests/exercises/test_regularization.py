"""The checks of chapter 9: right answers, wrong ones as students write them, stubs."""

import math

import numpy as np
import pytest

from imgcls_helpers import scratch
from imgcls_helpers.checks import check, exercises

NUMBERS = ["9.1", "9.2", "9.3", "9.4"]


# --- Right answers --------------------------------------------------------------------


def stopping_plain(losses, patience):
    best, waited = 0, 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[best]:
            best, waited = epoch, 0
        else:
            waited += 1
        if waited == patience:
            return epoch + 1, best + 1
    return len(losses), best + 1


def stopping_by_slices(losses, patience):
    for end in range(1, len(losses) + 1):
        best = int(np.argmin(losses[:end]))  # the first of equal ones
        if end - 1 - best >= patience:
            return end, best + 1
    return [len(losses), int(np.argmin(losses)) + 1]


def dropout_plain(x, rate, rng):
    return np.where(rng.random(x.shape) < rate, 0, x / (1 - rate))


def dropout_by_choice(x, rate, rng):
    keep = rng.choice([0.0, 1.0], size=x.shape, p=[rate, 1 - rate])
    return x * keep / (1 - rate)


def dropout_by_binomial(x, rate, rng):
    return x * rng.binomial(1, 1 - rate, x.shape) / (1 - rate)


def dropout_by_scratch(x, rate, rng):
    return scratch.dropout(x, rate, rng)[0]


def l1_plain(w, g, rate, strength):
    v = w - rate * g
    return np.sign(v) * np.maximum(np.abs(v) - rate * strength, 0)


def l1_by_cases(w, g, rate, strength):
    v, t = w - rate * g, rate * strength
    return np.where(v > t, v - t, np.where(v < -t, v + t, 0))


def choice_plain(penalties, scores):
    mean = scores.mean(axis=0)
    best = mean.argmax()
    error = scores[:, best].std(ddof=1) / np.sqrt(len(scores))
    return penalties[mean >= mean[best] - error].max()


def choice_by_loop(penalties, scores):
    runs = len(scores)
    means = [sum(column) / runs for column in scores.T]
    best = means.index(max(means))
    squares = sum((s - means[best]) ** 2 for s in scores[:, best])
    low = means[best] - math.sqrt(squares / (runs - 1) / runs)
    return max(p for p, mean in zip(penalties, means, strict=True) if mean >= low)


RIGHT = [
    ("9.1", stopping_plain),
    ("9.1", stopping_by_slices),
    ("9.2", dropout_plain),
    ("9.2", dropout_by_choice),
    ("9.2", dropout_by_binomial),
    ("9.2", dropout_by_scratch),
    ("9.3", l1_plain),
    ("9.3", l1_by_cases),
    ("9.4", choice_plain),
    ("9.4", choice_by_loop),
]


@pytest.mark.parametrize("seed", [None, 1, 2])
@pytest.mark.parametrize(("number", "answer"), RIGHT)
def test_right_answers_pass(number, answer, seed):
    verdict = check(number, answer, seed=seed)
    assert verdict.ok is True, verdict


def test_a_random_mask_is_not_refused_by_chance():
    for seed in range(60):
        assert check("9.2", dropout_plain, seed=seed).ok, seed


# --- Wrong answers as students write them ---------------------------------------------


def from_zero(losses, patience):
    trained, best = stopping_plain(losses, patience)
    return trained - 1, best - 1


def argmin_forgotten(losses, patience):
    trained, _ = stopping_plain(losses, patience)
    return trained, int(np.argmin(losses[:trained]))


def more_than_patience(losses, patience):
    best, waited = 0, 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[best]:
            best, waited = epoch, 0
        else:
            waited += 1
        if waited > patience:
            return epoch + 1, best + 1
    return len(losses), best + 1


def never_set_back(losses, patience):
    best, waited = 0, 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[best]:
            best = epoch
        else:
            waited += 1
        if waited == patience:
            return epoch + 1, best + 1
    return len(losses), best + 1


def than_the_last(losses, patience):
    waited = 0
    for epoch in range(1, len(losses)):
        waited = 0 if losses[epoch] < losses[epoch - 1] else waited + 1
        if waited == patience:
            return epoch + 1, int(np.argmin(losses[: epoch + 1])) + 1
    return len(losses), int(np.argmin(losses)) + 1


def not_higher(losses, patience):
    best, waited = 0, 0
    for epoch in range(1, len(losses)):
        if losses[epoch] <= losses[best]:
            best, waited = epoch, 0
        else:
            waited += 1
        if waited == patience:
            return epoch + 1, best + 1
    return len(losses), best + 1


def to_the_end(losses, patience):
    return len(losses), losses.index(min(losses)) + 1


def whole_curve(losses, patience):
    best = losses.index(min(losses)) + 1
    return min(best + patience, len(losses)), best


def only_trained(losses, patience):
    return stopping_plain(losses, patience)[0]


def swapped(losses, patience):
    trained, best = stopping_plain(losses, patience)
    return best, trained


def no_scale(x, rate, rng):
    keep = rng.random(x.shape) >= rate
    return x * keep


def keeps_rate(x, rate, rng):
    keep = rng.random(x.shape) < rate
    return x * keep / max(rate, 1e-9)


def keeps_rate_other_scale(x, rate, rng):
    keep = rng.random(x.shape) < rate
    return x * keep / (1 - rate)


def over_rate(x, rate, rng):
    keep = rng.random(x.shape) >= rate
    return x * keep / max(rate, 1e-9)


def times_kept(x, rate, rng):
    keep = rng.random(x.shape) >= rate
    return x * keep * (1 - rate)


def by_row_shape(x, rate, rng):
    keep = rng.random(x.shape[1:]) >= rate
    return x * keep / (1 - rate)


def by_column_shape(x, rate, rng):
    keep = rng.random(len(x)) >= rate
    return x * keep.reshape(-1, *[1] * (x.ndim - 1)) / (1 - rate)


def seeded(x, rate, rng):
    keep = np.random.default_rng(42).random(x.shape) >= rate
    return x * keep / (1 - rate)


def fresh(x, rate, rng):
    keep = np.random.default_rng().random(x.shape) >= rate
    return x * keep / (1 - rate)


def weights_scaled(x, rate, rng):
    return x * (1 - rate)


def forgotten(x, rate, rng):
    rng.random(x.shape)
    return x


def normal(x, rate, rng):
    return x * (rng.normal(size=x.shape) > rate) / (1 - rate)


def exact_count(x, rate, rng):
    out = x.flatten()
    gone = rng.choice(x.size, int(rate * x.size), replace=False)
    out[gone] = 0
    return out.reshape(x.shape) / (1 - rate)


def noise(x, rate, rng):
    return x * rng.uniform(0, 2, x.shape) * (rng.random(x.shape) >= rate)


def in_place(x, rate, rng):
    x[rng.random(x.shape) < rate] = 0
    x /= 1 - rate
    return x


def only_the_first_half(x, rate, rng):
    out = x * (rng.random(x.shape) >= min(2 * rate, 1)) / (1 - rate)
    half = x.shape[-1] // 2
    out[..., half:] = x[..., half:] / (1 - rate)
    return out


def subgradient(w, g, rate, strength):
    return w - rate * (g + strength * np.sign(w))


def no_rate(w, g, rate, strength):
    v = w - rate * g
    return np.sign(v) * np.maximum(np.abs(v) - strength, 0)


def shrunk_first(w, g, rate, strength):
    v = np.sign(w) * np.maximum(np.abs(w) - rate * strength, 0)
    return v - rate * g


def hard(w, g, rate, strength):
    v = w - rate * g
    return v * (abs(v) > rate * strength)


def through_zero(w, g, rate, strength):
    v = w - rate * g
    return v - rate * strength * np.sign(v)


def without_sign(w, g, rate, strength):
    v = w - rate * g
    return np.maximum(abs(v) - rate * strength, 0)


def first_sign(w, g, rate, strength):
    v = w - rate * g
    return np.sign(w) * np.maximum(abs(v) - rate * strength, 0)


def positive_only(w, g, rate, strength):
    return np.maximum(w - rate * g - rate * strength, 0)


def decayed(w, g, rate, strength):
    return w - rate * strength * w - rate * g


def cut(w, g, rate, strength):
    return np.clip(w - rate * g, -rate * strength, rate * strength)


def plain_step(w, g, rate, strength):
    return w - rate * g


def upwards(w, g, rate, strength):
    return l1_plain(w, -g, rate, strength)


def the_best(penalties, scores):
    return penalties[np.argmax(scores.mean(axis=0))]


def smallest(penalties, scores):
    mean = scores.mean(axis=0)
    best = mean.argmax()
    error = scores[:, best].std(ddof=1) / np.sqrt(len(scores))
    return min(penalties[mean >= mean[best] - error])


def last_good(penalties, scores):
    mean = scores.mean(axis=0)
    best = mean.argmax()
    error = scores[:, best].std(ddof=1) / np.sqrt(len(scores))
    return penalties[np.flatnonzero(mean >= mean[best] - error)[-1]]


def one_deviation(penalties, scores):
    mean = scores.mean(axis=0)
    best = mean.argmax()
    return penalties[mean >= mean[best] - scores[:, best].std(ddof=1)].max()


def numpy_default(penalties, scores):
    mean = scores.mean(axis=0)
    best = mean.argmax()
    error = scores[:, best].std() / np.sqrt(len(scores))
    return penalties[mean >= mean[best] - error].max()


def lowest(penalties, scores):
    return choice_plain(penalties, 1 - scores)


def own_errors(penalties, scores):
    mean = scores.mean(axis=0)
    errors = scores.std(axis=0, ddof=1) / np.sqrt(len(scores))
    return penalties[mean + errors >= mean.max()].max()


def strongest(penalties, scores):
    return max(penalties)


def index(penalties, scores):
    return int(np.flatnonzero(penalties == choice_plain(penalties, scores))[0])


def stop_from_zero(losses, patience):
    best, waited = 0, 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[best]:
            best, waited = epoch, 0
        else:
            waited += 1
        if waited == patience:
            return epoch, best + 1
    return len(losses), best + 1


def best_twice(losses, patience):
    return (stopping_plain(losses, patience)[1],) * 2


def last_of_equal(losses, patience):
    trained, _ = stopping_plain(losses, patience)
    seen = np.array(losses[:trained])
    return trained, int(np.flatnonzero(seen == seen.min())[-1]) + 1


def mask_alone(x, rate, rng):
    return np.where(rng.random(x.shape) < rate, 0, 1 / (1 - rate))


def bare_gradient(w, g, rate, strength):
    v = w - g
    return v - np.clip(v, -rate * strength, rate * strength)


def zero_when_the_sign_changes(w, g, rate, strength):
    v = l1_plain(w, g, rate, strength)
    return np.where(v * w < 0, 0, v)


def by_the_root_of_penalties(penalties, scores):
    mean = scores.mean(axis=0)
    best = mean.argmax()
    error = scores[:, best].std(ddof=1) / np.sqrt(len(penalties))
    return max(penalties[mean >= mean[best] - error])


def one_less_twice(penalties, scores):
    mean = scores.mean(axis=0)
    best = mean.argmax()
    error = scores[:, best].std(ddof=1) / np.sqrt(len(scores) - 1)
    return max(penalties[mean >= mean[best] - error])


def medians(penalties, scores):
    middle = np.median(scores, axis=0)
    best = middle.argmax()
    error = scores[:, best].std(ddof=1) / np.sqrt(len(scores))
    return max(penalties[middle >= middle[best] - error])


def up_to_a_gap(penalties, scores):
    order = np.argsort(penalties)
    penalties, scores = penalties[order], scores[:, order]
    mean = scores.mean(axis=0)
    best = mean.argmax()
    low = mean[best] - scores[:, best].std(ddof=1) / np.sqrt(len(scores))
    chosen = penalties[best]
    for p, m in zip(penalties[best:], mean[best:], strict=True):
        if m < low:
            break
        chosen = p
    return chosen


def strictly_above(penalties, scores):
    mean = scores.mean(axis=0)
    best = mean.argmax()
    error = scores[:, best].std(ddof=1) / np.sqrt(len(scores))
    return max(penalties[mean > mean[best] - error])


WRONG = [
    ("9.1", stop_from_zero, "epochs trained counted from 0"),
    ("9.1", best_twice, "best epoch for both"),
    ("9.1", last_of_equal, "the last of equal ones"),
    ("9.2", mask_alone, "the mask alone"),
    ("9.3", bare_gradient, "rate missing in the step"),
    ("9.3", zero_when_the_sign_changes, "zero at every change of sign"),
    ("9.4", by_the_root_of_penalties, "divided by the root of P"),
    ("9.4", one_less_twice, "divided by the root of S - 1"),
    ("9.4", medians, "medians"),
    ("9.4", up_to_a_gap, "stops at a gap"),
    ("9.1", from_zero, "counted from 0"),
    ("9.1", argmin_forgotten, "best epoch counted from 0"),
    ("9.1", more_than_patience, "one epoch too many"),
    ("9.1", never_set_back, "not in a row"),
    ("9.1", than_the_last, "compared with the epoch before"),
    ("9.1", not_higher, "a tie is an improvement"),
    ("9.1", to_the_end, "never stops"),
    ("9.1", whole_curve, "looks ahead"),
    ("9.1", swapped, "the other order"),
    ("9.2", no_scale, "not scaled up"),
    ("9.2", keeps_rate, "rate is the share kept"),
    ("9.2", keeps_rate_other_scale, "rate is the share kept, scaled otherwise"),
    ("9.2", over_rate, "divided by the rate"),
    ("9.2", times_kept, "scaled down"),
    ("9.2", by_row_shape, "one mask for all rows"),
    ("9.2", by_column_shape, "whole rows"),
    ("9.2", seeded, "the same mask every time"),
    ("9.2", fresh, "another generator"),
    ("9.2", weights_scaled, "as when testing"),
    ("9.2", forgotten, "nothing dropped"),
    ("9.2", normal, "another share"),
    ("9.2", exact_count, "a fixed number"),
    ("9.2", noise, "several factors"),
    ("9.2", in_place, "in-place change"),
    ("9.2", only_the_first_half, "not equally likely"),
    ("9.3", subgradient, "penalty in the gradient"),
    ("9.3", no_rate, "rate missing in the threshold"),
    ("9.3", shrunk_first, "threshold first"),
    ("9.3", hard, "large ones not shrunk"),
    ("9.3", through_zero, "past zero"),
    ("9.3", without_sign, "sign lost"),
    ("9.3", first_sign, "sign of the old weight"),
    ("9.3", positive_only, "negative weights lost"),
    ("9.3", decayed, "weight decay"),
    ("9.3", cut, "clipped"),
    ("9.3", plain_step, "no penalty"),
    ("9.3", upwards, "uphill"),
    ("9.4", the_best, "the best mean"),
    ("9.4", smallest, "the weakest"),
    ("9.4", last_good, "the last"),
    ("9.4", one_deviation, "standard deviation"),
    ("9.4", numpy_default, "deviation without - 1"),
    ("9.4", lowest, "scores as errors"),
    ("9.4", own_errors, "each its own error"),
    ("9.4", strongest, "any"),
    ("9.4", index, "place instead of penalty"),
]


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize(("number", "answer", "mistake"), WRONG)
def test_a_wrong_answer_gets_its_diagnosis(number, answer, mistake, seed):
    verdict = check(number, answer, seed=seed)
    assert verdict.ok is False
    assert verdict.mistake == mistake, verdict
    assert len(verdict.message) > 10


def test_a_mean_just_at_the_limit_is_good_enough():
    assert check("9.4", strictly_above).ok is False


def test_a_part_of_the_answer_is_refused():
    assert check("9.1", only_trained).ok is False


@pytest.mark.parametrize("number", NUMBERS)
def test_every_named_mistake_has_a_message_of_its_own(number):
    messages = []
    for mistake in exercises()[number].mistakes:
        for seed in (None, 4, 5):
            verdict = check(number, mistake.wrong, seed=seed)
            assert verdict.mistake == mistake.name, verdict
        messages.append(verdict.message)
    assert len(set(messages)) >= 8
    assert len(set(messages)) >= len(messages) - 1  # the scale is named in the hint


@pytest.mark.parametrize("seed", range(5))
def test_random_answers_never_pass(seed):
    rng = np.random.default_rng(seed)
    a, b, c = rng.normal(size=3)

    def stop(losses, patience):
        trained = int(rng.integers(1, len(losses) + 1))
        return trained, int(rng.integers(1, trained + 1))

    def drop(x, rate, generator):
        return a * x * (generator.random(x.shape) > abs(b))

    def step(w, g, rate, strength):
        return a * w + b * rate * g + c * strength * np.sign(w)

    def choose(penalties, scores):
        return rng.choice(penalties)

    for number, answer in zip(NUMBERS, [stop, drop, step, choose], strict=True):
        assert check(number, answer).ok is False
        assert check(number, answer, seed=seed).ok is False


# --- Stubs ----------------------------------------------------------------------------


def one(losses, patience): ...


def two(x, rate, rng):
    raise NotImplementedError


def three(w, g, rate, strength):
    return ...


def four(penalties, scores):
    pass


@pytest.mark.parametrize(
    ("number", "stub"), [*zip(NUMBERS, [one, two, three, four], strict=True)]
)
def test_a_stub_is_not_done_yet(number, stub):
    assert check(number, stub).ok is None
