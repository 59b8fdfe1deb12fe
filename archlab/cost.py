"""What a network costs, in closed form: in total, by stage, by block and by operator; and budgets on it.

Counts are for one image. MACs are multiply-accumulates of convolutions and linear layers; ``other`` is the arithmetic
of norms and pooling as fvcore counts it, so ``macs + other`` is fvcore's total. ``activations`` are the elements that
convolutions and linear layers put out (Radosavovic et al. 2020, arXiv:2003.13678). ``memory`` is the peak of live
activations in bytes at batch 1 in fp32, by lifetime over the running order and without in-place operators; the
parameters come on top.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace

from archlab.detector import OWN_STAGES
from archlab.elaborate import Network, Source, Space, graph_of, network_of
from archlab.elaborate.fragment import Fragment
from archlab.ir import Graph, Shape
from archlab.units import (
    format_bytes,
    format_count,
    format_quantity,
    format_seconds,
    parse_bytes,
    parse_count,
    parse_number,
    parse_seconds,
    scales_of,
)

BYTES_PER_ELEMENT = 4


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a network or a part of it; see the module for what each number means."""

    params: int
    macs: int
    other: int
    activations: int
    memory: int

    def as_dict(self) -> dict[str, int]:
        """Return the numbers by name, for JSON and tables."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class Part:
    """A stage or block with its output's shape and its cost."""

    name: str
    shape: Shape
    nodes: int
    cost: Cost


def cost(network: Network | Source | Space) -> Cost:
    """Return the cost of a whole network, or of the default draw of what is named; no graph is built for it.

    >>> cost("resnet50").macs
    4089184256

    Raises:
        InputError: the argument is no network, and names none.
    """
    return _cost_of(network_of(network).body)


def by_stage(network: Network | Source | Space) -> tuple[Part, ...]:
    """Return the cost of every stage, in order; memory is the peak while that stage runs."""
    return tuple(_part(name, fragment) for name, fragment in network_of(network).stages)


def by_block(network: Network | Source | Space) -> tuple[Part, ...]:
    """Return the cost of every block, in order: the direct parts of each stage."""
    return tuple(
        _part(f"{stage}.{name}" if name else stage, part)
        for stage, fragment in network_of(network).stages
        for name, part in (fragment.parts if fragment.op is None and fragment.parts else [("", fragment)])
    )


def by_part(network: Network | Source | Space) -> tuple[Part, ...]:
    """Return the cost of a detector's backbone, neck and box head; that of any other network as one part.

    Memory is the peak while that part runs.
    """
    network = network_of(network)
    if network.detector is None:
        return (_part("network", network.body),)
    stages = [fragment for name, fragment in network.stages if name not in OWN_STAGES]
    backbone = Part("backbone", stages[-1].shape, sum(stage.nodes for stage in stages), _backbone(network))
    return (backbone, *(_part(name, fragment) for name, fragment in network.stages if name in OWN_STAGES))


def cost_of_part(network: Network, part: str) -> Cost:
    """Return the cost of a stage, or of a detector's ``backbone``, by the names that ``part_names`` has."""
    if part == "backbone" and network.detector is not None:
        return _backbone(network)
    return _cost_of(dict(network.stages)[part])


def part_names(network: Network) -> tuple[str, ...]:
    """Return the parts whose cost a budget can limit: a detector's backbone, and the stages."""
    backbone = () if network.detector is None else ("backbone",)
    return (*backbone, *(name for name, _ in network.stages if name not in backbone))


def _backbone(network: Network) -> Cost:
    costs = [_cost_of(fragment) for name, fragment in network.stages if name not in OWN_STAGES]
    totals = {field.name: sum(getattr(one, field.name) for one in costs) for field in fields(Cost)}
    return Cost(**totals | {"memory": max(one.memory for one in costs)})


def by_op(graph: Graph | Network | Source | Space) -> dict[str, dict[str, int]]:
    """Return totals by operator: how many ``nodes``, and their ``params``, ``macs``, ``other`` and ``activations``."""
    totals: dict[str, dict[str, int]] = {}
    for node in graph_of(graph):
        row = totals.setdefault(node.op, dict.fromkeys(("nodes", "params", "macs", "other", "activations"), 0))
        row["nodes"] += 1
        for name in ("params", "macs", "other", "activations"):
            row[name] += getattr(node, name)
    return totals


def _cost_of(fragment: Fragment) -> Cost:
    return Cost(
        fragment.params,
        fragment.macs,
        fragment.other,
        fragment.activations,
        fragment.peak * BYTES_PER_ELEMENT,
    )


def _part(name: str, fragment: Fragment) -> Part:
    return Part(name, fragment.shape, fragment.nodes, _cost_of(fragment))


