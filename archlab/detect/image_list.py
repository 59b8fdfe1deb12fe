"""Images that a data set names by lists or folders: found within its folder, with the sizes that they are shown at."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from archlab.errors import InputError, printable, quote
from archlab.images.inside import Inside
from archlab.reading import read_text

SUFFIXES = (".avif", ".bmp", ".gif", ".jp2", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
"""By which an image is known among other files of a folder."""

WORKERS = min(8, os.cpu_count() or 1)

MOST_LIST_BYTES = 2**28
"""The longest list that is read: some million images."""


def in_folder(folder: Path, inside: Inside) -> list[Path]:
    """Return the images at any depth below ``folder``, in the order of their names; hidden ones are left out.

    Raises:
        InputError: one is a link that leads out of the data's folder.
    """
    return [path for path in _walk(folder) if path.suffix.lower() in SUFFIXES and _kept_in(path, inside, str(folder))]


def listed(source: Path, folders: Sequence[Path], inside: Inside) -> list[Path]:
    """Return the images that the lines of a text file name, seen from the first of ``folders`` that has them.

    Raises:
        InputError: a line names no image, or one out of the data's folder; the message has file and line.
    """
    found = []
    for number, line in enumerate(read_text(source, MOST_LIST_BYTES).splitlines(), start=1):
        if not (name := line.strip()):
            continue
        where = f"{source}: line {number}"
        if "\0" in name:
            raise InputError(f"{where}: {quote(name)} is no file's name")
        places = [folder / name for folder in folders]
        path = next((place for place in places if os.path.isfile(place)), None)
        if path is None:
            raise InputError(
                f"{where}: there is no image {quote(name)[1:-1]} in {' or '.join(str(folder) for folder in folders)}",
                hint="each line names an image, as seen from the folder of the list",
            )
        if _kept_in(path, inside, where):
            found.append(path)
    return found


def sizes(paths: Sequence[Path]) -> list[tuple[int, int]]:
    """Return width and height of each image as it is shown, by its header.

    Raises:
        InputError: as ``archlab.images.image_files.upright_size``.
    """
    from archlab.images.image_files import upright_size  # imports numpy, which a command that shows its help need not
    from archlab.images.open_image import without_size_warnings

    with without_size_warnings(), ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(upright_size, paths))


def _walk(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"cannot read {folder}: {error.strerror or error}") from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        else:
            yield Path(entry.path)


def _kept_in(path: Path, inside: Inside, where: str) -> bool:
    real = inside.resolved(Path(os.path.normpath(path)))
    if not inside.holds(real):
        raise InputError(
            f"{where}: {printable(str(path))} leads out of the data's folder, to {printable(real)}; images must "
            "lie in it",
            hint="copy what it leads to into the folder",
        )
    return True
