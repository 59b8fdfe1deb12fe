"""How evaluations per second grow with workers, by storage: an objective that sleeps 100 ms.

    python -m benchmarks.throughput [--trials 40] [--storages NAME …] [--json] [--record]

1, 2 and 4 workers of the default sampler on this machine, the space of NAS-Bench-Macro under 55 M MACs (its modules
take 15 ms to build, those of the mobile space ten times that), on a journal, on SQLite, and on PostgreSQL where
ARCHLAB_POSTGRES holds the address of a database; ``--storages`` runs these and keeps what is recorded of the others.
``--trials`` evaluations per worker. Only the steady state counts: every worker waits in its first evaluation for all
others, and the time runs from there until the first of them has nothing left to do. ``ideal`` is what sleeping alone
would allow. CPU milliseconds are what a worker spends on an evaluation beyond the sleep, storage included: as many
workers as the machine has cores can each do at most 1000 / (100 + that), and no number of workers more than the cores'
share of it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import RESULTS, machine, record, versions

WORKERS = (1, 2, 4)
SLEEP = 0.1
RECORDED = RESULTS / "throughput.json"
STORAGES = ("journal", "sqlite", "postgresql")
OBJECTIVE = f"""
import os, pathlib, time

ENDS = pathlib.Path(f"ends-{{os.getpid()}}.txt")

def value(module, candidate, trial):
    if not ENDS.exists():
        ENDS.touch()
        while len(list(pathlib.Path().glob("ends-*.txt"))) < int(os.environ["WORKERS"]):
            time.sleep(0.01)
    time.sleep({SLEEP})
    with ENDS.open("a") as file:
        file.write(f"{{time.time()}} {{time.process_time()}}\\n")
    return float(candidate.cost["params"] % 977)
"""


@dataclass(frozen=True)
class Pace:
    """Evaluations per second of all workers together, and CPU milliseconds per evaluation."""

    per_second: float
    cpu_ms: float


def pace(workers: int, address: str | None, trials: int) -> Pace:
    """Return the steady state of ``workers`` on a fresh study."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "sleeping.py").write_text(OBJECTIVE, encoding="utf-8")
        command = [sys.executable, "-m", "archlab", "search", "nasbench_macro", "-b", "macs=55M"]
        command += ["-o", "sleeping.py:value", "-n", str(trials), "--no-latency", "--top", "1", "--out", "out"]
        command += ["--workers", str(workers), "--study", f"throughput-{workers}-{time.time_ns()}"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "WORKERS": str(workers)}
        if address is not None:
            environment["ARCHLAB_STORAGE"] = address.format(folder=folder)
        subprocess.run(command, check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
        texts = [path.read_text(encoding="utf-8") for path in Path(folder).glob("ends-*.txt")]
    ends = [[tuple(map(float, line.split())) for line in text.splitlines()] for text in texts]
    begin, stop = max(e[0][0] for e in ends), min(e[-1][0] for e in ends)
    done = sum(begin < moment <= stop for e in ends for moment, _ in e)
    cpu = sum(e[-1][1] - e[0][1] for e in ends) / sum(len(e) - 1 for e in ends)
    return Pace(round(done / (stop - begin), 2), round(1e3 * cpu, 1))


def compare(trials: int, names: list[str]) -> dict[str, Any]:
    """Return evaluations per second, and what one costs the processor, by storage and number of workers."""
    addresses = {"journal": None, "sqlite": "sqlite:///{folder}/study.db"}
    addresses["postgresql"] = os.environ.get("ARCHLAB_POSTGRES")
    kept: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8")) if RECORDED.exists() else {}
    rates, cpu = kept.get("evaluations_a_second", {}), kept.get("cpu_ms_an_evaluation", {})
    for name in names:
        if name == "postgresql" and addresses[name] is None:
            print("postgresql: not run, ARCHLAB_POSTGRES names no database", file=sys.stderr)
            continue
        paces = {str(n): pace(n, addresses[name], trials * n) for n in WORKERS}
        rates[name], cpu[name] = {n: p.per_second for n, p in paces.items()}, {n: p.cpu_ms for n, p in paces.items()}
        print(f"{name}: {rates[name]}, CPU ms {cpu[name]}", file=sys.stderr, flush=True)
    ideal = {str(n): n / SLEEP for n in WORKERS}
    return {"evaluations_a_second": rates, "cpu_ms_an_evaluation": cpu, "ideal": ideal, "sleep_seconds": SLEEP}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--storages", nargs="+", choices=STORAGES, default=list(STORAGES))
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    parser.add_argument("--record", action="store_true", help="write it to benchmarks/results/throughput.json")
    args = parser.parse_args()
    result = compare(args.trials, args.storages)
    result |= {"machine": machine(), "versions": versions("optuna", "torch", "sqlalchemy")}
    if args.record:
        record("throughput", result)
    print(json.dumps(result, indent=2, ensure_ascii=False) if args.json else _table(result))
    return 0


def _table(result: dict[str, Any]) -> str:
    lines = [f"{'evaluations a second':<24}" + "".join(f"{n:>3} workers" for n in WORKERS)]
    for name, row in [*result["evaluations_a_second"].items(), ("ideal", result["ideal"])]:
        lines.append(f"{name:<24}" + "".join(f"{row[str(n)]:>11}" for n in WORKERS))
    lines.append(f"{'CPU ms an evaluation':<24}")
    for name, row in result["cpu_ms_an_evaluation"].items():
        lines.append(f"{name:<24}" + "".join(f"{row[str(n)]:>11}" for n in WORKERS))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
