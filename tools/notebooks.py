"""Write the notebook beside each chapter: ``python -m tools.notebooks``.

A chapter is MyST Markdown. Colab, Jupyter and GitHub know no MyST, so its notebook
holds plain Markdown: references become text or links, admonitions quotations, and
solutions folded blocks. What the generator does not know, it refuses, with file and
line. ``--check`` writes nothing and fails where a notebook is not what it would be.
"""

from __future__ import annotations

import argparse
import difflib
import functools
import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from markdown_it import MarkdownIt
from nbformat import NotebookNode, v4

from tools.chapter import (
    ADMONITIONS,
    DIRECTIVES,
    ROLES,
    ROOT,
    TAGS,
    Book,
    BookError,
    Directive,
    Fragment,
    Mark,
    Page,
    Problem,
    read_role,
)

SETUP = """\
# Install the book's helper package where it is missing, as in Colab.
import importlib.util

if importlib.util.find_spec("imgcls_helpers") is None:
    source = "git+{repository}"
    %pip install -q "imgcls-helpers @ {{source}}"
    importlib.invalidate_caches()
    if importlib.util.find_spec("imgcls_helpers") is None:
        raise ImportError(
            f"The helper package could not be installed from {{source}}; "
            "the lines above say why. Is there a network?"
        )"""

_NAMES = {
    "html_block": "raw HTML",
    "html_inline": "raw HTML",
    "code_block": "an indented code block (use a fence)",
    "math_block_label": "a label behind $$ (use the math directive with :label:)",
    "amsmath": "a LaTeX environment outside $$ (use the math directive)",
    "myst_block_break": "a cell break (+++)",
    "footnote_ref": "a footnote",
    "footnote_reference_open": "a footnote",
    "image": "an image (use the figure directive)",
    "dl_open": "a definition list",
}
_KNOWN = {
    *("heading", "paragraph", "bullet_list", "ordered_list", "list_item", "blockquote"),
    *("table", "thead", "tbody", "tr", "th", "td", "em", "strong", "link"),
    *("inline", "hr", "fence", "colon_fence", "math_block", "myst_line_comment"),
    *("myst_target", "front_matter", "text", "softbreak", "hardbreak"),
    *("code_inline", "math_inline", "math_inline_double", "myst_role"),
}
_OPTIONS = {
    "dropdown": {"open"},
    "math": {"label"},
    "figure": {"alt", "name", "width", "align"},
    "code-cell": {"tags", "mystnb"},
} | {name: {"class"} for name in ADMONITIONS}


@dataclass
class Cell:
    """A cell of the notebook to be: its kind and its source."""

    kind: str
    source: str
    solution: bool = False


