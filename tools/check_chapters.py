"""Check the source of every chapter: ``python -m tools.check_chapters``.

Each check looks for one kind of fault and yields a `Problem` for each one found. Two
of them go by patterns and can be wrong; a remark on the line before a paragraph, list,
table or cell then says why the text stays:

- ``% figure-ok: reason``: the numbers in it are not results of a run.
- ``% glossary-ok: word, word``: these words are not meant as the glossary's terms.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import subprocess
import sys
import tempfile
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from markdown_it.token import Token
from nbformat import NotebookNode

from tools.chapter import ROOT, Book, BookError, Directive, Page, Problem, read_role
from tools.credits import check_credits
from tools.notebooks import convert

MAX_CELLS = 40
MAX_LINES = 20
MAX_WIDTH = 79
LAST_SECTIONS = ("What goes wrong", "Exercises", "Summary", "Further reading")

CODE, CITATION = "\ufffc", "\ue000"  # stand for code and formulas, and for citations


# Prose -------------------------------------------------------------------------------


@dataclass
class Prose:
    """A paragraph, heading, table cell, caption or alt text, without its code."""

    kind: str
    line: int
    text: str
    # Parts of the text that are links, and the glossary term each links to, if any.
    links: list[tuple[int, int, str]] = field(default_factory=list)
    remarks: tuple[str, ...] = ()
    block: int = 0  # the same for everything in one list or table

    def line_of(self, offset: int) -> int:
        """Return the line in the file of a place in the text."""
        return self.line + self.text.count("\n", 0, offset)

    def allows(self, what: str) -> str:
        """Return what the remark ``what`` in front says; empty without one."""
        for remark in self.remarks:
            name, _, reason = remark.partition(":")
            if name.strip() == what:
                return reason.strip()
        return ""


def prose_of(page: Page) -> list[Prose]:
    """Return everything in a page that is read as text, in order."""
    found: list[Prose] = []
    captions: set[int] = set()
    remarks: list[str] = []
    after_remark = False
    block = 0
    kind = "paragraph"
    for fragment, position, token in page.body.walk():
        if fragment is page.body and token.level == 0 and token.nesting >= 0:
            if token.type == "myst_line_comment":
                remarks = remarks if after_remark else []
                remarks += [line.strip() for line in token.content.splitlines()]
                after_remark = True
                continue
            if not after_remark:
                remarks = []
            after_remark = False
            block += 1
        if token.type in ("heading_open", "paragraph_open", "th_open", "td_open"):
            kind = token.type.removesuffix("_open")
            kind = "table" if kind in ("th", "td") else kind
        if directive := fragment.directives.get(position):
            if directive.name in ("figure", "code-cell"):
                captions.add(id(directive.content))
            for name, text in _other_text(directive):
                line = directive.line
                found.append(Prose(name, line, text, [], tuple(remarks), block))
        elif token.type == "inline" and token.map:
            prose = _inline_prose(token, fragment.line + token.map[0])
            prose.kind = "caption" if id(fragment) in captions else kind
            prose.remarks, prose.block = tuple(remarks), block
            found.append(prose)
    return found


def _other_text(directive: Directive) -> Iterator[tuple[str, str]]:
    if alt := directive.options.get("alt") or directive.mystnb("image").get("alt"):
        yield "alt", str(alt)
    if directive.name == "dropdown":
        yield "heading", directive.argument


def _inline_prose(token: Token, line: int) -> Prose:
    prose = Prose("", line, "")
    starts: list[int] = []
    for child in token.children or []:
        if child.type == "myst_role":
            name = child.meta["name"]
            text, target = read_role(child.content)
            if name.startswith("cite"):
                prose.text += CITATION
                continue
            if name in ("term", "ref"):
                start = len(prose.text)
                prose.text += text
                target = target if name == "term" else ""
                prose.links.append((start, len(prose.text), target))
            else:
                prose.text += CODE
        elif child.type == "link_open":
            starts.append(len(prose.text))
        elif child.type == "link_close":
            prose.links.append((starts.pop(), len(prose.text), ""))
        elif child.type in ("softbreak", "hardbreak"):
            prose.text += "\n"
        elif child.type == "text":
            prose.text += child.content
        elif child.type not in ("em_open", "em_close", "strong_open", "strong_close"):
            prose.text += CODE
    return prose


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """Yield the sentences of a text, each with the place where it starts.

    Examples
    --------
    >>> list(sentences("It is 0.5 wide. So be it."))
    [(0, 'It is 0.5 wide.'), (16, 'So be it.')]
    """
    start = 0
    for match in re.finditer(
        r"(?<=[.!?:])[*)\"]*\s+(?=[*\"(]*[A-Z\ufffc\ue000])", text
    ):
        yield start, text[start : match.start()]
        start = match.end()
    yield start, text[start:]


# Structure ---------------------------------------------------------------------------


@dataclass
class Section:
    """A heading, and what stands below it up to the next heading of any level."""

    level: int
    title: str
    line: int
    cells: list[Directive] = field(default_factory=list)


def sections_of(page: Page) -> list[Section]:
    """Return the headings of a page in order, with the code cells below each."""
    found: list[Section] = []
    tokens = page.body.tokens
    for position, token in enumerate(tokens):
        if token.type == "heading_open":
            title = tokens[position + 1].content
            line = page.body.line + token.map[0]
            found.append(Section(int(token.tag[1]), title, line))
        directive = page.body.directives.get(position)
        if directive and directive.name == "code-cell" and found:
            found[-1].cells.append(directive)
    return found


def _parse(cell: Directive) -> ast.Module | None:
    try:
        return ast.parse(cell.body)
    except SyntaxError:
        return None


def _last_call(cell: Directive) -> ast.Call | None:
    """Return the call that a cell ends in, if it ends in one."""
    tree = _parse(cell)
    last = tree.body[-1] if tree and tree.body else None
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        return last.value
    return None


def check_structure(book: Book, page: Page) -> Iterator[Problem]:
    """Check that a chapter has the parts that every chapter has, in order."""
    try:
        head = yaml.safe_load(page.front_matter.strip("-\n"))
        as_chapter = head["jupytext"]["text_representation"]["format_name"] == "myst"
        as_chapter = as_chapter and head["kernelspec"]["name"] == "python3"
    except (yaml.YAMLError, TypeError, KeyError):
        as_chapter = False
    if not as_chapter:
        message = (
            "a chapter begins with the front matter that the other chapters have "
            "(jupytext, kernelspec): without it the site runs no cell"
        )
        yield page.problem(1, message)
    sections = sections_of(page)
    if not sections or sections[0].level != 1:
        yield page.problem(page.body.line, "a chapter begins with its title: # Title")
        return
    for section in sections[1:]:
        if section.level == 1:
            yield page.problem(section.line, "a second title; sections begin with ##")
    yield from _check_opening(page)
    cells = page.cells
    if cells:
        tree = _parse(cells[0])
        if not (
            tree and tree.body and isinstance(tree.body[0], ast.Import | ast.ImportFrom)
        ):
            yield page.problem(cells[0].line, "the first code cell holds the imports")
        call = _last_call(cells[-1])
        if call is None or ast.unparse(call.func) != "runtime.report":
            message = "the last code cell ends in runtime.report(...)"
            yield page.problem(cells[-1].line, message)
    counted = [cell for cell in cells if "solution" not in cell.tags]
    if len(counted) > MAX_CELLS:
        message = f"{len(counted)} code cells without solutions; at most {MAX_CELLS}"
        yield page.problem(counted[MAX_CELLS].line, message)

    titles = [section.title for section in sections if section.level == 2]
    last_line = sections[-1].line
    places = []
    for wanted in LAST_SECTIONS:
        exact = wanted != "What goes wrong"  # which may go on: "What goes wrong: ..."
        matching = [
            place
            for place, title in enumerate(titles)
            if title == wanted or (not exact and title.startswith(wanted))
        ]
        if not matching:
            yield page.problem(last_line, f"the section ## {wanted} is missing")
        places += matching[:1]
    if len(places) == len(LAST_SECTIONS) and (
        places != sorted(places) or titles[-3:] != list(LAST_SECTIONS[1:])
    ):
        order = ", ".join(LAST_SECTIONS)
        yield page.problem(last_line, f"the sections at the end come in order: {order}")
    yield from _check_exercises(page, sections)


def _check_opening(page: Page) -> Iterator[Problem]:
    """Check what stands between the title and the first code cell."""
    tokens, body = page.body.tokens, page.body
    cells = [p for p, d in body.directives.items() if d.name == "code-cell"]
    headings = [
        position
        for position, token in enumerate(tokens)
        if token.type == "heading_open" and token.level == 0
    ]
    end = min([*cells[:1], *headings[1:2]], default=len(tokens))
    found: dict[str, int] = {}
    texts = [""] * len(tokens)
    for position in range(headings[0] + 3, end):
        token = tokens[position]
        if token.type != "inline":
            continue
        texts[position] = token.content
        for name in ("You will learn", "You need", "Time:"):
            if token.content.startswith(f"**{name}"):
                found.setdefault(name, position)
    line = body.line + tokens[headings[0]].map[0]
    first = min(found.values(), default=end)
    if not any(texts[:first]):
        message = "the title is followed by a paragraph that raises the question"
        yield page.problem(line, message)
    for name in ("You will learn", "You need", "Time:"):
        if name not in found:
            message = f"**{name}** is missing before the first cell and section"
            yield page.problem(line, message)
    if list(found) != [
        n for n in ("You will learn", "You need", "Time:") if n in found
    ]:
        message = "the opening goes: You will learn, You need, Time"
        yield page.problem(line, message)
    if "You will learn" in found:
        place = found["You will learn"]
        items = len(_items(tokens, place + 2))
        if not 3 <= items <= 5:
            message = f"**You will learn** is followed by {items} list items; 3 to 5"
            yield page.problem(body.line + tokens[place].map[0], message)
    if "Time:" in found:
        place = found["Time:"]
        if not re.match(r"\*\*Time:\*\* about \d+ minutes", texts[place]):
            message = "expected: **Time:** about N minutes"
            yield page.problem(body.line + tokens[place].map[0], message)


def _items(tokens: Sequence[Token], position: int) -> list[str]:
    """Return how each item begins, of the list that begins at a position."""
    if position >= len(tokens) or tokens[position].type != "bullet_list_open":
        return []
    found: list[str] = []
    level = tokens[position].level
    for place, token in enumerate(tokens[position:], start=position):
        if token.type == "bullet_list_close" and token.level == level:
            break
        if token.type == "list_item_open" and token.level == level + 1:
            found.append(tokens[place + 2].content)
    return found


def _check_exercises(page: Page, sections: Sequence[Section]) -> Iterator[Problem]:
    """Check the exercises: their numbers, stubs and solutions."""
    inside = False
    exercises = []
    for section in sections:
        if section.level <= 2:
            inside = section.title == "Exercises"
        elif inside and section.level == 3:
            exercises.append(section)
        elif section.level == 3 and section.title.startswith("Exercise"):
            message = "an exercise stands outside the section ## Exercises"
            yield page.problem(section.line, message)
    if len(exercises) < 3:
        message = f"{len(exercises)} exercises (### Exercise N.k: title); at least 3"
        yield page.problem(sections[-1].line, message)
    for count, section in enumerate(exercises, start=1):
        name = f"{page.number}.{count}"
        if not re.match(rf"Exercise {re.escape(name)}: \S", section.title):
            message = f"expected: ### Exercise {name}: title"
            yield page.problem(section.line, message)
        stubs = [cell for cell in section.cells if "solution" not in cell.tags]
        solutions = [cell for cell in section.cells if "solution" in cell.tags]
        call = _last_call(stubs[-1]) if stubs else None
        is_check = (
            call is not None
            and ast.unparse(call.func) == "check"
            and bool(call.args)
            and isinstance(call.args[0], ast.Constant)
            and call.args[0].value == name
        )
        if not is_check:
            message = (
                f'the exercise needs a stub cell that ends in check("{name}", ...)'
            )
            yield page.problem(section.line, message)
        if not solutions:
            message = (
                "the exercise needs a solution: a cell with tags solution, hide-cell"
            )
            yield page.problem(section.line, message)
    for cell in page.cells:
        if ("solution" in cell.tags) != ("hide-cell" in cell.tags):
            message = "the tags solution and hide-cell go together"
            yield page.problem(cell.line, message)


# Quick questions and findings --------------------------------------------------------


def check_questions(book: Book, page: Page) -> Iterator[Problem]:
    """Check that a chapter has three quick questions or more, in their form."""
    tokens = page.body.tokens
    blocks = [
        position
        for position, token in enumerate(tokens)
        if token.level == 0 and token.nesting >= 0 and token.type != "myst_line_comment"
    ]
    right: list[str] = []
    answers: set[int] = set()
    at_exercises = False
    for place, position in enumerate(blocks):
        token, directive = tokens[position], page.body.directives.get(position)
        line = page.body.line + (token.map[0] if token.map else 0)
        text = tokens[position + 1].content if token.nesting else ""
        at_exercises |= token.type == "heading_open" and text == "Exercises"
        is_answer = directive and directive.argument.lower().startswith("answer to q")
        if is_answer and position not in answers:
            message = "the answer does not follow the options of its question"
            yield page.problem(line, message)
        if token.type != "paragraph_open" or not re.match(
            r"\W*quick\s+question", text, re.IGNORECASE
        ):
            continue
        number = len(right) + 1
        if at_exercises:
            yield page.problem(line, "a quick question after ## Exercises")
        if not re.match(rf"\*\*Quick question {number}\.\*\* \S", text):
            message = f"expected: **Quick question {number}.** and the question"
            yield page.problem(line, message)
        after = blocks[place + 1 : place + 3]
        answers.update(after[1:])
        letter, fault = _read_question(page, number, after)
        right.append(letter)
        if fault:
            yield page.problem(line, f"quick question {number}: {fault}")
    last_line = page.text.rstrip().count("\n") + 1
    if len(right) < 3:
        message = f"{len(right)} quick questions (**Quick question 1.**); at least 3"
        yield page.problem(last_line, message)
    elif len(set(right)) == 1 and right[0]:
        message = f"the right answer to every quick question is {right[0]}: vary it"
        yield page.problem(last_line, message)


def _read_question(page: Page, number: int, after: Sequence[int]) -> tuple[str, str]:
    """Return the right letter of a question, and what is wrong in its form.

    ``after`` are the positions of the two blocks behind the question.
    """
    items = _items(page.body.tokens, after[0]) if after else []
    letters = "ABCD"[: len(items)]
    begin = [re.match(r"\*\*([A-D])\.\*\* \S", item) for item in items]
    if len(items) not in (3, 4) or [m and m[1] for m in begin] != list(letters):
        return "", "three or four options follow it: - **A.** ..., - **B.** ..."
    title = f"Answer to quick question {number}"
    directive = page.body.directives.get(after[-1])
    if not directive or (directive.name, directive.argument) != ("dropdown", title):
        return "", f":::{{dropdown}} {title} follows its options"
    content = directive.content.tokens if directive.content else []
    first = next((token.content for token in content if token.type == "inline"), "")
    match = re.match(r"\*\*([A-D])\.\*\* \S", first)
    if not match or match[1] not in letters:
        return "", "its answer begins with the right letter: **B.** Because ..."
    wrong = [letter for letter in letters if letter != match[1]]
    explained = [
        re.match(r"\*\*([A-D])\.?\*\* \S", item)
        for position, token in enumerate(content)
        if token.level == 0
        for item in _items(content, position)
    ]
    if [m and m[1] for m in explained] != wrong:
        expected = ", ".join(f"- **{letter}** ..." for letter in wrong)
        return match[1], f"its answer has an item for every wrong option: {expected}"
    return match[1], ""


def check_findings(book: Book) -> Iterator[Problem]:
    """Check that pages can quote each finding by its name, and link to its section."""
    taken: dict[str, str] = {}
    for page in book.chapters:
        for cell in page.cells:
            for call in ast.walk(_parse(cell) or ast.Module([], [])):
                if not (
                    isinstance(call, ast.Call)
                    and ast.unparse(call.func) == "results.finding"
                ):
                    continue
                line = cell.body_line + call.lineno - 1
                name = getattr(call.args[0], "value", None) if call.args else None
                if not isinstance(name, str):
                    message = 'expected the name itself: results.finding("name", ...)'
                    yield page.problem(line, message)
                    continue
                here = f"{page.path.as_posix()}:{line}"
                if taken.setdefault(name, here) != here:
                    message = f"the finding {name} is taken by {taken[name]}"
                    yield page.problem(line, message)
                if not _in_section(page, f"sec-{name}", cell.line):
                    message = (
                        f"the section with the finding {name} needs (sec-{name})= on "
                        "the line before its heading"
                    )
                    yield page.problem(line, message)


def _in_section(page: Page, label: str, line: int) -> bool:
    """Say whether a line is in the section that a label in front of it names."""
    tokens = page.body.tokens
    level = 0  # of the section's heading
    named = False
    for token in tokens:
        if token.map and page.body.line + token.map[0] > line:
            break
        if token.type == "myst_target":
            named |= token.content == label
        elif token.type == "heading_open":
            depth = int(token.tag[1])
            level = depth if named else 0 if depth <= level else level
            named = False
        elif token.level == 0 and token.nesting >= 0:
            named = False
    return level > 0


# Code cells --------------------------------------------------------------------------


def check_cells(book: Book, page: Page) -> Iterator[Problem]:
    """Check the length and the width of the code cells, and that they are Python."""
    for cell in page.cells:
        lines = cell.body.splitlines()
        if len(lines) > MAX_LINES:
            message = f"a cell of {len(lines)} lines; at most {MAX_LINES}"
            yield page.problem(cell.line, message)
        for offset, line in enumerate(lines):
            if len(line) > MAX_WIDTH:
                message = f"code of {len(line)} columns; at most {MAX_WIDTH}"
                yield page.problem(cell.body_line + offset, message)
        if _parse(cell) is None:
            message = "the cell is not plain Python (magic commands are not used)"
            yield page.problem(cell.line, message)


def _draws(tree: ast.AST, drawing: set[str]) -> bool:
    """Say whether code draws when it runs; functions that draw join ``drawing``."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef):
            if any(_draws(statement, drawing) for statement in node.body):
                drawing.add(node.name)
            continue
        if isinstance(node, ast.Call):
            function = ast.unparse(node.func)
            if function in drawing or re.match(r"(plots|plt|pyplot)\.", function):
                return True
        todo += ast.iter_child_nodes(node)
    return False


