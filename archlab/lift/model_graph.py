"""A torch model as a graph of the language's operators, where no text is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from archlab.errors import LiftError
from archlab.ir import Graph
from archlab.lift.capture import capture
from archlab.lift.lift_trace import graph_of_trace


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
    return graph_of_trace(trace, name or trace.name)


def called_graph(model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Graph:
    """Return the graph of ``model(*args, **kwargs)``, as ``model_graph`` does.

    Raises:
        LiftError: it cannot be said in archlab's operators, or takes arguments by name.
        AuditError: its forward fails.
    """
    if kwargs:
        raise LiftError(f"it is called with arguments by name: {', '.join(kwargs)}")
    return model_graph(model, args)
