"""Figures of one kind: legible on a phone, without colour, on light and dark pages.

Every function returns a ``matplotlib.figure.Figure`` that pyplot has let go of, so
that it shows exactly once as the last expression of a cell. Matplotlib's global
settings stay as they are.

Colours are those of Okabe and Ito (https://jfly.uni-koeln.de/color/), which readers
with any form of colour blindness can tell apart; lines differ in dashes and markers
too, bars in nothing but their labels, and a wrong prediction has a cross.
"""

from __future__ import annotations

import contextlib
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imgcls_helpers._arguments import (
    any_array,
    describe,
    equally_many,
    images_cure,
    number,
    numbers_of,
    refuse,
)
from imgcls_helpers._arguments import class_names as class_names_of
from imgcls_helpers._arguments import labels as labels_of

__all__ = ["COLOURS", "bars", "confusion_matrix", "curves", "image_grid", "matrices"]

COLOURS = (
    "#0072B2",  # blue
    "#D55E00",  # vermilion
    "#009E73",  # green
    "#CC79A7",  # purple
    "#E69F00",  # orange
    "#56B4E9",  # sky blue
    "#000000",
)
"""Okabe and Ito's colours without their yellow, which is too faint for a line."""

_DASHES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 2)))
_MARKERS = "os^DvPX"

_INK = "#222222"
_PAPER = "#fcfcfc"
_FAINT = "#d8d8d8"
_RIGHT, _WRONG = COLOURS[0], COLOURS[1]

_WIDTH = 6.4  # inches: a page's text width, and still legible at half of it
_FONT = 13.0  # points

_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": _INK,
    "axes.facecolor": _PAPER,
    "axes.grid": False,
    "axes.labelcolor": _INK,
    "axes.labelsize": _FONT,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": _INK,
    "axes.titlelocation": "center",
    "axes.titlesize": _FONT,
    "figure.constrained_layout.use": True,
    "figure.facecolor": _PAPER,
    "font.family": "DejaVu Sans",  # comes with Matplotlib: the same everywhere
    "font.size": _FONT,
    "grid.color": _FAINT,
    "legend.fontsize": _FONT - 1,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "lines.linewidth": 2.2,
    "lines.markersize": 6,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}


@contextlib.contextmanager
def _figure(
    height: float, *shape: int, width: float = _WIDTH, **options: Any
) -> Iterator[tuple[Figure, Any]]:
    """Open a figure in the house style; let go of it and lay it out at the end."""
    dpi = mpl.rcParams["figure.dpi"]  # the reader's, or the notebook's, to choose
    with mpl.rc_context():
        mpl.style.use(["default", {**_STYLE, "figure.dpi": dpi}])
        figure, axes = plt.subplots(*shape, figsize=(width, height), **options)
        plt.close(figure)
        for ax in figure.axes:  # otherwise looked up again whenever it is drawn
            ax.tick_params(labelsize=_FONT - 1)
        yield figure, axes
        # Ticks are made when first drawn, with the settings of that moment.
        figure.draw_without_rendering()


def _ink_on(background: Sequence[float]) -> str:
    """Return black or white, whichever has the greater contrast (WCAG 2.2)."""
    rgb = np.array(background[:3])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    light = linear @ [0.2126, 0.7152, 0.0722]
    return "black" if (light + 0.05) / 0.05 > 1.05 / (light + 0.05) else "white"


# --- What comes in ------------------------------------------------------------------

_RUNS = "numbers of shape (E,) or (S, E), E at least 1"
_IMAGES = (
    "of shape (N, H, W), or (N, H, W, C) with 1, 3 or 4 channels, and uint8, bool or "
    "float from 0 to 1"
)


