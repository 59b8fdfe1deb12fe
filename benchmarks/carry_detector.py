"""A detector trained on BCCD, its backbone cut to half of its MACs: AP against training from scratch for as long.

    python -m benchmarks.carry_detector [--data ../shared/data/bccd] [--seeds 0 1] [--json] [--record]

A Faster R-CNN with a pyramid of four levels is trained for 750 steps. Its backbone is narrowed evenly to half of its
MACs, and backbone and pyramid are filled by ``archlab.carry``, with 256 training images and no box; the region proposal
network and the RoI head read a pyramid of the same width, and are the trained ones. AP (COCO's) on the validation
images: right after the cut, with all channels chosen by importance (``plain``) and refitted (``walk``); after 75 and
375 gentle steps with boxes; and of the same narrow network from scratch for as many steps, and for 750.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from archlab.carry import carry
from archlab.carry.filled import Refit
from archlab.cost import cost
from archlab.detect.average_precision import average_precision, predict
from archlab.detect.dataset import DetectionData, read_dataset
from archlab.detect.measure_ap import small_faster_rcnn
from archlab.detect.train_detector import Schedule, train
from archlab.detector import backbone_of, without_head
from archlab.elaborate import elaborate
from archlab.grammar import parse
from archlab.ir import Graph
from benchmarks.machine import RESULTS, machine, record, versions

SIZE = (96, 128)
WIDTHS = {"stem": 16, "stage1": 24, "stage2": 48, "stage3": 96, "stage4": 192}
SHARE, IMAGES = 0.5, 256
WHOLE, SHORT = 750, (75, 375)
GENTLE = 5e-4
"""The peak rate of the short trainings of carried weights, a quarter of that from scratch."""


def text(factor: float) -> str:
    """Return the detector with the widths of its backbone times ``factor``."""
    widths = {name: max(2, 2 * round(width * factor / 2)) for name, width in WIDTHS.items()}
    return (
        f"net cells(input=3x{SIZE[0]}x{SIZE[1]})\n"
        f"stem: conv({widths['stem']}, 3, s=2)\n"
        f"stage1: basic({widths['stage1']}, s=2)\n"
        f"stage2: repeat(2, basic({widths['stage2']}, s=2))\n"
        f"stage3: repeat(2, basic({widths['stage3']}, s=2))\n"
        f"stage4: basic({widths['stage4']}, s=2)\n"
        "detect: fpn(32) -> roi_align(7, sampling=2) -> box_head(64, classes=3)\n"
    )


def graph_of(factor: float) -> Graph:
    """Return the operators of that detector."""
    return elaborate(parse(text(factor))).graph


def backbone_macs(factor: float) -> int:
    """Return the multiply-accumulates of its backbone."""
    return sum(node.macs for node in backbone_of(graph_of(factor)))


def narrowest() -> float:
    """Return the largest factor, in hundredths, at which the backbone has at most ``SHARE`` of its MACs."""
    limit = SHARE * backbone_macs(1.0)
    return max(hundredth / 100 for hundredth in range(30, 100) if backbone_macs(hundredth / 100) <= limit)


def ap_of(model: nn.Module, data: DetectionData) -> float:
    """Return a detector's AP on ``data``."""
    model.eval()
    ap = average_precision(predict(cast(Any, model), data), data).ap
    return 0.0 if math.isnan(ap) else round(ap, 4)


def cut(whole: nn.Module, source: Graph, target: Graph, data: DetectionData, refit: Refit, seed: int) -> nn.Module:
    """Return the narrow detector filled with the trained one's weights."""
    images = data.batch(range(min(IMAGES, len(data))))
    body = cast(Any, whole).backbone.body
    filled = carry(body.state_dict(), without_head(source), without_head(target), images, refit=refit, seed=seed)
    narrow = small_faster_rcnn(target, data, seed)
    mine, theirs = cast(Any, narrow), cast(Any, whole)
    mine.backbone.body.load_state_dict(filled.module.state_dict())
    mine.rpn.load_state_dict(theirs.rpn.state_dict())
    mine.roi_heads.load_state_dict(theirs.roi_heads.state_dict())
    return narrow


def run_seed(training: DetectionData, validation: DetectionData, seed: int) -> dict[str, Any]:
    """Return every AP of one seed, and CPU seconds from the trained detector."""
    wide, narrow = graph_of(1.0), graph_of(narrowest())
    schedule = Schedule(steps=WHOLE)
    base = small_faster_rcnn(wide, training, seed)
    train(base, training, schedule, seed)
    row: dict[str, Any] = {"seed": seed, "base": ap_of(base, validation)}
    print(f"seed {seed}: base {row['base']}", file=sys.stderr)
    for refit in ("plain", "walk"):
        began = time.process_time()
        model = cut(base, wide, narrow, training, refit, seed)
        row[f"{refit}_cpu_s"] = round(time.process_time() - began, 1)
        row[refit] = ap_of(model, validation)
        for steps in SHORT if refit == "walk" else SHORT[:1]:
            model = cut(base, wide, narrow, training, refit, seed)
            train(model, training, replace(schedule, steps=steps, rate=GENTLE), seed)
            row[f"{refit}_{steps}"] = ap_of(model, validation)
        print(f"seed {seed}: {row}", file=sys.stderr)
    for steps in (*SHORT, WHOLE):
        model = small_faster_rcnn(narrow, training, seed)
        train(model, training, replace(schedule, steps=steps), seed)
        row[f"scratch_{steps}"] = ap_of(model, validation)
        print(f"seed {seed}: {row}", file=sys.stderr)
    return row


def main(argv: Sequence[str] | None = None) -> None:
    """Train, cut, compare; print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/bccd"), metavar="FOLDER")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--record", action="store_true", help=f"write {RESULTS.name}/carry_detector.json")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    training, validation = (read_dataset(args.data / f"{name}.json", SIZE) for name in ("train", "val"))
    factor = narrowest()
    rows = [run_seed(training, validation, seed) for seed in args.seeds]
    result: dict[str, Any] = {
        "input": list(SIZE),
        "factor": factor,
        "backbone_macs": [backbone_macs(1.0), backbone_macs(factor)],
        "macs": [cost(elaborate(parse(text(f)))).macs for f in (1.0, factor)],
        "images": [len(training), len(validation)],
        "rows": rows,
        "machine": machine(),
        "versions": versions(),
    }
    if args.record:
        record("carry_detector", result)
    print(json.dumps(result, indent=2) if args.json else _table(rows))


def _table(rows: list[dict[str, Any]]) -> str:
    names = [name for name in rows[0] if name != "seed"]
    return "\n".join(f"{name:14}" + "".join(f"{row[name]:9.3f}" for row in rows) for name in names)


if __name__ == "__main__":
    main()
