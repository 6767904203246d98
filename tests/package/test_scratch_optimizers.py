"""Optimizers and schedules in NumPy, against those of Keras."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcls_helpers import scratch
from imgcls_helpers.scratch import optimizers

few = settings(max_examples=25, deadline=None)


def weights_and_gradients(rng, shapes, steps, dtype="float32", size=1.0):
    weights = [rng.normal(size=shape).astype(dtype) for shape in shapes]
    gradients = [
        [np.asarray(size * rng.normal(size=shape), dtype) for shape in shapes]
        for _ in range(steps)
    ]
    return weights, gradients


def after(optimizer, weights, gradients):
    """Return the weights after one step for each list of gradients."""
    weights = [np.array(w) for w in weights]
    for step in gradients:
        optimizer.apply(step, weights)
    return weights


def after_keras(optimizer, weights, gradients):
    import keras

    variables = [keras.Variable(w) for w in weights]
    for step in gradients:
        tensors = [keras.ops.convert_to_tensor(g) for g in step]
        optimizer.apply(tensors, variables)
    return [keras.ops.convert_to_numpy(v.value) for v in variables]


def assert_near(ours, theirs, tolerance):
    largest = max(1.0, *(np.abs(w).max() for w in theirs))
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype
        assert np.abs(a - b).max() <= tolerance * largest


def both(name, options, learning_rate=None):
    """Return our optimizer and that of Keras; a rate may be a schedule's arguments."""
    import keras

    ours = theirs = {}
    if isinstance(learning_rate, float):
        ours = theirs = {"learning_rate": learning_rate}
    elif learning_rate is not None:
        schedule, arguments = learning_rate
        ours = {"learning_rate": getattr(scratch, schedule)(**arguments)}
        theirs = getattr(keras.optimizers.schedules, schedule)(**arguments)
        theirs = {"learning_rate": theirs}
    return (
        getattr(scratch, name)(**ours, **options),
        getattr(keras.optimizers, name)(**theirs, **options),
    )


# --- Against Keras ---------------------------------------------------------------

shares = st.floats(0.0, 0.99)
own_options = {
    "SGD": {"momentum": shares, "nesterov": st.booleans()},
    "Adagrad": {
        "initial_accumulator_value": st.floats(0.01, 1),
        "epsilon": st.floats(1e-7, 0.1),
    },
    "RMSprop": {"rho": shares, "epsilon": st.floats(1e-7, 0.1)},
    "Adam": {"beta_1": shares, "beta_2": shares, "epsilon": st.floats(1e-7, 0.1)},
    "AdamW": {"weight_decay": st.floats(0, 1)},
}


@st.composite
def settings_of_an_optimizer(draw):
    name = draw(st.sampled_from(list(own_options)))
    options = draw(st.fixed_dictionaries({}, optional=own_options[name]))
    if draw(st.booleans()) and name != "AdamW":
        options["weight_decay"] = draw(st.floats(0, 1))
    clip = draw(st.sampled_from([None, "clipnorm", "clipvalue", "global_clipnorm"]))
    if clip:
        options[clip] = draw(st.floats(0.01, 5))
    return name, options


# A few shapes only: JAX compiles every operation anew for each.
any_shapes = st.lists(
    st.sampled_from([(), (1,), (3,), (2, 4), (3, 1, 2), (2, 3, 1, 2)]),
    min_size=1,
    max_size=3,
)


@few
@given(settings_of_an_optimizer(), any_shapes, st.integers(0, 2**32), st.data())
def test_one_step_is_that_of_keras(chosen, shapes, seed, data):
    name, options = chosen
    rate = data.draw(st.floats(1e-4, 0.1))
    ours, theirs = both(name, options, rate)
    weights, gradients = weights_and_gradients(
        np.random.default_rng(seed), shapes, 1, size=data.draw(st.floats(1e-3, 10))
    )
    kept = [g.copy() for g in gradients[0]]
    expected = after_keras(theirs, weights, gradients)
    assert_near(after(ours, weights, gradients), expected, 1e-6)
    assert all(np.array_equal(a, b) for a, b in zip(kept, gradients[0], strict=True))


