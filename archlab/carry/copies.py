"""Which operator of the source stands for each of the target's, where the target repeats a block fewer times.

A path says where an operator stands, and its whole numbers say in which copy: ``stage3.4.conv.conv2d`` is of the fifth
copy of stage3. The first copy has the stride and the change of width, so it stays; the others stay in their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from archlab.ir import Graph

Kept = Mapping[str, tuple[int, ...]]
"""For each repeat, named by its path in the source, the copies that stay, in order."""


def copies_in(names: Iterable[str]) -> dict[str, int]:
    """Count the copies of every repeat that the paths ``names`` show.

    >>> copies_in(["stem", "stage1.0.conv", "stage1.1.conv"])
    {'stage1': 2}
    """
    counts: dict[str, int] = {}
    for name in names:
        parts = name.split(".")
        for i, part in enumerate(parts):
            if part.isdecimal():
                prefix = ".".join(parts[:i])
                counts[prefix] = max(counts.get(prefix, 0), int(part) + 1)
    return counts


def kept_copies(source: Graph, target: Graph, importance: Mapping[str, float] | None = None) -> Kept:
    """Return which copies of the source stay, for each repeat that is shorter in the target.

    Args:
        source: the larger network.
        target: a draw of the same space.
        importance: how much each copy matters, by its path, such as ``stage3.4``; without it the first ones stay.
    """
    had, have = copies_in(source.names), copies_in(target.names)
    kept: dict[str, tuple[int, ...]] = {}
    for prefix, n in had.items():
        left = have.get(prefix, n)
        if left >= n:
            continue
        later = sorted(range(1, n), key=lambda i: (-(importance or {}).get(f"{prefix}.{i}", 0.0), i))
        kept[prefix] = (0, *sorted(later[: left - 1]))
    return kept


def source_name(name: str, kept: Kept) -> str:
    """Return the source's path of the target's operator ``name``.

    >>> source_name("stage3.1.conv", {"stage3": (0, 4)})
    'stage3.4.conv'
    """
    parts: list[str] = []
    for part in name.split("."):
        copies = kept.get(".".join(parts))
        parts.append(str(copies[int(part)]) if copies and part.isdecimal() else part)
    return ".".join(parts)
