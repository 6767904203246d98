"""Sphinx extension of this book: what ``_config.yml`` alone cannot say.

- The addresses of the repository and of the site come from ``[project.urls]`` in
  ``pyproject.toml``, where alone they stand.
- Executed chapters are read from the folder that ``tools.execute`` writes.
- A chapter offers its notebook (``book/NN-name.ipynb``): to open in Colab, and to
  download. The notebooks are copied into the built site.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.parsers.rst.directives.admonitions import Admonition
from sphinxcontrib.bibtex.plugin import register_plugin
from sphinxcontrib.bibtex.style.referencing import BracketStyle
from sphinxcontrib.bibtex.style.referencing.author_year import (
    AuthorYearReferenceStyle,
)

from tools.execute import cache_folder
from tools.places import BRANCH, PDF, read_addresses

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

DESCRIPTION_LENGTH = 200  # characters; what search engines and chats show


def _set_config(app: Sphinx, config: Config) -> None:
    here = read_addresses()
    config.html_baseurl = here.site
    config.ogp_site_url = here.site
    config.html_theme_options["repository_url"] = here.repository
    config.html_theme_options["repository_branch"] = BRANCH
    # Links of the 404 page are absolute: it is served at any depth.
    config.notfound_urls_prefix = here.path
    config.notfound_context = {
        "title": "Page not found",
        "body": (
            "<h1>Page not found</h1><p>There is no page at this address. Look in the "
            f'<a href="{escape(here.path)}index.html">contents of the book</a>, or '
            f'<a href="{escape(here.path)}search.html">search</a> it.</p>'
        ),
    }
    if config.nb_execution_mode == "cache":
        config.nb_execution_cache_path = str(cache_folder())


def _notebook(app: Sphinx, docname: str) -> Path | None:
    """Return the generated notebook beside a page's source, if there is one."""
    if docname not in app.env.found_docs:  # search and 404 have no source
        return None
    path = Path(app.env.doc2path(docname)).with_suffix(".ipynb")
    return path if path.is_file() else None


def shorten(text: str, length: int = DESCRIPTION_LENGTH) -> str:
    """Cut a text at the end of a word, so that it has at most `length` characters.

    Examples
    --------
    >>> shorten("How  good is it?"), shorten("How good is it?", 11)
    ('How good is it?', 'How good…')
    """
    text = " ".join(text.split())
    if len(text) <= length:
        return text
    return text[:length].rsplit(" ", 1)[0].rstrip(",;:") + "…"


def _set_description(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Describe a page by its opening paragraph; left alone, tables would come in."""
    if doctree is None:
        return
    paragraph = next(iter(doctree.findall(nodes.paragraph)), None)
    if paragraph is None:
        return
    text = shorten(paragraph.astext())
    context["meta"] = {**(context["meta"] or {}), "og:description": text}
    context["metatags"] += (
        f'<meta name="description" content="{escape(text, quote=True)}" />\n'
    )


def _set_page_context(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    if notebook := _notebook(app, pagename):
        context["notebook_file"] = notebook.name  # beside the built page
        context["colab_url"] = read_addresses().colab(f"{pagename}.ipynb")
    if pagename == app.config.root_doc:
        context["docstitle"] = ""  # else the title bar says the book's title twice
        if os.environ.get("IMGCLS_PDF"):  # set by tools/build.py, which prints it after
            context["pdf_file"] = PDF
    if "body" in context:
        # The role that docutils gives to the works of a bibliography is deprecated,
        # and does not fit the list around them.
        context["body"] = context["body"].replace(
            'role="doc-biblioentry"', 'role="listitem"'
        )


def _copy_notebooks(app: Sphinx, exception: Exception | None) -> None:
    if exception or app.builder.name != "html":
        return
    for docname in app.env.found_docs:
        if notebook := _notebook(app, docname):
            shutil.copyfile(notebook, Path(app.outdir) / f"{docname}.ipynb")


def _round() -> BracketStyle:
    return BracketStyle(left="(", right=")")


@dataclass
class RoundReferenceStyle(AuthorYearReferenceStyle):
    """Works cited as Author (year) and (Author, year), as in the notebooks."""

    bracket_parenthetical: BracketStyle = field(default_factory=_round)
    bracket_textual: BracketStyle = field(default_factory=_round)


class TitledAdmonition(Admonition):
    """``:::{note} Title``: a note with a title of its own, or none.

    The directives of docutils take what stands on the first line as text.
    """

    required_arguments = 0
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the note as a node."""
        title = self.arguments[0] if self.arguments else self.name.capitalize()
        self.arguments = [title]
        self.options["class"] = [self.name, *self.options.get("class", [])]
        return super().run()


def _visit_folded_cell(translator: Any, node: Any) -> None:
    # As MyST-NB's, without an aria-label that hides the words from screen readers.
    show, hide = escape(node["prompt_show"]), escape(node["prompt_hide"])
    translator.body.append(
        f'<details class="admonition hide {" ".join(node["classes"])}">\n<summary>\n'
        f'<p class="collapsed admonition-title">{show}</p>\n'
        f'<p class="expanded admonition-title">{hide}</p>\n</summary>\n'
    )


def _depart_folded_cell(translator: Any, node: Any) -> None:
    translator.body.append("</details>\n")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the extension (called by Sphinx)."""
    from myst_nb.sphinx_ import HideCodeCellNode

    app.add_node(
        HideCodeCellNode,
        override=True,
        html=(_visit_folded_cell, _depart_folded_cell),
    )
    register_plugin(
        "sphinxcontrib.bibtex.style.referencing",
        "author_year_round",
        RoundReferenceStyle,
        force=True,  # a second build in one process registers it again
    )
    for name in ("note", "tip", "important", "warning"):
        app.add_directive(name, TitledAdmonition, override=True)
    # Jupyter Book sets it even where sphinx_comments is not used.
    app.add_config_value("comments_config", {}, "")
    # Before the extensions that read these settings.
    app.connect("config-inited", _set_config, priority=100)
    # Before sphinxext.opengraph, which keeps a description that it finds.
    app.connect("html-page-context", _set_description, priority=400)
    app.connect("html-page-context", _set_page_context)
    app.connect("build-finished", _copy_notebooks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
