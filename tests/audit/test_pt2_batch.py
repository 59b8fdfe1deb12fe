"""Another batch for an exported program: where its first axis is dynamic, and nowhere else."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from archlab.audit.audit_request import Request
from archlab.audit.audit_targets import run_audits
from archlab.audit.pt2_batch import examples_with_batch
from archlab.errors import InputError


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(8, 4, bias=False)

    def forward(self, x, *, more):
        return self.head(x) + more["scale"].mean() + more["y"]


def exported(path, batch, most=64):
    dynamic = {"x": {0: batch}, "more": {"y": {0: batch}, "scale": None}} if batch else None
    args, kwargs = (torch.ones(3, 8),), {"more": {"y": torch.ones(3, 1), "scale": torch.ones(3)}}
    program = torch.export.export(Two(), args, kwargs, dynamic_shapes=dynamic)
    torch.export.save(program, path)
    return program


def outcome(path, batch):
    (found,) = run_audits(Request(targets=(str(path),), batch=batch)).outcomes
    return found


def test_every_axis_of_the_batch_changes_and_no_other(tmp_path):
    program = exported(tmp_path / "net.pt2", torch.export.Dim("batch", min=2, max=64))
    args, kwargs = examples_with_batch(program.module(), *program.example_inputs, 5)
    assert [tuple(t.shape) for t in (*args, *kwargs["more"].values())] == [(5, 8), (5, 1), (3,)]
    assert outcome(tmp_path / "net.pt2", 5).macs == 5 * 32
    assert outcome(tmp_path / "net.pt2", None).macs == 3 * 32
    for wrong in (1, 65):
        assert f"exported for a batch from 2 to 64, not {wrong}" in outcome(tmp_path / "net.pt2", wrong).reason


def test_a_fixed_axis_is_refused(tmp_path):
    exported(tmp_path / "net.pt2", None)
    assert outcome(tmp_path / "net.pt2", 3).macs == 3 * 32
    assert "its first axis is fixed at 3, and --batch 5 cannot change it" in outcome(tmp_path / "net.pt2", 5).reason


def test_a_program_without_tensors_has_no_batch():
    program = torch.export.export(nn.Linear(2, 2), (torch.ones(1, 2),))
    with pytest.raises(InputError, match="does not tell the forms"):
        examples_with_batch(program.module(), (), {}, 5)


def test_arguments_that_a_factory_returns_have_their_own_batch(tmp_path):
    (tmp_path / "net.py").write_text(
        "import torch\n\ndef make():\n    return torch.nn.Linear(8, 4), torch.ones(3, 8)\n"
    )
    reason = outcome(f"{tmp_path}/net.py:make", 5).reason
    assert "its inputs came with it, and --batch 5 cannot change them" in reason
