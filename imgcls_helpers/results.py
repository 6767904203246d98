"""What a run found, kept so that the book can show it in more than one place.

A chapter says a finding once, in the cell that computed it. While the book is built,
``IMGCLS_RECORDS`` names a file, and what is said goes there too: the pages "Myths and
mistakes", "Results" and "Status" are made from it. Elsewhere nothing is written.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from imgcls_helpers import backend, runtime
from imgcls_helpers._arguments import number, numbers_of, one_of, path_in, refuse
from imgcls_helpers._printable import printable

__all__ = ["finding", "model"]

JUDGED = ("validation", "test", "training")
WIDTH = 68  # characters in a printed line


def finding(name: str, sentence: str) -> None:
    """Print what a run found, and keep it for the pages that quote it.

    Parameters
    ----------
    name : str
        What the pages call it by: lower-case words joined by hyphens, unique in the
        book.
    sentence : str
        One or two whole sentences that can be understood without the chapter.

    Raises
    ------
    ValueError
        If the name has another form, or the sentence is empty.

    Examples
    --------
    >>> from imgcls_helpers import results
    >>> results.finding("kernel-flip", "Flipped, the kernel finds other edges.")
    Flipped, the kernel finds other edges.
    """
    sentence = " ".join(str(sentence).split())
    if not sentence:
        refuse(f"the finding {name!r}", "a sentence", came="nothing")
    _keep("finding", name=_name(name), sentence=sentence)
    # In lines that no page has to scroll sideways for.
    print(printable(textwrap.fill(sentence, WIDTH, break_on_hyphens=False)))


def model(
    name: str,
    scores: Any,
    *,
    data: Any,
    images: int,
    parameters: Any,
    judged: str,
    epochs: int | None = None,
    seconds: float | Sequence[float] | None = None,
) -> None:
    """Keep how well a model did, for the book's table of results; print nothing.

    Parameters
    ----------
    name : str
        What the model is, in a few words: "tutorial program, cross-entropy".
    scores : Spread or sequence of float
        Accuracy, a share from 0 to 1: one value a seed.
    data : Dataset or str
        What it was trained and judged on.
    images : int
        How many images it was trained on.
    parameters : int or keras.Model
        How many weights are learned, or a model that can be asked.
    judged : {"validation", "test", "training"}
        On which images the accuracy was measured.
    epochs : int, optional
        None where the method has no epochs.
    seconds : float or sequence of float, optional
        Of one training, on the clock.

    Raises
    ------
    ValueError
        If a score is no share, or another argument is not what is named above.

    Examples
    --------
    >>> from imgcls_helpers import results
    >>> results.model("nearest neighbour", [0.96, 0.97], data="digits", images=1000,
    ...               parameters=0, judged="validation")
    """
    expected = "shares from 0 to 1, one a run"
    values = scores if isinstance(scores, dict) else getattr(scores, "values", scores)
    values = numbers_of(values, "scores", expected, (0, 1))
    values = np.atleast_1d(values)
    if values.min() < 0 or values.max() > 1:
        cure = "Percentages are divided by 100." if values.min() >= 0 else ""
        refuse("scores", expected, values.tolist(), cure=cure)
    if not isinstance(name, str) or not name.strip():
        refuse("name", "what the model is, in a few words", name)
    if not isinstance(data, str) and not hasattr(data, "notice"):
        refuse("data", "a data set, as load_dataset returns it, or its name", data)
    if hasattr(parameters, "count_params"):
        parameters = parameters.count_params()
    if seconds is not None:
        expected = "a number of 0 or more, or one a run"
        times = numbers_of(seconds, "seconds", expected, (0, 1))
        if times.min() < 0:
            refuse("seconds", expected, seconds)
        seconds = float(times.mean())
    _keep(
        "model",
        name=name.strip(),
        scores=values.tolist(),
        data=data if isinstance(data, str) else data.name,
        notice="" if isinstance(data, str) else data.notice,
        images=number(images, "images", 1, whole=True),
        parameters=number(parameters, "parameters", 0, whole=True),
        judged=one_of(judged, "judged", JUDGED),
        epochs=None if epochs is None else number(epochs, "epochs", 0, whole=True),
        seconds=seconds,
    )


def _name(name: str) -> str:
    words = name.split("-") if isinstance(name, str) else [""]
    if not all(word.isalnum() and word == word.lower() for word in words):
        refuse("name", "lower-case words joined by hyphens, as 'kernel-flip'", name)
    return name


def _keep(kind: str, **what: Any) -> None:
    if path := path_in("IMGCLS_RECORDS"):
        where = {
            "backend": backend.name(),
            "device": runtime.device(),
            "budget": runtime.budget(),
        }
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"kind": kind, **what, **where}) + "\n")
