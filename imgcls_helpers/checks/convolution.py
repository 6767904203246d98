"""The checks of chapter 3, Convolution."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from imgcls_helpers.checks import Mistake, function_exercise

# 3.1 ------------------------------------------------------------------------


def _places(size: int, kernel_size: int, stride: int, padding: int, dilation: int):
    span = dilation * (kernel_size - 1) + 1
    return (size + 2 * padding - span) // stride + 1


@function_exercise(
    "3.1",
    "Places of a window",
    reference=_places,
    mistakes=[
        Mistake(
            "stride ignored",
            lambda size, kernel_size, stride, padding, dilation: _places(
                size, kernel_size, 1, padding, dilation
            ),
            "The stride is left out: that is the number of places for stride 1.",
            "Divide the room to move by the stride before you add 1.",
        ),
        Mistake(
            "padding ignored",
            lambda size, kernel_size, stride, padding, dilation: _places(
                size, kernel_size, stride, 0, dilation
            ),
            "The padding is left out.",
            "The zeros on both sides make the image larger: `size + 2 * padding`.",
        ),
        Mistake(
            "padding on one side",
            lambda size, kernel_size, stride, padding, dilation: (
                (size + padding - dilation * (kernel_size - 1) - 1) // stride + 1
            ),
            "The padding is counted once, but it goes on each of the two sides.",
            "The padded image has `size + 2 * padding` pixels.",
        ),
        Mistake(
            "dilation ignored",
            lambda size, kernel_size, stride, padding, dilation: _places(
                size, kernel_size, stride, padding, 1
            ),
            "The dilation is left out.",
            "A dilated kernel spans `dilation * (kernel_size - 1) + 1` pixels.",
        ),
        Mistake(
            "dilation times the kernel",
            lambda size, kernel_size, stride, padding, dilation: _places(
                size, dilation * kernel_size, stride, padding, 1
            ),
            "You let a dilated kernel span `dilation * kernel_size` pixels. The "
            "dilation stretches the steps between the cells, and there is one step "
            "less than cells.",
            "It spans `dilation * (kernel_size - 1) + 1` pixels.",
        ),
        Mistake(
            "one too few",
            lambda size, kernel_size, stride, padding, dilation: (
                _places(size, kernel_size, stride, padding, dilation) - 1
            ),
            "It is one too few: the first place counts before the first step.",
            "Add 1 after the division.",
        ),
        Mistake(
            "one pixel too many",
            lambda size, kernel_size, stride, padding, dilation: (
                (size + 2 * padding - dilation * (kernel_size - 1)) // stride + 1
            ),
            "The room to move is one pixel too large.",
            "A kernel of 3 has 30 places in 32 pixels, so its last place is 29.",
        ),
        Mistake(
            "rounded up",
            lambda size, kernel_size, stride, padding, dilation: (
                -((dilation * (kernel_size - 1) + 1 - size - 2 * padding) // stride) + 1
            ),
            "You round up. Where the last step would push the window out of the "
            "image, there is no place.",
            "Round down, with `//`.",
        ),
        Mistake(
            "rounded to nearest",
            lambda size, kernel_size, stride, padding, dilation: (
                round((size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride)
                + 1
            ),
            "You round to the nearest whole number. Half a step is no place.",
            "Round down, with `//`.",
        ),
        Mistake(
            "dilation added",
            lambda size, kernel_size, stride, padding, dilation: _places(
                size, kernel_size + dilation - 1, stride, padding, 1
            ),
            "You let a dilated kernel grow by one pixel for each step of dilation. But "
            "every gap between its cells grows.",
            "It spans `dilation * (kernel_size - 1) + 1` pixels.",
        ),
        Mistake(
            "not rounded",
            lambda size, kernel_size, stride, padding, dilation: (
                (size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 1
            ),
            "The division is not rounded, so there are fractions of places.",
            "Round down, with `//`.",
        ),
        Mistake(
            "same padding",
            lambda size, kernel_size, stride, padding, dilation: -(-size // stride),
            'That is the size that the padding `"same"` gives, whatever `padding` is.',
            "Use the number of zeros that the function is given.",
        ),
    ],
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


def _slide(
    image: np.ndarray,
    kernel: np.ndarray,
    steps: tuple[int, int],
    *,
    places: tuple[int, int] | None = None,
    apart: tuple[int, int] | None = None,
) -> np.ndarray:
    """Correlate: so many places, by default all; the windows lie `apart`."""
    rows, columns = kernel.shape
    if places is None:
        places = tuple(
            (n - k) // s + 1
            for n, k, s in zip(image.shape, kernel.shape, steps, strict=True)
        )
    down, right = apart or steps
    y = np.zeros(places)
    for p, q in np.ndindex(*places):
        window = image[p * down : p * down + rows, q * right : q * right + columns]
        y[p, q] = (window * kernel).sum()
    return y


def _correlate2d(
    image: np.ndarray, kernel: np.ndarray, stride: int, padding: int
) -> np.ndarray:
    return _slide(np.pad(image, padding), kernel, (stride, stride))


def _correlate_by_cells(
    image: np.ndarray, kernel: np.ndarray, stride: int, padding: int
) -> np.ndarray:
    """Sum in loops, with the indices of the kernel swapped."""
    image = np.pad(image, padding)
    y = np.zeros_like(_slide(image, kernel, (stride, stride)))
    for p, q in np.ndindex(y.shape):
        for i, j in np.ndindex(kernel.shape):
            y[p, q] += image[p * stride + i, q * stride + j] * kernel[j, i]
    return y


def _correlate_one_place_less(
    image: np.ndarray, kernel: np.ndarray, stride: int, padding: int
) -> np.ndarray:
    y = _correlate2d(image, kernel, stride, padding)
    return y[:-1, :-1]


def _correlate_without_offset(
    image: np.ndarray, kernel: np.ndarray, stride: int, padding: int
) -> np.ndarray:
    y = _correlate2d(image, kernel, stride, padding)
    return np.full_like(y, y[0, 0])


def _correlate_unpadded_size(
    image: np.ndarray, kernel: np.ndarray, stride: int, padding: int
) -> np.ndarray:
    places = _slide(image, kernel, (stride, stride)).shape
    return _slide(
        np.pad(image, padding), kernel, (stride, stride), places=(places[0], places[1])
    )


def _correlate_windows_one_apart(
    image: np.ndarray, kernel: np.ndarray, stride: int, padding: int
) -> np.ndarray:
    return _slide(np.pad(image, padding), kernel, (stride, stride), apart=(1, 1))


@function_exercise(
    "3.2",
    "Correlation with stride and padding",
    reference=_correlate2d,
    mistakes=[
        Mistake(
            "kernel flipped",
            lambda image, kernel, stride, padding: _correlate2d(
                image, kernel[::-1, ::-1], stride, padding
            ),
            "The kernel is turned by half a turn. That is the convolution of "
            "mathematics, not what a layer computes.",
            "The first cell of the kernel meets the first pixel of the window.",
        ),
        Mistake(
            "kernel upside down",
            lambda image, kernel, stride, padding: _correlate2d(
                image, kernel[::-1], stride, padding
            ),
            "The rows of the kernel are in reverse order.",
            "Row `i` of the kernel meets row `i` of the window.",
        ),
        Mistake(
            "kernel left to right",
            lambda image, kernel, stride, padding: _correlate2d(
                image, kernel[:, ::-1], stride, padding
            ),
            "The columns of the kernel are in reverse order.",
            "Column `j` of the kernel meets column `j` of the window.",
        ),
        Mistake(
            "rows and columns swapped",
            _correlate_by_cells,
            "Rows and columns of the kernel are swapped: `kernel[j, i]` in place of "
            "`kernel[i, j]`.",
            "The first index counts rows, in the image and in the kernel.",
        ),
        Mistake(
            "kernel transposed",
            lambda image, kernel, stride, padding: _correlate2d(
                image, kernel.T, stride, padding
            ),
            "Rows and columns of the kernel are swapped.",
            "Leave out the `.T`: the first index counts rows in both arrays.",
        ),
        Mistake(
            "stride ignored",
            lambda image, kernel, stride, padding: _correlate2d(
                image, kernel, 1, padding
            ),
            "The stride is left out: the windows lie one pixel apart.",
            "Window `(p, q)` begins at row `p * stride`, column `q * stride`.",
        ),
        Mistake(
            "stride for the rows only",
            lambda image, kernel, stride, padding: _slide(
                np.pad(image, padding), kernel, (stride, 1)
            ),
            "The stride is used for the rows and not for the columns.",
            "Window `(p, q)` begins at column `q * stride`.",
        ),
        Mistake(
            "windows one pixel apart",
            _correlate_windows_one_apart,
            "The result has the right size for the stride, but its windows lie one "
            "pixel apart.",
            "Window `(p, q)` begins at row `p * stride`, column `q * stride`.",
        ),
        Mistake(
            "padding ignored",
            lambda image, kernel, stride, padding: _correlate2d(
                image, kernel, stride, 0
            ),
            "The padding is left out.",
            "Put the zeros around the image first: `np.pad(image, padding)`.",
        ),
        Mistake(
            "size without padding",
            _correlate_unpadded_size,
            "The image is padded, but you count as many places as without the zeros.",
            "Take `image.shape` after the padding.",
        ),
        Mistake(
            "padding before only",
            lambda image, kernel, stride, padding: _slide(
                np.pad(image, ((padding, 0), (padding, 0))), kernel, (stride, stride)
            ),
            "The zeros go above and to the left only.",
            "They go on all four sides: `np.pad(image, padding)`.",
        ),
        Mistake(
            "padding after only",
            lambda image, kernel, stride, padding: _slide(
                np.pad(image, ((0, padding), (0, padding))), kernel, (stride, stride)
            ),
            "The zeros go below and to the right only.",
            "They go on all four sides: `np.pad(image, padding)`.",
        ),
        Mistake(
            "padding off by one",
            lambda image, kernel, stride, padding: _correlate2d(
                image, kernel, stride, padding + 1
            ),
            "There is one ring of zeros too many.",
            "With `padding` 0 the image stays as it is.",
        ),
        Mistake(
            "border repeated",
            lambda image, kernel, stride, padding: _slide(
                np.pad(image, padding, mode="edge"), kernel, (stride, stride)
            ),
            "The padding repeats the pixels of the border.",
            "Padding is zeros here: `np.pad(image, padding)`.",
        ),
        Mistake(
            "last place missing",
            _correlate_one_place_less,
            "The last row and the last column of places are missing.",
            "There are `(H - R) // stride + 1` places along the rows.",
        ),
        Mistake(
            "mean in place of sum",
            lambda image, kernel, stride, padding: (
                _correlate2d(image, kernel, stride, padding) / kernel.size
            ),
            "The products are averaged.",
            "Add them up; do not divide.",
        ),
        Mistake(
            "no offset",
            _correlate_without_offset,
            "Every place has the result of the first window.",
            "The pixel under cell `(i, j)` is `image[p * stride + i, q * stride + j]`.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.arange(4.0).reshape(2, 2), np.array([[1.0]]), 1, 0
    yield np.arange(9.0).reshape(3, 3), np.array([[1.0, 2.0], [3.0, 4.0]]), 1, 0
    for image, kernel, stride, padding in [
        ((5, 6), (3, 3), 1, 1),
        ((6, 5), (3, 3), 2, 0),
        ((4, 7), (2, 3), 1, 2),
        ((7, 4), (3, 2), 2, 1),
        ((9, 8), (1, 4), 3, 1),
        ((3, 3), (3, 3), 2, 0),
        ((5, 6), (5, 5), 1, 2),
    ]:
        yield rng.normal(size=image), rng.normal(size=kernel), stride, padding


# 3.3 ------------------------------------------------------------------------


def _cost(height: int, width: int, channels: int, filters: int, kernel_size: int):
    weights = kernel_size**2 * channels * filters
    places = (height - kernel_size + 1) * (width - kernel_size + 1)
    return weights + filters, places * weights


def _cost_with(form: str):
    """Return `_cost` with one part of it wrong."""

    def cost(height: int, width: int, channels: int, filters: int, kernel_size: int):
        weights = kernel_size**2 * channels * filters
        rows, columns = height - kernel_size + 1, width - kernel_size + 1
        right = weights + filters, rows * columns * weights
        return {
            "no bias": (weights, right[1]),
            "one bias": (weights + 1, right[1]),
            "bias for each channel": (weights + filters * channels, right[1]),
            "bias for each weight": (2 * weights, right[1]),
            "weights for every place": (rows * columns * right[0], right[1]),
            "channels forgotten": (
                kernel_size**2 * filters + filters,
                rows * columns * kernel_size**2 * filters,
            ),
            "one multiply-add a parameter": right[:1] * 2,
            "places of the image": (right[0], height * width * weights),
            "place missing": (right[0], (rows - 1) * (columns - 1) * weights),
            "bias as multiply-add": (right[0], rows * columns * right[0]),
            "filters forgotten in the work": (
                right[0],
                rows * columns * kernel_size**2 * channels,
            ),
            "channels forgotten in the work": (
                right[0],
                rows * columns * kernel_size**2 * filters,
            ),
            "two for each": (right[0], 2 * right[1]),
            "width ignored": (right[0], rows * rows * weights),
            "kernel not squared": (
                kernel_size * channels * filters + filters,
                rows * columns * kernel_size * channels * filters,
            ),
            "order": right[::-1],
        }[form]

    return cost


@function_exercise(
    "3.3",
    "Parameters and multiply-adds",
    reference=_cost,
    mistakes=[
        Mistake(
            "order",
            _cost_with("order"),
            "The two numbers are in the wrong order.",
            "The parameters come first, then the multiply-adds.",
        ),
        Mistake(
            "bias missing",
            _cost_with("no bias"),
            "The biases are missing from the parameters.",
            "Each filter has one.",
        ),
        Mistake(
            "one bias for all",
            _cost_with("one bias"),
            "There is a single bias for all filters.",
            "Each filter has a bias of its own.",
        ),
        Mistake(
            "bias for each channel",
            _cost_with("bias for each channel"),
            "Each filter has as many biases as there are channels.",
            "A filter adds up all its channels and then adds one bias.",
        ),
        Mistake(
            "bias for each weight",
            _cost_with("bias for each weight"),
            "You count a bias for every weight.",
            "A filter adds up all its products and then adds one bias.",
        ),
        Mistake(
            "weights for every place",
            _cost_with("weights for every place"),
            "You count parameters for every place. That is a locally connected layer.",
            "A convolution uses the same weights at all places.",
        ),
        Mistake(
            "channels forgotten",
            _cost_with("channels forgotten"),
            "The channels of the image are left out.",
            "A filter has `kernel_size**2` weights for each channel.",
        ),
        Mistake(
            "one multiply-add a parameter",
            _cost_with("one multiply-add a parameter"),
            "Your multiply-adds are the number of parameters.",
            "Every weight is used again at each place.",
        ),
        Mistake(
            "places of the image",
            _cost_with("places of the image"),
            "You count as many places as the image has pixels.",
            "Without padding there are `height - kernel_size + 1` rows of places.",
        ),
        Mistake(
            "place missing",
            _cost_with("place missing"),
            "One row and one column of places are missing.",
            "A kernel as large as the image has one place, not none.",
        ),
        Mistake(
            "bias as multiply-add",
            _cost_with("bias as multiply-add"),
            "Adding the bias is counted as a multiply-add.",
            "Here it counts as none: leave the bias out of the second number.",
        ),
        Mistake(
            "filters forgotten in the work",
            _cost_with("filters forgotten in the work"),
            "The multiply-adds are those of one filter.",
            "Each filter does this work.",
        ),
        Mistake(
            "channels forgotten in the work",
            _cost_with("channels forgotten in the work"),
            "The multiply-adds are those of one channel.",
            "A window has `kernel_size**2` pixels in each channel.",
        ),
        Mistake(
            "two for each",
            _cost_with("two for each"),
            "You count multiplications and additions one by one.",
            "A multiplication and its addition are one multiply-add.",
        ),
        Mistake(
            "width ignored",
            _cost_with("width ignored"),
            "You take the image for a square: the width is left out.",
            "There are `width - kernel_size + 1` places in each row.",
        ),
        Mistake(
            "kernel not squared",
            _cost_with("kernel not squared"),
            "You count `kernel_size` weights for each channel.",
            "The kernel has `kernel_size` rows and `kernel_size` columns.",
        ),
    ],
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


def _rows_clipped(layers: _Layers, p: int) -> tuple[int, int]:
    first, last = _rows_seen(layers, p)
    return max(first, 0), last


def _rows_padding_scaled(layers: _Layers, p: int) -> tuple[int, int]:
    first = last = p
    for kernel_size, stride, padding in reversed(layers):
        first = (first - padding) * stride
        last = (last - padding) * stride + kernel_size - 1
    return first, last


def _rows_size(layers: _Layers, p: int) -> tuple[int, int]:
    first, last = _rows_seen(layers, p)
    return first, last - first + 1


def _rows_kernel_scaled(layers: _Layers, p: int) -> tuple[int, int]:
    first = last = p
    for kernel_size, stride, padding in reversed(layers):
        first = first * stride - padding
        last = (last + kernel_size - 1) * stride - padding
    return first, last


def _rows_centred(layers: _Layers, p: int) -> tuple[int, int]:
    first = last = p
    for kernel_size, stride, padding in reversed(layers):
        half = kernel_size // 2
        first = first * stride - padding - half
        last = last * stride - padding + half
    return first, last


def _rows_padding_added(layers: _Layers, p: int) -> tuple[int, int]:
    first = last = p
    for kernel_size, stride, padding in reversed(layers):
        first = first * stride - padding
        last = last * stride + padding + kernel_size - 1
    return first, last


def _rows_of_first(layers: _Layers, p: int) -> tuple[int, int]:
    first = last = p
    for kernel_size, stride, padding in reversed(layers):
        first = first * stride - padding
        last = first + kernel_size - 1
    return first, last


def _changed(change) -> object:
    """Return `_rows_seen` after a change of every layer."""
    return lambda layers, p: _rows_seen([change(*layer) for layer in layers], p)


@function_exercise(
    "3.4",
    "The rows that a place sees",
    reference=_rows_seen,
    mistakes=[
        Mistake(
            "first layer first",
            lambda layers, p: _rows_seen(list(layers)[::-1], p),
            "You walk from the first layer to the last.",
            "Row `p` is a row of the last layer's result: begin there, with "
            "`reversed(layers)`.",
        ),
        Mistake(
            "last layer only",
            lambda layers, p: _rows_seen(list(layers)[-1:], p),
            "That is what the last layer sees of its own input.",
            "Go on to the layer before it, until you reach the image.",
        ),
        Mistake(
            "stride ignored",
            _changed(lambda kernel_size, stride, padding: (kernel_size, 1, padding)),
            "The strides are left out.",
            "Window `p` begins at row `p * stride` of the padded input.",
        ),
        Mistake(
            "padding ignored",
            _changed(lambda kernel_size, stride, padding: (kernel_size, stride, 0)),
            "The padding is left out.",
            "Row 0 of the padded input is row `-padding` of the input.",
        ),
        Mistake(
            "padding with the wrong sign",
            _changed(
                lambda kernel_size, stride, padding: (kernel_size, stride, -padding)
            ),
            "The padding has the wrong sign.",
            "Row 0 of the padded input is row `-padding` of the input.",
        ),
        Mistake(
            "padding times stride",
            _rows_padding_scaled,
            "The padding is subtracted before the row is multiplied by the stride.",
            "Window `p` begins at `p * stride - padding`.",
        ),
        Mistake(
            "kernel times stride",
            _rows_kernel_scaled,
            "The size of the kernel is multiplied by its layer's own stride.",
            "Window `p` ends at `p * stride - padding + kernel_size - 1`.",
        ),
        Mistake(
            "one row too far in each layer",
            _changed(
                lambda kernel_size, stride, padding: (kernel_size + 1, stride, padding)
            ),
            "Each layer adds one row too many.",
            "A window of 3 that begins at row 5 ends at row 7.",
        ),
        Mistake(
            "end left out",
            lambda layers, p: (_rows_seen(layers, p)[0], _rows_seen(layers, p)[1] + 1),
            "You return the row after the last one, as a slice has it.",
            "The second number is the last row that is seen.",
        ),
        Mistake(
            "padding added at the end",
            _rows_padding_added,
            "The padding is added to the last row. But the zeros above push both rows "
            "the same way.",
            "Window `p` ends at `p * stride - padding + kernel_size - 1`.",
        ),
        Mistake(
            "last row from the first",
            _rows_of_first,
            "You follow the first row alone, and add one kernel to it at the end.",
            "In each layer the last row has a window of its own: follow both rows.",
        ),
        Mistake(
            "number of rows",
            _rows_size,
            "The second number is how many rows are seen.",
            "Return the number of the last row.",
        ),
        Mistake(
            "cut off at zero",
            _rows_clipped,
            "Negative rows are set to 0.",
            "A row in the padding stays negative, as the exercise says.",
        ),
        Mistake(
            "centred windows",
            _rows_centred,
            "You take row `p * stride - padding` for the middle of the window.",
            "It is the first row of the window.",
        ),
    ],
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


def _gradient_overwritten(
    dy: np.ndarray, kernel: np.ndarray, stride: int, shape: tuple[int, int]
) -> np.ndarray:
    dx = np.zeros(shape)
    rows, columns = kernel.shape
    for p, q in np.ndindex(dy.shape):
        dx[p * stride :, q * stride :][:rows, :columns] = dy[p, q] * kernel
    return dx


def _gradient_averaged(
    dy: np.ndarray, kernel: np.ndarray, stride: int, shape: tuple[int, int]
) -> np.ndarray:
    met = _input_gradient(np.ones_like(dy), np.ones_like(kernel), stride, shape)
    return _input_gradient(dy, kernel, stride, shape) / np.maximum(met, 1)


def _gradient_by_cells(
    dy: np.ndarray, kernel: np.ndarray, stride: int, shape: tuple[int, int]
) -> np.ndarray:
    """Scatter in loops, with the indices of the kernel swapped."""
    dx = np.zeros(shape)
    for p, q in np.ndindex(dy.shape):
        for i, j in np.ndindex(kernel.shape):
            dx[p * stride + i, q * stride + j] += dy[p, q] * kernel[j, i]
    return dx


@function_exercise(
    "3.5",
    "The gradient of the input",
    reference=_input_gradient,
    mistakes=[
        Mistake(
            "overwritten",
            _gradient_overwritten,
            "Where windows overlap, the later one overwrites the earlier ones.",
            "A pixel that influences several outputs gets the sum of their shares: "
            "`+=`.",
        ),
        Mistake(
            "averaged",
            _gradient_averaged,
            "Where windows overlap, you take the mean of their shares.",
            "A pixel that influences several outputs gets the sum of their shares.",
        ),
        Mistake(
            "kernel flipped",
            lambda dy, kernel, stride, shape: _input_gradient(
                dy, kernel[::-1, ::-1], stride, shape
            ),
            "The kernel is turned by half a turn.",
            "The pixel that met `kernel[i, j]` going forward gets `kernel[i, j]` "
            "going back. (The flip belongs to the form that gathers, not to the one "
            "that scatters.)",
        ),
        Mistake(
            "rows and columns swapped",
            _gradient_by_cells,
            "Rows and columns of the kernel are swapped.",
            "The first index counts rows, in the image and in the kernel.",
        ),
        Mistake(
            "kernel transposed",
            lambda dy, kernel, stride, shape: _input_gradient(
                dy, kernel.T, stride, shape
            ),
            "Rows and columns of the kernel are swapped.",
            "Leave out the `.T`: the first index counts rows in both arrays.",
        ),
        Mistake(
            "stride ignored",
            lambda dy, kernel, stride, shape: _input_gradient(dy, kernel, 1, shape),
            "The stride is left out.",
            "Output `(p, q)` came from the window at row `p * stride`, column "
            "`q * stride`.",
        ),
        Mistake(
            "dy left out",
            lambda dy, kernel, stride, shape: _input_gradient(
                np.ones_like(dy), kernel, stride, shape
            ),
            "`dy` is left out: that is the gradient of the sum of all outputs.",
            "Multiply the kernel by `dy[p, q]`.",
        ),
        Mistake(
            "kernel left out",
            lambda dy, kernel, stride, shape: _input_gradient(
                dy, np.ones_like(kernel), stride, shape
            ),
            "The kernel is left out: every pixel of a window gets the same share.",
            "A pixel's share is `dy[p, q]` times the weight that it met.",
        ),
    ],
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
