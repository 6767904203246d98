"""The checks of chapter 5, Layers and backpropagation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from imgcls_helpers.checks import function_exercise, hard

# 5.1 ------------------------------------------------------------------------


def _dense(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return x @ kernel + bias


@function_exercise(
    "5.1",
    "A dense layer",
    reference=_dense,
    mistakes="""
    no bias: bias := 0
        The weighted sums are right, but the biases are missing.
        Hint: Add `bias`: one number for each unit.
    bias once for each input: bias := x.shape[1] * bias
        The bias is added once for each input instead of once for each sum.
        Hint: Start each sum at the bias, outside the loop over the inputs.
    bias taken away: bias := -bias
        The bias is subtracted.
        Hint: The formula adds it.
    bias added to the inputs' side: x @ kernel + bias => x @ (kernel + bias)
        The bias is added to every weight, so that it is multiplied by the inputs.
        Hint: Form the product first, then add the bias.
    activation: result := np.maximum(result, 0)
        Negative sums have become 0: there is a ReLU in it.
        Hint: Return the sums themselves; the activation function comes after them.
    bias along the batch: bias := bias[:, np.newaxis]
        The bias is added along the batch: one number for each example.
        Hint: Each unit has a bias of its own: shape (U,) fits the last axis.
    kernel transposed: kernel := kernel.T
        The kernel is transposed.
        Hint: `kernel` has shape (D, U) already: column u holds the weights of unit u.
    units first: result := result.T
        The result is transposed: units first, examples second.
        Hint: Row n of the result belongs to example n: the shape is (N, U).
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield (
        np.array([[1.0, 2.0]]),
        np.array([[1.0, -3.0], [2.0, 1.0]]),
        np.array([0.5, -0.5]),
    )
    for n, d, u in [(1, 1, 1), (3, 3, 3), (2, 4, 3), (6, 5, 2)]:
        yield rng.normal(size=(n, d)), rng.normal(size=(d, u)), rng.normal(size=u)


# 5.2 ------------------------------------------------------------------------


def _sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def _sigmoid_backward(dy: np.ndarray, a: np.ndarray) -> np.ndarray:
    y = _sigmoid(a)
    return dy * y * (1 - y)


