"""What a piece with named values computes, step by step: what is read at all, and what is alive meanwhile.

A search replays the same shared pieces in one cell after another, so that each keeps an outline of its steps.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator
from typing import TypeVar

from archlab.elaborate.fragment import Fragment, Outline, gives_nothing
from archlab.ir import Applied, Shape, numel

T = TypeVar("T")

NOTHING = -1
"""The value of what gives nothing."""
_ANY: Shape = (0,)


class Step:
    """A piece without named values, or a join: what enters it, what it reads and what it gives.

    Attributes:
        number: its place among the steps.
        runs: whether anything needs what it gives.
        total: the most that is alive while it runs.
        others: what is alive beside its own.
        keeps: whether what enters it is read later.
    """

    __slots__ = ("fragment", "keeps", "number", "others", "output", "reads", "runs", "source", "total")

    def __init__(self, fragment: Fragment, source: int, reads: tuple[int, ...], output: int, number: int) -> None:
        self.fragment = fragment
        self.source = source
        self.reads = reads
        self.output = output
        self.number = number
        self.runs = self.keeps = False
        self.total = self.others = 0


class Replay:
    """The steps of a piece in running order. Value 0 is its input."""

    def __init__(self, x: Shape) -> None:
        self.x = x
        self.home = [0]  # a view lives in its input's memory
        self.size = {0: numel(x)}
        self.named: dict[Hashable, int] = {}
        self.steps: list[Step] = []
        self.needed: set[int] = set()
        self.last: dict[int, int] = {}
        self.alive: list[int] = []

    # --- what gives what ----------------------------------------------------------------------------------------------

    def enter(self, fragment: Fragment, source: int) -> int:
        """Append the steps of ``fragment``, which the value ``source`` enters; return the value that it gives."""
        values = fragment.values
        if values is None:
            if gives_nothing(fragment) or source == NOTHING:
                return NOTHING
            return self._step(fragment, source, (source,)) if fragment.nodes else source
        if values.taken is not None:
            return self.named[values.taken]
        output = self._as_before(fragment, source)
        if output is None:
            output = self._through(fragment, source, aside=values.fan or fragment.op is not None)
            if values.given is not None:
                self.named[values.given] = output
        return output

    def _through(self, fragment: Fragment, source: int, aside: bool) -> int:
        """Append the steps of its parts, side by side or one after another, and its own."""
        output, reads = source, []
        for _, part in fragment.parts:
            output = self.enter(part, source if aside else output)
            if aside and output != NOTHING:
                reads.append(output)
        if fragment.op is not None:
            return self._step(fragment, source, tuple(reads))
        if aside:
            return reads[0] if reads else NOTHING
        return output

    def _as_before(self, fragment: Fragment, source: int) -> int | None:
        """Append the steps of a shared piece as its outline has them; None where that cannot be done."""
        if not fragment.kept:
            return None
        if fragment.outline is ...:
            fragment.outline = _outline_of(fragment)
        outline = fragment.outline
        if outline is None:
            return None
        values = [source, *[self.named[value] for value in outline.outside]]
        if NOTHING in values:
            return None
        for piece, entered, reads in outline.steps:
            values.append(self._step(piece, values[entered], tuple([values[read] for read in reads])))
        for value, place in outline.named:
            self.named[value] = values[place]
        return values[outline.output]

    def _step(self, fragment: Fragment, source: int, reads: tuple[int, ...]) -> int:
        output = len(self.home)
        self.steps.append(Step(fragment, source, reads, output, len(self.steps)))
        if fragment.views and fragment.values is None:
            self.home.append(self.home[source])
        else:
            self.home.append(output)
            self.size[output] = numel(fragment.shape)
        return output

    # --- what is alive when -------------------------------------------------------------------------------------------

    def run(self, ends: Collection[int], keeps_input: bool) -> None:
        """Find which steps are needed for the values ``ends``, and what is alive while each runs."""
        home, size, last = self.home, self.size, self.last
        needed = self.needed = set(ends)
        for step in reversed(self.steps):
            if step.output in needed:
                step.runs = True
                needed.update(step.reads)
        for step in self.steps:
            if step.runs:
                for value in (*step.reads, step.output):
                    last[home[value]] = step.number
        never = len(self.steps)
        for value in ends:
            if value != NOTHING:
                last[home[value]] = never
        if keeps_input:
            last[0] = never
        live, present = {0}, size[0]
        for step in self.steps:
            self.alive.append(present)
            touched = [] if step.number else [0]  # which goes where nothing reads it
            if step.runs:
                self._run(step, present)
                own = home[step.output]
                if own not in live:
                    live.add(own)
                    present += size[own]
                touched += [home[value] for value in step.reads]
                touched.append(own)
            for one in touched:
                if one in live and last.get(one, 0) == step.number:
                    live.remove(one)
                    present -= size[one]
        self.alive.append(present)

    def _run(self, step: Step, present: int) -> None:
        """Note what is alive while a step runs: a join beside its inputs, any other piece as its own lifetimes say."""
        fragment = step.fragment
        if fragment.values is not None:
            step.total = present + numel(fragment.shape)
            return
        home = self.home[step.source]
        step.others = present - self.size[home]
        step.keeps = self.last[home] > step.number or fragment.views
        most = max(fragment.during, fragment.after) if step.keeps else fragment.during
        step.total = max(present + most, 0 if step.keeps else step.others + fragment.after)

    def during_and_after(self, held: int) -> tuple[int, int]:
        """Return the most elements alive besides the input while it is alive, and once it is not."""
        during = after = 0
        end = self.last.get(0, -1)
        for step in self.steps:
            if not step.runs:
                continue
            if step.number > end:
                after = max(after, step.total + held)
            elif step.number < end or step.fragment.values is not None or step.keeps:
                during = max(during, step.total - self.size[0] + held)
            else:  # the last to read the input, which it may let go on its way
                during = max(during, step.others + step.fragment.during + held)
                after = max(after, step.fragment.after and step.others + step.fragment.after + held)
        return max(during, held), after

    def follow(
        self, output: int, entered: T, piece: Callable[[Fragment, T], T], join: Callable[[Applied, list[T]], T]
    ) -> T:
        """Return what is known of the value ``output``, from what is known of the input, step by step that runs."""
        known = {0: entered}
        for step in self.steps:
            if step.runs:
                inputs = [known[value] for value in step.reads]
                op = step.fragment.op if step.fragment.values is not None else None
                known[step.output] = piece(step.fragment, inputs[0]) if op is None else join(op, inputs)
        return known[output]


class Item:
    """A piece in its place.

    Attributes:
        source: the value that enters it.
        output: the value that it gives.
        number: the first step from here on.
        parts: its pieces, in their places.
        step: the step that it is, if it is one.
        most: the most that is alive while any of it runs, once that was asked for.
    """

    def __init__(self, fragment: Fragment, source: int, number: int) -> None:
        self.fragment = fragment
        self.source = source
        self.output = source
        self.number = number
        self.parts: list[Item] = []
        self.step: Step | None = None
        self.most: int | None = None

    def named_parts(self) -> Iterator[tuple[str, Item]]:
        """Yield its pieces by their names."""
        for (name, _), part in zip(self.fragment.parts, self.parts, strict=True):
            yield name, part


class WholeReplay(Replay):
    """A replay in which every piece has its place, shared ones and all that is in them included."""

    def __init__(self, x: Shape) -> None:
        super().__init__(x)
        self._around: list[Item] = []

    def walk(self, fragment: Fragment, source: int) -> Item:
        """Append the steps of ``fragment``, which the value ``source`` enters; return it in its place."""
        self.enter(fragment, source)
        return self._around.pop()

    def enter(self, fragment: Fragment, source: int) -> int:
        """Append the steps, and note the place."""
        item = Item(fragment, source, len(self.steps))
        around, self._around = self._around, item.parts
        item.output = super().enter(fragment, source)
        self._around = around
        around.append(item)
        if len(self.steps) > item.number and self.steps[-1].fragment is fragment:
            item.step = self.steps[-1]
        return item.output

    def _as_before(self, fragment: Fragment, source: int) -> None:
        """Return None: each part gets its own place."""

    def shape(self, value: int) -> Shape:
        """Return the shape of a value."""
        return self.steps[value - 1].fragment.shape if value else self.x

    def matters(self, item: Item) -> bool:
        """Return whether anything of a piece is needed."""
        if item.step is not None and item.step.runs:
            return True
        if item.step is None and not item.parts:
            return item.output in self.needed and (item.fragment.values is not None or item.output == item.source)
        return any(self.matters(part) for part in item.parts)

    def most_alive(self, item: Item) -> int:
        """Return the most that is alive while any of a piece runs."""
        if item.most is None:  # each level asks for those below it
            own = item.step.total if item.step is not None else self.alive[item.number]
            item.most = max([own, *map(self.most_alive, item.parts)])
        return item.most


def _outline_of(fragment: Fragment) -> Outline | None:
    """Return the outline of a piece with named values; None where something in it gives nothing."""
    assert fragment.values is not None
    outside = tuple(fragment.values.read - fragment.values.bound)
    replay = WholeReplay(_ANY)
    for number, value in enumerate(outside, start=1):
        replay.named[value] = number
        replay.home.append(number)
        replay.size[number] = 0
    root = replay.walk(fragment, 0)
    if _has_nothing(root):
        return None
    steps = tuple((step.fragment, step.source, step.reads) for step in replay.steps)
    named = tuple((value, place) for value, place in replay.named.items() if value in fragment.values.bound)
    return Outline(steps, outside, named, root.output)


def _has_nothing(item: Item) -> bool:
    return item.output == NOTHING or any(map(_has_nothing, item.parts))
