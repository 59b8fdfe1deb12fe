"""The network or space that stands on a line which a shell completes: its holes, their values, its parts and layers.

None of this imports torch or runs anybody's code, and of what cannot be read there is nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from archlab.elaborate import Hole, Space, Value

_NAMED_BY = ("net", "space", "model")
_MOST_VALUES = 40


def named_on(context: click.Context) -> str | None:
    """Return the network that stands on the line, also where click could not read the line to its end."""
    named = next((context.params[name] for name in _NAMED_BY if context.params.get(name)), None)
    return named or next(iter(context.args), None)


def _space(name: str | None) -> Space | None:
    from archlab.cli.named_text import is_text
    from archlab.elaborate import load
    from archlab.errors import ArchlabError
    from archlab.grammar import parse_file
    from archlab.resources import find_architecture

    if name is None or not is_text(name):
        return None
    try:
        return load(parse_file(find_architecture(name)))
    except (ArchlabError, OSError):
        return None


def holes_of(name: str | None, given: Iterable[str]) -> list[Hole]:
    """Return the holes that a draw with the values in ``given`` fills."""
    from archlab.elaborate import Interpreter, parse_values
    from archlab.errors import ArchlabError

    space = _space(name)
    if space is None:
        return []
    try:
        noted = _Noted(parse_values(given))
    except ArchlabError:
        noted = _Noted({})
    with contextlib.suppress(ArchlabError):  # what it met until then counts
        Interpreter(space).network(noted)
    return list(noted.holes.values())


class _Noted:
    """A draw that takes given values where they fit, and defaults elsewhere, and keeps the holes that it filled."""

    fills_unsearched = True

    def __init__(self, values: dict[str, Value]) -> None:
        self.values, self.holes = values, dict[str, "Hole"]()

    def __call__(self, hole: Hole) -> Value:
        self.holes[hole.name] = hole
        value = self.values.get(hole.name, hole.default)
        return value if hole.contains(value) else hole.default


def values_of(hole: Hole) -> Sequence[Value]:
    """Return the values that a hole takes; none where they are too many to choose from."""
    if hole.labels:
        return hole.labels
    is_few = hole.step and hole.steps() < _MOST_VALUES
    return [hole.value_at(i) for i in range(hole.steps() + 1)] if is_few else ()


def parts_of(name: str | None) -> Sequence[str]:
    """Return the parts that a budget can be of."""
    from archlab.cost import part_names
    from archlab.elaborate import network_of
    from archlab.errors import ArchlabError

    space = _space(name)
    try:
        return () if space is None else part_names(network_of(space))
    except ArchlabError:
        return ()


def stages_of(name: str | None) -> Sequence[str]:
    """Return the stages of a network's text."""
    space = _space(name)
    return () if space is None else [stage.name for stage in space.architecture.stages]


def layers_of(name: str | None, rule: str) -> Sequence[str]:
    """Return the layers that a rule of ``archlab rewrite`` applies to, by their paths; ``rule`` may have an option."""
    from archlab.errors import ArchlabError
    from archlab.exchange.rewrite import find_sites
    from archlab.exchange.rewrite_rules import parse_rule

    space = _space(name)
    try:
        sites = () if space is None else find_sites(space.architecture, *parse_rule(rule))
    except ArchlabError:
        return ()
    return list(dict.fromkeys(site.path for site in sites))
