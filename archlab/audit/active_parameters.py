"""How many parameters work on one token of a mixture of experts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from archlab.audit.findings import Input, Module, Operator

_GROUPED = ("_grouped_mm", "_scaled_grouped_mm", "_scaled_grouped_mm_v2")


def active_parameters(modules: Sequence[Module], inputs: Sequence[Input], operators: Sequence[Operator]) -> int | None:
    """Return the parameters that are used for one token on average; None for a model without experts.

    Of the matrices of a grouped product a token uses as many elements as it has MACs with them. Experts that are
    modules of their own are told by what each is given: rows that differ, and are in all k for each token; a token then
    uses k of them. All other parameters it uses whole. Tokens are counted in the first input: its integers, or its
    vectors.
    """
    if not inputs:
        return None
    first = inputs[0]
    tokens = math.prod(first.shape if first.dtype.startswith(("int", "uint")) else first.shape[:-1])
    grouped = [o for o in operators if o.op in _GROUPED and len(o.takes) > 1 and len(o.takes[1]) == 3]
    idle = [max(0, math.prod(o.takes[1]) - o.macs // max(1, tokens)) for o in grouped]
    idle += _idle_modules(tokens, modules, operators)
    return max(0, modules[0].params - sum(idle)) if idle else None


def _idle_modules(tokens: int, modules: Sequence[Module], operators: Sequence[Operator]) -> Iterator[int]:
    """Yield for each group of modules that share the tokens among them how many parameters one token does not use."""
    alike: dict[tuple[str, str, int], list[str]] = {}
    for module in modules:
        if module.params and module.path:
            alike.setdefault((module.path.rpartition(".")[0], module.kind, module.params), []).append(module.path)
    rows = _rows_of(operators)
    for (_, _, params), paths in alike.items():
        taken = [rows.get(path, 0) for path in paths]
        chosen, rest = divmod(sum(taken), max(1, tokens))
        if not rest and 0 < chosen < len(paths) and len(set(taken)) > 1 and max(taken) <= tokens:
            yield (len(paths) - chosen) * params


def _rows_of(operators: Sequence[Operator]) -> dict[str, int]:
    """Return by module how many vectors the first product in it takes."""
    rows: dict[str, int] = {}
    for operator in operators:
        if operator.macs and operator.takes and operator.takes[0]:
            path = operator.module
            while path and path not in rows:
                rows[path] = math.prod(operator.takes[0][:-1])
                path = path.rpartition(".")[0]
    return rows
