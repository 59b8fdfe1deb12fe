"""The commands that go with a search: workers that join one, and calibrations of a space."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from pathlib import Path

import click

from archlab.errors import InputError


@click.command(
    epilog="Example:  archlab worker --study mobile --storage postgresql://me@server/archlab, with the password in "
    "PGPASSWORD or ~/.pgpass"
)
@click.option("--study", required=True, metavar="NAME", help="The study, begun by `archlab search`.")
@click.option("--storage", required=True, metavar="ADDRESS", envvar="ARCHLAB_STORAGE",
              help="The journal file or database URL that holds it.")  # fmt: skip
@click.option("--space", metavar="SPACE", help="Refuse the study where it is not of this space.")
@click.option("--timeout", metavar="TIME", help="Begin no evaluation after this time, such as 10m.")
@click.option("--json", "as_json", is_flag=True, help="Print how it ended as JSON.")
def worker(study: str, storage: str, space: str | None, timeout: str | None, as_json: bool) -> None:
    """Evaluate candidates of a study that was begun elsewhere, until it is done.

    The study carries its space, budgets, objectives and seed. An objective of your own must be where it was named.
    """
    from archlab.grammar import parse_file
    from archlab.resources import find_architecture
    from archlab.search.workers.join import work
    from archlab.units import parse_duration

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    architecture = None if space is None else parse_file(find_architecture(space))
    seconds = None if timeout is None else parse_duration(timeout)
    history = work(storage, study, architecture, seconds, note=lambda text: click.echo(f"archlab: {text}", err=True))
    if as_json:
        click.echo(json.dumps({"spent": history.spent, "interrupted": history.interrupted}))
    else:
        click.echo(f"{history.spent} evaluations done" + (f"; {history.interrupted}" if history.interrupted else ""))


@click.command(
    epilog="Examples:  archlab calibrate mobile --from trained.csv --out mobile.json  ·  "
    "archlab calibrate my.arch -o train.py:accuracy -n 20 --out my.json, then archlab search my.arch -o my.json"
)
@click.argument("space")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Trained networks: a search's result.json, or a CSV with a column for each hole and one for the value.",
)
@click.option("--value", metavar="NAME", help="The value's column or objective.  [default: value, or the first]")
@click.option("--objective", "-o", metavar="NAME", help="Without --from: train networks drawn at random with this.")
@click.option("--trials", "-n", type=click.IntRange(10), default=20, show_default=True, help="How many of them.")
@click.option("--budget", "-b", "budgets", multiple=True, metavar="METRIC=VALUE", help="Limits on them.")
@click.option(
    "--score", "scores", multiple=True, metavar="NAME", help="Learn from this zero-cost score too; repeatable."
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The .json file.")  # fmt: skip
def calibrate(space: str, source: Path | None, value: str | None, objective: str | None, trials: int,
              budgets: Sequence[str], scores: Sequence[str], seed: int, out: Path) -> None:  # fmt: skip
    """Fit a score of SPACE to trained networks of it, to search with: --objective OUT."""
    from archlab.elaborate import Interpreter, load
    from archlab.grammar import parse_file
    from archlab.resources import find_architecture
    from archlab.search import search as run
    from archlab.search.calibrate import fit, read_lessons, write_calibration

    if (source is None) == (objective is None):
        raise InputError("a calibration needs either --from FILE or --objective NAME")
    if out.suffix != ".json":
        raise InputError(f"a calibration is a .json file, not {out}")
    loaded = load(parse_file(find_architecture(space)))
    if source is None and objective is not None:
        folder = out.with_suffix("")
        run(space, budgets, objective, trials, seed, folder, sampler="random", top=1, latency=False)
        source = folder / "result.json"
    assert source is not None
    networks, values = read_lessons(source, Interpreter(loaded), value)
    fitted = fit(loaded.name, networks, values, scores)
    write_calibration(out, fitted)
    equal = "no such pairs" if fitted.kendall_equal_macs is None else f"{fitted.kendall_equal_macs:.2f}"
    click.echo(f"{out}: {fitted.networks} networks; left-out Kendall {fitted.kendall:.2f}, Spearman "
               f"{fitted.spearman:.2f}; Kendall at equal MACs {equal}")  # fmt: skip
