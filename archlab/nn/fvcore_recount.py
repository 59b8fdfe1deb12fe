"""fvcore's count of a network's module, and whether the closed form equals it."""

from __future__ import annotations

import warnings
from collections import Counter

from torch import fx

from archlab.elaborate import Network, Source, Space, graph_of
from archlab.ir import Graph
from archlab.measured import Recount
from archlab.nn.blank_inputs import blank_inputs
from archlab.nn.module import build, target_of
from archlab.ops import OPS
from archlab.roi import fvcore_handles

with warnings.catch_warnings():
    # fvcore scripts a loss function as it is imported, of which torch warns whoever runs archlab.
    warnings.simplefilter("ignore", FutureWarning)
    from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis

MACS_OPERATORS = ("conv", "linear", "addmm", "matmul", "bmm", "mm", "einsum")
"""fvcore's operators whose count is multiply-accumulates; the others are norms, pooling and upsampling."""


def recount(graph: Graph | Network | Source | Space) -> Recount:
    """fvcore's count of ``graph``, for one image, with the boxes that a detector's text states.

    In place of a graph stands also a network, or whatever ``archlab.elaborate`` takes.

    ``equal`` holds where the closed form equals fvcore's by operator and by node, and so do the parameters and the
    activations (fvcore's ``ActivationCountAnalysis``).

    Raises:
        BuildError: torch cannot build a node.
        InputError: the argument is no network, and names none.
    """
    graph = graph_of(graph)
    module = build(graph).eval()
    flops = analysis(module, graph)
    by_operator = {name: int(n) for name, n in flops.by_operator().items() if n}
    by_module = flops.by_module()
    activations = _quiet(ActivationCountAnalysis(module, blank_inputs(graph)))
    equal = (
        by_operator == expected_by_operator(graph)
        and all(by_module[target_of(node.name)] == node.macs + node.other for node in graph)
        and sum(p.numel() for p in module.parameters()) == sum(node.params for node in graph)
        and activations.total() == sum(node.activations for node in graph)
    )
    return Recount(
        macs=sum(by_operator.get(name, 0) for name in MACS_OPERATORS),
        total=int(flops.total()),
        by_operator=by_operator,
        uncounted={name: int(n) for name, n in sorted(flops.unsupported_ops().items())},
        equal=equal,
    )


def expected_by_operator(graph: Graph) -> dict[str, int]:
    """Return the closed form of ``graph``, for one image, under the names by which fvcore groups its count."""
    counts: Counter[str] = Counter()
    for node in graph:
        op = OPS[node.op]
        if op.fvcore is not None:
            counts[op.fvcore] += node.macs
            counts[op.fvcore if op.fvcore_other is None else op.fvcore_other(node.attrs)] += node.other
    return {name: n for name, n in counts.items() if n}


def analysis(module: fx.GraphModule, graph: Graph) -> FlopCountAnalysis:
    """fvcore's analysis of ``module`` on one image of ``graph``'s input, and its boxes, without its warnings.

    What it warns of, operators that it does not count, is in its ``unsupported_ops``.
    """
    return _quiet(FlopCountAnalysis(module, blank_inputs(graph)).set_op_handle(**fvcore_handles()))


def _quiet(counter: FlopCountAnalysis) -> FlopCountAnalysis:
    return counter.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
