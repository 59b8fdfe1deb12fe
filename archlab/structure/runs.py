"""Equal blocks that follow each other as one run, and how a block is written in a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from archlab.structure.found import INCEPTION, OPERATOR, SEPARABLE, UNPLACED, Block, Blocks


@dataclass(frozen=True, slots=True)
class Run(Blocks):
    """Blocks that follow each other and are written alike; costs are of all of them."""

    @property
    def first(self) -> Block:
        """The first of them."""
        return self.blocks[0]

    @property
    def label(self) -> str:
        """The block in a few words, with how often it stands."""
        times = f" ×{len(self.blocks)}" if len(self.blocks) > 1 else ""
        return block_label(self.first) + times


def runs_of(blocks: Sequence[Block]) -> tuple[Run, ...]:
    """Return the runs of blocks that are written alike and put out maps of one size."""
    groups = groupby(blocks, key=lambda block: (block_label(block), block.shape[1:]))
    return tuple(Run(tuple(members)) for _, members in groups)


def block_label(block: Block) -> str:
    """Return a block in a few words: kind, window, stride, groups, multiplier, squeeze-excite and shortcut.

    Channels are no part of it: ``depthwise separable 3x3 /2 dm4, identity``. A multiplier of 1 shows in separables.
    """
    settings = block.settings
    words = [block.title]
    if block.kind not in (INCEPTION, OPERATOR, UNPLACED):
        words += dict.fromkeys(settings.kernel)
    if settings.stride > 1:
        words.append(f"/{settings.stride}")
    if settings.groups > 1:
        words.append(f"g{settings.groups}")
    if settings.dilation > 1:
        words.append(f"d{settings.dilation}")
    if block.kind == SEPARABLE or settings.multiplier > 1:
        words.append(f"dm{settings.multiplier}")
    if settings.squeeze and block.title != "squeeze-excite":
        words.append("SE")
    label = " ".join(words)
    return f"{label}, {block.shortcut}" if block.shortcut else label


def place_of(block: Block) -> str:
    """Return where a block stands: what its operators' names have in common, or the first of them.

    >>> from archlab import structure
    >>> place_of(structure("resnet50").blocks[2])
    'stage1.0'
    """
    paths = [name.split(".") for name in block.nodes]
    common = 0
    while all(len(path) > common + 1 and path[common] == paths[0][common] for path in paths):
        common += 1
    return ".".join(paths[0][:common]) if common else block.nodes[0]
