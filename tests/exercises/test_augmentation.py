"""The checks of chapter 8: right answers in two styles, and every named mistake."""

from __future__ import annotations

import random

import numpy as np
import pytest

from imgcls_helpers.checks import check, exercises

NUMBERS = ["8.1", "8.2", "8.3", "8.4", "8.5"]


# --- Right answers, in two styles each ----------------------------------------------


def flip_with_where(images, chosen):
    return np.where(chosen[:, None, None, None], np.flip(images, axis=2), images)


def flip_with_loops(images, chosen):
    out = images.copy()
    width = images.shape[2]
    for i in range(len(images)):
        if chosen[i]:
            for column in range(width):
                out[i, :, column] = images[i, :, width - 1 - column]
    return out


def crop_by_canvas(images, padding, corners):
    n, height, width, channels = images.shape
    out = np.zeros_like(images)
    for i in range(n):
        canvas = np.zeros(
            (height + 2 * padding, width + 2 * padding, channels), images.dtype
        )
        canvas[padding : padding + height, padding : padding + width] = images[i]
        top, left = corners[i]
        out[i] = canvas[top : top + height, left : left + width]
    return out


def crop_by_index(images, padding, corners):
    n, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0)))
    rows = corners[:, 0, None] + np.arange(height)
    columns = corners[:, 1, None] + np.arange(width)
    return padded[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None]]


def boxes_in_place_of_columns(boxes, width):
    out = boxes.copy()
    out[:, 0] = width - boxes[:, 2]
    out[:, 2] = width - boxes[:, 0]
    return out


def boxes_one_by_one(boxes, width):
    return np.array([[width - r, t, width - a, b] for a, t, r, b in boxes.tolist()])


def cutmix_with_loops(a, b, q_a, q_b, top, left, height, width):
    image, count = a.copy(), 0
    for row in range(top, top + height):
        for column in range(left, left + width):
            if 0 <= row < a.shape[0] and 0 <= column < a.shape[1]:
                image[row, column] = b[row, column]
                count += 1
    share = count / (a.shape[0] * a.shape[1])
    return image, q_a * (1 - share) + q_b * share


def cutmix_with_masks(a, b, q_a, q_b, top, left, height, width):
    row, column = np.indices(a.shape[:2])
    inside = (row >= top) & (row < top + height)
    inside &= (column >= left) & (column < left + width)
    share = np.count_nonzero(inside) / inside.size
    return np.where(inside[..., None], b, a), q_a + share * (q_b - q_a)


def look_with_mean(predict, images):
    return np.mean([predict(images), predict(np.flip(images, 2))], axis=0)


def look_in_one_call(predict, images):
    both = predict(np.concatenate([images, images[:, :, ::-1]]))
    return both.reshape(2, len(images), -1).sum(axis=0) / 2


RIGHT = {
    "8.1": [flip_with_where, flip_with_loops],
    "8.2": [crop_by_canvas, crop_by_index],
    "8.3": [boxes_in_place_of_columns, boxes_one_by_one],
    "8.4": [cutmix_with_loops, cutmix_with_masks],
    "8.5": [look_with_mean, look_in_one_call],
}


@pytest.mark.parametrize("seed", [None, 1, 2])
@pytest.mark.parametrize(
    ("number", "answer"),
    [(n, a) for n, answers in RIGHT.items() for a in answers],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_right_answers(number, answer, seed):
    verdict = check(number, answer, seed=seed)
    assert verdict.ok is True, verdict


# --- Mistakes, as a student would write them ----------------------------------------


def flip_rows(images, chosen):
    return np.where(chosen[:, None, None, None], images[:, ::-1], images)


def flip_last_axis(images, chosen):
    return np.array(
        [i[..., ::-1] if c else i for i, c in zip(images, chosen, strict=True)]
    )


def flip_everything(images, chosen):
    return np.flip(images, axis=2).copy()


def flip_not_chosen(images, chosen):
    out = images[:, :, ::-1].copy()
    out[chosen] = images[chosen]
    return out


def flip_a_copy(images, chosen):
    out = images.copy()
    out[chosen][:] = out[chosen][:, :, ::-1]  # writes into a copy of the copy
    return out


def flip_list_of_images(images, chosen):
    out = images.copy()
    out[chosen] = out[chosen][::-1]
    return out


def flip_in_place(images, chosen):
    images[chosen] = images[chosen, :, ::-1]
    return images


def flip_the_batch(images, chosen):
    return np.flip(images, axis=0)


def flip_into_zeros(images, chosen):
    out = np.zeros_like(images)
    out[chosen] = images[chosen, :, ::-1]
    return out


def crop_the_first(images, padding, corners):
    same = np.stack([images[0]] * len(images))
    return crop_by_canvas(same, padding, corners)


def crop_same(images, padding, corners):
    top, left = corners[0]
    padded = np.pad(images, ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0)))
    return padded[:, top : top + images.shape[1], left : left + images.shape[2]]


