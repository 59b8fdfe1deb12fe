"""What an audit says of a model's structure: of a text, of a model that can be read, of one that cannot."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

import archlab
from archlab.audit.audit_request import Request
from archlab.audit.audit_targets import run_audits
from archlab.audit.formats import Options, render
from archlab.errors import AuditError
from archlab.report.terminal_tables import Choice

MODEL = "import torch\n\ndef make():\n    return torch.nn.Conv2d(3, 8, 3), torch.ones(1, 3, 8, 8)\n"
TEXT = "net tiny(input=3x16x16)\nstem: conv(8, 3, s=2)\nbody: repeat(2, separable(8, dm=2))\nhead: gap -> fc(4)\n"


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "tiny.arch"
    path.write_text(TEXT)
    return str(path)


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(MODEL)
    return f"{path}:make"


def test_of_a_text(text):
    (audit,) = run_audits(Request(targets=(text,), structure=True)).audits
    assert audit.structure.counts()["depthwise separable"] == 2
    assert audit.structure == archlab.structure(TEXT)
    assert audit.no_structure is None


def test_only_where_it_is_asked_for(text):
    (audit,) = run_audits(Request(targets=(text,))).audits
    assert (audit.structure, audit.no_structure) == (None, None)


def test_of_a_model_by_what_reads_its_graph(model):
    given = []

    def lift(module, args, kwargs):
        given.append((type(module).__name__, [tuple(a.shape) for a in args], kwargs))
        return archlab.elaborate("net n(input=3x8x8)\na: conv(8, 3, norm=none, act=none)\n").graph

    (audit,) = run_audits(Request(targets=(model,), structure=True), lift=lift).audits
    assert given == [("Conv2d", [(1, 3, 8, 8)], {})]
    assert audit.structure.counts() == {"standard convolution": 1}


def test_a_model_that_cannot_be_read_is_audited_all_the_same(model):
    def lift(module, args, kwargs):
        raise AuditError("aten::fft_fft at freq has no operator in the language", hint="none")

    run = run_audits(Request(targets=(model,), structure=True), lift=lift)
    (audit,) = run.audits
    assert (audit.macs, run.exit_code) == (6 * 6 * 8 * 27, 0)
    assert "aten::fft_fft at freq" in audit.no_structure
    printed = render("terminal", run, Options(structure=True))
    assert "its structure is not known: aten::fft_fft at freq" in printed
    assert "aten::fft_fft at freq" in render("html", run)
    (data,) = json.loads(render("json", run))["audits"]
    assert (data["structure"], data["no_structure"]) == (None, audit.no_structure)


def test_the_json_has_every_block(text):
    run = run_audits(Request(targets=(text,), structure=True))
    (data,) = json.loads(render("json", run))["audits"]
    names = [section["name"] for section in data["structure"]["sections"]]
    assert names == ["stem", "stage 1", "head"]
    block = data["structure"]["sections"][1]["blocks"][0]
    assert (block["kind"], block["settings"]["multiplier"], block["settings"]["kernel"]) == (
        "depthwise separable",
        2,
        ["3x3"],
    )
    assert block["params"] == 16 * 9 + 2 * 16 + 8 * 16 + 2 * 8


def test_the_page_has_the_section_and_the_drawing_of_blocks(text):
    page = render("html", run_audits(Request(targets=(text,), structure=True)))
    assert "<h3>Structure</h3>" in page
    assert "depthwise separable 3x3 dm2" in page
    assert 'class="net-block' in page


def test_the_terminal_shows_each_model_with_the_columns_that_are_asked_for(text):
    run = run_audits(Request(targets=(text, text), structure=True))
    printed = render("terminal", run, Options(structure=True, columns=Choice(("where",))))
    assert printed.count("depthwise separable 3x3 dm2") == 2
    (row,) = {line for line in printed.split("\n") if line.startswith(" depthwise separable ") and "3x3" not in line}
    assert row.split() == ["depthwise", "separable", "stage", "1"]


def layers():
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 16, 1))


@pytest.mark.parametrize("given", [(1, 3, 8, 8), "3x8x8", torch.ones(1, 3, 8, 8)], ids=["shape", "text", "tensor"])
def test_in_python_it_is_what_the_command_gives(given, tmp_path):
    audit = archlab.audit(layers(), given, structure=True)
    assert audit.structure.counts() == {"standard convolution": 1, "depthwise separable": 1}
    audit.to_html(tmp_path / "page.html")
    assert "<h3>Structure</h3>" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert json.loads(json.dumps(audit.as_dict()))["structure"]["counts"] == audit.structure.counts()
    alone = archlab.audit(layers(), given)
    assert (alone.structure, alone.no_structure, alone.macs) == (None, None, audit.macs)


def test_in_python_it_says_why_it_is_not_known():
    class Odd(nn.Module):
        def forward(self, x):
            return torch.fft.fft2(x).real

    audit = archlab.audit(Odd(), torch.ones(1, 3, 8, 8), structure=True)
    assert audit.structure is None
    assert "fft" in audit.no_structure
    named = archlab.audit(layers(), input=torch.ones(1, 3, 8, 8), structure=True)
    assert named.no_structure == "it is called with arguments by name: input"
