"""Exports with trained weights: what is written gives what the trained module gives, and other weights are refused."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import archlab
from archlab.cli.main import cli
from archlab.elaborate import elaborate, load
from archlab.errors import BuildError, InputError
from archlab.exchange.check_export import check_export
from archlab.exchange.export import export
from archlab.exchange.export_parts import build_part
from archlab.nn.weight_files import load_weights, save_weights
from tests.nn.networks import DETECTOR

TEXT = "net small(input=3x8x8)\nstem: conv({4, 8}, 3, s=2)\nbody: residual(conv(4))\nhead: gap -> fc(3)\n"


def trained(text: str):
    """A module with weights that no seed gives."""
    module, rng = archlab.build(archlab.parse(text), seed=5), torch.Generator().manual_seed(0)
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            tensor.add_(0.1 * torch.rand(tensor.shape, generator=rng))
    return module.eval()


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("small.arch").write_text(TEXT)
    return tmp_path


def run(*arguments: str):
    return CliRunner().invoke(cli, ["export", *arguments])


@pytest.mark.parametrize("file", ["w.safetensors", "w.pt"])
def test_the_source_comes_with_its_weights(place, file):
    module = trained(TEXT)
    save_weights(module, place / file)
    done = run("small.arch", "--weights", file, "--to", "python", "--out", "made/mine.py")
    assert done.exit_code == 2 or done.exception, "the folder is not there"
    done = run("small.arch", "--weights", file, "--to", "python", "--out", "mine.py")
    assert done.stdout.splitlines()[:2] == ["mine.py", "small.safetensors"]
    assert done.stdout.splitlines()[2].startswith("differs from the module by at most 0, its outputs being up to ")
    x = torch.randn(2, 3, 8, 8)
    again = runpy.run_path("mine.py")["trained"]()
    assert not again.training
    with torch.no_grad():
        assert torch.equal(again(x), module(x))


@pytest.mark.parametrize("to", ["onnx", "pt2"])
def test_binaries_hold_the_weights(place, to):
    if to == "onnx":
        pytest.importorskip("onnxruntime")
    module = trained(TEXT)
    save_weights(module, place / "w.safetensors")
    done = run("small.arch", "--weights", "w.safetensors", "--to", to, "--out", "made")
    assert done.stdout.startswith("made\ndiffers from the module by at most ")
    graph = elaborate(archlab.parse(TEXT)).graph
    content = Path("made").read_bytes()
    assert check_export(content, to, graph, module).worst < 1e-6
    with pytest.raises(BuildError, match=f"small as {to} differs from the module by at most"):
        check_export(content, to, graph, archlab.build(graph, seed=5))


def test_a_part_of_a_detector_has_the_weights_of_the_whole(tmp_path):
    pytest.importorskip("onnxruntime")
    space = load(archlab.parse(DETECTOR))
    network = elaborate(archlab.parse(DETECTOR))
    state = trained(DETECTOR).state_dict()
    for part, to in (("neck", "onnx"), ("backbone", "python")):
        content = export(space, network, to, part=part, weights=state)
        graph, module = build_part(network, part, 0, state)
        found = check_export(content, to, graph, module)
        assert found.worst < 1e-5 * found.largest


def test_what_cannot_be_exported_is_one_error(place):
    module = trained(TEXT)
    save_weights(module, place / "w.safetensors")

    def error(*arguments: str) -> str:
        found = run("small.arch", "--weights", *arguments).exception
        assert isinstance(found, InputError)
        return found.message

    assert "differ in shape, 4x3x3x3 and 8x3x3x3" in error(
        "w.safetensors", "--set", "stem.conv.c=8", "--to", "onnx", "--out", "o"
    )
    save_weights(archlab.build(archlab.parse(TEXT.replace("body", "trunk"))), place / "t.pt")
    assert "t.pt has no tensor body." in error("t.pt", "--to", "pt2", "--out", "o")
    Path("b.safetensors").write_bytes(b"hello")
    assert "b.safetensors cannot be read as safetensors" in error("b.safetensors", "--to", "pt2", "--out", "o")
    assert "no file of weights none.pt" in error("none.pt", "--to", "pt2", "--out", "o")
    assert "(arch) holds no weights" in error("w.safetensors", "--to", "arch", "--out", "o")
    assert "two files" in error("w.safetensors", "--to", "python")
    assert not Path("o").exists()
    with pytest.raises(InputError, match="the state dict has no tensor"):
        export(load(archlab.parse(TEXT)), elaborate(archlab.parse(TEXT)), "pt2", weights={})


def test_tensors_that_share_memory_are_written(tmp_path):
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    module[1].weight = module[0].weight
    save_weights(module, tmp_path / "w.safetensors")
    other = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    load_weights(other, tmp_path / "w.safetensors")
    assert torch.equal(other[1].weight, module[0].weight)
