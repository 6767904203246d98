"""The checks of chapter 2: right answers in two styles, and every named mistake."""

from __future__ import annotations

import random
from collections import defaultdict

import numpy as np
import pytest
from PIL import Image

from imgcls_helpers.checks import check, exercises

NUMBERS = ["2.1", "2.2", "2.3", "2.4", "2.5"]


# --- Right answers, in two styles each ----------------------------------------------


def grey_in_one_line(image):
    return np.rint(image @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)


def grey_with_loops(image):
    out = np.zeros(image.shape[:2], dtype=np.uint8)
    for h in range(image.shape[0]):
        for w in range(image.shape[1]):
            red, green, blue = (int(v) for v in image[h, w])
            out[h, w] = round(0.299 * red + 0.587 * green + 0.114 * blue)
    return out


def crop_with_slices(image, size):
    top, left = (image.shape[0] - size) // 2, (image.shape[1] - size) // 2
    return image[top : top + size, left : left + size]


def crop_with_loops(image, size):
    height, width, channels = image.shape
    out = np.empty((size, size, channels), dtype=image.dtype)
    for h in range(size):
        for w in range(size):
            out[h, w] = image[h + int((height - size) / 2), w + (width - size) // 2]
    return out


def resize_with_indices(image, height, width):
    rows = ((np.arange(height) + 0.5) * image.shape[0] / height).astype(int)
    columns = ((np.arange(width) + 0.5) * image.shape[1] / width).astype(int)
    return image[np.ix_(rows, columns)]


def resize_with_loops(image, height, width):
    out = np.empty((height, width, *image.shape[2:]), dtype=image.dtype)
    for h in range(height):
        for w in range(width):
            out[h, w] = image[
                int((h + 0.5) * image.shape[0] / height),
                int((w + 0.5) * image.shape[1] / width),
            ]
    return out


def resize_with_pillow(image, height, width):
    def one(plane):
        return np.asarray(
            Image.fromarray(plane).resize((width, height), Image.Resampling.NEAREST)
        )

    if image.ndim == 2:
        return one(image)
    return np.stack([one(image[..., c]) for c in range(image.shape[2])], axis=-1)


def standardize_at_once(train, test):
    mean, deviation = train.mean(axis=(0, 1, 2)), train.std(axis=(0, 1, 2))
    return (train - mean) / deviation, (test - mean) / deviation


def standardize_by_channel(train, test):
    done = np.empty(train.shape), np.empty(test.shape)
    for c in range(train.shape[-1]):
        values = train[..., c].astype(float).ravel()
        mean = sum(values) / len(values)
        deviation = (sum((values - mean) ** 2) / len(values)) ** 0.5
        for images, out in zip((train, test), done, strict=True):
            out[..., c] = (images[..., c] - mean) / deviation
    return done


def split_with_numpy(labels, share, seed):
    rng = np.random.default_rng(seed)
    train, test = [], []
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        count = round(share * len(members))
        test.append(members[:count])
        train.append(members[count:])
    return np.concatenate(train), np.concatenate(test)


def split_with_lists(labels, share, seed):
    chance = random.Random(seed)
    members = defaultdict(list)
    for position, label in enumerate(labels.tolist()):
        members[label].append(position)
    train, test = [], []
    for positions in members.values():
        chance.shuffle(positions)
        count = int(share * len(positions))
        test += positions[:count]
        train += positions[count:]
    return train, test


def split_with_sklearn(labels, share, seed):
    from sklearn.model_selection import train_test_split

    positions = np.arange(len(labels))
    return train_test_split(
        positions, test_size=share, random_state=seed, stratify=labels
    )


RIGHT = [
    ("2.1", grey_in_one_line),
    ("2.1", grey_with_loops),
    ("2.2", crop_with_slices),
    ("2.2", crop_with_loops),
    ("2.3", resize_with_indices),
    ("2.3", resize_with_loops),
    ("2.3", resize_with_pillow),
    ("2.4", standardize_at_once),
    ("2.4", standardize_by_channel),
    ("2.5", split_with_numpy),
    ("2.5", split_with_lists),
    ("2.5", split_with_sklearn),
]


@pytest.mark.parametrize(("number", "answer"), RIGHT)
@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_a_right_answer_is_right(number, answer, seed):
    verdict = check(number, answer, seed=seed)
    assert verdict.ok, verdict


# --- Wrong answers, as a student might write them -----------------------------------


def grey_mean(image):
    return (image.sum(axis=2) / 3).round().astype("uint8")


def grey_bytes(image):
    return (image[..., 0] + image[..., 1] + image[..., 2]) // 3


def grey_bgr(image):
    blue, green, red = image[..., 0], image[..., 1], image[..., 2]
    return np.rint(0.299 * red + 0.587 * green + 0.114 * blue).astype("uint8")


def grey_early(image):
    red = (0.299 * image[..., 0]).astype("uint8")
    green = (0.587 * image[..., 1]).astype("uint8")
    blue = (0.114 * image[..., 2]).astype("uint8")
    return red + green + blue


def grey_cut(image):
    grey = 0.299 * image[..., 0] + 0.587 * image[..., 1] + 0.114 * image[..., 2]
    return grey.astype("uint8")


def grey_float(image):
    return image @ np.array([0.299, 0.587, 0.114])


def crop_corner(image, size):
    return image[0:size, 0:size]


def crop_up(image, size):
    top = -(-(image.shape[0] - size) // 2)
    left = -(-(image.shape[1] - size) // 2)
    return image[top : top + size, left : left + size]


def crop_xy(image, size):
    width, height = image.shape[:2]
    left, top = (width - size) // 2, (height - size) // 2
    return image[top : top + size, left : left + size]


def crop_square_only(image, size):
    start = (len(image) - size) // 2
    return image[start : start + size, start : start + size]


def crop_minus(image, size):
    h, w = image.shape[0] - size, image.shape[1] - size
    return image[h // 2 : -(h // 2), w // 2 : -(w // 2)]


def crop_end(image, size):
    h, w = (image.shape[0] - size) // 2, (image.shape[1] - size) // 2
    return image[h:size, w:size]


def resize_floor(image, height, width):
    rows = [int(h * image.shape[0] / height) for h in range(height)]
    columns = [int(w * image.shape[1] / width) for w in range(width)]
    return image[rows][:, columns]


def resize_one_factor(image, height, width):
    factor = image.shape[0] / height
    rows = [int((h + 0.5) * factor) for h in range(height)]
    columns = [min(int((w + 0.5) * factor), image.shape[1] - 1) for w in range(width)]
    return image[rows][:, columns]


def resize_linspace(image, height, width):
    rows = np.linspace(0, image.shape[0] - 1, height).round().astype(int)
    columns = np.linspace(0, image.shape[1] - 1, width).round().astype(int)
    return image[rows][:, columns]


def resize_numpy(image, height, width):
    return np.resize(image, (height, width) + image.shape[2:])  # noqa: RUF005


def resize_size_order(image, height, width):
    return resize_with_loops(image, width, height)


def standardize_each(train, test):
    return tuple((x - x.mean((0, 1, 2))) / x.std((0, 1, 2)) for x in (train, test))


def standardize_both(train, test):
    everything = np.concatenate([train, test])
    mean, deviation = everything.mean((0, 1, 2)), everything.std((0, 1, 2))
    return (train - mean) / deviation, (test - mean) / deviation


def standardize_whole(train, test):
    return (train - train.mean()) / train.std(), (test - train.mean()) / train.std()


def standardize_pixels(train, test):
    with np.errstate(all="ignore"):
        mean, deviation = train.mean(axis=0), train.std(axis=0)
        return (train - mean) / deviation, (test - mean) / deviation


def standardize_variance(train, test):
    mean, variance = train.mean((0, 1, 2)), train.var((0, 1, 2))
    return (train - mean) / variance, (test - mean) / variance


def split_any(labels, share, seed):
    order = np.random.RandomState(seed).permutation(len(labels))
    count = int(share * len(labels))
    return order[count:], order[:count]


def split_in_order(labels, share, seed):
    train, test = [], []
    for label in set(labels.tolist()):
        members = np.flatnonzero(labels == label)
        count = round(share * len(members))
        test += members[:count].tolist()
        train += members[count:].tolist()
    return np.array(train), np.array(test)


def split_twice(labels, share, seed):
    rng = np.random.default_rng(seed)
    test = [
        rng.choice(members, round(share * len(members)))
        for members in (np.flatnonzero(labels == c) for c in np.unique(labels))
    ]
    test = np.concatenate(test)
    return np.setdiff1d(np.arange(len(labels)), test), test


def split_test_first(labels, share, seed):
    return split_with_numpy(labels, share, seed)[::-1]


def split_keeps_all(labels, share, seed):
    return np.arange(len(labels)), split_with_numpy(labels, share, seed)[1]


def split_loses_some(labels, share, seed):
    rng = np.random.default_rng(seed)
    train, test = [], []
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        n = len(members)
        test.append(members[: int(share * n)])
        train.append(members[int(share * n) : int(share * n) + int((1 - share) * n)])
    return np.concatenate(train), np.concatenate(test)


def split_equal_counts(labels, share, seed):
    rng = np.random.default_rng(seed)
    classes = np.unique(labels)
    count = int(share * len(labels)) // len(classes)
    test = np.concatenate(
        [rng.permutation(np.flatnonzero(labels == c))[:count] for c in classes]
    )
    return np.setdiff1d(np.arange(len(labels)), test), test


def split_labels(labels, share, seed):
    train, test = split_with_numpy(labels, share, seed)
    return labels[train], labels[test]


def split_unseeded(labels, share, seed):
    return split_with_numpy(labels, share, None)


def split_global_state(labels, share, seed):
    return split_with_numpy(labels, share, np.random.randint(2**31))  # noqa: NPY002


def split_one_part(labels, share, seed):
    return split_with_numpy(labels, share, seed)[0]


def split_floats(labels, share, seed):
    train, test = split_with_numpy(labels, share, seed)
    return train / 1.0, test / 1.0


def split_from_one(labels, share, seed):
    train, test = split_with_numpy(labels, share, seed)
    return train + 1, test + 1


def split_too_many(labels, share, seed):
    return split_with_numpy(labels, share + 0.2, seed)


WRONG = [
    ("2.1", grey_mean, "plain mean"),
    ("2.1", grey_bytes, "wrap-around"),
    ("2.1", grey_bgr, "blue first"),
    ("2.1", grey_early, "rounded before the sum"),
    ("2.1", grey_cut, "cut off"),
    ("2.1", lambda image: image[:, :, 1], "one channel"),
    ("2.1", lambda image: np.maximum.reduce(image, axis=2), "largest channel"),
    ("2.1", grey_float, "wrong dtype"),
    ("2.2", crop_corner, "corner"),
    ("2.2", crop_up, "rounded up"),
    ("2.2", crop_xy, "height and width swapped"),
    ("2.2", crop_square_only, "one offset for both"),
    ("2.2", crop_minus, "counted from the end"),
    ("2.2", crop_end, "ends at size"),
    ("2.3", resize_floor, "corner instead of centre"),
    ("2.3", resize_one_factor, "one scale for both"),
    ("2.3", resize_linspace, "ends on ends"),
    ("2.3", resize_numpy, "numpy.resize"),
    ("2.3", resize_size_order, "width first"),
    ("2.4", standardize_each, "test statistics"),
    ("2.4", standardize_both, "statistics of both"),
    ("2.4", standardize_whole, "one number for all channels"),
    ("2.4", standardize_variance, "variance"),
    ("2.4", lambda a, b: standardize_at_once(a, b)[::-1], "test first"),
    ("2.5", split_any, "not stratified"),
    ("2.5", split_in_order, "not random"),
    ("2.5", split_twice, "drawn twice"),
    ("2.5", split_test_first, "parts swapped"),
    ("2.5", split_keeps_all, "parts overlap"),
    ("2.5", split_loses_some, "positions lost"),
    ("2.5", split_equal_counts, "same number of each"),
    ("2.5", split_labels, "labels instead of positions"),
    ("2.5", split_unseeded, "seed not used"),
    ("2.5", split_global_state, "seed not used"),
    ("2.5", split_one_part, "not two parts"),
    ("2.5", split_floats, "no positions"),
    ("2.5", split_from_one, "out of range"),
    ("2.5", split_too_many, "wrong sizes"),
]


@pytest.mark.parametrize(("number", "answer", "mistake"), WRONG)
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_a_wrong_answer_gets_its_own_diagnosis(number, answer, mistake, seed):
    verdict = check(number, answer, seed=seed)
    assert verdict.ok is False
    assert verdict.mistake == mistake, verdict
    assert len(verdict.message) > 10


def test_a_mean_for_every_pixel_is_refused():
    # Its zeros and infinities come before the diagnosis where a pixel is constant.
    assert check("2.4", standardize_pixels).ok is False


@pytest.mark.parametrize("number", NUMBERS)
def test_every_named_mistake_has_a_message_of_its_own(number):
    messages = []
    for mistake in exercises()[number].mistakes:
        verdict = check(number, mistake.wrong)
        assert verdict.mistake == mistake.name, verdict
        messages.append(verdict.message)
    assert len(set(messages)) == len(messages) >= 4


# --- Stubs --------------------------------------------------------------------------


def one(image): ...


def two(image, size): ...


def three(image, height, width):
    raise NotImplementedError


def four(train, test):
    return ...


def five(labels, share, seed):
    pass


@pytest.mark.parametrize(
    ("number", "stub"),
    [*zip(NUMBERS, [one, two, three, four, five], strict=True), ("2.1", ...)],
)
def test_a_stub_is_not_done_yet(number, stub):
    assert check(number, stub).ok is None


def test_the_grey_cases_do_not_hang_on_the_order_of_the_sum():
    # Pillow rounds in whole numbers, a reader may add from the last channel on.
    def backwards(image):
        grey = 0.114 * image[..., 2] + 0.587 * image[..., 1] + 0.299 * image[..., 0]
        return np.floor(grey + 0.5).astype(np.uint8)

    for seed in range(200):
        assert check("2.1", backwards, seed=seed).ok, seed
    assert check("2.1", lambda x: np.asarray(Image.fromarray(x).convert("L"))).ok


def up_in_rows(image, size):
    top, left = (image.shape[0] - size + 1) // 2, (image.shape[1] - size) // 2
    return image[top : top + size, left : left + size]


def up_in_columns(image, size):
    top, left = (image.shape[0] - size) // 2, (image.shape[1] - size + 1) // 2
    return image[top : top + size, left : left + size]


@pytest.mark.parametrize("answer", [up_in_rows, up_in_columns])
def test_a_crop_must_round_down_in_both_directions(answer):
    assert check("2.2", answer).ok is False


def rows_only(image, height, width):
    return image[(np.arange(height) * 2 + 1) * image.shape[0] // (2 * height)]


def nearest_rows_floor_columns(image, height, width):
    rows = ((np.arange(height) + 0.5) * image.shape[0] / height).astype(int)
    return image[rows][:, np.arange(width) * image.shape[1] // width]


def floor_rows_nearest_columns(image, height, width):
    columns = ((np.arange(width) + 0.5) * image.shape[1] / width).astype(int)
    return image[np.arange(height) * image.shape[0] // height][:, columns]


@pytest.mark.parametrize(
    "answer", [rows_only, nearest_rows_floor_columns, floor_rows_nearest_columns]
)
def test_a_resize_must_be_right_in_both_directions(answer):
    assert check("2.3", answer).ok is False


def only_train_standardized(train, test):
    return standardize_at_once(train, test)[0], test


def sample_deviation(train, test):
    mean, deviation = train.mean((0, 1, 2)), train.std((0, 1, 2), ddof=1)
    return (train - mean) / deviation, (test - mean) / deviation


@pytest.mark.parametrize("answer", [only_train_standardized, sample_deviation])
def test_near_misses_of_standardizing_are_refused(answer):
    assert check("2.4", answer).ok is False
