"""Budget, device, seeds and the closing report."""

import random
import subprocess
import sys
import types

import numpy as np
import pytest

from imgcls_helpers import backend, runtime


@pytest.mark.parametrize("wanted", ["smoke", "cpu", "gpu"])
def test_the_environment_sets_the_budget(monkeypatch, wanted):
    monkeypatch.setenv("IMGCLS_BUDGET", wanted)
    assert runtime.budget() == wanted
    assert runtime.by_budget(smoke="smoke", cpu="cpu", gpu="gpu") == wanted


@pytest.mark.parametrize(("found", "expected"), [(None, "cpu"), ("A GPU", "gpu")])
def test_without_it_the_device_does(monkeypatch, found, expected):
    monkeypatch.setenv("IMGCLS_BUDGET", "")
    monkeypatch.setattr(backend, "accelerator", lambda: found)
    assert runtime.budget() == expected


def test_an_unknown_budget_is_refused(monkeypatch):
    monkeypatch.setenv("IMGCLS_BUDGET", "tiny")
    words = "IMGCLS_BUDGET must be one of 'smoke', 'cpu', 'gpu'; got 'tiny'"
    with pytest.raises(ValueError, match=words):
        runtime.budget()


def test_device(monkeypatch):
    monkeypatch.setattr(backend, "accelerator", lambda: "NVIDIA H200")
    assert runtime.device() == "GPU: NVIDIA H200"
    monkeypatch.setattr(backend, "accelerator", lambda: None)
    monkeypatch.setattr(runtime, "_cores", lambda: 1)
    assert runtime.device().startswith("CPU: 1 core, ")


def test_set_seed_seeds_all_three():
    import keras

    def draw():
        runtime.set_seed(7)
        dense = keras.layers.Dense(2)
        dense.build((None, 3))
        drawn = keras.ops.convert_to_numpy(keras.random.uniform((3,))).tolist()
        kernel = dense.get_weights()[0].tolist()
        return random.random(), np.random.rand(), kernel, drawn  # noqa: NPY002

    first, second = draw(), draw()
    assert first == second
    runtime.set_seed(np.int64(8))
    assert random.random() != first[0]


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_set_seed_refuses_what_is_out_of_range(seed):
    with pytest.raises(
        ValueError, match=f"seed must be .* from 0 to 4294967295; got {seed}"
    ):
        runtime.set_seed(seed)


@pytest.mark.parametrize("seed", [1.0, "1", None, True])
def test_set_seed_refuses_other_types(seed):
    with pytest.raises(TypeError, match="seed must be a whole number"):
        runtime.set_seed(seed)


def dataset(notice=""):
    return types.SimpleNamespace(name="a<b", source="the cache", notice=notice)


def test_report_rows(monkeypatch):
    monkeypatch.setenv("IMGCLS_BUDGET", "cpu")
    clock = types.SimpleNamespace(perf_counter=lambda: runtime._STARTED + 100)
    monkeypatch.setattr(runtime, "time", clock)
    found = runtime.report(dataset(), dataset("Fallback!"))
    rows = dict(found.rows)
    assert rows["Backend"] == backend.name()
    assert rows["Budget"] == "cpu (set IMGCLS_BUDGET to smoke or gpu to change it)"
    assert rows["Time"].startswith("100 s")
    assert f"numpy {np.__version__}" in rows["Packages"]
    assert f"{backend.name()} {backend.version()}" in rows["Packages"]
    data = [value for what, value in found.rows if what == "Data"]
    assert data == ["a<b: the cache", "a<b: the cache. Fallback!"]


def test_report_displays():
    found = runtime.report(dataset())
    lines = repr(found).splitlines()
    assert len(lines) == len(found.rows)
    assert {line.index(v) for line, (_, v) in zip(lines, found.rows, strict=True)} == {
        10
    }
    as_html = found._repr_html_()
    assert "a&lt;b" in as_html
    assert as_html.count('<th scope="row"') == len(found.rows)
    assert "color" not in as_html  # readable on light and on dark pages


def test_report_refuses_what_is_no_data_set():
    with pytest.raises(TypeError, match=r"must be data sets.*; got an array"):
        runtime.report(np.ones(3))


def test_report_imports_neither_keras_nor_a_backend_on_a_cpu():
    script = """
import sys
from imgcls_helpers import backend, runtime
backend._accelerator_possible = lambda: False
runtime.report()
print({"keras", "tensorflow", "jax", "torch"} & set(sys.modules))
"""
    out = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert out.stdout == "set()\n"
