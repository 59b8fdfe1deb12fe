"""Ask and tell: a training script of one's own drives a search, and the search draws, counts, remembers and resumes.

Optuna's idiom, on a study as ``archlab search`` keeps it: what is told is written at once, what was asked for and never
told is drawn again, and the result and its report are those of a search.
"""

from __future__ import annotations

import contextlib
import datetime
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self, cast

import optuna

from archlab.elaborate import Interpreter
from archlab.errors import ExhaustedError, InputError, quote
from archlab.files import make_folder
from archlab.search.candidate import Candidate, plain_details
from archlab.search.finalists import write_result
from archlab.search.objective import Goal
from archlab.search.plan import Plan
from archlab.search.result import Objective, SearchResult, Trial
from archlab.search.run import make_finalists, result_of
from archlab.search.stages.stage_results import Funnel, stages_in_numbers
from archlab.search.storage.one_trial import ask_for_trial, beating, end_without_verdict
from archlab.search.storage.open_storage import Opened, opened_storage
from archlab.search.storage.put_back import put_back
from archlab.search.storage.trial_record import EVALUATED
from archlab.search.study.candidates import Candidates, NoValueError, SurplusError
from archlab.search.study.history import EXHAUSTED
from archlab.search.study.open_search import open_stage

MAX_WASTED = 500
"""Draws in a row that lead to no candidate after which a space counts as exhausted."""


