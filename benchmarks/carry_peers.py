"""The peers' ways to a smaller network, with the settings that they document: Torch-Pruning and ModelOpt's FastNAS.

Both see labels: Torch-Pruning's Taylor importance in gradients, FastNAS in the accuracy by which it judges.
"""

from __future__ import annotations

import contextlib
import copy
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archlab.carry.forward import in_batches
from archlab.carry.recalibrate import recalibrate
from archlab.nn import build
from archlab.original.loaded import first
from archlab.train import LabelledImages, batches, evaluate
from benchmarks.carry_bases import Base
from benchmarks.carry_cuts import Cut, Trained, stopwatch

Importance = Literal["magnitude", "taylor"]

STEPS = 100
"""In which Torch-Pruning takes everything away; it is stopped at the budget."""
_GRADIENTS = 256
"""Images of whose loss Taylor importance takes the gradient in each step."""
_JUDGED, _CALIBRATED, _DIVISOR = 1000, 512, 4


def by_torch_pruning(
    trained: Trained, shares: Sequence[float], importance: Importance, everywhere: bool
) -> dict[float, Cut]:
    """Return what Torch-Pruning makes of a base at each share of its MACs, in one pass; norms recalibrated.

    Args:
        everywhere: whether channels compete over all layers (``global_pruning``); else each loses the same share.
    """
    import torch_pruning

    base, parts = trained.base, trained.parts
    cuts: dict[float, Cut] = {}
    with stopwatch() as clock:
        module = copy.deepcopy(trained.module)
        example = trained.images[:1]
        heads = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
        measure = (
            torch_pruning.importance.GroupMagnitudeImportance(p=2)
            if importance == "magnitude"
            else torch_pruning.importance.GroupTaylorImportance()
        )
        pruner = torch_pruning.pruner.BasePruner(
            module,
            example,
            importance=measure,
            global_pruning=everywhere,
            pruning_ratio=1.0,
            iterative_steps=STEPS,
            ignored_layers=heads,
        )
        stream = _endless(parts.training)
    left, spent = sorted(shares, reverse=True), clock.seconds
    name = f"{importance}, {'global' if everywhere else 'local'}"
    for _ in range(STEPS):
        with stopwatch() as clock:
            if importance == "taylor":
                pixels, labels = next(stream)
                module.zero_grad()
                loss = F.cross_entropy(module(parts.training.inputs(pixels)), labels)
                loss.backward()  # type: ignore[no-untyped-call]
            pruner.step()
            macs = macs_of(module, example)
        spent += clock.seconds
        while left and macs <= left[0] * base.macs():
            cuts[left.pop(0)] = _recalibrated(module, trained, spent, name)
        if not left:
            break
    return cuts


def _endless(part: LabelledImages) -> Iterator[tuple[Tensor, Tensor]]:
    epoch = 0
    while True:
        yield from batches(part, _GRADIENTS, torch.Generator().manual_seed(epoch), whole=True)
        epoch += 1


def by_fastnas(trained: Trained, share: float, seed: int = 0) -> Cut:
    """Return what FastNAS makes of a base at a share of its MACs; norms recalibrated.

    Channels by four, 512 images to calibrate, accuracy on 1,000 held-out images; the rest as it comes.
    """
    import modelopt.torch.prune as prune

    base, parts = trained.base, trained.parts
    judged = first(parts.held_out, _JUDGED)
    with stopwatch() as clock, _quiet():
        torch.manual_seed(seed)
        config = prune.fastnas.FastNASConfig().model_dump()
        for rules in config.values():
            for rule in rules.values() if isinstance(rules, dict) else ():
                for name in ("channel_divisor", "feature_divisor"):
                    if isinstance(rule, dict) and name in rule:
                        rule[name] = _DIVISOR
                if isinstance(rule, dict) and "channels_ratio" in rule:
                    rule["channels_ratio"] = None
        module, _ = prune.prune(
            model=copy.deepcopy(trained.module).to(memory_format=torch.contiguous_format),  # it refuses any other
            mode=[("fastnas", {name: rules for name, rules in config.items() if rules})],
            constraints={"flops": 2.0 * share * base.macs()},
            dummy_input=trained.images[:1],
            config={
                "data_loader": [
                    (part, torch.zeros(len(part))) for part in torch.split(trained.images[:_CALIBRATED], 64)
                ],
                "score_func": lambda candidate: evaluate(candidate, judged).accuracy,
                "collect_func": lambda batch: (batch[0],),
                "checkpoint": None,
                "max_iter_data_loader": _CALIBRATED // 64,
            },
        )
    return _recalibrated(module, trained, clock.seconds, "")


def _recalibrated(module: nn.Module, trained: Trained, spent: float, said: str) -> Cut:
    with stopwatch() as clock:
        cut = copy.deepcopy(module).eval()
        cut.zero_grad()
        recalibrate(cut, in_batches(trained.images))
    macs = macs_of(cut, trained.images[:1])
    return Cut(cut, macs, spent + clock.seconds, widths_of(cut, trained.base), said)


def widths_of(module: nn.Module, base: Base) -> dict[str, int] | None:
    """Return the widths with which a base's text has the module's layers; None where there are none such."""
    shapes = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    own = base.graph()
    widths: dict[str, int] = {}
    for hole in base.widths:
        changed = base.graph({**base.widths, hole: base.widths[hole] - 1})
        # The first operator with weights that has another width of its own makes the channels that the name counts.
        node = next(a for a, b in zip(own, changed, strict=True) if a.weights and a.shape[0] != b.shape[0])
        found = [shape[0] for name, shape in shapes.items() if name == f"{node.name}.weight"]
        if not found:
            return None
        widths[hole] = found[0]
    wanted = {name: tuple(tensor.shape) for name, tensor in build(base.graph(widths)).state_dict().items()}
    return widths if wanted == shapes else None


def macs_of(module: nn.Module, example: Tensor) -> int:
    """Return the multiply-accumulates of a module's convolutions and linear layers, as its layers run."""
    total = 0

    def count(layer: nn.Module, _: Any, out: Tensor) -> None:
        nonlocal total
        total += layer.get_parameter("weight").numel() * (out[0, 0].numel() if out.dim() == 4 else 1)

    hooks = [
        layer.register_forward_hook(count) for layer in module.modules() if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    was_training = module.training
    with torch.no_grad():
        module.eval()(example)
    module.train(was_training)
    for hook in hooks:
        hook.remove()
    return total


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Have what a library prints go to stderr, and none of its warnings."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        yield
