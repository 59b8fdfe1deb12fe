"""Weights of the source at the channels that stay: what every tool that prunes does, and what a refit begins with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from archlab.carry.correspondence import ABSENT, Correspondence
from archlab.ir import Node

State = Mapping[str, Tensor]
"""A node's tensors by name, such as ``weight``."""


def sliced(node: Node, there: Node, state: State, corr: Correspondence) -> dict[str, Tensor]:
    """Return the tensors of the target's operator ``node``, cut out of ``state``, those of the source's ``there``.

    Filters of a larger kernel keep its middle. What the source has not is 0; of a batch norm, its statistics 0 and 1.
    """
    made: dict[str, Tensor] = {}
    for name, shape in {**node.weights, **node.buffers}.items():
        tensor = state[name]
        if name == "weight" and len(shape) >= 2 and node.op != "scale" and node.op != "channel_conv":
            made[name] = _filters(node, there, tensor, corr)
        elif shape and tensor.shape[0] == there.shape[0] and shape[0] == node.shape[0]:
            rest = 1.0 if name == "running_var" else 0.0
            made[name] = _taken(tensor, corr.index[node.name], rest)
        else:
            made[name] = cropped(tensor, shape[2:]) if len(shape) > 2 else tensor.clone()
    return made


def _filters(node: Node, there: Node, weight: Tensor, corr: Correspondence) -> Tensor:
    """Return the filters (out, in / groups, …) of ``node``; (in, out / groups, …) of a transposed convolution."""
    turned = node.op == "conv_transpose"
    full = _turned(weight, there) if turned else weight
    out = torch.tensor(corr.index[node.name])
    columns = torch.tensor(corr.reads[node.name])
    ours, theirs = (int(n.attrs.get("groups", 1)) for n in (node, there))
    width, width_there = len(columns) // ours, full.shape[1]
    group = torch.arange(len(out)) // (len(out) // ours)
    group_there = out.clamp(min=0) // (full.shape[0] // theirs)
    reads = columns.view(ours, width)[group]  # (out, in / groups): channels of the source that each filter reads
    at = reads - group_there[:, None] * width_there
    known = (reads != ABSENT) & (out != ABSENT)[:, None] & (at >= 0) & (at < width_there)
    taken = full[out.clamp(min=0)[:, None], at.clamp(0, width_there - 1)]
    taken = torch.where(known.view(*known.shape, *(1,) * (full.dim() - 2)), taken, 0.0)
    shape = node.weights["weight"]
    taken = cropped(taken, shape[2:])
    return _turned(taken, node) if turned else taken


def _turned(weight: Tensor, node: Node) -> Tensor:
    """Swap the first two axes of grouped filters: (in, out / groups, …) and (out, in / groups, …)."""
    groups = int(node.attrs.get("groups", 1))
    a, b = weight.shape[0] // groups, weight.shape[1]
    rest = weight.shape[2:]
    return weight.view(groups, a, b, *rest).transpose(1, 2).reshape(groups * b, a, *rest)


def _taken(tensor: Tensor, index: Sequence[int], rest: float) -> Tensor:
    at = torch.tensor(index)
    known = (at != ABSENT).view(-1, *(1,) * (tensor.dim() - 1))
    return torch.where(known, tensor[at.clamp(min=0)], torch.tensor(rest, dtype=tensor.dtype))


def cropped(weight: Tensor, size: Sequence[int]) -> Tensor:
    """Return the middle of a kernel, of ``size``; a smaller kernel is put in the middle of zeros."""
    first = weight.dim() - len(size)
    for axis, want in enumerate(size, first):
        have = weight.shape[axis]
        if have >= want:
            weight = weight.narrow(axis, (have - want) // 2, want)
        else:
            shape = list(weight.shape)
            shape[axis] = want
            grown = weight.new_zeros(shape)
            grown.narrow(axis, (want - have) // 2, have).copy_(weight)
            weight = grown
    return weight.clone()
