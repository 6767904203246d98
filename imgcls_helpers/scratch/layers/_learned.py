"""Layers that learn weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from imgcls_helpers._arguments import number, pair, refuse, true_or_false
from imgcls_helpers._arguments import rate as checked_rate
from imgcls_helpers.scratch.convolution import Padding, conv2d, conv2d_backward
from imgcls_helpers.scratch.dense import dense, dense_backward
from imgcls_helpers.scratch.initializers import Initializer, initializer
from imgcls_helpers.scratch.layers._base import Layer
from imgcls_helpers.scratch.layers._plain import Activation
from imgcls_helpers.scratch.normalization import batch_norm, batch_norm_backward


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

    def build(self, shape: tuple[int, ...], rng: np.random.Generator) -> None:
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

    def build(self, shape: tuple[int, ...], rng: np.random.Generator) -> None:
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

    def build(self, shape: tuple[int, ...], rng: np.random.Generator) -> None:
        self.weights = {
            "gamma": np.ones(shape[-1]),
            "beta": np.zeros(shape[-1]),
            "moving_mean": np.zeros(shape[-1]),
            "moving_variance": np.ones(shape[-1]),
        }

    def _trained(self) -> list[str]:
        return ["gamma", "beta"]

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
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

    def backward(self, dy: np.ndarray) -> np.ndarray:
        x, gamma = self._input, self.weights["gamma"]
        if self._training:
            dx, dgamma, dbeta = batch_norm_backward(dy, x, gamma, self.epsilon)
        else:  # the moving averages are constants
            axes = tuple(range(x.ndim - 1))
            dx = dy * gamma / self._scale(x)
            dgamma, dbeta = (dy * self._normalized(x)).sum(axes), dy.sum(axes)
        self.gradients = {"gamma": dgamma, "beta": dbeta}
        return dx
