"""The search itself: Optuna asks, the closed form counts, and only what is new and within budget is evaluated."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import replace

import optuna

from archlab.elaborate import Interpreter, Network, Value, fill_holes
from archlab.errors import ArchlabError, ExhaustedError
from archlab.grammar import unparse
from archlab.search.claim import claim
from archlab.search.closed_form import costs_of, smallest, unseen_within
from archlab.search.draw import FromTrial
from archlab.search.evaluate import Outcome, evaluate
from archlab.search.history import EXHAUSTED, INTERRUPTED, TIME_IS_UP, History, Watch
from archlab.search.objective import Candidate
from archlab.search.plan import Plan
from archlab.search.record import RECORD, SPENDING, record_of, spent, told, trial_of
from archlab.search.result import Trial
from archlab.search.workers.alive import Liveness

MAX_WASTED = 500
"""Draws in a row that lead to no evaluation before a search gives up."""

MAX_BARREN = 5
"""Times in a row that counting alone finds nothing new within the budget before a space counts as exhausted."""

WAIT = 0.1
"""Seconds between looks at the storage where only others have something to do."""


class _NoValueError(Exception):
    """A trial failed, for a reason that its record gives."""


class _SurplusError(Exception):
    """As many evaluations as were asked for were begun before this trial's."""


