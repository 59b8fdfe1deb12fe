"""Architecture to architecture: a rule that makes convolutions cheaper, applied to the syntax tree.

A rule replaces calls of ``conv`` and ``conv2d`` whose kernel is known, that are dense and padded to keep their size. A
block that holds one, also a block of the prelude, is written a second time under a name that has the rule in it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from archlab.cost import Cost
from archlab.elaborate.hole_paths import paths_in
from archlab.elaborate.language import Callee, callee_of, prelude
from archlab.errors import InputError, did_you_mean
from archlab.exchange.rewrite_rules import RULES, Conv, RewriteOptions, Rule
from archlab.grammar import ast
from archlab.units import format_percent

Env = Mapping[str, ast.Expr]

_SAME = ast.Name("same")
_KEEP_SIZE = (_SAME, ast.Name("tf"))
"""Paddings with which every convolution that a rule makes gives the size that the one before gave."""

# Blocks that are what a rule makes, or no more than one convolution.
_KEPT = {"conv", "fc", "two3x3", "factorised", "group", "depthwise", "separable", "squeeze_excite", "projection"}


@dataclass(frozen=True, slots=True)
class Site:
    """A convolution that a rule applies to, where it is met on the way through a stage.

    Attributes:
        stage: the stage.
        path: the calls that lead to it, such as ``stage3.bottleneck.conv_2``. A convolution in a block is a site for
            each call of the block; the copies of a ``repeat`` are one.
        k: its kernel.
    """

    stage: str
    path: str
    k: int


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
    found = find_sites(architecture, rule, options)
    chosen = [number for number, site in enumerate(found) if where in (None, site.stage)]
    if not chosen:
        place = f"stage {where}" if where else architecture.name
        raise InputError(f"{place} holds no convolution for the rule {rule}", hint=f"it would {_summary(RULES[rule])}")
    return rewrite_sites(architecture, rule, chosen, options)


def find_sites(architecture: ast.Architecture, rule: str, options: RewriteOptions | None = None) -> tuple[Site, ...]:
    """Return the convolutions that a rule of ``RULES`` applies to, in the order in which they are met."""
    rewriting = _Rewriting(architecture, rule, options or RewriteOptions(), ())
    rewriting.stages()
    return tuple(rewriting.sites)


def rewrite_sites(
    architecture: ast.Architecture, rule: str, only: Collection[int], options: RewriteOptions | None = None
) -> ast.Architecture:
    """Return ``architecture`` with a rule applied to some of ``find_sites``'s convolutions, by their number there."""
    rewriting = _Rewriting(architecture, rule, options or RewriteOptions(), only)
    new = rewriting.stages()
    changed = replace(architecture, stages=new, blocks=(*architecture.blocks, *rewriting.made.values()))
    return _without_unused(changed, set(rewriting.replaced))


def _summary(rule: Rule) -> str:
    """Return what a rule does, such as "replace a 5x5 by two 3x3", from its docstring."""
    text = (rule.__doc__ or "").partition("\n")[0].split("(")[0].strip().rstrip(".")
    return text[:1].lower() + text[1:]


class _Rewriting:
    """One walk over the stages, and into every block where it is called.

    It meets the same sites in the same order whichever of them it is to rewrite.
    """

    def __init__(
        self, architecture: ast.Architecture, rule: str, options: RewriteOptions, only: Collection[int]
    ) -> None:
        self.architecture = architecture
        self.rule = rule
        self.options = options
        self.only = only
        self.sites: list[Site] = []
        self.stage = self.prefix = ""
        self.paths: Mapping[int, str] = {}
        self.padding = dict(architecture.options).get("p", _SAME)
        self.callees = prelude() | {b.name: callee_of(b, own=True) for b in architecture.blocks}
        self.made: dict[str, ast.Block] = {}
        self.replaced: set[str] = set()

    def stages(self) -> tuple[ast.Stage, ...]:
        """Return the stages with the rule applied."""
        new = []
        for stage in self.architecture.stages:
            self.stage = self.prefix = stage.name
            self.paths = paths_in(stage.body, self.callees)
            new.append(replace(stage, body=self.expr(stage.body, {})))
        return tuple(new)

    def expr(self, expr: ast.Expr, env: Env) -> ast.Expr:
        """Return ``expr`` with the rule applied; ``env`` are the parameters whose values are known here."""
        match expr:
            case ast.Call(name=name):
                conv = self._conv(expr, env)
                made = RULES[self.rule](conv, self.options) if conv else None
                if conv is not None and made is not None:
                    self.sites.append(Site(self.stage, self._path(expr), conv.k))
                    return made if len(self.sites) - 1 in self.only else expr
                args = tuple(self.expr(arg, env) for arg in expr.args)
                keywords = tuple((key, self.expr(arg, env)) for key, arg in expr.keywords)
                return replace(expr, name=self._block(expr, env), args=args, keywords=keywords)
            case ast.Name(name=name) if name not in env and name in self.callees:
                new = self._block(ast.Call(name), env, expr)
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
        # A bias in front of a norm adds nothing, and without a norm a convolution has one anyway: it need not be said.
        if call.name == "conv" and _known(given.pop("bias", ast.Number(1)), env) != 1:
            return None
        c = given.pop("c")
        stride = tuple((key, given.pop(key)) for key in ("s",) if key in given)
        rest = tuple((key, value) for key, value in given.items() if (key, value) != ("p", self.padding))
        return Conv(call.name == "conv", c, k, stride, rest)

    def _path(self, expr: ast.Expr) -> str:
        return f"{self.prefix}.{self.paths[id(expr)]}" if id(expr) in self.paths else self.prefix

    def _block(self, call: ast.Call, env: Env, written: ast.Expr | None = None) -> str:
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
        before = self.prefix, self.paths
        self.prefix, self.paths = self._path(written or call), paths_in(callee.block.body, self.callees)
        body = self.expr(callee.block.body, inner)
        self.prefix, self.paths = before
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
    shares = {name: f" ({format_percent(after[name] / n, 0)})" if n else "" for name, n in before.items()}
    return [f"{name}: {n:,} -> {after[name]:,}{shares[name]}" for name, n in before.items()]
