"""How much work a chapter does here, on what, with which seeds and versions.

A chapter is written once and runs with one of three budgets: "smoke" (seconds, for
tests), "cpu" (the default without a GPU) and "gpu" (full data, real epochs). The
environment variable ``IMGCLS_BUDGET`` overrides the choice.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import time
from typing import Any, TypeVar

from imgcls_helpers import __version__, _arguments, backend
from imgcls_helpers._arguments import one_of, refuse
from imgcls_helpers._table import Report

__all__ = ["Report", "budget", "by_budget", "device", "report", "set_seed"]

BUDGETS = ("smoke", "cpu", "gpu")
_STARTED = time.perf_counter()
_T = TypeVar("_T")


def budget() -> str:
    """Return how much work to do: "smoke", "cpu" or "gpu".

    ``IMGCLS_BUDGET`` if that environment variable is set, else "gpu" if the backend
    can use a GPU, else "cpu".

    Raises
    ------
    ValueError
        If ``IMGCLS_BUDGET`` is set to anything else.

    Examples
    --------
    >>> from imgcls_helpers import runtime
    >>> runtime.budget() in ("smoke", "cpu", "gpu")
    True
    """
    if wanted := os.environ.get("IMGCLS_BUDGET", "").strip():
        return one_of(wanted, "the environment variable IMGCLS_BUDGET", BUDGETS)
    return "gpu" if backend.accelerator() else "cpu"


def by_budget(*, smoke: _T, cpu: _T, gpu: _T) -> _T:
    """Return the one of three values that belongs to the current budget.

    Parameters
    ----------
    smoke, cpu, gpu : object
        What is wanted at each budget; they may be of any type.

    Returns
    -------
    object
        One of the three.

    Raises
    ------
    ValueError
        As `budget`.

    Examples
    --------
    >>> from imgcls_helpers import runtime
    >>> epochs = runtime.by_budget(smoke=1, cpu=3, gpu=10)
    >>> epochs in (1, 3, 10)
    True
    """
    return {"smoke": smoke, "cpu": cpu, "gpu": gpu}[budget()]


def _cores() -> int:
    # The cores this process may use; in a container often fewer than there are.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def device() -> str:
    """Return what the backend computes on, in words: a GPU's name, or the CPU.

    Of a CPU, with the instructions that decide how quick it is, where they are known.

    Examples
    --------
    >>> from imgcls_helpers import runtime
    >>> len(runtime.device()) > 0
    True
    """
    found = backend.accelerator()
    if found:
        return f"GPU: {found}"
    cores = _cores()
    parts = [f"{cores} core{'s' * (cores != 1)}", platform.machine()]
    return "CPU: " + ", ".join(filter(None, [*parts, backend.instructions()]))


def set_seed(seed: int) -> None:
    """Seed Python's, NumPy's and Keras's random numbers.

    The same seed then gives the same weights on the same backend and device; other
    backends draw other numbers from the same seed.

    Parameters
    ----------
    seed : int, 0 to 2**32 - 1

    Raises
    ------
    ValueError
        If `seed` is no whole number in that range.

    Examples
    --------
    >>> import numpy as np
    >>> from imgcls_helpers import runtime
    >>> runtime.set_seed(0)
    >>> first = np.random.rand()
    >>> runtime.set_seed(0)
    >>> first == np.random.rand()
    True
    """
    seed = _arguments.seed(seed)
    import keras

    keras.utils.set_random_seed(seed)  # seeds all of them
    # Older releases, such as 3.10, leave the generator that keras.random draws from.
    with contextlib.suppress(ImportError, AttributeError):
        from keras.src.backend.common import global_state

        global_state.set_global_attribute("global_seed_generator", None)


def _versions() -> str:
    names = ["keras", "numpy", "scikit-learn", "matplotlib"]
    found = [f"{backend.name()} {backend.version()}"]
    for package in names:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    found.append(f"imgcls_helpers {__version__}")
    return ", ".join(found)


def _dataset_line(dataset: Any) -> str:
    try:
        line = f"{dataset.name}: {dataset.source}"
    except AttributeError:
        refuse("datasets", "data sets, as load_dataset returns them", dataset)
    notice = getattr(dataset, "notice", "")
    return f"{line}. {notice}" if notice else line


def report(*datasets: Any) -> Report:
    """Return the table that closes a chapter.

    It names the backend, the device, the versions, the data and where they came
    from, the budget and how to change it, and the seconds since this module was
    first imported.

    Parameters
    ----------
    *datasets : Dataset
        The data sets that the chapter used.

    Returns
    -------
    Report
        Shows itself as a table in a notebook and as plain text elsewhere.

    Raises
    ------
    ValueError
        If one of `datasets` is not a data set.

    Examples
    --------
    >>> from imgcls_helpers import runtime
    >>> [what for what, value in runtime.report().rows]
    ['Backend', 'Device', 'Python', 'Packages', 'Budget', 'Time']
    """
    now = budget()
    others = " or ".join(b for b in BUDGETS if b != now)
    rows = [
        ("Backend", backend.name()),
        ("Device", device()),
        ("Python", f"{platform.python_version()} on {platform.system()}"),
        ("Packages", _versions()),
    ]
    rows += [("Data", _dataset_line(dataset)) for dataset in datasets]
    rows += [
        ("Budget", f"{now} (set IMGCLS_BUDGET to {others} to change it)"),
        ("Time", f"{time.perf_counter() - _STARTED:.0f} s since the first import"),
    ]
    return Report(tuple(rows))
