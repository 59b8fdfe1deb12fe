"""How a network's operators are wired, with what is only a way of writing taken out: what ``match`` compares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archlab.ir import INPUT as INPUT_NAME
from archlab.ir import Applied, Graph, Shape, show_shape
from archlab.lift.canonical.canonicalise import Canonical
from archlab.lift.canonical.graph import needed
from archlab.lift.canonical.step import INPUT

_NO_MATTER = frozenset({"init", "momentum", "bias", "in_channels", "in_features", "channels"})
"""Arguments that do not change what a trained network computes, or that follow from shapes."""
_NESTED = frozenset({"add", "cat"})
_MOST_INPUTS = 4096


@dataclass(frozen=True, slots=True)
class Vertex:
    """One operator.

    Attributes:
        name: its path, for messages.
        op: the operator.
        what: all that it does, as text: two vertices with the same text do the same to the same inputs.
        inputs: the vertices that it reads, in order; -1 is the network's input.
        number: the step or node that it stands for.
        words: what it is, for messages.
    """

    name: str
    op: str
    what: str
    inputs: tuple[int, ...]
    number: int
    words: str


@dataclass(frozen=True)
class Wiring:
    """A network's operators in the order of running, and those that give its outputs."""

    vertices: tuple[Vertex, ...]
    outputs: tuple[int, ...]

    def what(self, vertex: int) -> str:
        """Return what a vertex does, as text."""
        return "" if vertex == INPUT else self.vertices[vertex].what

    def describe(self, vertex: int) -> str:
        """Return a vertex for a message."""
        return "its input" if vertex == INPUT else self.vertices[vertex].words


def wiring_of_graph(graph: Graph) -> Wiring:
    """Return the wiring of a graph; the numbers are those of its nodes."""
    numbers = {INPUT_NAME: INPUT} | {node.name: i for i, node in enumerate(graph)}
    parts = [(node.name, node, tuple(numbers[name] for name in node.inputs)) for node in graph]
    shapes = [graph.shape_of(name) for name in (node.name for node in graph)]
    return _wired(parts, shapes, graph.input_shape, [numbers[name] for name in graph.outputs], range(len(graph)))


def wiring_of_form(form: Canonical) -> Wiring:
    """Return the wiring of a canonical form; the numbers are those of its steps, also of those that cannot be said."""
    outputs = [step for _, step in form.outputs]
    parts = [(step.module, step.applied, step.inputs) for step in form.steps]
    shapes = [step.applied.shape for step in form.steps]
    return _wired(parts, shapes, form.input_shape, outputs, needed(form.steps, outputs))


def _wired(
    parts: Sequence[tuple[str, Applied, tuple[int, ...]]],
    shapes: Sequence[Shape],
    input_shape: Shape,
    outputs: Sequence[int],
    kept: Iterable[int],
) -> Wiring:
    place: dict[int, int] = {INPUT: INPUT}
    vertices: list[Vertex] = []
    for number in kept:
        name, applied, old = parts[number]
        taken = [input_shape if i == INPUT else shapes[i] for i in old]
        inputs = tuple(place[i] for i in old)
        if _is_way_of_writing(applied, taken):
            place[number] = inputs[0]
            continue
        op, what = _what(applied, taken)
        if op in _NESTED:
            inputs = _flattened(op, inputs, vertices)
        place[number] = len(vertices)
        vertices.append(Vertex(name, op, what, inputs, number, _words(name, applied)))
    return Wiring(tuple(vertices), tuple(place[i] for i in outputs))


def _is_way_of_writing(applied: Applied, taken: Sequence[Shape]) -> bool:
    return applied.op == "dropout" or (applied.op == "flatten" and taken[0][1:] in ((1, 1), ()))


def _what(applied: Applied, taken: Sequence[Shape]) -> tuple[str, str]:
    """Return an operator's name and all that it does; a 1x1 convolution of a 1x1 map is a linear layer."""
    attrs: Mapping[str, Any] = applied.attrs
    op = applied.op
    if (
        op == "conv2d"
        and taken[0][1:] == (1, 1) == applied.shape[1:]
        and attrs["kernel"] == (1, 1)
        and attrs["groups"] == 1
    ):
        attrs, op = {"out_features": attrs["out_channels"]}, "linear"
    told = sorted((name, str(value)) for name, value in attrs.items() if name not in _NO_MATTER)
    held = sorted(applied.weights)
    return op, f"{op} {told} {held}"


def _flattened(op: str, inputs: tuple[int, ...], vertices: Sequence[Vertex]) -> tuple[int, ...]:
    """Return the inputs of a sum of sums, or a concatenation of concatenations, as those of one."""
    flat: list[int] = []
    for i in inputs:
        nested = i != INPUT and vertices[i].op == op
        flat += vertices[i].inputs if nested else (i,)
    return tuple(flat) if len(flat) <= _MOST_INPUTS else inputs


def _words(name: str, applied: Applied) -> str:
    weights = ", ".join(f"{n} {show_shape(shape)}" for n, shape in applied.weights.items())
    return (
        f"{name or 'the model'} ({applied.op}{f' with {weights}' if weights else f' to {show_shape(applied.shape)}'})"
    )
