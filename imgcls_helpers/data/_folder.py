"""A folder of your own pictures."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from imgcls_helpers import _arguments
from imgcls_helpers._arguments import number, one_of, refuse
from imgcls_helpers.data._dataset import Dataset
from imgcls_helpers.data._part import Part
from imgcls_helpers.data._pictures import UnreadableError, read_picture
from imgcls_helpers.data._splits import split_indices

_CLUTTER = ("__macosx", "thumbs.db", "desktop.ini")  # of macOS and Windows
_ENDINGS = (
    *(".jpg", ".jpeg", ".jfif", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".avif", ".heic", ".heif"),
)


def load_image_folder(
    folder: str | os.PathLike[str],
    size: int | tuple[int, int],
    *,
    resize: str = "crop",
    validation: float = 0.1,
    test: float = 0.2,
    seed: int = 0,
    mode: str = "rgb",
    max_pixels: int = 50_000_000,
) -> Dataset:
    """Load your own pictures from a folder that holds one folder a class.

    Pictures may differ in size and kind. Rotation noted by a camera is
    applied, transparent pixels become white, of an animation the first
    picture is taken. Files that cannot be read are left out and listed in
    ``skipped``. Names that begin with a dot are ignored, and so is what macOS
    and Windows leave behind: ``__MACOSX``, ``Thumbs.db``, ``desktop.ini``.
    HEIC, the kind of many phones, is read where pillow-heif is installed.

    Parameters
    ----------
    folder : path
        Folder with the class folders; their sorted names are the class names.
    size : int or (int, int)
        Height and width of the images, in pixels; one number for a square.
    resize : {"crop", "pad", "stretch"}
        "crop": scale until the frame is full, cut off what sticks out;
        "pad": scale until the picture fits in, fill up with white;
        "stretch": scale both sides separately.
    validation, test : float
        Share of the pictures for each part. With 0 the part is None.
    seed : int
        Seed of the stratified split.
    mode : {"rgb", "grey"}
        Three channels or one.
    max_pixels : int
        Pictures with more pixels are left out before they are decoded: a
        small file can hold a picture that fills the memory.

    Returns
    -------
    Dataset
        ``indices`` of the parts count the pictures that were read, class by
        class, sorted by name.

    Raises
    ------
    ValueError
        If there are fewer than two class folders, if a class has no picture
        that can be read, or too few for the split.

    Examples
    --------
    >>> from imgcls_helpers.data import load_image_folder
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("black", "white"):
    ...         Path(folder, name).mkdir()
    ...         for k in range(10):
    ...             picture = Image.new("RGB", (40 + k, 30), name)
    ...             picture.save(Path(folder, name, f"{k}.png"))
    ...     dataset = load_image_folder(folder, 16)
    >>> dataset.class_names, len(dataset.train), dataset.test.images.shape
    (('black', 'white'), 14, (4, 16, 16, 3))
    """
    root = _arguments.path(folder, "folder")
    if not root.is_dir():
        came, cure = repr(_readable(str(root))), ""
        if root.is_file():
            came, cure = f"{came}, a file", "If it is an archive, unpack it."
        refuse("folder", "an existing folder", came=came, cure=cure)
    height, width = _arguments.pair(size, "size", most=4096)
    one_of(resize, "resize", ("crop", "pad", "stretch"))
    one_of(mode, "mode", ("rgb", "grey"))
    max_pixels = number(max_pixels, "max_pixels", 1, whole=True)
    seed = _arguments.seed(seed)
    shares = [number(validation, "validation", 0, 1), number(test, "test", 0, 1)]
    if sum(shares) >= 1:
        refuse(
            "validation and test",
            "below 1 together, so that pictures are left to train on",
            came=f"{validation} and {test}",
        )
    skipped = []
    classes = []
    for path in _visible(root):
        if path.is_dir():
            classes.append(path)
        else:
            skipped.append((_readable(path.name), "lies outside the class folders"))
    names = [_readable(path.name) for path in classes]
    if len(classes) < 2 or not any(map(_holds_files, classes)):
        found = ", ".join(map(repr, names)) or "none"
        refuse(
            "folder",
            "one that holds a folder for each class, two at least",
            came=f"{_readable(str(root))!r}, with the folders: {found}",
            cure=_which_folder(root),
        )
    images, labels = [], []
    for label, path in enumerate(classes):
        before = len(skipped)
        for file in _visible(path):
            try:
                pixels = read_picture(file, (height, width), resize, mode, max_pixels)
            except UnreadableError as error:
                where = _readable(f"{path.name}/{file.name}")
                skipped.append((where, _readable(str(error))))
            else:
                images.append(pixels)
                labels.append(label)
        parts = 1 + sum(share > 0 for share in shares)
        count = labels.count(label)
        if count < parts:
            some = "; ".join(
                f"{name}: {reason}" for name, reason in skipped[before:][:3]
            )
            refuse(
                f"the class folder {names[label]!r}",
                f"one of {parts} pictures that can be read or more, one for each part",
                came=f"{count}",
                cure="Add pictures"
                + (", or set validation=0 or test=0." if parts > 1 and count else ".")
                + (f" Left out: {some}." if some else ""),
            )
    stack = np.stack(images)
    if mode == "grey":
        stack = stack[..., None]
    whole = Part(stack, np.array(labels, dtype=np.int64), classes=len(classes))
    fractions = [1 - sum(shares), *(share for share in shares if share)]
    pieces = iter(split_indices(whole.labels, fractions, seed))
    train = whole.take(next(pieces))
    held, tested = (whole.take(next(pieces)) if share else None for share in shares)
    title = _readable(root.resolve().name)
    return Dataset(
        name=title,
        train=train,
        validation=held,
        test=tested,
        class_names=tuple(names),
        source=f"pictures in the folder {title!r}",
        licence="not known: these are your own files",
        skipped=tuple(skipped),
    )


def _visible(folder: Path) -> list[Path]:
    """Return what is in a folder, without what the reader has not put there."""
    found = (path for path in folder.iterdir() if not path.name.startswith("."))
    return sorted(path for path in found if path.name.lower() not in _CLUTTER)


def _holds_files(folder: Path) -> bool:
    return any(not path.is_dir() for path in _visible(folder))


def _holds_pictures(folder: Path) -> bool:
    try:
        return any(path.name.lower().endswith(_ENDINGS) for path in _visible(folder))
    except OSError:  # a file, or a folder that may not be read
        return False


def _with_classes(folder: Path, levels: int = 3) -> list[Path]:
    """Return the folders at or below this one that hold class folders."""
    try:
        inner = [path for path in _visible(folder) if path.is_dir()]
    except OSError:
        return []
    if sum(map(_holds_pictures, inner)) >= 2:
        return [folder]
    if levels == 0:
        return []
    return [found for path in inner for found in _with_classes(path, levels - 1)]


def _which_folder(root: Path) -> str:
    """Say which folder to name, where class folders are found above or below."""

    def names(folders: list[Path]) -> str:
        return ", ".join(repr(_readable(str(folder))) for folder in folders)

    if below := _with_classes(root):
        which = "name this one" if len(below) == 1 else "name one of these"
        return f"The class folders lie deeper: {which}: {names(below[:5])}."
    if not _holds_pictures(root):
        return ""
    above = root.resolve().parent
    cure = "Put the pictures of each class into a folder of its own."
    if above in _with_classes(above, 0):
        which = "If this is one class of several, name the folder above"
        cure += f" {which}: {names([above])}."
    return cure


def _readable(name: str) -> str:
    """Replace the parts of a file's name that are no text, and so cannot be shown.

    On Linux a name may be any bytes; those that are not UTF-8 reach Python as
    halves of characters, which neither a terminal nor a page takes.
    """
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
