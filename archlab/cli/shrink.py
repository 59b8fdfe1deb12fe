"""``archlab shrink``: a trained network made smaller."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from archlab.cli.completions import complete_budget, complete_hole, complete_model, complete_place, complete_rule
from archlab.cli.help_text import command, in_group
from archlab.cli.interrupts import goes_on_from, interrupts
from archlab.cli.messages import printable_json, say
from archlab.cli.pixel_options import pixel_options, pixels_of
from archlab.cli.progress import progress
from archlab.cli.quiet import quiet_option
from archlab.cli.search_progress import watcher
from archlab.shrink.read_model import read_named
from archlab.shrink.request import HOLES, ShrinkRequest
from archlab.what_if.suggest import EVERYWHERE

_FILE = click.Path(path_type=Path)
_model, _images = in_group("The model"), in_group("The images")
_wanted, _search, _output = in_group("What is wanted"), in_group("The search"), in_group("Output")


@command(
    examples=(
        "archlab shrink my.arch --weights my.safetensors --data photos -b macs=0.5x",
        "archlab shrink torchvision:resnet18 --data photos -b macs=0.3x --finetune 3",
        "archlab shrink my.arch --weights my.pt --data photos --rule separable --out out/rule",
        "archlab shrink models.py:trained --data photos --unlabelled -b params=1M",
    ),
    notes=("The same command again goes on with what is there.",),
)
@click.argument("model", shell_complete=complete_model)
@_model(
    "--weights",
    type=_FILE,
    metavar="FILE",
    help="The trained weights: a state dict, as `archlab train` writes it or of the model itself.  [default: "
    "those that MODEL has]",
)
@_images(
    "--data",
    required=True,
    type=_FILE,
    metavar="PATH",
    help="Images, as `archlab train` takes them: class folders, MNIST's kin, or a CSV table.",
)
@_images(
    "--unlabelled",
    is_flag=True,
    help="The images have no labels: judge by agreement with MODEL. PATH is then any folder of images.",
)
@_wanted(
    "--budget",
    "-b",
    "budget",
    multiple=True,
    metavar="METRIC=VALUE",
    shell_complete=complete_budget,
    help="An upper limit; macs=0.5x is half of MODEL's; repeatable.",
)
@_wanted(
    "--rule",
    default="",
    metavar="RULE",
    shell_complete=complete_rule,
    help="Rewrite by a rule of `archlab rewrite`, such as 'separable dm=4', in place of a budget.",
)
@_wanted(
    "--where",
    default=EVERYWHERE,
    show_default=True,
    metavar="PLACE",
    shell_complete=complete_place,
    help="The stage or layer that --rule is for, as `archlab rewrite` lists it.",
)
@_wanted(
    "--finetune",
    metavar="LENGTH",
    help="Train the best gently: epochs such as 2, or a share of the original's training such as 10%; the "
    "better of before and after is kept.  [default: no training]",
)
@_model(
    "--set",
    "sets",
    multiple=True,
    metavar="NAME=VALUE",
    shell_complete=complete_hole,
    help="Fill a hole of MODEL's text; repeatable.",
)
@_model("--input", "inputs", multiple=True, metavar="CxHxW", help="The input's size.  [default: MODEL's own]")
@pixel_options(_images)
@_wanted("--holes", metavar="KIND,KIND", default=",".join(HOLES), show_default=True, help="What may become smaller.")
@_search("--trials", "-n", type=click.IntRange(1), default=40, show_default=True, help="Networks to judge.")
@_search("--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes that judge.")
@_search("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Of draws and samples.")
@_output("--out", type=_FILE, help="Folder for all files.  [default: out/shrink-MODEL]")
@_model("--trust", is_flag=True, help="Read a .pt2 whose parts can run code, such as pickles.")
@_output("--json", "as_json", is_flag=True, help="Print shrunk.json instead of a summary.")
@quiet_option()
def shrink(
    model: str,
    weights: Path | None,
    data: Path,
    unlabelled: bool,
    budget: Sequence[str],
    rule: str,
    where: str,
    finetune: str | None,
    sets: Sequence[str],
    inputs: Sequence[str],
    mean: str | None,
    std: str | None,
    holes: str,
    trials: int,
    workers: int,
    seed: int,
    out: Path | None,
    trust: bool,
    as_json: bool,
) -> None:
    """Make MODEL, a trained classifier, smaller, and keep what it has learned.

    MODEL is a shipped name or .arch file, or any model that `archlab lift` takes. Networks below it that meet the
    budget get its weights and are refitted to it in closed form, without labels; held-out images judge them, and the
    test images are looked at once, in the end. With --rule MODEL is rewritten in place of that search. The folder gets
    network.arch and weights.safetensors, the smaller network; shrunk.json and shrunk.html, what it keeps at what cost;
    and search/, the search behind it.
    """
    from rich.console import Console

    from archlab.user_prints import ResultsOnly

    command, pixels = shlex.join(["archlab", *sys.argv[1:]]), pixels_of(mean, std)
    console = Console(stderr=True)
    with interrupts(), ResultsOnly() as stdout:
        with progress(f"reading {model}") as tell:
            found = read_named(model, weights, data, sets=sets, inputs=inputs, labelled=not unlabelled, trust=trust)
            request = ShrinkRequest(
                text=found.text,
                weights=found.weights,
                data=data,
                budget=tuple(budget),
                rule=rule,
                where=where,
                out=out or Path("out") / f"shrink-{found.name}",
                labelled=not unlabelled,
                finetune=finetune,
                mean=pixels[0],
                std=pixels[1],
                holes=tuple(kind.strip() for kind in holes.split(",") if kind.strip()),
                trials=trials,
                seed=seed,
                workers=workers,
                command=command,
            )
            tell("loading torch and optuna")
            from archlab.original.shrunk import to_json
            from archlab.report.show_shrunk import show_shrunk
            from archlab.report.shrunk_page import write_shrunk_page
            from archlab.shrink.shrink import shrink as run
        with progress("preparing") as tell, goes_on_from(request.out / "search"):
            outcome = run(request, note=say, say=tell, progress=watcher(console, tell))
            tell("drawing the page")
            write_shrunk_page(outcome.shrunk, outcome.folder / "shrunk.html")
        with stdout.given_back():
            if as_json:
                click.echo(printable_json(to_json(outcome.shrunk)), nl=False)
            else:
                click.echo(show_shrunk(outcome.shrunk, outcome.folder), nl=False)
