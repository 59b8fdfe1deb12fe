"""The search itself: Optuna asks, the closed form counts, and only what is new and within budget is evaluated."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import optuna

from archlab.elaborate import Interpreter, Network, Value, settle
from archlab.errors import ArchlabError
from archlab.grammar import unparse
from archlab.result import Trial
from archlab.search.closed_form import costs_of, smallest, unseen_within
from archlab.search.draw import FromTrial
from archlab.search.evaluate import Outcome, evaluate
from archlab.search.objective import Candidate
from archlab.search.plan import Plan, record_of, trial_of
from archlab.search.storage import RECORD

MAX_WASTED = 500
"""Draws in a row that lead to no evaluation before a search gives up."""

MAX_BARREN = 5
"""Times in a row that counting alone finds nothing new within the budget before a space counts as exhausted."""

SPENDING = ("scored", "failed", "pruned")
"""The states in which a trial has cost an evaluation."""

Watch = Callable[["History", str], None]
"""Is told of every draw, and in words of what goes on besides."""


@dataclass
class History:
    """What has been drawn so far; grows as the search goes on."""

    trials: list[Trial] = field(default_factory=list)
    best_by_digest: dict[str, Trial] = field(default_factory=dict)
    interrupted: str | None = None

    def add(self, trial: Trial) -> None:
        """Takes in a finished trial."""
        self.trials.append(trial)
        if trial.digest is not None and trial.state != "repeated":
            self.best_by_digest.setdefault(trial.digest, trial)

    @property
    def spent(self) -> int:
        """How many evaluations have been paid for."""
        return sum(trial.state in SPENDING for trial in self.trials)

    def scored(self) -> list[Trial]:
        """The trials that have values."""
        return [trial for trial in self.trials if trial.state == "scored"]


class Search:
    """A plan being carried out on a study."""

    def __init__(self, plan: Plan, study: optuna.Study, interpreter: Interpreter) -> None:
        self.plan = plan
        self.study = study
        self.interpreter = interpreter
        self.history = History()
        self.start = smallest(interpreter, plan.budget, plan.seed)
        self._resume()

    def _resume(self) -> None:
        """Takes in what the study holds already, and gives up what a killed process left running."""
        trials = self.study.get_trials(deepcopy=False)
        for trial in trials:
            known = trial_of(trial.number, trial.user_attrs.get(RECORD))
            if trial.state == optuna.trial.TrialState.RUNNING:
                self.study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
                # Its candidate was never judged: it is drawn again.
                self.study.enqueue_trial(trial.params)
            elif known is not None:
                self.history.add(known)
        if not trials:
            self._enqueue(self.start)

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
                    self.history.interrupted = "the time limit was reached"
                    break
                if wasted >= MAX_WASTED or barren >= MAX_BARREN:
                    self.history.interrupted = "no new network within the budget was found"
                    break
                trial = self._one()
                self.history.add(trial)
                if trial.state in SPENDING:
                    wasted = barren = 0
                else:
                    wasted += 1
                    barren = 0 if self._propose(trial.number) else barren + 1
                watch(self.history, "")
        except KeyboardInterrupt:
            self.history.interrupted = "interrupted by the user"
        return self.history

    def _one(self) -> Trial:
        """Asks for a trial, judges it, and tells."""
        began = time.monotonic()
        trial = self.study.ask()
        try:
            result = self._judge(trial)
        except KeyboardInterrupt:
            self.study.tell(trial, state=optuna.trial.TrialState.FAIL)
            self.study.enqueue_trial(trial.params)
            raise
        result = replace(result, seconds=round(time.monotonic() - began, 4))
        trial.set_user_attr(RECORD, record_of(result))
        self._tell(trial, result)
        return result

    def _judge(self, trial: optuna.Trial) -> Trial:
        draws: dict[str, Value] = {}
        try:
            network = self.interpreter.network(FromTrial(trial))
        except ArchlabError as error:
            return Trial(trial.number, "failed", dict(trial.params), {}, reason=error.one_line)
        draws = dict(network.draws)
        costs = costs_of(network)
        if not self.plan.budget.closed_form.allows(costs):
            return Trial(trial.number, "over_budget", draws, costs)
        digest = network.digest
        known = self.history.best_by_digest.get(digest)
        if known is not None:
            return replace(
                known, number=trial.number, state="repeated", draws=draws, repeat_of=known.number, reason=None
            )
        text = unparse(settle(self.interpreter.space, network))
        candidate = Candidate(trial.number, text, network.graph, costs, draws, self.plan.seed)
        outcome = evaluate(candidate, self.plan.goals, self.plan.budget, trial, self.plan.threads)
        return self._trial(trial.number, draws, {**costs, **outcome.measured}, outcome, digest)

    @staticmethod
    def _trial(number: int, draws: dict[str, Value], costs: dict[str, float], outcome: Outcome, digest: str) -> Trial:
        return Trial(number, outcome.state, draws, costs, outcome.values, digest, outcome.reason)

    def _tell(self, trial: optuna.Trial, result: Trial) -> None:
        """Tells Optuna what it can learn from: constraints, and values also of what was known already."""
        states = optuna.trial.TrialState
        if result.cost:
            for name, excess in self.plan.budget.excess(result.cost).items():
                trial.set_constraint(name, excess)
        if result.values:
            self.study.tell(trial, [result.values[goal.name] for goal in self.plan.goals])
        elif result.state in ("over_budget", "pruned"):
            self.study.tell(trial, state=states.PRUNED)
        else:
            self.study.tell(trial, state=states.FAIL)

    def _propose(self, number: int) -> bool:
        """After a draw that led to nothing, lines up a network that the closed form knows to be new and within budget.

        Returns whether there is one.
        """
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
