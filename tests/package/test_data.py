"""Parts, splits and data sets, and what they refuse."""

import dataclasses
import gzip
import hashlib
import http.server
import os
import pickle
import re
import socket
import subprocess
import sys
import threading
import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcls_helpers import data
from imgcls_helpers._arguments import ArgumentError
from imgcls_helpers._turns import one_at_a_time
from imgcls_helpers.data import (
    Dataset,
    DataUnavailableError,
    Part,
    _download,
    _known,
    load_dataset,
    split_indices,
)

IMAGES = np.arange(6 * 4 * 5 * 3, dtype=np.uint8).reshape(6, 4, 5, 3)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def part_of(labels, classes=None):
    """Make a part whose images hold their own position."""
    n = len(labels)
    images = np.zeros((n, 1, 1, 3), np.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = np.arange(n) % 256, np.arange(n) // 256
    masks = (np.arange(n) % 2 == 0)[:, None, None]
    return Part(images, np.asarray(labels), masks=masks, classes=classes)


def positions(part):
    """Read the positions back from the images; check that all rows kept step."""
    images = part.images.astype(int)
    at = images[:, 0, 0, 0] + 256 * images[:, 0, 0, 1]
    assert np.array_equal(at, part.indices)
    assert np.array_equal(at % 2 == 0, part.masks[:, 0, 0])
    return at


# ---------------------------------------------------------------- Part


def test_part_fills_in_what_is_not_given():
    part = Part(IMAGES, LABELS.astype(np.uint8))
    images, labels = part
    assert images is part.images and labels is part.labels and len(part) == 6
    assert labels.dtype == np.int64 and np.array_equal(labels, LABELS)
    assert np.array_equal(part.true_labels, LABELS)
    assert np.array_equal(part.indices, np.arange(6))
    assert part.classes == 3 and part.masks is None
    assert repr(part) == "Part(6 images, 4x5x3, 3 classes)"
    with pytest.raises(dataclasses.FrozenInstanceError):
        part.labels = LABELS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": IMAGES.tolist()}, "images must be a uint8 array"),
        ({"images": IMAGES / 255}, "dtype float64"),
        ({"images": IMAGES[..., 0]}, r"images\[..., None\]"),
        ({"images": IMAGES.transpose(0, 3, 1, 2)}, r"transpose\(0, 2, 3, 1\)"),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, "none of them 0"),
        ({"images": IMAGES[..., :2]}, r"C = 1 \(grey\) or 3 \(colour\)"),
        ({"labels": LABELS[:5]}, "labels must be 6 class numbers, one an image; got 5"),
        ({"labels": LABELS[:, None]}, r"labels\[:, 0\]"),
        ({"labels": np.eye(6)}, r"argmax\(axis=1\)"),
        ({"labels": LABELS.astype(float)}, "dtype float64"),
        ({"labels": LABELS - 1}, "labels must be 0 or more; got -1 at position 0"),
        ({"labels": LABELS > 0}, "whole numbers"),
        (
            {"true_labels": LABELS[:2]},
            "true_labels must be 6 class numbers, one an image",
        ),
        ({"indices": np.arange(7)}, "indices must be 6 positions, one an image; got 7"),
        ({"masks": np.zeros((6, 4, 5))}, "masks must be a bool array"),
        ({"masks": np.zeros((6, 5, 4), bool)}, r"shape \(6, 4, 5\)"),
        ({"classes": 2}, "labels must be below 2, the number of classes; got 2"),
        ({"classes": 2.5}, "classes must be a whole number"),
    ],
)
def test_part_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        Part(**{"images": IMAGES, "labels": LABELS, **change})


class Column:
    """A column of a table, as pandas gives it, without pandas."""

    def __init__(self, values):
        self.values, self.shape = values, values.shape

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)


def column(values):
    return Column(np.asarray(values))


def pandas_column(values):
    return pytest.importorskip("pandas").Series(values)


TAKES_LABELS = {
    "Part": lambda labels: Part(IMAGES, labels).labels,
    "true_labels": lambda labels: Part(IMAGES, LABELS, labels).true_labels,
    "split_indices": lambda labels: LABELS if split_indices(labels, [1.0]) else None,
}


