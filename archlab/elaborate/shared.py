"""What the draws of one space share: fragments made once, and the keys by which they are found again.

What is kept is bounded by its bytes. There are two halves: what is made, or found in the older half, is kept in the
newer one; when that is full it becomes the older, and what nothing has asked for since is forgotten.

What its holes can become in many ways is kept only when it is met a second time, as most of it never is; of the first
time a hash stays (the doorkeeper of Einziger et al. 2017, arXiv:1512.00727). That saves memory, and time: Python's
garbage collector goes over all that is kept, again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence

from archlab.elaborate.draw import Hole, Value
from archlab.elaborate.fragment import Fragment
from archlab.elaborate.fragment_memory import FragmentMemory
from archlab.elaborate.keys import Keys

MOST_BYTES = 128 * 2**20
"""What a space's draws may keep together, both halves."""

FRAGMENT, PART, OPERATOR, VALUES, QUESTION, KEY, MET = 330, 100, 500, 100, 150, 400, 75
"""Bytes of a fragment with its numbers, of each part in it, of its operator and of what it has to do with named values,
of a question of the decision trees, of a key, and of the hash of what was met once. Fitted to what tracemalloc counts
on CPython 3.11, which ``python -m benchmarks.kept`` compares."""

MOST_MET = 50_000
"""Hashes of what was met once; with twice as many the older half of them is forgotten."""


class Shared:
    """The work that draws of one space have in common.

    Attributes:
        keys: small numbers for what is equal.
        size: about how many bytes the newer half of what is kept has.
    """

    def __init__(self) -> None:
        self.keys = Keys()
        self.size = 0
        self._blocks: dict[Hashable, Fragment] = {}
        self._older_blocks: dict[Hashable, Fragment] = {}
        self._drawn = FragmentMemory()
        self._older_drawn = FragmentMemory()
        self._met: set[int] = set()
        self._older_met: set[int] = set()
        self._half = 1

    def block(self, key: Hashable) -> Fragment | None:
        """Return the fragment of what meets no hole, by what it is, its input's shape, and all that it reads."""
        known = self._blocks.get(key)
        if known is None and (known := self._older_blocks.get(key)) is not None:
            self.keep_block(key, known)
        return known

    def keep_block(self, key: Hashable, fragment: Fragment, rare: bool = False) -> None:
        """Keep what ``block`` will return for ``key``, if ``rare`` where it is met again."""
        if rare and not self._was_met(hash(key)):
            return
        self._blocks[key] = fragment
        self.size += KEY + self._weight(fragment)

    def drawn(self, place: Hashable, fill: Callable[[Hole], Value]) -> Fragment | None:
        """Return the fragment of an expression with holes, in the newer half; see ``FragmentMemory.find``."""
        return self._drawn.find(place, fill)

    def drawn_before(self, place: Hashable, fill: Callable[[Hole], Value]) -> Fragment | None:
        """Return one from the older half, to be kept again."""
        return self._older_drawn.find(place, fill)

    def keep_drawn(
        self, place: Hashable, asked: Sequence[Hole], draws: Mapping[str, Value], fragment: Fragment, rare: bool = False
    ) -> None:
        """Keep what ``drawn`` will return, if ``rare`` where it is met again; see ``FragmentMemory.keep``."""
        if rare and not self._was_met(hash((place, *[draws[hole.name] for hole in asked]))):
            return
        questions = self._drawn.keep(place, asked, draws, fragment)
        self.size += QUESTION * questions + self._weight(fragment)

    def _was_met(self, what: int) -> bool:
        if what in self._met:
            return True
        before = what in self._older_met
        if len(self._met) == MOST_MET:
            self._older_met, self._met = self._met, set()
            self.size -= MET * MOST_MET
        self._met.add(what)
        self.size += MET
        return before

    def forget_oldest(self) -> None:
        """Forget the older half where the newer is full, which then becomes the older."""
        if self.size + KEY * self.keys.count <= MOST_BYTES // 2:
            return
        self._older_blocks, self._blocks = self._blocks, {}
        self._older_drawn, self._drawn = self._drawn, FragmentMemory()
        self._older_met, self._met = self._met, set()
        self.keys.forget_oldest()
        self.size = 0
        self._half += 1

    def _weight(self, fragment: Fragment) -> int:
        """Return the bytes of a fragment and of all in it that the newer half does not have yet."""
        weight, todo = 0, [fragment]
        while todo:
            each = todo.pop()
            if each.half == self._half:
                continue
            each.half = self._half
            weight += FRAGMENT + PART * len(each.parts) + (OPERATOR if each.op is not None else 0)
            weight += VALUES if each.values is not None else 0
            todo += [part for _, part in each.parts]
            if each.unsettled is not None:  # what it was before its values were settled, which it keeps
                todo.append(each.unsettled)
        return weight
