"""The checks of chapter 6, Loss."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from imgcls_helpers.checks import function_exercise, hard


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
    p = probabilities[np.arange(len(labels)), labels]
    return -np.mean(np.log(p))


@function_exercise(
    "6.1",
    "Cross-entropy from probabilities",
    reference=_cross_entropy,
    mistakes="""
    minus missing: result := -result
        The sign is wrong: a loss gets smaller as the guesses get better.
        Hint: The logarithm of a probability is negative; put a minus in front.
    sum: np.mean => np.sum
        That is the sum over the images, so a larger batch has a larger loss.
        Hint: Take the mean.
    binary logarithm: np.log => np.log2
        That is the logarithm with base 2: the loss in bits.
        Hint: Take the natural logarithm, `np.log`.
    decimal logarithm: np.log => np.log10
        That is the logarithm with base 10.
        Hint: Take the natural logarithm, `np.log`.
    predicted class: np.log(p) => np.log(probabilities.max(axis=1))
        You take the largest probability of each row, right or wrong.
        Hint: Take the probability of the label: `p[np.arange(N), labels]`.
    all classes: np.log(p) => np.log(probabilities).sum(axis=1)
        You add the logarithms of all classes; the labels play no part.
        Hint: Only the probability of the true class counts.
    mean over classes too: result := result / probabilities.shape[1]
        You divide by the number of classes too.
        Hint: Add over the classes, then take the mean over the images.
    rows of the labels: np.arange(len(labels)) => :
        `p[:, labels]` takes the columns of all labels for every image.
        Hint: Pair each image with its own label: `p[np.arange(N), labels]`.
    logarithm of the mean: np.mean(np.log(p)) => np.log(np.mean(p))
        You take the logarithm of the mean probability.
        Hint: Take the logarithm of each, then the mean.
    rows at the labels: np.arange(len(labels)), labels => labels
        `p[labels]` takes whole rows: you use the label as an image's number.
        Hint: Pair each image with its own label: `p[np.arange(N), labels]`.
    one for each image: np.mean(np.log(p)) => np.log(p)
        That is the loss of each image. Asked for is one number.
        Hint: Take the mean.
    divided by the classes: result := result * len(labels) / probabilities.shape[1]
        You divide by the number of classes, not by the number of images.
        Hint: Divide by `len(labels)`, or take the mean.
    binary cross-entropy: np.log(p) => np.log(abs(probabilities - 1 + q))
        & q => np.eye(probabilities.shape[1])[labels]
        That is binary cross-entropy: each class is a question of its own.
        Hint: Only the probability of the true class counts.
    no logarithm: -np.mean(np.log(p)) => np.mean(1 - p)
        That is the mean of one minus the probability.
        Hint: Take minus the logarithm of each probability.
    entropy: np.log(p) => (probabilities * np.log(probabilities)).sum(axis=1)
        That is the entropy of the predictions: how unsure they are, right or wrong.
        Hint: Weigh the logarithms by the one-hot labels, not by `p` itself.
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield from _batches(rng)


# 6.2 ------------------------------------------------------------------------


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


