"""A notebook in a Python such as Colab's: it installs the package and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.fresh import copy_of_repository, make_environment, run
from tools.book import Book
from tools.notebooks import convert, notebook_text

# What Colab has, as far as a chapter needs it.
COLAB = (
    *("keras", "tensorflow-cpu", "numpy", "matplotlib", "scikit-learn", "pillow"),
    *("ipykernel", "nbclient", "pip"),
)
WATCHED = ("keras", "numpy", "tensorflow", "matplotlib", "pillow", "scikit-learn")
VERSIONS = """
import importlib.metadata as m, json, sys
found = {}
for name in sys.argv[1:]:
    names = [name, name + "-cpu"]
    found[name] = [d.version for n in names for d in m.distributions(name=n)]
print(json.dumps(found))
"""
RUN = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, timeout=1200, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[1])
"""


@pytest.fixture(scope="module")
def colab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Make an environment without the package; give its Python."""
    folder = tmp_path_factory.mktemp("colab") / "without"
    python = make_environment(folder, *COLAB)
    yield python
    shutil.rmtree(folder, ignore_errors=True)  # a gigabyte, where it is no link


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Make a git repository of the working tree, as it is now."""
    clone = copy_of_repository(tmp_path / "repository")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    run([*git, "init", "-q"], clone)
    run([*git, "add", "-A"], clone)
    run([*git, "-c", "commit.gpgsign=false", "commit", "-q", "-m", "Now"], clone)
    return clone


@pytest.mark.skipif(shutil.which("git") is None, reason="pip needs git for this")
def test_a_notebook_runs_alone(colab: Path, repository: Path, tmp_path: Path) -> None:
    book = Book()
    page = book.chapters[0]
    alone = tmp_path / "alone"
    alone.mkdir()
    notebook = alone / page.path.with_suffix(".ipynb").name
    notebook.write_text(notebook_text(convert(book, page)), encoding="utf-8")

    before = json.loads(run([colab, "-c", VERSIONS, *WATCHED, "imgcls-helpers"], alone))
    assert before.pop("imgcls-helpers") == []
    assert all(before.values())
    run(
        [colab, "-c", RUN, notebook],
        alone,
        IMGCLS_BUDGET="smoke",
        IMGCLS_OFFLINE="1",
        KERAS_HOME=str(tmp_path / "keras"),
        TF_CPP_MIN_LOG_LEVEL="3",
        GIT_CONFIG_COUNT="1",
        GIT_CONFIG_KEY_0=f"url.{repository.as_uri()}.insteadOf",
        GIT_CONFIG_VALUE_0=book.addresses.repository,
    )
    after = json.loads(run([colab, "-c", VERSIONS, *WATCHED, "imgcls-helpers"], alone))
    assert len(after.pop("imgcls-helpers")) == 1
    assert after == before

    where = "import imgcls_helpers as h; print(h.__file__)"
    installed = Path(run([colab, "-c", where], alone).strip())
    assert colab.parent.parent in installed.parents
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in code)
    assert code[-1]["outputs"], "the closing report shows nothing"
