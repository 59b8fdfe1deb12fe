"""Several workers on this machine: started, watched, and replaced where they die."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from archlab.errors import InputError
from archlab.search.objective import Goal
from archlab.search.study.history import INTERRUPTED, History, Watch
from archlab.search.study.loop import WAIT, Search

STORAGE_VARIABLE = "ARCHLAB_STORAGE"
"""Where a worker that is started finds the storage's address: a command line can be read by everyone on the machine."""

MAX_DEATHS = 5
"""Deaths per worker after which the search gives up: what kills them is then the objective."""

_HOME = Path(__file__).resolve().parents[3]


@dataclass
class _Worker:
    process: subprocess.Popen[str]

    def outcome(self) -> str | None:
        """Return why it ended early, as it reports; None where it ended as it should.

        Raises:
            InputError: it was refused.
        """
        out, _ = self.process.communicate()
        if self.process.returncode == 0:
            reason = json.loads(out.splitlines()[-1])["interrupted"] if out.strip() else None
            return str(reason) if reason else None
        raise InputError(f"a worker ended with exit code {self.process.returncode}", hint="its message is above")


@dataclass(frozen=True, slots=True)
class Workers:
    """Processes on this machine that evaluate a stage's candidates.

    Attributes:
        count: how many.
        storage: the storage's address.
        note: called with a sentence when a worker dies.
    """

    count: int
    storage: str
    note: Callable[[str], None] | None = None

    def carry_out(self, search: Search, watch: Watch) -> History:
        """Have the workers carry out what is left of a stage, and take their results into ``search``'s history.

        Raises:
            InputError: a worker was refused, or they die again and again.
        """
        began, stage, history = time.monotonic(), search.stage, search.history
        if history.evaluated >= stage.trials:
            return search.run(watch)
        running = [self._start(stage.study, stage.goals, stage.timeout) for _ in range(self.count)]
        deaths = 0
        try:
            while running:
                time.sleep(WAIT)
                search.sync()
                watch(history, "")
                for worker in [w for w in running if w.process.poll() is not None]:
                    running.remove(worker)
                    if worker.process.returncode >= 0:
                        history.interrupted = worker.outcome() or history.interrupted
                        continue
                    deaths += 1
                    if deaths > MAX_DEATHS * self.count:
                        raise InputError(
                            f"workers were killed {deaths} times: giving up", hint="is there enough memory?"
                        )
                    if self.note is not None:
                        signal = -worker.process.returncode
                        self.note(f"a worker was killed by signal {signal}: another takes its place")
                    left = None if stage.timeout is None else max(0.0, stage.timeout - (time.monotonic() - began))
                    running.append(self._start(stage.study, stage.goals, left))
        except KeyboardInterrupt:
            history.interrupted = INTERRUPTED
        finally:
            for worker in running:
                worker.process.terminate()
            for worker in running:
                worker.process.wait()
            search.reap()
            search.sync()
        if history.evaluated >= stage.trials:
            history.interrupted = None
        return history

    def _start(self, study: str, goals: Iterable[Goal], timeout: float | None) -> _Worker:
        threads = max(1, len(os.sched_getaffinity(0)) // self.count)
        environment = {"OMP_NUM_THREADS": str(threads), **os.environ, STORAGE_VARIABLE: self.storage}
        if Path.cwd() == _HOME:
            environment["PYTHONPATH"] = os.pathsep.join([str(_HOME), *filter(None, [os.environ.get("PYTHONPATH")])])
        # -P: without it a file of the current folder, such as queue.py, would stand for Python's module of its name.
        command = [sys.executable, "-P", "-m", "archlab", "worker", "--study", study, "--one-stage", "--json"]
        for goal in goals:
            if goal.kind == "user":
                command += ["--objective", goal.name]
        if timeout is not None:
            command += ["--timeout", f"{timeout:.3f}"]
        return _Worker(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