@pytest.mark.parametrize("take", TAKES_LABELS.values(), ids=TAKES_LABELS)
@pytest.mark.parametrize(
    "make",
    [
        list,
        tuple,
        lambda labels: np.array(labels, np.uint8),
        lambda labels: np.array(labels, np.uint64),
        lambda labels: np.array(labels, object),
        column,
        pandas_column,
    ],
)
def test_labels_of_every_kind_are_taken(take, make):
    found = take(make(LABELS.tolist()))
    assert found.dtype == np.int64 and np.array_equal(found, LABELS)


@pytest.mark.parametrize("take", TAKES_LABELS.values(), ids=TAKES_LABELS)
@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.ma.MaskedArray(LABELS, LABELS == 1), "compressed"),
        ((LABELS - 1).astype(np.uint64), "below|int64"),
        (np.array([0, 1, 2, 0, 1, None], object), "NoneType"),
        (np.array([0, 1, 2, 0, 1, 0.5], object), "fractions"),
        (np.eye(3)[LABELS], "argmax"),
        (np.minimum(np.eye(3)[LABELS] + np.eye(3)[0], 1), "4 have several ones"),
        (np.array([b"cat", b"dog", b"owl"] * 2), "np.unique"),
        (LABELS.astype("S"), "astype"),
        (LABELS == 1, "False class 0"),
        (column(LABELS / 2), "fractions"),
        (column(LABELS * 1.0), "astype"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_labels_of_other_kinds_are_refused_by_name(take, labels, words):
    with pytest.raises(ArgumentError, match=rf"labels must be .*; got .*({words})"):
        take(labels)


def test_take_by_position_and_by_choice():
    part = part_of([0, 1, 2, 0, 1, 2], classes=5)
    assert positions(part.take([4, 0, 4])).tolist() == [4, 0, 4]
    chosen = part.take(part.labels == 1)
    assert positions(chosen).tolist() == [1, 4] and chosen.classes == 5
    assert positions(chosen.take([1])).tolist() == [4]  # of the original split
    assert not np.shares_memory(chosen.images, part.images)
    noisy = part.noisy(1).take([5, 2])
    assert noisy.true_labels.tolist() == [2, 2] and 2 not in noisy.labels


@pytest.mark.parametrize(
    "indices", [[], [6], [-1], [0.0], [[0]], np.ones(5, bool), np.zeros(6, bool), 3]
)
def test_take_refuses(indices):
    with pytest.raises(ValueError, match=r"must (be|lie|have)"):
        part_of(LABELS).take(indices)


label_lists = st.lists(st.integers(0, 4), min_size=1, max_size=80)


@settings(deadline=None, max_examples=60)
@given(labels=label_lists, seed=st.integers(0, 9), where=st.floats(0, 1))
def test_subset_keeps_proportions_and_nests(labels, seed, where):
    part = part_of(labels)
    n = 1 + int(where * (len(labels) - 1))
    chosen = positions(part.subset(n, seed))
    assert len(set(chosen.tolist())) == n
    exact = np.bincount(labels) * n / len(labels)
    assert (
        np.abs(np.bincount(part.labels[chosen], minlength=len(exact)) - exact) < 2.5
    ).all()
    fewer = positions(part.subset(max(1, n // 2), seed))
    assert set(fewer.tolist()) <= set(chosen.tolist())


def test_subset_of_equal_classes_is_exact_and_in_no_order():
    part = part_of(np.repeat(np.arange(4), 100))
    one, two = part.subset(40, 1), part.subset(40, 2)
    assert np.bincount(one.labels).tolist() == [10] * 4
    assert set(one.indices) != set(two.indices)
    blocks = np.sort(one.labels.reshape(10, 4), axis=1)
    assert not np.array_equal(one.labels, np.sort(one.labels))
    assert not (blocks == np.arange(4)).all()  # nor class after class in turn


@pytest.mark.parametrize("n", [0, 7, 2.0, True, None])
def test_subset_refuses(n):
    with pytest.raises(ValueError, match="n must be"):
        part_of(LABELS).subset(n)


def test_imbalanced():
    part = part_of(np.arange(400) % 4)
    chosen = part.imbalanced({1: 0.1, 3: 0.25}, seed=3)
    assert np.bincount(part.labels[positions(chosen)]).tolist() == [100, 10, 100, 25]
    same = part.imbalanced([1, 0.1, 1, 0.25], seed=3)
    assert np.array_equal(chosen.indices, same.indices)
    other = part.imbalanced([1, 0.1, 1, 0.25], seed=4)
    assert set(chosen.indices) != set(other.indices)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ([0.5, 0.5], "one number for each of the 3 classes"),
        (0.5, "one number for each of the 3 classes"),
        ({0: 0}, "share of class 0 must be a number above 0"),
        ({0: 1.5}, "share of class 0 must be a number above 0, at most 1"),
        ({0: float("nan")}, "share of class 0 must be a number"),
        ({3: 0.5}, "a class number in shares must be .* 0 to 2; got 3"),
        ({0: 0.1}, "enough for one of its 2 images; got 0.1"),
    ],
)
def test_imbalanced_refuses(shares, message):
    with pytest.raises(ValueError, match=message):
        part_of(LABELS).imbalanced(shares)


@settings(deadline=None, max_examples=40)
@given(
    labels=label_lists,
    fraction=st.floats(0, 1),
    kind=st.sampled_from(["uniform", "next"]),
    seed=st.integers(0, 5),
)
def test_noise_is_exact_and_keeps_the_truth(labels, fraction, kind, seed):
    part = part_of(labels, classes=5)
    noisy = part.noisy(fraction, kind, seed)
    changed = noisy.labels != noisy.true_labels
    assert changed.sum() == int(np.floor(fraction * len(labels) + 0.5))
    assert np.array_equal(noisy.true_labels, labels)
    assert np.array_equal(part.labels, labels)
    assert noisy.labels.min() >= 0 and noisy.labels.max() < 5
    if kind == "next":
        assert ((noisy.labels - noisy.true_labels) % 5 == changed).all()
    positions(noisy)


def test_uniform_noise_reaches_every_other_class():
    noisy = part_of(np.zeros(4000, int), classes=5).noisy(1)
    counts = np.bincount(noisy.labels, minlength=5)
    assert counts[0] == 0 and (np.abs(counts[1:] - 1000) < 120).all()
    assert "4000 labels changed" in repr(noisy)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.1,), "fraction must be a number from 0 to 1"),
        ((float("nan"),), "fraction must be"),
        (("0.2",), "fraction must be"),
        ((0.2, "pairs"), "kind must be one of 'uniform', 'next'; got 'pairs'"),
        ((0.2, "next", -1), "seed must be"),
    ],
)
def test_noisy_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        part_of(LABELS).noisy(*arguments)


