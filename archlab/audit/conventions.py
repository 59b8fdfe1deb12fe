"""What other counters would say of the same model, read off the counts of its operators."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from archlab.audit.counts import Counts
from archlab.audit.findings import Operator

NOTE = (
    "MACs are multiply-accumulates. Where FLOPs count a product and a sum each, they are twice the MACs;"
    " most papers on mobile networks, and fvcore, call the MACs themselves FLOPs."
)

FLOPS_NOTE = (
    "FLOPs count a product and a sum each, so they are twice the MACs;"
    " fvcore and most papers on mobile networks call the MACs themselves FLOPs."
)

_FVCORE_POOL = ("adaptive_avg_pool2d", "upsample_nearest2d", "upsample_bilinear2d", "grid_sampler", "grid_sampler_2d")
_FVCORE_NORM = ("batch_norm", "layer_norm", "group_norm", "instance_norm")
_FVCORE_BLIND = ("lstm", "gru", "rnn_tanh", "rnn_relu", "baddbmm", "torchvision::deform_conv2d")


@dataclass(frozen=True, slots=True)
class Convention:
    """A total as another counter gives it: its name, the number, and the counts that it is made of."""

    name: str
    total: int
    made_of: str


def conventions(operators: Sequence[Operator]) -> tuple[Convention, ...]:
    """Return the totals by the conventions of the best-known counters."""
    total = sum(operators, start=Counts())
    return (
        Convention("MACs", total.macs, "convolutions, linear layers, matrix products, attention"),
        Convention("FLOPs, torch FlopCounterMode", 2 * total.macs, "2 x MACs"),
        Convention(
            "flops, fvcore", fvcore_total(operators), "MACs + norms + adaptive pooling and interpolation in 2-D"
        ),
        Convention("MACs with biases", total.macs + total.bias, "MACs + bias"),
        Convention("all operations", total.operations, "2 x MACs + bias + norm + pool + elementwise"),
    )


def fvcore_total(operators: Iterable[Operator]) -> int:
    """Add up what fvcore's own handles count where they see every operator."""
    return sum(map(fvcore_flops, operators))


def fvcore_flops(operator: Operator) -> int:
    """Return one operator's flops by fvcore's rules."""
    norm = operator.norm if operator.op in _FVCORE_NORM else 0
    return operator.macs + norm + (operator.pool if operator.op in _FVCORE_POOL else 0)


def is_missed_by_fvcore(operator: Operator) -> bool:
    """Whether fvcore as it comes has no handle for an operator with MACs, which a published count then lacks.

    These are recurrent layers, ``baddbmm``, deformable convolution, and convolutions whose padding is a word.
    """
    return operator.op in _FVCORE_BLIND or operator.target.endswith(".padding")
