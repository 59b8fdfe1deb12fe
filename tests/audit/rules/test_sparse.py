"""Products of sparse matrices: what each stored element meets, in every layout, on tensors without data."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import archlab
from archlab.audit.rules.sparse import sparse_pairs, stored
from tests.audit.tracing.trap import Fn, linear

LAYOUTS = {
    "coo": torch.Tensor.to_sparse,
    "csr": torch.Tensor.to_sparse_csr,
    "csc": torch.Tensor.to_sparse_csc,
}


def matrix(rows, columns, seed=0):
    made = torch.rand(rows, columns, generator=torch.Generator().manual_seed(seed))
    return (made < 0.2).float()


def pairs(left, right):
    """Return the products of two matrices that are not zero, from their dense forms."""
    return int(((left != 0).float() @ (right != 0).float()).sum())


@pytest.mark.parametrize("left", LAYOUTS)
@pytest.mark.parametrize("right", LAYOUTS)
def test_two_sparse_matrices_by_what_each_element_meets(left, right):
    a, b = matrix(50, 60), matrix(60, 70, seed=1)
    assert sparse_pairs(LAYOUTS[left](a), LAYOUTS[right](b)) == pairs(a, b)


def test_blocks_are_counted_in_full():
    places = torch.tensor([[1.0, 0, 1], [0, 1, 1]])
    a = torch.kron(places, torch.ones(2, 3)).to_sparse_bsr((2, 3))
    b = torch.kron(places.T.contiguous(), torch.ones(3, 4)).to_sparse_bsr((3, 4))
    assert sparse_pairs(a, b) == pairs(a.to_dense(), b.to_dense())
    assert sparse_pairs(a, b.to_dense().to_sparse_csr()) == stored(a) * 8, "a bound where blocks do not fit"


def test_a_place_that_is_given_twice_is_one_element():
    twice = torch.sparse_coo_tensor(torch.tensor([[0, 0, 1], [1, 1, 0]]), torch.ones(3), (2, 2))
    assert sparse_pairs(twice, torch.eye(2).to_sparse()) == 2


@pytest.mark.parametrize("call", [torch.matmul, torch.sparse.mm, torch.mm])
@pytest.mark.parametrize("layout", ["coo", "csr"])
def test_an_audit_counts_the_products(call, layout):
    a, b = matrix(50, 60), matrix(60, 70, seed=1)
    audit = archlab.audit(Fn(lambda self, a, b: call(a, b)), LAYOUTS[layout](a), LAYOUTS[layout](b))
    assert (audit.macs, audit.activations) == (pairs(a, b), int(((a @ b) != 0).sum()))
    assert (audit.device, audit.uncounted) == ("meta", ())


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_graph_layer_on_large_features_runs_without_data(layout, device):
    adjacency = LAYOUTS[layout](matrix(60, 60))
    with torch.device(device):
        layer = linear(4000, 8)
    audit = archlab.audit(Fn(lambda self, a, x: a @ self.layer(x), layer=layer), adjacency, torch.empty(60, 4000))
    assert audit.macs == 60 * 4000 * 8 + stored(adjacency) * 8
    assert (audit.device, audit.notes, audit.uncounted) == ("meta", (), ())


def test_only_what_a_sampled_product_asks_for_is_counted():
    wanted = matrix(50, 50).to_sparse_csr()
    audit = archlab.audit(
        Fn(lambda self, *args: torch.sparse.sampled_addmm(*args)), wanted, torch.ones(50, 8), torch.ones(8, 50)
    )
    assert (audit.macs, audit.uncounted) == (stored(wanted) * 8, ())


def test_element_wise_arithmetic_is_that_of_what_is_stored():
    sparse = torch.eye(100).to_sparse()
    assert archlab.audit(Fn(lambda self, a: a * 2.0), sparse).elementwise == 100


def test_a_sparse_weight_without_values_is_a_bound_that_is_stated():
    model = Fn(lambda self, x: torch.sparse.mm(self.weight, x), weight=nn.Parameter(torch.eye(60).to_sparse()))
    assert archlab.audit(model, torch.ones(60, 4)).macs == 60 * 4
    audit = archlab.audit(model.to("meta"), torch.ones(60, 4))
    assert audit.macs == 60 * 60 * 4
    assert audit.notes == (
        "A sparse matrix without values is counted as if it stored every element: the count is a bound.",
    )
