"""The parts that every chapter has, in order: opening, sections, exercises."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import yaml
from markdown_it.token import Token

from tools.book import Book, Page, Problem
from tools.check_chapters.cells import last_call, parsed
from tools.myst import Directive

MAX_CELLS = 40
LAST_SECTIONS = ("What goes wrong", "Exercises", "Summary", "Further reading")


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
        tree = parsed(cells[0])
        if not (
            tree and tree.body and isinstance(tree.body[0], ast.Import | ast.ImportFrom)
        ):
            yield page.problem(cells[0].line, "the first code cell holds the imports")
        call = last_call(cells[-1])
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
        items = len(list_items(tokens, place + 2))
        if not 3 <= items <= 5:
            message = f"**You will learn** is followed by {items} list items; 3 to 5"
            yield page.problem(body.line + tokens[place].map[0], message)
    if "Time:" in found:
        place = found["Time:"]
        if not re.match(r"\*\*Time:\*\* about \d+ minutes", texts[place]):
            message = "expected: **Time:** about N minutes"
            yield page.problem(body.line + tokens[place].map[0], message)


def list_items(tokens: Sequence[Token], position: int) -> list[str]:
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
        call = last_call(stubs[-1]) if stubs else None
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
