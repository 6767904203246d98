"""Folders of pictures, pictures of every kind, and what cannot be read."""

import re
import struct
import sys
import types
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

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


def chunk(kind, body):
    check = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)


def png(value, bits, kind, before=b"", after=b""):
    """Return a PNG of 9x9 equal pixels, as no program but a camera's would save it.

    `value` has one number a channel; `kind` is the type of colour: 0 grey, 2 RGB,
    3 with a palette, 4 grey with alpha, 6 RGB with alpha.
    """
    row = np.tile(np.ravel(value), 9)[:, None] >> np.arange(bits - 1, -1, -1) & 1
    rows = (b"\0" + np.packbits(row.astype(np.uint8)).tobytes()) * 9
    head = struct.pack(">IIBBBBB", 9, 9, bits, kind, 0, 0, 0)
    parts = [chunk(b"IHDR", head), before, chunk(b"IDAT", zlib.compress(rows)), after]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


def see_through_value(*values):
    return chunk(b"tRNS", struct.pack(f">{len(values)}H", *values))


def tiff(values, *, zero_is_white=False, bits=None, order="<"):
    """Return a TIFF of one channel in the type of `values`."""
    kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    data = values.astype(values.dtype.newbyteorder(order)).tobytes()
    if bits == 12:
        rows = values[..., None] >> np.arange(11, -1, -1) & 1
        data = np.packbits(rows.reshape(len(rows), -1), axis=1).tobytes()
    data += b"\0" * (len(data) % 2)
    height, width = values.shape
    entries = {
        **{256: width, 257: height, 258: bits or 8 * values.itemsize, 259: 1},
        **{262: 0 if zero_is_white else 1, 273: 8, 277: 1, 278: height},
        **{279: len(data), 339: kind},
    }
    tags = b"".join(
        struct.pack(f"{order}HHII", tag, 4, 1, entry) for tag, entry in entries.items()
    )
    start = b"II*\0" if order == "<" else b"MM\0*"
    head = start + struct.pack(f"{order}I", 8 + len(data))
    return head + data + struct.pack(f"{order}H", len(entries)) + tags + bytes(4)


def plain(value, kind):
    return np.full((9, 9), value, kind)


PALETTE = chunk(b"PLTE", bytes([255, 0, 0, 10, 20, 30]))
RGB16 = [200 * 257, 100 * 257, 50 * 257]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        # 32 bits: bytes, 16 bits, shares; and whatever the format says of white.
        (tiff(plain(128, "i4")), 128),
        (tiff(plain(128, "u4")), 128),
        (tiff(plain(128, "i4"), order=">"), 128),
        (tiff(plain(128 * 257, "i4")), 128),
        (tiff(plain(128, "f4")), 128),
        (tiff(plain(128, "f4"), order=">"), 128),
        (tiff(plain(128 * 257, "f4")), 128),
        (tiff(plain(0.25, "f4")), 64),
        (tiff(plain(0, "f4")), 0),
        (tiff(plain(64, "f4"), zero_is_white=True), 191),
        # 16 and 12 bits, which the format names.
        (tiff(plain(64 * 257, "u2")), 64),
        (tiff(plain(64 * 257, "u2"), order=">"), 64),
        (tiff(plain(64 * 257, "u2"), zero_is_white=True), 191),
        (tiff(plain(64, "u1"), zero_is_white=True), 191),
        (tiff(plain(2056, "u2"), bits=12), 128),
        (png(200, 16, 0), 1),
        (b"P5 9 9 65535\n" + plain(128 * 257, ">u2").tobytes(), 128),
        (b"P5 9 9 65535\n" + plain(200, ">u2").tobytes(), 1),
        (b"P5 9 9 1000\n" + plain(502, ">u2").tobytes(), 128),
        (png(RGB16, 16, 2), (200, 100, 50)),
        (png([100 * 257, 65535], 16, 4), 100),
        (png([100 * 257, 0], 16, 4), 255),
        (png([*RGB16, 65535], 16, 6), (200, 100, 50)),
        (png([*RGB16, 32768], 16, 6), (227, 177, 152)),
        # One value stands for what is seen through.
        (png(0, 16, 0, see_through_value(0)), 255),
        (png(128 * 257, 16, 0, see_through_value(0)), 128),
        (png(128 * 257, 16, 0, see_through_value(128 * 257 + 1)), 128),
        (png(7, 8, 0, see_through_value(7)), 255),
        (png(7, 4, 0, see_through_value(7)), 255),
        (png(7, 4, 0, see_through_value(6)), 119),
        (png(1, 2, 0, see_through_value(1)), 255),
        (png(0, 1, 0, see_through_value(0)), 255),
        (png(RGB16, 16, 2, see_through_value(*RGB16)), 255),
        (
            png([51200, 25600, 12800], 16, 2, see_through_value(51200, 25600, 12800)),
            255,
        ),
        (png([200, 100, 50], 8, 2, see_through_value(200, 100, 50)), 255),
        (png([200, 100, 50], 8, 2, see_through_value(201, 100, 50)), (200, 100, 50)),
        (png(0, 8, 3, PALETTE + chunk(b"tRNS", b"\0")), 255),
        (png(0, 8, 3, PALETTE + chunk(b"tRNS", b"\x80\xff")), (255, 127, 127)),
        (png(1, 1, 3, PALETTE), (10, 20, 30)),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else str(value),
)
def test_bits_and_values_that_stand_for_nothing(pictures, raw, expected):
    (pictures / "x").mkdir()
    (pictures / "x" / "a.png").write_bytes(raw)
    image = only(pictures, size=9).astype(int)
    assert np.abs(image - expected).max() <= 2, image[0, 0]


