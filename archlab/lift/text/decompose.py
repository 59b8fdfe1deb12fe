"""A graph as a tree of chains and branches, with a name for each value that is used where the tree does not lead.

A chain passes through the *cuts* between its ends: the nodes that every path takes. Between two cuts stands one
operator, or a join with a branch for each input, which is a chain again. Nodes are placed once, where a text would
first say them; a branch that needs one that stands elsewhere uses its name.
"""

from __future__ import annotations

from collections.abc import Sequence

from archlab.errors import LiftError
from archlab.ir import INPUT, Graph, Shape
from archlab.lift.text.cats import add_prefix_cats, shared_runs
from archlab.lift.text.layers import As, Call, Chain, Form, Layer, Use, chain, free_names, rebuilt
from archlab.lift.text.local_names import with_own_names
from archlab.lift.text.operator_calls import operator_call
from archlab.ops import OPS

MOST_BESIDE = 3
"""Operators that may stand between a long skip and the join at its end."""
JOINS = ("add", "mul", "cat", "sub")


def decompose(graph: Graph, padding: str | None = None) -> Chain:
    """Return ``graph`` as a tree of operators.

    At the top, a skip over a part that returns to its resolution (U-Net) uses a name, so that the part is no branch.

    Args:
        padding: the padding of the text, see ``operator_call``.

    Raises:
        LiftError: a node cannot be written, or the graph has several outputs.
    """
    if len(graph.outputs) > 1:
        raise LiftError(f"{graph.name} has {len(graph.outputs)} outputs: a text gives one")
    try:
        tree = _Builder(graph, padding, long_skips=True).whole()
        return tree if _names_reach(tree) else _Builder(graph, padding, long_skips=False).whole()
    except RecursionError:
        raise LiftError(f"{graph.name} nests too deep to be written") from None


def _names_reach(tree: Chain) -> bool:
    """Whether every name that another item of the top uses is a name of the top."""
    top = {item.name for item in tree.items if isinstance(item, As)}
    return all(name in top for item in tree.items for name in free_names(chain((item,), item.x)))


