"""The pages made from runs: findings, models, status, and where they come from."""

from __future__ import annotations

import ast
import json
import re
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from imgcls_helpers.training import Spread
from tests.tools.tiny_book import write_book
from tools import times
from tools.book import Book
from tools.extensions import recorded, runs
from tools.outputs import Run
from tools.places import ROOT

PAGE = """\
# From runs

Flipped: {finding}`kernel-flip` See. In NumPy:
{recorded}`scratch_digits: NumPy network, normalized, 8 epochs` of digits.

```{models}
```

## Recorded

```{recorded-models}
```

## Status

```{status}
```

```{environment}
```

```{recorded-times}
```
"""
WHERE = {"backend": "tensorflow", "device": "CPU", "budget": "smoke"}
NET = {
    **{"kind": "model", "name": "net", "scores": [0.71, 0.72, 0.70], "data": "digits"},
    **{"notice": "", "images": 1294, "parameters": 167562, "judged": "validation"},
    **{"epochs": 3, "seconds": 12.34, **WHERE},
}
LONE = {**NET, "name": "neighbour", "scores": [0.5], "epochs": None, "seconds": None}
FELL_BACK = {**NET, "data": "shapes", "notice": "CIFAR-10 is out of reach here."}
FLIP = {"kind": "finding", "name": "kernel-flip", "sentence": "From 94% to 21% <b>."}
RUN = Run(
    name="a-name",
    outputs=[],
    seconds=61.2,
    memory_mb=1234.5,
    date="2026-11-28 10:00",
    records=[FLIP, NET, LONE, FELL_BACK],
    modules={},
    budget="smoke",
    backend="tensorflow",
)
TIME = {
    **{"chapter": "01-first", "backend": "jax", "backend_version": "0.9"},
    **{"budget": "smoke", "seconds": 12.3, "memory_mb": 800, "outcome": "passed"},
    **{"date": "2026-11-28", "device": "CPU: 2 cores", "python": "3.11.7"},
}


def build(root: Path, page: str = PAGE) -> SimpleNamespace:
    """Build the tiny book with one page more, without running anything."""
    write_book(root)
    (root / "_toc.yml").write_text(
        (root / "_toc.yml").read_text() + "      - file: book/runs\n"
    )
    (root / "book" / "runs.md").write_text(page, encoding="utf-8")
    warnings = StringIO()
    settings = {
        "extensions": [
            *("myst_nb", "sphinx_external_toc", "sphinxcontrib.bibtex"),
            *("sphinx_design", "tools.extensions.runs"),
        ],
        "bibtex_bibfiles": ["book/references.bib"],
        "nb_execution_mode": "off",
        "external_toc_path": "_toc.yml",
        "include_patterns": ["index.md", "book/*.md"],
    }
    with patch_docutils(), docutils_namespace():
        app = Sphinx(
            *(str(root), None, str(root / "out"), str(root / "doctrees"), "html"),
            confoverrides=settings,
            status=None,
            warning=warnings,
            freshenv=True,
        )
        app.build()
    html = (root / "out" / "book" / "runs.html").read_text(encoding="utf-8")
    said = [line for line in warnings.getvalue().splitlines() if "runs.md" in line]
    return SimpleNamespace(page=BeautifulSoup(html, "html.parser"), warnings=said)


@contextmanager
def fake(entries=()):
    """Let the first chapter have run, and the second not."""
    kept = {"01-first": RUN}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs.outputs, "shown", lambda path: kept.get(path.stem))
        patch.setattr(runs, "data_of", lambda *pages: {"mnist": "f" * 64})
        patch.setattr(times, "read_times", lambda: list(entries))
        yield


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> SimpleNamespace:
    with fake():
        return build(tmp_path_factory.mktemp("book"))


def rows(table) -> list[list[str]]:
    return [
        [cell.get_text(" ", strip=True) for cell in row.select("th, td")]
        for row in table.select("tr")
    ]


def table_after(built, words: str):
    """Return the table after the paragraph or heading that has these words."""
    found = [p for p in built.page.select("p, h2") if words in p.get_text()]
    assert len(found) == 1, words
    return found[0].find_next("table")


def test_a_finding_is_quoted_as_text(built):
    assert not built.warnings
    assert "Flipped: From 94% to 21% <b>. See." in built.page.get_text()


def test_a_recorded_accuracy_stands_in_the_text(built):
    assert "In NumPy:\n99.3% of digits." in built.page.get_text()


