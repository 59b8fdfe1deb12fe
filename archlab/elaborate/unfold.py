"""Layers to fragments: calls, sequences, repeats and blocks, under one draw."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import cast

from archlab.elaborate.arithmetic import describe, number, operator_arguments, whole_channels
from archlab.elaborate.branch_forms import BRANCH_FORMS, leaf_name
from archlab.elaborate.evaluator import Evaluator
from archlab.elaborate.found_again import FoundAgain
from archlab.elaborate.fragment import (
    Fragment,
    NamedFragment,
    Nothing,
    chain,
    gives_nothing,
    is_identity,
    kept_as,
    leaf,
    nothing,
    value_of,
)
from archlab.elaborate.holes import CLOSED
from archlab.elaborate.language import FUNCTIONS, IDENTITIES, REPEATS, ZERO, Callee, prelude
from archlab.elaborate.lifetimes import settled
from archlab.elaborate.part_names import COPY, distinct_names, part_label
from archlab.elaborate.scope import Bound, Layer, Scope, Stored, Wide, scaled_repeats
from archlab.elaborate.shared import Shared
from archlab.elaborate.text_defaults import TextDefaults
from archlab.elaborate.without_stride import is_stride_free
from archlab.errors import ElaborationError, LimitError
from archlab.grammar import ast
from archlab.ir import Applied, Shape
from archlab.ops import apply_op

_WRITE_ZERO = "zero stands where layers are added, such as add(identity, {zero, conv(16)})"
_RAISE = "raise the limit with --max-nodes"
MAX_DEPTH = 100
# Work allowed for each node of the limit: a layer counts as much as five values. Bounds the texts that unfold into
# little but take long, such as blocks that double what turns out to be the identity.
_LAYER_WORK = 5
_WORK_PER_NODE = 20


class Unfolder:
    """Unfolds the layers of one elaboration.

    Attributes:
        divisor: what scaled channels are rounded to a multiple of.
        defaults: what blocks take where their call does not say it.
    """

    def __init__(self, evaluator: Evaluator, shared: Shared) -> None:
        self.space = evaluator.space
        self.evaluator = evaluator
        self.shared = shared
        self.again = FoundAgain(evaluator, shared)
        self.divisor = 8
        self.defaults = TextDefaults()
        self.work_left = _WORK_PER_NODE * self.space.max_nodes + 1000
        self.layers = 0
        self.depth = 0

    def layer(self, expr: ast.Expr, scope: Scope, x: Shape) -> Fragment:
        """``expr`` as a layer on an input of shape ``x``."""
        self.layers += 1
        if self.layers * _LAYER_WORK + self.evaluator.count > self.work_left:
            raise self._limit("the text takes too many steps to unfold", expr, scope, _RAISE)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._limit(f"layers nest deeper than {MAX_DEPTH}", expr, scope)
        try:
            return self._layer(expr, scope, x)
        finally:
            self.depth -= 1

    def stage(self, expr: ast.Expr, scope: Scope, x: Shape) -> Fragment:
        """The body of a stage; one without holes is unfolded once for what enters it, whatever the vars are."""
        if id(expr) in self.space.open_exprs or self.defaults.open:
            return self.remembered(expr, scope, x)
        around = (x, scope.width, scope.depth, self.defaults.key)
        key = ("stage", id(expr), around, *self.evaluator.read(expr, scope))
        known = self.shared.block(key)
        if known is None:
            known = self.framed(expr, scope, x)
            self.shared.keep_block(key, known)
        return known

    def remembered(self, expr: ast.Expr, scope: Scope, x: Shape) -> Fragment:
        """``layer``, remembering what an expression of a stage became by what filled its holes."""
        if id(expr) not in self.space.remembered:
            return self.framed(expr, scope, x)
        dependence = self.space.open_exprs.get(id(expr), CLOSED)
        if self.evaluator.meets_holes(dependence) or self.defaults.open:
            return self.again.by_holes(expr, dependence, scope, x, self.framed)
        return self.again.by_vars(expr, dependence, scope, x, self.framed)

    def framed(self, expr: ast.Expr, scope: Scope, x: Shape) -> Fragment:
        """``layer``, of a piece at whose end the values named in it are forgotten."""
        if id(expr) not in self.space.values.frames:
            return self.layer(expr, scope, x)
        return settled(self.layer(expr, scope.frame(), x), x, self.shared)

    def chosen(self, expr: ast.Choice, scope: Scope, x: Shape) -> Fragment:
        """The option of a choice of layers that the draw takes."""
        return self.framed(self.evaluator.option(expr, scope), scope, x)

    def _layer(self, expr: ast.Expr, scope: Scope, x: Shape) -> Fragment:
        match expr:
            case ast.Call(name=name):
                return self._call(expr, scope, x)
            case ast.Name(name=name):
                if self.evaluator.is_bound(name, scope):
                    return self._bound(self.evaluator.named(name, expr, scope), expr, scope, x)
                if name in IDENTITIES:
                    return chain((), x)
                return nothing(x) if name == ZERO else self._call(ast.Call(name, at=expr.at), scope, x, expr)
            case ast.Sequence():
                return self._sequence(expr, scope, x)
            case ast.Named():
                return self._named(expr, scope, x)
            case ast.Choice():
                return self.chosen(expr, scope, x)
            case ast.Conditional():
                return self.framed(self.evaluator.branch(expr, scope), scope, x)
            case _:
                return self._bound(self.evaluator.value(expr, scope), expr, scope, x)

    def _named(self, expr: ast.Named, scope: Scope, x: Shape) -> Fragment:
        fragment = self.layer(expr.layer, scope, x)
        value = (id(expr), scope.key)
        scope.names[expr.name] = Stored(value, fragment.shape, expr.name)
        if gives_nothing(fragment) or not (fragment.kept or is_identity(fragment)):
            return fragment if gives_nothing(fragment) else kept_as(fragment, value, x)
        key = ("as", fragment if fragment.kept else None, value, x)
        return self.again.by_key(key, lambda: kept_as(fragment, value, x))

    def _bound(self, value: Bound, expr: ast.Expr, scope: Scope, x: Shape) -> Fragment:
        if isinstance(value, Stored):
            return value_of(value.value, value.shape)
        if not isinstance(value, Layer):
            found = describe(value)
            if isinstance(expr, ast.Name) and expr.name in scope.names:
                raise self.evaluator.error(f"{expr.name} must be a layer, not {found}", expr, scope)
            raise self.evaluator.error(f"a layer should stand here, not {found}", expr, scope)
        assert value.scope is not None
        return self.framed(value.expr, value.scope, x)

    def _sequence(self, expr: ast.Sequence, scope: Scope, x: Shape) -> Fragment:
        start = x
        parts: list[NamedFragment] = []
        for item in expr.items:
            if type(item) is not ast.Call or item.name not in REPEATS:
                fragment = self.layer(item, scope, x)
                if not is_identity(fragment):
                    parts.append((part_label(item) or leaf_name(fragment), fragment))
                x = fragment.shape
                if fragment.values is not None and fragment.values.taken is not None:
                    scope = scope.inside(x[0])
            else:
                parts += self._copies(item, scope, x)
                x = parts[-1][1].shape
        return self._chain(parts, start, expr, scope)

    def _chain(self, parts: Sequence[NamedFragment], x: Shape, expr: ast.Expr, scope: Scope) -> Fragment:
        self.bound_nodes(sum(part.nodes for _, part in parts), expr, scope)
        return chain(distinct_names(parts), x)

    def _copies(self, expr: ast.Call, scope: Scope, x: Shape) -> list[NamedFragment]:
        """The copies of a ``repeat`` or ``each``, which stand in the enclosing sequence."""
        count, layer = expr.args
        most = self.space.max_nodes
        n = scaled_repeats(self.whole(count, scope, f"{expr.name}'s count", most), scope.depth)
        each = expr.name == "each"
        parts: list[NamedFragment] = []
        nodes, last = 0, x
        before: Scope | None = None
        for i in range(n):
            self.bound_nodes(max(nodes, i), expr, scope)
            alike = i == 1 and x == last and not each and is_stride_free(layer, self.space.callees)
            inner = scope.inside(x[0])
            inner = inner if i == 0 or alike else inner.later_copy()
            tied = alike or (before is not None and inner.key == before.key)
            if not each and tied and x == last:
                # Tied draws on the same input: this copy and all that follow are the one before.
                fragment = parts[-1][1]
                self.bound_nodes(nodes + fragment.nodes * (n - i), expr, scope)
                return parts + [parts[-1]] * (n - i) if fragment.nodes else parts
            before, last = inner, x
            if each:
                inner = inner.under(self.space.copy_prefix(expr, scope.prefix, i))
            fragment = self.remembered(layer, inner, x)
            if gives_nothing(fragment) and type(x) is not Nothing:
                raise self.evaluator.error(f"{expr.name} repeats what gives nothing", expr, scope, _WRITE_ZERO)
            nodes += fragment.nodes
            parts.append((COPY, fragment))
            x = fragment.shape
        self.bound_nodes(nodes, expr, scope)
        return parts

    def whole(self, expr: ast.Expr, scope: Scope, what: str, most: int) -> int:
        """Return the value of ``expr``, a whole number from 1 to ``most``."""
        value = self.evaluator.value(expr, scope)
        if not isinstance(value, int) or not 1 <= value <= most:
            found = describe(value)
            raise self.evaluator.error(f"{what} must be a whole number from 1 to {most}, not {found}", expr, scope)
        return value

    def bound_nodes(self, nodes: int, expr: ast.Expr | ast.Stage, scope: Scope) -> None:
        """Raise LimitError where ``nodes`` are more than the limit."""
        if nodes > self.space.max_nodes:
            raise self._limit(f"the text unfolds into more than {self.space.max_nodes} nodes", expr, scope, _RAISE)

    def _limit(self, message: str, expr: ast.Expr | ast.Stage, scope: Scope, hint: str | None = None) -> LimitError:
        return LimitError(message, self.space.place(expr.at) if scope.own else None, hint)

    def _call(self, call: ast.Call, scope: Scope, x: Shape, written: ast.Expr | None = None) -> Fragment:
        name = call.name
        if name in REPEATS:
            return self._chain(self._copies(call, scope, x), x, call, scope)
        if name in BRANCH_FORMS:
            return self._join(call, scope, x)
        if name in FUNCTIONS:
            return self._bound(self.evaluator.value(call, scope), call, scope, x)
        callee = scope.callees[name]
        given = {key: self.evaluator.value(arg, scope) for key, arg in zip(callee.params, call.args, strict=False)}
        for key, arg in call.keywords:
            given[key] = self.evaluator.value(arg, scope)
        if scope.later and "s" in given:
            given["s"] = 1
        path = self.space.paths.get(id(written or call), "") if scope.own else ""
        try:  # and not `placed`, which would cost a call for every block
            return self._apply(callee, given, scope, path, x)
        except (ElaborationError, LimitError) as error:
            if error.place is None and scope.own and call.at is not None:
                raise type(error)(f"{name}: {error.message}", self.space.place(call.at), error.hint) from None
            raise

    def _join(self, call: ast.Call, scope: Scope, x: Shape) -> Fragment:
        """A form that joins branches: most of a cell, of which those that differ by few vars are found again."""
        if id(call) not in self.space.joins:
            return self._joined(call, scope, x)
        return self.again.by_vars(call, self.space.open_exprs[id(call)], scope, x, self._joined)

    def _joined(self, call: ast.Call, scope: Scope, x: Shape) -> Fragment:
        return self.evaluator.placed(call, scope, lambda: BRANCH_FORMS[call.name](self, call, scope, x))

    def projection(self, channels: int, stride: tuple[int, int], scope: Scope, x: Shape) -> Fragment:
        """Return the prelude's projection, for the shortcut of a residual."""
        return self._apply(prelude()["projection"], {"c": Wide(channels), "s": stride}, scope, "", x)

    def _apply(self, callee: Callee, given: dict[str, Bound], caller: Scope, path: str, x: Shape) -> Fragment:
        if self.defaults.values:
            given = {**self.defaults.given_to(callee), **given}
        values = tuple(given.values())
        kinds = tuple(map(type, values))
        around = (x, caller.width, caller.depth, self.defaults.key)
        called: Hashable = (callee.name, callee.own, tuple(given), values, kinds, around)
        dependence = self.space.open_blocks.get(callee.name, CLOSED) if callee.own else CLOSED
        closed = not self.evaluator.meets_holes(dependence) and not self.defaults.open
        closed = closed and not (values and any(isinstance(v, Layer) and v.open for v in values))
        shared = closed and (not dependence.reads or self.evaluator.recurs(dependence))
        key = (called, *self.evaluator.read_vars(dependence)) if shared and dependence.reads else called
        if shared and (known := self.shared.block(key)) is not None:
            return known
        if callee.block is None:
            fragment = leaf(self._operator(callee, given, caller, x), x)
        else:
            prefix = f"{caller.prefix}.{path}" if path else caller.prefix
            fragment = self._block(
                callee, given, caller, prefix, x, self.shared.keys.of(called) if closed else self.shared.keys.fresh()
            )
            fragment.block = fragment.block or callee.name
        if shared:
            self.shared.keep_block(key, fragment, rare=bool(dependence.reads))
        return fragment

    def _operator(self, callee: Callee, given: dict[str, Bound], caller: Scope, x: Shape) -> Applied:
        args = {**callee.params, **operator_arguments(callee, given)}
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
            value = given[name] if name in given else self.evaluator.value(cast(ast.Expr, default), scope)
            names[name] = self._channels(value, caller.width) if name == "c" else value
        return settled(self.layer(callee.block.body, scope, x), x, self.shared)

    def _channels(self, value: Bound, width: float) -> Wide:
        return whole_channels(number(value, "c"), width, self.divisor)