def alt_fault(alt: object) -> str:
    """Return what is wrong with an alt text; empty if nothing is.

    Examples
    --------
    >>> alt_fault("Ten small pictures in two rows, each with its class above it.")
    ''
    >>> alt_fault("Figure of a cat on a mat.")
    'the alt text says what is to be seen; it does not begin with Figure'
    """
    if not isinstance(alt, str) or not alt.strip():
        return "a figure needs an alt text (mystnb: image: alt)"
    text = alt.strip()
    start = r"(figure|(image|picture|plot|photo|chart) of)\b"
    if match := re.match(start, text, re.IGNORECASE):
        found = match.group()
        return f"the alt text says what is to be seen; it does not begin with {found}"
    if re.search(r"\.(png|jpe?g|svg|gif|webp)$", text, re.I):
        return "the alt text is a file name; say what is to be seen"
    if len(text) < 20:
        return f"an alt text of {len(text)} characters; say what is to be seen"
    if not text.endswith((".", "?", "!")):
        return "the alt text is a sentence: it ends with a full stop"
    return ""


def check_figures(book: Book, page: Page) -> Iterator[Problem]:
    """Check that each figure has an alt text, a caption and a name."""
    drawing: set[str] = set()
    for directive in page.body.all_directives():
        if directive.name == "figure":
            if fault := alt_fault(directive.options.get("alt")):
                yield page.problem(directive.line, fault)
        elif directive.name == "code-cell":
            tree = _parse(directive)
            figure, image = directive.mystnb("figure"), directive.mystnb("image")
            if not (figure or image or (tree and _draws(tree, drawing))):
                continue
            if fault := alt_fault(image.get("alt")):
                yield page.problem(directive.line, fault)
            if not str(figure.get("caption") or "").strip():
                message = "a figure needs a caption (mystnb: figure: caption)"
                yield page.problem(directive.line, message)
        else:
            continue
        if not re.fullmatch(r"fig-[a-z0-9]+(-[a-z0-9]+)*", directive.label):
            message = f"a figure needs a name like fig-digits, not {directive.label!r}"
            yield page.problem(directive.line, message)


