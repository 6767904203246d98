"""The exercises of chapter 1: accuracy, baselines, test images, centroids."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from imgcls_helpers import shapes
from imgcls_helpers.checks import (
    Wrong,
    assert_array,
    call,
    exercise,
    function_exercise,
    hard,
)

Z = 1.96  # a normal variable lies within 1.96 standard deviations in 95% of cases


# --- 1.1 Accuracy -------------------------------------------------------------------


def _accuracy(labels, predictions):
    return np.mean(labels == predictions)


@function_exercise(
    "1.1",
    "Accuracy",
    reference=_accuracy,
    mistakes="""
    error rate: == => !=
        That is the share of wrong answers: the error rate.
        Hint: Accuracy counts the images where label and prediction are equal.
    count: np.mean => np.sum
        That is the number of right answers, not their share.
        Hint: Divide by the number of images.
    percent: result := 100 * result
        That is in percent. The exercise asks for a number from 0 to 1.
    all or nothing: result := float(result == 1)
        That is 1 only if every single answer is right, and 0 otherwise.
        Hint: Count the right answers: `np.sum(labels == predictions)`.
    divided by classes: np.mean => np.sum & result := result / len(np.unique(labels))
        You divide by the number of classes.
        Hint: The denominator is the number of images, `len(labels)`.
    mean of recalls: labels == predictions => recalls
        & recalls => [np.mean(predictions[labels == k] == k) for k in np.unique(labels)]
        You average the shares of the classes, so that a rare class counts as much as a
        frequent one.
        Hint: In accuracy every image counts the same.
    order lost: labels == predictions => np.sort(labels) == np.sort(predictions)
        You compare how often each class occurs, whichever image it was given to.
        Hint: Compare image by image, without sorting.
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.array([0]), np.array([0])
    yield np.array([2, 0]), np.array([1, 0])
    yield np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])
    yield np.array([3, 1, 2]), np.array([1, 2, 3])  # nothing is right
    for n, k in ((7, 3), (200, 10)):
        labels = rng.integers(0, k, n)
        yield labels, np.where(rng.random(n) < 0.6, labels, rng.integers(0, k, n))


# --- 1.2 The majority class ---------------------------------------------------------


def _majority_accuracy(train_labels, test_labels):
    classes, counts = np.unique(train_labels, return_counts=True)
    majority = classes[counts.argmax()]
    return np.mean(test_labels == majority)


