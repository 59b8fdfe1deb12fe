"""What operators are called with is kept: by name, in order, and which output of several is read."""

from __future__ import annotations

import gc
import weakref

import torch
from torch import nn

import archlab
from archlab.audit.operands import Constant, Held, Output


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2, bias=False)
        self.norm = nn.BatchNorm2d(2, eps=1e-3)

    def forward(self, x, y):
        a, b, c = self.conv(x).chunk(3, 1)
        a = self.norm(a).relu_()
        return {"sum": torch.add(c, b, alpha=2), "cat": torch.cat([y, a, torch.ones(1, 1, 3, 3)], 1)}


def operators():
    audit = archlab.audit(Branches(), (1, 4, 8, 8), (1, 2, 3, 3))
    return {o.name: o for o in audit.operators}


def test_arguments_are_kept_by_name_with_their_defaults():
    found = operators()
    assert found["conv.conv2d"].arguments == {
        "input": Output(-1, 0), "weight": Held("conv.weight"), "bias": None,
        "stride": (2, 2), "padding": (1, 1), "dilation": (2, 2), "groups": 2,
    }  # fmt: skip
    norm = found["norm.batch_norm"].arguments
    assert (norm["input"], norm["running_var"], norm["eps"]) == (Output(1, 0), Held("norm.running_var"), 1e-3)


def test_inputs_keep_their_order_and_which_output_is_read():
    found = operators()
    assert found["add"].arguments == {"self": Output(1, 2), "other": Output(1, 1), "alpha": 2}
    # In place, the latest writer gives the tensor.
    numbers = {name: i for i, name in enumerate(found)}
    y, a, ones = found["cat"].arguments["tensors"]
    assert (y, a) == (Output(-1, 1), Output(numbers["relu"], 0))
    assert isinstance(ones, Output)
    assert found["ones"].arguments["size"] == (1, 1, 3, 3)


def test_a_tensor_from_nowhere_is_a_constant_with_its_shape():
    outside = torch.ones(3, 1, 1)

    class Scaled(nn.Module):
        def forward(self, x):
            return x * outside

    (product,) = archlab.audit(Scaled(), (1, 3, 8, 8)).operators
    assert product.arguments == {"self": Output(-1, 0), "other": Constant((3, 1, 1))}


def test_no_tensor_outlives_the_audit():
    x = torch.rand(1, 3, 8, 8)
    audit = archlab.audit(nn.ReLU(), x)
    gone = weakref.ref(x)
    del x
    gc.collect()
    assert gone() is None
    assert audit.operators[0].arguments == {"self": Output(-1, 0)}
