"""A search's stages in its report: who survived, what it cost, and how far the first agreed with the last."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from archlab.report.objectives_and_costs import Measure, Measures, finite
from archlab.report.static_plots import Series, static_scatter
from archlab.search.result import Finalist, SearchResult, SearchStage

MAX_STAGES = 20
LEAST_PAIRED = 8
"""Candidates with values of both stages, below which nothing is said of their agreement."""
MAX_DETAILS = 40
"""Rows of what an objective reports of a finalist; the result has all."""


@dataclass(frozen=True, slots=True)
class StageRow:
    """A stage of the search; ``share`` its part of all stages' evaluation time, ``each`` its seconds per candidate."""

    stage: SearchStage
    share: float
    each: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """The first stage's objective beside the last stage's, over the candidates that have both.

    Attributes:
        points: trial number, value in the first, value in the last.
        tau: Kendall's, 1 where both rank alike; None where it is not defined.
        low, high: what holds it in 19 of 20 samples of as many candidates.
    """

    first: Measure
    last: Measure
    points: tuple[tuple[int, float, float], ...]
    tau: float | None
    low: float = -1.0
    high: float = 1.0


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing that an objective reports of a network besides its value."""

    name: str
    value: str


def stage_rows(result: SearchResult) -> tuple[StageRow, ...]:
    """Return every stage, where there are several."""
    stages = result.stages[:MAX_STAGES] if len(result.stages) > 1 else ()
    total = sum(stage.seconds for stage in stages) or 1.0
    return tuple(
        StageRow(stage, stage.seconds / total, stage.seconds / stage.candidates if stage.candidates > 0 else None)
        for stage in stages
    )


def agreement(result: SearchResult, measures: Measures) -> Agreement | None:
    """Return how the first stage ranks what the last stage judged; None with fewer than ``LEAST_PAIRED`` of both."""
    if len(result.stages) < 2:
        return None
    by_name = {measure.name: measure for measure in measures.objectives}
    first, last = (by_name.get(next(iter(s.objectives), "")) for s in (result.stages[0], result.stages[-1]))
    if first is None or last is None or first == last:
        return None
    both = ((t.number, first.of(t), last.of(t)) for t in result.trials)
    points = tuple((number, x, y) for number, x, y in both if x is not None and y is not None)
    if len(points) < LEAST_PAIRED:
        return None
    from scipy.stats import kendalltau

    sign = 1.0 if first.direction == last.direction else -1.0
    tau = finite(float(kendalltau([sign * x for _, x, _ in points], [y for _, _, y in points]).statistic))
    if tau is None or tau != tau:
        return Agreement(first, last, points, None)
    return Agreement(first, last, points, tau, *tau_interval(tau, len(points)))


def tau_interval(tau: float, count: int) -> tuple[float, float]:
    """Return what holds Kendall's tau of ``count`` pairs in 19 of 20 cases, by Fisher's z.

    Its variance there is 0.437 / (n - 4) (Fieller, Hartley and Pearson 1957). A tau of 1 or -1 is taken to be half a
    pair less, since as few candidates could hardly have shown one more.

    >>> [round(end, 2) for end in tau_interval(0.5, 30)]
    [0.29, 0.67]
    """
    most = 1 - 1 / (count * (count - 1) / 2)
    z, half = math.atanh(max(-most, min(most, tau))), 1.96 * math.sqrt(0.437 / (count - 4))
    low, high = math.tanh(z - half), math.tanh(z + half)
    return min(low, tau), max(high, tau)


def agreement_plot(view: Agreement, result: SearchResult) -> Markup:
    """Return a plot of the two objectives against each other."""
    places = {number: (view.first.rounded(x) or 0.0, view.last.rounded(y) or 0.0) for number, x, y in view.points}
    finalists = [places[f.trial] for f in result.finalists if f.trial in places]
    series = (Series("scored", list(places.values())), Series("finalist", finalists))
    return static_scatter(series, view.first.title, view.last.title)


def first_ranks(result: SearchResult, measures: Measures) -> dict[int, int]:
    """Return by trial its rank in the first stage, from 1; nothing where that is the last or has several objectives."""
    if len(result.stages) < 2 or len(result.stages[0].objectives) != 1:
        return {}
    first = next((m for m in measures.objectives if m.name == result.stages[0].objectives[0]), None)
    if first is None:
        return {}
    values = [(value, t.number) for t in result.trials if (value := first.of(t)) is not None and t.state == "scored"]
    sign = -1.0 if first.direction == "maximize" else 1.0
    return {number: i for i, (_, number) in enumerate(sorted((sign * v, n) for v, n in values), start=1)}


def details(finalist: Finalist, but: Container[str] = ()) -> dict[str, tuple[Detail, ...]]:
    """Return by objective, but those in ``but``, what it reports of a finalist; nested parts have dotted names."""
    by_objective = {}
    for objective, recorded in [row for row in finalist.details.items() if row[0] not in but][:MAX_STAGES]:
        rows = _flat(recorded, "") if isinstance(recorded, Mapping) else iter(())
        by_objective[objective] = tuple(row for row, _ in zip(rows, range(MAX_DETAILS), strict=False))
    return {objective: rows for objective, rows in by_objective.items() if rows}


def _flat(value: Any, name: str, depth: int = 0) -> Iterator[Detail]:
    if isinstance(value, Mapping) and value and depth < 8:
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else str(key), depth + 1)
    elif isinstance(value, bool | str):
        yield Detail(name, str(value)[:200])
    elif (number := finite(value)) is not None:
        yield Detail(name, f"{value:,}" if isinstance(value, int) else f"{number:.6g}")
    else:
        yield Detail(name, "–" if value is None or isinstance(value, float) else str(value)[:200])
