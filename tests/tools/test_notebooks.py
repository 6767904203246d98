"""The notebook generator: what a chapter becomes, and what it refuses."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nbformat
import pytest
import yaml
from myst_nb.core.read import read_myst_markdown_notebook

from tests.tools import tiny_book
from tools import notebooks
from tools.book import Book, BookError
from tools.myst import EXTENSIONS, Fragment
from tools.notebooks.cells import cell_ids
from tools.notebooks.writer import SETUP
from tools.places import ROOT

SITE = "https://someone.github.io/some-book/"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tiny_book.write_book(tmp_path)


def cells_of(root: Path, chapter: int = 0) -> list[notebooks.Cell]:
    book = Book(root)
    return notebooks.convert(book, book.chapters[chapter])


def markdown_of(root: Path, chapter: int = 0) -> str:
    cells = cells_of(root, chapter)
    return "\n".join(cell.source for cell in cells if cell.kind == "markdown")


def converted(tmp_path: Path, text: str) -> str:
    """Return the Markdown that a piece of a chapter becomes."""
    marker = "## What goes wrong\n"
    first = tiny_book.FIRST.replace(marker, f"## Here\n\n{text}\n\n{marker}")
    tiny_book.write_book(tmp_path, first)
    whole = markdown_of(tmp_path)
    return whole[whole.index("## Here") + 7 : whole.index(marker)].strip()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{term}`pixel`", f"[pixel]({SITE}book/glossary.html#term-pixel)"),
        ("{term}`Pixels <pixel>`", f"[Pixels]({SITE}book/glossary.html#term-pixel)"),
        ("{term}`nets <CNN>`", f"[nets]({SITE}book/glossary.html#term-CNN)"),
        (
            "{cite:t}`lecun1998gradient`",
            "[LeCun et al. (1998)](https://doi.org/10.1109/5.726791)",
        ),
        (
            "{cite:p}`he2016deep, lecun1998gradient`",
            "([He and Zhang, 2016](https://arxiv.org/abs/1512.03385); "
            "[LeCun et al., 1998](https://doi.org/10.1109/5.726791))",
        ),
        ("{numref}`fig-line`", "Figure 1.1"),
        ("{numref}`fig-drawn`", "Figure 1.2"),
        ("{numref}`drawing %s <fig-drawn>`", "drawing 1.2"),
        ("{numref}`fig-other`", f"[Figure 2.1]({SITE}book/02-second.html#fig-other)"),
        ("{eq}`eq-sum`", "(1.1)"),
        ("{ref}`it <sec-question>`", f"[it]({SITE}book/01-first.html#sec-question)"),
        ("[t](02-second.md)", f"[t]({SITE}book/02-second.html)"),
        ("[*t*](../index.md)", f"[*t*]({SITE}index.html)"),
        ("<https://a.b> and [c](https://d.e/f_(g))",) * 2,
        ("`{eq}` and ``{eq}`eq-sum` `` and $x_{1}$",) * 2,
        ("`` [t](02-second.md) `` [t](01-first.md)",) * 1
        + (f"`` [t](02-second.md) `` [t]({SITE}book/01-first.html)",),
        ("a\n% a remark\nb", "a\n\nb"),
        ("> quoted {term}`the\n> pixel <pixel>`", None),
        ("$$\na = b\n$$",) * 2,
        ("```{math}\na = b\n```", "$$\na = b\n$$"),
        ("```{math}\n:label: e\n\na = b\n```", "$$\na = b \\tag{1.2}\n$$"),
        (
            "$$\na \\\\\nb\n$$",
            "$$\n\\begin{aligned}\na \\\\\nb\n\\end{aligned}\n$$",
        ),
        (":::{warning}\nMind.\n:::", "> **Warning**\n>\n> Mind."),
        (
            ":::{warning}\n:class: dropdown\n\nMind.\n:::",
            "<details>\n<summary>Warning</summary>\n\nMind.\n\n</details>",
        ),
        (
            ":::{dropdown} On `x` < $y$\nHere.\n:::",
            "<details>\n<summary>On <code>x</code> &lt; $y$</summary>\n\n"
            "Here.\n\n</details>",
        ),
        (
            "::::{tip}\n:::{dropdown} Why\n- so\n:::\n::::",
            "> **Tip**\n>\n> <details>\n> <summary>Why</summary>\n>\n> - so\n>\n"
            "> </details>",
        ),
        (
            "```{figure} images/drawn.png\n:alt: An [a] thing.\n:name: fig-b\n\n"
            "Cap, by {cite:t}`he2016deep`.\n```",
            f"![An \\[a\\] thing.]({SITE}_images/drawn.png)\n\n*Figure 1.3. Cap, by "
            "[He and Zhang (2016)](https://arxiv.org/abs/1512.03385).*",
        ),
        ("```python\n{x}\n```",) * 2,
    ],
)
def test_what_markdown_becomes(
    tmp_path: Path, source: str, expected: str | None
) -> None:
    if expected is None:
        address = f"{SITE}book/glossary.html#term-pixel"
        expected = f"> quoted [the pixel]({address})"
    assert converted(tmp_path, source) == expected


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("```{list-table}\n- a\n```", "directive {list-table} is unknown; known: note"),
        (":::{seealso}\na\n:::", "directive {seealso} is unknown"),
        ("{doc}`x`", "role {doc} is unknown; known: term"),
        ("a\nb {math}`x`", "role {math} is unknown"),
        ("<b>bold</b>", "raw HTML"),
        ("<div>\nblock\n</div>", "raw HTML"),
        ("<!-- a remark -->", "raw HTML"),
        ("![a](b.png)", "use the figure directive"),
        ("a {{ sub }}", "substitution"),
        ("a[^1]\n\n[^1]: b", "footnote"),
        ("[a][b]\n\n[b]: https://c.d", "in the link itself"),
        ("+++", "cell break"),
        ("    indented", "indented code"),
        ("$$\nx\n$$ (label)", ":label:"),
        ("\\begin{align}\nx\n\\end{align}", "LaTeX environment"),
        ("$$\n\\begin{align}x\\end{align}\n$$", "use aligned"),
        ("```{math}\na\n\nb\n```", "an empty line in a formula"),
        ("{term}`voxel`", "the glossary has no term 'voxel'"),
        ("{cite:t}`nobody2000nothing`", "no entry 'nobody2000nothing'"),
        ("{numref}`fig-none`", "no figure is named 'fig-none'"),
        ("{numref}`eq-sum`", "no figure is named 'eq-sum'"),
        ("{eq}`fig-line`", "no equation is named"),
        ("{ref}`sec-question`", "give the reference a text"),
        ("[a](03-third.md)", "03-third.md: no page of _toc.yml"),
        ("[a](02-second.md#sec-second)", "link to a place with {ref}"),
        (":::{note} Title\nText.\n:::", "takes no title"),
        (":::{note}\n:class: big\n\nText.\n:::", "class 'big'"),
        (":::{note}\n:name: x\n\nText.\n:::", "no option name"),
        (":::{dropdown}\nText.\n:::", "needs a title"),
        ("- a\n\n  :::{note}\n  b\n  :::", "inside a list"),
        (":::{note}\n```{code-cell}\n1\n```\n:::", "would not run"),
        (":::note\na\n:::", "not a directive"),
        ("```{code-cell} ipython3\n:tags: [bold]\n1\n```", "unknown tag bold"),
        ("```{code-cell} ipython3\n:tag: [solution]\n1\n```", "no option tag"),
        ("```{code-cell} ipython3\n---\na: [\n---\n1\n```", "not YAML"),
        ("a term\n: what it is", "a definition list"),
        (
            "```{code-cell}\n---\nmystnb:\n  figure: {caption: A.}\n---\n1\n```",
            "needs a name",
        ),
        ("```{figure} images/drawn.png\n:alt: A\n\nCap.\n```", "needs :name:"),
        ("```{figure} images/drawn.png\n:name: fig-c\n\nCap.\n```", "needs :alt:"),
        ("```{figure} images/drawn.png\n:alt: A\n:name: fig-c\n```", "needs a caption"),
        (
            "```{figure} no.png\n:alt: A\n:name: fig-c\n\nCap.\n```",
            "no file book/no.png",
        ),
        (
            "(sec-question)=\n### Again",
            "name sec-question is taken by book/01-first.md",
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, source: str, message: str) -> None:
    with pytest.raises(BookError) as caught:
        converted(tmp_path, source)
        notebooks.convert_all(Book(tmp_path))
    assert message in str(caught.value)
    lines = tiny_book.FIRST[: tiny_book.FIRST.index("## What goes wrong")].count("\n")
    first = lines + 3  # where the piece starts in the file
    places = [p.line for p in caught.value.problems if message in str(p)]
    # The definition of a link has no place of its own; else it is in the piece.
    in_place = first <= places[0] <= first + source.count("\n")
    assert in_place or "link itself" in message
    assert str(caught.value).startswith("book/01-first.md:")


def test_the_line_of_a_problem_is_exact(tmp_path: Path) -> None:
    with pytest.raises(BookError) as caught:
        converted(tmp_path, "::::{note}\n\nOne.\n\n:::{tip}\nTwo\n{doc}`x`\n:::\n::::")
    lines = (tmp_path / "book/01-first.md").read_text().split("\n")
    assert [lines[p.line - 1] for p in caught.value.problems] == ["{doc}`x`"]


def test_the_code_cells_are_those_of_the_site(root: Path) -> None:
    text = (root / "book/01-first.md").read_text()
    site = [
        c.source
        for c in read_myst_markdown_notebook(text).cells
        if "code" in c.cell_type
    ]
    page = Book(root).chapters[0]
    assert [cell.body for cell in page.cells] == site
    solutions = [c.body for c in page.cells if "solution" in c.tags]
    written = [cell.source for cell in cells_of(root) if cell.kind == "code"]
    assert written[1:] == [source for source in site if source not in solutions]


def test_no_myst_is_left(root: Path) -> None:
    for cell in cells_of(root) + cells_of(root, 1):
        if cell.kind == "markdown":
            fragment = Fragment(cell.source)
            assert not fragment.directives and ":::" not in cell.source
            assert not [mark for mark in fragment.marks if mark.kind == "role"]
            kinds = {token.type for token in fragment.tokens}
            assert not kinds & {"myst_target", "myst_line_comment", "front_matter"}


def test_the_form_of_the_notebook(root: Path) -> None:
    assert notebooks.main([], root) == 0
    path = root / "book/01-first.ipynb"
    text = path.read_text(encoding="utf-8")
    assert text.endswith("}\n") and not text.endswith("\n\n")
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    assert "accelerator" not in notebook.metadata
    assert (
        json.dumps(json.loads(text), sort_keys=True, indent=1, ensure_ascii=False)
        + "\n"
        == text
    )
    for cell in notebook.cells:
        assert cell.metadata == {}
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None
    top = notebook.cells[0].source
    assert top.startswith("# The first chapter\n\n*This is chapter 1 of [A tiny book](")
    assert f"({SITE}book/01-first.html)" in top and "jupytext" not in text
    assert "/someone/some-book/blob/main/book/01-first.ipynb)" in top


def test_the_setup_cell_is_the_first_code_cell(root: Path) -> None:
    code = [cell.source for cell in cells_of(root) if cell.kind == "code"]
    assert "find_spec" in code[0] and "find_spec" not in "".join(code[1:])
    assert "git+https://github.com/someone/some-book" in code[0]
    assert not (root / "book/01-first.ipynb").exists()
    assert "find_spec" not in (root / "book/01-first.md").read_text()


def run_setup(monkeypatch: pytest.MonkeyPatch, *, there: list[bool]) -> list[str]:
    """Run the setup cell; ``there``: is the package there, at each time of asking."""
    import importlib.util

    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    asked: list[str] = []
    shell.register_magic_function(asked.append, magic_name="pip")
    answers = iter(there)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: next(answers) or None)
    cell = SETUP.format(repository="https://github.com/someone/some-book")
    try:
        shell.run_cell(cell).raise_error()
    finally:
        monkeypatch.undo()
        InteractiveShell.clear_instance()
    return asked


def test_setup_installs_only_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_setup(monkeypatch, there=[True]) == []
    asked = run_setup(monkeypatch, there=[False, True])
    wanted = "imgcls-helpers @ git+https://github.com/someone/some-book"
    assert asked == [f'install -q "{wanted}"']


def test_setup_says_what_went_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImportError, match=r"could not be installed from git\+https"):
        run_setup(monkeypatch, there=[False, False])


def test_solutions_are_folded_and_joined(root: Path) -> None:
    folded = [c.source for c in cells_of(root) if "Show the solution" in c.source]
    assert len(folded) == 3
    assert folded[0] == (
        "<details>\n<summary>Show the solution</summary>\n\n"
        "```python\nanswer = 1 + 1\n```\n\n"
        "```python\ndef twice(x):\n    return 2 * x\n\n\n"
        'check("1.1", answer)\n```\n\n</details>'
    )


def test_a_caption_follows_its_figure(root: Path) -> None:
    cells = cells_of(root)
    (place,) = [i for i, cell in enumerate(cells) if cell.source.startswith("plt.plot")]
    assert cells[place + 1].kind == "markdown"
    assert cells[place + 1].source == (
        "_Figure 1.1. A line, as *Euclid* and "
        "[He and Zhang (2016)](https://arxiv.org/abs/1512.03385) drew it._"
    )


def test_a_figure_in_a_solution_counts(tmp_path: Path) -> None:
    solution = """```{code-cell} ipython3
---
tags: [solution, hide-cell]
mystnb:
  image: {alt: "A line."}
  figure: {caption: Solved., name: fig-solved}
---
2
```