def crop_x_first(images, padding, corners):
    return crop_by_canvas(images, padding, np.flip(corners, axis=1))


def crop_with_roll(images, padding, corners):
    out = []
    for image, (top, left) in zip(images, corners, strict=True):
        rolled = np.roll(image, padding - top, axis=0)
        out.append(np.roll(rolled, padding - left, axis=1))
    return np.array(out)


def crop_minus(images, padding, corners):
    n, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0)))
    out = np.empty_like(images)
    for i in range(n):
        top, left = 2 * padding - corners[i, 0], 2 * padding - corners[i, 1]
        out[i] = padded[i, top : top + height, left : left + width]
    return out


def crop_reflect(images, padding, corners):
    _, height, width, _ = images.shape
    sides = ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0))
    padded = np.pad(images, sides, mode="reflect")
    return np.array(
        [padded[i, t : t + height, x : x + width] for i, (t, x) in enumerate(corners)]
    )


def boxes_not_swapped(boxes, width):
    out = boxes.copy()
    out[:, [0, 2]] = width - boxes[:, [0, 2]]
    return out


def boxes_swapped_only(boxes, width):
    return boxes[:, [2, 1, 0, 3]]


def boxes_minus_one(boxes, width):
    left, top, right, bottom = boxes.T
    return np.stack([width - right - 1, top, width - left - 1, bottom], axis=-1)


def boxes_overwritten(boxes, width):
    out = boxes.copy()
    out[:, 0] = width - out[:, 2]
    out[:, 2] = width - out[:, 0]  # reads the new left edge
    return out


def boxes_overwritten_from_the_right(boxes, width):
    out = boxes.copy()
    out[:, 2] = width - out[:, 0]
    out[:, 0] = width - out[:, 2]  # reads the new right edge
    return out


def boxes_negative(boxes, width):
    left, top, right, bottom = boxes.T
    return np.stack([-right, top, -left, bottom], axis=1)


def boxes_plus_one(boxes, width):
    return boxes_one_by_one(boxes, width) + np.array([1, 0, 1, 0])


def boxes_all_four(boxes, width):
    return width - boxes


def boxes_vertical(boxes, width):
    out = boxes.copy()
    out[:, 1] = width - boxes[:, 3]
    out[:, 3] = width - boxes[:, 1]
    return out


def cutmix_without_clipping(a, b, q_a, q_b, top, left, height, width):
    image, _ = cutmix_with_masks(a, b, q_a, q_b, top, left, height, width)
    share = height * width / (a.shape[0] * a.shape[1])
    return image, (1 - share) * q_a + share * q_b


def cutmix_wrong_way(a, b, q_a, q_b, top, left, height, width):
    image, label = cutmix_with_loops(a, b, q_b, q_a, top, left, height, width)
    return image, label


def cutmix_label_stays(a, b, q_a, q_b, top, left, height, width):
    return cutmix_with_loops(a, b, q_a, q_b, top, left, height, width)[0], q_a


def cutmix_plain_slices(a, b, q_a, q_b, top, left, height, width):
    image = a.copy()
    box = np.s_[top : top + height, left : left + width]
    image[box] = b[box]
    share = image[box][..., 0].size / a[..., 0].size
    return image, (1 - share) * q_a + share * q_b


