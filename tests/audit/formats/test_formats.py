"""Every format is a function from a run to a text; what files hold is the same in the same order for good."""

from __future__ import annotations

import csv
import dataclasses
import io
import json

import pytest
import torch
from torch import nn

import archlab
from archlab.audit.audit_run import AuditRun, Failure
from archlab.audit.formats import FORMATS, Options, render
from archlab.audit.formats.columns import COLUMNS, FORMS, format_total
from archlab.audit.limits import Breach
from archlab.audit.rules.settings import NAMES
from archlab.measured import Latency

MODEL = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
AUDIT = dataclasses.replace(archlab.audit(MODEL, torch.empty(2, 3, 8, 8, device="meta")), name="small")
RUN = AuditRun((AUDIT, Failure("=evil", "why")), (Breach("small", "macs", 2, 1),))
MODULES = tuple(dataclasses.replace(module, latency=0.0025, own_latency=0.001) for module in AUDIT.modules)
LATENCY = Latency(median=0.0025, low=0.002, high=0.003, runs=30, threads=2)
TIMED = AuditRun((dataclasses.replace(AUDIT, modules=MODULES, latency=LATENCY),))
COUNTS = ["macs", "bias", "norm", "pool", "elementwise", "activations", "read", "written"]


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_run_gives_the_same_text_with_all_of_it(name):
    text = render(name, RUN)
    assert text == render(name, RUN)
    assert text.endswith("\n") or name == "html"
    assert "small" in text
    assert "evil" in text


def test_the_columns_of_the_csv():
    header, *rows = csv.reader(io.StringIO(render("csv", RUN)))
    before = ["model", "level", "name", "kind", "calls", "params", "shared", "own"]
    after = ["intensity", "memory", "latency", "own_latency"]
    assert header == [*before, *COUNTS, *after, "takes", *NAMES, "shape", "dtype", "inputs", "counted", "failure"]
    assert [row[1] for row in rows] == ["model", *["module"] * 3, *["operator"] * 3, "model"]
    assert (rows[-1][0], rows[-1][-1]) == ("'=evil", "why")


def test_the_fields_of_the_json():
    data = json.loads(render("json", RUN))
    assert list(data) == ["schema", "convention", "audits", "failures", "breaches"]
    assert data["schema"] == "archlab.audit/1"
    (audit,) = data["audits"]
    totals = ["params", "trainable", "param_bytes", "buffer_bytes", *COUNTS, "memory", "intensity"]
    assert list(audit) == [
        *("name", "kind", "inputs", "device", "reason", "training"),
        *totals,
        *(
            "active_params",
            "peak",
            "shared",
            "uncounted",
            "conventions",
            "deployed",
            "backward",
            "latency",
            "roof",
            "predicted",
            "parts",
            "peers",
            "structure",
            "no_structure",
            "notes",
        ),
        *("stages", "modules", "operators"),
    ]
    module = ["path", "kind", "calls", "params", "shared", "own", "operators", *COUNTS, "memory", "intensity"]
    module += ["latency", "own_latency"]
    operator = [
        "name",
        "op",
        "target",
        "module",
        "inputs",
        "takes",
        *NAMES,
        "shapes",
        "dtype",
        "params",
        *COUNTS,
        "live",
        "counted",
    ]
    assert list(audit["modules"][0]) == module
    assert list(audit["operators"][0]) == [*operator, "intensity"]
    assert list(audit["deployed"]) == ["params", *COUNTS[:6], "folded", "merged"]
    assert data["failures"] == [{"name": "=evil", "reason": "why"}]
    assert data["breaches"] == [{"name": "small", "metric": "macs", "value": 2, "limit": 1}]


@pytest.mark.parametrize(
    ("options", "first"), [(Options(), "(whole)"), (Options(by="stage"), "0"), (Options(by="op"), "conv2d")]
)
def test_the_terminal_has_every_column_with_a_number(options, first):
    lines = render("terminal", RUN, options).splitlines()
    expected = [
        c.heading for c in COLUMNS if c.value(AUDIT.modules[0]) and not (c.of_modules_only and options.by == "op")
    ]
    assert "pool" not in lines[4].split()
    assert [word for word in lines[4].split() if word in expected] == expected
    assert lines[6].split()[0] == first
    assert lines[-1] == "failed  =evil: why"


def test_the_page_has_every_column_in_a_form_that_its_script_knows():
    text = render("html", TIMED)
    for column in COLUMNS:
        assert f'data-key="{column.key}" data-form="{column.form}">{column.title}</th>' in text
        assert (f'data-key="{column.key}"' in render("html", RUN)) == (column.form != "seconds")
    assert {column.form for column in COLUMNS} <= set(FORMS)


@pytest.mark.parametrize("name", FORMATS)
def test_times_stand_in_every_format_where_they_were_measured(name):
    shown = {"terminal": "2.5 ms", "html": "2.5 ms", "csv": ",0.0025,0.001,", "json": '"own_latency": 0.001'}[name]
    assert shown in render(name, TIMED)
    assert shown not in render(name, RUN)
    if name in ("terminal", "html"):
        text = "2.5 ms on this machine, the median of 30 warm runs in evaluation on 2 threads"
        assert text in render(name, TIMED)


def test_totals_are_written_as_bytes_where_they_are():
    assert format_total("param_bytes", 2048) == format_total("memory", 2048) == "2.000 KiB"
    assert format_total("macs", 2048) == "2.048 k"
