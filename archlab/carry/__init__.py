"""Weights of a trained network in a smaller one. Nothing here imports torch before it is needed."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

    from archlab.carry.filled import Carried, CarriedLayer, Refit
    from archlab.carry.refit_cut import Refitted, refit
    from archlab.carry.statistics import Statistics
    from archlab.elaborate import Network, Source
    from archlab.ir import Graph

__all__ = ["Carried", "CarriedLayer", "Refitted", "carry", "refit"]

_HOMES = {"Carried": "filled", "CarriedLayer": "filled", "Refitted": "refit_cut", "refit": "refit_cut"}


def carry(
    weights: nn.Module | Mapping[str, Tensor],
    source: Graph | Network | Source,
    target: Graph | Network | Source,
    images: Tensor | None = None,
    *,
    refit: Refit = "walk",
    known: Statistics | None = None,
    seed: int = 0,
) -> Carried:
    """Fill ``target`` with the weights of the trained ``source``, a wider, deeper or larger-kernel draw of its space.

    Channels are chosen by their importance, over groups that must agree; kernels keep their middle; of a repeat the
    first copy and the most important others stay. Then layers are refitted in closed form, without labels: ``gram``
    corrects each for what it no longer reads, ``walk`` goes on to repair, layer by layer, the error so far. Where
    nothing was removed the target gives what the source gives, to the bit.

    Args:
        weights: the source's, as a state dict or a module, by the names of ``archlab.build``.
        source: the trained network.
        target: the draw to fill.
        images: (N, C, H, W), as the network takes them, without labels; without them nothing is refitted, and channels
            are chosen by the size of their weights. A few hundred are enough.
        refit: how far to go.
        known: what ``collect`` says of the source and these images, where many draws are filled.
        seed: of the sample of places.

    Raises:
        InputError: the networks are no draws of one space, or the weights are no weights of the source.
        GraphError: an operator through which channels cannot be followed.
    """
    from archlab.carry.fill_draw import fill_draw

    return fill_draw(weights, source, target, images, refit, known, seed)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"archlab.carry.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'archlab.carry' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
