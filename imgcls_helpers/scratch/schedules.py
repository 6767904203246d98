"""Learning-rate schedules: the learning rate as a function of the step.

A schedule is called with the number of steps taken so far, 0 before the first, and
returns the learning rate of the next step. All but `OneCycle` are those of Keras, with
its argument names and its values.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from imgcls_helpers._arguments import number, positive, rate, refuse

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "OneCycle",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
]


def _at_least_zero(step: float) -> float:
    return number(step, "step", 0)


def _rate(value: float, name: str = "initial_learning_rate") -> float:
    return number(value, name, 0)


class _Decay:
    """What the falls share that count the time in `decay_steps`."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
    ) -> None:
        self.initial_learning_rate = _rate(initial_learning_rate)
        self.decay_steps = positive(decay_steps, "decay_steps")
        self.decay_rate = number(decay_rate, "decay_rate", 0)
        self.staircase = staircase

    def _time(self, step: float) -> float:
        t = _at_least_zero(step) / self.decay_steps
        return math.floor(t) if self.staircase else t


class ExponentialDecay(_Decay):
    """Multiply the rate by a constant factor in equal times.

    ``rate(t) = initial_learning_rate * decay_rate ** (t / decay_steps)``

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : int
        After so many steps the rate has been multiplied by `decay_rate` once.
    decay_rate : float
    staircase : bool
        Round ``t / decay_steps`` down, so that the rate falls in jumps.

    Raises
    ------
    ValueError
        If `decay_steps` is not positive, or a step is negative.

    References
    ----------
    Keras, ``keras.optimizers.schedules.ExponentialDecay``.

    Examples
    --------
    >>> ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)(20)
    0.025
    """

    def __call__(self, step: float) -> float:
        """Return the learning rate after `step` steps."""
        return self.initial_learning_rate * self.decay_rate ** self._time(step)


class PiecewiseConstantDecay:
    """Change the rate at given steps and keep it in between.

    ``rate(t) = values[0]`` while ``t <= boundaries[0]``, then ``values[1]`` while
    ``t <= boundaries[1]``, and so on; ``values[-1]`` after the last boundary.

    Parameters
    ----------
    boundaries : sequence of int
        Steps, strictly rising.
    values : sequence of float
        Rates, one more than boundaries.

    Raises
    ------
    ValueError
        If the lengths do not fit, or the boundaries do not rise.

    References
    ----------
    Keras, ``keras.optimizers.schedules.PiecewiseConstantDecay``.

    Examples
    --------
    >>> schedule = PiecewiseConstantDecay([100, 200], [0.1, 0.01, 0.001])
    >>> [schedule(step) for step in (0, 100, 101, 500)]
    [0.1, 0.1, 0.01, 0.001]
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float]) -> None:
        if len(boundaries) + 1 != len(values):
            refuse(
                "values",
                f"{len(boundaries) + 1}: one before the first boundary, and one after "
                "each",
                came=f"{len(values)}",
            )
        if any(b <= a for a, b in itertools.pairwise(boundaries)):
            refuse("boundaries", "rising steps", boundaries)
        self.boundaries = list(boundaries)
        self.values = [_rate(v, f"values[{i}]") for i, v in enumerate(values)]

    def __call__(self, step: float) -> float:
        """Return the learning rate after `step` steps."""
        step = _at_least_zero(step)
        return self.values[sum(step > b for b in self.boundaries)]


class PolynomialDecay:
    """Let the rate fall to its end along a power of the time that is left.

    ``rate(t) = (initial - end) * (1 - min(t, T) / T) ** power + end`` with
    ``T = decay_steps``. A power of 1 is a straight line.

    Parameters
    ----------
    initial_learning_rate, end_learning_rate, power : float
    decay_steps : int
    cycle : bool
        Instead of staying at its end, the rate jumps up and falls again: T is the
        first multiple of `decay_steps` that is not below the step.

    Raises
    ------
    ValueError
        If `decay_steps` is not positive, or a step is negative.

    References
    ----------
    Keras, ``keras.optimizers.schedules.PolynomialDecay``.

    Examples
    --------
    >>> PolynomialDecay(1.0, decay_steps=10, end_learning_rate=0.5)(5)
    0.75
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
    ) -> None:
        self.initial_learning_rate = _rate(initial_learning_rate)
        self.decay_steps = positive(decay_steps, "decay_steps")
        self.end_learning_rate = _rate(end_learning_rate, "end_learning_rate")
        self.power = number(power, "power", 0)
        self.cycle = cycle

    def __call__(self, step: float) -> float:
        """Return the learning rate after `step` steps."""
        step, total = _at_least_zero(step), self.decay_steps
        if self.cycle:
            total *= max(1, math.ceil(step / total))
        left = 1 - min(step, total) / total
        span = self.initial_learning_rate - self.end_learning_rate
        return span * left**self.power + self.end_learning_rate


