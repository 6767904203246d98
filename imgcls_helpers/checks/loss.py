"""The checks of chapter 6, Loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from imgcls_helpers.checks import Mistake, function_exercise, hard


def _quiet(function: Callable) -> Callable:
    """Keep NumPy's warnings of a wrong function off the reader's page."""

    def quietly(*args):
        with np.errstate(all="ignore"):
            return function(*args)

    return quietly


def _picked(table: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return table[np.arange(len(labels)), labels]


def _softmax(z: np.ndarray, axis: int = -1) -> np.ndarray:
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _probabilities(rng: np.random.Generator, n: int, k: int) -> np.ndarray:
    # No probability is 0: its logarithm is a matter of exercise 6.2.
    return 0.95 * rng.dirichlet(np.ones(k), n) + 0.05 / k


def _batches(rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Give labels and probabilities; right, wrong, and sure guesses among them."""
    yield np.array([0]), np.array([[0.5, 0.5]])
    yield np.array([1, 0]), np.array([[0.1, 0.9], [0.2, 0.8]])
    for n, k in [(3, 4), (5, 3), (4, 4), (30, 10)]:
        yield rng.integers(0, k, n), _probabilities(rng, n, k)
    # The product of so many probabilities is 0 in floating point.
    labels = rng.integers(0, 3, 3000)
    yield hard("3,000 rows", labels, _probabilities(rng, 3000, 3))


# 6.1 ------------------------------------------------------------------------


def _cross_entropy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    return -np.mean(np.log(_picked(probabilities, labels)))


def _binary(labels: np.ndarray, probabilities: np.ndarray) -> float:
    q = np.eye(probabilities.shape[1])[labels]
    return -np.mean(q * np.log(probabilities) + (1 - q) * np.log(1 - probabilities))


