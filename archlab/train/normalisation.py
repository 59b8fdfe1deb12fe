"""Pixels with mean 0 and deviation 1 in each channel, over the training images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from archlab.images.pixels import Pixels


@dataclass(frozen=True, slots=True)
class Normalisation:
    """What pixels are normalised by: (pixel / 255 - mean) / std, for each channel.

    Attributes:
        mean, std: of pixels between 0 and 1, a value for each channel.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, pixels: Tensor) -> Tensor:
        """Return pixels (N, C, H, W) from 0 to 255, bytes or floats, normalised in float32, on their device."""
        values = pixels.to(torch.float32) / 255
        mean, std = (torch.tensor(row, device=pixels.device).view(-1, 1, 1) for row in (self.mean, self.std))
        return (values - mean) / std


def measure(images: Iterable[Pixels]) -> Normalisation:
    """Return what makes ``images``, each (C, H, W) from 0 to 255, of mean 0 and deviation 1 in each channel.

    A channel that is the same everywhere is divided by 1.
    """
    total, squares, count = np.zeros(1), np.zeros(1), 0
    for pixels in images:
        values = pixels.reshape(len(pixels), -1) / np.float64(255)
        total = total + values.sum(1)
        squares = squares + (values * values).sum(1)
        count += values.shape[1]
    mean = total / max(count, 1)
    std = np.sqrt(np.maximum(squares / max(count, 1) - mean * mean, 0))
    return Normalisation(tuple(mean.tolist()), tuple(np.where(std > 1e-6, std, 1.0).tolist()))
