"""NAS-Bench-Macro: 6,561 trained networks (Su et al. 2021, arXiv:2103.11922), looked up in place of training.

The table is ``nasbench_macro_c10.csv.gz``, looked for in ``../shared/data/nasbench_macro`` beside the repository.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archlab.elaborate import Draw, Fixed, Hole, Interpreter, Network, Value, load
from archlab.grammar import parse_file
from archlab.resources import find_architecture

TABLE = Path(__file__).resolve().parents[1] / "../shared/data/nasbench_macro/nasbench_macro_c10.csv.gz"


@dataclass(frozen=True)
class Table:
    """The trained networks, by what the holes are filled with: accuracy in percent, parameters and FLOPs (MACs).

    ``trainings`` are the accuracies of the three seeds whose mean ``accuracy`` is. ``distinct`` has each network once.
    """

    interpreter: Interpreter
    holes: tuple[Hole, ...]
    accuracy: dict[tuple[Value, ...], float]
    trainings: dict[tuple[Value, ...], tuple[float, ...]]
    params: dict[tuple[Value, ...], int]
    flops: dict[tuple[Value, ...], int]
    distinct: tuple[tuple[Value, ...], ...]

    def limit(self, quantile: float) -> float:
        """Return the FLOPs that this share of the networks has at most."""
        return float(np.quantile([self.flops[key] for key in self.distinct], quantile))

    def best(self, limit: float) -> float:
        """Return the highest accuracy within ``limit`` FLOPs."""
        return max(accuracy for key, accuracy in self.accuracy.items() if self.flops[key] <= limit)

    def key(self, network: Network) -> tuple[Value, ...]:
        """Return how the table calls a network."""
        return tuple(network.draws[hole.name] for hole in self.holes)

    def key_of(self, draw: Draw) -> tuple[Value, ...]:
        """Return how the table calls what ``draw`` fills the holes with."""
        return tuple(draw(hole) for hole in self.holes)

    def network(self, key: tuple[Value, ...]) -> Network:
        """Return the network of a row."""
        return self.interpreter.network(Fixed({h.name: v for h, v in zip(self.holes, key, strict=True)}))


def read_table(path: Path = TABLE) -> Table:
    """Return the table beside its space; a digit of ``arch`` is the option of that layer's choice."""
    interpreter = Interpreter(load(parse_file(find_architecture("nasbench_macro"))))
    holes: list[Hole] = []

    def first(hole: Hole) -> Value:
        if hole.searched:
            holes.append(hole)
        return hole.default

    interpreter.network(first)
    accuracy, trainings, params, flops = {}, {}, {}, {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = tuple(hole.labels[int(digit)] for hole, digit in zip(holes, row["arch"], strict=True))
            accuracy[key], params[key], flops[key] = float(row["acc"]), int(row["params"]), int(row["flops"])
            trainings[key] = tuple(float(row[f"acc{seed}"]) for seed in range(3))
    return Table(interpreter, tuple(holes), accuracy, trainings, params, flops, tuple(accuracy))
