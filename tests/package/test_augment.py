"""Augmentation, tested by geometry, by exact shares, and by feeding Keras."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcls_helpers import augment, data, training
from imgcls_helpers.augment._geometry import FILLS
from imgcls_helpers.shapes import make_shapes

IMAGES, LABELS, MASKS = make_shapes(64, seed=11)
ONE_HOT = data.one_hot(LABELS, 10)

GEOMETRIC = [
    augment.RandomFlip(),
    augment.RandomFlip(horizontal=False, vertical=True),
    augment.RandomFlip(True, True),
    augment.RandomCrop(5),
    augment.RandomCrop(4),
    augment.RandomRotation(180),
    augment.RandomScale(0.5, 2.0),
]
OTHERS = [augment.RandomColour(), augment.Cutout(8), augment.Cutout(5, 0)]
MIXING = [augment.MixUp(0.4), augment.CutMix(1.0)]
OPERATIONS = GEOMETRIC + OTHERS


def rng(seed=0):
    return np.random.default_rng(seed)


def with_black(operation):
    """The same operation, with black coming in where it has a choice."""
    if hasattr(operation, "fill"):
        return dataclasses.replace(operation, fill="constant")
    return operation


def overlap(a, b):
    return (a & b).sum() / (a | b).sum()


# --- What all operations have in common ---------------------------------------------


@pytest.mark.parametrize("operation", OPERATIONS + MIXING, ids=repr)
def test_shape_dtype_and_no_change_in_place(operation):
    images, labels = IMAGES.copy(), ONE_HOT.copy()
    out, out_labels = operation(images, rng(), labels=labels)
    assert out.shape == images.shape
    assert out.dtype == np.uint8
    assert out_labels.shape == labels.shape
    assert not np.shares_memory(out, images)
    assert (images == IMAGES).all()
    assert (labels == ONE_HOT).all()
    assert (out != images).any()  # it does something


@pytest.mark.parametrize("operation", OPERATIONS, ids=repr)
def test_what_is_given_comes_back_in_order(operation):
    alone = operation(IMAGES, rng())
    assert isinstance(alone, np.ndarray)
    images, labels = operation(IMAGES, rng(), labels=LABELS)
    assert (images == alone).all()
    assert (labels == LABELS).all()
    images, masks = operation(IMAGES, rng(), masks=MASKS)
    assert (images == alone).all()
    assert masks.shape == MASKS.shape
    assert masks.dtype == bool
    assert not np.shares_memory(masks, MASKS)
    images, labels, again = operation(IMAGES, rng(), labels=LABELS, masks=MASKS)
    assert (images == alone).all()
    assert (labels == LABELS).all()
    assert (again == masks).all()


@pytest.mark.parametrize("operation", OPERATIONS + MIXING, ids=repr)
def test_one_draw_an_image(operation):
    # Copies of one image: if all were changed alike, the views would be equal.
    images = np.repeat(IMAGES[:1], 64, axis=0)
    if isinstance(operation, augment.MixUp | augment.CutMix):
        images[::2] = IMAGES[1]
    views = operation(images, rng(), labels=ONE_HOT)[0]
    different = len(np.unique(views.reshape(64, -1), axis=0))
    assert different >= (2 if isinstance(operation, augment.RandomFlip) else 10)


@pytest.mark.parametrize("operation", OPERATIONS + MIXING, ids=repr)
def test_the_generator_alone_decides(operation):
    first = operation(IMAGES, rng(3), labels=ONE_HOT)[0]
    assert (operation(IMAGES, rng(3), labels=ONE_HOT)[0] == first).all()
    assert (operation(IMAGES, rng(4), labels=ONE_HOT)[0] != first).any()


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 5),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    channels=st.integers(1, 6),
    seed=st.integers(0, 2**32 - 1),
    fill=st.sampled_from(FILLS),
    kind=st.sampled_from(["bool", "uint8", "float32"]),
)
def test_any_shape(n, height, width, channels, seed, fill, kind):
    generator = rng(seed)
    images = generator.integers(0, 256, (n, height, width, channels), dtype=np.uint8)
    masks = (images[..., 0] > 127).astype(kind)
    reach = min(height, width) - 1
    labels = data.one_hot(generator.integers(0, 3, n), 3)
    for operation in (
        augment.RandomFlip(True, True),
        augment.RandomCrop(reach, fill),
        augment.RandomRotation(180, fill),
        augment.RandomScale(0.3, 3.0, fill),
        augment.Cutout(1),
        augment.CutMix(),
    ):
        out, mixed, moved = operation(images, generator, labels=labels, masks=masks)
        assert out.shape == images.shape
        assert out.dtype == np.uint8
        assert moved.shape == masks.shape
        assert moved.dtype == masks.dtype
        assert set(np.unique(moved)) <= {0, 1}
        assert np.allclose(mixed.sum(axis=1), 1)
        # Interpolation never leaves the range of what is there (0 comes in).
        low = 0 if fill == "constant" else images.min()
        if not isinstance(operation, augment.Cutout):
            assert low <= out.min()
            assert out.max() <= images.max()


def test_other_orders_in_memory_give_the_same():
    strange = np.asfortranarray(IMAGES)
    sliced = np.repeat(IMAGES, 2, axis=2)[:, :, ::2]
    for operation in OPERATIONS + MIXING:
        expected = operation(IMAGES, rng(), labels=ONE_HOT)[0]
        assert (operation(strange, rng(), labels=ONE_HOT)[0] == expected).all()
        assert (operation(sliced, rng(), labels=ONE_HOT)[0] == expected).all()


# --- Geometry -----------------------------------------------------------------------


@pytest.mark.parametrize("operation", GEOMETRIC, ids=repr)
def test_an_object_moves_exactly_as_its_mask(operation):
    white = np.where(MASKS[..., None], np.uint8(255), np.uint8(0))
    image, mask = with_black(operation)(white, rng(1), masks=MASKS)
    seen = image[..., 0] > 127
    if isinstance(operation, augment.RandomRotation | augment.RandomScale):
        # An edge pixel of the image is grey; that of a mask is the nearest one.
        assert overlap(seen, mask) > 0.94
        assert overlap(seen, MASKS) < 0.8  # it did move
    else:
        assert (seen == mask).all()
        assert (mask != MASKS).any()


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("operation", GEOMETRIC, ids=repr)
def test_masks_have_nothing_outside(operation, fill):
    # All is object: what comes in from outside is none, whatever the image shows.
    everything = np.ones_like(MASKS)
    if hasattr(operation, "fill"):
        operation = dataclasses.replace(operation, fill=fill)
    _, mask = operation(IMAGES, rng(1), masks=everything)
    if isinstance(operation, augment.RandomFlip):
        assert mask.all()
    else:
        assert not mask.all()
        black = with_black(operation)(np.full_like(IMAGES, 255), rng(1))
        assert ((black[..., 0] > 127) == mask).mean() > 0.98


def test_flips_are_mirror_images_and_undo_themselves():
    flip = augment.RandomFlip()
    views = flip(IMAGES, rng(2))
    mirrored = (views == IMAGES[:, :, ::-1]).all(axis=(1, 2, 3))
    same = (views == IMAGES).all(axis=(1, 2, 3))
    assert (mirrored ^ same).all()
    assert 15 < mirrored.sum() < 49
    assert (flip(views, rng(2)) == IMAGES).all()  # the same draws, once more
    both = augment.RandomFlip(True, True)
    assert (both(both(IMAGES, rng(2)), rng(2)) == IMAGES).all()
    none = augment.RandomFlip(False, False)(IMAGES, rng(2))
    assert (none == IMAGES).all()


def test_flip_chances_are_even_and_independent():
    image = np.arange(4, dtype=np.uint8).reshape(1, 2, 2, 1)
    views = augment.RandomFlip(True, True)(np.repeat(image, 8000, axis=0), rng(5))
    _, counts = np.unique(views.reshape(8000, -1), axis=0, return_counts=True)
    assert len(counts) == 4
    assert (abs(counts - 2000) < 200).all()  # more than five standard deviations


def test_shift_moves_by_whole_pixels_down_and_right():
    image = rng().integers(0, 256, (2, 5, 6, 3), dtype=np.uint8)
    out = augment.shift(image, [(1, -2), (0, 3)], fill="constant")
    assert (out[0, 1:, :-2] == image[0, :-1, 2:]).all()
    assert (out[0, 0] == 0).all()
    assert (out[0, :, -2:] == 0).all()
    assert (out[1, :, 3:] == image[1, :, :3]).all()
    assert (out[1, :, :3] == 0).all()


@pytest.mark.parametrize("fill", FILLS)
def test_shift_agrees_with_padding_and_cutting(fill):
    generator = rng(3)
    offsets = generator.integers(-5, 6, (len(IMAGES), 2))
    out = augment.shift(IMAGES, offsets, fill=fill)
    for image, result, (down, right) in zip(IMAGES, out, offsets, strict=True):
        padded = np.pad(image, [(5, 5), (5, 5), (0, 0)], mode=fill)
        top, left = 5 - down, 5 - right
        assert (result == padded[top : top + 32, left : left + 32]).all()


def test_shift_keeps_the_object_where_nothing_leaves():
    _, _, masks = make_shapes(50, seed=2, centred=True, difficulty=0)
    room = min(
        np.flatnonzero(masks.any(axis=(0, 1))).min(),
        31 - np.flatnonzero(masks.any(axis=(0, 1))).max(),
        np.flatnonzero(masks.any(axis=(0, 2))).min(),
        31 - np.flatnonzero(masks.any(axis=(0, 2))).max(),
    )
    images = np.zeros((50, 32, 32, 1), np.uint8)
    _, moved = augment.RandomCrop(int(room))(images, rng(), masks=masks)
    assert room > 0
    assert (moved.sum(axis=(1, 2)) == masks.sum(axis=(1, 2))).all()
    assert (moved != masks).any()


def test_random_shift_reaches_every_offset_evenly():
    n = 9000
    place = np.zeros((n, 5, 5, 1), np.uint8)
    place[:, 2, 2] = 1
    views = augment.RandomCrop(1, "constant")(place, rng(1))
    counts = views.sum(axis=(0, 3), dtype=int)
    assert counts.sum() == n
    assert (abs(counts[1:4, 1:4] - 1000) < 150).all()


def test_crop_is_shift_under_another_name():
    for fill in FILLS:
        cropped = augment.RandomCrop(3, fill)(IMAGES, rng(4), masks=MASKS)
        shifted = augment.RandomCrop(3, fill)(IMAGES, rng(4), masks=MASKS)
        assert all((a == b).all() for a, b in zip(cropped, shifted, strict=True))


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("size", [1, 2, 3, 8, 31, 32, 65])
def test_quarter_turns_are_exact(size, fill):
    images = rng(size).integers(0, 256, (3, size, size, 3), dtype=np.uint8)
    masks = images[..., 0] > 99
    for quarters in range(-4, 5):
        out, moved = augment.rotate(images, 90 * quarters, masks=masks, fill=fill)
        assert (out == np.rot90(images, quarters, axes=(1, 2))).all()
        assert (moved == np.rot90(masks, quarters, axes=(1, 2))).all()


def test_each_image_has_its_own_angle():
    out = augment.rotate(IMAGES[:3], [0, 90, 180])
    assert (out[0] == IMAGES[0]).all()
    assert (out[1] == np.rot90(IMAGES[1])).all()
    assert (out[2] == np.rot90(IMAGES[2], 2)).all()


def by_definition(image, matrix):
    """Bilinear interpolation with loops; outside lies 0."""
    h, w = image.shape
    out = np.zeros((h, w))
    for row, column in np.ndindex(h, w):
        y, x = row - (h - 1) / 2, column - (w - 1) / 2
        at_y, at_x = matrix @ (y, x) + ((h - 1) / 2, (w - 1) / 2)
        for r in (int(np.floor(at_y)), int(np.floor(at_y)) + 1):
            for c in (int(np.floor(at_x)), int(np.floor(at_x)) + 1):
                if 0 <= r < h and 0 <= c < w:
                    near = (1 - abs(at_y - r)) * (1 - abs(at_x - c))
                    out[row, column] += near * image[r, c]
    return out


@pytest.mark.parametrize("degrees", [-170, -33.3, 5, 45, 120])
@pytest.mark.parametrize("shape", [(8, 8), (7, 11)])
def test_rotation_agrees_with_loops(degrees, shape):
    image = rng(1).integers(0, 256, shape, dtype=np.uint8)
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    expected = by_definition(image, np.array([[c, s], [-s, c]]))
    out = augment.rotate(image[None, ..., None], degrees, fill="constant")
    # Half a grey level by rounding, and one by weights in steps of 1/256.
    assert abs(out[0, ..., 0] - expected).max() < 1.6
    assert abs(out[0, ..., 0] - expected).mean() < 0.45


@pytest.mark.parametrize("factor", [0.4, 0.9, 1.7])
def test_scale_agrees_with_loops(factor):
    image = rng(2).integers(0, 256, (9, 6), dtype=np.uint8)
    expected = by_definition(image, np.eye(2) / factor)
    out = augment.scale(image[None, ..., None], factor, fill="constant")
    assert abs(out[0, ..., 0] - expected).max() < 1.6


def test_more_than_four_channels_are_each_like_one():
    images = rng(3).integers(0, 256, (4, 9, 9, 7), dtype=np.uint8)
    angles = [10, 20, 30, 40]
    together = augment.rotate(images, angles)
    for channel in range(7):
        alone = augment.rotate(images[..., channel : channel + 1], angles)
        assert (together[..., channel : channel + 1] == alone).all()


def test_many_images_are_like_few():
    # More than are computed at once.
    images = np.concatenate([IMAGES, IMAGES[:5]])
    masks = np.concatenate([MASKS, MASKS[:5]])
    angles = np.linspace(-90, 90, len(images))
    together = augment.rotate(images, angles, masks=masks, fill="constant")
    for i in (0, 15, 16, 17, 63, 68):
        alone = augment.rotate(
            images[i : i + 1], angles[i], masks=masks[i : i + 1], fill="constant"
        )
        assert (together[0][i] == alone[0][0]).all()
        assert (together[1][i] == alone[1][0]).all()


def test_scale_changes_the_area_by_its_square():
    _, _, masks = make_shapes(100, seed=3, centred=True, difficulty=0)
    images = np.zeros((100, 32, 32, 1), np.uint8)
    _, smaller = augment.scale(images, 0.5, masks=masks)
    ratio = smaller.sum() / masks.sum()
    assert ratio == pytest.approx(0.25, rel=0.1)
    same = augment.scale(IMAGES, 1.0)
    assert (same == IMAGES).all()


def test_scales_and_angles_stay_in_their_range():
    ramp = np.arange(0, 256, 8, dtype=np.uint8)
    images = np.tile(ramp[None, None, :, None], (2000, 32, 1, 1))
    views = augment.RandomScale(0.5, 2.0, "edge")(images, rng(1))
    slope = (views[:, 16, 17, 0].astype(float) - views[:, 16, 14, 0]) / (3 * 8)
    factors = 1 / slope
    assert 0.49 < factors.min() < 0.55
    assert 1.8 < factors.max() < 2.25
    assert 0.4 < (factors < 1).mean() < 0.6  # half the draws make it smaller


# --- Colour and cutout --------------------------------------------------------------


def test_brightness_multiplies():
    images = np.full((500, 2, 2, 3), 100, np.uint8)
    out = augment.RandomColour(0.5, 0, 0)(images, rng(1)).astype(int)
    assert (out == out[:, :1, :1, :1]).all()
    assert 50 <= out.min() < 55
    assert 145 < out.max() <= 150
    assert abs(out.mean() - 100) < 4


def test_contrast_and_saturation_keep_what_they_should():
    images = rng(1).integers(90, 160, (50, 8, 8, 3), dtype=np.uint8)
    luma = np.array([0.299, 0.587, 0.114])
    contrast = augment.RandomColour(0, 0.5, 0)(images, rng(2))
    before, after = images @ luma, contrast @ luma
    assert np.allclose(after.mean(axis=(1, 2)), before.mean(axis=(1, 2)), atol=0.5)
    ratio = after.std(axis=(1, 2)) / before.std(axis=(1, 2))
    assert ratio.min() < 0.7
    assert ratio.max() > 1.3
    saturation = augment.RandomColour(0, 0, 0.5)(images, rng(2))
    assert np.allclose(saturation @ luma, before, atol=1)
    ratio = np.ptp(saturation, axis=3).mean(axis=(1, 2)) / np.ptp(images, axis=3).mean(
        axis=(1, 2)
    )
    assert ratio.min() < 0.7
    assert ratio.max() > 1.3


def test_grey_stays_grey():
    grey = np.repeat(IMAGES[..., :1], 3, axis=3)
    out = augment.RandomColour(0, 0, 1)(grey, rng())
    assert (abs(out.astype(int) - grey) <= 1).all()
    one = augment.RandomColour(0.4, 0.4, 0.4)(grey[..., :1], rng())
    assert one.shape == (64, 32, 32, 1)
    nothing = augment.RandomColour(0, 0, 0)(IMAGES, rng())
    assert (abs(nothing.astype(int) - IMAGES) <= 1).all()


def test_colour_does_not_wrap_around():
    white = np.full((100, 4, 4, 3), 250, np.uint8)
    out = augment.RandomColour(1, 1, 1)(white, rng())
    bright = augment.RandomColour(0.2, 0, 0)(white, rng(1))
    assert (bright == 255).any()
    assert bright.min() >= 199
    assert out.min() >= 0


def test_cutout_covers_a_square_and_the_mask_under_it():
    images = np.full((400, 20, 24, 3), 7, np.uint8)
    masks = np.ones((400, 20, 24), np.float32)
    out, left = augment.Cutout(6, 200)(images, rng(1), masks=masks)
    covered = (out == 200).all(axis=3)
    assert ((out == 7).all(axis=3) == ~covered).all()
    assert (left == ~covered).all()
    area = covered.sum(axis=(1, 2))
    assert area.max() == 36
    assert area.min() >= 9  # a corner of it, when its centre is a corner
    rows = covered.any(axis=2).sum(axis=1)
    columns = covered.any(axis=1).sum(axis=1)
    assert (area == rows * columns).all()  # a rectangle
    where = covered.sum(axis=0)
    assert (where > 0).all()  # every pixel is covered at times


# --- Mixing -------------------------------------------------------------------------


def coded(n=200, classes=200, size=16):
    """Images of which each shows its own number, with labels of their own."""
    images = np.zeros((n, size, size, 1), np.uint8)
    images += np.arange(n, dtype=np.uint8)[:, None, None, None]
    return images, data.one_hot(np.arange(n), classes)


def test_cutmix_labels_are_the_pasted_areas():
    images, labels = coded()
    masks = images[..., 0].copy()
    out, mixed, moved = augment.CutMix()(images, rng(1), labels=labels, masks=masks)
    assert mixed.dtype == np.float32
    for i in range(200):
        counts = np.bincount(out[i].ravel(), minlength=200) / 256
        assert np.allclose(mixed[i], counts, atol=1e-6)
    assert (moved == out[..., 0]).all()  # masks are pasted too
    share = mixed[np.arange(200), np.arange(200)]
    assert share.min() < 0.2  # all sizes occur
    assert share.max() > 0.9
    assert 0.4 < share.mean() < 0.8


def test_cutmix_pastes_from_the_same_place():
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    images = np.repeat(ramp, 10, axis=0)
    out, _ = augment.CutMix()(images, rng(1), labels=data.one_hot(np.arange(10), 10))
    assert (out == images).all()


def test_mixup_labels_are_the_shares():
    images = np.zeros((100, 4, 4, 1), np.uint8)
    images[50:] = 255
    labels = data.one_hot(np.repeat([0, 1], 50), 2)
    out, mixed = augment.MixUp(1.0)(images, rng(1), labels=labels)
    assert mixed.dtype == np.float32
    assert np.allclose(out[:, 0, 0, 0] / 255, mixed[:, 1], atol=0.5 / 255 + 1e-6)
    assert np.allclose(mixed.sum(axis=1), 1)
    assert ((mixed > 0.2) & (mixed < 0.8)).any()


def test_mixup_alpha_sets_how_much():
    images, labels = coded()
    kept = {}
    for alpha in (0.1, 1.0, 50.0):
        _, mixed = augment.MixUp(alpha)(images, rng(1), labels=labels)
        share = mixed[np.arange(200), np.arange(200)]
        kept[alpha] = np.minimum(share, 1 - share).mean()
    assert kept[0.1] < 0.12 < kept[1.0] < 0.3 < 0.4 < kept[50.0]


def test_mixup_of_float_masks():
    images, labels = coded(20, 20)
    masks = np.zeros((20, 16, 16), np.float32)
    masks[:10] = 1
    _, mixed, moved = augment.MixUp(1.0)(images, rng(1), labels=labels, masks=masks)
    assert np.allclose(moved[:, 0, 0], mixed[:, :10].sum(axis=1), atol=1e-5)
    with pytest.raises(ValueError, match="astype"):
        augment.MixUp()(images, rng(), labels=labels, masks=masks.astype(bool))


# --- Pipelines ----------------------------------------------------------------------


def test_a_pipeline_is_its_parts_in_order():
    parts = [augment.RandomFlip(), augment.RandomCrop(4), augment.Cutout(6)]
    images, labels, masks = augment.Pipeline(parts)(
        IMAGES, rng(5), labels=LABELS, masks=MASKS
    )
    generator, by_hand, moved = rng(5), IMAGES, MASKS
    for part in parts:
        by_hand, moved = part(by_hand, generator, masks=moved)
    assert (images == by_hand).all()
    assert (masks == moved).all()
    assert (labels == LABELS).all()


def test_a_pipeline_mixes_labels_and_holds_pipelines_and_functions():
    def darker(images, rng, *, labels=None):
        images = images // 2
        return images if labels is None else (images, labels)

    inner = augment.Pipeline([augment.RandomFlip(), darker])
    outer = augment.Pipeline([inner, augment.MixUp(1.0)])
    images, labels = outer(IMAGES, rng(), labels=ONE_HOT)
    assert images.max() <= 127
    assert (labels.max(axis=1) < 1).any()
    empty = augment.Pipeline([])(IMAGES, rng())
    assert (empty == IMAGES).all()
    assert not np.shares_memory(empty, IMAGES)


# --- What is refused ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (IMAGES / 255, "scaling is a layer of the model"),
        (IMAGES.astype(np.float32), "dtype float32"),
        (IMAGES.astype(np.int64), "uint8"),
        (IMAGES.tolist(), "uint8"),
        (IMAGES[0], "images\\[None\\]"),
        (IMAGES[:0], "none of them 0"),
    ],
)
@pytest.mark.parametrize("operation", OPERATIONS, ids=repr)
def test_wrong_images_are_refused(operation, images, words):
    with pytest.raises(ValueError, match=words):
        operation(images, rng())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"labels": LABELS[:5]}, "64 class numbers, one an image; got 5"),
        ({"labels": LABELS.astype(str)}, "numbers, kept as text"),
        ({"labels": np.zeros((64, 2, 2))}, r"\(64, 2, 2\)"),
        ({"masks": MASKS[:, :5]}, r"shape \(64, 32, 32\)"),
        ({"masks": MASKS[..., None]}, r"shape \(64, 32, 32\)"),
        ({"masks": MASKS.astype(np.int64)}, "bool, uint8 or float"),
        ({"masks": np.full(MASKS.shape, np.nan)}, "masks must be finite"),
    ],
)
def test_wrong_labels_and_masks_are_refused(given, words):
    for operation in OPERATIONS:
        with pytest.raises(ValueError, match=words):
            operation(IMAGES, rng(), **given)


def test_a_wrong_generator_is_refused():
    for wrong in (0, None, np.random.RandomState(0), np.random):
        with pytest.raises(ValueError, match="default_rng"):
            augment.RandomFlip()(IMAGES, wrong)


NAN = np.where(np.arange(10) == 3, np.nan, ONE_HOT)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (None, "labels="),
        (LABELS, "one_hot"),
        (LABELS[:, None].astype(float) + 1, "kept as floats"),
        (ONE_HOT * 2, "sum to 1"),
        (ONE_HOT - 0.1, "sum to 1"),
        (np.concatenate([ONE_HOT * 2, -ONE_HOT], axis=1), "0 or more"),
        (NAN, "NaN"),
    ],
)
@pytest.mark.parametrize("operation", MIXING, ids=repr)
def test_labels_that_cannot_be_mixed_are_refused(operation, labels, words):
    with pytest.raises(ValueError, match=words):
        operation(IMAGES, rng(), labels=labels)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: augment.RandomFlip(horizontal=1), "True or False"),
        (lambda: augment.RandomCrop(-1), "0 or more"),
        (lambda: augment.RandomCrop(1.5), "whole number"),
        (lambda: augment.RandomCrop(True), "whole number"),
        (lambda: augment.RandomCrop(4, "black"), "'reflect', 'edge', 'constant'"),
        (lambda: augment.RandomRotation(float("nan")), "from 0 to 180"),
        (lambda: augment.RandomRotation(181), "from 0 to 180"),
        (lambda: augment.RandomScale(0, 1), "low"),
        (lambda: augment.RandomScale(1.2, 0.8), "low must be at most high"),
        (lambda: augment.RandomScale(0.5, float("inf")), "high"),
        (lambda: augment.RandomColour(brightness=1.1), "brightness"),
        (lambda: augment.RandomColour(saturation=float("nan")), "saturation"),
        (lambda: augment.Cutout(0), "1 or more"),
        (lambda: augment.Cutout(4, 256), "from 0 to 255"),
        (lambda: augment.MixUp(0), "above 0"),
        (lambda: augment.MixUp(float("inf")), "alpha must be a number above 0"),
        (lambda: augment.CutMix(float("nan")), "alpha"),
        (lambda: augment.Pipeline(augment.RandomFlip()), "brackets"),
        (lambda: augment.Pipeline([augment.RandomFlip]), r"add \(\)"),
        (lambda: augment.Pipeline([3]), "each of operations"),
        (lambda: data.one_hot(LABELS, 9), "below 9, the number of classes"),
        (lambda: data.one_hot(LABELS - 1, 10), "0 or more; got -1"),
        (lambda: data.one_hot(LABELS / 1, 10), "whole numbers"),
        (lambda: augment.shift(IMAGES, (0.5, 0)), "whole numbers"),
        (lambda: augment.shift(IMAGES, (0, 32)), "smaller than the image"),
        (lambda: augment.shift(IMAGES, [(0, 1), (1, 0)]), r"shape \(64, 2\)"),
        (lambda: augment.rotate(IMAGES, float("nan")), "finite"),
        (lambda: augment.rotate(IMAGES, [1, 2]), r"shape \(64,\)"),
        (lambda: augment.rotate(IMAGES, "90"), "must be numbers of shape"),
        (lambda: augment.scale(IMAGES, 0), "0.05 to 20"),
        (lambda: augment.RandomCrop(32)(IMAGES, rng()), "smaller than the image"),
        (lambda: augment.RandomCrop(40)(IMAGES, rng()), "padding must be smaller"),
        (lambda: augment.Cutout(33)(IMAGES, rng()), "32 x 32 pixels; got 33"),
        (lambda: augment.RandomColour()(IMAGES[..., :2], rng()), "2 channels"),
    ],
)
def test_wrong_settings_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_operations_cannot_be_changed_and_can_be_compared():
    with pytest.raises(dataclasses.FrozenInstanceError):
        augment.RandomCrop(4).padding = 5
    assert augment.RandomCrop(4) == augment.RandomCrop()
    assert augment.Pipeline([augment.RandomCrop(4)]) == augment.Pipeline(
        (augment.RandomCrop(4),)
    )


# --- Batches ------------------------------------------------------------------------

VIEWS = augment.Pipeline([augment.RandomFlip(), augment.RandomCrop(2)])


def test_an_epoch_shows_each_image_once():
    images, _ = coded(50)
    batches = training.Batches(images, np.arange(50), batch_size=16)
    assert len(batches) == 4
    sizes = [len(batches[i][0]) for i in range(4)]
    assert sizes == [16, 16, 16, 2]
    seen = np.concatenate([batches[i][1] for i in range(4)])
    assert (np.sort(seen) == np.arange(50)).all()
    assert (seen != np.arange(50)).any()
    for i in range(4):
        x, y = batches[i]
        assert x.dtype == np.uint8
        assert (x[:, 0, 0, 0] == y).all()  # images and labels stay together
    with pytest.raises(IndexError, match="4 batches"):
        batches[4]
    assert (batches[-1][0] == batches[3][0]).all()


def test_without_shuffling_the_order_stays():
    images, _ = coded(10)
    batches = training.Batches(images, np.arange(10), batch_size=4, shuffle=False)
    for _ in range(2):
        assert batches[1][1].tolist() == [4, 5, 6, 7]
        batches.on_epoch_end()


def test_a_batch_depends_on_seed_epoch_and_number_alone():
    def batches(**options):
        return training.Batches(IMAGES, LABELS, batch_size=8, augment=VIEWS, **options)

    def same(a, b):
        return (a[0] == b[0]).all() and (a[1] == b[1]).all()

    forwards, backwards = batches(), batches()
    first = [forwards[i] for i in range(8)]
    for i in reversed(range(8)):
        assert same(backwards[i], first[i])
        assert same(backwards[i], first[i])
    assert not same(batches(seed=1)[3], first[3])
    forwards.on_epoch_end()
    assert forwards.epoch == 1
    assert not same(forwards[3], first[3])
    assert same(forwards[3], batches(epoch=1)[3])
    # Seed and epoch do not add up to the same stream.
    assert not same(batches(seed=1, epoch=0)[3], batches(seed=0, epoch=1)[3])
    # Each image gets another draw in each batch and epoch.
    one = training.Batches(
        np.repeat(IMAGES[:1], 64, axis=0),
        LABELS,
        batch_size=8,
        augment=augment.RandomCrop(4),
    )
    views = [one[i][0].tobytes() for i in range(8)]
    one.on_epoch_end()
    views += [one[i][0].tobytes() for i in range(8)]
    assert len(set(views)) == 16


def test_labels_as_they_are_one_hot_and_mixed():
    plain = training.Batches(IMAGES, LABELS, batch_size=8)
    assert plain[0][1].shape == (8,)
    assert plain[0][1].dtype.kind == "i"
    hot = training.Batches(IMAGES, LABELS, batch_size=8, classes=12)
    assert hot[0][1].shape == (8, 12)
    assert hot[0][1].dtype == np.float32
    assert (hot[0][1].argmax(axis=1) == plain[0][1]).all()
    mixed = training.Batches(
        IMAGES, LABELS, batch_size=8, classes=10, augment=augment.MixUp(1.0)
    )
    assert (mixed[0][1].max(axis=1) < 1).any()
    given = training.Batches(IMAGES, ONE_HOT, batch_size=8, augment=augment.CutMix())
    assert given[0][1].shape == (8, 10)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"images": IMAGES / 255}, "uint8"),
        ({"labels": LABELS[:3]}, "64 class numbers, one an image"),
        ({"labels": LABELS / 10}, "whole numbers"),
        ({"labels": NAN}, "NaN"),
        ({"classes": 5}, "below 5, the number of classes"),
        ({"labels": ONE_HOT, "classes": 10}, "whole numbers"),
        ({"batch_size": 0}, "batch_size"),
        ({"seed": -1}, "seed"),
        ({"epoch": 0.5}, "epoch"),
        ({"augment": augment.RandomFlip}, "RandomFlip()"),
        ({"augment": augment.MixUp()}, "classes=K"),
        ({"augment": augment.RandomCrop(99)}, "smaller than the image"),
    ],
)
def test_wrong_batches_are_refused_at_once(options, words):
    options = {"images": IMAGES, "labels": LABELS, **options}
    with pytest.raises(ValueError, match=words):
        training.Batches(options.pop("images"), options.pop("labels"), **options)


def test_keras_trains_on_batches():
    """On whichever backend is in use; what the model saw is written down."""
    import keras

    class Recording(training.Batches):
        def __getitem__(self, index):
            batch = super().__getitem__(index)
            asked.append((self.epoch, index, batch[0].tobytes()))
            return batch

    for labels, classes, change, loss in [
        (LABELS, None, VIEWS, "SparseCategoricalCrossentropy"),
        (LABELS, 10, augment.MixUp(1.0), "CategoricalCrossentropy"),
    ]:
        asked = []
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [
                keras.Input((32, 32, 3), dtype="uint8"),
                keras.layers.Rescaling(1 / 255),
                keras.layers.Flatten(),
                keras.layers.Dense(10),
            ]
        )
        model.compile(
            keras.optimizers.SGD(0.01),
            getattr(keras.losses, loss)(from_logits=True),
            metrics=["accuracy"],
        )
        batches = Recording(
            IMAGES, labels, batch_size=24, classes=classes, augment=change, seed=4
        )
        follow = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs, b=batches: setattr(b, "epoch", epoch)
        )
        history = model.fit(
            batches, epochs=3, shuffle=False, verbose=0, callbacks=[follow]
        )
        assert batches.epoch == 3
        assert np.isfinite(history.history["loss"]).all()
        # Each batch of each epoch, and the bytes that seed, epoch and number give.
        assert {(epoch, i) for epoch, i, _ in asked} >= {
            (epoch, i) for epoch in range(3) for i in range(3)
        }
        for epoch, i, content in asked:
            again = training.Batches(
                IMAGES,
                labels,
                batch_size=24,
                classes=classes,
                augment=change,
                seed=4,
                epoch=epoch,
            )
            assert again[i][0].tobytes() == content
        assert len({content for epoch, _, content in asked if epoch < 3}) == 9
        # Without the callback too, each epoch is another one.
        asked, batches.epoch = [], 7
        model.fit(batches, epochs=2, shuffle=False, verbose=0)
        assert len({epoch for epoch, _, _ in asked}) >= 2
        assert batches.epoch in (9, 10)  # Keras ends an epoch before the first one
        scores = model.evaluate(
            training.Batches(IMAGES, labels, batch_size=24, classes=classes), verbose=0
        )
        assert np.isfinite(scores).all()


def test_the_same_bytes_everywhere():
    """The first values of a batch, written down: another backend gives them too."""
    images = np.arange(4 * 6 * 6 * 3, dtype=np.uint32).astype(np.uint8)
    batches = training.Batches(
        images.reshape(4, 6, 6, 3), np.arange(4), augment=VIEWS, seed=9, epoch=2
    )
    x, y = batches[0]
    assert (y.tolist(), x[:, 2, 2, 0].tolist()) == EXPECTED


EXPECTED = ([1, 0, 2, 3], [186, 27, 225, 89])
