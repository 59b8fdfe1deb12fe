"""Copies of models, with their weights and without: for counters that alter what they count, and for gradients."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from archlab.audit.tracing.arguments import is_small


def copy_model(model: nn.Module) -> nn.Module:
    """Copy ``model`` deeply, also where it keeps a computed weight, which ``copy.deepcopy`` refuses to copy."""
    return copy.deepcopy(model, {id(tensor): tensor.detach().clone() for tensor in _computed(model)})


def copy_without_values(model: nn.Module, small_buffers: bool = False) -> nn.Module:
    """Copy ``model`` with parameters and buffers on the meta device: no data are copied on the way.

    Args:
        small_buffers: whether small buffers keep their values, which a forward may look at.
    """
    made: dict[int, object] = {}
    for parameter in model.parameters():
        empty = torch.empty_like(parameter, device="meta")
        made[id(parameter)] = nn.Parameter(empty, requires_grad=parameter.requires_grad)
    for tensor in (*model.buffers(), *_computed(model)):
        keep = small_buffers and is_small(tensor) and not tensor.is_meta
        made[id(tensor)] = tensor.detach().clone() if keep else torch.empty_like(tensor, device="meta")
    return copy.deepcopy(model, made)


def _computed(model: nn.Module) -> Iterator[Tensor]:
    """Yield the tensors that modules keep as attributes and that autograd made, as the old ``weight_norm`` does."""
    for module in model.modules():
        for value in vars(module).values():
            if isinstance(value, Tensor) and not value.is_leaf:
                yield value
