"""Names and habits of Keras: what is meant here, or where it is found here.

Nothing in this module computes anything. It lets `loss="mse"` stand for
`MeanSquaredError()`, and has a sentence for each habit that has no place here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any, NamedTuple

from imgcls_helpers._arguments import refuse

_NO_PENALTY = "There are no penalties; the optimizers have weight_decay."
_NO_OTHER = "There is no such variant."

# Options that Keras has and this package has not: what to do instead, and after it the
# values that ask for what is done anyway.
_OPTIONS: dict[str, tuple] = {
    "activity_regularizer": (_NO_PENALTY, None),
    "amsgrad": (_NO_OTHER, False),
    "axis": ("The channels are the last axis.", -1),
    "bias_initializer": ("The bias starts at 0.", "zeros"),
    "bias_regularizer": (_NO_PENALTY, None),
    "callbacks": (
        "Call fit for one epoch at a time, with the same optimizer and another seed, "
        "and do between the calls what a callback would.",
        None,
        [],
    ),
    "center": ("beta is always there.", True),
    "centered": (_NO_OTHER, False),
    "data_format": (
        "Channels go last: `x.transpose(0, 2, 3, 1)` brings them there.",
        None,
        "channels_last",
    ),
    "decay": ("Take a schedule as learning_rate, such as InverseTimeDecay.",),
    "dtype": ("Network has the dtype of everything.", None),
    "input_dim": ("Network takes input_shape.",),
    "input_shape": ("Network takes input_shape.",),
    "keepdims": ("The axes of rows and columns go.", False),
    "kernel_regularizer": (_NO_PENALTY, None),
    "lr": ("It is called learning_rate.",),
    "metrics": ("fit and evaluate give the loss and the accuracy.", ["accuracy"]),
    "noise_shape": ("Every value is drawn alone.", None),
    "reduction": ("It is the sum over the batch size.", "sum_over_batch_size"),
    "return_dict": (
        'The result has both: scores["loss"], and loss, accuracy = scores.',
        False,
    ),
    "scale": ("gamma is always there.", True),
    "seed": ("Network has the seed of everything random.", None),
    "trainable": ("All weights are trained.", True),
    "validation_split": (
        "Cut the examples yourself: fit(x[n:], y[n:], validation_data=(x[:n], y[:n])).",
        0,
        0.0,
        None,
    ),
    "verbose": ("Nothing is printed. fit returns its history.", 0, False),
}


def leave_out(options: Mapping[str, Any]) -> None:
    """Refuse options that do not exist here, each with what to do instead."""
    for name, value in options.items():
        cure, *harmless = _OPTIONS.get(name, ("There is no such option.",))
        if name != "name" and repr(value) not in map(repr, harmless):
            refuse(name, "left out", value, cure=cure)


class Elsewhere:
    """Something whose missing attributes say where it is what Keras calls so."""

    _elsewhere: Mapping[str, str] = {}

    def __getattr__(self, name: str) -> Any:
        """Say where it is: called only for what is not there."""
        raise missing(type(self).__name__, name, self._elsewhere)


def missing(owner: str, name: str, elsewhere: Mapping[str, str]) -> AttributeError:
    """Return the error for an attribute that is not there."""
    where = f". {elsewhere[name]}" if name in elsewhere else ""
    return AttributeError(f"{owner} has no {name!r}{where}", name=name)


NETWORK = {
    "add": "Network takes the list of all layers at once.",
    "build": "Network has built its layers already.",
    "compile": "fit takes loss and optimizer, evaluate takes loss.",
    "fit_generator": "fit takes arrays.",
    "load_weights": "set_weights takes the arrays that get_weights gave.",
    "loss": "fit takes loss, evaluate too.",
    "metrics": "fit and evaluate give the loss and the accuracy.",
    "optimizer": "fit takes optimizer.",
    "output_shape": "summary() prints the shapes.",
    "predict_classes": "They are predict(x).argmax(axis=1).",
    "save": "np.savez(path, *network.get_weights()) keeps the weights.",
    "save_weights": "np.savez(path, *network.get_weights()) keeps the weights.",
    "test_on_batch": "evaluate(x, y, loss) does that.",
    "train_on_batch": "loss_and_gradients(x, y, loss) gives the gradients, and "
    "optimizer.apply(gradients, network.trainable_weights) takes the step.",
    "trainable_variables": "They are called trainable_weights.",
    "weights": "get_weights() gives them all, trainable_weights those that train.",
}
LAYER = {
    "bias": 'It is layer.weights["bias"].',
    "call": "It is called forward.",
    "count_params": "Network has count_params() and summary().",
    "get_weights": "layer.weights is a dict of arrays.",
    "input": "A layer keeps no symbols; call layer.forward(x).",
    "kernel": 'It is layer.weights["kernel"].',
    "output": "A layer keeps no symbols; call layer.forward(x).",
    "set_weights": "layer.weights is a dict of arrays, and Network has set_weights.",
    "trainable_weights": "layer.trainable has their names; Network has them all.",
}
LOSS = {"call": "Call the loss itself: loss(y_true, y_pred)."}
OPTIMIZER = {
    "apply_gradients": "apply(gradients, weights) takes two lists.",
    "build": "The first call of apply does that.",
    "lr": "It is called learning_rate.",
    "minimize": "network.loss_and_gradients gives the gradients for apply.",
    "update_step": "apply(gradients, weights) takes a step.",
    "variables": "They are in slots, a dict for each array of weights.",
}
MODULE = {
    "AvgPool2D": "It is called AveragePooling2D.",
    "DepthwiseConv2D": "It is Conv2D(channels, size, groups=channels).",
    "GlobalAvgPool2D": "It is called GlobalAveragePooling2D.",
    "GlobalMaxPool2D": "It is called GlobalMaxPooling2D.",
    "Input": "Network takes input_shape.",
    "InputLayer": "Network takes input_shape.",
    "MaxPool2D": "It is called MaxPooling2D.",
    "Model": "It is called Network.",
    "ReLU": 'It is Activation("relu").',
    "Sequential": "It is called Network.",
    "Softmax": 'It is Activation("softmax").',
    "ZeroPadding2D": "Conv2D and pooling take padding=((top, bottom), (left, right)).",
}


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def by_name(
    value: Any, name: str, module: ModuleType, method: str, **short: str
) -> Any:
    """Return the loss or optimizer that is meant by an object, a class or a name.

    Parameters
    ----------
    value : object
        Something that has `method`, a class of such things, or the name of a class of
        `module` in any of Keras's spellings.
    name : str
        The argument's name.
    module : module
    method : str
    **short : str
        Short names, and what they stand for.
    """
    words = [n for n in module.__all__ if n != "Loss"]
    found, kind = value, value if isinstance(value, type) else type(value)
    if isinstance(value, str):
        plain = _plain(value)
        spelled = {_plain(n): getattr(module, n) for n in words}
        found = spelled.get(short.get(plain, plain), value)
    foreign = kind.__module__.startswith("keras.")
    if isinstance(found, type) and hasattr(found, method) and not foreign:
        found = found()
    if foreign or isinstance(found, type) or not hasattr(found, method):
        cure = f"One of your own needs the method {method}."
        if foreign:
            here = f" Here it is scratch.{kind.__name__}." * (kind.__name__ in words)
            cure = f"This is Keras's own.{here}"
        of = f"from scratch, by its name, class or object: {', '.join(words)}"
        refuse(name, of, value, cure=cure)
    return found


def activation_name(value: Any, module: ModuleType) -> str | None:
    """Return the name of an activation function of `module`; None for none."""
    known = [n for n in module.__all__ if not n.endswith("_backward")]
    word = value.lower() if isinstance(value, str) else value
    if callable(value):
        # The function itself, or the one of Keras with its name: the numbers are equal.
        named = getattr(value, "__name__", "")
        same = getattr(value, "__module__", "").startswith("keras.")
        word = named if same or value is getattr(module, named, None) else value
    if word is None or (isinstance(word, str) and word == "linear"):
        return None
    if not isinstance(word, str) or word not in known:
        refuse("activation", f"one of {', '.join(map(repr, known))}", value)
    return word


class History(dict[str, list[float]]):
    """What `Network.fit` returns: a list of numbers for each name, one an epoch."""

    @property
    def history(self) -> History:
        """The same, as it is called in Keras."""
        return self


class Scores(NamedTuple):
    """What `Network.evaluate` returns: a pair, whose names can be used too."""

    loss: float
    accuracy: float

    def __getitem__(self, key: Any) -> Any:
        """Return a number by its name or its place."""
        return (
            getattr(self, key) if key in self._fields else tuple.__getitem__(self, key)
        )
