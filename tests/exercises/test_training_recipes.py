"""The checks of chapter 10: right answers in two styles, and every named mistake."""

from __future__ import annotations

import math

import numpy as np
import pytest

from imgcls_helpers.checks import check, exercises

NUMBERS = ["10.1", "10.2", "10.3", "10.4"]


# --- Right answers, in two styles each ----------------------------------------------


def flops_in_one_line(shape, filters, size, stride, padding):
    extra = 0 if padding == "same" else size - 1
    rows, columns = (math.ceil((n - extra) / stride) for n in shape[:2])
    return 2 * rows * columns * size**2 * shape[2] * filters


def flops_by_counting(shape, filters, size, stride, padding):
    height, width, channels = shape
    places = 0
    for top in range(0, height, stride):
        for left in range(0, width, stride):
            fits = top + size <= height and left + size <= width
            places += padding == "same" or fits
    return places * filters * (size * size * channels) * 2


def draws_with_powers(n, rng):
    return [
        {
            "rate": 10 ** rng.uniform(-3, 0),
            "momentum": 1 - 10 ** rng.uniform(-2, 0),
            "units": int(rng.choice([16, 32, 64, 128])),
        }
        for _ in range(n)
    ]


def draws_with_exp(n, rng):
    rates = np.exp(rng.uniform(np.log(0.001), 0, n))
    momenta = 1 - np.exp(rng.uniform(np.log(0.01), 0, n))
    units = 2 ** rng.integers(4, 8, n)
    return [
        {"units": u, "momentum": m, "rate": r}
        for r, m, u in zip(rates, momenta, units, strict=True)
    ]


def whitening_with_eigh(patches, epsilon):
    centred = patches - patches.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(patches))
    return (vectors / np.sqrt(values + epsilon))[:, ::-1]


def whitening_with_svd(patches, epsilon):
    centred = patches - patches.mean(axis=0)
    _, singular, vectors = np.linalg.svd(centred, full_matrices=False)
    values = singular**2 / len(patches)
    # Each sign turned round: it does not matter.
    return -vectors.T @ np.diag(1 / np.sqrt(values + epsilon))


def diagnose_with_numpy(loss, val_loss, classes):
    both = np.array([loss, val_loss])
    if not np.isfinite(both).all():
        return "diverged"
    lowest, lowest_val = both.min(axis=1)
    if lowest > 0.95 * np.log(classes):
        return "no learning"
    if val_loss[-1] > 1.1 * lowest_val:
        return "overfitting"
    if lowest_val > 2 * lowest:
        return "gap"
    if loss[-1] < 0.9 * loss[-4]:
        return "train longer"
    return "fine"


def diagnose_with_a_table(loss, val_loss, classes):
    diverged = any(math.isnan(v) or math.isinf(v) for v in loss + val_loss)
    rules = {
        "diverged": diverged,
        "no learning": min(loss) > 0.95 * math.log(classes),
        "overfitting": val_loss[-1] > 1.1 * min(val_loss),
        "gap": min(val_loss) > 2 * min(loss),
        "train longer": loss[-1] < 0.9 * loss[len(loss) - 4],
        "fine": True,
    }
    return next(name for name, fits in rules.items() if fits)


RIGHT = [
    ("10.1", flops_in_one_line),
    ("10.1", flops_by_counting),
    ("10.2", draws_with_powers),
    ("10.2", draws_with_exp),
    ("10.3", whitening_with_eigh),
    ("10.3", whitening_with_svd),
    ("10.4", diagnose_with_numpy),
    ("10.4", diagnose_with_a_table),
]


@pytest.mark.parametrize(("number", "answer"), RIGHT)
@pytest.mark.parametrize("seed", [None, *range(1, 9)])
def test_a_right_answer_is_right(number, answer, seed):
    verdict = check(number, answer, seed=seed)
    assert verdict.ok, verdict


# --- Wrong answers, as a student might write them -----------------------------------


def flops_macs(shape, filters, size, stride, padding):
    return flops_in_one_line(shape, filters, size, stride, padding) / 2


def flops_weights(shape, filters, size, stride, padding):
    return size * size * filters * shape[-1]


def flops_input(shape, filters, size, stride, padding):
    height, width, channels = shape
    return 2 * height * width * size * size * channels * filters


def flops_grey(shape, filters, size, stride, padding):
    return flops_in_one_line(shape, filters, size, stride, padding) // shape[2]


