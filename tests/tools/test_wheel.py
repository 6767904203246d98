"""The package alone: built, installed where nothing else is, and used from there.

With the backend that the tests run with; `make test-backends` runs this for each.
"""

from __future__ import annotations

import re
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from imgcls_helpers import backend
from tests.tools.fresh import copy_of_repository, make_environment, run
from tests.tools.tiny_book import tracked_files
from tools.places import ROOT

IMPORT_ALL = """
import importlib, pkgutil, imgcls_helpers
print("module", imgcls_helpers.__file__)
for module in pkgutil.walk_packages(imgcls_helpers.__path__, "imgcls_helpers."):
    if not any(part.startswith("_") for part in module.name.split(".")):
        importlib.import_module(module.name)
        print("module", module.name)
"""
OPTIONS = {"IMGCLS_BUDGET": "smoke", "IMGCLS_OFFLINE": "1", "MPLBACKEND": "agg"}


def sources() -> set[str]:
    """Return the package's files, as the repository has them."""
    paths = {path.relative_to(ROOT).as_posix() for path in tracked_files()}
    return {path for path in paths if path.startswith("imgcls_helpers/")}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build wheel and sdist from a clean copy; give the folder that holds them."""
    folder = tmp_path_factory.mktemp("built")
    python = make_environment(folder / "builder", "hatchling")
    copy = copy_of_repository(folder / "copy")
    run([python, "-m", "hatchling", "build", "-d", folder / "dist"], copy)
    return folder / "dist"


def test_the_wheel_holds_the_package_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    about = {name for name in names if ".dist-info/" in name}
    assert names - about == sources()
    assert {Path(name).name for name in about} == {
        *("METADATA", "WHEEL", "RECORD", "LICENSE")
    }


def test_the_source_distribution_too(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    about = {"PKG-INFO", "pyproject.toml", "README.md", "LICENSE", ".gitignore"}
    assert names == sources() | about


def test_the_package_works_alone(built: Path, tmp_path: Path) -> None:
    """One test, since it is the environment that takes time."""
    (wheel,) = built.glob("*.whl")
    name = f"imgcls-helpers[{backend.name()}] @ {wheel.as_uri()}"
    python = make_environment(tmp_path / "alone", name)
    folder = tmp_path / "elsewhere"
    folder.mkdir()

    # What a reader sees first.
    report = run([python, "-m", "imgcls_helpers"], folder, **OPTIONS)
    chosen = rf"^Backend +{backend.name()} .*, the first installed of"
    assert re.search(chosen, report, re.M), report
    assert re.search(r"^Keras +3\.\d+\.\d+ computes$", report, re.M), report
    assert "DOES NOT WORK" not in report and "Missing" not in report, report

    # Every public module, then the examples, each of which begins with its imports.
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```python\n(.*?)^```", readme, re.M | re.S)
    assert len(examples) >= 3
    script = folder / "examples.py"
    script.write_text("\n".join([IMPORT_ALL, *examples]), encoding="utf-8")
    printed = run([python, script], folder, **OPTIONS)
    where, *modules = re.findall(r"^module (\S+)$", printed, re.M)
    assert python.parent.parent in Path(where).parents
    code = [path for path in sources() if path.endswith(".py")]
    public = [path for path in code if not re.search("/_(?!_init)", path)]
    names = {path.removesuffix(".py").removesuffix("/__init__") for path in public}
    assert set(modules) == {n.replace("/", ".") for n in names - {"imgcls_helpers"}}
    # The last example trains a network and judges it.
    accuracy = re.search(r"accuracy\W+([\d.]+)%", printed, re.I)
    assert accuracy and float(accuracy[1]) > 80, printed
    shutil.rmtree(tmp_path / "alone")  # a gigabyte, where it is no link
