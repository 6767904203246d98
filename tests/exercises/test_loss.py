"""The checks of chapter 6: right answers in two styles, and students' mistakes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcls_helpers.checks import check, exercises

NUMBERS = ["6.1", "6.2", "6.3", "6.4", "6.5"]


# --- Right answers, in two styles each ----------------------------------------------


def entropy_at_once(labels, probabilities):
    return -np.log(probabilities[np.arange(len(labels)), labels]).mean()


def entropy_with_loops(labels, probabilities):
    total = 0.0
    for label, row in zip(labels, probabilities, strict=True):
        total -= math.log(row[label])
    return total / len(labels)


def entropy_with_one_hot(labels, probabilities):
    one_hot = np.eye(probabilities.shape[1])[labels]
    return -(one_hot * np.log(probabilities)).sum(axis=1).mean()


def log_softmax_at_once(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def log_softmax_by_rows(logits):
    out = np.empty(logits.shape)
    for i, row in enumerate(logits):
        largest = max(row)
        total = sum(math.exp(z - largest) for z in row)
        out[i] = [z - largest - math.log(total) for z in row]
    return out


def log_softmax_with_logaddexp(logits):
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def gradient_at_once(logits, labels):
    p = np.exp(log_softmax_at_once(logits))
    p[np.arange(len(labels)), labels] -= 1
    return p / len(labels)


def gradient_by_rows(logits, labels):
    rows = []
    for row, label in zip(logits, labels, strict=True):
        e = np.exp(row - row.max())
        t = [float(k == label) for k in range(len(row))]
        rows.append((e / e.sum() - t) / len(labels))
    return np.array(rows)


def smooth_at_once(labels, classes, e):
    return (1 - e) * np.eye(classes)[labels] + e / classes


def smooth_with_loops(labels, classes, e):
    out = np.full((len(labels), classes), e / classes)
    for i, label in enumerate(labels):
        out[i, label] = 1 - e + e / classes
    return out


def focal_at_once(labels, probabilities, gamma):
    p = np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]
    return np.mean(-((1 - p) ** gamma) * np.log(p))


def focal_with_loops(labels, probabilities, gamma):
    losses = []
    for i, label in enumerate(labels):
        p = probabilities[i][label]
        losses.append((1 - p) ** gamma * math.log(1 / p))
    return sum(losses) / len(losses)


RIGHT = [
    ("6.1", entropy_at_once),
    ("6.1", entropy_with_loops),
    ("6.1", entropy_with_one_hot),
    ("6.2", log_softmax_at_once),
    ("6.2", log_softmax_by_rows),
    ("6.2", log_softmax_with_logaddexp),
    ("6.3", gradient_at_once),
    ("6.3", gradient_by_rows),
    ("6.4", smooth_at_once),
    ("6.4", smooth_with_loops),
    ("6.5", focal_at_once),
    ("6.5", focal_with_loops),
]


@pytest.mark.parametrize(("number", "answer"), RIGHT)
@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_a_right_answer_is_right(number, answer, seed):
    verdict = check(number, answer, seed=seed)
    assert verdict.ok, verdict


# --- Wrong answers, as a student might write them -----------------------------------


def entropy_sum(labels, probabilities):
    total = 0
    for i in range(len(labels)):
        total += -np.log(probabilities[i, labels[i]])
    return total


def entropy_no_minus(labels, probabilities):
    return np.log(probabilities[range(len(labels)), labels]).mean()


def entropy_in_bits(labels, probabilities):
    return entropy_at_once(labels, probabilities) / np.log(2)


def entropy_of_the_guess(labels, probabilities):
    guess = probabilities.argmax(axis=1)
    return entropy_at_once(guess, probabilities)


def entropy_mean_of_table(labels, probabilities):
    t = np.zeros_like(probabilities)
    t[np.arange(len(t)), labels] = 1
    return (-t * np.log(probabilities)).mean()


def entropy_all_columns(labels, probabilities):
    return -np.log(probabilities[:, labels]).mean()


def entropy_linear(labels, probabilities):
    return 1 - entropy_picked(labels, probabilities).mean()


def entropy_picked(labels, probabilities):
    return probabilities[np.arange(len(labels)), labels]


def entropy_rows(labels, probabilities):
    return -np.log(probabilities[labels]).mean()


def entropy_of_each(labels, probabilities):
    return -np.log(entropy_picked(labels, probabilities))


def entropy_by_classes(labels, probabilities):
    return entropy_sum(labels, probabilities) / len(probabilities[0])


def entropy_two_terms(labels, probabilities):
    y, p = np.zeros_like(probabilities), probabilities
    y[np.arange(len(y)), labels] = 1
    return np.mean(-(y * np.log(p) + (1 - y) * np.log(1 - p)))


def log_softmax_textbook(logits):
    e = np.exp(logits)
    return np.log(e / e.sum(axis=1, keepdims=True))


def log_softmax_simplified_only(logits):
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def log_softmax_of_probabilities(logits):
    e = np.exp(logits - logits.max(1, keepdims=True))
    p = e / e.sum(1, keepdims=True)
    return np.log(p)


def log_softmax_with_epsilon(logits):
    e = np.exp(logits - logits.max(1, keepdims=True))
    return np.log(e / e.sum(1, keepdims=True) + 1e-7)


def log_softmax_global(logits):
    z = logits - np.max(logits)
    return z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))


def log_softmax_first_axis(logits):
    z = logits - logits.max(axis=0)
    return z - np.log(np.exp(z).sum(axis=0))


def log_softmax_no_log(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def log_softmax_plus(logits):
    z = logits - logits.max(axis=1, keepdims=True)
    return z + np.log(np.exp(z).sum(axis=1, keepdims=True))


def log_softmax_plain_sum(logits):
    z = logits - logits.max(axis=1, keepdims=True)
    return z - np.sum(np.exp(z), axis=1, keepdims=True)


def log_softmax_column_maximum(logits):
    z = logits - logits.max(axis=0, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def log_softmax_in_place(logits):
    logits -= logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def gradient_sum(logits, labels):
    return np.exp(log_softmax_at_once(logits)) - np.eye(logits.shape[1])[labels]


def gradient_backwards(logits, labels):
    return -gradient_at_once(logits, labels)


def gradient_mean_of_table(logits, labels):
    return gradient_sum(logits, labels) / logits.size


def gradient_probabilities(logits, labels):
    return np.exp(log_softmax_at_once(logits)) / len(logits)


def gradient_overflowing(logits, labels):
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    p[np.arange(len(labels)), labels] -= 1
    return p / len(labels)


def gradient_of_logits(logits, labels):
    out = logits.copy()
    out[np.arange(len(labels)), labels] -= 1
    return out / len(labels)


def gradient_true_only(logits, labels):
    out = np.zeros(logits.shape)
    for i, label in enumerate(labels):
        out[i, label] = gradient_at_once(logits, labels)[i, label]
    return out


def gradient_first_axis(logits, labels):
    e = np.exp(logits - logits.max(axis=0))
    return (e / e.sum(axis=0) - np.eye(logits.shape[1])[labels]) / len(labels)


def gradient_minus_numbers(logits, labels):
    p = np.exp(log_softmax_at_once(logits))
    return (p - labels.reshape(-1, 1)) / len(p)


def gradient_one_row(logits, labels):
    return gradient_sum(logits, labels).mean(axis=0)


def smooth_plain(labels, classes, e):
    return np.eye(classes)[labels]


def smooth_others(labels, classes, e):
    out = np.full((len(labels), classes), e / (classes - 1))
    out[np.arange(len(labels)), labels] = 1 - e
    return out


def smooth_leaky(labels, classes, e):
    out = np.full((len(labels), classes), e / classes)
    out[np.arange(len(labels)), labels] = 1 - e
    return out


def smooth_added(labels, classes, e):
    return np.eye(classes)[labels] + e / classes


def smooth_binary(labels, classes, e):
    return np.eye(classes)[labels] * (1 - e) + 0.5 * e


def smooth_all_by_fewer(labels, classes, e):
    return np.eye(classes)[labels] * (1 - e) + e / (classes - 1)


def smooth_seen(labels, classes, e):
    k = len(set(range(max(labels) + 1)))
    return np.eye(k)[labels] * (1 - e) + e / k


def smooth_from_one(labels, classes, e):
    return np.eye(classes)[labels - 1] * (1 - e) + e / classes


def smooth_columns(labels, classes, e):
    return smooth_at_once(labels, classes, e).T


def focal_ignored(labels, probabilities, gamma):
    return entropy_at_once(labels, probabilities)


def focal_turned(labels, probabilities, gamma):
    p = entropy_picked(labels, probabilities)
    return np.mean(-(p**gamma) * np.log(p))


def focal_power_first(labels, probabilities, gamma):
    p = entropy_picked(labels, probabilities)
    return np.mean((1 - p**gamma) * -np.log(p))


def focal_times(labels, probabilities, gamma):
    p = entropy_picked(labels, probabilities)
    return np.mean(gamma * (1 - p) * -np.log(p))


def focal_keras_default(labels, probabilities, gamma):
    return 0.25 * focal_at_once(labels, probabilities, gamma)


def focal_sum(labels, probabilities, gamma):
    p = entropy_picked(labels, probabilities)
    return -np.sum((1 - p) ** gamma * np.log(p))


def focal_no_exponent(labels, probabilities, gamma):
    p = entropy_picked(labels, probabilities)
    return np.mean((1 - p) * -np.log(p))


def focal_squared(labels, probabilities, gamma):
    p = entropy_picked(labels, probabilities)
    return np.mean((1 - p) ** 2 * -np.log(p))


def focal_other_logarithm(labels, probabilities, gamma):
    miss = 1 - entropy_picked(labels, probabilities)
    return np.mean(miss**gamma * -np.log(miss))


def focal_mean_of_table(labels, probabilities, gamma):
    t = np.eye(probabilities.shape[1])[labels]
    return np.mean(-t * (1 - probabilities) ** gamma * np.log(probabilities))


def focal_of_each(labels, probabilities, gamma):
    p = entropy_picked(labels, probabilities)
    return -np.log(p) * (1 - p) ** gamma


def focal_of_means(labels, probabilities, gamma):
    p = entropy_picked(labels, probabilities)
    return np.mean((1 - p) ** gamma) * np.mean(-np.log(p))


def focal_of_the_guess(labels, probabilities, gamma):
    factor = (1 - np.max(probabilities, axis=1)) ** gamma
    return np.mean(factor * -np.log(entropy_picked(labels, probabilities)))


WRONG = [
    ("6.1", entropy_sum, "sum"),
    ("6.1", entropy_no_minus, "minus missing"),
    ("6.1", entropy_in_bits, "binary logarithm"),
    ("6.1", entropy_of_the_guess, "predicted class"),
    ("6.1", entropy_mean_of_table, "mean over classes too"),
    ("6.1", entropy_all_columns, "rows of the labels"),
    ("6.1", entropy_linear, "no logarithm"),
    ("6.1", entropy_picked, "wrong value"),
    ("6.1", entropy_rows, "rows at the labels"),
    ("6.1", entropy_of_each, "one for each image"),
    ("6.1", entropy_by_classes, "divided by the classes"),
    ("6.1", entropy_two_terms, "binary cross-entropy"),
    ("6.2", log_softmax_textbook, "logarithm of an overflow"),
    ("6.2", log_softmax_simplified_only, "unstable exponent"),
    ("6.2", log_softmax_of_probabilities, "logarithm of an underflow"),
    ("6.2", log_softmax_with_epsilon, "small number added"),
    ("6.2", log_softmax_global, "maximum of the whole array"),
    ("6.2", log_softmax_first_axis, "wrong axis"),
    ("6.2", log_softmax_no_log, "softmax"),
    ("6.2", log_softmax_in_place, "in-place change"),
    ("6.2", log_softmax_plus, "sum added"),
    ("6.2", log_softmax_plain_sum, "sum without its logarithm"),
    ("6.2", log_softmax_column_maximum, "maximum of each column"),
    ("6.3", gradient_sum, "not divided by the batch"),
    ("6.3", gradient_backwards, "sign"),
    ("6.3", gradient_mean_of_table, "divided by the classes too"),
    ("6.3", gradient_probabilities, "label not subtracted"),
    ("6.3", gradient_overflowing, "unstable exponent"),
    ("6.3", gradient_of_logits, "softmax left out"),
    ("6.3", gradient_true_only, "only the true class"),
    ("6.3", gradient_first_axis, "wrong axis"),
    ("6.3", gradient_minus_numbers, "class numbers subtracted"),
    ("6.3", gradient_one_row, "averaged over the images"),
    ("6.4", smooth_plain, "not smoothed"),
    ("6.4", smooth_others, "shared by the other classes"),
    ("6.4", smooth_leaky, "does not sum to one"),
    ("6.4", smooth_added, "not shrunk"),
    ("6.4", smooth_binary, "half of e"),
    ("6.4", smooth_all_by_fewer, "one class too few"),
    ("6.4", smooth_seen, "classes counted from the labels"),
    ("6.4", smooth_from_one, "counted from one"),
    ("6.4", smooth_columns, "classes on the rows"),
    ("6.5", focal_ignored, "plain cross-entropy"),
    ("6.5", focal_turned, "sure ones count more"),
    ("6.5", focal_power_first, "power of p"),
    ("6.5", focal_times, "times gamma"),
    ("6.5", focal_keras_default, "alpha"),
    ("6.5", focal_sum, "sum"),
    ("6.5", focal_no_exponent, "exponent missing"),
    ("6.5", focal_squared, "always two"),
    ("6.5", focal_other_logarithm, "logarithm of one minus p"),
    ("6.5", focal_mean_of_table, "mean over classes too"),
    ("6.5", focal_of_each, "one for each image"),
    ("6.5", focal_of_means, "two means"),
    ("6.5", focal_of_the_guess, "factor of the predicted class"),
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("number", "answer", "mistake"), WRONG)
@pytest.mark.parametrize("seed", [None, 1])
def test_a_wrong_answer_is_named(number, answer, mistake, seed):
    verdict = check(number, answer, seed=seed)
    assert verdict.ok is False
    assert verdict.mistake == mistake, verdict


def test_every_exercise_names_at_least_six_mistakes_with_words():
    found = exercises()
    for number in NUMBERS:
        mistakes = found[number].mistakes
        assert len(mistakes) >= 6
        assert all(m.message and m.hint for m in mistakes)


# --- Never by luck, and never before it is tried ------------------------------------

_DRAWN = {
    "6.1": lambda rng, labels, p: abs(rng.normal()) * 3,
    "6.2": lambda rng, z: -np.abs(rng.normal(size=z.shape)),
    "6.3": lambda rng, z, labels: rng.normal(size=z.shape) * 0.1,
    "6.4": lambda rng, labels, classes, e: rng.dirichlet(np.ones(classes), len(labels)),
    "6.5": lambda rng, labels, p, gamma: abs(rng.normal()),
}
_TAKES = {
    "6.1": lambda f: lambda labels, probabilities: f(labels, probabilities),
    "6.2": lambda f: lambda logits: f(logits),
    "6.3": lambda f: lambda logits, labels: f(logits, labels),
    "6.4": lambda f: lambda labels, classes, e: f(labels, classes, e),
    "6.5": lambda f: (
        lambda labels, probabilities, gamma: f(labels, probabilities, gamma)
    ),
}


@pytest.mark.parametrize("number", NUMBERS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_random_answer_never_passes(number, seed):
    rng = np.random.default_rng(seed)
    answer = _TAKES[number](lambda *args: _DRAWN[number](rng, *args))
    assert check(number, answer).ok is False


@pytest.mark.parametrize("number", NUMBERS)
def test_nearly_right_is_wrong(number):
    right = dict(RIGHT)[number]
    assert check(number, _TAKES[number](lambda *args: right(*args) * 1.001)).ok is False


def stub_6_1(labels, probabilities): ...


def stub_6_2(logits): ...


def stub_6_3(logits, labels): ...


def stub_6_4(labels, classes, e): ...


def stub_6_5(labels, probabilities, gamma): ...


@pytest.mark.parametrize(
    ("number", "stub"),
    [
        ("6.1", stub_6_1),
        ("6.2", stub_6_2),
        ("6.3", stub_6_3),
        ("6.4", stub_6_4),
        ("6.5", stub_6_5),
    ],
)
def test_an_untouched_stub_is_not_yet(number, stub):
    assert check(number, stub).ok is None