@dataclass
class Writer:
    """Turns one chapter into cells of plain Markdown and code."""

    book: Book
    page: Page
    cells: list[Cell] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    cited: list[str] = field(default_factory=list)

    def wrong(self, line: int, message: str) -> None:
        """Note a problem."""
        self.problems.append(self.page.problem(line, message))

    # Running text ---------------------------------------------------------------

    def role(self, mark: Mark, line: int) -> str:
        """Return a role as plain Markdown."""
        text, target = read_role(mark.content)
        if mark.name in ("cite:t", "cite:p"):
            return self.citation(mark, line)
        if mark.name == "term":
            known = {t.lower(): t for group in self.book.glossary for t in group}
            term = known.get(target.lower())
            if term is None:
                self.wrong(line, f"the glossary has no term {target!r}")
                return text
            address = self.book.address(self.book.glossary_page)
            return f"[{text}]({address}#{_term_id(term)})"
        label = self.book.labels.get(target)
        kinds = {"numref": ("figure",), "eq": ("equation",)}
        wanted = kinds.get(mark.name, ("place", "figure"))
        if label is None or label.kind not in wanted:
            expected = "figure or place" if len(wanted) > 1 else wanted[0]
            self.wrong(line, f"{{{mark.name}}}: no {expected} is named {target!r}")
            return text
        if mark.name == "ref":
            if text == target:
                message = f"give the reference a text: {{ref}}`text <{target}>`"
                self.wrong(line, message)
            return f"[{text}]({self.book.address(label.page.docname, target)})"
        if not label.number:
            self.wrong(line, f"{target!r} has no number, because it is in no chapter")
        if mark.name == "eq":
            text = f"({label.number})"
        elif text == target:
            text = f"Figure {label.number}"
        else:
            text = text.replace("%s", label.number).replace("{number}", label.number)
        if label.page is self.page:
            return text
        return f"[{text}]({self.book.address(label.page.docname, target)})"

    def citation(self, mark: Mark, line: int) -> str:
        """Return a citation as author and year, linked to the work."""
        parts = []
        for key in (key.strip() for key in mark.content.split(",")):
            entry = self.book.bibliography.entries.get(key)
            if entry is None:
                self.wrong(line, f"book/references.bib has no entry {key!r}")
                continue
            if key not in self.cited:
                self.cited.append(key)
            people = entry.persons.get("author") or entry.persons.get("editor") or []
            names = ["".join(_plain(n) for n in p.rich_last_names) for p in people]
            names = names or [_plain(entry.rich_fields.get("organization", key))]
            who = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
            year = entry.fields.get("year", "n.d.")
            text = f"{who} ({year})" if mark.name == "cite:t" else f"{who}, {year}"
            address = work_address(entry)
            parts.append(f"[{text}]({address})" if address else text)
        return ", ".join(parts) if mark.name == "cite:t" else f"({'; '.join(parts)})"

    def link(self, mark: Mark, line: int) -> str:
        """Return the address on the site that a relative link points at."""
        page = self.book.find(self.page, mark.content)
        if page is None:
            message = f"{mark.content}: {self.book.no_page(mark.content)}"
            self.wrong(line, message)
            return mark.content
        return self.book.address(page.docname)

    def inline_problems(self, fragment: Fragment) -> None:
        """Note running text that may not be there."""
        for token in fragment.tokens:
            first = fragment.line + (token.map[0] if token.map else 0)
            line = first
            for child in token.children or []:
                line += child.type in ("softbreak", "hardbreak")
                if child.type == "myst_role" and child.meta["name"] not in ROLES:
                    known = ", ".join(ROLES)
                    name = child.meta["name"]
                    self.wrong(line, f"the role {{{name}}} is unknown; known: {known}")
                elif not _known(child.type):
                    what = _NAMES.get(child.type, child.type)
                    self.wrong(line, f"{what} is not for chapters")
                elif child.type == "text" and re.search(r"\{\{|\{%", child.content):
                    self.wrong(line, "a substitution is not for chapters")
        for name in fragment.env.get("references", {}):
            message = f"write the address of [{name.lower()}] in the link itself"
            self.wrong(fragment.line, message)

    def inline_edits(self, fragment: Fragment) -> Iterator[tuple[int, int, str]]:
        """Yield the replacements of roles and links."""
        for mark in fragment.marks:
            line = fragment.line_of(mark.start)
            new = ""
            if mark.kind == "link":
                new = self.link(mark, line)
            elif mark.name in ROLES:
                new = self.role(mark, line)
            yield mark.start, mark.end, new

    # Blocks ---------------------------------------------------------------------

    def markdown(self, fragment: Fragment) -> str:
        """Return a piece of a chapter that holds no cells as plain Markdown."""
        return "".join(
            part if isinstance(part, str) else "" for part in self.parts(fragment)
        ).strip("\n")

    def parts(self, fragment: Fragment) -> Iterator[str | Directive]:
        """Yield the text between code cells, and the code cells."""
        self.inline_problems(fragment)
        edits: list[tuple[int, int, str | Directive]] = [*self.inline_edits(fragment)]
        for position, token in enumerate(fragment.tokens):
            if token.type == "inline" or token.nesting < 0:
                continue
            line = fragment.line + (token.map[0] if token.map else 0)
            directive = fragment.directives.get(position)
            if not _known(token.type):
                self.wrong(
                    line, f"{_NAMES.get(token.type, token.type)} is not for chapters"
                )
            elif directive:
                edits.append(
                    (*fragment.span(token), self.block(directive, token.level))
                )
            elif token.type == "colon_fence" or token.info.startswith("{"):
                self.wrong(line, f"not a directive: {token.info!r}")
            elif token.type == "math_block":
                self.check_math(token.content, line)
                if r"\\" in token.content:
                    formula = display(token.content)
                    if token.level:
                        message = r"lines (\\) in a formula inside a list: use aligned"
                        self.wrong(line, message)
                    edits.append((*fragment.span(token), formula + "\n"))
            elif token.type in ("myst_line_comment", "myst_target"):
                start, end = fragment.span(token)
                # It ends a paragraph: an empty line stays, unless there is one.
                new = (
                    "" if start == 0 or fragment.text[:start].endswith("\n\n") else "\n"
                )
                edits.append((start, end, new))
        at = 0
        for start, end, new in sorted(edits, key=lambda edit: edit[:2]):
            yield fragment.text[at:start]
            yield new
            at = end
        yield fragment.text[at:]

    def block(self, directive: Directive, level: int) -> str | Directive:
        """Return a directive as plain Markdown; a code cell as it is."""
        name, line = directive.name, directive.line
        if name not in DIRECTIVES:
            known = ", ".join(DIRECTIVES)
            self.wrong(line, f"the directive {{{name}}} is unknown; known: {known}")
            return ""
        if directive.error:
            self.wrong(line, directive.error)
        if level:
            self.wrong(line, f"{{{name}}} inside a list or a quotation")
        for option in directive.options.keys() - _OPTIONS[name]:
            known = ", ".join(sorted(_OPTIONS[name]))
            self.wrong(line, f"{{{name}}} has no option {option}; known: {known}")
        if name == "code-cell":
            for tag in directive.tags:
                if tag not in TAGS:
                    self.wrong(line, f"unknown tag {tag}; known: {', '.join(TAGS)}")
            return directive
        if name == "math":
            return self.equation(directive)
        if name == "figure":
            return self.figure(directive)
        folded = name == "dropdown"
        title = directive.argument if folded else name.capitalize()
        if not folded and directive.argument:
            message = (
                f"{{{name}}} takes no title (the site would print it as its text): "
                "begin the text with it in bold"
            )
            self.wrong(line, message)
        if (style := directive.options.get("class")) is not None:
            folded = style == "dropdown"
            if not folded:
                self.wrong(line, f"class {style!r} is not known; known: dropdown")
        if not title:
            self.wrong(line, "{dropdown} needs a title behind it")
        body = self.nested(directive)
        if folded:
            title = self.markdown(Fragment(title, line))
            return fold(MarkdownIt().renderInline(title), body)
        quoted = f"**{title}**\n\n{body}".split("\n")
        return "".join(f"> {text}".rstrip() + "\n" for text in quoted)

    def nested(self, directive: Directive) -> str:
        """Return what stands in a directive."""
        assert directive.content is not None
        for inner in directive.content.all_directives():
            if inner.name == "code-cell":
                message = f"a code cell inside {{{directive.name}}} would not run"
                self.wrong(inner.line, message)
        return self.markdown(directive.content)

    def check_math(self, formula: str, line: int) -> None:
        """Note what Sphinx and Jupyter would show differently."""
        if "\n\n" in formula.strip():
            self.wrong(line, "an empty line in a formula")
        if re.search(r"\\begin\{(align|equation|gather)\*?\}", formula):
            self.wrong(line, "use aligned in a formula, not align, equation or gather")

    def equation(self, directive: Directive) -> str:
        """Return a displayed formula with its number."""
        formula = "\n".join(filter(None, (directive.argument, directive.body)))
        self.check_math(formula, directive.line)
        number = self.book.labels[directive.label].number if directive.label else ""
        return display(formula, number) + "\n"

    def figure(self, directive: Directive) -> str:
        """Return a picture that lies beside the chapter, as the site shows it."""
        for option in ("alt", "name"):
            if not directive.options.get(option):
                self.wrong(directive.line, f"{{figure}} needs :{option}:")
        if not directive.body.strip():
            self.wrong(directive.line, "{figure} needs a caption")
            return ""
        picture = self.page.path.parent / directive.argument
        if not (self.book.root / picture).is_file():
            self.wrong(directive.line, f"there is no file {picture.as_posix()}")
        address = f"{self.book.addresses.site}_images/{picture.name}"
        alt = re.sub(r"([\[\]])", r"\\\1", str(directive.options.get("alt", "")))
        return f"![{alt}]({address})\n\n{self.caption(directive)}\n"

    def caption(self, directive: Directive) -> str:
        """Return the caption of a figure with its number."""
        assert directive.content is not None
        text = " ".join(self.markdown(directive.content).split())
        label = self.book.labels.get(directive.label)
        if label is None:
            self.wrong(directive.line, "a figure with a caption needs a name")
            return text
        # The other mark for emphasis, where the caption emphasizes a word itself.
        mark = "_" if "*" in text else "*"
        return f"{mark}Figure {label.number}. {text}{mark}"

    # Cells ----------------------------------------------------------------------

    def add(self, kind: str, source: str, *, solution: bool = False) -> None:
        """Append a cell, unless it is empty."""
        source = source.strip("\n")
        if not source:
            return
        last = self.cells[-1] if self.cells else None
        if solution and last and last.solution:
            last.source += f"\n\n{source}"
        else:
            self.cells.append(Cell(kind, source, solution))

    def write(self) -> list[Cell]:
        """Convert the chapter.

        Raises
        ------
        BookError
            If there is anything in the chapter that the generator does not know.
        """
        text = ""
        for part in self.parts(self.page.body):
            if isinstance(part, str):
                text += part
                continue
            self.add_text(text)
            text = ""
            caption = self.caption(part) if part.content else ""
            if "solution" in part.tags:
                source = f"```python\n{part.body.strip()}\n```\n\n{caption}"
                self.add("markdown", source, solution=True)
            else:
                self.add("code", part.body)
                self.add("markdown", caption)
        self.add_text(text)
        for cell in self.cells:
            if cell.solution:
                cell.source = fold("Show the solution", cell.source).strip("\n")
        self.add("markdown", self.references())
        code = [i for i, cell in enumerate(self.cells) if cell.kind == "code"]
        if not code:
            self.wrong(1, "a chapter needs a code cell")
        if self.problems:
            raise BookError(self.problems)
        setup = SETUP.format(repository=self.book.addresses.repository)
        self.cells.insert(code[0], Cell("code", setup))
        return self.cells

    def add_text(self, text: str) -> None:
        """Append the Markdown between two code cells: one cell for each heading."""
        for piece in pieces(text):
            if not self.cells and re.match(r"# ", piece):
                title, _, rest = piece.partition("\n")
                piece = f"{title}\n\n{self.notice()}\n\n{rest.lstrip()}"
            self.add("markdown", piece)

    def notice(self) -> str:
        """Return the line that says where the notebook comes from."""
        notebook = self.page.path.with_suffix(".ipynb").as_posix()
        return (
            f"*This is chapter {self.page.number} of "
            f"[{self.book.title}]({self.book.addresses.site}). "
            f"[Read it with its results]({self.book.address(self.page.docname)}), "
            f"or [run it in Colab]({self.book.addresses.colab(notebook)}).*"
        )

    def references(self) -> str:
        """Return the list of the works that the chapter cites."""
        if not self.cited:
            return ""
        from pybtex.plugin import find_plugin

        style = find_plugin("pybtex.style.formatting", "plain")()
        backend = find_plugin("pybtex.backends", "markdown")()
        formatted = style.format_bibliography(self.book.bibliography, self.cited)
        works = (" ".join(entry.text.render(backend).split()) for entry in formatted)
        # The backend escapes marks that mean nothing inside a line.
        works = (re.sub(r"\\([-.()!+])", r"\1", work) for work in works)
        return "## References\n\n" + "\n".join(f"- {work}" for work in works)