@pytest.mark.parametrize(
    "values",
    [
        plain(1, "f4"),  # is white 1, or 255?
        plain(1, "i4"),
        plain(127.5, "f4"),
        plain(-3, "f4"),
        plain(-3, "i4"),
        plain(-3, "i2"),
        plain(70000, "u4"),
        plain(np.nan, "f4"),
        plain(np.inf, "f4"),
    ],
)
def test_values_without_a_known_white_are_left_out_with_a_cure(pictures, values):
    (pictures / "cat" / "zz.tif").write_bytes(tiff(values))
    ((_, reason),) = load_image_folder(pictures, 8).skipped
    assert "pixel values from " in reason and "with 8 bits a channel" in reason


NOTES = {
    "no TIFF at all": b"nonsense",
    "cut short": b"MM\0*\0\0\0\x08\0\x05garbage",
    "an unknown turn": b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\x63\0\0\0\0\0\0",
}


@pytest.mark.parametrize("note", NOTES.values(), ids=NOTES)
def test_a_broken_note_of_the_camera_costs_no_picture(pictures, note):
    colour = (200, 100, 50)
    for name, raw in (
        ("a.png", png(colour, 8, 2, chunk(b"eXIf", note))),
        ("b.png", png(colour, 8, 2, b"", chunk(b"eXIf", note))),
    ):
        (pictures / "x").mkdir(exist_ok=True)
        (pictures / "x" / name).write_bytes(raw)
    save(pictures / "x" / "c.jpg", Image.new("RGB", (9, 9), colour), exif=note)
    found = load_image_folder(pictures, 9, validation=0, test=0)
    assert found.skipped == ()
    kept = found.train.images[found.train.labels == 2].astype(int)
    assert len(kept) == 3 and np.abs(kept - colour).max() <= 3


@pytest.mark.parametrize("kind", [5, 10])  # a ratio without a sign, and with one
def test_a_turned_photo_with_a_ratio_over_nought(pictures, kind):
    entries = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    entries += struct.pack(">HHII", 0x9204, kind, 1, 38)
    exif = b"MM\0*\0\0\0\x08\0\2" + entries + bytes(4) + struct.pack(">ii", -1, 0)
    photo = halves((40, 40))
    save(pictures / "x" / "a.jpg", photo, exif=b"Exif\0\0" + exif, quality=95)
    image = only(pictures, size=20).astype(int)
    assert (image[:9, :, 0] > 200).all() and (image[11:, :, 2] > 200).all()


@pytest.mark.parametrize("turn", range(1, 9))
def test_every_turn_that_cameras_note(pictures, turn):
    seen = np.zeros((40, 40, 3), np.uint8)
    seen[:20, :20], seen[:20, 20:], seen[20:, :20] = (200, 0, 0), (0, 200, 0), 200
    # The note says how the picture lies in the file: what undoes it, done backwards.
    undo = [None, None, 0, 3, 1, 5, 2, 6, 4][turn]
    stored = Image.fromarray(seen)
    stored = stored if undo is None else stored.transpose(Image.Transpose(undo))
    exif = Image.Exif()
    exif[0x0112] = turn
    save(pictures / "x" / "a.png", stored, exif=exif)
    assert np.array_equal(only(pictures, size=40), seen)


RED, BLUE = (200, 0, 0), (0, 0, 200)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "AVIF", "MPO"])
def test_first_picture_of_several(pictures, kind):
    Image.init()
    if kind not in Image.SAVE_ALL:
        pytest.skip("this Pillow does not write it")
    first, second = (Image.new("RGB", (9, 9), c) for c in (RED, BLUE))
    more = {"save_all": True, "append_images": [second], "format": kind}
    save(pictures / "x" / "a", first, **more, quality=95)
    assert np.abs(only(pictures, size=9).astype(int) - RED).max() <= 4


# ---------------------------------------------------------------- AVIF and HEIC

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)
AVIF = b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif" + bytes(40)


