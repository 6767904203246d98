"""The checks of chapter 4: right answers in two styles, and every named mistake."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from imgcls_helpers import scratch
from imgcls_helpers.checks import check, exercises

NUMBERS = ["4.1", "4.2", "4.3", "4.4", "4.5"]


# --- Right answers, in two styles each ----------------------------------------------


def pool_with_loops(x, size, stride):
    height, width, channels = x.shape
    y = []
    for top in range(0, height - size + 1, stride):
        row = []
        for left in range(0, width - size + 1, stride):
            window = x[top : top + size, left : left + size]
            row.append([window[..., c].max() for c in range(channels)])
        y.append(row)
    return y


def pool_with_windows(x, size, stride):
    windows = sliding_window_view(x, (size, size), axis=(0, 1))
    return windows[::stride, ::stride].max(axis=(-2, -1))


def pool_with_the_package(x, size, stride):
    return scratch.max_pool(x[None], size, stride)[0]


def average_with_loops(x):
    n, height, width, channels = x.shape
    y = np.zeros((n, channels))
    for i, c in np.ndindex(n, channels):
        for h, w in np.ndindex(height, width):
            y[i, c] += x[i, h, w, c] / (height * width)
    return y


def average_by_einsum(x):
    return np.einsum("nhwc->nc", x) / (x.shape[1] * x.shape[2])


def average_by_reshape(x):
    return x.reshape(x.shape[0], -1, x.shape[3]).mean(axis=1)


def parameters_at_once(size, filters, units):
    side = ((size - 2) // 2 - 2) // 2
    return side**2 * filters * units + units


def parameters_by_shapes(size, filters, units):
    x = np.zeros((1, size, size, 1), "float32")
    for _ in range(2):
        x = scratch.max_pool(scratch.conv2d(x, np.zeros((3, 3, 1, 1), "float32")))
    kernel, bias = np.zeros((x.size * filters, units), bool), np.zeros(units)
    return kernel.size + bias.size


def backward_with_argmax(dy, x, size, stride):
    dx = np.zeros(x.shape)
    for p, q in np.ndindex(dy.shape):
        top, left = p * stride, q * stride
        best = x[top : top + size, left : left + size].argmax()
        dx[top + best // size, left + best % size] += dy[p, q]
    return dx


def backward_with_search(dy, x, size, stride):
    dx = [[0.0] * x.shape[1] for _ in range(x.shape[0])]
    for p in range(len(dy)):
        for q in range(len(dy[0])):
            best, where = -np.inf, None
            for i, j in itertools.product(range(size), range(size)):
                value = x[p * stride + i, q * stride + j]
                if value > best:
                    best, where = value, (p * stride + i, q * stride + j)
            dx[where[0]][where[1]] += dy[p, q]
    return np.array(dx)


def backward_with_the_package(dy, x, size, stride):
    dx = scratch.max_pool_backward(
        dy[None, ..., None], x[None, ..., None], size, stride
    )
    return dx[0, ..., 0]


def consistency_at_once(scores):
    classes = scores.argmax(axis=-1)
    return np.mean(classes[1:] == classes[:1], axis=-1)


def consistency_with_loops(scores):
    result = []
    for moved in scores[1:]:
        same = [a.argmax() == b.argmax() for a, b in zip(scores[0], moved, strict=True)]
        result.append(sum(same) / len(same))
    return result


RIGHT = [
    ("4.1", pool_with_loops),
    ("4.1", pool_with_windows),
    ("4.1", pool_with_the_package),
    ("4.2", average_with_loops),
    ("4.2", average_by_einsum),
    ("4.2", average_by_reshape),
    ("4.3", parameters_at_once),
    ("4.3", parameters_by_shapes),
    ("4.4", backward_with_argmax),
    ("4.4", backward_with_search),
    ("4.4", backward_with_the_package),
    ("4.5", consistency_at_once),
    ("4.5", consistency_with_loops),
]


@pytest.mark.parametrize(("number", "answer"), RIGHT)
@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_a_right_answer_is_right(number, answer, seed):
    verdict = check(number, answer, seed=seed)
    assert verdict.ok, verdict


# --- Wrong answers, as a student might write them -----------------------------------


def pool_from_zero(x, size, stride):
    rows = (x.shape[0] - size) // stride + 1
    columns = (x.shape[1] - size) // stride + 1
    y = np.zeros((rows, columns, x.shape[2]))
    for p, q, i, j in np.ndindex(rows, columns, size, size):
        y[p, q] = np.maximum(y[p, q], x[stride * p + i, stride * q + j])
    return y


def pool_window_to_one_number(x, size, stride):
    y = np.empty(pool_with_windows(x, size, stride).shape)
    for p, q in np.ndindex(y.shape[:2]):
        top, left = p * stride, q * stride
        y[p, q] = x[top : top + size, left : left + size].max()
    return y


def pool_from_p_and_q(x, size, stride):
    y = np.empty(pool_with_windows(x, size, stride).shape)
    for p, q in np.ndindex(y.shape[:2]):
        y[p, q] = x[p : p + size, q : q + size].max(axis=(0, 1))
    return y


def pool_stride_is_size(x, size, stride):
    windows = sliding_window_view(x, (size, size), axis=(0, 1))
    return windows[::size, ::size].max(axis=(-2, -1))


def pool_every_place(x, size, stride):
    return sliding_window_view(x, (size, size), axis=(0, 1)).max(axis=(-2, -1))


def pool_all_channels(x, size, stride):
    windows = sliding_window_view(x, (size, size), axis=(0, 1))
    return windows[::stride, ::stride].max(axis=(2, 3, 4))


def pool_mean(x, size, stride):
    windows = sliding_window_view(x, (size, size), axis=(0, 1))
    return windows[::stride, ::stride].mean(axis=(-2, -1))


def pool_sum(x, size, stride):
    return pool_mean(x, size, stride) * size**2


def pool_transposed(x, size, stride):
    return pool_with_windows(x, size, stride).transpose(1, 0, 2)


def pool_width_first(x, size, stride):
    width, height, channels = x.shape
    y = np.empty(
        ((height - size) // stride + 1, (width - size) // stride + 1, channels)
    )
    for p, q in np.ndindex(y.shape[:2]):
        window = x[p * stride : p * stride + size, q * stride : q * stride + size]
        y[p, q] = window.max(axis=(0, 1))
    return y


def pool_one_less(x, size, stride):
    height, width = (x.shape[0] - size) // stride, (x.shape[1] - size) // stride
    return pool_with_windows(x, size, stride)[:height, :width]


def pool_ragged(x, size, stride):
    return np.stack(
        [
            np.stack(
                [
                    x[h : h + size, w : w + size].max(axis=(0, 1))
                    for w in range(0, x.shape[1], stride)
                ]
            )
            for h in range(0, x.shape[0], stride)
        ]
    )


def pool_inclusive(x, size, stride):
    y = np.array(pool_with_loops(x, size, stride))
    for p, q in np.ndindex(y.shape[:2]):
        h, w = p * stride, q * stride
        y[p, q] = x[h : h + size + 1, w : w + size + 1].max(axis=(0, 1))
    return y


def parameters_ceiling(size, filters, units):
    side = int(np.ceil((np.ceil((size - 2) / 2) - 2) / 2))
    return side * side * filters * units + units


def backward_mask(dy, x, size, stride):
    dx = np.zeros(x.shape)
    for p, q in np.ndindex(dy.shape):
        place = np.s_[p * stride : p * stride + size, q * stride : q * stride + size]
        dx[place] += (x[place] == x[place].max()) * dy[p, q]
    return dx


def backward_fair(dy, x, size, stride):
    dx = np.zeros(x.shape)
    for p, q in np.ndindex(dy.shape):
        place = np.s_[p * stride : p * stride + size, q * stride : q * stride + size]
        mask = x[place] == x[place].max()
        dx[place] += mask * dy[p, q] / mask.sum()
    return dx


def backward_overwrites(dy, x, size, stride):
    dx = np.zeros(x.shape)
    for p, q in np.ndindex(dy.shape):
        top, left = p * stride, q * stride
        best = x[top : top + size, left : left + size].argmax()
        dx[top + best // size, left + best % size] = dy[p, q]
    return dx


def backward_last(dy, x, size, stride):
    dx = np.zeros(x.shape)
    for p, q in np.ndindex(dy.shape):
        best = -np.inf
        for i, j in np.ndindex(size, size):
            if x[p * stride + i, q * stride + j] >= best:
                best = x[p * stride + i, q * stride + j]
                where = p * stride + i, q * stride + j
        dx[where] += dy[p, q]
    return dx


def backward_down(dy, x, size, stride):
    return backward_with_argmax(dy.T, x.T, size, stride).T


def backward_all(dy, x, size, stride):
    dx = np.zeros(x.shape)
    for p, q in np.ndindex(dy.shape):
        dx[p * stride : p * stride + size, q * stride : q * stride + size] += dy[p, q]
    return dx


def backward_mean(dy, x, size, stride):
    return backward_all(dy, x, size, stride) / size**2


def backward_side_by_side(dy, x, size, stride):
    return backward_with_argmax(dy, x, size, size)


def backward_unravelled_by_size(dy, x, size, stride):
    dx = np.zeros(x.shape)
    for p, q in np.ndindex(dy.shape):
        window = x[p * size : (p + 1) * size, q * size : (q + 1) * size]
        i, j = np.unravel_index(np.argmax(window), window.shape)
        dx[p * size + i, q * size + j] += dy[p, q]
    return dx


def backward_in_first_window(dy, x, size, stride):
    dx = np.zeros(x.shape)
    for p, q in np.ndindex(dy.shape):
        top, left = p * stride, q * stride
        window = x[top : top + size, left : left + size]
        i, j = np.unravel_index(window.argmax(), window.shape)
        dx[i, j] += dy[p, q]
    return dx


def backward_row_for_column(dy, x, size, stride):
    dx = np.zeros(x.shape)
    for p, q in np.ndindex(dy.shape):
        top, left = p * stride, q * stride
        window = x[top : top + size, left : left + size]
        j, i = np.unravel_index(window.argmax(), window.shape)
        dx[top + i, left + j] += dy[p, q]
    return dx


def backward_mask_only(dy, x, size, stride):
    return backward_with_argmax(np.ones(dy.shape), x, size, stride)


def backward_times_value(dy, x, size, stride):
    dx = np.zeros(x.shape)
    for p, q in np.ndindex(dy.shape):
        top, left = p * stride, q * stride
        window = x[top : top + size, left : left + size]
        i, j = np.unravel_index(window.argmax(), window.shape)
        dx[top + i, left + j] += dy[p, q] * window[i, j]
    return dx


def consistency_chain(scores):
    classes = scores.argmax(axis=-1)
    return [np.mean(a == b) for a, b in itertools.pairwise(classes)]


def consistency_with_zero(scores):
    classes = scores.argmax(axis=-1)
    return [np.mean(c == classes[0]) for c in classes]


def consistency_as_count(scores):
    classes = scores.argmax(axis=-1)
    return np.sum(classes[1:] == classes[0], axis=1)


WRONG = [
    ("4.1", lambda x, size, stride: np.max(x), "one maximum over all"),
    ("4.1", lambda x, size, stride: np.max(np.max(x, 0), 0), "global max pooling"),
    ("4.1", pool_all_channels, "channels mixed"),
    ("4.1", pool_window_to_one_number, "one maximum for all channels"),
    ("4.1", pool_from_p_and_q, "step of one"),
    ("4.1", lambda x, k, s: -pool_with_windows(-x, k, s), "minimum"),
    ("4.1", pool_stride_is_size, "stride ignored"),
    ("4.1", pool_every_place, "stride of one"),
    ("4.1", pool_mean, "mean"),
    ("4.1", pool_sum, "sum"),
    ("4.1", lambda x, k, s: pool_with_windows(np.abs(x), k, s), "largest magnitude"),
    ("4.1", pool_from_zero, "negative values lost"),
    ("4.1", pool_transposed, "rows and columns swapped"),
    ("4.1", pool_width_first, "height and width swapped"),
    ("4.1", pool_one_less, "last window missing"),
    ("4.1", pool_ragged, "incomplete windows"),
    ("4.1", pool_inclusive, "window too large"),
    ("4.2", lambda x: np.einsum("nhwc->nc", x), "sum"),
    ("4.2", lambda x: x.mean(1).sum(1), "divided by one side"),
    ("4.2", lambda x: x.sum((1, 2)) // (x.shape[1] * x.shape[2]), "integer division"),
    ("4.2", lambda x: np.max(x, axis=(1, 2)), "maximum"),
    ("4.2", lambda x: x.mean((-2, -1)), "channels first"),
    ("4.2", lambda x: x.mean(-1), "over the channels"),
    ("4.2", lambda x: x.mean((1, 2), keepdims=True), "axes kept"),
    ("4.2", lambda x: x.mean(0).mean(0).mean(0), "over the images"),
    ("4.2", lambda x: x.reshape(len(x), -1).mean(1), "one number an image"),
    ("4.2", np.mean, "one number"),
    ("4.2", lambda x: x.mean(1), "rows only"),
    (
        "4.2",
        lambda x: x.reshape(x.shape[0], x.shape[3], -1).mean(-1),
        "reshaped",
    ),
    ("4.3", lambda s, f, u: parameters_at_once(s, f, u) - u, "no bias"),
    ("4.3", lambda s, f, u: (s // 4) ** 2 * f * u + u, "convolutions do not shrink"),
    ("4.3", parameters_ceiling, "rounded up"),
    ("4.3", lambda s, f, u: (((s - 2) / 2 - 2) / 2) ** 2 * f * u + u, "not rounded"),
    ("4.3", lambda s, f, u: (s - 4) ** 2 * f * u + u, "no pooling"),
    ("4.3", lambda s, f, u: ((s - 2) // 2) ** 2 * f * u + u, "one stage only"),
    ("4.3", lambda s, f, u: ((s - 2) // 2 - 2) // 2 * f * u + u, "one side"),
    ("4.3", lambda s, f, u: parameters_at_once(s, 1, u), "no channels"),
    ("4.3", lambda s, f, u: f * u + u, "global average pooling"),
    ("4.3", lambda s, f, u: (((s - 2) // 2 - 2) // 2) ** 2 * f, "features only"),
    ("4.3", lambda s, f, u: parameters_at_once(s, f, u) - u + 1, "one bias"),
    ("4.4", backward_mask, "every maximum"),
    ("4.4", backward_fair, "shared among equals"),
    ("4.4", backward_overwrites, "not added where windows overlap"),
    ("4.4", backward_last, "last of equals"),
    ("4.4", backward_down, "columns before rows"),
    ("4.4", backward_all, "every cell"),
    ("4.4", backward_mean, "average pooling"),
    ("4.4", backward_side_by_side, "windows side by side"),
    ("4.4", backward_unravelled_by_size, "stride ignored"),
    ("4.4", backward_in_first_window, "corner forgotten"),
    ("4.4", backward_row_for_column, "row and column swapped"),
    ("4.4", backward_mask_only, "ones"),
    ("4.4", backward_times_value, "values"),
    ("4.4", lambda dy, x, k, s: backward_with_argmax(dy, -x, k, s), "smallest"),
    ("4.5", lambda scores: 1 - consistency_at_once(scores), "share that changed"),
    ("4.5", consistency_chain, "neighbouring shifts"),
    ("4.5", consistency_with_zero, "unmoved included"),
    ("4.5", consistency_as_count, "count"),
    ("4.5", lambda scores: consistency_at_once(-scores), "smallest score"),
    ("4.5", lambda scores: np.mean(consistency_at_once(scores)), "one number"),
    (
        "4.5",
        lambda scores: (scores[1:].argmax(2) == scores[0].argmax(1)).mean(0),
        "one number a picture",
    ),
    ("4.5", lambda scores: (scores[1:] == scores[0]).mean((1, 2)), "scores compared"),
    (
        "4.5",
        lambda scores: (scores[1:].argmax(1) == scores[0].argmax(0)).mean(1),
        "wrong axis",
    ),
]


@pytest.mark.parametrize(("number", "answer", "mistake"), WRONG)
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_a_wrong_answer_gets_its_own_diagnosis(number, answer, mistake, seed):
    verdict = check(number, answer, seed=seed)
    assert verdict.ok is False
    assert verdict.mistake == mistake, verdict
    assert len(verdict.message) > 10


@pytest.mark.parametrize("number", NUMBERS)
def test_every_named_mistake_has_a_message_of_its_own(number):
    messages = []
    for mistake in exercises()[number].mistakes:
        verdict = check(number, mistake.wrong)
        assert verdict.mistake == mistake.name, verdict
        messages.append(verdict.message)
    assert len(set(messages)) == len(messages) >= 6


# --- Near misses and rubbish --------------------------------------------------------


def pool_columns_by_size(x, size, stride):
    windows = sliding_window_view(x, (size, size), axis=(0, 1))
    return windows[::stride, ::size].max(axis=(-2, -1))


def pool_rows_too_large(x, size, stride):
    y = np.array(pool_with_loops(x, size, stride))
    for p, q in np.ndindex(y.shape[:2]):
        h, w = p * stride, q * stride
        y[p, q] = x[h : h + size + 1, w : w + size].max(axis=(0, 1))
    return y


def pool_first_channel(x, size, stride):
    y = pool_with_windows(x, size, stride)
    return np.broadcast_to(y[..., :1], y.shape)


def parameters_first_odd_kept(size, filters, units):
    side = ((size - 2) / 2 - 2) // 2
    return side * side * filters * units + units


def backward_only_first_window(dy, x, size, stride):
    return backward_with_argmax(dy[:1, :1], x, size, stride)


def consistency_of_first_shift(scores):
    return np.full(len(scores) - 1, consistency_at_once(scores)[0])


def random_like(reference):
    """Return a function whose results have the right form and random values."""
    rng = np.random.default_rng(0)

    def answer(*arguments):
        right = np.asarray(reference(*arguments))
        noise = rng.integers(1, 5) if right.dtype.kind == "i" else rng.random()
        return right + (noise if right.ndim == 0 else rng.normal(size=right.shape))

    return answer


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("4.1", pool_columns_by_size),
        ("4.1", pool_rows_too_large),
        ("4.1", pool_first_channel),
        ("4.2", lambda x: np.median(x, axis=(1, 2))),
        ("4.4", backward_only_first_window),
        ("4.5", consistency_of_first_shift),
        ("4.5", lambda scores: np.round(consistency_at_once(scores), 1)),
    ],
)
def test_a_near_miss_is_refused(number, answer):
    assert check(number, answer).ok is False


def test_half_a_pixel_kept_by_the_first_pooling_makes_no_difference():
    # (n / 2 - 2) // 2 is ((n // 2) - 2) // 2 for every whole n: right, if unusual.
    assert check("4.3", parameters_first_odd_kept).ok


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("seed", [None, 1, 2, 3, 4])
def test_a_random_answer_never_passes(number, seed):
    answer = random_like(exercises()[number].reference)
    assert check(number, answer, seed=seed).ok is False


def test_a_change_in_place_is_refused():
    def spoils(scores):
        result = consistency_at_once(scores)
        scores -= scores
        return result

    assert check("4.5", spoils).mistake == "in-place change"


# --- Stubs --------------------------------------------------------------------------


def one(x, size, stride): ...


def two(x):
    raise NotImplementedError


def three(size, filters, units):
    return ...


def four(dy, x, size, stride):
    pass


def five(scores): ...


@pytest.mark.parametrize(
    ("number", "stub"),
    [*zip(NUMBERS, [one, two, three, four, five], strict=True), ("4.1", ...)],
)
def test_a_stub_is_not_done_yet(number, stub):
    assert check(number, stub).ok is None
