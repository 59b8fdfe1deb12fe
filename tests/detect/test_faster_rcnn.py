"""Faster R-CNN of torchvision on networks of the grammar, with archlab's RoI operators."""

from __future__ import annotations

import sys

import pytest
import torch

from archlab import elaborate, load, parse, with_input
from archlab.detect import DetectorSpec, attach, attach_neck, torchvision_model
from archlab.detect.attach import detector_for
from archlab.detect.measure_ap import small_faster_rcnn
from archlab.detect.shapes import drawn_shapes
from archlab.errors import ElaborationError, InputError
from archlab.nn import build

ops = pytest.importorskip("torchvision.ops")

TEXT = """net small(input=3x96x128)
stem: conv(8, s=2)
stage1: conv(8, s=2)
stage2: conv(16, s=2)
stage3: conv(16, s=2)
detect: fpn(8) -> roi_align(5, sampling=2) -> box_head(16, classes=3)"""


def photos(n=2):
    rng = torch.Generator().manual_seed(0)
    return [torch.rand(3, 96, 128 - 16 * i, generator=rng) for i in range(n)]


def targets(n=2):
    boxes = torch.tensor([[10.0, 10.0, 60.0, 50.0], [30.0, 20.0, 42.0, 31.0], [0.0, 0.0, 100.0, 90.0]])
    return [{"boxes": boxes[: 3 - i], "labels": torch.tensor([1, 2, 3])[: 3 - i]} for i in range(n)]


@pytest.fixture(scope="module")
def network():
    return elaborate(parse(TEXT))


@pytest.mark.parametrize("pool", ["roi_align", "roi_pool"])
def test_a_step_of_training_moves_every_weight_and_then_it_predicts(network, pool):
    model = torchvision_model(network, pool=pool)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    torch.manual_seed(0)
    losses = model(photos(), targets())
    assert set(losses) == {"loss_classifier", "loss_box_reg", "loss_objectness", "loss_rpn_box_reg"}
    assert all(torch.isfinite(loss) for loss in losses.values())
    sum(losses.values()).backward()
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    still = [name for name, p in model.named_parameters() if torch.equal(p, before[name])]
    assert still == []
    with torch.no_grad():
        found = model.eval()(photos())
    assert [set(one) for one in found] == [{"boxes", "labels", "scores"}] * 2
    assert all(torch.isfinite(one["boxes"]).all() and one["boxes"].shape[1] == 4 for one in found)


def lively(network, **options):
    """A model whose predictions are not all alike: 40 detections an image, from weights of a few steps."""
    model = torchvision_model(network, box_score_thresh=0.0, box_detections_per_img=40, **options)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    torch.manual_seed(0)
    for _ in range(5):
        optimiser.zero_grad()
        sum(model(photos(), targets()).values()).backward()
        optimiser.step()
    return model.eval()


def test_with_torchvisions_pooler_it_gives_the_same(network):
    model = lively(network)
    with torch.no_grad():
        ours, theirs, pooled = _on_both_poolers(model)
    assert pooled[0].shape == (5, 8, 5, 5)
    assert pooled[0].abs().max() > 0.01
    torch.testing.assert_close(*pooled, rtol=0, atol=1e-5)
    for one, other in zip(ours, theirs, strict=True):
        assert len(one["scores"]) == 40
        assert torch.equal(one["labels"], other["labels"])
        for key in ("boxes", "scores"):
            torch.testing.assert_close(one[key], other[key], rtol=0, atol=1e-5)


def _on_both_poolers(model):
    ours = model(photos())
    pooler = model.roi_heads.box_roi_pool
    theirs_pooler = ops.MultiScaleRoIAlign(["p2", "p3", "p4"], 5, 2)
    images, _ = model.transform(photos())
    maps = model.backbone(images.tensors)
    boxes = [target["boxes"] for target in targets()]
    pooled = [one(maps, boxes, images.image_sizes) for one in (pooler, theirs_pooler)]
    model.roi_heads.box_roi_pool = theirs_pooler
    return ours, model(photos()), pooled


