"""The checks of chapter 8, Augmentation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from imgcls_helpers.checks import Mistake, exercise, function_exercise
from imgcls_helpers.checks._compare import compare

# 8.1 ------------------------------------------------------------------------


def _flip_some(images: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    out = images.copy()
    out[chosen] = images[chosen, :, ::-1]
    return out


def _flip_upside_down(images: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    out = images.copy()
    out[chosen] = images[chosen, ::-1]
    return out


def _flip_channels(images: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    out = images.copy()
    out[chosen] = images[chosen, ..., ::-1]
    return out


def _flip_half_turn(images: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    out = images.copy()
    out[chosen] = images[chosen, ::-1, ::-1]
    return out


def _flip_swapped(images: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    # A list of rows is reversed, not the row: the images trade places.
    out = images.copy()
    out[chosen] = images[chosen][::-1]
    return out


def _flip_while_reading(images: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    out = images.copy()
    for i in np.flatnonzero(chosen):
        for column in range(images.shape[2]):
            out[i, :, column] = out[i, :, images.shape[2] - 1 - column]
    return out


def _column(chosen: np.ndarray) -> np.ndarray:
    return chosen[:, None, None, None].astype(np.uint8)


@function_exercise(
    "8.1",
    "Flip some",
    new=True,
    reference=_flip_some,
    mistakes=[
        Mistake(
            "upside down",
            _flip_upside_down,
            "Up and down are swapped, not left and right.",
            "The axes are (image, row, column, channel); reverse the columns.",
        ),
        Mistake(
            "channels reversed",
            _flip_channels,
            "The channels are reversed, so red and blue trade places.",
            "The axes are (image, row, column, channel); reverse the columns.",
        ),
        Mistake(
            "half turn",
            _flip_half_turn,
            "Rows and columns are both reversed: that is a turn by 180°.",
            "Reverse the columns alone.",
        ),
        Mistake(
            "images swapped",
            _flip_swapped,
            "The order of the chosen images is reversed, not their columns.",
            "After choosing, the columns are still the third axis: `[:, :, ::-1]`.",
        ),
        Mistake(
            "all of them",
            lambda images, chosen: images[:, :, ::-1].copy(),
            "All images are mirrored.",
            "Change only the images for which `chosen` is True.",
        ),
        Mistake(
            "the others",
            lambda images, chosen: _flip_some(images, ~chosen),
            "The chosen images are left as they are, and the others are mirrored.",
        ),
        Mistake(
            "only the chosen come back",
            lambda images, chosen: images[chosen, :, ::-1],
            "Only the chosen images come back. The others belong to the batch too.",
            "Copy the whole batch, then write the mirrored images into it.",
        ),
        Mistake(
            "batch reversed",
            lambda images, chosen: images[::-1].copy(),
            "The order of the images is reversed, not their columns.",
            "The axes are (image, row, column, channel); reverse the columns.",
        ),
        Mistake(
            "the others are black",
            lambda images, chosen: _flip_some(images, chosen) * _column(chosen),
            "The images that are not chosen come back black.",
            "Start from a copy of `images`, not from zeros.",
        ),
        Mistake(
            "read after writing",
            _flip_while_reading,
            "The second half of each row is read after the first half was written, so "
            "one side of the image appears on both.",
            "Read from `images`, write into a copy.",
        ),
        Mistake(
            "nothing changed",
            lambda images, chosen: images.copy(),
            "The images come back as they were.",
            "`images[chosen]` makes a copy; assign to `out[chosen]` instead.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    row = np.array([1, 2, 3], dtype=np.uint8)
    yield row.reshape(1, 1, 3, 1), np.array([True])
    for n, height, width, channels in [(3, 3, 3, 3), (5, 2, 4, 3), (6, 5, 3, 1)]:
        images = rng.integers(0, 256, (n, height, width, channels), dtype=np.uint8)
        chosen = np.arange(n) % 3 != 1  # some are, some are not
        yield images, chosen
    yield rng.integers(0, 256, (4, 3, 2, 3), dtype=np.uint8), np.zeros(4, bool)
    yield rng.integers(0, 256, (4, 3, 2, 3), dtype=np.uint8), np.ones(4, bool)


# 8.2 ------------------------------------------------------------------------


def _windows(padded: np.ndarray, corners: np.ndarray, height: int, width: int):
    return np.stack(
        [
            image[top : top + height, left : left + width]
            for image, (top, left) in zip(padded, corners, strict=True)
        ]
    )


def _padded(images: np.ndarray, padding: int, **how: Any) -> np.ndarray:
    sides = (padding, padding)
    return np.pad(images, [(0, 0), sides, sides, (0, 0)], **how)


def _pad_and_crop(images: np.ndarray, padding: int, corners: np.ndarray) -> np.ndarray:
    return _windows(_padded(images, padding), corners, *images.shape[1:3])


def _crop_one_for_all(images, padding, corners):
    same = np.repeat(corners[:1], len(images), axis=0)
    return _pad_and_crop(images, padding, same)


def _crop_rolled(images, padding, corners):
    return np.stack(
        [
            np.roll(image, (padding - top, padding - left), axis=(0, 1))
            for image, (top, left) in zip(images, corners, strict=True)
        ]
    )


def _crop_backwards(images, padding, corners):
    return _pad_and_crop(images, padding, 2 * padding - corners)


def _crop_square(images, padding, corners):
    height, _ = images.shape[1:3]
    return _windows(_padded(images, padding), corners, height, height)


@function_exercise(
    "8.2",
    "Pad and crop",
    reference=_pad_and_crop,
    mistakes=[
        Mistake(
            "one corner for all",
            _crop_one_for_all,
            "All images are cut at the corner of the first one.",
            "Image `i` has its own corner, `corners[i]`.",
        ),
        Mistake(
            "the first image for all",
            lambda images, padding, corners: _pad_and_crop(
                np.repeat(images[:1], len(images), axis=0), padding, corners
            ),
            "All windows are cut out of the first image.",
            "Window `i` comes from image `i`.",
        ),
        Mistake(
            "row and column swapped",
            lambda images, padding, corners: _pad_and_crop(
                images, padding, corners[:, ::-1]
            ),
            "The first number of a corner is used as the column, not as the row.",
            "`corners[i, 0]` is the row.",
        ),
        Mistake(
            "rolled round",
            _crop_rolled,
            "What leaves the image on one side comes in on the other.",
            "Pad with zeros before you cut; `np.roll` does not.",
        ),
        Mistake(
            "moved the wrong way",
            _crop_backwards,
            "The images move the wrong way: a window further down shows what lies "
            "further down.",
            "Cut at the corner itself; do not subtract it from the padding.",
        ),
        Mistake(
            "mirrored padding",
            lambda images, padding, corners: _windows(
                _padded(images, padding, mode="reflect"), corners, *images.shape[1:3]
            ),
            "The padding holds a mirror image, but the exercise asks for zeros.",
            "`np.pad` without a mode pads with zeros.",
        ),
        Mistake(
            "repeated border",
            lambda images, padding, corners: _windows(
                _padded(images, padding, mode="edge"), corners, *images.shape[1:3]
            ),
            "The padding repeats the border, but the exercise asks for zeros.",
            "`np.pad` without a mode pads with zeros.",
        ),
        Mistake(
            "corner in the old image",
            lambda images, padding, corners: _windows(
                _padded(images, padding), corners + padding, *images.shape[1:3]
            ),
            "The corner is counted from the image, not from the padded image.",
            "Corner (0, 0) is the corner of the padding.",
        ),
        Mistake(
            "centre of the padding",
            lambda images, padding, corners: images.copy(),
            "Every image comes back as it was, as if all corners were in the middle.",
            "Cut at `corners[i]`.",
        ),
        Mistake(
            "a square window",
            _crop_square,
            "The window is as wide as it is high, but the images are not square.",
            "The window has the height and the width of the images.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    image = np.arange(1, 5, dtype=np.uint8).reshape(1, 2, 2, 1)
    yield image, 1, np.array([[0, 1]])
    for n, height, width, channels, padding in [
        (3, 4, 4, 1, 1),
        (4, 5, 6, 3, 3),
        (5, 6, 4, 3, 2),
    ]:
        images = rng.integers(1, 256, (n, height, width, channels), dtype=np.uint8)
        corners = rng.integers(0, 2 * padding + 1, (n, 2))
        corners[0] = 0, 2 * padding  # far corners are edge cases
        corners[-1] = padding, padding + 1
        yield images, padding, corners
    yield rng.integers(1, 256, (2, 3, 4, 3), dtype=np.uint8), 0, np.zeros((2, 2), int)


# 8.3 ------------------------------------------------------------------------


def _mirror_boxes(boxes: np.ndarray, width: int) -> np.ndarray:
    left, top, right, bottom = boxes.T
    return np.stack([width - right, top, width - left, bottom], axis=1)


@function_exercise(
    "8.3",
    "Boxes in the mirror",
    reference=_mirror_boxes,
    mistakes="""
    left and right not swapped: [width - right => [width - left
        & top, width - left => top, width - right
        The left edge now lies to the right of the right edge.
        Hint: In the mirror the old right edge becomes the new left one.
    swapped only: width - right => right & width - left => left
        Left and right are swapped, but no place is mirrored.
        Hint: A place at `x` moves to `width - x`.
    one too few: width := width - 1
        All boxes are one pixel too far to the left.
        Hint: Edges lie between pixels, so a place moves to `width - x`.
        `width - 1 - x` is for the number of a column.
    upside down: left, bottom] => right, width - top]
        & [width - right, top, width - => [left, width - bottom,
        Top and bottom are mirrored, not left and right.
    both ways: left, bottom] => left, width - top] & top, width => width - bottom, width
        Top and bottom change too. In a mirror up stays up.
    top and bottom swapped: top, width => bottom, width & left, bottom] => left, top]
        Top and bottom are swapped. In a mirror up stays up.
    moved, not mirrored: width - left => width - right
        Left and right edge lie at the same place: the box has no width.
        Hint: The new right edge comes from the old left one.
    left as it was: width - left => right
        Only the left edge is mirrored.
        Hint: The new right edge is `width` minus the old left one. Was the old one
        overwritten before it was read?
    right alone: width - right => left
        The left edge stays where it was.
        Hint: The new left edge is `width` minus the old right one. Was the old one
        overwritten before it was read?
    width forgotten: width := 0
        The boxes lie to the left of the image, at negative places.
        Hint: A place at `x` moves to `width - x`.
    one too many: width := width + 1
        All boxes are one pixel too far to the right.
        Hint: Edges lie between pixels, so a place moves to `width - x`.
    all four: result := width - boxes
        All four numbers are subtracted from the width, top and bottom too.
        Hint: In a mirror up stays up, and the right edge becomes the left one.
    unchanged: result := boxes.copy()
        The boxes stay where they were, and no longer fit the image.
    """,
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.array([[0, 0, 2, 3]]), 8
    yield np.array([[0, 1, 8, 4], [3, 2, 4, 6]]), 8  # the whole width; a thin one
    for n, width in [(3, 20), (6, 33)]:
        left = rng.integers(0, width - 4, n)
        top = rng.integers(0, 20, n)
        right = left + rng.integers(1, 4, n)
        yield np.stack([left, top, right, top + rng.integers(1, 9, n)], axis=1), width
    yield rng.random((4, 4)).cumsum(axis=1)[:, [0, 1, 2, 3]] * 5, 21


# 8.4 ------------------------------------------------------------------------


def _clipped(start: int, length: int, size: int) -> slice:
    return slice(min(max(start, 0), size), min(max(start + length, 0), size))


def _cutmix(a, b, q_a, q_b, top, left, height, width):
    inside = (_clipped(top, height, a.shape[0]), _clipped(left, width, a.shape[1]))
    image = a.copy()
    image[inside] = b[inside]
    pasted = np.zeros(a.shape[:2])
    pasted[inside] = 1
    share = pasted.mean()
    return image, (1 - share) * q_a + share * q_b


def _with_share(share: Callable) -> Callable:
    """Return CutMix with another share of the second label."""

    def cutmix(a, b, q_a, q_b, top, left, height, width):
        image, _ = _cutmix(a, b, q_a, q_b, top, left, height, width)
        rows = _clipped(top, height, a.shape[0])
        columns = _clipped(left, width, a.shape[1])
        part = share(
            a.shape[:2],
            (height, width),
            (rows.stop - rows.start, columns.stop - columns.start),
        )
        return image, (1 - part) * q_a + part * q_b

    return cutmix


def _cutmix_corner(a, b, q_a, q_b, top, left, height, width):
    rows, columns = _clipped(top, height, len(a)), _clipped(left, width, a.shape[1])
    image, label = _cutmix(a, b, q_a, q_b, top, left, height, width)
    piece = b[: rows.stop - rows.start, : columns.stop - columns.start]
    image[rows, columns] = piece
    return image, label


def _cutmix_swapped(a, b, q_a, q_b, top, left, height, width):
    return _cutmix(a, b, q_a, q_b, left, top, width, height)


def _cutmix_negative(a, b, q_a, q_b, top, left, height, width):
    inside = (slice(top, top + height), slice(left, left + width))
    image, pasted = a.copy(), np.zeros(a.shape[:2])
    image[inside] = b[inside]
    pasted[inside] = 1
    share = pasted.mean()
    return image, (1 - share) * q_a + share * q_b


def _cutmix_end_negative(a, b, q_a, q_b, top, left, height, width):
    inside = (
        slice(max(top, 0), top + height),
        slice(max(left, 0), left + width),
    )
    image, pasted = a.copy(), np.zeros(a.shape[:2])
    image[inside] = b[inside]
    pasted[inside] = 1
    share = pasted.mean()
    return image, (1 - share) * q_a + share * q_b


def _cutmix_size_as_end(a, b, q_a, q_b, top, left, height, width):
    inside = (slice(max(top, 0), height), slice(max(left, 0), width))
    image, pasted = a.copy(), np.zeros(a.shape[:2])
    image[inside] = b[inside]
    pasted[inside] = 1
    share = pasted.mean()
    return image, (1 - share) * q_a + share * q_b


def _cutmix_pushed_inside(a, b, q_a, q_b, top, left, height, width):
    top = max(min(top, a.shape[0] - height), 0)
    left = max(min(left, a.shape[1] - width), 0)
    return _cutmix(a, b, q_a, q_b, top, left, height, width)


def _cutmix_counts(a, b, q_a, q_b, *box):
    image, _ = _cutmix(a, b, q_a, q_b, *box)
    share = (image != a).any(axis=-1).mean()
    return image, (1 - share) * q_a + share * q_b


def _cutmix_counts_values(a, b, q_a, q_b, *box):
    image, _ = _cutmix(a, b, q_a, q_b, *box)
    share = (image != a).mean()
    return image, (1 - share) * q_a + share * q_b


def _cutmix_all_values(a, b, q_a, q_b, *box):
    image, label = _cutmix(a, b, q_a, q_b, *box)
    return image, q_a + (label - q_a) / a.shape[-1]


def _cutmix_moved_inside(a, b, q_a, q_b, top, left, height, width):
    return _cutmix(a, b, q_a, q_b, max(top, 0), max(left, 0), height, width)


@function_exercise(
    "8.4",
    "CutMix for two images",
    reference=_cutmix,
    mistakes=[
        Mistake(
            "counted from the end",
            _cutmix_negative,
            "A negative `top` or `left` counts from the end of the array, so the slice "
            "is empty or lies on the other side.",
            "Let the slice run from `max(top, 0)` to `max(top + height, 0)`.",
        ),
        Mistake(
            "end counted from the end",
            _cutmix_end_negative,
            "Where the box ends before the image begins, `top + height` is negative, "
            "and the slice counts it from the end of the array.",
            "Let the slice run from `max(top, 0)` to `max(top + height, 0)`.",
        ),
        Mistake(
            "size as end",
            _cutmix_size_as_end,
            "The slice ends at `height`, or at `width`, as if the box began at 0.",
            "The box ends at row `top + height` and column `left + width`.",
        ),
        Mistake(
            "pushed inside",
            _cutmix_pushed_inside,
            "A box that reaches over the border is pushed inside as a whole.",
            "Leave the box where it is, and paste only what lies inside.",
        ),
        *(
            Mistake(
                name,
                function,
                "The label counts what changed. Where both images have the same value, "
                "a pasted pixel does not change.",
                "Count the pixels of the box that lie inside, not their values.",
            )
            for name, function in (
                ("changed pixels", _cutmix_counts),
                ("changed values", _cutmix_counts_values),
            )
        ),
        Mistake(
            "divided by all values",
            _cutmix_all_values,
            "The pixels of the box are divided by the number of values, channels "
            "included, so the share is too small.",
            "An image has height times width pixels, `a.shape[0] * a.shape[1]`.",
        ),
        Mistake(
            "moved inside",
            _cutmix_moved_inside,
            "A box that begins outside is moved inside at its full size.",
            "Compute where it ends, `top + height`, before you cut its beginning off.",
        ),
        Mistake(
            "share of the whole box",
            _with_share(lambda image, box, inside: np.prod(box) / np.prod(image)),
            "The label counts the whole box, also what lies outside of the image.",
            "Count the pixels that were really pasted.",
        ),
        Mistake(
            "labels swapped",
            _with_share(
                lambda image, box, inside: 1 - np.prod(inside) / np.prod(image)
            ),
            "The pasted image gets the share of the one that stays, and the other way "
            "round.",
            "`b` has the share of the box.",
        ),
        Mistake(
            "label of the first",
            _with_share(lambda image, box, inside: 0),
            "The label is that of `a` alone.",
            "Mix both labels by their shares of the pixels.",
        ),
        Mistake(
            "label of the second",
            _with_share(lambda image, box, inside: 1),
            "The label is that of `b` alone.",
            "Mix both labels by their shares of the pixels.",
        ),
        Mistake(
            "half and half",
            _with_share(lambda image, box, inside: 0.5),
            "Both labels have the same share, whatever the size of the box.",
            "Mix them by their shares of the pixels.",
        ),
        Mistake(
            "one side only",
            _with_share(lambda image, box, inside: inside[0] / image[0]),
            "The share is that of the rows. A box has columns too.",
            "Divide the pasted pixels by all pixels.",
        ),
        Mistake(
            "another piece",
            _cutmix_corner,
            "What is pasted is the upper left corner of `b`, not the piece from the "
            "same place.",
            "Use the same slices for both images.",
        ),
        Mistake(
            "rows and columns swapped",
            _cutmix_swapped,
            "Rows and columns are swapped: `top` and `height` belong to the rows.",
            "NumPy has rows first: `image[top:..., left:...]`.",
        ),
        Mistake(
            "images swapped",
            lambda a, b, q_a, q_b, top, left, height, width: _cutmix(
                b, a, q_b, q_a, top, left, height, width
            ),
            "A piece of `a` is pasted into `b`.",
            "Copy `a`, and paste the box of `b` into it.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    cat, dog = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    a = np.full((4, 4, 1), 10, np.uint8)
    b = np.arange(100, 116, dtype=np.uint8).reshape(4, 4, 1)
    yield a, b, cat, dog, 1, 2, 2, 1
    for size, box in [
        ((4, 4), (1, 2, 2, 3)),  # over the right border
        ((5, 6), (-1, -2, 3, 4)),  # over the upper left corner
        ((6, 5), (4, 3, 4, 4)),  # over the lower right corner
        ((5, 5), (-4, 1, 3, 2)),  # all outside
        ((4, 6), (-2, -2, 9, 9)),  # the whole image
        ((7, 5), (2, 1, 3, 2)),
        ((5, 7), (1, 3, 0, 0)),  # nothing
    ]:
        a, b = rng.integers(0, 256, (2, *size, 3), dtype=np.uint8)
        q_a, q_b = rng.permutation(np.eye(4))[:2]
        yield a, b, q_a, q_b, *box
    # Few values, so that many pixels are the same in both images.
    a, b = rng.integers(0, 2, (2, 6, 7, 3), dtype=np.uint8)
    b[2, 3] = a[2, 3]  # one at least
    yield a, b, np.eye(3)[2], np.eye(3)[0], 1, 2, 4, 4


# 8.5 ------------------------------------------------------------------------


def _look_twice(predict, images):
    return (predict(images) + predict(images[:, :, ::-1])) / 2


def _predictor(rng: np.random.Generator, shape: tuple[int, ...], classes: int):
    """Return a small classifier whose answer changes in the mirror."""
    first = rng.normal(size=(int(np.prod(shape)), 8))
    second = rng.normal(size=(8, classes))

    def predict(images):
        images = np.asarray(images)
        if images.ndim != 4 or images.shape[1:] != shape:
            raise ValueError(
                f"predict takes images of shape (N, {', '.join(map(str, shape))}), "
                f"but got {images.shape}"
            )
        # Not linear, or the mean of two images would give the mean of two logits.
        z = np.tanh(images.reshape(len(images), -1) / 255 @ first) @ second
        p = np.exp(z - z.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)

    return predict


def _geometric(predict, images):
    p = np.sqrt(predict(images) * predict(images[:, :, ::-1]))
    return p / p.sum(axis=1, keepdims=True)


_LOOK_MISTAKES = [
    Mistake(
        "mean of the images",
        lambda predict, images: predict(images / 2 + images[:, :, ::-1] / 2),
        "The images are averaged, and the network sees a ghost of both.",
        "Predict twice, then average the probabilities.",
    ),
    *(
        Mistake(
            name,
            function,
            "The images are added, and the network sees a ghost of both. What is more, "
            "a sum of uint8 above 255 starts again at 0.",
            "Predict twice, then average the probabilities.",
        )
        for name, function in (
            (
                "mean of uint8 images",
                lambda predict, images: predict((images + images[:, :, ::-1]) // 2),
            ),
            (
                "half a sum of uint8 images",
                lambda predict, images: predict((images + images[:, :, ::-1]) / 2),
            ),
        )
    ),
    Mistake(
        "one look",
        lambda predict, images: predict(images),
        "The mirror images are never looked at.",
        "Call `predict` a second time, with `images[:, :, ::-1]`.",
    ),
    Mistake(
        "mirror alone",
        lambda predict, images: predict(images[:, :, ::-1]),
        "Only the mirror images are looked at.",
        "Average both answers.",
    ),
    Mistake(
        "upside down",
        lambda predict, images: (predict(images) + predict(images[:, ::-1])) / 2,
        "The second look is at images that stand on their head.",
        "The axes are (image, row, column, channel); reverse the columns.",
    ),
    Mistake(
        "channels reversed",
        lambda predict, images: (predict(images) + predict(images[..., ::-1])) / 2,
        "The second look is at images whose channels are reversed.",
        "The axes are (image, row, column, channel); reverse the columns.",
    ),
    Mistake(
        "images reversed",
        lambda predict, images: (predict(images) + predict(images[::-1])) / 2,
        "The second look has the images in reverse order, so that answers about two "
        "different images are averaged.",
        "The first axis counts the images; reverse the columns.",
    ),
    Mistake(
        "sum",
        lambda predict, images: predict(images) + predict(images[:, :, ::-1]),
        "That is the sum: the rows add up to 2.",
        "Divide by the number of looks.",
    ),
    Mistake(
        "brackets missing",
        lambda predict, images: predict(images) + predict(images[:, :, ::-1]) / 2,
        "Only the second answer is halved.",
        "Put the sum in brackets before you divide it by 2.",
    ),
    Mistake(
        "half turn",
        lambda predict, images: (predict(images) + predict(images[:, ::-1, ::-1])) / 2,
        "The second look is at images that are turned by 180°.",
        "Reverse the columns alone.",
    ),
    Mistake(
        "probabilities reversed",
        lambda predict, images: (predict(images) + predict(images)[:, ::-1]) / 2,
        "The probabilities are mirrored, not the images: the classes trade places.",
        "Call `predict` a second time, with `images[:, :, ::-1]`.",
    ),
    Mistake(
        "product",
        lambda predict, images: predict(images) * predict(images[:, :, ::-1]),
        "That is the product of both answers; the rows do not add up to 1.",
        "Add, and divide by two.",
    ),
    Mistake(
        "smaller of the two",
        lambda predict, images: np.minimum(
            predict(images), predict(images[:, :, ::-1])
        ),
        "That is the smaller of the two; the rows no longer add up to 1.",
        "Take the mean.",
    ),
    Mistake(
        "larger of the two",
        lambda predict, images: np.maximum(
            predict(images), predict(images[:, :, ::-1])
        ),
        "That is the larger of the two; the rows no longer add up to 1.",
        "Take the mean.",
    ),
    Mistake(
        "geometric mean",
        _geometric,
        "That is the geometric mean, scaled to add up to 1. It is in use too, but the "
        "exercise asks for the mean.",
        "Add, and divide by two.",
    ),
    Mistake(
        "mean over the classes",
        lambda predict, images: np.mean(
            [predict(images), predict(images[:, :, ::-1])], axis=(0, 2)
        ),
        "The mean runs over the classes too, and 1/K is left of everything.",
        "Average over the two looks alone: `axis=0`.",
    ),
    Mistake(
        "class numbers",
        lambda predict, images: _look_twice(predict, images).argmax(axis=1),
        "That is the most probable class; the exercise asks for the probabilities.",
    ),
]


@exercise("8.5", "Look twice", reference=_look_twice, mistakes=_LOOK_MISTAKES)
def _(answer: Callable, rng: np.random.Generator) -> None:
    cases = []
    for n, shape, classes in [(1, (2, 2, 1), 2), (3, (4, 4, 3), 3), (5, (3, 5, 3), 10)]:
        images = rng.integers(0, 256, (n, *shape), dtype=np.uint8)
        cases.append((_predictor(rng, shape, classes), images))
    compare(answer, _look_twice, cases, mistakes=_LOOK_MISTAKES)
