"""Which kind of data a user means: class folders, IDX files or a table."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from archlab.errors import InputError
from archlab.train.image_source import ImageSource

if TYPE_CHECKING:
    from archlab.train.found import Found


def find_images(data: str | Path, seed: int = 0, *, labelled: bool = True) -> ImageSource:
    """Return the classifier's images that a user names: where they are, their classes and parts. Nothing is decoded.

    ``data`` is one of

    - a folder with a folder for each class, as for torchvision's ImageFolder, or with ``train``, ``val`` and ``test``
      that hold such folders;
    - a folder with the IDX files of MNIST and its kin, ``train-images-idx3-ubyte`` and so on, ``.gz`` or not; or one of
      these files, where a folder holds several sets;
    - a CSV file with the columns ``path`` (as seen from its folder) and ``label``, and ``part`` if it likes; or a
      folder that holds nothing else but images that it names.

    Parts that the data lacks are cut out of its training images, a tenth of every class each, by ``seed``: the same
    for the same names, whatever order the file system has. Files that are left out are in ``odd``.

    Args:
        labelled: whether classes are read. Without, ``data`` may be a folder of images at any depth, and all of them
            are of one class that means nothing.

    Raises:
        InputError: there is no such data, or it is not as said above.
    """
    path = Path(data)
    found = _found(path, labelled)
    return (found if labelled else found.unlabelled).source(seed)


def _found(path: Path, labelled: bool) -> Found:
    # Not above: these import numpy, and a command that only shows its help need not.
    from archlab.train.csv_table import read_csv_table
    from archlab.train.idx_files import IMAGES_FILE, read_idx_files

    if os.path.isfile(path):
        if path.suffix.lower() == ".csv":
            return read_csv_table(path)
        if IMAGES_FILE.fullmatch(path.name):
            return read_idx_files(path)
        raise InputError(
            f"{path} is neither a CSV table nor an IDX file of images", hint="name a folder, or such a file"
        )
    if not os.path.isdir(path):
        raise InputError(f"no such file or folder: {path}")
    try:
        return _in_folder(path, labelled)
    except OSError as error:
        raise InputError(f"cannot read {error.filename or path}: {error.strerror or error}") from error


def _in_folder(folder: Path, labelled: bool) -> Found:
    from archlab.train.class_folders import read_class_folders, read_loose_images
    from archlab.train.csv_table import read_csv_table
    from archlab.train.idx_files import IMAGES_FILE, images_files, read_idx_files

    if idx := images_files(folder):
        sets = sorted({match["set"] for file in idx if (match := IMAGES_FILE.fullmatch(file.name))})
        if len(sets) > 1:
            raise InputError(
                f"{folder} holds {len(sets)} sets of IDX files: {', '.join(sets)}", hint=f"name one, such as {idx[0]}"
            )
        return read_idx_files(idx[0])
    tables = sorted(name for name in os.listdir(folder) if name.lower().endswith(".csv") and not name.startswith("."))
    if len(tables) == 1 and os.path.isfile(folder / tables[0]) and not _has_classes(folder):
        return read_csv_table(folder / tables[0])
    return read_class_folders(folder) if labelled else read_loose_images(folder)


def _has_classes(folder: Path) -> bool:
    """Return whether a folder has two folders or more, which a table's images seldom need."""
    return sum(entry.is_dir() and not entry.name.startswith(".") for entry in os.scandir(folder)) > 1
