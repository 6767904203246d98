"""The checks of chapter 4, Pooling."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from imgcls_helpers.checks import Mistake, function_exercise


def _positions(size: int, window: int, stride: int) -> int:
    return (size - window) // stride + 1


def _pool(
    x: np.ndarray, size: int, stride: int, summary: Callable = np.max
) -> np.ndarray:
    """Summarize each window of an image of shape (H, W, C)."""
    rows = _positions(x.shape[0], size, stride)
    columns = _positions(x.shape[1], size, stride)
    y = np.empty((rows, columns, x.shape[2]))
    for p, q in np.ndindex(rows, columns):
        top, left = stride * p, stride * q
        y[p, q] = summary(x[top : top + size, left : left + size], axis=(0, 1))
    return y


# 4.1 ------------------------------------------------------------------------


def _max_pool(x: np.ndarray, size: int, stride: int) -> np.ndarray:
    return _pool(x, size, stride)


def _over_channels(x: np.ndarray, size: int, stride: int) -> np.ndarray:
    return _pool(x, size, stride).max(axis=2)


def _one_for_all_channels(x: np.ndarray, size: int, stride: int) -> np.ndarray:
    y = _pool(x, size, stride)
    return np.broadcast_to(y.max(axis=2, keepdims=True), y.shape)


def _step_of_one(x: np.ndarray, size: int, stride: int) -> np.ndarray:
    rows, columns = _pool(x, size, stride).shape[:2]
    return _pool(x, size, 1)[:rows, :columns]


def _one_too_few(x: np.ndarray, size: int, stride: int) -> np.ndarray:
    rows = (x.shape[0] - size) // stride
    columns = (x.shape[1] - size) // stride
    return _pool(x, size, stride)[:rows, :columns]


def _incomplete_windows(x: np.ndarray, size: int, stride: int) -> np.ndarray:
    rows = range(0, x.shape[0], stride)
    columns = range(0, x.shape[1], stride)
    return np.array(
        [
            [x[r : r + size, c : c + size].max(axis=(0, 1)) for c in columns]
            for r in rows
        ]
    )


def _sizes_swapped(x: np.ndarray, size: int, stride: int) -> np.ndarray:
    rows = _positions(x.shape[1], size, stride)
    columns = _positions(x.shape[0], size, stride)
    y = np.empty((rows, columns, x.shape[2]))
    for p, q in np.ndindex(rows, columns):
        top, left = stride * p, stride * q
        y[p, q] = x[top : top + size, left : left + size].max(axis=(0, 1))
    return y


def _window_too_large(x: np.ndarray, size: int, stride: int) -> np.ndarray:
    y = np.empty_like(_pool(x, size, stride))
    for p, q in np.ndindex(y.shape[:2]):
        top, left = stride * p, stride * q
        y[p, q] = x[top : top + size + 1, left : left + size + 1].max(axis=(0, 1))
    return y


@function_exercise(
    "4.1",
    "Max pooling with a window and a stride",
    reference=_max_pool,
    mistakes=[
        Mistake(
            "one maximum over all",
            lambda x, size, stride: x.max(),
            "That is one maximum over all of `x`: there is no window and no stride.",
            "Take the maximum of `x[top:top + size, left:left + size]`.",
        ),
        Mistake(
            "global max pooling",
            lambda x, size, stride: x.max(axis=(0, 1)),
            "That is the maximum of each whole channel: global max pooling.",
            "Window (p, q) begins at row `stride * p` and column `stride * q`.",
        ),
        Mistake(
            "channels mixed",
            _over_channels,
            "The maximum runs over the channels too. Every channel is pooled alone.",
            "Take the maximum over rows and columns only: `axis=(0, 1)`.",
        ),
        Mistake(
            "one maximum for all channels",
            _one_for_all_channels,
            "All channels of a place get the same number: the maximum runs over the "
            "channels too.",
            "Take the maximum over rows and columns only: `axis=(0, 1)`.",
        ),
        Mistake(
            "stride ignored",
            lambda x, size, stride: _pool(x, size, size),
            "Your windows lie side by side: the step is the size of the window, "
            "whatever `stride` says.",
            "Window (p, q) begins at row `stride * p` and column `stride * q`.",
        ),
        Mistake(
            "stride of one",
            lambda x, size, stride: _pool(x, size, 1),
            "Your windows begin at every pixel, whatever `stride` says.",
            "Window (p, q) begins at row `stride * p` and column `stride * q`.",
        ),
        Mistake(
            "step of one",
            _step_of_one,
            "There are as many windows as there should be, but each begins one pixel "
            "after the last.",
            "Window (p, q) begins at row `stride * p` and column `stride * q`.",
        ),
        Mistake(
            "minimum",
            lambda x, size, stride: _pool(x, size, stride, np.min),
            "That is the smallest number of each window.",
            "Keep the largest value of the window.",
        ),
        Mistake(
            "mean",
            lambda x, size, stride: _pool(x, size, stride, np.mean),
            "That is the mean of each window: average pooling.",
            "Keep the largest value of the window.",
        ),
        Mistake(
            "sum",
            lambda x, size, stride: _pool(x, size, stride, np.sum),
            "That is the sum of each window.",
            "Keep the largest value of the window.",
        ),
        Mistake(
            "largest magnitude",
            lambda x, size, stride: _pool(abs(x), size, stride),
            "That is the largest magnitude: minus signs are lost.",
            "−3 is smaller than 2, though its magnitude is larger.",
        ),
        Mistake(
            "negative values lost",
            lambda x, size, stride: np.maximum(_pool(x, size, stride), 0),
            "Where all values of a window are negative, you return 0.",
            "Begin the search with a value of the window, or with `-np.inf`, not with "
            "zero.",
        ),
        Mistake(
            "rows and columns swapped",
            lambda x, size, stride: _pool(x, size, stride).swapaxes(0, 1),
            "Rows and columns of the result are swapped.",
            "The first index of the result counts the windows downwards.",
        ),
        Mistake(
            "height and width swapped",
            _sizes_swapped,
            "The number of rows comes from the width, and that of columns from the "
            "height.",
            "`x.shape` is (height, width, channels).",
        ),
        Mistake(
            "last window missing",
            _one_too_few,
            "The last window of each row and column is missing.",
            "There are `(height - size) // stride + 1` windows downwards.",
        ),
        Mistake(
            "incomplete windows",
            _incomplete_windows,
            "You keep windows that reach beyond the edge. Here only whole windows "
            "count.",
            "There are `(height - size) // stride + 1` windows downwards.",
        ),
        Mistake(
            "window too large",
            _window_too_large,
            "Your windows have one row and one column too many.",
            "A slice `top:top + size` has `size` rows already.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.array([[1.0, 2.0, 3.0], [6.0, 5.0, 4.0]]).reshape(2, 3, 1), 2, 1
    yield np.array([[-1.0, -2.0], [-3.0, -4.0]]).reshape(2, 2, 1), 2, 2
    # Strides below, equal to and above the size of the window; odd leftovers.
    for height, width, channels, size, stride in [
        (5, 7, 2, 3, 2),
        (7, 5, 3, 2, 3),
        (6, 8, 2, 2, 2),
        (8, 7, 1, 4, 3),
        (3, 3, 4, 1, 2),
    ]:
        yield rng.normal(-0.5, 1, (height, width, channels)), size, stride


# 4.2 ------------------------------------------------------------------------


def _global_average(x: np.ndarray) -> np.ndarray:
    return x.mean(axis=(1, 2))


def _reshaped(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), x.shape[3], -1).mean(axis=2)


def _floored(x: np.ndarray) -> np.ndarray:
    return x.sum(axis=(1, 2)) // (x.shape[1] * x.shape[2])


@function_exercise(
    "4.2",
    "Global average pooling",
    reference=_global_average,
    mistakes=[
        Mistake(
            "sum",
            lambda x: x.sum(axis=(1, 2)),
            "That is the sum. It grows with the size of the picture.",
            "Divide by the number of pixels, or use `mean`.",
        ),
        Mistake(
            "divided by one side",
            lambda x: x.sum(axis=(1, 2)) / x.shape[1],
            "You divide by the height alone.",
            "A channel has height times width pixels.",
        ),
        Mistake(
            "integer division",
            _floored,
            "The division drops the fraction.",
            "Divide with `/`, not with `//`.",
        ),
        Mistake(
            "maximum",
            lambda x: x.max(axis=(1, 2)),
            "That is the maximum of each channel: global max pooling.",
        ),
        Mistake(
            "channels first",
            lambda x: x.mean(axis=(2, 3)),
            "You average over columns and channels, as if the channels came first.",
            "The axes are (images, rows, columns, channels): average over 1 and 2.",
        ),
        Mistake(
            "over the channels",
            lambda x: x.mean(axis=3),
            "You average over the channels, and keep the pixels.",
            "Average over rows and columns, and keep the channels.",
        ),
        Mistake(
            "axes kept",
            lambda x: x.mean(axis=(1, 2), keepdims=True),
            "The numbers are right, but two axes of length 1 are left.",
            "Without `keepdims=True` the shape is (N, C).",
        ),
        Mistake(
            "over the images",
            lambda x: x.mean(axis=(0, 1, 2)),
            "You average over the images too, so that all images get the same numbers.",
            "Axis 0 counts the images: leave it alone.",
        ),
        Mistake(
            "one number an image",
            lambda x: x.mean(axis=(1, 2, 3)),
            "You average over the channels too.",
            "There is one number for each image and each channel.",
        ),
        Mistake(
            "one number",
            lambda x: x.mean(),
            "That is one number for everything.",
            "Name the axes: `axis=(1, 2)`.",
        ),
        Mistake(
            "rows only",
            lambda x: x.mean(axis=1),
            "You average over the rows, but not over the columns.",
            "Name both axes: `axis=(1, 2)`.",
        ),
        Mistake(
            "reshaped",
            _reshaped,
            "`reshape` moves no axis: it deals the numbers out in the order in which "
            "they lie in memory, and mixes the channels.",
            "Average over axes 1 and 2 as they are.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield (np.array([1.0, 2.0, 3.0, 5.0]).reshape(1, 2, 2, 1),)
    yield (np.array([7.0, 2.0]).reshape(1, 1, 1, 2),)
    for shape in [(2, 3, 4, 5), (3, 4, 2, 1), (4, 3, 3, 3)]:
        yield (rng.normal(0.5, 1, shape),)


# 4.3 ------------------------------------------------------------------------


def _dense_parameters(size: int, filters: int, units: int) -> int:
    for _ in range(2):
        size = (size - 2) // 2  # a 3x3 convolution without padding, then pooling
    return (size * size * filters + 1) * units


def _with_side(side: Callable) -> Callable:
    def parameters(size: int, filters: int, units: int) -> int:
        n = side(size)
        return (n * n * filters + 1) * units

    return parameters


def _no_bias(size: int, filters: int, units: int) -> int:
    return _dense_parameters(size, filters, units) - units


def _one_side(size: int, filters: int, units: int) -> int:
    return (((size - 2) // 2 - 2) // 2 * filters + 1) * units


def _no_channels(size: int, filters: int, units: int) -> int:
    return _dense_parameters(size, 1, units)


def _one_bias(size: int, filters: int, units: int) -> int:
    return _no_bias(size, filters, units) + 1


@function_exercise(
    "4.3",
    "Parameters behind Flatten",
    reference=_dense_parameters,
    mistakes=[
        Mistake(
            "no bias",
            _no_bias,
            "The biases are missing.",
            "Each unit has one number to add.",
        ),
        Mistake(
            "one bias",
            _one_bias,
            "There is one bias for each unit, not one for the layer.",
        ),
        Mistake(
            "convolutions do not shrink",
            _with_side(lambda size: size // 2 // 2),
            "You leave out what the convolutions cut off. Without padding, a 3 x 3 "
            "window has no place for its centre in the outermost pixels.",
            "A 3 x 3 convolution takes two from the height and two from the width.",
        ),
        Mistake(
            "rounded up",
            _with_side(lambda size: -(-(-(-(size - 2) // 2) - 2) // 2)),
            "Either you round up after pooling, or each convolution takes one from the "
            "side in place of two: both give this number.",
            "A 3 x 3 convolution cuts one row at the top and one at the bottom. After "
            "pooling, a row without a partner has no window: round down.",
        ),
        Mistake(
            "not rounded",
            _with_side(lambda size: ((size - 2) / 2 - 2) / 2),
            "Where a side is odd, you keep half a pixel.",
            "Use `//`: only whole windows count.",
        ),
        Mistake(
            "no pooling",
            _with_side(lambda size: size - 4),
            "You leave out the pooling: each halves the height and the width.",
        ),
        Mistake(
            "one stage only",
            _with_side(lambda size: (size - 2) // 2),
            "You count one convolution and one pooling. The program has two of each.",
        ),
        Mistake(
            "one side",
            _one_side,
            "You count one side of the feature map, not its area.",
            "Flatten gives height times width times channels numbers.",
        ),
        Mistake(
            "no channels",
            _no_channels,
            "You count the pixels of one feature map, and there are `filters` of them.",
        ),
        Mistake(
            "global average pooling",
            lambda size, filters, units: (filters + 1) * units,
            "That is the number behind global average pooling, which keeps one number "
            "for each channel.",
            "Flatten keeps height times width numbers for each channel.",
        ),
        Mistake(
            "features only",
            lambda size, filters, units: (
                (_dense_parameters(size, filters, 1) - 1) + 0 * units
            ),
            "That is the number of features that Flatten gives.",
            "Each unit has one weight for each feature, and one bias.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield 10, 1, 1
    yield 32, 64, 64
    yield 224, 64, 128
    # Sides that are odd after the first convolution, and after the second.
    for size in (13, 15, 28, 33):
        yield size, int(rng.integers(2, 40)), int(rng.integers(2, 40))


# 4.4 ------------------------------------------------------------------------


def _gradient(
    share: Callable[[np.ndarray], np.ndarray], *, add: bool = True
) -> Callable:
    """Return a backward pass that gives each window `share(window)` of its gradient."""

    def backward(dy: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
        dx = np.zeros(x.shape)
        for p, q in np.ndindex(dy.shape):
            top, left = stride * p, stride * q
            place = np.s_[top : top + size, left : left + size]
            part = dy[p, q] * share(x[place])
            if add:
                dx[place] += part
            else:
                dx[place][part != 0] = part[part != 0]
        return dx

    return backward


def _first(window: np.ndarray) -> np.ndarray:
    one = np.zeros(window.shape)
    one.flat[window.argmax()] = 1
    return one


def _last(window: np.ndarray) -> np.ndarray:
    return _first(window[::-1, ::-1])[::-1, ::-1]


def _first_column(window: np.ndarray) -> np.ndarray:
    return _first(window.T).T


def _winners(window: np.ndarray) -> np.ndarray:
    return (window == window.max()).astype(float)


def _shared(window: np.ndarray) -> np.ndarray:
    return _winners(window) / _winners(window).sum()


_max_pool_gradient = _gradient(_first)


def _side_by_side(dy: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    dx = np.zeros(x.shape)
    for p, q in np.ndindex(dy.shape):
        top, left = size * p, size * q
        best = x[top : top + size, left : left + size].argmax()
        # Right for whole windows only; over the edge, it may raise.
        dx[top + best // size, left + best % size] += dy[p, q]
    return dx


def _corner_forgotten(
    dy: np.ndarray, x: np.ndarray, size: int, stride: int
) -> np.ndarray:
    dx = np.zeros(x.shape)
    for p, q in np.ndindex(dy.shape):
        top, left = stride * p, stride * q
        best = x[top : top + size, left : left + size].argmax()
        dx[best // size, best % size] += dy[p, q]
    return dx


@function_exercise(
    "4.4",
    "Max pooling, backward",
    reference=_max_pool_gradient,
    names=("dy", "x", "size", "stride"),
    mistakes=[
        Mistake(
            "not added where windows overlap",
            _gradient(_first, add=False),
            "Where one pixel wins several windows, only the last gradient is kept.",
            "Write `dx[...] += ...`, not `dx[...] = ...`.",
        ),
        Mistake(
            "every maximum",
            _gradient(_winners),
            "Where several pixels are equally large, each of them gets the whole "
            "gradient: more comes out than went in.",
            "Give it all to the first of them. `argmax` finds it.",
        ),
        Mistake(
            "shared among equals",
            _gradient(_shared),
            "You share the gradient among equally large pixels. That is a fair rule, "
            "but here the first of them in reading order gets it all.",
            "`argmax` finds the first.",
        ),
        Mistake(
            "last of equals",
            _gradient(_last),
            "Among equally large pixels, the last gets the gradient.",
            "Replace the winner only where a later pixel is larger, not where it is "
            "equal.",
        ),
        Mistake(
            "columns before rows",
            _gradient(_first_column),
            "Among equally large pixels you look down the columns first.",
            "Reading order goes along the rows: the order of `argmax`.",
        ),
        Mistake(
            "every cell",
            _gradient(np.ones_like),
            "Every pixel of a window gets the gradient. Only the largest one had a say "
            "in the result.",
        ),
        Mistake(
            "average pooling",
            _gradient(lambda window: np.full(window.shape, 1 / window.size)),
            "The gradient is shared among all pixels of the window: that is the "
            "backward pass of average pooling.",
            "The pixel with the largest value gets all of it.",
        ),
        Mistake(
            "stride ignored",
            lambda dy, x, size, stride: _max_pool_gradient(dy, x, size, size),
            "You take the window's size for its step.",
            "Window (p, q) begins at row `stride * p` and column `stride * q`.",
        ),
        Mistake(
            "windows side by side",
            _side_by_side,
            "Your windows lie side by side. Where they should overlap, yours run over "
            "the edge.",
            "Window (p, q) begins at row `stride * p` and column `stride * q`.",
        ),
        Mistake(
            "corner forgotten",
            _corner_forgotten,
            "All gradients land in the first window: the place of the winner within "
            "its window is taken for its place in `x`.",
            "Add the corner of the window: `dx[top + i, left + j]`.",
        ),
        Mistake(
            "row and column swapped",
            _gradient(lambda window: _first(window).T),
            "In each window the row and the column of the winner are swapped.",
            "`np.unravel_index(window.argmax(), window.shape)` gives the row first.",
        ),
        Mistake(
            "ones",
            lambda dy, x, size, stride: _max_pool_gradient(
                np.ones_like(dy), x, size, stride
            ),
            "The places are right, but `dy` is not in it: each winner gets 1.",
            "Each winner gets the gradient of its window, `dy[p, q]`.",
        ),
        Mistake(
            "values",
            _gradient(lambda window: _first(window) * window.max()),
            "You multiply by the largest value. The derivative of the maximum with "
            "respect to the winner is 1.",
        ),
        Mistake(
            "smallest",
            _gradient(lambda window: _first(-window)),
            "The smallest pixel gets the gradient.",
            "`argmax`, not `argmin`.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.array([[5.0]]), np.array([[1.0, 2.0], [4.0, 3.0]]), 2, 2
    yield np.array([[2.0]]), np.array([[1.0, 3.0], [3.0, 3.0]]), 2, 2
    # Strides below, equal to and above the size; few values, so that many are equal.
    for height, width, size, stride in [
        (3, 4, 2, 1),
        (6, 6, 3, 3),
        (7, 5, 3, 2),
        (8, 7, 2, 3),
    ]:
        x = rng.integers(-2, 2, (height, width)).astype(float)
        shape = _positions(height, size, stride), _positions(width, size, stride)
        yield rng.normal(size=shape), x, size, stride
    yield rng.normal(size=(3, 3)), rng.normal(size=(5, 5)), 3, 1


# 4.5 ------------------------------------------------------------------------


def _consistency(scores: np.ndarray) -> np.ndarray:
    answers = scores.argmax(axis=2)
    return (answers[1:] == answers[0]).mean(axis=1)


def _agreement(scores: np.ndarray, axis: int) -> np.ndarray:
    answers = scores.argmax(axis=2)
    return (answers[1:] == answers[0]).mean(axis=axis)


def _neighbours(scores: np.ndarray) -> np.ndarray:
    answers = scores.argmax(axis=2)
    return (answers[1:] == answers[:-1]).mean(axis=1)


def _until_now(scores: np.ndarray) -> np.ndarray:
    answers = scores.argmax(axis=2)
    same = np.logical_and.accumulate(answers[1:] == answers[0], axis=0)
    return same.mean(axis=1)


@function_exercise(
    "4.5",
    "Consistency under shifts",
    reference=_consistency,
    mistakes=[
        Mistake(
            "share that changed",
            lambda scores: 1 - _consistency(scores),
            "That is the share of pictures whose class changes.",
            "Count where the classes are equal.",
        ),
        Mistake(
            "unmoved included",
            lambda scores: np.concatenate([[1.0], _consistency(scores)]),
            "Your first number compares the unmoved pictures with themselves.",
            "Begin with `scores[1]`.",
        ),
        Mistake(
            "neighbouring shifts",
            _neighbours,
            "You compare each shift with the one before it, not with the unmoved "
            "pictures.",
            "Compare with the classes of `scores[0]`.",
        ),
        Mistake(
            "compared with the last",
            lambda scores: _consistency(scores[::-1])[::-1],
            "You compare with the last shift, not with the unmoved pictures.",
            "Compare with the classes of `scores[0]`.",
        ),
        Mistake(
            "never changed so far",
            _until_now,
            "You count the pictures that have kept their class at every smaller shift "
            "too.",
            "Look at each shift by itself.",
        ),
        Mistake(
            "one number a picture",
            lambda scores: _agreement(scores, 0),
            "That is one number for each picture: the share of shifts that keep its "
            "class.",
            "Average over the pictures, axis 1 of the classes.",
        ),
        Mistake(
            "one number",
            lambda scores: _consistency(scores).mean(),
            "You average over the shifts too.",
            "Return one number for each shift.",
        ),
        Mistake(
            "scores compared",
            lambda scores: (scores[1:] == scores[0]).mean(axis=(1, 2)),
            "You compare the scores. They may change a little while the class stays.",
            "The class is the position of the largest score: `argmax`.",
        ),
        Mistake(
            "largest scores compared",
            lambda scores: (scores[1:].max(axis=2) == scores[0].max(axis=1)).mean(
                axis=1
            ),
            "You compare the largest scores. Asked for is where they stand.",
            "The class is the position of the largest score: `argmax`.",
        ),
        Mistake(
            "wrong axis",
            lambda scores: (scores[1:].argmax(axis=1) == scores[0].argmax(axis=0)).mean(
                axis=1
            ),
            "You look for the picture with the largest score of each class.",
            "The classes are the last axis: `argmax(axis=-1)`.",
        ),
        Mistake(
            "smallest score",
            lambda scores: _consistency(-scores),
            "You take the class with the smallest score.",
            "`argmax`, not `argmin`.",
        ),
        Mistake(
            "count",
            lambda scores: _consistency(scores) * scores.shape[1],
            "That is a number of pictures. Asked for is their share.",
            "Divide by the number of pictures, or use `mean`.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield (np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.6, 0.4], [0.7, 0.3]]]),)
    yield (np.array([[[3.0, 1.0, 2.0]], [[1.0, 2.0, 3.0]], [[9.0, 0.0, 1.0]]]),)
    for shifts, n, classes in [(3, 7, 4), (5, 20, 10), (1, 9, 2)]:
        first = rng.normal(size=(n, classes))
        # The scores drift, so that some classes change at each shift, and some back.
        drift = rng.normal(0, 0.7, (shifts, n, classes))
        yield (np.concatenate([first[None], first + drift]),)
