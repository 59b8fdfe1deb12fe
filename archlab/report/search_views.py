"""The data behind every plot and table of a search's report; pure, so that tests read it instead of pictures."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from archlab.elaborate import Value
from archlab.report.objectives_and_costs import Measure, Measures
from archlab.search.dominance import find_front
from archlab.search.result import SearchResult, State, Trial

STATES: tuple[State, ...] = ("scored", "over_budget", "repeated", "failed", "pruned")
STATE_LABELS: dict[State, str] = {
    "scored": "scored",
    "over_budget": "over budget",
    "repeated": "repeated",
    "failed": "failed",
    "pruned": "pruned",
}


@dataclass(frozen=True, slots=True)
class ParetoView:
    """One objective against one other measure.

    Attributes:
        x, y: the two measures.
        front: numbers of the trials that no other beats in both, from the best ``x`` to the best ``y``.
    """

    x: Measure
    y: Measure
    front: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """A budget of a plot: ``at`` in its unit; ``beyond`` is 1 or -1 where it lies far above or below the data."""

    axis: Literal["x", "y"]
    measure: Measure
    at: float
    beyond: int


@dataclass(frozen=True, slots=True)
class HistoryView:
    """One objective over the course of a search.

    Attributes:
        scored: (trial, value) in the order in which they ran.
        best: (trial, value) wherever the best so far improved.
        unscored: numbers of the trials of every other state.
    """

    y: Measure
    scored: tuple[tuple[int, float], ...]
    best: tuple[tuple[int, float], ...]
    unscored: dict[State, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class TrialRow:
    """A row of the table of trials.

    Attributes:
        values: one for each measure, unscaled; None where the trial has none.
        finalist: its rank among the finalists, from 1.
        note: why it failed, or which trial it repeats.
    """

    number: int
    state: State
    values: tuple[float | None, ...]
    finalist: int | None
    note: str
    draws: dict[str, Value]


def pareto(result: SearchResult, measures: Measures) -> tuple[ParetoView, ...]:
    """Return each objective against each one after it in its stage, and each cost, where there is anything to place."""
    scored = [trial for trial in result.trials if trial.state == "scored"]
    stage = {name: i for i, s in enumerate(result.stages) for name in s.objectives}
    pairs = [
        (x, y)
        for i, y in enumerate(measures.objectives)
        for x in (*measures.objectives[i + 1 :], *measures.costs)
        if x.kind == "cost" or stage.get(x.name) == stage.get(y.name)
    ]
    views = (ParetoView(x, y, front(scored, x, y)) for x, y in pairs)
    return tuple(view for view in views if view.front)


def placed(view: ParetoView, result: SearchResult) -> dict[int, tuple[float, float]]:
    """Return where the scored trials that have both values stand, by number, in the measures' units."""
    found = {}
    for trial in result.trials:
        x, y = view.x.rounded(view.x.of(trial)), view.y.rounded(view.y.of(trial))
        if trial.state == "scored" and x is not None and y is not None:
            found[trial.number] = (x, y)
    return found


def budget_lines(view: ParetoView, points: Collection[tuple[float, float]]) -> tuple[BudgetLine, ...]:
    """Return the budgets of a plot's measures; those farther from the data than half its width would squeeze it."""
    lines = []
    for i, (axis, measure) in enumerate((("x", view.x), ("y", view.y))):
        at = measure.rounded(measure.limit)
        if at is not None and points:
            low, high = min(p[i] for p in points), max(p[i] for p in points)
            room = (high - low) / 2 or abs(high) / 2
            beyond = 1 if at > high + room else -1 if at < low - room else 0
            lines.append(BudgetLine("x" if axis == "x" else "y", measure, at, beyond))
    return tuple(lines)


def ends(values: Iterable[float]) -> tuple[float, float]:
    """Return the ends of an axis over values, with some room on both sides.

    >>> ends([1.0, 3.0])
    (0.88, 3.12)
    """
    known = list(values) or [0.0, 1.0]
    room = (max(known) - min(known)) * 0.06 or abs(max(known)) * 0.05 or 1.0
    return min(known) - room, max(known) + room


def front(trials: Iterable[Trial], x: Measure, y: Measure) -> tuple[int, ...]:
    """Return the numbers of the trials that no other is at least as good as in both measures and better in one.

    Of equal ones the first stands for all.
    """
    signs = [1.0 if measure.direction == "maximize" else -1.0 for measure in (x, y)]
    first: dict[tuple[float, float], int] = {}
    for trial in sorted(trials, key=lambda trial: trial.number):
        a, b = x.of(trial), y.of(trial)
        if a is not None and b is not None:
            first.setdefault((signs[0] * a, signs[1] * b), trial.number)
    points = sorted(first, reverse=True)
    return tuple(first[points[i]] for i in find_front(points))


def history(result: SearchResult, measures: Measures) -> tuple[HistoryView, ...]:
    """Return the course of the first stage, for each of its objectives; for the counts alone where there is none."""
    first = result.stages[0].objectives if result.stages else [objective.name for objective in measures.objectives]
    trials = sorted(result.trials, key=lambda trial: trial.number)
    unscored: dict[State, tuple[int, ...]] = {
        state: tuple(t.number for t in trials if t.state == state) for state in STATES if state != "scored"
    }
    views = []
    for y in (objective for objective in measures.objectives if objective.name in first):
        scored: list[tuple[int, float]] = []
        best: list[tuple[int, float]] = []
        for trial in trials:
            value = y.of(trial)
            if trial.state != "scored" or value is None:
                continue
            scored.append((trial.number, value))
            if not best or y.is_better(value, best[-1][1]):
                best.append((trial.number, value))
        views.append(HistoryView(y, tuple(scored), tuple(best), unscored))
    return tuple(views)


def trial_rows(result: SearchResult, measures: Measures) -> tuple[TrialRow, ...]:
    """Return every trial: the scored from best to worst by the first objective that they have, then the others."""
    ranks = {finalist.trial: rank for rank, finalist in reversed(list(enumerate(result.finalists, 1)))}

    def place(trial: Trial) -> tuple[int, int, float, int]:
        for i, objective in enumerate(measures.objectives if trial.state == "scored" else ()):
            value = objective.of(trial)
            if value is not None:
                return 0, i, -value if objective.direction == "maximize" else value, trial.number
        return trial.state != "scored", len(measures.objectives), 0.0, trial.number

    return tuple(
        TrialRow(
            trial.number,
            trial.state,
            tuple(measure.of(trial) for measure in measures.all),
            ranks.get(trial.number),
            _note(trial),
            trial.draws,
        )
        for trial in sorted(result.trials, key=place)
    )


def _note(trial: Trial) -> str:
    if trial.repeat_of is not None:
        return f"the same network as trial {trial.repeat_of}"
    return trial.reason or ""
