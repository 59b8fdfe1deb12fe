"""What to write instead: hints of errors about names."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from archlab.errors import quote
from archlab.grammar import ast, unparse_expr
from archlab.ops import REQUIRED

_LACKING = {
    "attention": "the language has no tokens and no attention between them; a gate is written mul(layer, layer, …)",
}
"""What readers of papers look for and the language lacks, and what to write instead."""


def called_stage(name: str) -> tuple[str, str]:
    """Return what is wrong where a stage is called like a block, and what to write instead."""
    return f"{quote(name)} is a stage and no block", f"name its layers:  block {name}_block(c) = …  and call that"


def instead_of(name: str, names: Collection[str]) -> str | None:
    """Return a hint for a name that means nothing, where more is known of it than names like it.

    Args:
        names: the parameters and vars that are known where it stands.

    >>> instead_of("kx1", {"k"})
    'a size of names is written size(k, 1)'
    """
    match = re.fullmatch(r"(\w+?)x(\w+)", name)
    if match is not None and all(side in names or side.isdigit() for side in match.groups()):
        return f"a size of names is written size({', '.join(match.groups())})"
    return _LACKING.get(name)


def signature(name: str, params: Mapping[str, object]) -> str:
    """Return how ``name`` is called, for hints.

    >>> signature("linear", {"n": REQUIRED, "bias": 1})
    'it is linear(n, bias=1)'
    """
    return f"it is {name}({', '.join(_show_params(params))})" if params else f"write {name}"


def _show_params(params: Mapping[str, object]) -> Iterator[str]:
    for name, default in params.items():
        if default is REQUIRED:
            yield name
        elif isinstance(default, ast.Expr):
            yield f"{name}={unparse_expr(default)}"
        elif isinstance(default, float):
            yield f"{name}={unparse_expr(ast.Number(default))}"
        else:
            yield f"{name}={default}"
