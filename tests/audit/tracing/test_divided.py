"""Tensors that are divided among processes are counted as what they are for all of them together."""

from __future__ import annotations

import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_module, distribute_tensor
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.testing._internal.distributed.fake_pg import FakeStore

import archlab
from tests.audit.tracing.trap import Fn

PLACES = {"first": Shard(0), "second": Shard(1), "all": Replicate(), "partial": Partial()}


@pytest.fixture(params=[1, 2, 4], ids="{0} processes".format)
def mesh(request, tmp_path):
    if request.param == 1:
        dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    else:
        dist.init_process_group("fake", store=FakeStore(), rank=0, world_size=request.param)
    yield init_device_mesh("cpu", (request.param,))
    dist.destroy_process_group()


def divided(mesh, place, *shape):
    if isinstance(place, Partial):
        return DTensor.from_local(torch.ones(shape), mesh, [place])
    return distribute_tensor(torch.ones(shape), mesh, [place])


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_products_in_every_placement(mesh):
    calls = {
        "matmul": (lambda x, w: x @ w, (16, 64), (64, 32), 16 * 64 * 32),
        "linear": (F.linear, (16, 64), (32, 64), 16 * 64 * 32),
        "einsum": (lambda x, w: torch.einsum("ij,jk->ik", x, w), (16, 64), (64, 32), 16 * 64 * 32),
        "bmm": (torch.bmm, (4, 16, 64), (4, 64, 32), 4 * 16 * 64 * 32),
    }
    wrong = {}
    for name, (call, taken, weight, macs) in calls.items():
        model = Fn(lambda self, x, w, call=call: call(x, w))
        for x in PLACES:
            for w in ("first", "second", "all"):
                args = divided(mesh, PLACES[x], *taken), divided(mesh, PLACES[w], *weight)
                audit = archlab.audit(model, *args)
                if (audit.macs, audit.uncounted, audit.notes) != (macs, (), ()):
                    wrong[name, x, w] = audit.macs, audit.uncounted, audit.notes
    assert wrong == {}


@pytest.mark.parametrize("place", ["first", "all"])
def test_convolutions_and_attention(mesh, place):
    layer = nn.Conv2d(4, 8, 3, padding=1, bias=False)
    distribute_module(layer, mesh)
    assert archlab.audit(layer, divided(mesh, PLACES[place], 4, 4, 16, 16)).macs == 4 * 256 * 8 * 36
    attention = Fn(lambda self, x: F.scaled_dot_product_attention(x, x, x))
    assert archlab.audit(attention, divided(mesh, PLACES[place], 4, 4, 16, 8)).macs == 4 * 4 * 16 * 16 * 2 * 8


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_layers_in_parallel_have_all_of_their_parameters_macs_and_gradients(mesh, device):
    with torch.device(device):
        model = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 8))
    model = parallelize_module(model, mesh, {"0": ColwiseParallel(), "1": RowwiseParallel()})
    audits = [archlab.audit(model, torch.ones(4, 64), backward=backward) for backward in (False, True)]
    assert {(a.params, a.macs, a.uncounted, a.device) for a in audits} == {(64 * 65 + 65 * 8, 4 * 64 * 72, (), "meta")}
    assert audits[1].backward.macs == 2 * 4 * 64 * 72 - 4 * 64 * 64
    assert [(o.module, o.macs) for o in audits[0].operators if o.macs] == [("0", 4 * 64 * 64), ("1", 4 * 64 * 8)]


def test_a_model_that_is_fully_sharded_is_counted_twice_alike(mesh):
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 8))
    fully_shard(model, mesh=mesh)
    for _ in range(2):
        audit = archlab.audit(model, torch.ones(4, 64))
        assert (audit.params, audit.macs, audit.uncounted) == (64 * 65 + 65 * 8, 4 * 64 * 72, ())


def test_large_tensors_run_without_data(mesh):
    weight = nn.Parameter(divided(mesh, Shard(0), 512, 512))
    audit = archlab.audit(
        Fn(lambda self, x: F.linear(x, self.weight), weight=weight), divided(mesh, Shard(0), 8192, 512)
    )
    assert (audit.macs, audit.device) == (8192 * 512 * 512, "meta")
