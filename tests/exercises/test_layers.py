"""The checks of chapter 5: right answers in two styles, and every named mistake."""

from __future__ import annotations

import numpy as np
import pytest

from imgcls_helpers import scratch
from imgcls_helpers.checks import check, exercises

NUMBERS = ["5.1", "5.2", "5.3", "5.4", "5.5"]


# --- Right answers, in two styles each ----------------------------------------------


def dense_with_loops(x, kernel, bias):
    out = np.zeros((len(x), len(bias)))
    for n, example in enumerate(x):
        for u, start in enumerate(bias):
            out[n, u] = start + sum(
                value * weight
                for value, weight in zip(example, kernel[:, u], strict=True)
            )
    return out


def dense_with_einsum(x, kernel, bias):
    return np.einsum("nd,du->nu", x, kernel) + bias[np.newaxis]


def sigmoid_backward_with_exponentials(dy, a):
    return dy * np.exp(-a) / (1 + np.exp(-a)) ** 2


def sigmoid_backward_with_loops(dy, a):
    out = np.empty_like(a)
    for index in np.ndindex(a.shape):
        y = 1 / (1 + np.exp(-a[index]))
        out[index] = dy[index] * y * (1 - y)
    return out


def softmax_with_loops(z):
    rows = []
    for row in z:
        e = [np.exp(value - max(row)) for value in row]
        rows.append([value / sum(e) for value in e])
    return rows


def softmax_transposed(z):
    e = np.exp(z.T - z.max(axis=1))
    return (e / e.sum(axis=0)).T


def dense_backward_with_loops(dy, x, kernel):
    dx, dkernel = np.zeros(x.shape), np.zeros(kernel.shape)
    dbias = np.zeros(dy.shape[1])
    for n in range(len(x)):
        for u in range(dy.shape[1]):
            dbias[u] += dy[n, u]
            for d in range(x.shape[1]):
                dx[n, d] += dy[n, u] * kernel[d, u]
                dkernel[d, u] += dy[n, u] * x[n, d]
    return dx, dkernel, dbias


def dense_backward_as_list(dy, x, kernel):
    dkernel = np.einsum("nd,nu->du", x, dy)
    return [np.dot(dy, np.transpose(kernel)), dkernel, np.ones(len(dy)) @ dy]


def batch_norm_channel_by_channel(x, gamma, beta):
    out = np.empty_like(x)
    for c in range(x.shape[-1]):
        values = x[..., c]
        mean = values.sum() / values.size
        variance = ((values - mean) ** 2).sum() / values.size
        out[..., c] = gamma[c] * (values - mean) / (variance + 0.001) ** 0.5 + beta[c]
    return out


def batch_norm_flat(x, gamma, beta):
    rows = x.reshape(-1, x.shape[-1])
    scale = gamma / np.sqrt(np.mean(rows**2, 0) - np.mean(rows, 0) ** 2 + 0.001)
    return x * scale + (beta - rows.mean(0) * scale)


RIGHT = [
    ("5.1", dense_with_loops),
    ("5.1", dense_with_einsum),
    ("5.1", scratch.dense),
    ("5.2", sigmoid_backward_with_exponentials),
    ("5.2", sigmoid_backward_with_loops),
    ("5.2", scratch.sigmoid_backward),
    ("5.3", softmax_with_loops),
    ("5.3", softmax_transposed),
    ("5.3", scratch.softmax),
    ("5.4", dense_backward_with_loops),
    ("5.4", dense_backward_as_list),
    ("5.4", scratch.dense_backward),
    ("5.5", batch_norm_channel_by_channel),
    ("5.5", batch_norm_flat),
    ("5.5", scratch.batch_norm),
]


@pytest.mark.parametrize(("number", "answer"), RIGHT)
@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_a_right_answer_is_right(number, answer, seed):
    verdict = check(number, answer, seed=seed)
    assert verdict.ok, verdict


# --- Wrong answers, as a student might write them -----------------------------------


def dense_bias_in_the_loop(x, kernel, bias):
    out = np.zeros((len(x), kernel.shape[1]))
    for n in range(len(x)):
        for u in range(kernel.shape[1]):
            for d in range(x.shape[1]):
                out[n, u] += x[n, d] * kernel[d, u] + bias[u]
    return out


def dense_with_relu(x, kernel, bias):
    a = np.dot(x, kernel) + bias
    return a * (a > 0)


