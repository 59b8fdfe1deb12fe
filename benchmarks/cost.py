"""What a candidate's exact cost takes: in closed form, against building its module and running fvcore on it.

    python -m benchmarks.cost [--candidates 100] [--seed 0] [--json] [--record]

Random candidates of the mobile space at 224x224, each drawn once, on one thread, in one run: (a) draw, elaborate and
cost; (b) build the module and count it with fvcore's FlopCountAnalysis. ``ratio`` is b / a for each candidate, and
every count is asserted equal, operator by operator.

A search draws from an interpreter that has seen other draws and keeps what they share, so ``median_ratio`` is that of a
warm one, which has seen 4,000 draws from other seeds; ``cold`` is that of one that has seen none but the candidates
before. Exit code 1 where the median ratio is below 1,000, or fewer than 1,000 candidates per second are costed.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from statistics import median
from time import perf_counter
from typing import Any

import torch

from archlab.cost import Cost, cost
from archlab.elaborate import Interpreter, Network, Random, load
from archlab.grammar import parse_file
from archlab.nn.fvcore_recount import analysis, expected_by_operator
from archlab.nn.module import build
from archlab.resources import find_architecture
from benchmarks.machine import machine, record, versions

SPACE = "mobile"
DRAWS = 2_000
LEAST = 1_000


def interpreter() -> Interpreter:
    """Return an interpreter of the space that has seen no draw."""
    return Interpreter(load(parse_file(find_architecture(SPACE))))


def draw(source: Interpreter, rng: random.Random) -> tuple[Network, Cost]:
    """Return the next random candidate and its cost."""
    network = source.network(Random(rng))
    return network, cost(network)


def timed_draws(source: Interpreter, n: int, seed: int) -> tuple[list[Network], list[float]]:
    """Return ``n`` candidates with the seconds that drawing, elaborating and costing each took."""
    rng = random.Random(seed)
    networks, seconds = [], []
    for _ in range(n):
        start = perf_counter()
        network, _ = draw(source, rng)
        seconds.append(perf_counter() - start)
        networks.append(network)
    return networks, seconds


def fvcore_seconds(network: Network) -> tuple[float, float]:
    """Return seconds for building the module, and for counting it with fvcore; its counts must equal the closed form.

    The graph, which the closed form does without, is made before the clock starts.
    """
    graph = network.graph
    start = perf_counter()
    module = build(graph).eval()
    built = perf_counter()
    counter = analysis(module, graph)
    total = counter.total()
    counted = perf_counter()
    by_operator = {name: int(n) for name, n in counter.by_operator().items() if n}
    closed = cost(network)
    assert by_operator == expected_by_operator(graph), network.draws
    assert total == closed.macs + closed.other, network.draws
    return built - start, counted - built


def per_second(source: Interpreter, seed: int, n: int = DRAWS) -> float:
    """Return how many candidates per second ``source`` draws, elaborates and costs."""
    rng = random.Random(seed)
    start = perf_counter()
    for _ in range(n):
        draw(source, rng)
    return n / (perf_counter() - start)


def compare(candidates: int, seed: int) -> dict[str, Any]:
    """Return the comparison, and the rates of a cold and a warm interpreter."""
    torch.set_num_threads(1)
    source = interpreter()
    cold_rate = per_second(source, seed + 1)
    warm_rate = per_second(source, seed + 2)
    networks, warm = timed_draws(source, candidates, seed)
    same, cold = timed_draws(interpreter(), candidates, seed)
    assert [network.draws for network in same] == [network.draws for network in networks]
    fvcore_seconds(networks[0])  # torch's own first run is slower by far
    building, counting = zip(*map(fvcore_seconds, networks), strict=True)
    by_fvcore = [a + b for a, b in zip(building, counting, strict=True)]
    ratios = sorted(b / a for a, b in zip(warm, by_fvcore, strict=True))
    return {
        "median_ratio": round(median(ratios)),
        "lowest_ratio": round(ratios[0]),
        "cold": {"median_ratio": round(median(b / a for a, b in zip(cold, by_fvcore, strict=True)))},
        "median_seconds": {
            "closed_form": round(median(warm), 7),
            "closed_form_cold": round(median(cold), 7),
            "build_and_fvcore": round(median(by_fvcore), 5),
            "build": round(median(building), 5),
            "fvcore": round(median(counting), 5),
        },
        "candidates_per_second": {"cold": round(cold_rate), "warm": round(warm_rate), "draws": DRAWS},
        "candidates": candidates,
        "distinct": len({network.digest for network in networks}),
        "every_count_equal": True,
        "seed": seed,
        "space": f"{SPACE} at 224x224",
        "threads": 1,
        "machine": machine(),
        "versions": versions("torch", "fvcore"),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    parser.add_argument("--record", action="store_true", help="write it to benchmarks/results/cost.json")
    args = parser.parse_args()
    result = compare(args.candidates, args.seed)
    if args.record:
        record("cost", result)
    print(json.dumps(result, indent=2, ensure_ascii=False) if args.json else _table(result))
    rates = result["candidates_per_second"]
    return 0 if result["median_ratio"] >= LEAST and rates["cold"] >= LEAST else 1


def _table(result: dict[str, Any]) -> str:
    seconds, rates = result["median_seconds"], result["candidates_per_second"]
    return "\n".join(
        [
            f"{result['candidates']} candidates of {result['space']}, every count equal to fvcore's",
            f"{'':<28}{'warm':>12}{'cold':>12}",
            f"{'draw, elaborate and cost':<28}{seconds['closed_form'] * 1e6:>9.0f} µs"
            f"{seconds['closed_form_cold'] * 1e6:>9.0f} µs",
            f"{'build and fvcore':<28}{seconds['build_and_fvcore'] * 1e3:>9.0f} ms",
            f"{'ratio, median':<28}{result['median_ratio']:>12,}{result['cold']['median_ratio']:>12,}",
            f"{'candidates a second':<28}{rates['warm']:>12,}{rates['cold']:>12,}",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
