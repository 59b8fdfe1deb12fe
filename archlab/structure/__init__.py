"""The blocks of a network, found by how its operators are wired and not by their names; and what differs between two.

Each file has one part of the way: ``layers`` puts light operators with heavy ones, ``regions`` makes branches elements,
``patterns`` and ``joins`` name them, ``sections`` divides them into stem, stages and head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archlab.structure.find import find_structure
from archlab.structure.found import Structure

if TYPE_CHECKING:
    from archlab.structure.compare import Diff

__all__ = ["Structure", "diff", "find_structure", "structure"]


def structure(source: Any) -> Structure:
    """Find the blocks of a network by their wiring: stem, stages and head, how many of which kind, and what they cost.

    Names play no part in it. What fits no kind with certainty is part of the result as ``unplaced``. A first block of
    an inverted kind that does not expand, such as MobileNetV2's, is wired as a depthwise separable and counted as one.

    Args:
        source: a network, a graph, what names or writes down one (see "What names a network" in docs/api.md), or what
            ``archlab.lift`` made of a torch model.

    Raises:
        InputError: there is no graph in it, and it names none.
        ArchlabError: a text is wrong.

    >>> found = structure("resnet50")
    >>> found.counts()["bottleneck"], found.shortcuts()["projected"]
    (16, 4)
    """
    from archlab.structure.read_graph import graph_read

    return find_structure(graph_read(source))


def diff(a: Any, b: Any) -> Diff:
    """Compare two networks by structure: stages and blocks side by side, what changed in each, and what it costs.

    Args:
        a, b: as for ``archlab.structure``.

    Raises:
        InputError: there is no graph in one of them, and it names none.
        ArchlabError: a text is wrong.

    >>> found = diff("resnet18", "resnet50")
    >>> [str(change) for change in found.pairs[3].changes][:2]
    ['kind residual → bottleneck', 'channels 64 → 256']
    >>> diff("resnet18", "resnet18").equal
    True
    """
    from archlab.structure.compare import compare
    from archlab.structure.read_graph import graph_read

    return compare(graph_read(a), graph_read(b))
