"""The figures hold what the views have, in traces of the bundle that the page carries."""

from __future__ import annotations

import plotly.graph_objects as go

from archlab.report.objectives_and_costs import measures
from archlab.report.plotly_figures import history_figure, pareto_figure
from archlab.report.search_views import history, pareto
from tests.report import results


def test_figures_hold_what_the_info_says():
    result = results.search()
    by = measures(result)
    view = pareto(result, by)[0]
    scored, front, finalists = pareto_figure(view, result).data
    assert len(scored.x) == result.counts()["scored"]
    assert tuple(front.customdata) == view.front
    assert [rank for _, rank in finalists.customdata] == [1, 2, 3, 4, 5, 6]
    figure = pareto_figure(view, result)
    assert figure.layout.xaxis.title.text == "MACs (M)"
    assert [(shape.x0, shape.line.dash) for shape in figure.layout.shapes] == [(300.0, "dash")]
    line = history_figure(history(result, by)[0]).data[1]
    assert line.line.shape == "hv"


def test_figures_use_traces_of_the_basic_bundle_only():
    result = results.several_objectives()
    by = measures(result)
    figures: list[go.Figure] = [pareto_figure(view, result) for view in pareto(result, by)]
    figures += [history_figure(view) for view in history(result, by)]
    assert {trace.type for figure in figures for trace in figure.data} == {"scatter"}
