"""The figures: what they show, what they refuse, and what they leave alone."""

import io
import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from imgcls_helpers import plots
from imgcls_helpers._arguments import ArgumentError

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
NAMES = ["cat", "dog", "ship"]
LABELS = np.array([0, 1, 2, 0, 1, 2])
PREDICTIONS = np.array([0, 1, 2, 0, 0, 1])


def many():
    """One of each figure, as chapters draw them."""
    runs = RNG.random((3, 10))
    return {
        "grid": plots.image_grid(
            RGB, LABELS, predictions=PREDICTIONS, class_names=NAMES
        ),
        "plain": plots.image_grid(RGB),
        "curves": plots.curves({"training": runs, "validation": runs[0]}, y_label="y"),
        "bars": plots.bars({"a": 0.2, "b": [0.4, 0.6]}, reference=("chance", 0.1)),
        "confusion": plots.confusion_matrix(LABELS, PREDICTIONS, NAMES),
        "matrices": plots.matrices({"a": np.eye(3), "b": -np.eye(2)}),
    }


@pytest.fixture(scope="module")
def figures():
    return many()


def texts(figure):
    """Every text of a figure that is drawn; ticks outside of the axes are not."""
    hidden = set()
    for axis in [axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)]:
        low, high = sorted(axis.get_view_interval())
        for tick in axis.get_major_ticks():
            if not low <= tick.get_loc() <= high:
                hidden.add(tick.label1)
    return [
        t
        for t in figure.findobj(mpl.text.Text)
        if t.get_visible() and t.get_text().strip() and t not in hidden
    ]


# --- Every figure ---------------------------------------------------------------------


def test_a_figure_shows_once(figures):
    assert all(isinstance(figure, Figure) for figure in figures.values())
    assert plt.get_fignums() == []


READERS = {"font.size": 30, "axes.facecolor": "red", "axes.xmargin": 0.4}


def test_global_settings_stay_as_they_are():
    with mpl.rc_context(READERS):
        before = dict(mpl.rcParams)
        many()
        assert dict(mpl.rcParams) == before
        assert mpl.rcParams["font.size"] == 30


def test_settings_of_the_reader_do_not_change_a_figure():
    def pixels():
        buffer = io.BytesIO()
        figure = plots.curves({"a": [1, 2], "b": [2, 1]}, y_label="y")
        figure.savefig(buffer, dpi=50, facecolor=figure.get_facecolor())
        return np.asarray(Image.open(buffer))

    plain = pixels()
    with mpl.rc_context(READERS):
        assert np.array_equal(pixels(), plain)


def test_in_a_notebook_each_figure_shows_exactly_once():
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    from nbformat.v4 import new_code_cell, new_notebook

    cells = ["from imgcls_helpers import plots", "plots.curves({'a': [1, 2]})", "1"]
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, kernel_name="python3").execute()
    kinds = [[sorted(o.data) for o in cell.outputs] for cell in notebook.cells]
    assert kinds == [[], [["image/png", "text/plain"]], [["text/plain"]]]


def test_the_background_is_opaque_and_light(figures):
    for figure in figures.values():
        *colour, alpha = figure.get_facecolor()
        assert alpha == 1
        assert min(colour) > 0.95


def test_text_is_large_and_the_figure_narrow(figures):
    for name, figure in figures.items():
        assert figure.get_figwidth() <= 7
        sizes = [text.get_fontsize() for text in texts(figure)]
        assert min(sizes, default=99) >= 9, name


def test_text_lies_inside_and_does_not_overlap(figures):
    for name, figure in figures.items():
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        renderer = canvas.get_renderer()
        boxes = [
            (text.get_text(), text.get_window_extent(renderer))
            for text in texts(figure)
        ]
        width, height = figure.bbox.size
        for i, (text, box) in enumerate(boxes):
            assert box.x0 > -3 and box.y0 > -3, (name, text)
            assert box.x1 < width + 3 and box.y1 < height + 3, (name, text)
            for other, second in boxes[i + 1 :]:
                apart = (
                    box.x1 <= second.x0 + 1
                    or second.x1 <= box.x0 + 1
                    or box.y1 <= second.y0 + 1
                    or second.y1 <= box.y0 + 1
                )
                assert apart, (name, text, other)


