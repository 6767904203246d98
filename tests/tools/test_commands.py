"""The commands, the lock and the workflows fit together."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text()
    return set(re.findall(r"^([a-z-]+):.*##", makefile, flags=re.MULTILINE))


def test_help_lists_the_targets():
    command = ["make", "--no-print-directory", "help"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    listed = {line.split()[0] for line in run.stdout.splitlines()[1:]}
    assert listed == targets()
    assert {"book", "test", "notebooks", "lock", "serve", "clean"} <= listed


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_step_of_a_workflow_is_a_make_target(path):
    workflow = yaml.safe_load(path.read_text())
    steps = [s for job in workflow["jobs"].values() for s in job["steps"]]
    commands = [step["run"].split() for step in steps if "run" in step]
    made = {words[1] for words in commands if words[0] == "make"}
    assert made <= targets()
    assert {words[0] for words in commands} <= {"make", "git"}


def test_the_lock_is_exact_and_holds_no_address():
    lock = (ROOT / "requirements.txt").read_text()
    lines = [line for line in lock.splitlines() if line and line[0] not in "# "]
    assert len(lines) > 100
    assert all(re.match(r"[\w.-]+==[\w.+-]+( ; .+)?$", line) for line in lines)
    assert "://" not in lock


def test_the_package_leaves_newer_versions_alone():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    bounds = [*project["dependencies"], *extras["tensorflow"]]
    bounds += [*extras["jax"], *extras["torch"]]
    assert all(re.match(r"[\w-]+>=[\d.]+(;.*)?$", bound) for bound in bounds), bounds


def test_the_environment_for_conda_is_the_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip,) = (d["pip"] for d in environment["dependencies"] if isinstance(d, dict))
    assert pip == ["-r requirements.txt", "-e ."]


def test_readme_names_the_two_commands_first():
    head = (ROOT / "README.md").read_text()[:400]
    assert "make book" in head
    assert "make test" in head