# Not the cosine, which JAX would compile anew in each of the 200 steps.
LINE = ("PolynomialDecay", {"initial_learning_rate": 0.02, "decay_steps": 150})
FALL = (
    "ExponentialDecay",
    {"initial_learning_rate": 0.01, "decay_steps": 40, "decay_rate": 0.5},
)
LONG = [
    ("SGD", {}, 0.01),
    ("SGD", {"momentum": 0.9}, 0.01),
    ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}, 0.01),
    ("SGD", {"momentum": 0.9, "clipnorm": 1.0}, LINE),
    ("Adagrad", {"epsilon": 0.05, "initial_accumulator_value": 0.2}, 0.01),
    ("Adagrad", {"weight_decay": 0.01, "clipvalue": 0.5}, 0.01),
    ("RMSprop", {"rho": 0.7, "epsilon": 0.05}, None),
    ("RMSprop", {"global_clipnorm": 1.0}, LINE),
    ("Adam", {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 0.05}, None),
    ("Adam", {"global_clipnorm": 0.5}, 0.01),
    ("Adam", {"weight_decay": 0.02, "clipvalue": 0.3}, LINE),
    ("AdamW", {}, 0.01),
    ("AdamW", {"weight_decay": 0.1, "clipnorm": 2.0}, FALL),
]


@pytest.mark.parametrize(("name", "options", "rate"), LONG)
def test_200_steps_are_those_of_keras(name, options, rate):
    ours, theirs = both(name, options, rate)
    weights, gradients = weights_and_gradients(
        np.random.default_rng(7), [(3, 2), (4,)], 200
    )
    expected = after_keras(theirs, weights, gradients)
    assert_near(after(ours, weights, gradients), expected, 2e-5)
    assert ours.iterations == 200
    moved = max(np.abs(a - b).max() for a, b in zip(expected, weights, strict=True))
    assert moved > 1e-2


def test_the_defaults_are_those_of_keras():
    import keras

    for name in optimizers.__all__:
        config = getattr(keras.optimizers, name)().get_config()
        ours = getattr(scratch, name)()
        for key in ("learning_rate", "weight_decay", "clipnorm", *own_options[name]):
            # A rate comes back from float32.
            expected = config[key]
            expected = round(expected, 9) if key == "learning_rate" else expected
            assert getattr(ours, key) == expected, (name, key)


# --- Against the formulas, in float64 ---------------------------------------------


def test_adam_is_the_algorithm_of_its_paper():
    rng = np.random.default_rng(0)
    (w,), gradients = weights_and_gradients(rng, [(5,)], 50, "float64")
    ours = after(scratch.Adam(0.1, 0.8, 0.95, 1e-12), [w], gradients)
    m = v = 0.0
    for t, (g,) in enumerate(gradients, 1):
        m = 0.8 * m + 0.2 * g
        v = 0.95 * v + 0.05 * g * g
        w = w - 0.1 * (m / (1 - 0.8**t)) / (np.sqrt(v / (1 - 0.95**t)) + 1e-12)
    np.testing.assert_allclose(ours[0], w, rtol=1e-9)


def test_adamw_decays_the_weights_and_not_the_gradient():
    gradients = [[np.zeros(2)]] * 3
    (w,) = after(scratch.AdamW(0.1, 0.5), [np.array([1.0, -2.0])], gradients)
    np.testing.assert_allclose(w, np.array([1.0, -2.0]) * 0.95**3)


momenta = st.floats(0.01, 0.99)


@few
@given(momenta, st.floats(1e-3, 1), any_shapes, st.integers(0, 2**32))
def test_the_three_momenta_are_one_up_to_the_rate(momentum, rate, shapes, seed):
    rng = np.random.default_rng(seed)
    weights, gradients = weights_and_gradients(rng, shapes, 20, "float64")
    keras_ = after(scratch.SGD(rate, momentum), weights, gradients)
    classical = after(
        scratch.SGD(rate, momentum, convention="classical"), weights, gradients
    )
    averaged = after(
        scratch.SGD(rate / (1 - momentum), momentum, convention="averaged"),
        weights,
        gradients,
    )
    assert_near(classical, keras_, 1e-10)
    assert_near(averaged, keras_, 1e-10)


