"""Texts opened as spaces: the network is the default draw, and every draw of its sizes has its operators."""

from __future__ import annotations

import doctest
import random

import pytest

import archlab
from archlab.errors import InputError
from archlab.resources import shipped_spaces
from archlab.what_if import open_holes as module
from archlab.what_if.open_holes import open_holes
from archlab.what_if.trial import Skeletons

SIZES = ("width", "inner", "kernel", "groups", "expansion")
NETWORKS = [name for name in shipped_spaces() if archlab.load_space(name).is_reference]


def operators(network):
    """Return names and wiring of all operators, and the size of every map, whatever the channels."""
    return [(n.name, n.op, n.inputs, n.shape[1:]) for n in network.graph]


def test_there_are_all_shipped_networks():
    assert len(NETWORKS) == 23


@pytest.mark.parametrize("name", NETWORKS)
def test_the_network_is_the_default_and_every_draw_of_sizes_has_its_operators(name):
    text = archlab.unparse(open_holes(name, [*SIZES, "depth"]))
    interpreter = archlab.Interpreter(archlab.load_space(text))
    own = archlab.elaborate(name)
    assert interpreter.network(lambda hole: hole.default).digest == own.digest
    skeletons, expected = Skeletons(), operators(own)
    number, distinct = skeletons.of(own), set()
    for seed in range(6):
        fill = archlab.Random(random.Random(seed))
        network = interpreter.network(lambda hole: hole.default if "depth" in hole.name else fill(hole))  # noqa: B023
        assert skeletons.of(network) == number
        assert network.body.shape == own.body.shape
        distinct.add(archlab.cost(network))
        interpreter.network(fill)  # with depths too
    assert operators(network) == expected
    assert len(distinct) == 6


def test_trunk_widths_that_were_equal_by_chance_stay_equal():
    text = archlab.unparse(open_holes("resnet18", ["width"]))
    assert text.splitlines()[1:7] == [
        "var stem_width = [32..128 step 8 default 64]",
        "var stage2_width = [64..256 step 8 default 128]",
        "var stage3_width = [128..512 step 16 default 256]",
        "var stage4_width = [256..1024 step 32 default 512]",
        "stem: conv(stem_width, 7, s=2) -> maxpool(3, s=2)",
        "stage1: repeat(2, basic(stem_width))",
    ]


def test_widths_that_must_not_meet_have_bounds_apart():
    """MobileNet v2's fifth stage has no stride: as wide as the fourth it would gain a shortcut."""
    bounds = {var.name: var.value for var in open_holes("mobilenet_v2", ["width"]).vars}
    assert bounds["stage4_width"].hi < bounds["stage5_width"].lo
    assert bounds["stage2_width"].hi > bounds["stage3_width"].lo


def test_steps_respect_groups():
    bounds = {var.name: var.value for var in open_holes("resnext50_32x4d", ["width"]).vars}
    assert bounds["stage1_width"].step == 64
    assert {v.value.step % 24 for v in open_holes("shufflenet_v1_g3", ["width"]).vars} == {0}


def test_each_kind_opens_what_it_says():
    def lines(*kinds):
        return archlab.unparse(open_holes("resnext50_32x4d", kinds)).splitlines()

    assert lines("depth")[2] == "stage1: repeat([1..6 default 3], bottleneck(256, g=32, e=0.5))"
    assert lines("kernel")[1] == "stem: conv(64, {7, 3, 5}, s=2) -> maxpool(3, s=2)"
    assert lines("kernel")[2] == "stage1: repeat(3, bottleneck(256, g=32, e=0.5, k={3, 5, 7}))"
    assert lines("groups")[2] == "stage1: repeat(3, bottleneck(256, g={32, 16, 64}, e=0.5))"
    assert lines("expansion")[2] == "stage1: repeat(3, bottleneck(256, g=32, e={0.5, 0.25, 1.0}))"
    assert lines("block")[3] == (
        "stage2: repeat(4, {bottleneck(512, s=2, g=32, e=0.5), basic(512, s=2), inverted(512, s=2), "
        "separable(512, s=2)})"
    )
    text = archlab.unparse(open_holes("squeezenet1_1", ["inner"]))
    assert "stage2: repeat(2, fire(stage2_inner, stage2_inner_2)) -> pool" in text


def test_blocks_of_any_kind_give_networks_with_the_same_output():
    interpreter = archlab.Interpreter(archlab.load_space(open_holes("mobilenet_v2", ["block", "width", "depth"])))
    for seed in range(8):
        network = interpreter.network(archlab.Random(random.Random(seed)))
        assert network.body.shape == (1000,)
    assert interpreter.network(lambda hole: hole.default).digest == archlab.elaborate("mobilenet_v2").digest


def test_names_that_are_taken_are_not_taken_again():
    text = "net t(input=3x8x8)\nvar a_width = 4\nblock slot0(c) = conv(c)\na: slot0(16) -> conv(a_width) -> fc(3)"
    opened = archlab.unparse(open_holes(archlab.load(text), ["width"]))
    assert "var a_width_2 = [8..32 step 8 default 16]" in opened
    assert "a: slot0(a_width_2) -> conv(a_width) -> fc(3)" in opened


def test_what_cannot_be_opened_is_refused():
    with pytest.raises(InputError, match="there are no holes of kind 'widht'") as error:
        open_holes("resnet18", ["widht"])
    assert "width" in error.value.hint
    with pytest.raises(InputError, match="vgg16 has nothing to open as groups, expansion"):
        open_holes("vgg16", ["groups", "expansion"])


def test_the_docstrings_examples_hold():
    assert doctest.testmod(module).failed == 0
