"""The commands that take networks in, out and elsewhere: export, import and rewrite."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from archlab.cli.progress import progress
from archlab.errors import printable
from archlab.exchange.export import FORMATS
from archlab.exchange.export import export as exported
from archlab.exchange.export_parts import PARTS, DetectorPart
from archlab.exchange.rewrite import RULES


@click.command(
    epilog="Examples:  archlab export resnet50 --to onnx --out resnet50.onnx  ·  archlab export mobilenet_v2 "
    "--to python --set width_mult=0.5  ·  archlab export my.arch --to arch  ·  archlab export detection --to onnx "
    "--part neck --out neck.onnx"
)
@click.argument("net")
@click.option(
    "--to",
    required=True,
    type=click.Choice(list(FORMATS)),
    help=f"The format: {', '.join(row.title for row in FORMATS.values())}.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Write to this file.  [default: text to standard output]")
@click.option("--set", "sets", multiple=True, metavar="NAME=VALUE", help="Fill a hole or set a multiplier; repeatable.")
@click.option(
    "--part",
    type=click.Choice(PARTS),
    default="whole",
    show_default=True,
    help="Export all of a detector, its backbone with the neck, or its backbone.",
)
@click.option("--input", "size", metavar="CxHxW", help="Set another input size than the text's, such as 3x128x160.")
@click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Seed the weights with this number."
)
def export(
    net: str,
    to: str,
    out: Path | None,
    sets: Sequence[str],
    part: DetectorPart,
    size: str | None,
    seed: int,
) -> None:
    """Write NET in another format: for a runtime, for a program without archlab, or for people."""
    from archlab.elaborate import Fixed, Interpreter, load, parse_values
    from archlab.errors import InputError
    from archlab.files import write_atomic
    from archlab.grammar import parse_file, with_input
    from archlab.resources import find_architecture

    space = load(with_input(parse_file(find_architecture(net)), size))
    network = Interpreter(space).network(Fixed(parse_values(sets)))
    is_binary = FORMATS[to].is_binary
    if out is None and is_binary:
        raise InputError(f"{to} is no text, so it needs a file", hint=f"add --out {network.name}.{to}")
    if is_binary:
        click.echo(f"building {network.name} for {to}", err=True)
    with progress(f"exporting {network.name}"):
        content = exported(space, network, to, seed, part)
    if out is None:
        assert isinstance(content, str)
        click.echo(content, nl=False)
        return
    write_atomic(out, content)
    click.echo(printable(str(out)))


@click.command("import", epilog="Example:  archlab import --timm-arch efficientnet_b0.txt --out my.arch")
@click.option(
    "--timm-arch",
    "file",
    required=True,
    type=click.Path(path_type=Path),
    help="Read this file of timm's block strings.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Write to this .arch file.  [default: standard output]")
def import_timm(file: Path, out: Path | None) -> None:
    """Turn timm's block strings, such as ir_r2_k3_s2_e6_c24_se0.25, into an architecture.

    A line of strings is a stage. Above them may stand: name NAME, stem CHANNELS, act swish, se in|exp, head CHANNELS,
    head_pooled CHANNELS, dropout P.
    """
    from archlab.elaborate import elaborate
    from archlab.exchange.timm_in import from_timm
    from archlab.files import write_atomic
    from archlab.grammar import unparse
    from archlab.reading import read_text

    architecture = from_timm(read_text(file, 2**20), file.name)
    elaborate(architecture)
    if out is None:
        click.echo(unparse(architecture), nl=False)
        return
    write_atomic(out, unparse(architecture))
    click.echo(printable(str(out)))


@click.command(
    epilog="Examples:  archlab rewrite vgg16_5x5 --rule factorise5x5  ·  archlab rewrite resnet50 --rule separable "
    "--where stage3 --dm 2 --out thin.arch"
)
@click.argument("net")
@click.option(
    "--rule",
    required=True,
    type=click.Choice(list(RULES)),
    help="Choose what dense convolutions become.",
)
@click.option("--where", metavar="STAGE", help="Rewrite this stage alone.  [default: all stages]")
@click.option(
    "--dm", type=click.IntRange(1, 64), default=1, show_default=True, help="Set the depth multiplier of separable."
)
@click.option(
    "--groups", type=click.IntRange(2, 4096), default=2, show_default=True, help="Set the groups of group_shuffle."
)
@click.option("--out", type=click.Path(path_type=Path), help="Write to this .arch file.  [default: standard output]")
def rewrite(net: str, rule: str, where: str | None, dm: int, groups: int, out: Path | None) -> None:
    """Make the convolutions of NET cheaper by a rule, and print the new text with its cost beside the old one's."""
    from archlab.cost import cost
    from archlab.elaborate import elaborate
    from archlab.errors import ElaborationError
    from archlab.exchange.rewrite import RewriteOptions, compare
    from archlab.exchange.rewrite import rewrite as rewritten
    from archlab.files import write_atomic
    from archlab.grammar import parse, parse_file, unparse
    from archlab.resources import find_architecture

    with progress("rewriting"):
        old = parse_file(find_architecture(net))
        text = unparse(rewritten(old, rule, where, RewriteOptions(dm, groups)))
        try:
            new = elaborate(parse(text, f"{old.name} rewritten"))
        except ElaborationError as error:
            hint = "limit the rule to a stage that it fits, with --where"
            raise type(error)(error.message, error.place, hint) from None
        table = compare(cost(elaborate(old)), cost(new))
    if out is None:
        click.echo(text + "".join(f"# {line}\n" for line in table), nl=False)
        return
    write_atomic(out, text)
    click.echo("\n".join([*table, printable(str(out))]))