@pytest.fixture
def no_other_formats(monkeypatch):
    """A Pillow without AVIF and without pillow-heif."""
    Image.init()
    # Copies, so that what a test registers is gone after it too.
    known = {name: o for name, o in Image.OPEN.items() if name not in ("AVIF", "HEIF")}
    monkeypatch.setattr(Image, "OPEN", known)
    monkeypatch.setattr(Image, "ID", [name for name in Image.ID if name in known])
    monkeypatch.setattr(Image, "init", lambda: False)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (HEIC, "a HEIC picture, .*: `pip install pillow-heif`, or save it as JPEG"),
        (AVIF, "an AVIF picture, .*: `pip install --upgrade pillow`, or save"),
    ],
    ids=["HEIC", "AVIF"],
)
def test_pictures_of_phones_have_a_cure(pictures, no_other_formats, raw, words):
    (pictures / "x").mkdir()
    (pictures / "x" / "a.heic").write_bytes(raw)
    with pytest.raises(ArgumentError, match=f"Left out: x/a.heic: {words}"):
        load_image_folder(pictures, 8)


class Heif(ImageFile.ImageFile):
    """Stands in for what pillow-heif adds to Pillow."""

    format = "HEIF"

    def _open(self):
        self._size, self._mode = (9, 9), "RGB"

    def load(self):
        self.im = Image.new("RGB", (9, 9), RED).im
        self.tile = []
        return super().load()


def test_heic_is_read_where_pillow_heif_is_installed(
    pictures, no_other_formats, monkeypatch
):
    fake = types.ModuleType("pillow_heif")
    accept = lambda start: start[4:8] == b"ftyp"  # noqa: E731
    fake.register_heif_opener = lambda: Image.register_open("HEIF", Heif, accept)
    monkeypatch.setitem(sys.modules, "pillow_heif", fake)
    (pictures / "x").mkdir()
    (pictures / "x" / "a.heic").write_bytes(HEIC)
    assert (only(pictures, size=9) == RED).all()


def test_heic_with_the_real_pillow_heif(pictures):
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(Image.new("RGB", (64, 64), RED)).save(pictures / "x.heic")
    (pictures / "x").mkdir()
    (pictures / "x.heic").rename(pictures / "x" / "a.heic")
    assert np.abs(only(pictures, size=9).astype(int) - RED).max() <= 4


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


def test_what_systems_leave_behind_is_ignored(pictures):
    for name in ("__MACOSX", ".ipynb_checkpoints"):
        save(pictures / name / "cat" / "a.png", Image.new("RGB", (9, 9)))
    for name in (".DS_Store", "._0.png", "Thumbs.db", "desktop.ini", "Desktop.ini"):
        for folder in (pictures, pictures / "cat"):
            (folder / name).write_bytes(b"x")
    found = load_image_folder(pictures, 8)
    assert found.class_names == ("cat", "dog") and found.skipped == ()


@pytest.mark.parametrize(
    ("below", "right"),
    [
        (("pictures",), ["pictures"]),
        (("a", "b", "c"), ["a/b/c"]),
        (("train",), ["train"]),
    ],
)
def test_folders_too_deep(pictures, below, right):
    wrapped = pictures.parent / "wrapped"
    inner = wrapped.joinpath(*below)
    inner.parent.mkdir(parents=True)
    pictures.rename(inner)
    (wrapped / "readme.txt").write_text("x", "utf-8")
    (wrapped / "__MACOSX").mkdir()
    found = followed(wrapped)
    assert [load_image_folder(path, 8).class_names for path in found] == [
        ("cat", "dog")
    ]
    assert [str(wrapped / path) for path in right] == found


def test_folders_of_a_split(pictures):
    (pictures.parent / "all").mkdir()
    pictures.rename(pictures.parent / "all" / "train")
    for name in ("cat", "dog"):
        picture = Image.new("RGB", (9, 9))
        save(pictures.parent / "all" / "test" / name / "a.png", picture)
    found = followed(pictures.parent / "all")
    assert [path[-5:] for path in found] == ["/test", "train"]
    assert len(load_image_folder(found[1], 8, validation=0, test=0).train) == 20


def followed(folder):
    """Return the folders that the error advises to name."""
    with pytest.raises(ArgumentError, match=r"two at least; got .* deeper") as caught:
        load_image_folder(folder, 8)
    return re.findall("'(.*?)'", str(caught.value).partition("deeper")[2])


def test_a_class_folder_in_place_of_the_folder_above(pictures):
    with pytest.raises(ArgumentError, match="into a folder of its own") as caught:
        load_image_folder(pictures / "cat", 8)
    (above,) = re.findall("folder above: '(.*?)'", str(caught.value))
    assert load_image_folder(above, 8).class_names == ("cat", "dog")


def test_a_heap_of_pictures_names_no_folder_by_chance(tmp_path):
    save(tmp_path / "heap" / "a.png", Image.new("RGB", (9, 9)))
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("x", "utf-8")
    with pytest.raises(ArgumentError, match=r"into a folder of its own\.$"):
        load_image_folder(tmp_path / "heap", 8)
    with pytest.raises(ArgumentError, match=r"with the folders: none\.$"):
        load_image_folder(tmp_path / "notes", 8)


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
