"""A checked architecture: every name in it means something, every argument has a place, no block calls itself."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from archlab.elaborate.draw import Hole, Value
from archlab.elaborate.language import (
    CONSTANTS,
    FORMS,
    FUNCTIONS,
    IDENTITIES,
    MULTIPLIERS,
    NET_OPTIONS,
    Callee,
    callee_of,
    operators,
    prelude,
)
from archlab.elaborate.paths import paths_in
from archlab.errors import ArchlabError, ElaborationError, InputError, LimitError, Place, did_you_mean
from archlab.grammar import ast, unparse_expr
from archlab.ops import REQUIRED

MAX_NODES = 20_000
_KEYWORDS = ("net", "block", "var", "in", "if", "else", "step", "default")
# The multipliers of a network that has no holes of its own are searched over these values.
IMPLICIT_RANGE = {"width_mult": (0.25, 2.0, 0.05), "depth_mult": (0.25, 2.0, 0.25)}


@dataclass(frozen=True, eq=False)
class Space:
    """An architecture ready to be elaborated, with what is worth computing once for all its draws.

    Attributes:
        architecture: the syntax tree.
        callees: every block and operator that its text may call: its own before the prelude's.
        paths: the path of every hole and call within its body, by the node's ``id``.
        open: ids of the expressions that hold a hole, also through the blocks and vars that they use.
        open_blocks: names of the blocks that do.
        stage_multipliers: for each stage, which multipliers can change it.
        is_reference: it has no hole, so that only its multipliers can vary.
        max_nodes: how many operators a network of it may have.
    """

    architecture: ast.Architecture
    callees: dict[str, Callee]
    paths: dict[int, str]
    open: frozenset[int]
    open_blocks: frozenset[str]
    stage_multipliers: dict[str, tuple[str, ...]]
    is_reference: bool
    max_nodes: int = MAX_NODES
    _holes: dict[tuple[str, int], Hole] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """The network's name."""
        return self.architecture.name

    def hole(self, prefix: str, expr: ast.Choice | ast.Range) -> Hole:
        """The hole ``expr`` in a body that is reached by the path ``prefix``."""
        key = (prefix, id(expr))
        if key not in self._holes:
            if len(self._holes) > 100_000:
                raise LimitError("the space has more than 100,000 holes")
            relative = self.paths[id(expr)]
            self._holes[key] = hole_of(expr, f"{prefix}.{relative}" if prefix else relative)
        return self._holes[key]

    def multiplier(self, prefix: str, name: str) -> Hole:
        """The multiplier that every network and stage has, also where the text does not declare it."""
        lo, hi, step = IMPLICIT_RANGE[name]
        path = f"{prefix}.{name}" if prefix else name
        key = (path, 0)
        if key not in self._holes:
            self._holes[key] = Hole(path, (), lo, hi, step, 1.0, searched=self.is_reference)
        return self._holes[key]

    def copy_prefix(self, each: ast.Call, prefix: str, index: int) -> str:
        """The path of holes in one copy of an ``each``.

        The first ``each`` of a body leaves its own name out: stage3.1.conv.k, not stage3.each.1.conv.k.
        """
        name = self.paths.get(id(each), "each").rsplit(".", 1)[-1]
        return ".".join([part for part in (prefix, "" if name == "each" else name) if part] + [str(index)])

    def place(self, at: ast.At) -> Place | None:
        """The place in the text of a node that was parsed at ``at``."""
        return place_in(self.architecture, at)


def place_in(architecture: ast.Architecture, at: ast.At) -> Place | None:
    """The place in an architecture's text; None for a node made by hand."""
    if at is None:
        return None
    lines = architecture.text.split("\n")
    return Place(architecture.source, *at, lines[at[0] - 1] if at[0] <= len(lines) else "")


def load(architecture: ast.Architecture, max_nodes: int = MAX_NODES) -> Space:
    """``architecture``, checked.

    Raises:
        ElaborationError: a name, an argument or a definition is wrong.
    """
    if max_nodes < 1:
        raise InputError(f"the limit on nodes must be at least 1, not {max_nodes}")
    return _Check(architecture).space(max_nodes)


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


def labels_of(choice: ast.Choice) -> tuple[Value, ...]:
    """What the options of a choice are called: numbers by themselves, layers by name where that tells them apart."""
    if all(isinstance(option, ast.Number) for option in choice.options):
        return tuple(option.value for option in choice.options if isinstance(option, ast.Number))
    names = [o.name if isinstance(o, ast.Call | ast.Name) else unparse_expr(o) for o in choice.options]
    return tuple(names if len(set(names)) == len(names) else map(unparse_expr, choice.options))


