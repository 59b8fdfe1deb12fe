"""A search's result as one HTML page that needs nothing else: no request, no server, no JavaScript to be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from archlab.elaborate import Value
from archlab.files import write_atomic
from archlab.report import finalist_table, objective_words, overview
from archlab.report.beside import beside, differences
from archlab.report.detection_section import detection
from archlab.report.escaping import json_block
from archlab.report.finalist_info import FinalistInfo, finalists
from archlab.report.finalist_panels import FinalistPanel, panels
from archlab.report.next_commands import next_commands
from archlab.report.objectives_and_costs import measures
from archlab.report.page_environment import FIRST_SCRIPT, environment, policy, static
from archlab.report.script_data import MAX_DRAWS, MAX_ROWS, script_data
from archlab.report.search_stages import agreement, agreement_plot, first_ranks, stage_rows
from archlab.report.search_views import TrialRow, budget_lines, history, pareto, placed, trial_rows
from archlab.report.static_plots import static_history, static_pareto
from archlab.report.what_decides import sensitivities, shares
from archlab.search.result import SearchResult

STYLES = ("page.css", "tables.css", "pick.css", "diagram.css", "detection.css", "print.css")
SCRIPTS = (
    "plotly-basic.min.js",
    "report.js",
    "labels.js",
    "plots.js",
    "draws.js",
    "table.js",
    "finalists.js",
    "slices.js",
    "side_by_side.js",
)
MAX_BYTES = 1_990_000
"""Drawings that would make the page larger are left out, the last finalists' first."""
STATIC_ROWS = 50
"""Rows of the table of trials that are in the page itself; a script fills in the rest."""


def write_report(result: SearchResult, path: str | Path) -> None:
    """Write the report of ``result`` to ``path``, all of it or nothing.

    Raises:
        InputError: the file cannot be written; an older one is then as it was.
    """
    write_atomic(Path(path), render_report(result))


def render_report(result: SearchResult) -> str:
    """Return the report of ``result`` as HTML, the same for the same result."""
    by = measures(result)
    rows = trial_rows(result, by)
    paretos, histories = pareto(result, by), history(result, by)
    infos = finalists(result)
    shown = tuple(info for info in infos if info.is_shown)
    agreed = agreement(result, by)
    compared = beside(result, by)
    found = detection(result, shown)
    elsewhere = found.objectives if found else ()
    ranks = first_ranks(result, by)
    content = {
        "result": result,
        "measures": by,
        "beside": compared,
        "objective": by.objectives[0] if by.objectives else None,
        "meaning": objective_words.meaning(by.objectives[0].name, result) if by.objectives else "",
        "direction": objective_words.direction(by.objectives[0]) if by.objectives else "",
        "differences": differences(result, by),
        "next_commands": next_commands(result),
        "sensitivities": sensitivities(result, by),
        "shares": shares(result, by),
        "headline": overview.headline(result, by),
        "counts": overview.counts(result),
        "count_bar": overview.count_bar(overview.counts(result)),
        "budgets": overview.budgets(result),
        "stages": _stage_names(shown),
        "block_class": _block_classes(shown),
        "paretos": paretos,
        "has_budget_lines": any(
            not line.beyond for view in paretos for line in budget_lines(view, placed(view, result).values())
        ),
        "sliced": bool(histories) and any(len(set(map(str, column))) > 1 for column in _columns(rows)),
        "histories": histories,
        "static_pareto": static_pareto(paretos[0], result) if paretos else "",
        "static_history": static_history(histories[0]) if histories else "",
        "search_stages": stage_rows(result),
        "detection": found,
        "agreement": agreed,
        "agreement_plot": agreement_plot(agreed, result) if agreed else "",
        "rows": rows[:STATIC_ROWS],
        "total": len(rows),
        "listed": min(len(rows), MAX_ROWS),
        "found": len(infos),
        "found_listed": min(len(infos), finalist_table.MAX_ROWS),
        "data": json_block(script_data(result, by, rows, paretos, histories)),
        "csp": policy(STYLES, (FIRST_SCRIPT, *SCRIPTS)),
        "first_script": static(FIRST_SCRIPT),
        "styles": [static(name) for name in STYLES],
        "scripts": [static(name) for name in SCRIPTS],
    }
    template = environment().get_template("search.html")

    def render(made: tuple[FinalistPanel, ...]) -> str:
        by_itself = tuple(panel for panel in made if panel.info.is_shown)
        return template.render(content, panels=by_itself, finalist_table=finalist_table.page_table(made, by, ranks))

    # Rendered without drawings first, to see how much room they have; the second time takes some ten milliseconds.
    room = MAX_BYTES - len(render(panels(infos, 0, elsewhere)).encode("utf-8", "replace"))
    return render(panels(infos, room, elsewhere))


def _stage_names(infos: tuple[FinalistInfo, ...]) -> tuple[str, ...]:
    """Return the stages of all finalists, each once, in order."""
    return tuple(dict.fromkeys(stage.name for info in infos for stage in info.stages))


def _columns(rows: Sequence[TrialRow]) -> Iterator[list[Value | None]]:
    """Return what fills each hole in the scored trials whose draws the page holds."""
    draws = [row.draws for row in rows[:MAX_DRAWS] if row.state == "scored"]
    return ([draw[name] for draw in draws if name in draw] for name in {name: None for draw in draws for name in draw})


def _block_classes(infos: tuple[FinalistInfo, ...]) -> dict[str, int]:
    """Return a colour for each type of block, in order of appearance; the last one for all that are too many."""
    names = dict.fromkeys(name for info in infos for stage in info.stages for name in stage.blocks[:1])
    return {name: min(i, 7) for i, name in enumerate(names)}
