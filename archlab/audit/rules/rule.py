"""What a rule is: a pure function from an operator's arguments and output to its arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from archlab.audit.counts import Counts
from archlab.audit.rules.sparse import stored

Args = Sequence[Any]
"""An operator's arguments in the order of its schema, keyword arguments among them, cut after the last given."""

Rule = Callable[[Args, Any], Counts]
"""Counts the arithmetic of one call; bytes are none of its business, the pass counts those."""

NOTHING = Counts()


def product(macs: int, out: Tensor, bias: int = 0) -> Counts:
    """Count a convolution, linear layer or matrix product that puts out ``out``."""
    return Counts(macs, bias, activations=stored(out))


def complex_product(counts: Counts) -> Counts:
    """Return the counts of a product of complex numbers: four real products each, and two additions for a bias."""
    return replace(counts, macs=4 * counts.macs, bias=2 * counts.bias)


def bias_of(args: Args, position: int, out: Tensor) -> int:
    """Count one addition for each element of the output where the operator has a bias at ``position``."""
    return out.numel() if len(args) > position and args[position] is not None else 0


def elements(value: Any) -> int:
    """Count the elements of a tensor, of a sparse one those that it stores, or of all tensors in a tuple or list."""
    return stored(value) if isinstance(value, Tensor) else sum(stored(t) for t in value if isinstance(t, Tensor))


def no_arithmetic(args: Args, out: Any) -> Counts:
    """Count nothing: the operator only moves, makes, compares or selects values."""
    return NOTHING


def per_output(times: int) -> Rule:
    """Make the rule that counts ``times`` element-wise operations for each element put out."""
    return lambda args, out: Counts(elementwise=times * elements(out))


def per_input(times: int) -> Rule:
    """Make the rule that counts ``times`` element-wise operations for each element of the first tensor taken in."""
    return lambda args, out: Counts(elementwise=times * stored(_first(args)))


def per_argument(position: int, times: int = 1) -> Rule:
    """Make the rule that counts ``times`` element-wise operations for each element of one argument."""
    return lambda args, out: Counts(elementwise=times * elements(args[position]))


def _first(args: Args) -> Tensor:
    value = args[0]
    return value if isinstance(value, Tensor) else value[0]
