"""What the source's layers read on a few images: collected once, and enough to fill any draw of its space."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archlab.carry.channels import Channels, channels_of, is_depthwise
from archlab.carry.fit import LEAST, Moments, moments
from archlab.carry.forward import Forward, layer_of
from archlab.carry.patches import at_places, read_by, sample_places
from archlab.carry.units import LAYERS, units_of
from archlab.ir import Graph, Node

ROWS = 8_000
MOST_NOTED = 5e8
"""Bytes of values that are noted; of a network that gives more at the sampled places none are."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of a trained network on calibration images.

    Attributes:
        reads: moments of what each layer reads, by its operator's name. Memory: the square of input channels times
            places of the kernel, in float64; a convolution of 512 channels and 3x3 takes 170 MB.
        copies: how much each copy of a repeat changes what it is given, by its path: the share of the sum's energy.
        importance: how much each class of channels matters to the layers that read it.
        images: on which it was collected.
        rows, seed: how many places of each map were sampled, and of which sample.
        given: what a walk fits layers to, by the operator's name: the ends of units and additions at these places,
            (rows, C), so that many walks need not run the source again.
    """

    reads: Mapping[str, Moments]
    copies: Mapping[str, float]
    importance: Mapping[int, float]
    images: Tensor
    rows: int
    seed: int
    given: Mapping[str, Tensor]

    def has_noted(self, images: Tensor, rows: int, seed: int) -> bool:
        """Return whether values at this sample were noted on images of which ``images`` are all, or the first."""
        return (self.rows, self.seed) == (rows, seed) and torch.equal(self.images[: len(images)], images)


@torch.no_grad()
def collect(module: nn.Module, graph: Graph, images: Tensor, rows: int = ROWS, seed: int = 0) -> Statistics:
    """Run ``images`` (N, C, H, W) once through ``module``, which was built from ``graph``, and keep moments.

    Args:
        rows: how many places of each layer's output are sampled.
    """
    reads: dict[str, Moments] = {}
    copies: dict[str, float] = {}
    given: dict[str, Tensor] = {}
    noted = _to_note(graph, len(images), rows)
    run = Forward(module.eval(), graph, images)
    for node in graph:
        places = sample_places(len(images), node.shape, rows, seed) if len(node.shape) == 3 else None
        if node.op in LAYERS:
            groups = int(node.attrs.get("groups", 1))
            reads[node.name] = moments(read_by(node, run.values[node.inputs[0]], places), groups)
        elif node.op == "add":
            _weigh_copy(node, run, copies)
        run.run(node)
        if node.name in noted:
            given[node.name] = at_places(run.values[node.name], places)
    importance = _importance(module, graph, channels_of(graph), reads)
    return Statistics(reads, copies, importance, images, rows, seed, given)


def _to_note(graph: Graph, images: int, rows: int) -> Collection[str]:
    """Return the operators whose values a walk may fit to; none where these are too many to keep."""
    units = units_of(graph)
    ends = {unit.end.name for unit in units}
    ends |= {unit.layer.name for unit in units if unit.norm is not None and unit.norm.op != "bn"}
    kept = [node for node in graph if node.op == "add" or node.name in ends]
    numbers = sum(node.shape[0] * min(rows, images * math.prod(node.shape[1:])) for node in kept)
    return {node.name for node in kept} if 4 * numbers <= MOST_NOTED else ()


def _weigh_copy(node: Node, run: Forward, copies: dict[str, float]) -> None:
    """Note how much of an addition's energy its first input, the body of the block, has."""
    terms = [run.values[name] for name in node.inputs]
    total = [sum(parts[1:], parts[0]) for parts in zip(*terms, strict=True)]
    share = _energy(terms[0]) / max(_energy(total), LEAST)
    parts = node.name.split(".")
    for i, part in enumerate(parts):
        if part.isdecimal():
            copy = ".".join(parts[: i + 1])
            copies[copy] = copies.get(copy, 0.0) + share


def _energy(value: Sequence[Tensor]) -> float:
    """Return the mean square of a value in batches."""
    squares = sum(float(part.square().sum(dtype=torch.float64)) for part in value)
    return squares / max(1, sum(part.numel() for part in value))


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
