"""Which channels of the original a cut network has kept, found from the networks themselves: somebody else has cut it.

A filter that was kept is a row of the original's weight at the inputs that were kept, so the first layer's are found
from the image's channels and each later layer's from those before it. Weights that were trained since then are matched
by the nearest rows; where no row is near, by how the channels' values go together on images; where these do not either,
the channels are taken as new, and are filled with the most important ones.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from archlab.carry.channels import channels_of, is_depthwise
from archlab.carry.copies import Kept, copies_in, kept_copies
from archlab.carry.correspondence import (
    ABSENT,
    Correspondence,
    follow_filters,
    nodes_of,
    of_choice,
    places_of,
    with_filters,
)
from archlab.carry.fit import LEAST
from archlab.carry.forward import Forward, layer_of
from archlab.carry.patches import at_places, sample_places
from archlab.carry.segments import choose, segments_of
from archlab.carry.slices import cropped
from archlab.carry.statistics import Statistics
from archlab.carry.units import LAYERS
from archlab.ir import Graph, Node

How = Literal["weights", "near weights", "values", "importance"]
EXACT, NEAR = 1e-8, 0.5
"""Shares of a filter's square that may be left of the difference to its row, for both to be the same, or near."""
TOGETHER = 0.5
"""The mean correlation from which on two channels' values go together."""
ROWS, IMAGES = 2_000, 128
MOST_TRIED = 64
"""Ways in which copies of a repeat may have been dropped that are tried; of more, the most important copies stay."""


@dataclass(frozen=True, slots=True)
class Match:
    """What a cut network has kept.

    Attributes:
        corr: which operator and channel of the original each of the cut network's is.
        how: by what it was found, for each layer of the cut network whose channels were in question.
        misfit: the share of the weights' square that is left of the difference, over all layers.
    """

    corr: Correspondence
    how: Mapping[str, How]
    misfit: float


@torch.no_grad()
def match(
    base: nn.Module, source: Graph, cut: nn.Module, target: Graph, known: Statistics, images: Tensor, seed: int = 0
) -> Match:
    """Find what of ``base``, the original, the network ``cut`` has kept.

    Args:
        known: what ``collect`` says of the original.
        images: (N, C, H, W), as the networks take them.

    Raises:
        InputError: the cut network has an operator that the original has not.
    """
    best: Match | None = None
    values: dict[str, Tensor] = {}
    for kept in _ways(source, target, known):
        search = _Search(base, source, cut, target, known, images[:IMAGES], seed, kept, values)
        found = search.match()
        if best is None or found.misfit < best.misfit:
            best = found
    assert best is not None
    return best


def _ways(source: Graph, target: Graph, known: Statistics) -> Iterator[Kept]:
    """Yield the ways in which copies of repeats may have been dropped: the most important stay, or any others."""
    by_importance = kept_copies(source, target, known.copies)
    yield by_importance
    had = copies_in(source.names)
    for prefix, copies in by_importance.items():
        others = itertools.combinations(range(1, had[prefix]), len(copies) - 1)
        for rest in itertools.islice(others, MOST_TRIED):
            if (0, *rest) != copies:
                yield {**by_importance, prefix: (0, *rest)}


