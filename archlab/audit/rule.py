"""What a rule is: a pure function from an operator's arguments and output to a count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from torch import Tensor

Args = Sequence[Any]
"""An operator's arguments in the order of its schema, keyword arguments among them, cut after the last given."""


class Count(NamedTuple):
    """The arithmetic of one call.

    Attributes:
        macs: multiply-accumulates of convolutions, linear layers, matrix products and attention.
        bias: additions of biases.
        norm: arithmetic of norms.
        pool: arithmetic of pooling and interpolation.
        elementwise: all other arithmetic.
        activations: elements put out by the products (Radosavovic et al. 2020, arXiv:2003.13678).
    """

    macs: int = 0
    bias: int = 0
    norm: int = 0
    pool: int = 0
    elementwise: int = 0
    activations: int = 0


Rule = Callable[[Args, Any], Count]

NOTHING = Count()


def product(macs: int, out: Tensor, bias: int = 0) -> Count:
    """A convolution, linear layer or matrix product that puts out ``out``."""
    return Count(macs, bias, 0, 0, 0, out.numel())


def norm(n: int) -> Count:
    """``n`` operations of a norm."""
    return Count(0, 0, n)


def pool(n: int) -> Count:
    """``n`` operations of pooling or interpolation."""
    return Count(0, 0, 0, n)


def elementwise(n: int) -> Count:
    """``n`` element-wise operations."""
    return Count(0, 0, 0, 0, n)
