"""The checks of chapter 2, Images and data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from imgcls_helpers.checks import (
    Mistake,
    Wrong,
    call,
    exercise,
    function_exercise,
)

# ITU-R BT.601, the weights that Pillow uses too.
_WEIGHTS = np.array([0.299, 0.587, 0.114])


# 2.1 ------------------------------------------------------------------------


def _rounded(values: np.ndarray) -> np.ndarray:
    return np.rint(values).astype(np.uint8)


def _grey(image: np.ndarray) -> np.ndarray:
    return _rounded(image @ _WEIGHTS)


def _grey_in_bytes(image: np.ndarray) -> np.ndarray:
    total = image[..., 0] + image[..., 1] + image[..., 2]  # uint8: wraps at 256
    return total // 3


@function_exercise(
    "2.1",
    "Grey by luminance",
    reference=_grey,
    dtype=np.uint8,
    mistakes=[
        Mistake(
            "plain mean",
            lambda image: _rounded(image.mean(axis=-1)),
            "That is the plain mean of the three channels.",
            "Weigh them: 0.299 red, 0.587 green, 0.114 blue.",
        ),
        Mistake(
            "wrap-around",
            _grey_in_bytes,
            "The channels are added as uint8, and the sum wraps around at 256.",
            "Multiply by the weights, which are floats, before you add.",
        ),
        Mistake(
            "blue first",
            lambda image: _rounded(image @ _WEIGHTS[::-1]),
            "Red has the weight of blue, and blue the weight of red.",
            "Channel 0 is red, channel 2 is blue.",
        ),
        Mistake(
            "rounded before the sum",
            lambda image: (image * _WEIGHTS).astype(np.uint8).sum(-1, dtype=np.uint8),
            "Each weighted channel loses its fraction before the sum.",
            "Add the three floats first, then round once.",
        ),
        Mistake(
            "cut off",
            lambda image: (image @ _WEIGHTS).astype(np.uint8),
            "The weights are right, but the fraction is cut off instead of rounded.",
            "`astype` cuts off. Call `np.rint` before it.",
        ),
        Mistake(
            "one channel",
            lambda image: image[..., 1],
            "That is the green channel alone.",
            "All three channels count, each with its weight.",
        ),
        Mistake(
            "largest channel",
            lambda image: image.max(axis=-1),
            "That is the largest channel: the value of HSV, not the luminance.",
            "Weigh the channels: 0.299 red, 0.587 green, 0.114 blue.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield (np.array([[[255, 0, 0]]], dtype=np.uint8),)
    yield (np.array([[[0, 255, 0], [0, 0, 255], [255, 255, 255]]], dtype=np.uint8),)
    for height, width in [(2, 3), (5, 4), (3, 3)]:
        image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        # No value may lie halfway between two whole numbers: which way it is
        # rounded would hang on the order of the sum.
        thousandths = image.astype(np.int64) @ np.array([299, 587, 114])
        image[thousandths % 1000 == 500] = 0
        yield (image,)


# 2.2 ------------------------------------------------------------------------


def _window(image: np.ndarray, top: int, left: int, size: int) -> np.ndarray:
    return image[top : top + size, left : left + size]


def _centre_crop(image: np.ndarray, size: int) -> np.ndarray:
    height, width = image.shape[:2]
    return _window(image, (height - size) // 2, (width - size) // 2, size)


def _crop_rounding_up(image: np.ndarray, size: int) -> np.ndarray:
    height, width = image.shape[:2]
    return _window(image, (height - size + 1) // 2, (width - size + 1) // 2, size)


def _crop_axes_swapped(image: np.ndarray, size: int) -> np.ndarray:
    height, width = image.shape[:2]
    return _window(image, (width - size) // 2, (height - size) // 2, size)


def _crop_one_offset(image: np.ndarray, size: int) -> np.ndarray:
    offset = (image.shape[0] - size) // 2
    return _window(image, offset, offset, size)


def _crop_to_minus(image: np.ndarray, size: int) -> np.ndarray:
    top, left = (image.shape[0] - size) // 2, (image.shape[1] - size) // 2
    return image[top:-top, left:-left]


def _crop_end_is_size(image: np.ndarray, size: int) -> np.ndarray:
    top, left = (image.shape[0] - size) // 2, (image.shape[1] - size) // 2
    return image[top:size, left:size]


def _crop_halved_apart(image: np.ndarray, size: int) -> np.ndarray:
    height, width = image.shape[:2]
    return _window(image, height // 2 - size // 2, width // 2 - size // 2, size)


def _crop_two_halves(image: np.ndarray, size: int) -> np.ndarray:
    row, column, half = image.shape[0] // 2, image.shape[1] // 2, size // 2
    return image[row - half : row + half, column - half : column + half]


@function_exercise(
    "2.2",
    "Centre crop",
    reference=_centre_crop,
    mistakes=[
        Mistake(
            "corner",
            lambda image, size: image[:size, :size],
            "That is the top left corner, not the middle.",
            "Half of what is cut off goes to the top: `(height - size) // 2`.",
        ),
        Mistake(
            "rounded up",
            _crop_rounding_up,
            "Where an odd number of rows or columns is cut off, you cut the larger "
            "part at the top and left.",
            "Round the offset down, with `//`.",
        ),
        Mistake(
            "height and width swapped",
            _crop_axes_swapped,
            "The offset of the rows comes from the width, and that of the columns "
            "from the height.",
            "`image.shape` is (height, width, channels).",
        ),
        Mistake(
            "one offset for both",
            _crop_one_offset,
            "Rows and columns start at the same offset; that is right for square "
            "images only.",
            "Compute one offset from the height and one from the width.",
        ),
        Mistake(
            "counted from the end",
            _crop_to_minus,
            "A slice such as `top:-top` is one too long when the margin is odd, and "
            "empty when nothing has to be cut.",
            "End the slice at `top + size`.",
        ),
        Mistake(
            "ends at size",
            _crop_end_is_size,
            "A slice `top:size` has `size - top` rows, not `size`.",
            "End the slice at `top + size`.",
        ),
        Mistake(
            "halved apart",
            _crop_halved_apart,
            "You halve the height and the size separately, and so round twice.",
            "Subtract first, then halve: `(height - size) // 2`.",
        ),
        Mistake(
            "two halves",
            _crop_two_halves,
            "You take `size // 2` to each side of the middle. Where `size` is odd, "
            "that is one row and one column too few.",
            "End the slice at `top + size`.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.arange(9, dtype=np.uint8).reshape(3, 3, 1), 1
    yield np.arange(8, dtype=np.uint8).reshape(2, 4, 1), 2
    yield np.arange(12, dtype=np.uint8).reshape(4, 3, 1), 2
    # Odd and even margins, in rows and columns, alone and together.
    for height, width, size in [
        (6, 9, 4),
        (9, 6, 4),
        (8, 5, 3),
        (7, 10, 2),
        (7, 8, 7),
        (8, 7, 7),
        (5, 5, 5),
        (7, 6, 4),
        (6, 9, 2),
    ]:
        yield rng.integers(0, 256, (height, width, 3), dtype=np.uint8), size


# 2.3 ------------------------------------------------------------------------


def _nearest(before: int, after: int) -> np.ndarray:
    # In whole numbers, so that no rounding error moves a centre over an edge.
    return (2 * np.arange(after) + 1) * before // (2 * after)


def _resize_nearest(image: np.ndarray, height: int, width: int) -> np.ndarray:
    rows = _nearest(image.shape[0], height)
    columns = _nearest(image.shape[1], width)
    return image[rows][:, columns]


def _resize_corner(image: np.ndarray, height: int, width: int) -> np.ndarray:
    rows = np.arange(height) * image.shape[0] // height
    columns = np.arange(width) * image.shape[1] // width
    return image[rows][:, columns]


def _resize_ends(image: np.ndarray, height: int, width: int) -> np.ndarray:
    rows = np.linspace(0, image.shape[0] - 1, height)
    columns = np.linspace(0, image.shape[1] - 1, width)
    return image[np.rint(rows).astype(int)][:, np.rint(columns).astype(int)]


def _resize_one_scale(image: np.ndarray, height: int, width: int) -> np.ndarray:
    scale = image.shape[0] / height
    rows = ((np.arange(height) + 0.5) * scale).astype(int)
    columns = ((np.arange(width) + 0.5) * scale).astype(int)
    return image[rows][:, np.minimum(columns, image.shape[1] - 1)]


def _resize_tiled(image: np.ndarray, height: int, width: int) -> np.ndarray:
    rows = np.arange(height) % image.shape[0]
    columns = np.arange(width) % image.shape[1]
    return image[rows][:, columns]


def _resize_rounded(image: np.ndarray, height: int, width: int) -> np.ndarray:
    def lookup(before: int, after: int) -> np.ndarray:
        centres = (np.arange(after) + 0.5) * before / after
        return np.minimum(np.rint(centres).astype(int), before - 1)

    return image[lookup(image.shape[0], height)][:, lookup(image.shape[1], width)]


@function_exercise(
    "2.3",
    "Resize by nearest neighbour",
    reference=_resize_nearest,
    mistakes=[
        Mistake(
            "corner instead of centre",
            _resize_corner,
            "You look up the corner of each new pixel, not its centre, so the "
            "picture moves by a part of a pixel.",
            "The centre of row `r` is at `r + 0.5`; add the half before you scale.",
        ),
        Mistake(
            "rounded to the nearest",
            _resize_rounded,
            "You round the centre to the nearest whole number. A centre at 1.7 lies in "
            "old row 1, not 2.",
            "The row in which a centre lies is `int(centre)`.",
        ),
        Mistake(
            "ends on ends",
            _resize_ends,
            "You put the first and last new pixels on the first and last old ones. "
            "That is another rule: it squeezes the pixels at the border.",
            "Old row: `(r + 0.5) * old_height / new_height`, rounded down.",
        ),
        Mistake(
            "one scale for both",
            _resize_one_scale,
            "Rows and columns are scaled by the same factor.",
            "Compute the factor of the columns from the widths.",
        ),
        Mistake(
            "tiled",
            _resize_tiled,
            "The picture is repeated or cut off, not stretched or shrunk.",
            "Each new row takes the old row at the same place relative to the height.",
        ),
        Mistake(
            "numpy.resize",
            lambda image, height, width: np.resize(
                image, (height, width, *image.shape[2:])
            ),
            "`np.resize` fills the new shape with the numbers in the order in which "
            "they are stored: no neighbour stays beside its neighbour.",
            "Choose the row and the column of each new pixel.",
        ),
        Mistake(
            "width first",
            lambda image, height, width: _resize_nearest(image, width, height),
            "Height and width are swapped.",
            "NumPy has rows first: the result has shape (height, width, channels).",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.array([[10, 20], [30, 40]], dtype=np.uint8), 4, 4
    yield np.array([[10, 20, 30], [40, 50, 60]], dtype=np.uint8), 4, 3
    yield rng.integers(0, 256, (6, 5, 3), dtype=np.uint8), 4, 2
    # No centre may lie on the edge between two old pixels, where rounding errors and
    # not the rule would choose one: from an even to an odd number it would.
    for before, after in [
        ((2, 3), (8, 5)),
        ((5, 7), (3, 4)),
        ((3, 5), (3, 5)),
        ((9, 3), (3, 7)),
    ]:
        yield rng.integers(0, 256, (*before, 3), dtype=np.uint8), *after


# 2.4 ------------------------------------------------------------------------

_PER_CHANNEL = (0, 1, 2)


def _standardized(images: np.ndarray, source: np.ndarray, axes: Any) -> np.ndarray:
    source = source.astype(np.float64)
    return (images - source.mean(axis=axes)) / source.std(axis=axes)


def _standardize(train: np.ndarray, test: np.ndarray) -> tuple:
    return (
        _standardized(train, train, _PER_CHANNEL),
        _standardized(test, train, _PER_CHANNEL),
    )


def _standardize_together(train: np.ndarray, test: np.ndarray) -> tuple:
    both = np.concatenate([train, test])
    return (
        _standardized(train, both, _PER_CHANNEL),
        _standardized(test, both, _PER_CHANNEL),
    )


def _standardize_by_variance(train: np.ndarray, test: np.ndarray) -> tuple:
    mean, variance = train.mean(axis=_PER_CHANNEL), train.var(axis=_PER_CHANNEL)
    return (train - mean) / variance, (test - mean) / variance


def _only_centred(train: np.ndarray, test: np.ndarray) -> tuple:
    mean = train.mean(axis=_PER_CHANNEL)
    return train - mean, test - mean


@function_exercise(
    "2.4",
    "Standardize with the training set's numbers",
    reference=_standardize,
    mistakes=[
        Mistake(
            "test statistics",
            lambda train, test: (
                _standardized(train, train, _PER_CHANNEL),
                _standardized(test, test, _PER_CHANNEL),
            ),
            "The test images are standardized with their own mean and deviation.",
            "Use the training set's mean and deviation for both.",
        ),
        Mistake(
            "statistics of both",
            _standardize_together,
            "Mean and deviation come from training and test images together: the "
            "test set leaks into the training.",
            "Compute them from `train` alone.",
        ),
        Mistake(
            "one number for all channels",
            lambda train, test: (
                _standardized(train, train, None),
                _standardized(test, train, None),
            ),
            "There is one mean and one deviation for all channels together.",
            "Average over images, rows and columns only: `axis=(0, 1, 2)`.",
        ),
        Mistake(
            "one number a pixel",
            lambda train, test: (
                _standardized(train, train, 0),
                _standardized(test, train, 0),
            ),
            "Every pixel has its own mean and deviation.",
            "Average over rows and columns too: `axis=(0, 1, 2)`.",
        ),
        Mistake(
            "variance",
            _standardize_by_variance,
            "It divides by the variance.",
            "The standard deviation is the square root of the variance.",
        ),
        Mistake(
            "only the mean",
            _only_centred,
            "The mean is taken away, but the deviation is still there.",
            "Divide by the standard deviation too.",
        ),
        Mistake(
            "test first",
            lambda train, test: _standardize(train, test)[::-1],
            "The test images come first in your result.",
            "Return the training images first.",
        ),
    ],
)
def _(rng: np.random.Generator) -> Iterator[tuple]:
    yield (
        np.array([30, 90, 110, 170], dtype=np.uint8).reshape(1, 2, 2, 1),
        np.array([100, 150, 0, 50], dtype=np.uint8).reshape(1, 2, 2, 1),
    )
    for n, size in [(4, 2), (6, 3)]:
        level = np.array([40.0, 120.0, 200.0])
        train = rng.normal(level, [5, 15, 25], (n, size, size, 3)).clip(0, 255)
        # Darker, so that the two sets' numbers differ.
        test = (0.5 * rng.normal(level, 20, (n, size, size, 3))).clip(0, 255)
        yield train.astype(np.uint8), test.astype(np.uint8)


# 2.5 ------------------------------------------------------------------------


def _stratified(labels: np.ndarray, share: float, seed: Any) -> tuple:
    rng = np.random.default_rng(seed)
    train, test = [], []
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        count = round(share * len(members))
        test.append(members[:count])
        train.append(members[count:])
    return np.concatenate(train), np.concatenate(test)


def _not_stratified(labels: np.ndarray, share: float, seed: int) -> tuple:
    order = np.random.default_rng(seed).permutation(len(labels))
    count = round(share * len(labels))
    return order[count:], order[:count]


def _first_of_each(labels: np.ndarray, share: float, seed: int) -> tuple:
    order = np.argsort(labels, kind="stable")
    counts = np.bincount(labels)[labels[order]]
    place = np.concatenate([np.arange(n) for n in np.bincount(labels)])
    test = place < np.rint(share * counts)
    return order[~test], order[test]


def _swapped(labels: np.ndarray, share: float, seed: int) -> tuple:
    return _stratified(labels, share, seed)[::-1]


def _overlapping(labels: np.ndarray, share: float, seed: int) -> tuple:
    return np.arange(len(labels)), _stratified(labels, share, seed)[1]


def _leftovers_lost(labels: np.ndarray, share: float, seed: int) -> tuple:
    train, test = _stratified(labels, share, seed)
    kept = [
        members[: int((1 - share) * np.sum(labels == label))]
        for label in np.unique(labels)
        for members in [train[labels[train] == label]]
    ]
    return np.concatenate(kept), test


def _same_number_of_each(labels: np.ndarray, share: float, seed: int) -> tuple:
    rng = np.random.default_rng(seed)
    classes = np.unique(labels)
    count = round(share * len(labels) / len(classes))
    chosen = [rng.permutation(np.flatnonzero(labels == c))[:count] for c in classes]
    test = np.concatenate(chosen)
    return np.setdiff1d(np.arange(len(labels)), test), test


def _labels_instead(labels: np.ndarray, share: float, seed: int) -> tuple:
    train, test = _stratified(labels, share, seed)
    return labels[train], labels[test]


def _no_seed(labels: np.ndarray, share: float, seed: int) -> tuple:
    return _stratified(labels, share, np.random.default_rng())


def _positions(part: Any, name: str, n: int) -> np.ndarray:
    array = np.asarray(part)
    if array.dtype == bool and array.shape == (n,):
        array = np.flatnonzero(array)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iu":
        raise Wrong(
            f"The {name} part is not a one-dimensional array of whole numbers with "
            "something in it.",
            "Return positions, such as `np.flatnonzero` gives them.",
            mistake="no positions",
        )
    if array.min() < 0 or array.max() >= n:
        raise Wrong(
            f"The {name} part holds positions from {array.min()} to {array.max()}; "
            f"for {n} labels they go from 0 to {n - 1}.",
            mistake="out of range",
        )
    return array


def _one_split(answer: Any, labels: np.ndarray, share: float, seed: int) -> tuple:
    out = call(answer, labels, share, seed)
    if not isinstance(out, (tuple, list)) or len(out) != 2:
        raise Wrong(
            "It must return two arrays of positions: those of the training part and "
            "those of the test part.",
            "End with `return train, test`.",
            mistake="not two parts",
        )
    n, text = len(labels), f"With {len(labels)} labels and share {share}: "
    train = _positions(out[0], "training", n)
    test = _positions(out[1], "test", n)
    if len(np.unique(np.concatenate([train, test]))) < n:
        classes = np.unique(labels)
        whole = len(train) + len(test) == n
        if whole and np.isin(train, classes).all() and np.isin(test, classes).all():
            raise Wrong(
                "These look like labels. Asked for are positions in `labels`.",
                "Return the indices themselves, not `labels[indices]`.",
                mistake="labels instead of positions",
            )
    if both := np.intersect1d(train, test).size:
        raise Wrong(
            f"{text}{both} positions are in both parts. The test would ask for "
            "images that were learned by heart.",
            "What goes into the test part must not stay in the training part.",
            mistake="parts overlap",
        )
    for part, name in [(train, "training"), (test, "test")]:
        if len(np.unique(part)) < len(part):
            raise Wrong(
                f"{text}the {name} part holds some positions twice.",
                "Draw without replacement: shuffle, then cut.",
                mistake="drawn twice",
            )
    if lost := n - len(train) - len(test):
        raise Wrong(
            f"{text}{lost} positions are in neither part.",
            "Round once: what is not in the test part is in the training part.",
            mistake="positions lost",
        )
    return train, test


def _counts(labels: np.ndarray, part: np.ndarray) -> np.ndarray:
    return np.bincount(labels[part], minlength=labels.max() + 1)


@exercise(
    "2.5",
    "A stratified split",
    reference=_stratified,
    mistakes=[
        Mistake("not stratified", _not_stratified, ""),
        Mistake("not random", _first_of_each, ""),
        Mistake("parts swapped", _swapped, ""),
        Mistake("parts overlap", _overlapping, ""),
        Mistake("positions lost", _leftovers_lost, ""),
        Mistake("same number of each", _same_number_of_each, ""),
        Mistake("labels instead of positions", _labels_instead, ""),
        Mistake("seed not used", _no_seed, ""),
    ],
)
def _(answer: Any, rng: np.random.Generator) -> None:
    for counts, share in [((4, 8), 0.25), ((10, 25, 60), 0.2), ((31, 17, 9), 0.3)]:
        names = np.array([1, 4, 9])[: len(counts)]  # classes need not be 0 to K - 1
        labels = rng.permutation(np.repeat(names, counts))
        _, test = _one_split(answer, labels, share, 0)
        wanted = share * np.array(counts)
        got = _counts(labels, test)[names]
        if not (np.abs(got - wanted) < 1).all():
            _say_which(got, wanted, counts, share)
        _check_chance(answer, labels, share, test)


def _say_which(
    got: np.ndarray, wanted: np.ndarray, counts: tuple[int, ...], share: float
) -> None:
    text = (
        f"Of classes with {', '.join(map(str, counts))} images and share {share}, the "
        f"test part holds {', '.join(map(str, got))}."
    )
    if (np.abs(got - (1 - share) * np.array(counts)) < 1).all():
        raise Wrong(
            f"{text} The parts are swapped.",
            "`share` is the share of the test part; return the training part first.",
            mistake="parts swapped",
        )
    if len(set(got.tolist())) == 1:
        raise Wrong(
            f"{text} Each class gives the same number, not the same share.",
            "Multiply the size of each class by `share`.",
            mistake="same number of each",
        )
    if abs(got.sum() - wanted.sum()) < 1:
        raise Wrong(
            f"{text} The total is right, but the classes do not keep their share.",
            "Shuffle and cut the positions of each class by itself.",
            mistake="not stratified",
        )
    raise Wrong(
        f"{text} Expected is the share of each class, to within one image.",
        "Take `round(share * n)` of the `n` positions of each class.",
        mistake="wrong sizes",
    )


def _check_chance(
    answer: Any, labels: np.ndarray, share: float, test: np.ndarray
) -> None:
    """Refuse a split that ignores its seed, or draws nothing by chance."""
    if set(_one_split(answer, labels, share, 0)[1]) != set(test):
        raise Wrong(
            "The same seed gave two different splits.",
            "Draw from `np.random.default_rng(seed)`.",
            mistake="seed not used",
        )
    others = [_one_split(answer, labels, share, seed)[1] for seed in range(1, 6)]
    if all(set(other) == set(test) for other in others):
        raise Wrong(
            "Every seed gives the same split: nothing is drawn by chance.",
            "Files often come sorted by date or by camera. Shuffle the positions of "
            "each class before you cut.",
            mistake="not random",
        )
    for name in np.unique(labels):
        chosen = [frozenset(o[labels[o] == name].tolist()) for o in others]
        if len(set(chosen)) == 1 and np.sum(labels == name) > 4:
            raise Wrong(
                f"Of the class {name} every seed takes the same positions.",
                "Shuffle the positions of each class before you cut.",
                mistake="not every class is random",
            )
