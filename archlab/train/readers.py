"""From an example to its pixels, whatever layout its source has."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from archlab.errors import InputError
from archlab.images.pixels import Pixels, fit, read_pixels
from archlab.ir import Shape
from archlab.train.idx_files import read_idx_images
from archlab.train.image_source import Example, ImageSource

Reader = Callable[[Example], Pixels]
"""From an example to its pixels (C, H, W), 0 to 255; it raises InputError where they cannot be read."""


def reader_of(source: ImageSource, shape: Shape) -> Reader:
    """Return the reader of a source's images at ``shape``, which several threads may call at a time.

    Raises:
        InputError: the shape has neither 1 nor 3 channels; or an IDX file is broken, or too large to be unpacked.
    """
    channels, *size = shape
    if channels not in (1, 3):
        raise InputError(
            f"images are read with 1 channel or 3, and the network takes {channels}",
            hint="give its text an input of 1 or 3 channels (--input 3x64x64)",
        )
    height, width = size
    if source.layout != "idx":
        return lambda example: read_pixels(source.root / example.name, channels, (height, width))
    names = {e.name.rpartition("#")[0] for part in source.parts.values() for e in part}
    files = {name: read_idx_images(source.root / name) for name in sorted(names)}

    def read(example: Example) -> Pixels:
        name, _, index = example.name.rpartition("#")
        return fit(np.asarray(files[name][int(index)]), channels, (height, width))

    return read
