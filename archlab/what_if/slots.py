"""Where a text writes a number that could be another: widths, kernels, groups, expansions, depths; and blocks.

What a number is for follows from where it goes: a parameter that a block hands on to a convolution's channels is a
number of channels, whatever it is called; one that multiplies channels is an expansion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from archlab.elaborate.language import DETECT, REPEATS, Callee, callee_of, prelude
from archlab.grammar import ast

Role = Literal["channels", "kernel", "groups", "expansion", "depth", "block"]

_OPERATORS: Mapping[str, Mapping[str, Role]] = {
    "conv2d": {"c": "channels", "k": "kernel", "g": "groups"},
    "linear": {"n": "channels"},
}
_TRUNK_FORMS = (*REPEATS, "residual", "skip")
_SINGLE = {"conv", "conv2d", "fc", "linear", "depthwise", "squeeze_excite", "projection"}
"""Blocks and operators that are no alternative to a block."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place of the text.

    Attributes:
        role: what stands there.
        value: the number written, or that the block has by default; 0 for a block.
        owner: the stage or block in whose text it stands.
        trunk: whether it is a width of the stage's own sequence, and not of a branch or of a block's inside.
    """

    role: Role
    value: int | float
    owner: str
    trunk: bool = False


def find_slots(architecture: ast.Architecture) -> tuple[Slot, ...]:
    """Return the slots of a text in the order in which they stand, those of its blocks first."""
    walk = _Walk(architecture, {})
    walk.architecture()
    return tuple(walk.slots)


def fill_slots(architecture: ast.Architecture, filled: Mapping[int, ast.Expr]) -> ast.Architecture:
    """Return ``architecture`` with other expressions in some slots, by their number in ``find_slots``.

    In the slot of a block goes the name of another, or a ``Choice`` of names to stand beside it: each is called with
    the block's channels and stride.
    """
    return _Walk(architecture, filled).architecture()


class _Walk:
    """One walk over the text; it meets the same slots in the same order whatever is filled in."""

    def __init__(self, architecture: ast.Architecture, filled: Mapping[int, ast.Expr]) -> None:
        self.arch = architecture
        self.filled = filled
        self.slots: list[Slot] = []
        self.callees = prelude() | {block.name: callee_of(block, own=True) for block in architecture.blocks}
        self.roles: dict[str, Mapping[str, Role]] = dict(_OPERATORS)
        self.owner = ""
        self.bound: frozenset[str] = frozenset()

    def architecture(self) -> ast.Architecture:
        variables = frozenset(var.name for var in self.arch.vars)
        blocks, stages = [], []
        for block in self.arch.blocks:
            self.owner, self.bound = block.name, variables | {p.name for p in block.params}
            blocks.append(replace(block, body=self._expr(block.body, trunk=False)))
        self.bound = variables
        for stage in self.arch.stages:
            self.owner = stage.name
            stages.append(stage if stage.name == DETECT else replace(stage, body=self._expr(stage.body, trunk=True)))
        return replace(self.arch, blocks=tuple(blocks), stages=tuple(stages))

    def _expr(self, expr: ast.Expr, trunk: bool) -> ast.Expr:
        match expr:
            case ast.Call(name=name, args=args) if name in REPEATS:
                count = self._number("depth", args[0], False) if isinstance(args[0], ast.Number) else args[0]
                return replace(expr, args=(count, self._expr(args[1], trunk)))
            case ast.Call(name=name) if name in self.callees:
                return self._call(expr, trunk)
            case ast.Call(name=name, args=args):
                return replace(expr, args=tuple(self._expr(arg, trunk and name in _TRUNK_FORMS) for arg in args))
            case ast.Name(name=name) if name in self.callees and name not in self.bound:
                called = self._call(ast.Call(name), trunk)
                return expr if called == ast.Call(name) else called
            case ast.Sequence(items=items):
                return replace(expr, items=tuple(self._expr(item, trunk) for item in items))
            case ast.Named(layer=layer):
                return replace(expr, layer=self._expr(layer, trunk))
            case ast.Conditional():
                return replace(expr, then=self._expr(expr.then, False), other=self._expr(expr.other, False))
            case _:  # what is a choice already stays as it is
                return expr

    def _call(self, call: ast.Call, trunk: bool) -> ast.Expr:
        callee = self.callees[call.name]
        roles = self._roles_of(callee)
        given = dict(zip(callee.params, call.args, strict=False)) | dict(call.keywords)
        made: dict[str, ast.Expr] = {}
        for name, default in callee.params.items():
            role = roles.get(name)
            value = given.get(name, default)
            number = value.value if isinstance(value, ast.Number) else value
            if role is None or not isinstance(number, int | float):
                made |= {name: self._expr(given[name], False)} if name in given else {}
            elif name in given or role in ("kernel", "expansion"):
                new = self._number(role, ast.Number(number), trunk and name == "c")
                if name in given or new != ast.Number(number):
                    made[name] = new
        args = tuple(made[name] for name, _ in zip(callee.params, call.args, strict=False))
        positional = list(callee.params)[: len(args)]
        keywords = [(key, made[key]) for key, _ in call.keywords]
        keywords += [(key, value) for key, value in made.items() if key not in given and key not in positional]
        new_call = replace(call, args=args, keywords=tuple(keywords), key_at=())
        is_block = trunk and callee.block is not None and roles.get("c") == "channels" and call.name not in _SINGLE
        return self._block(new_call, made) if is_block else new_call

    def _number(self, role: Role, number: ast.Number, trunk: bool) -> ast.Expr:
        self.slots.append(Slot(role, number.value, self.owner, trunk))
        return self.filled.get(len(self.slots) - 1, number)

    def _block(self, call: ast.Call, made: Mapping[str, ast.Expr]) -> ast.Expr:
        self.slots.append(Slot("block", 0, self.owner, trunk=True))
        other = self.filled.get(len(self.slots) - 1)
        if other is None or "c" not in made:
            return call
        stride = (("s", made["s"]),) if "s" in made else ()
        if isinstance(other, ast.Name):
            return ast.Call(other.name, (made["c"],), stride)
        names = [option.name for option in ast.children(other) if isinstance(option, ast.Name)]
        return ast.Choice((call, *(ast.Call(name, (made["c"],), stride) for name in names if name != call.name)))

    def _roles_of(self, callee: Callee) -> Mapping[str, Role]:
        if callee.block is None:
            return self.roles.get(callee.name, {})
        if callee.name not in self.roles:
            self.roles[callee.name] = {}  # for a block that calls itself, which elaboration refuses
            found: dict[str, Role] = {}
            self._follow(callee.block.body, set(callee.params), found)
            self.roles[callee.name] = found
        return self.roles[callee.name]

    def _follow(self, expr: ast.Expr, params: set[str], found: dict[str, Role]) -> None:
        """Note what the ``params`` of a block are for, by where its body hands them on."""
        if isinstance(expr, ast.Call) and expr.name in self.callees:
            inner = self.callees[expr.name]
            given = dict(zip(inner.params, expr.args, strict=False)) | dict(expr.keywords)
            for name, role in self._roles_of(inner).items():
                if name in given:
                    _hand_on(given[name], role, params, found)
        for child in ast.children(expr):
            self._follow(child, params, found)


def _hand_on(value: ast.Expr, role: Role, params: set[str], found: dict[str, Role]) -> None:
    match value:
        case ast.Name(name=name) if name in params:
            found[name] = role
        case ast.Binary(op="*" | "/" as op, left=left, right=right) if role == "channels":
            for one, other in ((left, right), (right, left)):
                if isinstance(one, ast.Name) and one.name in params:
                    if isinstance(other, ast.Number) and (op == "*" or one is left):
                        found[one.name] = "channels"
                    elif op == "*":
                        found.setdefault(one.name, "expansion")
