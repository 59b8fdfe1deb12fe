"""(Space, draw) to Network: the only place where choices become values.

A candidate of a search must be costed in well under a millisecond, so a block without holes is elaborated once for
its arguments and input shape, and shared by all draws of the space (``Interpreter.memo``).
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from typing import Any, cast

from archlab.elaborate import evaluate
from archlab.elaborate.detector import detector_body, detector_stages
from archlab.elaborate.draw import Draw
from archlab.elaborate.forms import FORMS, leaf_name
from archlab.elaborate.fragment import Fragment, Part, chain, leaf
from archlab.elaborate.language import DETECT, FUNCTIONS, IDENTITIES, MULTIPLIERS, REPEATS, Callee, prelude
from archlab.elaborate.network import Network
from archlab.elaborate.recall import Recall
from archlab.elaborate.scope import Bound, Layer, Scope, Wide, scaled_repeats
from archlab.elaborate.section import Section
from archlab.elaborate.space import Space
from archlab.elaborate.values import Keys, Values
from archlab.errors import ElaborationError, LimitError
from archlab.grammar import ast
from archlab.ir import Applied, Shape
from archlab.ops import apply_op

_RAISE = "raise the limit with --max-nodes"
MAX_DEPTH = 100
MAX_SIDE = 2**20
MAX_DIVISOR = 1024
_MEMO_SIZE = 200_000
# Work allowed for each node of the limit: a layer counts as much as five values. Bounds the texts that unfold into
# little but take long, such as blocks that double what turns out to be the identity.
_LAYER_WORK = 5
_WORK_PER_NODE = 20
# What has asked for more holes than this will hardly be drawn again.
_MEMORABLE = 200
COPY = "#"
"""The name of a copy of a repeat until the enclosing sequence numbers it."""


class Interpreter:
    """Elaborates the draws of one space, keeping what they share."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.memo: dict[Hashable, Fragment] = {}
        self.keys = Keys()
        self.recall = Recall()

    def network(self, draw: Draw) -> Network:
        """The network that ``draw`` makes of the space.

        Raises:
            ElaborationError: the draw describes no network, such as channels that groups do not divide.
            LimitError: it would have too many nodes, or too large numbers.
        """
        if len(self.memo) + self.recall.size > _MEMO_SIZE:
            self.memo.clear()
            self.keys.clear()
            self.recall.clear()
        try:
            return _Run(self, draw).network()
        except RecursionError:  # far below MAX_DEPTH only where the caller itself is deep in calls
            raise LimitError("the text nests too deep") from None


