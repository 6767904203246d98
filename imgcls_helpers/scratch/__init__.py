"""The book's mathematics as code: layers, losses and optimizers in NumPy alone.

Images are float32 or float64 arrays (N, H, W, C). Every function `f` has an
`f_backward` that turns the gradient of the loss with respect to its result, `dy`, into
the gradients with respect to its inputs. The names are those of Keras, and so are the
numbers.
"""

from imgcls_helpers.scratch import _names
from imgcls_helpers.scratch.activations import *
from imgcls_helpers.scratch.convolution import *
from imgcls_helpers.scratch.dense import *
from imgcls_helpers.scratch.gradients import *
from imgcls_helpers.scratch.initializers import *
from imgcls_helpers.scratch.layers import *
from imgcls_helpers.scratch.losses import *
from imgcls_helpers.scratch.network import *
from imgcls_helpers.scratch.normalization import *
from imgcls_helpers.scratch.optimizers import *
from imgcls_helpers.scratch.pooling import *
from imgcls_helpers.scratch.schedules import *


def __getattr__(name: str) -> object:
    raise _names.missing("scratch", name, _names.MODULE)
