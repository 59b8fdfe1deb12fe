"""Architecture to architecture: the literature's ways to make a convolution cheaper, as rules on the syntax tree.

A rule replaces calls of ``conv`` and ``conv2d`` whose kernel is known, that are dense and padded to keep their size. A
block that holds one, also a block of the prelude, is written a second time under a name that has the rule in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from archlab.cost import Cost
from archlab.elaborate.language import Callee, callee_of, prelude
from archlab.errors import InputError, did_you_mean
from archlab.grammar import ast

Env = Mapping[str, ast.Expr]


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution to replace: whether it is a ``conv`` with norm and activation, its arguments, and its kernel."""

    is_block: bool
    c: ast.Expr
    k: int
    stride: tuple[tuple[str, ast.Expr], ...]
    rest: tuple[tuple[str, ast.Expr], ...]

    def make(self, c: ast.Expr, k: int, stride: bool = False, g: ast.Expr | None = None) -> ast.Call:
        """Return another convolution of its kind, with its norm and activation."""
        keywords = self.stride if stride else ()
        keywords += () if g is None else (("g", g),)
        name = "conv" if self.is_block else "conv2d"
        return ast.Call(name, (c, ast.Number(k)), (*keywords, *self.rest))


@dataclass(frozen=True, slots=True)
class RewriteOptions:
    """What a rule can be given: the depth multiplier, the groups, and the share of channels in the middle."""

    dm: int = 1
    groups: int = 2
    e: float = 0.25


Rule = Callable[[Conv, RewriteOptions], ast.Expr | None]


def _factorise5x5(conv: Conv, options: RewriteOptions) -> ast.Expr | None:
    """Replace a 5x5 by two 3x3 (VGG, arXiv:1409.1556, section 2.3; Inception-v3, arXiv:1512.00567, section 3.1)."""
    if conv.k != 5:
        return None
    if conv.is_block:
        return ast.Call("two3x3", (conv.c,), (*conv.stride, *conv.rest))
    return ast.Sequence((conv.make(conv.c, 3, stride=True), conv.make(conv.c, 3)))


def _factorise3x3(conv: Conv, options: RewriteOptions) -> ast.Expr | None:
    """Replace a 3x3 by a 1x3, then a 3x1 (Inception-v3, arXiv:1512.00567, section 3.2)."""
    if conv.k != 3:
        return None
    if conv.is_block:
        return ast.Call("factorised", (conv.c, ast.Number(3)), (*conv.stride, *conv.rest))
    one = ast.Number(1)
    strides = [
        tuple((key, ast.Call("size", pair)) for key, s in conv.stride for pair in [(one, s) if first else (s, one)])
        for first in (True, False)
    ]
    return ast.Sequence((
        ast.Call("conv2d", (conv.c, ast.Size((1, 3))), (*strides[0], *conv.rest)),
        ast.Call("conv2d", (conv.c, ast.Size((3, 1))), (*strides[1], *conv.rest)),
    ))  # fmt: skip


def _separable(conv: Conv, options: RewriteOptions) -> ast.Expr | None:
    """Replace a kernel by a depthwise one with ``dm`` filters per channel, then a pointwise one.

    Xception, arXiv:1610.02357; MobileNet, arXiv:1704.04861.
    """
    if conv.k == 1:
        return None
    if conv.is_block:
        dm = (("dm", ast.Number(options.dm)),) if options.dm != 1 else ()
        return ast.Call("separable", (conv.c, ast.Number(conv.k)), (*conv.stride, *dm, *conv.rest))
    entering = ast.Name("in")
    filters = entering if options.dm == 1 else ast.Binary("*", entering, ast.Number(options.dm))
    return ast.Sequence((conv.make(filters, conv.k, stride=True, g=entering), conv.make(conv.c, 1)))


def _group_shuffle(conv: Conv, options: RewriteOptions) -> ast.Expr | None:
    """Replace a convolution by a grouped convolution, then a channel shuffle (ShuffleNet, arXiv:1707.01083)."""
    groups = ast.Number(options.groups)
    return ast.Sequence((conv.make(conv.c, conv.k, stride=True, g=groups), ast.Call("shuffle", (groups,))))


