"""Which widths of a text can vary, which of them only together, and between what bounds.

A trunk whose widths were equal by chance would gain a projection if one of them changed alone. What must be tied is
found by trying: a width is changed, and where the operators change with it, it is tied to one of the same number with
which they stay.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from archlab.what_if.reach import AROUND, Reach
from archlab.what_if.trial import Numbers, Trial

_DRAWS = 24
_TRIED = (2, 3, 1.5, 0.5)
"""What a width is multiplied by to see whether it is free: more than one, as one may meet a neighbour by chance."""


@dataclass(frozen=True, slots=True)
class Width:
    """Widths of a text that vary as one.

    Attributes:
        slots: where they stand.
        value: what is written there.
        lo, hi, step: what they may be, both ends included; ``value`` is among them.
    """

    slots: tuple[int, ...]
    value: int
    lo: int
    hi: int
    step: int

    def with_value(self, value: int) -> dict[int, int | float]:
        """Return the numbers that give it another value."""
        return dict.fromkeys(self.slots, value)

    def values(self) -> range:
        """Return what it may be."""
        return range(self.lo, self.hi + 1, self.step)


def free_widths(
    trial: Trial, slots: Sequence[int], others: Sequence[Numbers] = (), reach: Reach = AROUND
) -> list[Width]:
    """Return those of ``slots`` that can vary, tied where they must be; any draw of them keeps the operators.

    Args:
        trial: the text.
        slots: numbers of channels, in the order of the text.
        others: what else will vary: numbers with each of which every width must go together.
        reach: how far from what is written.
    """
    found = [_bounded(trial, group, others, reach) for group in _tied(trial, slots)]
    return _settled(trial, _apart(trial, [width for width in found if width is not None]), others)


def _tied(trial: Trial, slots: Sequence[int]) -> list[tuple[int, ...]]:
    """Group slots that keep the operators only together; those that never do are left out."""
    groups = [(slot,) for slot in slots]
    kept: list[tuple[int, ...]] = []
    while groups:
        group = groups.pop(0)
        value = trial.slots[group[0]].value
        if _is_free(trial, group):
            kept.append(group)
            continue
        like = [other for other in (*groups, *reversed(kept)) if trial.slots[other[0]].value == value]
        for together in (*((other,) for other in like), *(tuple(like[: n + 2]) for n in range(len(like) - 1))):
            if _is_free(trial, _union(group, *together)):
                needed = _needed(trial, group, together)
                groups = [other for other in groups if other not in needed]
                kept = [*(other for other in kept if other not in needed), _union(group, *needed)]
                break
    return sorted(kept)


def _needed(trial: Trial, group: tuple[int, ...], together: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return those of ``together`` without which ``group`` is not free, or that are not free alone."""
    needed = list(together)
    for other in together:
        rest = [each for each in needed if each != other]
        if rest and _is_free(trial, other) and _is_free(trial, _union(group, *rest)):
            needed = rest
    return needed


def _union(*groups: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted({slot for group in groups for slot in group}))


def _is_free(trial: Trial, group: Iterable[int]) -> bool:
    slots = tuple(group)
    value = trial.slots[slots[0]].value
    tried = [int(value * factor) for factor in _TRIED if value * factor == int(value * factor)]
    return any(trial.keeps(dict.fromkeys(slots, other)) for other in tried)


def _bounded(trial: Trial, group: tuple[int, ...], others: Sequence[Numbers], reach: Reach) -> Width | None:
    """Return the widths of a group with bounds as far as ``reach`` goes, or as far as the operators stay."""
    value = int(trial.slots[group[0]].value)

    def keeps(width: int, beside: Sequence[Numbers] = ({},)) -> bool:
        return all(trial.keeps({**dict.fromkeys(group, width), **other}) for other in beside)

    unit, first = reach.steps_of(value)
    for step in range(first, max(value, first) + 1, unit):
        lo = hi = value
        while lo - step >= max(value * reach.least, 1) and keeps(lo - step):
            lo -= step
        while hi + step <= value * reach.most and keeps(hi + step):
            hi += step
        # What divides one step's width divides every other's.
        nearest = [width for width in (value - step, value + step) if lo <= width <= hi]
        if lo < hi and all(keeps(width, others) for width in nearest):
            return Width(group, value, lo, hi, step)
    return None


def _apart(trial: Trial, widths: list[Width]) -> list[Width]:
    """Return widths such that any two of them go together: where they do not, their bounds part between them."""
    if _all_go_together(trial, widths):
        return widths
    for i, j in combinations(range(len(widths)), 2):
        a, b = widths[i], widths[j]
        if _go_together(trial, a, b):
            continue
        if a.value == b.value:
            widths[j] = replace(b, lo=b.value, hi=b.value)
            continue
        small, large = (i, j) if a.value < b.value else (j, i)
        widths[small], widths[large] = _parted(trial, widths[small], widths[large])
    return [width for width in widths if width.lo < width.hi]


def _all_go_together(trial: Trial, widths: Sequence[Width]) -> bool:
    """Return whether widths go together at their bounds, and as near to each other as they come."""
    ends = [[width.lo for width in widths], [width.hi for width in widths]]
    mixed = [[ends[(i + first) % 2][i] for i in range(len(widths))] for first in (0, 1)]
    met = [
        [min(width.values(), key=lambda n: abs(n - value)) for width in widths]
        for value in sorted({value for width in widths for value in width.values()})
    ]
    return all(trial.keeps(_numbers(widths, draw)) for draw in (*ends, *mixed, *met))


def _settled(trial: Trial, widths: Sequence[Width], others: Sequence[Numbers]) -> list[Width]:
    """Return as many of the widths as keep the operators in random draws, with all that varies beside them."""
    rng = random.Random(0)
    kept = list(widths)
    for _ in range(_DRAWS):
        draw = [rng.choice(width.values()) for width in widths]
        beside = rng.choice(others) if others else {}
        while kept and not trial.keeps({**_numbers(kept, draw), **beside}):
            kept.pop()
    return kept


def _numbers(widths: Sequence[Width], values: Sequence[int]) -> dict[int, int | float]:
    """Return the numbers that give widths their values, of which there may be more."""
    return {slot: value for width, value in zip(widths, values, strict=False) for slot in width.slots}


def _go_together(trial: Trial, a: Width, b: Width) -> bool:
    pairs = {(x, y) for x in (a.lo, a.hi) for y in (b.lo, b.hi)}
    both = sorted(set(a.values()) & set(b.values()))
    pairs |= {(n, n) for n in (*both[:1], *both[len(both) // 2 :][:1], *both[-1:])}
    return all(trial.keeps({**a.with_value(x), **b.with_value(y)}) for x, y in pairs)


def _parted(trial: Trial, small: Width, large: Width) -> tuple[Width, Width]:
    """Return both with bounds that do not meet, as wide as they go together."""
    while small.hi > small.value or large.lo < large.value:
        if small.hi > small.value and (small.hi / small.value >= large.value / large.lo or large.lo == large.value):
            small = replace(small, hi=small.hi - small.step)
        else:
            large = replace(large, lo=large.lo + large.step)
        if small.hi < large.lo and _go_together(trial, small, large):
            break
    return small, large
