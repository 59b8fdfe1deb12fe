"""One network of a space: its totals at once, its graph when it is asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from archlab.detector import OUTPUTS, OWN_STAGES, DetectorSpec
from archlab.elaborate.draw import Value
from archlab.elaborate.emit import digest_of_stages, nodes_of
from archlab.elaborate.fragment import Fragment, chain
from archlab.ir import Graph, Shape, show_shape
from archlab.shown import Tabled, short
from archlab.units import format_count


@dataclass(frozen=True, eq=False, repr=False)
class Network(Tabled):
    """A space with every hole filled.

    It prints as a table; ``frame`` and ``to_csv`` write it by ``stage``, ``block``, ``part`` or ``op``, and ``to_html``
    as a page.

    Attributes:
        name: the network's name.
        input_shape: channels, height and width of one image.
        stages: the stages by name, in order; of a detector those of its backbone, then ``neck`` and ``box_head``.
        body: the whole as one fragment, which holds the totals.
        depths: the depth multiplier of each stage, the network's included.
        draws: the value of every hole that was met, by name, in the order in which they were met.
        detector: the neck and box head on the backbone, with the levels found, where the text has a stage ``detect``.
    """

    name: str
    input_shape: Shape
    stages: tuple[tuple[str, Fragment], ...]
    body: Fragment
    depths: Mapping[str, float]
    draws: Mapping[str, Value]
    detector: DetectorSpec | None = None

    view = "archlab.report.show_network"

    def __repr__(self) -> str:
        counts = f"{format_count(self.body.params)} params", f"{format_count(self.body.macs)} MACs"
        return short(self, self.name, show_shape(self.input_shape), *counts)

    @cached_property
    def graph(self) -> Graph:
        """The operators as a graph."""
        outputs = () if self.detector is None else OUTPUTS
        return Graph(self.name, self.input_shape, tuple(nodes_of(self.stages)), outputs)

    @property
    def without_detector(self) -> Network:
        """A detector's backbone as a network of its own; any other network itself."""
        # Itself is not kept: a network that holds itself would live on until garbage is collected.
        return self if self.detector is None else self._backbone

    @cached_property
    def _backbone(self) -> Network:
        stages = tuple(stage for stage in self.stages if stage[0] not in OWN_STAGES)
        if any(fragment.values is not None for _, fragment in stages):  # they read each other's outputs: no chain
            peak = max(fragment.peak for _, fragment in stages)
            body = Fragment(stages[-1][1].shape, stages, None, (0,), peak, 0, views=False)
        else:
            body = chain(stages, self.input_shape)
        return dataclasses.replace(self, stages=stages, body=body, detector=None)

    @cached_property
    def digest(self) -> str:
        """The graph's digest: the same for any text of this network."""
        # Without the graph, which a search makes of few of the networks that it tells apart.
        return self.graph.digest if self.detector is not None else digest_of_stages(self.stages, self.input_shape)