class InverseTimeDecay(_Decay):
    """Let the rate fall as one over the time.

    ``rate(t) = initial_learning_rate / (1 + decay_rate * t / decay_steps)``

    Parameters
    ----------
    initial_learning_rate, decay_rate : float
    decay_steps : int
    staircase : bool
        Round ``t / decay_steps`` down, so that the rate falls in jumps.

    Raises
    ------
    ValueError
        If `decay_steps` is not positive, or a step is negative.

    References
    ----------
    Keras, ``keras.optimizers.schedules.InverseTimeDecay``.

    Examples
    --------
    >>> InverseTimeDecay(0.1, decay_steps=10, decay_rate=1.0)(10)
    0.05
    """

    def __call__(self, step: float) -> float:
        """Return the learning rate after `step` steps."""
        return self.initial_learning_rate / (1 + self.decay_rate * self._time(step))


class CosineDecay:
    """Let the rate fall along half a wave of the cosine, after a warm-up if wanted.

    With T = `decay_steps` and the rate `start` to fall from,

    ``rate(t) = start * ((1 - alpha) * (1 + cos(pi * min(t, T) / T)) / 2 + alpha)``

    Without a `warmup_target`, `start` is `initial_learning_rate`. With one, the rate
    first rises along a straight line from `initial_learning_rate` to `warmup_target`,
    in `warmup_steps` steps; then it falls from there, and t counts from there too.

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : int
        Steps of the fall alone, without those of the warm-up.
    alpha : float
        Where the fall ends, as a share of where it starts.
    warmup_target : float, optional
    warmup_steps : int

    Raises
    ------
    ValueError
        If `decay_steps` is not positive, or a step is negative.

    References
    ----------
    Loshchilov and Hutter, SGDR: Stochastic gradient descent with warm restarts, ICLR
    2017, equation 5; Keras, ``keras.optimizers.schedules.CosineDecay``.

    Examples
    --------
    >>> schedule = CosineDecay(0.0, 100, warmup_target=0.1, warmup_steps=10)
    >>> [round(schedule(step), 3) for step in (0, 5, 10, 60, 110)]
    [0.0, 0.05, 0.1, 0.05, 0.0]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        self.initial_learning_rate = _rate(initial_learning_rate)
        self.decay_steps = positive(decay_steps, "decay_steps")
        self.alpha = number(alpha, "alpha", 0)
        if warmup_target is not None:
            warmup_target = _rate(warmup_target, "warmup_target")
        self.warmup_target = warmup_target
        self.warmup_steps = number(warmup_steps, "warmup_steps", 0)

    def __call__(self, step: float) -> float:
        """Return the learning rate after `step` steps."""
        step, start = _at_least_zero(step), self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                rise = self.warmup_target - start
                return start + rise * step / self.warmup_steps
            step, start = step - self.warmup_steps, self.warmup_target
        done = min(step, self.decay_steps) / self.decay_steps
        half_wave = (1 + math.cos(math.pi * done)) / 2
        return start * ((1 - self.alpha) * half_wave + self.alpha)


class CosineDecayRestarts:
    """Let the rate fall along half a cosine wave, jump up, and fall again, slower.

    Fall number i = 0, 1, 2, ... takes ``T_i = first_decay_steps * t_mul ** i`` steps.
    At step t of it,

    ``rate = initial * ((1 - alpha) * m_mul**i * (1 + cos(pi t / T_i)) / 2 + alpha)``

    Parameters
    ----------
    initial_learning_rate : float
    first_decay_steps : int
    t_mul : float
        How many times longer each fall is than the one before; at least 1.
    m_mul : float
        How many times higher each fall starts than the one before.
    alpha : float
        Where the falls end, as a share of `initial_learning_rate`.

    Raises
    ------
    ValueError
        If `first_decay_steps` is not positive, `t_mul` is below 1, or a step is
        negative.

    References
    ----------
    Loshchilov and Hutter, SGDR: Stochastic gradient descent with warm restarts, ICLR
    2017; Keras, ``keras.optimizers.schedules.CosineDecayRestarts``.

    Examples
    --------
    >>> schedule = CosineDecayRestarts(0.1, first_decay_steps=10)
    >>> [round(schedule(step), 3) for step in (0, 5, 10, 20, 30)]
    [0.1, 0.05, 0.1, 0.05, 0.1]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
    ) -> None:
        # Shorter and shorter falls would come to an end.
        self.t_mul = number(t_mul, "t_mul", 1)
        self.initial_learning_rate = _rate(initial_learning_rate)
        self.first_decay_steps = positive(first_decay_steps, "first_decay_steps")
        self.m_mul = number(m_mul, "m_mul", 0)
        self.alpha = number(alpha, "alpha", 0)

    def __call__(self, step: float) -> float:
        """Return the learning rate after `step` steps."""
        # Subtracting the falls one by one meets the restarts exactly; a logarithm,
        # rounded, may miss them.
        step, length, height = _at_least_zero(step), float(self.first_decay_steps), 1.0
        if self.t_mul == 1:
            height = self.m_mul ** (step // length)
            step %= length
        while step >= length:
            step -= length
            length *= self.t_mul
            height *= self.m_mul
        half_wave = height * (1 + math.cos(math.pi * step / length)) / 2
        return self.initial_learning_rate * ((1 - self.alpha) * half_wave + self.alpha)


class OneCycle:
    """Let the rate rise to a peak and fall to zero, both along straight lines.

    With T = `total_steps` and ``U = warmup_share * T``,

    ``rate(t) = peak * min((t + 1) / (U + 1), (T - t) / (T - U))``

    The peak is reached at step U. Every step from 0 to T - 1 has a rate above zero.

    Parameters
    ----------
    peak : float
        The highest rate; it may be higher than a constant rate could be.
    total_steps : int
        Steps of the whole training.
    warmup_share : float
        Share of the steps in which the rate rises, from 0 to below 1.

    Raises
    ------
    ValueError
        If an argument is out of its range, or a step is negative.

    References
    ----------
    Smith and Topin, Super-convergence: very fast training of neural networks using
    large learning rates, arXiv:1708.07120. Theirs starts at a fraction of the peak,
    and lets the momentum fall while the rate rises.

    Examples
    --------
    >>> schedule = OneCycle(1.0, total_steps=10, warmup_share=0.4)
    >>> [round(schedule(step), 2) for step in range(11)]
    [0.2, 0.4, 0.6, 0.8, 1.0, 0.83, 0.67, 0.5, 0.33, 0.17, 0.0]
    """

    def __init__(
        self, peak: float, total_steps: int, warmup_share: float = 0.3
    ) -> None:
        self.peak = positive(peak, "peak")
        self.total_steps = positive(total_steps, "total_steps")
        self.warmup_share = rate(warmup_share, "warmup_share")

    def __call__(self, step: float) -> float:
        """Return the learning rate after `step` steps."""
        step, up = _at_least_zero(step), self.warmup_share * self.total_steps
        rise = (step + 1) / (up + 1)
        fall = (self.total_steps - step) / (self.total_steps - up)
        return self.peak * max(0.0, min(rise, fall))
