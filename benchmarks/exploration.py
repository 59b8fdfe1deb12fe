"""Whether the default sampler should explore: policies compared on tables of trained networks, fixed beforehand.

    python -m benchmarks.exploration choose|judge|again --runs FOLDER [--seeds 35 170] [--json] [--record]

Fixed before any of its searches was run:

- **choose**: the policies on NAS-Bench-201's cifar10 at the 50 % budget and on NAS-Bench-Macro at the 25 % budget,
  seeds 0 and on. Chosen is the lowest mean regret after 100 evaluations on cifar10 among those whose median evaluations
  to within 0.2 points on Macro are at most 20; of equals the lowest after 50, then after 25.
- **judge**: ``mean``, which is what the sampler did before, against the chosen one on cifar100 and ImageNet16-120 at
  the 50 % budget and on Macro at the 25 % budget, seeds 35 to 169, which nothing was chosen on. It is merged where its
  mean regret is lower on both data sets, by a two-sided Wilcoxon test with p < .05 on at least one, where it is stuck
  (more than a point below the best) on no more seeds of either, and where the median on Macro is at most 20.

How many seeds ``choose`` takes was not fixed: 20 were run and then 15 more; either way it is ``1 sd, paths``, which was
merged. The record's ``choose`` and ``judge`` are of the sampler before that; two policies of ``choose`` also took what
was expected of the first of a batch as seen for the rest of it, lost, and are gone. ``again`` is the sampler as it is,
in which a random draw near the budget serves as one anywhere too, against the searches of ``mean`` that ``judge`` made,
copied into its folder. It is one of three ways to save time that were tried on the seeds of ``judge``, so they are not
fresh for it. ``half_as_many_draws`` is another, put into the record by hand: this command with ``POOL // 24`` draws.

``choose_pairs``, ``judge_pairs`` and ``judge_pairs_again`` are of features that are gone too: how often one kind of
layer or pooling follows another, beside those of the ways or in their place; the last commit that has them and these
steps is called "Tests of the features of neighbours". ``1 sd, paths, pairs`` was chosen on seeds 0 to 34, against ``1
sd, paths``. On seeds 170 to 304 its mean regret was lower on both data sets and its p .053 and .063, so that the rule
above refused it; then it was fixed, before they were run, that seeds 305 to 574 alone judge once more, with p < .025
as it is the second look. Its mean was lower on both again, and its p .38 and .029: refused.

Each search is kept in the folder, so that it can be stopped and taken up; what has been run so far is what is judged,
and the record says how many seeds that is. The smallest network comes first, as in ``archlab search``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from scipy.stats import wilcoxon

from archlab.cost import Budget
from archlab.search.sampler.policy import Policy
from archlab.search.sampler.screen import ScreenSampler
from benchmarks.machine import RESULTS, machine, record, versions
from benchmarks.macro import Table
from benchmarks.table_search import Run, best_so_far, kept, search, share_counting, tables

RECORDED = RESULTS / "exploration.json"
POLICIES = {
    "mean": Policy(deviations=0, paths=False),
    "1 sd": Policy(deviations=1, paths=False),
    "1 sd, paths": Policy(deviations=1, paths=True),
    "paths": Policy(deviations=0, paths=True),
}
JUDGED = (("nb201_cifar100", 0.5), ("nb201_imagenet16", 0.5), ("macro", 0.25))
TASKS = {"choose": (("nb201_cifar10", 0.5), ("macro", 0.25)), "judge": JUDGED, "again": JUDGED}
EVALUATIONS = 100
STUCK = 1.0
QUICK = 20
"""Evaluations to within 0.2 points on Macro that the median search may take."""


def run(table: Table, policy: Policy, limit: float, seed: int) -> Run:
    """Run one search."""
    budget = Budget((("macs", limit),))
    sampler = ScreenSampler(table.interpreter, budget, seed, (None,), policy=policy)
    share_counting(sampler, limit, policy.paths)
    return search(table, sampler, budget, seed, EVALUATIONS, smallest_first=True)


def regrets(task: str, quantile: float, name: str, seeds: range, folder: Path, new: bool) -> dict[int, list[float]]:
    """Return by seed the regret after each evaluation, of the searches in ``folder``, and with ``new`` of all seeds."""
    table = tables()[task]
    limit = table.limit(quantile)
    best = table.best(limit)
    found = {}
    for seed in seeds:
        path = folder / f"{task}-{quantile}-{name.replace(', ', '-').replace(' ', '')}-{seed}.json"
        if new or path.exists():
            made = kept(path, lambda seed=seed: run(table, POLICIES[name], limit, seed))  # type: ignore[misc]
            found[seed] = (best - best_so_far(made, limit)).tolist()
    return found


def summary(curves: dict[int, list[float]]) -> dict[str, Any]:
    """Return what the searches of one policy on one task came to."""
    ends = np.array([curve[-1] for curve in curves.values()])
    near = [next((i for i, regret in enumerate(curve, 1) if regret <= 0.2), np.inf) for curve in curves.values()]
    median = float(np.median(near))
    return {
        "seeds": len(ends),
        "mean_regret": {str(n): round(float(np.mean([c[n - 1] for c in curves.values()])), 4) for n in (25, 50, 100)},
        "worst": round(float(ends.max()), 4),
        "stuck": round(float(np.mean(ends > STUCK)), 4),
        "median_evals": median if np.isfinite(median) else None,
    }


def compare(step: str, names: list[str], seeds: range, folder: Path, new: bool) -> dict[str, Any]:
    """Run or read the searches of a step, and put policies beside the first one, seed by seed."""
    result: dict[str, Any] = {}
    for task, quantile in TASKS[step]:
        rows: dict[str, Any] = {}
        first: dict[int, list[float]] = {}
        for name in names:
            curves = regrets(task, quantile, name, seeds, folder, new)
            if not curves:
                continue
            first = first or curves
            rows[name] = summary(curves)
            both = sorted(set(curves) & set(first))
            pairs = [(first[seed][-1], curves[seed][-1]) for seed in both]
            if curves is not first and any(a != b for a, b in pairs):
                rows[name]["p"] = round(float(wilcoxon(*zip(*pairs, strict=True)).pvalue), 4)
            print(f"{task} at {quantile:.0%}, {name}: {rows[name]}", file=sys.stderr, flush=True)
        result[task] = rows
    return result


def chosen(rows: dict[str, Any]) -> str:
    """Return the policy beside ``mean`` that the step ``choose`` has chosen."""

    def regrets(name: str) -> list[float]:
        return [rows["nb201_cifar10"][name]["mean_regret"][n] for n in ("100", "50", "25")]

    quick = [name for name in POLICIES if name != "mean" and (rows["macro"][name]["median_evals"] or np.inf) <= QUICK]
    return min(quick, key=regrets)


def verdict(rows: dict[str, Any], name: str) -> dict[str, Any]:
    """Return what speaks against merging the policy ``name`` after the step ``judge``; nothing, where it wins."""
    against = []
    data = {task: (rows[task]["mean"], rows[task][name]) for task in ("nb201_cifar100", "nb201_imagenet16")}
    for task, (mean, new) in data.items():
        if new["mean_regret"]["100"] >= mean["mean_regret"]["100"]:
            against.append(f"{task}: its mean regret is not lower")
        if new["stuck"] > mean["stuck"]:
            against.append(f"{task}: it is stuck more often")
    if min(new.get("p", 1.0) for _, new in data.values()) >= 0.05:
        against.append("p is at least .05 on both")
    if (rows["macro"][name]["median_evals"] or np.inf) > QUICK:
        against.append(f"macro: its median is above {QUICK}")
    return {"policy": name, "against": against, "merged": not against}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=TASKS)
    parser.add_argument("--runs", type=Path, required=True, metavar="FOLDER", help="where each search is kept")
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 20), metavar=("FIRST", "END"))
    parser.add_argument("--policies", nargs="+", choices=POLICIES, help="these; to judge, the mean and the chosen one")
    parser.add_argument("--read", action="store_true", help="run nothing: judge what is in the folder")
    parser.add_argument("--record", action="store_true", help="write it to benchmarks/results/exploration.json")
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    before = json.loads(RECORDED.read_text(encoding="utf-8")) if RECORDED.exists() else {}
    names = args.policies or (list(POLICIES) if args.step == "choose" else ["mean", chosen(before["choose"])])
    found = compare(args.step, names, range(*args.seeds), args.runs, not args.read)
    if args.step != "choose" and len(names) == 2:
        found["verdict"] = verdict(found, names[1])
    if args.record:
        facts = {"machine": machine(), "versions": versions("optuna", "scikit-learn", "torch")}
        record("exploration", {**before, args.step: found, **facts})
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
