"""From a trace to a verified text: said in the language, written, and compared with what the trace counts."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from archlab.audit.operands import Argument
from archlab.errors import ArchlabError, InputError, LiftError
from archlab.grammar import parse, unparse
from archlab.ir import Graph
from archlab.lift.canonical.canonicalise import canonicalise
from archlab.lift.canonical.graph import Named, named_graph
from archlab.lift.canonical.step import Refusal
from archlab.lift.canonical.values import Weight
from archlab.lift.lifted import Lifted
from archlab.lift.match import match
from archlab.lift.needed_calls import needed_calls, parameters_read
from archlab.lift.refusals import refusals_of
from archlab.lift.trace import Trace
from archlab.lift.wiring import wiring_of_graph
from archlab.lift.write import write_network
from archlab.nn.module import target_of
from archlab.ops import OPAQUE, verify

MOST_SHOWN = 3
"""How many reasons a message has at most; ``LiftError.reasons`` has all."""


class SeveralOutputsError(LiftError):
    """A model returns several tensors, and it was not said which is lifted.

    Attributes:
        names: what the outputs are called.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(
            f"the model returns {len(names)} tensors ({', '.join(names)}), and a text has one output",
            hint=f"choose one, such as output={names[0]!r}",
        )
        self.names = tuple(names)


def lift_trace(trace: Trace, held: Mapping[str, Tensor], name: str, output: str | None) -> tuple[Lifted, int]:
    """Return a trace as text, verified by counts and wiring, and which of its outputs that is.

    Args:
        held: the tensors that the trace names, with or without data.
        output: the output to lift, where there are several.

    Raises:
        LiftError: it cannot be said; or the text is another network, which would be a fault of archlab's.
        InputError: there is no such output.
    """
    read = read_trace(trace, name, output)
    if read.refusals:
        raise _cannot_be_said(read.named.graph.name, list(dict.fromkeys(map(str, read.refusals))))
    verify(read.named.graph)
    lifted = dataclasses.replace(_verified(trace, held, read.calls, read.named), layout=read.layout)
    return lifted, [other for other, _ in trace.outputs].index(read.path)


@dataclass(frozen=True, slots=True)
class Read:
    """One output of a trace in the language's operators.

    Attributes:
        path: where the output is in what the model returns.
        calls: the numbers of the calls that it needs.
        named: its graph.
        refusals: what cannot be said, in the order of running; empty where all can.
        layout: how the output's axes lie in the model if it is a map.
    """

    path: str
    calls: tuple[int, ...]
    named: Named
    refusals: tuple[Refusal, ...]
    layout: str


def read_trace(trace: Trace, name: str, output: str | None) -> Read:
    """Say one output of a trace in the language, as far as that can be.

    Raises:
        LiftError: there are several outputs, and none is chosen.
        InputError: there is no such output.
    """
    path, argument = _chosen(trace, output)
    form = canonicalise(trace)
    named = named_graph(form, _identifier(name), [dict(form.outputs)[path]])
    calls = needed_calls(trace, (argument,))
    refusals = tuple(refusals_of(form, named, trace, calls, path))
    return Read(path, calls, named, refusals, form.layouts.get(path, "nchw"))


def graph_of_trace(trace: Trace, name: str) -> Graph:
    """Return a trace with all its outputs as a graph of the language's operators, verified by counts; no text is made.

    Raises:
        LiftError: it cannot be said, or the graph is another network.
    """
    form = canonicalise(trace)
    named = named_graph(form, _identifier(name), [step for _, step in form.outputs])
    calls = needed_calls(trace, tuple(argument for _, argument in trace.outputs))
    refusals = [each for path, _ in trace.outputs for each in refusals_of(form, named, trace, calls, path)]
    if refusals:
        raise _cannot_be_said(named.graph.name, list(dict.fromkeys(map(str, refusals))))
    verify(named.graph)
    nodes, read = named.graph.nodes, parameters_read(trace, calls)
    _require_equal("parameters", sum(node.params for node in nodes), sum(math.prod(trace.held[key]) for key in read))
    _require_equal("MACs", sum(node.macs for node in nodes) * trace.batch, sum(trace.calls[i].macs for i in calls))
    return named.graph


def _verified(trace: Trace, held: Mapping[str, Tensor], calls: tuple[int, ...], named: Named) -> Lifted:
    """Write the text and compare what it says with the model: parameters, MACs and wiring."""
    graph = named.graph
    architecture, network = write_network(graph)
    read = parameters_read(trace, calls)
    _require_equal("parameters", network.body.params, sum(math.prod(trace.held[name]) for name in read))
    _require_equal("MACs", network.body.macs * trace.batch, sum(trace.calls[i].macs for i in calls))
    weights = {key: weight for key, weight in _weights(named, network.graph).items() if weight.name in trace.held}
    return Lifted(
        text=unparse(architecture),
        graph=graph,
        written=network.graph,
        mapping={key: weight.name for key, weight in weights.items()},
        unread=tuple(sorted(trace.parameters - read)),
        params=network.body.params,
        macs=network.body.macs,
        difference=None,
        batch=trace.batch,
        _weights=weights,
        _held=held,
    )


def _chosen(trace: Trace, asked: str | None) -> tuple[str, Argument]:
    """Return the one output that is lifted."""
    outputs = trace.outputs
    names = [path.strip("[]'\"") or "the output" for path, _ in outputs]
    if asked is not None:
        if asked not in names:
            raise InputError(f"the model has no output {asked!r}", hint=f"it has {', '.join(names) or 'none'}")
        return outputs[names.index(asked)]
    if len(outputs) != 1:
        if not names:
            raise LiftError("the model returns no tensor, and a text has one output")
        raise SeveralOutputsError(names)
    return outputs[0]


def _cannot_be_said(name: str, reasons: list[str]) -> LiftError:
    more = f"; and {len(reasons) - MOST_SHOWN} more" if len(reasons) > MOST_SHOWN else ""
    shown = "; ".join(reasons[:MOST_SHOWN])
    return LiftError(f"{name} cannot be said in the language: {shown}{more}", reasons=reasons)


def _weights(named: Named, written: Graph) -> dict[str, Weight]:
    """Return the model's tensor for each of the text's, by the keys of the text's module."""
    first, second = wiring_of_graph(named.graph), wiring_of_graph(written)
    found = match(first, second)
    weights: dict[str, Weight] = {}
    for a, b in sorted(found.items(), key=lambda pair: pair[1]):
        theirs = named.graph.nodes[first.vertices[a].number].name
        ours = written.nodes[second.vertices[b].number]
        for tensor in named.held[theirs] if ours.op == OPAQUE else (*ours.weights, *ours.buffers):
            weight = named.mapping.get(f"{theirs}.{tensor}")
            if weight is not None:
                weights[f"{target_of(ours.name)}.{tensor}"] = weight
    return weights


def _require_equal(what: str, ours: int, theirs: int) -> None:
    if ours != theirs:
        raise LiftError(f"the text has {ours:,} {what} and the model {theirs:,}: it is not the same network")


def _identifier(name: str) -> str:
    """Return a name as the language has them.

    >>> _identifier("timm:resnet50.a1_in1k"), _identifier("net")
    ('resnet50_a1_in1k', 'net_1')
    """
    cleaned = re.sub(r"\W", "_", name.rpartition(":")[2], flags=re.ASCII).strip("_")[:64]
    name = cleaned if cleaned[:1].isalpha() else f"net_{cleaned}"[:64]
    try:
        parse(f"net {name}\nbody: relu")
    except ArchlabError:  # a word of the language
        return f"{name}_1"
    return name
