"""`archlab search` for detectors: data, drawn shapes, and finalists that are trained."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from archlab.detect import torchvision_model
from archlab.detect.data_source import TRAIN
from archlab.detect.scores import DETECTION
from archlab.detect.shapes import drawn_shapes
from archlab.errors import InputError
from archlab.grammar import parse
from archlab.search.detection_data import default_objective, find_task, has_data_objective
from archlab.search.result import read_result
from archlab.train import load_weights
from tests.detect.folders import write_data
from tests.detect.test_yolo import whole
from tests.waiting import DEADLINE

SPACE = """net small(input=3x64x64)
stem: conv(8, s=2)
stage1: conv({4, 8}, s=2)
stage2: conv({8, 16}, s=2)
stage3: conv(16, s=2)
detect: fpn(8) -> roi_align(3, sampling=2, canonical=224) -> box_head(16, classes=80)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "small.arch").write_text(SPACE, encoding="utf-8")
    for name, seed in (("train", 0), ("val", 1)):
        write_data(tmp_path / "shapes", drawn_shapes(8, (64, 64), seed), f"{name}.json", name)
    return tmp_path


def search(folder, *args, rc=0):
    command = [sys.executable, "-m", "archlab", "search", "small.arch", "--no-latency", "--out", "out", *args]
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False, timeout=DEADLINE)
    assert done.returncode == rc, done.stderr
    assert "Traceback" not in done.stderr
    return done


def result(folder):
    return json.loads((folder / "out" / "result.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [*DETECTION, TRAIN, "min:roi_fisher", "max:train"])
def test_detection_objectives_look_at_data(name):
    assert has_data_objective(["macs", name])


@pytest.mark.parametrize("name", ["synflow", "mine.py:train", "max:mine.py:detection", "train.json"])
def test_other_objectives_do_not(name):
    assert not has_data_objective([name])
    assert find_task(None, None, 0, 5, [name]) is None


def test_a_detector_is_searched_by_the_detection_score_and_others_by_the_width(folder):
    search(folder, "--data", "shapes", "--trials", "1")
    assert [objective["name"] for objective in result(folder)["objectives"]] == ["detection"]
    assert default_objective(parse("net plain(input=3x32x32)\nstem: conv(8)")) == "score"


def test_without_data_shapes_are_drawn_and_said_to_be(folder):
    done = search(folder, "-o", "level_entropy", "--trials", "2", "--top", "1")
    assert "no --data: detectors are scored on drawn shapes" in done.stderr
    (best,) = result(folder)["finalists"]
    assert best["details"]["level_entropy"]["level use"] == {"p2": 1, "p3": 0, "p4": 0}


@pytest.mark.slow
def test_finalists_are_trained_and_ranked_by_ap(folder):
    search(folder, "-o", "roi_fisher", "--data", "shapes", "--trials", "3", "--train-top", "2", "--train-steps", "5")
    finalists = result(folder)["finalists"]
    assert len(finalists) == 2
    aps = [finalist["values"]["train"] for finalist in finalists]
    assert aps == sorted(aps, reverse=True)
    for finalist in read_result(folder / "out" / "result.json").finalists:
        assert set(finalist.kept) == {"", "rpn"}
        assert all((folder / "out" / file).is_file() for file in finalist.kept.values())
        module = finalist.build()
        state = load_file(finalist.weights)
        assert all(torch.equal(tensor, state[name]) for name, tensor in module.state_dict().items())
        load_weights(torchvision_model(module).rpn, folder / "out" / finalist.kept["rpn"])
    for finalist in finalists:
        details = finalist["details"]
        assert details["train"]["AP"]["ap"] == finalist["values"]["train"]
        assert set(details["train"]["AP by class"]) == {"circle", "square", "triangle"}
        assert len(details["train"]["found"]) == 3
        assert "log ratio" in details["roi_fisher"]["parts"]
        assert "classes=3" in finalist["text"]


@pytest.mark.slow
def test_two_workers_find_what_one_does(folder):
    args = ("-o", "roi_fisher", "--data", "shapes", "--trials", "4", "--sampler", "random")
    search(folder, *args, "--workers", "2")
    two = {
        trial["network"] if "network" in trial else str(trial["draws"]): trial["values"]
        for trial in result(folder)["trials"]
    }
    search(folder, *args, "--out", "one")
    one = json.loads((folder / "one" / "result.json").read_text(encoding="utf-8"))["trials"]
    alone = {trial["network"] if "network" in trial else str(trial["draws"]): trial["values"] for trial in one}
    shared = two.keys() & alone.keys()
    assert shared
    assert {key: two[key] for key in shared} == {key: alone[key] for key in shared}


def test_a_yolo_set_is_searched_with_chosen_classes_and_its_idle_levels_are_remarked_on(folder):
    yolo = whole(folder / "yolo", labels="1 .5 .5 .5 .5\n0 .2 .2 .2 .2\n")
    (yolo / "labels/train/b.txt").write_text("1 .5 .5 .5 .5\n", encoding="utf-8")
    (yolo / "labels/val/c.txt").write_text("1 .5 .5 .5 .5\n", encoding="utf-8")
    done = search(folder, "-o", "level_entropy", "--data", "yolo", "--classes", "dog", "--trials", "1")
    assert "yolo/data.yaml: 1 of its boxes: of a class that is not looked for" in done.stderr
    assert "all 2 boxes are read from p2 at 64x64, and the other levels are idle" in done.stderr
    assert "classes=1" in result(folder)["finalists"][0]["text"]
    assert result(folder)["data"]["classes"] == ["dog"]


@pytest.mark.parametrize("classes", ["", "a,,b", []])
def test_classes_without_a_name_are_refused(folder, classes):
    with pytest.raises(InputError, match="a name that is empty"):
        find_task(folder / "shapes", None, 0, 5, ["train"], classes)


def test_data_without_an_objective_that_looks_at_it_is_refused(folder):
    done = search(folder, "-o", "synflow", "--data", "shapes", rc=2)
    assert "data is given and no objective looks at it" in done.stderr


def test_other_data_in_the_same_study_is_refused(folder):
    args = ("-o", "level_entropy", "--data", "shapes", "--trials", "1")
    search(folder, *args)
    write_data(folder / "shapes", drawn_shapes(8, (64, 64), 5), "train.json", "train")
    assert "data" in search(folder, *args, rc=2).stderr


def test_a_missing_image_ends_the_search_before_it_begins(folder):
    (folder / "shapes" / "train3.png").unlink()
    done = search(folder, "-o", "level_entropy", "--data", "shapes", "--trials", "1", rc=2)
    assert "train3.png" in done.stderr


@pytest.mark.parametrize("workers", [1, 2])
def test_a_broken_image_ends_the_search_before_it_begins(folder, workers):
    (folder / "shapes" / "train3.png").write_bytes(b"no image at all")
    args = ("-o", "level_entropy", "--data", "shapes", "--trials", "2", "--workers", str(workers))
    done = search(folder, *args, rc=2)
    assert "train3.png cannot be read" in done.stderr
    assert not (folder / "out" / "result.json").exists()


def test_another_image_of_the_same_name_is_other_data(folder):
    before = find_task(folder / "shapes", None, 0, 1, ["detection"]).digest
    assert find_task(folder / "shapes", None, 0, 1, ["detection"]).digest == before
    path = folder / "shapes" / "train3.png"
    path.write_bytes(path.read_bytes() + b"more")
    assert find_task(folder / "shapes", None, 0, 1, ["detection"]).digest != before
