"""Every piece of advice is followed, and what it gives is compared with the truth."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

from imgcls_helpers import _arguments
from imgcls_helpers._arguments import ArgumentError

TRUTH = np.array([2, 0, 1, 1, 3])
ONE_HOT = np.eye(4)[TRUTH]
NAMES = np.array(["cat", "ant", "bee", "bee", "dog"])


def advice(message: str) -> list[str]:
    return re.findall(r"`([^`]+)`", message)


def refusal(function, value, **options) -> str:
    with pytest.raises(ArgumentError) as caught:
        function(value, **options)
    message = str(caught.value)
    assert re.search(r"\w must be .+; got .+\.", message), message
    return message


@pytest.mark.parametrize(
    "value",
    [
        TRUTH,
        TRUTH.tolist(),
        tuple(TRUTH),
        TRUTH.astype(object),
        np.array([np.int8(v) for v in TRUTH], object),
        *(TRUTH.astype(kind) for kind in "bBhHiIlLqQ"),
    ],
    ids=repr,
)
def test_labels_that_are_class_numbers_are_taken(value):
    found = _arguments.labels(value)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, TRUTH)


@pytest.mark.parametrize(
    "value",
    [
        TRUTH[:, None],
        TRUTH[None],
        TRUTH.astype(float),
        TRUTH.astype(float)[:, None],
        TRUTH.astype(float).tolist(),
        TRUTH.astype(float).astype(object),
        TRUTH.astype(str),
        TRUTH.astype(str)[:, None],
        TRUTH.astype(str).tolist(),
        TRUTH.astype(str).astype(object),
        TRUTH.astype("S"),
        np.array([str(v).encode() for v in TRUTH], object),
        NAMES,
        NAMES[:, None],
        NAMES.tolist(),
        NAMES.astype(object),
        NAMES.astype("S"),
        ONE_HOT,
        ONE_HOT.astype(bool),
        ONE_HOT.astype(int).tolist(),
        ONE_HOT[:1],
        0.9 * ONE_HOT + 0.025,
        np.ma.MaskedArray(TRUTH),
        np.ma.MaskedArray(TRUTH, mask=False),
        np.ma.MaskedArray(TRUTH, mask=[0, 0, 1, 0, 0]),
    ],
    ids=repr,
)
def test_advice_on_labels_leads_to_the_class_numbers(value):
    message = refusal(_arguments.labels, value)
    (code,) = advice(message)
    found = eval(code, {"np": np, "labels": value})
    truth = TRUTH[: np.shape(value)[0]] if np.shape(value) != (1, 5) else TRUTH
    if isinstance(value, np.ma.MaskedArray):
        truth = TRUTH[~np.ma.getmaskarray(value)]
    np.testing.assert_array_equal(_arguments.labels(found), truth)


def test_advice_on_booleans_and_on_labels_from_1():
    value = TRUTH == 1
    (code,) = advice(refusal(_arguments.labels, value))
    np.testing.assert_array_equal(eval(code, {"np": np, "labels": value}), value)
    value = (TRUTH + 1).tolist()
    (code,) = advice(refusal(_arguments.labels, value, classes=4))
    np.testing.assert_array_equal(eval(code, {"np": np, "labels": value}), TRUTH)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([0.5, 1.0], "fractions"),
        ([0.0, np.nan], "NaN"),
        (np.array([0, None], object), "NoneType"),
        ([[0, 1, 1], [1, 0, 0]], "1 have several ones"),
        ([[0, 0], [1, 0]], "1 none"),
        ([[2, 3], [1, 0]], "neither"),
        ([], "none"),
        ("cat", "got 'cat'"),
        ({0, 1}, "set"),
        ([[0], [1, 2]], "no array"),
        (np.array([0, 2**64 - 1], np.uint64), "-1"),
        (np.array([0, 2**63], np.uint64), "int64"),
        ([0, 2**70], "int64"),
        ([-1, 0], "missing"),
        (np.array(["2020-01-01"], "datetime64[D]"), "datetime64"),
        (np.array([1j]), "complex"),
        (np.zeros((2, 2, 2), int), "(2, 2, 2)"),
        (3, "3"),
    ],
)
def test_labels_without_a_cure_are_refused_by_name(value, words):
    message = refusal(_arguments.labels, value)
    assert re.search(words.replace("(", r"\(").replace(")", r"\)"), message), message
    assert not advice(message)


def test_labels_beyond_the_classes_say_which_one():
    message = refusal(_arguments.labels, [0, 7, 1], classes=4)
    assert "below 4" in message
    assert "7 at position 1" in message
    assert "-1" in refusal(_arguments.labels, np.array([0, 255], "u1"), classes=4)
    assert "5" in refusal(_arguments.labels, [0, 1], n=5)


PLACES = np.array([3, 0, 3])
CHOICE = np.array([True, False, True, False])


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (PLACES, PLACES),
        (PLACES.tolist(), PLACES),
        (PLACES.astype(np.uint8), PLACES),
        (PLACES.astype(object), PLACES),
        (CHOICE, [0, 2]),
        (CHOICE.tolist(), [0, 2]),
    ],
    ids=repr,
)
def test_positions(value, found):
    taken = _arguments.positions(value, rows=4)
    assert taken.dtype == np.int64
    np.testing.assert_array_equal(taken, found)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (PLACES.astype(float), PLACES),
        (PLACES[:, None], PLACES),
        (np.array(3), [3]),
        (np.ma.MaskedArray(PLACES), PLACES),
        (np.ma.MaskedArray(PLACES, mask=[0, 1, 0]), [3, 3]),
        (np.ma.MaskedArray(CHOICE, mask=[1, 0, 0, 0]), [2]),
    ],
    ids=repr,
)
def test_advice_on_positions_leads_to_positions(value, found):
    (code,) = advice(refusal(_arguments.positions, value, rows=4))
    taken = _arguments.positions(eval(code, {"np": np, "indices": value}), rows=4)
    np.testing.assert_array_equal(taken, found)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "Nothing is chosen"),
        ([0, 4], "from 0 to 3; got 4 at position 1"),
        ([-1], "from 0 to 3; got -1 at position 0"),
        (np.array([2**64 - 1], np.uint64), "from 0 to 3; got 18446744073709551615"),
        (CHOICE[:3], "each of 4"),
        ([0.5], "0.5"),
        (["a"], "'a'"),
        (None, "None"),
    ],
)
def test_positions_without_a_cure_are_refused_by_name(value, words):
    message = refusal(_arguments.positions, value, rows=4)
    assert words in message and not advice(message), message


def test_positions_without_an_end():
    assert _arguments.positions([2**40]).tolist() == [2**40]
    assert "0 or more" in refusal(_arguments.positions, [-1])
    assert "whole numbers" in refusal(_arguments.positions, CHOICE)
    assert "3 positions, one an image; got 2" in refusal(
        _arguments.positions, [0, 1], n=3
    )


MASKS = np.zeros((2, 3, 4), bool)


def test_masks():
    assert _arguments.masks(MASKS, MASKS.shape) is MASKS
    for value in (
        MASKS.astype(np.uint8),
        MASKS * np.uint8(255),
        MASKS * 1.0,
        MASKS[..., None],
        MASKS[..., None] * 1,
    ):
        (code,) = advice(refusal(_arguments.masks, value, shape=MASKS.shape))
        found = eval(code, {"masks": value})
        assert np.array_equal(_arguments.masks(found, MASKS.shape), MASKS)
    for value in (MASKS[:1], MASKS * 0.5 + 0.25, MASKS.tolist(), None):
        assert not advice(refusal(_arguments.masks, value, shape=MASKS.shape))


def pictures(channels):
    rng = np.random.default_rng(0)
    found = rng.integers(0, 256, (4, 6, 7, channels), dtype=np.uint8)
    found[0, 0, 0, :] = 0  # the whole range is there
    found[0, 0, 1, :] = 255
    return found


COLOUR, GREY = pictures(3), pictures(1)
OPAQUE = np.concatenate([COLOUR, np.full((4, 6, 7, 1), 255, np.uint8)], axis=3)


def batch_of(value):
    """A stand-in for tf.data.Dataset, which is not a dependency."""

    class Data:
        element_spec = None

        def as_numpy_iterator(self):
            return iter([(value[:3], 0), (value[3:], 0)])

    return Data()


@pytest.mark.parametrize(
    ("value", "truth"),
    [
        (COLOUR / 255, COLOUR),
        ((COLOUR / 255).astype(np.float32), COLOUR),
        (COLOUR / 127.5 - 1, COLOUR),
        ((COLOUR / 127.5 - 1).astype(np.float32), COLOUR),
        (COLOUR.astype(float), COLOUR),
        (COLOUR.astype(int), COLOUR),
        (COLOUR.tolist(), COLOUR),
        (list(COLOUR), COLOUR),
        (COLOUR.astype(np.uint16) * 257, COLOUR),
        (COLOUR.transpose(0, 3, 1, 2), COLOUR),
        (COLOUR.transpose(0, 3, 1, 2) / 255, COLOUR),
        (GREY.transpose(0, 3, 1, 2), GREY),
        (COLOUR[0], COLOUR[:1]),
        (COLOUR[0] / 255, COLOUR[:1]),
        (COLOUR[0].tolist(), COLOUR[:1]),
        (GREY[..., 0], GREY),
        (GREY[..., 0] / 255, GREY),
        (GREY[0], GREY[:1]),
        (GREY[0, ..., 0], GREY[:1]),
        (GREY > 100, (GREY > 100) * np.uint8(255)),
        (OPAQUE, COLOUR),
        (OPAQUE / 255, COLOUR),
        (OPAQUE[0], COLOUR[:1]),
        (np.ma.MaskedArray(COLOUR), COLOUR),
        (np.ma.MaskedArray(COLOUR, mask=COLOUR > 250), COLOUR * (COLOUR <= 250)),
        (np.array([COLOUR[0], None], object)[:1], COLOUR[:1]),
        (batch_of(COLOUR), COLOUR),
    ],
    ids=lambda v: f"{type(v).__name__}{np.shape(v)}",
)
def test_advice_on_images_leads_to_the_images(value, truth):
    (code,) = advice(refusal(_arguments.images, value))
    found = eval(code, {"np": np, "images": value})
    np.testing.assert_array_equal(_arguments.images(found), truth)


def test_images_that_are_right_come_back_as_they_are():
    assert _arguments.images(COLOUR) is COLOUR
    assert _arguments.images(OPAQUE, channels=None) is OPAQUE
    (code,) = advice(refusal(_arguments.images, GREY, channels=(3,)))
    assert eval(code, {"images": GREY}).shape == COLOUR.shape


def test_three_grey_images_and_a_picture_with_channels_first_look_alike():
    both = advice(refusal(_arguments.images, GREY[:3, ..., 0]))
    shapes = [eval(code, {"np": np, "images": GREY[:3, ..., 0]}).shape for code in both]
    assert shapes == [(1, 6, 7, 3), (3, 6, 7, 1)]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (COLOUR * np.nan, "NaN"),
        (COLOUR * 3.0 - 200, "normalization"),
        (COLOUR.astype(int) * 100, "no bytes"),
        (np.concatenate([COLOUR, GREY], axis=3), "transparency"),
        (np.zeros((0, 6, 7, 3), np.uint8), "none"),
        (np.zeros((2, 6, 7, 9), np.uint8), "9 channels"),
        ([COLOUR[0], GREY[0]], "2 different shapes"),
        ("picture.png", "load_image_folder"),
        (np.array([["a"]]), "no numbers"),
    ],
    ids=lambda v: v if isinstance(v, str) else type(v).__name__,
)
def test_images_without_a_cure_are_refused_by_name(value, words):
    message = refusal(_arguments.images, value)
    assert words in message
    assert not advice(message)


@pytest.mark.parametrize(
    ("value", "ndim", "shapes"),
    [
        (np.zeros((4, 4), "f4"), 4, [(1, 4, 4, 1)]),
        (np.zeros((4, 5, 2), "f4"), 4, [(1, 4, 5, 2), (4, 5, 2, 1)]),
        (np.zeros(3, "f4"), 2, [(1, 3)]),
        (np.zeros((2, 3, 4), "f4"), 2, [(2, 12)]),
        ([[1, 2]], None, [(1, 2)]),
        (np.zeros((2, 3), int), None, [(2, 3)]),
        (np.zeros((2, 3), np.uint8), None, [(2, 3), (2, 3)]),
        (np.zeros((2, 3), "f2"), None, [(2, 3)]),
        (np.ma.MaskedArray([1.0, 2.0], [True, False]), None, [(2,)]),
    ],
    ids=repr,
)
def test_advice_on_floats_leads_to_floats(value, ndim, shapes):
    codes = advice(refusal(_arguments.floats, value, name="x", ndim=ndim))
    found = [eval(code, {"np": np, "x": value}) for code in codes]
    assert [_arguments.floats(x, "x", ndim=ndim).shape for x in found] == shapes


@pytest.mark.parametrize(
    "value",
    [[0.2, 0.7], np.array([[0.2], [0.7]]), np.array([0.2, 0.7])],
    ids=repr,
)
def test_advice_on_two_classes_leads_to_two_columns(value):
    (code,) = advice(refusal(_arguments.probabilities, value))
    found = eval(code, {"np": np, "probabilities": value})
    np.testing.assert_allclose(found, [[0.8, 0.2], [0.3, 0.7]])


def test_percentages_and_class_numbers_in_place_of_probabilities():
    value = np.array([[80.0, 20.0], [30.0, 70.0]])
    (code,) = advice(refusal(_arguments.probabilities, value))
    assert _arguments.probabilities(eval(code, {"probabilities": value})).max() == 0.8
    with pytest.raises(ArgumentError, match="class numbers"):
        _arguments.labels_and_probabilities([0, 1], [0, 1])


PACKAGE = Path(_arguments.__file__).parent.parent
# Of these not all checks speak with the one voice yet.
BY_HAND = {"checks", "training"}


def errors_by_hand(source: str) -> list[int]:
    """Return the lines that raise a ValueError or TypeError of their own."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Raise) and node.exc is not None:
            error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if getattr(error, "id", "") in ("ValueError", "TypeError"):
                lines.append(node.lineno)
    return lines


