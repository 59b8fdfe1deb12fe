"""Pieces with named values, settled: what is read at all, and how long each value is alive.

A named value stays alive until its last reader has run, wherever that stands, so the peak of a piece in which values
are named does not follow from its parts' peaks. Once all its values are known, its operators are replayed in running
order: what nothing reads is left out, and each part learns what is alive beside it. A part without named values is one
step of the replay.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, field, replace

from archlab.elaborate.fragment import Fragment, NamedFragment, Nothing, chain, gives_nothing, nothing
from archlab.elaborate.shared import Shared
from archlab.ir import Shape, numel

_NONE = -1
"""The value of what gives nothing."""
_NO_INPUT: Shape = (0,)


def settled(fragment: Fragment, x: Shape, shared: Shared) -> Fragment:
    """Return ``fragment`` on an input of shape ``x`` with its values settled, where all that it reads are its own."""
    if fragment.values is None or fragment.values.open or type(x) is Nothing:
        return fragment
    return _settled(fragment, x, 0, False, shared)


def has_values(stages: Sequence[NamedFragment]) -> bool:
    """Return whether stages read each other's outputs, or one gives nothing: whether they are no chain."""
    return any(fragment.values is not None or gives_nothing(fragment) for _, fragment in stages)


def settled_stages(
    stages: Sequence[NamedFragment], x: Shape, kept: Collection[str], shared: Shared
) -> tuple[list[NamedFragment], Fragment, dict[str, int]]:
    """Return stages with their values settled, all of them as one fragment, and the elements of each of ``kept``.

    A stage's name is its output. Those of ``kept`` stay alive to the end, beside the last one's; stages that nothing
    reads are left out. What shares its memory with another of ``kept`` is counted once.
    """
    replay = _Replay(x, shared)
    items, output = [], 0
    for name, fragment in stages:
        items.append(replay.walk(fragment, output))
        output = replay.named[name] = items[-1].output
    ends = [replay.named[name] for name, _ in stages if name in kept] or [output]
    replay.run(ends, keeps_input=False)
    new = [
        (name, replay.rebuilt(item, 0))
        for (name, _), item in zip(stages, items, strict=True)
        if replay.matters(item) or item.output == item.source
    ]
    during, after = replay.during_and_after(0)
    whole = Fragment(stages[-1][1].shape, new, None, x, during, after, views=False)
    whole.values = None
    sizes: dict[str, int] = {}
    homes: set[int] = set()
    for name, _ in stages:
        if name in kept:
            home = replay.home[replay.named[name]]
            sizes[name] = 0 if home in homes else replay.size[home]
            homes.add(home)
    return new, whole, sizes


def keeping(fragment: Fragment, x: Shape, held: int, keeps_input: bool, shared: Shared) -> Fragment:
    """Return ``fragment`` on ``x`` with ``held`` more elements, and its input where that is kept, alive beside it."""
    if not held and not keeps_input:
        return fragment
    key = ("keeping", fragment, held, keeps_input)
    known = shared.block(key)
    if known is not None:
        return known
    if fragment.unsettled is not None:
        new = _settled(fragment.unsettled, x, held, keeps_input, shared)
    elif fragment.op is None and fragment.parts:
        parts: list[NamedFragment] = []
        views, shape = True, x
        for name, part in fragment.parts:
            behind = 0 if views or not keeps_input else numel(x)
            parts.append((name, keeping(part, shape, held + behind, keeps_input and views, shared)))
            views, shape = views and part.views, part.shape
        new = chain(parts, x)
    else:
        during, after = fragment.during, fragment.after
        if keeps_input:
            during, after = max(during, after), 0
        new = Fragment(
            fragment.shape, fragment.parts, fragment.op, x, during + held, after and after + held, fragment.views
        )
    new.block = fragment.block
    shared.keep_block(key, new)
    return new


def _settled(fragment: Fragment, x: Shape, held: int, keeps_input: bool, shared: Shared) -> Fragment:
    replay = _Replay(x, shared)
    item = replay.walk(fragment, 0)
    if item.output == _NONE:
        return nothing(fragment.shape)
    replay.run([item.output], keeps_input)
    inner = replay.rebuilt(item, held)
    values = inner.values
    wrapped = values is not None and (values.fan or values.given is not None)
    parts = [("", inner)] if wrapped else inner.parts
    during, after = replay.during_and_after(held)
    views = replay.home[item.output] == 0
    new = Fragment(fragment.shape, parts, None if wrapped else inner.op, x, during, after, views)
    new.values = None
    new.block = fragment.block
    new.unsettled = fragment
    return new


@dataclass(slots=True, eq=False)
class _Item:
    """A piece in its place: what enters it, what it gives, and, where it is a step, what it reads.

    ``number`` is its place among the steps: of a piece that is none, that of the next. ``total`` is the most that is
    alive while it runs, ``others`` what is alive beside its own; ``keeps`` whether what enters it is read later.
    ``most`` is the most that is alive while any of it runs, once that was asked for.
    """

    fragment: Fragment
    source: int
    output: int
    number: int
    reads: tuple[int, ...] = ()
    parts: list[tuple[str, _Item]] = field(default_factory=list)
    step: bool = False
    runs: bool = False
    total: int = 0
    others: int = 0
    keeps: bool = False
    most: int | None = None


