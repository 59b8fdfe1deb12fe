"""A search's detection data, brought into memory once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from archlab.detect.coco import Annotations
from archlab.detect.data_source import Source, read_annotations
from archlab.detect.dataset import DetectionData, Progress, read_dataset, refuse_too_many, split
from archlab.detect.shapes import drawn_shapes
from archlab.errors import InputError, quote

HELD_OUT = 0.2
"""The share of the images that validate where no file names them."""

DRAWN = (96, 32)
"""How many drawn images train and validate where there is no data."""


MOST_KEPT = 4
"""Sources and sizes that a process keeps; more are read again."""

MOST_SHOWN = 12
"""Classes that a message names."""

_kept: dict[tuple[Any, ...], tuple[DetectionData, DetectionData]] = {}


def read_source(
    source: Source, size: tuple[int, int], progress: Progress | None = None
) -> tuple[DetectionData, DetectionData]:
    """Return training and validation data at ``size`` (height, width), read once per process unless a file changed.

    Raises:
        InputError: as ``read_dataset``; or the two have different classes.
    """
    key = source, size, *map(_written, (source.train, source.val))
    if key not in _kept:
        data = _read(source, size, progress)
        while len(_kept) >= MOST_KEPT:
            del _kept[next(iter(_kept))]
        _kept[key] = data
    return _kept[key]


def _written(path: Path | None) -> tuple[int, int] | None:
    """Return what shows that a file was written to; a missing one is for its reader to refuse."""
    if path is None or not os.path.isfile(path):
        return None
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def _read(source: Source, size: tuple[int, int], progress: Progress | None) -> tuple[DetectionData, DetectionData]:
    if source.train is None:
        return drawn_shapes(DRAWN[0], size, source.seed), drawn_shapes(DRAWN[1], size, source.seed + 1)
    if source.val is None:
        return split(read_dataset(source.train, size, progress), HELD_OUT, source.seed)
    sets = [read_annotations(path) for path in (source.train, source.val)]
    _refuse_other_classes(*sets)
    refuse_too_many(sets, size)
    return read_dataset(source.train, size, progress), read_dataset(source.val, size, progress)


def _refuse_other_classes(train: Annotations, val: Annotations) -> None:
    if val.classes != train.classes:
        raise InputError(f"{val.source} has the classes {_names(val)}, and {train.source} has {_names(train)}")


def _names(annotations: Annotations) -> str:
    names = annotations.classes
    shown = ", ".join(quote(name)[1:-1] for name in names[:MOST_SHOWN])
    return shown + (f" and {len(names) - MOST_SHOWN:,} more" if len(names) > MOST_SHOWN else "")
