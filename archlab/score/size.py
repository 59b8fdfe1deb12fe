"""Sizes as scores: the baselines that a score has to beat."""

from __future__ import annotations

import math

import torch
from torch import Tensor, fx

from archlab.ir import Graph


def log_macs(module: fx.GraphModule, batch: Tensor, rng: torch.Generator) -> float:  # noqa: ARG001
    """Return the log of the multiply-accumulates for one image, in closed form."""
    graph: Graph = module.meta["graph"]
    return _log(sum(node.macs for node in graph))


def log_params(module: fx.GraphModule, batch: Tensor, rng: torch.Generator) -> float:  # noqa: ARG001
    """Return the log of the number of parameters."""
    graph: Graph = module.meta["graph"]
    return _log(sum(node.params for node in graph))


def _log(count: int) -> float:
    return math.log(count) if count else -math.inf