@few
@given(momenta, any_shapes, st.integers(0, 2**32))
def test_the_two_nesterovs_are_one_while_the_rate_stays(momentum, shapes, seed):
    rng = np.random.default_rng(seed)
    weights, gradients = weights_and_gradients(rng, shapes, 20, "float64")
    one, two = (
        after(scratch.SGD(0.1, momentum, True, convention), weights, gradients)
        for convention in ("keras", "classical")
    )
    assert_near(one, two, 1e-10)
    plain = after(scratch.SGD(0.1, momentum), weights, gradients)
    assert any(not np.allclose(a, b) for a, b in zip(one, plain, strict=True))


def test_the_momenta_differ_as_soon_as_the_rate_changes():
    weights, gradients = [np.zeros(1)], [[np.ones(1)]] * 4
    falling = scratch.ExponentialDecay(0.1, 1, 0.5)
    one, two = (
        after(scratch.SGD(falling, 0.9, convention=c), weights, gradients)[0]
        for c in ("keras", "classical")
    )
    assert abs(one[0] - two[0]) > 0.05


@pytest.mark.parametrize("nesterov", [False, True])
def test_the_classical_form_is_that_of_pytorch(nesterov):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    weights, gradients = weights_and_gradients(rng, [(3,), (2, 2)], 30, "float64")
    schedule = scratch.ExponentialDecay(0.1, 10, 0.5)
    parameters = [torch.nn.Parameter(torch.tensor(w)) for w in weights]
    theirs = torch.optim.SGD(parameters, lr=0.1, momentum=0.9, nesterov=nesterov)
    for step, gs in enumerate(gradients):
        theirs.param_groups[0]["lr"] = schedule(step)
        for p, g in zip(parameters, gs, strict=True):
            p.grad = torch.tensor(g)
        theirs.step()
    ours = after(scratch.SGD(schedule, 0.9, nesterov, "classical"), weights, gradients)
    assert_near(ours, [p.detach().numpy() for p in parameters], 1e-12)


# --- Clipping, dtypes, and what stays as it was ------------------------------------


def step_of(weights=None, **options):
    """Return by how much one step of plain descent with rate 1 moves two arrays."""
    gradients = [np.array([3.0, -4.0]), np.array([0.1])]
    before = [np.zeros(2), np.zeros(1)]
    return [-w for w in after(scratch.SGD(1.0, **options), before, [gradients])]


def test_what_each_clip_does():
    a, b = step_of()
    assert (a.tolist(), b.tolist()) == ([3, -4], [0.1])
    a, b = step_of(clipvalue=0.5)
    assert (a.tolist(), b.tolist()) == ([0.5, -0.5], [0.1])
    a, b = step_of(clipnorm=1.0)
    np.testing.assert_allclose(a, [0.6, -0.8])
    assert b.tolist() == [0.1]
    a, b = step_of(global_clipnorm=1.0)
    np.testing.assert_allclose(np.hypot(np.linalg.norm(a), b[0]), 1)
    np.testing.assert_allclose([a[0] / b[0], a[1] / b[0]], [30, -40])


@pytest.mark.parametrize("clip", ["clipnorm", "global_clipnorm"])
def test_a_norm_of_zero_and_a_huge_norm_are_clipped(clip):
    for g in (np.zeros(3, "f4"), np.full(3, 1e30, "f4")):
        w = np.zeros(3, "f4")
        scratch.SGD(1.0, **{clip: 1.0}).apply([g], [w])
        assert np.isfinite(w).all()
        assert np.linalg.norm(w) == pytest.approx(1.0 if g.any() else 0.0)