def pieces(text: str) -> Iterator[str]:
    r"""Cut Markdown before each heading.

    Examples
    --------
    >>> list(pieces("a\n\n# b\n\nc"))
    ['a\n\n', '# b\n\nc']
    """
    fragment = Fragment(text)
    cuts = [
        fragment.span(token)[0]
        for token in fragment.tokens
        if token.type == "heading_open" and token.level == 0
    ]
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        yield text[start:end]


def _known(kind: str) -> bool:
    return kind in _KNOWN or kind.removesuffix("_open").removesuffix("_close") in _KNOWN


def _plain(rich: object) -> str:
    from pybtex.richtext import Text

    return str(Text(rich)) if not isinstance(rich, Text) else str(rich)


@functools.cache
def _term_id(term: str) -> str:
    """Return the anchor that Sphinx gives to a term of the glossary."""
    from sphinx.util.nodes import _make_id

    return _make_id(f"term-{term}")


def work_address(entry: object) -> str:
    """Return where a work of the bibliography can be read: DOI, arXiv or address."""
    fields = entry.fields  # type: ignore[attr-defined]
    address = fields.get("url", "")
    if "eprint" in fields:
        address = f"https://arxiv.org/abs/{fields['eprint']}"
    if "doi" in fields:
        address = f"https://doi.org/{fields['doi']}"
    return address.replace("(", "%28").replace(")", "%29")


