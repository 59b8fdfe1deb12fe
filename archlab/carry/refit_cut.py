"""A network that anybody has cut, refitted to the original that it was cut from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archlab.carry.filled import Carried, CarriedLayer, fill, layers_of, module_of
from archlab.carry.forward import in_batches
from archlab.carry.matches import How, Match, match
from archlab.carry.recalibrate import recalibrate
from archlab.carry.statistics import collect
from archlab.carry.walk import refit_by_walk
from archlab.elaborate import Network as Elaborated
from archlab.elaborate import Source, graph_of
from archlab.errors import InputError
from archlab.ir import INPUT, Graph
from archlab.nn.module import target_of

JUDGES = 0.2
"""The share of the images that no weight is fitted on, by which the best is chosen."""


@dataclass(frozen=True, slots=True, eq=False)
class Refitted:
    """A cut network after its refit.

    Attributes:
        module: the best of the networks before and after, in evaluation.
        layers: what each layer has kept of the original, in running order, and the error of its fit.
        matched: by what the kept channels of a layer were found, for each whose channels were in question: ``weights``
            that are the original's, ``near weights`` that were trained since, ``values`` on images, or by none, so that
            the most important ones were taken (``importance``).
        before, after: the agreement with the original on images that nothing was fitted on: the share of the images
            that get the same class; where the output is no vector of classes, the share of its variance explained.
        images: how many these were.
        is_better: whether the refit is the better one, and ``module`` is it.
    """

    module: nn.Module
    layers: tuple[CarriedLayer, ...]
    matched: Mapping[str, How]
    before: float
    after: float
    images: int
    is_better: bool


@torch.no_grad()
def refit(
    weights: nn.Module | Mapping[str, Tensor],
    network: Graph | Elaborated | Source,
    original_weights: nn.Module | Mapping[str, Tensor],
    original: Graph | Elaborated | Source,
    images: Tensor,
    *,
    seed: int = 0,
) -> Refitted:
    """Refit a network that was cut from ``original`` by any tool, in closed form and without labels.

    Which channels were kept is found from the weights; then ``gram`` and ``walk`` refit as in ``carry``. Where the cut
    network was trained since, its own weights with ``walk`` alone are tried too. The best by agreement with the
    original on a fifth of the images is kept.

    Args:
        weights: the cut network's, as a state dict or a module, by the names of ``archlab.build``.
        network: the cut network: of the operators of the original, with fewer channels, smaller kernels or fewer copies
            of repeats. Names may differ where every operator is there in the same order.
        original_weights, original: what it was cut from.
        images: (N, C, H, W), as both take them; a few hundred are enough.

    Raises:
        InputError: weights are not their network's, the networks do not correspond, or there are fewer than 5 images.
        GraphError: an operator through which channels cannot be followed.
    """
    there, here = graph_of(original), graph_of(network)
    if len(images) < 5:
        raise InputError(f"a refit needs 5 images or more, and was given {len(images)}", hint="a few hundred are best")
    base, own = module_of(original_weights, there), module_of(weights, here)
    named = _named_as(there, here)
    cut = module_of(_renamed(own.state_dict(), here, named), named)
    count = max(1, round(len(images) * JUDGES))
    fitted, judges = images[:-count], images[-count:]
    known = collect(base, there, fitted, seed=seed)
    found = match(base, there, cut, named, known, fitted, seed)
    tries = [fill(base, there, named, found.corr, fitted, known, "walk", seed)]
    if "near weights" in found.how.values():
        tries.append(_walked(base, there, cut, named, found, fitted, seed))
    wanted = _outputs(base, judges)
    before = agreement(_outputs(own, judges), wanted)
    scores = [agreement(_outputs(each.module, judges), wanted) for each in tries]
    after, best = max(scores), tries[scores.index(max(scores))]
    is_better = after > before
    if is_better:
        own.load_state_dict(_renamed(best.module.state_dict(), named, here))
    names = {mine.name: mine_now.name for mine, mine_now in zip(named, here, strict=True)}
    layers = tuple(dataclasses.replace(layer, name=names[layer.name]) for layer in best.layers)
    matched = {names[name]: how for name, how in found.how.items()}
    return Refitted(own.eval(), layers, matched, before, after, count, is_better)


def agreement(given: Tensor, wanted: Tensor) -> float:
    """Return the share of images (rows) with the same class, of (N, K) with K above 1; else of the variance explained.

    >>> agreement(torch.tensor([[1.0, 2], [3, 1]]), torch.tensor([[0.0, 1], [0, 1]]))
    0.5
    """
    if wanted.dim() == 2 and wanted.shape[1] > 1:
        return float((given.argmax(1) == wanted.argmax(1)).double().mean())
    spread = float((wanted - wanted.mean(0)).double().square().sum())
    return 1 - float((given - wanted).double().square().sum()) / max(spread, 1e-12)


def _walked(
    base: nn.Module, source: Graph, cut: nn.Module, target: Graph, found: Match, images: Tensor, seed: int
) -> Carried:
    """Return the cut network's own weights after a walk."""
    module = module_of(cut, target)
    recalibrate(module, in_batches(images))
    fits = refit_by_walk(base, source, module, target, found.corr, images, seed=seed)
    return Carried(module, layers_of(source, target, found.corr, fits))


def _outputs(module: nn.Module, images: Tensor) -> Tensor:
    parts = [module(batch) for batch in in_batches(images)]
    firsts = [part[0] if isinstance(part, tuple) else part for part in parts]
    return torch.cat(firsts)


def _named_as(source: Graph, target: Graph) -> Graph:
    """Return ``target`` with the source's names, where it has other names and both have the same operators in order."""
    if set(target.names) <= set(source.names) or len(target) != len(source):
        return target
    names = {INPUT: INPUT} | {mine.name: theirs.name for mine, theirs in zip(target, source, strict=True)}
    nodes = []
    for mine, theirs in zip(target, source, strict=True):
        inputs = tuple(names.get(name, name) for name in mine.inputs)
        if mine.op != theirs.op or inputs != theirs.inputs:
            return target  # for the error that names the operator
        nodes.append(dataclasses.replace(mine, name=theirs.name, inputs=inputs))
    return dataclasses.replace(target, nodes=tuple(nodes), outputs=tuple(names[name] for name in target.outputs))


def _renamed(state: Mapping[str, Tensor], old: Graph, new: Graph) -> dict[str, Tensor]:
    """Return a state dict of ``old`` by the names of ``new``, the same graph under other names."""
    found: dict[str, Tensor] = {}
    for before, after in zip(old, new, strict=True):
        for name in (*before.weights, *before.buffers):
            found[f"{target_of(after.name)}.{name}"] = state[f"{target_of(before.name)}.{name}"]
    return found
