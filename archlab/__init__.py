"""archlab: model analysis and architecture search for convolutional networks and detectors.

>>> import archlab
>>> network = archlab.elaborate(archlab.load("mobilenet_v1"))
>>> archlab.cost(network).macs
568740352
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archlab.audit import audit
from archlab.cost import Budget, Cost, by_block, by_op, by_part, by_stage, cost, parse_budget
from archlab.elaborate import Fixed, Interpreter, Network, Random, Space, elaborate, settle
from archlab.errors import ArchlabError, BudgetError, ElaborationError, InputError, LimitError, SyntaxProblem
from archlab.grammar import parse, unparse, with_classes, with_input
from archlab.grammar.ast import Architecture
from archlab.ir import Graph, Node
from archlab.search import search

if TYPE_CHECKING:
    from archlab.audit.result import Audit
    from archlab.nn import build, copy_weights, recount
    from archlab.report.search_page import write_report
    from archlab.search.objective import Candidate

# What imports torch, optuna or plotly is imported when it is first used: `import archlab` takes a tenth of a second.
_LAZY = {
    "Audit": "archlab.audit.result",
    "build": "archlab.nn",
    "copy_weights": "archlab.nn",
    "recount": "archlab.nn",
    "Candidate": "archlab.search.objective",
    "write_report": "archlab.report.search_page",
}

__all__ = [
    "Architecture",
    "ArchlabError",
    "Audit",
    "Budget",
    "BudgetError",
    "Candidate",
    "Cost",
    "ElaborationError",
    "Fixed",
    "Graph",
    "InputError",
    "Interpreter",
    "LimitError",
    "Network",
    "Node",
    "Random",
    "Space",
    "SyntaxProblem",
    "audit",
    "build",
    "by_block",
    "by_op",
    "by_part",
    "by_stage",
    "copy_weights",
    "cost",
    "elaborate",
    "load",
    "parse",
    "parse_budget",
    "recount",
    "search",
    "settle",
    "unparse",
    "with_classes",
    "with_input",
    "write_report",
]


def load(name: str) -> Architecture:
    """The architecture of a shipped name or of an ``.arch`` file.

    Raises:
        InputError: neither a shipped name nor a file that can be read.
        ArchlabError: the file's text is not an architecture.
    """
    from archlab.grammar import parse_file
    from archlab.resources import find_architecture

    return parse_file(find_architecture(name))


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        import importlib

        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'archlab' has no attribute {name!r}")
