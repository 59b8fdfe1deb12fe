"""fvcore beside the audit, operator by operator."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import archlab
from archlab.audit.audit_model import audit_model
from archlab.audit.build_model import build_without_memory
from archlab.audit.counters.fvcore_counter import fvcore_peer
from tests.audit.models import image


@pytest.mark.parametrize(
    "name", ["resnet18", "mobilenetv3_small_100", "vit_tiny_patch16_224", "convmixer_768_32", "levit_128s"]
)
def test_fvcore_is_equal_operator_by_operator(name):
    timm = pytest.importorskip("timm")
    model = build_without_memory(lambda: timm.create_model(name))
    audit = audit_model(model, (image(),))
    peer = fvcore_peer(model, (image(),), {}, audit)
    assert peer.failed is None
    assert peer.differences == ()
    assert peer.macs == audit.macs
    assert peer.compared > 20


def test_fvcore_counts_real_models_and_keyword_arguments_without_touching_them():
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.LSTM(8, 8, batch_first=True)

        def forward(self, *, x, y):
            return {"out": torch.baddbmm(x, x, y), "rnn": self.rnn(x)[0]}

    model, given = Both(), {"x": torch.ones(2, 8, 8), "y": torch.ones(2, 8, 8)}
    before = {k: v.clone() for k, v in model.state_dict().items()}
    audit = archlab.audit(model, **given)
    peer = fvcore_peer(model, (), given, audit)
    assert peer.equal, peer
    assert peer.macs == audit.macs == 2 * 8 * 8 * 8 + 2 * 8 * 4 * 8 * 16
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
