"""A structure as ``print``, a notebook, a page and tables of data show it."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from archlab.ir import show_shape
from archlab.report.csv_text import csv_text
from archlab.report.graph_page import Figures, graph_page
from archlab.report.notebook_html import notebook_html
from archlab.report.structure_tables import kind_rows, kinds_table, print_structure, sections_table, structure_lines
from archlab.report.terminal_tables import plain_text, print_lines
from archlab.structure.found import COSTS, Structure
from archlab.structure.runs import place_of
from archlab.units import format_bytes, format_count

TABLES = ("kind", "section", "block")


def text(structure: Structure) -> str:
    """Return both tables, and what a reader must know."""

    def write(console: Console) -> None:
        print_lines(console, [f"{structure.name}  {show_shape(structure.graph.input_shape)}"], "bold")
        print_structure(console, structure)

    return plain_text(write)


def notebook(structure: Structure) -> str:
    """Return the tables as HTML."""
    return notebook_html(kinds_table(structure), sections_table(structure), lines=list(structure_lines(structure)))


def rows(structure: Structure, by: str) -> list[dict[str, Any]]:
    """Return a row for each kind, section or block."""
    if by == "kind":
        return [
            {
                "block": row.title,
                "inside": ", ".join(row.inside),
                "count": len(row.blocks),
                **{cost: sum(getattr(block, cost) for block in row.blocks) for cost in COSTS},
                "where": row.where,
            }
            for row in kind_rows(structure)
        ]
    if by == "section":
        return [
            {"section": s.name, "shape": s.shape, "blocks": len(s.blocks), **{cost: getattr(s, cost) for cost in COSTS}}
            for s in structure.sections
        ]
    return [
        {
            "section": section.name,
            "block": block.title,
            "place": place_of(block),
            "shortcut": block.shortcut,
            "shape": block.shape,
            **{cost: getattr(block, cost) for cost in COSTS},
            **block.settings.as_dict(),
        }
        for section in structure.sections
        for block in section.blocks
    ]


def csv(structure: Structure, by: str | None) -> str:
    """Return these rows as CSV."""
    return csv_text(rows(structure, by or TABLES[0]))


def page(structure: Structure) -> str:
    """Return a page with the totals, both tables, and the drawing block by block."""
    figures: Figures = [
        (format_count(structure.total("macs")), "MACs"),
        (format_count(structure.total("params")), "params"),
        (format_bytes(structure.total("memory")), "put out by its operators"),
        (str(len(structure.blocks)), "blocks"),
    ]
    return graph_page(structure.graph, figures, (), structure)
