"""The first forward of a process counts the memory that every later one does."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.waiting import DEADLINE

# What is imported by the tests before this one would hide the fault: a new process, whose children each run one first.
PROGRAM = """
import os, sys
import torch
from torch import nn
from torch.nn import functional as F
import archlab.audit.audit_model
assert "torch._dynamo" not in sys.modules

class ByFunctions(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.ones = nn.Conv2d(3, 4, 1), nn.Parameter(torch.ones(4))
    def forward(self, x):
        return F.max_pool2d(F.relu(F.batch_norm(self.conv(x), self.ones, self.ones)), 2)

by_modules = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2))
for model in (by_modules, ByFunctions()):
    sys.stdout.flush()
    if os.fork() == 0:
        audit = archlab.audit(model, (1, 3, 8, 8))
        print(audit.peak.bytes, audit.macs, len(audit.operators))
        sys.stdout.flush()
        os._exit(0)
    os.wait()
"""


def test_the_peak_is_not_of_what_an_import_holds_on_to():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM], capture_output=True, encoding="utf-8", timeout=DEADLINE,
        env=os.environ, check=True,
    )  # fmt: skip
    # At the norm its input and its output live: 4 channels of 8x8, 4 bytes each, twice.
    assert done.stdout.splitlines() == [f"{2 * 4 * 64 * 4} {3 * 4 * 64} 4"] * 2
