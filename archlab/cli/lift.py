"""``archlab lift``: an existing model as a readable text."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from archlab.cli.completions import complete_model
from archlab.cli.help_text import command, in_group
from archlab.cli.interrupts import interrupts
from archlab.cli.messages import say
from archlab.cli.progress import progress
from archlab.cli.quiet import quiet_option
from archlab.errors import LiftError, printable
from archlab.files import write_atomic

MOST_REASONS = 40
"""How many reasons are printed of a model that cannot be said."""


_model, _text, _output = in_group("The model"), in_group("The text"), in_group("Output")


@command(
    examples=(
        "archlab lift torchvision:resnet50",
        "archlab lift timm:mobilenetv3_large_100 --out my.arch",
        "archlab lift my_models.py:small --input 3x96x96 --weights small.pt",
        "archlab lift exported.pt2",
        "archlab lift timm:botnet26t_256 --opaque",
        "archlab lift torchvision:resnet50 --holes width,depth --out space.arch",
    ),
    exit_codes={"0": "lifted and verified", "1": "the language cannot say it", "2": "it cannot be read"},
)
@click.argument("target", shell_complete=complete_model)
@_output("--out", type=click.Path(path_type=Path), help="Write the text to this file.  [default: standard output]")
@_output(
    "--weights",
    type=click.Path(path_type=Path),
    help="Write the model's weights to this file, under the names of the text's module: a state dict for torch.load.",
)
@_model(
    "--input",
    "inputs",
    multiple=True,
    metavar="SHAPE",
    help="3x224x224, without the batch.  [default: the model's own]",
)
@_model("--output", metavar="NAME", help="Lift this output of a model that returns several.")
@_model(
    "--part",
    metavar="NAME",
    help="Lift this part of one of torchvision's detectors: neck, rpn, box_head …  [default: its backbone]",
)
@_text(
    "--holes",
    metavar="KIND,KIND",
    help="Open the text as a space around the model, which is its default draw: width, inner, depth, kernel, groups, "
    "expansion, block.",
)
@_text(
    "--opaque",
    is_flag=True,
    help="Keep what cannot be said as it is: the smallest module around it is an opaque of the text, with its cost.",
)
@_model("--trust", is_flag=True, help="Read a .pt2 whose parts can run code, such as pickles.")
@quiet_option()
def lift(
    target: str,
    out: Path | None,
    weights: Path | None,
    inputs: Sequence[str],
    output: str | None,
    part: str | None,
    holes: str | None,
    opaque: bool,
    trust: bool,
) -> None:
    """Write TARGET, an existing torch model, as a text of the language: the same network, verified.

    TARGET is torchvision:NAME, timm:NAME, package.module:factory(arg=…), file.py:factory, a shipped name, an .arch file
    or an exported .pt2, as in `archlab audit`, or an .onnx file. The text has the model's parameters and MACs to the
    unit, and with the model's weights in it the same outputs. What the language cannot say is named with its place and
    reason, and the exit code is then 1; with --opaque it stays as it is, where a module around it takes one tensor and
    gives one. A detector of torchvision's is lifted by parts.
    """
    kinds = [kind.strip() for kind in holes.split(",")] if holes is not None else None
    if kinds is not None:
        from archlab.what_if.open_holes import refuse_unknown

        refuse_unknown(kinds)  # a lift takes its time
    with interrupts(), progress(f"lifting {target}"):
        from archlab.lift.lift_target import lift_target

        try:
            lifted = lift_target(target, inputs, output, trust, part, opaque)
        except LiftError as error:
            if not error.reasons:
                raise
            _refused(target, error)
        text = lifted.text if kinds is None else _opened(lifted.text, kinds)
        state = _saved(lifted.state_dict()) if weights is not None else b""
    if out is None:
        click.echo(text, nl=False)
    else:
        write_atomic(out, text)
        click.echo(printable(str(out)))
    if weights is not None:
        write_atomic(weights, state)
        say(f"weights in {weights}")
    for line in summary(lifted):
        say(line)


def _opened(text: str, kinds: Sequence[str]) -> str:
    from archlab.grammar import unparse
    from archlab.what_if.open_holes import open_holes

    return unparse(open_holes(text, kinds))


def _refused(target: str, error: LiftError) -> None:
    places = "1 place" if len(error.reasons) == 1 else f"{len(error.reasons)} places"
    say(f"{target} cannot be said in the language, in {places}:")
    for reason in error.reasons[:MOST_REASONS]:
        say(f"  {printable(reason)}")
    if len(error.reasons) > MOST_REASONS:
        say(f"  and {len(error.reasons) - MOST_REASONS} more")
    sys.exit(1)


def summary(lifted: object) -> list[str]:
    """Return what is said of a lift: its length, its counts, and how it was verified."""
    from archlab.lift.lifted import Lifted
    from archlab.ops import OPAQUE

    assert isinstance(lifted, Lifted)
    lines = lifted.text.rstrip("\n").count("\n") + 1
    said = [
        f"{lines} lines, {len(lifted.text)} characters: {lifted.params:,} params, {lifted.macs:,} MACs, as the model"
    ]
    if lifted.difference is None:
        said.append("the model has no data: its outputs were not compared")
    elif lifted.difference == 0:
        said.append("with the model's weights its outputs are the model's, to the bit")
    else:
        said.append(f"with the model's weights its outputs differ by {lifted.difference:.1e} of the largest: rounding")
    if lifted.originals:
        nodes = [node for node in lifted.written if node.op == OPAQUE]
        params, macs = sum(node.params for node in nodes), sum(node.macs for node in nodes)
        many = "module is" if len(nodes) == 1 else "modules are"
        said.append(f"{len(nodes)} {many} opaque, with {params:,} of the params and {macs:,} of the MACs")
    if lifted.layout != "nchw":
        said.append(f"the model lays its output out as {lifted.layout}, and the text as nchw")
    if lifted.unread:
        names = ", ".join(lifted.unread[:4]) + (" …" if len(lifted.unread) > 4 else "")
        said.append(f"{len(lifted.unread)} parameters of the model are not read in evaluation, and left out: {names}")
    return [*said, *lifted.notes]


def _saved(state: object) -> bytes:
    import torch

    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()
