"""A graph as one HTML page that needs nothing else: totals, a table, and the drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archlab.ir import Graph
from archlab.report.diagram import draw, draw_blocks
from archlab.report.page_environment import FIRST_SCRIPT, environment, policy, static
from archlab.report.structure_tables import kind_rows
from archlab.structure.found import COSTS, Structure

STYLES = ("page.css", "tables.css", "diagram.css", "gallery.css", "print.css")
SCRIPTS = ("report.js",)
MAX_BYTES = 1_950_000
"""A drawing that would make the page larger is left out."""

Figures = Sequence[tuple[str, str]]
"""Numbers as they are written, each with what it counts."""


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table of the page: its title, its heads, and rows of as many cells; the first is a row's name."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def graph_page(graph: Graph, figures: Figures, tables: Sequence[PageTable], structure: Structure | None = None) -> str:
    """Return the page, the same for the same graph; with its structure, the drawing is block by block."""
    drawing = draw(graph) if structure is None else draw_blocks(structure)
    content = {
        "graph": graph,
        "figures": figures,
        "tables": tables,
        "structure": structure,
        "kinds": () if structure is None else kind_rows(structure),
        "costs": COSTS,
        "drawing": drawing if len(drawing) < MAX_BYTES - 120_000 else None,
        "csp": policy(STYLES, (FIRST_SCRIPT, *SCRIPTS)),
        "first_script": static(FIRST_SCRIPT),
        "styles": [static(name) for name in STYLES],
        "scripts": [static(name) for name in SCRIPTS],
    }
    return environment().get_template("graph.html").render(content)
