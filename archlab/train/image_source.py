"""A classifier's images: where they are, their classes, and which of them train, validate and test. No torch."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from archlab.errors import printable
from archlab.files import write_atomic

PartName = Literal["train", "val", "test"]
PARTS: tuple[PartName, ...] = ("train", "val", "test")
PART_NAMES: Mapping[PartName, tuple[str, ...]] = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
"""What they are called in data."""

OUTSIDE = "is a link that leads out of the data's folder, and is left out"

Layout = Literal["folders", "idx", "csv"]

MOST_SHOWN = 5
"""Odd files that a message names."""


@dataclass(frozen=True, slots=True)
class Example:
    """One image.

    Attributes:
        name: of its file, as seen from the source's ``root``; ``FILE#17`` is the image 17 of an IDX file.
        label: the index of its class.
    """

    name: str
    label: int


@dataclass(frozen=True, slots=True)
class OddFile:
    """A file or folder that is left out, or that may not be what it seems.

    Attributes:
        name: as seen from the source's ``root``.
        why: what is odd about it, as the end of a sentence.
    """

    name: str
    why: str


@dataclass(frozen=True)
class ImageSource:
    """Images with a class each, in three parts.

    Attributes:
        root: the folder from which names are seen.
        layout: class folders, IDX files or a CSV table.
        classes: their names; a label is an index into them.
        parts: the examples of ``train``, ``val`` and ``test``, each in the order of their names.
        cut: those parts that the data did not have, and that were cut out of its training images.
        seed: by which they were.
        is_wide: whether some image has more than eight bits to a channel.
        odd: what was left out, or looks odd.
        digest: of all above and the files' lengths, by which a run that goes on knows its data.
    """

    root: Path
    layout: Layout
    classes: tuple[str, ...]
    parts: Mapping[PartName, tuple[Example, ...]]
    cut: tuple[PartName, ...]
    seed: int
    is_wide: bool
    odd: tuple[OddFile, ...] = field(repr=False)
    digest: str


def digest_of(
    classes: Sequence[str], parts: Mapping[PartName, Sequence[Example]], seed: int, lengths: Mapping[str, str]
) -> str:
    """Return a hash of 16 digits of what defines a source; ``lengths`` has what is known of each file's content."""
    text = hashlib.sha256(json.dumps([seed, list(classes)]).encode())
    for part in PARTS:
        for example in parts[part]:
            file = example.name if example.name in lengths else example.name.rpartition("#")[0]
            text.update(f"{part} {example.label} {lengths.get(file, '')} {example.name}\n".encode(errors="replace"))
    return text.hexdigest()[:16]


def odd_lines(odd: Sequence[OddFile]) -> list[str]:
    """Return one sentence for each way in which files are odd, with their number and the first of their names.

    >>> odd_lines([OddFile("a/x.txt", "is no image"), OddFile("b/y.txt", "is no image")])
    ['a/x.txt, b/y.txt: is no image']
    """
    lines = []
    for why, count in Counter(file.why for file in odd).items():
        names = [printable(file.name) for file in odd if file.why == why]
        more = f" and {count - MOST_SHOWN} more" if count > MOST_SHOWN else ""
        lines.append(f"{', '.join(names[:MOST_SHOWN])}{more}: {why}")
    return lines


def write_split(source: ImageSource, path: Path) -> None:
    """Write which images are in the parts that were cut, with the seed and the number of images in every part.

    Raises:
        InputError: the file cannot be written.
    """
    data = {
        "format": "archlab.split/1",
        "data": str(source.root),
        "digest": source.digest,
        "seed": source.seed,
        "classes": list(source.classes),
        "images": {part: len(source.parts[part]) for part in PARTS},
        "cut": {part: [example.name for example in source.parts[part]] for part in source.cut},
    }
    write_atomic(path, json.dumps(data, indent=1, ensure_ascii=False) + "\n")
