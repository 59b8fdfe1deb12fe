"""What an expression with holes became before, found again by what filled them: its own, or those of the vars it reads.

Holes of its own are asked on the way. Those of vars are filled before, so that what meets no other is shared as a block
without holes is, by the values of the vars that it reads: two joined edges of a cell, whatever its other edges are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from archlab.elaborate.draw import Hole
from archlab.elaborate.evaluator import MEMORABLE, Evaluator
from archlab.elaborate.fragment import Fragment
from archlab.elaborate.holes import Dependence
from archlab.elaborate.scope import Scope
from archlab.elaborate.shared import Shared
from archlab.grammar import ast
from archlab.ir import Shape

E = TypeVar("E", bound=ast.Expr)
Unfold = Callable[[E, Scope, Shape], Fragment]


class FoundAgain:
    """Looks in what draws share, and keeps there what was not found."""

    def __init__(self, evaluator: Evaluator, shared: Shared) -> None:
        self.evaluator = evaluator
        self.shared = shared

    def by_vars(self, expr: E, dependence: Dependence, scope: Scope, x: Shape, unfold: Unfold[E]) -> Fragment:
        """Return what ``unfold`` makes of an expression, by the vars that it reads if it meets no other hole."""
        if not self.evaluator.recurs(dependence):
            return unfold(expr, scope, x)
        key = (id(expr), scope.key, x, *self.evaluator.read(expr, scope), *self.evaluator.read_vars(dependence))
        return self.by_key(key, lambda: unfold(expr, scope, x))

    def by_key(self, key: Hashable, make: Callable[[], Fragment]) -> Fragment:
        """Return what ``make`` makes, which is kept when it is met a second time."""
        known = self.shared.block(key)
        if known is None:
            known = make()
            self.shared.keep_block(key, known, rare=True)
        return known

    def by_holes(self, expr: E, dependence: Dependence, scope: Scope, x: Shape, unfold: Unfold[E]) -> Fragment:
        """Return what ``unfold`` makes of an expression, by the holes that it meets and the vars that it reads."""
        read = self.evaluator.read(expr, scope)
        place = (id(expr), scope.prefix, scope.key, x, *read, *self.evaluator.read_vars(dependence))
        known = self.shared.drawn(place, self.evaluator.fill)
        if known is None:
            start = len(self.evaluator.asked)
            known = self.shared.drawn_before(place, self.evaluator.fill)
            if known is None:
                start = len(self.evaluator.asked)
                known = unfold(expr, scope, x)
            asked = self.evaluator.asked[start:]
            self.shared.keep_drawn(place, asked, self.evaluator.draws, known, self._is_rare(asked))
        return known

    def _is_rare(self, asked: Sequence[Hole]) -> bool:
        """Return whether what ``asked`` for these holes, beside those of the vars, can become much else."""
        holes = {hole.name: hole for hole in asked} | self.evaluator.of_vars
        return math.prod(hole.ways for hole in holes.values()) > MEMORABLE
