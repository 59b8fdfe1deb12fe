"""What the headers of many image files say: which are images, how long they are, and how deep."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from archlab.errors import InputError, printable
from archlab.images.open_image import pillow, without_size_warnings
from archlab.images.pixels import read_header
from archlab.train.image_source import OddFile

WORKERS = min(8, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Headers:
    """Of some files: the length of each that is an image, those that are none, and whether one has sixteen bits."""

    lengths: dict[str, str]
    odd: tuple[OddFile, ...]
    is_wide: bool


def read_headers(root: Path, names: Sequence[str]) -> Headers:
    """Return what the headers of the files ``names`` in ``root`` say; nothing is decoded.

    Raises:
        InputError: Pillow is not installed.
    """
    lengths: dict[str, str] = {}
    odd = []
    is_wide = False
    with without_size_warnings(), ThreadPoolExecutor(WORKERS) as pool:
        for name, (length, deep, why) in zip(names, pool.map(lambda name: _header(root / name), names), strict=True):
            is_wide |= deep
            if why is None:
                lengths[name] = str(length)
            else:
                odd.append(OddFile(name, why))
    return Headers(lengths, tuple(odd), is_wide)


def _header(path: Path) -> tuple[int, bool, str | None]:
    try:
        if not os.path.isfile(path):  # a pipe would block
            return 0, False, "is no file" if os.path.lexists(path) else "is not there"
        header = read_header(path)
        return path.stat().st_size, header.is_wide, None
    except InputError as error:
        return 0, False, why_unreadable(path, error)
    except OSError as error:
        return 0, False, f"cannot be read: {error.strerror}"


def why_unreadable(path: Path, error: InputError) -> str:
    """Return what an error says of an image, without its name."""
    if isinstance(error.__cause__, pillow().UnidentifiedImageError):
        return "is no image of a kind that is read"
    return error.message.replace(printable(str(path)), "").replace("the image ", "").strip()
