"""Which boxes have an answer, and which of them lie on which level."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from archlab.roi.geometry import MAX_COORDINATE, SAMPLED_MODES, Geometry

# Samples along a bin up to which boxes are worked on together: beyond, each class of sizes pays for itself alone.
COMMON_GRID = 32

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
    """Usable RoIs of one level, and where they stand among all K. A level has several where its grids differ much."""

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
            continue
        if not bool(here.any()):
            continue
        for some in _grid_classes(here, rois, geometry, level):
            if bool(some.all()):
                found.append(LevelRoIs(level, None, rois, tangents))
            else:
                place = torch.nonzero(some)[:, 0]
                found.append(LevelRoIs(level, place, rois[place], tangents[:, place]))
    return found, left_out


def _grid_classes(here: Tensor, rois: Tensor, geometry: Geometry, level: int) -> list[Tensor]:
    """Split a mask (K,) so that one huge adaptive grid does not lengthen the lists of all other boxes."""
    if geometry.sampling_ratio > 0 or geometry.mode not in SAMPLED_MODES:
        return [here]
    sides = (rois[:, 3:] - rois[:, 1:3]) * max(geometry.scales[level])
    grid = torch.where(here, sides.amax(1) / min(geometry.bins), 0)
    if bool((grid <= COMMON_GRID).all()):
        return [here]
    kind = torch.ceil(torch.log2(grid.clamp(min=COMMON_GRID) / COMMON_GRID) / 2)
    return [here & (kind == each) for each in torch.unique(kind[here])]


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
