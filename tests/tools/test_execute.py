"""The chapters' execution: parallel, cached, one line each, failures named."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tools import execute, outputs, surroundings

HEAD = """---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---
# A chapter
"""


def chapter(folder: Path, name: str, code: str, prose: str = "Words.") -> Path:
    path = folder / f"{name}.md"
    path.write_text(f"{HEAD}\n{prose}\n\n```{{code-cell}} ipython3\n{code}\n```\n")
    return path


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setattr(outputs, "KEPT", folder)
    return folder


def failed(pages: list[Path], jobs: int = 1) -> list[Path]:
    """Run chapters; return those that failed."""
    runs = execute.execute(pages, jobs)
    return [page for page in pages if page not in runs]


def output_of(path: Path) -> str:
    """Return what the last cell of a chapter printed in its run that fits."""
    return outputs.find(path).outputs[-1][0]["text"]


def test_prose_runs_nothing_and_code_runs(tmp_path, cache, capsys):
    page = chapter(tmp_path, "01-a", "print(6 * 7)")
    assert failed([page]) == []
    assert output_of(page) == "42\n"
    assert "done" in capsys.readouterr().out
    chapter(tmp_path, "01-a", "print(6 * 7)", prose="Other words.")
    assert failed([page]) == []
    assert "unchanged" in capsys.readouterr().out
    chapter(tmp_path, "01-a", "print(6 * 8)")
    assert failed([page]) == []
    assert "done" in capsys.readouterr().out
    assert output_of(page) == "48\n"


def test_a_failure_is_named_and_the_others_run(tmp_path, cache, capfd):
    bad = chapter(tmp_path, "01-bad", "value = 1 / 0")
    good = chapter(tmp_path, "02-good", "print('fine')")
    assert failed([bad, good], jobs=2) == [bad]
    printed = capfd.readouterr()
    assert "01-bad" in printed.out
    assert "FAILED" in printed.out
    assert "ZeroDivisionError" in printed.err
    assert output_of(good) == "fine\n"
    # What failed is not kept: it runs, and fails, again.
    assert failed([bad, good], jobs=2) == [bad]


def test_a_figure_without_alt_text_fails(tmp_path, cache, capfd):
    code = "import matplotlib.pyplot as plt\nplt.plot([1, 2]);"
    page = chapter(tmp_path, "01-a", code)
    assert failed([page]) == [page]
    assert "alt text" in capfd.readouterr().err


def test_a_chapter_runs_in_an_empty_folder(tmp_path, cache):
    code = "import os\nprint(os.listdir('.'))\nopen('left-behind', 'w').close()"
    page = chapter(tmp_path, "01-a", code)
    assert failed([page]) == []
    assert output_of(page) == "[]\n"
    assert not (tmp_path / "left-behind").exists()


def test_the_environment_is_the_chapters_and_not_the_callers(tmp_path, monkeypatch):
    monkeypatch.delenv("WANTED", raising=False)
    before = dict(os.environ)
    code = "import os\nassert os.environ['WANTED'] == 'here'"
    page = chapter(tmp_path, "01-a", f"{code}\nassert 'IMGCLS_RECORDS' in os.environ")
    assert not execute.run_chapter(page, {"WANTED": "here"}).error
    assert dict(os.environ) == before


def test_chapters_at_a_time_share_the_cores(tmp_path, cache, monkeypatch):
    monkeypatch.setattr(execute.os, "cpu_count", lambda: 4)
    code = "import os\nprint(os.environ['OPENBLAS_NUM_THREADS'])"
    pages = [chapter(tmp_path, name, code + f"  # {name}") for name in ("01-a", "02-b")]
    assert failed(pages, jobs=2) == []
    assert [output_of(page) for page in pages] == ["2\n", "2\n"]


def name_of(path: Path) -> str:
    return outputs.name_of(path, execute.read_chapter(path))


def name_in(path: Path, **environment: str) -> str:
    """Return the name of a chapter's runs as a fresh process works it out."""
    code = "from pathlib import Path; from tools import outputs as o; "
    code += f"p = Path({str(path)!r}); print(o.name_of(p, o.read_chapter(p)))"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        cwd=execute.outputs.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.strip().splitlines()[-1]


def test_outputs_are_of_one_budget(tmp_path):
    page = chapter(tmp_path, "01-a", "print(1)")
    smoke, again = name_in(page), name_in(page)
    assert smoke == again
    assert name_in(page, IMGCLS_BUDGET="cpu") != smoke


