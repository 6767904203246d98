"""The file of a notebook, made of cells; a cell that stays keeps its id."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Sequence

import nbformat
from nbformat import NotebookNode

from tools.notebooks.writer import Cell


def cell_ids(cells: Sequence[Cell], old: Sequence[NotebookNode]) -> list[str]:
    """Choose an id for each cell: the one it had, where it was there before.

    Cells that are the same keep their id; among the others, those at the same place
    between them do. A new cell's id is a hash of what it holds.
    """
    before = [(cell.cell_type, cell.source) for cell in old]
    now = [(cell.kind, cell.source) for cell in cells]
    ids = [""] * len(cells)
    matcher = difflib.SequenceMatcher(None, before, now, autojunk=False)
    for _, old_start, old_end, start, end in matcher.get_opcodes():
        pairs = zip(range(old_start, old_end), range(start, end), strict=False)
        for there, here in pairs:
            if before[there][0] == now[here][0]:
                ids[here] = old[there].get("id", "")
    for here, cell in enumerate(now):
        occurrence = 0
        while not ids[here] or ids.count(ids[here]) > 1:
            text = "\n".join((*cell, str(occurrence)))
            ids[here] = hashlib.sha256(text.encode()).hexdigest()[:12]
            occurrence += 1
    return ids


def notebook_text(cells: Sequence[Cell], old: str = "") -> str:
    """Return the file of a notebook; ids are kept from the file that was there."""
    try:
        before = nbformat.reads(old, as_version=4).cells if old else []
    except Exception:  # not a notebook, or half of one: as if it were not there
        before = []
    made = []
    for cell, cell_id in zip(cells, cell_ids(cells, before), strict=True):
        new = {"cell_type": cell.kind, "id": cell_id, "source": cell.source}
        new["metadata"] = {}
        if cell.kind == "code":
            new |= {"execution_count": None, "outputs": []}
        made.append(new)
    notebook = nbformat.from_dict(
        {
            "cells": made,
            "metadata": {
                "colab": {"provenance": [], "toc_visible": True},
                "kernelspec": {
                    "display_name": "Python 3",
                    "language": "python",
                    "name": "python3",
                },
                "language_info": {"name": "python"},
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    )
    nbformat.validate(notebook)
    return nbformat.writes(notebook).rstrip("\n") + "\n"
