"""Another training keeps the scores: how finalists are trained is in the key of their stage alone."""

from __future__ import annotations

import pytest

import archlab
from archlab.detect.attach import SMALL
from archlab.detect.shapes import drawn_shapes
from archlab.detect.training_plan import find_init
from archlab.detector import attach_detector, backbone_of
from archlab.errors import InputError
from archlab.nn import build
from archlab.nn.weight_files import save_weights
from archlab.search.carried_start import start_of
from archlab.search.request import make_plan
from archlab.search.stages.needs import check_needs
from archlab.search.study.carried_plan import identity_of
from tests.detect.folders import write_data

TEXT = """net small(input=3x64x64)
stem: conv(8, s=2)
stage1: conv({8, 12}, s=2)
stage2: conv(16, s=2)
detect: fpn(8) -> roi_align(3, sampling=2) -> box_head(16)
"""
CLASSIFIER = """net classifier(input=3x32x32)
stem: conv(8, s=2)
stage1: conv(12, s=2)
stage2: conv(16, s=2)
head: gap -> fc(10)
"""


def plan(tmp_path, **options):
    return make_plan(archlab.parse(TEXT), objective="roi_fisher", train_top=2, out=tmp_path / "out", **options)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"train_steps": 300}, "small/2-train-300-steps"),
        ({"train_batch": 4, "train_rate": 1e-3}, "small/2-train-750-steps-batch-4-rate-0.001"),
        ({"train_augment": "crop,scale"}, "small/2-train-750-steps-crop-scale"),
        ({"device": "cpu"}, "small/2-train-750-steps-cpu"),
    ],
)
def test_another_training_is_another_study_behind_the_same_scores(tmp_path, options, name):
    usual, other = plan(tmp_path), plan(tmp_path, **options)
    scores, trainings = ([identity_of(each, each.stages[i]) for each in (usual, other)] for i in (0, 1))
    assert scores[0] == scores[1]
    assert "training" not in scores[0]
    assert trainings[0] != trainings[1]
    assert {**trainings[0], "training": None} == {**trainings[1], "training": None}
    assert [stage.study for stage in usual.stages] == ["small", "small/2-train"]
    assert [stage.study for stage in other.stages] == ["small", name]


def test_other_data_is_another_search(tmp_path):
    data = write_data(tmp_path / "data", drawn_shapes(6, (64, 64), 0))
    first, other = (identity_of(made, made.stages[0]) for made in (plan(tmp_path), plan(tmp_path, data=data)))
    assert first["data"] != other["data"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train_batch": 0}, "train_batch must be at least 1"),
        ({"train_rate": -1.0}, "train_rate must be above 0"),
        ({"train_augment": "blur"}, "no augmentation 'blur'"),
        ({"init_net": "resnet18"}, "there is no --init"),
        ({"init": "nowhere.safetensors"}, "there is no file of weights"),
    ],
)
def test_what_cannot_train_is_refused_before_anything_runs(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        plan(tmp_path, **options)


@pytest.fixture
def weights(tmp_path):
    """A classifier's weights with its text beside them, and its module."""
    module = build(archlab.elaborate(archlab.parse(CLASSIFIER)).graph, seed=5)
    save_weights(module, tmp_path / "weights.safetensors")
    (tmp_path / "network.arch").write_text(CLASSIFIER, encoding="utf-8")
    return tmp_path / "weights.safetensors", module.state_dict()


def test_a_classifiers_backbone_starts_a_detector_and_narrower_draws_are_carried(weights):
    path, state = weights
    init = find_init(path)
    space = archlab.elaborate(archlab.parse(TEXT.replace("{8, 12}", "12"))).graph
    same = start_of(init, space)
    assert set(same) == {name for name in state if not name.startswith("head")}
    assert all(same[name].equal(state[name]) for name in same)
    narrow = archlab.elaborate(archlab.parse(TEXT.replace("{8, 12}", "8"))).graph
    carried = start_of(init, narrow)
    own = build(backbone_of(narrow)).state_dict()
    assert {name: tensor.shape for name, tensor in carried.items()} == {n: t.shape for n, t in own.items()}
    kept = next(name for name in carried if name.startswith("stage1") and carried[name].dim() == 4)
    rows = state[kept].flatten(1)
    assert all(any(row.equal(other) for other in rows) for row in carried[kept].flatten(1)), "filters of the wider one"


def test_weights_that_start_nothing_of_the_space_are_refused_before_the_first_trial(weights, tmp_path):
    path, _ = weights
    made = plan(tmp_path, init=path)
    made.out.mkdir()
    check_needs(made)
    assert made.stages[1].study.startswith("small/2-train-750-steps-init-")
    other = attach_detector(archlab.elaborate(archlab.parse(TEXT.replace("stage2", "stage9"))).graph, SMALL)
    with pytest.raises(InputError, match=r"cannot start small: its network has the stages stem, stage1, stage2, head"):
        start_of(find_init(path), other)
    path.write_bytes(b"broken")
    with pytest.raises(InputError, match="cannot be read as safetensors"):
        check_needs(plan(tmp_path, init=path))
