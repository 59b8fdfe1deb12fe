"""What stands at the head of a report: the result in a sentence, trials by state, and budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from markupsafe import Markup

from archlab.cost import metric_of
from archlab.report.objectives_and_costs import Measure, Measures, finite
from archlab.report.search_views import STATE_LABELS, STATES
from archlab.report.svg import element
from archlab.search.result import Finalist, SearchResult, State
from archlab.units import format_percent


@dataclass(frozen=True, slots=True)
class StateCount:
    """How many trials had a state."""

    state: State
    label: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """A budget, what the best finalist uses of it, and the smallest network's cost.

    Attributes:
        relative: where it was given as a share of the default draw, that in words.
    """

    label: str
    sign: str
    limit: str
    best: str | None
    used: float | None
    smallest: str | None
    relative: str | None = None

    @property
    def percent(self) -> str:
        """How much of an upper limit the best uses; of a lower one how many times it has it, also in percent."""
        return "" if self.used is None else format_percent(self.used, 0)


def in_words(result: SearchResult) -> str:
    """Return budgets and rules in one line, such as ``macs ≤ 2.045 G (0.5x)``; empty where there are none."""
    parts = []
    for name, sign, limit in _limits(result):
        share = result.relative_budgets.get(name + (">=" if sign == "≥" else ""))
        show = metric_of(name, result.units.get(name, "")).format
        parts.append(f"{name} {sign} {show(limit)}" + (f" ({share:g}x)" if share is not None else ""))
    return ", ".join([*parts, *result.rules])


def _limits(result: SearchResult) -> list[tuple[str, str, float]]:
    """Return every limit with its metric and its sign, upper limits first."""
    upper = [(name, "≤", limit) for name, limit in result.budgets.items()]
    return upper + [(name, "≥", limit) for name, limit in result.floors.items()]


def counts(result: SearchResult) -> tuple[StateCount, ...]:
    """Return the number of trials by state."""
    found = result.counts()
    total = max(sum(found.values()), 1)
    return tuple(StateCount(state, STATE_LABELS[state], found[state], found[state] / total) for state in STATES)


def count_bar(counts: Sequence[StateCount]) -> Markup:
    """Return a bar in which every state is as wide as its share of the trials."""
    starts = accumulate((100 * count.share for count in counts), initial=0.0)
    parts = [
        element("rect", class_=f"state-{count.state}", x=start, width=100 * count.share, height=8)
        for count, start in zip(counts, starts, strict=False)
    ]
    whole = {"viewBox": "0 0 100 8", "preserveAspectRatio": "none", "aria_hidden": "true"}
    return element("svg", element("rect", class_="track", width=100, height=8), *parts, class_="stack", **whole)


def budgets(result: SearchResult) -> tuple[BudgetRow, ...]:
    """Return the budgets in words."""
    best = result.finalists[0] if result.finalists else None
    rows = []
    for name, sign, limit in _limits(result):
        metric = metric_of(name, result.units.get(name, ""))
        show = metric.format
        used = finite(best.cost.get(name)) if best else None
        smallest = finite(result.smallest.get(name))
        share = finite(result.relative_budgets.get(name + (">=" if sign == "≥" else "")))
        rows.append(
            BudgetRow(
                metric.unit,
                sign,
                show(limit) if finite(limit) is not None else str(limit),
                show(used) if used is not None else None,
                used / limit if used is not None and limit > 0 else None,
                show(smallest) if smallest is not None else None,
                f"{share:g}x of the default draw" if share is not None else None,
            )
        )
    return tuple(rows)


def _behind_noise(finalist: Finalist, measure: Measure) -> str:
    """Return what the reported value is worth where the finalist was evaluated again, in words; else nothing."""
    estimate = finalist.estimates.get(measure.name)
    if estimate is None or not estimate.again:
        return ""
    shown, low, high = (measure.shown(finite(x)) for x in (estimate.value, estimate.low, estimate.high))
    count = len(estimate.again)
    return f" as it was selected, {shown} [{low}, {high}] evaluated {'once' if count == 1 else f'{count} times'} more"


def headline(result: SearchResult, measures: Measures) -> str:
    """Return the result in a sentence."""
    if not result.trials:
        return "No trial was run."
    scored = result.counts()["scored"]
    outcome = f"{len(result.trials):,} {'trial' if len(result.trials) == 1 else 'trials'}, {scored:,} scored."
    if not result.finalists or not measures.objectives:
        return outcome
    best = result.finalists[0]
    words = [f"{m.noun} {m.with_unit(m.of(best))}" for m in measures.objectives]
    words += [f"{m.with_unit(m.of(best))} {m.noun}" for m in measures.costs if m.name in ("macs", "params")]
    ranked_by = result.stages[-1].objectives if result.stages else measures.objectives
    several = len(ranked_by) > 1
    words[0] += _behind_noise(best, measures.objectives[0])
    return f"{outcome} {'First of the front' if several else 'Best'}: {', '.join(words)}."
