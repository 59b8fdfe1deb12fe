"""What goes onto a backbone to make it a detector, as plain numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from archlab.detector.levels import Level, show_levels
from archlab.errors import ElaborationError, InputError
from archlab.ir import Shape
from archlab.ops import Stride

FINEST = 4
"""The stride at which a neck begins by default, as in Lin et al. 2017: a finer level costs more than it finds."""

PAPER_SIDE, PAPER_INPUT = 224, 800
"""The canonical side of Lin et al. 2017, and the shorter side of the images that it is for, in pixels."""


@dataclass(frozen=True, slots=True)
class DetectorSpec:
    """A feature pyramid and an RoI box head.

    Attributes:
        width: channels of the neck.
        levels: the pyramid's levels, the finest first; empty for all that the backbone gives from stride 4 up.
        pool: how a box's features are read: by RoI align (He et al. 2017, arXiv:1703.06870) or RoI pooling
            (Girshick 2015, arXiv:1504.08083).
        size: bins down and across.
        sampling: samples of a bin along each axis; RoI pooling has none.
        aligned: whether pixel centres lie at half integers, as in Detectron2; torchvision's default is not.
        canonical: a box of this side, in pixels, is read from level p4 (Lin et al. 2017, equation 1); 0 for what the
            input's size gives, ``canonical_side``.
        rois: boxes per image, for counting.
        head_width: features of the box head's two layers.
        classes: classes of objects; the head puts out one more, the background, at index 0.
    """

    width: int = 256
    levels: tuple[str, ...] = ()
    pool: Literal["roi_align", "roi_pool"] = "roi_align"
    size: tuple[int, int] = (7, 7)
    sampling: int = 2
    aligned: bool = False
    canonical: float = PAPER_SIDE
    rois: int = 100
    head_width: int = 1024
    classes: int = 80

    def __post_init__(self) -> None:
        if not self.canonical >= 0:
            raise InputError(f"canonical must be a side in pixels, or 0 for the input's own, not {self.canonical!r}")
        if self.pool not in ("roi_align", "roi_pool"):
            raise InputError(f"pool must be roi_align or roi_pool, not {self.pool!r}")
        for name in ("width", "sampling", "rois", "head_width", "classes"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InputError(f"{name} must be a whole number of at least 1, not {value!r}")

    def with_levels(self, levels: tuple[str, ...]) -> DetectorSpec:
        """Return the same with these levels."""
        return dataclasses.replace(self, levels=levels)

    def at(self, input_shape: Shape) -> DetectorSpec:
        """Return the same with the canonical side that an input of (C, H, W) gives, where none was chosen."""
        return self if self.canonical else dataclasses.replace(self, canonical=canonical_side(input_shape))


def canonical_side(input_shape: Shape) -> int:
    """Return the side of a box that is read from level p4 at an input of (C, H, W): 224 / 800 of its shorter side.

    In whole pixels, at least 1. Lin et al. 2017 (arXiv:1612.03144, equation 1) have 224 pixels for images of 800 on the
    shorter side: so a box that fills a given share of its image is read from the same level whatever the input's size.

    >>> canonical_side((3, 800, 1333)), canonical_side((3, 256, 256)), canonical_side((3, 96, 128))
    (224, 72, 27)
    """
    return max(1, round(PAPER_SIDE * min(input_shape[1:]) / PAPER_INPUT))


def default_levels(levels: Sequence[Level], reached: Iterable[Stride | None] = ()) -> tuple[str, ...]:
    """Return the longest row of neighbouring levels that ends at the coarsest, from stride 4 up.

    Raises:
        ElaborationError: there is none; the message names the strides ``reached``.
    """
    row: list[Level] = []
    for level in reversed(levels):
        if level.stride < FINEST or (row and row[0].stride != 2 * level.stride):
            break
        row.insert(0, level)
    if not row:
        raise ElaborationError(
            f"no stage of the backbone ends at a stride of {FINEST}, 8, 16 …, the levels that a neck joins;"
            f" its stages give {show_levels(levels, reached)}",
            hint="end a stage where the stride is a power of two, before any pooling over the whole map",
        )
    return tuple(level.name for level in row)
