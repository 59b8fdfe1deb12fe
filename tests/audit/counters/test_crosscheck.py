"""Other counters beside the audit: each difference has its cause."""

from __future__ import annotations

from archlab.audit.audit_model import audit_model
from archlab.audit.build_model import build_without_memory
from archlab.audit.counters.crosscheck import with_installed_counters
from archlab.audit.targets import find_targets
from tests.audit.models import image


def test_a_difference_from_another_counter_has_its_cause():
    model = build_without_memory(find_targets("torchvision:resnet18")[0].make)
    audit = with_installed_counters(model, (image(),), {}, audit_model(model, (image(),)))
    torchs = next(p for p in audit.peers if p.name.startswith("torch FlopCounterMode"))
    assert torchs.equal
    assert all(d.cause for p in audit.peers for d in p.differences)
