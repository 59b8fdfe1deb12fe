"""A search's result as one HTML page that needs nothing else: no request, no server, no JavaScript to be read.

The page's Content-Security-Policy allows its own scripts and styles by their hashes and nothing else, so that even
markup that slipped through the escaping could neither run nor load anything.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from archlab.files import write_atomic
from archlab.report import page
from archlab.report.detection import detection
from archlab.report.diagram import share_bar
from archlab.report.finalists import FinalistInfo, finalists
from archlab.report.funnel import agreement, agreement_plot, first_ranks, stage_rows
from archlab.report.info import candidates, history, importance, pareto
from archlab.report.labels import dims
from archlab.report.measures import measures
from archlab.report.payload import MAX_ROWS, payload
from archlab.report.pictures import draw_picture
from archlab.report.safe import csp_hash, json_block
from archlab.report.svg import bar, key, shorten
from archlab.resources import folder
from archlab.search.result import SearchResult
from archlab.units import format_bytes, format_count, format_seconds

STYLES = ("page.css", "tables.css", "diagram.css", "detection.css", "print.css")
SCRIPTS = ("plotly-basic.min.js", "report.js", "plots.js", "table.js", "finalists.js")
FIRST_SCRIPT = "theme.js"
MAX_BYTES = 1_950_000
"""Drawings that would make the page larger are left out, the last finalists' first."""
STATIC_ROWS = 50
"""Rows of the table of candidates that are in the page itself; a script fills in the rest."""


def write_report(result: SearchResult, path: Path) -> None:
    """Writes the report of ``result`` to ``path``, all of it or nothing.

    Raises:
        InputError: the file cannot be written; an older one is then as it was.
    """
    write_atomic(path, render_report(result))


def render_report(result: SearchResult) -> str:
    """The report of ``result`` as HTML, the same for the same result."""
    by = measures(result)
    rows = candidates(result, by)
    paretos, histories = pareto(result, by), history(result, by)
    infos = finalists(result)
    agreed = agreement(result, by)
    found = detection(result, infos)
    told = found.objectives if found else ()
    content = {
        "result": result,
        "measures": by,
        "headline": page.headline(result, by),
        "counts": page.counts(result),
        "count_bar": page.count_bar(page.counts(result)),
        "budgets": page.budgets(result),
        "stages": _stage_names(infos),
        "block_class": _block_classes(infos),
        "paretos": paretos,
        "histories": histories,
        "static_pareto": page.static_pareto(paretos[0], result) if paretos else "",
        "static_history": page.static_history(histories[0]) if histories else "",
        "funnel": stage_rows(result),
        "detection": found,
        "agreement": agreed,
        "agreement_plot": agreement_plot(agreed, result) if agreed else "",
        "first_ranks": first_ranks(result, by),
        "importance": importance(result),
        "rows": rows[:STATIC_ROWS],
        "total": len(rows),
        "listed": min(len(rows), MAX_ROWS),
        "data": json_block(payload(result, by, rows, paretos, histories)),
        "csp": policy(STYLES, (FIRST_SCRIPT, *SCRIPTS)),
        "first_script": static(FIRST_SCRIPT),
        "styles": [static(name) for name in STYLES],
        "scripts": [static(name) for name in SCRIPTS],
    }
    template = environment().get_template("search.html")
    # Rendered without drawings first, to see how much room they have; the second time takes some ten milliseconds.
    bare = template.render(content, panels=page.panels(infos, 0, told))
    room = MAX_BYTES - len(bare.encode("utf-8", "replace"))
    return template.render(content, panels=page.panels(infos, room, told))


def _stage_names(infos: tuple[FinalistInfo, ...]) -> tuple[str, ...]:
    """The stages of all finalists, each once, in order."""
    return tuple(dict.fromkeys(stage.name for info in infos for stage in info.stages))


def _block_classes(infos: tuple[FinalistInfo, ...]) -> dict[str, int]:
    """A colour for each type of block, in order of appearance; the last one for all that are too many."""
    names = dict.fromkeys(name for info in infos for stage in info.stages for name in stage.blocks[:1])
    return {name: min(i, 7) for i, name in enumerate(names)}


@cache
def static(name: str) -> Markup:
    """A shipped style or script as it stands in the page."""
    text = (folder("reports") / "static" / name).read_text(encoding="utf-8")
    # The parser ends the element at this sequence wherever it stands; none of our files holds it.
    assert "</script" not in text.lower()
    assert "</style" not in text.lower()
    return Markup(text)


@cache
def policy(styles: tuple[str, ...], scripts: tuple[str, ...]) -> str:
    """The Content-Security-Policy that allows these shipped styles and scripts and nothing else."""
    scripts_of = " ".join(csp_hash(static(name)) for name in scripts)
    # Plotly fills empty style elements through the CSSOM; the empty hash allows such an element and no rule in it.
    styles_of = " ".join(csp_hash(text) for text in (*map(static, styles), ""))
    return (
        f"default-src 'none'; script-src {scripts_of}; style-src {styles_of}; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


@cache
def environment() -> Environment:
    """The templates of all pages, escaping by default."""
    made = Environment(
        loader=FileSystemLoader(folder("reports") / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "count": format_count,
        "bytes": format_bytes,
        "seconds": format_seconds,
        "dims": dims,
        "by_name": lambda stages: {stage.name: stage for stage in stages},
        "share": share_bar,
        "bar": bar,
        "picture": draw_picture,
        "cut": shorten,
    }
    made.globals["key"] = key
    return made
