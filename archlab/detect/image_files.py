"""Images from files: refused by what their headers say before anything is decoded, then read at one size.

A header of a few bytes can ask for gigabytes, and Pillow knows formats that run other programs.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from archlab.errors import ArchlabError, InputError, printable

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 2**26
"""Of one image: 8192x8192. Pillow holds a pixel in four bytes, and twice where it has to be converted: 512 MiB."""

BYTES_PER_PIXEL = 4

FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""What images may be. Others that Pillow knows run a program to be read (EPS), or hold no photographs."""

WIDE_MODES = ("I", "F")
"""Pillow's modes, or how they begin, of more than eight bits to a channel, which it cuts off where it makes RGB."""


def read_image(path: Path, expected: tuple[int, int], size: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return an image's pixels (h, w, 3), resized to ``size`` (w, h) with antialiasing.

    Args:
        path: the file.
        expected: width and height in pixels, as the annotations say.
        size: width and height of what is returned.

    Raises:
        InputError: there is no such image, it cannot be read, or its header says what is refused: another size than
            expected, more than ``MAX_PIXELS``, several frames, or more than eight bits to a channel.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise InputError("images cannot be read without Pillow", hint="pip install 'archlab[detect]'") from error
    refuse_large(path, expected, "its annotations say")
    with _errors_named(path), warnings.catch_warnings():
        # Pillow's own limit is higher, and where it is broken the size differs from what is expected.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        Image.init()  # older versions of Pillow know no AVIF, and trip over a format that they do not know
        with Image.open(path, formats=[name for name in FORMATS if name in Image.OPEN]) as file:
            _check_header(file, path, expected)
            file.draft("RGB", size)  # a JPEG is decoded at half or quarter size where that is enough
            picture = file if file.mode == "RGB" else file.convert("RGB")
            return np.array(picture.resize(size, Image.Resampling.BILINEAR))


def refuse_large(path: Path, size: tuple[int, int], whose: str) -> None:
    """Refuse an image of more than ``MAX_PIXELS``.

    Raises:
        InputError: its ``size`` (w, h) has more; the message begins what is said of it with ``whose``.
    """
    if size[0] * size[1] > MAX_PIXELS:
        raise _too_large(path, f"{whose} {size[0]:,}x{size[1]:,} pixels", size[0] * size[1])


def _too_large(path: Path, said: str, pixels: int) -> InputError:
    return InputError(
        f"the image {_shown(path)} is too large: {said}, {_mib(pixels)} once decoded, and at most {MAX_PIXELS:,} are "
        f"read, {_mib(MAX_PIXELS)}",
        hint="make smaller copies of the images, or cut them into pieces, and scale the boxes with them",
    )


def _check_header(file: Image.Image, path: Path, expected: tuple[int, int]) -> None:
    refuse_large(path, file.size, "its header says")
    if file.size != expected:
        raise InputError(
            f"{_shown(path)} has {file.size[0]}x{file.size[1]} pixels, and its annotations say "
            f"{expected[0]}x{expected[1]}"
        )
    # What phones write as MPO is a photograph with smaller ones of the same behind it.
    if getattr(file, "is_animated", False) and file.format != "MPO":
        raise InputError(
            f"the image {_shown(path)} has several frames, by its header, and boxes are of one",
            hint="save the frame that the annotations mean as an image of its own",
        )
    if file.mode.startswith(WIDE_MODES):
        raise InputError(
            f"the image {_shown(path)} has more than eight bits to a channel, by its header (mode {file.mode}), which "
            "would be cut off",
            hint="scale its values to 0..255 and save it with eight bits",
        )


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises, which is many things, into an error that names the image."""
    try:
        yield
    except ArchlabError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"there is no image {_shown(path)}") from error
    except MemoryError as error:
        raise InputError(f"there is not enough memory to read the image {_shown(path)}") from error
    except Exception as error:
        # Pillow refuses what is larger than its own limit while it opens a file, and says how many pixels there are.
        bomb = re.search(r"\((\d+) pixels\)", str(error)) if type(error).__name__ == "DecompressionBombError" else None
        if bomb is not None:
            raise _too_large(path, f"its header says {int(bomb[1]):,} pixels", int(bomb[1])) from error
        reason = str(error) or type(error).__name__
        raise InputError(f"the image {_shown(path)} cannot be read: {printable(reason)[:300]}") from error


def _mib(pixels: int) -> str:
    return f"{pixels * BYTES_PER_PIXEL / 2**20:,.0f} MiB"


def _shown(path: Path) -> str:
    return printable(str(path))
