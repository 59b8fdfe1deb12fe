"""Which scores foretell trained accuracy, and which still do among networks of equal MACs: NAS-Bench-Macro.

    python -m benchmarks.scores [--networks 400] [--kept FILE] [--table CSV.GZ] [--json] [--record]

Every graph feature of all 6,561 networks, and every score of ``archlab.score`` of ``--networks`` of them, drawn with
seed 0: built and scored with seed 0, as a search does. Kendall's tau and Spearman's rho with the mean accuracy of three
trainings, with 95 % bootstrap intervals (200 resamples of the networks): over all networks, and over those whose MACs
fall in the same band of 2 %, pooled over the bands. ``one training`` is the ceiling: one training's accuracy against
the mean of the other two. Seconds are CPU seconds a network on one thread, building it left out. ``--kept`` names a
file for the scores computed so far, so that a run can be stopped and gone on with.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from archlab.elaborate import Network, Value
from archlab.nn import build
from archlab.score import SCORES, score
from archlab.search.features import FEATURES, GraphFeatures
from benchmarks.correlation import RESAMPLES, WIDTH, correlations
from benchmarks.machine import machine, record, versions
from benchmarks.macro import TABLE, Table, read_table

Key = tuple[Value, ...]
CEILING = "one training"


def features_of(table: Table) -> tuple[dict[str, list[float]], float]:
    """Each graph feature of every network, in the table's order, and CPU seconds a network for all of them."""
    networks = [table.network(key) for key in table.accuracy]
    compute = GraphFeatures()
    began = time.process_time()
    rows = [compute(network) for network in networks]
    seconds = (time.process_time() - began) / len(rows)
    return {name: list(column) for name, column in zip(FEATURES, zip(*rows, strict=True), strict=True)}, seconds


def scores_of(table: Table, keys: Sequence[Key], kept: Path | None) -> dict[str, list[tuple[float, float]]]:
    """By score, its value and CPU seconds for each of ``keys``; what ``kept`` holds is not computed again."""
    known: dict[str, dict[str, tuple[float, float]]] = {}
    if kept is not None and kept.exists():
        for line in kept.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            known.setdefault(entry["network"], {}).update(entry["scores"])
    result: dict[str, list[tuple[float, float]]] = {name: [] for name in SCORES}
    for number, key in enumerate(keys, start=1):
        network = table.network(key)
        have = known.setdefault(network.digest, {})
        missing = [name for name in SCORES if name not in have]
        if missing:
            have.update(_score(network, missing))
            if kept is not None:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"network": network.digest, "scores": have}) + "\n")
        for name in SCORES:
            result[name].append(have[name])
        if number % 100 == 0:
            print(f"{number} of {len(keys)} networks", file=sys.stderr, flush=True)
    return result


def _score(network: Network, names: Sequence[str]) -> dict[str, tuple[float, float]]:
    module = build(network.graph, seed=0)
    found = {}
    for name in names:
        began = time.process_time()
        value = score(name, module, network.input_shape, seed=0)
        found[name] = (value, time.process_time() - began)
    return found


def compare(table: Table, networks: int, kept: Path | None) -> dict[str, Any]:
    """The correlations of every feature and score, those that hold best at equal MACs first."""
    keys = list(table.accuracy)
    order = list(range(len(keys)))
    random.Random(0).shuffle(order)
    sample = order[:networks]
    scored = scores_of(table, [keys[i] for i in sample], kept)
    features, seconds = features_of(table)
    trainings = np.array([table.trainings[key] for key in keys])
    truth, macs = trainings.mean(1), np.array([table.flops[key] for key in keys])
    rows: dict[str, dict[str, Any]] = {
        CEILING: {"networks": len(keys), "seconds": None}
        | correlations(trainings[:, 0], trainings[:, 1:].mean(1), macs)
    }
    for name, values in features.items():
        found = correlations(np.array(values), truth, macs)
        rows[name] = {"networks": len(keys), "seconds": float(f"{seconds / len(features):.2g}"), **found}
    for name, pairs in scored.items():
        scores, times = zip(*pairs, strict=True)
        found = correlations(np.array(scores), truth[sample], macs[sample])
        rows[name] = {"networks": networks, "seconds": float(f"{np.mean(times):.2g}"), **found}
    ordered = dict(sorted(rows.items(), key=lambda row: -row[1]["kendall_equal_macs"][0]))
    return {"rows": ordered, "band": WIDTH, "resamples": RESAMPLES, "seed": 0}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=400)
    parser.add_argument("--kept", type=Path, metavar="FILE")
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    parser.add_argument("--record", action="store_true", help="write it to benchmarks/results/scores.json")
    args = parser.parse_args()
    if not args.table.exists():
        print(f"no table of trained networks at {args.table}: name one with --table", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    result = compare(read_table(args.table), args.networks, args.kept)
    result |= {"machine": machine(), "versions": versions("torch", "scipy", "numpy")}
    if args.record:
        record("scores", result)
    print(json.dumps(result, indent=2, ensure_ascii=False) if args.json else _table(result))
    return 0


def _table(result: dict[str, Any]) -> str:
    columns = ("kendall_equal_macs", "spearman_equal_macs", "kendall", "spearman")
    lines = ["| | Kendall, equal MACs | Spearman, equal MACs | Kendall | Spearman | networks | CPU ms |"]
    lines.append("|---|---|---|---|---|---|---|")
    for name, row in result["rows"].items():
        cells = [f"{row[c][0]:.2f} [{row[c][1]:.2f}, {row[c][2]:.2f}]" for c in columns]
        milliseconds = "" if row["seconds"] is None else f"{1e3 * row['seconds']:.2g}"
        lines.append(f"| {name} | " + " | ".join([*cells, f"{row['networks']:,}", milliseconds]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
