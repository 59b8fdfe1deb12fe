"""Holes of the text: what each may be filled with, and which expressions hold one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
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
class Dependence:
    """How what an expression becomes depends on holes.

    Attributes:
        meets: whether it meets a hole where it stands, also through the blocks that it uses.
        reads: the vars with holes that it reads, also through blocks and other vars, in the order of their names.
    """

    meets: bool = False
    reads: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """Whether it holds a hole in any way."""
        return self.meets or bool(self.reads)

    def __or__(self, other: Dependence) -> Dependence:
        if not other.open:
            return self
        return Dependence(self.meets or other.meets, tuple(sorted({*self.reads, *other.reads})))


CLOSED = Dependence()
"""That of what is the same in every draw."""


@dataclass(frozen=True, slots=True)
class OpenParts:
    """Where the holes of a text are.

    Attributes:
        exprs: the expressions that hold a hole, also through the blocks and vars that they use, by their ids.
        blocks: the blocks that do, by name.
        anywhere: whether any stage, var or option does.
    """

    exprs: Mapping[int, Dependence]
    blocks: Mapping[str, Dependence]
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
        self.open_names: dict[str, Dependence] = {}
        self.exprs: dict[int, Dependence] = {}

    def find(self) -> OpenParts:
        arch = self.architecture
        order: dict[str, None] = {}
        for name in self.definitions:
            self._order(name, (), order)
        for name in order:
            definition = self.definitions[name]
            found = CLOSED
            for body in bodies_of(definition):
                found |= self._expr(body, _params(definition))
            if found.open and isinstance(definition, ast.Var):  # its holes are met before anything reads it
                found = Dependence(reads=tuple(sorted({name, *found.reads})))
            if found.open:
                self.open_names[name] = found
        owners: list[ast.Architecture | ast.Stage] = [arch, *arch.stages]
        bodies = [value for owner in owners for _, value in owner.options]
        anywhere = [self._expr(body) for body in (*bodies, *(stage.body for stage in arch.stages))]
        return OpenParts(
            exprs=self.exprs,
            blocks={block.name: self.open_names[block.name] for block in arch.blocks if block.name in self.open_names},
            anywhere=any(each.open for each in anywhere) or any(var.name in self.open_names for var in arch.vars),
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

    def _expr(self, expr: ast.Expr, hidden: Collection[str] = ()) -> Dependence:
        """Return how ``expr`` depends on holes, in it or in what it uses; note every open expression in it.

        Names that are ``hidden`` are parameters, whatever else they name.
        """
        found = Dependence(meets=isinstance(expr, ast.Choice | ast.Range))
        for child in ast.children(expr):
            found |= self._expr(child, hidden)
        if isinstance(expr, ast.Call | ast.Name) and expr.name not in hidden:
            found |= self.open_names.get(expr.name, CLOSED)
        if found.open:
            self.exprs[id(expr)] = found
        return found
