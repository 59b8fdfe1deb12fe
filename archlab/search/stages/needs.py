"""What a search needs after its first trial, checked before it: nobody wants to hear of it after hours."""

from __future__ import annotations

import importlib
import shutil

from archlab.detect.attach import SMALL
from archlab.detect.data_source import TRAIN
from archlab.detector import attach_detector, is_detector
from archlab.elaborate import Fixed, Interpreter
from archlab.errors import InputError
from archlab.search.carried_start import start_of
from archlab.search.image_task import ImageTask
from archlab.search.plan import Plan
from archlab.train.devices import choose_device
from archlab.units import format_bytes

PACKAGES = {TRAIN: ("torchvision.models.detection", "pycocotools.cocoeval")}
"""What objectives import only as they judge."""

REPORT_PACKAGE = "PIL.Image"
"""What the report of a search on detection data imports."""

LEAST_SPACE = 20_000_000
"""Bytes that a search of several stages begins with at least: the report takes 5 MB, and each trial some kB."""


def check_needs(plan: Plan) -> None:
    """Refuse a search whose later stages, or whose report, would fail for what is not there.

    Raises:
        InputError: a package that an objective needs cannot be imported, there is no such device, the weights that
            detectors are to start from do not fit the space's default draw, or the folder's disk is full.
    """
    choose_device(plan.stages[0].device)
    if plan.task is not None and plan.task.training.init is not None:
        graph = Interpreter(plan.space).network(Fixed({})).graph
        start_of(plan.task.training.init, graph if is_detector(graph) else attach_detector(graph, SMALL))
    images = isinstance(plan.task, ImageTask)
    for stage in plan.stages if not images else ():
        for goal in stage.goals:
            for name in PACKAGES.get(goal.name, ()):
                _import(name, f"the objective {goal.name} of stage {stage.number}")
    if plan.task is not None and not (isinstance(plan.task, ImageTask) and plan.task.source.layout == "idx"):
        _import(REPORT_PACKAGE, "the data" if images else "the report of detection data")
    free = shutil.disk_usage(plan.out).free
    if len(plan.stages) > 1 and free < LEAST_SPACE:
        raise InputError(
            f"{plan.out} has room for {format_bytes(free)}, and a search of several stages needs "
            f"{format_bytes(LEAST_SPACE)}",
            hint="free some space, or name a folder on another disk (--out)",
        )


def _import(name: str, needed_by: str) -> None:
    try:
        importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0].replace("PIL", "pillow")
        reason = " ".join(str(error).split())
        raise InputError(f"{needed_by} needs {package}: {reason}", hint="pip install 'archlab[detect]'") from error
