"""The network in NumPy: against Keras, numerical gradients, and bad input."""

import math

import numpy as np
import pytest

from imgcls_helpers import backend, data, scratch

CRITERION = scratch.SparseCategoricalCrossentropy(from_logits=True)
SHAPE = (8, 8, 1)


def plain(lib):
    """Two convolutions without corners, where rounding errors stay small."""
    return [
        lib.Rescaling(1 / 255),
        lib.Conv2D(4, 3, padding="same"),
        lib.Activation("tanh"),
        lib.AveragePooling2D(2),
        lib.Conv2D(6, 3, strides=2),
        lib.Activation("sigmoid"),
        lib.Flatten(),
        lib.Dense(10),
    ]


def every_layer(lib):
    return [
        lib.Rescaling(1 / 128, -1.0),
        lib.Conv2D(6, 3, padding="same", use_bias=False),
        lib.BatchNormalization(momentum=0.8),
        lib.Activation("gelu"),
        lib.MaxPooling2D(2, 1),
        lib.Conv2D(4, 2, groups=2, dilation_rate=2),
        lib.Activation("relu"),
        lib.AveragePooling2D(2, padding="same"),
        lib.Conv2D(8, 1, strides=1),
        lib.BatchNormalization(),
        lib.Activation("tanh"),
        lib.GlobalAveragePooling2D(),
        lib.Dropout(0.0),
        lib.Dense(12),
        lib.Activation("sigmoid"),
        lib.Dense(10, use_bias=False),
        lib.Activation("softmax"),
    ]


STACKS = [plain, every_layer]


def scrambled(network, seed=0):
    """Give every weight its own value, also biases and moving averages."""
    rng = np.random.default_rng(seed)
    network.set_weights(
        [
            np.abs(w + rng.uniform(0, 0.3, w.shape))
            if (w == 1).all()
            else w + rng.normal(0, 0.1, w.shape)
            for w in network.get_weights()
        ]
    )
    return network


def make(stack, dtype="float32", seed=0):
    return scrambled(scratch.Network(stack(scratch), SHAPE, seed=seed, dtype=dtype))


def in_keras(stack, network):
    import keras

    model = keras.Sequential([keras.Input(SHAPE), *stack(keras.layers)])
    model.set_weights(network.get_weights())
    return model


def batch(n=16, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, *SHAPE), dtype=np.uint8), rng.integers(0, 10, n)


def loss_for(stack):
    return scratch.SparseCategoricalCrossentropy(from_logits=stack is plain)


def keras_loss_for(stack):
    import keras

    return keras.losses.SparseCategoricalCrossentropy(from_logits=stack is plain)


stacks = pytest.mark.parametrize("stack", STACKS)


# --- Against Keras ------------------------------------------------------------------


@stacks
def test_weights_lie_in_the_order_of_keras(stack):
    network = make(stack)
    model = in_keras(stack, network)
    assert network.count_params() == model.count_params()
    ours, theirs = network.get_weights(), model.get_weights()
    assert [w.shape for w in ours] == [w.shape for w in theirs]
    trained = [w.shape for w in network.trainable_weights]
    assert trained == [tuple(w.shape) for w in model.trainable_weights]
    names = [name for layer in network.layers for name in layer.weights]
    assert names == [w.name for w in model.weights if "seed" not in w.name]
    # And back: what Keras learned, the network can take over.
    changed = [w + np.float32(0.01) for w in theirs]
    network.set_weights(changed)
    for one, other in zip(network.get_weights(), changed, strict=True):
        np.testing.assert_array_equal(one, other)


