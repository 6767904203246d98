"""The exercises of chapter 1: accuracy, baselines, test images, centroids."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from imgcls_helpers import shapes
from imgcls_helpers.checks import (
    Mistake,
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


def _mean_recall(labels, predictions):
    found = [predictions[labels == k] == k for k in np.unique(labels)]
    return np.mean([hits.mean() for hits in found])


def _same_counts(labels, predictions):
    """Compare how often each class occurs, not image by image."""
    return np.mean(np.sort(labels) == np.sort(predictions))


@function_exercise(
    "1.1",
    "Accuracy",
    reference=_accuracy,
    mistakes=[
        Mistake(
            "error rate",
            lambda labels, predictions: np.mean(labels != predictions),
            "That is the share of wrong answers: the error rate.",
            "Accuracy counts the images where label and prediction are equal.",
        ),
        Mistake(
            "count",
            lambda labels, predictions: np.sum(labels == predictions),
            "That is the number of right answers, not their share.",
            "Divide by the number of images.",
        ),
        Mistake(
            "percent",
            lambda labels, predictions: 100 * np.mean(labels == predictions),
            "That is in percent. The exercise asks for a number from 0 to 1.",
        ),
        Mistake(
            "all or nothing",
            lambda labels, predictions: float(np.all(labels == predictions)),
            "That is 1 only if every single answer is right, and 0 otherwise.",
            "Count the right answers: `np.sum(labels == predictions)`.",
        ),
        Mistake(
            "divided by classes",
            lambda labels, predictions: (
                np.sum(labels == predictions) / len(np.unique(labels))
            ),
            "You divide by the number of classes.",
            "The denominator is the number of images, `len(labels)`.",
        ),
        Mistake(
            "mean of recalls",
            _mean_recall,
            "You average the shares of the classes, so that a rare class counts as "
            "much as a frequent one.",
            "In accuracy every image counts the same.",
        ),
        Mistake(
            "order lost",
            _same_counts,
            "You compare how often each class occurs, whichever image it was given to.",
            "Compare image by image, without sorting.",
        ),
    ],
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


def _most_frequent(labels):
    values, counts = np.unique(labels, return_counts=True)
    return values[counts.argmax()]


def _majority_accuracy(train_labels, test_labels):
    return np.mean(test_labels == _most_frequent(train_labels))


def _least_frequent_accuracy(train_labels, test_labels):
    values, counts = np.unique(train_labels, return_counts=True)
    return np.mean(test_labels == values[counts.argmin()])


@function_exercise(
    "1.2",
    "The majority class",
    reference=_majority_accuracy,
    mistakes=[
        Mistake(
            "class in place of accuracy",
            lambda train_labels, test_labels: _most_frequent(train_labels),
            "You return the majority class itself.",
            "What share of the test images belongs to it?",
        ),
        Mistake(
            "majority of the test set",
            lambda train_labels, test_labels: np.mean(
                test_labels == _most_frequent(test_labels)
            ),
            "You choose the class that is most frequent in the test set: a choice made "
            "on the test set.",
            "A baseline is trained too, and on `train_labels` alone.",
        ),
        Mistake(
            "share in training",
            lambda train_labels, test_labels: np.mean(
                train_labels == _most_frequent(train_labels)
            ),
            "That is the share of the majority class among the training images.",
            "Choose the class there, but count it in `test_labels`.",
        ),
        Mistake(
            "one over the number of classes",
            lambda train_labels, test_labels: 1 / len(np.unique(train_labels)),
            "That is what guessing at random gives: one over the number of classes.",
            "The baseline here always answers the same class.",
        ),
        Mistake(
            "rarest class",
            _least_frequent_accuracy,
            "You take the rarest class of the training images.",
            "Look at `argmin` and `argmax`.",
        ),
        Mistake(
            "percent",
            lambda train_labels, test_labels: (
                100 * np.mean(test_labels == _most_frequent(train_labels))
            ),
            "That is in percent. The exercise asks for a number from 0 to 1.",
        ),
        Mistake(
            "count",
            lambda train_labels, test_labels: np.sum(
                test_labels == _most_frequent(train_labels)
            ),
            "That is the number of right answers, not their share.",
            "Divide by the number of test images.",
        ),
        Mistake(
            "labels taken for positions",
            lambda train_labels, test_labels: np.mean(
                test_labels == np.unique(train_labels, return_counts=True)[1].argmax()
            ),
            "You use the position of the majority class in a list of classes as if it "
            "were the class. That is right only if the classes are 0, 1, 2 and so on.",
            "`np.unique` returns the classes beside the counts: look the class up.",
        ),
    ],
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


def _ceil(formula: Callable[[float, float], float]) -> Callable[[float, float], int]:
    return lambda p, half_width: math.ceil(formula(p, half_width))


@function_exercise(
    "1.3",
    "How many test images",
    reference=_images_needed,
    mistakes=[
        Mistake(
            "rounded down",
            lambda p, half_width: math.floor(Z**2 * p * (1 - p) / half_width**2),
            "You round down. With that many images the interval is still a little too "
            "wide.",
            "Round up: `math.ceil`.",
        ),
        Mistake(
            "rounded to the nearest",
            lambda p, half_width: round(Z**2 * p * (1 - p) / half_width**2),
            "You round to the nearest whole number, which is sometimes one too few.",
            "Round up: `math.ceil`.",
        ),
        Mistake(
            "one too many",
            lambda p, half_width: math.floor(Z**2 * p * (1 - p) / half_width**2) + 2,
            "That is one image more than is needed.",
            "Round up, and no more: `math.ceil`.",
        ),
        Mistake(
            "not a whole number",
            lambda p, half_width: Z**2 * p * (1 - p) / half_width**2,
            "The formula is right, but there are no fractions of an image.",
            "Round up: `math.ceil`.",
        ),
        Mistake(
            "1.96 left out",
            _ceil(lambda p, h: p * (1 - p) / h**2),
            "You leave out the 1.96: that makes an interval of one standard error, "
            "which holds the truth in about 68% of cases.",
        ),
        Mistake(
            "1.96 not squared",
            _ceil(lambda p, h: Z * p * (1 - p) / h**2),
            "The 1.96 is not squared.",
            "To undo the root, square both sides of the equation: all of them.",
        ),
        Mistake(
            "half-width not squared",
            _ceil(lambda p, h: Z**2 * p * (1 - p) / h),
            "The half-width is not squared.",
            "To undo the root, square both sides of the equation: all of them.",
        ),
        Mistake(
            "root kept",
            _ceil(lambda p, h: Z * math.sqrt(p * (1 - p)) / h),
            "That is the root of the number: somewhere both sides were not squared.",
            "`half_width = 1.96 * sqrt(p * (1 - p) / n)`: square, then solve for `n`.",
        ),
        Mistake(
            "1 - p left out",
            _ceil(lambda p, h: Z**2 * p / h**2),
            "The factor 1 - p is missing.",
            "The spread of a share is p times 1 - p: none at p = 0 and none at p = 1.",
        ),
        Mistake(
            "half-width taken for the whole",
            _ceil(lambda p, h: Z**2 * p * (1 - p) / (h / 2) ** 2),
            "You halve the half-width: four times as many images as needed.",
            "The interval goes from p - half_width to p + half_width.",
        ),
        Mistake(
            "always one half",
            _ceil(lambda p, h: Z**2 / 4 / h**2),
            "You compute with p = 0.5 whatever `p` is. That is the worst case, not the "
            "case asked for.",
        ),
        Mistake(
            "percent",
            _ceil(lambda p, h: Z**2 * p * (1 - p) / (h / 100) ** 2),
            "You take the half-width for percent. It is a share, such as 0.02.",
        ),
    ],
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


def _centroids(images, labels, average=np.mean):
    classes = np.unique(labels)
    return classes, np.stack([average(images[labels == k], axis=0) for k in classes])


def _distances(images, centroids):
    return ((images[:, None] - centroids[None]) ** 2).sum(axis=2)


def _nearest_centroid(train_images, train_labels, images):
    classes, centroids = _centroids(_rows(train_images), train_labels)
    return classes[_distances(_rows(images), centroids).argmin(axis=1)]


def _index(train_images, train_labels, images):
    _, centroids = _centroids(_rows(train_images), train_labels)
    return _distances(_rows(images), centroids).argmin(axis=1)


def _farthest(train_images, train_labels, images):
    classes, centroids = _centroids(_rows(train_images), train_labels)
    return classes[_distances(_rows(images), centroids).argmax(axis=1)]


def _wrapped(train_images, train_labels, images):
    """Subtract in uint8, where 3 - 5 is 254."""
    classes, centroids = _centroids(_rows(train_images), train_labels)
    flat = images.reshape(len(images), -1)
    difference = flat[:, None] - centroids.astype(np.uint8)[None]
    return classes[(difference.astype(np.float64) ** 2).sum(axis=2).argmin(axis=1)]


def _wrapped_square(train_images, train_labels, images):
    """Subtract and square in uint8."""
    classes, centroids = _centroids(_rows(train_images), train_labels)
    flat = images.reshape(len(images), -1)
    difference = flat[:, None] - centroids.astype(np.uint8)[None]
    return classes[(difference**2).sum(axis=2).argmin(axis=1)]


def _sums(train_images, train_labels, images):
    classes, centroids = _centroids(_rows(train_images), train_labels, np.sum)
    return classes[_distances(_rows(images), centroids).argmin(axis=1)]


def _brightness(train_images, train_labels, images):
    means = _rows(train_images).mean(axis=1, keepdims=True)
    classes, centroids = _centroids(means, train_labels)
    others = _rows(images).mean(axis=1, keepdims=True)
    return classes[_distances(others, centroids).argmin(axis=1)]


def _signed(train_images, train_labels, images):
    classes, centroids = _centroids(_rows(train_images), train_labels)
    difference = _rows(images)[:, None] - centroids[None]
    return classes[difference.sum(axis=2).argmin(axis=1)]


def _absolute(train_images, train_labels, images):
    classes, centroids = _centroids(_rows(train_images), train_labels)
    difference = np.abs(_rows(images)[:, None] - centroids[None])
    return classes[difference.sum(axis=2).argmin(axis=1)]


def _nearest_image(train_images, train_labels, images):
    distances = _distances(_rows(images), _rows(train_images))
    return train_labels[distances.argmin(axis=1)]


def _only_labels_0_to_k(train_images, train_labels, images):
    """Look for the classes 0, 1, ..., as if every label set were like that."""
    rows = _rows(train_images)
    classes = range(len(np.unique(train_labels)))
    with np.errstate(all="ignore"):
        centroids = np.stack([rows[train_labels == k].mean(axis=0) for k in classes])
    return np.nan_to_num(_distances(_rows(images), centroids), nan=np.inf).argmin(1)


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


def _ten_classes(train_images, train_labels, images):
    x, y = _rows(train_images), np.asarray(train_labels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the mean of no images
        centroids = np.stack([x[y == k].mean(axis=0) for k in range(10)])
    return _distances(_rows(images), centroids).argmin(axis=1)


@function_exercise(
    "1.4",
    "Nearest centroid",
    reference=_nearest_centroid,
    mistakes=[
        Mistake(
            "ten classes",
            _ten_classes,
            "Your code expects the classes 0 to 9. A class without images has no mean "
            "(nan), and `argmin` then picks it.",
            "Go through `np.unique(train_labels)`.",
        ),
        Mistake(
            "wrapped round in uint8",
            _wrapped,
            "You subtract in uint8, where a negative number wraps round: 3 - 5 gives "
            "254.",
            "Convert the images with `.astype(float)` before you subtract.",
        ),
        Mistake(
            "squared in uint8",
            _wrapped_square,
            "You subtract and square in uint8, where results wrap round at 256.",
            "Convert the images with `.astype(float)` before you subtract.",
        ),
        Mistake(
            "position in place of class",
            _index,
            "You return the position of the nearest centroid, not its class. The two "
            "are the same only if the classes are 0, 1, 2 and so on.",
            "Look the class up: `classes[position]`, with `classes` from `np.unique`.",
        ),
        Mistake(
            "classes taken to be 0, 1, 2",
            _only_labels_0_to_k,
            "You look for the classes 0, 1, 2 and so on, but the labels here are "
            "others.",
            "Take the classes from the labels: `np.unique(train_labels)`.",
        ),
        Mistake(
            "farthest centroid",
            _farthest,
            "You choose the farthest centroid.",
            "Look at `argmax` and `argmin`.",
        ),
        Mistake(
            "sums in place of means",
            _sums,
            "Your centroids are sums of images, not means.",
            "Divide by the number of images of the class.",
        ),
        Mistake(
            "brightness only",
            _brightness,
            "You compare mean brightness only: all pixels of an image are averaged "
            "into one number.",
            "A centroid has as many numbers as an image: average over `axis=0`.",
        ),
        Mistake(
            "differences not squared",
            _signed,
            "You add up differences with their sign, so that they cancel each other.",
            "Square each difference before you add them up.",
        ),
        Mistake(
            "absolute differences",
            _absolute,
            "You add up absolute differences. That is a distance too, but another one.",
            "The exercise asks for squared differences.",
        ),
        Mistake(
            "nearest image",
            _nearest_image,
            "You look for the nearest training image. That is the nearest neighbour.",
            "Average the images of each class first.",
        ),
    ],
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


def _majority(train_images, train_labels, images):
    return np.full(len(images), _most_frequent(train_labels))


def _guess(train_images, train_labels, images):
    return np.random.default_rng(0).choice(train_labels, len(images))


def _scores(train_images, train_labels, images):
    """Return a score for each class, as `predict` of a network does."""
    _, centroids = _centroids(_rows(train_images), train_labels)
    return -_distances(_rows(images), centroids)


def _letters(train_images, train_labels, images):
    return [str(k) for k in _nearest_neighbour(train_images, train_labels, images)]


def _half(train_images, train_labels, images):
    return _nearest_neighbour(train_images, train_labels, images[::2])


def _labels_plus_one(train_images, train_labels, images):
    return _nearest_neighbour(train_images, train_labels, images) + 10


@exercise(
    "1.5",
    "Beat the nearest centroid",
    seconds=60,
    reference=_nearest_neighbour,
    mistakes=[
        Mistake("scores in place of classes", _scores, ""),
        Mistake("not numbers", _letters, ""),
        Mistake("not one answer an image", _half, ""),
        Mistake("unknown classes", _labels_plus_one, ""),
        Mistake("always the same class", _majority, ""),
        Mistake("no better than guessing", _guess, ""),
        Mistake("no better than the nearest centroid", _nearest_centroid, ""),
    ],
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
