"""The environment: a checkout can be copied, moved, and lie under any name."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.fresh import checkout, run
from tests.tools.test_execute import chapter
from tools import setup_env
from tools.places import ROOT

# Makes the environment of a checkout from links to the packages of the tests, and two
# commands in it as installers write them: for short names, and for long ones.
SET_UP = """
import sys, sysconfig
from pathlib import Path
sys.path.insert(0, "tools")
import setup_env

def install(python, *what):
    print("installing", *(Path(word).name for word in what))
    base = {"base": str(python.parent.parent)}
    for kind, part in {"purelib": "", "data": "share"}.items():
        new = Path(sysconfig.get_path(kind, "venv", base), part)
        new.mkdir(exist_ok=True)
        for path in Path(sysconfig.get_path(kind), part).iterdir():
            if path.suffix != ".pth":
                (new / path.name).symlink_to(path)
    for name, start in {"short": SHORT, "long": LONG}.items():
        path = python.parent / name
        path.write_text(f"{start.format(python)}\\nimport sys\\nprint(sys.prefix)\\n")
        path.chmod(0o755)
    (python.parent / "__pycache__").mkdir()
    setup_env.unbind(python.parent)

SHORT = "#!{}"
LONG = "#!/bin/sh\\n'''exec' \\"{}3\\" \\"$0\\" \\"$@\\"\\n' '''"
create = setup_env.venv.create
setup_env.venv.create = lambda folder, with_pip=False, **rest: create(folder, **rest)
setup_env.install = install
setup_env.main()
"""
TOC = "format: jb-book\nroot: index\nchapters:\n  - file: 01-a\n"
CODE = "import sys, imgcls_helpers\nprint(imgcls_helpers.__version__, sys.prefix)"
MADE = "Making the environment in .venv (once; a minute) ...\n"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="makes links")


def set_up(root: Path) -> str:
    """Set a checkout up, if need be; return what is said."""
    return run([sys.executable, "-c", SET_UP], root)


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    """Set up a checkout of one chapter with the real tools and package."""
    root = tmp_path_factory.mktemp("checkouts") / "original"
    without = shutil.ignore_patterns("__pycache__")
    for name in ("tools", "imgcls_helpers"):
        shutil.copytree(ROOT / name, root / name, ignore=without)
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, root / name)
    (root / "_toc.yml").write_text(TOC)
    chapter(root, "01-a", CODE)
    assert set_up(root) == f"{MADE}installing -r requirements.txt\n"
    assert set_up(root) == ""
    return root


@pytest.fixture
def copy(original, tmp_path) -> Path:
    """Give a copy under a name that is hard to write."""
    return shutil.copytree(original, tmp_path / "a copy, né 中", symlinks=True)


def printed_by(command: str, root: Path, **environment: str) -> str:
    """Run a command of the environment in the C locale; return what it printed."""
    return run([root / ".venv/bin" / command], root, LC_ALL="C", **environment).strip()


def make_setup(root: Path, python: Path | str = sys.executable) -> str:
    """Run ``make setup`` in the C locale, where nothing can be installed."""
    offline = {"UV_OFFLINE": "1", "PIP_NO_INDEX": "1", "LC_ALL": "C"}
    command = ["make", "--no-print-directory", "setup", f"PYTHON={python}"]
    return run(command, root, **offline)


def run_chapter(root: Path) -> tuple[str, set[str]]:
    """Run the chapter; return the outcome, and what the kept outputs have printed."""
    # A user's own kernel of the same name, as Jupyter installs it for a user.
    kernel = root.parent / "of a user/kernels/python3/kernel.json"
    kernel.parent.mkdir(parents=True, exist_ok=True)
    kernel.write_text('{"argv": ["false"], "display_name": "P", "language": "python"}')
    user = str(kernel.parents[2])
    said = run(
        [root / ".venv/bin/python", "-m", "tools.execute"],
        root,
        LC_ALL="C",
        JUPYTER_DATA_DIR=user,
        JUPYTER_PATH=user,
    )
    (line,) = (line for line in said.splitlines() if " 01-a" in line)
    outputs = set()
    for path in (root / "_build/executed").rglob("*.json"):
        cells = json.loads(path.read_text("utf-8"))["outputs"]
        outputs |= {output["text"] for cell in cells for output in cell}
    return line.split()[-1], outputs


def test_a_copy_runs_its_own_code(original, copy):
    outcome, before = run_chapter(original)
    assert outcome == "done" and before == {f"0.1.0 {original}/.venv\n"}
    shutil.copytree(original / "_build", copy / "_build", dirs_exist_ok=True)
    version = copy / "imgcls_helpers/__init__.py"
    text = version.read_text("utf-8")
    version.write_text(text.replace('"0.1.0"', '"0.1.0.copied"'), "utf-8")
    outcome, after = run_chapter(copy)
    assert outcome == "done"
    assert after - before == {f"0.1.0.copied {copy}/.venv\n"}
    # The original has not changed, and neither have its outputs.
    assert run_chapter(original) == ("unchanged", before)


def test_a_copy_is_set_up_at_once(copy):
    assert make_setup(copy) == ""
    assert printed_by("short", copy) == printed_by("long", copy) == f"{copy}/.venv"


def test_a_copy_under_another_name_once_the_original_is_gone(original, copy):
    moved = copy.rename(copy.with_name("moved"))
    assert original.name not in printed_by("short", moved)
    assert make_setup(moved) == ""
    script = ". .venv/bin/activate && command -v python"
    assert run(["sh", "-c", script], moved).strip() == f"{moved}/.venv/bin/python"
    # From elsewhere, where Python finds nothing beside it.
    code = "import imgcls_helpers as p; print(p.__file__)"
    found = run([moved / ".venv/bin/python", "-c", code], moved.parent, LC_ALL="C")
    assert Path(found.strip()).parent == moved / "imgcls_helpers"


@pytest.mark.parametrize("python", ["python3", "with spaces/python3"])
def test_any_python_can_be_named(copy, tmp_path, python):
    named = tmp_path / python
    named.parent.mkdir(exist_ok=True)
    named.symlink_to(Path(sys.executable).resolve())
    assert make_setup(copy, named) == ""


def test_what_a_user_keeps_for_other_programs_stays_outside(copy, original):
    more = copy / "more.mk"
    more.write_text('show: ; @echo "[$$PYTHONPATH$$PYTHONHOME]" "$$PYTHONUTF8"\n')
    command = ["make", "-f", "Makefile", "-f", more, "show"]
    others = {"PYTHONPATH": str(original), "PYTHONHOME": str(original)}
    assert run(command, copy, **others) == "[] 1\n"


def remove_python(root: Path) -> None:
    (root / ".venv/bin/python").unlink()


def install_the_package(root: Path) -> None:
    (packages,) = root.glob(".venv/lib/python*/site-packages")
    shutil.copytree(root / "imgcls_helpers", packages / "imgcls_helpers")


def remove_the_link(root: Path) -> None:
    (link,) = root.glob(".venv/lib/python*/site-packages/_checkout.pth")
    link.unlink()


@pytest.mark.parametrize(
    "damage", [remove_python, install_the_package, remove_the_link]
)
def test_an_environment_that_does_not_work_is_made_anew(copy, damage):
    damage(copy)
    said = set_up(copy)
    assert said.startswith(f"The environment in .venv does not work here.\n{MADE}")
    assert set_up(copy) == ""


def test_a_place_where_python_takes_no_environment_is_named(tmp_path):
    root = tmp_path / "a:b"
    (root / "tools").mkdir(parents=True)
    shutil.copy(setup_env.__file__, root / "tools")
    done = subprocess.run(
        [sys.executable, root / "tools/setup_env.py"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Move the checkout") and "':'" in done.stderr


def test_this_environment_names_no_place():
    folder = Path(sys.prefix)
    if folder != setup_env.VENV:
        pytest.skip("the tests run in another environment")
    (packages,) = folder.glob("lib/python*/site-packages")
    files = [folder / "made-from.txt", *packages.glob("*.pth")]
    files += [*packages.glob("*.dist-info/direct_url.json"), *folder.glob("share/**/*")]
    files += [path for path in folder.glob("bin/*") if "activate" not in path.name]
    assert len(files) > 50
    here = os.fsencode(ROOT)
    assert [f for f in files if f.is_file() and here in f.read_bytes()] == []


def test_a_book_is_made_under_any_name_and_stays_made_elsewhere(tmp_path):
    root = tmp_path / 'né 中\'s "x" $HOME %41 #1'
    root.mkdir()
    checkout(root, 1)
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(ROOT / name, root / name)
    set_up(root)
    command = ["make", "book", f"PYTHON={sys.executable}"]
    options = {"LC_ALL": "C", "IMGCLS_BUDGET": "smoke", "IMGCLS_OFFLINE": "1"}
    assert f"The book is in {root}" in run(command, root, **options)
    moved = root.rename(tmp_path / "moved")
    assert f"Nothing has changed: the book is in {moved}" in run(
        command, moved, **options
    )
    (page,) = (moved / "_build/html/book").glob("*.html")
    assert "The sum is" in page.read_text("utf-8")
