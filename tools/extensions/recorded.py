"""What is recorded in the repository: ``benchmarks/*.json``."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

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
    test = found["test"]
    names = {goal: f"fast net, {chosen}" for goal, chosen in test["chosen"].items()}
    for goal, runs in test["runs"].items():
        yield _model(names.get(goal, "tutorial program, 10 epochs"), "test", runs)


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
