"""Products whose weights are packed: int8 and int4 matrices, and PyTorch's quantized layers.

Their MACs are those of the layer with plain weights: a product of small integers is a MAC as well.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from archlab.audit.counts import Counts
from archlab.audit.rules.rule import Args, Rule, product

_KERNELS = {"Conv1d": "conv1d", "Conv2d": "conv2d", "Conv3d": "conv3d", "Linear": "linear"}


def last_axis(args: Args, out: Tensor) -> Counts:
    """Count a product over the last axis of the input, in whatever form the weight is packed."""
    return product(out.numel() * args[0].shape[-1], out)


def quantized_layer(args: Args, out: Tensor) -> Counts:
    """Count ``quantized::linear`` and ``quantized::conv*``: (input, packed weight and bias, …)."""
    weight, bias = unpack(args[1])
    return product(out.numel() * math.prod(weight.shape[1:]), out, out.numel() if bias is not None else 0)


def quantized_transposed(args: Args, out: Tensor) -> Counts:
    """Count ``quantized::conv_transpose*``: each input element meets one group's output channels and the kernel."""
    weight, bias = unpack(args[1])
    return product(args[0].numel() * math.prod(weight.shape[1:]), out, out.numel() if bias is not None else 0)


def quantized_norm(times: int) -> Rule:
    """Make the rule of a quantized norm: ``times`` operations for each element."""
    return lambda args, out: Counts(norm=times * out.numel())


def unpack(packed: Any) -> tuple[Tensor, Tensor | None]:
    """Return the weight and the bias in a packed object of PyTorch's quantized layers.

    Raises:
        TypeError: it is none of theirs.
    """
    kind = str(packed._type())
    operator = next((name for word, name in _KERNELS.items() if f".{word}PackedParams" in kind), None)
    if operator is None:
        raise TypeError(f"{kind} holds no weights that are known")
    packet = getattr(torch.ops.quantized, f"{operator}_unpack")
    weight, bias = packet(packed)
    return weight, bias