def _as_images(value: Any) -> np.ndarray:
    """Return images as an array that imshow takes: (N, H, W), or 3 or 4 channels.

    Four channels are colours and how opaque they are: imshow lays them over the page.
    """
    images = any_array(value, "images", _IMAGES, cure=lambda: images_cure(value))
    kind, shape = images.dtype.kind, images.shape
    if kind not in "biuf" or images.size == 0:
        refuse("images", _IMAGES, value, cure=images_cure(value))
    if kind == "f" and not np.isfinite(images).all():
        bad = np.count_nonzero(~np.isfinite(images))
        came = f"{bad} of {images.size} values that are NaN or infinite"
        refuse("images", "finite", came=came)
    low, high = images.min(), images.max()
    if kind in "iu" and images.dtype != np.uint8 and low >= 0 and high <= 1:
        cure = "If they are masks, use `np.asarray(images).astype(bool)`."
        refuse("images", _IMAGES, value, cure=cure)
    fits = kind == "b" or images.dtype == np.uint8
    fits = fits or (kind == "f" and low >= 0 and high <= 1)
    # Three or four pixels wide and not as high: more likely one image with channels.
    grey = len(shape) == 3 and (shape[2] not in (1, 3, 4) or shape[1] == shape[2])
    if not fits or not (grey or (len(shape) == 4 and shape[3] in (1, 3, 4))):
        came = describe(value)
        if not fits:
            came += f", with values from {low:.4g} to {high:.4g}"
        cure = images_cure(value, "images", (1, 3, 4), floats=fits)
        refuse("images", _IMAGES, came=came, cure=cure)
    if kind == "b":  # masks
        images = images.astype(np.float32)
    return images if grey or shape[3] > 1 else images[..., 0]


def _names(names: Any) -> tuple[str, ...]:
    """Return the names of the classes."""
    cure = ""
    if isinstance(names, Mapping):
        cure = "Use `[class_names[k] for k in sorted(class_names)]`."
    if cure or isinstance(names, str) or not hasattr(names, "__len__"):
        refuse("class_names", "a list of names, one a class", names, cure=cure)
    return class_names_of(list(names), len(names))


