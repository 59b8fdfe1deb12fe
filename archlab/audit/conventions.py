"""What other counters would say of the same model, read off the columns of an audit."""

from __future__ import annotations

from dataclasses import dataclass

from archlab.audit.counted import Operator
from archlab.audit.result import Audit

NOTE = (
    "MACs are multiply-accumulates. Where FLOPs count a product and a sum apiece they are twice the MACs;"
    " most papers on mobile networks, and fvcore, call the MACs themselves FLOPs."
)

_FVCORE_POOL = ("adaptive_avg_pool2d", "upsample_nearest2d", "upsample_bilinear2d", "grid_sampler", "grid_sampler_2d")
_FVCORE_NORM = ("batch_norm", "layer_norm", "group_norm", "instance_norm")
_FVCORE_BLIND = ("lstm", "gru", "rnn_tanh", "rnn_relu", "baddbmm", "torchvision::deform_conv2d")


@dataclass(frozen=True, slots=True)
class Convention:
    """A total in the way of a counter: what it is called, the number, and the columns that it is made of."""

    name: str
    total: int
    made_of: str


def conventions(audit: Audit) -> tuple[Convention, ...]:
    """The totals by the conventions of the best-known counters."""
    everything = 2 * audit.macs + audit.bias + audit.norm + audit.pool + audit.elementwise
    return (
        Convention("MACs", audit.macs, "convolutions, linear layers, matrix products, attention"),
        Convention("FLOPs, torch FlopCounterMode", 2 * audit.macs, "2 x MACs"),
        Convention("flops, fvcore", fvcore_total(audit), "MACs + norms + adaptive pooling and interpolation in 2-D"),
        Convention("MACs with biases", audit.macs + audit.bias, "MACs + bias"),
        Convention("all operations", everything, "2 x MACs + bias + norm + pool + elementwise"),
    )


def fvcore_total(audit: Audit) -> int:
    """What fvcore's own handles, seeing all that they could, add up to."""
    return sum(map(fvcore_flops, audit.operators))


def fvcore_flops(operator: Operator) -> int:
    """One operator's flops by fvcore's rules."""
    norm = operator.norm if operator.op in _FVCORE_NORM else 0
    return operator.macs + norm + (operator.pool if operator.op in _FVCORE_POOL else 0)


def fvcore_misses(operator: Operator) -> bool:
    """Whether fvcore as it comes has no handle for an operator with MACs that a published count then lacks.

    Recurrent layers, ``baddbmm``, deformable convolution, and convolutions whose padding is a word.
    """
    return operator.op in _FVCORE_BLIND or operator.target.endswith(".padding")
