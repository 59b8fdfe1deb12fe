"""A search of classifiers: trained on images with a class each, and every trained finalist's weights kept."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import archlab
from archlab.detect.training_plan import TrainingPlan
from archlab.errors import InputError
from archlab.search import tasks
from archlab.search.image_task import ImageTask
from archlab.search.kept_weights import kept_files
from archlab.search.request import make_plan
from archlab.search.result import read_result
from archlab.train import evaluate, find_images, load_part
from tests.train.drawn import folders
from tests.waiting import DEADLINE

TEXT = "net squares(input=3x8x8)\nstem: conv([4..16 step 4], 3, s=2)\nhead: gap -> fc(1000)\n"
WITH_HEAD = """net small(input=3x64x64)
stem: conv(8, s=4)
detect: fpn(8) -> roi_align(3, sampling=2) -> box_head(16, classes=80)
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return folders(tmp_path_factory.mktemp("images") / "squares", 20)


def search(data: Path, out: Path, **options):
    asked = {"objective": "train", "train_steps": 12, "trials": 3, "top": 2, "latency": False, "device": "cpu"}
    return archlab.search(archlab.parse(TEXT), data=data, out=out, **{**asked, **options})


def held_out(data: Path, shape=(3, 8, 8)):
    source = find_images(data, 0)
    training = load_part(source, "train", shape)
    return load_part(source, "val", shape, normalisation=training.normalisation)


@pytest.fixture(scope="module")
def searched(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    return search(data, out), out


def test_finalists_are_built_with_the_weights_that_earned_their_value(searched, data):
    result, out = searched
    assert [trial.state for trial in result.trials].count("scored") == 3
    read = read_result(out / "result.json")
    assert read == result
    for finalist, again in zip(result.finalists, read.finalists, strict=True):
        assert finalist.weights == out / "finalists" / f"{finalist.name}.safetensors" == again.weights
        module = again.build()
        assert not module.training
        part = held_out(data)
        found = evaluate(module, part)
        assert found.accuracy == finalist.values["train"]
        assert finalist.details["train"]["held out"]["images"] == len(part)
        assert found.confusion.shape == (3, 3)
    assert "fc(3)" in result.finalists[0].text
    values = [finalist.values["train"] for finalist in result.finalists]
    assert values == sorted(values, reverse=True)
    assert "folder" not in json.loads((out / "result.json").read_text())["finalists"][0]


def test_a_resumed_search_trains_only_what_is_new(searched, data):
    result, out = searched
    before = {path: path.stat().st_mtime_ns for path in (out / "trained").iterdir()}
    assert len(before) == 3
    more = search(data, out, trials=4)
    after = {path: path.stat().st_mtime_ns for path in (out / "trained").iterdir()}
    assert before.items() <= after.items()
    assert len(after) == 4
    assert more.trials[: len(result.trials)] == result.trials


@pytest.mark.parametrize("other", [{"train_steps": 13}, {"data": "more"}])
def test_other_data_or_settings_are_another_study(searched, data, tmp_path, other):
    _, out = searched
    if "data" in other:
        other = {"data": folders(tmp_path / "squares", 21)}
    with pytest.raises(InputError, match=r"was made with (data|training)"):
        search(**{"data": data, "out": out, **other})


def test_only_the_best_are_trained(data, tmp_path):
    result = search(data, tmp_path, objective="min:params", train_top=2, trials=4, top=3, sampler="random")
    assert [stage.candidates for stage in result.stages] == [4, 2]
    assert len(result.finalists) == 2
    assert all(finalist.weights is not None for finalist in result.finalists)
    assert len(list((tmp_path / "trained").iterdir())) == 2


def test_what_was_not_trained_is_built_as_any_network(tmp_path):
    result = archlab.search(archlab.parse(TEXT), objective="params", trials=1, out=tmp_path, latency=False, seed=4)
    (finalist,) = result.finalists
    assert finalist.weights is None
    fresh = archlab.build(archlab.parse(finalist.text), seed=4).state_dict()
    assert all(torch.equal(tensor, fresh[name]) for name, tensor in finalist.build().state_dict().items())


def test_a_file_of_weights_that_is_gone_is_said(searched):
    finalist = dataclasses.replace(searched[0].finalists[0], kept={"": "finalists/gone.safetensors"})
    with pytest.raises(InputError, match=r"no file of weights .*gone\.safetensors"):
        finalist.build()


def test_details_of_a_stranger_name_no_file_outside(tmp_path):
    (tmp_path / "trained").mkdir()
    (tmp_path / "secret").write_text("x")
    (tmp_path / "trained" / "a.safetensors").write_text("x")
    files = {"weights": "trained/a.safetensors", "rpn weights": "trained/../secret", "b weights": 3}
    assert kept_files({"train": files}, tmp_path) == {"": tmp_path / "trained" / "a.safetensors"}


@pytest.mark.slow
def test_two_workers_find_what_one_finds(data, tmp_path):
    (tmp_path / "squares.arch").write_text(TEXT)
    command = [sys.executable, "-m", "archlab", "search", "squares.arch", "--data", str(data), "-o", "min:params",
               "--train-top", "2", "--train-steps", "12", "-n", "4", "--sampler", "random", "--workers", "2",
               "--no-latency", "--device", "cpu", "--out", "out"]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False, timeout=DEADLINE)
    assert done.returncode == 0, done.stderr
    assert "a tenth of each class" in done.stderr
    for finalist in read_result(tmp_path / "out" / "result.json").finalists:
        assert evaluate(finalist.build(), held_out(data)).accuracy == finalist.values["train"]


def refused(match: str, text: str = TEXT, **options):
    with pytest.raises(InputError, match=match):
        archlab.search(archlab.parse(text), **{"trials": 1, "latency": False, "objective": "train", **options})


def test_what_does_not_fit_is_refused_before_the_first_training(data, tmp_path):
    text = "net n(input=3x8x8)\na: conv(4) -> gap\n"
    refused("gives 4x1x1 for an image, and .* has 3 classes", text, data=data, out=tmp_path)
    refused("--val is for detection data", data=data, val=data, out=tmp_path)
    refused("no objective looks at it", data=data, objective="score", out=tmp_path)
    refused("no such file or folder", data=tmp_path / "none", out=tmp_path)
    if not torch.cuda.is_available():
        refused("finds no device cuda", data=data, device="cuda", out=tmp_path)


def task_of(text, data, *objectives):
    return tasks.find_task(archlab.parse(text), data, None, 0, TrainingPlan(steps=5), list(objectives))


def test_which_data_is_meant(data, tmp_path):
    assert isinstance(task_of(TEXT, data, "params", "max:train"), ImageTask)
    (tmp_path / "train.json").write_text("{}")
    assert not isinstance(task_of(TEXT, tmp_path, "train"), ImageTask), "a backbone that is trained as a detector"
    assert not isinstance(task_of(TEXT, tmp_path / "train.json", "train"), ImageTask)
    assert not isinstance(task_of(TEXT, None, "train"), ImageTask)
    with pytest.raises(InputError, match="annotations"):
        task_of(WITH_HEAD, data, "train")
    plan = make_plan(archlab.parse(TEXT), data=data, objective="train", out=tmp_path)
    assert plan.stages[0].goals[0].kind == "data"