@pytest.mark.parametrize("name", optimizers.__all__)
def test_each_array_keeps_its_dtype_and_its_place(name):
    rng = np.random.default_rng(0)
    w32, w64 = rng.normal(size=3).astype("f4"), rng.normal(size=(2, 2))
    number = np.array(1.0)
    start = w32.copy()
    optimizer = getattr(scratch, name)(0.1)
    for _ in range(3):
        gradients = [rng.normal(size=3), rng.normal(size=(2, 2)).astype("f4")]
        optimizer.apply([*gradients, np.array(0.5)], [w32, w64, number])
    assert (w32.dtype, w64.dtype) == ("float32", "float64")
    assert not np.allclose(w32, start)
    assert number != 1.0
    for w, slots in zip((w32, w64, number), optimizer.slots, strict=True):
        assert all(s.dtype == w.dtype and s.shape == w.shape for s in slots.values())


def test_a_gradient_is_squared_in_the_dtype_of_its_weights():
    w = np.zeros(1)
    gradient = np.array([1e-30], "float32")  # its square is 0 in float32
    scratch.Adagrad(1.0, 0.0, epsilon=1e-70).apply([gradient], [w])
    assert w[0] == pytest.approx(-1)


def test_the_rate_may_be_set_and_follows_its_schedule():
    sgd = scratch.SGD(1.0)
    w = np.zeros(1)
    sgd.apply([np.ones(1)], [w])
    sgd.learning_rate = 0.5
    sgd.apply([np.ones(1)], [w])
    sgd.learning_rate = scratch.PiecewiseConstantDecay([2], [0.25, 0.125])
    assert sgd.learning_rate == 0.25
    for _ in range(2):
        sgd.apply([np.ones(1)], [w])
    assert w.tolist() == [-1.875]
    assert sgd.iterations == 4


# --- Errors --------------------------------------------------------------------------

w, g = np.zeros(2), np.ones(2)


@pytest.mark.parametrize(
    ("gradients", "weights", "error", "words"),
    [
        ([g], [w, w], ValueError, "gradients must be 2, one for each .* got 1"),
        (
            [np.ones(1)],
            [w],
            ValueError,
            r"gradients\[0\] must be of shape \(2,\), that of weights\[0\]",
        ),
        ([g, np.ones((2, 1))], [w, w], ValueError, r"gradients\[1\] must be of shape"),
        ([[1.0, 1.0]], [w], TypeError, r"gradients\[0\] must be a NumPy array.*list"),
        ([np.ones(2, int)], [w], TypeError, r"gradients\[0\] must be .*dtype int64"),
        ([g], [np.zeros(2, int)], TypeError, r"weights\[0\] must be .*dtype int64"),
        ([g, g * np.nan], [w, w], FloatingPointError, r"2 of the 2.*gradients\[1\]"),
        ([np.array([1, np.inf])], [w], FloatingPointError, "smaller learning rate"),
    ],
)
def test_wrong_gradients_are_refused_and_change_nothing(
    gradients, weights, error, words
):
    weights = [x.copy() for x in weights]
    optimizer = scratch.Adam()
    with pytest.raises(error, match=words):
        optimizer.apply(gradients, weights)
    assert not any(x.any() for x in weights)
    assert optimizer.iterations == 0