def cutmix_into_b(a, b, q_a, q_b, top, left, height, width):
    return cutmix_with_loops(b, a, q_b, q_a, top, left, height, width)


def cutmix_end_not_clipped(a, b, q_a, q_b, top, left, height, width):
    box = np.s_[max(top, 0) : top + height, max(left, 0) : left + width]
    image, inside = a.copy(), np.zeros(a.shape[:2], bool)
    image[box], inside[box] = b[box], True
    return image, q_a + inside.mean() * (q_b - q_a)


def cutmix_height_as_end(a, b, q_a, q_b, top, left, height, width):
    box = np.s_[max(0, top) : height, max(0, left) : width]
    image, inside = a.copy(), np.zeros(a.shape[:2], bool)
    image[box], inside[box] = b[box], True
    return image, q_a + inside.mean() * (q_b - q_a)


def cutmix_count_changes(a, b, q_a, q_b, top, left, height, width):
    image, _ = cutmix_with_masks(a, b, q_a, q_b, top, left, height, width)
    share = np.mean(np.any(image != a, axis=2))
    return image, (1 - share) * q_a + share * q_b


def cutmix_count_values(a, b, q_a, q_b, top, left, height, width):
    image, _ = cutmix_with_masks(a, b, q_a, q_b, top, left, height, width)
    share = np.mean(image != a)
    return image, (1 - share) * q_a + share * q_b


def cutmix_divide_by_size(a, b, q_a, q_b, top, left, height, width):
    image, _ = cutmix_with_masks(a, b, q_a, q_b, top, left, height, width)
    rows = max(min(top + height, a.shape[0]), 0) - min(max(top, 0), a.shape[0])
    columns = max(min(left + width, a.shape[1]), 0) - min(max(left, 0), a.shape[1])
    share = rows * columns / a.size
    return image, (1 - share) * q_a + share * q_b


def cutmix_push_inside(a, b, q_a, q_b, top, left, height, width):
    top = np.clip(top, 0, max(a.shape[0] - height, 0))
    left = np.clip(left, 0, max(a.shape[1] - width, 0))
    return cutmix_with_masks(a, b, q_a, q_b, top, left, height, width)


def look_without_brackets(predict, images):
    return predict(images) + predict(images[:, :, ::-1]) / 2


def look_at_a_half_turn(predict, images):
    return (predict(images) + predict(np.rot90(images, 2, axes=(1, 2)))) / 2


def look_at_mirrored_answers(predict, images):
    return np.mean([predict(images), np.fliplr(predict(images))], axis=0)


def look_and_multiply(predict, images):
    return predict(images) * predict(images[:, :, ::-1])


def look_at_a_ghost_in_uint8(predict, images):
    return predict((images + np.flip(images, 2)) / 2)


