"""Parameters that PyTorch's quantized layers keep packed in objects of their own, unseen by ``parameters()``."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from archlab.audit.rules.packed_weights import unpack, unpack_cell


def packed_parameters(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield the weights and biases that ``module`` itself keeps packed, with their names."""
    for name, value in vars(module).items():
        if not isinstance(value, torch.ScriptObject):
            continue
        try:
            yield from ((f"{name}.{part}", tensor) for part, tensor in unpack_cell(value))
            continue
        except TypeError:
            pass
        try:
            weight, bias = unpack(value)
        except TypeError:
            continue
        yield f"{name}.weight", weight
        if bias is not None:
            yield f"{name}.bias", bias
