"""(Space, draw) to Network: the only place where choices become values.

A candidate of a search must be costed in well under a millisecond, so a block without holes is elaborated once for
its arguments and input shape, and shared by all draws of the space (``Interpreter.memo``).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar, cast

from archlab.elaborate import evaluate
from archlab.elaborate.draw import Draw, Hole, Value
from archlab.elaborate.fragment import Fragment, Part, chain, join, leaf
from archlab.elaborate.language import FORMS, FUNCTIONS, IDENTITIES, MULTIPLIERS, Callee, prelude
from archlab.elaborate.network import Network
from archlab.elaborate.scope import Bound, Layer, Scope, Wide, scaled_repeats
from archlab.elaborate.space import Space, labels_of
from archlab.errors import ArchlabError, ElaborationError, LimitError
from archlab.grammar import ast
from archlab.ir import Shape, show_shape
from archlab.ops import Applied, apply_op

MAX_DEPTH = 120
MAX_SIDE = 2**20
_MEMO_SIZE = 200_000
_WORDS: dict[str, Bound] = {"same": "same"}
COPY = "#"
"""The name of a copy of a repeat until the enclosing sequence numbers it."""

T = TypeVar("T")


class Interpreter:
    """Elaborates the draws of one space, keeping what they share."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.memo: dict[Hashable, Fragment] = {}
        self._named_layers: dict[tuple[str, bool], Layer] = {}
        self._labels: dict[int, tuple[Value, ...]] = {}
        self._fresh = itertools.count()

    def network(self, draw: Draw) -> Network:
        """The network that ``draw`` makes of the space.

        Raises:
            ElaborationError: the draw describes no network, such as channels that groups do not divide.
            LimitError: it would have too many nodes, or too large numbers.
        """
        if len(self.memo) > _MEMO_SIZE:
            self.memo.clear()
        try:
            return _Run(self, draw).network()
        except RecursionError:
            raise LimitError("the text nests too deep") from None

    def layer_named(self, name: str, own: bool, callees: Any) -> Layer:
        """A block or operator that is passed by its bare name."""
        key = (name, own)
        if key not in self._named_layers:
            scope = Scope({}, Wide(1), callees, own, 1.0, 1.0, "", key)
            self._named_layers[key] = Layer(ast.Name(name), scope, False, ("name", name, own))
        return self._named_layers[key]

    def labels(self, choice: ast.Choice) -> tuple[Value, ...]:
        """The labels of a choice's options."""
        if id(choice) not in self._labels:
            self._labels[id(choice)] = labels_of(choice)
        return self._labels[id(choice)]

    def fresh(self) -> int:
        """A number never given before, to tell apart what must not be shared."""
        return next(self._fresh)


