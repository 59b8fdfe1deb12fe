"""What a search gets to know of detection: where its data comes from, and how long finalists are trained.

The data is in files, or is shapes that are drawn. Imports no torch.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from archlab.detect.chosen_classes import choose_classes, count_boxes, refuse_unknown, refuse_untrained, shown
from archlab.detect.coco import Annotations
from archlab.detect.data_formats import find_val, format_of, read_part
from archlab.detect.training_plan import TrainingPlan
from archlab.errors import InputError

TRAIN = "train"
"""The objective that is a whole training, worth its AP."""


@dataclass(frozen=True, slots=True)
class Source:
    """Training and validation data.

    Attributes:
        train: what stands for it, a file of annotations or a folder; None for drawn shapes.
        val: the same of the validation data; None for a share of the training images, chosen randomly with ``seed``.
        seed: of this choice.
        classes: those to look for, in this order; None for all that the training data has.
    """

    train: Path | None = None
    val: Path | None = None
    seed: int = 0
    classes: tuple[str, ...] | None = None

    def annotations(self) -> tuple[Annotations, Annotations | None]:
        """Return training and validation annotations, with the same classes in the same order.

        Raises:
            InputError: as ``archlab.detect.data_formats.read_part``; a class of ``classes`` is none of the training
                data's; or validation boxes are of a class that it has not.
        """
        assert self.train is not None
        train = read_part(self.train)
        val = read_part(self.val, "val") if self.val is not None else None
        if self.classes is not None:
            refuse_unknown(train, self.classes)
        elif val is not None:
            refuse_untrained(train, val)
        names = self.classes or train.classes
        return choose_classes(train, names), choose_classes(val, names) if val is not None else None

    @property
    def digest(self) -> str:
        """A hash of the annotations and the images' names and lengths, by which workers know that theirs are the same.

        Raises:
            InputError: as ``annotations``.
        """
        text = hashlib.sha256(f"{self.seed}".encode())
        for part in (None, None) if self.train is None else self.annotations():
            if part is None:
                text.update(b"-")
                continue
            text.update(json.dumps(part.truth).encode())
            for image in part.images:
                text.update(f"{image.path.name} {image.path.stat().st_size}\n".encode(errors="replace"))
        return text.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Task:
    """Detection data for a search's objectives.

    Attributes:
        source: training and validation data.
        training: how ``train`` trains.
    """

    source: Source = field(default_factory=Source)
    training: TrainingPlan = field(default_factory=TrainingPlan)

    @property
    def digest(self) -> str:
        """What must be the same for a study to be resumed, and at every worker; of trainings also ``training.key``."""
        return self.source.digest


def find_source(
    data: str | Path | None, val: str | Path | None = None, seed: int = 0, classes: tuple[str, ...] | None = None
) -> Source:
    """Return the data that a user names, in any of ``archlab.detect.data_formats.DATA_FORMATS``.

    It is a file of annotations (COCO's JSON, YOLO's data.yaml or a list of images, a list in VOC's ImageSets/Main), or
    a folder that is recognised by what it holds. Of a folder that ``val`` names, its validation data is taken.

    Raises:
        InputError: there is no such file or folder, or it leaves open which data is meant.
    """
    if data is None:
        for what, given in (("validation data", val), ("a choice of classes", classes)):
            if given is not None:
                raise InputError(f"{what} needs training data", hint="name it with --data")
        return Source(seed=seed)
    path = Path(data)
    row, train = format_of(path)
    if val is not None:
        return Source(train, find_val(Path(val)), seed, classes)
    alone = os.path.isfile(path) and row.name == "COCO"
    return Source(train, None if alone else row.val(train), seed, classes)


def class_names(classes: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Return the classes that ``a,b`` or a list names; None for all.

    Raises:
        InputError: a name is empty, or there is none.
    """
    if classes is None:
        return None
    names = tuple(name.strip() for name in classes.split(",")) if isinstance(classes, str) else tuple(classes)
    if not names or "" in names:
        raise InputError("the classes to look for have a name that is empty", hint="write them as car,person")
    return names


def odd_of(source: Source) -> Iterator[str]:
    """Yield a sentence for each thing about the data that its user may not expect.

    Raises:
        InputError: as ``Source.annotations``.
    """
    if source.train is None:
        return
    for part, place in zip(source.annotations(), (source.train, source.val), strict=True):
        if part is None:
            continue
        for kind, count in part.left_out.items():
            yield f"{place}: {count:,} of its boxes: {kind}"
        counts = count_boxes(part)
        without = [name for name, count in counts.items() if not count]
        if without and any(counts.values()):
            yield f"{place}: classes without a box: {shown(without)}"