def test_no_module_raises_errors_of_arguments_by_hand():
    assert errors_by_hand("raise ValueError('x')\nraise TypeError") == [1, 2]
    found = set()
    for path in PACKAGE.rglob("*.py"):
        if errors_by_hand(path.read_text("utf-8")):
            found.add(path.relative_to(PACKAGE).parts[0].removesuffix(".py"))
    assert found <= BY_HAND, "refuse these with _arguments.refuse"
    assert found >= BY_HAND, "take these off the list: they are done"


def test_the_call_is_named_and_both_kinds_of_error_fit():
    from imgcls_helpers.shapes import make_shapes

    for kind in (ValueError, TypeError):
        with pytest.raises(kind, match=r"^make_shapes: n must be a whole number"):
            make_shapes(1.5)


def test_no_function_is_named_that_no_reader_calls():
    namespace = {"__name__": "imgcls_helpers.tried", "refuse": _arguments.refuse}
    code = """
def _inner():
    def scalar(): refuse("x", "y", 0)
    return scalar
def outer(): _inner()()
"""
    exec(code, namespace)
    for call, start in ((namespace["_inner"](), "x must"), (namespace["outer"], "ou")):
        with pytest.raises(ArgumentError, match=f"^{start}"):
            call()


def test_two_numbers():
    assert _arguments.pair(3, "size") == (3, 3)
    assert _arguments.pair([3, 4], "size", most=4) == (3, 4)
    for value in (5, (3, 5), (3,), (1, 2, 3), "34", None, (1.0, 2), {3, 4}):
        assert "size" in refusal(_arguments.pair, value, name="size", most=4)


