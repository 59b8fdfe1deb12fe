"""Objectives that follow from the text alone: they can be asked of any network, as often as one likes."""

from __future__ import annotations

from collections.abc import Sequence

from archlab.elaborate import Interpreter, Network
from archlab.score import SCORES, score_graph
from archlab.search.counter import Counter
from archlab.search.objective import Goal
from archlab.search.plan import Stage


def is_closed_form(goal: Goal, stage: Stage) -> bool:
    """Return whether a goal of a stage is counted, without weights or a clock."""
    if goal.kind == "cost":
        return not stage.budget.measures(goal.name)
    return goal.kind == "score" and SCORES[goal.name].is_closed_form


class ClosedJudge:
    """Judges networks of a space by the objectives of a search that are closed forms.

    Args:
        stages: the search's; the first has its budget and rules.
    """

    def __init__(self, stages: Sequence[Stage], interpreter: Interpreter) -> None:
        first = stages[0]
        goals = [goal for stage in stages for goal in stage.goals if is_closed_form(goal, stage)]
        self.interpreter = interpreter
        self._costs = list(dict.fromkeys(goal.name for goal in goals if goal.kind == "cost"))
        self._scores = list(dict.fromkeys(goal.name for goal in goals if goal.kind == "score"))
        self._counter = Counter(interpreter, first.budget, first.own, self._costs, first.seed)

    @property
    def names(self) -> tuple[str, ...]:
        """The objectives that it judges by."""
        return (*self._costs, *self._scores)

    def values(self, network: Network) -> dict[str, float]:
        """Return the objectives of a network by name.

        Raises:
            ScoreError, OwnCodeError: one cannot be had.
        """
        graph = network.graph if self._scores else None
        scores = {name: score_graph(name, graph) for name in self._scores if graph is not None}
        return {name: self._counter.value(name, network) for name in self._costs} | scores

    def allows(self, network: Network) -> bool:
        """Return whether a network is within what is counted of the budget, and passes the user's filters.

        Raises:
            OwnCodeError: a metric or filter of the user's raised.
        """
        return self._counter.count(network).allowed