def test_noisy_refuses_noise_upon_noise_and_a_single_class():
    with pytest.raises(
        ValueError, match="without label noise; got one with 3 labels changed"
    ):
        part_of(LABELS).noisy(0.5).noisy(0.5)
    with pytest.raises(ValueError, match="two classes"):
        part_of([0, 0]).noisy(0.5)


# ---------------------------------------------------------------- splits


@settings(deadline=None, max_examples=80)
@given(
    counts=st.lists(st.integers(3, 60), min_size=1, max_size=6),
    cut=st.tuples(st.floats(0.02, 0.98), st.floats(0.02, 0.98)),
    seed=st.integers(0, 5),
)
def test_split_is_a_stratified_partition(counts, cut, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    a, b = sorted(cut)
    shares = [s for s in (a, b - a, 1 - b) if s > 0]
    parts = split_indices(labels, shares, seed)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(labels)))
    for part, share in zip(parts, shares, strict=True):
        got = np.bincount(labels[part], minlength=len(counts))
        assert got.min() >= 1
        exact = np.array(counts) * share
        # Within one, but where a part would be empty and another gives.
        assert (got - exact < 1 + 1e-6).all()
        assert (exact - got < len(shares)).all()
    again = split_indices(labels, shares, seed)
    assert all(np.array_equal(x, y) for x, y in zip(parts, again, strict=True))


