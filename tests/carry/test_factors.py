"""Kernels as products: exact where a kernel has the rank for it, and nearest where it has not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from archlab.carry.factors import across_and_down, depthwise_pointwise, grouped_kernel, narrowed, two_kernels

OUT, IN, K = 6, 4, 3
RNG = torch.Generator().manual_seed(0)


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=RNG, dtype=torch.float64)


def covariance(size: int) -> Tensor:
    rows = drawn(3 * size, size)
    return rows.T @ rows / len(rows)


COVS = [None, covariance(IN * K * K)]


def product(one: Tensor, two: Tensor, groups: int = 1) -> Tensor:
    """The kernel of two convolutions one behind the other, from what they answer to each input's impulse."""
    height = one.shape[2] + two.shape[2] - 1
    width = one.shape[3] + two.shape[3] - 1
    inputs = one.shape[1] * groups
    impulses = torch.zeros(inputs, inputs, 2 * height - 1, 2 * width - 1, dtype=torch.float64)
    impulses[range(inputs), range(inputs), height - 1, width - 1] = 1
    return F.conv2d(F.conv2d(impulses, one, groups=groups), two).flip(2, 3).transpose(0, 1)


@pytest.mark.parametrize("cov", COVS)
@pytest.mark.parametrize("many", [1, 2])
def test_depthwise_and_pointwise_of_a_kernel_of_that_rank(cov, many):
    kernel = product(drawn(IN * many, 1, K, K), drawn(OUT, IN * many, 1, 1), groups=IN)
    filters, mixing = depthwise_pointwise(kernel, cov, many)
    torch.testing.assert_close(product(filters, mixing, groups=IN), kernel, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cov", COVS)
def test_across_and_down_of_a_kernel_of_that_rank(cov):
    kernel = product(drawn(5, IN, 1, K), drawn(OUT, 5, K, 1))
    torch.testing.assert_close(product(*across_and_down(kernel, cov, 5)), kernel, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cov", COVS)
def test_a_bottleneck_of_a_kernel_of_that_rank(cov):
    kernel = product(product(drawn(2, IN, 1, 1), drawn(2, 2, K, K)), drawn(OUT, 2, 1, 1))
    down, inner, up = narrowed(kernel, cov, 2)
    torch.testing.assert_close(product(product(down, inner), up), kernel, rtol=1e-5, atol=1e-5)


def test_two_kernels_of_a_product_of_two():
    kernel = product(drawn(3, 2, 3, 3), drawn(4, 3, 3, 3))
    found = product(*two_kernels(kernel, 6, (3, 3), (1, 1)))
    torch.testing.assert_close(found, kernel, rtol=1e-5, atol=1e-5)


def test_two_kernels_at_a_stride_give_what_one_gives():
    one, two = drawn(4, 2, 3, 3), torch.zeros(3, 4, 3, 3, dtype=torch.float64)
    two[:, :, 1, 1] = drawn(3, 4)
    kernel = F.pad(product(one, two[:, :, 1:2, 1:2]), (1, 1, 1, 1))  # a 5x5 with an empty rim
    first, second = two_kernels(kernel, 4, (3, 3), (2, 2))
    x = drawn(1, 2, 17, 17)  # behind each stride of 2 the 3x3 loses a place on either side, the 5x5 half of one
    ours = F.conv2d(F.conv2d(F.pad(x, (1, 1, 1, 1)), first, stride=2), second, padding=1)
    whole = F.conv2d(F.pad(x, (2, 2, 2, 2)), kernel, stride=2)
    torch.testing.assert_close(ours[..., 1:-1, 1:-1], whole[..., 1:-1, 1:-1], rtol=1e-5, atol=1e-5)


def test_groups_of_a_kernel_that_reads_them_alone():
    own = drawn(OUT, IN // 2, K, K)
    kernel = torch.zeros(OUT, IN, K, K, dtype=torch.float64)
    kernel[:3, :2], kernel[3:, 2:] = own[:3], own[3:]
    order = torch.tensor([2, 0, 1, 5, 3, 4])
    for cov in COVS:
        found = grouped_kernel(kernel, cov, 2, order)
        torch.testing.assert_close(found, own[order], rtol=1e-5, atol=1e-5)


def error(kernel: Tensor, made: Tensor, cov: Tensor) -> float:
    off = (kernel - made).flatten(1)
    return float(torch.trace(off @ cov @ off.T))


@pytest.mark.parametrize("rule", ["depthwise", "across", "narrowed"])
def test_what_a_layer_reads_weighs_what_is_lost(rule):
    kernel, cov = drawn(OUT, IN, K, K), covariance(IN * K * K)

    def made(known: Tensor | None) -> Tensor:
        match rule:
            case "depthwise":
                return product(*depthwise_pointwise(kernel, known, 1), groups=IN)
            case "across":
                return product(*across_and_down(kernel, known, 3))
        down, inner, up = narrowed(kernel, known, 2)
        return product(product(down, inner), up)

    assert error(kernel, made(cov), cov) < error(kernel, made(None), cov)
