"""What operators are set to, as they were called."""

from __future__ import annotations

import csv
import io

import pytest
import torch
from torch import nn

import archlab
from archlab.audit.audit_run import AuditRun
from archlab.audit.formats import Options, render
from tests.audit.tracing.traps import Fn

X = torch.ones(1, 4, 9, 9)

CASES = {
    "convolution": (
        nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=2),
        {"kernel": (3, 3), "stride": (2, 2), "padding": (1, 1), "dilation": (1, 1), "groups": 2},
    ),
    "padding in words": (
        nn.Conv2d(4, 8, (1, 3), padding="same", dilation=2),
        {"kernel": (1, 3), "stride": (1, 1), "padding": "same", "dilation": (2, 2), "groups": 1},
    ),
    "pooling": (nn.AvgPool2d(3), {"kernel": (3, 3), "stride": (3, 3), "padding": (0, 0)}),
    "pooling by its kernel": (
        Fn(lambda self, x: torch.nn.functional.avg_pool2d(x, 3)),
        {"kernel": (3, 3), "stride": (3, 3), "padding": (0, 0)},
    ),
    "group norm": (nn.GroupNorm(2, 4), {"groups": 2}),
    "none": (nn.ReLU(), {}),
}


@pytest.mark.parametrize("name", CASES)
def test_settings_are_those_of_the_call(name):
    model, expected = CASES[name]
    (operator,) = archlab.audit(model, X).operators
    assert {key: _for_two_axes(key, value) for key, value in operator.settings.items()} == expected
    assert operator.takes[0] == (1, 4, 9, 9)


def _for_two_axes(key, value):
    """A setting that is given once holds for both axes."""
    if key == "groups" or isinstance(value, str):
        return value
    values = value if isinstance(value, tuple) else (value,)
    return values * (2 // len(values))


def test_rows_carry_them_in_json_csv_and_frames():
    audit = archlab.audit(nn.Conv2d(4, 8, 3, groups=2), X)
    row = audit.rows("operator")[0]
    assert row["takes"] == [[1, 4, 9, 9], [8, 2, 3, 3], [8]]
    assert (row["kernel"], row["groups"], row["padding"]) == ([3, 3], 2, [0, 0])
    *_, last = csv.DictReader(io.StringIO(render("csv", AuditRun((audit,)), Options("module", None, False))))
    assert (last["takes"], last["kernel"], last["groups"]) == ("1x4x9x9 8x2x3x3 8", "3x3", "2")
