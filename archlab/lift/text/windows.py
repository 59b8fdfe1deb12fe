"""Layers in a row that read as one thing: what may become a block."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from archlab.lift.text.drafts import Draft
from archlab.lift.text.fold import CONVOLUTIONS, runs
from archlab.lift.text.layers import ACTIVATIONS, As, Call, Chain, Form, Layer, Use, chain, is_closed
from archlab.lift.text.leaves import Place
from archlab.lift.text.prelude_samples import Skeleton, skeleton

LONGEST = 6
"""The most layers in a row that become a block."""
KINDS = BRANCHES, ROW, SINGLE = (0, 1, 2)
"""What has branches, which is what people call a block; layers in a row; a single layer with some arguments fixed."""

Key = tuple[Skeleton, ...]
Run = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Window:
    """Layers in a row.

    Attributes:
        place: the layers, and whether their shapes are known.
        follows: whether the window before is just before it.
        written: whether it stands in the text: not where a ``repeat`` takes it in.
    """

    place: Place
    follows: bool
    written: bool


def windows_of(draft: Draft, kind: int, views: Views) -> Mapping[Key, list[Window]]:
    """Return all windows of a kind by skeleton, in the order of the text; those of one skeleton do not overlap."""
    found: dict[Key, list[Window]] = defaultdict(list)
    ends: dict[Key, tuple[int, int]] = {}
    for number, (view, fixed, is_written) in enumerate(_chains(draft, views)):
        for i, n in view.windows(kind):
            key = view.bones[i : i + n]
            where, end = ends.get(key, (-1, 0))
            if where == number and end > i:
                continue
            items = view.items[i : i + n]
            place = Place(chain(items, items[0].x), fixed)
            found[key].append(Window(place, where == number and end == i, is_written and i in view.written))
            ends[key] = number, i + n
    return found


def _chains(draft: Draft, views: Views) -> Iterator[tuple[ChainView, bool, bool]]:
    """Every chain of a draft, whether its shapes are known, and whether it stands in the text."""
    for block in draft.blocks:
        for view, is_written in _chains_in(block.body, draft, views, True):
            yield view, False, is_written
    for view, is_written in _chains_in(draft.tree, draft, views, True):
        yield view, True, is_written


def _chains_in(layers: Chain, draft: Draft, views: Views, is_written: bool) -> Iterator[tuple[ChainView, bool]]:
    view = views.of(layers, draft.units)
    yield view, is_written
    for i, item in enumerate(layers.items):
        form = item.layer if isinstance(item, As) else item
        if isinstance(form, Form):
            for branch in form.branches:
                yield from _chains_in(branch, draft, views, is_written and i in view.written)


class ChainView:
    """A chain, with what decides which of its layers make a window."""

    def __init__(self, layers: Chain, units: Collection[str]) -> None:
        self.items = layers.items
        self.bones = tuple(map(skeleton, layers.items))
        self.folded = runs(layers.items)
        self.written = {i for start, period, _ in self.folded for i in range(start, start + period)}
        self._repeated = [run for run in self.folded if run[2] > 1]
        self._is_unit = [is_unit(item, units) for item in layers.items]
        self._is_act = [isinstance(item, Call) and item.name in ACTIVATIONS for item in layers.items]
        self._is_open = [_is_open(item) for item in layers.items]
        self._windows: dict[int, list[tuple[int, int]]] = {}

    def windows(self, kind: int) -> list[tuple[int, int]]:
        """Return the first layer and the length of every window of a kind."""
        if kind not in self._windows:
            self._windows[kind] = list(self._windows_of(kind))
        return self._windows[kind]

    def _windows_of(self, kind: int) -> Iterator[tuple[int, int]]:
        for i in range(len(self.items)):
            for n in range(1, min(LONGEST, len(self.items) - i) + 1):
                if self._is_open[i + n - 1]:
                    break
                if self.kind(i, n) == kind and self._reads_as_one(i, n) and not self._breaks_run(i, i + n):
                    yield i, n

    def is_window(self, i: int, key: Key) -> bool:
        """Whether a window of this skeleton begins at ``i``."""
        n = len(key)
        if self.bones[i : i + n] != key or any(self._is_open[i : i + n]):
            return False
        return self._reads_as_one(i, n) and not self._breaks_run(i, i + n)

    def kind(self, i: int, n: int) -> int:
        """The kind of the window of ``n`` layers from ``i``."""
        return BRANCHES if any(self._is_unit[i : i + n]) else ROW if n > 1 else SINGLE

    def _reads_as_one(self, i: int, n: int) -> bool:
        """Whether there is at most one unit, with the activation behind it, and nothing twice."""
        first = self.items[i]
        if n == 1:
            if isinstance(first, Call) and len(first.args) < 2:
                return False
        elif (isinstance(first, Call) and self._is_unit[i]) or self._is_periodic(i, n):
            return False
        units = [j for j in range(i, i + n) if self._is_unit[j]]
        if len(units) > 1 or (n > 1 and units and isinstance(self.items[units[0]], Call)):
            return False
        if units and any(map(_strides, self.items[i : i + n])):
            return False  # that begins a stage
        if self._is_act[i] and i > 0 and self._is_unit[i - 1]:
            return False
        behind = i + n
        return not (self._is_unit[behind - 1] and behind < len(self.items) and self._is_act[behind])

    def _is_periodic(self, i: int, n: int) -> bool:
        """Whether a window is the same twice or more often: that is repeated, and no block."""
        bones = self.bones[i : i + n]
        return any(bones == bones[:period] * (n // period) for period in range(1, n // 2 + 1))

    def _breaks_run(self, first: int, behind: int) -> bool:
        """Whether a window holds a part of what is repeated beside other layers or copies."""
        for start, period, copies in self._repeated:
            end = start + period * copies
            if end <= first or behind <= start or (first <= start and end <= behind):
                continue
            if first < start or behind > end or (first - start) // period != (behind - 1 - start) // period:
                return True
        return False


class Views:
    """The views of the chains of drafts that follow one another; a chain that did not change keeps its own.

    A block that is new since then is in no chain that did not change. So which blocks have branches need not be asked.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[Chain, ChainView]] = {}

    def of(self, layers: Chain, units: Collection[str]) -> ChainView:
        """Return the view of a chain."""
        known = self._known.get(id(layers))
        if known is None:
            self._known[id(layers)] = known = (layers, ChainView(layers, units))  # which is kept, and so is its id
        return known[1]


def is_unit(item: Layer, units: Collection[str]) -> bool:
    """Whether a layer has branches, or is a block that has."""
    return isinstance(item, Form) or (isinstance(item, Call) and item.name in units)


def _strides(item: Layer) -> bool:
    """Whether a layer is a convolution that changes the resolution."""
    return isinstance(item, Call) and item.name in CONVOLUTIONS and item.x[1:] != item.y[1:]


def _is_open(item: Layer) -> bool:
    """Whether a layer has a name, or names of its are used elsewhere, or names from elsewhere in it."""
    return isinstance(item, As | Use) or (isinstance(item, Form) and not is_closed(chain((item,), item.x)))
