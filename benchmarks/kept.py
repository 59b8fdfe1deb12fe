"""What an interpreter keeps of its draws: its size as estimated and as traced, and whether it stays within the bound.

    python -m benchmarks.kept [--draws 20000] [--json] [--record]

``traced`` is what tracemalloc counts over the first draws of a text beside what the constants of
``archlab.elaborate.shared`` give, each text with an interpreter of its own. ``flat`` is the memory of the process over
random draws of a text of cells, of which hardly any two are the same, with draws per second of CPU time. Exit code 1
where an estimate is off by more than a quarter, or memory grows by more than the bound after the first tenth.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import random
import sys
import tracemalloc
from pathlib import Path
from time import process_time
from typing import Any

from archlab.elaborate import Interpreter, Random, load
from archlab.elaborate.shared import KEY, MOST_BYTES
from archlab.errors import ArchlabError
from archlab.grammar import parse, parse_file
from archlab.grammar.ast import Architecture
from archlab.resources import find_architecture
from benchmarks.machine import machine, record, versions
from benchmarks.nasbench201 import SPACE

CELLS = """net cells(input=3x32x32)
block op(c) = {conv(c, 1), conv(c, 3), separable(c), separable(c, k=5), identity}
block node(c) = add(op(c), op(c)) -> conv(c, 1)
block cell(c) = node(c) -> node(c) -> node(c) -> node(c)
stem: conv(16)
stage1: each(3, cell(16))
stage2: conv(32, 3, s=2) -> each(3, cell(32))
stage3: conv(64, 3, s=2) -> each(3, cell(64))
head: gap -> fc(10)
"""
TRACED = {"cells": 300, "nasbench201": 300, "mobile": 1500, "detection": 400}
LOOKS = 10


def traced(architecture: Architecture, draws: int) -> dict[str, float]:
    """Return the bytes that ``draws`` add, by tracemalloc and by the estimate."""
    interpreter, rng = Interpreter(load(architecture)), random.Random(0)
    _draw(interpreter, rng)
    gc.collect()
    tracemalloc.start()
    before, size = tracemalloc.get_traced_memory()[0], _size(interpreter)
    for _ in range(draws):
        _draw(interpreter, rng)
    gc.collect()
    bytes_traced = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    estimated = _size(interpreter) - size
    return {"draws": draws, "traced": bytes_traced, "estimated": estimated, "ratio": estimated / bytes_traced}


def _draw(interpreter: Interpreter, rng: random.Random) -> None:
    with contextlib.suppress(ArchlabError):  # a cell without any way through it is no network
        interpreter.network(Random(rng))


def _size(interpreter: Interpreter) -> int:
    return interpreter.shared.size + KEY * interpreter.shared.keys.count


def flat(draws: int) -> list[dict[str, float]]:
    """Return the process's memory in MiB, and draws per second of CPU time, at ``LOOKS`` times during ``draws``."""
    interpreter, rng, rows = Interpreter(load(parse(CELLS))), random.Random(0), []
    for look in range(1, LOOKS + 1):
        start = process_time()
        for _ in range(draws // LOOKS):
            interpreter.network(Random(rng))
        rate = draws // LOOKS / (process_time() - start)
        rows.append({"draws": look * draws // LOOKS, "mib": round(_resident() / 2**20, 1), "per_second": round(rate)})
    return rows


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


def main() -> None:
    """Measure, print, and record where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--record", action="store_true")
    args = parser.parse_args()
    texts = {"cells": parse(CELLS), "nasbench201": parse_file(SPACE)}
    texts |= {name: parse_file(find_architecture(name)) for name in TRACED if name not in texts}
    result: dict[str, Any] = {
        "machine": machine(),
        "versions": versions(),
        "bound_mib": MOST_BYTES / 2**20,
        "flat": flat(args.draws),
        "traced": {name: traced(text, TRACED[name]) for name, text in texts.items()},
    }
    if args.record:
        record("kept", result)
    if args.json:
        print(json.dumps(result, indent=2))
    else:
        for row in result["flat"]:
            print(f"{row['draws']:>7,} draws: {row['mib']:6.1f} MiB, {row['per_second']} draws per second")
        for name, row in result["traced"].items():
            print(f"{name}: {row['traced'] / row['draws']:,.0f} bytes a draw, estimated {row['ratio']:.2f} of it")
    off = [row for row in result["traced"].values() if not 0.75 <= row["ratio"] <= 1.25]
    grown = max(row["mib"] for row in result["flat"]) - result["flat"][0]["mib"]
    sys.exit(1 if off or grown > MOST_BYTES / 2**20 else 0)


if __name__ == "__main__":
    main()
