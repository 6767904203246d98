"""A data set in three parts, and its card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

from imgcls_helpers._arguments import class_names, refuse
from imgcls_helpers._table import Shown, Table
from imgcls_helpers.data._part import Part


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(Shown):
    """A data set in three parts, with what is known about it.

    Attributes
    ----------
    name : str
        Name as `load_dataset` knows it, or the folder's name.
    train, validation, test : Part
        ``validation`` is None where none was asked for, and so is ``test``.
    class_names : tuple of str
        Name of each class, by class number.
    source : str
        Where the images came from.
    licence : str
        Under which terms, as far as known.
    notice : str
        What a reader must know: that this is a fallback, that the files were
        not checked against the original. Empty if there is nothing to say.
    skipped : tuple of (str, str)
        Path and reason of each file that `load_image_folder` left out.

    Examples
    --------
    >>> from imgcls_helpers.data import load_dataset
    >>> dataset = load_dataset("digits")
    >>> dataset.name, dataset.class_names[:3], len(dataset.test)
    ('digits', ('0', '1', '2'), 359)
    """

    name: str
    train: Part
    # None where there is none. With Any, who knows that there is one need not say so.
    validation: Part | Any
    test: Part | Any
    class_names: tuple[str, ...]
    source: str = ""
    licence: str = ""
    notice: str = ""
    skipped: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for name in ("train", "validation", "test"):
            part = getattr(self, name)
            if not isinstance(part, Part) and (part is not None or name == "train"):
                cure = "Use `Part(images, labels)`."
                refuse(name, "a Part", part, cure=cure)
        names = class_names(self.class_names, self.train.classes)
        object.__setattr__(self, "class_names", names)

    def _tables(self) -> list[Table]:
        parts = [
            f"{len(part):,} {what}"
            for what, part in (
                ("train", self.train),
                ("validation", self.validation),
                ("test", self.test),
            )
            if part is not None
        ]
        h, w, c = self.train.images.shape[1:]
        colour = "grey" if c == 1 else "colour"
        names = ", ".join(self.class_names[:10])
        if len(self.class_names) > 10:
            names += ", ..."
        rows = [
            ("Images", ", ".join(parts)),
            ("Size", f"{h} x {w} pixels, {colour}"),
            ("Classes", f"{len(self.class_names)}: {names}"),
            ("Source", self.source),
            ("Licence", self.licence),
        ]
        if self.skipped:
            some = "; ".join(f"{path}: {reason}" for path, reason in self.skipped[:5])
            more = "; ..." if len(self.skipped) > 5 else ""
            rows.append(("Left out", f"{len(self.skipped)} files: {some}{more}"))
        if self.notice:
            rows.insert(0, ("Notice", self.notice))
        rows = [(key, value) for key, value in rows if value]
        return [Table(f"Data set {self.name!r}", (), rows, width=72, strong="Notice")]

    def __iter__(self) -> NoReturn:
        refuse(
            "what is taken apart",
            "a Part",
            came="a Dataset, which has three",
            cure="Use `images, labels = dataset.train`, and the same with "
            "dataset.validation and dataset.test.",
        )
