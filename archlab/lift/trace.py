"""A model's forward as data: its operators with their arguments, what it holds, takes and returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archlab.audit.operands import Argument
from archlab.ir import Shape


@dataclass(frozen=True, slots=True)
class Call:
    """One operator as it ran.

    Attributes:
        op: its name without namespace, overload and the underscore of in-place ones.
        module: the path of the module that called it.
        leaf: whether that module has no modules of its own.
        arguments: what it was called with, by name, defaults included.
        takes: the shapes of the tensors that it took, the batch included.
        shapes: the shapes of its outputs, the batch included.
        writes: the names of the arguments that it writes to.
        views: whether its output may be the memory of its first argument.
        macs: its multiply-accumulates, of the whole batch.
        dtype: the type of its first output, such as float32; empty where nothing says it.
    """

    op: str
    module: str
    leaf: bool
    arguments: Mapping[str, Argument]
    takes: tuple[Shape, ...]
    shapes: tuple[Shape, ...]
    writes: tuple[str, ...] = ()
    views: bool = False
    macs: int = 0
    dtype: str = ""


@dataclass(frozen=True)
class Trace:
    """One forward of a model.

    Attributes:
        name: the model's class.
        calls: the operators in the order of running.
        inputs: the shapes of the tensors that it was given, the batch included.
        outputs: the tensors that it returned, with their paths in what it returned.
        held: the shapes of its parameters and buffers, by name in the state dict.
        parameters: the names of those that are parameters; of one that has several, the first.
        channels_last: whether the images are (N, H, W, C).
    """

    name: str
    calls: tuple[Call, ...]
    inputs: tuple[Shape, ...]
    outputs: tuple[tuple[str, Argument], ...]
    held: Mapping[str, Shape]
    parameters: frozenset[str]
    channels_last: bool = False

    @property
    def batch(self) -> int:
        """How many images it was given."""
        return self.inputs[0][0] if self.inputs and self.inputs[0] else 1
