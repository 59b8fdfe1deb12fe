"""The loop of a search: Optuna draws, the closed form counts, and only what is new and within budget is evaluated."""

from __future__ import annotations

import time
from collections.abc import Callable

import optuna

from archlab.elaborate import Interpreter
from archlab.errors import ExhaustedError
from archlab.search.candidate import Candidate
from archlab.search.plan import Stage
from archlab.search.result import Trial
from archlab.search.storage.interrupts import Interrupt, noticed_interrupts
from archlab.search.storage.liveness import Liveness
from archlab.search.storage.run_trial import run_one_trial
from archlab.search.storage.trial_record import EVALUATED
from archlab.search.study.candidates import Candidates, NoValueError, SurplusError
from archlab.search.study.evaluation import evaluate
from archlab.search.study.history import EXHAUSTED, INTERRUPTED, TIME_IS_UP, History, Watch
from archlab.search.study.repeated_failure import refuse_repeated_failure

MAX_WASTED = 500
"""Draws in a row that lead to no evaluation after which a search gives up."""

MAX_BARREN = 5
"""Times in a row that counting alone finds nothing new within the budget after which a space counts as exhausted."""

WAIT = 0.1
"""Seconds between looks at the storage while only others have something to do."""


class Search(Candidates):
    """A stage being carried out on its study, by this process and by any number of others.

    Attributes:
        stream: see ``open_search``.
        announce: called with a trial's number when its evaluation begins, and with None when that has ended.
    """

    def __init__(self, stage: Stage, study: optuna.Study, interpreter: Interpreter, liveness: Liveness) -> None:
        super().__init__(stage, study, interpreter, liveness)
        self.stream = 0
        self.announce: Callable[[int | None], None] = lambda _: None
        self._interrupt = Interrupt()
        self._known = len(self.history.trials)
        self._watch: Watch = lambda _, __: None

    def refuse_broken_objective(self) -> None:
        """Refuse to go on where the last evaluations of this run failed alike.

        Raises:
            InputError: they did, and the stage does not say that it is to go on.
        """
        if not self.stage.keep_going:
            refuse_repeated_failure(self.history.trials[self._known :])

    def run(self, watch: Watch) -> History:
        """Draw until the stage's evaluations are done, its time is up, the space is exhausted or Ctrl-C is pressed.

        Raises:
            InputError: an evaluation met what is not the network's fault, the objective is broken, or a user's own
            metric or filter raised.
        """
        with noticed_interrupts() as self._interrupt:
            return self._run(watch)

    def _run(self, watch: Watch) -> History:
        deadline = None if self.stage.timeout is None else time.monotonic() + self.stage.timeout
        wasted = barren = 0
        self._watch = watch
        watch(self.history, "")
        try:
            while self.history.evaluated < self.stage.trials:
                if self._interrupt.noticed:  # and the objective went on
                    raise KeyboardInterrupt
                if deadline is not None and time.monotonic() >= deadline:
                    self.history.interrupted = TIME_IS_UP
                    break
                if wasted >= MAX_WASTED or barren >= MAX_BARREN:
                    self.history.interrupted = EXHAUSTED
                    break
                try:
                    trial = self._run_one()
                except ExhaustedError:
                    trial = None
                    if not self._more_may_come(deadline):
                        self.history.interrupted = EXHAUSTED
                        break
                self.sync()
                self.refuse_broken_objective()
                if trial is None:
                    # Others are running the last of them.
                    time.sleep(WAIT)
                elif trial.state in EVALUATED:
                    wasted = barren = 0
                else:
                    wasted += 1
                    barren = 0 if self.queue_found(trial.number) else barren + 1
                watch(self.history, "")
        except KeyboardInterrupt:
            self.history.interrupted = INTERRUPTED
        self.sync()
        if self.history.evaluated >= self.stage.trials:
            self.history.interrupted = None
        return self.history

    def _run_one(self) -> Trial | None:
        """Run one trial; return None where no evaluation is left to begin, or this one was lost to another worker."""
        self.reap()
        if self.read_ledger().count_begun() >= self.stage.trials:
            return None
        self._result = None
        try:
            ended_here = run_one_trial(
                self.study, self._judge, (NoValueError,), (SurplusError, ExhaustedError), self.kept
            )
        except SurplusError:
            return None
        finally:
            self.liveness.end()
        return self._result if ended_here else None

    def _more_may_come(self, deadline: float | None) -> bool:
        """Wait, with every network taken, for those that others evaluate; return whether one was queued again."""
        states = optuna.trial.TrialState
        while deadline is None or time.monotonic() < deadline:
            self.reap()
            unfinished = self.study.get_trials(deepcopy=False, states=(states.RUNNING, states.WAITING))
            if self.read_ledger().untold:
                pass  # about to be queued again
            elif not unfinished or any(trial.state == states.WAITING for trial in unfinished):
                return bool(unfinished)
            time.sleep(WAIT)
        return True

    def _judge(self, trial: optuna.Trial) -> list[float]:
        """Judge a trial and write its record."""
        began = time.monotonic()
        opened = self.opened(trial)
        result = opened if isinstance(opened, Trial) else self._evaluated(trial, opened)
        return self.closed(trial, result, round(time.monotonic() - began, 4))

    def _evaluated(self, trial: optuna.Trial, candidate: Candidate) -> Trial:
        self.announce(trial.number)
        _tell_reports(trial, lambda said: self._watch(self.history, said))
        try:
            outcome = evaluate(
                candidate, self.stage.goals, self.stage.budget, trial, self.stage.threads, self._interrupt
            )
        finally:
            self.announce(None)
        return Trial(
            trial.number,
            outcome.state,
            dict(candidate.draws),
            {**candidate.cost, **outcome.measured},
            outcome.values,
            candidate.graph.digest,
            outcome.reason,
            details=outcome.details,
        )


def _tell_reports(trial: optuna.Trial, tell: Callable[[str], None]) -> None:
    """Let what an objective reports of its trial be told too: of a training, how far it is."""
    report = trial.report

    def told(value: float, step: int) -> None:
        report(value, step)
        tell(f"trial {trial.number} at step {step}: {float(value):.4g}")

    trial.report = told  # type: ignore[method-assign]
