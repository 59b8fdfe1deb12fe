"""What a sampler itself costs: CPU time per trial beyond the objective.

    python -m benchmarks.overhead [--trials 5000] [--samplers NAME …] [--json] [--record]

The mobile space under 300 M MACs, an objective that costs nothing, Optuna's in-memory storage, one process: CPU
milliseconds per trial, of all threads, over the tenth of the trials before the 100th, 1,000th and 5,000th, drawing and
counting included. ``default`` refits its surrogate every five trials and uses one thread. GP to 100 trials only.
``cells`` is what a draw of NAS-Bench-201's cell costs. Exit code 1 where the default takes more than 15 ms at 100 or
30 ms at 1,000, or such a draw a millisecond.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

import optuna

from archlab.cost import Budget
from archlab.elaborate import Interpreter, load
from archlab.grammar import parse_file
from archlab.resources import find_architecture
from archlab.search.choices import SAMPLER as DEFAULT
from archlab.search.counter import Counter, costs_of
from archlab.search.sampler import make_sampler
from archlab.search.sampler.drawer import Drawer
from archlab.search.trial_draw import FromTrial
from benchmarks.machine import RESULTS, machine, record, versions
from benchmarks.nasbench201 import SPACE

BUDGET = Budget((("macs", 300e6),))
POINTS = (100, 1000, 5000)
MOST = {"gp": 100}
SAMPLERS = ("random", "default", "tpe", "nsga2", "gp")
RECORDED = RESULTS / "overhead.json"


def cpu_ms(name: str, trials: int) -> dict[str, float]:
    """Return CPU milliseconds per trial over the tenth of the trials before each point, with drawing and counting."""
    interpreter = Interpreter(load(parse_file(find_architecture("mobile"))))
    sampler = make_sampler(DEFAULT if name == "default" else name, interpreter, BUDGET, 0, (None,))
    study = optuna.create_study(direction="maximize", sampler=sampler)
    clock = [time.process_time()]
    for _ in range(min(trials, MOST.get(name, trials))):
        trial = study.ask()
        costs = costs_of(interpreter.network(FromTrial(trial)))
        for metric, excess in BUDGET.excess(costs).items():
            trial.set_constraint(metric, excess)
        study.tell(trial, math.log(costs["params"]) - costs["memory"] / 1e8)
        clock.append(time.process_time())
    done = len(clock) - 1
    return {str(n): round(1e3 * (clock[n] - clock[n - n // 10]) / (n // 10), 2) for n in POINTS if n <= done}


def overhead(trials: int, names: Sequence[str]) -> dict[str, Any]:
    """Return CPU milliseconds per trial by sampler and number of trials."""
    rows: dict[str, dict[str, float]] = {}
    if RECORDED.exists():
        rows = json.loads(RECORDED.read_text(encoding="utf-8"))["cpu_ms_a_trial"]
    for name in names:
        rows[name] = cpu_ms(name, trials)
        print(f"{name}: {rows[name]}", file=sys.stderr, flush=True)
    rows = {name: rows[name] for name in SAMPLERS if name in rows}
    return {"cpu_ms_a_trial": rows, "space": "mobile under 300 M MACs", "cells": cells()}


def cells(batches: int = 30, draws: int = 40) -> dict[str, float]:
    """Return what a random draw of NAS-Bench-201's cell costs, counted, with its features, and one of the mobile space.

    Of so many batches the quickest and the median, in CPU milliseconds a draw: on a shared machine the quickest says
    what the draw takes, and the median what its neighbours do. No two draws are of one cell, since what was drawn is
    remembered.
    """
    places = {"cell": SPACE, "chain": find_architecture("mobile")}
    drawers = {name: Drawer(Counter(Interpreter(load(parse_file(place))))) for name, place in places.items()}
    rng = random.Random(0)
    times: dict[str, list[float]] = {name: [] for name in drawers}
    seen: set[object] = set()
    for _ in range(batches):
        for name, drawer in drawers.items():
            done, spent = 0, 0.0
            while done < draws:
                began = time.process_time()
                counted = drawer.draw_randomly(rng)
                if counted is not None and counted.key not in seen:
                    spent += time.process_time() - began
                    seen.add(counted.key)
                    done += 1
            times[name].append(1e3 * spent / draws)
    return {
        "quickest_ms_a_draw": round(min(times["cell"]), 3),
        "median_ms_a_draw": round(statistics.median(times["cell"]), 3),
        "quickest_ms_a_draw_of_a_chain": round(min(times["chain"]), 3),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=5000)
    parser.add_argument("--samplers", nargs="*", choices=SAMPLERS, default=SAMPLERS, help="run these, keep the others")
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    parser.add_argument("--record", action="store_true", help="write it to benchmarks/results/overhead.json")
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    result = overhead(args.trials, args.samplers)
    facts = {"machine": machine(), "versions": versions("optuna", "scikit-learn", "torch")}
    result["cells"] |= facts
    result |= facts if args.samplers else json.loads(RECORDED.read_text(encoding="utf-8")) | result
    if args.record:
        record("overhead", result)
    print(json.dumps(result, indent=2, ensure_ascii=False) if args.json else _table(result))
    ours = result["cpu_ms_a_trial"].get("default", {})
    is_quick = ours.get("100", 0) <= 15 and ours.get("1000", 0) <= 30 and result["cells"]["quickest_ms_a_draw"] < 1
    return 0 if is_quick else 1


def _table(result: dict[str, Any]) -> str:
    lines = [f"{'CPU ms a trial at':<20}" + "".join(f"{n:>10,}" for n in POINTS)]
    lines.insert(0, f"a draw of NAS-Bench-201's cell: {result['cells']['quickest_ms_a_draw']} ms of CPU")
    for name, row in result["cpu_ms_a_trial"].items():
        lines.append(f"{name:<20}" + "".join(f"{row.get(str(n), '-'):>10}" for n in POINTS))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
