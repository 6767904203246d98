"""The package of NumPy references as a whole."""

import subprocess
import sys

import pytest

from imgcls_helpers import scratch


def test_it_needs_numpy_alone():
    code = (
        "import sys, imgcls_helpers.scratch; "
        "heavy = {'keras', 'matplotlib', 'scipy', 'sklearn', 'PIL', 'tensorflow', "
        "'jax', 'torch'}; print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


BACKWARD = [name for name in vars(scratch) if name.endswith("_backward")]


@pytest.mark.parametrize("name", BACKWARD)
def test_each_way_back_belongs_to_a_way_there(name):
    assert callable(getattr(scratch, name.removesuffix("_backward")))


def test_there_are_ways_back():
    assert len(BACKWARD) >= 13
