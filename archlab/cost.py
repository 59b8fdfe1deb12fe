"""What a network costs, in closed form: in total, by stage, by block and by operator; and budgets on it.

Counts are for one image. MACs are multiply-accumulates of convolutions and linear layers; ``other`` is the arithmetic
of norms and pooling as fvcore counts it, so ``macs + other`` is fvcore's total. ``activations`` are the elements that
convolutions and linear layers put out (Radosavovic et al. 2020, arXiv:2003.13678). ``memory`` is the peak of live
activations in bytes at batch 1 in fp32, by lifetime over the running order and without in-place operators; the
parameters come on top. ``latency`` is seconds for one image, where a machine's profile predicts it
(``archlab.latency``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from archlab.detector import OWN_STAGES
from archlab.elaborate import Network, Source, Space, graph_of, network_of
from archlab.elaborate.fragment import Fragment
from archlab.errors import InputError, did_you_mean
from archlab.ir import Graph, Shape
from archlab.units import format_bytes, format_count, format_seconds, parse_bytes, parse_count, parse_seconds

BYTES_PER_ELEMENT = 4


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a network or a part of it; see the module for what each number means."""

    params: int
    macs: int
    other: int
    activations: int
    memory: int
    latency: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers by name, for JSON and tables; without a latency where there is none."""
        return {name: getattr(self, name) for name in _COUNTS} | (
            {} if self.latency is None else {"latency": self.latency}
        )


_COUNTS = ("params", "macs", "other", "activations", "memory")
LatencyModel = Callable[[Network], float]
"""Predicts a network's seconds for one image: what ``archlab.read_profile`` returns is one."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stage or block with its output's shape and its cost."""

    name: str
    shape: Shape
    nodes: int
    cost: Cost


def cost(network: Network | Source | Space, latency: LatencyModel | None = None) -> Cost:
    """Return the cost of a whole network, or of the default draw of what is named; no graph is built for it.

    Args:
        latency: what predicts its latency, such as ``archlab.read_profile("my-device.json")``.

    >>> cost("resnet50").macs
    4089184256

    Raises:
        InputError: the argument is no network, and names none.
    """
    found = network_of(network)
    counted = _cost_of(found.body)
    return counted if latency is None else replace(counted, latency=latency(found))


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
    costs = list(map(_cost_of, stages))
    totals = {name: sum(getattr(one, name) for one in costs) for name in _COUNTS}
    totals["memory"] = max(one.memory for one in costs)
    backbone = Part("backbone", stages[-1].shape, sum(stage.nodes for stage in stages), Cost(**totals))
    return (backbone, *(_part(name, fragment) for name, fragment in network.stages if name in OWN_STAGES))


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
        measured: whether it is measured on a built network, unless a profile predicts it; the others are closed forms,
            fields of ``Cost``.
    """

    name: str
    unit: str
    label: str
    example: str
    parse: Callable[[str], float]
    format: Callable[[float], str]
    scales: tuple[tuple[str, float], ...]
    measured: bool = False


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
        Metric(
            "latency",
            "latency on this machine",
            "Latency",
            "25ms",
            parse_seconds,
            format_seconds,
            _SECONDS,
            measured=True,
        ),
    )
}
"""Every metric: a row is all that reading, writing and showing it needs. Latency is in seconds, memory in bytes."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Upper limits on costs, by metric.

    Attributes:
        latency: what predicts latency, which is then a closed form like the others; None where it is measured.
    """

    limits: tuple[tuple[str, float], ...] = ()
    latency: LatencyModel | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return ", ".join(f"{name} ≤ {METRICS[name].format(limit)}" for name, limit in self.limits) or "none"

    @property
    def closed_form(self) -> Budget:
        """The limits that need no measurement."""
        return replace(self, limits=tuple((name, limit) for name, limit in self.limits if not self.measures(name)))

    @property
    def measured(self) -> Budget:
        """The limits that need one."""
        return replace(self, limits=tuple((name, limit) for name, limit in self.limits if self.measures(name)))

    def measures(self, name: str) -> bool:
        """Return whether a metric has to be measured on a built network."""
        return METRICS[name].measured and not (name == "latency" and self.latency is not None)

    def excess(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return for each limit the value's relative distance above it; at most 0 where it is met.

        >>> Budget((("macs", 200.0),)).excess({"macs": 300})
        {'macs': 0.5}
        """
        return {name: values[name] / limit - 1 for name, limit in self.limits if name in values}

    def allows(self, values: Mapping[str, float]) -> bool:
        """Return whether every limit on one of ``values`` is met."""
        return all(values[name] <= limit for name, limit in self.limits if name in values)


_TIMES = re.compile(r"[A-Za-z]+=\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*[x×]\s*")


def relative_budgets(texts: Iterable[str]) -> dict[str, float]:
    """Return the budgets among ``texts`` that are relative, by metric.

    >>> relative_budgets(["macs=0.5x", "params=3.4M"])
    {'macs': 0.5}
    """
    found = ((text.partition("=")[0], _TIMES.fullmatch(text)) for text in texts)
    return {name: float(match[1]) for name, match in found if match is not None}


def parse_budget(texts: Iterable[str], relative_to: Mapping[str, float] | None = None) -> Budget:
    """Return a budget from texts such as ``macs=300M``, ``memory=8MiB`` and ``latency=25ms``.

    Args:
        texts: a metric and its limit each.
        relative_to: costs by metric, of which ``macs=0.5x`` is a share.

    >>> parse_budget(["macs=0.5x"], {"macs": 301}).limits
    (('macs', 150),)

    Raises:
        InputError: an unknown metric, one given twice, a value that is no positive number in its unit, or a relative
            one where there is nothing that it could be of.
    """
    limits: dict[str, float] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if name not in METRICS or not equals:
            raise InputError(
                f"the budget {text!r} is not METRIC=VALUE with a known metric",
                hint=did_you_mean(name, METRICS) if equals else "write it like macs=300M",
            )
        if name in limits:
            raise InputError(f"the budget names {name} twice")
        times = _TIMES.fullmatch(text)
        limits[name] = METRICS[name].parse(value) if times is None else _share(text, name, float(times[1]), relative_to)
        if limits[name] <= 0:
            raise InputError(f"the budget {text!r} must be positive")
    return Budget(tuple(limits.items()))


def _share(text: str, name: str, times: float, relative_to: Mapping[str, float] | None) -> float:
    """Return the largest cost within a relative budget."""
    example = f"write it like {name}={METRICS[name].example}"
    if METRICS[name].measured and name in (relative_to or {}):  # a profile predicts it
        return times * (relative_to or {})[name]
    if METRICS[name].measured:
        raise InputError(f"the budget {text!r} cannot be relative: {name} is measured, not counted", hint=example)
    if relative_to is None:
        raise InputError(
            f"the budget {text!r} is relative, and there is nothing here that it could be of", hint=example
        )
    return int(times * relative_to[name])
