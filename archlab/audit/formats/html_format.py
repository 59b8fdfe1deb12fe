"""Audits as one HTML page that needs nothing else: icicle, tables down to operators, roofline, memory, drawing.

The page has the policy of the search's report: its own scripts and styles by their hashes, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from archlab.audit.audit_result import Audit
from archlab.audit.audit_run import AuditRun
from archlab.audit.breakdown import ratios
from archlab.audit.conventions import NOTE, Convention
from archlab.audit.findings import Module
from archlab.audit.formats.columns import COLUMNS, format_total, latency_text, title_of_total
from archlab.audit.formats.icicle import icicle
from archlab.audit.formats.interface import Options
from archlab.audit.formats.layer_columns import layers_of, settings_in_words, taken_by
from archlab.audit.formats.plots import memory, models, roofline
from archlab.report.diagram import draw, draw_blocks
from archlab.report.escaping import json_block
from archlab.report.network_tables import predicted_line
from archlab.report.page_environment import environment, policy, static
from archlab.report.structure_tables import KindRow, kind_rows
from archlab.report.what_if_page import SECTION_SCRIPT, SECTION_STYLE, panel_of
from archlab.structure.found import COSTS

STYLES = ("page.css", "tables.css", "diagram.css", "audit.css", "print.css")
SCRIPTS = ("report.js", "formats.js", "audit.js")
FIRST_SCRIPT = "theme.js"
MAX_BYTES = 1_950_000
"""Drawings, then tables, that would make the page larger are left out, the last models' first."""
STATIC_ROWS = 40


@dataclass(frozen=True, kw_only=True)
class ModelPanel:
    """A model as the page shows it.

    Attributes:
        number: its place on the page, from 1.
        audit: what was found.
        by_macs: the icicle of its MACs.
        by_params: the icicle of its parameters.
        roofline: its operators by arithmetic intensity.
        memory: live memory over the schedule.
        drawing: the drawing of its blocks, or where these are not known, of its operators; None where there is no room
            for it.
        kinds: the kinds of block that it is made of.
        conventions: its totals as other counters would give them.
        modules: the modules whose rows are in the page itself.
        stages: the modules that make it up.
        layers: of each module that is one layer, by path, its settings and the shapes that it takes.
        tabled: whether there is room for its plots and the full tables.
    """

    number: int
    audit: Audit
    by_macs: Markup
    by_params: Markup
    roofline: Markup
    memory: Markup
    drawing: Markup | None
    kinds: tuple[KindRow, ...]
    conventions: tuple[Convention, ...]
    modules: tuple[Module, ...]
    stages: tuple[Module, ...]
    layers: dict[str, tuple[str, str]]
    tabled: bool


def render(run: AuditRun, options: Options, /) -> str:
    """Return the page, the same for the same audits."""
    found = run.audits
    panels = _panels(found)
    styles = (*STYLES, SECTION_STYLE) if options.what_ifs else STYLES
    scripts = (*SCRIPTS, SECTION_SCRIPT) if options.what_ifs else SCRIPTS
    content: dict[str, Any] = {
        "title": found[0].name if len(found) == 1 else f"{len(found)} models",
        "panels": panels,
        "failures": run.failures,
        "columns": [
            c for c in COLUMNS if c.form != "seconds" or any(audit.latency or audit.predicted for audit in found)
        ],
        "latency_text": latency_text,
        "predicted_line": predicted_line,
        "comparison": _comparison(found),
        "scatter": models(found) if len(found) > 1 else "",
        "note": NOTE,
        "costs": COSTS,
        "data": json_block([_table(panel.audit) if panel.tabled else None for panel in panels]),
        "what_ifs": [panel_of(found, number) for number, found in enumerate(options.what_ifs, start=1)],
        "csp": policy(styles, (FIRST_SCRIPT, *scripts)),
        "first_script": static(FIRST_SCRIPT),
        "styles": [static(name) for name in styles],
        "scripts": [static(name) for name in scripts],
    }
    return environment().get_template("audit.html").render(content)


def _panels(found: Sequence[Audit]) -> list[ModelPanel]:
    """Give every model as much of its drawing and tables as there is room for."""
    left = MAX_BYTES - 120_000
    panels = []
    for number, audit in enumerate(found, start=1):
        plots = {
            "by_macs": icicle(audit.modules, "macs", "MACs"),
            "by_params": icicle(audit.modules, "params", "params"),
            "roofline": roofline(audit),
            "memory": memory(audit),
        }
        size = sum(map(len, plots.values())) + len(str(json_block(_table(audit))))
        tabled = size < left
        left -= size if tabled else 20_000
        drawing = _drawing(audit)
        if drawing is not None and len(drawing) > left:
            drawing = None
        left -= len(drawing or "")
        panels.append(
            ModelPanel(
                number=number,
                audit=audit,
                drawing=drawing,
                kinds=() if audit.structure is None else kind_rows(audit.structure),
                conventions=audit.conventions,
                modules=tuple(m for m in audit.modules if m.operators or m.params)[:STATIC_ROWS],
                stages=audit.by_stage(),
                layers=_layers(audit),
                tabled=tabled,
                **(plots if tabled else dict.fromkeys(plots, Markup(""))),
            )
        )
    return panels


def _drawing(audit: Audit) -> Markup | None:
    if audit.structure is not None and audit.structure.sections:
        return draw_blocks(audit.structure)
    return draw(audit.graph(views=False)) if audit.operators else None


def _layers(audit: Audit) -> dict[str, tuple[str, str]]:
    return {path: (settings_in_words(o), taken_by(o, audit.shapes)) for path, o in layers_of(audit).items()}


def _table(audit: Audit) -> dict[str, Any]:
    """Return modules and operators in columns, for the page's script."""
    layers = _layers(audit)
    ids = {module.path: i for i, module in enumerate(audit.modules)}
    modules, operators = audit.modules, audit.operators
    return {
        "modules": {
            "name": [m.path for m in modules],
            "kind": [m.kind for m in modules],
            "calls": [m.calls for m in modules],
            "settings": [layers.get(m.path, ("", ""))[0] for m in modules],
            "takes": [layers.get(m.path, ("", ""))[1] for m in modules],
            "shape": [""] * len(modules),
            **{column.key: [_rounded(column.value(m), column.form) for m in modules] for column in COLUMNS},
        },
        "operators": {
            "module": [ids[o.module] for o in operators],
            "tail": [o.name[len(o.module) + 1 :] if o.module else o.name for o in operators],
            "kind": [o.op if o.counted else f"{o.op} (not counted)" for o in operators],
            "settings": [settings_in_words(o) for o in operators],
            "takes": [taken_by(o, audit.shapes) for o in operators],
            "shape": [" ".join("x".join(map(str, s)) for s in o.shapes[:3]) for o in operators],
            **{c.key: [_rounded(c.value(o), c.form) for o in operators] for c in COLUMNS if not c.of_modules_only},
            "memory": [o.live for o in operators],
        },
    }


def _rounded(value: float, form: str) -> float:
    return value if isinstance(value, int) else round(value, 7 if form == "seconds" else 2)


def _comparison(found: Sequence[Audit]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the rows of totals: what, and for each model the value and its ratio to the first's."""
    if len(found) < 2:
        return []
    totals = [audit.totals() for audit in found]
    against = [{}, *(ratios(totals[0], other) for other in totals[1:])]
    return [
        (
            title_of_total(name),
            [
                (format_total(name, own[name]), f"{ratio[name]:.3f}" if name in ratio else "")
                for own, ratio in zip(totals, against, strict=True)
            ],
        )
        for name in totals[0]
    ]
