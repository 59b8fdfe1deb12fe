"""The ways through a network from its input to its output, followed without making its graph.

What is known of a value, such as the depth at which it stands, follows from the operator that gives it and from what is
known of that operator's inputs: a fold over the graph. It is taken over fragments, which draws share.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol, TypeVar

from archlab.elaborate import Network
from archlab.elaborate.fragment import Fragment, gives_nothing
from archlab.elaborate.lifetimes import SettledFragment
from archlab.ir import Applied

S = TypeVar("S")


class Fold(Protocol[S]):
    """What is known of a value, operator by operator."""

    def behind(self, op: Applied, before: S) -> S:
        """Return what is known behind an operator, from what is known of its joined inputs."""

    def joined(self, states: Sequence[S]) -> S:
        """Return what is known of several inputs together; there is at least one."""

    def shared(self, fragment: Fragment, entered: S) -> S | None:
        """Return what is known behind a piece that reads no value named elsewhere; None where it is to be entered."""


def fold(network: Network, start: S, rules: Fold[S]) -> S:
    """Return what is known of the output of a network that is no detector, from what is known of its input."""
    state, named = start, dict[Hashable, S]()
    for name, fragment in network.stages:
        named[name] = state = through(fragment, state, named, rules)  # a later stage may read it by that name
    return state


def through(fragment: Fragment, entered: S, named: dict[Hashable, S], rules: Fold[S]) -> S:
    """Return what is known behind a piece, and note in ``named`` what is known of the values named in it."""
    values = fragment.values
    if values is None:
        known = rules.shared(fragment, entered)
        if known is not None:
            return known
        if isinstance(fragment, SettledFragment) and fragment.left is not None:
            replay, output = fragment.left
            return replay.follow(
                output,
                entered,
                lambda piece, before: through(piece, before, {}, rules),
                lambda op, states: rules.behind(op, rules.joined(states)),
            )
    elif values.taken is not None:
        return named[values.taken]
    if fragment.op is not None or (values is not None and values.fan):  # branches, or an operator without any
        ends = [(through(part, entered, named, rules), gives_nothing(part)) for _, part in fragment.parts]
        some = [end for end, nothing in ends if not nothing]
        left = rules.joined(some) if some else entered
        if fragment.op is not None:
            left = rules.behind(fragment.op, left)
    else:
        left = entered
        for _, part in fragment.parts:
            left = through(part, left, named, rules)
    if values is not None and values.given is not None:
        named[values.given] = left
    return left


def is_layer(op: Applied) -> bool:
    """Return whether an operator is a convolution or a linear layer."""
    return bool(op.activations) and "weight" in op.weights
