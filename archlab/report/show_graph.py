"""A graph as ``print``, a notebook, a page and tables of data show it: its operators in the order of running."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from archlab.cost import by_op
from archlab.ir import Graph, show_shape
from archlab.report.csv_text import csv_text
from archlab.report.graph_page import Figures, PageTable, graph_page
from archlab.report.notebook_html import notebook_html
from archlab.report.operator_labels import operator_label
from archlab.report.terminal_tables import plain_text, print_fitted, print_lines, safe, table_of
from archlab.units import format_count

TABLES = ("node", "op")
MAX_ROWS = 40
"""Operators that are printed; the frame has all."""

_SPARE = ("activations", "inputs", "output")


def text(graph: Graph) -> str:
    """Return the first operators, and the totals."""

    def write(console: Console) -> None:
        print_fitted(console, _table(graph), _SPARE)
        print_lines(console, _lines(graph))

    return plain_text(write)


def notebook(graph: Graph) -> str:
    """Return the first operators, and the totals, as HTML."""
    return notebook_html(_table(graph), lines=_lines(graph))


def rows(graph: Graph, by: str) -> list[dict[str, Any]]:
    """Return a row for every operator, or for every kind of operator."""
    if by == "op":
        return [{"op": op, **row} for op, row in by_op(graph).items()]
    return [
        {
            "name": node.name,
            "op": node.op,
            "stage": node.stage,
            "block": node.block,
            "inputs": node.inputs,
            "shape": node.shape,
            "params": node.params,
            "macs": node.macs,
            "other": node.other,
            "activations": node.activations,
            "rows": node.rows,
            "attrs": dict(node.attrs),
        }
        for node in graph
    ]


def csv(graph: Graph, by: str | None) -> str:
    """Return these rows as CSV."""
    return csv_text(rows(graph, by or TABLES[0]))


def page(graph: Graph) -> str:
    """Return a page with the totals, what each kind of operator costs, and the drawing."""
    figures: Figures = [(format_count(n), label) for label, n in _totals(graph).items()]
    heads = ("Operator", "Nodes", "MACs", "Params", "Activations")
    ops = sorted(by_op(graph).items(), key=lambda item: -item[1]["macs"])
    cells = tuple(
        (op, str(row["nodes"]), *(format_count(row[name]) for name in ("macs", "params", "activations")))
        for op, row in ops
    )
    return graph_page(graph, figures, (PageTable("Cost by operator", heads, cells),))


def _totals(graph: Graph) -> dict[str, int]:
    names = {"MACs": "macs", "params": "params", "activations": "activations"}
    return {label: sum(getattr(node, name) for node in graph) for label, name in names.items()}


def _table(graph: Graph) -> Table:
    title = f"{safe(graph.name)}  {show_shape(graph.input_shape)}"
    table = table_of("node", "operator", "inputs", "output", "params", "MACs", "activations", title=title)
    for node in graph.nodes[:MAX_ROWS]:
        counts = (node.params, node.macs, node.activations)
        names = ", ".join(node.inputs[:3]) + (", …" if len(node.inputs) > 3 else "")
        cells = (node.name, operator_label(node), names, show_shape(node.shape))
        table.add_row(*map(safe, cells), *(format_count(n) if n else "" for n in counts))
    return table


def _lines(graph: Graph) -> list[str]:
    more = len(graph) - MAX_ROWS
    lines = [f"… and {more:,} more operators: see frame()"] if more > 0 else []
    return [*lines, "  ".join([f"{len(graph):,} nodes", *(f"{name} {n:,}" for name, n in _totals(graph).items())])]
