"""The literature's networks are those of torchvision, timm and the papers: to the unit, and to the last weights."""

from __future__ import annotations

import math
from functools import lru_cache

import pytest
import torch
import torchvision.models as tv
from fvcore.nn import FlopCountAnalysis

from archlab.cost import cost
from archlab.elaborate import Fixed, Interpreter, elaborate, load
from archlab.errors import BuildError
from archlab.grammar import parse_file
from archlab.ir import Graph
from archlab.lift.copy_weights import copy_weights, match
from archlab.nn import build, recount
from archlab.resources import find_architecture, shipped_spaces
from tests.nn.networks import resized, shipped
from tests.nn.references import REFERENCES, randomised, side_of

# Parameters, buffers and MACs at the network's own input. Measured on torchvision 0.29, with fvcore; timm 1.0 for
# MobileNet v1 and Xception. ShuffleNet v1: the paper's 137 MFLOPs (table 1). AlexNet: the paper's 60 million
# parameters; 61 M and 724 M MACs in Sze et al. 2017 (arXiv:1703.09039, table II), 60,965,224 in Caffe's bvlc_alexnet.
COUNTS = {
    "alexnet": (61_100_840, 0, 714_188_480),
    "alexnet_2group": (60_965_224, 0, 724_406_816),
    "convnext_tiny": (28_589_128, 0, 4_455_531_264),
    "densenet121": (7_978_856, 83_769, 2_834_161_664),
    "efficientnet_b0": (5_288_548, 42_065, 385_814_752),
    "googlenet": (6_624_904, 14_617, 1_498_376_192),
    "inception_v3": (23_834_568, 34_526, 5_713_216_096),
    "mnasnet1_0": (4_383_312, 37_972, 314_415_872),
    "mobilenet_v1": (4_231_976, 21_915, 568_740_352),
    "mobilenet_v2": (3_504_872, 34_164, 300_774_272),
    "mobilenet_v3_large": (5_483_032, 24_446, 216_589_760),
    "regnet_x_400mf": (5_495_976, 37_927, 413_812_608),
    "regnet_y_400mf": (4_344_144, 27_205, 401_842_848),
    "resnet18": (11_689_512, 9_620, 1_814_073_344),
    "resnet50": (25_557_032, 53_173, 4_089_184_256),
    "resnext50_32x4d": (25_028_904, 68_277, 4_230_479_872),
    "shufflenet_v1_g3": (1_865_728, 24_529, 137_460_672),
    "shufflenet_v2_x0_5": (1_366_792, 8_008, 40_476_448),
    "shufflenet_v2_x1_0": (2_278_604, 16_236, 144_907_992),
    "squeezenet1_1": (1_235_496, 0, 349_151_936),
    "vgg16": (138_357_544, 0, 15_470_264_320),
    "vgg16_5x5": (139_813_224, 0, 13_517_815_808),
    "xception": (22_855_952, 54_568, 8_357_403_496),
}


@pytest.fixture(scope="module", params=sorted(COUNTS))
def name(request):
    """A network; the tests of one run after one another, so that its reference is made once."""
    return request.param


def small(name: str):
    return shipped(name, side_of(name))


def of_graph(graph) -> tuple[int, int, int]:
    buffers = sum(math.prod(shape) for node in graph for shape in node.buffers.values())
    return sum(node.params for node in graph), buffers, sum(node.macs for node in graph)


def of_module(module, side: int) -> tuple[int, int, int]:
    analysis = FlopCountAnalysis(module, torch.zeros(1, 3, side, side))
    flops = analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).by_operator()
    macs = sum(flops[name] for name in ("conv", "linear", "addmm", "matmul"))
    return sum(p.numel() for p in module.parameters()), sum(b.numel() for b in module.buffers()), int(macs)


@lru_cache(maxsize=1)
def reference(name: str):
    torch.manual_seed(0)
    return randomised(REFERENCES[name]())


def test_every_shipped_network_is_here():
    spaces = {name for name, path in shipped_spaces().items() if not load(parse_file(path)).is_reference}
    assert set(shipped_spaces()) - spaces == set(COUNTS) == set(REFERENCES)


def test_counts_to_the_unit(name):
    assert of_graph(shipped(name)) == COUNTS[name]
    assert of_graph(small(name)) == of_module(reference(name), side_of(name))


def test_with_the_references_weights_it_computes_what_the_reference_does(name):
    theirs, ours = reference(name), build(small(name)).eval()
    copy_weights(theirs, ours)
    x = torch.randn(2, 3, side_of(name), side_of(name), generator=torch.Generator().manual_seed(1))
    y, expected = ours(x), theirs(x)
    assert y.std() > 1e-3, "the output depends on the input"
    assert (y - expected).abs().max() <= 1e-5 * expected.abs().max()
    y.sum().backward()
    expected.sum().backward()
    of_ours, of_theirs = dict(ours.named_parameters()), dict(theirs.named_parameters())
    for source, target in match(theirs, ours):
        if target in of_ours:
            gradient, wanted = of_ours[target].grad, of_theirs[source].grad
            assert (gradient - wanted.reshape(gradient.shape)).abs().max() <= 1e-4 * wanted.abs().max(), target
    theirs.zero_grad(set_to_none=True)


