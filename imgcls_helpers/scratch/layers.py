"""The layers of a `Network`: Keras's names, NumPy's arithmetic.

A layer keeps what it needs from `forward` until `backward`. Its arrays lie in two
dicts, `weights` and `gradients`, under the names that Keras uses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from imgcls_helpers._arguments import floats, number, pair, refuse, true_or_false
from imgcls_helpers._arguments import rate as checked_rate
from imgcls_helpers.scratch import activations as _activations
from imgcls_helpers.scratch import pooling as _pooling
from imgcls_helpers.scratch._names import LAYER, Elsewhere, activation_name, leave_out
from imgcls_helpers.scratch.convolution import Padding, conv2d, conv2d_backward
from imgcls_helpers.scratch.dense import dense, dense_backward
from imgcls_helpers.scratch.initializers import Initializer, initializer
from imgcls_helpers.scratch.normalization import (
    batch_norm,
    batch_norm_backward,
    dropout,
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


class Layer(Elsewhere):
    """What all layers have in common.

    Attributes
    ----------
    weights : dict of str to array
        Everything that the layer remembers, in Keras's order.
    gradients : dict of str to array
        After `backward`: one gradient for each weight that training changes.

    Examples
    --------
    >>> layer = Dense(10)
    >>> layer.build((9,), np.random.default_rng(0))
    >>> layer.trainable
    ['kernel', 'bias']
    >>> layer.forward(np.zeros((2, 9))).shape
    (2, 10)
    >>> layer.backward(np.zeros((2, 10))).shape
    (2, 9)
    >>> layer.gradients["kernel"].shape
    (9, 10)
    """

    _elsewhere = LAYER

    def __init__(self, **options: Any):
        leave_out(options)
        self.weights: dict[str, np.ndarray] = {}
        self.gradients: dict[str, np.ndarray] = {}
        self._x: np.ndarray | None = None
        self._built = False

    def __call__(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return `forward(x, training)`; the first call makes the weights."""
        if not self._built:
            self._make(floats(x, "x").shape[1:], np.random.default_rng(0), x.dtype)
        return self.forward(x, training)

    def _make(
        self, shape: tuple[int, ...], rng: np.random.Generator, dtype: Any
    ) -> None:
        self.build(shape, rng)
        self.weights = {n: array.astype(dtype) for n, array in self.weights.items()}
        self._built = True

    def build(self, shape: tuple[int, ...], rng: np.random.Generator) -> None:
        """Make the weights for inputs of this shape (without the batch axis).

        Parameters
        ----------
        shape : tuple of int
        rng : numpy.random.Generator
            From which the weights are drawn.

        Raises
        ------
        ValueError
            If the layer cannot work on such inputs.
        """

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return the layer's result for a batch, and keep what `backward` needs.

        Parameters
        ----------
        x : array of float, shape (N, ...)
        training : bool
            Whether the layer trains: it matters to dropout and batch normalization.

        Returns
        -------
        array of float, shape (N, ...)
        """
        raise NotImplementedError

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Turn dL/d(result) into dL/d(input); set `gradients` on the way.

        Parameters
        ----------
        dy : array of float, the shape of the result

        Returns
        -------
        dx : array of float, the shape of the input

        Raises
        ------
        RuntimeError
            If `forward` was not called before.
        """
        raise NotImplementedError

    @property
    def trainable(self) -> list[str]:
        """The names of the weights that training changes."""
        return list(self.weights)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        leave_out({"trainable": value})

    @property
    def _input(self) -> np.ndarray:
        if self._x is None:
            raise RuntimeError(
                f"{type(self).__name__}.backward was called before forward. Call "
                "forward on a batch first: backward needs what it keeps."
            )
        return self._x


