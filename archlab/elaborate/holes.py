"""Holes of the text: what each may be filled with, and which expressions hold one."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from archlab.elaborate.draw import Hole, Value
from archlab.errors import ElaborationError, LimitError
from archlab.grammar import ast, unparse_expr
from archlab.grammar.ast import place_in

MAX_CALLS = 30
# The multipliers of a network that has no holes of its own are searched over these values.
IMPLICIT_RANGE = {"width_mult": (0.25, 2.0, 0.05), "depth_mult": (0.25, 2.0, 0.25)}


def hole_of(expr: ast.Choice | ast.Range, name: str) -> Hole:
    """Return the hole that a choice or range makes."""
    if isinstance(expr, ast.Choice):
        labels = labels_of(expr)
        return Hole(name, labels, default=labels[0])
    whole = all(isinstance(n, int) for n in (expr.lo, expr.hi, expr.step or 0))
    step = (1 if whole else 0) if expr.step is None else expr.step
    default = expr.lo if expr.default is None else expr.default
    lo, hi = (expr.lo, expr.hi) if whole else (float(expr.lo), float(expr.hi))
    return Hole(name, (), lo, hi, step, default if whole else float(default))


def multiplier_hole(prefix: str, name: str, searched: bool) -> Hole:
    """Return the hole of a multiplier that the text does not declare, of the network or of the stage ``prefix``."""
    lo, hi, step = IMPLICIT_RANGE[name]
    return Hole(f"{prefix}.{name}" if prefix else name, (), lo, hi, step, 1.0, searched)


def labels_of(choice: ast.Choice) -> tuple[Value, ...]:
    """What the options of a choice are called: numbers by themselves, layers by name where that tells them apart."""
    if all(isinstance(option, ast.Number) for option in choice.options):
        return tuple(option.value for option in choice.options if isinstance(option, ast.Number))
    names = [o.name if isinstance(o, ast.Call | ast.Name) else unparse_expr(o) for o in choice.options]
    return tuple(names if len(set(names)) == len(names) else map(unparse_expr, choice.options))


@dataclass(frozen=True, slots=True)
class OpenParts:
    """Where the holes of a text are.

    Attributes:
        exprs: ids of the expressions that hold a hole, also through the blocks and vars that they use.
        blocks: names of the blocks that do.
        anywhere: whether any stage, var or option does.
    """

    exprs: frozenset[int]
    blocks: frozenset[str]
    anywhere: bool


def find_open_parts(architecture: ast.Architecture) -> OpenParts:
    """Return where the holes of ``architecture`` are.

    Raises:
        ElaborationError: a block or var uses itself.
        LimitError: blocks call blocks more than ``MAX_CALLS`` deep.
    """
    return _OpenPartsFinder(architecture).find()


def names_in(bodies: Iterable[ast.Expr]) -> set[str]:
    """Return every name that is used or called anywhere in ``bodies``."""
    names: set[str] = set()
    todo = list(bodies)
    while todo:
        expr = todo.pop()
        todo += ast.children(expr)
        if isinstance(expr, ast.Call | ast.Name):
            names.add(expr.name)
    return names


def bodies_of(definition: ast.Var | ast.Block) -> list[ast.Expr]:
    """Return the expressions of a var or block."""
    if isinstance(definition, ast.Var):
        return [definition.value]
    return [definition.body, *(p.default for p in definition.params if p.default is not None)]


def _params(definition: ast.Var | ast.Block) -> set[str]:
    return {p.name for p in definition.params} if isinstance(definition, ast.Block) else set()


class _OpenPartsFinder:
    def __init__(self, architecture: ast.Architecture) -> None:
        self.architecture = architecture
        # Operators and the prelude have no holes.
        self.definitions: dict[str, ast.Var | ast.Block] = {d.name: d for d in architecture.vars}
        self.definitions |= {block.name: block for block in architecture.blocks}
        self.open_names: set[str] = set()
        self.exprs: set[int] = set()

    def find(self) -> OpenParts:
        arch = self.architecture
        order: dict[str, None] = {}
        for name in self.definitions:
            self._order(name, (), order)
        for name in order:
            definition = self.definitions[name]
            hidden = _params(definition)
            opens = [self._expr(body, hidden) for body in bodies_of(definition)]  # all of them, to note every hole
            if any(opens):
                self.open_names.add(name)
        owners: list[ast.Architecture | ast.Stage] = [arch, *arch.stages]
        bodies = [value for owner in owners for _, value in owner.options]
        anywhere = [self._expr(body) for body in (*bodies, *(stage.body for stage in arch.stages))]
        return OpenParts(
            exprs=frozenset(self.exprs),
            blocks=frozenset(block.name for block in arch.blocks if block.name in self.open_names),
            anywhere=any(anywhere) or any(var.name in self.open_names for var in arch.vars),
        )

    def _order(self, name: str, within: tuple[str, ...], order: dict[str, None]) -> None:
        """Append ``name`` to ``order``, behind what it uses."""
        if name in order:
            return
        definition = self.definitions[name]
        place = place_in(self.architecture, definition.at)
        if name in within:
            kind = "block" if isinstance(definition, ast.Block) else "var"
            loop = (*within[within.index(name) :], name)
            hint = "give it a value without its own name"
            if kind == "block":
                hint = f"leave {loop[1]} out of {name}; a layer runs several times by  repeat(count, layer)"
            raise ElaborationError(f"{kind} {name} uses itself: {' -> '.join(loop)}", place, hint)
        if len(within) >= MAX_CALLS:
            raise LimitError(f"blocks call blocks more than {MAX_CALLS} deep", place)
        for used in sorted(names_in(bodies_of(definition)) - _params(definition)):
            if used in self.definitions:
                self._order(used, (*within, name), order)
        order[name] = None

    def _expr(self, expr: ast.Expr, hidden: Collection[str] = ()) -> bool:
        """Return whether a hole is in ``expr`` or in what it uses; note every open expression in it.

        Names that are ``hidden`` are parameters, whatever else they name.
        """
        is_open = isinstance(expr, ast.Choice | ast.Range)
        for child in ast.children(expr):
            is_open |= self._expr(child, hidden)
        if isinstance(expr, ast.Call | ast.Name) and expr.name not in hidden:
            is_open |= expr.name in self.open_names
        if is_open:
            self.exprs.add(id(expr))
        return is_open
