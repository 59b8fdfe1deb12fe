"""The plots of a report: from ``info`` to plotly figures, with trace types of plotly's basic bundle only.

The page sets the colours: every trace has its role in ``meta``, and the page's script looks the role's colour up in
the style sheet, so that one figure serves both themes. Roles also differ in symbol or dash, for those who do not see
the colours and for print.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from archlab.report.escaping import plotly_text
from archlab.report.objectives_and_costs import Measure
from archlab.report.search_views import STATE_LABELS, BudgetLine, HistoryView, ParetoView, budget_lines, ends
from archlab.report.search_views import placed as shown_at
from archlab.search.result import SearchResult, Trial

# Okabe and Ito's palette, which stays apart under the common kinds of colour blindness.
COLOURS = {
    "scored": "#0072B2",
    "front": "#D55E00",
    "finalist": "#D55E00",
    "best": "#D55E00",
    "over_budget": "#E69F00",
    "repeated": "#56B4E9",
    "failed": "#CC79A7",
    "pruned": "#009E73",
}
_SYMBOLS = {"over_budget": "line-ns-open", "repeated": "circle-open", "failed": "x-thin-open", "pruned": "diamond-open"}
_AXIS = {"automargin": True, "zeroline": False, "ticks": "", "title": {"standoff": 12}, "nticks": 8}


def pareto_figure(view: ParetoView, result: SearchResult) -> go.Figure:
    """Return scored trials by one objective and one other measure, with the front, the finalists and the budgets."""
    x, y = view.x, view.y
    placed = {t.number: t for t in result.trials if t.state == "scored" and x.of(t) is not None and y.of(t) is not None}
    ranks: dict[int, int] = {}
    for rank, finalist in enumerate(result.finalists, 1):
        if finalist.trial in placed:
            ranks.setdefault(finalist.trial, rank)
    hover = f"{plotly_text(x.title)}: %{{x}}<br>{plotly_text(y.title)}: %{{y}}"
    scored = _points(list(placed), placed, x, y, "scored", mode="markers", marker=_dots(len(placed)))
    scored.update(name="scored", hovertemplate=f"trial %{{customdata}}<br>{hover}<extra></extra>")
    front = _points(view.front, placed, x, y, "front", mode="lines", line={"width": 1.5, "shape": "hv"})
    front.update(name="Pareto front", hoverinfo="skip")
    finalists = _points(list(ranks), placed, x, y, "finalist", mode="markers+text")
    finalists.update(
        name="finalists",
        customdata=[[number, rank] for number, rank in ranks.items()],
        marker={"size": 10, "symbol": "diamond"},
        hovertemplate=f"finalist %{{customdata[1]}}, trial %{{customdata[0]}}<br>{hover}<extra></extra>",
    )
    figure = go.Figure([scored, front, finalists], _layout(height=440))
    figure.update_xaxes(title={"text": plotly_text(x.title)})
    figure.update_yaxes(title={"text": plotly_text(y.title)})
    points = list(shown_at(view, result).values())
    lines = budget_lines(view, points)
    for i, (axis, update) in enumerate((("x", figure.update_xaxes), ("y", figure.update_yaxes))):
        near = [line.at for line in lines if line.axis == axis and not line.beyond]
        update(range=list(ends([*(point[i] for point in points), *near])))
    for line in lines:
        if not line.beyond:
            figure.update_layout(shapes=[*figure.layout.shapes, _budget_line(line)])
        middle = sum(figure.layout.xaxis.range) / 2
        figure.update_layout(annotations=[*figure.layout.annotations, _budget_label(line, middle)])
    return figure


def history_figure(view: HistoryView) -> go.Figure:
    """Return an objective over the trials with the best so far, above a strip of the trials that were not scored."""
    y = view.y
    states = [state for state in reversed(STATE_LABELS) if view.unscored.get(state)]
    strip = 0.07 * len(states) + 0.04 if states else 0.0
    title = plotly_text(y.title)
    figure = go.Figure(layout=_layout(height=400))
    figure.add_scatter(
        x=[number for number, _ in view.scored],
        y=[y.rounded(value) for _, value in view.scored],
        name="scored",
        meta="scored",
        mode="markers",
        marker={**_dots(len(view.scored)), "color": COLOURS["scored"]},
        hovertemplate=f"trial %{{x}}<br>{title}: %{{y}}<extra></extra>",
    )
    last = max([view.scored[-1][0] if view.scored else 0, *(n[-1] for n in view.unscored.values() if n)])
    best = [*view.best, (last, view.best[-1][1])] if view.best else []
    figure.add_scatter(
        x=[number for number, _ in best],
        y=[y.rounded(value) for _, value in best],
        name="best so far",
        meta="best",
        mode="lines",
        line={"width": 2, "shape": "hv", "color": COLOURS["best"]},
        hovertemplate="best so far: %{y}<extra></extra>",
    )
    for row, state in enumerate(states):
        label = STATE_LABELS[state]
        figure.add_scatter(
            x=list(view.unscored[state]),
            y=[row] * len(view.unscored[state]),
            yaxis="y2",
            name=label,
            meta=state,
            mode="markers",
            showlegend=False,
            marker={"size": 7, "symbol": _SYMBOLS[state], "color": COLOURS[state], "line": {"width": 1.5}},
            hovertemplate=f"trial %{{x}}: {label}<extra></extra>",
        )
    figure.update_xaxes(title={"text": "trial"}, anchor="y2" if states else "y", rangemode="nonnegative")
    figure.update_layout(
        yaxis={"title": {"text": title}, "domain": [strip + 0.05 if states else 0, 1]},
        yaxis2={
            **_AXIS,
            "domain": [0, strip],
            "showgrid": False,
            "range": [-0.6, len(states) - 0.4],
            "nticks": 0,
            "tickvals": list(range(len(states))),
            "ticktext": [STATE_LABELS[state] for state in states],
            "fixedrange": True,
        },
    )
    if not view.scored:
        # Without this, plotly makes up an axis from -1 to 4.
        figure.update_layout(yaxis={"showticklabels": False, "showgrid": False})
        nothing = {"text": "nothing was scored", "x": 0.5, "xref": "paper", "y": 0.6, "yref": "paper"}
        figure.add_annotation(**nothing, showarrow=False)
    return figure


def _dots(count: int) -> dict[str, float]:
    """Return markers that let a crowd of points show its density."""
    return {"size": 7, "opacity": 0.7} if count <= 400 else {"size": 5, "opacity": 0.45}


def _points(numbers: Any, trials: Mapping[int, Trial], x: Measure, y: Measure, role: str, **options: Any) -> go.Scatter:
    chosen = [trials[number] for number in numbers if number in trials]
    trace = go.Scatter(
        x=[x.rounded(x.of(trial)) for trial in chosen],
        y=[y.rounded(y.of(trial)) for trial in chosen],
        customdata=[trial.number for trial in chosen],
        meta=role,
        **options,
    )
    trace.update(line={"color": COLOURS[role]} if "line" in options else {}, marker={"color": COLOURS[role]})
    return trace


def _budget_line(line: BudgetLine) -> dict[str, Any]:
    axis, other = line.axis, "y" if line.axis == "x" else "x"
    ends = {f"{axis}0": line.at, f"{axis}1": line.at, f"{other}0": 0, f"{other}1": 1}
    return {"type": "line", f"{other}ref": "paper", **ends, "line": {"width": 1.5, "dash": "dash"}}


def _budget_label(line: BudgetLine, middle: float) -> dict[str, Any]:
    """Return the label of a budget, above the plot or left in it; of one beyond the axis, with an arrow to it.

    Args:
        middle: of the horizontal axis: a label ends at a line to the right of it, and begins at one to the left.
    """
    text = f"budget {plotly_text(line.measure.with_unit(line.measure.limit))}"
    if line.axis == "x":
        at = {"x": line.at} if not line.beyond else {"x": max(0, line.beyond), "xref": "paper"}
        side = {"xanchor": "right" if line.beyond > 0 or (not line.beyond and line.at > middle) else "left"}
        arrow = {1: " →", 0: "", -1: " ←"}[line.beyond]
        return {"text": text + arrow, **at, **side, "y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False}
    at = {"y": line.at} if not line.beyond else {"y": max(0, line.beyond), "yref": "paper"}
    arrow = {1: " ↑", 0: "", -1: " ↓"}[line.beyond]
    anchor = "top" if line.beyond > 0 else "bottom"
    return {
        "text": text + arrow, **at, "x": 0, "xref": "paper", "xanchor": "left", "yanchor": anchor, "showarrow": False,
    }  # fmt: skip


def _layout(height: int) -> dict[str, Any]:
    """Return what all plots share; colours and fonts are the page's."""
    return {
        # Without plotly's default template, which is 7 kB in every figure and sets another look.
        "template": {"data": {}},
        "height": height,
        "autosize": True,
        "margin": {"l": 12, "r": 16, "t": 32, "b": 12},
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "hovermode": "closest",
        "dragmode": "zoom",
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": -0.2, "yanchor": "top"},
        "showlegend": True,
    }
