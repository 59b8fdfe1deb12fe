"""A canonical form as a graph of the language, with the model's own paths as names, and where its weights come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from archlab.ir import INPUT as INPUT_NAME
from archlab.ir import Graph, Node
from archlab.lift.canonical.canonicalise import Canonical
from archlab.lift.canonical.step import INPUT, Step
from archlab.lift.canonical.values import Weight

Mapped = Mapping[str, Weight]
"""The model's tensor for each of a graph's, by its key in the state dict: ``layer1.0.conv1.weight``."""


@dataclass(frozen=True)
class Named:
    """A graph, its mapping, and by its nodes' names the steps that they stand for and the tensors that they hold."""

    graph: Graph
    mapping: Mapped
    steps: Mapping[str, int]
    held: Mapping[str, tuple[str, ...]]


def needed(steps: Sequence[Step], outputs: Sequence[int]) -> list[int]:
    """Return the numbers of the steps that the outputs need, in the order of running."""
    seen: set[int] = set()
    waiting = [step for step in outputs if step != INPUT]
    while waiting:
        step = waiting.pop()
        if step not in seen:
            seen.add(step)
            waiting += [i for i in steps[step].inputs if i != INPUT and i not in seen]
    return sorted(seen)


def named_graph(form: Canonical, name: str, outputs: Sequence[int]) -> Named:
    """Return what the outputs need as a graph, whose nodes are called after the modules that they stand for.

    Stages are the model's top modules; one that goes on after another has run is a stage of its own from there.
    """
    kept = needed(form.steps, outputs)
    names = dict(zip(kept, _names([form.steps[i] for i in kept]), strict=True))
    nodes = []
    for number in kept:
        step = form.steps[number]
        path = names[number]
        inputs = tuple(INPUT_NAME if i == INPUT else names[i] for i in step.inputs)
        stage = path.partition(".")[0]
        block = ".".join(path.split(".")[:2])
        nodes.append(Node.of(step.applied, path, inputs, stage, block))
    ends = tuple(INPUT_NAME if step == INPUT else names[step] for step in outputs)
    held = {names[i]: tuple(form.steps[i].held) for i in kept}
    mapping = {f"{names[i]}.{tensor}": weight for i in kept for tensor, weight in form.steps[i].held.items()}
    return Named(Graph(name, form.input_shape, tuple(nodes), ends), mapping, {names[i]: i for i in kept}, held)


def _names(steps: Sequence[Step]) -> Iterator[str]:
    """Yield a path for each step: that of its module, with the operator where the module does more."""
    taken: set[str] = set()
    top, numbered, closed = "", "", set[str]()
    for step in steps:
        path = step.module if step.leaf else ".".join(filter(None, (step.module, step.applied.op.replace(".", "_"))))
        first, dot, rest = path.partition(".")
        if first != top:
            top = first
            numbered = _fresh(first, closed)
            closed.add(numbered)
        name = _fresh(f"{numbered}{dot}{rest}", taken)
        taken.add(name)
        yield name


def _fresh(name: str, taken: set[str]) -> str:
    number, fresh = 1, name
    while fresh in taken:
        number += 1
        fresh = f"{name}_{number}"
    return fresh
