"""A network as a row of operators: what each costs, and how much memory is alive while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from archlab.elaborate import Network
from archlab.elaborate.fragment import Fragment
from archlab.ir import numel


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: its name, output channels, the size of its map, its costs, and elements alive while it runs."""

    op: str
    channels: int
    size: tuple[int, ...]
    params: int
    macs: int
    live: int


def operators_of(network: Network) -> list[Operator]:
    """Return a network's operators in running order; ``live`` follows ``archlab.elaborate.fragment``.

    It does so for series-parallel networks: where values are named, or in a detector, the largest may be less than the
    network's peak.
    """
    found: list[Operator] = []
    body = network.body
    _chain(found, body, numel(network.input_shape), 0, False)
    return found


def _operators(found: list[Operator], fragment: Fragment, held: int, outer: int, keep: bool) -> None:
    """Append the operators of a piece.

    Args:
        found: where to append.
        fragment: the piece.
        held: elements of the memory that its input is in.
        outer: elements alive beside it all the while.
        keep: whether its input is alive until its end.
    """
    if fragment.op is None:
        _chain(found, fragment, held, outer, keep)
    elif fragment.parts:
        _join(found, fragment, held, outer, keep)
    else:
        _append(found, fragment, outer + held + (0 if fragment.views else numel(fragment.shape)))


def _chain(found: list[Operator], fragment: Fragment, held: int, outer: int, keep: bool) -> None:
    views = True
    shape: tuple[int, ...] = ()
    for _, part in fragment.parts:
        if views:
            _operators(found, part, held, outer, keep)
        else:
            _operators(found, part, numel(shape), outer + (held if keep else 0), False)
        views = views and part.views
        shape = part.shape


def _join(found: list[Operator], fragment: Fragment, held: int, outer: int, keep: bool) -> None:
    keeps_input = any(branch.views for _, branch in fragment.parts)
    kept = 0
    for i, (_, branch) in enumerate(fragment.parts):
        stays = keeps_input or i < len(fragment.parts) - 1
        _operators(found, branch, held, outer + kept, keep or stays)
        kept += 0 if branch.views else numel(branch.shape)
    _append(found, fragment, outer + kept + numel(fragment.shape) + (held if keep or keeps_input else 0))


def _append(found: list[Operator], fragment: Fragment, live: int) -> None:
    op = fragment.op
    assert op is not None
    found.append(Operator(op.op, fragment.shape[0], tuple(fragment.shape[1:]), op.params, op.macs, live))
