"""``archlab search``: the best networks of a space under budgets."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click

from archlab.cli.help_text import command
from archlab.cli.interrupts import interrupts
from archlab.cli.messages import printable_json, say
from archlab.cli.progress import progress
from archlab.cli.search_options import search_options
from archlab.cli.search_progress import watcher
from archlab.errors import printable


@command(
    examples=(
        "archlab search mobile -b macs=300M -b params=3.4M --trials 60",
        "archlab search resnet50 -b macs=2G -o score -o macs --out out/resnet",
        "archlab search my.arch -o train.py:accuracy --timeout 2h",
        "archlab search mobile -b macs=300M --then train.py:accuracy --keep 8",
        "archlab search mobile -b chip.py:energy=3.5mJ --require chip.py:fits",
        "archlab search mobile -b latency=5ms --profile my-device.json",
        "archlab search detection --data cells --train-top 4 --input 3x96x128",
        "archlab search mobile --data photos --train-top 4 --input 3x64x64",
    ),
    notes=("The same command again resumes its study.",),
    exit_codes={
        "0": "done, or the time limit was reached",
        "1": "no network meets the budget, or fvcore counts otherwise",
        "2": "it cannot go on, as its last line says",
        "130": "interrupted by Ctrl-C, after writing what there is",
        "143": "the same by SIGTERM",
    },
)
@search_options
def search(**options: Any) -> None:
    """Search SPACE for the best networks under budgets."""
    from rich.console import Console

    from archlab.search.request import make_plan
    from archlab.search.storage.redact import redact
    from archlab.user_prints import ResultsOnly

    console = Console(stderr=True)

    def note(message: str) -> None:
        console.print(f"archlab: {printable(message)}", markup=False, highlight=False, soft_wrap=True)

    as_json, columns, wide = options.pop("as_json"), options.pop("columns"), options.pop("wide")
    command = shlex.join(["archlab", *map(redact, sys.argv[1:])])
    with interrupts() as interrupted, ResultsOnly() as stdout:
        with progress("loading torch and optuna"):
            plan = make_plan(options.pop("space"), **options, note=note, command=command)

            from archlab.report.search_summary import headings_of
            from archlab.report.terminal_tables import choice_of

            choice = choice_of(columns, wide, headings_of(o.name for s in plan.stages for o in s.objectives))

            from archlab.search.run import run_search
        from archlab.cli.tables import print_search
        from archlab.report.search_page import write_report
        from archlab.search.result import to_json
        from archlab.search.study.history import INTERRUPTED

        with progress(f"searching {printable(plan.space.name)}") as tell:
            result = run_search(plan, watcher(console, tell))
        with progress("drawing the page"):
            write_report(result, plan.out / "report.html")
        with stdout.given_back():
            if as_json:
                click.echo(printable_json(to_json(result)), nl=False)
            else:
                print_search(result, plan.out, choice)
        if result.interrupted:
            say(f"ended early: {result.interrupted}; the same command resumes it")
        if result.interrupted == INTERRUPTED:
            interrupted.leave()
        if any(f.recount is not None and not f.recount.equal for f in result.finalists):
            say("fvcore counts a finalist differently: see the report")
            sys.exit(1)
