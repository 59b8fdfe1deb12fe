"""Features of neighbours in a network, which tell placings of the same operators apart: those of a cell, mostly.

Sums over layers are the same wherever a layer stands. Which layers and poolings follow which, without another on the
way between them, is not. They are counted by kind: a convolution by its kernel and whether it is depthwise.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

from archlab.elaborate import Network
from archlab.elaborate.fragment import Fragment
from archlab.ir import Applied
from archlab.ways import fold, is_layer, through

KINDS = ("conv 1x1", "conv to 3x3", "larger conv", "depthwise to 3x3", "larger depthwise", "linear", "pooling")
BEFORE = (*KINDS, "input")
PAIR_FEATURES = tuple(f"{before}, {kind}" for kind in KINDS for before in BEFORE)
_MEMO_SIZE = 20_000
"""Fragments that are kept, of about 1 kB each."""

# Counts by kind are digits of 32 bits of one number, so that they are added, and multiplied by each other, all at once.
# What stands before a value is a number of a digit for each of BEFORE; a count of pairs has one such number a kind.
_BITS = 32
_ROW = _BITS * len(BEFORE)
_ONE_ROW = (1 << _ROW) - 1
_INPUT = _ROW - _BITS
_START = 1 << _INPUT
_DIGIT = (1 << _BITS) - 1
_FIRST = sum(_DIGIT << _ROW * kind for kind in range(len(KINDS)))
_ALL = (1 << _ROW * len(KINDS)) - 1
_UNPACK = struct.Struct(f"<{len(PAIR_FEATURES)}I")
_LOGS = tuple(math.log1p(count) for count in range(100))

_Known = tuple[Fragment, int, int, int, int]
"""A piece; pairs of what enters it and its first layers; those in it; what of it stands at its end; ways through."""


def kind_of(op: Applied) -> int | None:
    """Return the place in ``KINDS`` of a layer or a pooling; None of anything else.

    >>> from archlab.ops import apply_op
    >>> KINDS[kind_of(apply_op("conv2d", [(8, 4, 4)], {"c": 8, "k": 5, "groups": 8}))]
    'larger depthwise'
    """
    if is_layer(op):
        weight = op.weights["weight"]
        if len(weight) == 2:
            return 5
        side = max(weight[2:])
        if op.attrs["groups"] > 1 and weight[1] == 1:
            return 3 if side <= 3 else 4
        return 0 if side == 1 else 1 if side <= 3 else 2
    return 6 if "pool" in op.op else None


class PairFeatures:
    """Computes features of neighbours, keeping those of the pieces that networks share."""

    def __init__(self) -> None:
        # The fragment is kept beside what is known of it, so that its id stays its own.
        self._memo: dict[int, _Known] = {}
        self._latest: _Known | None = None  # copies are one piece, and follow each other

    def __call__(self, network: Network) -> tuple[float, ...]:
        """Return log counts of ``network`` in the order of ``PAIR_FEATURES``; of a detector those of its backbone."""
        if len(self._memo) > _MEMO_SIZE:
            self._memo.clear()
        pairs = _Pairs(self)
        fold(network.without_detector, _START, pairs)
        counts = _UNPACK.unpack((pairs.counted & _ALL).to_bytes(_UNPACK.size, "little"))
        return tuple([_LOGS[count] if count < len(_LOGS) else math.log1p(count) for count in counts])

    def known(self, fragment: Fragment) -> _Known:
        """Return what is known of a piece, whatever enters it."""
        known = self._memo.get(id(fragment))
        if known is None and self._latest is not None and self._latest[0] is fragment:
            known = self._latest
        if known is None:
            pairs = _Pairs(self, fragment)
            end = through(fragment, _START, {}, pairs)
            first = pairs.counted >> _INPUT & _FIRST
            known = (fragment, first, pairs.counted - (first << _INPUT), end & _START - 1, end >> _INPUT)
            self._latest = known
            if fragment.kept:
                self._memo[id(fragment)] = known
        return known


class _Pairs:
    """Counts pairs on the way through a network, or through one piece, which is entered."""

    def __init__(self, features: PairFeatures, piece: Fragment | None = None) -> None:
        self.counted = 0
        self._features = features
        self._piece = piece

    def behind(self, op: Applied, before: int) -> int:
        """Count what stands before an operator, and return what stands before what is behind it."""
        kind = kind_of(op)
        if kind is None:
            return before
        self.counted += before << _ROW * kind
        return 1 << _BITS * kind

    def joined(self, states: Sequence[int]) -> int:
        """Return what stands before several inputs together."""
        return sum(states) & _ONE_ROW

    def shared(self, fragment: Fragment, entered: int) -> int | None:
        """Count the pairs of a piece at once, and return what stands before what is behind it."""
        if fragment is self._piece or fragment.nodes < 2:  # one operator is quicker to enter than to look up
            return None
        _, first, inside, last, ways = self._features.known(fragment)
        self.counted += entered * first + inside
        return last + entered * ways & _ONE_ROW