@function_exercise(
    "1.2",
    "The majority class",
    reference=_majority_accuracy,
    mistakes="""
    class in place of accuracy: np.mean(test_labels == majority) => majority
        You return the majority class itself.
        Hint: What share of the test images belongs to it?
    majority of the test set: train_labels := test_labels
        You choose the class that is most frequent in the test set: a choice made on the
        test set.
        Hint: A baseline is trained too, and on `train_labels` alone.
    share in training: test_labels := train_labels
        That is the share of the majority class among the training images.
        Hint: Choose the class there, but count it in `test_labels`.
    one over the number of classes: result := 1 / len(np.unique(train_labels))
        That is what guessing at random gives: one over the number of classes.
        Hint: The baseline here always answers the same class.
    rarest class: argmax => argmin
        You take the rarest class of the training images.
        Hint: Look at `argmin` and `argmax`.
    percent: result := 100 * result
        That is in percent. The exercise asks for a number from 0 to 1.
    count: np.mean => np.sum
        That is the number of right answers, not their share.
        Hint: Divide by the number of test images.
    labels taken for positions: classes[counts.argmax()] => counts.argmax()
        You use the position of the majority class in a list of classes as if it were
        the class. That is right only if the classes are 0, 1, 2 and so on.
        Hint: `np.unique` returns the classes beside the counts: look the class up.
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    # In every case the majority of the training labels is clear: a tie has no
    # right answer.
    yield np.array([0, 1, 1]), np.array([1, 0, 0, 1])
    yield np.array([2, 2, 2, 0, 1]), np.array([2, 0, 0, 0])
    yield np.array([4, 4, 9]), np.array([9, 4, 4, 9, 9])  # classes with gaps
    yield np.array([0, 0, 1]), np.array([1, 1, 1])  # the majority never occurs
    # Neither the first label nor the middle one.
    yield np.array([5, 1, 1, 9, 9, 9, 0]), np.array([9, 5, 1, 9, 9])
    yield np.array([0, 3, 3, 3, 4, 4, 7, 8, 9]), np.array([4, 3, 3, 3, 0])
    for k in (3, 10):
        train = np.append(rng.integers(0, k, 40), np.full(30, k - 2))
        yield rng.permutation(train), rng.integers(0, k, 60)


# --- 1.3 How many test images? ------------------------------------------------------


def _images_needed(p, half_width):
    return math.ceil(Z**2 * p * (1 - p) / half_width**2)


@function_exercise(
    "1.3",
    "How many test images",
    reference=_images_needed,
    mistakes="""
    rounded down: math.ceil => math.floor
        You round down. With that many images the interval is still a little too wide.
        Hint: Round up: `math.ceil`.
    rounded to the nearest: math.ceil => round
        You round to the nearest whole number, which is sometimes one too few.
        Hint: Round up: `math.ceil`.
    one too many: math.ceil => 2 + math.floor
        That is one image more than is needed.
        Hint: Round up, and no more: `math.ceil`.
    not a whole number: math.ceil => float
        The formula is right, but there are no fractions of an image.
        Hint: Round up: `math.ceil`.
    1.96 left out: Z**2 * p => p
        You leave out the 1.96: that makes an interval of one standard error, which
        holds the truth in about 68% of cases.
    1.96 not squared: Z**2 => Z
        The 1.96 is not squared.
        Hint: To undo the root, square both sides of the equation: all of them.
    half-width not squared: half_width**2 => half_width
        The half-width is not squared.
        Hint: To undo the root, square both sides of the equation: all of them.
    root kept: Z**2 * p * (1 - p) => Z * math.sqrt(p * (1 - p))
        & half_width**2 => half_width
        That is the root of the number: somewhere both sides were not squared.
        Hint: `half_width = 1.96 * sqrt(p * (1 - p) / n)`: square, then solve for `n`.
    1 - p left out: p * (1 - p) => p
        The factor 1 - p is missing.
        Hint: The spread of a share is p times 1 - p: none at p = 0 and none at p = 1.
    half-width taken for the whole: half_width := half_width / 2
        You halve the half-width: four times as many images as needed.
        Hint: The interval goes from p - half_width to p + half_width.
    always one half: p := 0.5
        You compute with p = 0.5 whatever `p` is. That is the worst case, not the case
        asked for.
    percent: half_width := half_width / 100
        You take the half-width for percent. It is a share, such as 0.02.
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    # Chosen so that 1.96 and the more exact 1.959964 give the same whole number.
    yield 0.5, 0.2
    yield 0.5, 0.1
    # With 1.96 exactly 4 and 16, however the formula is written.
    yield hard("a whole number", 0.5, 0.49)
    yield hard("a whole number", 0.5, 0.245)
    yield 0.8, 0.05
    yield 0.9, 0.05
    yield 0.8, 0.03
    yield 0.66, 0.01
    left = 3
    while left:
        p, half_width = (
            round(rng.uniform(0.6, 0.95), 2),
            round(rng.uniform(0.02, 0.2), 3),
        )
        n = Z**2 * p * (1 - p) / half_width**2
        if 0.1 < n % 1 < 0.9 and math.ceil(n) == math.ceil(n * (1.959964 / Z) ** 2):
            left -= 1
            yield p, half_width


# --- 1.4 Nearest centroid -----------------------------------------------------------


def _rows(images):
    return images.reshape(len(images), -1).astype(np.float64)


def _centroids(rows, labels):
    classes = np.unique(labels)
    return classes, np.stack([rows[labels == k].mean(axis=0) for k in classes])


def _distances(rows, centroids):
    return ((rows[:, None] - centroids) ** 2).sum(axis=2)


def _nearest_centroid(train_images, train_labels, images):
    classes, centroids = _centroids(_rows(train_images), train_labels)
    nearest = _distances(_rows(images), centroids).argmin(axis=1)
    return classes[nearest]


def _clear_cases(
    rng: np.random.Generator, classes: list[int], n: int, size: int, channels: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return images whose nearest centroid is clear, so that rounding cannot matter."""
    shape = (size, size, channels)
    # Far from alike in brightness, and of unequal number.
    patterns = rng.integers(40, 216, (len(classes), *shape))
    counts = rng.integers(1, n, len(classes))
    which = rng.permutation(np.repeat(np.arange(len(classes)), counts))

    def draw(which: np.ndarray) -> np.ndarray:
        noise = rng.normal(0, 60, (len(which), *shape))
        return np.clip(patterns[which] + noise, 0, 255).astype(np.uint8)

    train = draw(which)
    labels = np.array(classes)[which]
    images = draw(rng.integers(0, len(classes), 200))
    # Some images between the classes, where other rules give other answers.
    mixed = images[rng.permutation(200)].astype(np.float64)
    share = rng.random((200, 1, 1, 1))
    images = (share * images + (1 - share) * mixed).astype(np.uint8)
    _, centroids = _centroids(_rows(train), labels)
    distances = np.sort(_distances(_rows(images), centroids), axis=1)
    clear = distances[:, 1] > 1.02 * distances[:, 0]
    return train, labels, images[clear][:40]


@function_exercise(
    "1.4",
    "Nearest centroid",
    reference=_nearest_centroid,
    mistakes="""
    ten classes: np.unique(labels) => np.arange(10)
        Your code expects the classes 0 to 9. A class without images has no mean (nan),
        and `argmin` then picks it.
        Hint: Go through `np.unique(train_labels)`.
    wrapped round in uint8: rows[:, None] - centroids => np.float64(wrapped)
        & wrapped => np.uint8(rows)[:, None] - np.uint8(centroids)
        You subtract in uint8, where a negative number wraps round: 3 - 5 gives 254.
        Hint: Convert the images with `.astype(float)` before you subtract.
    squared in uint8: rows[:, None] => np.uint8(rows)[:, None]
        & - centroids => - np.uint8(centroids)
        You subtract and square in uint8, where results wrap round at 256.
        Hint: Convert the images with `.astype(float)` before you subtract.
    position in place of class: classes[nearest] => nearest
        You return the position of the nearest centroid, not its class. The two are the
        same only if the classes are 0, 1, 2 and so on.
        Hint: Look the class up: `classes[position]`, with `classes` from `np.unique`.
    classes taken to be 0, 1, 2: np.unique(labels) => np.arange(len(np.unique(labels)))
        & - centroids => - np.nan_to_num(centroids, nan=np.inf)
        You look for the classes 0, 1, 2 and so on, but the labels here are others.
        Hint: Take the classes from the labels: `np.unique(train_labels)`.
    farthest centroid: argmin => argmax
        You choose the farthest centroid.
        Hint: Look at `argmax` and `argmin`.
    sums in place of means: .mean(axis=0) => .sum(axis=0)
        Your centroids are sums of images, not means.
        Hint: Divide by the number of images of the class.
    brightness only: .astype(np.float64) => .mean(axis=1, keepdims=True)
        You compare mean brightness only: all pixels of an image are averaged into one
        number.
        Hint: A centroid has as many numbers as an image: average over `axis=0`.
    differences not squared: ) ** 2 => )
        You add up differences with their sign, so that they cancel each other.
        Hint: Square each difference before you add them up.
    absolute differences: ((rows => (abs(rows & ) ** 2 => )
        You add up absolute differences. That is a distance too, but another one.
        Hint: The exercise asks for squared differences.
    nearest image: np.unique(labels) => labels
        & np.stack([rows[labels == k].mean(axis=0) for k in classes]) => rows
        You look for the nearest training image. That is the nearest neighbour.
        Hint: Average the images of each class first.
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    tiny = np.array([[[[10]]], [[[20]]], [[[200]]]], np.uint8)
    yield tiny, np.array([0, 0, 1]), np.array([[[[12]]], [[[190]]]], np.uint8)
    # Seen from black, (30, 30) is nearer than (0, 50), but not by absolute differences.
    pair = np.array([[[[30], [30]]], [[[0], [50]]]], np.uint8)
    yield pair, np.array([0, 1]), np.zeros((1, 1, 2, 1), np.uint8)
    # Between a centroid of 20 and one of 10.5.
    half = np.array([20, 10, 11], np.uint8).reshape(3, 1, 1, 1)
    middle = np.full((1, 1, 1, 1), 15, np.uint8)
    yield hard("a centroid between two bytes", half, np.array([0, 1, 1]), middle)
    yield _clear_cases(rng, [0, 1], 4, 2, 1)
    yield _clear_cases(rng, [3, 5, 9], 8, 4, 3)
    yield _clear_cases(rng, [0, 1, 2, 3], 12, 6, 3)


# --- 1.5 Beat the nearest centroid --------------------------------------------------

_TRAIN, _TEST = 1000, 500
_LEAD = 0.10  # of accuracy: four standard errors of 500 images, so not by luck


def _nearest_neighbour(train_images, train_labels, images):
    rows, others = _rows(train_images), _rows(images)
    # |a - b|^2 = |a|^2 - 2 a.b + |b|^2; the first term is the same in a row.
    distances = (rows**2).sum(axis=1) - 2 * others @ rows.T
    return train_labels[distances.argmin(axis=1)]


@exercise(
    "1.5",
    "Beat the nearest centroid",
    seconds=60,
    reference=_nearest_neighbour,
    mistakes="""
    scores in place of classes: train_labels[distances.argmin(axis=1)] => scores
        & scores => -_distances(others, centroids)
        & centroids => _centroids(rows, train_labels)[1]
    not numbers: result := [str(k) for k in result]
    not one answer an image: images := images[::2]
    unknown classes: result := result + 10
    always the same class: result := 0 * result + np.bincount(train_labels).argmax()
    no better than guessing: result := np.random.default_rng(0)
        & result := result.choice(train_labels, len(images))
    no better than the nearest centroid: distances = => centre; distances =
        & centre => train_labels, rows = _centroids(rows, train_labels)
    """,
)
def _(answer: Any, rng: np.random.Generator) -> None:
    images, labels, _ = shapes.make_shapes(
        _TRAIN + _TEST, seed=int(rng.integers(2**31)), difficulty=0.2
    )
    # Other numbers for the classes than the reader's data has.
    labels = rng.permutation(10)[labels]
    train, known = images[:_TRAIN], labels[:_TRAIN]
    images, labels = images[_TRAIN:], labels[_TRAIN:]
    predictions = _class_numbers(call(answer, train, known, images), known, len(images))
    got = np.mean(predictions == labels)
    bar = np.mean(_nearest_centroid(train, known, images) == labels)
    found = f"On {_TEST} new images {got:.1%} of your answers are right"
    if len(np.unique(predictions)) == 1:
        raise Wrong(
            "You answer the same class for every image: the majority baseline.",
            "Do the predictions depend on `images`?",
            mistake="always the same class",
        )
    if got < 0.14:  # guessing gives 10%, with a standard error of 1.3 points
        raise Wrong(
            f"{found}: no better than guessing among 10 classes.",
            "Are both parts prepared in the same way? Do rows of images and labels "
            "still belong together?",
            mistake="no better than guessing",
        )
    if got < bar + _LEAD:
        raise Wrong(
            f"{found}. The nearest centroid has {bar:.1%}; a lead of "
            f"{100 * _LEAD:.0f} points would be more than luck.",
            "Compare with single training images in place of means, or compare "
            "something else than pixels, such as edges.",
            mistake="no better than the nearest centroid",
        )


def _class_numbers(result: Any, known: np.ndarray, n: int) -> np.ndarray:
    """Return what came back as n class numbers; Wrong if it is none."""
    if isinstance(result, (list, tuple)) and result and isinstance(result[0], str):
        raise Wrong(
            "Your function returns text; expected are class numbers.",
            mistake="not numbers",
        )
    array = assert_array(result, name="result")
    if array.shape == (n, len(np.unique(known))):
        raise Wrong(
            f"Your function returns {array.shape[1]} numbers for each image: a score "
            "for each class, as it seems.",
            "Choose the class with the best score: "
            "`np.unique(train_labels)[scores.argmax(axis=1)]`.",
            mistake="scores in place of classes",
        )
    if array.shape != (n,):
        raise Wrong(
            f"Your function returns shape {array.shape} for {n} images; expected is "
            f"({n},), one class for each image.",
            mistake="not one answer an image",
        )
    strange = np.setdiff1d(array, known)
    if len(strange):
        raise Wrong(
            f"Your function returns {strange[0]:g}, which is none of the training "
            "labels.",
            "Return labels as they stand in `train_labels`.",
            mistake="unknown classes",
        )
    return array
