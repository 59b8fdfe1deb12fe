"""Training batches at several sizes: all images of a step at one, their boxes with them.

Beside scale jitter it changes what the network computes, and not only what it is shown: maps are larger or smaller
(He et al. 2015, arXiv:1406.4729, section 2.3; Redmon and Farhadi 2017, arXiv:1612.08242, section 2, every ten batches).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

FACTOR = 1.5
"""How much smaller or larger a batch becomes at most, but for rounding."""

MULTIPLE = 32
"""In pixels: sides are whole multiples of the coarsest stride, so that no map is cut."""


def resize_batch(images: Tensor, boxes: Sequence[Tensor], rng: torch.Generator) -> tuple[Tensor, list[Tensor]]:
    """Return images (n, 3, H, W) at another size by bilinear interpolation, and boxes (K, 4) of each with them.

    The factor is drawn evenly over its logarithm, from 1 / ``FACTOR`` to ``FACTOR``; each side is then rounded to whole
    multiples of ``MULTIPLE``, at least one.
    """
    bound = math.log(FACTOR)
    factor = math.exp(bound * (2 * torch.rand((), generator=rng).item() - 1))
    before = images.shape[-2:]
    height, width = (max(1, round(side * factor / MULTIPLE)) * MULTIPLE for side in before)
    if (height, width) == before:
        return images, list(boxes)
    shown = F.interpolate(images, (height, width), mode="bilinear", align_corners=False, antialias=True)
    sides = torch.tensor([width / before[1], height / before[0]] * 2)
    return shown, [own * sides.to(own) for own in boxes]
