"""An operator on given inputs."""

from __future__ import annotations

from archlab.errors import LimitError
from archlab.ir import Applied, numel
from archlab.ops.row import Attrs, Shapes, zero
from archlab.ops.table import OPS

MAX_ELEMENTS = 2**40
"""The most elements that an output, or an operator's weights, may have."""


def apply_op(name: str, inputs: Shapes, args: Attrs, rows: int = 1) -> Applied:
    """Apply the operator ``name`` to inputs of these shapes, of which one image has ``rows``.

    Args:
        args: the arguments as the language gives them, such as ``{"c": 64, "k": 3}``; none may be missing.

    Raises:
        ElaborationError: the arguments or shapes break one of its rules.
        LimitError: its output or weights would exceed ``MAX_ELEMENTS``.
    """
    return apply_resolved(name, inputs, OPS[name].attrs(inputs, args), rows)


def apply_resolved(name: str, inputs: Shapes, attrs: Attrs, rows: int = 1) -> Applied:
    """Apply the operator ``name`` with arguments that are resolved already, such as ``{"out_channels": 64, …}``.

    Raises:
        ElaborationError: the shapes break one of its rules.
        LimitError: its output or weights would exceed ``MAX_ELEMENTS``.
    """
    op = OPS[name]
    shape = op.shape(inputs, attrs)
    weights = op.weights(inputs, attrs)
    rows = attrs.get("rois", rows)
    for what, count in (("output", rows * numel(shape)), ("weights", sum(map(numel, weights.values())))):
        if count > MAX_ELEMENTS:
            raise LimitError(f"the {what} would hold {count} elements, more than {MAX_ELEMENTS}")
    return Applied(
        op=name,
        attrs=attrs,
        shape=shape,
        weights=weights,
        buffers=op.buffers(inputs, attrs),
        macs=rows * op.macs(inputs, shape, attrs),
        other=rows * op.other(inputs, shape, attrs),
        activations=rows * numel(shape) if op.macs is not zero else 0,
        rows=rows,
    )
