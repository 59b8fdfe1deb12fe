"""The blocks that a model is made of, added to its audit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from torch import nn

from archlab.audit.audit_result import Audit
from archlab.errors import ArchlabError
from archlab.ir import Graph
from archlab.structure import find_structure

Lift = Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], Graph]
"""Returns the graph of archlab's operators that a model is, given what it is called with."""


def with_structure(audit: Audit, graph: Callable[[], Graph]) -> Audit:
    """Add the structure to an audit; where it cannot be found, why.

    Args:
        graph: returns the model's graph, or raises ArchlabError where it cannot be said in archlab's operators.
    """
    try:
        named = dataclasses.replace(graph(), name=audit.name)
        return dataclasses.replace(audit, structure=find_structure(named))
    except ArchlabError as error:
        return dataclasses.replace(audit, no_structure=error.one_line)
    except Exception as error:  # a model is anybody's, and what it costs is known all the same
        words = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        return dataclasses.replace(audit, no_structure=f"reading it failed with {words}")