def images_without_alt(notebook: NotebookNode) -> list[str]:
    """Return the faults of the pictures that an executed chapter shows.

    Parameters
    ----------
    notebook
        The chapter as MyST-NB reads it, with its outputs.

    Returns
    -------
    list of str
        A line for each cell that shows a picture without an alt text or caption, shows
        several, or has a caption and shows none.
    """
    faults = []
    number = 0
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        number += 1
        metadata = cell.metadata.get("mystnb") or {}
        images = [
            output
            for output in cell.get("outputs", [])
            if any(kind.startswith("image/") for kind in output.get("data", {}))
        ]
        caption = (metadata.get("figure") or {}).get("caption")
        fault = ""
        if images:
            fault = alt_fault((metadata.get("image") or {}).get("alt"))
            if not fault and not caption:
                fault = "a figure needs a caption (mystnb: figure: caption)"
            if not fault and len(images) > 1:
                fault = f"{len(images)} pictures share one alt text; one a cell"
        elif caption:
            fault = "there is a caption and no picture"
        if fault:
            first = next(iter(cell.source.splitlines()), "")
            faults.append(f"code cell {number} ({first.strip()}): {fault}")
    return faults


# Prose: figures, links, terms, citations, spelling -----------------------------------

_NUMBER = r"(?<![\w.])\d+(?:[.,]\d+)*"
_RESULTS = (
    (re.compile(rf"{_NUMBER}\s?(%|per\s?cent\b|percentage\s+points?\b)"), "a share"),
    (re.compile(r"(?<![\w.])\d+\.\d{3,}(?![\w.]*\d)"), "a long decimal"),
    (
        re.compile(
            r"\b(accurac(y|ies)|error( rate)?|loss(es)?|precision|recall|F1|AUC|score)"
            r"\b[^.;]{0,30}?\s\d*\.\d+",
            re.IGNORECASE,
        ),
        "a measured score",
    ),
    (
        re.compile(
            rf"{_NUMBER}\s(milli|micro)?(s|ms|seconds?|minutes?|hours?|s/epoch|"
            r"(images|pictures|steps)\s(a|per)\ssecond)(?!\w)"
        ),
        "a measured time",
    ),
    (
        re.compile(rf"{_NUMBER}\s(times|x)\s(as|more|less|\w+er)\b", re.IGNORECASE),
        "a measured ratio",
    ),
)
# What a share or a score may be without any run.
_NOT_RESULTS = re.compile(
    r"(?<![\d.])(0|100)\s?(%|per\s?cent)|"
    r"(?<![\d.])(90|95|99)\s?(%|per\s?cent)[\s-]+(confidence|interval|level|of\s+cases)",
    re.IGNORECASE,
)


