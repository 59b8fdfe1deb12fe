"""What the source's layers read on a few images: collected once, and enough to fill any draw of its space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archlab.carry.channels import Channels, channels_of, is_depthwise
from archlab.carry.fit import LEAST, Moments, moments
from archlab.carry.forward import Forward, layer_of
from archlab.carry.patches import read_by, sample_places
from archlab.carry.units import LAYERS
from archlab.ir import Graph, Node

ROWS = 8_000


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of a trained network on calibration images.

    Attributes:
        reads: moments of what each layer reads, by its operator's name. Memory: the square of input channels times
            places of the kernel, in float64; a convolution of 512 channels and 3x3 takes 170 MB.
        copies: how much each copy of a repeat changes what it is given, by its path: the share of the sum's energy.
        importance: how much each class of channels matters to the layers that read it.
    """

    reads: Mapping[str, Moments]
    copies: Mapping[str, float]
    importance: Mapping[int, float]


@torch.no_grad()
def collect(module: nn.Module, graph: Graph, images: Tensor, rows: int = ROWS, seed: int = 0) -> Statistics:
    """Run ``images`` (N, C, H, W) once through ``module``, which was built from ``graph``, and keep moments.

    Args:
        rows: how many places of each layer's output are sampled.
    """
    reads: dict[str, Moments] = {}
    copies: dict[str, float] = {}
    run = Forward(module.eval(), graph, images)
    for node in graph:
        if node.op in LAYERS:
            x = run.values[node.inputs[0]]
            groups = int(node.attrs.get("groups", 1))
            places = sample_places(len(x), node.shape, rows, seed) if node.op == "conv2d" else None
            reads[node.name] = moments(read_by(node, x, places), groups)
        elif node.op == "add":
            _weigh_copy(node, run, copies)
        run.run(node)
    return Statistics(reads, copies, _importance(module, graph, channels_of(graph), reads))


def _weigh_copy(node: Node, run: Forward, copies: dict[str, float]) -> None:
    """Note how much of an addition's energy its first input, the body of the block, has."""
    terms = [run.values[name] for name in node.inputs]
    total = sum(terms[1:], terms[0])
    share = float(terms[0].square().mean()) / max(float(total.square().mean()), LEAST)
    parts = node.name.split(".")
    for i, part in enumerate(parts):
        if part.isdecimal():
            copy = ".".join(parts[: i + 1])
            copies[copy] = copies.get(copy, 0.0) + share


def _importance(module: nn.Module, graph: Graph, channels: Channels, reads: Mapping[str, Moments]) -> dict[int, float]:
    """Return each class's share of the energy that the layers that read it put out, summed over these layers."""
    matters: dict[int, float] = {}
    for node in graph:
        if node.op not in LAYERS or is_depthwise(node):
            continue
        weight = layer_of(module, node).get_parameter("weight").detach().double().flatten(1)
        cov = reads[node.name].cov
        groups, d, _ = cov.shape
        each = weight.view(groups, -1, d)
        energy = each.square().sum(1) * cov.diagonal(dim1=1, dim2=2)
        total = max(float(torch.einsum("god,gde,goe->", each, cov, each)), LEAST)
        classes = channels.of[node.inputs[0]]
        for c, share in zip(classes, energy.reshape(len(classes), -1).sum(1).tolist(), strict=True):
            matters[c] = matters.get(c, 0.0) + share / total
    return matters
