"""Which boxes have an answer, and which of them lie on which level."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from archlab.roi.geometry import MAX_COORDINATE, Geometry

# Elements of the output worked on at once; the temporaries take some fifty bytes each.
ELEMENTS = 1 << 19


def are_usable(rois: Tensor, levels: Tensor | None, images: int, geometry: Geometry) -> Tensor:
    """Return (K,) bool: which boxes have an answer. Every other box's output is zero.

    These are not usable: a coordinate that is NaN, infinite, or beyond 2^24 pixels of any level; an image outside
    [0, N); a level outside those given.
    """
    largest = max(max(pair) for pair in geometry.scales)
    good = (rois[:, 1:].abs() * largest <= MAX_COORDINATE).all(1)
    # NaN compares false. Fractions truncate towards zero, as torchvision's do.
    image = rois[:, 0].trunc()
    good &= (image >= 0) & (image < images)
    if levels is not None:
        good &= (levels >= 0) & (levels < len(geometry.scales))
    return good


@dataclass(frozen=True)
class LevelRoIs:
    """The usable RoIs of one level, and where they stand among all K."""

    level: int
    place: Tensor | None  # None: all K of them, in order
    rois: Tensor
    tangents: Tensor


def split_by_level(
    rois: Tensor,
    levels: Tensor | None,
    tangents: Tensor | None,
    sizes: list[tuple[int, int, int]],
    geometry: Geometry,
) -> tuple[list[LevelRoIs], bool]:
    """Split the RoIs by level, leaving out the unusable; return also whether any was left out.

    Args:
        sizes: per level, (N, H, W).
    """
    if tangents is None:
        tangents = rois.new_zeros(0, len(rois), 4)
    good = are_usable(rois, levels, sizes[0][0], geometry)
    found = []
    left_out = not bool(good.all())
    for level, size in enumerate(sizes):
        here = good if levels is None else good & (levels == level)
        if size[1] == 0 or size[2] == 0:
            left_out = left_out or bool(here.any())
        elif not bool(here.any()):
            continue
        elif bool(here.all()):
            found.append(LevelRoIs(level, None, rois, tangents))
        else:
            place = torch.nonzero(here)[:, 0]
            found.append(LevelRoIs(level, place, rois[place], tangents[:, place]))
    return found, left_out


def map_rois(
    maps: list[Tensor], rois: Tensor, levels: Tensor | None, tangents: Tensor | None, geometry: Geometry
) -> list[LevelRoIs]:
    """Return the usable RoIs of each map of a pyramid; none where the maps have no channels."""
    if maps[0].shape[1] == 0:
        return []
    sizes = [(x.shape[0], x.shape[2], x.shape[3]) for x in maps]
    return split_by_level(rois, levels, tangents, sizes, geometry)[0]


def roi_slices(rois: int, elements: int) -> list[slice]:
    """Return slices of RoIs that bound the memory, for ``elements`` of the output per RoI."""
    step = max(1, ELEMENTS // max(elements, 1))
    return [slice(k, min(k + step, rois)) for k in range(0, rois, step)]
