"""``archlab rewrite``: the literature's ways to make convolutions cheaper, suggested or applied."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archlab.cli.column_options import column_options
from archlab.cli.completions import complete_model, complete_stage
from archlab.cli.help_text import command, in_group
from archlab.cli.interrupts import interrupts
from archlab.cli.measured import measured_on
from archlab.cli.pixel_options import pixel_options, pixels_of
from archlab.cli.progress import progress
from archlab.cli.quiet import quiet_option
from archlab.errors import InputError, did_you_mean, printable
from archlab.exchange.rewrite_rules import RULES
from archlab.grammar import parse
from archlab.shrink.read_model import read_named

if TYPE_CHECKING:
    from archlab.cost import Cost
    from archlab.grammar.ast import Architecture
    from archlab.what_if.suggest import Suggestion


_at_once, _listed, _output = in_group("Rewrite at once"), in_group("List suggestions"), in_group("Output")


@command(
    examples=(
        "archlab rewrite resnet50",
        "archlab rewrite torchvision:resnet18 --html page.html",
        "archlab rewrite resnet50 --apply 3 --out thin.arch",
        "archlab rewrite my.arch --weights my.safetensors --data photos",
        "archlab rewrite vgg16_5x5 --rule factorise5x5",
        "archlab rewrite resnet50 --rule separable --where stage3 --out thin.arch",
    )
)
@click.argument("net", shell_complete=complete_model)
@_at_once("--rule", type=click.Choice(list(RULES)), help="Choose what dense convolutions become.")
@_listed(
    "--where",
    metavar="STAGE",
    shell_complete=complete_stage,
    help="Rewrite this stage alone.  [default: all stages]",
)
@_at_once("--dm", type=click.IntRange(1, 64), help="Set the depth multiplier of --rule separable.  [default: 1]")
@_at_once("--groups", type=click.IntRange(2, 4096), help="Set the groups of --rule group_shuffle.  [default: 2]")
@_listed(
    "--input",
    "inputs",
    multiple=True,
    metavar="SHAPE",
    help="What a model is called with, such as 3x96x96.  [default: the model's own]",
)
@_listed("--apply", "number", type=click.IntRange(1), metavar="N", help="Write the text of suggestion N.")
@_listed(
    "--data",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Measure each on images, as `archlab shrink` takes them: filled with NET's weights and refitted.",
)
@_listed(
    "--weights",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The trained weights, for --data.  [default: those that NET has]",
)
@_listed("--unlabelled", is_flag=True, help="The images of --data have no labels: measure agreement with NET.")
@pixel_options(_listed)
@_listed("--all", "show_all", is_flag=True, help="List all suggestions, not the best 20.")
@column_options
@_output("--json", "as_json", is_flag=True, help="Print the suggestions as JSON.")
@_output(
    "--html",
    "html_file",
    type=click.Path(path_type=Path),
    help="Write a page with the suggestions, and with sliders for widths, depths and kernels.",
)
@_output("--out", type=click.Path(path_type=Path), help="Write to this .arch file.  [default: standard output]")
@quiet_option()
def rewrite(
    net: str,
    rule: str | None,
    where: str | None,
    dm: int | None,
    groups: int | None,
    inputs: tuple[str, ...],
    number: int | None,
    data: Path | None,
    weights: Path | None,
    unlabelled: bool,
    mean: str | None,
    std: str | None,
    show_all: bool,
    columns: str | None,
    wide: bool,
    as_json: bool,
    html_file: Path | None,
    out: Path | None,
) -> None:
    """Make the convolutions of NET cheaper: of a shipped name, an .arch file, or a model as `archlab lift` takes it.

    Without --rule it tries every rule on each layer, on each stage and everywhere, and lists what saves MACs, with
    exact costs and what the literature found of the accuracy; --apply N writes suggestion N. With --data the list has
    what each keeps of a trained NET, measured without training. With --rule it rewrites at once. The new text is
    printed with its cost beside the old one's; `archlab shrink --rule` writes it with weights.
    """
    if rule is not None:
        of_lists = (("--apply", number), ("--all", show_all), ("--json", as_json), ("--html", html_file))
        for option, given in (*of_lists, ("--data", data)):
            if given:
                raise click.UsageError(f"{option} belongs to the list of suggestions, which --rule leaves out")
        _rewrite_at_once(_text_of(net, inputs), rule, where, dm or 1, groups or 2, out)
        return
    for option, chosen in (("--dm", dm), ("--groups", groups)):
        if chosen is not None:
            raise click.UsageError(f"{option} belongs to --rule")
    if out is not None and number is None:
        raise click.UsageError("--out needs --rule or --apply: a list of suggestions is no text")
    from archlab.report.suggestion_table import HEADINGS, MOST_ROWS, print_suggestions
    from archlab.report.terminal_tables import choice_of, console_for

    choice = choice_of(columns, wide, HEADINGS)
    pixels = pixels_of(mean, std)
    if data is None and (weights is not None or unlabelled or mean is not None):
        raise click.UsageError("--weights, --unlabelled, --mean and --std belong to --data")
    most = None if show_all else MOST_ROWS
    if data is None:
        architecture, kept = _text_of(net, inputs), None
        found = _suggestions(architecture, where)
    else:
        with progress(f"reading {net}"):
            model = read_named(net, weights, data, inputs=inputs, labelled=not unlabelled)
        architecture = parse(model.text)
        found = _suggestions(architecture, where)
        with interrupts(), progress("loading torch") as tell:
            kept = measured_on(model, data, not unlabelled, pixels, found[:most], tell)
    if html_file is not None:
        _write_page(architecture, html_file)
    if number is not None:
        _apply(found, number, out)
    elif as_json:
        rows: list[dict[str, object]] = [{"number": i, **one.as_dict()} for i, one in enumerate(found, start=1)]
        said: dict[str, object] = {"schema": "archlab.suggestions/1", "suggestions": rows}
        if kept is not None:
            said |= kept.as_dict()
        click.echo(json.dumps(said, indent=1))
    else:
        print_suggestions(console_for(), found, most=most, choice=choice, kept=kept)
        click.echo("archlab rewrite NET --apply N writes the text of one")
        if kept is not None:
            click.echo("archlab shrink NET --rule RULE --where PLACE writes one with its weights")


def _text_of(net: str, inputs: Sequence[str]) -> Architecture:
    from archlab.cli.named_text import is_text, text_of

    if inputs and is_text(net):
        raise click.UsageError("--input belongs to models: a text says its own input")
    with progress(f"reading {net}"):
        return text_of(net, inputs)


def _write_page(architecture: Architecture, path: Path) -> None:
    from archlab.files import write_atomic
    from archlab.report.what_if_page import what_if_page
    from archlab.what_if.what_if import what_if

    with progress("finding the closed form of its costs"):
        write_atomic(path, what_if_page(what_if(architecture.name, architecture)), "--html")


def _suggestions(architecture: Architecture, where: str | None) -> Sequence[Suggestion]:
    from archlab.what_if.suggest import suggest

    stages = [stage.name for stage in architecture.stages]
    if where is not None and where not in stages:
        raise InputError(f"there is no stage {where!r}", hint=did_you_mean(where, stages))
    with progress("trying rules") as say_what:
        found = suggest(architecture, say_what)
    return [one for one in found if where is None or one.where.split(".")[0] == where]


def _apply(found: Sequence[Suggestion], number: int, out: Path | None) -> None:
    if number > len(found):
        raise InputError(
            f"there is no suggestion {number}", hint=f"there are {len(found)}; the command without --apply lists them"
        )
    chosen = found[number - 1]
    _write(chosen.architecture, chosen.before, chosen.after, out)


def _rewrite_at_once(old: Architecture, rule: str, where: str | None, dm: int, groups: int, out: Path | None) -> None:
    from archlab.cost import cost
    from archlab.elaborate import elaborate
    from archlab.errors import ElaborationError
    from archlab.exchange.rewrite import rewrite as rewritten
    from archlab.exchange.rewrite_rules import RewriteOptions
    from archlab.grammar import parse, unparse

    with progress("rewriting"):
        new = rewritten(old, rule, where, RewriteOptions(dm, groups))
        try:
            network = elaborate(parse(unparse(new), f"{old.name} rewritten"))
        except ElaborationError as error:
            hint = "limit the rule to a stage that it fits, with --where"
            raise type(error)(error.message, error.place, hint) from None
        before = cost(elaborate(old))
    _write(new, before, cost(network), out)


def _write(new: Architecture, before: Cost, after: Cost, out: Path | None) -> None:
    from archlab.exchange.rewrite import compare
    from archlab.files import write_atomic
    from archlab.grammar import unparse

    text, table = unparse(new), compare(before, after)
    if out is None:
        click.echo(text + "".join(f"# {line}\n" for line in table), nl=False)
        return
    write_atomic(out, text)
    click.echo("\n".join([*table, printable(str(out))]))