@pytest.mark.parametrize("change", ["fewer", "other", "order"])
def test_other_weights_than_before_are_refused(change):
    a, b = np.zeros(2), np.ones(2)
    optimizer = scratch.SGD(momentum=0.9)
    optimizer.apply([g, g], [a, b])
    now = {"fewer": [a], "other": [a, b.copy()], "order": [b, a]}[change]
    with pytest.raises(
        ValueError, match="weights must be the arrays of the first step"
    ):
        optimizer.apply([g] * len(now), now)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("SGD", {"learning_rate": 0}, "learning_rate must be a number above 0; got 0"),
        ("SGD", {"learning_rate": -0.1}, "learning_rate must be .* got -0.1"),
        ("SGD", {"learning_rate": math.nan}, "learning_rate must be .* got nan"),
        ("SGD", {"learning_rate": True}, "learning_rate must be .* got True"),
        ("SGD", {"learning_rate": "fast"}, "learning_rate must be .* got 'fast'"),
        ("SGD", {"momentum": 1.0}, "momentum must be .* got 1.0"),
        ("SGD", {"convention": "tensorflow"}, "convention must be .* got 'tensorflow'"),
        (
            "SGD",
            {"nesterov": True, "convention": "averaged"},
            "convention must be .* with nesterov; got",
        ),
        (
            "SGD",
            {"clipnorm": 1, "clipvalue": 1},
            "clipnorm and clipvalue must be one of them; got 2",
        ),
        ("Adam", {"clipnorm": 0}, "clipnorm must be .* got 0"),
        ("Adam", {"clipvalue": -1}, "clipvalue must be .* got -1"),
        ("Adam", {"global_clipnorm": math.inf}, "global_clipnorm must be .* got inf"),
        ("Adam", {"weight_decay": -1}, "weight_decay must be .* got -1"),
        ("Adam", {"beta_1": 1.5}, "beta_1 must be .* got 1.5"),
        ("Adam", {"beta_2": -0.1}, "beta_2 must be .* got -0.1"),
        ("Adam", {"epsilon": 0}, "epsilon must be .* got 0"),
        ("AdamW", {"weight_decay": None}, "weight_decay must be .* got None"),
        ("RMSprop", {"rho": 1}, "rho must be .* got 1"),
        ("RMSprop", {"epsilon": 0}, "epsilon must be .* got 0"),
        (
            "Adagrad",
            {"initial_accumulator_value": -1},
            "accumulator_value must be .* got -1",
        ),
        ("Adagrad", {"epsilon": -1}, "epsilon must be .* got -1"),
    ],
)
def test_wrong_options_are_refused(name, options, words):
    with pytest.raises(ValueError, match=words):
        getattr(scratch, name)(**options)


def test_a_schedule_must_not_give_a_negative_rate():
    optimizer = scratch.SGD(lambda step: 0.1 - step)
    optimizer.apply([g], [kept := np.zeros(2)])
    with pytest.raises(ValueError, match=r"learning_rate\(1\) must be .* got -0\.9"):
        optimizer.apply([g], [kept])
    assert kept.tolist() == [-0.1, -0.1]


# --- Schedules ------------------------------------------------------------------------

rates = st.floats(1e-4, 1)
lengths = st.integers(1, 60)
fields = {
    "ExponentialDecay": {
        "initial_learning_rate": rates,
        "decay_steps": lengths,
        "decay_rate": st.floats(0.1, 1.5),
        "staircase": st.booleans(),
    },
    "PolynomialDecay": {
        "initial_learning_rate": rates,
        "decay_steps": lengths,
        "end_learning_rate": rates,
        "power": st.floats(0.5, 3),
        "cycle": st.booleans(),
    },
    "InverseTimeDecay": {
        "initial_learning_rate": rates,
        "decay_steps": lengths,
        "decay_rate": st.floats(0.1, 5),
        "staircase": st.booleans(),
    },
    "CosineDecay": {
        "initial_learning_rate": rates,
        "decay_steps": lengths,
        "alpha": st.floats(0, 1),
        "warmup_target": st.none() | rates,
        "warmup_steps": st.integers(1, 30),
    },
    "CosineDecayRestarts": {
        "initial_learning_rate": rates,
        "first_decay_steps": lengths,
        "t_mul": st.sampled_from([1.0, 1.5, 2.0, 3.0]),
        "m_mul": st.floats(0.5, 1),
        "alpha": st.floats(0, 0.5),
    },
}


@pytest.mark.parametrize("name", fields)
@settings(max_examples=10, deadline=None)
@given(st.data())
def test_schedules_are_those_of_keras(name, data):
    import keras

    arguments = data.draw(st.fixed_dictionaries(fields[name]))
    ours = getattr(scratch, name)(**arguments)
    theirs = getattr(keras.optimizers.schedules, name)(**arguments)
    steps = data.draw(st.lists(st.integers(0, 300), min_size=2, max_size=3))
    if name == "CosineDecayRestarts":
        # At a restart, the rounded logarithm of Keras may fall on either side.
        steps = [s for s in steps if not at_a_restart(s, arguments)]
    for step in [0, *steps]:
        expected = float(keras.ops.convert_to_numpy(theirs(step)))
        # Powers of a float32 base lose digits as the exponent grows.
        assert ours(step) == pytest.approx(expected, rel=1e-4, abs=1e-6)