def display(formula: str, number: str = "") -> str:
    r"""Return a displayed formula as Jupyter and Colab read it.

    Examples
    --------
    >>> print(display("a = b", "1.2"))
    $$
    a = b \tag{1.2}
    $$
    """
    formula = formula.strip()
    if r"\\" in formula:  # what Sphinx does by itself
        formula = f"\\begin{{aligned}}\n{formula}\n\\end{{aligned}}"
    tag = f" \\tag{{{number}}}" if number else ""
    return f"$$\n{formula}{tag}\n$$"


def fold(title: str, body: str) -> str:
    """Return a block that opens with a click; the title is HTML.

    Examples
    --------
    >>> print(fold("More", "text"))
    <details>
    <summary>More</summary>
    <BLANKLINE>
    text
    <BLANKLINE>
    </details>
    <BLANKLINE>
    """
    return f"<details>\n<summary>{title}</summary>\n\n{body.strip()}\n\n</details>\n"


def cell_ids(cells: Sequence[Cell], old: Sequence[NotebookNode]) -> list[str]:
    """Choose an id for each cell: the one it had, where it was there before.

    Cells that are the same keep their id; among the others, those at the same place
    between them do. A new cell's id is a hash of what it holds.
    """
    before = [(cell.cell_type, cell.source) for cell in old]
    now = [(cell.kind, cell.source) for cell in cells]
    ids = [""] * len(cells)
    matcher = difflib.SequenceMatcher(None, before, now, autojunk=False)
    for _, old_start, old_end, start, end in matcher.get_opcodes():
        pairs = zip(range(old_start, old_end), range(start, end), strict=False)
        for there, here in pairs:
            if before[there][0] == now[here][0]:
                ids[here] = old[there].get("id", "")
    for here, cell in enumerate(now):
        occurrence = 0
        while not ids[here] or ids.count(ids[here]) > 1:
            text = "\n".join((*cell, str(occurrence)))
            ids[here] = hashlib.sha256(text.encode()).hexdigest()[:12]
            occurrence += 1
    return ids


