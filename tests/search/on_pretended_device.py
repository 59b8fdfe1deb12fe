"""Everything that a search runs on a device, run on one that is none; prints the values of both as JSON.

A program of its own, since torch keeps a device that it was told of.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import torch

import archlab
from archlab.detect.measure_ap import measure_ap
from archlab.detect.scores import DETECTION, score_detector
from archlab.detect.shapes import drawn_shapes
from archlab.detect.train_detector import Schedule
from archlab.detect.training_plan import TrainingPlan
from archlab.score import SCORES
from archlab.search.candidate import Candidate
from archlab.search.image_task import find_image_task
from archlab.search.objective import parse_goals
from archlab.search.study.evaluation import evaluate
from tests.pretend_device import NAME, pretended, register
from tests.train.drawn import folders

CLASSIFIER = "net squares(input=3x16x16)\nstem: conv(4, 3, s=2)\nbody: residual(conv(4))\nhead: gap -> fc(3)\n"
DETECTOR = """net small(input=3x64x64)
stem: conv(8, s=2)
stage1: conv(8, s=2)
stage2: conv(8, s=2)
detect: fpn(8) -> roi_align(3, sampling=2) -> box_head(16, classes=3)
"""
TRIAL = SimpleNamespace(report=lambda *_: None, should_prune=lambda: False)


def values(device: str, folder: Path) -> dict[str, float]:
    """Return every score and training's value, on a device."""
    found: dict[str, float] = {}
    graph = archlab.elaborate(archlab.parse(CLASSIFIER)).graph
    task = find_image_task(folder, None, 0, TrainingPlan(steps=3))
    names = [name for name, row in SCORES.items() if not row.is_baseline]
    candidate = Candidate(0, CLASSIFIER, graph, {}, {}, 0, device=device, folder=folder.parent)
    for goals, given in (((*names, "train"), task),):
        outcome = evaluate(candidate, parse_goals(goals, given), archlab.Budget(), TRIAL, 1)
        assert outcome.state == "scored", outcome.reason
        found |= outcome.values | {"held-out loss": outcome.details["train"]["held out"]["loss"]}
    detector = archlab.elaborate(archlab.parse(DETECTOR)).graph
    data = drawn_shapes(12, (64, 64), 0)
    for name in DETECTION:
        found[name] = score_detector(name, detector, data, 0, device).value
    measured = measure_ap(detector, data, data, Schedule(2, batch_size=2), 0, device=device)
    return found | {"loss of Faster R-CNN": measured.losses[-1]}


def main() -> None:
    register()  # before the first gradient: torch counts devices then
    folder = folders(Path(sys.argv[1]) / "squares", 10, (16, 16))
    here = values("cpu", folder)
    with (
        pretended() as made,
        mock.patch("archlab.train.loop.choose_device", torch.device),
        mock.patch("archlab.train.settings.TrainSettings.__post_init__", return_value=None),  # knows real devices alone
    ):
        there = values(NAME, folder)
    print(json.dumps({"cpu": here, "device": there, "made": made.there}))


if __name__ == "__main__":
    main()
