"""The stages that a user asks for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archlab.errors import InputError
from archlab.search.objective import Goal
from archlab.search.plan import Later
from archlab.search.stages.keep import parse_keep
from archlab.search.stages.names import KEEP


def later_stages(goals: Sequence[Goal], keep: Iterable[str | int]) -> tuple[Later, ...]:
    """A stage for each of ``goals``, with the shares of ``keep`` in order, and ``KEEP`` for those it does not reach.

    Raises:
        InputError: there are more shares than stages, or one cannot be read.
    """
    shares = [parse_keep(str(item)) for item in keep]
    if len(shares) > len(goals):
        raise InputError(
            f"{len(shares)} --keep for {len(goals)} --then", hint="each --keep belongs to a --then, in the same order"
        )
    shares += [parse_keep(KEEP)] * (len(goals) - len(shares))
    return tuple(Later(goal, share) for goal, share in zip(goals, shares, strict=True))
