"""What judges draws of a trained network: a file, what it refuses, and what the original itself is worth."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import archlab
from archlab.errors import InputError
from archlab.grammar import parse
from archlab.nn.weight_files import digest, save_weights
from archlab.original.judge import carried_to, objective_of
from archlab.original.loaded import as_said, first, load_original, read_part
from archlab.original.original import JudgeSettings, Original, read_judge, write_judge
from archlab.search.objective import parse_goals
from archlab.train import evaluate, find_images
from archlab.train.normalisation import Normalisation
from tests.train.drawn import folders

TEXT = "net n(input=3x8x8)\nstem: conv(8, 3, s=2)\nhead: gap -> fc(3)\n"
KNOWN = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@pytest.fixture
def settings(tmp_path):
    folders(tmp_path / "data", 12)
    module = archlab.build(archlab.parse(TEXT), seed=3)
    save_weights(module, tmp_path / "original.pt")
    data = find_images(tmp_path / "data")
    original = Original(
        TEXT, "original.pt", digest(module), str(tmp_path / "data"), data.digest, True, 0, KNOWN, 24
    )  # fmt: skip
    return JudgeSettings(original, "walk", 24, 100, 100)


def test_a_judge_is_read_as_it_was_written(settings, tmp_path):
    write_judge(tmp_path / "judge.json", settings)
    found = read_judge(tmp_path / "judge.json")
    assert found == replace(settings, original=replace(settings.original, weights=str(tmp_path / "original.pt")))
    (goal,) = parse_goals([str(tmp_path / "judge.json")])
    assert (goal.kind, goal.label, goal.objective.direction) == ("user", "judge", "maximize")


def test_the_original_is_worth_what_it_gets_right(settings, tmp_path):
    write_judge(tmp_path / "judge.json", settings)
    value = objective_of(tmp_path / "judge.json")
    module = archlab.build(archlab.parse(TEXT), seed=3).eval()
    part = read_part(find_images(tmp_path / "data"), "val", (3, 8, 8), KNOWN)

    class Itself:
        graph = archlab.elaborate(parse(TEXT)).graph

    assert value(None, Itself, None) == evaluate(module, part).accuracy
    loaded = load_original(read_judge(tmp_path / "judge.json").original, 100)
    x = torch.rand(2, 3, 8, 8)
    assert torch.equal(carried_to(loaded, Itself.graph, settings).module(x), module(x))


def test_other_weights_and_other_images_are_refused(settings, tmp_path):
    write_judge(tmp_path / "judge.json", settings)
    original = read_judge(tmp_path / "judge.json").original
    with pytest.raises(InputError, match="other weights than the search was begun with"):
        load_original(replace(original, weights_digest="0" * 16), 100)
    with pytest.raises(InputError, match="other images than the search was begun with"):
        load_original(replace(original, data_digest="0" * 16), 100)
    (tmp_path / "original.pt").unlink()
    with pytest.raises(InputError, match=r"names the weights in .*original\.pt, which are not here"):
        read_judge(tmp_path / "judge.json")


@pytest.mark.parametrize("text", ["{}", "[]", '{"schema": "archlab.judge/1"}', '{"schema": "archlab.judge/2"}'])
def test_a_file_that_is_no_judge_is_one_line(tmp_path, text):
    (tmp_path / "judge.json").write_text(text)
    with pytest.raises(InputError):
        read_judge(tmp_path / "judge.json")


def test_what_a_network_says_stands_for_labels(tmp_path):
    folders(tmp_path / "data", 12)
    module = archlab.build(archlab.parse(TEXT.replace("fc(3)", "fc(7)")), seed=3).eval()
    source = find_images(tmp_path / "data", labelled=False)
    assert source.classes == ("image",)
    part = as_said(module, read_part(source, "train", (3, 8, 8), KNOWN))
    assert len(part.classes) == 7
    assert evaluate(module, part).accuracy == 1
    few = first(part, 5)
    assert len(few) == 5 == len(few.labels) == len(few.images)
    assert set(few.examples) <= set(part.examples)
