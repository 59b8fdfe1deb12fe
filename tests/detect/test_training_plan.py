"""How a search trains: what its key says, and weights to start from with the text that they are of."""

from __future__ import annotations

import pytest

from archlab.detect.proposals_file import ProposalsFile, proposals_metadata, read_proposals_metadata
from archlab.detect.training_plan import Init, TrainingPlan, find_init, names_of_augmentations
from archlab.errors import InputError

TEXT = "net n(input=3x8x8)\nstem: conv(4)\n"


def test_the_key_says_what_is_not_as_by_default(tmp_path):
    assert TrainingPlan().key == "750 steps"
    init = Init(tmp_path / "w.safetensors", TEXT, "abc")
    plan = TrainingPlan(300, 4, 1e-3, ("scale", "crop"), init)
    assert plan.key == "300 steps, batch 4, rate 0.001, init abc, scale, crop"


def test_augmentations_are_named_once_and_known():
    assert names_of_augmentations(" crop,scale,crop, ") == ("crop", "scale")
    with pytest.raises(InputError, match="no augmentation 'crops' of detection data") as caught:
        names_of_augmentations("crops")
    assert "crop" in caught.value.hint


def test_weights_have_the_text_beside_them_or_one_that_is_named(tmp_path):
    weights = tmp_path / "weights.safetensors"
    with pytest.raises(InputError, match="there is no file of weights"):
        find_init(weights)
    weights.write_bytes(b"one")
    with pytest.raises(InputError, match="does not say whose weights it holds") as caught:
        find_init(weights)
    assert "--init-net" in caught.value.hint
    other = tmp_path / "other.arch"
    other.write_text(TEXT.replace("conv(4)", "conv({4, 8})"), encoding="utf-8")
    named = find_init(weights, str(other))
    (tmp_path / "network.arch").write_text(TEXT, encoding="utf-8")
    found = find_init(weights)
    assert found == named, "of a space it is the default draw"
    assert found.text == TEXT
    weights.write_bytes(b"two")
    assert find_init(weights).digest != found.digest


def test_what_a_file_of_proposals_says_comes_back_and_anything_else_is_refused():
    told = proposals_metadata(["a", "ü"], 2.5)
    assert read_proposals_metadata(told, "f") == ProposalsFile(("a", "ü"), 2.5)
    (key,) = told
    for said in ("", "[]", '{"classes": [1], "anchor_scale": 2}', '{"classes": ["a"], "anchor_scale": -1}', '{"a": 1}'):
        with pytest.raises(InputError, match="f does not say what its detector looks for"):
            read_proposals_metadata({key: said}, "f")
    with pytest.raises(InputError, match="f does not say"):
        read_proposals_metadata({}, "f")
