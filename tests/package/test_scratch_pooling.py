"""Pooling: against Keras, against numerical gradients, plain against fast."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgcls_helpers import backend, scratch

_settings = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
POOLS = ("max_pool", "average_pool")
GLOBAL = ("global_max_pool", "global_average_pool")
LAYERS = {
    "max_pool": "MaxPooling2D",
    "average_pool": "AveragePooling2D",
    "global_max_pool": "GlobalMaxPooling2D",
    "global_average_pool": "GlobalAveragePooling2D",
}


@st.composite
def cases(draw, paddings=("valid", "same", "explicit")):
    """Draw a random shape, and options of pooling that fit it."""
    size = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    strides = draw(st.none() | st.tuples(st.integers(1, 4), st.integers(1, 4)))
    padding = draw(st.sampled_from(paddings))
    if padding == "explicit":
        padding = tuple(
            draw(st.tuples(st.integers(0, k - 1), st.integers(0, k - 1))) for k in size
        )
    shape = (
        draw(st.integers(1, 3)),
        draw(st.integers(size[0], 9)),
        draw(st.integers(size[1], 9)),
        draw(st.integers(1, 3)),
    )
    # Few values make many equal ones; all different ones suit small differences.
    equal = draw(st.booleans())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return shape, (size, strides, padding), equal, rng


def numbers(shape, equal, rng, dtype="float64"):
    if equal:
        return rng.integers(-2, 2, shape).astype(dtype)
    # Apart by more than the step of a numerical gradient.
    x = rng.permutation(np.prod(shape)).reshape(shape) / np.prod(shape)
    return (x - 0.5).astype(dtype)


def close(got, expected, tolerance):
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape
    scale = max(1e-12, np.abs(expected).max(initial=0))
    assert np.abs(got - expected).max(initial=0) <= tolerance * scale


def keras_repeats_the_edge(shape, size, strides, padding):
    """Say whether Keras counts copies of the edge, as it does on PyTorch (3.15)."""
    sides = [
        scratch.pad_amounts(n, k, padding, stride=s)
        for n, k, s in zip(shape[1:3], size, strides or size, strict=True)
    ]
    return backend.name() == "torch" and any(a != b for a, b in sides)


# --- Against Keras ------------------------------------------------------------------


@pytest.mark.parametrize("name", POOLS)
@given(case=cases(paddings=("valid", "same")))
@_settings
def test_it_agrees_with_keras_forward_and_backward(name, case):
    import keras
    from keras import ops

    shape, options, equal, rng = case
    if name == "average_pool" and keras_repeats_the_edge(shape, *options):
        return
    x = numbers(shape, equal, rng, "float32")
    layer = getattr(keras.layers, LAYERS[name])(*options)
    y = getattr(scratch, name)(x, *options)
    close(y, ops.convert_to_numpy(layer(x)), 1e-5)
    dy = rng.normal(size=y.shape).astype("float32")
    weights = ops.convert_to_tensor(dy)
    expected = backend.gradient(lambda z: ops.sum(weights * layer(z)), x)
    close(getattr(scratch, name + "_backward")(dy, x, *options), expected, 1e-5)


@pytest.mark.parametrize("name", GLOBAL)
@given(
    shape=st.tuples(*[st.integers(1, n) for n in (3, 6, 6, 4)]),
    equal=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
@_settings
def test_global_pooling_agrees_with_keras(name, shape, equal, seed):
    import keras
    from keras import ops

    rng = np.random.default_rng(seed)
    x = numbers(shape, equal, rng, "float32")
    layer = getattr(keras.layers, LAYERS[name])()
    y = getattr(scratch, name)(x)
    close(y, ops.convert_to_numpy(layer(x)), 1e-5)
    dy = rng.normal(size=y.shape).astype("float32")
    weights = ops.convert_to_tensor(dy)
    expected = backend.gradient(lambda z: ops.sum(weights * layer(z)), x)
    close(getattr(scratch, name + "_backward")(dy, x), expected, 1e-5)


# --- Against itself -----------------------------------------------------------------


@pytest.mark.parametrize("name", POOLS)
@given(case=cases())
@_settings
def test_the_fast_form_is_the_plain_form(name, case):
    shape, options, equal, rng = case
    x = numbers(shape, equal, rng)
    fast = getattr(scratch, name)(x, *options)
    plain = getattr(scratch, name + "_loops")(x, *options)
    close(fast, plain, 0 if name == "max_pool" else 1e-14)


@pytest.mark.parametrize("name", POOLS)
@given(case=cases())
@_settings
def test_the_backward_pass_agrees_with_small_differences(name, case):
    shape, options, _, rng = case
    shape = (1, *shape[1:3], min(shape[3], 2))
    x = numbers(shape, False, rng)
    pool = getattr(scratch, name)
    dy = rng.normal(size=pool(x, *options).shape)
    expected = scratch.numerical_gradient(
        lambda z: np.sum(dy * pool(z, *options)), x, step=1e-5
    )
    close(getattr(scratch, name + "_backward")(dy, x, *options), expected, 1e-6)


@pytest.mark.parametrize("name", GLOBAL)
@pytest.mark.parametrize("shape", [(2, 3, 4, 2), (1, 1, 1, 3), (3, 1, 5, 1)])
def test_the_global_backward_pass_agrees_with_small_differences(name, shape):
    rng = np.random.default_rng(0)
    x = numbers(shape, False, rng)
    dy = rng.normal(size=(shape[0], shape[3]))
    expected = scratch.numerical_gradient(
        lambda z: np.sum(dy * getattr(scratch, name)(z)), x, step=1e-5
    )
    close(getattr(scratch, name + "_backward")(dy, x), expected, 1e-6)


@given(case=cases())
@_settings
def test_as_much_gradient_comes_out_as_goes_in(case):
    shape, options, equal, rng = case
    x = numbers(shape, equal, rng)
    for name in POOLS:
        dy = rng.normal(size=getattr(scratch, name)(x, *options).shape)
        dx = getattr(scratch, name + "_backward")(dy, x, *options)
        np.testing.assert_allclose(dx.sum(axis=(1, 2)), dy.sum(axis=(1, 2)), atol=1e-12)


def test_one_window_over_everything_is_global_pooling():
    x = np.random.default_rng(0).normal(size=(2, 5, 4, 3))
    for name in POOLS:
        y = getattr(scratch, name)(x, (5, 4))[:, 0, 0]
        np.testing.assert_allclose(y, getattr(scratch, "global_" + name)(x))


def test_many_images_are_pooled_in_blocks():
    # Larger than the block that the fast form works on, and not a multiple of it.
    x = np.random.default_rng(0).normal(size=(7, 60, 70, 16))
    expected = x.reshape(7, 30, 2, 35, 2, 16).max(axis=(2, 4))
    assert (scratch.max_pool(x, 2) == expected).all()


# --- What is promised in words ------------------------------------------------------


def test_the_first_of_equals_in_reading_order_gets_the_gradient():
    x = np.zeros((1, 3, 3, 1))
    dy = np.array([[1.0, 2.0], [3.0, 4.0]])[None, :, :, None]
    dx = scratch.max_pool_backward(dy, x, 2, 1)[0, :, :, 0]
    assert dx.tolist() == [[1, 2, 0], [3, 4, 0], [0, 0, 0]]
    x[0, :, :, 0] = [[1, 5, 0], [5, 0, 0], [0, 0, 0]]
    dx = scratch.max_pool_backward(dy, x, 2, 1)[0, :, :, 0]
    assert dx.tolist() == [[0, 1 + 2, 0], [3, 4, 0], [0, 0, 0]]


def test_a_global_maximum_shares_among_equals():
    x = np.array([[1.0, 4.0], [4.0, 4.0]]).reshape(1, 2, 2, 1)
    dx = scratch.global_max_pool_backward(np.array([[6.0]]), x)[0, :, :, 0]
    assert dx.tolist() == [[0, 2], [2, 2]]


def test_padding_never_wins_and_is_not_counted():
    x = np.full((1, 3, 3, 1), -2.0)
    for padding in ("same", 1, ((1, 0), (0, 1))):
        assert (scratch.max_pool(x, 2, 2, padding) == -2).all()
        assert (scratch.average_pool(x, 2, 2, padding) == -2).all()
        dy = np.ones(scratch.max_pool(x, 2, 2, padding).shape)
        dx = scratch.max_pool_backward(dy, x, 2, 2, padding)
        assert dx.shape == x.shape and dx.sum() == dy.sum()


def test_the_stride_is_the_window_unless_given():
    x = np.random.default_rng(0).normal(size=(1, 9, 8, 2))
    for name in POOLS:
        pool = getattr(scratch, name)
        assert pool(x).shape == (1, 4, 4, 2)
        assert (pool(x, (3, 2)) == pool(x, (3, 2), (3, 2))).all()
        assert pool(x, 3, 1).shape == (1, 7, 6, 2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_is_kept_and_the_input_left_alone(dtype):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 5, 5, 3)).astype(dtype)
    before = x.copy()
    for name in POOLS + GLOBAL:
        y = getattr(scratch, name)(x)
        dy = np.ones_like(y)
        dx = getattr(scratch, name + "_backward")(dy, x)
        assert y.dtype == dx.dtype == np.dtype(dtype), name
        assert dx.shape == x.shape and (dy == 1).all()
        assert not np.shares_memory(dx, x)
    for name in POOLS:
        for padding in ("same", 1):
            pool = getattr(scratch, name)
            assert pool(x, 3, 2, padding).dtype == np.dtype(dtype)
            assert getattr(scratch, name + "_loops")(x, 3, 2, padding).dtype == dtype
    assert (x == before).all()


def test_a_float64_gradient_does_not_change_float32():
    x = np.zeros((1, 4, 4, 1), "float32")
    for name in POOLS + GLOBAL:
        dy = np.ones(getattr(scratch, name)(x).shape)
        dx = getattr(scratch, name + "_backward")(dy, x)
        assert dx.dtype == np.float32, name


# --- Bad input ----------------------------------------------------------------------

X = np.zeros((1, 4, 4, 1))


@pytest.mark.parametrize("name", [*POOLS, *GLOBAL, "max_pool_loops"])
@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (X.astype("uint8"), TypeError, "x must be .*float32.* dtype uint8"),
        (X.tolist(), TypeError, "x must be a NumPy array.*list"),
        (X[0], ValueError, r"x must be .* of shape \(N, H, W, C\)"),
    ],
)
def test_bad_images_are_refused(name, x, error, message):
    with pytest.raises(error, match=message):
        getattr(scratch, name)(x)


@pytest.mark.parametrize("name", [*POOLS, "max_pool_loops", "average_pool_loops"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pool_size": 0}, "pool_size must be a whole number of 1 or more; got 0"),
        ({"pool_size": 1.5}, "pool_size must be .* got 1.5"),
        ({"pool_size": (2, 2, 2)}, r"pool_size must be .* got \(2, 2, 2\)"),
        ({"strides": 0}, "strides must be .* got 0"),
        ({"strides": True}, "strides must be .* got True"),
        ({"pool_size": 5}, "pool_size must be small enough to fit"),
        ({"padding": "full"}, "padding must be one of 'valid', 'same'; got 'full'"),
        ({"padding": -1}, "padding must be .* got -1"),
        (
            {"padding": 2},
            "padding must be less than the windows of .* no pixel at all; got 2",
        ),
        ({"padding": ((0, 2), (0, 0))}, "no pixel at all"),
    ],
)
def test_bad_options_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        getattr(scratch, name)(X, **options)


@pytest.mark.parametrize("name", POOLS)
def test_a_gradient_of_another_shape_is_refused(name):
    backward = getattr(scratch, name + "_backward")
    with pytest.raises(ValueError, match=r"dy must be .* got .*\(1, 1, 2, 1\)"):
        backward(np.ones((1, 1, 2, 1)), X)
    with pytest.raises(TypeError, match=r"dy must be .* dtype int64"):
        backward(np.ones((1, 2, 2, 1), "int64"), X)
    with pytest.raises(TypeError, match=r"x must be .* dtype int64"):
        backward(np.ones((1, 2, 2, 1)), X.astype("int64"))


@pytest.mark.parametrize("name", GLOBAL)
def test_a_global_gradient_of_another_shape_is_refused(name):
    backward = getattr(scratch, name + "_backward")
    with pytest.raises(ValueError, match=r"dy must be .*\(1, 1, 1, 1\)"):
        backward(np.ones((1, 1, 1, 1)), X)
    with pytest.raises(TypeError, match=r"dy must be .*float"):
        backward(1.0, X)
    with pytest.raises(ValueError, match=r"x must be .* of shape \(N, H, W, C\)"):
        backward(np.ones((1, 1)), X[0])
