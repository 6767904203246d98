"""The package with other backends and versions, and the times that are recorded."""

import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from imgcls_helpers import backend, runtime
from tools import execute, matrix, outputs, places, times


@pytest.fixture
def commands(monkeypatch):
    """Record what would be run; a command that holds a word of `failing` fails."""
    seen, failing = [], []

    def run(command, **environment):
        words = [str(part) for part in command]
        seen.append((words, environment))
        return not any(word in text for word in failing for text in words)

    def ready(folder, name):
        if name in failing:
            raise SystemExit("no network")
        return Path(folder.name)

    def link(python):
        seen.append(([str(python), "finds the checkout"], {}))

    monkeypatch.setattr(matrix, "run", run)
    monkeypatch.setattr(matrix.setup_env, "link", link)
    monkeypatch.setattr(matrix.setup_env, "ready", ready)
    monkeypatch.delenv("IMGCLS_BUDGET")
    return seen, failing


def test_the_packages_tests_need_no_tool():
    paths = [path for folder in matrix.PACKAGE_TESTS for path in folder.glob("*.py")]
    names = {path.name for path in paths}
    assert {"test_data.py", "test_backend.py", "test_main.py"} <= names
    tools = {"test_execute.py", "test_commands.py", "test_wheel.py", "test_smoke.py"}
    assert not names & {*tools, "test_colab.py", "test_matrix.py"}
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^ *(from|import) (tests\.)?tools", text, re.M), path


def test_each_backend_has_its_environment(commands, capsys):
    assert matrix.main(["backends"]) == 0
    seen, _ = commands
    folders = [".venv", ".venv", ".venv-jax", ".venv-jax", ".venv-torch", ".venv-torch"]
    assert [words[0] for words, _ in seen] == folders
    assert [e["KERAS_BACKEND"] for _, e in seen] == [
        name for name in ("tensorflow", "jax", "torch") for _ in range(2)
    ]
    tests, chapters = seen[0], seen[1]
    assert "pytest" in tests[0] and str(matrix.WHEEL) in tests[0]
    assert chapters[0][1:] == ["-m", "tools.execute", "--record"]
    assert chapters[1]["IMGCLS_BUDGET"] == "smoke"
    assert chapters[1]["IMGCLS_OFFLINE"] == "1"
    summary = capsys.readouterr().out.splitlines()[-3:]
    assert [line.split()[:3] for line in summary] == [
        [name, "tests", "passed"] for name in ("tensorflow", "jax", "torch")
    ]
    assert all("chapters passed (smoke, " in line for line in summary)


@pytest.mark.parametrize(
    ("broken", "words", "runs"),
    [
        ("jax", "environment FAILED: no network", 4),
        ("pytest", "tests FAILED", 6),
        ("tools.execute", "chapters FAILED", 6),
    ],
)
def test_a_failure_keeps_nothing_from_running(commands, capsys, broken, words, runs):
    seen, failing = commands
    failing.append(broken)
    assert matrix.main(["backends"]) == 1
    assert len(seen) == runs
    summary = capsys.readouterr().out.splitlines()[-3:]
    assert [line.split()[0] for line in summary] == ["tensorflow", "jax", "torch"]
    assert words in summary[1]
    assert ("FAILED" in summary[2]) == (broken != "jax")


def test_named_chapters_run_alone_at_the_budget_asked_for(commands, monkeypatch):
    monkeypatch.setenv("IMGCLS_BUDGET", "cpu")
    assert matrix.main(["backends", "03", "pooling"]) == 0
    seen, _ = commands
    assert len(seen) == 3
    assert all(words[-2:] == ["03", "pooling"] for words, _ in seen)
    assert seen[0][1]["IMGCLS_BUDGET"] == "cpu"


