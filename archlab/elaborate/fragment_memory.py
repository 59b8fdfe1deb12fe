"""What layers with holes became, by what filled their holes.

A search draws the same stage, or the same copy of a block, again and again: asking its holes in the order in which
elaboration met them the first time leads to the fragment that it became, without evaluating anything.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping

from archlab.elaborate.draw import Hole, Value
from archlab.elaborate.fragment import Fragment


class _Question:
    """A hole to fill, and where each answer leads."""

    __slots__ = ("answers", "hole")

    def __init__(self, hole: Hole) -> None:
        self.hole = hole
        self.answers: dict[Hashable, _Question | Fragment] = {}


class FragmentMemory:
    """Fragments by where they stand and by what filled their holes: a decision tree for each place."""

    def __init__(self) -> None:
        self._trees: dict[Hashable, _Question | Fragment] = {}

    def find(self, place: Hashable, fill: Callable[[Hole], Value]) -> Fragment | None:
        """Return the fragment at ``place`` under what ``fill`` gives; None where it was not met before.

        The holes that were filled on the way are those that elaboration would have filled, in the same order.
        """
        known = self._trees.get(place)
        while isinstance(known, _Question):
            known = known.answers.get(fill(known.hole))
        return known

    def keep(self, place: Hashable, asked: Iterable[Hole], draws: Mapping[str, Value], fragment: Fragment) -> int:
        """Keep what became of ``place`` when the holes ``asked``, in that order, were filled as in ``draws``.

        Return how many questions that took which were not asked before.
        """
        level, answer, new = self._trees, place, 0
        for name, hole in {hole.name: hole for hole in asked}.items():
            node = level.get(answer)
            if node is None:
                node = level[answer] = _Question(hole)
                new += 1
            assert isinstance(node, _Question)
            level, answer = node.answers, draws[name]
        level[answer] = fragment
        return new