def test_roi_pooling_reads_other_features_than_align():
    network = elaborate(parse(TEXT.replace("sampling=2", "sampling=2, canonical=224")))
    maps = {f"p{i}": torch.rand(1, 8, 96 // 2**i, 128 // 2**i) for i in (2, 3, 4)}
    boxes = [targets()[0]["boxes"]]
    align, pool = (torchvision_model(network, pool=pool).roi_heads.box_roi_pool for pool in ("roi_align", "roi_pool"))
    sides = maps["p2"], [torch.cat([torch.zeros(3, 1), boxes[0]], 1)][0]
    expected = ops.roi_pool(*sides, output_size=5, spatial_scale=0.25)
    small = pool(maps, boxes)  # boxes of up to 112 pixels are read from p2
    torch.testing.assert_close(small, expected, rtol=0, atol=1e-5)
    assert (small - align(maps, boxes)).abs().max() > 0.01


def test_anchors_follow_the_strides(network):
    model = torchvision_model(network, anchor_scale=4)
    assert model.rpn.anchor_generator.sizes == [(16,), (32,), (64,), (128,)]
    images, _ = model.transform(photos(1))
    maps = model.backbone(images.tensors)
    assert {name: tuple(x.shape[1:]) for name, x in maps.items()} == {
        "p2": (8, 24, 32), "p3": (8, 12, 16), "p4": (8, 6, 8), "pool": (8, 3, 4)
    }  # fmt: skip


def test_the_module_of_a_detector_shares_its_weights(network):
    module = build(network.graph, seed=3)
    model = torchvision_model(module)
    assert model.backbone.body.get_submodule("stem.conv2d").weight is module.get_submodule("stem.conv2d").weight
    for ours, theirs in (("fc6", "box_head.fc6"), ("deltas", "box_predictor.bbox_pred")):
        copied = model.roi_heads.get_submodule(theirs).weight
        assert torch.equal(copied, module.get_submodule(f"box_head.{ours}").weight)
    assert model.roi_heads.box_predictor.cls_score.out_features == 4
    alone = build(attach_neck(network.without_detector.graph, 12, ("p3", "p4")))
    assert list(torchvision_model(alone, classes=1).backbone(torch.zeros(1, 3, 64, 64))) == ["p3", "p4", "pool"]


def test_a_detectors_graph_keeps_its_neck_and_head(network):
    of_network, of_graph = torchvision_model(network).state_dict(), torchvision_model(network.graph).state_dict()
    assert of_graph.keys() == of_network.keys()
    assert all(torch.equal(of_graph[name], tensor) for name, tensor in of_network.items())


def test_a_search_trains_the_candidates_own_neck_and_head():
    data = drawn_shapes(4, (96, 128), 0)
    model = small_faster_rcnn(detector_for(elaborate(parse(TEXT)).graph, data), data, 0)
    assert model.backbone.out_channels == 8
    assert model.roi_heads.box_head.fc6.weight.shape == (16, 8 * 5 * 5)
    assert model.roi_heads.box_predictor.cls_score.out_features == len(data.classes) + 1


def test_any_network_takes_a_spec_and_a_number_of_classes():
    network = elaborate(with_input(load("mobilenet_v2"), "3x64x64"))
    spec = DetectorSpec(width=16, size=(3, 3), head_width=32, levels=("p3", "p4", "p5"))
    model = torchvision_model(network, classes=2, spec=spec)
    assert model.roi_heads.box_predictor.cls_score.out_features == 3
    assert list(model.backbone(torch.zeros(1, 3, 64, 64))) == ["p3", "p4", "p5", "pool"]


def test_the_same_seed_gives_the_same_model_and_leaves_torchs_generator(network):
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, second, other = (torchvision_model(network, seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(first["rpn.head.conv.0.0.weight"], other["rpn.head.conv.0.0.weight"])


def test_what_cannot_be_made_is_refused(network, monkeypatch):
    with pytest.raises(InputError, match="the module has no neck"):
        torchvision_model(build(elaborate(parse("net n(input=3x8x8)\na: conv(4)")).graph))
    with pytest.raises(ElaborationError, match="no stage of the backbone ends at level p7"):
        torchvision_model(attach(network), spec=DetectorSpec(levels=("p7",)))
    monkeypatch.setitem(sys.modules, "torchvision.models.detection", None)
    with pytest.raises(InputError, match=r"Faster R-CNN needs torchvision\n  hint: pip install 'archlab\[zoo\]'"):
        torchvision_model(network)
