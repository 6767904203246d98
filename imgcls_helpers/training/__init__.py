"""Training a model in one call, and doing it again with other seeds.

`fit` trains with a `Recipe`: optimizer, learning rate and its schedule, weight decay,
label smoothing, augmentation. It stops early on validation data if asked, survives a
kill if given a folder for checkpoints, and stops with the cause when the loss becomes
NaN. `Batches` feeds it shuffled and augmented images. `find_learning_rate` suggests a
rate; `repeat` runs something with several seeds and gives its mean and spread.

Models take raw uint8 images (N, H, W, C) and give logits (N, K), as those of `models`.
"""

from imgcls_helpers.training._batches import Batches
from imgcls_helpers.training._fit import fit
from imgcls_helpers.training._history import DivergenceError, History
from imgcls_helpers.training._rates import LearningRateSearch, find_learning_rate
from imgcls_helpers.training._recipe import OneCycle, Recipe
from imgcls_helpers.training._repeat import Spread, repeat
from imgcls_helpers.training._store import CheckpointError

__all__ = [
    "Batches",
    "CheckpointError",
    "DivergenceError",
    "History",
    "LearningRateSearch",
    "OneCycle",
    "Recipe",
    "Spread",
    "find_learning_rate",
    "fit",
    "repeat",
]
