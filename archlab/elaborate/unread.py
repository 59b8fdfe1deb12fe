"""Texts in which holes were filled, without the named values and the layers that nothing reads any more."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Mapping, Sequence

from archlab.elaborate.holes import names_in
from archlab.elaborate.language import DETECT
from archlab.elaborate.named_values import ignores_input, names_given
from archlab.elaborate.space import Space
from archlab.grammar import ast


def names_of_text(space: Space) -> frozenset[str]:
    """Return every name that a text gives or may use, so that none of them is taken for a new value."""
    arch = space.architecture
    bodies = [*(block.body for block in arch.blocks), *(stage.body for stage in arch.stages)]
    given = {named.name for named in names_given(bodies)}
    params = {param.name for block in arch.blocks for param in block.params}
    own = (*(var.name for var in arch.vars), *(stage.name for stage in arch.stages))
    return frozenset({*given, *params, *space.callees, *own})


def renamed(expr: ast.Expr, names: Mapping[str, str]) -> ast.Expr:
    """``expr`` with the values that it names, and where it reads them, called by new names."""
    new = ast.with_children(expr, lambda child: renamed(child, names))
    if isinstance(new, ast.Name | ast.Named) and new.name in names:
        return dataclasses.replace(new, name=names[new.name])
    return new


def without_unread(body: ast.Expr, stages: Collection[str]) -> ast.Expr:
    """``body`` without names that nothing reads, and without layers behind which a value begins again.

    ``stages`` are names of values from outside.
    """
    while True:
        read = names_in([body])
        values = {named.name for named in names_given([body])} | set(stages)
        if not values:
            return body
        new = _without(body, read, values)
        if new == body:
            return body
        body = new


def without_unread_stages(stages: Sequence[ast.Stage]) -> list[ast.Stage]:
    """``stages`` without those that nothing reads: the next begins with a value, and none names them."""
    kept = list(stages)
    names = {stage.name for stage in stages}
    if DETECT in names:  # a level of its neck may read any
        return kept
    while True:
        read = names_in([stage.body for stage in kept])
        for stage, after in itertools.pairwise(kept):
            if stage.name not in read and ignores_input(after.body, names.__contains__):
                kept.remove(stage)
                break
        else:
            return kept


def _without(expr: ast.Expr, read: Collection[str], values: Collection[str]) -> ast.Expr:
    new = ast.with_children(expr, lambda child: _without(child, read, values))
    if isinstance(new, ast.Named) and new.name not in read:
        return new.layer
    if isinstance(new, ast.Sequence):
        flat: list[ast.Expr] = []
        for item in new.items:
            if ignores_input(item, values.__contains__):
                while flat and not any(True for _ in names_given([flat[-1]])):
                    flat.pop()
            flat += item.items if isinstance(item, ast.Sequence) else [item]
        return flat[0] if len(flat) == 1 else ast.Sequence(tuple(flat), new.at)
    return new
