"""The whole detector as a graph: its counts by hand and by fvcore, and what its module computes, by torchvision."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from archlab.cost import by_part, cost
from archlab.detect import DetectorSpec, attach, backbone_of, levels_of, neck_strides, spec_of, without_head
from archlab.elaborate import elaborate
from archlab.errors import ElaborationError, InputError
from archlab.grammar import parse, parse_file, with_input
from archlab.ir import BOXES, INPUT
from archlab.nn import build, part_of, recount
from archlab.nn.blank_inputs import blank_inputs
from archlab.resources import find_architecture
from archlab.roi import roi_align_macs
from benchmarks.allocation import allocated

TEXT = """net n(input=3x64x96)
stem: conv(8, s=2)
stage1: conv(8, s=2)
stage2: conv(16, s=2)
stage3: conv(16, s=2)
detect: fpn(8) -> roi_align(5x3, sampling=2, rois=10) -> box_head(16, classes=3)"""
SPEC = DetectorSpec(width=16, size=(3, 3), head_width=32, classes=4, rois=20)


@pytest.fixture(scope="module")
def network():
    return elaborate(parse(TEXT))


def resnet18():
    return elaborate(with_input(parse_file(find_architecture("resnet18")), "3x64x64"))


def test_the_box_head_is_counted_for_every_roi(network):
    graph = network.graph
    macs = {node.name: node.macs for node in graph if node.stage == "box_head"}
    assert macs == {
        "box_head.roi_align": 0, "box_head.flatten": 0,
        "box_head.fc6": 10 * 8 * 15 * 16, "box_head.act6": 0, "box_head.fc7": 10 * 16 * 16, "box_head.act7": 0,
        "box_head.classes": 10 * 16 * 4, "box_head.deltas": 10 * 16 * 16,
    }  # fmt: skip
    assert graph["box_head.fc6"].activations == 160
    assert graph["box_head.fc6"].params == 120 * 16 + 16
    assert graph["box_head.roi_align"].other == roi_align_macs(10, 8, (5, 3), 2) == 4 * 4 * 10 * 8 * 15
    assert {node.rows for node in graph if node.stage == "box_head"} == {10}
    assert {node.rows for node in graph if node.stage != "box_head"} == {1}
    assert [part.name for part in by_part(network)] == ["backbone", "neck", "box_head"]
    assert by_part(network)[2].cost.macs == sum(macs.values())
    assert sum(part.cost.macs for part in by_part(network)) == cost(network).macs


@pytest.mark.parametrize("pool", ["roi_align(5, sampling=3, rois=7)", "roi_pool(3, rois=9)"])
def test_fvcore_counts_a_detector_as_the_closed_form_does(pool):
    network = elaborate(parse(TEXT.replace("roi_align(5x3, sampling=2, rois=10)", pool)))
    count = recount(network.graph)
    assert count.equal
    assert count.macs == cost(network).macs
    assert count.total == cost(network).macs + cost(network).other
    assert count.by_operator.get("roi_align", 0) == (4 * 9 * 7 * 8 * 25 if "align" in pool else 0)


@pytest.mark.parametrize("pool", ["roi_align", "roi_pool"])
def test_the_module_computes_what_torchvision_computes(network, pool):
    ops = pytest.importorskip("torchvision.ops")
    graph = attach(network, dataclasses.replace(network.detector, pool=pool, canonical=32))
    module = build(graph, seed=1).eval()
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(2, 3, 64, 96, generator=rng)
    corners = torch.rand(2, 6, 2, generator=rng) * 30
    boxes = [torch.cat([c, c + 4 + 60 * torch.rand(6, 2, generator=rng)], 1) for c in corners]
    maps = part_of(module, without_head(graph))(x)
    if pool == "roi_align":
        named = {str(i): one for i, one in enumerate(maps)}
        pooler = ops.MultiScaleRoIAlign(["0", "1", "2"], (5, 3), 2, canonical_scale=32)
        pooled = pooler(named, boxes, [(64, 96)] * 2)
    else:
        from archlab.roi import assign_levels

        rois = torch.cat([torch.cat([torch.full((6, 1), float(i)), b], 1) for i, b in enumerate(boxes)])
        levels = assign_levels(rois, 2, 4, 32)
        assert levels.unique().tolist() == [0, 1, 2]
        pooled = torch.stack([
            ops.roi_pool(maps[level], rois[k : k + 1], (5, 3), 0.25 / 2**level)[0]
            for k, level in enumerate(levels.tolist())
        ])  # fmt: skip
    layer = module.get_submodule("box_head").get_submodule
    hidden = layer("fc7")(layer("fc6")(pooled.flatten(1)).relu()).relu()
    logits, deltas = module(x, boxes)
    assert logits.shape == (12, 4)
    assert deltas.shape == (12, 16)
    torch.testing.assert_close(logits, layer("classes")(hidden), rtol=0, atol=1e-5)
    torch.testing.assert_close(deltas, layer("deltas")(hidden), rtol=0, atol=1e-5)
    rows = torch.cat([torch.cat([torch.full((6, 1), float(i)), b], 1) for i, b in enumerate(boxes)])
    assert torch.equal(module(x, rows)[0], logits)


@pytest.mark.parametrize("head", [16, 4096])
def test_the_closed_forms_memory_is_what_torch_allocates(head):
    # With the wide head the peak lies in the box head, with the narrow one in the neck.
    text = TEXT.replace("box_head(16", f"box_head({head}").replace("fpn(8)", "fpn(96)").replace("rois=10", "rois=40")
    network = elaborate(parse(text))
    highest = max(by_part(network), key=lambda part: part.cost.memory)
    assert highest.name == ("neck" if head == 16 else "box_head")
    assert allocated(build(network.graph).eval(), network.input_shape).values == cost(network).memory


def test_while_boxes_are_aligned_torch_holds_their_levels_as_well():
    network = elaborate(parse(TEXT.replace("5x3, sampling=2, rois=10", "15, sampling=2, rois=40")))
    assert max(network.stages, key=lambda stage: stage[1].peak)[0] == "box_head"
    # Channels last, the flatten behind RoI align would copy; in the other layout it is the view that is counted.
    held = allocated(build(network.graph).eval(), network.input_shape, channels_last=False)
    assert held.values == cost(network).memory + 8 * 40


def test_a_graph_says_its_inputs_and_outputs(network):
    graph = network.graph
    assert graph.inputs == (INPUT, BOXES)
    assert graph.outputs == ("box_head.classes", "box_head.deltas")
    assert without_head(graph).inputs == (INPUT,)
    assert list(graph.to_networkx())[:2] == [INPUT, BOXES]
    assert graph.to_networkx().nodes["box_head.fc6"]["rows"] == 10
    assert [tuple(x.shape) for x in blank_inputs(graph, images=2)] == [(2, 3, 64, 96), (20, 5)]


def test_a_detector_is_taken_apart_as_it_was_put_together(network):
    graph = network.graph
    backbone = backbone_of(graph)
    assert backbone.digest == network.without_detector.graph.digest
    assert backbone_of(backbone) is backbone
    assert without_head(graph).outputs == tuple(f"neck.p{i}.output" for i in (2, 3, 4))
    assert neck_strides(graph) == {"p2": 4, "p3": 8, "p4": 16}
    assert spec_of(graph) == network.detector
    assert attach(network).digest == graph.digest
    assert attach(graph, network.detector).digest == graph.digest


def test_any_network_becomes_a_detector():
    graph = attach(resnet18(), SPEC)
    assert neck_strides(graph) == {"p2": 4, "p3": 8, "p4": 16, "p5": 32}
    assert not any(node.stage == "head" for node in graph)
    assert spec_of(graph) == SPEC.with_levels(("p2", "p3", "p4", "p5"))
    assert recount(graph).equal
    assert [level.channels for level in levels_of(backbone_of(graph))] == [64, 128, 256, 512]


def test_another_spec_replaces_neck_and_head():
    first = attach(resnet18(), SPEC)
    other = dataclasses.replace(SPEC, width=8, levels=("p3", "p4"), classes=1)
    again = attach(first, other)
    assert spec_of(again) == other
    assert spec_of(again).canonical == 224
    assert again.digest == attach(resnet18(), other).digest


def test_weights_of_a_part_are_those_of_the_whole(network):
    module = build(network.graph, seed=2)
    trunk = part_of(module, backbone_of(network.graph))
    assert trunk.get_submodule("stem.conv2d") is module.get_submodule("stem.conv2d")
    assert trunk.meta["graph"].outputs == (backbone_of(network.graph).output,)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"width": 0}, "width must be a whole number of at least 1, not 0"),
        ({"classes": True}, "classes must be a whole number of at least 1, not True"),
        ({"pool": "max"}, "pool must be roi_align or roi_pool, not 'max'"),
    ],
)
def test_a_spec_refuses_what_is_none(change, match):
    with pytest.raises(InputError, match=match):
        dataclasses.replace(SPEC, **change)


def test_what_is_no_detector_says_so():
    plain = elaborate(parse("net n\na: conv(8)"))
    with pytest.raises(InputError, match="n has no neck and box head"):
        attach(plain)
    with pytest.raises(ElaborationError, match=r"ends at a stride of 4, 8, 16 ….*its stages give p0 \(stride 1\)"):
        attach(plain, SPEC)
    with pytest.raises(ElaborationError, match="n has no neck"):
        without_head(plain.graph)
