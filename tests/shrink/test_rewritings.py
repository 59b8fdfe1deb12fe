"""Rewritings of a trained network, measured on images."""

from __future__ import annotations

import pytest

import archlab
from archlab.errors import InputError
from archlab.nn.weight_files import digest
from archlab.shrink.read_model import TrainedModel, built
from archlab.shrink.rewritings import measure_rewritings
from archlab.shrink.trained import read_trained
from archlab.train import TrainSettings, evaluate, find_images, load_part, train
from archlab.train.normalisation import Normalisation
from tests.train.drawn import folders

TEXT = """net plain(input=3x8x8)
stem: conv(8, 3, s=2)
body: conv(16, 3)
head: gap -> fc(3)
"""


@pytest.fixture
def model():
    return TrainedModel("plain", TEXT, archlab.build(archlab.parse(TEXT), seed=3).state_dict())


def read(model, data, **options):
    return read_trained(model, data, pixels=((0.5,), (0.5,)), **options)


def test_each_is_measured_as_it_is_when_it_is_made_alone(tmp_path):
    data = folders(tmp_path / "data", 80)
    parts = find_images(data)
    module = archlab.build(archlab.parse(TEXT), seed=3)
    shown = [load_part(parts, name, (3, 8, 8), normalisation=Normalisation((0.5,) * 3, (0.5,) * 3))
             for name in ("train", "val")]  # fmt: skip
    train(module, *shown, TrainSettings(steps=16, batch=16, rate=0.02, device="cpu"))
    trained = read(TrainedModel("plain", TEXT, module.state_dict()), data)
    found = archlab.suggest(TEXT)[:4]
    kept = measure_rewritings(trained, found, lambda _: None)
    whole = evaluate(trained.module, trained.held_out).accuracy
    assert (kept.name, kept.original, kept.images) == ("accuracy", whole, len(trained.held_out))
    assert len(set(kept.accuracy)) > 1
    for one, share in zip(found, kept.accuracy, strict=True):
        where = None if one.where == "everywhere" else one.where
        alone = archlab.rewrite_with_weights(
            TEXT, trained.module, one.rule, where, trained.images(), options=one.options
        )
        assert evaluate(alone.module, trained.held_out).accuracy == share


def test_by_a_rule_a_module_becomes_smaller(tmp_path, model):
    data = folders(tmp_path / "data", 12)
    options = {"weights": model.weights, "labelled": False, "mean": [0.5], "std": [0.5], "out": tmp_path / "out"}
    (tmp_path / "plain.arch").write_text(TEXT)
    outcome = archlab.shrink(tmp_path / "plain.arch", data, rule="separable dm=2", where="body", **options)
    (expected,) = [
        one for one in archlab.suggest(TEXT, attempts=[("separable", archlab.RewriteOptions(dm=2))])
        if one.where == "body.conv"
    ]  # fmt: skip
    assert archlab.elaborate(outcome.shrunk.result.text).digest == archlab.elaborate(expected.architecture).digest
    assert outcome.shrunk.rule == "separable dm=2, body"
    assert outcome.shrunk.draws == ()
    assert outcome.shrunk.budgets == {}
    assert outcome.shrunk.layers[0].stands
    _, module = built(TrainedModel("n", outcome.shrunk.result.text, outcome.folder / "weights.safetensors"))
    assert digest(module) == digest(outcome.module)
    page = (outcome.folder / "shrunk.html").read_text()
    assert "What was rewritten" in page
    assert "What can be kept at what cost" not in page
    with pytest.raises(InputError, match="has a shrinking of another network, or by another rule"):
        archlab.shrink(tmp_path / "plain.arch", data, rule="bottleneck", **options)
    with pytest.raises(InputError, match="factorise5x5 saves no MACs in plain, everywhere"):
        archlab.shrink(tmp_path / "plain.arch", data, rule="factorise5x5", **{**options, "out": tmp_path / "other"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "separable", "budget": ["macs=1M"]}, "a rule says itself what it saves"),
        ({"rule": "separated"}, "there is no rule 'separated'"),
        ({"where": "body", "budget": ["macs=1M"]}, "a place belongs to a rule"),
        ({}, "there is no budget"),
    ],
)
def test_a_rule_stands_in_place_of_a_budget(tmp_path, model, options, message):
    (tmp_path / "plain.arch").write_text(TEXT)
    with pytest.raises(InputError, match=message):
        archlab.shrink(tmp_path / "plain.arch", folders(tmp_path / "data", 4), weights=model.weights, **options)
