"""The reference pages: notation, glossary, FAQ, teacher's guide, API."""

from __future__ import annotations

import functools
import importlib
import inspect
import re
from pathlib import Path

import pytest

from imgcls_helpers.checks import check
from tools.book import Book, Page
from tools.places import ROOT

MODULES = [
    *("data", "shapes", "augment", "plots", "models", "training", "evaluation"),
    *("results", "runtime", "backend", "scratch", "checks"),
]


@pytest.fixture(scope="module")
def book() -> Book:
    return Book()


def text_of(name: str) -> str:
    return (ROOT / "book" / f"{name}.md").read_text(encoding="utf-8")


# --- Notation -------------------------------------------------------------------------

# What stands in formulas and is no symbol: functions, arrows, layout.
WORDS = re.compile(r"\\(?:text|mathrm|begin|end)\{[^{}]*\}|:label:.*")
ACCENTED = re.compile(r"\\(?:hat|tilde|bar|overline|mathcal)\{[^{}]*\}")
GREEK = re.compile(
    r"\\(?:var)?(?:alpha|beta|gamma|delta|epsilon|eta|theta|kappa|lambda|mu|rho|sigma|"
    r"phi|Phi|tau)(?![a-z])"
)


def symbols(formula: str) -> set[str]:
    formula = WORDS.sub(" ", formula)
    found = set(ACCENTED.findall(formula))
    formula = ACCENTED.sub(" ", formula)
    found |= set(GREEK.findall(formula))
    return found | set(
        re.findall(
            r"(?<![\\A-Za-z])[A-Za-z]|(?<=[A-Za-z])[A-Za-z]",
            re.sub(r"\\[A-Za-z]+", " ", formula),
        )
    )


def formulas(text: str) -> list[str]:
    text = re.sub(r"```\{code-cell\}.*?```", "", text, flags=re.DOTALL)
    text = re.sub(r"``.*?``|(?<!`)`[^`\n]*`(?!`)", "", text)
    parts = re.findall(
        r"```\{math\}(.*?)```|\$\$(.*?)\$\$|\$([^$]+)\$", text, flags=re.DOTALL
    )
    return ["".join(part) for part in parts]


def listed_symbols() -> dict[str, set[str]]:
    """Return the symbols of the notation page: in all chapters (""), and in each."""
    listed: dict[str, set[str]] = {"": set()}
    chapter = ""
    for line in text_of("notation").splitlines():
        if line.startswith("|"):
            if link := re.match(r"\| \[\]\((.*?)\.md\)", line):
                chapter = link[1]
            found = set().union(*map(symbols, formulas(line)))
            listed.setdefault(chapter, set()).update(found)
    # Stands under "Conventions".
    return {name: found | listed[""] | {"e"} for name, found in listed.items()}


def test_symbols_are_found_in_formulas():
    assert symbols(r"\hat{p} = \frac{1}{N} \sum_i [y_i = \text{no}] R\,S") == {
        *(r"\hat{p}", "N", "i", "y", "R", "S")
    }
    assert symbols(r"\varepsilon / \eta_{max}") >= {r"\varepsilon", r"\eta"}


def test_every_symbol_of_the_chapters_is_on_the_notation_page(book):
    listed = listed_symbols()
    missing = {}
    for page in book.chapters:
        used = set().union(*map(symbols, formulas(page.text)))
        known = listed.get(page.path.stem, listed[""])
        if used - known:
            missing[page.path.name] = sorted(used - known)
    assert not missing, f"book/notation.md lacks {missing}"


# --- Glossary -------------------------------------------------------------------------

