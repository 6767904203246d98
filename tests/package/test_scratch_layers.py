"""Layers in NumPy: against Keras, numerical gradients, loops, and bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcls_helpers import backend, scratch

few = settings(max_examples=15, deadline=None)
many = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32 - 1)
# Few shapes with Keras: JAX compiles anew for each.
few_shapes = st.sampled_from([(4,), (3, 2), (2, 1, 5), (2, 3, 2, 4)])
shapes = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)

ACTIVATIONS = ["relu", "sigmoid", "tanh", "gelu", "softmax", "log_softmax"]
# The function, its way back, and the options of both.
FUNCTIONS = [(name, {}) for name in ACTIVATIONS] + [("gelu", {"approximate": True})]
functions = pytest.mark.parametrize(("name", "options"), FUNCTIONS)


def forward(name):
    return getattr(scratch, name)


def backward(name):
    return getattr(scratch, f"{name}_backward")


def assert_near(ours, theirs, tolerance=1e-5):
    """Compare to a tolerance relative to the largest magnitude."""
    theirs = np.asarray(theirs)
    assert ours.shape == theirs.shape
    largest = max(np.abs(theirs).max(initial=0), 1e-30)
    assert np.abs(ours - theirs).max(initial=0) <= tolerance * largest


def to_numpy(tensor):
    import keras

    return keras.ops.convert_to_numpy(tensor)


def keras_gradient(function, x, dy):
    """Differentiate ``sum(function(x) dy)`` with respect to x by Keras's backend."""
    from keras import ops

    return backend.gradient(lambda z: ops.sum(ops.multiply(function(z), dy)), x)


def assert_slope(function, x, dy, ours):
    """Compare with a numerical gradient of ``sum(function(x) dy)``."""
    tried = scratch.numerical_gradient(lambda z: np.sum(function(z) * dy), x)
    assert np.abs(ours - tried).max() <= 1e-6 * max(1, np.abs(tried).max())


# --- Activation functions -----------------------------------------------------------


@functions
@given(shape=few_shapes, seed=seeds)
@few
def test_activations_are_those_of_keras(name, options, shape, seed):
    from keras import ops

    rng = np.random.default_rng(seed)
    x, dy = rng.normal(0, 3, (2, *shape)).astype("float32")
    options_of_keras = {"approximate": False, **options} if name == "gelu" else {}

    def theirs(z):
        return getattr(ops, name)(z, **options_of_keras)

    x0 = x.copy()
    y, dx = forward(name)(x, **options), backward(name)(dy, x, **options)
    assert y.dtype == dx.dtype == np.float32
    assert (x == x0).all()
    # Of sums that cancel, only the digits of the parts can be asked for: far on the
    # left, GELU is a number times 1 minus nearly 1.
    apart = np.abs(y - to_numpy(theirs(x))).max(initial=0)
    assert apart <= 1e-6 * max(np.abs(x).max(initial=0), np.abs(y).max(initial=0))
    error = np.abs(dx - keras_gradient(theirs, x, dy)).max()
    assert error <= 1e-5 * np.abs(dy).max() * (shape[-1] if "max" in name else 1)


@functions
@given(shape=shapes, seed=seeds)
@many
def test_activations_have_the_slope_of_numerical_gradients(name, options, shape, seed):
    rng = np.random.default_rng(seed)
    x, dy = rng.normal(0, 2, (2, *shape))
    x += 0.01 * np.sign(x)  # no slope at the corner
    dx = backward(name)(dy, x, **options)
    assert dx.dtype == np.float64
    assert_slope(lambda z: forward(name)(z, **options), x, dy, dx)


@functions
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_activations_stay_finite_for_large_inputs(name, options, dtype):
    x = np.array([[-1e4, -100, -30, 0, 30, 100, 1e4]], dtype)
    with np.errstate(all="raise", under="ignore"):
        y = forward(name)(x, **options)
        dx = backward(name)(np.ones_like(x), x, **options)
    assert np.isfinite(y).all()
    assert np.isfinite(dx).all()


