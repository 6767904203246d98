"""What builds the book, and what looks at it before and after: a walk from the top.

`make book` runs ``tools.build``:

1. ``build`` compares all that the site depends on with what it was built from. Nothing
   has changed: it is done, in a second.
2. ``notebooks`` writes the notebook beside each chapter: ``book`` reads the pages
   (through ``myst``, MyST's own parser), ``notebooks.writer`` turns a chapter into
   plain Markdown and code, and refuses what it does not know.
3. ``execute`` runs the chapters side by side, each in a kernel of its own, and shows
   how far they are (``progress``). ``outputs`` keeps a run, and knows whether it still
   fits: the chapter's code, the modules of the package that it loaded, and the
   ``surroundings`` (versions, budget, backend, device, data) are as they were.
4. ``publish`` lets Jupyter Book (Sphinx) build into ``_build/site``, every warning
   fatal, and puts the finished site, with the PDF of ``pdf`` if it is asked for, in the
   place of the old one. ``extensions`` are Sphinx's: ``site`` (addresses, buttons,
   chapters with their outputs), ``again`` (which pages are read and written again),
   ``runs`` (the pages made from runs), ``api`` (links to the source).

Beside it stand commands of their own: ``check_chapters`` (the chapters' source),
``check_site`` (the built site, in a ``browser``), ``coursework`` (assignments),
``address`` (another repository), ``matrix`` (other backends and versions),
``setup_env`` (the environment; the standard library alone).

At the bottom: ``places`` (paths and addresses), ``fingerprints`` (what changed?),
``pictures`` (alt texts), ``times`` (what chapters took). A module imports those below
it and never those above; ``tests/tools/test_layers.py`` has the order.
"""
