"""The candidates of a stage, one by one: drawn, counted, claimed, and told.

What comes between a candidate's opening and its closing is its evaluation: the loop's own, or a script's that asks and
tells.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
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
from archlab.search.storage.ledger import Ledger
from archlab.search.storage.liveness import Liveness
from archlab.search.storage.one_trial import is_running, write_constraints
from archlab.search.storage.settled import count_settled
from archlab.search.storage.shared_parts import SharedParts
from archlab.search.storage.trial_record import FOUND, RECORD, record_in, record_of, trial_of
from archlab.search.study.history import History
from archlab.search.trial_draw import FromTrial
from archlab.train.devices import named_device


class NoValueError(Exception):
    """A trial failed, for a reason that its record gives."""


class SurplusError(Exception):
    """As many evaluations as were asked for were begun before this trial."""


class Candidates:
    """A stage's study as this process, beside any number of others, draws its candidates and tells them."""

    def __init__(self, stage: Stage, study: optuna.Study, interpreter: Interpreter, liveness: Liveness) -> None:
        self.stage = stage
        self.study = study
        self.liveness = liveness
        self.interpreter = interpreter
        self.device = named_device(stage.device)
        wanted = [goal.name for goal in stage.goals if goal.kind == "cost"]
        self.counter = Counter(interpreter, stage.budget, stage.own, wanted, stage.seed)
        self.history = History()
        self._start: Network | None = None
        self._result: Trial | None = None
        self._synced = 0
        self._claims = SettledClaims()
        self._ledger = Ledger()
        self._parts = SharedParts()
        self.reap()
        if stage.number == 1 and not study.get_trials(deepcopy=False):
            for draws in (self.start.draws, *stage.starts):
                self._enqueue(draws)
        self.sync()

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
        for number, again in self.read_ledger().retries.items():
            self.history.judge_again(number, again)

    def read_ledger(self) -> Ledger:
        """Return what the study's trials have come to."""
        self._ledger.read(self.study.get_trials(deepcopy=False))
        return self._ledger

    def kept(self) -> dict[str, object]:
        """Return the record of the trial that this process has judged, for one whose telling is cut short."""
        return {} if self._result is None else {RECORD: record_of(self._result)}

    # --- one candidate ------------------------------------------------------------------------------------------------

    def opened(self, trial: optuna.Trial) -> Trial | Candidate:
        """Return the candidate of a trial that begins, to be evaluated; its result where there is nothing to evaluate.

        The storage numbers trials one by one, and each counts those before it that may still cost an evaluation: so
        however many workers there are, no evaluation is begun beyond the stage's.

        Raises:
            SurplusError: this trial is one too many.
            OwnCodeError: a user's own metric or filter raised.
        """
        self._result = None
        self.liveness.begin(trial)
        if not is_running(self.study, trial):
            raise SurplusError
        ledger = self.read_ledger()
        if trial.number in ledger.duplicates:
            raise SurplusError
        known = trial_of(trial.number, trial.user_attrs.get(RECORD))
        if known is not None:
            return known
        if ledger.count_begun(trial.number) >= self.stage.trials:
            raise SurplusError
        return self._candidate(trial)

    def closed(self, trial: optuna.Trial, result: Trial, seconds: float) -> list[float]:
        """Write down a trial's result, where an earlier process has not, and return its values.

        Args:
            seconds: how long it took.

        Raises:
            optuna.TrialPruned: it has none, and is not failed.
            NoValueError: it is failed.
        """
        is_new = RECORD not in trial.user_attrs
        self._result = result = replace(result, seconds=seconds) if is_new else result
        if is_new:
            trial.set_user_attr(RECORD, record_of(result))
        excess = self.stage.budget.excess(result.cost) if result.cost else {}
        write_constraints(self.study, trial, excess)
        if result.values:
            return [result.values[goal.name] for goal in self.stage.goals]
        if result.state in ("over_budget", "pruned"):
            raise optuna.TrialPruned
        raise NoValueError(result.reason)

    def _candidate(self, trial: optuna.Trial) -> Trial | Candidate:
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
        if not count.allowed:
            reason = count.refused and f"refused by {count.refused}"
            return Trial(trial.number, "over_budget", draws, count.costs, reason=reason)
        digest = network.digest
        other = claim(self.study, trial, digest, self._claims)
        if other is not None:
            self.sync()
            known = self.history.best_by_digest.get(digest, Trial(other, "repeated", draws, count.costs, digest=digest))
            return replace(
                known, number=trial.number, state="repeated", draws=draws, repeat_of=known.number, reason=None
            )
        text = unparse(fill_holes(self.interpreter.space, network))
        return Candidate(
            trial.number,
            text,
            network.graph,
            count.costs,
            draws,
            self.stage.candidate_seed,
            device=self.device,
            folder=self.stage.folder,
        )

    # --- what is drawn next -------------------------------------------------------------------------------------------

    def _enqueue(self, draws: Mapping[str, Value]) -> None:
        self.study.enqueue_trial(dict(draws), user_attrs={FOUND: "by counting"})

    def queue_found(self, number: int) -> bool:
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
        self._enqueue(network.draws)
        return True
