"""The checks of chapter 2, Images and data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from imgcls_helpers.checks import (
    Wrong,
    call,
    exercise,
    function_exercise,
)

# 2.1 ------------------------------------------------------------------------


def _grey(image: np.ndarray) -> np.ndarray:
    weights = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as Pillow has them
    return np.rint(image @ weights).astype(np.uint8)


@function_exercise(
    "2.1",
    "Grey by luminance",
    reference=_grey,
    dtype=np.uint8,
    mistakes="""
    plain mean: image @ weights => image.mean(axis=-1)
        That is the plain mean of the three channels.
        Hint: Weigh them: 0.299 red, 0.587 green, 0.114 blue.
    wrap-around: result := (image[..., 0] + image[..., 1] + image[..., 2]) // 3
        The channels are added as uint8, and the sum wraps around at 256.
        Hint: Multiply by the weights, which are floats, before you add.
    blue first: image @ weights => image @ weights[::-1]
        Red has the weight of blue, and blue the weight of red.
        Hint: Channel 0 is red, channel 2 is blue.
    rounded before the sum: np.rint(image @ weights) => (image * weights)
        & (np.uint8) => (np.uint8).sum(-1, dtype=np.uint8)
        Each weighted channel loses its fraction before the sum.
        Hint: Add the three floats first, then round once.
    cut off: np.rint(image @ weights) => (image @ weights)
        The weights are right, but the fraction is cut off instead of rounded.
        Hint: `astype` cuts off. Call `np.rint` before it.
    one channel: result := image[..., 1]
        That is the green channel alone.
        Hint: All three channels count, each with its weight.
    largest channel: result := image.max(axis=-1)
        That is the largest channel: the value of HSV, not the luminance.
        Hint: Weigh the channels: 0.299 red, 0.587 green, 0.114 blue.
    """,
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


def _centre_crop(image: np.ndarray, size: int) -> np.ndarray:
    height, width = image.shape[:2]
    top, left = (height - size) // 2, (width - size) // 2
    return image[top : top + size, left : left + size]


@function_exercise(
    "2.2",
    "Centre crop",
    reference=_centre_crop,
    mistakes="""
    corner: result := image[:size, :size]
        That is the top left corner, not the middle.
        Hint: Half of what is cut off goes to the top: `(height - size) // 2`.
    rounded up: size) // 2 => size + 1) // 2
        Where an odd number of rows or columns is cut off, you cut the larger part at
        the top and left.
        Hint: Round the offset down, with `//`.
    height and width swapped: height, width = => width, height =
        The offset of the rows comes from the width, and that of the columns from the
        height.
        Hint: `image.shape` is (height, width, channels).
    one offset for both: width - size => height - size
        Rows and columns start at the same offset; that is right for square images only.
        Hint: Compute one offset from the height and one from the width.
    counted from the end: top + size => -top & left + size => -left
        A slice such as `top:-top` is one too long when the margin is odd, and empty
        when nothing has to be cut.
        Hint: End the slice at `top + size`.
    ends at size: top + size => size & left + size => size
        A slice `top:size` has `size - top` rows, not `size`.
        Hint: End the slice at `top + size`.
    halved apart: (height - size) // 2 => height // 2 - size // 2
        & (width - size) // 2 => width // 2 - size // 2
        You halve the height and the size separately, and so round twice.
        Hint: Subtract first, then halve: `(height - size) // 2`.
    two halves: size := size // 2 * 2
        You take `size // 2` to each side of the middle. Where `size` is odd, that is
        one row and one column too few.
        Hint: End the slice at `top + size`.
    """,
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
    centres = 2 * np.arange(after) + 1
    return centres * before // (2 * after)


def _resize_nearest(image: np.ndarray, height: int, width: int) -> np.ndarray:
    rows = _nearest(image.shape[0], height)
    columns = _nearest(image.shape[1], width)
    return image[rows][:, columns]


@function_exercise(
    "2.3",
    "Resize by nearest neighbour",
    reference=_resize_nearest,
    mistakes="""
    corner instead of centre: 2 * np.arange(after) + 1 => 2 * np.arange(after)
        You look up the corner of each new pixel, not its centre, so the picture moves
        by a part of a pixel.
        Hint: The centre of row `r` is at `r + 0.5`; add the half before you scale.
    rounded to the nearest: 2 * np.arange(after) + 1 => np.arange(after) + 0.5
        & centres * before // (2 * after) => np.rint(centres * before / after)
        & image[rows] => image.take(rows.astype(int), 0, mode="clip")
        & [:, columns] => .take(columns.astype(int), 1, mode="clip")
        You round the centre to the nearest whole number. A centre at 1.7 lies in old
        row 1, not 2.
        Hint: The row in which a centre lies is `int(centre)`.
    ends on ends: centres * before // (2 * after) => np.linspace(0, before - 1, after)
        & image[rows] => image[np.rint(rows).astype(int)]
        & [:, columns] => [:, np.rint(columns).astype(int)]
        You put the first and last new pixels on the first and last old ones. That is
        another rule: it squeezes the pixels at the border.
        Hint: Old row: `(r + 0.5) * old_height / new_height`, rounded down.
    one scale for both: [:, columns] => .take(columns.astype(int), 1, mode="clip")
        & _nearest(image.shape[1], width) => (np.arange(width) + 0.5) * scale
        & columns = => scale = image.shape[0] / height; columns =
        Rows and columns are scaled by the same factor.
        Hint: Compute the factor of the columns from the widths.
    tiled: centres * before // (2 * after) => np.arange(after) % before
        The picture is repeated or cut off, not stretched or shrunk.
        Hint: Each new row takes the old row at the same place relative to the height.
    numpy.resize: result := np.resize(image, (height, width, *image.shape[2:]))
        `np.resize` fills the new shape with the numbers in the order in which they are
        stored: no neighbour stays beside its neighbour.
        Hint: Choose the row and the column of each new pixel.
    width first: image.shape[0], height => image.shape[0], width
        & image.shape[1], width => image.shape[1], height
        Height and width are swapped.
        Hint: NumPy has rows first: the result has shape (height, width, channels).
    """,
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


def _standardize(train: np.ndarray, test: np.ndarray) -> tuple:
    mean = train.mean(axis=(0, 1, 2))
    deviation = train.std(axis=(0, 1, 2))
    return (train - mean) / deviation, (test - mean) / deviation


@function_exercise(
    "2.4",
    "Standardize with the training set's numbers",
    reference=_standardize,
    mistakes="""
    test statistics: result := result[0], _standardize(test, test)[0]
        The test images are standardized with their own mean and deviation.
        Hint: Use the training set's mean and deviation for both.
    statistics of both: train.mean => np.concatenate([train, test]).mean
        & train.std => np.concatenate([train, test]).std
        Mean and deviation come from training and test images together: the test set
        leaks into the training.
        Hint: Compute them from `train` alone.
    one number for all channels: axis=(0, 1, 2) => axis=None
        There is one mean and one deviation for all channels together.
        Hint: Average over images, rows and columns only: `axis=(0, 1, 2)`.
    one number a pixel: axis=(0, 1, 2) => axis=0
        Every pixel has its own mean and deviation.
        Hint: Average over rows and columns too: `axis=(0, 1, 2)`.
    variance: train.std => train.var
        It divides by the variance.
        Hint: The standard deviation is the square root of the variance.
    only the mean: ) / deviation => )
        The mean is taken away, but the deviation is still there.
        Hint: Divide by the standard deviation too.
    test first: result := result[::-1]
        The test images come first in your result.
        Hint: Return the training images first.
    """,
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


def _stratified(labels: np.ndarray, share: float, seed: int) -> tuple:
    rng = np.random.default_rng(seed)
    train, test = [], []
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        count = round(share * len(members))
        test.append(members[:count])
        train.append(members[count:])
    return np.concatenate(train), np.concatenate(test)


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
    mistakes="""
    not stratified: labels := 0 * labels
    not random: rng.permutation => np.asarray
    parts swapped: result := result[::-1]
    parts overlap: result := np.arange(len(labels)), result[1]
    positions lost: count:] => count:][: int((1 - share) * len(members))]
    same number of each: len(members) => len(labels) / len(np.unique(labels))
    labels instead of positions: result := labels[result[0]], labels[result[1]]
    seed not used: seed := None
    """,
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