@stacks
def test_results_and_gradients_are_those_of_keras(stack):
    import keras

    network = make(stack)
    model = in_keras(stack, network)
    x, y = batch()
    before = x.copy()
    theirs = model.predict(x, verbose=0)
    np.testing.assert_allclose(network.predict(x), theirs, rtol=1e-5, atol=1e-6)
    trained = [w.value for w in model.trainable_variables]
    fixed = [w.value for w in model.non_trainable_variables]
    criterion = keras_loss_for(stack)

    def loss_with(i, w):
        weights = [*trained[:i], w, *trained[i + 1 :]]
        result, _ = model.stateless_call(
            weights, fixed, x.astype("float32"), training=True
        )
        return criterion(y, result)

    value, gradients = network.loss_and_gradients(x, y, loss_for(stack))
    start = [w.copy() for w in network.trainable_weights]
    assert value == pytest.approx(
        float(keras.ops.convert_to_numpy(loss_with(0, trained[0]))), rel=1e-5
    )
    largest = max(np.abs(g).max() for g in gradients)
    for i, gradient in enumerate(gradients):
        assert gradient.dtype == np.float32
        other = backend.gradient(lambda w, i=i: loss_with(i, w), start[i])
        assert np.abs(gradient - other).max() <= 1e-5 * largest
    assert (x == before).all()


