"""The checks of project 1, A convolutional network by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

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

_Arrays = list[np.ndarray]


# P1.1 -----------------------------------------------------------------------


def _conv(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return scratch.conv2d(x, kernel) + bias


def _first_channel(x, kernel, bias):
    return _conv(x[..., :1], kernel[:, :, :1], bias)


def _mean_of_channels(x, kernel, bias):
    return _conv(x, kernel / x.shape[3], bias)


def _same_size(x, kernel, bias):
    return scratch.conv2d(x, kernel, padding="same") + bias


@function_exercise(
    "P1.1",
    "A convolution for a batch",
    reference=_conv,
    mistakes=[
        Mistake(
            "kernel flipped",
            lambda x, kernel, bias: _conv(x, kernel[::-1, ::-1], bias),
            "The kernel is flipped. That is the convolution of mathematics; networks "
            "do without the flip.",
            "Kernel element (r, s) meets pixel (p + r, q + s).",
        ),
        Mistake(
            "bias missing",
            lambda x, kernel, bias: scratch.conv2d(x, kernel),
            "The bias is missing.",
            "Add `bias`: it has one number for each filter, the last axis.",
        ),
        Mistake(
            "bias added for every channel",
            lambda x, kernel, bias: _conv(x, kernel, bias * x.shape[3]),
            "The bias is added once for each input channel.",
            "Add it once, after the sum over rows, columns and channels.",
        ),
        Mistake(
            "first channel only",
            _first_channel,
            "Only the first input channel counts.",
            "Sum over the channels as well as over the window.",
        ),
        Mistake(
            "mean of the channels",
            _mean_of_channels,
            "You take the mean over the input channels. A filter sums over them.",
        ),
        Mistake(
            "filters summed",
            lambda x, kernel, bias: _conv(x, kernel, bias).sum(axis=3, keepdims=True),
            "The filters are added up. Each gives a feature map of its own.",
            "The last axis of the result counts the filters.",
        ),
        Mistake(
            "padded",
            _same_size,
            "The result is as large as the input: there is padding in it.",
            "Only whole windows count: `height - rows + 1` of them downwards.",
        ),
        Mistake(
            "last place missing",
            lambda x, kernel, bias: _conv(x, kernel, bias)[:, :-1, :-1],
            "The last row and the last column of places are missing.",
            "There are `height - rows + 1` places downwards.",
        ),
        Mistake(
            "filters first",
            lambda x, kernel, bias: _conv(x, kernel, bias).transpose(0, 3, 1, 2),
            "The filters are the second axis of your result.",
            "The shape is (N, P, Q, F): filters last.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    x = np.arange(9.0).reshape(1, 3, 3, 1)
    yield x, np.array([[1.0, 0.0], [0.0, -2.0]]).reshape(2, 2, 1, 1), np.array([0.5])
    for n, height, width, channels, rows, columns, filters in [
        (2, 4, 6, 3, 2, 3, 2),
        (3, 5, 4, 2, 3, 3, 4),
        (1, 3, 3, 2, 3, 3, 2),
    ]:
        yield (
            rng.normal(size=(n, height, width, channels)),
            rng.normal(size=(rows, columns, channels, filters)),
            rng.normal(size=filters),
        )


# P1.2 -----------------------------------------------------------------------


def _conv_backward(dy: np.ndarray, x: np.ndarray, kernel: np.ndarray) -> tuple:
    dx, dkernel = scratch.conv2d_backward(dy, x, kernel)[:2]
    return dx, dkernel, dy.sum(axis=(0, 1, 2))


def _changed(change: Callable) -> Callable:
    """Return a backward pass of which `change` makes a wrong one."""
    return lambda dy, x, kernel: change(*_conv_backward(dy, x, kernel), dy, x, kernel)


def _overwritten(dy: np.ndarray, x: np.ndarray, kernel: np.ndarray) -> tuple:
    _, dkernel, dbias = _conv_backward(dy, x, kernel)
    dx = np.zeros(x.shape)
    rows, columns = kernel.shape[:2]
    for p, q in np.ndindex(dy.shape[1:3]):
        step = np.einsum("nf,rscf->nrsc", dy[:, p, q], kernel)
        dx[:, p : p + rows, q : q + columns] = step
    return dx, dkernel, dbias


def _flipped_back(dy: np.ndarray, x: np.ndarray, kernel: np.ndarray) -> tuple:
    _, dkernel, dbias = _conv_backward(dy, x, kernel)
    return _conv_backward(dy, x, kernel[::-1, ::-1])[0], dkernel, dbias


@function_exercise(
    "P1.2",
    "The convolution, backwards",
    reference=_conv_backward,
    mistakes=[
        Mistake(
            "overwritten",
            _overwritten,
            "A pixel lies in several windows, but only the last gradient is kept.",
            "Write `dx[...] += ...`, not `dx[...] = ...`.",
        ),
        Mistake(
            "kernel flipped",
            _flipped_back,
            "In `dx` the kernel is flipped once too often.",
            "Pixel (p + r, q + s) gets `dy[p, q]` times kernel element (r, s).",
        ),
        Mistake(
            "mean over the images",
            _changed(lambda dx, dk, db, dy, x, k: (dx, dk / len(x), db / len(x))),
            "The gradients of kernel and bias are divided by the number of images.",
            "`dy` belongs to the loss of the whole batch already: sum over the images.",
        ),
        Mistake(
            "first image only",
            _changed(
                lambda dx, dk, db, dy, x, k: (
                    dx,
                    *_conv_backward(dy[:1], x[:1], k)[1:],
                )
            ),
            "The gradients of kernel and bias come from the first image alone.",
            "Every image uses the same kernel: sum over the images.",
        ),
        Mistake(
            "bias as a mean",
            _changed(lambda dx, dk, db, dy, x, k: (dx, dk, dy.mean(axis=(0, 1, 2)))),
            "The gradient of the bias is a mean.",
            "The bias is added at every place: sum `dy` over images and places.",
        ),
        Mistake(
            "bias of ones",
            _changed(lambda dx, dk, db, dy, x, k: (dx, dk, np.ones_like(db))),
            "The gradient of the bias is 1 everywhere: `dy` is not in it.",
            "The bias is added at every place: sum `dy` over images and places.",
        ),
        Mistake(
            "order changed",
            _changed(lambda dx, dk, db, dy, x, k: (dk, db, dx)),
            "The gradients are right, but in another order.",
            "Return those of `x`, of the kernel and of the bias, in this order.",
        ),
        Mistake(
            "dy not in dx",
            _changed(
                lambda dx, dk, db, dy, x, k: (
                    _conv_backward(np.ones_like(dy), x, k)[0],
                    dk,
                    db,
                )
            ),
            "`dy` is not in `dx`: each place adds the kernel as it is.",
            "Multiply the kernel by `dy` of the place.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    x = np.array([1.0, 2.0, 3.0]).reshape(1, 1, 3, 1)
    dy = np.array([1.0, 10.0]).reshape(1, 1, 2, 1)
    yield dy, x, np.array([1.0, -1.0]).reshape(1, 2, 1, 1)
    for n, height, width, channels, rows, columns, filters in [
        (2, 4, 5, 1, 2, 3, 2),
        (3, 5, 4, 2, 3, 3, 4),
    ]:
        yield (
            rng.normal(size=(n, height - rows + 1, width - columns + 1, filters)),
            rng.normal(size=(n, height, width, channels)),
            rng.normal(size=(rows, columns, channels, filters)),
        )


# P1.3 -----------------------------------------------------------------------


def _windows(x: np.ndarray) -> np.ndarray:
    """Return the windows of 2 x 2: shape (N, P, Q, C, 4), in reading order."""
    n, height, width, channels = x.shape
    whole = x[:, : height // 2 * 2, : width // 2 * 2]
    cut = whole.reshape(n, height // 2, 2, width // 2, 2, channels)
    return cut.transpose(0, 1, 3, 5, 2, 4).reshape(*cut.shape[:2], width // 2, -1, 4)


def _pool(x: np.ndarray) -> np.ndarray:
    return _windows(x).max(axis=4)


def _leftover_kept(x: np.ndarray) -> np.ndarray:
    pad = [(0, 0), (0, x.shape[1] % 2), (0, x.shape[2] % 2), (0, 0)]
    return _pool(np.pad(x, pad, constant_values=-np.inf))


@function_exercise(
    "P1.3",
    "Max pooling for a batch",
    reference=_pool,
    mistakes=[
        Mistake(
            "mean",
            lambda x: _windows(x).mean(axis=4),
            "That is the mean of each window: average pooling.",
        ),
        Mistake(
            "minimum",
            lambda x: _windows(x).min(axis=4),
            "That is the smallest number of each window.",
        ),
        Mistake(
            "first pixel",
            lambda x: _windows(x)[..., 0],
            "You keep the first pixel of each window, whatever the others hold.",
            "Compare all four: `x[:, ::2, ::2]` is only one of them.",
        ),
        Mistake(
            "diagonal only",
            lambda x: _windows(x)[..., [0, 3]].max(axis=4),
            "Only two of the four pixels of each window are compared.",
            "There are `[::2, ::2]`, `[::2, 1::2]`, `[1::2, ::2]` and `[1::2, 1::2]`.",
        ),
        Mistake(
            "stride of one",
            lambda x: scratch.max_pool(x, 2, 1),
            "Your windows begin at every pixel; they have to lie side by side.",
            "The step is 2, in both directions.",
        ),
        Mistake(
            "leftover kept",
            _leftover_kept,
            "Where a side is odd, you keep a window that is not whole.",
            "There are `height // 2` windows downwards; cut the rest off first.",
        ),
        Mistake(
            "channels mixed",
            lambda x: _pool(x).max(axis=3, keepdims=True),
            "The maximum runs over the channels too. Every channel is pooled alone.",
        ),
        Mistake(
            "negative values lost",
            lambda x: np.maximum(_pool(x), 0),
            "Where all values of a window are negative, you return 0.",
            "Begin with a value of the window, not with zero.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield (np.array([[1.0, 2.0], [4.0, 3.0]]).reshape(1, 2, 2, 1),)
    yield (np.array([[-1.0, -2.0, 9.0], [-3.0, -4.0, 9.0]]).reshape(1, 2, 3, 1),)
    for shape in [(2, 4, 6, 3), (3, 5, 7, 2), (1, 3, 4, 4)]:
        yield (rng.normal(-0.5, 1, shape),)


# P1.4 -----------------------------------------------------------------------


def _unwindow(windows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Put windows as of `_windows` back into an array of `shape`; the rest is 0."""
    n, rows, columns, channels = windows.shape[:4]
    cut = windows.reshape(n, rows, columns, channels, 2, 2)
    x = np.zeros(shape)
    whole = cut.transpose(0, 1, 4, 2, 5, 3).reshape(n, 2 * rows, 2 * columns, channels)
    x[:, : 2 * rows, : 2 * columns] = whole
    return x


