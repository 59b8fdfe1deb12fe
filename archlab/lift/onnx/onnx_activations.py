"""Activations that exporters write as several nodes: SiLU as a product with a sigmoid, hard swish with a clip."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archlab.lift.onnx.onnx_values import OnnxModel


def with_activations(nodes: Sequence[Any], model: OnnxModel) -> list[Any]:
    """Return nodes with ``x * sigmoid(x)`` as Swish, and ``x * clip(x + 3, 0, 6) / 6`` and its like as HardSwish.

    What these were made of stays, and nothing reads it any more. Where something else does, the product stays too.
    """
    made = {output: node for node in nodes for output in node.output}
    reads = Counter(name for node in nodes for name in node.input)
    reads.update(model.outputs)
    reader = _Reader(model, made, reads)
    return [_activation(reader, node) or node for node in nodes]


@dataclass(frozen=True)
class _Reader:
    """Reads backwards from a tensor to what it was made of."""

    model: OnnxModel
    made: Mapping[str, Any]
    reads: Mapping[str, int]

    def number(self, name: str) -> float | None:
        """Return a constant of one number."""
        value = self.model.constant(name) if name else None
        return float(value.reshape(())) if value is not None and value.size == 1 else None

    def node(self, name: str) -> Any | None:
        """Return what made a tensor that is read once."""
        return self.made.get(name) if self.reads[name] == 1 else None

    def unscaled(self, name: str, node: Any | None) -> tuple[str, float]:
        """Return the tensor that a node gives a multiple of, and the factor."""
        factor = 1.0
        while node is not None and node.op_type in ("Mul", "Div"):
            a, b = node.input
            if (by := self.number(b)) is not None:
                name, factor = a, factor * by if node.op_type == "Mul" else factor / (by or math.nan)
            elif node.op_type == "Mul" and (by := self.number(a)) is not None:
                name, factor = b, factor * by
            else:
                break
            node = self.node(name)
        return name, factor

    def same(self, a: str, b: str) -> bool:
        """Return whether two tensors are equal, one perhaps times 1."""
        return self.unscaled(a, self.made.get(a)) == self.unscaled(b, self.made.get(b))


def _activation(reader: _Reader, node: Any) -> Any | None:
    """Return the activation that a node is the last of; None for any other."""
    if node.op_type not in ("Mul", "Div"):
        return None
    name, outer = reader.unscaled(node.output[0], node)
    product = node if name == node.output[0] else reader.node(name)
    if product is None or product.op_type != "Mul":
        return None
    for x, other in (tuple(product.input), tuple(product.input)[::-1]):
        gate, inner = reader.unscaled(other, reader.node(other))
        found = _gate(reader, gate, x)
        if found is not None and math.isclose(outer * inner * found[1], 1, rel_tol=1e-6):
            merged = type(node)()
            merged.op_type, merged.name = found[0], node.name
            merged.input.append(x)
            merged.output.append(node.output[0])
            return merged
    return None


def _gate(reader: _Reader, name: str, x: str) -> tuple[str, float] | None:
    """Return the activation that ``x`` times a gate of itself is, and how many times too large."""
    node = reader.node(name)
    if node is None:
        return None
    settings = {a.name: a.f for a in node.attribute}
    if node.op_type == "Sigmoid" and reader.same(node.input[0], x):
        return "Swish", 1.0
    if node.op_type == "HardSigmoid" and reader.same(node.input[0], x):
        sixth = math.isclose(settings.get("alpha", 0.2), 1 / 6, rel_tol=1e-5)
        return ("HardSwish", 1.0) if sixth and settings.get("beta", 0.5) == 0.5 else None
    limits = tuple(map(reader.number, node.input[1:])) or (settings.get("min"), settings.get("max"))
    shifted = reader.node(node.input[0]) if node.op_type == "Clip" and limits == (0, 6) else None
    if shifted is None or shifted.op_type != "Add":
        return None
    a, b = shifted.input
    threes = (reader.number(b) == 3 and reader.same(a, x)) or (reader.number(a) == 3 and reader.same(b, x))
    return ("HardSwish", 6.0) if threes else None
