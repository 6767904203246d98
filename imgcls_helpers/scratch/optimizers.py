"""Optimizers: rules that turn gradients into steps, with the numbers of Keras.

Symbols used throughout: w, an array of weights; g, the gradient of the loss with
respect to it, of the same shape; t, the number of the step, from 1; lr, the learning
rate. Squares, roots, products and quotients of arrays are taken entry by entry.

Every optimizer does three things in a step, in the order of Keras: it clips the
gradients, shrinks the weights by `weight_decay`, and then applies its own rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from imgcls_helpers._arguments import (
    floats,
    number,
    of_shape,
    one_of,
    positive,
    rate,
    refuse,
)
from imgcls_helpers.scratch._names import OPTIMIZER, Elsewhere, leave_out

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "RMSprop"]

LearningRate = float | Callable[[int], float]


def _norm(g: np.ndarray) -> float:
    # In float64, where the squares of float32 numbers cannot overflow.
    return float(np.sqrt(np.sum(np.square(g, dtype=np.float64))))


class _Optimizer(Elsewhere):
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
        >>> from imgcls_helpers.scratch import ExponentialDecay
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


class SGD(_Optimizer):
    """Gradient descent, with momentum if wanted.

    Without momentum: ``w = w - lr * g``.

    With momentum m, the velocity v is a decaying sum of past steps; it starts at 0.
    Three conventions are in use; `nesterov` changes the second half of a step, which
    then takes the new v once more into account:

    - "keras": ``v = m v - lr g; w = w + v``. With `nesterov`: ``w = w + m v - lr g``,
      with the new v.
    - "classical", as in PyTorch: ``v = m v + g; w = w - lr v``. With `nesterov`:
      ``w = w - lr (g + m v)``, with the new v.
    - "averaged": ``v = m v + (1 - m) g; w = w - lr v``.

    While lr stays the same, the first two take the same steps, and the third takes
    them with a learning rate ``1 / (1 - m)`` times as large.

    Gradient descent and stochastic gradient descent are both this rule. They differ in
    the examples that made the gradient: all of the training set, or a random few.

    Parameters
    ----------
    learning_rate : float or schedule
        lr, a positive number, or a function from the number of steps taken so far to
        lr.
    momentum : float
        m, from 0 to below 1.
    nesterov : bool
        Look ahead: take the gradient as if it came from where the momentum leads.
    convention : "keras", "classical" or "averaged"
    weight_decay : float, optional
        d. Before each step, ``w = w - lr d w``.
    clipnorm, clipvalue, global_clipnorm : float, optional
        At most one: the largest norm of each gradient, the largest magnitude of each
        entry, or the largest norm of all gradients together.

    Raises
    ------
    ValueError
        If an argument is out of its range, or `nesterov` is asked of "averaged".

    References
    ----------
    Goodfellow, Bengio and Courville, Deep Learning, algorithms 8.1 to 8.3; Polyak,
    Some methods of speeding up the convergence of iteration methods, 1964; Sutskever,
    Martens, Dahl and Hinton, On the importance of initialization and momentum in deep
    learning, ICML 2013.

    Examples
    --------
    >>> w = np.array([1.0])
    >>> sgd = SGD(learning_rate=0.1, momentum=0.5)
    >>> for _ in range(2):
    ...     sgd.apply([np.array([1.0])], [w])
    >>> w  # 1 - 0.1 - (0.05 + 0.1)
    array([0.75])
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        convention: str = "keras",
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.convention = one_of(
            convention, "convention", ("keras", "classical", "averaged")
        )
        if nesterov and convention == "averaged":
            refuse("convention", "'keras' or 'classical' with nesterov", convention)
        self.momentum = rate(momentum, "momentum")
        self.nesterov = nesterov
        self._slots = {"v": 0.0} if self.momentum else {}

    def _step(self, g, w, lr, v=None):
        m = self.momentum
        if v is None:
            w -= lr * g
        elif self.convention == "keras":
            v[...] = m * v - lr * g
            w += m * v - lr * g if self.nesterov else v
        elif self.convention == "classical":
            v[...] = m * v + g
            w -= lr * (g + m * v) if self.nesterov else lr * v
        else:
            v[...] = m * v + (1 - m) * g
            w -= lr * v


