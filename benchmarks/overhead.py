"""What a sampler itself costs: CPU time per trial beyond the objective.

    python -m benchmarks.overhead [--trials 5000] [--samplers NAME …] [--json] [--record]

The mobile space under 300 M MACs, an objective that costs nothing, Optuna's in-memory storage, one process: CPU
milliseconds per trial, of all threads, over the tenth of the trials before the 100th, 1,000th and 5,000th, drawing and
counting included. ``default`` refits its surrogate every five trials and uses one thread. GP to 100 trials only. Exit
code 1 where the default takes more than 15 ms at 100 or 30 ms at 1,000.
"""

from __future__ import annotations

import argparse
import json
import math
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
from archlab.search.counter import costs_of
from archlab.search.sampler import make_sampler
from archlab.search.trial_draw import FromTrial
from benchmarks.machine import RESULTS, machine, record, versions

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
    return {"cpu_ms_a_trial": rows, "space": "mobile under 300 M MACs"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=5000)
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=SAMPLERS)
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    parser.add_argument("--record", action="store_true", help="write it to benchmarks/results/overhead.json")
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    result = overhead(args.trials, args.samplers)
    result |= {"machine": machine(), "versions": versions("optuna", "scikit-learn", "torch")}
    if args.record:
        record("overhead", result)
    print(json.dumps(result, indent=2, ensure_ascii=False) if args.json else _table(result))
    ours = result["cpu_ms_a_trial"].get("default", {})
    return 0 if ours.get("100", 0) <= 15 and ours.get("1000", 0) <= 30 else 1


def _table(result: dict[str, Any]) -> str:
    lines = [f"{'CPU ms a trial at':<20}" + "".join(f"{n:>10,}" for n in POINTS)]
    for name, row in result["cpu_ms_a_trial"].items():
        lines.append(f"{name:<20}" + "".join(f"{row.get(str(n), '-'):>10}" for n in POINTS))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