@function_exercise(
    "6.2",
    "A log-softmax that cannot overflow",
    reference=_log_softmax,
    mistakes="""
    softmax: result := np.exp(result)
        That is the softmax itself. Asked for is its logarithm.
        Hint: Work out the logarithm on paper first: it is a difference.
    unstable exponent: logits - logits.max(axis=1, keepdims=True) => logits
        The formula is right, but `np.exp` overflows for logits near 1000, and gives 0
        for logits near -1000.
        Hint: Subtract the largest logit of each row before `np.exp`.
    logarithm of an overflow: logits - logits.max(axis=1, keepdims=True) => logits
        & shifted - np.log( => np.log(np.exp(shifted) /
        `np.exp` overflows for logits near 1000, and infinity divided by infinity is no
        number.
        Hint: Subtract the largest logit of each row, and use log(a / b) = log a - log
        b.
    logarithm of an underflow: result := np.log(np.exp(result))
        It does not overflow, but a probability below about 1e-308 becomes 0, and its
        logarithm minus infinity.
        Hint: Never compute the probabilities: log(a / b) = log a - log b, and log of
        exp(x) is x.
    small number added: result := np.log(np.exp(result) + 1e-7)
        The small number under the logarithm hides that some probabilities became 0, and
        bends the result: it never falls below about -16.
        Hint: Never compute the probabilities: log(a / b) = log a - log b.
    clipped: result := np.log(np.clip(np.exp(result), 1e-7, 1))
        Clipped probabilities give a result that never falls below about -16.
        Hint: Never compute the probabilities: log(a / b) = log a - log b.
    maximum of the whole array: logits.max(axis=1, keepdims=True) => logits.max()
        You subtract the largest logit of the whole array. In a row that lies far below,
        every exponential becomes 0.
        Hint: Subtract the maximum of each row: `z.max(axis=1, keepdims=True)`.
    sum over the whole array: sum(axis=1, keepdims=True) => sum()
        You divide by the sum of the whole array, not of each row.
        Hint: Sum with `axis=1, keepdims=True`.
    wrong axis: axis=1 => axis=0
        The columns sum to one, not the rows.
        Hint: The classes lie along axis 1.
    shape of the sums: sum(axis=1, keepdims=True) => sum(axis=1)
        The sums have shape (N,), so NumPy subtracts them from the columns, or refuses.
        Hint: Keep them as a column: `keepdims=True`.
    shifted only: result := logits - logits.max(axis=1, keepdims=True)
        You subtract the maximum, and stop there.
        Hint: Subtract also the logarithm of the sum of the exponentials.
    sum added: shifted - np.log => shifted + np.log
        You add the logarithm of the sum.
        Hint: The logarithm of a quotient is a difference: subtract it.
    sum without its logarithm: np.log(np.exp(shifted) => (np.exp(shifted)
        You subtract the sum itself.
        Hint: Subtract its logarithm.
    maximum of each column: logits.max(axis=1, keepdims=True) => logits.max(axis=0)
        You subtract the largest logit of each column.
        Hint: Subtract the maximum of each row: `z.max(axis=1, keepdims=True)`.
    shift not applied: shifted - np.log => logits - np.log
        The sum is that of the shifted logits, but you subtract it from those that were
        not shifted.
        Hint: Use the shifted logits in both places.
    """,
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


def _softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _logit_gradient(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    p = _softmax(logits)
    p[np.arange(len(labels)), labels] -= 1
    return p / len(labels)


@function_exercise(
    "6.3",
    "The gradient of softmax and cross-entropy",
    reference=_logit_gradient,
    mistakes="""
    not divided by the batch: p / len(labels) => p
        Each row is the gradient of its own image's loss. The loss is the mean, so its
        gradient is divided by the number of images.
        Hint: Divide by `len(labels)`.
    sign: result := -result
        That is the step that makes the loss smaller: minus the gradient.
        Hint: The gradient is prediction minus label, not label minus prediction.
    divided by the classes too: result := result / logits.shape[1]
        You divide by the number of classes too.
        Hint: The loss adds over the classes; only over the images is it a mean.
    divided by the classes: p / len(labels) => p / logits.shape[1]
        You divide by the number of classes, not by the number of images.
        Hint: `len(logits)` is the number of images.
    label not subtracted: -= 1 => -= 0
        Those are the probabilities. A gradient that does not look at the labels teaches
        nothing.
        Hint: Subtract 1 at the true class of each row.
    unstable exponent: z - z.max(axis=1, keepdims=True) => z
        The formula is right, but `np.exp` overflows for logits near 1000.
        Hint: Subtract the largest logit of each row before `np.exp`.
    softmax left out: _softmax(logits) => logits.copy()
        You subtract the labels from the logits.
        Hint: Subtract them from the probabilities, the softmax of the logits.
    only the true class: result := result * np.eye(logits.shape[1])[labels]
        Only the true class has a gradient. A logit of another class matters too,
        because it takes probability away.
        Hint: Keep the probabilities of the other classes: p - q for all of them.
    class numbers subtracted: p[np.arange(len(labels)), labels] => p
        & -= 1 => -= labels[:, None]
        You subtract the class number from the whole row.
        Hint: Subtract the one-hot row: 1 at the true class, 0 elsewhere.
    averaged over the images: result := result.sum(axis=0)
        You add the rows. Each image has logits of its own, so it has a gradient of its
        own.
        Hint: Divide by the number of images, and keep the shape (N, K).
    with respect to the probabilities: return p => return -q / _softmax(logits)
        & q => np.eye(logits.shape[1])[labels]
        That is the gradient with respect to the probabilities.
        Hint: Go back through the softmax too; what comes out is p - q.
    columns of the labels: np.arange(len(labels)) => :
        `p[:, labels] -= 1` changes these columns in every row.
        Hint: Pair each row with its own label: `p[np.arange(N), labels]`.
    wrong axis: axis=1 => axis=0
        The softmax runs over the images, not over the classes.
        Hint: The classes lie along axis 1.
    """,
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
    q = np.eye(classes)[labels]
    return q * (1 - e) + e / classes


@function_exercise(
    "6.4",
    "One-hot labels, smoothed",
    reference=_smooth,
    mistakes="""
    not smoothed: e := 0
        These are one-hot labels without smoothing.
        Hint: Shrink them by 1 - e and add e / classes everywhere.
    shared by the other classes: e / classes => (1 - q) * e / (classes - 1)
        You give e to the other classes alone. That sums to one too, but it is another
        convention: here, and in Keras, the true class gets its share of e as well.
        Hint: Add e / classes everywhere, at the true class too.
    does not sum to one: e / classes => (1 - q) * e / classes
        The true class has 1 - e and the others e / classes: the row sums to less than
        one.
        Hint: The true class gets 1 - e + e / classes.
    not shrunk: q * (1 - e) => q
        You add e / classes everywhere and take nothing away: the rows sum to 1 + e.
        Hint: Multiply the one-hot labels by 1 - e first.
    e for each class: e / classes => e
        You add e to every class.
        Hint: Share it: e / classes for each.
    one class too few: e / classes => e / (classes - 1)
        You add e / (classes - 1) everywhere: the rows sum to more than one.
        Hint: All classes share e, the true one too: e / classes for each.
    half of e: e / classes => e / 2
        You add e / 2. That is the rule for yes-or-no questions.
        Hint: With K classes each gets e / K.
    e given to nobody: e / classes => 0
        You take e away and give it to nobody.
        Hint: Add e / classes everywhere.
    counted from one: labels := labels - 1
        The 1 stands one place too far left.
        Hint: Classes are counted from 0: label 0 belongs in column 0.
    classes on the rows: result := result.T
        Rows and columns are swapped.
        Hint: One row for each image: shape (N, classes).
    classes counted from the labels: classes := labels.max() + 1
        You count the classes from the labels that you see. A batch need not hold the
        last class.
        Hint: Use `classes`.
    """,
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
    p = probabilities[np.arange(len(labels)), labels]
    return -np.mean((1 - p) ** gamma * np.log(p))


@function_exercise(
    "6.5",
    "Focal loss",
    reference=_focal,
    mistakes="""
    plain cross-entropy: gamma := 0
        That is the plain cross-entropy; gamma plays no part.
        Hint: Multiply each image's loss by (1 - p) to the power of gamma.
    sure ones count more: (1 - p) ** gamma => p**gamma
        The factor is p to the power of gamma: it makes the sure images count and the
        hard ones vanish.
        Hint: Take (1 - p) to the power of gamma.
    power of p: (1 - p) ** gamma => (1 - p**gamma)
        You raise p to the power, then subtract it from 1.
        Hint: Subtract first: `(1 - p) ** gamma`.
    times gamma: (1 - p) ** gamma => (1 - p) * gamma
        You multiply by gamma.
        Hint: gamma is an exponent: `(1 - p) ** gamma`.
    power of the logarithm: ** gamma * np.log(p) => * np.abs(np.log(p)) ** gamma
        You raise the logarithm to the power of gamma.
        Hint: The exponent belongs to (1 - p).
    minus missing: result := -result
        The sign is wrong: a loss is not negative.
        Hint: The logarithm of a probability is negative; put a minus in front.
    sum: np.mean => np.sum
        That is the sum over the images.
        Hint: Take the mean.
    factor of all classes: (1 - p) ** gamma => factors.sum(axis=1)
        & factors => ((1 - probabilities) ** gamma)
        The factor adds over all classes.
        Hint: Only the probability of the true class counts, in the factor too.
    factor of the predicted class: 1 - p => 1 - probabilities.max(axis=1)
        The factor looks at the largest probability: an image that is surely wrong would
        hardly count.
        Hint: Use the probability of the true class in the factor too.
    exponent missing: gamma := 1
        You multiply by (1 - p); gamma plays no part.
        Hint: gamma is an exponent: `(1 - p) ** gamma`.
    always two: gamma := 2
        You raise to the power of 2, whatever gamma is.
        Hint: Use the argument: `(1 - p) ** gamma`.
    logarithm of one minus p: np.log(p) => np.log(1 - p)
        You take the logarithm of 1 - p.
        Hint: Take the logarithm of p; only the factor has 1 - p.
    mean over classes too: result := result / probabilities.shape[1]
        You divide by the number of classes too.
        Hint: Add over the classes, then take the mean over the images.
    one for each image: np.mean( => (
        That is the loss of each image. Asked for is one number.
        Hint: Take the mean.
    two means: gamma * np.log(p) => gamma) * np.mean(np.log(p)
        You multiply the mean factor by the mean loss.
        Hint: Each image has its own factor: multiply first, then take the mean.
    alpha: result := 0.25 * result
        There is a factor 0.25 in it: Keras's `alpha`.
        Hint: Leave alpha out here.
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    gammas = (2.0, 1.0, 0.0, 3.0, 0.5, 2.0)
    *batches, (labels, p) = _batches(rng)
    for batch, gamma in zip(batches, gammas, strict=True):
        yield *batch, gamma
    yield hard("3,000 rows", labels, p, 2.0)
