"""A trained detector whole again from its files, what it finds in images, and its ONNX from image to boxes."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from archlab import elaborate, parse
from archlab.cli.main import cli
from archlab.detect.faster_rcnn import detector_module
from archlab.detect.find_boxes import coco_results, find_boxes, image_files
from archlab.detect.measure_ap import anchor_scale, small_faster_rcnn
from archlab.detect.proposals_file import proposals_metadata
from archlab.detect.shapes import CLASSES, drawn_shapes
from archlab.detect.train_detector import Schedule, train
from archlab.errors import InputError
from archlab.nn.weight_files import save_weights
from archlab.search.export_detector import MOST_OFF, check_detector, export_detector
from archlab.search.trained_detector import load_detector
from tests.cli.command_line import archlab
from tests.detect.folders import write_data

pytest.importorskip("torchvision")

TEXT = """net small(input=3x64x64)
stem: conv(8, s=2)
stage1: conv(8, s=2)
stage2: conv(16, s=2)
detect: fpn(8) -> roi_align(3, sampling=2) -> box_head(16, classes=3)
"""
FILES = Path(__file__).resolve().parents[1] / "data" / "bccd"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A trained model, its data, and its files as a search keeps them."""
    folder = tmp_path_factory.mktemp("finalists")
    data = drawn_shapes(16, (64, 64), 0)
    graph = elaborate(parse(TEXT)).graph
    model = small_faster_rcnn(graph, data, 0)
    train(model, data, Schedule(steps=20, batch_size=4), 0)
    model.eval()
    (folder / "small.arch").write_text(TEXT, encoding="utf-8")
    save_weights(detector_module(model, graph), folder / "small.safetensors")
    save_weights(model.rpn, folder / "small-rpn.safetensors", proposals_metadata(CLASSES, anchor_scale(graph, data)))
    return model, data, folder / "small.safetensors"


def test_it_finds_what_it_found_when_it_was_trained(trained):
    model, data, checkpoint = trained
    detector = load_detector(checkpoint)
    assert (detector.name, detector.classes, detector.size) == ("small", CLASSES, (64, 64))
    images = list(data.batch(range(3)))
    with torch.no_grad():
        for one, other in zip(model(images), detector.model(images), strict=True):
            assert len(one["boxes"]) > 5
            assert all(torch.equal(one[key], other[key]) for key in one)


def test_boxes_are_in_pixels_of_the_file(trained, tmp_path):
    model, data, _ = trained
    write_data(tmp_path, data.part(range(2)))
    large = Image.open(tmp_path / "t1.png").resize((128, 128), Image.Resampling.NEAREST)
    large.save(tmp_path / "u.png")
    files = image_files([tmp_path, tmp_path / "t1.png"])
    assert [path.name for path in files] == ["t1.png", "t2.png", "u.png"]
    found = list(find_boxes(model, files, (64, 64)))
    with torch.no_grad():
        (own,) = model(list(data.batch([0])))
    for i, box in enumerate(found[0].boxes):
        assert box.box == pytest.approx(own["boxes"][i].tolist(), abs=1e-4)
        assert (box.label, box.score) == (own["labels"][i], pytest.approx(own["scores"][i].item()))
    assert found[2].size == (128, 128)
    assert max(box.box[2] for box in found[2].boxes) > 64
    rows = coco_results(found)
    x1, y1, x2, y2 = found[0].boxes[0].box
    assert rows[0] == {
        "image_id": 1, "file_name": "t1.png", "category_id": found[0].boxes[0].label,
        "bbox": pytest.approx([x1, y1, x2 - x1, y2 - y1], abs=0.01),
        "score": pytest.approx(own["scores"][0].item(), abs=1e-5),
    }  # fmt: skip
    assert {row["image_id"] for row in rows} == {1, 2, 3}


