"""The recipe of a training, and the one-cycle schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Imported before Keras: it picks the Keras backend.
from imgcls_helpers import augment, backend  # noqa: F401
from imgcls_helpers._arguments import number, one_of, refuse

# isort: split
import keras

_SCHEDULES = ("one_cycle", "cosine", "constant")
OPTIMIZERS = ("sgd", "adam", "adamw", "rmsprop", "adagrad", "lion", "muon")


@keras.saving.register_keras_serializable("imgcls_helpers")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """Let the rate rise to a peak and fall to zero, both along straight lines.

    The formula is that of `imgcls_helpers.scratch.OneCycle`; this one computes with
    ``keras.ops``, so that a Keras optimizer can take it.

    Parameters
    ----------
    peak : float
        The highest rate.
    total_steps : int
        Steps of the whole training.
    warmup_share : float
        Share of the steps in which the rate rises, from 0 to below 1.

    Examples
    --------
    >>> schedule = OneCycle(1.0, total_steps=10, warmup_share=0.4)
    >>> [round(float(schedule(step)), 2) for step in (0, 4, 9)]
    [0.2, 1.0, 0.17]
    >>> schedule.get_config()
    {'peak': 1.0, 'total_steps': 10, 'warmup_share': 0.4}
    """

    def __init__(
        self, peak: float, total_steps: int, warmup_share: float = 0.3
    ) -> None:
        super().__init__()
        number(peak, "peak", 0, above=True)
        number(total_steps, "total_steps", 1, whole=True)
        number(warmup_share, "warmup_share", 0, 1, below=True)
        self.peak = peak
        self.total_steps = total_steps
        self.warmup_share = warmup_share

    def __call__(self, step: Any) -> Any:
        """Return the learning rate after `step` steps, a tensor."""
        t = keras.ops.cast(step, "float32")
        up = self.warmup_share * self.total_steps
        rise = (t + 1) / (up + 1)
        fall = (self.total_steps - t) / (self.total_steps - up)
        return self.peak * keras.ops.maximum(keras.ops.minimum(rise, fall), 0.0)

    def get_config(self) -> dict[str, float]:
        """Return the arguments, for Keras to save."""
        return {
            "peak": self.peak,
            "total_steps": self.total_steps,
            "warmup_share": self.warmup_share,
        }


@dataclass(frozen=True)
class Recipe:
    """How to train: everything that `fit` decides beside the model and the data.

    Change one thing with ``dataclasses.replace(recipe, epochs=3)``.

    Attributes
    ----------
    optimizer : str
        "sgd" (with Nesterov momentum), "adam", "adamw", "rmsprop", "adagrad", "lion"
        or "muon" (from Keras 3.13 on).
    learning_rate : float
        The rate, or its highest value if `schedule` changes it.
    schedule : str
        "one_cycle" (up and down along straight lines), "cosine" (the same rise, then
        down along half a cosine) or "constant".
    warmup : float
        Share of the steps in which the rate rises, from 0 to below 1.
    momentum : float
        For "sgd"; the others keep Keras's defaults.
    weight_decay : float
        Decoupled from the gradient: each step takes ``rate * weight_decay`` of each
        weight away, not of biases and of what normalization learns.
    label_smoothing : float
        Share of each label that goes to all classes alike, from 0 to below 1.
    batch_size : int
    epochs : int
    augment : Operation of `augment`, optional
        What to do to each batch on its way in.
    global_clipnorm : float, optional
        Longest gradient, over all weights together.

    Raises
    ------
    ValueError
        If a value is out of its range.

    Examples
    --------
    >>> Recipe(optimizer="adam", learning_rate=0.001, schedule="constant").epochs
    10
    """

    optimizer: str = "sgd"
    learning_rate: float = 0.1
    schedule: str = "one_cycle"
    warmup: float = 0.3
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.0
    batch_size: int = 128
    epochs: int = 10
    augment: augment.Operation | None = None
    global_clipnorm: float | None = None

    def __post_init__(self):
        one_of(self.optimizer, "optimizer", OPTIMIZERS)
        number(self.learning_rate, "learning_rate", 0, above=True)
        one_of(self.schedule, "schedule", _SCHEDULES)
        for name in ("warmup", "momentum", "label_smoothing"):
            number(getattr(self, name), name, 0, 1, below=True)
        number(self.weight_decay, "weight_decay", 0)
        number(self.batch_size, "batch_size", 1, whole=True)
        number(self.epochs, "epochs", 1, whole=True)
        if self.global_clipnorm is not None:
            number(self.global_clipnorm, "global_clipnorm", 0, above=True)
        made = callable(self.augment) and not isinstance(self.augment, type)
        if self.augment is not None and not made:
            refuse(
                "augment",
                "an operation of imgcls_helpers.augment, such as augment.RandomFlip()",
                self.augment,
            )

    def rate(self, total_steps: int) -> Any:
        """Return the rate, or its schedule for that many steps, for an optimizer.

        Parameters
        ----------
        total_steps : int
            Steps of the whole training.

        Returns
        -------
        float or Keras schedule

        Examples
        --------
        >>> Recipe(schedule="constant", learning_rate=0.05).rate(total_steps=100)
        0.05
        """
        if self.schedule == "one_cycle":
            return OneCycle(self.learning_rate, total_steps, self.warmup)
        if self.schedule == "cosine":
            up = int(self.warmup * total_steps)
            # From here, Keras's rise is that of OneCycle: no step has a rate of 0.
            return keras.optimizers.schedules.CosineDecay(
                self.learning_rate / (up + 1),
                total_steps - up,
                warmup_target=self.learning_rate if up else None,
                warmup_steps=up,
            )
        return self.learning_rate

    def make_optimizer(self, model: keras.Model, rate: Any) -> keras.Optimizer:
        """Return a new optimizer for the weights of `model`.

        Parameters
        ----------
        model : keras.Model
            Its biases and what normalization learns are left out of weight decay.
        rate : float or Keras schedule
            As `rate` returns it.

        Returns
        -------
        keras.Optimizer

        Examples
        --------
        >>> from imgcls_helpers import models
        >>> recipe = Recipe(optimizer="adam", schedule="constant", learning_rate=0.5)
        >>> model = models.fast_net((8, 8, 1), width=8)
        >>> optimizer = recipe.make_optimizer(model, recipe.rate(total_steps=100))
        >>> float(optimizer.learning_rate)
        0.5
        """
        if self.optimizer == "muon":
            version = keras.__version__
            if tuple(map(int, version.split(".")[:2])) < (3, 13):
                refuse(
                    "optimizer",
                    "one that this Keras has",
                    came=f"'muon', which needs Keras 3.13 or newer; here is {version}",
                    cure="Run pip install --upgrade keras, or take 'adamw'.",
                )
            make = keras.optimizers.Muon  # before 3.14, not to be had by its name
        else:
            make = keras.optimizers.get(self.optimizer).__class__
        options: dict[str, Any] = {}
        if self.optimizer == "sgd":
            # Keras takes no whole number here.
            options = {"momentum": float(self.momentum), "nesterov": self.momentum > 0}
        # With None the step is skipped; AdamW refuses None.
        decay = self.weight_decay or (0 if self.optimizer == "adamw" else None)
        if self.optimizer == "muon":
            # Muon hands what is no matrix to AdamW, with a decay of its own.
            options = {"adam_weight_decay": decay}
        optimizer = make(
            learning_rate=rate,
            weight_decay=decay,
            global_clipnorm=self.global_clipnorm,
            **options,
        )
        if self.weight_decay:
            flat = [v for v in model.trainable_variables if len(v.shape) < 2]
            optimizer.exclude_from_weight_decay(var_list=flat)
        return optimizer