def _bottleneck(conv: Conv, options: RewriteOptions) -> ast.Expr | None:
    """Replace a kernel by a 1x1 down, the kernel on fewer channels, and a 1x1 up (ResNet, arXiv:1512.03385)."""
    if conv.k == 1:
        return None
    narrow: ast.Expr = ast.Binary("*", conv.c, ast.Number(options.e))
    if isinstance(conv.c, ast.Number) and conv.c.value * options.e == int(conv.c.value * options.e):
        narrow = ast.Number(int(conv.c.value * options.e))
    middle = conv.make(narrow, conv.k, stride=True)
    return ast.Sequence((conv.make(narrow, 1), middle, conv.make(conv.c, 1)))


RULES: Mapping[str, Rule] = {
    "factorise5x5": _factorise5x5,
    "factorise3x3": _factorise3x3,
    "separable": _separable,
    "group_shuffle": _group_shuffle,
    "bottleneck": _bottleneck,
}
"""The rules by name."""

_SAME = ast.Name("same")
_KEEP_SIZE = (_SAME, ast.Name("tf"))
"""Paddings with which every convolution that a rule makes gives the size that the one before gave."""

# Blocks that are what a rule makes, or no more than one convolution.
_KEPT = {"conv", "fc", "two3x3", "factorised", "group", "depthwise", "separable", "squeeze_excite", "projection"}


def rewrite(
    architecture: ast.Architecture, rule: str, where: str | None = None, options: RewriteOptions | None = None
) -> ast.Architecture:
    """Return ``architecture`` with a rule applied to its convolutions, in all stages or in the stage ``where``.

    Raises:
        InputError: there is no such rule or stage, or nothing that the rule applies to.
    """
    stages = [stage.name for stage in architecture.stages]
    for what, name, known in (("rule", rule, RULES), ("stage", where or stages[0], stages)):
        if name not in known:
            raise InputError(f"there is no {what} {name!r}", hint=did_you_mean(name, known))
    rewriting = _Rewriting(architecture, rule, options or RewriteOptions())
    new = tuple(
        stage if where not in (None, stage.name) else replace(stage, body=rewriting.expr(stage.body, {}))
        for stage in architecture.stages
    )
    if new == architecture.stages:
        place = f"stage {where}" if where else architecture.name
        raise InputError(f"{place} holds no convolution for the rule {rule}", hint=f"it would {_summary(RULES[rule])}")
    changed = replace(architecture, stages=new, blocks=(*architecture.blocks, *rewriting.made.values()))
    return _without_unused(changed, set(rewriting.replaced))


def _summary(rule: Rule) -> str:
    """Return what a rule does, such as "replace a 5x5 by two 3x3", from its docstring."""
    text = (rule.__doc__ or "").partition("\n")[0].split("(")[0].strip().rstrip(".")
    return text[:1].lower() + text[1:]