def at_a_restart(step, arguments):
    left, length = step, arguments["first_decay_steps"]
    while left > length + 0.01:
        left, length = left - length, length * arguments["t_mul"]
    return step > 0 and min(abs(left - length), left) < 0.01


def test_piecewise_constant_is_that_of_keras():
    import keras

    arguments = {"boundaries": [3, 7, 20], "values": [0.5, 0.25, 1.0, 0.125]}
    ours = scratch.PiecewiseConstantDecay(**arguments)
    theirs = keras.optimizers.schedules.PiecewiseConstantDecay(**arguments)
    for step in (0, 2, 3, 4, 7, 8, 20, 21, 100):
        assert ours(step) == float(keras.ops.convert_to_numpy(theirs(step)))


def test_the_rate_restarts_at_the_right_steps():
    for t_mul, restarts in ((1.0, (5, 10, 15)), (2.0, (5, 15, 35)), (3.0, (5, 20, 65))):
        schedule = scratch.CosineDecayRestarts(1.0, 5, t_mul, m_mul=0.5)
        for i, step in enumerate(restarts, 1):
            assert schedule(step) == pytest.approx(0.5**i)
            assert schedule(step - 1) < schedule(step)


@few
@given(rates, st.integers(1, 200), st.floats(0, 0.95))
def test_one_cycle_rises_to_its_peak_and_falls_to_zero(peak, total, share):
    schedule = scratch.OneCycle(peak, total, share)
    values = np.array([schedule(step) for step in range(total + 1)])
    assert (values[:-1] > 0).all()
    assert values[-1] == schedule(10 * total) == 0
    assert values.max() <= peak * (1 + 1e-12)
    assert schedule(share * total) == pytest.approx(peak)
    top = values.argmax()
    assert abs(top - share * total) <= 1
    # Straight up, then straight down.
    assert np.allclose(np.diff(values[:top], 2), 0, atol=1e-9)
    assert np.allclose(np.diff(values[top + 1 :], 2), 0, atol=1e-9)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: scratch.ExponentialDecay(0.1, 0, 0.5), "decay_steps must be .* got 0"),
        (
            lambda: scratch.InverseTimeDecay(0.1, -1, 0.5),
            "decay_steps must be .* got -1",
        ),
        (lambda: scratch.PolynomialDecay(0.1, 0), "decay_steps must be .* got 0"),
        (lambda: scratch.CosineDecay(0.1, 0), "decay_steps must be .* got 0"),
        (
            lambda: scratch.CosineDecayRestarts(0.1, 0),
            "first_decay_steps must be .* got 0",
        ),
        (lambda: scratch.CosineDecayRestarts(0.1, 5, 0.5), "t_mul must be .* got 0.5"),
        (
            lambda: scratch.PiecewiseConstantDecay([1], [0.1]),
            "values must be 2.* got 1",
        ),
        (
            lambda: scratch.PiecewiseConstantDecay([2, 2], [1, 2, 3]),
            "boundaries must be rising steps",
        ),
        (lambda: scratch.OneCycle(0, 10), "peak must be .* got 0"),
        (lambda: scratch.OneCycle(1, 0), "total_steps must be .* got 0"),
        (lambda: scratch.OneCycle(1, 10, 1.0), "warmup_share must be .* got 1.0"),
    ],
)
def test_wrong_schedules_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("step", [-1, math.nan])
def test_a_negative_step_is_refused(step):
    for schedule in (
        scratch.ExponentialDecay(0.1, 5, 0.5),
        scratch.InverseTimeDecay(0.1, 5, 0.5),
        scratch.PolynomialDecay(0.1, 5),
        scratch.CosineDecay(0.1, 5),
        scratch.CosineDecayRestarts(0.1, 5),
        scratch.PiecewiseConstantDecay([3], [0.1, 0.2]),
        scratch.OneCycle(0.1, 5),
    ):
        with pytest.raises(ValueError, match="step must be a number of 0 or more"):
            schedule(step)
