"""A checked architecture: every name in it means something, every argument has a place, no block calls itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from archlab.elaborate.check_text import check_text
from archlab.elaborate.draw import Hole
from archlab.elaborate.hole_paths import paths_in
from archlab.elaborate.holes import Dependence, bodies_of, find_open_parts, hole_of, multiplier_hole, names_in
from archlab.elaborate.language import DETECT, DETECT_PARTS, FORMS, REPEATS, Callee, callee_of, prelude
from archlab.elaborate.named_values import NamedValues, find_values, names_given
from archlab.errors import InputError, LimitError, Place
from archlab.grammar import ast
from archlab.grammar.ast import place_in
from archlab.shown import short

MAX_NODES = 20_000
MAX_HOLES = 100_000


@dataclass(frozen=True, eq=False, repr=False)
class Space:
    """An architecture ready to be elaborated, with what is worth computing once for all its draws.

    Attributes:
        architecture: the syntax tree.
        callees: every block and operator that its text may call: its own before the prelude's.
        paths: the path of every hole and call within its body, by the node's ``id``.
        open_exprs: the expressions that hold a hole, also through the blocks and vars that they use, by their ids.
        open_blocks: the blocks that do, by name.
        remembered: ids of the open expressions worth remembering by what fills their holes: the stages' bodies and what
            is repeated in them.
        joins: ids of the forms that depend on holes through vars alone, and name no value: what they join is the same
            wherever those vars are.
        stage_multipliers: for each stage, which multipliers can change it.
        values: where values are named and read.
        is_reference: it has no hole, so that only its multipliers can vary.
        max_nodes: how many operators a network of it may have.
    """

    architecture: ast.Architecture
    callees: dict[str, Callee]
    paths: dict[int, str]
    open_exprs: Mapping[int, Dependence]
    open_blocks: Mapping[str, Dependence]
    remembered: frozenset[int]
    joins: frozenset[int]
    stage_multipliers: dict[str, tuple[str, ...]]
    values: NamedValues
    is_reference: bool
    max_nodes: int = MAX_NODES
    _holes: dict[tuple[str, int], Hole] = field(default_factory=dict, repr=False)
    _relative: dict[int, Hole] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        return short(self, self.name, "its multipliers alone vary" if self.is_reference else "with holes")

    @property
    def name(self) -> str:
        """The network's name."""
        return self.architecture.name

    def hole(self, prefix: str, expr: ast.Choice | ast.Range) -> Hole:
        """Return the hole ``expr`` in a body that is reached by the path ``prefix``."""
        key = (prefix, id(expr))
        if key not in self._holes:
            if len(self._holes) >= MAX_HOLES:
                raise LimitError(f"the space has more than {MAX_HOLES} holes", self.place(expr.at))
            if id(expr) not in self._relative:
                self._relative[id(expr)] = hole_of(expr, self.paths[id(expr)])
            hole = self._relative[id(expr)]
            self._holes[key] = dataclasses.replace(hole, name=f"{prefix}.{hole.name}") if prefix else hole
        return self._holes[key]

    def multiplier(self, prefix: str, name: str) -> Hole:
        """Return the multiplier that every network and stage has, also where the text does not declare it."""
        key = (f"{prefix}.{name}" if prefix else name, 0)
        if key not in self._holes:
            self._holes[key] = multiplier_hole(prefix, name, searched=self.is_reference)
        return self._holes[key]

    def copy_prefix(self, each: ast.Call, prefix: str, index: int) -> str:
        """Return the path of holes in one copy of an ``each``.

        The first ``each`` of a body leaves its own name out: stage3.1.conv.k, not stage3.each.1.conv.k.
        """
        name = self.paths.get(id(each), "each").rsplit(".", 1)[-1]
        return ".".join([part for part in (prefix, "" if name == "each" else name) if part] + [str(index)])

    def place(self, at: ast.At) -> Place | None:
        """Return the place in the text of a node that was parsed at ``at``."""
        return place_in(self.architecture, at)


