"""From a trace to its canonical form: the language's operators, what each reads, and where its weights come from.

An operator that cannot be said is refused with its place and reason, and stands in the form as what it is, so that
whatever follows is still read and all reasons are found.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from archlab.audit.operands import Argument, Constant, Held, Output
from archlab.ir import Shape
from archlab.lift.canonical.axes import layout_of, map_axes, size_of
from archlab.lift.canonical.builder import Builder
from archlab.lift.canonical.looks import check_cast, looks_at_values
from archlab.lift.canonical.response_norm import INSIDE, with_response_norms
from archlab.lift.canonical.rules.layouts import computed
from archlab.lift.canonical.rules.rule import Use
from archlab.lift.canonical.rules.table import RULES
from archlab.lift.canonical.stale import Stale
from archlab.lift.canonical.step import INPUT, Refusal, Step
from archlab.lift.canonical.unsaid import further_input, leaves_in, rows_of, unsaid
from archlab.lift.canonical.values import Computed, Operand, Unknown, UnsayableError, Value, Weight
from archlab.lift.trace import Call, Trace


@dataclass(frozen=True)
class Canonical:
    """A network's canonical form.

    Attributes:
        name: the network's name.
        batch: how many images were read.
        input_shape: the shape of one.
        steps: the operators in the order of running, also those that no output needs.
        outputs: the steps that give the outputs, with the paths of these in what the model returned.
        refusals: what cannot be said; empty where all can.
        layouts: how the axes of outputs lie that are maps, by path: ``nchw``, ``nhwc``.
    """

    name: str
    batch: int
    input_shape: Shape
    steps: tuple[Step, ...]
    outputs: tuple[tuple[str, int], ...]
    refusals: tuple[Refusal, ...]
    layouts: Mapping[str, str] = field(default_factory=dict)


def canonicalise(trace: Trace, whole: bool = False) -> Canonical:
    """Say every operator of a trace in the language, and refuse by name what cannot be said.

    Args:
        whole: whether all that follows an operator that cannot be said is read, and inputs beside the images, such as
            boxes. The form then holds every operator, to be compared with another's.
    """
    reader = _Reader(trace, whole)
    for number, call in enumerate(with_response_norms(trace.calls)):
        reader.read(number, call)
    outputs = tuple((path, reader.output(path, argument)) for path, argument in trace.outputs)
    build = reader.build
    refusals = tuple(dict.fromkeys(reader.refusals))
    return Canonical(trace.name, trace.batch, build.input_shape, tuple(build.steps), outputs, refusals, reader.layouts)


@dataclass
class _Reader:
    """Reads a trace call by call."""

    trace: Trace
    whole: bool = False
    values: dict[Output, Operand] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    stale: Stale = field(default_factory=Stale)
    layouts: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shapes = self.trace.inputs
        first = shapes[0] if shapes else ()
        last = self.trace.channels_last
        self.build = Builder(self.trace.batch, (first[3], *first[1:3]) if last else tuple(first[1:]))
        if len(first) == 4:
            n, c, h, w = map_axes(first[0], self.build.input_shape)
            self.values[Output(INPUT, 0)] = Value(INPUT, (n, h, w, c) if last else (n, c, h, w), first)
        if len(shapes) != 1 or len(first) != 4:
            given = " and ".join("x".join(map(str, shape)) for shape in shapes) or "nothing"
            self.refuse("", "the input", shapes, f"a network of the language takes one batch of images, not {given}")
        for number, shape in enumerate(shapes if self.whole else ()):
            if Output(INPUT, number) not in self.values:
                self.values[Output(INPUT, number)] = further_input(self.build, number, shape)

    def refuse(self, module: str, op: str, shapes: tuple[Shape, ...], reason: str, call: int = INPUT) -> None:
        self.refusals.append(Refusal(module, op, shapes, reason, call))

    def read(self, number: int, call: Call) -> None:
        """Say one operator."""
        self.build.module, self.build.leaf = call.module, call.leaf
        args = {name: self.operand(argument) for name, argument in call.arguments.items()}
        if self.whole:  # a box head runs once for each box
            self.build.batch = rows_of(args) or self.trace.batch
        try:
            self.stale.check(call, self.trace)
            check_cast(call, self.trace)
            out = self.said(call, args)
        except UnsayableError as error:
            self.refuse(call.module, call.op, call.takes, str(error), number)
            out = unsaid(self.build, call, args, self.whole)
        self.stale.run(number, call)
        outs = out if isinstance(out, tuple) else (out,)
        for index, shape in enumerate(call.shapes):
            self.values[Output(number, index)] = outs[index] if index < len(outs) else Unknown(shape)

    def said(self, call: Call, args: Mapping[str, Operand]) -> Operand:
        use = Use(call.op, args, call.shapes)
        operands = list(leaves_in(tuple(args.values())))
        if looks_at_values(call, operands):
            # Which output it decides is Python's to know: so it counts for all.
            self.refuse(call.module, call.op, call.takes, "the forward looks at a value that the input decides")
            return ()
        if call.op == INSIDE or any(isinstance(operand, Unknown) for operand in operands):
            return tuple(map(Unknown, call.shapes))  # why, has been said
        rule = RULES.get(call.op)
        if not any(isinstance(operand, Value) for operand in operands):
            if rule is not None and isinstance(use.x, Weight) and call.views:
                with contextlib.suppress(UnsayableError):
                    return rule(use, self.build)
            return tuple(computed(Use(call.op, args, (shape,)), *operands) for shape in call.shapes)
        if not call.shapes:
            return ()
        if rule is None:
            raise UnsayableError("the language has no operator for it")
        out = rule(use, self.build)
        for value, shape in zip(out if isinstance(out, tuple) else (out,), call.shapes, strict=False):
            if isinstance(value, Value) and value.shape != shape:
                raise UnsayableError(f"it gives {value.shape} where the model has {shape}")
        return out

    def operand(self, argument: Argument) -> Operand:
        match argument:
            case Output():
                return self.values.get(argument, Unknown(()))
            case Held(name):
                return Weight(name, self.trace.held.get(name, ()))
            case Constant(shape):
                return Computed((), (), shape)
            case tuple():
                return tuple(map(self.operand, argument))
            case _:
                return argument

    def output(self, path: str, argument: Argument) -> int:
        """Return the step that gives an output, as a map or features."""
        self.build.module, self.build.leaf = "", False
        operand = self.operand(argument)
        try:
            if isinstance(argument, Output):
                self.stale.check_output(argument)
            if isinstance(operand, Unknown):
                if not self.refusals:
                    raise UnsayableError("it reads the inside of a norm")
                return INPUT
            value = self.build.plain(operand, "it")
            if tuple(map(size_of, value.axes)) != value.shape:
                raise UnsayableError("it repeats a value")
            if len(value.axes) == 2:
                return self.build.features(value)
            layout = layout_of(value.axes) if len(self.build.shape_of(value.step)) == 3 else None
            if layout is None:
                return self.build.map(value).step
            self.layouts[path] = layout
            return value.step
        except UnsayableError as error:
            shapes = (operand.shape,) if isinstance(operand, Value | Computed | Weight) else ()
            self.refuse("", output_name(path), shapes, str(error))
            return INPUT


def output_name(path: str) -> str:
    """Return what an output is called in messages."""
    return f"the output {path}".rstrip()
