"""Opening an image file: refused by what its header says before anything is decoded.

A header of a few bytes can ask for gigabytes, and Pillow knows formats that run other programs.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from archlab.errors import ArchlabError, InputError, printable

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 2**26
"""Of one image: 8192x8192. Pillow holds a pixel in four bytes, and twice where it has to be converted: 512 MiB."""

BYTES_PER_PIXEL = 4

FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""What images may be. Others that Pillow knows run a program to be read (EPS), or hold no photographs."""


def pillow() -> ModuleType:
    """Return Pillow's module of images.

    Raises:
        InputError: it is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise InputError("images cannot be read without Pillow", hint="pip install 'archlab[detect]'") from error
    return Image


def resampling() -> Any:
    """Return Pillow's filters, which weigh all pixels of an image that becomes smaller."""
    return pillow().Resampling


@contextmanager
def without_size_warnings() -> Iterator[None]:
    """Keep Pillow from warning of an image that ``open_image`` refuses; in one thread, around those that open files.

    Python's filters of warnings belong to all threads.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pillow().DecompressionBombWarning)
        yield


@contextmanager
def open_image(path: Path, what: str = "boxes are") -> Iterator[Image.Image]:
    """Open an image whose header is fine; nothing is decoded yet, and what a decoder raises inside names the image.

    Args:
        path: the file.
        what: is of one frame only, for the message.

    Raises:
        InputError: there is no such image, or Pillow; it cannot be read; or its header says more than ``MAX_PIXELS``,
            or several frames.
    """
    pil = pillow()
    with _errors_named(path):
        pil.init()  # older versions of Pillow know no AVIF, and trip over a format that they do not know
        with pil.open(path, formats=[name for name in FORMATS if name in pil.OPEN]) as file:
            refuse_large(path, file.size, "its header says")
            # What phones write as MPO is a photograph with smaller ones of the same behind it.
            if getattr(file, "is_animated", False) and file.format != "MPO":
                raise InputError(
                    f"the image {shown(path)} has several frames, by its header, and {what} of one",
                    hint="save the frame that is meant as an image of its own",
                )
            yield file


def refuse_large(path: Path, size: tuple[int, int], whose: str) -> None:
    """Refuse an image of more than ``MAX_PIXELS``.

    Raises:
        InputError: its ``size`` (w, h) has more; the message begins what is said of it with ``whose``.
    """
    if size[0] * size[1] > MAX_PIXELS:
        raise _too_large(path, f"{whose} {size[0]:,}x{size[1]:,} pixels", size[0] * size[1])


def _too_large(path: Path, said: str, pixels: int) -> InputError:
    return InputError(
        f"the image {shown(path)} is too large: {said}, {_mib(pixels)} once decoded, and at most {MAX_PIXELS:,} are "
        f"read, {_mib(MAX_PIXELS)}",
        hint="make smaller copies of the images, or cut them into pieces, with the boxes if there are some",
    )


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises, which is many things, into an error that names the image."""
    try:
        yield
    except ArchlabError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"there is no image {shown(path)}") from error
    except MemoryError as error:
        raise InputError(f"there is not enough memory to read the image {shown(path)}") from error
    except Exception as error:
        # Pillow refuses what is larger than its own limit while it opens a file, and says how many pixels there are.
        bomb = re.search(r"\((\d+) pixels\)", str(error)) if type(error).__name__ == "DecompressionBombError" else None
        if bomb is not None:
            raise _too_large(path, f"its header says {int(bomb[1]):,} pixels", int(bomb[1])) from error
        reason = str(error) or type(error).__name__
        raise InputError(f"the image {shown(path)} cannot be read: {printable(reason)[:300]}") from error


def _mib(pixels: int) -> str:
    return f"{pixels * BYTES_PER_PIXEL / 2**20:,.0f} MiB"


def shown(path: Path) -> str:
    """Return a path as a message shows it."""
    return printable(str(path))
