"""`archlab refit`: a cut network with its original and images, with and without labels; and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import archlab
from archlab.cli.main import cli
from archlab.errors import InputError
from archlab.nn.weight_files import load_weights, save_weights
from archlab.train import evaluate, find_images, load_part
from archlab.train.normalisation import Normalisation
from tests.carry.networks import trained
from tests.carry.test_refit import cut_by_chance
from tests.train.drawn import folders

TEXT = """net squares(input=3x8x8, divisor=4)
stem: conv(16, 3, s=2)
body: residual(conv(16)) -> conv(32)
head: gap -> fc(3)
"""
NORMALISED = ("--mean", "0.2,0.2,0.2", "--std", "0.3,0.3,0.3")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with images, a network, and half of its channels."""
    monkeypatch.chdir(tmp_path)
    folders(tmp_path / "data", 40)
    text = archlab.parse(TEXT)
    source, target = (archlab.elaborate(text, {"width_mult": w}).graph for w in (1, 0.5))
    module = trained(source)
    cut, _ = cut_by_chance(source, target, module, 0)
    Path("whole.arch").write_text(TEXT)
    save_weights(module, Path("whole.safetensors"))
    save_weights(cut, Path("cut.pt"))
    return tmp_path


def refit(*arguments: str):
    given = ("refit", "whole.arch", "--set", "width_mult=0.5", "--weights", "cut.pt", "--original", "whole.arch",
             "--original-weights", "whole.safetensors", "--data", "data", *arguments)  # fmt: skip
    return CliRunner().invoke(cli, given)


def test_weights_and_what_was_kept_come_out(place):
    done = refit(*NORMALISED, "--json")
    assert done.exit_code == 0, done.exception
    found = json.loads(done.stdout)
    assert found["weights"] == "squares-refit.safetensors"
    first = found["layers"][0]
    assert (first["name"], first["inputs"], first["outputs"]) == ("stem.conv2d", [3, 3], [8, 16])
    assert first["found_by"] == "weights"
    agreement, accuracy = found["measured"]
    assert agreement["what"] == "agreement"
    assert agreement["after"] >= agreement["before"]
    network = archlab.elaborate(archlab.parse(TEXT), {"width_mult": 0.5})
    module, whole = archlab.build(network).eval(), archlab.build(archlab.parse(TEXT)).eval()
    load_weights(module, place / "squares-refit.safetensors")
    load_weights(whole, place / "whole.safetensors")
    test = load_part(find_images("data", 0), "test", (3, 8, 8), normalisation=Normalisation((0.2,) * 3, (0.3,) * 3))
    assert accuracy["after"] == evaluate(module, test).accuracy
    assert accuracy["original"] == evaluate(whole, test).accuracy
    assert accuracy["images"] == len(test) == 12
    assert agreement["after"] == (evaluate(module, test).said == evaluate(whole, test).said).double().mean()


def test_images_without_labels_are_enough(place):
    done = refit("--unlabelled", "--out", "mine.safetensors")
    assert done.exit_code == 0, done.exception
    assert Path("mine.safetensors").is_file()
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["layer", "of", "the", "original", "inputs", "outputs", "found", "by", "unexplained"]
    assert any(line.startswith("agreement  ") for line in lines)
    assert not any(line.startswith("accuracy  ") for line in lines)
    assert "without labels: mine.safetensors" in lines[-1]


def test_what_does_not_fit_is_refused(place):
    def error(*arguments: str) -> str:
        found = refit(*arguments).exception
        assert isinstance(found, InputError), found
        return found.message

    assert "go together" in error("--mean", "1")
    assert "differ in shape" in error("--weights", "whole.safetensors")
    assert "no file of weights" in error("--weights", "gone.pt")
    Path("other.arch").write_text(TEXT.replace(" -> conv(32)", ""))
    torch.save(archlab.build("other.arch").state_dict(), "other.pt")
    assert "the target has" in error("--original", "other.arch", "--original-weights", "other.pt")
