"""Measure which score predicts the AP of a trained detector, and whether a search with it pays off.

    python -m benchmarks.detection train scores pays pooling speed   # hours on one core; each resumes
    python -m benchmarks.detection                                   # the tables of what is kept; --json records

Sixty-four backbones of the shipped detection space, over a tenfold range of MACs, half of them in four groups of
near-equal MACs, are trained as Faster R-CNN on BCCD at 96x128 for 750 steps; a third of them twice. Every third
backbone is final: scores were chosen on the others, and the final ones were looked at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.detecting import agreement, pays, scoring, speed, truth
from benchmarks.detecting.pool import LEAST, SIZE, pool
from benchmarks.machine import RESULTS, machine, record, versions

TRAININGS, SCORES = RESULTS / "detection_trainings.jsonl", RESULTS / "detection_scores.jsonl"
SEARCHED = RESULTS / "detection_searched.jsonl"
STEPS = ("train", "scores", "pays", "pooling", "speed")


def main() -> int:
    """Run the steps that are named, or print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("steps", nargs="*", choices=[*STEPS, []], help="what to compute; none for the tables")
    parser.add_argument("--kept", type=Path, default=Path("out/benchmark_detection"), help="folder of the searches")
    parser.add_argument("--json", action="store_true", help="record the tables in benchmarks/results")
    options = parser.parse_args()
    if not truth.DATA.is_dir():
        print(f"needs the BCCD data in {truth.DATA}", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    if "train" in options.steps:
        jobs = [(s, b) for s in (0, 1) for b in pool() if s == 0 or b.index % 3 == 0]
        truth.run(TRAININGS, [({"network": b.index, "seed": s}, b.graph) for s, b in jobs])
    if "scores" in options.steps:
        scoring.run(SCORES)
    if "pooling" in options.steps:
        truth.run(TRAININGS, pays.pooled())
    if "pays" in options.steps:
        truth.run(SEARCHED, pays.references(), truth.of_search)
        truth.run(SEARCHED, pays.ours(options.kept), truth.of_search)
    if "speed" in options.steps:
        record("detection_speed", speed.measure())
    if not options.steps:
        result = tables()
        show(result)
        if options.json:
            record("detection", result)
    return 0


def tables() -> dict[str, Any]:
    """Return all that the study says, from the trainings and scores that are kept."""
    trainings = truth.lines(TRAININGS)
    found = agreement.truths(trainings)
    lines = truth.lines(SCORES)
    scores = {line["network"]: line["values"] for line in lines}
    judged = [b for b in pool() if b.index in found and b.index in scores]
    parts = {
        "tuning": [b for b in judged if not b.final],
        "final": [b for b in judged if b.final],
        "all": judged,
    }
    seconds = [line["seconds"] for line in trainings if line["network"] in found and "pooling" not in line]
    mean_seconds = {
        name: round(float(np.mean([line["seconds"][name] for line in lines])), 2) for name in lines[0]["seconds"]
    }
    ap = [float(np.mean(found[b.index])) for b in judged]
    return {
        "versions": versions("torch", "torchvision", "numpy", "pycocotools"),
        "machine": machine(),
        "setting": {
            "size": list(SIZE),
            "steps": truth.SCHEDULE.steps,
            "batch": truth.SCHEDULE.batch_size,
            "least_macs": LEAST,
            "backbones": len(judged),
        },
        "noise": agreement.noise(found),
        "ap": {"min": round(min(ap), 4), "max": round(max(ap), 4), "deviation": round(float(np.std(ap)), 4)},
        "cpu_seconds": {"training": round(float(np.mean(seconds)), 1), **mean_seconds},
        "scores": {part: agreement.table(backbones, found, scores) for part, backbones in parts.items()},
        "probe_first": agreement.probe_first(scores, found, mean_seconds),
        "search": pays.against(truth.lines(SEARCHED)),
        "pooling": pays.rounding(trainings, [line for line in trainings if line.get("pooling") == "caffe"]),
    }


def show(result: dict[str, Any]) -> None:
    """Return the tables in words."""
    noise, seconds = result["noise"], result["cpu_seconds"]
    print(
        f"{result['setting']['backbones']} backbones, AP {result['ap']['min']:.3f} to {result['ap']['max']:.3f}; "
        f"one training deviates by {noise['deviation']:.4f}, tau between two seeds {noise['tau_between_seeds']:.2f} "
        f"({noise['networks']} backbones); a training takes {seconds['training']:.0f} CPU s"
    )
    most = noise["ceiling"]
    print(
        f"a perfect score of expected AP would have tau {most['one_training']:.2f} with one training of each, and "
        f"{most['recorded']:.2f} [{most['low']:.2f}, {most['high']:.2f}] with the recorded AP"
    )
    first = result["probe_first"]
    print(
        f"the better half by roi_probe holds {first['kept']['detection']} of the best {first['of']} by detection and "
        f"{first['kept']['AP']} by AP; probe first takes {first['seconds']:.1f} CPU s a candidate\n"
    )
    for part, table in result["scores"].items():
        print(f"{part:28} tau [95 %]          residuals  near MACs  pairs      same residual  CPU s")
        for name, row in sorted(table.items(), key=lambda item: -item[1]["overall"]["tau"]):
            print(_row(name, row, seconds))
        print()
    for budget, row in result["search"].items():
        for part in ("both", "test"):
            cells = [
                f"{n} {c[part]['ap']:.3f} ± {c[part]['deviation']:.3f}"
                for n, c in row.items()
                if part in c and n != "lead"
            ]
            lead = row["lead"]
            error = f"{lead[part]['ap']:+.3f} ± {lead[part]['standard_error']:.3f} on {lead['on']}"
            print(f"{budget} {part:5} {', '.join(cells)}; {error}")
        print(
            f"{budget} lead without our seed 0 {row['lead']['without_seed_0']:+.3f}; "
            f"score and AP of the {row['trained']['networks']} trained: tau {row['trained']['tau']:.2f}"
        )
    print(f"\nRoI align less RoI pooling: {result['pooling']}")


def _row(name: str, row: dict[str, Any], seconds: dict[str, float]) -> str:
    overall, pairs = row["overall"], row["pairs"]
    cells: Sequence[str] = (
        f"{name:28}",
        f"{overall['tau']:5.2f} [{overall['low']:5.2f}, {overall['high']:5.2f}]",
        f"{row['with_residuals']['tau']:9.2f}" if row["with_residuals"]["tau"] is not None else f"{'–':>9}",
        f"{row['near_equal_macs']:9.2f}",
        f"{pairs['all'][0]:4}/{pairs['all'][1]:<4}",
        f"{pairs['same_residual'][0]:4}/{pairs['same_residual'][1]:<4}",
        f"{seconds.get(name, 0.0):8.2f}",
    )
    return "  ".join(cells)


if __name__ == "__main__":
    sys.exit(main())