def dense_without_bias(x, kernel, bias):
    return sum(x[:, d : d + 1] * kernel[d] for d in range(x.shape[1]))


def dense_column_of_biases(x, kernel, bias):
    return x @ kernel + bias.reshape(-1, 1)


def dense_textbook(x, kernel, bias):
    return np.einsum("nd,ud->nu", x, kernel) + bias  # as if the kernel were (U, D)


def dense_columns(x, kernel, bias):
    return kernel.T @ x.T + bias[:, None]


def dense_first_example(x, kernel, bias):
    return np.tile(x[0] @ kernel + bias, (len(x), 1))


def dense_in_place(x, kernel, bias):
    bias += x[0] @ kernel
    return bias


def slope_of_input(dy, a):
    return dy * a * (1 - a)


def slope_alone(dy, a):
    y = 1 / (1 + np.exp(-a))
    return y - y**2


def slope_tanh(dy, a):
    y = 1 / (1 + np.exp(-a))
    return dy * (1 + y) * (1 - y)


def slope_one_factor(dy, a):
    return dy / (1 + np.exp(-a))


def slope_negative(dy, a):
    y = 1 / (1 + np.exp(-a))
    return -dy * y * (1 - y)


def slope_of_dy(dy, a):
    y = 1 / (1 + np.exp(-dy))
    return dy * y * (1 - y)


def slope_summed(dy, a):
    return np.sum(sigmoid_backward_with_loops(dy, a))


def softmax_columns(z):
    e = np.exp(z - z.max(axis=0))
    return e / e.sum(axis=0)


def softmax_everything(z):
    e = np.exp(z - np.max(z))
    return e / np.sum(e)


def softmax_columns_plain(z):
    return np.exp(z) / np.exp(z).sum(0, keepdims=True)


def softmax_everything_plain(z):
    return np.exp(z) / np.sum(np.exp(z))


def softmax_plain(z):
    e = np.exp(z)
    return e / e.sum(axis=-1, keepdims=True)


def softmax_global_maximum(z):
    e = np.exp(z - np.max(z))
    return e / e.sum(axis=1)[:, None]


def softmax_no_keepdims(z):
    e = np.exp(z - z.max(axis=1))
    return e / e.sum(axis=1)


def softmax_keepdims_once(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1)


def softmax_shares(z):
    return z / z.sum(axis=1)[:, np.newaxis]


def softmax_logarithm(z):
    return scratch.log_softmax(z)


def softmax_hard(z):
    out = np.zeros(z.shape)
    out[np.arange(len(z)), z.argmax(1)] = 1
    return out


def softmax_halved(z):
    return softmax_transposed(z / 2)


def softmax_in_place(z):
    z -= z.max(axis=1, keepdims=True)
    return softmax_transposed(z)


def back_kernel_then_x(dy, x, kernel):
    dx, dkernel, dbias = scratch.dense_backward(dy, x, kernel)
    return dkernel, dx, dbias


def back_all_averaged(dy, x, kernel):
    return tuple(part / len(dy) for part in scratch.dense_backward(dy, x, kernel))


def back_one_bias(dy, x, kernel):
    return dy @ kernel.T, x.T @ dy, np.sum(dy)


def back_bias_per_example(dy, x, kernel):
    return dy @ kernel.T, x.T @ dy, dy.copy()


def back_mean(dy, x, kernel):
    n = len(dy)
    return dy @ kernel.T, np.dot(x.T, dy) / n, np.mean(dy, axis=0)


def back_mean_bias(dy, x, kernel):
    return dy @ kernel.T, x.T @ dy, np.mean(dy, axis=0)


def back_bias_of_examples(dy, x, kernel):
    return dy @ kernel.T, x.T @ dy, np.sum(dy, axis=1)


def back_bias_row(dy, x, kernel):
    return dy @ kernel.T, x.T @ dy, np.sum(dy, axis=0)[np.newaxis]


def back_bias_one(dy, x, kernel):
    return dy @ kernel.T, x.T @ dy, np.ones(kernel.shape[1])


def back_forgot_transpose(dy, x, kernel):
    return np.dot(dy, kernel), x.T @ dy, dy.sum(0)


def back_kernel_transposed(dy, x, kernel):
    return dy @ kernel.T, np.einsum("nu,nd->ud", dy, x), dy.sum(0)


def back_wrong_order(dy, x, kernel):
    return x.T @ dy, dy.sum(0), dy @ kernel.T