@function_exercise(
    "6.1",
    "Cross-entropy from probabilities",
    reference=_cross_entropy,
    mistakes=[
        Mistake(
            "minus missing",
            lambda labels, p: np.mean(np.log(_picked(p, labels))),
            "The sign is wrong: a loss gets smaller as the guesses get better.",
            "The logarithm of a probability is negative; put a minus in front.",
        ),
        Mistake(
            "sum",
            lambda labels, p: -np.sum(np.log(_picked(p, labels))),
            "That is the sum over the images, so a larger batch has a larger loss.",
            "Take the mean.",
        ),
        Mistake(
            "binary logarithm",
            lambda labels, p: -np.mean(np.log2(_picked(p, labels))),
            "That is the logarithm with base 2: the loss in bits.",
            "Take the natural logarithm, `np.log`.",
        ),
        Mistake(
            "decimal logarithm",
            lambda labels, p: -np.mean(np.log10(_picked(p, labels))),
            "That is the logarithm with base 10.",
            "Take the natural logarithm, `np.log`.",
        ),
        Mistake(
            "predicted class",
            lambda labels, p: -np.mean(np.log(p.max(axis=1))),
            "You take the largest probability of each row, right or wrong.",
            "Take the probability of the label: `p[np.arange(N), labels]`.",
        ),
        Mistake(
            "all classes",
            lambda labels, p: -np.mean(np.sum(np.log(p), axis=1)),
            "You add the logarithms of all classes; the labels play no part.",
            "Only the probability of the true class counts.",
        ),
        Mistake(
            "mean over classes too",
            lambda labels, p: -np.mean(np.eye(p.shape[1])[labels] * np.log(p)),
            "You divide by the number of classes too.",
            "Add over the classes, then take the mean over the images.",
        ),
        Mistake(
            "rows of the labels",
            lambda labels, p: -np.mean(np.log(p[:, labels])),
            "`p[:, labels]` takes the columns of all labels for every image.",
            "Pair each image with its own label: `p[np.arange(N), labels]`.",
        ),
        Mistake(
            "logarithm of the mean",
            lambda labels, p: -np.log(np.mean(_picked(p, labels))),
            "You take the logarithm of the mean probability.",
            "Take the logarithm of each, then the mean.",
        ),
        Mistake(
            "rows at the labels",
            lambda labels, p: -np.mean(np.log(p[labels])),
            "`p[labels]` takes whole rows: you use the label as an image's number.",
            "Pair each image with its own label: `p[np.arange(N), labels]`.",
        ),
        Mistake(
            "one for each image",
            lambda labels, p: -np.log(_picked(p, labels)),
            "That is the loss of each image. Asked for is one number.",
            "Take the mean.",
        ),
        Mistake(
            "divided by the classes",
            lambda labels, p: -np.sum(np.log(_picked(p, labels))) / p.shape[1],
            "You divide by the number of classes, not by the number of images.",
            "Divide by `len(labels)`, or take the mean.",
        ),
        Mistake(
            "binary cross-entropy",
            _binary,
            "That is binary cross-entropy: each class is a question of its own.",
            "Only the probability of the true class counts.",
        ),
        Mistake(
            "no logarithm",
            lambda labels, p: np.mean(1 - _picked(p, labels)),
            "That is the mean of one minus the probability.",
            "Take minus the logarithm of each probability.",
        ),
        Mistake(
            "entropy",
            lambda labels, p: -np.mean(np.sum(p * np.log(p), axis=1)),
            "That is the entropy of the predictions: how unsure they are, right or "
            "wrong.",
            "Weigh the logarithms by the one-hot labels, not by `p` itself.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield from _batches(rng)


# 6.2 ------------------------------------------------------------------------


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _shifted_only(logits: np.ndarray) -> np.ndarray:
    return logits - logits.max(axis=1, keepdims=True)


def _without_keepdims(logits: np.ndarray) -> np.ndarray:
    shifted = (logits.T - logits.max(axis=1)).T
    return shifted - np.log(np.exp(shifted).sum(axis=1))


def _whole_maximum(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max()
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _shift_forgotten(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _sum_added(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted + np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _sum_without_logarithm(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.exp(shifted).sum(axis=1, keepdims=True)


def _maximum_of_columns(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=0)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _sum_of_all(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum())


@function_exercise(
    "6.2",
    "A log-softmax that cannot overflow",
    reference=_log_softmax,
    mistakes=[
        Mistake(
            "softmax",
            _softmax,
            "That is the softmax itself. Asked for is its logarithm.",
            "Work out the logarithm on paper first: it is a difference.",
        ),
        Mistake(
            "unstable exponent",
            _quiet(lambda z: z - np.log(np.exp(z).sum(axis=1, keepdims=True))),
            "The formula is right, but `np.exp` overflows for logits near 1000, and "
            "gives 0 for logits near -1000.",
            "Subtract the largest logit of each row before `np.exp`.",
        ),
        Mistake(
            "logarithm of an overflow",
            _quiet(lambda z: np.log(np.exp(z) / np.exp(z).sum(axis=1, keepdims=True))),
            "`np.exp` overflows for logits near 1000, and infinity divided by infinity "
            "is no number.",
            "Subtract the largest logit of each row, and use log(a / b) = log a - "
            "log b.",
        ),
        Mistake(
            "logarithm of an underflow",
            _quiet(lambda z: np.log(_softmax(z))),
            "It does not overflow, but a probability below about 1e-308 becomes 0, and "
            "its logarithm minus infinity.",
            "Never compute the probabilities: log(a / b) = log a - log b, and log of "
            "exp(x) is x.",
        ),
        Mistake(
            "small number added",
            lambda z: np.log(_softmax(z) + 1e-7),
            "The small number under the logarithm hides that some probabilities became "
            "0, and bends the result: it never falls below about -16.",
            "Never compute the probabilities: log(a / b) = log a - log b.",
        ),
        Mistake(
            "clipped",
            lambda z: np.log(np.clip(_softmax(z), 1e-7, 1)),
            "Clipped probabilities give a result that never falls below about -16.",
            "Never compute the probabilities: log(a / b) = log a - log b.",
        ),
        Mistake(
            "maximum of the whole array",
            _quiet(_whole_maximum),
            "You subtract the largest logit of the whole array. In a row that lies far "
            "below, every exponential becomes 0.",
            "Subtract the maximum of each row: `z.max(axis=1, keepdims=True)`.",
        ),
        Mistake(
            "sum over the whole array",
            _sum_of_all,
            "You divide by the sum of the whole array, not of each row.",
            "Sum with `axis=1, keepdims=True`.",
        ),
        Mistake(
            "wrong axis",
            _quiet(lambda z: _log_softmax(z.T).T),
            "The columns sum to one, not the rows.",
            "The classes lie along axis 1.",
        ),
        Mistake(
            "shape of the sums",
            _without_keepdims,
            "The sums have shape (N,), so NumPy subtracts them from the columns, or "
            "refuses.",
            "Keep them as a column: `keepdims=True`.",
        ),
        Mistake(
            "shifted only",
            _shifted_only,
            "You subtract the maximum, and stop there.",
            "Subtract also the logarithm of the sum of the exponentials.",
        ),
        Mistake(
            "sum added",
            _sum_added,
            "You add the logarithm of the sum.",
            "The logarithm of a quotient is a difference: subtract it.",
        ),
        Mistake(
            "sum without its logarithm",
            _sum_without_logarithm,
            "You subtract the sum itself.",
            "Subtract its logarithm.",
        ),
        Mistake(
            "maximum of each column",
            _quiet(_maximum_of_columns),
            "You subtract the largest logit of each column.",
            "Subtract the maximum of each row: `z.max(axis=1, keepdims=True)`.",
        ),
        Mistake(
            "shift not applied",
            _quiet(_shift_forgotten),
            "The sum is that of the shifted logits, but you subtract it from those "
            "that were not shifted.",
            "Use the shifted logits in both places.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield (np.array([[0.0, 0.0]]),)
    yield (np.array([[1.0, 2.0, 3.0], [3.0, 1.0, 1.0]]),)
    for n, k in [(3, 3), (4, 10)]:
        yield (rng.normal(size=(n, k)) * 3,)
    yield (np.array([[1000.0, 999.0, 998.0]]),)
    yield (np.array([[-1000.0, -1001.0, -1000.5]]),)
    yield (np.array([[1000.0, 0.0]]),)
    yield (np.array([[0.0, 1.0], [-2000.0, -2001.0]]),)
    yield hard("1000 beside 0", np.array([[1000.0, 0.0, 0.0, 0.0], [3.0, 0, 1, 2]]))
    yield hard("1000 beside -1000", np.array([[1000.0, -1000.0, 0.0], [0.0, 1.0, 2.0]]))


# 6.3 ------------------------------------------------------------------------


def _logit_gradient(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    p = _softmax(logits)
    p[np.arange(len(labels)), labels] -= 1
    return p / len(labels)


def _overflowing_gradient(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    e = np.exp(logits)
    p = e / e.sum(axis=1, keepdims=True)
    return (p - np.eye(logits.shape[1])[labels]) / len(labels)


def _only_true_class(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return _logit_gradient(logits, labels) * np.eye(logits.shape[1])[labels]


def _with_respect_to_probabilities(logits: np.ndarray, labels: np.ndarray):
    return -np.eye(logits.shape[1])[labels] / _softmax(logits) / len(labels)


def _columns_of_labels(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    p = _softmax(logits)
    p[:, labels] -= 1
    return p / len(labels)


def _softmax_over_images(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    t = np.eye(logits.shape[1])[labels]
    return (_softmax(logits, axis=0) - t) / len(labels)


@function_exercise(
    "6.3",
    "The gradient of softmax and cross-entropy",
    reference=_logit_gradient,
    mistakes=[
        Mistake(
            "not divided by the batch",
            lambda z, labels: _logit_gradient(z, labels) * len(labels),
            "Each row is the gradient of its own image's loss. The loss is the mean, "
            "so its gradient is divided by the number of images.",
            "Divide by `len(labels)`.",
        ),
        Mistake(
            "sign",
            lambda z, labels: -_logit_gradient(z, labels),
            "That is the step that makes the loss smaller: minus the gradient.",
            "The gradient is prediction minus label, not label minus prediction.",
        ),
        Mistake(
            "divided by the classes too",
            lambda z, labels: _logit_gradient(z, labels) / z.shape[1],
            "You divide by the number of classes too.",
            "The loss adds over the classes; only over the images is it a mean.",
        ),
        Mistake(
            "divided by the classes",
            lambda z, labels: _logit_gradient(z, labels) * len(labels) / z.shape[1],
            "You divide by the number of classes, not by the number of images.",
            "`len(logits)` is the number of images.",
        ),
        Mistake(
            "label not subtracted",
            lambda z, labels: _softmax(z) / len(labels),
            "Those are the probabilities. A gradient that does not look at the labels "
            "teaches nothing.",
            "Subtract 1 at the true class of each row.",
        ),
        Mistake(
            "unstable exponent",
            _quiet(_overflowing_gradient),
            "The formula is right, but `np.exp` overflows for logits near 1000.",
            "Subtract the largest logit of each row before `np.exp`.",
        ),
        Mistake(
            "softmax left out",
            lambda z, labels: (z - np.eye(z.shape[1])[labels]) / len(labels),
            "You subtract the labels from the logits.",
            "Subtract them from the probabilities, the softmax of the logits.",
        ),
        Mistake(
            "only the true class",
            _only_true_class,
            "Only the true class has a gradient. A logit of another class matters "
            "too, because it takes probability away.",
            "Keep the probabilities of the other classes: p - q for all of them.",
        ),
        Mistake(
            "class numbers subtracted",
            lambda z, labels: (_softmax(z) - labels[:, None]) / len(labels),
            "You subtract the class number from the whole row.",
            "Subtract the one-hot row: 1 at the true class, 0 elsewhere.",
        ),
        Mistake(
            "averaged over the images",
            lambda z, labels: _logit_gradient(z, labels).sum(axis=0),
            "You add the rows. Each image has logits of its own, so it has a gradient "
            "of its own.",
            "Divide by the number of images, and keep the shape (N, K).",
        ),
        Mistake(
            "with respect to the probabilities",
            _with_respect_to_probabilities,
            "That is the gradient with respect to the probabilities.",
            "Go back through the softmax too; what comes out is p - q.",
        ),
        Mistake(
            "columns of the labels",
            _columns_of_labels,
            "`p[:, labels] -= 1` changes these columns in every row.",
            "Pair each row with its own label: `p[np.arange(N), labels]`.",
        ),
        Mistake(
            "wrong axis",
            _softmax_over_images,
            "The softmax runs over the images, not over the classes.",
            "The classes lie along axis 1.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.array([[0.0, 0.0]]), np.array([1])
    yield np.array([[2.0, 0.0, 1.0], [0.0, 0.0, 3.0]]), np.array([0, 1])
    for n, k in [(3, 3), (5, 4), (8, 10)]:
        yield 2 * rng.normal(size=(n, k)), rng.integers(0, k, n)
    yield np.array([[1000.0, 1000.0, 999.0], [0.0, 1000.0, 1.0]]), np.array([2, 1])
    wide = np.array([[1000.0, 0.0, 0.0, 0.0], [-1000.0, -999.0, -2000.0, -1000.0]])
    yield hard("logits of 1000 beside 0", wide, np.array([1, 0]))
    yield hard("1000 beside -1000", np.array([[1000.0, -1000.0]]), np.array([1]))


# 6.4 ------------------------------------------------------------------------


def _smooth(labels: np.ndarray, classes: int, e: float) -> np.ndarray:
    return np.eye(classes)[labels] * (1 - e) + e / classes


def _true_class_too_small(labels: np.ndarray, classes: int, e: float) -> np.ndarray:
    return np.where(np.eye(classes)[labels] == 1, 1 - e, e / classes)


def _shared_by_the_others(labels: np.ndarray, classes: int, e: float) -> np.ndarray:
    return np.where(np.eye(classes)[labels] == 1, 1 - e, e / (classes - 1))


def _as_many_as_seen(labels: np.ndarray, classes: int, e: float) -> np.ndarray:
    seen = labels.max() + 1
    return np.eye(seen)[labels] * (1 - e) + e / seen


@function_exercise(
    "6.4",
    "One-hot labels, smoothed",
    reference=_smooth,
    mistakes=[
        Mistake(
            "not smoothed",
            lambda labels, classes, e: np.eye(classes)[labels],
            "These are one-hot labels without smoothing.",
            "Shrink them by 1 - e and add e / classes everywhere.",
        ),
        Mistake(
            "shared by the other classes",
            _shared_by_the_others,
            "You give e to the other classes alone. That sums to one too, but it is "
            "another convention: here, and in Keras, the true class gets its share "
            "of e as well.",
            "Add e / classes everywhere, at the true class too.",
        ),
        Mistake(
            "does not sum to one",
            _true_class_too_small,
            "The true class has 1 - e and the others e / classes: the row sums to "
            "less than one.",
            "The true class gets 1 - e + e / classes.",
        ),
        Mistake(
            "not shrunk",
            lambda labels, classes, e: np.eye(classes)[labels] + e / classes,
            "You add e / classes everywhere and take nothing away: the rows sum to "
            "1 + e.",
            "Multiply the one-hot labels by 1 - e first.",
        ),
        Mistake(
            "e for each class",
            lambda labels, classes, e: np.eye(classes)[labels] * (1 - e) + e,
            "You add e to every class.",
            "Share it: e / classes for each.",
        ),
        Mistake(
            "one class too few",
            lambda labels, classes, e: (
                np.eye(classes)[labels] * (1 - e) + e / (classes - 1)
            ),
            "You add e / (classes - 1) everywhere: the rows sum to more than one.",
            "All classes share e, the true one too: e / classes for each.",
        ),
        Mistake(
            "half of e",
            lambda labels, classes, e: np.eye(classes)[labels] * (1 - e) + e / 2,
            "You add e / 2. That is the rule for yes-or-no questions.",
            "With K classes each gets e / K.",
        ),
        Mistake(
            "e given to nobody",
            lambda labels, classes, e: np.eye(classes)[labels] * (1 - e),
            "You take e away and give it to nobody.",
            "Add e / classes everywhere.",
        ),
        Mistake(
            "counted from one",
            lambda labels, classes, e: _smooth(labels - 1, classes, e),
            "The 1 stands one place too far left.",
            "Classes are counted from 0: label 0 belongs in column 0.",
        ),
        Mistake(
            "classes on the rows",
            lambda labels, classes, e: _smooth(labels, classes, e).T,
            "Rows and columns are swapped.",
            "One row for each image: shape (N, classes).",
        ),
        Mistake(
            "classes counted from the labels",
            _as_many_as_seen,
            "You count the classes from the labels that you see. A batch need not "
            "hold the last class.",
            "Use `classes`.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.array([1]), 3, 0.3
    yield np.array([0, 1, 1]), 2, 0.1
    yield np.array([0, 3, 2]), 4, 0.0
    for n, k in [(3, 4), (4, 4), (12, 10)]:
        yield rng.integers(0, k, n), k, float(rng.uniform(0.05, 0.5))
    yield np.array([0, 0, 1]), 5, 0.2


# 6.5 ------------------------------------------------------------------------


def _focal(labels: np.ndarray, probabilities: np.ndarray, gamma: float) -> float:
    p = _picked(probabilities, labels)
    return -np.mean((1 - p) ** gamma * np.log(p))


def _each(formula: Callable) -> Callable:
    """Make a wrong loss out of a formula for the probability of the true class."""

    def mean(labels, probabilities, gamma):
        return np.mean(formula(_picked(probabilities, labels), gamma))

    return mean


def _factor_of_all_classes(labels, probabilities, gamma):
    factor = ((1 - probabilities) ** gamma).sum(axis=1)
    return -np.mean(factor * np.log(_picked(probabilities, labels)))


def _factor_of_the_guess(labels, probabilities, gamma):
    factor = (1 - probabilities.max(axis=1)) ** gamma
    return -np.mean(factor * np.log(_picked(probabilities, labels)))


def _focal_of_each(labels, probabilities, gamma):
    p = _picked(probabilities, labels)
    return -((1 - p) ** gamma) * np.log(p)


def _factor_outside(labels, probabilities, gamma):
    p = _picked(probabilities, labels)
    return -np.mean((1 - p) ** gamma) * np.mean(np.log(p))


@function_exercise(
    "6.5",
    "Focal loss",
    reference=_focal,
    mistakes=[
        Mistake(
            "plain cross-entropy",
            _each(lambda p, gamma: -np.log(p)),
            "That is the plain cross-entropy; gamma plays no part.",
            "Multiply each image's loss by (1 - p) to the power of gamma.",
        ),
        Mistake(
            "sure ones count more",
            _each(lambda p, gamma: -(p**gamma) * np.log(p)),
            "The factor is p to the power of gamma: it makes the sure images count "
            "and the hard ones vanish.",
            "Take (1 - p) to the power of gamma.",
        ),
        Mistake(
            "power of p",
            _each(lambda p, gamma: -(1 - p**gamma) * np.log(p)),
            "You raise p to the power, then subtract it from 1.",
            "Subtract first: `(1 - p) ** gamma`.",
        ),
        Mistake(
            "times gamma",
            _each(lambda p, gamma: -(1 - p) * gamma * np.log(p)),
            "You multiply by gamma.",
            "gamma is an exponent: `(1 - p) ** gamma`.",
        ),
        Mistake(
            "power of the logarithm",
            _each(lambda p, gamma: -(1 - p) * np.abs(np.log(p)) ** gamma),
            "You raise the logarithm to the power of gamma.",
            "The exponent belongs to (1 - p).",
        ),
        Mistake(
            "minus missing",
            lambda labels, p, gamma: -_focal(labels, p, gamma),
            "The sign is wrong: a loss is not negative.",
            "The logarithm of a probability is negative; put a minus in front.",
        ),
        Mistake(
            "sum",
            lambda labels, p, gamma: _focal(labels, p, gamma) * len(labels),
            "That is the sum over the images.",
            "Take the mean.",
        ),
        Mistake(
            "factor of all classes",
            _factor_of_all_classes,
            "The factor adds over all classes.",
            "Only the probability of the true class counts, in the factor too.",
        ),
        Mistake(
            "factor of the predicted class",
            _factor_of_the_guess,
            "The factor looks at the largest probability: an image that is surely "
            "wrong would hardly count.",
            "Use the probability of the true class in the factor too.",
        ),
        Mistake(
            "exponent missing",
            _each(lambda p, gamma: -(1 - p) * np.log(p)),
            "You multiply by (1 - p); gamma plays no part.",
            "gamma is an exponent: `(1 - p) ** gamma`.",
        ),
        Mistake(
            "always two",
            _each(lambda p, gamma: -((1 - p) ** 2) * np.log(p)),
            "You raise to the power of 2, whatever gamma is.",
            "Use the argument: `(1 - p) ** gamma`.",
        ),
        Mistake(
            "logarithm of one minus p",
            _each(lambda p, gamma: -((1 - p) ** gamma) * np.log(1 - p)),
            "You take the logarithm of 1 - p.",
            "Take the logarithm of p; only the factor has 1 - p.",
        ),
        Mistake(
            "mean over classes too",
            lambda labels, p, gamma: _focal(labels, p, gamma) / p.shape[1],
            "You divide by the number of classes too.",
            "Add over the classes, then take the mean over the images.",
        ),
        Mistake(
            "one for each image",
            _focal_of_each,
            "That is the loss of each image. Asked for is one number.",
            "Take the mean.",
        ),
        Mistake(
            "two means",
            _factor_outside,
            "You multiply the mean factor by the mean loss.",
            "Each image has its own factor: multiply first, then take the mean.",
        ),
        Mistake(
            "alpha",
            lambda labels, p, gamma: 0.25 * _focal(labels, p, gamma),
            "There is a factor 0.25 in it: Keras's `alpha`.",
            "Leave alpha out here.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    gammas = (2.0, 1.0, 0.0, 3.0, 0.5, 2.0)
    *batches, (labels, p) = _batches(rng)
    for batch, gamma in zip(batches, gammas, strict=True):
        yield *batch, gamma
    yield hard("3,000 rows", labels, p, 2.0)