@pytest.mark.parametrize(
    "name", ["no-such", "no_file: model", "scratch_digits: no model", "scratch_digits"]
)
def test_what_is_not_recorded_is_named_with_its_place(tmp_path, name):
    with fake():
        built = build(tmp_path, f"# Page\n\nOne.\n\nTwo {{recorded}}`{name}`.\n")
    (said,) = built.warnings
    assert re.search(r"book/runs\.md:5: WARNING: nothing is recorded as", said)
    assert repr(name) in said


def test_the_recorded_gain_of_augmentation_names_its_conditions():
    said = recorded.say("augmentation-gain")
    for size, epochs in (("1,000", 30), ("5,000", 8), ("45,000", 2)):
        assert f"{size} images, {epochs} epochs: " in said
    assert said.count(" that validation accuracy with flips and crops ") == 3


def test_a_finding_that_no_run_recorded_is_named_with_its_place(tmp_path):
    with fake():
        built = build(tmp_path, "# Page\n\nOne.\n\nTwo {finding}`no-such`.\n")
    (said,) = built.warnings
    assert re.search(r"book/runs\.md:5: WARNING: no chapter's run recorded", said)
    assert "'no-such'" in said


def test_models_are_grouped_by_data_and_by_what_judged_them(built):
    table = table_after(built, "digits, judged on validation images.")
    assert rows(table) == [
        [
            *("model", "accuracy", "your run", "runs", "training images"),
            *("parameters", "epochs", "seconds"),
        ],
        ["net", "71.0 ± 1.0%", "66.0–76.0%", "3", "1,294", "167,562", "3", "12.3"],
        ["neighbour", "50.0%", "none: one run", "1", "1,294", "167,562", "–", "–"],
    ]
    assert all(row.th for row in table.select("tbody tr"))  # each row has a name
    section = built.page.select_one("#models-of-01-first")
    assert section.select_one("h1, h2, h3").get_text().startswith("1. The first")
    assert section.select_one("a[href='01-first.html']")
    assert len(section.select("table")) == 2
    # A chapter without models has no section.
    assert not built.page.select("#models-of-02-second")


def test_at_the_smoke_budget_the_page_says_what_that_means(built):
    assert "not what the models can do" in built.page.get_text()


def test_fallback_data_are_named_above_their_table(built):
    said = "shapes, judged on validation images. CIFAR-10 is out of reach here."
    assert len(rows(table_after(built, said))) == 2


def test_recorded_models_are_shown_with_date_and_machine(built):
    section = built.page.select_one("#models-of-scratch-digits")
    assert "Recorded on 2026-11-20 on x86_64, 2 cores" in section.get_text()
    name, accuracy, band = rows(section.table)[1][:3]
    assert name == "NumPy network, normalized, 8 epochs"
    assert (accuracy, band) == ("99.3 ± 0.5%", "97.9–100.0%")


def test_status_has_every_chapter(built):
    assert rows(table_after(built, "Status"))[1:] == [
        ["The first chapter", "passed", "61.2", "1,234", "2026-11-28 10:00 UTC"],
        ["The second chapter", "not run", "–", "–", "–"],
    ]


def test_the_environment_names_versions_and_data(built):
    found = dict(rows(built.page.select_one("table.in-words")))
    assert "keras" in found["Packages"] and "smoke" in found["Budget"]
    assert found["Data"] == "mnist: a file with the SHA-256 ffffffffffffffff…"
    assert "Time" not in found


def test_times_that_are_not_recorded(built, tmp_path):
    assert "No times are recorded yet." in built.page.get_text()
    assert times.read_times(tmp_path / "chapter_times.json") == []


def test_recorded_times_by_backend(tmp_path):
    entries = [
        {**TIME, "seconds": 99.0, "date": "2026-11-01"},  # measured anew later
        TIME,
        {**TIME, "backend": "torch", "backend_version": "2", "outcome": "failed"},
        {**TIME, "chapter": "09-gone", "memory_mb": None},
        {**TIME, "budget": "cpu", "seconds": 123.4},
    ]
    with fake(entries):
        built = build(tmp_path)
    smoke = table_after(
        built, "At the smoke budget, on CPU: 2 cores, with Python 3.11.7, 2026-11-28."
    )
    assert rows(smoke) == [
        ["chapter", "JAX 0.9", "PyTorch 2"],
        ["The first chapter", "12.3 s, 800 MB", "failed"],
        ["09-gone", "12.3 s", "–"],
    ]
    assert rows(table_after(built, "At the cpu budget"))[1][1] == "123 s, 800 MB"


def test_times_are_read_from_the_file(tmp_path):
    (tmp_path / "chapter_times.json").write_text(json.dumps([TIME]))
    assert times.read_times(tmp_path / "chapter_times.json") == [TIME]