def test_split_sizes_come_out_even():
    labels = np.random.RandomState(0).randint(0, 10, 5000)
    sizes = [len(p) for p in split_indices(labels, (0.7, 0.1, 0.2), 0)]
    assert np.abs(np.array(sizes) - (3500, 500, 1000)).max() <= 1


def test_split_is_the_same_on_every_machine():
    parts = split_indices(np.arange(1000) % 7, (0.8, 0.2), 5)
    raw = np.concatenate(parts).astype("<i8").tobytes()
    assert (
        hashlib.sha256(raw).hexdigest()
        == "241de5ab5fb8f418bae352a6937d84066185d1703ad5f40059578a1654715c29"
    )
    other = split_indices(np.arange(1000) % 7, (0.8, 0.2), 6)
    assert not np.array_equal(parts[1], other[1])


@pytest.mark.parametrize(
    ("labels", "fractions", "message"),
    [
        ([], (0.5, 0.5), "N at least 1"),
        ([0, 1], (0.5, 0.6), "add up to 1"),
        ([0, 1], (), "shares of the whole"),
        ([0, 1], (1.0, 0.0), "must be a number above 0"),
        ([0, 1], (float("nan"), 0.5), "fractions must be finite"),
        ([0, 0, 1], (0.5, 0.5), "2 of each class or more.* got 1 of class 1"),
        ([0.0, 1.0], (0.5, 0.5), "whole numbers"),
        (["a", "b"], (0.5, 0.5), "whole numbers"),
    ],
)
def test_split_refuses(labels, fractions, message):
    with pytest.raises(ValueError, match=message):
        split_indices(labels, fractions)


# ---------------------------------------------------------------- load_dataset


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """No data folder, an empty Keras cache, and no network."""
    monkeypatch.delenv("IMGCLS_DATA", raising=False)
    monkeypatch.setenv("IMGCLS_OFFLINE", "1")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    (tmp_path / "keras" / "datasets").mkdir(parents=True)
    return tmp_path