class _Run:
    """One elaboration."""

    def __init__(self, interpreter: Interpreter, draw: Draw) -> None:
        self.shared = interpreter
        self.space = interpreter.space
        self.memo = interpreter.memo
        self.draw = draw
        self.draws: dict[str, Value] = {}
        self.vars: dict[str, Bound] = {}
        self.divisor = 8
        self.steps = 0
        self.depth = 0
        self.forms = {
            "residual": self._residual,
            "skip": self._skip,
            "add": self._join,
            "mul": self._join,
            "cat": self._join,
            "split": self._split,
        }

    # --- the whole --------------------------------------------------------------------------------------------------

    def network(self) -> Network:
        arch = self.space.architecture
        options = dict(arch.options)
        callees = self.space.callees
        root = Scope({}, Wide(3), callees, True, 1.0, 1.0, "", "root")
        x = self._input_shape(options.get("input", ast.Size((3, 224, 224))), root)
        if "divisor" in options:
            self.divisor = self._positive_whole(options["divisor"], root, "divisor")
        width, depth = (self._multiplier(options.get(name), root, "", name) for name in MULTIPLIERS)
        names = self.vars
        key: tuple[Any, ...] = ("stage",)
        for var in arch.vars:
            names[var.name] = value = self.value(var.value, Scope(names, Wide(3), callees, True, 1.0, 1.0, "", key))
            key = (*key, var.name, value, type(value))
        input_shape = x
        stages: list[Part] = []
        depths: dict[str, float] = {}
        for stage in arch.stages:
            own = dict(stage.options)
            w, d = (self._multiplier(own.get(name), root, stage.name, name) for name in MULTIPLIERS)
            w, d = w * width, d * depth
            depths[stage.name] = d
            scope = Scope(names, Wide(x[0]), callees, True, w, d, stage.name, (*key, x[0], w, d))
            fragment = self.layer(stage.body, scope, x)
            stages.append((stage.name, fragment))
            x = fragment.shape
        body = chain(stages, input_shape)
        self._bound_nodes(body.nodes)
        return Network(arch.name, input_shape, tuple(stages), body, depths, self.draws)

    def _input_shape(self, expr: ast.Expr, scope: Scope) -> Shape:
        value = self.value(expr, scope)
        if not isinstance(value, tuple) or len(value) != 3 or min(value) < 1:
            raise self._error("input must be a size of channels x height x width, such as 3x224x224", expr, scope)
        if max(value) > MAX_SIDE:
            raise LimitError(f"a side of the input is larger than {MAX_SIDE}", self.space.place(expr.at))
        return value

    def _multiplier(self, expr: ast.Expr | None, scope: Scope, prefix: str, name: str) -> float:
        if expr is None:
            if prefix and name not in self.space.stage_multipliers[prefix]:
                return 1.0
            hole = self.space.multiplier(prefix, name)
            drawn = self.draw(hole)
            if hole.searched or drawn != hole.default:
                self.draws[hole.name] = drawn
            return float(evaluate.number(drawn, name))
        value = self.value(expr, scope.under(prefix))
        if not isinstance(value, int | float) or not 0 < value <= 64:
            raise self._error(f"{name} must be above 0 and at most 64, not {evaluate.describe(value)}", expr, scope)
        return float(value)

    def _positive_whole(self, expr: ast.Expr, scope: Scope, what: str) -> int:
        value = self.value(expr, scope)
        if not isinstance(value, int) or not 1 <= value <= self.space.max_nodes:
            most = self.space.max_nodes
            raise self._error(
                f"{what} must be a whole number from 1 to {most}, not {evaluate.describe(value)}", expr, scope
            )
        return value

    def fill(self, hole: Hole) -> Value:
        """The value of a hole, drawn at most once."""
        name = hole.name
        if name not in self.draws:
            self.draws[name] = self.draw(hole)
        return self.draws[name]

    # --- values -----------------------------------------------------------------------------------------------------

    def value(self, expr: ast.Expr, scope: Scope) -> Bound:
        """What ``expr`` is worth: a number, a size, a word, or a layer not yet elaborated."""
        match expr:
            case ast.Number(value=value):
                return value
            case ast.Size(dims=dims):
                return dims
            case ast.Name(name=name):
                return self._named(name, expr, scope)
            case ast.Range():
                return self._drawn_number(expr, scope)
            case ast.Choice():
                return self.value(self._option(expr, scope), scope)
            case ast.Conditional():
                return self.value(self._branch(expr, scope), scope)
            case ast.Binary(op=op, left=left, right=right):
                a, b = self.value(left, scope), self.value(right, scope)
                return self._placed(expr, scope, lambda: evaluate.arithmetic(op, a, b))
            case ast.Negate(operand=operand):
                a = self.value(operand, scope)
                return self._placed(expr, scope, lambda: evaluate.arithmetic("-", 0, a))
            case ast.Call(name=name, args=args) if name in FUNCTIONS:
                values = [self.value(arg, scope) for arg in args]
                return self._placed(expr, scope, lambda: evaluate.call_function(name, values))
            case _:
                is_open = id(expr) in self.space.open
                return Layer(expr, scope, is_open, self.shared.fresh() if is_open else (id(expr), scope.key))

    def _named(self, name: str, expr: ast.Expr, scope: Scope) -> Bound:
        if name in scope.names:
            return scope.names[name]
        if name == "in":
            return scope.channels
        if name in _WORDS:
            return _WORDS[name]
        if id(expr) in self.space.open:
            return Layer(expr, scope, True, self.shared.fresh())
        return self.shared.layer_named(name, scope.own, scope.callees)

    def _drawn_number(self, expr: ast.Range, scope: Scope) -> int | float:
        return evaluate.number(self.fill(self.space.hole(scope.prefix, expr)), "a drawn value")

    def _option(self, choice: ast.Choice, scope: Scope) -> ast.Expr:
        label = self.fill(self.space.hole(scope.prefix, choice))
        return choice.options[self.shared.labels(choice).index(label)]

    def _branch(self, expr: ast.Conditional, scope: Scope) -> ast.Expr:
        left, right = self.value(expr.left, scope), self.value(expr.right, scope)
        holds = self._placed(expr, scope, lambda: evaluate.compare(expr.op, left, right))
        return expr.then if holds else expr.other

    # --- layers -----------------------------------------------------------------------------------------------------

    def layer(self, expr: ast.Expr, scope: Scope, x: Shape) -> Fragment:
        """``expr`` as a layer on an input of shape ``x``."""
        self.steps += 1
        if self.steps > 4 * self.space.max_nodes + 1000:
            raise LimitError(f"the text unfolds into more than {self.space.max_nodes} nodes")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise LimitError(f"layers nest deeper than {MAX_DEPTH}")
        try:
            return self._layer(expr, scope, x)
        finally:
            self.depth -= 1

    def _layer(self, expr: ast.Expr, scope: Scope, x: Shape) -> Fragment:
        match expr:
            case ast.Call(name=name):
                return self._call(expr, scope, x)
            case ast.Name(name=name):
                if name in scope.names or name == "in" or name in _WORDS:
                    return self._bound(self._named(name, expr, scope), expr, scope, x)
                return chain((), x) if name in IDENTITIES else self._call(ast.Call(name, at=expr.at), scope, x, expr)
            case ast.Sequence():
                return self._sequence(expr, scope, x)
            case ast.Choice():
                return self.layer(self._option(expr, scope), scope, x)
            case ast.Conditional():
                return self.layer(self._branch(expr, scope), scope, x)
            case _:
                return self._bound(self.value(expr, scope), expr, scope, x)

    def _bound(self, value: Bound, expr: ast.Expr, scope: Scope, x: Shape) -> Fragment:
        if not isinstance(value, Layer):
            raise self._error(f"a layer should stand here, not {evaluate.describe(value)}", expr, scope)
        assert value.scope is not None
        return self.layer(value.expr, value.scope, x)

    def _sequence(self, expr: ast.Sequence, scope: Scope, x: Shape) -> Fragment:
        start = x
        parts: list[Part] = []
        for item in expr.items:
            copies = self._copies(item, scope, x)
            if copies is None:
                fragment = self.layer(item, scope, x)
                self._bound_nodes(fragment.nodes)
                if fragment.nodes:
                    parts.append((_label(item), fragment))
                x = fragment.shape
            else:
                parts += copies
                x = copies[-1][1].shape
        return self._chain(parts, start)

    def _chain(self, parts: Sequence[Part], x: Shape) -> Fragment:
        fragment = chain(_distinct(parts), x)
        self._bound_nodes(fragment.nodes)
        return fragment

    def _copies(self, expr: ast.Expr, scope: Scope, x: Shape) -> list[Part] | None:
        """The copies of a ``repeat`` or ``each``, which stand in the enclosing sequence; None for any other layer."""
        if not isinstance(expr, ast.Call) or expr.name not in ("repeat", "each"):
            return None
        count, layer = expr.args
        n = scaled_repeats(self._positive_whole(count, scope, f"{expr.name}'s count"), scope.depth)
        if n > self.space.max_nodes:
            self._bound_nodes(n)
        each = expr.name == "each"
        parts: list[Part] = []
        nodes = 0
        for i in range(n):
            if not each and i > 1 and parts[-1][1].shape == parts[-2][1].shape:
                # Tied draws on the same input: this copy and all that follow are the one before.
                nodes += parts[-1][1].nodes * (n - i)
                self._bound_nodes(nodes)
                return parts + [parts[-1]] * (n - i)
            inner = scope.inside(x[0]) if i == 0 else scope.inside(x[0]).later_copy()
            if each:
                inner = inner.under(self.space.copy_prefix(expr, scope.prefix, i))
            fragment = self.layer(layer, inner, x)
            nodes += fragment.nodes
            self._bound_nodes(nodes)
            parts.append((COPY, fragment))
            x = fragment.shape
        return parts

    def _bound_nodes(self, nodes: int) -> None:
        if nodes > self.space.max_nodes:
            raise LimitError(
                f"the text unfolds into more than {self.space.max_nodes} nodes",
                hint="raise the limit with --max-nodes",
            )

    def _call(self, call: ast.Call, scope: Scope, x: Shape, written: ast.Expr | None = None) -> Fragment:
        name = call.name
        if name in FORMS:
            copies = self._copies(call, scope, x)
            if copies is not None:
                return self._chain(copies, x)
            return self._placed(call, scope, lambda: self.forms[name](call, scope, x))
        if name in FUNCTIONS:
            return self._bound(self.value(call, scope), call, scope, x)
        callee = scope.callees[name]
        given = {key: self.value(arg, scope) for key, arg in zip(callee.params, call.args, strict=False)}
        for key, arg in call.keywords:
            given[key] = self.value(arg, scope)
        if scope.later and "s" in given:
            given["s"] = 1
        path = self.space.paths.get(id(written or call), "") if scope.own else ""
        try:
            return self._apply(callee, given, scope, path, x)
        except ArchlabError as error:
            if error.place is None and scope.own and call.at is not None:
                raise type(error)(f"{name}: {error.message}", self.space.place(call.at), error.hint) from None
            raise

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
            fragment = self._block(callee, given, caller, prefix, x, key if shared else self.shared.fresh())
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
        names: dict[str, Bound] = dict(self.vars) if callee.own else {}
        callees = self.space.callees if callee.own else prelude()
        scope = Scope(names, Wide(x[0]), callees, callee.own, caller.width, caller.depth, prefix, key)
        # Defaults may use the parameters before them, so they are evaluated in order, once those are bound.
        for name, default in callee.params.items():
            value = given[name] if name in given else self.value(cast(ast.Expr, default), scope)
            names[name] = self._channels(value, caller.width) if name == "c" else value
        return self.layer(callee.block.body, scope, x)

    def _channels(self, value: Bound, width: float) -> Wide:
        return evaluate.whole_channels(evaluate.number(value, "c"), width, self.divisor)

    # --- forms ------------------------------------------------------------------------------------------------------

    def _residual(self, call: ast.Call, scope: Scope, x: Shape) -> Fragment:
        inner = scope.inside(x[0])
        body = self.layer(call.args[0], inner, x)
        if body.shape == x:
            return self._sum(body, chain((), x), x)
        if len(call.args) == 2:
            return self._sum(body, self.layer(call.args[1], inner, x), x)
        return self._sum(body, self._project(body.shape, inner, x), x)

    def _skip(self, call: ast.Call, scope: Scope, x: Shape) -> Fragment:
        body = self.layer(call.args[0], scope.inside(x[0]), x)
        return self._sum(body, chain((), x), x) if body.shape == x else body

    def _sum(self, body: Fragment, shortcut: Fragment, x: Shape) -> Fragment:
        if body.shape != shortcut.shape:
            raise ElaborationError(
                f"its branch gives {show_shape(body.shape)} and its shortcut {show_shape(shortcut.shape)}:"
                " the shapes of a residual must be equal"
            )
        # A branch that is a chain needs no name of its own: stage1.0.conv and not stage1.0.branch.conv.
        name = "" if body.op is None else body.op.op
        return join("add", [(name, body), ("shortcut", shortcut)], x)

    def _project(self, target: Shape, scope: Scope, x: Shape) -> Fragment:
        """The prelude's projection from ``x`` to ``target``, where a stride makes it possible."""
        strides: list[int] = []
        if len(target) == len(x) == 3:
            strides = [-(-size // out) for size, out in zip(x[1:], target[1:], strict=True)]
            strides = [s for s, size, out in zip(strides, x[1:], target[1:], strict=True) if (size - 1) // s + 1 == out]
        if len(strides) != 2:
            raise ElaborationError(
                f"its branch gives {show_shape(target)} from {show_shape(x)}: no stride of a 1x1 projection does that",
                hint="pad the branch, or give the shortcut as the second argument",
            )
        stride = strides[0] if strides[0] == strides[1] else tuple(strides)
        return self._apply(prelude()["projection"], {"c": Wide(target[0]), "s": stride}, scope, "", x)

    def _join(self, call: ast.Call, scope: Scope, x: Shape) -> Fragment:
        inner = scope.inside(x[0])
        branches = [(str(i), self.layer(arg, inner, x)) for i, arg in enumerate(call.args)]
        return join(call.name, branches, x)

    def _split(self, call: ast.Call, scope: Scope, x: Shape) -> Fragment:
        n = len(call.args)
        if x[0] % n:
            raise ElaborationError(f"{x[0]} channels cannot be split evenly between {n} branches")
        width = x[0] // n
        inner = scope.inside(width)
        branches: list[Part] = []
        for i, arg in enumerate(call.args):
            part = leaf(apply_op("slice", [x], {"start": i * width, "stop": (i + 1) * width}), x)
            branches.append((str(i), chain([("slice", part), ("", self.layer(arg, inner, part.shape))], x)))
        return join("cat", branches, x)

    # --- errors -----------------------------------------------------------------------------------------------------

    def _error(self, message: str, expr: ast.Expr, scope: Scope) -> ElaborationError:
        return ElaborationError(message, self.space.place(expr.at) if scope.own else None)

    def _placed(self, expr: ast.Expr, scope: Scope, action: Callable[[], T]) -> T:
        """``action()``, its errors pointing at ``expr`` where they point nowhere yet."""
        try:
            return action()
        except ArchlabError as error:
            if error.place is None and scope.own and expr.at is not None:
                name = f"{expr.name}: " if isinstance(expr, ast.Call) else ""
                raise type(error)(f"{name}{error.message}", self.space.place(expr.at), error.hint) from None
            raise


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
