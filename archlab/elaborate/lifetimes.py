"""Pieces with named values, settled: what is read at all, and how long each value is alive.

A named value stays alive until its last reader has run, wherever that stands, so the peak of a piece in which values
are named does not follow from its parts' peaks. Once all its values are known, its operators are replayed in running
order: what nothing reads is left out, and each part learns what is alive beside it. A part without named values is one
step of the replay.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from archlab.elaborate.fragment import Fragment, NamedFragment, Nothing, chain, gives_nothing, nothing
from archlab.elaborate.replay import NOTHING, Item, Replay, WholeReplay
from archlab.elaborate.shared import Shared
from archlab.ir import Applied, Shape, numel

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
    replay = WholeReplay(x)
    items, output = [], 0
    for name, fragment in stages:
        items.append(replay.walk(fragment, output))
        output = replay.named[name] = items[-1].output
    ends = [replay.named[name] for name, _ in stages if name in kept] or [output]
    replay.run(ends, keeps_input=False)
    new = [
        (name, _rebuilt(replay, item, 0, shared))
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
    replay = Replay(x)
    output = replay.enter(fragment, 0)
    if output == NOTHING:
        return nothing(fragment.shape)
    replay.run([output], keeps_input)
    return SettledFragment(fragment, replay, output, held, keeps_input, shared)


class SettledFragment(Fragment):
    """A piece with its values settled, which is counted at once.

    Its parts are made when they are first asked for: most of what a search draws is counted and no more.

    Attributes:
        left: what is left of it, as steps, and the value that it gives, until its parts are made.
    """

    __slots__ = ("_held", "_keeps_input", "_shared", "left")

    def __init__(
        self, unsettled: Fragment, replay: Replay, output: int, held: int, keeps_input: bool, shared: Shared
    ) -> None:
        during, after = replay.during_and_after(held)
        super().__init__(unsettled.shape, (), None, replay.x, during, after, replay.home[output] == 0)
        del self.parts  # until `__getattr__` makes them
        for step in replay.steps:
            if step.runs and step.fragment.values is None:
                self._add(step.fragment, step.fragment.nodes)
            elif step.runs and step.fragment.op is not None:
                self._add(step.fragment.op, 1)
        self.op = None if _is_wrapped(unsettled) else unsettled.op
        self.block = unsettled.block
        self.unsettled: Fragment = unsettled
        self.left: tuple[Replay, int] | None = (replay, output)
        self._held = held
        self._keeps_input = keeps_input
        self._shared = shared

    def _add(self, piece: Fragment | Applied, nodes: int) -> None:
        self.params += piece.params
        self.macs += piece.macs
        self.other += piece.other
        self.activations += piece.activations
        self.nodes += nodes

    def __getattr__(self, name: str) -> Sequence[NamedFragment]:
        if name != "parts":
            raise AttributeError(name)
        assert self.left is not None
        replay = WholeReplay(self.left[0].x)
        root = replay.walk(self.unsettled, 0)
        replay.run([root.output], self._keeps_input)
        inner = _rebuilt(replay, root, self._held, self._shared)
        self.parts = [("", inner)] if _is_wrapped(root.fragment) else inner.parts
        self.left = None
        return self.parts


def _is_wrapped(fragment: Fragment) -> bool:
    """Return whether a piece with values is the one part of what it is once they are settled."""
    return fragment.values is not None and (fragment.values.fan or fragment.values.given is not None)


def _rebuilt(replay: WholeReplay, item: Item, held: int, shared: Shared) -> Fragment:
    """Return a piece without what nothing reads; it knows what is alive beside it, and ``held`` more."""
    fragment, step = item.fragment, item.step
    if fragment.values is None:
        if step is None:
            return fragment
        return keeping(fragment, replay.shape(item.source), step.others + held, step.keeps, shared)
    parts = [(name, _rebuilt(replay, part, held, shared)) for name, part in item.named_parts() if replay.matters(part)]
    gone = step is not None and not step.runs
    shape = nothing(fragment.shape).shape if gone else fragment.shape
    op = None if gone else fragment.op
    new = Fragment(shape, parts, op, _NO_INPUT, replay.most_alive(item) + held, 0, views=False)
    new.values = replace(fragment.values, fan=True) if gone and not fragment.values.fan else fragment.values
    new.block = fragment.block
    return new
