"""What a search gets to know of detection: where its data comes from, and how long finalists are trained.

The data is in files, or is shapes that are drawn. Imports no torch.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from archlab.detect import coco
from archlab.errors import InputError

TRAIN = "train"
"""The objective that is a whole training, worth its AP."""

TRAIN_STEPS = 750


@dataclass(frozen=True, slots=True)
class DataFormat:
    """How annotations of a format are found and read.

    Attributes:
        suffix: of its files, by which it is recognised.
        train: the names that a folder's training file may have, of which the first found is taken.
        val: and its validation file.
        read: a file to its annotations, torch-free; it raises InputError for what is broken.
    """

    suffix: str
    train: tuple[str, ...]
    val: tuple[str, ...]
    read: Callable[[Path], coco.Annotations]


DATA_FORMATS = (
    DataFormat(
        ".json",
        ("train.json", "annotations/instances_train2017.json", "train/_annotations.coco.json"),
        ("val.json", "valid.json", "annotations/instances_val2017.json", "valid/_annotations.coco.json"),
        coco.read_annotations,
    ),
)
"""Every format, a row each; a file of an unknown suffix is read as one of the first, COCO's."""


def read_annotations(path: Path) -> coco.Annotations:
    """Return the annotations in a file of any of the formats, with the images beside it.

    Raises:
        InputError: as the format's reader; see ``archlab.detect.coco.read_annotations``.
    """
    known = (row for row in DATA_FORMATS if row.suffix == path.suffix.lower())
    return next(known, DATA_FORMATS[0]).read(path)


@dataclass(frozen=True, slots=True)
class Source:
    """Training and validation data.

    Attributes:
        train: the file of its annotations; None for drawn shapes.
        val: another; None for a share of the training images, chosen randomly with ``seed``.
        seed: of this choice.
    """

    train: Path | None = None
    val: Path | None = None
    seed: int = 0

    @property
    def digest(self) -> str:
        """A hash of the annotations and the images' names and lengths, by which workers know that theirs are the same.

        Raises:
            InputError: as ``read_annotations``.
        """
        text = hashlib.sha256(f"{self.seed}".encode())
        for path in (self.train, self.val):
            if path is None:
                text.update(b"-")
                continue
            text.update(path.read_bytes())
            for image in read_annotations(path).images:
                text.update(f"{image.path.name} {image.path.stat().st_size}\n".encode())
        return text.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Task:
    """Detection data for a search's objectives.

    Attributes:
        source: training and validation data.
        steps: how many steps ``train`` trains.
    """

    source: Source = field(default_factory=Source)
    steps: int = TRAIN_STEPS

    @property
    def digest(self) -> str:
        """What must be the same for a study to be resumed, and at every worker."""
        return f"{self.source.digest}, {self.steps} steps"


def find_source(data: str | Path | None, val: str | Path | None = None, seed: int = 0) -> Source:
    """Return the data that a user names.

    It is a file of annotations, or a folder that holds ``train.json`` and ``val.json``, or what COCO and Roboflow call
    them, or one file. Of a folder that ``val`` names, its validation file is taken.

    Raises:
        InputError: there is no such file or folder, or the folder's files leave it open which is meant.
    """
    if data is None:
        if val is not None:
            raise InputError("validation data needs training data", hint="name it with --data")
        return Source(seed=seed)
    path = Path(data)
    train, beside = (path, None) if os.path.isfile(path) else _in_folder(path)
    return Source(train, _file(Path(val)) if val is not None else beside, seed)


def _file(path: Path) -> Path:
    if os.path.isfile(path):
        return path
    own = next(filter(None, (_first(path, row.val) for row in DATA_FORMATS)), None)
    return own or _in_folder(path)[0]


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if os.path.isfile(folder / name)), None)


def _in_folder(folder: Path) -> tuple[Path, Path | None]:
    if not os.path.isdir(folder):
        raise InputError(f"no such file or folder: {folder}")
    for row in DATA_FORMATS:
        train = _first(folder, row.train)
        if train is not None:
            return train, _first(folder, row.val)
    files = [path for row in DATA_FORMATS for path in sorted(folder.glob(f"*{row.suffix}"))]
    if len(files) == 1:
        return files[0], None
    suffixes = " or ".join(row.suffix for row in DATA_FORMATS)
    found = (
        f"{len(files)} files of annotations and no {DATA_FORMATS[0].train[0]}" if files else "no file of annotations"
    )
    raise InputError(f"{folder} holds {found}", hint=f"name the file itself, which ends in {suffixes}")