def arrays(name="mnist", n=40):
    shape = _known.KNOWN[name].shape
    shape = shape[:2] if shape[2] == 1 else shape
    rng = np.random.RandomState(0)
    return {
        "x_train": rng.randint(0, 256, (n, *shape)).astype(np.uint8),
        "y_train": (np.arange(n) % 10).astype(np.uint8),
        "x_test": rng.randint(0, 256, (n // 2, *shape)).astype(np.uint8),
        "y_test": (np.arange(n // 2) % 10).astype(np.uint8),
    }


@pytest.fixture
def folder(nowhere, monkeypatch):
    """A data folder with a small mnist.npz."""
    path = nowhere / "my-data"
    path.mkdir()
    np.savez(path / "mnist.npz", **arrays())
    monkeypatch.setenv("IMGCLS_DATA", str(path))
    return path


def test_shapes_and_digits_need_nothing(nowhere):
    found = load_dataset("shapes")
    assert [len(p) for p in (found.train, found.validation, found.test)] == [
        9000,
        1000,
        2000,
    ]
    assert found.train.masks.shape == (9000, 32, 32) and found.notice == ""
    assert np.bincount(found.validation.labels).tolist() == [100] * 10
    digits = load_dataset("digits", validation=0.2, seed=1)
    assert digits.train.images.shape[1:] == (8, 8, 1)
    assert digits.train.images.max() == 255 and digits.train.images.min() == 0
    assert digits.test.indices.tolist() == load_dataset("digits").test.indices.tolist()
    together = [digits.train, digits.validation, digits.test]
    assert sorted(np.concatenate([p.indices for p in together])) == list(range(1797))


def test_folder_is_read(folder):
    raw = arrays()
    found = load_dataset("mnist", validation=0.25, seed=2)
    assert found.train.images.shape == (30, 28, 28, 1)
    assert found.test.labels.dtype == np.int64
    for part in (found.train, found.validation):
        assert np.array_equal(part.images[..., 0], raw["x_train"][part.indices])
        assert np.array_equal(part.labels, raw["y_train"][part.indices])
    assert np.array_equal(found.test.images[..., 0], raw["x_test"])
    both = np.concatenate([found.train.indices, found.validation.indices])
    assert sorted(both) == list(range(40))
    assert np.bincount(found.validation.labels).tolist() == [1] * 10
    other = load_dataset("mnist", validation=0.25, seed=3).validation.indices
    assert set(found.validation.indices) != set(other)
    whole = load_dataset("mnist", validation=0)
    assert whole.validation is None and len(whole.train) == 40


def test_folder_may_be_written_in_several_ways(folder, monkeypatch):
    sure = load_dataset("mnist").test.images
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.setenv("USERPROFILE", str(folder.parent))
    monkeypatch.chdir(folder.parent)
    other = folder / "cifar10.npz"
    np.savez(other, **arrays("cifar10"))
    for text in ("~/my-data", "~/my-data/", "my-data", "./my-data/mnist.npz", other):
        monkeypatch.setenv("IMGCLS_DATA", str(text))
        assert np.array_equal(load_dataset("mnist").test.images, sure)
        assert data.dataset_file("mnist").name == "mnist.npz"
    for text in ("", " "):
        monkeypatch.setenv("IMGCLS_DATA", text)
        assert data.dataset_file("mnist") is None


@pytest.mark.parametrize("wrong", ["gone", "gone/mnist.npz", "my-data/own.npz"])
def test_what_is_no_folder_is_refused_with_what_to_set(folder, monkeypatch, wrong):
    (folder / "own.npz").write_bytes(b"x")
    path = folder.parent / wrong
    monkeypatch.setenv("IMGCLS_DATA", str(path))
    words = r"IMGCLS_DATA must be a folder; got '(.*?)'.*holds mnist\.npz, or unset it"
    with pytest.raises(ArgumentError, match=words) as caught:
        load_dataset("mnist", fallback="digits")
    assert str(path) in str(caught.value)


def test_card_tells_source_and_notice_but_no_path(folder):
    found = load_dataset("mnist")
    assert "not checked against the original MNIST" in found.notice
    for card in (" ".join(repr(found).split()), found._repr_html_()):
        assert found.notice in card and "mnist.npz in the folder" in card
        assert str(folder) not in card and "CC BY-SA 3.0" in card
    (folder / "mnist.txt").write_text("Saved <anew> as JPEG.\nMore.\n", "utf-8")
    found = load_dataset("mnist")
    assert found.notice == "Saved <anew> as JPEG."
    assert "Saved &lt;anew&gt; as JPEG." in found._repr_html_()
    assert "<anew>" not in found._repr_html_()


def test_no_notice_for_the_original_file(folder, monkeypatch):
    sha256 = hashlib.sha256((folder / "mnist.npz").read_bytes()).hexdigest()
    known = dataclasses.replace(_known.KNOWN["mnist"], cached={"mnist.npz": sha256})
    monkeypatch.setitem(_known.KNOWN, "mnist", known)
    assert load_dataset("mnist").notice == ""


@pytest.mark.parametrize("form", ["column labels", "channels first", "int64 labels"])
def test_forms_of_keras_are_understood(folder, form):
    raw = arrays("cifar10")
    saved = dict(raw)
    for part in ("train", "test"):
        if form == "column labels":
            saved[f"y_{part}"] = raw[f"y_{part}"][:, None]
        elif form == "channels first":
            saved[f"x_{part}"] = raw[f"x_{part}"].transpose(0, 3, 1, 2)
        else:
            saved[f"y_{part}"] = raw[f"y_{part}"].astype(np.int64)
    np.savez_compressed(folder / "cifar10.npz", **saved)
    found = load_dataset("cifar10", validation=0)
    assert np.array_equal(found.train.images, raw["x_train"])
    assert np.array_equal(found.test.labels, raw["y_test"])


class Trap:
    """Unpickling this would leave a trace."""

    def __reduce__(self):
        return (os.mkdir, ("unpickled",))


def spoil_truncate(path):
    path.write_bytes(path.read_bytes()[:-2000])


def spoil_middle(path):
    raw = bytearray(path.read_bytes())
    raw[5000] ^= 255
    path.write_bytes(raw)


def spoil_empty(path):
    path.write_bytes(b"")


def spoil_text(path):
    path.write_text("<html>404 Not Found</html>", "utf-8")


def spoil_pickle(path):
    path.write_bytes(pickle.dumps(Trap()))


def spoil_objects(path):
    objects = np.array([Trap()] * 40, dtype=object)
    np.savez(path, **{**arrays(), "y_train": objects})


def spoil_npy(path):
    with path.open("wb") as file:
        np.save(file, arrays()["x_train"])


def saves(**change):
    def spoil(path):
        kept = {**arrays(), **change}
        np.savez(path, **{k: v for k, v in kept.items() if v is not None})

    return spoil


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_npy, "got one array without a name"),
        (saves(x_test=np.zeros((20, 28, 27), np.uint8)), r"got .*\(20, 28, 27\)"),
        (saves(x_train=np.zeros((0, 28, 28), np.uint8)), r"got .*\(0, 28, 28\)"),
        (saves(x_train=np.uint8(3)), "x_train in .* must be uint8"),
        (saves(y_train=np.zeros(39, np.uint8)), r"y_train in .* must be .*\(40,\)"),
        (saves(y_train=np.zeros((40, 10))), "y_train in .* must be whole numbers"),
        (saves(y_test=np.full(20, -1)), "y_test in .* must be from 0 to 9"),
    ],
)
def test_bad_files_are_named(folder, monkeypatch, spoil, message):
    monkeypatch.chdir(folder)
    path = folder / "mnist.npz"
    spoil(path)
    with pytest.raises(ValueError, match=message) as caught:
        load_dataset("mnist", fallback="shapes")  # no silent way around it
    assert str(path) in str(caught.value)
    assert not (folder / "unpickled").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": "imagenet"},
        {"name": ["mnist"]},
        {"validation": 1},
        {"validation": -0.1},
        {"validation": float("nan")},
        {"validation": "0.1"},
        {"seed": 1.5},
        {"fallback": "mnist"},
    ],
)
def test_load_dataset_refuses(arguments):
    name = next(iter(arguments))
    with pytest.raises(ValueError, match=f"^load_dataset: {name} must "):
        load_dataset(**{"name": "digits", **arguments})


