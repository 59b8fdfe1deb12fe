"""Two series side by side: the cheapest way to make one of the other by keeping, changing, adding and leaving out.

Needleman and Wunsch 1970 (J. Mol. Biol. 48), with what is alike at both ends taken first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from typing import TypeVar

T = TypeVar("T")
Pair = tuple[T | None, T | None]
MOST_CELLS = 250_000
"""Beyond so many comparisons, what is equal is kept and the rest stands side by side in its order."""


def align(
    a: Sequence[T],
    b: Sequence[T],
    change: Callable[[T, T], float],
    gap: Callable[[T], float],
) -> tuple[float, list[Pair[T]]]:
    """Return what it costs to make ``b`` of ``a``, and the pairs in order; one side of a pair may be None.

    Args:
        change: what it costs to make one item of another; 0 for equal ones, infinite for what cannot be a pair.
        gap: what it costs to add an item or to leave it out.
    """
    start = 0
    while start < min(len(a), len(b)) and change(a[start], b[start]) == 0:
        start += 1
    end = 0
    while end < min(len(a), len(b)) - start and change(a[-1 - end], b[-1 - end]) == 0:
        end += 1
    head: list[Pair[T]] = list(zip(a[:start], b[:start], strict=True))
    tail: list[Pair[T]] = list(zip(a[len(a) - end :], b[len(b) - end :], strict=True))
    cost, middle = _middle(a[start : len(a) - end], b[start : len(b) - end], change, gap)
    return cost, [*head, *middle, *tail]


def _middle(
    a: Sequence[T], b: Sequence[T], change: Callable[[T, T], float], gap: Callable[[T], float]
) -> tuple[float, list[Pair[T]]]:
    if len(a) * len(b) > MOST_CELLS:
        return _by_blocks_of_equals(a, b, change, gap)
    # best[i][j]: making b[j:] of a[i:]; ties go to the change, then to leaving out.
    best = [[0.0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for j in range(len(b) - 1, -1, -1):
        best[len(a)][j] = best[len(a)][j + 1] + gap(b[j])
    for i in range(len(a) - 1, -1, -1):
        best[i][len(b)] = best[i + 1][len(b)] + gap(a[i])
        for j in range(len(b) - 1, -1, -1):
            one = min(best[i + 1][j] + gap(a[i]), best[i][j + 1] + gap(b[j]))
            best[i][j] = min(best[i + 1][j + 1] + change(a[i], b[j]), one)
    pairs: list[Pair[T]] = []
    i = j = 0
    while i < len(a) or j < len(b):
        if i < len(a) and j < len(b) and best[i][j] == best[i + 1][j + 1] + change(a[i], b[j]):
            pairs.append((a[i], b[j]))
            i, j = i + 1, j + 1
        elif i < len(a) and best[i][j] == best[i + 1][j] + gap(a[i]):
            pairs.append((a[i], None))
            i += 1
        else:
            pairs.append((None, b[j]))
            j += 1
    return best[0][0], pairs


def _by_blocks_of_equals(
    a: Sequence[T], b: Sequence[T], change: Callable[[T, T], float], gap: Callable[[T], float]
) -> tuple[float, list[Pair[T]]]:
    numbers: dict[str, int] = {}
    keys_a, keys_b = ([numbers.setdefault(repr(item), len(numbers)) for item in items] for items in (a, b))
    pairs: list[Pair[T]] = []
    for _, i, to_i, j, to_j in SequenceMatcher(None, keys_a, keys_b, autojunk=False).get_opcodes():
        both = min(to_i - i, to_j - j)
        pairs += zip(a[i : i + both], b[j : j + both], strict=True)
        pairs += [(item, None) for item in a[i + both : to_i]]
        pairs += [(None, item) for item in b[j + both : to_j]]
    cost = 0.0
    for x, y in pairs:
        if x is not None and y is not None:
            cost += change(x, y)
        elif x is not None:
            cost += gap(x)
        elif y is not None:
            cost += gap(y)
    return cost, pairs
