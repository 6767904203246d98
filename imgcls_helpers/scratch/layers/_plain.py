"""Layers without weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from imgcls_helpers._arguments import number, pair
from imgcls_helpers._arguments import rate as checked_rate
from imgcls_helpers.scratch import activations as _activations
from imgcls_helpers.scratch import pooling as _pooling
from imgcls_helpers.scratch._names import activation_name
from imgcls_helpers.scratch._windows import Padding
from imgcls_helpers.scratch.layers._base import Layer
from imgcls_helpers.scratch.normalization import dropout


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

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        self._x = x
        return x.reshape(len(x), int(np.prod(x.shape[1:])))

    def backward(self, dy: np.ndarray) -> np.ndarray:
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

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        self._x = x
        return x if self.activation is None else self._function()(x)

    def backward(self, dy: np.ndarray) -> np.ndarray:
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

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        return x * x.dtype.type(self.scale) + x.dtype.type(self.offset)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        return dy * dy.dtype.type(self.scale)


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

    def build(self, shape: tuple[int, ...], rng: np.random.Generator) -> None:
        self._rng = rng

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        self._x, self._mask = x, np.ones((), x.dtype)
        if training:
            x, self._mask = dropout(x, self.rate, self._rng)
        return x

    def backward(self, dy: np.ndarray) -> np.ndarray:
        return dy * np.broadcast_to(self._mask, self._input.shape)