def test_data_sets_are_found_in_the_code(tmp_path):
    page = chapter(
        tmp_path, "01-a", 'data.load_dataset("cifar10")', "`load_dataset('mnist')`"
    )
    assert surroundings.datasets_of(page) == {"cifar10"}
    assert "cifar10" in surroundings.datasets_of(execute.chapters()[0])


@pytest.fixture
def forget():
    """Return a function that forgets what is known of the surroundings."""

    def forget() -> None:
        for known in ("fetch", "file_state", "surroundings"):
            getattr(surroundings, known).cache_clear()

    forget()
    yield forget
    forget()


def test_what_stops_every_chapter_is_said(monkeypatch, capfd, forget):
    monkeypatch.setenv("IMGCLS_BUDGET", "large")
    with pytest.raises(SystemExit, match="no chapter can be run"):
        surroundings.surroundings()
    assert "IMGCLS_BUDGET" in capfd.readouterr().err


def test_a_chapter_depends_on_the_data_that_it_loads(tmp_path, monkeypatch, forget):
    monkeypatch.setenv("IMGCLS_DATA", str(tmp_path))
    (tmp_path / "mnist.npz").write_bytes(b"the same")
    names = {}
    for state in (b"one", b"two"):
        (tmp_path / "cifar10.npz").write_bytes(state)
        forget()
        for page, code in (("01-a", "mnist"), ("02-b", "cifar10")):
            path = chapter(tmp_path, page, f"load_dataset('{code}')")
            names.setdefault(page, set()).add(name_of(path))
    assert [len(found) for found in names.values()] == [1, 2]
    (tmp_path / "mnist.txt").write_text("A note.")
    forget()
    assert name_of(tmp_path / "01-a.md") not in names["01-a"]


def test_an_unknown_chapter_is_refused(capsys):
    with pytest.raises(SystemExit):
        execute.main(["no-such-chapter"])
    assert "01-background" in capsys.readouterr().err


RUN_TWO = """
import sys
from pathlib import Path
from tools import execute, outputs
folder = Path(sys.argv[1])
outputs.KEPT = folder / "cache"
if __name__ == "__main__":
    execute.execute(sorted(folder.glob("*.md")), jobs=2)
"""