@pytest.mark.parametrize("which", ["oldest", "newest"])
def test_versions(commands, capsys, which):
    assert matrix.main([which]) == 0
    seen, failing = commands
    lines = [" ".join(words) for words, _ in seen]
    assert "-r pyproject.toml --extra tensorflow" in lines[1]
    assert ("lowest-direct" in lines[1]) == (which == "oldest")
    assert ("--python 3.11 " in lines[0]) == (which == "oldest")
    assert f".venv-{which}" in lines[3] and lines[3].endswith("finds the checkout")
    tests = lines[-1]
    assert f".venv-{which}" in tests and "-m pytest" in tests
    assert str(matrix.WHEEL) not in tests
    failing.append("venv")
    assert matrix.main([which]) == 1
    assert "environment FAILED" in capsys.readouterr().out.splitlines()[-1]


def test_a_command_tells_whether_it_succeeded():
    python = matrix.sys.executable
    code = "import os, sys; sys.exit(os.environ['WANTED'] != os.getcwd())"
    assert matrix.run([python, "-c", code], WANTED=str(matrix.ROOT))
    assert not matrix.run([python, "-c", code], WANTED="elsewhere")


# --- Times --------------------------------------------------------------------------


def an_entry(chapter="01-a", **changes):
    return {"chapter": chapter, "backend": "jax", "budget": "smoke"} | changes


def test_an_entry_takes_the_place_of_the_one_before(tmp_path):
    file = tmp_path / "times.json"
    times.record([an_entry("02-b", seconds=1), an_entry(seconds=2)], file)
    times.record([an_entry(seconds=3), an_entry(budget="cpu", seconds=4)], file)
    found = json.loads(file.read_text())
    assert found == [
        an_entry(budget="cpu", seconds=4),
        an_entry(seconds=3),
        an_entry("02-b", seconds=1),
    ]
    assert len(file.read_text().splitlines()) == 3 + 2  # an entry a line


def test_the_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    file = tmp_path / "times.json"
    times.record([an_entry()], file)
    before = file.read_text()

    def full_disk(*names):
        raise OSError("No space left on device")

    monkeypatch.setattr(places.os, "replace", full_disk)
    with pytest.raises(OSError, match="No space"):
        times.record([an_entry(seconds=1)], file)
    assert file.read_text() == before
    assert list(tmp_path.iterdir()) == [file]


def test_what_passed_and_what_failed_is_recorded(tmp_path, monkeypatch):
    good = tmp_path / "01-good.md"
    head = "---\nkernelspec: {display_name: P, language: python, name: python3}\n---\n"
    good.write_text(f"{head}\n```{{code-cell}} ipython3\nprint(1)\n```\n")
    bad = tmp_path / "02-bad.md"
    bad.write_text(f"{head}\n```{{code-cell}} ipython3\nprint(1 / 0)\n```\n")
    monkeypatch.setattr(execute, "chapters", lambda: [good, bad])
    monkeypatch.setattr(outputs, "KEPT", tmp_path / "cache")
    file = tmp_path / "times.json"
    record = times.record
    monkeypatch.setattr(times, "record", lambda entries: record(entries, file))
    assert execute.main([]) == 1
    assert not file.exists()
    assert execute.main(["--record"]) == 1
    passed, failed = json.loads(file.read_text())
    assert passed["seconds"] > 0 and passed["memory_mb"] > 10
    del passed["seconds"], passed["memory_mb"]
    same = {
        "backend": backend.name(),
        "backend_version": backend.version(),
        "budget": "smoke",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "device": runtime.device(),
        "python": times.platform.python_version(),
    }
    assert passed == {"chapter": "01-good", "outcome": "passed", **same}
    times_unknown = {"seconds": None, "memory_mb": None}
    assert failed == {"chapter": "02-bad", "outcome": "failed", **times_unknown, **same}


def test_the_committed_times_are_of_chapters_that_are_there():
    entries = json.loads(times.TIMES.read_text("utf-8"))
    names = {page.stem for page in execute.chapters()}
    assert entries and {entry["chapter"] for entry in entries} <= names
    assert {entry["outcome"] for entry in entries} <= {"passed", "failed"}


def test_other_environments_are_ignored_by_git():
    paths = [".venv-jax/x", ".venv-oldest/x"]
    command = ["git", "check-ignore", *paths]
    done = subprocess.run(command, cwd=matrix.ROOT, capture_output=True, text=True)
    assert done.returncode == 128 or done.stdout.split() == paths  # 128: no git here
