"""The commands that take networks in and out: export and import."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from archlab.cli.completions import complete_hole, complete_network
from archlab.cli.help_text import command, in_group
from archlab.cli.progress import progress
from archlab.cli.quiet import quiet_option
from archlab.errors import printable
from archlab.exchange.export import FORMATS
from archlab.exchange.export import export as exported
from archlab.exchange.export_parts import PARTS, DetectorPart
from archlab.ir import show_shape

if TYPE_CHECKING:
    from archlab.elaborate import Network, Space

FROM_IMAGE = "from-image"
"""The part of a trained detector that is more than its graph."""


_network, _output = in_group("The network"), in_group("Output")


@command(
    examples=(
        "archlab export resnet50 --to onnx --out resnet50.onnx",
        "archlab export mobilenet_v2 --to python --set width_mult=0.5",
        "archlab export my.arch --to arch",
        "archlab export detection --to onnx --part neck --out neck.onnx",
        "archlab export my.arch --weights my.safetensors --to onnx --out my.onnx",
    )
)
@click.argument("net", shell_complete=complete_network)
@_output(
    "--to",
    required=True,
    type=click.Choice(list(FORMATS)),
    help=f"The format: {', '.join(row.title for row in FORMATS.values())}.",
)
@_output("--out", type=click.Path(path_type=Path), help="Write to this file.  [default: text to standard output]")
@_network(
    "--set",
    "sets",
    multiple=True,
    metavar="NAME=VALUE",
    shell_complete=complete_hole,
    help="Fill a hole or set a multiplier; repeatable.",
)
@_network(
    "--part",
    type=click.Choice((*PARTS, FROM_IMAGE)),
    default="whole",
    show_default=True,
    help="Export all of a detector, its backbone with the neck, or its backbone; or, with --weights of a finalist that "
    "a search has trained, from an image to boxes: proposals and non-maximum suppression too.",
)
@_network("--input", "size", metavar="CxHxW", help="Set another input size than the text's, such as 3x128x160.")
@_network(
    "--weights",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Export these trained weights, .safetensors or torch's state dict, and check what is written against them.",
)
@_network(
    "--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Seed the weights with this number."
)
@quiet_option()
def export(
    net: str,
    to: str,
    out: Path | None,
    sets: Sequence[str],
    part: DetectorPart | Literal["from-image"],
    size: str | None,
    weights: Path | None,
    seed: int,
) -> None:
    """Write NET in another format: for a runtime, for a program without archlab, or for people.

    With --weights the export is run beside the network on random images, and the largest difference is printed. Python
    source gets its weights in a .safetensors file beside it.
    """
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
    if part == "from-image":
        if weights is None or to != "onnx" or out is None:
            raise InputError(
                f"--part {FROM_IMAGE} is for ONNX and trained detectors", hint="--to onnx --weights FINALIST --out FILE"
            )
        _export_from_image(network, weights, out)
        return
    if weights is not None:
        _export_trained(space, network, to, out, part, weights)
        return
    with progress(f"exporting {network.name}"):
        content = exported(space, network, to, seed, part)
    if out is None:
        assert isinstance(content, str)
        click.echo(content, nl=False)
        return
    write_atomic(out, content)
    click.echo(printable(str(out)))


def _export_trained(
    space: Space, network: Network, to: str, out: Path | None, part: DetectorPart, weights: Path
) -> None:
    from archlab.errors import InputError
    from archlab.files import write_atomic

    with progress(f"exporting {network.name}"):
        from archlab.exchange.check_export import check_export
        from archlab.exchange.export_parts import build_part, weights_file
        from archlab.nn import build
        from archlab.nn.weight_files import load_weights, save_weights

        whole = build(network.graph)
        load_weights(whole, weights)
        state = whole.state_dict()
        content = exported(space, network, to, part=part, weights=state)
        if out is None:
            raise InputError("source with weights is two files", hint=f"add --out {network.name}.py")
        graph, module = build_part(network, part, 0, state)
        found = check_export(content, to, graph, module)
    write_atomic(out, content)
    click.echo(printable(str(out)))
    if to == "python":
        beside = out.with_name(weights_file(network.name))
        save_weights(module, beside)
        click.echo(printable(str(beside)))
    click.echo(str(found))


def _export_from_image(network: Network, weights: Path, out: Path) -> None:
    from archlab.errors import InputError
    from archlab.files import write_atomic

    with progress(f"exporting {weights}"):
        import torch

        from archlab.search.export_detector import check_detector, export_detector
        from archlab.search.trained_detector import load_detector

        detector = load_detector(weights)
        if detector.digest != network.digest:
            raise InputError(
                f"{network.name} at {show_shape(network.graph.input_shape)} is not the network whose detector is in "
                f"{weights}",
                hint=f"a trained detector is exported as it was trained: name {weights.with_suffix('.arch')}, "
                "without --set and --input",
            )
        content = export_detector(detector)
        images = torch.randn(2, 3, *detector.size, generator=torch.Generator().manual_seed(0))
        worst = check_detector(content, detector, images)
    write_atomic(out, content)
    click.echo(printable(str(out)))
    click.echo(f"its boxes in ONNX Runtime differ from torch's by at most {worst:.2g}")


@command("import", examples=("archlab import --timm-arch efficientnet_b0.txt --out my.arch",))
@_network(
    "--timm-arch",
    "file",
    required=True,
    type=click.Path(path_type=Path),
    help="Read this file of timm's block strings.",
)
@_output("--out", type=click.Path(path_type=Path), help="Write to this .arch file.  [default: standard output]")
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
