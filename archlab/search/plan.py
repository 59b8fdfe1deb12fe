"""What a search is asked to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archlab.cost import METRICS, Budget
from archlab.detect.task import Task
from archlab.elaborate import Space
from archlab.grammar import unparse
from archlab.search.objective import Goal
from archlab.search.sampler.names import DEFAULT
from archlab.search.stages.keep import Keep
from archlab.search.workers.address import shown


@dataclass(frozen=True, slots=True)
class Later:
    """A stage after the first: ``goal`` judges the best of the stage before, as many as ``keep`` says."""

    goal: Goal
    keep: Keep


@dataclass(frozen=True, slots=True)
class Plan:
    """A search, or a stage of one.

    Attributes:
        space: where candidates are drawn from.
        goals: its objectives; of a search with stages, the first stage's.
        budget: limits that every finalist meets.
        trials: how many candidates to evaluate; over-budget and repeated draws come on top and cost nothing.
        timeout: seconds after which no evaluation is begun; None for no limit.
        seed: of the draws, the weights and the scores.
        sampler: one of ``archlab.search.sampler.SAMPLERS``.
        top: how many finalists to report.
        out: the folder for the study, the result, the report and the finalists.
        study: the study's name in its storage; None for the space's name.
        storage: the storage's address; None for ``study.journal`` in ``out``.
        latency: whether to measure the finalists' latency.
        threads: torch's threads while latency is measured.
        command: the command line, for the report.
        heartbeat: seconds between a worker's signs of life on a database server.
        workers: how many processes evaluate on this machine; with one, this one does.
        then: the stages after the first, in order.
        stage: which stage this is the plan of; the candidates of those after the first are in their study's queue.
        pruner: one of ``archlab.search.stages.names.PRUNERS``; None for the median in the first stage and successive
            halving in later ones.
        task: what detection objectives look at; None where there is none.
        note: told in words what goes on that is out of the ordinary.
    """

    space: Space
    goals: tuple[Goal, ...]
    budget: Budget
    out: Path
    trials: int = 60
    timeout: float | None = None
    seed: int = 0
    sampler: str = DEFAULT
    top: int = 5
    study: str | None = None
    storage: str | None = None
    latency: bool = True
    threads: int = 1
    command: str = ""
    heartbeat: int = 30
    workers: int = 1
    then: tuple[Later, ...] = ()
    stage: int = 1
    pruner: str | None = None
    task: Task | None = None
    note: Callable[[str], None] | None = None

    @property
    def study_name(self) -> str:
        """The study's name in its storage."""
        return self.study or self.space.name

    @property
    def every_goal(self) -> tuple[Goal, ...]:
        """The objectives of all stages."""
        return (*self.goals, *(later.goal for later in self.then))

    @property
    def later_studies(self) -> tuple[str, ...]:
        """The names of the later stages' studies, such as ``mobile/2-accuracy``."""
        return tuple(f"{self.study_name}/{i}-{later.goal.label}" for i, later in enumerate(self.then, start=2))

    @property
    def where(self) -> str:
        """The storage, as messages call it."""
        return shown(self.storage) if self.storage else str(self.out / "study.journal")

    @property
    def metrics(self) -> tuple[str | None, ...]:
        """For each objective the closed-form metric that it is, or None."""
        return tuple(g.name if g.kind == "cost" and not METRICS[g.name].measured else None for g in self.goals)

    def identity(self, version: str) -> dict[str, Any]:
        """What must be the same for a study to be resumed."""
        return {
            "archlab": version,
            "space": unparse(self.space.architecture),
            "budget": dict(self.budget.limits),
            "objectives": [g.written for g in self.goals],
            "seed": self.seed,
            **({"data": self.task.digest} if self.task else {}),
        }
