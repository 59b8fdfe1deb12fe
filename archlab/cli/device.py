"""``archlab device``: what this machine, or a table of another one, says about latency."""

from __future__ import annotations

from pathlib import Path

import click

from archlab.cli.completions import complete_network
from archlab.cli.help_text import group, in_group
from archlab.cli.messages import say
from archlab.cli.progress import progress
from archlab.cli.quiet import quiet_option
from archlab.errors import InputError, printable
from archlab.units import format_percent

_BACKENDS = ("torch", "onnxruntime")
_DEVICES = ("cpu", "cuda")
_DTYPES = ("float32", "float16", "bfloat16")


_measured, _output = in_group("What is measured"), in_group("Output")


@group(
    examples=(
        "archlab device profile --out my-device.json",
        "archlab device fit --space mobile --from table.csv --out phone.json",
    )
)
def device() -> None:
    """Measure what kernels take on this machine, once; `--profile` then predicts latency from it."""


@device.command(
    "profile",
    examples=(
        "archlab device profile --out my-device.json",
        "archlab device profile --space mobile --backend onnxruntime --out mobile.json",
    ),
    notes=("The same command again goes on where it was interrupted.",),
)
@_measured("--backend", type=click.Choice(_BACKENDS), default="torch", show_default=True, help="What runs networks.")
@_measured("--device", "where", type=click.Choice(_DEVICES), default="cpu", show_default=True, help="Where it runs.")
@_measured("--threads", type=click.IntRange(1, 1024), default=1, show_default=True, help="Threads on the processor.")
@_measured("--dtype", type=click.Choice(_DTYPES), default="float32", show_default=True, help="The numbers.")
@_measured(
    "--space",
    metavar="NET",
    shell_complete=complete_network,
    help="Measure the kernels of this space, in 3 minutes at most.  [default: a "
    "general grid of shapes, in 10 minutes at most]",
)
@_output("--out", type=click.Path(path_type=Path), required=True, help="The file to write.")
@quiet_option()
def profile(backend: str, where: str, threads: int, dtype: str, space: str | None, out: Path) -> None:
    """Measure the kernels that networks are made of, and how well networks are predicted from them.

    Networks are run kernel by kernel: draws of a general text with the blocks of the literature, or of --space. Let
    nothing else run meanwhile: a profile that is too noisy is refused.
    """
    from archlab.elaborate import space_of
    from archlab.latency.backend import Setting
    from archlab.latency.measure_profile import make_profile
    from archlab.latency.profile import write_profile

    setting = Setting(backend, where, threads, dtype)  # type: ignore[arg-type]  # click has checked the words
    with progress("measuring") as tell:
        found = make_profile(None if space is None else space_of(space), setting, out, tell)
    write_profile(out, found)
    accuracy = found.accuracy
    say(
        f"{found.line}: {len(found.points):,} kernels of {accuracy.networks} networks in {found.seconds:.0f} s, which "
        f"spread by {format_percent(found.state.spread)} (load {found.state.load:g}); held-out networks are "
        f"predicted within {format_percent(accuracy.median_error)} (half of them) and "
        f"{format_percent(accuracy.error)} (nine of ten)"
    )
    click.echo(printable(str(out)))


_UNITS = {"latency": 1.0, "latency_ms": 1e-3, "latency_us": 1e-6}
"""Columns of a table by what one of theirs is in seconds."""


@device.command(
    "fit",
    examples=(
        "archlab device fit --space mobile --from phone.csv --out phone.json",
        "archlab search mobile -b latency=25ms --profile phone.json",
    ),
)
@_measured(
    "--space",
    metavar="NET",
    required=True,
    shell_complete=complete_network,
    help="The space whose draws the table has.",
)
@_measured(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    metavar="FILE",
    required=True,
    help="A CSV with a column for each hole and one for the time: latency in seconds, latency_ms or latency_us.",
)
@_output("--out", type=click.Path(path_type=Path), required=True, help="The file to write.")
@quiet_option()
def fit(space: str, source: Path, out: Path) -> None:
    """Fit latency to a table of networks timed on any device, and say how well left-out ones are predicted."""
    from archlab.elaborate import Interpreter, space_of
    from archlab.latency.table import fit_table, write_table
    from archlab.reading import read_csv
    from archlab.search.calibration import MAX_CSV_BYTES, read_trained

    loaded = space_of(space)
    first = next(iter(read_csv(source, MAX_CSV_BYTES)), {})
    column = next((name for name in _UNITS if name in first), None)
    if column is None:
        raise InputError(f"{source} has no column of times", hint=f"name it {', '.join(_UNITS)}")
    with progress(f"fitting {source.name}"):
        networks, values = read_trained(source, Interpreter(loaded), column)
        fitted = fit_table(loaded.name, source.name, networks, [value * _UNITS[column] for value in values])
    write_table(out, fitted)
    say(
        f"{fitted.networks:,} networks; left-out ones are predicted within {format_percent(fitted.median_error)} "
        f"(half) and {format_percent(fitted.error)} (nine of ten), "
        f"{format_percent(fitted.within_10_percent, 0)} within 10 %; Kendall {fitted.kendall:.2f}"
    )
    click.echo(printable(str(out)))
