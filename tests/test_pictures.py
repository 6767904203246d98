"""Folders of pictures, pictures of every kind, and what cannot be read."""

import numpy as np
import pytest
from PIL import Image

from imgcls_helpers._arguments import ArgumentError
from imgcls_helpers.data import load_image_folder


def save(path, picture, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, **options)


@pytest.fixture
def pictures(tmp_path):
    """Two classes with ten plain pictures each, of mixed sizes."""
    root = tmp_path / "pets"
    for name, colour in (("dog", (200, 0, 0)), ("cat", (0, 0, 200))):
        for k in range(10):
            save(root / name / f"{k}.png", Image.new("RGB", (20 + 3 * k, 24), colour))
    return root


def only(root, **options):
    """Load the folder and return the single picture of the class 'x'."""
    found = load_image_folder(root, validation=0, test=0, **options)
    label = found.class_names.index("x")
    rows = np.flatnonzero(found.train.labels == label)
    assert len(rows) == 1, found.skipped
    return found.train.images[rows[0]]


def test_folder_of_pictures(pictures):
    (pictures / ".hidden").mkdir()
    (pictures / "cat" / ".DS_Store").write_bytes(b"x")
    found = load_image_folder(pictures, (12, 16), seed=1)
    assert found.name == "pets" and found.class_names == ("cat", "dog")
    sizes = [len(p) for p in (found.train, found.validation, found.test)]
    assert sizes == [14, 2, 4] and found.skipped == ()
    for part in (found.train, found.validation, found.test):
        assert part.images.shape[1:] == (12, 16, 3)
        colours = part.images[:, 6, 8].tolist()
        expected = [[0, 0, 200] if k == 0 else [200, 0, 0] for k in part.labels]
        assert colours == expected
        assert np.array_equal(part.labels, part.indices // 10)
        assert np.bincount(part.labels).tolist() == [len(part) // 2] * 2
    assert len(set(found.train.labels[:6].tolist())) == 2
    assert str(pictures.parent) not in repr(found)
    grey = load_image_folder(pictures, 8, mode="grey", validation=0)
    assert grey.train.images.shape == (16, 8, 8, 1) and grey.validation is None


def halves(size=(40, 20)):
    """Left half red, right half blue."""
    picture = Image.new("RGB", size, (255, 0, 0))
    picture.paste((0, 0, 255), (size[0] // 2, 0, *size))
    return picture


def test_three_ways_to_resize(pictures):
    save(pictures / "x" / "a.png", halves())
    crop = only(pictures, size=16, resize="crop")
    pad = only(pictures, size=16, resize="pad")
    stretch = only(pictures, size=16, resize="stretch")
    red, blue, white = (255, 0, 0), (0, 0, 255), (255, 255, 255)
    for image in (crop, stretch):
        assert tuple(image[0, 2]) == red and tuple(image[15, 13]) == blue
    # In the crop the halves meet after 8 of 16; at the full height.
    assert tuple(pad[0, 2]) == white and tuple(pad[15, 13]) == white
    assert tuple(pad[8, 2]) == red and tuple(pad[8, 13]) == blue
    # Cropping loses the outer quarters: a mark there must be gone.
    marked = halves()
    marked.paste((0, 255, 0), (0, 0, 6, 20))
    save(pictures / "x" / "a.png", marked)
    assert only(pictures, size=16, resize="crop")[:, :, 1].max() < 128
    assert only(pictures, size=16, resize="stretch")[8, 0, 1] > 200


def test_rotation_noted_by_the_camera(pictures):
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn to the right
    save(pictures / "x" / "a.jpg", halves((40, 40)), exif=exif, quality=95)
    image = only(pictures, size=20).astype(int)
    assert image[2, 10, 0] > 200 > 60 > image[2, 10, 2]  # red is above
    assert image[17, 10, 2] > 200 > 60 > image[17, 10, 0]


def see_through(mode):
    picture = Image.new("RGBA", (20, 20), (10, 20, 30, 255))
    picture.paste((255, 0, 0, 0), (0, 0, 20, 10))  # nothing to be seen above
    return picture.convert(mode)


def palette_see_through():
    picture = Image.new("P", (20, 20), 1)
    picture.putpalette([255, 0, 0, 10, 20, 30])
    picture.paste(0, (0, 0, 20, 10))
    picture.info["transparency"] = 0
    return picture


@pytest.mark.parametrize(
    ("picture", "below"),
    [
        (see_through("RGBA"), (10, 20, 30)),
        (see_through("LA"), (18, 18, 18)),
        (palette_see_through(), (10, 20, 30)),
    ],
)
def test_transparent_becomes_white(pictures, picture, below):
    save(pictures / "x" / "a.png", picture)
    image = only(pictures, size=20).astype(int)
    assert (image[2, 10] == 255).all()
    assert np.abs(image[17, 10] - below).max() <= 1


@pytest.mark.parametrize(
    ("kind", "make", "expected"),
    [
        ("png", lambda: Image.new("L", (9, 9), 77), (77, 77, 77)),
        ("png", lambda: Image.new("1", (9, 9), 1), (255, 255, 255)),
        ("png", lambda: Image.new("RGB", (9, 9), (5, 6, 7)).quantize(2), (5, 6, 7)),
        ("jpg", lambda: Image.new("CMYK", (9, 9), (0, 255, 255, 0)), (254, 0, 0)),
        ("tif", lambda: Image.new("CMYK", (9, 9), (255, 0, 0, 0)), (0, 255, 255)),
        ("tif", lambda: Image.new("LAB", (9, 9), (255, 128, 128)), (255, 255, 255)),
        (
            "png",
            lambda: Image.fromarray(np.full((9, 9), 128 * 257, np.uint16)),
            (128, 128, 128),
        ),
        (
            "tif",
            lambda: Image.fromarray(np.full((9, 9), 65535, np.uint16)),
            (255, 255, 255),
        ),
        ("bmp", lambda: Image.new("RGB", (9, 9), (1, 2, 3)), (1, 2, 3)),
        ("webp", lambda: Image.new("RGB", (9, 9), (255, 255, 255)), (255, 255, 255)),
        ("ppm", lambda: Image.new("RGB", (9, 9), (1, 2, 3)), (1, 2, 3)),
        ("PNG", lambda: Image.new("RGB", (9, 9), (1, 2, 3)), (1, 2, 3)),
    ],
)
def test_modes_and_formats(pictures, kind, make, expected):
    save(pictures / "x" / f"a.{kind}", make())
    image = only(pictures, size=9).astype(int)
    assert np.abs(image - expected).max() <= 3


def test_jpeg_is_not_decoded_too_small(pictures):
    bars = np.tile(np.repeat([0, 255], 10).astype(np.uint8), (160, 8))
    save(pictures / "x" / "a.jpg", Image.fromarray(bars), quality=95)
    image = only(pictures, size=64).astype(int)
    assert image[32, 2::8].max() < 20 and image[32, 6::8].min() > 235


def bomb(path):
    # A small file with a header that promises 40,000 x 40,000 pixels.
    picture = Image.new("1", (8, 8))
    picture.save(path)
    raw = bytearray(path.read_bytes())
    raw[16:24] = (40_000).to_bytes(4, "big") * 2
    import zlib

    raw[29:33] = zlib.crc32(raw[12:29]).to_bytes(4, "big")
    path.write_bytes(raw)


def truncated(path):
    noise = np.random.RandomState(0).randint(0, 256, (40, 40, 3)).astype(np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:-1500])


def float_tiff(path):
    Image.fromarray(np.ones((8, 8), np.float32)).save(path, format="TIFF")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda p: p.write_text("a note", "utf-8"), "not a picture of a known kind"),
        (lambda p: p.mkdir(), "a folder inside a class folder"),
    ],
)
def test_unreadable_files_are_listed(pictures, make, reason):
    make(pictures / "cat" / "zz.png")
    found = load_image_folder(pictures, 8, max_pixels=100_000)
    assert [path for path, _ in found.skipped] == ["cat/zz.png"]
    assert reason in found.skipped[0][1]
    assert len(found.train) + len(found.validation) + len(found.test) == 20
    assert "cat/zz.png" in repr(found) and "zz.png" in found._repr_html_()


