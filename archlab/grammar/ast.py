"""The language as data. The parser makes these; a Python program may make them as well.

Every node is frozen and compares by what it says, not by where it stood: ``at`` is the (line, column) of a parsed
node, ``None`` for one made by hand, and is left out of comparisons.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from archlab.errors import Place
from archlab.shown import Shown, short

At = tuple[int, int] | None


def _at() -> At:
    return field(default=None, compare=False, repr=False)


def _key_at() -> tuple[At, ...]:
    """Return the places of the names of keywords or options, in their order; empty for a node made by hand."""
    return field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Number:
    """A number, such as ``64`` or ``0.25``."""

    value: int | float
    at: At = _at()


@dataclass(frozen=True, slots=True)
class Size:
    """Several dimensions, such as the input ``3x224x224`` or the kernel ``1x3``."""

    dims: tuple[int, ...]
    at: At = _at()


@dataclass(frozen=True, slots=True)
class Quoted:
    """A text in quotes: the path of a module in another network, which ``opaque`` stands for."""

    text: str
    at: At = _at()


@dataclass(frozen=True, slots=True)
class Name:
    """A parameter, a ``var``, a named value, a block without arguments, ``in``, or in a rule a hole by its path."""

    name: str
    at: At = _at()


@dataclass(frozen=True, slots=True)
class Call:
    """A block, an operator, a form or a function with its arguments."""

    name: str
    args: tuple[Expr, ...] = ()
    keywords: tuple[tuple[str, Expr], ...] = ()
    at: At = _at()
    key_at: tuple[At, ...] = _key_at()


@dataclass(frozen=True, slots=True)
class Sequence:
    """``a -> b -> c``: each layer on the one before."""

    items: tuple[Expr, ...]
    at: At = _at()


@dataclass(frozen=True, slots=True)
class Named:
    """``layer as name``: what the layer gives, named for the layers that follow; ``at`` is where the name stands."""

    layer: Expr
    name: str
    at: At = _at()


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic; ``op`` is one of ``+ - * / //``."""

    op: str
    left: Expr
    right: Expr
    at: At = _at()


@dataclass(frozen=True, slots=True)
class Negate:
    """``-x``."""

    operand: Expr
    at: At = _at()


@dataclass(frozen=True, slots=True)
class Conditional:
    """``then if left op right else other``; ``op`` is one of ``== != < <= > >=``."""

    then: Expr
    op: str
    left: Expr
    right: Expr
    other: Expr
    at: At = _at()


@dataclass(frozen=True, slots=True)
class Choice:
    """A hole: one of ``{a, b}``; the first is the default."""

    options: tuple[Expr, ...]
    at: At = _at()


@dataclass(frozen=True, slots=True)
class Range:
    """A hole: a number in ``[lo..hi step n default d]``; whole where lo, hi and step are."""

    lo: int | float
    hi: int | float
    step: int | float | None = None
    default: int | float | None = None
    at: At = _at()


Expr = Number | Size | Quoted | Name | Call | Sequence | Named | Binary | Negate | Conditional | Choice | Range
Options = tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of a block, with its default if it has one."""

    name: str
    default: Expr | None = None
    at: At = _at()


@dataclass(frozen=True, slots=True)
class Block:
    """``block name(params) = body``."""

    name: str
    params: tuple[Param, ...]
    body: Expr
    at: At = _at()


@dataclass(frozen=True, slots=True)
class Var:
    """``var name = value``: a hole drawn once and used in many places."""

    name: str
    value: Expr
    at: At = _at()


@dataclass(frozen=True, slots=True)
class Stage:
    """``name(options): body``."""

    name: str
    body: Expr
    options: Options = ()
    at: At = _at()
    key_at: tuple[At, ...] = _key_at()


@dataclass(frozen=True, slots=True)
class Require:
    """``require left op right``: a rule that every draw meets; ``op`` is one of ``== != < <= > >=``."""

    left: Expr
    op: str
    right: Expr
    at: At = _at()


@dataclass(frozen=True, slots=True, repr=False)
class Architecture(Shown):
    """A whole text: a network, or a space of networks where it has holes.

    It prints as its canonical text. ``source`` and ``text`` say where it came from, for error messages.
    """

    name: str
    stages: tuple[Stage, ...]
    options: Options = ()
    vars: tuple[Var, ...] = ()
    blocks: tuple[Block, ...] = ()
    requires: tuple[Require, ...] = ()
    at: At = _at()
    source: str = field(default="<python>", compare=False, repr=False)
    text: str = field(default="", compare=False, repr=False)
    key_at: tuple[At, ...] = _key_at()

    view = "archlab.report.show_architecture"

    def __repr__(self) -> str:
        return short(self, self.name, f"stages {', '.join(stage.name for stage in self.stages[:12])}")


def children(expr: Expr) -> tuple[Expr, ...]:
    """Return the expressions directly inside ``expr``, in the order in which they are written."""
    match expr:
        case Call(args=args, keywords=keywords):
            return (*args, *(value for _, value in keywords))
        case Sequence(items=items):
            return items
        case Named(layer=layer):
            return (layer,)
        case Binary(left=left, right=right):
            return (left, right)
        case Negate(operand=operand):
            return (operand,)
        case Conditional(then=then, left=left, right=right, other=other):
            return (then, left, right, other)
        case Choice(options=options):
            return options
        case _:
            return ()


def with_children(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """``expr`` with ``change`` applied to each expression directly inside it."""
    match expr:
        case Call(args=args, keywords=keywords):
            changed = tuple((key, change(value)) for key, value in keywords)
            return replace(expr, args=tuple(map(change, args)), keywords=changed)
        case Sequence(items=items):
            return replace(expr, items=tuple(map(change, items)))
        case Named(layer=layer):
            return replace(expr, layer=change(layer))
        case Binary(left=left, right=right):
            return replace(expr, left=change(left), right=change(right))
        case Negate(operand=operand):
            return replace(expr, operand=change(operand))
        case Conditional(then=then, left=left, right=right, other=other):
            return replace(expr, then=change(then), left=change(left), right=change(right), other=change(other))
        case Choice(options=options):
            return replace(expr, options=tuple(map(change, options)))
        case _:
            return expr


def place_in(architecture: Architecture, at: At) -> Place | None:
    """Return the place in an architecture's text; None for a node made by hand."""
    if at is None:
        return None
    lines = architecture.text.split("\n")
    return Place(architecture.source, *at, lines[at[0] - 1] if at[0] <= len(lines) else "")
