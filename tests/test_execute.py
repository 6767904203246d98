"""The chapters' execution: parallel, cached, one line each, failures named."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from jupyter_cache import get_cache

from tools import execute

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
    monkeypatch.setattr(execute, "cache_folder", lambda: folder)
    return folder


def output_of(path: Path) -> str:
    notebook = execute.read_chapter(path)
    _, notebook = get_cache(execute.cache_folder()).merge_match_into_notebook(notebook)
    return notebook.cells[-1].outputs[0].text


def test_prose_runs_nothing_and_code_runs(tmp_path, cache, capsys):
    page = chapter(tmp_path, "01-a", "print(6 * 7)")
    assert execute.execute([page], jobs=1) == []
    assert output_of(page) == "42\n"
    assert "done" in capsys.readouterr().out
    chapter(tmp_path, "01-a", "print(6 * 7)", prose="Other words.")
    assert execute.execute([page], jobs=1) == []
    assert "unchanged" in capsys.readouterr().out
    chapter(tmp_path, "01-a", "print(6 * 8)")
    assert execute.execute([page], jobs=1) == []
    assert "done" in capsys.readouterr().out
    assert output_of(page) == "48\n"


def test_a_failure_is_named_and_the_others_run(tmp_path, cache, capfd):
    bad = chapter(tmp_path, "01-bad", "value = 1 / 0")
    good = chapter(tmp_path, "02-good", "print('fine')")
    assert execute.execute([bad, good], jobs=2) == [bad]
    printed = capfd.readouterr()
    assert "01-bad" in printed.out
    assert "FAILED" in printed.out
    assert "ZeroDivisionError" in printed.err
    assert output_of(good) == "fine\n"
    # What failed is not kept: it runs, and fails, again.
    assert execute.execute([bad, good], jobs=2) == [bad]


def test_a_figure_without_alt_text_fails(tmp_path, cache, capfd):
    code = "import matplotlib.pyplot as plt\nplt.plot([1, 2]);"
    page = chapter(tmp_path, "01-a", code)
    assert execute.execute([page], jobs=1) == [page]
    assert "alt text" in capfd.readouterr().err


def test_a_chapter_runs_in_an_empty_folder(tmp_path, cache):
    code = "import os\nprint(os.listdir('.'))\nopen('left-behind', 'w').close()"
    page = chapter(tmp_path, "01-a", code)
    assert execute.execute([page], jobs=1) == []
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
    assert execute.execute(pages, jobs=2) == []
    assert [output_of(page) for page in pages] == ["2\n", "2\n"]


def folder_name(**environment: str) -> str:
    """Return the cache folder's name as a fresh process sees it."""
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            "from tools import execute as e; print(e.cache_folder())",
        ],
        env={**os.environ, **environment},
        cwd=execute.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.strip().splitlines()[-1]


def test_the_cache_is_named_by_the_budget():
    smoke, again = folder_name(), folder_name()
    assert smoke == again
    assert folder_name(IMGCLS_BUDGET="cpu") != smoke


def test_a_change_of_the_package_is_seen(tmp_path):
    (tmp_path / "checks").mkdir()
    module = tmp_path / "checks" / "background.py"
    module.write_text("A = 1\n")
    before = execute.package_state(tmp_path)
    assert before == execute.package_state(tmp_path)
    module.write_text("A = 2\n")
    assert execute.package_state(tmp_path) != before
    assert "data/_load.py" in execute.package_state()


def test_data_sets_are_found_in_the_code():
    page = next(iter(execute.chapters()))
    assert "cifar10" in execute.datasets_of(execute.read_chapter(page))


def test_an_unknown_chapter_is_refused(capsys):
    with pytest.raises(SystemExit):
        execute.main(["no-such-chapter"])
    assert "01-background" in capsys.readouterr().err


RUN_TWO = """
import sys
from pathlib import Path
from tools import execute
folder = Path(sys.argv[1])
execute.cache_folder = lambda: folder / "cache"
if __name__ == "__main__":
    execute.execute(sorted(folder.glob("*.md")), jobs=1)
"""


@pytest.mark.skipif(os.name == "nt", reason="kills by process group")
def test_a_build_that_was_killed_goes_on_where_it_was(tmp_path, cache, capsys):
    first = chapter(tmp_path, "01-quick", "print('once')")
    second = chapter(tmp_path, "02-slow", "import time\ntime.sleep(120)")
    script = tmp_path / "run_two.py"
    script.write_text(RUN_TWO)
    build = subprocess.Popen(
        [sys.executable, script, tmp_path],
        env={**os.environ, "PYTHONPATH": str(execute.ROOT)},
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
    assert execute.execute([first, second], jobs=1) == []
    printed = capsys.readouterr().out
    assert re.search(r"01-quick +unchanged", printed)
    assert re.search(r"02-slow +[\d.]+ s +done", printed)


def test_what_a_chapter_found_is_kept_beside_its_outputs(tmp_path, cache):
    code = "from imgcls_helpers import results\nresults.finding('six', 'It is 42.')"
    page = chapter(tmp_path, "01-a", code)
    assert execute.kept(page) is None
    assert execute.execute([page], jobs=1) == []
    found = execute.kept(page)
    assert [r["sentence"] for r in found["records"]] == ["It is 42."]
    assert found["execution_seconds"] > 0 and found["memory_mb"] > 10
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", found["date"])


def test_each_chapter_has_its_own_memory(tmp_path, cache):
    large = chapter(tmp_path, "01-large", "x = bytearray(b'x' * 500_000_000)")
    small = chapter(tmp_path, "02-small", "x = 1")
    assert execute.execute([large, small], jobs=1) == []
    large, small = (execute.kept(page)["memory_mb"] for page in (large, small))
    assert large > 450 > small


def test_a_build_shows_what_it_ran(tmp_path, monkeypatch):
    monkeypatch.setenv("IMGCLS_OUTPUTS", str(tmp_path / "made-by-this-build"))
    execute.cache_folder.cache_clear()
    try:
        assert execute.cache_folder() == tmp_path / "made-by-this-build"
    finally:
        monkeypatch.undo()
        execute.cache_folder.cache_clear()


def test_outputs_that_jupyter_book_made_itself_have_no_records(tmp_path, cache):
    page = chapter(tmp_path, "01-a", "print(1)")
    notebook = execute.read_chapter(page)
    bundle = execute.CacheBundleIn(notebook, str(page), data={"execution_seconds": 1})
    get_cache(cache).cache_notebook_bundle(bundle, check_validity=False)
    assert execute.kept(page) is None
