"""``archlab diff``: what differs between two networks."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from archlab.cli.column_options import column_options
from archlab.cli.completions import complete_model
from archlab.cli.help_text import command, in_group
from archlab.cli.interrupts import interrupts
from archlab.cli.messages import printable_json
from archlab.cli.progress import progress
from archlab.cli.quiet import quiet_option
from archlab.files import write_atomic
from archlab.ir import Graph

SCHEMA = "archlab.diff/1"


_read, _output = in_group("How networks are read"), in_group("Output")


@command(
    examples=(
        "archlab diff resnet50 resnext50_32x4d",
        "archlab diff old.arch new.arch --html diff.html",
        "archlab diff torchvision:resnet50 resnet50",
    ),
    exit_codes={"0": "both compute the same", "1": "they differ", "2": "one of them cannot be read"},
)
@click.argument("a", shell_complete=complete_model)
@click.argument("b", shell_complete=complete_model)
@_read(
    "--input",
    "inputs",
    multiple=True,
    metavar="SHAPE|FILE",
    help="What both are called with, such as 3x128x160.  [default: each its own]",
)
@_read("--trust", is_flag=True, help="Read a .pt2 whose parts can run code, such as pickles.")
@column_options
@_output("--json", "as_json", is_flag=True, help="Print JSON (schema archlab.diff/1).")
@_output("--html", "html_file", type=click.Path(path_type=Path), help="Write a page: one offline file.")
@quiet_option()
def diff(
    a: str,
    b: str,
    inputs: Sequence[str],
    trust: bool,
    columns: str | None,
    wide: bool,
    as_json: bool,
    html_file: Path | None,
) -> None:
    """Compare networks A and B by structure: stages and blocks side by side, what changed, and what it costs.

    A and B are shipped names, .arch files, .onnx files, or models as `archlab audit` takes them, which are run by
    their code; of a text with holes it is the default draw. Exits with 0 where both compute the same, and with 1 where
    they differ, like diff. Weights are not compared.
    """
    from archlab.report.diff_tables import TOTALS_HEADINGS, print_diff
    from archlab.report.terminal_tables import choice_of, console_for
    from archlab.structure.compare import compare

    choice = choice_of(columns, wide, TOTALS_HEADINGS)

    with interrupts(), progress("reading") as say_what:
        graphs = []
        for name in (a, b):
            say_what(f"reading {name}")
            graphs.append(_graph(name, inputs, trust))
        found = compare(*graphs)
    if html_file is not None:
        from archlab.report.diff_page import diff_page

        write_atomic(html_file, diff_page(found))
    if as_json:
        data = {"schema": SCHEMA, **found.as_dict()}
        click.echo(printable_json(json.dumps(data, indent=1, ensure_ascii=False)))
    else:
        print_diff(console_for(), found, choice)
    if not found.equal:
        sys.exit(1)


def _graph(name: str, inputs: Sequence[str], trust: bool) -> Graph:
    from archlab.elaborate import elaborate
    from archlab.grammar import parse_file, with_input
    from archlab.resources import find_architecture

    if ":" not in name and Path(name).suffix in ("", ".arch"):
        return elaborate(with_input(parse_file(find_architecture(name)), inputs[0] if inputs else None)).graph
    if name.endswith(".onnx"):
        from archlab.lift.lift_target import lift_target

        return lift_target(name, inputs).graph
    from archlab.audit.audit_request import Request
    from archlab.audit.audit_targets import graph_of_target
    from archlab.lift.model_graph import called_graph

    request = Request(targets=(name,), inputs=tuple(inputs), structure=True, trust=trust)
    return graph_of_target(name, request, called_graph)
