"""Images of a known size from files, as RGB at one size: what detection reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from archlab.errors import InputError
from archlab.images.open_image import MAX_PIXELS, open_image, refuse_large, resampling, shown, without_size_warnings
from archlab.images.pixels import has_orientation, is_sideways, is_wide, rgb_picture

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["MAX_PIXELS", "check_image", "is_turned", "read_image", "refuse_large", "upright_size"]


def upright_size(path: Path) -> tuple[int, int]:
    """Return width and height of an image as it is shown, turned by its EXIF orientation; nothing is decoded.

    Raises:
        InputError: as ``archlab.images.open_image.open_image``.
    """
    with open_image(path) as file:
        return file.size[::-1] if is_sideways(file) else file.size


def is_turned(path: Path) -> bool:
    """Return whether an image's EXIF orientation turns or mirrors it.

    Raises:
        InputError: as ``archlab.images.open_image.open_image``.
    """
    with open_image(path) as file:
        return has_orientation(file)


def check_image(path: Path, expected: tuple[int, int]) -> None:
    """Refuse what the header of an image refuses, as ``read_image`` does, without decoding it.

    Raises:
        InputError: as ``read_image``.
    """
    with open_image(path) as file:
        _check_size(file, path, expected)
        is_wide(file, path)


def read_image(path: Path, expected: tuple[int, int], size: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return an image's pixels (h, w, 3), turned by its EXIF orientation and resized to ``size`` with antialiasing.

    Grey of sixteen bits, and of twelve where a TIFF file says so, is scaled to 0..255; what is transparent is laid over
    white.

    Args:
        path: the file.
        expected: width and height in pixels of the image as it is shown, as the annotations say.
        size: width and height of what is returned.

    Raises:
        InputError: there is no such image, it cannot be read, or its header says what is refused: another size than
            expected, more than ``MAX_PIXELS``, several frames, or values such as floats that have no scale.
    """
    refuse_large(path, expected, "its annotations say")
    with without_size_warnings(), open_image(path) as file:
        _check_size(file, path, expected)
        picture = rgb_picture(file, path, size)
        return np.array(picture.resize(size, resampling().BILINEAR))


def _check_size(file: Image.Image, path: Path, expected: tuple[int, int]) -> None:
    sideways = is_sideways(file)
    upright = file.size[::-1] if sideways else file.size
    if upright == expected:
        return
    if sideways and file.size == expected:
        raise InputError(
            f"{shown(path)} is stored lying down: its EXIF orientation turns it to {upright[0]}x{upright[1]} pixels, "
            f"and its annotations say {expected[0]}x{expected[1]}, the size before",
            hint="turn the boxes with the image, or, where they lie right in the image as it is stored, delete its "
            "EXIF orientation: exiftool -Orientation= IMAGE",
        )
    raise InputError(
        f"{shown(path)} has {upright[0]}x{upright[1]} pixels, and its annotations say {expected[0]}x{expected[1]}"
    )
