"""``archlab worker``: a process that takes part in a search which was begun elsewhere."""

from __future__ import annotations

import json

import click

from archlab.cli.completions import complete_function, complete_network
from archlab.cli.help_text import command, in_group
from archlab.cli.interrupts import interrupts
from archlab.cli.messages import say
from archlab.cli.progress import progress
from archlab.cli.quiet import quiet_option
from archlab.cli.search_progress import watcher
from archlab.errors import printable

_study, _code, _length, _output = map(in_group, ("Study", "Code of yours", "Length", "Output"))


@command(
    examples=(
        "archlab worker --study mobile --storage postgresql://me@server/archlab",
        "archlab worker --study mobile --storage study.journal -o train.py:accuracy",
    ),
    notes=("A database's password is in PGPASSWORD or ~/.pgpass.",),
)
@_study("--study", required=True, metavar="NAME", help="The study, begun by `archlab search`.")
@_study(
    "--storage",
    required=True,
    metavar="ADDRESS",
    envvar="ARCHLAB_STORAGE",
    help="The journal file or database URL that holds it.",
)
@_code(
    "--objective",
    "-o",
    "objectives",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_function,
    help="An objective, metric or rule of the study that is your own code: what is not named is not run; repeatable.",
)
@_study(
    "--space", metavar="SPACE", shell_complete=complete_network, help="Refuse the study where it is not of this space."
)
@_length("--timeout", metavar="TIME", help="Begin no evaluation after this time, such as 10m.")
@_length("--one-stage", is_flag=True, help="End with this study; do not continue with the search's later stages.")
@_output("--json", "as_json", is_flag=True, help="Print how it ended as JSON.")
@quiet_option()
def worker(
    study: str,
    storage: str,
    objectives: tuple[str, ...],
    space: str | None,
    timeout: str | None,
    one_stage: bool,
    as_json: bool,
) -> None:
    """Evaluate candidates of a study that was begun elsewhere until it is done, stage after stage.

    The study carries its space, budgets, objectives and seed. An objective of your own must be where it was named, and
    is run when it is named here too: whoever can write to the storage can name any file.
    """
    from rich.console import Console

    from archlab.user_prints import ResultsOnly

    with interrupts() as interrupted, ResultsOnly() as stdout:
        from archlab.search.study.history import INTERRUPTED

        with progress("loading torch and optuna"):
            from archlab.search.workers.join import work

        with progress(f"joining {study}") as tell:
            history = work(
                storage,
                study,
                space,
                objectives=objectives,
                timeout=timeout,
                note=say,
                one_stage=one_stage,
                progress=watcher(Console(stderr=True), tell),
            )
        with stdout.given_back():
            if as_json:
                click.echo(json.dumps({"spent": history.evaluated, "interrupted": history.interrupted}))
            else:
                end = f"; {history.interrupted}" if history.interrupted else ""
                click.echo(printable(f"{history.evaluated} evaluations done{end}"))
        if history.interrupted == INTERRUPTED:
            interrupted.leave()
