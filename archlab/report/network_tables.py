"""Shipped spaces and the cost of one network, as plain data for ``--json`` and as tables for the terminal.

Imports neither torch nor optuna, so that ``archlab spaces`` and ``archlab show`` answer at once.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from archlab.cost import Part, by_block, by_op, by_part, by_stage, cost
from archlab.detector import BOX_HEAD, NECK, DetectorSpec
from archlab.elaborate import Interpreter, Network, load
from archlab.grammar import parse_file
from archlab.ir import show_shape
from archlab.measured import Predicted, Recount
from archlab.report.terminal_tables import safe, share, table_of
from archlab.resources import shipped_spaces
from archlab.units import format_bytes, format_count, format_percent, format_seconds

if TYPE_CHECKING:
    from archlab.latency import AnyPredictor

CONVENTION = "MACs: multiply-accumulates of convolutions and linear layers, one image."

SPARE = ("share", "memory", "activations", "output", "nodes")
"""Columns of a network's tables that leave where they do not fit, the first first."""

HEADINGS = ("output", "nodes", "params", "MACs", "share", "activations", "memory", "latency")
SPACES_SPARE = ("kind",)
SPACES_HEADINGS = ("kind", "params", "MACs", "about")


def space_rows() -> list[dict[str, Any]]:
    """Return every shipped network and space: its name, kind, default cost and what its text says of it."""
    rows = []
    for name, path in shipped_spaces().items():
        space = load(parse_file(path))
        total = cost(Interpreter(space).network(lambda hole: hole.default))
        rows.append(
            {
                "name": name,
                "kind": "network" if space.is_reference else "space",
                "params": total.params,
                "macs": total.macs,
                "about": _about(space.architecture.text),
            }
        )
    return rows


def _about(text: str) -> str:
    """Return the first sentence of the comment at a text's head."""
    comment = itertools.takewhile(lambda line: line.startswith("#"), text.splitlines())
    words = " ".join(line.lstrip("# ") for line in comment)
    # A full stop that ends a sentence is followed by a space and a capital: "et al. 2015" goes on.
    return re.split(r"(?<=\.) (?=[A-Z0-9])(?!\d{4})", words, maxsplit=1)[0]


def spaces_table(rows: list[dict[str, Any]]) -> Table:
    """Return the shipped spaces as a table of what ``space_rows`` returns."""
    table = table_of("name", *SPACES_HEADINGS)
    name, kind, *_, about = table.columns
    name.no_wrap, about.no_wrap = True, False
    kind.justify = about.justify = "left"
    for row in rows:
        counts = (format_count(row["params"]), format_count(row["macs"]))
        table.add_row(row["name"], row["kind"], *counts, escape(row["about"]))
    return table


def network_data(network: Network, count: Recount | None = None, latency: AnyPredictor | None = None) -> dict[str, Any]:
    """Return a network's totals, then its draw, and its parts by stage and by operator; with fvcore's ``count``.

    Args:
        latency: what predicts its latency, in seconds, and that of its stages.
    """
    data: dict[str, Any] = {
        "name": network.name,
        "digest": network.digest,
        "input": list(network.input_shape),
        **cost(network).as_dict(),
        "nodes": network.body.nodes,
        "draws": dict(network.draws),
        "stages": [_part(part) for part in by_stage(network)],
        "operators": by_op(network.graph),
    }
    if network.detector is not None:
        data["detector"] = {**asdict(network.detector), "parts": [_part(part) for part in by_part(network)]}
    if latency is not None:
        data["latency"] = asdict(latency.predict(network))
        spent = _latencies(network, "stage", latency)
        data["stages"] = [{**stage, "latency": spent.get(stage["name"])} for stage in data["stages"]]
    if count is not None:
        data["fvcore"] = {
            "macs": count.macs,
            "total": count.total,
            "by_operator": count.by_operator,
            "uncounted": count.uncounted,
            "equal": count.equal,
        }
    return data


def _part(part: Part) -> dict[str, Any]:
    return {"name": part.name, "shape": list(part.shape), "nodes": part.nodes, **part.cost.as_dict()}


