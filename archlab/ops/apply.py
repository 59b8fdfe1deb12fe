"""An operator on given inputs."""

from __future__ import annotations

from archlab.errors import LimitError
from archlab.ir import Applied, numel
from archlab.ops.row import Attrs, Shapes, zero
from archlab.ops.table import OPS

MAX_ELEMENTS = 2**40


def apply_op(name: str, inputs: Shapes, args: Attrs, rows: int = 1) -> Applied:
    """The operator ``name`` on inputs of these shapes, of which one image has ``rows``.

    Raises:
        ElaborationError: the arguments or shapes break one of its rules.
        LimitError: its output or weights would exceed ``MAX_ELEMENTS``.
    """
    op = OPS[name]
    attrs = op.attrs(inputs, args)
    shape = op.shape(inputs, attrs)
    weights = op.weights(inputs, attrs)
    params = sum(map(numel, weights.values()))
    rows = attrs.get("rois", rows)
    for what, count in (("output", rows * numel(shape)), ("weights", params)):
        if count > MAX_ELEMENTS:
            raise LimitError(f"the {what} would hold {count} elements, more than {MAX_ELEMENTS}")
    macs = rows * op.macs(inputs, shape, attrs)
    return Applied(
        op=name,
        attrs=attrs,
        shape=shape,
        weights=weights,
        buffers=op.buffers(inputs, attrs),
        macs=macs,
        other=rows * op.other(inputs, shape, attrs),
        activations=rows * numel(shape) if op.macs is not zero else 0,
        rows=rows,
    )
