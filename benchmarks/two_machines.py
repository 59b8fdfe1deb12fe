"""How far apart are the detection scores that two machines give one network with one seed, and why?

    python -m benchmarks.two_machines [--networks 5] [--json]    # about 30 CPU s a network

Other machines are simulated on this one, each in a process of its own: processors of fewer instructions by
``ONEDNN_MAX_CPU_ISA`` and ``ATEN_CPU_CAPABILITY``, and more cores by torch's threads. They differ from ``here`` in the
order of floating-point sums alone. Beside them, ``nudged`` has every weight moved by a ten-millionth of itself here,
``seed 1`` is another seed, and ``recorded`` another machine indeed, that of the study of all backbones. ``apart`` is
the deviation of the logarithm of the loss from that of ``here``, and ``ranked alike`` how many pairs of networks have
the same order by ``detection``; ``grown`` is how far apart the losses are after fewer steps.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import nn

from archlab.detect import short_training as training
from archlab.detect.scores import score_detector
from archlab.nn import build
from benchmarks.detecting.pool import pool
from benchmarks.detecting.trainings import DATA, data, detector
from benchmarks.detecting.truth import lines
from benchmarks.machine import RESULTS, instruction_sets, machine, record, versions

SIZE = (96, 128)
STEPS = (1, 6, 12, 24)
"""Fewer steps than a score's 60, after which losses are compared too; of ``TRACED`` networks."""

TRACED = 1
NUDGE = 1e-7
MACHINES: dict[str, dict[str, str]] = {
    "here": {},
    "AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"},
    "SSE4.1": {"ONEDNN_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default"},
    "two threads": {"THREADS": "2"},
    "nudged": {"NUDGE": "1"},
    "seed 1": {"SEED": "1"},
}


def scores_here(networks: Sequence[int], seed: int) -> dict[str, Any]:
    """Return scores, losses on the way, and the instructions that were used, as this process gives them."""
    shown = data("bccd", "train", SIZE)
    rows = {}
    for network in networks:
        graph = detector(network, SIZE, len(shown.classes), 224)
        found = score_detector("detection", graph, shown, seed)
        steps = STEPS if network in networks[:TRACED] else ()
        rows[str(network)] = {
            "detection": found.value,
            "log loss": float(np.log(found.parts["loss"])),
            "class accuracy": found.parts["class accuracy"],
            "on the way": {str(s): training.short_training(graph, shown, seed, s).total for s in steps},
        }
    return {"rows": rows, "instruction sets": instruction_sets()}


def nudged(graph: Any, seed: int = 0) -> nn.Module:
    """Build the module of a graph with every weight moved by about ``NUDGE`` of itself."""
    module = build(graph, seed=seed)
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in module.parameters():
            weight.mul_(1 + NUDGE * torch.randn(weight.shape, generator=rng))
    return module


def ask(name: str, networks: Sequence[int]) -> dict[str, Any]:
    """Return the scores of a simulated machine, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.two_machines", "--as", name, "--networks", str(len(networks))]
    environment = {**os.environ, **MACHINES[name]}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, encoding="utf-8")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def recorded(networks: Sequence[int]) -> dict[str, Any]:
    """Return the scores that the study of all backbones recorded of some, as ``scores_here`` does."""
    rows = {}
    for line in lines(RESULTS / "detection_scores.jsonl"):
        if line["network"] in networks:
            values = line["values"]
            rows[str(line["network"])] = {
                "detection": values["detection"],
                "log loss": float(np.log(-values["short_roi"])),
                "class accuracy": values["roi_probe: class accuracy"],
                "on the way": {},
            }
    return rows


def compared(here: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    """Return how far the rows of two machines are apart."""
    columns = {
        key: [np.array([side[n][key] for n in here]) for side in (here, there)]
        for key in ("detection", "log loss", "class accuracy")
    }
    gaps = columns["log loss"][1] - columns["log loss"][0]
    one, other = columns["detection"]
    i, j = np.triu_indices(len(one), 1)
    traced = [n for n in here if here[n]["on the way"]]
    grown = {
        step: float(np.mean([abs(np.log(there[n]["on the way"][step] / here[n]["on the way"][step])) for n in traced]))
        for step in there[traced[0]]["on the way"]
    }
    return {
        "apart": round(float(np.sqrt(np.mean(gaps**2))), 4),
        "most apart": round(float(np.abs(gaps).max()), 4),
        "ranked alike": [int(((one[i] > one[j]) == (other[i] > other[j])).sum()), len(i)],
        "class accuracy apart": round(float(np.abs(np.subtract(*columns["class accuracy"])).max()), 4),
        "grown": {str(step): float(f"{value:.2g}") for step, value in grown.items()},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=5, metavar="N", help="backbones, spread over the pool")
    parser.add_argument("--as", dest="name", choices=MACHINES, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="record it in benchmarks/results/two_machines.json")
    args = parser.parse_args()
    if not (DATA / "bccd").is_dir():
        print(f"needs the data in {DATA / 'bccd'}", file=sys.stderr)
        return 2
    networks = [round(i * (len(pool()) - 1) / max(1, args.networks - 1)) for i in range(args.networks)]
    if args.name:
        torch.set_num_threads(int(os.environ.get("THREADS", "1")))
        with mock.patch.object(training, "build", nudged if "NUDGE" in os.environ else build):
            print(json.dumps(scores_here(networks, int(os.environ.get("SEED", "0")))))
        return 0
    answers = {}
    for name in MACHINES:
        answers[name] = ask(name, networks)
        print(f"{name}: {answers[name]['instruction sets']}", file=sys.stderr, flush=True)
    here = answers["here"]["rows"]
    others = {name: answer["rows"] for name, answer in answers.items() if name != "here"}
    table = {name: compared(here, rows) for name, rows in (others | {"recorded": recorded(networks)}).items()}
    print(json.dumps(table, indent=2))
    spread = float(np.std([row["log loss"] for row in here.values()], ddof=1))
    print(f"the networks' own spread of log loss is {spread:.3f}")
    if args.json:
        result = {
            "networks": networks,
            "spread": round(spread, 4),
            "machines": table,
            "instruction_sets": instruction_sets(),
            "machine": machine(),
            "versions": versions("torch", "numpy"),
        }
        record("two_machines", result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
