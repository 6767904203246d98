"""Hostile conditions: pictures, and the folders they lie in."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgcls_helpers._arguments import ArgumentError
from imgcls_helpers.data import load_image_folder
from tests.hostile import Place, case, refused, within, without_rights
from tests.package import test_pictures

pictures = partial(case, "Pictures and folders")
RED, BLUE = (200, 0, 0), (0, 0, 200)


def pets(place: Place, **counts: int) -> Path:
    """Make a folder with plain pictures; each class has a colour of its own."""
    root = place.folder / "pets"
    for name, count in (counts or {"cat": 6, "dog": 6}).items():
        for k in range(count):
            colour = BLUE if name == "cat" else RED
            test_pictures.save(
                root / name / f"{k}.png", Image.new("RGB", (20, 24), colour)
            )
    return root


def sound(found) -> None:
    """Check that each picture of `pets` has its label, whatever else happened."""
    parts = [part for part in (found.train, found.validation, found.test) if part]
    for part in parts:
        for image, label in zip(part.images, part.labels, strict=True):
            colour = BLUE if found.class_names[label] == "cat" else RED
            assert (image == colour).all()
    assert sum(map(len, parts)) == 12


# --- Pictures that cannot be used -----------------------------------------------------


def left_out(words: str, make: Callable, name: str, place: Place) -> str:
    """Return what is said of one more file among the cats, which must be left out."""
    place.patch.setitem(sys.modules, "pillow_heif", None)
    root = pets(place)
    make(root / "cat" / name)
    with within(5):
        found = load_image_folder(root, 8, max_pixels=1_000_000)
    sound(found)
    ((path, reason),) = found.skipped
    assert path == f"cat/{name}" and words in reason, found.skipped
    assert path in repr(found) and path in found._repr_html_()
    return f"Left out: {path}: {reason}"


def cut_jpeg(path: Path) -> None:
    noise = np.random.RandomState(0).randint(0, 256, (40, 40, 3)).astype(np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:-500])


def pipe(path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes here")
    os.mkfifo(path)


for condition, name, words, make, not_ours in (
    ("A picture was cut short", "a.jpg", "damaged: ", cut_jpeg, "(?<=damaged: ).*"),
    (
        "A picture is damaged in the middle",
        "a.png",
        "damaged: ",
        test_pictures.truncated,
        "(?<=damaged: ).*",
    ),
    ("A picture has no bytes", "a.png", "is empty", lambda p: p.write_bytes(b""), ""),
    (
        "A text has the name of a picture",
        "a.jpg",
        "not a picture of a known kind",
        lambda p: p.write_text("not a cat", encoding="utf-8"),
        "",
    ),
    (
        "A picture is of a kind that would start another program (EPS)",
        "a.eps",
        "not a picture of a known kind",
        partial(test_pictures.save, picture=Image.new("RGB", (8, 8)), format="EPS"),
        "",
    ),
    (
        "A tiny file unpacks to 1.6 billion pixels",
        "a.png",
        "made to fill the memory",
        test_pictures.bomb,
        "",
    ),
    (
        "A picture is larger than max_pixels",
        "a.png",
        "more than max_pixels",
        partial(test_pictures.save, picture=Image.new("1", (1200, 1000))),
        "",
    ),
    (
        "The pixels of a picture are floats, and it is not clear which one is white",
        "a.tif",
        "with 8 bits a channel",
        test_pictures.float_tiff,
        "",
    ),
    (
        "A picture of a phone (HEIC), where nothing is installed that reads it",
        "a.heic",
        "pip install pillow-heif",
        lambda p: p.write_bytes(test_pictures.HEIC),
        "",
    ),
    ("A link leads nowhere", "a.png", "nowhere", lambda p: p.symlink_to("gone"), ""),
    ("A pipe, which would be waited for", "a.png", "not a file", pipe, ""),
    ("A folder inside a class folder", "more", "is not read", Path.mkdir, ""),
):
    pictures(condition, "leaves it out and lists it; the others are right", not_ours)(
        partial(left_out, words, make, name)
    )


@pictures(
    "A picture that you may not read",
    "leaves it out and lists it; the others are right",
)
def _(place):
    root = pets(place)
    test_pictures.save(root / "cat" / "a.png", Image.new("RGB", (8, 8)))
    (root / "cat" / "a.png").chmod(0)
    with without_rights(place.folder):
        found = load_image_folder(root, 8)
    sound(found)
    ((path, reason),) = found.skipped
    return f"Left out: {path}: {reason}"


# --- Pictures that are odd, and right -------------------------------------------------


def read(make: Callable, name: str, expected, place: Place) -> str:
    """Return the colour that one odd picture comes out with, after comparing it."""
    root = pets(place)
    make(root / "x" / name)
    image = test_pictures.only(root, size=8).astype(int)
    assert image.shape == (8, 8, 3) and np.abs(image - expected).max() <= 3
    return f"8x8x3, uint8, every pixel {tuple(expected)}"


def saves(picture, **options) -> Callable:
    return partial(test_pictures.save, picture=picture, **options)


def grey16(value: int) -> Image.Image:
    return Image.fromarray(np.full((9, 9), value, np.uint16))


def write(path: Path, raw: bytes) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(raw)


SEE_THROUGH = test_pictures.see_through_value(0)
NOTES = test_pictures.chunk(b"eXIf", b"nonsense")
FRAMES = [Image.new("RGB", (9, 9), c) for c in (RED, BLUE, (0, 200, 0))]
MOVES = {"save_all": True, "append_images": FRAMES[1:]}

for condition, outcome, name, expected, make in (
    (
        "An animated GIF",
        "takes its first picture",
        "a.gif",
        RED,
        saves(FRAMES[0], **MOVES),
    ),
    (
        "An animated PNG",
        "takes its first picture",
        "a.png",
        RED,
        saves(FRAMES[0], **MOVES),
    ),
    (
        "16 bits for each pixel",
        "brings 0 to 65,535 down to 0 to 255",
        "a.png",
        (128, 128, 128),
        saves(grey16(128 * 257)),
    ),
    (
        "32 bits for each pixel, and values from 0 to 255",
        "takes them for bytes",
        "a.tif",
        (128, 128, 128),
        saves(Image.fromarray(np.full((9, 9), 128, np.int32))),
    ),
    (
        "16 bits for each pixel, one value of which is transparent",
        "puts it on white",
        "a.png",
        (255, 255, 255),
        lambda path: write(path, test_pictures.png(0, 16, 0, SEE_THROUGH)),
    ),
    (
        "The camera's notes in a picture are broken",
        "keeps the picture",
        "a.png",
        RED,
        lambda path: write(path, test_pictures.png(RED, 8, 2, NOTES)),
    ),
    (
        "A picture for printing (CMYK)",
        "turns the inks into red, green and blue",
        "a.tif",
        (0, 255, 255),
        saves(Image.new("CMYK", (9, 9), (255, 0, 0, 0))),
    ),
    (
        "A picture with a palette",
        "looks the colours up",
        "a.png",
        (5, 6, 7),
        saves(Image.new("RGB", (9, 9), (5, 6, 7)).quantize(2)),
    ),
    (
        "Black and white, one bit for each pixel",
        "takes black as 0 and white as 255",
        "a.png",
        (255, 255, 255),
        saves(Image.new("1", (9, 9), 1)),
    ),
    (
        "Transparent pixels",
        "puts them on white",
        "a.png",
        (255, 255, 255),
        saves(Image.new("RGBA", (9, 9), (200, 0, 0, 0))),
    ),
    (
        "A single pixel",
        "spreads it over the whole image",
        "a.png",
        RED,
        saves(Image.new("RGB", (1, 1), RED)),
    ),
    (
        "3000 pixels wide and one high",
        "cuts a square out of the middle",
        "a.png",
        RED,
        saves(Image.new("RGB", (3000, 1), RED)),
    ),
    (
        "A PNG with the name of a JPEG",
        "looks into the file, not at its name",
        "a.jpg",
        RED,
        saves(Image.new("RGB", (9, 9), RED), format="PNG"),
    ),
):
    pictures(condition, outcome)(partial(read, make, name, expected))


@pictures("A photo that the camera noted as turned", "turns it upright")
def _(place):
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn to the right
    root = pets(place)
    photo = test_pictures.halves((40, 40))  # left half red, right half blue
    test_pictures.save(root / "x" / "a.jpg", photo, exif=exif, quality=95)
    image = test_pictures.only(root, size=20).astype(int)
    assert (image[:9, :, 0] > 200).all() and (image[11:, :, 2] > 200).all()
    return "20x20x3, uint8, red above and blue below"


# --- Folders --------------------------------------------------------------------------


@pictures("The folder is not there", "says which one")
def _(place):
    return refused(
        ArgumentError, "existing folder", load_image_folder, place.folder / "pest", 8
    )


@pictures("A zip archive in place of the folder", "says that it must be unpacked")
def _(place):
    (place.folder / "pets.zip").write_bytes(b"PK")
    return refused(
        ArgumentError, "unpack it", load_image_folder, place.folder / "pets.zip", 8
    )


@pictures("No class folder: all pictures lie in one heap", "says how to sort them")
def _(place):
    root = place.folder / "pets"
    for k in range(5):
        test_pictures.save(root / f"{k}.png", Image.new("RGB", (9, 9)))
    return refused(ArgumentError, "with the folders: none", load_image_folder, root, 8)


@pictures(
    "The folder holds `train` and `test`, and these the class folders",
    "names the folders that hold them",
)
def _(place):
    root = pets(place)
    (place.folder / "all").mkdir()
    root.rename(place.folder / "all" / "train")
    for name in ("cat", "dog"):
        path = place.folder / "all" / "test" / name / "a.png"
        test_pictures.save(path, Image.new("RGB", (9, 9)))
    words = "The class folders lie deeper"
    return refused(ArgumentError, words, load_image_folder, place.folder / "all", 8)


@pictures("A class folder is named in place of the folder above", "says so")
def _(place):
    root = pets(place)
    words = "name the folder above"
    return refused(ArgumentError, words, load_image_folder, root / "cat", 8)


@pictures("A single class", "refuses it, since there is nothing to tell apart")
def _(place):
    root = pets(place, dog=6)
    return refused(ArgumentError, "with the folders: 'dog'", load_image_folder, root, 8)


@pictures(
    "A class without pictures", "names it, in place of a class that is never seen"
)
def _(place):
    root = pets(place)
    (root / "bird").mkdir()
    return refused(
        ArgumentError, "'bird' must be .*; got 0", load_image_folder, root, 8
    )


@pictures("A class in which no picture can be read", "names it, with the reasons")
def _(place):
    root = pets(place)
    (root / "bird").mkdir()
    (root / "bird" / "a.png").write_bytes(b"")
    return refused(ArgumentError, "Left out: bird/a.png", load_image_folder, root, 8)


@pictures("A class too small for three parts", "says how many it needs, or what to set")
def _(place):
    root = pets(place, cat=6, dog=2)
    return refused(
        ArgumentError, "'dog' must be .*; got 2.* test=0", load_image_folder, root, 8
    )


@pictures(
    "Unequal classes: 3 pictures against 60",
    "gives each part some of both, in proportion",
)
def _(place):
    found = load_image_folder(pets(place, cat=3, dog=60), 8)
    counts = {}
    for name in ("train", "validation", "test"):
        part = getattr(found, name)
        counts[name] = np.bincount(part.labels, minlength=2).tolist()
        assert (part.images[part.labels == 0] == BLUE).all()
    assert min(map(min, counts.values())) == 1
    assert np.sum(list(counts.values()), axis=0).tolist() == [3, 60]
    return ", ".join(f"{part} {n[0]} and {n[1]}" for part, n in counts.items())


@pictures(
    "Class names in Chinese, as emoji, with spaces, accents or HTML",
    "keeps each name as it is; nothing on the card is run",
)
def _(place):
    names = ["猫", "🐈", "two words", "é", "e\u0301", "<b>dog<b>", "عربي"]
    found = load_image_folder(pets(place, **dict.fromkeys(names, 3)), 8)
    assert sorted(found.class_names) == sorted(names)  # both ways to write é
    card = found._repr_html_()
    card.encode("utf-8")
    assert "<b>" not in card and "&lt;b&gt;dog" in card
    return ", ".join(n for n in found.class_names if n != "e\u0301")


@pictures(
    "A name from another system that is no Unicode",
    "shows the odd byte by its number; the pictures are right",
)
def _(place):
    root = pets(place)
    odd = os.path.join(os.fsencode(root), b"pok\xe9mon")
    try:
        os.mkdir(odd)
    except OSError:
        pytest.skip("this file system takes Unicode names alone")
    for k in range(3):
        picture = io.BytesIO()
        Image.new("RGB", (9, 9), (0, 99, 0)).save(picture, "PNG")
        with open(os.path.join(odd, b"\xe9%d.png" % k), "wb") as file:
            file.write(picture.getvalue())
    with open(os.path.join(odd, b"\xe9.txt"), "wb") as file:
        file.write(b"x")
    found = load_image_folder(root, 8)
    for card in (repr(found), found._repr_html_(), str(found.skipped)):
        card.encode("utf-8")  # else neither a terminal nor a page takes it
    green = found.train.images[found.train.labels == 2]
    assert len(green) and (green == (0, 99, 0)).all()
    return f"{', '.join(found.class_names)}. Left out: {found.skipped[0][0]}"


@pictures("Files beside the class folders", "lists them; what systems leave is ignored")
def _(place):
    root = pets(place)
    (root / "readme.txt").write_text("x", encoding="utf-8")
    for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
        (root / name).write_bytes(b"x")
    (root / "__MACOSX").mkdir()
    (root / "cat" / ".DS_Store").write_bytes(b"x")
    found = load_image_folder(root, 8)
    sound(found)
    ((path, reason),) = found.skipped
    return f"Left out: {path}: {reason}"
