"""One picture from a file, as the eye sees it."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

# Formats that Pillow decodes itself: EPS, for one, would start another program.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
_WHITE = (255, 255, 255)


class UnreadableError(Exception):
    """A file is no picture that can be used; the message says why."""


def read_picture(
    path: Path, size: tuple[int, int], resize: str, mode: str, max_pixels: int
) -> np.ndarray:
    """Read one picture as uint8, shape (H, W, 3) or, in grey, (H, W)."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    if path.is_dir():
        raise UnreadableError("a folder inside a class folder is not read")
    if not path.is_file():  # a pipe would wait for ever, a link may lead nowhere
        raise UnreadableError("not a file, or a link that leads nowhere")
    if path.stat().st_size == 0:
        raise UnreadableError("the file is empty")
    try:
        with warnings.catch_warnings():
            # Pillow warns of large pictures; `max_pixels` decides here.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_FORMATS) as picture:
                pixels = picture.width * picture.height
                if pixels > max_pixels:
                    raise UnreadableError(
                        f"{picture.width} x {picture.height} pixels are more than "
                        f"max_pixels = {max_pixels:,}"
                    )
                # Lets JPEG decode at a smaller scale, much faster, yet at twice
                # the size that is asked for.
                picture.draft("RGB", (2 * max(size), 2 * max(size)))
                return _to_array(ImageOps.exif_transpose(picture), size, resize, mode)
    except UnreadableError:
        raise
    except UnidentifiedImageError:
        kinds = ", ".join(_FORMATS)
        raise UnreadableError(f"not a picture of a known kind ({kinds})") from None
    except Image.DecompressionBombError:
        raise UnreadableError(
            "so many pixels that it may have been made to fill the memory"
        ) from None
    except PermissionError:
        raise UnreadableError("you may not read this file") from None
    except Exception as error:  # damaged files raise nearly anything
        text = str(error) or type(error).__name__
        raise UnreadableError(f"damaged: {text}") from None


def _to_array(picture, size: tuple[int, int], resize: str, mode: str) -> np.ndarray:
    """Bring a Pillow picture of any mode to ``size`` and to uint8."""
    from PIL import Image, ImageOps

    if picture.mode == "F":
        raise UnreadableError("floating point pixels have no known range")
    if picture.mode.startswith("I"):  # 16 bits a pixel
        values = np.asarray(picture).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise UnreadableError("pixel values are more than 16 bits long")
        picture = Image.fromarray((values // 257).astype(np.uint8))
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
