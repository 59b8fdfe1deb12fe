"""Runs of equal layers as ``repeat``."""

from __future__ import annotations

from dataclasses import replace

from archlab.lift.text.layers import ACTIVATIONS, As, Call, Chain, Form, Layer, Value, chain

MAX_PERIOD = 4


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
    for period in range(1, min(MAX_PERIOD, (len(items) - start) // 2) + 1):
        if isinstance(items[start + period - 1], As):
            break
        if not _is_like(items[start], items[start + period]):
            continue
        later = tuple(map(at_stride_one, items[start : start + period]))
        copies = 1
        while items[start + period * copies : start + period * (copies + 1)] == later:
            copies += 1
        if copies > 1 and period * copies > best[0] * best[1]:
            best = period, copies
    return best


def _is_like(first: Layer, second: Layer) -> bool:
    """Whether two layers could be equal, at little cost."""
    if isinstance(first, As) or isinstance(second, As):
        return False
    return type(first) is type(second) and first.name == second.name


def at_stride_one(layer: Layer) -> Layer:
    """Return ``layer`` as a later copy of a ``repeat`` has it."""
    match layer:
        case Call(name=name, args=args) if any(param == "s" for param, _ in args):
            return replace(layer, args=tuple((p, _one(name, args) if p == "s" else v) for p, v in args))
        case Form(branches=branches):
            return replace(layer, branches=tuple(chain(tuple(map(at_stride_one, b.items)), b.x) for b in branches))
    return layer


def _one(name: str, args: tuple[tuple[str, Value], ...]) -> Value:
    given = dict(args)["s"]
    return 0 if given == 0 and name.endswith("pool") else 1
