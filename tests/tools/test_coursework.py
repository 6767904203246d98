"""Assignments: what students get, and what the grader makes of their answers."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import tempfile
import zipfile
from pathlib import Path

import matplotlib
import nbformat
import numpy as np
import pytest
from otter.run import capture_run_output
from otter.run import main as otter_run
from otter.test_files import ExceptionTestFile

from imgcls_helpers.checks import check, exercises
from tools import coursework
from tools.book import Book, BookError, Page
from tools.check_chapters import (
    PAGE_CHECKS,
    check_cells,
    check_numbers,
    check_spelling,
)
from tools.coursework import HIDDEN, PUBLIC, names_in, needed
from tools.places import ROOT

matplotlib.use("agg")

SEED = 271828182
EACH = PUBLIC + HIDDEN
PAGES = [p.stem for p in sorted(ROOT.glob("book/[0-9][0-9]-*.md"))]
PROJECTS = [p.stem for p in sorted(ROOT.glob("coursework/*.md"))]
NAMES = PAGES + PROJECTS


@functools.cache
def book():
    return Book(ROOT)


@functools.cache
def assignment(name):
    if name in PAGES:
        return coursework.read(book(), book().pages[f"book/{name}"])
    return coursework.read(book(), project(name))


def project(name):
    path = Path("coursework", f"{name}.md")
    return Page(path, (ROOT / path).read_text())


# Kept for the whole session of a worker; gone with the process.
_FOLDERS = []


@functools.cache
def made(name):
    """Return the folder with the three files of an assignment."""
    _FOLDERS.append(tempfile.TemporaryDirectory())
    out = Path(_FOLDERS[-1].name, "made")
    coursework.build(book(), [assignment(name)], out, SEED, grade=False)
    with zipfile.ZipFile(out / "autograder" / f"{name}.zip") as archive:
        archive.extractall(out / "unpacked")
    return out


def notebook(name, kind):
    return nbformat.read(made(name) / kind / f"{name}.ipynb", as_version=4)


def question_of(cell):
    return cell.metadata.get("otter", {}).get("tests", [None])[0]


# --- How a submission is graded ---------------------------------------------------


def really_grade(name, submission, tmp_path):
    """Grade as Gradescope does: in a kernel of its own, through the zip."""
    path = tmp_path / f"{name}.ipynb"
    nbformat.write(submission, path)
    archive = made(name) / "autograder" / f"{name}.zip"
    with capture_run_output(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", os.environ["PATH"])  # Otter adds to it, and leaves it so
        otter_run(
            str(path), autograder=str(archive), output_dir=str(tmp_path), no_logo=True
        )
    tests = json.loads((tmp_path / "results.json").read_text())["tests"]
    assert tests[0]["name"] == "Public Tests"
    return {test["name"]: test for test in tests[1:]}


def run_test(name, question, env):
    """Run a question's test file with Otter's own code, in this process."""
    file = made(name) / "unpacked" / "tests" / f"{question}.py"
    test = ExceptionTestFile.from_file(str(file))
    test.run(env)
    assert [case.hidden for case in test.test_cases] == [False, True]
    return test


def quickly_grade(name, submission, errors=()):
    """Run the cells one by one, as a kernel does that goes on after `errors`."""
    env, results = {}, {}
    for cell in submission.cells:
        if cell.cell_type == "code" and "%pip" not in cell.source:
            with (
                contextlib.suppress(*errors),
                contextlib.redirect_stdout(io.StringIO()),
            ):
                exec(compile(cell.source, "cell", "exec"), env)
        if question := question_of(cell):
            results[question] = run_test(name, question, env)
    return results


def with_error_in(submission, question):
    for cell in submission.cells:
        if question_of(cell) == question:
            cell.source = "raise RuntimeError('half done')\n" + cell.source
    return submission


# --- The three kinds of submission --------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_solution_gets_full_marks(name):
    found = quickly_grade(name, notebook(name, "solution"))
    questions = assignment(name).questions
    assert [*found] == [q.name for q in questions]
    for test in found.values():
        assert test.score == test.possible == EACH, test.summary()
    assert assignment(name).points == EACH * len(questions) >= 4 * EACH


# `make coursework` does the same with all solutions; a kernel takes its time to start.
@pytest.mark.parametrize("name", ["01-background", PROJECTS[1]])
def test_the_real_grader_gives_the_solution_full_marks(name, tmp_path):
    found = really_grade(name, notebook(name, "solution"), tmp_path)
    assert [*found] == [q.name for q in assignment(name).questions]
    for test in found.values():
        assert test["score"] == test["max_score"] == EACH, test["output"]


@pytest.mark.parametrize("name", NAMES)
def test_the_untouched_notebook_gets_nothing(name):
    found = quickly_grade(name, notebook(name, "student"))
    assert len(found) == len(assignment(name).questions)
    for test in found.values():
        assert test.score == 0
        assert "not done yet" in test.test_case_results[0].message


@pytest.mark.parametrize("name", NAMES)
def test_an_error_in_one_cell_costs_that_cell_alone(name):
    last = assignment(name).questions[-1].name
    submission = with_error_in(notebook(name, "solution"), last)
    # What comes behind the question may need its answer.
    found = quickly_grade(name, submission, (RuntimeError, NameError))
    assert {q: t.score for q, t in found.items()} == {
        q: 0 if q == last else EACH for q in found
    }
    assert "Did its cell stop with an error?" in found[last].summary()


def test_the_real_grader_on_errors_and_on_nothing(tmp_path):
    name, stopped = "04-pooling", "q4_2"
    submission = with_error_in(notebook(name, "solution"), stopped)
    found = really_grade(name, submission, tmp_path)
    for question, test in found.items():
        assert test["score"] == (0 if question == stopped else EACH)
    found = really_grade(name, notebook(name, "student"), tmp_path)
    assert {test["score"] for test in found.values()} == {0}
    # Shown once the grades are published, hidden tests included.
    assert {test["visibility"] for test in found.values()} == {"after_published"}


# --- Wrong answers ------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_each_named_mistake_loses_its_points_and_gets_its_hint(name):
    for question in assignment(name).questions:
        for mistake in exercises()[question.number].mistakes:
            test = run_test(name, question.name, {question.answer: mistake.wrong})
            assert test.score == 0, (question.number, mistake.name)
            said = test.test_case_results[0].message
            # A check that looks at the answer itself has messages with figures in them.
            assert "not right yet" in said
            assert mistake.message in said
            assert mistake.hint in said, (question.number, mistake.name)


class Canned:
    """An answer that knows the results for inputs it has seen, and nothing else."""

    def __init__(self, reference):
        self.reference = reference
        self.results = {}

    def key(self, value):
        if isinstance(value, np.ndarray):
            return value.shape, value.tobytes()
        if isinstance(value, (list, tuple)):
            return tuple(map(self.key, value))
        if isinstance(value, np.random.Generator):
            return str(value.bit_generator.state)
        return "function" if callable(value) else repr(value)

    def __call__(self, *arguments):
        key = self.key(arguments)
        if self.reference:
            self.results[key] = self.reference(*arguments)
        return self.results[key]


@pytest.mark.parametrize("name", NAMES)
def test_knowing_the_public_results_is_not_enough(name):
    for question in assignment(name).questions:
        canned = Canned(exercises()[question.number].reference)
        assert check(question.number, canned), question.number
        canned.reference = None
        test = run_test(name, question.name, {question.answer: canned})
        public, hidden = test.test_case_results
        assert public.passed, (question.number, public.message)
        assert not hidden.passed, question.number
        assert test.score == PUBLIC


# --- What is handed out --------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_students_get_no_solution_and_no_secret(name):
    text = (made(name) / "student" / f"{name}.ipynb").read_text()
    assert str(SEED) not in text
    student = notebook(name, "student")
    solution = notebook(name, "solution")
    code = "\n".join(c.source for c in student.cells if c.cell_type == "code")
    answers = "\n".join(c.source for c in solution.cells if c.cell_type == "code")
    assert "SOLUTION" not in code
    assert "otter" not in code
    assert "import numpy as np" in code
    for question in assignment(name).questions:
        lines = [line for line in question.solution.splitlines() if "return " in line]
        assert lines
        assert all(line in answers and line not in code for line in lines)
        assert f'check("{question.number}", {question.answer})' in code
        assert question.stub in code
    assert "%pip install" in code


@pytest.mark.parametrize("name", ["04-pooling", PROJECTS[1]])
def test_the_autograder_installs_the_package_and_names_no_registry(name):
    with zipfile.ZipFile(made(name) / "autograder" / f"{name}.zip") as archive:
        files = {path: archive.read(path).decode() for path in archive.namelist()}
    environment = files["environment.yml"]
    assert f"imgcls-helpers[tensorflow] @ git+{book().addresses.repository}" in (
        environment
    )
    assert "otter-grader[grading]==" in environment
    assert "- git\n" in environment
    assert {"setup.sh", "run_autograder", "run_otter.py"} <= files.keys()
    for text in files.values():
        assert "pypi" not in text.lower()
        assert "index-url" not in text
    assert json.loads(files["otter_config.json"])["show_hidden"] is True


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_to_the_book(name):
    text = "\n".join(c.source for c in notebook(name, "student").cells)
    assert f"]({book().addresses.site}" in text
    assert "{ref}" not in text
    assert ".md)" not in text
    if name == "04-pooling":  # what is near in the chapter is far from here
        assert f"[(4.1)]({book().address('book/04-pooling', 'eq-pooling-max')})" in text


def test_the_context_is_no_more_than_is_needed():
    found = {name: assignment(name).context for name in PAGES}
    assert "def rows(images)" in found["01-background"]
    assert "keras" not in "".join(found.values())
    lines = found["04-pooling"].splitlines()
    assert sorted(lines) == [
        "from imgcls_helpers.checks import check",
        "import numpy as np",
    ]
    solutions = {q.number: q.solution for q in assignment("04-pooling").questions}
    assert "print" not in solutions["4.3"]  # it only illustrates


@pytest.mark.parametrize("name", PROJECTS)
def test_the_projects_keep_to_the_rules_of_chapters(name):
    page = project(name)
    problems = check_spelling([page])
    for rule in (check_cells, check_numbers, *PAGE_CHECKS):
        problems += rule(book(), page)
    assert not problems


# --- The reader of pages --------------------------------------------------------------


def test_a_statement_in_between_replaces_the_earlier_one():
    cells = ["n = 1", "n = 2\nm = n + k", "print(m)", "def f():\n    return m"]
    text, missing = needed(cells, {"f"})
    assert text == "n = 2\nm = n + k\n\n\ndef f():\n    return m"
    assert missing == {"k"}


def test_of_an_import_only_what_is_needed_is_kept():
    text, _ = needed(["from os import path as p, sep", "import re, sys"], {"p", "re"})
    assert text == "from os import path as p\nimport re"


def test_a_parameter_is_no_name_of_the_page():
    bound, looked_up = names_in("def f(x, y=z):\n    w = x\n    return [v for v in w]")
    assert (bound, looked_up) == ({"f"}, {"z"})


def changed(old, new):
    path = Path("book/04-pooling.md")
    text = (ROOT / path).read_text()
    assert old in text
    return Page(path, text.replace(old, new), 4)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("import numpy as np\n", "", "the exercises use np, which the page does not"),
        ('check("4.2", my_global_average)', "", "exercise 4.2 has no stub that ends"),
        (
            "    return x.mean(axis=(1, 2))",
            "    return x.mean(axis=AXES)",
            "the exercises use AXES",
        ),
        (
            "def my_consistency",
            "def other",
            "exercise 4.5 has no solution named my_con",
        ),
    ],
)
def test_what_is_missing_is_named(old, new, message):
    with pytest.raises(BookError, match=message):
        coursework.read(book(), changed(old, new))


def test_a_broken_page_stops_everything_before_a_file_is_written(
    tmp_path, capsys, monkeypatch
):
    def broken(book):
        raise BookError([book.chapters[0].problem(3, "cannot be read")])

    monkeypatch.setattr(coursework, "read_all", broken)
    monkeypatch.setattr(coursework, "Book", lambda root: book())
    assert coursework.main(["--seed", "1"], tmp_path) == 1
    assert "01-background.md:3: cannot be read" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_same_seed_gives_the_same_hidden_tests_and_another_gives_others():
    question = assignment("04-pooling").questions[0]
    assert question.cells(1) == question.cells(1) != question.cells(2)