@pytest.mark.parametrize("name", recorded.RECORDED)
def test_what_is_recorded_can_be_read(name):
    found = recorded.read_recorded(name)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", found["date"]) and found["machine"]
    assert found["models"]
    for model in found["models"]:
        assert 0 < Spread(model["scores"]).mean <= 1
        assert model["images"] > 0 and model["seconds"] > 0
        assert model["parameters"] > 0 or "neighbour" in model["name"]


def test_recorded_models_agree_with_the_summaries_beside_them():
    def summaries(name: str, key: str, what: str) -> list[float]:
        text = (ROOT / f"benchmarks/{name}.json").read_text(encoding="utf-8")
        found = json.loads(text)[key]
        return [
            group[what]["mean"]
            for entry in found.values()
            for group in (
                [entry["summary"]]
                if what in entry["summary"]
                else entry["summary"].values()
            )
        ]

    for name, key, what in (
        ("recipe_goal", "test", "accuracy"),
        ("shapes_difficulty", "experiments", "test"),
    ):
        models = recorded.read_recorded(name)["models"]
        means = [Spread(model["scores"]).mean for model in models]
        assert means == pytest.approx(summaries(name, key, what), abs=1e-4)


# The book's own pages -----------------------------------------------------------------


def test_every_finding_of_a_page_is_recorded_by_a_chapter():
    book = Book()
    recorded = {
        call.args[0].value
        for page in book.chapters
        for cell in page.cells
        for call in ast.walk(ast.parse(cell.body))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "results.finding"
    }
    quoted = {
        (page.path.name, name)
        for page in book.pages.values()
        for name in re.findall(
            r"\{finding\}`([^`]+)`", (ROOT / page.path).read_text(encoding="utf-8")
        )
    }
    assert quoted, "no page quotes a finding"
    missing = sorted(place for place in quoted if place[1] not in recorded)
    assert not missing, f"no chapter records {missing}"


def published_figures() -> list[tuple[str, str, float, str]]:
    """Return the rows from the literature: data set, method, accuracy, run here."""
    text = (ROOT / "book/results.md").read_text(encoding="utf-8")
    parts = text.split("## What the literature reports")[1].split("\n### ")[1:]
    row = r"^\| (.+?) \| ([\d.]+)(?: ± [\d.]+)?% \| (.+?) \| .*\{cite:t\}.* \|$"
    return [
        (part.split("\n")[0].replace("-", "").lower(), method, float(share) / 100, here)
        for part in parts
        for method, share, here in re.findall(row, part, re.M)
    ]


def test_an_old_figure_that_is_easily_beaten_stands_beside_what_beats_it():
    """Where the same kind of method was run here, the row says what it gave."""
    kinds = {
        "softmax regression": r"linear classifier|raw pixels, linear",
        "one nearest neighbour": "nearest neighbour",
    }
    ran = {
        model["name"]: model["scores"][0]
        for model in recorded.read_recorded("simple_methods")["models"]
    }
    shown = set()
    for data, method, published, here in published_figures():
        same = [f"{k} on {data}" for k, old in kinds.items() if re.match(old, method)]
        expected = [f"{{recorded}}`simple_methods: {n}`" for n in same if n in ran]
        assert here == "".join(expected or "–"), method
        for name in {*same} & {*ran}:
            assert ran[name] > published - 0.01, f"{method}: our own run is at fault"
            shown.add(name)
    assert {"softmax regression on mnist", "one nearest neighbour on mnist"} <= shown


def test_every_published_figure_is_read():
    text = (ROOT / "book/results.md").read_text(encoding="utf-8")
    tables = text.split("## What the literature reports")[1]
    rows = [line for line in tables.splitlines() if line.startswith("|")]
    heads = [line for line in rows if line.startswith(("| method", "| ---"))]
    assert len(published_figures()) == len(rows) - len(heads) > 15


def test_all_mistakes_have_an_entry():
    text = (ROOT / "book/myths-and-mistakes.md").read_text(encoding="utf-8")
    name = r"(\d+[a-c]?)"
    entries = re.findall(rf"^\(mistake-{name}\)=\n### {name}\. ", text, re.M)
    assert {int(label.rstrip("abc")) for label, _ in entries} == {*range(1, 19)}
    assert all(label == title for label, title in entries)
    row = rf"^\| \{{ref\}}`{name}\. .*<mistake-{name}>` \|"
    assert re.findall(row, text, re.M) == entries
    for body in re.split(r"^### ", text, flags=re.M)[1:]:
        terms = re.findall(r"^(\w[\w ]*)\n: ", body, re.M)
        assert terms[:3] == ["Said", "So", "Costs"], body[:40]
        for finding in re.findall(r"\{finding\}`([^`]+)`", body):
            assert f"{{ref}}`sec-{finding}`" in body
