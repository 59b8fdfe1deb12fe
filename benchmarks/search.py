"""Which sampler finds the best network under a budget: NAS-Bench-Macro's table looked up in place of training.

    python -m benchmarks.search [--seeds 20] [--gp-seeds 5] [--evaluations 200] [--samplers NAME …] [--json] [--record]

6,561 really trained networks (Su et al. 2021, arXiv:2103.11922; the table is ``nasbench_macro_c10.csv.gz``, looked for
in ``../shared/data/nasbench_macro`` or ``--table``). The budget is the 25, 50 or 75 % quantile of their FLOPs; only
evaluations count. ``default`` is the sampler of ``archlab search``, the smallest network first as there. Optuna's are
used as Optuna's own users would: an infeasible draw is paid for, its excess told as a constraint. ``median_evals`` are
evaluations until the best feasible accuracy so far is within 0.2 points of the best there is; null where the median
seed never got there. Exit code 1 where the default misses a target.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import optuna

from archlab.cost import Budget
from archlab.elaborate import Fixed, Hole, Interpreter, Network, Value, load
from archlab.grammar import parse_file
from archlab.resources import find_architecture
from archlab.search.closed_form import costs_of, smallest
from archlab.search.draw import FromTrial
from archlab.search.sampler import DEFAULT, make_sampler
from benchmarks.machine import RESULTS, machine, record, versions

TABLE = Path(__file__).resolve().parents[1] / "../shared/data/nasbench_macro/nasbench_macro_c10.csv.gz"
RECORDED = RESULTS / "search.json"
QUANTILES = (0.25, 0.5, 0.75)
CHECKPOINTS = (25, 50, 100, 200)
NEAR = 0.2
SAMPLERS = ("default", "tpe", "nsga2", "gp", "random")


@dataclass(frozen=True)
class Table:
    """The trained networks, by what the holes are filled with: accuracy in percent, parameters and FLOPs (MACs)."""

    interpreter: Interpreter
    holes: tuple[Hole, ...]
    accuracy: dict[tuple[Value, ...], float]
    params: dict[tuple[Value, ...], int]
    flops: dict[tuple[Value, ...], int]

    def key(self, network: Network) -> tuple[Value, ...]:
        """How the table calls a network."""
        return tuple(network.draws[hole.name] for hole in self.holes)

    def network(self, key: tuple[Value, ...]) -> Network:
        """The network of a row."""
        return self.interpreter.network(Fixed({h.name: v for h, v in zip(self.holes, key, strict=True)}))


def read_table(path: Path) -> Table:
    """The table beside its space; a digit of ``arch`` is the option of that layer's choice."""
    interpreter = Interpreter(load(parse_file(find_architecture("nasbench_macro"))))
    holes: list[Hole] = []

    def first(hole: Hole) -> Value:
        if hole.searched:
            holes.append(hole)
        return hole.default

    interpreter.network(first)
    accuracy, params, flops = {}, {}, {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = tuple(hole.labels[int(digit)] for hole, digit in zip(holes, row["arch"], strict=True))
            accuracy[key], params[key], flops[key] = float(row["acc"]), int(row["params"]), int(row["flops"])
    return Table(interpreter, tuple(holes), accuracy, params, flops)


def sampler_of(name: str, table: Table, budget: Budget, seed: int, metrics: tuple[str | None, ...]) -> Any:
    """The sampler ``name``, ``default`` as ``archlab search`` makes it."""
    if name == "default":
        return make_sampler(DEFAULT, table.interpreter, budget, seed, metrics)
    if name == "tpe":  # Optuna's own default
        return optuna.samplers.TPESampler(seed=seed)
    return make_sampler(name, table.interpreter, budget, seed, metrics)


@dataclass
class Run:
    """One search: what each evaluation gave, in order."""

    accuracies: list[float]
    flops: list[int]
    repeated: int
    cpu_seconds: float


def run(table: Table, name: str, budget: Budget, seed: int, evaluations: int, two: bool = False) -> Run:
    """A search of ``evaluations`` paid evaluations; ``two``: also for least FLOPs."""
    sampler = sampler_of(name, table, budget, seed, (None, "macs") if two else (None,))
    study = optuna.create_study(directions=["maximize", "minimize"] if two else ["maximize"], sampler=sampler)
    if name == "default":
        study.enqueue_trial(dict(smallest(table.interpreter, budget, seed).draws))
    result = Run([], [], 0, 0.0)
    seen: set[tuple[Value, ...]] = set()
    began = time.process_time()
    for _ in range(evaluations):
        trial = study.ask()
        network = table.interpreter.network(FromTrial(trial))
        key = table.key(network)
        result.repeated += key in seen
        seen.add(key)
        for metric, excess in budget.excess(costs_of(network)).items():
            trial.set_constraint(metric, excess)
        result.accuracies.append(table.accuracy[key])
        result.flops.append(table.flops[key])
        study.tell(trial, [table.accuracy[key], float(table.flops[key])] if two else table.accuracy[key])
    result.cpu_seconds = time.process_time() - began
    return result


def best_so_far(result: Run, limit: float) -> np.ndarray:
    """The best feasible accuracy after each evaluation."""
    pairs = zip(result.accuracies, result.flops, strict=True)
    return np.maximum.accumulate([a if f <= limit else 0.0 for a, f in pairs])


def one_objective(table: Table, name: str, quantile: float, seeds: int, evaluations: int) -> dict[str, Any]:
    """``seeds`` searches under the budget at ``quantile``."""
    limit = float(np.quantile(list(table.flops.values()), quantile))
    most = max(a for key, a in table.accuracy.items() if table.flops[key] <= limit)
    runs = [run(table, name, Budget((("macs", limit),)), seed, evaluations) for seed in range(seeds)]
    curves = [best_so_far(r, limit) for r in runs]
    evals = [int(np.argmax(c >= most - NEAR)) + 1 if c[-1] >= most - NEAR else None for c in curves]
    middle = median([e or np.inf for e in evals])
    checkpoints = [n for n in CHECKPOINTS if n <= evaluations]
    return {
        "median_evals": float(middle) if np.isfinite(middle) else None,
        "evals": evals,
        "regret": {str(n): round(float(np.mean([most - c[n - 1] for c in curves])), 4) for n in checkpoints},
        "worst_regret": {str(n): round(float(max(most - c[n - 1] for c in curves)), 4) for n in checkpoints},
        "seeds_at_the_best": {str(n): sum(bool(c[n - 1] == most) for c in curves) for n in checkpoints},
        "infeasible_share": round(float(np.mean([f > limit for r in runs for f in r.flops])), 4),
        "repeated_share": round(sum(r.repeated for r in runs) / (seeds * evaluations), 4),
        "cpu_ms_a_trial": round(1e3 * sum(r.cpu_seconds for r in runs) / (seeds * evaluations), 2),
        "seeds": seeds,
        "evaluations": evaluations,
        "limit": limit,
        "best": round(most, 4),
    }


def hypervolume(points: list[tuple[float, float]], worst: tuple[float, float]) -> float:
    """The area between (accuracy, FLOPs) points and the worst corner, by a sweep from the most accurate down."""
    area, least = 0.0, worst[1]
    for accuracy, flops in sorted(points, reverse=True):
        if flops < least:
            area += (accuracy - worst[0]) * (least - flops)
            least = flops
    return area


def two_objectives(table: Table, name: str, seeds: int, evaluations: int) -> dict[str, Any]:
    """``seeds`` searches for accuracy and FLOPs: shares of the true hypervolume, above the table's worst corner."""
    everything = [(table.accuracy[key], float(table.flops[key])) for key in table.accuracy]
    worst = (min(a for a, _ in everything), max(f for _, f in everything))
    whole = hypervolume(everything, worst)
    runs = [run(table, name, Budget(), seed, evaluations, two=True) for seed in range(seeds)]
    shares = {
        n: [hypervolume([*zip(r.accuracies[:n], map(float, r.flops[:n]), strict=True)], worst) / whole for r in runs]
        for n in CHECKPOINTS
        if n <= evaluations
    }
    return {
        "share": {str(n): round(float(np.mean(values)), 5) for n, values in shares.items()},
        "least_share": {str(n): round(min(values), 5) for n, values in shares.items()},
        "seeds": seeds,
    }


def compare(
    table: Table, names: Sequence[str], seeds: int, gp_seeds: int, evaluations: int, gp_evaluations: int
) -> dict[str, Any]:
    """The samplers ``names`` under every budget; of the others, what was recorded."""
    recorded = json.loads(RECORDED.read_text(encoding="utf-8")) if RECORDED.exists() else {}
    runs: dict[str, dict[str, Any]] = dict(recorded.get("one_objective", {}))
    pareto: dict[str, Any] = dict(recorded.get("two_objectives", {}))
    for name in names:
        n, length = (gp_seeds, gp_evaluations) if name == "gp" else (seeds, evaluations)
        if not n:
            continue
        runs[name] = {}
        for quantile in QUANTILES:
            # NSGA-II and random are slow to arrive: their medians need a longer run.
            length = max(length, 600) if name in ("nsga2", "random") else length
            runs[name][str(quantile)] = row = one_objective(table, name, quantile, n, length)
            print(f"{name} at {quantile:.0%}: {row['median_evals']} evaluations", file=sys.stderr, flush=True)
        if name != "gp":
            pareto[name] = two_objectives(table, name, n, evaluations)
            print(f"{name}, two objectives: {pareto[name]['share']}", file=sys.stderr, flush=True)
    return {
        "median_evals": {
            name: {q: runs[name][q]["median_evals"] if name in runs else None for q in map(str, QUANTILES)}
            for name in SAMPLERS
        },
        "one_objective": runs,
        "two_objectives": pareto,
        "near": NEAR,
    }


def missed(result: dict[str, Any]) -> list[str]:
    """The targets that the default misses, in words."""
    evals, ours = result["median_evals"], result["one_objective"].get("default", {})
    found = []
    if (evals["default"]["0.25"] or np.inf) > 20:
        found.append("more than 20 evaluations at the 25 % budget")
    found += [
        f"more than a third of TPE's evaluations at {q}"
        for q in ("0.5", "0.75")
        if evals["default"][q] is None or 3 * evals["default"][q] > (evals["tpe"][q] or np.inf)
    ]
    for q, row in ours.items():
        if row["worst_regret"]["100"] > 0:
            found.append(f"at {q}, {row['seeds'] - row['seeds_at_the_best']['100']} seeds not at the best after 100")
        if row["infeasible_share"] or row["repeated_share"]:
            found.append(f"infeasible or repeated evaluations at {q}")
    for n, least in (("100", 0.97), ("200", 0.999)):
        if result["two_objectives"].get("default", {}).get("share", {}).get(n, 0) < least:
            found.append(f"less than {least:.1%} of the hypervolume at {n}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--gp-seeds", type=int, default=5)
    parser.add_argument("--evaluations", type=int, default=200)
    parser.add_argument("--gp-evaluations", type=int, default=100)
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=SAMPLERS, help="run these, keep the others")
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    parser.add_argument("--record", action="store_true", help="write it to benchmarks/results/search.json")
    args = parser.parse_args()
    if len(args.samplers) > 1 and args.record:
        # One after another, each recorded as soon as it is done.
        common = [word for word in sys.argv[1:] if word not in (*args.samplers, "--samplers")]
        command = [sys.executable, "-m", "benchmarks.search", *common, "--samplers"]
        return [subprocess.call([*command, name]) for name in args.samplers][-1]
    if not args.table.exists():
        print(f"no table of trained networks at {args.table}: name one with --table", file=sys.stderr)
        return 2
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    result = compare(
        read_table(args.table), args.samplers, args.seeds, args.gp_seeds, args.evaluations, args.gp_evaluations
    )
    result |= {"missed": missed(result), "machine": machine(), "versions": versions("optuna", "scikit-learn", "torch")}
    if args.record:
        record("search", result)
    print(json.dumps(result, indent=2, ensure_ascii=False) if args.json else _table(result))
    return 1 if result["missed"] else 0


def _table(result: dict[str, Any]) -> str:
    lines = [f"{'evaluations to within 0.2 points':<34}" + "".join(f"{q:>10.0%}" for q in QUANTILES)]
    for name, row in result["median_evals"].items():
        lines.append(f"{name:<34}" + "".join(f"{row[str(q)] or 'never':>10}" for q in QUANTILES))
    lines += [f"{name}: share of the hypervolume {row['share']}" for name, row in result["two_objectives"].items()]
    return "\n".join([*lines, *(f"missed: {text}" for text in result["missed"])])


if __name__ == "__main__":
    sys.exit(main())
