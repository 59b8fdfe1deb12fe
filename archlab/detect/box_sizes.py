"""Boxes at the size of a network's input: how large they are there, and which level reads each. No torch."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archlab.detect.attach import SMALL, roi_node
from archlab.detect.coco import Annotations
from archlab.detector import attach_detector, is_detector
from archlab.ir import Graph

TINY_SIDE = 1.0
"""In pixels of the input: what is smaller on a side is next to nothing to a network."""


@dataclass(frozen=True, slots=True)
class BoxAtInput:
    """A box as the network gets it: its label, its area in pixels on disk, its width and height in pixels there."""

    label: int
    area: float
    width: float
    height: float

    @property
    def side(self) -> float:
        """Return the square root of its area at the input."""
        return math.sqrt(self.width * self.height)

    @property
    def is_tiny(self) -> bool:
        """Return whether a side is below ``TINY_SIDE``."""
        return min(self.width, self.height) < TINY_SIDE


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels of a pyramid that boxes are read from: a box of the side ``canonical`` from 4."""

    canonical: float
    numbers: tuple[int, ...]

    def of(self, box: BoxAtInput) -> int:
        """Return the level that a box is read from (Lin et al. 2017, arXiv:1612.03144, equation 1, as torchvision)."""
        level = math.floor(4 + math.log2(max(box.side, 1e-9) / self.canonical) + 1e-6)
        return min(max(level, self.numbers[0]), self.numbers[-1])


def levels_of(graph: Graph) -> Levels:
    """Return the levels of a detector's graph, or of a backbone's with the neck and head of ``SMALL``."""
    attrs = roi_node(graph if is_detector(graph) else attach_detector(graph, SMALL)).attrs
    return Levels(attrs["canonical"], tuple(round(stride).bit_length() - 1 for stride in attrs["strides"]))


def boxes_at_input(annotations: Annotations, size: tuple[int, int]) -> Iterator[BoxAtInput]:
    """Yield the boxes that training takes, as they are at ``size`` (height, width)."""
    sizes = {entry["id"]: (entry["width"], entry["height"]) for entry in annotations.truth["images"]}
    for image in annotations.images:
        width, height = sizes[image.id]
        scale = min(size[0] / height, size[1] / width)
        for (x1, y1, x2, y2), label in zip(image.boxes, image.labels, strict=True):
            yield BoxAtInput(label, (x2 - x1) * (y2 - y1), (x2 - x1) * scale, (y2 - y1) * scale)


def level_counts(annotations: Annotations, size: tuple[int, int], levels: Levels) -> dict[str, int]:
    """Return how many boxes are read from each level, the finest first."""
    counts = Counter(levels.of(box) for box in boxes_at_input(annotations, size))
    return {f"p{number}": counts[number] for number in levels.numbers}


def size_remarks(annotations: Annotations, size: tuple[int, int], levels: Levels) -> Iterator[str]:
    """Yield a sentence on boxes too small for the input, and one on levels that no box is read from, with a way out.

    A level between two that are used is no remark: nothing but other data would change it.
    """
    at = f"{size[0]}x{size[1]}"
    boxes = list(boxes_at_input(annotations, size))
    tiny = sum(box.is_tiny for box in boxes)
    if tiny:
        yield (
            f"{tiny:,} of {len(boxes):,} boxes are smaller than a pixel at the network's input of {at}: take a larger "
            "--input, or cut the images into pieces"
        )
    counts = level_counts(annotations, size, levels)
    used = [name for name, count in counts.items() if count]
    if len(used) > 1:
        yield from _idle_ends(list(counts), used, at)
    elif used and len(counts) > 1:
        middle = sorted(box.side for box in boxes)[len(boxes) // 2]
        yield (
            f"all {len(boxes):,} boxes are read from {used[0]} at {at}, and the other levels are idle: their median "
            f"side is {middle:.0f} pixels, and canonical is {levels.canonical:g}; write roi_align(canonical="
            f"{max(1, round(middle))}) in the text, or take another --input"
        )


def _idle_ends(names: Sequence[str], used: Sequence[str], at: str) -> Iterator[str]:
    """Yield a sentence on the levels before the first that is used, and on those behind the last."""
    fine, coarse = names[: names.index(used[0])], names[names.index(used[-1]) + 1 :]
    for idle, argument, kept in ((fine, "finest", used[0]), (coarse, "coarsest", used[-1])):
        if idle:
            yield (
                f"no box is read from {' or '.join(idle)} at {at}: unless proposals need it, leave it out with "
                f"fpn(…, {argument}={kept[1:]})"
            )
