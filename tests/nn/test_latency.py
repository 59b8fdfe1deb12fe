from __future__ import annotations

import pytest
import torch
from torch import nn

from archlab.nn import latency
from archlab.nn.latency import measure
from archlab.nn.module import build
from tests.nn.networks import graph_of
from tests.waiting import Clock

SHAPE = (3, 8, 8)


class Slow(nn.Module):
    """Takes the given seconds, one after another, and notes how it was called."""

    def __init__(self, clock: Clock, seconds: list[float]) -> None:
        super().__init__()
        self.clock, self.seconds, self.calls = clock, seconds, []

    def forward(self, x):
        self.clock.now += self.seconds[min(len(self.calls), len(self.seconds) - 1)]
        self.calls.append((tuple(x.shape), self.training, torch.is_inference_mode_enabled(), torch.get_num_threads()))
        return x


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(latency, "time", clock)
    return clock


def test_the_median_and_the_outer_deciles_of_the_warm_runs(clock):
    warm = [i / 100 for i in (5, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11)]
    module = Slow(clock, [1.0, *warm])
    result = measure(module, SHAPE, threads=1, runs=11, warmup=1)
    # Of 11 sorted times the deciles are the 2nd and the 10th, the median the 6th.
    assert (result.low, result.median, result.high) == pytest.approx((0.02, 0.06, 0.10))
    assert (result.runs, result.threads) == (11, 1)


def test_one_image_in_evaluation_and_inference_mode_on_so_many_threads(clock):
    module = Slow(clock, [0.01])
    module.train()
    before = torch.get_num_threads()
    measure(module, SHAPE, threads=before + 1, runs=4, warmup=2)
    assert module.calls == [((1, 3, 8, 8), False, True, before + 1)] * 6
    assert module.training
    assert torch.get_num_threads() == before


def test_a_slow_module_gets_fewer_runs_but_three(clock):
    # Three warm-ups, until more than 1 s is over, then four runs, until more than 3 s are.
    assert measure(Slow(clock, [0.5]), SHAPE, threads=1, max_seconds=3).runs == 4
    assert measure(Slow(clock, [60.0]), SHAPE, threads=1, max_seconds=3).runs == 3
    assert measure(Slow(clock, [0.1]), SHAPE, threads=1, warmup=0, max_seconds=1.05).runs == 11


def test_every_part_keeps_its_mode_also_after_a_failure():
    module = build(graph_of("net t(input=3x8x8)\na: conv(4) -> dropout(0.5)"))
    module.a.conv.norm.eval()
    modes = [part.training for part in module.modules()]
    measure(module, SHAPE, threads=1, runs=2)
    assert [part.training for part in module.modules()] == modes
    before = torch.get_num_threads()
    with pytest.raises(RuntimeError):
        measure(module, (4, 8, 8), threads=before + 1, runs=2)
    assert [part.training for part in module.modules()] == modes
    assert torch.get_num_threads() == before


def test_a_single_run_is_its_own_deciles(clock):
    result = measure(Slow(clock, [0.2]), SHAPE, threads=1, runs=1)
    assert (result.low, result.median, result.high) == pytest.approx((0.2, 0.2, 0.2))


@pytest.mark.parametrize(("threads", "runs"), [(0, 3), (1, 0)])
def test_no_threads_or_runs_are_refused(threads, runs):
    with pytest.raises(ValueError, match="at least 1"):
        measure(nn.Identity(), SHAPE, threads=threads, runs=runs)
