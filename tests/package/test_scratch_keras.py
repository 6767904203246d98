"""What a Keras user tries on `scratch` works, or explains itself."""

import re

import numpy as np
import pytest

from imgcls_helpers import scratch
from imgcls_helpers._arguments import ArgumentError
from imgcls_helpers.data import Part

S = scratch
RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (12, 8, 8, 1), dtype=np.uint8)
X[0, 0, 0], X[0, 0, 1] = 0, 255
Y = np.arange(12) % 3
HOT = np.eye(3)[Y]
SHAPE = (8, 8, 1)
LOGITS = S.SparseCategoricalCrossentropy(from_logits=True)
SPARSE, DENSE = "sparse_categorical_crossentropy", "categorical_crossentropy"


def net(end="softmax", **options):
    layers = [
        S.Rescaling(1 / 255),
        S.Conv2D(4, 3, activation="relu"),
        S.Flatten(),
        S.Dense(3, activation=end),
    ]
    return S.Network(layers, SHAPE, **options)


def plain(end="softmax"):
    """Return the same network, in the words of the book."""
    layers = [S.Rescaling(1 / 255), S.Conv2D(4, 3), S.Activation("relu")]
    layers += [S.Flatten(), S.Dense(3)]
    return S.Network([*layers, S.Activation(end)] if end else layers, SHAPE)


def train(network, x=X, y=Y, *args, **options):
    given = {"loss": SPARSE, "optimizer": "adam"} | options
    network.fit(x, y, *args, **given)
    return network.get_weights()


def book(y=Y, loss=None, optimizer=None, end="softmax", **options):
    """Return the weights after training in the words of the book."""
    network = plain(end)
    loss = loss or S.SparseCategoricalCrossentropy()
    network.fit(X, y, loss=loss, optimizer=optimizer or S.Adam(), **options)
    return network.get_weights()


# --- What works ---------------------------------------------------------------------

