"""Turn the exercises into assignments: ``python -m tools.coursework``.

Each chapter becomes an assignment for Otter-Grader, and so does each project in
``coursework/``. An assignment is three files under ``_build/coursework``: a notebook
for students, the same with solutions, and a zip that Gradescope grades with.

An exercise has two tests. The public one asks what `check` asks in the student's
notebook. The hidden one asks the same with inputs drawn from a secret seed, so an
answer that was made for the public inputs alone fails there.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import copy
import re
import secrets
import shutil
import symtable
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from tools.book import Book, BookError, Page, Problem
from tools.notebooks.cells import notebook_text
from tools.notebooks.plain import pieces
from tools.notebooks.writer import SETUP, Cell, Writer
from tools.places import ROOT
from tools.processes import ended_together

PUBLIC, HIDDEN = 1, 2  # points of the two tests of an exercise
_HEADING = re.compile(
    r"#+ (?P<kind>Exercise|Step) (?P<number>P?\d+\.\d+): (?P<title>.*)"
)

# Solution and stub share a cell: Otter cuts one out for teachers, one for students.
_ANSWER = '''\
# BEGIN SOLUTION NO PROMPT
{solution}
# END SOLUTION
""" # BEGIN PROMPT
{stub}
"""; # END PROMPT


check("{number}", {answer})'''

_TEST = '''\
""" # BEGIN TEST CONFIG
points: {points}
hidden: {hidden}
""" # END TEST CONFIG
def test_{kind}(env):
    from imgcls_helpers.checks import check
    assert "{answer}" in env, "There is no `{answer}`. Did its cell stop with an error?"
    verdict = check("{number}", env["{answer}"], seed={seed})
    assert verdict, f"\\n{{verdict}}"'''

_CONFIG = """\
# ASSIGNMENT CONFIG
# Students need no Otter: the checks of the book stand in its checks' place.
init_cell: false
export_cell: false
tests: {{ok_format: false}}
run_tests: {run_tests}
# What hidden tests say is shown once the grades are published.
generate: {{show_hidden: true}}
# Git fetches the package. `data` needs one of Keras's backends to be there.
python_version: "3.12"
environment: environment.yml
overwrite_requirements: true
requirements:
- otter-grader[grading]=={otter}
- imgcls-helpers[tensorflow] @ git+{repository}"""

_INTRODUCTION = """\
# {title}: assignment

