"""A chain of layers as the stages of a text: stem, a stage for each resolution, head."""

from __future__ import annotations

from archlab.grammar import ast
from archlab.lift.find_blocks import Draft
from archlab.lift.written import expr_of


def architecture_of_stages(draft: Draft, name: str) -> ast.Architecture:
    known = draft.known
    blocks = tuple(block.syntax(known) for block in draft.blocks)
    return ast.Architecture(name, (ast.Stage("body", expr_of(draft.tree, known)),), (("input", ast.Size(draft.tree.x)),), blocks=blocks)
