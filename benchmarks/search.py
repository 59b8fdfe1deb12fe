"""Which sampler finds the best network under a budget: tables of trained networks looked up in place of training.

    python -m benchmarks.search [--tables NAME …] [--samplers NAME …] [--seeds 20] [--runs FOLDER] [--json] [--record]

NAS-Bench-Macro and the three data sets of NAS-Bench-201 (``benchmarks/macro.py``, ``benchmarks/nasbench201.py``). The
budget is the 25, 50 or 75 % quantile of the networks' FLOPs; only evaluations count. ``default`` is the sampler of
``archlab search``, the smallest network first as there; ``evolution`` is regularised and evaluates only what is
feasible and new, as the default does. Optuna's are used as Optuna's own users would: an infeasible draw is paid for,
and its excess given as a constraint. ``botorch`` is Optuna's BoTorchSampler, of the extra ``botorch``.

``median_evals`` are evaluations on NAS-Bench-Macro until the best feasible accuracy so far is within 0.2 points of the
best there is; null where the median seed did not reach it. ``mean_regret_100`` is how far the best after 100 is below
the best there is, in points, and ``stuck`` the share of seeds on which that is more than one. Each row is recorded as
soon as it is done, with its number of seeds. ``cpu_ms_a_trial`` of the default is that of its first seed, which counts
all that it draws; the others find what was counted before them. Exit code 1 where the default misses a target.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import optuna

from archlab.cost import Budget
from archlab.search.choices import SAMPLER as DEFAULT
from archlab.search.sampler import (
    make_sampler,
    surrogate,  # noqa: F401  # loaded here, and not in the time of the first search
)
from archlab.search.sampler.screen import ScreenSampler
from benchmarks.evolution import EvolutionSampler
from benchmarks.machine import RESULTS, machine, record, versions
from benchmarks.macro import Table
from benchmarks.search_targets import missed
from benchmarks.table_search import Run, best_so_far, kept, search, share_counting, tables

RECORDED = RESULTS / "search.json"
QUANTILES = (0.25, 0.5, 0.75)
CHECKPOINTS = (25, 50, 100, 200)
NEAR = 0.2
STUCK = 1.0
TABLES = ("macro", "nb201_cifar10", "nb201_cifar100", "nb201_imagenet16")
SAMPLERS = ("default", "evolution", "tpe", "nsga2", "gp", "botorch", "random")
SLOW = ("gp", "botorch")
"""Samplers that take too long for more than 100 evaluations."""


def sampler_of(name: str, table: Table, budget: Budget, seed: int, metrics: tuple[str | None, ...]) -> Any:
    """Return the sampler ``name``, ``default`` as ``archlab search`` makes it.

    Raises:
        ImportError: it is BoTorch's, which is not installed.
    """
    if name == "default":
        return make_sampler(DEFAULT, table.interpreter, budget, seed, metrics)
    if name == "evolution":
        return EvolutionSampler(table, dict(budget.limits).get("macs", float("inf")), seed)
    if name == "tpe":  # Optuna's own default
        return optuna.samplers.TPESampler(seed=seed)
    if name == "botorch":
        from optuna_integration import BoTorchSampler  # type: ignore[import-not-found]

        return BoTorchSampler(seed=seed)
    return make_sampler(name, table.interpreter, budget, seed, metrics)


def run(
    table: Table, name: str, budget: Budget, seed: int, evaluations: int, two: bool = False, shares: bool = True
) -> Run:
    """Run a search of ``evaluations`` paid evaluations.

    Args:
        two: also for least FLOPs.
        shares: whether the default may find what other searches have counted, which takes less time.
    """
    sampler = sampler_of(name, table, budget, seed, (None, "macs") if two else (None,))
    if shares and isinstance(sampler, ScreenSampler):
        share_counting(sampler, budget.limits, two)
    return search(table, sampler, budget, seed, evaluations, smallest_first=name == "default", two=two)


def one_objective(
    table: Table, name: str, quantile: float, seeds: range, evaluations: int, folder: Path | None
) -> dict[str, Any]:
    """Run a search for each of ``seeds`` under the budget at ``quantile``, each kept in ``folder``."""
    limit = table.limit(quantile)
    most = table.best(limit)
    budget = Budget((("macs", limit),))
    runs = [
        kept(
            folder and folder / f"{name}-{quantile}-{seed}-{evaluations}.json",
            lambda seed=seed: run(table, name, budget, seed, evaluations, shares=seed > seeds[0]),  # type: ignore[misc]
        )
        for seed in seeds
    ]
    timed = runs[:1] if name == "default" else runs
    curves = [best_so_far(r, limit) for r in runs]
    evals = [int(np.argmax(c >= most - NEAR)) + 1 if c[-1] >= most - NEAR else None for c in curves]
    middle = median([e or np.inf for e in evals])
    regrets = {n: [most - float(c[n - 1]) for c in curves] if n <= evaluations else None for n in CHECKPOINTS}
    last = regrets[min(evaluations, 100)] or [0.0]
    return {
        "median_evals": float(middle) if np.isfinite(middle) else None,
        "evals": evals,
        "regret": {str(n): r and round(float(np.mean(r)), 4) for n, r in regrets.items()},
        "median_regret": {str(n): r and round(float(np.median(r)), 4) for n, r in regrets.items()},
        "worst_regret": {str(n): r and round(max(r), 4) for n, r in regrets.items()},
        "seeds_at_the_best": {str(n): r and r.count(0.0) for n, r in regrets.items()},
        "stuck": round(sum(regret > STUCK for regret in last) / len(last), 4),
        "infeasible_share": round(float(np.mean([f > limit for r in runs for f in r.flops])), 4),
        "repeated_share": round(sum(r.repeated for r in runs) / (len(seeds) * evaluations), 4),
        "cpu_ms_a_trial": round(1e3 * sum(r.cpu_seconds for r in timed) / (len(timed) * evaluations), 2),
        "seeds": len(seeds),
        "first_seed": seeds[0],
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


def two_objectives(table: Table, name: str, seeds: int, evaluations: int, folder: Path | None) -> dict[str, Any]:
    """Run ``seeds`` searches for accuracy and FLOPs: shares of the true hypervolume, above the table's worst corner."""
    everything = [(table.accuracy[key], float(table.flops[key])) for key in table.accuracy]
    worst = (min(a for a, _ in everything), max(f for _, f in everything))
    whole = hypervolume(everything, worst)
    runs = [
        kept(
            folder and folder / f"{name}-two-{seed}-{evaluations}.json",
            lambda seed=seed: run(table, name, Budget(), seed, evaluations, two=True),  # type: ignore[misc]
        )
        for seed in range(seeds)
    ]
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


