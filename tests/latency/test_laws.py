from __future__ import annotations

import random

import pytest

from archlab.latency.kernels import Kernel
from archlab.latency.laws import LEAST, Neighbours, by_law, fit_law, work_of


def pointwise(c_in=64, c_out=64, side=14, kind="pointwise", kernel=1, groups=1, form=0):
    return Kernel(kind, c_in, c_out, kernel, kernel, 1, 1, 1, groups, side, side, side, side, form)


def some(count=80):
    rng = random.Random(0)
    return [
        pointwise(8 * rng.randint(1, 60), 8 * rng.randint(1, 60), rng.choice([7, 14, 28, 56])) for _ in range(count)
    ]


def test_the_work_of_a_convolution_by_hand():
    kernel = Kernel("convolution", 20, 40, 3, 3, 2, 2, 1, 1, 16, 16, 8, 8, 0)
    macs, blocks, read, written, weights = 20 * 40 * 9 * 64, 32 * 48 * 9 * 64, 20 * 256, 40 * 64, 20 * 40 * 9
    assert work_of(kernel) == (1.0, macs, blocks, read, written, weights, 0, 0, 20 * 9 * 64, 64, 1, 0)


def test_the_work_of_a_sum_by_hand():
    kernel = pointwise(32, 32, 100, "add", form=20)
    moved = 2 * 32 * 100 * 100
    assert work_of(kernel) == (1.0, moved / 2, 0, moved / 2, moved / 2, 0, moved - 250_000, 0, 0, 10_000, 0, 2)


def test_a_law_that_holds_is_found():
    kernels = some()
    took = [3e-6 + 2e-12 * work_of(k)[1] + 1e-10 * work_of(k)[3] for k in kernels]
    law = fit_law(kernels, took)
    for kernel, seconds in zip(kernels, took, strict=True):
        assert by_law(law, kernel) == pytest.approx(seconds, rel=1e-3)


def test_a_larger_kernel_is_never_faster_by_a_law():
    rng = random.Random(1)
    kernels = some()
    law = fit_law(kernels, [rng.uniform(1e-6, 1e-3) for _ in kernels])
    assert min(law) >= 0
    for _ in range(200):
        c_in, c_out, side = rng.randint(1, 500), rng.randint(1, 500), rng.randint(1, 100)
        base = by_law(law, pointwise(c_in, c_out, side))
        assert by_law(law, pointwise(c_in + rng.randint(1, 50), c_out, side)) >= base
        assert by_law(law, pointwise(c_in, c_out + rng.randint(1, 50), side)) >= base
        assert by_law(law, pointwise(c_in, c_out, side + 1)) >= base


def test_neighbours_bend_a_law_where_they_are_and_nowhere_else():
    law = (1e-5,) + (0.0,) * 11
    near = Neighbours(law, [pointwise(64, 64)] * 20, [3e-5] * 20)
    assert near.factor(pointwise(64, 64)) == pytest.approx(3, rel=0.05)
    assert near.factor(pointwise(4096, 64)) == pytest.approx(1, rel=1e-3)
    assert 1 < near.factor(pointwise(80, 64)) < 3


def test_no_kernel_is_faster_than_the_clock_can_tell():
    assert by_law((0.0,) * 12, pointwise()) == LEAST