class AskTell:
    """A search whose candidates are evaluated by whoever asks for them; made by ``archlab.ask_tell``.

    It is a context: at its end, what was asked for and not told is queued again.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._began = time.monotonic()
        self._started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self._stack = contextlib.ExitStack()
        self._opened: Opened | None = None
        self._search: Candidates | None = None
        self._asked: tuple[optuna.Trial, Candidate, float] | None = None
        self._beats = contextlib.ExitStack()
        self._exhausted: str | None = None

    def __enter__(self) -> Self:
        plan = self._plan
        make_folder(plan.out)
        self._opened = self._stack.enter_context(opened_storage(plan.address, plan.heartbeat, plan.note))
        self._search = open_stage(plan, plan.stages[0], self._opened, Interpreter(plan.space))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._asked is not None and self._search is not None:
            with contextlib.suppress(Exception):
                put_back(self._search.study, self._asked[0])
            self._let_go()
        self._stack.close()

    def ask(self) -> Candidate | None:
        """Return the next network to evaluate: new, and within every budget and rule; None where the trials are done.

        None too where no network is left, or other processes evaluate the last ones.

        Raises:
            InputError: the candidate that was asked for last was not told.
            OwnCodeError: a metric or filter of yours raised.
        """
        search = self._in_use()
        if self._asked is not None:
            raise InputError(
                f"candidate {self._asked[1].number} was asked for and not told",
                hint="tell it first: search.tell(candidate, value)",
            )
        for _ in range(MAX_WASTED):
            search.reap()
            search.sync()
            if search.read_ledger().count_begun() >= search.stage.trials:
                return None
            candidate = self._next(search)
            if candidate is not None:
                return candidate
            if self._exhausted is not None:
                return None
        self._exhausted = EXHAUSTED
        return None

    def tell(
        self,
        candidate: Candidate,
        value: float | Sequence[float] | Mapping[str, float] | None,
        *,
        reason: str = "",
        pruned: bool = False,
    ) -> None:
        """Tell what a candidate came to; it is written down at once.

        Args:
            value: the objective's, or of several objectives theirs, in order or by name; None where it has failed.
            reason: why it has.
            pruned: it was stopped early, as ``report`` said, and has no value.

        Raises:
            InputError: it is not the candidate that was asked for, or the value is no finite number.
        """
        search = self._in_use()
        if self._asked is None or self._asked[1] is not candidate:
            raise InputError(f"candidate {candidate.number} was not asked for last, or is told already")
        trial, _, began = self._asked
        values: dict[str, float] = {}
        state = "pruned" if pruned else "failed" if value is None else "scored"
        if state == "scored":
            values = self._values(cast("float | Sequence[float] | Mapping[str, float]", value))
        result = Trial(
            trial.number,
            state,  # type: ignore[arg-type]
            dict(candidate.draws),
            dict(candidate.cost),
            values,
            candidate.graph.digest,
            reason or None,
            details={search.stage.goals[0].name: plain_details(candidate.details)} if candidate.details else {},
        )
        self._close(search, trial, result, time.monotonic() - began)

    def report(self, candidate: Candidate, value: float, step: int) -> bool:
        """Report a value on the way, of one objective; return whether the pruner says to stop and tell ``pruned``."""
        self._in_use()
        if self._asked is None or self._asked[1] is not candidate:
            raise InputError(f"candidate {candidate.number} was not asked for last, or is told already")
        trial = self._asked[0]
        trial.report(value, step)
        return trial.should_prune()

    def result(self) -> SearchResult:
        """Return what was found so far, and write ``result.json`` and the finalists."""
        search = self._in_use()
        search.sync()
        history = search.history
        is_done = history.evaluated >= search.stage.trials
        interrupted = None if is_done else self._exhausted or "not all trials were asked for"
        funnel = Funnel(
            search.study,
            history,
            tuple(sorted(history.trials, key=lambda trial: trial.number)),
            stages_in_numbers([(search.stage, history)]),
            (search.stage.objectives,),
            search.counter.count(search.start).costs,
            interrupted,
        )
        finalists = make_finalists(self._plan, funnel, search.interpreter, lambda *_: None)
        result = result_of(self._plan, funnel, finalists, search.interpreter, None, self._started, self._began)
        write_result(self._plan.out, result)
        return result

    # --- one trial ----------------------------------------------------------------------------------------------------

    def _next(self, search: Candidates) -> Candidate | None:
        """Begin a trial; return its candidate, None where it led to none, and is told as that."""
        trial = ask_for_trial(search.study)
        self._beats.enter_context(beating(search.study, trial))
        began = time.monotonic()
        try:
            opened = search.opened(trial)
        except (SurplusError, ExhaustedError) as error:
            end_without_verdict(search.study, trial)
            self._let_go()
            if isinstance(error, ExhaustedError):
                self._exhausted = EXHAUSTED
            return None
        except BaseException:
            with contextlib.suppress(Exception):
                put_back(search.study, trial)
            self._let_go()
            raise
        if isinstance(opened, Candidate):
            self._asked = (trial, opened, began)
            return opened
        self._close(search, trial, opened, time.monotonic() - began)
        if opened.state not in EVALUATED:
            search.queue_found(trial.number)
        return None

    def _close(self, search: Candidates, trial: optuna.Trial, result: Trial, seconds: float) -> None:
        state, values = optuna.trial.TrialState.COMPLETE, None
        try:
            values = search.closed(trial, result, round(seconds, 4))
        except optuna.TrialPruned:
            state = optuna.trial.TrialState.PRUNED
        except NoValueError:
            state = optuna.trial.TrialState.FAIL
        search.study.tell(trial, values, state)
        search.sync()
        self._let_go()

    def _let_go(self) -> None:
        self._asked = None
        self._beats.close()
        assert self._search is not None
        self._search.liveness.end()

    def _values(self, given: float | Sequence[float] | Mapping[str, float]) -> dict[str, float]:
        names = [goal.name for goal in self._plan.stages[0].goals]
        if isinstance(given, Mapping):
            unknown = sorted(set(given) ^ set(names))
            if unknown:
                raise InputError(f"a value for each of {', '.join(names)} is told, and no other: {', '.join(unknown)}")
            listed: list[Any] = [given[name] for name in names]
        else:
            listed = list(given) if isinstance(given, Sequence) else [given]
        if len(listed) != len(names):
            raise InputError(f"{len(listed)} values were told for {len(names)} objectives: {', '.join(names)}")
        values = {}
        for name, value in zip(names, listed, strict=True):
            if isinstance(value, bool | str) or not hasattr(value, "__float__") or not math.isfinite(float(value)):
                raise InputError(
                    f"the value of {name} is {value!r}, not a finite number",
                    hint="tell a candidate that failed as tell(candidate, None, reason=…)",
                )
            values[name] = float(value)
        return values

    def _in_use(self) -> Candidates:
        if self._search is None:
            raise InputError("a search is asked inside its with statement", hint="with archlab.ask_tell(…) as search:")
        return self._search


def told_plan(plan: Plan, names: Sequence[str]) -> Plan:
    """Return ``plan`` with objectives that are told: each a name, to maximise or with ``min:`` before it to minimise.

    Raises:
        InputError: a name is empty, given twice, or holds a colon.
    """
    goals: list[Goal] = []
    for given in names:
        prefix, colon, rest = given.partition(":")
        name = rest if colon and prefix in ("min", "max") else given
        if not name or ":" in name or name in [goal.name for goal in goals]:
            raise InputError(
                f"{quote(given)} is no name of an objective that is told", hint="such as accuracy or min:loss"
            )
        goals.append(Goal(Objective(name, "minimize" if name != given and prefix == "min" else "maximize"), "told"))
    (stage,) = plan.stages
    return replace(plan, stages=(replace(stage, goals=tuple(goals)),))
