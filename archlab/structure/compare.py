"""Two structures side by side: sections aligned by what is in them, runs of blocks within, and what changed in each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from archlab.ir import Graph, show_shape
from archlab.shown import Tabled, short
from archlab.structure.align import align
from archlab.structure.changes import Change, changes_between, facts_of
from archlab.structure.comparable import comparable
from archlab.structure.find import find_structure
from archlab.structure.found import COSTS, Section, Structure
from archlab.structure.runs import Run, runs_of

GAP, OTHER_KIND, ONE_FACT, MOST_FACTS, OTHER_STRIDE = 2.0, 3.0, 0.25, 1.75, 1.0
"""What it costs to add or leave out a run of blocks; to change its kind, a fact of it, all of them; and to pair stages
that lie at other strides. So a run is rather changed than left out and another added, and keeps its kind if it can."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A run of blocks in both networks, or in one of them, and what changed."""

    a: Run | None
    b: Run | None
    changes: tuple[Change, ...]

    @property
    def state(self) -> str:
        """Return ``same``, ``changed``, ``added`` or ``removed``."""
        if self.a is None:
            return "added"
        if self.b is None:
            return "removed"
        return "changed" if self.changes else "same"

    def costs(self, cost: str) -> tuple[int, int]:
        """Return a cost in both; 0 where there is no such run."""
        before, after = (0 if run is None else int(getattr(run, cost)) for run in (self.a, self.b))
        return before, after


@dataclass(frozen=True, slots=True)
class SectionPair:
    """A section of both networks, or of one of them, with its runs of blocks side by side."""

    a: Section | None
    b: Section | None
    pairs: tuple[Pair, ...]

    @property
    def name(self) -> str:
        """The names of both where they differ."""
        names = dict.fromkeys(section.name for section in (self.a, self.b) if section is not None)
        return " → ".join(names)

    @property
    def is_same(self) -> bool:
        """Whether nothing in it changed."""
        return all(pair.state == "same" for pair in self.pairs)


@dataclass(frozen=True, repr=False)
class Diff(Tabled):
    """What differs between two networks; ``archlab.diff`` finds it.

    It prints as ``archlab diff`` does; ``frame`` and ``to_csv`` write it by ``block`` or ``total``, ``to_html`` as
    a page.

    Attributes:
        a, b: the structures of both.
        sections: their sections side by side, in the order of the networks.
    """

    a: Structure
    b: Structure
    sections: tuple[SectionPair, ...]

    view = "archlab.report.show_diff"

    def __repr__(self) -> str:
        changed = sum(pair.state != "same" for pair in self.pairs)
        return short(self, f"{self.a.name} → {self.b.name}", "equal" if self.equal else f"{changed} blocks differ")

    @cached_property
    def equal(self) -> bool:
        """Whether both compute the same, whatever their operators are called."""
        return self.a.graph.digest == self.b.graph.digest

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The runs of blocks of all sections."""
        return tuple(pair for section in self.sections for pair in section.pairs)

    def totals(self) -> dict[str, tuple[int, int]]:
        """Return ``params``, ``macs`` and ``memory`` of both."""
        return {cost: (self.a.total(cost), self.b.total(cost)) for cost in COSTS}

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as plain data, in the schema of ``archlab diff --json``."""
        return {
            "equal": self.equal,
            "a": _side(self.a),
            "b": _side(self.b),
            "totals": {cost: list(values) for cost, values in self.totals().items()},
            "sections": [
                {
                    "a": None if section.a is None else section.a.name,
                    "b": None if section.b is None else section.b.name,
                    "same": section.is_same,
                    "blocks": [_pair(pair) for pair in section.pairs],
                }
                for section in self.sections
            ],
        }


def _side(structure: Structure) -> dict[str, Any]:
    return {"name": structure.name, "input": list(structure.graph.input_shape), "counts": structure.counts()}


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "state": pair.state,
        "a": None if pair.a is None else pair.a.label,
        "b": None if pair.b is None else pair.b.label,
        "changes": [{"what": c.what, "before": c.before, "after": c.after} for c in pair.changes],
        **{cost: list(pair.costs(cost)) for cost in COSTS},
    }


def compare(a: Graph, b: Graph) -> Diff:
    """Return what differs between two graphs."""
    found = find_structure(comparable(a)), find_structure(comparable(b))

    def cost(one: Section, other: Section) -> float:
        if _role(one) != _role(other):
            return math.inf
        strides = [_stride(section, structure) for section, structure in zip((one, other), found, strict=True)]
        return _aligned_runs(one, other)[0] + OTHER_STRIDE * (strides[0] != strides[1])

    a, b = (structure.graph for structure in found)
    graphs = None if a.digest == b.digest else (a, b)
    _, sections = align(found[0].sections, found[1].sections, cost, lambda s: GAP * len(runs_of(s.blocks)))
    return Diff(*found, tuple(_section_pair(one, other, graphs) for one, other in sections))


def _role(section: Section) -> str:
    return section.name.split(" ")[0]


def _stride(section: Section, structure: Structure) -> float:
    """Return how many times smaller than the image a section's maps are, rounded; 0 for features."""
    size = section.shape[1:]
    return 2 ** round(math.log2(structure.graph.input_shape[1] / size[0])) if size else 0


def _aligned_runs(one: Section, other: Section) -> tuple[float, list[tuple[Run | None, Run | None]]]:
    return align(runs_of(one.blocks), runs_of(other.blocks), _distance, lambda _: GAP)


def _distance(one: Run, other: Run) -> float:
    before, after = facts_of(one), facts_of(other)
    facts = sum(before[what] != after[what] for what in before)
    if one.first.title != other.first.title:
        return OTHER_KIND + facts / 100  # of two runs of other kinds, the one that is more alike
    return min(ONE_FACT * facts, MOST_FACTS)


Graphs = tuple[Graph, Graph] | None
"""Two graphs; None where both compute the same, so that branches in another order are no change."""


def _section_pair(one: Section | None, other: Section | None, graphs: Graphs) -> SectionPair:
    return SectionPair(one, other, tuple(_pairs(one, other, graphs)))


def _pairs(one: Section | None, other: Section | None, graphs: Graphs) -> Iterator[Pair]:
    if one is None or other is None:
        yield from (Pair(run, None, ()) for run in ([] if one is None else runs_of(one.blocks)))
        yield from (Pair(None, run, ()) for run in ([] if other is None else runs_of(other.blocks)))
        return
    for a, b in _aligned_runs(one, other)[1]:
        yield Pair(a, b, () if a is None or b is None or graphs is None else changes_between(a, b, graphs))


def inputs_in_words(diff: Diff) -> str:
    """Return the size of the input, and where the two differ, both."""
    sizes = dict.fromkeys(show_shape(found.graph.input_shape) for found in (diff.a, diff.b))
    return " → ".join(sizes)
