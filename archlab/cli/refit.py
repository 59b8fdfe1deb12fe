"""``archlab refit``: a network that others have cut, refitted to its original."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archlab.cli.completions import complete_hole, complete_model
from archlab.cli.help_text import command, in_group
from archlab.cli.interrupts import interrupts
from archlab.cli.messages import printable_json, say
from archlab.cli.pixel_options import pixel_options, pixels_of
from archlab.cli.progress import progress
from archlab.cli.quiet import quiet_option
from archlab.errors import printable
from archlab.units import format_percent

if TYPE_CHECKING:
    from archlab.original.refit_on_images import RefitOutcome

_FILE = click.Path(path_type=Path)


_networks, _images, _output = in_group("The two networks"), in_group("The images"), in_group("Output")


@command(
    examples=(
        "archlab refit cut.arch --weights cut.pt --original big.arch --original-weights big.pt --data photos",
        "archlab refit pruned.py:model --original torchvision:resnet18 --data photos --unlabelled",
    )
)
@click.argument("net", shell_complete=complete_model)
@_networks(
    "--weights",
    type=_FILE,
    metavar="FILE",
    help="Its weights, .safetensors or a state dict.  [default: those that NET has]",
)
@_networks(
    "--original", required=True, metavar="NET", shell_complete=complete_model, help="The network that NET was cut from."
)
@_networks("--original-weights", type=_FILE, metavar="FILE", help="Its weights.  [default: those that it has]")
@_images(
    "--data",
    required=True,
    type=_FILE,
    metavar="PATH",
    help="Images, as `archlab train` takes them; labels are only measured with.",
)
@_images("--unlabelled", is_flag=True, help="The images have no labels. PATH is then any folder of images.")
@_networks(
    "--set",
    "sets",
    multiple=True,
    metavar="NAME=VALUE",
    shell_complete=complete_hole,
    help="Fill a hole of NET's text; repeatable.",
)
@_networks("--input", "inputs", multiple=True, metavar="CxHxW", help="The input's size.  [default: the models' own]")
@pixel_options(_images)
@_images("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Of the samples.")
@_output("--out", type=_FILE, help="Write the weights to this file.  [default: NET-refit.safetensors]")
@_output("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@quiet_option()
def refit(
    net: str,
    weights: Path | None,
    original: str,
    original_weights: Path | None,
    data: Path,
    unlabelled: bool,
    sets: Sequence[str],
    inputs: Sequence[str],
    mean: str | None,
    std: str | None,
    seed: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Refit NET, a network cut by any tool, to the original that it was cut from, in closed form and without labels.

    Which channels and blocks were kept is found from the weights. Each layer is then fitted, in running order, to what
    the original's layer gives; the better of before and after is kept. The table says for each layer what was kept,
    and the share of the original's variance that the fit leaves.
    """
    from archlab.shrink.read_model import built, read_named

    stated = pixels_of(mean, std)
    with interrupts(), progress(f"reading {net}") as tell:
        cut = read_named(net, weights, data, sets=sets, inputs=inputs, labelled=not unlabelled)
        tell(f"reading {original}")
        whole = read_named(original, original_weights, data, inputs=inputs, labelled=not unlabelled)
        tell("loading torch")
        from archlab.nn.weight_files import save_weights
        from archlab.original.refit_on_images import refit_on_images
        from archlab.original.training_beside import stated_normalisation, training_beside
        from archlab.shrink.trained import calibration_count
        from archlab.train.normalisation import Normalisation

        known = Normalisation(*stated) if stated[0] else stated_normalisation(training_beside(whole.weights))
        outcome = refit_on_images(
            built(cut),
            built(whole),
            data,
            calibration_count(whole.text),
            labelled=not unlabelled,
            normalisation=known,
            seed=seed,
            note=say,
            progress=tell,
        )
        target = out or Path(f"{cut.name}-refit.safetensors")
        save_weights(outcome.refitted.module, target)
    found = _as_data(outcome, target)
    click.echo(printable_json(json.dumps(found, indent=1)) if as_json else _as_table(found))


def _as_data(outcome: RefitOutcome, target: Path) -> dict[str, Any]:
    made = outcome.refitted
    return {
        "schema": "archlab.refit/1",
        "weights": str(target),
        "is_better": made.is_better,
        "fitted_on": outcome.fitted,
        "layers": [
            {
                "name": layer.name,
                "original": layer.source,
                "inputs": list(layer.inputs),
                "outputs": list(layer.outputs),
                "found_by": made.matched.get(layer.name),
                "error": layer.error,
            }
            for layer in made.layers
        ],
        "measured": [
            {
                "what": each.name,
                "images": len(each.before.labels),
                "before": each.before.accuracy,
                "after": each.after.accuracy,
                "standard_error": each.after.standard_error,
                "original": None if each.original is None else each.original.accuracy,
            }
            for each in outcome.measured
        ],
    }


def _as_table(found: dict[str, Any]) -> str:
    rows = [("layer", "of the original", "inputs", "outputs", "found by", "unexplained")]
    for layer in found["layers"]:
        kept = [f"{left:,} of {had:,}" for left, had in (layer["inputs"], layer["outputs"])]
        error = "" if layer["error"] is None else f"{format_percent(layer['error'], 2)}"
        named = "" if layer["original"] == layer["name"] else layer["original"]
        rows.append((layer["name"], named, *kept, layer["found_by"] or "", error))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    for each in found["measured"]:
        whole = "" if each["original"] is None else f" (the original {format_percent(each['original'], 2)})"
        lines.append(
            f"{each['what']}  {format_percent(each['before'], 2)} -> {format_percent(each['after'], 2)} ± "
            f"{100 * each['standard_error']:.2f} of {each['images']:,} images{whole}"
        )
    if not found["is_better"]:
        lines.append("the refit was no better on held-out images, so the weights are as they were")
    lines.append(f"fitted on {found['fitted_on']:,} images, without labels: {found['weights']}")
    return "\n".join(printable(line) for line in lines)
