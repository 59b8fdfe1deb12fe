"""The table of finalists, on the page and in the terminal: all that a new column needs is a row in each of the two."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from archlab.cost import METRICS, metric_of
from archlab.detect.data_source import TRAIN
from archlab.report.finalist_panels import FinalistPanel, prediction
from archlab.report.objectives_and_costs import Measure, Measures, finite
from archlab.report.operator_labels import dims
from archlab.report.svg import element, shorten
from archlab.search.result import Finalist, SearchResult
from archlab.units import is_noisy

MAX_ROWS = 300
"""Finalists in the table of the page; the result has all."""


@dataclass(frozen=True, slots=True)
class PageTable:
    """The table as cells of HTML, row by row."""

    heads: tuple[Markup, ...]
    rows: tuple[tuple[Markup, ...], ...]


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the page: its title with a remark in small print, and a finalist's cell."""

    title: str
    cell: Callable[[FinalistPanel], Markup]
    remark: str = ""
    is_number: bool = True


def page_table(panels: Sequence[FinalistPanel], measures: Measures, first_ranks: Mapping[int, int]) -> PageTable:
    """Return the table of the page.

    Args:
        panels: the finalists, a row each up to ``MAX_ROWS``.
        measures: the objectives and costs, a column each.
        first_ranks: by trial its rank in the first of several stages; without any there is no such column.
    """
    columns = _page_columns(panels, measures, first_ranks)
    return PageTable(
        tuple(_head(column) for column in columns),
        tuple(tuple(column.cell(panel) for column in columns) for panel in panels[:MAX_ROWS]),
    )


def _page_columns(
    panels: Sequence[FinalistPanel], measures: Measures, first_ranks: Mapping[int, int]
) -> tuple[_Column, ...]:
    is_timed = any(panel.latency for panel in panels)
    is_predicted = any(panel.info.finalist.predicted for panel in panels)
    # A latency with its range says more than the median alone.
    shown = [measure for measure in measures.all if not ((is_timed or is_predicted) and measure.name == "latency")]
    in_first = _Column("Rank in stage 1", lambda p: _number(str(first_ranks.get(p.info.finalist.trial, "–"))))
    timed = _Column("Latency", lambda p: _number(p.latency or "–"), remark="median (four fifths of the runs)")
    predicted = _Column("Predicted latency", lambda p: _number(prediction(p.info.finalist.predicted) or "–"),
                        remark="(nine of ten networks)")  # fmt: skip
    inputs = {panel.info.graph.input_shape for panel in panels if panel.info.graph is not None}
    return (
        _Column("Rank", lambda p: _number(str(p.info.rank))),
        _Column("Network", _link, is_number=False),
        *([_Column("Input", _input, is_number=False)] if len(inputs) > 1 else []),
        _Column("Trial", lambda p: _number(str(p.info.finalist.trial))),
        *([in_first] if first_ranks else []),
        *(column for measure in shown for column in (_measure(measure), *_estimate(measure, panels))),
        *([predicted] if is_predicted else []),
        *([timed] if is_timed else []),
        _Column("Recounted by fvcore", lambda p: element("td", p.recount), is_number=False),
        _Column("File", _file, is_number=False),
    )


def _measure(measure: Measure) -> _Column:
    title = shorten(measure.label, 40)
    return _Column(title, lambda p: _number(measure.shown(measure.of(p.info.finalist))), remark=measure.unit)


def _estimate(measure: Measure, panels: Sequence[FinalistPanel]) -> tuple[_Column, ...]:
    """Return the column of what an objective is worth behind its noise; none where nothing is known of that."""
    finalists = [panel.info.finalist for panel in panels]
    if measure.kind != "objective" or not any(measure.name in finalist.estimates for finalist in finalists):
        return ()
    again = any(finalist.estimates[measure.name].again for finalist in finalists if measure.name in finalist.estimates)
    title = f"{shorten(measure.label, 40)}, {'re-evaluated' if again else 'smoothed'}"
    return (_Column(title, lambda p: _number(estimate_text(measure, p.info.finalist)), remark="19 of 20 lie in"),)


def estimate_text(measure: Measure, finalist: Finalist) -> str:
    """Return what an objective of a finalist is worth behind its noise: the estimate, its interval, and of how many."""
    estimate = finalist.estimates.get(measure.name)
    if estimate is None:
        return "–"
    low, high = (measure.shown(finite(end)) for end in (estimate.low, estimate.high))
    more = f", {len(estimate.again)} more" if estimate.again else ""
    between = f" [{low}, {high}]" if estimate.low < estimate.high else ""  # of one evaluation nothing is known of noise
    return f"{measure.shown(finite(estimate.value))}{between}{more}"