def test_activations_at_values_known_by_heart():
    x = np.array([-2.0, 0.0, 2.0])
    e2 = np.exp(2)
    np.testing.assert_allclose(scratch.relu(x), [0, 0, 2])
    np.testing.assert_allclose(scratch.relu_backward(np.full(3, 7.0), x), [0, 0, 7])
    np.testing.assert_allclose(scratch.sigmoid(x), [1 / (1 + e2), 0.5, e2 / (1 + e2)])
    np.testing.assert_allclose(scratch.tanh(x)[2], (e2 - 1 / e2) / (e2 + 1 / e2))
    np.testing.assert_allclose(scratch.gelu(x), [-0.0455002639, 0, 1.9544997361])
    rows = scratch.softmax(np.array([[0.0, np.log(3)], [1000.0, 1000.0]]))
    np.testing.assert_allclose(rows, [[0.25, 0.75], [0.5, 0.5]])
    np.testing.assert_allclose(
        scratch.log_softmax(np.array([[0.0, -1e4]])), [[0, -1e4]], atol=1e-12
    )


@given(shape=shapes, seed=seeds, shift=st.floats(-100, 100))
@many
def test_softmax_sums_to_one_and_ignores_a_shift(shape, seed, shift):
    x = np.random.default_rng(seed).normal(0, 3, shape)
    p = scratch.softmax(x)
    np.testing.assert_allclose(p.sum(axis=-1), 1)
    np.testing.assert_allclose(scratch.softmax(x + shift), p, rtol=1e-9)
    np.testing.assert_allclose(np.exp(scratch.log_softmax(x)), p, rtol=1e-9)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_refuse_what_is_no_float_array(name):
    x = np.zeros((2, 3))
    with pytest.raises(TypeError, match=r"x must be a NumPy array .*list"):
        forward(name)([1.0, 2.0])
    with pytest.raises(TypeError, match=r"x must be .*dtype int64"):
        forward(name)(np.zeros(3, "int64"))
    with pytest.raises(TypeError, match=r"dy must be .*float"):
        backward(name)(1.0, x)
    with pytest.raises(TypeError, match=r"x must be .*dtype uint8"):
        backward(name)(x, x.astype("uint8"))
    with pytest.raises(
        ValueError, match=r"dy and x must be of one shape; got \(3,\) and \(2, 3"
    ):
        backward(name)(np.zeros(3), x)


# --- Dense --------------------------------------------------------------------------


def dense_loops(x, kernel, bias):
    y = np.zeros((len(x), len(bias)))
    for n in range(len(x)):
        for u in range(len(bias)):
            y[n, u] = bias[u]
            for d in range(x.shape[1]):
                y[n, u] += x[n, d] * kernel[d, u]
    return y


def dense_case(seed, n, d, u, dtype="float64"):
    rng = np.random.default_rng(seed)
    sizes = [(n, d), (d, u), (u,), (n, u)]
    return [rng.normal(size=size).astype(dtype) for size in sizes]


@given(seed=seeds, sizes=st.sampled_from([(1, 1, 1), (4, 3, 5), (6, 20, 2)]))
@few
def test_dense_is_that_of_keras(seed, sizes):
    import keras

    n, d, u = sizes
    x, kernel, bias, dy = dense_case(seed, n, d, u, "float32")
    layer = keras.layers.Dense(u)
    layer.build((None, d))
    layer.set_weights([kernel, bias])
    y = scratch.dense(x, kernel, bias)
    assert y.dtype == np.float32
    assert_near(y, to_numpy(layer(x)))
    ours = scratch.dense_backward(dy, x, kernel)
    ops = keras.ops
    theirs = [
        keras_gradient(layer, x, dy),
        keras_gradient(lambda k: ops.add(ops.matmul(x, k), bias), kernel, dy),
        keras_gradient(lambda b: ops.add(ops.matmul(x, kernel), b), bias, dy),
    ]
    for one, other in zip(ours, theirs, strict=True):
        assert one.dtype == np.float32
        assert_near(one, other, 1e-5 * max(n, d, u))


