"""The scores: one row each, and the one way to call them.

A new score is a file beside this one, with a function of the score's name, and a row here.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from archlab.detector import backbone_of, is_detector
from archlab.errors import InputError, ScoreError, did_you_mean
from archlab.ir import Graph, Shape

if TYPE_CHECKING:
    import torch
    from torch import Tensor, fx

Function = Callable[["fx.GraphModule", "Tensor", "torch.Generator"], float]


@dataclass(frozen=True, slots=True)
class Score:
    """A number that an untrained network is worth: the higher, the better.

    Attributes:
        name: what a search calls it.
        summary: what it measures, in half a line.
        source: the paper.
        batch_size: the images that it takes unless another number is asked for, so that a network of 300 M MACs at
            224x224 takes about a second or less on two cores.
        file: the file in ``archlab/score`` that its function stands in, where that is not named as the score is.
        is_baseline: whether it is there to be beaten, and not to search with.
        is_closed_form: whether it reads the graph alone, so that no weights need to be made for it.
    """

    name: str
    summary: str
    source: str
    batch_size: int
    file: str = ""
    is_baseline: bool = False
    is_closed_form: bool = False

    @property
    def function(self) -> Function:
        """(Module, batch of images (N, C, H, W), generator) to the number.

        The module has the network's graph in ``meta["graph"]``, as ``archlab.nn.build`` gives it, and is left as it
        was.
        """
        home = importlib.import_module(f"archlab.score.{self.file or self.name}")
        return cast(Function, getattr(home, self.name))


SCORES: dict[str, Score] = {
    row.name: row
    for row in (
        Score(
            "score",
            "width at every resolution: what holds among equal MACs",
            "closed form",
            1,
            file="width",
            is_closed_form=True,
        ),
        Score("naswot", "how differently images switch the activations", "Mellor et al. 2021, arXiv:2006.04647", 16),
        Score("synflow", "flow through the weights' magnitudes", "Tanaka et al. 2020, arXiv:2006.05467", 1),
        Score("zen", "how strongly features answer to a small change", "Lin et al. 2021, arXiv:2102.01063", 4),
        Score("entropy", "entropy of the last three scales' features", "Sun et al. 2022, arXiv:2111.13336", 1),
        Score("grad_norm", "norm of the weights' first gradients", "Abdelfattah et al. 2021, arXiv:2101.08134", 8),
        Score(
            "log_macs",
            "multiply-accumulates: the baseline to beat",
            "closed form",
            1,
            file="size",
            is_baseline=True,
            is_closed_form=True,
        ),
        Score(
            "log_params",
            "parameters: the other baseline",
            "closed form",
            1,
            file="size",
            is_baseline=True,
            is_closed_form=True,
        ),
    )
}
"""Every score by name."""


def score(name: str, module: fx.GraphModule, input_shape: Shape, seed: int, batch_size: int | None = None) -> float:
    """Return the score ``name`` of ``module`` on a batch from N(0, 1) of images of ``input_shape`` (C, H, W).

    Of a detector it is the score of its backbone up to the deepest level: these scores know images, not boxes.

    Everything random in it comes from ``seed``, nothing from torch's global generator. The same seed gives the same
    bits on the same machine with the same number of threads; with another number, floating-point sums may run in
    another order (a relative 1e-5 or so, and for NASWOT almost always none).

    Raises:
        InputError: there is no such score, or ``batch_size`` is below 1.
        ScoreError: the score is not finite, or the network does not fit it; the message names the score.
    """
    import torch

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


def score_graph(name: str, graph: Graph) -> float:
    """Return a score that reads the graph alone, without weights: what ``score`` gives of the built network.

    Raises:
        InputError: there is no such score, or it needs weights.
        ScoreError: it is not finite.
    """
    import torch
    from torch import fx, nn

    if name not in SCORES or not SCORES[name].is_closed_form:
        known = [row.name for row in SCORES.values() if row.is_closed_form]
        raise InputError(f"the score {name!r} does not follow from the graph alone", hint=f"{', '.join(known)} do")
    carrier = fx.GraphModule(nn.Module(), fx.Graph())
    carrier.meta["graph"] = backbone_of(graph) if is_detector(graph) else graph
    value = SCORES[name].function(carrier, torch.empty(0), torch.Generator())
    if not math.isfinite(value):
        raise ScoreError(f"{name}: it is {value}, not a finite number")
    return value


def _backbone(module: fx.GraphModule) -> fx.GraphModule:
    """Return a detector's backbone with the weights that it has; any other module itself."""
    from archlab.nn import part_of

    graph = module.meta["graph"]
    return part_of(module, backbone_of(graph)) if is_detector(graph) else module
