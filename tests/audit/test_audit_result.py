"""The result's own methods: tables, totals and plain data of one small model."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

import archlab
from archlab.audit.counts import COUNTS
from archlab.errors import InputError

AUDIT = archlab.audit(nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2)), torch.empty(3, 8, device="meta"))


def test_totals_are_those_of_the_whole_model():
    assert AUDIT.counts() == AUDIT.modules[0].counts()
    assert AUDIT.totals()["macs"] == AUDIT.macs == 3 * (8 * 4 + 4 * 2)
    assert AUDIT.totals()["params"] == 8 * 4 + 4 + 4 * 2 + 2


def test_totals_by_operator():
    by = AUDIT.by_op()
    assert list(by) == ["linear", "relu"]
    assert list(by["linear"]) == ["calls", *COUNTS]
    assert (by["linear"]["calls"], by["linear"]["bias"], by["relu"]["elementwise"]) == (2, 3 * 6, 3 * 4)


@pytest.mark.parametrize(("by", "rows"), [("module", 4), ("stage", 3), ("op", 2), ("operator", 3)])
def test_a_frame_has_the_rows_of_its_table(by, rows):
    frame = AUDIT.frame(by)
    assert len(frame) == len(AUDIT.rows(by)) == rows
    whole = frame[frame["path"] == ""] if by == "module" else frame
    assert whole["macs"].sum() == AUDIT.macs


def test_a_table_that_does_not_exist():
    with pytest.raises(InputError, match="no table"):
        AUDIT.frame("layer")


def test_it_is_plain_data():
    data = json.loads(json.dumps(AUDIT.as_dict()))
    assert data == AUDIT.as_dict()
    assert [o["name"] for o in data["operators"]] == ["0.linear", "1.relu", "2.linear"]