def check_numbers(book: Book, page: Page) -> Iterator[Problem]:
    """Check that no result of a run is typed into prose.

    Code, formulas, and sentences with a citation are left alone; so are tables that
    have a citation in them or in the paragraph before, and the alt text of a figure
    whose caption has one.
    """
    prose = prose_of(page)
    cited_blocks = {piece.block for piece in prose if CITATION in piece.text}
    for piece in prose:
        if piece.allows("figure-ok"):
            continue
        # An alt text says what its figure shows, and the caption carries the source.
        around = {"table": {piece.block, piece.block - 1}, "alt": {piece.block}}
        if around.get(piece.kind, set()) & cited_blocks:
            continue
        for start, sentence in sentences(piece.text):
            if CITATION in sentence or sentence.startswith("Time:"):
                continue
            harmless = [match.span() for match in _NOT_RESULTS.finditer(sentence)]
            for pattern, what in _RESULTS:
                for match in pattern.finditer(sentence):
                    if any(a < match.end() and match.start() < b for a, b in harmless):
                        continue
                    shown = " ".join(match.group().replace(CODE, "...").split())
                    message = (
                        f"{what} typed into prose ({shown!r}): print it in the cell "
                        "that computes it, cite it, or put `% figure-ok: reason` first"
                    )
                    yield page.problem(piece.line_of(start + match.start()), message)


