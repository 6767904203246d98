"""The checks of chapter 1: right answers in two styles, and every named mistake."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from imgcls_helpers.checks import check, exercises

NUMBERS = ["1.1", "1.2", "1.3", "1.4", "1.5"]


# --- Right answers, in two styles each ----------------------------------------------


def accuracy_array(labels, predictions):
    return (labels == predictions).mean()


def accuracy_loop(labels, predictions):
    right = 0
    for label, prediction in zip(labels, predictions, strict=True):
        if label == prediction:
            right += 1
    return right / len(labels)


def majority_array(train_labels, test_labels):
    classes, counts = np.unique(train_labels, return_counts=True)
    return (test_labels == classes[counts.argmax()]).sum() / test_labels.size


def majority_counter(train_labels, test_labels):
    favourite, _ = Counter(train_labels.tolist()).most_common(1)[0]
    return test_labels.tolist().count(favourite) / len(test_labels)


def needed_formula(p, half_width):
    return math.ceil(p * (1 - p) * (1.959963984540054 / half_width) ** 2)


def needed_search(p, half_width):
    n = 1
    while 1.96 * np.sqrt(p * (1 - p) / n) > half_width:
        n += 1
    return n


def centroid_loops(train_images, train_labels, images):
    answers = []
    classes = sorted(set(train_labels.tolist()))
    for image in images.astype(float):
        best, smallest = None, math.inf
        for k in classes:
            centroid = train_images[train_labels == k].mean(axis=0)
            distance = np.sqrt(((image - centroid) ** 2).sum())
            if distance < smallest:
                best, smallest = k, distance
        answers.append(best)
    return answers


def centroid_library(train_images, train_labels, images):
    from sklearn.neighbors import NearestCentroid

    model = NearestCentroid()
    model.fit(train_images.reshape(len(train_images), -1) / 255, train_labels)
    return model.predict(images.reshape(len(images), -1) / 255)


def nearest_neighbour(train_images, train_labels, images):
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(1)
    model.fit(train_images.reshape(len(train_images), -1), train_labels)
    return model.predict(images.reshape(len(images), -1))


def centroid_of_edges(train_images, train_labels, images):
    def edges(stack):
        down, right = np.gradient(stack.mean(axis=3), axis=(1, 2))
        blocks = np.hypot(down, right).reshape(len(stack), 8, 4, 8, 4)
        return blocks.mean(axis=(2, 4)).reshape(len(stack), -1)

    x, known = edges(images), edges(train_images)
    classes = np.unique(train_labels)
    means = [known[train_labels == k].mean(axis=0) for k in classes]
    return classes[np.argmin([((x - m) ** 2).sum(axis=1) for m in means], axis=0)]


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("1.1", accuracy_array),
        ("1.1", accuracy_loop),
        ("1.2", majority_array),
        ("1.2", majority_counter),
        ("1.3", needed_formula),
        ("1.3", needed_search),
        ("1.4", centroid_loops),
        ("1.4", centroid_library),
        ("1.5", nearest_neighbour),
        ("1.5", centroid_of_edges),
    ],
)
@pytest.mark.parametrize("seed", [None, 7])
def test_a_right_answer_is_right(number, answer, seed):
    verdict = check(number, answer, seed=seed)
    assert verdict.ok, repr(verdict)


# --- Wrong answers ------------------------------------------------------------------


def named_mistakes():
    for number in NUMBERS:
        for mistake in exercises()[number].mistakes:
            yield pytest.param(number, mistake, id=f"{number} {mistake.name}")


@pytest.mark.parametrize(("number", "mistake"), list(named_mistakes()))
def test_a_named_mistake_gets_its_own_diagnosis(number, mistake):
    verdict = check(number, mistake.wrong)
    assert verdict.ok is False
    assert verdict.mistake == mistake.name
    assert verdict.message.endswith((".", "`"))


@pytest.mark.parametrize("number", NUMBERS)
def test_each_exercise_names_four_mistakes_or_more(number):
    assert len(exercises()[number].mistakes) >= 4


# The same mistakes as a reader would write them, without this book's own code.


def centroid_in_uint8(train_images, train_labels, images):
    classes = np.unique(train_labels)
    distances = []
    for k in classes:
        centroid = train_images[train_labels == k].mean(axis=0).astype("uint8")
        distances.append(((images - centroid) ** 2).sum(axis=(1, 2, 3)))
    return classes[np.argmin(distances, axis=0)]


def centroid_as_index(train_images, train_labels, images):
    means = [train_images[train_labels == k].mean(0) for k in np.unique(train_labels)]
    return [int(np.argmin([((x - m) ** 2).sum() for m in means])) for x in images]


def centroid_with_one_mean_for_all(train_images, train_labels, images):
    return np.full(len(images), train_labels[0])


def neighbour_of_unscaled_images(train_images, train_labels, images):
    # The training images are scaled, the others are not: all look alike to it.
    return nearest_neighbour(train_images / 255, train_labels, images)


def error_rate(labels, predictions):
    return (labels != predictions).mean()


def needed_rounded_down(p, half_width):
    return 1.96**2 * p * (1 - p) // half_width**2


def needed_for_the_whole_width(p, half_width):
    return math.ceil((2 * 1.96 / half_width) ** 2 * p * (1 - p))


@pytest.mark.parametrize(
    ("number", "answer", "mistake"),
    [
        ("1.1", lambda labels, predictions: sum(labels == predictions), "count"),
        ("1.1", lambda labels, predictions: labels == predictions, "wrong shape"),
        ("1.1", error_rate, "error rate"),
        ("1.3", needed_rounded_down, "rounded down"),
        ("1.3", needed_for_the_whole_width, "half-width taken for the whole"),
        ("1.4", centroid_in_uint8, "squared in uint8"),
        ("1.4", centroid_as_index, "position in place of class"),
        ("1.4", centroid_with_one_mean_for_all, "wrong value"),
        ("1.5", neighbour_of_unscaled_images, "no better than guessing"),
    ],
)
def test_a_reader_s_wrong_answer_is_diagnosed(number, answer, mistake):
    verdict = check(number, answer)
    assert verdict.ok is False
    assert verdict.mistake == mistake, repr(verdict)


def test_the_majority_of_the_test_set_is_named_as_such():
    def peeking(train_labels, test_labels):
        return np.bincount(test_labels).max() / len(test_labels)

    verdict = check("1.2", peeking)
    assert verdict.mistake == "majority of the test set"
    assert "train_labels" in verdict.hint


def test_the_open_exercise_says_how_good_the_answer_is():
    verdict = check("1.5", centroid_library)
    assert verdict.mistake == "no better than the nearest centroid"
    assert "%" in verdict.message


@pytest.mark.parametrize("number", NUMBERS)
def test_the_stub_is_not_yet(number):
    names = {"1.1": 2, "1.2": 2, "1.3": 2, "1.4": 3, "1.5": 3}[number]
    if names == 2:

        def stub(a, b): ...

    else:

        def stub(a, b, c): ...

    assert check(number, stub).status == "not yet"
    assert check(number, ...).status == "not yet"


def test_the_cases_of_exercise_1_2_have_a_clear_majority():
    # With a tie no answer would be right for all readers.
    seen = []

    def spy(train_labels, test_labels):
        seen.append(train_labels)
        return majority_array(train_labels, test_labels)

    for seed in range(20):
        assert check("1.2", spy, seed=seed).ok
    for labels in seen:
        counts = sorted(Counter(labels.tolist()).values())
        assert len(counts) == 1 or counts[-1] > counts[-2]
