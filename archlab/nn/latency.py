"""How long a module takes on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import quantiles

import torch
from torch import nn

from archlab.ir import Shape
from archlab.measured import Latency
from archlab.nn.blank_inputs import blank_inputs_for

MAX_SECONDS = 3.0
MIN_RUNS = 3


def measure(
    module: nn.Module,
    input_shape: Shape,
    threads: int,
    runs: int = 30,
    warmup: int = 5,
    max_seconds: float = MAX_SECONDS,
) -> Latency:
    """Seconds that ``module`` takes for one image of ``input_shape`` (C, H, W), on ``threads`` threads of the CPU.

    The median of ``runs`` warm runs at batch 1 in evaluation and inference mode, with the first and ninth decile.
    A slow module gets fewer runs, at least three: once ``max_seconds`` are over it stops, and a warm-up of its own
    takes at most a third of them. The module's mode and torch's number of threads are left as they were.

    Raises:
        ValueError: ``threads`` or ``runs`` is below 1.
    """
    if threads < 1 or runs < 1:
        raise ValueError(f"threads and runs must be at least 1, not {threads} and {runs}")
    x = blank_inputs_for(module, input_shape)

    def run() -> float:
        before = time.perf_counter()
        module(*x)
        return time.perf_counter() - before

    with on_threads(threads), _evaluation(module), torch.inference_mode():
        return summary(warm_runs(run, runs, warmup, max_seconds), threads)


def warm_runs(
    run: Callable[[], float],
    runs: int = 30,
    warmup: int = 5,
    max_seconds: float = MAX_SECONDS,
    clock: Callable[[], float] | None = None,
) -> list[float]:
    """Return what ``run`` says that each of its warm runs took, by ``clock`` no more than ``measure`` allows."""
    clock = clock or time.perf_counter
    seconds: list[float] = []
    start = clock()
    for _ in range(warmup):
        run()
        if clock() - start > max_seconds / 3:
            break
    for _ in range(runs):
        seconds.append(run())
        if clock() - start > max_seconds and len(seconds) >= MIN_RUNS:
            break
    return seconds


def summary(seconds: list[float], threads: int) -> Latency:
    """Return the median and the deciles of several runs."""
    # A single run is its own quantiles.
    deciles = quantiles(seconds, n=10, method="inclusive") if len(seconds) > 1 else seconds * 9
    return Latency(median=deciles[4], low=deciles[0], high=deciles[8], runs=len(seconds), threads=threads)


@contextmanager
def on_threads(threads: int) -> Iterator[None]:
    """Torch on so many threads for a while; afterwards on as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _evaluation(module: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while; afterwards every submodule is in its own mode again."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
