"""The formats of detection data, a row each: how a set is recognised, and how a part of it is read. No torch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from archlab.detect import coco
from archlab.detect.voc import find_voc, has_voc_val, read_voc
from archlab.detect.yolo import read_yolo
from archlab.detect.yolo_set import find_yolo, read_yolo_set
from archlab.errors import InputError

COCO_TRAIN = ("train.json", "annotations/instances_train2017.json", "train/_annotations.coco.json")
COCO_VAL = ("val.json", "valid.json", "annotations/instances_val2017.json", "valid/_annotations.coco.json")


@dataclass(frozen=True, slots=True)
class DataFormat:
    """How annotations of a format are found and read.

    Attributes:
        name: what messages and ``archlab data check`` call it.
        find: a path of a user's to what stands for its set, a file or a folder; None where it is of another format.
        val: what ``find`` returned to what holds the validation data; None where there is none.
        read: one of these, and ``"train"`` or ``"val"``, to annotations; it raises InputError for what is broken.
    """

    name: str
    find: Callable[[Path], Path | None]
    val: Callable[[Path], Path | None]
    read: Callable[[Path, str], coco.Annotations]


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if os.path.isfile(folder / name)), None)


def _find_coco(path: Path) -> Path | None:
    if os.path.isfile(path):
        return path if path.suffix.lower() == ".json" else None
    return _first(path, COCO_TRAIN)


def _coco_val(found: Path) -> Path | None:
    """Return the validation file of the folder whose training file was found; a file that is named stands alone."""
    for name in COCO_TRAIN:
        folder = Path(*found.parts[: len(found.parts) - len(Path(name).parts)])
        if found == folder / name:
            return _first(folder, COCO_VAL)
    return None


def _find_lone_coco(path: Path) -> Path | None:
    files = sorted(path.glob("*.json")) if os.path.isdir(path) else []
    return files[0] if len(files) == 1 else None


def _yolo_val(found: Path) -> Path | None:
    return found if "val" in read_yolo_set(found).parts else None


def _voc_val(found: Path) -> Path | None:
    return found if has_voc_val(found) else None


def _read_coco(path: Path, _part: str) -> coco.Annotations:
    return coco.read_annotations(path)


DATA_FORMATS = (
    DataFormat("COCO", _find_coco, _coco_val, _read_coco),
    DataFormat("Pascal VOC", find_voc, _voc_val, read_voc),
    DataFormat("YOLO", find_yolo, _yolo_val, read_yolo),
    DataFormat("COCO", _find_lone_coco, lambda _: None, _read_coco),
)
"""In the order in which a path is tried."""


def formats_of(path: Path) -> list[tuple[DataFormat, Path]]:
    """Return every format that ``path`` is of, with what stands for its set; the first is the one that is read.

    Raises:
        InputError: there is no such file or folder, or nothing in it is known.
    """
    if not os.path.isfile(path) and not os.path.isdir(path):
        raise InputError(f"no such file or folder: {path}")
    found = [(row, place) for row in DATA_FORMATS if (place := row.find(path)) is not None]
    if found:
        return found
    if os.path.isfile(path):
        return [(DATA_FORMATS[0], path)]  # whatever its suffix: COCO's reader says what is missing
    several = len(list(path.glob("*.json")))
    held = f"{several} files of annotations and no {COCO_TRAIN[0]}" if several else "no annotations that are known"
    raise InputError(
        f"{path} holds {held}",
        hint="name a COCO file (.json), a YOLO data set (data.yaml, or images and labels), or a folder of "
        "VOC's XML files",
    )


def is_annotated(path: Path) -> bool:
    """Return whether ``path`` is a file of annotations, or a folder with some under a name or in a layout of a format.

    A lone JSON file in a folder does not count: folders of other data may have one.
    """
    return _first(path, COCO_VAL) is not None or any(row.find(path) is not None for row in DATA_FORMATS[:-1])


def format_of(path: Path) -> tuple[DataFormat, Path]:
    """Return the format that a path is read as, and what stands for its set.

    Raises:
        InputError: as ``formats_of``.
    """
    return formats_of(path)[0]


def find_val(path: Path) -> Path:
    """Return what holds the validation data where a user names ``path`` for it.

    Raises:
        InputError: as ``formats_of``.
    """
    own = _first(path, COCO_VAL)
    if own is not None:
        return own
    row, place = format_of(path)
    return (None if os.path.isfile(path) else row.val(place)) or place


def read_part(path: Path, part: str = "train") -> coco.Annotations:
    """Return the annotations of a part, read once unless a file was written to since.

    Where a YOLO or VOC set has no such part, its training images are meant: it was named as that part.

    Raises:
        InputError: as the format's reader.
    """
    row, place = format_of(path)
    if row.name == "COCO":
        return row.read(place, part)  # which keeps what it read
    own = part if part == "train" or row.val(place) is not None else "train"
    return _read_kept(row.name, place, own, stamp(place))


@lru_cache(maxsize=4)
def _read_kept(name: str, place: Path, part: str, _stamp: str) -> coco.Annotations:
    return next(row for row in DATA_FORMATS if row.name == name).read(place, part)


def stamp(path: Path | None) -> str | None:
    """Return what changes when a file of the set does: a hash of names, times and lengths; None where there is none."""
    if path is None or not os.path.exists(path):
        return None
    text = hashlib.sha256()
    if os.path.isfile(path):
        text.update(_written(path))
    if path.suffix.lower() != ".json":
        # Text and XML beside the images: a label that is written to is one of these.
        for folder, folders, files in os.walk(path if os.path.isdir(path) else path.parent):
            folders.sort()
            for name in sorted(files):
                is_label = name.endswith((".txt", ".xml", ".yaml", ".yml"))
                text.update(_written(Path(folder, name)) if is_label else os.fsencode(name))
    return text.hexdigest()


def _written(path: Path) -> bytes:
    try:
        status = path.stat()
    except OSError:
        return os.fsencode(path)
    return os.fsencode(f"{path} {status.st_mtime_ns} {status.st_size}\n")