def test_the_text_is_short_and_names_its_paper(name):
    text = find_architecture(name).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 25
    assert "arXiv:" in text.split("\nnet ")[0] or "NIPS" in text.split("\nnet ")[0]


def test_the_auxiliary_classifier_is_all_that_inception_lacks():
    """torchvision documents 27,161,264 parameters, with the classifier that serves training alone."""
    aux = tv.inception.InceptionAux(768, 1000)
    documented = tv.Inception_V3_Weights.IMAGENET1K_V1.meta["num_params"]
    assert documented == COUNTS["inception_v3"][0] + sum(p.numel() for p in aux.parameters())


# --- the multipliers ------------------------------------------------------------------------------------------------


# Where a scaled width is rounded back to the network's divisor, or where a text fixes it.
UNCHANGED = {
    "mobilenet_v2": [("head", 0.5)],
    "resnext50_32x4d": [("stem", 0.5)],
    "shufflenet_v1_g3": [("stem", 0.5)],
    "squeezenet1_1": [("head", 0.5), ("head", 1.5)],
}


def interpreter(name: str) -> Interpreter:
    return Interpreter(load(resized(parse_file(find_architecture(name)), side_of(name))))


def per_stage(space, first: float, second: float) -> dict[str, float]:
    """The multipliers of every stage, in turns."""
    names = [f"{stage}.{name}" for stage, known in space.stage_multipliers.items() for name in known]
    return {name: (first, second)[i % 2] for i, name in enumerate(names)}


@pytest.mark.slow
def test_scaled_it_counts_as_fvcore_does(name):
    one = interpreter(name)
    draws = [{}, *({which: value} for which in ("width_mult", "depth_mult") for value in (0.5, 1.5))]
    draws += [per_stage(one.space, 0.5, 1.5), per_stage(one.space, 1.5, 0.5)]
    seen = set()
    for values in draws:
        draw = Fixed(values)
        graph = one.network(draw).graph
        draw.refuse_unknown()
        assert graph.shape_of(graph.output) == (1000,)
        if graph.digest not in seen:
            assert recount(graph).equal, values
        seen.add(graph.digest)
    assert len(seen) >= 3, "a text without repeats has no depth to scale"


def test_every_stage_scales_alone(name):
    one = interpreter(name)
    base = cost(one.network(Fixed({})))
    for stage, multipliers in one.space.stage_multipliers.items():
        for multiplier in multipliers:
            for value in (0.5, 1.5):
                network = one.network(Fixed({f"{stage}.{multiplier}": value}))
                scaled = cost(network)
                assert network.body.shape == (1000,)
                assert (scaled.params < base.params) == (value < 1) or (stage, value) in UNCHANGED.get(name, ()), stage


@pytest.mark.parametrize("width", [0.5, 0.75, 1.4])
def test_mobilenet_v2_scales_as_torchvisions(width):
    arch = resized(parse_file(find_architecture("mobilenet_v2")), 64)
    theirs = randomised(tv.mobilenet_v2(width_mult=width))
    graph = elaborate(arch, Fixed({"width_mult": width})).graph
    assert of_graph(graph) == of_module(theirs, 64)
    copy_weights(theirs, build(graph))


@pytest.mark.parametrize(("width", "theirs"), [(0.5, "x0_5"), (1, "x1_0"), (1.5, "x1_5"), (2, "x2_0")])
def test_shufflenet_v2_has_the_papers_table_of_widths(width, theirs):
    arch = resized(parse_file(find_architecture("shufflenet_v2")), 64)
    module = randomised(getattr(tv, f"shufflenet_v2_{theirs}")())
    graph = elaborate(arch, Fixed({"width": width})).graph
    assert of_graph(graph) == of_module(module, 64)
    copy_weights(module, build(graph))


# --- the copier -----------------------------------------------------------------------------------------------------


def test_the_copier_tells_branches_of_one_shape_apart():
    """RegNet lists its shortcut before its branch, whose first 1x1 has the same shape and another stride."""
    pairs = dict(match(tv.regnet_x_400mf(), build(small("regnet_x_400mf"))))
    block = "trunk_output.block1.block1-0"
    assert pairs[f"{block}.proj.0.weight"] == "stage1.shortcut.conv2d.weight"
    assert pairs[f"{block}.f.a.0.weight"] == "stage1.conv.conv2d.weight"


def test_the_copier_refuses_another_network():
    layer, ours = (
        r"layer4\.1\.conv2 \(conv2d with weight 512x512x3x3\)",
        r"stage4\.2\.conv_3\.conv2d \(conv2d with .*\)",
    )
    with pytest.raises(BuildError, match=f"the networks differ: one has {layer} where the other has {ours}"):
        copy_weights(tv.resnet18(), build(shipped("resnet50", 64)))
    stem = build(Graph("stem", (3, 64, 64), shipped("resnet50", 64).nodes[:3]))
    with pytest.raises(BuildError, match=r"one has fc \(linear with weight 1000x2048, bias 1000\) where the other has"):
        match(tv.resnet50(), stem)