def network_table(network: Network, by: str, latency: AnyPredictor | None = None) -> Table:
    """Return a network's cost by ``stage``, ``block`` or ``op``; the first two end with the totals.

    Args:
        latency: what predicts the latency of each row, as a further column.
    """
    title = f"{safe(network.name)}  {show_shape(network.input_shape)}"
    spent = {} if latency is None else _latencies(network, by, latency)
    return _table_by_operator(network, title, spent) if by == "op" else _table_by_part(network, by, title, spent)


def _latencies(network: Network, by: str, latency: AnyPredictor) -> dict[str, float]:
    """Return the seconds of each stage, block or operator, by name; none where a table knows whole networks alone."""
    if latency.setting is None:
        return {}
    graph, seconds = network.graph, defaultdict[str, float](float)
    for name, spent in latency.by_node(graph).items():
        node = graph[name]
        seconds[{"stage": node.stage, "block": node.block, "op": node.op}[by]] += spent
    return seconds


def _table_by_operator(network: Network, title: str, spent: Mapping[str, float]) -> Table:
    more = ("latency",) if spent else ()
    table = table_of("operator", "nodes", "params", "MACs", "share", "activations", *more, title=title)
    macs = cost(network).macs
    for op, row in sorted(by_op(network.graph).items(), key=lambda item: -item[1]["macs"]):
        counts = (format_count(row["params"]), format_count(row["macs"]), share(row["macs"], macs))
        cells = [format_seconds(spent[op])] if spent else []
        table.add_row(op, str(row["nodes"]), *counts, format_count(row["activations"]), *cells)
    return table


def _table_by_part(network: Network, by: str, title: str, spent: Mapping[str, float]) -> Table:
    more = ("latency",) if spent else ()
    table = table_of(by, "output", "params", "MACs", "share", "activations", "memory", *more, title=title)
    total = cost(network)
    for part in by_stage(network) if by == "stage" else by_block(network):
        table.add_row(
            safe(part.name),
            show_shape(part.shape),
            format_count(part.cost.params),
            format_count(part.cost.macs),
            share(part.cost.macs, total.macs),
            format_count(part.cost.activations),
            format_bytes(part.cost.memory),
            *([format_seconds(spent.get(part.name, 0.0))] if spent else []),
        )
    table.add_section()
    totals = (format_count(total.params), format_count(total.macs), "", format_count(total.activations))
    cells = [format_seconds(sum(spent.values()))] if spent else []
    table.add_row("total", "", *totals, format_bytes(total.memory), *cells, style="bold")
    return table


def network_lines(network: Network, count: Recount | None = None, latency: AnyPredictor | None = None) -> list[str]:
    """Return what stands below the table: exact totals, a detector's parts, and how fvcore's ``count`` compares.

    Args:
        latency: what predicts its latency, which is then told with its interval.
    """
    total = cost(network)
    lines = [f"params {total.params:,}  MACs {total.macs:,}  activations {total.activations:,}"]
    if network.detector is not None:
        lines.append(_detector(network, network.detector))
    if latency is not None:
        lines.append(predicted_line(latency.predict(network)))
    if count is not None:
        verdict = "equal, operator by operator" if count.equal else "DIFFERENT"
        lines.append(f"fvcore MACs {count.macs:,}  with norms and pooling {count.total:,}  {verdict}")
    return lines


def predicted_line(predicted: Predicted) -> str:
    """Return a predicted latency with its interval, and what it is of."""
    low, high = format_seconds(predicted.low), format_seconds(predicted.high)
    line = (
        f"latency {format_seconds(predicted.seconds)} ({low} to {high} in nine of ten networks), predicted for"
        f" {predicted.by}"
    )
    if predicted.measured is None:
        return line
    return f"{line}; {format_percent(predicted.measured, 0)} of it is of kernels measured in these sizes"


def _detector(network: Network, detector: DetectorSpec) -> str:
    """Return the MACs of a detector's parts, and what they are counted for."""
    macs = {part.name: f"{part.cost.macs:,}" for part in by_part(network)}
    return (
        f"MACs backbone {macs['backbone']}  neck {macs[NECK]} ({detector.levels[0]} to {detector.levels[-1]},"
        f" {detector.width} channels)  box head {macs[BOX_HEAD]} ({detector.rois} RoIs per image)"
    )
