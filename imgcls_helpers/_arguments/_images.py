"""Images: uint8, channels last, a batch of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgcls_helpers._arguments._refusal import refuse


def images(
    value: Any,
    name: str = "images",
    *,
    channels: tuple[int, ...] | None = (1, 3),
    floats: bool = False,
) -> np.ndarray:
    """Return uint8 images (N, H, W, C) as they are; refuse everything else by name.

    `channels` are the numbers of channels that are taken; None takes any. With
    `floats`, floats are taken too.
    """
    if (
        type(value) is not np.ndarray
        or not (value.dtype == np.uint8 or (floats and value.dtype.kind == "f"))
        or value.ndim != 4
        or value.size == 0
        or (channels is not None and value.shape[3] not in channels)
    ):
        kind = "uint8 or float" if floats else "uint8"
        expected = f"a {kind} array of shape (N, H, W, C), none of them 0"
        if channels is not None:
            kinds = {1: "1 (grey)", 3: "3 (colour)"}
            expected += f", C = {' or '.join(kinds.get(c, str(c)) for c in channels)}"
        refuse(name, expected, value, cure=images_cure(value, name, channels, floats))
    return value


def masks(value: Any, shape: tuple[int, int, int], name: str = "masks") -> np.ndarray:
    """Return bool masks (N, H, W) of images of this shape as they are."""
    if type(value) is not np.ndarray or value.dtype != bool or value.shape != shape:
        expected = f"a bool array of shape {shape}"
        refuse(name, expected, value, cure=_masks_cure(value, shape, name))
    return value


def _masks_cure(value: Any, shape: tuple[int, int, int], name: str) -> str:
    if type(value) is not np.ndarray or value.shape not in (shape, (*shape, 1)):
        return ""
    if value.dtype.kind not in "biuf" or not np.isin(value, (0, 1, 255)).all():
        return ""
    code = name if value.shape == shape else f"{name}[..., 0]"
    return f"Use `{code}`." if value.dtype == bool else f"Use `{code}.astype(bool)`."


def images_cure(
    value: Any,
    name: str = "images",
    channels: tuple[int, ...] | None = (1, 3),
    floats: bool = False,
) -> str:
    """Say what makes uint8 images (N, H, W, C) of something else."""
    if hasattr(value, "element_spec"):
        return of_tf_data(value, name)
    if hasattr(value, "images"):
        return f"The images of a part are `{name}.images`."
    if hasattr(value, "train"):
        return f"Take one part of it, such as `{name}.train.images`."
    if isinstance(value, str | bytes | dict | set):
        return "Pictures in a folder are loaded by data.load_image_folder."
    code = name if type(value) is np.ndarray else f"np.asarray({name})"
    if isinstance(value, np.ma.MaskedArray) and np.ma.getmaskarray(value).any():
        value, code = value.filled(0), f"{name}.filled(0)"
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError):
        array = np.empty(0, object)
    if array.dtype == object:
        return _of_pictures(value, name)
    if array.size == 0:
        return "There are none."
    if array.dtype.kind not in "biuf":
        return "They are no numbers."
    notes, code, turned = _axes(array, code, channels)
    if turned is None:
        return notes
    steps = [notes]
    notes, code = _channels(turned, code, channels)
    steps.append(notes)
    if code and not (floats and turned.dtype.kind == "f"):
        notes, code = _bytes(turned, code)
        steps.append(notes)
    if not code:
        return notes
    return " ".join([*filter(None, steps), f"Use `{code}`."])


def of_tf_data(value: Any, name: str, *, labels: bool = False) -> str:
    """Say what makes arrays of a tf.data.Dataset of images and labels."""
    first = value.element_spec
    both = isinstance(first, tuple)
    shape = getattr(first[0] if both else first, "shape", None)
    single = shape is not None and getattr(shape, "rank", len(shape)) == 3
    join, rows = "stack" if single else "concatenate", f"{name}.as_numpy_iterator()"
    if labels:
        code = f"[np.{join}(rows) for rows in zip(*{rows})]"
        return f"A tf.data.Dataset gives arrays piece by piece: `{code}`."
    row = "row[0] for row" if both or shape is None else "row for row"
    return (
        "A tf.data.Dataset gives arrays piece by piece: "
        f"`np.{join}([{row} in {rows}])`."
    )


def _of_pictures(value: Any, name: str) -> str:
    try:
        sizes = {np.shape(picture) for picture in value}
    except (ValueError, TypeError, RuntimeError):
        return ""
    if len(sizes) == 1:
        return f"Make one array of them: `np.stack(list({name}))`."
    return (
        f"They have {len(sizes)} different shapes: bring them to one size first, as "
        "data.load_image_folder does."
    )


def _axes(
    array: np.ndarray, code: str, channels: tuple[int, ...] | None
) -> tuple[str, str, np.ndarray | None]:
    """Bring the axes to (N, H, W, C); None where it is not clear what they are."""
    shape = array.shape
    if array.ndim == 4 and shape[3] > 4 and shape[1] in (1, 3):
        moved = array.transpose(0, 2, 3, 1)
        return "Channels go last.", f"{code}.transpose(0, 2, 3, 1)", moved
    if array.ndim == 4:
        return "", code, array
    if array.ndim == 3 and shape[2] in (1, 3, 4):
        note = "This is one image; a batch has an axis in front."
        return note, f"{code}[None]", array[None]
    if array.ndim == 3 and shape[0] == 3 and channels == (3,):
        note = "This is one image, and its channels go last."
        return note, f"{code}.transpose(1, 2, 0)[None]", array.transpose(1, 2, 0)[None]
    if array.ndim == 3 and shape[0] in (1, 3):
        note = (
            "For one image with its channels first use "
            f"`{code}.transpose(1, 2, 0)[None]`, for grey images `{code}[..., None]`."
        )
        return note, "", None
    if array.ndim == 3:
        note = "Grey images have an axis for their one channel."
        return note, f"{code}[..., None]", array[..., None]
    if array.ndim == 2:
        note = "This is one grey image."
        return note, f"{code}[None, ..., None]", array[None, ..., None]
    return "", "", None


def _channels(
    array: np.ndarray, code: str, channels: tuple[int, ...] | None
) -> tuple[str, str]:
    found = array.shape[3]
    if channels is None or found in channels:
        return "", code
    if found in (2, 4) and found - 1 in channels:
        opaque = 1 if array.dtype.kind in "bf" and array.max() <= 1 else 255
        if (array[..., -1] == opaque).all():
            note = "The last channel is transparency, and all of it opaque."
            return note, f"{code}[..., :{found - 1}]"
        return (
            "The last channel is transparency: lay the pictures over a ground first, "
            "as data.load_image_folder does."
        ), ""
    if found == 1 and channels == (3,):
        return "Grey images get three equal channels.", f"{code}.repeat(3, axis=3)"
    return f"They have {found} channels.", ""


def _bytes(array: np.ndarray, code: str) -> tuple[str, str]:
    """Make bytes of the values; no code where it is not known what they mean."""
    kind, whole = array.dtype.kind, f"{code}.astype('uint8')"
    if array.dtype == np.uint8:
        return "", code
    if kind == "b":
        return "", f"{whole} * 255"
    if kind == "f" and not np.isfinite(array).all():
        return "They have values that are NaN or infinite.", ""
    low, high = array.min(), array.max()
    if kind == "f" and low >= -1 and high <= 1:
        way = f"{code} * 255" if low >= 0 else f"({code} + 1) * 127.5"
        return (
            f"They were scaled to [{0 if low >= 0 else -1}, 1]; here scaling is a "
            "layer of the model."
        ), f"np.rint({way}).astype('uint8')"
    if low >= 0 and high <= 255 and (kind in "iu" or (array % 1 == 0).all()):
        return "", whole
    if kind == "f" and low >= 0 and 2 < high <= 255:
        return "", f"np.rint({code}).astype('uint8')"
    if array.dtype == np.uint16:
        return "They have 16 bits.", f"({code} // 257).astype('uint8')"
    return (
        f"Values from {low:.4g} to {high:.4g} are no bytes. Undo a normalization: here "
        "it is a layer of the model."
    ), ""
