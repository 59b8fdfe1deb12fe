"""The commands that say what a network could be: of texts and of torch models alike."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

import archlab
from archlab.cli.main import cli

TEXT = "net small(input=3x16x16)\nstem: conv(16)\nstage1: repeat(2, basic(16))\nhead: gap -> fc(5)\n"
MODEL = """\
from torch import nn


def small():
    parts = [nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 24, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 5))
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.arch").write_text(TEXT, encoding="utf-8")
    (tmp_path / "model.py").write_text(MODEL, encoding="utf-8")

    def run_command(*args):
        done = CliRunner().invoke(cli, list(map(str, args)))
        assert done.exit_code == 0, done.output
        return done.stdout

    return run_command


def test_an_audit_suggests_below_its_table_and_in_json(run):
    found = archlab.suggest(TEXT)
    text = run("audit", "small.arch", "--suggest")
    assert "what could save MACs in small\n" in text
    assert f" {found[0].title} " in text
    said = json.loads(run("audit", "small.arch", "--suggest", "--json"))["suggestions"]
    assert [one["after"]["macs"] for one in said[0]["suggestions"]] == [one.after.macs for one in found]
    assert "suggestions" not in json.loads(run("audit", "small.arch", "--json"))


def test_the_page_of_an_audit_has_sliders_where_they_are_asked_for(run, tmp_path):
    run("audit", "small.arch", "--suggest", "--html", "with.html")
    run("audit", "small.arch", "--html", "without.html")
    page = (tmp_path / "with.html").read_text(encoding="utf-8")
    assert page.count('type="range"') == 4
    assert 'href="#what-if-1"' in page
    assert "data-what-if" not in (tmp_path / "without.html").read_text(encoding="utf-8")


def test_a_torch_model_is_lifted_for_it(run, tmp_path):
    said = json.loads(run("audit", "model.py:small", "--input", "3x16x16", "--suggest", "--json"))
    assert said["suggestions"][0]["reason"] == ""
    assert {one["rule"] for one in said["suggestions"][0]["suggestions"]} >= {"separable", "bottleneck"}
    before = said["suggestions"][0]["suggestions"][0]["before"]
    assert (before["params"], before["macs"]) == (said["audits"][0]["params"], said["audits"][0]["macs"])


def test_what_cannot_be_lifted_is_named_and_the_audit_stands(run, tmp_path):
    odd = "import torch\nfrom torch import nn\n\n\nclass Odd(nn.Module):\n    def forward(self, x):\n        "
    (tmp_path / "odd.py").write_text(odd + "return torch.fft.fft2(x).real\n", encoding="utf-8")
    said = json.loads(run("audit", "odd.py:Odd", "--input", "3x8x8", "--suggest", "--json"))
    assert said["suggestions"][0]["suggestions"] == []
    assert said["suggestions"][0]["reason"].startswith("nothing is suggested: ")


def test_rewrite_takes_the_input_of_a_model_and_of_no_text(run):
    assert "as it is: MACs 995.4 k" in run("rewrite", "model.py:small", "--input", "3x16x16")
    refused = CliRunner().invoke(cli, ["rewrite", "small.arch", "--input", "3x16x16"])
    assert refused.exit_code == 2
    assert "--input belongs to models" in refused.output


def test_rewrite_writes_the_page_beside_its_list(run, tmp_path):
    assert "rewrite NET --apply N" in run("rewrite", "small.arch", "--html", "page.html")
    assert "Other widths, depths and kernels" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_lift_opens_holes_and_the_model_is_the_default_draw(run):
    closed, opened = run("lift", "small.arch"), run("lift", "small.arch", "--holes", "width, depth")
    assert archlab.elaborate(opened).digest == archlab.elaborate(closed).digest
    assert not archlab.load_space(opened).is_reference


def test_columns_of_suggestions_are_chosen(run):
    heads = [line.split() for line in run("rewrite", "small.arch", "--columns", "saves,risk").splitlines()]
    assert ["#", "saves", "risk"] in heads
    refused = CliRunner().invoke(cli, ["rewrite", "small.arch", "--columns", "saved"])
    assert refused.exit_code != 0
    assert "no column 'saved'" in str(refused.exception)
