"""One draw written back as text: the space's architecture with every hole replaced by what filled it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from archlab.elaborate.draw import Value
from archlab.elaborate.holes import hole_of, labels_of
from archlab.elaborate.language import Callee, callee_of
from archlab.elaborate.named_values import names_given
from archlab.elaborate.network import Network
from archlab.elaborate.scope import scaled_repeats
from archlab.elaborate.space import Space
from archlab.elaborate.unread import names_of_text, renamed, without_unread, without_unread_stages
from archlab.elaborate.without_stride import without_stride
from archlab.errors import LimitError
from archlab.grammar import ast
from archlab.grammar.lexer import MAX_NAME


def fill_holes(space: Space, network: Network, name: str | None = None) -> ast.Architecture:
    """Return the architecture of ``network``, a draw of ``space``, without holes; its network has the same digest.

    A block that holds holes is written once for each way in which they were filled; the copies of an ``each`` are
    written out where they differ.
    """
    try:
        return _Filler(space, network).architecture(name or network.name)
    except RecursionError:
        raise LimitError("the draw nests too deep to be written as text") from None


class _Filler:
    def __init__(self, space: Space, network: Network) -> None:
        self.space = space
        self.draws: Mapping[str, Value] = network.draws
        self.depths = network.depths
        self.depth = 1.0
        self.written: dict[str, ast.Block] = {}
        self.names: dict[ast.Block, str] = {}
        self.uses: dict[str, int] = {}
        self.names_here: set[str] = set()
        self.reserved = names_of_text(space)

    def architecture(self, name: str) -> ast.Architecture:
        arch = self.space.architecture
        stages: list[ast.Stage] = []
        for stage in arch.stages:
            self.depth = self.depths[stage.name]
            body = self._body(stage.body, stage.name)
            stages.append(ast.Stage(stage.name, body, self._options(stage.options, stage.name)))
        blocks = [block for block in arch.blocks if block.name not in self.space.open_blocks]
        stages = without_unread_stages(stages) if self.space.values.stages else stages
        variables = tuple(ast.Var(var.name, self._expr(var.value, "")) for var in arch.vars)
        return ast.Architecture(
            name, tuple(stages), self._options(arch.options, ""), variables, (*blocks, *self.written.values())
        )

    def _options(self, options: ast.Options, prefix: str) -> ast.Options:
        """The options with their holes filled, and the multipliers that the draw has set without being declared."""
        filled = {key: self._expr(value, prefix) for key, value in options}
        for key in ("width_mult", "depth_mult"):
            path = f"{prefix}.{key}" if prefix else key
            if key not in filled and self.draws.get(path, 1.0) != 1.0:
                filled[key] = _literal(self.draws[path])
        return tuple(filled.items())

    def _expr(self, expr: ast.Expr, prefix: str) -> ast.Expr:
        if id(expr) not in self.space.open_exprs:
            return expr
        match expr:
            case ast.Range():
                return _literal(self._drawn(expr, prefix))
            case ast.Choice(options=options):
                return self._pulled(self._expr(options[labels_of(expr).index(self._drawn(expr, prefix))], prefix))
            case ast.Call(name="each", args=(count, layer)):
                return self._each(expr, count, layer, prefix)
            case ast.Call(name=name, args=args, keywords=keywords):
                path = self._under(prefix, expr)
                return ast.Call(
                    self._block(name, path) if name in self.space.open_blocks else name,
                    tuple(self._expr(arg, prefix) for arg in args),
                    tuple((key, self._expr(arg, prefix)) for key, arg in keywords),
                )
            case ast.Name(name=name):
                return (
                    ast.Name(self._block(name, self._under(prefix, expr))) if name in self.space.open_blocks else expr
                )
            case ast.Sequence(items=items):
                return ast.Sequence(_flat(self._expr(item, prefix) for item in items))
            case _:
                return ast.with_children(expr, lambda child: self._expr(child, prefix))

    def _body(self, expr: ast.Expr, prefix: str) -> ast.Expr:
        """Fill the body of a stage or block; leave out what no draw could read any more."""
        around, self.names_here = self.names_here, set()
        body = without_unread(self._expr(expr, prefix), self.space.values.stages)
        self.names_here = around
        return body

    def _pulled(self, expr: ast.Expr) -> ast.Expr:
        """``expr``, which was a frame of its own, with new names for the values that it names."""
        names: dict[str, str] = {}
        for named in names_given([expr]):
            free, n = named.name, 1
            while free in self.reserved or free in self.names_here:
                n += 1
                free = f"{named.name[: MAX_NAME - 8]}_{n}"
            names[named.name] = free
            self.names_here.add(free)
        return renamed(expr, names) if names else expr

    def _drawn(self, expr: ast.Choice | ast.Range, prefix: str) -> Value:
        """Return what filled a hole; its default where the draw never met it, as in a branch not taken."""
        hole = hole_of(expr, self._under(prefix, expr))
        return self.draws.get(hole.name, hole.default)

    def _under(self, prefix: str, expr: ast.Expr) -> str:
        path = self.space.paths.get(id(expr), "")
        return f"{prefix}.{path}" if prefix and path else prefix or path

    def _each(self, expr: ast.Call, count: ast.Expr, layer: ast.Expr, prefix: str) -> ast.Expr:
        filled = self._expr(count, prefix)
        if not isinstance(filled, ast.Number):
            return ast.Call("each", (filled, layer))
        copies = [
            self._pulled(self._expr(layer, self.space.copy_prefix(expr, prefix, i)))
            for i in range(scaled_repeats(int(filled.value), self.depth))
        ]
        copies = [copy if i == 0 else without_stride(copy, self._callees) for i, copy in enumerate(copies)]
        if len(copies) == 1:
            return copies[0]
        alike = all(copy == without_stride(copies[0], self._callees) for copy in copies[1:])
        if alike and self.depth == 1:
            return ast.Call("repeat", (filled, copies[0]))
        return ast.Sequence(_flat(copies))

    def _block(self, name: str, path: str) -> str:
        """Return the name of block ``name`` with its holes filled as they were under ``path``."""
        block = self.space.callees[name].block
        assert block is not None
        params = tuple(
            ast.Param(p.name, None if p.default is None else self._expr(p.default, path)) for p in block.params
        )
        filled = ast.Block(name, params, self._body(block.body, path))
        if filled not in self.names:
            self.names[filled] = written = self._free_name(name)
            self.written[written] = dataclasses.replace(filled, name=written)
        return self.names[filled]

    def _free_name(self, name: str) -> str:
        free = name
        while free in self.written or (free != name and free in self.space.callees):
            self.uses[name] = n = self.uses.get(name, 1) + 1
            free = f"{name[: MAX_NAME - 8]}_{n}"
        return free

    @property
    def _callees(self) -> dict[str, Callee]:
        """What calls in the filled text may name, for the order of their arguments."""
        return self.space.callees | {name: callee_of(block, own=True) for name, block in self.written.items()}


def _flat(items: Iterable[ast.Expr]) -> tuple[ast.Expr, ...]:
    """Items with sequences among them written out: ``a -> (b -> c)`` is ``a -> b -> c``."""
    return tuple(part for item in items for part in (item.items if isinstance(item, ast.Sequence) else (item,)))


def _literal(value: Value) -> ast.Expr:
    """Return a drawn number as the parser would read it."""
    assert isinstance(value, int | float)
    return ast.Negate(ast.Number(-value)) if value < 0 else ast.Number(value)
