"""Sphinx extension of the API pages: what autodoc cannot know.

- A link beside each name leads to its lines in the repository.
- A type hint names the file in which a class is written (``training._recipe.Recipe``);
  readers know it by the module that offers it (``training.Recipe``).
- The fields of a named tuple stand in its docstring, and not a second time below it.
- Several attributes of one type and description may share an entry of a docstring.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphinx.domains.python import PyObject

from tools.places import BRANCH, ROOT, read_addresses

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.config import Config
    from sphinx.environment import BuildEnvironment


def source_address(domain: str, info: dict[str, str]) -> str | None:
    """Return where the repository shows the source of a name; None if it has none.

    Examples
    --------
    >>> info = {"module": "imgcls_helpers.data", "fullname": "Part.take"}
    >>> address = source_address("py", info)
    >>> address.partition("/blob/")[2].partition("#L")[0]
    'main/imgcls_helpers/data/_part.py'
    """
    found: Any = importlib.import_module(info["module"])
    for name in info["fullname"].split("."):
        found = getattr(found, name, None)
    found = getattr(found, "fget", None) or getattr(found, "func", None) or found
    try:
        lines, first = inspect.getsourcelines(inspect.unwrap(found))
        path = Path(inspect.getsourcefile(inspect.unwrap(found))).relative_to(ROOT)
    except (TypeError, ValueError, OSError):  # a constant
        return None
    place = f"{path.as_posix()}#L{first}-L{first + len(lines) - 1}"
    return f"{_repository()}/blob/{BRANCH}/{place}"


@functools.cache
def _repository() -> str:
    return read_addresses().repository


def public_name(name: str) -> str:
    """Return a name without the private module in which it is written.

    Examples
    --------
    >>> public_name("imgcls_helpers.training._recipe.Recipe.rate")
    'imgcls_helpers.training.Recipe.rate'
    """
    return re.sub(r"^(imgcls_helpers\.\w+)\._\w+\.", r"\1.", name)


def _find_public(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: nodes.TextElement
) -> nodes.Element | None:
    name = node.get("reftarget", "")
    public = public_name(name)
    if node.get("refdomain") != "py" or public == name:
        return None
    page, builder = node["refdoc"], app.builder
    return env.domains["py"].resolve_xref(
        env, page, builder, node["reftype"], public, node, contnode
    )


def _skip_fields(
    app: Sphinx, what: str, name: str, member: Any, skip: bool, options: Any
) -> bool | None:
    return True if type(member).__name__ == "_tuplegetter" else None


def one_attribute_each(lines: list[str]) -> list[str]:
    """Give each attribute of a numpydoc section an entry of its own.

    Napoleon does so with parameters; of attributes it takes the names for one.

    Examples
    --------
    >>> one_attribute_each(["Attributes", "----------", "a, b : int", "    Both."])[2:]
    ['a : int', '    Both.', 'b : int', '    Both.']
    """
    if "Attributes" not in lines:
        return lines
    done: list[str] = []
    for block in re.split(r"\n(?=\S)", "\n".join(lines)):
        first, *rest = block.split("\n")
        names, colon, kind = first.partition(" : ")
        if colon and re.fullmatch(r"\w+(, \w+)+", names):
            for name in names.split(", "):
                done += [f"{name} : {kind}", *rest]
        else:
            done += [first, *rest]
    return done


def _read_docstring(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    lines[:] = one_attribute_each(lines)


def _set_config(app: Sphinx, config: Config) -> None:
    config.linkcode_resolve = source_address


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the extension (called by Sphinx)."""
    for field in PyObject.doc_field_types:
        if field.name == "variable":  # which Sphinx heads "Variables"
            field.label = "Attributes"
    app.connect("config-inited", _set_config)
    app.connect("missing-reference", _find_public)
    app.connect("autodoc-skip-member", _skip_fields)
    app.connect("autodoc-process-docstring", _read_docstring, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
