"""A torch model as a graph of the language's operators, where no text is asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import nn

from archlab.ir import Graph
from archlab.lift.canonical.canonicalise import canonicalise
from archlab.lift.canonical.graph import named_graph
from archlab.lift.capture import capture
from archlab.lift.lift_model import identifier, refuse_unsaid, require_equal
from archlab.lift.needed_calls import needed_calls, parameters_read
from archlab.ops import verify


def model_graph(model: nn.Module, args: Sequence[Any], name: str | None = None) -> Graph:
    """Return the graph of ``model(*args)`` with all that it puts out, under the paths of its own modules.

    Its parameters and MACs are compared with those of the trace, to the unit; outputs and weights are not.

    Args:
        args: tensors, on any device.
        name: what to call it; by default the model's class.

    Raises:
        LiftError: it cannot be said in the language; the message has the places, operators and reasons.
        AuditError: its forward fails.
    """
    trace = capture(model, args)
    form = canonicalise(trace)
    named = named_graph(form, identifier(name or trace.name), [step for _, step in form.outputs])
    calls = needed_calls(trace, tuple(output for _, output in trace.outputs))
    refuse_unsaid(form, named, trace, calls)
    verify(named.graph)
    read = parameters_read(trace, calls)
    nodes = named.graph.nodes
    require_equal("parameters", sum(node.params for node in nodes), sum(math.prod(trace.held[key]) for key in read))
    require_equal("MACs", sum(n.macs for n in nodes) * trace.batch, sum(trace.calls[i].macs for i in calls))
    return named.graph
