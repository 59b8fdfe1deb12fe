"""Limits: what is over, and by how much."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import archlab
from archlab.audit.limits import breaches_of, parse_limits
from archlab.errors import InputError


def test_only_what_is_over_is_a_breach():
    audit = archlab.audit(nn.Linear(64, 10), torch.empty(8, 64))
    (breach,) = breaches_of(audit, parse_limits(["macs=5k", "params=650", "memory=1MiB"]))
    assert (breach.metric, breach.value, breach.limit) == ("macs", 5120, 5000)
    assert str(breach) == "Linear: macs 5.120 k > 5.000 k (+2.4 %)"


def test_latency_is_not_a_limit_of_an_audit():
    with pytest.raises(InputError, match="cannot limit latency"):
        parse_limits(["latency=1ms"])
