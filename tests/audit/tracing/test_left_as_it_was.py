"""Model and inputs are left exactly as they were, whatever a forward does to them."""

from __future__ import annotations

import collections
import copy
import dataclasses
import threading

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import archlab
from archlab.errors import AuditError
from tests.audit.tracing.traps import Fn


class Untidy(nn.Module):
    count = 0
    seen: list[int] = []  # noqa: RUF012

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 8)
        self.queue = collections.deque([1], maxlen=3)
        self.array = np.zeros(2)
        self.named = {"old": True, "other": 1}
        self.register_buffer("kept", torch.zeros(3))

    def forward(self, x):
        self.queue.append(2)
        self.array += 1
        self.named["new"] = self.named.pop("old")
        type(self).count += 1
        type(self).added = True
        self.seen.append(1)
        self.kept.numpy()[0] += 1
        self.layer.weight.data.numpy()[0] += 1
        return self.layer(x)


def test_queues_arrays_keys_class_attributes_and_views_of_memory():
    model = Untidy()
    weight = model.layer.weight.detach().clone()
    archlab.audit(model, torch.ones(2, 8))
    assert (list(model.queue), model.queue.maxlen, model.array.tolist()) == ([1], 3, [0, 0])
    assert list(model.named.items()) == [("old", True), ("other", 1)]
    assert (Untidy.count, Untidy.seen, hasattr(Untidy, "added")) == (0, [], False)
    assert model.kept.tolist() == [0, 0, 0]
    assert torch.equal(model.layer.weight, weight)


@dataclasses.dataclass
class Batch:
    x: torch.Tensor
    out: object = None
    extra: dict = dataclasses.field(default_factory=dict)


class Slotted:
    __slots__ = ("x",)

    def __init__(self, x):
        self.x = x


@pytest.mark.parametrize("size", [2, 4096])
def test_objects_that_carry_tensors_are_copied_and_their_tensors_named(size):
    def forward(self, batch, slotted):
        batch.extra["seen"] = batch.out = batch.x = self.layer(batch.x)
        slotted.x = batch.x + slotted.x
        return slotted.x

    batch, slotted = Batch(torch.ones(size, 8)), Slotted(torch.ones(size, 8))
    x, y = batch.x, slotted.x
    audit = archlab.audit(Fn(forward, layer=nn.Linear(8, 8, bias=False)), batch, slotted)
    assert (batch.x is x, slotted.x is y) == (True, True)
    assert (batch.out, batch.extra) == (None, {})
    assert torch.equal(x, torch.ones(size, 8))
    assert (audit.macs, audit.device) == (size * 64, "meta")
    assert [(i.name, i.shape) for i in audit.inputs] == [("[0].x", (size, 8)), ("[1].x", (size, 8))]


def test_arrays_and_containers_that_are_given_are_left():
    def forward(self, x, array, queue, named):
        array += 1
        queue.append(x)
        named["more"] = queue
        x.numpy()[0] = 9
        return x.add_(1)

    x, array, queue, named = torch.ones(4), np.zeros(2), collections.deque([1]), {"a": [1]}
    archlab.audit(Fn(forward), x, array, queue, named)
    assert x.tolist() == [1, 1, 1, 1]
    assert (array.tolist(), list(queue), named) == ([0, 0], [1], {"a": [1]})


def test_an_input_that_cannot_be_copied_is_refused_before_the_forward():
    class Holder:
        def __init__(self):
            self.lock, self.x = threading.Lock(), torch.ones(2)

    def forward(self, holder):
        raise AssertionError("it must not run")

    with pytest.raises(AuditError, match="an input of type Holder cannot be copied") as refused:
        archlab.audit(Fn(forward), Holder())
    assert "give the model what it takes from the Holder" in str(refused.value)


def test_statistics_of_batches_in_a_forward_that_runs_for_real():
    def forward(self, x):
        y = F.batch_norm(self.first(x), self.norm.running_mean, self.norm.running_var, training=True)
        return y + 1 if float(y.sum()) > 1e30 else y

    model = Fn(forward, first=nn.Conv2d(3, 3, 1), norm=nn.BatchNorm2d(3))
    before = copy.deepcopy(model.state_dict())
    assert archlab.audit(model, torch.rand(2, 3, 8, 8) + 5).device == "real"
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_what_the_pass_replaces_of_pytorch_is_put_back():
    before = {name: getattr(torch.Tensor, name) for name in ("cuda", "numpy", "data_ptr")}
    compile_, call = torch.compile, nn.Module.__call__
    archlab.audit(nn.Linear(8, 8), torch.ones(2, 8))
    assert all(getattr(torch.Tensor, name) == value for name, value in before.items())
    assert not {"cuda", "numpy", "data_ptr"} & vars(torch.Tensor).keys()
    assert (torch.compile, nn.Module.__call__) == (compile_, call)


@pytest.mark.parametrize("size", [2, 4096])
def test_a_given_tensor_keeps_its_shape_its_flag_and_its_attributes(size):
    def forward(self, x, y, z):
        x.resize_(1, 8)
        y.requires_grad_()
        z.seen = True
        return self.layer(x) + y[:1] + z[:1]

    x, y, z = (torch.ones(size, 8) for _ in range(3))
    archlab.audit(Fn(forward, layer=nn.Linear(8, 8)), x, y, z)
    assert (tuple(x.shape), y.requires_grad, hasattr(z, "seen")) == ((size, 8), False, False)


@pytest.mark.parametrize("backward", [False, True])
def test_bytes_and_classes_are_put_back_after_a_backward_pass_too(backward):
    def forward(self, x):
        self.bytes[0] = 0
        Untidy.seen.append(1)
        return self.untidy.layer(x)

    model = Fn(forward, bytes=bytearray(b"abc"), untidy=Untidy())
    archlab.audit(model, torch.ones(2, 8), backward=backward)
    assert (model.bytes, Untidy.seen) == (bytearray(b"abc"), [])


@pytest.mark.parametrize("in_place", [True, False])
def test_a_parameter_whose_data_the_forward_replaces_keeps_its_own(in_place):
    class Halving(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(8, 8)

        def forward(self, x):
            if in_place:
                self.layer.weight.data *= 0.5
            else:
                self.layer.weight.data = self.layer.weight.data * 0.5
            return self.layer(x)

    model = Halving()
    before = model.layer.weight.detach().clone()
    assert archlab.audit(model, torch.ones(1, 8)).macs == 64
    assert torch.equal(model.layer.weight, before)
