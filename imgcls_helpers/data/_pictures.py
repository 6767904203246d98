"""One picture from a file, as the eye sees it: uint8, upright, on white."""

from __future__ import annotations

import contextlib
import importlib
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

# Formats that Pillow decodes itself: EPS, for one, would start another program. The
# last two it knows where it is new enough, and beside pillow-heif.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "AVIF", "HEIF")
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_WHITE = (255, 255, 255)
_ORIENTATION, _BITS, _PHOTOMETRIC = 0x0112, 258, 262  # tags of TIFF and EXIF
_SAVE = "save the picture with 8 bits a channel"


class UnreadableError(Exception):
    """A file is no picture that can be used; the message says why."""


def read_picture(
    path: Path, size: tuple[int, int], resize: str, mode: str, max_pixels: int
) -> np.ndarray:
    """Read one picture as uint8, shape (H, W, 3) or, in grey, (H, W)."""
    from PIL import Image, UnidentifiedImageError

    if path.is_dir():
        raise UnreadableError("a folder inside a class folder is not read")
    if not path.is_file():  # a pipe would wait for ever, a link may lead nowhere
        raise UnreadableError("not a file, or a link that leads nowhere")
    if path.stat().st_size == 0:
        raise UnreadableError("the file is empty")
    try:
        with path.open("rb") as file:
            kind = _of_phones(file.read(32))
        with warnings.catch_warnings():
            # Pillow warns of large pictures; `max_pixels` decides here.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_formats(kind)) as picture:
                pixels = picture.width * picture.height
                if pixels > max_pixels:
                    raise UnreadableError(
                        f"{picture.width} x {picture.height} pixels are more than "
                        f"max_pixels = {max_pixels:,}"
                    )
                # Lets JPEG decode at a smaller scale, much faster, yet at twice
                # the size that is asked for.
                picture.draft("RGB", (2 * max(size), 2 * max(size)))
                plain = _upright(_plain(picture), picture)
                return _to_array(plain, size, resize, mode)
    except UnreadableError:
        raise
    except UnidentifiedImageError:
        raise UnreadableError(_unknown(kind)) from None
    except Image.DecompressionBombError:
        raise UnreadableError(
            "so many pixels that it may have been made to fill the memory"
        ) from None
    except PermissionError:
        raise UnreadableError("you may not read this file") from None
    except Exception as error:  # damaged files raise nearly anything
        text = str(error) or type(error).__name__
        raise UnreadableError(f"damaged: {text}") from None


def _of_phones(start: bytes) -> str:
    """Tell the two kinds that not every Pillow reads by the start of the file."""
    if start[4:8] != b"ftyp":
        return ""
    if b"avif" in start[8:] or b"avis" in start[8:]:
        return "AVIF"
    return "HEIC" if start[8:12] in _HEIC else ""


def _formats(kind: str) -> list[str]:
    from PIL import Image

    if kind == "HEIC":
        with contextlib.suppress(ImportError):
            importlib.import_module("pillow_heif").register_heif_opener()
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def _unknown(kind: str) -> str:
    if kind == "HEIC":
        return (
            "a HEIC picture, which Pillow alone does not read: `pip install "
            "pillow-heif`, or save it as JPEG"
        )
    if kind == "AVIF":
        return (
            "an AVIF picture, which this Pillow does not read: `pip install --upgrade "
            "pillow`, or save it as JPEG"
        )
    return f"not a picture of a known kind ({', '.join(_FORMATS)})"


def _plain(picture: ImageFile) -> Image:
    """Return the first picture of the file with 8 bits a channel."""
    tiles = getattr(picture, "tile", ())  # gone once it is loaded
    raw = tiles[0][3] if tiles else ""
    picture.load()
    hidden = picture.info.get("transparency")
    if picture.mode == "F" or picture.mode.startswith("I"):
        return _eight_bits(picture, hidden)
    # A value that stands for nothing is given as it is in the file. Where Pillow
    # stretches 2 or 4 bits to 8, or cuts 16 to 8, it leaves that value alone.
    if raw in ("L;2", "L;4") and isinstance(hidden, int):
        picture.info["transparency"] = hidden * (255 // (2 ** int(raw[2]) - 1))
    elif raw == "RGB;16B" and isinstance(hidden, tuple):
        picture.info["transparency"] = tuple(value >> 8 for value in hidden)
    return picture


def _eight_bits(picture: Image, hidden: object) -> Image:
    from PIL import Image

    exact = "float32" if picture.mode.startswith("I;16") else "float64"
    values = np.asarray(picture).astype(exact)
    white = _white(picture, values)
    if values.min() < 0 or values.max() > white:
        raise UnreadableError(_no_range(values))
    seen = values / white
    if getattr(picture, "tag_v2", {}).get(_PHOTOMETRIC) == 0:  # 0 is white
        seen = 1 - seen
    grey = Image.fromarray(np.rint(seen * 255).astype(np.uint8))
    if hidden is None:
        return grey
    alpha = Image.fromarray((values != hidden).astype(np.uint8) * 255)
    return Image.merge("LA", (grey, alpha))


def _white(picture: Image, values: np.ndarray) -> float:
    """Return the value of white: what the format says, else what the values say."""
    tags = getattr(picture, "tag_v2", None)
    bits = 32 if picture.mode == "F" else 16
    if tags is not None:
        bits = int(np.ravel(tags.get(_BITS, bits))[0])
    if bits < 32:
        return 2**bits - 1
    # 32 bits are used for bytes, for 16 bits and for shares, and nothing says which.
    high, whole = values.max(), (values % 1 == 0).all()  # not so if one is NaN
    if whole and high != 1 and high <= 65535:
        return 255 if high <= 255 else 65535
    if not whole and high <= 1:
        return 1
    raise UnreadableError(_no_range(values))


def _no_range(values: np.ndarray) -> str:
    return (
        f"pixel values from {values.min():.6g} to {values.max():.6g}, and nothing says "
        f"which one is white: {_SAVE}"
    )


def _upright(picture: Image, noted: Image) -> Image:
    """Turn a picture as its camera noted; what cannot be read turns nothing."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    noted_turn: Any = None
    # Notes are broken in many ways, and the picture is whole all the same.
    with contextlib.suppress(Exception):
        noted_turn = noted.getexif().get(_ORIENTATION)
    turn = turns.get(noted_turn) if isinstance(noted_turn, int) else None
    return picture if turn is None else picture.transpose(turn)


def _to_array(
    picture: Image, size: tuple[int, int], resize: str, mode: str
) -> np.ndarray:
    """Bring a Pillow picture of any mode to ``size`` and to uint8."""
    from PIL import Image, ImageOps

    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, (*_WHITE, 255))
        picture = Image.alpha_composite(ground, picture)
    picture = picture.convert("RGB")
    frame = (size[1], size[0])  # Pillow gives width first
    smooth = Image.Resampling.BICUBIC
    if resize == "crop":
        picture = ImageOps.fit(picture, frame, smooth)
    elif resize == "pad":
        scale = min(frame[0] / picture.width, frame[1] / picture.height)
        # ImageOps.pad would make a very long picture nought pixels high.
        sides = [max(1, round(scale * side)) for side in picture.size]
        whole = Image.new("RGB", frame, _WHITE)
        corner = (frame[0] - sides[0]) // 2, (frame[1] - sides[1]) // 2
        whole.paste(picture.resize(sides, smooth), corner)
        picture = whole
    else:
        picture = picture.resize(frame, smooth)
    if mode == "grey":
        picture = picture.convert("L")
    return np.asarray(picture)
