"""Images and the model that is to take them. Keras is not imported: it may be slow."""

from __future__ import annotations

import sys
import warnings
import weakref
from collections.abc import Iterator
from types import FrameType
from typing import Any

import numpy as np

from imgcls_helpers._arguments._images import images
from imgcls_helpers._arguments._refusal import refuse

# Models that this process has trained on bytes, scaled inside or not.
TRAINED_ON_BYTES: weakref.WeakSet = weakref.WeakSet()

_AS_THEY_ARE = {"InputLayer", "Flatten", "Reshape", "Permute", "Dropout", "Resizing"}
_AS_THEY_ARE |= {"CenterCrop", "Cropping2D", "ZeroPadding2D", "UpSampling2D"}
_AS_THEY_ARE |= {"MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D"}
_AS_THEY_ARE |= {"GlobalMaxPooling2D", "RandomFlip", "RandomCrop", "RandomRotation"}
_AS_THEY_ARE |= {"RandomTranslation", "RandomZoom"}
_WEIGHTED = {"Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Dense"}


def images_for(
    model: Any, value: Any, name: str = "images", *, bytes_only: bool = False
) -> np.ndarray:
    """Return images that this model takes; refuse everything else by name.

    A model that scales its images, or was trained on bytes here, takes bytes, and so
    does each with `bytes_only`. Others may take floats: those get a warning where the
    values look like bytes and nothing in the model scales them.
    """
    shape = _input_shape(model)
    if shape is not None and len(shape) != 3:
        refuse(
            "model",
            "one that takes images of shape (H, W, C)",
            came=f"one that takes {shape}",
            cure="Begin it with keras.Input of that shape and keras.layers.Flatten().",
        )
    size: tuple[Any, ...] = (None, None)
    channels: tuple[Any, ...] | None = (1, 3)
    if shape is not None:
        size, channels = shape[:2], None if shape[2] is None else (shape[2],)
    takes_bytes = bytes_only or scales(model) or model in TRAINED_ON_BYTES
    found = images(value, name, channels=channels, floats=not takes_bytes)
    if any(a not in (None, b) for a, b in zip(size, found.shape[1:3], strict=True)):
        h, w = ("any" if n is None else n for n in size)
        refuse(
            name,
            f"of {h} x {w} pixels, as the model takes them",
            found,
            cure="Load them in that size, as data.load_image_folder does with size=, "
            "or build the model for theirs.",
        )
    if not takes_bytes and _look_like_bytes(found) and _is_bare(model):
        warnings.warn(
            f"{name} hold values up to {found.max():.4g}, and nothing in the model "
            "scales them. If it was trained on images from 0 to 1, use "
            f"`{name} / 255`. A model that begins with keras.layers.Rescaling(1 / 255) "
            "cannot be used wrongly.",
            UserWarning,
            stacklevel=outside(),
        )
    return found


def one_output(shape: Any) -> str:
    """Say what a model lacks that gives one number an image, or several arrays."""
    if isinstance(shape, tuple) and len(shape) == 2 and shape[1] == 1:
        return "Two classes are two outputs: end it with keras.layers.Dense(2)."
    return ""


def scales(model: Any) -> bool:
    """Say whether a model takes bytes: its input is whole numbers, or it scales."""
    try:
        if "int" in str(model.inputs[0].dtype):
            return True
    except (AttributeError, TypeError, IndexError, KeyError):
        pass  # its layers may tell
    return any(
        type(part).__name__ == "Rescaling" and np.abs(part.scale).max() <= 1 / 8
        for part in _parts(model)
    )


def _parts(model: Any) -> Iterator[Any]:
    """Give the layers of a model, and the bare operations between them, in order."""
    parts: Any = getattr(model, "operations", None) or getattr(model, "layers", ())
    for part in parts:
        if hasattr(part, "layers"):
            yield from _parts(part)
        else:
            yield part


def _is_bare(model: Any) -> bool:
    """Say whether the first weights meet the images as they come."""
    for part in _parts(model):
        kind = type(part).__name__
        if not type(part).__module__.startswith("keras."):
            return False  # who knows what it does
        if kind not in _AS_THEY_ARE:
            return kind in _WEIGHTED
    return False


def _look_like_bytes(array: np.ndarray) -> bool:
    return array.min() >= 0 and array.max() > 1.5


def _input_shape(model: Any) -> tuple | None:
    """Return the shape of one image that the model takes; None if it does not say."""
    try:
        shape = model.input_shape
    except (AttributeError, ValueError):  # a class of one's own
        return None
    if not isinstance(shape, tuple) or (shape and isinstance(shape[0], tuple)):
        refuse("model", "a model with one input", came=f"inputs of shapes {shape}")
    return shape[1:]


def outside() -> int:
    """Return the stacklevel of the line that called into the package."""
    level = 1
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] != "imgcls_helpers":
            break
        level, frame = level + 1, frame.f_back
    return level
