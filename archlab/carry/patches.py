"""The rows that a layer reads: one for each place of a map, of which a fixed sample is taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from archlab.ir import Node, Shape

Places = tuple[Tensor, Tensor, Tensor]
"""Images, rows and columns of the sampled places of a map."""


def sample_places(images: int, shape: Shape, most: int, seed: int) -> Places:
    """Return at most ``most`` places of ``images`` maps (C, H, W), image by image, the same for the same arguments."""
    _, height, width = shape
    n = images * height * width
    if n <= most:
        chosen = torch.arange(n)
    else:
        chosen = torch.randperm(n, generator=torch.Generator().manual_seed(seed))[:most].sort().values
    area = height * width
    return chosen // area, chosen % area // width, chosen % width


def of_first(places: Places, images: int) -> Places:
    """Return those of the places that are in the first ``images`` maps."""
    count = int((places[0] < images).sum())
    image, row, column = (each[:count] for each in places)
    return image, row, column


def at_places(value: Sequence[Tensor], places: Places | None) -> Tensor:
    """Return the channels at the places, (rows, C), of a map in batches; features as they are."""
    if places is None:
        return torch.cat(list(value))
    return torch.cat([part[i, :, row, column] for part, (i, row, column) in _by_batch(value, places)])


def read_by(node: Node, x: Sequence[Tensor], places: Places | None) -> Tensor:
    """Return what each output place of a layer reads, (rows, C, kernel height · width), in the order of its weight.

    Args:
        x: the layer's input, in batches.
    """
    if places is None:
        return torch.cat(list(x))[:, :, None]
    a = node.attrs
    (kh, kw), (sh, sw), (dh, dw) = a["kernel"], a["stride"], a["dilation"]
    top, left, bottom, right = _padding(node, x[0])
    down, across = (torch.arange(kh) * dh)[None, :, None], (torch.arange(kw) * dw)[None, None, :]
    reads: list[Tensor] = []
    for part, (i, row, column) in _by_batch(x, places):
        padded = functional.pad(part, (left, right, top, bottom)) if top or left or bottom or right else part
        # (rows, kh, kw, C)
        reads.append(padded[i[:, None, None], :, row[:, None, None] * sh + down, column[:, None, None] * sw + across])
    return torch.cat(reads).permute(0, 3, 1, 2).flatten(2)


def _by_batch(value: Sequence[Tensor], places: Places) -> Iterator[tuple[Tensor, Places]]:
    """Yield each batch that has places, and these as it counts its images."""
    start = 0
    for part in value:
        own = slice(*torch.searchsorted(places[0], torch.tensor([start, start + len(part)])).tolist())
        if own.start < own.stop:
            yield part, (places[0][own] - start, places[1][own], places[2][own])
        start += len(part)


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