def test_offline_fails_at_once_and_names_three_ways(nowhere, monkeypatch):
    monkeypatch.setattr(
        _download, "probe", lambda url: pytest.fail("asked the network")
    )
    with pytest.raises(DataUnavailableError) as caught:
        load_dataset("cifar10")
    message = str(caught.value)
    for needed in ("network", "IMGCLS_DATA", "cifar10.npz", "fallback=", "OFFLINE"):
        assert needed in message
    assert not list((nowhere / "keras").rglob("*.*"))


@pytest.mark.parametrize("text", ["", "0", "false", "No", "off"])
def test_offline_that_is_off(nowhere, monkeypatch, text):
    monkeypatch.setenv("IMGCLS_OFFLINE", text)
    monkeypatch.setattr(_download, "probe", lambda url: "it was asked")
    with pytest.raises(DataUnavailableError, match="it was asked"):
        load_dataset("mnist")


def test_offline_that_says_neither(nowhere, monkeypatch):
    monkeypatch.setenv("IMGCLS_OFFLINE", "perhaps")
    with pytest.raises(ArgumentError, match=r"IMGCLS_OFFLINE must be 1 .*'perhaps'"):
        load_dataset("mnist", fallback="digits")


def test_unreachable_says_why(nowhere, monkeypatch):
    monkeypatch.setenv("IMGCLS_OFFLINE", "0")
    monkeypatch.setattr(_download, "probe", lambda url: "no answer within 5 seconds")
    with pytest.raises(DataUnavailableError, match=r"toronto.*no answer within 5"):
        load_dataset("cifar100")


@pytest.mark.parametrize("fallback", ["shapes", "digits"])
def test_fallback_is_named_where_it_shows(nowhere, fallback):
    found = load_dataset("cifar10", fallback=fallback, validation=0.2, seed=4)
    assert found.name == fallback
    assert "CIFAR-10 is out of reach" in found.notice and fallback in found.notice
    assert found.notice in " ".join(repr(found).split())
    plain = load_dataset(fallback, validation=0.2, seed=4)
    assert np.array_equal(found.validation.indices, plain.validation.indices)


