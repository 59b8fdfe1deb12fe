"""The scores: one row each, and the one way to call them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, fx

from archlab.detector import backbone_of, is_detector
from archlab.errors import InputError, ScoreError, did_you_mean
from archlab.ir import Shape
from archlab.nn import part_of
from archlab.score import width
from archlab.score.entropy import entropy
from archlab.score.grad_norm import grad_norm
from archlab.score.naswot import naswot
from archlab.score.size import log_macs, log_params
from archlab.score.synflow import synflow
from archlab.score.zen import zen

Function = Callable[[fx.GraphModule, Tensor, torch.Generator], float]


@dataclass(frozen=True, slots=True)
class Score:
    """A number that an untrained network is worth: the higher, the better.

    Attributes:
        name: what a search calls it.
        function: (module, batch of images (N, C, H, W), generator) to the number. The module has the network's graph
            in ``meta["graph"]``, as ``archlab.nn.build`` gives it, and is left as it was.
        summary: what it measures, in half a line.
        source: the paper.
        batch_size: the images that it takes unless told otherwise, so that a network of 300 M MACs at 224x224 takes
            about a second or less on two cores.
    """

    name: str
    function: Function
    summary: str
    source: str
    batch_size: int


SCORES: dict[str, Score] = {
    row.name: row
    for row in (
        Score(
            "score",
            width.score,
            "width at every resolution: what holds among equal MACs",
            "closed form",
            1,
        ),
        Score(
            "synflow",
            synflow,
            "flow through the weights' magnitudes",
            "Tanaka et al. 2020, arXiv:2006.05467",
            1,
        ),
        Score(
            "naswot",
            naswot,
            "how differently images switch the activations",
            "Mellor et al. 2021, arXiv:2006.04647",
            16,
        ),
        Score(
            "grad_norm",
            grad_norm,
            "norm of the weights' first gradients",
            "Abdelfattah et al. 2021, arXiv:2101.08134",
            8,
        ),
        Score(
            "zen",
            zen,
            "how strongly features answer to a small change",
            "Lin et al. 2021, arXiv:2102.01063",
            4,
        ),
        Score(
            "entropy",
            entropy,
            "entropy of the last three scales' features",
            "Sun et al. 2022, arXiv:2111.13336",
            1,
        ),
        Score(
            "log_macs",
            log_macs,
            "multiply-accumulates: the baseline to beat",
            "closed form",
            1,
        ),
        Score(
            "log_params",
            log_params,
            "parameters: the other baseline",
            "closed form",
            1,
        ),
    )
}
"""Every score by name."""


def score(name: str, module: fx.GraphModule, input_shape: Shape, seed: int, batch_size: int | None = None) -> float:
    """The score ``name`` of ``module`` on a batch from N(0, 1) of images of ``input_shape`` (C, H, W).

    Of a detector it is the score of its backbone up to the deepest level: these scores know images, not boxes.

    Everything random in it comes from ``seed``, nothing from torch's global generator. The same seed gives the same
    bits on the same machine with the same number of threads; with another number, floating-point sums may run in
    another order (a relative 1e-5 or so, and for NASWOT almost always none).

    Raises:
        InputError: there is no such score, or ``batch_size`` is below 1.
        ScoreError: the score is not finite, or the network does not fit it; the message names the score.
    """
    if name not in SCORES:
        raise InputError(f"there is no score {name!r}", hint=did_you_mean(name, SCORES))
    row = SCORES[name]
    images = row.batch_size if batch_size is None else batch_size
    if images < 1:
        raise InputError(f"batch_size must be at least 1, not {images}")
    if "graph" not in module.meta:
        raise ScoreError(f"{name}: the module does not carry its graph", hint="build it with archlab.nn.build")
    module = _backbone(module)
    rng = torch.Generator().manual_seed(seed)
    batch = torch.randn(images, *input_shape, generator=rng)
    device = next((p.device for p in module.parameters()), batch.device)
    try:
        value = row.function(module, batch.to(device), rng)
    except (ValueError, RuntimeError) as error:
        raise ScoreError(f"{name}: it cannot be computed: {str(error).splitlines()[0]}") from error
    if not math.isfinite(value):
        raise ScoreError(f"{name}: it is {value}, not a finite number")
    return value


def _backbone(module: fx.GraphModule) -> fx.GraphModule:
    """A detector's backbone with the weights that it has; any other module itself."""
    graph = module.meta["graph"]
    return part_of(module, backbone_of(graph)) if is_detector(graph) else module