def check_formulas(book: Book, page: Page) -> Iterator[Problem]:
    """Check that no formula was left as text.

    A formula that runs on to a line that begins with "- " or "+ " is cut in two there:
    Markdown takes that line for an item of a list.
    """
    for piece in prose_of(page):
        # The title of a folded block is not parsed yet; its formulas are whole.
        if "$" in re.sub(r"\$[^$\n]*\$", "", piece.text):
            yield page.problem(
                piece.line_of(piece.text.index("$")),
                "a formula without its end or its beginning: does a line of it begin "
                "with - or +, or is a $ missing?",
            )


def check_links(book: Book, page: Page) -> Iterator[Problem]:
    """Check that relative links lead to pages and that others are https."""
    for fragment, _, token in page.body.walk():
        if token.type != "inline" or not token.map:
            continue
        line = fragment.line + token.map[0]
        for child in token.children or []:
            line += child.type in ("softbreak", "hardbreak")
            if child.type != "link_open":
                continue
            address = str(child.attrs.get("href", ""))
            if address.startswith("https://"):
                continue
            if re.match(r"[\w+.-]+:", address):
                yield page.problem(line, f"{address}: links are https:// or pages")
                continue
            if book.find(page, address) is None:
                yield page.problem(line, f"{address}: {book.no_page(address)}")