*These are the exercises of chapter {number} of [{book}]({site}).
[Read the chapter]({address}) first.*
"""

_RULES = """\
**How it works.** Run the cells from top to bottom. Replace each `...` by your code,
and run the cell again: its check answers at once, and a wrong answer gets a hint. Do
not rename the functions. For each exercise, grading runs the same check once more,
which gives {public} of {each} points, and then with other random inputs for
the rest. There are {total} points in all. Before you hand this file in, restart and run
all of it once."""


@dataclass
class Question:
    """A graded exercise: its number, the name of the answer, the code."""

    number: str
    answer: str
    stub: str
    solutions: list[str] = field(default_factory=list)
    solution: str = ""

    @property
    def name(self) -> str:
        """What Otter calls it: ``q4_1``."""
        return "q" + self.number.replace(".", "_")

    def cells(self, seed: int) -> list[Cell]:
        """Return the block of cells that Otter reads."""
        values = {**vars(self), "name": self.name}
        public = {"kind": "public", "points": PUBLIC, "hidden": "false", "seed": None}
        hidden = {"kind": "hidden", "points": HIDDEN, "hidden": "true", "seed": seed}
        return [
            Cell("raw", f"# BEGIN QUESTION\nname: {self.name}\ncheck_cell: false"),
            Cell("raw", "# BEGIN SOLUTION"),
            Cell("code", _ANSWER.format(**values)),
            Cell("raw", "# END SOLUTION"),
            Cell("raw", "# BEGIN TESTS"),
            Cell("code", _TEST.format(**values, **public)),
            Cell("code", _TEST.format(**values, **hidden)),
            Cell("raw", "# END TESTS"),
            Cell("raw", "# END QUESTION"),
        ]


@dataclass
class Assignment:
    """What one page of exercises becomes."""

    name: str
    items: list[Cell | Question]
    context: str = ""

    @property
    def questions(self) -> list[Question]:
        """The graded exercises in order."""
        return [item for item in self.items if isinstance(item, Question)]

    @property
    def points(self) -> int:
        """What a perfect answer gets."""
        return len(self.questions) * (PUBLIC + HIDDEN)


# Which code an answer needs -----------------------------------------------------------


def names_in(source: str) -> tuple[set[str], set[str]]:
    """Return the names that code binds for what follows, and those that it looks up.

    Examples
    --------
    >>> bound, looked_up = names_in("def area(r): return pi * scale(r)")
    >>> bound, sorted(looked_up)
    ({'area'}, ['pi', 'scale'])
    """
    module = symtable.symtable(source, "cell", "exec")
    bound = {
        symbol.get_name()
        for symbol in module.get_symbols()
        if symbol.is_assigned() or symbol.is_imported()
    }
    looked_up = set()
    tables = [module]
    for table in tables:
        tables += table.get_children()
        looked_up |= {
            symbol.get_name()
            for symbol in table.get_symbols()
            if symbol.is_referenced() and (table is module or symbol.is_global())
        }
    return bound, looked_up


def needed(cells: Iterable[str], names: set[str]) -> tuple[str, set[str]]:
    r"""Return the statements of `cells` that define `names`, and what they need.

    Everything else, such as a line that only prints, is left out. The second result
    holds the names that no statement defines.

    Examples
    --------
    >>> cells = ["import os, re", "n = 3", "print(n)", "def f(x): return x + n"]
    >>> needed(cells, {"f", "np"})
    ('n = 3\n\n\ndef f(x): return x + n', {'np'})
    """
    kept: list[str] = []
    for cell in reversed(list(cells)):
        lines = cell.splitlines()
        for node in reversed(ast.parse(cell).body):
            first = min(d.lineno for d in [node, *getattr(node, "decorator_list", [])])
            source = "\n".join(lines[first - 1 : node.end_lineno])
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                node.names = [
                    alias
                    for alias in node.names
                    if (alias.asname or alias.name.partition(".")[0]) in names
                ]
                source = ast.unparse(node) if node.names else ""
            bound, looked_up = names_in(source)
            if bound & names:
                kept.insert(0, source)
                names = (names - bound) | looked_up
    return _spaced(kept), names - set(dir(builtins))


def _spaced(statements: Sequence[str]) -> str:
    """Join statements: two empty lines around those that take several."""
    text = ""
    for before, now in zip(["", *statements], statements, strict=False):
        gap = "\n\n\n" if "\n" in before + now or now[:4] == "def " else "\n"
        text += (gap if text else "") + now
    return text


# From a page to an assignment ---------------------------------------------------------


def _answer_of(cell: str, number: str) -> tuple[str, str] | None:
    """Split a stub into what comes before its ``check(number, answer)``, and answer."""
    tree = ast.parse(cell).body
    match tree[-1] if tree else None:
        case ast.Expr(
            ast.Call(ast.Name("check"), [ast.Constant(found), ast.Name(answer)])
        ) if found == number:
            stub = cell.splitlines()[: tree[-1].lineno - 1]
            return "\n".join(stub).strip(), answer
    return None


def read(book: Book, page: Page) -> Assignment:
    """Read the exercises of a chapter, or a whole project.

    Of a chapter only the exercises are taken, each up to its stub, and in front of
    them what their code needs of the rest. A project is taken as it is.

    Raises
    ------
    BookError
        If an exercise has no stub or solution, or its code needs a name that the
        page does not define.
    """
    # A copy: what is a neighbour in the chapter needs a link in the assignment.
    writer = Writer(book, copy.copy(page))
    project = page.number is None
    items: list[Cell | Question] = []
    earlier: list[str] = []  # the code of the page that is not taken
    asked: dict[str, Question | None] = {}
    number, keep = "", project
    text = ""
    for part in [*writer.parts(page.body), None]:
        if isinstance(part, str):
            text += part
            continue
        for piece in pieces(text):
            if match := _HEADING.match(piece):
                number, keep = match["number"], True
                asked[number] = None
                points = f" ({PUBLIC + HIDDEN} points)"
                piece = piece[: match.end()] + points + piece[match.end() :]
            elif piece.startswith("#"):
                number, keep = "", project
            if keep and piece.strip():
                items.append(Cell("markdown", piece.strip("\n")))
        text = ""
        if part is None:
            break
        stub = _answer_of(part.body, number)
        question = asked.get(number)
        if "solution" in part.tags:
            if question:
                question.solutions.append(part.body)
        elif stub and not question:
            asked[number] = Question(number, stub[1], stub[0])
            items.append(asked[number])
            keep = project
        elif keep:
            items.append(Cell("code", part.body.strip("\n")))
        else:
            earlier.append(part.body)
    assignment = Assignment(page.path.stem, items)
    problems = [*writer.problems, *_complete(assignment, page, asked, earlier)]
    if problems:
        raise BookError(problems)
    _introduce(assignment, book, page)
    if references := writer.references():
        items.append(Cell("markdown", references))
    return assignment


def _complete(
    assignment: Assignment,
    page: Page,
    asked: dict[str, Question | None],
    earlier: list[str],
) -> Iterable[Problem]:
    """Fill in the solutions and the context, and yield what is missing."""
    for number, question in asked.items():
        if question is None:
            message = (
                f'exercise {number} has no stub that ends in check("{number}", ...)'
            )
            yield page.problem(1, message)
    wanted = {"check"} if earlier else set()
    defined: set[str] = set()
    for item in assignment.items:
        if isinstance(item, Cell):
            source = item.source if item.kind == "code" else ""
        else:
            item.solution, _ = needed(item.solutions, {item.answer})
            if not item.solution:
                message = f"exercise {item.number} has no solution named {item.answer}"
                yield page.problem(1, message)
            source = f"{item.stub}\n{item.solution}"
        bound, looked_up = names_in(source)
        wanted |= looked_up - bound - defined
        defined |= bound
    if earlier:  # NumPy, whether or not a solution needs it: an answer may
        assignment.context, wanted = needed(earlier, wanted | {"np"})
    for name in sorted(wanted - set(dir(builtins))):
        yield page.problem(
            1, f"the exercises use {name}, which the page does not define"
        )


def _introduce(assignment: Assignment, book: Book, page: Page) -> None:
    """Put a title, the rules, the set-up and the context in front of the exercises."""
    each = PUBLIC + HIDDEN
    rules = _RULES.format(public=PUBLIC, each=each, total=assignment.points)
    setup = SETUP.format(repository=book.addresses.repository)
    if page.number is None:
        title, _, text = assignment.items.pop(0).source.partition("\n")
        notice = f"*This is a project to [{book.title}]({book.addresses.site}).*"
        text = f"{title}\n\n{notice}\n\n{text.strip()}\n"
    else:
        text = _INTRODUCTION.format(
            title=re.search(r"^# (.*)", page.text, re.MULTILINE)[1],
            number=page.number,
            book=book.title,
            site=book.addresses.site,
            address=book.address(page.docname),
        )
    front = [Cell("markdown", f"{text}\n{rules}"), Cell("code", setup)]
    if assignment.context:
        front.append(Cell("code", assignment.context))
    assignment.items[:0] = front


def read_all(book: Book) -> list[Assignment]:
    """Return the assignments: those of the chapters, then the projects."""
    projects = [
        Page(path.relative_to(book.root), path.read_text(encoding="utf-8"))
        for path in sorted(book.root.glob("coursework/*.md"))
    ]
    return [read(book, page) for page in [*book.chapters, *projects]]


# What Otter makes of it ---------------------------------------------------------------


def master(book: Book, assignment: Assignment, seed: int, *, grade: bool) -> str:
    """Return the notebook that Otter Assign reads."""
    config = _CONFIG.format(
        otter=version("otter-grader"),
        repository=book.addresses.repository,
        run_tests=str(grade).lower(),
    )
    cells = [Cell("raw", config)]
    for item in assignment.items:
        cells += item.cells(seed) if isinstance(item, Question) else [item]
    return notebook_text(cells)


def build(
    book: Book,
    assignments: Sequence[Assignment],
    out: Path,
    seed: int,
    *,
    grade: bool = True,
) -> None:
    """Write student notebooks, solutions and autograders into folders of `out`.

    With `grade`, Otter grades each solution, and fails unless it gets all points.
    """
    from otter.assign import main as otter_assign

    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as name:
        work, made = Path(name) / "work", Path(name) / "made"
        for folder in ("student", "solution", "autograder"):
            (made / folder).mkdir(parents=True)
        work.mkdir()
        (work / "environment.yml").write_text("dependencies: [git]\n")
        for assignment in assignments:
            path = work / f"{assignment.name}.ipynb"
            path.write_text(master(book, assignment, seed, grade=grade), "utf-8")
            otter_assign(str(path), str(work / "dist"), no_pdfs=True)
            graded = work / "dist" / "autograder"
            (archive,) = graded.glob("*.zip")
            archive.rename(made / "autograder" / f"{assignment.name}.zip")
            (graded / path.name).rename(made / "solution" / path.name)
            (work / "dist" / "student" / path.name).rename(made / "student" / path.name)
        shutil.rmtree(out, ignore_errors=True)
        made.rename(out)


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Make all assignments; return 1 when something is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.coursework",
        description="Turn the exercises and the projects into assignments.",
    )
    parser.add_argument(
        "--seed",
        type=int,
        help="of the hidden tests' inputs; by default a new one that nobody knows",
    )
    options = parser.parse_args(arguments)
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    out = root / "_build" / "coursework"
    try:
        book = Book(root)
        assignments = read_all(book)
        build(book, assignments, out, seed)
    except (BookError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    for assignment in assignments:
        count = len(assignment.questions)
        print(f"{assignment.name:<32} {count} exercises, {assignment.points} points")
    print(f"student notebooks, solutions and autograders: {out.relative_to(root)}")
    return 0


if __name__ == "__main__":
    with ended_together():
        sys.exit(main())
