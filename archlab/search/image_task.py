"""Labelled images for a search of classifiers: where they are, how long a training is, and whether they fit a space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from archlab.detect.training_plan import TrainingPlan
from archlab.elaborate import Fixed, Interpreter
from archlab.errors import InputError
from archlab.train.find_images import find_images
from archlab.train.image_source import ImageSource, PartName, odd_lines

if TYPE_CHECKING:
    from archlab.ir import Shape
    from archlab.train.labelled_images import LabelledImages

MOST_KEPT = 4
"""Sources and shapes that a process keeps; more are read again."""

_kept: dict[tuple[str, Shape], tuple[LabelledImages, LabelledImages]] = {}


@dataclass(frozen=True, slots=True)
class ImageTask:
    """Images with a class each, for the objective ``train``.

    Attributes:
        data: what the user named.
        source: what was found there.
        training: how a training is done.
    """

    data: Path
    source: ImageSource
    training: TrainingPlan

    @property
    def digest(self) -> str:
        """What must be the same for a study to be resumed, and at every worker; of trainings also ``training.key``."""
        return f"images {self.source.digest}"

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.source.classes)


def find_image_task(data: Path, val: Path | None, seed: int, training: TrainingPlan) -> ImageTask:
    """Return the task that a search's options describe.

    Raises:
        InputError: as ``find_images``; or validation data is named, which these data have in themselves; or the
            training is one of detectors.
    """
    if training.init is not None or training.augment:
        option = "--init" if training.init is not None else "--train-augment"
        raise InputError(
            f"{option} is for detectors, and {data} holds images with a class each",
            hint="archlab train starts a classifier from weights, and augments its images",
        )
    if val is not None:
        raise InputError("--val is for detection data", hint="name a folder with the folders train and val as --data")
    return ImageTask(data, find_images(data, seed), training)


def report_images(task: ImageTask, note: Callable[[str], None]) -> None:
    """Report what is left out of the data, and what of it validates."""
    for line in odd_lines(task.source.odd):
        note(line)
    if "val" in task.source.cut:
        note(f"a tenth of each class of {task.data}, chosen by --seed, validates")


def read_images(
    task: ImageTask, shape: Shape, note: Callable[[str], None] | None = None
) -> tuple[LabelledImages, LabelledImages]:
    """Return training and held-out images at ``shape`` (C, H, W), read once per process.

    Raises:
        InputError: as ``load_part``.
    """
    from archlab.train.read_part import load_part

    key = task.source.digest, shape
    if key not in _kept:
        progress = note or (lambda _: None)
        training = load_part(task.source, "train", shape, progress=progress)
        part: PartName = "val" if task.source.parts["val"] else "test"
        held_out = load_part(task.source, part, shape, normalisation=training.normalisation, progress=progress)
        while len(_kept) >= MOST_KEPT:
            del _kept[next(iter(_kept))]
        _kept[key] = training, held_out
    return _kept[key]


def refuse_other_outputs(task: ImageTask, interpreter: Interpreter) -> None:
    """Refuse a space whose default draw does not give an output for each class.

    Raises:
        InputError: so it is; the message says how to end the text.
    """
    graph = interpreter.network(Fixed({})).graph
    shapes = [graph.shape_of(name) for name in graph.outputs]
    if shapes != [(task.classes,)]:
        said = " and ".join("x".join(map(str, shape)) for shape in shapes)
        raise InputError(
            f"{graph.name} gives {said} for an image, and {task.data} has {task.classes} classes",
            hint=f"end its text in gap -> fc({task.classes})",
        )
