"""A chain of layers as the stages of a text: stem, a stage for each resolution, head."""

from __future__ import annotations

from archlab.grammar import ast
from archlab.lift.layers import As, Call, Chain, Form, Layer, chain
from archlab.lift.written import Blocks, expr_of, prelude_params


def architecture_of_stages(tree: Chain, blocks: Blocks, name: str) -> ast.Architecture:
    known = {**prelude_params(), **blocks}
    return ast.Architecture(name, (ast.Stage("body", expr_of(tree, known)),), (("input", ast.Size(tree.x)),))