def back_two(dy, x, kernel):
    return dy @ kernel.T, x.T @ dy


def back_outer_product_of_one(dy, x, kernel):
    return dy @ kernel.T, np.outer(x[0], dy[0]), dy.sum(0)


def norm_with_numpy(x, gamma, beta, **options):
    axes = options.pop("axes", (0, 1, 2))
    mean = np.mean(x, axis=axes, keepdims=True)
    variance = np.var(x, axis=axes, keepdims=True, **options)
    return gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta


def norm_pixels(x, gamma, beta):
    return norm_with_numpy(x, gamma, beta, axes=0)


def norm_everything(x, gamma, beta):
    return gamma * (x - x.mean()) / np.sqrt(x.var() + 0.001) + beta


def norm_instance(x, gamma, beta):
    return np.stack([scratch.batch_norm(image[None], gamma, beta)[0] for image in x])


def norm_layer(x, gamma, beta):
    return norm_with_numpy(x, gamma, beta, axes=-1)


def norm_variance(x, gamma, beta):
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    return gamma * (x - mean) / (variance + 0.001) + beta


def norm_ddof(x, gamma, beta):
    return norm_with_numpy(x, gamma, beta, ddof=1)


def norm_epsilon_late(x, gamma, beta):
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    return gamma * (x - mean) / (np.sqrt(variance) + 0.001) + beta


def norm_no_epsilon(x, gamma, beta):
    return gamma * (x - x.mean((0, 1, 2))) / x.std((0, 1, 2)) + beta


def norm_swapped(x, gamma, beta):
    return scratch.batch_norm(x, beta, gamma)


def norm_shift_first(x, gamma, beta):
    return gamma * (norm_with_numpy(x, 1, 0) + beta)


def norm_bare(x, gamma, beta):
    return norm_with_numpy(x, 1, 0)


def norm_not_centred(x, gamma, beta):
    return gamma * (x / np.sqrt(x.var(axis=(0, 1, 2)) + 0.001)) + beta


def norm_no_shift(x, gamma, beta):
    return norm_with_numpy(x, gamma, 0)


def norm_no_scale(x, gamma, beta):
    return norm_with_numpy(x, 1, beta)


def norm_torch_epsilon(x, gamma, beta):
    return scratch.batch_norm(x, gamma, beta, 1e-5)


def norm_other_epsilon(x, gamma, beta):
    return scratch.batch_norm(x, gamma, beta, 1e-2)


