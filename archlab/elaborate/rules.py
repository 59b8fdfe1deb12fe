"""The rules of a text, ``require left op right``: what they may name, and whether a draw meets them."""

from __future__ import annotations

from collections.abc import Mapping

from archlab.elaborate.arithmetic import compare
from archlab.elaborate.draw import Value
from archlab.elaborate.evaluator import Evaluator
from archlab.elaborate.scope import Scope, Wide
from archlab.errors import RuleError
from archlab.grammar import ast
from archlab.grammar.unparse import require_text


class Rules:
    """The rules of one space.

    Attributes:
        early: those of vars alone, which are known before anything is unfolded.
        late: those that name holes by their paths.
    """

    def __init__(self, architecture: ast.Architecture) -> None:
        variables = {var.name for var in architecture.vars}
        paths = {rule: _names(rule) - variables for rule in architecture.requires}
        self.early = [rule for rule in architecture.requires if not paths[rule]]
        self.late = [(rule, tuple(sorted(paths[rule]))) for rule in architecture.requires if paths[rule]]

    def check_early(self, evaluator: Evaluator) -> None:
        """Raise RuleError where the values of the vars break a rule."""
        for rule in self.early:
            _check(rule, evaluator, {})

    def check_late(self, evaluator: Evaluator, defaults: Mapping[str, Value]) -> list[str]:
        """Raise RuleError where the draw breaks a rule; return the paths of holes that it did not meet.

        A rule of a hole that a draw does not meet, such as one in an option not taken, says nothing of that draw.
        ``defaults`` are values of holes that a draw need not be asked for.
        """
        unmet = []
        for rule, paths in self.late:
            known = {**defaults, **evaluator.draws}
            missing = [path for path in paths if path not in known]
            unmet += missing
            if not missing:
                _check(rule, evaluator, {path: known[path] for path in paths})
        return unmet


def _names(rule: ast.Require) -> frozenset[str]:
    names: set[str] = set()
    todo = [rule.left, rule.right]
    while todo:
        expr = todo.pop()
        todo += ast.children(expr)
        if isinstance(expr, ast.Name):
            names.add(expr.name)
    return frozenset(names)


def _check(rule: ast.Require, evaluator: Evaluator, values: Mapping[str, Value]) -> None:
    scope = Scope({**values}, Wide(3), evaluator.space.callees, True, 1.0, 1.0, "", "rule")
    left, right = evaluator.value(rule.left, scope), evaluator.value(rule.right, scope)
    if evaluator.placed(rule.left, scope, lambda: compare(rule.op, left, right)):
        return
    place = evaluator.space.place(rule.at)
    drawn = {name: values.get(name, evaluator.vars.get(name)) for name in sorted(_names(rule))}
    shown = ", ".join(f"{name} is {value}" for name, value in drawn.items())
    message = f"the draw breaks the rule {require_text(rule)}: {left} {rule.op} {right} does not hold"
    raise RuleError(message, place, f"in it {shown}" if shown else None)
