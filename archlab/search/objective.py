"""Objectives: the scores to maximise and the costs to minimise, and the user's own functions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from archlab.cost import METRICS
from archlab.detect.data_source import TRAIN
from archlab.detect.data_source import Task as DetectionTask
from archlab.detect.scores import DETECTION
from archlab.errors import InputError, did_you_mean
from archlab.score import SCORES
from archlab.search.candidate import UserObjective
from archlab.search.detection_objective import detection_objective
from archlab.search.image_objective import TrainClassifier
from archlab.search.image_task import ImageTask
from archlab.search.own_code import OwnCall, OwnFunction, load_function, takes_candidate_alone
from archlab.search.result import Objective
from archlab.search.tasks import Task


@dataclass(frozen=True, slots=True)
class Goal:
    """An objective and how its value is found: a cost, a score by name, one that looks at data, the user's
    own, or told by whoever asked for the candidate.

    Attributes:
        folder: where a user's function is called: the working folder that its module went to as it was loaded; None for
            the process's own.
        own: of a cost that is a user's metric, its function.
    """

    objective: Objective
    kind: Literal["cost", "score", "data", "user", "told"]
    function: UserObjective | None = None
    folder: Path | None = None
    own: OwnFunction | None = None

    @property
    def name(self) -> str:
        """The name under which values are recorded."""
        return self.objective.name

    @property
    def written(self) -> str:
        """How a study keeps it."""
        return f"{self.objective.direction} {self.name}"

    @property
    def label(self) -> str:
        """The name without the place of its code: ``accuracy`` of ``train.py:accuracy``."""
        word = self.name.rpartition(":")[2]
        return re.sub(r"\W+", "_", Path(word).stem if word.endswith(".json") else word)


def parse_goals(given: Iterable[str | UserObjective], task: Task | None = None) -> tuple[Goal, ...]:
    """Parse objectives.

    Each is a metric (minimised), a score or a calibration's file (maximised), ``package.module:function`` or
    ``file.py:function`` (the user's, maximised), all with ``min:`` or ``max:`` before the name for the other direction,
    or a function itself (maximised). A user's function of a candidate alone is a metric, and minimised.

    A user's code is run, here and for every candidate.

    Args:
        task: the data that objectives look at; by default drawn shapes.

    Raises:
        InputError: an unknown name, one given twice, or a function that cannot be loaded.
    """
    goals: list[Goal] = []
    for item in given:
        goal = _goal(item, task or DetectionTask()) if isinstance(item, str) else user_goal(item)
        if any(goal.name == other.name for other in goals):
            raise InputError(f"the objective {goal.name} is given twice")
        goals.append(goal)
    if not goals:
        raise InputError("a search needs at least one objective", hint="such as --objective score")
    return tuple(goals)


def is_noisy(goal: Goal) -> bool:
    """Return whether it trains, so that a value is taken to be as much luck as a surrogate finds in it."""
    return goal.kind in ("user", "data", "told")


def trains(goals: Iterable[Goal]) -> bool:
    """Return whether one of them is the objective ``train``."""
    return any(goal.kind == "data" and goal.name == TRAIN for goal in goals)


def user_goal(function: UserObjective, name: str | None = None) -> Goal:
    """Return a Python function as an objective to maximise, or one of a candidate alone as a metric to minimise."""
    name = name or str(getattr(function, "__name__", "objective"))
    if takes_candidate_alone(function):
        return Goal(Objective(name, "minimize"), "cost", own=OwnFunction(name, cast(OwnCall, function)))
    return Goal(Objective(name, "maximize"), "user", function)


def _goal(text: str, task: Task) -> Goal:
    prefix, colon, rest = text.partition(":")
    named: Literal["maximize", "minimize"] | None = None
    if colon and prefix in ("min", "max"):
        named, text = ("minimize" if prefix == "min" else "maximize"), rest
    if text.endswith(".json"):
        return Goal(Objective(text, named or "maximize"), "user", _read(Path(text)))
    if ":" in text:
        function, folder = load_function(text, "the objective")
        if takes_candidate_alone(function):
            return Goal(Objective(text, named or "minimize"), "cost", own=OwnFunction(text, function, folder))
        return Goal(Objective(text, named or "maximize"), "user", function, folder)
    if text in METRICS:
        return Goal(Objective(text, named or "minimize"), "cost")
    if text in SCORES:
        return Goal(Objective(text, named or "maximize"), "score")
    if text in (*DETECTION, TRAIN):
        made = TrainClassifier(task) if isinstance(task, ImageTask) else detection_objective(text, task)
        return Goal(Objective(text, named or "maximize"), "data", made)
    raise InputError(
        f"no objective is named {text!r}",
        hint=did_you_mean(text, [*METRICS, *SCORES, *DETECTION, TRAIN])
        or "your own is written package.module:function or file.py:function",
    )


def _read(path: Path) -> UserObjective:
    """The objective that a file describes: a calibration, or how much of a trained network is kept."""
    from archlab.original.original import SCHEMA
    from archlab.reading import read_json

    data = read_json(path)
    if isinstance(data, dict) and data.get("schema") == SCHEMA:
        from archlab.original.judge import objective_of as judge_of

        return judge_of(path)
    from archlab.search.calibration import objective_of

    return objective_of(path)