def luminance(colour):
    linear = [c / 12.92 if c <= 0.04 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return np.dot([0.2126, 0.7152, 0.0722], linear)


def test_numbers_in_cells_stand_out_from_their_background():
    values = np.linspace(-1, 1, 16).reshape(4, 4)
    labels = np.repeat([0, 1], [10, 10])
    shares = np.repeat([0, 1, 0, 1], [10 - 5, 5, 4, 6])
    for figure in (
        plots.matrices({"signed": values}),
        plots.matrices({"grey": np.arange(0, 256, 17, dtype=np.uint8).reshape(4, 4)}),
        plots.confusion_matrix(labels, shares, ["a", "b"]),
    ):
        ax = figure.axes[0]
        image = ax.images[0]
        colours = image.cmap(image.norm(image.get_array()))[..., :3]
        for text in ax.texts:
            j, i = text.get_position()
            light = luminance(colours[i, j]), luminance(to_rgb(text.get_color()))
            assert (max(light) + 0.05) / (min(light) + 0.05) >= 4.5, text.get_text()


# --- image_grid -----------------------------------------------------------------------


def test_wrong_predictions_differ_by_more_than_colour():
    figure = plots.image_grid(RGB, LABELS, predictions=PREDICTIONS, class_names=NAMES)
    for ax, label, predicted in zip(figure.axes, LABELS, PREDICTIONS, strict=True):
        wrong = bool(label != predicted)
        assert ax.get_title() == f"{'✗' if wrong else '✓'} {NAMES[predicted]}"
        assert ax.get_xlabel() == (f"is {NAMES[label]}" if wrong else "")
        assert bool(ax.lines) is wrong
        assert (ax.spines["top"].get_linewidth() >= 3) is wrong


@pytest.mark.parametrize(
    "images",
    [
        RGB,
        RGB[..., 0],
        RGB[..., :1],
        RGB / 255,
        (RGB / 255).astype(np.float32),
        RGB[..., 0] > 100,
        list(RGB),
    ],
    ids=["rgb", "grey", "one channel", "float", "float32", "mask", "list"],
)
def test_images_of_every_kind_show_their_values(images):
    figure = plots.image_grid(images)
    shown = figure.axes[1].images[0]
    want = np.asarray(images)[1]
    drawn = shown.get_array()
    assert np.array_equal(drawn.reshape(want.shape), want)
    assert shown.get_clim() == ((0, 255) if want.dtype == np.uint8 else (0, 1))


@pytest.mark.parametrize(
    ("images", "error", "words"),
    [
        (RGB[0, :, :7], ValueError, r"\(8, 7, 3\).*This is one image.*\[None\]"),
        (RGB[0, :, :, 0], ValueError, "one grey image"),
        (RGB.transpose(0, 3, 1, 2), ValueError, "Channels go last"),
        (RGB[:0], ValueError, "There are none"),
        (RGB.astype(int), TypeError, "must be .*uint8.* dtype int64"),
        (RGB.astype(float), ValueError, "float from 0 to 1; got .* from 0 to 255"),
        (
            np.full((1, 2, 2), np.nan),
            ValueError,
            "must be finite; got 4 of 4 values that are NaN",
        ),
        (np.full((1, 2, 2), -0.1), ValueError, "values from -0.1"),
        (np.array(["a"]), ValueError, "shape.*no numbers"),
    ],
)
def test_images_that_are_refused(images, error, words):
    with pytest.raises(error, match=words):
        plots.image_grid(images)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"labels": LABELS[:5]}, ValueError, "labels must be 6 class numbers.* got 5"),
        ({"labels": LABELS * 1.0}, TypeError, "labels must be whole .* dtype float64"),
        (
            {"labels": np.eye(6)},
            ValueError,
            r"labels must be .* got .*\(6, 6\).*one-hot",
        ),
        ({"labels": LABELS + 1, "class_names": NAMES}, ValueError, "below 3.*got 3"),
        ({"labels": LABELS - 1}, ValueError, "0 or more; got -1"),
        ({"predictions": LABELS}, ValueError, "labels must be given, to compare"),
        (
            {"labels": LABELS, "predictions": LABELS + 1, "class_names": NAMES},
            ValueError,
            "predictions must be below 3, the number of classes; got 3",
        ),
        ({"titles": ["a"]}, ValueError, "titles must be 6, one for each image; got 1"),
        (
            {"titles": list("abcdef"), "labels": LABELS},
            ValueError,
            "one of the two; got both",
        ),
        (
            {"columns": 0},
            ValueError,
            "columns must be a whole number of 1 or more; got 0",
        ),
        ({"columns": 2.5}, TypeError, "columns must be a whole number .*got 2.5"),
    ],
)
def test_grid_options_that_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        plots.image_grid(RGB, **options)


