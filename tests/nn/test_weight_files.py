"""Weights in files: what was saved is loaded, others' nested state dicts too, and nothing that would run code."""

from __future__ import annotations

import pytest
import torch

import archlab
from archlab.errors import InputError
from archlab.nn.weight_files import load_weights, save_weights
from tests.train.squares import TEXT, assert_same, weights


def test_weights_are_kept_and_loaded(tmp_path):
    module, other = archlab.build(TEXT), archlab.build(TEXT, seed=1)
    save_weights(module, tmp_path / "w.pt")
    load_weights(other, tmp_path / "w.pt")
    assert_same(weights(module), weights(other))
    assert_same(weights(module), torch.load(tmp_path / "w.pt", weights_only=True))
    torch.save({"state_dict": {f"module.{k}": v for k, v in module.state_dict().items()}}, tmp_path / "n.pt")
    other = archlab.build(TEXT, seed=2)
    load_weights(other, tmp_path / "n.pt")
    assert_same(weights(module), weights(other))


class Code:
    def __reduce__(self):
        return print, ("run",)


def test_other_files_of_weights_are_refused(tmp_path, capsys):
    path = tmp_path / "w.pt"
    with pytest.raises(InputError, match="there is no file of weights"):
        load_weights(archlab.build(TEXT), path)
    for content in (b"", b"PK\x03\x04", b"hello"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="cannot be read as weights"):
            load_weights(archlab.build(TEXT), path)
    torch.save({"a": Code()}, path)
    with pytest.raises(InputError, match="cannot be read as weights"):
        load_weights(archlab.build(TEXT), path)
    assert capsys.readouterr().out == ""
    save_weights(archlab.build(TEXT.replace("fc(3)", "fc(4)")), path)
    with pytest.raises(InputError, match=r"head\.fc\S*weight and the network's differ in shape, 4x8 and 3x8"):
        load_weights(archlab.build(TEXT), path)
    save_weights(archlab.build(TEXT.replace("body", "trunk")), path)
    with pytest.raises(InputError, match=r"has no tensor body\.\S+; it has stem"):
        load_weights(archlab.build(TEXT), path)