```{figure} images/drawn.png
:alt: A thing.
:name: fig-after
After.
```
"""
    text = converted(tmp_path, solution)
    assert "```python\n2\n```\n\n*Figure 1.3. Solved.*\n\n</details>" in text
    assert "*Figure 1.4. After.*" in text


def test_the_references_are_listed(root: Path) -> None:
    last = cells_of(root)[-1].source
    assert last.startswith("## References\n\n- Kaiming He and Xiangyu Zhang.")
    assert "Léon Bottou" in last and last.count("\n- ") == 2
    assert "## References" not in markdown_of(root, chapter=1)


def test_check_names_what_differs(root: Path, capsys: pytest.CaptureFixture) -> None:
    assert notebooks.main(["--check"], root) == 1
    assert not (root / "book/01-first.ipynb").exists()
    assert notebooks.main([], root) == 0
    capsys.readouterr()
    assert notebooks.main(["--check"], root) == 0
    assert capsys.readouterr().out == ""
    (root / "book/02-second.ipynb").write_text("{}")
    (root / "book/03-gone.ipynb").write_text("{}")
    assert notebooks.main(["--check"], root) == 1
    out = capsys.readouterr().out
    assert "book/02-second.ipynb: not what" in out and "01-first" not in out
    assert "book/03-gone.ipynb: no chapter" in out


def test_only_what_changed_is_written(
    root: Path, capsys: pytest.CaptureFixture
) -> None:
    notebooks.main([], root)
    before = {p: p.stat().st_mtime_ns for p in root.glob("book/*.ipynb")}
    assert len(before) == 2
    chapter = root / "book/02-second.md"
    chapter.write_text(chapter.read_text() + "\nMore.\n")
    capsys.readouterr()
    assert notebooks.main([], root) == 0
    assert capsys.readouterr().out == "book/02-second.ipynb: written\n"
    after = {p: p.stat().st_mtime_ns for p in root.glob("book/*.ipynb")}
    assert [p.name for p in before if before[p] != after[p]] == ["02-second.ipynb"]
    assert not list(root.glob("book/.*"))


def test_nothing_is_written_when_a_chapter_is_refused(
    root: Path, capsys: pytest.CaptureFixture
) -> None:
    (root / "book/02-second.md").write_text(tiny_book.SECOND + "\n{doc}`x`\n")
    assert notebooks.main([], root) == 1
    assert "book/02-second.md:21: the role {doc}" in capsys.readouterr().err
    assert not list(root.glob("book/*.ipynb"))


def test_a_notebook_is_whole_or_not_there(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(OSError, match="full"):
        notebooks.main([], root)
    assert not list(root.glob("book/*.ipynb")) and not list(root.glob("book/.*"))


def ids_of(root: Path) -> dict[str, str]:
    notebook = nbformat.read(root / "book/01-first.ipynb", as_version=4)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    return {cell.source: cell.id for cell in notebook.cells}


def test_ids_are_the_same_anywhere(tmp_path: Path) -> None:
    found = []
    for name in ("a", "b"):
        root = tiny_book.write_book(tmp_path / name)
        notebooks.main([], root)
        found.append((root / "book/01-first.ipynb").read_bytes())
    assert found[0] == found[1]


def test_ids_stay_when_other_cells_change(root: Path) -> None:
    notebooks.main([], root)
    before = ids_of(root)
    text = tiny_book.FIRST.replace("Nothing at all.", "Something else.")
    new = "## A new section\n\nNew.\n\n"
    text = text.replace("## What goes wrong", new + "## What goes wrong")
    tiny_book.write_book(root, text)
    notebooks.main([], root)
    after = ids_of(root)
    kept = {source for source in before if source in after}
    assert len(kept) == len(before) - 1
    assert all(before[source] == after[source] for source in kept)
    old_changed = before["## What goes wrong\n\nNothing at all."]
    # One of the two has the place of the cell that changed; the other is new.
    new_ids = [after[source] for source in after if source not in before]
    assert old_changed in new_ids and len(new_ids) == 2
    assert sum(cell_id in before.values() for cell_id in new_ids) == 1


def test_an_id_is_kept_by_a_cell_that_changed(root: Path) -> None:
    notebooks.main([], root)
    before = ids_of(root)
    text = tiny_book.FIRST.replace("Nothing at all.", "Something else.")
    tiny_book.write_book(root, text)
    notebooks.main([], root)
    old, new = (
        f"## What goes wrong\n\n{x}" for x in ("Nothing at all.", "Something else.")
    )
    assert before[old] == ids_of(root)[new]
    # Back again, and the old text elsewhere: still no id twice.
    text = text.replace(
        "Something else.", "Something else.\n\n## More\n\nA.\n\n## More\n\nA."
    )
    tiny_book.write_book(root, text)
    notebooks.main([], root)
    notebook = nbformat.read(root / "book/01-first.ipynb", as_version=4)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


def test_equal_cells_have_their_own_ids() -> None:
    cells = [notebooks.Cell("markdown", "Again.")] * 3
    ids = cell_ids(cells, [])
    assert len(set(ids)) == 3
    # A cell that comes before its equal from before takes no id from it.
    old = nbformat.v4.new_markdown_cell("Other.", id=ids[0])
    assert len(set(cell_ids([*cells, cells[0]], [old]))) == 4


def test_a_broken_notebook_is_written_anew(root: Path) -> None:
    notebooks.main([], root)
    path = root / "book/01-first.ipynb"
    good = path.read_text()
    path.write_text(good[: len(good) // 2])
    assert notebooks.main([], root) == 0
    assert path.read_text() == good


def test_the_number_in_the_name_is_the_place(root: Path) -> None:
    (root / "book/02-second.md").rename(root / "book/03-second.md")
    toc = root / "_toc.yml"
    toc.write_text(toc.read_text().replace("02-second", "03-second"))
    with pytest.raises(BookError, match="calls this chapter 2"):
        Book(root)


def test_a_missing_page_is_named(root: Path) -> None:
    (root / "book/02-second.md").unlink()
    with pytest.raises(BookError, match=r"book/02-second\.md is not there"):
        Book(root)


def test_two_pictures_of_one_name_are_refused(tmp_path: Path) -> None:
    figure = "```{figure} %s\n:alt: A thing.\n:name: fig-again\n\nA.\n```"
    converted(tmp_path, figure % "images/drawn.png")  # the same one, twice
    assert Book(tmp_path).problems == []
    (tmp_path / "book/drawn.png").touch()
    converted(tmp_path, figure % "drawn.png")
    (problem,) = Book(tmp_path).problems
    assert "book/images/drawn.png is another picture of that name" in str(problem)


def test_the_site_reads_chapters_as_the_generator_does() -> None:
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    enabled = set(config["parse"]["myst_enable_extensions"])
    assert enabled == set(EXTENSIONS)
    assert config["sphinx"]["config"]["numfig_format"]["figure"] == "Figure %s"
