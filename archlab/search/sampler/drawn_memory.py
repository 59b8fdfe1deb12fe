"""Counted networks by what fills their holes, so that one that is drawn again costs a few questions.

A tree of holes in the order in which a draw meets them, as each answer decides which comes next. Where only one network
is known below an answer it stands there itself, so that a network takes no questions of its own until another that
begins alike is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from archlab.elaborate import Hole, Value
from archlab.search.sampler.counted_network import CountedNetwork

MOST = 5000
"""Networks that are kept until all are forgotten: a kB, and 100 bytes for each hole."""


class _Question:
    """A hole to fill, and where each answer leads."""

    __slots__ = ("answers", "hole")

    def __init__(self, hole: Hole) -> None:
        self.hole = hole
        self.answers: dict[Value, _Question | CountedNetwork] = {}


Known = TypeVar("Known", _Question, CountedNetwork)


class DrawnMemory:
    """Counted networks of one space, until there are ``most``."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._root: _Question | CountedNetwork | None = None
        self._count = 0

    def find(self, fill: Callable[[Hole], Value]) -> CountedNetwork | None:
        """Return the network that ``fill`` makes; None where it is not kept.

        The holes that were filled on the way are those that elaboration would have filled first, in the same order.
        """
        known, depth = self._root, 0
        while type(known) is _Question:
            known = known.answers.get(fill(known.hole))
            depth += 1
        if known is None:
            return None
        assert isinstance(known, CountedNetwork)
        rest = zip(list(known.holes.values())[depth:], known.key[depth:], strict=True)
        return known if all(fill(hole) == value for hole, (_, value) in rest) else None

    def keep(self, counted: CountedNetwork) -> None:
        """Keep a network that is not kept yet."""
        if self._count == self._most:
            self._root, self._count = None, 0
        self._count += 1
        holes, values = list(counted.holes.values()), [value for _, value in counted.key]
        above: _Question | None = None
        known, depth = self._root, 0
        while type(known) is _Question:
            above, known = known, known.answers.get(values[depth])
            depth += 1
        if isinstance(known, CountedNetwork):  # ask on until the two differ
            while known.key[depth][1] == values[depth]:
                above = self._put(above, values[depth - 1], _Question(holes[depth]))
                depth += 1
            above = self._put(above, values[depth - 1], _Question(holes[depth]))
            above.answers[known.key[depth][1]] = known
            depth += 1
        self._put(above, values[depth - 1], counted)

    def _put(self, above: _Question | None, answer: Value, what: Known) -> Known:
        if above is None:
            self._root = what
        else:
            above.answers[answer] = what
        return what
