"""Every kind of rule against arithmetic by hand: one line for each.

For a rule of your own, add a line: what is called, the operator's name, and its counts.
"""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

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
    "mm": (lambda: torch.mm(torch.eye(9).to_sparse(), ones(9, 4)), Counts(9 * 4, activations=36)),
    "_grouped_mm": (
        lambda: torch._grouped_mm(half(6, 16), half(2, 16, 8), offs=torch.tensor([2, 6], dtype=torch.int32)),
        Counts(6 * 16 * 8, activations=48),
    ),
    "_weight_int8pack_mm": (
        lambda: torch.ops.aten._weight_int8pack_mm(half(5, 32), ones(16, 32, dtype=torch.int8), half(16)),
        Counts(5 * 32 * 16, activations=80),
    ),
    "quantized::linear": (lambda: quantized_linear(4, 3), Counts(5 * 4 * 3, 15, activations=15)),
    "embedding_bag": (
        lambda: F.embedding_bag(torch.zeros(3, 4, dtype=torch.long), ones(1000, 16)),
        Counts(elementwise=12 * 16),
    ),
    "scatter_add": (
        lambda: ones(2, 8).scatter_add(0, torch.zeros(50, 8, dtype=torch.long), ones(50, 8)),
        Counts(elementwise=400),
    ),
    "index_add": (
        lambda: ones(2, 8).index_add(0, torch.zeros(50, dtype=torch.long), ones(50, 8)),
        Counts(elementwise=400),
    ),
    "_fft_r2c": (lambda: torch.fft.rfft(ones(3, 8)), Counts(elementwise=3 * 5 * 8 * 3)),
    "_fft_c2c": (lambda: torch.fft.fft2(torch.zeros(4, 8, dtype=torch.cfloat)), Counts(elementwise=5 * 32 * 5)),
    "linalg_inv_ex": (lambda: torch.linalg.inv(torch.eye(6).expand(2, 6, 6)), Counts(elementwise=2 * 2 * 216)),
    "linalg_cholesky_ex": (lambda: torch.linalg.cholesky(torch.eye(6)), Counts(elementwise=72)),
    "linalg_lu_solve": (
        lambda: torch.linalg.lu_solve(*torch.linalg.lu_factor(torch.eye(6)), ones(6, 3)),
        Counts(elementwise=2 * 3 * 36),
    ),
    "cholesky_solve": (lambda: torch.cholesky_solve(ones(6, 3), torch.eye(6)), Counts(elementwise=2 * 3 * 36)),
    "linalg_solve_triangular": (
        lambda: torch.linalg.solve_triangular(torch.eye(6), ones(6, 3), upper=True),
        Counts(elementwise=3 * 36),
    ),
    "_linalg_solve_ex": (
        lambda: torch.linalg.solve(torch.eye(6), ones(6, 3)),
        Counts(elementwise=2 * 216 // 3 + 2 * 3 * 36),
    ),
    "_ctc_loss": (
        lambda: F.ctc_loss(
            ones(10, 2, 5).log_softmax(-1), ones(2, 3, dtype=torch.long), torch.tensor([10, 10]), torch.tensor([3, 3])
        ),
        Counts(elementwise=7 * 10 * 2 * 7),
    ),
    "floor_divide": (lambda: torch.arange(6) // 2, Counts(elementwise=6)),
    "_is_all_true": (lambda: torch.ops.aten._is_all_true(ones(4, dtype=torch.bool)), Counts()),
    "_unsafe_view": (lambda: torch.ops.aten._unsafe_view(ones(4, 2), [8]), Counts()),
    "permute": (lambda: ones(5, 8).permute(1, 0), Counts()),
}


def half(*shape):
    return ones(*shape, dtype=torch.bfloat16)


def quantized_linear(n, m):
    layer = torch.ao.nn.quantized.Linear(n, m)
    return layer(torch.quantize_per_tensor(ones(5, n), 0.1, 0, torch.quint8))


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


@pytest.mark.parametrize(
    ("query", "key"),
    [((1, 4, 5, 8), (3, 4, 7, 8)), ((3, 4, 5, 8), (1, 4, 7, 8)), ((3, 4, 5, 8), (3, 4, 7, 8))],
)
def test_attention_is_counted_for_every_batch_that_it_is_broadcast_over(query, key):
    call = Calls(lambda: F.scaled_dot_product_attention(ones(query), ones(key), ones(key)))
    assert archlab.audit(call).macs == 3 * 4 * 5 * 7 * 16


@pytest.mark.parametrize(
    ("mask", "values"), [((3, 1, 5, 7), (1, 4, 7, 6)), ((1, 1, 5, 7), (3, 4, 7, 6)), ((3, 4, 5, 7), (3, 4, 7, 6))]
)
def test_scores_are_computed_once_for_masks_or_values_of_a_larger_batch(mask, values):
    call = Calls(
        lambda: F.scaled_dot_product_attention(ones(1, 4, 5, 8), ones(1, 4, 7, 8), ones(values), attn_mask=ones(mask))
    )
    audit = archlab.audit(call)
    assert audit.macs == 4 * 5 * 7 * 8 + 3 * 4 * 5 * 7 * 6
    with torch.device("meta"), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        call.call()
    assert audit.macs == counter.get_total_flops() // 2


def test_heads_that_share_a_key_are_each_counted():
    call = Calls(
        lambda: F.scaled_dot_product_attention(ones(1, 8, 5, 8), ones(1, 2, 7, 8), ones(1, 2, 7, 8), enable_gqa=True)
    )
    assert archlab.audit(call).macs == 8 * 5 * 7 * 16


@pytest.mark.parametrize("layout", ["coo", "csr", "csc", "bsr"])
def test_a_sparse_matrix_is_counted_by_what_it_stores(layout):
    dense = torch.zeros(8, 8)
    dense[0, 0] = dense[3, 3] = 1.0
    sparse = {"coo": dense.to_sparse, "csr": dense.to_sparse_csr, "csc": dense.to_sparse_csc,
              "bsr": lambda: dense.to_sparse_bsr((2, 2))}[layout]()  # fmt: skip
    stored = 8 if layout == "bsr" else 2
    assert archlab.audit(Calls(lambda: sparse @ ones(8, 5))).macs == stored * 5


def test_a_product_of_complex_numbers_is_four_real_ones():
    numbers = torch.zeros(2, 5, 8, dtype=torch.cfloat)
    assert archlab.audit(Calls(lambda: numbers @ numbers.mT)).macs == 4 * 2 * 5 * 5 * 8


def test_no_operator_stands_in_both_lists():
    assert not NO_ARITHMETIC & RULES.keys()
    assert NO_ARITHMETIC | RULES.keys() >= GATHERS


@pytest.mark.parametrize("layout", ["csr", "bsr"])
def test_a_layer_with_a_sparse_weight_is_counted_by_what_it_stores(layout):
    weight = ones(8, 8).triu().to_sparse_csr() if layout == "csr" else torch.eye(8).to_sparse_bsr((2, 2))
    assert archlab.audit(Calls(lambda: F.linear(ones(4, 8), weight))).macs == (36 if layout == "csr" else 16) * 4


PLACES = torch.randint(0, 10, (1000,))
SCATTERED = {
    "scattered with a sum": (lambda v, i: torch.zeros(10, 8).scatter(0, i.expand(-1, 8), v, reduce="add"), 8000),
    "multiplied in place": (lambda v, i: torch.ones(10, 8).scatter_(0, i.expand(-1, 8), v, reduce="multiply"), 8000),
    "one number added": (lambda v, i: torch.zeros(10, 8).scatter(0, i.expand(-1, 8), 1.0, reduce="add"), 8000),
    "scattered alone": (lambda v, i: torch.zeros(10, 8).scatter(0, i.expand(-1, 8), v), 0),
    "put and added up": (lambda v, i: torch.zeros(10, 8).index_put_((i[:, 0],), v, accumulate=True), 8000),
    "put alone": (lambda v, i: torch.zeros(10, 8).index_put((i[:, 0],), v), 0),
    "put flat and added up": (lambda v, i: torch.zeros(80).put_(i[:, 0], v[:, 0], accumulate=True), 1000),
}


@pytest.mark.parametrize("name", SCATTERED)
def test_values_that_are_added_where_they_are_put_count_one_each(name):
    function, count = SCATTERED[name]

    class Model(nn.Module):
        def forward(self, values, places):
            return function(values, places)

    audit = archlab.audit(Model(), torch.ones(1000, 8), PLACES[:, None])
    assert (audit.elementwise, audit.uncounted) == (count, ())
