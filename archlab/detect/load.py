"""A search's detection data, brought into memory once."""

from __future__ import annotations

from archlab.detect.dataset import DetectionData, Progress, read_coco, split
from archlab.detect.shapes import drawn_shapes
from archlab.detect.source import Source
from archlab.errors import InputError

HELD_OUT = 0.2
"""The share of the images that validate where no file says which."""

DRAWN = (96, 32)
"""How many drawn images train and validate where there is no data."""


_kept: dict[tuple[Source, tuple[int, int]], tuple[DetectionData, DetectionData]] = {}
MOST_KEPT = 4
"""Sources and sizes that a process keeps; more are read anew."""


def read_source(
    source: Source, size: tuple[int, int], progress: Progress | None = None
) -> tuple[DetectionData, DetectionData]:
    """Training and validation data at ``size`` (height, width); read once in a process.

    Raises:
        InputError: as ``read_coco``; or the two have different classes.
    """
    if (source, size) not in _kept:
        data = _read(source, size, progress)
        while len(_kept) >= MOST_KEPT:
            del _kept[next(iter(_kept))]
        _kept[source, size] = data
    return _kept[source, size]


def _read(source: Source, size: tuple[int, int], progress: Progress | None) -> tuple[DetectionData, DetectionData]:
    if source.train is None:
        return drawn_shapes(DRAWN[0], size, source.seed), drawn_shapes(DRAWN[1], size, source.seed + 1)
    train = read_coco(source.train, size, progress)
    if source.val is None:
        return split(train, HELD_OUT, source.seed)
    val = read_coco(source.val, size, progress)
    if val.classes != train.classes:
        raise InputError(
            f"{source.val} has the classes {', '.join(val.classes)}, and {source.train} has {', '.join(train.classes)}"
        )
    return train, val
