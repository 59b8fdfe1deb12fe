"""What a profile is made from: networks that were run, kernel by kernel and whole."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median, quantiles

from archlab.elaborate import Network
from archlab.latency.backend import Setting
from archlab.latency.kernels import Kernel
from archlab.latency.timed import prepare

WARM = 1
TURNS = 3
WHOLE = 2
PARTS = 2
"""A carrier is run once to warm it up; then three times twice as a whole and twice kernel by kernel, in turn."""


@dataclass(frozen=True, slots=True)
class Carried:
    """A kernel in a network: how often it runs there, and the seconds of all its runs."""

    kernel: Kernel
    count: int
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Carrier:
    """A network that was run: the seconds of whole runs, and its kernels."""

    name: str
    whole: tuple[float, ...]
    kernels: tuple[Carried, ...]


def run_carrier(network: Network, setting: Setting) -> Carrier:
    """Run a network whole and kernel by kernel, in turn: so what changes on the machine falls on both.

    Raises:
        InputError, BuildError: as ``prepare``.
    """
    ready = prepare(network.graph, setting)
    for _ in range(WARM):
        ready.whole()
    whole: list[float] = []
    seconds: dict[Kernel, list[float]] = defaultdict(list)
    for _ in range(TURNS):
        whole += [ready.whole() for _ in range(WHOLE)]
        for run in ready.runs(PARTS):
            for kernel, spent in run.items():
                seconds[kernel] += spent
    counts = Counter(ready.piece.kernels)
    carried = [
        Carried(kernel, counts[kernel], tuple(round(s, 9) for s in seconds[kernel]))
        for kernel in counts
        if seconds[kernel]
    ]
    return Carrier(network.name, tuple(whole), tuple(carried))


def pooled(carriers: Iterable[Carrier]) -> dict[Kernel, list[float]]:
    """Return the seconds of all runs of each kernel, in whatever network."""
    seconds: dict[Kernel, list[float]] = defaultdict(list)
    for carrier in carriers:
        for carried in carrier.kernels:
            seconds[carried.kernel] += carried.seconds
    return seconds


def spread_of(carriers: Iterable[Carrier]) -> float:
    """Return how far a kernel's runs in one network lie apart: quartiles as a share of the median, by time."""
    total = apart = 0.0
    for carrier in carriers:
        for carried in carrier.kernels:
            if len(carried.seconds) > 1:
                low, _, high = quantiles(carried.seconds, n=4, method="inclusive")
                total += carried.count * median(carried.seconds)
                apart += carried.count * (high - low)
    return apart / total if total else 0.0
