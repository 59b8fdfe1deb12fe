"""Other counters beside the audit: each difference has its cause."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import archlab
from archlab.audit.audit_model import audit_model
from archlab.audit.build_model import build_without_memory
from archlab.audit.counters.crosscheck import with_installed_counters
from archlab.audit.counters.fvcore_counter import with_fvcore
from archlab.audit.targets import find_targets
from tests.audit.models import image


def test_a_difference_from_another_counter_has_its_cause():
    model = build_without_memory(find_targets("torchvision:resnet18")[0].make)
    audit = with_installed_counters(model, (image(),), {}, audit_model(model, (image(),)))
    torchs = next(p for p in audit.peers if p.name.startswith("torch FlopCounterMode"))
    assert torchs.equal
    assert all(d.cause for p in audit.peers for d in p.differences)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_model_that_keeps_a_computed_weight_is_counted_by_others_too():
    model, x = nn.Sequential(nn.utils.weight_norm(nn.Conv1d(4, 8, 3))), torch.ones(1, 4, 10)
    audit = archlab.audit(model, x)
    peers = [*with_fvcore(model, (x,), {}, audit).peers, *with_installed_counters(model, (x,), {}, audit).peers]
    assert {peer.name.rpartition(" ")[0]: peer.macs for peer in peers}["fvcore"] == audit.macs == 8 * 8 * 12
    assert [peer.failed for peer in peers] == [None] * len(peers)
    assert model[0].weight.grad_fn is not None, "it is as it was"
