"""Products whose weights are packed: int8 and int4 matrices, and PyTorch's quantized layers.

Their MACs are those of the layer with plain weights: a product of small integers is a MAC as well.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from archlab.audit.counts import Counts
from archlab.audit.rules.recurrent import recurrence
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


def quantized_recurrent(gates: int) -> Rule:
    """Make the rule of ``aten::quantized_lstm`` and its kin: as of a plain layer, whose cells are packed."""

    def rule(args: Args, out: Any) -> Counts:
        cells = next(a for a in args if isinstance(a, list | tuple) and a and isinstance(a[0], torch.ScriptObject))
        weights = [weight for cell in cells for _, weight in unpack_cell(cell)]
        return recurrence(args[0].numel() // args[0].shape[-1], weights, gates, out[0].numel())

    return rule


def quantized_cell(gates: int) -> Rule:
    """Make the rule of one step: (input, hidden, packed w_ih, packed w_hh, b_ih, b_hh)."""

    def rule(args: Args, out: Any) -> Counts:
        weights = [unpack(args[2])[0], unpack(args[3])[0], *(b for b in args[4:6] if isinstance(b, Tensor))]
        first = out[0] if isinstance(out, tuple | list) else out
        return recurrence(args[0].numel() // args[0].shape[-1], weights, gates, first.numel())

    return rule


def unpack_cell(packed: Any) -> list[tuple[str, Tensor]]:
    """Return the weights and biases in a packed cell of PyTorch's quantized recurrent layers, with their names.

    Raises:
        TypeError: it is none.
    """
    if ".CellParamsBase" not in str(packed._type()):
        raise TypeError(f"{packed._type()} is no cell")
    (_, biases, _, _, packs), _ = packed.__getstate__()
    pairs = [unpack(pack) for pack in packs]
    biases = biases or [bias for _, bias in pairs if bias is not None]
    names = [*zip(("weight_ih", "weight_hh"), (weight for weight, _ in pairs), strict=False)]
    return [*names, *zip(("bias_ih", "bias_hh"), biases, strict=False)]


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
