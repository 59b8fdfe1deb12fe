"""A search's detection data, read once."""

from __future__ import annotations

from typing import Any

from archlab.detect.data_formats import stamp
from archlab.detect.data_source import Source
from archlab.detect.dataset import DetectionData, Progress, dataset_of, fit_in_memory, split
from archlab.detect.shapes import drawn_shapes
from archlab.errors import InputError

HELD_OUT = 0.2
"""The share of the images that validate where no file names them."""

DRAWN = (96, 32)
"""How many drawn images train and validate where there is no data."""


MOST_KEPT = 4
"""Sources and sizes that a process keeps; more are read again."""

_kept: dict[tuple[Any, ...], tuple[DetectionData, DetectionData]] = {}


def read_source(
    source: Source, size: tuple[int, int], progress: Progress | None = None
) -> tuple[DetectionData, DetectionData]:
    """Return training and validation data at ``size`` (height, width), read once per process unless a file changed.

    Raises:
        InputError: as ``Source.annotations`` and ``dataset_of``; or there is no box to train on or to validate with.
    """
    key = source, size, *map(stamp, (source.train, source.val))
    if key not in _kept:
        data = _read(source, size, progress)
        while len(_kept) >= MOST_KEPT:
            del _kept[next(iter(_kept))]
        _kept[key] = data
    return _kept[key]


def _read(source: Source, size: tuple[int, int], progress: Progress | None) -> tuple[DetectionData, DetectionData]:
    if source.train is None:
        return drawn_shapes(DRAWN[0], size, source.seed), drawn_shapes(DRAWN[1], size, source.seed + 1)
    train, val = source.annotations()
    sets = [part for part in (train, val) if part is not None]
    in_memory = fit_in_memory(sets, size)
    parts = [dataset_of(part, size, in_memory, progress) for part in sets]
    _refuse_without_boxes(parts[0], "train on")
    training, validation = parts if len(parts) == 2 else split(parts[0], HELD_OUT, source.seed)
    _refuse_without_boxes(training, "train on, with a fifth of its images held out")
    _refuse_without_boxes(validation, "validate with")
    return training, validation


def _refuse_without_boxes(data: DetectionData, what: str) -> None:
    if any(len(boxes) for boxes in data.boxes):
        return
    left = "; ".join(f"{count:,} are left out: {kind}" for kind, count in data.left_out.items())
    raise InputError(
        f"{data.source} has no box to {what}" + (f" ({left})" if left else ""),
        hint="name data with boxes of the classes that are looked for; archlab data check PATH shows what is there",
    )
