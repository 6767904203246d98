"""The checks of chapter 5, Layers and backpropagation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from imgcls_helpers.checks import Mistake, function_exercise, hard

# 5.1 ------------------------------------------------------------------------


def _dense(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return x @ kernel + bias


@function_exercise(
    "5.1",
    "A dense layer",
    reference=_dense,
    mistakes=[
        Mistake(
            "no bias",
            lambda x, kernel, bias: x @ kernel,
            "The weighted sums are right, but the biases are missing.",
            "Add `bias`: one number for each unit.",
        ),
        Mistake(
            "bias once for each input",
            lambda x, kernel, bias: x @ kernel + x.shape[1] * bias,
            "The bias is added once for each input instead of once for each sum.",
            "Start each sum at the bias, outside the loop over the inputs.",
        ),
        Mistake(
            "bias taken away",
            lambda x, kernel, bias: x @ kernel - bias,
            "The bias is subtracted.",
            "The formula adds it.",
        ),
        Mistake(
            "bias added to the inputs' side",
            lambda x, kernel, bias: x @ (kernel + bias),
            "The bias is added to every weight, so that it is multiplied by the "
            "inputs.",
            "Form the product first, then add the bias.",
        ),
        Mistake(
            "activation",
            lambda x, kernel, bias: np.maximum(x @ kernel + bias, 0),
            "Negative sums have become 0: there is a ReLU in it.",
            "Return the sums themselves; the activation function comes after them.",
        ),
        Mistake(
            "bias along the batch",
            lambda x, kernel, bias: x @ kernel + bias[:, np.newaxis],
            "The bias is added along the batch: one number for each example.",
            "Each unit has a bias of its own: shape (U,) fits the last axis.",
        ),
        Mistake(
            "kernel transposed",
            lambda x, kernel, bias: x @ kernel.T + bias,
            "The kernel is transposed.",
            "`kernel` has shape (D, U) already: column u holds the weights of unit u.",
        ),
        Mistake(
            "units first",
            lambda x, kernel, bias: (x @ kernel + bias).T,
            "The result is transposed: units first, examples second.",
            "Row n of the result belongs to example n: the shape is (N, U).",
        ),
    ],
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
    mistakes=[
        Mistake(
            "input taken for the result",
            lambda dy, a: dy * a * (1 - a),
            "You use `a` where the formula has the result of the sigmoid.",
            "Compute `y = 1 / (1 + np.exp(-a))` first; the slope is `y * (1 - y)`.",
        ),
        Mistake(
            "only the slope",
            lambda dy, a: _sigmoid(a) * (1 - _sigmoid(a)),
            "That is the slope of the sigmoid. The gradient that arrives, `dy`, does "
            "not appear.",
            "Chain rule: multiply the slope by `dy`.",
        ),
        Mistake(
            "slope added",
            lambda dy, a: dy + _sigmoid(a) * (1 - _sigmoid(a)),
            "The slope is added to `dy`.",
            "Along one way, gradients and slopes multiply.",
        ),
        Mistake(
            "half of the slope",
            lambda dy, a: dy * _sigmoid(a),
            "It multiplies by the result of the sigmoid, not by its slope.",
            "The slope has two factors: `y` and `1 - y`.",
        ),
        Mistake(
            "sign",
            lambda dy, a: dy * _sigmoid(a) * (_sigmoid(a) - 1),
            "The sign is wrong: the sigmoid rises everywhere; its slope is positive.",
            "It is `1 - y`, not `y - 1`.",
        ),
        Mistake(
            "slope of tanh",
            lambda dy, a: dy * (1 - _sigmoid(a) ** 2),
            "`1 - y**2` is the slope of tanh.",
            "The slope of the sigmoid is `y * (1 - y)`.",
        ),
        Mistake(
            "slope at dy",
            lambda dy, a: dy * _sigmoid(dy) * (1 - _sigmoid(dy)),
            "The slope is taken at `dy`. It depends on what went into the sigmoid.",
            "Compute the sigmoid of `a`.",
        ),
        Mistake(
            "divided by the slope",
            lambda dy, a: dy / (_sigmoid(a) * (1 - _sigmoid(a))),
            "It divides by the slope.",
            "Backwards, too, the chain rule multiplies.",
        ),
        Mistake(
            "sigmoid applied twice",
            lambda dy, a: dy * _sigmoid(_sigmoid(a)) * (1 - _sigmoid(_sigmoid(a))),
            "The sigmoid is applied twice before the slope is formed.",
            "`a` is what went into the sigmoid: apply it once.",
        ),
    ],
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


def _softmax_over_all(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max())
    return e / e.sum()


def _softmax_unstable(z: np.ndarray) -> np.ndarray:
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)


def _softmax_one_maximum(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max())
    return e / e.sum(axis=1, keepdims=True)


def _softmax_axis_dropped(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1)


@function_exercise(
    "5.3",
    "Softmax",
    reference=_softmax,
    mistakes=[
        Mistake(
            "wrong axis",
            lambda z: _softmax(z.T).T,
            "The columns sum to one: softmax runs over the examples of the batch.",
            "Sum over the classes, the last axis: `axis=1`.",
        ),
        Mistake(
            "wrong axis, overflow",
            lambda z: np.exp(z) / np.exp(z).sum(axis=0),
            "The columns sum to one: softmax runs over the examples of the batch. "
            "Large scores overflow, too.",
            "Sum over the classes, the last axis: `axis=1`. Then subtract the largest "
            "score of each row.",
        ),
        Mistake(
            "over the whole array",
            _softmax_over_all,
            "All probabilities together sum to one. Each row has to.",
            "Sum over `axis=1` with `keepdims=True`.",
        ),
        Mistake(
            "over the whole array, overflow",
            lambda z: np.exp(z) / np.exp(z).sum(),
            "All probabilities together sum to one. Each row has to. Large scores "
            "overflow, too.",
            "Sum over `axis=1` with `keepdims=True`. Then subtract the largest score "
            "of each row.",
        ),
        Mistake(
            "overflow",
            _softmax_unstable,
            "It is right for small scores, but the exponential of a large one is "
            "infinite, and infinity divided by infinity is NaN.",
            "Subtract the largest score of each row before `np.exp`.",
        ),
        Mistake(
            "one maximum for all rows",
            _softmax_one_maximum,
            "You subtract the largest score of the whole batch. In rows far below it "
            "all exponentials are 0, and 0 / 0 is NaN.",
            "Subtract each row's own maximum: `z.max(axis=1, keepdims=True)`.",
        ),
        Mistake(
            "axis dropped",
            _softmax_axis_dropped,
            "The sums have shape (N,), which NumPy lays along the classes.",
            "`keepdims=True` gives them the shape (N, 1), which fits the rows.",
        ),
        Mistake(
            "no exponential",
            lambda z: z / z.sum(axis=1, keepdims=True),
            "The scores are divided by their sum without an exponential. Scores may be "
            "negative, probabilities may not.",
            "Apply `np.exp` first.",
        ),
        Mistake(
            "not divided",
            lambda z: np.exp(z - z.max(axis=1, keepdims=True)),
            "The exponentials are not divided by their sum.",
            "Divide each row by its sum, so that it sums to one.",
        ),
        Mistake(
            "logarithm",
            lambda z: (
                z
                - z.max(axis=1, keepdims=True)
                - np.log(
                    np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True)
                )
            ),
            "These are the logarithms of the probabilities.",
            "Return the probabilities themselves.",
        ),
        Mistake(
            "sigmoid",
            lambda z: np.exp(-np.logaddexp(0, -z)),
            "That is the sigmoid of each score by itself; the rows do not sum to one.",
            "Divide the exponential of each score by the sum over its row.",
        ),
        Mistake(
            "only the winner",
            lambda z: np.eye(z.shape[1])[z.argmax(axis=1)],
            "The largest score gets 1 and the others get 0: that is the answer, not "
            "the probabilities.",
            "Every class gets a share, in proportion to its exponential.",
        ),
    ],
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
    mistakes=[
        Mistake(
            "bias not summed",
            lambda dy, x, kernel: (dy @ kernel.T, x.T @ dy, dy),
            "The bias gets one gradient for each example.",
            "One bias serves all examples of the batch: add their gradients up.",
        ),
        Mistake(
            "bias averaged",
            lambda dy, x, kernel: (dy @ kernel.T, x.T @ dy, dy.mean(axis=0)),
            "The gradient of the bias is averaged over the batch.",
            "It is a sum; `dy` belongs to the loss of the whole batch already.",
        ),
        Mistake(
            "batch averaged",
            lambda dy, x, kernel: (
                dy @ kernel.T,
                x.T @ dy / len(x),
                dy.sum(axis=0) / len(x),
            ),
            "The gradients of kernel and bias are divided by the number of examples.",
            "`dy` belongs to the loss of the whole batch already: only add up.",
        ),
        Mistake(
            "bias keeps its axis",
            lambda dy, x, kernel: (
                dy @ kernel.T,
                x.T @ dy,
                dy.sum(axis=0, keepdims=True),
            ),
            "The gradient of the bias has shape (1, U); the bias has shape (U,).",
            "A gradient has the shape of the thing itself: leave out `keepdims`.",
        ),
        Mistake(
            "bias summed over the units",
            lambda dy, x, kernel: (dy @ kernel.T, x.T @ dy, dy.sum(axis=1)),
            "The gradient of the bias is summed over the units.",
            "Sum over the examples: `axis=0`.",
        ),
        Mistake(
            "bias is one",
            lambda dy, x, kernel: (dy @ kernel.T, x.T @ dy, np.ones(dy.shape[1])),
            "The slope of a sum with respect to its bias is 1, but `dy` is missing.",
            "Chain rule: multiply the 1 by `dy`, and add over the examples.",
        ),
        Mistake(
            "kernel not transposed",
            lambda dy, x, kernel: (dy @ kernel, x.T @ dy, dy.sum(axis=0)),
            "For the gradient of `x`, the kernel has to be transposed.",
            "(N, U) times (U, D) gives (N, D): `dy @ kernel.T`.",
        ),
        Mistake(
            "kernel's gradient transposed",
            lambda dy, x, kernel: (dy @ kernel.T, dy.T @ x, dy.sum(axis=0)),
            "The gradient of the kernel is transposed: it has shape (U, D).",
            "(D, N) times (N, U) gives (D, U): `x.T @ dy`.",
        ),
        Mistake(
            "kernel first",
            lambda dy, x, kernel: (x.T @ dy, dy.sum(axis=0), dy @ kernel.T),
            "The order is different: yours is kernel, bias, x.",
            "Return the gradients of x, of the kernel and of the bias.",
        ),
        Mistake(
            "kernel before x",
            lambda dy, x, kernel: (x.T @ dy, dy @ kernel.T, dy.sum(axis=0)),
            "The order is different: yours is kernel, x, bias.",
            "Return the gradients of x, of the kernel and of the bias.",
        ),
        Mistake(
            "all averaged",
            lambda dy, x, kernel: (
                dy @ kernel.T / len(x),
                x.T @ dy / len(x),
                dy.mean(axis=0),
            ),
            "All three gradients are divided by the number of examples.",
            "`dy` belongs to the loss of the whole batch already: divide nothing.",
        ),
        Mistake(
            "one bias for all",
            lambda dy, x, kernel: (dy @ kernel.T, x.T @ dy, dy.sum()),
            "The gradient of the bias is added up over examples and units.",
            "Each unit has a bias of its own: sum over `axis=0` alone.",
        ),
        Mistake(
            "dy missing on the way to x",
            lambda dy, x, kernel: (
                np.ones_like(dy) @ kernel.T,
                x.T @ dy,
                dy.sum(axis=0),
            ),
            "The gradient of `x` does not depend on `dy`.",
            "Chain rule: the weights are multiplied by what arrives, `dy @ kernel.T`.",
        ),
    ],
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


def _normalized(
    x: np.ndarray, axes: tuple[int, ...] | None = (0, 1, 2), ddof: int = 0
) -> np.ndarray:
    mean = x.mean(axis=axes, keepdims=True)
    variance = x.var(axis=axes, ddof=ddof, keepdims=True)
    return (x - mean) / np.sqrt(variance + _EPSILON)


def _batch_norm(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> np.ndarray:
    return gamma * _normalized(x) + beta


def _centred(x: np.ndarray) -> np.ndarray:
    return x - x.mean(axis=(0, 1, 2))


def _no_epsilon(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> np.ndarray:
    return gamma * _centred(x) / x.std(axis=(0, 1, 2)) + beta


@function_exercise(
    "5.5",
    "Batch normalization",
    reference=_batch_norm,
    mistakes=[
        Mistake(
            "over the batch only",
            lambda x, gamma, beta: gamma * _normalized(x, (0,)) + beta,
            "Every place of the feature map has a mean of its own.",
            "Average over rows and columns too: `axis=(0, 1, 2)`.",
        ),
        Mistake(
            "all channels together",
            lambda x, gamma, beta: gamma * _normalized(x, None) + beta,
            "There is one mean and one variance for all channels together.",
            "Each channel is normalized by itself: leave the last axis out.",
        ),
        Mistake(
            "each image by itself",
            lambda x, gamma, beta: gamma * _normalized(x, (1, 2)) + beta,
            "Each image is normalized by itself. That exists too: it is called "
            "instance normalization.",
            "Average over the batch as well: `axis=(0, 1, 2)`.",
        ),
        Mistake(
            "over the channels",
            lambda x, gamma, beta: gamma * _normalized(x, (3,)) + beta,
            "The mean is taken over the channels of each place.",
            "Average over all axes but the channels: `axis=(0, 1, 2)`.",
        ),
        Mistake(
            "variance instead of its root",
            lambda x, gamma, beta: (
                gamma * _centred(x) / (x.var(axis=(0, 1, 2)) + _EPSILON) + beta
            ),
            "It divides by the variance.",
            "Take the square root of the variance plus epsilon.",
        ),
        Mistake(
            "one less",
            lambda x, gamma, beta: gamma * _normalized(x, ddof=1) + beta,
            "The variance divides by one less than the number of values (`ddof=1`).",
            "The layer takes the plain mean of the squares: `ddof=0`.",
        ),
        Mistake(
            "epsilon outside the root",
            lambda x, gamma, beta: (
                gamma * _centred(x) / (x.std(axis=(0, 1, 2)) + _EPSILON) + beta
            ),
            "Epsilon is added to the standard deviation.",
            "It belongs under the root: `np.sqrt(variance + 0.001)`.",
        ),
        Mistake(
            "no epsilon",
            _no_epsilon,
            "Epsilon is missing; a channel that is constant is divided by zero.",
            "Divide by `np.sqrt(variance + 0.001)`.",
        ),
        Mistake(
            "scale and shift swapped",
            lambda x, gamma, beta: beta * _normalized(x) + gamma,
            "`gamma` and `beta` have changed places.",
            "`gamma` multiplies, `beta` is added.",
        ),
        Mistake(
            "shifted before the scale",
            lambda x, gamma, beta: gamma * (_normalized(x) + beta),
            "The shift is multiplied by `gamma`.",
            "Scale first, then add `beta`.",
        ),
        Mistake(
            "no shift",
            lambda x, gamma, beta: gamma * _normalized(x),
            "The values are scaled, but not shifted.",
            "Add `beta`.",
        ),
        Mistake(
            "no scale",
            lambda x, gamma, beta: _normalized(x) + beta,
            "The values are shifted, but not scaled.",
            "Multiply the normalized values by `gamma` before you add `beta`.",
        ),
        Mistake(
            "another epsilon",
            lambda x, gamma, beta: (
                gamma * _centred(x) / np.sqrt(x.var(axis=(0, 1, 2)) + 1e-5) + beta
            ),
            "Epsilon is 0.00001, the value that PyTorch takes.",
            "Here it is 0.001, as in Keras.",
        ),
        Mistake(
            "no scale and shift",
            lambda x, gamma, beta: _normalized(x),
            "The values are normalized, but neither scaled nor shifted.",
            "Multiply by `gamma` and add `beta`.",
        ),
        Mistake(
            "mean left in",
            lambda x, gamma, beta: (
                gamma * x / np.sqrt(x.var(axis=(0, 1, 2)) + _EPSILON) + beta
            ),
            "The mean is not taken away.",
            "Subtract each channel's mean before you divide.",
        ),
    ],
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
