"""What the stages of a search found, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import optuna

from archlab.search.plan import Stage
from archlab.search.result import Objective, SearchStage, Trial
from archlab.search.study.history import History


@dataclass(frozen=True, slots=True)
class Funnel:
    """The results of all stages.

    Attributes:
        study, history: the first stage's.
        trials: the first stage's in order, with what later stages found of them.
        stages: those that were opened.
        objectives: of each of these.
        smallest: cost of the network that the search began with.
        interrupted: why it ended before it was done; None where it was.
    """

    study: optuna.Study
    history: History
    trials: tuple[Trial, ...]
    stages: tuple[SearchStage, ...]
    objectives: tuple[tuple[Objective, ...], ...]
    smallest: dict[str, float]
    interrupted: str | None


def stages_in_numbers(stages: Sequence[tuple[Stage, History]]) -> tuple[SearchStage, ...]:
    """Return each stage in numbers; the survivors of the last are the finalists, not yet chosen."""
    entered = [history.evaluated if stage.number == 1 else stage.trials for stage, history in stages]
    numbers = []
    for (stage, history), candidates, survivors in zip(stages, entered, [*entered[1:], 0], strict=True):
        ends = [trial.state for trial in history.trials]
        numbers.append(
            SearchStage(
                stage.study,
                tuple(objective.name for objective in stage.objectives),
                candidates,
                ends.count("scored"),
                ends.count("pruned"),
                ends.count("failed"),
                survivors,
                round(sum(trial.seconds for trial in history.trials), 4),
            )
        )
    return tuple(numbers)


def merge_found(
    trials: Mapping[int, Trial], found_by: Sequence[Trial], sources: Mapping[int, int], stage: int, again: bool = False
) -> dict[int, Trial]:
    """Return the trials that a later stage has judged, with what it found.

    Args:
        trials: of the first stage, by number.
        found_by: the later stage's; ``sources`` has for each of their numbers the trial's number in the first.
        stage: the later stage's number.
        again: whether its values are evaluations of the same objectives with other seeds.
    """
    found = {}
    for end in found_by:
        trial = trials[sources[end.number]]
        reason = (
            None
            if end.state == "scored"
            else f"{end.state} in stage {stage}" + (f": {end.reason}" if end.reason else "")
        )
        found[trial.number] = replace(
            trial,
            cost={**trial.cost, **end.cost},
            values={**end.values, **trial.values} if again else {**trial.values, **end.values},
            again={**trial.again, **{name: (*trial.again.get(name, ()), value) for name, value in end.values.items()}}
            if again
            else trial.again,
            details={**end.details, **trial.details} if again else {**trial.details, **end.details},
            seconds=round(trial.seconds + end.seconds, 4),
            reached=stage,
            reason=reason,
        )
    return found
