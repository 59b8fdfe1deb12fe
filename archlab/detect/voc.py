"""Pascal VOC data sets: an XML file for each image, in one folder or by the lists of ``ImageSets/Main``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from archlab.detect.coco import Annotations, check_annotations
from archlab.detect.image_list import SUFFIXES, sizes
from archlab.detect.voc_xml import read_voc_xml
from archlab.errors import InputError, printable, quote
from archlab.images.inside import Inside
from archlab.reading import read_text

LISTS = {"train": ("train.txt", "trainval.txt"), "val": ("val.txt", "valid.txt")}
FOLDERS = {"train": ("train",), "val": ("val", "valid", "validation")}
IMAGE_FOLDERS = (".", "JPEGImages", "images", "../JPEGImages", "../images")
"""Where images are looked for, as seen from the folder of the XML files."""


def find_voc(path: Path) -> Path | None:
    """Return the folder of a VOC data set at ``path``, a folder or one of its lists; None where it is none."""
    if os.path.isfile(path):
        parents = path.resolve().parents
        return path if path.suffix == ".txt" and len(parents) > 2 and parents[1].name == "ImageSets" else None
    return path if _files(path, "train") else None


def has_voc_val(path: Path) -> bool:
    """Return whether a VOC data set has images to validate."""
    return bool(os.path.isdir(path) and (_list(path, "val") or _folder(path, "val")))


def read_voc(source: Path, part: str) -> Annotations:
    """Return the annotations of a part, ``"train"`` or ``"val"``, of a VOC data set; of a list, its own images.

    Boxes are taken as they are written, xmin to xmax in pixels from 0, as LabelImg writes and torchvision reads them:
    of VOC's own, which counts pixels from 1, they are off by one. Classes are those of the part, in the order of their
    names. What is marked difficult is an object as every other.

    Raises:
        InputError: a file is missing, broken or leads out of the data's folder; the message has file, line and rule.
    """
    files = _files(source, part)
    if not files:
        raise InputError(f"{source}: the part {part} has no XML files")
    root = source if os.path.isdir(source) else source.resolve().parents[2]
    inside = Inside(root, *(root / place for place in IMAGE_FOLDERS[3:] if os.path.isdir(root / place)))
    for file in files:
        _refuse_outside(file, file, inside)
    found = [read_voc_xml(file) for file in files]
    paths = [_image(file, image.filename, inside) for file, image in zip(files, found, strict=True)]
    unknown = [path for path, image in zip(paths, found, strict=True) if image.size is None]
    measured = dict(zip(unknown, sizes(unknown), strict=True))
    names = sorted({box.name for image in found for box in image.boxes})
    if not names:
        raise InputError(
            f"{source}: none of its {len(files):,} XML files has an object",
            hint="there is nothing to train a detector on",
        )
    number = {name: i for i, name in enumerate(names, start=1)}
    entries: list[dict[str, Any]] = []
    boxes: list[dict[str, Any]] = []
    for id, (path, image) in enumerate(zip(paths, found, strict=True), start=1):
        width, height = image.size or measured[path]
        entries.append({"id": id, "file_name": path.name, "width": width, "height": height})
        for box in image.boxes:
            x1, y1, x2, y2 = box.corners
            sides = [x1, y1, x2 - x1, y2 - y1]
            boxes.append({"id": len(boxes) + 1, "image_id": id, "category_id": number[box.name], "bbox": sides})
    categories = [{"id": i, "name": name} for name, i in number.items()]
    return check_annotations({"images": entries, "annotations": boxes, "categories": categories}, source, paths)


def _files(source: Path, part: str) -> list[Path]:
    """Return the XML files of a part."""
    if os.path.isfile(source):
        return _from_list(source, source.resolve().parents[2])
    own = _list(source, part)
    if own is not None:
        return _from_list(own, source)
    places = [_folder(source, part)] if part == "val" else [_folder(source, part), source / "Annotations", source]
    for place in places:
        if place is not None and os.path.isdir(place) and (found := sorted(place.glob("*.xml"))):
            return found
    return []


def _list(root: Path, part: str) -> Path | None:
    main = root / "ImageSets" / "Main"
    return next((main / name for name in LISTS[part] if os.path.isfile(main / name)), None)


def _folder(root: Path, part: str) -> Path | None:
    named = (root / name for name in FOLDERS[part])
    return next((place for place in named if os.path.isdir(place) and any(place.glob("*.xml"))), None)


def _from_list(source: Path, root: Path) -> list[Path]:
    files = []
    for number, line in enumerate(read_text(source).splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        file = root / "Annotations" / f"{words[0]}.xml"
        if "\0" in line or not os.path.isfile(file):
            raise InputError(
                f"{source}: line {number}: there is no file {quote(words[0])[1:-1]}.xml in {root / 'Annotations'}",
                hint="each line names an image without its suffix",
            )
        files.append(file)
    return files


def _image(file: Path, filename: str, inside: Inside) -> Path:
    """Return the image of an XML file: the one that it names, else the one that is called as it is."""
    named = os.path.basename(filename.replace("\\", "/"))
    names = [named] if named and "\0" not in named else []
    names += [file.stem + suffix for kind in SUFFIXES for suffix in (kind, kind.upper())]
    for place in (file.parent / folder for folder in IMAGE_FOLDERS):
        for name in names:
            if os.path.isfile(place / name):
                path = Path(os.path.normpath(place / name))
                _refuse_outside(path, file, inside)
                return path
    looked = ", ".join(os.path.normpath(file.parent / folder) for folder in IMAGE_FOLDERS)
    raise InputError(f"{file}: its image {quote(filename)} is in none of {looked}")


def _refuse_outside(path: Path, file: Path, inside: Inside) -> None:
    real = inside.resolved(path)
    if not inside.holds(real):
        raise InputError(f"{file}: {printable(str(path))} leads out of the data's folder, to {printable(real)}")
