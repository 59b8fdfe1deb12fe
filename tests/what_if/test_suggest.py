"""Suggested rewritings: exact costs, every layer, stage and the whole, and only what is a network that saves."""

from __future__ import annotations

import doctest

import pytest

import archlab
from archlab.what_if import suggest as module
from archlab.what_if.suggest import EVERYWHERE, suggest

WORKED = "net worked(input=128x14x14)\nbody: conv2d(256, 3)"


def named(suggestions, title, where):
    (one,) = [s for s in suggestions if (s.title, s.where) == (title, where)]
    return one


def test_the_literatures_figure():
    """3x3, 128 to 256: 294,912 weights; depthwise with multiplier 4 and pointwise 135,680, 46 %."""
    one = named(suggest(WORKED), "separable dm=4", "body.conv2d")
    assert (one.before.params, one.after.params) == (294_912, 135_680)
    assert round(100 * one.after.params / one.before.params) == 46
    assert one.after == archlab.cost(archlab.parse(archlab.unparse(one.architecture)))
    assert "4,866 M" not in one.risk
    assert "arXiv:1704.04861, table 4" in one.source


def test_a_layer_is_rewritten_alone_also_within_a_block():
    found = suggest("resnet18")
    second = named(found, "separable dm=1", "stage3.basic.conv_2")
    text = archlab.unparse(second.architecture)
    assert "residual(conv(c, k, s=s, p=p, act=act, norm=norm) -> separable(c, 3, p=p, act=none, norm=norm))" in text
    assert "stage2: repeat(2, basic(128, s=2))" in text
    # Two copies, each a 3x3 of 256 channels, and the norm between depthwise and pointwise.
    assert second.before.params - second.after.params == 2 * (256 * 256 * 9 - 256 * 9 - 256 * 256 - 512)
    stage = named(found, "separable dm=1", "stage3")
    assert stage.layers == 2
    assert (
        archlab.elaborate(stage.architecture).digest
        == archlab.elaborate(archlab.rewrite(archlab.load("resnet18"), "separable", "stage3")).digest
    )


@pytest.mark.parametrize("name", ["resnet50", "shufflenet_v1_g3", "vgg16_5x5", "mobile"])
def test_they_are_ranked_and_exact_and_each_saves(name):
    found = suggest(name)
    before, shape = archlab.cost(name), archlab.elaborate(name).body.shape
    macs = [one.after.macs for one in found]
    assert macs == sorted(macs)
    assert all(one.before == before and one.after.macs < before.macs for one in found)
    texts = [archlab.unparse(one.architecture) for one in found]
    assert len(set(texts)) == len(texts)
    for one, text in list(zip(found, texts, strict=True))[::5]:
        network = archlab.elaborate(text)
        assert archlab.cost(network) == one.after
        assert network.body.shape == shape


def test_every_layer_of_resnet50_is_tried():
    wheres = {one.where for one in suggest("resnet50") if one.title == "group_shuffle g=2"}
    layers = {f"stage{i}.bottleneck.{conv}" for i in range(1, 5) for conv in ("conv", "conv_2", "conv_3")}
    assert wheres == layers | {f"stage{i}" for i in range(1, 5)} | {EVERYWHERE}


def test_a_layer_that_groups_do_not_divide_stays_as_it_is():
    everywhere = named(suggest("resnet50"), "group_shuffle g=4", EVERYWHERE)
    assert (everywhere.layers, everywhere.left) == (12, 1)
    assert "stem: conv(64, 7, s=2)" in archlab.unparse(everywhere.architecture)


def test_what_saves_nothing_is_left_out():
    assert suggest("net t(input=64x8x8)\na: separable(64) -> relu") == ()
    # 1 in, 8 out: depthwise with multiplier 4 and pointwise cost 9 * 4 + 4 * 8 for 9 * 8.
    titles = {one.title for one in suggest("net t(input=1x8x8)\na: conv2d(8, 3)")}
    assert "separable dm=4" in titles
    assert not {one.title for one in suggest("net t(input=1x8x8)\na: conv2d(4, 3)")} & {"separable dm=4"}


def test_each_is_json():
    one = named(suggest(WORKED), "separable dm=4", "body.conv2d").as_dict()
    assert one["options"] == {"dm": 4}
    assert one["after"]["params"] == 135_680
    assert archlab.cost(one["text"]).params == 135_680


def test_the_docstrings_examples_hold():
    assert doctest.testmod(module).failed == 0