WRONG = [
    ("5.1", dense_without_bias, "no bias"),
    ("5.1", dense_bias_in_the_loop, "bias once for each input"),
    ("5.1", lambda x, kernel, bias: x @ kernel - bias, "bias taken away"),
    (
        "5.1",
        lambda x, kernel, bias: x @ (kernel + bias),
        "bias added to the inputs' side",
    ),
    ("5.1", dense_with_relu, "activation"),
    ("5.1", dense_column_of_biases, "bias along the batch"),
    ("5.1", dense_textbook, "kernel transposed"),
    ("5.1", dense_columns, "units first"),
    ("5.1", dense_first_example, "wrong value"),
    ("5.1", dense_in_place, "in-place change"),
    ("5.2", slope_of_input, "input taken for the result"),
    ("5.2", slope_alone, "only the slope"),
    ("5.2", lambda dy, a: dy + slope_alone(dy, a), "slope added"),
    ("5.2", slope_tanh, "slope of tanh"),
    ("5.2", slope_one_factor, "half of the slope"),
    ("5.2", slope_negative, "sign"),
    ("5.2", slope_of_dy, "slope at dy"),
    ("5.2", lambda dy, a: dy / slope_alone(dy, a), "divided by the slope"),
    (
        "5.2",
        lambda dy, a: sigmoid_backward_with_loops(dy, 1 / (1 + np.exp(-a))),
        "sigmoid applied twice",
    ),
    ("5.2", slope_summed, "wrong shape"),
    ("5.3", softmax_columns, "wrong axis"),
    ("5.3", softmax_everything, "over the whole array"),
    ("5.3", softmax_plain, "overflow"),
    ("5.3", softmax_global_maximum, "one maximum for all rows"),
    ("5.3", softmax_no_keepdims, "axis dropped"),
    ("5.3", softmax_keepdims_once, "axis dropped"),
    ("5.3", softmax_shares, "no exponential"),
    ("5.3", lambda z: np.exp(z - z.max(1)[:, None]), "not divided"),
    ("5.3", softmax_logarithm, "logarithm"),
    ("5.3", scratch.sigmoid, "sigmoid"),
    ("5.3", softmax_hard, "only the winner"),
    ("5.3", softmax_halved, "wrong value"),
    ("5.3", softmax_in_place, "in-place change"),
    ("5.3", softmax_columns_plain, "wrong axis, overflow"),
    ("5.3", softmax_everything_plain, "over the whole array, overflow"),
    ("5.4", back_bias_per_example, "bias not summed"),
    ("5.4", back_mean_bias, "bias averaged"),
    ("5.4", back_mean, "batch averaged"),
    ("5.4", back_bias_row, "bias keeps its axis"),
    ("5.4", back_bias_of_examples, "bias summed over the units"),
    ("5.4", back_bias_one, "bias is one"),
    ("5.4", back_forgot_transpose, "kernel not transposed"),
    ("5.4", back_kernel_transposed, "kernel's gradient transposed"),
    ("5.4", back_wrong_order, "kernel first"),
    (
        "5.4",
        lambda dy, x, kernel: (np.ones(dy.shape) @ kernel.T, x.T @ dy, dy.sum(0)),
        "dy missing on the way to x",
    ),
    ("5.4", back_two, "wrong length"),
    ("5.4", back_outer_product_of_one, "wrong value"),
    ("5.4", back_kernel_then_x, "kernel before x"),
    ("5.4", back_all_averaged, "all averaged"),
    ("5.4", back_one_bias, "one bias for all"),
    ("5.5", norm_pixels, "over the batch only"),
    ("5.5", norm_everything, "all channels together"),
    ("5.5", norm_instance, "each image by itself"),
    ("5.5", norm_layer, "over the channels"),
    ("5.5", norm_variance, "variance instead of its root"),
    ("5.5", norm_ddof, "one less"),
    ("5.5", norm_epsilon_late, "epsilon outside the root"),
    ("5.5", norm_no_epsilon, "no epsilon"),
    ("5.5", norm_swapped, "scale and shift swapped"),
    ("5.5", norm_shift_first, "shifted before the scale"),
    ("5.5", norm_bare, "no scale and shift"),
    ("5.5", norm_not_centred, "mean left in"),
    ("5.5", norm_no_shift, "no shift"),
    ("5.5", norm_no_scale, "no scale"),
    ("5.5", norm_torch_epsilon, "another epsilon"),
    ("5.5", norm_other_epsilon, "wrong value"),
]


@pytest.mark.parametrize(("number", "answer", "mistake"), WRONG)
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_a_wrong_answer_gets_its_own_diagnosis(number, answer, mistake, seed):
    verdict = check(number, answer, seed=seed)
    assert verdict.ok is False
    assert verdict.mistake == mistake, verdict
    assert len(verdict.message) > 10


@pytest.mark.parametrize("number", NUMBERS)
def test_every_named_mistake_is_tried_and_has_a_message_of_its_own(number):
    tried = {mistake for exercise, _, mistake in WRONG if exercise == number}
    messages = []
    for mistake in exercises()[number].mistakes:
        assert mistake.name in tried
        verdict = check(number, mistake.wrong)
        assert verdict.mistake == mistake.name, verdict
        assert verdict.hint
        messages.append(verdict.message)
    assert len(set(messages)) == len(messages) >= 6


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("seed", range(5))
def test_a_random_answer_never_passes(number, seed):
    rng = np.random.default_rng(seed)

    def noisy(*arguments):
        # Right but for a small part of one value.
        out = exercises()[number].reference(*arguments)
        parts = [np.array(p) for p in (out if isinstance(out, tuple) else [out])]
        chosen = parts[rng.integers(len(parts))]
        chosen.flat[rng.integers(chosen.size)] += 1e-3 * (1 + abs(chosen).max())
        return tuple(parts) if isinstance(out, tuple) else parts[0]

    assert check(number, noisy).ok is False


# --- Stubs --------------------------------------------------------------------------


def one(x, kernel, bias): ...


def two(dy, a):
    raise NotImplementedError


def three(z):
    return ...


def four(dy, x, kernel):
    pass


def five(x, gamma, beta):
    """Batch normalization."""


@pytest.mark.parametrize(
    ("number", "stub"),
    [*zip(NUMBERS, [one, two, three, four, five], strict=True), ("5.1", ...)],
)
def test_a_stub_is_not_done_yet(number, stub):
    assert check(number, stub).ok is None
