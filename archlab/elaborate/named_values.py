"""Named values of a text: where each is named and read, how far its name reaches, and what is wrong with it.

A stage's name is its output, for the stages behind it. ``layer as name`` names a value inside a stage or a block, for
all that is written behind it there. The copies of a repeat, the sides of a condition, the options of a choice and the
arguments of a block are frames of their own: what is named in one is forgotten at its end.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from archlab.elaborate.hints import called_stage
from archlab.elaborate.language import (
    CONSTANTS,
    DETECT,
    DETECT_PARTS,
    FORMS,
    FUNCTIONS,
    IDENTITIES,
    MULTIPLIERS,
    REPEATS,
    ZERO,
    Callee,
)
from archlab.errors import ElaborationError, did_you_mean, quote
from archlab.grammar import ast
from archlab.grammar.ast import place_in

_WORDS = frozenset({"in", ZERO, *IDENTITIES, *CONSTANTS, *FORMS, *FUNCTIONS, *MULTIPLIERS, *DETECT_PARTS})
_JOINS = ("add", "mul", "cat")


@dataclass(slots=True, eq=False)
class NamedValues:
    """What a text says of named values.

    Attributes:
        frames: ids of the expressions at whose end values are forgotten that are named in them.
        read: names of the values that an expression reads and that are named outside of it, by the expression's id.
        stages: names of the stages whose outputs are read by name.
        resolved: ids of the names that stand for values, rightly or wrongly.
        error: the first mistake; None where there is none.
    """

    frames: set[int] = field(default_factory=set)
    read: dict[int, tuple[str, ...]] = field(default_factory=dict)
    stages: set[str] = field(default_factory=set)
    resolved: set[int] = field(default_factory=set)
    error: ElaborationError | None = None


def find_values(architecture: ast.Architecture, callees: Mapping[str, Callee]) -> NamedValues:
    """Return where values are named and read in ``architecture``."""
    return _Finder(architecture, callees).found()


def ignores_input(expr: ast.Expr, is_value: Callable[[str], bool]) -> bool:
    """Return whether a layer surely gives the same whatever enters it: a value, or made of values alone."""
    match expr:
        case ast.Name(name=name):
            return is_value(name)
        case ast.Named(layer=layer):
            return ignores_input(layer, is_value)
        case ast.Sequence(items=items):
            for item in items:
                if ignores_input(item, is_value):
                    return True
                if any(True for _ in names_given([item])):  # the rest may go back to what enters
                    return False
            return False
        case ast.Choice(options=options):
            return all(ignores_input(option, is_value) for option in options)
        case ast.Conditional(then=then, other=other):
            return ignores_input(then, is_value) and ignores_input(other, is_value)
        case ast.Call(name=name, args=args) if name in _JOINS:
            return all(ignores_input(arg, is_value) for arg in args)
        case ast.Call(name=name, args=(_, layer)) if name in REPEATS:
            return ignores_input(layer, is_value)
        case _:
            return False


def names_given(exprs: Iterable[ast.Expr]) -> Iterable[ast.Named]:
    """Return every ``layer as name`` anywhere in ``exprs``, in the order of the text."""
    for expr in exprs:
        yield from names_given(ast.children(expr))
        if isinstance(expr, ast.Named):
            yield expr


@dataclass(slots=True, eq=False)
class _Value:
    at: ast.At
    used: bool = False


class _Finder:
    def __init__(self, architecture: ast.Architecture, callees: Mapping[str, Callee]) -> None:
        self.architecture = architecture
        self.callees = callees
        self.vars = {var.name for var in architecture.vars}
        self.stage_names = [stage.name for stage in architecture.stages]
        self.all_names = {named.name for named in names_given(self._bodies())}
        self.values = NamedValues()
        self.params: set[str] = set()
        self.earlier: dict[str, _Value] = {}  # stages above
        self.frame: dict[str, _Value] = {}
        self.outer: list[dict[str, _Value]] = []
        self.stage = ""

    def found(self) -> NamedValues:
        arch = self.architecture
        for var in arch.vars:
            self._framed(var.value)
        for block in arch.blocks:
            self.params = {param.name for param in block.params}
            for param in block.params:
                if param.default is not None:
                    self._framed(param.default)
            self._framed(block.body)
        self.params = set()
        for stage in arch.stages:
            if stage.name != DETECT:
                self.stage = stage.name
                self._framed(stage.body)
            self.earlier[stage.name] = _Value(stage.at)
        self.values.stages = {name for name, value in self.earlier.items() if value.used}
        self._stages_are_used()
        return self.values

    def _bodies(self) -> list[ast.Expr]:
        arch = self.architecture
        defaults = [p.default for block in arch.blocks for p in block.params if p.default is not None]
        blocks = [block.body for block in arch.blocks]
        return [*(var.value for var in arch.vars), *defaults, *blocks, *(stage.body for stage in arch.stages)]

    # --- the walk -----------------------------------------------------------------------------------------------------

    def _framed(self, expr: ast.Expr) -> frozenset[str]:
        """Walk a frame; return what it reads that is named outside of it."""
        self.outer.append(self.frame)
        self.frame = {}
        read = self._expr(expr)
        for name, value in self.frame.items():
            if not value.used:
                self._wrong(f"nothing uses the value {quote(name)}", value.at, f"remove  as {name}")
        if self.frame:
            self.values.frames.add(id(expr))
        own, self.frame = frozenset(self.frame), self.outer.pop()
        return self._note(expr, read - own)

    def _expr(self, expr: ast.Expr) -> frozenset[str]:
        match expr:
            case ast.Name():
                read = self._name(expr)
            case ast.Named(layer=layer, name=name, at=at):
                read = self._expr(layer)
                self._define(name, at, layer)
            case ast.Choice(options=options):
                read = frozenset[str]().union(*map(self._framed, options))
            case ast.Conditional(then=then, left=left, right=right, other=other):
                read = self._expr(left) | self._expr(right) | self._framed(then) | self._framed(other)
            case ast.Call(name=name, args=args) if name in FORMS and name not in REPEATS:
                read = frozenset[str]().union(*map(self._expr, args))
            case ast.Call():
                self._call(expr)
                read = frozenset[str]().union(*map(self._framed, ast.children(expr)))
            case ast.Sequence(items=items):
                read = frozenset[str]().union(*map(self._expr, items))
                self._parts_are_used(items)
            case _:
                read = frozenset[str]().union(*map(self._expr, ast.children(expr)))
        return self._note(expr, read)

    def _note(self, expr: ast.Expr, read: frozenset[str]) -> frozenset[str]:
        outside = read - {named.name for named in names_given([expr])} if read else read
        if outside:
            self.values.read[id(expr)] = tuple(sorted(outside))
        return outside

    def _name(self, expr: ast.Name) -> frozenset[str]:
        name = expr.name
        value = self._find(name)
        if value is not None:
            value.used = True
            self.values.resolved.add(id(expr))
            return frozenset([name])
        if not self._means_something(name):
            self._unseen(name, expr)
        return frozenset()

    def _call(self, call: ast.Call) -> None:
        value = self._find(call.name)
        if value is not None:
            value.used = True
            self.values.resolved.add(id(call))
            if call.name in self.stage_names:
                message, hint = called_stage(call.name)
                self._wrong(message, call.at, f"{hint}; {call.name} alone is its output")
            else:
                self._wrong(f"{quote(call.name)} is a value, which takes no arguments", call.at, f"write {call.name}")

    def _find(self, name: str) -> _Value | None:
        """Return the value that ``name`` stands for here."""
        for frame in (self.frame, *reversed(self.outer)):
            if name in frame:
                return frame[name]
        return self.earlier.get(name) if self.stage and not self._means_something(name) else None

    def _is_value(self, name: str) -> bool:
        return self._find(name) is not None

    def _visible(self) -> set[str]:
        """Return the names of all values that are known here."""
        stages = self.earlier if self.stage else ()
        return {name for name in (*stages, *itertools.chain(*self.outer), *self.frame) if self._find(name) is not None}

    def _means_something(self, name: str) -> bool:
        return name in _WORDS or name in self.params or name in self.vars or name in self.callees

    # --- what is wrong ------------------------------------------------------------------------------------------------

    def _define(self, name: str, at: ast.At, layer: ast.Expr) -> None:
        what = (
            "a parameter" if name in self.params
            else "a var" if name in self.vars
            else "a stage" if name in self.stage_names
            else "a value" if self._find(name) is not None
            else "a block" if name in self.callees and self.callees[name].block is not None
            else "a word of the language" if self._means_something(name)
            else ""
        )  # fmt: skip
        if what:
            self._wrong(f"{quote(name)} is already {what}", at, "give the value another name")
        if isinstance(layer, ast.Number | ast.Size | ast.Quoted | ast.Range | ast.Binary | ast.Negate):
            self._wrong(
                f"{quote(name)} stands behind a number", at, "a layer's output can be named, such as  conv(8) as x"
            )
        self.frame[name] = _Value(at)

    def _unseen(self, name: str, expr: ast.Name) -> None:
        """Say why a value's name means nothing here; leave what is no value's to ``check_text``."""
        if name == self.stage:
            hint = "name a layer in it, such as  conv(8) as x -> relu -> add(identity, x)"
            self._wrong(f"the stage {quote(name)} reads its own output, which is not there yet", expr.at, hint)
        elif name in self.stage_names:
            above = name in self.earlier
            hint = "give it to the block as an argument" if above or not self.stage else "put that stage above this one"
            what = "is not known outside of the stages" if above or not self.stage else "stands further down"
            self._wrong(f"the output of the stage {quote(name)} {what}", expr.at, hint)
        elif name in self.all_names:
            hint = "a value is known behind its name, to the end of its block, stage, copy, option or argument"
            self._wrong(f"the value {quote(name)} is not known here", expr.at, hint)
        elif (near := did_you_mean(name, self._visible())) and near.startswith("did"):
            self._wrong(f"nothing is named {quote(name)}", expr.at, near)
        else:
            return
        self.values.resolved.add(id(expr))

    def _parts_are_used(self, items: tuple[ast.Expr, ...]) -> None:
        for before, item in itertools.pairwise(items):
            if ignores_input(item, self._is_value) and not any(True for _ in names_given([before])):
                message = "nothing uses what this layer gives: what follows begins with a value"
                self._wrong(message, _at(before), "name it, such as  conv(8) as x, or remove it")

    def _stages_are_used(self) -> None:
        stages = self.architecture.stages
        if DETECT in self.stage_names:  # a level of the neck may take it
            return
        for stage, after in itertools.pairwise(stages):
            if stage.name not in self.values.stages and ignores_input(after.body, self._is_value):
                message = f"nothing uses what the stage {quote(stage.name)} gives: {after.name} begins with a value"
                self._wrong(message, stage.at, f"use {stage.name} in a later stage, or remove it")

    def _wrong(self, message: str, at: ast.At, hint: str | None = None) -> None:
        if self.values.error is None:
            self.values.error = ElaborationError(message, place_in(self.architecture, at), hint)


def _at(expr: ast.Expr) -> ast.At:
    return expr.items[0].at if isinstance(expr, ast.Sequence) and expr.items else expr.at
