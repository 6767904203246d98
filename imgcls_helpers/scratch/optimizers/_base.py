"""What all optimizers have in common."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from imgcls_helpers._arguments import floats, number, of_shape, positive, refuse
from imgcls_helpers.scratch._names import OPTIMIZER, Elsewhere, leave_out

LearningRate = float | Callable[[int], float]


def _norm(g: np.ndarray) -> float:
    # In float64, where the squares of float32 numbers cannot overflow.
    return float(np.sqrt(np.sum(np.square(g, dtype=np.float64))))


class Optimizer(Elsewhere):
    """What all optimizers share: checks, schedule, clipping, decay, and slots.

    A slot is an array that an optimizer keeps for each array of weights, of the same
    shape and dtype: a velocity, or a mean of squares.
    """

    _elsewhere = OPTIMIZER

    def __init__(
        self,
        learning_rate: LearningRate,
        *,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        **options: Any,
    ) -> None:
        leave_out(options)
        clips = {
            "clipnorm": clipnorm,
            "clipvalue": clipvalue,
            "global_clipnorm": global_clipnorm,
        }
        given = {name: value for name, value in clips.items() if value is not None}
        if len(given) > 1:
            refuse(" and ".join(given), "one of them", came=f"{len(given)} of them")
        for name, value in given.items():
            positive(value, name)
        if weight_decay is not None:
            number(weight_decay, "weight_decay", 0)
        self._learning_rate: LearningRate
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.iterations = 0
        # Names of the slots, and what they hold before the first step.
        self._slots: dict[str, float] = {}
        self.slots: list[dict[str, np.ndarray]] = []
        self._weights: list[np.ndarray] | None = None

    # Changes the weights, and the slots, in place: (gradient, weights, rate, *slots).
    _step: Callable[..., None]

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step; a number or a schedule may be set.

        Examples
        --------
        >>> from imgcls_helpers.scratch import SGD, ExponentialDecay
        >>> sgd = SGD(ExponentialDecay(0.1, decay_steps=1, decay_rate=0.5))
        >>> sgd.apply([np.array([1.0])], [np.array([1.0])])
        >>> sgd.learning_rate
        0.05
        """
        if not callable(self._learning_rate):
            return self._learning_rate
        value = float(self._learning_rate(self.iterations))
        return number(value, f"learning_rate({self.iterations})", 0)

    @learning_rate.setter
    def learning_rate(self, value: LearningRate) -> None:
        if callable(value):
            self._learning_rate = value
        else:
            self._learning_rate = positive(value, "learning_rate")

    def apply(
        self, gradients: Sequence[np.ndarray], weights: Sequence[np.ndarray]
    ) -> None:
        """Take one step: change the weights in place.

        Parameters
        ----------
        gradients : sequence of float arrays
            One for each array of weights, of the same shape. They are not changed.
        weights : sequence of float arrays
            The same arrays, in the same order, at every call. Each keeps its dtype.

        Raises
        ------
        ValueError
            If an array is not float32 or float64, numbers or shapes do not fit, or
            these are other weights than before.
        FloatingPointError
            If a gradient has a NaN or an infinite value. Nothing is changed then.

        Examples
        --------
        >>> from imgcls_helpers.scratch import SGD
        >>> w = np.array([1.0, 2.0])
        >>> SGD(learning_rate=0.1).apply([np.array([1.0, -1.0])], [w])
        >>> w
        array([0.9, 2.1])
        """
        gradients, weights = list(gradients), list(weights)
        self._check(gradients, weights)
        if self._weights is None:
            self._weights = weights
            self.slots = [
                {name: np.full_like(w, value) for name, value in self._slots.items()}
                for w in weights
            ]
        learning_rate = self.learning_rate
        for g, w, slots in zip(self._clip(gradients), weights, self.slots, strict=True):
            if self.weight_decay is not None:
                w -= learning_rate * self.weight_decay * w
            self._step(g.astype(w.dtype, copy=False), w, learning_rate, **slots)
        self.iterations += 1

    def _check(self, gradients: list, weights: list) -> None:
        if len(gradients) != len(weights):
            refuse(
                "gradients",
                f"{len(weights)}, one for each array of weights",
                came=f"{len(gradients)}",
            )
        for i, (g, w) in enumerate(zip(gradients, weights, strict=True)):
            floats(w, f"weights[{i}]")
            of_shape(g, f"gradients[{i}]", w.shape, f"that of weights[{i}]")
        for i, g in enumerate(gradients):
            bad = g.size - np.count_nonzero(np.isfinite(g))
            if bad:
                raise FloatingPointError(
                    f"{bad} of the {g.size} values of gradients[{i}], of shape "
                    f"{g.shape}, are NaN or infinite at step {self.iterations}. Try a "
                    "smaller learning rate, or clip the gradients "
                    "(global_clipnorm=1.0), and look for NaN in the data."
                )
        before = self._weights
        if before is not None and (
            len(before) != len(weights)
            or any(a is not b for a, b in zip(before, weights, strict=True))
        ):
            refuse(
                "weights",
                "the arrays of the first step, in the same order",
                came="others",
                cure="An optimizer keeps numbers for each array: make a new one for "
                "other weights, and change weights in place, w[...] = new.",
            )

    def _clip(self, gradients: list[np.ndarray]) -> list[np.ndarray]:
        """Return gradients that are not too large.

        - `clipvalue` c: every entry of g into the range from -c to c.
        - `clipnorm` c: ``g * c / max(||g||, c)``, each array by its own norm.
        - `global_clipnorm` c: the same with one norm of all arrays together, so that
          the direction of the step stays.
        """
        if self.clipvalue is not None:
            return [np.clip(g, -self.clipvalue, self.clipvalue) for g in gradients]
        if self.clipnorm is not None:
            c = self.clipnorm
            return [g * (c / max(_norm(g), c)) for g in gradients]
        if self.global_clipnorm is not None:
            c = self.global_clipnorm
            norm = math.hypot(*map(_norm, gradients))
            return [g * (c / max(norm, c)) for g in gradients]
        return gradients