@pytest.mark.parametrize("class_weight", [None, [1, 2, 0.5, 1, 3, 1, 1, 0.1, 1, 1]])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
        ("Adam", {"learning_rate": 0.003}),
    ],
)
def test_training_is_that_of_keras(name, options, class_weight):
    import keras

    network = make(plain)
    model = in_keras(plain, network)
    x, y = batch(90)
    held = batch(20, seed=1)
    ours = network.fit(
        x,
        y,
        loss=CRITERION,
        optimizer=getattr(scratch, name)(**options),
        epochs=3,
        batch_size=32,  # the last batch is smaller
        validation_data=held,
        class_weight=class_weight,
        shuffle=False,
    )
    model.compile(
        getattr(keras.optimizers, name)(**options),
        keras_loss_for(plain),
        metrics=["accuracy"],
    )
    theirs = model.fit(
        x,
        y,
        epochs=3,
        batch_size=32,
        validation_data=held,
        class_weight=class_weight and dict(enumerate(class_weight)),
        shuffle=False,
        verbose=0,
    ).history
    assert set(ours) == set(theirs)
    for key, values in theirs.items():
        np.testing.assert_allclose(ours[key], values, rtol=2e-5, err_msg=key)
    for one, other in zip(network.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    judged = network.evaluate(*held, CRITERION)
    value, accuracy = model.evaluate(*held, verbose=0)
    assert judged["loss"] == pytest.approx(value, rel=1e-5)
    assert judged["accuracy"] == pytest.approx(accuracy)


def test_batch_normalization_trains_and_judges_as_in_keras():
    import keras

    def stack(lib):
        return [
            lib.Rescaling(1 / 255),
            lib.Flatten(),
            lib.Dense(20),
            lib.BatchNormalization(momentum=0.9),
            lib.Activation("tanh"),
            lib.Dense(10),
        ]

    network = make(stack)
    model = in_keras(stack, network)
    x, y = batch(128)
    sgd = scratch.SGD(0.1)
    ours = network.fit(
        x, y, loss=CRITERION, optimizer=sgd, epochs=4, shuffle=False,
        validation_data=(x, y),
    )  # fmt: skip
    model.compile(keras.optimizers.SGD(0.1), keras_loss_for(plain))
    theirs = model.fit(
        x, y, epochs=4, shuffle=False, validation_data=(x, y), verbose=0
    ).history
    np.testing.assert_allclose(ours["loss"], theirs["loss"], rtol=1e-5)
    np.testing.assert_allclose(ours["val_loss"], theirs["val_loss"], rtol=1e-5)
    for one, other in zip(network.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


# --- Numerical gradients ------------------------------------------------------------


@stacks
@pytest.mark.parametrize("training", [False, True])
def test_all_gradients_are_the_slopes_of_the_loss(stack, training):
    network, loss = make(stack, "float64"), loss_for(stack)
    x, y = batch(4)
    weights = np.array([1.0, 0.5, 2.0, 0.0])
    kept = network.get_weights()

    def value_with(array, values):
        network.set_weights(kept)
        array[...] = values
        return loss(y, network.forward(x, training), weights)

    _, gradients = network.loss_and_gradients(
        x, y, loss, sample_weight=weights, training=training
    )
    gradients = [g.copy() for g in gradients]
    for array, gradient in zip(network.trainable_weights, gradients, strict=True):
        tried = scratch.numerical_gradient(
            lambda values, array=array: value_with(array, values), array.copy()
        )
        assert gradient.dtype == np.float64
        assert np.abs(tried - gradient).max() <= 1e-6 * max(1, np.abs(tried).max())


def test_backward_returns_the_slope_at_the_image():
    network = make(plain, "float64")
    x, y = batch(2)
    x = x.astype("float64")
    dx = network.backward(CRITERION.gradient(y, network.forward(x)))
    tried = scratch.numerical_gradient(lambda v: CRITERION(y, network.forward(v)), x)
    np.testing.assert_allclose(dx, tried, atol=1e-8)


# --- Training -----------------------------------------------------------------------


def reader(seed):
    """Three convolutions; about as many parameters as LeNet-5."""

    def conv(filters):
        return [
            scratch.Conv2D(filters, 3, padding="same", use_bias=False),
            scratch.BatchNormalization(momentum=0.9),
            scratch.Activation("relu"),
        ]

    def dense(units):
        return [
            scratch.Dense(units),
            scratch.BatchNormalization(momentum=0.9),
            scratch.Activation("relu"),
        ]

    return scratch.Network(
        [
            scratch.Rescaling(1 / 255),
            *conv(16),
            *conv(32),
            scratch.MaxPooling2D(2),
            *conv(56),
            scratch.MaxPooling2D(2),
            scratch.Flatten(),
            scratch.Dropout(0.3),
            *dense(120),
            *dense(84),
            scratch.Dense(10),
        ],
        SHAPE,
        seed=seed,
    )


def test_a_network_of_the_size_of_lenet_reads_the_digits():
    digits = data.load_dataset("digits", validation=0)
    network, epochs = reader(0), 8
    assert 55_000 < network.count_params() < 65_000
    steps = epochs * math.ceil(len(digits.train) / 32)
    history = network.fit(
        digits.train.images,
        digits.train.labels,
        loss=CRITERION,
        optimizer=scratch.Adam(scratch.CosineDecay(0.005, steps)),
        epochs=epochs,
    )
    assert history["loss"][-1] < 0.1 * history["loss"][0]
    judged = network.evaluate(digits.test.images, digits.test.labels, CRITERION)
    assert judged["accuracy"] >= 0.98


def small(seed=0, **options):
    return scratch.Network(
        [
            scratch.Rescaling(1 / 255),
            scratch.Flatten(),
            scratch.Dense(8),
            scratch.Activation("relu"),
            scratch.Dropout(0.5),
            scratch.Dense(10),
        ],
        SHAPE,
        seed=seed,
        **options,
    )


def fitted(network, **options):
    x, y = batch(40)
    options = {"loss": CRITERION, "optimizer": scratch.SGD(0.1), **options}
    return network.fit(x, y, **options)


def test_the_same_seeds_give_the_same_weights():
    one, two, other = small(), small(), small()
    fitted(one, epochs=2, seed=3)
    fitted(two, epochs=2, seed=3)
    fitted(other, epochs=2, seed=4)
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        assert (a == b).all()
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    assert any((a != b).any() for a, b in pairs)
    assert (small(1).get_weights()[0] != small(2).get_weights()[0]).any()


def test_shuffling_draws_a_new_order_for_each_epoch():
    network, seen = small(), []
    forward = network.forward

    def recording(x, training=False):
        seen.append(x[:, 0, 0, 0].tolist())
        return forward(x, training)

    network.forward = recording
    fitted(network, epochs=2, batch_size=100)
    first, second = seen
    assert first != second
    assert sorted(first) == sorted(second) == sorted(batch(40)[0][:, 0, 0, 0].tolist())
    seen.clear()
    fitted(network, epochs=2, batch_size=15, shuffle=False)
    assert [len(part) for part in seen] == [15, 15, 10] * 2
    assert sum(seen[:3], []) == batch(40)[0][:, 0, 0, 0].tolist()  # noqa: RUF017


def test_fit_changes_neither_images_nor_labels():
    x, y = batch(20)
    x, y = x.astype("float32"), np.eye(10)[y]
    before = x.copy(), y.copy()
    small().fit(
        x,
        y,
        loss=scratch.CategoricalCrossentropy(from_logits=True),
        optimizer=scratch.Adam(),
        epochs=2,
    )
    assert (x == before[0]).all()
    assert (y == before[1]).all()


def test_one_hot_labels_count_as_the_class():
    x, y = batch(20)
    network = small()
    dense = scratch.CategoricalCrossentropy(from_logits=True)
    one = network.evaluate(x, y, CRITERION)
    other = network.evaluate(x, np.eye(10)[y], dense)
    assert one["accuracy"] == other["accuracy"]
    assert one["loss"] == pytest.approx(other["loss"])


def test_no_epoch_changes_nothing():
    network = small()
    before = network.get_weights()
    history = fitted(network, epochs=0, validation_data=batch(5))
    assert history == {"loss": [], "accuracy": [], "val_loss": [], "val_accuracy": []}
    for a, b in zip(before, network.get_weights(), strict=True):
        assert (a == b).all()


# --- The rest -----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_is_kept_everywhere(dtype):
    network = make(every_layer, dtype)
    x, y = batch()
    assert network.predict(x).dtype == dtype
    fitted(network, loss=loss_for(every_layer))
    network.set_weights([w.astype("float64") for w in network.get_weights()])
    _, gradients = network.loss_and_gradients(x, y, loss_for(every_layer))
    for array in [*network.get_weights(), *gradients]:
        assert array.dtype == dtype


def test_predict_goes_batch_by_batch_and_leaves_the_moving_averages():
    network = make(every_layer)
    x, _ = batch(7)
    before = network.get_weights()
    whole = network.predict(x)
    np.testing.assert_allclose(network.predict(x, batch_size=2), whole, rtol=1e-5)
    np.testing.assert_allclose(network.forward(x[:1]), whole[:1], rtol=1e-5)
    assert network.predict(x[:0]).shape == (0, 10)
    for a, b in zip(before, network.get_weights(), strict=True):
        assert (a == b).all()


def test_get_weights_returns_copies_and_trainable_weights_do_not():
    network = small()
    network.get_weights()[0][...] = 7
    assert not (network.get_weights()[0] == 7).any()
    network.trainable_weights[0][...] = 7
    assert (network.get_weights()[0] == 7).all()


def test_summary_tells_layers_shapes_and_parameters(capsys):
    network = small()
    network.summary()
    out = capsys.readouterr().out
    assert "Dense" in out
    assert "Activation (relu)" in out
    assert "(8,)" in out
    assert f"{64 * 8 + 8 + 8 * 10 + 10}" in out.splitlines()[-1]
    assert network.count_params() == 610


def test_set_weights_refuses_other_shapes_and_changes_nothing():
    network = small()
    before = network.get_weights()
    with pytest.raises(ValueError, match=r"of the shapes \[\(64, 8\), \(8,\)"):
        network.set_weights([np.ones_like(w) for w in before[:-1]])
    wrong = [np.ones_like(w) for w in before]
    wrong[-1] = np.ones(11)
    with pytest.raises(ValueError, match="weights must be arrays of the shapes"):
        network.set_weights(wrong)
    for a, b in zip(before, network.get_weights(), strict=True):
        assert (a == b).all()


def test_there_is_no_way_back_without_a_way_there():
    network = small()
    with pytest.raises(RuntimeError, match=r"Dense\.backward was called before forw"):
        network.backward(np.ones((1, 10), "float32"))
    with pytest.raises(RuntimeError, match="There are no gradients yet"):
        _ = network.gradients
    network.forward(batch(3)[0])
    network.backward(np.ones((3, 10), "float32"))
    assert len(network.gradients) == 4


@pytest.mark.parametrize(
    ("layers", "error", "message"),
    [
        ([scratch.Dense], TypeError, "layers\\[0\\] must be a layer.*Dense.*type"),
        (["relu"], TypeError, "layers\\[0\\] must be a layer.*relu.*str"),
        (
            [scratch.Conv2D(2, 3), scratch.Dense(3)],
            ValueError,
            r"layers\[1\] must be one for examples of shape \(6, 6, 2\); got De.*Flat",
        ),
        (
            [scratch.Conv2D(2, 9)],
            ValueError,
            r"layers\[0\] must be one for examples of shape \(8, 8, 1\); got Conv2D",
        ),
        (
            [scratch.Flatten(), scratch.MaxPooling2D(2)],
            ValueError,
            r"layers\[1\] must be one for .*; got MaxPooling2D",
        ),
    ],
)
def test_layers_that_do_not_fit_are_named(layers, error, message):
    with pytest.raises(error, match=message):
        scratch.Network(layers, SHAPE)


def test_a_layer_stands_in_a_network_once():
    layer = scratch.Activation("relu")
    with pytest.raises(
        ValueError, match=r"layers\[1\] must be .* of its own; got one that stands"
    ):
        scratch.Network([layer, layer], SHAPE)


def test_other_input_is_refused():
    network = small()
    x, y = batch(6)
    with pytest.raises(ValueError, match=r"dtype must be .* got 'float16'"):
        small(dtype="float16")
    with pytest.raises(ValueError, match=r"shape \(N, 8, 8, 1\); got .*\(8, 8, 1\)"):
        network.forward(x[0])
    with pytest.raises(ValueError, match=r"got .*\(6, 8, 8\).*`x\[..., None\]`"):
        network.predict(x[..., 0])
    with pytest.raises(TypeError, match=r"x must be numbers .* dtype <U1"):
        network.forward(np.full((1, *SHAPE), "a"))
    options = {"loss": CRITERION, "optimizer": scratch.SGD()}
    with pytest.raises(ValueError, match=r"x and y must be as many.* got 6 and 5"):
        network.fit(x, y[:5], **options)
    with pytest.raises(ValueError, match="at least one"):
        network.fit(x[:0], y[:0], **options)
    with pytest.raises(ValueError, match=r"batch_size must be .* got 0"):
        network.fit(x, y, batch_size=0, **options)
    with pytest.raises(ValueError, match=r"epochs must be .* got -1"):
        network.fit(x, y, epochs=-1, **options)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_loss_that_is_no_number_stops_the_training():
    x = batch(40)[0].astype("float32")
    x[35] = np.nan
    with pytest.raises(
        FloatingPointError, match=r"epoch 1, batch 2\. Try a smaller learning rate"
    ):
        small().fit(
            x,
            batch(40)[1],
            loss=CRITERION,
            optimizer=scratch.SGD(),
            shuffle=False,
        )
    with pytest.raises(FloatingPointError, match="infinite on these examples"):
        small().evaluate(x, batch(40)[1], CRITERION)


@pytest.mark.parametrize(
    ("y", "weights", "message"),
    [
        (
            np.eye(10)[[0, 1]],
            [1.0] * 10,
            r"y must be .*class number.* got .*\(2, 10\).*argmax",
        ),
        (
            np.array([0, 9]),
            [1.0] * 9,
            "class_weight must be .* each class; got .* up to 9",
        ),
        (np.array([-1, 1]), [1.0] * 10, "y must be 0 or more; got -1"),
        (np.array([0.0, 1.0]), [1.0] * 10, "y must be .* dtype float64"),
    ],
)
def test_class_weights_need_class_numbers(y, weights, message):
    network = scratch.Network([scratch.Flatten(), scratch.Dense(10)], SHAPE)
    with pytest.raises(ValueError, match=message):
        network.fit(
            np.zeros((2, *SHAPE)),
            y,
            loss=CRITERION,
            optimizer=scratch.SGD(),
            class_weight=weights,
        )
