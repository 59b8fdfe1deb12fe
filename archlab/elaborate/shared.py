"""What the draws of one space share: fragments made once, and the keys by which they are found again."""

from __future__ import annotations

from collections.abc import Hashable

from archlab.elaborate.fragment import Fragment
from archlab.elaborate.fragment_memory import FragmentMemory
from archlab.elaborate.keys import Keys

_MOST_FRAGMENTS = 200_000


class Shared:
    """The work that draws of one space have in common.

    Attributes:
        memo: fragments of blocks without holes, by block, arguments and input shape.
        memory: fragments of expressions with holes, by what filled them.
        keys: small numbers for what is equal.
    """

    def __init__(self) -> None:
        self.memo: dict[Hashable, Fragment] = {}
        self.memory = FragmentMemory()
        self.keys = Keys()

    def clear_when_full(self) -> None:
        """Forget everything where more fragments are kept than a process should hold."""
        if len(self.memo) + self.memory.size > _MOST_FRAGMENTS:
            self.memo.clear()
            self.keys.clear()
            self.memory.clear()