@given(seed=seeds, n=st.integers(1, 6), d=st.integers(1, 6), u=st.integers(1, 6))
@many
def test_dense_is_its_loops_and_has_their_slope(seed, n, d, u):
    x, kernel, bias, dy = dense_case(seed, n, d, u)
    before = [a.copy() for a in (x, kernel, bias, dy)]
    np.testing.assert_allclose(
        scratch.dense(x, kernel, bias), dense_loops(x, kernel, bias)
    )
    np.testing.assert_allclose(
        scratch.dense(x, kernel), dense_loops(x, kernel, 0 * bias), atol=1e-12
    )
    dx, dkernel, dbias = scratch.dense_backward(dy, x, kernel)
    assert_slope(lambda a: scratch.dense(a, kernel, bias), x, dy, dx)
    assert_slope(lambda a: scratch.dense(x, a, bias), kernel, dy, dkernel)
    assert_slope(lambda a: scratch.dense(x, kernel, a), bias, dy, dbias)
    for a, b in zip(before, (x, kernel, bias, dy), strict=True):
        assert (a == b).all()


def test_dense_refuses_what_does_not_fit():
    x, kernel, bias, dy = dense_case(0, 4, 3, 2)
    for wrong, message in [
        (
            (x[0], kernel, bias),
            "float64 of shape (N, units); got an array of shape (3,)",
        ),
        ((x, kernel.T, bias), "kernel must be of shape (3, units)"),
        ((x, kernel[0], bias), "kernel must be of shape (3, units)"),
        (
            (x, kernel, bias[:1]),
            "bias must be of shape (2,), one number for each unit; got",
        ),
        (
            (x, kernel, bias[None]),
            "bias must be of shape (2,), one number for each unit; got",
        ),
    ]:
        with pytest.raises(ValueError) as caught:
            scratch.dense(*wrong)
        assert message in str(caught.value)
    with pytest.raises(ValueError, match=r"dy must be of shape \(4, 2\).*\(2, 4\)"):
        scratch.dense_backward(dy.T, x, kernel)
    for name, arguments in [
        ("x", ([[1.0]], kernel)),
        ("kernel", (x, kernel.astype(int))),
        ("bias", (x, kernel, [0.0, 0.0])),
    ]:
        with pytest.raises(TypeError, match=f": {name} must be"):
            scratch.dense(*arguments)


# --- Batch normalization ------------------------------------------------------------

epsilons = st.sampled_from([1e-3, 1e-5, 0.1])
few_batch_shapes = st.sampled_from([(2, 1), (5, 3), (2, 3, 2, 2)])
batch_shapes = st.tuples(st.integers(2, 5), st.integers(1, 4)) | st.tuples(
    st.integers(2, 4), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3)
)


def norm_case(seed, shape, dtype="float64"):
    rng = np.random.default_rng(seed)
    sizes = [shape, shape[-1:], shape[-1:], shape]
    x, gamma, beta, dy = (rng.normal(size=size).astype(dtype) for size in sizes)
    return 2 * x + gamma, gamma, beta, dy


