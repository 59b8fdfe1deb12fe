"""What a profile predicts of a torch model, module by module."""

from __future__ import annotations

import json

import pytest

from archlab.audit.audit_request import Request
from archlab.audit.audit_targets import run_audits
from archlab.cli.ending import run
from archlab.cli.main import cli
from archlab.latency import read_profile
from archlab.lift.model_graph import called_graph
from tests.latency.profiles import KERNEL, MAC, write_here


def test_the_modules_add_up_to_the_model(tmp_path):
    predictor = read_profile(write_here(tmp_path / "p.json"))
    request = Request(targets=("torchvision:resnet18",), inputs=("3x64x64",), profile=predictor)
    (audit,) = run_audits(request, lift=called_graph).audits
    assert audit.predicted is not None
    whole = audit.modules[0]
    assert whole.path == ""
    assert whole.latency == pytest.approx(audit.predicted.seconds)
    assert sum(module.own_latency for module in audit.modules) == pytest.approx(audit.predicted.seconds)
    by_path = {module.path: module for module in audit.modules}
    conv = by_path["conv1"]
    assert conv.own_latency == pytest.approx(KERNEL + MAC * 3 * 64 * 49 * 32 * 32)


def test_a_model_that_cannot_be_said_has_a_note(tmp_path):
    (tmp_path / "odd.py").write_text(
        "import torch\nclass Odd(torch.nn.Module):\n"
        "    def __init__(self):\n        super().__init__(); self.c = torch.nn.Conv2d(3, 3, 1)\n"
        "    def forward(self, x):\n        return torch.fft.fft(self.c(x)).abs()\n"
        "def make():\n    return Odd()\n"
    )
    predictor = read_profile(write_here(tmp_path / "p.json"))
    request = Request(targets=(f"{tmp_path / 'odd.py'}:make",), inputs=("3x8x8",), profile=predictor)
    (audit,) = run_audits(request, lift=called_graph).audits
    assert audit.predicted is None
    assert any(note.startswith("its latency is not predicted: ") for note in audit.notes)
    assert audit.modules[0].latency is None


def test_the_command_prints_it(tmp_path, capsys):
    path = str(write_here(tmp_path / "p.json"))
    assert run(cli, ["audit", "torchvision:squeezenet1_1", "--input", "3x64x64", "--profile", path, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)["audits"][0]
    assert data["predicted"]["seconds"] == pytest.approx(data["modules"][0]["latency"])
    assert run(cli, ["audit", "torchvision:squeezenet1_1", "--input", "3x64x64", "--profile", path]) == 0
    out = capsys.readouterr().out
    assert "in nine of ten networks), predicted for" in out


def test_show_prints_it_by_stage(tmp_path, capsys):
    path = str(write_here(tmp_path / "p.json"))
    assert run(cli, ["show", "resnet18", "--profile", path, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert sum(stage["latency"] for stage in data["stages"]) == pytest.approx(data["latency"]["seconds"])
    for by in ("stage", "block", "op"):
        assert run(cli, ["show", "resnet18", "--profile", path, "--by", by, "--wide"]) == 0
        out = capsys.readouterr().out
        assert "latency" in out
        assert "in nine of ten networks), predicted for" in out
