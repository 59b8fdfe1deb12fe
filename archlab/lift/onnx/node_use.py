"""One ONNX node with its attributes and inputs, as the rows that say it in PyTorch's operators take it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from archlab.audit.operands import Argument, Output
from archlab.ir import Shape
from archlab.lift.onnx.onnx_values import OnnxModel


@dataclass(frozen=True)
class NodeUse:
    """One node: its attributes, and its inputs as arguments.

    Attributes:
        attrs: attributes by name.
        names: the names of its inputs; empty where one is left out.
        args: its inputs: tensors of the trace, weights, or None.
        model: the whole file.
    """

    attrs: Mapping[str, Any]
    names: tuple[str, ...]
    args: tuple[Argument, ...]
    outputs: tuple[str, ...]
    model: OnnxModel

    def arg(self, i: int) -> Argument:
        return self.args[i] if i < len(self.args) else None

    def number(self, i: int, default: Any = None) -> Any:
        """Return a constant input as a number or tuple."""
        if i >= len(self.names) or not self.names[i]:
            return default
        value = self.model.constant(self.names[i])
        return _plain(value) if value is not None else "computed"

    def either(self, i: int, name: str, default: Any = None) -> Any:
        """Return what newer versions take as an input and older ones as an attribute."""
        value = self.number(i)
        return value if value is not None else self.attrs.get(name, default)

    def shape(self, i: int = 0) -> Shape:
        return self.model.shape(self.names[i])


Step = tuple[str, dict[str, Argument]]
"""An operator's name and arguments; several steps run on one another's output, which ``PREVIOUS`` stands for."""
PREVIOUS = Output(-2)
Row = Callable[[NodeUse], list[Step]]


def _plain(value: np.ndarray) -> Any:
    found = value.tolist()
    return tuple(found) if isinstance(found, list) else found


def operand(use: NodeUse, i: int) -> Argument:
    """Return an input as a number where it is one, else as the tensor that it is."""
    value = use.model.constant(use.names[i])
    if value is not None and value.size == 1 and value.dtype.kind in "fiu":
        return float(value.reshape(())) if value.dtype.kind == "f" else int(value.reshape(()))
    return use.arg(i)
