"""Which level should a box be read from: the paper's 224 pixels at every input size, or what the input's size gives?

    python -m benchmarks.levels [--rows N] [--json]    # resumes row by row; a row is a training and its scores

Six backbones of the study's pool, two inputs, two sets, two seeds: a Faster R-CNN is trained on each with ``canonical``
224 and with the input's own (224 / 800 of its shorter side), and scored with the same levels. Rows come in pairs that
differ by ``canonical`` alone, the cheapest first. The table has AP and what is ranked right by the scores, by both.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import torch

from benchmarks.detecting.trainings import DATA, KEY, STEPS, add_rows, scored, trained
from benchmarks.detecting.truth import lines
from benchmarks.machine import RESULTS, machine, record, versions

ROWS = RESULTS / "levels_trainings.jsonl"
SETS = ("bccd", "raccoon")
SIZES = ((96, 128), (144, 192))
NETWORKS = (0, 11, 22, 33, 44, 55)
SEEDS = (0, 1)
CANONICAL = (224, 0)
SCORES = ("detection", "roi_probe")


def jobs() -> Iterator[dict[str, Any]]:
    """Yield what is to be trained: pairs that differ by ``canonical``, small inputs and the first seed first."""
    for size in SIZES:
        for seed in SEEDS:
            for network in NETWORKS:
                for name in SETS:
                    for canonical in CANONICAL:
                        values = (name, list(size), network, seed, canonical, STEPS)
                        yield dict(zip(KEY, values, strict=True))


def row_of(job: Mapping[str, Any]) -> dict[str, Any]:
    """Score and train one detector."""
    return {**job, **scored(job, SCORES), **trained(job)}


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return by set and size: AP with both, the difference over pairs, and the pairs of backbones ranked right."""
    table: dict[str, Any] = {}
    for name in SETS:
        for size in SIZES:
            own = [row for row in rows if row["set"] == name and tuple(row["size"]) == size]
            both = {c: {_pair(row): row for row in own if row["canonical"] == c} for c in CANONICAL}
            paired = sorted(both[224].keys() & both[0].keys())
            if not paired:
                continue
            gaps = np.array([both[0][key]["ap"]["ap"] - both[224][key]["ap"]["ap"] for key in paired])
            error = float(gaps.std(ddof=1) / len(gaps) ** 0.5) if len(gaps) > 1 else None
            table[f"{name} {size[0]}x{size[1]}"] = {
                "pairs": len(paired),
                "gain": round(float(gaps.mean()), 4),
                "standard_error": None if error is None else round(error, 4),
                **{"input's" if c == 0 else str(c): _of([both[c][key] for key in paired]) for c in CANONICAL},
            }
    return table


def _pair(row: Mapping[str, Any]) -> tuple[int, int]:
    return row["network"], row["seed"]


def _of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the mean AP, level use, and of each score how many pairs of backbones of one seed it ranks by AP."""
    ranked = {}
    for name in SCORES:
        pairs = [
            (a["scores"][name] - b["scores"][name]) * (a["ap"]["ap"] - b["ap"]["ap"]) > 0
            for a, b in combinations(rows, 2)
            if a["seed"] == b["seed"]
        ]
        ranked[name] = [sum(pairs), len(pairs)]
    return {
        "ap": round(float(np.mean([row["ap"]["ap"] for row in rows])), 4),
        "level use": {level: round(share, 3) for level, share in rows[0]["level use"].items()},
        "pairs ranked right": ranked,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=0, metavar="N", help="train at most N that are not there yet")
    parser.add_argument("--json", action="store_true", help="record the table in benchmarks/results/levels.json")
    args = parser.parse_args()
    missing = [name for name in SETS if not (DATA / name).is_dir()]
    if args.rows and missing:
        print(f"needs the data in {' and '.join(str(DATA / name) for name in missing)}", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    add_rows(ROWS, jobs(), row_of, args.rows)
    rows = lines(ROWS)
    result = {
        "sets": summary(rows),
        "rows": len(rows),
        "of": sum(1 for _ in jobs()),
        "steps": STEPS,
        "machine": machine(),
        "versions": versions("torch", "torchvision", "numpy", "pycocotools"),
    }
    print(json.dumps(result["sets"], indent=2))
    if args.json:
        record("levels", result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