class _Rewriting:
    def __init__(self, architecture: ast.Architecture, rule: str, options: RewriteOptions) -> None:
        self.rule = rule
        self.options = options
        self.padding = dict(architecture.options).get("p", _SAME)
        self.callees = prelude() | {b.name: callee_of(b, own=True) for b in architecture.blocks}
        self.made: dict[str, ast.Block] = {}
        self.replaced: set[str] = set()

    def expr(self, expr: ast.Expr, env: Env) -> ast.Expr:
        """Return ``expr`` with the rule applied; ``env`` are the parameters whose values are known here."""
        match expr:
            case ast.Call(name=name):
                conv = self._conv(expr, env)
                made = RULES[self.rule](conv, self.options) if conv else None
                if made is not None:
                    return made
                args = tuple(self.expr(arg, env) for arg in expr.args)
                keywords = tuple((key, self.expr(arg, env)) for key, arg in expr.keywords)
                return replace(expr, name=self._block(expr, env), args=args, keywords=keywords)
            case ast.Name(name=name) if name not in env and name in self.callees:
                new = self._block(ast.Call(name), env)
                return expr if new == name else ast.Name(new)
            case ast.Sequence(items=items):
                parts = [self.expr(item, env) for item in items]
                flat = [p for part in parts for p in (part.items if isinstance(part, ast.Sequence) else (part,))]
                return replace(expr, items=tuple(flat))
            case ast.Named(layer=layer):
                return replace(expr, layer=self.expr(layer, env))
            case ast.Choice(options=options):
                return replace(expr, options=tuple(self.expr(option, env) for option in options))
            case ast.Conditional():
                return replace(expr, then=self.expr(expr.then, env), other=self.expr(expr.other, env))
            case _:
                return expr

    def _conv(self, call: ast.Call, env: Env) -> Conv | None:
        if call.name not in ("conv", "conv2d") or self.callees[call.name].own:
            return None
        given = _bound(call, self.callees[call.name])
        k = _known(given.pop("k", ast.Number(3)), env)
        plain = all(_known(given.pop(key, ast.Number(1)), env) == 1 for key in ("g", "d"))
        if not isinstance(k, int) or not plain or _resolved(given.get("p", self.padding), env) not in _KEEP_SIZE:
            return None
        if "bias" in given and call.name == "conv":
            return None
        c = given.pop("c")
        stride = tuple((key, given.pop(key)) for key in ("s",) if key in given)
        rest = tuple((key, value) for key, value in given.items() if (key, value) != ("p", self.padding))
        return Conv(call.name == "conv", c, k, stride, rest)

    def _block(self, call: ast.Call, env: Env) -> str:
        """Return the name of the block that ``call`` should call: one with the rule applied, where that changes it."""
        callee = self.callees.get(call.name)
        if callee is None or callee.block is None or (call.name in _KEPT and not callee.own) or call.name in env:
            return call.name
        given = _bound(call, callee)
        known = {
            name: value if isinstance(value := given.get(name, default), ast.Expr) else ast.Name(name)
            for name, default in callee.params.items()
        }
        inner = {name: _resolved(value, env if name in given else known) for name, value in known.items()}
        body = self.expr(callee.block.body, inner)
        if body == callee.block.body:
            return call.name
        self.replaced.add(call.name)
        n = 1
        while True:
            name = f"{call.name}_{self.rule}" + (f"_{n}" if n > 1 else "")
            block = ast.Block(name, callee.block.params, body)
            if self.made.setdefault(name, block) == block and name not in self.callees:
                return name
            n += 1


def _bound(call: ast.Call, callee: Callee) -> dict[str, ast.Expr]:
    """Return the arguments of a call by name, in the order in which they are written."""
    return dict(zip(callee.params, call.args, strict=False)) | dict(call.keywords)


def _resolved(value: ast.Expr, env: Env) -> ast.Expr:
    return env.get(value.name, value) if isinstance(value, ast.Name) else value


def _known(value: ast.Expr, env: Env) -> int | float | None:
    value = _resolved(value, env)
    return value.value if isinstance(value, ast.Number) else None


def _without_unused(architecture: ast.Architecture, replaced: set[str]) -> ast.Architecture:
    """Return ``architecture`` without the blocks that were replaced everywhere."""
    kept = architecture.blocks
    while True:
        bodies = [b.body for b in kept] + [p.default for b in kept for p in b.params if p.default is not None]
        bodies += [stage.body for stage in architecture.stages] + [var.value for var in architecture.vars]
        bodies += [value for _, value in architecture.options]
        used = {name for body in bodies for name in _names(body)}
        left = tuple(block for block in kept if block.name in used or block.name not in replaced)
        if left == kept:
            return replace(architecture, blocks=kept)
        kept = left


def _names(expr: ast.Expr) -> set[str]:
    own = {expr.name} if isinstance(expr, ast.Call | ast.Name) else set()
    return own.union(*(_names(child) for child in ast.children(expr)))


def compare(old: Cost, new: Cost) -> list[str]:
    """Return the exact costs of two networks side by side, one line for each number.

    >>> compare(Cost(294912, 0, 0, 0, 0), Cost(135680, 0, 0, 0, 0))[0]
    'params: 294,912 -> 135,680 (46 %)'
    """
    before, after = old.as_dict(), new.as_dict()
    shares = {name: f" ({100 * after[name] / n:.0f} %)" if n else "" for name, n in before.items()}
    return [f"{name}: {n:,} -> {after[name]:,}{shares[name]}" for name, n in before.items()]
