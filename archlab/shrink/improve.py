"""A refitted network made better by training: without labels, and with them where that is asked for.

What is better on held-out images is kept: a gentle training can be worse than what it began with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from archlab.original.loaded import read_part
from archlab.original.shrunk import Weights
from archlab.shrink.filled import Filled
from archlab.shrink.request import Finetuning
from archlab.shrink.trained import Trained
from archlab.train import LabelledImages, TrainSettings, evaluate, train

Note = Callable[[str], None]

STEPS, BATCH, RATE, LEAST_STEPS = 384, 64, 0.02, 64
MOST_EPOCHS = 8
MOST_MACS = 1e12
"""Multiply-accumulates of the network that polishing may take, forward; some minutes of a processor."""


@dataclass(frozen=True, eq=False)
class Improved:
    """A network with the best of its weights.

    Attributes:
        filled: it, with what its layers kept.
        weights: which are the best.
        seen: the share of held-out images that it gets right with each.
        loss: on these images with the best, which decides where two weights get as many right.
    """

    filled: Filled
    weights: Weights
    seen: dict[str, float]
    loss: float

    @property
    def module(self) -> nn.Module:
        """The network."""
        return self.filled.module

    @property
    def best(self) -> float:
        """The share with the best weights."""
        return self.seen[self.weights]


def polish_settings(macs: float, images: int, seed: int) -> TrainSettings | None:
    """Return how a network follows the original on unlabelled images; None where it is too large for that.

    One epoch of 24,576 images, or fewer steps where there are fewer images. At a rate of .02
    384 steps are worth what 512 are at .01, on two bases; 512 steps of half a batch are worth .8 points less.
    """
    steps = min(STEPS, MOST_EPOCHS * max(1, images // BATCH))
    if macs * BATCH * steps > MOST_MACS:
        steps = int(MOST_MACS / (macs * BATCH))
        if steps < LEAST_STEPS:
            return None
    return TrainSettings(steps=steps, batch=BATCH, rate=RATE, distil=1.0, temperature=1.0, seed=seed, device="cpu")


def training_images(trained: Trained, progress: Note, most: int | None = None) -> LabelledImages:
    """Return training images, ``most`` of them or all; where their labels are not read they have none that matter."""
    shape = trained.graph.input_shape
    part = read_part(trained.source, "train", shape, trained.normalisation, most, progress=progress)
    return part if trained.labelled else replace(part, classes=trained.held_out.classes)


def refitted(filled: Filled, held_out: LabelledImages) -> Improved:
    """Return a network with the weights of its refit."""
    found = evaluate(filled.module, held_out)
    return Improved(filled, "refit", {"refit": found.accuracy}, found.loss)


def polished(before: Improved, trained: Trained, images: LabelledImages, progress: Note, seed: int) -> Improved:
    """Have a network follow the original's outputs on unlabelled images for some hundred gentle steps."""
    settings = polish_settings(sum(node.macs for node in before.filled.graph), len(images), seed)
    if settings is None:
        return before
    return _better(before, "polish", trained, images, settings, None, progress)


def tuned(
    before: Improved,
    trained: Trained,
    finetuning: Finetuning,
    images: LabelledImages,
    folder: Path,
    progress: Note,
    seed: int,
) -> Improved:
    """Train a network on labelled images, or go on with that."""
    options: dict[str, Any] = {**finetuning.settings, "epochs": finetuning.epochs, "seed": seed}
    folder.mkdir(parents=True, exist_ok=True)
    return _better(before, "fine-tuning", trained, images, TrainSettings(**options), folder, progress)


def _better(
    before: Improved,
    name: Weights,
    original: Trained,
    images: LabelledImages,
    settings: TrainSettings,
    folder: Path | None,
    progress: Note,
) -> Improved:
    module = before.module
    kept = {key: tensor.clone() for key, tensor in module.state_dict().items()}
    trained = train(
        module, images, original.held_out, settings, folder=folder, data_digest=original.source.digest,
        teacher=original.module if settings.distil else None, progress=progress,
    )  # fmt: skip
    module.eval()
    last = trained.last
    seen: dict[str, float] = {**before.seen, name: last.accuracy}
    if (last.accuracy, -last.loss) > (before.best, -before.loss):
        return Improved(before.filled, name, seen, last.loss)
    module.load_state_dict(kept)
    return Improved(before.filled, before.weights, seen, before.loss)