def summary(rows: dict[str, Any]) -> dict[str, Any]:
    """Return what is asked of most, from the rows of ``tables``: ``[table][quantile][sampler]``."""

    def each(pick: Any) -> dict[str, Any]:
        return {
            table: {q: {name: pick(row) for name, row in samplers.items()} for q, samplers in quantiles.items()}
            for table, quantiles in rows.items()
        }

    macro = rows.get("macro", {})
    names = [name for name in SAMPLERS if any(name in samplers for samplers in macro.values())]
    return {
        "median_evals": {
            name: {q: macro[q][name]["median_evals"] for q in macro if name in macro[q]} for name in names
        },
        "mean_regret_100": each(lambda row: row["regret"]["100"]),
        "stuck": each(lambda row: row["stuck"]),
        "seeds": each(lambda row: row["seeds"]),
    }


def compare(args: argparse.Namespace) -> dict[str, Any]:
    """Run what was asked for, and record each row as soon as it is done; of the others, return what was recorded."""
    result: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8")) if RECORDED.exists() else {}
    rows: dict[str, Any] = result.setdefault("tables", {})
    pareto: dict[str, Any] = result.setdefault("two_objectives", {})
    for task in args.tables:
        table = tables()[task]
        folder = args.runs and args.runs / task
        for name in args.samplers:
            length = min(args.evaluations, 100) if name in SLOW else args.evaluations
            try:
                for quantile in args.quantiles:
                    row = one_objective(
                        table, name, quantile, range(args.first_seed, args.first_seed + args.seeds), length, folder
                    )
                    if name == "botorch":
                        row["versions"] = versions("botorch", "optuna-integration")
                    rows.setdefault(task, {}).setdefault(str(quantile), {})[name] = row
                    print(f"{task}, {name} at {quantile:.0%}: {row['regret']}", file=sys.stderr, flush=True)
                    _record(args, result)
                if args.pareto and name not in (*SLOW, "evolution"):
                    pareto.setdefault(task, {})[name] = two_objectives(table, name, args.seeds, length, folder)
                    _record(args, result)
            except ImportError as error:
                print(f"{name} is left out: {error}", file=sys.stderr)
    return _record(args, result)


def _record(args: argparse.Namespace, result: dict[str, Any]) -> dict[str, Any]:
    result |= summary(result["tables"]) | {"near": NEAR, "missed": missed(result)}
    result |= {"machine": machine(), "versions": versions("optuna", "scikit-learn", "torch")}
    if args.record:
        record("search", result)
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=TABLES, help="run these, keep the others")
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=SAMPLERS, help="run these, keep the others")
    parser.add_argument("--quantiles", nargs="+", type=float, choices=QUANTILES, default=QUANTILES)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0, help="of one objective")
    parser.add_argument("--evaluations", type=int, default=200)
    parser.add_argument("--no-pareto", dest="pareto", action="store_false", help="leave out two objectives")
    parser.add_argument("--runs", type=Path, metavar="FOLDER", help="keep each search there; take up those kept there")
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    parser.add_argument("--record", action="store_true", help="write it to benchmarks/results/search.json")
    args = parser.parse_args()
    missing = [name for name in args.tables if name not in tables()]
    if missing:
        print(f"no table of trained networks is here for {', '.join(missing)}", file=sys.stderr)
        return 2
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    result = compare(args)
    print(json.dumps(result, indent=2, ensure_ascii=False) if args.json else _table(result))
    return 1 if result["missed"] else 0


def _table(result: dict[str, Any]) -> str:
    lines = []
    for task, quantiles in result["mean_regret_100"].items():
        for q, samplers in quantiles.items():
            shown = ", ".join(f"{name} {regret:.3f}" for name, regret in samplers.items() if regret is not None)
            lines.append(f"{task} at {float(q):.0%}, mean regret after 100: {shown}")
    return "\n".join([*lines, *(f"missed: {text}" for text in result["missed"])])


if __name__ == "__main__":
    sys.exit(main())