@given(seed=seeds, shape=few_batch_shapes, epsilon=epsilons)
@few
def test_batch_norm_is_that_of_keras(seed, shape, epsilon):
    import keras

    x, gamma, beta, dy = norm_case(seed, shape, "float32")
    layer = keras.layers.BatchNormalization(epsilon=epsilon)
    layer.build((None, *shape[1:]))
    fixed = [v.value for v in layer.non_trainable_variables]

    def theirs(x, gamma, beta):
        return layer.stateless_call([gamma, beta], fixed, x, training=True)[0]

    y = scratch.batch_norm(x, gamma, beta, epsilon)
    assert y.dtype == np.float32
    assert_near(y, to_numpy(theirs(x, gamma, beta)))
    dx, dgamma, dbeta = scratch.batch_norm_backward(dy, x, gamma, epsilon)
    assert dx.dtype == dgamma.dtype == dbeta.dtype == np.float32
    # dx is a difference of terms of this size, which can cancel.
    scale = np.abs(gamma).max() / np.sqrt(x.var(axis=tuple(range(x.ndim - 1))).min())
    error = dx - keras_gradient(lambda a: theirs(a, gamma, beta), x, dy)
    assert np.abs(error).max() <= 2e-5 * max(scale, 1) * np.abs(dy).max()
    total = 1e-5 * np.abs(dy).sum()
    error = dgamma - keras_gradient(lambda a: theirs(x, a, beta), gamma, dy)
    assert np.abs(error).max() <= total
    error = dbeta - keras_gradient(lambda a: theirs(x, gamma, a), beta, dy)
    assert np.abs(error).max() <= total


@given(seed=seeds, shape=batch_shapes, epsilon=epsilons)
@many
def test_batch_norm_normalizes_and_has_the_slope(seed, shape, epsilon):
    x, gamma, beta, dy = norm_case(seed, shape)
    before = [a.copy() for a in (x, gamma, beta, dy)]
    axes = tuple(range(x.ndim - 1))
    normalized = scratch.batch_norm(x, np.ones_like(gamma), np.zeros_like(beta), 0.0)
    np.testing.assert_allclose(normalized.mean(axes), 0, atol=1e-9)
    np.testing.assert_allclose(normalized.var(axes), 1)
    for c in range(shape[-1]):  # the formula, one channel at a time
        v = x[..., c]
        by_hand = gamma[c] * (v - v.mean()) / np.sqrt(v.var() + epsilon) + beta[c]
        y = scratch.batch_norm(x, gamma, beta, epsilon)[..., c]
        np.testing.assert_allclose(y, by_hand)
    dx, dgamma, dbeta = scratch.batch_norm_backward(dy, x, gamma, epsilon)
    if x.var(axes).min() > 0.05:  # else the step is no longer small
        assert_slope(lambda a: scratch.batch_norm(a, gamma, beta, epsilon), x, dy, dx)
    assert_slope(lambda a: scratch.batch_norm(x, a, beta, epsilon), gamma, dy, dgamma)
    assert_slope(lambda a: scratch.batch_norm(x, gamma, a, epsilon), beta, dy, dbeta)
    for a, b in zip(before, (x, gamma, beta, dy), strict=True):
        assert (a == b).all()


def test_batch_norm_refuses_what_does_not_fit():
    x, gamma, beta, dy = norm_case(0, (4, 3))
    norm, back = scratch.batch_norm, scratch.batch_norm_backward
    with pytest.raises(ValueError, match=r"gamma must be of shape \(3,\).* \(2,\)"):
        norm(x, gamma[:2], beta)
    with pytest.raises(ValueError, match=r"beta must be of shape \(3,\).* \(1, 3\)"):
        norm(x, gamma, beta[None])
    with pytest.raises(ValueError, match=r"x must be of shape \(N, ..., C\)"):
        norm(x[0], gamma, beta)
    with pytest.raises(ValueError, match="at least one example"):
        norm(x[:0], gamma, beta)
    with pytest.raises(ValueError, match="dy and x must be of one shape"):
        back(dy[:2], x, gamma)
    with pytest.raises(ValueError, match="gamma must be of shape"):
        back(dy, x, gamma[:1])
    for name, arguments in [
        ("x", (x.astype(int), gamma, beta)),
        ("gamma", (x, [1.0] * 3, beta)),
        ("beta", (x, gamma, 0.0)),
    ]:
        with pytest.raises(TypeError, match=f": {name} must be"):
            norm(*arguments)
    with pytest.raises(TypeError, match=r": dy must be"):
        back(dy.tolist(), x, gamma)