# Readers come from tutorials in Chinese; these terms they bring along.
CHINESE = {
    "image classification": "图像分类",
    "convolutional neural network": "卷积神经网络",
    "kernel": "卷积核",
    "feature map": "特征图",
    "stride": "步幅",
    "padding": "填充",
    "receptive field": "感受野",
    "pooling": "池化",
    "fully connected layer": "全连接层",
    "activation function": "激活函数",
    "loss function": "损失函数",
    "cross-entropy": "交叉熵",
    "mean squared error": "均方误差",
    "optimizer": "优化算法",
    "gradient descent": "梯度下降",
    "momentum": "动量",
    "learning rate": "学习率",
    "backpropagation": "反向传播",
    "preprocessing": "数据预处理",
    "data augmentation": "数据增强",
    "overfitting": "过拟合",
    "underfitting": "欠拟合",
    "regularization": "正则化",
    "generalization": "泛化",
    "accuracy": "准确率",
    "precision": "精确率",
    "recall": "召回率",
    "confusion matrix": "混淆矩阵",
    "cross-validation": "交叉验证",
    "class imbalance": "数据不均衡",
    "multi-task learning": "多任务学习",
    "self-attention": "自注意力",
    "recurrent neural network": "循环神经网络",
    "pruning": "剪枝",
    "quantization": "量化",
    "knowledge distillation": "知识蒸馏",
    "interpretability": "可解释性",
    "deployment": "模型部署",
    "monitoring": "模型监控",
}


def definitions() -> dict[str, str]:
    found = re.findall(r"^(\S.*)\n((?:  .*\n)+)", text_of("glossary"), re.MULTILINE)
    return {term: " ".join(words.split()) for term, words in found}


def test_the_glossary_has_the_chinese_terms():
    defined = definitions()
    wrong = {
        english: chinese
        for english, chinese in CHINESE.items()
        if not defined.get(english, "").startswith(f"{chinese}.")
    }
    assert not wrong
    # What tutorials confuse.
    assert "递归神经网络" in defined["recurrent neural network"]
    assert "精度" in defined["precision"]


def test_the_glossary_is_in_order_and_explains_every_term():
    terms = list(definitions())
    assert terms == sorted(terms, key=str.lower)
    assert len(terms) == len(set(terms)) > len(CHINESE)
    # The Chinese term, then at least a few words of English.
    short = [t for t, words in definitions().items() if len(words.split()) < 5]
    assert not short


# --- FAQ ------------------------------------------------------------------------------


def questions(text: str) -> dict[str, str]:
    parts = re.split(r"^### (.*)\n", text, flags=re.MULTILINE)
    answers = [re.split(r"^## ", part, flags=re.MULTILINE)[0] for part in parts[2::2]]
    return dict(zip(parts[1::2], answers, strict=True))


def test_every_answer_is_short_and_leads_to_a_section():
    found = questions(text_of("faq"))
    assert len(found) >= 20
    for question, answer in found.items():
        assert question.endswith("?"), question
        linked = re.search(r"\]\(\d\d-[\w-]+\.md\)|\{ref\}`[^`]+ <sec-[\w-]+>`", answer)
        assert linked, f"no link to a chapter: {question}"
        prose = re.split(r"^\{finding\}", answer, flags=re.MULTILINE)[0]
        sentences = re.findall(r"[.?!](?=\s|$)", prose)
        assert 2 <= len(sentences) <= 5, f"{len(sentences)} sentences: {question}"


@pytest.mark.parametrize(
    "words",
    [
        *("choose a data set", "Which model", "Which optimizer", "raise the accuracy"),
        *("slow", "One class is much worse", "not equally large", "own pictures"),
        *("stuck at 10%", "NaN", "GPU", "backend", "higher than the training accuracy"),
        *("not the number I get", "How many images", "too large for a phone"),
    ],
)
def test_the_faq_has_what_learners_ask(words):
    assert any(words in question for question in questions(text_of("faq")))


def test_what_is_quoted_leads_to_where_it_was_found():
    for question, answer in questions(text_of("faq")).items():
        for name in re.findall(r"\{finding\}`([\w-]+)`", answer):
            assert f"<sec-{name}>" in answer, f"{question}: no link to {name}"


# --- Teacher's guide ------------------------------------------------------------------


def rows_of(heading: str) -> list[list[str]]:
    """Return the table below a heading of the guide, without its head."""
    part = text_of("teaching").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def numbers_of(page: Page) -> list[str]:
    return re.findall(r"^### Exercise (\d+\.\d+)", page.text, flags=re.MULTILINE)


def chapters_in(cell: str) -> list[str]:
    return re.findall(r"\]\(([\w-]+)\.md\)", cell)


