"""Images of a known size from files, as RGB at one size: what detection reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from archlab.errors import InputError
from archlab.images.open_image import MAX_PIXELS, open_image, refuse_large, resampling, shown, without_size_warnings

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["MAX_PIXELS", "read_image", "refuse_large"]

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
    refuse_large(path, expected, "its annotations say")
    with without_size_warnings(), open_image(path) as file:
        _check_header(file, path, expected)
        file.draft("RGB", size)  # a JPEG is decoded at half or quarter size where that is enough
        picture = file if file.mode == "RGB" else file.convert("RGB")
        return np.array(picture.resize(size, resampling().BILINEAR))


def _check_header(file: Image.Image, path: Path, expected: tuple[int, int]) -> None:
    if file.size != expected:
        raise InputError(
            f"{shown(path)} has {file.size[0]}x{file.size[1]} pixels, and its annotations say "
            f"{expected[0]}x{expected[1]}"
        )
    if file.mode.startswith(WIDE_MODES):
        raise InputError(
            f"the image {shown(path)} has more than eight bits to a channel, by its header (mode {file.mode}), which "
            "would be cut off",
            hint="scale its values to 0..255 and save it with eight bits",
        )