class _Run:
    """One elaboration."""

    def __init__(self, interpreter: Interpreter, draw: Draw) -> None:
        self.space = interpreter.space
        # A search leaves the multipliers of a space with holes of its own alone: they need not be asked for.
        self.fills_all = interpreter.space.is_reference or getattr(draw, "fills_unsearched", False)
        self.memo = interpreter.memo
        self.recall = interpreter.recall
        self.keys = interpreter.keys
        self.values = Values(self.space, draw, self.keys)
        self.value = self.values.value
        self.placed = self.values.placed
        self.error = self.values.error
        self.divisor = 8
        self.work_left = _WORK_PER_NODE * self.space.max_nodes + 1000
        self.layers = 0
        self.depth = 0

    # --- the whole --------------------------------------------------------------------------------------------------

    def network(self) -> Network:
        arch = self.space.architecture
        options = dict(arch.options)
        callees = self.space.callees
        root = Scope({}, Wide(3), callees, True, 1.0, 1.0, "", "root")
        x = self._input_shape(options.get("input", ast.Size((3, 224, 224))), root)
        if "divisor" in options:
            self.divisor = self._whole(options["divisor"], root, "divisor", MAX_DIVISOR)
        width, depth = (self._multiplier(options.get(name), root, "", name) for name in MULTIPLIERS)
        key = self.keys.of("vars")
        for var in arch.vars:
            value = self.value(var.value, Scope({}, Wide(3), callees, True, 1.0, 1.0, "", key))
            self.values.vars[var.name] = value
            key = self.keys.of((key, value, type(value)))
        input_shape = x
        stages: list[Part] = []
        depths: dict[str, float] = {}
        nodes = 0
        detect = None
        for stage in arch.stages:
            own = dict(stage.options)
            w, d = (self._multiplier(own.get(name), root, stage.name, name) for name in MULTIPLIERS)
            w, d = w * width, d * depth
            depths[stage.name] = d
            scope = Scope({}, Wide(x[0]), callees, True, w, d, stage.name, (key, x[0], w, d))
            if stage.name == DETECT:
                detect = stage, scope
                break
            fragment = self._stage(stage, scope, x)
            nodes += fragment.nodes
            self._bound_nodes(nodes, stage, scope)
            stages.append((stage.name, fragment))
            x = fragment.shape
        if detect is None:
            body = chain(stages, input_shape)
            return Network(arch.name, input_shape, tuple(stages), body, depths, self.values.draws)
        stage, scope = detect
        asked = Section(self.values, self.divisor).read(stage.body, scope)
        stages, spec = self.placed(asked.neck, scope, lambda: detector_stages(stages, input_shape, asked, self.memo))
        self._bound_nodes(sum(part.nodes for _, part in stages), stage, scope)
        body = detector_body(stages)
        return Network(arch.name, input_shape, tuple(stages), body, depths, self.values.draws, spec)

    def _stage(self, stage: ast.Stage, scope: Scope, x: Shape) -> Fragment:
        return self.placed(stage.body, scope, lambda: self._recalled(stage.body, scope, x))

    def _input_shape(self, expr: ast.Expr, scope: Scope) -> Shape:
        value = self.value(expr, scope)
        if not isinstance(value, tuple) or len(value) != 3 or min(value) < 1:
            found = evaluate.describe(value)
            raise self.error(f"input must be channels x height x width, such as 3x224x224, not {found}", expr, scope)
        if max(value) > MAX_SIDE:
            raise LimitError(f"a side of the input is larger than {MAX_SIDE}", self.space.place(expr.at))
        return value

    def _multiplier(self, expr: ast.Expr | None, scope: Scope, prefix: str, name: str) -> float:
        if expr is None:
            if prefix and name not in self.space.stage_multipliers[prefix]:
                return 1.0
            if not self.fills_all:
                return 1.0
            hole = self.space.multiplier(prefix, name)
            drawn = self.values.draw(hole)
            if hole.searched or drawn != hole.default:
                self.values.draws[hole.name] = drawn
            return float(evaluate.number(drawn, name))
        value = self.value(expr, scope.under(prefix))
        if not isinstance(value, int | float) or not 0 < value <= 64:
            raise self.error(f"{name} must be above 0 and at most 64, not {evaluate.describe(value)}", expr, scope)
        return float(value)

    def _whole(self, expr: ast.Expr, scope: Scope, what: str, most: int) -> int:
        value = self.value(expr, scope)
        if not isinstance(value, int) or not 1 <= value <= most:
            found = evaluate.describe(value)
            raise self.error(f"{what} must be a whole number from 1 to {most}, not {found}", expr, scope)
        return value

    # --- layers -----------------------------------------------------------------------------------------------------

    def layer(self, expr: ast.Expr, scope: Scope, x: Shape) -> Fragment:
        """``expr`` as a layer on an input of shape ``x``."""
        self.layers += 1
        if self.layers * _LAYER_WORK + self.values.count > self.work_left:
            raise self._limit("the text takes too many steps to unfold", expr, scope, _RAISE)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._limit(f"layers nest deeper than {MAX_DEPTH}", expr, scope)
        try:
            return self._layer(expr, scope, x)
        finally:
            self.depth -= 1

    def _recalled(self, expr: ast.Expr, scope: Scope, x: Shape) -> Fragment:
        """``layer``, remembering what an expression of a stage became by what filled its holes."""
        if id(expr) not in self.space.recalled:
            return self.layer(expr, scope, x)
        place = (id(expr), scope.prefix, scope.key, x)
        known = self.recall.find(place, self.values.fill)
        if known is None:
            start = len(self.values.asked)
            known = self.layer(expr, scope, x)
            if len(self.values.asked) - start <= _MEMORABLE:
                self.recall.keep(place, self.values.asked[start:], self.values.draws, known)
        return known

    def _layer(self, expr: ast.Expr, scope: Scope, x: Shape) -> Fragment:
        match expr:
            case ast.Call(name=name):
                return self._call(expr, scope, x)
            case ast.Name(name=name):
                if self.values.is_bound(name, scope):
                    return self._bound(self.values.named(name, expr, scope), expr, scope, x)
                return chain((), x) if name in IDENTITIES else self._call(ast.Call(name, at=expr.at), scope, x, expr)
            case ast.Sequence():
                return self._sequence(expr, scope, x)
            case ast.Choice():
                return self.layer(self.values.option(expr, scope), scope, x)
            case ast.Conditional():
                return self.layer(self.values.branch(expr, scope), scope, x)
            case _:
                return self._bound(self.value(expr, scope), expr, scope, x)

    def _bound(self, value: Bound, expr: ast.Expr, scope: Scope, x: Shape) -> Fragment:
        if not isinstance(value, Layer):
            found = evaluate.describe(value)
            if isinstance(expr, ast.Name) and expr.name in scope.names:
                raise self.error(f"{expr.name} must be a layer, not {found}", expr, scope)
            raise self.error(f"a layer should stand here, not {found}", expr, scope)
        assert value.scope is not None
        return self.layer(value.expr, value.scope, x)

    def _sequence(self, expr: ast.Sequence, scope: Scope, x: Shape) -> Fragment:
        start = x
        parts: list[Part] = []
        for item in expr.items:
            copies = self._copies(item, scope, x)
            if copies is None:
                fragment = self.layer(item, scope, x)
                if fragment.nodes:
                    parts.append((_label(item) or leaf_name(fragment), fragment))
                x = fragment.shape
            else:
                parts += copies
                x = copies[-1][1].shape
        return self._chain(parts, start, expr, scope)

    def _chain(self, parts: Sequence[Part], x: Shape, expr: ast.Expr, scope: Scope) -> Fragment:
        self._bound_nodes(sum(part.nodes for _, part in parts), expr, scope)
        return chain(_distinct(parts), x)

    def _copies(self, expr: ast.Expr, scope: Scope, x: Shape) -> list[Part] | None:
        """The copies of a ``repeat`` or ``each``, which stand in the enclosing sequence; None for any other layer."""
        if not isinstance(expr, ast.Call) or expr.name not in REPEATS:
            return None
        count, layer = expr.args
        most = self.space.max_nodes
        n = scaled_repeats(self._whole(count, scope, f"{expr.name}'s count", most), scope.depth)
        each = expr.name == "each"
        parts: list[Part] = []
        nodes, last = 0, x
        before: Scope | None = None
        for i in range(n):
            self._bound_nodes(max(nodes, i), expr, scope)
            inner = scope.inside(x[0]) if i == 0 else scope.inside(x[0]).later_copy()
            if not each and before is not None and inner.key == before.key and x == last:
                # Tied draws on the same input: this copy and all that follow are the one before.
                fragment = parts[-1][1]
                self._bound_nodes(nodes + fragment.nodes * (n - i), expr, scope)
                return parts + [parts[-1]] * (n - i) if fragment.nodes else parts
            before, last = inner, x
            if each:
                inner = inner.under(self.space.copy_prefix(expr, scope.prefix, i))
            fragment = self._recalled(layer, inner, x)
            nodes += fragment.nodes
            parts.append((COPY, fragment))
            x = fragment.shape
        self._bound_nodes(nodes, expr, scope)
        return parts

    def _bound_nodes(self, nodes: int, expr: ast.Expr | ast.Stage, scope: Scope) -> None:
        if nodes > self.space.max_nodes:
            raise self._limit(f"the text unfolds into more than {self.space.max_nodes} nodes", expr, scope, _RAISE)

    def _limit(self, message: str, expr: ast.Expr | ast.Stage, scope: Scope, hint: str | None = None) -> LimitError:
        return LimitError(message, self.space.place(expr.at) if scope.own else None, hint)

    def _call(self, call: ast.Call, scope: Scope, x: Shape, written: ast.Expr | None = None) -> Fragment:
        name = call.name
        copies = self._copies(call, scope, x)
        if copies is not None:
            return self._chain(copies, x, call, scope)
        if name in FORMS:
            return self.placed(call, scope, lambda: FORMS[name](self, call, scope, x))
        if name in FUNCTIONS:
            return self._bound(self.value(call, scope), call, scope, x)
        callee = scope.callees[name]
        given = {key: self.value(arg, scope) for key, arg in zip(callee.params, call.args, strict=False)}
        for key, arg in call.keywords:
            given[key] = self.value(arg, scope)
        if scope.later and "s" in given:
            given["s"] = 1
        path = self.space.paths.get(id(written or call), "") if scope.own else ""
        try:  # and not `placed`, which would cost a call for every block
            return self._apply(callee, given, scope, path, x)
        except (ElaborationError, LimitError) as error:
            if error.place is None and scope.own and call.at is not None:
                raise type(error)(f"{name}: {error.message}", self.space.place(call.at), error.hint) from None
            raise

    def projection(self, channels: int, stride: tuple[int, int], scope: Scope, x: Shape) -> Fragment:
        """The prelude's projection, for the shortcut of a residual."""
        return self._apply(prelude()["projection"], {"c": Wide(channels), "s": stride}, scope, "", x)

    def _apply(self, callee: Callee, given: dict[str, Bound], caller: Scope, path: str, x: Shape) -> Fragment:
        values = tuple(given.values())
        kinds = tuple(map(type, values))
        key: Hashable = (callee.name, callee.own, tuple(given), values, kinds, x, caller.width, caller.depth)
        shared = callee.name not in self.space.open_blocks or not callee.own
        shared = shared and not any(isinstance(v, Layer) and v.open for v in values)
        if shared and key in self.memo:
            return self.memo[key]
        if callee.block is None:
            fragment = leaf(self._operator(callee, given, caller, x), x)
        else:
            prefix = f"{caller.prefix}.{path}" if path else caller.prefix
            fragment = self._block(callee, given, caller, prefix, x, self.keys.of(key) if shared else self.keys.fresh())
            fragment.block = fragment.block or callee.name
        if shared:
            self.memo[key] = fragment
        return fragment

    def _operator(self, callee: Callee, given: dict[str, Bound], caller: Scope, x: Shape) -> Applied:
        args: dict[str, Any] = {**callee.params, **given}
        for name, value in args.items():
            if isinstance(value, Layer):
                raise ElaborationError(f"{name} must be a number, not {evaluate.describe(value)}")
        if "c" in args:
            args["c"] = int(self._channels(args["c"], caller.width))
        return apply_op(callee.name, [x], args)

    def _block(
        self, callee: Callee, given: dict[str, Bound], caller: Scope, prefix: str, x: Shape, key: Hashable
    ) -> Fragment:
        assert callee.block is not None
        names: dict[str, Bound] = {}
        callees = self.space.callees if callee.own else prelude()
        scope = Scope(names, Wide(x[0]), callees, callee.own, caller.width, caller.depth, prefix, key)
        # Defaults may use the parameters before them, so they are evaluated in order, once those are bound.
        for name, default in callee.params.items():
            value = given[name] if name in given else self.value(cast(ast.Expr, default), scope)
            names[name] = self._channels(value, caller.width) if name == "c" else value
        return self.layer(callee.block.body, scope, x)

    def _channels(self, value: Bound, width: float) -> Wide:
        return evaluate.whole_channels(evaluate.number(value, "c"), width, self.divisor)


def _label(expr: ast.Expr) -> str:
    """What a part of a sequence is called in paths; a residual leaves its name out."""
    if isinstance(expr, ast.Call | ast.Name):
        return "" if expr.name in ("residual", "skip") else expr.name
    return "choice" if isinstance(expr, ast.Choice) else "part"


def _distinct(parts: Sequence[Part]) -> list[Part]:
    """Parts under names that differ: copies are numbered, a second ``conv`` is ``conv_2``."""
    seen: dict[str, int] = {}
    copies = itertools.count()
    named: list[Part] = []
    for name, part in parts:
        if name == COPY:
            named.append((str(next(copies)), part))
            continue
        seen[name] = n = seen.get(name, 0) + 1
        # An unnamed second part (a residual behind another) needs a name after all.
        named.append((name if n == 1 else f"{name or 'residual'}_{n}", part))
    return named
