"""What is recorded in the repository: ``benchmarks/*.json``."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tools.extensions.tables import percent
from tools.places import ROOT


def _model(name: str, judged: str, runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return runs that a benchmark recorded as `results.model` keeps them."""
    first = runs[0]
    scores = [run.get("accuracy", run.get("test")) for run in runs]
    if "test_by_epoch" in first:
        scores = [run["test_by_epoch"][-1] for run in runs]
    return {
        "name": name,
        "judged": judged,
        "scores": scores,
        "seconds": statistics.mean(run["cpu_seconds"] for run in runs),
        "epochs": first.get("epochs"),
        **{key: first[key] for key in ("parameters", "images")},
    }


def _recipe_goal(found: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for kind, test in found["test"].items():
        names = {goal: f"fast net, {chosen}" for goal, chosen in test["chosen"].items()}
        for goal, runs in test["runs"].items():
            name = names.get(goal, "tutorial program, 10 epochs")
            yield _model(f"{name} ({kind.removeprefix('mixed_')})", "test", runs)


def _augment_gain(found: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for size, group in found["sizes"].items():
        for operation, lists in group["operations"].items():
            lists = {key: v for key, v in lists.items() if isinstance(v, list)}
            same = {"epochs": group["epochs"], "images": int(size)}
            runs = [
                {**dict(zip(lists, run, strict=True)), **same}
                for run in zip(*lists.values(), strict=True)
            ]
            name = f"fast net, width {group['width']}, {operation}"
            yield _model(name, "validation", runs)


def _scratch_digits(found: dict[str, Any]) -> Iterable[dict[str, Any]]:
    test = found["test"]
    yield _model(f"NumPy network, {test['settings']}", "test", test["runs"])


def _shapes_difficulty(found: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for name, experiment in found["experiments"].items():
        yield _model(name, "test", experiment["runs"])


def _simple_methods(found: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for data, group in found["sets"].items():
        for method, run in group["methods"].items():
            yield _model(f"{method} on {data}", "test", [run])


# file in benchmarks/: (what it is about, its data, how its models are read)
RECORDED = {
    "recipe_goal": (
        *("The training recipe against the tutorial program", "cifar10"),
        _recipe_goal,
    ),
    "augment_gain": ("What each augmentation gives", "cifar10", _augment_gain),
    "scratch_digits": ("A network in NumPy alone", "digits", _scratch_digits),
    "shapes_difficulty": (
        *("How hard the generated shapes are", "shapes"),
        _shapes_difficulty,
    ),
    "simple_methods": (
        *("The simplest methods on whole data sets", "mnist, cifar10, digits"),
        _simple_methods,
    ),
}


def read_recorded(name: str, root: Path = ROOT) -> dict[str, Any]:
    """Return what a benchmark recorded.

    Returns
    -------
    dict
        ``data``, ``date``, ``machine`` and ``models``: each model as
        `imgcls_helpers.results.model` keeps it, but with CPU seconds.
    """
    path = root / "benchmarks" / f"{name}.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    _, data, models = RECORDED[name]
    # The sizes of augment_gain may be measured one by one.
    facts = {**next(iter(found.get("sizes", {}).values()), {}), **found}
    return {
        "data": " ".join(filter(None, [facts.get("data", data), facts.get("note")])),
        "date": facts["date"],
        "machine": facts.get("machine", facts.get("device")),
        "models": list(models(found)),
    }


def _gain_of_augmentation(root: Path) -> str:
    """Say what flips and crops gave in `augment_gain`, by the number of images."""
    from imgcls_helpers import evaluation  # imports Keras: only where needed

    path = root / "benchmarks" / "augment_gain.json"
    sizes = json.loads(path.read_text(encoding="utf-8"))["sizes"]
    said = []
    for size, group in sizes.items():
        runs = {name: kept["accuracy"] for name, kept in group["operations"].items()}
        found = evaluation.compare(
            *(runs["flip + crop"], runs["nothing"]),
            ("validation accuracy with flips and crops", "without"),
            images=5000,  # validation images that judge, as the script says
            comparisons=len(sizes),
        )
        said.append(f"{int(size):,} images, {group['epochs']} epochs: {found}")
    return " ".join(said)


SENTENCES = {"augmentation-gain": _gain_of_augmentation}


def say(what: str, root: Path = ROOT) -> str:
    """Return a sentence, or the accuracy of one model, from what is recorded.

    Parameters
    ----------
    what
        A name in `SENTENCES`, or ``FILE: MODEL``, with the name that the model has in
        the table of the page Results.
    root
        Of the repository.

    Returns
    -------
    str

    Raises
    ------
    LookupError
        If there is no such sentence, file or model.

    Examples
    --------
    >>> say("scratch_digits: NumPy network, normalized, 8 epochs")
    '99.3%'
    """
    if what in SENTENCES:
        return SENTENCES[what](root)
    name, _, model = what.partition(": ")
    if name in RECORDED:
        for found in read_recorded(name, root)["models"]:
            if found["name"] == model:
                return percent(statistics.mean(found["scores"]))
    raise LookupError(
        f"nothing is recorded as {what!r}; expected one of {', '.join(SENTENCES)}, or "
        "FILE: MODEL, a file of benchmarks/ and a model in it"
    )
