"""Holes of the text: what each may be filled with, and which expressions hold one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from archlab.elaborate.draw import Hole, Value
from archlab.elaborate.language import Callee
from archlab.errors import ElaborationError, LimitError
from archlab.grammar import ast, unparse_expr
from archlab.grammar.ast import place_in

MAX_CALLS = 30
# The multipliers of a network that has no holes of its own are searched over these values.
IMPLICIT_RANGE = {"width_mult": (0.25, 2.0, 0.05), "depth_mult": (0.25, 2.0, 0.25)}


def hole_of(expr: ast.Choice | ast.Range, name: str) -> Hole:
    """The hole that a choice or range makes."""
    if isinstance(expr, ast.Choice):
        labels = labels_of(expr)
        return Hole(name, labels, default=labels[0])
    whole = all(isinstance(n, int) for n in (expr.lo, expr.hi, expr.step or 0))
    step = (1 if whole else 0) if expr.step is None else expr.step
    default = expr.lo if expr.default is None else expr.default
    lo, hi = (expr.lo, expr.hi) if whole else (float(expr.lo), float(expr.hi))
    return Hole(name, (), lo, hi, step, default if whole else float(default))


def multiplier_hole(prefix: str, name: str, searched: bool) -> Hole:
    """The hole of a multiplier that the text does not declare, of the network or of the stage ``prefix``."""
    lo, hi, step = IMPLICIT_RANGE[name]
    return Hole(f"{prefix}.{name}" if prefix else name, (), lo, hi, step, 1.0, searched)


def labels_of(choice: ast.Choice) -> tuple[Value, ...]:
    """What the options of a choice are called: numbers by themselves, layers by name where that tells them apart."""
    if all(isinstance(option, ast.Number) for option in choice.options):
        return tuple(option.value for option in choice.options if isinstance(option, ast.Number))
    names = [o.name if isinstance(o, ast.Call | ast.Name) else unparse_expr(o) for o in choice.options]
    return tuple(names if len(set(names)) == len(names) else map(unparse_expr, choice.options))


@dataclass(frozen=True, slots=True)
class Open:
    """Where the holes of a text are.

    Attributes:
        exprs: ids of the expressions that hold a hole, also through the blocks and vars that they use.
        blocks: names of the blocks that do.
        anywhere: whether any stage, var or option does.
    """

    exprs: frozenset[int]
    blocks: frozenset[str]
    anywhere: bool


def find_open(architecture: ast.Architecture, callees: Mapping[str, Callee]) -> Open:
    """Where the holes of ``architecture`` are.

    Raises:
        ElaborationError: a block calls itself.
        LimitError: blocks call blocks more than ``MAX_CALLS`` deep.
    """
    return _Opening(architecture, callees).find()


class _Opening:
    def __init__(self, architecture: ast.Architecture, callees: Mapping[str, Callee]) -> None:
        self.architecture = architecture
        self.own = {name: callee.block for name, callee in callees.items() if callee.own}
        self.vars: dict[str, bool] = {}
        self.blocks: dict[str, bool] = {}
        self.exprs: set[int] = set()

    def find(self) -> Open:
        arch = self.architecture
        for var in arch.vars:  # in order: a var uses only those before it
            self.vars[var.name] = self._expr(var.value, (), ())
        for block in arch.blocks:
            self._block(block.name, ())
        bodies = [value for _, value in arch.options]
        for stage in arch.stages:
            bodies += [stage.body, *(value for _, value in stage.options)]
        anywhere = [self._expr(body, (), ()) for body in bodies]
        blocks = frozenset(name for name, is_open in self.blocks.items() if is_open)
        return Open(frozenset(self.exprs), blocks, any(anywhere) or any(self.vars.values()))

    def _expr(self, expr: ast.Expr, within: tuple[str, ...], bound: Collection[str]) -> bool:
        """Whether a hole is anywhere in ``expr``; notes every open expression in it.

        ``within`` are the blocks that are being looked through, ``bound`` the parameters that hide other names.
        """
        is_open = isinstance(expr, ast.Choice | ast.Range)
        for child in ast.children(expr):
            is_open |= self._expr(child, within, bound)
        if isinstance(expr, ast.Call | ast.Name) and expr.name not in bound:
            if expr.name in self.vars:
                is_open |= self.vars[expr.name]
            else:
                is_open |= self._block(expr.name, within)
        if is_open:
            self.exprs.add(id(expr))
        return is_open

    def _block(self, name: str, within: tuple[str, ...]) -> bool:
        block = self.own.get(name)
        if block is None:  # operators and the prelude have no holes
            return False
        if name in within:
            loop = (*within[within.index(name) :], name)
            place = place_in(self.architecture, block.at)
            raise ElaborationError(f"block {name} calls itself: {' -> '.join(loop)}", place)
        if len(within) >= MAX_CALLS:
            raise LimitError(f"blocks call blocks more than {MAX_CALLS} deep", place_in(self.architecture, block.at))
        if name not in self.blocks:
            exprs = [block.body, *(p.default for p in block.params if p.default is not None)]
            params = {p.name for p in block.params}
            # Every one, so that all the open expressions are noted.
            self.blocks[name] = max([self._expr(expr, (*within, name), params) for expr in exprs])
        return self.blocks[name]
