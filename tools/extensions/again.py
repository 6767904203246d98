"""Sphinx extension that says which pages are read again, and which are written again.

A page is read again when anything changed that it is made from: its text, the run that
it shows, all runs where it quotes them, the package where it documents it. Sphinx alone
knows only the times of files.

A page is written again when it was read again. All pages are when anything changed that
pages may say of one another (a title, a number, a label, a term, a work): then every
reference is looked up again, and one that leads nowhere any more is warned of.
"""

from __future__ import annotations

import importlib
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools import outputs
from tools.book import chapters
from tools.fingerprints import digest, sha256
from tools.places import ROOT

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

_RUNS = re.compile(
    r"\{(finding|recorded|models|recorded-models|status|environment|recorded-times)\}"
)
_DOCUMENTED = re.compile(r"^\.\. auto\w+:: (imgcls_helpers\.\w+)", re.MULTILINE)


def made_from(pages: dict[str, Path], root: Path) -> dict[str, str]:
    """Return the state of everything that each page is made from, as a short name."""
    runs = {path: outputs.shown(path) for path in chapters(root)}
    states = {path: digest(asdict(run)) for path, run in runs.items() if run}
    recorded = [sha256(file) for file in sorted((ROOT / "benchmarks").glob("*.json"))]
    all_runs = digest([sorted(map(str, states.items())), recorded])
    package = outputs.package_state()
    found = {}
    for name, path in pages.items():
        text = path.read_text(encoding="utf-8")
        found[name] = digest(
            [
                text,
                states.get(path),
                _RUNS.search(text) and all_runs,
                part_of(package, _DOCUMENTED.findall(text)),
            ]
        )
    return found


def part_of(package: dict[str, str], modules: list[str]) -> dict[str, str]:
    """Return the part of the package's state that the description of modules needs.

    Examples
    --------
    >>> names = ["data", "data._read", "database", "_table"]
    >>> package = {f"imgcls_helpers.{name}": "" for name in names}
    >>> [*part_of(package, ["imgcls_helpers.data"])]
    ['imgcls_helpers.data', 'imgcls_helpers.data._read', 'imgcls_helpers._table']
    >>> part_of(package, [])
    {}
    """
    # What all modules share is offered by some of them as theirs.
    wanted = (*(f"{name}." for name in modules), "imgcls_helpers._")
    return {
        name: state
        for name, state in package.items()
        if modules and f"{name}.".startswith(wanted)
    }


def said_of_pages(env: BuildEnvironment) -> str:
    """Return the state of what pages may say of one another, as a short name."""
    known: list[Any] = [
        {name: title.astext() for name, title in env.titles.items()},
        {name: title.astext() for name, title in env.longtitles.items()},
        *(env.toctree_includes, env.toc_secnumbers, env.toc_fignumbers),
    ]
    for name in ("std", "math", "py", "cite"):
        if name in env.domaindata:
            known += env.domaindata[name].values()
    return digest([_in_order(part) for part in known])


def _in_order(part: Any) -> Any:
    """Return containers with an order that does not depend on which page came first."""
    if isinstance(part, dict):
        return sorted([repr(key), _in_order(value)] for key, value in part.items())
    if isinstance(part, list | set):
        return sorted(map(repr, part))
    return repr(part)


def _to_read(
    app: Sphinx, env: Any, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    pages = {name: Path(env.doc2path(name)) for name in env.found_docs}
    before = getattr(env, "pages_made_from", {})
    env.pages_made_from = now = made_from(pages, Path(app.srcdir))
    return [name for name in now if before.get(name, now[name]) != now[name]]


def _to_write(app: Sphinx, env: Any) -> list[str]:
    before = getattr(env, "pages_said", "")
    env.pages_said = said_of_pages(env)
    return [] if before == env.pages_said else sorted(env.found_docs)


def _entries_of_search(app: Sphinx) -> Path:
    return Path(app.doctreedir, "search_entries.json")


def _import_once(app: Sphinx, env: Any, docnames: list[str]) -> None:
    """Import the package before there are processes that would each do it again."""
    pages = (Path(env.doc2path(name)).read_text("utf-8") for name in docnames)
    named = {module for page in pages for module in _DOCUMENTED.findall(page)}
    for module in sorted(named):
        importlib.import_module(module)


def _remember_search(app: Sphinx) -> None:
    """Give the search its entries (terms, names) for pages that are not written again.

    Sphinx keeps all else that the search needs, and forgets these.
    """
    file = _entries_of_search(app)
    if file.is_file():
        found = json.loads(file.read_text(encoding="utf-8"))
        app.env._search_index_index_entries.update(found)


def _keep_search(app: Sphinx, exception: Exception | None) -> None:
    if not exception:
        found = json.dumps(app.env._search_index_index_entries)
        _entries_of_search(app).write_text(found, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the extension (called by Sphinx)."""
    app.connect("builder-inited", _remember_search)
    app.connect("build-finished", _keep_search)
    app.connect("env-get-outdated", _to_read)
    app.connect("env-before-read-docs", _import_once)
    # After Sphinx has numbered sections and figures.
    app.connect("env-get-updated", _to_write, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
