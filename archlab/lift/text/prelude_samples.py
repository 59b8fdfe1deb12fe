"""What the blocks that come with the language look like, once they are decomposed: found by elaborating them."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache

from archlab.elaborate import elaborate
from archlab.errors import ArchlabError
from archlab.grammar import ast
from archlab.ir import Shape
from archlab.lift.text.decompose import decompose
from archlab.lift.text.defaults import NO_DEFAULTS, Defaults
from archlab.lift.text.fuse import fuse
from archlab.lift.text.layers import ACTIVATIONS, NORMS, As, Call, Chain, Form, Layer, Use
from archlab.lift.text.written import prelude_params, written_defaults
from archlab.ops import OPAQUE

GATES = ("squeeze_excite",)
"""Blocks that stand inside other blocks, and are found first."""
UNITS = ("inverted", "bottleneck", "basic", "shuffle_unit", "shuffle_unit_v2", "separable", "factorised")
"""The blocks that a network is made of, those that say most first."""

_SHAPE: Shape = (48, 16, 16)
_VALUES: Mapping[str, tuple[str, ...]] = {
    "c": ("48", "96"),
    "s": ("1", "2"),
    "e": ("1", "2"),
    "se": ("0", "0.25"),
    "act": ("relu", "none"),
}
"""Arguments on which it depends what a block is made of."""

Skeleton = tuple[object, ...]


def skeleton(item: Layer) -> Skeleton:
    """Return what a layer is made of: names without arguments, one name for all activations, one for all norms."""
    match item:
        case Call(name=name, args=args) if name == OPAQUE:
            return (f"{name} {args}",)  # each is another module
        case Call(name=name):
            return ("act",) if name in ACTIVATIONS else ("norm",) if name in NORMS else (name,)
        case Form(name=name, branches=branches):
            return (name, *(tuple(map(skeleton, branch.items)) for branch in branches))
        case As(layer=layer):
            return ("as", skeleton(layer))
        case Use():
            return ("use",)
    raise AssertionError(item)


@cache
def samples(names: tuple[str, ...]) -> Mapping[tuple[Skeleton, ...], tuple[str, ...]]:
    """Return the blocks ``names`` by the skeletons that they take, whatever their arguments."""
    found: dict[tuple[Skeleton, ...], list[str]] = defaultdict(list)
    for name in names:
        for expr in _sample_calls(name):
            try:
                items = elaborated(expr, _SHAPE).items
            except ArchlabError:  # not every combination is a block, such as a narrowing shuffle unit
                continue
            key = tuple(_with_gates(skeleton(item), names) for item in items)
            if items and name not in found[key]:
                found[key].append(name)
    return {key: tuple(blocks) for key, blocks in found.items()}


def _with_gates(bones: Skeleton, names: tuple[str, ...]) -> Skeleton:
    """A skeleton with the gates in it as blocks, which are found before what they stand in."""
    if names == GATES:
        return bones
    if (bones,) in samples(GATES):
        return GATES
    first, *branches = bones
    parts = (tuple(_with_gates(b, names) for b in branch) for branch in branches if isinstance(branch, tuple))
    return (first, *parts)


def _sample_calls(name: str) -> Iterator[ast.Call]:
    varied = [param for param in prelude_params()[name] if param in _VALUES]
    for values in itertools.product(*(_VALUES[param] for param in varied)):
        yield ast.Call(name, (), tuple((p, _literal(v)) for p, v in zip(varied, values, strict=True)))


def _literal(text: str) -> ast.Expr:
    return ast.Name(text) if text.isalpha() else ast.Number(float(text) if "." in text else int(text))


@lru_cache(4096)
def elaborated(expr: ast.Expr, x: Shape, defaults: Defaults = NO_DEFAULTS) -> Chain:
    """Return the tree of the layer ``expr`` on an input of shape ``x``, a map.

    Raises:
        ElaborationError: it cannot stand there.
    """
    options = (("input", ast.Size(x)), *written_defaults(defaults))
    graph = elaborate(ast.Architecture("block", (ast.Stage("block", expr),), options)).graph
    return fuse(decompose(graph, defaults.p), defaults)
