"""What the parts of a sequence are called in the paths of nodes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from archlab.elaborate.fragment import NamedFragment
from archlab.grammar import ast

COPY = "#"
"""The name of a copy of a repeat until the enclosing sequence numbers it."""


def part_label(expr: ast.Expr) -> str:
    """Return what a part of a sequence is called in paths; a residual leaves its name out."""
    if isinstance(expr, ast.Named):
        return part_label(expr.layer)
    if isinstance(expr, ast.Call | ast.Name):
        return "" if expr.name in ("residual", "skip") else expr.name
    return "choice" if isinstance(expr, ast.Choice) else "part"


def distinct_names(parts: Sequence[NamedFragment]) -> list[NamedFragment]:
    """Parts under names that differ: copies are numbered, a second ``conv`` is ``conv_2``."""
    seen: dict[str, int] = {}
    copies = itertools.count()
    named: list[NamedFragment] = []
    for name, part in parts:
        if name == COPY:
            named.append((str(next(copies)), part))
            continue
        seen[name] = n = seen.get(name, 0) + 1
        # An unnamed second part (a residual behind another) needs a name after all.
        named.append((name if n == 1 else f"{name or 'residual'}_{n}", part))
    return named
