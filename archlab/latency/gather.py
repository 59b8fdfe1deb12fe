"""What a profile is made from: networks that were run, kernel by kernel and whole."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import quantiles

from archlab.elaborate import Network
from archlab.latency.backend import Setting
from archlab.latency.kernels import Kernel
from archlab.latency.timed import prepare

WARM = 2
WHOLE = 3
PARTS = {"torch": 6, "onnxruntime": 12}
"""A network is run twice to warm it up, three times whole, so often kernel by kernel, and three times whole again, once
it is warm again."""


@dataclass(frozen=True, slots=True)
class KernelRuns:
    """A kernel in a network: how often it runs there, and the seconds of all its runs."""

    kernel: Kernel
    count: int
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Carrier:
    """A network that was run: the seconds of whole runs, and its kernels."""

    name: str
    whole: tuple[float, ...]
    kernels: tuple[KernelRuns, ...]


def run_carrier(network: Network, setting: Setting) -> Carrier:
    """Run a network whole, kernel by kernel, and whole again: so what changes on the machine falls on both.

    Raises:
        InputError, BuildError: as ``prepare``.
    """
    ready = prepare(network.graph, setting)
    for _ in range(WARM):
        ready.whole()
    seconds: dict[Kernel, list[float]] = defaultdict(list)
    whole = [ready.whole() for _ in range(WHOLE)]
    for run in ready.runs(PARTS[setting.backend]):
        for kernel, spent in run.items():
            seconds[kernel] += spent
    ready.whole()  # the first behind a profiler finds the caches full of its notes
    whole += [ready.whole() for _ in range(WHOLE)]
    counts: Counter[Kernel] = Counter(ready.piece.kernels)
    kernels = [
        KernelRuns(kernel, counts[kernel], tuple(round(s, 9) for s in seconds[kernel]))
        for kernel in counts
        if seconds[kernel]
    ]
    return Carrier(network.name, tuple(whole), tuple(kernels))


def pooled(carriers: Iterable[Carrier]) -> dict[Kernel, list[float]]:
    """Return the seconds of all runs of each kernel, in whatever network."""
    seconds: dict[Kernel, list[float]] = defaultdict(list)
    for carrier in carriers:
        for runs in carrier.kernels:
            seconds[runs.kernel] += runs.seconds
    return seconds


def spread_of(carriers: Iterable[Carrier]) -> float:
    """Return how far a network's runs lie apart: quartiles as a share of the median, the mean over networks."""
    apart = []
    for carrier in carriers:
        low, middle, high = quantiles(carrier.whole, n=4, method="inclusive")
        apart.append((high - low) / middle)
    return sum(apart) / len(apart)
