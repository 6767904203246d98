"""The layers of a `Network`: Keras's names, NumPy's arithmetic.

A layer keeps what it needs from `forward` until `backward`. Its arrays lie in two
dicts, `weights` and `gradients`, under the names that Keras uses.
"""

from imgcls_helpers.scratch.layers._base import Layer
from imgcls_helpers.scratch.layers._learned import BatchNormalization, Conv2D, Dense
from imgcls_helpers.scratch.layers._plain import (
    Activation,
    AveragePooling2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    MaxPooling2D,
    Rescaling,
)

__all__ = [
    "Activation",
    "AveragePooling2D",
    "BatchNormalization",
    "Conv2D",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "Layer",
    "MaxPooling2D",
    "Rescaling",
]
