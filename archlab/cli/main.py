"""The command line: commands only, no logic. Results go to standard output, progress and errors to standard error.

Exit codes: see ``archlab.cli.ending``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from archlab.cli.audit import audit
from archlab.cli.calibrate import calibrate
from archlab.cli.column_options import column_options
from archlab.cli.completion_shells import VARIABLE, answer_shell
from archlab.cli.completions import complete_hole, complete_network
from archlab.cli.data import data
from archlab.cli.device import device
from archlab.cli.diff import diff
from archlab.cli.ending import EXIT_CODES, OUTPUT, UNFORESEEN, USAGE, refuse_deleted_folder, run
from archlab.cli.exchange import export, import_timm
from archlab.cli.help_text import group, in_group
from archlab.cli.lift import lift
from archlab.cli.messages import say
from archlab.cli.pages import html_option, open_option, write_shown
from archlab.cli.predict import predict
from archlab.cli.progress import progress
from archlab.cli.quiet import quiet_option
from archlab.cli.refit import refit
from archlab.cli.report import report
from archlab.cli.rewrite import rewrite
from archlab.cli.search import search
from archlab.cli.shrink import shrink
from archlab.cli.streams import guard_output
from archlab.cli.study import study
from archlab.cli.train import train
from archlab.cli.worker import worker
from archlab.errors import ArchlabError
from archlab.user_effects import end_process

_HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


def main() -> NoReturn:
    """Run a command and exit with its code; whatever goes wrong is one message, never a traceback."""
    if not sys.warnoptions:
        # What torch and fvcore deprecate is for us to mend, not for whoever runs a search.
        warnings.simplefilter("ignore")
    lost = guard_output()
    if VARIABLE in os.environ:
        sys.exit(_answer_shell(os.environ[VARIABLE]))
    before = threading.enumerate()
    code = run(cli, sys.argv[1:])
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while libraries end would print their tracebacks
    failure = lost()
    if failure is not None and code <= USAGE:
        say(f"cannot write to standard output: {(failure.strerror or str(failure)).lower()}")
        code = OUTPUT
    if any(not thread.daemon for thread in threading.enumerate() if thread not in before):
        end_process(code)  # a thread that an objective left behind must not keep a command that is done
    sys.exit(code)


def _answer_shell(instruction: str) -> int:
    """Print what a shell asks for while a line is typed, in which nothing else may appear; return the exit code."""
    try:
        click.echo(answer_shell(cli, instruction), nl=False)
    except ArchlabError as error:
        say(error)
        return USAGE
    except Exception:
        return UNFORESEEN
    return 0


_SECTIONS = {
    "Look at networks": ("spaces", "show", "diff", "audit", "report"),
    "Change networks": ("rewrite", "shrink", "refit"),
    "Search": ("search", "worker", "calibrate", "study"),
    "Train": ("train", "data", "predict"),
    "In and out": ("lift", "export", "import"),
    "This machine": ("device",),
}


@group(
    context_settings=_HELP,
    sections=_SECTIONS,
    examples=(
        "archlab spaces",
        "archlab show mobilenet_v2",
        "archlab search mobile -b macs=300M",
    ),
    notes=(
        "Completion of names, holes and budgets, in bash's start file:",
        '\b\n  eval "$(_ARCHLAB_COMPLETE=bash_source archlab)"',
        "Other shells: docs/completion.md.",
    ),
    exit_codes=EXIT_CODES,
)
@click.version_option(package_name="archlab")
def cli() -> None:
    """Model analysis and architecture search for convolutional networks and detectors.

    NET and SPACE are a shipped name (`archlab spaces`) or an .arch file. MACs are multiply-accumulates of
    convolutions and linear layers for one image.
    """
    refuse_deleted_folder()


_network, _table, _output = in_group("The network"), in_group("The table"), in_group("Output")


@cli.command(examples=("archlab spaces", "archlab spaces --json"))
@column_options
@_output("--json", "as_json", is_flag=True, help="Print JSON.")
def spaces(columns: str | None, wide: bool, as_json: bool) -> None:
    """List the shipped networks and search spaces."""
    from archlab.cli.tables import SPACES_HEADINGS, print_spaces
    from archlab.report.network_tables import space_rows
    from archlab.report.terminal_tables import choice_of

    choice = choice_of(columns, wide, SPACES_HEADINGS)
    rows = space_rows()
    if as_json:
        click.echo(json.dumps(rows, indent=1))
    else:
        print_spaces(rows, choice)


@cli.command(
    examples=(
        "archlab show resnet50",
        "archlab show mobilenet_v1 --set width_mult=0.5 --by block",
        "archlab show my.arch --json",
        "archlab show mobilenet_v2 --profile my-device.json",
        "archlab show resnet50 --html resnet50.html --open",
    )
)
@click.argument("net", shell_complete=complete_network)
@_network(
    "--set",
    "sets",
    multiple=True,
    metavar="NAME=VALUE",
    shell_complete=complete_hole,
    help="Fill a hole or set a multiplier; repeatable.",
)
@_table(
    "--by",
    type=click.Choice(["stage", "block", "op"]),
    default="stage",
    show_default=True,
    help="Choose what each row of the table is.",
)
@_network("--input", "size", metavar="CxHxW", help="Set another input size than the text's, such as 3x128x160.")
@_table("--fvcore", is_flag=True, help="Count with fvcore as well, and exit with 1 where it differs.")
@_table(
    "--profile",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Predict latency as well, by a profile of `archlab device profile`.",
)
@_output("--text", is_flag=True, help="Print the network's canonical text instead.")
@_network(
    "--max-nodes",
    type=int,
    default=20_000,
    show_default=True,
    help="Refuse texts that unfold into more operators than this.",
)
@column_options
@_output("--json", "as_json", is_flag=True, help="Print JSON.")
@html_option
@open_option
@quiet_option()
def show(
    net: str,
    sets: Sequence[str],
    by: str,
    size: str | None,
    fvcore: bool,
    profile: Path | None,
    text: bool,
    max_nodes: int,
    columns: str | None,
    wide: bool,
    as_json: bool,
    html_file: Path | None,
    opened: bool,
) -> None:
    """Print a network's parameters, MACs, activations and memory by stage."""
    from archlab.cli.tables import HEADINGS, print_network
    from archlab.elaborate import Fixed, Interpreter, alike_options, fill_holes, load, parse_values
    from archlab.grammar import parse_file, unparse, with_input
    from archlab.report.network_tables import network_data
    from archlab.report.terminal_tables import choice_of
    from archlab.resources import find_architecture

    choice = choice_of(columns, wide, HEADINGS)
    space = load(with_input(parse_file(find_architecture(net)), size), max_nodes)
    network = Interpreter(space).network(Fixed(parse_values(sets)))
    for sentence in alike_options(space):
        say(sentence)
    if text:
        click.echo(unparse(fill_holes(space, network)), nl=False)
        return
    latency = None
    if profile is not None:
        from archlab.latency import read_profile

        latency = read_profile(profile)
    count = None
    if fvcore:
        with progress(f"counting {network.name} with fvcore"):
            from archlab.nn import recount

            count = recount(network.graph)
    if html_file is not None or opened:
        from archlab.report.show_network import page

        write_shown(page(network), html_file, network.name, opened)
    if as_json:
        click.echo(json.dumps(network_data(network, count, latency), indent=1))
    else:
        print_network(network, by, count, choice, latency)
    if count is not None and not count.equal:
        raise click.exceptions.Exit(1)


for _command in (
    audit,
    calibrate,
    data,
    device,
    diff,
    export,
    import_timm,
    lift,
    predict,
    refit,
    report,
    rewrite,
    search,
    shrink,
    study,
    train,
    worker,
):
    cli.add_command(_command)
