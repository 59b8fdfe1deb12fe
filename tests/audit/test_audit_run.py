"""A run's exit code and its problems."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

import archlab
from archlab.audit.audit_run import AuditRun, Failure
from archlab.audit.findings import Difference, Peer
from archlab.audit.limits import Breach

AUDIT = archlab.audit(nn.Linear(4, 2), torch.empty(1, 4))
BREACH = Breach("m", "macs", 2000, 1000)


def beside(cause):
    peer = Peer("other", macs=1, differences=(Difference("MACs", 8, 1, cause),))
    return dataclasses.replace(AUDIT, peers=(peer,))


@pytest.mark.parametrize(
    ("run", "code"),
    [
        (AuditRun((AUDIT,)), 0),
        (AuditRun((AUDIT,), (BREACH,)), 1),
        (AuditRun((AUDIT, Failure("m", "why"))), 1),
        (AuditRun((Failure("m", "why"),)), 2),
        (AuditRun(()), 2),
        (AuditRun((beside(""),)), 0),
        (AuditRun((beside(""),), needs_equal_peers=True), 1),
        (AuditRun((beside("known"),), needs_equal_peers=True), 0),
    ],
)
def test_exit_codes(run, code):
    assert run.exit_code == code


def test_each_problem_is_a_line():
    run = AuditRun((AUDIT, Failure("b", "why")), (BREACH,))
    assert run.problems == ["over the limit: m: macs 2.000 k > 1.000 k (+100.0 %)", "b: why"]
    assert (run.audits, run.failures) == ([AUDIT], [Failure("b", "why")])
