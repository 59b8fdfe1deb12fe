"""An architecture as ``print`` and a notebook show it: its canonical text."""

from __future__ import annotations

from archlab.grammar import unparse
from archlab.grammar.ast import Architecture
from archlab.report.notebook_html import notebook_text


def text(architecture: Architecture) -> str:
    """Return the canonical text."""
    return unparse(architecture)


def notebook(architecture: Architecture) -> str:
    """Return the canonical text as HTML."""
    return notebook_text(unparse(architecture))
