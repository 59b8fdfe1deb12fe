"""A draw of a space as a text of its own."""

from __future__ import annotations

from archlab.elaborate import Network, Space, fill_holes
from archlab.errors import InputError
from archlab.exchange.export_parts import DetectorPart, Weights
from archlab.grammar import unparse


def write(space: Space, network: Network, seed: int, part: DetectorPart, weights: Weights | None = None) -> str:
    """Return the canonical text, in which every hole is filled.

    Raises:
        InputError: a part of a detector is asked for.
    """
    if part != "whole":
        raise InputError("a text holds a detector whole", hint="remove its stage detect for the backbone alone")
    return unparse(fill_holes(space, network))
