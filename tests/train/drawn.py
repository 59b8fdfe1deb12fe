"""Small data to train on: coloured squares, in files or as an ImageFolder's folders."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"blue": (0, 0, 255), "green": (0, 255, 0), "red": (255, 0, 0)}


def folders(root: Path, each: int = 10, size: tuple[int, int] = (8, 8)) -> Path:
    """A folder for each colour with ``each`` images of it; the darker, the later."""
    for name, colour in COLOURS.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for i in range(each):
            shade = tuple(value * (200 - 5 * i) // 200 for value in colour)
            Image.new("RGB", size, shade).save(root / name / f"{i:03}.png")
    return root


def idx(root: Path, name: str, values: np.ndarray, compressed: bool = False) -> Path:
    """An IDX file of bytes."""
    root.mkdir(parents=True, exist_ok=True)
    content = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()
    path = root / (f"{name}.gz" if compressed else name)
    path.write_bytes(gzip.compress(content) if compressed else content)
    return path


def idx_set(root: Path, compressed: bool = False, prefix: str = "") -> tuple[np.ndarray, np.ndarray]:
    """The four files of a set: 40 images of 5x6 to train and 10 to test, labels 3, 5 and 8. Returns the first two."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (40, 5, 6), np.uint8), np.tile(np.array([3, 5, 8, 5], np.uint8), 10)
    idx(root, f"{prefix}train-images-idx3-ubyte", images, compressed)
    idx(root, f"{prefix}train-labels-idx1-ubyte", labels, compressed)
    idx(root, f"{prefix}t10k-images-idx3-ubyte", images[:10], compressed)
    idx(root, f"{prefix}t10k-labels-idx1-ubyte", labels[:10], compressed)
    return images, labels