def test_links_are_followed_and_stray_files_listed(pictures):
    (pictures / "dog" / "link.png").symlink_to(pictures / "dog" / "0.png")
    (pictures / "readme.txt").write_text("x", "utf-8")
    found = load_image_folder(pictures, 8)
    assert found.skipped == (("readme.txt", "lies outside the class folders"),)
    assert len(found.train) + len(found.validation) + len(found.test) == 21


@pytest.mark.parametrize("resize", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("size", [(3000, 1), (1, 3000), (1, 1)])
def test_extreme_shapes_do_not_break_it(pictures, resize, size):
    save(pictures / "x" / "a.png", Image.new("RGB", size, (9, 9, 9)))
    image = only(pictures, size=8, resize=resize)
    expected = (255 * 56 + 9 * 8) / 64 if resize == "pad" and 3000 in size else 9
    assert image.mean() == expected


def remove(path):
    for file in path.iterdir():
        file.unlink()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.rename(r.parent / "gone"), "folder must be an existing folder"),
        (
            lambda r: (remove(r / "cat"), (r / "cat").rmdir()),
            "two at least; .* with the folders: 'dog'",
        ),
        (
            lambda r: [(remove(r / n), (r / n).rmdir()) for n in ("cat", "dog")],
            "two at least; .* with the folders: none",
        ),
        (
            lambda r: (remove(r / "cat"), (r / "cat" / "a.png").write_bytes(b"")),
            r"Left out: cat/a\.png: the file is empty",
        ),
        (
            lambda r: [(r / "cat" / f"{k}.png").unlink() for k in range(8)],
            "'cat' must be one of 3 pictures .*; got 2.*test=0",
        ),
    ],
)
def test_too_little_is_an_error(pictures, change, message):
    change(pictures)
    with pytest.raises(ArgumentError, match=message):
        load_image_folder(pictures, 8)


@pytest.mark.parametrize(
    "arguments",
    [
        {"size": 0},
        {"size": 8.0},
        {"size": (8, 8, 3)},
        {"size": "8"},
        {"resize": "fit"},
        {"mode": "rgba"},
        {"validation": 0.5, "test": 0.5},
        {"test": float("nan")},
        {"seed": -1},
        {"max_pixels": 0},
    ],
)
def test_image_folder_refuses(pictures, arguments):
    name = next(iter(arguments))
    with pytest.raises(ArgumentError, match=f"^load_image_folder: {name} (must|and)"):
        load_image_folder(**{"folder": pictures, "size": 8, **arguments})
