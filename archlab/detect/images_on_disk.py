"""Images that stay on disk and are decoded when they are asked for: for sets larger than memory."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from archlab.detect.image_list import WORKERS
from archlab.images.image_files import read_image
from archlab.images.open_image import without_size_warnings


@dataclass(frozen=True, slots=True)
class Stored:
    """An image on disk: its file, and its width and height as it is shown."""

    path: Path
    size: tuple[int, int]


def fitted_size(stored: tuple[int, int], size: tuple[int, int]) -> tuple[float, int, int]:
    """Return the scale that fits an image of ``stored`` (w, h) into ``size`` (h, w), and its width and height there."""
    width, height = stored
    scale = min(size[0] / height, size[1] / width)
    return scale, max(1, round(width * scale)), max(1, round(height * scale))


def decode(image: Stored, out: Tensor) -> None:
    """Write an image into ``out`` (3, H, W) of black, with its proportions, at the upper left.

    Raises:
        InputError: as ``archlab.images.image_files.read_image``.
    """
    _, width, height = fitted_size(image.size, (out.shape[1], out.shape[2]))
    pixels = read_image(image.path, image.size, (width, height))
    out[:, :height, :width] = torch.from_numpy(pixels).permute(2, 0, 1)


class ImagesOnDisk:
    """What stands for a tensor (N, 3, H, W) of bytes: it has its shape, and its images by their indices."""

    def __init__(self, stored: Sequence[Stored], size: tuple[int, int]) -> None:
        self.stored = tuple(stored)
        self.shape = torch.Size((len(self.stored), 3, *size))

    def __len__(self) -> int:
        return len(self.stored)

    def part(self, indices: Sequence[int]) -> ImagesOnDisk:
        """Return the images of these indices; nothing is decoded."""
        return ImagesOnDisk([self.stored[i] for i in indices], (self.shape[2], self.shape[3]))

    def __getitem__(self, index: int | Tensor) -> Tensor:
        """Return an image (3, H, W), or those of indices (n,) as (n, 3, H, W), decoded now.

        Raises:
            InputError: as ``decode``.
        """
        chosen = [int(i) for i in index] if isinstance(index, Tensor) else [index]
        images = torch.zeros(len(chosen), *self.shape[1:], dtype=torch.uint8)
        with without_size_warnings(), ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(lambda at: decode(self.stored[chosen[at]], images[at]), range(len(chosen))))
        return images if isinstance(index, Tensor) else images[0]