@pytest.mark.skipif(os.name == "nt", reason="kills by process group")
def test_a_build_that_was_killed_goes_on_where_it_was(tmp_path, cache, capsys):
    first = chapter(tmp_path, "01-quick", "print('once')")
    second = chapter(tmp_path, "02-slow", "import time\ntime.sleep(120)")
    script = tmp_path / "run_two.py"
    script.write_text(RUN_TWO)
    build = subprocess.Popen(
        [sys.executable, script, tmp_path],
        env={**os.environ, "PYTHONPATH": str(outputs.ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    for line in build.stdout:
        if "01-quick" in line:
            break
    os.killpg(build.pid, signal.SIGKILL)
    build.wait()
    build.stdout.close()
    chapter(tmp_path, "02-slow", "print('now quick')")
    assert failed([first, second]) == []
    printed = capsys.readouterr().out
    assert re.search(r"01-quick +unchanged", printed)
    assert re.search(r"02-slow +[\d.]+ s +done", printed)


def test_what_a_chapter_found_is_kept_beside_its_outputs(tmp_path, cache):
    code = "from imgcls_helpers import results\nresults.finding('six', 'It is 42.')"
    page = chapter(tmp_path, "01-a", code)
    assert outputs.find(page) is None
    assert failed([page]) == []
    run = outputs.find(page)
    assert [r["sentence"] for r in run.records] == ["It is 42."]
    assert run.seconds > 0 and run.memory_mb > 10
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", run.date)


def test_each_chapter_has_its_own_memory(tmp_path, cache):
    large = chapter(tmp_path, "01-large", "x = bytearray(b'x' * 500_000_000)")
    small = chapter(tmp_path, "02-small", "x = 1")
    assert failed([large, small]) == []
    large, small = (outputs.find(page).memory_mb for page in (large, small))
    assert large > 450 > small


# What a chapter depends on ------------------------------------------------------------

MODULES = {
    "__init__": "",
    "data/__init__": "from imgcls_helpers.data._read import VALUE",
    "data/_read": "VALUE = 1",
    "plots": "def show(): print('a plot')",
    "checks/__init__": (
        "import importlib\n"
        "def check(number):\n"
        "    importlib.import_module(f'imgcls_helpers.checks.c{number}')"
    ),
    "checks/c1": "",
    "checks/c2": "",
}
USES = {
    "01-first": "from imgcls_helpers import checks, data\nchecks.check(1)",
    "02-second": "from imgcls_helpers import plots\nplots.show()",
    "03-third": "from imgcls_helpers import checks\nchecks.check(2)",
    "04-alone": "print('alone')",
}


@pytest.fixture
def small_house(tmp_path, monkeypatch, cache):
    """Return a package of its own, and chapters that use parts of it."""
    package = tmp_path / "house" / "imgcls_helpers"
    for name, text in MODULES.items():
        path = package / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(outputs, "PACKAGE", package)
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # two changes within a second
    (tmp_path / "book").mkdir()
    pages = [chapter(tmp_path / "book", name, code) for name, code in USES.items()]
    return package, pages


def test_a_change_runs_the_chapters_that_loaded_what_changed(small_house, capsys):
    package, pages = small_house
    surroundings.surroundings()  # of the real package

    def ran() -> list[str]:
        assert failed(pages, jobs=4) == []
        return re.findall(r"^  (\d\d)-\S+ .* done$", capsys.readouterr().out, re.M)

    assert sorted(ran()) == ["01", "02", "03", "04"]
    assert ran() == []
    for name, which in {
        "checks/c1": ["01"],
        "checks/c2": ["03"],
        "plots": ["02"],
        "data/_read": ["01"],
        "checks/__init__": ["01", "03"],
        "__init__": ["01", "02", "03"],
    }.items():
        path = package / f"{name}.py"
        before = path.read_text()
        path.write_text(before + "\nOTHER = 1\n")
        assert sorted(ran()) == which, name
        assert ran() == [], name
        # Taken back, the outputs from before are found again.
        path.write_text(before)
        assert ran() == [], name
    (package / "new.py").write_text("")
    assert ran() == []


def test_a_module_that_changes_while_it_is_used_fits_no_state():
    before = outputs.package_state()
    name = "imgcls_helpers.shapes"
    found = outputs.loaded([name, "imgcls_helpers.plots"], {**before, name: "other"})
    assert found["imgcls_helpers.plots"] == before["imgcls_helpers.plots"]
    assert found[name] not in (before[name], "other")
    assert len(found) == 2


def test_a_check_loads_the_exercises_of_its_chapter_alone(tmp_path, cache):
    code = "from imgcls_helpers.checks import check\ncheck('3.1', ...)\n"
    page = chapter(tmp_path, "01-a", code)
    assert failed([page]) == []
    modules = outputs.find(page).modules
    of_chapters = [name for name in modules if ".checks." in name and "._" not in name]
    assert of_chapters == ["imgcls_helpers.checks.convolution"]
    assert "imgcls_helpers.training" not in modules


def test_the_oldest_runs_go(tmp_path, cache, monkeypatch):
    monkeypatch.setattr(outputs, "KEEP", 2)
    for number in range(3):
        page = chapter(tmp_path, "01-a", f"print({number})")
        assert failed([page]) == []
    assert len(list((cache / "01-a").iterdir())) == 2
    assert output_of(page) == "2\n"


def test_a_picture_that_lost_its_alt_text_is_found(tmp_path, cache, capfd):
    code = (
        "---\nmystnb:\n  image: {alt: A line that rises from left to right.}\n"
        "  figure: {caption: A line., name: fig-a}\n---\n"
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]);"
    )
    page = chapter(tmp_path, "01-a", code)
    assert failed([page]) == []
    text = page.read_text()
    page.write_text(text.replace("A line that rises from left to right.", "''"))
    assert failed([page]) == [page]
    assert "alt text" in capfd.readouterr().err
    page.write_text(text)
    assert failed([page]) == []


# What is shown meanwhile --------------------------------------------------------------


def test_a_chapter_counts_its_cells(tmp_path, cache):
    page = chapter(tmp_path, "01-a", "x = 1\n```\n\n```{code-cell} ipython3\nx += 1")
    counted = []
    assert not execute.run_chapter(page, {}, lambda: counted.append(1)).error
    assert len(counted) == 2


def test_the_time_expected_is_the_last_runs(tmp_path, cache, monkeypatch):
    page = chapter(tmp_path, "01-a", "print(1)")
    assert execute.expected_seconds(page) is None
    here = surroundings.surroundings()
    entry = {
        "chapter": "01-a",
        "seconds": 60.0,
        "budget": here["budget"],
        "backend": here["backend"],
    }
    monkeypatch.setattr(execute.times, "read_times", lambda: [entry])
    assert execute.expected_seconds(page) == 60.0
    assert failed([page]) == []
    chapter(tmp_path, "01-a", "print(2)")
    assert execute.expected_seconds(page) == outputs.latest(page).seconds != 60.0