class _Search:
    def __init__(
        self,
        base: nn.Module,
        source: Graph,
        cut: nn.Module,
        target: Graph,
        known: Statistics,
        images: Tensor,
        seed: int,
        kept: Kept,
        values: dict[str, Tensor],
    ) -> None:
        self.base, self.source, self.cut, self.target = base, source, cut, target
        self.images, self.seed, self.values = images, seed, values
        self.nodes = nodes_of(source, target, kept)
        self.ours, self.theirs = channels_of(target), channels_of(source)
        self.segments = segments_of(source, target, self.nodes)
        self.default = choose(*self.segments, with_filters(known.importance, source, self.theirs))
        self.chosen: dict[int, int] = {}
        self.left, self.size = 0.0, 0.0

    def match(self) -> Match:
        """Match segment by segment, each at the first layer that makes it."""
        ours, theirs = self.segments
        place = {c: places for places, classes in ours.items() for c in classes}
        for places, classes in ours.items():
            if len(classes) == len(theirs.get(places, ())):
                self.chosen |= zip(classes, theirs[places], strict=True)
        how: dict[str, How] = {}
        for node in self.target:
            there = self.source[self.nodes[node.name]]
            if is_depthwise(node) and is_depthwise(there):
                self.chosen |= follow_filters(node, there, self.default | self.chosen, self.ours, self.theirs)
            if node.op not in LAYERS or is_depthwise(node):
                continue
            made = self.ours.of[node.name]
            rows: dict[frozenset[tuple[str, int]], list[int]] = defaultdict(list)
            for i, c in enumerate(made):
                if c not in self.chosen:
                    rows[place[c]].append(i)
            if not rows:
                self._weigh(node, there)
            for places, own in rows.items():
                how[node.name] = self._assign(node, own, set(theirs.get(places, ())))
        corr = of_choice(self.source, self.target, self.nodes, self.default | self.chosen)
        return Match(corr, how, self.left / max(self.size, LEAST))

    def _weigh(self, node: Node, there: Node) -> None:
        """Note how far a layer is from the original's, where nothing is to be chosen."""
        at = places_of([self.chosen[c] for c in self.ours.of[node.name]], self.theirs.of[there.name])
        own = [i for i, place in enumerate(at) if place != ABSENT]
        apart, square = self._distances(node, there, own, [at[i] for i in own])
        self.left, self.size = self.left + min(float(apart.diagonal().sum()), square), self.size + square

    def _assign(self, node: Node, own: Sequence[int], allowed: set[int]) -> How:
        """Choose the original's channel for each of the channels ``own`` that a layer makes."""
        there = self.source[self.nodes[node.name]]
        columns = [i for i, c in enumerate(self.theirs.of[there.name]) if c in allowed]
        made, given = self.ours.of[node.name], self.theirs.of[there.name]
        if len(columns) < len(own):
            self.chosen |= {made[i]: self.default.get(made[i], ABSENT) for i in own}
            return "importance"
        apart, square = self._distances(node, there, own, columns)
        pairs = _pairs(apart)
        left = sum(float(apart[a, b]) for a, b in pairs)
        self.left, self.size = self.left + min(left, square), self.size + square
        how: How = "weights" if left <= EXACT * square else "near weights"
        if left > NEAR * square:
            together = self._together(node, there, own, columns)
            pairs = _pairs(-together)
            how = "values" if float(np.mean([together[a, b] for a, b in pairs])) >= TOGETHER else "importance"
        if how == "importance":
            self.chosen |= {made[i]: self.default.get(made[i], ABSENT) for i in own}
        else:
            self.chosen |= {made[own[a]]: given[columns[b]] for a, b in pairs}
        return how

    def _distances(self, node: Node, there: Node, own: Sequence[int], columns: Sequence[int]) -> tuple[Tensor, float]:
        """Return the squared distance of each filter from each row of the original, and the filters' squares' sum."""
        weight = layer_of(self.cut, node).get_parameter("weight").double()[list(own)]
        full = layer_of(self.base, there).get_parameter("weight").double()
        full = cropped(full, weight.shape[2:]).flatten(2) if weight.dim() > 2 else full[:, :, None]
        weight = weight.flatten(2) if weight.dim() > 2 else weight[:, :, None]
        reads = torch.tensor(
            places_of(
                [(self.default | self.chosen).get(c, ABSENT) for c in self.ours.of[node.inputs[0]]],
                self.theirs.of[there.inputs[0]],
            )
        )
        apart = torch.full((len(own), len(columns)), float("inf"), dtype=torch.float64)
        groups, groups_there = (int(n.attrs.get("groups", 1)) for n in (node, there))
        each, each_there = node.shape[0] // groups, there.shape[0] // groups_there
        for g in range(groups):
            mine = [a for a, i in enumerate(own) if i // each == g]
            at = reads.view(groups, -1)[g]
            for h in range(groups_there):
                theirs = [b for b, i in enumerate(columns) if i // each_there == h]
                local = at - h * full.shape[1]
                inside = (at != ABSENT) & (local >= 0) & (local < full.shape[1])
                if not mine or not theirs or not bool(inside.any()):
                    continue
                rows = full[[columns[b] for b in theirs]][:, local.clamp(0, full.shape[1] - 1)]
                rows = (rows * inside[None, :, None]).flatten(1)
                apart[torch.tensor(mine)[:, None], torch.tensor(theirs)] = torch.cdist(
                    weight[mine].flatten(1), rows, compute_mode="donot_use_mm_for_euclid_dist"
                ).square()
        worst = float(weight.square().sum()) + float(full.square().sum())
        return apart.clamp(max=worst), float(weight.square().sum())

    def _together(self, node: Node, there: Node, own: Sequence[int], columns: Sequence[int]) -> Tensor:
        """Return the correlation of each channel's values with each of the original's, on the images."""
        ours = self._values(self.cut, self.target, node)[:, list(own)]
        theirs = self._values(self.base, self.source, there)[:, columns]
        return _unit(ours).T @ _unit(theirs)

    def _values(self, module: nn.Module, graph: Graph, node: Node) -> Tensor:
        key = f"{'cut' if graph is self.target else 'original'} {node.name}"
        if key not in self.values:
            value = Forward(module, graph, self.images, keep=[node.name]).run_to(node.name)
            places = sample_places(len(self.images), node.shape, ROWS, self.seed) if len(node.shape) == 3 else None
            self.values[key] = at_places(value, places).double()
        return self.values[key]


def _pairs(cost: Tensor) -> list[tuple[int, int]]:
    """Return the pairs of rows and columns that cost the least together (Kuhn 1955)."""
    rows, columns = linear_sum_assignment(cost.numpy())
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _unit(rows: Tensor) -> Tensor:
    about = rows - rows.mean(0)
    unit: Tensor = about / about.norm(dim=0).clamp(min=LEAST)
    return unit
