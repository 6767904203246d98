"""Losses and their gradients, with the names and the numbers of Keras.

A loss is an object. Called, it gives one number for a batch: the losses of the
examples, each times its weight, added up and divided by the number of examples N
(what Keras calls ``sum_over_batch_size``; the sum of the weights plays no part).
`per_example` gives the N losses, and `gradient` the derivative of the one number with
respect to the predictions.

Keras lets much pass that cannot be meant: shapes that stretch to fit each other,
scores given as probabilities, labels without a class. Here every such input is
refused, with what to do instead.

Shapes used throughout: N examples, K classes, logits or probabilities `y_pred` (N, K),
one-hot or soft labels `y_true` (N, K), class numbers `y_true` (N,).
"""

from imgcls_helpers.scratch.losses._base import Loss
from imgcls_helpers.scratch.losses._classes import (
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalHinge,
    SparseCategoricalCrossentropy,
)
from imgcls_helpers.scratch.losses._numbers import (
    BinaryCrossentropy,
    Hinge,
    MeanSquaredError,
)

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalHinge",
    "Hinge",
    "Loss",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
]
