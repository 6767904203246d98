"""What every test and example starts from, and that none leaves anything behind.

One seed orders the tests and gives them their random numbers, Hypothesis's too. The run
prints it; ``make test SEED=...`` takes it again.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

# Before Keras is imported anywhere: no data, no network, a CPU's smoke budget, and none
# of the settings and downloads that Keras keeps in the home folder.
for name in [name for name in os.environ if name.startswith("IMGCLS_")]:
    del os.environ[name]
os.environ["IMGCLS_OFFLINE"] = "1"
os.environ["IMGCLS_BUDGET"] = "smoke"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# The tests run side by side; NumPy's threads would wait on each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Many short processes import the same libraries. Where Python keeps no bytecode, two
# thirds of the time would go into compiling them.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
OWN = Path(tempfile.mkdtemp(prefix="imgcls-tests-"))  # of this process
atexit.register(shutil.rmtree, OWN, ignore_errors=True)
os.environ["KERAS_HOME"] = str(OWN / "keras")

import hypothesis
import numpy as np
import pytest

import imgcls_helpers.backend  # noqa: F401  chooses Keras's, and says so in os.environ

pytest_plugins = ["pytester"]  # runs tests inside of a test

# How long an example takes says how busy the machine is, and no more.
hypothesis.settings.register_profile(
    "any machine",
    hypothesis.settings.get_profile("default"),
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    print_blob=True,
)
hypothesis.settings.load_profile("any machine")

EMPTY = OWN / "empty"
EMPTY.mkdir()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let one seed say everything that is left to chance."""
    options = config.option
    if getattr(options, "randomly_seed", None) == "default":
        options.randomly_seed = random.SystemRandom().getrandbits(32)
    if options.hypothesis_seed is None:
        options.hypothesis_seed = getattr(options, "randomly_seed", None)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Print the seed, which ``-q`` leaves out."""
    _say(session.config, "Order and numbers of this run: make test SEED={}")


def pytest_terminal_summary(exitstatus: int, config: pytest.Config) -> None:
    """Print the seed again where it is needed."""
    if exitstatus:
        _say(config, "Again, with the same order and numbers: make test SEED={}")


def _say(config: pytest.Config, line: str) -> None:
    seed = getattr(config.option, "randomly_seed", None)
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if seed is not None and reporter and not hasattr(config, "workerinput"):
        reporter.write_line(line.format(seed))


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    with as_it_was():
        yield


@contextlib.contextmanager
def as_it_was() -> Iterator[None]:
    """Start from what every test starts from, and put it back after the test.

    Warnings are put back by pytest, random numbers by pytest-randomly, which gives each
    test its own. A test that leaves variables or files behind is refused by name.
    """
    folder = Path.cwd()
    environment, modules = dict(os.environ), len(sys.modules)
    path = sys.path[:]
    errors, printing = np.geterr(), np.get_printoptions()
    matplotlib = sys.modules.get("matplotlib")
    # Read past RcParams, which would choose a backend for who asks.
    parameters = dict(dict.items(matplotlib.rcParams)) if matplotlib else {}
    figures = _figures()
    keras = _KerasState()
    os.chdir(EMPTY)
    yield
    os.chdir(folder)
    keras.put_back()
    for number in _figures() - figures:
        sys.modules["matplotlib.pyplot"].close(number)
    if matplotlib:
        dict.update(matplotlib.rcParams, parameters)
    np.seterr(**errors)
    np.set_printoptions(**printing)
    sys.path[:] = path
    left = [*_changes(environment, modules), *_files()]
    if left:
        pytest.fail("The test left behind: " + "; ".join(left), pytrace=False)


def _figures() -> set[int]:
    pyplot = sys.modules.get("matplotlib.pyplot")
    return set(pyplot.get_fignums()) if pyplot else set()


class _KerasState:
    """What Keras remembers, if it is used: names, seeds, policies. Empty at first."""

    def __init__(self) -> None:
        state = sys.modules.get("keras.src.backend.common.global_state")
        names = ("GLOBAL_STATE_TRACKER", "GLOBAL_SETTINGS_TRACKER") if state else ()
        self.live = [getattr(state, name).__dict__ for name in names]
        self.kept = [live.copy() for live in self.live]
        self.settings = self._settings() if state else ()
        for live in self.live:
            live.clear()

    @staticmethod
    def _settings() -> tuple[object, ...]:
        config = sys.modules["keras"].config
        return config.floatx(), config.epsilon(), config.image_data_format()

    def put_back(self) -> None:
        for live, kept in zip(self.live, self.kept, strict=True):
            live.clear()
            live.update(kept)
        if self.settings and self.settings != self._settings():
            config = sys.modules["keras"].config
            config.set_floatx(self.settings[0])
            config.set_epsilon(self.settings[1])
            config.set_image_data_format(self.settings[2])
        tensorflow = sys.modules.get("tensorflow") if self.settings else None
        if tensorflow and tensorflow.compat.v1.get_seed(None) != (None, None):
            tensorflow.random.set_seed(None)


def _changes(before: Mapping[str, str], modules: int) -> Iterator[str]:
    """Put the environment back; name what was changed."""
    after = dict(os.environ)
    changed = {n for n in before.keys() | after.keys() if before.get(n) != after.get(n)}
    changed.discard("PYTEST_CURRENT_TEST")
    if not changed:
        return
    # What a library sets when it is imported for the first time, stays.
    packages = [name.partition(".")[0] for name in sys.modules]
    new = set(packages[modules:]) - set(packages[:modules])
    if new:
        changed = {n for n in changed if n in before or n.startswith("IMGCLS_")}
    for name in sorted(changed):
        yield f"{name}={after.get(name)!r}, before {before.get(name)!r}"
        if name in before:
            os.environ[name] = before[name]
        else:
            del os.environ[name]


def _files() -> Iterator[str]:
    """Remove what is in the working folder; name it."""
    for file in EMPTY.iterdir():
        yield f"{file.name} in the working folder"
        if file.is_dir() and not file.is_symlink():
            shutil.rmtree(file)
        else:
            file.unlink()
