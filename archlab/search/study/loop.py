"""The loop of a search: Optuna draws, the closed form counts, and only what is new and within budget is evaluated."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import optuna

from archlab.elaborate import Interpreter, Network, Value, fill_holes
from archlab.errors import ArchlabError, ExhaustedError, RuleError
from archlab.grammar import unparse
from archlab.search.candidate import Candidate
from archlab.search.closed_form import find_smallest, find_unseen
from archlab.search.counter import Counter
from archlab.search.own_code import OwnCodeError
from archlab.search.plan import Stage
from archlab.search.result import Trial
from archlab.search.storage.claim import SettledClaims, claim
from archlab.search.storage.interrupts import Interrupt, noticed_interrupts
from archlab.search.storage.ledger import Ledger
from archlab.search.storage.liveness import Liveness
from archlab.search.storage.one_trial import is_running, write_constraints
from archlab.search.storage.run_trial import run_one_trial
from archlab.search.storage.settled import count_settled
from archlab.search.storage.shared_parts import SharedParts
from archlab.search.storage.trial_record import EVALUATED, FOUND, RECORD, record_in, record_of, trial_of
from archlab.search.study.evaluation import Outcome, evaluate
from archlab.search.study.history import EXHAUSTED, INTERRUPTED, TIME_IS_UP, History, Watch
from archlab.search.study.repeated_failure import refuse_repeated_failure
from archlab.search.trial_draw import FromTrial

MAX_WASTED = 500
"""Draws in a row that lead to no evaluation after which a search gives up."""

MAX_BARREN = 5
"""Times in a row that counting alone finds nothing new within the budget after which a space counts as exhausted."""

WAIT = 0.1
"""Seconds between looks at the storage while only others have something to do."""


class _NoValueError(Exception):
    """A trial failed, for a reason that its record gives."""


class _SurplusError(Exception):
    """As many evaluations as were asked for were begun before this trial."""


class Search:
    """A stage being carried out on its study, by this process and by any number of others.

    Attributes:
        stream: see ``open_search``.
        announce: called with a trial's number when its evaluation begins, and with None when that has ended.
    """

    def __init__(self, stage: Stage, study: optuna.Study, interpreter: Interpreter, liveness: Liveness) -> None:
        self.stage = stage
        self.study = study
        self.liveness = liveness
        self.interpreter = interpreter
        wanted = [goal.name for goal in stage.goals if goal.kind == "cost"]
        self.counter = Counter(interpreter, stage.budget, stage.own, wanted, stage.seed)
        self.history = History()
        self.stream = 0
        self.announce: Callable[[int | None], None] = lambda _: None
        self._interrupt = Interrupt()
        self._start: Network | None = None
        self._result: Trial | None = None
        self._synced = 0
        self._claims = SettledClaims()
        self._ledger = Ledger()
        self._parts = SharedParts()
        self.reap()
        if stage.number == 1 and not study.get_trials(deepcopy=False):
            self._enqueue(self.start)
        self.sync()
        self._known = len(self.history.trials)

    @property
    def start(self) -> Network:
        """The smallest network that is found, with which a search begins.

        Raises:
            BudgetError: even it misses the budget.
        """
        self._start = self._start or find_smallest(self.counter, self.stage.seed)
        return self._start

    def reap(self) -> None:
        """Queue again what nobody runs and nobody has told."""
        self.liveness.reap(self.study, self.stage.max_deaths)

    def sync(self) -> None:
        """Take in what this process or others have finished."""
        trials = self.study.get_trials(deepcopy=False)
        for trial in trials[self._synced :]:
            if trial.state.is_finished() and trial.number not in self.history.numbers:
                self._parts.share(trial)
                self.history.add(trial.number, trial_of(trial.number, record_in(trial)))
        self._synced = count_settled(trials, self._synced)
        for number, again in self._read_ledger().retries.items():
            self.history.judge_again(number, again)

    def refuse_broken_objective(self) -> None:
        """Refuse to go on where the last evaluations of this run failed alike.

        Raises:
            InputError: they did, and the stage does not say that it is to go on.
        """
        if not self.stage.keep_going:
            refuse_repeated_failure(self.history.trials[self._known :])

    def _enqueue(self, network: Network) -> None:
        self.study.enqueue_trial(dict(network.draws), user_attrs={FOUND: "by counting"})

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
                    barren = 0 if self._queue_found(trial.number) else barren + 1
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
        if self._read_ledger().count_begun() >= self.stage.trials:
            return None
        self._result = None
        try:
            ended_here = run_one_trial(
                self.study, self._judge_trial, (_NoValueError,), (_SurplusError, ExhaustedError), self._kept
            )
        except _SurplusError:
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
            if self._read_ledger().untold:
                pass  # about to be queued again
            elif not unfinished or any(trial.state == states.WAITING for trial in unfinished):
                return bool(unfinished)
            time.sleep(WAIT)
        return True

    def _read_ledger(self) -> Ledger:
        self._ledger.read(self.study.get_trials(deepcopy=False))
        return self._ledger

    def _kept(self) -> dict[str, object]:
        """Return the record of the trial that this process has judged, for one whose telling is cut short."""
        return {} if self._result is None else {RECORD: record_of(self._result)}

    def _judge_trial(self, trial: optuna.Trial) -> list[float]:
        """Judge a trial and write its record.

        The storage numbers trials one by one, and each counts those before it that may still cost an evaluation: so
        however many workers there are, no evaluation is begun beyond the stage's.
        """
        began = time.monotonic()
        self.liveness.begin(trial)
        if not is_running(self.study, trial):
            raise _SurplusError
        ledger = self._read_ledger()
        if trial.number in ledger.duplicates:
            raise _SurplusError
        known = trial_of(trial.number, trial.user_attrs.get(RECORD))
        if known is None and ledger.count_begun(trial.number) >= self.stage.trials:
            raise _SurplusError
        result = known or self._judge_network(trial)
        if known is None:
            result = replace(result, seconds=round(time.monotonic() - began, 4))
        self._result = result
        if known is None:
            trial.set_user_attr(RECORD, record_of(result))
        excess = self.stage.budget.excess(result.cost) if result.cost else {}
        write_constraints(self.study, trial, excess)
        if result.values:
            return [result.values[goal.name] for goal in self.stage.goals]
        if result.state in ("over_budget", "pruned"):
            raise optuna.TrialPruned
        raise _NoValueError(result.reason)

    def _judge_network(self, trial: optuna.Trial) -> Trial:
        draws: dict[str, Value] = {}
        try:
            network = self.interpreter.network(FromTrial(trial))
        except (ExhaustedError, OwnCodeError):
            raise
        except RuleError as error:  # no candidate: drawn in vain, like one over budget
            return Trial(trial.number, "over_budget", dict(trial.params), {}, reason=error.one_line)
        except ArchlabError as error:
            return Trial(trial.number, "failed", dict(trial.params), {}, reason=error.one_line)
        draws = dict(network.draws)
        count = self.counter.count(network)
        costs = count.costs
        if not count.allowed:
            reason = count.refused and f"refused by {count.refused}"
            return Trial(trial.number, "over_budget", draws, costs, reason=reason)
        digest = network.digest
        other = claim(self.study, trial, digest, self._claims)
        if other is not None:
            self.sync()
            known = self.history.best_by_digest.get(digest, Trial(other, "repeated", draws, costs, digest=digest))
            return replace(
                known, number=trial.number, state="repeated", draws=draws, repeat_of=known.number, reason=None
            )
        text = unparse(fill_holes(self.interpreter.space, network))
        candidate = Candidate(trial.number, text, network.graph, costs, draws, self.stage.seed)
        self.announce(trial.number)
        try:
            outcome = evaluate(
                candidate, self.stage.goals, self.stage.budget, trial, self.stage.threads, self._interrupt
            )
        finally:
            self.announce(None)
        return self._trial(trial.number, draws, {**costs, **outcome.measured}, outcome, digest)

    @staticmethod
    def _trial(number: int, draws: dict[str, Value], costs: dict[str, float], outcome: Outcome, digest: str) -> Trial:
        values, reason = outcome.values, outcome.reason
        return Trial(number, outcome.state, draws, costs, values, digest, reason, details=outcome.details)

    def _queue_found(self, number: int) -> bool:
        """After a draw that led to nothing, queue a network that counting finds to be new and within budget.

        Returns whether there is one.
        """
        if self.stage.number > 1:
            return False
        if self.study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.WAITING]):
            return True
        rng = random.Random(f"{self.stage.seed} {number}")
        goal = self.stage.goals[0]
        scored = sorted(
            self.history.scored(),
            key=lambda t: t.values[goal.name],
            reverse=goal.objective.direction == "maximize",
        )
        parents: list[Mapping[str, Value]] = [trial.draws for trial in scored[: max(3, len(scored) // 5)]] or [
            self.start.draws
        ]
        network = find_unseen(self.counter, parents, self.history.best_by_digest, rng)
        if network is None:
            return False
        self._enqueue(network)
        return True