class _Builder:
    """Places the nodes of one graph."""

    def __init__(self, graph: Graph, padding: str | None, long_skips: bool) -> None:
        self.graph = graph
        self.padding = padding
        self.long_skips = long_skips
        self.inputs: dict[str, tuple[str, ...]] = {node.name: node.inputs for node in graph}
        add_prefix_cats(graph, self.inputs)
        self.order = {name: i for i, name in enumerate((INPUT, *self.inputs))}
        self.shapes: dict[str, Shape] = {INPUT: graph.input_shape, **{node.name: node.shape for node in graph}}
        self.placed = {INPUT}
        self.named: set[str] = set()

    def whole(self) -> Chain:
        """Return the whole graph as one chain."""
        items = self.chain(INPUT, self.graph.output, top=True)
        if lost := [node.name for node in self.graph if node.name not in self.placed]:
            raise LiftError(f"{lost[0]}: nothing takes what it gives")
        image = self.graph.input_shape
        if INPUT in self.named:
            items = (Call("identity", (), image, image, INPUT), *items)
        return with_own_names(rebuilt(chain(items, image), self._with_names))

    def _with_names(self, layers: Chain) -> Chain:
        return chain(tuple(self._with_name(item) for item in layers.items), layers.x)

    def _with_name(self, item: Layer) -> Layer:
        if isinstance(item, Call | Form) and item.node in self.named:
            return As(item, item.node, item.x, item.y)
        return item

    def chain(self, start: str, end: str, top: bool = False) -> tuple[Layer, ...]:
        """Return the layers from the value ``start`` to ``end``; they begin with a name where no path leads there."""
        if end == start:
            return ()
        if end in self.placed:
            return (self._use(end, start),)
        region = self._region(start, end)
        below = self._below(start, region)
        if end not in below:
            source = self._source(end)
            return (self._use(source, start), *self.chain(source, end))
        items: list[Layer] = []
        for cut in self._cuts(start, below):
            if top and self.long_skips and (main := self._long_way(start, cut)):
                items += self.chain(start, main, top=True)
                start = main
            items.append(self._step(start, cut))
            self.placed.add(cut)
            start = cut
        return tuple(items)

    def _region(self, start: str, end: str) -> set[str]:
        """The nodes that ``end`` needs and that stand nowhere yet."""
        seen: set[str] = set()
        todo = [end]
        while todo:
            name = todo.pop()
            if name != start and name not in self.placed and name not in seen:
                seen.add(name)
                todo += self.inputs[name]
        return seen

    def _below(self, start: str, region: set[str]) -> list[str]:
        """The nodes of ``region`` that a path from ``start`` leads to, in running order."""
        below: list[str] = []
        reached = {start}
        for name in sorted(region, key=self.order.__getitem__):
            if not reached.isdisjoint(self.inputs[name]):
                reached.add(name)
                below.append(name)
        return below

    def _cuts(self, start: str, below: Sequence[str]) -> list[str]:
        place = {name: i for i, name in enumerate(below)}
        place[start] = -1
        last = dict.fromkeys(place, -1)
        for name in below:
            for source in self.inputs[name]:
                if source in last:
                    last[source] = place[name]
        cuts: list[str] = []
        reach = last[start]
        for name in below:
            if reach <= place[name]:
                cuts.append(name)
            reach = max(reach, last[name])
        return cuts

    def _source(self, end: str) -> str:
        """The nearest value with a place on the way back from ``end``, by first inputs."""
        while end not in self.placed:
            end = self.inputs[end][0]
        return end

    def _step(self, start: str, cut: str) -> Layer:
        x, y = self.shapes[start], self.shapes[cut]
        op = self.graph[cut].op if cut in self.graph.names else "cat"
        if op not in JOINS:
            if OPS[op].joins and op != "slice":
                raise LiftError(f"{cut}: the language has no {op} outside a detector")
            return operator_call(self.graph[cut], x, self.padding)
        inputs = self._grouped(start, self.inputs[cut]) if op == "cat" else self.inputs[cut]
        return Form(op, tuple(chain(self.chain(start, i), x) for i in inputs), x, y, node=cut)

    def _grouped(self, start: str, inputs: tuple[str, ...]) -> tuple[str, ...]:
        """Inputs of a concatenation that all ways reach through one node, as one input: their concatenation."""
        runs = shared_runs([self._region(start, i) for i in inputs])
        if len(runs) == 1:
            return inputs
        grouped: list[str] = []
        for run in runs:
            part = inputs[run.start : run.stop]
            grouped += [joined] if len(run) > 1 and (joined := self._cat_behind(start, part)) else part
        return tuple(grouped)

    def _cat_behind(self, start: str, inputs: tuple[str, ...]) -> str | None:
        """A new concatenation of ``inputs``; None where no node is on all ways to it."""
        name = self._cat(inputs)
        below = self._below(start, self._region(start, name))
        return name if name in below and self._cuts(start, below)[0] != name else None

    def _cat(self, inputs: tuple[str, ...]) -> str:
        name = f"cat {' '.join(inputs)}"
        self.inputs[name] = inputs
        self.order[name] = len(self.order)
        first = self.shapes[inputs[0]]
        self.shapes[name] = (sum(self.shapes[i][0] for i in inputs), *first[1:])
        return name

    def _long_way(self, start: str, cut: str) -> str | None:
        """The input of a join that returns from a lower resolution, where the others lie on its way or beside it."""
        inputs = self.inputs[cut]
        long = [
            main
            for main in dict.fromkeys(inputs)
            if main != start and len(inputs) > 1 and self._returns(start, main) and self._lead(start, main, inputs)
        ]
        return long[0] if len(long) == 1 else None

    def _lead(self, start: str, main: str, inputs: Sequence[str]) -> bool:
        on_the_way = self._region(start, main) | {start}
        return all(len(self._region(start, i) - on_the_way) <= MOST_BESIDE for i in inputs if i not in on_the_way)

    def _returns(self, start: str, end: str) -> bool:
        region = self._region(start, end)
        return any(len(self.shapes[n]) == 3 and self.shapes[n][1] > self._height(n) for n in region)

    def _height(self, name: str) -> int:
        return max((self.shapes[i] + (1, 1))[1] for i in self.inputs[name])

    def _use(self, name: str, start: str) -> Use:
        self.named.add(name)
        return Use(name, self.shapes[start], self.shapes[name])