def _term_pattern(term: str) -> re.Pattern[str]:
    """Return a pattern for a term: plurals, any spaces or hyphens between its words.

    A term with a capital letter is a name and is looked for as it is written.
    """
    words = [re.escape(word) for word in re.split(r"[\s-]+", term)]
    last = words[-1]
    if last.endswith("y") and last[-2:-1] not in tuple("aeiou"):
        words[-1] = f"{last[:-1]}(?:y|ies)"
    elif not last.endswith("s"):
        words[-1] = f"{last}(?:s|es)?"
    else:
        words[-1] = f"{last}(?:es)?"
    flags = re.NOFLAG if term != term.lower() else re.IGNORECASE
    joined = r"[\s-]+".join(words)
    return re.compile(rf"(?<![\w-]){joined}(?!\w|-\w)", flags)


def check_terms(book: Book, page: Page) -> Iterator[Problem]:
    """Check that the first use of each glossary term in prose links to the glossary.

    Headings, tables, code, captions, the text of other links and the opening (up to
    the first cell) are left out, and so is a term inside a longer one ("loss" in "loss
    function").
    """
    opening = min((cell.line for cell in page.cells), default=0)
    groups = {term: number for number, g in enumerate(book.glossary) for term in g}
    lower = {term.lower(): number for term, number in groups.items()}
    patterns = [
        (_term_pattern(term), term) for term in sorted(groups, key=len, reverse=True)
    ]
    linked: set[int] = set()
    told: set[int] = set()
    for piece in prose_of(page):
        if piece.kind != "paragraph":
            continue
        skipped = {
            word.strip().lower() for word in piece.allows("glossary-ok").split(",")
        }
        uses: list[tuple[int, int, int, bool]] = []
        taken = [(start, end) for start, end, _ in piece.links]
        for start, end, target in piece.links:
            if target.lower() in lower:
                uses.append((start, end, lower[target.lower()], True))
        for pattern, term in patterns:
            for match in pattern.finditer(piece.text):
                start, end = match.span()
                if any(a < end and start < b for a, b in taken):
                    continue
                taken.append((start, end))
                if term.lower() not in skipped and match.group().lower() not in skipped:
                    uses.append((start, end, groups[term], False))
        for start, end, group, is_link in sorted(uses):
            if is_link:
                linked.add(group)
            elif piece.line >= opening and group not in linked | told:
                told.add(group)
                text = " ".join(piece.text[start:end].split())
                term = book.glossary[group][0]
                message = (
                    f"the first use of {text!r} is no link to the glossary: "
                    f"{{term}}`{text} <{term}>`"
                )
                yield page.problem(piece.line_of(start), message)