@function_exercise(
    "5.2",
    "The sigmoid, backwards",
    reference=_sigmoid_backward,
    mistakes="""
    input taken for the result: _sigmoid(a) => a
        You use `a` where the formula has the result of the sigmoid.
        Hint: Compute `y = 1 / (1 + np.exp(-a))` first; the slope is `y * (1 - y)`.
    only the slope: dy := 1
        That is the slope of the sigmoid. The gradient that arrives, `dy`, does not
        appear.
        Hint: Chain rule: multiply the slope by `dy`.
    slope added: dy * y => dy + y
        The slope is added to `dy`.
        Hint: Along one way, gradients and slopes multiply.
    half of the slope: y * (1 - y) => y
        It multiplies by the result of the sigmoid, not by its slope.
        Hint: The slope has two factors: `y` and `1 - y`.
    sign: 1 - y => y - 1
        The sign is wrong: the sigmoid rises everywhere; its slope is positive.
        Hint: It is `1 - y`, not `y - 1`.
    slope of tanh: y * (1 - y) => (1 - y**2)
        `1 - y**2` is the slope of tanh.
        Hint: The slope of the sigmoid is `y * (1 - y)`.
    slope at dy: a := dy
        The slope is taken at `dy`. It depends on what went into the sigmoid.
        Hint: Compute the sigmoid of `a`.
    divided by the slope: dy * y * (1 - y) => dy / (y * (1 - y))
        It divides by the slope.
        Hint: Backwards, too, the chain rule multiplies.
    sigmoid applied twice: a := _sigmoid(a)
        The sigmoid is applied twice before the slope is formed.
        Hint: `a` is what went into the sigmoid: apply it once.
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.array([1.0, 2.0]), np.array([0.0, 1.0])
    yield np.array([-3.0, 0.5, 2.0]), np.array([-2.0, 0.0, 0.5])
    for shape in [(1,), (4, 3), (2, 3, 2, 2)]:
        yield rng.normal(size=shape), rng.normal(0, 2, shape)


# 5.3 ------------------------------------------------------------------------


def _softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@function_exercise(
    "5.3",
    "Softmax",
    reference=_softmax,
    mistakes="""
    wrong axis: axis=1 => axis=0
        The columns sum to one: softmax runs over the examples of the batch.
        Hint: Sum over the classes, the last axis: `axis=1`.
    wrong axis, overflow: z - z.max(axis=1, keepdims=True) => z & axis=1 => axis=0
        The columns sum to one: softmax runs over the examples of the batch. Large
        scores overflow, too.
        Hint: Sum over the classes, the last axis: `axis=1`. Then subtract the largest
        score of each row.
    over the whole array: axis=1 => axis=None
        All probabilities together sum to one. Each row has to.
        Hint: Sum over `axis=1` with `keepdims=True`.
    over the whole array, overflow: result := np.exp(z) / np.exp(z).sum()
        All probabilities together sum to one. Each row has to. Large scores overflow,
        too.
        Hint: Sum over `axis=1` with `keepdims=True`. Then subtract the largest score of
        each row.
    overflow: z - z.max(axis=1, keepdims=True) => z
        It is right for small scores, but the exponential of a large one is infinite,
        and infinity divided by infinity is NaN.
        Hint: Subtract the largest score of each row before `np.exp`.
    one maximum for all rows: z.max(axis=1, keepdims=True) => z.max()
        You subtract the largest score of the whole batch. In rows far below it all
        exponentials are 0, and 0 / 0 is NaN.
        Hint: Subtract each row's own maximum: `z.max(axis=1, keepdims=True)`.
    axis dropped: e.sum(axis=1, keepdims=True) => e.sum(axis=1)
        The sums have shape (N,), which NumPy lays along the classes.
        Hint: `keepdims=True` gives them the shape (N, 1), which fits the rows.
    no exponential: np.exp(z - z.max(axis=1, keepdims=True)) => z
        The scores are divided by their sum without an exponential. Scores may be
        negative, probabilities may not.
        Hint: Apply `np.exp` first.
    not divided: e / e.sum(axis=1, keepdims=True) => e
        The exponentials are not divided by their sum.
        Hint: Divide each row by its sum, so that it sums to one.
    logarithm: result := z - np.logaddexp.reduce(z, axis=1, keepdims=True)
        These are the logarithms of the probabilities.
        Hint: Return the probabilities themselves.
    sigmoid: result := np.exp(-np.logaddexp(0, -z))
        That is the sigmoid of each score by itself; the rows do not sum to one.
        Hint: Divide the exponential of each score by the sum over its row.
    only the winner: result := np.eye(z.shape[1])[z.argmax(axis=1)]
        The largest score gets 1 and the others get 0: that is the answer, not the
        probabilities.
        Hint: Every class gets a share, in proportion to its exponential.
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield (np.array([[0.0, np.log(3.0)]]),)
    yield (np.array([[1.0, 2.0, 3.0], [2.0, 0.0, 0.5]]),)
    # No square batch: there a dropped axis would go unnoticed by NumPy.
    for n, k in [(4, 3), (3, 10)]:
        yield (rng.normal(0, 2, (n, k)),)
    yield (np.array([[1000.0, 1001.0, 999.0], [-1.0, 0.0, 1.0]]),)
    yield hard(
        "rows of -1000", np.array([[-1000.0, -1001.0, -1002.0], [0.0, 5.0, -2.0]])
    )
    yield hard("1000 beside 0", np.array([[1000.0, 0.0, 0.0, 0.0], [3.0, 0, 1, 2]]))
    yield hard("1000 beside -1000", np.array([[1000.0, -1000.0, 0.0], [0.0, 1.0, 2.0]]))
    far = np.array([[1000.0, 999.0, 998.0], [-1000.0, -999.0, -998.0]])
    yield hard("a row of 1000 over one of -1000", far)


# 5.4 ------------------------------------------------------------------------


def _dense_backward(dy: np.ndarray, x: np.ndarray, kernel: np.ndarray) -> tuple:
    return dy @ kernel.T, x.T @ dy, dy.sum(axis=0)


@function_exercise(
    "5.4",
    "A dense layer, backwards",
    reference=_dense_backward,
    names=("dy", "x", "kernel"),
    mistakes="""
    bias not summed: dy.sum(axis=0) => dy
        The bias gets one gradient for each example.
        Hint: One bias serves all examples of the batch: add their gradients up.
    bias averaged: dy.sum => dy.mean
        The gradient of the bias is averaged over the batch.
        Hint: It is a sum; `dy` belongs to the loss of the whole batch already.
    batch averaged: x.T @ dy => x.T @ dy / len(x) & dy.sum => dy.mean
        The gradients of kernel and bias are divided by the number of examples.
        Hint: `dy` belongs to the loss of the whole batch already: only add up.
    bias keeps its axis: axis=0 => axis=0, keepdims=True
        The gradient of the bias has shape (1, U); the bias has shape (U,).
        Hint: A gradient has the shape of the thing itself: leave out `keepdims`.
    bias summed over the units: axis=0 => axis=1
        The gradient of the bias is summed over the units.
        Hint: Sum over the examples: `axis=0`.
    bias is one: dy.sum(axis=0) => np.ones(dy.shape[1])
        The slope of a sum with respect to its bias is 1, but `dy` is missing.
        Hint: Chain rule: multiply the 1 by `dy`, and add over the examples.
    kernel not transposed: kernel.T => kernel
        For the gradient of `x`, the kernel has to be transposed.
        Hint: (N, U) times (U, D) gives (N, D): `dy @ kernel.T`.
    kernel's gradient transposed: x.T @ dy => dy.T @ x
        The gradient of the kernel is transposed: it has shape (U, D).
        Hint: (D, N) times (N, U) gives (D, U): `x.T @ dy`.
    kernel first: result := (result[1], result[2], result[0])
        The order is different: yours is kernel, bias, x.
        Hint: Return the gradients of x, of the kernel and of the bias.
    kernel before x: result := (result[1], result[0], result[2])
        The order is different: yours is kernel, x, bias.
        Hint: Return the gradients of x, of the kernel and of the bias.
    all averaged: dy := dy / len(x)
        All three gradients are divided by the number of examples.
        Hint: `dy` belongs to the loss of the whole batch already: divide nothing.
    one bias for all: dy.sum(axis=0) => dy.sum()
        The gradient of the bias is added up over examples and units.
        Hint: Each unit has a bias of its own: sum over `axis=0` alone.
    dy missing on the way to x: dy @ kernel.T => np.ones_like(dy) @ kernel.T
        The gradient of `x` does not depend on `dy`.
        Hint: Chain rule: the weights are multiplied by what arrives, `dy @ kernel.T`.
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield (
        np.array([[1.0, 2.0], [3.0, -1.0]]),
        np.array([[1.0, 0.0], [2.0, 1.0]]),
        np.array([[1.0, -1.0], [0.0, 2.0]]),
    )
    for n, d, u in [(1, 2, 3), (3, 3, 3), (4, 2, 3), (6, 5, 2)]:
        yield (
            rng.normal(size=(n, u)),
            rng.normal(size=(n, d)),
            rng.normal(size=(d, u)),
        )


# 5.5 ------------------------------------------------------------------------

_EPSILON = 1e-3


def _batch_norm(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> np.ndarray:
    mean = x.mean(axis=(0, 1, 2), keepdims=True)
    variance = x.var(axis=(0, 1, 2), keepdims=True)
    normalized = (x - mean) / np.sqrt(variance + _EPSILON)
    return gamma * normalized + beta


@function_exercise(
    "5.5",
    "Batch normalization",
    reference=_batch_norm,
    mistakes="""
    over the batch only: (0, 1, 2) => 0
        Every place of the feature map has a mean of its own.
        Hint: Average over rows and columns too: `axis=(0, 1, 2)`.
    all channels together: (0, 1, 2) => None
        There is one mean and one variance for all channels together.
        Hint: Each channel is normalized by itself: leave the last axis out.
    each image by itself: (0, 1, 2) => (1, 2)
        Each image is normalized by itself. That exists too: it is called instance
        normalization.
        Hint: Average over the batch as well: `axis=(0, 1, 2)`.
    over the channels: (0, 1, 2) => 3
        The mean is taken over the channels of each place.
        Hint: Average over all axes but the channels: `axis=(0, 1, 2)`.
    variance instead of its root: np.sqrt(variance + _EPSILON) => (variance + _EPSILON)
        It divides by the variance.
        Hint: Take the square root of the variance plus epsilon.
    one less: x.var( => x.var(ddof=1,
        The variance divides by one less than the number of values (`ddof=1`).
        Hint: The layer takes the plain mean of the squares: `ddof=0`.
    epsilon outside the root: np.sqrt(variance + _EPSILON) => (variance**0.5 + _EPSILON)
        Epsilon is added to the standard deviation.
        Hint: It belongs under the root: `np.sqrt(variance + 0.001)`.
    no epsilon: _EPSILON => 0
        Epsilon is missing; a channel that is constant is divided by zero.
        Hint: Divide by `np.sqrt(variance + 0.001)`.
    scale and shift swapped: gamma * normalized + beta => beta * normalized + gamma
        `gamma` and `beta` have changed places.
        Hint: `gamma` multiplies, `beta` is added.
    shifted before the scale: normalized + beta => (normalized + beta)
        The shift is multiplied by `gamma`.
        Hint: Scale first, then add `beta`.
    no shift: beta := 0
        The values are scaled, but not shifted.
        Hint: Add `beta`.
    no scale: gamma := 1
        The values are shifted, but not scaled.
        Hint: Multiply the normalized values by `gamma` before you add `beta`.
    another epsilon: _EPSILON => 1e-5
        Epsilon is 0.00001, the value that PyTorch takes.
        Hint: Here it is 0.001, as in Keras.
    no scale and shift: gamma := 1 & beta := 0
        The values are normalized, but neither scaled nor shifted.
        Hint: Multiply by `gamma` and add `beta`.
    mean left in: x - mean => x
        The mean is not taken away.
        Hint: Subtract each channel's mean before you divide.
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield (
        np.array([2.0, 4.0, 4.0, 6.0]).reshape(2, 2, 1, 1),
        np.array([10.0]),
        np.array([1.0]),
    )
    for n, height, width, c in [(2, 2, 2, 2), (4, 3, 2, 3), (3, 2, 2, 3)]:
        # Channels that differ in mean and in size: one of them hardly varies.
        level, size = rng.normal(0, 3, c), np.geomspace(0.05, 2, c)
        yield (
            rng.normal(level, size, (n, height, width, c)),
            rng.uniform(0.5, 2, c),
            rng.normal(size=c),
        )
    constant = rng.normal(size=(3, 2, 2, 2)) * [1, 0] + [0, 5]
    yield constant, np.array([2.0, 3.0]), np.array([0.5, -1.0])
