"""What a run found: printed, and kept where the book's build asks for it."""

import json
from dataclasses import replace

import keras
import pytest

from imgcls_helpers import data, results
from imgcls_helpers.training import Spread


@pytest.fixture
def records(tmp_path, monkeypatch):
    path = tmp_path / "records.jsonl"
    monkeypatch.setenv("IMGCLS_RECORDS", str(path))
    return lambda: [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_finding_is_printed_and_kept(records, capsys):
    results.finding("kernel-flip", "From 94%\n  to 21% — 精确.")
    assert capsys.readouterr().out == "From 94% to 21% — 精确.\n"
    (kept,) = records()
    assert kept["kind"] == "finding" and kept["name"] == "kernel-flip"
    assert kept["sentence"] == "From 94% to 21% — 精确."
    assert kept["budget"] == "smoke" and kept["backend"] and kept["device"]


def test_a_long_finding_is_printed_in_lines_and_kept_in_one(records, capsys):
    sentence = "The kernel-flip cost much. " * 9 + "End."
    results.finding("kernel-flip", sentence)
    lines = capsys.readouterr().out.splitlines()
    assert " ".join(lines) == sentence == records()[0]["sentence"]
    assert len(lines) > 3 and max(map(len, lines)) <= results.WIDTH
    assert not any(line.endswith("-") for line in lines)


def test_without_a_file_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("IMGCLS_RECORDS", raising=False)
    monkeypatch.chdir(tmp_path)
    results.finding("a", "Said.")
    results.model("m", [0.5], data="d", images=1, parameters=0, judged="test")
    assert capsys.readouterr().out == "Said.\n" and not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["", "Kernel", "kernel flip", "a--b", "-a", 3])
def test_a_finding_needs_a_name(name):
    with pytest.raises(ValueError, match=r"lower-case words joined by hyphens"):
        results.finding(name, "Said.")


def test_a_finding_needs_a_sentence():
    with pytest.raises(ValueError, match=r"'a' must be a sentence"):
        results.finding("a", " \n")


def test_a_model_is_kept_with_its_facts(records, capsys):
    net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    digits = replace(data.load_dataset("digits"), notice="Recompressed as JPEG.")
    results.model(
        *(" small net ", Spread([0.5, 0.25])),
        **{"data": digits, "images": 20, "parameters": net, "judged": "validation"},
        **{"epochs": 2, "seconds": [1.0, 3.0]},
    )
    results.model("all", 1.0, data="x", images=1, parameters=0, judged="test")
    assert capsys.readouterr().out == ""
    first, second = records()
    assert first["name"] == "small net" and first["scores"] == [0.5, 0.25]
    assert first["data"] == "digits"
    assert first["notice"] == "Recompressed as JPEG." and second["notice"] == ""
    assert first["parameters"] == 15 and first["seconds"] == 2 and first["epochs"] == 2
    assert second["scores"] == [1.0] and second["seconds"] is second["epochs"] is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": [50.0]}, "shares from 0 to 1.*divided by 100"),
        ({"scores": []}, "shares from 0 to 1"),
        ({"scores": [float("nan")]}, "scores must be finite"),
        ({"scores": {"a": 0.5}}, "scores must be shares from 0 to 1"),
        ({"scores": "0.5"}, "scores must be shares from 0 to 1"),
        ({"name": " "}, "name must be what the model is"),
        ({"name": 3}, "name must be what the model is"),
        ({"data": 3}, "data must be a data set"),
        ({"seconds": [1.0, float("nan")]}, "seconds must be finite"),
        ({"judged": "train"}, "judged must be one of 'validation', 'test'"),
        ({"images": 0}, "images must be a whole number of 1 or more"),
        ({"parameters": -1}, "parameters must be a whole number of 0 or more"),
        ({"epochs": 1.5}, "epochs must be a whole number"),
        ({"seconds": -1.0}, "seconds must be a number of 0 or more"),
    ],
)
def test_a_model_refuses(change, message):
    right = {"name": "net", "scores": [0.5], "data": "d", "images": 5}
    with pytest.raises(ValueError, match=message):
        results.model(**right | {"parameters": 1, "judged": "test"} | change)
