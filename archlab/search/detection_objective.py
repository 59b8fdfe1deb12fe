"""Detection objectives of a search: the scores on data, and training with AP."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from archlab.detect.data_source import TRAIN, Task
from archlab.search.candidate import Candidate, UserObjective
from archlab.search.kept_weights import keep_weights

if TYPE_CHECKING:
    import optuna
    import torch
    from torch.fx import GraphModule

    from archlab.detect.dataset import DetectionData

EXAMPLES, MOST_BOXES = 3, 20
"""Validation images whose predictions a trained network keeps for the report, and the most boxes of each."""


def detection_objective(name: str, task: Task) -> UserObjective:
    """Return the objective ``name`` as a function of a candidate: a detection score, or AP after a training."""
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
        scored = score_detector(self.name, candidate.graph, training, candidate.seed, candidate.device)
        candidate.details["parts"] = scored.parts
        candidate.details["level use"] = level_use(detector_for(candidate.graph, training), training)
        return scored.value


@dataclasses.dataclass(frozen=True, slots=True)
class _Train:
    task: Task

    def __call__(self, _module: GraphModule, candidate: Candidate, trial: optuna.Trial) -> float:
        import optuna

        from archlab.detect.attach import detector_for
        from archlab.detect.faster_rcnn import detector_module
        from archlab.detect.measure_ap import anchor_scale, measure_ap
        from archlab.detect.proposals_file import proposals_metadata
        from archlab.detect.train_detector import Schedule
        from archlab.search.carried_start import start_of

        training, validation = _data(self.task, candidate)
        plan = self.task.training

        def report(step: int, ap: float) -> None:
            trial.report(ap, step)
            if trial.should_prune():
                raise optuna.TrialPruned(f"AP {ap:.3f} after {step} of {plan.steps} steps")

        usual = Schedule()
        schedule = Schedule(
            steps=plan.steps,
            batch_size=plan.batch or usual.batch_size,
            rate=plan.rate or usual.rate,
            augment=plan.augment,
        )
        graph = detector_for(candidate.graph, training)
        start = None if plan.init is None else start_of(plan.init, graph)
        measured = measure_ap(graph, training, validation, schedule, candidate.seed, report, candidate.device, start)
        values = {key: value for key, value in dataclasses.asdict(measured.ap).items() if key != "by_class"}
        candidate.details["AP"] = values
        candidate.details["AP by class"] = measured.ap.by_class
        candidate.details["found"] = [_boxes(found) for found in measured.found[:EXAMPLES]]
        key = f"{self.task.digest}, {plan.key}"
        keep_weights(detector_module(measured.model, graph), candidate, key)
        told = proposals_metadata(training.classes, anchor_scale(graph, training))
        keep_weights(cast(Any, measured.model).rpn, candidate, key, "rpn", told)
        return 0.0 if math.isnan(measured.ap.ap) else measured.ap.ap


def _data(task: Task, candidate: Candidate) -> tuple[DetectionData, DetectionData]:
    from archlab.detect.load import read_source

    _, height, width = candidate.graph.input_shape
    return read_source(task.source, (height, width))


def _boxes(found: Mapping[str, torch.Tensor]) -> list[list[Any]]:
    """Return the best boxes as rows of x1, y1, x2, y2, label, score."""
    rows = zip(found["boxes"].tolist(), found["labels"].tolist(), found["scores"].tolist(), strict=True)
    return [[*(round(side, 1) for side in box), label, round(score, 3)] for box, label, score in rows][:MOST_BOXES]
