"""The operators: one row each, with its signature, shape rule, parameter rule and MAC rule.

The closed forms here are what a search counts with, and they equal fvcore's counts operator by operator: ``macs`` is
what fvcore calls flops of convolutions and linear layers, ``other`` what it adds for norms and pooling.
Shapes are without the batch; ``x`` is a list of input shapes, ``y`` the output's.
"""

from archlab.ops.apply import MAX_ELEMENTS, apply_op, apply_resolved
from archlab.ops.opaque import LAYOUTS, MOST, OPAQUE
from archlab.ops.row import REQUIRED, Op, Stride
from archlab.ops.table import CONVOLUTIONS, OPS, STRETCHING
from archlab.ops.verify import verify

__all__ = [
    "CONVOLUTIONS",
    "LAYOUTS",
    "MAX_ELEMENTS",
    "MOST",
    "OPAQUE",
    "OPS",
    "REQUIRED",
    "STRETCHING",
    "Op",
    "Stride",
    "apply_op",
    "apply_resolved",
    "verify",
]
