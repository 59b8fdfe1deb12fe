"""A text in the making: layers, and the blocks that they call."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from archlab.grammar import ast
from archlab.lift.text.defaults import NO_DEFAULTS, Defaults
from archlab.lift.text.layers import Chain
from archlab.lift.text.prelude_samples import UNITS
from archlab.lift.text.written import Blocks, Params, expr_of, prelude_params, value_of


@dataclass(frozen=True)
class Block:
    """A block of a text.

    Attributes:
        name: its name.
        params: its parameters in order, each with its default.
        body: its layers.
        is_unit: whether it has branches, also in a block that it calls.
    """

    name: str
    params: Params
    body: Chain
    is_unit: bool

    def syntax(self, blocks: Blocks) -> ast.Block:
        """Return the block as it is written; ``blocks`` are those that it may call."""
        params = tuple(ast.Param(p, None if d is None else value_of(d, blocks)) for p, d in self.params.items())
        return ast.Block(self.name, params, expr_of(self.body, blocks))


@dataclass(frozen=True)
class Draft:
    """A text in the making: its layers, its blocks, each before those that call it, and what it sets for all."""

    tree: Chain
    blocks: tuple[Block, ...] = ()
    defaults: Defaults = NO_DEFAULTS

    @cached_property
    def known(self) -> Blocks:
        """The parameters of every block that may be called."""
        return {**prelude_params(self.defaults), **{block.name: block.params for block in self.blocks}}

    @cached_property
    def units(self) -> frozenset[str]:
        """The blocks that have branches: what people call a block of a network."""
        return frozenset(UNITS).union(block.name for block in self.blocks if block.is_unit)
