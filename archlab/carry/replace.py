"""Weights of a trained network in a rewriting of it: kernels factorised, and layers refitted by the walk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archlab.carry.channels import is_depthwise
from archlab.carry.factors import across_and_down, depthwise_pointwise, grouped_kernel, narrowed, two_kernels
from archlab.carry.filled import module_of
from archlab.carry.fit import LEAST
from archlab.carry.forward import Forward, layer_of
from archlab.carry.replaced import Alignment, Replacement, align
from archlab.carry.statistics import Statistics, collect
from archlab.carry.units import NORMS
from archlab.carry.walk import refit_by_walk
from archlab.ir import Graph, Node
from archlab.nn import build

PASSING: Mapping[str, float] = {
    "relu": 3.0,
    "relu6": 3.0,
    "leaky_relu": 3.0,
    "prelu": 3.0,
    "elu": 3.0,
    "gelu": 4.0,
    "silu": 4.0,
    "mish": 4.0,
    "hardswish": 6.0,
}
"""The mean, at a deviation of 1, at which an activation passes what it is given as it is, or nearly so: then what lies
between the factors of a kernel is linear, as their product is."""


@dataclass(frozen=True, slots=True)
class ReplacedLayer:
    """What stands for a convolution.

    Attributes:
        source: the convolution in the trained network.
        layers: the convolutions in its place.
        error: the share of the variance of its output that they do not explain, after the refit; None without images.
    """

    source: str
    layers: tuple[str, ...]
    error: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Replaced:
    """A rewriting with weights.

    Attributes:
        module: the rewritten network, as ``archlab.build`` makes it, in evaluation.
        layers: what stands for what, in running order.
    """

    module: nn.Module
    layers: tuple[ReplacedLayer, ...]


@torch.no_grad()
def replace(
    weights: nn.Module | Mapping[str, Tensor],
    source: Graph,
    target: Graph,
    images: Tensor | None = None,
    *,
    known: Statistics | None = None,
    seed: int = 0,
) -> Replaced:
    """Fill ``target``, a rewriting of ``source`` by ``archlab.rewrite``, with the weights of the trained ``source``.

    Every kernel is factorised into those that stand for it, weighed by what its layer reads. Norms between them are set
    so that the activations behind pass what comes; then every layer behind the first replacement is refitted in running
    order, as ``carry`` does.

    Args:
        images: (N, C, H, W), as the network takes them, without labels; without them kernels are factorised alone, and
            norms between them are left at mean 0 and deviation 1.
        known: what ``collect`` says of the source and these images, where there are many rewritings.

    Raises:
        InputError: ``target`` is no rewriting of ``source``, or the weights are not the source's.
    """
    base = module_of(weights, source)
    aligned = align(source, target)
    if images is not None and known is None:
        known = collect(base, source, images, seed=seed)
    module = build(target, seed).eval()
    replaced = {one.layers[-1]: one for one in aligned.replacements}
    for node in target:
        if node.name in replaced:
            _fill(base, source, module, target, replaced[node.name], aligned, known)
        elif node.name in aligned.corr.node and (node.weights or node.buffers):
            _copy(base, source, module, node, aligned)
    errors: dict[str, float] = {}
    if images is not None:
        norms = {name for one in aligned.replacements for name in one.inner if target[name].op in NORMS}
        readers = {name: node for node in target for name in node.inputs}

        def calibrate(node: Node, run: Forward) -> None:
            if node.name in norms:
                _let_pass(layer_of(module, node), torch.cat(run.values[node.inputs[0]]), readers[node.name])

        fits = refit_by_walk(
            base, source, module, target, aligned.corr, images, seed=seed, before=calibrate, known=known
        )
        errors = {fit.name: fit.after for fit in fits}
    layers = tuple(ReplacedLayer(one.source, one.layers, errors.get(one.layers[-1])) for one in aligned.replacements)
    return Replaced(module, layers)


def _fill(
    base: nn.Module,
    source: Graph,
    module: nn.Module,
    target: Graph,
    one: Replacement,
    aligned: Alignment,
    known: Statistics | None,
) -> None:
    there, nodes = source[one.source], [target[name] for name in one.layers]
    layer = layer_of(base, there)
    order = torch.tensor(aligned.corr.index[one.layers[-1]])
    kernel = layer.get_parameter("weight")
    cov = None if known is None else known.reads[there.name].cov[0]
    for node, weight in zip(nodes, factors_of(kernel, cov, nodes, order), strict=True):
        ours = layer_of(module, node)
        ours.get_parameter("weight").copy_(weight)
        bias = getattr(ours, "bias", None)
        if bias is not None:
            own = getattr(layer, "bias", None)
            bias.zero_() if node is not nodes[-1] or own is None else bias.copy_(own[order])


def factors_of(kernel: Tensor, cov: Tensor | None, nodes: list[Node], order: Tensor) -> tuple[Tensor, ...]:
    """Return the weights of the convolutions ``nodes`` that stand for a kernel (out, in, h, w).

    Args:
        cov: of what its layer reads.
        order: which of the kernel's outputs each of the last convolution's is.
    """
    first, last = nodes[0], nodes[-1]
    if len(nodes) == 1:
        return (grouped_kernel(kernel, cov, int(first.attrs["groups"]), order),)
    if len(nodes) == 3:
        return narrowed(kernel, cov, first.shape[0])
    if last.attrs["kernel"] == (1, 1) and (is_depthwise(first) or kernel.shape[1] == 1):
        return depthwise_pointwise(kernel, cov, first.shape[0] // kernel.shape[1])
    if first.attrs["kernel"][0] == 1:
        return across_and_down(kernel, cov, first.shape[0])
    return two_kernels(kernel, first.shape[0], first.attrs["kernel"], first.attrs["stride"])


def _copy(base: nn.Module, source: Graph, module: nn.Module, node: Node, aligned: Alignment) -> None:
    there = source[aligned.corr.node[node.name]]
    order = torch.tensor(aligned.corr.index[node.name])
    theirs = layer_of(base, there).state_dict()
    ours = layer_of(module, node)
    for name, tensor in {**dict(ours.named_parameters()), **dict(ours.named_buffers())}.items():
        value = theirs[name]
        tensor.copy_(value[order] if value.dim() and len(value) == len(order) else value)


def _let_pass(norm: nn.Module, value: Tensor, reader: Node) -> None:
    """Set a norm so that each channel of ``value`` (N, C, H, W) leaves it as the activation behind it passes it."""
    shift = PASSING.get(reader.op, 0.0)
    if isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None:
        norm.running_mean.copy_(value.mean((0, 2, 3)))
        norm.running_var.copy_(value.var((0, 2, 3), correction=0).clamp(min=LEAST))
    if norm.weight is not None:
        norm.get_parameter("weight").fill_(1)
        norm.get_parameter("bias").fill_(shift)
