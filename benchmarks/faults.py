"""The promise, tried: a fault at every write of a search, then the search resumed and audited.

    python -m benchmarks.faults [--storages NAME …] [--workers 1 2] [--every 1] [--json] [--record]

*An evaluation whose value the objective returned is in the result, once, or its network is queued again, whatever dies,
fills up or is unplugged, at whatever moment; the count is exact.* A search of two stages is run in a forked process
whose storage meets a fault at write k, for every k until it gets by without meeting it, for each kind of fault, on a
journal and on SQLite, alone and beside a second worker; on PostgreSQL where ARCHLAB_POSTGRES holds the address of an
empty database. Then it is resumed without faults, and what the objectives saw is compared with the result.
``--storages`` and ``--workers`` try some of that, and keep what is recorded of the rest.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import archlab
from archlab.elaborate import Interpreter
from archlab.errors import InputError
from archlab.search.candidate import Candidate
from archlab.search.plan import Plan
from archlab.search.request import make_plan
from archlab.search.stages.run_stages import run_stages
from archlab.search.storage.failures import silence_optuna
from archlab.search.storage.open_storage import open_storage
from archlab.search.study import loop
from archlab.search.study.history import no_progress
from archlab.search.study.loop import Search
from benchmarks.machine import RESULTS, machine, record, versions
from benchmarks.promise import KEPT, TRIALS, audit
from benchmarks.sabotage import HALF, KILLED, KINDS, Events, Fault, Saboteur

STORAGES = ("journal", "sqlite", "postgresql")
RECORDED = RESULTS / "faults.json"
SPACE = "net few(input=3x4x4)\nstem: conv([2..20 step 2])\nhead: gap -> fc(2)\n"
MOST = 200
"""Writes after which a search of this size hangs."""
BUSY = 7
"""The exit code of a process whose fault was met."""


@dataclass(frozen=True, slots=True)
class Case:
    """One run: a fault, and beside how many others its worker was."""

    storage: str
    workers: int
    fault: Fault


def plan_in(folder: Path, address: str | None, study: str) -> tuple[Plan, Events]:
    """Return the plan of a search whose objectives leave lines as they begin and as they end."""
    events = Events(folder / "events.txt")

    def first(_module: object, candidate: Candidate, _trial: object) -> float:
        events.add("begun", "first:" + candidate.graph.digest)
        events.add("ended", "first:" + candidate.graph.digest)
        return float(candidate.cost["params"])

    def second(_module: object, candidate: Candidate, _trial: object) -> float:
        events.add("begun", "second:" + candidate.graph.digest)
        events.add("ended", "second:" + candidate.graph.digest)
        return -float(candidate.cost["params"])

    plan = make_plan(archlab.parse(SPACE), objective=first, then=second, keep=str(KEPT), trials=TRIALS, out=folder,
                     storage=address, study=study, heartbeat=1)  # fmt: skip
    return plan, events


def warm_up() -> None:
    """Import and make here what every forked search needs, and keep the collector from touching it there."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        for address in (None, f"sqlite:///{name}/study.db"):
            plan, events = plan_in(Path(name), address, "few")
            search(plan, Saboteur(None, events))
    gc.collect()
    gc.freeze()


