"""What a reader of one layout finds: examples by class name, before they become a source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from archlab.errors import InputError, printable
from archlab.train.image_source import Example, ImageSource, Layout, OddFile, PartName, digest_of
from archlab.train.splits import cut_parts

UNLABELLED = ("image",)
"""The classes of images whose classes are not read."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is in the data, in the order of names.

    Attributes:
        root: the folder from which names are seen.
        layout: what kind of data it is.
        classes: their names.
        given: the parts that it has, ``train`` at least.
        odd: what was left out, or looks odd.
        lengths: what is known of each file's content, its length at least.
        is_wide: whether some image has more than eight bits to a channel.
    """

    root: Path
    layout: Layout
    classes: tuple[str, ...]
    given: Mapping[PartName, tuple[Example, ...]]
    odd: tuple[OddFile, ...]
    lengths: Mapping[str, str]
    is_wide: bool = False

    @property
    def unlabelled(self) -> Found:
        """The same images, all of one class that means nothing."""
        given = {part: tuple(Example(example.name, 0) for example in own) for part, own in self.given.items()}
        return replace(self, classes=UNLABELLED, given=given)

    def source(self, seed: int) -> ImageSource:
        """Return the source, its lacking parts cut by ``seed``.

        Raises:
            InputError: there are no training images, or of one class only.
        """
        if not self.given["train"]:
            why = f": {printable(self.odd[0].name)} {self.odd[0].why}" if self.odd else ""
            raise InputError(f"{self.root} holds no images that train{why}")
        if len(self.classes) < 2 and self.classes is not UNLABELLED:
            raise InputError(
                f"{self.root} holds images of one class, {printable(self.classes[0])}, and a classifier needs two",
                hint="name the folder that holds a folder for each class",
            )
        parts, cut = cut_parts(self.given, seed)
        digest = digest_of(self.classes, parts, seed, self.lengths)
        return ImageSource(self.root, self.layout, self.classes, parts, cut, seed, self.is_wide, self.odd, digest)
