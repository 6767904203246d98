"""What a training records, and the error when its loss is no number."""

from __future__ import annotations

from dataclasses import dataclass, field


def status_line(epochs: int, of: int | None, seconds: float, metrics: dict) -> str:
    """Return one line on how a training stands."""
    count = f"{epochs}" if of in (None, epochs) else f"{epochs} of {of}"
    plural = "" if epochs == 1 and of in (None, 1) else "s"
    text = f"{count} epoch{plural}, {seconds:.1f} s"
    shown = [("loss", "loss", ".3f"), ("accuracy", "accuracy", ".1%")]
    shown += [("val_accuracy", "validation accuracy", ".1%")]
    found = [f"{label} {metrics[k][-1]:{f}}" for k, label, f in shown if metrics.get(k)]
    return f"{text}: {', '.join(found)}" if found else text


@dataclass
class History:
    """What a training recorded.

    Attributes
    ----------
    metrics : dict of str to list of float
        "loss" and "accuracy", with validation data also "val_loss" and
        "val_accuracy": one number an epoch. ``history["loss"]`` for short. Losses
        include label smoothing, and training figures are means over the epoch, while
        the weights still changed.
    seconds, cpu_seconds : float
        On the clock, and of all cores of this process together; from the call of
        `fit`, compilation included.
    best_epoch : int or None
        Counted from 1, by the monitored value; None without validation data.
    stopped : str or None
        Why the training ended before its last epoch, if it did.

    Examples
    --------
    >>> history = History({"loss": [2.0, 1.0], "accuracy": [0.3, 0.6]}, seconds=4.0)
    >>> history
    History(2 epochs, 4.0 s: loss 1.000, accuracy 60.0%)
    >>> history["loss"], history.epochs
    ([2.0, 1.0], 2)
    """

    metrics: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    best_epoch: int | None = None
    stopped: str | None = None

    @property
    def epochs(self) -> int:
        """How many epochs were completed."""
        return len(self.metrics.get("loss", ()))

    def __getitem__(self, name: str) -> list[float]:
        try:
            return self.metrics[name]
        except KeyError:
            raise KeyError(
                f"{name!r} was not recorded. There is: "
                f"{', '.join(self.metrics) or 'nothing'}."
                + (" Give validation data for it." if name.startswith("val_") else "")
            ) from None

    def __repr__(self) -> str:
        return f"History({status_line(self.epochs, None, self.seconds, self.metrics)})"


class DivergenceError(FloatingPointError):
    """The loss became NaN or infinite; the message names the likely cause.

    Parameters
    ----------
    message : str
    history : History
        What was recorded before; kept under this name.

    Examples
    --------
    >>> try:  # as `fit` raises it
    ...     raise DivergenceError("The loss became NaN.", History({"loss": [2.3]}))
    ... except DivergenceError as error:
    ...     print(error, error.history["loss"])
    The loss became NaN. [2.3]
    """

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history
