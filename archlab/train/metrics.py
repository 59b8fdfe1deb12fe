"""How well a classifier does on labelled images: accuracy with its error, classes mixed up, and the worst mistakes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archlab.train.labelled_images import LabelledImages, batches

BATCH = 256


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A classifier judged on some images.

    Attributes:
        loss: the mean cross-entropy, in nats.
        confusion: (K, K) counts, a row for each true class and a column for each class that was said.
        labels: (N,) true classes, as they were met.
        said: (N,) the classes with the largest output.
        sure: (N,) their probability.
    """

    loss: float
    confusion: Tensor
    labels: Tensor
    said: Tensor
    sure: Tensor

    @property
    def accuracy(self) -> float:
        """The share of images whose class is right."""
        return int(self.confusion.diagonal().sum()) / max(1, int(self.confusion.sum()))

    @property
    def standard_error(self) -> float:
        """Of the accuracy: √(p (1 - p) / N)."""
        return math.sqrt(self.accuracy * (1 - self.accuracy) / max(1, int(self.confusion.sum())))

    @property
    def recall(self) -> tuple[float | None, ...]:
        """For each class the share of its images that are right; None where it has none."""
        counts = self.confusion.sum(1).tolist()
        right = self.confusion.diagonal().tolist()
        return tuple(hit / count if count else None for hit, count in zip(right, counts, strict=True))


@torch.no_grad()
def evaluate(module: nn.Module, part: LabelledImages, batch: int = BATCH) -> Evaluation:
    """Return how well a module does on a part, on the device and in the precision that its weights are in.

    The module runs in evaluation mode, and is put back into the mode that it was in.

    Args:
        module: images (N, C, H, W), normalised as ``part.inputs`` does, to logits (N, K).
        batch: images at a time.
    """
    device = device_of(module)
    was_training = module.training
    module.eval()
    rows: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    try:
        for pixels, labels in batches(part, batch):
            inputs = part.inputs(pixels.to(device))
            if device.type == "cpu":
                inputs = inputs.to(memory_format=torch.channels_last)  # in which convolutions are several times as fast
            logits = module(inputs).float()
            losses = F.cross_entropy(logits, labels.to(device), reduction="none")
            sure, said = logits.softmax(1).max(1)
            rows.append((losses.cpu(), labels, said.cpu(), sure.cpu()))
    finally:
        module.train(was_training)
    losses, labels, said, sure = (torch.cat(column) for column in zip(*rows, strict=True))
    return Evaluation(losses.double().mean().item(), confusion(labels, said, len(part.classes)), labels, said, sure)


def confusion(labels: Tensor, said: Tensor, classes: int) -> Tensor:
    """Return how often each class (rows) was said to be each (columns): (K, K).

    >>> confusion(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    return torch.bincount(labels * classes + said, minlength=classes * classes).view(classes, classes)


def device_of(module: nn.Module) -> torch.device:
    """Return the device of a module's first parameter or buffer; the CPU where it has none."""
    tensors = (*module.parameters(), *module.buffers())
    return tensors[0].device if tensors else torch.device("cpu")
