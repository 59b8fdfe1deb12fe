"""What decides an objective: measured around the finalists where it is a closed form, else PED-ANOVA where sure."""

from __future__ import annotations

from dataclasses import dataclass

from archlab.report.objectives_and_costs import Measure, Measures
from archlab.search.compared import HoleShare, Neighbours
from archlab.search.result import SearchResult

MOST_ROWS = 30


@dataclass(frozen=True, slots=True)
class HoleRow:
    """What changing one hole of a finalist does to an objective.

    Attributes:
        lowest, highest: the smallest and the largest difference that another value makes; 0 where none changes it.
        size: the larger of the two, whichever way it goes.
        best: the value that improves the objective the most within the budget, in words; empty where none does.
    """

    hole: str
    value: str
    lowest: float
    highest: float
    size: float
    best: str


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What each hole of one finalist decides, the most first.

    Attributes:
        tried: how many changed networks were counted; ``refused`` describe no network, ``left_out`` were not tried.
        blind: the holes that change nothing.
    """

    finalist: str
    rank: int
    objective: Measure
    rows: tuple[HoleRow, ...]
    blind: tuple[str, ...]
    tried: int
    refused: int
    left_out: int


@dataclass(frozen=True, slots=True)
class Shares:
    """PED-ANOVA's shares of one objective: those whose interval is narrower than they are large, and the others."""

    objective: Measure
    sure: tuple[HoleShare, ...]
    unsure: int
    trials: int


def sensitivities(result: SearchResult, measures: Measures) -> tuple[Sensitivity, ...]:
    """Return for each closed-form objective and finalist what every hole decides."""
    found = {neighbours.trial: neighbours for neighbours in result.neighbours}
    trials = {trial.number: trial for trial in result.trials}
    rows = []
    for objective in measures.objectives:
        for rank, finalist in enumerate(result.finalists, 1):
            around = found.get(finalist.trial)
            if around is not None and objective.name in around.values and finalist.trial in trials:
                draws = {name: str(value) for name, value in trials[finalist.trial].draws.items()}
                rows.append(_sensitivity(finalist.name, rank, objective, around, draws))
    return tuple(rows)


def _sensitivity(name: str, rank: int, objective: Measure, around: Neighbours, draws: dict[str, str]) -> Sensitivity:
    own = around.values[objective.name]
    changes: dict[str, list[tuple[float, str, bool]]] = {}
    for change in around.changes:
        if objective.name in change.values:
            row = (change.values[objective.name] - own, str(change.value), change.allowed)
            changes.setdefault(change.hole, []).append(row)
    sign = 1.0 if objective.direction == "maximize" else -1.0
    rows = []
    for hole, found in changes.items():
        low, high = min(0.0, *(x for x, _, _ in found)), max(0.0, *(x for x, _, _ in found))
        better = [(sign * x, value) for x, value, allowed in found if allowed and sign * x > 0]
        best = max(better, default=None, key=lambda item: item[0])
        words = f"{best[1]}: {objective.difference(sign * best[0])}" if best else ""
        rows.append(HoleRow(hole, draws.get(hole, "–"), low, high, max(-low, high), words))
    rows.sort(key=lambda row: (-row.size, row.hole))
    seen = [row for row in rows if row.size > 0]
    blind = tuple(row.hole for row in rows if row.size == 0)
    return Sensitivity(
        name, rank, objective, tuple(seen[:MOST_ROWS]), blind, len(around.changes), around.refused, around.left_out
    )


def shares(result: SearchResult, measures: Measures) -> tuple[Shares, ...]:
    """Return what PED-ANOVA is sure of, for each objective that was too expensive to be measured around finalists."""
    found = []
    for objective in measures.objectives:
        rows = result.shares.get(objective.name, ())
        if rows:
            sure = tuple(row for row in rows if row.high - row.low < row.share)
            values = sum(t.state == "scored" and objective.name in t.values for t in result.trials)
            found.append(Shares(objective, sure[:MOST_ROWS], len(rows) - len(sure), values))
    return tuple(found)
