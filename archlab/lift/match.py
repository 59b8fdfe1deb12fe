"""Which operator of one network is which of another that computes the same, by how they are wired.

From the outputs backwards, input by input: two operators are the same where they do the same to inputs that are the
same. The inputs of a sum or product have no order; there what an input computes, and who else reads it, tells which is
which. What is still alike can be exchanged without a change, and the whole is checked in the end.

Ways of writing do not count: dropout, nested sums and concatenations, a flattened 1x1 map, a linear layer on it.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

from archlab.errors import BuildError
from archlab.lift.canonical.step import INPUT
from archlab.lift.wiring import Wiring

COMMUTATIVE = frozenset({"add", "mul"})


def match(first: Wiring, second: Wiring) -> dict[int, int]:
    """Return the vertex of ``second`` for each of ``first``.

    Raises:
        BuildError: the two do not compute the same, or branches are too alike to tell which is which; the message names
            the first operators where they differ.
    """
    if len(first.outputs) != len(second.outputs):
        raise BuildError(f"one network has {len(first.outputs)} outputs and the other {len(second.outputs)}")
    matcher = _Matcher(first, second)
    for a, b in zip(first.outputs, second.outputs, strict=True):
        matcher.pair(a, b)
    matcher.finish()
    return matcher.found


class _Matcher:
    def __init__(self, first: Wiring, second: Wiring) -> None:
        self.first, self.second = first, second
        self.below = below(first), below(second)
        self.keys = keys(first, self.below[0]), keys(second, self.below[1])
        self.found: dict[int, int] = {}
        self._taken: dict[int, int] = {}
        self._waiting: list[tuple[int, int]] = []
        self._unordered: list[tuple[int, int]] = []

    def pair(self, a: int, b: int) -> None:
        self._waiting.append((a, b))

    def finish(self) -> None:
        """Follow every pair to the inputs; those of sums and products wait until order has said what it can."""
        while self._waiting or self._unordered:
            if self._waiting:
                self._follow(*self._waiting.pop())
            else:
                self._unordered_inputs(*self._unordered.pop(0))

    def _follow(self, a: int, b: int) -> None:
        if a == INPUT or b == INPUT:
            if a != b:
                raise BuildError(self._differ(a, b))
            return
        if a in self.found or b in self._taken:
            if self.found.get(a) != b:
                raise BuildError(self._ambiguous([a], [b]))
            return
        if self.below[0][a] != self.below[1][b]:
            raise BuildError(self._differ(a, b))
        self.found[a], self._taken[b] = b, a
        one, two = self.first.vertices[a], self.second.vertices[b]
        if one.op in COMMUTATIVE:
            self._unordered.append((a, b))
        else:
            self._waiting += zip(one.inputs, two.inputs, strict=True)

    def _unordered_inputs(self, a: int, b: int) -> None:
        theirs, ours = list(self.first.vertices[a].inputs), list(self.second.vertices[b].inputs)
        for i in list(theirs):  # what other operators have told
            if i in self.found and self.found[i] in ours:
                theirs.remove(i)
                ours.remove(self.found[i])
        groups: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for side, inputs in enumerate((theirs, ours)):
            for i in inputs:
                groups[self._key(side, i)][side].append(i)
        for left, right in groups.values():
            if len(left) != len(right):
                raise BuildError(self._ambiguous(left or theirs, right or ours))
            self._waiting += zip(left, right, strict=True)

    def _key(self, side: int, vertex: int) -> str:
        return "input" if vertex == INPUT else self.keys[side][vertex]

    def _differ(self, a: int, b: int) -> str:
        """Name the first operators, from the outputs backwards, that differ though what reads them does not."""
        while INPUT not in (a, b):
            one, two = self.first.vertices[a], self.second.vertices[b]
            if one.what != two.what or len(one.inputs) != len(two.inputs):
                break
            pairs = list(zip(one.inputs, two.inputs, strict=True))
            if one.op in COMMUTATIVE:
                pairs = self._sorted_pairs(one.inputs, two.inputs)
            a, b = next((i, j) for i, j in pairs if self._below(0, i) != self._below(1, j))
        return f"the networks differ: one has {self.first.describe(a)} where the other has {self.second.describe(b)}"

    def _sorted_pairs(self, one: Sequence[int], two: Sequence[int]) -> list[tuple[int, int]]:
        there = [self._below(1, j) for j in two]
        here = [self._below(0, i) for i in one]
        left = [i for i in one if self._below(0, i) not in there]
        right = [j for j in two if self._below(1, j) not in here]
        left.sort(key=lambda i: self.first.what(i))
        right.sort(key=lambda j: self.second.what(j))
        return list(zip(left, right, strict=False)) or list(zip(one, two, strict=False))

    def _below(self, side: int, vertex: int) -> str:
        return "input" if vertex == INPUT else self.below[side][vertex]

    def _ambiguous(self, theirs: Sequence[int], ours: Sequence[int]) -> str:
        left = ", ".join(self.first.describe(i) for i in theirs)
        right = ", ".join(self.second.describe(i) for i in ours)
        return f"it is ambiguous which of {left} is which of {right}: they look alike, and what reads them differs"


def below(wiring: Wiring) -> list[str]:
    """Return for each vertex what it computes of the input, as a hash."""
    hashes: list[str] = []
    for vertex in wiring.vertices:
        inputs = ["input" if i == INPUT else hashes[i] for i in vertex.inputs]
        if vertex.op in COMMUTATIVE:
            inputs.sort()
        hashes.append(digest(vertex.what, *inputs))
    return hashes


def keys(wiring: Wiring, computes: Sequence[str]) -> list[str]:
    """Return for each vertex what it computes and what becomes of it on all ways to the outputs, as a hash."""
    readers: Mapping[int, list[str]] = defaultdict(list)
    for position, output in enumerate(wiring.outputs):
        readers[output].append(f"output {position}")
    found = [""] * len(wiring.vertices)
    for number in range(len(wiring.vertices) - 1, -1, -1):
        vertex = wiring.vertices[number]
        if not readers[number]:  # it was part of a nested sum or concatenation
            continue
        found[number] = digest(computes[number], *sorted(readers[number]))
        for position, i in enumerate(vertex.inputs):
            place = "any" if vertex.op in COMMUTATIVE else str(position)
            readers[i].append(f"{found[number]} {place}")
    return found


def digest(*parts: str) -> str:
    """Return a short hash of texts."""
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()
