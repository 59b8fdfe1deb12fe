"""The data that the page's scripts read: trials in columns, and figures that refer to those columns.

Kept small on purpose: 2,000 trials with some fifty holes take about 300 kB.
"""

from __future__ import annotations

import json
import string
from collections.abc import Sequence
from typing import Any

from archlab.elaborate import Value
from archlab.report.objectives_and_costs import Measures
from archlab.report.plotly_figures import history_figure, pareto_figure
from archlab.report.search_views import STATE_LABELS, STATES, HistoryView, ParetoView, TrialRow
from archlab.report.svg import shorten
from archlab.search.result import SearchResult

ALPHABET = string.digits + string.ascii_letters + "!#$()*+,-./:;=?@[]^_{|}~"
"""Digits of the code in which draws are written: printable, and the same in JSON and HTML as they are."""
MAX_NOTE = 300
MAX_WORD = 200
"""Letters of a hole's name, and of what fills it."""
MAX_ROWS = 5_000
MAX_DRAWS = 2_500
"""Rows of the table, and rows with their draws: beyond them the page would be too large; ``result.json`` has all."""


def script_data(
    result: SearchResult,
    measures: Measures,
    rows: Sequence[TrialRow],
    paretos: Sequence[ParetoView],
    histories: Sequence[HistoryView],
) -> dict[str, Any]:
    """Return all that the scripts read, as JSON data without NaN."""
    rows = rows[:MAX_ROWS]
    return {
        "measures": [
            {"key": m.key, "title": m.title, "digits": m.digits, "direction": m.direction} for m in measures.all
        ],
        "states": [STATE_LABELS[state] for state in STATES],
        "columns": {
            "number": [row.number for row in rows],
            **{m.key: [m.rounded(row.values[i]) for row in rows] for i, m in enumerate(measures.all)},
        },
        "state": [STATES.index(row.state) for row in rows],
        "finalist": {str(i): row.finalist for i, row in enumerate(rows) if row.finalist},
        "note": {str(i): row.note[:MAX_NOTE] for i, row in enumerate(rows) if row.note},
        "draws": encode_draws([row.draws for row in rows[:MAX_DRAWS]]),
        "pareto": [_lean(pareto_figure(view, result), x=view.x.key, y=view.y.key) for view in paretos],
        "history": [_lean(history_figure(view), x="number", y=view.y.key) for view in histories],
    }


def encode_draws(draws: Sequence[dict[str, Value]]) -> dict[str, Any]:
    """Return draws as one short string each.

    Every hole has its list of values; a draw is, for each hole in order, the place of its value in that list plus
    one, or zero where the draw never met the hole, in ``width`` digits of ``ALPHABET``.
    """
    places: dict[str, dict[Value, int]] = {}
    for draw in draws:
        for hole, value in draw.items():
            known = places.setdefault(hole, {})
            known.setdefault(value, len(known) + 1)
    most = max((len(known) for known in places.values()), default=0)
    width = 1
    while len(ALPHABET) ** width <= most:
        width += 1
    return {
        "alphabet": ALPHABET,
        "width": width,
        "holes": [
            {"name": shorten(hole, MAX_WORD), "values": [shorten(str(value), MAX_WORD) for value in known]}
            for hole, known in places.items()
        ],
        "rows": [
            "".join(_digits(known.get(draw[hole], 0) if hole in draw else 0, width) for hole, known in places.items())
            for draw in draws
        ],
    }


def _digits(number: int, width: int) -> str:
    text = ""
    for _ in range(width):
        number, digit = divmod(number, len(ALPHABET))
        text = ALPHABET[digit] + text
    return text


def _lean(figure: Any, x: str, y: str) -> dict[str, Any]:
    """Return a figure that names the columns of its scored points, which the page has once for all plots."""
    data: dict[str, Any] = json.loads(figure.to_json())
    for trace in data["data"]:
        if trace["meta"] == "scored":
            for name in ("x", "y", "customdata"):
                trace.pop(name, None)
            trace["columns"] = {"x": x, "y": y}
    return data
