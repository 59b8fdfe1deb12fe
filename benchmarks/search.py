"""Which sampler finds the best network under a budget: NAS-Bench-Macro's table looked up in place of training.

    python -m benchmarks.search [--seeds 20] [--evaluations 200] [--samplers NAME …] [--runs FOLDER] [--json] [--record]

6,561 trained networks (Su et al. 2021, arXiv:2103.11922; the table is ``nasbench_macro_c10.csv.gz``, looked for in
``../shared/data/nasbench_macro`` or ``--table``). The budget is the 25, 50 or 75 % quantile of their FLOPs; only
evaluations count. ``default`` is the sampler of ``archlab search``, the smallest network first as there. Optuna's are
used as Optuna's own users would: an infeasible draw is paid for, and its excess given as a constraint. ``median_evals``
are evaluations until the best feasible accuracy so far is within 0.2 points of the best there is; null where the median
seed did not reach it. Exit code 1 where the default misses a target.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import optuna

from archlab.cost import Budget
from archlab.elaborate import Value
from archlab.files import write_atomic
from archlab.search.choices import SAMPLER as DEFAULT
from archlab.search.closed_form import find_smallest
from archlab.search.counter import Counter, costs_of
from archlab.search.sampler import make_sampler
from archlab.search.trial_draw import FromTrial
from benchmarks.machine import RESULTS, machine, record, versions
from benchmarks.macro import TABLE, Table, read_table

RECORDED = RESULTS / "search.json"
QUANTILES = (0.25, 0.5, 0.75)
CHECKPOINTS = (25, 50, 100, 200)
NEAR = 0.2
SAMPLERS = ("default", "tpe", "nsga2", "gp", "random")


def sampler_of(name: str, table: Table, budget: Budget, seed: int, metrics: tuple[str | None, ...]) -> Any:
    """Return the sampler ``name``, ``default`` as ``archlab search`` makes it."""
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


def kept(path: Path | None, make: Callable[[], Run]) -> Run:
    """Return the search that ``path`` holds, else a new one, left there: so that hours of searches can be stopped."""
    if path is not None and path.exists():
        return Run(**json.loads(path.read_text(encoding="utf-8")))
    made = make()
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, json.dumps(asdict(made)))
    return made


def run(table: Table, name: str, budget: Budget, seed: int, evaluations: int, two: bool = False) -> Run:
    """Run a search of ``evaluations`` paid evaluations; ``two``: also for least FLOPs."""
    sampler = sampler_of(name, table, budget, seed, (None, "macs") if two else (None,))
    study = optuna.create_study(directions=["maximize", "minimize"] if two else ["maximize"], sampler=sampler)
    if name == "default":
        study.enqueue_trial(dict(find_smallest(Counter(table.interpreter, budget), seed).draws))
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
    """Return the best feasible accuracy after each evaluation."""
    pairs = zip(result.accuracies, result.flops, strict=True)
    return np.maximum.accumulate([a if f <= limit else 0.0 for a, f in pairs])


def one_objective(
    table: Table, name: str, quantile: float, seeds: int, evaluations: int, folder: Path | None
) -> dict[str, Any]:
    """Run ``seeds`` searches under the budget at ``quantile``, kept in ``folder``."""
    limit = float(np.quantile(list(table.flops.values()), quantile))
    most = max(a for key, a in table.accuracy.items() if table.flops[key] <= limit)
    budget = Budget((("macs", limit),))
    runs = [
        kept(
            folder and folder / f"{name}-{quantile}-{seed}-{evaluations}.json",
            lambda seed=seed: run(table, name, budget, seed, evaluations),  # type: ignore[misc]
        )
        for seed in range(seeds)
    ]
    curves = [best_so_far(r, limit) for r in runs]
    evals = [int(np.argmax(c >= most - NEAR)) + 1 if c[-1] >= most - NEAR else None for c in curves]
    middle = median([e or np.inf for e in evals])
    regrets = {n: [most - c[n - 1] for c in curves] if n <= evaluations else None for n in CHECKPOINTS}
    return {
        "median_evals": float(middle) if np.isfinite(middle) else None,
        "evals": evals,
        "regret": {str(n): r and round(float(np.mean(r)), 4) for n, r in regrets.items()},
        "worst_regret": {str(n): r and round(max(r), 4) for n, r in regrets.items()},
        "seeds_at_the_best": {str(n): r and r.count(0.0) for n, r in regrets.items()},
        "infeasible_share": round(float(np.mean([f > limit for r in runs for f in r.flops])), 4),
        "repeated_share": round(sum(r.repeated for r in runs) / (seeds * evaluations), 4),
        "cpu_ms_a_trial": round(1e3 * sum(r.cpu_seconds for r in runs) / (seeds * evaluations), 2),
        "seeds": seeds,
        "evaluations": evaluations,
        "limit": limit,
        "best": round(most, 4),
    }


def hypervolume(points: list[tuple[float, float]], worst: tuple[float, float]) -> float:
    """Return the area between (accuracy, FLOPs) points and the worst corner, by a sweep from the most accurate down."""
    area, least = 0.0, worst[1]
    for accuracy, flops in sorted(points, reverse=True):
        if flops < least:
            area += (accuracy - worst[0]) * (least - flops)
            least = flops
    return area


def two_objectives(table: Table, name: str, seeds: int, evaluations: int) -> dict[str, Any]:
    """Run ``seeds`` searches for accuracy and FLOPs: shares of the true hypervolume, above the table's worst corner."""
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
    table: Table, names: Sequence[str], seeds: int, evaluations: int, gp_evaluations: int, folder: Path | None
) -> dict[str, Any]:
    """Run the samplers ``names`` under every budget; of the others, return what was recorded."""
    recorded = json.loads(RECORDED.read_text(encoding="utf-8")) if RECORDED.exists() else {}
    runs: dict[str, dict[str, Any]] = dict(recorded.get("one_objective", {}))
    pareto: dict[str, Any] = dict(recorded.get("two_objectives", {}))
    for name in names:
        runs[name] = {}
        length = gp_evaluations if name == "gp" else evaluations
        for quantile in QUANTILES:
            # NSGA-II and random are slow to arrive: their medians need a longer run.
            length = max(length, 600) if name in ("nsga2", "random") else length
            runs[name][str(quantile)] = row = one_objective(table, name, quantile, seeds, length, folder)
            print(f"{name} at {quantile:.0%}: {row['median_evals']} evaluations", file=sys.stderr, flush=True)
        if name != "gp":
            pareto[name] = two_objectives(table, name, seeds, evaluations)
            print(f"{name}, two objectives: {pareto[name]['share']}", file=sys.stderr, flush=True)
    return {
        "median_evals": {
            name: {q: runs[name][q]["median_evals"] for q in map(str, QUANTILES)} for name in SAMPLERS if name in runs
        },
        "one_objective": runs,
        "two_objectives": pareto,
        "near": NEAR,
    }


def missed(result: dict[str, Any]) -> list[str]:
    """Return the targets that the default misses, in words."""
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
        if (row["worst_regret"]["100"] or 0) > 0:
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
    parser.add_argument("--evaluations", type=int, default=200)
    parser.add_argument("--gp-evaluations", type=int, default=100)
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=SAMPLERS, help="run these, keep the others")
    parser.add_argument("--runs", type=Path, metavar="FOLDER", help="keep each search there; take up those kept there")
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
        read_table(args.table), args.samplers, args.seeds, args.evaluations, args.gp_evaluations, args.runs
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
