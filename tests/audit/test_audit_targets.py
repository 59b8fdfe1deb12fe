"""Targets are audited with the inputs that a request asks for."""

from __future__ import annotations

import pytest

from archlab.audit.audit_request import Request
from archlab.audit.audit_targets import audit_each, run_audits
from tests.audit.models import audited


def test_a_detector_of_the_grammar_is_audited_with_the_proposals_asked_for():
    (half,) = audit_each(Request(targets=("detection",), proposals=50))
    whole = audited("detection")
    heads = [next(m for m in audit.modules if m.path == "box_head") for audit in (whole, half)]
    assert half.inputs[1].shape == (50, 5)
    assert whole.macs - half.macs == heads[1].macs == heads[0].macs / 2


def test_a_detector_of_the_grammar_is_audited_at_another_size_with_its_boxes():
    (audit,) = audit_each(Request(targets=("detection",), inputs=("3x64x64",), batch=2))
    assert [tensor.shape for tensor in audit.inputs] == [(2, 3, 64, 64), (200, 5)]


@pytest.mark.parametrize(
    "made",
    ["m, x", "m, (x,)", "m, {'input': x}", "m, (x,), {}", "m, ((x,), {})", "m, ((), {'input': x})", "(m, x)"],
)
def test_a_factory_may_put_out_its_arguments_in_any_form(tmp_path, made):
    (tmp_path / "net.py").write_text(
        f"import torch\n\ndef make():\n    m, x = torch.nn.Linear(8, 4), torch.ones(3, 8)\n    return {made}\n"
    )
    (audit,) = run_audits(Request(targets=(f"{tmp_path}/net.py:make",))).audits
    assert audit.macs == 3 * 8 * 4
