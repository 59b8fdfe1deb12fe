"""Counts as deployed, against arithmetic by hand and timm's own merging."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import archlab
from archlab.audit.audit_model import audit_model
from archlab.audit.build_model import build_without_memory
from archlab.audit.deployed import deployed_counts
from tests.audit.models import image


def test_folding_by_hand():
    model = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.BatchNorm2d(8))
    audit = archlab.audit(model, torch.ones(1, 3, 6, 6))
    after = deployed_counts(audit)
    # The first batch norm becomes the bias of the convolution; the second stands behind an activation and stays.
    assert (after.folded, after.params) == (1, 8 * 27 + 8 + 16)
    assert (after.norm, after.bias) == (2 * 8 * 16, 8 * 16)
    assert audit.deployed == after


def test_branches_are_merged():
    timm = pytest.importorskip("timm")
    model = build_without_memory(lambda: timm.create_model("repvgg_a0"))
    audit = audit_model(model, (image(),))
    assert audit.deployed.merged
    real = timm.create_model("repvgg_a0")
    assert audit.params == sum(p.numel() for p in real.parameters())
    after = timm.utils.model.reparameterize_model(real)
    assert audit.deployed.params == sum(p.numel() for p in after.parameters())
    assert f"{audit.deployed.params / 1e6:.2f}" == "8.31"  # as published


class Pair(nn.Module):
    """Two branches, merged in place: like a head of ultralytics it returns nothing."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(8, 8), nn.Linear(8, 8)

    def fuse(self):
        self.two = None

    def forward(self, x):
        return self.one(x) + (self.two(x) if self.two is not None else 0)


class FusesItself(nn.Module):
    """A model that says how it is fused, as ultralytics' do: not all that could fuse is to."""

    def __init__(self):
        super().__init__()
        self.first, self.last = Pair(), Pair()

    def fuse(self, verbose=True):
        assert not verbose
        self.last.fuse()
        return self

    def forward(self, x):
        return self.last(self.first(x))


@pytest.mark.parametrize(("make", "layers"), [(lambda: nn.Sequential(Pair(), nn.ReLU(), Pair()), 2), (FusesItself, 3)])
def test_a_model_that_fuses_itself_does_so_as_a_whole_and_parts_may_return_nothing(make, layers):
    audit = archlab.audit(make(), torch.ones(2, 8))
    assert audit.notes == ()
    assert (audit.params, audit.deployed.params, audit.deployed.merged) == (4 * 72, layers * 72, True)
    assert (audit.macs, audit.deployed.macs) == (4 * 128, layers * 128)
