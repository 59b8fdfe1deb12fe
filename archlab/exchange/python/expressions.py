"""Operators as Python expressions: constructors of torch's modules, and functions of tensors."""

from __future__ import annotations

from collections.abc import Sequence

from archlab.exchange.constructors import Construct
from archlab.exchange.operator_exports import OPERATOR_EXPORTS
from archlab.ir import Node
from archlab.nn import layers

HELPERS = {
    name: value
    for name, value in vars(layers).items()
    if isinstance(value, type) and value.__module__ == layers.__name__
}
"""Modules that torch lacks, whose source goes with what uses them."""


def constructor(node: Node) -> Construct:
    """Return how the module of ``node`` is constructed."""
    module = OPERATOR_EXPORTS[node.op].module
    assert module is not None, f"{node.op} is a function of tensors"
    callee, arguments = module
    uneven = OPERATOR_EXPORTS[node.op].uneven if "padding_end" in node.attrs else None
    return Construct(uneven or callee, arguments(node.attrs))


def function(node: Node, x: Sequence[str], channels: int) -> str:
    """Return the expression of an operator on tensors, of the variables ``x``, the first of which has ``channels``."""
    match node.op:
        case "slice":
            start, stop = node.attrs["start"], node.attrs["stop"]
            n, rest = divmod(channels, stop - start)
            even = rest == 0 and start % (stop - start) == 0
            return f"{x[0]}.chunk({n}, 1)[{start // (stop - start)}]" if even else f"{x[0]}[:, {start}:{stop}]"
        case "cat":
            return f"torch.cat([{', '.join(x)}], 1)"
        case "add":
            return " + ".join(x)
        case "sub":
            return " - ".join(x)
        case _:
            return " * ".join(x)
