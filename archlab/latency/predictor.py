"""Latency in closed form: the kernels that a backend runs for a network, each as a profile has it, summed."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from archlab.elaborate import Network
from archlab.elaborate.emit import nodes_of
from archlab.elaborate.fragment import Fragment
from archlab.ir import INPUT, Graph
from archlab.latency.backend import Setting, piece_of
from archlab.latency.kernels import Kernel, Value, walk
from archlab.latency.laws import LEAST, Law, Neighbours, by_law
from archlab.latency.profile import Point, Profile
from archlab.measured import Predicted

_MEMO_SIZE = 50_000
_VOTES = 1
"""Networks that the law and the neighbours count as, beside those in which a kernel was measured."""
_LEAST_SHARE = 0.25
"""Of the sum of its kernels, that a network takes at least, however small they are."""
_OTHER = 1e-6
"""Seconds of a kernel of a kind that was never measured: a call that does little."""


class KernelTimes:
    """Seconds of kernels: as measured, else by their kind's law and their measured neighbours.

    How a kernel's memory is had, and what else the machine does, differs from network to network. So what was measured
    in few networks counts beside what others of its kind say: with as many votes as it has networks, against one.
    """

    def __init__(self, points: tuple[Point, ...], laws: dict[str, Law]) -> None:
        self._laws = laws
        self._measured = {point.kernel: point for point in points}
        self._times: dict[Kernel, float] = {}
        by_kind: dict[str, list[Point]] = defaultdict(list)
        for point in points:
            by_kind[point.kernel.kind].append(point)
        self._points = by_kind
        self._near: dict[str, Neighbours] = {}

    def __call__(self, kernel: Kernel) -> float:
        """Return the seconds of a kernel."""
        known = self._times.get(kernel)
        if known is None:
            if len(self._times) > _MEMO_SIZE:
                self._times.clear()
            known = self._times[kernel] = self._seconds(kernel)
        return known

    def _seconds(self, kernel: Kernel) -> float:
        expected, point = self.expected(kernel), self._measured.get(kernel)
        if point is None:
            return expected
        votes, took = point.networks, max(point.quartile, LEAST)
        return math.exp((votes * math.log(took) + _VOTES * math.log(expected)) / (votes + _VOTES))

    def is_measured(self, kernel: Kernel) -> bool:
        """Return whether these very sizes were measured."""
        return kernel in self._measured

    def expected(self, kernel: Kernel) -> float:
        """Return the seconds of a kernel as they follow from others."""
        law = self._laws.get(kernel.kind)
        if law is None:
            return _OTHER
        near = self._near.get(kernel.kind)
        if near is None:
            points = self._points[kernel.kind]
            near = Neighbours(law, [p.kernel for p in points], [p.quartile for p in points])
            self._near[kernel.kind] = near
        return by_law(law, kernel) * near.factor(kernel)


def whole_of(seconds: float, kernels: int, scale: float, overhead: float) -> float:
    """Return what a network takes whose kernels take so many seconds together."""
    return max(scale * seconds + overhead * kernels, _LEAST_SHARE * scale * seconds)


class _Part(NamedTuple):
    """A part of a network on a given input: its seconds, how many kernels, and what leaves it."""

    seconds: float
    kernels: int
    output: Value


class Predictor:
    """Predicts networks by a profile; it remembers the parts that networks share.

    Attributes:
        path: the file that the profile was read from.
    """

    def __init__(self, profile: Profile, path: Path = Path()) -> None:
        self.profile = profile
        self.path = path
        self.times = KernelTimes(profile.points, profile.laws)
        self._setting: Setting = profile.setting
        self._rule = profile.setting.rule
        # The fragment is kept beside its part, so that its id stays its own.
        self._memo: dict[tuple[int, Value], tuple[Fragment, _Part]] = {}

    @property
    def setting(self) -> Setting:
        """What its times are of."""
        return self._setting

    @property
    def digest(self) -> str:
        """A hash of all that it predicts by."""
        return self.profile.digest

    @property
    def error(self) -> float:
        """The relative error that 90 % of predictions are within."""
        return self.profile.accuracy.error

    def __call__(self, network: Network) -> float:
        """Return the seconds of a network for one image."""
        if network.detector is not None or network.body.values is not None:
            return self._total(*self._whole(network.graph))
        if len(self._memo) > _MEMO_SIZE:
            self._memo.clear()
        value = Value(network.input_shape, self._setting.form)
        seconds, kernels = 0.0, 0
        for _, fragment in network.stages:
            part = self._part(fragment, value)
            value = part.output
            seconds, kernels = seconds + part.seconds, kernels + part.kernels
        return self._total(seconds, kernels)

    def predict(self, network: Network | Graph) -> Predicted:
        """Return the seconds of a network for one image, with the interval that 90 % of networks lie in."""
        graph = network if isinstance(network, Graph) else network.graph
        kernels = piece_of(graph, self._setting).kernels
        times = [self.times(kernel) for kernel in kernels]
        total = sum(times)
        measured = sum(t for t, kernel in zip(times, kernels, strict=True) if self.times.is_measured(kernel))
        seconds = self._total(total, len(kernels))
        low, high = seconds * max(0.0, 1 - self.error), seconds * (1 + self.error)
        return Predicted(seconds, low, high, measured / total if total else 1.0, self.profile.line)

    def by_node(self, graph: Graph) -> dict[str, float]:
        """Return the seconds of each node; a kernel of several nodes counts for the first, a reorder for the next."""
        piece = piece_of(graph, self._setting)
        seconds = {node.name: 0.0 for node in graph}
        times = [self.times(kernel) for kernel in piece.kernels]
        share = self._total(sum(times), len(times)) / sum(times) if times else 0.0
        waiting, last = 0.0, None
        for spent, names in zip(times, piece.nodes, strict=True):
            waiting += spent * share
            if names:
                last = names[0]
                seconds[last] += waiting
                waiting = 0.0
        if last is not None:
            seconds[last] += waiting
        return seconds

    def _total(self, seconds: float, kernels: int) -> float:
        return whole_of(seconds, kernels, self.profile.scale, self.profile.overhead)

    def _whole(self, graph: Graph) -> tuple[float, int]:
        kernels = piece_of(graph, self._setting).kernels
        return sum(map(self.times, kernels)), len(kernels)

    def _part(self, fragment: Fragment, value: Value) -> _Part:
        known = self._memo.get((id(fragment), value))
        if known is not None:
            return known[1]
        part = self._chain(fragment, value) if fragment.op is None else self._run(fragment, value)
        self._memo[id(fragment), value] = (fragment, part)
        return part

    def _chain(self, fragment: Fragment, value: Value) -> _Part:
        seconds, kernels = 0.0, 0
        for _, inner in fragment.parts:
            part = self._part(inner, value)
            value = part.output
            seconds, kernels = seconds + part.seconds, kernels + part.kernels
        return _Part(seconds, kernels, value)

    def _run(self, fragment: Fragment, value: Value) -> _Part:
        nodes = nodes_of([("part", fragment)])
        piece = walk(nodes, {INPUT: value}, [nodes[-1].name], self._rule)
        return _Part(sum(map(self.times, piece.kernels)), len(piece.kernels), piece.output)
