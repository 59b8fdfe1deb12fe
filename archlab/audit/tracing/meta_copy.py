"""A copy of a model without its weights: what autograd needs, whose gradients must lie where the weights are."""

from __future__ import annotations

import copy

import torch
from torch import nn

from archlab.audit.tracing.tracer import is_small


def meta_copy(model: nn.Module) -> nn.Module:
    """Copy ``model`` with parameters, and all but small buffers, on the meta device: no weight is copied on the way."""
    made: dict[int, object] = {}
    for parameter in model.parameters():
        empty = torch.empty_like(parameter, device="meta")
        made[id(parameter)] = nn.Parameter(empty, requires_grad=parameter.requires_grad)
    for buffer in model.buffers():
        made[id(buffer)] = buffer.detach().clone() if is_small(buffer) else torch.empty_like(buffer, device="meta")
    return copy.deepcopy(model, made)