@pytest.mark.parametrize(
    ("text", "on"),
    [("", False), ("0", False), ("false", False), ("No", False)]
    + [(word, True) for word in ("1", "true", "YES", " on ")],
)
def test_switches(monkeypatch, text, on):
    monkeypatch.setenv("IMGCLS_TRIED", text)
    assert _arguments.switch("IMGCLS_TRIED") is on


def test_a_switch_that_is_neither(monkeypatch):
    monkeypatch.setenv("IMGCLS_TRIED", "maybe")
    with pytest.raises(ArgumentError, match="IMGCLS_TRIED must be 1"):
        _arguments.switch("IMGCLS_TRIED")
    monkeypatch.delenv("IMGCLS_TRIED")
    assert not _arguments.switch("IMGCLS_TRIED")


def test_paths(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert _arguments.path("~/run", "checkpoint") == tmp_path / "run"
    for wrong in ("", "  ", "a\0b", b"run", 3, None):
        with pytest.raises(ArgumentError, match="checkpoint must be a path"):
            _arguments.path(wrong, "checkpoint")


def test_floats_of_another_shape_are_not_stretched():
    x = np.ones((2, 3))
    assert _arguments.of_shape(x, "bias", (2, 3), "one each") is x
    assert _arguments.of_result(x, (2, 3)) is x
    for wrong in (x[0], x.T, x[None]):
        with pytest.raises(ArgumentError, match=r"bias must be of shape \(2, 3\), one"):
            _arguments.of_shape(wrong, "bias", (2, 3), "one each")
        with pytest.raises(ArgumentError, match=r"dy must be of shape \(2, 3\), the s"):
            _arguments.of_result(wrong, (2, 3))


def test_positive_numbers_and_rates():
    assert _arguments.positive(np.float32(0.5), "lr") == 0.5
    assert _arguments.rate(0, "rate") == 0
    for wrong in (0, -1, np.inf, np.nan, "1", True, None):
        with pytest.raises(ArgumentError, match="lr must be a number above 0; got"):
            _arguments.positive(wrong, "lr")
    for wrong in (1, -0.1, 50, np.nan, "half", None):
        with pytest.raises(
            ArgumentError, match="rate must be a number from 0 to below"
        ):
            _arguments.rate(wrong, "rate")


@pytest.mark.parametrize("value", [3, np.int8(3), np.array(3), (3, 3), [3, 3]])
def test_pairs(value):
    assert _arguments.pair(value, "size") == (3, 3)


@pytest.mark.parametrize(
    "value",
    [
        0,
        1.0,
        True,
        "33",
        None,
        (3,),
        (1, 2, 3),
        ((0, 1), (1,)),
        {3, 4},
        np.ones((2, 2)),
    ],
)
def test_pairs_that_are_none(value):
    with pytest.raises(ArgumentError, match=r"size must be .*whole number"):
        _arguments.pair(value, "size")


def test_a_method_that_is_inherited_is_named_after_the_object():
    from imgcls_helpers.scratch import Adam

    with pytest.raises(ArgumentError, match=r"^Adam\.apply: gradients must be 0"):
        Adam().apply([np.ones(2)], [])


def test_paths_in_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for text, found in (
        ("", None),
        (" ", None),
        ("~", tmp_path),
        ("~/a b", tmp_path / "a b"),
        ("here", Path("here")),
    ):
        monkeypatch.setenv("IMGCLS_TRIED", text)
        assert _arguments.path_in("IMGCLS_TRIED") == found
    monkeypatch.delenv("IMGCLS_TRIED")
    assert _arguments.path_in("IMGCLS_TRIED") is None


def test_any_array_forgets_no_mask():
    assert _arguments.any_array([[1, 2]], "x", "numbers").shape == (1, 2)
    for value in ([[1, 2], [3]], np.ma.MaskedArray([1, 2], [0, 1])):
        message = refusal(_arguments.any_array, value, name="x", expected="numbers")
        assert "x must be numbers" in message
    with pytest.raises(ArgumentError, match="Cut it"):
        _arguments.any_array([[1], []], "x", "numbers", lambda: "Cut it.")