@given(seed=seeds, training=st.booleans(), shape=few_batch_shapes)
@few
def test_the_layer_keeps_the_moving_averages_of_keras(seed, training, shape):
    import keras

    options = {"momentum": 0.7, "epsilon": 0.01}
    ours = scratch.BatchNormalization(**options)
    ours.build(shape[1:], np.random.default_rng(0))
    ours.weights = {k: v.astype("float32") for k, v in ours.weights.items()}
    theirs = keras.layers.BatchNormalization(**options)
    theirs.build((None, *shape[1:]))
    for step in range(4):
        x = norm_case(seed + step, shape, "float32")[0]
        theirs(x, training=training)
        ours.forward(x, training=training)
    for one, other in zip(ours.weights.values(), theirs.get_weights(), strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
    assert_near(ours.forward(x), to_numpy(theirs(x, training=False)))


# --- Dropout ------------------------------------------------------------------------


@given(seed=seeds, rate=st.floats(0, 0.99), dtype=st.sampled_from(["f4", "f8"]))
@many
def test_dropout_keeps_or_scales_up(seed, rate, dtype):
    x = np.random.default_rng(seed).normal(size=(50, 40)).astype(dtype)
    before = x.copy()
    y, mask = scratch.dropout(x, rate, np.random.default_rng(seed))
    assert y.dtype == mask.dtype == x.dtype
    assert (x == before).all()
    assert (y == x * mask).all()
    kept = mask > 0
    np.testing.assert_allclose(mask[kept], 1 / (1 - rate), rtol=1e-6)
    # Five standard deviations: the tests draw the same seeds again and again.
    spread = np.sqrt(rate * (1 - rate) / mask.size)
    assert abs(kept.mean() - (1 - rate)) <= 5 * spread + 1e-12
    again = scratch.dropout(x, rate, np.random.default_rng(seed))[1]
    assert (again == mask).all()


def test_the_dropout_layer_drops_only_while_training():
    layer = scratch.Dropout(0.5)
    layer.build((100,), np.random.default_rng(0))
    x = np.ones((20, 100), "float32")
    assert (layer.forward(x) == x).all()
    assert (layer.backward(x) == x).all()
    first = layer.forward(x, training=True)
    assert set(np.unique(first).tolist()) == {0.0, 2.0}
    np.testing.assert_array_equal(layer.backward(3 * x), 3 * first)
    assert (layer.forward(x, training=True) != first).any()  # a new draw each time
    assert layer.backward(x).dtype == np.float32
    assert (scratch.Dropout(0.0).forward(x, training=True) == x).all()


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, np.nan])
def test_dropout_refuses_a_rate_out_of_range(rate):
    with pytest.raises(ValueError, match=r"rate must be .*from 0 to below 1; got"):
        scratch.Dropout(rate)
    with pytest.raises(ValueError, match="rate must be"):
        scratch.dropout(np.ones(3), rate, np.random.default_rng(0))


def test_dropout_refuses_whole_numbers():
    with pytest.raises(TypeError, match=r"x must be .*dtype int64"):
        scratch.dropout(np.ones(3, "int64"), 0.5, np.random.default_rng(0))


# --- Initializers -------------------------------------------------------------------

kernels = st.sampled_from([(64, 32), (3, 3, 16, 32), (5, 5, 1, 8), (1, 1, 64, 10)])


