"""The spelling of prose, comments and strings."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile
import tokenize
from collections.abc import Iterable
from pathlib import Path

from tools.book import Page, Problem
from tools.check_chapters.prose import CITATION, CODE, prose_of


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
