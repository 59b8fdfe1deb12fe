"""What the tests compare with: the plain reference over tensors, random problems, and the known answers."""

from __future__ import annotations

import torch
from torch import Tensor

from tests.roi import reference

# The textbook's 8x8 map of activations.
TEXTBOOK = torch.tensor(
    [
        [0.88, 0.44, 0.14, 0.16, 0.37, 0.77, 0.96, 0.27],
        [0.19, 0.45, 0.57, 0.16, 0.63, 0.29, 0.71, 0.70],
        [0.66, 0.26, 0.82, 0.64, 0.54, 0.73, 0.59, 0.26],
        [0.85, 0.34, 0.76, 0.84, 0.29, 0.75, 0.62, 0.25],
        [0.32, 0.74, 0.21, 0.39, 0.34, 0.03, 0.33, 0.48],
        [0.20, 0.14, 0.16, 0.13, 0.73, 0.65, 0.96, 0.32],
        [0.19, 0.69, 0.09, 0.86, 0.88, 0.07, 0.01, 0.48],
        [0.83, 0.24, 0.97, 0.04, 0.24, 0.35, 0.50, 0.91],
    ]
)


def random_boxes(count: int, images: int, height: float, width: float, seed: int = 0) -> Tensor:
    """(K, 5) float64 boxes in and around a map, some thin, some reaching out of it, none reversed."""
    generator = torch.Generator().manual_seed(seed)
    corner = (torch.rand(count, 2, generator=generator, dtype=torch.float64) * 1.4 - 0.2) * torch.tensor(
        [width, height]
    )
    size = torch.rand(count, 2, generator=generator, dtype=torch.float64) ** 2 * torch.tensor([width, height])
    image = torch.randint(0, images, (count, 1), generator=generator).double()
    return torch.cat([image, corner, corner + size], 1)


def random_map(images: int, channels: int, height: int, width: int, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(images, channels, height, width, generator=generator, dtype=torch.float64)


def by_reference(
    x: Tensor,
    boxes: Tensor,
    bins: tuple[int, int],
    scale: tuple[float, float] = (1.0, 1.0),
    sampling_ratio: int = -1,
    aligned: bool = False,
    mode: str = "avg",
) -> Tensor:
    """(K, C, P, Q) from the plain loops, one channel and one box at a time."""
    out = []
    for image, *corners in boxes.tolist():
        box = (corners[0], corners[1], corners[2], corners[3])
        out.append(
            [
                reference.roi_pool(pixels, box, bins, scale, mode)
                if mode in ("caffe", "partition")
                else reference.roi_align(pixels, box, bins, scale, sampling_ratio, aligned, mode)
                for pixels in x[int(image)].tolist()
            ]
        )
    return torch.tensor(out, dtype=torch.float64).reshape(len(boxes), x.shape[1], *bins)