def _shares(choose: Callable) -> Callable:
    """Return a backward pass in which `choose(windows)` says what each pixel gets."""

    def backward(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
        return _unwindow(choose(_windows(x)) * dy[..., None], x.shape)

    return backward


def _first(windows: np.ndarray) -> np.ndarray:
    return windows.argmax(axis=4)[..., None] == np.arange(4)


def _equal(windows: np.ndarray) -> np.ndarray:
    return windows == windows.max(axis=4, keepdims=True)


_pool_backward = _shares(_first)


@function_exercise(
    "P1.4",
    "Max pooling, backwards",
    reference=lambda dy, x: _pool_backward(dy, x),
    mistakes=[
        Mistake(
            "every maximum",
            _shares(_equal),
            "Where several pixels are equally large, each gets the whole gradient: "
            "more comes out than went in.",
            "Give it to the first in reading order. After ReLU many pixels are 0.",
        ),
        Mistake(
            "shared among equals",
            _shares(lambda w: _equal(w) / _equal(w).sum(axis=4, keepdims=True)),
            "Equally large pixels share the gradient. Here the first gets it all.",
        ),
        Mistake(
            "last of equals",
            _shares(lambda w: _first(w[..., ::-1])[..., ::-1]),
            "Among equally large pixels, the last gets the gradient.",
            "Replace the winner only where a later pixel is larger.",
        ),
        Mistake(
            "average pooling",
            _shares(lambda w: np.full(w.shape, 0.25)),
            "All four pixels get a quarter: that is average pooling, backwards.",
        ),
        Mistake(
            "every pixel",
            _shares(np.ones_like),
            "Every pixel gets the whole gradient. Only the largest had a say.",
        ),
        Mistake(
            "ones",
            lambda dy, x: _pool_backward(np.ones_like(dy), x),
            "The places are right, but each winner gets 1 in place of its gradient.",
        ),
        Mistake(
            "smallest",
            _shares(lambda w: _first(-w)),
            "The smallest pixel gets the gradient.",
        ),
        Mistake(
            "values",
            _shares(lambda w: _first(w) * w),
            "You multiply by the value. The derivative of the maximum with respect to "
            "the winner is 1.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.full((1, 1, 1, 1), 5.0), np.array([[1.0, 2], [4, 3]]).reshape(1, 2, 2, 1)
    yield np.full((1, 1, 1, 1), 2.0), np.array([[1.0, 3], [3, 3]]).reshape(1, 2, 2, 1)
    for n, height, width, channels in [(2, 4, 6, 3), (3, 5, 7, 2)]:
        x = rng.integers(-1, 3, (n, height, width, channels)).astype(float)
        yield rng.normal(size=(n, height // 2, width // 2, channels)), x


# P1.5 -----------------------------------------------------------------------


def _loss(logits: np.ndarray, labels: np.ndarray) -> tuple:
    p = scratch.softmax(logits)
    q = np.eye(logits.shape[1])[labels]
    loss = -(q * scratch.log_softmax(logits)).sum(axis=1).mean()
    return loss, (p - q) / len(logits)


def _other_loss(loss: Callable, gradient: Callable) -> Callable:
    """Return an answer made of the right loss and gradient, and the logits."""

    def answer(logits: np.ndarray, labels: np.ndarray) -> tuple:
        right = _loss(logits, labels)
        return loss(right[0], logits), gradient(right[1], logits)

    return answer


def _overflows(logits: np.ndarray, labels: np.ndarray) -> tuple:
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    mine = np.arange(len(labels))
    loss = -np.log(p[mine, labels]).mean()
    p[mine, labels] -= 1
    return loss, p / len(labels)


@function_exercise(
    "P1.5",
    "The loss and its gradient",
    reference=_loss,
    mistakes=[
        Mistake(
            "overflow",
            _overflows,
            "Large logits give infinity or NaN: their exponentials overflow.",
            "Subtract the largest logit of each row first; the result stays the same.",
        ),
        Mistake(
            "gradient not divided",
            _other_loss(lambda loss, z: loss, lambda g, z: g * len(z)),
            "The gradient is that of the sum over the images, the loss is the mean.",
            "Divide the gradient by the number of images.",
        ),
        Mistake(
            "sum over the images",
            _other_loss(lambda loss, z: loss * len(z), lambda g, z: g * len(z)),
            "Loss and gradient are summed over the images, so both grow with the "
            "batch.",
            "Take means.",
        ),
        Mistake(
            "loss summed",
            _other_loss(lambda loss, z: loss * len(z), lambda g, z: g),
            "The loss is the sum over the images, the gradient belongs to the mean.",
        ),
        Mistake(
            "sign of the gradient",
            _other_loss(lambda loss, z: loss, lambda g, z: -g),
            "The gradient has the wrong sign.",
            "Raising the logit of the true class lowers the loss.",
        ),
        Mistake(
            "labels not subtracted",
            _other_loss(lambda loss, z: loss, lambda g, z: scratch.softmax(z) / len(z)),
            "The gradient holds the probabilities alone.",
            "Subtract 1 where the class is the true one.",
        ),
        Mistake(
            "sign of the loss",
            _other_loss(lambda loss, z: -loss, lambda g, z: g),
            "The loss is negative: the minus before the logarithm is missing.",
        ),
        Mistake(
            "base 2",
            _other_loss(lambda loss, z: loss / np.log(2), lambda g, z: g),
            "The logarithm has base 2.",
            "Use `np.log`.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.array([[0.0, 0.0], [1.0, -1.0]]), np.array([0, 1])
    for n, classes in [(3, 4), (8, 10)]:
        yield rng.normal(0, 2, (n, classes)), rng.integers(0, classes, n)
    yield np.array([[1000.0, 0.0, 998.0], [-1000.0, -999.0, -1002.0]]), np.array([2, 0])
    wide = np.array([[1000.0, 0.0, -1000.0], [0.0, 0.0, 1000.0]])
    yield hard("logits of 1000 that are wrong", wide, np.array([1, 0]))


# P1.6 -----------------------------------------------------------------------


def _forward(weights: _Arrays, x: np.ndarray) -> tuple[np.ndarray, ...]:
    kernel, bias, dense, dense_bias = weights
    a = _conv(x, kernel, bias)
    pooled = _pool(np.maximum(a, 0)).reshape(len(x), -1)
    return a, pooled, pooled @ dense + dense_bias


def _gradients(weights: _Arrays, x: np.ndarray, labels: np.ndarray) -> tuple:
    return _backward(weights, x, labels)


def _backward(
    weights: _Arrays,
    x: np.ndarray,
    labels: np.ndarray,
    *,
    relu: Callable = lambda da, a: da * (a > 0),
    choose: Callable = _first,
) -> tuple:
    """Return loss and gradients; `relu` and `choose` may be wrong ones."""
    a, pooled, logits = _forward(weights, x)
    loss, dlogits = _loss(logits, labels)
    relued = np.maximum(a, 0)
    dpooled = (dlogits @ weights[2].T).reshape(_pool(relued).shape)
    da = relu(_shares(choose)(dpooled, relued), a)
    _, dkernel, dbias = _conv_backward(da, x, weights[0])
    return loss, [dkernel, dbias, pooled.T @ dlogits, dlogits.sum(axis=0)]


def _with_gradients(change: Callable) -> Callable:
    def answer(weights: _Arrays, x: np.ndarray, labels: np.ndarray) -> tuple:
        loss, gradients = _gradients(weights, x, labels)
        return loss, change(*gradients)

    return answer


def _not_scaled_back(weights: _Arrays, x: np.ndarray, labels: np.ndarray) -> tuple:
    loss, gradients = _gradients(weights, x, labels)
    return loss, [len(x) * g for g in gradients]


def _no_relu(weights: _Arrays, x: np.ndarray, labels: np.ndarray) -> tuple:
    kernel, bias, dense, dense_bias = weights
    a = _conv(x, kernel, bias)
    pooled = _pool(a).reshape(len(x), -1)
    loss, dlogits = _loss(pooled @ dense + dense_bias, labels)
    da = _pool_backward((dlogits @ dense.T).reshape(_pool(a).shape), a)
    _, dkernel, dbias = _conv_backward(da, x, kernel)
    return loss, [dkernel, dbias, pooled.T @ dlogits, dlogits.sum(axis=0)]


@function_exercise(
    "P1.6",
    "All gradients of the network",
    reference=_gradients,
    mistakes=[
        Mistake(
            "ReLU forgotten on the way back",
            lambda weights, x, labels: _backward(
                weights, x, labels, relu=lambda da, a: da
            ),
            "On the way back ReLU is missing: where it gave 0, no gradient passes.",
            "Multiply by `a > 0`, where `a` is what went into ReLU.",
        ),
        Mistake(
            "no ReLU at all",
            _no_relu,
            "There is no ReLU between convolution and pooling.",
            "`np.maximum(a, 0)` on the way there, `a > 0` on the way back.",
        ),
        Mistake(
            "ReLU of the gradient",
            lambda weights, x, labels: _backward(
                weights, x, labels, relu=lambda da, a: np.maximum(da, 0)
            ),
            "You cut off negative gradients. What counts is the sign of what went "
            "into ReLU.",
            "Multiply by `a > 0`.",
        ),
        Mistake(
            "pooling, backwards, as a mean",
            lambda weights, x, labels: _backward(
                weights, x, labels, choose=lambda w: np.full(w.shape, 0.25)
            ),
            "On the way back, each window shares its gradient among its four pixels.",
            "Give it to the winner: use your function of step 4.",
        ),
        Mistake(
            "convolution not trained",
            _with_gradients(lambda dk, db, dd, de: [0 * dk, 0 * db, dd, de]),
            "The gradients of the convolution are 0.",
            "Go on through the dense layer: `dlogits @ dense.T`, then pooling, ReLU "
            "and the convolution, backwards.",
        ),
        Mistake(
            "biases forgotten",
            _with_gradients(lambda dk, db, dd, de: [dk, 0 * db, dd, 0 * de]),
            "The gradients of both biases are 0.",
        ),
        Mistake(
            "summed over the images",
            _not_scaled_back,
            "The gradients are those of the sum over the images; the loss is a mean.",
            "Divide once, by the number of images: in the gradient of the logits.",
        ),
        Mistake(
            "downhill",
            _with_gradients(lambda *gradients: [-g for g in gradients]),
            "All gradients have the wrong sign.",
            "The step downhill has a minus; the gradient has none.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    for n, side, channels, filters, classes in [
        (1, 4, 1, 1, 2),
        (3, 6, 2, 3, 4),
        (5, 8, 1, 4, 10),
    ]:
        inner = (side - 2) // 2
        weights = [
            rng.normal(size=(3, 3, channels, filters)),
            rng.normal(size=filters),
            rng.normal(size=(inner * inner * filters, classes)),
            rng.normal(size=classes),
        ]
        x = rng.normal(size=(n, side, side, channels))
        yield weights, x, rng.integers(0, classes, n)


# P1.7 -----------------------------------------------------------------------

_TEST = 400  # digits that the check keeps back
_LEAST = 0.92
_CLASSES = 10


def _start(rng: np.random.Generator, filters: int = 8) -> _Arrays:
    return [
        rng.normal(0, (2 / 9) ** 0.5, (3, 3, 1, filters)),
        np.zeros(filters),
        rng.normal(0, (2 / (9 * filters)) ** 0.5, (9 * filters, _CLASSES)),
        np.zeros(_CLASSES),
    ]


def _trained(epochs: int, rate: float) -> Callable:
    def train(
        images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> _Arrays:
        weights = _start(rng)
        velocities = [np.zeros(w.shape) for w in weights]
        for _ in range(epochs):
            for batch in np.array_split(rng.permutation(len(images)), 40):
                _, gradients = _gradients(weights, images[batch] / 255, labels[batch])
                for w, v, g in zip(weights, velocities, gradients, strict=True):
                    v *= 0.9
                    v -= rate * g
                    w += v
        return weights

    return train


def _without_training(
    images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> _Arrays:
    return _start(rng)


def _predictions(
    images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    return _forward(_start(rng), images / 255)[2].argmax(axis=1)


def _other_layers(
    images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> _Arrays:
    return [*_start(rng)[:2], rng.normal(size=(64, _CLASSES)), np.zeros(_CLASSES)]


def _exploded(
    images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> _Arrays:
    return [w * np.nan for w in _start(rng)]


def _always_seven(
    images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> _Arrays:
    return _trained(3, 0.05)(images, np.full_like(labels, 7), rng)


@exercise(
    "P1.7",
    "A network that reads digits",
    seconds=60,
    reference=_trained(20, 0.05),
    mistakes=[
        Mistake("no four arrays", _predictions, ""),
        Mistake("other layers", _other_layers, ""),
        Mistake("not finite", _exploded, ""),
        Mistake("uphill", _trained(1, -0.05), ""),
        Mistake("one answer for all", _always_seven, ""),
        Mistake("hardly trained", _without_training, ""),
        Mistake("trained too little", _trained(2, 0.01), ""),
    ],
)
def _(answer: Any, rng: np.random.Generator) -> None:
    digits = data.load_dataset("digits", validation=0)
    images = np.concatenate([digits.train.images, digits.test.images])
    labels = np.concatenate([digits.train.labels, digits.test.labels])
    order = rng.permutation(len(images))
    test, order = order[:_TEST], order[_TEST:]
    result = call(
        answer, images[order], labels[order], np.random.default_rng(rng.integers(2**32))
    )
    weights = _checked_weights(result)
    logits = _forward(weights, images[order] / 255)[2]
    loss = _loss(logits, labels[order])[0]
    guesses = _forward(weights, images[test] / 255)[2].argmax(axis=1)
    right = np.mean(guesses == labels[test])
    found = f"Of {_TEST} digits that it has not seen, it reads {right:.1%}"
    require(
        loss < 100,
        f"The loss on the training images is {loss:.3g}. Guessing has "
        f"{np.log(_CLASSES):.2f}.",
        "Does a step go against the gradient? Is the learning rate too large?",
        mistake="uphill",
    )
    require(
        len(np.unique(guesses)) > 1,
        f"It answers {guesses[0]} for every image.",
        "Do the labels still belong to their images after shuffling?",
        mistake="one answer for all",
    )
    require(
        right > 0.25,
        f"{found}: hardly better than guessing.",
        "Print the loss after each epoch. Does it fall? Do you scale the images to "
        "0 to 1?",
        mistake="hardly trained",
    )
    require(
        right >= _LEAST,
        f"{found}; this network can do better than {_LEAST:.0%}.",
        "Train for more epochs, or with a larger learning rate, or with momentum.",
        mistake="trained too little",
    )


def _checked_weights(result: Any) -> _Arrays:
    """Return the four arrays of weights; Wrong if they are none."""
    require(
        isinstance(result, (list, tuple)) and len(result) == 4,
        "Expected is a list of four arrays: kernel, bias, dense kernel, dense bias.",
        "Return the weights themselves.",
        mistake="no four arrays",
    )
    shapes = [np.shape(w) for w in result]
    filters = shapes[1][0] if len(shapes[1]) == 1 else 1
    expected = [(3, 3, 1, filters), (filters,), (9 * filters, _CLASSES), (_CLASSES,)]
    require(
        shapes == expected,
        f"The shapes of the weights are {shapes}; with {filters} filters they should "
        f"be {expected}.",
        "8 x 8 pixels become 6 x 6 by the convolution and 3 x 3 by pooling.",
        mistake="other layers",
    )
    names = ["kernel", "bias", "dense kernel", "dense bias"]
    try:
        return [
            np.asarray(assert_array(w, name=name), float)
            for w, name in zip(result, names, strict=True)
        ]
    except Wrong as wrong:
        raise Wrong(
            wrong.message,
            "A learning rate that is too large blows the weights up.",
            mistake="not finite",
        ) from None
