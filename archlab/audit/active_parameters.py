"""How many parameters work on one token of a mixture of experts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from archlab.audit.findings import Input, Operator

_GROUPED = ("_grouped_mm", "_scaled_grouped_mm", "_scaled_grouped_mm_v2")


def active_parameters(params: int, inputs: Sequence[Input], operators: Sequence[Operator]) -> int | None:
    """Return the parameters that are used for one token on average; None for a model without grouped products.

    Of an expert's matrices a token uses as many elements as it has MACs with them; all other parameters it uses whole.
    Tokens are counted in the first input: its integers, or its vectors.
    """
    grouped = [o for o in operators if o.op in _GROUPED and len(o.takes) > 1 and len(o.takes[1]) == 3]
    if not grouped or not inputs:
        return None
    first = inputs[0]
    tokens = math.prod(first.shape if first.dtype.startswith(("int", "uint")) else first.shape[:-1])
    idle = sum(max(0, math.prod(o.takes[1]) - o.macs // max(1, tokens)) for o in grouped)
    return max(0, params - idle)
