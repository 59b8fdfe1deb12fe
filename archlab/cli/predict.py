"""``archlab predict``: what a trained detector finds in images."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from archlab.cli.help_text import command, in_group
from archlab.cli.interrupts import interrupts
from archlab.cli.messages import printable_json
from archlab.cli.progress import progress
from archlab.cli.quiet import quiet_option
from archlab.errors import printable
from archlab.train.settings import Device

if TYPE_CHECKING:
    from archlab.detect.find_boxes import FoundIn

LEAST_SCORE = 0.5
RESULTS = "results.json"


_found, _output = in_group("What is found"), in_group("Output")


@command(
    examples=(
        "archlab predict out/detection/finalists/detection_12.safetensors photos",
        "archlab predict detection_12.safetensors a.jpg b.jpg --score 0.3 --out found",
    )
)
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@_found(
    "--score",
    "least",
    type=click.FloatRange(0, 1),
    default=LEAST_SCORE,
    show_default=True,
    help="Draw and count boxes of this score and more; the COCO results have all.",
)
@_found(
    "--device",
    type=click.Choice(get_args(Device)),
    default="auto",
    show_default=True,
    help="Where to run; auto takes a GPU where there is one.",
)
@_output("--out", type=click.Path(path_type=Path), help="Write to this folder.  [default: out/predict-NAME]")
@_output("--json", "as_json", is_flag=True, help="Print JSON.")
@quiet_option()
def predict(
    checkpoint: Path, images: tuple[Path, ...], out: Path | None, least: float, device: Device, as_json: bool
) -> None:
    """Find boxes in IMAGES, files or folders, with the trained detector of CHECKPOINT.

    CHECKPOINT is a finalist's NAME.safetensors, with NAME.arch and NAME-rpn.safetensors beside it. Each image is
    written with its boxes as NUMBER-NAME.jpg, and all boxes in COCO's format of results as results.json: an image's
    id is its number, a category's the place of the class, both from 1 on.
    """
    from archlab.files import make_folder, write_atomic

    target = out or Path("out") / f"predict-{checkpoint.stem}"
    with interrupts(), progress("loading torch") as tell:
        from archlab.detect.draw_found import draw_found
        from archlab.detect.find_boxes import coco_results, find_boxes, image_files
        from archlab.search.trained_detector import load_detector
        from archlab.train.devices import choose_device

        detector, files, place = load_detector(checkpoint), image_files(images), choose_device(device)
        found: list[FoundIn] = []
        make_folder(target)
        for number, one in enumerate(find_boxes(detector.model.to(place), files, detector.size, place, tell), start=1):
            write_atomic(target / f"{number}-{one.path.stem}.jpg", draw_found(one, detector.classes, least))
            found.append(one)
        write_atomic(target / RESULTS, json.dumps(coco_results(found), indent=1) + "\n")
    rows = [(one, Counter(detector.classes[b.label - 1] for b in one.boxes if b.score >= least)) for one in found]
    if as_json:
        said = [{"image": str(one.path), "found": dict(counts)} for one, counts in rows]
        click.echo(printable_json(json.dumps({"format": "archlab.found/1", "images": said}, indent=1)))
        return
    for one, counts in rows:
        names = ", ".join(f"{count:,} {name}" for name, count in counts.most_common()) or "nothing"
        click.echo(printable(f"{one.path.name}: {names}"))
    click.echo(printable(str(target / RESULTS)))
