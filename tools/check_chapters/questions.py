"""Quick questions in their form, and findings by names that other pages can quote."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from tools.book import Book, Page, Problem
from tools.check_chapters.cells import parsed
from tools.check_chapters.structure import list_items


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
    items = list_items(page.body.tokens, after[0]) if after else []
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
        for item in list_items(content, position)
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
            for call in ast.walk(parsed(cell) or ast.Module([], [])):
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
