"""The data that a search's objectives look at: detection data, or images with a class each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from archlab.detect.data_formats import is_annotated
from archlab.detect.data_source import TRAIN
from archlab.detect.data_source import Task as DetectionTask
from archlab.detect.scores import DETECTION
from archlab.detect.training_plan import TrainingPlan
from archlab.elaborate import Interpreter
from archlab.errors import InputError
from archlab.grammar import ast, with_outputs
from archlab.search import detection_data
from archlab.search.detection_data import has_detector, names_of
from archlab.search.image_task import ImageTask, find_image_task, read_images, refuse_other_outputs, report_images

Task = DetectionTask | ImageTask


def find_task(
    architecture: ast.Architecture,
    data: str | Path | None,
    val: str | Path | None,
    seed: int,
    training: TrainingPlan,
    objectives: list[str],
    classes: str | Iterable[str] | None = None,
) -> Task | None:
    """Return the task that a search's options describe; None where no objective looks at data.

    A text without a box head that is trained on images with a class each is a classifier.

    Raises:
        InputError: the data cannot be found, or no objective looks at it.
    """
    named = names_of(objectives)
    is_classifier = (
        data is not None and TRAIN in named and not named & set(DETECTION) and not has_detector(architecture)
    )
    if is_classifier and data is not None and not is_annotated(Path(data)):
        if classes is not None:
            raise InputError("a classifier has all classes of its data", hint="leave --classes out, or take a detector")
        return find_image_task(Path(data), None if val is None else Path(val), seed, training)
    return detection_data.find_task(data, val, seed, training, objectives, classes)


def with_class_count(architecture: ast.Architecture, task: Task) -> ast.Architecture:
    """Return ``architecture`` with an output for each class of the data, in its box head or in its last layer.

    Raises:
        InputError: annotations cannot be read.
    """
    if isinstance(task, ImageTask):
        return with_outputs(architecture, task.classes)
    return detection_data.with_class_count(architecture, task)


def read_data(task: Task, interpreter: Interpreter, progress: Callable[[str], None] | None = None) -> None:
    """Read the data of ``task`` into memory, so that what is wrong with it ends a search and not each candidate.

    Raises:
        InputError: the data cannot be read, or the space does not give an output for each of its classes.
    """
    if isinstance(task, ImageTask):
        refuse_other_outputs(task, interpreter)
        for shape in detection_data.input_shapes(interpreter):
            read_images(task, shape, progress)
    else:
        detection_data.read_data(task, interpreter, progress)


def report_data(task: Task, interpreter: Interpreter, note: Callable[[str], None]) -> None:
    """Report what objectives look at, where that may not be what the user expects."""
    if isinstance(task, ImageTask):
        report_images(task, note)
    else:
        detection_data.report_data(task, interpreter, note)