class FakeKeras(types.ModuleType):
    """Stands in for keras.datasets.mnist, which would need the network."""

    calls = 0
    error = None
    timeout = None

    def load_data(self):
        self.calls += 1
        self.timeout = socket.getdefaulttimeout()
        print("a progress bar")
        if self.error:
            raise self.error
        raw = arrays()
        return (raw["x_train"], raw["y_train"]), (raw["x_test"], raw["y_test"])


@pytest.fixture
def keras_mnist(nowhere, monkeypatch):
    """Keras can download MNIST."""
    fake = FakeKeras("keras.datasets.mnist")
    monkeypatch.setitem(sys.modules, "keras.datasets.mnist", fake)
    monkeypatch.delenv("IMGCLS_OFFLINE")
    monkeypatch.setattr(_download, "probe", lambda url: None)
    fake.folder = nowhere / "keras" / "datasets"
    return fake


def test_download_is_kept_and_read_again(keras_mnist, monkeypatch, capsys):
    found = load_dataset("mnist")
    assert keras_mnist.calls == 1 and found.notice == ""
    assert keras_mnist.timeout == _download._SOCKET_SECONDS
    assert socket.getdefaulttimeout() is None
    printed = capsys.readouterr().out
    assert printed == "Downloading MNIST (11 MB, once)\n"
    monkeypatch.setenv("IMGCLS_OFFLINE", "1")
    again = load_dataset("mnist")
    assert keras_mnist.calls == 1 and capsys.readouterr().out == ""
    assert np.array_equal(found.train.images, again.train.images)
    assert repr(found) == repr(again)
    kept = sorted(p.name for p in (keras_mnist.folder / "imgcls").iterdir())
    assert kept == ["mnist.lock", "mnist.npz"]


def test_cache_of_keras_is_used_only_whole(keras_mnist, monkeypatch):
    monkeypatch.setenv("IMGCLS_OFFLINE", "1")
    path = keras_mnist.folder / "mnist.npz"
    path.write_bytes(b"original")
    with pytest.raises(DataUnavailableError, match=r"mnist\.npz is damaged") as caught:
        load_dataset("mnist")
    assert str(path) in str(caught.value) and keras_mnist.calls == 0
    sha256 = hashlib.sha256(b"original").hexdigest()
    known = dataclasses.replace(_known.KNOWN["mnist"], cached={"mnist.npz": sha256})
    monkeypatch.setitem(_known.KNOWN, "mnist", known)
    assert len(load_dataset("mnist").test) == 20 and keras_mnist.calls == 1


def test_failed_download(keras_mnist):
    keras_mnist.error = Exception("URL fetch failure")
    with pytest.raises(DataUnavailableError, match="failed: URL fetch failure"):
        load_dataset("mnist")
    assert socket.getdefaulttimeout() is None
    assert not (keras_mnist.folder / "imgcls" / "mnist.npz").exists()
    assert "MNIST is out of reach" in load_dataset("mnist", fallback="digits").notice


