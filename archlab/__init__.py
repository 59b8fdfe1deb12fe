"""archlab: model analysis and architecture search for convolutional networks and detectors.

>>> import archlab
>>> archlab.cost("mobilenet_v1").macs
568740352

**What is public**: the names in ``archlab.__all__``, and in the ``__all__`` of the four packages among them,
``archlab.detect``, ``archlab.roi``, ``archlab.score`` and ``archlab.train``. They keep their meaning until the
changelog says otherwise.
Every other module and name is internal, with or without an underscore, and may change or move without notice.

``archlab.audit``, ``archlab.carry``, ``archlab.cost``, ``archlab.elaborate``, ``archlab.lift``, ``archlab.search``,
``archlab.shrink`` and ``archlab.structure`` are functions; the modules of these names are internal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archlab.audit import audit, audit_detector
from archlab.budget_text import parse_budget
from archlab.carry import carry
from archlab.cost import Budget, Cost, by_block, by_op, by_part, by_stage, cost
from archlab.elaborate import (
    Draw,
    Fixed,
    Hole,
    Interpreter,
    Network,
    Random,
    Source,
    Space,
    architecture_of,
    elaborate,
    fill_holes,
    space_of,
)
from archlab.errors import (
    ArchlabError,
    AuditError,
    BudgetError,
    BuildError,
    ElaborationError,
    ExhaustedError,
    GraphError,
    InputError,
    LiftError,
    LimitError,
    RuleError,
    ScoreError,
    SyntaxProblem,
)
from archlab.grammar import parse, unparse, with_classes, with_input
from archlab.grammar.ast import Architecture
from archlab.ir import Graph, Node
from archlab.lift import lift
from archlab.ops import verify
from archlab.search import ask_tell, search
from archlab.search.result import SearchResult, read_result
from archlab.shrink import shrink
from archlab.structure import Structure, diff, structure

if TYPE_CHECKING:
    from archlab import detect, roi, score, train
    from archlab.audit.audit_result import Audit
    from archlab.audit.rules.own_rules import audit_rule
    from archlab.carry import Carried, CarriedLayer, Refitted, refit
    from archlab.exchange.export import export
    from archlab.exchange.regnet import REGNETS, RegNet, regnet
    from archlab.exchange.rewrite import rewrite
    from archlab.exchange.rewrite_rules import RewriteOptions
    from archlab.exchange.timm_in import from_timm
    from archlab.exchange.timm_out import to_timm
    from archlab.lift.copy_weights import copy_weights
    from archlab.lift.lifted import Lifted
    from archlab.nn import build, recount
    from archlab.original.rewrite_weights import Rewritten, rewrite_with_weights
    from archlab.report.search_page import write_report
    from archlab.search.candidate import Candidate
    from archlab.search.sampler.screen import ScreenSampler
    from archlab.search.trial_draw import FromTrial
    from archlab.shrink.shrink import ShrinkOutcome
    from archlab.structure.compare import Diff
    from archlab.what_if.open_holes import open_holes
    from archlab.what_if.suggest import Suggestion, suggest

    __version__: str

# What imports torch, optuna or plotly is imported when it is first used, so that `import archlab` is quick.
_LAZY = {
    "Audit": "archlab.audit.audit_result",
    "Candidate": "archlab.search.candidate",
    "Carried": "archlab.carry",
    "CarriedLayer": "archlab.carry",
    "Diff": "archlab.structure.compare",
    "Refitted": "archlab.carry",
    "audit_rule": "archlab.audit.rules.own_rules",
    "FromTrial": "archlab.search.trial_draw",
    "REGNETS": "archlab.exchange.regnet",
    "Lifted": "archlab.lift.lifted",
    "RegNet": "archlab.exchange.regnet",
    "RewriteOptions": "archlab.exchange.rewrite_rules",
    "Rewritten": "archlab.original.rewrite_weights",
    "Suggestion": "archlab.what_if.suggest",
    "ShrinkOutcome": "archlab.shrink.shrink",
    "ScreenSampler": "archlab.search.sampler.screen",
    "build": "archlab.nn",
    "copy_weights": "archlab.lift.copy_weights",
    "export": "archlab.exchange.export",
    "open_holes": "archlab.what_if.open_holes",
    "from_timm": "archlab.exchange.timm_in",
    "recount": "archlab.nn",
    "refit": "archlab.carry",
    "regnet": "archlab.exchange.regnet",
    "rewrite": "archlab.exchange.rewrite",
    "rewrite_with_weights": "archlab.original.rewrite_weights",
    "suggest": "archlab.what_if.suggest",
    "to_timm": "archlab.exchange.timm_out",
    "write_report": "archlab.report.search_page",
}
_PACKAGES = ("detect", "roi", "score", "train")

__all__ = [
    "REGNETS",
    "Architecture",
    "ArchlabError",
    "Audit",
    "AuditError",
    "Budget",
    "BudgetError",
    "BuildError",
    "Candidate",
    "Carried",
    "CarriedLayer",
    "Cost",
    "Diff",
    "Draw",
    "ElaborationError",
    "ExhaustedError",
    "Fixed",
    "FromTrial",
    "Graph",
    "GraphError",
    "Hole",
    "InputError",
    "Interpreter",
    "LiftError",
    "Lifted",
    "LimitError",
    "Network",
    "Node",
    "Random",
    "Refitted",
    "RegNet",
    "RewriteOptions",
    "Rewritten",
    "RuleError",
    "ScoreError",
    "ScreenSampler",
    "SearchResult",
    "ShrinkOutcome",
    "Space",
    "Structure",
    "Suggestion",
    "SyntaxProblem",
    "__version__",
    "ask_tell",
    "audit",
    "audit_detector",
    "audit_rule",
    "build",
    "by_block",
    "by_op",
    "by_part",
    "by_stage",
    "carry",
    "copy_weights",
    "cost",
    "detect",
    "diff",
    "elaborate",
    "export",
    "fill_holes",
    "from_timm",
    "lift",
    "load",
    "load_space",
    "open_holes",
    "parse",
    "parse_budget",
    "read_result",
    "recount",
    "refit",
    "regnet",
    "rewrite",
    "rewrite_with_weights",
    "roi",
    "score",
    "search",
    "shrink",
    "structure",
    "suggest",
    "to_timm",
    "train",
    "unparse",
    "verify",
    "with_classes",
    "with_input",
    "write_report",
]


def load(source: Source) -> Architecture:
    """Read the architecture of a shipped name, of an ``.arch`` file or of a text; an architecture is itself.

    A string of several lines, or one that begins with the word ``net``, is a text; any other is a name or a path.

    Raises:
        InputError: neither a shipped name nor a file that can be read, or of another type.
        ArchlabError: the text is not an architecture.
    """
    return architecture_of(source)


def load_space(source: Source | Space) -> Space:
    """Check an architecture, or the one that ``load`` reads, and return the space of networks that it describes.

    >>> interpreter = Interpreter(load_space("mobile"))
    >>> interpreter.network(Fixed({"width_mult": 1.0})).name
    'mobile'

    Raises:
        InputError: neither a shipped name nor a file that can be read, or of another type.
        ArchlabError: the text is not an architecture, or a name, an argument or a definition in it is wrong.
    """
    return space_of(source)


def __getattr__(name: str) -> Any:
    import importlib

    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    if name in _PACKAGES:
        return importlib.import_module(f"archlab.{name}")
    if name == "__version__":
        from importlib.metadata import version

        return version("archlab")
    raise AttributeError(f"module 'archlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
