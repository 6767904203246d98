"""One chapter, turned into cells of plain Markdown and code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from markdown_it import MarkdownIt

from tools.book import Book, BookError, Page, Problem
from tools.myst import (
    ADMONITIONS,
    DIRECTIVES,
    ROLES,
    TAGS,
    Directive,
    Fragment,
    Mark,
    read_role,
)
from tools.notebooks.plain import (
    cited_as,
    display,
    fold,
    list_of_works,
    pieces,
    term_id,
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
            return f"[{text}]({address}#{term_id(term)})"
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
            parts.append(cited_as(entry, textual=mark.name == "cite:t"))
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
        works = list_of_works(self.book.bibliography, self.cited)
        return f"## References\n\n{works}"


def _known(kind: str) -> bool:
    return kind in _KNOWN or kind.removesuffix("_open").removesuffix("_close") in _KNOWN
