"""Shapes in place of tensors, and what is refused since it could be either."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

import archlab


class Products(nn.Module):
    """Multiplies its first tensor with the second, or with itself."""

    def forward(self, x, y=None, size=None, mode="sum"):
        assert size in (None, [7, 7])
        assert mode in ("sum", "mean")
        return x @ (x if y is None else y).transpose(-1, -2)


class Branches(nn.Module):
    """Looks at a value, for which a pass without data has none."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(400, 5)

    def forward(self, x):
        return self.linear(x) if float(x.sum()) >= 0 else x


@pytest.mark.parametrize(
    ("model", "given", "tensor"),
    [
        (nn.Conv2d(3, 8, 3), (2, 3, 9, 9), torch.empty(2, 3, 9, 9)),
        (nn.Conv2d(3, 8, 3), torch.Size([2, 3, 9, 9]), torch.empty(2, 3, 9, 9)),
        (nn.Conv2d(3, 8, 3), "3x9x9", torch.empty(1, 3, 9, 9)),
        (nn.Embedding(10, 4), "12:int64", torch.zeros(1, 12, dtype=torch.int64)),
        (Branches(), (700, 400), torch.zeros(700, 400)),
    ],
)
def test_a_shape_counts_as_a_tensor_of_that_shape_does(model, given, tensor):
    ours, theirs = archlab.audit(model, given), archlab.audit(model, tensor)
    assert ours.totals() == theirs.totals()
    assert ours.inputs == theirs.inputs


def test_several_shapes_and_shapes_by_name():
    two = archlab.audit(Products(), torch.empty(8, 64), torch.empty(9, 64)).macs
    assert archlab.audit(Products(), (8, 64), (9, 64)).macs == two == 8 * 9 * 64
    assert archlab.audit(Products(), x=(8, 64), y=(9, 64)).macs == two
    assert archlab.audit(Products(), "8x64", "9x64").macs == two
    assert archlab.audit(Products(), "8x64", None, mode="mean").macs == 8 * 8 * 64


def test_a_file_describes_the_whole_call(tmp_path):
    file = tmp_path / "spec.json"
    file.write_text(json.dumps({"args": [{"shape": ["N", 8, 64]}], "kwargs": {"size": [7, 7]}}), encoding="utf-8")
    assert archlab.audit(Products(), str(file)).macs == 8 * 8 * 64
    with pytest.raises(archlab.InputError, match="whole call"):
        archlab.audit(Products(), str(file), (8, 64))


def test_beside_a_tensor_nothing_is_a_shape():
    class Seen(nn.Module):
        def forward(self, x, *rest, **named):
            assert (rest, named) == (((7, 7), "3x4", [1, 2]), {"size": (3, 4), "text": "3x4"})
            return x

    archlab.audit(Seen(), torch.empty(2, 3), (7, 7), "3x4", [1, 2], size=(3, 4), text="3x4")


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        (((8, 64),), {"size": (7, 7)}, r"size=\(7, 7\) could be the shape of a tensor or a value"),
        (("8x64",), {"y": "9x64"}, "y='9x64' could be"),
        (([8, 64],), {}, r"\[8, 64\], could be a shape or values"),
        (([(8, 64), (9, 64)],), {}, "could be several tensors or a list of them"),
        ((((8, 64), (9, 64)),), {}, "could be several tensors or a list of them"),
        (((8, 64.0),), {}, "sizes must be whole numbers"),
        (((-1, 64),), {}, "sizes must be whole numbers"),
        (((True, 64),), {}, "sizes must be whole numbers"),
        (((),), {}, "sizes must be whole numbers"),
        (("1,3,224,224",), {}, "'1,3,224,224' is no shape"),
        (("64:float7",), {}, "no type 'float7'"),
        (((2**20, 2**20),), {}, "more than"),
    ],
)
def test_what_is_no_shape_or_could_be_something_else_is_refused(args, kwargs, words):
    with pytest.raises(archlab.InputError, match=words):
        archlab.audit(Products(), *args, **kwargs)


def test_a_forward_that_fails_on_a_shape_says_what_the_shape_was():
    with pytest.raises(archlab.AuditError, match=r"the inputs were 1x1x3x9x9: a tuple includes the batch"):
        archlab.audit(nn.Conv2d(3, 8, 3), "1x3x9x9")


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("resnet50", r"'resnet50' \(str\) is no torch module[^$]*archlab\.build\('resnet50'\)"),
        (None, r"None \(NoneType\) is no torch module"),
        (nn.Linear, r"call the class: Linear\("),
        (archlab.elaborate("alexnet"), r"<Network alexnet.*is no torch module[^$]*archlab\.build"),
    ],
)
def test_what_is_no_module(model, words):
    with pytest.raises(archlab.InputError, match=words):
        archlab.audit(model, (1, 3))


def test_torchs_generator_stays_as_it_was():
    model = Branches()
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    assert archlab.audit(model, (11_000, 400)).device == "real"
    assert torch.equal(torch.rand(3), expected)
