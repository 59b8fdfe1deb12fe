"""The IDX files of MNIST and its kin: a header of sizes, then bytes (yann.lecun.com/exdb/mnist), ``.gz`` or not."""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import re
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from archlab.errors import InputError
from archlab.images.free_memory import free_memory
from archlab.train.found import Found
from archlab.train.image_source import Example, OddFile, PartName
from archlab.units import format_bytes, format_percent

IMAGES_FILE = re.compile(r"(?P<set>.*?)(?P<part>train|t10k|test)-images[-.]idx3-ubyte(\.gz)?")
"""``train-images-idx3-ubyte.gz``, and EMNIST's ``emnist-letters-train-images-idx3-ubyte.gz``."""

SHARE = 0.25
"""Of the free memory, what a compressed file may take once it is not; others are read as they lie on disk."""

_PIECE = 2**20

Bytes = np.ndarray[Any, np.dtype[np.uint8]]


def images_files(folder: Path) -> list[Path]:
    """Return the IDX files of images in a folder."""
    return sorted(folder / name for name in os.listdir(folder) if IMAGES_FILE.fullmatch(name))


def read_idx_files(path: Path) -> Found:
    """Return the images beside ``path``, an IDX file of images, that belong to its set.

    Classes are the labels that the training images have, in the order of their numbers.

    Raises:
        InputError: a file of the set is missing or is no IDX file of bytes; two have different numbers of images; or a
            test image's label is one that no training image has.
    """
    match = IMAGES_FILE.fullmatch(path.name)
    if match is None:
        raise InputError(f"{path} is not called like an IDX file of images", hint="such as train-images-idx3-ubyte.gz")
    files: dict[PartName, Path] = {}
    for each in images_files(path.parent):
        other = IMAGES_FILE.fullmatch(each.name)
        if other is not None and other["set"] == match["set"]:
            files.setdefault("train" if other["part"] == "train" else "test", each)
    if "train" not in files:
        raise InputError(f"{path} has no {match['set']}train-images-idx3-ubyte beside it")
    labels = {part: _labels(file) for part, file in files.items()}
    known = np.unique(labels["train"])
    given: dict[PartName, tuple[Example, ...]] = {}
    for part, own in labels.items():
        if (odd := np.setdiff1d(own, known)).size:
            raise InputError(f"{files[part]}: its label {odd[0]} is of no training image")
        numbers = np.searchsorted(known, own).tolist()
        given[part] = tuple(Example(f"{files[part].name}#{i}", label) for i, label in enumerate(numbers))
    lengths = {file.name: f"{file.stat().st_size} {_beginning(file)}" for file in files.values()}
    odd_files: tuple[OddFile, ...] = ()
    return Found(path.parent, "idx", tuple(str(label) for label in known), given, odd_files, lengths)


def read_idx_images(path: Path) -> Bytes:
    """Return the images (N, H, W) of an IDX file; one that is not compressed stays on disk until it is looked at.

    Raises:
        InputError: it is no IDX file of images in bytes; or it is compressed, and would take more than ``SHARE`` of
            the free memory.
    """
    return _read(path, dimensions=3)


def _labels(images: Path) -> Bytes:
    """Return the labels (N,) that belong to a file of images."""
    stem = images.name.removesuffix(".gz").replace("-images", "-labels").replace("idx3", "idx1")
    file = next((images.parent / n for n in (stem, f"{stem}.gz") if os.path.isfile(images.parent / n)), None)
    if file is None:
        raise InputError(f"{images} has no file of labels beside it, {stem} or {stem}.gz")
    labels = _read(file, dimensions=1)
    with _open(images) as opened:
        (count, *_) = _header(opened, images, dimensions=3)
    if count != len(labels):
        raise InputError(f"{images} has {count:,} images, and {file.name} {len(labels):,} labels")
    return labels


def _read(path: Path, dimensions: int) -> Bytes:
    try:
        with _open(path) as file:
            shape = _header(file, path, dimensions)
            size = math.prod(shape)
            if path.suffix != ".gz":
                if path.stat().st_size != file.tell() + size:
                    raise _cut(path, size, path.stat().st_size - file.tell())
                return np.zeros(shape, np.uint8) if size == 0 else np.memmap(path, np.uint8, "r", file.tell(), shape)
            _refuse_large(path, size)
            data = np.empty(size, np.uint8)
            done = 0
            while done < size and (piece := file.read(min(_PIECE, size - done))):
                data[done : done + len(piece)] = np.frombuffer(piece, np.uint8)
                done += len(piece)
            if done < size or file.read(1):
                raise _cut(path, size, done)
            return data.reshape(shape)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot read {path}: {error}") from error


def _open(path: Path) -> BinaryIO:
    if not os.path.isfile(path):
        raise InputError(f"cannot read {path}: it is no file")
    try:
        return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error


def _header(file: BinaryIO, path: Path, dimensions: int) -> tuple[int, ...]:
    try:
        begin = file.read(4 + 4 * dimensions)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    if len(begin) < 4 + 4 * dimensions or begin[:4] != bytes((0, 0, 8, dimensions)):
        raise InputError(
            f"{path} is no IDX file of bytes with {dimensions} dimensions: it begins {begin[:4].hex(' ')}, not "
            f"00 00 08 {dimensions:02x}"
        )
    return struct.unpack(f">{dimensions}I", begin[4:])


def _refuse_large(path: Path, size: int) -> None:
    free = free_memory()
    if free is not None and size > SHARE * free:
        raise InputError(
            f"{path} holds {format_bytes(size)} once it is not compressed, more than {format_percent(SHARE, 0)} of the "
            f"{format_bytes(free)} that are free",
            hint=f"gunzip {path.name}: what is not compressed is read from disk, piece by piece",
        )


def _cut(path: Path, size: int, found: int) -> InputError:
    return InputError(
        f"{path} holds {'more' if found >= size else 'less'} than the {size:,} bytes that its header says"
    )


def _beginning(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.sha256(file.read(2**20)).hexdigest()[:16]
