"""Models of ultralytics by their yaml: which one is loaded, what is refused, what it is called with."""

from __future__ import annotations

import sys

import pytest

from archlab.audit.audit_request import Request
from archlab.audit.audit_targets import run_audits
from archlab.audit.targets import find_targets
from archlab.errors import InputError
from tests.audit import stand_ins


def yaml(task="detect", **more):
    return {"task": task, "backbone": [[-1, 1, "Conv", [4]], [-1, 1, "nn.ReLU", []]], "head": [], **more}


def test_a_name_of_the_package_with_a_size_is_built_and_audited(monkeypatch, tmp_path):
    tasks = stand_ins.ultralytics(monkeypatch, tmp_path, yaml())
    (audit,) = run_audits(Request(targets=("ultralytics:yolo7n.yaml",), batch=2)).audits
    assert audit.inputs[0].shape == (2, 3, 640, 640)
    assert audit.macs == 2 * 640 * 640 * 12
    assert tasks.loaded == ["yolo7n.yaml"]
    assert tasks.built == [(yaml(), False)]


def test_a_classifier_of_a_file_with_other_channels_and_no_weights(monkeypatch, tmp_path):
    found = yaml("classify", channels=1, activation="torch.nn.LeakyReLU(0.1, inplace=True)")
    found["backbone"].append([-1, 1, "TorchVision", [512, "resnet18", "DEFAULT", True]])
    tasks = stand_ins.ultralytics(monkeypatch, tmp_path, found)
    (tmp_path / "own.yaml").write_text("")
    (target,) = find_targets(f"ultralytics:{tmp_path}/own.yaml")
    assert target.inputs(target.make(), 1).args[0].shape == (1, 1, 224, 224)
    assert tasks.built[0][0]["backbone"][-1][3] == [512, "resnet18", None, True]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (yaml(activation="__import__('os').system('true')"), "is code"),
        (yaml(activation="nn.SiLU(open('x'))"), "is code"),
        (yaml(head=[[-1, 1, "load_checkpoint", ["evil.pt"]]]), "'load_checkpoint' is no layer"),
        (yaml(head=[[-1, 1, "nn.init.ones_", []]]), "is no layer"),
        (yaml(task=None), "called with more than images"),
    ],
)
def test_a_yaml_that_holds_code_or_needs_more_is_refused(monkeypatch, tmp_path, found, message):
    tasks = stand_ins.ultralytics(monkeypatch, tmp_path, found)
    with pytest.raises(InputError) as refused:
        find_targets("ultralytics:yolo7.yaml")
    assert message in str(refused.value)
    assert tasks.built == []


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("yolo8n.yaml", "did you mean yolo7.yaml"),
        ("https://x.org/yolo7.yaml", "neither a file nor a yaml of ultralytics"),
        ("yolo7n", "is no .yaml"),
    ],
)
def test_what_is_neither_a_file_nor_of_the_package_is_not_looked_for(monkeypatch, tmp_path, source, message):
    tasks = stand_ins.ultralytics(monkeypatch, tmp_path, yaml())
    with pytest.raises(InputError) as refused:
        find_targets(f"ultralytics:{source}")
    assert message in str(refused.value)
    assert tasks.loaded == []


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ultralytics.nn.tasks", None)
    with pytest.raises(InputError, match="ultralytics cannot be imported") as refused:
        find_targets("ultralytics:yolo11n.yaml")
    assert refused.value.hint == "pip install ultralytics"