def test_the_guide_gives_each_chapter_its_time_aims_and_exercises(book):
    rows: dict[str, list[list[str]]] = {}
    for row in rows_of("What each exercise practises"):
        if row[0]:
            here = rows.setdefault(chapters_in(row[0])[0], [])
        here.append(row)
    assert list(rows) == [page.path.stem for page in book.chapters]
    for page in book.chapters:
        here = rows[page.path.stem]
        minutes = re.search(r"^\*\*Time:\*\* about (\d+) minutes", page.text, re.M)
        assert here[0][1] == minutes[1], page.path.name
        aims = page.text.split("**You will learn** to\n")[1].split("**You need**")[0]
        count = len(re.findall(r"^- ", aims, flags=re.MULTILINE))
        assert len(here) == count, f"{page.path.name} names {count} aims"
        named = re.findall(r"\d+\.\d+", " ".join(row[3] for row in here))
        # Every exercise serves one aim.
        assert sorted(named) == sorted(numbers_of(page)), page.path.name


def test_the_long_plan_has_every_chapter_and_every_exercise_once(book):
    rows = rows_of("Twelve weeks")
    assert [row[0] for row in rows] == [str(week) for week in range(1, 13)]
    for page, row in zip(book.chapters, rows, strict=False):
        assert chapters_in(row[1]) == [page.path.stem]
        named = re.findall(r"\d+\.\d+", f"{row[3]} {row[4]}")
        assert sorted(named) == sorted(numbers_of(page)), page.path.name


def test_the_short_plan_has_every_chapter_with_some_of_its_exercises(book):
    rows = rows_of("Three days")
    planned = [name for row in rows for name in chapters_in(row[2])]
    assert planned == [page.path.stem for page in book.chapters]
    numbers = {page.path.stem: set(numbers_of(page)) for page in book.chapters}
    for row in rows:
        here = set().union(*(numbers[name] for name in chapters_in(row[2])))
        named = set(re.findall(r"\d+\.\d+", row[4]))
        assert named and named <= here


def test_the_guide_names_make_targets_and_variables_that_exist():
    text = text_of("teaching")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    # `make coursework` is described beside the others and has a target of its own.
    for target in set(re.findall(r"make ([a-z]+)", text)) - {"the", "coursework"}:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
    package = "".join(
        path.read_text(encoding="utf-8") for path in Path(ROOT).glob("*/*.py")
    )
    for name in set(re.findall(r"\b(?:IMGCLS|KERAS)_[A-Z]+", text)):
        assert name in package, name


def test_the_exercise_in_the_guide_works(monkeypatch):
    from imgcls_helpers import checks

    monkeypatch.setattr(checks, "_exercises", dict(checks._exercises))
    text = text_of("teaching")
    blocks = re.findall(
        r"^(`{3,4})(?:python|md)\n(.*?)^\1$", text, flags=re.MULTILINE | re.DOTALL
    )
    (_, module), (_, chapter) = blocks
    exec(compile(module, "teaching.md", "exec"), {})
    new = checks._exercises["2.6"]
    assert check("2.6", new.reference).ok is True
    for mistake in new.mistakes:
        verdict = check("2.6", mistake.wrong)
        assert (verdict.ok, verdict.mistake) == (False, mistake.name)
    # The cells of the chapter: the stub is not done yet, the solution is right.
    stub, solution = re.findall(r"```\{code-cell\} ipython3\n(.*?)```", chapter, re.S)
    for cell, ok in ((stub, None), (solution, True)):
        verdicts: list = []
        code = re.sub(r"^:tags:.*$", "", cell, flags=re.MULTILINE)
        exec(code, {"check": lambda *a, to=verdicts: to.append(check(*a))})
        assert [verdict.ok for verdict in verdicts] == [ok]


# --- API ------------------------------------------------------------------------------


PROPERTIES = (property, functools.cached_property)


def public_names(module) -> list[str]:
    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [
        name
        for name, found in vars(module).items()
        if not name.startswith("_")
        and found.__class__.__name__ != "module"
        and getattr(found, "__module__", "").startswith(module.__name__)
    ]


