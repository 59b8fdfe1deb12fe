"""The commands on detection data."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from archlab.cli.column_options import column_options
from archlab.cli.completions import complete_network
from archlab.cli.help_text import group, in_group
from archlab.cli.messages import printable_json
from archlab.cli.progress import progress
from archlab.cli.quiet import quiet_option

_read, _output = in_group("What is read, and for which network"), in_group("Output")


@group(examples=("archlab data check raccoon",))
def data() -> None:
    """Look at detection data: COCO, YOLO or Pascal VOC."""


@data.command(
    examples=("archlab data check raccoon", "archlab data check cells/data.yaml --input 3x96x128 --json"),
)
@click.argument("path", type=click.Path(path_type=Path))
@_read("--val", type=click.Path(path_type=Path), metavar="PATH", help="Validation data.  [default: beside PATH]")
@_read("--classes", metavar="NAME,NAME", help="The classes to look for.  [default: all]")
@_read(
    "--net",
    default="detection",
    show_default=True,
    metavar="NET",
    shell_complete=complete_network,
    help="The network that is to read it.",
)
@_read("--input", "size", metavar="CxHxW", help="Another input size than the network's, such as 3x96x128.")
@column_options
@_output("--json", "as_json", is_flag=True, help="Print JSON.")
@quiet_option()
def check(
    path: Path,
    val: Path | None,
    classes: str | None,
    net: str,
    size: str | None,
    columns: str | None,
    wide: bool,
    as_json: bool,
) -> None:
    """Print what the data at PATH holds: images, boxes by class and size, level use, and everything odd.

    PATH is a COCO-format JSON file or a folder with train.json, YOLO's data.yaml, list or folder, or a folder of
    Pascal VOC.
    The median side and what is below a pixel are at the input of NET; its levels are those of its default draw.
    """
    from archlab.detect.box_sizes import levels_of
    from archlab.detect.check_data import check_data
    from archlab.detect.data_source import class_names, find_source
    from archlab.elaborate import Fixed, Interpreter, load
    from archlab.grammar import parse_file, with_input
    from archlab.report.data_check_table import HEADINGS, print_check
    from archlab.report.terminal_tables import choice_of, console_for
    from archlab.resources import find_architecture

    choice = choice_of(columns, wide, HEADINGS)
    with progress(f"checking {path}"):
        source = find_source(path, val, classes=class_names(classes))
        graph = Interpreter(load(with_input(parse_file(find_architecture(net)), size))).network(Fixed({})).graph
        found = check_data(path, source, (graph.input_shape[1], graph.input_shape[2]), levels_of(graph))
    if as_json:
        click.echo(printable_json(json.dumps({"format": "archlab.data/1", **dataclasses.asdict(found)}, indent=1)))
    else:
        print_check(found, console_for(), choice)