class Search:
    """A plan being carried out on a study, by this process and by any number of others."""

    def __init__(self, plan: Plan, study: optuna.Study, interpreter: Interpreter, alive: Liveness) -> None:
        self.plan = plan
        self.study = study
        self.alive = alive
        self.interpreter = interpreter
        self.history = History()
        self._start: Network | None = None
        self._result: Trial | None = None
        self._at: int | None = None
        alive.reap(study)
        if plan.stage == 1 and not study.get_trials(deepcopy=False):
            self._enqueue(self.start)
        self.sync()

    @property
    def start(self) -> Network:
        """The smallest network that is found, which a search begins with.

        Raises:
            BudgetError: even it misses the budget.
        """
        self._start = self._start or smallest(self.interpreter, self.plan.budget, self.plan.seed)
        return self._start

    def sync(self) -> None:
        """Takes in what this process or others have finished."""
        for trial in self.study.get_trials(deepcopy=False):
            if trial.state.is_finished() and trial.number not in self.history.numbers:
                self.history.add(trial.number, trial_of(trial.number, told(trial)))

    def _enqueue(self, network: Network) -> None:
        self.study.enqueue_trial(dict(network.draws), user_attrs={"archlab:found": "by counting"})

    def run(self, watch: Watch) -> History:
        """Draws until the plan's evaluations are done, its time is up, the space is exhausted or Ctrl-C is pressed."""
        deadline = None if self.plan.timeout is None else time.monotonic() + self.plan.timeout
        wasted = barren = 0
        watch(self.history, "")
        try:
            while self.history.spent < self.plan.trials:
                if deadline is not None and time.monotonic() >= deadline:
                    self.history.interrupted = TIME_IS_UP
                    break
                if wasted >= MAX_WASTED or barren >= MAX_BARREN:
                    self.history.interrupted = EXHAUSTED
                    break
                try:
                    trial = self._one()
                except ExhaustedError:
                    trial = None
                    if not self._more_may_come(deadline):
                        self.history.interrupted = EXHAUSTED
                        break
                self.sync()
                if trial is None:
                    # Others are at the last of them.
                    time.sleep(WAIT)
                elif trial.state in SPENDING:
                    wasted = barren = 0
                else:
                    wasted += 1
                    barren = 0 if self._propose(trial.number) else barren + 1
                watch(self.history, "")
        except KeyboardInterrupt:
            self.history.interrupted = INTERRUPTED
        self.sync()
        if self.history.spent >= self.plan.trials:
            self.history.interrupted = None
        return self.history

    def _one(self) -> Trial | None:
        """One trial, by Optuna's own loop; None where no evaluation is left to begin, or this one was lost to another.

        The loop keeps the trial's heartbeat, where the storage has one, and takes up those of workers that died.
        """
        self.alive.reap(self.study)
        if self._begun(None) >= self.plan.trials:
            return None
        self._result = None
        try:
            self.study.optimize(self._objective, n_trials=1, catch=(_NoValueError,))
        except _SurplusError:
            return None
        except (ValueError, AssertionError, UnboundLocalError) as error:
            # Where telling the storage fails, an error of Optuna's own hides the reason: a full disk, or Ctrl-C.
            if isinstance(error.__context__, OSError | optuna.exceptions.StorageInternalError | KeyboardInterrupt):
                raise error.__context__ from None
            # Optuna's way of saying that the trial was given to another, when this worker was thought dead.
            if self._at is None or self.study._storage.get_trial(self._at).state != optuna.trial.TrialState.FAIL:
                raise
            return None
        finally:
            self.alive.end()
        return self._result

    def _more_may_come(self, deadline: float | None) -> bool:
        """With every network taken, waits for those that others are at; whether one of them was queued again."""
        states = optuna.trial.TrialState
        while deadline is None or time.monotonic() < deadline:
            self.alive.reap(self.study)
            unfinished = self.study.get_trials(deepcopy=False, states=(states.RUNNING, states.WAITING))
            if not unfinished or any(trial.state == states.WAITING for trial in unfinished):
                return bool(unfinished)
            time.sleep(WAIT)
        return True

    def _begun(self, number: int | None) -> int:
        """How many evaluations were paid for or may be under way, of trials before ``number`` where it is given."""
        states = optuna.trial.TrialState
        count = 0
        for trial in self.study.get_trials(deepcopy=False):
            if number is not None and trial.number >= number:
                continue
            if trial.state in (states.RUNNING, states.WAITING):
                # Before a trial is asked for, those in the queue are there to be taken.
                count += trial.state == states.RUNNING or number is not None
            else:
                count += spent(trial)
        return count

    def _objective(self, trial: optuna.Trial) -> list[float]:
        """Judges a trial and leaves its record with it.

        Numbers are given out one by one by the storage, and each trial counts those before it that may still spend an
        evaluation: so however many workers there are, no evaluation is begun beyond the plan's.
        """
        began = time.monotonic()
        self._at = trial._trial_id
        self.alive.begin(trial.number)
        if self.study._storage.get_trial(trial._trial_id).state != optuna.trial.TrialState.RUNNING:
            raise _SurplusError
        known = trial_of(trial.number, trial.user_attrs.get(RECORD))
        if known is None and self._begun(trial.number) >= self.plan.trials:
            raise _SurplusError
        try:
            result = known or self._judge(trial)
        except KeyboardInterrupt:
            attrs = self.study._storage.get_trial(trial._trial_id).system_attrs
            given = {**attrs.get("fixed_params", {}), **trial.params}
            if given:
                self.study.enqueue_trial(given, user_attrs=trial.user_attrs)
            raise
        if known is None:
            result = replace(result, seconds=round(time.monotonic() - began, 4))
            trial.set_user_attr(RECORD, record_of(result))
        self._result = result
        excess = self.plan.budget.excess(result.cost) if result.cost else {}
        for name, value in excess.items():
            trial.set_constraint(name, value)
        if excess:
            # The same as a list, as Optuna kept it before version 5 and optuna-dashboard still reads it.
            self.study._storage.set_trial_system_attr(trial._trial_id, "constraints", list(excess.values()))
        if result.values:
            return [result.values[goal.name] for goal in self.plan.goals]
        if result.state in ("over_budget", "pruned"):
            raise optuna.TrialPruned
        raise _NoValueError(result.reason)

    def _judge(self, trial: optuna.Trial) -> Trial:
        draws: dict[str, Value] = {}
        try:
            network = self.interpreter.network(FromTrial(trial))
        except ExhaustedError:
            raise
        except ArchlabError as error:
            return Trial(trial.number, "failed", dict(trial.params), {}, reason=error.one_line)
        draws = dict(network.draws)
        costs = costs_of(network)
        if not self.plan.budget.closed_form.allows(costs):
            return Trial(trial.number, "over_budget", draws, costs)
        digest = network.digest
        other = claim(self.study, trial._trial_id, digest)
        if other is not None:
            self.sync()
            known = self.history.best_by_digest.get(digest, Trial(other, "repeated", draws, costs, digest=digest))
            return replace(
                known, number=trial.number, state="repeated", draws=draws, repeat_of=known.number, reason=None
            )
        text = unparse(fill_holes(self.interpreter.space, network))
        candidate = Candidate(trial.number, text, network.graph, costs, draws, self.plan.seed)
        outcome = evaluate(candidate, self.plan.goals, self.plan.budget, trial, self.plan.threads)
        return self._trial(trial.number, draws, {**costs, **outcome.measured}, outcome, digest)

    @staticmethod
    def _trial(number: int, draws: dict[str, Value], costs: dict[str, float], outcome: Outcome, digest: str) -> Trial:
        values, reason = outcome.values, outcome.reason
        return Trial(number, outcome.state, draws, costs, values, digest, reason, details=outcome.details)

    def _propose(self, number: int) -> bool:
        """After a draw that led to nothing, lines up a network that the closed form knows to be new and within budget.

        Returns whether there is one.
        """
        if self.plan.stage > 1:
            return False
        if self.study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.WAITING]):
            return True
        rng = random.Random(f"{self.plan.seed} {number}")
        goal = self.plan.goals[0]
        scored = sorted(
            self.history.scored(),
            key=lambda t: t.values[goal.name],
            reverse=goal.objective.direction == "maximize",
        )
        parents: list[Mapping[str, Value]] = [trial.draws for trial in scored[: max(3, len(scored) // 5)]] or [
            self.start.draws
        ]
        network = unseen_within(self.interpreter, self.plan.budget, parents, self.history.best_by_digest, rng)
        if network is None:
            return False
        self._enqueue(network)
        return True