def public_members(cls: type) -> dict[str, object]:
    """Return the methods and properties of a class that have words of their own.

    An override without any does as its base does, and is described there.
    """
    found: dict[str, object] = {}
    for base in reversed(cls.__mro__):
        if not base.__module__.startswith("imgcls_helpers"):
            continue
        for name, member in vars(base).items():
            member = getattr(member, "__func__", member)
            method = inspect.isfunction(member) or isinstance(member, PROPERTIES)
            if method and name[0] != "_" and (member.__doc__ or name not in found):
                found[name] = member
    return found


def example_of(found: object) -> str:
    doc = inspect.getdoc(found) or ""
    return "\n".join(re.findall(r"^(?:>>>|\.\.\.) .*$", doc, flags=re.MULTILINE))


def callables() -> list[tuple[str, object]]:
    found = []
    for name in MODULES:
        module = importlib.import_module(f"imgcls_helpers.{name}")
        for public in public_names(module):
            value = getattr(module, public)
            if callable(value):
                found.append((f"{name}.{public}", value))
    return found


def test_every_public_function_and_class_has_an_example():
    named = callables()
    assert len(named) > 150
    missing = []
    for full, found in named:
        # An example uses the name; to import it, or the module, shows nothing.
        lines = example_of(found).splitlines()
        code = "\n".join(line for line in lines if " import " not in line)
        name = full.partition(".")[2]
        made = inspect.isclass(found) and ">>> " in code  # by another name's call
        if not (made or re.search(rf"\b{name}\b", code)):
            missing.append(full)
    assert not missing


def test_every_public_method_is_described_and_shown():
    """By its own example, or by that of its class; Keras's calls are no readers'."""
    missing = []
    for name, cls in callables():
        if not inspect.isclass(cls):
            continue
        of_class = "\n".join(map(example_of, cls.__mro__[:-1]))
        listed = "\n".join(inspect.getdoc(base) or "" for base in cls.__mro__[:-1])
        for member, found in public_members(cls).items():
            if isinstance(found, PROPERTIES):
                # Attributes are described in the docstring of their class.
                good = found.__doc__ or describes(listed, member)
            else:
                good = inspect.getdoc(found) and (
                    example_of(found) or f".{member}(" in of_class
                )
            if not good:
                missing.append(f"{name}.{member}")
    assert not missing


def describes(doc: str, name: str) -> bool:
    """Whether a parameter has an entry, or stands between backquotes in the text."""
    entry = rf"^(?:\*{{0,2}}\w+, )*{name}(?:, \w+)*(?: : .*)?$"
    return bool(re.search(entry, doc, re.MULTILINE)) or f"`{name}`" in doc


def test_every_parameter_is_described():
    """In the docstring, or by that of another name that it points to."""
    missing = []
    for name, found in callables():
        members = [(name, found)]
        if inspect.isclass(found):
            members += [(f"{name}.{m}", v) for m, v in public_members(found).items()]
        for full, value in members:
            doc = inspect.getdoc(value) or ""
            if not callable(value) or ("Parameters" in doc and "those of" in doc):
                continue
            try:
                parameters = inspect.signature(value).parameters.values()
            except ValueError:  # exceptions without a constructor of their own
                continue
            named = [
                p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
            ]
            missing += [
                f"{full}: {p.name}"
                for p in named
                if p.name != "self" and not describes(doc, p.name)
            ]
    assert not missing


def test_every_module_has_its_page(book):
    pages = {name for name in book.pages if name.startswith("book/api/")}
    assert pages == {f"book/api/{name}" for name in MODULES}
    modules = ROOT.glob("imgcls_helpers/*")
    hidden = ("_", ".", "py.typed")
    public = {p.stem for p in modules if not p.name.startswith(hidden)}
    assert public == set(MODULES)
    for name in MODULES:
        wanted = [f"imgcls_helpers.{name}"]
        if name == "scratch":  # its names are written in modules of their own
            parts = (ROOT / "imgcls_helpers" / "scratch").glob("[!_]*")
            wanted += [f"imgcls_helpers.scratch.{part.stem}" for part in parts]
        shown = re.findall(r"automodule:: (\S+)", text_of(f"api/{name}"))
        assert sorted(shown) == sorted(wanted)
    assert all(f"](api/{name}.md)" in text_of("api") for name in MODULES)
