"""A graph as one HTML page that needs nothing else: totals, a table, and the drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archlab.ir import Graph
from archlab.report.diagram import draw
from archlab.report.page_environment import FIRST_SCRIPT, environment, policy, static

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


def graph_page(graph: Graph, figures: Figures, tables: Sequence[PageTable]) -> str:
    """Return the page, the same for the same graph."""
    drawing = draw(graph)
    content = {
        "graph": graph,
        "figures": figures,
        "tables": tables,
        "drawing": drawing if len(drawing) < MAX_BYTES - 120_000 else None,
        "csp": policy(STYLES, (FIRST_SCRIPT, *SCRIPTS)),
        "first_script": static(FIRST_SCRIPT),
        "styles": [static(name) for name in STYLES],
        "scripts": [static(name) for name in SCRIPTS],
    }
    return environment().get_template("graph.html").render(content)
