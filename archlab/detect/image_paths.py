"""Where a data set's images are: beside its annotations, and nowhere that a name or a link leads out of its folder."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from archlab.errors import InputError, printable, quote
from archlab.images.inside import Inside


def image_paths(source: Path, entries: Sequence[Mapping[str, Any]]) -> list[Path]:
    """Return the file of each image in ``entries``, the images of the annotations ``source``.

    A folder of images may itself be a link. What is in it may not lead out: neither by an absolute name or ``..``, nor
    by a link, to a file or a folder, that ends outside the folder of images and that of the annotations.

    Raises:
        InputError: a name leads out, or there is no such file; the message names ``source`` and the image.
    """
    names = [_name(entry, source) for entry in entries]
    folder = _folder(source, names[0])
    inside = Inside(folder, source.parent)
    return [_there(folder / name, entry, source, inside) for name, entry in zip(names, entries, strict=True)]


def _folder(source: Path, first: str) -> Path:
    """Return the folder that holds the first image."""
    here = source.parent
    name = source.stem.removeprefix("instances_")
    places = [here, here / "images", here.parent / "images", here / name, here.parent / name]
    for place in places:
        if os.path.isfile(place / first):
            return place
    looked = ", ".join(str(place) for place in places)
    raise InputError(f"{source}: its image {quote(first)[1:-1]} is in none of {looked}")


def _there(path: Path, entry: Mapping[str, Any], source: Path, inside: Inside) -> Path:
    real = inside.resolved(path)
    if not inside.holds(real):
        raise InputError(
            f"{source}: image {entry['id']}: {printable(str(path))} is a link that leads out of the data's folder, to "
            f"{printable(real)}; images must lie in the folder, or be links to what does",
            hint=f"copy what the links lead to: cp -rL {path.parent} COPY; or let the whole folder be one link",
        )
    if not os.path.isfile(real):
        raise InputError(f"{source}: image {entry['id']}: there is no file {printable(str(path))}")
    return path


def _name(entry: Mapping[str, Any], source: Path) -> str:
    """Return the image's file name, and refuse one that by itself would leave the folder."""
    name = entry.get("file_name")
    if not isinstance(name, str) or not name or "\0" in name or not _is_encodable(name):
        shown = quote(name) if isinstance(name, str) else repr(name)[:60]
        raise InputError(f"{source}: image {entry['id']}: file_name is {shown}, not a file's name")
    path = PurePath(name)
    if path.is_absolute() or ".." in path.parts:
        raise InputError(f"{source}: image {entry['id']}: file_name {quote(name)} leads out of the data's folder")
    return name


def _is_encodable(name: str) -> bool:
    """Return whether the file system can be asked for ``name``: JSON spells halves of surrogate pairs, too."""
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return True