class _Linear(Layer):
    """What convolution and dense layers share: weights, and an activation after."""

    def __init__(
        self, activation: str | None, use_bias: bool, start: Initializer, **options: Any
    ):
        super().__init__(**options)
        self._end = Activation(activation)
        self.activation = self._end.activation
        self.use_bias = true_or_false(use_bias, "use_bias")
        self.kernel_initializer = initializer(start)

    def _build(self, shape: tuple[int, ...], rng: np.random.Generator) -> None:
        self.weights = {"kernel": self.kernel_initializer(shape, rng)}
        if self.use_bias:
            self.weights["bias"] = np.zeros(shape[-1])

    def _there(self, x, kernel, bias=None):
        raise NotImplementedError

    def _back(self, dy, x, kernel):
        raise NotImplementedError

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        self._x = x
        return self._end.forward(self._there(x, **self.weights))

    def backward(self, dy: np.ndarray) -> np.ndarray:
        x = self._input
        dx, *slopes = self._back(self._end.backward(dy), x, self.weights["kernel"])
        self.gradients = dict(zip(self.weights, slopes, strict=False))
        return dx


class Conv2D(_Linear):
    """A convolution layer: `conv2d` with a kernel and a bias that are learned.

    Parameters
    ----------
    filters : int
    kernel_size : int or (int, int)
    strides, dilation_rate : int or (int, int)
    padding : "valid", "same", int, or ((top, bottom), (left, right))
    groups : int
    activation : str, optional
        What follows at once; see `Activation`.
    use_bias : bool
    kernel_initializer : str, float or function
        See `initializers.initializer`. The bias starts at 0.

    Examples
    --------
    >>> layer = Conv2D(8, 3)
    >>> layer.build((28, 28, 1), np.random.default_rng(0))
    >>> layer.forward(np.zeros((2, 28, 28, 1))).shape
    (2, 26, 26, 8)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: Padding = "valid",
        dilation_rate: int | Sequence[int] = 1,
        groups: int = 1,
        activation: str | None = None,
        use_bias: bool = True,
        kernel_initializer: Initializer = "glorot_uniform",
        **options: Any,
    ):
        super().__init__(activation, use_bias, kernel_initializer, **options)
        self.filters = number(filters, "filters", 1, whole=True)
        self.kernel_size = pair(kernel_size, "kernel_size")
        self._options = {
            "strides": pair(strides, "strides"),
            "padding": padding,
            "dilation": pair(dilation_rate, "dilation_rate"),
            "groups": number(groups, "groups", 1, whole=True),
        }

    def build(self, shape: tuple[int, ...], rng: np.random.Generator) -> None:  # noqa: D102
        if len(shape) != 3:
            refuse("shape", "(H, W, C)", came=f"examples of shape {shape}")
        channels = shape[2] // self._options["groups"]
        self._build((*self.kernel_size, channels, self.filters), rng)

    def _there(self, x, kernel, bias=None):
        return conv2d(x, kernel, bias, **self._options)

    def _back(self, dy, x, kernel):
        return conv2d_backward(dy, x, kernel, **self._options)


class Dense(_Linear):
    """A dense layer: `dense` with a kernel and a bias that are learned.

    Parameters
    ----------
    units : int
    activation : str, optional
        What follows at once; see `Activation`.
    use_bias : bool
    kernel_initializer : str, float or function
        See `initializers.initializer`. The bias starts at 0.

    Examples
    --------
    >>> layer = Dense(10)
    >>> layer.build((64,), np.random.default_rng(0))
    >>> layer.forward(np.zeros((2, 64))).shape
    (2, 10)
    """

    def __init__(
        self,
        units: int,
        activation: str | None = None,
        use_bias: bool = True,
        kernel_initializer: Initializer = "glorot_uniform",
        **options: Any,
    ):
        super().__init__(activation, use_bias, kernel_initializer, **options)
        self.units = number(units, "units", 1, whole=True)

    def build(self, shape: tuple[int, ...], rng: np.random.Generator) -> None:  # noqa: D102
        if len(shape) != 1:
            refuse(
                "shape",
                "of one axis",
                came=f"examples of shape {shape}",
                cure="Put Flatten() or GlobalAveragePooling2D() before it.",
            )
        self._build((*shape, self.units), rng)

    def _there(self, x, kernel, bias=None):
        return dense(x, kernel, bias)

    def _back(self, dy, x, kernel):
        return dense_backward(dy, x, kernel)


class _Pooling(Layer):
    """What all pooling shares: a function there and a function back."""

    _forward: Callable
    _backward: Callable
    _options: tuple = ()

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        self._x = x
        return type(self)._forward(x, *self._options)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        return type(self)._backward(dy, self._input, *self._options)


class _Pooling2D(_Pooling):
    """What max and average pooling share: a window, a stride, a padding."""

    def __init__(
        self,
        pool_size: int | Sequence[int] = 2,
        strides: int | Sequence[int] | None = None,
        padding: Padding = "valid",
        **options: Any,
    ):
        super().__init__(**options)
        size = pair(pool_size, "pool_size")
        strides = size if strides is None else pair(strides, "strides")
        self._options = size, strides, padding


class MaxPooling2D(_Pooling2D):
    """Keep the largest value of each window; see `max_pool`.

    Parameters
    ----------
    pool_size : int or (int, int)
    strides : int or (int, int), optional
        The size of the window, if not given.
    padding : "valid", "same", int, or ((top, bottom), (left, right))

    Examples
    --------
    >>> MaxPooling2D(2).forward(np.zeros((1, 8, 8, 3))).shape
    (1, 4, 4, 3)
    """

    _forward = staticmethod(_pooling.max_pool)
    _backward = staticmethod(_pooling.max_pool_backward)


class AveragePooling2D(_Pooling2D):
    """Take the mean of each window; see `average_pool`.

    Parameters
    ----------
    pool_size : int or (int, int)
    strides : int or (int, int), optional
        The size of the window, if not given.
    padding : "valid", "same", int, or ((top, bottom), (left, right))

    Examples
    --------
    >>> AveragePooling2D(2).forward(np.zeros((1, 8, 8, 3))).shape
    (1, 4, 4, 3)
    """

    _forward = staticmethod(_pooling.average_pool)
    _backward = staticmethod(_pooling.average_pool_backward)


class GlobalMaxPooling2D(_Pooling):
    """Keep the largest value of each channel; see `global_max_pool`.

    Examples
    --------
    >>> GlobalMaxPooling2D().forward(np.zeros((1, 8, 8, 3))).shape
    (1, 3)
    """

    _forward = staticmethod(_pooling.global_max_pool)
    _backward = staticmethod(_pooling.global_max_pool_backward)


class GlobalAveragePooling2D(_Pooling):
    """Take the mean of each channel; see `global_average_pool`.

    Examples
    --------
    >>> GlobalAveragePooling2D().forward(np.zeros((1, 8, 8, 3))).shape
    (1, 3)
    """

    _forward = staticmethod(_pooling.global_average_pool)
    _backward = staticmethod(_pooling.global_average_pool_backward)


class Flatten(Layer):
    """Write all values of an example into one row: (N, H, W, C) to (N, H W C).

    Examples
    --------
    >>> Flatten().forward(np.zeros((2, 8, 8, 3))).shape
    (2, 192)
    """

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:  # noqa: D102
        self._x = x
        return x.reshape(len(x), int(np.prod(x.shape[1:])))

    def backward(self, dy: np.ndarray) -> np.ndarray:  # noqa: D102
        return dy.reshape(self._input.shape)


class Activation(Layer):
    """One of the functions of the module `activations`, by its name.

    Parameters
    ----------
    activation : str or None
        "relu", "sigmoid", "tanh", "gelu", "softmax" or "log_softmax"; the function of
        that name; or "linear" or None, which change nothing.

    Examples
    --------
    >>> Activation("relu").forward(np.array([[-1.0, 2.0]]))
    array([[0., 2.]])
    """

    def __init__(self, activation: str | Callable | None, **options: Any):
        super().__init__(**options)
        self.activation = activation_name(activation, _activations)

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:  # noqa: D102
        self._x = x
        return x if self.activation is None else self._function()(x)

    def backward(self, dy: np.ndarray) -> np.ndarray:  # noqa: D102
        x = self._input
        return dy if self.activation is None else self._function("_backward")(dy, x)

    def _function(self, way: str = "") -> Callable:
        return getattr(_activations, f"{self.activation}{way}")


class Rescaling(Layer):
    """Compute ``y = scale x + offset``, such as 1/255 for pixels. It learns nothing.

    Parameters
    ----------
    scale, offset : float

    Examples
    --------
    >>> Rescaling(1 / 255).forward(np.array([[255.0]]))
    array([[1.]])
    """

    def __init__(self, scale: float, offset: float = 0.0, **options: Any):
        super().__init__(**options)
        self.scale, self.offset = number(scale, "scale"), number(offset, "offset")

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:  # noqa: D102
        return x * x.dtype.type(self.scale) + x.dtype.type(self.offset)

    def backward(self, dy: np.ndarray) -> np.ndarray:  # noqa: D102
        return dy * dy.dtype.type(self.scale)


class BatchNormalization(Layer):
    """Batch normalization; see `batch_norm`.

    While training it uses the mean and variance of the batch, and keeps a moving
    average of both, ``moving = momentum moving + (1 - momentum) batch``. Otherwise it
    uses the moving averages, so that an image's result does not depend on the others.

    Parameters
    ----------
    momentum : float, from 0 to below 1
    epsilon : float

    Examples
    --------
    >>> layer = BatchNormalization()
    >>> layer.build((3,), np.random.default_rng(0))
    >>> bool(abs(layer.forward(np.eye(3), training=True).mean()) < 1e-6)
    True
    """

    def __init__(self, momentum: float = 0.99, epsilon: float = 1e-3, **options: Any):
        super().__init__(**options)
        self.momentum = checked_rate(momentum, "momentum")
        self.epsilon = number(epsilon, "epsilon", 0)

    def build(self, shape: tuple[int, ...], rng: np.random.Generator) -> None:  # noqa: D102
        self.weights = {
            "gamma": np.ones(shape[-1]),
            "beta": np.zeros(shape[-1]),
            "moving_mean": np.zeros(shape[-1]),
            "moving_variance": np.ones(shape[-1]),
        }

    @Layer.trainable.getter  # type: ignore[attr-defined]
    def trainable(self) -> list[str]:  # noqa: D102
        return ["gamma", "beta"]

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:  # noqa: D102
        w = self.weights
        self._x, self._training = x, training
        if training:
            axes = tuple(range(x.ndim - 1))
            for name, batch in (("mean", x.mean(axes)), ("variance", x.var(axes))):
                moving = w[f"moving_{name}"]
                moving += (1 - self.momentum) * (batch - moving)
            return batch_norm(x, w["gamma"], w["beta"], self.epsilon)
        return w["gamma"] * self._normalized(x) + w["beta"]

    def _normalized(self, x: np.ndarray) -> np.ndarray:
        return (x - self.weights["moving_mean"]) / self._scale(x)

    def _scale(self, x: np.ndarray) -> np.ndarray:
        return np.sqrt(self.weights["moving_variance"] + x.dtype.type(self.epsilon))

    def backward(self, dy: np.ndarray) -> np.ndarray:  # noqa: D102
        x, gamma = self._input, self.weights["gamma"]
        if self._training:
            dx, dgamma, dbeta = batch_norm_backward(dy, x, gamma, self.epsilon)
        else:  # the moving averages are constants
            axes = tuple(range(x.ndim - 1))
            dx = dy * gamma / self._scale(x)
            dgamma, dbeta = (dy * self._normalized(x)).sum(axes), dy.sum(axes)
        self.gradients = {"gamma": dgamma, "beta": dbeta}
        return dx


class Dropout(Layer):
    """Set a random share of the values to 0 while training; see `dropout`.

    Otherwise the values go through unchanged.

    Parameters
    ----------
    rate : float, from 0 to below 1

    Examples
    --------
    >>> Dropout(0.5).forward(np.ones((1, 3)))
    array([[1., 1., 1.]])
    """

    def __init__(self, rate: float, **options: Any):
        super().__init__(**options)
        self.rate = checked_rate(rate, "rate")
        self._rng = np.random.default_rng(0)
        self._mask = np.ones(())

    def build(self, shape: tuple[int, ...], rng: np.random.Generator) -> None:  # noqa: D102
        self._rng = rng

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:  # noqa: D102
        self._x, self._mask = x, np.ones((), x.dtype)
        if training:
            x, self._mask = dropout(x, self.rate, self._rng)
        return x

    def backward(self, dy: np.ndarray) -> np.ndarray:  # noqa: D102
        return dy * np.broadcast_to(self._mask, self._input.shape)
