"""Runs of equal layers as ``repeat``."""

from __future__ import annotations

import operator
from dataclasses import replace

from archlab.lift.text.layers import ACTIVATIONS, As, Call, Chain, Form, Layer, chain, says_in

MAX_PERIOD = 4
CONVOLUTIONS = ("conv", "conv2d", "depthwise", "wsconv2d")


def fold(layers: Chain) -> Chain:
    """Return the items of a chain with every run as a ``repeat``: equal copies, but for a stride in the first alone.

    What is written as stride counts for the first copy only, so a copy behind the first must have stride 1 where the
    first has any.
    """
    items: list[Layer] = []
    for start, period, copies in runs(layers.items):
        run = layers.items[start : start + period]
        if copies > 1:
            end = layers.items[start + period * copies - 1]
            items.append(Form("repeat", (chain(run, run[0].x),), run[0].x, end.y, copies))
        else:
            items += run
    return chain(tuple(items), layers.x)


def runs(items: tuple[Layer, ...]) -> list[tuple[int, int, int]]:
    """Return a chain's items as runs: where each begins, its period and its copies; one copy of one item elsewhere."""
    found: list[tuple[int, int, int]] = []
    start = 0
    while start < len(items):
        period, copies = 1, 1
        if not (start and _ends_unit(items[start - 1], items[start])):
            period, copies = _longest(items, start)
        found.append((start, period, copies))
        start += period * copies
    return found


def _ends_unit(before: Layer, item: Layer) -> bool:
    """Whether an item is the activation behind branches, with which no copy begins."""
    return isinstance(before, Form) and isinstance(item, Call) and item.name in ACTIVATIONS


def _longest(items: tuple[Layer, ...], start: int) -> tuple[int, int]:
    """The period and the copies of the run from ``start`` that takes in most items, the shortest period first."""
    best = (1, 1)
    if start + 1 == len(items):
        return best
    first = None
    for period in range(1, min(MAX_PERIOD, (len(items) - start) // 2) + 1):
        if isinstance(items[start + period - 1], As):
            break
        if not _is_like(items[start], items[start + period]):
            continue
        first = at_stride_one(items[start]) if first is None else first
        if first != items[start + period] or (period == 1 and first != items[start] and _is_bare(first)):
            continue
        later = (first, *map(at_stride_one, items[start + 1 : start + period]))
        copies = 1
        while items[start + period * copies : start + period * (copies + 1)] == later:
            copies += 1
        if copies > 1 and period * copies > best[0] * best[1] and _may_fold(items[start : start + period * copies]):
            best = period, copies
    return best


def _is_bare(layer: Layer) -> bool:
    """Whether a layer is a convolution by itself: a stride in one of several is clearer written out."""
    return isinstance(layer, Call) and layer.name in CONVOLUTIONS


def _may_fold(run: tuple[Layer, ...]) -> bool:
    """Whether ``in`` means in a copy what it means beside it: the copies say none, or keep the channels."""
    if not any(isinstance(item, Call) and any(says_in(value) for _, value in item.args) for item in run):
        return True
    return len({shape[:1] for item in run for shape in (item.x, item.y)}) == 1


def _is_like(first: Layer, second: Layer) -> bool:
    """Whether two layers could be equal, at little cost."""
    if isinstance(first, As) or isinstance(second, As):
        return False
    return type(first) is type(second) and first.name == second.name


def at_stride_one(layer: Layer) -> Layer:
    """Return ``layer`` as a later copy of a ``repeat`` has it; itself where that is the same."""
    if isinstance(layer, Call):
        for param, value in layer.args:
            if param == "s" and value != 1 and not (value == 0 and layer.name.endswith("pool")):
                return replace(layer, args=tuple((p, 1 if p == "s" else v) for p, v in layer.args))
        return layer
    if isinstance(layer, Form):
        branches = tuple(map(_branch_at_stride_one, layer.branches))
        return layer if all(map(operator.is_, branches, layer.branches)) else replace(layer, branches=branches)
    return layer


def _branch_at_stride_one(branch: Chain) -> Chain:
    items = tuple(map(at_stride_one, branch.items))
    return branch if all(map(operator.is_, items, branch.items)) else chain(items, branch.x)
