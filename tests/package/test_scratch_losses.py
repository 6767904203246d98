"""The losses: against Keras, against numerical gradients, and on bad input."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgcls_helpers import backend
from imgcls_helpers.scratch import losses
from imgcls_helpers.scratch.activations import softmax
from imgcls_helpers.scratch.gradients import numerical_gradient

_settings = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
_CATEGORICAL = (
    "CategoricalCrossentropy",
    "SparseCategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
)


class Case:
    """A loss with random options, and a batch that suits it."""

    def __init__(self, name, seed, dtype):
        rng = np.random.default_rng(seed)
        n, k = rng.choice([1, 3, 6]), rng.choice([2, 5])
        self.name, self.options = name, {}
        scores = rng.normal(size=(n, k)) * rng.choice([0.3, 2.0, 6.0])
        logits = bool(rng.integers(2))
        smooth = float(rng.choice([0.0, 0.1, 0.6]))
        labels = rng.integers(0, k, n)
        one_hot = np.eye(k)[labels]
        soft = rng.dirichlet(np.ones(k), n) if rng.integers(2) else one_hot
        self.y_pred = scores
        if name == "MeanSquaredError":
            shape = rng.choice(["flat", "deep"])
            self.y_pred = scores if shape == "flat" else scores[:, :, None]
            self.y_true = rng.normal(size=self.y_pred.shape)
        elif name == "BinaryCrossentropy":
            self.options = {"from_logits": logits, "label_smoothing": smooth}
            self.y_true = rng.integers(0, 2, (n, k)).astype(dtype)
            self.y_pred = scores if logits else 0.98 / (1 + np.exp(-scores)) + 0.01
        elif name in _CATEGORICAL:
            self.options = {"from_logits": logits}
            # Where p is tiny, no step of a numerical gradient is small enough.
            self.y_pred = scores if logits else 0.9 * softmax(scores) + 0.1 / k
            self.y_true = labels if name.startswith("Sparse") else soft
            if not name.startswith("Sparse"):
                self.options["label_smoothing"] = smooth
            if "Focal" in name:
                # Keras clips p at 1e-7 even from logits; ours does not.
                self.y_pred = np.clip(self.y_pred, -6, 6)
                alpha = rng.choice(["one", "each"])
                self.options["alpha"] = (
                    0.7 if alpha == "one" else rng.uniform(0.1, 1, k).tolist()
                )
                self.options["gamma"] = float(rng.choice([0.0, 0.5, 1.0, 2.0, 3.5]))
        elif name == "Hinge":
            self.y_true = rng.integers(0, 2, (n, k))
            if rng.integers(2):
                self.y_true = 2 * self.y_true - 1
        else:
            self.y_true = one_hot
        self.y_pred = self.y_pred.astype(dtype)
        weighted = rng.integers(2) and self.y_pred.ndim == 2  # Keras refuses the rest
        self.weights = rng.uniform(0, 2, n).astype(dtype) if weighted else None

    @property
    def ours(self):
        return getattr(losses, self.name)(**self.options)

    @property
    def keras(self):
        import keras

        return getattr(keras.losses, self.name)(**self.options)


def cases(dtype):
    def make(name, seed):
        return Case(name, seed, dtype)

    return st.builds(make, st.sampled_from(sorted(NAMES)), st.integers(0, 10**6))


NAMES = set(losses.__all__) - {"Loss"}


def close(a, b, tolerance, least=1e-3):
    """Compare, relative to the largest magnitude; or to `least`, if that is larger."""
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape
    scale = max(np.abs(b).max(), least)
    np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * scale)


# Against Keras --------------------------------------------------------------


@settings(_settings, max_examples=80)
@given(cases("float32"))
def test_value_and_gradient_are_keras(case):
    import keras

    value = keras.ops.convert_to_numpy(
        case.keras(case.y_true, case.y_pred, sample_weight=case.weights)
    )
    # What is left of 1 - p where p is near 1 has the rounding error of numbers near 1.
    close(case.ours(case.y_true, case.y_pred, case.weights), value, 1e-5, least=0.02)
    gradient = backend.gradient(
        lambda z: case.keras(case.y_true, z, sample_weight=case.weights), case.y_pred
    )
    ours = case.ours.gradient(case.y_true, case.y_pred, case.weights)
    close(ours, gradient, 1e-5, least=0.02)


@pytest.mark.parametrize("name", ["BinaryCrossentropy", *_CATEGORICAL])
def test_sure_probabilities_are_clipped_as_in_keras(name):
    import keras

    p = np.array([[1.0, 0.0], [0.0, 1.0], [0.3, 0.7]], dtype="float32")
    y = np.array([0, 0, 1])
    t = y if name.startswith("Sparse") else np.eye(2, dtype="float32")[y]
    ours, theirs = getattr(losses, name)(), getattr(keras.losses, name)()
    close(ours(t, p), keras.ops.convert_to_numpy(theirs(t, p)), 1e-5)
    gradient = ours.gradient(t, p)
    assert not gradient[:2].any()
    assert gradient[2].any()


@pytest.mark.parametrize("name", ["CategoricalCrossentropy", "BinaryCrossentropy"])
def test_class_numbers_and_weights_as_keras_counts_them(name):
    """Divided by the number of examples, not by the sum of the weights."""
    t, z = np.eye(2)[[0, 1]], np.zeros((2, 2))
    loss = getattr(losses, name)(from_logits=True)
    assert loss(t, z, np.array([2.0, 0.0])) == pytest.approx(np.log(2))
    assert loss(t, z, np.array([4.0, 4.0])) == pytest.approx(4 * np.log(2))


# Against numerical gradients ------------------------------------------------


@_settings
@given(cases("float64"))
def test_gradient_is_the_numerical_one(case):
    def value(y_pred):
        return case.ours(case.y_true, y_pred, case.weights)

    ours = case.ours.gradient(case.y_true, case.y_pred, case.weights)
    close(ours, numerical_gradient(value, case.y_pred, step=1e-5), 1e-6)


@_settings
@given(cases("float64"))
def test_the_whole_is_the_mean_of_the_examples(case):
    loss = case.ours
    each = loss.per_example(case.y_true, case.y_pred)
    assert each.shape == (len(case.y_pred),)
    alone = [
        loss(case.y_true[i : i + 1], case.y_pred[i : i + 1]) for i in range(len(each))
    ]
    # Hinge labels are read as 0 and 1, or as -1 and 1, for the batch as a whole.
    if case.name != "Hinge":
        np.testing.assert_allclose(each, alone, rtol=1e-12, atol=1e-15)
    weights = np.ones(len(each)) if case.weights is None else case.weights
    np.testing.assert_allclose(
        loss(case.y_true, case.y_pred, weights), (weights * each).mean(), rtol=1e-12
    )


@settings(_settings, max_examples=40)
@given(st.sampled_from(["float32", "float64"]).flatmap(cases))
def test_dtype_is_kept_and_input_left_alone(case):
    before = case.y_true.copy(), case.y_pred.copy()
    assert type(case.ours(case.y_true, case.y_pred, case.weights)) is float
    gradient = case.ours.gradient(case.y_true, case.y_pred, np.ones(len(case.y_pred)))
    assert gradient.dtype == case.y_pred.dtype
    assert gradient.shape == case.y_pred.shape
    assert case.ours.per_example(case.y_true, case.y_pred).dtype == case.y_pred.dtype
    np.testing.assert_array_equal(before[0], case.y_true)
    np.testing.assert_array_equal(before[1], case.y_pred)


# What ties the losses together ----------------------------------------------


@pytest.mark.parametrize("from_logits", [True, False])
def test_sparse_is_one_hot(from_logits):
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(6, 4)), rng.integers(0, 4, 6)
    p = z if from_logits else softmax(z)
    dense = losses.CategoricalCrossentropy(from_logits)
    for labels in (y, y[:, None], y.astype("uint8")):
        sparse = losses.SparseCategoricalCrossentropy(from_logits)
        np.testing.assert_allclose(sparse(labels, p), dense(np.eye(4)[y], p))
        np.testing.assert_allclose(
            sparse.gradient(labels, p), dense.gradient(np.eye(4)[y], p)
        )


def test_focal_without_focus_is_cross_entropy():
    rng = np.random.default_rng(1)
    z, t = rng.normal(size=(5, 3)), np.eye(3)[[0, 1, 2, 0, 1]]
    focal = losses.CategoricalFocalCrossentropy(alpha=1, gamma=0, from_logits=True)
    plain = losses.CategoricalCrossentropy(from_logits=True)
    np.testing.assert_allclose(focal(t, z), plain(t, z))
    np.testing.assert_allclose(focal.gradient(t, z), plain.gradient(t, z))


def test_logits_and_probabilities_agree():
    z = np.array([[1.0, -2.0, 0.5]])
    t = np.array([[0.0, 0.0, 1.0]])
    for name in ("CategoricalCrossentropy", "CategoricalFocalCrossentropy"):
        loss = getattr(losses, name)
        assert loss(from_logits=True)(t, z) == pytest.approx(loss()(t, softmax(z)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["BinaryCrossentropy", *_CATEGORICAL])
def test_huge_logits_neither_overflow_nor_lose_the_gradient(name, dtype):
    z = np.array([[1e4, -1e4], [-1e4, 1e4]], dtype=dtype)
    y = np.array([1, 1])
    t = y if name.startswith("Sparse") else np.eye(2)[y]
    loss = getattr(losses, name)(from_logits=True)
    with np.errstate(all="raise", under="ignore"):
        each = loss.per_example(t, z)
        gradient = loss.gradient(t, z)
    factor = 0.25 if "Focal" in name else 1.0
    binary = name.startswith("Binary")
    np.testing.assert_allclose(each, [factor * (1e4 if binary else 2e4), 0])
    half = 0.25 if binary else 0.5  # the mean over two questions
    np.testing.assert_allclose(gradient[0], [factor * half, -factor * half], rtol=1e-6)
    assert not gradient[1].any()


def test_hinge_reads_both_kinds_of_labels():
    s = np.array([[0.3], [-0.4]])
    signs, bits = np.array([[1], [-1]]), np.array([[1], [0]])
    assert losses.Hinge()(signs, s) == losses.Hinge()(bits, s) == pytest.approx(0.65)


def test_label_smoothing_by_hand():
    z = np.log(np.array([[0.7, 0.2, 0.1]]))
    t = np.array([[1, 0, 0]])
    smooth = losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.3)
    assert smooth(t, z) == pytest.approx(-(0.8 * z[0, 0] + 0.1 * z[0, 1:].sum()))
    binary = losses.BinaryCrossentropy(label_smoothing=0.2)
    expected = -(0.9 * np.log(0.7) + 0.1 * np.log(0.3))
    assert binary(np.array([[1]]), np.array([[0.7]])) == pytest.approx(expected)


# Bad input ------------------------------------------------------------------

_P = np.array([[0.2, 0.8], [0.5, 0.5]])
_T = np.eye(2)
_SPARSE = losses.SparseCategoricalCrossentropy()
_DENSE = losses.CategoricalCrossentropy()
_BINARY = losses.BinaryCrossentropy()


@pytest.mark.parametrize(
    ("loss", "y_true", "y_pred", "message"),
    [
        (
            losses.MeanSquaredError(),
            np.zeros(3),
            np.zeros((3, 1)),
            r"of shape \(3, 1\), as .*\.reshape\(-1, 1\)",
        ),
        (
            _BINARY,
            np.zeros(3),
            np.zeros((3, 1)),
            r"of shape \(3, 1\), as y_pred is; got .*\(3,\)",
        ),
        (losses.Hinge(), np.zeros((2, 1)), np.zeros((2, 2)), "as y_pred is"),
        (_DENSE, np.array([0, 1]), _P, r"class numbers.*Sparse.*np\.eye\(2\)"),
        (_DENSE, np.array([[0], [1]]), _P, "class numbers"),
        (_DENSE, np.eye(3), _P, r"one-hot labels of shape \(2, 2\)"),
        (_DENSE, np.array([[1, 1], [0, 1]]), _P, "rows that sum to"),
        (_DENSE, np.array([[2, -1], [0, 1]]), _P, "from -1"),
        (_DENSE, _T, np.log(_P), "from_logits=True"),
        (_DENSE, _T, np.array([[0.2, 0.7], [0.5, 0.5]]), r"sums to 0\.9.*logits"),
        (_DENSE, _T, np.array([[1.2, -0.2], [0.5, 0.5]]), "from_logits=True"),
        (_DENSE, np.ones((2, 1)), np.ones((2, 1)), "BinaryCrossentropy"),
        (_DENSE, np.ones(2), np.ones(2), "K at least 2"),
        (_SPARSE, _T, _P, r"CategoricalCrossentropy.*argmax"),
        (_SPARSE, np.array([0, 1, 1]), _P, "must be 2 class numbers.* got 3"),
        (_SPARSE, np.array([0, 2]), _P, "below 2, the number of classes; got 2"),
        (_SPARSE, np.array([-1, 0]), _P, "0 or more; got -1"),
        (_SPARSE, np.array([0, 1]), np.array([[3.0, -1], [0, 0]]), "from_logits=True"),
        (_BINARY, np.array([[0], [2]]), np.array([[0.5], [0.5]]), "Sparse"),
        (_BINARY, np.array([[0], [1]]), np.array([[0.5], [1.5]]), "from_logits=True"),
        (losses.Hinge(), np.array([[3]]), np.array([[0.1]]), "CategoricalHinge"),
        (losses.CategoricalHinge(), np.array([[0.5, 0.5]]), _P[:1], "soft labels"),
        (losses.CategoricalHinge(), np.array([1]), _P[:1], "class numbers"),
        (_SPARSE, np.array([0, 1]), _P * np.nan, "y_pred must be finite.*diverged"),
        (_DENSE, _T * np.nan, _P, "y_true must be finite"),
        (_SPARSE, np.zeros(0, int), np.zeros((0, 2)), "at least one example"),
    ],
)
def test_what_cannot_be_meant_is_refused(loss, y_true, y_pred, message):
    for use in (loss, loss.per_example, loss.gradient):
        with pytest.raises(ValueError, match=f"(?s){message}"):
            use(y_true, y_pred)


@pytest.mark.parametrize(
    ("loss", "y_true", "y_pred", "message"),
    [
        (_SPARSE, np.array([0.0, 1.0]), _P, "whole numbers"),
        (_SPARSE, np.array(["cat", "dog"]), _P, "They are names.*unique"),
        (_SPARSE, [0, 1], _P, "y_true must be a NumPy array.*list"),
        (_SPARSE, np.array([0, 1]), _P.tolist(), "y_pred must be a NumPy array.*list"),
        (_SPARSE, np.array([0, 1]), np.eye(2, dtype=int), "float32.*int64"),
    ],
)
def test_wrong_types_are_refused(loss, y_true, y_pred, message):
    with pytest.raises(TypeError, match=message):
        loss(y_true, y_pred)


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        (np.array([1.0, -1.0]), ValueError, "reward mistakes"),
        (np.array([1.0, np.nan]), ValueError, "NaN"),
        (np.array([1.0]), ValueError, r"\(2,\).*\(1,\)"),
        (np.ones((2, 1)), ValueError, r"\(2,\).*\(2, 1\)"),
        (np.array(["a", "b"]), TypeError, "a finite number"),
    ],
)
def test_weights_that_cannot_be_meant_are_refused(weights, error, message):
    for use in (_DENSE, _DENSE.gradient):
        with pytest.raises(error, match=message):
            use(_T, _P, weights)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: losses.CategoricalCrossentropy(label_smoothing=1), "below 1"),
        (lambda: losses.BinaryCrossentropy(label_smoothing=-0.1), "label_smoothing"),
        (
            lambda: losses.CategoricalFocalCrossentropy(gamma=-1),
            "gamma must be .* got -1",
        ),
        (
            lambda: losses.CategoricalFocalCrossentropy(alpha=-1),
            "alpha must be .* got -1",
        ),
        (
            lambda: losses.CategoricalFocalCrossentropy(alpha=[0.1, 0.2, 0.3])(_T, _P),
            "alpha must be .* or 2, one for each class; got 3",
        ),
    ],
)
def test_options_that_cannot_be_meant_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_good_input_at_the_edges_passes():
    """Sums that float32 rounds, boolean labels, and labels as bytes."""
    rng = np.random.default_rng(0)
    p = softmax(rng.normal(size=(50, 1000)).astype("float32"))
    _SPARSE(rng.integers(0, 1000, 50), p)
    assert _DENSE(_T.astype(bool), _P) == _DENSE(_T, _P)
    assert _DENSE(_T.astype("uint8"), _P) == _DENSE(_T, _P)
    assert _BINARY(np.array([[True]]), np.array([[1.0]])) == pytest.approx(1e-7)
