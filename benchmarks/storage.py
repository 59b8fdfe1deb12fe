"""What one evaluation costs the storage: statements, transactions and rows, or bytes of the journal.

    python -m benchmarks.storage [--trials 60] [--json] [--record]

A search of the mobile space under 300 M MACs by one worker of this process, with an objective that costs nothing: what
SQLAlchemy sends to SQLite, and to PostgreSQL where ARCHLAB_POSTGRES holds the address of a database, and by how much a
journal grows per trial, counted from the 20th evaluation to the last. PostgreSQL's write-ahead log is counted by the
server, and so includes whatever else it did meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import Engine

import archlab
from archlab.search.candidate import Candidate
from benchmarks.machine import machine, record, versions

FIRST = 20
WRITES = ("insert", "update", "delete")
Counts = Counter[str]


@contextmanager
def counting(counts: Counts) -> Iterator[None]:
    """Count what every engine of SQLAlchemy does, by kind."""

    def executed(connection: Connection, cursor: Any, statement: str, *_: Any) -> None:
        kind = statement.split(maxsplit=1)[0].lower()
        counts["writes" if kind in WRITES else "reads"] += 1
        connection.info["wrote"] = connection.info.get("wrote", False) or kind in WRITES
        if kind == "select" and cursor.rowcount > 0:
            counts["rows read"] += cursor.rowcount
        elif kind in WRITES and cursor.rowcount > 0:
            counts["rows written"] += cursor.rowcount

    def committed(connection: Connection) -> None:
        counts["write transactions" if connection.info.pop("wrote", False) else "read transactions"] += 1

    event.listen(Engine, "after_cursor_execute", executed)
    event.listen(Engine, "commit", committed)
    try:
        yield
    finally:
        event.remove(Engine, "after_cursor_execute", executed)
        event.remove(Engine, "commit", committed)


def per_trial(storage: str | None, folder: Path, trials: int, more: Callable[[], Counts]) -> dict[str, float]:
    """Return what a trial took between the ``FIRST`` evaluation and the last; ``more`` adds counts of its own."""
    counts: Counts = Counter()
    seen: list[tuple[Counts, int]] = []

    def snapshot(_module: object, candidate: Candidate, _trial: object) -> float:
        seen.append((counts + more(), len(candidate.draws)))
        return float(candidate.cost["params"] % 977)

    with counting(counts):
        archlab.search("mobile", budget=["macs=300M"], objective=snapshot, trials=trials, out=folder / "out",
                       storage=storage, latency=False,
                       top=1, study=f"load-{time.time_ns()}")  # fmt: skip
    (first, _), (last, _) = seen[FIRST - 1], seen[-1]
    spent = len(seen) - FIRST
    row = {name: round((last[name] - first[name]) / spent, 1) for name in sorted(last)}
    return row | {"holes": round(sum(holes for _, holes in seen[FIRST - 1 : -1]) / spent, 1)}


def journal_growth(folder: Path) -> Callable[[], Counts]:
    """Return bytes and records of the journal so far."""
    path = folder / "out" / "study.journal"

    def count() -> Counts:
        return Counter({"bytes": path.stat().st_size, "records": path.read_bytes().count(b"\n")})

    return count


def server_growth(address: str) -> Callable[[], Counts]:
    """Return bytes that PostgreSQL has written to its log ahead of its tables."""
    engine = create_engine(address.replace("postgresql://", "postgresql+psycopg://"))

    def count() -> Counts:
        with engine.connect() as connection:
            found = connection.execute(text("SELECT pg_current_wal_lsn() - '0/0'")).scalar_one()
        return Counter({"bytes of write-ahead log": int(found)})

    return count


def compare(trials: int) -> dict[str, Any]:
    """Return the load of a trial by storage."""
    rows: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows["journal"] = per_trial(None, folder / "a", trials, journal_growth(folder / "a"))
        rows["sqlite"] = per_trial(f"sqlite:///{folder}/study.db", folder / "b", trials, Counter)
        address = os.environ.get("ARCHLAB_POSTGRES")
        if address is not None:
            rows["postgresql"] = per_trial(address, folder / "c", trials, server_growth(address))
    return {"a_trial": rows, "trials": trials, "counted_from": FIRST}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    parser.add_argument("--record", action="store_true", help="write it to benchmarks/results/storage.json")
    args = parser.parse_args()
    if args.trials <= FIRST:
        parser.error(f"--trials must be more than {FIRST}")
    result = compare(args.trials)
    result |= {"machine": machine(), "versions": versions("optuna", "sqlalchemy", "torch")}
    if args.record:
        record("storage", result)
    print(json.dumps(result, indent=2, ensure_ascii=False) if args.json else _table(result))
    return 0


def _table(result: dict[str, Any]) -> str:
    lines = ["a trial"]
    for name, row in result["a_trial"].items():
        lines.append(f"{name:<12}" + ", ".join(f"{value:,} {what}" for what, value in row.items()))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
