"""New views of old images: random changes that leave the class as it is.

Every operation is a small object that is called in the same way::

    flip = RandomFlip()
    images = flip(images, rng)
    images, labels = flip(images, rng, labels=labels)
    images, labels, masks = flip(images, rng, labels=labels, masks=masks)

Images are uint8 of shape (N, H, W, C) and come back as a new array of the same shape
and dtype. Each image gets a draw of its own from `rng`, a `numpy.random.Generator`;
all images of a batch are computed at once. Masks, of shape (N, H, W), move exactly as
the images do, so that geometry can be tested. `Pipeline` joins operations, and
`training.Batches` feeds them to ``fit`` of a Keras model on any backend. Nothing here
imports Keras.
"""

from imgcls_helpers.augment._geometry import rotate, scale, shift
from imgcls_helpers.augment._mixing import CutMix, Cutout, MixUp
from imgcls_helpers.augment._operation import Operation, Pipeline
from imgcls_helpers.augment._views import (
    RandomColour,
    RandomCrop,
    RandomFlip,
    RandomRotation,
    RandomScale,
)

__all__ = [
    "CutMix",
    "Cutout",
    "MixUp",
    "Operation",
    "Pipeline",
    "RandomColour",
    "RandomCrop",
    "RandomFlip",
    "RandomRotation",
    "RandomScale",
    "rotate",
    "scale",
    "shift",
]
