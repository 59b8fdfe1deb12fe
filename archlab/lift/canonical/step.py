"""A step of the canonical form: an operator of the language with what it reads, and where its weights come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from archlab.ir import Applied, Shape
from archlab.lift.canonical.values import Weight

INPUT = -1
"""The number that stands for the network's input."""


@dataclass(frozen=True, slots=True)
class Step:
    """One operator of the language, or one that the language cannot say.

    Attributes:
        applied: the operator with its resolved arguments; one that cannot be said has a name such as ``aten.conv3d``.
        inputs: the steps whose values it takes, in order.
        module: the path of the module that it stands for.
        leaf: whether that module does nothing else.
        held: the model's tensor for each of its own, by name.
    """

    applied: Applied
    inputs: tuple[int, ...]
    module: str
    leaf: bool = False
    held: Mapping[str, Weight] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something of a model that cannot be said: where, what, with which shapes, and why.

    Attributes:
        call: the number of the call in the trace; -1 where it is none.
    """

    module: str
    op: str
    shapes: tuple[Shape, ...]
    reason: str
    call: int = INPUT

    def __str__(self) -> str:
        shapes = " and ".join("x".join(map(str, shape)) or "a number" for shape in self.shapes[:3])
        return f"{self.module or 'the model itself'}: {self.op}{f' of {shapes}' if shapes else ''}: {self.reason}"