MSE, BINARY, CROSS = (
    S.MeanSquaredError(),
    S.BinaryCrossentropy(),
    S.CategoricalCrossentropy(),
)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({}, {}),
        ({"optimizer": "Adam"}, {}),
        ({"optimizer": S.Adam}, {}),
        ({"optimizer": "sgd"}, {"optimizer": S.SGD()}),
        ({"optimizer": "SGD"}, {"optimizer": S.SGD()}),
        ({"optimizer": "rmsprop"}, {"optimizer": S.RMSprop()}),
        ({"optimizer": "RMSprop"}, {"optimizer": S.RMSprop()}),
        ({"optimizer": "adagrad"}, {"optimizer": S.Adagrad()}),
        ({"optimizer": "adamw"}, {"optimizer": S.AdamW()}),
        ({"loss": "SparseCategoricalCrossentropy"}, {}),
        ({"loss": S.SparseCategoricalCrossentropy}, {}),
        ({"loss": DENSE, "y": HOT}, {"loss": CROSS, "y": HOT}),
        ({"loss": "mse", "y": HOT}, {"loss": MSE, "y": HOT}),
        ({"loss": "MSE", "y": HOT}, {"loss": MSE, "y": HOT}),
        ({"loss": "mean_squared_error", "y": HOT}, {"loss": MSE, "y": HOT}),
        ({"loss": "binary_crossentropy", "y": HOT}, {"loss": BINARY, "y": HOT}),
        (
            {"loss": "categorical_focal_crossentropy", "y": HOT},
            {"loss": S.CategoricalFocalCrossentropy(), "y": HOT},
        ),
        (
            {"loss": "hinge", "y": HOT, "network": net(None)},
            {"loss": S.Hinge(), "y": HOT, "end": None},
        ),
        ({"loss": LOGITS, "network": net(None)}, {"loss": LOGITS, "end": None}),
        ({"network": net("linear"), "loss": LOGITS}, {"loss": LOGITS, "end": None}),
        ({"network": net(S.softmax)}, {}),
        ({"y": Y[:, None]}, {}),
        ({"y": Y.astype("uint8")}, {}),
        ({"y": Y.tolist(), "x": X.tolist()}, {}),
        ({"x": X.astype("float32")}, {}),
        ({"class_weight": {0: 1.0, 1: 2.0, 2: 0.5}}, {"class_weight": [1, 2, 0.5]}),
        ({"class_weight": {1: 2.0}}, {"class_weight": [1, 2, 1]}),
        ({"class_weight": {1: 2.0}, "y": Y[:, None]}, {"class_weight": [1, 2, 1]}),
        ({"class_weight": {np.int64(1): 2}}, {"class_weight": [1, 2, 1]}),
        ({"sample_weight": 1.0 + (Y == 1)}, {"class_weight": [1, 2, 1]}),
        (
            {"sample_weight": 1.0 + (Y == 1), "class_weight": {2: 3.0}},
            {"class_weight": [1, 2, 3]},
        ),
        ({"batch_size": 5, "epochs": 2}, {"batch_size": 5, "epochs": 2}),
        ({"args": (5, 2)}, {"batch_size": 5, "epochs": 2}),
        ({"verbose": 0, "callbacks": None, "validation_split": 0.0}, {}),
        ({"validation_data": (X[:4], Y[:4])}, {}),
        ({"validation_data": [X[:4], Y[:4]]}, {}),
        ({"validation_data": Part(X[:4], Y[:4])}, {}),
    ],
    ids=lambda given: ", ".join(given) if isinstance(given, dict) else None,
)
def test_training_in_keras_words_is_training_in_ours(theirs, ours):
    theirs = dict(theirs)
    network, args = theirs.pop("network", None) or net(), theirs.pop("args", ())
    found = train(network, theirs.pop("x", X), theirs.pop("y", Y), *args, **theirs)
    for one, other in zip(found, book(**ours), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.parametrize("word", ["relu", "RELU", scratch.relu])
@pytest.mark.parametrize("by_keyword", [False, True])
def test_an_activation_in_a_layer_is_the_layer_after_it(by_keyword, word):
    x = RNG.normal(size=(4, 6)).astype("float32")
    one = S.Dense(5, activation=word) if by_keyword else S.Dense(5, word)
    one = S.Network([one], (6,))
    two = S.Network([S.Dense(5), S.Activation(word)], (6,))
    np.testing.assert_array_equal(one(x), two(x))
    dy = RNG.normal(size=(4, 5)).astype("float32")
    np.testing.assert_array_equal(one.backward(dy), two.backward(dy))
    for a, b in zip(one.gradients, two.gradients, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh", "gelu", "softmax"])
@pytest.mark.parametrize("kind", ["Dense", "Conv2D"])
def test_activations_in_layers_have_the_numbers_of_keras(kind, name):
    import keras

    given = {"Dense": (5,), "Conv2D": (5, (3, 2), (1, 2), "SAME")}[kind]
    x = RNG.normal(size=(2, 7) if kind == "Dense" else (2, 6, 7, 3)).astype("float32")
    ours = getattr(S, kind)(*given, activation=getattr(keras.activations, name))
    theirs = getattr(keras.layers, kind)(*given, activation=name)
    theirs.build(x.shape)
    ours(x)
    ours.weights = dict(zip(ours.weights, theirs.get_weights(), strict=True))
    expected = keras.ops.convert_to_numpy(theirs(x))
    np.testing.assert_allclose(ours(x), expected, rtol=1e-5, atol=1e-6)
    assert ours.activation == name


@pytest.mark.parametrize("end", [None, "linear"])
def test_no_activation_changes_nothing(end):
    x = RNG.normal(size=(4, 6))
    layer = S.Activation(end)
    assert layer(x) is x
    assert layer.backward(x) is x


def test_a_layer_that_is_called_makes_its_weights_once():
    x = RNG.normal(size=(4, 6)).astype("float32")
    layer = S.Dense(5)
    first = layer(x)
    assert first.shape == (4, 5)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(layer(x), first)
    drop = S.Dropout(0.5)
    assert (drop(x, training=True) != drop(x, training=True)).any()
    with pytest.raises(ArgumentError, match="Dense: x must be a NumPy array"):
        layer([[1.0]])


def test_results_are_read_as_in_keras():
    network = net()
    history = network.fit(X, Y, loss=SPARSE, optimizer="adam", epochs=2)
    assert history.history == history
    assert len(history.history["accuracy"]) == 2
    loss, accuracy = network.evaluate(X, Y, verbose=0)
    scores = network.evaluate(X, Y, SPARSE, batch_size=5)
    assert scores["loss"] == scores[0] == scores.loss == pytest.approx(loss)
    assert scores["accuracy"] == accuracy == np.mean(network.predict(X).argmax(1) == Y)
    np.testing.assert_array_equal(network(X), network.predict(X, verbose=0))


def test_a_second_fit_goes_on_with_the_first_ones_loss_and_optimizer():
    once, twice = net(), net()
    once.fit(X, Y, loss=SPARSE, optimizer="adam", epochs=2, shuffle=False)
    twice.fit(X, Y, loss=SPARSE, optimizer="adam", shuffle=False)
    twice.fit(X, Y, shuffle=False)
    for a, b in zip(once.get_weights(), twice.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_keras_schedules_are_taken():
    import keras

    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    assert S.SGD(schedule).learning_rate == pytest.approx(0.1)


def test_the_hinge_loss_counts_signs():
    network = S.Network([S.Dense(1)], (1,))
    network.set_weights([np.ones((1, 1)), np.zeros(1)])
    x = np.array([[0.2], [-0.2], [3.0]])
    assert network.evaluate(x, np.array([[1], [-1], [1]]), "hinge").accuracy == 1


# --- What explains itself -----------------------------------------------------------


def options(**given):
    return {"loss": SPARSE, "optimizer": "adam"} | given


def keras_part(kind, name, *args):
    import keras

    return getattr(getattr(keras, kind), name)(*args)


EXPLAINED = {
    # Training
    "compile": (lambda: net().compile("adam", SPARSE), "fit takes loss and optimizer"),
    "fit alone": (lambda: net().fit(X, Y), "loss must be from scratch, by its name"),
    "no optimizer": (lambda: net().fit(X, Y, loss=SPARSE), "optimizer must be from"),
    "no labels": (lambda: net().fit(X, **options()), "y must be .* the labels of x"),
    "Nadam": (
        lambda: net().fit(X, Y, **options(optimizer="nadam")),
        "SGD, Adagrad, Adam.*got 'nadam'",
    ),
    "other loss": (
        lambda: net().fit(X, Y, **options(loss="mae")),
        "MeanSquaredError.*got 'mae'",
    ),
    "loss function": (
        lambda: net().fit(X, Y, **options(loss=lambda t, p: 0)),
        "needs the method gradient",
    ),
    "Keras's loss": (
        lambda: net().fit(X, Y, **options(loss=keras_part("losses", "Hinge"))),
        "Keras's own. Here it is scratch.Hinge",
    ),
    "Keras's optimizer": (
        lambda: net().fit(X, Y, **options(optimizer=keras_part("optimizers", "Adam"))),
        "Keras's own. Here it is scratch.Adam",
    ),
    "name on logits": (
        lambda: net(None).fit(X, Y, **options()),
        r"Are these logits\? .*Sparse.*from_logits=True",
    ),
    "softmax twice": (
        lambda: net().fit(X, Y, **options(loss=LOGITS)),
        "ends in softmax; got from_logits=True",
    ),
    "softmax twice, judged": (lambda: net().evaluate(X, Y, LOGITS), "ends in softmax"),
    "softmax twice, slopes": (
        lambda: net().loss_and_gradients(X, Y, LOGITS),
        "ends in softmax",
    ),
    "sigmoids": (
        lambda: net("sigmoid").fit(X, Y, **options()),
        "a sigmoid made them, take a softmax",
    ),
    "validation_split": (
        lambda: net().fit(X, Y, **options(validation_split=0.2)),
        "Cut the examples yourself",
    ),
    "validation data of three": (
        lambda: net().fit(X, Y, **options(validation_data=(X, Y, Y))),
        r"must be a pair \(x, y\)",
    ),
    "callbacks": (
        lambda: net().fit(X, Y, **options(callbacks=[print])),
        "one epoch at a time",
    ),
    "verbose": (lambda: net().fit(X, Y, **options(verbose=1)), "Nothing is printed"),
    "metrics": (
        lambda: net().fit(X, Y, **options(metrics=["auc"])),
        "the loss and the accuracy",
    ),
    "no batch size": (
        lambda: net().fit(X, Y, **options(batch_size=None)),
        "batch_size must be a whole number",
    ),
    "epochs as text": (
        lambda: net().fit(X, Y, **options(epochs="3")),
        "epochs must be a whole number",
    ),
    "return_dict": (
        lambda: net().evaluate(X, Y, SPARSE, return_dict=True),
        "The result has both",
    ),
    "batch size in place of the loss": (
        lambda: net().evaluate(X, Y, 32),
        "loss must be from scratch.*got 32",
    ),
    "evaluate alone": (lambda: net().evaluate(X, Y), "loss must be from .*got None"),
    "class names as weights": (
        lambda: net().fit(X, Y, **options(class_weight={"cat": 2.0})),
        "class_weight must be .* 0 to 2.* got the key 'cat'",
    ),
    "weights of no class": (
        lambda: net().fit(X, Y, **options(class_weight={3: 2.0})),
        "got the key 3",
    ),
    "negative weight": (
        lambda: net().fit(X, Y, **options(class_weight={0: -1.0})),
        "0 or more for each class",
    ),
    "weights of too few": (
        lambda: net().fit(X, Y, **options(sample_weight=[1.0])),
        "12 numbers of 0 or more",
    ),
    "masked labels": (
        lambda: net().fit(X, np.ma.masked_equal(Y, 1), **options()),
        "without masked values",
    ),
    "masked pixels": (
        lambda: net().predict(np.ma.masked_greater(X, 200)),
        "masked",
    ),
    "tf.data": (
        lambda: net().fit(type("Data", (), {"element_spec": 1})(), **options()),
        "x must be numbers .*as_numpy_iterator",
    ),
    "a part": (lambda: net().fit(Part(X, Y), **options()), "`x.images`"),
    "other sizes": (lambda: net().predict(X[:, :7]), r"\(N, 8, 8, 1\)"),
    # Networks
    "Sequential": (lambda: S.Sequential([]), "It is called Network"),
    "Model": (lambda: S.Model([]), "It is called Network"),
    "Input": (lambda: S.Input(SHAPE), "Network takes input_shape"),
    "MaxPool2D": (lambda: S.MaxPool2D(2), "It is called MaxPooling2D"),
    "ReLU": (lambda: S.ReLU(), r'It is Activation\("relu"\)'),
    "no such name": (lambda: S.Conv1D, "scratch has no 'Conv1D'"),
    "no layers": (lambda: S.Network(), "layers must be a list of all layers"),
    "add": (lambda: net().add(S.Dense(3)), "takes the list of all layers at once"),
    "no shape": (lambda: S.Network([S.Dense(3)]), "the shape of one example.*got None"),
    "a class": (lambda: S.Network([S.Dense], (3,)), r"Call it: Dense\(\.\.\.\)"),
    "Keras's layer": (
        lambda: S.Network([keras_part("layers", "Dense", 3)], (3,)),
        "Keras's own Dense is of another kind",
    ),
    "a layer's shape": (lambda: S.Dense(3, input_shape=(3,)), "Network takes input_sh"),
    "save": (lambda: net().save("a.keras"), "np.savez"),
    "load_weights": (lambda: net().load_weights("a.h5"), "set_weights"),
    "weights": (lambda: net().weights, "get_weights"),
    "variables": (lambda: net().trainable_variables, "trainable_weights"),
    "predict_classes": (lambda: net().predict_classes(X), "argmax"),
    "train_on_batch": (lambda: net().train_on_batch(X, Y), "loss_and_gradients"),
    "no such method": (lambda: net().frobnicate, "Network has no 'frobnicate'"),
    # Layers
    "channels first": (
        lambda: S.Conv2D(4, 3, data_format="channels_first"),
        "Channels go last",
    ),
    "regularizer": (
        lambda: S.Dense(4, kernel_regularizer="l2"),
        "the optimizers have weight_decay",
    ),
    "no such option": (lambda: S.Dense(4, colour="red"), "There is no such option"),
    "swish": (lambda: S.Dense(4, activation="swish"), "one of 'gelu'.*got 'swish'"),
    "own activation": (lambda: S.Dense(4, activation=np.tanh), "activation must be"),
    "bias as text": (lambda: S.Dense(4, "relu", "yes"), "use_bias must be True or"),
    "units as text": (lambda: S.Dense("4"), "units must be a whole number"),
    "a fraction of filters": (lambda: S.Conv2D(4.5, 3), "filters must be a whole"),
    "strides as text": (lambda: S.Conv2D(4, 3, "2"), "strides must be a whole number"),
    "percent": (lambda: S.Dropout(50), "rate must be a number from 0 to below 1"),
    "no padding of that name": (
        lambda: S.Network([S.Conv2D(4, 3, padding="full")], SHAPE),
        r"layers\[0\] must be .*Conv2D, where padding must be .*'same'; got 'full'",
    ),
    "a dense layer on images": (
        lambda: S.Network([S.Conv2D(4, 3), S.Dense(4)], SHAPE),
        r"layers\[1\] .*Put Flatten\(\)",
    ),
    "frozen": (
        lambda: setattr(net().layers[1], "trainable", False),
        "All weights are trained",
    ),
    "a layer's weights": (lambda: net().layers[1].get_weights(), "a dict of arrays"),
    "kernel": (lambda: net().layers[1].kernel, r'layer.weights\["kernel"\]'),
    # Losses and optimizers
    "lr": (lambda: S.Adam(lr=0.1), "It is called learning_rate"),
    "lr, read": (lambda: S.Adam(0.1).lr, "It is called learning_rate"),
    "decay": (lambda: S.SGD(0.1, decay=1e-4), "Take a schedule"),
    "a rate as text": (lambda: S.SGD("fast"), "learning_rate must be a number above 0"),
    "amsgrad": (lambda: S.Adam(amsgrad=True), "no such variant"),
    "apply_gradients": (
        lambda: S.Adam().apply_gradients([]),
        r"apply\(gradients, weights\)",
    ),
    "pairs": (lambda: S.Adam().apply([(1, 2)], [np.ones(2)]), "gradients.0. must be"),
    "reduction": (
        lambda: S.MeanSquaredError(reduction="sum"),
        "the sum over the batch size",
    ),
    "smoothing first": (
        lambda: S.CategoricalCrossentropy(0.1),
        "from_logits must be True or False",
    ),
    "lists to a loss": (
        lambda: S.MeanSquaredError()([1.0], [2.0]),
        "y_pred must be a NumPy array",
    ),
}


@pytest.mark.parametrize("name", EXPLAINED)
def test_what_does_not_work_explains_itself(name):
    call, words = EXPLAINED[name]
    with pytest.raises((ArgumentError, AttributeError)) as caught:
        call()
    assert re.search(words, str(caught.value)), str(caught.value)
    if isinstance(caught.value, ArgumentError):
        assert re.search(r"^\w[\w.]*: .+ must be .+; got .+\.", str(caught.value))


def test_what_keras_has_here_anyway_is_taken():
    S.Dense(3, name="end", trainable=True, bias_initializer="zeros")
    S.Conv2D(3, 3, data_format="channels_last", name="first")
    S.Dropout(0.5, noise_shape=None, seed=None)
    S.Adam(name="adam", amsgrad=False)
    S.CategoricalCrossentropy(axis=-1, reduction="sum_over_batch_size")
    S.MeanSquaredError(name="mse")
    S.BatchNormalization(axis=-1, center=True, scale=True)
    net(name="small").fit(X, Y, **options(metrics=["accuracy"], verbose=0))


# --- Advice, followed ---------------------------------------------------------------


def advice(call) -> list:
    with pytest.raises(ArgumentError) as caught:
        call()
    codes = re.findall(r"`([^`]+)`", str(caught.value))
    assert codes, str(caught.value)
    return codes


def followed(call, **names):
    """Return what each piece of advice gives."""
    return [eval(code, {"np": np, "scratch": S, **names}) for code in advice(call)]


SCALED = (X / 255).astype("float32")


@pytest.mark.parametrize(
    "value",
    [
        X[0],
        X[0, ..., 0],
        X[0].tolist(),
        X[..., 0],
        X[..., 0].astype("float64"),
        X[:1].transpose(0, 3, 1, 2),
        X[0].transpose(2, 0, 1),
        X.transpose(0, 3, 1, 2),
        X.transpose(0, 3, 1, 2).tolist(),
        X.reshape(12, 64),
        X[0].ravel(),
        SCALED,
        SCALED.astype("float64"),
        list(SCALED),
        [np.asarray(picture, object) for picture in X],
    ],
    ids=lambda value: f"{type(value).__name__}{np.shape(value)}",
)
def test_advice_on_images_leads_to_the_images(value):
    network = net()
    for call in (
        lambda: network.predict(value),
        lambda: network.evaluate(value, Y, SPARSE),
        lambda: network.fit(value, Y, **options()),
    ):
        found = followed(call, x=value)[0]
        if found.dtype == object:
            found = found.astype("uint8")
        # In a batch of the same size: by that the last bits may differ.
        truth = network.predict(X[: len(found)])
        np.testing.assert_allclose(network.predict(found), truth)


def test_bytes_where_nothing_scales():
    network = S.Network([S.Flatten(), S.Dense(3)], SHAPE)
    for value in (X, X.astype(object).astype("uint8"), list(X)):
        (found,) = followed(lambda value=value: network.predict(value), x=value)
        np.testing.assert_array_equal(found, SCALED)
        network.predict(found)
    assert network.predict((X > 99).astype("uint8")).shape == (12, 3)
    S.Network([S.Flatten(), S.BatchNormalization()], SHAPE).predict(X)


@pytest.mark.parametrize(
    ("given", "right"),
    [
        (784, (784,)),
        ((None, 28, 28, 1), (28, 28, 1)),
        ((1, 28, 28), (28, 28, 1)),
        ((3, 32, 32), (32, 32, 3)),
    ],
)
def test_advice_on_the_shape_leads_to_the_shape(given, right):
    layers = [S.Flatten(), S.Dense(3)]
    (found,) = followed(lambda: S.Network(layers, given))
    assert found == right
    S.Network(layers, found)


def test_advice_on_functions_among_the_layers():
    x = RNG.normal(size=(2, 3)).astype("float32")
    for value in ("relu", S.relu):
        (layer,) = followed(lambda value=value: S.Network([value], (3,)))
        np.testing.assert_array_equal(layer(x), S.relu(x))


@pytest.mark.parametrize(
    ("y", "loss", "truth"),
    [
        (HOT, SPARSE, Y),
        (Y.astype(float), SPARSE, Y),
        (Y.astype(str), SPARSE, Y),
        (np.array(["ant", "bee", "cat"])[Y], SPARSE, Y),
        (Y + 1, SPARSE, Y),
        (Y == 1, SPARSE, Y == 1),
        (Y, DENSE, HOT),
        (Y[:, None], DENSE, HOT),
        (Y.astype(float), DENSE, Y),
        (Y, "mse", HOT),
        (HOT[:, None], "mse", HOT),
        (2 * HOT - 1, "binary_crossentropy", HOT),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_advice_on_labels_leads_to_the_labels(y, loss, truth):
    # Under a name that the advice does not use, in all of them at once.
    before = net()
    kept = before.get_weights()
    found = followed(lambda: before.fit(X, y, **options(loss=loss)), y_true=y, y=y)
    np.testing.assert_array_equal(found[0], truth)
    for a, b in zip(kept, before.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_labels_out_of_range_are_named_by_their_place():
    y = Y.copy()
    y[7] = 5
    with pytest.raises(ArgumentError, match=r"below 3.*got 5 at position 7"):
        net().fit(X, y, batch_size=2, **options())


@pytest.mark.parametrize("name", [SPARSE, "binary_crossentropy"])
def test_advice_on_logits_leads_to_the_loss_on_them(name):
    y = Y if name == SPARSE else HOT
    network = net(None)
    (loss,) = followed(lambda: network.evaluate(X, y, name))
    other = net("softmax" if name == SPARSE else "sigmoid")
    other.set_weights(network.get_weights())
    judged = network.evaluate(X, y, loss)
    assert judged.loss == pytest.approx(other.evaluate(X, y, name).loss, rel=1e-5)


IMAGE = RNG.normal(size=(4, 5))


@pytest.mark.parametrize("name", ["conv2d", "max_pool", "global_average_pool"])
@pytest.mark.parametrize(
    ("x", "truths"),
    [
        (IMAGE, [IMAGE[None, :, :, None]]),
        (IMAGE[..., None], [IMAGE[None, :, :, None], IMAGE[:, :, None, None]]),
        (IMAGE.tolist(), [IMAGE]),
        (X, [X, X / 255]),
    ],
    ids=["grey", "one", "list", "bytes"],
)
def test_advice_to_functions_leads_to_the_images(name, x, truths):
    if x is X:
        x = X.copy()
    rest = (np.ones((1, 1, 1, 1)),) if name == "conv2d" else ()
    found = followed(lambda: getattr(S, name)(x, *rest), x=x)
    assert len(found) == len(truths)
    for one, truth in zip(found, truths, strict=True):
        np.testing.assert_allclose(one, truth, rtol=1e-6)


def test_advice_on_kernels_and_channels_leads_to_the_convolution():
    x = RNG.normal(size=(2, 6, 7, 3))
    kernel = RNG.normal(size=(2, 2, 3, 4))
    right = S.conv2d(x, kernel)
    first = x.transpose(0, 3, 1, 2)
    (found,) = followed(lambda: S.conv2d(first, kernel), x=first)
    np.testing.assert_allclose(S.conv2d(found, kernel), right)
    torch = kernel.transpose(3, 2, 0, 1)
    (found,) = followed(lambda: S.conv2d(x, torch), kernel=torch)
    np.testing.assert_allclose(S.conv2d(x, found), right)
    one = kernel[..., 0]
    (found,) = followed(lambda: S.conv2d(x, one), kernel=one)
    np.testing.assert_allclose(S.conv2d(x, found), right[..., :1])
    flat, grey = kernel[:, :, 0, 0], x[..., :1]
    (found,) = followed(lambda: S.conv2d(grey, flat), kernel=flat)
    loops = S.conv2d_loops(grey, kernel[:, :, :1, :1])
    np.testing.assert_allclose(S.conv2d(grey, found), loops)