def notebook_text(cells: Sequence[Cell], old: str = "") -> str:
    """Return the file of a notebook; ids are kept from the file that was there."""
    try:
        before = nbformat.reads(old, as_version=4).cells if old else []
    except Exception:  # not a notebook, or half of one: as if it were not there
        before = []
    made = []
    for cell, cell_id in zip(cells, cell_ids(cells, before), strict=True):
        new = getattr(v4, f"new_{cell.kind}_cell")
        made.append(new(cell.source, id=cell_id))
    notebook = v4.new_notebook(
        cells=made,
        metadata={
            "colab": {"provenance": [], "toc_visible": True},
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
        },
    )
    notebook.nbformat_minor = 5
    nbformat.validate(notebook)
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def convert(book: Book, page: Page) -> list[Cell]:
    """Return the cells of a chapter's notebook.

    Raises
    ------
    BookError
        If there is anything in the chapter that the generator does not know.
    """
    return Writer(book, page).write()


def convert_all(book: Book) -> dict[Path, str]:
    """Return what each notebook of the book must hold.

    Raises
    ------
    BookError
        With the problems of all chapters.
    """
    problems = list(book.problems)
    texts = {}
    for page in book.chapters:
        path = book.root / page.path.with_suffix(".ipynb")
        old = path.read_text(encoding="utf-8") if path.is_file() else ""
        try:
            texts[path] = notebook_text(convert(book, page), old)
        except BookError as error:
            problems += error.problems
    if problems:
        raise BookError(problems)
    return texts


def differing(book: Book) -> dict[Path, str]:
    """Return the notebooks that are not what they must be, with what they must hold.

    A notebook that no chapter stands for must hold nothing: an empty text.
    """
    texts = convert_all(book)
    changed = {
        path: text
        for path, text in texts.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    }
    left_over = sorted(set(book.root.glob("book/[0-9][0-9]-*.ipynb")) - set(texts))
    return changed | dict.fromkeys(left_over, "")


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Write the notebooks, or check them; return 1 when something is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.notebooks", description="Write the chapters' notebooks."
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail where one differs"
    )
    options = parser.parse_args(arguments)
    try:
        changed = differing(Book(root))
    except BookError as error:
        print(error, file=sys.stderr)
        return 1
    for path, text in changed.items():
        name = path.relative_to(root).as_posix()
        if not text:
            print(f"{name}: no chapter of _toc.yml stands for it; remove it")
        elif options.check:
            print(f"{name}: not what its chapter gives; run make notebooks")
        else:
            write_whole(path, text)
            print(f"{name}: written")
    return int(options.check and bool(changed))


if __name__ == "__main__":
    sys.exit(main())