def load(architecture: ast.Architecture, max_nodes: int = MAX_NODES) -> Space:
    """``architecture``, checked.

    Raises:
        ElaborationError: a name, an argument or a definition is wrong.
        LimitError: blocks call blocks too deep.
        InputError: ``max_nodes`` is not positive.
    """
    if not isinstance(max_nodes, int) or max_nodes < 1:
        raise InputError(f"the limit on nodes must be at least 1, not {max_nodes!r}")
    callees = prelude() | {block.name: callee_of(block, own=True) for block in architecture.blocks}
    values = find_values(architecture, callees)
    check_text(architecture, callees, values.resolved)
    if values.error is not None:
        raise values.error
    opened = find_open_parts(architecture)
    return Space(
        architecture=architecture,
        callees=callees,
        paths=_paths(architecture, callees),
        open_exprs=opened.exprs,
        open_blocks=opened.blocks,
        remembered=_remembered(architecture, opened.exprs),
        joins=_joins(architecture, opened.exprs),
        stage_multipliers=_stage_multipliers(architecture, callees),
        values=values,
        is_reference=not opened.anywhere,
        max_nodes=max_nodes,
    )


def _remembered(arch: ast.Architecture, opened: Mapping[int, Dependence]) -> frozenset[int]:
    worth: set[int] = set()
    todo = [stage.body for stage in arch.stages]
    worth.update(map(id, todo))
    while todo:
        expr = todo.pop()
        if isinstance(expr, ast.Call) and expr.name in REPEATS:
            layer = expr.args[1]  # and nothing inside: what is remembered twice is paid for twice
            if not (isinstance(layer, ast.Name) and id(layer) in opened and not opened[id(layer)].meets):
                worth.add(id(layer))  # a block that meets no hole is shared anyway
        else:
            todo += ast.children(expr)
    return frozenset(worth & opened.keys())


def _joins(arch: ast.Architecture, opened: Mapping[int, Dependence]) -> frozenset[int]:
    found: set[int] = set()
    todo = [*(stage.body for stage in arch.stages), *(block.body for block in arch.blocks)]
    while todo:
        expr = todo.pop()
        todo += ast.children(expr)
        joins = isinstance(expr, ast.Call) and expr.name in FORMS and expr.name not in REPEATS
        if joins and id(expr) in opened and not opened[id(expr)].meets and not any(True for _ in names_given([expr])):
            found.add(id(expr))
    return frozenset(found)


def _paths(arch: ast.Architecture, callees: dict[str, Callee]) -> dict[int, str]:
    stages = [s.body for s in arch.stages if s.name != DETECT]
    bodies = [(body, "block") for body in (*(b.body for b in arch.blocks), *stages)]
    bodies += [(p.default, p.name) for block in arch.blocks for p in block.params if p.default is not None]
    bodies += [
        (value, name) for options in (arch.options, *(s.options for s in arch.stages)) for name, value in options
    ]
    bodies += [(var.value, var.name) for var in arch.vars]
    paths: dict[int, str] = {}
    for body, word in bodies:
        paths.update(paths_in(body, callees, word))
    for stage in arch.stages:
        if stage.name == DETECT:
            paths.update(paths_in(stage.body, DETECT_PARTS))
    return paths


def _stage_multipliers(arch: ast.Architecture, callees: dict[str, Callee]) -> dict[str, tuple[str, ...]]:
    """Return the multipliers that matter to each stage: width where it convolves, depth where it repeats."""
    definitions: dict[str, ast.Var | ast.Block] = {var.name: var for var in arch.vars}
    definitions |= {name: callee.block for name, callee in callees.items() if callee.block is not None}
    multipliers = {}
    for stage in arch.stages:
        used = _used(stage.body, definitions)
        width = ("width_mult",) if used & {"conv2d", "wsconv2d", "conv_transpose", "residual", "fpn"} else ()
        multipliers[stage.name] = width + (("depth_mult",) if used & {"repeat", "each"} else ())
    return multipliers


def _used(body: ast.Expr, definitions: dict[str, ast.Var | ast.Block]) -> set[str]:
    """Return every name in ``body``, and in the bodies of the blocks and vars that it names."""
    seen: set[str] = set()
    todo = names_in([body])
    while todo:
        name = todo.pop()
        seen.add(name)
        if name in definitions:
            todo |= names_in(bodies_of(definitions[name])) - seen
    return seen
