"""Detection objectives of a search: the scores on data, and training with AP."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archlab.detect.scores import DETECTION
from archlab.detect.task import TRAIN, Task
from archlab.elaborate import Fixed, Interpreter
from archlab.errors import InputError
from archlab.grammar import ast, with_classes

if TYPE_CHECKING:
    import optuna
    import torch
    from torch.fx import GraphModule

    from archlab.detect.dataset import DetectionData
    from archlab.search.objective import Candidate, UserObjective

EXAMPLES, SHOWN_BOXES = 3, 20
"""Validation images whose predictions a trained network keeps for the report, and the most boxes of each."""


def wants_data(names: list[str]) -> bool:
    """Whether one of these objectives looks at detection data."""
    return any(name.removeprefix("min:").removeprefix("max:") in (*DETECTION, TRAIN) for name in names)


def default_objective(architecture: ast.Architecture) -> str:
    """What a search maximises where nothing is said: the score that the benchmarks found best for its kind."""
    return DETECTION[0] if has_detector(architecture) else "score"


def has_detector(architecture: ast.Architecture) -> bool:
    """Whether the text ends in a neck and a head."""
    return any(stage.name == "detect" for stage in architecture.stages)


def fitted(architecture: ast.Architecture, task: Task) -> ast.Architecture:
    """``architecture`` with a box head, where it has one, for as many classes as the data of ``task`` has.

    Raises:
        InputError: the annotations cannot be read.
    """
    if not has_detector(architecture):
        return architecture
    return with_classes(architecture, class_count(task))


def class_count(task: Task) -> int:
    """How many classes the data has, the background not counted."""
    if task.source.train is None:
        from archlab.detect.shapes import CLASSES

        return len(CLASSES)
    from archlab.detect.coco import read_annotations

    return len(read_annotations(task.source.train).classes)


def find_task(data: str | Path | None, val: str | Path | None, seed: int, steps: int, names: list[str]) -> Task | None:
    """The task that a search's options describe; None where no objective looks at data.

    Raises:
        InputError: the data cannot be found, or no objective looks at it.
    """
    from archlab.detect.source import find_source

    if wants_data(names):
        return Task(find_source(data, val, seed), steps)
    if data is not None or val is not None:
        known = ", ".join((*DETECTION, TRAIN))
        raise InputError("data is given and no objective looks at it", hint=f"those that do are {known}")
    return None


def read_data(task: Task, interpreter: Interpreter, progress: Callable[[str], None] | None = None) -> None:
    """Reads the data of ``task`` into memory, so that what is wrong with it ends a search and not each candidate.

    Raises:
        InputError: as ``archlab.detect.load.read_source``.
    """
    from archlab.detect.load import read_source

    _, height, width = interpreter.network(Fixed({})).input_shape
    read_source(task.source, (height, width), progress)


def detection_objective(name: str, task: Task) -> UserObjective:
    """The objective ``name`` as a function of a candidate: a detection score, or AP after a training."""
    return _Train(task) if name == TRAIN else _Score(name, task)


@dataclasses.dataclass(frozen=True, slots=True)
class _Score:
    name: str
    task: Task

    def __call__(self, _module: GraphModule, candidate: Candidate, _trial: optuna.Trial) -> float:
        from archlab.detect.attach import detector_for
        from archlab.detect.level_entropy import level_use
        from archlab.detect.scores import score_detector

        training, _ = _data(self.task, candidate)
        scored = score_detector(self.name, candidate.graph, training, candidate.seed)
        candidate.details["parts"] = scored.parts
        candidate.details["level use"] = level_use(detector_for(candidate.graph, training), training)
        return scored.value


@dataclasses.dataclass(frozen=True, slots=True)
class _Train:
    task: Task

    def __call__(self, _module: GraphModule, candidate: Candidate, trial: optuna.Trial) -> float:
        import optuna

        from archlab.detect.measure_ap import measure_ap
        from archlab.detect.train_detector import Schedule

        training, validation = _data(self.task, candidate)

        def report(step: int, ap: float) -> None:
            trial.report(ap, step)
            if trial.should_prune():
                raise optuna.TrialPruned(f"AP {ap:.3f} after {step} of {self.task.steps} steps")

        schedule = Schedule(steps=self.task.steps)
        measured = measure_ap(candidate.graph, training, validation, schedule, candidate.seed, report)
        values = {key: value for key, value in dataclasses.asdict(measured.ap).items() if key != "by_class"}
        candidate.details["AP"] = values
        candidate.details["AP by class"] = measured.ap.by_class
        candidate.details["found"] = [_boxes(found) for found in measured.found[:EXAMPLES]]
        return 0.0 if math.isnan(measured.ap.ap) else measured.ap.ap


def _data(task: Task, candidate: Candidate) -> tuple[DetectionData, DetectionData]:
    from archlab.detect.load import read_source

    _, height, width = candidate.graph.input_shape
    return read_source(task.source, (height, width))


def _boxes(found: Mapping[str, torch.Tensor]) -> list[list[Any]]:
    """The best boxes as rows of x1, y1, x2, y2, label, score."""
    rows = zip(found["boxes"].tolist(), found["labels"].tolist(), found["scores"].tolist(), strict=True)
    return [[*(round(side, 1) for side in box), label, round(score, 3)] for box, label, score in rows][:SHOWN_BOXES]
