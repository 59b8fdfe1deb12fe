"""Graph features: a network in ten numbers, in closed form and without torch, for surrogates to learn from.

Logs of: the sum over convolutions and linear layers of c·h^p for p = 0, ½, 1, 2 (output channels c, output height h),
parameters, MACs, activations, depth, the sum of log c, and the entropy: the sum of log sigma, where sigma² is a layer's
fan-in (Sun et al. 2022, arXiv:2111.13336, of a Gaussian network).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from archlab.elaborate import Network
from archlab.elaborate.fragment import Fragment
from archlab.elaborate.lifetimes import SettledFragment
from archlab.ir import Applied

FEATURES = (
    "log_width",
    "log_width_h0.5",
    "log_width_h1",
    "log_width_h2",
    "log_params",
    "log_macs",
    "log_activations",
    "log_depth",
    "log_sum_log_width",
    "log_entropy",
)
_NOTHING = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
_MEMO_SIZE = 20_000
"""Fragments that are kept, of about 1 kB each: every network brings some that no other shares."""

Sums = tuple[float, float, float, float, float, float, float]
"""Additive over layers: c·h^p for each power, log c, log sigma, and 1."""


class GraphFeatures:
    """Computes features, keeping the sums of the pieces that networks share."""

    def __init__(self) -> None:
        # The fragment is kept beside its sums, so that its id stays its own.
        self._memo: dict[int, tuple[Fragment, Sums]] = {}

    def __call__(self, network: Network) -> tuple[float, ...]:
        """Return the features of ``network``, in the order of ``FEATURES``; all finite."""
        if len(self._memo) > _MEMO_SIZE:
            self._memo.clear()
        body = network.body
        *widths, log_width, entropy, depth = self._sums(body)
        numbers = (*widths, body.params, body.macs, body.activations, depth, log_width, entropy)
        return tuple(map(math.log1p, numbers))

    def _sums(self, fragment: Fragment) -> Sums:
        known = self._memo.get(id(fragment))
        if known is not None:
            return known[1]
        if isinstance(fragment, SettledFragment) and fragment.left is not None:  # what joins branches is no layer
            steps = fragment.left[0].steps
            pieces = [step.fragment for step in steps if step.runs and step.fragment.values is None]
            sums = self._total(_NOTHING, pieces)
        else:
            own = _layer(fragment.op) if fragment.op is not None else _NOTHING
            sums = self._total(own, [part for _, part in fragment.parts])
        if fragment.kept:
            self._memo[id(fragment)] = (fragment, sums)
        return sums

    def _total(self, own: Sums, pieces: Iterable[Fragment]) -> Sums:
        w0, w1, w2, w3, log_width, entropy, depth = own
        before, of_piece = None, _NOTHING
        for piece in pieces:
            if piece is not before:  # copies are one piece
                before, of_piece = piece, self._sums(piece)
            a0, a1, a2, a3, a4, a5, a6 = of_piece
            w0, w1, w2, w3 = w0 + a0, w1 + a1, w2 + a2, w3 + a3
            log_width, entropy, depth = log_width + a4, entropy + a5, depth + a6
        return (w0, w1, w2, w3, log_width, entropy, depth)


def _layer(op: Applied) -> Sums:
    """Return one operator's terms: of a weight (out, in / groups, k, k), or (out, in)."""
    if not op.activations or "weight" not in op.weights:  # of an opaque module no layer is known
        return _NOTHING
    c, h = op.shape[0], op.shape[1] if len(op.shape) == 3 else 1
    fan_in = math.prod(op.weights["weight"][1:])
    return (c, c * math.sqrt(h), c * h, c * h * h, math.log(c), 0.5 * math.log(fan_in), 1)
