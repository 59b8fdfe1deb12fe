"""Expressions to values: names, holes, conditions and arithmetic, at a place of the text."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeVar

from archlab.elaborate.arithmetic import calculate, call_function, compare, negative, number
from archlab.elaborate.draw import Draw, Hole, Value
from archlab.elaborate.holes import CLOSED, Dependence
from archlab.elaborate.keys import Keys
from archlab.elaborate.language import CONSTANTS, FUNCTIONS, MULTIPLIERS
from archlab.elaborate.scope import Bound, Layer, Scope
from archlab.elaborate.space import Space
from archlab.errors import ElaborationError, InputError, LimitError
from archlab.grammar import ast

MEMORABLE = 1000
"""What can be filled in more ways than this will hardly be drawn again."""
_WORDS: Mapping[str, Bound] = {word: word for word in CONSTANTS}

T = TypeVar("T")


class Evaluator:
    """Evaluates the expressions of one elaboration: what the draw fills its holes with, and what follows from that."""

    def __init__(self, space: Space, draw: Draw, keys: Keys) -> None:
        self.space = space
        self.draw = draw
        self.keys = keys
        self.draws: dict[str, Value] = {}
        self.vars: dict[str, Bound] = {}
        self.var_keys: dict[str, int] = {}
        self.open_vars = {var.name for var in space.architecture.vars}
        self.most_read = len(self.open_vars)
        self.asked: list[Hole] = []
        self.of_vars: dict[str, Hole] = {}
        self.count = 0

    def fill(self, hole: Hole) -> Value:
        """Return the value of a hole, drawn at most once."""
        self.asked.append(hole)
        name = hole.name
        if name not in self.draws:
            self.draws[name] = self.draw(hole)
        return self.draws[name]

    def value(self, expr: ast.Expr, scope: Scope) -> Bound:
        """Return what ``expr`` is worth: a number, a size, a word, or a layer not yet elaborated."""
        self.count += 1
        # The commonest first and without matching, on the path of every draw.
        if type(expr) is ast.Number:
            return expr.value
        if type(expr) is ast.Name:
            return self.named(expr.name, expr, scope)
        if type(expr) is ast.Choice:
            return self.value(self.option(expr, scope), scope)
        if type(expr) is ast.Call and expr.name not in FUNCTIONS:
            return self._layer(expr, scope)
        match expr:
            case ast.Size(dims=dims):
                return dims
            case ast.Quoted(text=text):
                return text
            case ast.Range():
                return number(self.fill(self.space.hole(scope.prefix, expr)), "a drawn value")
            case ast.Conditional():
                return self.value(self.branch(expr, scope), scope)
            case ast.Binary(op=op, left=left, right=right):
                a, b = self.value(left, scope), self.value(right, scope)
                return self.placed(expr, scope, lambda: calculate(op, a, b))
            case ast.Negate(operand=operand):
                a = self.value(operand, scope)
                return self.placed(expr, scope, lambda: negative(a))
            case ast.Call(name=name, args=args):
                values = [self.value(arg, scope) for arg in args]
                return self.placed(expr, scope, lambda: call_function(name, values))
            case _:
                return self._layer(expr, scope)

    def define(self, name: str, value: Bound) -> None:
        """Give a var its value."""
        self.vars[name] = value
        self.var_keys[name] = self.keys.of((value, type(value)))
        if not (isinstance(value, Layer) and value.open):
            self.open_vars.discard(name)

    def meets_holes(self, dependence: Dependence) -> bool:
        """Return whether a hole is met in what depends so on holes: its own, or those of a var that is a layer."""
        return dependence.meets or not self.open_vars.isdisjoint(dependence.reads)

    def close_vars(self) -> None:
        """Note the holes of the vars, once all of them have their values."""
        self.of_vars = {hole.name: hole for hole in self.asked}
        if math.prod(hole.ways for hole in self.of_vars.values()) > MEMORABLE:
            self.most_read = sum(id(var.value) in self.space.open_exprs for var in self.space.architecture.vars) - 1

    def recurs(self, dependence: Dependence) -> bool:
        """Return whether what depends so on holes meets none but those of vars, and will be the same in other draws.

        What reads every var of a text is the same only where they all are, which is rare where they can be much else.
        """
        return not self.meets_holes(dependence) and len(dependence.reads) <= self.most_read

    def read_vars(self, dependence: Dependence) -> list[int]:
        """Return a key for the value of each var that it reads: beside holes of its own, it depends on nothing else."""
        return [self.var_keys[name] for name in dependence.reads]

    def _layer(self, expr: ast.Expr, scope: Scope) -> Layer:
        dependence = self.space.open_exprs.get(id(expr), CLOSED)
        if self.meets_holes(dependence):
            return Layer(expr, scope, True, self.keys.fresh())
        key = (id(expr), scope.key, *self.read(expr, scope), *self.read_vars(dependence))
        return Layer(expr, scope, False, key)

    def read(self, expr: ast.Expr, scope: Scope) -> list[Bound]:
        """Return the named values that ``expr`` reads and that were named outside of it: it depends on them too."""
        names = self.space.values.read.get(id(expr), ())
        return [scope.names[name] for name in names if name in scope.names]

    def is_bound(self, name: str, scope: Scope) -> bool:
        """Return whether ``name`` is a parameter, a var, ``in`` or a word: a value and not a block to call."""
        known = name in scope.names or name == "in" or name in _WORDS or name in MULTIPLIERS
        return known or (scope.own and name in self.vars)

    def named(self, name: str, expr: ast.Expr, scope: Scope) -> Bound:
        """Return what ``name`` is worth."""
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
        if id(expr) in self.space.open_exprs:
            return self._layer(expr, scope)
        return self.keys.layer(name, scope.own, scope.callees)

    def option(self, choice: ast.Choice, scope: Scope) -> ast.Expr:
        """Return the option that the draw takes."""
        hole = self.space.hole(scope.prefix, choice)
        label, labels = self.fill(hole), self.keys.labels(choice)
        if label not in labels:
            raise InputError(f"{hole.name} cannot be {label!r}", hint=f"it takes {hole.describe()}")
        return choice.options[labels.index(label)]

    def branch(self, expr: ast.Conditional, scope: Scope) -> ast.Expr:
        """Return the side that the condition takes."""
        left, right = self.value(expr.left, scope), self.value(expr.right, scope)
        holds = self.placed(expr, scope, lambda: compare(expr.op, left, right))
        return expr.then if holds else expr.other

    # --- errors -----------------------------------------------------------------------------------------------------

    def error(self, message: str, expr: ast.Expr, scope: Scope, hint: str | None = None) -> ElaborationError:
        """Return an error at ``expr``; in the prelude without a place, until it passes the call in the user's text."""
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