@given(shape=kernels, seed=seeds)
@few
def test_initializers_have_the_size_of_keras(shape, seed):
    import keras

    rng = np.random.default_rng(seed)
    ours = scratch.glorot_uniform(shape, rng)
    theirs = to_numpy(keras.initializers.GlorotUniform(seed=seed % 1000)(shape))
    limit = np.sqrt(6 / sum(scratch.fans(shape)))
    for drawn in (ours, theirs):
        assert drawn.shape == shape
        assert 0.9 * limit < np.abs(drawn).max() <= limit * (1 + 1e-6)
    ours = scratch.he_normal(shape, rng)
    theirs = to_numpy(keras.initializers.HeNormal(seed=seed % 1000)(shape))
    deviation = np.sqrt(2 / scratch.fans(shape)[0])
    # Five standard deviations of a standard deviation, and 5% that Keras cuts off.
    for drawn in (ours, theirs):
        allowed = 5 / np.sqrt(2 * drawn.size) + 0.05
        assert abs(drawn.std() / deviation - 1) < allowed
        assert abs(drawn.mean()) < 5 * deviation / np.sqrt(drawn.size)


def test_fans_count_what_flows_in_and_out():
    assert scratch.fans((7, 5)) == (7, 5)
    assert scratch.fans((3, 2, 4, 6)) == (24, 36)


def test_initializer_takes_a_name_a_number_or_a_function():
    rng = np.random.default_rng
    for name in ("glorot_uniform", "he_normal"):
        drawn = scratch.initializer(name)((3, 4), rng(1))
        assert (drawn == getattr(scratch, name)((3, 4), rng(1))).all()
    drawn = scratch.initializer(0.5)((200, 200), rng(0))
    assert drawn.std() == pytest.approx(0.5, rel=0.02)
    assert (scratch.initializer(0)((2, 2), rng(0)) == 0).all()
    ones = scratch.initializer(lambda shape, rng: np.ones(shape))((2, 3), rng(0))
    assert (ones == 1).all()


@pytest.mark.parametrize("wanted", ["glorot", "HeNormal", None, -1.0, [0.1, 0.2]])
def test_initializer_refuses_what_it_does_not_know(wanted):
    with pytest.raises(ValueError, match="one of 'glorot_uniform', 'he_normal'"):
        scratch.initializer(wanted)


# --- Numerical gradients ------------------------------------------------------------


@given(shape=shapes, seed=seeds)
@many
def test_numerical_gradient_of_functions_whose_gradient_is_known(shape, seed):
    rng = np.random.default_rng(seed)
    x, factor = rng.normal(size=(2, *shape))
    before = x.copy()
    for function, known in [
        (lambda z: (z**3 * factor).sum(), 3 * x**2 * factor),
        (lambda z: np.sin(z).sum(), np.cos(x)),
        (lambda z: np.array([[z.sum()]]), np.ones_like(x)),
        (lambda z: z.prod(), x.prod() / x),
    ]:
        tried = scratch.numerical_gradient(function, x)
        assert tried.shape == x.shape
        np.testing.assert_allclose(tried, known, rtol=1e-6, atol=1e-7)
    assert (x == before).all()


def test_numerical_gradient_takes_its_step():
    called = []
    scratch.numerical_gradient(
        lambda z: called.append(z.copy()) or 0.0, np.array([1.0, 2.0]), step=0.5
    )
    assert np.array(called).tolist() == [[1.5, 2], [0.5, 2], [1, 2.5], [1, 1.5]]


def test_numerical_gradient_refuses_what_it_cannot_use():
    x = np.ones(3)
    with pytest.raises(TypeError, match="float32 has too few digits"):
        scratch.numerical_gradient(np.sum, x.astype("float32"))
    with pytest.raises(TypeError, match=r"x must be a NumPy array .*list"):
        scratch.numerical_gradient(np.sum, [1.0])
    for wrong in (lambda z: z, lambda z: np.nan, lambda z: np.inf * z.sum()):
        with pytest.raises(ValueError, match="must be one finite number"):
            scratch.numerical_gradient(wrong, x)


# --- Layers -------------------------------------------------------------------------

