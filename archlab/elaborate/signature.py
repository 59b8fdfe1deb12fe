"""How a block or operator is called, for hints and for the language's page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archlab.grammar import ast, unparse_expr
from archlab.ops import REQUIRED


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
