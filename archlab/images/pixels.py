"""An image of any kind as pixels of one size and number of channels, on the scale 0 to 255: what a classifier reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from archlab.errors import InputError
from archlab.images.open_image import open_image, pillow, resampling, shown

if TYPE_CHECKING:
    from PIL import Image

Pixels = np.ndarray[Any, np.dtype[Any]]

EIGHT_BITS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV")
"""Pillow's modes of at most eight bits to a channel that it can turn into RGB."""

SIXTEEN_BITS = ("I;16", "I;16B", "I;16L")
"""Its modes of grey with sixteen bits; PNG and PPM have them in some versions as ``I``, too."""

WIDE_IN_I = ("PNG", "PPM")

SCALE_16, SCALE_12 = 65535 / 255, 4095 / 255

_BITS_PER_SAMPLE = 258
"""TIFF's tag; Pillow reads grey of twelve bits into a mode of sixteen, unscaled."""

_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)
"""Values of EXIF's orientation by which rows become columns."""


@dataclass(frozen=True, slots=True)
class Header:
    """What an image's header says: its size in pixels as stored, and whether it has sixteen bits to a channel."""

    width: int
    height: int
    is_wide: bool


def read_header(path: Path) -> Header:
    """Return what an image's header says, without decoding it.

    Raises:
        InputError: as ``archlab.images.open_image.open_image``; or its mode is not one that is read.
    """
    with open_image(path, "a label is") as file:
        return Header(*file.size, is_wide(file, path))


def read_pixels(path: Path, channels: int, size: tuple[int, int]) -> Pixels:
    """Return an image's pixels (``channels``, H, W), from 0 to 255: bytes, or float32 where it has sixteen bits.

    It is turned as its EXIF orientation says; scaled with its proportions, with antialiasing (bilinear), so that it
    covers ``size``; and cut to it around the middle. An image of this size is not scaled. Grey is repeated as red,
    green and blue; colour becomes grey by ITU-R 601-2, as in Pillow. What is transparent is laid over white.
    Sixteen bits of grey are kept, as values / 257, and twelve of a TIFF file as values · 255 / 4095; colour of sixteen
    bits is read with eight.

    Args:
        path: the file.
        channels: 1, grey, or 3, colour.
        size: height and width of what is returned.

    Raises:
        InputError: as ``read_header``, or the image cannot be decoded.
    """
    with open_image(path, "a label is") as file:
        wide = is_wide(file, path)
        _draft(file, size)
        picture = _upright(file)
        plain = _grey(picture, _has_12_bits(file)) if wide else _plain(picture, "L" if channels == 1 else "RGB")
        pixels = _fitted(plain, size)
    if pixels.ndim == 2:
        return np.ascontiguousarray(np.broadcast_to(pixels, (channels, *pixels.shape)))
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def rgb_picture(file: Image.Image, path: Path, size: tuple[int, int]) -> Image.Image:
    """Return an opened image as eight bits of RGB, turned upright; a JPEG decoded at what ``size`` (w, h) needs.

    Raises:
        InputError: its mode is not one that is read.
    """
    wide = is_wide(file, path)
    _draft(file, size[::-1])
    picture = _upright(file)
    if not wide:
        return _plain(picture, "RGB")
    grey = np.asarray(_grey(picture, _has_12_bits(file))).round().astype(np.uint8)
    made: Image.Image = pillow().fromarray(grey).convert("RGB")
    return made


def has_orientation(file: Image.Image) -> bool:
    """Return whether an opened image has an EXIF orientation by which it is turned or mirrored."""
    return file.getexif().get(_ORIENTATION) in range(2, 9)


def is_sideways(file: Image.Image) -> bool:
    """Return whether an opened image's EXIF orientation turns rows into columns."""
    return file.getexif().get(_ORIENTATION) in _SIDEWAYS


def fit(pixels: Pixels, channels: int, size: tuple[int, int]) -> Pixels:
    """Return grey pixels (h, w) in bytes as ``read_pixels`` would return an image of them: (``channels``, H, W)."""
    if pixels.shape != size:
        pixels = _fitted(pillow().fromarray(pixels), size)
    return np.broadcast_to(pixels, (channels, *size))


def _fitted(picture: Image.Image, size: tuple[int, int]) -> Pixels:
    from PIL import ImageOps

    if picture.size == size[::-1]:
        return np.array(picture)
    return np.array(ImageOps.fit(picture, size[::-1], resampling().BILINEAR))


def _draft(file: Image.Image, size: tuple[int, int]) -> None:
    """Have a JPEG decoded at half size or less where that still covers ``size`` (height, width)."""
    width, height = size if is_sideways(file) else size[::-1]
    scale = max(width / file.size[0], height / file.size[1])
    file.draft(None, (max(width, round(file.size[0] * scale)), max(height, round(file.size[1] * scale))))


def is_wide(file: Image.Image, path: Path) -> bool:
    """Return whether an opened image has more than eight bits to a channel.

    Raises:
        InputError: its mode is not one that is read.
    """
    if file.mode in SIXTEEN_BITS or (file.mode == "I" and file.format in WIDE_IN_I):
        return True
    if file.mode not in EIGHT_BITS:
        raise InputError(
            f"the image {shown(path)} has values of a kind that is not read, by its header (mode {file.mode})",
            hint="save it in grey or RGB, with 8 or 16 bits to a channel",
        )
    return False


def _has_12_bits(file: Image.Image) -> bool:
    return file.format == "TIFF" and tuple(getattr(file, "tag_v2", {}).get(_BITS_PER_SAMPLE, ())) == (12,)


def _upright(file: Image.Image) -> Image.Image:
    from PIL import ImageOps

    turn: Callable[[Image.Image], Image.Image | None] = ImageOps.exif_transpose
    return turn(file) or file


def _grey(picture: Image.Image, is_12_bits: bool) -> Image.Image:
    """Return sixteen bits of grey, or twelve, as floats from 0 to 255."""
    values = np.array(picture).astype(np.float32) / np.float32(SCALE_12 if is_12_bits else SCALE_16)
    made: Image.Image = pillow().fromarray(values)
    return made


def _plain(picture: Image.Image, mode: str) -> Image.Image:
    if picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        white = pillow().new("RGBA", rgba.size, "white")
        picture = pillow().alpha_composite(white, rgba)
    return picture if picture.mode == mode else picture.convert("RGB").convert(mode)