IMAGE, ROW = (7, 6, 4), (12,)
# The name in both libraries, the arguments, the shape of an example.
LAYERS = [
    ("Conv2D", {"filters": 6, "kernel_size": 3}, IMAGE),
    ("Conv2D", {"filters": 4, "kernel_size": (3, 2), "padding": "same"}, IMAGE),
    ("Conv2D", {"filters": 2, "kernel_size": 3, "strides": 2}, IMAGE),
    (
        "Conv2D",
        {"filters": 3, "kernel_size": 4, "strides": 2, "padding": "same"},
        IMAGE,
    ),
    ("Conv2D", {"filters": 3, "kernel_size": 2, "dilation_rate": 2}, IMAGE),
    ("Conv2D", {"filters": 6, "kernel_size": 3, "groups": 2}, IMAGE),
    ("Conv2D", {"filters": 5, "kernel_size": 1, "use_bias": False}, IMAGE),
    ("Dense", {"units": 5}, ROW),
    ("Dense", {"units": 5, "use_bias": False}, ROW),
    ("MaxPooling2D", {}, IMAGE),
    ("MaxPooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}, IMAGE),
    ("AveragePooling2D", {"pool_size": 2}, IMAGE),
    ("AveragePooling2D", {"pool_size": (3, 2), "strides": 1}, IMAGE),
    ("AveragePooling2D", {"pool_size": 3, "padding": "same"}, IMAGE),
    ("GlobalMaxPooling2D", {}, IMAGE),
    ("GlobalAveragePooling2D", {}, IMAGE),
    ("Flatten", {}, IMAGE),
    ("Rescaling", {"scale": 1 / 255, "offset": -0.5}, IMAGE),
    ("BatchNormalization", {}, IMAGE),
    ("BatchNormalization", {"momentum": 0.5, "epsilon": 0.1}, ROW),
    ("Dropout", {"rate": 0.5}, ROW),
    *[("Activation", name, ROW) for name in ACTIVATIONS],
]
layers = pytest.mark.parametrize(
    ("name", "arguments", "shape"), LAYERS, ids=[f"{n}-{a}" for n, a, _ in LAYERS]
)


def make(library, name, arguments):
    if isinstance(arguments, str):
        return getattr(library, name)(arguments)
    return getattr(library, name)(**arguments)


def built(name, arguments, shape, rng, dtype="float32"):
    """Return our layer with random weights, none of them 0 or 1."""
    layer = make(scratch, name, arguments)
    layer.build(shape, rng)
    layer.weights = {
        key: rng.uniform(0.5, 1.5, array.shape).astype(dtype)
        * (1 if "variance" in key else rng.choice([-1, 1], array.shape).astype(dtype))
        for key, array in layer.weights.items()
    }
    return layer


@layers
@pytest.mark.parametrize("training", [False, True])
def test_layers_are_those_of_keras(name, arguments, shape, training):
    import keras

    if name == "Dropout" and training:
        pytest.skip("each library draws its own mask")
    rng = np.random.default_rng(0)
    ours = built(name, arguments, shape, rng)
    theirs = make(keras.layers, name, arguments)
    theirs.build((None, *shape))
    weights = list(ours.weights.values())
    assert [a.shape for a in weights] == [a.shape for a in theirs.get_weights()]
    assert [v.name for v in theirs.weights if "seed" not in v.name] == list(
        ours.weights
    )
    theirs.set_weights(weights)
    x = rng.normal(size=(3, *shape)).astype("float32")
    before = x.copy()
    trained = [v.value for v in theirs.trainable_variables]
    fixed = [v.value for v in theirs.non_trainable_variables]
    mode = {"training": training} if name in ("BatchNormalization", "Dropout") else {}

    def call(x, *trained):
        return theirs.stateless_call(trained, fixed, x, **mode)[0]

    y = ours.forward(x, training=training)
    assert y.dtype == np.float32
    assert_near(y, to_numpy(call(x, *trained)))
    dy = rng.normal(size=y.shape).astype("float32")
    dx = ours.backward(dy)
    assert dx.dtype == np.float32
    assert_near(dx, keras_gradient(lambda z: call(z, *trained), x, dy), 2e-5)
    assert list(ours.gradients) == ours.trainable
    assert len(ours.trainable) == len(trained)
    for i, key in enumerate(ours.trainable):

        def of_weight(w, i=i):
            return call(x, *trained[:i], w, *trained[i + 1 :])

        assert ours.gradients[key].dtype == np.float32
        theirs_of_weight = keras_gradient(of_weight, ours.weights[key].copy(), dy)
        assert_near(ours.gradients[key], theirs_of_weight, 2e-5)
    assert (x == before).all()


@layers
@pytest.mark.parametrize("training", [False, True])
def test_layers_have_the_slope_of_numerical_gradients(name, arguments, shape, training):
    rng = np.random.default_rng(1)
    layer = built(name, arguments, (*(min(n, 4) for n in shape),), rng, "float64")
    x = rng.normal(size=(2, *(min(n, 4) for n in shape)))
    kept = {key: array.copy() for key, array in layer.weights.items()}

    def run(x):
        # Each call sees the same weights, moving averages and draws.
        layer._rng = np.random.default_rng(0)
        for key in kept.keys() - set(layer.trainable):
            layer.weights[key] = kept[key].copy()
        return layer.forward(x, training=training)

    y = run(x)
    dy = rng.normal(size=y.shape)
    dx, gradients = layer.backward(dy), None
    gradients = {key: array.copy() for key, array in layer.gradients.items()}
    assert_slope(run, x, dy, dx)
    for key in layer.trainable:

        def of_weight(values, key=key):
            layer.weights[key] = values.copy()
            return run(x)

        assert_slope(of_weight, kept[key], dy, gradients[key])
        layer.weights[key] = kept[key]


@layers
def test_a_second_backward_replaces_the_gradients(name, arguments, shape):
    rng = np.random.default_rng(2)
    layer = built(name, arguments, shape, rng)
    x = rng.normal(size=(2, *shape)).astype("float32")
    dy = np.ones_like(layer.forward(x))
    first = [layer.backward(dy), *(a.copy() for a in layer.gradients.values())]
    second = [layer.backward(dy), *layer.gradients.values()]
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


@layers
def test_backward_needs_a_forward(name, arguments, shape):
    layer = built(name, arguments, shape, np.random.default_rng(0))
    if name == "Rescaling":  # its way back needs nothing
        return
    with pytest.raises(RuntimeError, match=f"{name}.backward was called before"):
        layer.backward(np.zeros((1, *shape), "float32"))


def test_the_first_weights_come_from_the_generator():
    for layer, shape in [(scratch.Conv2D(8, 3), (9, 9, 4)), (scratch.Dense(8), (30,))]:
        layer.build(shape, np.random.default_rng(3))
        kernel = layer.weights["kernel"]
        drawn = scratch.glorot_uniform(kernel.shape, np.random.default_rng(3))
        assert (kernel == drawn).all()
        assert (layer.weights["bias"] == 0).all()


def test_layers_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match=r"Put Flatten\(\) or GlobalAverage"):
        scratch.Dense(3).build((2, 2, 3), np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"must be one of 'gelu',.* got 'swish'"):
        scratch.Activation("swish")
    with pytest.raises(ValueError, match=r"must be one of .* got 'relu_backward'"):
        scratch.Activation("relu_backward")
    with pytest.raises(ValueError, match=r"kernel_size must be .* got 0"):
        scratch.Conv2D(3, 0)
    with pytest.raises(ValueError, match=r"momentum must be .* got 1"):
        scratch.BatchNormalization(momentum=1)
    with pytest.raises(ValueError, match=r"kernel_initializer must be .* got 'zeros'"):
        scratch.Dense(3, kernel_initializer="zeros")
    with pytest.raises(NotImplementedError):
        scratch.Layer().forward(np.zeros((1, 1)))
    with pytest.raises(NotImplementedError):
        scratch.Layer().backward(np.zeros((1, 1)))
