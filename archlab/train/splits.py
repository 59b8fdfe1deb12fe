"""Which images validate and test, where the data does not say: by seed, the same share of every class."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

from archlab.train.image_source import PARTS, Example, PartName

SHARE = 0.1
"""Of each class's images, what a part that the data lacks takes."""


def cut_parts(
    given: Mapping[PartName, Sequence[Example]], seed: int
) -> tuple[dict[PartName, tuple[Example, ...]], tuple[PartName, ...]]:
    """Return the three parts, and which of them were cut out of the training images: those that ``given`` lacks.

    Of a class with n images such a part gets n / 10, rounded, and at least one where n is 3 or more. Images are taken
    in the order of a hash of seed and name: neither the file system's order nor images that come or go change much.
    """
    lacking: tuple[PartName, ...] = tuple(part for part in reversed(PARTS) if part not in given)
    by_class: dict[int, list[Example]] = defaultdict(list)
    for example in given["train"]:
        by_class[example.label].append(example)
    taken: dict[Example, PartName] = {}
    for own in by_class.values():
        ranked = sorted(own, key=lambda example: _rank(example, seed))
        count = max(1, round(SHARE * len(own))) if len(own) > len(lacking) and len(own) > 1 else 0
        for i, part in enumerate(lacking):
            taken |= dict.fromkeys(ranked[i * count : (i + 1) * count], part)
    parts: dict[PartName, tuple[Example, ...]] = {}
    for part in PARTS:
        examples = [e for e in given["train"] if taken.get(e, "train") == part]
        parts[part] = tuple(examples) if part == "train" or part in lacking else tuple(given[part])
    return parts, tuple(part for part in PARTS if part in lacking)


def _rank(example: Example, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}/{example.name}".encode(errors="replace")).digest()
