"""The graph of a torch model, for commands that look at structure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from archlab.ir import Graph


def lifted_graph(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Graph:
    """Return the graph of archlab's operators that a model is.

    Raises:
        LiftError: it cannot be said in archlab's operators, or takes arguments by name.
    """
    from archlab.errors import LiftError
    from archlab.lift.model_graph import model_graph

    if kwargs:
        raise LiftError(f"it is called with arguments by name: {', '.join(kwargs)}")
    return model_graph(model, args)