class _Replay:
    """The steps of a piece in running order. Value 0 is its input."""

    def __init__(self, x: Shape, shared: Shared) -> None:
        self.shared = shared
        self.shapes = [x]
        self.home = [0]  # a view lives in its input's memory
        self.size = {0: numel(x)}
        self.named: dict[Hashable, int] = {}
        self.steps: list[_Item] = []
        self.needed: set[int] = set()
        self.last: dict[int, int] = {}
        self.alive: list[int] = []

    # --- what gives what ----------------------------------------------------------------------------------------------

    def walk(self, fragment: Fragment, source: int) -> _Item:
        """Return ``fragment`` in its place, where the value ``source`` enters it."""
        item = _Item(fragment, source, source, len(self.steps))
        values = fragment.values
        if values is None:
            self._atom(item)
        elif values.taken is not None:
            item.output = self.named[values.taken]
        else:
            aside = values.fan or fragment.op is not None
            for name, part in fragment.parts:
                item.parts.append((name, self.walk(part, source if aside else item.output)))
                item.output = item.parts[-1][1].output
            if aside:
                item.reads = tuple(part.output for _, part in item.parts if part.output != _NONE)
                item.output = item.reads[0] if item.reads and values.fan else _NONE
            if fragment.op is not None:
                self._step(item)
            if values.given is not None:
                self.named[values.given] = item.output
        return item

    def _atom(self, item: _Item) -> None:
        if gives_nothing(item.fragment) or item.source == _NONE:
            item.output = _NONE
        elif item.fragment.nodes:
            item.reads = (item.source,)
            self._step(item)

    def _step(self, item: _Item) -> None:
        item.output, item.step, item.number = len(self.home), True, len(self.steps)
        self.steps.append(item)
        self.shapes.append(item.fragment.shape)
        if item.fragment.views and item.fragment.values is None:
            self.home.append(self.home[item.source])
        else:
            self.home.append(item.output)
            self.size[item.output] = numel(item.fragment.shape)

    # --- what is alive when -------------------------------------------------------------------------------------------

    def run(self, ends: Collection[int], keeps_input: bool) -> None:
        """Find which steps are needed for the values ``ends``, and what is alive while each runs."""
        self.needed = set(ends)
        for item in reversed(self.steps):
            item.runs = item.output in self.needed
            if item.runs:
                self.needed.update(item.reads)
        for item in self.steps:
            if item.runs:
                self.last |= {self.home[value]: item.number for value in (*item.reads, item.output)}
        never = len(self.steps)
        self.last |= {self.home[value]: never for value in ends if value != _NONE}
        if keeps_input:
            self.last[0] = never
        live = {0}
        for item in self.steps:
            self.alive.append(sum(self.size[home] for home in live))
            if item.runs:
                self._run(item, live)
                live.add(self.home[item.output])
            live = {home for home in live if self.last.get(home, -1) > item.number}
        self.alive.append(sum(self.size[home] for home in live))

    def _run(self, item: _Item, live: set[int]) -> None:
        """Note what is alive while a step runs: a join beside its inputs, any other piece as its own lifetimes say."""
        present = sum(self.size[home] for home in live)
        fragment = item.fragment
        if fragment.values is not None:
            item.total = present + numel(fragment.shape)
            return
        home = self.home[item.source]
        item.others = present - self.size[home]
        item.keeps = self.last[home] > item.number or fragment.views
        most = max(fragment.during, fragment.after) if item.keeps else fragment.during
        item.total = max(present + most, 0 if item.keeps else item.others + fragment.after)

    def during_and_after(self, held: int) -> tuple[int, int]:
        """Return the most elements alive besides the input while it is alive, and once it is not."""
        during = after = 0
        end = self.last.get(0, -1)
        for item in self.steps:
            if not item.runs:
                continue
            if item.number > end:
                after = max(after, item.total + held)
            elif item.number < end or item.fragment.values is not None or item.keeps:
                during = max(during, item.total - self.size[0] + held)
            else:  # the last to read the input, which it may let go on its way
                during = max(during, item.others + item.fragment.during + held)
                after = max(after, item.fragment.after and item.others + item.fragment.after + held)
        return max(during, held), after

    # --- what is left -------------------------------------------------------------------------------------------------

    def matters(self, item: _Item) -> bool:
        """Return whether anything of a piece is needed."""
        if item.step and item.runs:
            return True
        if not item.step and not item.parts:
            return item.output in self.needed and (item.fragment.values is not None or item.output == item.source)
        return any(self.matters(part) for _, part in item.parts)

    def rebuilt(self, item: _Item, held: int) -> Fragment:
        """Return a piece without what nothing reads; it knows what is alive beside it, and ``held`` more."""
        fragment = item.fragment
        if fragment.values is None:
            if not item.step:
                return fragment
            return keeping(fragment, self.shapes[item.source], item.others + held, item.keeps, self.shared)
        parts = [(name, self.rebuilt(part, held)) for name, part in item.parts if self.matters(part)]
        gone = fragment.op is not None and not item.runs
        shape = nothing(fragment.shape).shape if gone else fragment.shape
        op = fragment.op if item.runs else None
        new = Fragment(shape, parts, op, _NO_INPUT, self._most(item) + held, 0, views=False)
        new.values = replace(fragment.values, fan=True) if gone and not fragment.values.fan else fragment.values
        new.block = fragment.block
        return new

    def _most(self, item: _Item) -> int:
        if item.most is None:  # each level asks for those below it
            most = item.total if item.step else self.alive[item.number]
            for _, part in item.parts:
                most = max(most, self._most(part))
            item.most = most
        return item.most