class Adagrad(_Optimizer):
    """Divide each weight's step by the root of the sum of its past squared gradients.

    ``a = a + g**2``; ``w = w - lr g / sqrt(a + epsilon)``

    a starts at `initial_accumulator_value`, 0.1 unless told otherwise, as in Keras. It
    only grows, so the steps shrink.

    Parameters
    ----------
    learning_rate : float or schedule
    initial_accumulator_value : float
        What a starts at. Keras takes 0.1, the book below 0.
    epsilon : float
        Keeps the divisor from 0. It stands inside the root, as in Keras.
    weight_decay, clipnorm, clipvalue, global_clipnorm : float, optional
        See `SGD`.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    References
    ----------
    Duchi, Hazan and Singer, Adaptive subgradient methods for online learning and
    stochastic optimization, JMLR 12, 2011; Goodfellow, Bengio and Courville, Deep
    Learning, algorithm 8.4 (epsilon outside the root, a from 0).

    Examples
    --------
    >>> w = np.array([1.0])
    >>> Adagrad(learning_rate=0.1, initial_accumulator_value=0.0).apply([w * 3], [w])
    >>> w.round(6)
    array([0.9])
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.epsilon = positive(epsilon, "epsilon")
        self.initial_accumulator_value = number(
            initial_accumulator_value, "initial_accumulator_value", 0
        )
        self._slots = {"a": self.initial_accumulator_value}

    def _step(self, g, w, lr, a):
        a += g**2
        w -= lr * g / np.sqrt(a + self.epsilon)


class RMSprop(_Optimizer):
    """Divide each weight's step by the root of a moving mean of squared gradients.

    ``v = rho v + (1 - rho) g**2``; ``w = w - lr g / sqrt(v + epsilon)``

    v starts at 0.

    Parameters
    ----------
    learning_rate : float or schedule
    rho : float
        How much of the mean is kept at each step, from 0 to below 1.
    epsilon : float
        Keeps the divisor from 0. It stands inside the root, as in Keras.
    weight_decay, clipnorm, clipvalue, global_clipnorm : float, optional
        See `SGD`.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    References
    ----------
    Hinton, Srivastava and Swersky, Neural networks for machine learning, lecture 6e,
    2012; Goodfellow, Bengio and Courville, Deep Learning, algorithm 8.5.

    Examples
    --------
    >>> w = np.array([1.0])
    >>> RMSprop(learning_rate=0.1, rho=0.75).apply([np.array([3.0])], [w])
    >>> w.round(6)  # v = 9 / 4, so the step is 0.1 * 3 / 1.5
    array([0.8])
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        rho: float = 0.9,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = rate(rho, "rho")
        self.epsilon = positive(epsilon, "epsilon")
        self._slots = {"v": 0.0}

    def _step(self, g, w, lr, v):
        v[...] = self.rho * v + (1 - self.rho) * g**2
        w -= lr * g / np.sqrt(v + self.epsilon)


class Adam(_Optimizer):
    """Momentum, divided by the root of a moving mean of squares, without their bias.

    ``m = b1 m + (1 - b1) g``, ``v = b2 v + (1 - b2) g**2``,

    ``w = w - lr sqrt(1 - b2**t) / (1 - b1**t) * m / (sqrt(v) + epsilon)``

    m and v start at 0 and are too small at first: at step t they hold the shares
    ``1 - b1**t`` and ``1 - b2**t`` of a full mean. Dividing by these shares is the bias
    correction. As in Keras, it is done in the learning rate, so that epsilon is not
    corrected; the paper's algorithm 1 adds epsilon to the corrected root, and its
    section 2 names this form too.

    Parameters
    ----------
    learning_rate : float or schedule
    beta_1, beta_2 : float
        b1 and b2, from 0 to below 1.
    epsilon : float
        Keeps the divisor from 0. It stands outside the root.
    weight_decay, clipnorm, clipvalue, global_clipnorm : float, optional
        See `SGD`.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    References
    ----------
    Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015; Goodfellow,
    Bengio and Courville, Deep Learning, algorithm 8.7.

    Examples
    --------
    >>> w = np.array([1.0, 1.0])
    >>> Adam(learning_rate=0.1).apply([np.array([0.001, -1000.0])], [w])
    >>> w.round(2)  # the first step is lr, whatever the size of the gradient
    array([0.9, 1.1])
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = rate(beta_1, "beta_1")
        self.beta_2 = rate(beta_2, "beta_2")
        self.epsilon = positive(epsilon, "epsilon")
        self._slots = {"m": 0.0, "v": 0.0}

    def _step(self, g, w, lr, m, v):
        t = self.iterations + 1
        m[...] = self.beta_1 * m + (1 - self.beta_1) * g
        v[...] = self.beta_2 * v + (1 - self.beta_2) * g**2
        corrected = lr * math.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        w -= corrected * m / (np.sqrt(v) + self.epsilon)


class AdamW(Adam):
    """Adam with weight decay that is kept apart from the gradient.

    First ``w = w - lr weight_decay w``, then the step of `Adam`. An L2 penalty would
    add ``weight_decay * w`` to the gradient instead; Adam would then divide it by the
    root of v, and shrink weights with large gradients less.

    Parameters
    ----------
    learning_rate : float or schedule
    weight_decay : float
    beta_1, beta_2, epsilon
        See `Adam`.
    clipnorm, clipvalue, global_clipnorm : float, optional
        See `SGD`.

    Raises
    ------
    ValueError
        If an argument is out of its range, or `weight_decay` is None.

    References
    ----------
    Loshchilov and Hutter, Decoupled weight decay regularization, ICLR 2019, algorithm
    2. There the decay is not multiplied by lr but by the schedule alone.

    Examples
    --------
    >>> w = np.array([10.0])
    >>> AdamW(learning_rate=0.1, weight_decay=0.5).apply([np.array([0.0])], [w])
    >>> w
    array([9.5])
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        if weight_decay is None:
            refuse("weight_decay", "a number", None, cure="Without it, take Adam.")
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, weight_decay=weight_decay, **options
        )