def test_columns_and_titles():
    figure = plots.image_grid(RGB, titles=list("abcdef"), columns=4)
    assert [ax.get_title() for ax in figure.axes] == list("abcdef")
    assert figure.axes[0].get_gridspec().ncols == 4
    assert plots.image_grid(RGB[:1]).get_figwidth() < 3
    long = plots.image_grid(RGB, titles=["a title that is rather long"] * 6)
    assert "\n" in long.axes[0].get_title()


# --- curves ---------------------------------------------------------------------------


def test_curves_show_mean_and_range_over_runs():
    runs = np.array([[1.0, 2, 3], [3, 4, 8]])
    figure = plots.curves({"a": runs, "b": [0, 1, 2]}, x=[10, 20, 30], percent=True)
    ax = figure.axes[0]
    assert ax.lines[0].get_ydata().tolist() == [2, 3, 5.5]
    assert ax.lines[0].get_xdata().tolist() == [10, 20, 30]
    band = ax.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (1, 8)
    assert len(ax.collections) == 1
    assert "mean of 2 runs" in figure.get_supxlabel()
    assert ax.yaxis.get_major_formatter()(0.5) in ("50%", "50.0%")


def test_lines_differ_in_more_than_colour():
    figure = plots.curves({str(i): [i, i] for i in range(7)})
    lines = figure.axes[0].lines
    assert len({line.get_color() for line in lines}) == 7
    assert len({line.get_marker() for line in lines}) == 7
    assert len({str(line._dash_pattern) for line in lines}) == 7


def test_epochs_are_whole_numbers_from_one():
    figure = plots.curves({"a": [1, 2, 3]})
    assert figure.axes[0].lines[0].get_xdata().tolist() == [1, 2, 3]
    assert all(tick == int(tick) for tick in figure.axes[0].get_xticks())
    assert figure.get_supxlabel() == ""


@pytest.mark.parametrize(
    ("series", "x", "error", "words"),
    [
        ([1, 2], None, TypeError, "must be a dict from labels to values"),
        ({}, None, TypeError, "must be a dict from labels to values"),
        ({"a": []}, None, ValueError, "E at least 1; got"),
        (
            {"a": [1, np.nan]},
            None,
            ValueError,
            "must be finite; got 1 of 2 values that are NaN",
        ),
        (
            {"a": np.ones((2, 2, 2))},
            None,
            ValueError,
            r"numbers of shape \(E,\) or \(S, E\)",
        ),
        ({"a": ["x"]}, None, ValueError, "must be numbers of shape"),
        (
            {"a": [1, 2]},
            [1],
            ValueError,
            r"series\['a'\] and x must be equally many; got 2 and 1",
        ),
    ],
)
def test_curves_that_are_refused(series, x, error, words):
    with pytest.raises(error, match=words):
        plots.curves(series, x=x)


# --- bars -----------------------------------------------------------------------------