def _head(column: _Column) -> Markup:
    remark = (" ", element("small", column.remark)) if column.remark else ()
    align = {"class_": "right"} if column.is_number else {}
    return element("th", column.title, *remark, scope="col", **align)


def _number(text: str) -> Markup:
    return element("td", text, class_="right")


def _link(panel: FinalistPanel) -> Markup:
    rank, name = str(panel.info.rank), shorten(panel.info.finalist.name, 60)
    if not panel.info.is_shown:
        return element("th", name, *_variants(panel.info.finalist), scope="row")
    link = element("a", name, href=f"#finalist-{rank}", data_finalist=rank)
    return element("th", link, *_variants(panel.info.finalist), scope="row")


def _variants(finalist: Finalist) -> tuple[Markup, ...]:
    count = len(finalist.variants)
    words = f" and {count} {'variant' if count == 1 else 'variants'}"
    return (element("small", words, class_="muted"),) if count else ()


def _input(panel: FinalistPanel) -> Markup:
    graph = panel.info.graph
    return element("td", dims(graph.input_shape) if graph is not None else "–")


def _file(panel: FinalistPanel) -> Markup:
    path = panel.info.finalist.file
    return element("td", shorten(path.rsplit("/", 1)[-1], 60), class_="file", title=shorten(path, 200))


_COSTS = (("MACs", "macs"), ("params", "params"), ("activations", "activations"), ("memory", "memory"))


def terminal_headings(objectives: Iterable[str]) -> tuple[str, ...]:
    """Return the titles that the terminal's columns may have, beside the network's; ``objectives`` by name."""
    scores = (_title(name) for name in objectives if name not in METRICS)
    return ("variants", "input", *scores, *(title for title, _ in _COSTS), "predicted", "latency", "fvcore")


def _title(objective: str) -> str:
    return f"{objective} (AP)" if objective == TRAIN else objective


def terminal_columns(result: SearchResult) -> dict[str, list[str]]:
    """Return the columns of the terminal's table: by title a cell for each finalist."""
    finalists = result.finalists

    def cells(show: Callable[[Finalist], str]) -> list[str]:
        return [show(finalist) for finalist in finalists]

    columns = {"network": cells(lambda f: f.name)}
    if any(finalist.variants for finalist in finalists):
        columns["variants"] = cells(lambda f: str(len(f.variants)) if f.variants else "")
    inputs = {trial.number: str(trial.draws["input"]) for trial in result.trials if "input" in trial.draws}
    if inputs:
        columns["input"] = cells(lambda f: inputs.get(f.trial, "–"))
    for name in (objective.name for objective in result.objectives if objective.name not in METRICS):
        columns[_title(name)] = cells(_score_of(name))
        if any(name in finalist.estimates for finalist in finalists):
            again = any(finalist.estimates[name].again for finalist in finalists if name in finalist.estimates)
            columns[f"{name}, {'re-evaluated' if again else 'smoothed'}"] = cells(_estimated(name))
    for title, name in _COSTS:
        columns[title] = cells(_cost_of(name))
    for name in dict.fromkeys([*result.budgets, *result.floors]):
        if name not in METRICS or name == "depth":
            columns[name] = cells(_limited(name, result.units.get(name, "")))
    if any(finalist.latency for finalist in finalists):
        columns["latency"] = cells(_latency)
    if any(finalist.predicted for finalist in finalists):
        columns["predicted"] = cells(lambda f: METRICS["latency"].format(f.predicted.seconds) if f.predicted else "")
    columns["fvcore"] = cells(lambda f: "" if f.recount is None else "equal" if f.recount.equal else "DIFFERENT")
    return columns


def _latency(finalist: Finalist) -> str:
    measured = finalist.latency
    if measured is None:
        return ""
    return "too noisy" if is_noisy(measured.low, measured.high) else METRICS["latency"].format(measured.median)


def _score_of(name: str) -> Callable[[Finalist], str]:
    return lambda finalist: f"{finalist.values[name]:.4f}" if name in finalist.values else "–"


def _estimated(name: str) -> Callable[[Finalist], str]:
    plain = Measure("objective", name, name, digits=4)
    return lambda finalist: estimate_text(plain, finalist)


def _limited(name: str, unit: str) -> Callable[[Finalist], str]:
    show = metric_of(name, unit).format
    return lambda finalist: show(finalist.cost[name]) if name in finalist.cost else "–"


def _cost_of(name: str) -> Callable[[Finalist], str]:
    return lambda finalist: METRICS[name].format(finalist.cost[name])
