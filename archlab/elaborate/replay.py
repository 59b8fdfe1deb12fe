"""What a piece with named values computes, step by step: what is read at all, and what is alive meanwhile.

A search replays the same shared pieces in one cell after another, so that each keeps an outline of its steps.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from typing import TypeVar

from archlab.elaborate.fragment import Fragment, Outline, gives_nothing
from archlab.ir import Applied, Shape, numel

T = TypeVar("T")

NOTHING = -1
"""The value of what gives nothing."""
_ANY: Shape = (0,)


class Item:
    """A piece in its place: what enters it, what it gives, and, where it is a step, what it reads.

    Attributes:
        number: its place among the steps: of a piece that is none, that of the next.
        total: the most that is alive while it runs.
        others: what is alive beside its own.
        keeps: whether what enters it is read later.
        most: the most that is alive while any of it runs, once that was asked for.
        inside: the steps of a shared piece that has no items for its parts.
    """

    # Defaults of the class, since most items keep them and a search makes many.
    reads: tuple[int, ...] = ()
    parts: Sequence[tuple[str, Item]] = ()
    step = False
    runs = False
    total = 0
    others = 0
    keeps = False
    most: int | None = None
    inside: Sequence[Item] = ()

    def __init__(self, fragment: Fragment, source: int, number: int) -> None:
        self.fragment = fragment
        self.source = source
        self.output = source
        self.number = number


class Replay:
    """The steps of a piece in running order. Value 0 is its input.

    Args:
        whole: whether every piece gets an item of its own. Else shared ones with named values get one for all in them,
            and their steps as they were found before, which is quicker.
    """

    def __init__(self, x: Shape, whole: bool = False) -> None:
        self.whole = whole
        self.shapes = [x]
        self.home = [0]  # a view lives in its input's memory
        self.size = {0: numel(x)}
        self.named: dict[Hashable, int] = {}
        self.steps: list[Item] = []
        self.needed: set[int] = set()
        self.last: dict[int, int] = {}
        self.alive: list[int] = []

    # --- what gives what ----------------------------------------------------------------------------------------------

    def walk(self, fragment: Fragment, source: int) -> Item:
        """Return ``fragment`` in its place, where the value ``source`` enters it."""
        item = Item(fragment, source, len(self.steps))
        values = fragment.values
        if values is None:
            self._atom(item)
        elif values.taken is not None:
            item.output = self.named[values.taken]
        elif self.whole or not fragment.kept or not self._as_before(item):
            aside = values.fan or fragment.op is not None
            item.parts = parts = []
            for name, part in fragment.parts:
                inner = self.walk(part, source if aside else item.output)
                parts.append((name, inner))
                item.output = inner.output
            if aside:
                item.reads = tuple([part.output for _, part in parts if part.output != NOTHING])
                item.output = item.reads[0] if item.reads and values.fan else NOTHING
            if fragment.op is not None:
                self._step(item)
            if values.given is not None:
                self.named[values.given] = item.output
        return item

    def _as_before(self, item: Item) -> bool:
        """Append the steps of a shared piece as its outline has them; return whether it can be done."""
        fragment = item.fragment
        if fragment.outline is ...:
            fragment.outline = _outline_of(fragment)
        outline = fragment.outline
        if outline is None:
            return False
        values = [item.source, *[self.named[value] for value in outline.outside]]
        if NOTHING in values:
            return False
        for piece, source, reads in outline.steps:
            step = Item(piece, values[source], 0)
            step.reads = tuple([values[read] for read in reads])
            self._step(step)
            values.append(step.output)
        for value, place in outline.named:
            self.named[value] = values[place]
        item.output = values[outline.output]
        item.inside = self.steps[item.number :]
        return True

    def _atom(self, item: Item) -> None:
        if gives_nothing(item.fragment) or item.source == NOTHING:
            item.output = NOTHING
        elif item.fragment.nodes:
            item.reads = (item.source,)
            self._step(item)

    def _step(self, item: Item) -> None:
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
            if item.output in self.needed:
                item.runs = True
                self.needed.update(item.reads)
        for item in self.steps:
            if item.runs:
                for value in (*item.reads, item.output):
                    self.last[self.home[value]] = item.number
        never = len(self.steps)
        self.last |= {self.home[value]: never for value in ends if value != NOTHING}
        if keeps_input:
            self.last[0] = never
        dying: dict[int, list[int]] = {}
        for home in self.size:
            dying.setdefault(max(self.last.get(home, 0), 0), []).append(home)
        live, present = {0}, self.size[0]
        for item in self.steps:
            self.alive.append(present)
            if item.runs:
                self._run(item, present)
                home = self.home[item.output]
                if home not in live:
                    live.add(home)
                    present += self.size[home]
            for home in dying.get(item.number, ()):
                if home in live:
                    live.remove(home)
                    present -= self.size[home]
        self.alive.append(present)

    def _run(self, item: Item, present: int) -> None:
        """Note what is alive while a step runs: a join beside its inputs, any other piece as its own lifetimes say."""
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

    def follow(
        self, root: Item, entered: T, piece: Callable[[Fragment, T], T], join: Callable[[Applied, list[T]], T]
    ) -> T:
        """Return what is known behind ``root``, from what is known of its input, step by step of those that run."""
        known = {0: entered}
        for step in self.steps:
            if step.runs:
                inputs = [known[value] for value in step.reads]
                op = step.fragment.op if step.fragment.values is not None else None
                known[step.output] = piece(step.fragment, inputs[0]) if op is None else join(op, inputs)
        return known[root.output]

    # --- what is left -------------------------------------------------------------------------------------------------

    def matters(self, item: Item) -> bool:
        """Return whether anything of a piece is needed."""
        if item.step and item.runs:
            return True
        if not item.step and not item.parts:
            return item.output in self.needed and (item.fragment.values is not None or item.output == item.source)
        return any(self.matters(part) for _, part in item.parts)

    def most_alive(self, item: Item) -> int:
        if item.most is None:  # each level asks for those below it
            most = item.total if item.step else self.alive[item.number]
            for _, part in item.parts:
                most = max(most, self.most_alive(part))
            item.most = most
        return item.most


def _outline_of(fragment: Fragment) -> Outline | None:
    """Return the outline of a piece with named values; None where something in it gives nothing."""
    assert fragment.values is not None
    outside = tuple(fragment.values.read - fragment.values.bound)
    replay = Replay(_ANY, whole=True)
    for number, value in enumerate(outside, start=1):
        replay.named[value] = number
        replay.home.append(number)
        replay.size[number] = 0
        replay.shapes.append(_ANY)
    root = replay.walk(fragment, 0)
    if _has_nothing(root):
        return None
    steps = tuple((step.fragment, step.source, step.reads) for step in replay.steps)
    named = tuple((value, place) for value, place in replay.named.items() if value in fragment.values.bound)
    return Outline(steps, outside, named, root.output)


def _has_nothing(item: Item) -> bool:
    return item.output == NOTHING or any(_has_nothing(part) for _, part in item.parts)