def test_one_at_a_time(tmp_path):
    order = []

    def enter():
        with one_at_a_time(tmp_path / "x.lock"):
            order.append("second")

    with one_at_a_time(tmp_path / "x.lock"):
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join(0.3)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_real_keras_reads_its_cache_without_network(nowhere):
    cache = nowhere / "keras" / "datasets" / "fashion-mnist"
    cache.mkdir()
    raw = arrays("fashion_mnist")
    for part, name in (("train", "train"), ("test", "t10k")):
        images, labels = raw[f"x_{part}"].tobytes(), raw[f"y_{part}"].tobytes()
        images, labels = bytes(16) + images, bytes(8) + labels
        (cache / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (cache / f"{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    program = """if True:
        import shutil, sys
        from pathlib import Path
        from imgcls_helpers.data import load_dataset, DataUnavailableError
        found = load_dataset("fashion_mnist", validation=0)
        print(int(found.train.images.sum()), len(found.test), found.source)
        cache = Path(sys.argv[1])
        shutil.rmtree(cache.parent / "imgcls")
        path = cache / "t10k-images-idx3-ubyte.gz"
        path.write_bytes(path.read_bytes()[:-100])
        try:
            load_dataset("fashion_mnist")
        except DataUnavailableError as error:
            print(error)
    """
    (nowhere / "here").mkdir()
    home = {"HOME": str(nowhere), "USERPROFILE": str(nowhere), "KERAS_HOME": "~/keras"}
    run = subprocess.run(
        [sys.executable, "-c", program, str(cache)],
        cwd=nowhere / "here",
        env=os.environ | home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    first, second = run.stdout.strip().splitlines()
    assert first == f"{raw['x_train'].sum()} 20 downloaded by keras.datasets"
    assert "damaged, delete it" in second and "t10k-images" in second
    assert not list((nowhere / "here").iterdir())  # Keras alone makes a folder "~"
    assert (nowhere / "keras" / "keras.json").is_file()


class Server(http.server.BaseHTTPRequestHandler):
    """Answers HEAD requests: found, or not."""

    def do_HEAD(self):
        self.send_response(200 if self.path == "/here" else 404)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def no_proxy(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_probe_of_a_server(no_proxy):
    with http.server.HTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        assert _download.probe(url + "/here", 120) is None
        assert "404" in _download.probe(url + "/gone", 120)
        server.shutdown()
    assert "refused" in _download.probe(url + "/here", 120)


def test_probe_does_not_wait_for_a_silent_server(no_proxy):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        problem = _download.probe(f"http://127.0.0.1:{silent.getsockname()[1]}/", 0.3)
    assert "timed out" in problem or "no answer" in problem


def test_probe_does_not_wait_for_name_lookup(no_proxy, monkeypatch):
    free = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: free.wait(3600))
    assert (
        _download.probe("http://example.invalid/", 0.3)
        == "no answer within 0.3 seconds"
    )
    free.set()


def test_dataset_is_taken_part_by_part():
    dataset = load_dataset("digits")
    with pytest.raises(ArgumentError, match="a Part; got a Dataset") as caught:
        _images, _labels = dataset
    (code,) = re.findall("`(.*?)`", str(caught.value))
    found = {"dataset": dataset}
    exec(code, found)
    assert found["images"] is dataset.train.images


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"train": (IMAGES, LABELS)},
            r"train must be a Part; .* `Part\(images, labels",
        ),
        ({"train": None}, "train must be a Part; got None"),
        ({"test": IMAGES}, "test must be a Part; got an array"),
        ({"class_names": ("a", "b")}, "class_names must be 3 names.*; got 2"),
        ({"class_names": "abc"}, "class_names must be a list of names"),
    ],
)
def test_dataset_refuses(change, message):
    right = {"name": "own", "train": Part(IMAGES, LABELS), "validation": None}
    right |= {"test": None, "class_names": ["a", "b", "c"]}
    assert Dataset(**right).class_names == ("a", "b", "c")
    with pytest.raises(ArgumentError, match=f"^Dataset: {message}"):
        Dataset(**right | change)


def test_card_as_text_and_as_a_table():
    part = part_of([0, 1] * 600)
    long = "Words to break a line at, " * 5 + "and the end."
    card = Dataset("own", part, None, part.take([0]), ("a", "b"), notice=long)
    lines = repr(card).splitlines()
    assert lines[0] == "Data set 'own'" and max(map(len, lines)) <= 72
    assert lines[1].startswith("Notice   Words") and lines[2].startswith(
        " " * 9 + "break"
    )
    assert "Images   1,200 train, 1 test" in lines and "Size     1 x 1" in repr(card)
    assert f"<strong>{long}</strong>" in card._repr_html_()
    assert card._repr_html_().count("<strong>") == 1


def test_dataset_card_shortens_long_lists():
    part = part_of(np.arange(100), classes=100)
    names = tuple(f"<class {k}>" for k in range(100))
    skipped = tuple((f"{k}.png", "the file is empty") for k in range(9))
    card = Dataset("<own>", part, None, None, names, skipped=skipped)._repr_html_()
    assert "<own>" not in card
    assert "100: &lt;class 0&gt;" in card and "class 50" not in card
    assert "9 files: 0.png: the file is empty" in card and "8.png" not in card
    assert "100 train" in card and "validation" not in card
