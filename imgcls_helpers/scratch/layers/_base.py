"""What all layers have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgcls_helpers._arguments import floats
from imgcls_helpers.scratch._names import LAYER, Elsewhere, leave_out


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
    >>> from imgcls_helpers.scratch import Dense
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
        self, shape: tuple[int, ...], rng: np.random.Generator, dtype: np.dtype
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
        return self._trained()

    @trainable.setter
    def trainable(self, value: bool) -> None:
        leave_out({"trainable": value})

    def _trained(self) -> list[str]:
        return list(self.weights)

    @property
    def _input(self) -> np.ndarray:
        if self._x is None:
            raise RuntimeError(
                f"{type(self).__name__}.backward was called before forward. Call "
                "forward on a batch first: backward needs what it keeps."
            )
        return self._x