class _Check:
    """One walk over the whole text, draws or no draws."""

    def __init__(self, architecture: ast.Architecture) -> None:
        self.architecture = architecture
        own = {block.name: callee_of(block, own=True) for block in architecture.blocks}
        self.own = own
        self.callees = prelude() | own
        self.vars = {var.name: var for var in architecture.vars}
        self.opens: dict[str, bool] = {}
        self.open: set[int] = set()

    def space(self, max_nodes: int) -> Space:
        arch = self.architecture
        self._definitions()
        for option, value in arch.options:
            if option not in NET_OPTIONS:
                raise self._error(f"a network has no option {option!r}", arch.at, did_you_mean(option, NET_OPTIONS))
            self._expr(value, frozenset())
        known: set[str] = set()
        for var in arch.vars:
            self._expr(var.value, frozenset(known))
            known.add(var.name)
        for block in arch.blocks:
            self._block(block)
        for stage in arch.stages:
            for option, value in stage.options:
                if option not in MULTIPLIERS:
                    raise self._error(f"a stage has no option {option!r}", stage.at, did_you_mean(option, MULTIPLIERS))
                self._expr(value, frozenset(self.vars))
            self._expr(stage.body, frozenset(self.vars))
        return self._space(max_nodes)

    def _space(self, max_nodes: int) -> Space:
        arch = self.architecture
        paths: dict[int, str] = {}
        for block in arch.blocks:
            self._is_open_block(block.name, ())
            paths |= paths_in(block.body, self.callees)
            for parameter in block.params:
                if parameter.default is not None:
                    paths |= paths_in(parameter.default, self.callees, parameter.name)
        bodies = [(stage.body, "block") for stage in arch.stages]
        named = [
            *arch.options,
            *((v.name, v.value) for v in arch.vars),
            *(o for s in arch.stages for o in s.options),
        ]
        is_open = False
        for body, word in [*bodies, *((value, name) for name, value in named)]:
            paths |= paths_in(body, self.callees, word)
            is_open |= self._is_open(body, ())
        multipliers = {stage.name: self._multipliers(stage.body) for stage in arch.stages}
        open_blocks = frozenset(name for name, holed in self.opens.items() if holed)
        return Space(arch, self.callees, paths, frozenset(self.open), open_blocks, multipliers, not is_open, max_nodes)

    def _definitions(self) -> None:
        arch = self.architecture
        if not arch.stages:
            raise self._error("a network needs at least one stage", arch.at, "write one, such as  head: gap -> fc(10)")
        reserved = {*operators(), *FORMS, *FUNCTIONS, *IDENTITIES, *CONSTANTS, *_KEYWORDS}
        for kind, items in (("block", arch.blocks), ("var", arch.vars), ("stage", arch.stages)):
            seen: set[str] = set()
            for item in items:
                if item.name in seen:
                    raise self._error(f"{kind} {item.name!r} is defined twice", item.at, "give one another name")
                if kind != "stage" and item.name in reserved:
                    raise self._error(f"{item.name!r} is a word of the language", item.at, "give it another name")
                seen.add(item.name)
        for var in arch.vars:
            if var.name in self.callees:
                raise self._error(f"{var.name!r} names both a var and a block", var.at, "give the var another name")
        for stage in arch.stages:
            if stage.name in (*MULTIPLIERS, *self.vars, "input"):
                raise self._error(f"{stage.name!r} cannot name a stage", stage.at, "give it another name")

    def _block(self, block: ast.Block) -> None:
        names: set[str] = set(self.vars)
        params: set[str] = set()
        for param in block.params:
            if param.name in params:
                raise self._error(f"block {block.name} has two parameters {param.name!r}", param.at)
            if param.name in (*_KEYWORDS, *CONSTANTS):
                raise self._error(f"{param.name!r} is a word of the language", param.at, "give it another name")
            if param.default is not None:
                self._expr(param.default, frozenset(names))
            params.add(param.name)
            names.add(param.name)
        self._expr(block.body, frozenset(names))

    def _expr(self, expr: ast.Expr, names: Collection[str]) -> None:
        match expr:
            case ast.Name(name=name, at=at):
                self._name(name, at, names)
            case ast.Call(name=name):
                self._call(expr, names)
            case ast.Choice():
                self._choice(expr)
            case ast.Range():
                self._range(expr)
        for child in ast.children(expr):
            self._expr(child, names)

    def _name(self, name: str, at: ast.At, names: Collection[str]) -> None:
        if name in names or name in ("in", *IDENTITIES, *CONSTANTS):
            return
        if name in FORMS or name in FUNCTIONS:
            raise self._error(f"{name} needs arguments", at, f"write {name}(…)")
        if name not in self.callees:
            self._unknown(name, at, names)
        self._arguments(ast.Call(name, at=at))

    def _call(self, call: ast.Call, names: Collection[str]) -> None:
        if call.name in names:
            raise self._error(f"{call.name!r} is a parameter, which takes no arguments", call.at)
        if call.name in (*IDENTITIES, *CONSTANTS):
            raise self._error(f"{call.name} takes no arguments", call.at, f"write {call.name}")
        for table in (FORMS, FUNCTIONS):
            if call.name in table:
                least, most = table[call.name]
                if call.keywords:
                    raise self._error(f"{call.name} takes no named arguments", call.at)
                if not least <= len(call.args) <= most:
                    count = str(least) if least == most else f"{least} to {most}"
                    raise self._error(f"{call.name} takes {count} arguments, not {len(call.args)}", call.at)
                return
        if call.name not in self.callees:
            self._unknown(call.name, call.at, ())
        self._arguments(call)

    def _unknown(self, name: str, at: ast.At, names: Collection[str]) -> None:
        known = {*names, *self.callees, *FORMS, *FUNCTIONS, *IDENTITIES, *CONSTANTS}
        raise self._error(f"nothing is named {name!r}", at, did_you_mean(name, known))

    def _arguments(self, call: ast.Call) -> None:
        params = self.callees[call.name].params
        if len(call.args) > len(params):
            raise self._error(
                f"{call.name} takes at most {len(params)} arguments, not {len(call.args)}",
                call.at,
                _signature(params),
            )
        given = list(itertools.islice(params, len(call.args)))
        for name, _ in call.keywords:
            if name not in params:
                hint = did_you_mean(name, params) or _signature(params)
                raise self._error(f"{call.name} has no argument {name!r}", call.at, hint)
            if name in given:
                raise self._error(f"{call.name} gets its argument {name!r} twice", call.at)
            given.append(name)
        missing = [name for name, default in params.items() if default is REQUIRED and name not in given]
        if missing:
            raise self._error(f"{call.name} lacks its argument {missing[0]!r}", call.at, _signature(params))

    def _choice(self, choice: ast.Choice) -> None:
        texts = [unparse_expr(option) for option in choice.options]
        if len(texts) > 1000:
            raise self._error("a choice has more than 1000 options", choice.at)
        for i, text in enumerate(texts):
            if text in texts[:i]:
                raise self._error(f"the choice holds {text} twice", choice.at, "remove one")

    def _range(self, expr: ast.Range) -> None:
        if expr.lo > expr.hi:
            raise self._error(
                f"the range's bounds are reversed: {expr.lo} > {expr.hi}",
                expr.at,
                f"write [{expr.hi}..{expr.lo}]",
            )
        if expr.step is not None and expr.step <= 0:
            raise self._error(f"the range's step must be positive, not {expr.step}", expr.at)
        if expr.step is not None and (expr.hi - expr.lo) / expr.step > 1e6:
            raise self._error("the range has more than a million steps", expr.at)
        if expr.default is not None and not hole_of(expr, "").contains(expr.default):
            raise self._error(f"the default {expr.default} is not in {unparse_expr(expr)}", expr.at)

    def _is_open(self, expr: ast.Expr, within: tuple[str, ...]) -> bool:
        """Whether a hole is anywhere in ``expr``; notes every open expression."""
        is_open = isinstance(expr, ast.Choice | ast.Range)
        for child in ast.children(expr):
            is_open |= self._is_open(child, within)
        if isinstance(expr, ast.Call | ast.Name):
            if expr.name in self.vars:
                is_open |= self._is_open(self.vars[expr.name].value, within)
            else:
                is_open |= self._is_open_block(expr.name, within)
        if is_open:
            self.open.add(id(expr))
        return is_open

    def _is_open_block(self, name: str, within: tuple[str, ...]) -> bool:
        if name not in self.own:  # operators and the prelude have no holes
            return False
        block = self.own[name].block
        assert block is not None
        if name in within:
            raise self._error(
                f"block {name} calls itself: {' -> '.join((*within[within.index(name) :], name))}", block.at
            )
        if len(within) > 30:
            raise LimitError("blocks call blocks more than 30 deep", self._place(block.at))
        if name not in self.opens:
            exprs = [block.body, *(p.default for p in block.params if p.default is not None)]
            # Every one, so that all the open expressions are noted.
            self.opens[name] = max([self._is_open(expr, (*within, name)) for expr in exprs])
        return self.opens[name]

    def _multipliers(self, body: ast.Expr) -> tuple[str, ...]:
        """The multipliers that matter to a stage: width where it convolves, depth where it repeats."""
        called: set[str] = set()
        todo = [body]
        while todo:
            expr = todo.pop()
            todo += ast.children(expr)
            if isinstance(expr, ast.Call | ast.Name) and expr.name not in called:
                called.add(expr.name)
                block = self.callees[expr.name].block if expr.name in self.callees else None
                todo += [block.body] if block else []
        width = ("width_mult",) if called & {"conv2d", "residual"} else ()
        return width + (("depth_mult",) if called & {"repeat", "each"} else ())

    def _error(self, message: str, at: ast.At, hint: str | None = None) -> ArchlabError:
        return ElaborationError(message, self._place(at), hint)

    def _place(self, at: ast.At) -> Place | None:
        return place_in(self.architecture, at)


def _signature(params: dict[str, object]) -> str:
    return "its arguments: " + ", ".join(_show_params(params)) if params else "it takes none"


def _show_params(params: dict[str, object]) -> Iterator[str]:
    for name, default in params.items():
        if default is REQUIRED:
            yield name
        elif isinstance(default, ast.Expr):
            yield f"{name}={unparse_expr(default)}"
        else:
            yield f"{name}={default}"
