"""The pick of a search beside what nobody had to search for, and why it won."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archlab.elaborate import Value
from archlab.report.objectives_and_costs import Measure, Measures, finite
from archlab.search.compared import Baseline
from archlab.search.result import Finalist, SearchResult, Trial

MOST_HOLES = 24
"""Rows of the table of differences; the rest is counted."""


@dataclass(frozen=True, slots=True)
class BesideRow:
    """A network beside the pick.

    Attributes:
        role: what it is to the pick, in words; ``note`` what was done to it, or what limit it misses.
        values: of each measure, None where it is not known.
        ahead: whether its first objective is better than the pick's; None where that cannot be said.
        gap: how far its first objective is from the pick's, in words; empty where that cannot be said.
    """

    role: str
    name: str
    note: str
    values: tuple[float | None, ...]
    ahead: bool | None
    gap: str = ""
    is_pick: bool = False


@dataclass(frozen=True, slots=True)
class Beside:
    """The table, and what it comes to in a sentence."""

    measures: tuple[Measure, ...]
    rows: tuple[BesideRow, ...]
    verdict: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A hole that the pick and another network fill otherwise.

    Attributes:
        pick, other: values; "–" where a network does not have the hole.
        effect: what the first objective changes by when the pick takes the other's value in this hole alone, in
            words; empty where that was not measured.
    """

    hole: str
    pick: str
    other: str
    effect: str


@dataclass(frozen=True, slots=True)
class Differences:
    """How the pick and another network differ, hole by hole.

    Attributes:
        left_out: how many more rows there are.
        same: how many holes both fill alike.
    """

    other: str
    rows: tuple[Difference, ...]
    left_out: int
    same: int


def beside(result: SearchResult, measures: Measures) -> Beside | None:
    """Return the pick with the runner-up and the baselines; None without a finalist."""
    if not result.finalists:
        return None
    limited = (*result.budgets, *result.floors)
    costs = [m for m in measures.costs if m.name in limited or m.name in ("macs", "params")]
    shown = (*measures.objectives, *costs)
    first = measures.objectives[0] if measures.objectives else None
    pick, others = result.finalists[0], result.finalists[1:2]
    rows = [_row("the pick", pick, shown, first, pick)]
    rows += [_row("runner-up", other, shown, first, pick) for other in others]
    rows += [_row(_role(baseline), baseline, shown, first, pick) for baseline in result.baselines]
    return Beside(shown, tuple(rows), _verdict(rows, first, result))


def _row(
    role: str, item: Finalist | Baseline, shown: Sequence[Measure], first: Measure | None, pick: Finalist
) -> BesideRow:
    def of(measure: Measure, one: Finalist | Baseline) -> float | None:
        return finite((one.values if measure.kind == "objective" else one.cost).get(measure.name))

    mine, its = (of(first, one) if first else None for one in (pick, item))
    ahead, gap = None, ""
    if first is not None and mine is not None and its is not None:
        ahead, gap = first.is_better(its, mine), "" if item is pick else first.difference(its - mine)
    note = ""
    if isinstance(item, Baseline):
        note = ", ".join(filter(None, [f"width_mult {item.width_mult:g}" if item.width_mult != 1 else "", item.over]))
    return BesideRow(role, item.name, note, tuple(of(m, item) for m in shown), ahead, gap, item is pick)


def _role(baseline: Baseline) -> str:
    if baseline.kind == "reference":
        return "reference"
    return "default draw" if baseline.width_mult == 1 else "default draw, scaled to the budget"


def _verdict(rows: Sequence[BesideRow], first: Measure | None, result: SearchResult) -> str:
    """Return whether the pick is ahead of every baseline within the budget, and of how many it cannot be said."""
    if first is None or not result.baselines:
        return ""
    over = {(b.name, _role(b)) for b in result.baselines if b.over}
    fair = [row for row in rows if row.role not in ("the pick", "runner-up") and (row.name, row.role) not in over]
    ahead = [row for row in fair if row.ahead]
    within = " within the same budget" if result.budgets else ", of any size,"
    unknown = [row for row in fair if row.ahead is None]
    if not fair:
        return "No baseline is within the budget."  # there is one, or each would be
    if len(unknown) == len(fair):
        return f"Nobody has measured {first.noun} of the baselines, so that only their costs stand here."
    if ahead:
        names = [f"{row.name} ({row.note})" if row.note else row.name for row in ahead]
        said = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
        return f"By {first.noun} alone, {said}{within} {'is' if len(ahead) == 1 else 'are'} ahead of it."
    better = "higher" if first.direction == "maximize" else "lower"
    every = "every baseline within the budget" if result.budgets else "every baseline"
    rest = f", as far as they are measured: {len(unknown)} are not" if unknown else ""
    return f"Its {first.noun} is {better} than that of {every}, or the same{rest}."


def differences(result: SearchResult, measures: Measures) -> tuple[Differences, ...]:
    """Return how the pick differs from the runner-up and from the default draw, where their draws are known."""
    trials = {trial.number: trial for trial in result.trials}
    pick = trials.get(result.finalists[0].trial) if result.finalists else None
    if pick is None:
        return ()
    others: list[tuple[str, Mapping[str, Value]]] = [
        (f"the runner-up, {finalist.name}", trials[finalist.trial].draws)
        for finalist in result.finalists[1:2]
        if finalist.trial in trials
    ]
    default = next((b for b in result.baselines if b.kind == "default" and b.draws), None)
    if default is not None:
        others.append(
            ("the default draw", {n: v for n, v in default.draws.items() if n in pick.draws or "mult" not in n})
        )
    effects = _effects(result, pick, measures.objectives[0]) if measures.objectives else {}
    return tuple(_differences(name, pick, draws, effects) for name, draws in others)


def _effects(result: SearchResult, pick: Trial, first: Measure) -> dict[tuple[str, Value], str]:
    found = next((n for n in result.neighbours if n.trial == pick.number), None)
    if found is None or first.name not in found.values:
        return {}
    own = found.values[first.name]
    return {
        (change.hole, change.value): first.difference(change.values[first.name] - own)
        + ("" if change.allowed else ", over budget")
        for change in found.changes
        if first.name in change.values
    }


def _differences(
    other: str, pick: Trial, draws: Mapping[str, Value], effects: Mapping[tuple[str, Value], str]
) -> Differences:
    holes = dict.fromkeys([*pick.draws, *draws])
    rows = [
        Difference(
            hole,
            str(pick.draws.get(hole, "–")),
            str(draws.get(hole, "–")),
            effects.get((hole, draws[hole]), "") if hole in draws and hole in pick.draws else "",
        )
        for hole in holes
        if pick.draws.get(hole) != draws.get(hole)
    ]
    return Differences(other, tuple(rows[:MOST_HOLES]), max(0, len(rows) - MOST_HOLES), len(holes) - len(rows))
