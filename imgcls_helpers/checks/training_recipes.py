"""The checks of chapter 10, Training recipes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

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

# 10.1 -----------------------------------------------------------------------


def _result_size(length: int, size: int, stride: int, padding: str) -> int:
    if padding == "same":
        return -(-length // stride)
    return (length - size) // stride + 1


def _convolution_flops(
    shape: tuple[int, int, int], filters: int, size: int, stride: int, padding: str
) -> int:
    rows, columns = (_result_size(n, size, stride, padding) for n in shape[:2])
    return 2 * rows * columns * size * size * shape[2] * filters


def _parameters(shape, filters, size, stride, padding):
    return size * size * shape[2] * filters


def _at_every_input_pixel(shape, filters, size, stride, padding):
    return 2 * shape[0] * shape[1] * size * size * shape[2] * filters


def _without_channels(shape, filters, size, stride, padding):
    return _convolution_flops((*shape[:2], 1), filters, size, stride, padding)


def _without_filters(shape, filters, size, stride, padding):
    return _convolution_flops(shape, 1, size, stride, padding)


def _stride_left_out(shape, filters, size, stride, padding):
    return _convolution_flops(shape, filters, size, 1, padding)


def _padding_left_out(shape, filters, size, stride, padding):
    return _convolution_flops(shape, filters, size, stride, "valid")


def _same_rounded_down(shape, filters, size, stride, padding):
    if padding == "valid":
        return _convolution_flops(shape, filters, size, stride, padding)
    rows, columns = shape[0] // stride, shape[1] // stride
    return 2 * rows * columns * size * size * shape[2] * filters


def _one_row_too_few(shape, filters, size, stride, padding):
    if padding == "same":
        return _convolution_flops(shape, filters, size, stride, padding)
    rows, columns = ((n - size) // stride for n in shape[:2])
    return 2 * rows * columns * size * size * shape[2] * filters


def _kernel_one_row(shape, filters, size, stride, padding):
    return _convolution_flops(shape, filters, size, stride, padding) // size


def _with_bias(shape, filters, size, stride, padding):
    rows, columns = (_result_size(n, size, stride, padding) for n in shape[:2])
    whole = _convolution_flops(shape, filters, size, stride, padding)
    return whole + rows * columns * filters


def _rows_squared(shape, filters, size, stride, padding):
    rows = _result_size(shape[0], size, stride, padding)
    return 2 * rows * rows * size * size * shape[2] * filters


def _same_without_stride(shape, filters, size, stride, padding):
    used = 1 if padding == "same" else stride
    return _convolution_flops(shape, filters, size, used, padding)


def _rows(rows_of: Callable[[int, int, int], float]) -> Callable:
    """Return an answer that counts the places of `"valid"` in another way."""

    def answer(shape, filters, size, stride, padding):
        if padding == "same":
            return _convolution_flops(shape, filters, size, stride, padding)
        rows, columns = (rows_of(n, size, stride) for n in shape[:2])
        return int(2 * rows * columns * size * size * shape[2] * filters)

    return answer


def _not_rounded(shape, filters, size, stride, padding):
    rows, columns = (
        n / stride if padding == "same" else (n - size) / stride + 1 for n in shape[:2]
    )
    return 2 * rows * columns * size * size * shape[2] * filters


@function_exercise(
    "10.1",
    "The work of a convolution",
    reference=_convolution_flops,
    mistakes=[
        Mistake(
            "multiply-adds",
            lambda *case: _convolution_flops(*case) // 2,
            "That is the number of multiply-adds.",
            "A multiply-add is two FLOP, one multiplication and one addition.",
        ),
        Mistake(
            "weights",
            _parameters,
            "That is the number of weights.",
            "Each weight is used at every place of the result.",
        ),
        Mistake(
            "input places",
            _at_every_input_pixel,
            "It counts the places of the input.",
            "Count those of the result: stride and padding make them fewer.",
        ),
        Mistake(
            "no channels",
            _without_channels,
            "The channels of the input are missing.",
            "Each filter has a kernel for each channel.",
        ),
        Mistake(
            "no filters",
            _without_filters,
            "That is the work of a single filter.",
            "The layer has `filters` of them.",
        ),
        Mistake(
            "stride left out",
            _stride_left_out,
            "The stride is left out.",
            "With stride 2, the result has about half as many rows and columns.",
        ),
        Mistake(
            "padding left out",
            _padding_left_out,
            'Every padding is treated as `"valid"`.',
            'With `"same"`, there are as many rows as in the input, over the stride.',
        ),
        Mistake(
            "rounded down",
            _same_rounded_down,
            'With `"same"`, the number of rows is rounded down.',
            "Round it up: `-(-rows // stride)`.",
        ),
        Mistake(
            "one place too few",
            _one_row_too_few,
            'With `"valid"`, one row and one column are missing.',
            "There is a place at 0 too: add 1 after the division.",
        ),
        Mistake(
            "kernel counted once",
            _kernel_one_row,
            "The kernel has `size` rows and `size` columns; one of them is missing.",
            "Multiply by `size` twice.",
        ),
        Mistake(
            "bias",
            _with_bias,
            "The additions of the bias are counted too.",
            "Leave the bias out, as the exercise says.",
        ),
        Mistake(
            "square",
            _rows_squared,
            "The columns are taken to be as many as the rows.",
            "Compute them from the width of the input.",
        ),
        Mistake(
            "same without stride",
            _same_without_stride,
            'With `"same"`, the stride is left out.',
            "There are as many rows as in the input, over the stride, rounded up.",
        ),
        Mistake(
            "valid rounded up",
            _rows(lambda n, size, stride: -(-(n - size) // stride) + 1),
            'With `"valid"`, the number of rows is rounded up.',
            "Round it down: a kernel that does not fit any more gives no result.",
        ),
        Mistake(
            "added before dividing",
            _rows(lambda n, size, stride: (n - size + 1) // stride),
            'With `"valid"`, the 1 is added before the division by the stride.',
            "`(rows - size) // stride + 1`.",
        ),
        Mistake(
            "not rounded",
            _not_rounded,
            "The number of rows is not rounded, so there are broken places.",
            'Round up with `"same"`, down with `"valid"`.',
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield (3, 3, 1), 1, 2, 1, "valid"
    yield (3, 3, 2), 5, 3, 1, "same"
    yield (32, 32, 3), 32, 3, 1, "valid"
    yield (33, 31, 3), 16, 4, 2, "same"
    yield (9, 14, 4), 8, 3, 2, "valid"
    for _ in range(4):
        height, width = (int(n) for n in rng.integers(6, 40, 2))
        channels, filters = (int(n) for n in rng.integers(1, 20, 2))
        size, stride = int(rng.integers(1, 6)), int(rng.integers(1, 4))
        padding = ("same", "valid")[int(rng.integers(2))]
        yield (height, width, channels), filters, size, stride, padding


# 10.2 -----------------------------------------------------------------------

_UNITS = (16, 32, 64, 128)


def _draw_settings(n: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    return [
        {
            "rate": 10 ** rng.uniform(-3, 0),
            "momentum": 1 - 10 ** rng.uniform(-2, 0),
            "units": int(rng.choice(_UNITS)),
        }
        for _ in range(n)
    ]


def _changed(**draws: Callable) -> Callable:
    """Return an answer that draws some settings in another way."""

    def answer(n: int, rng: np.random.Generator) -> list[dict[str, Any]]:
        settings = _draw_settings(n, rng)
        for name, draw in draws.items():
            for i, setting in enumerate(settings):
                setting[name] = draw(rng, i, n)
        return settings

    return answer


def _repeated(n: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    return _draw_settings(1, rng) * n


def _own_generator(n: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    return _draw_settings(n, np.random.default_rng(0))


def _one_draw_for_both(n: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    settings = _draw_settings(n, rng)
    for setting in settings:
        share = rng.uniform()
        setting["rate"] = 10 ** (3 * share - 3)
        setting["momentum"] = 1 - 10 ** (2 * share - 2)
    return settings


def _global_numbers(n: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    return _draw_settings(n, np.random.default_rng())


def _units_with_rate(n: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    settings = _draw_settings(n, rng)
    for setting in settings:
        place = int(4 * (np.log10(setting["rate"]) / 3 + 1))
        setting["units"] = _UNITS[min(max(place, 0), 3)]
    return settings


_DRAW_MISTAKES = [
    Mistake("same setting", _repeated, ""),
    Mistake("own generator", _own_generator, ""),
    Mistake("one draw", _one_draw_for_both, ""),
    Mistake("other generator", _global_numbers, ""),
    Mistake("units with rate", _units_with_rate, ""),
    Mistake(
        "rates from a list",
        _changed(rate=lambda rng, i, n: rng.choice(np.geomspace(0.001, 1, 50))),
        "",
    ),
    Mistake("uniform rate", _changed(rate=lambda rng, i, n: rng.uniform(0.001, 1)), ""),
    Mistake(
        "natural logarithm",
        _changed(rate=lambda rng, i, n: np.exp(rng.uniform(-3, 0))),
        "",
    ),
    Mistake(
        "exponent",
        _changed(rate=lambda rng, i, n: rng.uniform(-3, 0)),
        "",
    ),
    Mistake(
        "whole powers",
        _changed(rate=lambda rng, i, n: 10.0 ** rng.integers(-3, 1)),
        "",
    ),
    Mistake(
        "grid",
        _changed(rate=lambda rng, i, n: np.geomspace(0.001, 1, n)[i]),
        "",
    ),
    Mistake(
        "log-uniform momentum",
        _changed(momentum=lambda rng, i, n: 10 ** rng.uniform(-2, 0)),
        "",
    ),
    Mistake(
        "uniform momentum",
        _changed(momentum=lambda rng, i, n: rng.uniform(0, 0.99)),
        "",
    ),
    Mistake(
        "range of units",
        _changed(units=lambda rng, i, n: int(rng.integers(16, 129))),
        "",
    ),
    Mistake(
        "three units",
        _changed(units=lambda rng, i, n: _UNITS[int(rng.integers(0, 3))]),
        "",
    ),
]


def _settings(answer: Callable, n: int, seed: int) -> dict[str, np.ndarray]:
    """Call the answer, look at the form of what comes back; return the columns."""
    settings = call(answer, n, np.random.default_rng(seed))
    require(
        isinstance(settings, list) and all(isinstance(s, dict) for s in settings),
        "The answer is not a list of dictionaries.",
        'Return a list such as `[{"rate": ..., "momentum": ..., "units": ...}, ...]`.',
        mistake="wrong form",
    )
    require(
        len(settings) == n,
        f"{n} settings were asked for, and {len(settings)} came.",
        mistake="wrong number",
    )
    wanted = {"rate", "momentum", "units"}
    for setting in settings:
        require(
            set(setting) == wanted,
            f"A setting has the keys {sorted(map(str, setting))}.",
            "Expected: `rate`, `momentum` and `units`.",
            mistake="wrong keys",
        )
    return {
        name: assert_array([s[name] for s in settings], shape=(n,), name=name)
        for name in sorted(wanted)
    }


def _off(shares: np.ndarray) -> float:
    """Return the largest distance of numbers in [0, 1] from a uniform distribution.

    The statistic of Kolmogorov and Smirnov: below 1.95 / sqrt(n) in 999 of 1000 cases
    where the distribution is uniform.
    """
    ordered, n = np.sort(shares), len(shares)
    steps = np.arange(n + 1) / n
    return float(max((steps[1:] - ordered).max(), (ordered - steps[:-1]).max()))


@exercise(
    "10.2",
    "Draws for a random search",
    reference=_draw_settings,
    mistakes=_DRAW_MISTAKES,
)
def _(answer: Any, rng: np.random.Generator) -> None:
    _settings(answer, 1, 0)
    n, seed = 2000, int(rng.integers(2**32))
    drawn = _settings(answer, n, seed)
    rate, momentum, units = drawn["rate"], drawn["momentum"], drawn["units"]
    require(
        len(np.unique(rate)) > 1,
        "All settings have the same rate.",
        "Draw anew for each setting.",
        mistake="same setting",
    )
    twice = _settings(answer, n, seed)
    require(
        all(np.array_equal(drawn[name], twice[name]) for name in drawn),
        "The same generator gives other settings in a second call.",
        "Draw every number with `rng`, not with `np.random` or `random`.",
        mistake="other generator",
    )
    again = _settings(answer, n, seed + 1)
    require(
        not np.array_equal(np.sort(rate), np.sort(again["rate"])),
        "Two different generators give the same rates.",
        "Draw with `rng`, not from a fixed list or a generator of your own.",
        mistake="grid"
        if np.allclose(np.diff(np.log(np.abs(rate) + 1e-12), 2), 0, atol=1e-6)
        else "own generator",
    )
    _check_rate(rate, n)
    _check_momentum(momentum, n)
    _check_units(units, n)
    together = np.corrcoef(np.log(rate), np.log(1 - momentum))[0, 1]
    require(
        abs(together) < 0.2,
        "Rate and momentum go together: where one is high, the other is too, or low.",
        "Draw each from a random number of its own.",
        mistake="one draw",
    )
    for name, other in (("rate", np.log(rate)), ("momentum", np.log(1 - momentum))):
        require(
            abs(np.corrcoef(other, units)[0, 1]) < 0.2,
            f"The units go together with the {name}.",
            "Draw each setting from a random number of its own.",
            mistake="units with rate",
        )


def _check_rate(rate: np.ndarray, n: int) -> None:
    limit = 2.2 / np.sqrt(n)  # passed by chance in 1 of 8,000 cases
    if rate.min() < 0:
        raise Wrong(
            "Some rates are negative.",
            "You return the exponent. The rate is 10 to the power of it.",
            mistake="exponent",
        )
    if rate.min() > 0.04 and _off((np.log(rate) + 3) / 3) < limit:
        raise Wrong(
            f"No rate is below {rate.min():.2g}.",
            "From -3 to 0 are powers of 10, not of e: `10 ** ...`, or "
            "`np.exp` of a number between `np.log(0.001)` and 0.",
            mistake="natural logarithm",
        )
    if len(np.unique(rate.round(12))) <= 10:
        raise Wrong(
            f"Only {len(np.unique(rate.round(12)))} different rates come.",
            "Draw the exponent with `rng.uniform`, not from whole numbers.",
            mistake="whole powers",
        )
    if len(np.unique(rate)) < n / 2:
        raise Wrong(
            f"Only {len(np.unique(rate))} different rates come in {n} settings.",
            "That is a grid again. Draw the exponent with `rng.uniform`.",
            mistake="rates from a list",
        )
    if rate.min() < 0.001 * (1 - 1e-6) or rate.max() > 1 + 1e-6:
        raise Wrong(
            f"The rates go from {rate.min():.2g} to {rate.max():.2g}.",
            "Expected: from 0.001 to 1.",
            mistake="rate out of range",
        )
    if _off((rate - 0.001) / 0.999) < limit:
        raise Wrong(
            "The rates are uniform, so hardly any is below 0.1.",
            "Draw the logarithm uniformly.",
            mistake="uniform rate",
        )
    require(
        _off(np.log10(rate) / 3 + 1) < limit,
        f"The rates are not log-uniform: {np.mean(rate < 0.0316):.0%} of them are "
        "below 0.0316, the middle of the exponents. Expected: half.",
        "`10 ** rng.uniform(-3, 0)`.",
        mistake="rate not log-uniform",
    )


def _check_momentum(momentum: np.ndarray, n: int) -> None:
    limit = 2.2 / np.sqrt(n)
    if momentum.min() < -1e-6 or momentum.max() >= 1:
        if momentum.min() > 0.01 * (1 - 1e-6) and momentum.max() <= 1:
            momentum = np.minimum(momentum, 1 - 1e-9)
        else:
            raise Wrong(
                f"The momentum goes from {momentum.min():.2g} to {momentum.max():.2g}.",
                "Expected: from 0 to 0.99.",
                mistake="momentum out of range",
            )
    rest = 1 - momentum
    if momentum.min() >= 0.01 * (1 - 1e-6) and (
        _off(np.clip(np.log10(momentum) / 2 + 1, 0, 1)) < limit
    ):
        raise Wrong(
            "The momentum itself is log-uniform.",
            "It is one *minus* the momentum that is: most values should be near 1.",
            mistake="log-uniform momentum",
        )
    if _off(np.clip(momentum / 0.99, 0, 1)) < limit:
        raise Wrong(
            "The momentum is uniform, so few values are above 0.9.",
            "Draw the logarithm of one minus the momentum.",
            mistake="uniform momentum",
        )
    require(
        rest.min() >= 0.01 * (1 - 1e-6)
        and _off(np.clip(np.log10(rest) / 2 + 1, 0, 1)) < limit,
        f"One minus the momentum is not log-uniform: {np.mean(rest < 0.1):.0%} of the "
        "values are below 0.1. Expected: half.",
        "`1 - 10 ** rng.uniform(-2, 0)`.",
        mistake="momentum not log-uniform",
    )


def _check_units(units: np.ndarray, n: int) -> None:
    require(
        not np.array_equal(units[len(_UNITS) :], units[: -len(_UNITS)]),
        "The units are taken in turn.",
        "Draw them: `rng.choice([16, 32, 64, 128])`.",
        mistake="units in turn",
    )
    for other in sorted(set(units.tolist()) - set(_UNITS)):
        raise Wrong(
            f"There are {other:g} units, which is not one of {_UNITS}.",
            "`rng.choice([16, 32, 64, 128])`.",
            mistake="range of units",
        )
    shares = {size: np.mean(units == size) for size in _UNITS}
    for size, share in shares.items():
        require(
            share > 0,
            f"{size} units never come.",
            "`rng.integers(0, 4)` gives 0 to 3, without 4.",
            mistake="three units",
        )
    for size, share in shares.items():
        require(
            abs(share - 0.25) < 0.05,
            f"{size} units come in {share:.0%} of the settings. Expected: a quarter.",
            mistake="units not alike",
        )


# 10.3 -----------------------------------------------------------------------


def _covariance(patches: np.ndarray) -> np.ndarray:
    centred = patches - patches.mean(axis=0)
    return centred.T @ centred / len(patches)


def _whitening(patches: np.ndarray, epsilon: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(_covariance(patches))
    return (vectors / np.sqrt(values + epsilon))[:, ::-1]


def _from(values: np.ndarray, vectors: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return (vectors * scale)[:, ::-1]


def _white_by(rule: Callable) -> Callable:
    """Return an answer that divides the eigenvectors by something else."""

    def answer(patches: np.ndarray, epsilon: float) -> np.ndarray:
        values, vectors = np.linalg.eigh(_covariance(patches))
        return (vectors * rule(np.maximum(values, 0), epsilon))[:, ::-1]

    return answer


def _white_rows(patches: np.ndarray, epsilon: float) -> np.ndarray:
    return _whitening(patches, epsilon).T


def _white_smallest_first(patches: np.ndarray, epsilon: float) -> np.ndarray:
    return _whitening(patches, epsilon)[:, ::-1]


def _white_not_centred(patches: np.ndarray, epsilon: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(patches.T @ patches / len(patches))
    return (vectors / np.sqrt(values + epsilon))[:, ::-1]


def _white_scaled_rows(patches: np.ndarray, epsilon: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(_covariance(patches))
    return (vectors / np.sqrt(values + epsilon)[:, None])[:, ::-1]


def _white_sum(patches: np.ndarray, epsilon: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(_covariance(patches) * len(patches))
    return (vectors / np.sqrt(values + epsilon))[:, ::-1]


def _white_n_minus_1(patches: np.ndarray, epsilon: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(patches, rowvar=False)))
    return (vectors / np.sqrt(values + epsilon))[:, ::-1]


def _white_zca(patches: np.ndarray, epsilon: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(_covariance(patches))
    return (vectors / np.sqrt(values + epsilon)) @ vectors.T


def _white_one_mean(patches: np.ndarray, epsilon: float) -> np.ndarray:
    centred = patches - patches.mean()
    values, vectors = np.linalg.eigh(centred.T @ centred / len(patches))
    return (vectors / np.sqrt(values + epsilon))[:, ::-1]


def _white_rows_turned(patches: np.ndarray, epsilon: float) -> np.ndarray:
    return _whitening(patches, epsilon)[:, ::-1][::-1]


def _white_roots_not_turned(patches: np.ndarray, epsilon: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(_covariance(patches))
    return vectors[:, ::-1] / np.sqrt(values + epsilon)


_WHITE_MISTAKES = [
    Mistake(
        "no epsilon",
        _white_by(lambda values, epsilon: 1 / np.sqrt(values)),
        "Epsilon is left out.",
        "Divide by `np.sqrt(values + epsilon)`.",
    ),
    Mistake(
        "one mean",
        _white_one_mean,
        "One mean of all numbers is subtracted.",
        "Each column has its own: `patches.mean(axis=0)`.",
    ),
    Mistake(
        "rows turned",
        _white_rows_turned,
        "The rows are turned round, not the columns.",
        "`[:, ::-1]` turns the columns; `[::-1]` turns the rows.",
    ),
    Mistake(
        "roots not turned",
        _white_roots_not_turned,
        "The vectors are turned round and their roots are not: each filter is divided "
        "by the root of another.",
        "Divide first, then turn the columns.",
    ),
    Mistake(
        "eigenvectors alone",
        _white_by(lambda values, epsilon: 1 + 0 * values),
        "Those are the eigenvectors: their outputs are uncorrelated, but of different "
        "variances.",
        "Divide each by the root of its eigenvalue plus epsilon.",
    ),
    Mistake(
        "no root",
        _white_by(lambda values, epsilon: 1 / (values + epsilon)),
        "It divides by the eigenvalue itself.",
        "The eigenvalue is a variance; divide by its root.",
    ),
    Mistake(
        "multiplied",
        _white_by(lambda values, epsilon: np.sqrt(values + epsilon)),
        "It multiplies by the root, so strong patterns become stronger still.",
        "Divide by it.",
    ),
    Mistake(
        "epsilon outside",
        _white_by(lambda values, epsilon: 1 / (np.sqrt(values) + epsilon)),
        "Epsilon is added outside of the root.",
        "Add it to the eigenvalue: `np.sqrt(values + epsilon)`.",
    ),
    Mistake(
        "rows",
        _white_rows,
        "The filters are the rows.",
        "Column `i` is filter `i`; `np.linalg.eigh` has its vectors in columns too.",
    ),
    Mistake(
        "smallest first",
        _white_smallest_first,
        "The filter with the smallest eigenvalue comes first.",
        "`np.linalg.eigh` sorts upwards; turn the columns round with `[:, ::-1]`.",
    ),
    Mistake(
        "not centred",
        _white_not_centred,
        "The mean of the patches is not subtracted.",
        "Covariance is about the mean: subtract `patches.mean(axis=0)` first.",
    ),
    Mistake(
        "rows scaled",
        _white_scaled_rows,
        "The rows are divided by the roots, not the columns.",
        "`vectors / np.sqrt(values + epsilon)` divides each column by its own root.",
    ),
    Mistake(
        "sum",
        _white_sum,
        "The covariance is not divided by the number of patches.",
        "Divide by `len(patches)`.",
    ),
    Mistake(
        "n - 1",
        _white_n_minus_1,
        "The covariance is divided by N - 1, as `np.cov` does.",
        "Divide by N, as the exercise says: `np.cov(..., bias=True)`.",
    ),
    Mistake(
        "turned back",
        _white_zca,
        "The patches are whitened and then turned back. That is another kind of "
        "whitening, called ZCA.",
        "Leave out the last product with the eigenvectors.",
    ),
]


def _same_up_to_signs(out: np.ndarray, expected: np.ndarray) -> bool:
    if out.shape != expected.shape:
        return False
    signs = np.sign(np.sum(out * expected, axis=0))
    scale = np.abs(expected).max()
    return bool(np.allclose(out * signs, expected, rtol=1e-4, atol=1e-5 * scale))


def _same_columns(out: np.ndarray, expected: np.ndarray) -> bool:
    """Say whether the columns are the same in any order; the longest is the last."""
    order = np.argsort(np.linalg.norm(out, axis=0))
    by_length = np.argsort(np.linalg.norm(expected, axis=0))
    return _same_up_to_signs(out[:, order], expected[:, by_length])


def _patches(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    """Return patches whose eigenvalues are well apart, so that the answer is unique."""
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    values = rng.normal(size=(n, d)) * 1.7 ** np.arange(d)
    return values @ turn.T + rng.uniform(1, 3, d)


@exercise("10.3", "Whitening filters", reference=_whitening, mistakes=_WHITE_MISTAKES)
def _(answer: Any, rng: np.random.Generator) -> None:
    cases = [(_patches(rng, n, d), e) for n, d, e in _WHITE_SIZES]
    outs = []
    for patches, epsilon in cases:
        d = patches.shape[1]
        out = call(answer, patches, epsilon)
        outs.append(assert_array(out, shape=(d, d), name="matrix of filters"))
    pairs = [
        (out, patches, epsilon)
        for out, (patches, epsilon) in zip(outs, cases, strict=True)
    ]
    if all(_same_up_to_signs(out, _whitening(p, e)) for out, p, e in pairs):
        return
    for mistake in _WHITE_MISTAKES:
        # Filters in rows have their free signs in the rows.
        turn = np.transpose if mistake.name == "rows" else np.asarray
        if all(
            _same_up_to_signs(turn(out), turn(mistake.wrong(p, e)))
            for out, p, e in pairs
        ):
            raise Wrong(mistake.message, mistake.hint, mistake=mistake.name)
    if all(_same_columns(out, _whitening(p, e)) for out, p, e in pairs):
        raise Wrong(
            "The filters are right, but they are not in order.",
            "`np.linalg.eigh` sorts the eigenvalues, `np.linalg.eig` does not.",
            mistake="not in order",
        )
    for out, patches, epsilon in pairs:
        if _same_up_to_signs(out, _whitening(patches, epsilon)):
            continue
        spread = out.T @ _covariance(patches) @ out
        variances = np.round(np.diag(spread), 3).tolist()
        off = np.abs(spread - np.diag(np.diag(spread))).max()
        raise Wrong(
            f"For patches of {patches.shape[1]} numbers and epsilon {epsilon:g}, the "
            f"outputs `patches @ filters` have the variances {variances} and "
            f"covariances of up to {off:.3f}.",
            "The covariances should be 0, and the variances l / (l + epsilon), near 1.",
            mistake="wrong value",
        )


_WHITE_SIZES = [(40, 2, 0.1), (60, 3, 0.5), (200, 5, 0.01), (30, 4, 1.0)]


# 10.4 -----------------------------------------------------------------------


def _diagnose(loss: list[float], val_loss: list[float], classes: int) -> str:
    if not np.isfinite([*loss, *val_loss]).all():
        return "diverged"
    if min(loss) > 0.95 * np.log(classes):
        return "no learning"
    if val_loss[-1] > 1.1 * min(val_loss):
        return "overfitting"
    if min(val_loss) > 2 * min(loss):
        return "gap"
    return "train longer" if loss[-1] < 0.9 * loss[-4] else "fine"


def _only_training_nan(loss, val_loss, classes):
    finite = [v if np.isfinite(v) else min(loss) for v in val_loss]
    return _diagnose(loss, finite, classes)


def _only_nan(loss, val_loss, classes):
    big = [min(v, 1e30) for v in loss], [min(v, 1e30) for v in val_loss]
    return _diagnose(*big, classes)


def _last_only(loss, val_loss, classes):
    if not np.isfinite([loss[-1], val_loss[-1]]).all():
        return "diverged"
    clean = [v if np.isfinite(v) else 1e30 for v in loss]
    judged = [v if np.isfinite(v) else 1e30 for v in val_loss]
    return _diagnose(clean, judged, classes)


def _always_ten(loss, val_loss, classes):
    return _diagnose(loss, val_loss, 10)


def _log_2(loss, val_loss, classes):
    if np.isfinite([*loss, *val_loss]).all() and min(loss) > 0.95 * np.log2(classes):
        return "no learning"
    return _diagnose(loss, val_loss, 10**9)


def _last_training(loss, val_loss, classes):
    out = _diagnose(loss, val_loss, classes)
    finite = out != "diverged"
    return "no learning" if finite and loss[-1] > 0.95 * np.log(classes) else out


def _gap_first(loss, val_loss, classes):
    out = _diagnose(loss, val_loss, classes)
    if out == "overfitting" and min(val_loss) > 2 * min(loss):
        return "gap"
    return out


def _validation_of_training(loss, val_loss, classes):
    return _diagnose(loss, loss, classes)


def _compared_with_first(loss, val_loss, classes):
    out = _diagnose(loss, val_loss, classes)
    if out in ("diverged", "no learning"):
        return out
    if val_loss[-1] > 1.1 * val_loss[0]:
        return "overfitting"
    if min(val_loss) > 2 * min(loss):
        return "gap"
    return "train longer" if loss[-1] < 0.9 * loss[-4] else "fine"


def _two_epochs_before(loss, val_loss, classes):
    out = _diagnose(loss, val_loss, classes)
    if out in ("train longer", "fine"):
        return "train longer" if loss[-1] < 0.9 * loss[-3] else "fine"
    return out


def _one_epoch_before(loss, val_loss, classes):
    out = _diagnose(loss, val_loss, classes)
    if out in ("train longer", "fine"):
        return "train longer" if loss[-1] < 0.9 * loss[-2] else "fine"
    return out


def _from_the_first(loss, val_loss, classes):
    out = _diagnose(loss, val_loss, classes)
    if out in ("train longer", "fine"):
        return "train longer" if loss[-1] < 0.9 * loss[0] else "fine"
    return out


def _with_rules(
    no_learning: Callable | None = None,
    overfitting: Callable | None = None,
    gap: Callable | None = None,
    longer: Callable | None = None,
) -> Callable:
    """Return an answer with one of rules 2 to 5 changed."""

    def answer(loss, val_loss, classes):
        if not np.isfinite([*loss, *val_loss]).all():
            return "diverged"
        limit = 0.95 * np.log(classes)
        if no_learning(loss, classes) if no_learning else min(loss) > limit:
            return "no learning"
        rising = val_loss[-1] > 1.1 * min(val_loss)
        if overfitting(loss, val_loss) if overfitting else rising:
            return "overfitting"
        if gap(loss, val_loss) if gap else min(val_loss) > 2 * min(loss):
            return "gap"
        falling = longer(loss) if longer else loss[-1] < 0.9 * loss[-4]
        return "train longer" if falling else "fine"

    return answer


@function_exercise(
    "10.4",
    "A doctor for curves",
    reference=_diagnose,
    names=("loss", "val_loss", "classes"),
    mistakes=[
        Mistake(
            "validation not looked at for NaN",
            _only_training_nan,
            "A validation loss that is NaN or infinite is not found.",
            "Look through both lists.",
        ),
        Mistake(
            "infinity",
            _only_nan,
            "NaN is found, infinity is not.",
            "`np.isfinite` finds both.",
        ),
        Mistake(
            "last value only",
            _last_only,
            "Only the last losses are looked at for NaN.",
            "*Any* loss that is not finite means that it diverged.",
        ),
        Mistake(
            "always ten classes",
            _always_ten,
            "The number of classes is not used: the limit is that of ten classes.",
            "The loss of guessing is `np.log(classes)`.",
        ),
        Mistake(
            "logarithm to base 2",
            _log_2,
            "The limit is too high: the logarithm is to base 2.",
            "Cross-entropy uses the natural logarithm, `np.log`.",
        ),
        Mistake(
            "last training loss",
            _last_training,
            "Rule 2 looks at the last training loss.",
            "Take the lowest one: a training that has learned something and lost it "
            "again is another case.",
        ),
        Mistake(
            "gap before overfitting",
            _gap_first,
            "Where rules 3 and 4 both fit, yours says `gap`.",
            "The first rule that fits decides.",
        ),
        Mistake(
            "training in place of validation",
            _validation_of_training,
            "The validation losses have no influence.",
            "Rules 3 and 4 are about `val_loss`.",
        ),
        Mistake(
            "compared with the first",
            _compared_with_first,
            "Rule 3 compares the last validation loss with the first.",
            "Compare it with the lowest.",
        ),
        Mistake(
            "two epochs before",
            _two_epochs_before,
            "Rule 5 looks two epochs back.",
            "Three epochs before `loss[-1]` is `loss[-4]`.",
        ),
        Mistake(
            "one epoch before",
            _one_epoch_before,
            "Rule 5 looks one epoch back.",
            "Three epochs before `loss[-1]` is `loss[-4]`.",
        ),
        Mistake(
            "compared with the first epoch",
            _from_the_first,
            "Rule 5 compares with the first epoch of all.",
            "Compare with three epochs before: `loss[-4]`.",
        ),
        Mistake(
            "first training loss",
            _with_rules(no_learning=lambda loss, k: loss[0] > 0.95 * np.log(k)),
            "Rule 2 looks at the first training loss.",
            "Every training begins near the loss of guessing. Take the lowest one.",
        ),
        Mistake(
            "mean training loss",
            _with_rules(no_learning=lambda loss, k: np.mean(loss) > 0.95 * np.log(k)),
            "Rule 2 looks at the mean of the training losses.",
            "Take the lowest one.",
        ),
        Mistake(
            "no logarithm",
            _with_rules(no_learning=lambda loss, k: min(loss) > 0.95 * k),
            "The limit of rule 2 is 0.95 times the number of classes.",
            "The loss of guessing is `np.log(classes)`.",
        ),
        Mistake(
            "0.95 left out",
            _with_rules(no_learning=lambda loss, k: min(loss) > np.log(k)),
            "Rule 2 compares with the loss of guessing itself.",
            "A loss barely below it has learned nothing: take 0.95 times it.",
        ),
        Mistake(
            "any rise",
            _with_rules(overfitting=lambda loss, val: val[-1] > min(val)),
            "Rule 3 fits at the smallest rise of the validation loss.",
            "It has to be more than 1.1 times the lowest.",
        ),
        Mistake(
            "last losses",
            _with_rules(gap=lambda loss, val: val[-1] > 2 * loss[-1]),
            "Rule 4 compares the last losses.",
            "Compare the lowest ones: `min(val_loss)` and `min(loss)`.",
        ),
        Mistake(
            "last training loss in rule 4",
            _with_rules(gap=lambda loss, val: min(val) > 2 * loss[-1]),
            "Rule 4 takes the last training loss.",
            "Take the lowest one, as for the validation.",
        ),
        Mistake(
            "0.9 left out",
            _with_rules(longer=lambda loss: loss[-1] < loss[-4]),
            "Rule 5 fits at the smallest fall of the training loss.",
            "It has to be below 0.9 times that of three epochs before.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    nan, inf = float("nan"), float("inf")
    yield [2.0, 1.0, 0.9, 0.88], [2.0, 1.1, 1.0, 0.99], 10  # train longer
    yield [2.0, 1.0, 0.9, 0.88, 0.87, 0.86], [2.0, 1.1, 1.0, 1.0, 1.0, 1.0], 10
    yield [2.3, nan, nan, nan], [2.3, nan, nan, nan], 10
    yield [2.3, 2.0, 1.9, 1.8], [2.3, 2.2, 2.1, nan], 10
    yield [2.3, nan, 1.9, 1.8], [2.3, 2.2, 2.1, 2.0], 10
    yield [2.3, inf, 1.9, 1.8], [2.3, 2.2, 2.1, 2.0], 10
    yield [2.3, 2.2, 2.0, 1.9], [2.3, inf, 2.1, 2.0], 10
    yield [2.31, 2.3, 2.3, 2.3], [2.3, 2.3, 2.3, 2.3], 10
    yield [1.1, 1.09, 1.09, 1.09], [1.1, 1.1, 1.1, 1.1], 3
    yield [4.6, 3.5, 3.2, 3.0], [4.6, 3.6, 3.4, 3.3], 100
    yield [2.3, 1.9, 2.2, 2.3], [2.3, 2.0, 2.0, 2.1], 10
    yield [2.0, 1.0, 0.5, 0.2, 0.1], [2.0, 1.2, 1.0, 1.1, 1.3], 10
    yield [2.0, 1.4, 1.3, 1.2, 1.1], [2.0, 1.5, 1.4, 1.5, 1.6], 10
    yield [2.0, 1.0, 0.5, 0.2], [2.0, 1.3, 1.2, 1.2], 10  # gap
    yield [2.0, 0.9, 0.6, 0.59, 0.58, 0.57], [2.0, 1.0, 0.8, 0.8, 0.8, 0.8], 10
    yield [2.0, 0.9, 0.66, 0.62, 0.6, 0.57], [2.0, 1.0, 0.8, 0.8, 0.8, 0.8], 10
    yield [2.0, 0.8, 0.7, 0.65, 0.6, 0.56], [2.0, 1.0, 0.8, 0.8, 0.8, 0.8], 10
    yield [2.0, 0.7, 0.62, 0.6, 0.6, 0.6], [2.0, 1.0, 0.8, 0.8, 0.8, 0.8], 10
    yield [2.3, 2.25, 2.23, 2.23], [2.3, 2.3, 2.3, 2.3], 10  # between 0.95 and 1
    yield [2.4, 2.32, 2.31, 2.31], [2.3, 2.3, 2.3, 2.3], 10
    yield [6.0, 4.0, 4.0, 4.0], [6.0, 4.0, 4.0, 4.0], 10
    yield [2.3, 2.29, 2.28, 2.15], [2.3, 2.3, 2.25, 2.2], 10
    yield [2.0, 0.5, 0.4, 0.6], [2.0, 1.1, 1.0, 1.0], 10  # gap, by the lowest
    yield [2.0, 0.4, 0.42, 0.45], [2.0, 1.0, 0.9, 0.98], 10
    yield [1.0, 0.98, 0.97, 0.96], [1.1, 1.1, 1.0, 1.0], 10
    # Exactly at a limit, where "more than" is not met.
    yield hard("a loss at a limit", [1.0, 0.95, 0.95, 0.95], [1.0, 1.05, 1.1, 1.1], 10)
    yield hard("a loss at a limit", [0.52, 0.51, 0.5, 0.5], [1.0, 1.0, 1.0, 1.0], 10)
    yield hard("a loss at a limit", [1.0, 0.95, 0.92, 0.9], [1.2, 1.2, 1.2, 1.2], 10)
    for _ in range(12):
        classes = int(rng.integers(2, 50))
        epochs = int(rng.integers(4, 9))
        falls = rng.uniform(0.6, 1.0, epochs).cumprod()
        loss = np.log(classes) * rng.uniform(0.9, 1.1) * falls
        val_loss = loss * rng.uniform(1, 1.8) * rng.uniform(0.95, 1.15, epochs)
        yield loss.tolist(), val_loss.tolist(), classes
