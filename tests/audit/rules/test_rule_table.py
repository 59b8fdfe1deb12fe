"""Every kind of rule against arithmetic by hand: one line for each.

For a rule of your own, add a line: what is called, the operator's name, and its counts.
"""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import archlab
from archlab.audit.counts import Counts
from archlab.audit.rules.rule_table import GATHERS, NO_ARITHMETIC, RULES

ones = torch.ones
X = (1, 4, 8, 8)  # one image of 4 channels
N = 4 * 8 * 8

CASES = {
    "conv2d": (lambda: F.conv2d(ones(X), ones(6, 2, 3, 3), ones(6), groups=2), Counts(216 * 18, 216, activations=216)),
    "conv_transpose2d": (lambda: F.conv_transpose2d(ones(X), ones(4, 3, 2, 2)), Counts(N * 12, activations=243)),
    "linear": (lambda: F.linear(ones(5, 8), ones(3, 8), ones(3)), Counts(120, 15, activations=15)),
    "matmul": (lambda: ones(2, 5, 8) @ ones(8, 3), Counts(240, activations=30)),
    "addmm": (lambda: torch.addmm(ones(3), ones(5, 8), ones(8, 3)), Counts(120, 15, activations=15)),
    "addbmm": (lambda: torch.addbmm(ones(5, 3), ones(2, 5, 8), ones(2, 8, 3)), Counts(240, 15, activations=15)),
    "bilinear": (lambda: F.bilinear(ones(3, 8), ones(3, 6), ones(4, 8, 6)), Counts(3 * 192, activations=12)),
    "scaled_dot_product_attention": (
        lambda: F.scaled_dot_product_attention(ones(2, 5, 8), ones(2, 7, 8), ones(2, 7, 6)),
        Counts(70 * 14, elementwise=80 + 3 * 70, activations=70 + 60),
    ),
    "batch_norm": (lambda: F.batch_norm(ones(X), ones(4), ones(4), ones(4), ones(4)), Counts(norm=2 * N)),
    "layer_norm": (lambda: F.layer_norm(ones(X), (8,)), Counts(norm=4 * N)),
    "group_norm": (lambda: F.group_norm(ones(X), 2, ones(4), ones(4)), Counts(norm=5 * N)),
    "max_pool2d": (lambda: F.max_pool2d(ones(X), 2), Counts(pool=4 * 64)),
    "adaptive_avg_pool2d": (lambda: F.adaptive_avg_pool2d(ones(X), 1), Counts(pool=N)),
    "upsample_bilinear2d": (lambda: F.interpolate(ones(X), (4, 4), mode="bilinear"), Counts(pool=4 * 64)),
    "cdist": (lambda: torch.cdist(ones(5, 8), ones(3, 8)), Counts(elementwise=3 * 15 * 8)),
    "softmax": (lambda: ones(5, 8).softmax(-1), Counts(elementwise=3 * 40)),
    "sum": (lambda: ones(5, 8).sum(), Counts(elementwise=40)),
    "var_mean": (lambda: torch.var_mean(ones(5, 8)), Counts(elementwise=3 * 40)),
    "relu": (lambda: ones(5, 8).relu_(), Counts(elementwise=40)),
    "permute": (lambda: ones(5, 8).permute(1, 0), Counts()),
}


class Calls(nn.Module):
    """A model that makes one call."""

    def __init__(self, call):
        super().__init__()
        self.call = call

    def forward(self):
        return self.call()


@pytest.mark.parametrize("op", CASES)
def test_an_operator_is_counted_as_by_hand(op):
    call, expected = CASES[op]
    audit = archlab.audit(Calls(call))
    (operator,) = [operator for operator in audit.operators if operator.op == op]
    assert audit.uncounted == ()
    assert {**operator.counts(), "read": 0, "written": 0} == expected.counts()


def test_no_operator_stands_in_both_lists():
    assert not NO_ARITHMETIC & RULES.keys()
    assert NO_ARITHMETIC | RULES.keys() >= GATHERS
