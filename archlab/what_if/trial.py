"""A text with the numbers in its slots free: what becomes of the network when some of them change."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Hashable, Mapping

from archlab.elaborate import Hole, Interpreter, Network, Value, load
from archlab.elaborate.fragment import Fragment
from archlab.errors import ArchlabError
from archlab.grammar import ast
from archlab.ir import Shape
from archlab.what_if.slots import Role, Slot, fill_slots, find_slots

_MOST = 10**6

Numbers = Mapping[int, int | float]
"""Numbers by the slots that they stand in."""


class Trial:
    """Elaborates a text with other numbers in its slots, and compares what comes of it with the text's own network.

    Attributes:
        architecture: the text.
        slots: its slots; only those of the ``roles`` given are free.
        output: the shape of what its network puts out.
    """

    def __init__(self, architecture: ast.Architecture, roles: Collection[Role]) -> None:
        self.architecture = architecture
        self.slots: tuple[Slot, ...] = find_slots(architecture)
        taken = names_of(architecture)
        stem = "slot"
        while any(name.startswith(stem) for name in taken):
            stem += "_"
        numbered = [(i, slot) for i, slot in enumerate(self.slots) if slot.role in roles and slot.role != "block"]
        self._slot_of = {f"{stem}{i}": i for i, _ in numbered}
        free = tuple(ast.Var(f"{stem}{i}", _any(slot.value)) for i, slot in numbered)
        filled = fill_slots(architecture, {i: ast.Name(f"{stem}{i}") for i, _ in numbered})
        text = dataclasses.replace(filled, vars=(*free, *filled.vars))
        self._interpreter = Interpreter(load(text))
        self._shapes = Skeletons()
        own = self._interpreter.network(lambda hole: hole.default)
        self.output: Shape = own.body.shape
        self._own = self._shapes.of(own)

    def network(self, numbers: Numbers) -> Network | None:
        """Return the network with ``numbers`` in their slots; None where there is none."""

        def draw(hole: Hole) -> Value:
            return numbers.get(self._slot_of.get(hole.name, -1), hole.default)

        try:
            return self._interpreter.network(draw)
        except ArchlabError:
            return None

    def elaborates(self, numbers: Numbers) -> bool:
        """Return whether ``numbers`` give a network with the same output."""
        network = self.network(numbers)
        return network is not None and network.body.shape == self.output

    def keeps(self, numbers: Numbers) -> bool:
        """Return whether ``numbers`` give a network of the same operators on maps of the same size, alike wired."""
        network = self.network(numbers)
        return network is not None and network.body.shape == self.output and self._shapes.of(network) == self._own


def names_of(architecture: ast.Architecture) -> set[str]:
    """Return the names of a text's vars, blocks, stages and values."""
    names = {var.name for var in architecture.vars} | {block.name for block in architecture.blocks}
    bodies = [block.body for block in architecture.blocks] + [stage.body for stage in architecture.stages]
    while bodies:
        expr = bodies.pop()
        names |= {expr.name} if isinstance(expr, ast.Named) else set()
        bodies += ast.children(expr)
    return names | {stage.name for stage in architecture.stages}


def _any(value: int | float) -> ast.Range:
    whole = isinstance(value, int)
    return ast.Range(0, _MOST, 1, value) if whole else ast.Range(0.0, float(_MOST), None, value)


class Skeletons:
    """Numbers for networks, equal where operators, wiring and the size of every map are, whatever their channels."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._known: dict[int, tuple[Fragment, int]] = {}  # the fragment, so that no other gets its id

    def of(self, network: Network) -> int:
        """Return a network's number."""
        return self._number(tuple((name, self._of(fragment)) for name, fragment in network.stages))

    def _of(self, fragment: Fragment) -> int:
        known = self._known.get(id(fragment))
        if known is None:
            op = fragment.op.op if fragment.op is not None else ""
            parts = tuple((name, self._of(part)) for name, part in fragment.parts)
            known = self._known[id(fragment)] = fragment, self._number((op, fragment.shape[1:], parts))
        return known[1]

    def _number(self, what: Hashable) -> int:
        return self._numbers.setdefault(what, len(self._numbers))