def look_at_a_whole_ghost_in_uint8(predict, images):
    return predict((images + np.flip(images, 2)) // 2)


def look_at_a_ghost(predict, images):
    return predict((images.astype(float) + images[:, :, ::-1]) / 2)


def look_once(predict, images):
    return predict(images)


def look_upside_down(predict, images):
    return 0.5 * predict(images) + 0.5 * predict(np.flip(images, axis=1))


def look_and_add(predict, images):
    return sum(predict(x) for x in (images, images[:, :, ::-1]))


def look_for_the_class(predict, images):
    return np.argmax(predict(images) + predict(images[:, :, ::-1]), axis=-1)


def look_reversed(predict, images):
    return (predict(images) + predict(np.flip(images, axis=0))) / 2


@pytest.mark.parametrize(
    ("number", "answer", "mistake"),
    [
        ("8.1", flip_rows, "upside down"),
        ("8.1", flip_last_axis, "channels reversed"),
        ("8.1", flip_everything, "all of them"),
        ("8.1", flip_not_chosen, "the others"),
        ("8.1", flip_a_copy, "nothing changed"),
        ("8.1", flip_list_of_images, "images swapped"),
        ("8.1", flip_in_place, "in-place change"),
        ("8.1", flip_the_batch, "batch reversed"),
        ("8.1", flip_into_zeros, "the others are black"),
        ("8.2", crop_same, "one corner for all"),
        ("8.2", crop_the_first, "the first image for all"),
        ("8.2", crop_x_first, "row and column swapped"),
        ("8.2", crop_with_roll, "rolled round"),
        ("8.2", crop_minus, "moved the wrong way"),
        ("8.2", crop_reflect, "mirrored padding"),
        ("8.3", boxes_not_swapped, "left and right not swapped"),
        ("8.3", boxes_swapped_only, "swapped only"),
        ("8.3", boxes_minus_one, "one too few"),
        ("8.3", boxes_overwritten, "left as it was"),
        ("8.3", boxes_overwritten_from_the_right, "right alone"),
        ("8.3", boxes_negative, "width forgotten"),
        ("8.3", boxes_plus_one, "one too many"),
        ("8.3", boxes_all_four, "all four"),
        ("8.3", boxes_vertical, "upside down"),
        ("8.4", cutmix_without_clipping, "share of the whole box"),
        ("8.4", cutmix_wrong_way, "labels swapped"),
        ("8.4", cutmix_label_stays, "label of the first"),
        ("8.4", cutmix_plain_slices, "counted from the end"),
        ("8.4", cutmix_into_b, "images swapped"),
        ("8.4", cutmix_end_not_clipped, "end counted from the end"),
        ("8.4", cutmix_height_as_end, "size as end"),
        ("8.4", cutmix_count_changes, "changed pixels"),
        ("8.4", cutmix_count_values, "changed values"),
        ("8.4", cutmix_divide_by_size, "divided by all values"),
        ("8.4", cutmix_push_inside, "pushed inside"),
        ("8.5", look_at_a_ghost, "mean of the images"),
        ("8.5", look_once, "one look"),
        ("8.5", look_upside_down, "upside down"),
        ("8.5", look_and_add, "sum"),
        ("8.5", look_for_the_class, "class numbers"),
        ("8.5", look_reversed, "images reversed"),
        ("8.5", look_at_a_ghost_in_uint8, "half a sum of uint8 images"),
        ("8.5", look_at_a_whole_ghost_in_uint8, "mean of uint8 images"),
        ("8.5", look_without_brackets, "brackets missing"),
        ("8.5", look_at_a_half_turn, "half turn"),
        ("8.5", look_at_mirrored_answers, "probabilities reversed"),
        ("8.5", look_and_multiply, "product"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_mistakes_are_named(number, answer, mistake):
    for seed in (None, 5):
        verdict = check(number, answer, seed=seed)
        assert verdict.ok is False
        assert verdict.mistake == mistake, verdict
        assert verdict.message


def test_every_exercise_names_six_mistakes_with_words():
    for number in NUMBERS:
        found = exercises()[number]
        assert len(found.mistakes) >= 6
        assert all(mistake.message.endswith((".", "?")) for mistake in found.mistakes)


# --- Everything else ----------------------------------------------------------------


def stub_of(number):
    names = {
        "8.1": "images, chosen",
        "8.2": "images, padding, corners",
        "8.3": "boxes, width",
        "8.4": "a, b, q_a, q_b, top, left, height, width",
        "8.5": "predict, images",
    }[number]
    space = {}
    exec(f"def stub({names}):\n    ...\n", space)
    return space["stub"]


@pytest.mark.parametrize("number", NUMBERS)
def test_the_untouched_stub_is_not_done_yet(number):
    assert check(number, stub_of(number)).ok is None
    assert check(number, ...).ok is None


@pytest.mark.parametrize("number", NUMBERS)
def test_random_wrong_answers_never_pass(number):
    draw = random.Random(8)
    right = RIGHT[number][0]

    def disturbed(*args):
        # Right but for one number of one result.
        out = right(*args)
        parts = [np.array(part) for part in (out if isinstance(out, tuple) else (out,))]
        part = draw.choice(parts)
        place = tuple(draw.randrange(size) for size in part.shape)
        part[place] = part[place] + 1
        return tuple(parts) if isinstance(out, tuple) else parts[0]

    for seed in range(5):
        assert check(number, disturbed, seed=seed).ok is False
    for wrong in (lambda *args: args[0], lambda *args: 0.5, lambda *args: None, 3, "x"):
        assert check(number, wrong).ok is not True
