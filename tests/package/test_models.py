"""Models: programs as printed and mended, and the fast net with its whitening stem."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcls_helpers import backend, models, runtime, scratch

import keras  # isort: skip  # after the package, which picks the backend

PROGRAMS = models.PROGRAMS
SIZES = {
    "cifar10_two_convolutions": 167_562,
    "mnist_two_convolutions": 121_930,
    "cifar10_three_convolutions": 122_570,
    "large_images": 23_908_682,
}


def numbers_of(tensor):
    return keras.ops.convert_to_numpy(tensor)


def pictures(n, shape=(32, 32, 3), seed=0):
    """Return smooth uint8 images: neighbouring pixels resemble each other."""
    rng = np.random.default_rng(seed)
    h, w, c = shape
    coarse = rng.integers(0, 256, (n, -(-h // 4), -(-w // 4), c))
    fine = coarse.repeat(4, axis=1).repeat(4, axis=2)[:, :h, :w]
    noise = rng.integers(-40, 41, fine.shape)
    return np.clip(fine + noise, 0, 255).astype(np.uint8)


# --- Programs -----------------------------------------------------------------------


def parameters_by_hand(program):
    height, width, channels = program.input_shape
    total = 0
    for i, filters in enumerate(program.filters):
        total += 3 * 3 * channels * filters + filters
        height, width, channels = height - 2, width - 2, filters
        if program.pool_last or i < len(program.filters) - 1:
            height, width = height // 2, width // 2
    total += height * width * channels * program.dense + program.dense
    return total + program.dense * 10 + 10


def test_every_program_is_here():
    assert set(PROGRAMS) == set(SIZES)
    for program in PROGRAMS.values():
        assert program.title and len(program.faults) >= 3
        assert program.epochs == 10
    batch_sizes = {name: program.batch_size for name, program in PROGRAMS.items()}
    assert batch_sizes.pop("cifar10_two_convolutions") == 128
    assert set(batch_sizes.values()) == {32}


@pytest.fixture(scope="module", params=list(PROGRAMS))
def written(request):
    """Return a program and its model as printed, before any step."""
    runtime.set_seed(0)
    return request.param, PROGRAMS[request.param].as_written()


def test_program_as_printed(written):
    name, model = written
    program = PROGRAMS[name]
    assert model.count_params() == SIZES[name] == parameters_by_hand(program)
    assert model.input_shape == (None, *program.input_shape)
    assert model.layers[-1].activation is keras.activations.softmax
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    assert not any(isinstance(x, keras.layers.Rescaling) for x in model.layers)
    kinds = [type(layer).__name__ for layer in model.layers]
    count = len(program.filters)
    assert kinds.count("Conv2D") == count
    assert kinds.count("MaxPooling2D") == count - (not program.pool_last)
    assert kinds[-3:] == ["Flatten", "Dense", "Dense"]


def test_program_as_printed_trains_a_step(written):
    name, model = written
    program = PROGRAMS[name]
    n = 1 if name == "large_images" else 2
    images = pictures(n, program.input_shape).astype("float32") / 255
    labels = np.arange(n)
    if program.loss == "categorical_crossentropy":
        labels = np.eye(10, dtype="float32")[labels]
    probabilities = numbers_of(model(images[:1]))
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    before = numbers_of(model.layers[-1].kernel).copy()
    model.run_eagerly = True  # one step: not worth compiling
    loss, _ = model.train_on_batch(images, labels)
    assert np.isfinite(loss)
    assert not np.array_equal(before, numbers_of(model.layers[-1].kernel))


def test_only_one_program_says_from_logits():
    # Its output is a softmax, so this is a fault, kept as printed.
    said = {
        name: getattr(program.as_written().loss, "from_logits", False)
        for name, program in PROGRAMS.items()
        if name != "large_images"
    }
    said["large_images"] = PROGRAMS["large_images"].from_logits
    assert [name for name, value in said.items() if value] == [
        "cifar10_three_convolutions"
    ]


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_mended(name):
    program = PROGRAMS[name]
    model = program.mended()
    images = pictures(2, program.input_shape)
    logits = numbers_of(model(images))
    assert logits.shape == (2, 10)
    assert not np.allclose(logits.sum(axis=1), 1)
    assert model.loss.from_logits
    assert model.layers[-1].activation is keras.activations.linear
    if name == "large_images":
        assert model.count_params() < 50_000
    else:
        assert model.count_params() == SIZES[name]
    # Scaling is inside: the same weights on scaled floats give the same numbers.
    inner = keras.Sequential(model.layers[1:])
    assert np.allclose(logits, numbers_of(inner(images / np.float32(255))), atol=1e-4)


def test_mended_program_trains_a_step():
    model = PROGRAMS["mnist_two_convolutions"].mended()
    model.run_eagerly = True
    loss, _ = model.train_on_batch(pictures(8, (28, 28, 1)), np.arange(8))
    assert 1 < loss < 4


# --- The network of the tutorial ----------------------------------------------------


@pytest.mark.parametrize("pool_last", [True, False])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_smallest_image_of_the_tutorial_network(count, pool_last):
    filters = (2,) * count
    smallest = models._smallest(count - (not pool_last), last_convolution=not pool_last)
    made = models.tutorial_cnn(
        (smallest, smallest, 1), 3, filters=filters, dense=2, pool_last=pool_last
    )
    assert numbers_of(made(pictures(1, (smallest, smallest, 1)))).shape == (1, 3)
    with pytest.raises(ValueError, match=f"at least {smallest}x{smallest} pixels"):
        models.tutorial_cnn(
            (smallest, smallest - 1, 1), filters=filters, pool_last=pool_last
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (32, 32)}, "A grey image has one channel"),
        ({"input_shape": 32}, r"\(height, width, channels\).*; got 32"),
        ({"input_shape": "323"}, "must be"),
        ({"input_shape": None}, "must be"),
        ({"input_shape": (32, 32, 0)}, "a whole number of 1 or more"),
        ({"input_shape": (32, 32.5, 3)}, "a whole number of 1 or more"),
        ({"input_shape": (32, True, 3)}, "a whole number of 1 or more"),
        ({"input_shape": (9, 32, 3)}, "at least 10x10 pixels"),
        ({"classes": 1}, "classes must be a whole number of 2 or more; got 1"),
        ({"classes": True}, "classes must be"),
        ({"classes": 2.5}, "classes must be"),
        ({"filters": ()}, "a number for each convolution"),
        ({"filters": 32}, r"such as \(32, 64\); got 32"),
        ({"filters": (32, 0)}, "each of filters must be"),
        ({"dense": 0}, "dense must be"),
    ],
)
def test_what_the_tutorial_network_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        models.tutorial_cnn(**arguments)


# --- Whitening ----------------------------------------------------------------------


def patches_of(images, size):
    """Return every second patch, as `whitening_filters` takes them, in a loop."""
    h, w = images.shape[1:3]
    found = [
        image[y : y + size, x : x + size].reshape(-1)
        for image in images.astype(np.float64) / 255
        for y in range(0, h - size + 1, 2)
        for x in range(0, w - size + 1, 2)
    ]
    return np.array(found)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 6),
    height=st.integers(4, 12),
    width=st.integers(4, 12),
    channels=st.sampled_from([1, 2, 3]),
    size=st.integers(1, 4),
    pairs=st.integers(1, 48),
    epsilon=st.floats(0.001, 0.1),
    seed=st.integers(0, 2**31),
)
def test_filters_whiten(n, height, width, channels, size, pairs, epsilon, seed):
    dimensions = size * size * channels
    pairs = min(pairs, dimensions)
    images = pictures(n, (height, width, channels), seed)
    kernel, bias = models.whitening_filters(
        images, 2 * pairs, size=size, epsilon=epsilon
    )
    assert kernel.shape == (size, size, channels, 2 * pairs)
    assert kernel.dtype == bias.dtype == np.float32
    patches = patches_of(images, size)
    outputs = patches @ kernel.reshape(dimensions, -1).astype(np.float64) + bias
    assert np.abs(outputs.mean(axis=0)).max() < 1e-4
    assert np.allclose(outputs[:, :pairs], -outputs[:, pairs:], atol=1e-5)
    covariance = np.atleast_2d(np.cov(patches.T, bias=True))
    values = np.maximum(np.linalg.eigvalsh(covariance)[::-1][:pairs], 0)
    got = np.atleast_2d(np.cov(outputs[:, :pairs].T, bias=True))
    assert np.allclose(got, np.diag(values / (values + epsilon)), atol=1e-4)


def test_filters_on_equal_images_stay_finite():
    kernel, bias = models.whitening_filters(np.full((3, 8, 8, 3), 77, np.uint8), 96)
    assert np.isfinite(kernel).all() and np.isfinite(bias).all()
    assert np.abs(kernel).max() <= 10.0001  # 1 / sqrt(epsilon)


def test_few_of_many_images_are_used_evenly(monkeypatch):
    seen = []
    cov = np.cov
    monkeypatch.setattr(
        np, "cov", lambda x, **kw: seen.append(x.shape[1]) or cov(x, **kw)
    )
    images = np.zeros((4500, 8, 8, 1), np.uint8)
    images[1::3] = 255  # not among images 0, 3, 6 ...
    kernel, _ = models.whitening_filters(images, 2)
    assert seen == [1500 * 9]
    assert np.allclose(np.abs(kernel).max(), 10, atol=3)  # nothing but equal patches
    # Of images four times as large in area, a quarter.
    models.whitening_filters(np.zeros((1000, 64, 64, 1), np.uint8), 2)
    assert seen[-1] == 500 * 31 * 31


@pytest.mark.parametrize(
    ("images", "arguments", "error", "message"),
    [
        (np.zeros((2, 8, 8, 1)), {}, TypeError, "dtype float64"),
        ([[1]], {}, TypeError, r"\(list\)"),
        (np.zeros((8, 8, 1), np.uint8), {}, ValueError, r"shape \(8, 8, 1\)"),
        (np.zeros((0, 8, 8, 1), np.uint8), {}, ValueError, "There are none"),
        (np.zeros((2, 3, 8, 1), np.uint8), {}, ValueError, "at least 4"),
        (np.zeros((2, 8, 8, 1), np.uint8), {"count": 3}, ValueError, "even"),
        (np.zeros((2, 8, 8, 1), np.uint8), {"count": 0}, ValueError, "count must be"),
        (np.zeros((2, 8, 8, 1), np.uint8), {"count": 34}, ValueError, "from 2 to 32"),
        (np.zeros((2, 8, 8, 1), np.uint8), {"size": 0}, ValueError, "size must be"),
        (np.zeros((2, 8, 8, 1), np.uint8), {"epsilon": 0}, ValueError, "epsilon"),
        (np.zeros((2, 8, 8, 1), np.uint8), {"epsilon": np.nan}, ValueError, "epsilon"),
    ],
)
def test_what_whitening_refuses(images, arguments, error, message):
    with pytest.raises(error, match=message):
        models.whitening_filters(images, **{"count": 8, **arguments})


# --- The fast net -------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape", [(32, 32, 3), (28, 28, 1), (8, 8, 1), (9, 21, 3), (40, 11, 2)]
)
def test_stem_of_the_fast_net(shape):
    images = pictures(12, shape)
    model = models.fast_net(shape, 7, width=8, images=images)
    logits = numbers_of(model(images[:3]))
    assert logits.shape == (3, 7) and logits.dtype == np.float32
    assert np.isfinite(logits).all()
    stem = model.get_layer("stem")
    kernel, bias = models.whitening_filters(images, 16)
    assert not stem.trainable and not stem.trainable_variables
    scaled = images[:3].astype(np.float32) / 255
    expected = scratch.conv2d(scaled, kernel, bias, strides=2, padding="same")
    assert np.allclose(numbers_of(stem(scaled)), expected, atol=1e-4)


def test_fast_net_by_hand():
    # Stem 4*4*3*32+32; convolutions 3*3*32*32, 3*3*32*64, 3*3*64*64 without biases;
    # normalization with beta, mean and variance each; 64*10+10.
    model = models.fast_net(width=16)
    stem, convolutions = 4 * 4 * 3 * 32 + 32, 9 * (32 * 32 + 32 * 64 + 64 * 64)
    assert model.count_params() == stem + convolutions + 3 * 160 + 64 * 10 + 10
    assert model.get_layer("stem").trainable
    kinds = [type(layer).__name__ for layer in model.layers]
    first = kinds.index("Conv2D", kinds.index("Conv2D") + 1)
    assert kinds[first : first + 4] == [
        "Conv2D",
        "MaxPooling2D",
        "BatchNormalization",
        "Activation",
    ]
    assert kinds[0] == "Rescaling" and kinds[-2] == "GlobalMaxPooling2D"


def test_grey_stem_has_no_more_filters_than_patterns():
    model = models.fast_net((8, 8, 1), width=64, images=pictures(30, (8, 8, 1)))
    assert model.get_layer("stem").filters == 32


def test_mixed_precision_gives_float32_logits():
    images = pictures(4)
    runtime.set_seed(0)
    mixed = models.fast_net(width=8, images=images, dtype="mixed_bfloat16")
    runtime.set_seed(0)
    plain = models.fast_net(width=8, images=images)
    assert mixed.get_layer("stem").compute_dtype == "bfloat16"
    logits = mixed(images)
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    logits, exact = numbers_of(logits), numbers_of(plain(images))
    assert not np.array_equal(logits, exact)
    assert np.abs(logits - exact).max() < 0.1 * np.abs(exact).max()
    assert all(str(v.dtype) == "float32" for v in mixed.trainable_variables)


@pytest.mark.parametrize(
    ("dtype", "processor", "gpu", "told"),
    [
        ("mixed_bfloat16", "fpu avx2", None, True),
        ("mixed_bfloat16", "fpu avx2", "H200", False),
        ("mixed_bfloat16", "avx512f avx512_bf16", None, False),
        ("mixed_bfloat16", "amx_bf16", None, False),
        ("mixed_bfloat16", "asimd bf16", None, False),
        ("mixed_bfloat16", "", None, False),  # not known, as on other systems
        ("mixed_float16", "f16c avx512_bf16", None, True),
        ("mixed_float16", "avx512_fp16", None, False),
        ("float32", "fpu", None, False),
        (None, "fpu", None, False),
    ],
)
def test_a_precision_that_is_only_imitated_is_said_once(
    monkeypatch, recwarn, dtype, processor, gpu, told
):
    monkeypatch.setattr(backend, "_told", set())
    monkeypatch.setattr(backend, "_processor", lambda: frozenset(processor.split()))
    monkeypatch.setattr(backend, "accelerator", lambda: gpu)
    for _ in range(2):
        models.fast_net((8, 8, 1), width=4, dtype=dtype)
    found = [w for w in recwarn if "imitates" in str(w.message)]
    assert len(found) == told
    for warning in found:
        name = dtype.removeprefix("mixed_")
        assert f"computes in {name}." in str(warning.message)
        assert warning.category is UserWarning and warning.filename == __file__


def test_the_processor_says_what_it_can_do():
    backend._processor.cache_clear()
    found = backend._processor()
    here = Path("/proc/cpuinfo")
    if not here.is_file():
        assert found == frozenset()
        return
    text = here.read_text()
    assert found and all(re.search(rf"\b{flag}\b", text) for flag in found)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"input_shape": (7, 32, 3)}, ValueError, "at least 8x8 pixels"),
        ({"input_shape": (32, 32)}, ValueError, "A grey image"),
        ({"classes": 1}, ValueError, "classes must be"),
        ({"width": 0}, ValueError, "width must be a whole number of 1 or more"),
        ({"images": np.zeros((2, 32, 32, 3))}, TypeError, "uint8 array"),
        ({"images": [0, 1]}, TypeError, r"\(list\)"),
        (
            {"images": np.zeros((2, 32, 32, 1), np.uint8)},
            ValueError,
            re.escape("(N, 32, 32, 3)"),
        ),
        ({"images": np.zeros((0, 32, 32, 3), np.uint8)}, ValueError, "There are none"),
    ],
)
def test_what_the_fast_net_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        models.fast_net(**arguments)


def test_same_seed_same_weights():
    made = []
    for seed in (3, 3, 4):
        runtime.set_seed(seed)
        made.append(models.fast_net((8, 8, 1), width=4).get_weights())
    first, again, other = (np.concatenate([w.ravel() for w in m]) for m in made)
    assert np.array_equal(first, again) and not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("sse2 avx2 avx512f avx512_bf16 amx_bf16", "AVX-512, bfloat16"),
        ("sse2 avx2", "AVX2"),
        ("fp asimd asimdhp bf16", "NEON, bfloat16, float16"),
        ("", ""),
    ],
)
def test_the_instructions_of_a_processor_in_words(monkeypatch, flags, words):
    monkeypatch.setattr(backend, "_processor", lambda: frozenset(flags.split()))
    monkeypatch.setattr(backend, "accelerator", lambda: None)
    assert backend.instructions() == words
    assert runtime.device().endswith(words)