def test_bars_show_means_spreads_and_intervals():
    figure = plots.bars(
        {"one": 0.5, "runs": [0.2, 0.4, 0.6], "known": 0.3},
        intervals={"known": (0.25, 0.45)},
        reference=("chance", 0.1),
    )
    ax = figure.axes[0]
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([0.5, 0.4, 0.3])
    spans = [c.lines[2][0].get_segments()[0][:, 0] for c in ax.containers[1:]]
    assert np.allclose(spans, [[0.2, 0.6], [0.25, 0.45]])
    assert [text.get_text() for text in ax.texts] == ["0.5", "0.4", "0.3"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["one", "runs", "known"]
    assert ax.yaxis_inverted()
    assert ax.get_xlim()[0] == 0


def test_bars_may_be_negative():
    figure = plots.bars({"a": -0.5, "b": 0.5})
    assert figure.axes[0].get_xlim()[0] < -0.5
    assert figure.axes[0].texts[0].get_ha() == "right"


@pytest.mark.parametrize(
    ("values", "intervals", "error", "words"),
    [
        ({}, None, TypeError, "must be a dict from labels to values"),
        ({"a": np.nan}, None, ValueError, "NaN"),
        ({"a": "x"}, None, ValueError, "one number or several; got 'x'"),
        ({"a": 1}, {"b": (0, 1)}, ValueError, "intervals must be of a; got one of 'b'"),
        (
            {"a": 1},
            {"a": (2, 3)},
            ValueError,
            r"that holds the value; got \(2, 3\) for the value 1",
        ),
    ],
)
def test_bars_that_are_refused(values, intervals, error, words):
    with pytest.raises(error, match=words):
        plots.bars(values, intervals=intervals)


# --- confusion_matrix and matrices ----------------------------------------------------


def test_confusion_matrix_counts_rows_as_true_classes():
    labels, predictions = [0, 0, 0, 0, 2], [0, 1, 1, 1, 0]
    percent = plots.confusion_matrix(labels, predictions, NAMES)
    shown = [t.get_text() for t in percent.axes[0].texts]
    assert shown == ["25", "75", "0", "0", "0", "0", "100", "0", "0"]
    counts = plots.confusion_matrix(labels, predictions, NAMES, percent=False)
    assert "".join(t.get_text() for t in counts.axes[0].texts) == "130000100"
    assert counts.axes[0].get_ylabel() == "true class"
    assert "number of images" in counts.axes[0].get_xlabel()


def test_many_classes_are_shown_by_colour_alone():
    labels = np.arange(30)
    figure = plots.confusion_matrix(labels, labels[::-1], [str(i) for i in labels])
    assert not figure.axes[0].texts
    assert len(figure.axes) == 2  # the second says what the colours mean


@pytest.mark.parametrize(
    ("labels", "predictions", "words"),
    [
        ([0, 1], [0], "predictions must be 2 class numbers, one an image; got 1"),
        ([], [], "labels must be .*N at least 1"),
        ([0, 3], [0, 1], "labels must be below 3.*got 3 at position 1"),
    ],
)
def test_confusion_matrices_that_are_refused(labels, predictions, words):
    with pytest.raises((ValueError, TypeError), match=words):
        plots.confusion_matrix(labels, predictions, NAMES)


def test_matrices_write_every_number():
    figure = plots.matrices(
        {"a": [[1, -2]], "b": [[0.125, -0.001]], "c": np.array([[7]], np.uint8)},
        decimals=2,
    )
    shown = [[t.get_text() for t in ax.texts] for ax in figure.axes]
    assert shown == [["1", "−2"], ["0.12", "0.00"], ["7"]]
    assert figure.axes[2].images[0].get_clim() == (0, 255)
    assert figure.axes[0].images[0].get_clim() == (-2, 2)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.ones(3), r"shape \(H, W\)"),
        (np.ones((3, 17)), "at most 16 x 16.*Cut out a piece"),
        (np.full((2, 2), np.inf), "must be finite"),
        (np.ones((0, 2)), r"shape \(H, W\).*got .*\(0, 2\)"),
    ],
)
def test_matrices_that_are_refused(array, words):
    with pytest.raises(ValueError, match=words):
        plots.matrices({"a": array})


# --- What comes in, and advice that is followed --------------------------------------


def shown(figure) -> list[np.ndarray]:
    """Return what was drawn, as floats from 0 to 1."""
    drawn = [ax.images[0] for ax in figure.axes]
    return [np.asarray(im.get_array()) / im.get_clim()[1] for im in drawn]


GREY = RGB[..., :1]
OPAQUE = np.concatenate([RGB, np.full_like(GREY, 255)], axis=3)
TALL = RGB[0, :, :7]  # not square, as one picture is told from grey ones by that


