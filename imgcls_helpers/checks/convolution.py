"""The checks of chapter 3, Convolution."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from imgcls_helpers.checks import function_exercise

# 3.1 ------------------------------------------------------------------------


def _places(size: int, kernel_size: int, stride: int, padding: int, dilation: int):
    span = dilation * (kernel_size - 1) + 1
    return (size + 2 * padding - span) // stride + 1


@function_exercise(
    "3.1",
    "Places of a window",
    reference=_places,
    mistakes="""
    stride ignored: stride := 1
        The stride is left out: that is the number of places for stride 1.
        Hint: Divide the room to move by the stride before you add 1.
    padding ignored: padding := 0
        The padding is left out.
        Hint: The zeros on both sides make the image larger: `size + 2 * padding`.
    padding on one side: 2 * padding => padding
        The padding is counted once, but it goes on each of the two sides.
        Hint: The padded image has `size + 2 * padding` pixels.
    dilation ignored: dilation := 1
        The dilation is left out.
        Hint: A dilated kernel spans `dilation * (kernel_size - 1) + 1` pixels.
    dilation times the kernel: (kernel_size - 1) + 1 => kernel_size
        You let a dilated kernel span `dilation * kernel_size` pixels. The dilation
        stretches the steps between the cells, and there is one step less than cells.
        Hint: It spans `dilation * (kernel_size - 1) + 1` pixels.
    one too few: result := result - 1
        It is one too few: the first place counts before the first step.
        Hint: Add 1 after the division.
    one pixel too many: padding - span => padding - span + 1
        The room to move is one pixel too large.
        Hint: A kernel of 3 has 30 places in 32 pixels, so its last place is 29.
    rounded up: padding - span => padding - span + stride - 1
        You round up. Where the last step would push the window out of the image, there
        is no place.
        Hint: Round down, with `//`.
    rounded to nearest: return ( => return round((
        & // stride => / stride)
        You round to the nearest whole number. Half a step is no place.
        Hint: Round down, with `//`.
    dilation added: dilation * (kernel_size - 1) + 1 => kernel_size + dilation - 1
        You let a dilated kernel grow by one pixel for each step of dilation. But every
        gap between its cells grows.
        Hint: It spans `dilation * (kernel_size - 1) + 1` pixels.
    not rounded: // stride => / stride
        The division is not rounded, so there are fractions of places.
        Hint: Round down, with `//`.
    same padding: result := -(-size // stride)
        That is the size that the padding `"same"` gives, whatever `padding` is.
        Hint: Use the number of zeros that the function is given.
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield 5, 3, 1, 0, 1
    yield 5, 3, 1, 1, 1
    yield 6, 3, 2, 0, 1
    yield 7, 3, 1, 0, 2
    yield 8, 3, 3, 1, 2
    yield 4, 4, 5, 0, 1
    yield 1, 1, 1, 0, 3
    for _ in range(20):
        kernel_size, dilation = (int(n) for n in rng.integers(1, 6, 2))
        stride, padding = int(rng.integers(1, 5)), int(rng.integers(0, 4))
        span = dilation * (kernel_size - 1) + 1
        yield span + int(rng.integers(0, 30)), kernel_size, stride, padding, dilation


# 3.2 ------------------------------------------------------------------------


def _correlate2d(
    image: np.ndarray, kernel: np.ndarray, stride: int, padding: int
) -> np.ndarray:
    image = np.pad(image, padding)
    (height, width), (rows, columns) = image.shape, kernel.shape
    y = np.zeros(((height - rows) // stride + 1, (width - columns) // stride + 1))
    for p, q in np.ndindex(y.shape):
        window = image[p * stride :, q * stride :][:rows, :columns]
        y[p, q] = (window * kernel).sum()
    return y


@function_exercise(
    "3.2",
    "Correlation with stride and padding",
    reference=_correlate2d,
    mistakes="""
    kernel flipped: kernel := kernel[::-1, ::-1]
        The kernel is turned by half a turn. That is the convolution of mathematics, not
        what a layer computes.
        Hint: The first cell of the kernel meets the first pixel of the window.
    kernel upside down: kernel := kernel[::-1]
        The rows of the kernel are in reverse order.
        Hint: Row `i` of the kernel meets row `i` of the window.
    kernel left to right: kernel := kernel[:, ::-1]
        The columns of the kernel are in reverse order.
        Hint: Column `j` of the kernel meets column `j` of the window.
    rows and columns swapped: (window * kernel).sum() => window[i, j] * kernel[j, i]
        & y[p, q] = => for i, j in np.ndindex(kernel.shape): y[p, q] +=
        Rows and columns of the kernel are swapped: `kernel[j, i]` in place of
        `kernel[i, j]`.
        Hint: The first index counts rows, in the image and in the kernel.
    kernel transposed: kernel := kernel.T
        Rows and columns of the kernel are swapped.
        Hint: Leave out the `.T`: the first index counts rows in both arrays.
    stride ignored: stride := 1
        The stride is left out: the windows lie one pixel apart.
        Hint: Window `(p, q)` begins at row `p * stride`, column `q * stride`.
    stride for the rows only: (width - columns) // stride => width - columns
        & q * stride => q
        The stride is used for the rows and not for the columns.
        Hint: Window `(p, q)` begins at column `q * stride`.
    windows one pixel apart: p * stride => p & q * stride => q
        The result has the right size for the stride, but its windows lie one pixel
        apart.
        Hint: Window `(p, q)` begins at row `p * stride`, column `q * stride`.
    padding ignored: padding := 0
        The padding is left out.
        Hint: Put the zeros around the image first: `np.pad(image, padding)`.
    size without padding: image.shape => np.subtract(image.shape, 2 * padding)
        The image is padded, but you count as many places as without the zeros.
        Hint: Take `image.shape` after the padding.
    padding before only: np.pad(image, padding) => np.pad(image, (padding, 0))
        The zeros go above and to the left only.
        Hint: They go on all four sides: `np.pad(image, padding)`.
    padding after only: np.pad(image, padding) => np.pad(image, (0, padding))
        The zeros go below and to the right only.
        Hint: They go on all four sides: `np.pad(image, padding)`.
    padding off by one: padding := padding + 1
        There is one ring of zeros too many.
        Hint: With `padding` 0 the image stays as it is.
    border repeated: np.pad(image, padding) => np.pad(image, padding, mode="edge")
        The padding repeats the pixels of the border.
        Hint: Padding is zeros here: `np.pad(image, padding)`.
    last place missing: result := result[:-1, :-1]
        The last row and the last column of places are missing.
        Hint: There are `(H - R) // stride + 1` places along the rows.
    mean in place of sum: (window * kernel).sum() => (window * kernel).mean()
        The products are averaged.
        Hint: Add them up; do not divide.
    no offset: image[p * stride :, q * stride :] => image
        Every place has the result of the first window.
        Hint: The pixel under cell `(i, j)` is `image[p * stride + i, q * stride + j]`.
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.arange(4.0).reshape(2, 2), np.array([[1.0]]), 1, 0
    yield np.arange(9.0).reshape(3, 3), np.array([[1.0, 2.0], [3.0, 4.0]]), 1, 0
    for image, kernel, stride, padding in [
        ((5, 6), (3, 3), 1, 1),
        ((6, 5), (3, 3), 2, 0),
        ((4, 7), (2, 3), 1, 2),
        ((7, 4), (3, 2), 2, 1),
        ((9, 10), (1, 4), 3, 1),  # a part of a step is left both ways
        ((3, 3), (3, 3), 2, 0),
        ((5, 6), (5, 5), 1, 2),
    ]:
        yield rng.normal(size=image), rng.normal(size=kernel), stride, padding


# 3.3 ------------------------------------------------------------------------


def _cost(height: int, width: int, channels: int, filters: int, kernel_size: int):
    weights = kernel_size**2 * channels * filters
    places = (height - kernel_size + 1) * (width - kernel_size + 1)
    return weights + filters, places * weights


@function_exercise(
    "3.3",
    "Parameters and multiply-adds",
    reference=_cost,
    mistakes="""
    order: result := result[::-1]
        The two numbers are in the wrong order.
        Hint: The parameters come first, then the multiply-adds.
    bias missing: weights + filters => weights
        The biases are missing from the parameters.
        Hint: Each filter has one.
    one bias for all: weights + filters => weights + 1
        There is a single bias for all filters.
        Hint: Each filter has a bias of its own.
    bias for each channel: weights + filters => weights + filters * channels
        Each filter has as many biases as there are channels.
        Hint: A filter adds up all its channels and then adds one bias.
    bias for each weight: weights + filters => 2 * weights
        You count a bias for every weight.
        Hint: A filter adds up all its products and then adds one bias.
    weights for every place: weights + filters => places * (weights + filters)
        You count parameters for every place. That is a locally connected layer.
        Hint: A convolution uses the same weights at all places.
    channels forgotten: channels := 1
        The channels of the image are left out.
        Hint: A filter has `kernel_size**2` weights for each channel.
    one multiply-add a parameter: places * weights => weights + filters
        Your multiply-adds are the number of parameters.
        Hint: Every weight is used again at each place.
    places of the image: places * weights => height * width * weights
        You count as many places as the image has pixels.
        Hint: Without padding there are `height - kernel_size + 1` rows of places.
    place missing: kernel_size + 1 => kernel_size
        One row and one column of places are missing.
        Hint: A kernel as large as the image has one place, not none.
    bias as multiply-add: places * weights => places * (weights + filters)
        Adding the bias is counted as a multiply-add.
        Hint: Here it counts as none: leave the bias out of the second number.
    filters forgotten in the work: places * weights => places * weights // filters
        The multiply-adds are those of one filter.
        Hint: Each filter does this work.
    channels forgotten in the work: places * weights => places * weights // channels
        The multiply-adds are those of one channel.
        Hint: A window has `kernel_size**2` pixels in each channel.
    two for each: places * weights => 2 * places * weights
        You count multiplications and additions one by one.
        Hint: A multiplication and its addition are one multiply-add.
    width ignored: width := height
        You take the image for a square: the width is left out.
        Hint: There are `width - kernel_size + 1` places in each row.
    kernel not squared: kernel_size**2 => kernel_size
        You count `kernel_size` weights for each channel.
        Hint: The kernel has `kernel_size` rows and `kernel_size` columns.
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield 3, 3, 1, 1, 3
    yield 5, 4, 1, 2, 3
    yield 32, 32, 3, 32, 3
    yield 7, 9, 4, 1, 1
    for _ in range(8):
        kernel_size = int(rng.integers(1, 8))
        height, width = (int(n) for n in kernel_size + rng.integers(0, 60, 2))
        channels, filters = (int(n) for n in rng.integers(1, 65, 2))
        yield height, width, channels, filters, kernel_size


# 3.4 ------------------------------------------------------------------------

_Layers = Sequence[tuple[int, int, int]]


def _rows_seen(layers: _Layers, p: int) -> tuple[int, int]:
    first = last = p
    for kernel_size, stride, padding in reversed(layers):
        first = first * stride - padding
        last = last * stride - padding + kernel_size - 1
    return first, last


@function_exercise(
    "3.4",
    "The rows that a place sees",
    reference=_rows_seen,
    mistakes="""
    first layer first: reversed(layers) => layers
        You walk from the first layer to the last.
        Hint: Row `p` is a row of the last layer's result: begin there, with
        `reversed(layers)`.
    last layer only: layers := layers[-1:]
        That is what the last layer sees of its own input.
        Hint: Go on to the layer before it, until you reach the image.
    stride ignored: first * stride => first & last * stride => last
        The strides are left out.
        Hint: Window `p` begins at row `p * stride` of the padded input.
    padding ignored: stride - padding => stride
        The padding is left out.
        Hint: Row 0 of the padded input is row `-padding` of the input.
    padding with the wrong sign: stride - padding => stride + padding
        The padding has the wrong sign.
        Hint: Row 0 of the padded input is row `-padding` of the input.
    padding times stride: first * stride - padding => (first - padding) * stride
        & last * stride - padding => (last - padding) * stride
        The padding is subtracted before the row is multiplied by the stride.
        Hint: Window `p` begins at `p * stride - padding`.
    kernel times stride: last * stride => (last + kernel_size - 1) * stride
        & padding + kernel_size - 1 => padding
        The size of the kernel is multiplied by its layer's own stride.
        Hint: Window `p` ends at `p * stride - padding + kernel_size - 1`.
    one row too far in each layer: kernel_size - 1 => kernel_size
        Each layer adds one row too many.
        Hint: A window of 3 that begins at row 5 ends at row 7.
    end left out: return first, last => return first, last + 1
        You return the row after the last one, as a slice has it.
        Hint: The second number is the last row that is seen.
    padding added at the end: last * stride - padding => last * stride + padding
        The padding is added to the last row. But the zeros above push both rows the
        same way.
        Hint: Window `p` ends at `p * stride - padding + kernel_size - 1`.
    last row from the first: last * stride - padding => first
        You follow the first row alone, and add one kernel to it at the end.
        Hint: In each layer the last row has a window of its own: follow both rows.
    number of rows: return first, last => return first, last - first + 1
        The second number is how many rows are seen.
        Hint: Return the number of the last row.
    cut off at zero: return first, last => return max(first, 0), last
        Negative rows are set to 0.
        Hint: A row in the padding stays negative, as the exercise says.
    centred windows: first * stride => first * stride - kernel_size // 2
        & kernel_size - 1 => kernel_size // 2
        You take row `p * stride - padding` for the middle of the window.
        Hint: It is the first row of the window.
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield [(3, 1, 0)], 0
    yield [(3, 1, 0), (3, 1, 0)], 2
    yield [(3, 2, 1), (5, 1, 0)], 1
    yield [], 4
    yield [(1, 1, 0)], 3
    yield [(3, 1, 1)], 0  # above the image, whatever is drawn below
    for n in (1, 2, 3, 4, 5):
        layers = [
            (int(rng.integers(1, 8)), int(rng.integers(1, 4)), int(rng.integers(0, 4)))
            for _ in range(n)
        ]
        yield layers, int(rng.integers(0, 10))


# 3.5 ------------------------------------------------------------------------


def _input_gradient(
    dy: np.ndarray, kernel: np.ndarray, stride: int, shape: tuple[int, int]
) -> np.ndarray:
    dx = np.zeros(shape)
    rows, columns = kernel.shape
    for p, q in np.ndindex(dy.shape):
        window = dx[p * stride :, q * stride :][:rows, :columns]
        window += dy[p, q] * kernel
    return dx


@function_exercise(
    "3.5",
    "The gradient of the input",
    reference=_input_gradient,
    mistakes="""
    overwritten: window += => window[:] =
        Where windows overlap, the later one overwrites the earlier ones.
        Hint: A pixel that influences several outputs gets the sum of their shares:
        `+=`.
    averaged: dx = np.zeros(shape) => dx, met = np.zeros((2, *shape))
        & window += => met[p * stride :, q * stride :][:rows, :columns] += 1; window +=
        & return dx => return dx / np.maximum(met, 1)
        Where windows overlap, you take the mean of their shares.
        Hint: A pixel that influences several outputs gets the sum of their shares.
    kernel flipped: kernel := kernel[::-1, ::-1]
        The kernel is turned by half a turn.
        Hint: The pixel that met `kernel[i, j]` going forward gets `kernel[i, j]` going
        back. (The flip belongs to the form that gathers, not to the one that scatters.)
    rows and columns swapped: dy[p, q] * kernel => dy[p, q] * kernel[j, i]
        & window += => for i, j in np.ndindex(kernel.shape): window[i, j] +=
        Rows and columns of the kernel are swapped.
        Hint: The first index counts rows, in the image and in the kernel.
    kernel transposed: kernel := kernel.T
        Rows and columns of the kernel are swapped.
        Hint: Leave out the `.T`: the first index counts rows in both arrays.
    stride ignored: stride := 1
        The stride is left out.
        Hint: Output `(p, q)` came from the window at row `p * stride`, column
        `q * stride`.
    dy left out: dy[p, q] * kernel => kernel
        `dy` is left out: that is the gradient of the sum of all outputs.
        Hint: Multiply the kernel by `dy[p, q]`.
    kernel left out: dy[p, q] * kernel => dy[p, q]
        The kernel is left out: every pixel of a window gets the same share.
        Hint: A pixel's share is `dy[p, q]` times the weight that it met.
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.array([[1.0]]), np.array([[1.0, 2.0], [3.0, 4.0]]), 1, (2, 2)
    yield np.array([[1.0, 2.0]]), np.array([[1.0, 2.0], [3.0, 4.0]]), 1, (2, 3)
    for image, kernel, stride in [
        ((5, 6), (3, 3), 1),
        ((7, 6), (3, 3), 2),
        ((4, 6), (2, 3), 1),
        ((6, 5), (3, 2), 2),
        ((7, 8), (2, 2), 3),
        ((3, 4), (3, 4), 1),
    ]:
        places = [(n - k) // stride + 1 for n, k in zip(image, kernel, strict=True)]
        yield rng.normal(size=places), rng.normal(size=kernel), stride, image
