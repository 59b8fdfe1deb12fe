"""Tables for the terminal, and the same content as plain data for ``--json``."""

from __future__ import annotations

import itertools
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table

from archlab.cost import METRICS, Part, by_block, by_op, by_part, by_stage, cost
from archlab.detect.task import TRAIN
from archlab.detector import BOX_HEAD, NECK, DetectorSpec
from archlab.elaborate import Interpreter, Network, load
from archlab.grammar import parse_file
from archlab.ir import show_shape
from archlab.measured import Recount
from archlab.report.terminal import console_for, fitted, share, table_of
from archlab.resources import shipped_spaces
from archlab.search.result import SearchResult
from archlab.units import format_bytes, format_count, format_seconds

CONVENTION = "MACs: multiply-accumulates of convolutions and linear layers, one image."


# --- spaces -----------------------------------------------------------------------------------------------------


def space_rows() -> list[dict[str, Any]]:
    """Every shipped network and space: its name, kind, default cost and what its text says of it."""
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
    """The first sentence of the comment at a text's head."""
    comment = itertools.takewhile(lambda line: line.startswith("#"), text.splitlines())
    words = " ".join(line.lstrip("# ") for line in comment)
    # A full stop that ends a sentence is followed by a space and a capital: "et al. 2015" goes on.
    return re.split(r"(?<=\.) (?=[A-Z0-9])(?!\d{4})", words, maxsplit=1)[0]


def print_spaces(rows: list[dict[str, Any]]) -> None:
    """The shipped spaces as a table."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    for column in ("params", "MACs"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("about", overflow="fold")
    for row in rows:
        counts = (format_count(row["params"]), format_count(row["macs"]))
        table.add_row(row["name"], row["kind"], *counts, escape(row["about"]))
    console = console_for()
    console.print(table)
    console.print("A space's counts are those of its default draw. " + CONVENTION, style="dim")


# --- one network ------------------------------------------------------------------------------------------------


def show_network(network: Network, count: Recount | None = None) -> dict[str, Any]:
    """A network's totals at the top, then its draws, and its parts by stage and by operator."""
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


def print_network(network: Network, by: str, count: Recount | None = None) -> None:
    """A network's cost as a table by stage, block or operator, with its totals."""
    console = console_for()
    total = cost(network)
    title = f"{network.name}  {show_shape(network.input_shape)}"
    if by == "op":
        table = table_of("operator", "nodes", "params", "MACs", "share", "activations", title=title)
        for op, row in sorted(by_op(network.graph).items(), key=lambda item: -item[1]["macs"]):
            counts = (format_count(row["params"]), format_count(row["macs"]), share(row["macs"], total.macs))
            table.add_row(op, str(row["nodes"]), *counts, format_count(row["activations"]))
    else:
        table = table_of(by, "output", "params", "MACs", "share", "activations", "memory", title=title)
        for part in by_stage(network) if by == "stage" else by_block(network):
            table.add_row(
                part.name,
                show_shape(part.shape),
                format_count(part.cost.params),
                format_count(part.cost.macs),
                share(part.cost.macs, total.macs),
                format_count(part.cost.activations),
                format_bytes(part.cost.memory),
            )
        table.add_section()
        totals = (format_count(total.params), format_count(total.macs), "", format_count(total.activations))
        table.add_row("total", "", *totals, format_bytes(total.memory), style="bold")
    console.print(table)
    console.print(f"params {total.params:,}  MACs {total.macs:,}  activations {total.activations:,}")
    if network.detector is not None:
        console.print(_detector(network, network.detector))
    if count is not None:
        verdict = "equal, operator by operator" if count.equal else "DIFFERENT"
        console.print(f"fvcore MACs {count.macs:,}  with norms and pooling {count.total:,}  {verdict}")
    console.print(CONVENTION + " Memory: peak of live activations, batch 1, fp32.", style="dim")


def _detector(network: Network, detector: DetectorSpec) -> str:
    """The MACs of a detector's parts, and what they are counted for."""
    macs = {part.name: f"{part.cost.macs:,}" for part in by_part(network)}
    return (
        f"MACs backbone {macs['backbone']}  neck {macs[NECK]} ({detector.levels[0]} to {detector.levels[-1]},"
        f" {detector.width} channels)  box head {macs[BOX_HEAD]} ({detector.rois} RoIs an image)"
    )


# --- a search ---------------------------------------------------------------------------------------------------


def print_search(result: SearchResult, folder: Path) -> None:
    """The best candidates of a search, how its draws ended, and where the files are."""
    console = console_for()
    names = [objective.name for objective in result.objectives]
    budget = ", ".join(f"{name} ≤ {METRICS[name].format(limit)}" for name, limit in result.budgets.items())
    title = f"best of {escape(result.space)}" + (f" with {budget}" if budget else "")
    columns: dict[str, list[str]] = {"network": [escape(item.name) for item in result.finalists]}
    for name in (n for n in names if n not in METRICS):
        columns[f"{name} (AP)" if name == TRAIN else name] = [
            f"{item.values[name]:.4f}" if name in item.values else "–" for item in result.finalists
        ]
    for head, name in (("MACs", "macs"), ("params", "params"), ("activations", "activations"), ("memory", "memory")):
        columns[head] = [METRICS[name].format(item.cost[name]) for item in result.finalists]
    if any(item.latency for item in result.finalists):
        columns["latency"] = [
            METRICS["latency"].format(item.latency.median) if item.latency else "" for item in result.finalists
        ]
    columns["fvcore"] = [
        "" if item.recount is None else "equal" if item.recount.equal else "DIFFERENT" for item in result.finalists
    ]
    if result.finalists:
        console.print(fitted(console, columns, ("activations", "memory"), title))
    else:
        console.print("no candidate was scored")
    if len(result.stages) > 1:
        console.print(_stages(result))
    counts_by_state = result.counts()
    told = ", ".join(f"{n} {state.replace('_', ' ')}" for state, n in counts_by_state.items() if n or state == "scored")
    console.print(f"{len(result.trials)} draws: {told}")
    for trial in [t for t in result.trials if t.state == "failed" or (t.reason or "").startswith("failed in")][:3]:
        failed = "failed: " if trial.state == "failed" else ""
        console.print(f"  trial {trial.number} {failed}{trial.reason}", markup=False)
    console.print(CONVENTION, style="dim")
    console.print(f"report   {folder / 'report.html'}", markup=False, soft_wrap=True)
    console.print(f"result   {folder / 'result.json'}", markup=False, soft_wrap=True)
    if result.finalists:
        console.print(f"networks {folder / 'finalists'}/", markup=False, soft_wrap=True)


def _stages(result: SearchResult) -> Table:
    """Survivors and cost of each stage."""
    total = sum(stage.seconds for stage in result.stages)
    table = table_of("stage", "networks", "scored", "pruned", "failed", "went on", "evaluation", "share")
    for number, stage in enumerate(result.stages, start=1):
        counts = (stage.candidates, stage.scored, stage.pruned, stage.failed, stage.survivors)
        share = f"{stage.seconds / total:.1%}" if total else "–"
        name = escape(f"{number} {', '.join(stage.objectives)}")
        table.add_row(name, *map(str, counts), format_seconds(stage.seconds), share)
    return table
