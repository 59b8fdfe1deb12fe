"""Small numbers for what is equal, so that the same work is found again quickly."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping

from archlab.elaborate.draw import Value
from archlab.elaborate.holes import labels_of
from archlab.elaborate.language import Callee
from archlab.elaborate.scope import Layer, Scope, Wide
from archlab.grammar import ast


class Keys:
    """Small numbers for what is equal, so that a key made of keys is compared and hashed in no time.

    Without them a layer made of layers made of layers … would be hashed as the tree that it unfolds into.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, int] = {}
        self._older: dict[Hashable, int] = {}
        self._layers: dict[Hashable, Layer] = {}
        self._labels: dict[int, tuple[Value, ...]] = {}
        self._next = itertools.count()

    def of(self, what: Hashable) -> int:
        """Return the number of ``what``: the same whenever it is equal."""
        known = self._known.get(what)
        if known is None:
            known = self._older.get(what)
            known = self._known[what] = next(self._next) if known is None else known
        return known

    @property
    def count(self) -> int:
        """How many numbers were given, or asked for again, since the oldest were forgotten."""
        return len(self._known)

    def fresh(self) -> int:
        """Return a number never given before, to tell apart what must not be shared."""
        return next(self._next)

    def layer(self, name: str, own: bool, callees: Mapping[str, Callee]) -> Layer:
        """Return a block or operator that is passed by its bare name; the same one wherever the name means the same."""
        own = own and name in callees and callees[name].own
        if (name, own) not in self._layers:
            key = self.of(("name", name, own))
            scope = Scope({}, Wide(1), callees, own, 1.0, 1.0, "", key)
            self._layers[name, own] = Layer(ast.Name(name), scope, False, key)
        return self._layers[name, own]

    def labels(self, choice: ast.Choice) -> tuple[Value, ...]:
        """Return the labels of a choice's options."""
        if id(choice) not in self._labels:
            self._labels[id(choice)] = labels_of(choice)
        return self._labels[id(choice)]

    def forget_oldest(self) -> None:
        """Forget what was not asked for since the last time; a number is never given a second time."""
        self._older, self._known = self._known, {}
        self._layers.clear()
