"""The command line: commands only, no logic. Results go to standard output, progress and errors to standard error.

Exit codes: 0 fine, 1 a budget or check failed, 2 usage or input.
"""

from __future__ import annotations

import json
import shlex
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from archlab.cli_audit import audit
from archlab.cli_exchange import export, import_timm, rewrite
from archlab.cli_search import calibrate, worker
from archlab.errors import ArchlabError, BudgetError
from archlab.search.sampler.names import DEFAULT, SAMPLERS

_HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


def main() -> NoReturn:
    """Runs a command; an ArchlabError becomes one message and an exit code, never a traceback."""
    if not sys.warnoptions:
        # What torch and fvcore deprecate is for us to mend, not for whoever runs a search.
        warnings.simplefilter("ignore")
    try:
        cli(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except ArchlabError as error:
        click.echo(f"archlab: {error}", err=True)
        sys.exit(1 if isinstance(error, BudgetError) else 2)
    except BrokenPipeError:
        # The reader, such as `head`, has all that it wants.
        sys.stderr.close()
        sys.exit(0)
    sys.exit(0)


@click.group(context_settings=_HELP)
@click.version_option(package_name="archlab")
def cli() -> None:
    """Model analysis and architecture search for convolutional networks and detectors.

    NET and SPACE are a shipped name (`archlab spaces`) or an .arch file. MACs are multiply-accumulates of
    convolutions and linear layers for one image.
    """


@cli.command(epilog="Examples:  archlab spaces  ·  archlab spaces --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def spaces(as_json: bool) -> None:
    """List the shipped networks and search spaces."""
    from archlab.tables import print_spaces, space_rows

    rows = space_rows()
    if as_json:
        click.echo(json.dumps(rows, indent=1))
    else:
        print_spaces(rows)


@cli.command(
    epilog="Examples:  archlab show resnet50  ·  archlab show mobilenet_v1 --set width_mult=0.5 --by block  ·  "
    "archlab show my.arch --json"
)
@click.argument("net")
@click.option("--set", "sets", multiple=True, metavar="NAME=VALUE", help="Fill a hole or set a multiplier; repeatable.")
@click.option(
    "--by", type=click.Choice(["stage", "block", "op"]), default="stage", show_default=True, help="The table."
)
@click.option("--input", "size", metavar="CxHxW", help="Another input size than the text's, such as 3x128x160.")
@click.option("--fvcore", is_flag=True, help="Count with fvcore as well, and fail (1) where it differs.")
@click.option("--text", is_flag=True, help="Print the network's canonical text instead.")
@click.option("--max-nodes", type=int, default=20_000, show_default=True, help="Refuse texts that unfold beyond.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(
    net: str,
    sets: Sequence[str],
    by: str,
    size: str | None,
    fvcore: bool,
    text: bool,
    max_nodes: int,
    as_json: bool,
) -> None:
    """Print a network's parameters, MACs, activations and memory by stage."""
    from archlab.elaborate import Fixed, Interpreter, load, parse_values, settle
    from archlab.grammar import parse_file, unparse, with_input
    from archlab.resources import find_architecture
    from archlab.tables import print_network, show_network

    space = load(with_input(parse_file(find_architecture(net)), size), max_nodes)
    draw = Fixed(parse_values(sets))
    network = Interpreter(space).network(draw)
    draw.refuse_unknown()
    if text:
        click.echo(unparse(settle(space, network)), nl=False)
        return
    count = None
    if fvcore:
        from archlab.nn import recount

        count = recount(network.graph)
    if as_json:
        click.echo(json.dumps(show_network(network, count), indent=1))
    else:
        print_network(network, by, count)
    if count is not None and not count.equal:
        raise click.exceptions.Exit(1)


def _search_options(command: Callable[..., None]) -> Callable[..., None]:
    options = [
        click.argument("space"),
        click.option("--budget", "-b", "budgets", multiple=True, metavar="METRIC=VALUE",
                     help="An upper limit: macs=300M, params=3.4M, activations=5M, memory=8MiB or latency=25ms; "
                     "repeatable."),
        click.option("--objective", "-o", "objectives", multiple=True, metavar="NAME", default=("synflow",),
                     show_default=True,
                     help="A score to maximise, a metric to minimise, or your own package.module:function or "
                     "file.py:function (its code is run); repeat for a Pareto front."),
        click.option("--trials", "-n", type=click.IntRange(1), default=60, show_default=True,
                     help="Candidates to evaluate; over-budget and repeated draws are free."),
        click.option("--timeout", metavar="TIME", help="Begin no evaluation after this time, such as 10m."),
        click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True,
                     help="Of draws, weights and scores."),
        click.option("--sampler", type=click.Choice(SAMPLERS), default=DEFAULT, show_default=True,
                     help="How candidates are drawn."),
        click.option("--top", type=click.IntRange(1, 100), default=5, show_default=True, help="Finalists to report."),
        click.option("--out", type=click.Path(path_type=Path), help="Folder for all files.  [default: out/SPACE]"),
        click.option("--study", metavar="NAME", help="The study's name in its storage.  [default: the space's]"),
        click.option("--storage", metavar="ADDRESS",
                     envvar="ARCHLAB_STORAGE",
                     help="A journal file or database URL.  [default: study.journal in --out]"),
        click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True,
                     help="Processes that evaluate on this machine; `archlab worker` joins from others."),
        click.option("--heartbeat", type=click.IntRange(1, 3600), default=30, show_default=True, metavar="SECONDS",
                     help="A worker's sign of life on a database server; its trial is retried after two without."),
        click.option("--latency/--no-latency", default=True, show_default=True, help="Time the finalists."),
        click.option("--threads", type=click.IntRange(1, 1024), default=1, show_default=True,
                     help="Torch's threads while timing."),
        click.option("--max-nodes", type=int, default=20_000, show_default=True),
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@cli.command(
    epilog="Examples:  archlab search mobile -b macs=300M -b params=3.4M --trials 60  ·  "
    "archlab search resnet50 -b macs=2G -o synflow -o macs --out out/resnet  ·  "
    "archlab search my.arch -o train.py:accuracy --timeout 2h.  "
    "The same command again resumes its study."
)
@_search_options
def search(**options: Any) -> None:
    """Search SPACE for the best networks under budgets."""
    from rich.console import Console

    from archlab.cost import parse_budget
    from archlab.elaborate import load
    from archlab.grammar import parse_file
    from archlab.resources import find_architecture
    from archlab.units import parse_duration

    space = load(parse_file(find_architecture(options["space"])), options["max_nodes"])
    budget = parse_budget(options["budgets"])
    timeout = None if options["timeout"] is None else parse_duration(options["timeout"])
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    console = Console(stderr=True)
    with console.status("loading torch and optuna"):
        from archlab.search.objective import parse_goals
        from archlab.search.plan import Plan
        from archlab.search.progress import progress_line
        from archlab.search.run import run_search
    from archlab.report import write_report
    from archlab.result import to_json
    from archlab.search.workers.address import shown
    from archlab.tables import print_search

    def note(message: str) -> None:
        console.print(f"archlab: {message}", markup=False, highlight=False, soft_wrap=True)

    plan = Plan(
        space=space,
        note=note,
        goals=parse_goals(options["objectives"]),
        budget=budget,
        out=options["out"] or Path("out") / space.name,
        command=shlex.join(["archlab", *map(shown, sys.argv[1:])]),
        timeout=timeout,
        **{
            name: options[name]
            for name in (
                "trials",
                "seed",
                "sampler",
                "top",
                "study",
                "storage",
                "latency",
                "threads",
                "workers",
                "heartbeat",
            )
        },
    )
    result = run_search(plan, progress_line(plan, console))
    report = plan.out / "report.html"
    write_report(result, report)
    if options["as_json"]:
        click.echo(to_json(result), nl=False)
    else:
        print_search(result, plan.out)
    if result.interrupted:
        click.echo(f"archlab: ended early: {result.interrupted}; the same command resumes it", err=True)
    if any(f.recount is not None and not f.recount.equal for f in result.finalists):
        click.echo("archlab: fvcore counts a finalist differently: see the report", err=True)
        raise click.exceptions.Exit(1)


@cli.command(epilog="Examples:  archlab report out/mobile/result.json --out report.html  ·  archlab report gallery")
@click.argument("result", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="The page.  [default: beside the result; gallery.html]")
def report(result: Path, out: Path | None) -> None:
    """Make the HTML report of a search's RESULT file anew, or with `gallery` a page of the shipped networks."""
    if str(result) == "gallery":
        from archlab.report.gallery import write_gallery

        target = out or Path("gallery.html")
        write_gallery(target, lambda name: click.echo(f"drawing {name}", err=True))
    else:
        from archlab.report import write_report
        from archlab.result import read_result

        target = out or result.parent / "report.html"
        write_report(read_result(result), target)
    click.echo(target)


for _command in (audit, calibrate, export, import_timm, rewrite, worker):
    cli.add_command(_command)
