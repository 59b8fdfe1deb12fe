"""The networks that ship, against published counts, and the spaces, draw by draw."""

from __future__ import annotations

import random

import pytest

from archlab.cost import cost
from archlab.elaborate import Fixed, Interpreter, Random, elaborate, load
from archlab.grammar import parse_file
from archlab.resources import find_architecture

# Parameters and MACs measured with fvcore on the reference implementations.
GOLDEN = {
    "mobilenet_v1": (4_231_976, 568_740_352),
    "resnet50": (25_557_032, 4_089_184_256),
    "resnext50_32x4d": (25_028_904, 4_230_479_872),
    "shufflenet_v1_g3": (1_865_728, 137_460_672),
    "shufflenet_v2_x1_0": (2_278_604, 144_907_992),
    "xception": (22_855_952, 8_357_403_496),
}


def shipped(name):
    return load(parse_file(find_architecture(name)))


def widths(network):
    return [fragment.shape[0] for _, fragment in network.stages]


def copies(network):
    return [len({node.block for node in network.graph if node.stage == name}) for name, _ in network.stages]


@pytest.mark.parametrize("name", GOLDEN)
def test_a_reference_network_has_its_published_cost(name):
    total = cost(Interpreter(shipped(name)).network(Fixed({})))
    assert (total.params, total.macs) == GOLDEN[name]


@pytest.mark.parametrize("name", GOLDEN)
def test_the_default_draw_of_a_reference_is_the_reference(name):
    space = shipped(name)
    assert space.is_reference
    given = Interpreter(space).network(Fixed({"width_mult": 1.0, "depth_mult": 1.0}))
    assert given.digest == elaborate(space.architecture).digest


@pytest.mark.parametrize(
    ("width", "table"),
    [  # (Howard et al. 2017, table 1) times the width multiplier
        (0.25, [16, 32, 64, 128, 256, 1000]),
        (0.5, [32, 64, 128, 256, 512, 1000]),
        (0.75, [48, 96, 192, 384, 768, 1000]),
    ],
)
def test_mobilenet_scales_as_its_paper_says(width, table):
    network = Interpreter(shipped("mobilenet_v1")).network(Fixed({"width_mult": width}))
    assert widths(network) == table


@pytest.mark.parametrize(("depth", "blocks"), [(0.25, [1, 1, 2, 1]), (1.0, [3, 4, 6, 3]), (1.5, [5, 6, 9, 5])])
def test_depth_rounds_up_and_leaves_at_least_one(depth, blocks):
    network = Interpreter(shipped("resnet50")).network(Fixed({"depth_mult": depth}))
    assert copies(network)[1:-1] == blocks


@pytest.mark.parametrize("name", GOLDEN)
@pytest.mark.parametrize("width", [0.25, 0.35, 0.5, 1.3, 2.0])
def test_a_reference_scales_to_any_width(name, width):
    network = Interpreter(shipped(name)).network(Fixed({"width_mult": width, "depth_mult": 0.5}))
    assert network.stages[-1][1].shape == (1000,)


@pytest.mark.parametrize(("name", "spread"), [("mobile", 8), ("detection", 20)])
def test_every_draw_of_a_space_is_a_network(name, spread):
    interpreter, rng = Interpreter(shipped(name)), random.Random(0)
    macs = [cost(interpreter.network(Random(rng))).macs for _ in range(2000)]
    assert max(macs) > spread * min(macs)


def test_the_stages_of_the_detection_space_are_the_levels_of_a_pyramid():
    interpreter, rng = Interpreter(shipped("detection")), random.Random(1)
    for _ in range(200):
        network = interpreter.network(Random(rng))
        assert network.detector is not None
        assert network.detector.levels == ("p2", "p3", "p4", "p5")
        shapes = [fragment.shape[1:] for _, fragment in network.stages]
        assert shapes[1:5] == [(256 // stride, 256 // stride) for stride in (4, 8, 16, 32)]
