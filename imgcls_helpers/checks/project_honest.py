"""The data and the checks of project 2, An honest classifier."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from imgcls_helpers import data, scratch
from imgcls_helpers.checks import (
    Mistake,
    Wrong,
    assert_array,
    call,
    exercise,
    function_exercise,
    hard,
    require,
)

CLASSES = 10
TOLERANCE = 4  # grey levels: so far a planted copy may differ in a pixel
_TEST, _COPIES, _RARE, _KEPT, _NOISE = 500, 200, 3, 0.25, 0.2


@dataclass(frozen=True)
class Spoiled:
    """Digits with faults in the training part.

    Attributes
    ----------
    images, test_images : numpy.ndarray
        uint8, shapes (N, 8, 8) and (M, 8, 8).
    labels, test_labels : numpy.ndarray
        Class numbers, shapes (N,) and (M,). The test labels are right.
    copies : numpy.ndarray
        bool, shape (N,): the training images that were copied from the test images.
    wrong : numpy.ndarray
        bool, shape (N,): the training images with a wrong label.
    rare : numpy.ndarray
        The classes that were cut down.
    """

    images: np.ndarray
    labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    copies: np.ndarray
    wrong: np.ndarray
    rare: np.ndarray


def spoiled_digits(seed: int) -> Spoiled:
    """Return scikit-learn's digits with copies, wrong labels and rare classes.

    Three classes lose three quarters of their training images. One label in five is
    replaced by another class. Copies of 200 test images, each pixel up to four grey
    levels brighter or darker, are mixed into the training images.

    Parameters
    ----------
    seed : int
        The same seed gives the same images, labels and faults.

    Returns
    -------
    Spoiled

    Examples
    --------
    >>> spoiled = spoiled_digits(0)
    >>> spoiled.test_images.shape, int(spoiled.copies.sum())
    ((500, 8, 8), 200)
    """
    rng = np.random.default_rng(seed)
    digits = data.load_dataset("digits", validation=0)
    images = np.concatenate([digits.train.images, digits.test.images])[..., 0]
    labels = np.concatenate([digits.train.labels, digits.test.labels])
    order = rng.permutation(len(images))
    test, train = order[:_TEST], order[_TEST:]
    rare = np.sort(rng.choice(CLASSES, _RARE, replace=False))
    cut = np.isin(labels[train], rare) & (rng.random(len(train)) >= _KEPT)
    train = train[~cut]
    given = labels[train].copy()
    wrong = rng.random(len(train)) < _NOISE
    given[wrong] += rng.integers(1, CLASSES, wrong.sum())
    source = test[rng.choice(_TEST, _COPIES, replace=False)]
    shift = rng.integers(-TOLERANCE, TOLERANCE + 1, (_COPIES, 8, 8))
    copied = np.clip(images[source] + shift, 0, 255).astype(np.uint8)
    mix = rng.permutation(len(train) + _COPIES)
    return Spoiled(
        np.concatenate([images[train], copied])[mix],
        np.concatenate([given % CLASSES, labels[source]])[mix],
        images[test],
        labels[test],
        (np.arange(len(mix)) >= len(train))[mix],
        np.concatenate([wrong, np.zeros(_COPIES, bool)])[mix],
        rare,
    )


# P2.1 -----------------------------------------------------------------------


def _differences(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    a = images.reshape(len(images), 1, -1).astype(int)
    return a - others.reshape(1, len(others), -1).astype(int)


def _near(images: np.ndarray, others: np.ndarray, tolerance: int) -> np.ndarray:
    close = np.abs(_differences(images, others)) <= tolerance
    return np.asarray(close.all(axis=2))


def _find_copies(images, test_images, tolerance) -> np.ndarray:
    return np.flatnonzero(_near(images, test_images, tolerance).any(axis=1))


def _wrapped(images, test_images, tolerance) -> np.ndarray:
    a, b = np.asarray(images, np.uint8), np.asarray(test_images, np.uint8)
    close = (np.abs(a[:, None] - b[None]) <= tolerance).all(axis=(2, 3))
    return np.flatnonzero(close.any(axis=1))


def _close_where(measure: Callable) -> Callable:
    def find(images, test_images, tolerance) -> np.ndarray:
        differences = _differences(images, test_images)
        return np.flatnonzero(measure(differences, tolerance).any(axis=1))

    return find


@function_exercise(
    "P2.1",
    "Copies of test images",
    reference=_find_copies,
    mistakes=[
        Mistake(
            "bytes wrap around",
            _wrapped,
            "You subtract bytes: 3 - 5 is 254 there, so copies that are darker "
            "somewhere are missed.",
            "Turn the images into a signed type first: `images.astype(int)`.",
        ),
        Mistake(
            "equal images only",
            lambda images, test_images, tolerance: _find_copies(images, test_images, 0),
            "You find the images that are equal in every pixel. A copy may differ by "
            "`tolerance`.",
        ),
        Mistake(
            "less than the tolerance",
            lambda images, test_images, tolerance: _find_copies(
                images, test_images, tolerance - 1
            ),
            "A pixel may differ by `tolerance` itself; you ask for less.",
            "Use `<=`.",
        ),
        Mistake(
            "no absolute value",
            _close_where(lambda d, tolerance: (d <= tolerance).all(axis=2)),
            "An image that is much darker counts as a copy: the sign is kept.",
            "Compare the absolute difference with the tolerance.",
        ),
        Mistake(
            "mean difference",
            _close_where(lambda d, tolerance: abs(d).mean(axis=2) <= tolerance),
            "You compare the mean difference. In a copy no pixel differs by more than "
            "the tolerance.",
            "Ask for all pixels: `.all(...)`.",
        ),
        Mistake(
            "any pixel",
            _close_where(lambda d, tolerance: (abs(d) <= tolerance).any(axis=2)),
            "One pixel that is alike is enough for you. All of them have to be.",
        ),
        Mistake(
            "positions of the test images",
            lambda images, test_images, tolerance: _find_copies(
                test_images, images, tolerance
            ),
            "These are the positions of the test images that have a copy.",
            "The training images are those to throw away: return their positions.",
        ),
        Mistake(
            "same position only",
            lambda images, test_images, tolerance: np.array(
                [
                    i
                    for i in range(min(len(images), len(test_images)))
                    if _near(images[i : i + 1], test_images[i : i + 1], tolerance).all()
                ],
                int,
            ),
            "You compare image 0 with test image 0, 1 with 1, and so on.",
            "Compare each training image with every test image.",
        ),
        Mistake(
            "a mask",
            lambda images, test_images, tolerance: _near(
                images, test_images, tolerance
            ).any(axis=1),
            "You return True and False for each image.",
            "`np.flatnonzero` turns them into positions.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    test = np.array([[[10, 20]], [[90, 95]]], np.uint8)
    yield np.array([[[90, 97]], [[10, 24]], [[7, 20]]], np.uint8), test, 3
    # One image is a copy of two, and one lies across the end of the bytes.
    twice = np.array([[[10, 20]], [[11, 21]], [[254, 1]]], np.uint8)
    ends = np.array([[[1, 254]], [[10, 21]], [[255, 0]]], np.uint8)
    yield hard("a copy of two images", ends, twice, 3)
    for n, m, side, tolerance in [(12, 9, 4, 2), (20, 15, 5, 6)]:
        test = rng.integers(20, 236, (m, side, side), dtype=np.uint8)
        images = rng.integers(20, 236, (n, side, side), dtype=np.uint8)
        where = rng.permutation(n)[:6]
        copied = test[rng.permutation(m)[:6]].astype(int)
        shift = rng.integers(-tolerance, tolerance + 1, copied.shape)
        shift[:2, 0, 0] = tolerance, -tolerance
        shift[2] = 0  # an exact copy
        shift[3] = 0
        shift[3, 0, 1] = 2 * tolerance  # alike on average, but no copy
        shift[4] = -9 * tolerance // 4  # darker everywhere: no copy
        shift[5] = -1
        images[where] = copied + shift
        yield images, test, tolerance


# P2.2 -----------------------------------------------------------------------


def _class_weights(labels, classes) -> np.ndarray:
    counts = np.bincount(labels, minlength=classes)
    return np.where(counts > 0, len(labels) / (classes * np.maximum(counts, 1)), 0)


def _weights_by(rule: Callable) -> Callable:
    def weights(labels, classes) -> np.ndarray:
        counts = np.bincount(labels, minlength=classes)
        with np.errstate(divide="ignore", invalid="ignore"):
            return rule(counts, len(labels), classes)

    return weights


@function_exercise(
    "P2.2",
    "Weights against imbalance",
    reference=_class_weights,
    mistakes=[
        Mistake(
            "counts",
            _weights_by(lambda counts, n, classes: counts),
            "These are the numbers of images: the largest class weighs most.",
            "Divide by the count.",
        ),
        Mistake(
            "shares",
            _weights_by(lambda counts, n, classes: counts / n),
            "These are the shares of the classes: the largest class weighs most.",
            "Divide by the count.",
        ),
        Mistake(
            "infinite",
            _weights_by(lambda counts, n, classes: n / (classes * counts)),
            "A class without images gets an infinite weight.",
            "Its weight is 0, since there is nothing to weigh.",
        ),
        Mistake(
            "one over the count",
            _weights_by(lambda counts, n, classes: np.where(counts, 1 / counts, 0)),
            "These are inverse counts. Such weights shrink the whole loss.",
            "Multiply by the number of images over the number of classes: then equal "
            "classes weigh 1.",
        ),
        Mistake(
            "not divided by the classes",
            _weights_by(lambda counts, n, classes: np.where(counts, n / counts, 0)),
            "All weights are too large, by the number of classes.",
            "With equal classes each weight has to be 1.",
        ),
        Mistake(
            "only classes that occur",
            _weights_by(
                lambda counts, n, classes: np.where(
                    counts, n / (np.sum(counts > 0) * counts), 0
                )
            ),
            "You divide by the number of classes that occur.",
            "Divide by `classes`, as the formula does.",
        ),
        Mistake(
            "compared with the largest",
            _weights_by(
                lambda counts, n, classes: np.where(counts, counts.max() / counts, 0)
            ),
            "The largest class gets the weight 1, and all others more.",
            "The weight is 1 where the class has its fair share of the images.",
        ),
        Mistake(
            "one weight an image",
            lambda labels, classes: _class_weights(labels, classes)[labels],
            "You return a weight for each image.",
            "Return one for each class: shape (classes,).",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.array([0, 0, 0, 1]), 2
    yield np.array([2, 0, 2]), 4
    for n, classes in [(30, 5), (100, 10)]:
        # The last class has no image.
        yield (
            rng.choice(classes - 1, n, p=rng.dirichlet(np.full(classes - 1, 3))),
            classes,
        )


# P2.3 -----------------------------------------------------------------------


def fit_centroids(images: np.ndarray, labels: np.ndarray) -> Callable:
    """Fit class means; return a function from images to probabilities (N, K).

    The small classifier by which step 3 is checked: what it answers depends on every
    image that it was given.
    """
    centroids = np.stack(
        [
            (images[labels == k].sum(axis=0) + 0.5) / ((labels == k).sum() + 1)
            for k in range(3)
        ]
    )
    return lambda others: scratch.softmax(
        -((others[:, None] - centroids[None]) ** 2).sum(axis=2)
    )


def _out_of_fold(fit, images, labels, folds) -> np.ndarray:
    return _by_folds(fit, images, labels, folds, lambda inside: ~inside)


def _by_folds(fit, images, labels, folds, choose: Callable) -> np.ndarray:
    out = np.zeros((len(images), 3))
    for k in np.unique(folds):
        learn = choose(folds == k)
        out[folds == k] = fit(images[learn], labels[learn])(images[folds == k])
    return out


def _first_model_only(fit, images, labels, folds) -> np.ndarray:
    learn = folds != folds.min()
    return fit(images[learn], labels[learn])(images)


def _in_order_of_folds(fit, images, labels, folds) -> np.ndarray:
    out = _out_of_fold(fit, images, labels, folds)
    return np.concatenate([out[folds == k] for k in np.unique(folds)])


def _last_fold_only(fit, images, labels, folds) -> np.ndarray:
    out = _out_of_fold(fit, images, labels, folds)
    out[folds != folds.max()] = 0
    return out


def _mean_of_models(fit, images, labels, folds) -> np.ndarray:
    models = [fit(images[folds != k], labels[folds != k]) for k in np.unique(folds)]
    return np.mean([model(images) for model in models], axis=0)


@function_exercise(
    "P2.3",
    "Predictions out of fold",
    reference=_out_of_fold,
    mistakes=[
        Mistake(
            "trained on everything",
            lambda fit, images, labels, folds: fit(images, labels)(images),
            "One model is fitted to all images and asked about them: it has seen every "
            "label that it should judge.",
            "For each fold, fit to the images of the other folds.",
        ),
        Mistake(
            "trained on the fold itself",
            lambda fit, images, labels, folds: _by_folds(
                fit, images, labels, folds, lambda inside: inside
            ),
            "Each model is fitted to the fold that it is asked about.",
            "Fit where `folds != k`, predict where `folds == k`.",
        ),
        Mistake(
            "one model only",
            _first_model_only,
            "All answers come from the model that leaves the first fold out. It has "
            "seen the images of the other folds.",
            "Fit one model for each fold.",
        ),
        Mistake(
            "in the order of the folds",
            _in_order_of_folds,
            "The rows stand in the order of the folds, not in that of the images.",
            "Write into the rows: `out[folds == k] = ...`.",
        ),
        Mistake(
            "last fold only",
            _last_fold_only,
            "Only the rows of the last fold are filled.",
            "Make the array once, before the loop.",
        ),
        Mistake(
            "mean of all models",
            _mean_of_models,
            "You average the models. All but one have seen the image.",
            "Each image is judged by the one model that left it out.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    for n, parts in [(6, 2), (12, 3), (25, 5)]:
        labels = rng.permutation(np.arange(n) % 3)
        images = rng.normal(size=(n, 4)) + labels[:, None]
        names = rng.permutation(9)[:parts]  # folds need not be 0 to 4
        folds = names[rng.permutation(np.arange(n) % parts)]
        yield fit_centroids, images, labels, folds


# P2.4 -----------------------------------------------------------------------


def _thresholds(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.array(
        [
            probabilities[labels == k, k].mean() if (labels == k).any() else np.inf
            for k in range(probabilities.shape[1])
        ]
    )


def _suspects(probabilities, labels) -> np.ndarray:
    return _suspects_by(_thresholds)(probabilities, labels)


def _suspects_by(thresholds: Callable, *, beat: bool = True) -> Callable:
    def suspects(probabilities, labels) -> np.ndarray:
        mine = probabilities[np.arange(len(labels)), labels][:, None]
        sure = probabilities >= thresholds(probabilities, labels)
        sure &= (probabilities > mine) if beat else True
        sure[np.arange(len(labels)), labels] = False
        return np.flatnonzero(sure.any(axis=1))

    return suspects


def _own_below(probabilities, labels) -> np.ndarray:
    mine = probabilities[np.arange(len(labels)), labels]
    return np.flatnonzero(mine < _thresholds(probabilities, labels)[labels])


def _own_threshold(probabilities, labels) -> np.ndarray:
    bar = _thresholds(probabilities, labels)[labels]
    best = probabilities.argmax(axis=1)
    sure = probabilities.max(axis=1) >= bar
    return np.flatnonzero((best != labels) & sure)


@function_exercise(
    "P2.4",
    "Labels to doubt",
    reference=_suspects,
    mistakes=[
        Mistake(
            "every disagreement",
            lambda probabilities, labels: np.flatnonzero(
                probabilities.argmax(axis=1) != labels
            ),
            "You doubt every label that the model does not answer. A model that is "
            "unsure is no witness.",
            "The other class must reach its threshold too.",
        ),
        Mistake(
            "sure of the label",
            _own_below,
            "You doubt the labels in which the model has less trust than usual. No "
            "other class need be likely then.",
            "Look for another class that reaches its own threshold.",
        ),
        Mistake(
            "threshold of the label",
            _own_threshold,
            "You compare with the threshold of the given label.",
            "Class j has to reach `t[j]`: some classes are easier than others.",
        ),
        Mistake(
            "mean over all images",
            _suspects_by(lambda probabilities, labels: probabilities.mean(axis=0)),
            "Your thresholds are means over all images, so they are far too low.",
            "For class k, average over the images with the label k.",
        ),
        Mistake(
            "one half",
            _suspects_by(lambda probabilities, labels: 0.5),
            "Your threshold is one half for every class.",
            "It is the mean probability of class k among the images labelled k.",
        ),
        Mistake(
            "label may be likelier",
            _suspects_by(_thresholds, beat=False),
            "You doubt labels which the model finds likelier than the other class.",
            "The other class has to beat the label: `p[i, j] > p[i, label]`.",
        ),
        Mistake(
            "a mask",
            lambda probabilities, labels: np.isin(
                np.arange(len(labels)), _suspects(probabilities, labels)
            ),
            "You return True and False for each image.",
            "`np.flatnonzero` turns them into positions.",
        ),
        Mistake(
            "labels to trust",
            lambda probabilities, labels: np.setdiff1d(
                np.arange(len(labels)), _suspects(probabilities, labels)
            ),
            "These are the positions of the labels that are not in doubt.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    # One image each: unsure, likelier in its label, and plainly wrong.
    yield (
        np.array([[9, 1], [8, 2], [4.5, 5.5], [1, 9], [9.5, 0.5], [5.2, 4.8]]) / 10,
        np.array([0, 0, 0, 1, 1, 1]),
    )
    yield (
        np.array([[0.30, 0.31, 0.39], [0.60, 0.40, 0.0], [0.05, 0.30, 0.65]]),
        np.array([0, 0, 1]),
    )
    # The third is as sure of class 1 as the images of class 1 are on average.
    yield hard(
        "a probability at the threshold",
        np.array([[0.25, 0.75], [0.5, 0.5], [0.375, 0.625], [0.875, 0.125]]),
        np.array([1, 1, 0, 0]),
    )
    for n, classes in [(60, 3), (200, 5)]:
        labels = rng.integers(0, classes, n)
        logits = rng.normal(0, 1.2, (n, classes)) + rng.uniform(0, 1, classes)
        logits[np.arange(n), labels] += 1.5
        labels = np.where(rng.random(n) < 0.2, rng.integers(0, classes, n), labels)
        yield scratch.softmax(logits), labels


# P2.5 -----------------------------------------------------------------------


def fit_logistic(images: np.ndarray, labels: np.ndarray) -> Callable:
    """Fit a logistic regression; return a function from images to probabilities.

    Classes are weighted, so that rare ones count as much as frequent ones.

    Parameters
    ----------
    images : numpy.ndarray
        uint8, shape (N, 8, 8).
    labels : numpy.ndarray
        Class numbers from 0 to 9, shape (N,). Every class occurs.

    Returns
    -------
    callable
        From images of shape (M, 8, 8) to probabilities of shape (M, 10).

    Examples
    --------
    >>> spoiled = spoiled_digits(0)
    >>> predict = fit_logistic(spoiled.images, spoiled.labels)
    >>> predict(spoiled.test_images).shape
    (500, 10)
    """
    from sklearn.linear_model import LogisticRegression

    def rows(images: np.ndarray) -> np.ndarray:
        return images.reshape(len(images), -1) / 255

    model = LogisticRegression(C=0.3, max_iter=300, class_weight="balanced")
    model.fit(rows(images), labels)
    return lambda others: model.predict_proba(rows(others))


def _clean(images, labels, test_images) -> np.ndarray:
    keep = np.setdiff1d(
        np.arange(len(images)), _find_copies(images, test_images, TOLERANCE)
    )
    return np.setdiff1d(keep, keep[_doubted(images[keep], labels[keep])])


def _doubted(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    probabilities = np.zeros((len(images), CLASSES))
    folds = np.random.default_rng(0).permutation(np.arange(len(images)) % 5)
    for k in range(5):
        model = fit_logistic(images[folds != k], labels[folds != k])
        probabilities[folds == k] = model(images[folds == k])
    return _suspects(probabilities, labels)


def _without_copies(images, labels, test_images) -> np.ndarray:
    copies = _find_copies(images, test_images, TOLERANCE)
    return np.setdiff1d(np.arange(len(images)), copies)


def _rare_thrown_away(images, labels, test_images) -> np.ndarray:
    kept = _clean(images, labels, test_images)
    counts = np.bincount(labels[kept], minlength=CLASSES)
    return kept[~np.isin(labels[kept], np.argsort(counts)[:_RARE])]


@exercise(
    "P2.5",
    "Mend the training images",
    seconds=60,
    reference=_clean,
    mistakes=[
        Mistake(
            "nothing removed",
            lambda images, labels, test_images: np.arange(len(images)),
            "",
        ),
        Mistake(
            "copies left",
            lambda images, labels, test_images: np.setdiff1d(
                np.arange(len(images)), _doubted(images, labels)
            ),
            "",
        ),
        Mistake("wrong labels left", _without_copies, ""),
        Mistake(
            "what to remove",
            lambda images, labels, test_images: np.setdiff1d(
                np.arange(len(images)), _clean(images, labels, test_images)
            ),
            "",
        ),
        Mistake(
            "too much removed",
            lambda images, labels, test_images: _clean(images, labels, test_images)[
                ::2
            ],
            "",
        ),
        Mistake("rare classes removed", _rare_thrown_away, ""),
        Mistake(
            "no positions",
            lambda images, labels, test_images: images[
                _clean(images, labels, test_images)
            ],
            "",
        ),
    ],
)
def _(answer: Any, rng: np.random.Generator) -> None:
    given = spoiled_digits(int(rng.integers(2**32)))
    n = len(given.images)
    result = call(answer, given.images, given.labels, given.test_images)
    kept = np.asarray(result)
    require(
        kept.ndim == 1
        and kept.dtype.kind in "iu"
        and len(np.unique(kept)) == len(kept) > 0
        and 0 <= kept.min() <= kept.max() < n,
        f"Expected are positions from 0 to {n - 1}, each once.",
        "Return the positions of the training images to keep.",
        mistake="no positions",
    )
    stays = np.isin(np.arange(n), kept)
    right = ~given.copies & ~given.wrong
    left = np.mean(stays[given.wrong])
    lost = np.mean(~stays[right])
    require(
        not (lost > 0.5 and stays[given.copies].all()),
        "You keep the copies, and throw most of the good images away.",
        "Return the positions to keep, not those to remove.",
        mistake="what to remove",
    )
    require(
        not stays.all(),
        "You keep every image.",
        "There are copies of test images among them, and wrong labels.",
        mistake="nothing removed",
    )
    require(
        not stays[given.copies].any(),
        f"{stays[given.copies].sum()} of {_COPIES} copies of test images are left.",
        "Use your function of step 1 with the tolerance of `TOLERANCE`.",
        mistake="copies left",
    )
    for k in range(CLASSES):
        require(
            stays[right & (given.labels == k)].mean() > 0.4,
            f"Of class {k}, most good images are gone.",
            "A rare class looks like a fault to a model that hardly knows it. Weigh "
            "the classes.",
            mistake="rare classes removed"
            if k in given.rare and lost < 0.3
            else "too much removed",
        )
    require(
        lost < 0.1,
        f"{lost:.0%} of the images without a fault are gone.",
        "Doubt a label only where the model is sure of another class.",
        mistake="too much removed",
    )
    require(
        left < 0.4,
        f"{left:.0%} of the wrong labels are left.",
        "Let a model that has not seen an image judge its label: steps 3 and 4.",
        mistake="wrong labels left",
    )


# P2.6 -----------------------------------------------------------------------

_LEAST = 0.9  # mean recall


def _neighbours(k: int, images, labels, test_images) -> np.ndarray:
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(k).fit(images.reshape(len(images), -1), labels)
    return model.predict_proba(test_images.reshape(len(test_images), -1))


def _classify(images, labels, test_images) -> np.ndarray:
    keep = _clean(images, labels, test_images)
    return _neighbours(3, images[keep], labels[keep], test_images)


def _always_the_same(images, labels, test_images) -> np.ndarray:
    shares = np.bincount(labels, minlength=CLASSES) / len(labels)
    return np.tile(shares, (len(test_images), 1))


def _by_heart(images, labels, test_images) -> np.ndarray:
    return _neighbours(1, images, labels, test_images)


def _blind_to_rare(images, labels, test_images) -> np.ndarray:
    out = _classify(images, labels, test_images)
    counts = np.bincount(labels, minlength=CLASSES)
    out[:, np.argsort(counts)[:_RARE]] = 0
    out[out.sum(axis=1) == 0, counts.argmax()] = 1
    return out / out.sum(axis=1, keepdims=True)


def _careless(images, labels, test_images) -> np.ndarray:
    out = _classify(images, labels, test_images)
    out[::5] = np.roll(out[::5], 1, axis=1)  # one class further
    return out


@exercise(
    "P2.6",
    "Train within a budget",
    seconds=30,
    reference=_classify,
    mistakes=[
        Mistake(
            "labels in place of probabilities",
            lambda images, labels, test_images: _classify(
                images, labels, test_images
            ).argmax(axis=1),
            "",
        ),
        Mistake(
            "no probabilities",
            lambda images, labels, test_images: (
                5 * _classify(images, labels, test_images)
            ),
            "",
        ),
        Mistake("the same for every image", _always_the_same, ""),
        Mistake("rare classes lost", _blind_to_rare, ""),
        Mistake("wrong labels learned by heart", _by_heart, ""),
        Mistake(
            "not good enough",
            _careless,
            "",
        ),
    ],
)
def _(answer: Any, rng: np.random.Generator) -> None:
    given = spoiled_digits(int(rng.integers(2**32)))
    # Only test images that have no copy among the training images.
    fair = ~_near(given.test_images, given.images, TOLERANCE).any(axis=1)
    images, labels = given.test_images, given.test_labels
    result = call(answer, given.images, given.labels, images)
    require(
        np.shape(result) != (len(images),),
        "You return one number for each image: a class, as it seems.",
        "Return a row of ten probabilities for each image.",
        mistake="labels in place of probabilities",
    )
    probabilities = assert_array(result, shape=(len(images), CLASSES))
    require(
        probabilities.min() >= 0
        and np.allclose(probabilities.sum(axis=1), 1, atol=1e-3),
        "The rows are no probabilities: they must be 0 or more and sum to 1.",
        mistake="no probabilities",
    )
    guesses = probabilities.argmax(axis=1)
    recalls = np.array(
        [np.mean(guesses[fair & (labels == k)] == k) for k in range(CLASSES)]
    )
    found = f"The mean recall over the classes is {recalls.mean():.1%}"
    require(
        len(np.unique(guesses)) > 1,
        "You answer the same class for every image.",
        "Do the predictions depend on `test_images`?",
        mistake="the same for every image",
    )
    common = np.setdiff1d(np.arange(CLASSES), given.rare)
    require(
        not (recalls[given.rare].mean() < 0.6 and recalls[common].mean() > 0.8),
        f"{found}. The classes {given.rare} are lost: there are few images of them.",
        "Weigh the classes, as in step 2.",
        mistake="rare classes lost",
    )
    by_heart = _by_heart(given.images, given.labels, images).argmax(axis=1)
    require(
        not (recalls.mean() < _LEAST and np.mean(by_heart == guesses) > 0.97),
        f"{found}: you answer what the nearest training image says, wrong labels "
        "included.",
        "Mend the training images first, or ask several neighbours.",
        mistake="wrong labels learned by heart",
    )
    require(
        recalls.mean() >= _LEAST,
        f"{found}. {_LEAST:.0%} can be reached in this time.",
        "Mend the training images, weigh the classes, and try another model.",
        mistake="not good enough",
    )


# P2.7 -----------------------------------------------------------------------

_Z = 1.96


def _recalls(labels, predictions, classes) -> np.ndarray:
    return _recalls_by(_wilson)(labels, predictions, classes)


def _wilson(share: float, n: int, z: float = _Z) -> tuple[float, float]:
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return middle - half, middle + half


def _wald(share: float, n: int) -> tuple[float, float]:
    half = _Z * np.sqrt(share * (1 - share) / n)
    return share - half, share + half


def _recalls_by(interval: Callable, *, empty: float = np.nan) -> Callable:
    def recalls(labels, predictions, classes) -> np.ndarray:
        out = np.full((classes, 3), empty)
        for k in np.unique(labels):
            inside = labels == k
            share = np.mean(predictions[inside] == k)
            out[k] = share, *interval(share, inside.sum())
        return out

    return recalls


def _of_all_images(labels, predictions, classes) -> np.ndarray:
    n = len(labels)
    return _recalls_by(lambda share, _: _wilson(share, n))(labels, predictions, classes)


def _precision(labels, predictions, classes) -> np.ndarray:
    return _recalls(predictions, labels, classes)


def _accuracies(labels, predictions, classes) -> np.ndarray:
    share, n = np.mean(labels == predictions), len(labels)
    return np.tile([share, *_wilson(share, n)], (classes, 1))


@function_exercise(
    "P2.7",
    "Recall of each class, with an interval",
    rtol=1e-4,  # 1.96 and the more exact 1.959964 are both right
    reference=_recalls,
    mistakes=[
        Mistake(
            "precision",
            _precision,
            "That is the precision: of the images called k, the share that are k.",
            "Recall asks of the images that are k, how many are called k.",
        ),
        Mistake(
            "usual interval",
            _recalls_by(_wald),
            "That is the usual interval, `z * sqrt(p * (1 - p) / n)`. Where all images "
            "are right it has no width at all.",
            "Use Wilson's interval, as the step gives it.",
        ),
        Mistake(
            "number of all images",
            _of_all_images,
            "The intervals are too narrow: `n` is the number of all images.",
            "Here `n` is the number of images of the class.",
        ),
        Mistake(
            "one standard error",
            _recalls_by(lambda share, n: _wilson(share, n, 1.0)),
            "That is an interval of one standard error.",
            "For 95% `z` is 1.96.",
        ),
        Mistake(
            "accuracy",
            _accuracies,
            "That is the accuracy of all images, in each row.",
            "Look at the images of one class at a time.",
        ),
        Mistake(
            "zeros for absent classes",
            _recalls_by(_wilson, empty=0.0),
            "A class without images gets zeros, as if all its images were missed.",
            "Nothing is known of it: put `np.nan` there.",
        ),
        Mistake(
            "recall alone",
            lambda labels, predictions, classes: _recalls(labels, predictions, classes)[
                :, 0
            ],
            "The recalls are right; the ends of the intervals are missing.",
            "Return three columns: recall, lower end, upper end.",
        ),
        Mistake(
            "ends swapped",
            lambda labels, predictions, classes: _recalls(labels, predictions, classes)[
                :, [0, 2, 1]
            ],
            "The ends of the intervals are swapped.",
            "The lower end comes first.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.array([0, 0, 0, 0, 1]), np.array([0, 0, 0, 1, 1]), 2
    for n, classes in [(40, 4), (150, 8)]:
        labels = rng.integers(0, classes - 1, n)  # the last class does not occur
        labels[:2] = 0, 1
        guesses = rng.integers(0, classes, n)
        yield labels, np.where(rng.random(n) < 0.7, labels, guesses), classes


# P2.8 -----------------------------------------------------------------------


def _nll(t: float, logits: np.ndarray, labels: np.ndarray) -> float:
    return -scratch.log_softmax(logits / t)[np.arange(len(labels)), labels].mean()


def _temperature(logits, labels) -> float:
    found = minimize_scalar(
        lambda log_t: _nll(np.exp(log_t), logits, labels), bounds=(-4, 4)
    )
    return float(np.exp(found.x))


def _accuracy_first(logits, labels) -> float:
    accuracies = [
        np.mean((logits / t).argmax(axis=1) == labels) for t in (0.25, 0.5, 1, 2)
    ]
    return (0.25, 0.5, 1, 2)[int(np.argmax(accuracies))]


@exercise(
    "P2.8",
    "One temperature",
    reference=_temperature,
    mistakes=[
        Mistake("left at 1", lambda logits, labels: 1.0, ""),
        Mistake("inverse", lambda logits, labels: 1 / _temperature(logits, labels), ""),
        Mistake("negative", lambda logits, labels: -_temperature(logits, labels), ""),
        Mistake(
            "logarithm", lambda logits, labels: np.log(_temperature(logits, labels)), ""
        ),
        Mistake(
            "too coarse",
            lambda logits, labels: max(1, np.round(_temperature(logits, labels))),
            "",
        ),
        Mistake("chosen by accuracy", _accuracy_first, ""),
    ],
)
def _(answer: Any, rng: np.random.Generator) -> None:
    found = []
    # Too sure, and not sure enough; what is added to all logits changes nothing.
    for n, classes, factor, more in [
        (300, 3, 3.4, 0.0),
        (500, 10, 2.45, 0.0),
        (400, 5, 1.55, 3000.0),
        (400, 4, 0.45, 0.0),
    ]:
        z = rng.normal(0, 1.5, (n, classes))
        p = scratch.softmax(z)
        labels = (p.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
        logits = factor * z + more
        own = assert_array(call(answer, logits, labels), shape=(), name="temperature")
        found.append((float(own), _temperature(logits, labels), logits, labels))
    got = np.array([t for t, *_ in found])
    best = np.array([t for _, t, *_ in found])
    for wrong, mistake, message, hint in [
        (
            -best,
            "negative",
            "The temperature is negative, so the least likely class wins.",
            "Search among positive numbers.",
        ),
        (
            1 / best,
            "inverse",
            "You return the factor for the logits. The temperature divides them.",
            "Divide by it: `logits / t`.",
        ),
        (
            np.log(best),
            "logarithm",
            "You return the logarithm of the temperature.",
            "`np.exp` undoes it.",
        ),
        (
            np.ones(len(best)),
            "left at 1",
            "With the temperature 1 nothing changes.",
            "Try several temperatures, and keep that with the lowest cross-entropy.",
        ),
        (
            np.full(len(best), 0.25),
            "chosen by accuracy",
            "You return the same temperature for all data, it seems the first of a "
            "list. No temperature changes the accuracy: the order of the logits stays.",
            "Compare the cross-entropy of `logits / t`.",
        ),
    ]:
        if np.allclose(got, wrong, rtol=0.02):
            raise Wrong(message, hint, mistake=mistake)
    require(
        (got > 0).all(),
        f"A temperature of {got.min():.3g} is not positive.",
        "Search among positive numbers.",
    )
    for t, right, logits, labels in found:
        gap = _nll(t, logits, labels) - _nll(right, logits, labels)
        require(
            gap < 1e-4,
            f"With the temperature {t:.3f} the cross-entropy is "
            f"{_nll(t, logits, labels):.4f}; {_nll(right, logits, labels):.4f} can be "
            "reached.",
            "Search more finely: steps of 0.01, or `scipy.optimize.minimize_scalar`.",
            mistake="too coarse",
        )
