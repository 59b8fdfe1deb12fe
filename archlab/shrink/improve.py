"""A refitted network made better by training: without labels, and with them where that is asked for.

What is better on held-out images is kept: a gentle training can be worse than what it began with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from archlab.carry import Carried
from archlab.ir import Graph
from archlab.original.loaded import read_part
from archlab.original.shrunk import Weights
from archlab.shrink.prepare import Prepared
from archlab.shrink.request import Finetuning
from archlab.train import LabelledImages, TrainSettings, evaluate, train

Note = Callable[[str], None]

STEPS, BATCH, RATE, LEAST_STEPS = 512, 64, 0.01, 64
MOST_EPOCHS = 8
MOST_MACS = 1e12
"""Multiply-accumulates of the network that polishing may take, forward; some minutes of a processor."""


@dataclass(frozen=True, eq=False)
class Improved:
    """A network with the best of its weights.

    Attributes:
        carried: it, with what its layers kept.
        weights: which are the best.
        seen: the share of held-out images that it gets right with each.
    """

    carried: Carried
    weights: Weights
    seen: dict[str, float]

    @property
    def module(self) -> nn.Module:
        """The network."""
        return self.carried.module

    @property
    def best(self) -> float:
        """The share with the best weights."""
        return self.seen[self.weights]


def polish_settings(macs: float, images: int, seed: int) -> TrainSettings | None:
    """Return how a network follows the original on unlabelled images; None where it is too large for that.

    One epoch of 32,768 images, or fewer steps where there are fewer images.
    """
    steps = min(STEPS, MOST_EPOCHS * max(1, images // BATCH))
    if macs * BATCH * steps > MOST_MACS:
        steps = int(MOST_MACS / (macs * BATCH))
        if steps < LEAST_STEPS:
            return None
    return TrainSettings(steps=steps, batch=BATCH, rate=RATE, distil=1.0, temperature=1.0, seed=seed, device="cpu")


def training_images(prepared: Prepared, progress: Note, most: int | None = None) -> LabelledImages:
    """Return training images, ``most`` of them or all; where their labels are not read they have none that matter."""
    original = prepared.original
    part = read_part(
        prepared.source, "train", prepared.graph.input_shape, original.normalisation, most, progress=progress
    )
    return part if original.labelled else replace(part, classes=prepared.held_out.classes)


def refitted(carried: Carried, held_out: LabelledImages) -> Improved:
    """Return a network with the weights of its refit."""
    return Improved(carried, "refit", {"refit": evaluate(carried.module, held_out).accuracy})


def polished(
    before: Improved, prepared: Prepared, graph: Graph, images: LabelledImages, progress: Note, seed: int
) -> Improved:
    """Have a network follow the original's outputs on unlabelled images for some hundred gentle steps."""
    settings = polish_settings(sum(node.macs for node in graph), len(images), seed)
    if settings is None:
        return before
    return _better(before, "polish", prepared, images, settings, None, progress)


def tuned(
    before: Improved,
    prepared: Prepared,
    finetuning: Finetuning,
    images: LabelledImages,
    folder: Path,
    progress: Note,
    seed: int,
) -> Improved:
    """Train a network on labelled images, or go on with that."""
    options: dict[str, Any] = {**finetuning.settings, "epochs": finetuning.epochs, "seed": seed}
    folder.mkdir(parents=True, exist_ok=True)
    return _better(before, "fine-tuning", prepared, images, TrainSettings(**options), folder, progress)


def _better(
    before: Improved,
    name: Weights,
    prepared: Prepared,
    images: LabelledImages,
    settings: TrainSettings,
    folder: Path | None,
    progress: Note,
) -> Improved:
    module = before.module
    kept = {key: tensor.clone() for key, tensor in module.state_dict().items()}
    teacher = prepared.module if settings.distil else None
    trained = train(
        module, images, prepared.held_out, settings, folder=folder, data_digest=prepared.source.digest,
        teacher=teacher, progress=progress,
    )  # fmt: skip
    module.eval()
    after = trained.last.accuracy
    if after <= before.best:
        module.load_state_dict(kept)
    return Improved(before.carried, name if after > before.best else before.weights, {**before.seen, name: after})
