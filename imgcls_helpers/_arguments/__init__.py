"""What the functions of this package accept, and the words in which they refuse.

Every check of an argument stands here. Nothing but NumPy is imported.
"""

from imgcls_helpers._arguments._arrays import (
    any_array,
    blocks,
    equally_many,
    floats,
    labels_and_predictions,
    labels_and_probabilities,
    likeliest,
    numbers_of,
    of_result,
    of_shape,
    predictions,
    probabilities,
    rows,
    same_shape,
    scores,
    wholes,
)
from imgcls_helpers._arguments._images import images, images_cure, masks, of_tf_data
from imgcls_helpers._arguments._labels import labels, positions
from imgcls_helpers._arguments._model import (
    TRAINED_ON_BYTES,
    images_for,
    one_output,
    outside,
)
from imgcls_helpers._arguments._old import label_hint
from imgcls_helpers._arguments._refusal import ArgumentError, describe, refuse
from imgcls_helpers._arguments._values import (
    class_names,
    confidence,
    number,
    one_of,
    pair,
    path,
    path_in,
    positive,
    rate,
    seed,
    share,
    switch,
    true_or_false,
)

__all__ = [
    "TRAINED_ON_BYTES",
    "ArgumentError",
    "any_array",
    "blocks",
    "class_names",
    "confidence",
    "describe",
    "equally_many",
    "floats",
    "images",
    "images_cure",
    "images_for",
    "label_hint",
    "labels",
    "labels_and_predictions",
    "labels_and_probabilities",
    "likeliest",
    "masks",
    "number",
    "numbers_of",
    "of_result",
    "of_shape",
    "of_tf_data",
    "one_of",
    "one_output",
    "outside",
    "pair",
    "path",
    "path_in",
    "positions",
    "positive",
    "predictions",
    "probabilities",
    "rate",
    "refuse",
    "rows",
    "same_shape",
    "scores",
    "seed",
    "share",
    "switch",
    "true_or_false",
    "wholes",
]