def flops_one_filter(shape, filters, size, stride, padding):
    return flops_in_one_line(shape, filters, size, stride, padding) // filters


def flops_no_stride(shape, filters, size, stride, padding):
    return flops_in_one_line(shape, filters, size, 1, padding)


def flops_valid(shape, filters, size, stride, padding):
    return flops_in_one_line(shape, filters, size, stride, "valid")


def flops_floor(shape, filters, size, stride, padding):
    if padding == "valid":
        return flops_in_one_line(shape, filters, size, stride, padding)
    h, w, c = shape
    return 2 * (h // stride) * (w // stride) * size * size * c * filters


def flops_no_plus_1(shape, filters, size, stride, padding):
    if padding == "same":
        return flops_in_one_line(shape, filters, size, stride, padding)
    h, w, c = shape
    rows, columns = (h - size) // stride, (w - size) // stride
    return 2 * rows * columns * size * size * c * filters


def flops_bias(shape, filters, size, stride, padding):
    whole = flops_in_one_line(shape, filters, size, stride, padding)
    return whole + whole // (2 * size * size * shape[2])


def flops_height_twice(shape, filters, size, stride, padding):
    square = (shape[0], shape[0], shape[2])
    return flops_in_one_line(square, filters, size, stride, padding)


def flops_same_every_pixel(shape, filters, size, stride, padding):
    if padding == "valid":
        return flops_in_one_line(shape, filters, size, stride, padding)
    return 2 * shape[0] * shape[1] * size**2 * shape[2] * filters


def flops_ceil_everywhere(shape, filters, size, stride, padding):
    if padding == "same":
        return flops_in_one_line(shape, filters, size, stride, padding)
    rows, columns = (math.ceil((n - size) / stride) + 1 for n in shape[:2])
    return 2 * rows * columns * size**2 * shape[2] * filters


def flops_plus_1_inside(shape, filters, size, stride, padding):
    if padding == "same":
        return flops_in_one_line(shape, filters, size, stride, padding)
    rows, columns = ((n - size + 1) // stride for n in shape[:2])
    return 2 * rows * columns * size**2 * shape[2] * filters


def flops_true_division(shape, filters, size, stride, padding):
    extra = 0 if padding == "same" else size - stride
    rows, columns = ((n - extra) / stride for n in shape[:2])
    return 2 * rows * columns * size**2 * shape[2] * filters


def change(name, draw):
    def answer(n, rng):
        return [s | {name: draw(rng)} for s in draws_with_powers(n, rng)]

    return answer


def draws_list_times_n(n, rng):
    return draws_with_powers(1, rng) * n


def draws_seed_0(n, rng):
    return draws_with_powers(n, np.random.default_rng(0))


def draws_grid(n, rng):
    rates = np.logspace(-3, 0, n)
    return [
        s | {"rate": r} for s, r in zip(draws_with_powers(n, rng), rates, strict=True)
    ]


def draws_u_for_both(n, rng):
    settings = []
    for s in draws_with_powers(n, rng):
        u = rng.random()
        settings.append(s | {"rate": 10 ** (-3 * u), "momentum": 1 - 10 ** (-2 * u)})
    return settings


def draws_numpy_random(n, rng):
    return draws_with_powers(n, np.random)


def draws_units_by_momentum(n, rng):
    out = draws_with_powers(n, rng)
    places = np.argsort(np.argsort([s["momentum"] for s in out])) * 4 // n
    return [s | {"units": 16 * 2**p} for s, p in zip(out, places, strict=True)]


def draws_units_by_place(n, rng):
    out = draws_with_powers(n, rng)
    places = np.argsort(np.argsort([s["rate"] for s in out])) * 4 // n
    return [s | {"units": 16 * 2**p} for s, p in zip(out, places, strict=True)]


def white_no_epsilon(patches, epsilon):
    return whitening_with_eigh(patches, 0)


def white_one_mean(patches, epsilon):
    centred = patches - np.mean(patches)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(patches))
    return np.flip(vectors / np.sqrt(values + epsilon), axis=1)


def white_rows_turned(patches, epsilon):
    return whitening_with_eigh(patches, epsilon)[:, ::-1][::-1]


def white_roots_stay(patches, epsilon):
    values, vectors = np.linalg.eigh(np.cov(patches, rowvar=False, bias=True))
    return np.fliplr(vectors) / np.sqrt(values + epsilon)


def white_out_of_order(patches, epsilon):
    return np.roll(whitening_with_eigh(patches, epsilon), 1, axis=1)


def white_svd_in_rows(patches, epsilon):
    return whitening_with_svd(patches, epsilon).T


def white_plain(patches, epsilon):
    centred = patches - patches.mean(axis=0)
    return np.linalg.eigh(centred.T @ centred / len(patches))[1][:, ::-1]


def white_values(patches, epsilon):
    c = np.cov(patches, rowvar=False, bias=True)
    values, vectors = np.linalg.eigh(c)
    return np.flip(vectors / (values + epsilon), axis=1)


def white_times(patches, epsilon):
    values, vectors = np.linalg.eigh(np.cov(patches, rowvar=False, bias=True))
    return np.flip(vectors * np.sqrt(values + epsilon), axis=1)


def white_root_plus(patches, epsilon):
    values, vectors = np.linalg.eigh(np.cov(patches, rowvar=False, bias=True))
    return np.flip(vectors / (np.sqrt(values) + epsilon), axis=1)


def white_default_cov(patches, epsilon):
    values, vectors = np.linalg.eigh(np.cov(patches, rowvar=False))
    return np.flip(vectors / np.sqrt(values + epsilon), axis=1)


def white_second_moment(patches, epsilon):
    values, vectors = np.linalg.eigh(patches.T @ patches / len(patches))
    return np.flip(vectors / np.sqrt(values + epsilon), axis=1)


def white_column_vector(patches, epsilon):
    values, vectors = np.linalg.eigh(np.cov(patches, rowvar=False, bias=True))
    return np.flip(vectors / np.sqrt(values + epsilon).reshape(-1, 1), axis=1)


def white_upwards(patches, epsilon):
    return whitening_with_eigh(patches, epsilon)[:, ::-1]


def white_transposed(patches, epsilon):
    return whitening_with_eigh(patches, epsilon).T


def white_unnormalized(patches, epsilon):
    centred = patches - patches.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    return np.flip(vectors / np.sqrt(values + epsilon), axis=1)


def white_and_back(patches, epsilon):
    values, vectors = np.linalg.eigh(np.cov(patches, rowvar=False, bias=True))
    return vectors @ np.diag((values + epsilon) ** -0.5) @ vectors.T


def doctor(
    finite=lambda loss, val: bool(np.isfinite([*loss, *val]).all()),
    floor=lambda loss, classes: min(loss) > 0.95 * np.log(classes),
    over=lambda loss, val: val[-1] > 1.1 * min(val),
    gap=lambda loss, val: min(val) > 2 * min(loss),
    longer=lambda loss: loss[-1] < 0.9 * loss[-4],
    order=("over", "gap"),
):
    """Return an answer that differs from the right one in what is given."""

    def answer(loss, val_loss, classes):
        if not finite(loss, val_loss):
            return "diverged"
        if floor(loss, classes):
            return "no learning"
        rules = {"over": ("overfitting", over), "gap": ("gap", gap)}
        for name in order:
            word, rule = rules[name]
            if rule(loss, val_loss):
                return word
        return "train longer" if longer(loss) else "fine"

    return answer


WRONG = [
    ("10.1", flops_macs, "multiply-adds"),
    ("10.1", flops_weights, "weights"),
    ("10.1", flops_input, "input places"),
    ("10.1", flops_grey, "no channels"),
    ("10.1", flops_one_filter, "no filters"),
    ("10.1", flops_no_stride, "stride left out"),
    ("10.1", flops_valid, "padding left out"),
    ("10.1", flops_floor, "rounded down"),
    ("10.1", flops_no_plus_1, "one place too few"),
    ("10.1", flops_bias, "bias"),
    ("10.1", flops_height_twice, "square"),
    ("10.1", flops_same_every_pixel, "same without stride"),
    ("10.1", flops_ceil_everywhere, "valid rounded up"),
    ("10.1", flops_plus_1_inside, "added before dividing"),
    ("10.1", flops_true_division, "not rounded"),
    ("10.2", draws_numpy_random, "other generator"),
    ("10.2", draws_units_by_place, "units with rate"),
    ("10.2", draws_units_by_momentum, "units with rate"),
    (
        "10.2",
        change("rate", lambda rng: 10 ** -rng.choice(np.linspace(0, 3, 100))),
        "rates from a list",
    ),
    ("10.2", draws_list_times_n, "same setting"),
    ("10.2", draws_seed_0, "own generator"),
    ("10.2", draws_grid, "grid"),
    ("10.2", draws_u_for_both, "one draw"),
    ("10.2", change("rate", lambda rng: rng.uniform(1e-3, 1)), "uniform rate"),
    ("10.2", change("rate", lambda rng: rng.uniform(-3, 0)), "exponent"),
    (
        "10.2",
        change("rate", lambda rng: np.exp(rng.uniform(-3, 0))),
        "natural logarithm",
    ),
    ("10.2", change("rate", lambda rng: 10.0 ** -rng.integers(0, 4)), "whole powers"),
    (
        "10.2",
        change("rate", lambda rng: 10 ** rng.uniform(-4, 0)),
        "rate out of range",
    ),
    (
        "10.2",
        change("rate", lambda rng: 10 ** rng.triangular(-3, -1.5, 0)),
        "rate not log-uniform",
    ),
    (
        "10.2",
        change("momentum", lambda rng: 10 ** rng.uniform(-2, 0)),
        "log-uniform momentum",
    ),
    (
        "10.2",
        change("momentum", lambda rng: rng.uniform(0, 0.99)),
        "uniform momentum",
    ),
    (
        "10.2",
        change("momentum", lambda rng: rng.normal()),
        "momentum out of range",
    ),
    (
        "10.2",
        change("momentum", lambda rng: rng.choice([0, 0.9, 0.99])),
        "momentum not log-uniform",
    ),
    ("10.2", change("units", lambda rng: int(rng.integers(16, 129))), "range of units"),
    (
        "10.2",
        change("units", lambda rng: [16, 32, 64, 128][rng.integers(3)]),
        "three units",
    ),
    (
        "10.2",
        change("units", lambda rng: [16, 16, 32, 64, 128][rng.integers(5)]),
        "units not alike",
    ),
    ("10.2", lambda n, rng: draws_with_powers(n + 1, rng), "wrong number"),
    ("10.2", lambda n, rng: {"rate": rng.random(n)}, "wrong form"),
    ("10.2", lambda n, rng: [{"rate": 0.1, "momentum": 0.9}] * n, "wrong keys"),
    ("10.3", white_no_epsilon, "no epsilon"),
    ("10.3", white_one_mean, "one mean"),
    ("10.3", white_rows_turned, "rows turned"),
    ("10.3", white_roots_stay, "roots not turned"),
    ("10.3", white_out_of_order, "not in order"),
    ("10.3", white_svd_in_rows, "rows"),
    ("10.3", white_plain, "eigenvectors alone"),
    ("10.3", white_values, "no root"),
    ("10.3", white_times, "multiplied"),
    ("10.3", white_root_plus, "epsilon outside"),
    ("10.3", white_default_cov, "n - 1"),
    ("10.3", white_second_moment, "not centred"),
    ("10.3", white_column_vector, "rows scaled"),
    ("10.3", white_upwards, "smallest first"),
    ("10.3", white_transposed, "rows"),
    ("10.3", white_unnormalized, "sum"),
    ("10.3", white_and_back, "turned back"),
    ("10.3", lambda patches, epsilon: np.eye(patches.shape[1]), "wrong value"),
    (
        "10.4",
        doctor(finite=lambda loss, val: bool(np.isfinite(loss).all())),
        "validation not looked at for NaN",
    ),
    (
        "10.4",
        doctor(finite=lambda loss, val: not np.isnan([*loss, *val]).any()),
        "infinity",
    ),
    (
        "10.4",
        doctor(finite=lambda loss, val: np.isfinite(loss[-1] + val[-1])),
        None,
    ),
    (
        "10.4",
        doctor(floor=lambda loss, classes: min(loss) > 0.95 * np.log(10)),
        "always ten classes",
    ),
    (
        "10.4",
        doctor(floor=lambda loss, classes: min(loss) > 0.95 * np.log2(classes)),
        "logarithm to base 2",
    ),
    (
        "10.4",
        doctor(floor=lambda loss, classes: loss[-1] > 0.95 * np.log(classes)),
        "last training loss",
    ),
    (
        "10.4",
        doctor(floor=lambda loss, classes: max(loss) > 0.95 * np.log(classes)),
        "first training loss",
    ),
    (
        "10.4",
        doctor(floor=lambda loss, k: sum(loss) / len(loss) > 0.95 * np.log(k)),
        "mean training loss",
    ),
    (
        "10.4",
        doctor(floor=lambda loss, classes: min(loss) > 0.95 * classes),
        "no logarithm",
    ),
    (
        "10.4",
        doctor(floor=lambda loss, classes: min(loss) > np.log(classes)),
        "0.95 left out",
    ),
    ("10.4", doctor(over=lambda loss, val: val[-1] > min(val)), "any rise"),
    ("10.4", doctor(gap=lambda loss, val: val[-1] > 2 * loss[-1]), "last losses"),
    (
        "10.4",
        doctor(gap=lambda loss, val: min(val) > 2 * loss[-1]),
        "last training loss in rule 4",
    ),
    ("10.4", doctor(longer=lambda loss: loss[-1] < loss[-4]), "0.9 left out"),
    ("10.4", doctor(order=("gap", "over")), "gap before overfitting"),
    (
        "10.4",
        doctor(over=lambda loss, val: val[-1] > 1.1 * val[0]),
        "compared with the first",
    ),
    (
        "10.4",
        doctor(longer=lambda loss: loss[-1] < 0.9 * loss[-3]),
        "two epochs before",
    ),
    ("10.4", doctor(longer=lambda loss: loss[-1] < 0.9 * loss[-2]), "one epoch before"),
    (
        "10.4",
        doctor(longer=lambda loss: loss[-1] < 0.9 * loss[0]),
        "compared with the first epoch",
    ),
    ("10.4", doctor(over=lambda loss, val: False), None),
    ("10.4", doctor(gap=lambda loss, val: False), None),
    ("10.4", doctor(longer=lambda loss: False), None),
    ("10.4", doctor(floor=lambda loss, classes: False), None),
]


@pytest.mark.parametrize(("number", "answer", "mistake"), WRONG)
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_a_wrong_answer_is_told_what_it_is(number, answer, mistake, seed):
    verdict = check(number, answer, seed=seed)
    assert verdict.ok is False
    if mistake is not None:
        assert verdict.mistake == mistake, verdict
    assert verdict.message


@pytest.mark.parametrize("number", NUMBERS)
def test_each_exercise_knows_eight_mistakes(number):
    assert len(exercises()[number].mistakes) >= 8


# --- Random wrong answers, and stubs ------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_random_answers_never_pass(seed):
    rng = np.random.default_rng(seed)
    number, power = rng.uniform(1, 9), rng.uniform(0.1, 3)
    words = ["diverged", "no learning", "overfitting", "gap", "train longer", "fine"]
    assert not check("10.1", lambda *given: int(number * math.prod(given[0])))
    assert not check(
        "10.2", change("rate", lambda r: 10 ** (-3 * r.random() ** (1.3 + power)))
    )
    assert not check(
        "10.3", lambda p, e: power * number * rng.normal(size=(p.shape[1],) * 2)
    )
    assert not check("10.4", lambda *given: words[rng.integers(6)])
    assert not check("10.4", lambda *given: words[seed])


@pytest.mark.parametrize("seed", range(20))
def test_draws_pass_with_any_generator(seed):
    for answer in (draws_with_powers, draws_with_exp):
        verdict = check("10.2", answer, seed=100 + seed)
        assert verdict.ok, verdict


def test_whitening_takes_any_sign():
    def mixed(patches, epsilon):
        signs = np.where(np.arange(patches.shape[1]) % 2, 1, -1)
        return whitening_with_eigh(patches, epsilon) * signs

    assert check("10.3", mixed).ok


def test_one_wrong_filter_is_found():
    def nearly(patches, epsilon):
        out = whitening_with_eigh(patches, epsilon)
        if patches.shape[1] == 5:
            out[:, 4] *= 1.01
        return out

    verdict = check("10.3", nearly)
    assert verdict.mistake == "wrong value"
    assert "patches of 5 numbers" in verdict.message


def stub_one(shape, filters, size, stride, padding): ...
def stub_two(n, rng): ...
def stub_three(patches, epsilon): ...
def stub_four(loss, val_loss, classes): ...


@pytest.mark.parametrize(
    ("number", "stub"),
    [
        ("10.1", stub_one),
        ("10.2", stub_two),
        ("10.3", stub_three),
        ("10.4", stub_four),
    ],
)
def test_the_untouched_stub_is_not_yet(number, stub):
    assert check(number, stub).ok is None
