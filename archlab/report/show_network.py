"""A network as ``print``, a notebook, a page and tables of data show it: its cost by stage."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from archlab.cost import Part, by_block, by_op, by_part, by_stage, cost
from archlab.elaborate import Network
from archlab.report.csv_text import csv_text
from archlab.report.graph_page import Figures, PageTable, graph_page
from archlab.report.network_tables import CONVENTION, SPARE, network_lines, network_table
from archlab.report.notebook_html import notebook_html
from archlab.report.operator_labels import dims
from archlab.report.terminal_tables import plain_text, print_fitted, print_lines
from archlab.units import format_bytes, format_count

TABLES = ("stage", "block", "part", "op")


def text(network: Network) -> str:
    """Return the table by stage, and the totals."""

    def write(console: Console) -> None:
        print_fitted(console, network_table(network, "stage"), SPARE)
        print_lines(console, [*network_lines(network), CONVENTION])

    return plain_text(write)


def notebook(network: Network) -> str:
    """Return the table by stage, and the totals, as HTML."""
    return notebook_html(network_table(network, "stage"), lines=network_lines(network))


def rows(network: Network, by: str) -> list[dict[str, Any]]:
    """Return the cost of every stage, block, part (of a detector) or kind of operator."""
    if by == "op":
        return [{"op": op, **row} for op, row in by_op(network.graph).items()]
    parts = {"stage": by_stage, "block": by_block, "part": by_part}[by](network)
    return [{"name": p.name, "shape": p.shape, "nodes": p.nodes, **p.cost.as_dict()} for p in parts]


def csv(network: Network, by: str | None) -> str:
    """Return these rows as CSV."""
    return csv_text(rows(network, by or TABLES[0]))


def page(network: Network) -> str:
    """Return a page with the totals, the cost by stage, and the drawing."""
    total = cost(network)
    figures: Figures = [
        (format_count(total.macs), "MACs"),
        (format_count(total.params), "params"),
        (format_count(total.activations), "activations"),
        (format_bytes(total.memory), "peak memory"),
    ]
    heads = ("Stage", "Output", "MACs", "Params", "Activations", "Peak memory")
    table = PageTable("Cost by stage", heads, tuple(map(_cells, by_stage(network))))
    return graph_page(network.graph, figures, (table,))


def _cells(part: Part) -> tuple[str, ...]:
    counts = (part.cost.macs, part.cost.params, part.cost.activations)
    return (part.name, dims(part.shape), *map(format_count, counts), format_bytes(part.cost.memory))
