"""``archlab calibrate``: a score of a space that is fitted to trained networks of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from archlab.cli.completions import complete_budget, complete_network, complete_objective, complete_score
from archlab.cli.help_text import command, in_group
from archlab.cli.interrupts import interrupts
from archlab.cli.progress import progress
from archlab.cli.quiet import quiet_option
from archlab.cli.search_progress import watcher
from archlab.errors import printable

_trained, _drawn = in_group("Networks that were trained"), in_group("Networks to train")
_fitted, _output = in_group("What is fitted"), in_group("Output")


@command(
    examples=(
        "archlab calibrate mobile --from trained.csv --out mobile.json",
        "archlab calibrate my.arch -o train.py:accuracy -n 20 --out my.json",
        "archlab search my.arch -o my.json",
    )
)
@click.argument("space", shell_complete=complete_network)
@_trained(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Trained networks: a search's result.json, or a CSV with a column for each hole and one for the value.",
)
@_trained("--value", metavar="NAME", help="The value's column or objective.  [default: value, or the first]")
@_drawn(
    "--objective",
    "-o",
    metavar="NAME",
    shell_complete=complete_objective,
    help="Without --from: train networks drawn randomly with this.",
)
@_drawn("--trials", "-n", type=click.IntRange(10), default=20, show_default=True, help="How many of them.")
@_drawn(
    "--budget",
    "-b",
    "budget",
    multiple=True,
    metavar="METRIC=VALUE",
    shell_complete=complete_budget,
    help="Limits on them.",
)
@_fitted(
    "--score",
    "scores",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_score,
    help="Learn from this zero-cost score too; repeatable.",
)
@_drawn("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Of draws.")
@_output("--out", type=click.Path(path_type=Path), required=True, help="The .json file to write.")
@quiet_option()
def calibrate(space: str, out: Path, **options: Any) -> None:
    """Fit a score of SPACE to trained networks of it, to search with: --objective OUT."""
    from rich.console import Console

    from archlab.user_prints import ResultsOnly

    console = Console(stderr=True)
    with interrupts(), ResultsOnly() as stdout:
        with progress(f"calibrating {space}") as tell:
            from archlab.search.calibrate import calibrate as run

            fitted = run(space, out, **options, progress=watcher(console, tell), say=tell)
        equal = "no such pairs" if fitted.kendall_equal_macs is None else f"{fitted.kendall_equal_macs:.2f}"
        with stdout.given_back():
            click.echo(f"{printable(str(out))}: {fitted.networks} networks; left-out Kendall {fitted.kendall:.2f}, "
                       f"Spearman {fitted.spearman:.2f}; Kendall at equal MACs {equal}")  # fmt: skip