@pytest.mark.parametrize(
    ("images", "first"),
    [
        (TALL, TALL / 255),
        (TALL / 255, TALL / 255),
        (TALL.tolist(), TALL / 255),
        (TALL.astype("float32"), TALL / 255),
        (OPAQUE[0, :, :7], OPAQUE[0, :, :7] / 255),
        (RGB[0, ..., 0], RGB[0, ..., 0] / 255),
        (RGB[0, ..., 0] / 255, RGB[0, ..., 0] / 255),
        (RGB[0, ..., 0] > 99, RGB[0, ..., 0] > 99),
        (RGB.transpose(0, 3, 1, 2), RGB[0] / 255),
        (RGB.transpose(0, 3, 1, 2) / 255, RGB[0] / 255),
        (GREY.transpose(0, 3, 1, 2), GREY[0, ..., 0] / 255),
        (RGB.astype(int), RGB[0] / 255),
        (RGB.tolist(), RGB[0] / 255),
        (RGB.astype(float), RGB[0] / 255),
        (RGB * 0.99, RGB[0] * 0.99 / 255),
        (RGB.astype("uint16") * 257, RGB[0] / 255),
        (RGB / 127.5 - 1, RGB[0] / 255),
        ((RGB > 99).astype(int), RGB[0] > 99),
        (OPAQUE[..., [0, 3]], GREY[0, ..., 0] / 255),
        (np.ma.MaskedArray(RGB, RGB > 250), RGB[0] * (RGB[0] <= 250) / 255),
        ([np.asarray(picture, object) for picture in RGB], RGB[0] / 255),
    ],
    ids=lambda images: f"{type(images).__name__}{np.shape(images)}",
)
def test_advice_on_images_leads_to_the_picture(images, first):
    with pytest.raises(ArgumentError) as caught:
        plots.image_grid(images)
    (code,) = re.findall(r"`([^`]+)`", str(caught.value))
    images = eval(code, {"np": np, "images": images})
    if images.dtype == object:  # the next piece of advice
        images = images.astype("uint8")
    np.testing.assert_allclose(shown(plots.image_grid(images))[0], first, atol=0.003)


def test_pictures_with_transparency_are_laid_over_the_page():
    half = OPAQUE.copy()
    half[..., 3] = 0
    figure = plots.image_grid(half[:1], columns=1)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())
    middle = pixels[pixels.shape[0] // 2, pixels.shape[1] // 2, :3]
    assert middle.min() >= 250
    assert (shown(plots.image_grid(OPAQUE))[0][..., :3] * 255 == RGB[0]).all()


def test_series_and_frames_of_pandas():
    import pandas as pd

    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [2.0, 3.0]})
    figure = plots.curves({"a": frame["a"], "mask": np.ma.MaskedArray([1.0, 2.0])})
    assert figure.axes[0].lines[0].get_ydata().tolist() == [1, 2]
    for draw, value, name in (
        (plots.curves, frame, "series"),
        (plots.bars, frame["a"], "values"),
    ):
        with pytest.raises(ArgumentError) as caught:
            draw(value)
        (code,) = re.findall(r"`([^`]+)`", str(caught.value))
        draw(eval(code, {name: value}))
    history = type("History", (), {"history": {"loss": [1, 2]}})()
    with pytest.raises(ArgumentError, match=r"`series\.history`"):
        plots.curves(history)
    labels = pd.Series(LABELS, index=range(10, 16))
    figure = plots.image_grid(RGB, labels, class_names=pd.Series(NAMES))
    assert [ax.get_title() for ax in figure.axes] == [NAMES[k] for k in LABELS]


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (
            lambda: plots.curves({"a": np.ma.MaskedArray([1, 2], [0, 1])}),
            "1 of 2 values",
        ),
        (lambda: plots.curves({"a": [[1, 2], [3]]}), "must be numbers of shape"),
        (lambda: plots.bars({"a": 1}, reference=0.1), r"a pair \(label, number\)"),
        (
            lambda: plots.bars({"a": 1}, intervals={"a": (0, 1, 2)}),
            "a pair .low, high.",
        ),
        (lambda: plots.matrices({"a": [[1]]}, decimals=-1), "decimals must be"),
        (lambda: plots.image_grid(RGB, titles="abcdef"), "titles must be 6"),
        (lambda: plots.image_grid(RGB, LABELS, class_names="abc"), "a list of names"),
        (
            lambda: plots.confusion_matrix(LABELS, np.eye(3)[LABELS], NAMES),
            "predictions must be .*argmax",
        ),
        (lambda: plots.confusion_matrix(LABELS, LABELS, None), "a list of names"),
        (lambda: plots.image_grid(np.ones((2, 4, 4, 5))), "5 channels"),
        (lambda: plots.image_grid([RGB[0], RGB[0, :7]]), "2 different shapes"),
    ],
)
def test_what_is_refused_is_named(draw, words):
    with pytest.raises(ArgumentError, match=words) as caught:
        draw()
    assert re.search(r"^\w+: .+ must be .+; got .+\.", str(caught.value))


def test_names_in_a_dict_are_listed_by_the_advice():
    with pytest.raises(ArgumentError) as caught:
        plots.image_grid(RGB, LABELS, class_names=dict(enumerate(NAMES)))
    (code,) = re.findall(r"`([^`]+)`", str(caught.value))
    assert eval(code, {"class_names": dict(enumerate(NAMES))}) == list(NAMES)
