"""``archlab lift``: the text on standard output, what is said of it on standard error."""

from __future__ import annotations

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from archlab.cli.main import cli
from archlab.errors import LiftError

MODELS = """
import torch
from torch import nn

def small():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())

class Rolled(nn.Module):
    def forward(self, x):
        return torch.roll(x, 1, 1)

def rolled():
    return nn.Sequential(*small(), Rolled())

class Odd(nn.Module):
    def forward(self, x):
        return x.cumsum(1).erf()
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models.py").write_text(MODELS)
    return lambda *args: CliRunner().invoke(cli, ["lift", *args])


def test_the_text_comes_on_standard_output_and_its_counts_on_the_other(run):
    done = run("models.py:small", "--input", "3x16x16")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("net small(input=3x16x16)\n")
    assert "conv(8)" in done.stdout
    assert "2 lines" in done.stderr
    assert "232 params, 55,296 MACs, as the model" in done.stderr
    assert "to the bit" in done.stderr


def test_text_and_weights_go_to_files(run, tmp_path):
    done = run("models.py:small", "--input", "3x16x16", "--out", "small.arch", "--weights", "small.pt")
    assert done.exit_code == 0, done.output
    assert done.stdout == "small.arch\n"
    state = torch.load(tmp_path / "small.pt", weights_only=True)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()).eval()

    import archlab

    module = archlab.build(str(tmp_path / "small.arch")).eval()
    module.load_state_dict(state)
    x = torch.randn(1, 3, 16, 16)
    assert torch.equal(module(x), model(x))


def test_what_cannot_be_said_is_listed_and_the_exit_code_is_1(run):
    done = run("models.py:Odd", "--input", "3x16x16")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert "models.py:Odd cannot be said in the language, in 2 places:" in done.stderr
    assert "the model itself: cumsum of 1x3x16x16: the language has no operator for it" in done.stderr
    assert "the model itself: erf" in done.stderr


def test_an_exported_program_is_a_target(run, tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2)
    )
    torch.export.save(torch.export.export(model.eval(), (torch.randn(1, 3, 16, 16),)), tmp_path / "small.pt2")
    done = run("small.pt2")
    assert done.exit_code == 0, done.output
    assert "gap -> fc(2)" in done.stdout
    assert "to the bit" in done.stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("models.py:small",), "its inputs are not known"),
        (("models.py:small", "--input", "3x16x16", "--input", "3x16x16"), "and not one batch of images"),
        (("timm:resnet1*",), "models"),
        (("models.py:none", "--input", "3x16x16"), "none"),
    ],
)
def test_what_is_wrong_is_said_in_one_message(run, args, message):
    done = run(*args)
    assert done.exit_code != 0
    assert message in str(done.exception)


def test_with_opaque_a_module_stays_as_it_is(run):
    done = run("models.py:rolled", "--input", "3x16x16", "--opaque")
    assert done.exit_code == 0, done.output
    assert 'opaque("3", 8x16x16)' in done.stdout
    assert "1 module is opaque, with 0 of the params and 0 of the MACs" in done.stderr
    assert "to the bit" in done.stderr
    refused = run("models.py:Odd", "--input", "3x16x16", "--opaque")
    assert refused.exit_code == 1
    assert "No module around it can be kept opaque: it is in the model itself" in refused.stderr


def test_of_several_outputs_the_option_is_named(run, tmp_path):
    (tmp_path / "models.py").write_text(
        MODELS
        + "\nclass Two(nn.Module):\n    def forward(self, x):\n        return {'out': x.relu(), 'aux': x.tanh()}\n"
    )
    done = run("models.py:Two", "--input", "3x16x16")
    assert done.exit_code == 1
    assert isinstance(done.exception, LiftError)
    assert done.exception.message == "the model returns 2 tensors (out, aux), and a text has one output"
    assert done.exception.hint == "choose one, such as --output out"
    assert run("models.py:Two", "--input", "3x16x16", "--output", "out").stdout.endswith("relu\n")