def check_glossary(book: Book) -> Iterator[Problem]:
    """Check that each entry of the glossary is used in another page."""
    home = book.pages.get(book.glossary_page)
    others = [page for page in book.pages.values() if page is not home]
    prose = [piece for page in others for piece in prose_of(page)]
    linked = {target.lower() for piece in prose for *_, target in piece.links}
    text = "\n\n".join(piece.text for piece in prose)
    for group in book.glossary:
        if not any(
            term.lower() in linked or _term_pattern(term).search(text) for term in group
        ):
            line = home.text.splitlines().index(group[0]) + 1
            message = (
                f"no other page uses the term {group[0]!r}: use it, or take it out"
            )
            yield home.problem(line, message)


def citations_of(page: Page) -> Iterator[tuple[int, str]]:
    """Yield the keys of the works that a page cites, with their lines."""
    for fragment, _, token in page.body.walk():
        line = fragment.line + (token.map[0] if token.map else 0)
        for child in token.children or []:
            line += child.type in ("softbreak", "hardbreak")
            if child.type == "myst_role" and child.meta["name"].startswith("cite"):
                for key in child.content.split(","):
                    yield line, key.strip()


def check_citations(book: Book, page: Page) -> Iterator[Problem]:
    """Check that what a page cites is in the bibliography."""
    for line, key in citations_of(page):
        if key not in book.bibliography.entries:
            message = f"book/references.bib has no entry {key!r}"
            yield page.problem(line, message)


