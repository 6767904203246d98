"""Convolution in NumPy: against Keras, numerical gradients, loops, and bad input."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from imgcls_helpers import backend, scratch

_settings = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

_one_or_two = st.integers(1, 3) | st.tuples(st.integers(1, 3), st.integers(1, 3))
_zeros = st.integers(0, 2)
_paddings = (
    st.sampled_from(["valid", "same"])
    | _zeros
    | st.tuples(st.tuples(_zeros, _zeros), st.tuples(_zeros, _zeros))
)


class Case:
    """Random images, kernel, bias and `dy`, with the options of a convolution."""

    def __init__(self, shape, kernel, options, seed):
        self.rng = np.random.default_rng(seed)
        self.options = options
        groups = options.get("groups", 1)
        n, height, width, channels = shape
        rows, columns, filters = kernel
        self.x = self.normal(n, height, width, channels * groups)
        self.kernel = self.normal(rows, columns, channels, filters * groups)
        self.bias = self.normal(filters * groups)
        try:
            self.y = scratch.conv2d(self.x, self.kernel, self.bias, **options)
        except ValueError as error:
            assert "enough to fit" in str(error)
            self.y = None
        else:
            self.dy = self.normal(*self.y.shape)

    def normal(self, *shape):
        return self.rng.normal(size=shape)

    def as_float32(self):
        for name in ("x", "kernel", "bias", "y", "dy"):
            setattr(self, name, getattr(self, name).astype("float32"))
        return self

    def __repr__(self):
        return f"Case(x {self.x.shape}, kernel {self.kernel.shape}, {self.options})"


@st.composite
def cases(draw, largest=9):
    """Draw a case in which the kernel fits."""
    size = st.integers(1, largest)
    shape = draw(st.integers(1, 3)), draw(size), draw(size), draw(st.integers(1, 3))
    kernel = tuple(draw(st.integers(1, 4)) for _ in range(3))
    options = {
        "strides": draw(_one_or_two),
        "padding": draw(_paddings),
        "dilation": draw(_one_or_two),
        "groups": draw(st.sampled_from([1, 1, 2, 3])),
    }
    case = Case(shape, kernel, options, draw(st.integers(0, 2**32 - 1)))
    assume(case.y is not None)
    return case


def close(ours, theirs, tolerance):
    """Compare relative to the largest magnitude."""
    assert ours.shape == theirs.shape
    scale = max(np.abs(theirs).max(), 1e-3)
    assert np.abs(ours - theirs).max() <= tolerance * scale


# --- Keras ---------------------------------------------------------------------------


def keras_can(case):
    """Whether the installed backend has this combination on a CPU."""
    strided = np.max(case.options["strides"]) > 1
    dilated = np.max(case.options["dilation"]) > 1
    return not (backend.name() == "tensorflow" and strided and dilated)


def keras_conv(x, kernel, options):
    """Do as conv2d does, with Keras; explicit padding through keras.ops.pad."""
    from keras import ops

    padding = options["padding"]
    if not isinstance(padding, str):
        pairs = ((padding,) * 2,) * 2 if isinstance(padding, int) else padding
        x = ops.pad(x, ((0, 0), *pairs, (0, 0)))
        padding = "valid"
    return ops.conv(
        x,
        kernel,
        options["strides"],
        padding,
        data_format="channels_last",
        dilation_rate=options["dilation"],
    )


@settings(_settings, max_examples=20)  # each new shape is compiled
@given(cases())
def test_forward_and_backward_are_those_of_keras(case):
    from keras import ops

    assume(keras_can(case))
    case.as_float32()
    y = ops.convert_to_numpy(keras_conv(case.x, case.kernel, case.options))
    close(scratch.conv2d(case.x, case.kernel, **case.options), y, 1e-5)
    dx, dkernel, dbias = scratch.conv2d_backward(
        case.dy, case.x, case.kernel, **case.options
    )

    def loss(x, kernel):
        return ops.sum(ops.multiply(case.dy, keras_conv(x, kernel, case.options)))

    close(dx, backend.gradient(lambda x: loss(x, case.kernel), case.x), 1e-5)
    close(dkernel, backend.gradient(lambda w: loss(case.x, w), case.kernel), 1e-5)
    close(dbias, case.dy.sum((0, 1, 2)), 1e-5)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_layer_of_keras_with_bias(padding, stride):
    import keras

    rng = np.random.default_rng(stride)
    x = rng.normal(size=(2, 8, 7, 3)).astype("float32")
    layer = keras.layers.Conv2D(4, (3, 2), stride, padding, bias_initializer="normal")
    layer.build(x.shape)
    kernel, bias = layer.get_weights()
    y = scratch.conv2d(x, kernel, bias, strides=stride, padding=padding)
    close(y, keras.ops.convert_to_numpy(layer(x)), 1e-5)


def test_depthwise_convolution_of_keras():
    from keras import ops

    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 6, 7, 3)).astype("float32")
    kernel = rng.normal(size=(3, 3, 3, 2)).astype("float32")  # two for each channel
    theirs = ops.convert_to_numpy(ops.depthwise_conv(x, kernel))
    close(scratch.conv2d(x, kernel.reshape(3, 3, 1, 6), groups=3), theirs, 1e-5)


# --- Numerical gradients -------------------------------------------------------------


@_settings
@given(cases(largest=5))
def test_backward_is_the_numerical_gradient(case):
    assume(case.x.size + case.kernel.size < 250)
    gradients = scratch.conv2d_backward(case.dy, case.x, case.kernel, **case.options)

    def loss(x, kernel, bias):
        return np.sum(case.dy * scratch.conv2d(x, kernel, bias, **case.options))

    x, kernel, bias = case.x, case.kernel, case.bias
    numerical = (
        scratch.numerical_gradient(lambda z: loss(z, kernel, bias), x),
        scratch.numerical_gradient(lambda z: loss(x, z, bias), kernel),
        scratch.numerical_gradient(lambda z: loss(x, kernel, z), bias),
    )
    for ours, theirs in zip(gradients, numerical, strict=True):
        close(ours, theirs, 1e-6)


# --- The plain form and the stages ---------------------------------------------------


@_settings
@given(cases(largest=6), st.sampled_from([1, 800, 800_000]))
def test_the_fast_form_is_the_plain_one(case, block_bytes):
    with pytest.MonkeyPatch.context() as patch:
        # Few bytes: one image, or some, at a time; the last block may be smaller.
        module = "imgcls_helpers.scratch._windows"
        patch.setattr(f"{module}._BLOCK_BYTES", block_bytes)
        y = scratch.conv2d(case.x, case.kernel, case.bias, **case.options)
        fast = scratch.conv2d_backward(case.dy, case.x, case.kernel, **case.options)
    loops = scratch.conv2d_loops(case.x, case.kernel, case.bias, **case.options)
    close(y, loops, 1e-12)
    plain = scratch.conv2d_backward_loops(case.dy, case.x, case.kernel, **case.options)
    for ours, theirs in zip(fast, plain, strict=True):
        close(ours, theirs, 1e-12)


@pytest.mark.parametrize("images", [4, 5, 6])
def test_blocks_of_two_images(images, monkeypatch):
    rng = np.random.default_rng(images)
    x, kernel = rng.normal(size=(images, 5, 5, 2)), rng.normal(size=(3, 3, 2, 4))
    two = 2 * 3 * 3 * 2 * 3 * 3 * x.itemsize  # columns of two images
    monkeypatch.setattr("imgcls_helpers.scratch._windows._BLOCK_BYTES", two)
    y = scratch.conv2d(x, kernel, groups=1)
    close(y, scratch.conv2d_loops(x, kernel), 1e-12)
    dy = rng.normal(size=y.shape)
    for ours, theirs in zip(
        scratch.conv2d_backward(dy, x, kernel),
        scratch.conv2d_backward_loops(dy, x, kernel),
        strict=True,
    ):
        close(ours, theirs, 1e-12)


_STAGES = [
    scratch.conv2d_positions,
    scratch.conv2d_windows,
    scratch.conv2d_im2col,
    scratch.conv2d_fft,
    scratch.conv2d,
]


@pytest.mark.parametrize("stage", _STAGES, ids=lambda f: f.__name__)
@settings(_settings, max_examples=15)
@given(data=st.data())
def test_every_stage_gives_the_same(stage, data):
    size = st.integers(1, 7)
    n, rows, columns, channels, filters = (
        data.draw(st.integers(1, 3)) for _ in "nijcf"
    )
    height, width = rows + data.draw(size) - 1, columns + data.draw(size) - 1
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    x = rng.normal(size=(n, height, width, channels))
    kernel = rng.normal(size=(rows, columns, channels, filters))
    right = scratch.conv2d_loops(x, kernel)
    close(stage(x, kernel), right, 1e-12)
    narrow = stage(x.astype("float32"), kernel.astype("float32"))
    assert narrow.dtype == np.float32
    close(narrow, right, 1e-5)


@pytest.mark.parametrize("size", [2, (2, 3), (3, 1)])
def test_a_row_of_im2col_is_a_window(size):
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 3))
    rows, columns = (size, size) if isinstance(size, int) else size
    found = scratch.im2col(x, size)
    windows = [
        x[n, p : p + rows, q : q + columns].ravel()
        for n in range(2)
        for p in range(4 - rows + 1)
        for q in range(5 - columns + 1)
    ]
    assert np.array_equal(found, windows)


# --- By hand -------------------------------------------------------------------------


def test_a_sum_by_hand():
    x = np.array([[1.0, 1, 5], [1, 1, 5], [1, 1, 1]])[None, :, :, None]
    kernel = np.array([[-1.0, 0, 1]] * 3)[:, :, None, None]
    assert scratch.conv2d(x, kernel, np.array([0.5])).item() == 8.5


def test_a_dot_gives_the_kernel_turned_by_half_a_turn():
    dot = np.zeros((1, 5, 5, 1))
    dot[0, 2, 2] = 1
    kernel = np.arange(9.0).reshape(3, 3)
    y = scratch.conv2d(dot, kernel[:, :, None, None])[0, :, :, 0]
    assert np.array_equal(y, kernel[::-1, ::-1])


# --- Sizes ---------------------------------------------------------------------------


@given(
    st.integers(1, 40),
    st.integers(1, 6),
    st.integers(1, 4),
    st.integers(0, 6),
    st.integers(1, 4),
)
def test_output_size_counts_the_places(size, kernel_size, stride, padding, dilation):
    end = size + padding - dilation * (kernel_size - 1)
    places = range(0, end, stride)
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    if not places:
        with pytest.raises(ValueError, match="enough to fit into"):
            scratch.output_size(size, kernel_size, **options)
    else:
        assert scratch.output_size(size, kernel_size, **options) == len(places)


@given(st.integers(1, 40), st.integers(1, 6), st.integers(1, 4), st.integers(1, 4))
def test_same_padding_gives_size_over_stride(size, kernel_size, stride, dilation):
    options = {"stride": stride, "dilation": dilation}
    before, after = scratch.pad_amounts(size, kernel_size, "same", **options)
    assert 0 <= before <= after <= before + 1
    places = scratch.output_size(size, kernel_size, padding=before + after, **options)
    assert places == -(-size // stride)
    if before + after:  # not one zero more than needed
        span = dilation * (kernel_size - 1) + 1
        assert before + after - 1 + size < span + (places - 1) * stride
    assert scratch.pad_amounts(size, kernel_size, "valid", **options) == (0, 0)


# --- What goes in, what comes out ----------------------------------------------------


@_settings
@given(cases(), st.sampled_from(["float32", "float64"]))
def test_dtype_is_kept_and_arguments_are_not_changed(case, dtype):
    arrays = [a.astype(dtype) for a in (case.x, case.kernel, case.bias, case.dy)]
    x, kernel, bias, dy = arrays
    before = [a.copy() for a in arrays]
    options = case.options
    results = [
        scratch.conv2d(x, kernel, bias, **options),
        *scratch.conv2d_backward(dy, x, kernel, **options),
    ]
    assert [r.dtype for r in results] == [np.dtype(dtype)] * 4
    assert [r.shape for r in results] == [dy.shape, x.shape, kernel.shape, bias.shape]
    for array, copy in zip(arrays, before, strict=True):
        assert np.array_equal(array, copy)
    for result in results:  # no view of an argument
        assert not any(np.shares_memory(result, array) for array in arrays)


@pytest.mark.parametrize("loops", [False, True])
def test_dtype_of_the_plain_form(loops):
    forward = scratch.conv2d_loops if loops else scratch.conv2d
    backward = scratch.conv2d_backward_loops if loops else scratch.conv2d_backward
    x, kernel = np.ones((1, 3, 3, 1), "float32"), np.ones((2, 2, 1, 1), "float32")
    y = forward(x, kernel, np.ones(1, "float32"))
    assert y.dtype == np.float32
    assert [g.dtype for g in backward(y, x, kernel)] == [np.dtype("float32")] * 3


def test_arrays_in_any_order_of_memory():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 5, 6, 2)).transpose(0, 2, 1, 3)[:, ::-1]
    kernel = rng.normal(size=(4, 2, 3, 3)).transpose(2, 3, 1, 0)
    close(scratch.conv2d(x, kernel), scratch.conv2d_loops(x, kernel), 1e-12)
    dy = rng.normal(size=(4, 4, 3, 3)).transpose(2, 0, 3, 1)
    for ours, theirs in zip(
        scratch.conv2d_backward(dy, x, kernel),
        scratch.conv2d_backward_loops(dy, x, kernel),
        strict=True,
    ):
        close(ours, theirs, 1e-12)


def test_a_number_of_padding_goes_on_every_side():
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(1, 4, 5, 1)), rng.normal(size=(3, 3, 1, 1))
    one = scratch.conv2d(x, kernel, padding=2)
    assert np.array_equal(one, scratch.conv2d(x, kernel, padding=((2, 2), (2, 2))))
    assert one.shape == (1, 6, 7, 1)


# --- Errors --------------------------------------------------------------------------

X = np.ones((2, 4, 5, 4))
KERNEL = np.ones((3, 2, 4, 6))
BIAS = np.ones(6)
ERRORS = [
    ({"x": [[1.0]]}, TypeError, r"x must be a NumPy array .* got \[\[1.0\]\] \(list\)"),
    (
        {"x": X.astype("uint8")},
        TypeError,
        "x must be .* dtype uint8.* scaled too: .* / 255",
    ),
    ({"x": X[0]}, ValueError, r"shape \(N, H, W, C\); got .* \(4, 5, 4\).*x\[None\]"),
    ({"kernel": KERNEL[0]}, ValueError, r"kernel must be of shape \(rows, .* got"),
    ({"kernel": KERNEL.astype(int)}, TypeError, "kernel must be .* dtype int64"),
    (
        {"kernel": KERNEL[:, :, :3]},
        ValueError,
        "x must be of 3 channels, as a kernel .* has 4",
    ),
    (
        {"groups": 3},
        ValueError,
        r"groups must be a divisor .*\(4\).*filters \(6\); got 3",
    ),
    ({"groups": 4}, ValueError, "groups must be a divisor .* got 4"),
    ({"groups": 0}, ValueError, "groups must be a whole number of 1 or more; got 0"),
    ({"groups": 2}, ValueError, "x must be of 8 channels.* in 2 groups.* has 4"),
    ({"bias": np.ones(5)}, ValueError, r"bias must be of shape \(6,\).* got .*\(5,\)"),
    ({"bias": np.ones((1, 6))}, ValueError, r"bias must be .*shape \(1, 6\)"),
    ({"bias": np.ones(6, int)}, TypeError, "bias must be .* dtype int64"),
    ({"strides": 0}, ValueError, "strides must be a whole number of 1 or more; got 0"),
    ({"strides": 1.5}, ValueError, "strides must be a whole number .* got 1.5"),
    (
        {"strides": (1, 2, 3)},
        ValueError,
        r"strides must be one .*or two.* got \(1, 2, 3\)",
    ),
    ({"strides": True}, ValueError, "strides must be .* got True"),
    (
        {"dilation": 0},
        ValueError,
        "dilation must be a whole number of 1 or more; got 0",
    ),
    (
        {"padding": "full"},
        ValueError,
        "padding must be one of 'valid', 'same'; got 'full'",
    ),
    ({"padding": (1, 2)}, ValueError, r"padding must be 'valid', .* got \(1, 2\)"),
    (
        {"padding": (1, 2, 3)},
        ValueError,
        r"padding must be 'valid', .* got \(1, 2, 3\)",
    ),
    (
        {"padding": ((0, 1), (1,))},
        ValueError,
        "padding must be 'valid', 'same', a whole",
    ),
    ({"groups": 1.0}, ValueError, "groups must be a whole number .* got 1.0"),
    (
        {"padding": -1},
        ValueError,
        "padding must be a whole number of 0 or more; got -1",
    ),
    (
        {"padding": ((0, 1), (1, -1))},
        ValueError,
        r"padding must be .* 0 or more; got -1",
    ),
    (
        {"dilation": 2},
        ValueError,
        r"must be small enough to fit into 4 \+ 0 .* spans 5",
    ),
]


@pytest.mark.parametrize("forward", [scratch.conv2d, scratch.conv2d_loops])
@pytest.mark.parametrize(("change", "error", "message"), ERRORS)
def test_what_does_not_fit_is_refused(forward, change, error, message):
    arguments = {"x": X, "kernel": KERNEL, "bias": BIAS, **change}
    with pytest.raises(error, match=message):
        forward(**arguments)


@pytest.mark.parametrize(
    "backward", [scratch.conv2d_backward, scratch.conv2d_backward_loops]
)
@pytest.mark.parametrize(
    ("change", "error", "message"), [row for row in ERRORS if "bias" not in row[0]]
)
def test_backward_refuses_the_same(backward, change, error, message):
    with pytest.raises(error, match=message):
        backward(**{"dy": np.ones((2, 2, 4, 6)), "x": X, "kernel": KERNEL, **change})


@pytest.mark.parametrize(
    "backward", [scratch.conv2d_backward, scratch.conv2d_backward_loops]
)
@pytest.mark.parametrize(
    ("dy", "error", "message"),
    [
        (np.ones((2, 4, 2, 6)), ValueError, r"dy must be of shape \(2, 2, 4, 6\)"),
        (np.ones((1, 2, 4, 6)), ValueError, "the shape of the result"),
        (np.ones((2, 2, 4, 6), int), TypeError, "dy must be .* dtype int64"),
    ],
)
def test_backward_refuses_another_dy(backward, dy, error, message):
    with pytest.raises(error, match=message):
        backward(dy, X, KERNEL)


def test_im2col_and_pad_amounts_refuse_too():
    with pytest.raises(ValueError, match="enough to fit into 4"):
        scratch.im2col(X, (5, 1))
    with pytest.raises(ValueError, match=r"kernel_size must be .* got 0"):
        scratch.im2col(X, 0)
    with pytest.raises(TypeError, match=r"x must be .* dtype int64"):
        scratch.im2col(X.astype(int), 2)
    with pytest.raises(ValueError, match=r"padding must be .* got 'full'"):
        scratch.pad_amounts(4, 3, "full")


@pytest.mark.parametrize("stage", _STAGES, ids=lambda f: f.__name__)
def test_every_stage_refuses_other_channels(stage):
    with pytest.raises(ValueError, match="x must be of 3 channels"):
        stage(X, KERNEL[:, :, :3])


@pytest.mark.parametrize(
    "form", [scratch.conv2d, scratch.conv2d_loops, scratch.conv2d_fft]
)
def test_two_dtypes_give_the_wider_one(form):
    x, kernel = np.ones((1, 3, 3, 1), "float32"), np.ones((2, 2, 1, 1))
    assert form(x, kernel).dtype == np.float64
    assert form(x, kernel.astype("float32")).dtype == np.float32


def test_a_bias_does_not_change_the_dtype():
    x, kernel = np.ones((1, 3, 3, 1), "float32"), np.ones((2, 2, 1, 1), "float32")
    for form in (scratch.conv2d, scratch.conv2d_loops):
        assert form(x, kernel, np.ones(1)).dtype == np.float32
