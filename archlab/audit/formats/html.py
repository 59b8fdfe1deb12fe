"""Audits as one HTML page that needs nothing else: icicle, tables down to operators, roofline, memory, drawing.

The page has the policy of the search's report: its own scripts and styles by their hashes, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from archlab.audit.conventions import NOTE, Convention, conventions
from archlab.audit.counted import Module
from archlab.audit.formats.icicle import icicle
from archlab.audit.formats.plots import memory, models, roofline
from archlab.audit.graph import to_graph
from archlab.audit.many import Outcome, audits, failures
from archlab.audit.result import Audit
from archlab.audit.rows import ratios, totals
from archlab.files import write_atomic
from archlab.report.diagram import draw
from archlab.report.escaping import csp_hash, json_block
from archlab.report.page_environment import environment, static
from archlab.units import format_bytes, format_count

STYLES = ("page.css", "tables.css", "diagram.css", "audit.css", "print.css")
SCRIPTS = ("report.js", "audit.js")
FIRST_SCRIPT = "theme.js"
MAX_BYTES = 1_950_000
"""Drawings, then tables, that would make the page larger are left out, the last models' first."""
STATIC_ROWS = 40


@dataclass(frozen=True)
class ModelPanel:
    """A model as the page shows it."""

    number: int
    audit: Audit
    by_macs: Markup
    by_params: Markup
    roofline: Markup
    memory: Markup
    drawing: Markup | None
    conventions: tuple[Convention, ...]
    modules: tuple[Module, ...]
    stages: tuple[Module, ...]
    tabled: bool


def write_audit_report(outcomes: Sequence[Outcome], path: Path) -> None:
    """Writes the report to ``path``, all of it or nothing.

    Raises:
        InputError: the file cannot be written; an older one is then as it was.
    """
    write_atomic(path, render_audits(outcomes))


def render_audits(outcomes: Sequence[Outcome]) -> str:
    """The report as HTML, the same for the same audits."""
    found = audits(outcomes)
    panels = _panels(found)
    content: dict[str, Any] = {
        "title": found[0].name if len(found) == 1 else f"{len(found)} models",
        "panels": panels,
        "failures": failures(outcomes),
        "comparison": _comparison(found),
        "scatter": models(found) if len(found) > 1 else "",
        "note": NOTE,
        "data": json_block([_table(panel.audit) if panel.tabled else None for panel in panels]),
        "csp": _policy(),
        "first_script": static(FIRST_SCRIPT),
        "styles": [static(name) for name in STYLES],
        "scripts": [static(name) for name in SCRIPTS],
    }
    return environment().get_template("audit.html").render(content)


def _panels(found: Sequence[Audit]) -> list[ModelPanel]:
    """Every model with as much of its drawing and tables as there is room for."""
    left = MAX_BYTES - 120_000
    panels = []
    for number, audit in enumerate(found):
        plots = [icicle(audit.modules, "macs", "MACs"), icicle(audit.modules, "params", "params")]
        plots += [roofline(audit), memory(audit)]
        size = sum(map(len, plots)) + len(str(json_block(_table(audit))))
        tabled = size < left
        left -= size if tabled else 20_000
        drawing = draw(to_graph(audit, views=False)) if audit.operators else None
        if drawing is not None and len(drawing) > left:
            drawing = None
        left -= len(drawing or "")
        if not tabled:
            plots = [Markup("")] * 4
        stages = audit.by_stage()
        rows = tuple(m for m in audit.modules if m.operators or m.params)[:STATIC_ROWS]
        panels.append(
            ModelPanel(
                number + 1,
                audit,
                plots[0],
                plots[1],
                plots[2],
                plots[3],
                drawing,
                conventions(audit),
                rows,
                stages,
                tabled,
            )
        )
    return panels


def _table(audit: Audit) -> dict[str, Any]:
    """Modules and operators in columns, for the page's script."""
    ids = {module.path: i for i, module in enumerate(audit.modules)}
    operators = audit.operators
    names = ("macs", "bias", "norm", "pool", "elementwise", "activations")
    return {
        "modules": {
            "name": [m.path for m in audit.modules],
            "kind": [m.kind for m in audit.modules],
            "calls": [m.calls for m in audit.modules],
            "params": [m.params for m in audit.modules],
            **{name: [getattr(m, name) for m in audit.modules] for name in names},
            "bytes": [m.read + m.written for m in audit.modules],
            "intensity": [round(m.intensity, 2) for m in audit.modules],
            "memory": [m.memory for m in audit.modules],
            "shape": [""] * len(audit.modules),
        },
        "operators": {
            "module": [ids[o.module] for o in operators],
            "tail": [o.name[len(o.module) + 1 :] if o.module else o.name for o in operators],
            "kind": [o.op if o.counted else f"{o.op} (not counted)" for o in operators],
            **{name: [getattr(o, name) for o in operators] for name in names},
            "bytes": [o.read + o.written for o in operators],
            "intensity": [round(o.intensity, 2) for o in operators],
            "memory": [o.live for o in operators],
            "shape": [" ".join("x".join(map(str, s)) for s in o.shapes[:3]) for o in operators],
        },
    }


def _comparison(found: Sequence[Audit]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Rows of totals: what, and for each model the value and its ratio to the first's."""
    if len(found) < 2:
        return []
    against = [dict.fromkeys(totals(found[0]), 1.0), *ratios(found[0], found[1:])]
    rows = []
    for name in totals(found[0]):
        show = format_bytes if name.endswith("bytes") or name in ("memory", "read", "written") else format_count
        cells = [
            (show(getattr(audit, name)), f"{ratio[name]:.2f}" if i and name in ratio else "")
            for i, (audit, ratio) in enumerate(zip(found, against, strict=True))
        ]
        rows.append((name.replace("_", " "), cells))
    return rows


@cache
def _policy() -> str:
    scripts = " ".join(csp_hash(static(name)) for name in (FIRST_SCRIPT, *SCRIPTS))
    styles = " ".join(csp_hash(static(name)) for name in STYLES)
    rest = "img-src data:; base-uri 'none'; form-action 'none'"
    return f"default-src 'none'; script-src {scripts}; style-src {styles}; {rest}"
