"""Workers on this machine: started, watched, replaced where they die, and ended where an evaluation takes too long."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from archlab.errors import InputError
from archlab.search.storage.one_trial import fail_with_reason, is_running
from archlab.search.storage.trial_record import RECORD
from archlab.search.study.history import INTERRUPTED, History, Watch
from archlab.search.study.loop import WAIT, Search
from archlab.search.study.repeated_failure import TIMES
from archlab.search.workers.channel import Task
from archlab.search.workers.process import Worker, WorkerDiedError
from archlab.units import format_duration

_HOME = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Workers:
    """Processes on this machine that evaluate a stage's candidates.

    Attributes:
        count: how many. One draws what this process would draw itself.
        storage: the storage's address.
        note: called with a sentence when a worker dies.
    """

    count: int
    storage: str
    note: Callable[[str], None] | None = None

    def carry_out(self, search: Search, watch: Watch) -> History:
        """Have the workers carry out what is left of a stage, and take their results into ``search``'s history.

        Raises:
            InputError: a worker was refused, the search is to stop, or they die again and again.
        """
        if search.history.evaluated >= search.stage.trials:
            return search.run(watch)
        return _Crew(self, search, watch).carry_out()


class _Crew:
    """The workers of one stage."""

    def __init__(self, workers: Workers, search: Search, watch: Watch) -> None:
        self._workers, self._search, self._watch = workers, search, watch
        self._began = time.monotonic()
        self._running: list[Worker] = []
        self._started = 0
        self._deaths = 0

    def carry_out(self) -> History:
        search, history = self._search, self._search.history
        try:
            for _ in range(self._workers.count):
                self._start()
            while self._running:
                time.sleep(WAIT)
                search.sync()
                self._watch(history, "")
                search.refuse_broken_objective()
                for worker in list(self._running):
                    self._look_after(worker)
        except KeyboardInterrupt:
            history.interrupted = INTERRUPTED
        finally:
            self._end_all()
            search.reap()
            search.sync()
        if history.evaluated >= search.stage.trials:
            history.interrupted = None
        return history

    def _look_after(self, worker: Worker) -> None:
        before = worker.evaluated
        has_ended = worker.listen(time.monotonic())
        if worker.evaluated > before:
            self._deaths = 0
        limit = self._search.stage.trial_timeout
        if has_ended:
            self._running.remove(worker)
            self._take_end(worker)
        elif limit is not None and worker.evaluating is not None and time.monotonic() - worker.since >= limit:
            if self._fail(worker.evaluating, f"it took longer than {format_duration(limit)} (--trial-timeout)"):
                self._running.remove(worker)
                worker.end()
                self._start()
            else:
                worker.evaluating = None  # it ended just now

    def _take_end(self, worker: Worker) -> None:
        """Take in how a worker ended, and replace it where it died.

        Raises:
            InputError: as ``Workers.carry_out``.
        """
        try:
            reason = worker.outcome()
            if reason != INTERRUPTED:
                self._search.history.interrupted = reason or self._search.history.interrupted
                return
            end = "interrupted"
        except WorkerDiedError as died:
            end = str(died)
        self._deaths += 1
        if self._deaths > TIMES * self._search.stage.max_deaths * self._workers.count:
            raise InputError(f"workers were killed {self._deaths} times: giving up", hint="is there enough memory?")
        if self._workers.note is not None:
            self._workers.note(f"a worker was {end}: another takes its place")
        self._start()

    def _fail(self, number: int, reason: str) -> bool:
        """Fail the trial that takes too long; return whether it was still being evaluated."""
        study = self._search.study
        trial = next(each for each in study.get_trials(deepcopy=False) if each.number == number)
        if RECORD in trial.user_attrs or not is_running(study, trial):
            return False
        return fail_with_reason(study, trial, reason)

    def _start(self) -> None:
        stage, count = self._search.stage, self._workers.count
        passed = time.monotonic() - self._began
        task = Task(
            storage=self._workers.storage,
            study=stage.study,
            timeout=None if stage.timeout is None else max(0.0, stage.timeout - passed),
            objectives=stage.code_names,
            stream=self._search.stream + self._started if count == 1 else None,
            several=count > 1,
        )
        self._started += 1
        self._running.append(Worker(task, _environment(count)))

    def _end_all(self) -> None:
        for worker in self._running:
            worker.ask_to_end()
        for worker in self._running:
            worker.end()


def _environment(count: int) -> dict[str, str]:
    environment = dict(os.environ)
    if count > 1:
        threads = max(1, len(os.sched_getaffinity(0)) // count)
        environment.setdefault("OMP_NUM_THREADS", str(threads))
    if Path.cwd() == _HOME:
        environment["PYTHONPATH"] = os.pathsep.join([str(_HOME), *filter(None, [os.environ.get("PYTHONPATH")])])
    return environment