@dataclass(frozen=True, slots=True)
class Metric:
    """A cost that a budget can limit: how it is called, read, written and come by.

    Attributes:
        name: its name in budgets, results and tables of data.
        unit: what a limit on it is a limit on, in words.
        label: what the head of a column calls it.
        example: a limit, as a user writes it.
        scales: units that a report shows it in, the largest first, and how much one of each is.
        measured: whether it is measured on a built network; the others are closed forms.
        counted_always: whether it is a field of ``Cost``; others are counted where they are asked for.
    """

    name: str
    unit: str
    label: str
    example: str
    parse: Callable[[str], float]
    format: Callable[[float], str]
    scales: tuple[tuple[str, float], ...]
    measured: bool = False
    counted_always: bool = True


_DECIMAL = (("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1.0))
_BINARY = (("GiB", 2.0**30), ("MiB", 2.0**20), ("KiB", 2.0**10), ("B", 1.0))
_SECONDS = (("s", 1.0), ("ms", 1e-3))


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("macs", "MACs", "MACs", "300M", parse_count, format_count, _DECIMAL),
        Metric("params", "params", "Params", "3.4M", parse_count, format_count, _DECIMAL),
        Metric("activations", "activations", "Activations", "5M", parse_count, format_count, _DECIMAL),
        Metric("memory", "peak activation memory", "Peak memory", "8MiB", parse_bytes, format_bytes, _BINARY),
        Metric("depth", "layers deep", "Depth", "50", parse_count, format_count, (("", 1.0),), counted_always=False),
        Metric(
            "latency",
            "latency on this machine",
            "Latency",
            "25ms",
            parse_seconds,
            format_seconds,
            _SECONDS,
            measured=True,
            counted_always=False,
        ),
    )
}
"""Every metric: a row is all that reading, writing and showing it needs. Latency is in seconds, memory in bytes."""

COUNTED = tuple(name for name, metric in METRICS.items() if not metric.measured and metric.counted_always)
"""The fields of ``Cost`` that a budget can limit; of a part of a network too."""


def metric_of(name: str, unit: str = "") -> Metric:
    """Return the metric of a limit: a row of ``METRICS``, one of a part (``stage3.macs``), or a user's own.

    Args:
        unit: of a user's own, such as ``J``.

    >>> metric_of("stage3.macs").label, metric_of("chip.py:energy", "J").format(0.0035)
    ('MACs of stage3', '3.5 mJ')
    """
    if name in METRICS:
        return METRICS[name]
    part, _, tail = name.rpartition(".")
    if part and tail in COUNTED and ":" not in name:
        row = METRICS[tail]
        return replace(row, name=name, unit=f"{row.unit} of {part}", label=f"{row.label} of {part}")
    word = name.rpartition(":")[2]
    show = functools.partial(format_quantity, unit=unit)
    return Metric(name, word, word, f"3.5{unit}", parse_number, show, scales_of(unit), counted_always=False)


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits on costs: upper ones by metric, and lower ones.

    Attributes:
        limits: the most that is allowed of each metric; metrics are named as ``metric_of`` reads them.
        floors: the least.
        units: of a user's own metrics, where they have one.
    """

    limits: tuple[tuple[str, float], ...] = ()
    floors: tuple[tuple[str, float], ...] = ()
    units: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        words = [f"{name} ≤ {self.metric(name).format(limit)}" for name, limit in self.limits]
        words += [f"{name} ≥ {self.metric(name).format(limit)}" for name, limit in self.floors]
        return ", ".join(words) or "none"

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics that it limits, each once."""
        return tuple(dict.fromkeys(name for name, _ in (*self.limits, *self.floors)))

    @property
    def closed_form(self) -> Budget:
        """The limits that need no measurement."""
        return self._where(lambda metric: not metric.measured)

    @property
    def measured(self) -> Budget:
        """The limits that need one."""
        return self._where(lambda metric: metric.measured)

    def metric(self, name: str) -> Metric:
        """Return one of its metrics."""
        return metric_of(name, dict(self.units).get(name, ""))

    def _where(self, holds: Callable[[Metric], bool]) -> Budget:
        upper = tuple(item for item in self.limits if holds(self.metric(item[0])))
        return Budget(upper, tuple(item for item in self.floors if holds(self.metric(item[0]))), self.units)

    def excess(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return for each limit how far the value is beyond it, relative to it; at most 0 where it is met.

        >>> Budget((("macs", 200.0),), (("macs", 100.0),)).excess({"macs": 300})
        {'macs': 0.5, 'macs>=': -2.0}
        """
        above = {name: values[name] / limit - 1 for name, limit in self.limits if name in values}
        return above | {f"{name}>=": 1 - values[name] / floor for name, floor in self.floors if name in values}

    def allows(self, values: Mapping[str, float]) -> bool:
        """Return whether every limit on one of ``values`` is met."""
        return all(values[name] <= limit for name, limit in self.limits if name in values) and all(
            values[name] >= floor for name, floor in self.floors if name in values
        )
