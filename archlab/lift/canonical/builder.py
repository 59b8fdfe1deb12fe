"""The steps of a canonical form while they are made, and the values that rules ask for in one form or another."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from archlab.errors import ArchlabError
from archlab.ir import Applied, Shape
from archlab.lift.canonical.axes import Axes, flat_axes, letters, map_axes, whole
from archlab.lift.canonical.step import INPUT, Step
from archlab.lift.canonical.values import Computed, Operand, Padding, UnsayableError, Value, Weight
from archlab.ops import OPS, apply_op, apply_resolved


@dataclass(slots=True)
class Builder:
    """Appends steps, the operators of the language that a model runs.

    Attributes:
        batch: how many images the model was given.
        input_shape: the shape of one.
        steps: the steps so far.
        module: the path of the module whose operator is being said.
        leaf: whether it has no modules of its own.
    """

    batch: int
    input_shape: Shape
    steps: list[Step] = field(default_factory=list)
    module: str = ""
    leaf: bool = False
    _flattened: dict[int, int] = field(default_factory=dict)
    _as_maps: dict[int, int] = field(default_factory=dict)

    def shape_of(self, step: int) -> Shape:
        """Return the shape that a step, or the input, gives."""
        return self.input_shape if step == INPUT else self.steps[step].applied.shape

    def add(self, op: str, inputs: Sequence[int], args: Mapping[str, Any] | None = None, **held: Weight | None) -> int:
        """Append an operator of the language; arguments that are left out have their defaults.

        Raises:
            UnsayableError: the language lacks it, or its rules refuse the inputs or arguments.
        """
        if op not in OPS:
            raise UnsayableError(f"the language has no {op}")
        row = OPS[op]
        args = args or {}
        if unknown := set(args) - set(row.signature):
            raise UnsayableError(f"the language's {op} has no {min(unknown)}")
        try:
            applied = apply_op(op, [self.shape_of(i) for i in inputs], {**row.signature, **args})
        except ArchlabError as error:
            raise UnsayableError(error.message) from None
        return self.append(applied, inputs, {name: weight for name, weight in held.items() if weight is not None})

    def append(self, applied: Applied, inputs: Sequence[int], held: Mapping[str, Weight]) -> int:
        """Append an operator as it is.

        Raises:
            UnsayableError: a weight has another size than the operator's.
        """
        for name, shape in (*applied.weights.items(), *applied.buffers.items()):
            if name in held and math.prod(held[name].shape) != math.prod(shape):
                raise UnsayableError(f"its {name} {held[name].name} has the shape {held[name].shape}, not {shape}")
        self.steps.append(Step(applied, tuple(inputs), self.module, self.leaf, held))
        return len(self.steps) - 1

    def value(self, step: int, axes: Axes | None = None) -> Value:
        """Return what a step gives as a tensor, by default (N, C, H, W) or (N, F)."""
        axes = map_axes(self.batch, self.shape_of(step)) if axes is None else axes
        return Value(step, axes, tuple(math.prod(atom.size for atom in axis) for axis in axes))

    # --- the forms in which rules want values -----------------------------------------------------------------------

    def plain(self, operand: Operand, what: str = "its input") -> Value:
        """Return a value with what was padded around it said.

        Raises:
            UnsayableError: it is no map, or the padding is not of zeros.
        """
        if isinstance(operand, Weight | Computed):
            raise UnsayableError(f"{what} is {described(operand)} and not computed from the input")
        if not isinstance(operand, Value):
            raise UnsayableError(f"{what} is not computed from the input")
        if operand.padding is None:
            return operand
        pad = operand.padding
        if pad.value:
            raise UnsayableError(f"what is padded around its input is {pad.value:g} and not 0")
        sides = {"top": pad.top, "bottom": pad.bottom, "left": pad.left, "right": pad.right}
        return self.value(self.add("pad2d", [operand.step], sides))

    def map(self, operand: Operand, padded: bool = False) -> Value:
        """Return a value as (N, C, H, W); with ``padded``, what lies around it may still be unsaid."""
        value = operand if padded and isinstance(operand, Value) else self.plain(operand)
        step = value.step
        if len(self.shape_of(step)) == 1:
            step = self.as_map(step)
        expected = map_axes(self.batch, self.shape_of(step))
        if value.axes != expected or (value.padding is None and len(value.shape) != 4):
            raise UnsayableError(f"its input is no N x C x H x W map, but {described_axes(value)}")
        return dataclasses.replace(value, step=step)

    def channels_last(self, operand: Operand) -> Value:
        """Return a value whose last axis is all of its channels, whatever the others are."""
        value = self.plain(operand)
        shape = self.shape_of(value.step)
        if value.axes[-1] != whole("c", shape[0]) or any("c" in letters(axis) for axis in value.axes[:-1]):
            raise UnsayableError(f"its input has not its channels last, but is {described_axes(value)}")
        if value.shape[-1] != shape[0]:
            raise UnsayableError("its input repeats one channel")
        return value

    def features(self, value: Value) -> int:
        """Return the step that gives a value of (N, F) as features.

        Raises:
            UnsayableError: it holds a map in another order than channels, rows, columns.
        """
        shape = self.shape_of(value.step)
        if value.axes != flat_axes(self.batch, shape):
            raise UnsayableError(f"its input is flattened in another order, as {described_axes(value)}")
        if len(shape) == 1:
            return value.step
        if value.step not in self._flattened:
            self._flattened[value.step] = self.add("flatten", [value.step])
        return self._flattened[value.step]

    def as_map(self, step: int) -> int:
        """Return a step that gives the same as the features of ``step``, but as a 1x1 map.

        Linear layers become 1x1 convolutions; the steps before that nobody needs then vanish.

        Raises:
            UnsayableError: the features come from a map of more than one place.
        """
        if step in self._as_maps:
            return self._as_maps[step]
        shape = self.shape_of(step)
        if len(shape) == 3:
            return step
        if step == INPUT:
            raise UnsayableError("its input is features, and not a map")
        old = self.steps[step]
        here, self.module, self.leaf = (self.module, self.leaf), old.module, old.leaf
        applied = old.applied
        inputs = [self.as_map(i) for i in old.inputs]
        if applied.op == "flatten":
            if self.shape_of(inputs[0])[1:] != (1, 1):
                raise UnsayableError(
                    "its input is features that come from a map of several places, used as a map again"
                )
            made = inputs[0]
        elif applied.op == "linear":
            args = {"c": applied.attrs["out_features"], "k": 1, "bias": int(applied.attrs["bias"])}
            made = self.add("conv2d", inputs, args, **old.held)
        else:
            try:
                again = apply_resolved(applied.op, [self.shape_of(i) for i in inputs], applied.attrs)
            except (ArchlabError, KeyError) as error:
                raise UnsayableError(f"its input is features of {applied.op}, used as a map again") from error
            made = self.append(again, inputs, old.held)
        self.module, self.leaf = here
        self._as_maps[step] = made
        return made


def described(operand: Operand) -> str:
    """Return what a weight or what was computed of weights is, for a message."""
    if isinstance(operand, Weight):
        return f"the weight {operand.name}" + (" transposed" if operand.transposed else "")
    if isinstance(operand, Computed):
        of = f" of {', '.join(operand.names[:4])}" if operand.names else ""
        return f"computed{of} by {', '.join(dict.fromkeys(operand.ops[-4:])) or 'nothing'}"
    return repr(operand)


def described_axes(value: Value) -> str:
    """Return a tensor's axes for a message: ``n x h·w x c``."""
    axes = ("·".join(f"{a.letter}{a.size if a.letter != 'n' else ''}" for a in axis) or "1" for axis in value.axes)
    return " x ".join(axes)


def padding_of(value: Value) -> Padding:
    return value.padding or Padding(0, 0, 0, 0)