def forked(work: Callable[[], None]) -> int:
    """Do something in a process of its own, and return the process."""
    child = os.fork()
    if child:
        return child
    code = 1
    gc.disable()  # it would copy every page that the parent has
    try:
        work()
        code = 0
    except (KeyboardInterrupt, OSError, InputError):
        code = BUSY
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def exit_code(child: int) -> int:
    """Wait for a process and return its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def search(plan: Plan, saboteur: Saboteur, stream: float = 0.0) -> dict[str, Any]:
    """Carry out ``plan`` in this process, and return what an audit needs."""
    loop.WAIT = 0.01 + stream
    with silence_optuna():
        opened = open_storage(plan.address, plan.heartbeat)
        saboteur.surround(opened.storage)
        funnel = run_stages(plan, opened, Interpreter(plan.space), Search.run, no_progress)
        studies = [opened.storage.get_study_id_from_name(stage.study) for stage in plan.stages[: len(funnel.stages)]]
        return {
            "first": [[t.number, t.state, t.digest] for t in funnel.history.trials],
            "evaluated": funnel.history.evaluated,
            "interrupted": funnel.interrupted,
            "second": [[t.number, t.digest] for t in funnel.trials if t.reached == 2 and t.reason is None],
            "judged": funnel.stages[1].scored if len(funnel.stages) > 1 else 0,
            "states": [[t.state.name for t in opened.storage.get_all_trials(study)] for study in studies],
        }


def try_case(case: Case, folder: Path, address: str | None) -> tuple[bool, list[str]]:
    """Carry out a search with a fault, resume it, and return whether the fault was met, and what breaks the promise.

    The others begin when the worker with the fault has begun a trial, or is about to meet the fault: or else a machine
    that is busy lets them do it all before that one has made a write.
    """
    plan, events = plan_in(folder, address, f"few{case.workers}-{case.fault.kind}-{case.fault.at}")
    met = folder / "met"
    starting, started = os.pipe()  # the others wait until nothing holds its second end

    def faulty() -> None:
        saboteur = Saboteur(case.fault, events, at_start=lambda: os.close(started))
        try:
            search(plan, saboteur)
        finally:
            if saboteur.writes >= case.fault.at:
                met.touch()

    def sound() -> None:
        os.read(starting, 1)
        search(plan, Saboteur(None, events), stream=0.005)

    def resumed() -> None:
        found = search(plan, Saboteur(None, events))
        (folder / "found.json").write_text(json.dumps(found), encoding="utf-8")

    children = [forked(faulty)]
    os.close(started)
    children += [forked(sound) for _ in range(case.workers - 1)]
    os.close(starting)
    codes = [exit_code(child) for child in children]
    if 1 in codes:
        return True, ["the search ended with an error that is none of the fault's"]
    if case.storage == "postgresql":
        time.sleep(2 * plan.heartbeat + 1)  # a server knows of a death by two missing heartbeats
    if exit_code(forked(resumed)):
        return True, ["it could not be resumed"]
    found = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    return met.exists() or KILLED in codes, audit(found, events.read())


def sweep(storage: str, workers: int, kind: str, every: int, first: int = 1) -> Iterator[tuple[Case, list[str]]]:
    """Yield each case of a kind of fault, at every so many writes, until a search gets by without meeting it.

    Of two workers the one with the faults may have done less than before: it has to get by without three times.
    """
    missed = 0
    for at in range(first, MOST, every):
        case = Case(storage, workers, Fault(kind, at))
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            met, broken = try_case(case, folder, address_of(storage, folder))
        missed = 0 if met else missed + 1
        if missed > (workers > 1) * 2:
            return
        if met or broken:
            yield case, broken
    raise RuntimeError(f"a search of {TRIALS} trials made {MOST} writes")


def address_of(storage: str, folder: Path) -> str | None:
    """Return the address of a storage of a kind; one of a server is shared, with a study for each case."""
    return {"journal": None, "sqlite": f"sqlite:///{folder}/study.db"}.get(storage, os.environ.get("ARCHLAB_POSTGRES"))


def kinds_for(storage: str) -> list[str]:
    """Return the kinds of faults that a storage can meet."""
    return [kind for kind in KINDS if storage == "journal" or kind not in HALF]


def run(storages: list[str], workers: list[int], every: int, postgres_every: int) -> dict[str, Any]:
    """Sweep storages, and return how many faults were met and what they broke."""
    warm_up()
    rows, broken = [], []
    for storage, count in itertools.product(storages, workers):
        if storage == "postgresql" and "ARCHLAB_POSTGRES" not in os.environ:
            print("postgresql: not run, ARCHLAB_POSTGRES names no database", file=sys.stderr)
            continue
        for kind in kinds_for(storage):
            began = time.process_time() + sum(os.times()[2:4])
            done = list(sweep(storage, count, kind, postgres_every if storage == "postgresql" else every))
            spent = time.process_time() + sum(os.times()[2:4]) - began
            rows.append({"storage": storage, "workers": count, "kind": kind, "faults": len(done),
                         "broken": sum(bool(words) for _, words in done), "cpu_s": round(spent, 1)})  # fmt: skip
            broken += [{"storage": storage, "workers": count, "kind": kind, "at": case.fault.at, "what": words}
                       for case, words in done if words]  # fmt: skip
            print(_line(rows[-1]), file=sys.stderr)
    return {"rows": rows, "faults": sum(int(str(row["faults"])) for row in rows), "broken": broken}


def with_recorded(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result with what is recorded of storages and workers of which it has nothing."""
    kept = json.loads(RECORDED.read_text(encoding="utf-8")) if RECORDED.exists() else {"rows": [], "broken": []}
    new = {(row["storage"], row["workers"]) for row in result["rows"]}
    rows, broken = (
        [each for each in kept[part] if (each["storage"], each["workers"]) not in new] + result[part]
        for part in ("rows", "broken")
    )
    rows.sort(key=lambda row: (STORAGES.index(row["storage"]), row["workers"]))
    return {**result, "rows": rows, "broken": broken, "faults": sum(row["faults"] for row in rows)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--storages", nargs="+", choices=STORAGES, default=list(STORAGES))
    parser.add_argument("--workers", nargs="+", type=int, choices=(1, 2), default=[1, 2])
    parser.add_argument("--every", type=int, default=1, help="meet every so many writes, on files")
    parser.add_argument("--postgres-every", type=int, default=5, help="the same on PostgreSQL")
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of a table")
    parser.add_argument("--record", action="store_true", help="write it to benchmarks/results/faults.json")
    args = parser.parse_args()
    result = run(args.storages, args.workers, args.every, args.postgres_every)
    result |= {"every": args.every, "postgres_every": args.postgres_every, "kinds": KINDS}
    result |= {"machine": machine(), "versions": versions("optuna", "sqlalchemy", "torch")}
    if args.record:
        record("faults", with_recorded(result))
    print(json.dumps(result, indent=2, ensure_ascii=False) if args.json else _table(result))
    return 1 if result["broken"] else 0


def _line(row: dict[str, Any]) -> str:
    return (
        f"{row['storage']:<12}{row['workers']} worker{'s' if row['workers'] > 1 else ' '}  {row['kind']:<17}"
        f"{row['faults']:>4} faults, {row['broken']} broken, {row['cpu_s']} CPU s"
    )


def _table(result: dict[str, Any]) -> str:
    lines = [_line(row) for row in result["rows"]]
    lines += [
        f"{case['storage']}, {case['workers']} workers, {case['kind']} at write {case['at']}: {case['what']}"
        for case in result["broken"]
    ]
    return "\n".join([*lines, f"{result['faults']} faults, {len(result['broken'])} broke the promise"])


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        sys.exit(main())
