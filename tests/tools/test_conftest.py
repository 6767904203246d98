"""What the root's conftest.py does around each test, and the seed that it prints."""

import os
import random
import sys
from pathlib import Path

import hypothesis.core
import keras
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

import conftest


@pytest.fixture
def outcome(pytester, monkeypatch):
    """Return a function that runs tests as this suite does, in this process."""
    seed = hypothesis.core.global_force_seed  # the runs in here have their own
    monkeypatch.setattr(hypothesis.core, "global_force_seed", seed)

    def run(code, *options):
        path = pytester.makepyfile(code)
        return pytester.runpytest_inprocess(path, *options, plugins=[conftest])

    return run


def test_who_changes_the_environment_is_refused_by_name(outcome, monkeypatch):
    monkeypatch.setenv("OLD", "as it was")
    code = """
        import os

        def test_adds():
            os.environ["NEW"] = "1"

        def test_changes():
            os.environ["OLD"] = "2"

        def test_removes():
            del os.environ["OLD"]

        def test_nothing(monkeypatch):
            assert os.environ["OLD"] == "as it was" and "NEW" not in os.environ
            monkeypatch.setenv("OLD", "3")
    """
    result = outcome(code)
    result.assert_outcomes(passed=4, errors=3)
    for name, left in {
        "adds": "NEW='1', before None",
        "changes": "OLD='2', before 'as it was'",
        "removes": "OLD=None, before 'as it was'",
    }.items():
        where = f"*ERROR at teardown of test_{name} *"
        result.stdout.fnmatch_lines([where, f"The test left behind: {left}"])
    assert os.environ["OLD"] == "as it was" and "NEW" not in os.environ


def test_who_leaves_a_file_is_refused_by_name(outcome):
    code = """
        import os
        from pathlib import Path

        def test_writes():
            assert os.listdir() == []
            Path("file").touch()
            Path("folder").mkdir()

        def test_leaves(tmp_path, monkeypatch):
            assert os.listdir() == []
            os.chdir(tmp_path)
            Path("elsewhere").touch()
    """
    result = outcome(code)
    result.assert_outcomes(passed=2, errors=1)
    where = "*ERROR at teardown of test_writes *"
    result.stdout.fnmatch_lines([where, "The test left behind: file in *; folder in *"])


def test_an_example_is_held_to_it_too(outcome):
    code = '''
        """
        >>> import os
        >>> os.environ["NEW"] = "1"
        """
    '''
    result = outcome(code, "--doctest-modules")
    result.assert_outcomes(passed=1, errors=1)


def test_what_a_test_sets_is_put_back():
    for _ in range(2):
        with conftest.as_it_was():
            assert keras.layers.Flatten().name == "flatten"
            assert keras.config.dtype_policy().name == "float32"
            assert keras.config.floatx() == "float32"
            assert keras.config.epsilon() == 1e-7
            assert keras.config.image_data_format() == "channels_last"
            assert matplotlib.rcParams["font.size"] == 10
            assert plt.get_fignums() == []
            assert np.geterr()["over"] == "warn"
            assert np.get_printoptions()["precision"] == 8
            assert "left" not in sys.path
            keras.config.set_floatx("float16")
            keras.config.set_epsilon(1.0)
            keras.config.set_image_data_format("channels_first")
            keras.config.set_dtype_policy("mixed_bfloat16")
            matplotlib.rcParams["font.size"] = 3
            plt.figure()
            np.seterr(all="raise")
            np.set_printoptions(precision=1)
            sys.path.append("left")


DRAWN = []


@pytest.mark.parametrize("time", ["first", "second"])
def test_each_test_draws_numbers_of_its_own(time):
    pytest.importorskip("pytest_randomly")
    drawn = random.random(), np.random.rand(), float(keras.random.normal(()))  # noqa: NPY002
    assert not set(drawn) & set(DRAWN)
    DRAWN.extend(drawn)
    keras.utils.set_random_seed(0)


ORDER = """
    import random
    import pytest
    from hypothesis import given, settings, strategies

    @pytest.mark.parametrize("number", range(20))
    def test_it(number):
        print(f"drawn: {number} {random.random()}")

    @settings(max_examples=5, database=None)
    @given(strategies.integers())
    def test_by_hypothesis(number):
        print(f"drawn: {number}")

    def test_fails():
        assert False
"""


def test_one_seed_repeats_a_run_and_is_printed_twice(pytester, monkeypatch):
    pytest.importorskip("pytest_randomly")
    monkeypatch.setenv("PYTHONPATH", str(Path(conftest.__file__).parent))
    path = pytester.makepyfile(ORDER)

    def lines(*options):
        # Another process: pytester forgets what is imported while a run lasts.
        run = pytester.runpytest_subprocess(path, "-p", "conftest", "-qs", *options)
        seen = run.stdout.str().splitlines()
        return [[line for line in seen if word in line] for word in ("drawn: ", "SEED")]

    drawn, seeds = lines()
    assert len(drawn) == 25
    (seed,) = {line.rpartition("SEED=")[2] for line in seeds}
    assert [len(seeds), seeds[0][:5], seeds[1][:5]] == [2, "Order", "Again"]
    assert lines(f"--randomly-seed={seed}") == [drawn, seeds]
    assert lines(f"--randomly-seed={int(seed) ^ 1}")[0] != drawn