def _named(values: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(values, Mapping) or not values:
        cure = ""
        if hasattr(values, "history"):
            cure = f"Use `{name}.history`."
        elif hasattr(values, "to_dict"):
            lists = "'list'" if getattr(values, "ndim", 1) == 2 else ""
            cure = f"Use `{name}.to_dict({lists})`."
        expected = "a dict from labels to values, such as {'training': [0.4, 0.5]}"
        refuse(name, expected, values, cure=cure)
    return values


# --- Figures ------------------------------------------------------------------------


def image_grid(
    images: Any,
    labels: Any = None,
    *,
    predictions: Any = None,
    class_names: Sequence[str] | None = None,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
) -> Figure:
    """Draw images in rows, each with its class, its prediction or a title.

    With `predictions`, the name over an image is the predicted class. A right one has
    a check mark; a wrong one has a cross, a thick frame, and the true class under it.

    Parameters
    ----------
    images : array, shape (N, H, W), or (N, H, W, C) with 1, 3 or 4 channels
        uint8, bool, or float from 0 to 1. A fourth channel is how opaque a pixel is.
    labels : int array, shape (N,), optional
    predictions : int array, shape (N,), optional
        Needs `labels`.
    class_names : sequence of str, optional
        Without it, classes show as numbers.
    titles : sequence of str, length N, optional
        Text over each image, in place of labels.
    columns : int, optional
        Images in a row; by default at most 5 with text and 8 without.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a shape, dtype, length or range is not as above, or a value is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from imgcls_helpers import plots
    >>> images = np.zeros((3, 8, 8, 3), dtype="uint8")
    >>> figure = plots.image_grid(images, [0, 1, 1], class_names=["cat", "dog"])
    >>> [axes.get_title() for axes in figure.axes]
    ['cat', 'dog', 'dog']
    """
    images = _as_images(images)
    n = len(images)
    names = None if class_names is None else _names(class_names)
    classes = None if names is None else len(names)
    if titles is not None and labels is not None:
        refuse("labels and titles", "one of the two", came="both")
    if predictions is not None and labels is None:
        refuse("labels", "given, to compare predictions with", None)
    right = np.ones(n, bool)
    below = [""] * n
    if labels is not None:
        labels = labels_of(labels, n=n, classes=classes)
        over = [_class_name(label, names) for label in labels]
        if predictions is not None:
            predictions = labels_of(predictions, "predictions", n=n, classes=classes)
            right = labels == predictions
            below = ["" if ok else f"is {t}" for ok, t in zip(right, over, strict=True)]
            over = [
                f"{'✓' if ok else '✗'} {_class_name(p, names)}"
                for ok, p in zip(right, predictions, strict=True)
            ]
    elif titles is not None:
        if isinstance(titles, str) or len(titles) != n:
            came = None if isinstance(titles, str) else f"{len(titles)}"
            refuse("titles", f"{n}, one for each image", titles, came=came)
        over = [str(title) for title in titles]
    else:
        over = [""] * n
    columns = _columns(columns, n, over + below)
    cell = min(_WIDTH / columns, 2.2)
    size = _FONT if columns <= 5 else _FONT - 1
    letters = max(4, int(cell * 72 / (0.6 * size)))
    over = [textwrap.fill(text, letters) for text in over]
    below = [textwrap.fill(text, letters) for text in below]
    rows = math.ceil(n / columns)
    lines = sum(
        max((text.count("\n") + 1 for text in texts if text), default=0)
        for texts in (over, below)
    )
    aspect = images.shape[1] / images.shape[2]
    height = rows * ((cell - 0.12) * aspect + lines * size * 1.25 / 72 + 0.12)
    with _figure(height, rows, columns, width=cell * columns, squeeze=False) as (
        figure,
        axes,
    ):
        layout: Any = figure.get_layout_engine()
        layout.set(w_pad=0.04, h_pad=0.04, wspace=0.02, hspace=0.02)
        for i, ax in enumerate(axes.flat):
            if i >= n:
                ax.remove()
                continue
            _draw_image(ax, images[i])
            ax.set_title(over[i], fontsize=size, pad=4)
            if not right[i]:
                _mark_wrong(ax)
                ax.set_xlabel(below[i], fontsize=size, labelpad=3)
    return figure


def _class_name(label: int, class_names: Sequence[str] | None) -> str:
    return str(label) if class_names is None else str(class_names[label])


def _columns(columns: int | None, n: int, texts: Sequence[str]) -> int:
    if columns is None:
        longest = max(map(len, texts))
        most = 8 if longest <= 4 else 5 if longest <= 11 else 4 if longest <= 26 else 3
        return min(n, most)
    return number(columns, "columns", 1, whole=True)


def _draw_image(ax: Axes, image: np.ndarray) -> None:
    high = 255 if image.dtype == np.uint8 else 1
    # Small images keep their hard pixels; large ones are made smaller smoothly.
    smooth = "nearest" if max(image.shape[:2]) <= 128 else "antialiased"
    ax.imshow(image, cmap="gray", vmin=0, vmax=high, interpolation=smooth)
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(visible=True, color="#999999", linewidth=0.8)


def _mark_wrong(ax: Axes) -> None:
    for spine in ax.spines.values():
        spine.set(color=_WRONG, linewidth=4)
    # A cross in the corner, with a pale rim so that it shows on any image.
    for colour, width in ((_PAPER, 6.5), (_WRONG, 3.2)):
        ax.plot(
            [0.9],
            [0.9],
            marker="x",
            markersize=11,
            markeredgewidth=width,
            color=colour,
            transform=ax.transAxes,
            zorder=5,
        )


def curves(
    series: Mapping[str, Any],
    *,
    x: Any = None,
    x_label: str = "epoch",
    y_label: str = "",
    percent: bool = False,
) -> Figure:
    """Draw lines over epochs; repeated runs as their mean and the spread around it.

    Parameters
    ----------
    series : dict from str to array, shape (E,) or (S, E)
        S runs (seeds) of E values. The line is the mean over runs, the band goes from
        the lowest to the highest run.
    x : array, shape (E,), optional
        Where the values lie; by default 1, 2, ..., E.
    x_label, y_label : str
    percent : bool
        Whether to write shares (0 to 1) as percentages.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is nothing to draw, shapes do not fit, or a value is NaN.

    Examples
    --------
    >>> from imgcls_helpers import plots
    >>> runs = [[0.5, 0.7], [0.6, 0.8]]
    >>> figure = plots.curves({"training": runs}, y_label="accuracy")
    >>> figure.axes[0].get_ylabel()
    'accuracy'
    """
    series = {
        str(name): np.atleast_2d(numbers_of(values, f"series[{name!r}]", _RUNS, (1, 2)))
        for name, values in _named(series, "series").items()
    }
    if x is not None:
        x = numbers_of(x, "x", "numbers of shape (E,)", (1,))
        for name, values in series.items():
            equally_many(f"series[{name!r}] and x", values[0], x)
    runs = 1
    with _figure(3.8) as (figure, ax):
        for i, (name, values) in enumerate(series.items()):
            at = np.arange(1, values.shape[1] + 1) if x is None else x
            colour = COLOURS[i % len(COLOURS)]
            few = len(at) <= 25
            ax.plot(
                at,
                values.mean(axis=0),
                color=colour,
                linestyle=_DASHES[i % len(_DASHES)],
                marker=_MARKERS[i % len(_MARKERS)],
                markevery=1 if few else max(1, len(at) // 10),
                label=name,
            )
            if len(values) > 1:
                runs = max(runs, len(values))
                ax.fill_between(
                    at, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2
                )
        if x is None:
            ax.xaxis.get_major_locator().set_params(integer=True)
        if percent:
            _percent_axis(ax.yaxis)
        ax.grid(axis="y")
        ax.set(xlabel=x_label, ylabel=y_label)
        if len(series) > 1:
            _legend_above(figure, list(series))
        if runs > 1:
            _note(figure, f"Line: mean of {runs} runs. Band: lowest to highest.")
    return figure


def _percent_axis(axis: mpl.axis.Axis) -> None:
    """Write shares as "5%" or "2.5%", on few enough ticks that none overlap."""
    axis.set_major_locator(mpl.ticker.MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(lambda value, _: f"{100 * value:.4g}%")


def _legend_above(figure: Figure, names: list[str]) -> None:
    # Outside of the axes, so that it never lies on a line.
    letters = _WIDTH * 72 / (0.6 * _FONT)
    columns = max(1, min(len(names), int(letters // (max(map(len, names)) + 7))))
    figure.legend(loc="outside upper left", ncols=columns, columnspacing=1.5)


def _note(figure: Figure, text: str) -> None:
    figure.supxlabel(text, x=0.01, ha="left", fontsize=_FONT - 2)


def bars(
    values: Mapping[str, Any],
    *,
    intervals: Mapping[str, tuple[float, float]] | None = None,
    x_label: str = "",
    percent: bool = False,
    reference: tuple[str, float] | None = None,
) -> Figure:
    """Draw one horizontal bar for each value, with its number written beside it.

    Parameters
    ----------
    values : dict from str to number or array, shape (S,)
        Several values (seeds) are drawn as their mean, with a line from the lowest
        to the highest.
    intervals : dict from str to (low, high), optional
        Drawn in place of that line, such as confidence intervals.
    x_label : str
    percent : bool
        Whether to write shares (0 to 1) as percentages.
    reference : (str, float), optional
        A dashed line to compare with, such as ``("chance", 0.1)``.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is nothing to draw, an interval does not hold its value, or a value
        is NaN.

    Examples
    --------
    >>> from imgcls_helpers import plots
    >>> figure = plots.bars({"majority": 0.1, "CNN": [0.6, 0.7]}, percent=True)
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['10.0%', '65.0%']
    """
    runs = {
        str(name): np.atleast_1d(
            numbers_of(value, f"values[{name!r}]", "one number or several", (0, 1))
        )
        for name, value in _named(values, "values").items()
    }
    means = np.array([value.mean() for value in runs.values()])
    spans = {n: (v.min(), v.max()) for n, v in runs.items() if len(v) > 1}
    for name, interval in (intervals or {}).items():
        if name not in runs:
            refuse("intervals", f"of {', '.join(runs)}", came=f"one of {name!r}")
        expected, ends = "a pair (low, high) that holds the value", interval
        found = numbers_of(ends, f"intervals[{name!r}]", expected, (1,))
        mean = runs[name].mean()
        if len(found) != 2 or not found[0] <= mean <= found[1]:
            came = f"{interval} for the value {mean:g}"
            refuse(f"intervals[{name!r}]", expected, came=came)
        low, high = found
        spans[name] = (low, high)
    if reference is not None:
        if not isinstance(reference, tuple | list) or len(reference) != 2:
            refuse("reference", "a pair (label, number)", reference)
        label, where = str(reference[0]), number(reference[1], "reference[1]")
    letters = 18
    names = [textwrap.fill(name, letters) for name in runs]
    lines = sum(name.count("\n") + 1 for name in names)
    with _figure(0.9 + 0.2 * len(names) + 0.22 * lines + 0.3 * bool(reference)) as (
        figure,
        ax,
    ):
        at = np.arange(len(names))
        ax.barh(at, means, height=0.62, color=COLOURS[0], edgecolor=_INK, linewidth=0.8)
        for i, name in enumerate(runs):
            end = means[i]
            if name in spans:
                low, high = spans[name]
                ax.errorbar(
                    means[i],
                    i,
                    # The mean of equal numbers can lie beyond them by rounding.
                    xerr=[[max(0, means[i] - low)], [max(0, high - means[i])]],
                    color=_INK,
                    capsize=5,
                    linewidth=2,
                    capthick=2,
                )
                end = high if means[i] >= 0 else low
            text = f"{means[i]:.1%}" if percent else f"{means[i]:.4g}"
            ax.annotate(
                text,
                (end, i),
                xytext=(6 if means[i] >= 0 else -6, 0),
                textcoords="offset points",
                va="center",
                ha="left" if means[i] >= 0 else "right",
                # A number stays legible where the reference line runs through it.
                bbox={"facecolor": _PAPER, "edgecolor": "none", "pad": 1},
            )
        ax.set_yticks(at, names)
        ax.tick_params(axis="y", length=0)
        ax.invert_yaxis()
        ax.margins(x=0.16)
        ax.grid(axis="x")
        if percent:
            _percent_axis(ax.xaxis)
        ax.set_xlabel(x_label)
        if reference is not None:
            ax.axvline(
                where, color=_INK, linestyle="--", linewidth=1.6, label=label, zorder=2
            )
            figure.legend(loc="outside upper left")
        if means.min() >= 0:
            ax.set_xlim(left=0)
    return figure


def confusion_matrix(
    labels: Any,
    predictions: Any,
    class_names: Sequence[str],
    *,
    percent: bool = True,
) -> Figure:
    """Draw how often each class was predicted as each class.

    A row is a true class, a column a predicted one; the diagonal is right.

    Parameters
    ----------
    labels, predictions : int array, shape (N,)
    class_names : sequence of str
    percent : bool
        Whether a cell shows the share of its row in percent (the default), or the
        number of images. Over 20 classes, colours alone show the shares.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a shape, dtype or range is not as above, or there are no labels.

    Examples
    --------
    >>> from imgcls_helpers import plots
    >>> figure = plots.confusion_matrix([0, 0, 1], [0, 1, 1], ["cat", "dog"])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['50', '50', '0', '100']
    """
    class_names = _names(class_names)
    k = len(class_names)
    labels = labels_of(labels, classes=k)
    predictions = labels_of(predictions, "predictions", n=len(labels), classes=k)
    counts = np.zeros((k, k), int)
    np.add.at(counts, (labels, predictions), 1)
    totals = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, totals, out=np.zeros((k, k)), where=totals > 0)
    with _figure(6.0 if k > 3 else 4.2) as (figure, ax):
        drawn = ax.imshow(share, cmap="Blues", vmin=0, vmax=1 if k <= 20 else None)
        if k > 20:
            bar = figure.colorbar(drawn, ax=ax, shrink=0.75, label="share of the row")
            bar.ax.yaxis.set_major_formatter(mpl.ticker.PercentFormatter(1.0))
        else:
            size = _FONT - 1 if k <= 10 else _FONT - 4
            for (i, j), value in np.ndenumerate(share):
                ax.text(
                    j,
                    i,
                    f"{100 * value:.0f}" if percent else str(counts[i, j]),
                    ha="center",
                    va="center",
                    fontsize=size,
                    color=_ink_on(drawn.cmap(drawn.norm(value))),
                    fontweight="bold" if i == j else "normal",
                )
            upright = max(map(len, class_names)) * k <= 45
            ax.set_xticks(range(k), class_names, rotation=0 if upright else 90)
            ax.set_yticks(range(k), class_names)
        unit = ", % of each row" if percent else ", number of images"
        ax.set(xlabel="predicted class" + unit * (k <= 20), ylabel="true class")
        ax.tick_params(length=0)
        for spine in ax.spines.values():
            spine.set(visible=True, linewidth=0.8)
        for edge in np.arange(k - 1) + 0.5 if k <= 20 else ():
            ax.axhline(edge, color=_PAPER, linewidth=1)
            ax.axvline(edge, color=_PAPER, linewidth=1)
    return figure


def matrices(arrays: Mapping[str, Any], *, decimals: int = 2) -> Figure:
    """Draw small matrices side by side, with every number in its cell.

    Arrays of numbers without negative ones are drawn from black (0) to white (their
    largest value, or 255 for uint8), others from orange (negative) over white to
    purple (positive).

    Parameters
    ----------
    arrays : dict from str to array, shape (H, W)
        At most 16 rows and 16 columns each; uint8, integer, bool or float.
    decimals : int
        Digits after the point, where an array has other numbers than whole ones.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a shape is not as above, or a value is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from imgcls_helpers import plots
    >>> figure = plots.matrices({"image": np.eye(3), "kernel": np.ones((2, 2))})
    >>> [axes.get_title() for axes in figure.axes]
    ['image', 'kernel']
    """
    drawn = {}
    number(decimals, "decimals", 0, whole=True)
    for name, array in _named(arrays, "arrays").items():
        expected = "numbers of shape (H, W), at most 16 x 16, which can still be read"
        values = numbers_of(array, f"arrays[{name!r}]", expected, (2,))
        if max(values.shape) > 16:
            cure = f"Cut out a piece: `np.asarray(arrays[{name!r}])[:16, :16]`."
            refuse(f"arrays[{name!r}]", expected, array, cure=cure)
        drawn[str(name)] = (values, np.asarray(array).dtype)
    widths = [values.shape[1] for values, _ in drawn.values()]
    gap = 0.3
    cell = min(0.62, (_WIDTH - gap * len(drawn)) / sum(widths))
    tallest = max(values.shape[0] for values, _ in drawn.values())
    texts = {name: _cell_texts(v, decimals) for name, (v, _) in drawn.items()}
    longest = max(len(text) for array in texts.values() for text in array.flat)
    size = min(_FONT, cell * 72 / (0.68 * longest))
    with _figure(
        tallest * cell + 0.45,
        1,
        len(drawn),
        width=sum(widths) * cell + gap * len(drawn),
        squeeze=False,
        gridspec_kw={"width_ratios": widths},
    ) as (figure, axes):
        for ax, (name, (values, dtype)) in zip(axes.flat, drawn.items(), strict=True):
            _draw_matrix(ax, values, dtype, texts[name], size)
            ax.set_title(name, pad=6)
    return figure


def _cell_texts(values: np.ndarray, decimals: int) -> np.ndarray:
    whole = (values == np.round(values)).all()
    rounded = np.round(values, decimals) + 0.0  # no minus before a zero
    texts = [f"{v:.{0 if whole else decimals}f}" for v in rounded.flat]
    return np.array([t.replace("-", "−") for t in texts]).reshape(values.shape)


def _draw_matrix(
    ax: Axes, values: np.ndarray, dtype: np.dtype, texts: np.ndarray, size: float
) -> None:
    high = 255.0 if dtype == np.uint8 else max(np.abs(values).max(), 1e-12)
    signed = values.min() < 0
    low = -high if signed else 0.0
    colours = mpl.colormaps["PuOr" if signed else "gray"]
    ax.imshow(values, cmap=colours, vmin=low, vmax=high)
    for (i, j), value in np.ndenumerate(values):
        background = colours((value - low) / (high - low))
        ax.text(
            j,
            i,
            str(texts[i, j]),
            ha="center",
            va="center",
            fontsize=size,
            color=_ink_on(background),
        )
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(visible=True, linewidth=0.8)
    for edge in np.arange(values.shape[0] - 1) + 0.5:
        ax.axhline(edge, color="#808080", linewidth=0.6)
    for edge in np.arange(values.shape[1] - 1) + 0.5:
        ax.axvline(edge, color="#808080", linewidth=0.6)
