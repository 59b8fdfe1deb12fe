"""The example trains for real, on squares drawn here; what is broken in its data is named."""

from __future__ import annotations

import json

import optuna
import pytest

import archlab
from archlab.errors import InputError
from tests.examples.sign_digits import SPACE, judged_by, network, objective, run


def test_an_images_split_is_by_the_order_of_names_within_its_class(squares):
    splits = json.loads((squares / "splits.json").read_text(encoding="utf-8"))
    assert {split: len(items) for split, items in splits.items()} == {"train": 42, "val": 9, "test": 9}
    assert [item for item in splits["val"] if item["label"] == 2] == [
        {"file": f"red/{number}.png", "label": 2} for number in (14, 15, 16)
    ]


def test_a_split_that_is_there_is_left_alone(squares):
    before = (squares / "splits.json").read_bytes()
    done = run("split.py", str(squares))
    assert done.returncode == 1
    assert "is there already" in done.stderr
    assert (squares / "splits.json").read_bytes() == before


def test_training_learns_the_colours_and_gives_the_same_bits_again(squares, monkeypatch):
    _, module = objective(squares, monkeypatch)
    trained = network()
    values = list(module.train(trained, seed=0, epochs=40))
    assert len(values) == 40
    assert values[-1] >= 0.9 > values[0]
    assert module.recognised(trained, "test") >= 0.9
    again = network()
    assert list(module.train(again, seed=0, epochs=40)) == values
    weights = zip(trained.state_dict().values(), again.state_dict().values(), strict=True)
    assert all(one.equal(other) for one, other in weights)


def test_another_seed_trains_otherwise(squares, monkeypatch):
    _, module = objective(squares, monkeypatch)
    one, other = network(), network()
    list(module.train(one, seed=0, epochs=1))
    list(module.train(other, seed=1, epochs=1))
    assert not one.state_dict()["head.fc.linear.weight"].equal(other.state_dict()["head.fc.linear.weight"])


def test_every_epoch_is_reported_and_the_last_is_the_value(squares, monkeypatch):
    function, module = objective(squares, monkeypatch)
    trial = judged_by(optuna.pruners.NopPruner(), function)
    assert sorted(trial.intermediate_values) == list(range(1, module.EPOCHS + 1))
    assert trial.value == trial.intermediate_values[module.EPOCHS]


def test_a_candidate_is_pruned_when_the_study_says_so_and_not_before_it_can_know(squares, monkeypatch):
    function, module = objective(squares, monkeypatch)
    trial = judged_by(optuna.pruners.ThresholdPruner(lower=2.0), function)  # of a share: always
    assert trial.state == optuna.trial.TrialState.PRUNED
    assert max(trial.intermediate_values) == module.SURE_AFTER


def test_no_image_is_mirrored(squares, monkeypatch):
    _, module = objective(squares, monkeypatch)
    half = module.torch.zeros(200, 3, 16, 16)
    half[..., :8] = 255  # light on the left
    light = module.varied(half, module.torch.Generator().manual_seed(0))
    assert (light[..., :4].mean((1, 2, 3)) > light[..., -4:].mean((1, 2, 3))).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "does not say which photographs are for what"),
        ("{", "does not say which photographs are for what"),
        ('{"train": [], "val": [], "test": []}', "the split train is empty"),
        ('{"train": [{"file": "a.png", "label": 0}], "val": [], "test": []}', r"names .*a\.png, which is not there"),
    ],
)
def test_broken_splits_are_refused(tmp_path, monkeypatch, text, message):
    (tmp_path / "splits.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        objective(tmp_path, monkeypatch)


def test_a_broken_image_is_named(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(b"no image")
    item = [{"file": "a.png", "label": 0}]
    (tmp_path / "splits.json").write_text(json.dumps({"train": item, "val": item, "test": item}), encoding="utf-8")
    _, module = objective(tmp_path, monkeypatch)
    with pytest.raises(InputError, match=r"a\.png cannot be read as an image"):
        next(module.train(network(), seed=0))


def test_a_network_with_too_few_outputs_is_refused(squares, monkeypatch):
    _, module = objective(squares, monkeypatch)
    small = archlab.build(archlab.elaborate(archlab.parse(SPACE.replace("fc(3)", "fc(2)"))).graph)
    with pytest.raises(InputError, match=r"the network has 2 outputs, but .* has 3 classes"):
        next(module.train(small, seed=0))
