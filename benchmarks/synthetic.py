"""The default sampler against Optuna's on made-up truths over shipped spaces, so that it is not tuned to one table.

    python -m benchmarks.synthetic [--seeds 10] [--evaluations 100] [--samplers NAME …] [--json] [--record]

A truth is a saturating function of a random linear mix of the graph features, of a random two-layer network on what the
holes are filled with, and of noise that each network keeps; ``TRUTHS`` says how much of each. Budgets are quantiles of
the MACs of random draws. A search's result is how far the best of its first 25, 50 and 100 evaluations within the
budget lies below the best that any search found, in standard deviations of the truth over random draws within it.
Optuna's samplers pay for infeasible draws, as in ``benchmarks.search``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import random
import sys
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optuna

from archlab.cost import Budget
from archlab.elaborate import Interpreter, Network, Random, load
from archlab.grammar import parse_file
from archlab.resources import find_architecture
from archlab.search.choices import SAMPLER as DEFAULT
from archlab.search.closed_form import find_smallest
from archlab.search.counter import Counter, costs_of
from archlab.search.features import GraphFeatures
from archlab.search.sampler import make_sampler
from archlab.search.trial_draw import FromTrial
from benchmarks.machine import machine, record, versions

SPACES = ("nasbench_macro", "mobile")
QUANTILES = (0.25, 0.75)
CHECKPOINTS = (25, 50, 100)
TRUTHS = {"features": (1.0, 0.5, 0.1), "interactions": (0.3, 1.0, 0.1), "noisy": (0.5, 1.0, 0.5)}
"""How much of a truth come from graph features, interactions of holes, and noise."""
HIDDEN = 16


def _normal(text: str, count: int) -> np.ndarray:
    """Return numbers from N(0, 1) that are a text's own."""
    digest = hashlib.sha256(text.encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32)).standard_normal(count)


@dataclass
class Truth:
    """A made-up accuracy of the networks of a space."""

    interpreter: Interpreter
    name: str
    shares: tuple[float, float, float]
    samples: list[Network]
    _parts: dict[str, np.ndarray] = field(default_factory=dict)
    _features: GraphFeatures = field(default_factory=GraphFeatures)

    def __post_init__(self) -> None:
        self._weights, self._out = _normal(self.name, 10), _normal(f"{self.name} out", HIDDEN)
        rows = np.array([self._features(n) for n in self.samples])
        self._mean, self._spread = rows.mean(0), np.maximum(rows.std(0), 1e-9)
        raw = np.array([self._raw(n) for n in self.samples])
        self._center, self._scale = raw.mean(0), raw.std(0)

    def _raw(self, network: Network) -> np.ndarray:
        hidden = np.zeros(HIDDEN)
        for hole, value in network.draws.items():
            text = f"{self.name} {hole} {value}"
            if text not in self._parts:
                self._parts[text] = _normal(text, HIDDEN)
            hidden += self._parts[text]
        hidden /= math.sqrt(len(network.draws)) / 1.5
        # That larger is better is the one thing that all truths share, as far as their features go.
        features = (np.array(self._features(network)) - self._mean) / self._spread @ np.abs(self._weights)
        return np.array([features, np.tanh(hidden) @ self._out, _normal(f"{self.name} {network.digest}", 1)[0]])

    def __call__(self, network: Network) -> float:
        """Return the truth of a network."""
        mixed = (self._raw(network) - self._center) / self._scale @ np.array(self.shares)
        return -math.exp(-mixed / math.hypot(*self.shares) / 2)


@dataclass(frozen=True)
class Task:
    """A truth under a budget."""

    truth: Truth
    budget: Budget
    spread: float

    @property
    def interpreter(self) -> Interpreter:
        """Of its space."""
        return self.truth.interpreter


def task_of(space: str, kind: str, quantile: float, number: int) -> Task:
    """Return the ``number``-th truth of a kind on a space, under a budget."""
    interpreter = Interpreter(load(parse_file(find_architecture(space))))
    rng = random.Random(0)
    samples = [interpreter.network(Random(rng)) for _ in range(500)]
    truth = Truth(interpreter, f"{space} {kind} {number}", TRUTHS[kind], samples)
    budget = Budget((("macs", float(np.quantile([costs_of(n)["macs"] for n in samples], quantile))),))
    spread = np.std([truth(n) for n in samples if budget.allows(costs_of(n))])
    return Task(truth, budget, float(spread))


def search(task: Task, name: str, seed: int, evaluations: int) -> np.ndarray:
    """Return the best within the budget after each evaluation."""
    if name == "tpe":  # Optuna's own default
        sampler: optuna.samplers.BaseSampler = optuna.samplers.TPESampler(seed=seed)
    else:
        chosen = DEFAULT if name == "default" else name
        sampler = make_sampler(chosen, task.interpreter, task.budget, seed, (None,))
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.enqueue_trial(dict(find_smallest(Counter(task.interpreter, task.budget), seed).draws))
    values = []
    for _ in range(evaluations):
        trial = study.ask()
        network = task.interpreter.network(FromTrial(trial))
        costs = costs_of(network)
        for metric, excess in task.budget.excess(costs).items():
            trial.set_constraint(metric, excess)
        value = task.truth(network)
        values.append(value if task.budget.allows(costs) else -math.inf)
        study.tell(trial, value)
    return np.maximum.accumulate(values)


def compare(samplers: list[str], seeds: int, evaluations: int) -> dict[str, Any]:
    """Return mean regret by space, kind and budget; each seed has a truth of its own."""
    rows: dict[str, dict[str, dict[str, float]]] = {}
    for space in SPACES:
        for kind in TRUTHS:
            for quantile in QUANTILES:
                regrets: dict[str, list[np.ndarray]] = {name: [] for name in samplers}
                for seed in range(seeds):
                    task = task_of(space, kind, quantile, seed)
                    curves = {name: search(task, name, seed, evaluations) for name in samplers}
                    best = max(curve[-1] for curve in curves.values())
                    for name, curve in curves.items():
                        regrets[name].append((best - curve) / task.spread)
                at = [n for n in CHECKPOINTS if n <= evaluations]
                row = {
                    name: {str(n): round(float(np.mean([c[n - 1] for c in found])), 3) for n in at}
                    for name, found in regrets.items()
                }
                rows[f"{space}, {kind}, {quantile:.0%}"] = row
                print(f"{space}, {kind}, {quantile:.0%}: {row}", file=sys.stderr, flush=True)
    return {"mean_regret": rows, "seeds": seeds}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--evaluations", type=int, default=100)
    parser.add_argument("--samplers", nargs="+", choices=("default", "tpe", "random"), default=["default", "tpe"])
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    parser.add_argument("--record", action="store_true", help="write it to benchmarks/results/synthetic.json")
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    result = compare(args.samplers, args.seeds, args.evaluations)
    result |= {"machine": machine(), "versions": versions("optuna", "scikit-learn", "torch")}
    if args.record:
        record("synthetic", result)
    print(json.dumps(result, indent=2, ensure_ascii=False) if args.json else _table(result))
    return 0


def _table(result: dict[str, Any]) -> str:
    lines = []
    for name, row in result["mean_regret"].items():
        lines += [f"{name:<40}{sampler:<10}" + "".join(f"{v:>8.2f}" for v in r.values()) for sampler, r in row.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
