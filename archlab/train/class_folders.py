"""Images in a folder for each class, as torchvision's ImageFolder reads them, with or without folders for the parts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from archlab.errors import InputError, printable
from archlab.images.inside import Inside
from archlab.train.found import UNLABELLED, Found
from archlab.train.image_headers import read_headers
from archlab.train.image_source import OUTSIDE, PART_NAMES, Example, OddFile, PartName

FOLDER_LINK = "is a link to a folder, and is not followed"
HIDDEN = "is hidden, and is left out"
EMPTY = "holds no images, and is no class"
LOOSE = "is in no class's folder, and is left out"
TWICE = "differs from another class in upper and lower case alone"


def read_class_folders(root: Path) -> Found:
    """Return the images below ``root``: ``root/CLASS/…`` or ``root/PART/CLASS/…``, at any depth below a class.

    Classes are numbered in the order of their names, as in torchvision, and are those of the training images.

    Raises:
        InputError: there is a folder of a part and none of ``train``; or an image to validate or test is of a class
            that no training image is of.
    """
    folders = _parts(root)
    odd: list[OddFile] = []
    inside = Inside(root)
    names: dict[PartName, list[tuple[str, str]]] = {}
    for part, folder in folders.items():
        names[part] = list(_by_class(root, folder, inside, odd))
    headers = read_headers(root, [name for own in names.values() for _, name in own if name])
    odd += headers.odd
    found = {part: [(label, name) for label, name in own if name in headers.lengths] for part, own in names.items()}
    for part, own in names.items():
        filled = {label for label, _ in found[part]}
        odd += [OddFile(_name(root, folders[part] / label), EMPTY) for label, _ in own if label not in filled]
    classes = sorted({label for label, _ in found["train"]})
    _refuse_unknown(root, found, classes)
    odd += [OddFile(name, TWICE) for name in classes if sum(name.casefold() == n.casefold() for n in classes) > 1]
    number = {name: i for i, name in enumerate(classes)}
    given = {part: tuple(Example(name, number[label]) for label, name in own) for part, own in found.items()}
    return Found(root, "folders", tuple(classes), given, _once(odd), headers.lengths, headers.is_wide)


def read_loose_images(root: Path) -> Found:
    """Return the images below ``root``, or below its folders for the parts, at any depth, all of one class.

    Raises:
        InputError: there is a folder of a part and none of ``train``.
    """
    odd: list[OddFile] = []
    inside = Inside(root)
    names = {part: list(_files(root, folder, inside, odd)) for part, folder in _parts(root).items()}
    headers = read_headers(root, [name for own in names.values() for name in own])
    given = {part: tuple(Example(name, 0) for name in own if name in headers.lengths) for part, own in names.items()}
    return Found(root, "folders", UNLABELLED, given, _once([*odd, *headers.odd]), headers.lengths, headers.is_wide)


def _parts(root: Path) -> dict[PartName, Path]:
    found = {
        part: next((root / name for name in names if os.path.isdir(root / name)), None)
        for part, names in PART_NAMES.items()
    }
    parts = {part: folder for part, folder in found.items() if folder is not None}
    if not parts:
        return {"train": root}
    if "train" not in parts:
        raise InputError(
            f"{root} has a folder {next(iter(parts.values())).name} and none called train",
            hint="put the training images in a folder train, or rename the folder if it is a class",
        )
    return parts


def _by_class(root: Path, folder: Path, inside: Inside, odd: list[OddFile]) -> Iterator[tuple[str, str]]:
    """Yield class and file, in the order of names, and for each class an empty name first."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        name = _name(root, Path(entry.path))
        if (why := _why_odd(entry, inside)) is not None:
            odd.append(OddFile(name, why))
        elif not entry.is_dir(follow_symlinks=False):
            odd.append(OddFile(name, LOOSE))
        else:
            yield entry.name, ""
            yield from ((entry.name, name) for name in _files(root, Path(entry.path), inside, odd))


def _files(root: Path, folder: Path, inside: Inside, odd: list[OddFile]) -> Iterator[str]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if (why := _why_odd(entry, inside)) is not None:
            odd.append(OddFile(_name(root, Path(entry.path)), why))
        elif entry.is_dir(follow_symlinks=False):
            yield from _files(root, Path(entry.path), inside, odd)
        else:
            yield _name(root, Path(entry.path))


def _why_odd(entry: os.DirEntry[str], inside: Inside) -> str | None:
    if entry.name.startswith("."):
        return HIDDEN
    if entry.is_symlink():
        if not inside.holds(inside.resolved(Path(entry.path))):
            return OUTSIDE
        if entry.is_dir():
            return FOLDER_LINK
    return None


def _refuse_unknown(root: Path, found: dict[PartName, list[tuple[str, str]]], classes: list[str]) -> None:
    for part, own in found.items():
        for label, name in own:
            if label not in classes:
                raise InputError(
                    f"{root}: {printable(name)} is to {'validate' if part == 'val' else part}, and no training image "
                    f"is of its class {printable(label)}"
                )


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _once(odd: list[OddFile]) -> tuple[OddFile, ...]:
    return tuple(dict.fromkeys(odd))
