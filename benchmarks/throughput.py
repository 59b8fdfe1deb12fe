"""How evaluations a second grow with workers, by storage: an objective that sleeps 100 ms.

    python -m benchmarks.throughput [--trials 40] [--json] [--record]

1, 2 and 4 workers of the default sampler on this machine, the mobile space under 300 M MACs, on a journal, on SQLite,
and on PostgreSQL where ARCHLAB_POSTGRES holds the address of a database. ``--trials`` evaluations a worker; a second
counts from the first evaluation's end to the last's, so that starting processes and importing torch do not. ``ideal``
is what sleeping alone would allow.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import machine, record, versions

WORKERS = (1, 2, 4)
SLEEP = 0.1
OBJECTIVE = f"""
import pathlib, time

def value(module, candidate, trial):
    time.sleep({SLEEP})
    with pathlib.Path("ends.txt").open("a") as file:
        file.write(f"{{time.time()}}\\n")
    return float(candidate.cost["params"] % 977)
"""


def per_second(workers: int, address: str | None, trials: int) -> float:
    """Evaluations a second of ``workers`` on a fresh study."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "sleeping.py").write_text(OBJECTIVE, encoding="utf-8")
        command = [sys.executable, "-m", "archlab", "search", "mobile", "-b", "macs=300M", "-o", "sleeping.py:value"]
        command += ["-n", str(trials), "--no-latency", "--top", "1", "--out", "out", "--workers", str(workers)]
        command += ["--study", f"throughput-{workers}-{time.time_ns()}"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        if address is not None:
            environment["ARCHLAB_STORAGE"] = address.format(folder=folder)
        subprocess.run(command, check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
        ends = sorted(map(float, Path(folder, "ends.txt").read_text(encoding="utf-8").split()))
    # While the first of several workers is alone, the others are still importing.
    ends = ends[len(ends) // 4 :]
    return (len(ends) - 1) / (ends[-1] - ends[0])


def compare(trials: int) -> dict[str, Any]:
    """Evaluations a second by storage and number of workers."""
    addresses: dict[str, str | None] = {"journal": None, "sqlite": "sqlite:///{folder}/study.db"}
    if "ARCHLAB_POSTGRES" in os.environ:
        addresses["postgresql"] = os.environ["ARCHLAB_POSTGRES"]
    rows: dict[str, dict[str, float]] = {}
    for name, address in addresses.items():
        rows[name] = {str(n): round(per_second(n, address, trials * n), 2) for n in WORKERS}
        print(f"{name}: {rows[name]}", file=sys.stderr, flush=True)
    return {"evaluations_a_second": rows, "ideal": {str(n): n / SLEEP for n in WORKERS}, "sleep_seconds": SLEEP}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    parser.add_argument("--record", action="store_true", help="write it to benchmarks/results/throughput.json")
    args = parser.parse_args()
    result = compare(args.trials)
    result |= {"machine": machine(), "versions": versions("optuna", "torch", "sqlalchemy")}
    if args.record:
        record("throughput", result)
    print(json.dumps(result, indent=2, ensure_ascii=False) if args.json else _table(result))
    return 0


def _table(result: dict[str, Any]) -> str:
    lines = [f"{'evaluations a second':<24}" + "".join(f"{n:>3} workers" for n in WORKERS)]
    for name, row in [*result["evaluations_a_second"].items(), ("ideal", result["ideal"])]:
        lines.append(f"{name:<24}" + "".join(f"{row[str(n)]:>11}" for n in WORKERS))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
