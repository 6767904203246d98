"""The checks of chapter 3: right answers in two styles, and every named mistake."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from imgcls_helpers import scratch
from imgcls_helpers.checks import check, exercises

NUMBERS = ["3.1", "3.2", "3.3", "3.4", "3.5"]


# --- Right answers, in two styles each ----------------------------------------------


def places_by_formula(size, kernel_size, stride, padding, dilation):
    room = size + 2 * padding - dilation * (kernel_size - 1) - 1
    return math.floor(room / stride) + 1


def places_by_counting(size, kernel_size, stride, padding, dilation):
    count, start = 0, -padding
    while start + dilation * (kernel_size - 1) < size + padding:
        count += 1
        start += stride
    return count


def correlate_by_cells(image, kernel, stride, padding):
    height, width = image.shape
    rows, columns = kernel.shape
    y = np.zeros(
        (
            (height + 2 * padding - rows) // stride + 1,
            (width + 2 * padding - columns) // stride + 1,
        )
    )
    for p in range(y.shape[0]):
        for q in range(y.shape[1]):
            for i in range(rows):
                for j in range(columns):
                    r, c = p * stride + i - padding, q * stride + j - padding
                    if 0 <= r < height and 0 <= c < width:
                        y[p, q] += image[r, c] * kernel[i, j]
    return y


def correlate_by_windows(image, kernel, stride, padding):
    windows = sliding_window_view(np.pad(image, padding), kernel.shape)
    return np.einsum("pqij,ij->pq", windows[::stride, ::stride], kernel)


def correlate_by_the_package(image, kernel, stride, padding):
    y = scratch.conv2d(
        image[None, :, :, None],
        kernel[:, :, None, None],
        strides=stride,
        padding=padding,
    )
    return y[0, :, :, 0]


def cost_by_formula(height, width, channels, filters, kernel_size):
    parameters = (kernel_size * kernel_size * channels + 1) * filters
    weights = parameters - filters
    places = (height - kernel_size + 1) * (width - kernel_size + 1)
    return parameters, places * weights


def cost_by_counting(height, width, channels, filters, kernel_size):
    work = 0
    for _ in range(height - kernel_size + 1):
        for _ in range(width - kernel_size + 1):
            work += kernel_size**2 * channels * filters
    return [np.zeros((kernel_size**2 * channels + 1, filters)).size, work]


def rows_backwards(layers, p):
    first = last = p
    for kernel_size, stride, padding in layers[::-1]:
        first, last = first * stride - padding, last * stride - padding
        last += kernel_size - 1
    return first, last


def rows_forwards(layers, p):
    """Keep the size, the step and where the first window begins."""
    size, step, start = 1, 1, 0
    for kernel_size, stride, padding in layers:
        start -= padding * step
        size += (kernel_size - 1) * step
        step *= stride
    return start + p * step, start + p * step + size - 1


def gradient_by_scattering(dy, kernel, stride, shape):
    dx = np.zeros(shape)
    for p in range(dy.shape[0]):
        for q in range(dy.shape[1]):
            for i in range(kernel.shape[0]):
                for j in range(kernel.shape[1]):
                    dx[p * stride + i, q * stride + j] += dy[p, q] * kernel[i, j]
    return dx


def gradient_by_gathering(dy, kernel, stride, shape):
    """Spread dy out, put zeros around it, and slide the flipped kernel over it."""
    rows, columns = kernel.shape
    spread = np.zeros((shape[0] - rows + 1, shape[1] - columns + 1))
    spread[::stride, ::stride][: dy.shape[0], : dy.shape[1]] = dy
    padded = np.pad(spread, ((rows - 1,) * 2, (columns - 1,) * 2))
    windows = sliding_window_view(padded, kernel.shape)
    return np.einsum("hvij,ij->hv", windows, kernel[::-1, ::-1])


RIGHT = [
    ("3.1", places_by_formula),
    ("3.1", places_by_counting),
    ("3.2", correlate_by_cells),
    ("3.2", correlate_by_windows),
    ("3.2", correlate_by_the_package),
    ("3.3", cost_by_formula),
    ("3.3", cost_by_counting),
    ("3.4", rows_backwards),
    ("3.4", rows_forwards),
    ("3.5", gradient_by_scattering),
    ("3.5", gradient_by_gathering),
]


@pytest.mark.parametrize(("number", "answer"), RIGHT)
@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_a_right_answer_is_right(number, answer, seed):
    verdict = check(number, answer, seed=seed)
    assert verdict.ok, verdict


# --- Wrong answers, as a student might write them -----------------------------------


def places_no_stride(size, kernel_size, stride, padding, dilation):
    return size + 2 * padding - dilation * (kernel_size - 1)


def places_no_padding(size, kernel_size, stride, padding, dilation):
    return (size - (dilation * (kernel_size - 1) + 1)) // stride + 1


def places_one_side(size, kernel_size, stride, padding, dilation):
    size = size + padding
    return (size - (dilation * (kernel_size - 1) + 1)) // stride + 1


def places_no_dilation(size, kernel_size, stride, padding, dilation):
    return (size + 2 * padding - kernel_size) // stride + 1


def places_wide_kernel(size, kernel_size, stride, padding, dilation):
    return (size + 2 * padding - dilation * kernel_size) // stride + 1


def places_without_one(size, kernel_size, stride, padding, dilation):
    return (size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride


def places_missing_minus(size, kernel_size, stride, padding, dilation):
    return (size + 2 * padding - dilation * (kernel_size - 1)) // stride + 1


def places_ceil(size, kernel_size, stride, padding, dilation):
    room = size + 2 * padding - dilation * (kernel_size - 1) - 1
    return math.ceil(room / stride) + 1


def places_float(size, kernel_size, stride, padding, dilation):
    return (size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 1


def places_nearest(size, kernel_size, stride, padding, dilation):
    room = size + 2 * padding - dilation * (kernel_size - 1) - 1
    return round(room / stride) + 1


def places_dilation_added(size, kernel_size, stride, padding, dilation):
    return (size + 2 * padding - (kernel_size + dilation - 1)) // stride + 1


def places_same(size, kernel_size, stride, padding, dilation):
    return math.ceil(size / stride)


def correlate_flipped(image, kernel, stride, padding):
    return correlate_by_windows(image, np.flip(kernel), stride, padding)


def correlate_upside_down(image, kernel, stride, padding):
    return correlate_by_cells(image, np.flipud(kernel), stride, padding)


def correlate_mirrored(image, kernel, stride, padding):
    return correlate_by_cells(image, np.fliplr(kernel), stride, padding)


def correlate_ji(image, kernel, stride, padding):
    image = np.pad(image, padding)
    rows, columns = kernel.shape
    height = (image.shape[0] - rows) // stride + 1
    width = (image.shape[1] - columns) // stride + 1
    y = np.zeros((height, width))
    for p in range(height):
        for q in range(width):
            for i in range(rows):
                for j in range(columns):
                    y[p, q] += image[p * stride + i, q * stride + j] * kernel[j, i]
    return y


def correlate_transposed(image, kernel, stride, padding):
    image = np.pad(image, padding)
    kernel = kernel.T
    height = (image.shape[0] - kernel.shape[0]) // stride + 1
    width = (image.shape[1] - kernel.shape[1]) // stride + 1
    y = np.empty((height, width))
    for p in range(height):
        for q in range(width):
            r, c = p * stride, q * stride
            window = image[r : r + kernel.shape[0], c : c + kernel.shape[1]]
            y[p, q] = np.sum(window * kernel)
    return y


def correlate_no_stride(image, kernel, stride, padding):
    return correlate_by_windows(image, kernel, 1, padding)


def correlate_stride_rows(image, kernel, stride, padding):
    windows = sliding_window_view(np.pad(image, padding), kernel.shape)
    return np.einsum("pqij,ij->pq", windows[::stride], kernel)


def correlate_close_windows(image, kernel, stride, padding):
    image = np.pad(image, padding)
    rows, columns = kernel.shape
    height = (image.shape[0] - rows) // stride + 1
    width = (image.shape[1] - columns) // stride + 1
    y = np.zeros((height, width))
    for p in range(height):
        for q in range(width):
            y[p, q] = (image[p : p + rows, q : q + columns] * kernel).sum()
    return y


def correlate_no_padding(image, kernel, stride, padding):
    return correlate_by_windows(image, kernel, stride, 0)


def correlate_unpadded_size(image, kernel, stride, padding):
    padded = np.pad(image, padding)
    y = np.zeros(
        [(n - k) // stride + 1 for n, k in zip(image.shape, kernel.shape, strict=True)]
    )
    for p, q in np.ndindex(y.shape):
        window = padded[p * stride :, q * stride :][: len(kernel), : len(kernel[0])]
        y[p, q] = np.sum(window * kernel)
    return y


def correlate_padding_before(image, kernel, stride, padding):
    padded = np.zeros((image.shape[0] + padding, image.shape[1] + padding))
    padded[padding:, padding:] = image
    return correlate_by_windows(padded, kernel, stride, 0)


def correlate_padding_after(image, kernel, stride, padding):
    padded = np.zeros((image.shape[0] + padding, image.shape[1] + padding))
    padded[: image.shape[0], : image.shape[1]] = image
    return correlate_by_windows(padded, kernel, stride, 0)


def correlate_padding_more(image, kernel, stride, padding):
    padded = np.zeros([n + 2 * padding + 2 for n in image.shape])
    padded[padding + 1 : -padding - 1, padding + 1 : -padding - 1] = image
    return correlate_by_windows(padded, kernel, stride, 0)


def correlate_edge(image, kernel, stride, padding):
    return correlate_by_windows(np.pad(image, padding, "edge"), kernel, stride, 0)


def correlate_short(image, kernel, stride, padding):
    image = np.pad(image, padding)
    rows, columns = kernel.shape
    height = (image.shape[0] - rows) // stride
    width = (image.shape[1] - columns) // stride
    y = np.zeros((height, width))
    for p in range(height):
        for q in range(width):
            r, c = p * stride, q * stride
            y[p, q] = (image[r : r + rows, c : c + columns] * kernel).sum()
    return y


def correlate_mean(image, kernel, stride, padding):
    windows = sliding_window_view(np.pad(image, padding), kernel.shape)
    return (windows[::stride, ::stride] * kernel).mean(axis=(2, 3))


def correlate_no_offset(image, kernel, stride, padding):
    image = np.pad(image, padding)
    rows, columns = kernel.shape
    height = (image.shape[0] - rows) // stride + 1
    width = (image.shape[1] - columns) // stride + 1
    y = np.zeros((height, width))
    for p in range(height):
        for q in range(width):
            for i in range(rows):
                for j in range(columns):
                    y[p, q] += image[i, j] * kernel[i, j]
    return y


def wrong_cost(parameters, work):
    """Return a wrong answer from two formulas."""

    def cost(height, width, channels, filters, kernel_size):
        names = {
            "P": height - kernel_size + 1,
            "Q": width - kernel_size + 1,
            "H": height,
            "W": width,
            "C": channels,
            "F": filters,
            "k": kernel_size,
        }
        return eval(parameters, names), eval(work, names)

    return cost


_WORK = "P * Q * k * k * C * F"
_PARAMETERS = "(k * k * C + 1) * F"


def rows_in_order(layers, p):
    first = last = p
    for kernel_size, stride, padding in layers:
        first = first * stride - padding
        last = last * stride - padding + kernel_size - 1
    return first, last


def rows_of_last_layer(layers, p):
    if not layers:
        return p, p
    kernel_size, stride, padding = layers[-1]
    return p * stride - padding, p * stride - padding + kernel_size - 1


def rows_no_stride(layers, p):
    first = last = p
    for kernel_size, _, padding in reversed(layers):
        first -= padding
        last += kernel_size - 1 - padding
    return first, last


def rows_no_padding(layers, p):
    first = last = p
    for kernel_size, stride, _ in reversed(layers):
        first *= stride
        last = last * stride + kernel_size - 1
    return first, last


def rows_plus_padding(layers, p):
    first = last = p
    for kernel_size, stride, padding in reversed(layers):
        first = first * stride + padding
        last = last * stride + padding + kernel_size - 1
    return first, last


def rows_padding_first(layers, p):
    first = last = p
    for kernel_size, stride, padding in reversed(layers):
        first = (first - padding) * stride
        last = (last - padding) * stride + kernel_size - 1
    return first, last


def rows_kernel_first(layers, p):
    first = last = p
    for kernel_size, stride, padding in reversed(layers):
        first = first * stride - padding
        last = (last + kernel_size - 1) * stride - padding
    return first, last


def rows_too_far(layers, p):
    first = last = p
    for kernel_size, stride, padding in reversed(layers):
        first = first * stride - padding
        last = last * stride - padding + kernel_size
    return first, last


def rows_slice(layers, p):
    first, last = rows_backwards(layers, p)
    return first, last + 1


def rows_padding_added(layers, p):
    first = last = p
    for kernel_size, stride, padding in layers[::-1]:
        first = first * stride - padding
        last = last * stride + padding + kernel_size - 1
    return first, last


def rows_from_the_first(layers, p):
    first = last = p
    for kernel_size, stride, padding in layers[::-1]:
        first = first * stride - padding
        last = first + kernel_size - 1
    return first, last


def rows_count(layers, p):
    first, last = rows_backwards(layers, p)
    return first, last - first + 1


def rows_clipped(layers, p):
    first, last = rows_backwards(layers, p)
    return max(0, first), last


def rows_centred(layers, p):
    first = last = p
    for kernel_size, stride, padding in reversed(layers):
        first = first * stride - padding - kernel_size // 2
        last = last * stride - padding + kernel_size // 2
    return first, last


def gradient_overwritten(dy, kernel, stride, shape):
    dx = np.zeros(shape)
    rows, columns = kernel.shape
    for p, q in np.ndindex(dy.shape):
        r, c = p * stride, q * stride
        dx[r : r + rows, c : c + columns] = dy[p, q] * kernel
    return dx


def gradient_averaged(dy, kernel, stride, shape):
    dx, count = np.zeros(shape), np.zeros(shape)
    rows, columns = kernel.shape
    for p, q in np.ndindex(dy.shape):
        r, c = p * stride, q * stride
        dx[r : r + rows, c : c + columns] += dy[p, q] * kernel
        count[r : r + rows, c : c + columns] += 1
    return np.where(count > 0, dx / np.maximum(count, 1), 0)


def gradient_flipped(dy, kernel, stride, shape):
    return gradient_by_scattering(dy, np.flip(kernel), stride, shape)


def gradient_ji(dy, kernel, stride, shape):
    dx = np.zeros(shape)
    for p, q in np.ndindex(dy.shape):
        for i in range(kernel.shape[0]):
            for j in range(kernel.shape[1]):
                dx[p * stride + i, q * stride + j] += dy[p, q] * kernel[j, i]
    return dx


def gradient_transposed(dy, kernel, stride, shape):
    dx = np.zeros(shape)
    kernel = kernel.T
    for p, q in np.ndindex(dy.shape):
        r, c = p * stride, q * stride
        dx[r : r + kernel.shape[0], c : c + kernel.shape[1]] += dy[p, q] * kernel
    return dx


def gradient_no_stride(dy, kernel, stride, shape):
    return gradient_by_scattering(dy, kernel, 1, shape)


def gradient_no_dy(dy, kernel, stride, shape):
    return gradient_by_scattering(np.ones(dy.shape), kernel, stride, shape)


def gradient_no_kernel(dy, kernel, stride, shape):
    return gradient_by_scattering(dy, np.ones(kernel.shape), stride, shape)


WRONG = [
    ("3.1", "stride ignored", places_no_stride),
    ("3.1", "padding ignored", places_no_padding),
    ("3.1", "padding on one side", places_one_side),
    ("3.1", "dilation ignored", places_no_dilation),
    ("3.1", "dilation times the kernel", places_wide_kernel),
    ("3.1", "one too few", places_without_one),
    ("3.1", "one pixel too many", places_missing_minus),
    ("3.1", "rounded up", places_ceil),
    ("3.1", "rounded to nearest", places_nearest),
    ("3.1", "dilation added", places_dilation_added),
    ("3.1", "not rounded", places_float),
    ("3.1", "same padding", places_same),
    ("3.2", "kernel flipped", correlate_flipped),
    ("3.2", "kernel upside down", correlate_upside_down),
    ("3.2", "kernel left to right", correlate_mirrored),
    ("3.2", "rows and columns swapped", correlate_ji),
    ("3.2", "kernel transposed", correlate_transposed),
    ("3.2", "stride ignored", correlate_no_stride),
    ("3.2", "stride for the rows only", correlate_stride_rows),
    ("3.2", "windows one pixel apart", correlate_close_windows),
    ("3.2", "padding ignored", correlate_no_padding),
    ("3.2", "size without padding", correlate_unpadded_size),
    ("3.2", "padding before only", correlate_padding_before),
    ("3.2", "padding after only", correlate_padding_after),
    ("3.2", "padding off by one", correlate_padding_more),
    ("3.2", "border repeated", correlate_edge),
    ("3.2", "last place missing", correlate_short),
    ("3.2", "mean in place of sum", correlate_mean),
    ("3.2", "no offset", correlate_no_offset),
    ("3.3", "order", wrong_cost(_WORK, _PARAMETERS)),
    ("3.3", "bias missing", wrong_cost("k * k * C * F", _WORK)),
    ("3.3", "one bias for all", wrong_cost("k * k * C * F + 1", _WORK)),
    ("3.3", "bias for each channel", wrong_cost("(k * k + 1) * C * F", _WORK)),
    ("3.3", "bias for each weight", wrong_cost("2 * k * k * C * F", _WORK)),
    ("3.3", "weights for every place", wrong_cost(f"P * Q * {_PARAMETERS}", _WORK)),
    ("3.3", "channels forgotten", wrong_cost("(k * k + 1) * F", "P * Q * k * k * F")),
    ("3.3", "one multiply-add a parameter", wrong_cost(_PARAMETERS, _PARAMETERS)),
    ("3.3", "places of the image", wrong_cost(_PARAMETERS, "H * W * k * k * C * F")),
    (
        "3.3",
        "place missing",
        wrong_cost(_PARAMETERS, "(H - k) * (W - k) * k * k * C * F"),
    ),
    ("3.3", "bias as multiply-add", wrong_cost(_PARAMETERS, f"P * Q * {_PARAMETERS}")),
    (
        "3.3",
        "filters forgotten in the work",
        wrong_cost(_PARAMETERS, "P * Q * k * k * C"),
    ),
    (
        "3.3",
        "channels forgotten in the work",
        wrong_cost(_PARAMETERS, "P * Q * k * k * F"),
    ),
    ("3.3", "two for each", wrong_cost(_PARAMETERS, f"2 * {_WORK}")),
    ("3.3", "width ignored", wrong_cost(_PARAMETERS, "P * P * k * k * C * F")),
    ("3.3", "kernel not squared", wrong_cost("(k * C + 1) * F", "P * Q * k * C * F")),
    ("3.4", "first layer first", rows_in_order),
    ("3.4", "last layer only", rows_of_last_layer),
    ("3.4", "stride ignored", rows_no_stride),
    ("3.4", "padding ignored", rows_no_padding),
    ("3.4", "padding with the wrong sign", rows_plus_padding),
    ("3.4", "padding times stride", rows_padding_first),
    ("3.4", "kernel times stride", rows_kernel_first),
    ("3.4", "one row too far in each layer", rows_too_far),
    ("3.4", "end left out", rows_slice),
    ("3.4", "padding added at the end", rows_padding_added),
    ("3.4", "last row from the first", rows_from_the_first),
    ("3.4", "number of rows", rows_count),
    ("3.4", "cut off at zero", rows_clipped),
    ("3.4", "centred windows", rows_centred),
    ("3.5", "overwritten", gradient_overwritten),
    ("3.5", "averaged", gradient_averaged),
    ("3.5", "kernel flipped", gradient_flipped),
    ("3.5", "rows and columns swapped", gradient_ji),
    ("3.5", "kernel transposed", gradient_transposed),
    ("3.5", "stride ignored", gradient_no_stride),
    ("3.5", "dy left out", gradient_no_dy),
    ("3.5", "kernel left out", gradient_no_kernel),
]


@pytest.mark.parametrize(("number", "name", "answer"), WRONG)
@pytest.mark.parametrize("seed", [None, 5])
def test_a_wrong_answer_gets_its_own_diagnosis(number, name, answer, seed):
    verdict = check(number, answer, seed=seed)
    assert verdict.ok is False
    assert verdict.mistake == name, verdict
    assert verdict.message
    assert verdict.hint


def test_every_named_mistake_is_tried_here():
    tried = {(number, name) for number, name, _ in WRONG}
    named = {
        (number, mistake.name)
        for number in NUMBERS
        for mistake in exercises()[number].mistakes
    }
    assert named == tried
    for number in NUMBERS:
        assert sum(n == number for n, _ in named) >= 6


# --- Neither stubs nor random answers -----------------------------------------------


@pytest.mark.parametrize("number", NUMBERS)
def test_the_stub_is_not_yet(number):
    arguments = {
        "3.1": "size, kernel_size, stride, padding, dilation",
        "3.2": "image, kernel, stride, padding",
        "3.3": "height, width, channels, filters, kernel_size",
        "3.4": "layers, p",
        "3.5": "dy, kernel, stride, shape",
    }[number]
    scope = {}
    exec(f"def stub({arguments}):\n    ...\n", scope)
    assert check(number, scope["stub"]).ok is None


RIGHT_OF = dict(RIGHT[::-1])  # the first of each


def almost(number, seed):
    """Return an answer that is wrong by chance, in one call of five."""
    rng = np.random.default_rng(seed)
    right = RIGHT_OF[number]
    calls = iter(range(10_000))
    wrong_calls = set(rng.integers(0, 6, 2).tolist())

    def answer(*arguments):
        result = right(*arguments)
        if next(calls) not in wrong_calls:
            return result
        if isinstance(result, (int, np.integer)):
            return int(result + rng.integers(1, 4))
        if isinstance(result, (tuple, list)):
            return tuple(int(n + rng.integers(1, 4)) for n in result)
        result = result.copy()
        result.flat[rng.integers(result.size)] += rng.normal() + 3
        return result

    return answer


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("seed", range(5))
def test_an_answer_that_is_seldom_wrong_is_refused(number, seed):
    assert check(number, almost(number, seed)).ok is False


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("seed", range(3))
def test_a_random_answer_is_refused(number, seed):
    rng = np.random.default_rng(seed)
    right = RIGHT_OF[number]

    def answer(*arguments):
        result = right(*arguments)
        if number == "3.1":
            return int(rng.integers(1, 40))
        if number in ("3.3", "3.4"):
            return tuple(int(n) for n in rng.integers(-3, 3000, 2))
        return rng.normal(size=result.shape)

    assert check(number, answer).ok is False


# --- Near misses ---------------------------------------------------------------------


def square_kernels_only(image, kernel, stride, padding):
    rows = len(kernel)
    windows = sliding_window_view(np.pad(image, padding), (rows, rows))
    return np.einsum("pqij,ij->pq", windows[::stride, ::stride], kernel)


def square_images_only(image, kernel, stride, padding):
    y = correlate_by_windows(image, kernel, stride, padding)
    return y[: min(y.shape), : min(y.shape)]


def changes_the_image(image, kernel, stride, padding):
    image *= 1.0
    image += 0.0
    image[0, 0] += 1e-9
    return correlate_by_windows(image, kernel, stride, padding)


@pytest.mark.parametrize(
    "answer", [square_kernels_only, square_images_only, changes_the_image]
)
def test_near_misses_of_correlating_are_refused(answer):
    assert check("3.2", answer).ok is False


def cropped_gradient(dy, kernel, stride, shape):
    dx = gradient_by_scattering(dy, kernel, stride, shape)
    rows = (dy.shape[0] - 1) * stride + kernel.shape[0]
    return dx[:rows, : (dy.shape[1] - 1) * stride + kernel.shape[1]]


def test_the_gradient_has_the_shape_of_the_image():
    assert check("3.5", cropped_gradient).ok is False


def test_no_layers_at_all():
    def at_least_one_layer(layers, p):
        return rows_backwards(layers, p) if layers else (0, 0)

    assert check("3.4", at_least_one_layer).ok is False
