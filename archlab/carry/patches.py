"""The rows that a layer reads: one for each place of a map, of which a fixed sample is taken."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from archlab.ir import Node, Shape

Places = tuple[Tensor, Tensor, Tensor]
"""Images, rows and columns of the sampled places of a map."""


def sample_places(images: int, shape: Shape, most: int, seed: int) -> Places:
    """Return at most ``most`` places of ``images`` maps (C, H, W), the same for the same arguments."""
    _, height, width = shape
    n = images * height * width
    if n <= most:
        chosen = torch.arange(n)
    else:
        chosen = torch.randperm(n, generator=torch.Generator().manual_seed(seed))[:most].sort().values
    area = height * width
    return chosen // area, chosen % area // width, chosen % width


def at_places(value: Tensor, places: Places | None) -> Tensor:
    """Return a map's channels at the places, (rows, C); features as they are."""
    return value if places is None else value[places[0], :, places[1], places[2]]


def read_by(node: Node, x: Tensor, places: Places | None) -> Tensor:
    """Return what each output place of a layer reads, (rows, C, kernel height · width), in the order of its weight."""
    if places is None:
        return x[:, :, None]
    a = node.attrs
    (kh, kw), (sh, sw), (dh, dw) = a["kernel"], a["stride"], a["dilation"]
    top, left, bottom, right = _padding(node, x)
    x = functional.pad(x, (left, right, top, bottom))
    rows = places[1][:, None, None] * sh + (torch.arange(kh) * dh)[None, :, None]
    columns = places[2][:, None, None] * sw + (torch.arange(kw) * dw)[None, None, :]
    read = x[places[0][:, None, None], :, rows, columns]  # (rows, kh, kw, C)
    return read.permute(0, 3, 1, 2).flatten(2)


def _padding(node: Node, x: Tensor) -> tuple[int, int, int, int]:
    """Return the padding above, left, below and right."""
    a = node.attrs
    if a["padding"] != "tf":
        above, left = a["padding"]
        return above, left, above, left
    total = [
        max((out - 1) * stride + (kernel - 1) * dilation + 1 - side, 0)
        for out, stride, kernel, dilation, side in zip(
            node.shape[1:], a["stride"], a["kernel"], a["dilation"], x.shape[2:], strict=True
        )
    ]
    return total[0] // 2, total[1] // 2, total[0] - total[0] // 2, total[1] - total[1] // 2
