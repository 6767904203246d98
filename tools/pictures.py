"""What is said about pictures to those who do not see them: in source and outputs."""

from __future__ import annotations

import re

from nbformat import NotebookNode


def alt_fault(alt: object) -> str:
    """Return what is wrong with an alt text; empty if nothing is.

    Examples
    --------
    >>> alt_fault("Ten small pictures in two rows, each with its class above it.")
    ''
    >>> alt_fault("Figure of a cat on a mat.")
    'the alt text says what is to be seen; it does not begin with Figure'
    """
    if not isinstance(alt, str) or not alt.strip():
        return "a figure needs an alt text (mystnb: image: alt)"
    text = alt.strip()
    start = r"(figure|(image|picture|plot|photo|chart) of)\b"
    if match := re.match(start, text, re.IGNORECASE):
        found = match.group()
        return f"the alt text says what is to be seen; it does not begin with {found}"
    if re.search(r"\.(png|jpe?g|svg|gif|webp)$", text, re.I):
        return "the alt text is a file name; say what is to be seen"
    if len(text) < 20:
        return f"an alt text of {len(text)} characters; say what is to be seen"
    if not text.endswith((".", "?", "!")):
        return "the alt text is a sentence: it ends with a full stop"
    return ""


def images_without_alt(notebook: NotebookNode) -> list[str]:
    """Return the faults of the pictures that an executed chapter shows.

    Parameters
    ----------
    notebook
        The chapter as MyST-NB reads it, with its outputs.

    Returns
    -------
    list of str
        A line for each cell that shows a picture without an alt text or caption, shows
        several, or has a caption and shows none.
    """
    faults = []
    number = 0
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        number += 1
        metadata = cell.metadata.get("mystnb") or {}
        images = [
            output
            for output in cell.get("outputs", [])
            if any(kind.startswith("image/") for kind in output.get("data", {}))
        ]
        caption = (metadata.get("figure") or {}).get("caption")
        fault = ""
        if images:
            fault = alt_fault((metadata.get("image") or {}).get("alt"))
            if not fault and not caption:
                fault = "a figure needs a caption (mystnb: figure: caption)"
            if not fault and len(images) > 1:
                fault = f"{len(images)} pictures share one alt text; one a cell"
        elif caption:
            fault = "there is a caption and no picture"
        if fault:
            first = next(iter(cell.source.splitlines()), "")
            faults.append(f"code cell {number} ({first.strip()}): {fault}")
    return faults
