"""Expressions to values: names, holes, conditions and arithmetic, at a place of the text."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

from archlab.elaborate import evaluate
from archlab.elaborate.draw import Draw, Hole, Value
from archlab.elaborate.holes import labels_of
from archlab.elaborate.language import FUNCTIONS, MULTIPLIERS, Callee
from archlab.elaborate.scope import Bound, Layer, Scope, Wide
from archlab.elaborate.space import Space
from archlab.errors import ElaborationError, LimitError
from archlab.grammar import ast

_WORDS: Mapping[str, Bound] = {"same": "same"}

T = TypeVar("T")


class Keys:
    """Small numbers for what is equal, so that a key made of keys is compared and hashed in no time.

    Without them a layer made of layers made of layers … would be hashed as the tree that it unfolds into.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, int] = {}
        self._layers: dict[Hashable, Layer] = {}
        self._labels: dict[int, tuple[Value, ...]] = {}
        self._next = itertools.count()

    def of(self, what: Hashable) -> int:
        """The number of ``what``: the same whenever it is equal."""
        if what not in self._known:
            self._known[what] = next(self._next)
        return self._known[what]

    def fresh(self) -> int:
        """A number never given before, to tell apart what must not be shared."""
        return next(self._next)

    def layer(self, name: str, own: bool, callees: Mapping[str, Callee]) -> Layer:
        """A block or operator that is passed by its bare name; the same one wherever the name means the same."""
        own = own and name in callees and callees[name].own
        if (name, own) not in self._layers:
            key = self.of(("name", name, own))
            scope = Scope({}, Wide(1), callees, own, 1.0, 1.0, "", key)
            self._layers[name, own] = Layer(ast.Name(name), scope, False, key)
        return self._layers[name, own]

    def labels(self, choice: ast.Choice) -> tuple[Value, ...]:
        """The labels of a choice's options."""
        if id(choice) not in self._labels:
            self._labels[id(choice)] = labels_of(choice)
        return self._labels[id(choice)]

    def clear(self) -> None:
        """Forgets what is equal; numbers given before are never given again."""
        self._known.clear()
        self._layers.clear()


class Values:
    """The values of one elaboration: what the draw fills its holes with, and what follows from that."""

    def __init__(self, space: Space, draw: Draw, keys: Keys) -> None:
        self.space = space
        self.draw = draw
        self.keys = keys
        self.draws: dict[str, Value] = {}
        self.vars: dict[str, Bound] = {}
        self.asked: list[Hole] = []
        self.count = 0

    def fill(self, hole: Hole) -> Value:
        """The value of a hole, drawn at most once."""
        self.asked.append(hole)
        name = hole.name
        if name not in self.draws:
            self.draws[name] = self.draw(hole)
        return self.draws[name]

    def value(self, expr: ast.Expr, scope: Scope) -> Bound:
        """What ``expr`` is worth: a number, a size, a word, or a layer not yet elaborated."""
        self.count += 1
        # The commonest first and without matching, on the path of every draw.
        if type(expr) is ast.Number:
            return expr.value
        if type(expr) is ast.Name:
            return self.named(expr.name, expr, scope)
        match expr:
            case ast.Size(dims=dims):
                return dims
            case ast.Range():
                return evaluate.number(self.fill(self.space.hole(scope.prefix, expr)), "a drawn value")
            case ast.Choice():
                return self.value(self.option(expr, scope), scope)
            case ast.Conditional():
                return self.value(self.branch(expr, scope), scope)
            case ast.Binary(op=op, left=left, right=right):
                a, b = self.value(left, scope), self.value(right, scope)
                return self.placed(expr, scope, lambda: evaluate.arithmetic(op, a, b))
            case ast.Negate(operand=operand):
                a = self.value(operand, scope)
                return self.placed(expr, scope, lambda: evaluate.negative(a))
            case ast.Call(name=name, args=args) if name in FUNCTIONS:
                values = [self.value(arg, scope) for arg in args]
                return self.placed(expr, scope, lambda: evaluate.call_function(name, values))
            case _:
                is_open = id(expr) in self.space.open
                return Layer(expr, scope, is_open, self.keys.fresh() if is_open else (id(expr), scope.key))

    def is_bound(self, name: str, scope: Scope) -> bool:
        """Whether ``name`` is a parameter, a var, ``in`` or a word: a value and not a block to call."""
        known = name in scope.names or name == "in" or name in _WORDS or name in MULTIPLIERS
        return known or (scope.own and name in self.vars)

    def named(self, name: str, expr: ast.Expr, scope: Scope) -> Bound:
        """What ``name`` is worth."""
        if name in scope.names:
            return scope.names[name]
        if name == "in":
            return scope.channels
        if name in _WORDS:
            return _WORDS[name]
        if name in MULTIPLIERS:
            return scope.width if name == "width_mult" else scope.depth
        if scope.own and name in self.vars:
            return self.vars[name]
        if id(expr) in self.space.open:
            return Layer(expr, scope, True, self.keys.fresh())
        return self.keys.layer(name, scope.own, scope.callees)

    def option(self, choice: ast.Choice, scope: Scope) -> ast.Expr:
        """The option that the draw takes."""
        label = self.fill(self.space.hole(scope.prefix, choice))
        return choice.options[self.keys.labels(choice).index(label)]

    def branch(self, expr: ast.Conditional, scope: Scope) -> ast.Expr:
        """The side that the condition takes."""
        left, right = self.value(expr.left, scope), self.value(expr.right, scope)
        holds = self.placed(expr, scope, lambda: evaluate.compare(expr.op, left, right))
        return expr.then if holds else expr.other

    # --- errors -----------------------------------------------------------------------------------------------------

    def error(self, message: str, expr: ast.Expr, scope: Scope, hint: str | None = None) -> ElaborationError:
        """An error at ``expr``; in the prelude without a place, until it passes the call in the user's text."""
        return ElaborationError(message, self.space.place(expr.at) if scope.own else None, hint)

    def placed(self, expr: ast.Expr, scope: Scope, action: Callable[[], T]) -> T:
        """``action()``, its errors pointing at ``expr`` where they point nowhere yet."""
        try:
            return action()
        except (ElaborationError, LimitError) as error:  # an InputError is the draw's fault, not the text's
            if error.place is None and scope.own and expr.at is not None:
                name = f"{expr.name}: " if isinstance(expr, ast.Call) else ""
                raise type(error)(f"{name}{error.message}", self.space.place(expr.at), error.hint) from None
            raise
