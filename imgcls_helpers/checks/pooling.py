"""The checks of chapter 4, Pooling."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from imgcls_helpers.checks import function_exercise

# 4.1 ------------------------------------------------------------------------


def _max_pool(x: np.ndarray, size: int, stride: int) -> np.ndarray:
    height, width, channels = x.shape
    rows, columns = (height - size) // stride + 1, (width - size) // stride + 1
    y = np.empty((rows, columns, channels))
    for p, q in np.ndindex(rows, columns):
        top, left = p * stride, q * stride
        y[p, q] = x[top : top + size, left : left + size].max(axis=(0, 1))
    return y


@function_exercise(
    "4.1",
    "Max pooling with a window and a stride",
    reference=_max_pool,
    mistakes="""
    one maximum over all: result := x.max()
        That is one maximum over all of `x`: there is no window and no stride.
        Hint: Take the maximum of `x[top:top + size, left:left + size]`.
    global max pooling: result := x.max(axis=(0, 1))
        That is the maximum of each whole channel: global max pooling.
        Hint: Window (p, q) begins at row `stride * p` and column `stride * q`.
    channels mixed: result := result.max(axis=2)
        The maximum runs over the channels too. Every channel is pooled alone.
        Hint: Take the maximum over rows and columns only: `axis=(0, 1)`.
    one maximum for all channels: max(axis=(0, 1)) => max()
        All channels of a place get the same number: the maximum runs over the channels
        too.
        Hint: Take the maximum over rows and columns only: `axis=(0, 1)`.
    stride ignored: stride := size
        Your windows lie side by side: the step is the size of the window, whatever
        `stride` says.
        Hint: Window (p, q) begins at row `stride * p` and column `stride * q`.
    stride of one: stride := 1
        Your windows begin at every pixel, whatever `stride` says.
        Hint: Window (p, q) begins at row `stride * p` and column `stride * q`.
    step of one: p * stride => p & q * stride => q
        There are as many windows as there should be, but each begins one pixel after
        the last.
        Hint: Window (p, q) begins at row `stride * p` and column `stride * q`.
    minimum: max(axis => min(axis
        That is the smallest number of each window.
        Hint: Keep the largest value of the window.
    mean: max(axis => mean(axis
        That is the mean of each window: average pooling.
        Hint: Keep the largest value of the window.
    sum: max(axis => sum(axis
        That is the sum of each window.
        Hint: Keep the largest value of the window.
    largest magnitude: x := abs(x)
        That is the largest magnitude: minus signs are lost.
        Hint: −3 is smaller than 2, though its magnitude is larger.
    negative values lost: result := np.maximum(result, 0)
        Where all values of a window are negative, you return 0.
        Hint: Begin the search with a value of the window, or with `-np.inf`, not with
        zero.
    rows and columns swapped: result := result.swapaxes(0, 1)
        Rows and columns of the result are swapped.
        Hint: The first index of the result counts the windows downwards.
    height and width swapped: height, width, channels => width, height, channels
        The number of rows comes from the width, and that of columns from the height.
        Hint: `x.shape` is (height, width, channels).
    last window missing: result := result[:-1, :-1]
        The last window of each row and column is missing.
        Hint: There are `(height - size) // stride + 1` windows downwards.
    incomplete windows: (height - size) // stride + 1 => -(-height // stride)
        & (width - size) // stride + 1 => -(-width // stride)
        You keep windows that reach beyond the edge. Here only whole windows count.
        Hint: There are `(height - size) // stride + 1` windows downwards.
    window too large: top + size => top + size + 1 & left + size => left + size + 1
        Your windows have one row and one column too many.
        Hint: A slice `top:top + size` has `size` rows already.
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.array([[1.0, 2.0, 3.0], [6.0, 5.0, 4.0]]).reshape(2, 3, 1), 2, 1
    yield np.array([[-1.0, -2.0], [-3.0, -4.0]]).reshape(2, 2, 1), 2, 2
    # Strides below, equal to and above the size of the window; odd leftovers.
    for height, width, channels, size, stride in [
        (5, 7, 2, 3, 2),
        (7, 5, 3, 2, 3),
        (6, 8, 2, 2, 2),
        (8, 9, 1, 4, 3),  # a part of a step is left both ways
        (3, 3, 4, 1, 2),
    ]:
        yield rng.normal(-0.5, 1, (height, width, channels)), size, stride


# 4.2 ------------------------------------------------------------------------


def _global_average(x: np.ndarray) -> np.ndarray:
    return x.mean(axis=(1, 2))


@function_exercise(
    "4.2",
    "Global average pooling",
    reference=_global_average,
    mistakes="""
    sum: mean => sum
        That is the sum. It grows with the size of the picture.
        Hint: Divide by the number of pixels, or use `mean`.
    divided by one side: result := x.sum(axis=(1, 2)) / x.shape[1]
        You divide by the height alone.
        Hint: A channel has height times width pixels.
    integer division: result := np.floor(result)
        The division drops the fraction.
        Hint: Divide with `/`, not with `//`.
    maximum: mean => max
        That is the maximum of each channel: global max pooling.
    channels first: (1, 2) => (2, 3)
        You average over columns and channels, as if the channels came first.
        Hint: The axes are (images, rows, columns, channels): average over 1 and 2.
    over the channels: (1, 2) => 3
        You average over the channels, and keep the pixels.
        Hint: Average over rows and columns, and keep the channels.
    axes kept: (1, 2) => (1, 2), keepdims=True
        The numbers are right, but two axes of length 1 are left.
        Hint: Without `keepdims=True` the shape is (N, C).
    over the images: (1, 2) => (0, 1, 2)
        You average over the images too, so that all images get the same numbers.
        Hint: Axis 0 counts the images: leave it alone.
    one number an image: (1, 2) => (1, 2, 3)
        You average over the channels too.
        Hint: There is one number for each image and each channel.
    one number: (1, 2) => None
        That is one number for everything.
        Hint: Name the axes: `axis=(1, 2)`.
    rows only: (1, 2) => 1
        You average over the rows, but not over the columns.
        Hint: Name both axes: `axis=(1, 2)`.
    reshaped: result := x.reshape(len(x), x.shape[3], -1).mean(axis=2)
        `reshape` moves no axis: it deals the numbers out in the order in which they lie
        in memory, and mixes the channels.
        Hint: Average over axes 1 and 2 as they are.
    """,
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


@function_exercise(
    "4.3",
    "Parameters behind Flatten",
    reference=_dense_parameters,
    mistakes="""
    no bias: filters + 1 => filters
        The biases are missing.
        Hint: Each unit has one number to add.
    one bias: result := result - units + 1
        There is one bias for each unit, not one for the layer.
    convolutions do not shrink: size - 2 => size
        You leave out what the convolutions cut off. Without padding, a 3 x 3 window has
        no place for its centre in the outermost pixels.
        Hint: A 3 x 3 convolution takes two from the height and two from the width.
    rounded up: (size - 2) // 2 => -(-(size - 2) // 2)
        Either you round up after pooling, or each convolution takes one from the side
        in place of two: both give this number.
        Hint: A 3 x 3 convolution cuts one row at the top and one at the bottom. After
        pooling, a row without a partner has no window: round down.
    not rounded: // 2 => / 2
        Where a side is odd, you keep half a pixel.
        Hint: Use `//`: only whole windows count.
    no pooling: (size - 2) // 2 => size - 2
        You leave out the pooling: each halves the height and the width.
    one stage only: range(2) => range(1)
        You count one convolution and one pooling. The program has two of each.
    one side: size * size => size
        You count one side of the feature map, not its area.
        Hint: Flatten gives height times width times channels numbers.
    no channels: filters := 1
        You count the pixels of one feature map, and there are `filters` of them.
    global average pooling: size * size * filters => filters
        That is the number behind global average pooling, which keeps one number for
        each channel.
        Hint: Flatten keeps height times width numbers for each channel.
    features only: result := result // units - 1
        That is the number of features that Flatten gives.
        Hint: Each unit has one weight for each feature, and one bias.
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield 10, 1, 1
    yield 32, 64, 64
    yield 224, 64, 128
    # Sides that are odd after the first convolution, and after the second.
    for size in (13, 15, 28, 33):
        yield size, int(rng.integers(2, 40)), int(rng.integers(2, 40))


# 4.4 ------------------------------------------------------------------------


def _max_pool_gradient(
    dy: np.ndarray, x: np.ndarray, size: int, stride: int
) -> np.ndarray:
    dx = np.zeros(x.shape)
    for p, q in np.ndindex(dy.shape):
        place = np.s_[p * stride :, q * stride :]
        window, share = x[place][:size, :size], dx[place][:size, :size]
        best = np.unravel_index(window.argmax(), window.shape)
        share[best] += dy[p, q]  # a view: dx gets it
    return dx


@function_exercise(
    "4.4",
    "Max pooling, backward",
    reference=_max_pool_gradient,
    mistakes="""
    not added where windows overlap: += => =
        Where one pixel wins several windows, only the last gradient is kept.
        Hint: Write `dx[...] += ...`, not `dx[...] = ...`.
    every maximum: share[best] => share[window == window.max()]
        Where several pixels are equally large, each of them gets the whole gradient:
        more comes out than went in.
        Hint: Give it all to the first of them. `argmax` finds it.
    shared among equals: share[best] => share[window == window.max()]
        & dy[p, q] => dy[p, q] / (window == window.max()).sum()
        You share the gradient among equally large pixels. That is a fair rule, but here
        the first of them in reading order gets it all.
        Hint: `argmax` finds the first.
    last of equals: [:size, :size] => [:size, :size][::-1, ::-1]
        Among equally large pixels, the last gets the gradient.
        Hint: Replace the winner only where a later pixel is larger, not where it is
        equal.
    columns before rows: [:size, :size] => [:size, :size].T
        Among equally large pixels you look down the columns first.
        Hint: Reading order goes along the rows: the order of `argmax`.
    every cell: share[best] => share[:]
        Every pixel of a window gets the gradient. Only the largest one had a say in the
        result.
    average pooling: share[best] => share[:] & dy[p, q] => dy[p, q] / window.size
        The gradient is shared among all pixels of the window: that is the backward pass
        of average pooling.
        Hint: The pixel with the largest value gets all of it.
    stride ignored: stride := size
        You take the window's size for its step.
        Hint: Window (p, q) begins at row `stride * p` and column `stride * q`.
    windows side by side: stride := size & window.shape => (size, size)
        Your windows lie side by side. Where they should overlap, yours run over the
        edge.
        Hint: Window (p, q) begins at row `stride * p` and column `stride * q`.
    corner forgotten: share[best] => dx[best]
        All gradients land in the first window: the place of the winner within its
        window is taken for its place in `x`.
        Hint: Add the corner of the window: `dx[top + i, left + j]`.
    row and column swapped: share[best] => share.T[best]
        In each window the row and the column of the winner are swapped.
        Hint: `np.unravel_index(window.argmax(), window.shape)` gives the row first.
    ones: dy[p, q] => 1
        The places are right, but `dy` is not in it: each winner gets 1.
        Hint: Each winner gets the gradient of its window, `dy[p, q]`.
    values: dy[p, q] => dy[p, q] * window.max()
        You multiply by the largest value. The derivative of the maximum with respect to
        the winner is 1.
    smallest: argmax => argmin
        The smallest pixel gets the gradient.
        Hint: `argmax`, not `argmin`.
    """,
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
        shape = [(n - size) // stride + 1 for n in x.shape]
        yield rng.normal(size=shape), x, size, stride
    yield rng.normal(size=(3, 3)), rng.normal(size=(5, 5)), 3, 1


# 4.5 ------------------------------------------------------------------------


def _consistency(scores: np.ndarray) -> np.ndarray:
    answers = scores.argmax(axis=2)
    return (answers[1:] == answers[0]).mean(axis=1)


@function_exercise(
    "4.5",
    "Consistency under shifts",
    reference=_consistency,
    mistakes="""
    share that changed: result := 1 - result
        That is the share of pictures whose class changes.
        Hint: Count where the classes are equal.
    unmoved included: answers[1:] => answers
        Your first number compares the unmoved pictures with themselves.
        Hint: Begin with `scores[1]`.
    neighbouring shifts: answers[0] => answers[:-1]
        You compare each shift with the one before it, not with the unmoved pictures.
        Hint: Compare with the classes of `scores[0]`.
    compared with the last: answers[1:] == answers[0] => answers[:-1] == answers[-1]
        You compare with the last shift, not with the unmoved pictures.
        Hint: Compare with the classes of `scores[0]`.
    never changed so far: return ( => return np.logical_and.accumulate(
        You count the pictures that have kept their class at every smaller shift too.
        Hint: Look at each shift by itself.
    one number a picture: axis=1 => axis=0
        That is one number for each picture: the share of shifts that keep its class.
        Hint: Average over the pictures, axis 1 of the classes.
    one number: result := result.mean()
        You average over the shifts too.
        Hint: Return one number for each shift.
    scores compared: scores.argmax(axis=2) => scores & axis=1 => axis=(1, 2)
        You compare the scores. They may change a little while the class stays.
        Hint: The class is the position of the largest score: `argmax`.
    largest scores compared: argmax => max
        You compare the largest scores. Asked for is where they stand.
        Hint: The class is the position of the largest score: `argmax`.
    wrong axis: axis=2 => axis=1
        You look for the picture with the largest score of each class.
        Hint: The classes are the last axis: `argmax(axis=-1)`.
    smallest score: argmax => argmin
        You take the class with the smallest score.
        Hint: `argmax`, not `argmin`.
    count: result := result * scores.shape[1]
        That is a number of pictures. Asked for is their share.
        Hint: Divide by the number of pictures, or use `mean`.
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield (np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.6, 0.4], [0.7, 0.3]]]),)
    yield (np.array([[[3.0, 1.0, 2.0]], [[1.0, 2.0, 3.0]], [[9.0, 0.0, 1.0]]]),)
    for shifts, n, classes in [(3, 7, 4), (5, 20, 10), (1, 9, 2)]:
        first = rng.normal(size=(n, classes))
        # The scores drift, so that some classes change at each shift, and some back.
        drift = rng.normal(0, 0.7, (shifts, n, classes))
        yield (np.concatenate([first[None], first + drift]),)
