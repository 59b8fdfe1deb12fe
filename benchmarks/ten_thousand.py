"""A search of ten thousand quick trials, by storage and sampler: time, resident memory and size every thousand.

    python -m benchmarks.ten_thousand [--trials 10000] [--storages NAME …] [--samplers NAME …] [--json] [--record]

One worker of a process of its own for each, with an objective that costs nothing, on a space of 16.7 million small
networks of which three quarters meet the budget: what remains is the search itself. On a journal, on SQLite, and on
PostgreSQL where ARCHLAB_POSTGRES holds the address of a database; ``--storages`` and ``--samplers`` run these and keep
what is recorded of the others. Files are in a folder of TMPDIR. A row is written as each thousand ends, so that a run
that was ended early is recorded as far as it came. Garbage is collected before memory is read: resident memory, and of
it what is no file's, which does not depend on what else the machine does. The size is that of the file, or of the whole
database, from which what it had at the beginning is taken off. ``load`` is how many processes wanted the processors.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import archlab
from archlab.search.candidate import Candidate
from benchmarks.machine import RESULTS, machine, record, versions

STEP = 1000
STORAGES = ("journal", "sqlite", "postgresql")
SAMPLERS = ("screen", "random")
RECORDED = RESULTS / "ten_thousand.json"
LAYERS = "\n".join(f"s{i}: conv([4..64 step 4])" for i in range(6))
SPACE = f"net quick(input=3x8x8)\n{LAYERS}\nhead: gap -> fc(2)\n"
BUDGET = "params=70k"

Row = dict[str, float]


def memory() -> dict[str, float]:
    """Return the resident memory of this process in MB, and of it what is no file's."""
    gc.collect()
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    kib = {name: float(value.split()[0]) for name, _, value in (line.partition(":") for line in lines) if "kB" in value}
    return {"resident_mb": round(kib["VmRSS"] * 1.024e-3, 1), "anonymous_mb": round(kib["RssAnon"] * 1.024e-3, 1)}


def search_in(folder: Path, address: str | None, sampler: str, trials: int, write: Callable[[Row], None]) -> None:
    """Search for ``trials`` evaluations and give ``write`` a row at the first, and as each thousand ends."""
    size = _size_of(folder, address)
    began, cpu, before, count = time.monotonic(), time.process_time(), size(), 0

    def value(_module: object, candidate: Candidate, _trial: object) -> float:
        nonlocal count
        if count % STEP == 0 or count == trials - 1:
            write(
                {
                    "trials": count + (count in (0, trials - 1)),
                    "drawn": candidate.number + 1,
                    "seconds": round(time.monotonic() - began, 1),
                    "cpu_seconds": round(time.process_time() - cpu, 1),
                    **memory(),
                    "size_mb": round(size() - before, 2),
                    "load": round(os.getloadavg()[0], 1),
                }
            )
        count += 1
        return float(candidate.cost["params"] % 977)

    study = f"quick-{sampler}-{time.time_ns()}"
    archlab.search(archlab.parse(SPACE), budget=[BUDGET], objective=value, trials=trials, out=folder / "out",
                   storage=address, sampler=sampler, study=study, latency=False, top=1)  # fmt: skip


def _size_of(folder: Path, address: str | None) -> Callable[[], float]:
    """Return what tells the storage's size in MB."""
    if address is not None and not address.startswith("sqlite"):
        return lambda: _database_size(address)
    name = folder / "study.db" if address else folder / "out" / "study.journal"
    return lambda: name.stat().st_size / 1e6 if name.exists() else 0.0


def _database_size(address: str) -> float:
    import psycopg

    with psycopg.connect(address) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    return float(row[0]) / 1e6


def measure(storage: str, sampler: str, trials: int) -> list[Row]:
    """Return the rows of a search in a process of its own, as far as it came."""
    rows: list[Row] = []
    command = [sys.executable, "-m", "benchmarks.ten_thousand", "--trials", str(trials), "--one", storage, sampler]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "FOLDER": folder}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                rows.append(json.loads(line))
                print(f"{storage}, {sampler}: {rows[-1]}", file=sys.stderr, flush=True)
    return rows


def recorded() -> dict[str, Any]:
    """Return what is recorded."""
    return dict(json.loads(RECORDED.read_text(encoding="utf-8"))) if RECORDED.exists() else {}


def compare(trials: int, storages: list[str], samplers: list[str], write: bool) -> dict[str, Any]:
    """Measure each pair, and return all that is known; ``write`` records it after each."""
    found = recorded()
    for storage in storages:
        if storage == "postgresql" and "ARCHLAB_POSTGRES" not in os.environ:
            print("postgresql: not run, ARCHLAB_POSTGRES names no database", file=sys.stderr)
            continue
        for sampler in samplers:
            rows = measure(storage, sampler, trials)
            if write:
                found = recorded()  # another run may have come to an end meanwhile
            found.setdefault("searches", {}).setdefault(storage, {})[sampler] = rows
            found |= {"space": SPACE, "budget": BUDGET, "machine": machine(),
                      "versions": versions("optuna", "torch", "sqlalchemy", "psycopg")}  # fmt: skip
            if write:
                record("ten_thousand", found)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--storages", nargs="+", choices=STORAGES, default=list(STORAGES))
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=list(SAMPLERS))
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    parser.add_argument("--record", action="store_true", help="write it to benchmarks/results/ten_thousand.json")
    parser.add_argument("--one", nargs=2, metavar=("STORAGE", "SAMPLER"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        folder = Path(os.environ["FOLDER"])
        addresses = {"sqlite": f"sqlite:///{folder}/study.db", "postgresql": os.environ.get("ARCHLAB_POSTGRES")}
        storage, sampler = args.one
        search_in(folder, addresses.get(storage), sampler, args.trials, lambda row: print(json.dumps(row), flush=True))
        return 0
    result = compare(args.trials, args.storages, args.samplers, args.record)
    print(json.dumps(result, indent=2, ensure_ascii=False) if args.json else _table(result))
    return 0


def growth(rows: list[Row]) -> float | None:
    """Return the bytes of memory that are no file's by which an evaluation after the first thousand adds to it."""
    later = [row for row in rows if row["trials"] >= STEP and "anonymous_mb" in row]
    if len(later) < 2:
        return None
    return (later[-1]["anonymous_mb"] - later[0]["anonymous_mb"]) * 1e6 / (later[-1]["trials"] - later[0]["trials"])


def _table(result: dict[str, Any]) -> str:
    names = ("trials", "seconds", "CPU seconds", "resident MB", "size MB")
    lines = [f"{'':<22}" + "".join(f"{name:>12}" for name in names)]
    for storage, samplers in result.get("searches", {}).items():
        for sampler, rows in samplers.items():
            for row in rows:
                cells = (row[name] for name in ("trials", "seconds", "cpu_seconds", "resident_mb", "size_mb"))
                lines.append(f"{storage + ', ' + sampler:<22}" + "".join(f"{cell:>12,}" for cell in cells))
            if (grown := growth(rows)) is not None:
                lines.append(f"{'':<22}after the first {STEP:,}: {grown:,.0f} bytes per evaluation")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
