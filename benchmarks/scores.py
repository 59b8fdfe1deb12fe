"""Measure which scores predict trained accuracy, also among networks of equal MACs, on NAS-Bench-Macro.

    python -m benchmarks.scores [--networks 600] [--kept FILE] [--table CSV.GZ] [--json] [--record]

Every graph feature, and every score that looks at the graph alone, of all 6,561 networks; every score that runs the
network, of ``--networks`` of them, drawn with seed 0: built and scored with seed 0, as a search does. Kendall's tau and
Spearman's rho with the mean accuracy of three trainings, with 95 % bootstrap intervals (200 resamples of the networks):
over all networks, and over those whose MACs fall in the same band of 2 %, pooled over the bands. ``one training`` is
the ceiling: one training's accuracy against the mean of the other two. Seconds are CPU seconds per network on one
thread, without building it. ``imagenet`` is Spearman's rho of what looks at the graph alone with the published top-1
accuracy of the shipped networks, which differ in far more than their MACs. ``--kept`` names a file for the scores
computed so far, so that a run can be stopped and resumed.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import fx

import archlab
from archlab.elaborate import Network, Value
from archlab.graph_features import FEATURES, GraphFeatures
from archlab.nn import build
from archlab.report.gallery import accuracies
from archlab.score import SCORES, score
from benchmarks.correlation import RESAMPLES, WIDTH, correlations
from benchmarks.machine import machine, record, versions
from benchmarks.macro import TABLE, Table, read_table

Key = tuple[Value, ...]
CEILING = "one training"
ON_GRAPH = ("score", "entropy", "log_macs", "log_params")
"""The scores for which nothing need be built."""


@dataclass(frozen=True)
class Column:
    """A score of networks in some order, and the CPU seconds that one takes."""

    values: np.ndarray
    seconds: float


def closed_forms(networks: Sequence[Network]) -> dict[str, Column]:
    """Return each graph feature, and each score that looks at the graph alone."""
    compute = GraphFeatures()
    began = time.process_time()
    rows = np.array([compute(network) for network in networks])
    seconds = (time.process_time() - began) / rows.size
    columns = {name: Column(rows[:, i], seconds) for i, name in enumerate(FEATURES)}
    for name in ON_GRAPH:
        began = time.process_time()
        values = np.array([score(name, _unbuilt(network), network.input_shape, seed=0) for network in networks])
        columns[name] = Column(values, (time.process_time() - began) / len(networks))
    return columns


def _unbuilt(network: Network) -> fx.GraphModule:
    """Return a module that carries the graph and nothing else."""
    module = fx.GraphModule(torch.nn.Module(), fx.Graph())
    module.meta["graph"] = network.graph
    return module


def run_scores(table: Table, keys: Sequence[Key], kept: Path | None) -> dict[str, Column]:
    """Return each score that runs the network, of ``keys``; what ``kept`` holds is not computed again."""
    known: dict[str, dict[str, tuple[float, float]]] = {}
    if kept is not None and kept.exists():
        for line in kept.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            known.setdefault(entry["network"], {}).update(entry["scores"])
    names = [name for name in SCORES if name not in ON_GRAPH]
    for number, key in enumerate(keys, start=1):
        network = table.network(key)
        have = known.setdefault(network.digest, {})
        missing = [name for name in names if name not in have]
        if missing:
            have.update(_score(network, missing))
            if kept is not None:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"network": network.digest, "scores": have}) + "\n")
        if number % 100 == 0:
            print(f"{number} of {len(keys)} networks", file=sys.stderr, flush=True)
    found = {name: np.array([known[table.network(key).digest][name] for key in keys]) for name in names}
    return {name: Column(pairs[:, 0], float(pairs[:, 1].mean())) for name, pairs in found.items()}


def _score(network: Network, names: Sequence[str]) -> dict[str, tuple[float, float]]:
    module = build(network.graph, seed=0)
    found = {}
    for name in names:
        began = time.process_time()
        value = score(name, module, network.input_shape, seed=0)
        found[name] = (value, time.process_time() - began)
    return found


def compare(table: Table, networks: int, kept: Path | None) -> dict[str, Any]:
    """Return the correlations of every feature and score, those that hold best at equal MACs first."""
    keys = list(table.accuracy)
    order = list(range(len(keys)))
    random.Random(0).shuffle(order)
    sample, everything = order[:networks], np.arange(len(keys))
    trainings = np.array([table.trainings[key] for key in keys])
    truth, macs = trainings.mean(1), np.array([table.flops[key] for key in keys])
    ceiling = correlations(trainings[:, 0], trainings[:, 1:].mean(1), macs)
    rows: dict[str, dict[str, Any]] = {CEILING: {"networks": len(keys), "seconds": None} | ceiling}
    ran = run_scores(table, [keys[i] for i in sample], kept)
    closed = closed_forms([table.network(key) for key in keys])
    for columns, which in ((ran, np.array(sample)), (closed, everything)):
        for name, column in columns.items():
            about = {"networks": len(which), "seconds": float(f"{column.seconds:.2g}")}
            rows[name] = about | correlations(column.values, truth[which], macs[which])
    ordered = dict(sorted(rows.items(), key=lambda row: -row[1]["kendall_equal_macs"][0]))
    return {"rows": ordered, "imagenet": imagenet(), "band": WIDTH, "resamples": RESAMPLES, "seed": 0}


def imagenet() -> dict[str, float]:
    """Return Spearman's rho of what looks at the graph alone with the published accuracies of the shipped networks."""
    published = accuracies()
    networks = [archlab.elaborate(archlab.load(name)) for name in published]
    top1 = [accuracy.top1 for accuracy in published.values()]
    found = {name: float(spearmanr(c.values, top1).statistic) for name, c in closed_forms(networks).items()}
    return {name: round(value, 3) for name, value in sorted(found.items(), key=lambda item: -item[1])}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=600)
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
    lines += ["", "Spearman with the published ImageNet top-1 accuracy of the shipped networks: "]
    lines += [", ".join(f"{name} {value:.2f}" for name, value in result["imagenet"].items())]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
