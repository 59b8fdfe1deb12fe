"""One part of a classifier's data as tensors: in memory where it fits, and read batch by batch where it does not."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from archlab.errors import InputError
from archlab.images.open_image import without_size_warnings
from archlab.ir import Shape
from archlab.train.image_headers import WORKERS
from archlab.train.image_source import Example
from archlab.train.normalisation import Normalisation
from archlab.train.readers import Reader

AHEAD = 2
"""Batches that are read from disk while one is used."""

Read = Future[tuple[int, Tensor | str]]

Note = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Images of one shape with a class each.

    Attributes:
        classes: their names; a label is an index into them.
        examples: where each image comes from.
        labels: (N,) int64.
        shape: of each image, (C, H, W).
        images: (N, C, H, W) from 0 to 255, bytes, or float32 where some image of the source has sixteen bits; None
            where they are on disk, for ``batches`` to read.
        normalisation: what makes pixels a network's input, as measured on the training images.
        is_wide: whether pixels are float32.
        reader: of the images that are on disk.
        note: is told which images cannot be decoded.
    """

    classes: tuple[str, ...]
    examples: tuple[Example, ...]
    labels: Tensor
    shape: Shape
    images: Tensor | None
    normalisation: Normalisation
    is_wide: bool
    reader: Reader = field(repr=False)
    note: Note = field(repr=False)

    def __len__(self) -> int:
        return len(self.examples)

    def inputs(self, pixels: Tensor) -> Tensor:
        """Return pixels (N, C, H, W) as a network takes them: normalised, float32, on the device they are on."""
        return self.normalisation(pixels)


def batches(
    part: LabelledImages, size: int, rng: torch.Generator | None = None, *, whole: bool = False, skip: int = 0
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield every image once: pixels (n, C, H, W) from 0 to 255 and labels (n,), on the CPU.

    Pixels are normalised by ``part.inputs``, on whichever device they were moved to. Those on disk are decoded by
    threads, at most ``AHEAD`` batches ahead; one that cannot be decoded is left out and noted, so that its batch is
    smaller, or empty.

    Args:
        size: of a batch; the last has what is left.
        rng: makes the order; without it, that of names.
        whole: leave the last batch out where it is smaller, unless it is the only one.
        skip: this many batches are passed over, unread.
    """
    order = torch.arange(len(part)) if rng is None else torch.randperm(len(part), generator=rng)
    chunks = list(torch.split(order, size))
    if whole and len(chunks) > 1 and len(chunks[-1]) < size:
        chunks.pop()
    chunks = chunks[skip:]
    if part.images is not None:
        for chunk in chunks:
            yield part.images[chunk], part.labels[chunk]
        return
    yield from _from_disk(part, chunks)


def _from_disk(part: LabelledImages, chunks: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    told: set[str] = set()
    with without_size_warnings(), ThreadPoolExecutor(WORKERS) as pool:
        waiting: deque[list[Read]] = deque()
        todo = iter(chunks)
        try:
            for _ in range(AHEAD + 1):
                _begin(part, next(todo, None), pool, waiting)
            while waiting:
                indices, read = [], []
                for i, pixels in (future.result() for future in waiting.popleft()):
                    if isinstance(pixels, str):
                        if pixels not in told:
                            part.note(pixels)
                        told.add(pixels)
                    else:
                        indices.append(i)
                        read.append(pixels)
                _begin(part, next(todo, None), pool, waiting)
                blank = torch.empty(0, *part.shape, dtype=torch.float32 if part.is_wide else torch.uint8)
                yield torch.stack(read) if read else blank, part.labels[indices]
        finally:
            pool.shutdown(cancel_futures=True)


def _begin(part: LabelledImages, chunk: Tensor | None, pool: ThreadPoolExecutor, waiting: deque[list[Read]]) -> None:
    if chunk is not None:
        waiting.append([pool.submit(read_one, part, i) for i in chunk.tolist()])


def read_one(part: LabelledImages, index: int) -> tuple[int, Tensor | str]:
    """Return ``index`` and the image's pixels (C, H, W), or the sentence that says why it cannot be read."""
    try:
        pixels = part.reader(part.examples[index])
    except InputError as error:
        return index, error.message
    return index, torch.from_numpy(np.array(pixels, np.float32 if part.is_wide else np.uint8))
