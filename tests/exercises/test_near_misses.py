"""Answers that were accepted though wrong, or refused though right, when readers tried.

Each stands for a kind: rows that spread widely, limits that are met exactly, classes
that are not 0 to K - 1, arrays that are the caller's, chance that is none.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from imgcls_helpers import evaluation, scratch
from imgcls_helpers.checks import check, exercises

REFERENCE = {number: found.reference for number, found in exercises().items()}


def softmax_less(shift):
    """Return a softmax that subtracts something else than the maximum of each row."""

    def softmax(z):
        with np.errstate(all="ignore"):
            e = np.exp(z - shift(z))
            return e / e.sum(axis=1, keepdims=True)

    return softmax


def log_softmax_less(shift):
    def log_softmax(logits):
        with np.errstate(all="ignore"):
            s = logits - shift(logits)
            return s - np.log(np.exp(s).sum(axis=1, keepdims=True))

    return log_softmax


def gradient_less(shift):
    def gradient(logits, labels):
        q = np.eye(logits.shape[1])[labels]
        return (softmax_less(shift)(logits) - q) / len(logits)

    return gradient


SHIFTS = {
    "mean": lambda z: z.mean(axis=1, keepdims=True),
    "minimum": lambda z: z.min(axis=1, keepdims=True),
    "maximum of all": lambda z: z.max(),
}


def picked(labels, probabilities):
    return probabilities[np.arange(len(labels)), labels]


def log_of_the_product(labels, probabilities):
    with np.errstate(all="ignore"):
        return -np.log(np.prod(picked(labels, probabilities))) / len(labels)


def focal_of_the_product(labels, probabilities, gamma):
    p = picked(labels, probabilities)
    with np.errstate(all="ignore"):
        whole = -np.log(np.prod(p ** ((1 - p) ** gamma)))
    return whole / len(p)


def clip_or_return(gradients, limit):
    norm = math.sqrt(sum((g**2).sum() for g in gradients))
    return gradients if norm <= limit else [g * (limit / norm) for g in gradients]


def flip_or_return(images, chosen):
    return images if not chosen.any() else REFERENCE["8.1"](images, chosen)


def rolled(n, batch_size, rng):
    order = np.roll(np.arange(n), rng.integers(n))
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]


def first_stays(n, batch_size, rng):
    order = np.append(0, 1 + rng.permutation(n - 1))
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]


def majority(pick):
    return lambda train_labels, test_labels: np.mean(test_labels == pick(train_labels))


def one_more(p, half_width):
    return int(1.96**2 * p * (1 - p) / half_width**2) + 1


def centroids_in_bytes(train_images, train_labels, images):
    x = train_images.reshape(len(train_images), -1).astype(float)
    classes = np.unique(train_labels)
    means = np.stack([x[train_labels == k].mean(axis=0) for k in classes])
    rows = images.reshape(len(images), 1, -1).astype(float)
    distances = ((rows - means.astype(np.uint8)) ** 2).sum(axis=2)
    return classes[distances.argmin(axis=1)]


def crop_rounded(image, size):
    top, left = (round((n - size) / 2) for n in image.shape[:2])
    return image[top : top + size, left : left + size]


def split_of(classes_of, shuffled):
    def split(labels, share, seed):
        rng = np.random.default_rng(seed)
        test = []
        for number, k in enumerate(classes_of(labels)):
            members = np.flatnonzero(labels == k)
            if shuffled(number):
                members = rng.permutation(members)
            test.append(members[: round(share * len(members))])
        test = np.concatenate(test)
        return np.setdiff1d(np.arange(len(labels)), test), test

    return split


def units_in_turn(n, rng):
    drawn = REFERENCE["10.2"](n, rng)
    return [{**s, "units": [16, 32, 64, 128][i % 4]} for i, s in enumerate(drawn)]


def doctor(*, over=1.1, gap=2.0, longer=0.9):
    """Return a diagnosis whose limits are a hair lower: equality is beyond them."""

    def diagnose(loss, val_loss, classes):
        if not np.isfinite([*loss, *val_loss]).all():
            return "diverged"
        if min(loss) > 0.95 * np.log(classes):
            return "no learning"
        if val_loss[-1] > over * min(val_loss):
            return "overfitting"
        if min(val_loss) > gap * min(loss):
            return "gap"
        return "train longer" if loss[-1] < longer * loss[-4] else "fine"

    return diagnose


def loss_by(log):
    def loss(logits, labels):
        p = scratch.softmax(logits)
        q = np.eye(logits.shape[1])[labels]
        with np.errstate(all="ignore"):
            return -np.mean(log(picked(labels, p))), (p - q) / len(p)

    return loss


def copies_twice(images, test_images, tolerance):
    far = np.abs(images[:, None].astype(int) - test_images[None].astype(int))
    return np.argwhere(far.max(axis=(2, 3)) <= tolerance)[:, 0]


def copies_in_bytes(images, test_images, tolerance):
    far = images[:, None] - test_images[None]  # wraps round
    return np.flatnonzero((far.max(axis=(2, 3)) <= tolerance).any(axis=1))


def five_folds(fit, images, labels, folds):
    found = None
    for k in range(5):
        inside = folds == k
        if inside.any():
            p = fit(images[~inside], labels[~inside])(images[inside])
            found = np.zeros((len(images), p.shape[1])) if found is None else found
            found[inside] = p
    return found


def suspects_above(probabilities, labels):
    rows = np.arange(len(labels))
    bars = [probabilities[labels == k, k].mean() for k in range(len(probabilities[0]))]
    sure = probabilities > np.array(bars)
    sure &= probabilities > probabilities[rows, labels][:, None]
    sure[rows, labels] = False
    return np.flatnonzero(sure.any(axis=1))


def temperature(low, high, softmax=scratch.softmax):
    def find(logits, labels):
        def loss(t):
            with np.errstate(all="ignore"):
                return -np.log(picked(labels, softmax(logits / t))).mean()

        with np.errstate(all="ignore"):
            return minimize_scalar(loss, bounds=(low, high), method="bounded").x

    return find


def overflowing(z):
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)


WRONG = {
    **{f"5.3 {name}": softmax_less(shift) for name, shift in SHIFTS.items()},
    **{f"6.2 {name}": log_softmax_less(shift) for name, shift in SHIFTS.items()},
    **{f"6.3 {name}": gradient_less(shift) for name, shift in SHIFTS.items()},
    "6.1 logarithm of the product": log_of_the_product,
    "6.5 logarithm of the product": focal_of_the_product,
    "7.5 the caller's arrays": clip_or_return,
    "8.1 the caller's array": flip_or_return,
    "8.1 a view of it": lambda images, chosen: (
        images[:] if not chosen.any() else REFERENCE["8.1"](images, chosen)
    ),
    "7.3 rolled": rolled,
    "7.3 the first stays": first_stays,
    "1.2 the first": majority(lambda labels: labels[0]),
    "1.2 the middle": majority(lambda labels: int(np.median(labels))),
    "1.3 one more": one_more,
    "1.4 bytes": centroids_in_bytes,
    "2.2 rounded": crop_rounded,
    "2.5 one class shuffled": split_of(np.unique, lambda number: number == 1),
    "2.5 classes 0 to 2": split_of(lambda labels: range(3), lambda number: True),
    "10.2 in turn": units_in_turn,
    "10.4 overfitting at the limit": doctor(over=1.0999999),
    "10.4 gap at the limit": doctor(gap=1.9999999),
    "10.4 longer at the limit": doctor(longer=0.9000001),
    "P1.5 logarithm of a softmax": loss_by(np.log),
    "P1.5 a little added": loss_by(lambda p: np.log(p + 1e-7)),
    "P1.5 clipped": loss_by(lambda p: np.log(np.clip(p, 1e-7, 1))),
    "P2.1 twice": copies_twice,
    "P2.1 bytes": copies_in_bytes,
    "P2.3 folds 0 to 4": five_folds,
    "P2.4 equality": suspects_above,
    "P2.8 from 1 up": temperature(1, 50),
    "P2.8 an overflow": temperature(0.05, 50, overflowing),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_near_miss_is_refused(name):
    for seed in (None, 0, 1):
        found = check(name.split()[0], WRONG[name], seed=seed)
        assert found.ok is False, found


def as_array(number):
    return lambda *arguments: np.array(REFERENCE[number](*arguments))


RIGHT = {
    "3.3 an array": as_array("3.3"),
    "3.4 an array": as_array("3.4"),
    "9.1 an array": as_array("9.1"),
    "8.1 floats": lambda *a: REFERENCE["8.1"](*a).astype(float),
    "8.1 a list": lambda *a: REFERENCE["8.1"](*a).tolist(),
    "8.2 floats": lambda *a: REFERENCE["8.2"](*a).astype(float),
    "8.2 a list": lambda *a: REFERENCE["8.2"](*a).tolist(),
    "P2.8 one number in an array": lambda *a: np.array([REFERENCE["P2.8"](*a)]),
    "1.1 one number in an array": lambda *a: np.array([REFERENCE["1.1"](*a)]),
    "1.3 a float": lambda *a: float(REFERENCE["1.3"](*a)),
    "2.5 classes of any name": split_of(np.unique, lambda number: True),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_right_in_any_type(name):
    for seed in (None, 0, 1):
        found = check(name.split()[0], RIGHT[name], seed=seed)
        assert found.ok, found


def test_both_common_values_of_z_are_right():
    def recalls(labels, predictions, classes):
        out = REFERENCE["P2.7"](labels, predictions, classes)
        for k in np.unique(labels):
            hits = (predictions[labels == k] == k).astype(int)
            interval = evaluation.wilson_interval(int(hits.sum()), len(hits))
            assert not np.array_equal(out[k, 1:], interval)
            out[k, 1:] = interval
        return out

    found = check("P2.7", recalls)
    assert found.ok, found
