"""Reading one part of a classifier's data, into memory where it fits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import torch

from archlab.errors import InputError
from archlab.images.free_memory import free_memory
from archlab.images.open_image import without_size_warnings
from archlab.images.pixels import Pixels
from archlab.ir import Shape
from archlab.train.image_headers import WORKERS
from archlab.train.image_source import Example, ImageSource, PartName
from archlab.train.labelled_images import LabelledImages, Note, read_one
from archlab.train.normalisation import Normalisation, measure
from archlab.train.readers import Reader, reader_of

SHARE = 0.25
"""Of the free memory, what the images of a part may take; the rest is for the other parts and the training."""

MEASURED = 4096
"""Training images by which is normalised: all where they are fewer, else evenly spread ones."""

T = TypeVar("T")
R = TypeVar("R")

_PIECE = 64
"""Images that are decoded at a time."""


def load_part(
    source: ImageSource,
    part: PartName,
    shape: Shape,
    *,
    normalisation: Normalisation | None = None,
    share: float = SHARE,
    note: Note = lambda _: None,
    progress: Note = lambda _: None,
) -> LabelledImages:
    """Return a part of the images at ``shape`` (C, H, W), each fitted to it as ``read_pixels`` says.

    They are in memory where they take at most ``share`` of what is free, and otherwise on disk, for ``batches`` to
    read. Images in memory that cannot be decoded are left out, and noted.

    Args:
        normalisation: where it is known; else it is measured, on at most ``MEASURED`` training images.
        note: is told what is left out.
        progress: is told how far the reading is.

    Raises:
        InputError: the part has no images that can be read; as ``reader_of``; or Pillow is not installed.
    """
    reader = reader_of(source, shape)
    examples = source.parts[part]
    if not examples:
        raise InputError(
            f"{source.root} has no images for the part {part}",
            hint="a part that is cut needs at least three images of some class",
        )
    labels = torch.tensor([example.label for example in examples], dtype=torch.int64)
    known = normalisation or Normalisation((0.0,) * shape[0], (1.0,) * shape[0])
    found = LabelledImages(source.classes, examples, labels, shape, None, known, source.is_wide, reader, note)
    free = free_memory()
    needed = len(examples) * math.prod(shape) * (4 if source.is_wide else 1)
    if free is None or needed <= share * free:
        found = _in_memory(found, part, progress)
    if normalisation is not None:
        return found
    progress("measuring the training images")
    chosen = _spread(source.parts["train"])
    measured = _held(found, chosen) if part == "train" and found.images is not None else _read(reader, chosen)
    return replace(found, normalisation=measure(measured))


def _spread(examples: Sequence[Example]) -> list[Example]:
    """Return ``MEASURED`` examples at equal distances, or all where they are fewer."""
    step = max(1.0, len(examples) / MEASURED)
    return [examples[int(i * step)] for i in range(min(len(examples), MEASURED))]


def _held(part: LabelledImages, chosen: Sequence[Example]) -> Iterator[Pixels]:
    """Yield those images of ``chosen`` that are in memory already."""
    assert part.images is not None
    wanted = set(chosen)
    for example, pixels in zip(part.examples, part.images, strict=True):
        if example in wanted:
            yield pixels.numpy()


def _read(reader: Reader, chosen: Sequence[Example]) -> Iterator[Pixels]:
    """Yield the images of ``chosen`` from disk; those that cannot be read are said when their part is."""

    def read(example: Example) -> Pixels | None:
        try:
            return reader(example)
        except InputError:
            return None

    for pixels in _in_threads(read, chosen):
        if pixels is not None:
            yield pixels


def _in_memory(part: LabelledImages, name: PartName, progress: Note) -> LabelledImages:
    images = torch.empty(len(part), *part.shape, dtype=torch.float32 if part.is_wide else torch.uint8)
    kept: list[int] = []
    for i, pixels in _in_threads(lambda i: read_one(part, i), range(len(part))):
        if isinstance(pixels, str):
            part.note(pixels)
            continue
        images[len(kept)] = pixels
        kept.append(i)
        if i % 500 == 0:
            progress(f"reading {name}: image {i:,} of {len(part):,}")
    if not kept:
        raise InputError(f"no image of the part {name} can be read")
    examples = tuple(part.examples[i] for i in kept)
    return replace(part, examples=examples, labels=part.labels[kept], images=images[: len(kept)])


def _in_threads(function: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """Yield what a function makes of each item, in order, a few of them at a time."""
    with without_size_warnings(), ThreadPoolExecutor(WORKERS) as pool:
        for start in range(0, len(items), _PIECE):
            yield from pool.map(function, items[start : start + _PIECE])
