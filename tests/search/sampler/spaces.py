"""Spaces that samplers are tested on."""

from __future__ import annotations

from archlab.elaborate import Interpreter, load
from archlab.grammar import parse
from tests.search.conftest import TINY

WIDTHS = "net widths(input=3x16x16)\n" + "\n".join(f"s{i}: conv([4..64 step 4], 3, s={1 + i % 2})" for i in range(5))


def interpreter_of(text=TINY):
    return Interpreter(load(parse(text)))
