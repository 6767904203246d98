"""The checks of the chapters: each catches its fault, and passes a good sample."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from tests.tools import tiny_book
from tools import check_chapters as checks
from tools.book import Book, Problem
from tools.pictures import images_without_alt

HERE = "## What goes wrong\n"
# The first chapter as the checks want it: without words that only the generator's
# tests need.
GOOD = tiny_book.FIRST


def problems_of(root: Path, text: str) -> list[Problem]:
    tiny_book.write_book(root, text)
    book = Book(root)
    page = book.chapters[0]
    found = list(book.problems)
    for check in (*checks.PAGE_CHECKS, *checks.CHAPTER_CHECKS):
        found += check(book, page)
    for check in checks.BOOK_CHECKS:
        found += check(book)
    return sorted(set(found))


def with_piece(piece: str) -> str:
    return GOOD.replace(HERE, f"## Here\n\n{piece}\n\n{HERE}")


def messages(root: Path, piece: str) -> str:
    """Return what the checks say about a chapter with one more piece in it."""
    return "\n".join(map(str, problems_of(root, with_piece(piece))))


def cell(code: str, metadata: str = "") -> str:
    return f"```{{code-cell}} ipython3\n{metadata}{code}\n```"


def figure(alt: str = "A line that goes up.", caption: str = "A.", name: str = "fig-x"):
    return (
        "---\nmystnb:\n"
        f"  image: {{alt: {alt!r}}}\n"
        f"  figure: {{caption: {caption!r}, name: {name!r}}}\n---\n"
    )


def test_a_good_chapter_passes(tmp_path: Path) -> None:
    assert problems_of(tmp_path, GOOD) == []


def test_every_check_is_run(tmp_path: Path) -> None:
    """A fault for each check, all at once, is found by `check_book`."""
    text = with_piece(
        "A teh cat. It is 61% right. {cite:t}`none2000none` [x](none.md) CNN "
        "{doc}`x`\n\n" + cell("plots.curves(1)\n" + "x = 1\n" * 20)
    ).replace("# The first chapter", "## The first chapter")
    second = tiny_book.SECOND.replace("1 + 1", 'results.finding("line", "a")')
    root = tiny_book.write_book(tmp_path, text, second)
    glossary = root / "book/glossary.md"
    glossary.write_text(glossary.read_text().replace("CNN\n", "voxel\n  A.\n\nCNN\n"))
    (root / "book/07-lost.md").write_text("# Lost\n")
    found = "\n".join(map(str, checks.check_book(Book(root))))
    for message in (
        "spelling: teh ==> the",
        "typed into prose",
        "no entry 'none2000none'",
        "none.md: no page",
        "first use of 'CNN'",
        "role {doc} is unknown",
        "at most 20",
        "needs an alt text",
        "begins with its title",
        "book/07-lost.md:1: the chapter is not in _toc.yml",
        "book/02-second.md:7: **Time:** is missing",
        "book/02-second.md:19: 0 quick questions",
        "the finding line is taken by book/01-first.md:53",
        "no other page uses the term 'voxel'",
    ):
        assert message in found


def test_places_are_exact(tmp_path: Path) -> None:
    piece = ":::{note}\nFine.\n\nIt was right\nin 61% of cases.\n:::"
    (problem,) = problems_of(tmp_path, with_piece(piece))
    lines = (tmp_path / "book/01-first.md").read_text().split("\n")
    assert problem.path == "book/01-first.md"
    assert lines[problem.line - 1] == "in 61% of cases."


def edited(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def dropped(start: str, end: str) -> str:
    """Return the chapter without what stands between two texts."""
    first = GOOD.index(start)
    return GOOD[:first] + GOOD[GOOD.index(end, first) :]


EXERCISE_3 = ("### Exercise 1.3", "## Summary")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (dropped("---", "# The first"), "begins with the front matter"),
        (edited("format_name: myst", "format_name: md"), "with the front matter"),
        (edited("# The first chapter\n", ""), "begins with its title"),
        (edited("## The question", "# The question"), "a second title"),
        (dropped("How does a", "**You will learn**"), "raises the question"),
        (edited("**You will learn**", "You will see"), "**You will learn** is missing"),
        (edited("- to add two numbers.\n", ""), "followed by 2 list items"),
        (edited("- to add two numbers.\n", "- a\n- b\n- c\n- d\n"), "followed by 6"),
        (edited("- to look", "Here:\n\n- to look"), "followed by 0 list items"),
        (dropped("**You need**", "**Time:**"), "**You need** is missing"),
        (dropped("**Time:**", "```{code-cell}"), "**Time:** is missing"),
        (edited("about 5 minutes", "5 minutes"), "about N minutes"),
        (
            dropped("**You need**", "**Time:**").replace(
                "**You will learn**", "**You need** a.\n\n**You will learn**"
            ),
            "the opening goes",
        ),
        (
            edited("from imgcls_helpers import results, runtime\n", "1\n"),
            "holds the imports",
        ),
        (edited("runtime.report()\n", "1\n"), "ends in runtime.report"),
        (edited("## What goes wrong", "## Faults"), "## What goes wrong is missing"),
        (edited("## Summary", "## Sum"), "## Summary is missing"),
        (edited("## Further reading", "## Books"), "## Further reading is missing"),
        (
            edited("## Summary", "## Further reading").replace(
                "## Further reading\n\n{cite", "## Summary\n\n{cite"
            ),
            "come in order",
        ),
        (edited("## Summary", "## More\n\nA.\n\n## Summary"), "come in order"),
        (dropped(*EXERCISE_3), "2 exercises"),
        (edited("Exercise 1.2:", "Exercise 1.4:"), "### Exercise 1.2: title"),
        (edited("Exercise 1.2:", "Exercise 2.2:"), "### Exercise 1.2: title"),
        (edited("Exercise 1.2: add again", "Exercise 1.2"), "### Exercise 1.2: title"),
        (edited('check("1.2", answer)', 'check("1.3", answer)'), 'check("1.2", ...)'),
        (edited('check("1.2", answer)', "answer"), 'check("1.2", ...)'),
        (
            edited('check("1.2", answer)', 'check("1.2", answer)\nanswer'),
            'check("1.2", ...)',
        ),
        (
            edited("[solution, hide-cell]\nanswer = 3", "[hide-cell]\nanswer = 3"),
            "needs a solution",
        ),
        (
            edited("[solution, hide-cell]\nanswer = 3", "[solution]\nanswer = 3"),
            "go together",
        ),
        (
            edited("## The question", "## The question\n\n### Exercise 1.1: a\n"),
            "stands outside",
        ),
        (with_piece("\n\n".join([cell("1")] * 35)), "41 code cells"),
    ],
)
def test_structure(tmp_path: Path, text: str, message: str) -> None:
    found = "\n".join(map(str, problems_of(tmp_path, text)))
    assert message in found


def test_structure_that_is_allowed(tmp_path: Path) -> None:
    text = edited("## What goes wrong", "## What goes wrong: the scale")
    assert problems_of(tmp_path, text) == []
    pieces = "\n\n".join([cell("1")] * 34)  # 40 with those that are there
    assert problems_of(tmp_path, with_piece(pieces)) == []
    solution = cell("1", ":tags: [solution, hide-cell]\n")
    assert problems_of(tmp_path, with_piece(pieces + f"\n\n{solution}")) == []


QUESTION = tiny_book.question(2, "A")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (QUESTION, "", "expected: **Quick question 2.** and"),
        (QUESTION + "\n" + tiny_book.question(3, "C"), "", "1 quick questions"),
        (QUESTION, tiny_book.question(3, "A"), "expected: **Quick question 2.** and"),
        ("**Quick question 2.** What", "**Quick question 2**: What", "expected: **Qu"),
        ("**Quick question 2.** What", "Quick question 2. What", "expected: **Quick"),
        ("**Quick question 2.** What is it?", "**Quick question 2.**", "expected: **"),
        ("## Summary", tiny_book.question(4, "A") + "\n## Summary", "after ## Exerci"),
        (QUESTION, QUESTION.replace("- **C.** Three.\n", ""), "2: three or four opt"),
        (
            QUESTION,
            QUESTION.replace("Three.", "3.\n- **D.** 4.\n- **E.** 5."),
            "2: three or four options",
        ),
        (
            QUESTION,
            QUESTION.replace("**C.** Three", "**D.** Three"),
            "2: three or four",
        ),
        (
            QUESTION,
            QUESTION.replace("**B.** Two", "B. Two"),
            "2: three or four options",
        ),
        (QUESTION, QUESTION.replace("**B.** Two", "**B** Two"), "2: three or four opt"),
        (QUESTION, QUESTION.replace("- **A.**", "See:\n\n- **A.**"), "2: three or fou"),
        (QUESTION, QUESTION.partition(":::")[0], "2: :::{dropdown} Answer to quick"),
        (QUESTION, QUESTION.replace("to quick question 2", "2"), "2: :::{dropdown} An"),
        (
            QUESTION,
            QUESTION.replace("quick question 2\n", "quick question 1\n"),
            "2: :",
        ),
        (
            QUESTION,
            QUESTION.replace("{dropdown} Answer", "{note} Answer"),
            "2: :::{dro",
        ),
        (QUESTION, QUESTION.replace(":::{", "So.\n\n:::{"), "does not follow the"),
        (QUESTION, QUESTION.replace("**A.** So", "**D.** So"), "2: its answer begins"),
        (QUESTION, QUESTION.replace("**A.** So", "A. So"), "2: its answer begins with"),
        (
            QUESTION,
            QUESTION.replace("**A.** So", "It is **A.** So"),
            "2: its answer be",
        ),
        (
            QUESTION,
            QUESTION.replace("- **B** is too small.\n", ""),
            "2: its answer has",
        ),
        (
            QUESTION,
            QUESTION.replace("- **B** is", "- **A** is"),
            "2: its answer has an",
        ),
        (QUESTION, QUESTION.replace("- **B** is", "- B is"), "2: its answer has an it"),
        (
            QUESTION,
            QUESTION.replace("- **B** is", "- **A** is right.\n- **B** is"),
            "option: - **B** ..., - **C** ...",
        ),
    ],
)
def test_quick_questions(tmp_path: Path, old: str, new: str, message: str) -> None:
    found = "\n".join(map(str, problems_of(tmp_path, edited(old, new))))
    assert message in found


def test_quick_questions_that_are_allowed(tmp_path: Path) -> None:
    assert problems_of(tmp_path, with_piece(tiny_book.question(4, "C"))) == []
    four = QUESTION.replace("Three.", "Three.\n- **D.** Four.")
    four = four.replace("too large.", "too large.\n- **D** is far too large.")
    assert problems_of(tmp_path, edited(QUESTION, four)) == []
    remark = QUESTION.replace("- **A.**", "% figure-ok: a choice\n- **A.** 61% and")
    assert problems_of(tmp_path, edited(QUESTION, remark)) == []
    (problem,) = problems_of(
        tmp_path,
        edited(tiny_book.question(1, "B"), tiny_book.question(1, "A")).replace(
            tiny_book.question(3, "C"), tiny_book.question(3, "A")
        ),
    )
    assert "the right answer to every quick question is A" in problem.message


FINDING = cell('results.finding("edge", "It is there.")')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (with_piece(FINDING), "the finding edge needs (sec-edge)= on"),
        (with_piece(f"(sec-edge)=\n### Edges\n\n{FINDING}"), ""),
        (with_piece(f"(sec-edge)=\n### A\n\n#### B\n\n{FINDING}"), ""),
        (with_piece(f"(sec-edge)=\n### A\n\n### B\n\n{FINDING}"), "(sec-edge)="),
        (with_piece(f"(sec-edge)=\n#### A\n\n### B\n\n{FINDING}"), "(sec-edge)="),
        (with_piece(f"(sec-edge)=\n\nText.\n\n### A\n\n{FINDING}"), "(sec-edge)="),
        (with_piece(f"{FINDING}\n\n(sec-edge)=\n### A"), "needs (sec-edge)="),
        (with_piece(FINDING.replace("edge", "second")), "needs (sec-second)="),
        (
            with_piece(f"(sec-edge)=\n### A\n\n{FINDING}\n\n{FINDING}"),
            "the finding edge is taken by book/01-first.md:",
        ),
        (with_piece(FINDING.replace('"edge"', "name")), "expected the name itself"),
        (with_piece(FINDING.replace('"edge"', 'f"{x}"')), "expected the name itself"),
        (with_piece(FINDING.replace('"edge", ', "")), "(sec-It is there.)="),
        (with_piece(cell("results.finding()")), "expected the name itself"),
        (edited("(sec-question)=\n(sec-line)=", "(sec-line)=\n(sec-question)="), ""),
    ],
)
def test_findings(tmp_path: Path, text: str, message: str) -> None:
    found = "\n".join(map(str, problems_of(tmp_path, text)))
    assert (message in found) if message else not found


def test_every_term_is_used(tmp_path: Path) -> None:
    root = tiny_book.write_book(tmp_path)
    index = root / "index.md"

    def found() -> list[str]:
        return [str(problem) for problem in checks.check_glossary(Book(root))]

    assert found() == []
    for text in ("Nothing.", "A ResCNN, `CNN`, cnn.", "$CNN$"):
        index.write_text(f"# A\n\n{text}\n")
        (problem,) = found()
        assert problem.startswith("book/glossary.md:11: no other page uses the term")
        assert "'CNN'" in problem
    for text in ("Two CNNs.", "| a |\n| --- |\n| CNN |", "{term}`a net <cnn>`"):
        index.write_text(f"# A\n\n{text}\n")
        assert found() == []
    # One of the words of an entry is enough.
    text = tiny_book.FIRST.replace("{term}`pixel`", "{term}`picture element`")
    text = text.replace("{term}`pixels <pixel>`", "nothing")
    (root / "book/01-first.md").write_text(text)
    assert found() == []
    (root / "book/01-first.md").write_text(text.replace("picture element", "CNN"))
    (problem,) = found()
    assert problem.startswith("book/glossary.md:4: ") and "'pixel'" in problem


@pytest.mark.parametrize(
    ("piece", "message"),
    [
        (cell("x = 1\n" * 20 + "x"), "a cell of 21 lines; at most 20"),
        (cell("x = 1\n" * 19 + "x"), ""),
        (cell(f"x = '{'a' * 74}'"), "code of 80 columns; at most 79"),
        (cell(f"x = '{'a' * 73}'"), ""),
        (cell("%matplotlib inline"), "not plain Python"),
        (cell("x = ("), "not plain Python"),
        (cell("plots.image_grid(x)"), "a figure needs an alt text"),
        (cell("print(1)\nplt.show()"), "a figure needs an alt text"),
        (cell("fig, ax = plt.subplots()"), "a figure needs an alt text"),
        (cell("for x in y:\n    plots.bars(x)"), "a figure needs an alt text"),
        (cell("def show(x):\n    return plots.bars(x)"), ""),
        (
            cell("def show(x):\n    return plots.bars(x)") + "\n\n" + cell("show(1)"),
            "a figure needs an alt text",
        ),
        (cell("plots.bars(x)", figure()), ""),
        (cell("plots.bars(x)", figure(alt="A line.")), "an alt text of 7 characters"),
        (cell("plots.bars(x)", figure(alt="A line that goes up,")), "full stop"),
        (cell("plots.bars(x)", figure(alt="Figure of a big red cat.")), "not begin"),
        (cell("plots.bars(x)", figure(alt="Image of a big red cat.")), "not begin"),
        (cell("plots.bars(x)", figure(alt="Images of cats, all of them red.")), ""),
        (cell("plots.bars(x)", figure(alt="/tmp/abcdefghijklmno.png")), "file name"),
        (cell("plots.bars(x)", figure(caption="")), "needs a caption"),
        (cell("plots.bars(x)", figure(name="bars")), "a name like fig-digits"),
        (cell("plots.bars(x)", figure(name="fig-Bars")), "a name like fig-digits"),
        (cell("plots.bars(x)", figure(name="fig-line")), "name fig-line is taken by"),
        (cell("plots.bars(x)", figure(name="fig-other")), "name fig-other is taken by"),
        ("```{figure} images/drawn.png\n:alt: A\n:name: fig-x\n\nB.\n```", "of 1 char"),
        (
            "```{figure} images/drawn.png\n:alt: A\n:name: x\n\nB.\n```",
            "name like fig-",
        ),
    ],
)
def test_cells_and_figures(tmp_path: Path, piece: str, message: str) -> None:
    text = with_piece(piece)
    tiny_book.write_book(tmp_path, text)
    if "is taken by" in message:  # told at the second of the two places
        found = Book(tmp_path).problems
    else:
        found = problems_of(tmp_path, text)
    assert (message in "\n".join(map(str, found))) if message else found == []


@pytest.mark.parametrize(
    "piece",
    [
        "It reaches 61% in the end.",
        "It reaches 61.3 % in the end.",
        "It gains 5 percentage points.",
        "About 8 per cent fail.",
        "The accuracy of 0.93 is good.",
        "The test accuracy\nis about 0.9 here.",
        "A loss under 1.46 is out of reach.",
        "The error was .07 then.",
        "The mean is 0.473 over all.",
        "Training takes 12 seconds.",
        "It took 3.5 s in all.",
        "It needs 40 ms for one.",
        "It sees 2,000 images a second.",
        "It is 3 times faster.",
        "It is 2.5 times as fast.",
        "- so\n- it is right in 61% of cases",
        "> It is right in 61% of cases.",
        ":::{note}\nIt is right in 61% of cases.\n:::",
        "{cite:t}`he2016deep` found more. Ours has 61% now.",
        "| a | accuracy |\n| --- | --- |\n| b | 61.2% |",
        cell("plots.bars(x)", figure(caption="It is right in 61% of cases.")),
        cell("plots.bars(x)", figure(alt="A bar that ends at 61% of the width.")),
        "```{figure} images/drawn.png\n:alt: Two squares, at 61% and more.\n"
        ":name: fig-x\n\nB.\n```",
    ],
)
def test_results_in_prose(tmp_path: Path, piece: str) -> None:
    assert "typed into prose" in messages(tmp_path, piece)


@pytest.mark.parametrize(
    "piece",
    [
        "A picture of 32x32 with 3 channels has 3,072 numbers.",
        "There are 50,000 images in 10 classes; we take 5,000 of them for 20 epochs.",
        "A third is 1/3, a half is 0.5, and the rate is 0.01.",
        "Version 3.15.1 and the year 2012.",
        "In code, `accuracy = 0.93` and $0.9312$ and `61%`.",
        "It won with 15.3% {cite:p}`he2016deep`.",
        "{cite:t}`he2016deep` report an error\nof 3.57% with six networks.",
        "A 95% interval, a 95 % confidence interval, and the 99% level.",
        "A guess is right in 0% or 100% of cases.",
        "We do it 3 times.",
        "% figure-ok: arithmetic, ten classes\nBy chance, 10% are right.",
        "% figure-ok: shares\n- 10% here\n- 20% there",
        "% figure-ok: shares\n\n| a | b |\n| --- | --- |\n| c | 10% |",
        "| a | b |\n| --- | --- |\n| c | 10% {cite:p}`he2016deep` |\n| d | 20% |",
        "From {cite:t}`he2016deep`:\n\n| a | b |\n| --- | --- |\n| c | 10% |",
        cell(
            "plots.bars(x)",
            figure(
                alt="A bar that ends at 61% of the width.",
                caption="A bar {cite:p}`he2016deep`.",
            ),
        ),
        "% figure-ok: a scale\n"
        + cell("plots.bars(x)", figure(alt="A bar that ends at 61% of the width.")),
    ],
)
def test_numbers_that_are_no_results(tmp_path: Path, piece: str) -> None:
    assert messages(tmp_path, piece) == ""


def test_a_remark_needs_a_reason_and_ends_with_its_paragraph(tmp_path: Path) -> None:
    assert "61%" in messages(tmp_path, "% figure-ok:\nIt has 61% now.")
    found = messages(tmp_path, "% figure-ok: so\nIt has 61% now.\n\nIt has 62% now.")
    assert "62%" in found and "61%" not in found
    # Two remarks, one after the other, hold for the same paragraph.
    piece = "% figure-ok: so\n% glossary-ok: CNN\nA CNN has 61% now."
    assert messages(tmp_path, piece) == ""


@pytest.mark.parametrize(
    ("piece", "message"),
    [
        ("[a](https://b.c/d) <https://b.c>", ""),
        ("[a](02-second.md) [b](glossary.md) [c](../index.md)", ""),
        ("[a](http://b.c)", "http://b.c: links are https:// or pages"),
        ("[a](mailto:b@c.d)", "links are https:// or pages"),
        ("a\n[a](03-third.md)", "03-third.md: no page of _toc.yml is there"),
        ("[a](01-first.ipynb)", "01-first.ipynb: no page"),
        ("[a](images/drawn.png)", "no page of _toc.yml"),
        ("[a](02-second.md#sec-second)", "link to a place with {ref}"),
        ("[a](#sec-question)", "link to a place with {ref}"),
        ("{cite:t}`he2016deep`", ""),
        ("{cite:p}`he2016deep,he2017deep`", "no entry 'he2017deep'"),
    ],
)
def test_links_and_citations(tmp_path: Path, piece: str, message: str) -> None:
    tiny_book.write_book(tmp_path, with_piece(piece))
    book = Book(tmp_path)
    found = [p for check in checks.PAGE_CHECKS for p in check(book, book.chapters[0])]
    text = "\n".join(map(str, found))
    assert (message in text) if message else not found


def test_links_in_the_boxes_of_other_pages(tmp_path: Path) -> None:
    root = tiny_book.write_book(tmp_path)
    box = ":::{grid-item-card} A\n[a](none.md), teh\n:::"
    (root / "index.md").write_text(
        f"# A\n\n::::{{grid}} 1 2\n:gutter: 3\n\n{box}\n::::\n"
    )
    found = [str(p) for p in checks.check_book(Book(root)) if p.path == "index.md"]
    assert found == [
        "index.md:7: none.md: no page of _toc.yml is there",
        "index.md:7: spelling: teh ==> the",
    ]


@pytest.mark.parametrize(
    ("piece", "word"),
    [
        ("A {term}`CNN` is a CNN.", ""),
        ("A CNN is a {term}`CNN`.", "CNN"),
        ("Two CNNs.", "CNNs"),
        ("It is on cnn today.", ""),  # a name is looked for as it is written
        ("A CNN-like thing, a ResCNN, a CNN2.", ""),
        ("`CNN` and $CNN$.", ""),
        ("### CNN\n\nNothing.", ""),
        ("[the CNN](02-second.md)", ""),
        ("| CNN |\n| --- |\n| CNN |", ""),
        ("- a CNN", "CNN"),
        (":::{tip}\nA CNN.\n:::", "CNN"),
        ("% glossary-ok: CNN\nThe news on CNN.", ""),
        ("% glossary-ok: pixel\nThe news on CNN.", "CNN"),
        (cell("plots.bars(x)", figure(caption="A CNN.")), ""),
        ("A {term}`CNN <cnn>`, a CNN.", ""),
    ],
)
def test_glossary_links(tmp_path: Path, piece: str, word: str) -> None:
    found = messages(tmp_path, piece)
    expected = f"first use of {word!r} is no link" if word else ""
    assert (expected in found and found.count("first use") == 1) if word else not found


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("See the pixels here.", "pixels"),
        ("Pixels are small.", "Pixels"),
        ("A picture element is small.", "picture element"),  # the same entry
        ("Two feature-maps.", "feature-maps"),
        ("A feature\nmap.", "feature map"),
        ("A pixelated one.", ""),
        ("Look at {term}`pixels <pixel>`. A pixel, a picture element.", ""),
        ("A {term}`picture element` is a pixel.", ""),
    ],
)
def test_words_of_the_glossary(tmp_path: Path, text: str, word: str) -> None:
    root = tiny_book.write_book(tmp_path, second=f"# Second\n\n{cell('1')}\n\n{text}")
    book = Book(root)
    found = [problem.message for problem in checks.check_terms(book, book.chapters[1])]
    assert [re.search("'(.*?)'", message)[1] for message in found] == [word] * bool(
        word
    )


def test_the_opening_needs_no_links(tmp_path: Path) -> None:
    plain = edited("asked that.", "asked that of a CNN.")
    assert problems_of(tmp_path, plain) == []
    both = plain.replace("## What goes wrong\n", "## What goes wrong\n\nA CNN.\n")
    (problem,) = problems_of(tmp_path, both)
    assert "first use of 'CNN'" in problem.message


def test_a_longer_term_hides_a_shorter_one(tmp_path: Path) -> None:
    root = tiny_book.write_book(tmp_path, second="# Second\n\nA {term}`feature map`.")
    glossary = root / "book/glossary.md"
    text = glossary.read_text().replace("CNN\n", "map\n  A.\n\ncategory\n  B.\n\nCNN\n")
    glossary.write_text(text)
    chapter = root / "book/02-second.md"

    def found() -> list[str]:
        book = Book(root)
        return [p.message for p in checks.check_terms(book, book.chapters[1])]

    assert found() == []
    chapter.write_text("# Second\n\nA {term}`feature map`, another feature map.")
    assert found() == []
    chapter.write_text("# Second\n\nA map of categories.")
    assert ["'map'" in m or "'categories'" in m for m in found()] == [True, True]


def test_spelling(tmp_path: Path) -> None:
    code = "x = 1  # teh first\nprint(f'recieve {x}')\nteh = 2"
    text = with_piece(f"A seperate thing, a colour.\n\n{cell(code)}\n\n`teh`")
    root = tiny_book.write_book(tmp_path, text)
    found = checks.check_spelling(Book(root).pages.values())
    lines = (root / "book/01-first.md").read_text().split("\n")
    assert [(lines[p.line - 1], p.message) for p in found] == [
        ("A seperate thing, a colour.", "spelling: seperate ==> separate"),
        ("x = 1  # teh first", "spelling: teh ==> the"),
        ("print(f'recieve {x}')", "spelling: recieve ==> receive"),
    ]
    assert {p.path for p in found} == {"book/01-first.md"}


def test_spelling_of_a_good_book(tmp_path: Path) -> None:
    book = Book(tiny_book.write_book(tmp_path))
    assert checks.check_spelling(book.pages.values()) == []


def test_uncited_works_are_named(tmp_path: Path) -> None:
    root = tiny_book.write_book(tmp_path)
    assert checks.uncited(Book(root)) == []
    with open(root / "book/references.bib", "a") as file:
        file.write("@misc{idle2000idle, title = {Idle}, year = {2000}}\n")
    assert checks.uncited(Book(root)) == ["idle2000idle"]


def executed(*outputs: dict, alt: str = "", caption: str = "") -> nbformat.NotebookNode:
    metadata = {}
    if alt:
        metadata["image"] = {"alt": alt}
    if caption:
        metadata["figure"] = {"caption": caption, "name": "fig-x"}
    made = [v4.new_output("display_data", data) for data in outputs]
    code = v4.new_code_cell("draw()", outputs=made, metadata={"mystnb": metadata})
    return v4.new_notebook(
        cells=[v4.new_markdown_cell("a"), v4.new_code_cell("1"), code]
    )


def test_executed_pictures_have_an_alt_text() -> None:
    alt = "A line that goes up."
    picture, text = {"image/png": "iVBORw0KGgo="}, {"text/plain": "1"}
    svg = {"image/svg+xml": "<svg/>", "text/plain": "a"}
    faults = images_without_alt
    assert faults(executed(text)) == []
    assert faults(executed(text, picture, alt=alt, caption="A.")) == []
    for output in (picture, svg):
        (fault,) = faults(executed(output))
        assert fault == (
            "code cell 2 (draw()): a figure needs an alt text (mystnb: image: alt)"
        )
    assert "needs a caption" in faults(executed(picture, alt=alt))[0]
    assert "file name" in faults(executed(picture, alt="a/b.png", caption="A."))[0]
    assert "2 pictures" in faults(executed(picture, picture, alt=alt, caption="A."))[0]
    assert "no picture" in faults(executed(text, alt=alt, caption="A."))[0]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    second = GOOD.replace("fig-", "fig-2-").replace("eq-sum", "eq-2")
    second = second.replace("1.1", "2.1").replace("1.2", "2.2").replace("1.3", "2.3")
    second = second.replace("sec-question", "sec-second")
    second = second.replace("sec-line", "sec-fall").replace('"line"', '"fall"')
    second = second.replace("fig-2-other", "fig-line")
    first = GOOD.replace("fig-other", "fig-2-line")
    root = tiny_book.write_book(tmp_path, first, second)
    assert checks.main([], root) == 0
    assert capsys.readouterr().out == ""
    (root / "book/02-second.md").write_text(second.replace("Nothing at all.", "61%."))
    assert checks.main([], root) == 1
    out = capsys.readouterr().out
    assert re.fullmatch(r"book/02-second\.md:\d+: a share typed into prose .*\n", out)
    (root / "_toc.yml").write_text("root: nowhere\n")
    assert checks.main([], root) == 1


def test_a_formula_that_is_cut_by_a_list(tmp_path: Path) -> None:
    piece = "The label becomes $q (1 - e)\n+ e / K$, with a small e."
    assert "a formula without its end" in messages(tmp_path, piece)
    assert "a formula" not in messages(tmp_path, piece.replace("\n+ ", " +\n"))
