"""Sphinx extension of this book: what ``_config.yml`` alone cannot say.

- The addresses of the repository and of the site come from ``[project.urls]`` in
  ``pyproject.toml``, where alone they stand.
- Chapters are read with the outputs of the runs that `tools.outputs.show` was given.
- A chapter offers its notebook (``book/NN-name.ipynb``): to open in Colab, and to
  download. The notebooks are copied into the built site.
- Pages are read and written in parallel, and listed in a site map.
"""

from __future__ import annotations

import functools
import shutil
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.etree import ElementTree

from docutils import nodes
from docutils.parsers.rst.directives.admonitions import Admonition
from myst_nb.core.read import read_myst_markdown_notebook
from pybtex import plugin as pybtex_plugin
from pybtex.backends.plaintext import Backend as PlaintextBackend
from sphinxcontrib.bibtex.plugin import register_plugin
from sphinxcontrib.bibtex.style.referencing import BracketStyle
from sphinxcontrib.bibtex.style.referencing.author_year import (
    AuthorYearReferenceStyle,
)

from tools import outputs
from tools.book import chapters
from tools.places import BRANCH, Addresses, read_addresses

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from sphinx.application import Sphinx
    from sphinx.config import Config

DESCRIPTION_LENGTH = 200  # characters; what search engines and chats show
SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"


@functools.cache
def _here() -> Addresses:
    """Return the addresses, read once a build."""
    return read_addresses()


def _set_config(app: Sphinx, config: Config) -> None:
    _here.cache_clear()
    here = _here()
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


def _set_readers(app: Sphinx) -> None:
    """Let MyST-NB read each chapter with its outputs, by the end of the path."""
    readers = {
        f"/{path.name}": (
            f"{__name__}.read_with_outputs",
            {"config": app.env.myst_config, "path": path},
            False,
        )
        for path in chapters(Path(app.srcdir))
    }
    app.env.mystnb_config = app.env.mystnb_config.copy(custom_formats=readers)


def read_with_outputs(text: str, config: Any, path: Path) -> NotebookNode:
    """Read a chapter as MyST-NB does, with the outputs of its run."""
    notebook = read_myst_markdown_notebook(text, config, add_source_map=True, path=path)
    run = outputs.shown(path)
    return run.fill(notebook) if run else notebook


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
        context["colab_url"] = _here().colab(f"{pagename}.ipynb")
    if pagename == app.config.root_doc:
        context["docstitle"] = ""  # else the title bar says the book's title twice
        context["pdf_file"] = app.config.pdf_file
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


def _drop_old_pictures(app: Sphinx, exception: Exception | None) -> None:
    """Remove the pictures of outputs that no page shows any more."""
    if exception or app.builder.name != "html":
        return
    shown = {name for _, name in app.env.images.values()}
    for picture in Path(app.outdir, app.builder.imagedir).glob("*"):
        if picture.name not in shown:
            picture.unlink()


def _write_sitemap(app: Sphinx, exception: Exception | None) -> None:
    """List all pages for search engines, those too that were not written anew."""
    if exception or app.builder.name != "html":
        return
    urls = ElementTree.Element("urlset", xmlns=SITEMAP)
    for docname in sorted(app.env.found_docs):
        url = ElementTree.SubElement(urls, "url")
        address = f"{app.config.html_baseurl}{quote(docname)}.html"
        ElementTree.SubElement(url, "loc").text = address
    path = Path(app.outdir, "sitemap.xml")
    ElementTree.ElementTree(urls).write(path, "utf-8", xml_declaration=True)


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
    # Where citations look for it each time; else all packages are looked through.
    pybtex_plugin.register_plugin("pybtex.backends", "plaintext", PlaintextBackend)
    for name in ("note", "tip", "important", "warning"):
        app.add_directive(name, TitledAdmonition, override=True)
    # Jupyter Book sets it even where sphinx_comments is not used.
    app.add_config_value("comments_config", {}, "")
    # The name of the PDF in the site's root, where it is going to be printed.
    app.add_config_value("pdf_file", "", "html", [str])
    # It only replaces a function that runs when all pages are read.
    app.extensions["sphinx_multitoc_numbering"].parallel_read_safe = True
    # After MyST-NB has made its own settings.
    app.connect("builder-inited", _set_readers, priority=900)
    # Before the extensions that read these settings.
    app.connect("config-inited", _set_config, priority=100)
    # Before sphinxext.opengraph, which keeps a description that it finds.
    app.connect("html-page-context", _set_description, priority=400)
    app.connect("html-page-context", _set_page_context)
    app.connect("build-finished", _copy_notebooks)
    app.connect("build-finished", _drop_old_pictures)
    app.connect("build-finished", _write_sitemap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
