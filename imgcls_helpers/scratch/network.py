"""A stack of layers that trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from imgcls_helpers._arguments import ArgumentError, number, refuse
from imgcls_helpers.scratch import losses, optimizers
from imgcls_helpers.scratch._given import (
    ending,
    examples,
    layer_cure,
    pixels,
    shape_of_examples,
    targets,
    two,
    weights_of,
)
from imgcls_helpers.scratch._names import (
    NETWORK,
    Elsewhere,
    History,
    Scores,
    by_name,
    leave_out,
)
from imgcls_helpers.scratch.layers import Layer

__all__ = ["Network"]


class Network(Elsewhere):
    """Layers, one after the other, with the names that a Keras model has.

    The forward pass calls the layers in order. The backward pass calls them in reverse
    order, each with the gradient that the next one returned: that is backpropagation.

    Parameters
    ----------
    layers : list of Layer
    input_shape : tuple of int
        The shape of one example, such as (8, 8, 1).
    seed : int
        For the weights, and for dropout.
    dtype : "float32" or "float64"

    Raises
    ------
    ValueError
        If something in the list is not a layer, or the layers do not fit together; the
        message names the layer.

    References
    ----------
    Goodfellow, Bengio and Courville, Deep Learning, section 6.5.

    Examples
    --------
    >>> from imgcls_helpers import scratch
    >>> network = scratch.Network(
    ...     [scratch.Flatten(), scratch.Dense(10)], input_shape=(8, 8, 1)
    ... )
    >>> network.count_params()
    650
    >>> network.predict(np.zeros((2, 8, 8, 1), "float32")).shape
    (2, 10)
    """

    _elsewhere = NETWORK

    def __init__(
        self,
        layers: Sequence[Layer] = (),
        input_shape: Sequence[int] | None = None,
        *,
        seed: int = 0,
        dtype: str = "float32",
        **options: Any,
    ):
        leave_out(options)
        if dtype not in ("float32", "float64", np.float32, np.float64):
            refuse("dtype", "'float32' or 'float64'", dtype)
        self.dtype = np.dtype(dtype)
        self.layers = list(layers)
        if not self.layers:
            refuse("layers", "a list of all layers, first to last", layers)
        self.input_shape = shape_of_examples(input_shape)
        self._loss, self._optimizer = None, None
        rng = np.random.default_rng(seed)
        x = np.zeros((1, *self.input_shape), self.dtype)
        self._shapes = []
        for place, layer in enumerate(self.layers):
            if not isinstance(layer, Layer):
                expected = "a layer of imgcls_helpers.scratch, such as Dense(10)"
                refuse(f"layers[{place}]", expected, layer, cure=layer_cure(layer))
            if any(layer is other for other in self.layers[:place]):
                refuse(
                    f"layers[{place}]",
                    "a layer of its own",
                    came="one that stands in the list before",
                    cure="Make a new one: a layer keeps its own weights.",
                )
            try:
                layer._make(x.shape[1:], rng, self.dtype)
                x = layer.forward(x)
                layer._x = None  # these zeros are no batch to go back from
            except ArgumentError as error:
                kind, reason = type(layer).__name__, str(error).partition(": ")[2]
                refuse(
                    f"layers[{place}]",
                    f"one for examples of shape {x.shape[1:]}",
                    came=f"{kind}, where {reason.removesuffix('.')}",
                )
            self._shapes.append(x.shape[1:])

    # Weights ----------------------------------------------------------------

    @property
    def trainable_weights(self) -> list[np.ndarray]:
        """The arrays that training changes, in the order of the layers.

        Examples
        --------
        >>> from imgcls_helpers import scratch
        >>> network = scratch.Network([scratch.Dense(2)], input_shape=(3,))
        >>> [array.shape for array in network.trainable_weights]
        [(3, 2), (2,)]
        """
        return [
            layer.weights[name] for layer in self.layers for name in layer.trainable
        ]

    @property
    def gradients(self) -> list[np.ndarray]:
        """The gradients of the last `backward`, in the order of `trainable_weights`.

        Raises
        ------
        RuntimeError
            If there was none yet.

        Examples
        --------
        >>> from imgcls_helpers import scratch
        >>> network = scratch.Network([scratch.Dense(2)], input_shape=(3,))
        >>> dx = network.backward(np.ones_like(network.forward(np.ones((1, 3)))))
        >>> network.gradients[1].tolist()
        [1.0, 1.0]
        """
        if any(layer.trainable and not layer.gradients for layer in self.layers):
            raise RuntimeError(
                "There are no gradients yet. Call forward and backward first, or "
                "loss_and_gradients."
            )
        return [
            layer.gradients[name] for layer in self.layers for name in layer.trainable
        ]

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of all arrays, in the order of Keras's `get_weights`.

        Examples
        --------
        >>> from imgcls_helpers import scratch
        >>> network = scratch.Network([scratch.Dense(2)], input_shape=(3,))
        >>> kernel, bias = network.get_weights()
        >>> kernel.shape, bias.tolist()
        ((3, 2), [0.0, 0.0])
        """
        return [a.copy() for layer in self.layers for a in layer.weights.values()]

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Take over arrays, such as those of a Keras model of the same layers.

        Parameters
        ----------
        weights : sequence of arrays
            In the order of `get_weights`.

        Raises
        ------
        ValueError
            If their number or a shape does not fit; then nothing is changed.

        Examples
        --------
        >>> from imgcls_helpers import scratch
        >>> network = scratch.Network([scratch.Dense(2)], input_shape=(3,))
        >>> network.set_weights([np.ones((3, 2)), np.zeros(2)])
        >>> network.predict(np.ones((1, 3))).tolist()
        [[3.0, 3.0]]
        """
        own = [a for layer in self.layers for a in layer.weights.values()]
        shapes, given = [a.shape for a in own], [np.shape(a) for a in weights]
        if shapes != given:
            refuse("weights", f"arrays of the shapes {shapes}", came=f"{given}")
        for array, new in zip(own, weights, strict=True):
            array[...] = new

    def count_params(self) -> int:
        """Return how many numbers the weights hold together.

        Examples
        --------
        >>> from imgcls_helpers import scratch
        >>> network = scratch.Network([scratch.Dense(2)], input_shape=(3,))
        >>> network.count_params()
        8
        """
        return sum(a.size for layer in self.layers for a in layer.weights.values())

    def summary(self) -> None:
        """Print a table: layer, shape of its result, parameters.

        Examples
        --------
        >>> from imgcls_helpers import scratch
        >>> network = scratch.Network([scratch.Dense(2)], input_shape=(3,))
        >>> network.summary()
        layer                   result              parameters
        Dense                   (2,)                         8
        together                                             8
        """
        print(f"{'layer':<24}{'result':<20}{'parameters':>10}")
        for layer, shape in zip(self.layers, self._shapes, strict=True):
            name = getattr(layer, "activation", None)
            title = type(layer).__name__ + (f" ({name})" if name else "")
            size = sum(a.size for a in layer.weights.values())
            print(f"{title:<24}{shape!s:<20}{size:>10,}")
        print(f"{'together':<44}{self.count_params():>10,}")

    # Forward and backward ---------------------------------------------------

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return the results for a batch.

        Parameters
        ----------
        x : array, shape (N, `*input_shape`)
            Whole numbers or floats.
        training : bool
            Whether the layers train: it matters to dropout and batch normalization.

        Returns
        -------
        array of float, shape (N, ...)

        Raises
        ------
        ValueError
            If the dtype or the shape does not fit.

        Examples
        --------
        >>> from imgcls_helpers import scratch
        >>> network = scratch.Network([scratch.Dense(2)], input_shape=(3,))
        >>> network.forward(np.ones((5, 3))).shape
        (5, 2)
        """
        x = examples(x, self.input_shape).astype(self.dtype, copy=False)
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    __call__ = forward

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Take dL/d(result) back through all layers; return dL/d(input).

        Parameters
        ----------
        dy : array of float, the shape of the last result

        Returns
        -------
        array of float, the shape of the last input

        Raises
        ------
        RuntimeError
            If `forward` was not called before.

        Examples
        --------
        >>> from imgcls_helpers import scratch
        >>> network = scratch.Network([scratch.Dense(2)], input_shape=(3,))
        >>> result = network.forward(np.ones((5, 3)))
        >>> network.backward(np.ones_like(result)).shape
        (5, 3)
        """
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy

    def predict(
        self, x: np.ndarray, batch_size: int = 256, **options: Any
    ) -> np.ndarray:
        """Return the results for any number of examples, a batch at a time.

        Parameters
        ----------
        x : array, shape (N, `*input_shape`)
        batch_size : int

        Returns
        -------
        array of float, shape (N, ...)

        Raises
        ------
        ValueError
            As `forward`; also if bytes come where nothing scales them, or scaled
            pixels where the first layer scales.

        Examples
        --------
        >>> from imgcls_helpers import scratch
        >>> network = scratch.Network([scratch.Dense(2)], input_shape=(3,))
        >>> network.predict(np.ones((1000, 3))).shape
        (1000, 2)
        """
        leave_out(options)
        number(batch_size, "batch_size", 1, whole=True)
        x = pixels(x, self.input_shape, self.layers)
        return np.concatenate(
            [self.forward(x[i : i + batch_size]) for i in range(0, len(x), batch_size)]
            or [self.forward(x)]
        )

    def loss_and_gradients(
        self,
        x: np.ndarray,
        y: np.ndarray,
        loss: Any,
        *,
        sample_weight: np.ndarray | None = None,
        training: bool = True,
    ) -> tuple[float, list[np.ndarray]]:
        """Return the loss of a batch and its gradient for each trainable weight.

        Parameters
        ----------
        x : array, shape (N, `*input_shape`)
        y : array, shape (N,) or (N, K)
            What the loss expects.
        loss : Loss, class or str
            One of the losses of this package, or its name as in Keras.
        sample_weight : array, shape (N,), optional
        training : bool
            As in `forward`.

        Returns
        -------
        float, list of array

        Raises
        ------
        ValueError
            If `x`, `y` or the weights do not fit.

        Examples
        --------
        >>> from imgcls_helpers import scratch
        >>> network = scratch.Network([scratch.Dense(2)], input_shape=(3,))
        >>> loss = scratch.SparseCategoricalCrossentropy(from_logits=True)
        >>> x, y = np.zeros((4, 3)), np.array([0, 1, 1, 0])
        >>> value, gradients = network.loss_and_gradients(x, y, loss)
        >>> round(value, 4), len(gradients)
        (0.6931, 2)
        """
        loss = self._meant(loss)
        result = self.forward(x, training)
        value = loss(y, result, sample_weight)
        self.backward(loss.gradient(y, result, sample_weight))
        return value, self.gradients

    # Training ---------------------------------------------------------------

    def _meant(self, loss: Any) -> Any:
        """Return the loss that is meant; refuse one that the last layer rules out."""
        loss = by_name(
            loss,
            "loss",
            losses,
            "gradient",
            mse="meansquarederror",
            bce="binarycrossentropy",
        )
        if isinstance(loss, losses.Loss):
            loss._check_end(ending(self.layers))
        return loss

    def fit(
        self,
        x: np.ndarray,
        y: np.ndarray | None = None,
        batch_size: int = 32,
        epochs: int = 1,
        *,
        loss: Any = None,
        optimizer: Any = None,
        validation_data: tuple[np.ndarray, np.ndarray] | None = None,
        class_weight: Mapping[int, float] | Sequence[float] | None = None,
        sample_weight: np.ndarray | None = None,
        shuffle: bool = True,
        seed: int = 0,
        **options: Any,
    ) -> History:
        """Train: a forward pass, a backward pass and a step for each batch.

        Parameters
        ----------
        x : array, shape (N, `*input_shape`)
        y : array, shape (N,) or (N, K)
            What the loss expects.
        batch_size, epochs : int
        loss : Loss, class or str
            One of the losses of this package, or its name as in Keras, which means
            the loss on probabilities. May be left out in later calls.
        optimizer : optimizer, class or str
            One of the optimizers of this package, or its name. May be left out in
            later calls.
        validation_data : (x, y), optional
            Judged after every epoch, never trained on.
        class_weight : dict from class to number, or sequence of K numbers, optional
            The weight of each class in the loss; `y` holds class numbers then. Classes
            that are not in the dict have the weight 1.
        sample_weight : array, shape (N,), optional
            The weight of each example in the loss.
        shuffle : bool
            Draw a new order for each epoch.
        seed : int
            For that order.

        Returns
        -------
        dict of str to list of float
            "loss", "accuracy" and, with validation data, "val_loss" and "val_accuracy",
            one number an epoch. As in Keras, the first two are means over the batches
            as they were while the weights still changed.

        Raises
        ------
        ValueError
            If there are no examples, `x` and `y` differ in length, pixels are scaled
            twice or not at all, or the loss does not suit the last layer.
        FloatingPointError
            If the results become NaN or infinite; the message says where.

        Examples
        --------
        >>> from imgcls_helpers import scratch
        >>> network = scratch.Network([scratch.Dense(2)], input_shape=(3,))
        >>> x = np.random.default_rng(0).random((100, 3))
        >>> y = (x[:, 0] > x[:, 1]).astype(int)
        >>> loss = scratch.SparseCategoricalCrossentropy(from_logits=True)
        >>> history = network.fit(
        ...     x, y, loss=loss, optimizer=scratch.Adam(0.05), epochs=20
        ... )
        >>> history["accuracy"][-1] > 0.9
        True
        """
        leave_out(options)
        number(batch_size, "batch_size", 1, whole=True)
        number(epochs, "epochs", 0, whole=True)
        loss = self._meant(self._loss if loss is None else loss)
        optimizer = self._optimizer if optimizer is None else optimizer
        optimizer = by_name(optimizer, "optimizer", optimizers, "apply")
        x, y = pixels(x, self.input_shape, self.layers), targets(y)
        if not len(x) or len(x) != len(y):
            refuse("x and y", "as many, at least one", came=f"{len(x)} and {len(y)}")
        x = x.astype(self.dtype, copy=False)
        weights = weights_of(y, class_weight, sample_weight)
        if isinstance(loss, losses.Loss):  # all labels, before the first step
            shape = len(x), *self._shapes[-1]
            loss._checked(y, np.full(shape, 1 / shape[-1], self.dtype))
        self._loss, self._optimizer = loss, optimizer
        if validation_data is not None:
            validation_data = two(validation_data)
        rng = np.random.default_rng(seed)
        history = History(loss=[], accuracy=[])
        if validation_data is not None:
            history |= {"val_loss": [], "val_accuracy": []}
        for epoch in range(epochs):
            order = rng.permutation(len(x)) if shuffle else np.arange(len(x))
            total = right = 0.0
            for start in range(0, len(x), batch_size):
                batch = order[start : start + batch_size]
                with np.errstate(over="ignore", invalid="ignore"):
                    result = self.forward(x[batch], training=True)
                _refuse_not_finite(
                    result, f"in epoch {epoch + 1}, batch {start // batch_size + 1}"
                )
                w = None if weights is None else weights[batch]
                value = loss(y[batch], result, w)
                self.backward(loss.gradient(y[batch], result, w))
                optimizer.apply(self.gradients, self.trainable_weights)
                total += value * len(batch)
                right += _right(y[batch], result, loss)
            history["loss"].append(total / len(x))
            history["accuracy"].append(right / len(x))
            if validation_data is not None:
                judged = self.evaluate(*validation_data, loss)
                history["val_loss"].append(judged["loss"])
                history["val_accuracy"].append(judged["accuracy"])
        return history

    def evaluate(
        self,
        x: np.ndarray,
        y: np.ndarray | None = None,
        loss: Any = None,
        batch_size: int = 256,
        **options: Any,
    ) -> Scores:
        """Return the mean "loss" and the "accuracy" on examples, without training.

        Parameters
        ----------
        x : array, shape (N, `*input_shape`)
        y : array, shape (N,) or (N, K)
            What the loss expects.
        loss : Loss, class or str
            One of the losses of this package, or its name as in Keras. If left out,
            the one of the last `fit`.
        batch_size : int

        Returns
        -------
        Scores
            A pair of float, loss and accuracy; also scores["loss"] and
            scores["accuracy"].

        Raises
        ------
        ValueError
            As `fit`.
        FloatingPointError
            If a result of the network is NaN or infinite.

        Examples
        --------
        >>> from imgcls_helpers import scratch
        >>> network = scratch.Network([scratch.Dense(2)], input_shape=(3,))
        >>> loss = scratch.SparseCategoricalCrossentropy(from_logits=True)
        >>> network.evaluate(np.zeros((4, 3)), np.array([0, 1, 1, 0]), loss)["accuracy"]
        0.5
        """
        leave_out(options)
        loss = self._meant(self._loss if loss is None else loss)
        result, y = self.predict(x, batch_size), targets(y)
        _refuse_not_finite(result, "on these examples")
        return Scores(loss(y, result), _right(y, result, loss) / len(y))


def _refuse_not_finite(result: np.ndarray, where: str) -> None:
    if not np.isfinite(result).all():
        raise FloatingPointError(
            f"The network's results are NaN or infinite {where}. Try a smaller "
            "learning rate, and look for NaN in x."
        )


def _right(y: np.ndarray, result: np.ndarray, loss: Any) -> int:
    """Count the examples whose class is predicted, by class number or one-hot."""
    if result.shape[1] == 1:  # one unit answers yes or no
        signs = isinstance(loss, losses.Hinge) or getattr(loss, "from_logits", False)
        yes = result[:, 0] > (0.0 if signs else 0.5)
        return int((yes == (y.reshape(-1) > 0.5)).sum())
    labels = y.argmax(axis=1) if y.shape == result.shape else y.reshape(-1)
    return int((result.argmax(axis=1) == labels).sum())
