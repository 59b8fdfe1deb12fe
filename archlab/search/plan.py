"""What a search is asked to do: its stages, and what they share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from archlab.cost import Budget
from archlab.detect.training_plan import TrainingPlan
from archlab.elaborate import Space, Value
from archlab.latency import AnyPredictor
from archlab.search.choices import HEARTBEAT, MAX_DEATHS, SAMPLER, TRIALS
from archlab.search.keep_rule import KeepRule
from archlab.search.own_code import NO_RULES, OwnRules
from archlab.search.result import Objective
from archlab.search.tasks import Task
from archlab.train.settings import Device

if TYPE_CHECKING:
    from archlab.search.objective import Goal

Note = Callable[[str], None]
"""Is called with a sentence about something out of the ordinary."""


def training_key(training: TrainingPlan, device: Device) -> str:
    """Return what must be the same for a stage of trainings to be resumed: how and, where it was said, on what."""
    return training.key if device == "auto" else f"{training.key}, {device}"


def training_suffix(training: TrainingPlan, device: Device) -> str:
    """Return what the study of a stage of trainings has behind its name: nothing by default.

    So another training is another study, in which the scores before it are kept.

    >>> training_suffix(TrainingPlan(), "auto"), training_suffix(TrainingPlan(300, batch=4), "cpu")
    ('', '-300-steps-batch-4-cpu')
    """
    key = training_key(training, device)
    return "" if key == TrainingPlan().key else "-" + re.sub(r"[^\w.]+", "-", key)


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage of a search asks of its study.

    Attributes:
        study: the study's name in its storage.
        goals: its objectives.
        budget: limits that every candidate meets.
        own: the user's own metrics that are counted of every candidate, and the filters that each passes.
        trials: how many candidates to evaluate; over-budget and repeated draws come on top and cost nothing. A later
            stage evaluates those that the stage before lets through.
        number: 1 for the stage that draws; the candidates of those after it are in their study's queue.
        seed: of the draws, the weights and the scores.
        sampler: one of ``choices.SAMPLERS``.
        pruner: one of ``choices.PRUNERS``; None for the median in the first stage and successive halving in later ones.
        threads: torch's threads while latency is measured.
        timeout: seconds after which no evaluation is begun; None for no limit.
        trial_timeout: seconds after which an evaluation is ended, and its candidate failed; None for no limit.
        max_deaths: how many workers a network may kill before it is a failed candidate.
        keep_going: whether to go on when one error in one line of a user's file fails evaluation after evaluation.
        keep: how many of the stage before this one judges.
        device: where networks are scored and trained.
        folder: the search's; None where this process cannot see it.
        again: whether a stage before has judged by its objectives: its values are evaluations with other seeds.
        starts: draws that the first stage evaluates before any other, after the smallest network.
    """

    study: str
    goals: tuple[Goal, ...]
    budget: Budget
    trials: int = TRIALS
    number: int = 1
    seed: int = 0
    sampler: str = SAMPLER
    pruner: str | None = None
    threads: int = 1
    timeout: float | None = None
    trial_timeout: float | None = None
    max_deaths: int = MAX_DEATHS
    keep_going: bool = False
    keep: KeepRule | None = None
    device: Device = "auto"
    folder: Path | None = None
    again: bool = False
    own: OwnRules = NO_RULES
    starts: tuple[Mapping[str, Value], ...] = ()

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What its trials have values of."""
        return tuple(goal.objective for goal in self.goals)

    @property
    def candidate_seed(self) -> int:
        """The seed of its candidates' weights and trainings: in a later stage a fresh one."""
        return (self.seed + 1_000_003 * (self.number - 1)) % 2**31

    @property
    def code_names(self) -> tuple[str, ...]:
        """The names of the files' and modules' functions that it calls, each once."""
        named = [*(goal.name for goal in self.goals), *(function.name for function in self.own.all)]
        return tuple(dict.fromkeys(name for name in named if ":" in name))

    @property
    def metrics(self) -> tuple[str | None, ...]:
        """For each objective the closed-form metric that it is, or None."""
        return tuple(g.name if g.kind == "cost" and not self.budget.measures(g.name) else None for g in self.goals)


@dataclass(frozen=True, slots=True)
class Plan:
    """A search.

    Attributes:
        space: where candidates are drawn from; ``text`` is its canonical text.
        stages: in order; each judges the best of the one before.
        relative: the budgets that were given relative to the space's default draw: the share, by metric, with ``>=``
            behind it for a lower limit.
        out: the folder for the study, the result, the report and the finalists.
        storage: the storage's address, which may hold a password; None for ``study.journal`` in ``out``.
        heartbeat: seconds between a worker's signs of life on a database server.
        retry_failed: whether to judge once more what failed in an earlier run.
        accept_changed_code: whether to resume a study that other code has judged so far.
        workers: how many processes evaluate on this machine; with one, this one does.
        top: how many finalists to report.
        latency: whether to measure the finalists' latency.
        profile: what predicts latency, by a profile of this machine; None where it is measured.
        task: the data that objectives look at; None where there are none.
        command: the command line, for the report.
        note: called with sentences about what is out of the ordinary.
    """

    space: Space
    text: str
    stages: tuple[Stage, ...]
    out: Path
    relative: Mapping[str, float] = field(default_factory=dict)
    storage: str | None = None
    heartbeat: int = HEARTBEAT
    retry_failed: bool = False
    accept_changed_code: bool = False
    workers: int = 1
    top: int = 5
    latency: bool = True
    profile: AnyPredictor | None = None
    task: Task | None = None
    command: str = ""
    note: Note | None = None

    @property
    def address(self) -> str:
        """The storage's address, which may hold a password."""
        return self.storage or str(self.out / "study.journal")