def uncited(book: Book) -> list[str]:
    """Return the keys of the bibliography that no page cites."""
    cited = {key for page in book.pages.values() for _, key in citations_of(page)}
    return [key for key in book.bibliography.entries if key not in cited]


def _spoken(page: Page) -> str:
    """Return a page's prose, comments and strings, each in its line."""
    lines: dict[int, str] = {}

    def put(line: int, text: str) -> None:
        for offset, part in enumerate(text.split("\n")):
            lines[line + offset] = f"{lines.get(line + offset, '')} {part}"

    for piece in prose_of(page):
        put(piece.line, piece.text)
    # The last is how Python 3.12 and later give the text of an f-string.
    text_tokens = (
        tokenize.COMMENT,
        tokenize.STRING,
        getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING),
    )
    for cell in page.cells:
        try:
            tokens = list(tokenize.generate_tokens(io.StringIO(cell.body).readline))
        except (tokenize.TokenError, SyntaxError):
            continue
        for token in tokens:
            if token.type in text_tokens:
                # Without quotation marks, which codespell takes for apostrophes.
                text = re.sub(r"^\w*['\"]+|['\"]+$", "", token.string)
                put(cell.body_line + token.start[0] - 1, text)
    last = max(lines, default=0)
    text = "\n".join(lines.get(number, "") for number in range(1, last + 1))
    return re.sub(f"[{CODE}{CITATION}]", " ", text)


def check_spelling(pages: Iterable[Page]) -> list[Problem]:
    """Check the spelling of prose, comments and strings with codespell."""
    by_name = {f"{number}.txt": page for number, page in enumerate(pages)}
    with tempfile.TemporaryDirectory() as folder:
        for name, page in by_name.items():
            (Path(folder) / name).write_text(_spoken(page), encoding="utf-8")
        run = subprocess.run(
            [sys.executable, "-m", "codespell_lib", "--disable-colors", "."],
            cwd=folder,
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
    if run.returncode not in (0, 65):
        raise RuntimeError(f"codespell failed: {run.stderr.strip()}")
    problems = []
    for line in run.stdout.splitlines():
        if match := re.match(r"(?:\./)?(\d+\.txt):(\d+): (.*)", line):
            page = by_name[match[1]]
            problems.append(page.problem(int(match[2]), f"spelling: {match[3]}"))
    return problems


# All of them -------------------------------------------------------------------------


def check_language(book: Book, page: Page) -> Iterator[Problem]:
    """Check that a chapter uses only what the notebook generator knows."""
    try:
        convert(book, page)
    except BookError as error:
        yield from error.problems


CHAPTER_CHECKS = (
    check_language,
    check_structure,
    check_questions,
    check_cells,
    check_figures,
    check_credits,
    check_numbers,
    check_terms,
)
# Of every page, not of chapters alone.
PAGE_CHECKS = (check_links, check_citations, check_formulas)
# Of the pages together.
BOOK_CHECKS = (check_findings, check_glossary)


def check_book(book: Book) -> list[Problem]:
    """Return everything that is wrong in the book's pages."""
    problems = list(book.problems)
    for check in BOOK_CHECKS:
        problems += check(book)
    for page in book.pages.values():
        for check in PAGE_CHECKS:
            problems += check(book, page)
    for page in book.chapters:
        for check in CHAPTER_CHECKS:
            problems += check(book, page)
    in_toc = {book.root / page.path for page in book.chapters}
    for path in set(book.root.glob("book/[0-9][0-9]-*.md")) - in_toc:
        name = path.relative_to(book.root).as_posix()
        problems.append(Problem(name, 1, "the chapter is not in _toc.yml"))
    problems += check_spelling(book.pages.values())
    return sorted(set(problems))


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Print what is wrong; return 1 if anything is."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.check_chapters", description="Check the chapters' source."
    )
    parser.parse_args(arguments)
    try:
        book = Book(root)
    except BookError as error:
        print(error)
        return 1
    problems = check_book(book)
    for problem in problems:
        print(problem)
    for key in uncited(book):
        print(f"warning: no page cites {key} of book/references.bib")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
