"""Several workers on this machine: started, watched, and replaced where they die."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from archlab.errors import InputError
from archlab.search.history import INTERRUPTED, Watch
from archlab.search.plan import Plan
from archlab.search.study import WAIT, Search

STORAGE_VARIABLE = "ARCHLAB_STORAGE"
"""Where a worker that is started finds the storage's address: a command line can be read by everyone on the machine."""

MAX_DEATHS = 5
"""Deaths of workers a worker before the search gives up: what kills them is then the objective."""

_HOME = Path(__file__).resolve().parents[3]


@dataclass
class _Worker:
    process: subprocess.Popen[str]

    def outcome(self) -> str | None:
        """Why it ended early, as it says; None where it ended as it should.

        Raises:
            InputError: it was refused.
        """
        out, _ = self.process.communicate()
        if self.process.returncode == 0:
            reason = json.loads(out.splitlines()[-1])["interrupted"] if out.strip() else None
            return str(reason) if reason else None
        raise InputError(f"a worker ended with exit code {self.process.returncode}", hint="see what it said above")


def run_workers(plan: Plan, search: Search, count: int, watch: Watch, note: Callable[[str], None]) -> None:
    """Has ``count`` workers carry out the plan, and takes their results into ``search``'s history.

    Raises:
        InputError: a worker was refused, or they die again and again.
    """
    began = time.monotonic()
    workers = [_start(plan, count, plan.timeout) for _ in range(count)]
    deaths = 0
    try:
        while workers:
            time.sleep(WAIT)
            search.sync()
            watch(search.history, "")
            for worker in [w for w in workers if w.process.poll() is not None]:
                workers.remove(worker)
                if worker.process.returncode >= 0:
                    search.history.interrupted = worker.outcome() or search.history.interrupted
                    continue
                deaths += 1
                if deaths > MAX_DEATHS * count:
                    raise InputError(f"workers were killed {deaths} times: giving up", hint="is there enough memory?")
                note(f"a worker was killed by signal {-worker.process.returncode}: another takes its place")
                left = None if plan.timeout is None else max(0.0, plan.timeout - (time.monotonic() - began))
                workers.append(_start(plan, count, left))
    except KeyboardInterrupt:
        search.history.interrupted = INTERRUPTED
    finally:
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.process.wait()
        search.alive.reap(search.study)
        search.sync()
    if search.history.spent >= plan.trials:
        search.history.interrupted = None


def _start(plan: Plan, count: int, timeout: float | None) -> _Worker:
    address = plan.storage or str(plan.out / "study.journal")
    threads = max(1, len(os.sched_getaffinity(0)) // count)
    environment = {"OMP_NUM_THREADS": str(threads), **os.environ, STORAGE_VARIABLE: address}
    if Path.cwd() == _HOME:
        environment["PYTHONPATH"] = os.pathsep.join([str(_HOME), *filter(None, [os.environ.get("PYTHONPATH")])])
    # -P: without it a file of the current folder, such as queue.py, would stand for Python's module of its name.
    command = [sys.executable, "-P", "-m", "archlab", "worker", "--study", plan.study_name, "--one-stage", "--json"]
    if timeout is not None:
        command += ["--timeout", f"{timeout:.3f}"]
    return _Worker(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
