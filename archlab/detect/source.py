"""Where a search's detection data comes from: files, or shapes that are drawn."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from archlab.detect.dataset import DetectionData, Progress, read_coco, split
from archlab.detect.shapes import drawn_shapes
from archlab.errors import InputError

HELD_OUT = 0.2
"""The share of the images that validate where no file says which."""

DRAWN = (96, 32)
"""How many drawn images train and validate where there is no data."""

_TRAIN = ("train.json", "annotations/instances_train2017.json", "train/_annotations.coco.json")
_VAL = ("val.json", "valid.json", "annotations/instances_val2017.json", "valid/_annotations.coco.json")


@dataclass(frozen=True, slots=True)
class Source:
    """Training and validation data.

    Attributes:
        train: COCO-format file; None for drawn shapes.
        val: another; None for a share of the training images, by lot of ``seed``.
        seed: of the lot.
    """

    train: Path | None = None
    val: Path | None = None
    seed: int = 0

    @property
    def digest(self) -> str:
        """A hash of the annotations, by which workers know that they have the same data."""
        text = hashlib.sha256(f"{self.seed}".encode())
        for path in (self.train, self.val):
            text.update(path.read_bytes() if path is not None else b"-")
        return text.hexdigest()[:16]


def find_source(data: str | Path | None, val: str | Path | None = None, seed: int = 0) -> Source:
    """The data that a user names: a COCO-format file, or a folder that holds ``train.json`` and ``val.json``, or what
    COCO and Roboflow call them, or one JSON file.

    Raises:
        InputError: there is no such file or folder, or the folder's files leave it open which is meant.
    """
    if data is None:
        if val is not None:
            raise InputError("validation data needs training data", hint="name it with --data")
        return Source(seed=seed)
    path = Path(data)
    train, beside = (path, None) if path.is_file() else _in_folder(path)
    return Source(train, _file(Path(val)) if val is not None else beside, seed)


def _file(path: Path) -> Path:
    if path.is_file():
        return path
    return _in_folder(path)[0]


def _in_folder(folder: Path) -> tuple[Path, Path | None]:
    if not folder.is_dir():
        raise InputError(f"no such file or folder: {folder}")
    train = next((folder / name for name in _TRAIN if (folder / name).is_file()), None)
    if train is not None:
        return train, next((folder / name for name in _VAL if (folder / name).is_file()), None)
    files = sorted(folder.glob("*.json"))
    if len(files) == 1:
        return files[0], None
    found = f"{len(files)} JSON files and no train.json" if files else "no JSON file"
    raise InputError(f"{folder} holds {found}", hint="name the COCO-format file itself")


@lru_cache(maxsize=4)
def read_source(source: Source, size: tuple[int, int], progress: Progress | None = None) -> tuple[DetectionData, ...]:
    """Training and validation data at ``size`` (height, width); read once in a process.

    Raises:
        InputError: as ``read_coco``; or the two have different classes.
    """
    if source.train is None:
        return drawn_shapes(DRAWN[0], size, source.seed), drawn_shapes(DRAWN[1], size, source.seed + 1)
    train = read_coco(source.train, size, progress)
    if source.val is None:
        return split(train, HELD_OUT, source.seed)
    val = read_coco(source.val, size, progress)
    if val.classes != train.classes:
        raise InputError(
            f"{source.val} has the classes {', '.join(val.classes)}, and {source.train} has {', '.join(train.classes)}"
        )
    return train, val
