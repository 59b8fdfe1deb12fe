"""``torch.vmap`` for the operators: a batch of problems becomes one problem with more images and more RoIs.

Batched maps (B, N, C, H, W) are read as B·N images, which copies nothing; the RoIs of problem b then name
images from b·N on. Maps that are shared keep their numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

_OPS = torch.ops.archlab


def _front(x: Tensor, dim: int | None, batch: int) -> Tensor:
    """Move the batch to the front; a tensor without one is repeated."""
    return x.expand(batch, *x.shape) if dim is None else x.movedim(dim, 0)


def _fold(x: Tensor | None, dim: int | None, batch: int) -> Tensor | None:
    """Flatten (B, K, …) to (B·K, …)."""
    return None if x is None else _front(x, dim, batch).flatten(0, 1)


def _fold_maps(maps: list[Tensor], dims: list[int | None], batch: int) -> tuple[list[Tensor], bool]:
    """Return maps as images of one batch, and whether they were batched at all."""
    if all(dim is None for dim in dims):
        return maps, False
    folded = []
    for x, dim in zip(maps, dims, strict=True):
        x = _front(x, dim, batch)
        folded.append(x.reshape(x.shape[0] * x.shape[1], *x.shape[2:]))
    return folded, True


def _fold_where(
    where: tuple[Any, ...], dims: tuple[Any, ...], batch: int, images: int, separate: bool
) -> tuple[Tensor, Any, Any, Any]:
    """Fold the boxes, levels, choice and tangents of B problems into one, whose images b * images on are b's."""
    boxes, levels, choice, tangents = where
    boxes = _front(boxes, dims[0], batch)
    if separate:
        first = torch.arange(batch, device=boxes.device, dtype=boxes.dtype)[:, None] * images
        index = boxes[..., 0].trunc()
        # An image that is not there must not become another problem's image.
        there = (index >= 0) & (index < images)
        index = torch.where(there, index + first, -1.0)
        boxes = torch.cat([index[..., None], boxes[..., 1:]], -1)
    if tangents is not None:
        tangents = _front(tangents, dims[3], batch).transpose(0, 1).flatten(1, 2)
    return (
        boxes.flatten(0, 1),
        _fold(levels, dims[1], batch),
        _fold(choice, dims[2], batch),
        tangents,
    )


def _split(x: Tensor, batch: int) -> Tensor:
    return x.view(batch, -1, *x.shape[1:]) if x.shape[0] else x.view(batch, 0, *x.shape[1:])


def _align(info: Any, in_dims: Any, features: list[Tensor], *args: Any) -> tuple[Tensor, int]:
    batch = info.batch_size
    images = _images(features, in_dims[0])
    maps, separate = _fold_maps(features, in_dims[0], batch)
    where = _fold_where(args[:4], in_dims[1:5], batch, images, separate)
    return _split(_OPS.roi_align(maps, *where, *args[4:]), batch), 0


def _align_transposed(info: Any, in_dims: Any, grad: Tensor, *args: Any) -> tuple[list[Tensor], list[int]]:
    batch = info.batch_size
    *where, sizes, last = args[:6]
    folded = _fold_where(tuple(where), in_dims[1:5], batch, sizes[0], True)
    wider = [n * batch if i % 3 == 0 else n for i, n in enumerate(sizes)]
    out = _OPS.roi_align_transposed(_fold(grad, in_dims[0], batch), *folded, wider, last, *args[6:])
    return [x.view(batch, -1, *x.shape[1:]) for x in out], [0] * len(out)


def _align_boxes(info: Any, in_dims: Any, features: list[Tensor], grad: Tensor, *args: Any) -> tuple[Tensor, int]:
    batch = info.batch_size
    images = _images(features, in_dims[0])
    maps, separate = _fold_maps(features, in_dims[0], batch)
    where = _fold_where(args[:4], in_dims[2:6], batch, images, separate)
    return _split(_OPS.roi_align_boxes(maps, _fold(grad, in_dims[1], batch), *where, *args[4:]), batch), 0


def _choose(info: Any, in_dims: Any, features: list[Tensor], boxes: Tensor, levels: Any, *rest: Any) -> Any:
    batch = info.batch_size
    images = _images(features, in_dims[0])
    maps, separate = _fold_maps(features, in_dims[0], batch)
    where = _fold_where((boxes, levels, None, None), (in_dims[1], in_dims[2], None, None), batch, images, separate)
    return _split(_OPS.roi_choose(maps, where[0], where[1], *rest), batch), 0


def _images(features: list[Tensor], dims: list[int | None]) -> int:
    """Return the images of one problem, N."""
    first, dim = features[0], dims[0]
    return first.shape[1 if dim == 0 else 0]


VMAP_RULES: dict[str, Callable[..., Any]] = {
    "roi_align": _align,
    "roi_align_transposed": _align_transposed,
    "roi_align_boxes": _align_boxes,
    "roi_choose": _choose,
}
"""The rule of each operator, by its name, as ``torch.library.register_vmap`` takes it."""
