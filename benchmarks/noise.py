"""Whom a search names where one training is luck: NAS-Bench-Macro with one of its three trainings for each network.

    python -m benchmarks.noise [--seeds 12] [--runs FOLDER] [--json] [--record]

A search of 100 evaluations with the default sampler under the 50 % budget sees one training of each network, drawn by
its seed; the truth is the mean of the three. Of the five best, the two other trainings are what ``--replicates 2``
sees: ten more trainings. ``raw`` names the best value, as a search did; ``smoothed`` the best smoothed value;
``replicates`` the best shrunk mean, and ``plain`` the best plain mean of the replicates. ``regret`` is how far the
named network's truth is below the best that the budget allows, and ``reported`` how far what is reported of it is above
its truth, both in points, as means over the searches; ``covered`` is the share of intervals that hold the truth.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from archlab.cost import Budget
from archlab.elaborate import Value
from archlab.files import write_atomic
from archlab.search.choices import SAMPLER
from archlab.search.closed_form import find_smallest
from archlab.search.counter import Counter
from archlab.search.estimates import estimates_of, promising
from archlab.search.result import Objective, Trial
from archlab.search.sampler import make_sampler
from archlab.search.trial_draw import FromTrial
from benchmarks.machine import machine, record, versions
from benchmarks.macro import TABLE, Table, read_table

EVALUATIONS, QUANTILE, BEST = 100, 0.5, 5
ACCURACY = Objective("accuracy", "maximize")


def searched(table: Table, limit: float, seed: int, path: Path | None) -> list[tuple[Value, ...]]:
    """Return the networks that a search evaluates, in order; it sees training ``seed % 3`` of each."""
    if path is not None and path.exists():
        return [tuple(key) for key in json.loads(path.read_text(encoding="utf-8"))]
    budget = Budget((("macs", limit),))
    study = optuna.create_study(
        direction="maximize", sampler=make_sampler(SAMPLER, table.interpreter, budget, seed, (None,))
    )
    study.enqueue_trial(dict(find_smallest(Counter(table.interpreter, budget), seed).draws))
    keys = []
    for _ in range(EVALUATIONS):
        trial = study.ask()
        key = table.key_of(FromTrial(trial))
        keys.append(key)
        study.tell(trial, table.trainings[key][seed % 3])
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, json.dumps(keys))
    return keys


def judged(table: Table, limit: float, seed: int, keys: list[tuple[Value, ...]]) -> dict[str, Any]:
    """Return by way of choosing the regret of whom it names, and what it reports above the truth."""
    most = table.best(limit)
    trials = [
        Trial(n, "scored", dict(table.network(key).draws), {}, {"accuracy": table.trainings[key][seed % 3]})
        for n, key in enumerate(keys)
    ]
    truth = [table.accuracy[key] for key in keys]
    smoothed = estimates_of(trials, ACCURACY, table.interpreter)
    worth = [smoothed[n].value if n in smoothed else trial.values["accuracy"] for n, trial in enumerate(trials)]
    ranks = any(estimate.ranks for estimate in smoothed.values())
    values = [trial.values["accuracy"] for trial in promising(trials, [ACCURACY], table.interpreter)]
    best = sorted(range(len(trials)), key=lambda n: (-values[n], n))[:BEST]
    others = {n: tuple(table.trainings[keys[n]][i] for i in range(3) if i != seed % 3) for n in best}
    again = [
        dataclasses.replace(trial, again={"accuracy": others[n]}) if n in others else trial
        for n, trial in enumerate(trials)
    ]
    shrunk = estimates_of(again, ACCURACY, table.interpreter)
    raw = [trial.values["accuracy"] for trial in trials]
    ways = {
        "raw": (int(np.argmax(raw)), raw),
        "smoothed": (int(np.argmax(worth)), worth),
        "plain": (max(best, key=lambda n: np.mean(others[n])), {n: float(np.mean(others[n])) for n in best}),
        "replicates": (max(best, key=lambda n: shrunk[n].value), {n: shrunk[n].value for n in best}),
    }
    found: dict[str, Any] = {
        way: {"regret": most - truth[n], "reported": reported[n] - truth[n]}  # type: ignore[index]
        for way, (n, reported) in ways.items()
    }
    inside = [shrunk[n].low <= truth[n] <= shrunk[n].high for n in best]
    return found | {
        "covered": float(np.mean(inside)),
        "ranked by smoothed": ranks,
        "noise": shrunk[best[0]].noise,
        "best was evaluated": most in truth,
    }


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return means over searches."""
    ways = {
        way: {
            "regret": round(float(np.mean([row[way]["regret"] for row in rows])), 4),
            "worst_regret": round(max(row[way]["regret"] for row in rows), 4),
            "reported": round(float(np.mean([row[way]["reported"] for row in rows])), 4),
            "reported_away": round(float(np.mean([abs(row[way]["reported"]) for row in rows])), 4),
        }
        for way in ("raw", "smoothed", "plain", "replicates")
    }
    return {
        "ways": ways,
        "covered": round(float(np.mean([row["covered"] for row in rows])), 3),
        "noise": round(float(np.mean([row["noise"] for row in rows])), 3),
        "searches": len(rows),
        "ranked_by_smoothed": sum(row["ranked by smoothed"] for row in rows),
        "best_was_evaluated": sum(row["best was evaluated"] for row in rows),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=24, help="how prior and evaluations are weighed was chosen on 24")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--runs", type=Path, metavar="FOLDER", help="keep each search there; take up those kept there")
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    parser.add_argument("--record", action="store_true", help="write it to benchmarks/results/noise.json")
    args = parser.parse_args()
    if not TABLE.exists():
        print(f"no table of trained networks at {TABLE}", file=sys.stderr)
        return 2
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    table = read_table()
    limit = table.limit(QUANTILE)
    rows: list[dict[str, Any]] = []
    result: dict[str, Any] = {}
    for seed in range(args.first_seed, args.first_seed + args.seeds):
        keys = searched(table, limit, seed, args.runs and args.runs / f"noise-{seed}.json")
        rows.append(judged(table, limit, seed, keys))
        result = (
            summary(rows)
            | {"first_seed": args.first_seed}
            | {"machine": machine(), "versions": versions("optuna", "scikit-learn", "torch")}
        )
        print(f"{len(rows)} searches: {result['ways']}", file=sys.stderr, flush=True)
        if args.record:
            record("noise", result)
    lines = [f"{way:<12}{row['regret']:>10.3f}{row['reported']:>+10.3f}" for way, row in result["ways"].items()]
    print(json.dumps(result, indent=2) if args.json else "\n".join([f"{'':<12}{'regret':>10}{'reported':>10}", *lines]))
    ours = result["ways"]["replicates"]
    return 0 if ours["regret"] <= 0.02 and abs(ours["reported"]) <= 0.1 else 1


if __name__ == "__main__":
    sys.exit(main())
