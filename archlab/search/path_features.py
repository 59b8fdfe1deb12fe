"""Features of the ways through a network, which tell placings of the same operators apart: those of a cell, mostly.

Sums over layers are the same wherever a layer stands. On a way from input to output that is drawn evenly from all, the
number of layers, of poolings and of log kernel areas, and the logs of how many ways there are and of the lengths of the
longest and the shortest, are not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from archlab.elaborate import Network
from archlab.elaborate.fragment import Fragment
from archlab.ir import Applied
from archlab.ways import fold, is_layer, through

PATH_FEATURES = ("log_paths", "mean_layers", "mean_pools", "mean_log_kernel", "longest", "shortest")
State = tuple[float, float, float, float, float, float]
_START: State = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
_MEMO_SIZE = 20_000
"""Fragments that are kept, of about 1 kB each."""


class PathFeatures:
    """Computes features of ways, keeping those of the pieces that networks share."""

    def __init__(self) -> None:
        # The fragment is kept beside its state, so that its id stays its own.
        self._memo: dict[int, tuple[Fragment, State]] = {}
        self._latest: tuple[Fragment, State] | None = None  # copies are one piece, and follow each other

    def __call__(self, network: Network) -> State:
        """Return the features of ``network`` in the order of ``PATH_FEATURES``; of a detector those of its backbone."""
        if len(self._memo) > _MEMO_SIZE:
            self._memo.clear()
        log_paths, *others = fold(network.without_detector, _START, self)
        layers, pools, kernel, longest, shortest = map(math.log1p, others)
        return (log_paths, layers, pools, kernel, longest, shortest)

    def behind(self, op: Applied, before: State) -> State:
        """Return what is known behind an operator."""
        if is_layer(op):
            area = math.log(max(1, math.prod(op.weights["weight"][2:])))
            return (before[0], before[1] + 1, before[2], before[3] + area, before[4] + 1, before[5] + 1)
        if "pool" in op.op:
            return (before[0], before[1], before[2] + 1, *before[3:])
        return before

    def joined(self, states: Sequence[State]) -> State:
        """Return what is known of several inputs: each way counts alike."""
        if len(states) == 1:
            return states[0]
        most = max([state[0] for state in states])
        total = layers = pools = kernel = 0.0
        for log_paths, of_layers, of_pools, of_kernel, _, _ in states:
            weight = math.exp(log_paths - most)
            total += weight
            layers, pools, kernel = layers + weight * of_layers, pools + weight * of_pools, kernel + weight * of_kernel
        longest, shortest = max([state[4] for state in states]), min([state[5] for state in states])
        return (most + math.log(total), layers / total, pools / total, kernel / total, longest, shortest)

    def shared(self, fragment: Fragment, entered: State) -> State | None:
        """Return what is known behind a piece: along a chain, everything adds up."""
        if fragment.nodes < 2:  # quicker to enter than to look up
            return None
        known = self._memo.get(id(fragment))
        if known is None and self._latest is not None and self._latest[0] is fragment:
            known = self._latest
        if known is None:
            known = (fragment, through(fragment, _START, {}, _Inside(self, fragment)))
            self._latest = known
            if fragment.kept:
                self._memo[id(fragment)] = known
        a, b = entered, known[1]
        return (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3], a[4] + b[4], a[5] + b[5])


class _Inside:
    """The same fold from the start of one piece, which is entered."""

    def __init__(self, features: PathFeatures, piece: Fragment) -> None:
        self._features = features
        self._piece = piece
        self.behind = features.behind
        self.joined = features.joined

    def shared(self, fragment: Fragment, entered: State) -> State | None:
        return None if fragment is self._piece else self._features.shared(fragment, entered)