def test_what_is_missing_is_said(trained, tmp_path):
    _, _, checkpoint = trained
    with pytest.raises(InputError, match="there is no checkpoint"):
        load_detector(tmp_path / "no.safetensors")
    copied = tmp_path / "small.safetensors"
    copied.write_bytes(checkpoint.read_bytes())
    with pytest.raises(InputError, match=r"is of no trained detector: it has no proposal network .*, small-rpn"):
        load_detector(copied)
    (tmp_path / "small-rpn.safetensors").write_bytes(checkpoint.read_bytes())
    with pytest.raises(InputError, match=r"has no text beside it: there is no small\.arch"):
        load_detector(copied)
    copied.with_suffix(".arch").write_text(TEXT, encoding="utf-8")
    with pytest.raises(InputError, match="does not say what its detector looks for"):
        load_detector(copied)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="has no image"):
        image_files([tmp_path / "empty"])
    with pytest.raises(InputError, match="no such file or folder"):
        image_files([tmp_path / "nowhere"])


@pytest.mark.parametrize("exporter", ["trace", pytest.param("dynamo", marks=pytest.mark.slow)])
def test_onnx_runtime_finds_the_same_boxes(trained, exporter):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    _, data, checkpoint = trained
    detector = load_detector(checkpoint)
    content = export_detector(detector, exporter)
    images = data.batch(range(5))
    assert check_detector(content, detector, images) < MOST_OFF == 1e-3
    model = onnx.load_from_string(content)
    assert any(node.op_type == "NonMaxSuppression" for node in model.graph.node)
    told = {prop.key: json.loads(prop.value) for prop in model.metadata_props}
    assert told["classes"] == list(CLASSES)
    # Where it finds nothing it gives no box, and no error.
    detector.model.roi_heads.score_thresh = 2.0
    assert check_detector(export_detector(detector, "trace"), detector, images[:1]) == 0


def test_the_commands_write_pictures_results_and_onnx(trained, tmp_path):
    _, data, checkpoint = trained
    write_data(tmp_path / "i", data.part(range(2)))
    images = (tmp_path / "i", FILES / "BloodImage_00123.jpg")
    done = archlab("predict", checkpoint, *images, "--score", "0.0", "--out", tmp_path / "p", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines[:3]] == ["t1.png", "t2.png", "BloodImage_00123.jpg"]
    assert lines[-1] == str(tmp_path / "p" / "results.json")
    rows = json.loads((tmp_path / "p" / "results.json").read_text(encoding="utf-8"))
    assert {row["image_id"] for row in rows} >= {1, 2}
    picture = Image.open(io.BytesIO((tmp_path / "p" / "3-BloodImage_00123.jpg").read_bytes()))
    assert picture.size == Image.open(FILES / "BloodImage_00123.jpg").size
    done = archlab("predict", checkpoint.with_name("no.safetensors"), FILES)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no checkpoint" in done.stderr
    text = checkpoint.with_suffix(".arch")
    done = archlab("export", text, "--to", "onnx", "--part", "from-image", "--out", tmp_path / "d.onnx")
    assert done.returncode == 2
    assert "--weights" in done.stderr


def test_from_image_takes_the_network_that_was_trained_and_no_other(trained, tmp_path):
    pytest.importorskip("onnxruntime")
    _, _, checkpoint = trained
    text, out = checkpoint.with_suffix(".arch"), tmp_path / "d.onnx"
    whole = ["--to", "onnx", "--part", "from-image", "--weights", str(checkpoint), "--out", str(out)]
    for other in (["detection"], [str(text), "--input", "3x96x96"]):
        refused = CliRunner().invoke(cli, ["export", *other, *whole]).exception
        assert isinstance(refused, InputError)
        assert "is not the network whose detector is in" in refused.message
        assert "small.arch" in refused.hint
        assert not out.exists()
    done = CliRunner().invoke(cli, ["export", str(text), *whole])
    assert done.exit_code == 0, done.output
    assert str(out) in done.output
    assert out.stat().st_size > 1000
