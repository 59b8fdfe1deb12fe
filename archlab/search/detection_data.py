"""The detection data of a search: found, reported, read, and the number of its classes put into the space."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from archlab.detect.data_source import TRAIN, Task
from archlab.detect.scores import DETECTION
from archlab.detect.training_plan import TrainingPlan
from archlab.elaborate import Fixed, Interpreter
from archlab.errors import InputError
from archlab.grammar import ast, with_classes


def has_data_objective(names: list[str]) -> bool:
    """Return whether one of these objectives looks at data."""
    return not names_of(names).isdisjoint((*DETECTION, TRAIN))


def names_of(objectives: list[str]) -> set[str]:
    """Return the names of objectives, without their directions."""
    return {name.removeprefix("min:").removeprefix("max:") for name in objectives}


def default_objective(architecture: ast.Architecture) -> str:
    """Return what a search maximises by default: the score that the benchmarks found best for its kind."""
    return DETECTION[0] if has_detector(architecture) else "score"


def has_detector(architecture: ast.Architecture) -> bool:
    """Return whether the text ends in a neck and a head."""
    return any(stage.name == "detect" for stage in architecture.stages)


def with_class_count(architecture: ast.Architecture, task: Task) -> ast.Architecture:
    """Return ``architecture`` with a box head, where it has one, for as many classes as the data of ``task`` has.

    Raises:
        InputError: the annotations cannot be read.
    """
    if not has_detector(architecture):
        return architecture
    return with_classes(architecture, class_count(task))


def class_count(task: Task) -> int:
    """Return how many classes the data has, the background not counted."""
    if task.source.train is None:
        from archlab.detect.shapes import CLASSES

        return len(CLASSES)
    return len(task.source.annotations()[0].classes)


def find_task(
    data: str | Path | None,
    val: str | Path | None,
    seed: int,
    training: TrainingPlan,
    names: list[str],
    classes: str | Iterable[str] | None = None,
) -> Task | None:
    """Return the task that a search's options describe; None where no objective looks at data.

    Raises:
        InputError: the data cannot be found, or no objective looks at it.
    """
    from archlab.detect.data_source import class_names, find_source

    if has_data_objective(names):
        return Task(find_source(data, val, seed, class_names(classes)), training)
    if data is not None or val is not None or classes is not None:
        known = ", ".join((*DETECTION, TRAIN))
        raise InputError("data is given and no objective looks at it", hint=f"those that do are {known}")
    return None


def read_data(task: Task, interpreter: Interpreter, progress: Callable[[str], None] | None = None) -> None:
    """Read the data of ``task`` into memory, so that what is wrong with it ends a search and not each candidate.

    Raises:
        InputError: as ``archlab.detect.load.read_source``.
    """
    from archlab.detect.load import read_source

    for _, height, width in input_shapes(interpreter):
        read_source(task.source, (height, width), progress)


def input_shapes(interpreter: Interpreter) -> list[tuple[int, int, int]]:
    """Return (C, H, W) of every input that a space has, where its text lists them; else of its default draw."""
    written = dict(interpreter.space.architecture.options).get("input")
    options = written.options if isinstance(written, ast.Choice) else (written,)
    shapes: list[tuple[int, ...]] = [
        option.dims for option in options if isinstance(option, ast.Size) and len(option.dims) == 3
    ]
    if len(shapes) < len(options):
        shapes = [interpreter.network(Fixed({})).input_shape]
    return [(shape[0], shape[1], shape[2]) for shape in shapes]


def report_data(task: Task, interpreter: Interpreter, note: Callable[[str], None]) -> None:
    """Report what detection objectives look at, where that may not be what the user expects."""
    from archlab.detect.data_source import odd_of

    if task.source.train is None:
        note("no --data: detectors are scored on drawn shapes, which says little of real images")
        return
    for sentence in odd_of(task.source):
        note(sentence)
    from archlab.detect.box_sizes import levels_of, size_remarks

    levels = levels_of(interpreter.network(Fixed({})).graph)
    for _, height, width in input_shapes(interpreter):
        for sentence in size_remarks(task.source.annotations()[0], (height, width), levels):
            note(f"{task.source.train}: {sentence}")
    if task.source.val is None:
        note("no --val: a fifth of the images, chosen randomly by --seed, validates")
